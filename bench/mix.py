#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A mix of what the users of a three-tier company ask, at a fixed rate, whether or not answers keep up (open loop).

    ./dev bench mix         (or bench/mix.py [--rate N] [--seconds S])

Each operation has its share of the rate and an h2load of its own over TLS and HTTP/2; orders are created by a few
threads over HTTP/1.1, because each needs a key of its own. Per operation: p50 and p99 of the time to the whole answer,
and what was refused or failed. Written to bench/results/mix.json."""
import argparse
import http.client
import json
import re
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench.lib import kit  # noqa: E402

NODES = ["us-east-blue", "us-east", "facility-la-001", "memcached-us-east", "global", "analytics", "rollup-us-east",
         "memcached-global"]
LA, TENANT = "facility-la-001", "tenant-foo-inc"
EXECUTIVE = ["--tenant", TENANT, "--role", "executive"]
WORKER = ["--tenant", TENANT, "--role", "worker", "--region", "us-east", "--facilities", LA]
DEVELOPER = ["--tenant", TENANT, "--role", "developer", "--region", "us-east", "--facilities", LA]
EXEC = ("query Exec($r: TimeRange!) { globalKpis(range: $r, regions: [US_EAST], metrics: [REVENUE OEE ON_TIME_DELIVERY "
        "SCRAP_RATE BACKLOG]) { totals { metric value target finality } byRegion { region totals { metric value } } "
        "series(grain: DAY) { bucket values { metric value } } dataFreshness { ageSeconds isStale } } }")
NOW = ("query Now($r: TimeRange!) { globalKpis(range: $r, regions: [US_EAST], metrics: [ORDERS UNITS OEE], includeOpenHour: true) "
       "{ totals { metric value finality asOf missing } incompleteRegions } }")
COMPARE = ("query Cmp($r: TimeRange!, $p: TimeRange!) { globalKpis(range: $r, compareTo: $p, regions: [US_EAST], metrics: "
           "[REVENUE ORDERS]) { byRegion { region totals { metric value previous changePct } } } }")
DRILL = ("query Drill($f: ID!) { facility(id: $f) { name orders(first: 20, filter: {late: true}, orderBy: {field: PROMISED_AT, "
         "dir: ASC}) { totalCount edges { node { orderNo promisedAt customer { name } } } pageInfo { endCursor } } } }")
STOCK = ("query Stock($f: ID!) { inventoryLevels(facilityId: $f, first: 100) { edges { node { product { sku name } onHand available "
         "lastUpdated dataFreshness { isStale ageSeconds facilityOnline warning } } } } }")
PAGE = ("query Page($f: [ID!]!) { orders(facilityIds: $f, first: 50, filter: {status: [CONFIRMED IN_PRODUCTION]}) { edges { cursor "
        "node { orderNo totalAmount customer { name } lines { product { sku } qtyOrdered } } } pageInfo { hasNextPage endCursor } } }")
BOARD = ("query Board { regionStatus { region liveEnvironment state dualWrite facilitiesOnline facilitiesTotal maxLagSeconds "
         "reachable } facilities(online: false) { name region mode status { offlineSince offlineMinutes escalated } } }")
CREATE = ("mutation New($i: CreateOrderInput!) { createOrder(input: $i) { order { id orderNo version } acceptedBy replicated "
          "errors { code message field } } }")


def _days(back, until):
    day = int(time.time()) // 86400 * 86400
    first, last = (time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(day - n * 86400)) for n in (back, until))
    return {"from": first, "to": last}


def _open_hour():
    return {"from": _days(2, 0)["from"], "to": time.strftime("%Y-%m-%dT%H:00:00Z", time.gmtime(time.time() + 3600))}


def operations():
    """(name, share of 100, gateway, claims, query, variables)"""
    return [
        ("#1 dashboard, 6 days", 23, "global", EXECUTIVE, EXEC, {"r": _days(6, 0)}),
        ("#1 dashboard, 3 days", 8, "global", EXECUTIVE, EXEC, {"r": _days(3, 0)}),
        ("#1 dashboard, 1 day", 4, "global", EXECUTIVE, EXEC, {"r": _days(1, 0)}),
        ("#3 two ranges compared", 10, "global", EXECUTIVE, COMPARE, {"r": _days(3, 0), "p": _days(6, 3)}),
        ("#6 stock of LA", 20, "us-east", WORKER, STOCK, {"f": LA}),
        ("#8 page of 50 orders", 15, "us-east", WORKER, PAGE, {"f": [LA]}),
        ("#5 a facility's late orders", 8, "us-east", DEVELOPER, DRILL, {"f": LA}),
        ("#14 board", 5, "us-east", WORKER, BOARD, {}),
        ("#2 with the open hour", 2, "global", EXECUTIVE, NOW, {"r": _open_hour()}),
    ]


class Load:
    """One operation at its rate; its log has one line an answer: start, status, microseconds."""

    CLIENTS = 4

    def __init__(self, operation, facts, folder, index):
        self.name, self.share, gateway, claims, query, variables = operation
        self.url = facts["gateways"][gateway]["https"] + "/graphql"
        self.headers = [f"authorization: Bearer {kit.token(*claims)}", "content-type: application/json",
                        "accept: application/graphql-response+json"]
        self.body, self.log = folder / f"{index}.json", folder / f"{index}.log"
        self.body.write_text(json.dumps({"query": query, "variables": variables}))
        self.context = ssl.create_default_context(cafile=facts["ca"])

    def check(self):
        """One answer before the load: an operation that cannot be answered is no load."""
        request = urllib.request.Request(self.url, self.body.read_bytes(), dict(h.split(": ", 1) for h in self.headers))
        with urllib.request.urlopen(request, timeout=30, context=self.context) as answer:
            body = answer.read()
        if b'"errors"' in body:
            print(f"{self.name}: {body[-600:].decode()}", file=sys.stderr)

    def start(self, rate, seconds):
        a_client = max(0.1, rate * self.share / 100 / self.CLIENTS)
        args = ["h2load", f"-c{self.CLIENTS}", "-m100", "-D", str(seconds), "--rps", f"{a_client:g}", "-d", str(self.body),
                "--log-file", str(self.log), *(part for header in self.headers for part in ("-H", header)), self.url]
        self.process = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def answers(self):
        """(status, milliseconds) of each."""
        self.process.wait(60)
        lines = (line.split("\t") for line in self.log.read_text().splitlines())
        return [(int(status), int(us) / 1000) for _, status, us in lines]


class Writers:
    """Orders created at a facility's own gateway, at a fixed rate over a few threads."""

    THREADS = 4

    def __init__(self, facts, customer, product):
        self.address = facts["gateways"][LA]["https"].removeprefix("https://")
        self.context = ssl.create_default_context(cafile=facts["ca"])
        self.headers = {"authorization": "Bearer " + kit.token(*DEVELOPER), "content-type": "application/json"}
        self.customer, self.product = customer, product
        self.name, self.taken = "#10 create an order at LA", []

    def _body(self):
        return json.dumps({"query": CREATE, "variables": {"i": {
            "facilityId": LA, "customerId": self.customer, "currency": "USD", "key": str(uuid.uuid4()),
            "lines": [{"productId": self.product, "qty": "3"}]}}})

    def _work(self, rate, until, first):
        link = http.client.HTTPSConnection(self.address, context=self.context, timeout=10)
        due = first
        while due < until:
            time.sleep(max(0, due - time.monotonic()))
            try:
                link.request("POST", "/graphql", self._body(), self.headers)
                answer = link.getresponse()
                body = json.loads(answer.read())
                good = answer.status == 200 and "errors" not in body and not body["data"]["createOrder"]["errors"]
                self.taken.append((200 if good else 599, (time.monotonic() - due) * 1000))
                if not good and len([1 for status, _ in self.taken if status != 200]) == 1:
                    print(f"{self.name}: {json.dumps(body)[:500]}", file=sys.stderr)
            except (OSError, http.client.HTTPException):
                self.taken.append((0, (time.monotonic() - due) * 1000))
                link.close()
            due += self.THREADS / rate

    def start(self, rate, seconds):
        now = time.monotonic()
        self.threads = [threading.Thread(target=self._work, args=(rate, now + seconds, now + n / rate))
                        for n in range(self.THREADS)]
        for thread in self.threads:
            thread.start()

    def answers(self):
        for thread in self.threads:
            thread.join()
        return self.taken


