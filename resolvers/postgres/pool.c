// SPDX-License-Identifier: MIT
// The queues, the batches, the deadlines.
#include "resolvers/postgres/pool_priv.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/time.h"

#include <stdio.h>

// Fewer statements than this are not spread over connections: a Sync and a set_config cost more than the
// wait. Light ones are not spread at all: for them a Sync and a set_config are most of the work.
#define SHARE_LEAST 4u
// A connection whose oldest statement has waited so long has something slow before it; others are preferred.
#define SLOW_HEAD_US 20000

// ---- lists ----

static void queue_append(struct mer_pg_queue *l, struct mer_pg_query *q)
{
    q->next = NULL;
    q->pprev = l->tail;
    *l->tail = q;
    l->tail = &q->next;
    l->n++;
}

static void queue_prepend(struct mer_pg_queue *l, struct mer_pg_query *q)
{
    q->next = l->head;
    q->pprev = &l->head;
    if (l->head)
        l->head->pprev = &q->next;
    else
        l->tail = &q->next;
    l->head = q;
    l->n++;
}

static enum mer_pg_lane lane_of(const struct mer_pg_query *q)
{
    return q->long_lane ? MER_PG_LONG : MER_PG_SHORT;
}

static bool lane_asleep(const struct mer_pg_pool *pool, enum mer_pg_lane lane)
{
    for (uint32_t i = 0; i < pool->conns_n[lane]; i++) {
        if (pool->conns[lane][i].state != MER_PG_CONN_CLOSED)
            return false;
    }
    return true;
}

bool mer_pg_lane_up(const struct mer_pg_pool *pool, enum mer_pg_lane lane)
{
    for (uint32_t i = 0; i < pool->conns_n[lane]; i++) {
        if (pool->conns[lane][i].state == MER_PG_CONN_READY)
            return true;
    }
    return false;
}

// ---- ends of a query ----

void mer_pg_finish(struct mer_pg_query *q, const struct mer_pg_result *r)
{
    struct mer_pg_pool *pool = q->pool;
    struct mer_pg_result told = *r;
    mer_timer_stop(pool->loop, &q->timer);
    q->state = MER_PG_QUERY_IDLE;
    told.elapsed_us = mer_loop_now_us(pool->loop) - q->submit_us;
    if (!told.message)
        told.message = "";
    q->done(q->owner, &told); // q may be gone after this
}

static enum mer_err err_of(const char *sqlstate)
{
    return strcmp(sqlstate, "57014") == 0 ? MER_ERR_TIMEOUT : MER_ERR_IO;
}

static void finish_error(struct mer_pg_query *q, const PGresult *res)
{
    struct mer_pg_pool *pool = q->pool;
    struct mer_pg_result r = {.message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY)};
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    snprintf(r.sqlstate, sizeof(r.sqlstate), "%s", state ? state : "");
    r.err = err_of(r.sqlstate);
    pool->stats.errors++;
    if (r.err == MER_ERR_TIMEOUT)
        pool->stats.timeouts++;
    mer_pg_finish(q, &r);
}

void mer_pg_finish_row(struct mer_pg_query *q, struct mer_pg_rows *rows, int row, int column)
{
    const PGresult *res = mer_pg_rows_result(rows);
    struct mer_pg_result r = {.rows = rows};
    if (row < PQntuples(res) && column < PQnfields(res) && !PQgetisnull(res, row, column))
        r.value = mer_slice_make(PQgetvalue(res, row, column), (size_t)PQgetlength(res, row, column));
    mer_pg_finish(q, &r);
}

void mer_pg_finish_pg(struct mer_pg_query *q, PGresult *take_res)
{
    ExecStatusType st = PQresultStatus(take_res);
    struct mer_pg_rows *rows = mer_pg_rows_make(take_res);
    if (st == PGRES_TUPLES_OK || st == PGRES_COMMAND_OK)
        mer_pg_finish_row(q, rows, 0, 0);
    else
        finish_error(q, take_res);
    mer_pg_rows_release(rows);
}

