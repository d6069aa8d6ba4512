// SPDX-License-Identifier: MIT
// What the tests of the pool share: a Postgres, a loop, statements that note what they were told.
#ifndef MER_TEST_POOL_RIG_H
#define MER_TEST_POOL_RIG_H

#include "mer_test.h"
#include "pg_fixture.h"
#include "resolvers/postgres/pool.h"

extern struct pg_fixture *pg; // NULL where Postgres is not installed
extern struct mer_loop *loop;

struct ask {
    struct mer_pg_query q;
    struct mer_pg_param params[2];
    uint32_t called;
    uint32_t turn; // which callback this was, over all asks
    enum mer_err err;
    char value[256], sqlstate[6], message[200];
    bool maybe_executed;
};

extern uint32_t answered_n; // callbacks so far

// A Postgres with tables and a role `app`; for cmocka's groups.
int pool_rig_open(void **state);
int pool_rig_close(void **state);

struct ask ask_of(const char *sql);
void on_done(void *owner, const struct mer_pg_result *r);
// In the name of tenant t1 unless the ask says otherwise.
void submit(struct mer_pg_pool *pool, struct ask *a);
void wait_answers(struct ask *asks, size_t n, int64_t limit_ms);
void ask_one(struct mer_pg_pool *pool, struct ask *a);
void turn_for(int64_t ms);
void wait_up(struct mer_pg_pool *pool, bool up, int64_t limit_ms);
struct mer_pg_pool *make_pool(struct mer_pg_pool_opts opts); // connected
struct mer_pg_pool_stats stats_of(const struct mer_pg_pool *pool);

#define NEED_PG()                                                                                            \
    do {                                                                                                     \
        (void)state;                                                                                         \
        if (!pg)                                                                                             \
            skip();                                                                                          \
    } while (0)

#endif
