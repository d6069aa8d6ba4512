// SPDX-License-Identifier: MIT
// What comes back on a connection, matched with what was sent.
#include "resolvers/postgres/pool_priv.h"

#include "base/log.h"
#include "base/time.h"

#include <stdio.h>

// More than this many ends without a result between two results is not the protocol any more.
#define STRAY_NULLS_MAX 4

static const char *sqlstate_of(const PGresult *res)
{
    const char *s = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    return s ? s : "";
}

static bool is_ok(const PGresult *res)
{
    ExecStatusType st = PQresultStatus(res);
    return st == PGRES_TUPLES_OK || st == PGRES_COMMAND_OK;
}

// The server ends the session (shutdown, crash, administrator), or libpq found the connection broken and made
// up an error without a severity: not the statement's fault.
static bool is_session_end(const PGresult *res)
{
    if (PQresultStatus(res) != PGRES_FATAL_ERROR)
        return false;
    const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
    return !severity || strcmp(severity, "ERROR") != 0;
}

static void pop(struct mer_pg_conn *c)
{
    c->in_flight -= mer_pg_slot_at(c, c->head)->seats;
    c->head++;
    c->stray_nulls = 0;
    if (c->head == c->tail)
        c->idle_since_us = mer_loop_now_us(c->pool->loop);
}

static void retry(struct mer_pg_query *q, bool *once)
{
    *once = true;
    q->alone = true;
    q->conn = NULL;
    q->pool->stats.retries++;
    mer_pg_requeue(q);
}

// The name stands for another result type now, or for nothing: the next use prepares the text again.
static void forget_name(struct mer_pg_conn *c, const struct mer_pg_slot *s, bool exists)
{
    struct mer_pg_name *name = &c->names[s->stmt];
    if (name->serial != s->serial)
        return;
    name->stale = exists;
    if (!exists)
        name->serial = 0;
}

static void note_error(struct mer_pg_error *e, const PGresult *res)
{
    const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    snprintf(e->sqlstate, sizeof(e->sqlstate), "%s", sqlstate_of(res));
    snprintf(e->message, sizeof(e->message), "%s", message ? message : "");
}

// With an error that came for something else: its preparation, its scope.
static void finish_with(struct mer_pg_query *q, const struct mer_pg_error *e)
{
    struct mer_pg_result r = {.err = MER_ERR_IO, .message = e->message};
    memcpy(r.sqlstate, e->sqlstate, sizeof(r.sqlstate));
    q->conn = NULL;
    q->pool->stats.errors++;
    mer_pg_finish(q, &r);
}

// True when the error was dealt with by asking again.
static bool retried(struct mer_pg_conn *c, const struct mer_pg_slot *s, struct mer_pg_query *q,
                    const PGresult *res)
{
    const char *state = sqlstate_of(res);
    bool gone = strcmp(state, "26000") == 0, changed = strcmp(state, "0A000") == 0;
    if (s->stmt != MER_PG_UNNAMED && (gone || changed)) {
        forget_name(c, s, changed);
        // The statement did not run, so a write may be asked again too.
        if (!q->failed_once) {
            retry(q, &q->failed_once);
            return true;
        }
    }
    // A replica that cancelled a read for the sake of replication, a serialization failure, a deadlock.
    if (!q->write && !q->failed_once && (strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0)) {
        retry(q, &q->failed_once);
        return true;
    }
    return false;
}

static void note_latency(struct mer_pg_conn *c, const struct mer_pg_slot *s)
{
    if (c->lane != MER_PG_SHORT)
        return;
    int64_t took = mer_loop_now_us(c->pool->loop) - s->sent_us, *mean = &c->pool->stats.latency_us;
    *mean = *mean ? *mean + (took - *mean) / 16 : took;
}

static void deliver_error(struct mer_pg_conn *c, struct mer_pg_slot *s, struct mer_pg_query *q,
                          PGresult *take_res)
{
    if (PQresultStatus(take_res) == PGRES_PIPELINE_ABORTED) {
        // Alone in its batch, only the scope can have stood before it.
        if (q->aborted_once || q->alone || q->write)
            finish_with(q, &c->scope_error);
        else
            retry(q, &q->aborted_once);
    } else if (s->stmt != MER_PG_UNNAMED && s->serial == c->bad_serial &&
               strcmp(sqlstate_of(take_res), "26000") == 0) {
        finish_with(q, &c->prepare_error);
    } else if (!retried(c, s, q, take_res)) {
        q->conn = NULL;
        mer_pg_finish_pg(q, take_res);
        return;
    }
    PQclear(take_res);
}

// A statement for one: its waiter is told, queued again, or held until the Sync.
static void deliver_one(struct mer_pg_conn *c, struct mer_pg_slot *s, PGresult *take_res)
{
    struct mer_pg_query *q = s->q;
    s->q = NULL;
    if (!is_ok(take_res)) {
        deliver_error(c, s, q, take_res);
    } else if (q->write) {
        c->held_query = q;
        c->held = take_res;
    } else {
        q->conn = NULL;
        mer_pg_finish_pg(q, take_res);
    }
}

// Has it the two columns, and a row for each in their order?
static bool is_for_all(const struct mer_pg_slot *s, const PGresult *res)
{
    if (!is_ok(res) || PQnfields(res) != 2 || PQntuples(res) != (int)s->seats)
        return false;
    for (uint32_t i = 0; i < s->seats; i++) {
        uint64_t place = 0;
        struct mer_slice text = mer_slice_of(PQgetvalue(res, (int)i, 0));
        if (!mer_slice_to_u64(text, &place) || place != i + 1)
            return false;
    }
    return true;
}

