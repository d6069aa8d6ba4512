// SPDX-License-Identifier: MIT
#include "rollup/statements.h"

#include "base/buf.h"
#include "resolvers/kpi/components_sql.h"

#define US(expr) "(extract(epoch FROM " expr ") * 1000000)::bigint"

// Appends `prefix``name``suffix` for each component, each after a comma.
static void add_each(struct mer_buf *b, const struct mer_kpi_catalogue *c, const char *prefix,
                     const char *suffix)
{
    for (uint32_t i = 0; i < c->components_n; i++)
        mer_buf_printf(b, ", %s%.*s%s", prefix, MER_FMT(c->components[i].name), suffix);
}

static void add_typed(struct mer_buf *b, const struct mer_kpi_catalogue *c)
{
    for (uint32_t i = 0; i < c->components_n; i++)
        mer_buf_printf(b, ", %.*s %.*s", MER_FMT(c->components[i].name), MER_FMT(c->components[i].type));
}

// c = EXCLUDED.c, …, and those of `extra` (NULL-terminated), with a revision spent only where the content is
// another. A final hour is never replaced by a provisional one: after a cutover the new environment may still
// be behind.
static void add_replace(struct mer_buf *b, const struct mer_kpi_catalogue *c, const char *const *extra)
{
    mer_buf_add_cstr(b, " DO UPDATE SET region = EXCLUDED.region");
    for (uint32_t i = 0; i < c->components_n; i++)
        mer_buf_printf(b, ", %.*s = EXCLUDED.%.*s", MER_FMT(c->components[i].name),
                       MER_FMT(c->components[i].name));
    for (const char *const *e = extra; *e; e++)
        mer_buf_printf(b, ", %s = EXCLUDED.%s", *e, *e);
    mer_buf_add_cstr(
        b, ", finality = EXCLUDED.finality, revision = k.revision + 1, source_env = EXCLUDED.source_env,"
           " source_epoch = EXCLUDED.source_epoch, rows_seen = EXCLUDED.rows_seen, as_of = EXCLUDED.as_of,"
           " computed_at = EXCLUDED.computed_at\n"
           "WHERE NOT (k.finality = 'final' AND EXCLUDED.finality = 'provisional')\n"
           "  AND (k.finality, k.region, k.rows_seen");
    add_each(b, c, "k.", "");
    for (const char *const *e = extra; *e; e++)
        mer_buf_printf(b, ", k.%s", *e);
    mer_buf_add_cstr(b, ") IS DISTINCT FROM (EXCLUDED.finality, EXCLUDED.region, EXCLUDED.rows_seen");
    add_each(b, c, "EXCLUDED.", "");
    for (const char *const *e = extra; *e; e++)
        mer_buf_printf(b, ", EXCLUDED.%s", *e);
    mer_buf_add_cstr(b, ")\nRETURNING 1)\nSELECT count(*) FROM put");
}

static const char *done(struct mer_buf *b)
{
    mer_buf_add_char(b, '\0');
    return b->p;
}

// An hour is replaced whole: rows that another tenant had in it and has no more become zeros, they do not
// stay and do not vanish, so a reader's figures and versions only ever move forward.
static const char *hours_sql(struct mer_arena *a, const struct mer_kpi_catalogue *c)
{
    struct mer_buf b;
    mer_buf_init(&b, a, 4096);
    mer_buf_add_cstr(&b, "WITH computed AS MATERIALIZED (SELECT * FROM json_to_recordset($1::json)\n"
                         "  AS j(tenant_id text, facility_id text, hour timestamptz, rows_seen bigint");
    add_typed(&b, c);
    mer_buf_add_cstr(&b, ")),\nput AS (INSERT INTO kpi_hourly AS k (tenant_id, facility_id, hour, region");
    add_each(&b, c, "", "");
    mer_buf_add_cstr(&b, ", finality, revision, source_env, source_epoch, rows_seen, as_of, computed_at)\n"
                         "SELECT x.tenant_id, $2::text, x.hour, $3::text");
    add_each(&b, c, "x.", "");
    mer_buf_add_cstr(&b, ", CASE WHEN x.hour + interval '1 hour' <= $6::timestamptz THEN 'final'"
                         " ELSE 'provisional' END, 1, $7::text, $8::bigint, x.rows_seen, $9::timestamptz,"
                         " clock_timestamp()\n"
                         "FROM (SELECT tenant_id, hour, rows_seen");
    add_each(&b, c, "", "");
    mer_buf_add_cstr(&b, " FROM computed\n  UNION ALL SELECT o.tenant_id, o.hour, 0");
    for (uint32_t i = 0; i < c->components_n; i++)
        mer_buf_add_cstr(&b, c->components[i].shape == MER_KPI_NUMBER ? ", 0" : ", '{}'");
    mer_buf_add_cstr(&b, " FROM kpi_hourly o\n  WHERE o.facility_id = $2 AND o.hour >= $4::timestamptz"
                         " AND o.hour < $5::timestamptz\n  AND NOT EXISTS (SELECT 1 FROM computed n"
                         " WHERE n.tenant_id = o.tenant_id AND n.hour = o.hour)) x\n"
                         "ON CONFLICT (tenant_id, facility_id, hour)");
    add_replace(&b, c, (const char *const[]){NULL});
    return done(&b);
}

