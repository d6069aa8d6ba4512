// SPDX-License-Identifier: MIT
// Pool: the connections of one loop to one Postgres, libpq in pipeline mode, never blocking the loop.
//
// Two lanes. Statements known to be short share a few connections, many in flight on each; others (long_lane)
// get a connection alone, opened when needed and closed when idle. Statements submitted in one turn of the
// loop travel together at its end: one batch, one Sync, one write. A batch holds statements of ONE caller
// scope and begins with the set_config of that scope, which lasts until the Sync: so no statement ever sees
// another caller's tenant, nor none at all. A statement that fails takes the rest of its batch with it; those
// are asked again, each alone. A write has a batch of its own, and is told as done only after the Sync, that
// is after its commit.
//
// Statements that differ by their values alone may bring a second text, `many`: it takes an array for each of
// their parameters and answers one row for each of them, its place (from 1) and its value. Those of a batch
// that share it travel as one statement; where that one fails each is asked again by its own text.
//
// Statements are prepared once a connection, by their text. What can be lost is told:
// - read in flight when its connection breaks: asked again once on another, and up to three times where the
// server
//   itself said that it ends the session; then MER_ERR_CLOSED
// - write in flight when its connection breaks, or at its deadline: MER_ERR_CLOSED, MER_ERR_TIMEOUT with
//   maybe_executed. Without maybe_executed the database has not changed
// - no connection of the lane for connect_wait_ms: MER_ERR_IO (at once, when that time has passed already)
// - deadline, or the server's statement_timeout: MER_ERR_TIMEOUT
// - queue full: MER_ERR_BUSY;  a NUL byte in a value or a statement: MER_ERR_INVALID
// - an error of Postgres itself: MER_ERR_IO with its sqlstate and message
// No error of one statement ever reaches another one's waiter.
//
// Everything here belongs to the loop's thread. The DSN should name addresses: a host name is resolved inside
// libpq, which blocks.
#ifndef MER_RESOLVERS_POSTGRES_POOL_H
#define MER_RESOLVERS_POSTGRES_POOL_H

#include "base/diag.h"
#include "loop/loop.h"

struct mer_pg_pool;
struct mer_pg_conn;
struct mer_pg_rows;

// On whose behalf a statement runs: what row-level security reads.
struct mer_pg_scope {
    struct mer_slice tenant, role;
    struct mer_slice facilities; // comma list or "*"
};

// In Postgres' text form.
struct mer_pg_param {
    struct mer_slice value;
    bool null;
};

struct mer_pg_result {
    enum mer_err err;
    char sqlstate[6];       // "" unless Postgres itself refused
    const char *message;    // never NULL; "" when all went well
    struct mer_slice value; // row 0, column 0; p NULL: no row, or SQL NULL
    bool maybe_executed;    // a failed write of which nobody knows
    int64_t elapsed_us;     // since submit
    /* private */
    struct mer_pg_rows *rows;
};

// Belongs to the caller and must stay where it is, with all it points to, until done was called (exactly
// once) or mer_pg_cancel has returned. Zero it before use; it may be submitted again after done.
struct mer_pg_query {
    struct mer_slice sql;
    struct mer_slice many; // nil: there is none. Of reads only; needs params_n > 0
    const struct mer_pg_param *params;
    uint32_t params_n;
    struct mer_pg_scope scope;
    bool write;               // not idempotent
    bool long_lane;           // not known to be short
    bool light;               // known to read a few rows by key: costs less than a Sync
    int64_t deadline_mono_us; // 0: none but the server's statement_timeout
    // Runs at the end of a turn, in the callback of a socket or of a timer; never inside submit. May submit
    // and cancel, and free the query. r and what it points to live until done returns (see
    // mer_pg_result_keep).
    void (*done)(void *owner, const struct mer_pg_result *r);
    void *owner;
    /* private */
    struct mer_pg_query *next, **pprev;
    struct mer_pg_query *mate; // the next one that travels in the same statement
    struct mer_pg_pool *pool;
    struct mer_pg_conn *conn;
    struct mer_timer timer;
    uint64_t scope_hash;
    int64_t submit_us, lost_us;
    const char *fail_message;
    enum mer_err fail_err;
    uint32_t slot, seat; // seat: its row of the statement for many
    uint8_t state;
    uint8_t lost_n, broken_n;
    bool apart; // no more by the statement for many
    bool alone, aborted_once, failed_once, maybe_executed;
};

struct mer_pg_pool_opts {
    const char *dsn;               // a connection string or URI
    const char *name;              // for the log
    uint32_t short_connections;    // 0: 2
    uint32_t long_connections_max; // 0: 4
    uint32_t queue_max;            // statements waiting for a connection; 0: 256
    uint32_t batch_max;            // statements under one Sync; 0: 16
    uint32_t pipeline_max;         // statements in flight on one connection; 0: 64
    uint32_t prepared_max;         // statements kept prepared; 0: 512
    uint32_t connect_wait_ms;      // 0: 1000
    uint32_t connect_timeout_ms;   // 0: 5000
    uint32_t statement_timeout_ms; // 0: 10,000
    uint32_t idle_close_ms;        // long lane; 0: 30,000
    uint32_t stall_ms;             // something in flight, and nothing heard so long: broken; 0: 15,000
};

// Never NULL: begins to connect and goes on trying. Copies the options.
struct mer_pg_pool *mer_pg_pool_create(struct mer_loop *loop, const struct mer_pg_pool_opts *opts);
// Statements under way are dropped without a callback. Not from inside a done.
void mer_pg_pool_destroy(struct mer_pg_pool *pool);

void mer_pg_submit(struct mer_pg_pool *pool, struct mer_pg_query *q);
// No callback afterwards; whatever is in flight is drained. Does nothing to a query that is not under way.
void mer_pg_cancel(struct mer_pg_query *q);

// Inside done: takes the bytes of the result out of the callback's lifetime. Release on the same thread or
// another.
void *mer_pg_result_keep(const struct mer_pg_result *r);
void mer_pg_result_release(void *handle);

struct mer_pg_pool_stats {
    uint32_t connections_up, connections_long_up, queued, in_flight;
    uint64_t queries, errors, busy, timeouts; // submitted; failed by what Postgres said; …
    uint64_t batches, statements;             // Syncs sent with statements; statements sent under them
    uint64_t prepares, retries, connects, losses;
    int64_t latency_us; // moving average of the short lane, from sending to the result
};
// A statement sent now would travel: a short connection is up.
bool mer_pg_pool_up(const struct mer_pg_pool *pool);
// Waiting and in flight.
uint32_t mer_pg_pool_load(const struct mer_pg_pool *pool);
int64_t mer_pg_pool_latency_us(const struct mer_pg_pool *pool);
void mer_pg_pool_stats(const struct mer_pg_pool *pool, struct mer_pg_pool_stats *out);

#endif
