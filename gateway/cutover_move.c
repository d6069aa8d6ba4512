// SPDX-License-Identifier: MIT
#include "gateway/cutover_move.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/log.h"
#include "base/time.h"
#include "resolvers/postgres/check.h"
#include "resolvers/postgres/fence.h"

#define ENVIRONMENTS  2
#define PROBE_US      2000000  // for an entry of the outbox to arrive
#define OPEN_US       15000000 // for the new environment to have all that the old one took
#define FINDINGS_TOLD 3

struct move {
    struct mer_arena *a;
    const struct mer_cutover_ask *ask;
    struct mer_cutover_result *out;
    struct mer_fence fences[ENVIRONMENTS];
    struct mer_fence_facts facts[ENVIRONMENTS];
    uint32_t from, to;
};

// False, for the caller to return.
static bool refuse(struct move *m, const char *code, const char *fmt, ...) MER_PRINTF(3, 4);
static bool refuse(struct move *m, const char *code, const char *fmt, ...)
{
    struct mer_cutover_result *out = m->out;
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    out->code = out->code ? out->code : code;
    if (out->reasons_n < MER_CUTOVER_REASONS_MAX) {
        out->reasons[out->reasons_n++] = mer_arena_copy(m->a, mer_slice_of(text));
    }
    return false;
}

// Between two looks; false: that was the last.
static bool pause_until(const struct move *m, int64_t end_us)
{
    struct timespec t = {0, 10000000};
    nanosleep(&t, NULL);
    return mer_time_mono_us() < end_us && !atomic_load(m->ask->stop);
}

// ---- what the configuration says ----

static const char *fence_url(const struct mer_config *c, struct mer_slice environment)
{
    for (uint32_t i = 0; i < c->sources_n; i++) {
        for (uint32_t k = 0; k < c->sources[i].placements_n; k++) {
            const struct mer_config_placement *p = &c->sources[i].placements[k];
            if (p->fence_url.p && mer_slice_eq(p->environment, environment)) {
                return p->fence_url.p;
            }
        }
    }
    return NULL;
}

static bool find_fences(struct move *m)
{
    const struct mer_config *c = m->ask->config;
    const struct mer_config_region *r = mer_config_region(c, m->ask->region);
    if (!r) {
        return refuse(m, "REGION_UNKNOWN", "there is no region %.*s", MER_FMT(m->ask->region));
    }
    if (c->self.tier != MER_TIER_REGIONAL || !mer_slice_eq(c->self.region, r->name)) {
        return refuse(m, "REGION_ELSEWHERE", "%.*s is moved at its own gateway%s%.*s", MER_FMT(r->name),
                      r->entry_point.n ? ", " : "", MER_FMT(r->entry_point));
    }
    if (r->environments.n != ENVIRONMENTS) {
        return refuse(m, "NOT_CONFIGURED", "%.*s has %u environments, not two", MER_FMT(r->name),
                      r->environments.n);
    }
    bool known = !m->ask->environment.p;
    for (uint32_t i = 0; i < ENVIRONMENTS; i++) {
        struct mer_slice name = r->environments.items[i];
        const char *url = fence_url(c, name);
        known = known || mer_slice_eq(name, m->ask->environment);
        if (!url) {
            return refuse(m, "NOT_CONFIGURED", "no placement of %.*s has a fenceUrl", MER_FMT(name));
        }
        mer_fence_init(&m->fences[i], name, url, m->a);
    }
    return known || refuse(m, "ENVIRONMENT_UNKNOWN", "%.*s is not one of the environments %.*s and %.*s",
                           MER_FMT(m->ask->environment), MER_FMT(r->environments.items[0]),
                           MER_FMT(r->environments.items[1]));
}

// ---- where the region is ----

static bool look(struct move *m)
{
    bool all = true;
    for (uint32_t i = 0; i < ENVIRONMENTS; i++) {
        struct mer_fence *f = &m->fences[i];
        if (!mer_fence_look(f, &m->facts[i])) {
            all = refuse(m, "ENVIRONMENT_UNHEALTHY", "%.*s does not answer: %s", MER_FMT(f->environment),
                         f->why);
        } else if (m->facts[i].standby) {
            all = refuse(m, "ENVIRONMENT_UNHEALTHY", "what stands for %.*s is a standby",
                         MER_FMT(f->environment));
        }
    }
    return all;
}

static bool claims(const struct move *m, uint32_t i)
{
    return mer_slice_eq(m->facts[i].live, m->fences[i].environment);
}

static void note(struct move *m, uint32_t live)
{
    const struct mer_fence_facts *f = &m->facts[live];
    m->out->live = f->live;
    m->out->previous = m->fences[1 - live].environment;
    m->out->epoch = f->epoch;
    m->out->phase = f->state;
}

