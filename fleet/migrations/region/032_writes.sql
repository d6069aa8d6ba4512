-- SPDX-License-Identifier: MIT
-- Writes of master data in the region, the single writer of it (R18). The manner is the edge's: idempotency
-- row first, a refusal leaves none. Rows and keys go through the outbox to the other environment.
CREATE TABLE master_idempotency (
  tenant_id   text NOT NULL,
  key         text NOT NULL,
  fingerprint text NOT NULL,
  answer      jsonb,
  at          timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, key)
);
CALL app_protect('master_idempotency', 'tenant');
-- Only when the answer is known: an entry without one would say that a request is still under way.
CREATE TRIGGER outbox_put AFTER UPDATE ON master_idempotency FOR EACH ROW EXECUTE FUNCTION outbox_put();
GRANT SELECT, INSERT, UPDATE, DELETE ON master_idempotency TO gw_write;
GRANT SELECT ON master_idempotency TO gw_read, ops;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON master_idempotency TO repl;

-- The fence: only the live environment takes writes, and only of the epoch that the writer knows (app.epoch,
-- where it is set). Share-locked, so that a cutover waits for writes under way and later ones see it.
CREATE FUNCTION write_fence() RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  s region_status;
  own text := (SELECT n.env FROM node_self n);
BEGIN
  SELECT r.* INTO s FROM region_status r JOIN node_self n ON n.region = r.region FOR SHARE OF r;
  IF s.live_env IS DISTINCT FROM own
     OR coalesce(nullif(current_setting('app.epoch', true), ''), s.epoch::text) <> s.epoch::text THEN
    RAISE EXCEPTION 'environment % is not live at this epoch', own
      USING ERRCODE = 'MR001', DETAIL = format('live %s, epoch %s', s.live_env, s.epoch);
  END IF;
END $$;

CREATE FUNCTION master_begin(kind text, name text, input jsonb) RETURNS jsonb
  LANGUAGE plpgsql AS $$
DECLARE
  stored record;
BEGIN
  PERFORM write_fence();
  IF coalesce(input ->> 'key', '') = '' OR length(input ->> 'key') > 200 THEN
    RETURN write_answer(name, NULL, jsonb_build_array(
      write_error('VALIDATION', 'key must have 1 to 200 characters', 'key')));
  END IF;
  INSERT INTO master_idempotency (tenant_id, key, fingerprint)
  VALUES (app_tenant(), input ->> 'key', write_fingerprint(kind, input))
  ON CONFLICT (tenant_id, key) DO NOTHING;
  IF FOUND THEN
    RETURN NULL;
  END IF;
  SELECT i.fingerprint, i.answer INTO stored FROM master_idempotency i
  WHERE i.tenant_id = app_tenant() AND i.key = input ->> 'key';
  IF stored.fingerprint = write_fingerprint(kind, input) AND stored.answer IS NOT NULL THEN
    RETURN stored.answer;
  END IF;
  RETURN write_answer(name, NULL, jsonb_build_array(
    write_error('VALIDATION', 'key was used for another request', 'key')));
END $$;

CREATE FUNCTION master_end(input jsonb, answer jsonb) RETURNS jsonb
  LANGUAGE plpgsql AS $$
BEGIN
  IF answer -> 'errors' = '[]' THEN
    UPDATE master_idempotency i SET answer = master_end.answer
    WHERE i.tenant_id = app_tenant() AND i.key = input ->> 'key';
  ELSE
    DELETE FROM master_idempotency i WHERE i.tenant_id = app_tenant() AND i.key = input ->> 'key';
  END IF;
  RETURN answer;
END $$;

-- Without id a new customer, with id a change of that one. Codes are unique within the tenant.
CREATE FUNCTION upsert_customer(input jsonb) RETURNS jsonb
  LANGUAGE plpgsql AS $$
DECLARE
  answer jsonb := master_begin('upsertCustomer', 'customer', input);
  wanted uuid := node_uuid('Customer', input ->> 'id');
  problem jsonb;
