// SPDX-License-Identifier: MIT
// What the region's databases and the fence say.
#include "rollup/worker_priv.h"

#include "base/log.h"

#include <stdio.h>

// Reads live environment and epoch as one database knows them; true when it is itself the live one.
static bool ask_live(struct mer_rollup_worker *w, uint32_t i, int64_t *epoch)
{
    struct mer_pg_param p[] = {mer_rollup_slice(w, w->opts->region)};
    PGresult *r = mer_link_open(&w->sources[i]) ? mer_link_run(&w->sources[i], w->sql.live, p, 1) : NULL;
    bool live = r && PQntuples(r) == 1 && mer_slice_is(w->opts->sources[i].environment, PQgetvalue(r, 0, 0));
    if (live)
        *epoch = mer_link_i64(r, 0, 1, 0);
    PQclear(r);
    return live;
}

// The live environment is the one that says so with the highest epoch: a database that missed a cutover still
// thinks it is live, but with an older one.
bool mer_rollup_choose_live(struct mer_rollup_worker *w)
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
bool mer_rollup_meet_fence(struct mer_rollup_worker *w)
{
    struct mer_pg_param p[] = {mer_rollup_slice(w, w->opts->region), mer_rollup_text(w->env),
                               mer_rollup_text(w->epoch)};
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

bool mer_rollup_read_state(struct mer_rollup_worker *w, struct mer_slice facility,
                           struct mer_rollup_state *out)
{
    struct mer_pg_param p[] = {mer_rollup_slice(w, w->opts->region), mer_rollup_slice(w, facility)};
    PGresult *r = mer_link_run(w->live, w->sql.state, p, 2);
    bool good = r && PQntuples(r) == 1 && strcmp(PQgetvalue(r, 0, 0), w->env) == 0 &&
                strcmp(PQgetvalue(r, 0, 1), w->epoch) == 0;
    if (good) {
        out->epoch = mer_link_i64(r, 0, 1, 0);
        out->now_us = mer_link_i64(r, 0, 2, 0);
        out->heartbeat_us = mer_link_i64(r, 0, 3, 0);
        out->closed_us = mer_rollup_hour_floor(out->now_us);
        int64_t beat = mer_rollup_hour_floor(out->heartbeat_us);
        out->final_us = beat < out->closed_us ? beat : out->closed_us;
    }
    PQclear(r);
    return good;
}

bool mer_rollup_read_time(struct mer_link *l, const char *sql, const struct mer_pg_param *p, uint32_t n,
                          int64_t *out)
{
    PGresult *r = mer_link_run(l, sql, p, n);
    *out = r && PQntuples(r) == 1 ? mer_link_i64(r, 0, 0, 0) : 0;
    PQclear(r);
    return r != NULL;
}
