// SPDX-License-Identifier: MIT
// Poller: keeps a loop's freshness board current. Asks every database of this site for meridian_facts() once
// a second, and every other gateway for its health; a facility of this region whose gateway fails so many
// checks in a row is offline (R44), which is told to the region's databases, so that the other regions see it
// too. Belongs to its loop.
#ifndef MER_GATEWAY_POLLER_H
#define MER_GATEWAY_POLLER_H

#include "resolvers/site.h"

struct mer_poller;

struct mer_poller_opts {
    struct mer_site *site;
    uint32_t facts_ms;  // between two questions to a database; 0: 1,000
    uint32_t health_ms; // between two health checks of a facility's gateway
    uint32_t health_timeout_ms;
    uint32_t failures; // in a row make it offline
    bool writes;       // this loop tells the databases what the checks found
};

struct mer_poller *mer_poller_create(const struct mer_poller_opts *opts);
// Runs the loop until every placement has answered its first question or failed it, at most so long: a
// gateway that takes requests before it knows anything would call healthy places unhealthy.
void mer_poller_warm(struct mer_poller *p, uint32_t wait_ms);
// Goes on for another site with the same placements: the one before may go.
void mer_poller_move(struct mer_poller *p, struct mer_site *site);
void mer_poller_destroy(struct mer_poller *p);

#endif
