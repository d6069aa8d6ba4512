// SPDX-License-Identifier: MIT
#include "resolvers/kpi/query.h"

#include "base/time.h"

#include <stdlib.h>

#define HOUR_US     (3600 * 1000000ll)
#define BUCKETS_MAX 5000
#define PEAK_HOURS  (31 * 24)

static const char *const grain_names[] = {"RANGE", "HOUR", "DAY", "WEEK", "MONTH"};

// ---- time ----

static int64_t floor_to(int64_t us, int64_t unit)
{
    int64_t rest = us % unit;
    return us - (rest < 0 ? rest + unit : rest);
}

static int64_t ceil_to(int64_t us, int64_t unit)
{
    int64_t down = floor_to(us, unit);
    return down == us ? us : down + unit;
}

// Days since 1970 of the first of a month counted from year 0 (civil calendar, proleptic).
static int64_t month_to_days(int64_t month)
{
    int64_t year = month / 12, m = month % 12 + 1;
    year -= m <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t yoe = year - era * 400;
    int64_t doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static int64_t days_to_month(int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t mp = (5 * (doe - (365 * yoe + yoe / 4 - yoe / 100)) + 2) / 153;
    int64_t m = mp < 10 ? mp + 3 : mp - 9;
    return (yoe + era * 400 + (m <= 2)) * 12 + m - 1;
}

int64_t mer_kpi_bucket(enum mer_kpi_grain grain, int64_t t_us)
{
    const int64_t day = 24 * HOUR_US;
    switch (grain) {
    case MER_KPI_HOUR:
        return floor_to(t_us, HOUR_US);
    case MER_KPI_DAY:
        return floor_to(t_us, day);
    case MER_KPI_WEEK: // 1970-01-05 was a Monday
        return floor_to(t_us - 4 * day, 7 * day) + 4 * day;
    case MER_KPI_MONTH:
        return month_to_days(days_to_month(floor_to(t_us, day) / day)) * day;
    case MER_KPI_RANGE:
        break;
    }
    return t_us;
}

int64_t mer_kpi_bucket_next(enum mer_kpi_grain grain, int64_t bucket_us)
{
    const int64_t day = 24 * HOUR_US;
    switch (grain) {
    case MER_KPI_HOUR:
        return bucket_us + HOUR_US;
    case MER_KPI_DAY:
        return bucket_us + day;
    case MER_KPI_WEEK:
        return bucket_us + 7 * day;
    case MER_KPI_MONTH:
        return month_to_days(days_to_month(bucket_us / day) + 1) * day;
    case MER_KPI_RANGE:
        break;
    }
    return INT64_MAX;
}

// ---- arguments ----

struct making {
    struct mer_arena *a;
    const struct mer_kpi_ask_opts *opts;
    struct mer_kpi_ask *ask;
    struct mer_diag *diag;
    enum mer_err err;
};

static const struct mer_in *argument(const struct mer_field *f, struct mer_in *const *values,
                                     const char *name)
{
    for (uint32_t i = 0; i < f->arguments_n; i++)
        if (mer_slice_is(f->arguments[i].name, name))
            return values[i] && values[i]->kind != MER_IN_NULL ? values[i] : NULL;
    return NULL;
}

static bool fail(struct making *m, enum mer_err err, const char *text)
{
    m->err = mer_diag_set(m->diag, err, "%s", text);
    return false;
}

static bool coerce(struct making *m, const struct mer_fetch_field *f, struct mer_in ***out)
{
    struct mer_in_error error = {0};
    if (mer_coerce_arguments(m->a, m->opts->schema, f->field->arguments, f->field->arguments_n, f->arguments,
                             f->arguments_n, m->opts->vars, out, &error) == MER_OK)
        return true;
    m->err = mer_diag_set(m->diag, MER_ERR_INVALID, "%.*s", MER_FMT(error.message));
    return false;
}

static bool read_time(struct making *m, const struct mer_in *v, int64_t *out)
{
    if (v && v->kind == MER_IN_STRING && mer_time_parse_rfc3339(v->text, out) && *out >= 0)
        return true;
    m->err = mer_diag_set(m->diag, MER_ERR_INVALID, "\"%.*s\" is not a DateTime (2025-12-10T14:30:00Z)",
                          v && v->text.n < 60 ? (int)v->text.n : 0, v ? v->text.p : "");
    return false;
}

static const struct mer_in *input_field(const struct mer_in *object, const char *name)
{
    for (uint32_t i = 0; i < object->type->inputs_n; i++)
        if (mer_slice_is(object->type->inputs[i].name, name))
            return object->items[i];
    return NULL;
}

// Every hour that the range touches, but none from `limit` on.
static bool whole_hours(struct making *m, int64_t from, int64_t to, int64_t limit, struct mer_kpi_range *out)
{
    if (from > to)
        return fail(m, MER_ERR_INVALID, "a range must begin before it ends");
    out->from_us = floor_to(from, HOUR_US);
    out->to_us = from == to ? out->from_us : ceil_to(to, HOUR_US);
    if (out->to_us > limit)
        out->to_us = limit;
    if (out->to_us < out->from_us)
        out->to_us = out->from_us;
    return true;
}

static bool read_range(struct making *m, const struct mer_in *v, int64_t limit, struct mer_kpi_range *out)
{
    int64_t from, to;
    return read_time(m, input_field(v, "from"), &from) && read_time(m, input_field(v, "to"), &to) &&
           whole_hours(m, from, to, limit, out);
}

static void add_metric(struct mer_kpi_ask *ask, const struct mer_kpi *k)
{
    for (uint32_t i = 0; i < ask->metrics_n; i++)
        if (ask->metrics[i] == k)
            return;
    ask->metrics[ask->metrics_n++] = k;
}

static bool read_metrics(struct making *m, const struct mer_in *v)
{
    struct mer_kpi_ask *ask = m->ask;
    ask->metrics = MER_NEW_N(m->a, const struct mer_kpi *, ask->catalogue->kpis_n + 1);
    for (uint32_t i = 0; v && i < v->n; i++) {
        const struct mer_kpi *k = mer_kpi_find(ask->catalogue, v->items[i]->text);
        if (!k)
            return fail(m, MER_ERR_INVALID, "a metric is not in the catalogue");
        add_metric(ask, k);
        ask->components |= k->components;
    }
    return ask->metrics_n > 0 || fail(m, MER_ERR_INVALID, "metrics must name one metric at least");
}

// ---- facilities ----

// US_EAST is us-east.
static bool region_is(struct mer_slice name, struct mer_slice region)
{
    if (name.n != region.n)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i] == '_' ? '-' : name.p[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c + 32);
        if (c != region.p[i])
            return false;
    }
    return true;
}

