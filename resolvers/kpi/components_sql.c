// SPDX-License-Identifier: MIT
#include "resolvers/kpi/components_sql.h"

#include "base/log.h"
#include "base/time.h"

#include <stdio.h>

// This query's own parameters as they stand in the text, each with its cast ("$2::timestamptz").
struct places {
    char facilities[24], from[24], to[24], now[24], tenant[24]; // tenant "": every tenant
};

// Copies a fragment of the catalogue and puts `with` where {name} stands.
static void add_fragment(struct mer_buf *b, struct mer_slice text, const char *name, struct mer_slice with)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < text.n;) {
        if (text.n - i >= n && memcmp(text.p + i, name, n) == 0) {
            mer_buf_add(b, with);
            i += n;
        } else {
            mer_buf_add_char(b, text.p[i++]);
        }
    }
}

static bool is_used(const struct mer_kpi_raw *raw, const struct mer_kpi_source *s)
{
    for (uint32_t i = 0; i < raw->catalogue->components_n; i++)
        if ((raw->components >> i & 1) && raw->catalogue->components[i].source == s)
            return true;
    return false;
}

// What {seconds} and {end} stand for in a source's values. h is the hour's alias; the arena keeps the text.
static struct mer_slice placeholder(struct mer_arena *a, const struct mer_kpi_source *s,
                                    const struct places *at)
{
    if (s->kind == MER_KPI_INTERVAL)
        return mer_arena_printf(a,
                                "extract(epoch FROM least(coalesce(%.*s, %s), x.h + interval '1 hour')"
                                " - greatest(%.*s, x.h))",
                                MER_FMT(s->end), at->now, MER_FMT(s->begin));
    return mer_arena_printf(a, "least(x.h + interval '1 hour', %s)", at->now);
}

static void add_values(struct mer_buf *b, const struct mer_kpi_raw *raw, const struct mer_kpi_source *s,
                       const struct places *at, struct mer_arena *a)
{
    struct mer_slice with = placeholder(a, s, at);
    for (uint32_t i = 0; i < raw->catalogue->components_n; i++) {
        const struct mer_kpi_component *c = &raw->catalogue->components[i];
        if (!(raw->components >> i & 1))
            continue;
        mer_buf_add_cstr(b, ", ");
        if (c->source == s && c->shape == MER_KPI_NUMBER)
            add_fragment(b, c->value, s->kind == MER_KPI_INTERVAL ? "{seconds}" : "{end}", with);
        else
            mer_buf_add_cstr(b, "NULL");
    }
}

// FROM and the hours that each row counts in, as x.h; `more` is joined to it.
static void add_hours(struct mer_buf *b, const struct mer_kpi_source *s, const struct places *at,
                      struct mer_slice more)
{
    mer_buf_printf(b, "\n  FROM %.*s%.*s CROSS JOIN LATERAL ", MER_FMT(s->from), MER_FMT(more));
    switch (s->kind) {
    case MER_KPI_EVENT:
        mer_buf_printf(b, "(SELECT date_trunc('hour', %.*s, 'UTC') AS h) x\n  WHERE %.*s >= %s AND %.*s < %s",
                       MER_FMT(s->begin), MER_FMT(s->begin), at->from, MER_FMT(s->begin), at->to);
        break;
    case MER_KPI_INTERVAL:
        mer_buf_printf(b,
                       "generate_series(date_trunc('hour', greatest(%.*s, %s), 'UTC'),"
                       " least(coalesce(%.*s, %s), %s) - interval '1 microsecond', interval '1 hour') x(h)\n",
                       MER_FMT(s->begin), at->from, MER_FMT(s->end), at->now, at->to);
        mer_buf_printf(b, "  WHERE %.*s < %s AND coalesce(%.*s, %s) > greatest(%.*s, %s)", MER_FMT(s->begin),
                       at->to, MER_FMT(s->end), at->now, MER_FMT(s->begin), at->from);
        break;
    case MER_KPI_STATE:
        mer_buf_printf(
            b,
            "generate_series(date_trunc('hour', greatest(%.*s, %s), 'UTC'),"
            " least(date_trunc('hour', %.*s, 'UTC'), %s) - interval '1 hour', interval '1 hour') x(h)\n",
            MER_FMT(s->begin), at->from, MER_FMT(s->end), at->to);
        mer_buf_printf(b, "  WHERE %.*s < %s AND coalesce(%.*s >= %s, true)", MER_FMT(s->begin), at->to,
                       MER_FMT(s->end), at->from);
        break;
    case MER_KPI_BALANCE: // all hours of every balance: add_balance
        break;
    }
}

