// SPDX-License-Identifier: MIT
#include "resolvers/kpi/maps.h"

#include <math.h>
#include <stdlib.h>

bool mer_kpi_map_read(struct mer_arena *a, const struct mer_json *j, const struct mer_json_node *n,
                      struct mer_kpi_map *out)
{
    if (n->type != MER_JSON_OBJECT)
        return false;
    *out = (struct mer_kpi_map){.entries = MER_NEW_N(a, struct mer_kpi_entry, n->count + 1),
                                .cap = n->count + 1};
    const struct mer_json_node *key = mer_json_first(j, n);
    for (uint32_t i = 0; i < n->count; i++) {
        const struct mer_json_node *value = mer_json_next(j, key);
        struct mer_kpi_entry *e = &out->entries[out->n++];
        if (!mer_slice_to_i64(mer_json_string(a, j, key), &e->key) || e->key < 0 ||
            value->type != MER_JSON_NUMBER || !mer_kpi_decimal_parse(mer_json_raw(j, value), &e->value))
            return false;
        key = mer_json_next(j, value);
    }
    return true;
}

void mer_kpi_map_gather(struct mer_arena *a, struct mer_kpi_map *to, const struct mer_kpi_map *from)
{
    if (from->n == 0)
        return;
    if (to->cap - to->n < from->n) {
        uint32_t cap = to->cap * 2 > to->n + from->n ? to->cap * 2 : to->n + from->n;
        struct mer_kpi_entry *more = MER_NEW_N(a, struct mer_kpi_entry, cap);
        if (to->n)
            memcpy(more, to->entries, sizeof *more * to->n);
        to->entries = more;
        to->cap = cap;
    }
    memcpy(to->entries + to->n, from->entries, sizeof *to->entries * from->n);
    to->n += from->n;
}

static int by_key(const void *x, const void *y)
{
    const struct mer_kpi_entry *a = x, *b = y;
    return (a->key > b->key) - (a->key < b->key);
}

void mer_kpi_map_settle(struct mer_kpi_map *map, enum mer_kpi_combine combine)
{
    if (map->n == 0)
        return;
    qsort(map->entries, map->n, sizeof *map->entries, by_key);
    uint32_t n = 0;
    for (uint32_t i = 1; i < map->n; i++) {
        struct mer_kpi_entry *last = &map->entries[n], *e = &map->entries[i];
        if (e->key != last->key)
            map->entries[++n] = *e;
        else if (combine != MER_KPI_MAX)
            last->value += e->value;
        else if (e->value > last->value)
            last->value = e->value;
    }
    map->n = n + 1;
}

// ---- distinct ----

// Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), section 2.4. Both
// series end: each step's term is less than the one before until it no longer changes the sum.
static double sigma(double x)
{
    double y = 1, z = x, before;
    if (x >= 1)
        return INFINITY;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (z > before);
    return z;
}

static double tau(double x)
{
    double y = 1, z = 1 - x, before;
    if (x <= 0 || x >= 1)
        return 0;
    do {
        x = sqrt(x);
        before = z;
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    } while (z < before);
    return z / 3;
}

#define RANKS (64 - MER_KPI_SKETCH_BITS) // of a hash's other bits; RANKS + 1: they are all zero

double mer_kpi_map_distinct(const struct mer_kpi_map *map)
{
    const double m = 1 << MER_KPI_SKETCH_BITS;
    uint32_t of_rank[RANKS + 2] = {0}, used = 0;
    for (uint32_t i = 0; i < map->n; i++) {
        mer_kpi_decimal rank = map->entries[i].value / MER_KPI_DECIMAL_ONE;
        if (rank < 1 || rank > RANKS + 1 || map->entries[i].key >= 1 << MER_KPI_SKETCH_BITS)
            continue;
        of_rank[rank]++;
        used++;
    }
    if (!used)
        return 0;
    double z = m * tau(1 - of_rank[RANKS + 1] / m);
    for (int k = RANKS; k >= 1; k--)
        z = 0.5 * (z + of_rank[k]);
    z += m * sigma((m - used) / m);
    return round(m * m / (2 * M_LN2 * z));
}

// ---- percentiles and peaks ----

bool mer_kpi_map_percentile(const struct mer_kpi_map *map, uint32_t percent, double *out)
{
    mer_kpi_decimal all = 0, seen = 0;
    for (uint32_t i = 0; i < map->n; i++)
        all += map->entries[i].value;
    if (all <= 0)
        return false;
    for (uint32_t i = 0; i < map->n; i++) {
        seen += map->entries[i].value;
        if (seen * 100 >= all * percent) {
            *out = pow(MER_KPI_GROWTH, (double)map->entries[i].key) * 2 / (MER_KPI_GROWTH + 1);
            return true;
        }
    }
    return false;
}

double mer_kpi_map_peak(const struct mer_kpi_map *map)
{
    mer_kpi_decimal peak = 0;
    for (uint32_t i = 0; i < map->n; i++)
        if (map->entries[i].value > peak)
            peak = map->entries[i].value;
    return (double)((long double)peak / (long double)MER_KPI_DECIMAL_ONE);
}
