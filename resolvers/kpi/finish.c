// SPDX-License-Identifier: MIT
#include "resolvers/kpi/finish_priv.h"

#include "base/time.h"

#include <stdlib.h>

// ---- reading the parts' answers ----

static enum mer_err refuse(struct mer_diag *diag, const char *what)
{
    return mer_diag_set(diag, MER_ERR_INVALID, "a part of key figures has not the agreed form: %s", what);
}

static bool bad(struct mer_diag *diag, const char *what)
{
    return refuse(diag, what) == MER_OK;
}

static bool read_time(struct mer_arena *a, const struct mer_json *j, const struct mer_json_node *n,
                      int64_t *out)
{
    return n->type == MER_JSON_STRING && mer_time_parse_rfc3339(mer_json_string(a, j, n), out);
}

static uint32_t find_facility(const struct mer_kpi_ask *ask, struct mer_slice code)
{
    for (uint32_t i = 0; i < ask->facilities_n; i++)
        if (mer_slice_eq(ask->facilities[i].code, code))
            return i;
    return UINT32_MAX;
}

// A cell's components, in the catalogue's order, from v on.
static bool read_components(const struct mer_kpi_finishing *f, const struct mer_json *j,
                            const struct mer_json_node *v, struct mer_kpi_cell *out)
{
    const struct mer_kpi_catalogue *c = f->ask->catalogue;
    mer_kpi_decimal *values = MER_NEW_N(f->a, mer_kpi_decimal, f->components_n + 1);
    struct mer_kpi_map *maps = MER_NEW_N(f->a, struct mer_kpi_map, f->maps_n + 1);
    *out = (struct mer_kpi_cell){.values = values, .maps = maps};
    for (uint32_t i = 0; i < c->components_n; i++) {
        if (!(f->ask->components >> i & 1))
            continue;
        if (v->type == MER_JSON_NULL)
            out->untold |= 1ull << f->slot[i];
        else if (c->components[i].shape != MER_KPI_NUMBER) {
            if (!mer_kpi_map_read(f->a, j, v, &maps[f->map[i]]))
                return false;
        } else if (v->type != MER_JSON_NUMBER ||
                   !mer_kpi_decimal_parse(mer_json_raw(j, v), &values[f->slot[i]]))
            return false;
        v = mer_json_next(j, v);
    }
    return true;
}

// One cell: [bucket, region, facility, until, final, component…].
static bool read_cell(const struct mer_kpi_finishing *f, const struct mer_json *j,
                      const struct mer_json_node *n, struct mer_kpi_cell *out)
{
    if (n->type != MER_JSON_ARRAY || n->count != 5 + f->components_n)
        return false;
    const struct mer_json_node *e[5], *v = mer_json_first(j, n);
    for (int i = 0; i < 5; i++, v = mer_json_next(j, v))
        e[i] = v;
    if (!read_components(f, j, v, out))
        return false;
    if (e[2]->type != MER_JSON_STRING || (e[4]->type != MER_JSON_TRUE && e[4]->type != MER_JSON_FALSE))
        return false;
    out->facility = find_facility(f->ask, mer_json_string(f->a, j, e[2]));
    out->final = e[4]->type == MER_JSON_TRUE;
    return read_time(f->a, j, e[0], &out->bucket_us) && read_time(f->a, j, e[3], &out->until_us);
}

static bool read_cells(const struct mer_kpi_finishing *f, const struct mer_json *j, struct mer_kpi_known *k,
                       struct mer_diag *diag)
{
    const struct mer_json_node *list = mer_json_get(j, mer_json_root(j), MER_S("cells"));
    if (!list || list->type != MER_JSON_ARRAY)
        return bad(diag, "no cells");
    struct mer_kpi_cell *all = MER_NEW_N(f->a, struct mer_kpi_cell, k->cells_n + list->count + 1);
    if (k->cells_n)
        memcpy(all, k->cells, sizeof *all * k->cells_n);
    k->cells = all;
    const struct mer_json_node *n = mer_json_first(j, list);
    for (uint32_t i = 0; i < list->count; i++, n = mer_json_next(j, n)) {
        struct mer_kpi_cell *c = &k->cells[k->cells_n];
        if (!read_cell(f, j, n, c))
            return bad(diag, "a cell");
        // A facility that was not asked for must not count.
        if (c->facility != UINT32_MAX) {
            k->expected[c->facility] = true;
            k->cells_n++;
        }
    }
    return true;
}

