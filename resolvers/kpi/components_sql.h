// SPDX-License-Identifier: MIT
// SQL that computes components from a region's raw rows: one statement, set-based, for every tenant, facility
// and hour of a range. The rollup worker stores what it answers; the gateway uses the same for hours that are
// not stored yet, so that both can only agree. Maps are whole here, also those that may not leave the region:
// mer_kpi_add_told is for whoever sends them.
//
// Numbers stay exact: numeric arithmetic, cast to the component's stored type at the end. Intervals are split
// at the hours' borders; an open one ends at `now` at the latest. The text depends on the shape alone (which
// components, one tenant or all); every value is a bind parameter. No I/O, no state: any thread.
#ifndef MER_RESOLVERS_KPI_COMPONENTS_SQL_H
#define MER_RESOLVERS_KPI_COMPONENTS_SQL_H

#include "resolvers/kpi/catalogue.h"
#include "resolvers/postgres/sql.h"

struct mer_kpi_raw {
    const struct mer_kpi_catalogue *catalogue;
    uint64_t components;                // which columns
    const struct mer_slice *facilities; // codes
    uint32_t facilities_n;
    int64_t from_us, to_us;  // whole hours, half open
    int64_t now_us;          // open intervals end here at the latest
    struct mer_slice tenant; // n == 0: every tenant (the worker, whose role may read all)
};

// Appends a query (no final semicolon) that answers the columns tenant_id, facility_id, hour, rows_seen and
// then the components by their names, in catalogue order. One row for each hour and facility of the
// facility's own tenant, also where nothing happened, and for other tenants where something did. Parameters
// are appended to `params` (room for 6 at least, *params_n grows).
void mer_kpi_raw_sql(struct mer_buf *out, const struct mer_kpi_raw *raw, struct mer_arena *a,
                     struct mer_pg_param *params, uint32_t *params_n);

#define MER_KPI_RAW_PARAMS 6

// Aggregate over rows named `of` (an alias) that puts a component of theirs together: null where one row has
// none, for a sum of the others would look like a figure. Not for gauges, whose last row counts.
void mer_kpi_add_merged(struct mer_buf *b, const struct mer_kpi_component *c, const char *of);
// A row's component as it may leave the region: null where it tells of some, but fewer than `least`.
void mer_kpi_add_told(struct mer_buf *b, const struct mer_kpi_component *c, const char *of);

// A query for the earliest hour (timestamptz, or null) in which a facility ($1, text) has any row.
void mer_kpi_first_hour_sql(struct mer_buf *out, const struct mer_kpi_catalogue *c);

// Parameter values in Postgres' text form, in the arena and NUL-terminated.
struct mer_pg_param mer_kpi_param_text(struct mer_arena *a, struct mer_slice s);
struct mer_pg_param mer_kpi_param_time(struct mer_arena *a, int64_t us);
struct mer_pg_param mer_kpi_param_list(struct mer_arena *a, const struct mer_slice *items, uint32_t n);

#endif
