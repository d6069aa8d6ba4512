// SPDX-License-Identifier: MIT
#include "rollup/rollup.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/time.h"
#include "resolvers/kpi/components_sql.h"
#include "rollup/link.h"
#include "rollup/statements.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define HOUR_US (3600 * 1000000ll)
#define DAY_US  (24 * HOUR_US)
// Hours of one transaction: enough to fill a year in seconds, few enough to hold the lock for a blink.
#define CHUNK_HOURS 168

// What a facility looked like when all of it was done; while it looks the same there is nothing to do.
struct memory {
    int64_t closed_us, heartbeat_us, epoch;
};

struct worker {
    const struct mer_rollup_opts *opts;
    struct mer_arena *a;     // lives as long as the worker
    struct mer_arena *round; // one facility
    struct mer_rollup_sql sql;
    struct mer_link target;
    struct mer_link *sources;
    struct mer_link *live; // of `sources`
    const char *env;       // its name
    char epoch[24];
    struct memory *memory;
    int64_t partition_us; // partitions are there up to this month
    struct mer_rollup_report report;
};

struct span {
    int64_t from_us, to_us; // whole hours
};

// What one snapshot of the region says of a facility.
struct state {
    int64_t epoch, now_us, closed_us, heartbeat_us, final_us;
};

static bool stopped(const struct worker *w)
{
    return w->opts->stop && *w->opts->stop;
}

static int64_t hour_floor(int64_t us)
{
    return us - us % HOUR_US;
}

static struct mer_pg_param text(const char *s)
{
    return (struct mer_pg_param){.value = mer_slice_of(s)};
}

static struct mer_pg_param slice(struct worker *w, struct mer_slice s)
{
    return mer_kpi_param_text(w->round, s);
}

static struct mer_pg_param moment(struct worker *w, int64_t us)
{
    return mer_kpi_param_time(w->round, us);
}

// ---- the region's state ----

// Reads live environment and epoch as one database knows them; true when it is itself the live one.
static bool ask_live(struct worker *w, uint32_t i, int64_t *epoch)
{
    struct mer_pg_param p[] = {slice(w, w->opts->region)};
    PGresult *r = mer_link_open(&w->sources[i]) ? mer_link_run(&w->sources[i], w->sql.live, p, 1) : NULL;
    bool live = r && PQntuples(r) == 1 && mer_slice_is(w->opts->sources[i].environment, PQgetvalue(r, 0, 0));
    if (live)
        *epoch = mer_link_i64(r, 0, 1, 0);
    PQclear(r);
    return live;
}

// The live environment is the one that says so with the highest epoch: a database that missed a cutover still
// thinks it is live, but with an older one.
static bool choose_live(struct worker *w)
{
    int64_t best = -1;
    w->live = NULL;
    for (uint32_t i = 0; i < w->opts->sources_n; i++) {
        int64_t epoch = 0;
        if (ask_live(w, i, &epoch) && epoch > best) {
            best = epoch;
            w->live = &w->sources[i];
            w->env = w->live->name;
        }
    }
    snprintf(w->epoch, sizeof w->epoch, "%lld", (long long)best);
    if (!w->live)
        mer_log(MER_LOG_WARN, "rollup", "no live environment region=%.*s", MER_FMT(w->opts->region));
    return w->live != NULL;
}

// Brings the fence up to the region's epoch, and sees that it is the same. An older epoch of ours means that
// we see a database that was left behind.
static bool meet_fence(struct worker *w)
{
    struct mer_pg_param p[] = {slice(w, w->opts->region), text(w->env), text(w->epoch)};
    if (!mer_link_open(&w->target) || !mer_link_do(&w->target, w->sql.advance_fence, p, 3))
        return false;
    PGresult *r = mer_link_run(&w->target, w->sql.fence, p, 1);
    bool same = r && PQntuples(r) == 1 && strcmp(PQgetvalue(r, 0, 0), w->env) == 0 &&
                strcmp(PQgetvalue(r, 0, 1), w->epoch) == 0;
    if (r && !same)
        mer_log(MER_LOG_WARN, "rollup", "fenced off region=%.*s environment=%s epoch=%s",
                MER_FMT(w->opts->region), w->env, w->epoch);
    PQclear(r);
    return same;
}

