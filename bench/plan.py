#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the worst operations that we know take before they run.

    ./dev bench plan

An interface with a hundred implementations gone down five levels, in several ways, and forty subgraphs that share
types (tests/prove/lib/worst.h): CPU milliseconds of parsing, validating, planning and counting the cost of each, and the
bytes that stay with it in the plan cache. Written to bench/results/plan.json. An operation that is refused within the
time counts as refused, not as planned."""
import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench.lib import kit  # noqa: E402

MS, MIB = 20, 64


def main():
    kit.build("bench_plan")
    told = subprocess.run([str(kit.BUILD / "bench" / "bench_plan")], check=True, capture_output=True, text=True).stdout
    rows = [json.loads(line) for line in told.splitlines()]
    print(f"{'':42} {'CPU ms':>8} {'MiB kept':>9} {'fetches':>8}")
    for row in rows:
        print(f"{row['operation']:42} {row['ms']:8.2f} {row['bytes'] / 2**20:9.2f} {row['fetches'] or 'refused':>8}")
    kit.write("plan", {"machine": kit.machine(), "bar_ms": MS, "bar_mib": MIB, "operations": rows})
    over = [row["operation"] for row in rows if row["ms"] > MS or row["bytes"] > MIB << 20 or row["refused"]]
    print(f"plan: {'ok' if not over else 'FAILED'} the worst operations within {MS} ms and {MIB} MiB"
          + "".join(f"\n  not: {name}" for name in over))
    return 0 if not over else 1


if __name__ == "__main__":
    sys.exit(main())
