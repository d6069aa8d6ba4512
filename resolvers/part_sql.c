// SPDX-License-Identifier: MIT
// A part asked of a database of this site.
#include "base/log.h"
#include "base/time.h"
#include "resolvers/exec_priv.h"

// What the fence of a region raises: this environment takes no writes (fleet/migrations/region). The other
// one will when it has all that was written here; until then a write tries again so often.
#define FENCED         "MR001"
#define FENCED_MS      25
#define FENCED_ENDS_US 200000 // before the deadline

static void answered(void *owner, const struct mer_pg_result *r);

void exec_run_sql(struct exec_part *p, const struct mer_sql *sql)
{
    struct mer_exec *x = p->x;
    p->query = (struct mer_pg_query){
        .sql = sql->text,
        .many = sql->many,
        .params = sql->params,
        .params_n = sql->params_n,
        .scope = {x->ask.caller.tenant, x->ask.caller.role, x->ask.caller.facilities},
        .write = p->fetch->plan->write,
        .long_lane = sql->long_running,
        .light = sql->light,
        .deadline_mono_us = x->ask.deadline_mono_us,
        .done = answered,
        .owner = p,
    };
    const struct mer_site_link *link = &x->ask.site->links[p->place->index];
    mer_pg_submit(p->query.write ? link->write : link->read, &p->query);
}

void exec_compile_sql(struct exec_part *p)
{
    struct mer_exec *x = p->x;
    const struct mer_site *s = x->ask.site;
    struct mer_sql_ask ask = {
        .binding = s->sources[p->fetch->plan->source].binding,
        .op = &p->fetch->plan->op,
        .vars = x->ask.vars,
        .partitions = p->facilities,
        .partitions_n = p->facilities_n,
        .entity_ids = p->ids,
        .entity_ids_n = p->ids_n,
        .tenant = x->ask.caller.tenant,
        .region = s->self.region,
    };
    struct mer_diag diag = {0};
    enum mer_err err = mer_sql_compile(x->a, &ask, &p->sql, &diag);
    if (err == MER_ERR_INVALID) {
        p->error = exec_part_error(p, "BAD_USER_INPUT", "%s", diag.msg);
    } else if (err == MER_ERR_LIMIT) {
        p->error = exec_part_error(p, "QUERY_TOO_COMPLEX", "%s", diag.msg);
    } else if (err) {
        mer_log(MER_LOG_ERROR, "exec", "cannot compile a fetch: %s", diag.msg);
        p->error = exec_part_error(p, "INTERNAL", "internal error");
    }
}

void exec_ask_sql(struct exec_part *p)
{
    exec_compile_sql(p);
    if (p->error) {
        exec_part_done(p);
    } else {
        exec_run_sql(p, &p->sql);
    }
}

// The server went away, is full, or a standby gave up the statement for its replay: another placement may
// answer.
static bool is_place_lost(const char *sqlstate)
{
    return strncmp(sqlstate, "57P", 3) == 0 || strncmp(sqlstate, "08", 2) == 0 ||
           strncmp(sqlstate, "53", 2) == 0 || strcmp(sqlstate, "40001") == 0;
}

// What the caller may know of a database's error: its class, never its text.
static struct mer_exec_error *sql_error(struct exec_part *p, const struct mer_pg_result *r)
{
    struct mer_exec_error *e = NULL;
    if (strncmp(r->sqlstate, "22", 2) == 0 || strncmp(r->sqlstate, "23", 2) == 0) {
        e = exec_part_error(p, "BAD_USER_INPUT", "a value is not acceptable to the source");
    } else if (strcmp(r->sqlstate, "57014") == 0) {
        e = exec_part_error(p, "SOURCE_TIMEOUT", "the source did not answer in time");
    } else if (strcmp(r->sqlstate, FENCED) == 0) {
        e = exec_part_error(p, "SOURCE_UNAVAILABLE", "no environment of the region takes writes now");
    } else if (is_place_lost(r->sqlstate)) {
        e = exec_part_error(p, "SOURCE_UNAVAILABLE", "the source is not reachable");
    } else if (strcmp(r->sqlstate, "42501") == 0) {
        e = exec_part_error(p, "FORBIDDEN", "the source refuses this to the caller's role");
    } else {
        mer_log(MER_LOG_ERROR, "exec", "source error sqlstate=%s message=%.200s", r->sqlstate,
                r->message ? r->message : "");
        e = exec_part_error(p, "FETCH_ERROR", "the source failed to answer");
    }
    e->source_code = mer_arena_copy(p->x->a, mer_slice_of(r->sqlstate));
    return e;
}

static struct mer_exec_error *fault(struct exec_part *p, const struct mer_pg_result *r)
{
    if (p->fetch->plan->write && r->maybe_executed) {
        return exec_part_error(p, "MUTATION_OUTCOME_UNKNOWN",
                               "the connection was lost after the write was sent");
    }
    if (r->sqlstate[0]) {
        return sql_error(p, r);
    }
    if (r->err == MER_ERR_TIMEOUT) {
        return exec_part_error(p, "SOURCE_TIMEOUT", "the source did not answer in time");
    }
    mer_log(MER_LOG_WARN, "exec", "source unavailable place=%.*s message=%.200s", MER_FMT(p->place->name),
            r->message ? r->message : "");
    return exec_part_error(p, "SOURCE_UNAVAILABLE", "the source is not reachable");
}

static void ask_again(void *owner)
{
    exec_ask_part(owner);
}

// A write that met the fence changed nothing: it goes to whichever environment is live a moment later.
static bool wait_for_cutover(struct exec_part *p, const struct mer_pg_result *r)
{
    int64_t deadline_us = p->x->ask.deadline_mono_us;
    if (!r->err || strcmp(r->sqlstate, FENCED) != 0 || r->maybe_executed ||
        (deadline_us && mer_time_mono_us() > deadline_us - FENCED_ENDS_US)) {
        return false;
    }
    mer_timer_start(p->x->ask.site->loop, &p->again, FENCED_MS, ask_again, p);
    return true;
}

static void answered(void *owner, const struct mer_pg_result *r)
{
    struct exec_part *p = owner;
    struct mer_exec *x = p->x;
    if (wait_for_cutover(p, r)) {
        return;
    }
    // The pool may have asked again where a connection broke, and found the replica started anew, in its
    // past.
    bool past = !r->err && !mer_site_is_abreast(x->ask.site, p->place->index);
    if (r->err || past) {
        p->error =
            past ? exec_part_error(p, "SOURCE_UNAVAILABLE", "the source was started anew") : fault(p, r);
        bool elsewhere = r->sqlstate[0] ? is_place_lost(r->sqlstate) : r->err != MER_ERR_TIMEOUT;
        if (elsewhere && exec_retry(p)) {
            return;
        }
        exec_part_done(p);
        return;
    }
    exec_keep(x, mer_pg_result_keep(r), mer_pg_result_release);
    struct mer_diag diag = {0};
    if (mer_json_parse(x->a, r->value, NULL, &p->json, &diag)) {
        mer_log(MER_LOG_ERROR, "exec", "source answered no JSON: %s", diag.msg);
        p->error = exec_part_error(p, "FETCH_ERROR", "the source's answer is not understood");
    } else {
        p->value = mer_json_root(&p->json);
    }
    exec_part_done(p);
}