// The code in Facility~us-east~facility-la-001~, or the code itself.
static struct mer_slice facility_code(struct mer_slice id)
{
    if (!memchr(id.p, '~', id.n))
        return id;
    struct mer_slice rest = id;
    (void)mer_slice_cut(&rest, '~');
    (void)mer_slice_cut(&rest, '~');
    return mer_slice_cut(&rest, '~');
}

static int by_region(const void *a, const void *b)
{
    const struct mer_kpi_facility *x = a, *y = b;
    int c = mer_slice_cmp(x->region, y->region);
    return c ? c : mer_slice_cmp(x->code, y->code);
}

static bool find_facility(struct making *m, struct mer_slice id)
{
    struct mer_slice code = id.n ? facility_code(id) : id;
    const struct mer_kpi_facility *found = NULL;
    for (uint32_t i = 0; i < m->opts->facilities_n && !found; i++)
        if (mer_slice_eq(m->opts->facilities[i].code, code))
            found = &m->opts->facilities[i];
    if (!found) {
        m->err = mer_diag_set(m->diag, MER_ERR_NOT_FOUND, "facility \"%.*s\" is not known",
                              (int)(code.n > 80 ? 80 : code.n), code.n ? code.p : "");
        return false;
    }
    for (uint32_t i = 0; i < m->ask->facilities_n; i++)
        if (mer_slice_eq(m->ask->facilities[i].code, code))
            return true;
    m->ask->facilities[m->ask->facilities_n++] = *found;
    return true;
}

static bool region_wanted(const struct mer_in *regions, struct mer_slice region)
{
    for (uint32_t i = 0; regions && i < regions->n; i++)
        if (region_is(regions->items[i]->text, region))
            return true;
    return !regions;
}

static bool read_facilities(struct making *m, const struct mer_in *ids, const struct mer_in *regions)
{
    struct mer_kpi_ask *ask = m->ask;
    ask->facilities = MER_NEW_N(m->a, struct mer_kpi_facility, m->opts->facilities_n + 1);
    for (uint32_t i = 0; ids && i < ids->n; i++)
        if (!find_facility(m, ids->items[i]->text))
            return false;
    for (uint32_t i = 0; !ids && i < m->opts->facilities_n; i++)
        ask->facilities[ask->facilities_n++] = m->opts->facilities[i];
    uint32_t n = 0;
    for (uint32_t i = 0; i < ask->facilities_n; i++)
        if (region_wanted(regions, ask->facilities[i].region))
            ask->facilities[n++] = ask->facilities[i];
    ask->facilities_n = n;
    qsort(ask->facilities, n, sizeof *ask->facilities, by_region);
    return true;
}

// ---- the selection: which series, which order ----

