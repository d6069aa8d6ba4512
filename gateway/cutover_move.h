// SPDX-License-Identifier: MIT
// One move of a region between its environments: everything that is looked at before, the move itself, and
// the wait until it is done (R26 to R32). Blocks on the region's databases, for at most a minute: on a thread
// of its own (cutover.h), never on a loop's.
//
// The move is one statement at the live environment. From its commit on nothing is written there, and the
// other environment becomes live when it has applied all that ever was (fleet/migrations/region/042): whoever
// asked may die at any moment, and nobody has to mend anything. Asked again in the middle of a move to the
// same environment this waits for its end.
#ifndef MER_GATEWAY_CUTOVER_MOVE_H
#define MER_GATEWAY_CUTOVER_MOVE_H

#include <stdatomic.h>

#include "gateway/snapshot.h"

struct mer_cutover_ask {
    const struct mer_config *config;
    const struct mer_snapshot *snapshot; // its bindings must fit the environment that is to be live
    struct mer_slice region;
    struct mer_slice environment; // nil: back to the one before
    struct mer_slice asked_by;
    const atomic_bool *stop; // set: nobody waits for an answer any more
};

#define MER_CUTOVER_REASONS_MAX 16

struct mer_cutover_result {
    const char *code; // NULL: done
    struct mer_slice reasons[MER_CUTOVER_REASONS_MAX];
    uint32_t reasons_n;
    struct mer_slice live, previous, phase;
    int64_t epoch;
};

// Texts live in the arena.
void mer_cutover_move(struct mer_arena *a, const struct mer_cutover_ask *ask, struct mer_cutover_result *out);

#endif
