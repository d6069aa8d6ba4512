// SPDX-License-Identifier: MIT
// The worst operations become few fetches, one after the other as seldom as can be, in little memory, or are
// refused. Times are for `./dev bench plan`.
#include "lib/worst.h"
#include "mer_test.h"

#include <stdlib.h>

static uint32_t depth_of(const struct mer_plan *p)
{
    uint32_t deepest = 0, *depth = calloc(p->fetches_n, sizeof(*depth));
    for (uint32_t i = 0; i < p->fetches_n; i++) {
        const struct mer_plan_fetch *f = p->fetches[i];
        uint32_t before = 0;
        for (uint32_t k = 0; k < f->after_n; k++) {
            before = depth[f->after[k]] > before ? depth[f->after[k]] : before;
        }
        depth[i] = before + (f->kind != MER_FETCH_SPLICE);
        deepest = depth[i] > deepest ? depth[i] : deepest;
    }
    free(depth);
    return deepest;
}

static uint32_t asked_of(const struct mer_plan *p)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->fetches_n; i++) {
        n += p->fetches[i]->kind != MER_FETCH_SPLICE;
    }
    return n;
}

static void the_worst_operations_are_planned_within_bounds(void **state)
{
    (void)state;
    static const struct {
        uint32_t fetches, depth;
        size_t bytes; // kept with the operation
    } most[WORST_N] = {
        [WORST_PLAIN] = {11, 2, 1 << 18}, [WORST_ON_EACH] = {11, 2, 2 << 20},
        [WORST_NAMED] = {6, 2, 2 << 20},  [WORST_ALIASED] = {0}, // refused
        [WORST_BOMB] = {6, 2, 1 << 20},   [WORST_SHARED] = {40, 1, 4 << 20},
        [WORST_CHAIN] = {20, 1, 1 << 19},
    };
    const struct mer_operation_opts opts = {.introspection = true};
    for (enum worst_kind k = 0; k < WORST_N; k++) {
        struct mer_arena *a = mer_arena_create(0);
        struct mer_graph graph;
        struct mer_operation *op = NULL;
        struct mer_operation_error *errors = NULL;
        uint32_t n = 0;
        worst_graph(a, k, &graph);
        if (mer_operation_make(a, &graph, worst_operation(a, k), MER_NIL, &opts, &op, &errors, &n)) {
            if (most[k].fetches) {
                fail_msg("%s: %.*s", worst_name(k), MER_FMT(errors[0].message));
            }
            assert_string_equal(errors[0].code, "QUERY_TOO_COMPLEX");
            mer_arena_destroy(a);
            continue;
        }
        uint32_t fetches = asked_of(op->plan), depth = depth_of(op->plan);
        size_t bytes = mer_arena_total_bytes(op->arena);
        if (most[k].fetches &&
            (fetches > most[k].fetches || depth > most[k].depth || bytes > most[k].bytes)) {
            fail_msg("%s: %u fetches, %u one after the other, %zu bytes", worst_name(k), fetches, depth,
                     bytes);
        }
        assert_true(mer_cost_count(op->cost, NULL, NULL) > 0);
        mer_operation_unref(op);
        mer_arena_destroy(a);
    }
}

// Steps, not time: the same on any machine. When half of them are taken, the first way that works is: all is
// asked for, perhaps by more fetches. When all are taken, all ends.
static void a_budget_ends_the_search_and_all(void **state)
{
    (void)state;
    static const struct {
        uint64_t steps;
        bool planned, hurried;
    } cases[] = {{0, true, false}, {14000, true, true}, {30, false, false}};
    struct mer_arena *a = mer_arena_create(0);
    struct mer_graph graph;
    uint32_t fewest = 0;
    worst_graph(a, WORST_SHARED, &graph);
    struct mer_slice text = worst_operation(a, WORST_SHARED);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mer_operation *op = NULL;
        struct mer_operation_error *errors = NULL;
        const struct mer_operation_opts opts = {.introspection = true, .max_steps = cases[i].steps};
        uint32_t n = 0;
        enum mer_err err = mer_operation_make(a, &graph, text, MER_NIL, &opts, &op, &errors, &n);
        assert_int_equal(err, cases[i].planned ? MER_OK : MER_ERR_LIMIT);
        if (!cases[i].planned) {
            assert_string_equal(errors[0].code, "QUERY_TOO_COMPLEX");
            assert_string_equal(errors[0].limit, "plan");
            assert_in_range(errors[0].value, 31, 60); // each loop on the way out looks once
            assert_true(mer_slice_starts(errors[0].message, MER_S("The operation exceeds limit plan: ")));
            continue;
        }
        assert_int_equal(op->plan->hurried, cases[i].hurried);
        fewest = fewest ? fewest : asked_of(op->plan);
        assert_true(asked_of(op->plan) >= fewest);
        mer_operation_unref(op);
    }
    mer_arena_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worst_operations_are_planned_within_bounds),
        cmocka_unit_test(a_budget_ends_the_search_and_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
