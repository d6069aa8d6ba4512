# SPDX-License-Identifier: MIT
"""`meridian serve --supergraph`: a router without a configuration, in front of subgraphs that the tests are."""
import contextlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from fleet import gateways
from h2c import H2c
from lib import equal
from router_kit import HEAD, Load, Router, Subgraph, free_port, router, supergraph, wait_until, zipped

NODES = []
READ_ONLY = True


def parks(names):
    """Answers of the parks subgraph: every field that a test may ask for."""
    return lambda request: {"park": {"id": "p1", "name": names, "area": 3}}


# ---- what it serves ----

def scenario_a_supergraph_is_served_without_a_configuration(fleet):
    with router() as (gate, one, two):
        equal(gate.ready, f"ready http://127.0.0.1:{gate.port}/graphql", "the first line")
        answer = gate.ask("{ __typename }")
        equal((answer.status, answer.json), (200, {"data": {"__typename": "Query"}}))
        answer = gate.ask("{ __schema { types { name } } }")
        names = {each["name"] for each in answer.data["__schema"]["types"]}
        assert "Park" in names and "join__Graph" not in names, names
        answer = gate.ask("{ nothing }", accept="application/graphql-response+json")
        equal((answer.status, answer.errors[0]["extensions"]["code"]), (400, "GRAPHQL_VALIDATION_FAILED"))
        equal(gate.http("GET", "/graphql?query=%7B__typename%7D").data, {"__typename": "Query"})
        equal(gate.http("GET", "/").json["errors"][0]["message"], "no such path; there is /graphql, /health, /ready")
        equal(gate.http("GET", "/health").status, 200)
        equal(gate.http("GET", "/ready").json["ready"], True)
        page = gate.http("GET", "/graphql", headers={"accept": "text/html"})
        assert b"<html" in page.body, page.body[:200]
        equal((one.asked, two.asked), ([], []), "nothing of this is a subgraph's business")


def scenario_fields_of_two_subgraphs_are_one_answer(fleet):
    with router(parks=parks("Yosemite")) as (gate, one, two):
        answer = gate.ask("{ park { name } visits }")
        equal(answer.json, {"data": {"park": {"name": "Yosemite"}, "visits": 7}})
        equal((len(one.asked), len(two.asked)), (1, 1), "requests")
        assert "extensions" not in answer.json, answer.json


