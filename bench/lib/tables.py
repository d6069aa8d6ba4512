#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes the tables of docs/benchmarks.md from bench/results/*.json: each stands between `<!-- table NAME -->` and
`<!-- end -->`. Run it after ./dev bench read, guard and federation."""
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS, DOC = ROOT / "bench" / "results", ROOT / "docs" / "benchmarks.md"


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def load_line(facts):
    if "load_before" not in facts:
        return ""
    return f"Load average before the start: {facts['load_before']}; {facts['runs']} rounds.\n\n"


def reads(facts):
    rows = []
    for case in facts["cases"]:
        m, b, p = case["meridian"], case["bare"], case.get("pgbench")
        rows.append([case["case"], f"{m['cpu_us']} µs", f"{b['cpu_us']} µs", f"**{case['cpu_ratio']}**",
                     f"{m.get('postgres_cpu_us', '')} / {b.get('postgres_cpu_us', '')} µs" if p else "",
                     f"{m['requests_per_s']:,}/s", f"{b['requests_per_s']:,}/s",
                     f"{p['requests_per_s']:,}/s" if p else "", case["rate_ratio"] if p else "",
                     case["bare_rate_ratio"] if p else ""])
    return load_line(facts) + table(["", "Meridian CPU", "bare CPU", "ratio", "Postgres' own, Meridian / bare", "Meridian",
                                     "bare", "pgbench", "Meridian / pgbench", "bare / pgbench"], rows)


def calls(facts):
    rows = [[case["case"], round(sum(case["system_calls"].values()), 2),
             ", ".join(f"{name} {n}" for name, n in case["system_calls"].items())] for case in facts["cases"]]
    return table(["", "all", "by call"], rows)


def guard(facts):
    rows = [[case["case"], f"{case['guarded']['cpu_us']} µs", f"{case['bare']['cpu_us']} µs",
             f"{case['more_percent']:+} %"] for case in facts["cases"]]
    return load_line(facts) + table(["", "guarded", "bare", "more"], rows)


FEDERATION_CASES = {"unique": "never the same header twice", "equal": "all requests equal", "delay": "never the same, 4 ms a call"}


def federation(facts):
    rows = []
    for case in facts["cases"]:
        m, b = case["meridian"], case["bare"]
        judged = case["headers"] == "unique"   # the ceiling merges nothing
        rows.append([FEDERATION_CASES[case["case"]], f"{m['cpu_us']} µs", f"{b['cpu_us']} µs",
                     f"**{case['cpu_ratio']}**" if judged else "", f"{m['subgraph_requests']} / {b['subgraph_requests']}",
                     f"{m['per_s']:,}/s", f"{b['per_s']:,}/s", f"{m['p50_ms']:.1f} / {m['p99_ms']:.1f} ms",
                     f"{m['rss_kb'] / 1024:.1f} / {m['pss_kb'] / 1024:.1f} MiB"])
    return load_line(facts) + table(["", "Meridian CPU", "bare CPU", "ratio", "subgraph requests, Meridian / bare", "Meridian",
                                     "bare", "Meridian p50 / p99", "Meridian RSS / Pss"], rows)


TABLES = {"reads": ("read", reads), "calls": ("read", calls), "guard": ("guard", guard),
          "federation": ("federation", federation)}


def main():
    text = DOC.read_text(encoding="utf-8")
    for name, (file, write) in TABLES.items():
        path = RESULTS / f"{file}.json"
        if not path.exists():
            continue
        made = f"<!-- table {name} -->\n{write(json.loads(path.read_text(encoding='utf-8')))}\n<!-- end -->"
        text, n = re.subn(rf"<!-- table {name} -->\n.*?<!-- end -->", lambda _, made=made: made, text, flags=re.S)
        if n != 1:
            sys.exit(f"{DOC.name} has {n} places for table {name}")
    DOC.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
