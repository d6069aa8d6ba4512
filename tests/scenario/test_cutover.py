# SPDX-License-Identifier: MIT
"""Moving a region between blue and green: nothing written is lost or doubled, nothing read fails, every refusal has its
reason, and whoever dies in the middle leaves nothing to mend."""
import os
import subprocess
import threading
import time
import uuid
from datetime import timedelta

from fleet import clusters, gateways, layout
from gateway_kit import (FOO, LA, NEW_ORDER, PAGE, US_EAST_DATABASES, codes, good, key_of, order_input, ready, stamp,
                         this_hour, worker)
from lib import equal, eventually

NODES = [*US_EAST_DATABASES, "db:eu-central-blue", f"db:{LA}", "db:analytics", "gateway:us-east", f"gateway:{LA}"]
CUSTOMER = """mutation($i: CustomerInput!) { upsertCustomer(input: $i) { customer { id name } acceptedBy errors { code message } } }"""
TWO = """query($f: [ID!]!) { customers(first: 2) { edges { node { id name } } }
  orders(facilityIds: $f, first: 5) { edges { node { id customer { name } lines { product { sku } } } } } }"""
STATUS = "select live_env, state, epoch::int from region_status where region = 'us-east'"
BLUE, GREEN = "us-east-blue", "us-east-green"


