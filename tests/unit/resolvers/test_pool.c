// SPDX-License-Identifier: MIT
// The pool against a real Postgres.
#include "base/time.h"
#include "resolvers/postgres/pool_priv.h"
#include "unit/resolvers/pool_rig.h"

#include <stdio.h>
#include <stdlib.h>

static void answers_come_in_order(void **state)
{
    NEED_PG();
    struct mer_pg_pool *pool = make_pool((struct mer_pg_pool_opts){.short_connections = 1});
    static struct ask asks[40];
    char texts[40][8];
    for (int round = 0; round < 3; round++) {
        uint64_t batches = stats_of(pool).batches;
        answered_n = 0;
        for (int i = 0; i < 40; i++) {
            snprintf(texts[i], sizeof(texts[i]), "%d", i);
            asks[i] = ask_of("select $1::int + $2::int");
            asks[i].params[0].value = mer_slice_of(texts[i]);
            asks[i].params[1].value = MER_S("1000");
            asks[i].q.params_n = 2;
            submit(pool, &asks[i]);
        }
        wait_answers(asks, 40, 5000);
        for (int i = 0; i < 40; i++) {
            assert_int_equal(asks[i].err, MER_OK);
            assert_int_equal(atoi(asks[i].value), 1000 + i);
            assert_int_equal(asks[i].turn, i + 1);
            assert_int_equal(asks[i].called, 1);
        }
        assert_int_equal(stats_of(pool).batches - batches, 3); // 16, 16, 8
    }
    assert_int_equal(stats_of(pool).prepares, 1);
    assert_int_equal(mer_pg_pool_load(pool), 0);
    assert_true(mer_pg_pool_latency_us(pool) > 0);
    mer_pg_pool_destroy(pool);
}

static uint32_t batches_seen, batched;

static void check_batch(void *owner, struct mer_pg_query *const *queries, uint32_t n)
{
    (void)owner;
    batches_seen++;
    batched += n;
    for (uint32_t i = 1; i < n; i++) {
        assert_false(queries[i]->write);
        assert_true(mer_slice_eq(queries[i]->scope.tenant, queries[0]->scope.tenant));
        assert_true(mer_slice_eq(queries[i]->scope.facilities, queries[0]->scope.facilities));
    }
    if (n > 1)
        assert_false(queries[0]->write);
}

static void scopes_never_share_a_sync(void **state)
{
    NEED_PG();
    static const char *const tenants[] = {"t1", "t2", "t3"}, *const facilities[] = {"*", "la", "ny,la"};
    struct mer_pg_pool *pool = make_pool((struct mer_pg_pool_opts){0});
    static struct ask asks[120];
    pool->on_batch = check_batch;
    batches_seen = batched = 0;
    for (int i = 0; i < 120; i++) {
        asks[i] =
            ask_of("select current_setting('app.facilities') || '/' || current_setting('app.role') || ':' || "
                   "string_agg(name, ',' order by name) from things");
        asks[i].q.scope = (struct mer_pg_scope){.tenant = mer_slice_of(tenants[i % 3]),
                                                .facilities = mer_slice_of(facilities[i / 3 % 3]),
                                                .role = MER_S("worker")};
        submit(pool, &asks[i]);
    }
    wait_answers(asks, 120, 5000);
    for (int i = 0; i < 120; i++) {
        char want[64];
        snprintf(want, sizeof(want), "%s/worker:%s-a,%s-b", facilities[i / 3 % 3], tenants[i % 3],
                 tenants[i % 3]);
        assert_string_equal(asks[i].value, want);
    }
    assert_int_equal(batched, 120);
    assert_true(batches_seen < 60);
    mer_pg_pool_destroy(pool);
}

