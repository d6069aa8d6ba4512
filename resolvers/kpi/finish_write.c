// SPDX-License-Identifier: MIT
// The JSON of a KPI field: groups, series and values for the children asked, by response key, in order.
#include "resolvers/kpi/finish_priv.h"

#include "base/json.h"
#include "base/time.h"

#include <math.h>
#include <stdlib.h>

// One set of figures to write: sums, what may be said of them, and the sums to compare with.
struct figures {
    struct mer_kpi_sums sums;
    struct mer_kpi_status status;
    bool has_before;
    struct mer_kpi_sums before;
};

static void write_key(struct mer_buf *b, struct mer_slice key, bool first)
{
    if (!first)
        mer_buf_add_char(b, ',');
    mer_json_write_string(b, key);
    mer_buf_add_char(b, ':');
}

static void write_time(struct mer_buf *b, int64_t us)
{
    mer_buf_add_char(b, '"');
    mer_time_write_rfc3339(b, us);
    mer_buf_add_char(b, '"');
}

static void write_null(struct mer_buf *b)
{
    mer_buf_add_cstr(b, "null");
}

// us-east as US_EAST.
static void write_region(struct mer_buf *b, struct mer_slice region)
{
    mer_buf_add_char(b, '"');
    for (size_t i = 0; i < region.n; i++) {
        char c = region.p[i];
        mer_buf_add_char(b, c == '-' ? '_' : c >= 'a' && c <= 'z' ? (char)(c - 32) : c);
    }
    mer_buf_add_char(b, '"');
}

static void write_facility_id(struct mer_buf *b, const struct mer_kpi_facility *f)
{
    mer_buf_printf(b, "\"Facility~%.*s~%.*s~\"", MER_FMT(f->region), MER_FMT(f->code));
}

// ---- one value ----

struct value {
    const struct mer_kpi *kpi;
    bool known, has_value;
    mer_kpi_decimal numerator, denominator;
    double value;
    bool has_previous;
    double previous;
};

static struct value make_value(const struct mer_kpi_finishing *f, const struct mer_kpi *k,
                               const struct figures *g)
{
    struct value v = {.kpi = k, .known = !g->status.lost && mer_kpi_is_told(f, k, &g->sums)};
    v.has_value = mer_kpi_value(f, k, &g->sums, &v.numerator, &v.denominator, &v.value) && v.known;
    mer_kpi_decimal n, d;
    v.has_previous = g->has_before && mer_kpi_value(f, k, &g->before, &n, &d, &v.previous);
    return v;
}

// A sum is written with all its digits, a quotient as the nearest double.
static void write_number(struct mer_buf *b, const struct value *v)
{
    if (!v->has_value)
        write_null(b);
    else if (v->kpi->form != MER_KPI_RATIO || v->kpi->denominator.n || v->kpi->scale_num != 1 ||
             v->kpi->scale_den != 1)
        mer_json_write_double(b, v->value);
    else
        mer_kpi_decimal_write(b, v->numerator);
}

static void write_change(struct mer_buf *b, const struct value *v)
{
    if (v->has_value && v->has_previous && v->previous != 0)
        mer_json_write_double(b, 100 * (v->value - v->previous) / fabs(v->previous));
    else
        write_null(b);
}

static bool is_missing(const struct mer_kpi_status *s, uint32_t facility)
{
    for (uint32_t i = 0; i < s->missing_n; i++)
        if (s->missing[i] == facility)
            return true;
    return false;
}

// Facilities whose data is not there, and those of which this figure's components are not told.
static void write_missing(const struct mer_kpi_finishing *f, const struct mer_kpi *k, const struct figures *g)
{
    const struct mer_kpi_status *s = &g->status;
    const char *comma = "";
    mer_buf_add_char(f->out, '[');
    for (uint32_t i = 0; i < s->missing_n; i++, comma = ",") {
        mer_buf_add_cstr(f->out, comma);
        write_facility_id(f->out, &f->ask->facilities[s->missing[i]]);
    }
    for (uint32_t i = 0; i < g->sums.untold_n; i++) {
        const struct mer_kpi_untold *u = &g->sums.untold[i];
        if (!mer_kpi_untold_in(f, k, u->slots) || is_missing(s, u->facility))
            continue;
        mer_buf_add_cstr(f->out, comma);
        write_facility_id(f->out, &f->ask->facilities[u->facility]);
        comma = ",";
    }
    mer_buf_add_char(f->out, ']');
}

