-- SPDX-License-Identifier: MIT
-- What machines do: equipment and its status log, production orders, runs and logs, inspections.
CREATE TABLE equipment (
  facility_id   text NOT NULL,
  equipment_id  uuid NOT NULL,
  tenant_id     text NOT NULL,
  code          text COLLATE "C" NOT NULL,
  type          text NOT NULL,
  rate_per_hour numeric(18,4),
  status        text NOT NULL CHECK (status IN
                  ('productive', 'setup', 'breakdown', 'no_operator', 'no_material', 'planned_down')),
  status_since  timestamptz NOT NULL,
  is_active     boolean NOT NULL DEFAULT true,
  PRIMARY KEY (facility_id, equipment_id)
);
CREATE INDEX equipment_code ON equipment (facility_id, code);

-- Partitioned by day, because retention drops partitions: a DELETE would delete the region's history (T3).
CREATE TABLE equipment_status_log (
  facility_id  text NOT NULL,
  log_id       uuid NOT NULL,
  equipment_id uuid NOT NULL,
  tenant_id    text NOT NULL,
  status       text NOT NULL CHECK (status IN
                 ('productive', 'setup', 'breakdown', 'no_operator', 'no_material', 'planned_down')),
  reason_code  text,
  started_at   timestamptz NOT NULL,
  ended_at     timestamptz CHECK (ended_at >= started_at),
  PRIMARY KEY (facility_id, log_id, started_at)
) PARTITION BY RANGE (started_at);
CREATE INDEX equipment_status_log_recent ON equipment_status_log (facility_id, equipment_id, started_at DESC);

CREATE TABLE production_orders (
  facility_id         text NOT NULL,
  production_order_id uuid NOT NULL,
  order_id            uuid,                -- NULL: made for stock
  tenant_id           text NOT NULL,
  product_id          uuid NOT NULL,
  qty_planned         numeric(18,4) NOT NULL,
  status              text NOT NULL CHECK (status IN
                        ('scheduled', 'in_progress', 'paused', 'completed', 'cancelled')),
  due_at              timestamptz,
  PRIMARY KEY (facility_id, production_order_id)
);
CREATE INDEX production_orders_order ON production_orders (facility_id, order_id);

CREATE TABLE production_runs (
  facility_id         text NOT NULL,
  run_id              uuid NOT NULL,
  production_order_id uuid NOT NULL,
  equipment_id        uuid NOT NULL,
  tenant_id           text NOT NULL,
  product_id          uuid NOT NULL,
  status              text NOT NULL CHECK (status IN
                        ('scheduled', 'in_progress', 'paused', 'completed', 'cancelled')),
  planned_start       timestamptz NOT NULL,
  planned_end         timestamptz,
  actual_start        timestamptz,
  actual_end          timestamptz,
  qty_planned         numeric(18,4) NOT NULL,
  qty_good            numeric(18,4) NOT NULL DEFAULT 0,
  qty_scrap           numeric(18,4) NOT NULL DEFAULT 0,
  qty_rework          numeric(18,4) NOT NULL DEFAULT 0,
  updated_at          timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (facility_id, run_id)
);
CREATE INDEX production_runs_planned ON production_runs (facility_id, planned_start DESC, run_id DESC);
CREATE INDEX production_runs_status ON production_runs (facility_id, status, planned_start DESC, run_id DESC);
CREATE INDEX production_runs_equipment ON production_runs (facility_id, equipment_id, actual_start DESC);
CREATE INDEX production_runs_order ON production_runs (facility_id, production_order_id);

-- Quantity increments, one a minute and machine; time comes from the status log.
CREATE TABLE production_logs (
  facility_id   text NOT NULL,
  log_id        uuid NOT NULL,
  run_id        uuid NOT NULL,
  equipment_id  uuid NOT NULL,
  tenant_id     text NOT NULL,
  product_id    uuid NOT NULL,
  logged_at     timestamptz NOT NULL,
  good          numeric(18,4) NOT NULL,
  scrap         numeric(18,4) NOT NULL DEFAULT 0,
  rework        numeric(18,4) NOT NULL DEFAULT 0,
  ideal_cycle_s numeric(10,4) NOT NULL,
  PRIMARY KEY (facility_id, log_id, logged_at)
) PARTITION BY RANGE (logged_at);
CREATE INDEX production_logs_time ON production_logs (facility_id, logged_at);

CREATE TABLE quality_inspections (
  facility_id   text NOT NULL,
  inspection_id uuid NOT NULL,
  run_id        uuid,
  tenant_id     text NOT NULL,
  product_id    uuid NOT NULL,
  type          text NOT NULL,
  sample_size   int NOT NULL CHECK (sample_size > 0),
  defects       int NOT NULL CHECK (defects >= 0),
  result        text NOT NULL CHECK (result IN ('pass', 'fail')),
  passed        boolean NOT NULL GENERATED ALWAYS AS (result = 'pass') STORED,
  disposition   text,
  inspected_at  timestamptz NOT NULL,
  PRIMARY KEY (facility_id, inspection_id)
);
CREATE INDEX quality_inspections_time ON quality_inspections (facility_id, inspected_at DESC, inspection_id DESC);

CALL app_protect('equipment', 'facility');
CALL app_protect('equipment_status_log', 'facility');
CALL app_protect('production_orders', 'facility');
CALL app_protect('production_runs', 'facility');
CALL app_protect('production_logs', 'facility');
CALL app_protect('quality_inspections', 'facility');