// Of one turn: light ones go together on one connection, others do not go with them.
static void light_ones_share_a_sync(void **state)
{
    NEED_PG();
    struct mer_pg_pool *pool = make_pool((struct mer_pg_pool_opts){.short_connections = 2});
    static struct ask asks[16];
    for (int heavy = 0; heavy <= 8; heavy += 8) {
        uint64_t batches = stats_of(pool).batches;
        for (int i = 0; i < 8 + heavy; i++) {
            asks[i] = ask_of("select count(*) from things");
            asks[i].q.light = i % 2 == 0 || !heavy;
            submit(pool, &asks[i]);
        }
        wait_answers(asks, (size_t)(8 + heavy), 5000);
        assert_int_equal(stats_of(pool).batches - batches, heavy ? 2 : 1);
        for (int i = 0; i < 8 + heavy; i++)
            assert_string_equal(asks[i].value, "2");
    }
    mer_pg_pool_destroy(pool);
}

static void without_a_tenant_nothing_is_seen(void **state)
{
    NEED_PG();
    struct mer_pg_pool *pool = make_pool((struct mer_pg_pool_opts){.short_connections = 1});
    struct ask first = ask_of("select count(*) from things"), second = first;
    second.q.scope = (struct mer_pg_scope){.tenant = MER_S(""), .facilities = MER_S("*")};
    ask_one(pool, &first);
    ask_one(pool, &second);
    assert_string_equal(first.value, "2");
    assert_string_equal(second.value, "0");
    mer_pg_pool_destroy(pool);
}

static void an_error_stays_its_own(void **state)
{
    NEED_PG();
    struct mer_pg_pool *pool = make_pool((struct mer_pg_pool_opts){.short_connections = 1});
    for (int round = 0; round < 3; round++) {
        struct ask asks[6];
        for (int i = 0; i < 6; i++) {
            asks[i] = ask_of("select 12 / $1::int");
            asks[i].params[0].value = i == 2 || i == 4 ? MER_S("0") : MER_S("3");
            asks[i].q.params_n = 1;
            submit(pool, &asks[i]);
        }
        wait_answers(asks, 6, 5000);
        for (int i = 0; i < 6; i++) {
            bool bad = i == 2 || i == 4;
            assert_int_equal(asks[i].called, 1);
            assert_int_equal(asks[i].err, bad ? MER_ERR_IO : MER_OK);
            assert_string_equal(asks[i].sqlstate, bad ? "22012" : "");
            assert_string_equal(asks[i].value, bad ? "" : "4");
        }
    }
    assert_int_equal(stats_of(pool).connections_up, 1);
    assert_int_equal(stats_of(pool).losses, 0);
    mer_pg_pool_destroy(pool);
}

static void writes_happen_once_and_alone(void **state)
{
    NEED_PG();
    struct mer_pg_pool *pool = make_pool((struct mer_pg_pool_opts){0});
    struct ask asks[12];
    pool->on_batch = check_batch;
    pg_fixture_sql(pg, "truncate journal");
    for (int i = 0; i < 12; i++) {
        asks[i] = ask_of(i % 3 == 1 ? "select 1 / 0" : "select 1");
        if (i % 3 == 0)
            asks[i] = ask_of("insert into journal values ('w') returning note");
        asks[i].q.write = i % 3 == 0;
        submit(pool, &asks[i]);
    }
    wait_answers(asks, 12, 5000);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(asks[i].called, 1);
        assert_int_equal(asks[i].err, i % 3 == 1 ? MER_ERR_IO : MER_OK);
    }
    assert_string_equal(asks[0].value, "w");
    assert_string_equal(pg_fixture_sql(pg, "select count(*) from journal"), "4");
    mer_pg_pool_destroy(pool);
}

