-- SPDX-License-Identifier: MIT
-- order_statuses follows orders on every database. ENABLE ALWAYS: in a region the orders arrive by apply,
-- which fires no ordinary trigger (T5), and whose search_path is empty, hence the SET.
CREATE FUNCTION order_statuses_follow() RETURNS trigger
  LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    DELETE FROM order_statuses s USING node_self n
    WHERE s.region = n.region AND s.facility_id = OLD.facility_id AND s.order_id = OLD.order_id;
    RETURN NULL;
  END IF;
  INSERT INTO order_statuses (region, facility_id, order_id, tenant_id, order_no, status, updated_at)
  SELECT n.region, NEW.facility_id, NEW.order_id, NEW.tenant_id, NEW.order_no, NEW.status, NEW.updated_at
  FROM node_self n
  ON CONFLICT (region, facility_id, order_id)
  DO UPDATE SET status = EXCLUDED.status, order_no = EXCLUDED.order_no, updated_at = EXCLUDED.updated_at;
  RETURN NULL;
END $$;

CREATE TRIGGER order_statuses_insert AFTER INSERT OR DELETE ON orders
  FOR EACH ROW EXECUTE FUNCTION order_statuses_follow();
CREATE TRIGGER order_statuses_update AFTER UPDATE ON orders
  FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status OR OLD.order_no IS DISTINCT FROM NEW.order_no)
  EXECUTE FUNCTION order_statuses_follow();
ALTER TABLE orders ENABLE ALWAYS TRIGGER order_statuses_insert;
ALTER TABLE orders ENABLE ALWAYS TRIGGER order_statuses_update;
