-- SPDX-License-Identifier: MIT
-- Who may do what on edges and regions alike. Grants stand on parents only: partitions are not to be
-- read around their parent's policy.
GRANT SELECT ON tenants, facilities, customers, products, product_prices, system_configuration,
  orders, order_lines, order_corrections, shipments, order_statuses, idempotency,
  equipment, equipment_status_log, production_orders, production_runs, production_logs, quality_inspections,
  inventory_transactions, inventory_levels, heartbeat, facility_status, region_status, facility_state, facility_board
  TO gw_read, gw_write, rollup, ops;
GRANT SELECT ON facility_contacts, edge_alerts TO ops;

GRANT INSERT, UPDATE ON facility_status, region_status, heartbeat, edge_alerts TO ops;
REVOKE EXECUTE ON FUNCTION ensure_partitions(int, int), drop_partitions(text, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ensure_partitions(int, int), drop_partitions(text, int) TO ops;

-- Apply runs with the rights of the subscription's owner, triggers included.
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA public TO repl;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON TABLES TO repl;
