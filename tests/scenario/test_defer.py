# SPDX-License-Identifier: MIT
"""@defer: parts of an answer that are told later, in both formats, over all carriers."""
import atexit
import contextlib
import http.client
import json
import re
import socket
import threading
import time
import zlib

from lib import equal
from npm_kit import missing, node, skipped
from router_kit import HEAD, Router, Subgraph, wait_until
from stream_kit import Sse, Ws

NODES = []
READ_ONLY = True
OLD = "multipart/mixed;deferSpec=20220824"
NEW = "multipart/mixed;incrementalSpec=v0.2"
ACCEPTS = ", application/graphql-response+json, application/json;q=0.9"


def supergraph(things, stock, notes):
    """Things have names; stock knows what there is of them and where; notes what is said of both."""
    return f"""{HEAD.replace("{ query: Query }", "{ query: Query mutation: Mutation }")}
enum join__Graph {{ THINGS @join__graph(name: "things", url: "{things}") STOCK @join__graph(name: "stock", url: "{stock}")
  NOTES @join__graph(name: "notes", url: "{notes}") }}
type Query @join__type(graph: THINGS) @join__type(graph: STOCK) @join__type(graph: NOTES) {{
  thing: Thing @join__field(graph: THINGS)
  things: [Thing!]! @join__field(graph: THINGS)
  motto: String @join__field(graph: NOTES)
}}
type Mutation @join__type(graph: THINGS) {{ touch: Thing }}
type Thing @join__type(graph: THINGS, key: "id") @join__type(graph: STOCK, key: "id") @join__type(graph: NOTES, key: "id") {{
  id: ID!
  name: String @join__field(graph: THINGS)
  count: Int @join__field(graph: STOCK)
  sure: Int! @join__field(graph: STOCK)
  shelf: Shelf @join__field(graph: STOCK)
  note: String @join__field(graph: NOTES) @join__field(graph: STOCK, external: true)
  said: Int @join__field(graph: STOCK, requires: "note")
}}
type Shelf @join__type(graph: STOCK, key: "id") @join__type(graph: NOTES, key: "id") {{
  id: ID!
  row: Int @join__field(graph: STOCK)
  note: String @join__field(graph: NOTES)
}}
"""


class Slow:
    """A subgraph that answers its entities when `open` is set; `lacks` are members it does not know of t1."""

    def __init__(self, give, query=None):
        self.open, self.first = threading.Event(), (give, query or {})
        self.server = Subgraph(self.answer)
        self.reset()

    def reset(self):
        self.give, self.query, self.lacks = self.first[0], dict(self.first[1]), []
        self.open.set()
        self.server.answer = self.answer
        self.server.asked.clear()

    def answer(self, request):
        if not self.open.wait(15):
            return None
        said = {}
        for key, value in self.query.items():
            for alias in re.findall(rf"(?:(\w+):)?\b{key}\b", request["query"]):
                said[alias or key] = value
        for alias, name in re.findall(r"(?:(\w+):)?_entities\(representations:\$(\w+)\)", request["query"]):
            said[alias or "_entities"] = [self.entity(rep) for rep in request["variables"][name]]
        return said

    def entity(self, rep):
        found = {"__typename": rep["__typename"], **self.give(rep)}
        return {**found, **{key: None for key in self.lacks if rep["id"] == "t1"}}


def stocked(rep):
    number = int(rep["id"][1:])
    return {"count": number * 10, "said": len(rep.get("note", "")), "sure": number, "shelf": {"__typename": "Shelf", "id": f"s{number}", "row": number}}


class World:
    """A router over the three."""

    def __init__(self, *sets):
        thing = {"id": "t1", "name": "bolt", "__typename": "Thing"}
        nut = {"id": "t2", "name": "nut", "__typename": "Thing"}
        self.subgraphs = [Slow(lambda rep: {"name": "bolt"}, {"things": [thing, nut], "thing": thing, "touch": thing}),
                          Slow(stocked),
                          Slow(lambda rep: {"note": f"about {rep['id']}"}, {"motto": "lefty loosey"})]
        self.gate = Router(supergraph(*(each.server.url for each in self.subgraphs)), *sets, threads=1)

    def stop(self):
        for each in self.subgraphs:
            each.open.set()
        status = self.gate.stop()
        for each in self.subgraphs:
            each.server.stop()
        assert status == 0, f"the router ended with {status}:\n" + self.gate.logged()[-3000:]


