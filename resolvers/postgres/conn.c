// SPDX-License-Identifier: MIT
// One connection: connecting, sending batches, being lost.
#include "resolvers/postgres/pool_priv.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>

#define BACKOFF_FIRST_MS 100u
#define BACKOFF_MAX_MS   5000u
#define HOUSEKEEPING_MS  1000u
#define LOST_MAX         3 // connections a read may lose

static const char scope_sql[] =
    "select set_config('app.tenant_id',$1,true),set_config('app.facilities',$2,true),"
    "set_config('app.role',$3,true)";

static void on_readable(void *owner);
static void on_connect_step(void *owner);

static void on_notice(void *owner, const char *message)
{
    struct mer_pg_conn *c = owner;
    struct mer_slice text = mer_slice_trim(mer_slice_of(message));
    mer_log(MER_LOG_DEBUG, "postgres", "notice pool=%s text=%.*s", c->pool->name, MER_LOG_FMT(text));
}

// libpq's messages have lines of advice after the first.
static struct mer_slice first_line(const char *message)
{
    struct mer_slice text = mer_slice_of(message);
    return mer_slice_trim(mer_slice_cut(&text, '\n'));
}

static void drop_handles(struct mer_pg_conn *c)
{
    mer_timer_stop(c->pool->loop, &c->timer);
    if (c->watch)
        mer_watch_close(c->watch); // before PQfinish: it holds a duplicate of the socket
    c->watch = NULL;
    PQclear(c->held);
    c->held = NULL;
    PQfinish(c->pg);
    c->pg = NULL;
}

void mer_pg_conn_close(struct mer_pg_conn *c)
{
    drop_handles(c);
    c->state = MER_PG_CONN_CLOSED;
}

// ---- connecting ----

static void on_backoff_over(void *owner)
{
    mer_pg_conn_open(owner);
}

// Doubles from the first wait to the last; half of it is chance, so that many gateways do not come back as
// one.
static uint64_t backoff_ms(const struct mer_pg_conn *c)
{
    uint64_t most = BACKOFF_FIRST_MS << (c->fails < 6 ? c->fails : 6);
    if (most > BACKOFF_MAX_MS)
        most = BACKOFF_MAX_MS;
    return most / 2 + mer_hash_mix((uint64_t)mer_time_mono_us(), (uint64_t)(uintptr_t)c) % (most / 2 + 1);
}

static bool is_wanted(const struct mer_pg_conn *c)
{
    return c->lane == MER_PG_SHORT || c->pool->queues[c->lane].n > 0;
}

static void try_again_later(struct mer_pg_conn *c)
{
    drop_handles(c);
    if (is_wanted(c)) {
        c->state = MER_PG_CONN_BACKOFF;
        mer_timer_start(c->pool->loop, &c->timer, backoff_ms(c), on_backoff_over, c);
    } else {
        c->state = MER_PG_CONN_CLOSED;
    }
    c->fails++;
}

static void connect_failed(struct mer_pg_conn *c, const char *why)
{
    struct mer_slice text = first_line(why);
    // Once an outage, not once an attempt.
    mer_log(c->pool->told_down ? MER_LOG_DEBUG : MER_LOG_WARN, "postgres", "cannot connect pool=%s why=%.*s",
            c->pool->name, MER_LOG_FMT(text));
    c->pool->told_down = true;
    try_again_later(c);
}

static void on_connect_timeout(void *owner)
{
    connect_failed(owner, "timed out");
}

static void on_housekeeping(void *owner)
{
    struct mer_pg_conn *c = owner;
    const struct mer_pg_pool_opts *opts = &c->pool->opts;
    int64_t now = mer_loop_now_us(c->pool->loop);
    if (c->head != c->tail) {
        int64_t since = mer_pg_slot_at(c, c->head)->sent_us;
        if (c->heard_us > since)
            since = c->heard_us;
        if (now - since > (int64_t)opts->stall_ms * 1000) {
            mer_pg_conn_lost(c, "nothing heard");
            return;
        }
    } else if (c->lane == MER_PG_LONG && now - c->idle_since_us > (int64_t)opts->idle_close_ms * 1000) {
        mer_pg_conn_close(c);
        return;
    }
    mer_timer_start(c->pool->loop, &c->timer, HOUSEKEEPING_MS, on_housekeeping, c);
}

