// SPDX-License-Identifier: MIT
#include "load.h"

#include "planner/plan.h"
#include "schema/parser.h"
#include "schema/subgraph_schema.h"
#include "schema/supergraph.h"
#include "planner/federation.h"

#include <stdio.h>
#include <stdlib.h>

static void check(enum mer_err err, const char *path, const struct mer_diag *d)
{
    if (err != MER_OK) {
        fprintf(stderr, "%s:%u:%u: %s\n", path, d->line, d->column, d->msg);
        exit(2);
    }
}

static struct mer_slice stem(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct mer_slice rest = mer_slice_of(slash ? slash + 1 : path);
    return mer_slice_cut(&rest, '.');
}

void load_graph(struct mer_arena *a, int n, char **paths, struct mer_graph *out)
{
    const struct mer_schema_options options = {.assume_valid = true, .allow_unknown_directives = true};
    struct mer_source *sources = MER_NEW_N(a, struct mer_source, n);
    struct mer_supergraph *sg = NULL;
    struct mer_diag d = {0};
    check(mer_supergraph_load(a, load_file(a, paths[0]), &sg, &d), paths[0], &d);
    for (int i = 1; i < n; i++) {
        struct mer_ast_document *doc = NULL;
        struct mer_schema *s = NULL;
        check(mer_parse(a, load_file(a, paths[i]), MER_PARSE_TYPE_SYSTEM, NULL, &doc, &d), paths[i], &d);
        check(mer_schema_build(a, doc, &options, &s, &d), paths[i], &d);
        sources[i - 1] =
            (struct mer_source){.name = stem(paths[i]), .index = (uint32_t)i - 1, .schema = s, .rows = true};
    }
    check(mer_graph_of_supergraph(a, sg, sources, (uint32_t)n - 1, out, &d), paths[0], &d);
}

void load_graph_text(struct mer_arena *a, struct mer_slice text, struct mer_graph *out)
{
    struct mer_supergraph *sg = NULL;
    struct mer_diag d = {0};
    check(mer_supergraph_load(a, text, &sg, &d), "supergraph", &d);
    struct mer_source *sources = MER_NEW_N(a, struct mer_source, sg->subgraphs_n);
    for (uint32_t i = 0; i < sg->subgraphs_n; i++) {
        const struct mer_schema *schema = NULL;
        check(mer_supergraph_subschema(a, sg, i, &schema, &d), "supergraph", &d);
        sources[i] = (struct mer_source){.name = sg->subgraphs[i].name, .index = i, .schema = schema};
    }
    check(mer_graph_of_supergraph(a, sg, sources, sg->subgraphs_n, out, &d), "supergraph", &d);
}
