# SPDX-License-Identifier: MIT
"""Subgraphs over HTTP/2 (`subgraphs.http2`), of node's making: many requests share a connection, and what may go wrong on
it costs a request at most."""
import contextlib
import json
import os
import subprocess
import tempfile
import threading
import urllib.request
from pathlib import Path

from lib import equal
from npm_kit import JS, missing, skipped
from router_kit import Router, Subgraph, free_port, supergraph, wait_until

NODES = []
READ_ONLY = True


@contextlib.contextmanager
def node(**env):
    """(port, what it saw) of tests/scenario/js/http2_subgraph.mjs."""
    process = subprocess.Popen(["node", str(JS / "http2_subgraph.mjs")], stdout=subprocess.PIPE, text=True,
                               env={**os.environ, **{name: str(value) for name, value in env.items()}})
    try:
        port, side = process.stdout.readline().split()

        def seen():
            with urllib.request.urlopen(f"http://127.0.0.1:{side}/", timeout=5) as answer:
                return json.loads(answer.read())
        yield int(port), seen
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


@contextlib.contextmanager
def gate_before(url, *sets, http2="always"):
    """A router of one thread; visits are told by an HTTP/1.1 subgraph."""
    other = Subgraph(lambda request: {"visits": 7})
    gate = Router(supergraph(url, other.url), f"subgraphs.each.parks.http2={http2}",
                  "headers.propagate=[x-do, x-id, authorization]", *sets, threads=1)
    try:
        yield gate
    finally:
        status = gate.stop()
        other.stop()
    assert status == 0, f"the router ended with {status}:\n" + gate.logged()[-3000:]


def at_once(gate, n, headers=None, query="{ park { name } }"):
    """Answers of n clients that ask at the same time, each with a header of its own."""
    answers = [None] * n

    def ask(i):
        answers[i] = gate.ask(query, {"authorization": f"Bearer {i}", "x-id": str(i), **(headers or {})})
    threads = [threading.Thread(target=ask, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return answers


GOOD = {"data": {"park": {"name": "Yosemite"}}}


def scenario_many_requests_share_a_connection(fleet):
    if skipped(missing()):
        return
    with node() as (port, seen), gate_before(f"http://127.0.0.1:{port}/graphql") as gate:
        answers = at_once(gate, 40, {"x-do": "late"})
        equal([a.json for a in answers], [GOOD] * 40)
        told = seen()
        equal((told["connections"], told["requests"], set(told["protocols"])), (1, 40, {"2.0"}))
        assert told["most"] > 20, told["most"]
        equal(sorted(told["authorization"]), sorted(f"Bearer {i}" for i in range(40)))
        equal(gate.ask("{ park { name } }", {"x-do": "gzip"}).json, GOOD)


def scenario_a_full_connection_is_joined_by_another(fleet):
    if skipped(missing()):
        return
    with node(STREAMS=5) as (port, seen), \
            gate_before(f"http://127.0.0.1:{port}/graphql", "subgraphs.connections=3") as gate:
        gate.ask("{ park { name } }")   # the server's settings are known now
        answers = at_once(gate, 30, {"x-do": "late"})
        equal([a.json for a in answers], [GOOD] * 30)
        told = seen()
        equal((told["connections"], told["most"] <= 15), (3, True), "three connections of five")


def scenario_what_goes_wrong_costs_one_request_at_most(fleet):
    if skipped(missing()):
        return
    cases = [  # what the server does, the code that is told or None, connections at most
        ("refuse", None, 1),          # not looked at: asked again
        ("refuse-always", "SOURCE_UNAVAILABLE", 1),
        ("goaway", None, 2),
        ("reset", "SOURCE_UNAVAILABLE", 1),
        ("cut", "SOURCE_UNAVAILABLE", 2),
        ("cut-unseen", None, 2),      # a query, on a connection that had worked: asked again
        ("large", "FETCH_ERROR", 1),
    ]
    for what, code, connections in cases:
        with node() as (port, seen), \
                gate_before(f"http://127.0.0.1:{port}/graphql", "subgraphs.answer=512KiB") as gate:
            equal(gate.ask("{ park { name } }").json, GOOD, "before " + what)
            answer = gate.ask("{ park { name } visits }", {"x-do": what, "x-id": what})
            equal(answer.data["visits"], 7, what)
            if code:
                equal((answer.data["park"], answer.errors[0]["extensions"]["code"]), (None, code), what)
            else:
                equal(answer.json, {"data": {"park": {"name": "Yosemite"}, "visits": 7}}, what)
            equal(gate.ask("{ park { name } }").json, GOOD, "after " + what)
            assert seen()["connections"] <= connections, (what, seen())


def scenario_a_client_that_leaves_or_is_late_leaves_the_connection_to_others(fleet):
    if skipped(missing()):
        return
    with node() as (port, seen), gate_before(f"http://127.0.0.1:{port}/graphql", "subgraphs.timeout=300ms") as gate:
        equal(gate.ask("{ park { name } }").json, GOOD)
        answer = gate.ask("{ park { name } }", {"x-do": "silent"})
        equal(answer.errors[0]["extensions"]["code"], "SOURCE_TIMEOUT")
        wait_until(lambda: seen()["resets"] == 1, what="a reset of the stream")
        equal(gate.ask("{ park { name } }").json, GOOD)
        equal(seen()["connections"], 1)


def scenario_a_dead_connection_gets_no_more_requests(fleet):
    if skipped(missing()):
        return
    sets = ("subgraphs.timeout=300ms", "subgraphs.connect=200ms")
    with node() as (port, seen), gate_before(f"http://127.0.0.1:{port}/graphql", *sets) as gate:
        equal(gate.ask("{ park { name } }").json, GOOD)
        answer = gate.ask("{ park { name } }", {"x-do": "silent"})   # for longer than connecting may take
        equal(answer.errors[0]["extensions"]["code"], "SOURCE_TIMEOUT")
        equal(gate.ask("{ park { name } }").json, GOOD)
        equal(seen()["connections"], 2)


def scenario_over_tls_the_server_chooses(fleet):
    if skipped(missing()):
        return
    with tempfile.TemporaryDirectory() as folder:
        key, cert = Path(folder) / "key.pem", Path(folder) / "cert.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                        "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out",
                        str(cert)], check=True, capture_output=True)
        for wanted, protocol in (("tls", "2.0"), ("never", "1.1")):
            with node(CERT=cert, KEY=key) as (port, seen), \
                    gate_before(f"https://127.0.0.1:{port}/graphql", f"tls.ca={cert}", http2=wanted) as gate:
                answers = at_once(gate, 10, {"x-do": "late"})
                equal([a.json for a in answers], [GOOD] * 10, protocol)
                told = seen()
                equal(set(told["protocols"]), {protocol})
                if protocol == "2.0":
                    equal(told["connections"], 1, "one connection, though all came at once")


def scenario_a_server_that_is_not_there_fails_all_at_once_until_it_is(fleet):
    if skipped(missing()):
        return
    port = free_port()
    with gate_before(f"http://127.0.0.1:{port}/graphql", "subgraphs.failures=3", "subgraphs.pause=50ms") as gate:
        for _ in range(5):   # the circuit opens, and what finds out fails, too
            answers = at_once(gate, 10)
            equal({a.errors[0]["extensions"]["code"] for a in answers}, {"SOURCE_UNAVAILABLE"})
        with node(PORT=port):
            wait_until(lambda: gate.ask("{ park { name } }").json == GOOD, what="an answer once it is there")
