// SPDX-License-Identifier: MIT
#include "resolvers/kpi/catalogue.h"

#include "base/buf.h"

#include <yaml.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

// Everything the reading of one file needs.
struct reader {
    struct mer_arena *a;
    yaml_document_t *doc;
    const char *file;
    struct mer_diag *diag;
    struct mer_kpi_catalogue *c;
};

static bool fail(struct reader *r, yaml_mark_t at, const char *fmt, ...) MER_PRINTF(3, 4);

static bool fail(struct reader *r, yaml_mark_t at, const char *fmt, ...)
{
    char what[260];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    uint32_t line = (uint32_t)at.line + 1, column = (uint32_t)at.column + 1;
    (void)mer_diag_at(r->diag, MER_ERR_INVALID, line, column, "%s:%u:%u: %s", r->file, line, column, what);
    return false;
}

static yaml_node_t *node_of(struct reader *r, int id)
{
    return yaml_document_get_node(r->doc, id);
}

static struct mer_slice text_of(const yaml_node_t *n)
{
    return (struct mer_slice){(const char *)n->data.scalar.value, n->data.scalar.length};
}

// ---- mappings by tables of keys ----

// Values of a mapping by the keys of a NULL-terminated list; NULL where absent.
static bool read_keys(struct reader *r, yaml_node_t *map, const char *const *keys, yaml_node_t **out)
{
    if (map->type != YAML_MAPPING_NODE)
        return fail(r, map->start_mark, "a mapping is wanted here");
    for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
        yaml_node_t *key = node_of(r, p->key);
        size_t i = 0;
        while (keys[i] && !(key->type == YAML_SCALAR_NODE && mer_slice_is(text_of(key), keys[i])))
            i++;
        if (!keys[i]) {
            char allowed[180] = "";
            for (size_t k = 0; keys[k]; k++) {
                size_t n = strlen(allowed);
                snprintf(allowed + n, sizeof allowed - n, "%s%s", k ? ", " : "", keys[k]);
            }
            return fail(r, key->start_mark, "unknown key; allowed are %s", allowed);
        }
        if (out[i])
            return fail(r, key->start_mark, "%s stands here twice", keys[i]);
        out[i] = node_of(r, p->value);
    }
    return true;
}

static bool want_text(struct reader *r, yaml_node_t *owner, yaml_node_t *n, const char *key,
                      struct mer_slice *out)
{
    if (!n)
        return fail(r, owner->start_mark, "%s is missing", key);
    if (n->type != YAML_SCALAR_NODE || text_of(n).n == 0)
        return fail(r, n->start_mark, "%s must be a text", key);
    *out = mer_arena_copy(r->a, text_of(n));
    return true;
}

// One of two words; the first when absent.
static bool want_choice(struct reader *r, yaml_node_t *n, const char *first, const char *second,
                        bool *is_second)
{
    *is_second = false;
    if (!n)
        return true;
    if (n->type == YAML_SCALAR_NODE && mer_slice_is(text_of(n), second))
        *is_second = true;
    else if (n->type != YAML_SCALAR_NODE || !mer_slice_is(text_of(n), first))
        return fail(r, n->start_mark, "allowed are %s and %s", first, second);
    return true;
}

// Names become SQL identifiers and GraphQL names: nothing but letters, digits and '_' may stand in them.
static bool is_name(struct mer_slice s, char first, char last)
{
    if (s.n == 0 || s.n > 60 || s.p[0] < first || s.p[0] > last)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= first && s.p[i] <= last) || (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '_'))
            return false;
    return true;
}

typedef bool entry_fn(struct reader *r, struct mer_slice name, yaml_node_t *key, yaml_node_t *value);

// Walks a section's entries, whose keys are names in letters of [first, last].
static bool each_entry(struct reader *r, yaml_node_t *section, char first, entry_fn *fn)
{
    if (section->type != YAML_MAPPING_NODE)
        return fail(r, section->start_mark, "a mapping is wanted here");
    char last = first == 'A' ? 'Z' : 'z';
    for (yaml_node_pair_t *p = section->data.mapping.pairs.start; p < section->data.mapping.pairs.top; p++) {
        yaml_node_t *key = node_of(r, p->key);
        if (key->type != YAML_SCALAR_NODE || !is_name(text_of(key), first, last))
            return fail(r, key->start_mark, "a name must be letters %c-%c, digits and _", first, last);
        if (!fn(r, mer_arena_copy(r->a, text_of(key)), key, node_of(r, p->value)))
            return false;
    }
    return true;
}