static bool read_marks(const struct mer_kpi_finishing *f, const struct mer_json *j, bool stored,
                       struct mer_kpi_known *k, struct mer_diag *diag)
{
    const struct mer_json_node *map = mer_json_get(j, mer_json_root(j), MER_S("watermarks"));
    if (!map || map->type != MER_JSON_OBJECT)
        return bad(diag, "no watermarks");
    const struct mer_json_node *n = mer_json_first(j, map);
    for (uint32_t i = 0; i < map->count; i++) {
        const struct mer_json_node *value = mer_json_next(j, n);
        uint32_t facility = find_facility(f->ask, mer_json_string(f->a, j, n));
        int64_t upto = 0;
        if (value->type != MER_JSON_NULL && !read_time(f->a, j, value, &upto))
            return bad(diag, "a watermark");
        if (facility != UINT32_MAX) {
            k->expected[facility] = k->expected[facility] || stored;
            if (upto > k->upto_us[facility])
                k->upto_us[facility] = upto;
        }
        n = mer_json_next(j, value);
    }
    return true;
}

static int by_facility_and_time(const void *x, const void *y)
{
    const struct mer_kpi_cell *a = x, *b = y;
    if (a->facility != b->facility)
        return a->facility < b->facility ? -1 : 1;
    return (a->until_us > b->until_us) - (a->until_us < b->until_us);
}

static bool is_listed(struct mer_slice s, const struct mer_slice *list, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (mer_slice_eq(list[i], s))
            return true;
    return false;
}

static bool gather(struct mer_kpi_finishing *f, const struct mer_kpi_answers *answers, bool compare,
                   struct mer_kpi_known *k, struct mer_diag *diag)
{
    const struct mer_kpi_ask *ask = f->ask;
    uint32_t n = ask->facilities_n;
    bool any_stored = false;
    *k = (struct mer_kpi_known){
        .from_us = compare ? ask->compare.from_us : ask->range.from_us,
        .to_us = compare ? ask->compare.to_us : ask->range.to_us,
        .first = MER_NEW_N(f->a, uint32_t, n + 2),
        .upto_us = MER_NEW_N(f->a, int64_t, n + 1),
        .expected = MER_NEW_N(f->a, bool, n + 1),
        .lost = MER_NEW_N(f->a, bool, n + 1),
    };
    for (uint32_t i = 0; i < answers->sets_n; i++) {
        struct mer_json j;
        if (answers->sets[i].compare != compare)
            continue;
        if (mer_json_parse(f->a, answers->sets[i].json, NULL, &j, diag) != MER_OK)
            return false;
        const struct mer_json_node *stored = mer_json_get(&j, mer_json_root(&j), MER_S("stored"));
        bool is_stored = stored && stored->type == MER_JSON_TRUE;
        any_stored = any_stored || is_stored;
        if (!read_cells(f, &j, k, diag) || !read_marks(f, &j, is_stored, k, diag))
            return false;
    }
    if (k->cells_n)
        qsort(k->cells, k->cells_n, sizeof *k->cells, by_facility_and_time);
    for (uint32_t i = 0, c = 0; i <= n; i++) {
        k->first[i] = c;
        while (i < n && c < k->cells_n && k->cells[c].facility == i)
            c++;
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct mer_kpi_facility *at = &ask->facilities[i];
        // Without a stored part nobody says which facilities are the tenant's: all that were asked may be.
        k->expected[i] = k->expected[i] || !any_stored;
        k->lost[i] = k->upto_us[i] < k->to_us &&
                     (is_listed(at->region, answers->missing_regions, answers->missing_regions_n) ||
                      is_listed(at->code, answers->missing_facilities, answers->missing_facilities_n));
    }
    return true;
}

