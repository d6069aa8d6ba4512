// SPDX-License-Identifier: MIT
// Between the worker's files: region.c (what the region's state is), plan.c (which hours are to do), chunk.c
// (some hours of one facility: lock, read, write, commit) and rollup.c (rounds). One thread; a worker owns
// its links and two arenas, one for good, one for the facility at hand.
#ifndef MER_ROLLUP_WORKER_PRIV_H
#define MER_ROLLUP_WORKER_PRIV_H

#include "resolvers/kpi/components_sql.h"
#include "rollup/link.h"
#include "rollup/rollup.h"
#include "rollup/statements.h"

#define MER_ROLLUP_HOUR_US   (3600 * 1000000ll)
#define MER_ROLLUP_DAY_US    (24 * MER_ROLLUP_HOUR_US)
#define MER_ROLLUP_SPANS_MAX 4096

// What a facility looked like when all of it was done; while it looks the same there is nothing to do.
struct mer_rollup_memory {
    int64_t closed_us, heartbeat_us, epoch;
    bool filled; // no stored hour lacks a component that the catalogue has
};

struct mer_rollup_worker {
    const struct mer_rollup_opts *opts;
    struct mer_arena *a;     // lives as long as the worker
    struct mer_arena *round; // one facility
    struct mer_rollup_sql sql;
    struct mer_link target;
    struct mer_link *sources;
    struct mer_link *live; // of `sources`
    const char *env;       // its name
    char epoch[24];
    struct mer_rollup_memory *memory;
    int64_t partition_us; // partitions are there up to this month
    struct mer_rollup_report report;
};

struct mer_rollup_span {
    int64_t from_us, to_us; // whole hours
};

// What one snapshot of the region says of a facility.
struct mer_rollup_state {
    int64_t epoch, now_us, closed_us, heartbeat_us, final_us;
};

enum mer_rollup_outcome { MER_ROLLUP_DONE = 0, MER_ROLLUP_BUSY = 1, MER_ROLLUP_FAILED = 2 };

static inline bool mer_rollup_stopped(const struct mer_rollup_worker *w)
{
    return w->opts->stop && *w->opts->stop;
}

static inline int64_t mer_rollup_hour_floor(int64_t us)
{
    return us - us % MER_ROLLUP_HOUR_US;
}

static inline struct mer_pg_param mer_rollup_text(const char *s)
{
    return (struct mer_pg_param){.value = mer_slice_of(s)};
}

static inline struct mer_pg_param mer_rollup_slice(struct mer_rollup_worker *w, struct mer_slice s)
{
    return mer_kpi_param_text(w->round, s);
}

static inline struct mer_pg_param mer_rollup_moment(struct mer_rollup_worker *w, int64_t us)
{
    return mer_kpi_param_time(w->round, us);
}

bool mer_rollup_choose_live(struct mer_rollup_worker *w);
// Brings the fence up to the region's epoch, and sees that it is the same.
bool mer_rollup_meet_fence(struct mer_rollup_worker *w);
bool mer_rollup_read_state(struct mer_rollup_worker *w, struct mer_slice facility,
                           struct mer_rollup_state *out);
// One time in microseconds from one row; 0 where it is null.
bool mer_rollup_read_time(struct mer_link *l, const char *sql, const struct mer_pg_param *p, uint32_t n,
                          int64_t *out);

// Adds [from, to) in chunks, sewn to the last span where they touch; spans has room for MER_ROLLUP_SPANS_MAX.
void mer_rollup_add_span(struct mer_rollup_span *spans, uint32_t *n, int64_t from, int64_t to);
bool mer_rollup_plan(struct mer_rollup_worker *w, uint32_t index, const struct mer_rollup_state *s,
                     struct mer_rollup_span *spans, uint32_t *n);

enum mer_rollup_outcome mer_rollup_do_chunk(struct mer_rollup_worker *w, struct mer_slice facility,
                                            struct mer_rollup_span span);

#endif