static void add_where(struct mer_buf *b, const struct mer_kpi_source *s, const char *from)
{
    if (!s->where.n)
        return;
    mer_buf_add_cstr(b, " AND (");
    add_fragment(b, s->where, "{from}", mer_slice_of(from));
    mer_buf_add_char(b, ')');
}

// A test build leaves it to row-level security (postgres/sql.h), which must do alone.
static void add_owner(struct mer_buf *b, const struct places *at, struct mer_slice row)
{
    if (at->tenant[0]) {
#ifdef MER_TEST_NO_TENANT_PREDICATE
        (void)row;
        mer_buf_printf(b, " AND %s IS NOT NULL", at->tenant);
#else
        mer_buf_printf(b, " AND %.*s.tenant_id = %s", MER_FMT(row), at->tenant);
#endif
    }
}

// The filters that every arm has: whose rows, and the source's own.
static void add_filters(struct mer_buf *b, const struct mer_kpi_source *s, const struct places *at)
{
    mer_buf_printf(b, " AND %.*s.facility_id = ANY (%s)", MER_FMT(s->row), at->facilities);
    add_owner(b, at, s->row);
    add_where(b, s, at->from);
}

// Balances at the end of each hour: what moved before the first hour is one opening amount; a balance that
// never moved yet is none, so that an hour is the same hour whichever hours are asked with it.
static void add_balance(struct mer_buf *b, const struct mer_kpi_raw *raw, const struct mer_kpi_source *s,
                        const struct places *at, struct mer_arena *a)
{
    mer_buf_add_cstr(b, "\n  UNION ALL\n  SELECT b.tenant_id, b.facility_id, b.h, sum(b.n)::bigint");
    add_values(b, raw, s, at, a);
    mer_buf_printf(
        b,
        "\n  FROM (WITH m AS (SELECT %.*s.tenant_id, %.*s.facility_id, %.*s AS k,"
        " CASE WHEN %.*s < %s THEN %s - interval '1 hour' ELSE date_trunc('hour', %.*s, 'UTC') END AS h,"
        " sum(%.*s) AS amount, sum(%.*s) AS worth, count(*) FILTER (WHERE %.*s >= %s) AS n\n",
        MER_FMT(s->row), MER_FMT(s->row), MER_FMT(s->of), MER_FMT(s->begin), at->from, at->from,
        MER_FMT(s->begin), MER_FMT(s->amount), MER_FMT(s->worth), MER_FMT(s->begin), at->from);
    mer_buf_printf(b, "    FROM %.*s WHERE %.*s < %s", MER_FMT(s->from), MER_FMT(s->begin), at->to);
    add_filters(b, s, at);
    mer_buf_printf(
        b,
        " GROUP BY 1, 2, 3, 4)\n"
        "    SELECT k.tenant_id, k.facility_id, x.h, coalesce(m.n, 0) AS n, sum(m.amount) OVER w AS "
        "balance, sum(m.worth) OVER w AS worth, count(m.h) OVER w AS moves\n"
        "    FROM (SELECT DISTINCT tenant_id, facility_id, k FROM m) k\n"
        "    CROSS JOIN generate_series(%s - interval '1 hour', %s - interval '1 hour',"
        " interval '1 hour') x(h)\n"
        "    LEFT JOIN m USING (tenant_id, facility_id, k, h)\n"
        "    WINDOW w AS (PARTITION BY k.tenant_id, k.facility_id, k.k ORDER BY x.h)) b\n"
        "  WHERE b.moves > 0 AND b.h >= %s\n  GROUP BY 1, 2, 3",
        at->from, at->to, at->from);
}

