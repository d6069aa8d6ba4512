// SPDX-License-Identifier: MIT
// The parts of an ask: what each asks of whom, as SQL or as GraphQL.
#include "resolvers/kpi/query.h"

#include "base/time.h"

#include <stdlib.h>

#define ISO    "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'"
#define DAY_US (24 * 3600 * 1000000ll)

struct mer_kpi_part mer_kpi_part_of(const struct mer_kpi_ask *ask, bool compare, struct mer_slice tenant)
{
    return (struct mer_kpi_part){
        .catalogue = ask->catalogue,
        .components = ask->components,
        .range = compare ? ask->compare : ask->range,
        .grain = compare ? MER_KPI_RANGE : ask->grain,
        .facilities = ask->facilities,
        .facilities_n = ask->facilities_n,
        .tenant = tenant,
        .now_us = ask->now_us,
    };
}

struct mer_kpi_part mer_kpi_part_of_cells(const struct mer_kpi_ask *ask, struct mer_slice tenant)
{
    struct mer_kpi_part part = mer_kpi_part_of(ask, false, tenant);
    part.upto_us = ask->upto_us;
    return part;
}

// ---- what is not stored ----

struct missing {
    struct mer_kpi_facility facility;
    int64_t from_us;
};

static int by_region_and_time(const void *a, const void *b)
{
    const struct missing *x = a, *y = b;
    int c = mer_slice_cmp(x->facility.region, y->facility.region);
    if (c == 0)
        c = (x->from_us > y->from_us) - (x->from_us < y->from_us);
    return c ? c : mer_slice_cmp(x->facility.code, y->facility.code);
}

static const struct mer_kpi_mark *find_mark(const struct mer_kpi_mark *marks, uint32_t n,
                                            struct mer_slice code)
{
    for (uint32_t i = 0; i < n; i++)
        if (mer_slice_eq(marks[i].facility, code))
            return &marks[i];
    return NULL;
}

uint32_t mer_kpi_split(struct mer_arena *a, const struct mer_kpi_ask *ask, bool compare,
                       struct mer_slice tenant, const struct mer_kpi_mark *marks, uint32_t marks_n,
                       struct mer_kpi_part **out)
{
    struct mer_kpi_part whole = mer_kpi_part_of(ask, compare, tenant);
    struct missing *m = MER_NEW_N(a, struct missing, ask->facilities_n + 1);
    uint32_t m_n = 0, n = 0;
    for (uint32_t i = 0; i < ask->facilities_n; i++) {
        const struct mer_kpi_mark *mark = find_mark(marks, marks_n, ask->facilities[i].code);
        int64_t upto = mark ? mark->upto_us : INT64_MAX;
        int64_t from = upto > whole.range.from_us ? upto : whole.range.from_us;
        if (from < whole.range.to_us)
            m[m_n++] = (struct missing){ask->facilities[i], from};
    }
    qsort(m, m_n, sizeof *m, by_region_and_time);
    struct mer_kpi_facility *facilities = MER_NEW_N(a, struct mer_kpi_facility, m_n + 1);
    *out = MER_NEW_N(a, struct mer_kpi_part, m_n + 1);
    for (uint32_t i = 0; i < m_n; i++) {
        facilities[i] = m[i].facility;
        bool same = i && mer_slice_eq(m[i].facility.region, m[i - 1].facility.region) &&
                    m[i].from_us == m[i - 1].from_us;
        if (!same) {
            (*out)[n] = whole;
            (*out)[n].range.from_us = m[i].from_us;
            (*out)[n].facilities = &facilities[i];
            (*out)[n++].facilities_n = 0;
        }
        (*out)[n - 1].facilities_n++;
    }
    return n;
}

// ---- SQL ----

static struct mer_pg_param *new_params(struct mer_arena *a, struct mer_sql *out)
{
    struct mer_pg_param *p = MER_NEW_N(a, struct mer_pg_param, 16);
    *out = (struct mer_sql){.params = p};
    return p;
}

static struct mer_pg_param codes(struct mer_arena *a, const struct mer_kpi_part *part, bool regions)
{
    struct mer_slice *list = MER_NEW_N(a, struct mer_slice, part->facilities_n + 1);
    for (uint32_t i = 0; i < part->facilities_n; i++)
        list[i] = regions ? part->facilities[i].region : part->facilities[i].code;
    return mer_kpi_param_list(a, list, part->facilities_n);
}