static bool read_state(struct worker *w, struct mer_slice facility, struct state *out)
{
    struct mer_pg_param p[] = {slice(w, w->opts->region), slice(w, facility)};
    PGresult *r = mer_link_run(w->live, w->sql.state, p, 2);
    bool good = r && PQntuples(r) == 1 && strcmp(PQgetvalue(r, 0, 0), w->env) == 0 &&
                strcmp(PQgetvalue(r, 0, 1), w->epoch) == 0;
    if (good) {
        out->epoch = mer_link_i64(r, 0, 1, 0);
        out->now_us = mer_link_i64(r, 0, 2, 0);
        out->heartbeat_us = mer_link_i64(r, 0, 3, 0);
        out->closed_us = hour_floor(out->now_us);
        int64_t beat = hour_floor(out->heartbeat_us);
        out->final_us = beat < out->closed_us ? beat : out->closed_us;
    }
    PQclear(r);
    return good;
}

// ---- what is to do ----

static bool read_time(struct mer_link *l, const char *sql, const struct mer_pg_param *p, uint32_t n,
                      int64_t *out)
{
    PGresult *r = mer_link_run(l, sql, p, n);
    *out = r && PQntuples(r) == 1 ? mer_link_i64(r, 0, 0, 0) : 0;
    PQclear(r);
    return r != NULL;
}

// From where on hours are due: the watermark less the look back; for a facility that was never rolled up its
// first row's hour (or the last hour, when there is no row: then its zeros are known).
static bool due_from(struct worker *w, struct mer_slice facility, const struct state *s, int64_t *from,
                     int64_t *watermark)
{
    struct mer_pg_param p[] = {slice(w, w->opts->region), slice(w, facility)};
    if (!read_time(&w->target, w->sql.watermark, p, 2, watermark))
        return false;
    int64_t back = (w->opts->lookback_ms ? w->opts->lookback_ms : 2 * 3600 * 1000) * 1000ll;
    *from = hour_floor(*watermark - back);
    if (*watermark)
        return true;
    if (!read_time(w->live, w->sql.first_hour, &p[1], 1, from))
        return false;
    if (!*from)
        *from = s->final_us ? s->final_us - HOUR_US : s->closed_us;
    return true;
}

// Adds [from, to) in chunks, sewn to the last span where they touch.
static void add_span(struct span *spans, uint32_t *n, uint32_t max, int64_t from, int64_t to)
{
    while (from < to) {
        struct span *last = *n ? &spans[*n - 1] : NULL;
        if (last && from < last->to_us) {
            from = last->to_us;
            continue;
        }
        if (last && from == last->to_us && last->to_us - last->from_us < CHUNK_HOURS * HOUR_US) {
            last->to_us += HOUR_US;
            from += HOUR_US;
            continue;
        }
        if (*n == max)
            return; // the rest is found again in the next round
        spans[(*n)++] = (struct span){from, from + HOUR_US};
        from += HOUR_US;
    }
}

#define SPANS_MAX 4096

// Late hours below `due`, then everything from `due` to the last hour that is over.
static bool plan_facility(struct worker *w, uint32_t index, const struct state *s, struct span *spans,
                          uint32_t *n)
{
    struct mer_slice facility = w->opts->facilities[index];
    const struct memory *m = &w->memory[index];
    int64_t due, watermark;
    if (!due_from(w, facility, s, &due, &watermark))
        return false;
    // A facility that is offline has hours due in every round; they are computed again when something has
    // moved.
    bool same = m->closed_us == s->closed_us && hour_floor(m->heartbeat_us) == hour_floor(s->heartbeat_us) &&
                m->epoch == s->epoch;
    bool behind = watermark < s->closed_us && !same;
    struct mer_pg_param p[] = {slice(w, facility), text("-infinity"), moment(w, s->final_us)};
    PGresult *r = mer_link_run(w->live, w->sql.dirty, p, 3);
    if (!r)
        return false;
    *n = 0;
    for (int i = 0; i < PQntuples(r); i++) {
        int64_t hour = mer_link_i64(r, i, 0, 0);
        if (!behind || hour < due)
            add_span(spans, n, SPANS_MAX, hour, hour + HOUR_US);
    }
    PQclear(r);
    if (behind)
        add_span(spans, n, SPANS_MAX, due, s->closed_us);
    return true;
}

// ---- one chunk: read, write, commit ----

struct chunk {
    struct mer_slice facility;
    struct span span;
    struct state state;
    char *rows;           // JSON
    char *hours, *marked; // arrays in Postgres' text form; NULL: no marks
    int64_t marks_n;
};

