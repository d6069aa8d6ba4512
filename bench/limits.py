#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The ceilings alone: what the libraries do on this machine with nothing of Meridian in them.

    ./dev bench limits      (or bench/limits.py [--runs N] [--seconds S])

Bare libh2o answers a GET, a POST and a POST with a token of 480 bytes; bare libh2o + libpq runs one prepared statement
a request. Written to bench/results/limits.json."""
import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench.lib import kit, small_postgres  # noqa: E402

ANSWER = '{"data":{"order":{"id":"T3JkZXI6MQ","orderNo":"LA-001-0000001","totalAmount":"1204.5000"}}}'
QUERY = json.dumps({"query": "query One($id: ID!) { order(id: $id) { id orderNo totalAmount } }",
                    "variables": {"id": "Order~us-east~facility-la-001~01a1fe3b-fa87-7851-8454-ffb3631fdf17"}})


def of_h2o(folder):
    """case -> (headers, body file)."""
    body = folder / "body.json"
    body.write_text(QUERY)
    kinds = ["content-type: application/json", "accept: application/graphql-response+json"]
    return {"GET": ([], None), "POST": (kinds, body), "POST with a token": ([*kinds, "authorization: Bearer " + "t" * 480], body)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each sample, about")
    args = parser.parse_args()
    kit.build("h2_bare", "pg_harness")
    samples = {}

    def sample(name, server, headers, body):
        if name not in counts:
            counts[name] = max(1000, int(kit.h2load(server.url, headers, body, 2000) * args.seconds))
        samples.setdefault(name, []).append(kit.measure(server.url, server.pids, headers, body, counts[name]))

    counts = {}
    with kit.folder() as folder, small_postgres.cluster(folder) as dsn:
        answer, statement = folder / "answer.json", folder / "statement.sql"
        answer.write_text(ANSWER)
        statement.write_text(small_postgres.STATEMENT)
        with kit.Harness("h2_bare", str(answer)) as h2o, \
                kit.Harness("pg_harness", dsn, str(statement), "1000", port=kit.HARNESS_PORT + 1, options=["-t", "tenant-foo-inc"]) as pg:
            for _ in range(args.runs):
                for case, (headers, body) in of_h2o(folder).items():
                    sample(f"libh2o, {case}", h2o, headers, body)
                sample("libh2o + libpq, one row", pg, *of_h2o(folder)["POST with a token"])
    rows = []
    print(f"{'':32}{'CPU a request':>16}{'requests':>14}")
    for name, taken in samples.items():
        cpu, rate = kit.medians(taken)
        rows.append({"case": name, "cpu_us": round(cpu, 2), "cpu_us_range": kit.spread(taken), "requests_per_s": round(rate)})
        print(f"{name:32}{cpu:>13.2f} us{rate:>12.0f}/s")
    kit.write("limits", {"runs": args.runs, "seconds": args.seconds, "clients": kit.CLIENTS, "cases": rows})


if __name__ == "__main__":
    main()