// The start of the bucket that holds `at`; the first one starts with the range.
static struct mer_slice bucket_sql(struct mer_arena *a, enum mer_kpi_grain grain, const char *at,
                                   const char *from)
{
    static const char *const units[] = {NULL, "hour", "day", "week", "month"};
    if (grain == MER_KPI_RANGE)
        return mer_slice_of(from);
    return mer_arena_printf(a, "greatest(date_trunc('%s', %s, 'UTC'), %s)", units[grain], at, from);
}

// Groups rows (facility_id, at, until, final, components) named `rows` to cells, and cells to JSON.
static void add_cells(struct mer_buf *b, const struct mer_kpi_part *part, struct mer_slice bucket)
{
    mer_buf_printf(b, "SELECT facility_id, %.*s AS bucket, max(until) AS until, bool_and(final) AS final",
                   MER_FMT(bucket));
    for (uint32_t i = 0; i < part->catalogue->components_n; i++) {
        const struct mer_kpi_component *c = &part->catalogue->components[i];
        if (!(part->components >> i & 1))
            continue;
        mer_buf_add_cstr(b, ", ");
        if (c->combine == MER_KPI_LAST)
            mer_buf_printf(b, "(array_agg(%.*s ORDER BY at DESC))[1]", MER_FMT(c->name));
        else
            mer_kpi_add_merged(b, c, "rows");
        mer_buf_printf(b, " AS %.*s", MER_FMT(c->name));
    }
    mer_buf_add_cstr(b, " FROM rows GROUP BY 1, 2");
}

static void add_cells_json(struct mer_buf *b, const struct mer_kpi_part *part)
{
    mer_buf_add_cstr(b, "coalesce((SELECT json_agg(json_build_array(to_char(c.bucket AT TIME ZONE 'UTC', " ISO
                        "), p.region, c.facility_id, to_char(c.until AT TIME ZONE 'UTC', " ISO "), c.final");
    for (uint32_t i = 0; i < part->catalogue->components_n; i++)
        if (part->components >> i & 1) {
            mer_buf_add_cstr(b, ", ");
            mer_kpi_add_told(b, &part->catalogue->components[i], "c");
        }
    mer_buf_add_cstr(
        b, ") ORDER BY c.facility_id, c.until) FROM cells c JOIN part p USING (facility_id)), '[]')");
}

static void add_names(struct mer_buf *b, const struct mer_kpi_part *part)
{
    for (uint32_t i = 0; i < part->catalogue->components_n; i++)
        if (part->components >> i & 1)
            mer_buf_printf(b, ", k.%.*s", MER_FMT(part->catalogue->components[i].name));
}

static struct mer_pg_param marks_param(struct mer_arena *a, const struct mer_kpi_part *part)
{
    struct mer_slice *list = MER_NEW_N(a, struct mer_slice, part->facilities_n + 1);
    for (uint32_t i = 0; part->upto_us && i < part->facilities_n; i++)
        list[i] = mer_kpi_param_time(a, part->upto_us[i]).value;
    return mer_kpi_param_list(a, list, part->upto_us ? part->facilities_n : 0);
}

// The caller's own rows. A test build leaves it to row-level security (postgres/sql.h), which must do alone.
#ifdef MER_TEST_NO_TENANT_PREDICATE
static const char own_d[] = "$6::text IS NOT NULL", own_k[] = "$6::text IS NOT NULL";
#else
static const char own_d[] = "d.tenant_id = $6::text", own_k[] = "k.tenant_id = $6::text";
#endif

