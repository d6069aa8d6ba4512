// SPDX-License-Identifier: MIT
// What a listener serves, by path: GraphQL goes to request.c, the rest is here.
#include "base/log.h"
#include "base/time.h"
#include "gateway/cutover.h"
#include "gateway/explorer.h"
#include "gateway/reload.h"
#include "gateway/worker.h"
#include "gateway/stream.h"
#include "resolvers/graphql/client.h"
#include "resolvers/postgres/pool.h"

static void respond(struct mer_http_req *req, int status, const char *type, struct mer_slice body)
{
    struct mer_http_header h[] = {
        {MER_S("content-type"), mer_slice_of(type)},
        {MER_S("cache-control"), MER_S("no-store")},
    };
    mer_http_respond(req, status, h, 2, &body, 1);
}

#define JSON_TYPE "application/json; charset=utf-8"

static void not_found(struct mer_http_req *req, const char *there)
{
    respond(
        req, 404, JSON_TYPE,
        mer_arena_printf(req->arena,
                         "{\"errors\":[{\"message\":\"no such path; there is %s\",\"extensions\":{\"code\":"
                         "\"NOT_FOUND\"}}]}",
                         there));
}

static void health(struct mer_worker *w, struct mer_http_req *req)
{
    struct mer_buf b;
    mer_buf_init(&b, req->arena, 256);
    mer_buf_printf(&b, "{\"status\":\"healthy\",\"name\":\"%.*s\",\"tier\":\"%s\",\"uptimeSeconds\":%lld}",
                   MER_FMT(w->config->self.name), mer_tier_name(w->config->self.tier),
                   (long long)((mer_time_mono_us() - w->started_us) / 1000000));
    respond(req, 200, JSON_TYPE, mer_buf_slice(&b));
}

static void ready(struct mer_worker *w, struct mer_http_req *req)
{
    struct mer_buf sources, b;
    mer_buf_init(&sources, req->arena, 256);
    mer_buf_init(&b, req->arena, 512);
    bool ok = mer_worker_ready(w, &sources);
    mer_buf_printf(
        &b, "{\"ready\":%s,%s%.*s}", ok ? "true" : "false",
        ok ? "" : "\"reason\":\"a source has no usable placement, or none of this site's own databases\",",
        MER_FMT(mer_buf_slice(&sources)));
    respond(req, ok ? 200 : 503, JSON_TYPE, mer_buf_slice(&b));
}

// ---- /metrics ----

static void write_requests(struct mer_buf *b, const struct mer_worker_counters *c)
{
    mer_buf_printf(b, "# TYPE meridian_requests_total counter\nmeridian_requests_total %llu\n",
                   (unsigned long long)c->requests);
    mer_buf_printf(b,
                   "# TYPE meridian_requests_refused_total counter\nmeridian_requests_refused_total %llu\n",
                   (unsigned long long)c->refused);
    mer_buf_add(b, MER_S("# TYPE meridian_errors_total counter\n"));
    for (uint32_t i = 0; i < MER_CODES_MAX && c->codes[i]; i++) {
        mer_buf_printf(b, "meridian_errors_total{code=\"%s\"} %llu\n", c->codes[i],
                       (unsigned long long)c->codes_n[i]);
    }
    mer_buf_printf(b,
                   "# TYPE meridian_cache_total counter\nmeridian_cache_total{result=\"hit\"} %llu\n"
                   "meridian_cache_total{result=\"miss\"} %llu\n# TYPE meridian_request_seconds histogram\n",
                   (unsigned long long)c->cache_hit, (unsigned long long)c->cache_miss);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < 12; i++) {
        sum += c->latency_buckets[i];
        if (i < 11) {
            mer_buf_printf(b, "meridian_request_seconds_bucket{le=\"%g\"} %llu\n",
                           (double)mer_latency_bounds_us[i] / 1e6, (unsigned long long)sum);
        }
    }
    mer_buf_printf(b,
                   "meridian_request_seconds_bucket{le=\"+Inf\"} %llu\nmeridian_request_seconds_sum %g\n"
                   "meridian_request_seconds_count %llu\n",
                   (unsigned long long)sum, (double)c->latency_us_sum / 1e6, (unsigned long long)sum);
}