static void note_many_failed(struct mer_pg_conn *c, const struct mer_pg_slot *s, const PGresult *res)
{
    const char *state = sqlstate_of(res);
    if (PQresultStatus(res) == PGRES_PIPELINE_ABORTED)
        return;
    mer_log(MER_LOG_WARN, "postgres", "a statement for many is asked apart pool=%s sqlstate=%s",
            c->pool->name, state);
    if (s->stmt != MER_PG_UNNAMED && (strcmp(state, "26000") == 0 || strcmp(state, "0A000") == 0))
        forget_name(c, s, strcmp(state, "0A000") == 0);
}

// A statement for many. What is wrong with it may be one's value alone: each is asked again by its own text.
static void deliver_many(struct mer_pg_conn *c, struct mer_pg_slot *s, PGresult *take_res)
{
    struct mer_pg_query *of[MER_PG_BATCH_MAX];
    struct mer_pg_rows *rows = mer_pg_rows_make(take_res);
    if (is_for_all(s, take_res)) {
        while (s->q) { // one that is told may cancel another
            struct mer_pg_query *q = s->q;
            s->q = q->mate;
            q->conn = NULL;
            mer_pg_finish_row(q, rows, (int)q->seat, 1);
        }
    } else {
        note_many_failed(c, s, take_res);
        for (uint32_t n = mer_pg_slot_empty(s, of); n > 0; n--) {
            of[n - 1]->apart = true;
            of[n - 1]->conn = NULL;
            c->pool->stats.retries++;
            mer_pg_requeue(of[n - 1]);
        }
    }
    mer_pg_rows_release(rows);
}

// Takes the slot's result.
static void deliver(struct mer_pg_conn *c, struct mer_pg_slot *s, PGresult *take_res)
{
    s->answered = true;
    if (is_ok(take_res) && s->q)
        note_latency(c, s);
    if (!s->q)
        PQclear(take_res);
    else if (s->seats > 1)
        deliver_many(c, s, take_res);
    else
        deliver_one(c, s, take_res);
}

static void on_prepared(struct mer_pg_conn *c, struct mer_pg_slot *s, const PGresult *res)
{
    if (is_ok(res)) {
        if (s->stmt == MER_PG_UNNAMED) {
            c->fails = 0;
            c->pool->told_down = false;
        }
        return;
    }
    if (s->stmt == MER_PG_UNNAMED)
        return; // without the scope statement every batch fails: told there
    if (c->names[s->stmt].serial == s->serial)
        c->names[s->stmt].serial = 0;
    if (PQresultStatus(res) == PGRES_PIPELINE_ABORTED)
        return; // another text of the same Sync was at fault: tried again at its next use
    c->bad_serial = s->serial;
    note_error(&c->prepare_error, res);
}

// The batch is over, and with it its transaction: a write's own result counts from here on.
static void on_sync(struct mer_pg_conn *c)
{
    struct mer_pg_query *q = c->held_query;
    PGresult *res = c->held;
    c->held_query = NULL;
    c->held = NULL;
    pop(c);
    if (q) {
        q->conn = NULL;
        mer_pg_finish_pg(q, res);
    } else {
        PQclear(res);
    }
}

// An error that comes where a Sync is awaited is the commit's.
static void on_commit_error(struct mer_pg_conn *c, PGresult *take_res)
{
    if (c->held_query) {
        PQclear(c->held);
        c->held = take_res;
    } else {
        PQclear(take_res);
    }
}

static bool on_result(struct mer_pg_conn *c, PGresult *take_res)
{
    struct mer_pg_slot *s = mer_pg_slot_at(c, c->head);
    bool is_sync = PQresultStatus(take_res) == PGRES_PIPELINE_SYNC;
    if (is_session_end(take_res) || (is_sync && s->kind != MER_PG_SLOT_SYNC)) {
        char why[160];
        bool said = !is_sync && sqlstate_of(take_res)[0] != '\0';
        snprintf(why, sizeof(why), "%s", is_sync ? "answers out of order" : PQresultErrorMessage(take_res));
        PQclear(take_res);
        if (said)
            mer_pg_conn_ended(c, why);
        else
            mer_pg_conn_lost(c, why);
        return false;
    }
    if (is_sync) {
        PQclear(take_res);
        on_sync(c);
    } else if (s->kind == MER_PG_SLOT_SYNC) {
        on_commit_error(c, take_res);
    } else if (s->kind == MER_PG_SLOT_QUERY) {
        deliver(c, s, take_res);
    } else {
        if (s->kind == MER_PG_SLOT_PREPARE)
            on_prepared(c, s, take_res);
        else if (s->kind == MER_PG_SLOT_SCOPE && !is_ok(take_res))
            note_error(&c->scope_error, take_res);
        s->answered = true;
        PQclear(take_res);
    }
    return true;
}

// The end of one statement's results. After an error at the commit one comes that belongs to no statement.
static bool on_end(struct mer_pg_conn *c)
{
    if (mer_pg_slot_at(c, c->head)->answered) {
        pop(c);
        return true;
    }
    if (++c->stray_nulls <= STRAY_NULLS_MAX)
        return true;
    mer_pg_conn_lost(c, "results without a statement");
    return false;
}

bool mer_pg_conn_read(struct mer_pg_conn *c)
{
    // Also with nothing in flight: libpq reads notices and settings then.
    while (!PQisBusy(c->pg) && c->head != c->tail) {
        PGresult *res = PQgetResult(c->pg);
        if (!(res ? on_result(c, res) : on_end(c)))
            return false;
    }
    if (PQstatus(c->pg) == CONNECTION_BAD) {
        mer_pg_conn_lost(c, PQerrorMessage(c->pg));
        return false;
    }
    mer_pg_wake(c->pool);
    return true;
}
