-- SPDX-License-Identifier: MIT
-- Key figures of a few hours from raw rows (schema/kpis.yaml) must not read all orders of two years: with
-- orders_open and orders_delivered this lets Postgres find those cancelled in an hour, and those open at its end.
CREATE INDEX orders_cancelled ON orders (facility_id, cancelled_at) WHERE cancelled_at IS NOT NULL;
