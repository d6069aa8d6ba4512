# SPDX-License-Identifier: MIT
"""What the gateway scenarios share: the example operations, a client that chooses its protocol, ways to compare."""
import contextlib
import json
import os
import re
import subprocess
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import yaml

from fleet import gateways, layout, local, nodes, pki
from lib import Answer, equal, eventually

LA, FRANKFURT, NEWYORK, LONDON = ("facility-la-001", "facility-frankfurt-001", "facility-newyork-001",
                                  "facility-london-001")
FOO, BAR = "tenant-foo-inc", "tenant-bar-inc"
US_EAST_DATABASES = ["db:us-east-blue", "db:us-east-green", "db:us-east-blue-r1", "db:us-east-blue-r2"]
BOTH = ("application/json", "application/graphql-response+json")

STOCK = """query Stock($f: ID!, $n: Int = 100) { inventoryLevels(facilityId: $f, first: $n) { edges { node {
  product { sku name } onHand available lastUpdated
  dataFreshness { isStale ageSeconds facilityOnline warning servedBy region environment lastSync fromCache } } } } }"""
PAGE = """query Page($f: [ID!]!, $c: String, $n: Int = 50, $s: [OrderStatus!] = [CONFIRMED IN_PRODUCTION]) {
  orders(facilityIds: $f, first: $n, after: $c, filter: {status: $s}) { totalCount edges { cursor node { id orderNo
  totalAmount customer { name } lines { product { sku } qtyOrdered } } }
  pageInfo { hasNextPage endCursor } } }"""
FLOOR = """query Floor($f: ID!) { equipment(facilityId: $f) { code status statusSince currentRun { progress qtyGood qtyScrap }
  dataFreshness { isStale servedBy } }
  productionRuns(facilityId: $f, status: [IN_PROGRESS SCHEDULED]) { edges { node { product { name } plannedStart } } } }"""
BOARD = """query Board { regionStatus { region liveEnvironment state dualWrite facilitiesOnline facilitiesTotal maxLagSeconds
  reachable } facilities(online: false) { name region mode status { offlineSince offlineMinutes escalated } } }"""
NEW_ORDER = """mutation New($i: CreateOrderInput!) { createOrder(input: $i) { order { id orderNo version status }
  acceptedBy replicated errors { code message field } } }"""


# ---- asking ----

def good(answer):
    """The data of an answer that must be whole."""
    equal((answer.status, answer.errors), (200, []), "status and errors")
    return answer.data


def codes(answer):
    return [error["extensions"]["code"] for error in answer.errors]


def worker(fleet, tenant=FOO, **more):
    return fleet.token(tenant, "worker", **more)


def curl(gateway, how, body, fields, timeout=15):
    """One POST to /graphql: how is h2 (over TLS), http1 (over TLS), plain (HTTP/1.1) or h2c (with prior knowledge)."""
    tls = how in ("h2", "http1")
    flag = {"h2": "--http2", "http1": "--http1.1", "plain": "--http1.1", "h2c": "--http2-prior-knowledge"}[how]
    port = layout.gateway_port(gateway, "https" if tls else "http")
    cmd = ["curl", "-sS", "-i", flag, "--cacert", str(pki.CA), "--max-time", str(timeout), "--data-binary", "@-",
           f"http{'s' if tls else ''}://127.0.0.1:{port}/graphql"]
    for name, value in fields.items():
        cmd += ["-H", f"{name}: {value}"]
    done = subprocess.run(cmd, input=body, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, f"curl {how}: exit {done.returncode}: {done.stderr.decode().strip()}"
    head, _, rest = done.stdout.partition(b"\r\n\r\n")
    if b" 100" in head.split(b"\r\n", 1)[0]:
        head, _, rest = rest.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    answer = Answer(int(lines[0].split()[1]), dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line), rest)
    answer.version = lines[0].split()[0]
    return answer


_AGES = re.compile(rb'"(ageSeconds|cacheAgeSeconds|maxLagSeconds)":[0-9.]+|"(asOf|lastSync)":"[^"]*"|"role":"(primary|replica)"')


def ageless(body):
    """The bytes of an answer without what differs from one moment to the next."""
    return _AGES.sub(b"-", body)


