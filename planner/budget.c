// SPDX-License-Identifier: MIT
#include "planner/budget.h"

#include <time.h>

// CPU, not the clock on the wall: a machine that is busy elsewhere refuses nothing.
static int64_t cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void mer_budget_start(struct mer_budget *b, int64_t max_cpu_us, uint64_t max_steps)
{
    *b = (struct mer_budget){.max_cpu_us = max_cpu_us, .max_steps = max_steps};
    b->began_us = max_cpu_us ? cpu_us() : 0;
}

bool mer_budget_look(struct mer_budget *b)
{
    b->took_us = b->max_cpu_us ? cpu_us() - b->began_us : 0;
    b->spent = b->spent || b->took_us > b->max_cpu_us || (b->max_steps && b->steps > b->max_steps);
    b->hurried =
        b->hurried || b->took_us > b->max_cpu_us / 2 || (b->max_steps && b->steps > b->max_steps / 2);
    return !b->spent;
}
