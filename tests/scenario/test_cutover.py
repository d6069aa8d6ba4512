# SPDX-License-Identifier: MIT
"""Moving a region between blue and green: nothing written is lost or doubled, nothing read fails, every refusal has its
reason, and whoever dies in the middle leaves nothing to mend."""
import os
import subprocess
import threading
import time
import uuid
from datetime import timedelta

from cutover_kit import BLUE, GREEN, STATUS, TWO, Load, customer, customers, epoch_of, home, promote, rollback, route
from fleet import clusters, gateways, layout
from gateway_kit import FOO, LA, PAGE, US_EAST_DATABASES, codes, good, ready, stamp, this_hour, worker
from lib import equal, eventually

NODES = [*US_EAST_DATABASES, "db:eu-central-blue", f"db:{LA}", "db:analytics", "gateway:us-east", f"gateway:{LA}"]


def _meridian(fleet, *args, token=None):
    """(exit status, what it printed) of the command line."""
    env = dict(os.environ, MERIDIAN_TOKEN=token or fleet.token(FOO, "operator"))
    done = subprocess.run([str(gateways.binary()), *args, "--config", str(gateways.config_file("us-east"))], env=env,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


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


def scenario_moves_under_load_lose_nothing_and_fail_nobody(fleet):
    epoch = epoch_of(fleet)
    page = fleet.graphql("us-east", PAGE, {"f": [LA], "n": 3, "s": None}, worker(fleet))
    cursor = good(page)["orders"]["pageInfo"]["endCursor"]
    following = fleet.graphql("us-east", PAGE, {"f": [LA], "n": 3, "s": None, "c": cursor}, worker(fleet))
    try:
        with Load(fleet) as load:
            time.sleep(0.3)
            _moved(promote(fleet, "green"), "green", epoch + 1)
            equal(route(fleet), ("green", "green_live_stabilising", epoch + 1), "/routes after the promotion")
            epochs = f'meridian_region_epoch{{region="us-east",live="green",phase="green_live_stabilising"}} {epoch + 1}'
            assert epochs in fleet.admin("us-east", "/metrics").body.decode(), "no such line in /metrics"
            later = fleet.graphql("us-east", PAGE, {"f": [LA], "n": 3, "s": None, "c": cursor}, worker(fleet))
            time.sleep(0.3)
            status, out, _ = _meridian(fleet, "rollback", "us-east")
            equal((status, route(fleet)), (0, ("blue", "blue_live", epoch + 2)), f"meridian rollback: {out}")
            time.sleep(0.3)
    finally:
        home(fleet)
    equal(load.problems, [], f"{len(load.customers)} customers, {len(load.orders)} orders, {load.read} pages; failures")
    assert min(len(load.customers), len(load.orders), load.read) > 5 and load.environments == {"blue", "green"}, \
        f"{len(load.customers)} customers, {len(load.orders)} orders, {load.read} pages from {load.environments}"
    for database in (BLUE, GREEN):
        eventually(lambda: equal([code for code, in customers(fleet, database, load.prefix)], sorted(load.customers),
                                 f"customers at {database}"))
        eventually(lambda: equal(fleet.orders_at(database, load.orders), set(load.orders), f"orders at {database}"))
    equal([edge["node"]["id"] for edge in good(later)["orders"]["edges"]],
          [edge["node"]["id"] for edge in good(following)["orders"]["edges"]], "what follows a cursor of before")


# ---- refusals ----

def scenario_who_may_not_and_what_cannot_be_is_refused(fleet):
    for token, status in ((None, 401), (worker(fleet), 403)):
        equal(fleet.admin("us-east", "/routes/us-east/promote?environment=green", "POST", token).status, status, "status")
    _refused(promote(fleet, "blue"), "ALREADY_LIVE", "blue is live already")
    _refused(promote(fleet, "red"), "ENVIRONMENT_UNKNOWN")
    _refused(fleet.admin("us-east", "/routes/us-east/promote", "POST", fleet.token(FOO, "operator")), "ENVIRONMENT_UNKNOWN")
    _refused(promote(fleet, "green", "nowhere"), "REGION_UNKNOWN")
    _refused(promote(fleet, "green", "eu-central"), "REGION_ELSEWHERE", "own gateway")
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
        _refused(promote(fleet, "green"), "NOT_READY", "s behind with facility-slow", "nothing of facility-new",
                 "apac is green_live_stabilising", "function upsert_customer", "products.name")
    finally:
        for database in (BLUE, GREEN):
            fleet.sql(database, "delete from heartbeat where facility_id in ('facility-slow', 'facility-new')")
        fleet.sql(GREEN, "grant execute on function upsert_customer(jsonb) to public")
        fleet.sql(GREEN, "alter table products rename column title to name")
        fleet.sql(BLUE, "update region_status set state = 'blue_live' where region = 'apac'")
    fleet.sql(BLUE, "alter subscription peer disable")
    try:
        eventually(lambda: _refused(promote(fleet, "green"), "NOT_READY", "written on green does not come to blue"))
    finally:
        fleet.sql(BLUE, "alter subscription peer enable")
    fleet.sql(GREEN, "alter role fence nologin")
    try:
        _refused(promote(fleet, "green"), "ENVIRONMENT_UNHEALTHY", "green does not answer")
    finally:
        fleet.sql(GREEN, "alter role fence login")
    equal(fleet.sql(BLUE, STATUS), before, "the fence was not touched")


# ---- in the middle ----

def scenario_a_gateway_killed_in_the_middle_leaves_a_move_that_ends_by_itself(fleet):
    epoch, prefix = epoch_of(fleet), f"MID-{uuid.uuid4().hex[:8]}-"
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
        equal(route(fleet)[1], "green_validating", "the phase that is told")
        answer = fleet.graphql("us-east", TWO, {"f": [LA]}, worker(fleet))
        equal(len(good(answer)["orders"]["edges"]), 5, "reads go on")
        equal({one["environment"] for one in answer.extensions["freshness"]["sources"]}, {"blue"}, "where all data is")
        box = []
        late = threading.Thread(target=lambda: box.append(customer(fleet, f"{prefix}1")))
        late.start()   # nobody takes writes: it waits
        time.sleep(0.3)
        _refused(rollback(fleet), "UNDER_WAY", "promote to green is under way")
        equal(box, [], "a write in the middle of a move")
        moves = []
        again = threading.Thread(target=lambda: moves.append(promote(fleet, "green")))
        again.start()   # asked again it waits for the end
        time.sleep(0.2)
        equal(moves, [], "moves that ended too early")
        fleet.sql(GREEN, "alter subscription peer enable")
        again.join()
        _moved(moves[0], "green", epoch + 1)
        late.join()
        equal(good(box[0])["upsertCustomer"]["errors"], [], "the write that waited")
        again = good(customer(fleet, f"{prefix}1"))["upsertCustomer"]
        equal(again["customer"], good(box[0])["upsertCustomer"]["customer"], "the same key again")
        for database in (BLUE, GREEN):
            eventually(lambda: equal(customers(fleet, database, prefix), [(f"{prefix}0",), (f"{prefix}1",)], f"customers at {database}"))
        _refused(promote(fleet, "green"), "ALREADY_LIVE")
    finally:
        early.close()
        fleet.sql(GREEN, "alter subscription peer enable")
        home(fleet)
    equal(codes(customer(fleet, f"{prefix}2")), [], "a write at home")


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
    epoch, before = epoch_of(fleet), rolled()
    equal(len(before), 6 * len(layout.TENANTS_AT[LA]), "hours")
    try:
        _moved(promote(fleet, "green"), "green", epoch + 1)
        equal(rolled(), before, "the same hours from green")
        equal(fleet.sql("analytics", "select live_env, epoch::int from rollup_fence where region = 'us-east'"),
              [("green", epoch + 1)], "the fence of the analytics database")
    finally:
        home(fleet)
    equal(rolled(), before, "and from blue again")
