-- SPDX-License-Identifier: MIT
-- Changes at the edge: an order's way through its states, forward corrections, stock, inspections. The same
-- manner as create_order (031). expectedVersion keeps two writers from overwriting each other unseen.

-- Locks the order of the input's id; NULL, or the answer that refuses.
CREATE FUNCTION change_order_begin(kind text, input jsonb) RETURNS jsonb
  LANGUAGE plpgsql AS $$
DECLARE
  facility text := node_facility(input ->> 'id');
  answer jsonb := write_begin(kind, 'order', facility, input);
  found orders;
BEGIN
  IF answer IS NOT NULL THEN
    RETURN answer;
  END IF;
  SELECT * INTO found FROM orders o
  WHERE o.tenant_id = app_tenant() AND o.facility_id = facility AND o.order_id = node_uuid('Order', input ->> 'id')
  FOR UPDATE;
  IF found.order_id IS NULL THEN
    RETURN write_end(facility, input, write_answer('order', NULL, jsonb_build_array(
      write_error('VALIDATION', 'no such order', 'id'))));
  ELSIF found.version IS DISTINCT FROM (input ->> 'expectedVersion')::int THEN
    RETURN write_end(facility, input, write_answer('order', order_node_id(facility, found.order_id), jsonb_build_array(
      write_error('STALE_VERSION', format('the order is at version %s', found.version), 'expectedVersion'))));
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION order_of(input jsonb) RETURNS orders
  LANGUAGE sql STABLE AS $$
  SELECT o FROM orders o
  WHERE o.tenant_id = app_tenant() AND o.facility_id = node_facility(input ->> 'id')
    AND o.order_id = node_uuid('Order', input ->> 'id')
$$;

-- What a state brings with it: goods leave with 'shipped', arrive with 'delivered'.
CREATE FUNCTION order_goods_follow(o orders, status text, at timestamptz) RETURNS void
  LANGUAGE plpgsql AS $$
BEGIN
  IF status = 'shipped' THEN
    UPDATE order_lines l SET qty_shipped = l.qty_ordered
    WHERE l.tenant_id = o.tenant_id AND l.facility_id = o.facility_id AND l.order_id = o.order_id;
    INSERT INTO shipments (facility_id, shipment_id, order_id, tenant_id, qty, shipped_at)
    SELECT o.facility_id, uuid_v7(), o.order_id, o.tenant_id, sum(l.qty_ordered), at
    FROM order_lines l
    WHERE l.tenant_id = o.tenant_id AND l.facility_id = o.facility_id AND l.order_id = o.order_id
    HAVING count(*) > 0;
  ELSIF status = 'delivered' THEN
    UPDATE shipments s SET delivered_at = at
    WHERE s.tenant_id = o.tenant_id AND s.facility_id = o.facility_id AND s.order_id = o.order_id
      AND s.delivered_at IS NULL;
  END IF;
END $$;

CREATE FUNCTION update_order_status(input jsonb) RETURNS jsonb
  LANGUAGE plpgsql AS $$
DECLARE
  o orders;
  answer jsonb := change_order_begin('updateOrderStatus', input);
  wanted text := lower(input ->> 'status');
BEGIN
  IF answer IS NOT NULL THEN
    RETURN answer;
  END IF;
  o := order_of(input);
  IF NOT coalesce((o.status, wanted) IN (
       ('draft', 'confirmed'), ('draft', 'cancelled'), ('confirmed', 'in_production'), ('confirmed', 'cancelled'),
       ('in_production', 'shipped'), ('in_production', 'cancelled'), ('shipped', 'delivered')), false) THEN
    RETURN write_end(o.facility_id, input, write_answer('order', order_node_id(o.facility_id, o.order_id),
      jsonb_build_array(write_error('VALIDATION',
        format('an order that is %s does not become %s', o.status, coalesce(wanted, 'nothing')), 'status'))));
  END IF;
  UPDATE orders u
  SET status = wanted, version = u.version + 1, updated_at = now(),
      delivered_at = CASE WHEN wanted = 'delivered' THEN now() ELSE u.delivered_at END,
      cancelled_at = CASE WHEN wanted = 'cancelled' THEN now() ELSE u.cancelled_at END
  WHERE u.facility_id = o.facility_id AND u.order_id = o.order_id;
  PERFORM order_goods_follow(o, wanted, now());
  RETURN write_end(o.facility_id, input, write_answer('order', order_node_id(o.facility_id, o.order_id)));
END $$;

-- A forward correction with its reason (R20): the row changes, the log keeps what it was; nothing is undone.
CREATE FUNCTION correct_order(input jsonb) RETURNS jsonb
  LANGUAGE plpgsql AS $$
DECLARE
  o orders;
  answer jsonb := change_order_begin('correctOrder', input);
  what text := input ->> 'field';
  val text := input ->> 'value';
  before text;
  problem jsonb;
