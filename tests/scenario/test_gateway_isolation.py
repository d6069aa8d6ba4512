# SPDX-License-Identifier: MIT
"""One tenant's token yields not one byte of another tenant: over operations, arguments, node ids, cursors, caches, and
many tenants at once on the same connections. Every byte that a gateway sends is searched for the canaries: names, SKUs,
codes, order numbers and keys that only the other tenants' rows hold."""
import http.client
import json
import os
import subprocess
import threading
import urllib.parse

from gateway_kit import BAR, FOO, FRANKFURT, LA, US_EAST_DATABASES, restart
from lib import equal

from fleet import gateways, layout

NODES = [*US_EAST_DATABASES, f"db:{LA}", "db:facility-newyork-001", "db:facility-boston-001", "db:analytics",
         "gateway:us-east", "gateway:global", f"gateway:{LA}", "memcached:us-east", "memcached:global",
         "worker:rollup-us-east"]
READ_ONLY = True

# Both tenants have rows in the database of Los Angeles: the wall stands inside one table.
CANARIES = """
with texts(tenant_id, text) as (
  select tenant_id, name from customers union select tenant_id, customer_id::text from customers
  union select tenant_id, sku from products union select tenant_id, name from products
  union select tenant_id, product_id::text from products
  union select tenant_id, order_id::text from orders union select tenant_id, order_no from orders
  union select tenant_id, run_id::text from production_runs
  union select tenant_id, equipment_id::text from equipment)
select text from texts where tenant_id = any(%(others)s)
except select text from texts where tenant_id = %(own)s  -- some keys are the same in both on purpose
"""

ALL = [LA, "facility-newyork-001", "facility-boston-001", FRANKFURT]

OPERATIONS = [
    ("{ inventoryLevels(facilityId: $f, first: 1000) { totalCount edges { cursor node { id onHand product { id sku name } facility { id name } } } } }", "$f: ID!"),
    ("{ orders(facilityIds: [$f], first: 200) { totalCount edges { cursor node { id orderNo totalAmount customer { id name code } lines { product { id sku name } } shipments { id } productionRuns { id } corrections { reason } } } } }", "$f: ID!"),
    ("{ orders(facilityIds: [$f], first: 50, filter: {search: \"-\", late: true}, orderBy: {field: TOTAL}) { edges { node { id customer { name } } } } }", "$f: ID!"),
    ("{ orderStatuses(facilityIds: [$f], first: 500) { totalCount edges { node { orderNo status } } } }", "$f: ID!"),
    ("{ productionRuns(facilityId: $f, first: 200) { edges { node { id product { sku } equipment { id code } } } } }", "$f: ID!"),
    ("{ equipment(facilityId: $f) { id code currentRun { id product { name } } } }", "$f: ID!"),
    ("{ facility(id: $f) { id name orders(first: 50) { edges { node { id } } } inspections(first: 50) { edges { node { id } } } inventoryLevels(first: 50) { edges { node { product { sku } } } } } }", "$f: ID!"),
    ("{ customers(first: 1000) { totalCount edges { cursor node { id code name } } } }", ""),
    ("{ customers(search: \"%\", first: 1000) { edges { node { name } } } products(search: \"_\", first: 1000) { edges { node { sku } } } }", ""),
    ("{ products(first: 1000) { totalCount edges { cursor node { id sku name } } } }", ""),
    ("{ facilities { id name status { online lastSync } } regionStatus { region facilitiesTotal } }", ""),
]


def _canaries(fleet, own, others):
    found = {text for (text,) in fleet.sql("us-east-blue", CANARIES, {"own": own, "others": others})}
    assert len(found) > 200, f"only {len(found)} canaries"
    return [text.encode() for text in found if len(text) > 4]


def _search(canaries, body, what):
    for canary in canaries:
        assert canary not in body, f"{what}: holds {canary.decode()!r} of another tenant"


class Client:
    """One kept-alive HTTP/1.1 connection; fast enough for thousands of requests."""

    def __init__(self, gateway):
        self.link = http.client.HTTPConnection("127.0.0.1", layout.gateway_port(gateway, "http"), timeout=30)

    def ask(self, token, query, variables=None):
        self.link.request("POST", "/graphql", json.dumps({"query": query, "variables": variables or {}}),
                          {"authorization": f"Bearer {token}", "content-type": "application/json"})
        answer = self.link.getresponse()
        return answer.status, answer.read()