static void on_writable(void *owner);

// libpq keeps what the socket does not take yet.
bool mer_pg_conn_flush(struct mer_pg_conn *c)
{
    int left = PQflush(c->pg);
    if (left > 0)
        mer_watch_want_write(c->watch, on_writable);
    return left >= 0;
}

static void on_writable(void *owner)
{
    struct mer_pg_conn *c = owner;
    if (!mer_pg_conn_flush(c))
        mer_pg_conn_lost(c, PQerrorMessage(c->pg));
}

static void become_ready(struct mer_pg_conn *c)
{
    struct mer_pg_pool *pool = c->pool;
    c->watch = mer_watch_open(pool->loop, PQsocket(c->pg), on_readable, c);
    if (!c->watch || PQsetnonblocking(c->pg, 1) != 0 || !PQenterPipelineMode(c->pg)) {
        connect_failed(c, "cannot enter pipeline mode");
        return;
    }
    c->state = MER_PG_CONN_READY;
    c->head = c->tail = c->in_flight = c->stray_nulls = 0;
    c->next_serial = c->bad_serial = 0;
    memset(c->names, 0, pool->opts.prepared_max * sizeof(*c->names));
    c->heard_us = c->idle_since_us = mer_loop_now_us(pool->loop);
    pool->stats.connects++;
    if (!PQsendPrepare(c->pg, MER_PG_SCOPE_NAME, scope_sql, 3, NULL)) {
        connect_failed(c, PQerrorMessage(c->pg));
        return;
    }
    mer_pg_conn_push(c, (struct mer_pg_slot){.kind = MER_PG_SLOT_PREPARE, .stmt = MER_PG_UNNAMED});
    if (!mer_pg_conn_sync(c)) {
        connect_failed(c, PQerrorMessage(c->pg));
        return;
    }
    mer_timer_start(pool->loop, &c->timer, HOUSEKEEPING_MS, on_housekeeping, c);
    mer_pg_lane_changed(pool, c->lane);
}

// libpq may have gone to another socket in any step, even one with the same number: watch it anew each time.
static void watch_connecting(struct mer_pg_conn *c, bool writing)
{
    if (c->watch)
        mer_watch_close(c->watch);
    c->watch = mer_watch_open(c->pool->loop, PQsocket(c->pg), on_connect_step, c);
    if (!c->watch) {
        connect_failed(c, "no descriptor to watch the socket by");
        return;
    }
    if (writing) {
        mer_watch_pause_read(c->watch);
        mer_watch_want_write(c->watch, on_connect_step);
    }
}

static void on_connect_step(void *owner)
{
    struct mer_pg_conn *c = owner;
    switch (PQconnectPoll(c->pg)) {
    case PGRES_POLLING_READING:
        watch_connecting(c, false);
        return;
    case PGRES_POLLING_WRITING:
        watch_connecting(c, true);
        return;
    case PGRES_POLLING_OK:
        mer_watch_close(c->watch);
        c->watch = NULL;
        become_ready(c);
        return;
    default:
        connect_failed(c, PQerrorMessage(c->pg));
    }
}

