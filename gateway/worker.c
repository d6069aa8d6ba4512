// SPDX-License-Identifier: MIT
#include "gateway/worker.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/time.h"
#include "gateway/cutover.h"
#include "gateway/keys.h"
#include "gateway/reload.h"
#include "gateway/spare.h"
#include "gateway/stream.h"
#include "gateway/warm.h"

// Not longer, though a place may not answer: who asked for a restart waits.
#define WARM_MS 300
// Planning trusted documents takes at most so long of a start.
#define DOCUMENTS_US 1000000

const uint32_t mer_latency_bounds_us[11] = {500,   1000,   2500,   5000,    10000,  25000,
                                            50000, 100000, 250000, 1000000, 5000000};

struct mer_operation_opts mer_worker_operation_opts(const struct mer_config *c)
{
    const struct mer_config_limits *l = &c->limits;
    return (struct mer_operation_opts){
        .max_tokens = (uint32_t)l->tokens,
        .limits =
            {
                .depth = (uint32_t)l->depth,
                .introspection_depth = (uint32_t)l->introspection_depth,
                .aliases = (uint32_t)l->aliases,
                .root_fields = (uint32_t)l->root_fields,
                .directives = (uint32_t)l->directives,
                .fragments = (uint32_t)l->fragments,
                .expanded_selections = (uint32_t)l->expanded_selections,
                .list_items = (uint32_t)l->list_argument,
            },
        .introspection = c->introspection,
        .max_fetches = (uint32_t)l->fetches,
        .max_cpu_us = l->plan_ms * 1000,
    };
}

static void set_limits(struct mer_worker *w)
{
    w->operation_opts = mer_worker_operation_opts(w->config);
    // Another gateway's planner writes these: aliases are its way to name things, the client's limits held
    // there.
    w->hop_opts = w->operation_opts;
    w->hop_opts.limits.aliases = 0;
    w->hop_opts.limits.depth += 4;
    w->hop_opts.introspection = false;
}

static enum mer_err make_server(struct mer_worker *w, const struct mer_worker_opts *opts,
                                struct mer_diag *diag)
{
    const struct mer_config_limits *l = &w->config->limits;
    struct mer_listener_opts *listeners = calloc(opts->listens_n + 1, sizeof(*listeners));
    w->faces = calloc(opts->listens_n + 1, sizeof(*w->faces));
    MER_ASSERT(listeners && w->faces);
    for (uint32_t i = 0; i < opts->listens_n; i++) {
        w->faces[i] = (struct mer_face){w, opts->listens[i].kind};
        listeners[i] = (struct mer_listener_opts){
            .fd = opts->listens[i].fd,
            .id = i,
            .tls = opts->listens[i].tls,
            .http2 = opts->listens[i].http2,
            .handler = mer_face_handle,
            .owner = &w->faces[i],
        };
    }
    struct mer_server_opts o = {
        .listeners = listeners,
        .listeners_n = opts->listens_n,
        .limits =
            {
                .body_bytes = (size_t)l->body_bytes,
                .headers_bytes = (size_t)l->header_bytes,
                .headers_n = (uint32_t)l->headers,
                .streams_in_work = (uint32_t)l->streams,
                .connections = (uint32_t)l->connections,
                .arena_bytes = (size_t)l->memory_bytes,
                .idle_ms = (uint32_t)l->idle_ms,
                .age_ms = (uint32_t)l->connection_ms,
            },
    };
    w->server = mer_server_create(w->loop, &o, diag);
    free(listeners);
    return w->server ? MER_OK : MER_ERR_INVALID;
}

static void watch_places(struct mer_worker *w)
{
    struct mer_poller_opts p = {
        .site = w->now->site,
        .health_ms = (uint32_t)w->config->monitor.interval_ms,
        .health_timeout_ms = (uint32_t)w->config->monitor.timeout_ms,
        .failures = (uint32_t)w->config->monitor.failures,
        .writes = w->index == 0,
    };
    w->poller = mer_poller_create(&p);
    mer_poller_warm(w->poller, WARM_MS);
}

