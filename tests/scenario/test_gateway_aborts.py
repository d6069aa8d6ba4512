# SPDX-License-Identifier: MIT
"""Clients that go away at any moment: streams reset, connections closed, while every kind of request runs. Nothing is
kept, nothing is lost for others, and whoever waited for a figure that an aborted caller was making gets it."""
import json
import os
import random
import socket
import ssl
import struct
import threading
import time
from datetime import timedelta

from fleet import layout, pki
from gateway_kit import (BOARD, FOO, LA, NEW_ORDER, PAGE, dump, good, metrics, order_input, stamp, this_hour, worker)
from h2c import H2c
from lib import equal, eventually

NODES = ["db:us-east-blue", "db:eu-central-blue", "db:apac-blue", "db:analytics", *(f"gateway:{r}" for r in (*layout.REGIONS, "global")),
         f"db:{LA}", f"gateway:{LA}", "memcached:global"]
SECONDS = float(os.environ.get("MERIDIAN_ABORT_SECONDS", "20"))
KPIS = """query($r: TimeRange!, $open: Boolean) { globalKpis(range: $r, metrics: [ORDERS REVENUE OEE], includeOpenHour: $open) {
  totals { metric value } byFacility(top: 5) { facility { id name } totals { value } } series(grain: HOUR) { bucket } } }"""


class Questions:
    """(gateway, body, token) of every kind; figures with ranges that nobody asked before."""

    def __init__(self, fleet, seed):
        self.random, self.worker = random.Random(seed), worker(fleet)
        self.executive, self.order = fleet.token(FOO, "executive"), order_input(fleet, key="abort")
        self.developer = fleet.token(FOO, "developer")

    def figures(self, running=False):
        to = this_hour() - timedelta(hours=self.random.randrange(2, 40))
        if running:
            to = this_hour() + timedelta(hours=1)
        asked = {"r": {"from": stamp(to - timedelta(hours=self.random.randrange(3, 200))), "to": stamp(to)}, "open": running}
        return "global", {"query": KPIS, "variables": asked}, self.executive

    def any(self):
        rows = {"query": PAGE, "variables": {"f": [LA], "n": self.random.choice((1, 50, 300))}}
        key = f"abort-{self.random.randrange(1 << 40)}"
        order = {"query": NEW_ORDER, "variables": {"i": {**self.order, "key": key}}}
        gateway, asked, token = self.random.choice((
            ("us-east", rows, self.worker), ("global", rows, self.worker), ("us-east", order, self.worker), (LA, order, self.worker),
            ("global", {"query": BOARD}, self.developer), self.figures(), self.figures(), self.figures(running=True)))
        return gateway, dump(asked).encode(), token


def _streams(questions, rng, until):
    """HTTP/2: many streams on a connection, most reset at once or a little later, the connection cut in the end."""
    while time.monotonic() < until:
        gateway = rng.choice(("us-east", "global", LA))
        client = H2c(layout.gateway_port(gateway, "http"))
        try:
            for _ in range(rng.randrange(1, 12)):
                where, body, token = questions.any()
                while where != gateway:
                    where, body, token = questions.any()
                stream = client.begin(body, token)
                if rng.random() < 0.7:
                    if rng.random() < 0.6:
                        time.sleep(rng.random() ** 3 * 0.1)
                    client.reset(stream)
                client.take(0)
            if rng.random() < 0.3:
                client.until_ended(list(client.bodies), 0.2)
        except OSError:
            pass   # too many resets: the gateway may end the conversation
        client.close(hard=rng.random() < 0.5)


def _connections(questions, rng, until):
    """HTTP/1.1, plain and over TLS: closed or reset while the request is sent, runs, or is answered."""
    context = ssl.create_default_context(cafile=str(pki.CA))
    while time.monotonic() < until:
        gateway, body, token = questions.any()
        secure = rng.random() < 0.4
        link = socket.create_connection(("127.0.0.1", layout.gateway_port(gateway, "https" if secure else "http")), 10)
        try:
            if secure:
                link = context.wrap_socket(link, server_hostname="localhost")
            request = (f"POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: "
                       f"application/json\r\ncontent-length: {len(body)}\r\n\r\n").encode() + body
            link.sendall(request[:rng.randrange(1, len(request))] if rng.random() < 0.2 else request)
            time.sleep(rng.random() ** 3 * 0.15)
            if rng.random() < 0.2:
                link.settimeout(0.2)
                link.recv(100)
        except OSError:
            pass
        if rng.random() < 0.5:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        link.close()


def scenario_clients_that_go_away_leave_nothing_behind(fleet):
    seed = int(os.environ.get("MERIDIAN_SEED", "1"))
    pids = {gateway: fleet.pid(f"gateway:{gateway}") for gateway in ("us-east", "global", LA)}
    until = time.monotonic() + SECONDS
    threads = [threading.Thread(target=work, args=(Questions(fleet, seed + n), random.Random(seed * 100 + n), until))
               for n, work in enumerate((_streams, _streams, _connections, _connections))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    def idle():
        for gateway in pids:
            equal(metrics(fleet, gateway)["meridian_requests_in_flight"], 0, f"in flight at {gateway}")
    eventually(idle, 15)
    equal({gateway: fleet.pid(f"gateway:{gateway}") for gateway in pids}, pids, "processes")
    questions = Questions(fleet, seed + 1000)
    good(fleet.graphql("us-east", PAGE, {"f": [LA], "n": 50}, questions.worker))
    for _ in range(5):
        gateway, asked, token = questions.figures()
        good(fleet.graphql(gateway, asked["query"], asked["variables"], token))
    made = [key for (key,) in fleet.sql(LA, "select key from idempotency where key like 'abort-%%'")]
    orders = fleet.value(LA, "select count(*) from idempotency i where key like 'abort-%%' and not exists (select from orders o "
                             "where o.facility_id = i.facility_id and o.order_id::text = rtrim(split_part(i.answer #>> "
                             "'{order,id}', '~', 4)))")
    equal(orders, 0, f"keys without an order, of {len(made)}")


def scenario_who_waits_for_an_aborted_caller_gets_the_figures(fleet):
    questions = Questions(fleet, 77)
    gateway, asked, token = questions.figures()
    eventually(lambda: good(fleet.graphql(gateway, asked["query"], asked["variables"], token)))
    for round_ in range(6):
        gateway, asked, token = questions.figures()
        body = dump(asked).encode()
        client, other = H2c(layout.gateway_port(gateway, "http")), H2c(layout.gateway_port(gateway, "http"))
        first = [client.begin(body, token) for _ in range(3)]
        waiting = [other.begin(body, token) for _ in range(3)]
        time.sleep(0.002 * round_)
        for stream in first[:2]:
            client.reset(stream)
        if round_ % 2:
            client.close(hard=True)
        found = other.until_ended(waiting, 8)
        assert all(found), f"round {round_}: who waited got {found}"
        assert not any("errors" in json.loads(one) for one in found), f"round {round_}: {found}"
        answers = {json.dumps(json.loads(one)["data"], sort_keys=True) for one in found}
        equal(len(answers), 1, f"different answers in round {round_}")
        other.close()
        if not round_ % 2:
            client.close()
