// SPDX-License-Identifier: MIT
// "Did you mean …?": names that are near to one that is not known, nearest first. Any thread, no state.
#ifndef MER_SCHEMA_SUGGEST_H
#define MER_SCHEMA_SUGGEST_H

#include "base/arena.h"

struct mer_names {
    struct mer_arena *a;
    struct mer_slice *items;
    uint32_t n, cap;
};

void mer_names_add(struct mer_names *names, struct mer_slice name);
// Keeps the names that are near to `input`, nearest first.
void mer_names_near(struct mer_names *names, struct mer_slice input);
// ` Did you mean "a", "b", or "c"?`, with at most five names; `what` ("the enum value") may be NULL. Empty
// for none.
struct mer_slice mer_did_you_mean(struct mer_arena *a, const char *what, const struct mer_names *names);
// Numbers inside names compare as numbers.
int mer_natural_cmp(struct mer_slice a, struct mer_slice b);

#endif