def _ids(facts):
    """(customer, product) by node id, as a client finds them."""
    ask = "query { customers(first: 1) { edges { node { id } } } products(first: 1) { edges { node { id } } } }"
    request = urllib.request.Request(facts["gateways"]["us-east"]["http"] + "/graphql", json.dumps({"query": ask}).encode(),
                                     {"authorization": "Bearer " + kit.token(*DEVELOPER), "content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        data = json.load(answer)["data"]
    return [data[field]["edges"][0]["node"]["id"] for field in ("customers", "products")]


def errors_told(facts):
    """GraphQL errors by code, over all gateways that run."""
    found = {}
    for urls in facts["gateways"].values():
        try:
            with urllib.request.urlopen(urls["admin"] + "/metrics", timeout=5) as answer:
                text = answer.read().decode()
        except OSError:
            continue
        for code, n in re.findall(r'^meridian_errors_total\{code="(\w+)"\} (\d+)', text, re.M):
            found[code] = found.get(code, 0) + int(n)
    return found


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p / 100))] if values else float("nan")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=400, help="requests a second, all together")
    parser.add_argument("--seconds", type=int, default=20)
    args = parser.parse_args()
    with kit.fleet(NODES) as facts, kit.folder() as folder:
        loads = [Load(operation, facts, folder, n) for n, operation in enumerate(operations())]
        for load in loads:
            load.check()
        writers = Writers(facts, *_ids(facts))
        pids = {gateway: kit.gateway_pids(gateway) for gateway in ("global", "us-east", LA)}
        cpu, errors, began = {g: kit.cpu_s(p) for g, p in pids.items()}, errors_told(facts), time.monotonic()
        for load in loads:
            load.start(args.rate, args.seconds)
        writers.start(args.rate * 5 / 100, args.seconds)
        answers = {load.name: load.answers() for load in [*loads, writers]}
        took = time.monotonic() - began
        used = {g: round((kit.cpu_s(p) - cpu[g]) / took * 100, 1) for g, p in pids.items()}
        told = {code: n - errors.get(code, 0) for code, n in errors_told(facts).items() if n > errors.get(code, 0)}
    rows = []
    print(f"{'':30}{'answers':>9}{'failed':>8}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}")
    for name, taken in answers.items():
        times, failed = [ms for _, ms in taken], sum(status != 200 for status, _ in taken)
        row = {"operation": name, "answers": len(taken), "failed": failed,
               **{f"p{p}_ms": round(percentile(times, p), 2) for p in (50, 99)}, "max_ms": round(max(times, default=0), 2)}
        rows.append(row)
        print(f"{name:30}{row['answers']:>9}{failed:>8}{row['p50_ms']:>9.2f}{row['p99_ms']:>9.2f}{row['max_ms']:>9.2f}")
    print("GraphQL errors: " + (", ".join(f"{code} {n}" for code, n in told.items()) or "none"))
    print("CPU of the gateways, percent of a core: " + ", ".join(f"{g} {p}" for g, p in used.items()))
    kit.write("mix", {"rate": args.rate, "seconds": args.seconds, "errors": told, "cpu_percent": used, "operations": rows})


if __name__ == "__main__":
    main()