static void write_place(struct mer_buf *b, const struct mer_site *s, uint32_t i)
{
    const struct mer_place *p = &s->places[i];
    mer_buf_printf(b, "meridian_placement_up{source=\"%.*s\",placement=\"%.*s\"} %d\n",
                   MER_FMT(s->sources[p->source].name), MER_FMT(p->name), mer_board_is_up(s->board, i));
    mer_buf_printf(b, "meridian_placement_parts_total{source=\"%.*s\",placement=\"%.*s\"} %llu\n",
                   MER_FMT(s->sources[p->source].name), MER_FMT(p->name),
                   (unsigned long long)s->parts_total[i]);
    mer_buf_printf(b, "meridian_placement_parts_failed_total{source=\"%.*s\",placement=\"%.*s\"} %llu\n",
                   MER_FMT(s->sources[p->source].name), MER_FMT(p->name),
                   (unsigned long long)s->parts_failed[i]);
    mer_buf_printf(b, "meridian_placement_latency_seconds{source=\"%.*s\",placement=\"%.*s\"} %g\n",
                   MER_FMT(s->sources[p->source].name), MER_FMT(p->name),
                   (double)mer_board_latency_us(s->board, i) / 1e6);
    if (s->links[i].read) {
        struct mer_pg_pool_stats st;
        mer_pg_pool_stats(s->links[i].read, &st);
        mer_buf_printf(b,
                       "meridian_pool_connections{placement=\"%.*s\",source=\"%.*s\"} %u\n"
                       "meridian_pool_queries_total{placement=\"%.*s\",source=\"%.*s\"} %llu\n"
                       "meridian_pool_statements_total{placement=\"%.*s\",source=\"%.*s\"} %llu\n"
                       "meridian_pool_queued{placement=\"%.*s\",source=\"%.*s\"} %u\n",
                       MER_FMT(p->name), MER_FMT(s->sources[p->source].name), st.connections_up,
                       MER_FMT(p->name), MER_FMT(s->sources[p->source].name), (unsigned long long)st.queries,
                       MER_FMT(p->name), MER_FMT(s->sources[p->source].name),
                       (unsigned long long)st.statements, MER_FMT(p->name),
                       MER_FMT(s->sources[p->source].name), st.queued);
    }
}

static void write_subgraph(struct mer_buf *b, const struct mer_site *s, uint32_t i)
{
    struct mer_gql_stats st;
    struct mer_slice name = s->sources[s->places[i].source].name;
    mer_gql_client_stats(s->links[i].client, &st);
    const struct {
        const char *what;
        uint64_t n;
    } all[] = {
        {"requests_total", st.sent_total},
        {"requests_failed_total", st.failed_total},
        {"requests_again_total", st.retried_total},
        {"requests_refused_total", st.refused_total},
        {"circuit_opened_total", st.opened_total},
        {"circuit_open", st.open},
        {"connections", st.connections},
        {"requests_in_flight", st.in_flight},
        {"requests_queued", st.queued},
    };
    for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
        mer_buf_printf(b, "meridian_subgraph_%s{subgraph=\"%.*s\"} %llu\n", all[k].what, MER_FMT(name),
                       (unsigned long long)all[k].n);
    }
}

