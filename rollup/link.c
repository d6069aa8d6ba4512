// SPDX-License-Identifier: MIT
#include "rollup/link.h"

#include "base/log.h"
#include "base/time.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#define CONNECT_MS   5000
#define STATEMENT_MS 60000
#define PARAMS_MAX   16

void mer_link_init(struct mer_link *l, const char *name, const char *dsn, const volatile sig_atomic_t *stop)
{
    *l = (struct mer_link){.name = name, .dsn = dsn, .stop = stop};
}

void mer_link_close(struct mer_link *l)
{
    if (l->conn)
        PQfinish(l->conn);
    l->conn = NULL;
}

// libpq's messages end with a line feed and may have several lines; the first says what matters.
static void complain(const struct mer_link *l, enum mer_log_level level, const char *what,
                     const char *message)
{
    size_t n = strcspn(message, "\n");
    mer_log(level, "rollup", "%s database=%s reason=\"%.*s\"", what, l->name, (int)(n > 200 ? 200 : n),
            message);
}

// Waits until the socket is ready; false at the deadline or when told to stop.
static bool wait_for(const struct mer_link *l, short events, int64_t deadline_us)
{
    for (;;) {
        int64_t left_us = deadline_us - mer_time_mono_us();
        if (left_us <= 0 || (l->stop && *l->stop))
            return false;
        struct pollfd fd = {.fd = PQsocket(l->conn), .events = events};
        // Short waits, because a signal may set `stop` just before poll sleeps.
        int n = poll(&fd, 1, left_us > 200000 ? 200 : (int)(left_us / 1000) + 1);
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
    }
}

static bool connect_now(struct mer_link *l)
{
    static const char *const keys[] = {"dbname",           "fallback_application_name",
                                       "keepalives_idle",  "keepalives_interval",
                                       "keepalives_count", NULL};
    const char *values[] = {l->dsn, "meridian rollup", "10", "5", "3", NULL};
    int64_t deadline = mer_time_mono_us() + CONNECT_MS * 1000ll;
    l->conn = PQconnectStartParams(keys, values, 1);
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (l->conn && PQstatus(l->conn) != CONNECTION_BAD && state != PGRES_POLLING_OK) {
        if (state == PGRES_POLLING_FAILED)
            return false;
        if (!wait_for(l, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline))
            return false;
        state = PQconnectPoll(l->conn);
    }
    return l->conn && PQstatus(l->conn) == CONNECTION_OK;
}

bool mer_link_open(struct mer_link *l)
{
    if (l->conn && PQstatus(l->conn) == CONNECTION_OK)
        return true;
    mer_link_close(l);
    if (!connect_now(l)) {
        const char *why = l->conn ? PQerrorMessage(l->conn) : "out of memory";
        complain(l, MER_LOG_WARN, "cannot connect", *why ? why : "timeout");
        mer_link_close(l);
        return false;
    }
    PQsetnonblocking(l->conn, 1); // sending waits in run(), under its deadline
    // A worker that is frozen inside a transaction must lose it, with its locks: that is what keeps a zombie
    // from writing what it once read.
    return mer_link_do(
        l,
        "SELECT set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO', false),"
        " set_config('statement_timeout', '60s', false), set_config('lock_timeout', '20s', false),"
        " set_config('jit', 'off', false)," // costs more than it saves
        " set_config('idle_in_transaction_session_timeout', '30s', false)",
        NULL, 0);
}

// Everything that is not the result wanted: logged; the connection is closed where it is no longer in order.
static void refuse(struct mer_link *l, PGresult *r)
{
    const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    bool usual = state && (strcmp(state, "40001") == 0 || strcmp(state, "55P03") == 0);
    complain(l, usual ? MER_LOG_DEBUG : MER_LOG_WARN, "statement failed",
             r ? PQresultErrorMessage(r) : PQerrorMessage(l->conn));
    if (r)
        PQclear(r);
    if (PQstatus(l->conn) != CONNECTION_OK)
        mer_link_close(l);
}

static PGresult *give_up(struct mer_link *l, PGresult *r, const char *why)
{
    if (r)
        PQclear(r);
    complain(l, MER_LOG_WARN, "connection given up", why);
    mer_link_close(l);
    return NULL;
}

PGresult *mer_link_run(struct mer_link *l, const char *sql, const struct mer_pg_param *params,
                       uint32_t params_n)
{
    const char *values[PARAMS_MAX] = {NULL};
    MER_ASSERT(params_n <= PARAMS_MAX);
    for (uint32_t i = 0; i < params_n; i++)
        values[i] = params[i].null ? NULL : params[i].value.p;
    if (!l->conn)
        return NULL;
    if (!PQsendQueryParams(l->conn, sql, (int)params_n, NULL, values, NULL, NULL, 0)) {
        refuse(l, NULL);
        return NULL;
    }
    int64_t deadline = mer_time_mono_us() + STATEMENT_MS * 1000ll;
    PGresult *last = NULL;
    int unsent;
    while ((unsent = PQflush(l->conn)) > 0)
        if (!wait_for(l, POLLIN | POLLOUT, deadline) || !PQconsumeInput(l->conn))
            return give_up(l, NULL, "cannot send in time");
    if (unsent < 0)
        return give_up(l, NULL, PQerrorMessage(l->conn));
    for (;;) {
        while (PQisBusy(l->conn)) {
            if (!wait_for(l, POLLIN, deadline))
                return give_up(l, last, "no answer in time");
            if (!PQconsumeInput(l->conn))
                return give_up(l, last, PQerrorMessage(l->conn));
        }
        PGresult *r = PQgetResult(l->conn);
        if (!r)
            break;
        if (last)
            PQclear(last);
        last = r;
    }
    ExecStatusType status = last ? PQresultStatus(last) : PGRES_FATAL_ERROR;
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
        return last;
    refuse(l, last);
    return NULL;
}

bool mer_link_do(struct mer_link *l, const char *sql, const struct mer_pg_param *params, uint32_t params_n)
{
    PGresult *r = mer_link_run(l, sql, params, params_n);
    PQclear(r);
    return r != NULL;
}

void mer_link_rollback(struct mer_link *l)
{
    if (l->conn && PQtransactionStatus(l->conn) != PQTRANS_IDLE && !mer_link_do(l, "ROLLBACK", NULL, 0))
        mer_link_close(l);
}

int64_t mer_link_i64(const PGresult *r, int row, int column, int64_t none)
{
    if (PQgetisnull(r, row, column))
        return none;
    return strtoll(PQgetvalue(r, row, column), NULL, 10);
}