// Waits until the other environment is live; what it lacks comes by itself.
static bool await(struct move *m, int64_t epoch)
{
    int64_t end = mer_time_mono_us() + OPEN_US;
    do {
        if (mer_fence_look(&m->fences[m->to], &m->facts[m->to]) && claims(m, m->to) &&
            m->facts[m->to].epoch >= epoch) {
            note(m, m->to);
            return true;
        }
    } while (pause_until(m, end));
    return refuse(m, "UNDER_WAY",
                  "%.*s takes no writes any more, and %.*s becomes live when it has all of them; it has not "
                  "yet. Ask again to wait",
                  MER_FMT(m->fences[m->from].environment), MER_FMT(m->fences[m->to].environment));
}

// Nobody is live: a move was begun, and is not done.
static bool join_move(struct move *m)
{
    m->from = m->facts[0].epoch > m->facts[1].epoch ? 0 : 1;
    m->to = 1 - m->from;
    const struct mer_fence_facts *f = &m->facts[m->from];
    bool rollback = mer_slice_is(f->kind, "rollback");
    bool same = m->ask->environment.p ? mer_slice_eq(m->ask->environment, f->live) : rollback;
    if (!same) {
        return refuse(m, "UNDER_WAY", "a %.*s to %.*s is under way", MER_FMT(f->kind), MER_FMT(f->live));
    }
    return await(m, f->epoch);
}

// Which environment the move leads to.
static bool find_target(struct move *m)
{
    bool first = claims(m, 0) && (!claims(m, 1) || m->facts[0].epoch > m->facts[1].epoch);
    m->from = first ? 0 : 1;
    m->to = 1 - m->from;
    const struct mer_fence_facts *f = &m->facts[m->from];
    struct mer_slice live = m->fences[m->from].environment, other = m->fences[m->to].environment;
    if (m->ask->environment.p) {
        return mer_slice_eq(m->ask->environment, other) ||
               refuse(m, "ALREADY_LIVE", "%.*s is live already, since epoch %lld", MER_FMT(live),
                      (long long)f->epoch);
    }
    if (!f->kind.n) {
        return refuse(m, "NOTHING_TO_ROLL_BACK", "no promotion has made %.*s live", MER_FMT(live));
    }
    return mer_slice_is(f->kind, "promote") ||
           refuse(m, "NOTHING_TO_ROLL_BACK", "the last move was no promotion but a %.*s; promote %.*s",
                  MER_FMT(f->kind), MER_FMT(other));
}

// ---- is the other environment fit? ----

static void check_beats(struct move *m)
{
    const struct mer_fence_facts *here = &m->facts[m->from], *there = &m->facts[m->to];
    const struct mer_json_node *key = mer_json_first(&here->json, here->beats);
    for (uint32_t i = 0; i < here->beats->count; i++) {
        const struct mer_json_node *value = mer_json_next(&here->json, key);
        struct mer_slice facility = mer_json_string(m->a, &here->json, key);
        const struct mer_json_node *other = mer_json_get(&there->json, there->beats, facility);
        int64_t ours = 0, theirs = 0;
        if (mer_json_i64(&here->json, value, &ours)) {
            bool known = other && mer_json_i64(&there->json, other, &theirs);
            int64_t behind_s = known ? (ours - theirs) / 1000000 : INT64_MAX;
            if (!known) {
                refuse(m, "NOT_READY", "%.*s has heard nothing of %.*s",
                       MER_FMT(m->fences[m->to].environment), MER_FMT(facility));
            } else if (behind_s > m->ask->config->cutover.behind_s) {
                refuse(m, "NOT_READY", "%.*s is %lld s behind with %.*s",
                       MER_FMT(m->fences[m->to].environment), (long long)behind_s, MER_FMT(facility));
            }
        }
        key = mer_json_next(&here->json, value);
    }
}

// A promotion is one region's at a time (R32); a rollback waits for nobody.
static void check_regions(struct move *m)
{
    const struct mer_fence_facts *f = &m->facts[m->from];
    const struct mer_json_node *n = mer_json_first(&f->json, f->unstable);
    for (uint32_t i = 0; m->ask->environment.p && i < f->unstable->count; i++) {
        refuse(m, "NOT_READY", "one region at a time: %.*s", MER_FMT(mer_json_string(m->a, &f->json, n)));
        n = mer_json_next(&f->json, n);
    }
}

// What is written on either side comes to the other: without it the new one would never be live, or a
// rollback would lose what was written since (R27).
static void check_outbox(struct move *m, uint32_t teller)
{
    struct mer_fence *from = &m->fences[teller], *to = &m->fences[1 - teller];
    int64_t probe = 0, end = mer_time_mono_us() + PROBE_US;
    bool there = false;
    if (!mer_fence_probe(from, &probe)) {
        refuse(m, "NOT_READY", "%.*s takes no entry of its outbox: %s", MER_FMT(from->environment),
               from->why);
        return;
    }
    while (mer_fence_probed(to, from->environment, probe, &there) && !there && pause_until(m, end)) {
    }
    if (!there) {
        refuse(m, "NOT_READY", "what is written on %.*s does not come to %.*s within %d s",
               MER_FMT(from->environment), MER_FMT(to->environment), PROBE_US / 1000000);
    }
}

