// SPDX-License-Identifier: MIT
// Answers verdicts on documents that come in one stream: what the proofs of the language hold against another
// implementation, many thousand documents a process.
//
//   validate_tool FILE…          schemas by number from 0; FILE holds SDL, or a supergraph when named
//   api:FILE validate_tool --print FILE   the schema as SDL, as clients see it
//
// In: "<schema> <bytes>\n", then the document's bytes; again and again. Out: one line of JSON a document, the
// errors in order, each [message, line, column, line, column …]; [] is a valid document.
#include "base/json.h"
#include "schema/parser.h"
#include "schema/printer.h"
#include "schema/validate.h"

#include "lib/load.h"

#include <stdio.h>
#include <stdlib.h>

#define SCHEMAS_MAX 32

static void write_error(struct mer_buf *b, struct mer_slice message, const struct mer_loc *locs, uint32_t n)
{
    mer_buf_add_cstr(b, b->n ? ",[" : "[");
    mer_json_write_string(b, message);
    for (uint32_t i = 0; i < n; i++)
        mer_buf_printf(b, ",%u,%u", locs[i].line, locs[i].column);
    mer_buf_add_char(b, ']');
}

static void judge(struct mer_arena *a, const struct mer_schema *s, struct mer_slice text)
{
    const struct mer_validate_options options = {.suggestions = true};
    struct mer_ast_document *doc;
    struct mer_validation_error *errors = NULL;
    struct mer_diag d = {0};
    struct mer_buf b;
    uint32_t n = 0;
    mer_buf_init(&b, a, 256);
    if (mer_parse(a, text, MER_PARSE_ANY, NULL, &doc, &d) != MER_OK) {
        const struct mer_loc at = {d.line, d.column};
        write_error(&b, mer_slice_of(d.msg), &at, 1);
    } else if (mer_validate(a, s, doc, &options, &errors, &n) == MER_ERR_LIMIT) {
        write_error(&b, MER_S("limit"), NULL, 0);
    }
    for (uint32_t i = 0; i < n; i++)
        write_error(&b, errors[i].message, errors[i].locations, errors[i].locations_n);
    printf("[%.*s]\n", MER_FMT(mer_buf_slice(&b)));
    fflush(stdout); // who asks one by one waits for it
}

static int print_schema(struct mer_arena *a, const char *path)
{
    struct mer_buf b;
    mer_buf_init(&b, a, 1 << 16);
    mer_print_schema(&b, load_schema(a, path));
    fwrite(b.p, 1, b.n, stdout);
    return 0;
}

// A document at a time on the heap, exactly as long as it is: a sanitizer sees every read past its end.
static int serve(const struct mer_schema *const *schemas, unsigned schemas_n)
{
    unsigned which;
    size_t n;
    struct mer_arena *a = mer_arena_create(0);
    while (scanf("%u %zu", &which, &n) == 2 && getchar() == '\n') {
        char *text = malloc(n ? n : 1);
        if (!text || which >= schemas_n || fread(text, 1, n, stdin) != n) {
            fprintf(stderr, "no schema %u, or the document ended before its time\n", which);
            return 2;
        }
        judge(a, schemas[which], mer_slice_make(text, n));
        mer_arena_reset(a);
        free(text);
    }
    mer_arena_destroy(a);
    return feof(stdin) ? 0 : 2;
}

int main(int argc, char **argv)
{
    const struct mer_schema *schemas[SCHEMAS_MAX];
    struct mer_arena *a = mer_arena_create(0);
    int rc = 0;
    if (argc == 3 && strcmp(argv[1], "--print") == 0) {
        rc = print_schema(a, argv[2]);
    } else if (argc < 2 || argc > SCHEMAS_MAX) {
        fprintf(stderr, "usage: validate_tool FILE… | --print FILE\n");
        rc = 2;
    } else {
        for (int i = 1; i < argc; i++)
            schemas[i - 1] = load_schema(a, argv[i]);
        rc = serve(schemas, (unsigned)argc - 1);
    }
    mer_arena_destroy(a);
    return rc;
}
