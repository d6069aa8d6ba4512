// SPDX-License-Identifier: MIT
// A connection of the worker to one database: libpq used one statement at a time, but never without a
// deadline, so that a link that stalls (and acknowledges what it swallows) cannot freeze the worker. After
// any failure of the connection itself it is closed; the next use opens it again. One thread.
#ifndef MER_ROLLUP_LINK_H
#define MER_ROLLUP_LINK_H

#include "base/arena.h"
#include "resolvers/postgres/sql.h"

#include <libpq-fe.h>
#include <signal.h>

struct mer_link {
    const char *name; // for the log
    const char *dsn;
    const volatile sig_atomic_t *stop; // a statement under way is given up when set; NULL: never
    /* private */
    PGconn *conn;
};

void mer_link_init(struct mer_link *l, const char *name, const char *dsn, const volatile sig_atomic_t *stop);
void mer_link_close(struct mer_link *l);
// Connects when there is no connection. Logs why not.
bool mer_link_open(struct mer_link *l) MER_MUST_CHECK;

// Runs one statement with text parameters. NULL after an error, which is logged (a serialization failure or a
// lock not had at debug level only). The caller frees the result with PQclear.
PGresult *mer_link_run(struct mer_link *l, const char *sql, const struct mer_pg_param *params,
                       uint32_t params_n) MER_MUST_CHECK;
// The same for statements whose rows do not matter.
bool mer_link_do(struct mer_link *l, const char *sql, const struct mer_pg_param *params,
                 uint32_t params_n) MER_MUST_CHECK;
// Ends a transaction that went wrong; closes the connection where that fails too.
void mer_link_rollback(struct mer_link *l);

// A value of the first row: NULL becomes `none`.
int64_t mer_link_i64(const PGresult *r, int row, int column, int64_t none);

#endif
