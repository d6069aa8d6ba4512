-- SPDX-License-Identifier: MIT
-- Daily partitions of the two logs. A default partition stands behind them: a row older or newer than
-- every partition must not stop the whole subscription (T6).
CREATE TABLE production_logs_other PARTITION OF production_logs DEFAULT;
CREATE TABLE equipment_status_log_other PARTITION OF equipment_status_log DEFAULT;

-- Makes one day's partition. Rows of that day that wait in the default partition move over through the
-- parent, so that at an edge the move is published as delete and insert and the region ends up the same.
CREATE FUNCTION ensure_day_partition(parent text, col text, day date) RETURNS boolean
  LANGUAGE plpgsql AS $$
DECLARE
  part text := format('%s_%s', parent, to_char(day, 'YYYYMMDD'));
  lo text := to_char(day, 'YYYY-MM-DD') || ' 00:00:00+00';
  hi text := to_char(day + 1, 'YYYY-MM-DD') || ' 00:00:00+00';
  waiting bigint;
BEGIN
  IF to_regclass(part) IS NOT NULL THEN
    RETURN false;
  END IF;
  EXECUTE format('CREATE TEMP TABLE moving ON COMMIT DROP AS SELECT * FROM %I WHERE %I >= %L AND %I < %L',
                 parent || '_other', col, lo, col, hi);
  EXECUTE 'SELECT count(*) FROM moving' INTO waiting;
  IF waiting > 0 THEN
    EXECUTE format('DELETE FROM %I WHERE %I >= %L AND %I < %L', parent || '_other', col, lo, col, hi);
  END IF;
  EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', part, parent, lo, hi);
  IF waiting > 0 THEN
    EXECUTE format('INSERT INTO %I SELECT * FROM moving', parent);
  END IF;
  DROP TABLE moving;
  RETURN true;
END $$;

-- Partitions from `back` days ago to `ahead` days from now; returns how many were made. Whoever keeps the
-- fleet alive calls it (at start for the seeded past, then every hour).
CREATE FUNCTION ensure_partitions(back int DEFAULT 1, ahead int DEFAULT 3) RETURNS int
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  day date;
  made int := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('ensure_partitions'));
  FOR day IN SELECT ((now() AT TIME ZONE 'UTC')::date + n) FROM generate_series(-back, ahead) n LOOP
    made := made + ensure_day_partition('production_logs', 'logged_at', day)::int
                 + ensure_day_partition('equipment_status_log', 'started_at', day)::int;
  END LOOP;
  RETURN made;
END $$;

-- Retention: whole days are dropped, which logical replication does not carry (T3). An interval that is
-- still open keeps its partition.
CREATE FUNCTION drop_partitions(parent text, keep_days int) RETURNS int
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  part regclass;
  still_open boolean;
  dropped int := 0;
BEGIN
  IF parent NOT IN ('production_logs', 'equipment_status_log') OR keep_days < 1 THEN
    RAISE EXCEPTION 'no retention for % with % days', parent, keep_days;
  END IF;
  FOR part IN
    SELECT i.inhrelid::regclass FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = parent::regclass AND c.relname ~ '_[0-9]{8}$'
      AND to_date(right(c.relname, 8), 'YYYYMMDD') < (now() AT TIME ZONE 'UTC')::date - keep_days
  LOOP
    still_open := false;
    IF parent = 'equipment_status_log' THEN
      EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s WHERE ended_at IS NULL)', part) INTO still_open;
    END IF;
    IF NOT still_open THEN
      EXECUTE format('DROP TABLE %s', part);
      dropped := dropped + 1;
    END IF;
  END LOOP;
  RETURN dropped;
END $$;

SELECT ensure_partitions(9, 3);
