#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Loads what generate.py wrote into one database, in one transaction.

  load.py --dsn DSN --dir DIR --tier edge --facility F
  load.py --dsn DSN --dir DIR --tier regional --region R
  load.py --dsn DSN --dir DIR --tier global

The DSN's role must own the tables (a superuser in the local fleet). An edge and both environments of its
region get the same rows, so subscriptions start with copy_data = false. A region also gets the other
regions' narrow tables. A database that already has rows is left alone (exit 0, says so)."""

import argparse
import json
import os
import sys

import psycopg2

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tables  # noqa: E402
import topology  # noqa: E402


def plan_edge(facility):
    """[(table, source folder, file, WHERE on the file's columns or None)]"""
    region, tenants = topology.region_of(facility), topology.tenants_of(facility)
    steps = []
    for tenant in tenants:
        steps += [(t, tenant, t, None) for t in ("tenants", "products", "system_configuration")]
    for table in ("customers", "product_prices"):
        steps.append((table, region, table, ("tenant_id", tenants)))
    for table in ("facility_contacts", "facility_status"):
        steps.append((table, region, table, ("facility_id", (facility,))))
    steps.append(("facilities", "fleet", "facilities", ("facility_id", (facility,))))
    return steps + [(t, facility, t, None) for t in (*tables.OPERATIONAL, "order_statuses")]


def plan_region(region):
    steps = [("facilities", "fleet", "facilities", None)]
    for tenant in topology.TENANTS:
        steps += [(t, tenant, t, None) for t in ("tenants", "products", "system_configuration")]
    steps += [(t, region, t, None) for t in ("customers", "product_prices", "facility_contacts", "facility_status")]
    for facility in topology.facilities_of(region):
        steps += [(t, facility, t, None) for t in (*tables.OPERATIONAL, "order_statuses")]
    for other in topology.REGIONS:
        if other == region:
            continue
        steps.append(("facility_status", other, "facility_status", None))
        for facility in topology.facilities_of(other):
            steps += [("inventory_levels", facility, "inventory_snapshot", None),
                      ("order_statuses", facility, "order_statuses", None), ("heartbeat", facility, "heartbeat", None)]
    return steps


def plan_global():
    return [("facility_directory", "fleet", "facility_directory", None)]


def copy(cur, root, table, folder, name, only):
    path = os.path.join(root, folder, name + ".tsv")
    if not os.path.exists(path):
        return
    columns = tables.COLUMNS[name]
    sql = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    if only:
        column, wanted = only
        sql += f" WHERE {column} IN ({', '.join(repr(w) for w in wanted)})"
    with open(path, encoding="utf-8") as rows:
        cur.copy_expert(sql, rows, 1 << 18)


def prepare(cur, tier, days):
    """What must be asleep while the past is loaded: ordinary triggers (stock, outbox) and lateness marks.
    order_statuses' trigger sleeps too, the table's own file is quicker."""
    cur.execute("SET LOCAL session_replication_role = replica")
    if tier == "global":
        return
    cur.execute("SELECT ensure_partitions(%s, 3)", (days + 2,))
    cur.execute("ALTER TABLE orders DISABLE TRIGGER order_statuses_insert")
    if tier == "regional":
        cur.execute("CALL rollup_marking(false)")


def finish(cur, args):
    if args.tier != "global":
        cur.execute("ALTER TABLE orders ENABLE ALWAYS TRIGGER order_statuses_insert")
    if args.tier == "edge":
        cur.execute("SELECT setval('order_no_seq', greatest(1, max(right(order_no, 7)::int)))"
                    " FROM orders WHERE facility_id = %s", (args.facility,))
    elif args.tier == "regional":
        cur.execute("CALL rollup_marking(true)")
        # The neighbours' state until their own rows arrive; the region's own row is there since migration.
        cur.execute("INSERT INTO region_status (region, live_env, state, epoch, blue_version, green_version)"
                    " SELECT r, 'blue', 'blue_live', 1, s.blue_version, s.green_version"
                    " FROM unnest(%s) r, region_status s WHERE s.region = %s ON CONFLICT (region) DO NOTHING",
                    (list(topology.REGIONS), args.region))


def main():
    ask = argparse.ArgumentParser(description="Load generated data into one database.")
    ask.add_argument("--dsn", required=True)
    ask.add_argument("--dir", required=True)
    ask.add_argument("--tier", choices=("edge", "regional", "global"), required=True)
    ask.add_argument("--region", choices=topology.REGIONS)
    ask.add_argument("--facility", choices=list(topology.FACILITIES))
    args = ask.parse_args()
    if (args.tier == "edge" and not args.facility) or (args.tier == "regional" and not args.region):
        ask.error("an edge needs --facility, a region needs --region")
    with open(os.path.join(args.dir, "meta.json"), encoding="utf-8") as meta:
        days = json.load(meta)["days"]
    steps = {"edge": lambda: plan_edge(args.facility), "regional": lambda: plan_region(args.region),
             "global": plan_global}[args.tier]()

    # Nothing here waits for a replica: it may not be there yet.
    conn = psycopg2.connect(args.dsn, options="-c synchronous_commit=off")
    with conn, conn.cursor() as cur:
        probe = "facility_directory" if args.tier == "global" else "facilities"
        cur.execute(f"SELECT EXISTS (SELECT 1 FROM {probe})")
        if cur.fetchone()[0]:
            print("already loaded")
            return 0
        cur.execute("SET LOCAL timezone = 'UTC'")
        prepare(cur, args.tier, days)
        for step in steps:
            copy(cur, args.dir, *step)
        finish(cur, args)
    conn.autocommit = True
    with conn.cursor() as cur:
        cur.execute("ANALYZE")
    conn.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
