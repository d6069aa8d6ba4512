// SPDX-License-Identifier: MIT
// Making an operation of the shipped schema: what refuses it names limit, value and place.
#include "lib/load.h"
#include "mer_test.h"

#include "planner/operation.h"

static struct mer_operation_error make(struct mer_arena *a, const struct mer_graph *g, const char *text,
                                       const struct mer_operation_opts *opts)
{
    struct mer_operation *op = NULL;
    struct mer_operation_error *errors = NULL;
    uint32_t n = 0;
    enum mer_err err = mer_operation_make(a, g, mer_slice_of(text), MER_NIL, opts, &op, &errors, &n);
    assert_true(err ? n > 0 : n == 0);
    mer_operation_unref(op);
    return err ? errors[0] : (struct mer_operation_error){0};
}

static void refusals_name_limit_value_and_place(void **state)
{
    (void)state;
    static char sdl[][40] = {"schema/supergraph.graphql", "schema/operations.graphql",
                             "schema/analytics.graphql"};
    static const char query[] = "query A { facilities {\n code name } }";
    char *paths[] = {sdl[0], sdl[1], sdl[2]};
    struct mer_arena *a = mer_arena_create(0);
    struct mer_graph graph;
    load_graph(a, 3, paths, &graph);
    const struct {
        struct mer_operation_opts opts;
        const char *limit;
        uint64_t value;
        uint32_t line, column;
    } cases[] = {
        {{.max_tokens = 9}, NULL, 0, 0, 0},
        {{.max_tokens = 8}, "tokens", 8, 2, 14},
        {{.limits = {.depth = 2, .expanded_selections = 3}}, NULL, 0, 0, 0},
        {{.limits = {.depth = 1}}, "depth", 2, 2, 2},
        {{.limits = {.expanded_selections = 2}}, "expandedSelections", 3, 2, 7},
        {{.max_cpu_us = 60000000}, NULL, 0, 0, 0},
        {{.max_fetches = 1}, NULL, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mer_operation_error e = make(a, &graph, query, &cases[i].opts);
        if (!cases[i].limit) {
            assert_null(e.code);
            continue;
        }
        assert_string_equal(e.code, "QUERY_TOO_COMPLEX");
        assert_string_equal(e.limit, cases[i].limit);
        assert_int_equal(e.value, cases[i].value);
        assert_int_equal(e.locations_n, 1);
        assert_int_equal(e.locations[0].line, cases[i].line);
        assert_int_equal(e.locations[0].column, cases[i].column);
    }
    mer_arena_destroy(a);
}

static void fetches_are_counted(void **state)
{
    (void)state;
    static char sdl[][40] = {"schema/supergraph.graphql", "schema/operations.graphql",
                             "schema/analytics.graphql"};
    char *paths[] = {sdl[0], sdl[1], sdl[2]};
    struct mer_arena *a = mer_arena_create(0);
    struct mer_graph graph;
    load_graph(a, 3, paths, &graph);
    static const char query[] = "{ a: facilities { code } b: facilities { code }\n c: facilities { code } }";
    const struct mer_operation_opts three = {.max_fetches = 3}, two = {.max_fetches = 2};
    assert_null(make(a, &graph, query, &three).code);
    struct mer_operation_error e = make(a, &graph, query, &two);
    assert_string_equal(e.code, "QUERY_TOO_COMPLEX");
    assert_string_equal(e.limit, "fetches");
    assert_int_equal(e.value, 3);
    assert_true(mer_slice_is(e.message, "The operation exceeds limit fetches: 3, allowed are 2."));
    mer_arena_destroy(a);
}

// One plan, whether a client says the name or not: Apollo's do, others do not, and a trusted document is
// planned without.
static void an_operation_alone_is_kept_once(void **state)
{
    (void)state;
    static char sdl[][40] = {"schema/supergraph.graphql", "schema/operations.graphql",
                             "schema/analytics.graphql"};
    char *paths[] = {sdl[0], sdl[1], sdl[2]};
    static const struct {
        const char *text, *made_by, *asked_by;
        bool found;
    } cases[] = {
        {"query A { facilities { code } }", "", "A", true},
        {"query A { facilities { code } }", "A", "", true},
        {"query A { facilities { code } }", "A", "A", true},
        {"query A { facilities { code } }", "A", "B", false},
        {"{ facilities { code } }", "", "A", false},
        {"query A { facilities { code } } query B { facilities { id } }", "A", "A", true},
        {"query A { facilities { code } } query B { facilities { id } }", "A", "B", false},
        {"query A { facilities { code } } query B { facilities { id } }", "A", "", false},
    };
    struct mer_arena *a = mer_arena_create(0);
    struct mer_graph graph;
    load_graph(a, 3, paths, &graph);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mer_plan_cache *cache = mer_plan_cache_create(4);
        struct mer_operation *op = NULL, *got = NULL;
        struct mer_operation_error *errors = NULL;
        const struct mer_operation_opts opts = {0};
        struct mer_slice text = mer_slice_of(cases[i].text);
        uint32_t n = 0;
        assert_int_equal(
            mer_operation_make(a, &graph, text, mer_slice_of(cases[i].made_by), &opts, &op, &errors, &n),
            MER_OK);
        mer_plan_cache_put(cache, op);
        got = mer_plan_cache_get(cache, &graph, text, mer_slice_of(cases[i].asked_by));
        assert_ptr_equal(got, cases[i].found ? op : NULL);
        mer_operation_unref(got);
        mer_operation_unref(op);
        mer_plan_cache_destroy(cache);
    }
    mer_arena_destroy(a);
}

// Many fields take more than a microsecond, whatever the machine.
static void time_ends_it(void **state)
{
    (void)state;
    static char sdl[][40] = {"schema/supergraph.graphql", "schema/operations.graphql",
                             "schema/analytics.graphql"};
    char *paths[] = {sdl[0], sdl[1], sdl[2]};
    struct mer_arena *a = mer_arena_create(0);
    struct mer_graph graph;
    struct mer_buf b;
    load_graph(a, 3, paths, &graph);
    mer_buf_init(&b, a, 1 << 14);
    mer_buf_add_cstr(&b, "\n { facilities {");
    for (int i = 0; i < 2000; i++)
        mer_buf_add_cstr(&b, " code");
    mer_buf_add_cstr(&b, " } }");
    mer_buf_add_char(&b, 0);
    const struct mer_operation_opts short_time = {.max_cpu_us = 1}, none = {.max_cpu_us = 0};
    struct mer_operation_error e = make(a, &graph, b.p, &short_time);
    assert_string_equal(e.code, "QUERY_TOO_COMPLEX");
    assert_string_equal(e.limit, "plan");
    assert_true(e.value > 1);
    assert_int_equal(e.locations[0].line, 2);
    assert_int_equal(e.locations[0].column, 2);
    assert_null(make(a, &graph, b.p, &none).code);
    mer_arena_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals_name_limit_value_and_place),
        cmocka_unit_test(fetches_are_counted),
        cmocka_unit_test(an_operation_alone_is_kept_once),
        cmocka_unit_test(time_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
