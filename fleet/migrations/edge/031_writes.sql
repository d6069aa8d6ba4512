-- SPDX-License-Identifier: MIT
-- Writes at the edge, the single writer of operational rows (R18, R19). Each function takes the GraphQL
-- input as jsonb and answers the payload; it runs with the caller's rights (gw_write, row-level security).
-- One call is one transaction: first the idempotency row, which also makes two calls with one key wait for
-- each other, then the rules, then the rows. A refused call leaves no idempotency row, so the caller may
-- put right what was wrong and use the key again.

-- NULL: the key is new and now ours, go on. Else the answer to give: the stored one, or a refusal.
CREATE FUNCTION write_begin(kind text, name text, facility text, input jsonb) RETURNS jsonb
  LANGUAGE plpgsql AS $$
DECLARE
  print text := write_fingerprint(kind, input);
  stored record;
BEGIN
  IF facility IS DISTINCT FROM (SELECT n.facility FROM node_self n) THEN
    RETURN write_answer(name, NULL, jsonb_build_array(
      write_error('VALIDATION', format('%s is not written here', coalesce(facility, 'no facility')), 'facilityId')));
  END IF;
  IF coalesce(input ->> 'key', '') = '' OR length(input ->> 'key') > 200 THEN
    RETURN write_answer(name, NULL, jsonb_build_array(
      write_error('VALIDATION', 'key must have 1 to 200 characters', 'key')));
  END IF;
  INSERT INTO idempotency (facility_id, key, tenant_id, fingerprint)
  VALUES (facility, input ->> 'key', app_tenant(), print)
  ON CONFLICT (facility_id, tenant_id, key) DO NOTHING;
  IF FOUND THEN
    RETURN NULL;
  END IF;
  SELECT i.fingerprint, i.answer INTO stored FROM idempotency i
  WHERE i.facility_id = facility AND i.tenant_id = app_tenant() AND i.key = input ->> 'key';
  IF stored.fingerprint = print AND stored.answer IS NOT NULL THEN
    RETURN stored.answer;
  END IF;
  RETURN write_answer(name, NULL, jsonb_build_array(
    write_error('VALIDATION', 'key was used for another request', 'key')));
END $$;

CREATE FUNCTION write_end(facility text, input jsonb, answer jsonb) RETURNS jsonb
  LANGUAGE plpgsql AS $$
BEGIN
  IF answer -> 'errors' = '[]' THEN
    UPDATE idempotency i SET answer = write_end.answer
    WHERE i.facility_id = facility AND i.tenant_id = app_tenant() AND i.key = input ->> 'key';
  ELSE
    DELETE FROM idempotency i
    WHERE i.facility_id = facility AND i.tenant_id = app_tenant() AND i.key = input ->> 'key';
  END IF;
  RETURN answer;
END $$;

CREATE FUNCTION order_node_id(at_facility text, order_id uuid) RETURNS text
  LANGUAGE sql STABLE AS $$
  SELECT node_id('Order', n.region, at_facility, order_id::text) FROM node_self n
$$;

-- The lines of a new order with price and verdict. The customer's own price goes before the list price,
-- the newest valid one before older ones.
CREATE FUNCTION create_order_lines(input jsonb, customer uuid)
  RETURNS TABLE (line_no int, product_id uuid, qty numeric, unit_price numeric, errors jsonb)
  LANGUAGE sql STABLE AS $$
  SELECT l.no::int, p.product_id, l.qty, coalesce(l.price, list.unit_price),
         to_jsonb(array_remove(ARRAY[
           CASE WHEN p.product_id IS NULL THEN
             write_error('VALIDATION', 'no such product', 'lines', (l.no - 1)::text, 'productId') END,
           CASE WHEN l.qty IS NULL OR l.qty <= 0 THEN
             write_error('VALIDATION', 'qty must be a positive decimal with at most 4 places',
                         'lines', (l.no - 1)::text, 'qty') END,
           CASE WHEN l.price_text IS NOT NULL AND (l.price IS NULL OR l.price < 0) THEN
             write_error('VALIDATION', 'unitPrice must be a decimal of at least 0 with at most 4 places',
                         'lines', (l.no - 1)::text, 'unitPrice') END,
           CASE WHEN p.product_id IS NOT NULL AND l.price_text IS NULL AND list.unit_price IS NULL THEN
             write_error('VALIDATION', format('no price in %s', input ->> 'currency'),
                         'lines', (l.no - 1)::text, 'unitPrice') END], NULL))
  FROM (SELECT e.no, node_uuid('Product', e.line ->> 'productId') AS id, write_decimal(e.line ->> 'qty') AS qty,
               e.line ->> 'unitPrice' AS price_text, write_decimal(e.line ->> 'unitPrice') AS price
        FROM jsonb_array_elements(input -> 'lines') WITH ORDINALITY e(line, no)) l
  LEFT JOIN products p ON p.tenant_id = app_tenant() AND p.product_id = l.id AND p.is_active
  LEFT JOIN LATERAL (
    SELECT r.unit_price FROM product_prices r
    WHERE r.tenant_id = app_tenant() AND r.product_id = l.id AND r.currency = input ->> 'currency'
      AND r.valid_from <= current_date AND (r.customer_id IS NULL OR r.customer_id = customer)
    ORDER BY r.customer_id NULLS LAST, r.valid_from DESC LIMIT 1) list ON true
