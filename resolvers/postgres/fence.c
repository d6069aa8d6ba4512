// SPDX-License-Identifier: MIT
#include "resolvers/postgres/fence.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/time.h"

#define CONNECT_MS   3000
#define STATEMENT_MS 8000 // more than fence_move waits for writes under way

void mer_fence_init(struct mer_fence *f, struct mer_slice environment, const char *dsn,
                    struct mer_arena *arena)
{
    *f = (struct mer_fence){.environment = environment, .dsn = dsn, .arena = arena};
}

void mer_fence_close(struct mer_fence *f)
{
    if (f->conn) {
        PQfinish(f->conn);
    }
    f->conn = NULL;
}

// The first line of what libpq says, which has several.
static bool fail(struct mer_fence *f, const char *message)
{
    size_t n = strcspn(message, "\n");
    snprintf(f->why, sizeof(f->why), "%.*s", (int)(n < sizeof(f->why) ? n : sizeof(f->why) - 1), message);
    if (f->conn && PQstatus(f->conn) != CONNECTION_OK) {
        mer_fence_close(f);
    }
    return false;
}

static bool too_late(struct mer_fence *f)
{
    (void)fail(f, "no answer in time");
    mer_fence_close(f);
    return false;
}

static bool wait_for(struct mer_fence *f, short events, int64_t deadline_us)
{
    struct pollfd p = {.fd = PQsocket(f->conn), .events = events};
    int n = 0;
    do {
        int64_t left_us = deadline_us - mer_time_mono_us();
        n = left_us > 0 ? poll(&p, 1, (int)(left_us / 1000) + 1) : 0;
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

static bool connected(struct mer_fence *f)
{
    static const char *const keys[] = {"dbname", "application_name", NULL};
    const char *values[] = {f->dsn, "meridian cutover", NULL};
    if (f->conn) {
        return true;
    }
    int64_t deadline = mer_time_mono_us() + CONNECT_MS * 1000LL;
    f->conn = PQconnectStartParams(keys, values, 1);
    MER_ASSERT(f->conn);
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (PQstatus(f->conn) != CONNECTION_BAD && state != PGRES_POLLING_OK &&
           state != PGRES_POLLING_FAILED) {
        if (!wait_for(f, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline)) {
            return too_late(f);
        }
        state = PQconnectPoll(f->conn);
    }
    return PQstatus(f->conn) == CONNECTION_OK || fail(f, PQerrorMessage(f->conn));
}

// The last result of what was sent; NULL: the connection failed or time is over.
static PGresult *receive(struct mer_fence *f, int64_t deadline_us)
{
    PGresult *last = NULL, *r = NULL;
    do {
        while (PQisBusy(f->conn)) {
            if (!wait_for(f, POLLIN, deadline_us) || !PQconsumeInput(f->conn)) {
                PQclear(last);
                return NULL;
            }
        }
        r = PQgetResult(f->conn);
        if (r) {
            PQclear(last);
            last = r;
        }
    } while (r);
    return last;
}

// One statement with text parameters that answers one value.
static bool ask(struct mer_fence *f, const char *sql, const char *const *params, int n,
                struct mer_slice *value)
{
    f->why[0] = f->sqlstate[0] = 0;
    f->sent = false;
    if (!connected(f)) {
        return false;
    }
    int64_t deadline = mer_time_mono_us() + STATEMENT_MS * 1000LL;
    if (!PQsendQueryParams(f->conn, sql, n, NULL, params, NULL, NULL, 0)) {
        return fail(f, PQerrorMessage(f->conn));
    }
    f->sent = true;
    PGresult *r = receive(f, deadline);
    if (!r) {
        return PQstatus(f->conn) == CONNECTION_OK ? too_late(f) : fail(f, PQerrorMessage(f->conn));
    }
    bool ok = PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1;
    if (ok) {
        *value = mer_arena_copy(f->arena, mer_slice_make(PQgetvalue(r, 0, 0), (size_t)PQgetlength(r, 0, 0)));
    } else {
        const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
        const char *message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
        snprintf(f->sqlstate, sizeof(f->sqlstate), "%s", state ? state : "");
        f->sent = !state || strncmp(state, "57P", 3) == 0; // else it was refused, and changed nothing
        (void)fail(f, message ? message : "it has no region");
    }
    PQclear(r);
    return ok;
}

static struct mer_slice text(struct mer_arena *a, const struct mer_json *j, const char *key)
{
    const struct mer_json_node *n = mer_json_get(j, mer_json_root(j), mer_slice_of(key));
    return n && n->type == MER_JSON_STRING ? mer_json_string(a, j, n) : MER_NIL;
}

bool mer_fence_look(struct mer_fence *f, struct mer_fence_facts *out)
{
    struct mer_slice json = MER_NIL;
    struct mer_diag d = {0};
    if (!ask(f, "select fence_facts()", NULL, 0, &json)) {
        return false;
    }
    if (mer_json_parse(f->arena, json, NULL, &out->json, &d)) {
        return fail(f, "fence_facts() answered no JSON");
    }
    const struct mer_json *j = &out->json;
    const struct mer_json_node *root = mer_json_root(j);
    const struct mer_json_node *epoch = mer_json_get(j, root, MER_S("epoch"));
    const struct mer_json_node *standby = mer_json_get(j, root, MER_S("standby"));
    out->live = text(f->arena, j, "live");
    out->state = text(f->arena, j, "state");
    out->previous = text(f->arena, j, "previous");
    out->kind = text(f->arena, j, "kind");
    out->standby = standby && standby->type == MER_JSON_TRUE;
    out->beats = mer_json_get(j, root, MER_S("beats"));
    out->unstable = mer_json_get(j, root, MER_S("unstable"));
    if (!epoch || !mer_json_i64(j, epoch, &out->epoch) || !out->live.n || !out->beats || !out->unstable ||
        out->beats->type != MER_JSON_OBJECT || out->unstable->type != MER_JSON_ARRAY) {
        return fail(f, "fence_facts() does not say what it should");
    }
    if (!mer_slice_eq(text(f->arena, j, "env"), f->environment)) {
        return fail(f, "this is the database of another environment");
    }
    return true;
}

static bool number(struct mer_fence *f, struct mer_slice value, int64_t *out)
{
    char *end = NULL;
    const char *p = mer_arena_cstr(f->arena, value);
    *out = strtoll(p, &end, 10);
    return (value.n && !*end) || fail(f, "a number was expected");
}

bool mer_fence_probe(struct mer_fence *f, int64_t *probe)
{
    struct mer_slice value = MER_NIL;
    return ask(f, "select fence_probe()", NULL, 0, &value) && number(f, value, probe);
}

bool mer_fence_probed(struct mer_fence *f, struct mer_slice teller, int64_t probe, bool *there)
{
    struct mer_slice value = MER_NIL;
    const char *params[] = {mer_arena_cstr(f->arena, teller),
                            mer_arena_printf(f->arena, "%lld", (long long)probe).p};
    bool ok = ask(f, "select fence_probed($1, $2::bigint)", params, 2, &value);
    *there = ok && mer_slice_is(value, "t");
    return ok;
}

bool mer_fence_move(struct mer_fence *f, const struct mer_fence_move *m, int64_t *epoch)
{
    struct mer_slice value = MER_NIL;
    const char *params[] = {
        mer_arena_cstr(f->arena, m->target),
        mer_arena_printf(f->arena, "%lld", (long long)m->epoch).p,
        m->rollback ? "rollback" : "promote",
        mer_arena_cstr(f->arena, m->asked_by),
        mer_arena_printf(f->arena, "%lld", (long long)m->stable_s).p,
    };
    return ask(f, "select fence_move($1, $2::bigint, $3, $4, $5::bigint)", params, 5, &value) &&
           number(f, value, epoch);
}