COMMON = []


@atexit.register
def end():
    while COMMON:
        COMMON.pop().stop()


@contextlib.contextmanager
def routing(*sets):
    """(router, things, stock, notes): one for all, of its own where it is set up otherwise."""
    if sets:
        world = World(*sets)
    else:
        COMMON[:] = COMMON or [World()]
        world = COMMON[0]
    try:
        yield world.gate, *world.subgraphs
        assert world.gate.process.poll() is None, "the router ended by itself:\n" + world.gate.logged()[-2000:]
    finally:
        for each in world.subgraphs:
            each.reset()
        if sets:
            world.stop()


class Parts:
    """A client of multipart: parts as they come."""

    def __init__(self, port, query, accept=NEW, method="POST", **more):
        self.line = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
        self.line.request(method, "/graphql", json.dumps({"query": query, **more}),
                          {"content-type": "application/json", "accept": accept})
        self.answer = self.line.getresponse()
        self.status, self.type = self.answer.status, self.answer.getheader("content-type")
        if self.type.startswith("multipart/mixed"):
            self.delimiters = [self.answer.readline(), self.answer.readline()]
            equal(self.delimiters, [b"\r\n", b"---\r\n"], "how it begins")
        self.first, self.last = True, False

    def next(self):
        """The next part; None at the end."""
        if self.last:
            equal(self.answer.read(), b"", "after the end")
            return None
        line = self.answer.readline() if self.first else self.answer.readline() and self.answer.readline()
        self.first = False
        equal((line, self.answer.readline()), (b"content-type: application/json; charset=utf-8\r\n", b"\r\n"))
        part = json.loads(self.answer.readline())
        # the delimiter comes with the part that it ends; the rest of its line with the next
        equal(self.answer.read(3), b"---")
        equal(self.answer.readline(), b"--\r\n") if not part["hasNext"] else None
        self.last = not part["hasNext"]
        return part

    def rest(self):
        return list(iter(self.next, None))

    def close(self):
        with contextlib.suppress(OSError, AttributeError):
            self.answer.fp.raw._sock.shutdown(socket.SHUT_RDWR)
        self.line.close()


LATER = "{ thing { name ... @defer(label: \"stock\") { count } } }"


# ---- who gets parts ----

def scenario_a_part_comes_in_the_format_that_the_client_reads(fleet):
    new = [{"data": {"thing": {"name": "bolt"}}, "pending": [{"id": "0", "path": ["thing"], "label": "stock"}], "hasNext": True},
           {"incremental": [{"id": "0", "data": {"count": 10}}], "completed": [{"id": "0"}], "hasNext": False}]
    old = [{"data": {"thing": {"name": "bolt"}}, "hasNext": True},
           {"incremental": [{"path": ["thing"], "label": "stock", "data": {"count": 10}}], "hasNext": False}]
    with routing() as (gate, things, stock, _):
        for accept, kind, parts in (
                (NEW, NEW, new), ("multipart/mixed", NEW, new), (NEW + ACCEPTS, NEW, new), (OLD + ACCEPTS, OLD, old),
                ('application/json, Multipart/Mixed; boundary="x"; deferSpec="20220824"', OLD, old),
                ("text/event-stream, " + OLD, OLD, old), (f"{OLD};q=0, {NEW};q=0.5", NEW, new)):
            client = Parts(gate.port, LATER, accept)
            equal((client.status, client.type), (200, kind.replace(";", ";boundary=\"-\";")), accept)
            equal(client.answer.getheader("cache-control"), "private, no-store")
            equal(client.rest(), parts, accept)
        whole = {"data": {"thing": {"name": "bolt", "count": 10}}}
        for accept in ("application/json", "*/*", "application/json, multipart/mixed;q=0", "multipart/mixed;deferSpec=2030, application/json",
                       "multipart/mixed;subscriptionSpec=1.0, application/json"):
            answer = gate.ask(LATER, accept=accept)
            equal((answer.json, answer.headers["content-type"][0].split(";")[0]), (whole, "application/json"), accept)
        equal(gate.ask(LATER, accept="multipart/mixed;deferSpec=2030").status, 406)
        equal((len(things.server.asked), len(stock.server.asked)), (12, 12), "requests: as many as without @defer")


