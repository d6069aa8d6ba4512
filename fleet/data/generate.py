#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes the fleet's data as COPY files, the same bytes for the same seed, size and anchor.

  generate.py --out DIR [--seed N] [--size S|M] [--anchor RFC3339] [--facility F]… [--jobs N]

DIR/<facility>/<table>.tsv    what the facility owns (and order_statuses, inventory_snapshot for neighbours)
DIR/<region>/<table>.tsv      customers, prices, contacts, facility status
DIR/<tenant>/<table>.tsv      tenant, products, configuration
DIR/fleet/<table>.tsv         facilities, facility_directory
DIR/meta.json                 seed, size, days, anchor: what load.py needs to know
Events lie in [anchor - days, anchor). Without --facility all of them."""

import argparse
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timezone

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import facility as facility_module  # noqa: E402
import master  # noqa: E402
import tables  # noqa: E402
import topology  # noqa: E402


def write(folder, name, rows):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name + ".tsv"), "w", encoding="utf-8") as out:
        width = len(tables.COLUMNS[name])
        for row in rows:
            assert len(row) == width, (name, row)
            out.write("\t".join(map(str, row)))
            out.write("\n")


def write_facility(name, seed, size_name, anchor, out):
    rows = facility_module.Facility(name, seed, topology.SIZES[size_name], anchor).generate()
    for table, lines in rows.items():
        write(os.path.join(out, name), table, lines)
    return name, {table: len(lines) for table, lines in rows.items()}


def write_master(seed, size_name, anchor, out):
    size = topology.SIZES[size_name]
    stamp = facility_module.stamp(anchor - size["days"] * facility_module.DAY)
    for tenant, files in master.tenant_files(seed, size, stamp).items():
        for table, rows in files.items():
            write(os.path.join(out, tenant), table, rows)
    for region in topology.REGIONS:
        for table, rows in master.region_files(seed, size, region, facility_module.stamp(anchor)).items():
            write(os.path.join(out, region), table, rows)
    rows = [master.facility_row(f) for f in topology.FACILITIES]
    write(os.path.join(out, "fleet"), "facilities", rows)
    directory = [(f, t, r, code, name, zone, cur) for t, f, r, code, name, _, zone, cur, _ in rows]
    write(os.path.join(out, "fleet"), "facility_directory", directory)


def main():
    ask = argparse.ArgumentParser(description="Write the fleet's data as COPY files.")
    ask.add_argument("--out", required=True)
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--size", choices=sorted(topology.SIZES), default="S")
    ask.add_argument("--anchor", help="end of the generated past, RFC 3339; default: now")
    ask.add_argument("--facility", action="append", choices=list(topology.FACILITIES))
    ask.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    args = ask.parse_args()
    anchor = datetime.fromisoformat(args.anchor.replace("Z", "+00:00")) if args.anchor else datetime.now(timezone.utc)
    seconds = float(int(anchor.timestamp()))

    os.makedirs(args.out, exist_ok=True)
    write_master(args.seed, args.size, seconds, args.out)
    names = args.facility or list(topology.FACILITIES)
    counts = {}
    with ProcessPoolExecutor(max_workers=max(1, args.jobs)) as pool:
        jobs = [pool.submit(write_facility, n, args.seed, args.size, seconds, args.out) for n in names]
        for job in jobs:
            name, count = job.result()
            counts[name] = count
    meta = {"seed": args.seed, "size": args.size, "days": topology.SIZES[args.size]["days"],
            "anchor": facility_module.stamp(seconds), "rows": counts}
    with open(os.path.join(args.out, "meta.json"), "w", encoding="utf-8") as out:
        json.dump(meta, out, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
