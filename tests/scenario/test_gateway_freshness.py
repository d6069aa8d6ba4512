# SPDX-License-Identifier: MIT
"""Ages, told honestly: a facility cut off stays readable, turns stale and is called OFFLINE, and comes back whole.

The bounds are shortened to seconds here; tests/prove/freshness.py waits for the real ones."""
import contextlib
import time
import uuid

from fleet import clusters, ledger, layout
from gateway_kit import FOO, LA, NEW_ORDER, PAGE, STOCK, codes, configured, good, hasty, key_of, order_input, worker
from lib import equal, eventually

NODES = ["db:us-east-blue", "db:us-east-green", "db:us-east-blue-r1", "db:us-east-blue-r2", f"db:{LA}", f"gateway:{LA}",
         "gateway:us-east", "gateway:global"]
REGION = "us-east"


def _stock(fleet, gateway=REGION, **headers):
    answer = fleet.graphql(gateway, STOCK, {"f": LA, "n": 3}, worker(fleet), headers={k.replace("_", "-"): v for k, v in headers.items()})
    rows = [edge["node"] for edge in ((answer.data or {}).get("inventoryLevels") or {"edges": []})["edges"]]
    return answer, rows


def _live(fleet, gateway=REGION):
    answer, rows = _stock(fleet, gateway)
    good(answer)
    told = answer.extensions["freshness"]
    equal((told["stale"], told["warnings"], len(rows)), (False, [], 3), f"freshness at {gateway}")
    for row in rows:
        fresh = row["dataFreshness"]
        equal((fresh["isStale"], fresh["facilityOnline"], fresh["warning"]), (False, True, None), "row")


def _offline(fleet, gateway=REGION, stale=True):
    answer, rows = _stock(fleet, gateway)
    good(answer)
    told = answer.extensions["freshness"]
    equal((told["stale"], len(rows)), (stale, 3), f"freshness at {gateway}")
    for row in rows:
        fresh = row["dataFreshness"]
        since = fresh["lastSync"][:19] + "Z"
        warning = f"{LA} is OFFLINE. Data is cached from {since}."
        equal((fresh["isStale"], fresh["facilityOnline"], fresh["warning"]), (stale, False, warning), f"row at {gateway}")
        equal(told["warnings"], [warning], "warnings")
    return rows[0]["dataFreshness"]["ageSeconds"]


def scenario_a_facility_cut_off_stays_readable_is_called_offline_and_comes_back_whole(fleet):
    folder = layout.STATE / "ledger" / f"scenario-{uuid.uuid4()}"
    with configured(fleet, REGION, hasty):
        _live(fleet)
        fleet.link(LA, REGION, "down")
        began, given, books = time.monotonic(), order_input(fleet), ledger.Ledger(folder, LA)
        while time.monotonic() - began < 5:   # the shop goes on
            key = str(uuid.uuid4())
            books.write(event="sent", key=key, facility=LA, tenant=FOO)
            made = good(fleet.graphql(LA, NEW_ORDER, {"i": {**given, "key": key}}, worker(fleet)))["createOrder"]
            books.write(event="accepted", key=key, order=key_of(made["order"]["id"]), facility=LA)
            good(_stock(fleet)[0])   # and its stock stays readable from the region
        first = eventually(lambda: _offline(fleet), 15)
        time.sleep(1)
        assert _offline(fleet) > first + 0.9, "the age stands still"
        _offline(fleet, "global", stale=False)   # the word travels with a hop; what is stale, each gateway's bound says
        _live(fleet, LA)            # the edge itself is the truth
        fleet.link(LA, REGION, "up")
        began = time.monotonic()
        databases = {name: clusters.dsn(name) for name in (LA, "us-east-blue", "us-east-green")}
        eventually(lambda: equal(ledger.differences(databases, folder, LA)[0], [], "ledger against blue and green"), 10)
        accepted, open_keys = ledger.read(folder, LA)
        assert len(accepted) > 5 and not open_keys
        eventually(lambda: _live(fleet), max(0.1, 10 - (time.monotonic() - began)))


