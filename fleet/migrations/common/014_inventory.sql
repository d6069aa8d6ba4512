-- SPDX-License-Identifier: MIT
-- Stock. Transactions are the event log; levels are kept by a trigger at the edge and published from there
-- (T5: apply would not fire an ordinary trigger in the region).
CREATE TABLE inventory_transactions (
  facility_id text NOT NULL,
  txn_id      uuid NOT NULL,
  tenant_id   text NOT NULL,
  product_id  uuid NOT NULL,
  type        text NOT NULL CHECK (type IN
                ('receipt', 'issue', 'transfer', 'adjustment', 'cycle_count', 'return', 'scrap')),
  qty         numeric(18,4) NOT NULL,      -- signed: what on_hand changes by
  unit_cost   numeric(18,4),
  ref_type    text,
  ref_id      text,
  actor       text NOT NULL,
  occurred_at timestamptz NOT NULL,
  PRIMARY KEY (facility_id, txn_id)
);
CREATE INDEX inventory_transactions_product ON inventory_transactions (facility_id, product_id, occurred_at DESC);

-- One relation for own and neighbours' stock. A region publishes WHERE region = its own, with a column
-- list that leaves unit_cost out (R38), so a neighbour's row has unit_cost NULL; rows that came from a
-- neighbour carry its region and are never sent on.
CREATE TABLE inventory_levels (
  region        text NOT NULL,
  facility_id   text NOT NULL,
  product_id    uuid NOT NULL,
  tenant_id     text NOT NULL,
  on_hand       numeric(18,4) NOT NULL,
  allocated     numeric(18,4) NOT NULL DEFAULT 0,
  reorder_point numeric(18,4),
  safety_stock  numeric(18,4),
  unit_cost     numeric(18,4),
  last_updated  timestamptz NOT NULL,
  available     numeric(18,4) NOT NULL GENERATED ALWAYS AS (on_hand - allocated) STORED,
  below_reorder boolean NOT NULL GENERATED ALWAYS AS (coalesce(on_hand - allocated <= reorder_point, false)) STORED,
  PRIMARY KEY (region, facility_id, product_id)
);
CREATE INDEX inventory_levels_facility ON inventory_levels (facility_id, product_id);
CREATE INDEX inventory_levels_low ON inventory_levels (facility_id, product_id) WHERE below_reorder;

CALL app_protect('inventory_transactions', 'facility');
CALL app_protect('inventory_levels', 'facility');
