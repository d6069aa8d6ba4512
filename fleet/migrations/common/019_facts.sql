-- SPDX-License-Identifier: MIT
-- What a gateway asks of its databases about themselves: once a second, for its freshness board, and without
-- a caller. Runs with its owner's rights on purpose; it tells facility codes, ages and states, nothing of a tenant.
CREATE FUNCTION meridian_us(t timestamptz) RETURNS bigint
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT (extract(epoch FROM t) * 1000000)::bigint $$;

-- Times are microseconds since 1970 on this database's clock, which "now" reads.
CREATE FUNCTION meridian_facts() RETURNS text
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT jsonb_build_object(
    'now', meridian_us(clock_timestamp()),
    'asOf', meridian_us(CASE WHEN pg_is_in_recovery() THEN pg_last_xact_replay_timestamp() ELSE clock_timestamp() END),
    'facilities', (SELECT jsonb_object_agg(facility_id, jsonb_build_object(
       'lastSync', meridian_us(beat_at), 'online', coalesce(online, false), 'offlineSince', meridian_us(offline_since)))
       FROM facility_board),
    'regions', (SELECT jsonb_object_agg(region, jsonb_build_object(
       'live', live_env, 'state', state, 'epoch', epoch, 'dualWrite', dual_write, 'beat', meridian_us(beat_at)))
       FROM region_status))::text
$$;

-- The monitor's finding about one facility of this region (T9: health alone; freshness is the heartbeat's).
CREATE FUNCTION meridian_seen(facility text, is_online boolean) RETURNS text
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE facility_status s
  SET online = is_online,
      last_seen_at = CASE WHEN is_online THEN now() ELSE last_seen_at END,
      offline_since = CASE WHEN is_online THEN NULL ELSE coalesce(offline_since, now()) END,
      escalated = escalated AND NOT is_online
  FROM node_self n
  WHERE s.region = n.region AND s.facility_id = facility
  RETURNING '{}'
$$;

REVOKE EXECUTE ON FUNCTION meridian_facts(), meridian_seen(text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION meridian_facts() TO gw_read, ops;
GRANT EXECUTE ON FUNCTION meridian_seen(text, boolean) TO gw_write, ops;