static uint32_t entries_n(const yaml_node_t *map)
{
    if (map->type != YAML_MAPPING_NODE)
        return 0;
    return (uint32_t)(map->data.mapping.pairs.top - map->data.mapping.pairs.start);
}

// ---- sources ----

// The keys that tell what kind a source is, in the order of enum mer_kpi_source_kind.
static const struct {
    int begin, end; // places in the table of keys; end 0: it has none
} source_kinds[] = {{2, 0}, {3, 4}, {5, 6}, {7, 0}};

static bool read_source_kind(struct reader *r, yaml_node_t *value, yaml_node_t *const *v,
                             const char *const *keys, struct mer_kpi_source *s)
{
    int kinds = 0;
    for (int i = 0; i < 4; i++) {
        int begin = source_kinds[i].begin, end = source_kinds[i].end;
        if (v[begin] || (end && v[end])) {
            s->kind = (enum mer_kpi_source_kind)i;
            kinds++;
        }
    }
    if (kinds != 1)
        return fail(r, value->start_mark,
                    "exactly one of at, start and end, opened and closed, moved is wanted");
    int begin = source_kinds[s->kind].begin, end = source_kinds[s->kind].end;
    if (!want_text(r, value, v[begin], keys[begin], &s->begin) ||
        (end && !want_text(r, value, v[end], keys[end], &s->end)))
        return false;
    struct mer_slice *const balance[] = {&s->of, &s->amount, &s->worth};
    for (int i = 0; i < 3; i++) {
        if (s->kind != MER_KPI_BALANCE && v[8 + i])
            return fail(r, v[8 + i]->start_mark, "%s goes with moved alone", keys[8 + i]);
        if (s->kind == MER_KPI_BALANCE && !want_text(r, value, v[8 + i], keys[8 + i], balance[i]))
            return false;
    }
    return true;
}

static bool read_source(struct reader *r, struct mer_slice name, yaml_node_t *key, yaml_node_t *value)
{
    static const char *const keys[] = {"from",  "row", "at",     "start", "end",   "opened", "closed",
                                       "moved", "of",  "amount", "worth", "where", NULL};
    yaml_node_t *v[12] = {NULL};
    if (!read_keys(r, value, keys, v))
        return false;
    struct mer_kpi_source *s = &r->c->sources[r->c->sources_n];
    *s = (struct mer_kpi_source){.name = name, .index = r->c->sources_n};
    if (!want_text(r, value, v[0], "from", &s->from) || !want_text(r, value, v[1], "row", &s->row))
        return false;
    if (!is_name(s->row, 'a', 'z'))
        return fail(r, v[1]->start_mark, "row must be an alias of `from`");
    if (!read_source_kind(r, value, v, keys, s) || (v[11] && !want_text(r, value, v[11], "where", &s->where)))
        return false;
    if (!mer_map_add(&r->c->sources_by_name, name, s))
        return fail(r, key->start_mark, "source %.*s stands here twice", MER_FMT(name));
    r->c->sources_n++;
    return true;
}

// ---- components ----

static bool holds(struct mer_slice text, const char *needle)
{
    return memmem(text.p, text.n, needle, strlen(needle)) != NULL;
}

// Columns that the tables have besides components.
static bool is_reserved(struct mer_slice name)
{
    static const char *const reserved[] = {"tenant_id",    "facility_id", "region",       "hour",
                                           "day",          "day_kind",    "finality",     "revision",
                                           "source_env",   "as_of",       "rows_seen",    "computed_at",
                                           "source_epoch", "hours_n",     "hours_final_n"};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (mer_slice_is(name, reserved[i]))
            return true;
    return false;
}

static bool is_sql_type(struct mer_slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') || strchr("(), ", s.p[i])))
            return false;
    return mer_slice_is(s, "int") || mer_slice_is(s, "bigint") || mer_slice_starts(s, MER_S("numeric"));
}

