# SPDX-License-Identifier: MIT
"""Links between sites cut, stalled and slowed; nodes killed: nothing accepted is lost, nothing arrives twice."""
import time
import uuid

import psycopg2

from fleet import clusters, layout, links
from lib import equal, eventually

EDGE, REGION = "facility-newyork-001", "us-east"
NODES = ["db:us-east-blue", "db:us-east-green", f"db:{EDGE}"]


def _keys(count):
    return [str(uuid.uuid4()) for _ in range(count)]


def _everywhere(fleet, ids):
    for database in ("us-east-blue", "us-east-green"):
        eventually(lambda: equal(fleet.orders_at(database, ids), ids, f"orders at {database}"), 30)


def scenario_what_an_edge_accepts_while_its_link_is_down_arrives_after(fleet):
    fleet.link(EDGE, REGION, "down")
    ids = set(fleet.create_orders(EDGE, _keys(20)).values())
    time.sleep(1)
    for database in ("us-east-blue", "us-east-green"):
        equal(fleet.orders_at(database, ids), set(), f"orders at {database} while the link is down")
    fleet.link(EDGE, REGION, "up")
    _everywhere(fleet, ids)
    equal(len(ids), 20, "orders accepted")


def scenario_the_same_key_sent_again_after_a_cut_is_one_order(fleet):
    keys = _keys(3)
    first = fleet.create_orders(EDGE, keys)
    fleet.link(EDGE, REGION, "reset")
    equal(fleet.create_orders(EDGE, keys), first, "orders of repeated keys")
    _everywhere(fleet, set(first.values()))


def scenario_a_stalled_link_delivers_when_it_moves_again(fleet):
    fleet.link(EDGE, REGION, "stall")
    ids = set(fleet.create_orders(EDGE, _keys(10)).values())
    time.sleep(1)
    equal(fleet.orders_at("us-east-blue", ids), set(), "orders while the link is stalled")
    fleet.link(EDGE, REGION, "up")
    _everywhere(fleet, ids)


def scenario_a_region_killed_and_started_catches_up(fleet):
    fleet.kill("us-east-blue")
    ids = set(fleet.create_orders(EDGE, _keys(10)).values())
    eventually(lambda: equal(fleet.orders_at("us-east-green", ids), ids, "the other colour goes on"))
    fleet.start("us-east-blue")
    _everywhere(fleet, ids)


def scenario_an_edge_killed_amid_writes_loses_nothing_it_answered(fleet):
    ids = set(fleet.create_orders(EDGE, _keys(10)).values())
    fleet.kill(f"db:{EDGE}")
    fleet.start(f"db:{EDGE}")
    equal(fleet.orders_at(EDGE, ids), ids, "orders after the crash")
    _everywhere(fleet, ids)


def _dial():
    """A connection to the edge's database as its region dials it, through the link proxy."""
    port = layout.link_port(REGION, f"db:{EDGE}")
    return psycopg2.connect(clusters.dsn(EDGE).replace(f"port={layout.DB[EDGE].port}", f"port={port}"), connect_timeout=5)


def scenario_a_delay_counts_in_both_directions(fleet):
    link = _dial()
    with link.cursor() as cursor:
        fleet.link(EDGE, REGION, "delay", 60)
        began = time.monotonic()
        cursor.execute("select 1")
        took = time.monotonic() - began
    link.close()
    assert 0.115 <= took < 2, f"a round trip at 60 ms each way took {took * 1000:.0f} ms"


def scenario_a_link_that_is_down_refuses_and_resets(fleet):
    link = _dial()
    fleet.link(REGION, EDGE, "down")   # the order of the two sites does not matter
    try:
        link.cursor().execute("select 1")
    except psycopg2.OperationalError:
        pass
    else:
        raise AssertionError("a connection survived its link")
    try:
        _dial()
    except psycopg2.OperationalError as refused:
        assert "refused" in str(refused), refused
    else:
        raise AssertionError("a link that is down accepted a connection")
    (state,) = [one for one in links.status() if set(one["sites"]) == {EDGE, REGION}]
    equal((state["state"], state["connections"]), ("down", 0), "the link's state")
