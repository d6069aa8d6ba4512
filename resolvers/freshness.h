// SPDX-License-Identifier: MIT
// Freshness of an answer: a small table with one entry for every placement (and facility) that data came
// from, and the writers of everything that is said of ages. An age is computed when the answer is written,
// also for cached data, and is never negative. A row's dataFreshness is a hole in the fetched data that names
// an entry. The table lives in the request's arena; one thread.
#ifndef MER_RESOLVERS_FRESHNESS_H
#define MER_RESOLVERS_FRESHNESS_H

#include "planner/plan.h"
#include "planner/tier.h"
#include "resolvers/board.h"

struct mer_fresh_entry {
    struct mer_slice source, region, environment, facility; // n == 0 where it has none
    enum mer_tier tier;
    enum mer_role role;
    int64_t as_of_us; // MER_TIME_UNKNOWN: stale, of unknown age
    int64_t stale_after_us;
    int64_t cached_at_us; // MER_TIME_UNKNOWN: not from a cache
    bool online;          // the facility; true where there is none
    bool unreachable;     // nothing came from it: only a warning
    bool exact_time;      // the data is what it is until a new version: as_of is a watermark (KPIs)
};

struct mer_fresh {
    struct mer_arena *a;
    struct mer_fresh_entry *items;
    uint32_t n, cap;
};

void mer_fresh_init(struct mer_fresh *f, struct mer_arena *a);
// The entry's index; an equal one (source, placement, facility) is used again, the older as-of kept.
uint32_t mer_fresh_add(struct mer_fresh *f, const struct mer_fresh_entry *e);
// A region that is not heard of: a warning, no source.
void mer_fresh_add_unreachable(struct mer_fresh *f, struct mer_slice region);

// `{isStale …}` in the order of the selection.
void mer_fresh_write_row(struct mer_buf *b, const struct mer_fresh_entry *e, uint32_t index,
                         const struct mer_shape *selection, const struct mer_variables *vars, int64_t now_us);
// The value of extensions.freshness.
void mer_fresh_write_extension(struct mer_buf *b, const struct mer_fresh *f, int64_t now_us);
// Reads extensions.freshness of another gateway's answer: sources entry i becomes map[i]; regions that it
// warns of are warned of here too.
void mer_fresh_read_extension(struct mer_fresh *f, const struct mer_json *j,
                              const struct mer_json_node *freshness, int64_t now_us, int64_t stale_after_us,
                              uint32_t **map, uint32_t *map_n);

// "us-east" as the GraphQL enum's US_EAST.
void mer_fresh_write_enum(struct mer_buf *b, struct mer_slice name);

#endif