// What stands in braces in a value needs a source of the kind that tells it.
static bool check_braces(struct reader *r, const struct mer_kpi_component *c, yaml_node_t *value)
{
    static const struct {
        const char *name;
        enum mer_kpi_source_kind kind;
        const char *wants;
    } braces[] = {
        {"{seconds}", MER_KPI_INTERVAL, "start and end"},
        {"{end}", MER_KPI_STATE, "opened and closed"},
    };
    for (size_t i = 0; i < sizeof braces / sizeof *braces; i++)
        if (holds(c->value, braces[i].name) && c->source->kind != braces[i].kind)
            return fail(r, value->start_mark, "%s needs a source with %s", braces[i].name, braces[i].wants);
    return true;
}

// How it combines follows from what it is; `combine` says it of numbers once more, for those who read.
static bool read_combine(struct reader *r, yaml_node_t *owner, yaml_node_t *n, struct mer_kpi_component *c)
{
    bool last, gauge = c->source->kind == MER_KPI_STATE || c->source->kind == MER_KPI_BALANCE;
    if (c->shape != MER_KPI_NUMBER) {
        c->combine = c->shape == MER_KPI_SKETCH ? MER_KPI_MAX : MER_KPI_SUM;
        if (n)
            return fail(r, n->start_mark, "only numbers have a combine");
        return c->source->kind == MER_KPI_EVENT ||
               fail(r, owner->start_mark, "a %.*s needs a source with at", MER_FMT(c->type));
    }
    if (!want_choice(r, n, "sum", "last", &last))
        return false;
    c->combine = last ? MER_KPI_LAST : MER_KPI_SUM;
    return last == gauge ||
           fail(r, owner->start_mark,
                "combine: last goes with a source of opened and closed or of moved, and only "
                "with those");
}

static bool read_least(struct reader *r, yaml_node_t *n, struct mer_kpi_component *c)
{
    int64_t least = 0;
    if (!n)
        return true;
    if (c->shape != MER_KPI_SKETCH)
        return fail(r, n->start_mark, "least goes with a sketch alone");
    if (n->type != YAML_SCALAR_NODE || !mer_slice_to_i64(text_of(n), &least) || least < 2 || least > 1000)
        return fail(r, n->start_mark, "least must be a number from 2 to 1000");
    c->least = (uint32_t)least;
    return true;
}

static bool read_shape(struct reader *r, yaml_node_t *n, struct mer_kpi_component *c)
{
    static const char *const shapes[] = {NULL, "sketch", "histogram", "slots"};
    for (int i = MER_KPI_SKETCH; i <= MER_KPI_SLOTS; i++)
        if (mer_slice_is(c->type, shapes[i]))
            c->shape = (enum mer_kpi_shape)i;
    return c->shape != MER_KPI_NUMBER || is_sql_type(c->type) ||
           fail(r, n->start_mark, "type must be int, bigint or numeric(…), sketch, histogram or slots");
}

static bool read_component(struct reader *r, struct mer_slice name, yaml_node_t *key, yaml_node_t *value)
{
    static const char *const keys[] = {"type", "source", "value", "combine", "least", NULL};
    yaml_node_t *v[5] = {NULL};
    if (is_reserved(name))
        return fail(r, key->start_mark, "%.*s is a column of its own", MER_FMT(name));
    if (!read_keys(r, value, keys, v))
        return false;
    struct mer_kpi_component *c = &r->c->components[r->c->components_n];
    *c = (struct mer_kpi_component){.name = name, .index = r->c->components_n};
    struct mer_slice source;
    if (!want_text(r, value, v[0], "type", &c->type) || !want_text(r, value, v[1], "source", &source) ||
        !want_text(r, value, v[2], "value", &c->value) || !read_shape(r, v[0], c))
        return false;
    // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage)
    c->source = mer_map_get(&r->c->sources_by_name, source);
    if (!c->source)
        return fail(r, v[1]->start_mark, "there is no source %.*s", MER_FMT(source));
    if (!check_braces(r, c, v[2]) || !read_combine(r, value, v[3], c) || !read_least(r, v[4], c))
        return false;
    if (c->shape != MER_KPI_NUMBER)
        c->type = MER_S("jsonb");
    if (!mer_map_add(&r->c->components_by_name, name, c))
        return fail(r, key->start_mark, "component %.*s stands here twice", MER_FMT(name));
    r->c->components_n++;
    return true;
}

