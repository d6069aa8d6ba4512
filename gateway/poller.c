// SPDX-License-Identifier: MIT
#include "gateway/poller.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/time.h"
#include "loop/loop.h"
#include "resolvers/graphql/client.h"
#include "resolvers/postgres/pool.h"

// Gateways of other sites are asked often enough that a part is not sent where nobody answers.
#define PEER_MS 2000

struct probe {
    struct mer_poller *poller;
    const struct mer_place *place;
    struct mer_timer timer;
    struct mer_pg_query query;
    struct mer_gql_call call;
    uint64_t losses; // of connections, when the question was asked
    uint32_t failures;
    bool under_way, facility;
    bool heard; // the first question has come to an end
};

// One finding on its way to one database.
struct telling {
    struct mer_pg_query query;
    struct mer_pg_param params[2];
    bool under_way;
};

struct mer_poller {
    struct mer_poller_opts opts;
    struct probe *probes;     // by place
    struct telling *tellings; // by place of the facility × place of the database
    uint32_t n;
};

static void probe_now(void *owner);

static void again(struct probe *p, uint32_t ms)
{
    mer_timer_start(p->poller->opts.site->loop, &p->timer, ms, probe_now, p);
}

// ---- databases ----

static void facts_came(void *owner, const struct mer_pg_result *r)
{
    struct probe *p = owner;
    struct mer_site *s = p->poller->opts.site;
    p->under_way = false;
    p->heard = true;
    struct mer_diag d = {0};
    bool ok = r->err == MER_OK && r->value.p &&
              mer_board_read(s->board, p->place->index, r->value, r->elapsed_us, &d) == MER_OK;
    if (ok) {
        mer_board_set_latency(s->board, p->place->index, r->elapsed_us);
    } else if (mer_board_is_up(s->board, p->place->index)) {
        mer_log(MER_LOG_WARN, "poller", "database lost place=%.*s message=%.200s", MER_FMT(p->place->name),
                r->err ? r->message : d.msg);
    }
    if (ok && !mer_board_is_up(s->board, p->place->index)) {
        mer_log(MER_LOG_INFO, "poller", "database up place=%.*s", MER_FMT(p->place->name));
    }
    mer_board_set_up(s->board, p->place->index, ok);
    mer_board_set_polled(s->board, p->place->index, p->losses);
    bool anew = ok && p->losses != mer_site_losses(s, p->place->index);
    again(p, anew ? 50 : ok ? p->poller->opts.facts_ms : 250);
}

static void ask_facts(struct probe *p)
{
    struct mer_site *s = p->poller->opts.site;
    p->query = (struct mer_pg_query){
        .sql = MER_S("select meridian_facts()"),
        .scope = {MER_S("-"), MER_S("gateway"), MER_NIL},
        .deadline_mono_us = mer_time_mono_us() + 2000000,
        .done = facts_came,
        .owner = p,
    };
    p->losses = mer_site_losses(s, p->place->index);
    mer_pg_submit(s->links[p->place->index].read, &p->query);
}

// ---- gateways ----

static void told(void *owner, const struct mer_pg_result *r)
{
    struct telling *t = owner;
    t->under_way = false;
    if (r->err) {
        mer_log(MER_LOG_DEBUG, "poller", "health not recorded: %.200s", r->message);
    }
}

static void tell_databases(struct probe *p, bool online)
{
    struct mer_site *s = p->poller->opts.site;
    for (uint32_t i = 0; i < s->places_n && p->poller->opts.writes; i++) {
        struct telling *t = &p->poller->tellings[p->place->index * s->places_n + i];
        bool region_db = s->places[i].sql && s->links[i].write && s->places[i].tier == MER_TIER_REGIONAL;
        if (!region_db || t->under_way || s->places[i].source != p->place->source) {
            continue;
        }
        t->under_way = true;
        t->params[0].value = p->place->facility;
        t->params[1].value = online ? MER_S("true") : MER_S("false");
        t->query = (struct mer_pg_query){
            .sql = MER_S("select meridian_seen($1, $2::boolean)"),
            .params = t->params,
            .params_n = 2,
            .scope = {MER_S("-"), MER_S("gateway"), MER_NIL},
            .write = true,
            .deadline_mono_us = mer_time_mono_us() + 2000000,
            .done = told,
            .owner = t,
        };
        mer_pg_submit(s->links[i].write, &t->query);
    }
}