// ---- combining ----

static struct mer_kpi_sums new_sums(const struct mer_kpi_finishing *f)
{
    return (struct mer_kpi_sums){
        .values = MER_NEW_N(f->a, mer_kpi_decimal, f->components_n + 1),
        .maps = MER_NEW_N(f->a, struct mer_kpi_map, f->maps_n + 1),
    };
}

static void note_untold(const struct mer_kpi_finishing *f, struct mer_kpi_sums *out, uint32_t facility,
                        uint64_t slots)
{
    if (!slots)
        return;
    if (!out->untold)
        out->untold = MER_NEW_N(f->a, struct mer_kpi_untold, f->ask->facilities_n + 1);
    if (!out->untold_n || out->untold[out->untold_n - 1].facility != facility) // facilities come one by one
        out->untold[out->untold_n++] = (struct mer_kpi_untold){.facility = facility};
    out->untold[out->untold_n - 1].slots |= slots;
}

// Adds one facility's cells [begin, end), in order of time, to one sum: what adds up over hours is added, of
// a gauge the last is taken.
static void add_run(const struct mer_kpi_finishing *f, const struct mer_kpi_cell *begin,
                    const struct mer_kpi_cell *end, struct mer_kpi_sums *out)
{
    const struct mer_kpi_catalogue *c = f->ask->catalogue;
    uint64_t untold = 0;
    for (uint32_t i = 0; i < c->components_n; i++) {
        if (!(f->ask->components >> i & 1))
            continue;
        uint32_t slot = f->slot[i];
        bool map = c->components[i].shape != MER_KPI_NUMBER;
        const struct mer_kpi_cell *cell = c->components[i].combine == MER_KPI_LAST ? end - 1 : begin;
        for (; cell < end; cell++) {
            out->values[slot] += cell->values[slot];
            untold |= cell->untold & 1ull << slot;
            if (map)
                mer_kpi_map_gather(f->a, &out->maps[f->map[i]], &cell->maps[f->map[i]]);
        }
    }
    note_untold(f, out, begin->facility, untold);
    for (const struct mer_kpi_cell *cell = begin; cell < end; cell++)
        out->provisional = out->provisional || !cell->final;
}

static void settle(const struct mer_kpi_finishing *f, struct mer_kpi_sums *sums)
{
    const struct mer_kpi_catalogue *c = f->ask->catalogue;
    for (uint32_t i = 0; i < c->components_n; i++)
        if ((f->ask->components >> i & 1) && c->components[i].shape != MER_KPI_NUMBER)
            mer_kpi_map_settle(&sums->maps[f->map[i]], c->components[i].combine);
}

struct mer_kpi_sums mer_kpi_sum_all(const struct mer_kpi_finishing *f, const struct mer_kpi_known *k,
                                    struct mer_kpi_scope s)
{
    struct mer_kpi_sums sums = new_sums(f);
    for (uint32_t i = 0; i < s.n; i++) {
        uint32_t facility = s.facilities[i];
        if (k->first[facility] < k->first[facility + 1])
            add_run(f, k->cells + k->first[facility], k->cells + k->first[facility + 1], &sums);
    }
    settle(f, &sums);
    return sums;
}

static int64_t bucket_of(const struct mer_kpi_finishing *f, enum mer_kpi_grain grain, int64_t t)
{
    int64_t b = mer_kpi_bucket(grain, t);
    return b < f->ask->range.from_us ? f->ask->range.from_us : b;
}