// ---- KPIs ----

// `a + b - c`
static bool read_sum(struct reader *r, yaml_node_t *n, struct mer_kpi_sum *out, uint64_t *components)
{
    struct mer_slice rest = text_of(n);
    out->terms = MER_NEW_N(r->a, struct mer_kpi_term, rest.n / 2 + 1);
    int sign = 1;
    bool want_name = true;
    size_t i = 0;
    while (i < rest.n) {
        char ch = rest.p[i];
        if (ch == ' ' || ch == '\n') {
            i++;
            continue;
        }
        if (!want_name) {
            if (ch != '+' && ch != '-')
                return fail(r, n->start_mark, "+ or - is wanted between components");
            sign = ch == '+' ? 1 : -1;
            want_name = true;
            i++;
            continue;
        }
        size_t start = i;
        while (i < rest.n && !strchr(" \n+-", rest.p[i]))
            i++;
        struct mer_slice name = {rest.p + start, i - start};
        const struct mer_kpi_component *c = mer_map_get(&r->c->components_by_name, name);
        if (!c)
            return fail(r, n->start_mark, "there is no component %.*s", (int)(name.n > 60 ? 60 : name.n),
                        name.p);
        if (c->shape != MER_KPI_NUMBER)
            return fail(r, n->start_mark, "%.*s is no number to add", MER_FMT(name));
        out->terms[out->n++] = (struct mer_kpi_term){c->index, sign};
        *components |= 1ull << c->index;
        want_name = false;
    }
    return !want_name || fail(r, n->start_mark, "a component is missing");
}

static bool read_ratio(struct reader *r, yaml_node_t *owner, yaml_node_t *const *v, struct mer_kpi *k)
{
    yaml_node_t *value = v[0], *numerator = v[1], *denominator = v[2];
    if (value ? (numerator || denominator) : (!numerator || !denominator))
        return fail(r, owner->start_mark, "either value, or numerator and denominator are wanted");
    for (int i = 0; i < 3; i++)
        if (v[i] && v[i]->type != YAML_SCALAR_NODE)
            return fail(r, v[i]->start_mark, "a sum of components is wanted");
    if (!read_sum(r, value ? value : numerator, &k->numerator, &k->components))
        return false;
    return value || read_sum(r, denominator, &k->denominator, &k->components);
}

// `distinct: SKETCH`, `peak: SLOTS`, or `percentile: 95` and `of: HISTOGRAM`; v begins at the first of them.
static bool read_formula(struct reader *r, yaml_node_t *owner, yaml_node_t *const *v, struct mer_kpi *k)
{
    static const enum mer_kpi_shape shapes[] = {MER_KPI_NUMBER, MER_KPI_SKETCH, MER_KPI_HISTOGRAM,
                                                MER_KPI_SLOTS};
    yaml_node_t *distinct = v[3], *percentile = v[4], *of = v[5], *peak = v[6];
    yaml_node_t *name = distinct ? distinct : peak ? peak : of;
    int64_t percent = 0;
    if (!name && !percentile)
        return read_ratio(r, owner, v, k);
    if (v[0] || v[1] || v[2] || (distinct != NULL) + (peak != NULL) + (percentile != NULL) != 1 ||
        (percentile == NULL) != (of == NULL))
        return fail(r, owner->start_mark,
                    "one of value, numerator and denominator, distinct, percentile and of, peak is wanted");
    k->form = distinct ? MER_KPI_DISTINCT : peak ? MER_KPI_PEAK : MER_KPI_PERCENTILE;
    if (percentile && (percentile->type != YAML_SCALAR_NODE ||
                       !mer_slice_to_i64(text_of(percentile), &percent) || percent < 1 || percent > 99))
        return fail(r, percentile->start_mark, "percentile must be a number from 1 to 99");
    k->percent = (uint32_t)percent;
    const struct mer_kpi_component *c =
        name->type == YAML_SCALAR_NODE ? mer_map_get(&r->c->components_by_name, text_of(name)) : NULL;
    if (!c || c->shape != shapes[k->form])
        return fail(r, name->start_mark, "there is no such component of the kind that this needs");
    k->map = c->index;
    k->components |= 1ull << c->index;
    return true;
}

