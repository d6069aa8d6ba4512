// SPDX-License-Identifier: MIT
// Guards and labels of a supergraph: what is demanded where, whom it opens to, and which plan a label takes.
#include "lib/load.h"
#include "mer_test.h"

#include "planner/federation.h"
#include "planner/operation.h"

static const char text[] =
    "schema @link(url: \"https://specs.apollo.dev/link/v1.0\") @link(url: "
    "\"https://specs.apollo.dev/join/v0.5\", "
    "for: EXECUTION) @link(url: \"https://specs.apollo.dev/authenticated/v0.1\", as: \"known\", for: "
    "SECURITY) "
    "@link(url: \"https://specs.apollo.dev/requiresScopes/v0.1\", for: SECURITY) @link(url: "
    "\"https://specs.apollo.dev/policy/v0.1\", for: SECURITY) { query: Query } scalar join__FieldSet "
    "enum join__Graph { A @join__graph(name: \"a\", url: \"http://a\") B @join__graph(name: \"b\", url: "
    "\"http://b\") } "
    "type Query @join__type(graph: A) @join__type(graph: B) { t: T @join__field(graph: A) i: [I] "
    "@join__field(graph: "
    "A) u: U @join__field(graph: A) own: Own @join__field(graph: A) } "
    "interface I @join__type(graph: A) @known { id: ID! s: Int @requiresScopes(scopes: [[\"x\", \"y\"]]) "
    "q: Int @policy(policies: [[\"mine\"]]) } "
    "type T implements I @join__implements(graph: A, interface: \"I\") @join__type(graph: A, key: \"id\") "
    "@join__type(graph: B, key: \"id\") { id: ID! s: Int @join__field(graph: A) @requiresScopes(scopes: "
    "[[\"x\"]]) "
    "q: Int @join__field(graph: A) e: E @join__field(graph: A) "
    "m: Int @join__field(graph: A, overrideLabel: \"l1\") @join__field(graph: B, override: \"a\", "
    "overrideLabel: "
    "\"l1\") n: Int @join__field(graph: A, usedOverridden: true, overrideLabel: \"l2\") @join__field(graph: "
    "B, override: "
    "\"a\", overrideLabel: \"l2\") } "
    "type U implements I @join__implements(graph: A, interface: \"I\") @join__type(graph: A) @known { id: "
    "ID! s: Int "
    "@requiresScopes(scopes: [[\"y\"]]) q: Int } "
    "enum E @join__type(graph: A) @policy(policies: [[\"p\"], [\"q\"]]) @known { V @join__enumValue(graph: "
    "A) } "
    "interface J @join__type(graph: A) @known { id: ID! } "
    "type Own implements J @join__implements(graph: A, interface: \"J\") @join__type(graph: A) { id: ID! }";

static void write_guards(struct mer_buf *b, const struct mer_federation *f, const struct mer_guards *gs)
{
    static const char *const kinds[] = {"known", "scopes", "policies"};
    for (uint32_t i = 0; i < gs->n; i++) {
        const struct mer_guard *g = &f->guards[gs->items[i]];
        mer_buf_printf(b, " %s", kinds[g->kind]);
        for (uint32_t k = 0; k < g->any_n; k++) {
            for (uint32_t n = 0; n < g->any[k].n; n++) {
                mer_buf_printf(b, "%s%.*s", n ? "+" : k ? "|" : ":", MER_FMT(g->any[k].items[n]));
            }
        }
    }
}

static void what_is_demanded_where(void **state)
{
    (void)state;
    static const struct {
        const char *type, *field, *want;
    } cases[] = {
        {"T", NULL, ""},                   // what its interface repeats of another implementation
        {"U", NULL, " known"},             //
        {"Own", NULL, " known"},           // of the interface alone
        {"T", "s", " scopes:x"},           //
        {"U", "s", " scopes:y"},           //
        {"T", "q", " policies:mine"},      // the interface's own
        {"T", "e", " known policies:p|q"}, // of the type that it answers
        {"Query", "u", " known"},          //
        {"Query", "own", " known"},        //
        {"Query", "i", ""},                // the object decides
        {"T", "id", ""},
    };
    struct mer_arena *a = mer_arena_create(0);
    struct mer_graph g;
    load_graph_text(a, mer_slice_of(text), &g);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct mer_type *t = mer_schema_type(g.types, mer_slice_of(cases[i].type));
        const struct mer_fed_type *ft = mer_fed_type(g.federation, t);
        struct mer_buf b;
        mer_buf_init(&b, a, 64);
        write_guards(
            &b, g.federation,
            cases[i].field
                ? &ft->fields[mer_schema_field(g.types, t, mer_slice_of(cases[i].field))->index].guards
                : &ft->guards);
        if (!mer_slice_is(mer_buf_slice(&b), cases[i].want)) {
            fail_msg("%s.%s:%.*s, want%s", cases[i].type, cases[i].field ? cases[i].field : "",
                     MER_FMT(mer_buf_slice(&b)), cases[i].want);
        }
    }
    mer_arena_destroy(a);
}

