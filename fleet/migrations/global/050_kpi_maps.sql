-- SPDX-License-Identifier: MIT
-- Components that came later (schema/kpis.yaml): distinct customers, times from order to delivery, units of each
-- five minutes, and the stock's gauges. The three of jsonb are maps from whole numbers to numbers: registers of a
-- sketch, buckets of a histogram, slots of time; docs/kpis.md says why a sketch tells of no person (R37). Null in an
-- hour from before: the worker computes it again, and until then nothing is told of it. Null in cust_sketch also:
-- fewer customers than may leave the region.
ALTER TABLE kpi_hourly
  ADD COLUMN cust_sketch jsonb, ADD COLUMN cycle_hist jsonb, ADD COLUMN units_5m jsonb,
  ADD COLUMN stockout_n bigint, ADD COLUMN inv_value_usd numeric(20,4);
ALTER TABLE kpi_daily
  ADD COLUMN cust_sketch jsonb, ADD COLUMN cycle_hist jsonb, ADD COLUMN units_5m jsonb,
  ADD COLUMN stockout_n bigint, ADD COLUMN inv_value_usd numeric(20,4);