def scenario_what_is_not_deferred_is_told_whole(fleet):
    def ask(query, accept=NEW + ACCEPTS, **more):
        answer = gate.ask(query, accept=accept, **more)
        return answer.headers["content-type"][0].split(";")[0], answer.json["data"]
    json_type, thing = "application/graphql-response+json", {"thing": {"name": "bolt", "count": 10}}
    with routing() as (gate, _, stock, _notes):
        equal(ask("{ thing { name ... @defer(if: false) { count } } }"), (json_type, thing))
        conditional = "query Q($v: Boolean!) { thing { name ... @defer(if: $v) { count } } }"
        equal(ask(conditional, variables={"v": False}), (json_type, thing))
        equal([len(Parts(gate.port, conditional, variables={"v": True}).rest())], [2])
        # no request of its own: it would come with the rest anyway
        equal(ask("{ thing { name ... @defer { id name } } }"), (json_type, {"thing": {"name": "bolt", "id": "t1"}}))
        equal(ask("{ thing { name count ... @defer { sure } } }"), (json_type, {"thing": {"name": "bolt", "count": 10, "sure": 1}}))
        equal(ask("{ thing { count name ... @defer { count } } }"), (json_type, {"thing": {"count": 10, "name": "bolt"}}))
        equal(ask("{ thing { name ... @skip(if: true) @defer { count } } }"), (json_type, {"thing": {"name": "bolt"}}))
        equal(ask("{ thing { ... @defer { ...F } ...F } } fragment F on Thing { count }"), (json_type, {"thing": {"count": 10}}))
        equal(ask("{ ... @defer { __typename __schema { queryType { name } } } }"),
              (json_type, {"__typename": "Query", "__schema": {"queryType": {"name": "Query"}}}))
        # a client that reads nothing else gets it as the only part
        equal(Parts(gate.port, "{ thing { name } }").rest(), [{"data": {"thing": {"name": "bolt"}}, "hasNext": False}])
        equal(Parts(gate.port, "{ thing { name ... @defer { id } } }", OLD).rest(),
              [{"data": {"thing": {"name": "bolt", "id": "t1"}}, "hasNext": False}])
        answer = gate.ask("{ ... @defer { nothing } }", accept=NEW)
        equal((answer.status, answer.errors[0]["extensions"]["code"]), (400, "GRAPHQL_VALIDATION_FAILED"))


