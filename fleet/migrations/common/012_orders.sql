-- SPDX-License-Identifier: MIT
-- Orders: the edge is truth, rows flow up (R10). Primary keys lead with facility_id, the replication
-- filter. Enumerations are lower-case text. Money is numeric(18,4) in the order's currency; fx_usd is the
-- rate at order time, so a KPI in USD never changes afterwards.
CREATE TABLE orders (
  facility_id  text NOT NULL,
  order_id     uuid NOT NULL,
  tenant_id    text NOT NULL,
  order_no     text COLLATE "C" NOT NULL,
  customer_id  uuid NOT NULL,
  status       text NOT NULL CHECK (status IN
                 ('draft', 'confirmed', 'in_production', 'shipped', 'delivered', 'cancelled')),
  priority     smallint NOT NULL DEFAULT 3,
  currency     char(3) NOT NULL,
  fx_usd       numeric(18,8) NOT NULL,
  total_amount numeric(18,4) NOT NULL,
  ordered_at   timestamptz NOT NULL,
  promised_at  timestamptz,
  delivered_at timestamptz,
  cancelled_at timestamptz,
  version      int NOT NULL DEFAULT 1,
  updated_at   timestamptz NOT NULL DEFAULT now(),
  written_by   text NOT NULL DEFAULT 'edge' CHECK (written_by IN ('edge', 'blue', 'green', 'workspace')),
  PRIMARY KEY (facility_id, order_id),
  UNIQUE (facility_id, order_no)
);
CREATE INDEX orders_ordered ON orders (facility_id, ordered_at DESC, order_id DESC);
CREATE INDEX orders_tenant_ordered ON orders (tenant_id, ordered_at DESC, order_id DESC);
CREATE INDEX orders_promised ON orders (facility_id, promised_at, order_id);
CREATE INDEX orders_total ON orders (facility_id, total_amount DESC, order_id DESC);
CREATE INDEX orders_status ON orders (facility_id, status, promised_at);
CREATE INDEX orders_customer ON orders (tenant_id, customer_id, ordered_at DESC, order_id DESC);
CREATE INDEX orders_open ON orders (facility_id, promised_at, order_id)
  WHERE delivered_at IS NULL AND cancelled_at IS NULL;
CREATE INDEX orders_delivered ON orders (facility_id, delivered_at) WHERE delivered_at IS NOT NULL;
CREATE INDEX orders_search ON orders USING gin (order_no gin_trgm_ops);

CREATE TABLE order_lines (
  facility_id text NOT NULL,
  order_id    uuid NOT NULL,
  line_no     int NOT NULL,
  tenant_id   text NOT NULL,
  product_id  uuid NOT NULL,
  qty_ordered numeric(18,4) NOT NULL CHECK (qty_ordered > 0),
  qty_shipped numeric(18,4) NOT NULL DEFAULT 0,
  unit_price  numeric(18,4) NOT NULL,
  line_amount numeric(18,4) NOT NULL,
  PRIMARY KEY (facility_id, order_id, line_no)
);
CREATE INDEX order_lines_product ON order_lines (facility_id, product_id);

-- The forward-only log of corrections (R20): never updated, never deleted.
CREATE TABLE order_corrections (
  facility_id text NOT NULL,
  event_id    uuid NOT NULL,
  order_id    uuid NOT NULL,
  tenant_id   text NOT NULL,
  field       text NOT NULL,
  old_value   text,
  new_value   text,
  reason      text NOT NULL CHECK (reason <> ''),
  actor       text NOT NULL,
  source      text NOT NULL DEFAULT 'edge',
  at          timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (facility_id, event_id)
);
CREATE INDEX order_corrections_order ON order_corrections (facility_id, order_id, at);

CREATE TABLE shipments (
  facility_id  text NOT NULL,
  shipment_id  uuid NOT NULL,
  order_id     uuid NOT NULL,
  tenant_id    text NOT NULL,
  carrier      text,
  qty          numeric(18,4) NOT NULL,
  shipped_at   timestamptz,
  delivered_at timestamptz,
  PRIMARY KEY (facility_id, shipment_id)
);
CREATE INDEX shipments_order ON shipments (facility_id, order_id);

-- The narrow snapshot that may cross a region's border (R13, R38): no customer, no price. Derived from
-- orders on every database (see 016), then published between regions filtered by region.
CREATE TABLE order_statuses (
  region      text NOT NULL,
  facility_id text NOT NULL,
  order_id    uuid NOT NULL,
  tenant_id   text NOT NULL,
  order_no    text COLLATE "C" NOT NULL,
  status      text NOT NULL,
  updated_at  timestamptz NOT NULL,
  PRIMARY KEY (region, facility_id, order_id)
);
CREATE INDEX order_statuses_facility ON order_statuses (facility_id, order_id DESC);

-- One row for each accepted write, made before the write itself: the same key answers the stored answer.
-- It replicates with the data, so a placement that has the row is past the write.
CREATE TABLE idempotency (
  facility_id text NOT NULL,
  key         text NOT NULL,
  tenant_id   text NOT NULL,
  fingerprint text NOT NULL,
  answer      jsonb,
  at          timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (facility_id, tenant_id, key)
);

CALL app_protect('orders', 'facility');
CALL app_protect('order_lines', 'facility');
CALL app_protect('order_corrections', 'facility');
CALL app_protect('shipments', 'facility');
CALL app_protect('order_statuses', 'facility');
CALL app_protect('idempotency', 'facility');
