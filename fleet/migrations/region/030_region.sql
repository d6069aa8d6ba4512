-- SPDX-License-Identifier: MIT
-- What only a region's databases have: arrival times, dirty hours for the rollup, the write grants for
-- master data.

-- Filled on apply, since the publisher's rows lack the column (T10): when the row came to this database.
ALTER TABLE orders ADD COLUMN ingested_at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE order_lines ADD COLUMN ingested_at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE shipments ADD COLUMN ingested_at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE equipment_status_log ADD COLUMN ingested_at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE production_logs ADD COLUMN ingested_at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE quality_inspections ADD COLUMN ingested_at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE inventory_transactions ADD COLUMN ingested_at timestamptz NOT NULL DEFAULT clock_timestamp();

-- The arrival of each beat by this database's clock; beside beat_at it bounds the edge's clock skew.
ALTER TABLE heartbeat ADD COLUMN received_at timestamptz NOT NULL DEFAULT clock_timestamp();
CREATE FUNCTION heartbeat_received() RETURNS trigger
  LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  NEW.received_at := clock_timestamp();
  RETURN NEW;
END $$;
CREATE TRIGGER heartbeat_received BEFORE UPDATE ON heartbeat
  FOR EACH ROW EXECUTE FUNCTION heartbeat_received();
ALTER TABLE heartbeat ENABLE ALWAYS TRIGGER heartbeat_received;
CREATE OR REPLACE VIEW facility_board AS
  SELECT coalesce(s.region, h.region) AS region, coalesce(s.facility_id, h.facility_id) AS facility_id,
         h.beat_at, h.seq, s.online, s.last_seen_at, s.offline_since, s.escalated, s.lag_bytes, h.received_at
  FROM facility_status s FULL JOIN heartbeat h USING (region, facility_id);

-- Closed hours whose rows changed after the hour was over. The worker rebuilds the hour and then deletes
-- the mark only if marked_at is still what it read: a mark made meanwhile has a newer one and stays.
CREATE TABLE rollup_dirty (
  facility_id text NOT NULL,
  hour        timestamptz NOT NULL,
  marked_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (facility_id, hour)
) WITH (fillfactor = 50);

-- Marks the closed hours of [first, last]; an open end means up to now.
CREATE FUNCTION rollup_mark(facility text, first timestamptz, last timestamptz) RETURNS void
  LANGUAGE sql VOLATILE AS $$
  INSERT INTO rollup_dirty (facility_id, hour)
  SELECT facility, h
  FROM generate_series(date_trunc('hour', first, 'UTC'),
                       least(date_trunc('hour', coalesce(last, now()), 'UTC'),
                             date_trunc('hour', now(), 'UTC') - interval '1 hour'),
                       interval '1 hour') h
  WHERE first IS NOT NULL
  ON CONFLICT (facility_id, hour) DO UPDATE SET marked_at = EXCLUDED.marked_at
$$;

-- An order counts in the hours of its events, and as open, overdue and backlog in every hour between; so
-- a late change touches all hours from the earliest moment that it changed.
CREATE FUNCTION rollup_mark_order() RETURNS trigger
  LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  since timestamptz;
BEGIN
  IF TG_OP = 'INSERT' THEN
    since := NEW.ordered_at;
  ELSIF TG_OP = 'DELETE' THEN
    since := OLD.ordered_at;
  ELSE
    IF (OLD.ordered_at, OLD.total_amount, OLD.fx_usd, OLD.promised_at, OLD.tenant_id)
       IS DISTINCT FROM (NEW.ordered_at, NEW.total_amount, NEW.fx_usd, NEW.promised_at, NEW.tenant_id) THEN
      since := least(OLD.ordered_at, NEW.ordered_at);
    END IF;
    IF OLD.delivered_at IS DISTINCT FROM NEW.delivered_at THEN
      since := least(since, OLD.delivered_at, NEW.delivered_at);
    END IF;
    IF OLD.cancelled_at IS DISTINCT FROM NEW.cancelled_at THEN
      since := least(since, OLD.cancelled_at, NEW.cancelled_at);
    END IF;
  END IF;
  PERFORM rollup_mark(coalesce(NEW.facility_id, OLD.facility_id), since, NULL);
  RETURN NULL;
END $$;

-- A line counts (revenue, cost) in the hour its order was delivered.
CREATE FUNCTION rollup_mark_line() RETURNS trigger
  LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  delivered timestamptz;
BEGIN
  SELECT o.delivered_at INTO delivered FROM orders o
  WHERE o.facility_id = coalesce(NEW.facility_id, OLD.facility_id)
    AND o.order_id = coalesce(NEW.order_id, OLD.order_id) AND o.delivered_at < date_trunc('hour', now(), 'UTC');
  IF delivered IS NOT NULL THEN
    PERFORM rollup_mark(coalesce(NEW.facility_id, OLD.facility_id), delivered, delivered);
  END IF;
  RETURN NULL;
END $$;