static bool read_scale(struct reader *r, yaml_node_t *n, struct mer_kpi *k)
{
    k->scale_num = k->scale_den = 1;
    if (!n)
        return true;
    struct mer_slice den = n->type == YAML_SCALAR_NODE ? text_of(n) : MER_NIL;
    struct mer_slice num = mer_slice_cut(&den, '/');
    if (!mer_slice_to_i64(num, &k->scale_num) || k->scale_num < 1 ||
        (den.n && (!mer_slice_to_i64(den, &k->scale_den) || k->scale_den < 1)))
        return fail(r, n->start_mark, "scale must be a whole number or a fraction of two");
    return true;
}

// A plain decimal, which is a JSON number as it stands.
static bool is_decimal(struct mer_slice s)
{
    size_t i = 0, digits = 0;
    if (i < s.n && s.p[i] == '-')
        i++;
    if (s.n > 20 || (i + 1 < s.n && s.p[i] == '0' && s.p[i + 1] != '.'))
        return false;
    for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        digits++;
    if (digits == 0 || i == s.n)
        return digits > 0;
    if (s.p[i++] != '.' || i == s.n)
        return false;
    for (; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return true;
}

static bool read_kpi(struct reader *r, struct mer_slice name, yaml_node_t *key, yaml_node_t *value)
{
    static const char *const keys[] = {"value",  "numerator", "denominator", "distinct", "percentile",
                                       "of",     "peak",      "label",       "unit",     "scale",
                                       "target", "better",    NULL};
    yaml_node_t *v[12] = {NULL};
    if (!read_keys(r, value, keys, v))
        return false;
    struct mer_kpi *k = &r->c->kpis[r->c->kpis_n];
    *k = (struct mer_kpi){.metric = name, .index = r->c->kpis_n};
    if (!want_text(r, value, v[7], "label", &k->label) || !want_text(r, value, v[8], "unit", &k->unit) ||
        !read_formula(r, value, v, k) || !read_scale(r, v[9], k))
        return false;
    if (v[10]) {
        if (!want_text(r, value, v[10], "target", &k->target))
            return false;
        if (!is_decimal(k->target))
            return fail(r, v[10]->start_mark, "target must be a number");
        k->has_target = true;
    }
    bool lower;
    if (!v[11])
        return fail(r, value->start_mark, "better is missing");
    if (!want_choice(r, v[11], "higher", "lower", &lower))
        return false;
    k->higher_is_better = !lower;
    if (!mer_map_add(&r->c->kpis_by_metric, name, k))
        return fail(r, key->start_mark, "KPI %.*s stands here twice", MER_FMT(name));
    r->c->kpis_n++;
    return true;
}

// ---- the whole ----

static bool read_catalogue(struct reader *r, yaml_node_t *root)
{
    static const char *const keys[] = {"version", "sources", "components", "kpis", NULL};
    yaml_node_t *v[4] = {NULL};
    if (!read_keys(r, root, keys, v))
        return false;
    for (int i = 0; i < 4; i++)
        if (!v[i])
            return fail(r, root->start_mark, "%s is missing", keys[i]);
    if (v[0]->type != YAML_SCALAR_NODE || !mer_slice_is(text_of(v[0]), "1"))
        return fail(r, v[0]->start_mark, "version must be 1");
    if (entries_n(v[2]) > MER_KPI_COMPONENTS_MAX)
        return fail(r, v[2]->start_mark, "at most %d components", MER_KPI_COMPONENTS_MAX);
    struct mer_kpi_catalogue *c = r->c;
    c->sources = MER_NEW_N(r->a, struct mer_kpi_source, entries_n(v[1]) + 1);
    c->components = MER_NEW_N(r->a, struct mer_kpi_component, entries_n(v[2]) + 1);
    c->kpis = MER_NEW_N(r->a, struct mer_kpi, entries_n(v[3]) + 1);
    mer_map_init(&c->sources_by_name, r->a);
    mer_map_init(&c->components_by_name, r->a);
    mer_map_init(&c->kpis_by_metric, r->a);
    return each_entry(r, v[1], 'a', read_source) && each_entry(r, v[2], 'a', read_component) &&
           each_entry(r, v[3], 'A', read_kpi);
}

enum mer_err mer_kpi_catalogue_parse(struct mer_arena *a, struct mer_slice text, const char *file,
                                     struct mer_kpi_catalogue **out, struct mer_diag *diag)
{
    yaml_parser_t parser;
    yaml_document_t doc;
    struct mer_diag ignored;
    struct reader r = {.a = a, .doc = &doc, .file = file, .diag = diag ? diag : &ignored};
    if (!yaml_parser_initialize(&parser))
        return mer_diag_set(diag, MER_ERR_LIMIT, "%s: no memory for the YAML parser", file);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.p, text.n);
    bool good = false;
    if (!yaml_parser_load(&parser, &doc)) {
        fail(&r, parser.problem_mark, "%s", parser.problem ? parser.problem : "not YAML");
    } else {
        yaml_node_t *root = yaml_document_get_root_node(&doc);
        r.c = MER_NEW(a, struct mer_kpi_catalogue);
        good = root ? read_catalogue(&r, root) : fail(&r, (yaml_mark_t){0, 0, 0}, "the file is empty");
        yaml_document_delete(&doc);
    }
    yaml_parser_delete(&parser);
    *out = good ? r.c : NULL;
    return good ? MER_OK : MER_ERR_INVALID;
}

