-- SPDX-License-Identifier: MIT
-- Tier 3: components of KPIs a facility and hour, never rows of business, never a person (R23, R37).
-- What a component means and how it combines stands in schema/kpis.yaml.
CREATE TABLE facility_directory (
  facility_id text PRIMARY KEY,
  tenant_id   text NOT NULL,
  region      text NOT NULL,
  code        text NOT NULL,
  name        text NOT NULL,
  time_zone   text NOT NULL,
  currency    char(3) NOT NULL,
  mode        text NOT NULL DEFAULT 'normal'
);

-- Sums: add over facilities and hours. Gauges (open_n, overdue_n, backlog_usd, equip_*): at the hour's end;
-- add over facilities, take the last over time.
CREATE TABLE kpi_hourly (
  tenant_id     text NOT NULL,
  facility_id   text NOT NULL,
  hour          timestamptz NOT NULL,
  region        text NOT NULL,
  orders_n      bigint NOT NULL DEFAULT 0,
  order_usd     numeric(20,4) NOT NULL DEFAULT 0,
  cancelled_n   bigint NOT NULL DEFAULT 0,
  cancelled_usd numeric(20,4) NOT NULL DEFAULT 0,
  revenue_usd   numeric(20,4) NOT NULL DEFAULT 0,
  cost_usd      numeric(20,4) NOT NULL DEFAULT 0,
  delivered_n   bigint NOT NULL DEFAULT 0,
  ontime_n      bigint NOT NULL DEFAULT 0,
  good          numeric(18,4) NOT NULL DEFAULT 0,
  scrap         numeric(18,4) NOT NULL DEFAULT 0,
  rework        numeric(18,4) NOT NULL DEFAULT 0,
  run_s         numeric(12,3) NOT NULL DEFAULT 0,
  setup_s       numeric(12,3) NOT NULL DEFAULT 0,
  down_s        numeric(12,3) NOT NULL DEFAULT 0,
  planned_s     numeric(12,3) NOT NULL DEFAULT 0,
  ideal_s       numeric(18,4) NOT NULL DEFAULT 0,
  ideal_good_s  numeric(18,4) NOT NULL DEFAULT 0,
  breakdown_n   bigint NOT NULL DEFAULT 0,
  repair_s      numeric(12,3) NOT NULL DEFAULT 0,
  closed_n      bigint NOT NULL DEFAULT 0,
  inspections_n bigint NOT NULL DEFAULT 0,
  failed_n      bigint NOT NULL DEFAULT 0,
  sample_n      bigint NOT NULL DEFAULT 0,
  defects_n     bigint NOT NULL DEFAULT 0,
  open_n        bigint NOT NULL DEFAULT 0,
  overdue_n     bigint NOT NULL DEFAULT 0,
  backlog_usd   numeric(20,4) NOT NULL DEFAULT 0,
  txn_n         bigint NOT NULL DEFAULT 0,
  adj_abs_qty   numeric(18,4) NOT NULL DEFAULT 0,
  move_abs_qty  numeric(18,4) NOT NULL DEFAULT 0,
  equip_running bigint NOT NULL DEFAULT 0,
  equip_total   bigint NOT NULL DEFAULT 0,
  finality      text NOT NULL CHECK (finality IN ('provisional', 'final')),
  revision      int NOT NULL DEFAULT 1,
  source_env    text NOT NULL,
  source_epoch  bigint NOT NULL,
  rows_seen     bigint NOT NULL DEFAULT 0,
  as_of         timestamptz NOT NULL,
  computed_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, facility_id, hour)
) PARTITION BY RANGE (hour);
CREATE INDEX kpi_hourly_hour ON kpi_hourly (hour, region);

-- The same a day: UTC days are sums (and last gauges) of their 24 hours.
CREATE TABLE kpi_daily (
  LIKE kpi_hourly INCLUDING DEFAULTS INCLUDING CONSTRAINTS
);
ALTER TABLE kpi_daily DROP COLUMN hour;
ALTER TABLE kpi_daily ADD COLUMN day date NOT NULL;
ALTER TABLE kpi_daily ADD COLUMN day_kind text NOT NULL DEFAULT 'utc' CHECK (day_kind IN ('utc', 'local'));
ALTER TABLE kpi_daily ADD COLUMN hours_n int NOT NULL DEFAULT 24;   -- hours that went into it
ALTER TABLE kpi_daily ADD COLUMN hours_final_n int NOT NULL DEFAULT 0;
ALTER TABLE kpi_daily ADD PRIMARY KEY (tenant_id, facility_id, day, day_kind);
CREATE INDEX kpi_daily_day ON kpi_daily (day, region);

-- Monthly partitions; a default one stands behind them so that no hour is ever refused.
CREATE TABLE kpi_hourly_other PARTITION OF kpi_hourly DEFAULT;
CREATE FUNCTION ensure_kpi_partition(month date) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  first date := date_trunc('month', month)::date;
  part text := format('kpi_hourly_%s', to_char(first, 'YYYYMM'));
  lo text := to_char(first, 'YYYY-MM-DD') || ' 00:00:00+00';
  hi text := to_char(first + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00';
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('ensure_kpi_partition'));
  IF to_regclass(part) IS NOT NULL THEN
    RETURN false;
  END IF;
  EXECUTE format('CREATE TABLE %I (LIKE kpi_hourly INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part);
  EXECUTE format('WITH moved AS (DELETE FROM kpi_hourly_other WHERE hour >= %L AND hour < %L RETURNING *)
                  INSERT INTO %I SELECT * FROM moved', lo, hi, part);
  EXECUTE format('ALTER TABLE kpi_hourly ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', part, lo, hi);
  RETURN true;
END $$;
SELECT count(ensure_kpi_partition((date_trunc('month', now()) + n * interval '1 month')::date))
FROM generate_series(-12, 2) n;

-- How far a facility's hours are closed; version moves with every change of its cells and is what caches
-- of KPIs are keyed by.
CREATE TABLE rollup_watermark (
  region       text NOT NULL,
  facility_id  text NOT NULL,
  applied_upto timestamptz NOT NULL,
  source_env   text NOT NULL,
  source_epoch bigint NOT NULL,
  version      bigint NOT NULL DEFAULT 1,
  updated_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (region, facility_id)
);

-- A region's fence: a worker's transaction locks its row and refuses when environment or epoch moved on.
CREATE TABLE rollup_fence (
  region     text PRIMARY KEY,
  live_env   text NOT NULL CHECK (live_env IN ('blue', 'green')),
  epoch      bigint NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO rollup_fence (region, live_env, epoch)
VALUES ('us-east', 'blue', 1), ('eu-central', 'blue', 1), ('apac', 'blue', 1);

CALL app_protect('kpi_hourly', 'kpi');
CALL app_protect('kpi_daily', 'kpi');
CALL app_protect('facility_directory', 'tenant');

GRANT SELECT ON kpi_hourly, kpi_daily, rollup_watermark, rollup_fence, facility_directory TO gw_read, ops;
GRANT SELECT, INSERT, UPDATE, DELETE ON kpi_hourly, kpi_daily, rollup_watermark TO rollup;
GRANT SELECT, UPDATE ON rollup_fence TO rollup;
GRANT SELECT ON facility_directory TO rollup;
GRANT SELECT, INSERT, UPDATE ON rollup_fence TO ops;
REVOKE EXECUTE ON FUNCTION ensure_kpi_partition(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ensure_kpi_partition(date) TO rollup, ops;
