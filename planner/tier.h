// SPDX-License-Identifier: MIT
// Tier and role: where a placement stands (edge, regional, global) and what its database is (primary,
// replica). Names are lower case as in the configuration and in JSON outside GraphQL. Pure; any thread.
#ifndef MER_PLANNER_TIER_H
#define MER_PLANNER_TIER_H

#include "base/slice.h"

// In this order: nearer to where the data is made comes first.
enum mer_tier { MER_TIER_EDGE = 0, MER_TIER_REGIONAL = 1, MER_TIER_GLOBAL = 2 };

enum mer_role { MER_ROLE_PRIMARY = 0, MER_ROLE_REPLICA = 1 };

static inline const char *mer_tier_name(enum mer_tier tier)
{
    return tier == MER_TIER_EDGE ? "edge" : tier == MER_TIER_REGIONAL ? "regional" : "global";
}

static inline bool mer_tier_parse(struct mer_slice name, enum mer_tier *out)
{
    for (int t = MER_TIER_EDGE; t <= MER_TIER_GLOBAL; t++) {
        if (mer_slice_is(name, mer_tier_name((enum mer_tier)t))) {
            *out = (enum mer_tier)t;
            return true;
        }
    }
    return false;
}

static inline const char *mer_role_name(enum mer_role role)
{
    return role == MER_ROLE_PRIMARY ? "primary" : "replica";
}

static inline bool mer_role_parse(struct mer_slice name, enum mer_role *out)
{
    *out = mer_slice_is(name, "replica") ? MER_ROLE_REPLICA : MER_ROLE_PRIMARY;
    return mer_slice_is(name, mer_role_name(*out));
}

#endif