uint32_t mer_kpi_sum_buckets(const struct mer_kpi_finishing *f, struct mer_kpi_scope s,
                             enum mer_kpi_grain grain, int64_t **starts, struct mer_kpi_sums **sums)
{
    const struct mer_kpi_range *r = &f->ask->range;
    uint32_t n = 0;
    for (int64_t t = mer_kpi_bucket(grain, r->from_us); t < r->to_us; t = mer_kpi_bucket_next(grain, t))
        n++;
    *starts = MER_NEW_N(f->a, int64_t, n + 1);
    *sums = MER_NEW_N(f->a, struct mer_kpi_sums, n + 1);
    n = 0;
    for (int64_t t = mer_kpi_bucket(grain, r->from_us); t < r->to_us; t = mer_kpi_bucket_next(grain, t)) {
        (*starts)[n] = t < r->from_us ? r->from_us : t;
        (*sums)[n++] = new_sums(f);
    }
    for (uint32_t i = 0; i < s.n; i++) {
        const struct mer_kpi_cell *c = f->now.cells + f->now.first[s.facilities[i]];
        const struct mer_kpi_cell *end = f->now.cells + f->now.first[s.facilities[i] + 1];
        for (uint32_t b = 0; c < end;) {
            const struct mer_kpi_cell *stop = c;
            int64_t bucket = bucket_of(f, grain, c->bucket_us);
            while (stop < end && bucket_of(f, grain, stop->bucket_us) == bucket)
                stop++;
            while (b < n && (*starts)[b] < bucket)
                b++;
            if (b < n && (*starts)[b] == bucket)
                add_run(f, c, stop, &(*sums)[b]);
            c = stop;
        }
    }
    for (uint32_t b = 0; b < n; b++)
        settle(f, &(*sums)[b]);
    return n;
}

struct mer_kpi_status mer_kpi_status_of(const struct mer_kpi_finishing *f, const struct mer_kpi_known *k,
                                        struct mer_kpi_scope s, int64_t from_us, int64_t to_us)
{
    uint32_t *missing = MER_NEW_N(f->a, uint32_t, s.n + 1);
    // The running hour is not over: what is there up to now is all there can be, but it will change.
    int64_t reach = to_us < f->ask->now_us ? to_us : f->ask->now_us;
    struct mer_kpi_status out = {.asof_us = reach, .missing = missing, .provisional = reach < to_us};
    for (uint32_t i = 0; i < s.n; i++) {
        uint32_t facility = s.facilities[i];
        int64_t upto = k->upto_us[facility];
        bool lost = k->lost[facility] && upto < to_us;
        out.lost = out.lost || lost;
        out.provisional = out.provisional || lost || upto < reach;
        if (lost || upto + f->late_us < reach)
            missing[out.missing_n++] = facility;
        if (upto < out.asof_us)
            out.asof_us = upto > from_us ? upto : from_us;
    }
    return out;
}

static mer_kpi_decimal add_terms(const struct mer_kpi_finishing *f, const struct mer_kpi_sum *sum,
                                 const mer_kpi_decimal *values)
{
    mer_kpi_decimal v = 0;
    for (uint32_t i = 0; i < sum->n; i++)
        v += sum->terms[i].sign * values[f->slot[sum->terms[i].component]];
    return v;
}

bool mer_kpi_untold_in(const struct mer_kpi_finishing *f, const struct mer_kpi *k, uint64_t slots)
{
    for (uint32_t i = 0; slots && i < f->ask->catalogue->components_n; i++)
        if ((k->components >> i & 1) && (slots >> f->slot[i] & 1))
            return true;
    return false;
}

bool mer_kpi_is_told(const struct mer_kpi_finishing *f, const struct mer_kpi *k,
                     const struct mer_kpi_sums *sums)
{
    for (uint32_t i = 0; i < sums->untold_n; i++)
        if (mer_kpi_untold_in(f, k, sums->untold[i].slots))
            return false;
    return true;
}

static double scaled(const struct mer_kpi *k, double v)
{
    return v * (double)k->scale_num / (double)k->scale_den;
}