def scenario_introspection_and_validation_know_it(fleet):
    with routing() as (gate, *_):
        found = gate.ask("{ __schema { directives { name locations args { name defaultValue type { kind } } } } }").data["__schema"]["directives"]
        equal([each for each in found if each["name"] == "defer"], [{
            "name": "defer", "locations": ["FRAGMENT_SPREAD", "INLINE_FRAGMENT"],
            "args": [{"name": "label", "defaultValue": None, "type": {"kind": "SCALAR"}},
                     {"name": "if", "defaultValue": "true", "type": {"kind": "NON_NULL"}}]}])
        for query in ("{ thing { ... @defer(label: \"a\") { id } ... @defer(label: \"a\") { name } } }",
                      "mutation { ... @defer { touch { id } } }", "{ thing @defer { id } }",
                      "query Q($l: String) { thing { ... @defer(label: $l) { id } } }"):
            equal(gate.ask(query, accept=NEW + ACCEPTS).errors[0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED", query)


# ---- when ----

def scenario_a_slow_subgraph_delays_its_own_part_alone(fleet):
    query = "{ thing { name ... @defer(label: \"a\") { count } ... @defer(label: \"b\") { note } } motto }"
    for accept in (NEW, OLD):
        with routing() as (gate, things, stock, notes):
            stock.open.clear()
            client = Parts(gate.port, query, accept)
            first = client.next()
            equal(first["data"], {"thing": {"name": "bolt"}, "motto": "lefty loosey"})
            part = client.next()["incremental"]
            equal([each["data"] for each in part], [{"note": "about t1"}])
            wait_until(lambda: len(stock.server.asked) == 1, what="the slow subgraph is asked though nobody waits")
            stock.open.set()
            last = client.next()
            equal(([each["data"] for each in last["incremental"]], last["hasNext"]), ([{"count": 10}], False))
            equal(client.next(), None)
            equal([len(each.server.asked) for each in (things, stock, notes)], [1, 1, 2], "requests")


def scenario_the_first_part_shares_no_request_with_later_ones(fleet):
    """Both ask stock once things has answered; the deferred one must not hold the other up."""
    with routing() as (gate, _, stock, _notes):
        said = Parts(gate.port, "{ a: thing { count } b: thing { name ... @defer { sure } } ... @defer { things { sure } } }").rest()
        equal(said[0]["data"], {"a": {"count": 10}, "b": {"name": "bolt"}})
        asked = [each["query"] for each in stock.server.asked]
        equal([("count" in each, "sure" in each) for each in sorted(asked, key=lambda text: "sure" in text)], [(True, False), (False, True)])


def scenario_what_a_deferred_field_requires_delays_nothing_else(fleet):
    """`said` needs a note first; `count` of the same subgraph does not wait for it."""
    with routing() as (gate, things, stock, notes):
        notes.open.clear()
        client = Parts(gate.port, "{ thing { ... @defer { said } count } }")
        equal(client.next()["data"], {"thing": {"count": 10}})
        notes.open.set()
        equal(client.rest()[0]["incremental"][0]["data"], {"said": 8})
        equal([len(each.server.asked) for each in (things, stock, notes)], [1, 2, 1], "one request more than without @defer")
        equal(gate.ask("{ thing { said count } }").data, {"thing": {"said": 8, "count": 10}})
        equal([len(each.server.asked) for each in (things, stock, notes)], [2, 3, 2])


def scenario_lists_and_nested_fragments(fleet):
    query = """{ things { id ... @defer(label: "stock") { count shelf { row ... @defer(label: "note") { note } } } } }"""
    with routing() as (gate, *_):
        parts = Parts(gate.port, query).rest()
        equal(parts[0], {"data": {"things": [{"id": "t1"}, {"id": "t2"}]}, "hasNext": True, "pending": [
            {"id": "0", "path": ["things", 0], "label": "stock"}, {"id": "1", "path": ["things", 1], "label": "stock"}]})
        equal(parts[1], {
            "pending": [{"id": "2", "path": ["things", 0, "shelf"], "label": "note"}, {"id": "3", "path": ["things", 1, "shelf"], "label": "note"}],
            "incremental": [{"id": "0", "data": {"count": 10, "shelf": {"row": 1}}}, {"id": "1", "data": {"count": 20, "shelf": {"row": 2}}}],
            "completed": [{"id": "0"}, {"id": "1"}], "hasNext": True})
        equal(parts[2], {"incremental": [{"id": "2", "data": {"note": "about s1"}}, {"id": "3", "data": {"note": "about s2"}}],
                         "completed": [{"id": "2"}, {"id": "3"}], "hasNext": False})
        old = Parts(gate.port, query, OLD).rest()
        equal([[(each["path"], each["label"], each["data"]) for each in part.get("incremental", [])] for part in old], [
            [], [(["things", 0], "stock", {"count": 10, "shelf": {"row": 1}}), (["things", 1], "stock", {"count": 20, "shelf": {"row": 2}})],
            [(["things", 0, "shelf"], "note", {"note": "about s1"}), (["things", 1, "shelf"], "note", {"note": "about s2"})]])


def scenario_a_field_is_told_once_or_with_the_whole_fragment(fleet):
    query = "{ thing { shelf { id } ... @defer(label: \"a\") { shelf { id note } name } } ... @defer(label: \"root\") { motto } }"
    with routing() as (gate, *_):
        parts = Parts(gate.port, query).rest()
        equal(parts[0]["data"], {"thing": {"shelf": {"id": "s1"}}})
        equal(sorted((each["path"] for each in parts[0]["pending"]), key=len), [[], ["thing"]])
        label = {each["id"]: each["label"] for each in parts[0]["pending"]}
        told = {(label[each["id"]], *each.get("subPath", [])): each["data"] for part in parts[1:] for each in part["incremental"]}
        equal(told, {("root",): {"motto": "lefty loosey"}, ("a",): {"name": "bolt"}, ("a", "shelf"): {"note": "about s1"}})
        told = {each["label"]: each["data"] for part in Parts(gate.port, query, OLD).rest()[1:] for each in part["incremental"]}
        equal(told, {"root": {"motto": "lefty loosey"}, "a": {"shelf": {"id": "s1", "note": "about s1"}, "name": "bolt"}})


def scenario_mutations_have_deferred_parts(fleet):
    with routing() as (gate, things, stock, _):
        parts = Parts(gate.port, "mutation { a: touch { name ... @defer { count } } b: touch { id } }").rest()
        equal(parts[0]["data"], {"a": {"name": "bolt"}, "b": {"id": "t1"}})
        equal(parts[1]["incremental"], [{"id": "0", "data": {"count": 10}}])
        stock.open.clear()
        client = Parts(gate.port, "mutation { a: touch { name ... @defer { count } } b: touch { id } }")
        equal(client.next()["data"], {"a": {"name": "bolt"}, "b": {"id": "t1"}}, "the second does not wait for what is deferred of the first")


# ---- what goes wrong ----

def scenario_errors_stand_with_their_part(fleet):
    def at(errors):
        return [each["path"] for each in errors]
    with routing() as (gate, _, stock, notes):
        notes.server.answer = lambda request: (500, {}, b"broken")
        for accept in (NEW, OLD):
            parts = Parts(gate.port, "{ thing { name ... @defer { note } } }", accept).rest()
            assert "errors" not in parts[0], parts[0]
            equal((parts[1]["incremental"][0]["data"], at(parts[1]["incremental"][0]["errors"])), ({"note": None}, [["thing"]]))
            equal(parts[1]["incremental"][0]["errors"][0]["extensions"]["source"], "notes")
        stock.lacks = ["sure"]
        query = "{ things { id ... @defer(label: \"s\") { count sure } } }"
        parts = Parts(gate.port, query).rest()
        equal(parts[1]["incremental"], [{"id": "1", "data": {"count": 20, "sure": 2}}])
        failed, done = parts[1]["completed"]
        equal((failed["id"], at(failed["errors"]), done), ("0", [["things", 0, "sure"]], {"id": "1"}))
        broken, good = Parts(gate.port, query, OLD).rest()[1]["incremental"]
        equal((broken["path"], broken["data"], at(broken["errors"])), (["things", 0], None, [["things", 0, "sure"]]))
        equal((good["path"], good["data"], "errors" in good), (["things", 1], {"count": 20, "sure": 2}, False))
        # two fragments need the same that failed: each is told why
        stock.server.answer = lambda request: (500, {}, b"broken")
        parts = Parts(gate.port, "{ thing { id ... @defer(label: \"a\") { sure } ... @defer(label: \"b\") { count sure } } }").rest()
        equal([bool(each.get("errors")) for part in parts for each in part.get("completed", [])], [True, True])


def scenario_what_is_null_has_no_parts(fleet):
    with routing() as (gate, things, _stock, _notes):
        things.query["thing"] = None
        answer = gate.ask("{ thing { name ... @defer { count } } }", accept=NEW + ACCEPTS)
        equal(answer.json, {"data": {"thing": None}})
        things.query["things"] = [{"id": "t1", "name": "a", "__typename": "Thing"}, None]
        answer = gate.ask("{ things { name ... @defer { count } } }", accept=NEW + ACCEPTS)
        equal((answer.json["data"], answer.status), (None, 400), "as without @defer")
        things.query["things"] = []
        equal(Parts(gate.port, "{ things { name ... @defer { count } } }").rest(), [{"data": {"things": []}, "hasNext": False}])


def scenario_a_part_that_takes_too_long_is_told_to_be_late(fleet):
    with routing("limits.request=1s", "subgraphs.timeout=400ms") as (gate, _, stock, _notes):
        stock.open.clear()
        parts = Parts(gate.port, LATER).rest()
        equal(parts[1]["incremental"][0]["data"], {"count": None})
        equal(parts[1]["incremental"][0]["errors"][0]["extensions"]["code"], "SOURCE_TIMEOUT")


def scenario_all_parts_together_are_bounded(fleet):
    with routing("limits.answer=1KiB") as (gate, _, _stock, notes):
        notes.give = lambda rep: {"note": "x" * 2000}
        parts = Parts(gate.port, "{ thing { name ... @defer { note shelf { id note row } } } }").rest()
        equal(parts[0]["data"], {"thing": {"name": "bolt"}})
        equal((parts[1]["errors"][0]["extensions"]["limit"], parts[1]["hasNext"]), ("answer", False))


def scenario_a_client_that_leaves_is_forgotten(fleet):
    with routing() as (gate, _, stock, _notes):
        stock.open.clear()
        clients = [Parts(gate.port, LATER, accept) for accept in (NEW, OLD) for _ in range(4)]
        for client in clients:
            equal(client.next()["data"], {"thing": {"name": "bolt"}})
        equal(gate.metrics()["meridian_requests_in_flight"], 8)
        for client in clients:
            client.close()
        wait_until(lambda: gate.metrics()["meridian_requests_in_flight"] == 0, what="no request is under way any more")
        stock.open.set()
        equal(len(Parts(gate.port, LATER).rest()), 2)


def scenario_a_reload_lets_parts_end(fleet):
    with routing("limits.depth=50") as (gate, things, stock, notes):
        stock.open.clear()
        client = Parts(gate.port, LATER)
        equal(client.next()["hasNext"], True)
        gate.write(supergraph(things.server.url, stock.server.url, notes.server.url).replace("motto: String", "maxim: String"))
        equal(gate.http("POST", "/reload", port=gate.admin).status, 200)
        stock.open.set()
        equal(client.next()["incremental"], [{"id": "0", "data": {"count": 10}}])


# ---- other carriers, other clients ----

def scenario_events_and_websockets_carry_parts(fleet):
    first = {"data": {"thing": {"name": "bolt"}}, "pending": [{"id": "0", "path": ["thing"], "label": "stock"}], "hasNext": True}
    last = {"incremental": [{"id": "0", "data": {"count": 10}}], "completed": [{"id": "0"}], "hasNext": False}
    with routing() as (gate, *_):
        for accept in ("text/event-stream", "application/json, text/event-stream"):
            client = Sse(gate.port, LATER, accept)
            equal([client.next(), client.next(), client.next()], [("next", first), ("next", last), ("complete", None)])
        client = Sse(gate.port, LATER, "text/event-stream;deferSpec=20220824")
        equal([client.next()[1].get("pending"), client.next()[1]["incremental"][0]["path"]], [None, ["thing"]])
        client = Sse(gate.port, "{ thing { name } }", "text/event-stream")
        equal([client.next(), client.next()], [("next", {"data": {"thing": {"name": "bolt"}}}), ("complete", None)])
        client = Ws(gate.port)
        client.subscribe("1", LATER)
        equal([client.next() for _ in range(3)], [{"id": "1", "type": "next", "payload": first}, {"id": "1", "type": "next", "payload": last},
                                                  {"id": "1", "type": "complete"}])
        client.subscribe("2", LATER)
        client.next()
        client.close()
        wait_until(lambda: gate.metrics()["meridian_subscriptions"] == 0, what="nothing is left")


def scenario_parts_are_compressed_and_told_at_once(fleet):
    with routing() as (gate, _, stock, _notes):
        stock.open.clear()
        line = http.client.HTTPConnection("127.0.0.1", gate.port, timeout=15)
        line.request("POST", "/graphql", json.dumps({"query": LATER}),
                     {"content-type": "application/json", "accept": NEW, "accept-encoding": "gzip"})
        answer = line.getresponse()
        equal(answer.getheader("content-encoding"), "gzip")
        unzip, text = zlib.decompressobj(31), b""
        while b'"hasNext":true}\r\n---' not in text:
            text += unzip.decompress(answer.read1(65536))
        assert b"bolt" in text and b"count" not in text, text
        stock.open.set()
        text += unzip.decompress(answer.read())
        assert unzip.eof and text.endswith(b'"hasNext":false}\r\n-----\r\n') and b'"count":10' in text, text
        line.close()


def scenario_clients_from_npm_read_parts(fleet):
    if skipped(missing("graphql", "@apollo/client", "apollo-client-4", "@urql/core")):
        return
    with routing() as (gate, *_):
        said = node("defer_clients.mjs", f"http://127.0.0.1:{gate.port}/graphql")
        things = [{"id": f"t{i}", "count": i * 10, "shelf": {"id": f"s{i}", "note": f"about s{i}"}} for i in (1, 2)]
        for name in ("apollo", "urql", "apollo4of2022", "apollo4"):
            states = said[name]
            equal(states[0], {"things": [{"id": "t1"}, {"id": "t2"}]}, f"what {name} shows first")
            equal(states[-1], {"things": things}, f"what {name} shows last")
            assert len(states) >= 2, states


def scenario_the_router_ends_well(fleet):
    end()
