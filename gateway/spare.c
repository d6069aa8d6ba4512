// SPDX-License-Identifier: MIT
#include "gateway/spare.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/arena.h"

#define LOOK_MS 5000

// "Anonymous: 0 kB" of a mapping that cannot be written and has a file: all of its pages are the file's.
static void look_at(FILE *maps, char *line, size_t size)
{
    unsigned long from = 0, to = 0;
    bool files = false;
    while (fgets(line, (int)size, maps)) {
        char may[5] = "";
        unsigned long at = 0, end = 0, kb = 0;
        int path = 0;
        if (sscanf(line, "%lx-%lx %4s %*s %*s %*s %n", &at, &end, may, &path) == 3) {
            from = at;
            to = end;
            files = may[1] == '-' && may[3] == 'p' && path && line[path] == '/';
        } else if (files && sscanf(line, "Anonymous: %lu kB", &kb) == 1 && kb == 0) {
            // NOLINTNEXTLINE(performance-no-int-to-ptr): an address as the kernel writes it
            (void)madvise((void *)from, to - from, MADV_DONTNEED);
        }
    }
}

void mer_spare_waiting(void)
{
    char line[4096 + 128];
    FILE *maps = fopen("/proc/self/smaps", "re");
    if (maps) {
        look_at(maps, line, sizeof(line));
        fclose(maps);
    }
    mer_arena_trim();
    malloc_trim(0);
}

static void look(void *owner)
{
    struct mer_worker *w = owner;
    bool worked = w->counters.latency_us_sum != w->spare_seen;
    if (!worked && w->in_flight == 0 && w->spare_due) {
        mer_arena_trim();
        malloc_trim(0);
        w->spare_due = false;
    }
    w->spare_due = w->spare_due || worked;
    w->spare_seen = w->counters.latency_us_sum;
    mer_spare_start(w);
}

void mer_spare_start(struct mer_worker *w)
{
    mer_timer_start(w->loop, &w->spare_timer, LOOK_MS, look, w);
}

void mer_spare_stop(struct mer_worker *w)
{
    mer_timer_stop(w->loop, &w->spare_timer);
}