void mer_pg_conn_open(struct mer_pg_conn *c)
{
    struct mer_pg_pool *pool = c->pool;
    // The first "dbname" is expanded; what follows overrides it. gssencmode costs a round trip and a library
    // call.
    const char *const keys[] = {
        "dbname",          "application_name",    "gssencmode",       "client_encoding", "keepalives",
        "keepalives_idle", "keepalives_interval", "tcp_user_timeout", "options",         NULL};
    const char *const values[] = {
        pool->dsn, "meridian", "disable", "UTF8", "1", "30", "10", "10000", pool->session_options[c->lane],
        NULL};
    c->state = MER_PG_CONN_CONNECTING;
    c->pg = PQconnectStartParams(keys, values, 1);
    if (!c->pg)
        abort(); // out of memory
    mer_timer_start(pool->loop, &c->timer, pool->opts.connect_timeout_ms, on_connect_timeout, c);
    if (PQstatus(c->pg) == CONNECTION_BAD) {
        connect_failed(c, PQerrorMessage(c->pg));
        return;
    }
    PQsetNoticeProcessor(c->pg, on_notice, c);
    watch_connecting(c, true);
}

// ---- losing ----

// A statement that itself kills the server must not be carried from one connection to the next; a server that
// says that it ends the session was not killed by it.
static void tell_lost(struct mer_pg_query *q, bool said)
{
    q->conn = NULL;
    q->lost_n++;
    q->lost_us = mer_loop_now_us(q->pool->loop);
    q->broken_n = (uint8_t)(q->broken_n + !said);
    if (q->write) {
        mer_pg_fail_later(q, MER_ERR_CLOSED, "the connection broke while a write was under way", true);
    } else if (q->broken_n > 1 || q->lost_n > LOST_MAX) {
        mer_pg_fail_later(q, MER_ERR_CLOSED, "the connection broke again and again", false);
    } else {
        q->pool->stats.retries++;
        mer_pg_requeue(q);
    }
}

// What ended one connection has often ended the others too, and an idle one may not know yet: an empty Sync
// makes the server answer, and what was lost is asked again only where something was heard since.
static void ping_others(struct mer_pg_pool *pool)
{
    for (int lane = 0; lane < MER_PG_LANES_N; lane++) {
        for (uint32_t i = 0; i < pool->conns_n[lane]; i++) {
            struct mer_pg_conn *c = &pool->conns[lane][i];
            if (c->state == MER_PG_CONN_READY && c->head == c->tail && !mer_pg_conn_sync(c))
                mer_pg_conn_lost(c, PQerrorMessage(c->pg));
        }
    }
}

static void lose(struct mer_pg_conn *c, const char *why, bool said)
{
    struct mer_slice text = first_line(why);
    mer_log(MER_LOG_WARN, "postgres", "connection lost pool=%s in_flight=%u why=%.*s", c->pool->name,
            c->in_flight, MER_LOG_FMT(text));
    c->pool->stats.losses++;
    // From the youngest: each is queued before the one that was sent after it. The held one is the oldest.
    while (c->tail != c->head) {
        struct mer_pg_query *of[MER_PG_BATCH_MAX];
        for (uint32_t n = mer_pg_slot_empty(mer_pg_slot_at(c, --c->tail), of); n > 0;)
            tell_lost(of[--n], said);
    }
    if (c->held_query)
        tell_lost(c->held_query, said);
    c->held_query = NULL;
    c->in_flight = 0;
    try_again_later(c);
    ping_others(c->pool);
    mer_pg_lane_changed(c->pool, c->lane);
}

void mer_pg_conn_lost(struct mer_pg_conn *c, const char *why)
{
    lose(c, why, false);
}

void mer_pg_conn_ended(struct mer_pg_conn *c, const char *why)
{
    lose(c, why, true);
}

static void on_readable(void *owner)
{
    struct mer_pg_conn *c = owner;
    if (!PQconsumeInput(c->pg)) {
        // What came before the end is told first: a server that goes away says why.
        if (mer_pg_conn_read(c))
            mer_pg_conn_lost(c, PQerrorMessage(c->pg));
        return;
    }
    c->heard_us = mer_loop_now_us(c->pool->loop);
    if (!mer_pg_conn_flush(c)) {
        mer_pg_conn_lost(c, PQerrorMessage(c->pg));
        return;
    }
    mer_pg_conn_read(c);
}
