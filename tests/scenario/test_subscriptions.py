# SPDX-License-Identifier: MIT
"""Subscriptions: clients over SSE, multipart and WebSockets; subgraphs over SSE and WebSockets."""
import contextlib
import json
import ssl
import subprocess
import tempfile
import time
from pathlib import Path

from fleet import gateways
from h2c import H2c
from lib import equal
from npm_kit import JS, missing, node, skipped
from router_kit import Router, Subgraph, wait_until
from stream_kit import Events, Sse, Ws, frame, settled, supergraph
from test_router_guards import KEY, b64u, token

NODES = []
READ_ONLY = True
QUERY = "subscription { visited { name crowd } }"
WS = "subgraphs.subscriptions=ws"
MULTIPART = "multipart/mixed;boundary=\"graphql\";subscriptionSpec=1.0,application/json"


def names(request):
    """The parks subgraph: entities by id."""
    reps = request["variables"].get("r1") or next(iter(request["variables"].values()))
    return {"_entities": [{"name": f"name of {each['id']}"} for each in reps]}


@contextlib.contextmanager
def routing(*sets, parks=names, visits=None, threads=1, text=supergraph, tls=None):
    """(router, parks, visits), of which visits tells events."""
    one, two = Subgraph(parks), Events(visits, tls=tls)
    serving = None
    try:
        serving = Router(text(one.url, two.url), *sets, threads=threads)
        yield serving, one, two
        assert serving.process.poll() in (None, 0), "the router ended by itself:\n" + serving.logged()[-2000:]
    finally:
        status = serving.stop() if serving else 0
        one.stop()
        two.stop()
    assert status == 0, f"the router ended with {status}:\n" + serving.logged()[-3000:]


def visit(number, crowd=1):
    """What the subgraph tells, and what the client gets."""
    return {"visited": {"id": f"p{number}", "__typename": "Park", "crowd": crowd}}


def told(number, crowd=1):
    return {"data": {"visited": {"name": f"name of p{number}", "crowd": crowd}}}


def open_subscriptions(gate):
    return gate.metrics()["meridian_subscriptions"]


# ---- events ----

def scenario_events_reach_clients_over_sse_with_their_entities(fleet):
    for rule in ("subgraphs.subscriptions=sse", WS):
        with routing(rule) as (gate, one, two):
            client = Sse(gate.port, "subscription S($n: Int) { visited(of: $n) { name crowd } }", variables={"n": 3})
            equal((client.status, client.type), (200, "text/event-stream; charset=utf-8"))
            feed = two.feed()
            assert feed.request["query"].startswith("subscription($n:Int){visited(of:$n){"), feed.request["query"]
            equal(feed.request["variables"], {"n": 3})
            for number in range(5):
                feed.event(visit(number))
            for number in range(5):
                equal(client.next(), ("next", told(number)))
            equal(len(one.asked), 5, "one request for entities an event")
            feed.complete()
            equal(client.next(), ("complete", None))
            equal(client.next(), None, "the end")
            wait_until(feed.gone.is_set, 5, "the subgraph's connection closed")
            equal(open_subscriptions(gate), 0)


def scenario_multipart_clients_get_parts(fleet):
    with routing("limits.heartbeat=200ms") as (gate, _, two):
        client = Sse(gate.port, QUERY, accept=MULTIPART)
        equal((client.status, client.type), (200, 'multipart/mixed;boundary="graphql";subscriptionSpec="1.0"'))
        equal(client.part(), {}, "a heartbeat")
        two.feed().event(visit(1))
        while (part := client.part()) == {}:
            pass
        equal(part, {"payload": told(1)})
        two.feed().complete()
        while (part := client.part()) == {}:
            pass
        equal(part, None)
        answer = gate.ask("{ __typename }", accept=MULTIPART)
        equal(answer.json, {"data": {"__typename": "Query"}}, "what is no subscription")