enum mer_err mer_worker_create(const struct mer_worker_opts *opts, struct mer_worker **out,
                               struct mer_diag *diag)
{
    struct mer_worker *w = calloc(1, sizeof(*w));
    MER_ASSERT(w);
    *out = w;
    w->index = opts->index;
    w->config = opts->config;
    w->reload = opts->reload;
    w->cutover = opts->cutover;
    w->auth = opts->auth ? mer_auth_ref(opts->auth) : NULL;
    w->loop = mer_loop_create();
    w->started_us = mer_time_mono_us();
    w->tokens = mer_token_memory_create(10000, 16u << 20);
    if (getrandom(&w->random, sizeof(w->random), 0) < 0) {
        w->random = (uint64_t)w->started_us + w->index; // draws share requests out, they hide nothing
    }
    w->coder = mer_coder_create();
    if (w->config->persisted.automatic) {
        w->registry = mer_registry_create(opts->registry_bytes);
    }
    set_limits(w);
    w->answers_bytes = opts->cache_bytes / 4; // they are made of what the other cache holds
    w->cache = mer_cache_create(w->loop, opts->cache_bytes - w->answers_bytes, opts->shared);
    enum mer_err err = mer_running_create(w, opts->snapshot, NULL, &w->now, diag);
    if (err) {
        return err;
    }
    if (!w->config->router) {
        watch_places(w);
    }
    mer_warm_documents(w, mer_time_mono_us() + DOCUMENTS_US);
    mer_spare_start(w);
    mer_keys_start(w);
    return make_server(w, opts, diag);
}

void mer_worker_run(struct mer_worker *w)
{
    mer_loop_run(w->loop);
}

static void drained(void *owner)
{
    struct mer_worker *w = owner;
    mer_loop_stop(w->loop);
}

void mer_worker_drain(struct mer_worker *w)
{
    mer_reload_give_up(w);
    mer_cutover_give_up(w);
    mer_stream_drain(w);
    mer_server_drain(w->server, (uint32_t)w->config->limits.drain_ms, drained, w);
}

void mer_worker_close(struct mer_worker *w)
{
    mer_spare_stop(w);
    mer_keys_stop(w);
    if (w->server) {
        mer_server_destroy(w->server);
    }
    if (w->poller) {
        mer_poller_destroy(w->poller);
    }
    mer_running_unref(w->now);
    w->server = NULL;
    w->poller = NULL;
    w->now = NULL;
}

void mer_worker_destroy(struct mer_worker *w)
{
    mer_worker_close(w);
    if (w->cache) {
        mer_cache_destroy(w->cache);
    }
    mer_token_memory_destroy(w->tokens);
    mer_registry_destroy(w->registry);
    mer_coder_destroy(w->coder);
    if (w->auth) {
        mer_auth_unref(w->auth);
    }
    mer_loop_destroy(w->loop);
    free(w->faces);
    free(w);
}

void mer_worker_count_code(struct mer_worker *w, const char *code)
{
    struct mer_worker_counters *c = &w->counters;
    for (uint32_t i = 0; i < MER_CODES_MAX; i++) {
        if (!c->codes[i]) {
            c->codes[i] = code;
        }
        if (strcmp(c->codes[i], code) == 0) {
            c->codes_n[i]++;
            return;
        }
    }
}

// ---- readiness ----

static bool place_usable(const struct mer_site *s, uint32_t i)
{
    struct mer_board_region r;
    if (!mer_board_is_up(s->board, i) || !mer_site_is_abreast(s, i)) {
        return false;
    }
    const struct mer_place *p = &s->places[i];
    return !p->sql || !p->environment.n || !mer_board_region(s->board, p->region, &r) || !r.live.n ||
           mer_slice_eq(r.live, p->environment);
}

bool mer_worker_ready(const struct mer_worker *w, struct mer_buf *out)
{
    const struct mer_site *s = w->now->site;
    bool all = true;
    mer_buf_add(out, MER_S("\"sources\":{"));
    // A source that has databases here needs one of them: what another site answers in their stead is less.
    for (uint32_t k = 0; k < s->sources_n; k++) {
        uint32_t usable = 0, have = 0, own = 0, own_usable = 0;
        for (uint32_t i = 0; i < s->places_n; i++) {
            if (s->places[i].source == k) {
                bool can = place_usable(s, i);
                have++;
                usable += can;
                own += s->places[i].sql;
                own_usable += s->places[i].sql && can;
            }
        }
        all = all && (own ? own_usable > 0 : usable > 0 || have == 0);
        mer_buf_printf(out, "%s\"%.*s\":{\"placements\":%u,\"usable\":%u,\"own\":%u,\"ownUsable\":%u}",
                       k ? "," : "", MER_FMT(s->sources[k].name), have, usable, own, own_usable);
    }
    mer_buf_add_char(out, '}');
    return all;
}