static void on_turn_end(void *owner);

void mer_pg_wake(struct mer_pg_pool *pool)
{
    if (pool->queues[MER_PG_SHORT].n || pool->queues[MER_PG_LONG].n || pool->failing.n)
        mer_loop_defer(pool->loop, &pool->task, on_turn_end, pool);
}

void mer_pg_fail_later(struct mer_pg_query *q, enum mer_err err, const char *message, bool maybe_executed)
{
    q->state = MER_PG_QUERY_FAILING;
    q->fail_err = err;
    q->fail_message = message;
    q->maybe_executed = maybe_executed;
    queue_append(&q->pool->failing, q);
    mer_pg_wake(q->pool);
}

static void tell_failures(struct mer_pg_pool *pool)
{
    // Only those that are there now: a waiter that asks again at once must not keep the turn from ending.
    for (uint32_t n = pool->failing.n; n && pool->failing.head; n--) {
        struct mer_pg_query *q = pool->failing.head;
        mer_pg_queue_remove(&pool->failing, q);
        struct mer_pg_result r = {
            .err = q->fail_err, .message = q->fail_message, .maybe_executed = q->maybe_executed};
        mer_pg_finish(q, &r);
    }
}

// ---- deadlines ----

static void on_query_timer(void *owner);

// A query waits for its deadline; while its lane has no connection, only as long as the lane may be without
// one.
static int64_t due_us(const struct mer_pg_query *q, int64_t now)
{
    const struct mer_pg_pool *pool = q->pool;
    enum mer_pg_lane lane = lane_of(q);
    int64_t due = q->deadline_mono_us ? q->deadline_mono_us : INT64_MAX;
    if (q->state == MER_PG_QUERY_QUEUED && !mer_pg_lane_up(pool, lane)) {
        int64_t since = lane_asleep(pool, lane) ? now : pool->down_since_us[lane];
        int64_t patience = since + (int64_t)pool->opts.connect_wait_ms * 1000;
        due = patience < due ? patience : due;
    }
    return due;
}

static void arm_timer(struct mer_pg_query *q)
{
    int64_t now = mer_loop_now_us(q->pool->loop), due = due_us(q, now);
    if (due == INT64_MAX)
        mer_timer_stop(q->pool->loop, &q->timer);
    else
        mer_timer_start(q->pool->loop, &q->timer, due > now ? (uint64_t)(due - now + 999) / 1000 : 0,
                        on_query_timer, q);
}

static void on_query_timer(void *owner)
{
    struct mer_pg_query *q = owner;
    struct mer_pg_pool *pool = q->pool;
    int64_t now = mer_time_mono_us();
    if (due_us(q, now) - now > 1000) {
        arm_timer(q);
        return;
    }
    bool deadline = q->deadline_mono_us && q->deadline_mono_us - now <= 1000;
    struct mer_pg_result r = {.err = deadline ? MER_ERR_TIMEOUT : MER_ERR_IO,
                              .message = deadline ? "the deadline passed" : "no connection to the database"};
    if (q->state == MER_PG_QUERY_SENT) {
        r.maybe_executed = q->write;
        mer_pg_conn_detach(q);
    } else if (q->state == MER_PG_QUERY_QUEUED) {
        mer_pg_queue_remove(&pool->queues[lane_of(q)], q);
    } else {
        return; // its failure is told at the end of the turn
    }
    pool->stats.timeouts += deadline;
    mer_pg_finish(q, &r);
}

void mer_pg_requeue(struct mer_pg_query *q)
{
    q->state = MER_PG_QUERY_QUEUED;
    queue_prepend(&q->pool->queues[lane_of(q)], q);
    mer_pg_wake(q->pool);
}

// A connection of the lane came or went.
void mer_pg_lane_changed(struct mer_pg_pool *pool, enum mer_pg_lane lane)
{
    if (!mer_pg_lane_up(pool, lane)) {
        pool->down_since_us[lane] = mer_loop_now_us(pool->loop);
        for (struct mer_pg_query *q = pool->queues[lane].head; q; q = q->next)
            arm_timer(q);
    }
    mer_pg_wake(pool);
}