// part: the facilities that the tenant has to do with: `upto` as the worker says and the caller bounds it,
// and the whole days [d0, d1) that lie in the range below it.
static void add_stored_part(struct mer_buf *b)
{
    mer_buf_printf(
        b,
        "WITH part AS MATERIALIZED (\n"
        "  SELECT f.facility_id, f.region, u.upto, w.version,\n"
        "    date_trunc('day', $4::timestamptz + interval '1 day' - interval '1 microsecond', 'UTC') AS d0,\n"
        "    date_trunc('day', CASE WHEN u.upto < $5::timestamptz THEN u.upto ELSE $5 END, 'UTC') AS d1\n"
        "  FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS f(facility_id, region, upto)\n"
        "  LEFT JOIN rollup_watermark w ON w.region = f.region AND w.facility_id = f.facility_id\n"
        "  CROSS JOIN LATERAL (SELECT CASE WHEN f.upto < w.applied_upto THEN f.upto ELSE w.applied_upto END) "
        "u(upto)\n"
        "  WHERE EXISTS (SELECT 1 FROM facility_directory d WHERE d.facility_id = f.facility_id"
        " AND %s)\n"
        "    OR EXISTS (SELECT 1 FROM kpi_daily d WHERE %s AND d.facility_id = f.facility_id)\n"
        "), ",
        own_d, own_d);
}

static void add_stored_rows(struct mer_buf *b, const struct mer_kpi_part *part)
{
    bool days = part->grain != MER_KPI_HOUR;
    mer_buf_add_cstr(b,
                     "rows AS (\n  SELECT k.facility_id, k.hour AS at, k.hour + interval '1 hour' AS until,"
                     " k.finality = 'final' AS final");
    add_names(b, part);
    mer_buf_printf(b,
                   "\n  FROM part p JOIN kpi_hourly k ON %s AND k.facility_id = p.facility_id\n"
                   "  WHERE k.hour >= $4 AND k.hour < $5 AND k.hour < p.upto",
                   own_k);
    if (days) {
        mer_buf_add_cstr(b, " AND (k.hour < p.d0 OR k.hour >= p.d1)\n"
                            "  UNION ALL\n  SELECT k.facility_id, k.day::timestamp AT TIME ZONE 'UTC',"
                            " (k.day + 1)::timestamp AT TIME ZONE 'UTC', k.finality = 'final'");
        add_names(b, part);
        mer_buf_printf(
            b,
            "\n  FROM part p JOIN kpi_daily k ON %s AND k.facility_id = p.facility_id"
            " AND k.day_kind = 'utc' AND p.upto IS NOT NULL\n"
            "  WHERE k.day >= (p.d0 AT TIME ZONE 'UTC')::date AND k.day < (p.d1 AT TIME ZONE 'UTC')::date",
            own_k);
    }
    mer_buf_add_cstr(b, "\n), ");
}

void mer_kpi_stored_sql(struct mer_arena *a, const struct mer_kpi_part *part, struct mer_sql *out)
{
    struct mer_pg_param *p = new_params(a, out);
    struct mer_buf b;
    mer_buf_init(&b, a, 4096);
    p[0] = codes(a, part, false);
    p[1] = codes(a, part, true);
    p[2] = marks_param(a, part);
    p[3] = mer_kpi_param_time(a, part->range.from_us);
    p[4] = mer_kpi_param_time(a, part->range.to_us);
    p[5] = mer_kpi_param_text(a, part->tenant);
    add_stored_part(&b);
    add_stored_rows(&b, part);
    mer_buf_add_cstr(&b, "cells AS (");
    add_cells(&b, part, bucket_sql(a, part->grain, "at", "$4::timestamptz"));
    mer_buf_add_cstr(&b, ")\nSELECT json_build_object('stored', true, 'cells', ");
    add_cells_json(&b, part);
    mer_buf_add_cstr(&b,
                     ", 'watermarks', coalesce((SELECT json_object_agg(facility_id, to_char(upto AT TIME ZONE"
                     " 'UTC', " ISO ")) FROM part), '{}'), 'version',"
                     " coalesce((SELECT sum(version)::text FROM part), '0'))::text");
    out->text = mer_slice_of(mer_arena_cstr(a, mer_buf_slice(&b)));
    out->params_n = 6;
    out->long_running = part->range.to_us - part->range.from_us > 92 * DAY_US;
}

