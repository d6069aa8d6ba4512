// SPDX-License-Identifier: MIT
// Cache policy: how long an answer may be kept and by whom, as `@cacheControl` of a supergraph says it.
// Apollo Server's rules, counted once with the plan over all that was selected, whatever types come and
// whatever @skip leaves out, so that the answer never lives longer than by those rules:
//
//   - a field's own `@cacheControl` wins over that of the type it answers;
//   - a root field, and a field with a selection, without one may not be kept (maxAge 0); a leaf, and
//     `@cacheControl(inheritMaxAge: true)`, changes nothing;
//   - the least `maxAge` counts, and one `scope: PRIVATE` makes all of it private.
//
// Of sources of rows nothing is said: their answers carry ages (extensions.freshness). Immutable; any thread.
#ifndef MER_PLANNER_CACHE_POLICY_H
#define MER_PLANNER_CACHE_POLICY_H

#include "planner/plan.h"

struct mer_cache_policy {
    bool said;       // something selected has a @cacheControl; else the rest means nothing
    bool is_private; // of one caller alone
    uint32_t max_age_s;
};

// Scratch of it is left in the arena.
struct mer_cache_policy mer_cache_policy_of(struct mer_arena *a, const struct mer_plan *plan);

#endif
