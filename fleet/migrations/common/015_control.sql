-- SPDX-License-Identifier: MIT
-- Freshness and state. A health ping says online, a heartbeat that came through replication says fresh;
-- the two are kept apart (T9).

-- Written at the edge once a second, replicated up with the data and on to the other regions: its age is
-- the data's age. received_at is this database's own clock (region only), to measure clock skew.
CREATE TABLE heartbeat (
  region      text NOT NULL,
  facility_id text NOT NULL,
  beat_at     timestamptz NOT NULL,
  seq         bigint NOT NULL,
  PRIMARY KEY (region, facility_id)
) WITH (fillfactor = 50);

-- Written by the region's monitor (role ops); neighbours' rows arrive by replication.
CREATE TABLE facility_status (
  region        text NOT NULL,
  facility_id   text NOT NULL,
  tenant_id     text NOT NULL,
  online        boolean NOT NULL DEFAULT true,
  last_seen_at  timestamptz,
  offline_since timestamptz,
  escalated     boolean NOT NULL DEFAULT false,
  lag_bytes     bigint,
  PRIMARY KEY (region, facility_id)
) WITH (fillfactor = 50);

-- One row a region, the region's own written here (its environments' state machine, R28), neighbours' by
-- replication. This is the fence of the region: a write is admitted where live_env is node_self.env and
-- the epoch is the writer's. beat_at is refreshed in the live environment every 2 s.
CREATE TABLE region_status (
  region        text PRIMARY KEY,
  live_env      text NOT NULL CHECK (live_env IN ('blue', 'green')),
  state         text NOT NULL CHECK (state IN
                  ('blue_live', 'green_validating', 'green_live_stabilising', 'green_live',
                   'blue_validating', 'blue_live_stabilising', 'rolling_back')),
  dual_write    boolean NOT NULL DEFAULT true,
  epoch         bigint NOT NULL,
  blue_version  text NOT NULL,
  green_version text NOT NULL,
  changed_at    timestamptz NOT NULL DEFAULT now(),
  beat_at       timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

CREATE TABLE edge_alerts (
  facility_id text NOT NULL,
  kind        text NOT NULL,
  sent_at     timestamptz NOT NULL DEFAULT now(),
  channels    text[] NOT NULL DEFAULT '{}',
  resolved_at timestamptz,
  PRIMARY KEY (facility_id, kind, sent_at)
);

CALL app_protect('facility_status', 'tenant');

-- A facility's state as callers see it: health from the monitor, last_sync from the heartbeat, nothing of
-- one in the other (T9). Runs with the caller's rights, so facility_status' policy holds.
CREATE VIEW facility_state WITH (security_invoker = true) AS
  SELECT s.region, s.facility_id, s.tenant_id, s.online, s.last_seen_at, h.beat_at AS last_sync, s.offline_since,
         s.escalated, s.lag_bytes
  FROM facility_status s LEFT JOIN heartbeat h USING (region, facility_id);

-- What a gateway's freshness board polls, for every facility at once and without a caller: facility codes,
-- ages and health, nothing of a tenant's business. The view runs with its owner's rights on purpose.
CREATE VIEW facility_board AS
  SELECT coalesce(s.region, h.region) AS region, coalesce(s.facility_id, h.facility_id) AS facility_id,
         h.beat_at, h.seq, s.online, s.last_seen_at, s.offline_since, s.escalated, s.lag_bytes
  FROM facility_status s FULL JOIN heartbeat h USING (region, facility_id);