static void write_lag(struct mer_buf *b, const struct mer_site *s)
{
    int64_t now = mer_time_wall_us();
    mer_buf_add(b, MER_S("# TYPE meridian_facility_lag_seconds gauge\n"));
    for (uint32_t i = 0; i < s->places_n; i++) {
        for (uint32_t r = 0; s->places[i].sql && r < s->regions_n; r++) {
            for (uint32_t k = 0; k < s->regions[r].facilities_n; k++) {
                struct mer_board_facility f;
                struct mer_slice code = s->regions[r].facilities[k];
                if (mer_board_facility(s->board, i, code, &f) && f.last_sync_us != MER_TIME_UNKNOWN) {
                    int64_t age = now > f.last_sync_us ? now - f.last_sync_us : 0;
                    mer_buf_printf(b,
                                   "meridian_facility_lag_seconds{source=\"%.*s\",placement=\"%.*s\","
                                   "facility=\"%.*s\"} %g\n",
                                   MER_FMT(s->sources[s->places[i].source].name), MER_FMT(s->places[i].name),
                                   MER_FMT(code), (double)age / 1e6);
                }
            }
        }
    }
}

static void write_routes(struct mer_buf *b, const struct mer_site *s)
{
    mer_buf_add(b, MER_S("# TYPE meridian_region_epoch gauge\n"));
    for (uint32_t i = 0; i < s->regions_n; i++) {
        struct mer_board_region r;
        if (mer_board_region(s->board, s->regions[i].name, &r)) {
            mer_buf_printf(b, "meridian_region_epoch{region=\"%.*s\",live=\"%.*s\",phase=\"%.*s\"} %llu\n",
                           MER_FMT(s->regions[i].name), MER_FMT(r.live), MER_FMT(r.phase),
                           (unsigned long long)r.epoch);
        }
    }
}

static void metrics(struct mer_worker *w, struct mer_http_req *req)
{
    struct mer_buf b;
    mer_buf_init(&b, req->arena, 16384);
    write_requests(&b, &w->counters);
    struct mer_plan_cache_stats pc;
    mer_plan_cache_stats(w->now->plans, &pc);
    mer_buf_printf(&b,
                   "meridian_plan_cache_hits_total %llu\nmeridian_plan_cache_misses_total "
                   "%llu\nmeridian_plan_cache_operations %u\n",
                   (unsigned long long)pc.hits, (unsigned long long)pc.misses, pc.operations);
    mer_buf_printf(&b, "meridian_requests_in_flight %u\n", w->in_flight);
    mer_buf_printf(&b, "meridian_subscriptions %u\nmeridian_streams_total %llu\nmeridian_events_total %llu\n",
                   w->subs_n, (unsigned long long)w->counters.streams,
                   (unsigned long long)w->counters.events);
    struct mer_reload_stats rs;
    mer_reload_stats(w->reload, &rs);
    mer_buf_printf(&b, "meridian_reloads_total %llu\nmeridian_reloads_refused_total %llu\n",
                   (unsigned long long)rs.reloads, (unsigned long long)rs.refused);
    for (uint32_t i = 0; i < w->now->site->places_n; i++) {
        const struct mer_site *s = w->now->site;
        if (s->sources[s->places[i].source].plain) {
            write_subgraph(&b, w->now->site, i);
        } else {
            write_place(&b, w->now->site, i);
        }
    }
    write_lag(&b, w->now->site);
    write_routes(&b, w->now->site);
    mer_server_write_metrics(&b, &w->server, 1);
    respond(req, 200, "text/plain; version=0.0.4; charset=utf-8", mer_buf_slice(&b));
}

// ---- /routes ----

static void write_places(struct mer_buf *b, const struct mer_site *s, struct mer_slice region)
{
    const char *sep = "";
    for (uint32_t i = 0; i < s->places_n; i++) {
        const struct mer_place *p = &s->places[i];
        if (mer_slice_eq(p->region, region)) {
            mer_buf_printf(
                b,
                "%s{\"name\":\"%.*s\",\"source\":\"%.*s\",\"kind\":\"%s\",\"tier\":\"%s\",\"role\":\"%s\","
                "\"environment\":\"%.*s\",\"up\":%s,\"latencyMs\":%.3f}",
                sep, MER_FMT(p->name), MER_FMT(s->sources[p->source].name), p->sql ? "postgres" : "graphql",
                mer_tier_name(p->tier), mer_role_name(p->role), MER_FMT(p->environment),
                mer_board_is_up(s->board, i) ? "true" : "false",
                (double)mer_board_latency_us(s->board, i) / 1000);
            sep = ",";
        }
    }
}

