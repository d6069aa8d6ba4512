// SPDX-License-Identifier: MIT
// Estimated cost by table: documents over one small source, with variables, and what they come to.
#include "mer_test.h"

#include "base/json.h"
#include "planner/cost.h"
#include "schema/parser.h"
#include "schema/values.h"
#include "planner/federation.h"

static const char sdl[] =
    "type Query { a: Int b: Box boxes(first: Int = 3): [Box!] @listSize(slicingArguments: [\"first\"])"
    " page(first: Int = 20, last: Int): Page @cost(weight: 2, by: \"first\")"
    " many: [Box] few: [Box] @listSize(assumedSize: 2) any: Any named(ids: [ID!]): [Box] @cost(weight: 1, "
    "by: \"ids\") }"
    " type Page { edges: [Edge!]! total: Int boxes: [Box!] @listSize(assumedSize: 1) }"
    " type Edge { node: Box } type Box { n: Int dear: Int @cost(weight: 7) box: Box boxes: [Box] }"
    " type Bag { x: Box y: Box } union Any = Box | Bag";

struct row {
    const char *query, *variables;
    uint64_t want;
    const char *dearest;
};

static const struct row rows[] = {
    {"{ a x: a }", "{}", 0, ""},
    {"{ __typename __schema { types { name fields { name } } } }", "{}", 0, ""},
    {"{ b { n } }", "{}", 1, "b"},
    {"{ b { dear box { n } } }", "{}", 1 + 7 + 1, "b"},
    {"{ b { n } b { n box { n } } }", "{}", 2, "b"}, // merged, counted once
    {"{ many { box { n } } }", "{}", 1 + 10, "many"},
    {"{ few { box { boxes { box { n } } } } }", "{}", 1 + 2 * (1 + (1 + 10 * 1)), "few"},
    {"{ boxes { box { n } } }", "{}", 1 + 3, "boxes"},
    {"{ boxes(first: 5) { box { n } } }", "{}", 1 + 5, "boxes"},
    {"{ boxes(first: -5) { box { n } } }", "{}", 1, "boxes"},
    {"query($n: Int) { boxes(first: $n) { box { n } } }", "{\"n\":100}", 1 + 100, "boxes"},
    {"query($n: Int) { boxes(first: $n) { box { n } } }", "{}", 1 + 3, "boxes"},
    {"query($n: Int = 4) { boxes(first: $n) { box { n } } }", "{}", 1 + 4, "boxes"},
    {"{ page { total } }", "{}", 40, "page"},
    {"{ page(first: 50) { edges { node { n } } } }", "{}", 100 + 1 + 50, "page"},
    {"{ page(first: 50) { boxes { box { n } } } }", "{}", 100 + 1 + 1, "page"}, // its own size wins
    {"{ page(first: 50) { edges { node { boxes { n } } } } }", "{}", 100 + 1 + 50 * (1 + 1), "page"},
    {"{ named(ids: [\"1\", \"2\"]) { n } }", "{}", 2, "named"},
    {"query($i: [ID!]) { named(ids: $i) { box { n } } }", "{\"i\":[\"1\",\"2\",\"3\"]}", 3 + 3, "named"},
    {"{ any { ... on Box { box { n } } ... on Bag { x { n } y { n } } } }", "{}", 1 + 2, "any"},
    {"query($b: Boolean!) { b @skip(if: $b) { n } a }", "{\"b\":true}", 0, ""},
    {"query($b: Boolean!) { b @skip(if: $b) { n } a }", "{\"b\":false}", 1, "b"},
    {"{ b { n } page(first: 9) { total } }", "{}", 19, "page"},
    {"{ page(first: 2147483647) { edges { node { boxes { boxes { boxes { box { n } } } } } } } }", "{}",
     UINT64_C(2) * 2147483647 + 1 + UINT64_C(2147483647) * (1 + 1 + 10 + 100 + 1000), "page"},
};

static void operations_cost_what_a_table_says(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    struct mer_ast_document *doc = NULL;
    struct mer_schema *s = NULL;
    struct mer_diag d = {0};
    struct mer_schema_options o = {.assume_valid = true, .allow_unknown_directives = true};
    assert_int_equal(mer_parse(a, mer_slice_of(sdl), MER_PARSE_TYPE_SYSTEM, NULL, &doc, &d), MER_OK);
    assert_int_equal(mer_schema_build(a, doc, &o, &s, &d), MER_OK);
    struct mer_source source = {MER_S("one"), 0, s, true};
    struct mer_graph g;
    assert_int_equal(mer_graph_of_source(a, &source, &g, &d), MER_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mer_plan *plan = NULL;
        struct mer_variables vars = {0};
        struct mer_in_error *errors = NULL;
        const struct mer_shape_field *dearest = NULL;
        struct mer_json j;
        uint32_t n = 0;
        assert_int_equal(mer_parse(a, mer_slice_of(rows[i].query), MER_PARSE_EXECUTABLE, NULL, &doc, &d),
                         MER_OK);
        if (mer_plan_build(a, &g, doc, doc->operations[0], NULL, &plan, &d)) {
            fail_msg("%s: %s", rows[i].query, d.msg);
        }
        assert_int_equal(mer_json_parse(a, mer_slice_of(rows[i].variables), NULL, &j, &d), MER_OK);
        assert_int_equal(
            mer_coerce_variables(a, s, doc->operations[0], &j, mer_json_root(&j), &vars, &errors, &n),
            MER_OK);
        uint64_t got = mer_cost_count(mer_cost_build(a, plan), &vars, &dearest);
        if (got != rows[i].want) {
            fail_msg("%s: %llu, want %llu", rows[i].query, (unsigned long long)got,
                     (unsigned long long)rows[i].want);
        }
        mer_assert_slice(dearest ? dearest->key : MER_NIL, rows[i].dearest);
    }
    mer_arena_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(operations_cost_what_a_table_says)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
