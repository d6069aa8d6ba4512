// SPDX-License-Identifier: MIT
// What a KPI field asks: from `globalKpis`, `Facility.kpis` or `kpiCells` with its arguments and selection to
// an ask (which components, which hours, which facilities, how fine), and from the ask to its parts: SQL for
// what is stored, SQL for raw rows, GraphQL for another gateway. finish.h puts the answers together. Sans-io,
// no state: any thread; everything in the arena given.
//
// How a field is answered (the caller runs the parts):
//   1. mer_kpi_ask_make;
//   2. a stored part for the closed hours: mer_kpi_stored_sql on the global database, elsewhere
//      mer_kpi_cells_graphql to the global gateway;
//   3. for what lies beyond each facility's watermark (mer_kpi_split tells) a raw part in each region:
//      mer_kpi_raw_part_sql on the region's database, elsewhere mer_kpi_cells_graphql to its gateway;
//   4. mer_kpi_finish.
// Step 3 takes the watermarks from the answer of step 2. With watermarks at hand (from a poller) both run
// side by side: set the stored part's upto_us to the same watermarks, so that no hour is counted twice.
//
// The form of a part's answer, one JSON object:
//   {"stored": true,
//    "cells": [["2025-12-10T14:00:00Z", "us-east", "facility-la-001", "2025-12-10T15:00:00Z", true,
//    12, 30.5]], "watermarks": {"facility-la-001": "2025-12-10T15:00:00Z", "facility-x": null}, "version":
//    "…"}
// A cell is (bucket, region, facility, end of its last hour, final?, components in the catalogue's order). A
// bucket starts where its grain says, or at the range's start; without a grain there is one for the whole
// range. A cell holds one facility; hours are already combined. `watermarks`: up to when this part is
// complete for a facility; null: nothing is there. A stored part names every facility that the tenant has to
// do with and no other, a raw part those it was asked for. `version` changes when stored hours change.
#ifndef MER_RESOLVERS_KPI_QUERY_H
#define MER_RESOLVERS_KPI_QUERY_H

#include "planner/fetch.h"
#include "resolvers/kpi/catalogue.h"
#include "resolvers/kpi/components_sql.h"
#include "resolvers/postgres/sql.h"

enum mer_kpi_grain {
    MER_KPI_RANGE = 0, // no series: one bucket
    MER_KPI_HOUR = 1,
    MER_KPI_DAY = 2,
    MER_KPI_WEEK = 3,
    MER_KPI_MONTH = 4,
};

// A facility of the fleet that the caller may see, from the gateway's configuration.
struct mer_kpi_facility {
    struct mer_slice code, region; // "facility-la-001", "us-east"
};

enum mer_kpi_kind { MER_KPI_GLOBAL = 0, MER_KPI_OF_FACILITY = 1, MER_KPI_CELLS = 2 };

// Whole hours, half open. from == to: nothing to ask.
struct mer_kpi_range {
    int64_t from_us, to_us;
};

struct mer_kpi_ask {
    enum mer_kpi_kind kind;
    const struct mer_kpi_catalogue *catalogue;
    const struct mer_schema *schema;
    const struct mer_fetch_field *field;
    const struct mer_variables *vars;
    const struct mer_kpi **metrics; // in the order asked, each once
    uint32_t metrics_n;
    uint64_t components;
    struct mer_kpi_range range;
    bool has_compare;
    struct mer_kpi_range compare;
    bool open_hour;                      // the running hour is part of the range
    enum mer_kpi_grain grain;            // the coarsest that serves every series asked
    struct mer_kpi_facility *facilities; // after the arguments' filters, sorted by region and code
    uint32_t facilities_n;
    const int64_t *upto_us; // kpiCells with upTo: as mer_kpi_part's; else NULL
    int64_t now_us;
};

struct mer_kpi_ask_opts {
    const struct mer_kpi_catalogue *catalogue;
    const struct mer_schema *schema; // the source's
    const struct mer_fetch_field *field;
    const struct mer_variables *vars;
    const struct mer_kpi_facility *facilities; // those the caller may see
    uint32_t facilities_n;
    struct mer_slice entity_id; // Facility.kpis: the facility's node id
    int64_t now_us;
    uint32_t buckets_max; // of a series; 0: 5,000
};

// MER_ERR_INVALID: the caller's arguments are wrong (BAD_USER_INPUT; the text is fit for him).
// MER_ERR_NOT_FOUND: a facility that is not there, or not his to see. MER_ERR_LIMIT: too many points.
enum mer_err mer_kpi_ask_make(struct mer_arena *a, const struct mer_kpi_ask_opts *opts,
                              struct mer_kpi_ask **out, struct mer_diag *diag) MER_MUST_CHECK;

// Up to when a facility's hours are stored; us 0: nothing.
struct mer_kpi_mark {
    struct mer_slice facility;
    int64_t upto_us;
};

// One part's question, also what kpiCells carries from gateway to gateway.
struct mer_kpi_part {
    const struct mer_kpi_catalogue *catalogue;
    uint64_t components;
    struct mer_kpi_range range;
    enum mer_kpi_grain grain;
    const struct mer_kpi_facility *facilities;
    uint32_t facilities_n;
    // Stored parts: hours at or past a facility's mark are left out, so that a raw part can bring them. NULL:
    // the database's own watermarks alone say. Same order as facilities.
    const int64_t *upto_us;
    struct mer_slice tenant; // of the verified claim
    int64_t now_us;
};

// The stored part over the ask's range (compare: over compareTo's, never with a series).
struct mer_kpi_part mer_kpi_part_of(const struct mer_kpi_ask *ask, bool compare, struct mer_slice tenant);

// The hours that the stored part cannot have: per region and watermark one part with the facilities and the
// hours from the watermark on. *out in the arena. None when everything asked is stored. A facility without a
// mark is not asked: the stored part knows nothing of it that has to do with the tenant.
uint32_t mer_kpi_split(struct mer_arena *a, const struct mer_kpi_ask *ask, bool compare,
                       struct mer_slice tenant, const struct mer_kpi_mark *marks, uint32_t marks_n,
                       struct mer_kpi_part **out);

// Over kpi_daily and kpi_hourly of the global database: one row, one text column, the part's answer. Whole
// days come from kpi_daily where the grain allows.
void mer_kpi_stored_sql(struct mer_arena *a, const struct mer_kpi_part *part, struct mer_sql *out);
// Over a region's raw rows: the same form. Its watermarks are the facilities' heartbeats, cut to the range.
void mer_kpi_raw_part_sql(struct mer_arena *a, const struct mer_kpi_part *part, struct mer_sql *out);
// `{kpiCells(…)}` for another gateway's /sources/analytics; the answer is in data.kpiCells.
struct mer_slice mer_kpi_cells_graphql(struct mer_arena *a, const struct mer_kpi_part *part);
// From an ask of kind MER_KPI_CELLS (this gateway is the one asked) to its part.
struct mer_kpi_part mer_kpi_part_of_cells(const struct mer_kpi_ask *ask, struct mer_slice tenant);

// Every facility's watermark, for a poller: rows (facility_id, applied_upto, version).
struct mer_slice mer_kpi_watermarks_sql(void);

// Start of the bucket that holds t.
int64_t mer_kpi_bucket(enum mer_kpi_grain grain, int64_t t_us);
int64_t mer_kpi_bucket_next(enum mer_kpi_grain grain, int64_t bucket_us);

#endif
