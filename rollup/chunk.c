// SPDX-License-Identifier: MIT
// Some hours of one facility: lock, read, write, commit.
#include "rollup/worker_priv.h"

#include "base/buf.h"

#include <stdlib.h>

struct chunk {
    struct mer_slice facility;
    struct mer_rollup_span span;
    struct mer_rollup_state state;
    char *rows, *days;    // JSON
    char *hours, *marked; // arrays in Postgres' text form; NULL: no marks
    int64_t marks_n;
};

static char *keep(struct mer_rollup_worker *w, const PGresult *r, int column)
{
    if (PQgetisnull(r, 0, column))
        return NULL;
    return mer_arena_cstr(w->round,
                          mer_slice_make(PQgetvalue(r, 0, column), (size_t)PQgetlength(r, 0, column)));
}

static bool read_marks(struct mer_rollup_worker *w, struct chunk *c)
{
    int64_t to = c->span.to_us < c->state.final_us ? c->span.to_us : c->state.final_us;
    struct mer_pg_param p[] = {mer_rollup_slice(w, c->facility), mer_rollup_moment(w, c->span.from_us),
                               mer_rollup_moment(w, to)};
    PGresult *r = mer_link_run(w->live, w->sql.marks, p, 3);
    if (!r)
        return false;
    c->hours = keep(w, r, 0);
    c->marked = keep(w, r, 1);
    c->marks_n = mer_link_i64(r, 0, 2, 0);
    PQclear(r);
    return true;
}

static int64_t day_floor(int64_t us)
{
    return us - us % MER_ROLLUP_DAY_US;
}

static bool read_json(struct mer_rollup_worker *w, struct mer_buf *b, const struct mer_pg_param *p,
                      uint32_t n, char **out)
{
    mer_buf_add_char(b, '\0');
    PGresult *r = mer_link_run(w->live, b->p, p, n);
    if (!r)
        return false;
    *out = keep(w, r, 0);
    PQclear(r);
    return true;
}

static struct mer_kpi_raw raw_of(const struct mer_rollup_worker *w, const struct chunk *c)
{
    return (struct mer_kpi_raw){
        .catalogue = w->opts->catalogue,
        .components = mer_kpi_all_components(w->opts->catalogue),
        .facilities = &c->facility,
        .facilities_n = 1,
        .from_us = c->span.from_us,
        .to_us = c->span.to_us,
        .now_us = c->state.now_us,
    };
}

// Hours as they may leave the region.
static bool read_rows(struct mer_rollup_worker *w, struct chunk *c)
{
    struct mer_kpi_raw raw = raw_of(w, c);
    struct mer_pg_param p[MER_KPI_RAW_PARAMS];
    uint32_t n = 0;
    struct mer_buf b;
    mer_buf_init(&b, w->round, 8192);
    mer_buf_add_cstr(&b, "SELECT coalesce(json_agg(r), '[]') FROM (SELECT q.tenant_id, q.facility_id, q.hour,"
                         " q.rows_seen");
    for (uint32_t i = 0; i < raw.catalogue->components_n; i++) {
        mer_buf_add_cstr(&b, ", ");
        mer_kpi_add_told(&b, &raw.catalogue->components[i], "q");
        mer_buf_printf(&b, " AS %.*s", MER_FMT(raw.catalogue->components[i].name));
    }
    mer_buf_add_cstr(&b, " FROM (");
    mer_kpi_raw_sql(&b, &raw, w->round, p, &n);
    mer_buf_add_cstr(&b, ") q) r");
    return read_json(w, &b, p, n, &c->rows);
}

// What hours do not tell outside the region their day may: the days that the span touches, as far as they are
// over, from raw rows.
static bool read_days(struct mer_rollup_worker *w, struct chunk *c)
{
    struct mer_kpi_raw raw = raw_of(w, c);
    raw.components = 0;
    for (uint32_t i = 0; i < raw.catalogue->components_n; i++)
        if (raw.catalogue->components[i].least)
            raw.components |= 1ull << i;
    c->days = mer_arena_cstr(w->round, MER_S("[]"));
    if (!raw.components)
        return true;
    raw.from_us = day_floor(raw.from_us);
    raw.to_us = day_floor(raw.to_us - 1) + MER_ROLLUP_DAY_US;
    if (raw.to_us > c->state.closed_us)
        raw.to_us = c->state.closed_us;
    struct mer_pg_param p[MER_KPI_RAW_PARAMS];
    uint32_t n = 0;
    struct mer_buf b;
    mer_buf_init(&b, w->round, 4096);
    mer_buf_add_cstr(&b, "SELECT coalesce(json_agg(r), '[]') FROM (SELECT d.tenant_id, d.day");
    for (uint32_t i = 0; i < raw.catalogue->components_n; i++)
        if (raw.components >> i & 1) {
            mer_buf_add_cstr(&b, ", ");
            mer_kpi_add_told(&b, &raw.catalogue->components[i], "d");
            mer_buf_printf(&b, " AS %.*s", MER_FMT(raw.catalogue->components[i].name));
        }
    mer_buf_add_cstr(&b, " FROM (SELECT q.tenant_id, (q.hour AT TIME ZONE 'UTC')::date AS day");
    for (uint32_t i = 0; i < raw.catalogue->components_n; i++)
        if (raw.components >> i & 1) {
            mer_buf_add_cstr(&b, ", ");
            mer_kpi_add_merged(&b, &raw.catalogue->components[i], "q");
            mer_buf_printf(&b, " AS %.*s", MER_FMT(raw.catalogue->components[i].name));
        }
    mer_buf_add_cstr(&b, " FROM (");
    mer_kpi_raw_sql(&b, &raw, w->round, p, &n);
    mer_buf_add_cstr(&b, ") q GROUP BY 1, 2) d) r");
    return read_json(w, &b, p, n, &c->days);
}