static bool value_of_map(const struct mer_kpi *k, const struct mer_kpi_map *map, double *value)
{
    bool some = true;
    double v = 0;
    switch (k->form) {
    case MER_KPI_RATIO:
        return false;
    case MER_KPI_DISTINCT:
        v = mer_kpi_map_distinct(map);
        break;
    case MER_KPI_PERCENTILE:
        some = mer_kpi_map_percentile(map, k->percent, &v);
        break;
    case MER_KPI_PEAK:
        v = mer_kpi_map_peak(map);
        break;
    }
    *value = scaled(k, v);
    return some;
}

bool mer_kpi_value(const struct mer_kpi_finishing *f, const struct mer_kpi *k,
                   const struct mer_kpi_sums *sums, mer_kpi_decimal *numerator, mer_kpi_decimal *denominator,
                   double *value)
{
    if (!mer_kpi_is_told(f, k, sums))
        return false;
    if (k->form != MER_KPI_RATIO)
        return value_of_map(k, &sums->maps[f->map[k->map]], value);
    *numerator = add_terms(f, &k->numerator, sums->values);
    *denominator = k->denominator.n ? add_terms(f, &k->denominator, sums->values) : MER_KPI_DECIMAL_ONE;
    if (*denominator == 0)
        return false;
    // Multiplied before it is divided, in more bits than the result has: 3/4 is 75 %, not 74.99999999999999.
    long double v = (long double)*numerator * (long double)k->scale_num;
    *value = (double)(v / ((long double)*denominator * (long double)k->scale_den));
    return true;
}

// ---- the face ----

enum mer_err mer_kpi_read_marks(struct mer_arena *a, struct mer_slice json, struct mer_kpi_mark **out,
                                uint32_t *n, struct mer_diag *diag)
{
    struct mer_json j;
    enum mer_err err = mer_json_parse(a, json, NULL, &j, diag);
    if (err)
        return err;
    const struct mer_json_node *map = mer_json_get(&j, mer_json_root(&j), MER_S("watermarks"));
    if (!map || map->type != MER_JSON_OBJECT)
        return refuse(diag, "no watermarks");
    *out = MER_NEW_N(a, struct mer_kpi_mark, map->count + 1);
    *n = map->count;
    const struct mer_json_node *key = mer_json_first(&j, map);
    for (uint32_t i = 0; i < map->count; i++) {
        const struct mer_json_node *value = mer_json_next(&j, key);
        (*out)[i].facility = mer_json_string(a, &j, key);
        if (value->type != MER_JSON_NULL && !read_time(a, &j, value, &(*out)[i].upto_us))
            return refuse(diag, "a watermark");
        key = mer_json_next(&j, value);
    }
    return MER_OK;
}

enum mer_err mer_kpi_finish(struct mer_arena *a, const struct mer_kpi_ask *ask,
                            const struct mer_kpi_answers *answers, struct mer_buf *out, int64_t *asof_us,
                            struct mer_diag *diag)
{
    struct mer_kpi_finishing f = {.a = a, .ask = ask, .out = out, .late_us = answers->late_us};
    if (!f.late_us)
        f.late_us = 60 * 1000000ll;
    for (uint32_t i = 0; i < ask->catalogue->components_n; i++)
        if (ask->components >> i & 1) {
            f.slot[i] = (uint8_t)f.components_n++;
            if (ask->catalogue->components[i].shape != MER_KPI_NUMBER)
                f.map[i] = (uint8_t)f.maps_n++;
        }
    if (!gather(&f, answers, false, &f.now, diag) ||
        (ask->has_compare && !gather(&f, answers, true, &f.before, diag)))
        return MER_ERR_INVALID;
    if (asof_us) {
        uint32_t *all = MER_NEW_N(a, uint32_t, ask->facilities_n + 1), n = 0;
        for (uint32_t i = 0; i < ask->facilities_n; i++)
            if (f.now.expected[i])
                all[n++] = i;
        struct mer_kpi_scope s = {all, n};
        *asof_us = mer_kpi_status_of(&f, &f.now, s, ask->range.from_us, ask->range.to_us).asof_us;
    }
    mer_kpi_write_field(&f);
    return MER_OK;
}
