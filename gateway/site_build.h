// SPDX-License-Identifier: MIT
// Builds a loop's site from the configuration and the snapshot: placements with their pools and clients.
//
// A reload makes another site while requests still run on the one before. What reaches a placement (pools,
// clients, with them connections, breakers and what is known of the other side) is shared by both: of a
// configuration all of it, since its placements do not change; of a supergraph alone the client of every
// subgraph that stayed where it was.
#ifndef MER_GATEWAY_SITE_BUILD_H
#define MER_GATEWAY_SITE_BUILD_H

#include "gateway/snapshot.h"
#include "resolvers/site.h"

// Lives on the heap until mer_site_destroy; the snapshot must outlive it. `before`: the site that this one
// takes the place of, or NULL. MER_ERR_INVALID: a placement's url or the TLS files are wrong. Begins to
// connect; nothing is waited for.
enum mer_err mer_site_build(struct mer_loop *loop, const struct mer_snapshot *snapshot,
                            const struct mer_site *before, struct mer_site **out,
                            struct mer_diag *diag) MER_MUST_CHECK;
// No execution may be under way on it.
void mer_site_destroy(struct mer_site *s);

// The placements alone, without anything that connects: what `meridian plan` works on. Of a configuration, or
// of a supergraph alone: one a subgraph.
void mer_site_places(struct mer_arena *a, const struct mer_config *config, struct mer_site *out);
void mer_site_subgraphs(struct mer_arena *a, const struct mer_snapshot *snapshot, struct mer_site *out);

#endif
