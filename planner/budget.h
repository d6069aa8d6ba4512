// SPDX-License-Identifier: MIT
// Budget: how long an operation may be made, in CPU time of its thread or, where it must be the same on any
// machine, in steps. A step is a field that is collected, a way that is tried or a field that is emitted.
// When half is spent nobody searches any more: the first way that works is taken. When all is spent, all
// ends.
#ifndef MER_PLANNER_BUDGET_H
#define MER_PLANNER_BUDGET_H

#include "base/slice.h"

struct mer_budget {
    uint64_t steps, max_steps;    // max 0: none
    int64_t began_us, max_cpu_us; // max 0: none
    int64_t took_us;              // when it was last looked at
    bool hurried, spent;
    const char *limit; // of other limits: the one that ended it
};

void mer_budget_start(struct mer_budget *b, int64_t max_cpu_us, uint64_t max_steps);
// Looks at the clock. False: all is spent.
bool mer_budget_look(struct mer_budget *b);

// False: all is spent.
static inline bool mer_budget_step(struct mer_budget *b)
{
    return ++b->steps % 128 && (b->steps <= b->max_steps || !b->max_steps) ? !b->spent : mer_budget_look(b);
}

#endif