def _documents():
    for body, variables in OPERATIONS:
        if variables:
            for facility in ALL:
                yield f"query({variables}) {body}", {"f": facility}
        else:
            yield body, {}


def _foreign_ids(fleet, tenant, own):
    """Node ids that are another tenant's and not this one's, made as the gateway makes them."""
    rows = fleet.sql("us-east-blue", """
        (select 'Order', facility_id, order_id::text from orders where tenant_id = %(t)s limit 20) union all
        (select 'ProductionRun', facility_id, run_id::text from production_runs where tenant_id = %(t)s limit 10) union all
        (select 'Equipment', facility_id, equipment_id::text from equipment where tenant_id = %(t)s limit 10)""", {"t": tenant})
    ids = [f"{kind}~us-east~{facility}~{key}" for kind, facility, key in rows]
    ids += [f"Customer~us-east~~{key}" for (key,) in
            fleet.sql("us-east-blue", "select customer_id::text from customers where tenant_id = %s and customer_id not in "
                      "(select customer_id from customers where tenant_id = %s) limit 10", (tenant, own))]
    ids += [f"Product~~~{key}" for (key,) in
            fleet.sql("us-east-blue", "select product_id::text from products where tenant_id = %s and product_id not in "
                      "(select product_id from products where tenant_id = %s) limit 10", (tenant, own))]
    return ids


def scenario_no_operation_shows_another_tenants_rows(fleet):
    for own, others in ((FOO, [BAR]), (BAR, [FOO])):
        canaries, token = _canaries(fleet, own, others), fleet.token(own, "worker")
        for gateway in ("us-east", "global", LA):
            client, seen = Client(gateway), 0
            for query, variables in _documents():
                status, body = client.ask(token, query, variables)
                _search(canaries, body, f"{gateway}: {query} {variables}")
                seen += status == 200 and b'"edges":[{' in body
            assert seen > 2, f"{own} at {gateway}: only {seen} answers held rows; nothing is proved"


def scenario_another_tenants_node_ids_find_nothing(fleet):
    for own, other in ((FOO, BAR), (BAR, FOO)):
        canaries, token, client = _canaries(fleet, own, [other]), fleet.token(own, "worker"), Client("us-east")
        for found in _foreign_ids(fleet, other, own):
            query = ("query($i: ID!) { node(id: $i) { __typename ... on Order { orderNo } ... on Customer { name } "
                     "... on Product { sku name } ... on Equipment { code } ... on ProductionRun { status } } "
                     "order(id: $i) { orderNo } }")
            _, body = client.ask(token, query, {"i": found})
            data = json.loads(body)["data"]
            equal(data, {"node": None, "order": None}, found)
            key = found.rpartition("~")[2].encode()
            _search([c for c in canaries if c != key], body, found)


def scenario_another_tenants_cursor_is_only_a_position(fleet):
    page = "query($c: String) { orders(facilityIds: [\"%s\"], first: 20, after: $c) { edges { cursor node { id orderNo customer { name } } } } }" % LA
    client = Client("us-east")
    for own, other in ((FOO, BAR), (BAR, FOO)):
        canaries = _canaries(fleet, own, [other])
        _, body = client.ask(fleet.token(other, "worker"), page)
        cursors = [edge["cursor"] for edge in json.loads(body)["data"]["orders"]["edges"]]
        assert cursors, f"no orders of {other}"
        for cursor in cursors:
            _, body = client.ask(fleet.token(own, "worker"), page, {"c": cursor})
            _search(canaries, body, f"cursor of {other} for {own}")


def scenario_a_token_sees_its_own_facilities_only(fleet):
    client = Client("us-east")
    token = fleet.token(FOO, "worker", facilities=["facility-newyork-001"])
    la = [no.encode() for (no,) in fleet.sql("us-east-blue", "select order_no from orders where facility_id = %s", (LA,))]
    for query, variables in _documents():
        _, body = client.ask(token, query, variables)
        _search(la, body, f"{query} {variables}")
    _, body = client.ask(token, "{ orders(facilityIds: [\"%s\"]) { totalCount } }" % LA)
    equal(json.loads(body)["errors"][0]["extensions"]["code"], "FORBIDDEN", "orders of a facility not in the token")


