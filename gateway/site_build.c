// SPDX-License-Identifier: MIT
#include "gateway/site_build.h"

#include <stdlib.h>

#include "base/log.h"
#include "resolvers/graphql/client.h"
#include "resolvers/postgres/pool.h"

// What reaches the placements, of one site or of several that follow each other.
struct reach {
    uint32_t refs;
    uint32_t places_n;
    struct mer_arena *arena;
    struct mer_site_link *links;
    struct mer_board *board;
    uint64_t *parts_total, *parts_failed;
};

struct built_site {
    struct mer_site site;
    struct mer_arena *arena;
    const struct mer_snapshot *snapshot;
    struct reach *reach;
};

static void copy_regions(struct mer_arena *a, const struct mer_config *c, struct mer_site *s)
{
    s->regions_n = c->regions_n;
    s->regions = MER_NEW_N(a, struct mer_site_region, c->regions_n);
    for (uint32_t i = 0; i < c->regions_n; i++) {
        const struct mer_config_region *r = &c->regions[i];
        s->regions[i] = (struct mer_site_region){.name = r->name,
                                                 .open = r->residency_open,
                                                 .entry_point = r->entry_point,
                                                 .facilities = r->facilities.items,
                                                 .facilities_n = r->facilities.n};
    }
}

static struct mer_place plain_place(uint32_t index, uint32_t source, struct mer_slice name)
{
    return (struct mer_place){.index = index, .source = source, .name = name, .tier = MER_TIER_GLOBAL};
}

void mer_site_places(struct mer_arena *a, const struct mer_config *c, struct mer_site *s)
{
    s->self = (struct mer_self){c->self.name, c->self.tier, c->self.region, c->self.facility};
    copy_regions(a, c, s);
    s->sources_n = c->sources_n;
    s->sources = MER_NEW_N(a, struct mer_site_source, c->sources_n);
    for (uint32_t i = 0; i < c->sources_n; i++) {
        s->sources[i].name = c->sources[i].name;
        s->sources[i].stale_after_us = c->sources[i].stale_after_s * 1000000;
        s->sources[i].plain = c->sources[i].url.n > 0;
        s->places_n += s->sources[i].plain ? 1 : c->sources[i].placements_n;
    }
    s->places = MER_NEW_N(a, struct mer_place, s->places_n);
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->sources_n; i++) {
        if (s->sources[i].plain) {
            s->sources[i].place = n;
            s->places[n] = plain_place(n, i, c->sources[i].name);
            n++;
        }
        for (uint32_t k = 0; k < c->sources[i].placements_n; k++, n++) {
            const struct mer_config_placement *p = &c->sources[i].placements[k];
            s->places[n] = (struct mer_place){
                .index = n,
                .source = i,
                .name = p->name,
                .sql = p->kind == MER_CONFIG_POSTGRES,
                .tier = p->tier,
                .role = p->role,
                .region = p->region,
                .environment = p->environment,
                .facility = p->facility,
                .retention_us = p->retention_s * 1000000,
            };
        }
    }
}

void mer_site_subgraphs(struct mer_arena *a, const struct mer_snapshot *snapshot, struct mer_site *s)
{
    const struct mer_config_self *self = &snapshot->config->self;
    s->self = (struct mer_self){self->name, self->tier, self->region, self->facility};
    s->sources_n = s->places_n = snapshot->sources_n;
    s->sources = MER_NEW_N(a, struct mer_site_source, s->sources_n);
    s->places = MER_NEW_N(a, struct mer_place, s->places_n);
    for (uint32_t i = 0; i < s->sources_n; i++) {
        struct mer_slice name = snapshot->sources[i].self.name;
        s->sources[i] = (struct mer_site_source){.name = name, .plain = true, .place = i};
        s->places[i] = plain_place(i, i, name);
    }
}

static const struct mer_config_placement *placement_at(const struct mer_config *c, const struct mer_place *p)
{
    uint32_t n = p->index;
    for (uint32_t i = 0; i < p->source; i++) {
        n -= c->sources[i].url.n ? 1 : c->sources[i].placements_n;
    }
    return &c->sources[p->source].placements[n];
}

