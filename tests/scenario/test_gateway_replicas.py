# SPDX-License-Identifier: MIT
"""A standby that is killed begins again at its last restart point and answers long before it has caught up: what it
shows then is whole, consistent and of the past, down to tables without a row. It must not be asked until it is back
where it was, and not called lost for ever either."""
import contextlib

from fleet import layout
from gateway_kit import FOO, LA, PAGE, codes, during, good, key_of, worker
from lib import equal, eventually

PRIMARY, REPLICAS = "us-east-blue", ("us-east-blue-r1", "us-east-blue-r2")
NODES = ["gateway:us-east", f"db:{LA}", f"db:{PRIMARY}", "db:us-east-green", *(f"db:{name}" for name in REPLICAS)]


def _page(fleet):
    return fleet.graphql("us-east", PAGE, {"f": [LA], "n": 5}, worker(fleet))


def _shown(answer):
    return [key_of(edge["node"]["id"]) for edge in answer.data["orders"]["edges"]]


@contextlib.contextmanager
def _held_in_the_past(fleet, replicas):
    """Kills these replicas and starts them again so that they apply no commit of the last hour."""
    files = {name: layout.pg_dir(name) / "postgresql.auto.conf" for name in replicas}
    kept = {name: file.read_text() for name, file in files.items()}
    for name, file in files.items():
        fleet.kill(f"db:{name}")
        file.write_text(kept[name] + "recovery_min_apply_delay = '1h'\n")
    fleet.kill(f"db:{PRIMARY}")
    try:
        for name in replicas:
            fleet.start(f"db:{name}")
        yield
    finally:
        for name, file in files.items():
            file.write_text(kept[name])
            fleet.sql(name, "select pg_reload_conf()")


def _new_order(fleet, key):
    """Made at the edge; every database of the region has it and the gateway shows it."""
    (order,) = fleet.create_orders(LA, [key], FOO).values()

    def everywhere():
        for name in (PRIMARY, *REPLICAS):
            equal(fleet.orders_at(name, [order]), {order}, f"orders at {name}")
        equal(_shown(_page(fleet))[0], order, "the newest order")
    eventually(everywhere)
    return order


def _restart_point(fleet):
    """From here on the replicas begin again: after their last restart point, which is a checkpoint of the primary."""
    fleet.sql(PRIMARY, "checkpoint")
    (now,), = fleet.sql(PRIMARY, "select pg_current_wal_lsn()")
    for name in REPLICAS:
        eventually(lambda name=name: equal(fleet.value(name, "select pg_last_wal_replay_lsn() >= %s", (now,)), True, name))
        fleet.sql(name, "checkpoint")


def scenario_replicas_in_their_past_are_not_asked(fleet):
    _restart_point(fleet)
    for attempt in range(5):   # a standby may have written its buffers a moment ago: then it has no past to show
        order = _new_order(fleet, f"past-{attempt}")
        during(1.5, 0.3, lambda _: good(_page(fleet)))   # the board has heard from each place that it has the order
        with _held_in_the_past(fleet, REPLICAS):
            behind = [name for name in REPLICAS if not fleet.orders_at(name, [order])]
            answers = during(4, 0.1, lambda _: _page(fleet))
        if behind == list(REPLICAS):
            break
        fleet.start(f"db:{PRIMARY}")
        eventually(lambda: good(_page(fleet)))
    else:
        raise AssertionError("no replica went back in time")
    for answer in answers:
        if answer.data["orders"] is None:
            equal(set(codes(answer)), {"SOURCE_UNAVAILABLE"}, "codes")
        else:
            equal(_shown(answer)[:1], [order], f"page: {answer.body[:300]}")
    assert answers[-1].data["orders"] is None, "nothing that could be asked was up to date"
    # Released, they come back to where they were by themselves, and answer for the primary that is still dead.
    eventually(lambda: good(_page(fleet)), 10)
    equal(_shown(_page(fleet))[:1], [order], "the newest order")
    fleet.start(f"db:{PRIMARY}")