static void health_came(void *owner, const struct mer_gql_answer *r)
{
    struct probe *p = owner;
    struct mer_poller *poller = p->poller;
    struct mer_board *board = poller->opts.site->board;
    bool ok = r->err == MER_OK && r->status == 200;
    p->under_way = false;
    p->heard = true;
    p->failures = ok ? 0 : p->failures + 1;
    if (ok) {
        mer_board_set_latency(board, p->place->index, r->elapsed_us);
    }
    // A gateway that missed one check is not asked; a facility is called offline only after several.
    mer_board_set_up(board, p->place->index, ok);
    if (p->facility && (ok || p->failures >= poller->opts.failures)) {
        mer_board_set_online(board, p->place->facility, ok);
        tell_databases(p, ok);
    }
    again(p, p->facility && ok ? poller->opts.health_ms : PEER_MS);
}

static void ask_health(struct probe *p)
{
    p->call = (struct mer_gql_call){
        .get = true,
        .path = MER_S("/health"),
        .idempotent = true,
        .deadline_mono_us = mer_time_mono_us() + (int64_t)p->poller->opts.health_timeout_ms * 1000,
        .done = health_came,
        .owner = p,
    };
    mer_gql_send(p->poller->opts.site->links[p->place->index].client, &p->call);
}

static void probe_now(void *owner)
{
    struct probe *p = owner;
    p->under_way = true;
    if (p->place->sql) {
        ask_facts(p);
    } else {
        ask_health(p);
    }
}

struct mer_poller *mer_poller_create(const struct mer_poller_opts *opts)
{
    struct mer_poller *poller = calloc(1, sizeof(*poller));
    MER_ASSERT(poller);
    struct mer_site *s = opts->site;
    poller->opts = *opts;
    poller->opts.facts_ms = opts->facts_ms ? opts->facts_ms : 1000;
    poller->n = s->places_n;
    poller->probes = calloc(s->places_n + 1, sizeof(struct probe));
    poller->tellings = calloc((size_t)s->places_n * s->places_n + 1, sizeof(struct telling));
    MER_ASSERT(poller->probes && poller->tellings);
    for (uint32_t i = 0; i < s->places_n; i++) {
        struct probe *p = &poller->probes[i];
        p->poller = poller;
        p->place = &s->places[i];
        p->facility = !p->place->sql && p->place->tier == MER_TIER_EDGE;
        p->heard =
            s->sources[p->place->source].plain; // has no health to ask for: its breaker tells how it is
        if (!p->heard) {
            again(p, 1);
        }
    }
    return poller;
}

void mer_poller_move(struct mer_poller *poller, struct mer_site *site)
{
    MER_ASSERT(site->places_n == poller->n);
    poller->opts.site = site;
    for (uint32_t i = 0; i < poller->n; i++) {
        poller->probes[i].place = &site->places[i];
    }
}

static bool all_heard(const struct mer_poller *poller)
{
    for (uint32_t i = 0; i < poller->n; i++) {
        if (!poller->probes[i].heard) {
            return false;
        }
    }
    return true;
}

void mer_poller_warm(struct mer_poller *poller, uint32_t wait_ms)
{
    int64_t end = mer_time_mono_us() + (int64_t)wait_ms * 1000;
    while (!all_heard(poller) && mer_time_mono_us() < end) {
        mer_loop_turn(poller->opts.site->loop, 10);
    }
}

void mer_poller_destroy(struct mer_poller *poller)
{
    for (uint32_t i = 0; poller && i < poller->n; i++) {
        struct probe *p = &poller->probes[i];
        mer_timer_stop(poller->opts.site->loop, &p->timer);
        if (p->under_way && p->place->sql) {
            mer_pg_cancel(&p->query);
        } else if (p->under_way) {
            mer_gql_cancel(&p->call);
        }
        for (uint32_t k = 0; k < poller->n; k++) {
            mer_pg_cancel(&poller->tellings[i * poller->n + k].query);
        }
    }
    if (poller) {
        free(poller->probes);
        free(poller->tellings);
        free(poller);
    }
}