// ---- batches ----

static bool same_scope(const struct mer_pg_query *a, const struct mer_pg_query *b)
{
    return a->scope_hash == b->scope_hash && mer_slice_eq(a->scope.tenant, b->scope.tenant) &&
           mer_slice_eq(a->scope.facilities, b->scope.facilities) &&
           mer_slice_eq(a->scope.role, b->scope.role);
}

// What was lost with a connection goes only where something was heard since.
static bool may_carry(const struct mer_pg_conn *c, const struct mer_pg_query *q)
{
    return q->lost_n == 0 || c->heard_us > q->lost_us;
}

// Those with a text for many have a batch of their own: it may be longer, for it is few statements.
static bool may_share(const struct mer_pg_query *first, const struct mer_pg_query *q)
{
    return !q->write && !q->alone && q->light == first->light && !q->many.n == !first->many.n &&
           same_scope(q, first);
}

// Takes the query, and those behind it that may travel with it.
static uint32_t take_batch(struct mer_pg_queue *l, struct mer_pg_query *first, const struct mer_pg_conn *c,
                           struct mer_pg_query **out, uint32_t max)
{
    uint32_t n = 0;
    if (first->write || first->alone)
        max = 1;
    for (struct mer_pg_query *q = first, *next; q && n < max; q = next) {
        next = q->next;
        if (q != first && (!may_share(first, q) || !may_carry(c, q)))
            continue;
        mer_pg_queue_remove(l, q);
        out[n++] = q;
    }
    return n;
}

static uint32_t work_on(const struct mer_pg_pool *pool, struct mer_pg_conn *c)
{
    uint32_t work = c->in_flight;
    if (c->head != c->tail &&
        mer_loop_now_us(pool->loop) - mer_pg_slot_at(c, c->head)->sent_us > SLOW_HEAD_US)
        work += pool->opts.batch_max;
    return work;
}

static struct mer_pg_conn *least_busy(struct mer_pg_pool *pool, const struct mer_pg_query *q, uint32_t *room)
{
    enum mer_pg_lane lane = lane_of(q);
    struct mer_pg_conn *best = NULL;
    uint32_t best_work = 0;
    for (uint32_t i = 0; i < pool->conns_n[lane]; i++) {
        struct mer_pg_conn *c = &pool->conns[lane][i];
        uint32_t has = mer_pg_conn_room(c), work = work_on(pool, c);
        if (has && may_carry(c, q) && (!best || work < best_work)) {
            best = c;
            best_work = work;
            *room = has;
        }
    }
    return best;
}

uint32_t mer_pg_lane_ready_n(const struct mer_pg_pool *pool, enum mer_pg_lane lane)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < pool->conns_n[lane]; i++)
        n += pool->conns[lane][i].state == MER_PG_CONN_READY;
    return n;
}

static void dispatch(struct mer_pg_pool *pool, enum mer_pg_lane lane)
{
    struct mer_pg_queue *l = &pool->queues[lane];
    struct mer_pg_query *batch[MER_PG_BATCH_MAX];
    uint32_t ready = mer_pg_lane_ready_n(pool, lane);
    if (ready == 0)
        return;
    uint32_t share = (l->n + ready - 1) / ready;
    if (share < SHARE_LEAST)
        share = SHARE_LEAST;
    if (share > pool->opts.batch_max)
        share = pool->opts.batch_max;
    for (struct mer_pg_query *q = l->head; q;) {
        uint32_t room = 0;
        struct mer_pg_conn *c = least_busy(pool, q, &room);
        if (!c && q->lost_n == 0)
            return;
        if (!c) { // waits for a sign of life; those behind it do not
            q = q->next;
            continue;
        }
        uint32_t most = q->many.n ? MER_PG_BATCH_MAX : q->light ? pool->opts.batch_max : share;
        uint32_t n = take_batch(l, q, c, batch, room < most ? room : most);
        mer_pg_conn_send(c, batch, n);
        q = l->head;
    }
}

