-- SPDX-License-Identifier: MIT
-- Which node of the fleet this database is: one row, from the runner's variables. Triggers read it where
-- they must know the region, functions where they make node ids, the write fence for the environment.
CREATE TABLE node_self (
  one      boolean PRIMARY KEY DEFAULT true CHECK (one),
  name     text NOT NULL,
  tier     text NOT NULL CHECK (tier IN ('edge', 'regional')),
  region   text NOT NULL,
  facility text NOT NULL DEFAULT '',
  env      text NOT NULL DEFAULT '' CHECK (env IN ('', 'blue', 'green'))
);
INSERT INTO node_self (name, tier, region, facility, env)
VALUES (:'self_name', :'self_tier', :'self_region', :'self_facility', :'self_env');
GRANT SELECT ON node_self TO gw_read, gw_write, rollup, repl, ops;