void mer_kpi_raw_part_sql(struct mer_arena *a, const struct mer_kpi_part *part, struct mer_sql *out)
{
    struct mer_pg_param *p = new_params(a, out);
    struct mer_slice *facilities = MER_NEW_N(a, struct mer_slice, part->facilities_n + 1);
    struct mer_buf b;
    mer_buf_init(&b, a, 8192);
    for (uint32_t i = 0; i < part->facilities_n; i++)
        facilities[i] = part->facilities[i].code;
    struct mer_kpi_raw raw = {
        .catalogue = part->catalogue,
        .components = part->components,
        .facilities = facilities,
        .facilities_n = part->facilities_n,
        .from_us = part->range.from_us,
        .to_us = part->range.to_us,
        .now_us = part->now_us,
        .tenant = part->tenant,
    };
    mer_buf_add_cstr(&b, "WITH raw AS (\n");
    mer_kpi_raw_sql(&b, &raw, a, p, &out->params_n); // $1 facilities, $2 from, $3 to, $4 now, $5 tenant
    p[out->params_n++] = codes(a, part, true);
    mer_buf_printf(
        &b,
        "\n), part AS (SELECT f.facility_id, f.region, least(h.beat_at, $3::timestamptz) AS upto\n"
        "  FROM unnest($1::text[], $%u::text[]) AS f(facility_id, region)\n"
        "  LEFT JOIN heartbeat h ON h.region = f.region AND h.facility_id = f.facility_id\n"
        "), rows AS (SELECT k.facility_id, k.hour AS at, k.hour + interval '1 hour' AS until, false AS final",
        out->params_n);
    add_names(&b, part);
    mer_buf_add_cstr(&b, " FROM raw k), cells AS (");
    add_cells(&b, part, bucket_sql(a, part->grain, "at", "$2::timestamptz"));
    mer_buf_add_cstr(&b, ")\nSELECT json_build_object('stored', false, 'cells', ");
    add_cells_json(&b, part);
    mer_buf_add_cstr(&b,
                     ", 'watermarks', coalesce((SELECT json_object_agg(facility_id, to_char(upto AT TIME ZONE"
                     " 'UTC', " ISO ")) FROM part), '{}'), 'version', '')::text");
    out->text = mer_slice_of(mer_arena_cstr(a, mer_buf_slice(&b)));
    out->long_running = part->range.to_us - part->range.from_us > DAY_US;
}

struct mer_slice mer_kpi_watermarks_sql(void)
{
    return MER_S("SELECT facility_id, applied_upto, version FROM rollup_watermark");
}

// ---- GraphQL ----

static void add_list(struct mer_buf *b, const char *name, struct mer_slice value, bool first)
{
    if (first)
        mer_buf_printf(b, ", %s: [", name);
    else
        mer_buf_add_cstr(b, ", ");
    mer_json_write_string(b, value);
}

static void add_moment(struct mer_buf *b, int64_t us)
{
    mer_buf_add_char(b, '"');
    mer_time_write_rfc3339(b, us);
    mer_buf_add_char(b, '"');
}

struct mer_slice mer_kpi_cells_graphql(struct mer_arena *a, const struct mer_kpi_part *part)
{
    static const char *const grains[] = {NULL, "HOUR", "DAY", "WEEK", "MONTH"};
    struct mer_buf b;
    mer_buf_init(&b, a, 512);
    mer_buf_add_cstr(&b, "{kpiCells(from: ");
    add_moment(&b, part->range.from_us);
    mer_buf_add_cstr(&b, ", to: ");
    add_moment(&b, part->range.to_us);
    if (part->grain != MER_KPI_RANGE)
        mer_buf_printf(&b, ", grain: %s", grains[part->grain]);
    for (uint32_t i = 0; i < part->facilities_n; i++)
        add_list(&b, "facilityIds", part->facilities[i].code, i == 0);
    mer_buf_add_cstr(&b, part->facilities_n ? "]" : ", facilityIds: []");
    bool first = true;
    for (uint32_t i = 0; i < part->catalogue->components_n; i++)
        if (part->components >> i & 1) {
            add_list(&b, "components", part->catalogue->components[i].name, first);
            first = false;
        }
    mer_buf_add_cstr(&b, first ? ", components: []" : "]");
    if (part->upto_us) {
        for (uint32_t i = 0; i < part->facilities_n; i++) {
            mer_buf_add_cstr(&b, i ? ", " : ", upTo: [");
            add_moment(&b, part->upto_us[i]);
        }
        mer_buf_add_cstr(&b, part->facilities_n ? "]" : ", upTo: []");
    }
    mer_buf_add_cstr(&b, ")}");
    return mer_buf_slice(&b);
}
