// SPDX-License-Identifier: MIT
// What the files of the pool share: pool.c queues and forms batches, pool_life.c makes and ends it, conn.c is
// one connection's life, conn_send.c what goes out on it, conn_results.c matches what comes back, rows.c owns
// that, statements.c knows which texts are worth preparing. Siblings and tests.
#ifndef MER_RESOLVERS_POSTGRES_POOL_PRIV_H
#define MER_RESOLVERS_POSTGRES_POOL_PRIV_H

#include "base/buf.h"
#include "base/map.h"
#include "resolvers/postgres/pool.h"

#include <libpq-fe.h>

// ---- statements.c: texts of the whole pool, each with a small number ----

#define MER_PG_UNNAMED UINT32_MAX

struct mer_pg_stmt {
    char *text; // NUL-terminated
    size_t text_n;
    uint32_t generation; // goes up when the number gets another text
    uint32_t uses;
    uint64_t used_at;
};

#define MER_PG_HINTS 64u // a power of two

struct mer_pg_stmts {
    struct mer_map by_text; // to struct mer_pg_stmt
    // The last number by where its text stood: texts that are kept come from the same place. Only a hint,
    // since another text may stand there now.
    uint32_t hints[MER_PG_HINTS];
    struct mer_pg_stmt *items;
    uint32_t n, max;
    uint64_t clock;
};

void mer_pg_stmts_init(struct mer_pg_stmts *s, uint32_t max);
void mer_pg_stmts_fini(struct mer_pg_stmts *s);
// The text's number; the least recently used one gives way when all are taken. Counts the use.
uint32_t mer_pg_stmts_number(struct mer_pg_stmts *s, struct mer_slice text);

// ---- a connection ----

enum mer_pg_lane { MER_PG_SHORT = 0, MER_PG_LONG = 1, MER_PG_LANES_N = 2 };

enum mer_pg_conn_state {
    MER_PG_CONN_CLOSED = 0,  // nothing under way (long lane)
    MER_PG_CONN_BACKOFF = 1, // waits to try again
    MER_PG_CONN_CONNECTING = 2,
    MER_PG_CONN_READY = 3,
};

enum mer_pg_slot_kind {
    MER_PG_SLOT_PREPARE = 0,
    MER_PG_SLOT_DROP = 1,
    MER_PG_SLOT_SCOPE = 2,
    MER_PG_SLOT_QUERY = 3,
    MER_PG_SLOT_SYNC = 4,
};

// One thing sent whose answer has not been read to its end.
struct mer_pg_slot {
    uint8_t kind;
    bool answered;
    uint32_t stmt, serial;  // MER_PG_UNNAMED: not prepared
    uint32_t seats;         // queries that it was sent for; more than one: a statement for many
    struct mer_pg_query *q; // those that still wait, by mate; NULL: the answer is drained
    int64_t sent_us;
};

#define MER_PG_SLOTS     512u // a power of two
#define MER_PG_BATCH_MAX (MER_PG_SLOTS / 4)

// Which text a connection holds prepared under which name ("m<serial>").
struct mer_pg_name {
    uint32_t serial; // 0: none
    uint32_t generation;
    bool stale; // must be dropped before the text is prepared again
};

struct mer_pg_error {
    char sqlstate[6];
    char message[200];
};

struct mer_pg_conn {
    struct mer_pg_pool *pool;
    enum mer_pg_lane lane;
    enum mer_pg_conn_state state;
    PGconn *pg;
    struct mer_watch *watch;
    struct mer_timer timer; // by state: connect timeout, back-off, housekeeping
    uint32_t fails;         // in a row
    int64_t heard_us, idle_since_us;

    struct mer_pg_slot slots[MER_PG_SLOTS];
    uint32_t head, tail; // running counters
    uint32_t in_flight;  // queries in QUERY slots
    uint32_t stray_nulls;

    // A write that was executed and waits for its Sync, which commits it.
    struct mer_pg_query *held_query;
    PGresult *held;

    struct mer_pg_name *names; // by statement number
    uint32_t next_serial;
    uint32_t bad_serial; // the last text that could not be prepared
    struct mer_pg_error prepare_error, scope_error;
};

static inline struct mer_pg_slot *mer_pg_slot_at(struct mer_pg_conn *c, uint32_t counter)
{
    return &c->slots[counter & (MER_PG_SLOTS - 1)];
}

// What a statement answered, shared by those that it was sent for.
// Takes the result; one holder.
struct mer_pg_rows *mer_pg_rows_make(PGresult *take_res);
PGresult *mer_pg_rows_result(const struct mer_pg_rows *rows);
void mer_pg_rows_release(struct mer_pg_rows *rows);

