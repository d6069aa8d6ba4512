#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Three reads against their ceilings.

    ./dev bench read        (or bench/read.py [--runs N] [--seconds S] [--only NAME])

- `row`: one order by its node id; `page`: 50 orders with customer, lines and products; both at a region's gateway,
  beside a bare libh2o + libpq server that runs the very statement that `meridian plan` prints, with the same
  set_config, as the same role under row-level security, and beside pgbench on that statement.
- `cached`: a KPI dashboard at the global gateway, beside a bare libh2o server that answers the same bytes.

All sides get the same request from the same h2load, one after the other in changing order. The table shows medians;
ratios are medians of the rounds' own ratios. Beside the rates stands what Postgres used for a request: `pgbench` needs
no gateway, so its rate is what all the CPU there is can do. Written to bench/results/read.json, with system calls a
request, the memory of an idle gateway, and the load that was there before."""
import argparse
import json
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench.lib import kit  # noqa: E402

NODES = ["us-east-blue", "us-east", "facility-la-001", "memcached-us-east", "global", "analytics", "rollup-us-east",
         "memcached-global"]
FACILITY = "facility-la-001"
TENANT = "tenant-foo-inc"
WORKER = ["--tenant", TENANT, "--role", "worker", "--region", "us-east", "--facilities", FACILITY]
ROW = "query Row($id: ID!) { order(id: $id) { id orderNo status totalAmount currency orderedAt } }"
PAGE = ("query Page($f: [ID!]!) { orders(facilityIds: $f, first: 50) { edges { cursor node { orderNo totalAmount "
        "customer { name } lines { product { sku } qtyOrdered } } } pageInfo { hasNextPage endCursor } } }")
KPIS = ("query Exec($r: TimeRange!) { globalKpis(range: $r, regions: [US_EAST], metrics: [REVENUE OEE ON_TIME_DELIVERY "
        "SCRAP_RATE BACKLOG]) { totals { metric value target finality } byRegion { region totals { metric value } } "
        "series(grain: DAY) { bucket values { metric value } } dataFreshness { ageSeconds isStale } } }")
BARS = {"row": {"cpu": 4.0, "rate": 0.7}, "page": {"rate": 0.7}, "cached": {"cpu": 4.0}}
WANTED = {"row": {"cpu": 2.0, "rate": 1.0}, "page": {"rate": 0.7}, "cached": {"cpu": 2.0}}


class Case:
    """One query at one gateway: its request, and what stands beside it."""

    def __init__(self, name, gateway, query, variables, claims, facts, folder):
        self.name, self.gateway, self.query, self.variables, self.claims = name, gateway, query, variables, claims
        self.url = facts["gateways"][gateway]["http"] + "/graphql"
        self.headers = [f"authorization: Bearer {kit.token(*claims)}", "content-type: application/json",
                        "accept: application/graphql-response+json"]
        self.body = folder / f"{name}.json"
        self.body.write_text(json.dumps({"query": query, "variables": variables}))
        self.folder = folder
        self.samples = {}

    def ask(self):
        """One answer, whole."""
        headers = dict(h.split(": ", 1) for h in self.headers)
        request = urllib.request.Request(self.url, self.body.read_bytes(), headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            body = answer.read()
            if b'"errors"' in body:
                sys.exit(f"{self.name}: {body[:500].decode()}")
            return body, answer.headers

    def plan(self):
        """(statement, parameters, place) of the one part that `meridian plan` tells."""
        query, variables = self.folder / "query.graphql", self.folder / "variables.json"
        query.write_text(self.query)
        variables.write_text(json.dumps(self.variables))
        out = subprocess.run([str(kit.BUILD / "gateway" / "meridian"), "plan", "--config",
                              str(kit.config_file(self.gateway)), "--query", str(query), "--variables", str(variables),
                              *self.claims, "--json"], capture_output=True, text=True, check=True).stdout
        fetches = json.loads(out)["fetches"]
        part = fetches[0]["parts"][0]
        if len(fetches) != 1 or len(fetches[0]["parts"]) != 1 or not part["sql"]:
            sys.exit(f"{self.name}: not one statement: {out[:500]}")
        return part["sql"], part["params"], part["placement"]

    def requests_for(self, seconds, url):
        kit.h2load(url, self.headers, self.body, 1000)  # statements are prepared, plans and answers kept
        return max(500, int(kit.h2load(url, self.headers, self.body, 2000) * seconds))


def some_order(facts, folder):
    case = Case("first", "us-east", "query F($f: [ID!]!) { orders(facilityIds: $f, first: 20) { edges { node { id } } } }",
                {"f": [FACILITY]}, WORKER, facts, folder)
    return json.loads(case.ask()[0])["data"]["orders"]["edges"][-1]["node"]["id"]


def closed_week():
    day = int(time.time()) // 86400 * 86400
    stamp = [time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(day - back * 86400)) for back in (7, 0)]
    return {"from": stamp[0], "to": stamp[1]}


def interleave(case, sides, runs):
    """sides: name -> function that gives one sample; in changing order, so that drift falls on all alike."""
    case.samples = {name: [] for name in sides}
    for run in range(runs):
        for name in sorted(sides, reverse=run % 2 == 1):
            case.samples[name].append(sides[name]())


def run_statement(case, args):
    sql, params, place = case.plan()
    dsn = kit.gateway_dsn(case.gateway, place)
    scope = {"app.tenant_id": TENANT, "app.facilities": FACILITY, "app.role": "worker"}
    statement = case.folder / "statement.sql"
    statement.write_text(sql)
    options = ["-t", TENANT, "-f", FACILITY, "-r", "worker"]
    pgbench = kit.Pgbench(dsn, sql, params, scope, case.folder)
    pids = kit.gateway_pids(case.gateway)

    def with_postgres(measure):
        cpu = kit.Cpu()
        before = cpu(kit.postgres_pids(place))
        cpu_us, rate, requests = measure()
        return cpu_us, rate, (cpu(kit.postgres_pids(place)) - before) / requests * 1e6

    with kit.Harness("pg_harness", dsn, str(statement), *params, options=options) as bare:
        n, m = case.requests_for(args.seconds, case.url), case.requests_for(args.seconds, bare.url)
        interleave(case, {
            "meridian": lambda: with_postgres(lambda: (*kit.measure(case.url, pids, case.headers, case.body, n), n)),
            "bare": lambda: with_postgres(lambda: (*kit.measure(bare.url, bare.pids, case.headers, case.body, m), m)),
            "pgbench": lambda: (0.0, pgbench.run(args.seconds)),
        }, args.runs)


def run_cached(case, args):
    body, headers = case.ask()
    body, headers = case.ask()
    if headers["meridian-cache"] != "hit":
        sys.exit(f"{case.name}: meridian-cache is {headers['meridian-cache']}")
    answer = case.folder / "answer.json"
    answer.write_bytes(body)
    pids = kit.gateway_pids(case.gateway)
    with kit.Harness("h2_bare", str(answer)) as bare:
        n, m = case.requests_for(args.seconds, case.url), case.requests_for(args.seconds, bare.url)
        interleave(case, {
            "meridian": lambda: kit.measure(case.url, pids, case.headers, case.body, n),
            "bare": lambda: kit.measure(bare.url, bare.pids, case.headers, case.body, m),
        }, args.runs)


def system_calls(case, requests=2000):
    """Of the gateway's worker a request, with 80 under way; {} without strace."""
    if not shutil.which("strace"):
        return {}
    out = case.folder / "strace"
    tracer = subprocess.Popen(["strace", "-c", "-f", "-o", str(out), "-p", str(kit.gateway_pids(case.gateway)[-1])],
                              stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    kit.h2load(case.url, case.headers, case.body, requests)
    tracer.terminate()
    tracer.wait(15)
    calls = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", out.read_text(), re.M)
    found = {name: round(int(n) / requests, 3) for n, name in calls if name != "total" and int(n) >= requests / 100}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def idle_memory(gateway):
    pids = kit.gateway_pids(gateway)
    return {"gateway": gateway, "parent_rss_kb": kit.memory_kb(pids[0]),
            "worker_rss_kb": max(kit.memory_kb(pid) for pid in pids[1:]),
            "pss_kb": sum(kit.memory_kb(pid, "Pss") for pid in pids)}


def summary(case):
    row = {"case": case.name, "query": case.query, "answer_bytes": len(case.ask()[0])}
    for side, samples in case.samples.items():
        cpu, rate, *postgres = kit.medians(samples)
        row[side] = {"cpu_us": round(cpu, 2), "cpu_us_range": kit.spread(samples), "requests_per_s": round(rate),
                     "requests_per_s_range": kit.spread(samples, 1)}
        if postgres:
            row[side]["postgres_cpu_us"] = round(postgres[0], 2)
    meridian = case.samples["meridian"]
    row["cpu_ratio"] = round(kit.ratio(meridian, case.samples["bare"]), 2)
    if "pgbench" in row:
        del row["pgbench"]["cpu_us"], row["pgbench"]["cpu_us_range"]
        row["rate_ratio"] = round(kit.ratio(meridian, case.samples["pgbench"], 1), 2)
        row["bare_rate_ratio"] = round(kit.ratio(case.samples["bare"], case.samples["pgbench"], 1), 2)
    row["bars"], row["wanted"] = BARS[case.name], WANTED[case.name]
    row["holds"] = (row["cpu_ratio"] <= BARS[case.name].get("cpu", row["cpu_ratio"])
                    and row.get("rate_ratio", 1) >= BARS[case.name].get("rate", 0))
    return row


def show(rows, memory):
    print(f"{'':8}{'meridian':>22}{'bare':>22}{'pgbench':>12}{'CPU':>8}{'rate':>7}  bars")
    for row in rows:
        cells = "".join(f"{row[side]['cpu_us']:>9.1f} us {row[side]['requests_per_s']:>8}/s" for side in ("meridian", "bare"))
        pgbench = f"{row['pgbench']['requests_per_s']:>10}/s" if "pgbench" in row else f"{'':12}"
        rate = f"{row['rate_ratio']:>6.2f}x" if "rate_ratio" in row else f"{'':7}"
        bars = " ".join(f"{name} {'<=' if name == 'cpu' else '>='} {bar}" for name, bar in row["bars"].items())
        print(f"{row['case']:8}{cells}{pgbench}{row['cpu_ratio']:>7.2f}x{rate}  {bars}: {'holds' if row['holds'] else 'MISSED'}")
    for row in rows:
        if "pgbench" in row:
            print(f"Postgres a request, {row['case']}: {row['meridian']['postgres_cpu_us']} us for meridian, "
                  f"{row['bare']['postgres_cpu_us']} us for bare; bare reaches {row['bare_rate_ratio']} of pgbench's rate")
        if row["system_calls"]:
            calls = ", ".join(f"{name} {n}" for name, n in row["system_calls"].items())
            print(f"system calls a request, {row['case']}: {sum(row['system_calls'].values()):.2f} ({calls})")
    print(f"idle {memory['gateway']}: parent {memory['parent_rss_kb']} kB, worker {memory['worker_rss_kb']} kB resident; "
          f"together, shared pages once: {memory['pss_kb']} kB")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each sample, about")
    parser.add_argument("--only", choices=BARS)
    args = parser.parse_args()
    load_before = kit.load()
    kit.build("h2_bare", "pg_harness")
    with kit.fleet(NODES) as facts, kit.folder() as folder:
        memory = idle_memory("us-east")
        cases = [Case("row", "us-east", ROW, {"id": some_order(facts, folder)}, WORKER, facts, folder),
                 Case("page", "us-east", PAGE, {"f": [FACILITY]}, WORKER, facts, folder),
                 Case("cached", "global", KPIS, {"r": closed_week()}, ["--tenant", TENANT, "--role", "executive"], facts,
                      folder)]
        rows = []
        for case in cases:
            if args.only and case.name != args.only:
                continue
            (run_cached if case.name == "cached" else run_statement)(case, args)
            rows.append({**summary(case), "system_calls": system_calls(case)})
    show(rows, memory)
    kit.warn_of(load_before)
    if not args.only:
        kit.write("read", {"load_before": load_before, "runs": args.runs, "seconds": args.seconds, "clients": kit.CLIENTS, "idle": memory, "cases": rows})


if __name__ == "__main__":
    main()
