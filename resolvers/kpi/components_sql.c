// SPDX-License-Identifier: MIT
#include "resolvers/kpi/components_sql.h"

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
                       struct mer_slice with)
{
    for (uint32_t i = 0; i < raw->catalogue->components_n; i++) {
        const struct mer_kpi_component *c = &raw->catalogue->components[i];
        if (!(raw->components >> i & 1))
            continue;
        mer_buf_add_cstr(b, ", ");
        if (c->source == s)
            add_fragment(b, c->value, s->kind == MER_KPI_INTERVAL ? "{seconds}" : "{end}", with);
        else
            mer_buf_add_cstr(b, "NULL");
    }
}

// FROM and the hours that each row counts in, as x.h.
static void add_hours(struct mer_buf *b, const struct mer_kpi_source *s, const struct places *at)
{
    mer_buf_printf(b, "\n  FROM %.*s CROSS JOIN LATERAL ", MER_FMT(s->from));
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

static void add_source(struct mer_buf *b, const struct mer_kpi_raw *raw, const struct mer_kpi_source *s,
                       const struct places *at, struct mer_arena *a)
{
    struct mer_slice with = s->kind == MER_KPI_EVENT ? MER_NIL : placeholder(a, s, at);
    mer_buf_printf(b, "\n  UNION ALL\n  SELECT %.*s.tenant_id, %.*s.facility_id, x.h, count(*)",
                   MER_FMT(s->row), MER_FMT(s->row));
    add_values(b, raw, s, with);
    add_hours(b, s, at);
    mer_buf_printf(b, " AND %.*s.facility_id = ANY (%s)", MER_FMT(s->row), at->facilities);
    add_owner(b, at, s->row);
    add_where(b, s, at->from);
    mer_buf_add_cstr(b, "\n  GROUP BY 1, 2, 3");
}

// An empty row for each hour and facility, so that an hour without events is an hour of zeros, and so that
// the columns below have their types.
static void add_grid(struct mer_buf *b, const struct mer_kpi_raw *raw, const struct places *at)
{
    mer_buf_add_cstr(b, "  SELECT f.tenant_id, f.facility_id, x.h AS hour, 0::bigint AS rows_seen");
    for (uint32_t i = 0; i < raw->catalogue->components_n; i++)
        if (raw->components >> i & 1)
            mer_buf_printf(b, ", NULL::numeric AS %.*s", MER_FMT(raw->catalogue->components[i].name));
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
        if (raw->components >> i & 1)
            mer_buf_printf(out, ", coalesce(sum(u.%.*s), 0)::%.*s AS %.*s", MER_FMT(c->name),
                           MER_FMT(c->type), MER_FMT(c->name));
    }
    mer_buf_add_cstr(out, "\nFROM (\n");
    add_grid(out, raw, &at);
    for (uint32_t i = 0; i < raw->catalogue->sources_n; i++)
        if (is_used(raw, &raw->catalogue->sources[i]))
            add_source(out, raw, &raw->catalogue->sources[i], &at, a);
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