static void add_source(struct mer_buf *b, const struct mer_kpi_raw *raw, const struct mer_kpi_source *s,
                       const struct places *at, struct mer_arena *a)
{
    if (s->kind == MER_KPI_BALANCE) {
        add_balance(b, raw, s, at, a);
        return;
    }
    mer_buf_printf(b, "\n  UNION ALL\n  SELECT %.*s.tenant_id, %.*s.facility_id, x.h, count(*)",
                   MER_FMT(s->row), MER_FMT(s->row));
    add_values(b, raw, s, at, a);
    add_hours(b, s, at, MER_NIL);
    add_filters(b, s, at);
    mer_buf_add_cstr(b, "\n  GROUP BY 1, 2, 3");
}

// ---- maps ----

// A sketch's hash must be the same wherever and whenever it is made, for it is merged with others over years:
// 12 bits of a SHA-256 are the register, the place of the first one among the next 52 is its rank.
static struct mer_slice hash_of(struct mer_arena *a, const struct mer_kpi_component *c)
{
    if (c->shape != MER_KPI_SKETCH)
        return MER_NIL;
    return mer_arena_printf(
        a,
        " CROSS JOIN LATERAL (SELECT encode(sha256(convert_to(%.*s.tenant_id || '/' || (%.*s),"
        " 'UTF8')), 'hex') AS hex) y",
        MER_FMT(c->source->row), MER_FMT(c->value));
}

// A row's place in the map, and what stands there.
static void add_map_entry(struct mer_buf *b, const struct mer_kpi_component *c)
{
    const struct mer_kpi_source *s = c->source;
    switch (c->shape) {
    case MER_KPI_NUMBER:
        break;
    case MER_KPI_SKETCH:
        mer_buf_printf(
            b, "('x' || substr(y.hex, 1, 3))::bit(12)::int AS k,"
               " max(coalesce(nullif(position('1' IN ('x' || substr(y.hex, 4, 13))::bit(52)::text), 0), "
               "53)) AS v");
        break;
    case MER_KPI_HISTOGRAM:
        mer_buf_printf(b, "ceil(ln(greatest((%.*s)::float8, 1)) / ln(%.2f::float8))::int AS k, count(*) AS v",
                       MER_FMT(c->value), MER_KPI_GROWTH);
        break;
    case MER_KPI_SLOTS:
        mer_buf_printf(b, "floor(extract(epoch FROM %.*s) / %d)::bigint AS k, %.*s AS v", MER_FMT(s->begin),
                       MER_KPI_SLOT_S, MER_FMT(c->value));
        break;
    }
}

static void add_map(struct mer_buf *b, const struct mer_kpi_raw *raw, const struct mer_kpi_component *c,
                    const struct places *at, struct mer_arena *a)
{
    const struct mer_kpi_source *s = c->source;
    mer_buf_add_cstr(b, "\n  UNION ALL\n  SELECT m.tenant_id, m.facility_id, m.h, 0::bigint");
    for (uint32_t i = 0; i < raw->catalogue->components_n; i++)
        if (raw->components >> i & 1)
            mer_buf_add_cstr(b, i == c->index ? ", jsonb_object_agg(m.k, m.v)" : ", NULL");
    mer_buf_printf(b, "\n  FROM (SELECT %.*s.tenant_id, %.*s.facility_id, x.h, ", MER_FMT(s->row),
                   MER_FMT(s->row));
    add_map_entry(b, c);
    add_hours(b, s, at, hash_of(a, c));
    add_filters(b, s, at);
    if (c->shape != MER_KPI_SLOTS)
        mer_buf_printf(b, " AND (%.*s) IS NOT NULL", MER_FMT(c->value));
    mer_buf_add_cstr(b, "\n  GROUP BY 1, 2, 3, 4) m GROUP BY 1, 2, 3");
}