def decimals(rows):
    return [tuple(Decimal(value) if isinstance(value, (str, Decimal)) and re.fullmatch(r"-?\d+(\.\d+)?", str(value))
                  else value for value in row) for row in rows]


def stamp(moment):
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def this_hour():
    return datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0)


def closed_days(count=7):
    """The last `count` whole days: (from, to)."""
    today = this_hour().replace(hour=0)
    return today - timedelta(days=count), today


# ---- what a gateway says of itself ----

def metrics(fleet, gateway):
    answer = fleet.admin(gateway, "/metrics")
    equal(answer.status, 200, "status of /metrics")
    found = {}
    for line in answer.body.decode().splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            found[name] = float(value)
    return found


def parts(fleet, gateway, source="operations"):
    """{placement: parts asked of it}"""
    head = f'meridian_placement_parts_total{{source="{source}",placement="'
    return {name[len(head):-2]: value for name, value in metrics(fleet, gateway).items() if name.startswith(head)}


def moved(before, after):
    return {name for name in after if after[name] != before.get(name, 0)}


# ---- gateways told other things ----

@contextlib.contextmanager
def configured(fleet, name, change):
    """The gateway runs with `change(config)` applied, and with its own configuration again after."""
    path = gateways.config_file(name)
    kept, age = path.read_text(), path.stat()
    config = yaml.safe_load(kept)
    change(config)
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    try:
        restart(fleet, f"gateway:{name}")
        yield
    finally:
        path.write_text(kept)
        os.utime(path, ns=(age.st_atime_ns, age.st_mtime_ns))   # as before for whoever else reads it (the region's worker)
        restart(fleet, f"gateway:{name}")


def restart(fleet, node):
    fleet.stop(node)
    fleet.start(node)
    ready(fleet, node.split(":")[1])


def ready(fleet, gateway, seconds=20):
    def asked():
        answer = fleet.http(gateway, "GET", "/ready", listener="http")
        equal(answer.status, 200, f"/ready of {gateway}: {answer.body[:300]}")
    eventually(asked, seconds)


def hasty(config):
    """Bounds of seconds instead of a minute, so that a test may wait for them."""
    config["sources"]["operations"]["staleAfter"] = 5
    config["monitor"] = {"interval": "1s", "timeout": "1s", "failures": 2}


def stop_all(fleet, names):
    """Stop these nodes at once: gateways and workers first, then databases, a few at a time."""
    ordered = [[n for n in names if not n.startswith("db:")], [n for n in names if n.startswith("db:")]]
    for group in ordered:
        local.each(nodes.kill, group, workers=8)
        for node in group:
            local.remember_intent(node, False)


def start_again(fleet):
    """Everything that the run wants runs, and its gateways are ready."""
    local.up("S", set(fleet.wanted), activity=False)
    for node in fleet.wanted:
        if node.startswith("gateway:"):
            ready(fleet, node.split(":")[1], 60)


# ---- orders ----

def order_input(fleet, facility=LA, tenant=FOO, key="k", qty="2", hold=False):
    """An input for createOrder that the facility can take (hold: of a customer on credit hold)."""
    rows = fleet.sql(facility, "select c.customer_id::text, p.product_id::text, p.currency from customers c, product_prices p "
                     "where c.credit_hold = %s and c.tenant_id = %s and p.tenant_id = c.tenant_id and p.customer_id is null "
                     "order by c.code, p.price_id limit 1", (hold, tenant))
    assert rows, f"no customer with credit_hold {hold} at {facility}"
    customer, product, currency = rows[0]
    return {"facilityId": facility, "customerId": f"Customer~us-east~~{customer}", "currency": currency.strip(), "key": key,
            "lines": [{"productId": f"Product~~~{product}", "qty": qty}]}


def key_of(node_id):
    return node_id.rpartition("~")[2]


def during(seconds, step, work):
    """Call work(n) again and again for so long; what it returned."""
    end, found = time.monotonic() + seconds, []
    while time.monotonic() < end:
        found.append(work(len(found)))
        time.sleep(step)
    return found


def dump(value):
    return json.dumps(value, separators=(",", ":"))
