// SPDX-License-Identifier: MIT
// Plans by table: the fetches of an operation over two small sources, written as one line each.
#include "mer_test.h"

#include "base/buf.h"
#include "planner/plan.h"
#include "schema/parser.h"
#include "planner/federation.h"

static const char rows_sdl[] =
    "type Query { node(id: ID!): Node plants: [Plant!] orders(plants: [ID!]!, first: Int): Orders "
    "@partition(arg: \"plants\") } type Mutation { make(id: ID!): Made } interface Node { id: ID! } type "
    "Made { order: Order note: String } type Plant implements Node @key(fields: \"id\") { id: ID! name: "
    "String age: Age open: [Order!] @resident } type Order implements Node @key(fields: \"id\") @resident { "
    "id: ID! no: String plant: Plant } type Orders { edges: [Edge!] pageInfo: Page } type Edge { cursor: "
    "String node: Order } type Page { more: Boolean } type Age @hole { s: Float }";
static const char figures_sdl[] = "type Query { figures: Figures @kpi } type Figures { worst: [Plant!] } "
                                  "type Plant @key(fields: \"id\") { id: ID! score: Float }";
static const char api_sdl[] =
    "type Query { node(id: ID!): Node plants: [Plant!] orders(plants: [ID!]!, first: Int): Orders figures: "
    "Figures } type Mutation { make(id: ID!): Made } interface Node { id: ID! } type Made { order: Order "
    "note: String } type Plant implements Node { id: ID! name: String age: Age open: [Order!] score: Float } "
    "type Order implements Node { id: ID! no: String plant: Plant } type Orders { edges: [Edge!] pageInfo: "
    "Page } type Edge { cursor: String node: Order } type Page { more: Boolean } type Age { s: Float } type "
    "Figures { worst: [Plant!] }";

struct row {
    const char *query;
    const char *want; // "source:kind what{fields}<-parent" for each fetch
};

static const struct row rows[] = {
    {"{ plants { name } }", "rows:root plants{name}"},
    {"{ plants { n: name n: name age { s } } }", "rows:root plants{n age}"},
    {"{ plants { name score } }", "rows:root plants{id name} | figures:Plant{score}<-0"},
    {"{ figures { worst { name score } } }", "figures:root figures{worst{id score}} | rows:Plant{name}<-0"},
    {"{ plants { open { no } } }", "rows:root plants{id} | rows:Plant{open{no}}<-0"},
    {"{ node(id: \"x\") { id ... on Order { no } } }",
     "rows:root node{__typename id@Plant id@Order no@Order}"},
    {"{ orders(plants: [\"a\"]) { edges { node { no } } } }", "rows:root orders{edges{node{no} _k_cursor}}"},
    {"{ orders(plants: [\"a\"]) { pageInfo { more } } }",
     "rows:root orders{pageInfo{more} _k_edges{_k_cursor}}"},
    {"mutation { make(id: \"1\") { note order { id no } } }",
     "rows:root make{note order{id}} | rows:Order{no}<-0"},
    {"{ __typename plants { __typename } }", "rows:root plants{__typename}"},
    {"query($b: Boolean!) { plants { name @skip(if: $b) ... @include(if: $b) { id } } }",
     "rows:root plants{name id}"},
};

static struct mer_schema *build(struct mer_arena *a, const char *sdl)
{
    struct mer_ast_document *doc = NULL;
    struct mer_schema *s = NULL;
    struct mer_diag d = {0};
    struct mer_schema_options o = {.assume_valid = true, .allow_unknown_directives = true};
    assert_int_equal(mer_parse(a, mer_slice_of(sdl), MER_PARSE_TYPE_SYSTEM, NULL, &doc, &d), MER_OK);
    assert_int_equal(mer_schema_build(a, doc, &o, &s, &d), MER_OK);
    return s;
}

static void write_fields(struct mer_buf *b, struct mer_fetch_field *const *fields, uint32_t n)
{
    mer_buf_add_char(b, '{');
    for (uint32_t i = 0; i < n; i++) {
        mer_buf_printf(b, "%s%.*s", i ? " " : "", MER_FMT(fields[i]->key));
        if (fields[i]->on.n) {
            mer_buf_printf(b, "@%.*s", MER_FMT(fields[i]->on.items[0]->name));
        }
        if (fields[i]->children_n) {
            write_fields(b, fields[i]->children, fields[i]->children_n);
        }
    }
    mer_buf_add_char(b, '}');
}

static void write_plan(struct mer_buf *b, const struct mer_plan *p)
{
    for (uint32_t i = 0; i < p->fetches_n; i++) {
        const struct mer_plan_fetch *f = p->fetches[i];
        mer_buf_printf(b, "%s%.*s:", i ? " | " : "", MER_FMT(p->graph->sources[f->source].name));
        if (f->kind == MER_FETCH_ENTITY) {
            mer_buf_printf(b, "%.*s", MER_FMT(f->op.entity->name));
            write_fields(b, f->op.fields, f->op.fields_n);
            mer_buf_printf(b, "<-%u", f->parent);
        } else {
            mer_buf_printf(b, "root %.*s", MER_FMT(f->op.fields[0]->key));
            write_fields(b, f->op.fields[0]->children, f->op.fields[0]->children_n);
        }
    }
}

