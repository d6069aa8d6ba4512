// SPDX-License-Identifier: MIT
// How long answers may be kept, by table: documents over a small supergraph's types.
#include "mer_test.h"

#include "planner/cache_policy.h"
#include "planner/federation.h"
#include "schema/parser.h"

#define TYPES                                                                                                \
    "directive @cacheControl(maxAge: Int, scope: Scope, inheritMaxAge: Boolean) on FIELD_DEFINITION | "      \
    "OBJECT | "                                                                                              \
    "INTERFACE | UNION enum Scope { PUBLIC PRIVATE } "                                                       \
    "type Query { plain: Int hint: Int @cacheControl(maxAge: 30) box: Box short: Box @cacheControl(maxAge: " \
    "5)"                                                                                                     \
    " bag: Bag long: Bag @cacheControl(maxAge: 60) any: Any @cacheControl(maxAge: 50)"                       \
    " huge: Int @cacheControl(maxAge: 99999999999) scoped: Int @cacheControl(scope: PRIVATE) }"              \
    " type Mutation { hint: Int @cacheControl(maxAge: 30) }"                                                 \
    " type Box @cacheControl(maxAge: 20) { n: Int secret: Int @cacheControl(scope: PRIVATE) box: Box bag: "  \
    "Bag"                                                                                                    \
    " quick: Int @cacheControl(maxAge: 1) same: Bag @cacheControl(inheritMaxAge: true) }"                    \
    " type Bag { n: Int box: Box } union Any = Box | Bag"

struct row {
    const char *query, *want; // "-": nothing is said
};

static const struct row rows[] = {
    {"{ plain }", "-"},
    {"{ bag { n } }", "-"},
    {"{ __typename }", "-"},
    {"{ hint }", "30"},
    {"{ hint plain }", "0"},  // a root field without a hint
    {"{ box { n } }", "20"},  // by its type
    {"{ short { n } }", "5"}, // its own wins
    {"{ hint box { n } short { n } }", "5"},
    {"{ box { quick } }", "1"},
    {"{ box { secret } }", "20 private"},
    {"{ box { bag { n } } }", "0"},
    {"{ box { same { n } } }", "20"},
    {"{ long { n } }", "60"},
    {"{ long { box { n } } }", "20"},
    {"{ a: long { n } b: long { box { box { quick } } } }", "1"},
    {"{ any { ... on Box { n } ... on Bag { n } } }", "50"},
    {"{ any { ... on Bag { box { secret } } } }", "20 private"},
    {"query($b: Boolean!) { hint short @skip(if: $b) { n } }", "5"},
    {"{ huge }", "4294967295"},
    {"{ scoped }", "0 private"},
    {"{ scoped hint __schema { types { name } } }", "0 private"},
    {"mutation { hint }", "-"},
};

static void operations_may_be_kept_as_a_table_says(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    struct mer_ast_document *doc = NULL;
    struct mer_schema *s = NULL;
    struct mer_diag d = {0};
    struct mer_schema_options o = {.assume_valid = true, .allow_unknown_directives = true};
    assert_int_equal(mer_parse(a, MER_S(TYPES), MER_PARSE_TYPE_SYSTEM, NULL, &doc, &d), MER_OK);
    assert_int_equal(mer_schema_build(a, doc, &o, &s, &d), MER_OK);
    for (int of_rows = 0; of_rows < 2; of_rows++) {
        struct mer_source source = {MER_S("one"), 0, s, of_rows};
        struct mer_graph g;
        assert_int_equal(mer_graph_of_source(a, &source, &g, &d), MER_OK);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            struct mer_plan *plan = NULL;
            assert_int_equal(mer_parse(a, mer_slice_of(rows[i].query), MER_PARSE_EXECUTABLE, NULL, &doc, &d),
                             MER_OK);
            if (mer_plan_build(a, &g, doc, doc->operations[0], NULL, &plan, &d))
                fail_msg("%s: %s", rows[i].query, d.msg);
            struct mer_cache_policy p = mer_cache_policy_of(a, plan);
            struct mer_slice got =
                !p.said ? MER_S("-")
                        : mer_arena_printf(a, "%u%s", p.max_age_s, p.is_private ? " private" : "");
            // Nothing is said of what a source of rows answers; __schema alone asks no source.
            const char *want = of_rows && plan->fetches_n ? "-" : rows[i].want;
            if (!mer_slice_is(got, want))
                fail_msg("%s: %.*s, not %s", rows[i].query, MER_FMT(got), want);
        }
    }
    mer_arena_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(operations_may_be_kept_as_a_table_says)};
    return cmocka_run_group_tests_name("planner/cache_policy", tests, NULL, NULL);
}
