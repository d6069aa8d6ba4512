-- SPDX-License-Identifier: MIT
-- Identifiers: time-ordered uuids made in the database, and node ids Type~region~facility~key.

-- Version 7: 48 bits of milliseconds, then random bits; sorts by time, never collides between sites (T6).
CREATE FUNCTION uuid_v7(at timestamptz DEFAULT clock_timestamp()) RETURNS uuid
  LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
  SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
           placing substring(int8send(floor(extract(epoch FROM at) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
         52, 1), 53, 1), 'hex')::uuid
$$;

CREATE FUNCTION node_id(type text, region text, facility text, key text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT type || '~' || region || '~' || facility || '~' || key
$$;

-- The key of a node id of the given type; a bare key passes. NULL where the id is of another type.
CREATE FUNCTION node_key(type text, id text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN strpos(id, '~') = 0 THEN id
              WHEN split_part(id, '~', 1) = type THEN split_part(id, '~', 4) END
$$;

-- The same for types whose key is a uuid: NULL instead of an error when it is none.
CREATE FUNCTION node_uuid(type text, id text) RETURNS uuid
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN node_key(type, id) ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
              THEN node_key(type, id)::uuid END
$$;

-- The facility's code from a code or a node id (Facility~us-east~facility-la-001~).
CREATE FUNCTION node_facility(id text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN strpos(id, '~') = 0 THEN id ELSE split_part(id, '~', 3) END
$$;
