// SPDX-License-Identifier: MIT
// The catalogue of key figures (schema/kpis.yaml), parsed and checked: sources of raw rows, the components
// that are stored by the hour, and the KPIs made of them. The worker's SQL, the gateway's combining and
// finishing, and docs/kpis.md all follow from it, so that a new figure is one entry in one file.
//
// Everything lives in the arena given and is immutable once loaded: any thread may read. SQL fragments are
// the catalogue's author's; no request's value ever becomes a part of them.
#ifndef MER_RESOLVERS_KPI_CATALOGUE_H
#define MER_RESOLVERS_KPI_CATALOGUE_H

#include "base/diag.h"
#include "base/map.h"
#include "schema/types.h"

// Components are numbered in the catalogue's order; sets of them are bit sets.
#define MER_KPI_COMPONENTS_MAX 64

enum mer_kpi_source_kind {
    MER_KPI_EVENT = 0,    // at: the hour of the event
    MER_KPI_INTERVAL = 1, // start, end: every hour it overlaps
    MER_KPI_STATE = 2,    // opened, closed: every hour at whose end it is open
    MER_KPI_BALANCE = 3,  // moved: each row changes a balance from then on, which is told at every hour's end
};

struct mer_kpi_source {
    struct mer_slice name;
    enum mer_kpi_source_kind kind;
    struct mer_slice from;       // tables and joins
    struct mer_slice row;        // alias of the row with tenant_id and facility_id
    struct mer_slice begin, end; // at / start / opened / moved, and end / closed
    struct mer_slice of, amount,
        worth;              // a balance: one for each `of`; what a row changes it and its worth by
    struct mer_slice where; // n == 0: all rows; {from} is the first hour asked
    uint32_t index;
};

enum mer_kpi_combine { MER_KPI_SUM = 0, MER_KPI_LAST = 1, MER_KPI_MAX = 2 };

// What a component is. Those that are no numbers are maps from whole numbers to numbers, put together key by
// key, over hours as over facilities: distinct things and percentiles do not add up, their maps do.
enum mer_kpi_shape {
    MER_KPI_NUMBER = 0,
    MER_KPI_SKETCH = 1,    // distinct values: register → rank (HyperLogLog), greatest
    MER_KPI_HISTOGRAM = 2, // amounts: bucket of MER_KPI_GROWTH → count, added
    MER_KPI_SLOTS = 3,     // slot of MER_KPI_SLOT_S since 1970 → sum of its rows, added
};

#define MER_KPI_SKETCH_BITS 12   // 4096 registers: the standard error is 1.6 %
#define MER_KPI_GROWTH      1.02 // bucket b holds (1.02^(b-1), 1.02^b]; told by its middle, 1 % off at most
#define MER_KPI_SLOT_S      300

struct mer_kpi_component {
    struct mer_slice name; // also the column
    enum mer_kpi_shape shape;
    struct mer_slice type; // SQL type of the column
    const struct mer_kpi_source *source;
    // SQL over the source's rows of one hour: an aggregate for a number, of one slot's rows for slots; a
    // row's value for a sketch or a histogram.
    struct mer_slice value;
    enum mer_kpi_combine combine;
    uint32_t least; // a sketch with fewer registers, but some, is not told; 0: it always is
    uint32_t index;
};

// A sum of components: sign is +1 or -1.
struct mer_kpi_term {
    uint32_t component;
    int sign;
};

struct mer_kpi_sum {
    struct mer_kpi_term *terms;
    uint32_t n;
};

enum mer_kpi_form {
    MER_KPI_RATIO = 0,      // a sum, or one over another
    MER_KPI_DISTINCT = 1,   // of a sketch
    MER_KPI_PERCENTILE = 2, // of a histogram
    MER_KPI_PEAK = 3,       // the greatest of the slots
};

struct mer_kpi {
    struct mer_slice metric; // name in the schema's enum Metric
    struct mer_slice label, unit;
    struct mer_kpi_sum numerator;   // or the value itself
    struct mer_kpi_sum denominator; // n == 0: not a ratio
    enum mer_kpi_form form;
    uint32_t map;                 // the component, where the form is no ratio
    uint32_t percent;             // percentile: 1 to 99
    int64_t scale_num, scale_den; // both >= 1
    bool has_target;
    struct mer_slice target; // a JSON number
    bool higher_is_better;
    uint64_t components; // bit set of all it needs
    uint32_t index;
};

struct mer_kpi_catalogue {
    struct mer_kpi_source *sources;
    uint32_t sources_n;
    struct mer_kpi_component *components;
    uint32_t components_n;
    struct mer_kpi *kpis;
    uint32_t kpis_n;
    /* private */
    struct mer_map sources_by_name, components_by_name, kpis_by_metric;
};

// text must live as long as the catalogue; `file` only names it in messages ("kpis.yaml:12:3: …", also in
// diag->line and column). MER_ERR_INVALID: not YAML, an unknown key, a missing one, a name not known.
enum mer_err mer_kpi_catalogue_parse(struct mer_arena *a, struct mer_slice text, const char *file,
                                     struct mer_kpi_catalogue **out, struct mer_diag *diag) MER_MUST_CHECK;
// The same from a file. MER_ERR_IO when it cannot be read.
enum mer_err mer_kpi_catalogue_load(struct mer_arena *a, const char *path, struct mer_kpi_catalogue **out,
                                    struct mer_diag *diag) MER_MUST_CHECK;

// The enum `Metric` of an analytics schema must name the catalogue's KPIs, neither more nor less.
enum mer_err mer_kpi_catalogue_check_schema(const struct mer_kpi_catalogue *c, const struct mer_schema *s,
                                            struct mer_diag *diag) MER_MUST_CHECK;

const struct mer_kpi *mer_kpi_find(const struct mer_kpi_catalogue *c, struct mer_slice metric);
const struct mer_kpi_component *mer_kpi_component_find(const struct mer_kpi_catalogue *c,
                                                       struct mer_slice name);

static inline uint64_t mer_kpi_all_components(const struct mer_kpi_catalogue *c)
{
    return c->components_n >= 64 ? ~0ull : (1ull << c->components_n) - 1;
}

#endif