static void write_part_of_ratio(struct mer_buf *b, const struct value *v, mer_kpi_decimal part)
{
    if (v->known && v->kpi->denominator.n)
        mer_kpi_decimal_write(b, part);
    else
        write_null(b);
}

static void write_value_field(const struct mer_kpi_finishing *f, struct mer_slice name, const struct value *v,
                              const struct figures *g)
{
    struct mer_buf *b = f->out;
    if (mer_slice_is(name, "metric"))
        mer_json_write_string(b, v->kpi->metric);
    else if (mer_slice_is(name, "unit"))
        mer_json_write_string(b, v->kpi->unit);
    else if (mer_slice_is(name, "value"))
        write_number(b, v);
    else if (mer_slice_is(name, "numerator"))
        write_part_of_ratio(b, v, v->numerator);
    else if (mer_slice_is(name, "denominator"))
        write_part_of_ratio(b, v, v->denominator);
    else if (mer_slice_is(name, "target") && v->kpi->has_target)
        mer_buf_add(b, v->kpi->target);
    else if (mer_slice_is(name, "previous") && v->has_previous)
        mer_json_write_double(b, v->previous);
    else if (mer_slice_is(name, "changePct"))
        write_change(b, v);
    else if (mer_slice_is(name, "finality"))
        mer_buf_add_cstr(b, g->status.provisional || g->sums.provisional ? "\"PROVISIONAL\"" : "\"FINAL\"");
    else if (mer_slice_is(name, "asOf"))
        write_time(b, g->status.asof_us);
    else if (mer_slice_is(name, "missing"))
        write_missing(f, v->kpi, g);
    else if (mer_slice_is(name, "__typename"))
        mer_buf_add_cstr(b, "\"KpiValue\"");
    else
        write_null(b);
}

// [KpiValue!]! for the metrics asked, in their order.
static void write_values(const struct mer_kpi_finishing *f, const struct mer_fetch_field *field,
                         const struct figures *g)
{
    struct mer_buf *b = f->out;
    mer_buf_add_char(b, '[');
    for (uint32_t m = 0; m < f->ask->metrics_n; m++) {
        struct value v = make_value(f, f->ask->metrics[m], g);
        mer_buf_add_cstr(b, m ? ",{" : "{");
        for (uint32_t i = 0; i < field->children_n; i++) {
            write_key(b, field->children[i]->key, i == 0);
            write_value_field(f, field->children[i]->field->name, &v, g);
        }
        mer_buf_add_char(b, '}');
    }
    mer_buf_add_char(b, ']');
}

// ---- totals and series of a scope ----

static struct figures total_of(const struct mer_kpi_finishing *f, struct mer_kpi_scope s)
{
    const struct mer_kpi_range *r = &f->ask->range, *c = &f->ask->compare;
    struct figures g = {
        .sums = mer_kpi_sum_all(f, &f->now, s),
        .status = mer_kpi_status_of(f, &f->now, s, r->from_us, r->to_us),
    };
    if (f->ask->has_compare) {
        g.has_before = !mer_kpi_status_of(f, &f->before, s, c->from_us, c->to_us).lost;
        g.before = mer_kpi_sum_all(f, &f->before, s);
    }
    return g;
}

static struct mer_in *argument(const struct mer_kpi_finishing *f, const struct mer_fetch_field *field,
                               const char *name)
{
    struct mer_in **args = NULL;
    struct mer_in_error error;
    // mer_kpi_ask_make has coerced the same arguments without an error.
    if (mer_coerce_arguments(f->a, f->ask->schema, field->field->arguments, field->field->arguments_n,
                             field->arguments, field->arguments_n, f->ask->vars, &args, &error))
        return NULL;
    for (uint32_t i = 0; i < field->field->arguments_n; i++)
        if (mer_slice_is(field->field->arguments[i].name, name))
            return args[i] && args[i]->kind != MER_IN_NULL ? args[i] : NULL;
    return NULL;
}

static enum mer_kpi_grain grain_of(const struct mer_in *v)
{
    static const char *const names[] = {"HOUR", "DAY", "WEEK", "MONTH"};
    for (int i = 0; v && i < 4; i++)
        if (mer_slice_is(v->text, names[i]))
            return (enum mer_kpi_grain)(MER_KPI_HOUR + i);
    return MER_KPI_DAY;
}