def scenario_http2_clients_get_events(fleet):
    with routing() as (gate, _, two):
        with subprocess.Popen(["curl", "-sN", "--http2-prior-knowledge", f"http://127.0.0.1:{gate.port}/graphql",
                               "-H", "content-type: application/json", "-H", "accept: text/event-stream",
                               "-d", json.dumps({"query": QUERY})], stdout=subprocess.PIPE) as client:
            feed = two.feed()
            feed.event(visit(1))
            lines = [client.stdout.readline().decode().strip() for _ in range(4)]
            equal([line for line in lines if line.startswith("data")],
                  ["data: " + json.dumps(told(1), separators=(",", ":"))])
            client.kill()
            wait_until(feed.gone.is_set, 5, "the subgraph's connection closed")


def scenario_subscriptions_of_one_http2_connection_do_not_hold_up_others(fleet):
    with routing("limits.streams=2") as (gate, _, two):
        line, query = H2c(gate.port), json.dumps({"query": QUERY}).encode()
        streams = [line.begin(query, "x", ("accept", "text/event-stream")) for _ in range(6)]
        two.feed(6)
        asked = line.begin(b'{"query":"{ __typename }"}', "x")
        equal(line.until_ended([asked], 5), [b'{"data":{"__typename":"Query"}}'], "a query beside them")
        line.reset(streams[0])
        wait_until(lambda: sum(feed.gone.is_set() for feed in two.feeds) == 1, 5, "the one that was reset")
        for feed in two.feeds:
            if not feed.gone.is_set():
                feed.event(visit(1))
                feed.complete()
        said = line.until_ended(streams[1:], 5)
        wanted = f"event: next\ndata: {json.dumps(told(1), separators=(',', ':'))}\n\nevent: complete\ndata:\n\n"
        equal(said, [b":\n\n" + wanted.encode()] * 5)
        line.close()


def scenario_several_operations_share_a_websocket(fleet):
    with routing(parks=lambda r: names(r) if "_entities" in r["query"] else {"park": {"name": "x"}}) as (gate, _, two):
        client = Ws(gate.port)
        client.subscribe("a", QUERY)
        first = two.feed(1)
        client.subscribe("b", "subscription { visited { crowd } }")
        second = two.feed(2)
        client.subscribe("q", "{ park { name } }")
        equal(client.next(), {"id": "q", "type": "next", "payload": {"data": {"park": {"name": "x"}}}})
        equal(client.next(), {"id": "q", "type": "complete"})
        second.event({"visited": {"crowd": 7}})
        equal(client.next(), {"id": "b", "type": "next", "payload": {"data": {"visited": {"crowd": 7}}}})
        first.event(visit(1))
        equal(client.next(), {"id": "a", "type": "next", "payload": told(1)})
        client.say({"id": "b", "type": "complete"})
        wait_until(second.gone.is_set, 5, "b ended at its subgraph")
        client.say({"type": "ping"})
        equal(client.next(), {"type": "pong"})
        first.complete()
        equal(client.next(), {"id": "a", "type": "complete"})
        client.subscribe("a", "{ nothing }")
        said = client.next()
        equal((said["type"], said["payload"][0]["extensions"]["code"]), ("error", "GRAPHQL_VALIDATION_FAILED"))
        client.subscribe("a", QUERY)
        third = two.feed(3)
        client.close()
        wait_until(third.gone.is_set, 5, "the subgraph's connection closed")


def scenario_queries_are_answered_as_events_where_the_client_takes_nothing_else(fleet):
    with routing(parks=lambda r: {"park": {"name": "x"}}) as (gate, _, _):
        client = Sse(gate.port, "{ park { name } }")
        equal([client.next(), client.next(), client.next()],
              [("next", {"data": {"park": {"name": "x"}}}), ("complete", None), None])