enum mer_err mer_kpi_catalogue_load(struct mer_arena *a, const char *path, struct mer_kpi_catalogue **out,
                                    struct mer_diag *diag)
{
    *out = NULL;
    FILE *f = fopen(path, "re");
    if (!f)
        return mer_diag_set(diag, MER_ERR_IO, "%s: %s", path, strerror(errno));
    struct mer_buf text;
    mer_buf_init(&text, a, 16384);
    size_t n;
    do {
        n = fread(mer_buf_reserve(&text, 16384), 1, 16384, f);
        text.n += n;
    } while (n > 0);
    bool bad = ferror(f) != 0;
    fclose(f);
    if (bad)
        return mer_diag_set(diag, MER_ERR_IO, "%s: %s", path, strerror(errno));
    return mer_kpi_catalogue_parse(a, mer_buf_slice(&text), path, out, diag);
}

enum mer_err mer_kpi_catalogue_check_schema(const struct mer_kpi_catalogue *c, const struct mer_schema *s,
                                            struct mer_diag *diag)
{
    const struct mer_type *metric = mer_schema_type(s, MER_S("Metric"));
    if (!metric || metric->kind != MER_TYPE_ENUM)
        return mer_diag_set(diag, MER_ERR_INVALID, "the schema has no enum Metric");
    for (uint32_t i = 0; i < metric->values_n; i++)
        if (!mer_kpi_find(c, metric->values[i].name))
            return mer_diag_set(diag, MER_ERR_INVALID, "Metric.%.*s is not in the catalogue of KPIs",
                                MER_FMT(metric->values[i].name));
    for (uint32_t k = 0; k < c->kpis_n; k++) {
        bool found = false;
        for (uint32_t i = 0; i < metric->values_n && !found; i++)
            found = mer_slice_eq(metric->values[i].name, c->kpis[k].metric);
        if (!found)
            return mer_diag_set(diag, MER_ERR_INVALID, "KPI %.*s is missing in the schema's enum Metric",
                                MER_FMT(c->kpis[k].metric));
    }
    return MER_OK;
}

const struct mer_kpi *mer_kpi_find(const struct mer_kpi_catalogue *c, struct mer_slice metric)
{
    return mer_map_get(&c->kpis_by_metric, metric);
}

const struct mer_kpi_component *mer_kpi_component_find(const struct mer_kpi_catalogue *c,
                                                       struct mer_slice name)
{
    return mer_map_get(&c->components_by_name, name);
}