static void write_series(const struct mer_kpi_finishing *f, const struct mer_fetch_field *field,
                         struct mer_kpi_scope s)
{
    int64_t *starts;
    struct mer_kpi_sums *sums;
    struct mer_buf *b = f->out;
    uint32_t n = mer_kpi_sum_buckets(f, s, grain_of(argument(f, field, "grain")), &starts, &sums);
    mer_buf_add_char(b, '[');
    for (uint32_t p = 0; p < n; p++) {
        int64_t end = p + 1 < n ? starts[p + 1] : f->ask->range.to_us;
        struct figures g = {.sums = sums[p], .status = mer_kpi_status_of(f, &f->now, s, starts[p], end)};
        mer_buf_add_cstr(b, p ? ",{" : "{");
        for (uint32_t i = 0; i < field->children_n; i++) {
            const struct mer_fetch_field *c = field->children[i];
            write_key(b, c->key, i == 0);
            if (mer_slice_is(c->field->name, "bucket"))
                write_time(b, starts[p]);
            else if (mer_slice_is(c->field->name, "values"))
                write_values(f, c, &g);
            else
                mer_buf_add_cstr(b, "\"KpiPoint\"");
        }
        mer_buf_add_char(b, '}');
    }
    mer_buf_add_char(b, ']');
}

// ---- groups ----

struct group {
    struct mer_kpi_scope scope;
    struct figures figures;
    bool has_value; // of the metric that orders
    double value;
};

static void write_facility(const struct mer_kpi_finishing *f, const struct mer_fetch_field *field,
                           uint32_t facility)
{
    struct mer_buf *b = f->out;
    mer_buf_add_char(b, '{');
    for (uint32_t i = 0; i < field->children_n; i++) {
        write_key(b, field->children[i]->key, i == 0);
        if (mer_slice_is(field->children[i]->field->name, "id"))
            write_facility_id(b, &f->ask->facilities[facility]);
        else
            mer_buf_add_cstr(b, "\"Facility\"");
    }
    mer_buf_add_char(b, '}');
}

static void write_group(const struct mer_kpi_finishing *f, const struct mer_fetch_field *field,
                        const struct group *g, bool is_facility)
{
    struct mer_buf *b = f->out;
    mer_buf_add_char(b, '{');
    for (uint32_t i = 0; i < field->children_n; i++) {
        const struct mer_fetch_field *c = field->children[i];
        write_key(b, c->key, i == 0);
        if (mer_slice_is(c->field->name, "region"))
            write_region(b, f->ask->facilities[g->scope.facilities[0]].region);
        else if (mer_slice_is(c->field->name, "totals"))
            write_values(f, c, &g->figures);
        else if (mer_slice_is(c->field->name, "series"))
            write_series(f, c, g->scope);
        else if (mer_slice_is(c->field->name, "__typename"))
            mer_buf_add_cstr(b, "\"KpiGroup\"");
        else if (mer_slice_is(c->field->name, "facility") && is_facility)
            write_facility(f, c, g->scope.facilities[0]);
        else
            write_null(b);
    }
    mer_buf_add_char(b, '}');
}

static void write_groups(const struct mer_kpi_finishing *f, const struct mer_fetch_field *field,
                         const struct group *groups, uint32_t n, bool facilities)
{
    mer_buf_add_char(f->out, '[');
    for (uint32_t i = 0; i < n; i++) {
        if (i)
            mer_buf_add_char(f->out, ',');
        write_group(f, field, &groups[i], facilities);
    }
    mer_buf_add_char(f->out, ']');
}

// Facilities stand by region already.
static void write_by_region(const struct mer_kpi_finishing *f, const struct mer_fetch_field *field,
                            struct mer_kpi_scope all)
{
    struct group *groups = MER_NEW_N(f->a, struct group, all.n + 1);
    uint32_t n = 0;
    for (uint32_t i = 0; i < all.n; i++) {
        const struct mer_kpi_facility *list = f->ask->facilities;
        bool same = i && mer_slice_eq(list[all.facilities[i]].region, list[all.facilities[i - 1]].region);
        if (!same)
            groups[n++].scope = (struct mer_kpi_scope){&all.facilities[i], 0};
        groups[n - 1].scope.n++;
    }
    for (uint32_t i = 0; i < n; i++)
        groups[i].figures = total_of(f, groups[i].scope);
    write_groups(f, field, groups, n, false);
}

static int ascending(const void *x, const void *y)
{
    const struct group *a = x, *b = y;
    if (a->has_value != b->has_value)
        return a->has_value ? -1 : 1;
    if (a->has_value && a->value != b->value)
        return a->value < b->value ? -1 : 1;
    // Facilities are numbered by region and code, so equal ones keep one order.
    return a->scope.facilities[0] < b->scope.facilities[0] ? -1 : 1;
}

static int descending(const void *x, const void *y)
{
    const struct group *a = x, *b = y;
    if (a->has_value && b->has_value && a->value != b->value)
        return a->value > b->value ? -1 : 1;
    return ascending(x, y);
}