// The long lane opens a connection for each statement that waits, up to its limit.
static void open_long(struct mer_pg_pool *pool)
{
    uint32_t wanted = pool->queues[MER_PG_LONG].n, coming = 0;
    bool was_asleep = lane_asleep(pool, MER_PG_LONG);
    struct mer_pg_conn *conns = pool->conns[MER_PG_LONG];
    for (uint32_t i = 0; i < pool->conns_n[MER_PG_LONG]; i++)
        coming += conns[i].state == MER_PG_CONN_CONNECTING || conns[i].state == MER_PG_CONN_BACKOFF;
    for (uint32_t i = 0; i < pool->conns_n[MER_PG_LONG] && coming < wanted; i++) {
        if (conns[i].state != MER_PG_CONN_CLOSED)
            continue;
        if (was_asleep)
            pool->down_since_us[MER_PG_LONG] = mer_loop_now_us(pool->loop);
        was_asleep = false;
        mer_pg_conn_open(&conns[i]);
        coming++;
    }
}

static void on_turn_end(void *owner)
{
    struct mer_pg_pool *pool = owner;
    dispatch(pool, MER_PG_SHORT);
    dispatch(pool, MER_PG_LONG);
    open_long(pool);
    tell_failures(pool);
}

// ---- the face ----

static bool has_nul(struct mer_slice s)
{
    return s.n && memchr(s.p, '\0', s.n);
}

// libpq takes C strings: a value with a NUL would arrive cut.
static bool is_sendable(const struct mer_pg_query *q)
{
    if (has_nul(q->sql) || has_nul(q->scope.tenant) || has_nul(q->scope.facilities) || has_nul(q->scope.role))
        return false;
    for (uint32_t i = 0; i < q->params_n; i++) {
        if (!q->params[i].null && has_nul(q->params[i].value))
            return false;
    }
    return q->sql.n > 0 && q->params_n <= UINT16_MAX;
}

void mer_pg_submit(struct mer_pg_pool *pool, struct mer_pg_query *q)
{
    struct mer_pg_queue *l = &pool->queues[lane_of(q)];
    MER_ASSERT(q->state == MER_PG_QUERY_IDLE);
    q->pool = pool;
    q->conn = NULL;
    q->mate = NULL;
    q->apart = q->alone = q->aborted_once = q->failed_once = q->maybe_executed = false;
    q->lost_n = q->broken_n = 0;
    q->submit_us = mer_loop_now_us(pool->loop);
    pool->stats.queries++;
    if (!is_sendable(q)) {
        mer_pg_fail_later(q, MER_ERR_INVALID, "a NUL byte, no text, or too many parameters", false);
        return;
    }
    if (l->n >= pool->opts.queue_max) {
        pool->stats.busy++;
        mer_pg_fail_later(q, MER_ERR_BUSY, "too many statements wait for the database", false);
        return;
    }
    q->scope_hash = mer_hash_mix(mer_hash_mix(mer_hash(q->scope.tenant), mer_hash(q->scope.facilities)),
                                 mer_hash(q->scope.role));
    q->state = MER_PG_QUERY_QUEUED;
    queue_append(l, q);
    arm_timer(q);
    mer_pg_wake(pool);
}

static void take_out(struct mer_pg_query *q)
{
    if (q->state == MER_PG_QUERY_QUEUED)
        mer_pg_queue_remove(&q->pool->queues[lane_of(q)], q);
    else if (q->state == MER_PG_QUERY_FAILING)
        mer_pg_queue_remove(&q->pool->failing, q);
    else if (q->state == MER_PG_QUERY_SENT)
        mer_pg_conn_detach(q);
    q->state = MER_PG_QUERY_IDLE;
}

void mer_pg_cancel(struct mer_pg_query *q)
{
    if (q->state == MER_PG_QUERY_IDLE)
        return;
    mer_timer_stop(q->pool->loop, &q->timer);
    take_out(q);
}
