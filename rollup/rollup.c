// SPDX-License-Identifier: MIT
#include "rollup/worker_priv.h"

#include "base/log.h"
#include "base/time.h"

#include <poll.h>

// ---- a facility, a round ----

static bool open_partitions(struct mer_rollup_worker *w, const struct mer_rollup_span *spans, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        for (int64_t t = spans[i].from_us; t < spans[i].to_us + 31 * MER_ROLLUP_DAY_US;
             t += 28 * MER_ROLLUP_DAY_US) {
            if (t <= w->partition_us)
                continue;
            struct mer_pg_param p[] = {mer_rollup_moment(w, t)};
            if (!mer_link_do(&w->target, w->sql.partition, p, 1))
                return false;
            w->partition_us = t;
        }
    return true;
}

static enum mer_rollup_outcome do_spans(struct mer_rollup_worker *w, struct mer_slice facility,
                                        const struct mer_rollup_span *spans, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (mer_rollup_stopped(w))
            return MER_ROLLUP_FAILED;
        enum mer_rollup_outcome o = mer_rollup_do_chunk(w, facility, spans[i]);
        if (o != MER_ROLLUP_DONE)
            return o;
    }
    return MER_ROLLUP_DONE;
}

static enum mer_rollup_outcome do_facility(struct mer_rollup_worker *w, uint32_t index)
{
    struct mer_slice facility = w->opts->facilities[index];
    struct mer_rollup_state s;
    struct mer_rollup_span *spans = MER_NEW_N(w->round, struct mer_rollup_span, MER_ROLLUP_SPANS_MAX);
    uint32_t n = 0;
    if (!mer_rollup_read_state(w, facility, &s))
        return MER_ROLLUP_FAILED;
    bool asked = w->opts->from_us || w->opts->to_us;
    if (asked) {
        mer_rollup_add_span(spans, &n, mer_rollup_hour_floor(w->opts->from_us),
                            w->opts->to_us < s.closed_us ? mer_rollup_hour_floor(w->opts->to_us)
                                                         : s.closed_us);
    } else if (!mer_rollup_plan(w, index, &s, spans, &n)) {
        return MER_ROLLUP_FAILED;
    }
    if (!open_partitions(w, spans, n))
        return MER_ROLLUP_FAILED;
    enum mer_rollup_outcome o = do_spans(w, facility, spans, n);
    if (o == MER_ROLLUP_DONE)
        w->memory[index] = (struct mer_rollup_memory){s.closed_us, s.heartbeat_us, s.epoch, !asked};
    return o;
}

static void pause_ms(const struct mer_rollup_worker *w, uint32_t ms)
{
    int64_t until = mer_time_mono_us() + ms * 1000ll;
    while (!mer_rollup_stopped(w) && mer_time_mono_us() < until)
        poll(NULL, 0, ms < 100 ? (int)ms : 100);
}

// `once` waits for a neighbour who has the facility; in the long run the next round will do.
static enum mer_rollup_outcome do_facility_patiently(struct mer_rollup_worker *w, uint32_t index)
{
    bool once = w->opts->once || w->opts->from_us || w->opts->to_us;
    enum mer_rollup_outcome o = do_facility(w, index);
    for (int i = 0; o == MER_ROLLUP_BUSY && once && i < 100 && !mer_rollup_stopped(w); i++) {
        pause_ms(w, 100);
        o = do_facility(w, index);
    }
    return o;
}

static bool do_round(struct mer_rollup_worker *w)
{
    w->report = (struct mer_rollup_report){0};
    if (!mer_rollup_choose_live(w) || !mer_rollup_meet_fence(w)) {
        w->report.facilities_failed = w->opts->facilities_n;
        return false;
    }
    for (uint32_t i = 0; i < w->opts->facilities_n && !mer_rollup_stopped(w); i++) {
        mer_arena_reset(w->round);
        // A failure may have closed a connection; what follows needs both.
        bool ready = mer_link_open(&w->target) && mer_link_open(w->live);
        enum mer_rollup_outcome o = ready ? do_facility_patiently(w, i) : MER_ROLLUP_FAILED;
        w->report.facilities_done += o == MER_ROLLUP_DONE;
        w->report.facilities_busy += o == MER_ROLLUP_BUSY;
        w->report.facilities_failed += o == MER_ROLLUP_FAILED;
    }
    mer_arena_reset(w->round);
    return w->report.facilities_done == w->opts->facilities_n;
}

static void log_round(const struct mer_rollup_worker *w, int64_t took_us)
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

static bool prepare(struct mer_rollup_worker *w)
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
    w->memory = MER_NEW_N(w->a, struct mer_rollup_memory, o->facilities_n);
    for (uint32_t i = 0; i < o->sources_n; i++)
        mer_link_init(&w->sources[i], mer_arena_cstr(w->a, o->sources[i].environment),
                      mer_arena_cstr(w->a, o->sources[i].dsn), o->stop);
    return true;
}

int mer_rollup_run(const struct mer_rollup_opts *opts, struct mer_rollup_report *report)
{
    struct mer_rollup_worker w = {.opts = opts, .a = mer_arena_create(0), .round = mer_arena_create(0)};
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
        } while (!once && !mer_rollup_stopped(&w));
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
