// SPDX-License-Identifier: MIT
// The worst operations that we know, made anew by whoever needs them: a test asserts how many fetches they
// become, a benchmark how long it takes. An interface with a hundred implementations in three subgraphs, gone
// down five levels; one with fifty, whose every field several of three subgraphs know; and forty subgraphs
// that share twenty types, a thousand fields in two or three of them each. Everything lives in the arena; a
// schema of ours that does not load ends the process.
#ifndef MER_PROVE_WORST_H
#define MER_PROVE_WORST_H

#include "planner/operation.h"

enum worst_kind {
    WORST_PLAIN = 0, // five levels of what the interface itself has
    WORST_ON_EACH,   // and at each level a fragment on each implementation
    WORST_NAMED,     // each level a named fragment, each implementation going down through the next
    WORST_ALIASED,   // the same, and no two implementations ask for the same
    WORST_BOMB,   // fifty types that three sources know by other keys each, and share: five levels, each type
                  // asked apart
    WORST_SHARED, // all fields of all shared types, and of the next type below each: 2,000
    WORST_CHAIN,  // shared types one below the other, eight deep, a few fields of each
    WORST_N,
};

const char *worst_name(enum worst_kind k);
void worst_graph(struct mer_arena *a, enum worst_kind k, struct mer_graph *out);
struct mer_slice worst_operation(struct mer_arena *a, enum worst_kind k);

#endif