static char *keep(struct worker *w, const PGresult *r, int column)
{
    if (PQgetisnull(r, 0, column))
        return NULL;
    return mer_arena_cstr(w->round,
                          mer_slice_make(PQgetvalue(r, 0, column), (size_t)PQgetlength(r, 0, column)));
}

static bool read_marks(struct worker *w, struct chunk *c)
{
    int64_t to = c->span.to_us < c->state.final_us ? c->span.to_us : c->state.final_us;
    struct mer_pg_param p[] = {slice(w, c->facility), moment(w, c->span.from_us), moment(w, to)};
    PGresult *r = mer_link_run(w->live, w->sql.marks, p, 3);
    if (!r)
        return false;
    c->hours = keep(w, r, 0);
    c->marked = keep(w, r, 1);
    c->marks_n = mer_link_i64(r, 0, 2, 0);
    PQclear(r);
    return true;
}

static bool read_rows(struct worker *w, struct chunk *c)
{
    struct mer_kpi_raw raw = {
        .catalogue = w->opts->catalogue,
        .components = mer_kpi_all_components(w->opts->catalogue),
        .facilities = &c->facility,
        .facilities_n = 1,
        .from_us = c->span.from_us,
        .to_us = c->span.to_us,
        .now_us = c->state.now_us,
    };
    struct mer_pg_param p[MER_KPI_RAW_PARAMS];
    uint32_t n = 0;
    struct mer_buf b;
    mer_buf_init(&b, w->round, 8192);
    mer_buf_add_cstr(&b, "SELECT coalesce(json_agg(r), '[]') FROM (");
    mer_kpi_raw_sql(&b, &raw, w->round, p, &n);
    mer_buf_add_cstr(&b, ") r");
    mer_buf_add_char(&b, '\0');
    PGresult *r = mer_link_run(w->live, b.p, p, n);
    if (!r)
        return false;
    c->rows = keep(w, r, 0);
    PQclear(r);
    return true;
}