static void write_by_facility(const struct mer_kpi_finishing *f, const struct mer_fetch_field *field,
                              struct mer_kpi_scope all)
{
    const struct mer_in *top = argument(f, field, "top"), *order = argument(f, field, "orderBy");
    const struct mer_in *dir = argument(f, field, "dir");
    const struct mer_kpi *k = order ? mer_kpi_find(f->ask->catalogue, order->text) : f->ask->metrics[0];
    struct group *groups = MER_NEW_N(f->a, struct group, all.n + 1);
    for (uint32_t i = 0; i < all.n; i++) {
        groups[i].scope = (struct mer_kpi_scope){&all.facilities[i], 1};
        groups[i].figures = total_of(f, groups[i].scope);
        struct value v = make_value(f, k, &groups[i].figures);
        groups[i].has_value = v.has_value;
        groups[i].value = v.value;
    }
    bool down = dir ? mer_slice_is(dir->text, "DESC") : !k->higher_is_better;
    if (all.n)
        qsort(groups, all.n, sizeof *groups, down ? descending : ascending);
    int64_t limit = all.n;
    if (top && (!mer_slice_to_i64(top->text, &limit) || limit > all.n))
        limit = all.n;
    write_groups(f, field, groups, (uint32_t)limit, true);
}

// ---- the field ----

static void write_range(const struct mer_kpi_finishing *f, const struct mer_fetch_field *field)
{
    struct mer_buf *b = f->out;
    mer_buf_add_char(b, '{');
    for (uint32_t i = 0; i < field->children_n; i++) {
        struct mer_slice name = field->children[i]->field->name;
        write_key(b, field->children[i]->key, i == 0);
        if (mer_slice_is(name, "__typename"))
            mer_buf_add_cstr(b, "\"Range\"");
        else
            write_time(b, mer_slice_is(name, "from") ? f->ask->range.from_us : f->ask->range.to_us);
    }
    mer_buf_add_char(b, '}');
}

static void write_incomplete(const struct mer_kpi_finishing *f, struct mer_kpi_scope all)
{
    struct mer_slice last = MER_NIL;
    bool first = true;
    mer_buf_add_char(f->out, '[');
    for (uint32_t i = 0; i < all.n; i++) {
        struct mer_slice region = f->ask->facilities[all.facilities[i]].region;
        if (!f->now.lost[all.facilities[i]] || mer_slice_eq(region, last))
            continue;
        if (!first)
            mer_buf_add_char(f->out, ',');
        write_region(f->out, region);
        last = region;
        first = false;
    }
    mer_buf_add_char(f->out, ']');
}

static void write_global(const struct mer_kpi_finishing *f, struct mer_kpi_scope all)
{
    const struct mer_fetch_field *field = f->ask->field;
    struct mer_buf *b = f->out;
    mer_buf_add_char(b, '{');
    for (uint32_t i = 0; i < field->children_n; i++) {
        const struct mer_fetch_field *c = field->children[i];
        struct mer_slice name = c->field->name;
        write_key(b, c->key, i == 0);
        if (mer_slice_is(name, "range")) {
            write_range(f, c);
        } else if (mer_slice_is(name, "totals")) {
            struct figures g = total_of(f, all);
            write_values(f, c, &g);
        } else if (mer_slice_is(name, "byRegion")) {
            write_by_region(f, c, all);
        } else if (mer_slice_is(name, "byFacility")) {
            write_by_facility(f, c, all);
        } else if (mer_slice_is(name, "series")) {
            write_series(f, c, all);
        } else if (mer_slice_is(name, "incompleteRegions")) {
            write_incomplete(f, all);
        } else if (mer_slice_is(name, "__typename")) {
            mer_buf_add_cstr(b, "\"GlobalKpis\"");
        } else {
            write_null(b); // dataFreshness: the gateway's
        }
    }
    mer_buf_add_char(b, '}');
}

void mer_kpi_write_field(const struct mer_kpi_finishing *f)
{
    uint32_t *list = MER_NEW_N(f->a, uint32_t, f->ask->facilities_n + 1), n = 0;
    for (uint32_t i = 0; i < f->ask->facilities_n; i++)
        if (f->now.expected[i])
            list[n++] = i;
    struct mer_kpi_scope all = {list, n};
    if (f->ask->kind == MER_KPI_OF_FACILITY) {
        struct figures g = total_of(f, all);
        write_values(f, f->ask->field, &g);
    } else {
        write_global(f, all);
    }
}