static void guards_hold_by_any_list_of_names(void **state)
{
    (void)state;
    struct mer_slice both[] = {MER_S("a"), MER_S("b")}, one[] = {MER_S("c")};
    const struct mer_guard_names any[] = {{both, 2}, {one, 1}};
    const struct mer_guard scopes = {MER_GUARD_SCOPES, any, 2}, policies = {MER_GUARD_POLICIES, any, 2},
                           never = {MER_GUARD_SCOPES, NULL, 0}, known = {MER_GUARD_AUTHENTICATED, NULL, 0};
    static const struct {
        const char *scopes, *policies;
        bool by_scopes, by_policies;
    } cases[] = {
        {"", "", false, false},         {"a\n", "c\n", false, true},
        {"a\nb\n", "a\n", true, false}, {"x\nb\na\n", "b\na\n", true, true},
        {"c\n", "cc\n", true, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mer_grants g = {true, mer_slice_of(cases[i].scopes), mer_slice_of(cases[i].policies)};
        assert_int_equal(mer_guard_holds(&scopes, &g), cases[i].by_scopes);
        assert_int_equal(mer_guard_holds(&policies, &g), cases[i].by_policies);
        assert_false(mer_guard_holds(&never, &g));
        assert_true(mer_guard_holds(&known, &g));
        g.authenticated = false;
        assert_false(mer_guard_holds(&known, &g));
    }
}

static struct mer_operation *make(struct mer_arena *a, const struct mer_graph *g, const char *query,
                                  uint64_t labels)
{
    struct mer_operation_opts opts = {.labels_on = &labels};
    struct mer_operation *op = NULL;
    struct mer_operation_error *errors = NULL;
    uint32_t n = 0;
    if (mer_operation_make(a, g, mer_slice_of(query), MER_NIL, &opts, &op, &errors, &n)) {
        fail_msg("%s: %.*s", query, MER_FMT(errors[0].message));
    }
    return op;
}

// l1 is the federation's label 0 or 1; which one does not matter to whoever asks.
static uint64_t bit_of(const struct mer_graph *g, const char *label)
{
    for (uint32_t i = 0; i < g->federation->labels_n; i++) {
        if (mer_slice_is(g->federation->labels[i], label)) {
            return UINT64_C(1) << i;
        }
    }
    fail_msg("no label %s", label);
    return 0;
}

static void a_label_takes_its_own_plan_and_no_other_does(void **state)
{
    (void)state;
    static const char m[] = "{ t { m } }", n[] = "{ t { n } }", plain[] = "{ t { s } }";
    struct mer_arena *a = mer_arena_create(0);
    struct mer_graph g;
    load_graph_text(a, mer_slice_of(text), &g);
    uint64_t one = bit_of(&g, "l1"), two = bit_of(&g, "l2"), all = one | two, none = 0;
    struct mer_plan_cache *c = mer_plan_cache_create(10);
    struct mer_operation *off = make(a, &g, m, two), *on = make(a, &g, m, all),
                         *free_of = make(a, &g, plain, all);
    assert_int_equal(off->plan->fetches_n, 1);
    assert_int_equal(on->plan->fetches_n, 2);
    assert_int_equal(free_of->plan->labels_seen[0], 0);
    mer_plan_cache_put(c, off);
    mer_plan_cache_put(c, on);
    mer_plan_cache_put(c, free_of);
    const struct {
        const char *query;
        uint64_t labels;
        const struct mer_operation *want;
    } cases[] = {{m, none, off}, {m, two, off},         {m, one, on},
                 {m, all, on},   {plain, two, free_of}, {n, all, NULL}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mer_operation *got =
            mer_plan_cache_find(c, &g, mer_slice_of(cases[i].query), MER_NIL, &cases[i].labels);
        assert_ptr_equal(got, cases[i].want);
        mer_operation_unref(got);
    }
    struct mer_operation *late = make(a, &g, n, one);
    assert_int_equal(late->plan->fetches_n, 1); // the old source still answers what it was told to keep
    mer_operation_unref(late);
    mer_operation_unref(off);
    mer_operation_unref(on);
    mer_operation_unref(free_of);
    mer_plan_cache_destroy(c);
    mer_arena_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_demanded_where),
        cmocka_unit_test(guards_hold_by_any_list_of_names),
        cmocka_unit_test(a_label_takes_its_own_plan_and_no_other_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
