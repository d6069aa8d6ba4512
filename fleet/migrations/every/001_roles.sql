-- SPDX-License-Identifier: MIT
-- The roles of every Meridian database. They are made without a password; whoever starts the cluster
-- sets one (ALTER ROLE … PASSWORD). Tables belong to the role that runs the migrations (a superuser,
-- because functions are marked LEAKPROOF here), never to a role that serves requests.
--
--   gw_read   the gateway's reads: row-level security holds, transactions are read-only
--   gw_write  the gateway's writes: row-level security holds in both directions
--   rollup    the rollup worker: reads all tenants, writes aggregates only
--   repl      owner of subscriptions: apply checks its rights, so it must see every row
--   ops       the monitor: facility and region status, partitions
DO $$
DECLARE
  r text;
BEGIN
  FOREACH r IN ARRAY ARRAY['gw_read', 'gw_write', 'rollup', 'repl', 'ops'] LOOP
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = r) THEN
      EXECUTE format('CREATE ROLE %I LOGIN', r);
    END IF;
    -- Short statements never win back what the JIT compiler costs, and ages are reckoned in UTC.
    EXECUTE format('ALTER ROLE %I SET jit = off', r);
    EXECUTE format('ALTER ROLE %I SET timezone = %L', r, 'UTC');
    EXECUTE format('ALTER ROLE %I SET search_path = public, pg_temp', r);
  END LOOP;
END $$;

ALTER ROLE gw_read SET default_transaction_read_only = on;
ALTER ROLE rollup BYPASSRLS;
ALTER ROLE repl BYPASSRLS REPLICATION;
ALTER ROLE ops BYPASSRLS;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO gw_read, gw_write, rollup, repl, ops;
