# SPDX-License-Identifier: MIT
"""What is shared by those who move a region between its environments (test_cutover.py, tests/prove/cutover.py)."""
import threading
import uuid

from gateway_kit import FOO, LA, NEW_ORDER, good, key_of, order_input, ready, worker
from lib import equal, eventually

CUSTOMER = """mutation($i: CustomerInput!) { upsertCustomer(input: $i) { customer { id name } acceptedBy errors { code message } } }"""
TWO = """query($f: [ID!]!) { customers(first: 2) { edges { node { id name } } }
  orders(facilityIds: $f, first: 5) { edges { node { id customer { name } lines { product { sku } } } } } }"""
STATUS = "select live_env, state, epoch::int from region_status where region = 'us-east'"
BLUE, GREEN = "us-east-blue", "us-east-green"


def promote(fleet, environment, region="us-east"):
    return fleet.admin("us-east", f"/routes/{region}/promote?environment={environment}", "POST", fleet.token(FOO, "operator"))


def rollback(fleet):
    return fleet.admin("us-east", "/routes/us-east/rollback", "POST", fleet.token(FOO, "operator"))


def route(fleet, region="us-east"):
    routes = {one["region"]: one for one in fleet.admin("us-east", "/routes").json["regions"]}
    return tuple(routes[region][key] for key in ("live", "phase", "epoch"))


def epoch_of(fleet):
    return max(row[2] for database in (BLUE, GREEN) for row in fleet.sql(database, STATUS))


def home(fleet):
    """Blue is live again, however the scenario ended."""
    eventually(lambda: equal(len({row[2] for env in (BLUE, GREEN) for row in fleet.sql(env, STATUS)}), 1, "epochs"))
    if fleet.sql(BLUE, STATUS)[0][0] != "blue":
        ready(fleet, "us-east")
        equal(promote(fleet, "blue").status, 200, "the way back")


def customer(fleet, code, key=None, **more):
    given = {"code": code, "name": f"Name of {code}", "country": "US", "key": key or f"key-{code}"}
    return fleet.graphql("us-east", CUSTOMER, {"i": given}, fleet.token(FOO, "sales"), **more)


def customers(fleet, database, prefix):
    return fleet.sql(database, "select code from customers where code like %s order by code", (f"{prefix}%",))


# ---- under way ----

class Load:
    """Callers who go on and on; what they were told."""

    def __init__(self, fleet):
        self.fleet, self.prefix = fleet, f"CUT-{uuid.uuid4().hex[:8]}-"
        self.stop, self.problems, self.customers, self.orders, self.read = threading.Event(), [], [], [], 0
        self.environments = set()
        self.order = order_input(fleet, LA)
        self.threads = [threading.Thread(target=self._run, args=(work, n))
                        for n, work in enumerate((self._write, self._write, self._write, self._forward, self._look))]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def _run(self, work, n):
        count = 0
        while not self.stop.is_set():
            try:
                work(f"{n}-{count}")
            except Exception as why:   # any failure of any caller is one of the scenario
                self.problems.append(f"{work.__name__}: {why}")
            count += 1

    def _write(self, serial):
        code = f"{self.prefix}{serial}"
        payload = good(customer(self.fleet, code))["upsertCustomer"]
        equal((payload["errors"], payload["acceptedBy"], payload["customer"]["name"]), ([], "REGIONAL", f"Name of {code}"), "a write")
        self.customers.append(code)

    def _forward(self, serial):
        given = {**self.order, "key": f"{self.prefix}{serial}"}
        payload = good(self.fleet.graphql("us-east", NEW_ORDER, {"i": given}, worker(self.fleet)))["createOrder"]
        equal(payload["errors"], [], "an order")
        self.orders.append(key_of(payload["order"]["id"]))

    def _look(self, _):
        answer = self.fleet.graphql("us-east", TWO, {"f": [LA]}, worker(self.fleet))
        equal(len(good(answer)["orders"]["edges"]), 5, "orders of a page")
        told = {one["environment"] for one in answer.extensions["freshness"]["sources"]}
        equal(len(told), 1, f"environments of one answer: {told}")
        self.environments |= told
        self.read += 1