static bool read_grain(const struct mer_in *v, enum mer_kpi_grain *out)
{
    for (int g = MER_KPI_HOUR; g <= MER_KPI_MONTH; g++)
        if (v && mer_slice_is(v->text, grain_names[g])) {
            *out = (enum mer_kpi_grain)g;
            return true;
        }
    return false;
}

// The coarsest grain whose buckets make up the buckets of both.
static enum mer_kpi_grain meet(enum mer_kpi_grain a, enum mer_kpi_grain b)
{
    if (a == MER_KPI_RANGE || a == b)
        return b;
    return a == MER_KPI_HOUR || b == MER_KPI_HOUR ? MER_KPI_HOUR : MER_KPI_DAY;
}

static bool see_series(struct making *m, struct mer_in *const *args, const struct mer_field *f)
{
    enum mer_kpi_grain grain = MER_KPI_DAY;
    if (!read_grain(argument(f, args, "grain"), &grain))
        return fail(m, MER_ERR_INVALID, "grain is not known");
    const struct mer_kpi_range *r = &m->ask->range;
    uint32_t n = 0, max = m->opts->buckets_max ? m->opts->buckets_max : BUCKETS_MAX;
    for (int64_t t = mer_kpi_bucket(grain, r->from_us); t < r->to_us; t = mer_kpi_bucket_next(grain, t))
        if (++n > max)
            return fail(m, MER_ERR_LIMIT,
                        "the series has too many points; ask a shorter range or a longer grain");
    m->ask->grain = meet(m->ask->grain, grain);
    return true;
}

static bool see_by_facility(struct making *m, struct mer_in *const *args, const struct mer_field *f)
{
    const struct mer_in *top = argument(f, args, "top"), *order = argument(f, args, "orderBy");
    if (top && top->text.n && top->text.p[0] == '-')
        return fail(m, MER_ERR_INVALID, "top must not be negative");
    const struct mer_kpi *k = order ? mer_kpi_find(m->ask->catalogue, order->text) : NULL;
    if (order && !k)
        return fail(m, MER_ERR_INVALID, "a metric is not in the catalogue");
    if (k)
        m->ask->components |= k->components;
    return true;
}

// The group's facility is known by its id alone: what else there is to it is asked of its entity.
static bool see_facility(struct making *m, const struct mer_fetch_field *facility)
{
    for (uint32_t i = 0; i < facility->children_n; i++) {
        struct mer_slice name = facility->children[i]->field->name;
        if (!mer_slice_is(name, "id") && !mer_slice_is(name, "__typename"))
            return fail(
                m, MER_ERR_INVALID,
                "kpis cannot be asked inside a group of key figures: ask the group's own totals or series, "
                "or facility(id:) { kpis }");
    }
    return true;
}

static bool see_children(struct making *m, const struct mer_fetch_field *f)
{
    for (uint32_t i = 0; i < f->children_n; i++) {
        const struct mer_fetch_field *c = f->children[i];
        struct mer_in **args = NULL;
        if (c->field->arguments_n && !coerce(m, c, &args))
            return false;
        struct mer_slice name = c->field->name;
        if (mer_slice_is(name, "series") && !see_series(m, args, c->field))
            return false;
        if (mer_slice_is(name, "byFacility") && !see_by_facility(m, args, c->field))
            return false;
        if (mer_slice_is(name, "facility") ? !see_facility(m, c) : !see_children(m, c))
            return false;
    }
    return true;
}

// ---- the three fields ----

// A peak over facilities is told of every five minutes of each of them: of a year that would be millions.
static bool check_peaks(struct making *m)
{
    const struct mer_kpi_range *r = &m->ask->range, *c = &m->ask->compare;
    int64_t hours = (r->to_us - r->from_us) / HOUR_US, before = (c->to_us - c->from_us) / HOUR_US;
    for (uint32_t i = 0; i < m->ask->catalogue->kpis_n; i++) {
        const struct mer_kpi *k = &m->ask->catalogue->kpis[i];
        if (k->form == MER_KPI_PEAK && (m->ask->components >> k->map & 1) &&
            (hours > PEAK_HOURS || before > PEAK_HOURS)) {
            m->err = mer_diag_set(m->diag, MER_ERR_LIMIT,
                                  "%.*s is told of 31 days at most; ask a shorter range", MER_FMT(k->metric));
            return false;
        }
    }
    return true;
}

