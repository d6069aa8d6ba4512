// SPDX-License-Identifier: MIT
// Any bytes as a schema or a supergraph: what can be built can be printed, built again from that, and is then
// the same schema. The subgraphs of a supergraph can be drawn out of it.
#include "base/log.h"
#include "schema/parser.h"
#include "schema/printer.h"
#include "schema/subgraph_schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct mer_slice build_and_print(struct mer_arena *a, struct mer_slice text)
{
    const struct mer_schema_options options = {.assume_valid = true, .allow_unknown_directives = true};
    struct mer_ast_document *doc;
    struct mer_schema *s;
    struct mer_buf out;
    if (mer_parse(a, text, MER_PARSE_TYPE_SYSTEM, NULL, &doc, NULL) != MER_OK ||
        mer_schema_build(a, doc, &options, &s, NULL) != MER_OK)
        return MER_NIL;
    mer_buf_init(&out, a, 256);
    mer_print_schema(&out, s);
    return out.p ? mer_buf_slice(&out) : mer_slice_make("", 0);
}

static void draw_subgraphs(struct mer_arena *a, const struct mer_supergraph *sg)
{
    for (uint32_t g = 0; g < sg->subgraphs_n; g++) {
        const struct mer_schema *s = NULL;
        if (mer_supergraph_subschema(a, sg, g, &s, NULL) == MER_OK)
            MER_ASSERT(s->roots[MER_OP_QUERY]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mer_arena *a = mer_arena_create(64u << 20);
    struct mer_slice text = {(const char *)data, size};
    struct mer_supergraph *sg;
    struct mer_slice first = build_and_print(a, text);
    if (first.n) {
        struct mer_slice second = build_and_print(a, first);
        MER_ASSERT(mer_slice_eq(first, second));
    }
    struct mer_ast_document *doc;
    struct mer_schema *strict;
    if (mer_parse(a, text, MER_PARSE_ANY, NULL, &doc, NULL) == MER_OK)
        (void)!mer_schema_build(a, doc, NULL, &strict, NULL);
    if (mer_supergraph_load(a, text, &sg, NULL) == MER_OK)
        draw_subgraphs(a, sg);
    mer_arena_destroy(a);
    return 0;
}
