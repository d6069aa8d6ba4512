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
static const char scope_name[] = "scope";

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

static void push_slot(struct mer_pg_conn *c, struct mer_pg_slot s)
{
    s.sent_us = mer_loop_now_us(c->pool->loop);
    *mer_pg_slot_at(c, c->tail++) = s;
}

static void on_writable(void *owner);

// libpq keeps what the socket does not take yet.
static bool flush(struct mer_pg_conn *c)
{
    int left = PQflush(c->pg);
    if (left > 0)
        mer_watch_want_write(c->watch, on_writable);
    return left >= 0;
}

static void on_writable(void *owner)
{
    struct mer_pg_conn *c = owner;
    if (!flush(c))
        mer_pg_conn_lost(c, PQerrorMessage(c->pg));
}

static bool send_sync(struct mer_pg_conn *c)
{
    if (!PQpipelineSync(c->pg))
        return false;
    push_slot(c, (struct mer_pg_slot){.kind = MER_PG_SLOT_SYNC});
    return flush(c);
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
    if (!PQsendPrepare(c->pg, scope_name, scope_sql, 3, NULL)) {
        connect_failed(c, PQerrorMessage(c->pg));
        return;
    }
    push_slot(c, (struct mer_pg_slot){.kind = MER_PG_SLOT_PREPARE, .stmt = MER_PG_UNNAMED});
    if (!send_sync(c)) {
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
            if (c->state == MER_PG_CONN_READY && c->head == c->tail && !send_sync(c))
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
        struct mer_pg_slot *s = mer_pg_slot_at(c, --c->tail);
        if (s->q)
            tell_lost(s->q, said);
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
    if (!flush(c)) {
        mer_pg_conn_lost(c, PQerrorMessage(c->pg));
        return;
    }
    mer_pg_conn_read(c);
}

// ---- sending ----

uint32_t mer_pg_conn_room(const struct mer_pg_conn *c)
{
    if (c->state != MER_PG_CONN_READY)
        return 0;
    if (c->lane == MER_PG_LONG)
        return c->head == c->tail ? 1 : 0;
    uint32_t depth = c->pool->opts.pipeline_max;
    uint32_t by_depth = c->in_flight < depth ? depth - c->in_flight : 0;
    // At worst a statement takes three slots (drop, prepare, query), the batch three more (two Syncs, the
    // scope).
    uint32_t free_slots = MER_PG_SLOTS - (c->tail - c->head);
    uint32_t by_slots = free_slots > 6 ? (free_slots - 3) / 3 : 0;
    return by_depth < by_slots ? by_depth : by_slots;
}

// Adds the text and its NUL to the scratch, whose room was reserved: the pointer stays.
static const char *scratch_text(struct mer_buf *b, struct mer_slice s)
{
    const char *p = b->p + b->n;
    mer_buf_add(b, s);
    mer_buf_add_char(b, '\0');
    return p;
}

static bool send_scope(struct mer_pg_conn *c, const struct mer_pg_scope *scope)
{
    struct mer_buf *b = &c->pool->scratch;
    mer_buf_clear(b);
    mer_buf_reserve(b, scope->tenant.n + scope->facilities.n + scope->role.n + 3);
    const char *const values[] = {scratch_text(b, scope->tenant), scratch_text(b, scope->facilities),
                                  scratch_text(b, scope->role)};
    if (!PQsendQueryPrepared(c->pg, scope_name, 3, values, NULL, NULL, 0))
        return false;
    push_slot(c, (struct mer_pg_slot){.kind = MER_PG_SLOT_SCOPE});
    return true;
}

static const char *const *bind(struct mer_pg_pool *pool, const struct mer_pg_query *q)
{
    size_t bytes = 0;
    if (q->params_n > pool->values_cap) {
        pool->values_cap = q->params_n;
        pool->values = realloc(pool->values, pool->values_cap * sizeof(*pool->values));
        if (!pool->values)
            abort();
    }
    for (uint32_t i = 0; i < q->params_n; i++)
        bytes += q->params[i].value.n + 1;
    mer_buf_clear(&pool->scratch);
    mer_buf_reserve(&pool->scratch, bytes + q->sql.n + 1);
    for (uint32_t i = 0; i < q->params_n; i++)
        pool->values[i] = q->params[i].null ? NULL : scratch_text(&pool->scratch, q->params[i].value);
    return pool->values;
}

static void name_of(char out[16], uint32_t serial)
{
    snprintf(out, 16, "m%u", serial);
}

// A text is prepared when it is seen the second time: many are seen once. Sent before the batch, under a Sync
// of its own, so that no error of the batch takes the preparation with it.
static bool prepare(struct mer_pg_conn *c, uint32_t number, bool *sent)
{
    const struct mer_pg_stmt *stmt = &c->pool->stmts.items[number];
    struct mer_pg_name *name = &c->names[number];
    char text[32] = "DEALLOCATE ";
    if (stmt->uses < 2 || (name->serial && !name->stale && name->generation == stmt->generation))
        return true;
    if (name->serial) {
        name_of(text + 11, name->serial);
        if (!PQsendQueryParams(c->pg, text, 0, NULL, NULL, NULL, NULL, 0))
            return false;
        push_slot(c, (struct mer_pg_slot){.kind = MER_PG_SLOT_DROP});
    }
    *name = (struct mer_pg_name){.serial = ++c->next_serial, .generation = stmt->generation};
    name_of(text, name->serial);
    if (!PQsendPrepare(c->pg, text, stmt->text, 0, NULL))
        return false;
    push_slot(c, (struct mer_pg_slot){.kind = MER_PG_SLOT_PREPARE, .stmt = number, .serial = name->serial});
    c->pool->stats.prepares++;
    *sent = true;
    return true;
}

static bool send_query(struct mer_pg_conn *c, struct mer_pg_query *q, uint32_t number)
{
    struct mer_pg_pool *pool = c->pool;
    const struct mer_pg_name *name = &c->names[number];
    const char *const *values = bind(pool, q);
    struct mer_pg_slot slot = {.kind = MER_PG_SLOT_QUERY, .q = q, .stmt = MER_PG_UNNAMED};
    bool named = name->serial && !name->stale && name->generation == pool->stmts.items[number].generation;
    int ok;
    if (named) {
        char text[16];
        name_of(text, name->serial);
        slot.stmt = number;
        slot.serial = name->serial;
        ok = PQsendQueryPrepared(c->pg, text, (int)q->params_n, values, NULL, NULL, 0);
    } else {
        ok = PQsendQueryParams(c->pg, scratch_text(&pool->scratch, q->sql), (int)q->params_n, NULL, values,
                               NULL, NULL, 0);
    }
    if (!ok)
        return false;
    q->conn = c;
    q->slot = c->tail;
    q->state = MER_PG_QUERY_SENT;
    push_slot(c, slot);
    c->in_flight++;
    return true;
}

// Everything up to the Sync; false when libpq refuses, which means that the connection is gone.
static bool send_batch(struct mer_pg_conn *c, struct mer_pg_query *const *queries, const uint32_t *numbers,
                       uint32_t n)
{
    bool prepared = false;
    for (uint32_t i = 0; i < n; i++) {
        if (!prepare(c, numbers[i], &prepared))
            return false;
    }
    if (prepared && !send_sync(c))
        return false;
    if (!send_scope(c, &queries[0]->scope))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        if (!send_query(c, queries[i], numbers[i]))
            return false;
    }
    return send_sync(c);
}

