// SPDX-License-Identifier: MIT
// Making a pool, ending it, and what it tells of itself.
#include "resolvers/postgres/pool_priv.h"

#include <stdio.h>
#include <stdlib.h>

static void set_defaults(struct mer_pg_pool_opts *o)
{
    const struct {
        uint32_t *field, value, max;
    } defaults[] = {
        {&o->short_connections, 2, 256},
        {&o->long_connections_max, 4, 256},
        {&o->queue_max, 256, UINT32_MAX},
        {&o->batch_max, 16, MER_PG_SLOTS / 4},
        {&o->pipeline_max, 64, MER_PG_SLOTS},
        {&o->prepared_max, 512, 65536},
        {&o->connect_wait_ms, 1000, 3600000},
        {&o->connect_timeout_ms, 5000, 3600000},
        {&o->statement_timeout_ms, 10000, 3600000},
        {&o->idle_close_ms, 30000, UINT32_MAX},
        {&o->stall_ms, 15000, UINT32_MAX},
    };
    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
        if (*defaults[i].field == 0)
            *defaults[i].field = defaults[i].value;
        if (*defaults[i].field > defaults[i].max)
            *defaults[i].field = defaults[i].max;
    }
    // The numbers of one batch's texts must all stand at the same time.
    if (o->prepared_max < o->batch_max)
        o->prepared_max = o->batch_max;
}

static char *copy_text(const char *s)
{
    char *p = strdup(s ? s : "");
    if (!p)
        abort();
    return p;
}

// What the compiled SQL relies on, and the server's own bound; options of the DSN come first, so ours hold.
// A short statement runs often and by index: one generic plan saves planning it each time. A long one is a
// search whose best plan depends on its values.
static char *make_session_options(const struct mer_pg_pool_opts *o, enum mer_pg_lane lane)
{
    const char *plans = lane == MER_PG_SHORT ? "force_generic_plan" : "force_custom_plan";
    char *problem = NULL, *out = NULL;
    const char *own = "";
    PQconninfoOption *parsed = PQconninfoParse(o->dsn, &problem);
    for (PQconninfoOption *p = parsed; p && p->keyword; p++) {
        if (strcmp(p->keyword, "options") == 0 && p->val)
            own = p->val;
    }
    // client_connection_check_interval: a statement whose gateway has gone, or that nobody waits for, ends
    // soon.
    int n = asprintf(&out,
                     "%s -c statement_timeout=%u -c TimeZone=UTC -c DateStyle=ISO -c IntervalStyle=iso_8601 "
                     "-c standard_conforming_strings=on -c client_connection_check_interval=500 "
                     "-c plan_cache_mode=%s",
                     own, o->statement_timeout_ms, plans);
    if (n < 0)
        abort();
    PQconninfoFree(parsed);
    PQfreemem(problem);
    return out;
}

static void make_lane(struct mer_pg_pool *pool, enum mer_pg_lane lane, uint32_t n)
{
    struct mer_pg_conn *conns = calloc(n, sizeof(*conns));
    if (!conns)
        abort();
    for (uint32_t i = 0; i < n; i++) {
        conns[i].pool = pool;
        conns[i].lane = lane;
        conns[i].names = calloc(pool->opts.prepared_max, sizeof(*conns[i].names));
        if (!conns[i].names)
            abort();
    }
    pool->conns[lane] = conns;
    pool->conns_n[lane] = n;
    mer_pg_queue_init(&pool->queues[lane]);
    pool->down_since_us[lane] = mer_loop_now_us(pool->loop);
}

