-- SPDX-License-Identifier: MIT
-- What functions behind mutations answer with: the payload as jsonb. A refusal by a rule of the business is
-- data (errors), not an SQL error.

CREATE FUNCTION write_error(code text, message text, VARIADIC path text[] DEFAULT '{}') RETURNS jsonb
  LANGUAGE sql IMMUTABLE AS $$
  SELECT jsonb_build_object('field', CASE WHEN cardinality(path) > 0 THEN to_jsonb(path) END,
                            'message', message, 'code', code)
$$;

-- `name` is the payload's entity field. Refused: the entity may still be named, to show its current state.
CREATE FUNCTION write_answer(name text, id text, errors jsonb DEFAULT '[]') RETURNS jsonb
  LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object(name, CASE WHEN id IS NOT NULL THEN jsonb_build_object('id', id) END,
                            'errors', errors,
                            'acceptedBy', CASE WHEN errors = '[]' THEN (SELECT upper(tier) FROM node_self) END,
                            'replicated', false)
$$;

-- A decimal that numeric(18,4) holds without rounding, else NULL.
CREATE FUNCTION write_decimal(value text) RETURNS numeric
  LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN value ~ '^-?[0-9]{1,14}(\.[0-9]{1,4})?$' THEN value::numeric(18,4) END
$$;

-- What a request is remembered by beside its key.
CREATE FUNCTION write_fingerprint(kind text, input jsonb) RETURNS text
  LANGUAGE sql IMMUTABLE AS $$
  SELECT encode(sha256(convert_to(kind || input::text, 'UTF8')), 'hex')
$$;