void mer_pg_conn_send(struct mer_pg_conn *c, struct mer_pg_query *const *queries, uint32_t n)
{
    struct mer_pg_pool *pool = c->pool;
    uint32_t numbers[MER_PG_SLOTS / 4];
    if (pool->on_batch)
        pool->on_batch(pool->on_batch_owner, queries, n);
    for (uint32_t i = 0; i < n; i++)
        numbers[i] = mer_pg_stmts_number(&pool->stmts, queries[i]->sql);
    pool->stats.batches++;
    if (send_batch(c, queries, numbers, n))
        return;
    // Those that were never sent, writes included, go back into the queue in their order.
    for (uint32_t i = n; i-- > 0;) {
        if (!queries[i]->conn)
            mer_pg_requeue(queries[i]);
    }
    mer_pg_conn_lost(c, PQerrorMessage(c->pg));
}

void mer_pg_conn_detach(struct mer_pg_query *q)
{
    struct mer_pg_conn *c = q->conn;
    q->conn = NULL;
    if (c->held_query == q) {
        c->held_query = NULL;
        PQclear(c->held);
        c->held = NULL;
    } else {
        mer_pg_slot_at(c, q->slot)->q = NULL;
    }
    // Nobody waits for a long statement any more: the server notices a closed connection and ends it. A write
    // is left alone, so that it is at least not torn at a random place.
    if (c->lane == MER_PG_LONG && !q->write) {
        c->head = c->tail = c->in_flight = 0;
        mer_pg_conn_close(c);
        mer_pg_lane_changed(c->pool, c->lane);
    }
}
