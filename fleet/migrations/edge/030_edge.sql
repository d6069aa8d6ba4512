-- SPDX-License-Identifier: MIT
-- What only a facility's own database has: the write grants for operational rows, the stock trigger, and
-- the numbering of orders.
CREATE SEQUENCE order_no_seq;
GRANT USAGE ON SEQUENCE order_no_seq TO gw_write;

-- The event log moves the level; the level row is published beside the transaction.
CREATE FUNCTION inventory_follow() RETURNS trigger
  LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO inventory_levels (region, facility_id, product_id, tenant_id, on_hand, unit_cost, last_updated)
  SELECT n.region, NEW.facility_id, NEW.product_id, NEW.tenant_id, NEW.qty, NEW.unit_cost, NEW.occurred_at
  FROM node_self n
  ON CONFLICT (region, facility_id, product_id)
  DO UPDATE SET on_hand = inventory_levels.on_hand + EXCLUDED.on_hand,
                last_updated = greatest(inventory_levels.last_updated, EXCLUDED.last_updated);
  RETURN NULL;
END $$;
CREATE TRIGGER inventory_follow AFTER INSERT ON inventory_transactions
  FOR EACH ROW EXECUTE FUNCTION inventory_follow();

GRANT INSERT, UPDATE ON orders, order_lines, shipments, equipment, equipment_status_log, production_orders,
  production_runs, inventory_levels, order_statuses TO gw_write;
GRANT INSERT ON order_corrections, production_logs, quality_inspections, inventory_transactions TO gw_write;
GRANT INSERT, UPDATE, DELETE ON idempotency TO gw_write;
