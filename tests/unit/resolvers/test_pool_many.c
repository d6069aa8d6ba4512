// SPDX-License-Identifier: MIT
// Statements that travel as one, against a real Postgres: each is told its own row, or asked again alone.
#include "base/time.h"
#include "resolvers/postgres/pool_priv.h"
#include "unit/resolvers/pool_rig.h"

#include <stdio.h>

#define DIVIDE "select 'of ' || $2::text || ': ' || (1000 / $1::int)"
#define DIVIDE_MANY                                                                                          \
    "select many.n,(select 'of ' || many.p2 || ': ' || (1000 / many.p1)) from unnest($1::int[],"             \
    "$2::text[]) with ordinality many(p1,p2,n)"

enum { ASKS = 40 };

static struct ask asks[ASKS];
static char numbers[ASKS][8];

static struct ask many_of(uint32_t i, const char *name)
{
    struct ask a = ask_of(DIVIDE);
    (void)snprintf(numbers[i], sizeof(numbers[i]), "%u", i + 1);
    a.q.many = MER_S(DIVIDE_MANY);
    a.q.light = true;
    a.params[0].value = mer_slice_of(numbers[i]);
    a.params[1].value = mer_slice_of(name);
    a.q.params_n = 2;
    return a;
}

static void expect(uint32_t i, const char *name)
{
    char want[256];
    (void)snprintf(want, sizeof(want), "of %s: %u", name, 1000 / (i + 1));
    assert_int_equal(asks[i].called, 1);
    assert_int_equal(asks[i].err, MER_OK);
    assert_string_equal(asks[i].value, want);
}

static void each_is_told_its_own_row(void **state)
{
    NEED_PG();
    static const char *const names[] = {"plain", "",     "NULL",     "{}",  "a,b",  "a\"b",
                                        "a\\b",  "\\\"", "\xC3\xA9", " x ", "it's", "$1"};
    const uint32_t names_n = sizeof(names) / sizeof(names[0]);
    struct mer_pg_pool *pool = make_pool((struct mer_pg_pool_opts){.short_connections = 1});
    for (uint32_t n = 1; n <= ASKS; n += 13) {
        struct mer_pg_pool_stats before = stats_of(pool);
        for (uint32_t i = 0; i < n; i++) {
            asks[i] = many_of(i, names[i % names_n]);
            submit(pool, &asks[i]);
        }
        wait_answers(asks, n, 5000);
        for (uint32_t i = 0; i < n; i++)
            expect(i, names[i % names_n]);
        assert_int_equal(stats_of(pool).statements - before.statements, 1);
        assert_int_equal(mer_pg_pool_load(pool), 0);
    }
    mer_pg_pool_destroy(pool);
}

static void null_stays_null(void **state)
{
    NEED_PG();
    struct mer_pg_pool *pool = make_pool((struct mer_pg_pool_opts){.short_connections = 1});
    for (uint32_t i = 0; i < 4; i++) {
        asks[i] = many_of(i, "x");
        asks[i].params[1].null = i == 2;
        submit(pool, &asks[i]);
    }
    wait_answers(asks, 4, 5000);
    for (uint32_t i = 0; i < 4; i++) {
        if (i == 2)
            assert_string_equal(asks[i].value, "");
        else
            expect(i, "x");
    }
    mer_pg_pool_destroy(pool);
}

// One value fails the statement for many: each is asked by its own text, and that one alone fails.
static void one_bad_value_is_its_own(void **state)
{
    NEED_PG();
    struct mer_pg_pool *pool = make_pool((struct mer_pg_pool_opts){.short_connections = 1});
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 20; i++) {
            asks[i] = many_of(i, "x");
            if (i == 7)
                asks[i].params[0].value = MER_S("0");
            submit(pool, &asks[i]);
        }
        wait_answers(asks, 20, 5000);
        for (uint32_t i = 0; i < 20; i++) {
            if (i != 7)
                expect(i, "x");
        }
        assert_int_equal(asks[7].called, 1);
        assert_string_equal(asks[7].sqlstate, "22012");
    }
    assert_int_equal(stats_of(pool).losses, 0);
    assert_int_equal(mer_pg_pool_load(pool), 0);
    mer_pg_pool_destroy(pool);
}

// A text that Postgres does not take, or that answers fewer rows than were asked for.
static void a_wrong_text_for_many_costs_no_answer(void **state)
{
    NEED_PG();
    static const char *const wrong[] = {
        "no sql at all", "select 1 where $1::int[] is null and $2::text[] is null",
        "select 1, 'x' from unnest($1::int[], $2::text[])",
        "select 2 - n, 'x' from unnest($1::int[], $2::text[]) with ordinality f(a,b,n)"};
    struct mer_pg_pool *pool = make_pool((struct mer_pg_pool_opts){.short_connections = 1});
    for (uint32_t k = 0; k < 4 * 3; k++) {
        for (uint32_t i = 0; i < 5; i++) {
            asks[i] = many_of(i, "x");
            asks[i].q.many = mer_slice_of(wrong[k % 4]);
            submit(pool, &asks[i]);
        }
        wait_answers(asks, 5, 5000);
        for (uint32_t i = 0; i < 5; i++)
            expect(i, "x");
    }
    assert_int_equal(stats_of(pool).losses, 0);
    mer_pg_pool_destroy(pool);
}