$$;

CREATE FUNCTION create_order(input jsonb) RETURNS jsonb
  LANGUAGE plpgsql AS $$
DECLARE
  facility text := node_facility(input ->> 'facilityId');
  answer jsonb := write_begin('createOrder', 'order', facility, input);
  problems jsonb := '[]';
  buyer record;
  rate numeric;
  new_id uuid := uuid_v7();
BEGIN
  IF answer IS NOT NULL THEN
    RETURN answer;
  END IF;
  SELECT c.customer_id, c.credit_hold INTO buyer FROM customers c
  WHERE c.tenant_id = app_tenant() AND c.customer_id = node_uuid('Customer', input ->> 'customerId');
  IF NOT FOUND THEN
    problems := problems || write_error('VALIDATION', 'no such customer', 'customerId');
  ELSIF buyer.credit_hold THEN
    problems := problems || write_error('CREDIT_HOLD', 'the customer is on credit hold', 'customerId');
  END IF;
  SELECT (s.value ->> (input ->> 'currency'))::numeric INTO rate FROM system_configuration s
  WHERE s.tenant_id = app_tenant() AND s.key = 'fx.usd';
  IF rate IS NULL THEN
    problems := problems || write_error('VALIDATION', 'no rate for this currency', 'currency');
  END IF;
  IF jsonb_typeof(input -> 'lines') IS DISTINCT FROM 'array'
     OR jsonb_array_length(input -> 'lines') NOT BETWEEN 1 AND 500 THEN
    RETURN write_end(facility, input, write_answer('order', NULL,
      problems || write_error('VALIDATION', 'an order has 1 to 500 lines', 'lines')));
  END IF;

  SELECT problems || coalesce(jsonb_agg(e ORDER BY l.line_no), '[]') INTO problems
  FROM create_order_lines(input, buyer.customer_id) l, jsonb_array_elements(l.errors) e;
  IF problems <> '[]' THEN
    RETURN write_end(facility, input, write_answer('order', NULL, problems));
  END IF;

  INSERT INTO order_lines (facility_id, order_id, line_no, tenant_id, product_id, qty_ordered, unit_price, line_amount)
  SELECT facility, new_id, l.line_no, app_tenant(), l.product_id, l.qty, l.unit_price, round(l.qty * l.unit_price, 4)
  FROM create_order_lines(input, buyer.customer_id) l;
  INSERT INTO orders (facility_id, order_id, tenant_id, order_no, customer_id, status, currency, fx_usd,
                      total_amount, ordered_at, promised_at)
  SELECT facility, new_id, app_tenant(),
         upper(regexp_replace(facility, '^facility-', '')) || '-' || lpad(nextval('order_no_seq')::text, 7, '0'),
         buyer.customer_id, 'confirmed', input ->> 'currency', rate, sum(l.line_amount), now(),
         coalesce((input ->> 'promisedAt')::timestamptz, now() + interval '5 days')
  FROM order_lines l WHERE l.facility_id = facility AND l.order_id = new_id;
  RETURN write_end(facility, input, write_answer('order', order_node_id(facility, new_id)));
END $$;
