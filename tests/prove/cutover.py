#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Proves that a region moves between its environments under load: us-east, blue to green and back, again and again.

  cutover.py [--moves N] [--seed N] [--size S]

First N moves, during which no request may fail and no answer may mix environments. Then as many again, and in the middle of
each something is killed that was drawn: the gateway, the environment that is left, or the one that is gone to. Whatever
happens, the databases agree on who is live, the highest epoch holds, and every write that was acknowledged is in both
environments exactly once. Uses the fleet that runs, else starts what it needs and stops it. The last line is `cutover: ok …` or
`cutover: FAILED …`; the same seed draws the same faults, and there is nothing to resume. The form of seconds is
tests/scenario/test_cutover.py."""
import argparse
import os
import random
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "scenario")]
if not (ROOT / os.environ.get("MERIDIAN_BUILD", "build/release")).exists():
    os.environ["MERIDIAN_BUILD"] = "build/dev"

from cutover_kit import BLUE, GREEN, STATUS, Load, customers, epoch_of, home, promote  # noqa: E402
from fleet import layout, local  # noqa: E402
from gateway_kit import LA, ready  # noqa: E402
from lib import Fleet, equal, eventually  # noqa: E402

NODES = [f"db:{BLUE}", f"db:{GREEN}", f"db:{LA}", "gateway:us-east", f"gateway:{LA}"]
OTHER = {"blue": "green", "green": "blue"}


def live_of(fleet):
    """The environment that both databases call live, once they agree."""
    def agreed():
        told = {(live, epoch) for database in (BLUE, GREEN) for live, _, epoch in fleet.sql(database, STATUS)}
        equal(len(told), 1, f"what the environments say: {told}")
        return told.pop()[0]
    return eventually(agreed, 60)


def whole(fleet, load):
    """Everything that was acknowledged is in both environments, once."""
    for database in (BLUE, GREEN):
        def held():
            codes = [code for code, in customers(fleet, database, load.prefix)]
            equal((len(codes), set(load.customers) - set(codes)), (len(set(codes)), set()), f"customers at {database}")
            equal(fleet.orders_at(database, load.orders), set(load.orders), f"orders at {database}")
        eventually(held, 60)


def quiet_moves(fleet, count, draw):
    took, first = [], epoch_of(fleet)
    with Load(fleet) as load:
        for _ in range(count):
            target, began = OTHER[live_of(fleet)], time.monotonic()
            answer = promote(fleet, target)
            took.append(time.monotonic() - began)
            equal((answer.status, answer.json.get("live")), (200, target), f"a move: {answer.body[:300]}")
            time.sleep(draw.random() / 2)
    equal(load.problems, [], "failed requests")
    whole(fleet, load)
    equal(epoch_of(fleet), first + count, "epoch")
    took.sort()
    middle = took[len(took) // 2]
    return middle, (f"{count} moves under {len(load.customers)} + {len(load.orders)} writes and {load.read} pages, none failed or mixed, "
                    f"{middle * 1000:.0f} ms each, at most {took[-1] * 1000:.0f} ms")


def broken_moves(fleet, count, draw, within):
    """A move takes about `within` seconds; the kill comes at any moment of it."""
    moved, lost = 0, 0
    with Load(fleet) as load:
        for _ in range(count):
            live = live_of(fleet)
            victim = draw.choice(["gateway:us-east", f"db:us-east-{live}", f"db:us-east-{OTHER[live]}"])

            def move():
                try:
                    promote(fleet, OTHER[live])
                except AssertionError:   # the gateway is gone
                    pass
            mover = threading.Thread(target=move)
            mover.start()
            time.sleep(draw.random() * within * 1.5)
            fleet.kill(victim)
            mover.join()
            fleet.start(victim)
            ready(fleet, "us-east", 60)
            moved += live_of(fleet) != live
        lost = len(load.problems)
    whole(fleet, load)
    return f"{count} moves with a kill in the middle, {moved} of them came through; {len(load.customers)} + {len(load.orders)} writes " \
           f"acknowledged (and {lost} requests told that they failed), all there once"


def main():
    ask = argparse.ArgumentParser(description="Move us-east between blue and green under load.")
    ask.add_argument("--moves", type=int, default=50)
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--size", default="S", choices=["S", "M"])
    args = ask.parse_args()
    draw = random.Random(args.seed)
    running = any(state["running"] for state in local.status()["nodes"].values())
    if not running:
        local.up(args.size, set(local.expand(NODES)), activity=False)
    fleet = Fleet(local.wanted_nodes())
    try:
        within, calm = quiet_moves(fleet, args.moves, draw)
        broken = broken_moves(fleet, args.moves, draw, within)
        home(fleet)
        print(f"cutover: ok: {calm}; {broken}")
        return 0
    except AssertionError as problem:
        print(f"cutover: FAILED: {problem}")
        return 1
    finally:
        if not running:
            local.down()


if __name__ == "__main__":
    sys.exit(main())
