// SPDX-License-Identifier: MIT
// The worker's SQL, made once from the catalogue: what is read in the region and what is written on the
// global database. Each text says its parameters. Lives in the arena given; immutable; any thread.
#ifndef MER_ROLLUP_STATEMENTS_H
#define MER_ROLLUP_STATEMENTS_H

#include "resolvers/kpi/catalogue.h"

struct mer_rollup_sql {
    // ---- in the region ----
    // $1 region → live_env, epoch
    const char *live;
    // $1 region, $2 facility → live_env, epoch, now, heartbeat (null: none), times in microseconds. First
    // statement of the snapshot: now() is before it, so an hour that is over by it is over in the snapshot.
    const char *state;
    // $1 facility → the first hour with any row, in microseconds, or null
    const char *first_hour;
    // $1 facility, $2 from, $3 to → hours in microseconds, ascending
    const char *dirty;
    // the same → two arrays: hours, marked_at
    const char *marks;
    // $1 facility, $2 hours, $3 marked_at
    const char *clear_marks;

    // ---- on the global database ----
    // $1 region, $2 environment, $3 epoch: moves the fence forward, never back
    const char *advance_fence;
    // $1 region → live_env, epoch
    const char *fence;
    // $1 region, $2 facility → applied_upto in microseconds, or null
    const char *watermark;
    // $1 facility, $2 from → the first and the last stored hour that lacks a component, in microseconds, or
    // nulls
    const char *unfilled;
    // $1 facility → true when this transaction has it alone now
    const char *lock;
    // $1 month
    const char *partition;
    // $1 rows (JSON of the raw query), $2 facility, $3 region, $4 from, $5 to, $6 final up to, $7
    // environment, $8 epoch, $9 as of → number of hours that changed
    const char *hours;
    // $1 facility, $2 region, $3 first day, $4 day after the last, $5 the new watermark, $6 environment, $7
    // epoch, $8 what only the region can tell of the days (JSON) → number of days that changed
    const char *days;
    // $1 region, $2 environment, $3 epoch, $4 facility, $5 applied up to, $6 1 when hours changed, else 0 →
    // version, or no row: the fence has moved on, and nothing of this transaction may stay
    const char *finish;
};

void mer_rollup_sql_make(struct mer_arena *a, const struct mer_kpi_catalogue *c, struct mer_rollup_sql *out);

#endif