static struct mer_pg_pool *pool(struct mer_loop *loop, const char *dsn, const char *name,
                                uint32_t short_connections)
{
    struct mer_pg_pool_opts o = {.dsn = dsn, .name = name, .short_connections = short_connections};
    return mer_pg_pool_create(loop, &o);
}

static enum mer_err link_place(struct mer_loop *loop, const struct mer_config *c, const struct mer_place *p,
                               struct mer_site_link *link, struct mer_diag *diag)
{
    const struct mer_config_placement *cp = placement_at(c, p);
    if (p->sql) {
        link->read = pool(loop, cp->url.p, p->name.p, 2);
        link->write = cp->write_url.n ? pool(loop, cp->write_url.p, p->name.p, 1) : NULL;
        return MER_OK;
    }
    struct mer_gql_client_opts o = {
        .url = cp->url,
        .ca_file = c->tls.ca.p,
        .cert_file = c->tls.certificate.p,
        .key_file = c->tls.key.p,
    };
    link->client = mer_gql_client_create(loop, &o, diag);
    return link->client ? MER_OK : MER_ERR_INVALID;
}

// ---- subgraphs ----

// The place of a subgraph in the site before that was at the same address; UINT32_MAX: none.
static uint32_t same_place(const struct built_site *before, const struct mer_snapshot_source *s)
{
    for (uint32_t i = 0; before && i < before->snapshot->sources_n; i++) {
        const struct mer_snapshot_source *was = &before->snapshot->sources[i];
        if (mer_slice_eq(was->self.name, s->self.name) && mer_slice_eq(was->url, s->url) &&
            was->address_len == s->address_len && memcmp(&was->address, &s->address, s->address_len) == 0) {
            return i;
        }
    }
    return UINT32_MAX;
}

static bool speaks_http2(const struct mer_config *c, struct mer_slice name, struct mer_slice url)
{
    const struct mer_config_subgraph *each = mer_config_subgraph_find(c, name);
    int how = each && each->http2 ? each->http2 - 1 : (int)c->subgraphs.http2;
    return how == MER_CONFIG_HTTP2_ALWAYS ||
           (how == MER_CONFIG_HTTP2_TLS && mer_slice_starts(url, MER_S("https:")));
}

static enum mer_err link_subgraph(struct mer_loop *loop, const struct mer_snapshot *snapshot, uint32_t i,
                                  struct mer_site_link *link, struct mer_diag *diag)
{
    const struct mer_config *c = snapshot->config;
    const struct mer_config_subgraphs *s = &c->subgraphs;
    struct mer_gql_client_opts o = {
        .url = snapshot->sources[i].url,
        .connections_max = (uint32_t)s->connections,
        .queue_max = (uint32_t)s->queue,
        .connect_ms = (uint32_t)s->connect_ms,
        .idle_ms = (uint32_t)s->idle_ms,
        .answer_max_bytes = (size_t)s->answer_bytes,
        .request_ms = (uint32_t)s->timeout_ms,
        .gzip = s->gzip,
        .http2 = speaks_http2(c, snapshot->sources[i].self.name, snapshot->sources[i].url),
        .breaker_failures = (uint32_t)s->breaker_failures,
        .breaker_ms = (uint32_t)s->breaker_ms,
        .address = (const struct sockaddr *)&snapshot->sources[i].address,
        .address_len = snapshot->sources[i].address_len,
        .ca_file = c->tls.ca.p,
        .cert_file = c->tls.certificate.p,
        .key_file = c->tls.key.p,
    };
    link->client = mer_gql_client_create(loop, &o, diag);
    return link->client ? MER_OK : MER_ERR_INVALID;
}

static enum mer_err link_subgraphs(struct built_site *b, const struct built_site *before,
                                   struct mer_diag *diag)
{
    struct reach *r = b->reach;
    enum mer_err err = MER_OK;
    for (uint32_t i = 0; i < r->places_n && !err; i++) {
        uint32_t was = same_place(before, &b->snapshot->sources[i]);
        if (was == UINT32_MAX) {
            err = link_subgraph(b->site.loop, b->snapshot, i, &r->links[i], diag);
        } else {
            // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
            r->links[i].client = mer_gql_client_ref(before->reach->links[was].client);
            r->parts_total[i] = before->reach->parts_total[was];
            r->parts_failed[i] = before->reach->parts_failed[was];
        }
        mer_board_set_up(r->board, i, true); // nobody asks after it: its breaker tells how it is
    }
    return err;
}