struct mer_pg_pool *mer_pg_pool_create(struct mer_loop *loop, const struct mer_pg_pool_opts *opts)
{
    struct mer_pg_pool *pool = calloc(1, sizeof(*pool));
    if (!pool)
        abort();
    pool->loop = loop;
    pool->opts = *opts;
    set_defaults(&pool->opts);
    pool->name = copy_text(opts->name);
    pool->dsn = copy_text(opts->dsn);
    pool->opts.name = pool->name;
    pool->opts.dsn = pool->dsn;
    for (int lane = 0; lane < MER_PG_LANES_N; lane++)
        pool->session_options[lane] = make_session_options(&pool->opts, (enum mer_pg_lane)lane);
    mer_pg_queue_init(&pool->failing);
    mer_pg_stmts_init(&pool->stmts, pool->opts.prepared_max);
    mer_buf_init(&pool->scratch, NULL, 1024);
    make_lane(pool, MER_PG_SHORT, pool->opts.short_connections);
    make_lane(pool, MER_PG_LONG, pool->opts.long_connections_max);
    for (uint32_t i = 0; i < pool->conns_n[MER_PG_SHORT]; i++)
        mer_pg_conn_open(&pool->conns[MER_PG_SHORT][i]);
    return pool;
}

static void drop_all(struct mer_pg_pool *pool, struct mer_pg_queue *l)
{
    while (l->head) {
        struct mer_pg_query *q = l->head;
        mer_timer_stop(pool->loop, &q->timer);
        mer_pg_queue_remove(l, q);
        q->state = MER_PG_QUERY_IDLE;
    }
}

static void drop_in_flight(struct mer_pg_pool *pool, struct mer_pg_conn *c)
{
    struct mer_pg_query *q = c->held_query;
    for (;;) {
        if (q) {
            mer_timer_stop(pool->loop, &q->timer);
            q->state = MER_PG_QUERY_IDLE;
        }
        if (c->head == c->tail)
            break;
        q = mer_pg_slot_at(c, c->head++)->q;
    }
    c->held_query = NULL;
}

void mer_pg_pool_destroy(struct mer_pg_pool *pool)
{
    if (!pool)
        return;
    mer_task_cancel(pool->loop, &pool->task);
    for (int lane = 0; lane < MER_PG_LANES_N; lane++) {
        for (uint32_t i = 0; i < pool->conns_n[lane]; i++) {
            struct mer_pg_conn *c = &pool->conns[lane][i];
            drop_in_flight(pool, c);
            mer_pg_conn_close(c);
            free(c->names);
        }
        free(pool->conns[lane]);
        drop_all(pool, &pool->queues[lane]);
    }
    drop_all(pool, &pool->failing);
    mer_pg_stmts_fini(&pool->stmts);
    mer_buf_fini(&pool->scratch);
    free(pool->values);
    for (int lane = 0; lane < MER_PG_LANES_N; lane++)
        free(pool->session_options[lane]);
    free(pool->name);
    free(pool->dsn);
    free(pool);
}

bool mer_pg_pool_up(const struct mer_pg_pool *pool)
{
    return mer_pg_lane_up(pool, MER_PG_SHORT);
}

uint32_t mer_pg_pool_load(const struct mer_pg_pool *pool)
{
    uint32_t n = 0;
    for (int lane = 0; lane < MER_PG_LANES_N; lane++) {
        n += pool->queues[lane].n;
        for (uint32_t i = 0; i < pool->conns_n[lane]; i++)
            n += pool->conns[lane][i].in_flight;
    }
    return n;
}

int64_t mer_pg_pool_latency_us(const struct mer_pg_pool *pool)
{
    return pool->stats.latency_us;
}

void mer_pg_pool_stats(const struct mer_pg_pool *pool, struct mer_pg_pool_stats *out)
{
    *out = pool->stats;
    out->connections_up = mer_pg_lane_ready_n(pool, MER_PG_SHORT);
    out->connections_long_up = mer_pg_lane_ready_n(pool, MER_PG_LONG);
    out->queued = pool->queues[MER_PG_SHORT].n + pool->queues[MER_PG_LONG].n;
    out->in_flight = mer_pg_pool_load(pool) - out->queued;
}