-- A status interval counts where it overlaps. Closing an open one changes the hours after its end only.
CREATE FUNCTION rollup_mark_interval() RETURNS trigger
  LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF (OLD.started_at, OLD.status, OLD.equipment_id) = (NEW.started_at, NEW.status, NEW.equipment_id) THEN
      PERFORM rollup_mark(NEW.facility_id, least(OLD.ended_at, NEW.ended_at),
                          CASE WHEN OLD.ended_at IS NULL OR NEW.ended_at IS NULL THEN NULL
                               ELSE greatest(OLD.ended_at, NEW.ended_at) END);
      RETURN NULL;
    END IF;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    PERFORM rollup_mark(OLD.facility_id, OLD.started_at, OLD.ended_at);
  END IF;
  IF TG_OP <> 'DELETE' THEN
    PERFORM rollup_mark(NEW.facility_id, NEW.started_at, NEW.ended_at);
  END IF;
  RETURN NULL;
END $$;

-- For tables whose rows happen at one moment; the column's name is the trigger's argument.
CREATE FUNCTION rollup_mark_moment() RETURNS trigger
  LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  moment timestamptz;
BEGIN
  IF TG_OP <> 'INSERT' THEN
    moment := (to_jsonb(OLD) ->> TG_ARGV[0])::timestamptz;
    PERFORM rollup_mark(OLD.facility_id, moment, moment);
  END IF;
  IF TG_OP <> 'DELETE' THEN
    moment := (to_jsonb(NEW) ->> TG_ARGV[0])::timestamptz;
    PERFORM rollup_mark(NEW.facility_id, moment, moment);
  END IF;
  RETURN NULL;
END $$;

-- The WHEN clauses keep rows that are on time (nearly all) out of the functions above.
CREATE TRIGGER rollup_late_insert AFTER INSERT ON orders FOR EACH ROW
  WHEN (NEW.ordered_at < date_trunc('hour', now(), 'UTC')) EXECUTE FUNCTION rollup_mark_order();
CREATE TRIGGER rollup_late_update AFTER UPDATE ON orders FOR EACH ROW
  WHEN ((OLD.ordered_at, OLD.total_amount, OLD.fx_usd, OLD.promised_at, OLD.delivered_at, OLD.cancelled_at,
         OLD.tenant_id) IS DISTINCT FROM
        (NEW.ordered_at, NEW.total_amount, NEW.fx_usd, NEW.promised_at, NEW.delivered_at, NEW.cancelled_at,
         NEW.tenant_id))
  EXECUTE FUNCTION rollup_mark_order();
CREATE TRIGGER rollup_late_delete AFTER DELETE ON orders FOR EACH ROW EXECUTE FUNCTION rollup_mark_order();
CREATE TRIGGER rollup_late_change AFTER INSERT OR UPDATE OR DELETE ON order_lines FOR EACH ROW
  EXECUTE FUNCTION rollup_mark_line();
CREATE TRIGGER rollup_late_insert AFTER INSERT ON equipment_status_log FOR EACH ROW
  WHEN (NEW.started_at < date_trunc('hour', now(), 'UTC')) EXECUTE FUNCTION rollup_mark_interval();
CREATE TRIGGER rollup_late_change AFTER UPDATE OR DELETE ON equipment_status_log FOR EACH ROW
  WHEN (OLD.started_at < date_trunc('hour', now(), 'UTC')) EXECUTE FUNCTION rollup_mark_interval();
CREATE TRIGGER rollup_late_insert AFTER INSERT ON production_logs FOR EACH ROW
  WHEN (NEW.logged_at < date_trunc('hour', now(), 'UTC')) EXECUTE FUNCTION rollup_mark_moment('logged_at');
CREATE TRIGGER rollup_late_change AFTER UPDATE OR DELETE ON production_logs FOR EACH ROW
  WHEN (OLD.logged_at < date_trunc('hour', now(), 'UTC')) EXECUTE FUNCTION rollup_mark_moment('logged_at');
CREATE TRIGGER rollup_late_insert AFTER INSERT ON quality_inspections FOR EACH ROW
  WHEN (NEW.inspected_at < date_trunc('hour', now(), 'UTC')) EXECUTE FUNCTION rollup_mark_moment('inspected_at');
CREATE TRIGGER rollup_late_change AFTER UPDATE OR DELETE ON quality_inspections FOR EACH ROW
  WHEN (OLD.inspected_at < date_trunc('hour', now(), 'UTC')) EXECUTE FUNCTION rollup_mark_moment('inspected_at');

-- On or off for all of them: a bulk load of the past is no lateness.
CREATE PROCEDURE rollup_marking(enabled boolean)
  LANGUAGE plpgsql AS $$
DECLARE
  t record;
BEGIN
  FOR t IN SELECT tgrelid::regclass AS tbl, tgname FROM pg_trigger
           WHERE tgname LIKE 'rollup\_late\_%' AND tgparentid = 0 LOOP
    EXECUTE format('ALTER TABLE %s %s TRIGGER %I', t.tbl,
                   CASE WHEN enabled THEN 'ENABLE ALWAYS' ELSE 'DISABLE' END, t.tgname);
  END LOOP;
END $$;
CALL rollup_marking(true);

GRANT SELECT, DELETE, UPDATE ON rollup_dirty TO rollup;
GRANT SELECT ON rollup_dirty TO ops, gw_read;
GRANT INSERT, UPDATE ON customers, products, product_prices, system_configuration TO gw_write;
GRANT SELECT, INSERT, UPDATE, DELETE ON rollup_dirty TO repl;

-- The region's own row of the state machine; the epoch grows with every cutover.
INSERT INTO region_status (region, live_env, state, epoch, blue_version, green_version)
SELECT region, 'blue', 'blue_live', 1, 'v1.2.0', 'v1.2.0' FROM node_self;