// Takes those that still wait, in their order.
static inline uint32_t mer_pg_slot_empty(struct mer_pg_slot *s, struct mer_pg_query *out[MER_PG_BATCH_MAX])
{
    uint32_t n = 0;
    for (struct mer_pg_query *q = s->q; q; q = q->mate)
        out[n++] = q;
    s->q = NULL;
    return n;
}

// conn.c
#define MER_PG_SCOPE_NAME "scope"
void mer_pg_conn_open(struct mer_pg_conn *c);
void mer_pg_conn_close(struct mer_pg_conn *c);
// The connection is of no use any more: everything in flight is told or queued again, a new attempt is
// scheduled.
void mer_pg_conn_lost(struct mer_pg_conn *c, const char *why);
// The same, when the server said that it ends the session.
void mer_pg_conn_ended(struct mer_pg_conn *c, const char *why);
// Sends what libpq holds; false: the connection is gone.
bool mer_pg_conn_flush(struct mer_pg_conn *c);

// conn_send.c
// How many statements a batch may have now; 0: none.
uint32_t mer_pg_conn_room(const struct mer_pg_conn *c);
// Sends them under one Sync. All have the same scope. They are in flight afterwards, or the connection was
// lost.
void mer_pg_conn_send(struct mer_pg_conn *c, struct mer_pg_query *const *queries, uint32_t n);
void mer_pg_conn_detach(struct mer_pg_query *q);
bool mer_pg_conn_sync(struct mer_pg_conn *c);
void mer_pg_conn_push(struct mer_pg_conn *c, struct mer_pg_slot s);

// conn_results.c: reads what has come; returns false when the connection was lost.
bool mer_pg_conn_read(struct mer_pg_conn *c);

// ---- the pool ----

enum mer_pg_query_state {
    MER_PG_QUERY_IDLE = 0,
    MER_PG_QUERY_QUEUED = 1,
    MER_PG_QUERY_SENT = 2,
    MER_PG_QUERY_FAILING = 3, // its failure is told at the end of the turn
};

struct mer_pg_queue {
    struct mer_pg_query *head, **tail;
    uint32_t n;
};

static inline void mer_pg_queue_init(struct mer_pg_queue *l)
{
    *l = (struct mer_pg_queue){.tail = &l->head};
}

static inline void mer_pg_queue_remove(struct mer_pg_queue *l, struct mer_pg_query *q)
{
    *q->pprev = q->next;
    if (q->next)
        q->next->pprev = q->pprev;
    else
        l->tail = q->pprev;
    q->next = NULL;
    q->pprev = NULL;
    l->n--;
}

struct mer_pg_pool {
    struct mer_loop *loop;
    char *name, *dsn;
    char *session_options[MER_PG_LANES_N];
    struct mer_pg_pool_opts opts; // with the defaults filled in
    struct mer_pg_conn *conns[MER_PG_LANES_N];
    uint32_t conns_n[MER_PG_LANES_N];
    struct mer_pg_queue queues[MER_PG_LANES_N];
    int64_t down_since_us[MER_PG_LANES_N]; // of a lane that is wanted and has no connection
    struct mer_pg_queue failing;
    struct mer_task task;
    struct mer_pg_stmts stmts;
    struct mer_buf scratch; // parameters with their final NULs
    const char **values;
    uint32_t values_cap;
    struct mer_pg_pool_stats stats;
    bool told_down;
    // For tests: sees every batch before it is sent.
    void (*on_batch)(void *owner, struct mer_pg_query *const *queries, uint32_t n);
    void *on_batch_owner;
};

// pool.c
void mer_pg_finish(struct mer_pg_query *q, const struct mer_pg_result *r); // q is in no list
void mer_pg_finish_pg(struct mer_pg_query *q, PGresult *take_res);
void mer_pg_finish_row(struct mer_pg_query *q, struct mer_pg_rows *rows, int row, int column);
void mer_pg_fail_later(struct mer_pg_query *q, enum mer_err err, const char *message, bool maybe_executed);
void mer_pg_requeue(struct mer_pg_query *q); // at the head
void mer_pg_wake(struct mer_pg_pool *pool);
void mer_pg_lane_changed(struct mer_pg_pool *pool, enum mer_pg_lane lane);
bool mer_pg_lane_up(const struct mer_pg_pool *pool, enum mer_pg_lane lane);
uint32_t mer_pg_lane_ready_n(const struct mer_pg_pool *pool, enum mer_pg_lane lane);

#endif
