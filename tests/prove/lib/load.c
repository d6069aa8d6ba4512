// SPDX-License-Identifier: MIT
#include "load.h"

#include "base/buf.h"
#include "schema/parser.h"
#include "schema/supergraph.h"

#include <stdio.h>
#include <stdlib.h>

struct mer_slice load_file(struct mer_arena *a, const char *path)
{
    struct mer_buf b;
    size_t n;
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(2);
    }
    mer_buf_init(&b, a, 1 << 16);
    do {
        n = fread(mer_buf_reserve(&b, 1 << 16), 1, 1 << 16, f);
        b.n += n;
    } while (n);
    fclose(f);
    return mer_buf_slice(&b);
}

const struct mer_schema *load_schema(struct mer_arena *a, const char *path)
{
    struct mer_diag d = {0};
    struct mer_supergraph *sg = NULL;
    struct mer_schema *s = NULL;
    struct mer_ast_document *doc = NULL;
    bool api = strncmp(path, "api:", 4) == 0;
    struct mer_slice text = load_file(a, api ? path + 4 : path);
    if (api ? mer_supergraph_load(a, text, &sg, &d) != MER_OK
            : mer_parse(a, text, MER_PARSE_TYPE_SYSTEM, NULL, &doc, &d) != MER_OK ||
                  mer_schema_build(a, doc, NULL, &s, &d) != MER_OK) {
        fprintf(stderr, "%s:%u:%u: %s\n", path, d.line, d.column, d.msg);
        exit(2);
    }
    return api ? sg->api : s;
}
