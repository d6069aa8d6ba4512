// SPDX-License-Identifier: MIT
// Guards: what a caller must be granted to see a field or an object: @authenticated, @requiresScopes and
// @policy of a supergraph, by whatever names it links them. Read once when a supergraph is loaded, immutable,
// any thread. A plan names guards and nothing else; which of them hold is decided for each request from its
// token (`mer_variables.refused`), so one plan serves all callers.
//
// Guards are checked where the objects are: of a field asked through an interface the type that the object
// turns out to be decides, never the interface alone. Composition repeats what implementations demand at
// their interface; such a repetition holds for those implementations only. What an interface demands of its
// own, or a source that knows it as an object, holds for all of them.
#ifndef MER_PLANNER_GUARDS_H
#define MER_PLANNER_GUARDS_H

#include "planner/plan.h"

struct mer_federation;
struct mer_supergraph;

enum mer_guard_kind { MER_GUARD_AUTHENTICATED = 0, MER_GUARD_SCOPES = 1, MER_GUARD_POLICIES = 2 };

// Names that are demanded together.
struct mer_guard_names {
    const struct mer_slice *items;
    uint32_t n;
};

struct mer_guard {
    enum mer_guard_kind kind;
    const struct mer_guard_names *any; // any of these will do; sorted. Nothing for @authenticated
    uint32_t any_n;
};

// Fills the federation's guards, and those of its types and fields.
void mer_guards_read(struct mer_arena *a, const struct mer_supergraph *sg, struct mer_federation *f);
// All of both, ascending, each once.
struct mer_guards mer_guards_join(struct mer_arena *a, const struct mer_guards *x,
                                  const struct mer_guards *y);

// What a token grants; names as lists with a separator after each name ("read\nwrite\n").
struct mer_grants {
    bool authenticated;
    struct mer_slice scopes, policies;
};
bool mer_guard_holds(const struct mer_guard *g, const struct mer_grants *grants);
// All that do not hold, as a bit set; NULL: there are no guards.
const uint64_t *mer_guards_refused(struct mer_arena *a, const struct mer_federation *f,
                                   const struct mer_grants *grants);

#endif