def _meridian(fleet, *args, token=None):
    """(exit status, what it printed) of the command line."""
    env = dict(os.environ, MERIDIAN_TOKEN=token or fleet.token(FOO, "operator"))
    done = subprocess.run([str(gateways.binary()), *args, "--config", str(gateways.config_file("us-east"))], env=env,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def _promote(fleet, environment, region="us-east"):
    return fleet.admin("us-east", f"/routes/{region}/promote?environment={environment}", "POST", fleet.token(FOO, "operator"))


def _rollback(fleet):
    return fleet.admin("us-east", "/routes/us-east/rollback", "POST", fleet.token(FOO, "operator"))


def _moved(answer, live, epoch):
    equal(answer.status, 200, f"status of the move: {answer.body[:300]}")
    other = "blue" if live == "green" else "green"
    equal({key: answer.json[key] for key in ("region", "live", "previous", "epoch")},
          {"region": "us-east", "live": live, "previous": other, "epoch": epoch}, "the move")


def _refused(answer, code, *words):
    equal((answer.status, answer.json.get("code")), (409, code), f"refusal: {answer.body[:600]}")
    for word in words:
        assert any(word in reason for reason in answer.json["reasons"]), f"no reason has {word!r}: {answer.json['reasons']}"
    return answer.json["reasons"]


def _route(fleet, region="us-east"):
    routes = {one["region"]: one for one in fleet.admin("us-east", "/routes").json["regions"]}
    return tuple(routes[region][key] for key in ("live", "phase", "epoch"))


def _epoch(fleet):
    return max(row[2] for database in (BLUE, GREEN) for row in fleet.sql(database, STATUS))


def _home(fleet):
    """Blue is live again, however the scenario ended."""
    eventually(lambda: equal(len({row[2] for env in (BLUE, GREEN) for row in fleet.sql(env, STATUS)}), 1, "epochs"))
    if fleet.sql(BLUE, STATUS)[0][0] != "blue":
        ready(fleet, "us-east")
        equal(_promote(fleet, "blue").status, 200, "the way back")


def _customer(fleet, code, key=None, **more):
    given = {"code": code, "name": f"Name of {code}", "country": "US", "key": key or f"key-{code}"}
    return fleet.graphql("us-east", CUSTOMER, {"i": given}, fleet.token(FOO, "sales"), **more)


def _customers(fleet, database, prefix):
    return fleet.sql(database, "select code from customers where code like %s order by code", (f"{prefix}%",))


# ---- under way ----

class _Load:
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
        payload = good(_customer(self.fleet, code))["upsertCustomer"]
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


def scenario_moves_under_load_lose_nothing_and_fail_nobody(fleet):
    epoch = _epoch(fleet)
    page = fleet.graphql("us-east", PAGE, {"f": [LA], "n": 3, "s": None}, worker(fleet))
    cursor = good(page)["orders"]["pageInfo"]["endCursor"]
    following = fleet.graphql("us-east", PAGE, {"f": [LA], "n": 3, "s": None, "c": cursor}, worker(fleet))
    try:
        with _Load(fleet) as load:
            time.sleep(0.3)
            _moved(_promote(fleet, "green"), "green", epoch + 1)
            equal(_route(fleet), ("green", "green_live_stabilising", epoch + 1), "/routes after the promotion")
            later = fleet.graphql("us-east", PAGE, {"f": [LA], "n": 3, "s": None, "c": cursor}, worker(fleet))
            time.sleep(0.3)
            status, out, _ = _meridian(fleet, "rollback", "us-east")
            equal(status, 0, f"meridian rollback: {out}")
            time.sleep(0.2)
            _moved(_promote(fleet, "green"), "green", epoch + 3)
            time.sleep(0.3)
    finally:
        _home(fleet)
    equal(load.problems, [], f"{len(load.customers)} customers, {len(load.orders)} orders, {load.read} pages; failures")
    assert min(len(load.customers), len(load.orders), load.read) > 5 and load.environments == {"blue", "green"}, \
        f"{len(load.customers)} customers, {len(load.orders)} orders, {load.read} pages from {load.environments}"
    for database in (BLUE, GREEN):
        eventually(lambda: equal([code for code, in _customers(fleet, database, load.prefix)], sorted(load.customers),
                                 f"customers at {database}"))
        eventually(lambda: equal(fleet.orders_at(database, load.orders), set(load.orders), f"orders at {database}"))
    equal([edge["node"]["id"] for edge in good(later)["orders"]["edges"]][:1],
          [edge["node"]["id"] for edge in good(following)["orders"]["edges"]][:1], "what follows a cursor of before")
    followers = "select count(*) from pg_replication_slots where active and slot_name in ('facility_la_001', 'eu_central_blue')"
    eventually(lambda: equal(fleet.value(BLUE, followers), 2, "who follows blue again"))


# ---- refusals ----

def scenario_who_may_not_and_what_cannot_be_is_refused(fleet):
    for token, status in ((None, 401), (worker(fleet), 403)):
        equal(fleet.admin("us-east", "/routes/us-east/promote?environment=green", "POST", token).status, status, "status")
    _refused(_promote(fleet, "blue"), "ALREADY_LIVE", "blue is live already")
    _refused(_promote(fleet, "red"), "ENVIRONMENT_UNKNOWN")
    _refused(fleet.admin("us-east", "/routes/us-east/promote", "POST", fleet.token(FOO, "operator")), "ENVIRONMENT_UNKNOWN")
    _refused(_promote(fleet, "green", "nowhere"), "REGION_UNKNOWN")
    _refused(_promote(fleet, "green", "eu-central"), "REGION_ELSEWHERE", "own gateway")
    equal(fleet.admin("us-east", "/routes/us-east/destroy", "POST", fleet.token(FOO, "operator")).status, 404, "no such move")
    equal(fleet.admin("us-east", "/routes/us-east/promote?environment=green").status, 404, "GET")
    equal([_meridian(fleet, *args)[0] for args in (["promote", "us-east"], ["rollback"], ["promote", "us-east", "x y"],
                                                   ["promote", "us-east", "blue"])], [2, 2, 2, 1], "exit status")
    _refused(fleet.admin(LA, "/routes/us-east/promote?environment=green", "POST", fleet.token(FOO, "operator")), "REGION_ELSEWHERE")


def scenario_every_reason_against_a_move_is_told(fleet):
    before = fleet.sql(BLUE, STATUS)
    beat = "insert into heartbeat (region, facility_id, beat_at, seq) values ('us-east', %s, now() - %s * interval '1 s', 1)"
    fleet.sql(BLUE, beat, ("facility-slow", 0))
    fleet.sql(GREEN, beat, ("facility-slow", 3600))
    fleet.sql(BLUE, beat, ("facility-new", 0))
    fleet.sql(GREEN, "revoke execute on function upsert_customer(jsonb) from public")
    fleet.sql(GREEN, "alter table products rename column name to title")
    fleet.sql(BLUE, "update region_status set state = 'green_live_stabilising', changed_at = now() where region = 'apac'")
    try:
        _refused(_promote(fleet, "green"), "NOT_READY", "s behind with facility-slow", "nothing of facility-new",
                 "apac is green_live_stabilising", "function upsert_customer", "products.name")
    finally:
        for database in (BLUE, GREEN):
            fleet.sql(database, "delete from heartbeat where facility_id in ('facility-slow', 'facility-new')")
        fleet.sql(GREEN, "grant execute on function upsert_customer(jsonb) to public")
        fleet.sql(GREEN, "alter table products rename column title to name")
        fleet.sql(BLUE, "update region_status set state = 'blue_live' where region = 'apac'")
    fleet.sql(BLUE, "alter subscription peer disable")
    try:
        eventually(lambda: _refused(_promote(fleet, "green"), "NOT_READY", "written on green does not come to blue"))
    finally:
        fleet.sql(BLUE, "alter subscription peer enable")
    fleet.sql(GREEN, "alter role fence nologin")
    try:
        _refused(_promote(fleet, "green"), "ENVIRONMENT_UNHEALTHY", "green does not answer")
    finally:
        fleet.sql(GREEN, "alter role fence login")
    equal(fleet.sql(BLUE, STATUS), before, "the fence was not touched")


# ---- in the middle ----

def scenario_a_gateway_killed_in_the_middle_leaves_a_move_that_ends_by_itself(fleet):
    epoch, prefix = _epoch(fleet), f"MID-{uuid.uuid4().hex[:8]}-"
    early = clusters.connect(BLUE, "gw_write", autocommit=False)
    try:
        with early.cursor() as cursor:   # a write under way, which the move must wait for
            cursor.execute("select set_config('app.tenant_id', %s, true), set_config('app.facilities', '*', true), "
                           "set_config('app.role', 'sales', true)", (FOO,))
            cursor.execute("select upsert_customer(jsonb_build_object('code', %s::text, 'name', 'Early', 'key', %s::text))",
                           (f"{prefix}0", f"{prefix}0"))
        threading.Thread(target=lambda: _meridian(fleet, "promote", "us-east", "green"), daemon=True).start()
        waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        eventually(lambda: equal(fleet.value(BLUE, waiting), 1, "moves that wait"))
        fleet.sql(GREEN, "alter subscription peer disable")   # what blue tells does not come from here on
        fleet.kill("gateway:us-east")
        early.commit()
        eventually(lambda: equal(fleet.sql(BLUE, STATUS), [("green", "green_validating", epoch + 1)], "blue"))
        equal(fleet.sql(GREEN, STATUS)[0][0], "blue", "green does not know yet")
        fleet.start("gateway:us-east")
        ready(fleet, "us-east")
        equal(_route(fleet)[1], "green_validating", "the phase that is told")
        answer = fleet.graphql("us-east", TWO, {"f": [LA]}, worker(fleet))
        equal(len(good(answer)["orders"]["edges"]), 5, "reads go on")
        equal({one["environment"] for one in answer.extensions["freshness"]["sources"]}, {"blue"}, "where all data is")
        box = []
        late = threading.Thread(target=lambda: box.append(_customer(fleet, f"{prefix}1")))
        late.start()   # nobody takes writes: it waits
        time.sleep(0.3)
        _refused(_rollback(fleet), "UNDER_WAY", "promote to green is under way")
        equal(box, [], "a write in the middle of a move")
        moves = []
        again = threading.Thread(target=lambda: moves.append(_promote(fleet, "green")))
        again.start()   # asked again it waits for the end
        time.sleep(0.2)
        equal(moves, [], "moves that ended too early")
        fleet.sql(GREEN, "alter subscription peer enable")
        again.join()
        _moved(moves[0], "green", epoch + 1)
        late.join()
        equal(good(box[0])["upsertCustomer"]["errors"], [], "the write that waited")
        again = good(_customer(fleet, f"{prefix}1"))["upsertCustomer"]
        equal(again["customer"], good(box[0])["upsertCustomer"]["customer"], "the same key again")
        for database in (BLUE, GREEN):
            eventually(lambda: equal(_customers(fleet, database, prefix), [(f"{prefix}0",), (f"{prefix}1",)], f"customers at {database}"))
        _refused(_promote(fleet, "green"), "ALREADY_LIVE")
    finally:
        early.close()
        fleet.sql(GREEN, "alter subscription peer enable")
        _home(fleet)
    equal(codes(_customer(fleet, f"{prefix}2")), [], "a write at home")


# ---- the rollup ----

FIGURES = """select facility_id, hour, orders_n, revenue_usd, good, scrap, planned_s from kpi_hourly
  where region = 'us-east' and facility_id = %s and hour >= %s and hour < %s order by 1, 2"""


def scenario_a_rollup_counts_an_hour_once_whichever_environment_is_live(fleet):
    last = this_hour() - timedelta(hours=1)
    first = last - timedelta(hours=6)

    def rolled():
        done = subprocess.run([str(gateways.binary()), "rollup", "--config", str(gateways.config_file("us-east")), "--from",
                               stamp(first), "--to", stamp(last)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        equal(done.returncode, 0, f"meridian rollup: {done.stdout[-500:]}")
        return fleet.sql("analytics", FIGURES, (LA, first, last))
    epoch, before = _epoch(fleet), rolled()
    equal(len(before), 6 * len(layout.TENANTS_AT[LA]), "hours")
    try:
        _moved(_promote(fleet, "green"), "green", epoch + 1)
        equal(rolled(), before, "the same hours from green")
        equal(fleet.sql("analytics", "select live_env, epoch::int from rollup_fence where region = 'us-east'"),
              [("green", epoch + 1)], "the fence of the analytics database")
    finally:
        _home(fleet)
    equal(rolled(), before, "and from blue again")
