#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Proves that subscriptions live through reloads: 100 of them, over every transport on both sides, while the supergraph
changes over and over and subgraphs cut some of them. Every event that is told on a connection that stands reaches its
client whole and in order, a cut one is asked again, none ends, and the memory stays level.

  subscriptions.py [--seed N] [--size N]

--size is the number of reloads (100 when not given). The last line is `subscriptions: ok …` or
`subscriptions: FAILED …`."""
import argparse
import contextlib
import os
import random
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "scenario")]
os.environ.setdefault("MERIDIAN_BUILD", "build/release")
os.environ.setdefault("ASAN_OPTIONS", "quarantine_size_mb=1")   # what was freed must not look like what was kept

from fleet import layout  # noqa: E402
from router_kit import Router, Subgraph, wait_until  # noqa: E402
from stream_kit import Events, Sse, Ws, supergraph  # noqa: E402

SIZES = {"S": 100, "M": 1000}
CLIENTS = 100
MULTIPART = "multipart/mixed;subscriptionSpec=1.0"


class Failure(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failure(text)


def names(request):
    reps = next(iter(request["variables"].values()))
    return {"_entities": [{"name": f"name of {each['id']}"} for each in reps]}


class Client:
    """One subscription, told apart by its argument."""

    def __init__(self, gate, number):
        self.number = number
        query = f"subscription {{ visited(of: {number}) {{ name crowd }} }}"
        if number % 3 == 0:
            self.line = Ws(gate.port)
            self.line.subscribe("1", query)
            self.take = lambda: (self.line.next() or {}).get("payload")
        elif number % 3 == 1:
            self.line = Sse(gate.port, query)
            self.take = lambda: (self.line.next() or (None, None))[1]
        else:
            self.line = Sse(gate.port, query, accept=MULTIPART)
            self.take = self.part

    def part(self):
        while (part := self.line.part()) == {}:
            pass
        return part and part["payload"]

    def expect(self, turn):
        wanted = {"data": {"visited": {"name": f"name of t{turn}", "crowd": self.number}}}
        got = self.take()
        check(got == wanted, f"client {self.number}, turn {turn}: got {got}, wanted {wanted}")


def newest(events):
    """The feed of each client, by its argument."""
    found = {}
    for feed in list(events.feeds):
        found[int(feed.request["query"].partition("of:")[2].partition(")")[0])] = feed
    return found


def turn_once(gate, one, two, chance, clients, turn):
    if turn % 10 != 9:
        gate.write(supergraph(one.url, two.url, more=f"turn{turn}: Int @join__field(graph: PARKS)"))
    else:
        gate.write(supergraph(one.url, two.url, more="bad: Nowhere"))
    said = gate.http("POST", "/reload", port=gate.admin)
    check(said.status == (422 if turn % 10 == 9 else 200), f"reload {turn} was answered with {said.status}")
    cut = [feed for feed in newest(two).values() if chance.random() < 0.05]
    before = len(two.feeds)
    for feed in cut:
        feed.cut()
    wait_until(lambda: len(two.feeds) == before + len(cut), 20, f"{len(cut)} asked again in turn {turn}")
    for number, feed in newest(two).items():
        feed.event({"visited": {"__typename": "Park", "id": f"t{turn}", "crowd": number}})
    for client in clients:
        client.expect(turn)
    return len(cut)


def prove(seed, reloads):
    chance = random.Random(seed)
    memory, cuts = [], 0
    sides = ["subgraphs.subscriptions=sse", "subgraphs.subscriptions=ws"]
    for side in sides:
        with contextlib.ExitStack() as stack:
            one, two = Subgraph(names), Events()
            stack.callback(one.stop)
            stack.callback(two.stop)
            gate = Router(supergraph(one.url, two.url), side, "subgraphs.reconnectPause=20ms")
            stack.callback(gate.stop)
            clients = [Client(gate, number) for number in range(CLIENTS)]
            wait_until(lambda: len(newest(two)) == CLIENTS, 30, f"{CLIENTS} subscriptions")
            memory = []
            for turn in range(reloads // len(sides)):
                cuts += turn_once(gate, one, two, chance, clients, turn)
                memory.append(gate.resident())
            for client in clients:
                client.line.close()
            wait_until(lambda: all(feed.gone.is_set() for feed in two.feeds), 20, "the end of all")
            check("ERROR" not in gate.logged(), gate.logged()[-2000:])
        late = memory[len(memory) // 2:]
        early, end = sorted(late[:len(late) // 2 + 1])[len(late) // 4], sorted(late[len(late) // 2:])[len(late) // 4]
        check(end <= early * 1.05 + 2048, f"memory grew from {early} to {end} KiB: {memory}")
    return f"subscriptions={CLIENTS} reloads={reloads} cut={cuts} ended=0 VmRSS={early}->{end} KiB"


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--size", default="S")
    told = options.parse_args()
    reloads = SIZES.get(told.size) or int(told.size)
    (layout.STATE / "log").mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    try:
        print(f"subscriptions: ok {prove(told.seed, reloads)} seconds={time.monotonic() - began:.0f}")
    except (Failure, AssertionError) as problem:
        print(f"subscriptions: FAILED seed={told.seed}: {problem}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
