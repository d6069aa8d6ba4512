-- SPDX-License-Identifier: MIT
-- A small world for the SQL compiler's tests: two tenants, three facilities of one region and a neighbour's stock.
-- Fixed ids, so that answers can be written down. t-bar has rows inside facility-la-001 and a customer of the same
-- id as one of t-foo's: only the tenant keeps them apart.
INSERT INTO facilities (tenant_id, facility_id, region, code, name, country, time_zone, currency, mode) VALUES
  ('t-foo', 'facility-la-001', 'us-east', 'facility-la-001', 'Los Angeles', 'US', 'America/Los_Angeles', 'USD', 'normal'),
  ('t-foo', 'facility-newyork-001', 'us-east', 'facility-newyork-001', 'New York "NY"', 'US', 'America/New_York', 'USD', 'cloud_fallback'),
  ('t-bar', 'facility-boston-001', 'us-east', 'facility-boston-001', 'Boston', 'US', 'America/New_York', 'USD', 'normal'),
  ('t-foo', 'facility-frankfurt-001', 'eu-central', 'facility-frankfurt-001', 'Frankfurt', 'DE', 'Europe/Berlin', 'EUR', 'normal');
INSERT INTO facility_status (region, facility_id, tenant_id, online, last_seen_at, offline_since, lag_bytes) VALUES
  ('us-east', 'facility-la-001', 't-foo', true, now(), NULL, 9007199254740993),
  ('us-east', 'facility-newyork-001', 't-foo', false, now() - interval '2 hours', now() - interval '2 hours', 0),
  ('us-east', 'facility-boston-001', 't-bar', true, now(), NULL, 0);
INSERT INTO heartbeat (region, facility_id, beat_at, seq) VALUES
  ('us-east', 'facility-la-001', '2025-12-10 14:30:00.25+00', 7), ('us-east', 'facility-boston-001', now(), 1);
INSERT INTO customers (tenant_id, customer_id, region, code, name, country) VALUES
  ('t-foo', '00000000-0000-7000-8000-0000000000c1', 'us-east', 'C-1', 'Acme "Print" \ Sons', 'US'),
  ('t-foo', '00000000-0000-7000-8000-0000000000c2', 'us-east', 'C-2', '100%_sure Ltd', NULL),
  ('t-bar', '00000000-0000-7000-8000-0000000000c1', 'us-east', 'C-1', 'CANARY-BAR customer', 'US');
INSERT INTO products (tenant_id, product_id, sku, name, category, uom, std_cost)
SELECT t, ('00000000-0000-7000-8000-0000000000d' || n)::uuid, 'SKU-' || n,
       CASE t WHEN 't-bar' THEN 'CANARY-BAR product ' ELSE 'Product ' END || n, NULL, 'pcs', 1.5
FROM unnest(ARRAY['t-foo', 't-bar']) t, generate_series(1, 4) n;
-- Orders 1 to 9 of t-foo in two facilities, two of them at the same instant; 10 is t-bar's.
INSERT INTO orders (facility_id, order_id, tenant_id, order_no, customer_id, status, currency, fx_usd, total_amount,
                    ordered_at, promised_at, delivered_at)
SELECT CASE WHEN n % 3 = 0 THEN 'facility-newyork-001' ELSE 'facility-la-001' END,
       ('00000000-0000-7000-8000-0000000000' || lpad(n::text, 2, '0'))::uuid,
       CASE WHEN n = 10 THEN 't-bar' ELSE 't-foo' END, CASE WHEN n = 10 THEN 'CANARY-BAR-10' ELSE 'SO-' || n END,
       '00000000-0000-7000-8000-0000000000c1',
       (ARRAY['draft', 'confirmed', 'in_production', 'shipped', 'delivered'])[1 + n % 5], 'USD', 1,
       CASE WHEN n = 1 THEN 12345678901234.5678 ELSE n * 10 END,
       '2025-12-01 00:00:00+00'::timestamptz + (n - n / 5) * interval '1 hour 0.000001 s',
       CASE WHEN n % 4 <> 0 THEN '2025-12-02 00:00:00+00'::timestamptz + (n % 3) * interval '1 day' END,
       CASE WHEN n % 5 = 4 THEN '2025-12-03 12:00:00+00'::timestamptz END
