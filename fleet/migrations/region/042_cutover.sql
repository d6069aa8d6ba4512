-- SPDX-License-Identifier: MIT
-- Cutover between the region's environments (R26 to R32). One statement at the live environment moves the fence:
-- from its commit on no write is taken there. The same transaction puts the new row of region_status into the
-- outbox, behind every write that was ever taken, and the other environment becomes live when that entry is
-- applied: never before it has all of those writes, never beside the old one, and whoever asked may die at any
-- moment. The epoch only grows; the highest one that an environment tells of itself holds.

-- fence  may look at the fence and move it forward, by the functions below, and nothing else
DO $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'fence') THEN
    CREATE ROLE fence LOGIN;
  END IF;
END $$;
ALTER ROLE fence SET jit = off;
ALTER ROLE fence SET timezone = 'UTC';
ALTER ROLE fence SET search_path = public, pg_temp;

-- Until then a promotion is watched (R31), and no other region is to begin one (R32).
ALTER TABLE region_status ADD COLUMN stable_at timestamptz;

-- Every move of the region's fence, in both environments.
CREATE TABLE cutovers (
  epoch        bigint PRIMARY KEY,
  live_env     text NOT NULL,
  previous_env text NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('promote', 'rollback', 'force')),
  asked_by     text NOT NULL,
  at           timestamptz NOT NULL DEFAULT clock_timestamp()
);
GRANT SELECT ON cutovers TO ops;

-- Writers hold this lock in share mode. Beside the row's own lock, because it has a queue: a move waits for the
-- writes under way, and those that come later wait behind it.
CREATE FUNCTION fence_lock() RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT hashtext('region_fence')::bigint $$;

CREATE OR REPLACE FUNCTION write_fence() RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  s region_status;
  own text := (SELECT n.env FROM node_self n);
BEGIN
  PERFORM pg_advisory_xact_lock_shared(fence_lock());
  SELECT r.* INTO s FROM region_status r JOIN node_self n ON n.region = r.region FOR SHARE OF r;
  IF s.live_env IS DISTINCT FROM own
     OR coalesce(nullif(current_setting('app.epoch', true), ''), s.epoch::text) <> s.epoch::text THEN
    RAISE EXCEPTION 'environment % is not live at this epoch', own
      USING ERRCODE = 'MR001', DETAIL = format('live %s, epoch %s', s.live_env, s.epoch);
  END IF;
END $$;

-- Tells the other environment what stands here of the region.
CREATE FUNCTION fence_tell() RETURNS void
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  INSERT INTO outbox (env, tbl, row)
  SELECT n.env, 'region_status', to_jsonb(s) || jsonb_build_object('cutover', to_jsonb(c))
  FROM node_self n JOIN region_status s ON s.region = n.region LEFT JOIN cutovers c ON c.epoch = s.epoch
$$;

-- Moves the fence of this, the live environment. `expected` is the epoch that the caller looked at. MR002: it is
-- not live, or not at that epoch any more; 55P03: writes under way did not end in time.
CREATE FUNCTION fence_move(target text, expected bigint, kind text, asked_by text, stable_seconds bigint) RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
  s region_status;
  own text := (SELECT n.env FROM node_self n);
BEGIN
  PERFORM pg_advisory_xact_lock(fence_lock());
  SELECT r.* INTO STRICT s FROM region_status r JOIN node_self n ON n.region = r.region FOR UPDATE OF r;
  IF s.live_env <> own OR s.epoch <> expected THEN
    RAISE EXCEPTION 'environment % is live at epoch %', s.live_env, s.epoch USING ERRCODE = 'MR002';
  END IF;
  IF target IS NULL OR target = own OR target NOT IN ('blue', 'green') THEN
    RAISE EXCEPTION 'no environment to move to: %', target USING ERRCODE = 'MR002';
  END IF;
  INSERT INTO cutovers (epoch, live_env, previous_env, kind, asked_by)
  VALUES (s.epoch + 1, target, own, kind, asked_by);
  UPDATE region_status r
  SET live_env = target, epoch = s.epoch + 1, changed_at = clock_timestamp(),
      state = CASE kind WHEN 'rollback' THEN 'rolling_back' ELSE target || '_validating' END,
      stable_at = CASE kind WHEN 'promote' THEN clock_timestamp() + make_interval(secs => stable_seconds) END
  WHERE r.region = s.region;
  DELETE FROM outbox o WHERE o.env = own AND o.tbl = 'fence_probe';
  PERFORM fence_tell();
  RETURN s.epoch + 1;
END $$;

-- What the other environment told of the region: that this one is live from now on, or how it fares itself.
CREATE FUNCTION fence_hear(teller text, told_row jsonb) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  told region_status := jsonb_populate_record(NULL::region_status, told_row);
BEGIN
  UPDATE region_status s
  SET live_env = told.live_env, epoch = told.epoch, changed_at = told.changed_at, stable_at = told.stable_at,
      beat_at = clock_timestamp(),
      state = CASE WHEN teller = told.live_env THEN told.state
                   WHEN told.state = 'rolling_back' THEN told.live_env || '_live'
                   ELSE told.live_env || '_live_stabilising' END
  WHERE s.region = told.region AND (s.epoch < told.epoch OR (s.epoch = told.epoch AND teller = told.live_env));
  IF NOT FOUND THEN
    RETURN;
  END IF;
  IF jsonb_typeof(told_row -> 'cutover') = 'object' THEN   -- null: somebody moved it by hand
    INSERT INTO cutovers SELECT * FROM jsonb_populate_record(NULL::cutovers, told_row -> 'cutover')
    ON CONFLICT (epoch) DO NOTHING;   -- the live environment's word comes twice
  END IF;
  IF teller <> told.live_env THEN
    PERFORM fence_tell();   -- it is done: the old environment is to know
  END IF;