static void a_commit_that_fails_is_told(void **state)
{
    NEED_PG();
    struct mer_pg_pool *pool = make_pool((struct mer_pg_pool_opts){.short_connections = 1});
    pg_fixture_sql(pg, "truncate checked");
    for (int round = 0; round < 3; round++) {
        struct ask asks[3] = {ask_of("insert into checked values (1, 7) returning a"),
                              ask_of("select 'after'"),
                              ask_of("insert into checked values (2, null) returning a")};
        asks[0].q.write = asks[2].q.write = true;
        pg_fixture_sql(pg, "truncate checked");
        for (int i = 0; i < 3; i++)
            submit(pool, &asks[i]);
        wait_answers(asks, 3, 5000);
        assert_int_equal(asks[0].err, MER_ERR_IO); // the deferred foreign key
        assert_string_equal(asks[0].sqlstate, "23503");
        assert_false(asks[0].maybe_executed);
        assert_string_equal(asks[1].value, "after");
        assert_string_equal(asks[2].value, "2");
        assert_string_equal(pg_fixture_sql(pg, "select string_agg(a::text, ',') from checked"), "2");
    }
    assert_int_equal(stats_of(pool).losses, 0);
    mer_pg_pool_destroy(pool);
}

static void a_killed_backend_costs_reads_nothing(void **state)
{
    NEED_PG();
    struct mer_pg_pool *pool = make_pool((struct mer_pg_pool_opts){0});
    struct ask asks[6];
    pg_fixture_sql(pg, "truncate journal");
    for (int i = 0; i < 6; i++) {
        asks[i] = ask_of("select 'slept' from pg_sleep(0.3)");
        if (i == 3)
            asks[i] = ask_of("insert into journal select 'x' from pg_sleep(0.3) returning note");
        asks[i].q.write = i == 3;
        submit(pool, &asks[i]);
    }
    turn_for(100);
    pg_fixture_sql(pg, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'");
    wait_answers(asks, 6, 10000);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(asks[i].called, 1);
        if (i == 3) {
            assert_int_equal(asks[i].err, MER_ERR_CLOSED);
            assert_true(asks[i].maybe_executed);
        } else {
            assert_int_equal(asks[i].err, MER_OK);
            assert_string_equal(asks[i].value, "slept");
        }
    }
    assert_int_equal(stats_of(pool).losses, 2);
    mer_pg_pool_destroy(pool);
}

