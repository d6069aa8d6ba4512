// SPDX-License-Identifier: MIT
// Finishing: from the cells that the parts of an ask answered to the JSON of its field. Components are put
// together first (facilities added, hours added or the last one taken), divided last; sums are exact
// decimals. Sans-io, no state: any thread; everything in the arena given.
//
// What is missing is never silent:
// - A region (or a facility) whose part did not come is named in `missing_*`. Every total that would need it
// has
//   value, numerator and denominator null, finality PROVISIONAL and the facilities in `missing`; its region
//   stands in incompleteRegions; groups that do not need it are whole. A sum without a region would look like
//   a figure.
// - A facility whose data has arrived only up to some hour before the range's end (it is offline, say) leaves
// the
//   value standing: what is known, PROVISIONAL, asOf the earliest such time, the facility named in `missing`
//   once it is behind by more than `late_us`.
#ifndef MER_RESOLVERS_KPI_FINISH_H
#define MER_RESOLVERS_KPI_FINISH_H

#include "base/buf.h"
#include "resolvers/kpi/query.h"

// One part's answer: the JSON object of query.h.
struct mer_kpi_cells {
    struct mer_slice json;
    bool compare; // belongs to compareTo
};

struct mer_kpi_answers {
    const struct mer_kpi_cells *sets;
    uint32_t sets_n;
    const struct mer_slice *missing_regions; // configured names; their parts failed
    uint32_t missing_regions_n;
    const struct mer_slice *missing_facilities; // codes
    uint32_t missing_facilities_n;
    int64_t late_us; // 0: 60 s
};

// Reads the watermarks of a stored part's answer, for mer_kpi_split. *out in the arena, facilities are slices
// of the answer or the arena.
enum mer_err mer_kpi_read_marks(struct mer_arena *a, struct mer_slice json, struct mer_kpi_mark **out,
                                uint32_t *n, struct mer_diag *diag) MER_MUST_CHECK;

// Writes the value of the ask's field (without its key) for its children by response key, in order.
// dataFreshness is written as null: the gateway's own hole. asOf_us (may be NULL): up to when everything is
// in the answer. MER_ERR_INVALID: a part's answer has not the agreed form (the fault is the other side's).
enum mer_err mer_kpi_finish(struct mer_arena *a, const struct mer_kpi_ask *ask,
                            const struct mer_kpi_answers *answers, struct mer_buf *out, int64_t *asof_us,
                            struct mer_diag *diag) MER_MUST_CHECK;

#endif
