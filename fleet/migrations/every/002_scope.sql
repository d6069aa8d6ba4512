-- SPDX-License-Identifier: MIT
-- The caller's scope as row-level security sees it. The gateway sets, at the head of each batch and local
-- to it: app.tenant_id, app.facilities (comma list, or '*'), app.role.
--
-- Each function below is one SQL expression, so the planner inlines it; policies call them inside
-- `(SELECT …)`, which makes an InitPlan: evaluated once a statement, not once a row, and never while
-- planning (a statement may be prepared before any tenant is set).

CREATE FUNCTION app_refuse(what text) RETURNS text
  LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
  RAISE EXCEPTION '% is not set', what USING ERRCODE = '42501';
END $$;

-- No tenant is a programming error and must never look like an empty answer, so it raises.
CREATE FUNCTION app_tenant() RETURNS text
  LANGUAGE sql STABLE LEAKPROOF PARALLEL SAFE AS $$
  SELECT CASE WHEN current_setting('app.tenant_id', true) <> '' THEN current_setting('app.tenant_id', true)
              ELSE app_refuse('app.tenant_id') END
$$;

-- An empty list is legal (a caller who may see no facility), hence no rows rather than an error.
CREATE FUNCTION app_facilities() RETURNS text[]
  LANGUAGE sql STABLE LEAKPROOF PARALLEL SAFE AS $$
  SELECT string_to_array(current_setting('app.facilities', true), ',')
$$;

CREATE FUNCTION app_all_facilities() RETURNS boolean
  LANGUAGE sql STABLE LEAKPROOF PARALLEL SAFE AS $$
  SELECT coalesce(current_setting('app.facilities', true) = '*', false)
$$;

CREATE FUNCTION app_facility_allowed(facility text) RETURNS boolean
  LANGUAGE sql STABLE LEAKPROOF PARALLEL SAFE AS $$
  SELECT app_all_facilities() OR coalesce(facility = ANY (app_facilities()), false)
$$;

CREATE FUNCTION app_role() RETURNS text
  LANGUAGE sql STABLE LEAKPROOF PARALLEL SAFE AS $$
  SELECT coalesce(current_setting('app.role', true), '')
$$;

-- Puts the two walls on a table: 'tenant' (tenant only) or 'facility' (tenant and facility).
CREATE PROCEDURE app_protect(tbl regclass, kind text)
  LANGUAGE plpgsql AS $$
DECLARE
  rule text := 'tenant_id = (SELECT app_tenant())';
BEGIN
  IF kind = 'facility' THEN
    rule := rule || ' AND ((SELECT app_all_facilities()) OR facility_id = ANY ((SELECT app_facilities())::text[]))';
  ELSIF kind = 'kpi' THEN  -- an executive's token names no facilities and may see every KPI of its tenant
    rule := rule || ' AND ((SELECT app_all_facilities() OR app_role() = ''executive'')'
                 || ' OR facility_id = ANY ((SELECT app_facilities())::text[]))';
  ELSIF kind <> 'tenant' THEN
    RAISE EXCEPTION 'unknown kind of protection %', kind;
  END IF;
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', tbl);
  EXECUTE format('CREATE POLICY scope ON %s TO gw_read, gw_write USING (%s) WITH CHECK (%s)', tbl, rule, rule);
END $$;

-- Under row-level security a filter may use an index only when its function is LEAKPROOF. Postgres marks
-- text equality, integers, timestamps and uuids so; numeric, enum, LIKE and text search are not, because
-- an error message of theirs could in theory tell a value. The gateway never passes such messages on.
DO $$
DECLARE
  f regprocedure;
BEGIN
  FOR f IN
    SELECT p.oid::regprocedure FROM pg_proc p
    WHERE p.pronamespace = 'pg_catalog'::regnamespace AND NOT p.proleakproof AND p.proname = ANY (ARRAY[
      'numeric_eq', 'numeric_ne', 'numeric_lt', 'numeric_le', 'numeric_gt', 'numeric_ge', 'numeric_cmp',
      'numeric_sub', 'numeric_add',
      'enum_eq', 'enum_ne', 'enum_lt', 'enum_le', 'enum_gt', 'enum_ge', 'enum_cmp',
      'text_lt', 'text_le', 'text_gt', 'text_ge', 'bttextcmp', 'text_pattern_lt', 'text_pattern_le',
      'text_pattern_ge', 'text_pattern_gt', 'bttext_pattern_cmp', 'starts_with',
      'textlike', 'textnlike', 'texticlike', 'texticnlike', 'lower', 'upper',
      'ts_match_vq', 'ts_match_qv', 'ts_match_tt', 'ts_match_tq', 'to_tsvector',
      'uuid_eq', 'uuid_ne', 'uuid_lt', 'uuid_le', 'uuid_gt', 'uuid_ge', 'uuid_cmp',
      'date_eq', 'date_lt', 'date_le', 'date_gt', 'date_ge', 'date_cmp', 'booleq', 'boolne'])
  LOOP
    EXECUTE format('ALTER FUNCTION %s LEAKPROOF', f);
  END LOOP;
END $$;