def scenario_figures_are_the_tenants_own_also_from_the_cache(fleet):
    query = ("{ globalKpis(range: {from: \"2000-01-01T00:00:00Z\", to: \"%s\"}, metrics: [ORDERS]) "
             "{ totals { value } byFacility { facility { id } totals { value } } } }")
    (upto,) = fleet.sql("analytics", "select to_char(date_trunc('day', min(applied_upto)) at time zone 'UTC', "
                        "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') from rollup_watermark where region = 'us-east'")[0]
    client = Client("global")
    for _ in range(2):  # the second round is answered from the cache
        for tenant in (FOO, BAR):
            _, body = client.ask(fleet.token(tenant, "executive"), query % upto)
            rows = json.loads(body)["data"]["globalKpis"]["byFacility"]
            got = {row["facility"]["id"].split("~")[2]: row["totals"][0]["value"] for row in rows}
            truth = dict(fleet.sql("analytics", "select facility_id, sum(orders_n)::int from kpi_hourly where tenant_id = %s "
                                   "and region = 'us-east' and hour < %s group by 1", (tenant, upto)))
            for facility, value in truth.items():
                equal(got.get(facility), value, f"orders of {tenant} at {facility}")


def scenario_tenants_side_by_side_never_mix(fleet):
    """Both tenants hammer the same gateway at once, so that their statements meet in the same turns of its loop."""
    failures = []

    def hammer(own, other):
        try:
            canaries, token, client = _canaries(fleet, own, [other]), fleet.token(own, "worker"), Client("us-east")
            small = [c for c in canaries if c.startswith((b"FOO-", b"BAR-"))] or canaries[:400]
            for n in range(150):
                query, variables = ("query($f: ID!) { a: orders(facilityIds: [$f], first: 5) { edges { node { customer { name } "
                                    "lines { product { sku } } } } } b: products(first: 5) { edges { node { sku name } } } "
                                    "c: inventoryLevels(facilityId: $f, first: 5) { edges { node { product { sku } } } } }", {"f": LA})
                _, body = client.ask(token, query, variables)
                _search(canaries if n % 25 == 0 else small, body, f"{own} beside {other}")
                assert b"errors" not in body, body[:300]
        except AssertionError as why:
            failures.append(str(why))

    threads = [threading.Thread(target=hammer, args=pair) for pair in ((FOO, BAR), (BAR, FOO)) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]


def scenario_persisted_text_and_urls_carry_no_other_caller(fleet):
    """The same text, as GET and as POST, by one tenant after the other: the plan is shared, the answer never."""
    client = Client("us-east")
    query = "{ customers(first: 1000) { edges { node { name } } } }"
    for own, other in ((FOO, BAR), (BAR, FOO), (FOO, BAR)):
        canaries = _canaries(fleet, own, [other])
        client.link.request("GET", "/graphql?" + urllib.parse.urlencode({"query": query}), headers={
            "authorization": f"Bearer {fleet.token(own, 'worker')}", "content-type": "application/json",
            "accept": "application/json"})
        answer = client.link.getresponse()
        body = answer.read()
        equal(answer.status, 200, "GET")
        _search(canaries, body, f"GET by {own}")


def _statements():
    """The SQL of a page of orders and of a stored figure, as this run's executable would send it."""
    found = []
    for gateway, query in (("us-east", '{ orders(facilityIds: ["%s"]) { edges { node { customer { name } } } } }' % LA),
                           ("global", '{ globalKpis(range: {from: "2025-01-01T00:00:00Z", to: "2025-01-02T00:00:00Z"}, '
                                      'metrics: [ORDERS]) { totals { value } } }')):
        done = subprocess.run([gateways.binary(), "plan", "--config", gateways.config_file(gateway), "--json"], input=query,
                              stdout=subprocess.PIPE, text=True, check=True)
        sql = [part["sql"] for fetch in json.loads(done.stdout)["fetches"] for part in fetch["parts"] if part["sql"]]
        assert sql, f"no SQL at {gateway}: {done.stdout[:300]}"
        found += sql
    return found


def _restart_gateways(fleet):
    for node in NODES:
        if node.startswith("gateway:"):
            restart(fleet, node)


def scenario_row_level_security_alone_holds(fleet):
    """All of the above once more, by gateways whose statements name no tenant: what one wall missed the other holds."""
    assert all("tenant_id = $" in sql for sql in _statements()), "not even the usual executable names tenants"
    work = [value for key, value in globals().items() if key.startswith("scenario_") and not key.endswith("alone_holds")]
    os.environ["MERIDIAN_NAME"] = "meridian-rls"
    try:
        assert not any("tenant_id = $" in sql for sql in _statements()), _statements()
        _restart_gateways(fleet)
        for one in work:
            one(fleet)
    finally:
        del os.environ["MERIDIAN_NAME"]
        _restart_gateways(fleet)
