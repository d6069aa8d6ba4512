# SPDX-License-Identifier: MIT
"""Columns of the files that generate.py writes and load.py copies, in file order."""

COLUMNS = {
    "tenants": "tenant_id code name home_region default_currency",
    "facilities": "tenant_id facility_id region code name country time_zone currency edge_vpn_host",
    "facility_contacts": "tenant_id facility_id contact_id name email phone sms_enabled phone_call_enabled is_primary",
    "customers": "tenant_id customer_id region code name country credit_hold updated_at",
    "products": "tenant_id product_id sku name category uom std_cost ideal_cycle_s updated_at",
    "product_prices": "tenant_id price_id product_id currency valid_from customer_id unit_price",
    "system_configuration": "tenant_id key value updated_at",
    "orders": "facility_id order_id tenant_id order_no customer_id status priority currency fx_usd total_amount"
              " ordered_at promised_at delivered_at cancelled_at version updated_at",
    "order_lines": "facility_id order_id line_no tenant_id product_id qty_ordered qty_shipped unit_price line_amount",
    "order_statuses": "region facility_id order_id tenant_id order_no status updated_at",
    "shipments": "facility_id shipment_id order_id tenant_id carrier qty shipped_at delivered_at",
    "equipment": "facility_id equipment_id tenant_id code type rate_per_hour status status_since",
    "equipment_status_log": "facility_id log_id equipment_id tenant_id status reason_code started_at ended_at",
    "production_orders": "facility_id production_order_id order_id tenant_id product_id qty_planned status due_at",
    "production_runs": "facility_id run_id production_order_id equipment_id tenant_id product_id status planned_start"
                       " planned_end actual_start actual_end qty_planned qty_good qty_scrap qty_rework updated_at",
    "production_logs": "facility_id log_id run_id equipment_id tenant_id product_id logged_at good scrap rework"
                       " ideal_cycle_s",
    "quality_inspections": "facility_id inspection_id run_id tenant_id product_id type sample_size defects result"
                           " disposition inspected_at",
    "inventory_transactions": "facility_id txn_id tenant_id product_id type qty unit_cost ref_type ref_id actor"
                              " occurred_at",
    "inventory_levels": "region facility_id product_id tenant_id on_hand allocated reorder_point safety_stock"
                        " unit_cost last_updated",
    # inventory_levels as other regions get it, without the cost
    "inventory_snapshot": "region facility_id product_id tenant_id on_hand allocated reorder_point safety_stock"
                          " last_updated",
    "heartbeat": "region facility_id beat_at seq",
    "facility_status": "region facility_id tenant_id online last_seen_at",
    "facility_directory": "facility_id tenant_id region code name time_zone currency",
}
COLUMNS = {table: columns.split() for table, columns in COLUMNS.items()}

# What a facility owns and publishes upward.
OPERATIONAL = ("orders", "order_lines", "shipments", "equipment", "equipment_status_log", "production_orders",
               "production_runs", "production_logs", "quality_inspections", "inventory_transactions",
               "inventory_levels", "heartbeat")
