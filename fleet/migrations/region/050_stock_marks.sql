-- SPDX-License-Identifier: MIT
-- A movement of stock changes every balance after it, so one that comes late marks all hours from its own.
CREATE FUNCTION rollup_mark_balance() RETURNS trigger
  LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM rollup_mark(coalesce(NEW.facility_id, OLD.facility_id), least(OLD.occurred_at, NEW.occurred_at), NULL);
  RETURN NULL;
END $$;
CREATE TRIGGER rollup_late_insert AFTER INSERT ON inventory_transactions FOR EACH ROW
  WHEN (NEW.occurred_at < date_trunc('hour', now(), 'UTC')) EXECUTE FUNCTION rollup_mark_balance();
CREATE TRIGGER rollup_late_change AFTER UPDATE OR DELETE ON inventory_transactions FOR EACH ROW
  WHEN (OLD.occurred_at < date_trunc('hour', now(), 'UTC')) EXECUTE FUNCTION rollup_mark_balance();
ALTER TABLE inventory_transactions ENABLE ALWAYS TRIGGER rollup_late_insert;
ALTER TABLE inventory_transactions ENABLE ALWAYS TRIGGER rollup_late_change;