BEGIN
  IF answer IS NOT NULL THEN
    RETURN answer;
  END IF;
  o := order_of(input);
  problem := CASE
    WHEN trim(coalesce(input ->> 'reason', '')) = '' THEN
      write_error('VALIDATION', 'a correction needs a reason', 'reason')
    WHEN what IS NULL OR what NOT IN ('priority', 'promisedAt') THEN
      write_error('VALIDATION', 'field is priority or promisedAt', 'field')
    WHEN what = 'priority' AND coalesce(val, '') !~ '^[1-9]$' THEN
      write_error('VALIDATION', 'priority is 1 to 9', 'value')
    WHEN what = 'promisedAt' AND coalesce(val, '') !~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$' THEN
      write_error('VALIDATION', 'promisedAt is an RFC 3339 time', 'value') END;
  IF problem IS NOT NULL THEN
    RETURN write_end(o.facility_id, input,
                     write_answer('order', order_node_id(o.facility_id, o.order_id), jsonb_build_array(problem)));
  END IF;
  before := CASE what WHEN 'priority' THEN o.priority::text
                      ELSE to_char(o.promised_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') END;
  UPDATE orders u
  SET priority = CASE WHEN what = 'priority' THEN val::smallint ELSE u.priority END,
      promised_at = CASE WHEN what = 'promisedAt' THEN val::timestamptz ELSE u.promised_at END,
      version = u.version + 1, updated_at = now()
  WHERE u.facility_id = o.facility_id AND u.order_id = o.order_id;
  INSERT INTO order_corrections (facility_id, event_id, order_id, tenant_id, field, old_value, new_value, reason, actor)
  VALUES (o.facility_id, uuid_v7(), o.order_id, o.tenant_id, what, before, val, trim(input ->> 'reason'),
          coalesce(nullif(app_role(), ''), 'unknown'));
  RETURN write_end(o.facility_id, input, write_answer('order', order_node_id(o.facility_id, o.order_id)));
END $$;

CREATE FUNCTION adjust_inventory(input jsonb) RETURNS jsonb
  LANGUAGE plpgsql AS $$
DECLARE
  facility text := node_facility(input ->> 'facilityId');
  answer jsonb := write_begin('adjustInventory', 'level', facility, input);
  change numeric := write_decimal(input ->> 'delta');
  level inventory_levels;
  level_id text;
  problem jsonb;
BEGIN
  IF answer IS NOT NULL THEN
    RETURN answer;
  END IF;
  SELECT * INTO level FROM inventory_levels i
  WHERE i.tenant_id = app_tenant() AND i.facility_id = facility
    AND i.product_id = node_uuid('Product', input ->> 'productId')
  FOR UPDATE;
  level_id := node_id('InventoryLevel', level.region, facility, level.product_id::text);
  problem := CASE
    WHEN level.product_id IS NULL THEN write_error('VALIDATION', 'no stock of this product here', 'productId')
    WHEN change IS NULL OR change = 0 THEN
      write_error('VALIDATION', 'delta must be a decimal other than 0 with at most 4 places', 'delta')
    WHEN trim(coalesce(input ->> 'reason', '')) = '' THEN
      write_error('VALIDATION', 'an adjustment needs a reason', 'reason')
    WHEN level.available + change < 0 THEN
      write_error('INSUFFICIENT_STOCK', format('%s available', level.available), 'delta') END;
  IF problem IS NOT NULL THEN
    RETURN write_end(facility, input, write_answer('level', level_id, jsonb_build_array(problem)));
  END IF;
  INSERT INTO inventory_transactions (facility_id, txn_id, tenant_id, product_id, type, qty, unit_cost, ref_type,
                                      ref_id, actor, occurred_at)
  VALUES (facility, uuid_v7(), app_tenant(), level.product_id, 'adjustment', change, level.unit_cost, 'reason',
          trim(input ->> 'reason'), coalesce(nullif(app_role(), ''), 'unknown'), now());
  RETURN write_end(facility, input, write_answer('level', level_id));
END $$;

-- Ten defects in a thousand pass, more fail.
CREATE FUNCTION record_inspection(input jsonb) RETURNS jsonb
  LANGUAGE plpgsql AS $$
DECLARE
  facility text := node_facility(input ->> 'facilityId');
  answer jsonb := write_begin('recordInspection', 'inspection', facility, input);
  run production_runs;
  sample int := (input ->> 'sampleSize')::int;
  bad int := (input ->> 'defects')::int;
  new_id uuid := uuid_v7();
  problem jsonb;
BEGIN
  IF answer IS NOT NULL THEN
    RETURN answer;
  END IF;
  SELECT * INTO run FROM production_runs r
  WHERE r.tenant_id = app_tenant() AND r.facility_id = facility
    AND r.run_id = node_uuid('ProductionRun', input ->> 'runId');
  problem := CASE
    WHEN run.run_id IS NULL THEN write_error('VALIDATION', 'no such run', 'runId')
    WHEN coalesce(sample, 0) < 1 THEN write_error('VALIDATION', 'sampleSize must be at least 1', 'sampleSize')
    WHEN bad IS NULL OR bad NOT BETWEEN 0 AND sample THEN
      write_error('VALIDATION', 'defects must lie between 0 and sampleSize', 'defects') END;
  IF problem IS NOT NULL THEN
    RETURN write_end(facility, input, write_answer('inspection', NULL, jsonb_build_array(problem)));
  END IF;
  INSERT INTO quality_inspections (facility_id, inspection_id, run_id, tenant_id, product_id, type, sample_size,
                                   defects, result, inspected_at)
  VALUES (facility, new_id, run.run_id, app_tenant(), run.product_id, coalesce(input ->> 'type', 'final'), sample, bad,
          CASE WHEN bad * 100::bigint <= sample THEN 'pass' ELSE 'fail' END, now());
  RETURN write_end(facility, input, write_answer('inspection',
    (SELECT node_id('Inspection', n.region, run.facility_id, new_id::text) FROM node_self n)));
END $$;