static const char *days_sql(struct mer_arena *a, const struct mer_kpi_catalogue *c)
{
    struct mer_buf b;
    mer_buf_init(&b, a, 4096);
    mer_buf_add_cstr(
        &b, "WITH put AS (INSERT INTO kpi_daily AS k (tenant_id, facility_id, day, day_kind, region");
    add_each(&b, c, "", "");
    mer_buf_add_cstr(&b,
                     ", finality, revision, source_env, source_epoch, rows_seen, as_of, computed_at,"
                     " hours_n, hours_final_n)\n"
                     "SELECT h.tenant_id, h.facility_id, (h.hour AT TIME ZONE 'UTC')::date, 'utc', $2::text");
    for (uint32_t i = 0; i < c->components_n; i++) {
        const struct mer_kpi_component *k = &c->components[i];
        mer_buf_add_cstr(&b, ", ");
        if (k->least) { // hours that are not told are in their day: the region has put it together
            mer_buf_printf(&b, "CASE WHEN count(p.day) = 0 THEN '{}' ELSE (array_agg(p.%.*s))[1] END",
                           MER_FMT(k->name));
        } else if (k->combine == MER_KPI_LAST) {
            mer_buf_printf(&b, "(array_agg(h.%.*s ORDER BY h.hour DESC))[1]", MER_FMT(k->name));
        } else {
            mer_buf_add_char(&b, '(');
            mer_kpi_add_merged(&b, k, "h");
            mer_buf_printf(&b, ")::%.*s", MER_FMT(k->type));
        }
    }
    mer_buf_add_cstr(&b,
                     ",\n  CASE WHEN bool_and(h.finality = 'final')"
                     " AND ((h.hour AT TIME ZONE 'UTC')::date + 1)::timestamp AT TIME ZONE 'UTC'"
                     " <= $5::timestamptz THEN 'final' ELSE 'provisional' END,\n"
                     "  1, $6::text, $7::bigint, sum(h.rows_seen), max(h.as_of), clock_timestamp(), count(*),"
                     " count(*) FILTER (WHERE h.finality = 'final')\n"
                     "FROM kpi_hourly h LEFT JOIN json_to_recordset($8::json) AS p(tenant_id text, day date");
    for (uint32_t i = 0; i < c->components_n; i++)
        if (c->components[i].least)
            mer_buf_printf(&b, ", %.*s jsonb", MER_FMT(c->components[i].name));
    mer_buf_add_cstr(&b, ")\n  ON p.tenant_id = h.tenant_id AND p.day = (h.hour AT TIME ZONE 'UTC')::date\n"
                         "WHERE h.facility_id = $1::text AND h.hour >= $3::timestamptz"
                         " AND h.hour < $4::timestamptz\n"
                         "GROUP BY h.tenant_id, h.facility_id, (h.hour AT TIME ZONE 'UTC')::date\n"
                         "ON CONFLICT (tenant_id, facility_id, day, day_kind)");
    add_replace(&b, c, (const char *const[]){"hours_n", "hours_final_n", NULL});
    return done(&b);
}