static void scopes_do_not_share_a_statement(void **state)
{
    NEED_PG();
    static const char *const tenants[] = {"t1", "t2", "t3"};
    struct mer_pg_pool *pool = make_pool((struct mer_pg_pool_opts){0});
    for (uint32_t i = 0; i < 30; i++) {
        asks[i] = ask_of("select string_agg(name || $1::text, ',' order by name) from things");
        asks[i].q.many =
            MER_S("select many.n,(select string_agg(name || many.p1, ',' order by name) from things) "
                  "from unnest($1::text[]) with ordinality many(p1,n)");
        asks[i].params[0].value = MER_S("!");
        asks[i].q.params_n = 1;
        asks[i].q.light = true;
        asks[i].q.scope = (struct mer_pg_scope){
            .tenant = mer_slice_of(tenants[i % 3]), .facilities = MER_S("*"), .role = MER_S("worker")};
        submit(pool, &asks[i]);
    }
    wait_answers(asks, 30, 5000);
    for (uint32_t i = 0; i < 30; i++) {
        char want[32];
        (void)snprintf(want, sizeof(want), "%s-a!,%s-b!", tenants[i % 3], tenants[i % 3]);
        assert_string_equal(asks[i].value, want);
    }
    assert_int_equal(stats_of(pool).statements, 3);
    mer_pg_pool_destroy(pool);
}

static void cancels_its_neighbours(void *owner, const struct mer_pg_result *r)
{
    struct ask *a = owner;
    on_done(a, r);
    mer_pg_cancel(&a[1].q);
    mer_pg_cancel(&a[2].q);
}

// Some leave while the statement is under way, some when a neighbour is told, some at their deadline.
static void who_leaves_is_not_told(void **state)
{
    NEED_PG();
    struct mer_pg_pool *pool = make_pool((struct mer_pg_pool_opts){.short_connections = 1});
    for (uint32_t i = 0; i < 10; i++) {
        asks[i] = many_of(i, "x");
        asks[i].q.many = MER_S("select n,'late ' || n from unnest($1::int[],$2::text[]) with ordinality "
                               "many(p1,p2,n),(select pg_sleep(0.3)) s");
        asks[i].q.deadline_mono_us = i == 8 ? mer_time_mono_us() + 100000 : 0;
        submit(pool, &asks[i]);
    }
    asks[4].q.done = cancels_its_neighbours;
    turn_for(50);
    mer_pg_cancel(&asks[0].q);
    mer_pg_cancel(&asks[2].q);
    mer_pg_cancel(&asks[9].q);
    turn_for(600);
    static const bool told[10] = {false, true, false, true, true, false, false, true, true, false};
    for (uint32_t i = 0; i < 10; i++) {
        char want[16];
        (void)snprintf(want, sizeof(want), "late %u", i + 1);
        assert_int_equal(asks[i].called, told[i]);
        if (told[i] && i != 8)
            assert_string_equal(asks[i].value, want);
    }
    assert_int_equal(asks[8].err, MER_ERR_TIMEOUT);
    assert_int_equal(mer_pg_pool_load(pool), 0);
    mer_pg_pool_destroy(pool);
}

static void a_killed_backend_costs_nothing(void **state)
{
    NEED_PG();
    struct mer_pg_pool *pool = make_pool((struct mer_pg_pool_opts){0});
    for (uint32_t i = 0; i < 20; i++) {
        asks[i] = many_of(i, "x");
        asks[i].q.many = MER_S("select n,'of x: ' || (1000 / p1) from unnest($1::int[],$2::text[]) with "
                               "ordinality many(p1,p2,n),(select pg_sleep(0.3)) s");
        submit(pool, &asks[i]);
    }
    turn_for(100);
    pg_fixture_sql(pg, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'");
    wait_answers(asks, 20, 10000);
    for (uint32_t i = 0; i < 20; i++)
        expect(i, "x");
    assert_true(stats_of(pool).losses > 0);
    mer_pg_pool_destroy(pool);
}

static void *kept[ASKS];
static struct mer_slice kept_values[ASKS];

static void on_keep(void *owner, const struct mer_pg_result *r)
{
    struct ask *a = owner;
    kept[a - asks] = mer_pg_result_keep(r);
    kept_values[a - asks] = r->value;
    on_done(owner, r);
}

static void a_row_lives_as_long_as_it_is_kept(void **state)
{
    NEED_PG();
    struct mer_pg_pool *pool = make_pool((struct mer_pg_pool_opts){.short_connections = 1});
    for (uint32_t i = 0; i < 3; i++) {
        asks[i] = many_of(i, "x");
        submit(pool, &asks[i]);
        asks[i].q.done = on_keep;
    }
    wait_answers(asks, 3, 5000);
    mer_pg_pool_destroy(pool);
    mer_pg_result_release(kept[0]);
    mer_pg_result_release(kept[2]);
    assert_true(mer_slice_is(kept_values[1], "of x: 500"));
    mer_pg_result_release(kept[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_told_its_own_row),
        cmocka_unit_test(null_stays_null),
        cmocka_unit_test(one_bad_value_is_its_own),
        cmocka_unit_test(a_wrong_text_for_many_costs_no_answer),
        cmocka_unit_test(scopes_do_not_share_a_statement),
        cmocka_unit_test(who_leaves_is_not_told),
        cmocka_unit_test(a_killed_backend_costs_nothing),
        cmocka_unit_test(a_row_lives_as_long_as_it_is_kept),
    };
    return cmocka_run_group_tests_name("resolvers/pool_many", tests, pool_rig_open, pool_rig_close);
}