void mer_kpi_add_merged(struct mer_buf *b, const struct mer_kpi_component *c, const char *of)
{
    int n = (int)c->name.n;
    const char *name = c->name.p;
    MER_ASSERT(c->combine != MER_KPI_LAST);
    if (c->shape == MER_KPI_NUMBER) {
        mer_buf_printf(b, "CASE WHEN count(*) = count(%s.%.*s) THEN sum(%s.%.*s) END", of, n, name, of, n,
                       name);
        return;
    }
    mer_buf_printf(
        b,
        "CASE WHEN count(*) = count(%s.%.*s) THEN (SELECT coalesce(jsonb_object_agg(e.key, e.v), '{}')"
        " FROM (SELECT e.key, %s(e.value::numeric) AS v FROM unnest(array_agg(%s.%.*s)) m(map),"
        " jsonb_each_text(m.map) e GROUP BY e.key) e) END",
        of, n, name, c->combine == MER_KPI_MAX ? "max" : "sum", of, n, name);
}

void mer_kpi_add_told(struct mer_buf *b, const struct mer_kpi_component *c, const char *of)
{
    if (c->least)
        mer_buf_printf(
            b,
            "CASE WHEN (SELECT count(*) FROM jsonb_object_keys(%s.%.*s)) BETWEEN 1 AND %u THEN NULL"
            " ELSE %s.%.*s END",
            of, MER_FMT(c->name), c->least - 1, of, MER_FMT(c->name));
    else
        mer_buf_printf(b, "%s.%.*s", of, MER_FMT(c->name));
}

// An empty row for each hour and facility, so that an hour without events is an hour of zeros, and so that
// the columns below have their types.
static void add_grid(struct mer_buf *b, const struct mer_kpi_raw *raw, const struct places *at)
{
    mer_buf_add_cstr(b, "  SELECT f.tenant_id, f.facility_id, x.h AS hour, 0::bigint AS rows_seen");
    for (uint32_t i = 0; i < raw->catalogue->components_n; i++)
        if (raw->components >> i & 1)
            mer_buf_printf(b, ", NULL::%s AS %.*s",
                           raw->catalogue->components[i].shape == MER_KPI_NUMBER ? "numeric" : "jsonb",
                           MER_FMT(raw->catalogue->components[i].name));
    // Every parameter must be named once for its type, `now` also where no component needs it.
    mer_buf_printf(b,
                   "\n  FROM facilities f CROSS JOIN generate_series(%s, %s - interval '1 hour',"
                   " interval '1 hour') x(h)\n  WHERE f.facility_id = ANY (%s) AND %s IS NOT NULL",
                   at->from, at->to, at->facilities, at->now);
    add_owner(b, at, MER_S("f"));
}

static void add_param(struct mer_pg_param *params, uint32_t *n, struct mer_pg_param p, const char *type,
                      char place[24])
{
    params[(*n)++] = p;
    snprintf(place, 24, "$%u::%s", *n, type);
}

void mer_kpi_raw_sql(struct mer_buf *out, const struct mer_kpi_raw *raw, struct mer_arena *a,
                     struct mer_pg_param *params, uint32_t *params_n)
{
    struct places at = {0};
    add_param(params, params_n, mer_kpi_param_list(a, raw->facilities, raw->facilities_n), "text[]",
              at.facilities);
    add_param(params, params_n, mer_kpi_param_time(a, raw->from_us), "timestamptz", at.from);
    add_param(params, params_n, mer_kpi_param_time(a, raw->to_us), "timestamptz", at.to);
    add_param(params, params_n, mer_kpi_param_time(a, raw->now_us), "timestamptz", at.now);
    if (raw->tenant.n)
        add_param(params, params_n, mer_kpi_param_text(a, raw->tenant), "text", at.tenant);