// ---- what reaches the placements ----

static struct reach *reach_create(uint32_t places_n)
{
    struct mer_arena *a = mer_arena_create(0);
    struct reach *r = MER_NEW(a, struct reach);
    *r = (struct reach){.refs = 1, .places_n = places_n, .arena = a};
    r->links = MER_NEW_N(a, struct mer_site_link, places_n);
    r->parts_total = MER_NEW_N(a, uint64_t, places_n);
    r->parts_failed = MER_NEW_N(a, uint64_t, places_n);
    r->board = mer_board_create(places_n);
    return r;
}

static void reach_unref(struct reach *r)
{
    if (--r->refs > 0) {
        return;
    }
    for (uint32_t i = 0; i < r->places_n; i++) {
        if (r->links[i].read) {
            mer_pg_pool_destroy(r->links[i].read);
        }
        if (r->links[i].write) {
            mer_pg_pool_destroy(r->links[i].write);
        }
        mer_gql_client_unref(r->links[i].client);
    }
    mer_board_destroy(r->board);
    mer_arena_destroy(r->arena);
}

static enum mer_err make_reach(struct built_site *b, const struct built_site *before, struct mer_diag *diag)
{
    const struct mer_config *c = b->snapshot->config;
    if (before && !c->router) {
        b->reach = before->reach;
        b->reach->refs++;
        return MER_OK;
    }
    b->reach = reach_create(b->site.places_n);
    if (c->router) {
        return link_subgraphs(b, before, diag);
    }
    enum mer_err err = MER_OK;
    for (uint32_t i = 0; i < b->site.places_n && !err; i++) {
        uint32_t source = b->site.places[i].source;
        if (b->site.sources[source].plain) {
            err = link_subgraph(b->site.loop, b->snapshot, source, &b->reach->links[i], diag);
            mer_board_set_up(b->reach->board, i, true);
        } else {
            const struct mer_config_placement *p = placement_at(c, &b->site.places[i]);
            if (p->kind == MER_CONFIG_POSTGRES && p->environment.n) {
                mer_board_set_home(b->reach->board, i, p->region, p->environment);
            }
            err = link_place(b->site.loop, c, &b->site.places[i], &b->reach->links[i], diag);
        }
    }
    return err;
}

// ---- the site ----

static void describe(struct mer_arena *a, const struct mer_snapshot *snapshot, struct mer_site *s)
{
    if (snapshot->config->router) {
        mer_site_subgraphs(a, snapshot, s);
    } else {
        mer_site_places(a, snapshot->config, s);
    }
    s->entities_max = (uint32_t)snapshot->config->subgraphs.entities;
    s->unshared = !snapshot->config->subgraphs.share;
    s->graph = &snapshot->graph;
    for (uint32_t i = 0; i < s->sources_n; i++) {
        s->sources[i].binding = snapshot->sources[i].binding;
        s->sources[i].catalogue = snapshot->sources[i].catalogue;
        s->sources[i].graph = &snapshot->sources[i].graph;
    }
}

enum mer_err mer_site_build(struct mer_loop *loop, const struct mer_snapshot *snapshot,
                            const struct mer_site *before, struct mer_site **out, struct mer_diag *diag)
{
    struct mer_arena *a = mer_arena_create(0);
    struct built_site *b = MER_NEW(a, struct built_site);
    struct mer_site *s = &b->site;
    b->arena = a;
    b->snapshot = snapshot;
    s->loop = loop;
    describe(a, snapshot, s);
    enum mer_err err = make_reach(b, (const struct built_site *)before, diag);
    s->links = b->reach->links;
    s->board = b->reach->board;
    s->parts_total = b->reach->parts_total;
    s->parts_failed = b->reach->parts_failed;
    *out = s;
    if (err) {
        mer_site_destroy(s);
        *out = NULL;
    }
    return err;
}

void mer_site_destroy(struct mer_site *s)
{
    struct built_site *b = (struct built_site *)s;
    if (b) {
        reach_unref(b->reach);
        mer_arena_destroy(b->arena);
    }
}
