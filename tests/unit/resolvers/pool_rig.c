// SPDX-License-Identifier: MIT
#include "unit/resolvers/pool_rig.h"

#include "base/time.h"

#include <stdio.h>

struct pg_fixture *pg;
struct mer_loop *loop;

uint32_t answered_n;
static bool in_submit;

void on_done(void *owner, const struct mer_pg_result *r)
{
    struct ask *a = owner;
    assert_false(in_submit);
    a->called++;
    a->turn = ++answered_n;
    a->err = r->err;
    a->maybe_executed = r->maybe_executed;
    assert_non_null(r->message);
    assert_true(r->elapsed_us >= 0);
    snprintf(a->value, sizeof(a->value), "%.*s", (int)r->value.n, r->value.p ? r->value.p : "");
    snprintf(a->sqlstate, sizeof(a->sqlstate), "%s", r->sqlstate);
    snprintf(a->message, sizeof(a->message), "%s", r->message);
}

void submit(struct mer_pg_pool *pool, struct ask *a)
{
    a->q.done = on_done;
    a->q.owner = a;
    a->q.params = a->params;
    if (!a->q.scope.tenant.p)
        a->q.scope =
            (struct mer_pg_scope){.tenant = MER_S("t1"), .facilities = MER_S("*"), .role = MER_S("worker")};
    in_submit = true;
    mer_pg_submit(pool, &a->q);
    in_submit = false;
}

struct ask ask_of(const char *sql)
{
    return (struct ask){.q.sql = mer_slice_of(sql)};
}

void wait_answers(struct ask *asks, size_t n, int64_t limit_ms)
{
    int64_t until = mer_time_mono_us() + limit_ms * 1000;
    for (;;) {
        size_t have = 0;
        for (size_t i = 0; i < n; i++)
            have += asks[i].called > 0;
        if (have == n)
            break;
        if (mer_time_mono_us() > until)
            fail_msg("only %zu of %zu answered", have, n);
        mer_loop_turn(loop, 20);
    }
}

void turn_for(int64_t ms)
{
    int64_t until = mer_time_mono_us() + ms * 1000;
    while (mer_time_mono_us() < until)
        mer_loop_turn(loop, 10);
}

void wait_up(struct mer_pg_pool *pool, bool up, int64_t limit_ms)
{
    int64_t until = mer_time_mono_us() + limit_ms * 1000;
    while (mer_pg_pool_up(pool) != up) {
        if (mer_time_mono_us() > until)
            fail_msg("the pool does not become %s", up ? "up" : "down");
        mer_loop_turn(loop, 20);
    }
}

struct mer_pg_pool *make_pool(struct mer_pg_pool_opts opts)
{
    opts.dsn = pg_fixture_dsn(pg, "app");
    opts.name = "test";
    struct mer_pg_pool *pool = mer_pg_pool_create(loop, &opts);
    wait_up(pool, true, 5000);
    turn_for(20);
    return pool;
}

struct mer_pg_pool_stats stats_of(const struct mer_pg_pool *pool)
{
    struct mer_pg_pool_stats s;
    mer_pg_pool_stats(pool, &s);
    return s;
}

void ask_one(struct mer_pg_pool *pool, struct ask *a)
{
    submit(pool, a);
    wait_answers(a, 1, 5000);
    assert_int_equal(a->called, 1);
}

int pool_rig_open(void **state)
{
    (void)state;
    loop = mer_loop_create();
    pg = pg_fixture_create();
    if (!pg)
        return 0;
    pg_fixture_sql(pg,
                   "create role app login;"
                   "create table journal (note text); grant all on journal to app;"
                   "create table parent (id int primary key);"
                   "create table checked (a int, b int references parent deferrable initially deferred);"
                   "grant all on parent, checked to app;"
                   "create table things (tenant text, name text); grant select on things to app;"
                   "insert into things select t, t || n from unnest(array['t1','t2','t3']) t, "
                   "unnest(array['-a','-b']) n;"
                   "alter table things enable row level security;"
                   "create policy mine on things using (tenant = current_setting('app.tenant_id', true))");
    return 0;
}

int pool_rig_close(void **state)
{
    (void)state;
    pg_fixture_destroy(pg);
    mer_loop_destroy(loop);
    return 0;
}