static void write_facilities(struct mer_buf *b, const struct mer_site *s, const struct mer_site_region *r)
{
    int64_t now = mer_time_wall_us();
    for (uint32_t k = 0; k < r->facilities_n; k++) {
        struct mer_board_facility f = {MER_TIME_UNKNOWN, false};
        for (uint32_t i = 0; i < s->places_n && f.last_sync_us == MER_TIME_UNKNOWN; i++) {
            if (s->places[i].sql && s->places[i].source == 0) {
                (void)mer_board_facility(s->board, i, r->facilities[k], &f);
            }
        }
        mer_buf_printf(b, "%s{\"facility\":\"%.*s\",\"online\":%s,\"ageSeconds\":", k ? "," : "",
                       MER_FMT(r->facilities[k]), f.online ? "true" : "false");
        if (f.last_sync_us == MER_TIME_UNKNOWN) {
            mer_buf_add(b, MER_S("null}"));
        } else {
            mer_buf_printf(b, "%.3f}", (double)(now > f.last_sync_us ? now - f.last_sync_us : 0) / 1e6);
        }
    }
}

static void routes(struct mer_worker *w, struct mer_http_req *req)
{
    const struct mer_site *s = w->now->site;
    struct mer_buf b;
    mer_buf_init(&b, req->arena, 8192);
    mer_buf_add(&b, MER_S("{\"regions\":["));
    for (uint32_t i = 0; i < s->regions_n; i++) {
        const struct mer_site_region *r = &s->regions[i];
        struct mer_board_region live = {MER_NIL, 0, MER_NIL};
        bool known = mer_board_region(s->board, r->name, &live);
        mer_buf_printf(&b, "%s{\"region\":\"%.*s\",\"residency\":\"%s\",\"entryPoint\":\"%.*s\",",
                       i ? "," : "", MER_FMT(r->name), r->open ? "open" : "closed", MER_FMT(r->entry_point));
        if (known) {
            mer_buf_printf(&b, "\"live\":\"%.*s\",\"epoch\":%llu,", MER_FMT(live.live),
                           (unsigned long long)live.epoch);
        } else {
            mer_buf_add(&b, MER_S("\"live\":null,\"epoch\":null,"));
        }
        mer_buf_add(&b, MER_S("\"phase\":"));
        if (live.phase.n) {
            mer_json_write_string(&b, live.phase);
        } else {
            mer_buf_add(&b, MER_S("null"));
        }
        mer_buf_add_char(&b, ',');
        mer_buf_add(&b, MER_S("\"placements\":["));
        write_places(&b, s, r->name);
        mer_buf_add(&b, MER_S("],\"facilities\":["));
        write_facilities(&b, s, r);
        mer_buf_add(&b, MER_S("]}"));
    }
    mer_buf_add(&b, MER_S("]}"));
    respond(req, 200, JSON_TYPE, mer_buf_slice(&b));
}

// ---- by listener ----

// A page of another site must not reach the admin listener through an operator's browser.
static bool admin_allowed(const struct mer_http_req *req)
{
    struct mer_slice host = req->authority;
    bool bracket = host.n > 0 && host.p[0] == '[';
    struct mer_slice name = bracket ? mer_slice_cut(&host, ']') : mer_slice_cut(&host, ':');
    bool local =
        mer_slice_is(name, "127.0.0.1") || mer_slice_is(name, "localhost") || mer_slice_is(name, "[::1");
    return local && mer_http_header_count(req, "origin") == 0;
}

static void refuse_admin(struct mer_http_req *req, int status, const char *message, const char *code)
{
    respond(req, status, JSON_TYPE,
            mer_arena_printf(req->arena,
                             "{\"errors\":[{\"message\":\"%s\",\"extensions\":{\"code\":\"%s\"}}]}", message,
                             code));
}