def scenario_subscriptions_travel_in_tls_on_both_sides(fleet):
    with tempfile.TemporaryDirectory(prefix="meridian-tls-") as folder:
        cert, key = Path(folder) / "cert.pem", Path(folder) / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                        "2", "-keyout", key, "-out", cert, "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"],
                       stderr=subprocess.DEVNULL, check=True)
        server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=cert)
        server.load_cert_chain(cert, key)
        for rule in ("subgraphs.subscriptions=sse", WS):
            with routing(rule, f"tls.certificate={cert}", f"tls.key={key}", f"tls.ca={cert}", "listen.0.tls=true",
                         text=lambda parks, visits: supergraph(parks, visits.replace("http:", "https:")),
                         tls=server) as (gate, _, two):
                lines = [Sse(gate.port, QUERY, tls=client), Ws(gate.port, tls=client)]
                lines[1].subscribe("1", QUERY)
                two.feed(2)
                for number in range(3):
                    for feed in two.feeds:
                        feed.event(visit(number))
                    equal([lines[0].next()[1], lines[1].next()["payload"]], [told(number)] * 2)
                lines[1].close()
                wait_until(lambda: any(feed.gone.is_set() for feed in two.feeds), 5, "the WebSocket's end")
                lines[0].close()
                wait_until(lambda: all(feed.gone.is_set() for feed in two.feeds), 5, "the end of both")


# ---- what is refused ----

def scenario_wrong_subscriptions_are_refused_before_they_begin(fleet):
    with routing("limits.subscriptions=1") as (gate, _, two):
        answer = gate.ask(QUERY)
        equal((answer.status, answer.errors[0]["extensions"]["code"]), (406, "BAD_USER_INPUT"))
        answer = gate.ask("subscription { nothing }", accept="text/event-stream")
        equal((answer.status, answer.errors[0]["extensions"]["code"]), (400, "GRAPHQL_VALIDATION_FAILED"))
        answer = gate.http("HEAD", "/graphql?query=subscription%7Bvisited%7Bcrowd%7D%7D",
                           headers={"accept": "text/event-stream", "x-meridian-csrf": "1"})
        equal(answer.status, 405)
        client = Sse(gate.port, QUERY)
        two.feed()
        answer = gate.ask(QUERY, accept="text/event-stream")
        equal((answer.status, answer.errors[0]["extensions"]["code"]), (400, "RATE_LIMITED"))
        client.close()


def scenario_the_protocol_of_websockets_is_kept(fleet):
    with routing("limits.connectionSubscriptions=2", "limits.body=64KiB") as (gate, _, two):
        def closed(*messages, init=True):
            client = Ws(gate.port, init)
            for message in messages:
                client.raw(message) if isinstance(message, bytes) else client.say(message)
            while client.next():
                pass
            client.close()
            return client.code
        ask = {"id": "1", "type": "subscribe", "payload": {"query": QUERY}}
        equal(closed(ask, init=False), 4401, "subscribe before connection_init")
        equal(closed({"type": "connection_init"}), 4429, "twice")
        equal(closed(ask, ask), 4409, "an id that is taken")
        equal(closed({"type": "what"}), 4400)
        equal(closed({"id": "1"}), 4400)
        equal(closed(frame(b"{", mask=True)), 4400)
        equal(closed({"id": "1", "type": "subscribe"}), 4400)
        equal(closed({"id": "1", "type": "subscribe", "payload": {"query": QUERY, "variables": [1]}}), 4400)
        equal(closed(frame(b"{}", 2, mask=True)), 1003, "binary")
        equal(closed(frame(b"\xff\xfe", mask=True)), 1007, "no UTF-8")
        equal(closed(frame(b"{}", mask=False)), 1002, "not masked")
        equal(closed(frame(b"x" * 70000, mask=True)), 1009, "too long")
        equal(Ws(gate.port, False, protocol="graphql-ws").status, 400, "another subprotocol")
        equal(Ws(gate.port, False, headers="Origin: https://evil.example\r\n").status, 403)
        equal(Ws(gate.port, False, headers=f"Origin: http://127.0.0.1:{gate.port}\r\n").status, 101)
        client = Ws(gate.port)
        for number in range(3):
            client.subscribe(f"s{number}", QUERY)
        said = client.next()
        equal((said["id"], said["type"], said["payload"][0]["extensions"]["code"]), ("s2", "error", "RATE_LIMITED"))
        client.close()
        wait_until(lambda: open_subscriptions(gate) == 0, 5, "none left")


