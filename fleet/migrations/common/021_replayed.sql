-- SPDX-License-Identifier: MIT
-- A standby tells how far in its primary's log it is: times of commits are too coarse to see that it went back
-- (it begins again at its last restart point when it was killed). Positions are of one cluster, which "system" names.
CREATE OR REPLACE FUNCTION meridian_facts() RETURNS text
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT jsonb_build_object(
    'now', meridian_us(clock_timestamp()),
    'asOf', meridian_us(CASE WHEN pg_is_in_recovery() THEN pg_last_xact_replay_timestamp() ELSE clock_timestamp() END),
    'replayed', CASE WHEN pg_is_in_recovery()
                     THEN pg_wal_lsn_diff(coalesce(pg_last_wal_replay_lsn(), '0/0'), '0/0')::bigint END,
    'system', (SELECT system_identifier::text FROM pg_control_system()),
    'facilities', (SELECT jsonb_object_agg(facility_id, jsonb_build_object(
       'lastSync', meridian_us(beat_at), 'online', coalesce(online, false), 'offlineSince', meridian_us(offline_since)))
       FROM facility_board),
    'regions', (SELECT jsonb_object_agg(region, jsonb_build_object(
       'live', live_env, 'state', state, 'epoch', epoch, 'dualWrite', dual_write, 'beat', meridian_us(beat_at)))
       FROM region_status))::text
$$;