static void killed_while_idle_goes_unnoticed(void **state)
{
    NEED_PG();
    struct mer_pg_pool *pool = make_pool((struct mer_pg_pool_opts){0});
    for (int round = 0; round < 3; round++) {
        struct ask a = ask_of("select 'there'");
        pg_fixture_sql(pg, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'");
        ask_one(pool, &a);
        assert_string_equal(a.value, "there");
    }
    mer_pg_pool_destroy(pool);
}

static void a_stopped_server_comes_back(void **state)
{
    NEED_PG();
    struct mer_pg_pool *pool = make_pool((struct mer_pg_pool_opts){.connect_wait_ms = 300});
    pg_fixture_stop(pg);
    wait_up(pool, false, 5000);
    struct ask a = ask_of("select 1"), w = ask_of("insert into journal values ('never') returning note");
    w.q.write = true;
    int64_t start = mer_time_mono_us();
    submit(pool, &a);
    submit(pool, &w);
    wait_answers(&a, 1, 1000);
    wait_answers(&w, 1, 1000);
    assert_int_equal(a.err, MER_ERR_IO);
    assert_int_equal(w.err, MER_ERR_IO);
    assert_false(w.maybe_executed);
    assert_true(mer_time_mono_us() - start < 700000);
    // The patience of the pool is over: the next is refused at once.
    turn_for(100);
    struct ask b = ask_of("select 1");
    start = mer_time_mono_us();
    ask_one(pool, &b);
    assert_int_equal(b.err, MER_ERR_IO);
    assert_true(mer_time_mono_us() - start < 150000);
    pg_fixture_start(pg);
    wait_up(pool, true, 6000);
    struct ask c = ask_of("select 'back'");
    ask_one(pool, &c);
    assert_string_equal(c.value, "back");
    mer_pg_pool_destroy(pool);
}

static void nobody_listens(void **state)
{
    (void)state;
    struct mer_pg_pool_opts opts = {
        .dsn = "host=127.0.0.1 port=1 dbname=x user=x", .name = "none", .connect_wait_ms = 200};
    struct mer_pg_pool *pool = mer_pg_pool_create(loop, &opts);
    struct ask a = ask_of("select 1"), l = a;
    l.q.long_lane = true;
    submit(pool, &a);
    submit(pool, &l);
    wait_answers(&a, 1, 1000);
    wait_answers(&l, 1, 1000);
    assert_int_equal(a.err, MER_ERR_IO);
    assert_int_equal(l.err, MER_ERR_IO);
    assert_false(mer_pg_pool_up(pool));
    mer_pg_pool_destroy(pool);
    opts.dsn = "this is no connection string";
    pool = mer_pg_pool_create(loop, &opts);
    struct ask b = ask_of("select 1");
    submit(pool, &b);
    wait_answers(&b, 1, 1000);
    assert_int_equal(b.err, MER_ERR_IO);
    mer_pg_pool_destroy(pool);
}

static void a_full_queue_refuses(void **state)
{
    NEED_PG();
    struct mer_pg_pool *pool = make_pool((struct mer_pg_pool_opts){.queue_max = 4});
    struct ask asks[7];
    uint32_t busy = 0;
    for (int i = 0; i < 7; i++) {
        asks[i] = ask_of("select 1");
        submit(pool, &asks[i]);
    }
    wait_answers(asks, 7, 5000);
    for (int i = 0; i < 7; i++)
        busy += asks[i].err == MER_ERR_BUSY;
    assert_int_equal(busy, 3);
    assert_int_equal(asks[6].err, MER_ERR_BUSY);
    mer_pg_pool_destroy(pool);
}

static void deadlines(void **state)
{
    NEED_PG();
    struct mer_pg_pool *pool =
        make_pool((struct mer_pg_pool_opts){.short_connections = 1, .statement_timeout_ms = 400});
    struct ask slow = ask_of("select 'slow' from pg_sleep(0.25)"), behind = ask_of("select 'behind'"),
               late = behind;
    slow.q.deadline_mono_us = mer_time_mono_us() + 60000;
    int64_t start = mer_time_mono_us();
    submit(pool, &slow);
    turn_for(20);
    late.q.deadline_mono_us = mer_time_mono_us() + 60000;
    submit(pool, &behind);
    submit(pool, &late);
    wait_answers(&slow, 1, 200);
    assert_int_equal(slow.err, MER_ERR_TIMEOUT);
    assert_true(mer_time_mono_us() - start < 150000);
    wait_answers(&behind, 1, 1000);
    assert_int_equal(late.err, MER_ERR_TIMEOUT);
    assert_string_equal(behind.value, "behind");
    // The server's own bound.
    struct ask stuck = ask_of("select 1 from pg_sleep(5)");
    ask_one(pool, &stuck);
    assert_int_equal(stuck.err, MER_ERR_TIMEOUT);
    assert_string_equal(stuck.sqlstate, "57014");
    struct ask write = ask_of("insert into journal select 'late' from pg_sleep(0.2) returning note");
    write.q.write = true;
    write.q.deadline_mono_us = mer_time_mono_us() + 50000;
    ask_one(pool, &write);
    assert_int_equal(write.err, MER_ERR_TIMEOUT);
    assert_true(write.maybe_executed);
    struct ask after = ask_of("select 'after'");
    ask_one(pool, &after);
    assert_string_equal(after.value, "after");
    assert_int_equal(stats_of(pool).losses, 0);
    mer_pg_pool_destroy(pool);
}

static void a_changed_result_type_is_prepared_again(void **state)
{
    NEED_PG();
    struct mer_pg_pool *pool = make_pool((struct mer_pg_pool_opts){.short_connections = 1});
    pg_fixture_sql(pg,
                   "drop table if exists shape; create table shape (a int); insert into shape values (5); "
                   "grant all on shape to app");
    for (int round = 0; round < 4; round++) {
        struct ask asks[3];
        for (int i = 0; i < 3; i++) {
            asks[i] = ask_of(i == 1 ? "select * from shape" : "select 'neighbour'");
            submit(pool, &asks[i]);
        }
        wait_answers(asks, 3, 5000);
        assert_string_equal(asks[0].value, "neighbour");
        assert_string_equal(asks[1].value, round == 3 ? "six" : "5");
        assert_string_equal(asks[2].value, "neighbour");
        if (round == 2)
            pg_fixture_sql(pg, "alter table shape alter a type text using 'six'");
    }
    assert_true(stats_of(pool).retries >= 1);
    // What is gone altogether is told as what it is, prepared or not.
    pg_fixture_sql(pg, "drop table shape");
    for (int round = 0; round < 3; round++) {
        struct ask a = ask_of("select * from shape");
        ask_one(pool, &a);
        assert_int_equal(a.err, MER_ERR_IO);
        assert_string_equal(a.sqlstate, "42P01");
    }
    assert_int_equal(stats_of(pool).losses, 0);
    mer_pg_pool_destroy(pool);
}

static void what_cannot_be_prepared_is_told(void **state)
{
    NEED_PG();
    struct mer_pg_pool *pool = make_pool((struct mer_pg_pool_opts){.short_connections = 1});
    for (int round = 0; round < 3; round++) {
        struct ask asks[3] = {ask_of("select 'a'"), ask_of("select nothing_such"), ask_of("select 'c'")};
        for (int i = 0; i < 3; i++)
            submit(pool, &asks[i]);
        wait_answers(asks, 3, 5000);
        assert_string_equal(asks[0].value, "a");
        assert_string_equal(asks[1].sqlstate, "42703");
        assert_string_equal(asks[2].value, "c");
    }
    mer_pg_pool_destroy(pool);
}

static void prepared_texts_give_way(void **state)
{
    NEED_PG();
    struct mer_pg_pool *pool =
        make_pool((struct mer_pg_pool_opts){.short_connections = 2, .batch_max = 3, .prepared_max = 4});
    static char texts[12][64];
    for (int i = 0; i < 12; i++)
        snprintf(texts[i], sizeof(texts[i]), "select 'text %d'", i);
    srand(3);
    for (int round = 0; round < 60; round++) {
        struct ask asks[9];
        int which[9];
        for (int i = 0; i < 9; i++) {
            which[i] = rand() % (round % 2 ? 12 : 3);
            asks[i] = ask_of(texts[which[i]]);
            submit(pool, &asks[i]);
        }
        wait_answers(asks, 9, 5000);
        for (int i = 0; i < 9; i++) {
            char want[32];
            snprintf(want, sizeof(want), "text %d", which[i]);
            assert_string_equal(asks[i].value, want);
        }
    }
    assert_true(stats_of(pool).prepares > 10);
    assert_int_equal(stats_of(pool).errors, 0);
    mer_pg_pool_destroy(pool);
}

static void long_statements_stand_in_nobodys_way(void **state)
{
    NEED_PG();
    struct mer_pg_pool *pool = make_pool(
        (struct mer_pg_pool_opts){.short_connections = 1, .long_connections_max = 2, .idle_close_ms = 300});
    struct ask slow[4], quick = ask_of("select 'quick'");
    assert_int_equal(stats_of(pool).connections_long_up, 0);
    for (int i = 0; i < 4; i++) {
        slow[i] = ask_of("select 'slow' from pg_sleep(0.2)");
        slow[i].q.long_lane = true;
        submit(pool, &slow[i]);
    }
    turn_for(100);
    assert_int_equal(stats_of(pool).connections_long_up, 2);
    int64_t start = mer_time_mono_us();
    ask_one(pool, &quick);
    assert_true(mer_time_mono_us() - start < 100000);
    assert_int_equal(slow[0].called, 0);
    wait_answers(slow, 4, 5000);
    for (int i = 0; i < 4; i++)
        assert_string_equal(slow[i].value, "slow");
    turn_for(2500);
    assert_int_equal(stats_of(pool).connections_long_up, 0);
    // A long statement that nobody waits for any more ends on the server too.
    struct ask left = ask_of("select 'left' from pg_sleep(8)");
    left.q.long_lane = true;
    left.q.deadline_mono_us = mer_time_mono_us() + 200000;
    ask_one(pool, &left);
    assert_int_equal(left.err, MER_ERR_TIMEOUT);
    turn_for(1500);
    assert_string_equal(pg_fixture_sql(pg,
                                       "select count(*) from pg_stat_activity where query like '%left%' and "
                                       "state = 'active' and usename = 'app'"),
                        "0");
    mer_pg_pool_destroy(pool);
}

static void cancelled_ones_are_not_told(void **state)
{
    NEED_PG();
    struct mer_pg_pool *pool = make_pool((struct mer_pg_pool_opts){.short_connections = 1});
    struct ask queued = ask_of("select 1"), sent = ask_of("select 1 from pg_sleep(0.1)"),
               other = ask_of("select 'o'"), refused = ask_of("");
    submit(pool, &sent);
    turn_for(20);
    submit(pool, &queued);
    submit(pool, &refused);
    mer_pg_cancel(&queued.q);
    mer_pg_cancel(&refused.q);
    mer_pg_cancel(&sent.q);
    mer_pg_cancel(&sent.q);
    ask_one(pool, &other);
    assert_string_equal(other.value, "o");
    turn_for(50);
    assert_int_equal(queued.called + sent.called + refused.called, 0);
    // A pool may go with statements under way.
    submit(pool, &sent);
    turn_for(20);
    submit(pool, &queued);
    mer_pg_pool_destroy(pool);
    turn_for(50);
    assert_int_equal(queued.called + sent.called, 0);
}

static void odd_values(void **state)
{
    NEED_PG();
    struct mer_pg_pool *pool = make_pool((struct mer_pg_pool_opts){0});
    struct ask nul = ask_of("select $1::text"), null = nul, empty = nul,
               none = ask_of("select 1 where false"), bad = nul, bad_scope = ask_of("select 1"), few = nul;
    nul.q.params_n = null.q.params_n = empty.q.params_n = bad.q.params_n = 1;
    nul.params[0].value = MER_S("a\0b");
    null.params[0].null = true;
    empty.params[0].value = MER_NIL;
    bad.params[0].value = MER_S("\xFF");
    bad_scope.q.scope.tenant = MER_S("\xFF");
    ask_one(pool, &nul);
    assert_int_equal(nul.err, MER_ERR_INVALID);
    ask_one(pool, &null);
    assert_int_equal(null.err, MER_OK);
    ask_one(pool, &empty);
    assert_int_equal(empty.err, MER_OK);
    ask_one(pool, &none);
    assert_int_equal(none.err, MER_OK);
    ask_one(pool, &bad);
    assert_string_equal(bad.sqlstate, "22021");
    ask_one(pool, &bad_scope);
    assert_int_equal(bad_scope.err, MER_ERR_IO);
    assert_string_equal(bad_scope.sqlstate, "22021");
    ask_one(pool, &few);
    assert_int_equal(few.err, MER_ERR_IO);
    assert_true(few.sqlstate[0] != '\0');
    assert_int_equal(stats_of(pool).losses, 0);
    mer_pg_pool_destroy(pool);
}

static void *kept;
static struct mer_slice kept_value;

static void on_keep(void *owner, const struct mer_pg_result *r)
{
    kept = mer_pg_result_keep(r);
    kept_value = r->value;
    on_done(owner, r);
}

static void a_result_can_be_kept(void **state)
{
    NEED_PG();
    struct mer_pg_pool *pool = make_pool((struct mer_pg_pool_opts){0});
    struct ask a = ask_of("select repeat('x', 1000)");
    a.q.done = on_keep;
    a.q.owner = &a;
    a.q.scope.tenant = MER_S("t1");
    mer_pg_submit(pool, &a.q);
    wait_answers(&a, 1, 5000);
    mer_pg_pool_destroy(pool);
    assert_int_equal(kept_value.n, 1000);
    assert_memory_equal(kept_value.p + 990, "xxxxxxxxxx", 10);
    mer_pg_result_release(kept);
}

static void a_silent_server_is_given_up(void **state)
{
    NEED_PG();
    struct mer_pg_pool *pool = make_pool(
        (struct mer_pg_pool_opts){.stall_ms = 500, .connect_timeout_ms = 500, .connect_wait_ms = 500});
    struct ask a = ask_of("select 'x'");
    pg_fixture_freeze(pg);
    submit(pool, &a);
    wait_answers(&a, 1, 8000);
    pg_fixture_thaw(pg);
    assert_true(a.err == MER_ERR_IO || a.err == MER_ERR_CLOSED);
    assert_true(stats_of(pool).losses >= 1);
    wait_up(pool, true, 10000);
    struct ask b = ask_of("select 'y'");
    ask_one(pool, &b);
    assert_string_equal(b.value, "y");
    mer_pg_pool_destroy(pool);
}

// Submits the next from inside done, some with a failure in between: nothing is lost, nothing told twice.
struct chain {
    struct ask a;
    struct mer_pg_pool *pool;
    uint32_t left;
};

static void on_chain(void *owner, const struct mer_pg_result *r)
{
    struct chain *c = owner;
    on_done(&c->a, r);
    if (c->left-- > 1)
        mer_pg_submit(c->pool, &c->a.q);
}

static void done_may_submit(void **state)
{
    NEED_PG();
    struct mer_pg_pool *pool = make_pool((struct mer_pg_pool_opts){.queue_max = 8});
    static struct chain chains[20];
    for (int i = 0; i < 20; i++) {
        chains[i] =
            (struct chain){.a = ask_of(i % 5 ? "select 'fine'" : "select 1 / 0"), .pool = pool, .left = 50};
        chains[i].a.q.scope.tenant = MER_S("t1");
        chains[i].a.q.done = on_chain;
        chains[i].a.q.owner = &chains[i];
        mer_pg_submit(pool, &chains[i].a.q);
    }
    int64_t until = mer_time_mono_us() + 20000000;
    for (uint32_t left = 1; left;) {
        assert_true(mer_time_mono_us() < until);
        mer_loop_turn(loop, 20);
        left = 0;
        for (int i = 0; i < 20; i++)
            left += chains[i].left;
    }
    for (int i = 0; i < 20; i++)
        assert_int_equal(chains[i].a.called, 50);
    assert_int_equal(mer_pg_pool_load(pool), 0);
    mer_pg_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_come_in_order),
        cmocka_unit_test(scopes_never_share_a_sync),
        cmocka_unit_test(light_ones_share_a_sync),
        cmocka_unit_test(without_a_tenant_nothing_is_seen),
        cmocka_unit_test(an_error_stays_its_own),
        cmocka_unit_test(writes_happen_once_and_alone),
        cmocka_unit_test(a_commit_that_fails_is_told),
        cmocka_unit_test(a_killed_backend_costs_reads_nothing),
        cmocka_unit_test(killed_while_idle_goes_unnoticed),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(a_full_queue_refuses),
        cmocka_unit_test(deadlines),
        cmocka_unit_test(a_changed_result_type_is_prepared_again),
        cmocka_unit_test(what_cannot_be_prepared_is_told),
        cmocka_unit_test(prepared_texts_give_way),
        cmocka_unit_test(long_statements_stand_in_nobodys_way),
        cmocka_unit_test(cancelled_ones_are_not_told),
        cmocka_unit_test(odd_values),
        cmocka_unit_test(a_result_can_be_kept),
        cmocka_unit_test(done_may_submit),
        cmocka_unit_test(a_stopped_server_comes_back),
        cmocka_unit_test(a_silent_server_is_given_up),
    };
    return cmocka_run_group_tests_name("resolvers/pool", tests, pool_rig_open, pool_rig_close);
}
