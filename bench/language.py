#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a new operation costs before it runs, beside npm's graphql.

    ./dev bench language        (or bench/language.py [--runs N])

The example operations (their texts stand in fuzz/corpus/plan), each made again and again: by us parsed, counted against
the limits, validated, planned and its cost prepared; by graphql-js 16 parsed and validated alone. Both in one run, in
turns, after some rounds that warm them up; the table shows medians of CPU time. Written to bench/results/language.json.
Needs node and the root's node_modules; skipped without them, saying so."""
import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "prove"))
import graphql as oracle  # noqa: E402
from bench.lib import kit  # noqa: E402

SCHEMA = kit.ROOT / "schema"
NAMES = ["exec", "now", "cmp", "worst", "drill", "stock", "stockeu", "page", "floor", "new", "remote", "adj", "cust",
         "board", "fix"]
BAR = 10
WARM, ROUNDS = 300, 100


class Side:
    def __init__(self, *command):
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, cwd=kit.ROOT)
        self.samples = []

    def ask(self, rounds):
        self.process.stdin.write(f"{rounds}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.process.args[0]} ended with {self.process.wait()}")
        return json.loads(line)

    def medians(self):
        return [statistics.median(column) for column in zip(*self.samples)]

    def end(self):
        self.process.stdin.close()
        self.process.wait(10)


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--runs", type=int, default=9)
    args = ask.parse_args()
    why = oracle.missing()
    if why:
        print(f"language: skipped, {why}")
        return 0
    kit.build("bench_language")
    tool = kit.BUILD / "bench" / "bench_language"
    files = [kit.ROOT / "fuzz" / "corpus" / "plan" / name for name in NAMES]
    with tempfile.TemporaryDirectory() as folder:
        sdl = Path(folder) / "api.graphql"
        sdl.write_bytes(subprocess.run([str(tool), "--print", str(SCHEMA / "supergraph.graphql")], check=True,
                                       capture_output=True).stdout)
        ours = Side(tool, SCHEMA / "supergraph.graphql", SCHEMA / "operations.graphql", SCHEMA / "analytics.graphql", "--",
                    *files)
        theirs = Side("node", kit.ROOT / "bench" / "lib" / "language.mjs", sdl, *files)
        sides = [ours, theirs]
        for side in sides:
            side.ask(WARM)
        for run in range(args.runs):
            for side in sides if run % 2 else sides[::-1]:
                side.samples.append(side.ask(ROUNDS))
        for side in sides:
            side.end()
    rows = list(zip(NAMES, ours.medians(), theirs.medians()))
    total = [sum(column) for column in list(zip(*rows))[1:]]
    print(f"{'':10} {'ours, us':>10} {'graphql-js, us':>15} {'ratio':>7}")
    for name, own, other in [*rows, ("all", *total)]:
        print(f"{name:10} {own:10.1f} {other:15.1f} {other / own:7.1f}")
    ratio = total[1] / total[0]
    kit.write("language", {"machine": kit.machine(), "ratio": round(ratio, 1), "bar": BAR, "operations": {
        name: {"ours_us": round(own, 2), "graphql_js_us": round(other, 2)} for name, own, other in rows}})
    print(f"language: {'ok' if ratio >= BAR else 'FAILED'} parse + validate + plan {ratio:.1f} times as fast as graphql-js"
          f" parse + validate (bar {BAR})")
    return 0 if ratio >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