// Who changes something is an operator, wherever callers are known at all; `who` he is, for the log.
static bool is_operator(struct mer_worker *w, struct mer_http_req *req, struct mer_slice *who)
{
    const char *why = NULL;
    struct mer_slice token = mer_auth_bearer(mer_http_header(req, "authorization"));
    bool one = token.n && mer_http_header_count(req, "authorization") == 1;
    struct mer_known_token *known =
        w->auth && one ? mer_auth_know(w->auth, w->tokens, req->arena, token, &why) : NULL;
    bool operator= known && known->claims.role == MER_USER_OPERATOR;
    if (w->auth && !known) {
        refuse_admin(req, 401, MER_AUTH_REFUSED_TEXT, "UNAUTHENTICATED");
    } else if (w->auth && !operator) {
        refuse_admin(req, 403, "a token of role operator is required", "FORBIDDEN");
    }
    *who = MER_S("anybody");
    if (known) {
        *who = mer_arena_printf(req->arena, "operator of %.*s", MER_FMT(known->claims.tenant));
        mer_known_token_unref(known);
    }
    return operator|| !w->auth;
}

static void admin(struct mer_worker *w, struct mer_http_req *req)
{
    struct mer_slice who = MER_NIL;
    if (!admin_allowed(req)) {
        refuse_admin(req, 403, "foreign host or origin", "FORBIDDEN");
    } else if (mer_slice_is(req->path, "/reload") && mer_slice_is(req->method, "POST")) {
        if (is_operator(w, req, &who)) {
            mer_reload_handle(w, req);
        }
    } else if (mer_cutover_wanted(req)) {
        if (is_operator(w, req, &who)) {
            mer_cutover_handle(w, req, who);
        }
    } else if (!mer_slice_is(req->method, "GET")) {
        not_found(req, "POST /reload, /routes/REGION/promote, /routes/REGION/rollback");
    } else if (mer_slice_is(req->path, "/metrics")) {
        metrics(w, req);
    } else if (mer_slice_is(req->path, "/routes")) {
        routes(w, req);
    } else if (mer_slice_is(req->path, "/ready")) {
        ready(w, req);
    } else if (mer_slice_is(req->path, "/health")) {
        health(w, req);
    } else {
        not_found(req, "/metrics, /routes, /ready, /health");
    }
}

static void sources(struct mer_worker *w, struct mer_http_req *req)
{
    struct mer_slice prefix = MER_S("/sources/");
    if (mer_slice_is(req->path, "/health")) {
        health(w, req);
        return;
    }
    for (uint32_t i = 0; mer_slice_starts(req->path, prefix) && i < w->now->site->sources_n; i++) {
        struct mer_slice name = mer_slice_make(req->path.p + prefix.n, req->path.n - prefix.n);
        if (mer_slice_eq(name, w->now->site->sources[i].name) && !w->now->site->sources[i].plain) {
            mer_request_handle(w, MER_FACE_SOURCES, i, req);
            return;
        }
    }
    not_found(req, "/sources/NAME, /health");
}

void mer_face_handle(void *owner, struct mer_http_req *req)
{
    const struct mer_face *f = owner;
    if (f->kind == MER_FACE_ADMIN) {
        admin(f->worker, req);
    } else if (f->kind == MER_FACE_SOURCES) {
        sources(f->worker, req);
    } else if (mer_slice_is(req->path, "/graphql") && mer_stream_ws_wanted(req)) {
        mer_stream_ws(f->worker, req);
    } else if (mer_slice_is(req->path, "/graphql")) {
        mer_request_handle(f->worker, MER_FACE_CLIENTS, 0, req);
    } else if (mer_slice_starts(req->path, MER_S("/explorer/"))) {
        mer_explorer_handle(req, f->worker->coder,
                            mer_arena_copy(req->arena, f->worker->now->snapshot->explorer_headers));
    } else if (mer_slice_is(req->path, "/health")) {
        health(f->worker, req);
    } else if (mer_slice_is(req->path, "/ready")) {
        ready(f->worker, req);
    } else {
        not_found(req, "/graphql, /health, /ready");
    }
}
