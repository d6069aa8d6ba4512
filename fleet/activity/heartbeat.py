#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The fleet's pulse: one heartbeat row a second at each edge, region_status.beat_at every two seconds in each
live regional database, partitions ahead and those out of retention every hour. Goes on when live activity is off: data that nobody
changes is still fresh. After a cutover it makes edges and other regions follow the region's new live environment.

  heartbeat.py --fleet .fleet/fleet.json"""

import argparse
import sys
import threading
import time

import psycopg2

from fleet import local, replication
from fleet.layout import REGIONS, RETENTION_DAYS
from fleet.shell import FleetError
from pulse import GONE, Site, edges, environments, read_fleet, run_threads, say, stopping

BEAT_EDGE = """
INSERT INTO heartbeat (region, facility_id, beat_at, seq)
SELECT n.region, n.facility, clock_timestamp(), 1 FROM node_self n
ON CONFLICT (region, facility_id) DO UPDATE SET beat_at = EXCLUDED.beat_at, seq = heartbeat.seq + 1
"""
BEAT_REGION = "SELECT region_beat()"


moved = threading.Event()
live_at = {}   # regional database -> the epoch at which it is live, None where it is not


def beat(site, sql, every, keep_days):
    """Beats on a fixed grid; a database that was away gets the next beat, not the missed ones."""
    due, partitions_due = time.monotonic(), 0.0
    while site.connect():
        try:
            told = site.one(sql)
            if told and live_at.get(site.name, 0) != told[0]:
                live_at[site.name] = told[0]
                moved.set()
            if time.monotonic() >= partitions_due:
                site.one("SELECT ensure_partitions()")
                site.one("SELECT drop_partitions('production_logs', %s), drop_partitions('equipment_status_log', %s)",
                         (keep_days, keep_days))
                partitions_due = time.monotonic() + 3600
        except GONE as why:
            site.lost(why)
        except psycopg2.Error as why:  # not ours to mend; say it, go on
            say(f"{site.name}: {str(why).strip().splitlines()[0]}")
        due = max(due + every, time.monotonic())
        stopping.wait(due - time.monotonic())


def follow_live(names):
    """Whoever follows an environment that is not live any more follows the one that is. Not at once: until then the old one
    feeds them, and a move that is taken back soon costs nothing."""
    followed, late = {}, False
    while not stopping.is_set():
        moved.wait(10 if late else 3600)
        stopping.wait(2)
        moved.clear()
        late = False
        for region in REGIONS:
            live = max(((epoch, name) for name, epoch in list(live_at.items()) if epoch and name.startswith(f"{region}-")),
                       default=None)
            if live is None or followed.get(region) == live:
                continue
            try:
                if replication.follow(region, live[1].removeprefix(f"{region}-"), names):
                    say(f"{region}: followers take {live[1]} now")
                followed[region] = live
            except (FleetError, psycopg2.Error) as why:   # one of them is away: again in a while
                say(f"{region}: followers wait: {str(why).strip().splitlines()[0]}")
                late = True


def main():
    ask = argparse.ArgumentParser(description="Heartbeats of all edges and live regional databases.")
    ask.add_argument("--fleet", required=True)
    args = ask.parse_args()
    databases = read_fleet(args.fleet)
    tasks = [lambda n=n: beat(Site(n, databases[n], "ops"), BEAT_EDGE, 1.0, RETENTION_DAYS["edge"]) for n in edges(databases)]
    tasks += [lambda n=n: beat(Site(n, databases[n], "ops"), BEAT_REGION, 2.0, RETENTION_DAYS["regional"]) for n in environments(databases)]
    tasks.append(lambda: follow_live([node[3:] for node in local.wanted_nodes() if node.startswith("db:")]))
    run_threads(tasks)
    return 0


if __name__ == "__main__":
    sys.exit(main())