// Marks and rows come from one snapshot: what a mark stands for is in the rows, and what comes later marks
// again.
static bool read_chunk(struct worker *w, struct chunk *c)
{
    bool good = mer_link_do(w->live, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", NULL, 0) &&
                read_state(w, c->facility, &c->state);
    if (good && c->span.to_us > c->state.closed_us)
        c->span.to_us = c->state.closed_us;
    good = good && c->span.from_us < c->span.to_us && read_marks(w, c) && read_rows(w, c) &&
           mer_link_do(w->live, "COMMIT", NULL, 0);
    if (!good)
        mer_link_rollback(w->live);
    return good;
}

static bool count_of(struct worker *w, const char *sql, const struct mer_pg_param *p, uint32_t n,
                     int64_t *out)
{
    PGresult *r = mer_link_run(&w->target, sql, p, n);
    *out = r && PQntuples(r) == 1 ? mer_link_i64(r, 0, 0, -1) : -1;
    PQclear(r);
    return *out >= 0;
}

static int64_t day_floor(int64_t us)
{
    return us - us % DAY_US;
}

// Hours, days, watermark and fence; the caller commits.
static bool write_chunk(struct worker *w, const struct chunk *c, int64_t *changed)
{
    struct mer_pg_param from = moment(w, c->span.from_us), to = moment(w, c->span.to_us);
    struct mer_pg_param facility = slice(w, c->facility), region = slice(w, w->opts->region);
    struct mer_pg_param env = text(w->env), epoch = text(w->epoch);
    int64_t watermark, days, version;
    struct mer_pg_param at[] = {region, facility};
    if (!read_time(&w->target, w->sql.watermark, at, 2, &watermark))
        return false;
    // Only hours that follow on what is closed already move the watermark.
    int64_t reach = c->span.to_us < c->state.final_us ? c->span.to_us : c->state.final_us;
    if (!watermark)
        watermark = c->span.from_us;
    if (c->span.from_us <= watermark && reach > watermark)
        watermark = reach;
    struct mer_pg_param upto = moment(w, watermark);

    struct mer_pg_param hours[] = {text(c->rows), facility, region,
                                   from,          to,       moment(w, c->state.final_us),
                                   env,           epoch,    moment(w, c->state.heartbeat_us)};
    if (!count_of(w, w->sql.hours, hours, 9, changed))
        return false;
    struct mer_pg_param day[] = {facility,
                                 region,
                                 moment(w, day_floor(c->span.from_us)),
                                 moment(w, day_floor(c->span.to_us - 1) + DAY_US),
                                 upto,
                                 env,
                                 epoch};
    if (!count_of(w, w->sql.days, day, 7, &days))
        return false;
    struct mer_pg_param finish[] = {region, env, epoch, facility, upto, text(*changed || days ? "1" : "0")};
    return count_of(w, w->sql.finish, finish, 6, &version);
}

enum outcome { OUTCOME_DONE = 0, OUTCOME_BUSY = 1, OUTCOME_FAILED = 2 };

static enum outcome lock_facility(struct worker *w, struct mer_slice facility)
{
    struct mer_pg_param p[] = {slice(w, facility)};
    if (!mer_link_do(&w->target, "BEGIN", NULL, 0))
        return OUTCOME_FAILED;
    PGresult *r = mer_link_run(&w->target, w->sql.lock, p, 1);
    enum outcome o = !r ? OUTCOME_FAILED : *PQgetvalue(r, 0, 0) == 't' ? OUTCOME_DONE : OUTCOME_BUSY;
    PQclear(r);
    return o;
}

// The order matters: the lock first, then the reading, so that whoever writes last has read last.
static enum outcome do_chunk(struct worker *w, struct chunk *c)
{
    int64_t changed = 0;
    enum outcome o = lock_facility(w, c->facility);
    if (o == OUTCOME_DONE)
        o = read_chunk(w, c) && write_chunk(w, c, &changed) && mer_link_do(&w->target, "COMMIT", NULL, 0)
                ? OUTCOME_DONE
                : OUTCOME_FAILED;
    if (o != OUTCOME_DONE) {
        mer_link_rollback(&w->target);
        return o;
    }
    w->report.hours_computed += (uint64_t)((c->span.to_us - c->span.from_us) / HOUR_US);
    w->report.hours_changed += (uint64_t)changed;
    if (!c->marks_n)
        return OUTCOME_DONE;
    struct mer_pg_param p[] = {slice(w, c->facility), text(c->hours), text(c->marked)};
    PGresult *r = mer_link_run(w->live, w->sql.clear_marks, p, 3);
    if (r)
        w->report.marks_cleared += strtoull(PQcmdTuples(r), NULL, 10);
    PQclear(r);
    return r ? OUTCOME_DONE : OUTCOME_FAILED;
}

// ---- a facility, a round ----

static bool open_partitions(struct worker *w, const struct span *spans, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        for (int64_t t = spans[i].from_us; t < spans[i].to_us + 31 * DAY_US; t += 28 * DAY_US) {
            if (t <= w->partition_us)
                continue;
            struct mer_pg_param p[] = {moment(w, t)};
            if (!mer_link_do(&w->target, w->sql.partition, p, 1))
                return false;
            w->partition_us = t;
        }
    return true;
}

static enum outcome do_spans(struct worker *w, struct mer_slice facility, const struct span *spans,
                             uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        struct chunk c = {.facility = facility, .span = spans[i]};
        if (stopped(w))
            return OUTCOME_FAILED;
        enum outcome o = do_chunk(w, &c);
        if (o != OUTCOME_DONE)
            return o;
    }
    return OUTCOME_DONE;
}

static enum outcome do_facility(struct worker *w, uint32_t index)
{
    struct mer_slice facility = w->opts->facilities[index];
    struct state s;
    struct span *spans = MER_NEW_N(w->round, struct span, SPANS_MAX);
    uint32_t n = 0;
    if (!read_state(w, facility, &s))
        return OUTCOME_FAILED;
    bool asked = w->opts->from_us || w->opts->to_us;
    if (asked) {
        add_span(spans, &n, SPANS_MAX, hour_floor(w->opts->from_us),
                 w->opts->to_us < s.closed_us ? hour_floor(w->opts->to_us) : s.closed_us);
    } else if (!plan_facility(w, index, &s, spans, &n)) {
        return OUTCOME_FAILED;
    }
    if (!open_partitions(w, spans, n))
        return OUTCOME_FAILED;
    enum outcome o = do_spans(w, facility, spans, n);
    if (o == OUTCOME_DONE)
        w->memory[index] = (struct memory){s.closed_us, s.heartbeat_us, s.epoch};
    return o;
}