FROM generate_series(1, 10) n;
INSERT INTO order_lines (facility_id, order_id, line_no, tenant_id, product_id, qty_ordered, unit_price, line_amount)
SELECT o.facility_id, o.order_id, n, o.tenant_id, ('00000000-0000-7000-8000-0000000000d' || n)::uuid, n * 5, 2, n * 10
FROM orders o, generate_series(1, 2) n;
INSERT INTO shipments (facility_id, shipment_id, order_id, tenant_id, carrier, qty, shipped_at) VALUES
  ('facility-la-001', '00000000-0000-7000-8000-0000000000e1', '00000000-0000-7000-8000-000000000001', 't-foo', 'UPS', 5, '2025-12-02 08:00:00+00');
INSERT INTO order_corrections (facility_id, event_id, order_id, tenant_id, field, old_value, new_value, reason, actor, at) VALUES
  ('facility-la-001', '00000000-0000-7000-8000-0000000000f1', '00000000-0000-7000-8000-000000000001', 't-foo', 'priority', '3', '5', 'keyed wrong', 'ann', '2025-12-02 09:00:00+00');
INSERT INTO inventory_levels (region, facility_id, product_id, tenant_id, on_hand, allocated, reorder_point, last_updated)
SELECT CASE WHEN f LIKE '%frankfurt%' THEN 'eu-central' ELSE 'us-east' END, f,
       ('00000000-0000-7000-8000-0000000000d' || n)::uuid, t, n * 100, n, CASE WHEN n < 4 THEN 150 END, '2025-12-10 00:00:00+00'
FROM (VALUES ('facility-la-001', 't-foo', 1, 3), ('facility-la-001', 't-bar', 4, 4), ('facility-frankfurt-001', 't-foo', 1, 2)) v(f, t, lo, hi),
     generate_series(lo, hi) n;
INSERT INTO equipment (facility_id, equipment_id, tenant_id, code, type, status, status_since) VALUES
  ('facility-la-001', '00000000-0000-7000-8000-0000000000a1', 't-foo', 'PRESS-1', 'press', 'productive', '2025-12-10 00:00:00+00'),
  ('facility-la-001', '00000000-0000-7000-8000-0000000000a2', 't-foo', 'PRESS-2', 'press', 'no_operator', '2025-12-10 00:00:00+00');
INSERT INTO equipment_status_log (facility_id, log_id, equipment_id, tenant_id, status, reason_code, started_at, ended_at) VALUES
  ('facility-la-001', '00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000a1', 't-foo', 'setup', NULL, '2025-12-09 22:00:00+00', '2025-12-10 00:00:00+00'),
  ('facility-la-001', '00000000-0000-7000-8000-0000000000b2', '00000000-0000-7000-8000-0000000000a1', 't-foo', 'productive', NULL, '2025-12-10 00:00:00+00', NULL);
INSERT INTO production_orders (facility_id, production_order_id, order_id, tenant_id, product_id, qty_planned, status) VALUES
  ('facility-la-001', '00000000-0000-7000-8000-000000000091', '00000000-0000-7000-8000-000000000001', 't-foo', '00000000-0000-7000-8000-0000000000d1', 50, 'in_progress');
INSERT INTO production_runs (facility_id, run_id, production_order_id, equipment_id, tenant_id, product_id, status, planned_start, actual_start, qty_planned, qty_good, qty_scrap) VALUES
  ('facility-la-001', '00000000-0000-7000-8000-000000000081', '00000000-0000-7000-8000-000000000091', '00000000-0000-7000-8000-0000000000a1', 't-foo', '00000000-0000-7000-8000-0000000000d1', 'in_progress', '2025-12-10 01:00:00+00', '2025-12-10 01:05:00+00', 50, 20, 1),
  ('facility-la-001', '00000000-0000-7000-8000-000000000082', '00000000-0000-7000-8000-000000000091', '00000000-0000-7000-8000-0000000000a1', 't-foo', '00000000-0000-7000-8000-0000000000d2', 'scheduled', '2025-12-11 01:00:00+00', NULL, 10, 0, 0);
INSERT INTO quality_inspections (facility_id, inspection_id, run_id, tenant_id, product_id, type, sample_size, defects, result, inspected_at) VALUES
  ('facility-la-001', '00000000-0000-7000-8000-000000000071', '00000000-0000-7000-8000-000000000081', 't-foo', '00000000-0000-7000-8000-0000000000d1', 'visual', 20, 1, 'fail', '2025-12-10 02:00:00+00');