END $$;

CREATE OR REPLACE FUNCTION outbox_apply() RETURNS trigger
  LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  keys text;
  sets text;
BEGIN
  -- An own entry, put in while another's was applied, is for the other side; a probe only has to arrive.
  IF NEW.tbl = 'fence_probe' OR NEW.env = (SELECT n.env FROM node_self n) THEN
    RETURN NULL;
  END IF;
  IF NEW.tbl = 'region_status' THEN
    PERFORM fence_hear(NEW.env, NEW.row);
    RETURN NULL;
  END IF;
  IF NEW.tbl NOT IN ('customers', 'products', 'product_prices', 'system_configuration',
                     'master_idempotency') THEN
    RAISE EXCEPTION 'outbox names table %', NEW.tbl;
  END IF;
  SELECT string_agg(quote_ident(a.attname), ', ') FILTER (WHERE a.attnum = ANY (i.indkey::int2[])),
         string_agg(format('%1$I = EXCLUDED.%1$I', a.attname), ', ')
           FILTER (WHERE NOT a.attnum = ANY (i.indkey::int2[]))
    INTO keys, sets
  FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE i.indrelid = NEW.tbl::regclass AND i.indisprimary;
  EXECUTE format('INSERT INTO %1$I SELECT * FROM jsonb_populate_record(NULL::%1$I, $1)'
                 ' ON CONFLICT (%2$s) DO UPDATE SET %3$s', NEW.tbl, keys, sets) USING NEW.row;
  RETURN NULL;
END $$;

-- An entry that only has to arrive: whether what is written here comes to the other environment at this moment.
CREATE FUNCTION fence_probe() RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  own text := (SELECT n.env FROM node_self n);
  made bigint;
BEGIN
  DELETE FROM outbox o WHERE o.env = own AND o.tbl = 'fence_probe';
  INSERT INTO outbox (env, tbl, row) VALUES (own, 'fence_probe', '{}') RETURNING seq INTO made;
  RETURN made;
END $$;

CREATE FUNCTION fence_probed(teller text, probe bigint) RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM outbox o WHERE o.env = teller AND o.seq = probe)
$$;

-- What is looked at before a move. Times are microseconds since 1970.
CREATE FUNCTION fence_facts() RETURNS text
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT jsonb_build_object(
    'region', n.region, 'env', n.env, 'standby', pg_is_in_recovery(),
    'live', s.live_env, 'state', s.state, 'epoch', s.epoch, 'previous', c.previous_env, 'kind', c.kind,
    'beats', (SELECT coalesce(jsonb_object_agg(h.facility_id, meridian_us(h.beat_at)), '{}')
              FROM heartbeat h WHERE h.region = n.region),
    'unstable', (SELECT coalesce(jsonb_agg(o.region || ' is ' || o.state ORDER BY o.region), '[]') FROM region_status o
                 WHERE o.region <> n.region
                   AND (o.state LIKE '%\_validating' OR o.state = 'rolling_back'
                        OR (o.state LIKE '%\_stabilising' AND coalesce(o.stable_at, o.changed_at + interval '24 hours') > now()))))::text
  FROM node_self n JOIN region_status s ON s.region = n.region LEFT JOIN cutovers c ON c.epoch = s.epoch
$$;

-- For an operator whose live environment is lost: this one is live from now on, with what it has. The other hears of
-- it when it is back, and what it still had to hand over is applied here then.
CREATE FUNCTION fence_force(asked_by text) RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  s region_status;
BEGIN
  PERFORM pg_advisory_xact_lock(fence_lock());
  UPDATE region_status r
  SET live_env = n.env, epoch = r.epoch + 1, state = n.env || '_live', changed_at = clock_timestamp(), stable_at = NULL
  FROM node_self n WHERE r.region = n.region AND r.live_env <> n.env
  RETURNING r.* INTO s;
  IF s.epoch IS NOT NULL THEN
    INSERT INTO cutovers (epoch, live_env, previous_env, kind, asked_by)
    VALUES (s.epoch, s.live_env, CASE s.live_env WHEN 'blue' THEN 'green' ELSE 'blue' END, 'force', asked_by);
    PERFORM fence_tell();
  END IF;
  RETURN s.epoch;
END $$;

-- The region's pulse, every 2 s at each environment: the live one says that it is there, and, once a promotion has
-- been watched long enough, that it is stable. Answers the epoch at which it is live, or null.
CREATE FUNCTION region_beat() RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  live_at bigint;
BEGIN
  UPDATE region_status s SET beat_at = clock_timestamp() FROM node_self n
  WHERE s.region = n.region AND s.live_env = n.env RETURNING s.epoch INTO live_at;
  UPDATE region_status s SET state = s.live_env || '_live' FROM node_self n
  WHERE s.region = n.region AND s.live_env = n.env AND s.state = s.live_env || '_live_stabilising'
    AND s.stable_at <= now();
  IF FOUND THEN
    PERFORM fence_tell();
  END IF;
  RETURN live_at;
END $$;

REVOKE EXECUTE ON FUNCTION fence_tell(), fence_hear(text, jsonb), fence_move(text, bigint, text, text, bigint), fence_probe(),
  fence_probed(text, bigint), fence_facts(), fence_force(text), region_beat() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fence_move(text, bigint, text, text, bigint), fence_probe(), fence_probed(text, bigint), fence_facts()
  TO fence;
GRANT EXECUTE ON FUNCTION fence_hear(text, jsonb) TO repl;
GRANT EXECUTE ON FUNCTION region_beat(), fence_force(text) TO ops;