static void check_place(struct move *m, uint32_t source, const struct mer_config_placement *p)
{
    struct mer_pg_check_ask ask = {.binding = m->ask->snapshot->sources[source].binding,
                                   .read = p->url.p,
                                   .write = p->write_url.n ? p->write_url.p : NULL,
                                   .tier = p->tier};
    struct mer_pg_finding *found = NULL;
    struct mer_diag d = {0};
    uint32_t n = 0;
    if (mer_pg_check(m->a, &ask, &found, &n, &d)) {
        refuse(m, "NOT_READY", "%.*s does not answer: %s", MER_FMT(p->name), d.msg);
    }
    for (uint32_t i = 0; i < n && i < FINDINGS_TOLD; i++) {
        refuse(m, "NOT_READY", "%.*s: %.*s", MER_FMT(p->name), MER_FMT(found[i].message));
    }
    if (n > FINDINGS_TOLD) {
        refuse(m, "NOT_READY", "%.*s: %u findings more, see meridian check", MER_FMT(p->name),
               n - FINDINGS_TOLD);
    }
}

// Both versions of the schema fit one SDL (R29): what `meridian check` finds is found before.
static void check_bindings(struct move *m)
{
    const struct mer_config *c = m->ask->config;
    for (uint32_t i = 0; i < c->sources_n; i++) {
        for (uint32_t k = 0; m->ask->snapshot->sources[i].binding && k < c->sources[i].placements_n; k++) {
            const struct mer_config_placement *p = &c->sources[i].placements[k];
            if (p->kind == MER_CONFIG_POSTGRES && p->role == MER_ROLE_PRIMARY &&
                mer_slice_eq(p->environment, m->fences[m->to].environment)) {
                check_place(m, i, p);
            }
        }
    }
}

static bool check_target(struct move *m)
{
    check_regions(m);
    check_beats(m);
    check_bindings(m);
    if (!m->out->code) { // these wait
        check_outbox(m, m->from);
        check_outbox(m, m->to);
    }
    return !m->out->code;
}

// ---- the move ----

static bool go(struct move *m)
{
    struct mer_fence *f = &m->fences[m->from];
    const struct mer_fence_move move = {
        .target = m->fences[m->to].environment,
        .epoch = m->facts[m->from].epoch,
        .rollback = !m->ask->environment.p,
        .asked_by = m->ask->asked_by,
        .stable_s = m->ask->config->cutover.stabilise_s,
    };
    int64_t epoch = 0;
    if (atomic_load(m->ask->stop)) {
        return refuse(m, "STOPPING", "the gateway is being stopped");
    }
    mer_log(MER_LOG_INFO, "cutover", "moving region=%.*s from=%.*s to=%.*s epoch=%lld asked_by=%.*s",
            MER_FMT(m->ask->region), MER_FMT(f->environment), MER_FMT(move.target), (long long)move.epoch,
            MER_FMT(m->ask->asked_by));
    if (mer_fence_move(f, &move, &epoch)) {
        return await(m, epoch);
    }
    if (f->sent) {
        return refuse(m, "OUTCOME_UNKNOWN", "%.*s was lost in the middle (%s); ask again, or look at /routes",
                      MER_FMT(f->environment), f->why);
    }
    if (strcmp(f->sqlstate, "55P03") == 0) {
        return refuse(m, "WRITES_UNDER_WAY", "writes under way on %.*s did not end in time",
                      MER_FMT(f->environment));
    }
    return refuse(m, "NOT_READY", "%.*s refuses: %s", MER_FMT(f->environment), f->why);
}

void mer_cutover_move(struct mer_arena *a, const struct mer_cutover_ask *ask, struct mer_cutover_result *out)
{
    struct move m = {.a = a, .ask = ask, .out = out};
    *out = (struct mer_cutover_result){0};
    if (find_fences(&m) && look(&m)) {
        bool none = !claims(&m, 0) && !claims(&m, 1);
        if (none ? join_move(&m) : find_target(&m) && check_target(&m) && go(&m)) {
            mer_log(MER_LOG_INFO, "cutover", "moved region=%.*s live=%.*s epoch=%lld", MER_FMT(ask->region),
                    MER_FMT(out->live), (long long)out->epoch);
        }
    }
    if (out->code) {
        mer_log(MER_LOG_WARN, "cutover", "refused region=%.*s code=%s reason=\"%.*s\"", MER_FMT(ask->region),
                out->code, MER_FMT(out->reasons[0]));
    }
    for (uint32_t i = 0; i < ENVIRONMENTS; i++) {
        mer_fence_close(&m.fences[i]);
    }
}
