// SPDX-License-Identifier: MIT
// Builds a loop's site from the configuration and the snapshot: placements with their pools and clients.
#ifndef MER_GATEWAY_SITE_BUILD_H
#define MER_GATEWAY_SITE_BUILD_H

#include "gateway/snapshot.h"
#include "resolvers/site.h"

// Lives on the heap until mer_site_destroy; the snapshot must outlive it. MER_ERR_INVALID: a placement's url
// or the TLS files are wrong. Begins to connect; nothing is waited for.
enum mer_err mer_site_build(struct mer_loop *loop, const struct mer_snapshot *snapshot, struct mer_site **out,
                            struct mer_diag *diag) MER_MUST_CHECK;
// No execution may be under way.
void mer_site_destroy(struct mer_site *s);

// The placements alone, without anything that connects: what `meridian plan` works on.
void mer_site_places(struct mer_arena *a, const struct mer_config *config, struct mer_site *out);

#endif