def scenario_where_a_subgraph_tells_events_is_configured_by_name(fleet):
    with routing("subgraphs.each.visits.subscriptions=ws", "subgraphs.each.visits.subscriptionsPath=/events?v=1") as (
            gate, _, two):
        client = Sse(gate.port, QUERY)
        two.feed().event(visit(1))
        equal(client.next(), ("next", told(1)))
        equal((two.feed().ws, two.inits), (True, [{"type": "connection_init"}]))
        equal(two.server.lines[-1], "GET /events?v=1 HTTP/1.1")
        client.close()
        for wrong in ("events", "/a b"):
            done = subprocess.run([gateways.binary(), "serve", "--supergraph", gate.file, "--listen", "127.0.0.1:1",
                                   "--set", f"subgraphs.each.visits.subscriptionsPath={wrong}"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=20, check=False)
            equal((done.returncode, "a path is expected" in done.stderr), (2, True), done.stderr)


# ---- trouble ----

def scenario_a_cut_subgraph_is_asked_again(fleet):
    for rule in ("subgraphs.subscriptions=sse", WS):
        with routing(rule, "subgraphs.reconnectPause=50ms", "subgraphs.reconnects=3") as (gate, _, two):
            client = Sse(gate.port, QUERY)
            for number in range(1, 4):
                two.feed(number).event(visit(number))
                equal(client.next(), ("next", told(number)))
                two.feed(number).cut()
            two.feed(4).event(visit(4))
            equal(client.next(), ("next", told(4)))
            two.stop()
            name, said = client.next()
            equal((name, said["errors"][0]["extensions"]["code"]), ("next", "SOURCE_UNAVAILABLE"))
            equal([client.next(), client.next()], [("complete", None), None])


def scenario_a_subgraph_that_never_was_is_told_at_once(fleet):
    with routing() as (gate, _, two):
        two.stop()
        client = Sse(gate.port, QUERY)
        name, said = client.next()
        equal((name, said["errors"][0]["extensions"]["code"]), ("next", "SOURCE_UNAVAILABLE"))
        equal(client.next(), ("complete", None))


def scenario_errors_of_subgraphs_reach_the_client(fleet):
    def refuse(sock):
        body = b'{"errors":[{"message":"not today"}]}'
        sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
    with routing() as (gate, _, two):
        two.refuse = refuse
        client = Sse(gate.port, QUERY)
        name, said = client.next()
        equal((name, said["data"], said["errors"][0]["message"]), ("next", {"visited": None}, "not today"))
        equal(client.next(), ("complete", None))
        two.refuse = None
        client = Sse(gate.port, QUERY)
        two.feed().event({"visited": None}, errors=[{"message": "odd", "path": ["visited"]}])
        name, said = client.next()
        equal((said["data"], said["errors"][0]["message"], said["errors"][0]["path"]), ({"visited": None}, "odd", ["visited"]))
        two.feed().event(visit(2))
        equal(client.next(), ("next", told(2)), "it goes on")
        client.close()


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
CHUNKS = HEAD + b"transfer-encoding: chunked\r\n\r\n"
LIES = [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 404 X\r\ncontent-length: 2\r\n\r\nno", b"HTTP/1.1 204 X\r\n\r\n",
        b"HTTP/1.1 101 X\r\nupgrade: websocket\r\n\r\n", CHUNKS + b"zz\r\n", CHUNKS + b"0\r\n\r\n",
        HEAD + b"\r\ndata: " + b"x" * 9000, HEAD + b"content-length: 5\r\n\r\ndata:",
        HEAD + b"content-encoding: br\r\n\r\ndata: {}\n\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>"]


def scenario_subgraphs_that_lie_cost_their_subscription_alone(fleet):
    def lying(lie):
        return lambda sock: sock.sendall(lie)
    with routing("subgraphs.answer=4KiB", "subgraphs.reconnects=1", "subgraphs.reconnectPause=1ms") as (gate, _, two):
        for lie in LIES:
            two.refuse = lying(lie)
            client = Sse(gate.port, QUERY)
            name, said = client.next()
            equal((name, said["errors"][0]["extensions"]["code"]), ("next", "SOURCE_UNAVAILABLE"), repr(lie))
            equal(client.next(), ("complete", None), repr(lie))
        two.refuse = None
        for number, lie in enumerate([b"no JSON", b"[]", b"null", b"{}", b'{"data":7}', b'{"data":{"visited":[1]}}',
                                      b'{"errors":[{"path":["visited",0,{}]}]}', b'{"data":{}}'], 1):
            client = Sse(gate.port, QUERY)
            two.feed(number).chunk(b"event: next\ndata: " + lie + b"\n\n")
            name, said = client.next()
            equal((said["data"], lie == b'{"data":{}}' or len(said["errors"])), ({"visited": None}, 1), repr(lie))
            two.feed(number).event(visit(number))
            equal(client.next(), ("next", told(number)), "it goes on")
            client.close()


def scenario_websockets_of_subgraphs_that_lie_cost_their_subscription_alone(fleet):
    lies = [frame(b"x" * 9000), frame(b"\xff"), frame(b"{}", mask=True), frame(b"{}", 2), frame(b"{"), frame(b"[]"),
            frame(b'{"type":7}'), b"\xff" * 40, frame(b"\x0f\xa0", 8), frame(b"", 8)]
    with routing(WS, "subgraphs.answer=4KiB", "subgraphs.reconnects=1", "subgraphs.reconnectPause=1ms") as (gate, _, two):
        for number, lie in enumerate(lies):
            client = Sse(gate.port, QUERY)
            for again in (1, 2):
                two.feed(2 * number + again).sock.sendall(lie)
            name, said = client.next()
            equal((name, said["errors"][0]["extensions"]["code"]), ("next", "SOURCE_UNAVAILABLE"), repr(lie))
            equal(client.next(), ("complete", None), repr(lie))
        client = Sse(gate.port, QUERY)
        two.feed(2 * len(lies) + 1).sock.sendall(frame(b"\x11\x33", 8))
        equal([client.next()[0], client.next()], ["next", ("complete", None)], "4403 is for good")
        equal(len(two.feeds), 2 * len(lies) + 1)


def scenario_a_client_that_leaves_closes_its_subgraph_at_once(fleet):
    with routing() as (gate, _, two):
        client = Sse(gate.port, QUERY)
        feed = two.feed()
        client.close()
        began = time.monotonic()
        wait_until(feed.gone.is_set, 5, "the subgraph's connection closed")
        assert time.monotonic() - began < 1.5
        wait_until(lambda: open_subscriptions(gate) == 0, 5, "none left")


def scenario_a_slow_client_is_dropped_and_others_are_not(fleet):
    with routing("limits.subscriptionBuffer=64KiB") as (gate, _, two):
        slow, quick = Sse(gate.port, QUERY), None
        feed = two.feed(1)
        quick = Sse(gate.port, QUERY)
        other = two.feed(2)
        with contextlib.suppress(OSError):
            for number in range(3000):
                feed.event({"visited": {"id": "x" * 5000, "__typename": "Park", "crowd": number}})
                if feed.gone.is_set():
                    break
        wait_until(feed.gone.is_set, 10, "the slow one's subscription ended")
        other.event(visit(1))
        equal(quick.next(), ("next", told(1)))
        last = None
        while event := slow.next():
            last = event if event[0] == "next" else last
        equal(last[1]["errors"][0]["extensions"]["code"], "RATE_LIMITED")
        quick.close()


def scenario_clients_hear_that_the_router_lives(fleet):
    with routing("limits.heartbeat=200ms") as (gate, _, two):
        client = Sse(gate.port, QUERY)
        two.feed()
        assert client.heart() and client.heart() and client.heart()
        client.close()
        silent = Ws(gate.port)
        silent.subscribe("1", QUERY)
        feed = two.feed(2)
        wait_until(feed.gone.is_set, 5, "a client that answers no ping is gone")


# ---- reload, stop ----

def scenario_subscriptions_live_through_reloads(fleet):
    with routing(threads=2) as (gate, one, two):
        clients = [Sse(gate.port, QUERY) for _ in range(50)]
        sockets = [Ws(gate.port) for _ in range(10)]
        for socket in sockets:
            for number in range(5):
                socket.subscribe(str(number), QUERY)
        wait_until(lambda: len(two.feeds) == 100, 20, "100 subscriptions")
        for round in range(5):
            gate.write(supergraph(one.url, two.url, more=f"round{round}: Int @join__field(graph: PARKS)"))
            answer = gate.http("POST", "/reload", port=gate.admin)
            equal(answer.status, 200)
            equal(gate.ask(f"{{ __type(name: \"Park\") {{ fields {{ name }} }} }}").data["__type"]["fields"][-1]["name"],
                  f"round{round}")
            for feed in two.feeds:
                feed.event(visit(round))
            for client in clients:
                equal(client.next(), ("next", told(round)))
            for socket in sockets:
                equal([socket.next()["payload"] for _ in range(5)], [told(round)] * 5)
        equal(len(two.feeds), 100, "none was begun anew")
        for client in clients + sockets:
            client.close()


def scenario_a_reload_ends_what_is_no_longer_valid_and_moves_what_is_elsewhere(fleet):
    with routing() as (gate, one, two):
        client = Sse(gate.port, QUERY)
        two.feed()
        other = Events()
        try:
            gate.write(supergraph(one.url, other.url))
            equal(gate.http("POST", "/reload", port=gate.admin).status, 200)
            other.feed().event(visit(1))
            wait_until(two.feed().gone.is_set, 5, "the old one closed")
            equal(client.next(), ("next", told(1)))
            gate.write(supergraph(one.url, other.url, "left: Park @join__field(graph: VISITS)"))
            equal(gate.http("POST", "/reload", port=gate.admin).status, 200)
            name, said = client.next()
            equal((name, said["errors"][0]["extensions"]["code"]), ("next", "GRAPHQL_VALIDATION_FAILED"))
            equal(client.next(), ("complete", None))
            wait_until(other.feed().gone.is_set, 5, "closed")
        finally:
            other.stop()


def scenario_a_stop_tells_subscribers(fleet):
    with routing() as (gate, _, two):
        client, socket = Sse(gate.port, QUERY), Ws(gate.port)
        socket.subscribe("1", QUERY)
        two.feed(2)
        began = time.monotonic()
        gate.process.terminate()
        name, said = client.next()
        equal((name, said["errors"][0]["extensions"]["code"]), ("next", "SOURCE_UNAVAILABLE"))
        equal([client.next(), client.next()], [("complete", None), None])
        equal(socket.next()["type"], "error")
        equal((socket.next(), socket.code), (None, 1001))
        socket.close()
        client.close()
        gate.process.wait(10)
        assert time.monotonic() - began < 5, "nobody waits for subscriptions"


def scenario_headers_go_along(fleet):
    for rule in ("subgraphs.subscriptions=sse", WS):
        with routing(rule, "headers.propagate=authorization") as (gate, one, two):
            client = Ws(gate.port, headers="Authorization: Bearer x\r\n")
            client.subscribe("1", QUERY)
            two.feed().event(visit(1))
            equal(client.next()["payload"], told(1))
            equal([dict(two.feed().request["headers"])["authorization"], one.headers("authorization")],
                  ["Bearer x", ["Bearer x"]])
            client.close()
            assert settled(lambda: len(two.feeds) == 1, 0.3)


# ---- callers ----

def guarded(parks, visits):
    """The same, where events and names are for those with a token."""
    text = supergraph(parks, visits, "visited(of: Int): Park @join__field(graph: VISITS)\n"
                      "  secret: Park @join__field(graph: VISITS) @authenticated")
    return text.replace("{ query: Query", '@link(url: "https://specs.apollo.dev/authenticated/v0.1", for: SECURITY)\n'
                        "{ query: Query", 1).replace(
        "scalar link__Import", "scalar link__Import\ndirective @authenticated on FIELD_DEFINITION", 1).replace(
        "name: String @join__field(graph: PARKS)", "name: String @join__field(graph: PARKS) @authenticated", 1)


@contextlib.contextmanager
def guarding():
    with tempfile.TemporaryDirectory(prefix="meridian-keys-") as folder:
        keys = Path(folder) / "keys.json"
        keys.write_text(json.dumps({"keys": [{"kty": "oct", "alg": "HS256", "k": b64u(KEY)}]}))
        with routing(f"auth.jwks={keys}", text=guarded) as parts:
            yield parts


def scenario_guards_hold_for_events(fleet):
    with guarding() as (gate, one, two):
        client = Sse(gate.port, "subscription { secret { crowd } }")
        name, said = client.next()
        equal((said["data"], said["errors"][0]["extensions"]["code"]), ({"secret": None}, "UNAUTHENTICATED"))
        equal((client.next(), two.feeds), (("complete", None), []), "the subgraph is not asked")
        client = Sse(gate.port, QUERY)
        two.feed().event(visit(1))
        name, said = client.next()
        equal((said["data"], said["errors"][0]["extensions"]["code"], one.asked),
              ({"visited": {"name": None, "crowd": 1}}, "UNAUTHENTICATED", []))
        client.close()
        client = Sse(gate.port, "subscription { secret { name crowd } }", headers=token())
        two.feed(2).event({"secret": visit(1)["visited"]})
        equal(client.next(), ("next", {"data": {"secret": told(1)["data"]["visited"]}}))
        client.close()
        socket = Ws(gate.port, payload=token())
        socket.subscribe("1", QUERY)
        two.feed(3).event(visit(2))
        equal(socket.next()["payload"], told(2), "a token in the payload of connection_init")
        socket.close()
        socket = Ws(gate.port, init=False)
        socket.say({"type": "connection_init", "payload": {"authorization": "Bearer nonsense"}})
        equal((socket.next(), socket.code), (None, 4403))
        equal(Ws(gate.port, init=False, headers="Authorization: Bearer nonsense\r\n").status, 401)


def scenario_a_subscription_ends_with_its_token(fleet):
    with guarding() as (gate, _, two):
        client = Sse(gate.port, QUERY, headers=token(exp=int(time.time()) - 57))   # a minute's skew is granted
        two.feed().event(visit(1))
        equal(client.next(), ("next", told(1)))
        name, said = client.next()
        equal(said["errors"][0]["extensions"]["code"], "UNAUTHENTICATED")
        equal(client.next(), ("complete", None))
        wait_until(two.feed().gone.is_set, 5, "closed")


# ---- with others' clients and servers ----

def scenario_clients_and_servers_from_npm_understand_it(fleet):
    if skipped(missing("graphql", "graphql-ws", "graphql-sse", "ws", "@apollo/client")):
        return
    with subprocess.Popen(["node", str(JS / "subscription_subgraph.mjs")], stdout=subprocess.PIPE, text=True) as subgraph:
        url = f"http://127.0.0.1:{subgraph.stdout.readline().strip()}/graphql"
        try:
            for rule in ("subgraphs.subscriptions=sse", WS):
                gate = Router(supergraph(url, url), rule)
                try:
                    said = node("subscription_clients.mjs", f"http://127.0.0.1:{gate.port}/graphql")
                finally:
                    equal(gate.stop(), 0)
                events = [{"visited": {"id": f"p{i}", "name": f"name of p{i}", "crowd": i}} for i in range(3)]
                typed = [{"visited": {**each["visited"], "__typename": "Park"}} for each in events]
                equal(said["ws"], {"next": events})
                equal(said["sse"], {"next": events})
                equal(said["apollo"], {"next": typed})
                equal(said["many"], [0, 1, 2, 3] * 5)
                equal([said["wsQuery"], said["sseQuery"]], [{"next": [{"__typename": "Query"}]}] * 2)
                equal(said["wsWrong"], {"next": [], "error": "GRAPHQL_VALIDATION_FAILED"})
                equal(said["sseWrong"], {"next": [], "error": "Server responded with 400: Bad Request"})
        finally:
            subgraph.kill()
