// SPDX-License-Identifier: MIT
// The rollup worker: keeps kpi_hourly and kpi_daily of the global database exact from one region's raw rows.
// Runs as a process of its own beside its region's databases (its libpq calls block); any number may run at
// once.
//
// What makes it exact:
// - One facility at a time is locked on the global database *before* its rows are read, so the last writer
// has
//   read last; a frozen worker's lock dies with its transaction, and so does whatever it wanted to write.
// - An hour is replaced whole, with its day, its watermark and the check of the region's fence in one
// transaction.
//   A commit whose outcome is unknown is simply done again: the same rows give the same hour, no revision is
//   spent.
// - Only the live environment is read, in one snapshot with its epoch; the fence on the global database must
// hold
//   that epoch at the commit. It only ever moves forward.
// - An hour is FINAL when the facility's replicated heartbeat has passed its end. Late rows mark their hours
// in
//   rollup_dirty; such an hour and those after it (gauges) are computed again, and a mark is cleared only
//   after the commit and only when it has not been set again meanwhile.
// Only components cross the border.
#ifndef MER_ROLLUP_ROLLUP_H
#define MER_ROLLUP_ROLLUP_H

#include "base/diag.h"
#include "resolvers/kpi/catalogue.h"

#include <signal.h>

struct mer_rollup_source {
    struct mer_slice environment; // "blue"
    struct mer_slice dsn;
};

struct mer_rollup_opts {
    const struct mer_kpi_catalogue *catalogue;
    struct mer_slice region;
    const struct mer_slice *facilities; // codes of the region's facilities
    uint32_t facilities_n;
    const struct mer_rollup_source *sources;
    uint32_t sources_n;
    struct mer_slice target_dsn;
    uint32_t interval_ms;              // 0: 10,000
    uint32_t lookback_ms;              // hours this far back are computed again each round; 0: 2 h
    bool once;                         // one round, then return
    int64_t from_us, to_us;            // both 0: what is due; else these hours alone are computed again, once
    const volatile sig_atomic_t *stop; // set by the caller's signal handler; NULL: none
};

// What a round did, for the log and for tests.
struct mer_rollup_report {
    uint64_t facilities_done, facilities_busy, facilities_failed;
    uint64_t hours_computed, hours_changed, marks_cleared;
};

// Runs until stopped, or once. Returns a process exit status: 0 good, 1 when a `once` round could not do all
// of its facilities, 2 when the options are wrong. `report` (may be NULL) is of the last round.
int mer_rollup_run(const struct mer_rollup_opts *opts, struct mer_rollup_report *report);

#endif
