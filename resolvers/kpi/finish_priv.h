// SPDX-License-Identifier: MIT
// Between finish.c (combining cells) and finish_write.c (the field's JSON): cells in order, what is known of
// each facility, and sums of components.
#ifndef MER_RESOLVERS_KPI_FINISH_PRIV_H
#define MER_RESOLVERS_KPI_FINISH_PRIV_H

#include "resolvers/kpi/decimal.h"
#include "resolvers/kpi/finish.h"
#include "resolvers/kpi/maps.h"

struct mer_kpi_cell {
    uint32_t facility; // index in ask->facilities
    int64_t bucket_us, until_us;
    bool final;
    uint64_t untold;               // bit set of slots: null in the part's answer
    const mer_kpi_decimal *values; // one for each component of the ask, in the catalogue's order; 0 for a map
    const struct mer_kpi_map *maps; // one for each map of the ask, in the catalogue's order
};

// What came for one range (the ask's, or compareTo's).
struct mer_kpi_known {
    struct mer_kpi_cell *cells; // by facility, then time
    uint32_t cells_n;
    uint32_t *first;  // cells of facility i: [first[i], first[i + 1])
    int64_t *upto_us; // by facility: everything below is in the cells
    bool *expected;   // by facility: the tenant has to do with it
    bool *lost;       // by facility: a part of it did not come
    int64_t from_us, to_us;
};

struct mer_kpi_finishing {
    struct mer_arena *a;
    const struct mer_kpi_ask *ask;
    uint32_t components_n, maps_n;        // of the ask
    uint8_t slot[MER_KPI_COMPONENTS_MAX]; // a catalogue's component's place in `values`
    uint8_t map[MER_KPI_COMPONENTS_MAX];  // a map's place in `maps`
    struct mer_kpi_known now, before;     // before: compareTo
    int64_t late_us;
    struct mer_buf *out;
};

// Facilities of one group.
struct mer_kpi_scope {
    const uint32_t *facilities;
    uint32_t n;
};

// A facility whose part of a component is not told: too few customers, or an hour from before it was stored.
struct mer_kpi_untold {
    uint32_t facility;
    uint64_t slots;
};

struct mer_kpi_sums {
    mer_kpi_decimal *values;
    struct mer_kpi_map *maps;
    bool provisional; // a cell in it may still change
    struct mer_kpi_untold *untold;
    uint32_t untold_n;
};

// What may be said of a scope up to a time.
struct mer_kpi_status {
    bool lost; // no figure can be told
    bool provisional;
    int64_t asof_us;
    const uint32_t *missing; // facilities to name
    uint32_t missing_n;
};

// Sums over the whole range; sums by buckets of a grain (bucket i starts at starts[i]).
struct mer_kpi_sums mer_kpi_sum_all(const struct mer_kpi_finishing *f, const struct mer_kpi_known *k,
                                    struct mer_kpi_scope s);
uint32_t mer_kpi_sum_buckets(const struct mer_kpi_finishing *f, struct mer_kpi_scope s,
                             enum mer_kpi_grain grain, int64_t **starts, struct mer_kpi_sums **sums);
struct mer_kpi_status mer_kpi_status_of(const struct mer_kpi_finishing *f, const struct mer_kpi_known *k,
                                        struct mer_kpi_scope s, int64_t from_us, int64_t to_us);

// A KPI's parts from sums. False where there is no value: nothing to divide by, or a component that is not
// told.
bool mer_kpi_value(const struct mer_kpi_finishing *f, const struct mer_kpi *k,
                   const struct mer_kpi_sums *sums, mer_kpi_decimal *numerator, mer_kpi_decimal *denominator,
                   double *value);
// Whether every component of a KPI is told; whether one of its components is among these slots.
bool mer_kpi_is_told(const struct mer_kpi_finishing *f, const struct mer_kpi *k,
                     const struct mer_kpi_sums *sums);
bool mer_kpi_untold_in(const struct mer_kpi_finishing *f, const struct mer_kpi *k, uint64_t slots);

void mer_kpi_write_field(const struct mer_kpi_finishing *f);

#endif
