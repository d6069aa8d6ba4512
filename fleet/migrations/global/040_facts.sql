-- SPDX-License-Identifier: MIT
-- What a gateway asks of the global database about itself; see common/019_facts.sql. A facility's data here is as
-- old as its watermark; "version" moves whenever any stored hour changes.
CREATE FUNCTION meridian_us(t timestamptz) RETURNS bigint
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT (extract(epoch FROM t) * 1000000)::bigint $$;

CREATE FUNCTION meridian_facts() RETURNS text
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT jsonb_build_object(
    'now', meridian_us(clock_timestamp()),
    'asOf', (SELECT meridian_us(min(applied_upto)) FROM rollup_watermark),
    'version', (SELECT coalesce(sum(version), 0)::text || '.' || coalesce(meridian_us(max(updated_at)), 0) FROM rollup_watermark),
    'facilities', (SELECT jsonb_object_agg(facility_id, jsonb_build_object(
       'lastSync', meridian_us(applied_upto), 'online', true)) FROM rollup_watermark),
    'regions', (SELECT jsonb_object_agg(region, jsonb_build_object('live', live_env, 'epoch', epoch))
       FROM rollup_fence))::text
$$;
REVOKE EXECUTE ON FUNCTION meridian_facts() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION meridian_facts() TO gw_read, ops;