static bool make_global(struct making *m, struct mer_in *const *args, const struct mer_field *f)
{
    struct mer_kpi_ask *ask = m->ask;
    const struct mer_in *open = argument(f, args, "includeOpenHour"),
                        *compare = argument(f, args, "compareTo");
    int64_t closed = floor_to(ask->now_us, HOUR_US);
    int64_t limit = open && open->boolean ? closed + HOUR_US : closed;
    if (!read_metrics(m, argument(f, args, "metrics")) ||
        !read_range(m, argument(f, args, "range"), limit, &ask->range) ||
        !read_facilities(m, argument(f, args, "facilityIds"), argument(f, args, "regions")))
        return false;
    ask->open_hour = ask->range.to_us > closed;
    ask->has_compare = compare != NULL;
    if (compare && !read_range(m, compare, closed, &ask->compare))
        return false;
    return see_children(m, ask->field) && check_peaks(m);
}

static bool make_of_facility(struct making *m, struct mer_in *const *args, const struct mer_field *f)
{
    struct mer_kpi_ask *ask = m->ask;
    int64_t closed = floor_to(ask->now_us, HOUR_US);
    ask->kind = MER_KPI_OF_FACILITY;
    ask->facilities = MER_NEW_N(m->a, struct mer_kpi_facility, 1);
    return read_metrics(m, argument(f, args, "metrics")) &&
           read_range(m, argument(f, args, "range"), closed, &ask->range) &&
           find_facility(m, m->opts->entity_id) && check_peaks(m);
}

static bool read_components(struct making *m, const struct mer_in *v)
{
    for (uint32_t i = 0; v && i < v->n; i++) {
        const struct mer_kpi_component *c = mer_kpi_component_find(m->ask->catalogue, v->items[i]->text);
        if (!c)
            return fail(m, MER_ERR_INVALID, "a component is not in the catalogue");
        m->ask->components |= 1ull << c->index;
    }
    return m->ask->components != 0 || fail(m, MER_ERR_INVALID, "components must name one component at least");
}

// upTo stands beside facilityIds as they were given; the ask has its facilities sorted, each once.
static bool read_upto(struct making *m, const struct mer_in *ids, const struct mer_in *upto)
{
    struct mer_kpi_ask *ask = m->ask;
    if (!upto)
        return true;
    if (!ids || ids->n != upto->n)
        return fail(m, MER_ERR_INVALID, "upTo must be as long as facilityIds");
    int64_t *list = MER_NEW_N(m->a, int64_t, ask->facilities_n + 1);
    for (uint32_t i = 0; i < ids->n; i++)
        for (uint32_t k = 0; k < ask->facilities_n; k++)
            if (mer_slice_eq(ask->facilities[k].code, facility_code(ids->items[i]->text)) &&
                !read_time(m, upto->items[i], &list[k]))
                return false;
    ask->upto_us = list;
    return true;
}

// Hours are not cut at this gateway's clock: the one who asks has cut them at his.
static bool make_cells(struct making *m, struct mer_in *const *args, const struct mer_field *f)
{
    struct mer_kpi_ask *ask = m->ask;
    const struct mer_in *grain = argument(f, args, "grain");
    int64_t from, to;
    ask->kind = MER_KPI_CELLS;
    if (grain && !read_grain(grain, &ask->grain))
        return fail(m, MER_ERR_INVALID, "grain is not known");
    return read_time(m, argument(f, args, "from"), &from) && read_time(m, argument(f, args, "to"), &to) &&
           whole_hours(m, from, to, INT64_MAX, &ask->range) &&
           read_components(m, argument(f, args, "components")) &&
           read_facilities(m, argument(f, args, "facilityIds"), NULL) &&
           read_upto(m, argument(f, args, "facilityIds"), argument(f, args, "upTo"));
}

enum mer_err mer_kpi_ask_make(struct mer_arena *a, const struct mer_kpi_ask_opts *opts,
                              struct mer_kpi_ask **out, struct mer_diag *diag)
{
    const struct mer_field *f = opts->field->field;
    struct mer_kpi_ask *ask = MER_NEW(a, struct mer_kpi_ask);
    *ask = (struct mer_kpi_ask){
        .catalogue = opts->catalogue,
        .schema = opts->schema,
        .field = opts->field,
        .vars = opts->vars,
        .now_us = opts->now_us,
    };
    struct making m = {.a = a, .opts = opts, .ask = ask, .diag = diag};
    struct mer_in **args;
    *out = ask;
    if (!coerce(&m, opts->field, &args))
        return m.err;
    bool good;
    if (mer_slice_is(f->name, "globalKpis"))
        good = make_global(&m, args, f);
    else if (mer_slice_is(f->name, "kpis"))
        good = make_of_facility(&m, args, f);
    else if (mer_slice_is(f->name, "kpiCells"))
        good = make_cells(&m, args, f);
    else
        return mer_diag_set(diag, MER_ERR_NOT_FOUND, "%.*s is no field of key figures", MER_FMT(f->name));
    return good ? MER_OK : m.err;
}
