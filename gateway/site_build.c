// SPDX-License-Identifier: MIT
#include "gateway/site_build.h"

#include <stdlib.h>

#include "base/log.h"
#include "resolvers/graphql/client.h"
#include "resolvers/postgres/pool.h"

struct built_site {
    struct mer_site site;
    struct mer_arena *arena;
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

void mer_site_places(struct mer_arena *a, const struct mer_config *c, struct mer_site *s)
{
    s->self = (struct mer_self){c->self.name, c->self.tier, c->self.region, c->self.facility};
    copy_regions(a, c, s);
    s->sources_n = c->sources_n;
    s->sources = MER_NEW_N(a, struct mer_site_source, c->sources_n);
    for (uint32_t i = 0; i < c->sources_n; i++) {
        s->sources[i].name = c->sources[i].name;
        s->sources[i].stale_after_us = c->sources[i].stale_after_s * 1000000;
        s->places_n += c->sources[i].placements_n;
    }
    s->places = MER_NEW_N(a, struct mer_place, s->places_n);
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->sources_n; i++) {
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
            };
        }
    }
}

static const struct mer_config_placement *placement_at(const struct mer_config *c, const struct mer_place *p)
{
    uint32_t n = p->index;
    for (uint32_t i = 0; i < p->source; i++) {
        n -= c->sources[i].placements_n;
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

enum mer_err mer_site_build(struct mer_loop *loop, const struct mer_snapshot *snapshot, struct mer_site **out,
                            struct mer_diag *diag)
{
    struct mer_arena *a = mer_arena_create(0);
    struct built_site *b = MER_NEW(a, struct built_site);
    struct mer_site *s = &b->site;
    const struct mer_config *c = snapshot->config;
    b->arena = a;
    s->loop = loop;
    s->graph = &snapshot->graph;
    mer_site_places(a, c, s);
    for (uint32_t i = 0; i < s->sources_n; i++) {
        s->sources[i].binding = snapshot->sources[i].binding;
        s->sources[i].catalogue = snapshot->sources[i].catalogue;
        s->sources[i].graph = &snapshot->sources[i].graph;
    }
    s->links = MER_NEW_N(a, struct mer_site_link, s->places_n);
    s->parts_total = MER_NEW_N(a, uint64_t, s->places_n);
    s->parts_failed = MER_NEW_N(a, uint64_t, s->places_n);
    s->board = mer_board_create(s->places_n);
    enum mer_err err = MER_OK;
    for (uint32_t i = 0; i < s->places_n && !err; i++) {
        err = link_place(loop, c, &s->places[i], &s->links[i], diag);
    }
    *out = s;
    if (err) {
        mer_site_destroy(s);
    }
    return err;
}

void mer_site_destroy(struct mer_site *s)
{
    struct built_site *b = (struct built_site *)s;
    for (uint32_t i = 0; i < s->places_n; i++) {
        if (s->links[i].read) {
            mer_pg_pool_destroy(s->links[i].read);
        }
        if (s->links[i].write) {
            mer_pg_pool_destroy(s->links[i].write);
        }
        if (s->links[i].client) {
            mer_gql_client_destroy(s->links[i].client);
        }
    }
    mer_board_destroy(s->board);
    mer_arena_destroy(b->arena);
}