    mer_buf_printf(out, "SELECT u.tenant_id, u.facility_id, u.hour, sum(u.rows_seen)::bigint AS rows_seen");
    for (uint32_t i = 0; i < raw->catalogue->components_n; i++) {
        const struct mer_kpi_component *c = &raw->catalogue->components[i];
        if (!(raw->components >> i & 1))
            continue;
        if (c->shape == MER_KPI_NUMBER)
            mer_buf_printf(out, ", coalesce(sum(u.%.*s), 0)::%.*s AS %.*s", MER_FMT(c->name),
                           MER_FMT(c->type), MER_FMT(c->name));
        else // one arm tells it
            mer_buf_printf(
                out, ", coalesce((array_agg(u.%.*s) FILTER (WHERE u.%.*s IS NOT NULL))[1], '{}') AS %.*s",
                MER_FMT(c->name), MER_FMT(c->name), MER_FMT(c->name));
    }
    mer_buf_add_cstr(out, "\nFROM (\n");
    add_grid(out, raw, &at);
    for (uint32_t i = 0; i < raw->catalogue->sources_n; i++)
        if (is_used(raw, &raw->catalogue->sources[i]))
            add_source(out, raw, &raw->catalogue->sources[i], &at, a);
    for (uint32_t i = 0; i < raw->catalogue->components_n; i++)
        if ((raw->components >> i & 1) && raw->catalogue->components[i].shape != MER_KPI_NUMBER)
            add_map(out, raw, &raw->catalogue->components[i], &at, a);
    mer_buf_add_cstr(out, "\n) u\nGROUP BY 1, 2, 3");
}

void mer_kpi_first_hour_sql(struct mer_buf *out, const struct mer_kpi_catalogue *c)
{
    mer_buf_add_cstr(out, "SELECT date_trunc('hour', min(t), 'UTC') FROM (");
    for (uint32_t i = 0; i < c->sources_n; i++) {
        const struct mer_kpi_source *s = &c->sources[i];
        mer_buf_printf(out, "%sSELECT min(%.*s) AS t FROM %.*s WHERE %.*s.facility_id = $1",
                       i ? " UNION ALL " : "", MER_FMT(s->begin), MER_FMT(s->from), MER_FMT(s->row));
        add_where(out, s, "'-infinity'::timestamptz");
    }
    mer_buf_add_cstr(out, ") u");
}

struct mer_pg_param mer_kpi_param_text(struct mer_arena *a, struct mer_slice s)
{
    return (struct mer_pg_param){.value = {mer_arena_cstr(a, s), s.n}};
}

struct mer_pg_param mer_kpi_param_time(struct mer_arena *a, int64_t us)
{
    struct mer_buf b;
    mer_buf_init(&b, a, 40);
    mer_time_write_rfc3339(&b, us);
    return mer_kpi_param_text(a, mer_buf_slice(&b));
}

// Postgres' array literal: every element quoted, quotes and backslashes escaped.
struct mer_pg_param mer_kpi_param_list(struct mer_arena *a, const struct mer_slice *items, uint32_t n)
{
    struct mer_buf b;
    mer_buf_init(&b, a, 32 + (size_t)n * 24);
    mer_buf_add_char(&b, '{');
    for (uint32_t i = 0; i < n; i++) {
        if (i)
            mer_buf_add_char(&b, ',');
        mer_buf_add_char(&b, '"');
        for (size_t k = 0; k < items[i].n; k++) {
            if (items[i].p[k] == '"' || items[i].p[k] == '\\')
                mer_buf_add_char(&b, '\\');
            mer_buf_add_char(&b, items[i].p[k]);
        }
        mer_buf_add_char(&b, '"');
    }
    mer_buf_add_char(&b, '}');
    return mer_kpi_param_text(a, mer_buf_slice(&b));
}