// Marks and rows come from one snapshot: what a mark stands for is in the rows, and what comes later marks
// again.
static bool read_chunk(struct mer_rollup_worker *w, struct chunk *c)
{
    bool good = mer_link_do(w->live, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", NULL, 0) &&
                mer_rollup_read_state(w, c->facility, &c->state);
    if (good && c->span.to_us > c->state.closed_us)
        c->span.to_us = c->state.closed_us;
    good = good && c->span.from_us < c->span.to_us && read_marks(w, c) && read_rows(w, c) &&
           read_days(w, c) && mer_link_do(w->live, "COMMIT", NULL, 0);
    if (!good)
        mer_link_rollback(w->live);
    return good;
}

static bool count_of(struct mer_rollup_worker *w, const char *sql, const struct mer_pg_param *p, uint32_t n,
                     int64_t *out)
{
    PGresult *r = mer_link_run(&w->target, sql, p, n);
    *out = r && PQntuples(r) == 1 ? mer_link_i64(r, 0, 0, -1) : -1;
    PQclear(r);
    return *out >= 0;
}

// Hours, days, watermark and fence; the caller commits.
static bool write_chunk(struct mer_rollup_worker *w, const struct chunk *c, int64_t *changed)
{
    struct mer_pg_param from = mer_rollup_moment(w, c->span.from_us),
                        to = mer_rollup_moment(w, c->span.to_us);
    struct mer_pg_param facility = mer_rollup_slice(w, c->facility),
                        region = mer_rollup_slice(w, w->opts->region);
    struct mer_pg_param env = mer_rollup_text(w->env), epoch = mer_rollup_text(w->epoch);
    int64_t watermark, days, version;
    struct mer_pg_param at[] = {region, facility};
    if (!mer_rollup_read_time(&w->target, w->sql.watermark, at, 2, &watermark))
        return false;
    // Only hours that follow on what is closed already move the watermark.
    int64_t reach = c->span.to_us < c->state.final_us ? c->span.to_us : c->state.final_us;
    if (!watermark)
        watermark = c->span.from_us;
    if (c->span.from_us <= watermark && reach > watermark)
        watermark = reach;
    struct mer_pg_param upto = mer_rollup_moment(w, watermark);

    struct mer_pg_param hours[] = {mer_rollup_text(c->rows),
                                   facility,
                                   region,
                                   from,
                                   to,
                                   mer_rollup_moment(w, c->state.final_us),
                                   env,
                                   epoch,
                                   mer_rollup_moment(w, c->state.heartbeat_us)};
    if (!count_of(w, w->sql.hours, hours, 9, changed))
        return false;
    struct mer_pg_param day[] = {facility,
                                 region,
                                 mer_rollup_moment(w, day_floor(c->span.from_us)),
                                 mer_rollup_moment(w, day_floor(c->span.to_us - 1) + MER_ROLLUP_DAY_US),
                                 upto,
                                 env,
                                 epoch,
                                 mer_rollup_text(c->days)};
    if (!count_of(w, w->sql.days, day, 8, &days))
        return false;
    struct mer_pg_param finish[] = {region,   env,  epoch,
                                    facility, upto, mer_rollup_text(*changed || days ? "1" : "0")};
    return count_of(w, w->sql.finish, finish, 6, &version);
}

static enum mer_rollup_outcome lock_facility(struct mer_rollup_worker *w, struct mer_slice facility)
{
    struct mer_pg_param p[] = {mer_rollup_slice(w, facility)};
    if (!mer_link_do(&w->target, "BEGIN", NULL, 0))
        return MER_ROLLUP_FAILED;
    PGresult *r = mer_link_run(&w->target, w->sql.lock, p, 1);
    enum mer_rollup_outcome o = !r                            ? MER_ROLLUP_FAILED
                                : *PQgetvalue(r, 0, 0) == 't' ? MER_ROLLUP_DONE
                                                              : MER_ROLLUP_BUSY;
    PQclear(r);
    return o;
}

// The order matters: the lock first, then the reading, so that whoever writes last has read last.
enum mer_rollup_outcome mer_rollup_do_chunk(struct mer_rollup_worker *w, struct mer_slice facility,
                                            struct mer_rollup_span span)
{
    struct chunk chunk = {.facility = facility, .span = span}, *c = &chunk;
    int64_t changed = 0;
    enum mer_rollup_outcome o = lock_facility(w, c->facility);
    if (o == MER_ROLLUP_DONE)
        o = read_chunk(w, c) && write_chunk(w, c, &changed) && mer_link_do(&w->target, "COMMIT", NULL, 0)
                ? MER_ROLLUP_DONE
                : MER_ROLLUP_FAILED;
    if (o != MER_ROLLUP_DONE) {
        mer_link_rollback(&w->target);
        return o;
    }
    w->report.hours_computed += (uint64_t)((c->span.to_us - c->span.from_us) / MER_ROLLUP_HOUR_US);
    w->report.hours_changed += (uint64_t)changed;
    if (!c->marks_n)
        return MER_ROLLUP_DONE;
    struct mer_pg_param p[] = {mer_rollup_slice(w, c->facility), mer_rollup_text(c->hours),
                               mer_rollup_text(c->marked)};
    PGresult *r = mer_link_run(w->live, w->sql.clear_marks, p, 3);
    if (r)
        w->report.marks_cleared += strtoull(PQcmdTuples(r), NULL, 10);
    PQclear(r);
    return r ? MER_ROLLUP_DONE : MER_ROLLUP_FAILED;
}
