// SPDX-License-Identifier: MIT
// Site: everything a request needs that outlives it, of one loop of this gateway: its sources with their
// bindings, its placements with the pools and clients that reach them, the freshness board. Built by the
// gateway from the configuration; what a request reads here does not change while it runs. Belongs to its
// loop's thread.
#ifndef MER_RESOLVERS_SITE_H
#define MER_RESOLVERS_SITE_H

#include "planner/placement.h"
#include "planner/plan.h"
#include "resolvers/board.h"

struct mer_loop;
struct mer_pg_pool;
struct mer_gql_client;
struct mer_binding;
struct mer_kpi_catalogue;
struct mer_cache;
struct mer_memory_cache;

struct mer_site_source {
    struct mer_slice name;
    const struct mer_binding *binding;         // rows of tables; NULL for KPIs
    const struct mer_kpi_catalogue *catalogue; // KPIs; NULL for rows
    const struct mer_graph *graph;             // this source alone, as /sources/NAME serves it
    int64_t stale_after_us;
    bool plain;     // a GraphQL server that is no gateway of ours: no parts, no ages, one place
    uint32_t place; // the index of that place
};

struct mer_site_region {
    struct mer_slice name;
    bool open; // resident rows may be read elsewhere
    struct mer_slice entry_point;
    const struct mer_slice *facilities;
    uint32_t facilities_n;
};

// What reaches a placement.
struct mer_site_link {
    struct mer_pg_pool *read, *write; // of a database
    struct mer_gql_client *client;    // of a gateway
};

struct mer_site {
    struct mer_loop *loop;
    struct mer_self self;
    const struct mer_graph *graph; // what clients see
    struct mer_site_source *sources;
    uint32_t sources_n;
    struct mer_place *places;
    struct mer_site_link *links; // by place
    uint32_t places_n;
    struct mer_site_region *regions;
    uint32_t regions_n;
    struct mer_board *board;
    struct mer_cache *cache;          // NULL: none
    struct mer_memory_cache *answers; // kept whole (remember.c); NULL: none
    // Of plain subgraphs.
    uint32_t entities_max; // in one request; 0: 1,000
    bool unshared;         // identical requests of one scope that are under way at the same time are all sent
    struct exec_flight *flights[64]; // requests under way, by hash; private to subgraph.c
    uint32_t kpi_ttl_ms;
    // Counted for /metrics: parts sent by placement, rejections by reason.
    uint64_t *parts_total;  // by place
    uint64_t *parts_failed; // by place
    uint64_t cache_hits, cache_misses;
};

const struct mer_site_region *mer_site_region_of(const struct mer_site *s, struct mer_slice facility);
const struct mer_site_region *mer_site_region(const struct mer_site *s, struct mer_slice name);

// How many connections of the place's readers were lost so far; 0 of a gateway.
uint64_t mer_site_losses(const struct mer_site *s, uint32_t place);
// Whether what the place would answer is no older than what it has answered. Only a replica can go back in
// time: the board says whether it has, if it was polled since a connection to it was lost.
bool mer_site_is_abreast(const struct mer_site *s, uint32_t place);

// A node id `Type~region~facility~key`, cut. False when it has not that form.
struct mer_node_id {
    struct mer_slice type, region, facility, key;
};
bool mer_node_id_parse(struct mer_slice id, struct mer_node_id *out);

#endif