BEGIN
  IF answer IS NOT NULL THEN
    RETURN answer;
  END IF;
  problem := CASE
    WHEN trim(coalesce(input ->> 'code', '')) = '' THEN write_error('VALIDATION', 'code must not be empty', 'code')
    WHEN trim(coalesce(input ->> 'name', '')) = '' THEN write_error('VALIDATION', 'name must not be empty', 'name')
    WHEN input ->> 'country' !~ '^[A-Z]{2}$' THEN write_error('VALIDATION', 'country is two capital letters', 'country')
    WHEN input ->> 'id' IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM customers c WHERE c.tenant_id = app_tenant() AND c.customer_id = wanted) THEN
      write_error('VALIDATION', 'no such customer', 'id')
    WHEN EXISTS (SELECT 1 FROM customers c WHERE c.tenant_id = app_tenant() AND c.code = trim(input ->> 'code')
                 AND c.customer_id IS DISTINCT FROM wanted) THEN
      write_error('VALIDATION', 'another customer has this code', 'code') END;
  IF problem IS NOT NULL THEN
    RETURN master_end(input, write_answer('customer', NULL, jsonb_build_array(problem)));
  END IF;
  wanted := coalesce(wanted, uuid_v7());
  INSERT INTO customers (tenant_id, customer_id, region, code, name, country, credit_hold)
  SELECT app_tenant(), wanted, n.region, trim(input ->> 'code'), trim(input ->> 'name'), input ->> 'country',
         coalesce((input ->> 'creditHold')::boolean, false)
  FROM node_self n
  ON CONFLICT (tenant_id, customer_id) DO UPDATE
  SET code = EXCLUDED.code, name = EXCLUDED.name, country = coalesce(EXCLUDED.country, customers.country),
      credit_hold = coalesce((input ->> 'creditHold')::boolean, customers.credit_hold), updated_at = now();
  RETURN master_end(input, write_answer('customer', node_id('Customer', '', '', wanted::text)));
END $$;

CREATE FUNCTION set_product_price(input jsonb) RETURNS jsonb
  LANGUAGE plpgsql AS $$
DECLARE
  answer jsonb := master_begin('setProductPrice', 'product', input);
  goods uuid := node_uuid('Product', input ->> 'productId');
  buyer uuid := node_uuid('Customer', input ->> 'customerId');
  price numeric := write_decimal(input ->> 'unitPrice');
  problem jsonb;
BEGIN
  IF answer IS NOT NULL THEN
    RETURN answer;
  END IF;
  problem := CASE
    WHEN NOT EXISTS (SELECT 1 FROM products p WHERE p.tenant_id = app_tenant() AND p.product_id = goods) THEN
      write_error('VALIDATION', 'no such product', 'productId')
    WHEN coalesce(input ->> 'currency', '') !~ '^[A-Z]{3}$' THEN
      write_error('VALIDATION', 'currency is three capital letters', 'currency')
    WHEN coalesce(input ->> 'validFrom', '') !~ '^\d{4}-\d\d-\d\d$' THEN
      write_error('VALIDATION', 'validFrom is a date', 'validFrom')
    WHEN price IS NULL OR price < 0 THEN
      write_error('VALIDATION', 'unitPrice must be a decimal of at least 0 with at most 4 places', 'unitPrice')
    WHEN input ->> 'customerId' IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM customers c WHERE c.tenant_id = app_tenant() AND c.customer_id = buyer) THEN
      write_error('VALIDATION', 'no such customer', 'customerId') END;
  IF problem IS NOT NULL THEN
    RETURN master_end(input, write_answer('product', NULL, jsonb_build_array(problem)));
  END IF;
  INSERT INTO product_prices (tenant_id, price_id, product_id, currency, valid_from, customer_id, unit_price)
  VALUES (app_tenant(), uuid_v7(), goods, input ->> 'currency', (input ->> 'validFrom')::date, buyer, price)
  ON CONFLICT (tenant_id, product_id, currency, valid_from, customer_id) DO UPDATE SET unit_price = EXCLUDED.unit_price;
  RETURN master_end(input, write_answer('product', node_id('Product', '', '', goods::text)));
END $$;