// An hour from before a component was in the catalogue has none of it (one that is not told is no sign).
static const char *unfilled_sql(struct mer_arena *a, const struct mer_kpi_catalogue *c)
{
    struct mer_buf b;
    mer_buf_init(&b, a, 2048);
    mer_buf_add_cstr(
        &b, "SELECT " US("min(hour)") ", " US("max(hour)") " FROM kpi_hourly WHERE facility_id = $1"
                                                           " AND hour >= $2::timestamptz AND (false");
    for (uint32_t i = 0; i < c->components_n; i++)
        if (!c->components[i].least)
            mer_buf_printf(&b, " OR %.*s IS NULL", MER_FMT(c->components[i].name));
    mer_buf_add_char(&b, ')');
    return done(&b);
}

static const char *first_hour_sql(struct mer_arena *a, const struct mer_kpi_catalogue *c)
{
    struct mer_buf b;
    mer_buf_init(&b, a, 2048);
    mer_buf_add_cstr(&b, "SELECT " US("f.date_trunc") " FROM (");
    mer_kpi_first_hour_sql(&b, c);
    mer_buf_add_cstr(&b, ") f");
    return done(&b);
}

void mer_rollup_sql_make(struct mer_arena *a, const struct mer_kpi_catalogue *c, struct mer_rollup_sql *out)
{
    *out = (struct mer_rollup_sql){
        .live = "SELECT live_env, epoch FROM region_status WHERE region = $1",
        .state = "SELECT r.live_env, r.epoch, " US(
            "now()") ","
                     " (SELECT " US(
                         "h.beat_at") " FROM heartbeat h WHERE h.region = $1 AND h.facility_id = $2)"
                                      " FROM region_status r WHERE r.region = $1",
        .first_hour = first_hour_sql(a, c),
        .dirty = "SELECT " US("hour") " FROM rollup_dirty WHERE facility_id = $1 AND hour >= $2::timestamptz"
                                      " AND hour < $3::timestamptz ORDER BY hour",
        .marks = "SELECT array_agg(hour ORDER BY hour), array_agg(marked_at ORDER BY hour), count(*)"
                 " FROM rollup_dirty WHERE facility_id = $1 AND hour >= $2::timestamptz AND hour < "
                 "$3::timestamptz",
        .clear_marks =
            "DELETE FROM rollup_dirty d USING unnest($2::timestamptz[], $3::timestamptz[]) AS m(hour, at)"
            " WHERE d.facility_id = $1 AND d.hour = m.hour AND d.marked_at = m.at",
        .advance_fence =
            "UPDATE rollup_fence SET live_env = $2, epoch = $3::bigint, changed_at = clock_timestamp()"
            " WHERE region = $1 AND epoch < $3::bigint",
        .fence = "SELECT live_env, epoch FROM rollup_fence WHERE region = $1",
        .watermark =
            "SELECT " US("applied_upto") " FROM rollup_watermark WHERE region = $1 AND facility_id = $2",
        .unfilled = unfilled_sql(a, c),
        .lock = "SELECT pg_try_advisory_xact_lock(hashtextextended('meridian.rollup/' || $1::text, 0))",
        .partition = "SELECT ensure_kpi_partition(($1::timestamptz AT TIME ZONE 'UTC')::date)",
        .hours = hours_sql(a, c),
        .days = days_sql(a, c),
        .finish =
            "WITH f AS (SELECT 1 FROM rollup_fence WHERE region = $1 AND live_env = $2 AND epoch = $3::bigint"
            " FOR SHARE)\n"
            "INSERT INTO rollup_watermark AS w (region, facility_id, applied_upto, source_env, source_epoch,"
            " version, updated_at)\n"
            "SELECT $1, $4, $5::timestamptz, $2, $3::bigint, 1, clock_timestamp() FROM f\n"
            "ON CONFLICT (region, facility_id) DO UPDATE SET"
            " applied_upto = greatest(w.applied_upto, EXCLUDED.applied_upto), source_env = "
            "EXCLUDED.source_env,"
            " source_epoch = EXCLUDED.source_epoch,"
            " version = w.version + CASE WHEN $6::int > 0 OR EXCLUDED.applied_upto > w.applied_upto"
            " THEN 1 ELSE 0 END, updated_at = EXCLUDED.updated_at\n"
            "RETURNING version",
    };
}