def scenario_wrong_usage_is_told(fleet):
    def run(*words):
        done = subprocess.run([gateways.binary(), *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=20, check=False)
        return done.returncode, done.stderr
    with router() as (gate, _, _):
        status, said = run("serve", "--supergraph", gate.file)
        assert status == 2 and "--listen" in said, said
        equal(run("check", "--supergraph", gate.file)[0], 0)
        status, said = run("check", "--supergraph", __file__)
        assert status == 1 and "test_router.py:" in said, said
        status, said = run("serve", "--supergraph", "/nowhere", "--listen", f"127.0.0.1:{free_port()}")
        assert status == 2 and "/nowhere" in said, said
        status, said = run("serve", "--supergraph", gate.file, "--listen", "nowhere")
        assert status == 2 and "`nowhere` is wrong" in said, said
        status, said = run("serve", "--supergraph", gate.file, "--listen", f"127.0.0.1:{gate.port}")
        assert status == 2 and str(gate.port) in said, said
        status, said = run("serve", "--supergraph", gate.file, "--listen", f"127.0.0.1:{free_port()}", "--set",
                           "headers.propagate=host")
        assert status == 2 and "`host`" in said, said
        status, said = run("check", f"--supergraph={gate.file}")
        equal((status, said), (0, ""))
        for words, wanted in ((["serv"], "unknown command: serv\n"), (["serve", "--thread", "2"], "unknown argument: --thread\n"),
                              (["serve", "--listen"], "a value is expected behind: --listen\n"),
                              (["serve", "--supergraph", gate.file, "more"], "unknown argument: more\n")):
            status, said = run(*words)
            assert status == 2 and said.startswith(f"meridian: {wanted}usage: "), (words, said)
        for words in (["--help"], ["help"], ["serve", "--help"], ["-h"], ["--version"]):
            equal(run(*words), (0, ""), words)


def scenario_a_port_that_a_predecessor_lets_go_of_is_waited_for(fleet):
    port = free_port()
    with router() as (gate, _, _), socket.socket() as before:
        before.bind(("127.0.0.1", port))
        before.listen()
        serving = subprocess.Popen([gateways.binary(), "serve", "--supergraph", gate.file, "--listen", f"127.0.0.1:{port}"],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        time.sleep(0.4)
        before.close()
        try:
            equal(serving.stdout.readline().decode(), f"ready http://127.0.0.1:{port}/graphql\n")
        finally:
            serving.terminate()
            serving.communicate(timeout=20)


# ---- headers ----

def scenario_headers_go_where_the_rules_say(fleet):
    sent = {"authorization": "Bearer t", "x-team": "a", "traceparent": "00-1-2-01", "cookie": "c=1"}
    with router(parks=parks("x")) as (gate, one, _):
        gate.ask("{ park { name } }", sent)
        equal([one.headers(name) for name in ("authorization", "x-team", "cookie", "traceparent")],
              [[], [], [], ["00-1-2-01"]], "what goes through by itself")
    rules = ["headers.propagate=[authorization, x-team, cookie]", "headers.remove=[cookie, traceparent]",
             "headers.insert=[{name: x-gateway, value: meridian}]"]
    with router(*rules, parks=parks("x")) as (gate, one, _):
        gate.ask("{ park { name } }", sent)
        equal([one.headers(name) for name in ("authorization", "x-team", "cookie", "traceparent", "x-gateway")],
              [["Bearer t"], ["a"], [], [], ["meridian"]], "by the rules")


def scenario_headers_of_answers_reach_the_client_by_name(fleet):
    def one(request):
        return 200, [("set-cookie", "a=1"), ("set-cookie", "b=2"), ("x-shard", "7"), ("x-secret", "s"),
                     ("cache-control", "max-age=60, public")], b'{"data":{"park":{"name":"x"}}}'

    def two(request):
        return 200, [("set-cookie", "c=3"), ("x-shard", "8"), ("cache-control", "max-age=30")], b'{"data":{"visits":1}}'
    with router("headers.answer=[set-cookie, x-shard, cache-control]", parks=one, visits=two) as (gate, _, _):
        answer = gate.ask("{ park { name } visits }")
        equal(sorted(answer.headers["set-cookie"]), ["a=1", "b=2", "c=3"], "cookies")
        equal(len(answer.headers["x-shard"]), 1, "the first of others")
        assert "x-secret" not in answer.headers
        equal(answer.headers["cache-control"], ["max-age=30, public"], "the strictest")
    with router(parks=one, visits=two) as (gate, _, _):
        answer = gate.ask("{ park { name } }")
        assert "set-cookie" not in answer.headers
        equal(answer.headers["cache-control"], ["private, no-store"])


def scenario_a_supergraph_says_how_long_answers_may_be_kept(fleet):
    def hinted(text):
        field = "  park: Park @join__field(graph: PARKS)"
        return text.replace(field, field + " @cacheControl(maxAge: 20)") + \
            "directive @cacheControl(maxAge: Int, scope: String) on FIELD_DEFINITION | OBJECT\n"
    with router(edit=hinted) as (gate, _, _):
        for query, headers, told in [
                ("{ park { name } }", {}, "max-age=20, public"),
                ("{ park { name } }", {"authorization": "Bearer t"}, "max-age=20, private"),  # who asks was told
                ("{ park { name } visits }", {}, "no-store"),  # a root field without a hint
                ("{ visits }", {}, "private, no-store")]:  # no hint at all
            equal(gate.ask(query, headers).headers["cache-control"], [told], query)


def scenario_compressed_answers_are_asked_for_and_read(fleet):
    with router(parks=lambda request: zipped({"park": {"name": "Yosemite"}})) as (gate, one, _):
        equal(gate.ask("{ park { name } }").data, {"park": {"name": "Yosemite"}})
        equal(one.headers("accept-encoding"), ["gzip"])


# ---- subgraphs in trouble ----

def scenario_a_subgraph_that_fails_is_left_alone_until_it_is_well(fleet):
    with router("subgraphs.failures=3", "subgraphs.pause=300ms", parks=parks("x"), threads=1) as (gate, one, two):
        port = one.port
        gate.ask("{ park { name } }")
        one.stop()
        for _ in range(10):
            answer = gate.ask("{ park { name } visits }")
            equal(answer.data, {"park": None, "visits": 7}, "the healthy part")
            equal([(e["path"], e["extensions"]["code"]) for e in answer.errors], [(["park"], "SOURCE_UNAVAILABLE")])
        told = gate.metrics()
        equal(told['meridian_subgraph_circuit_open{subgraph="parks"}'], 1, "the circuit")
        equal(told['meridian_subgraph_circuit_open{subgraph="visits"}'], 0, "the other circuit")
        assert told['meridian_subgraph_requests_refused_total{subgraph="parks"}'] >= 5, told
        again = Subgraph(parks("back"), port)
        try:
            wait_until(lambda: gate.ask("{ park { name } }").data == {"park": {"name": "back"}}, 15, "recovery")
            equal(gate.metrics()['meridian_subgraph_circuit_open{subgraph="parks"}'], 0, "the circuit")
        finally:
            again.stop()


def scenario_a_slow_subgraph_costs_its_own_field_alone(fleet):
    def sleepy(request):
        time.sleep(3)
        return {"park": None}
    with router("subgraphs.timeout=400ms", parks=sleepy) as (gate, _, _):
        began = time.monotonic()
        answer = gate.ask("{ park { name } visits }")
        took = time.monotonic() - began
        equal(answer.data, {"park": None, "visits": 7})
        equal([e["extensions"]["code"] for e in answer.errors], ["SOURCE_TIMEOUT"])
        assert took < 2.0, f"{took:.1f} s"


ANIMALS = """
enum join__Graph { ZOO @join__graph(name: "zoo", url: "%s") }
type Query @join__type(graph: ZOO) { pets: [Pet!] keeper: Keeper }
type Keeper @join__type(graph: ZOO) { name: String! pet: Pet }
interface Pet @join__type(graph: ZOO) { name: String! }
type Dog implements Pet @join__type(graph: ZOO) { name: String! }
type Cat implements Pet @join__type(graph: ZOO) { name: String! }
"""


def scenario_errors_say_where_in_the_document(fleet):
    """Every field that asked for what is null, in the document's order; of fragments those for the object's type."""
    def zoo(request):
        return {"keeper": {"name": None, "pet": None},
                "pets": [{"__typename": "Cat", "name": "Tom"}, {"__typename": "Dog", "name": None}]}
    one = Subgraph(zoo)
    gate = Router(HEAD + ANIMALS % one.url)
    try:
        def places(text):
            return [[(at["line"], at["column"]) for at in error["locations"]] for error in gate.ask(text).errors]
        equal(places("{ keeper { name } }"), [[(1, 12)]])
        equal(places("{\n  keeper {\n    name\n    ...N\n  }\n  ... { keeper { name } }\n}\nfragment N on Keeper { name ...M }\n"
                     "fragment M on Keeper { pet { name } name }"), [[(3, 5), (8, 24), (9, 37), (6, 18)]], "asked four times")
        equal(places("{ pets { ... on Cat { name } ... on Dog { name } } }"), [[(1, 43)]], "of a dog")
        equal(places("{ pets { ... on Cat { name } ...D ... on Pet { name } } } fragment D on Dog { name }"), [[(1, 79), (1, 48)]])
        equal(places("query Q($no: Boolean = false) { keeper { name @include(if: $no) ... @skip(if: $no) { name } } }"), [[(1, 86)]])
    finally:
        equal(gate.stop(), 0, gate.logged()[-2000:])
        one.stop()


def leaver(gate, name, how, stack):
    """A client that has asked for what does not come, and the way in which it will go."""
    body = b'{"query":"{ visits %s: park { name } }"}' % name
    if how == "a stream":
        client = H2c(gate.port)
        stack.callback(client.close)
        stream = client.begin(body, None)
        return lambda: client.reset(stream)
    line = socket.create_connection(("127.0.0.1", gate.port))
    line.sendall(b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
    if how == "by reset":
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return line.close


def leave_by_fours(gate, one, left, how, share):
    """Four ask, perhaps the same, and three leave: what is asked for these ends, for the fourth it goes on until it leaves."""
    left.clear()
    asked, requests = len(one.asked), 1 if share else 4
    with contextlib.ExitStack() as stack:
        leave = [leaver(gate, b"p" if share else b"p%d" % i, how, stack) for i in range(4)]
        wait_until(lambda: gate.metrics()["meridian_requests_in_flight"] == 4 and len(one.asked) == asked + requests, 5, "four requests")
        for three in leave[1:]:
            three()
        wait_until(lambda: gate.metrics()["meridian_requests_in_flight"] == 1 and len(left) == requests - 1, 3, f"the end of three ({how})")
        leave[0]()
        wait_until(lambda: len(left) == requests, 3, f"the end of the fourth ({how})")
    equal(set(left), {b""}, how)


def scenario_clients_that_leave_end_what_was_asked_for_them(fleet):
    left = []

    def never(request):
        def work(connection):
            connection.settimeout(10)
            left.append(connection.recv(1))   # until the router goes away
        return work
    with router("subgraphs.timeout=8s", parks=never, threads=1) as (gate, one, _):
        gate.ask("{ visits }")
        before = len(os.listdir(f"/proc/{gate.worker()}/fd"))
        for how, share in (("by close", False), ("by reset", True), ("a stream", False), ("a stream", True)):
            leave_by_fours(gate, one, left, how, share)
        wait_until(lambda: len(os.listdir(f"/proc/{gate.worker()}/fd")) <= before, 5, "the end of all connections")
        told = gate.metrics()
        equal([told[f'meridian_subgraph_{what}{{subgraph="parks"}}'] for what in ("connections", "requests_in_flight", "circuit_open")],
              [0, 0, 0], "what is left")
        equal(gate.ask("{ visits }").data, {"visits": 7})


# ---- reload ----

def field_there(gate, name):
    return not gate.ask(f"{{ park {{ {name} }} }}").errors


def scenario_a_changed_file_is_served_and_a_bad_one_refused(fleet):
    with router(parks=parks("x")) as (gate, one, two):
        assert not field_there(gate, "area")
        gate.write(supergraph(one.url, two.url, "area: Int @join__field(graph: PARKS)"))
        wait_until(lambda: field_there(gate, "area"), 10, "the new field")
        gate.write(supergraph(one.url, two.url, "area: Nothing @join__field(graph: PARKS)"))
        wait_until(lambda: "refused, the old snapshot stays" in gate.logged(), 10, "the refusal")
        assert "Unknown type" in gate.logged(), gate.logged()[-500:]
        assert field_there(gate, "area"), "the old snapshot is gone"
        said = gate.http("POST", "/reload", port=gate.admin)
        equal(said.status, 422)
        assert 'Unknown type "Nothing"' in said.errors[0]["message"], said.body
        refused = gate.logged().count("refused, the old snapshot stays")
        time.sleep(2.5)
        equal(gate.logged().count("refused, the old snapshot stays"), refused, "it is tried once, not every second")
        gate.write(supergraph(one.url, two.url))
        wait_until(lambda: not field_there(gate, "area"), 10, "the way back")


def scenario_reload_is_a_command_and_a_request(fleet):
    def command(gate):
        done = subprocess.run([gateways.binary(), "reload", "--admin", f"http://127.0.0.1:{gate.admin}"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20, check=False)
        return done.returncode, done.stdout
    with router(parks=parks("x")) as (gate, one, two):
        gate.ask("{ park { name } }")
        status, said = command(gate)
        equal((status, json.loads(said)["reloaded"]), (0, True))
        before = gate.logged().count("serving a new snapshot")
        for _ in range(50):
            gate.process.send_signal(signal.SIGHUP)
        wait_until(lambda: gate.logged().count("serving a new snapshot") > before, 10, "the reload by a signal")
        gate.file.write_text("type Query { a: Int }")
        status, said = command(gate)
        assert status == 1 and "no composed schema" in said, said
        equal(gate.http("POST", "/reload", port=gate.admin, headers={"origin": "http://evil.example"}).status, 403)
        equal(gate.http("GET", "/reload", port=gate.admin).status, 404)


def scenario_trusted_documents_are_planned_before_they_are_asked(fleet):
    documents = {"a": "query Park { park { name } }", "b": "query Visits { visits }", "c": "{ nothing }"}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "documents.json"
        file.write_text(json.dumps(documents))
        with router(f"persisted.file={file}", parks=parks("x"), threads=1) as (gate, one, two):
            def planned():
                return gate.metrics()["meridian_plan_cache_misses_total"]
            def ask(**what):
                return gate.http("POST", "/graphql", json.dumps(what), {"content-type": "application/json"}).data
            equal(ask(documentId="a"), {"park": {"name": "x"}})
            equal(planned(), 0, "at start")
            documents["d"] = "query Both { park { name } visits }"
            file.write_text(json.dumps(documents))
            equal(gate.http("POST", "/reload", port=gate.admin).json["warmed"], 3, "the invalid one is left out")
            equal(ask(documentId="a", operationName="Park"), {"park": {"name": "x"}}, "as Apollo's client asks")
            equal(ask(documentId="d"), {"park": {"name": "x"}, "visits": 7})
            equal(planned(), 0, "after a reload")
            gate.write(supergraph(one.url, two.url, "area: Int @join__field(graph: PARKS)"))
            equal(gate.http("POST", "/reload", port=gate.admin).json["warmed"], 3, "once more, those asked first")
            equal((ask(documentId="b"), planned()), ({"visits": 7}, 0))


def scenario_requests_in_flight_end_on_the_snapshot_they_began_on(fleet):
    go = threading.Event()

    def held(request):
        go.wait(15)
        return {"park": {"id": "p1", "name": "old", "area": 3}}
    with router(parks=held) as (gate, one, two):
        found = []
        asking = threading.Thread(target=lambda: found.append(gate.ask("{ park { name } }")))
        asking.start()
        wait_until(lambda: one.asked, 5, "the request")
        elsewhere = Subgraph(parks("new"))
        try:
            gate.write(supergraph(elsewhere.url, two.url, "area: Int @join__field(graph: PARKS)"))
            equal(gate.http("POST", "/reload", port=gate.admin).status, 200)
            equal(gate.ask("{ park { name area } }").data, {"park": {"name": "new", "area": 3}})
            go.set()
            asking.join(15)
            equal(found[0].json, {"data": {"park": {"name": "old"}}}, "the answer that was under way")
        finally:
            elsewhere.stop()


def scenario_twenty_reloads_under_load_fail_no_request(fleet):
    with router(parks=parks("x")) as (gate, one, two):
        load = Load(gate.port, "{ park { name } visits __typename }")
        wait_until(lambda: load.answers > 20, what="the load")
        try:
            for turn in range(20):
                gate.write(supergraph(one.url, two.url, f"f{turn}: Int @join__field(graph: PARKS)"))
                said = gate.http("POST", "/reload", port=gate.admin)
                equal(said.status, 200)
                assert said.json["warmed"] >= 1, f"plans are not warmed: {said.body}"
                for _ in range(4):   # each on a connection of its own: every loop serves it once the reload is answered
                    known = gate.ask('{ __type(name: "Park") { fields { name } } }').data["__type"]["fields"]
                    assert {"name": f"f{turn}"} in known, known
        finally:
            answers, wrong = load.stop()
        assert not wrong, f"{len(wrong)} of {answers} requests failed: {wrong[0]}"
        assert answers > 50, answers
        assert len(one.sockets) < 200, f"{len(one.sockets)} connections: a reload must not cost them"
        misses = gate.metrics()["meridian_plan_cache_misses_total"]
        assert misses <= 1, f"{misses} requests had to plan after the last reload"


def scenario_a_process_that_is_started_again_serves_the_newest_file(fleet):
    with router(parks=parks("x")) as (gate, one, two):
        gate.write(supergraph(one.url, two.url, "area: Int @join__field(graph: PARKS)"))
        equal(gate.http("POST", "/reload", port=gate.admin).status, 200)
        before = gate.worker()
        os.kill(before, signal.SIGKILL)

        def back():
            try:
                return field_there(gate, "area")
            except OSError:
                return False
        wait_until(back, 15, "the new process")
        assert gate.worker() != before


def scenario_a_host_name_is_looked_up(fleet):
    one, two = Subgraph(parks("named")), Subgraph(lambda request: {"visits": 1})
    gate = Router(supergraph(f"http://ip6-localhost-or-not.invalid:{one.port}/graphql", two.url))
    try:
        equal(gate.ask("{ visits }").data, {"visits": 1}, "the rest is served")
        equal([e["extensions"]["code"] for e in gate.ask("{ park { name } }").errors], ["SOURCE_UNAVAILABLE"])
        assert re.search("subgraph without an address subgraph=parks", gate.logged()), gate.logged()
    finally:
        status = gate.stop()
        one.stop()
        two.stop()
    equal(status, 0)