@contextlib.contextmanager
def _region_behind(fleet, seconds):
    """Replication from LA stands still while its gateway can be reached: the region grows old."""
    names = [(database, name) for database in ("us-east-blue", "us-east-green") for (name,) in
             fleet.sql(database, "select subname from pg_subscription where subname like '%%facility_la%%'")]
    assert len(names) == 2, names
    for database, name in names:
        fleet.sql(database, f'alter subscription "{name}" disable')
    try:
        time.sleep(seconds)
        yield
    finally:
        for database, name in names:
            fleet.sql(database, f'alter subscription "{name}" enable')


def _tiers(answer):
    return {(source["tier"], source["facility"]) for source in answer.extensions["freshness"]["sources"]}


def scenario_a_bound_chooses_who_may_answer(fleet):
    with _region_behind(fleet, 5):
        answer, rows = _stock(fleet)
        good(answer)
        equal(_tiers(answer), {("regional", LA)}, "without a bound")
        assert rows[0]["dataFreshness"]["ageSeconds"] >= 4, rows[0]
        answer, rows = _stock(fleet, meridian_max_age="600")
        good(answer)
        equal(_tiers(answer), {("regional", LA)}, "a bound that the region meets")
        answer, rows = _stock(fleet, meridian_max_age="3")
        good(answer)
        equal((_tiers(answer), {row["dataFreshness"]["servedBy"] for row in rows}), ({("edge", LA)}, {"EDGE"}),
              "a bound that only the edge meets")
        assert rows[0]["dataFreshness"]["ageSeconds"] < 3, rows[0]
        answer = fleet.graphql(REGION, PAGE, {"f": [LA], "n": 2}, worker(fleet), headers={"meridian-max-age": "3"})
        equal((len(good(answer)["orders"]["edges"]), _tiers(answer)), (2, {("edge", LA)}), "orders under the bound")
        fleet.link(LA, REGION, "down")

        def refused():
            answer, _ = _stock(fleet, meridian_max_age="3")
            equal((answer.status, answer.data, codes(answer)), (200, {"inventoryLevels": None}, ["STALENESS_UNSATISFIABLE"]),
                  "a bound that nobody meets")
            equal(answer.errors[0]["path"], ["inventoryLevels"], "path")
        eventually(refused, 15)
        good(_stock(fleet)[0])   # without a bound the same rows are there
        fleet.link(LA, REGION, "up")
    eventually(lambda: _live(fleet), 20)


def scenario_the_edge_meets_any_bound_for_its_own_rows(fleet):
    for bound in ("0", "1", "4000000000"):
        answer, rows = _stock(fleet, LA, meridian_max_age=bound)
        equal((len(rows), good(answer) is not None, _tiers(answer)), (3, True, {("edge", LA)}), f"max-age {bound} at the edge")


def scenario_an_edges_gateway_lost_is_offline_though_its_data_is_live(fleet):
    """Health and freshness are two things: the rows still arrive, the facility cannot be written to."""
    with configured(fleet, REGION, hasty):
        fleet.kill(f"gateway:{LA}")

        def told():
            answer, rows = _stock(fleet)
            good(answer)
            fresh = rows[0]["dataFreshness"]
            equal((fresh["isStale"], fresh["facilityOnline"]), (False, False), "row")
            assert "is OFFLINE" in fresh["warning"], fresh
        eventually(told, 15)
        fleet.start(f"gateway:{LA}")
        eventually(lambda: _live(fleet), 10)


def scenario_a_region_cut_off_from_the_global_gateway_is_unreachable(fleet):
    fleet.link(REGION, "global", "down")

    def told():
        answer = fleet.graphql("global", PAGE, {"f": [LA], "n": 1}, worker(fleet))
        equal((answer.status, answer.data), (200, {"orders": None}), "rows that live there alone")
        assert len(answer.errors) == 1 and set(codes(answer)) <= {"SOURCE_UNAVAILABLE", "SOURCE_TIMEOUT"}, answer.body
        equal((answer.errors[0]["path"], answer.errors[0]["extensions"]["region"]), (["orders"], REGION), "the region named")
        equal(answer.extensions["freshness"]["warnings"], [f"region {REGION} is UNREACHABLE."], "warnings")
    began = time.monotonic()
    told()   # from the first answer on
    assert time.monotonic() - began < 6, "the first answer took too long"
    eventually(told, 5)
    fleet.link(REGION, "global", "up")

    def back():
        equal(len(good(fleet.graphql("global", PAGE, {"f": [LA], "n": 1}, worker(fleet)))["orders"]["edges"]), 1, "rows")
    eventually(back, 10)
