#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Proves that reloads cost nothing: a router under load whose supergraph changes over and over. No request fails, its
memory stays level, plans are warm, and what it serves at the end is the last file.

  reload.py [--seed N] [--size N]

--size is the number of reloads (1,000 when not given). Every tenth file is one that cannot be served. The last line is
`reload: ok …` or `reload: FAILED …`."""
import argparse
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
from router_kit import Load, router, supergraph  # noqa: E402

SIZES = {"S": 1000, "M": 10000}


class Failure(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failure(text)


def fields(chance):
    """Further fields of a park: many, and others each time, so that a snapshot is not small."""
    return " ".join(f"f{chance.randrange(10**6)}_{i}: Int @join__field(graph: PARKS)" for i in range(chance.randrange(50, 200)))


def change(gate, one, two, chance, turn):
    """One reload; is it to be refused?"""
    if turn % 10 == 9:
        gate.write(supergraph(one.url, two.url, "area: Nowhere @join__field(graph: PARKS)"))
        said = gate.http("POST", "/reload", port=gate.admin)
        check(said.status == 422, f"a bad file was answered with {said.status}: {said.body[:200]}")
        return
    gate.write(supergraph(one.url, two.url, f"turn{turn}: Int @join__field(graph: PARKS) {fields(chance)}"))
    said = gate.http("POST", "/reload", port=gate.admin)
    check(said.status == 200, f"reload {turn} was answered with {said.status}: {said.body[:200]}")
    check(said.json["warmed"] >= 1, f"reload {turn} warmed nothing")


def prove(seed, reloads):
    chance = random.Random(seed)
    memory = []
    with router(parks=lambda request: {"park": {"id": "p1", "name": "x"}}) as (gate, one, two):
        load = Load(gate.port, "{ park { name } visits __typename }", clients=4)
        try:
            while load.answers < 100:
                time.sleep(0.01)
            for turn in range(reloads):
                change(gate, one, two, chance, turn)
                if turn >= reloads // 5 and turn % max(reloads // 50, 1) == 0:   # once it has had its peaks
                    memory.append(gate.resident())
        finally:
            answers, wrong = load.stop()
        check(not wrong, f"{len(wrong)} of {answers} requests failed: {wrong[:1]}")
        last = max(turn for turn in range(reloads) if turn % 10 != 9)
        said = gate.ask(f"{{ __type(name: \"Park\") {{ fields {{ name }} }} }}")
        names = {field["name"] for field in said.data["__type"]["fields"]}
        check(f"turn{last}" in names and f"turn{last - 1}" not in names, "the last file is not what is served")
        half = len(memory) // 2
        early, late = sorted(memory[:half])[half // 2], sorted(memory[half:])[half // 2]
        check(late <= early * 1.05 + 2048, f"memory grew from {early} to {late} KiB: {memory}")
        return f"reloads={reloads} requests={answers} failed=0 connections={len(one.sockets)} VmRSS={early}->{late} KiB"


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--size", default="S")
    told = options.parse_args()
    reloads = SIZES.get(told.size) or int(told.size)
    (layout.STATE / "log").mkdir(parents=True, exist_ok=True)
    try:
        print(f"reload: ok {prove(told.seed, reloads)}")
    except (Failure, AssertionError) as problem:
        print(f"reload: FAILED seed={told.seed}: {problem}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
