// SPDX-License-Identifier: MIT
// Components that are maps from whole numbers to numbers (catalogue.h, enum mer_kpi_shape): gathered from
// many cells, put together key by key, and what figures tell of them. No state: any thread; everything in the
// arena given.
#ifndef MER_RESOLVERS_KPI_MAPS_H
#define MER_RESOLVERS_KPI_MAPS_H

#include "base/json.h"
#include "resolvers/kpi/catalogue.h"
#include "resolvers/kpi/decimal.h"

struct mer_kpi_entry {
    int64_t key;
    mer_kpi_decimal value;
};

struct mer_kpi_map {
    struct mer_kpi_entry *entries;
    uint32_t n, cap;
};

// An object {"17": 3, …}; false where it is something else.
bool mer_kpi_map_read(struct mer_arena *a, const struct mer_json *j, const struct mer_json_node *n,
                      struct mer_kpi_map *out) MER_MUST_CHECK;
// Adds another's entries; mer_kpi_map_settle, once all are there, leaves each key once, in order.
void mer_kpi_map_gather(struct mer_arena *a, struct mer_kpi_map *to, const struct mer_kpi_map *from);
void mer_kpi_map_settle(struct mer_kpi_map *map, enum mer_kpi_combine combine);

// How many distinct values a settled sketch was made of: Ertl's estimator, without bias from the first value
// on.
double mer_kpi_map_distinct(const struct mer_kpi_map *map);
// The amount at or below which `percent` of 100 lie (nearest rank) in a settled histogram; false when it is
// empty.
bool mer_kpi_map_percentile(const struct mer_kpi_map *map, uint32_t percent, double *out);
// The greatest value; 0 without any.
double mer_kpi_map_peak(const struct mer_kpi_map *map);

#endif
