// SPDX-License-Identifier: MIT
// Which hours of a facility are to do.
#include "rollup/worker_priv.h"

// Hours of one transaction: enough to fill a year in seconds, few enough to hold the lock for a blink.
#define CHUNK_HOURS 168

// From where on hours are due: the watermark less the look back; for a facility that was never rolled up its
// first row's hour (or the last hour, when there is no row: then its zeros are known).
static bool due_from(struct mer_rollup_worker *w, struct mer_slice facility, const struct mer_rollup_state *s,
                     int64_t *from, int64_t *watermark)
{
    struct mer_pg_param p[] = {mer_rollup_slice(w, w->opts->region), mer_rollup_slice(w, facility)};
    if (!mer_rollup_read_time(&w->target, w->sql.watermark, p, 2, watermark))
        return false;
    int64_t back = (w->opts->lookback_ms ? w->opts->lookback_ms : 2 * 3600 * 1000) * 1000ll;
    *from = mer_rollup_hour_floor(*watermark - back);
    if (*watermark)
        return true;
    if (!mer_rollup_read_time(w->live, w->sql.first_hour, &p[1], 1, from))
        return false;
    if (!*from)
        *from = s->final_us ? s->final_us - MER_ROLLUP_HOUR_US : s->closed_us;
    return true;
}

// Adds [from, to) in chunks, sewn to the last span where they touch.
void mer_rollup_add_span(struct mer_rollup_span *spans, uint32_t *n, int64_t from, int64_t to)
{
    while (from < to) {
        struct mer_rollup_span *last = *n ? &spans[*n - 1] : NULL;
        if (last && from < last->to_us) {
            from = last->to_us;
            continue;
        }
        if (last && from == last->to_us && last->to_us - last->from_us < CHUNK_HOURS * MER_ROLLUP_HOUR_US) {
            last->to_us += MER_ROLLUP_HOUR_US;
            from += MER_ROLLUP_HOUR_US;
            continue;
        }
        if (*n == MER_ROLLUP_SPANS_MAX)
            return; // the rest is found again in the next round
        spans[(*n)++] = (struct mer_rollup_span){from, from + MER_ROLLUP_HOUR_US};
        from += MER_ROLLUP_HOUR_US;
    }
}

// The stored hours that lack a component which is new in the catalogue, as far back as there are rows to tell
// it from; asked once. They are computed again like late ones.
static bool unfilled(struct mer_rollup_worker *w, uint32_t index, struct mer_rollup_span *out)
{
    struct mer_slice facility = w->opts->facilities[index];
    int64_t first = 0;
    *out = (struct mer_rollup_span){0, 0};
    if (w->memory[index].filled)
        return true;
    struct mer_pg_param p[2] = {mer_rollup_slice(w, facility)};
    if (!mer_rollup_read_time(w->live, w->sql.first_hour, p, 1, &first))
        return false;
    p[1] = mer_rollup_moment(w, first);
    PGresult *r = mer_link_run(&w->target, w->sql.unfilled, p, 2);
    if (r && first && !PQgetisnull(r, 0, 0))
        *out =
            (struct mer_rollup_span){mer_link_i64(r, 0, 0, 0), mer_link_i64(r, 0, 1, 0) + MER_ROLLUP_HOUR_US};
    PQclear(r);
    return r != NULL;
}

// Late hours below `due`, then everything from `due` to the last hour that is over.
bool mer_rollup_plan(struct mer_rollup_worker *w, uint32_t index, const struct mer_rollup_state *s,
                     struct mer_rollup_span *spans, uint32_t *n)
{
    struct mer_slice facility = w->opts->facilities[index];
    const struct mer_rollup_memory *m = &w->memory[index];
    int64_t due, watermark;
    if (!due_from(w, facility, s, &due, &watermark))
        return false;
    // A facility that is offline has hours due in every round; they are computed again when something has
    // moved.
    bool same = m->closed_us == s->closed_us &&
                mer_rollup_hour_floor(m->heartbeat_us) == mer_rollup_hour_floor(s->heartbeat_us) &&
                m->epoch == s->epoch;
    bool behind = watermark < s->closed_us && !same;
    struct mer_rollup_span fill;
    if (!unfilled(w, index, &fill))
        return false;
    if (behind && fill.to_us && fill.from_us > due) // in the hours that are due anyway
        fill = (struct mer_rollup_span){0, 0};
    struct mer_pg_param p[] = {mer_rollup_slice(w, facility), mer_rollup_text("-infinity"),
                               mer_rollup_moment(w, s->final_us)};
    PGresult *r = mer_link_run(w->live, w->sql.dirty, p, 3);
    if (!r)
        return false;
    *n = 0;
    for (int i = 0; i < PQntuples(r); i++) {
        int64_t hour = mer_link_i64(r, i, 0, 0);
        if (hour >= fill.from_us) {
            mer_rollup_add_span(spans, n, fill.from_us, fill.to_us);
            fill = (struct mer_rollup_span){INT64_MAX, INT64_MAX};
        }
        if (!behind || hour < due)
            mer_rollup_add_span(spans, n, hour, hour + MER_ROLLUP_HOUR_US);
    }
    PQclear(r);
    mer_rollup_add_span(spans, n, fill.from_us, fill.to_us);
    if (behind)
        mer_rollup_add_span(spans, n, due, s->closed_us);
    return true;
}