static void operations_become_fetches(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    struct mer_source sources[2] = {{{"rows", 4}, 0, build(a, rows_sdl), true},
                                    {{"figures", 7}, 1, build(a, figures_sdl), true}};
    const struct mer_schema *api = build(a, api_sdl);
    struct mer_federation *federation = NULL;
    assert_int_equal(mer_federation_of_sources(a, api, sources, 2, &federation, NULL), MER_OK);
    struct mer_graph g = {.api = api,
                          .types = api,
                          .federation = federation,
                          .sources = sources,
                          .sources_n = 2,
                          .split_resident = true};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mer_ast_document *doc = NULL;
        struct mer_plan *p = NULL;
        struct mer_diag d = {0};
        struct mer_buf b;
        mer_buf_init(&b, a, 256);
        assert_int_equal(mer_parse(a, mer_slice_of(rows[i].query), MER_PARSE_EXECUTABLE, NULL, &doc, &d),
                         MER_OK);
        assert_int_equal(mer_plan_build(a, &g, doc, doc->operations[0], NULL, &p, &d), MER_OK);
        write_plan(&b, p);
        if (!mer_slice_is(mer_buf_slice(&b), rows[i].want)) {
            fail_msg("%s\n  got  %.*s\n  want %s", rows[i].query, MER_FMT(mer_buf_slice(&b)), rows[i].want);
        }
    }
    mer_arena_destroy(a);
}

static void too_many_fields_are_refused(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    struct mer_source sources[1] = {{{"rows", 4}, 0, build(a, rows_sdl), true}};
    struct mer_graph g;
    assert_int_equal(mer_graph_of_source(a, sources, &g, NULL), MER_OK);
    struct mer_ast_document *doc = NULL;
    struct mer_plan *p = NULL;
    struct mer_diag d = {0};
    struct mer_plan_limits limits = {.max_shape_fields = 3};
    assert_int_equal(
        mer_parse(a, MER_S("{ plants { a: name b: name c: name } }"), MER_PARSE_EXECUTABLE, NULL, &doc, &d),
        MER_OK);
    assert_int_equal(mer_plan_build(a, &g, doc, doc->operations[0], &limits, &p, &d), MER_ERR_LIMIT);
    mer_arena_destroy(a);
}

// What placement and roles have to know of a fetch, also when only the number of rows is asked.
static void fetches_know_what_rows_they_bring(void **state)
{
    (void)state;
    static const char sdl[] =
        "type Query { site(id: ID!): Site bills(sites: [ID!]!): Bills @partition(arg: \"sites\") parts: "
        "[Part!] } type Mutation { pay(id: ID!): Paid } type Paid { ok: Boolean bill: Bill } type Site "
        "@key(fields: \"id\") @table(name: \"sites\") @everyone { id: ID! name: String bills: Bills "
        "@resident   hidden: [Part!] @resident parts: [Part!] } type Part @table(name: \"parts\") { id: ID! "
        "} type Bill @key(fields: \"id\") @resident @table(name: \"bills\") { id: ID! no: String sum: Int "
        "at: Site } type Bills { edges: [Edge!] total: Int } type Edge { cursor: String node: Bill }";
    static const struct {
        const char *query, *want; // for each fetch r(esident), b(usiness), w(rite) or -
    } cases[] = {
        {"{site(id:\"x\"){name}}", "-"},
        {"{site(id:\"x\"){bills{total}}}", "rb"},
        {"{site(id:\"x\"){hidden{id}}}", "rb"},
        {"{site(id:\"x\"){parts{id}}}", "b"},
        {"{bills(sites:[\"x\"]){total}}", "rb"},
        {"{bills(sites:[\"x\"]){edges{node{no}}}}", "rb"},
        {"{parts{id} site(id:\"x\"){name}}", "b -"},
        {"mutation{pay(id:\"x\"){ok}}", "bw"},
        {"mutation{pay(id:\"x\"){bill{no sum at{name}}}}", "rbw rb"},
    };
    struct mer_arena *a = mer_arena_create(0);
    struct mer_source source = {{"rows", 4}, 0, build(a, sdl), true};
    struct mer_graph g;
    assert_int_equal(mer_graph_of_source(a, &source, &g, NULL), MER_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mer_ast_document *doc = NULL;
        struct mer_plan *p = NULL;
        struct mer_diag d = {0};
        struct mer_buf b;
        mer_buf_init(&b, a, 64);
        assert_int_equal(mer_parse(a, mer_slice_of(cases[i].query), MER_PARSE_EXECUTABLE, NULL, &doc, &d),
                         MER_OK);
        assert_int_equal(mer_plan_build(a, &g, doc, doc->operations[0], NULL, &p, &d), MER_OK);
        for (uint32_t k = 0; k < p->fetches_n; k++) {
            const struct mer_plan_fetch *f = p->fetches[k];
            mer_buf_printf(&b, "%s%s%s%s%s", k ? " " : "", f->resident ? "r" : "", f->rows ? "b" : "",
                           f->write ? "w" : "", f->resident || f->rows || f->write ? "" : "-");
        }
        if (!mer_slice_is(mer_buf_slice(&b), cases[i].want)) {
            fail_msg("%s: got %.*s, want %s", cases[i].query, MER_FMT(mer_buf_slice(&b)), cases[i].want);
        }
    }
    mer_arena_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_become_fetches),
        cmocka_unit_test(fetches_know_what_rows_they_bring),
        cmocka_unit_test(too_many_fields_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