static void pause_ms(const struct worker *w, uint32_t ms)
{
    int64_t until = mer_time_mono_us() + ms * 1000ll;
    while (!stopped(w) && mer_time_mono_us() < until)
        poll(NULL, 0, ms < 100 ? (int)ms : 100);
}

// `once` waits for a neighbour who has the facility; in the long run the next round will do.
static enum outcome do_facility_patiently(struct worker *w, uint32_t index)
{
    bool once = w->opts->once || w->opts->from_us || w->opts->to_us;
    enum outcome o = do_facility(w, index);
    for (int i = 0; o == OUTCOME_BUSY && once && i < 100 && !stopped(w); i++) {
        pause_ms(w, 100);
        o = do_facility(w, index);
    }
    return o;
}

static bool do_round(struct worker *w)
{
    w->report = (struct mer_rollup_report){0};
    if (!choose_live(w) || !meet_fence(w)) {
        w->report.facilities_failed = w->opts->facilities_n;
        return false;
    }
    for (uint32_t i = 0; i < w->opts->facilities_n && !stopped(w); i++) {
        mer_arena_reset(w->round);
        // A failure may have closed a connection; what follows needs both.
        bool ready = mer_link_open(&w->target) && mer_link_open(w->live);
        enum outcome o = ready ? do_facility_patiently(w, i) : OUTCOME_FAILED;
        w->report.facilities_done += o == OUTCOME_DONE;
        w->report.facilities_busy += o == OUTCOME_BUSY;
        w->report.facilities_failed += o == OUTCOME_FAILED;
    }
    mer_arena_reset(w->round);
    return w->report.facilities_done == w->opts->facilities_n;
}

static void log_round(const struct worker *w, int64_t took_us)
{
    const struct mer_rollup_report *r = &w->report;
    bool worth = r->hours_computed || r->facilities_failed;
    mer_log(
        worth ? MER_LOG_INFO : MER_LOG_DEBUG, "rollup",
        "round region=%.*s environment=%s epoch=%s done=%llu busy=%llu failed=%llu hours=%llu changed=%llu "
        "marks=%llu ms=%lld",
        MER_FMT(w->opts->region), w->live ? w->env : "none", w->epoch, (unsigned long long)r->facilities_done,
        (unsigned long long)r->facilities_busy, (unsigned long long)r->facilities_failed,
        (unsigned long long)r->hours_computed, (unsigned long long)r->hours_changed,
        (unsigned long long)r->marks_cleared, (long long)(took_us / 1000));
}

static bool prepare(struct worker *w)
{
    const struct mer_rollup_opts *o = w->opts;
    if (!o->catalogue || !o->region.n || !o->facilities_n || !o->sources_n || !o->target_dsn.n ||
        (o->to_us && o->to_us <= o->from_us)) {
        mer_log(MER_LOG_ERROR, "rollup",
                "a catalogue, a region with facilities, sources and a target are wanted,"
                " and an end after the beginning");
        return false;
    }
    mer_rollup_sql_make(w->a, o->catalogue, &w->sql);
    mer_link_init(&w->target, "target", mer_arena_cstr(w->a, o->target_dsn), o->stop);
    w->sources = MER_NEW_N(w->a, struct mer_link, o->sources_n);
    w->memory = MER_NEW_N(w->a, struct memory, o->facilities_n);
    for (uint32_t i = 0; i < o->sources_n; i++)
        mer_link_init(&w->sources[i], mer_arena_cstr(w->a, o->sources[i].environment),
                      mer_arena_cstr(w->a, o->sources[i].dsn), o->stop);
    return true;
}

int mer_rollup_run(const struct mer_rollup_opts *opts, struct mer_rollup_report *report)
{
    struct worker w = {.opts = opts, .a = mer_arena_create(0), .round = mer_arena_create(0)};
    bool once = opts->once || opts->from_us || opts->to_us;
    int status = 2;
    if (prepare(&w)) {
        bool good;
        do {
            int64_t began = mer_time_mono_us();
            good = do_round(&w);
            log_round(&w, mer_time_mono_us() - began);
            if (!once)
                pause_ms(&w, opts->interval_ms ? opts->interval_ms : 10000);
        } while (!once && !stopped(&w));
        status = once && !good ? 1 : 0;
        for (uint32_t i = 0; i < opts->sources_n; i++)
            mer_link_close(&w.sources[i]);
        mer_link_close(&w.target);
    }
    if (report)
        *report = w.report;
    mer_arena_destroy(w.round);
    mer_arena_destroy(w.a);
    return status;
}
