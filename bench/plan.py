#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the worst operations that we know take before they run.

    ./dev bench plan

An interface with a hundred implementations gone down five levels, in several ways, and forty subgraphs that share
types (tests/prove/lib/worst.h): CPU milliseconds of parsing, validating, planning and counting the cost of each, the most
memory meanwhile, and the bytes that stay with it in the plan cache. Written to bench/results/plan.json. One operation
cannot be planned by anybody, as its answer has 100^5 places: it has to be refused within the same bounds."""
import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench.lib import kit  # noqa: E402

MS, MIB = 20, 64
REFUSED = "a hundred types, each asked otherwise"


def main():
    kit.build("bench_plan")
    told = subprocess.run([str(kit.BUILD / "bench" / "bench_plan")], check=True, capture_output=True, text=True).stdout
    rows = [json.loads(line) for line in told.splitlines()]
    print(f"{'':42} {'CPU ms':>8} {'MiB peak':>9} {'MiB kept':>9} {'fetches':>8} {'depth':>6}")
    for row in rows:
        print(f"{row['operation']:42} {row['ms']:8.2f} {row['peak'] / 2**20:9.2f} {row['bytes'] / 2**20:9.2f} {row['fetches'] or 'refused':>8} {row['depth'] or '':>6}")
    kit.write("plan", {"machine": kit.machine(), "bar_ms": MS, "bar_mib": MIB, "operations": rows})
    over = [row["operation"] for row in rows
            if row["ms"] > MS or row["peak"] > MIB << 20 or bool(row["refused"]) != (row["operation"] == REFUSED)]
    print(f"plan: {'ok' if not over else 'FAILED'} the worst operations planned, or refused, within {MS} ms and {MIB} MiB"
          + "".join(f"\n  not: {name}" for name in over))
    return 0 if not over else 1


if __name__ == "__main__":
    sys.exit(main())
