#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Proves that ages are honest with the bounds as shipped: a facility's link to its region is cut under live activity.

  freshness.py [--seconds N] [--facility F] [--seed N] [--size S]

All the while the facility's stock must stay readable from the region; it is not stale before 60 s and stale from then on,
with the OFFLINE warning; the age grows as the clock does. After `up` every order id that the edge accepted is in blue
and in green within 10 s (the clients' ledger against the databases), and the freshness is live again. Uses the fleet
that runs, else starts one and stops it. The last line is `freshness: ok …` or `freshness: FAILED …`; a run has one
cut and nothing to resume, so --seed and --size change nothing but a fleet started for it."""
import argparse
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "scenario")]
if not (ROOT / os.environ.get("MERIDIAN_BUILD", "build/release")).exists():
    os.environ["MERIDIAN_BUILD"] = "build/dev"

from fleet import clusters, layout, ledger, links, local  # noqa: E402
from gateway_kit import STOCK  # noqa: E402
from lib import Fleet  # noqa: E402

STALE_AFTER = 60
WITHIN = 10


class Failure(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failure(text)


def look(fleet, region, facility, token):
    """(isStale, online, warning, age in seconds) of the facility's stock as its region tells it now."""
    answer = fleet.graphql(region, STOCK, {"f": facility, "n": 5}, token)
    check(answer.status == 200 and not answer.errors, f"not readable: {answer.status} {answer.body[:300]}")
    rows = answer.data["inventoryLevels"]["edges"]
    check(len(rows) == 5, f"{len(rows)} rows of stock")
    fresh = rows[0]["node"]["dataFreshness"]
    told = answer.extensions["freshness"]
    check(told["stale"] == fresh["isStale"], "the answer and its rows differ about stale")
    check(set(told["warnings"]) == ({fresh["warning"]} if fresh["warning"] else set()), f"warnings {told['warnings']}")
    return fresh["isStale"], fresh["facilityOnline"], fresh["warning"], fresh["ageSeconds"]


def cut(fleet, region, facility, token, seconds):
    """While the link is down; (when the row turned stale, when the facility was called offline), in seconds."""
    links.change(facility, region, "down")
    began, stale_at, offline_at, looks = time.monotonic(), None, None, 0
    while (past := time.monotonic() - began) < seconds:
        stale, online, warning, age = look(fleet, region, facility, token)
        looks += 1
        check(abs(age - past) < 5, f"{past:.1f} s after the cut the age is {age:.1f} s")
        check(stale == (age > STALE_AFTER), f"stale is {stale} at an age of {age:.1f} s")
        check((warning is None) == online, f"online {online}, warning {warning!r}")
        if warning:
            check(warning.startswith(f"{facility} is OFFLINE. Data is cached from 20"), warning)
        stale_at = stale_at or (past if stale else None)
        offline_at = offline_at or (past if not online else None)
        time.sleep(0.5)
    check(seconds <= STALE_AFTER + 5 or (stale_at and offline_at), f"stale {stale_at}, offline {offline_at}")
    return stale_at, offline_at, looks


def back(fleet, region, facility, token, databases):
    """After `up`: (seconds until all orders are everywhere, seconds until the freshness is live)."""
    links.change(facility, region, "up")
    began, whole, live = time.monotonic(), None, None
    while whole is None or live is None:
        past = time.monotonic() - began
        found = ledger.differences(databases, layout.STATE / "ledger", facility)[0] if whole is None else []
        whole = past if whole is None and not found else whole
        stale, online, warning, _ = look(fleet, region, facility, token)
        live = past if live is None and not stale and online and not warning else live
        check(past < WITHIN, f"{past:.1f} s after up: {found or 'orders equal'}; stale {stale}, online {online}")
        time.sleep(0.1)
    return whole, live


def prove(args):
    facility, region = args.facility, layout.FACILITIES[args.facility]
    fleet = Fleet(local.wanted_nodes())
    tenant = layout.TENANTS_AT[facility][0]
    token = fleet.token(tenant, "worker", region=region, facilities=[facility])
    databases = {name: clusters.dsn(name) for name in (facility, *layout.environments_of(region))}
    local.start_activity(None)
    time.sleep(5)
    before = ledger.differences(databases, layout.STATE / "ledger", facility)[2]
    stale_at, offline_at, looks = cut(fleet, region, facility, token, args.seconds)
    # What was on its way when the link came up must arrive too, so orders go on meanwhile; then they stop to be compared.
    local.stop_activity()
    whole, live = back(fleet, region, facility, token, databases)
    _, orders, accepted = ledger.differences(databases, layout.STATE / "ledger", facility)
    check(accepted > before, "the edge took no order while it was cut off")
    return (f"{args.seconds} s cut, {looks} looks, stale after {stale_at or 0:.1f} s, OFFLINE after {offline_at or 0:.1f} s; "
            f"{accepted - before} orders accepted meanwhile, {orders} equal in blue and green {whole:.1f} s after up, live after "
            f"{live:.1f} s")


def main():
    ask = argparse.ArgumentParser(description="Cut a facility off and read its ages.")
    ask.add_argument("--seconds", type=int, default=90)
    ask.add_argument("--facility", default="facility-la-001", choices=list(layout.FACILITIES))
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--size", default="S", choices=["S", "M"])
    args = ask.parse_args()
    running = any(state["running"] for state in local.status()["nodes"].values())
    if not running:
        local.up(args.size)
    active = bool(local.pid_of("activity"))
    try:
        print(f"freshness: ok: {prove(args)}")
        return 0
    except Failure as problem:
        print(f"freshness: FAILED: {problem}")
        return 1
    finally:
        links.heal()
        if not running:
            local.down()
        elif active:
            local.start_activity(None)


if __name__ == "__main__":
    sys.exit(main())
