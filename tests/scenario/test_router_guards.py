# SPDX-License-Identifier: MIT
"""Guards and labels of a supergraph: who sees what, and which of two subgraphs answers an overridden field."""
import base64
import contextlib
import hashlib
import hmac
import json
import tempfile
import time
from pathlib import Path

from lib import equal
from router_kit import HEAD, Router, Subgraph, wait_until

NODES = []
READ_ONLY = True
KEY = b"a key of thirty-two bytes, or so"

LINKS = """@link(url: "https://specs.apollo.dev/authenticated/v0.1", for: SECURITY)
  @link(url: "https://specs.apollo.dev/requiresScopes/v0.1", as: "needs", for: SECURITY)
  @link(url: "https://specs.apollo.dev/policy/v0.1", for: SECURITY)
  @link(url: "https://specs.apollo.dev/cost/v0.1", import: [{name: "@cost", as: "@price"}, "@listSize"])
{ query: Query mutation: Mutation }"""

BODY = """
scalar needs__Scope
scalar policy__Policy
directive @authenticated on ENUM | FIELD_DEFINITION | INTERFACE | OBJECT | SCALAR
directive @needs(scopes: [[needs__Scope!]!]!) on ENUM | FIELD_DEFINITION | INTERFACE | OBJECT | SCALAR
directive @price(weight: Int!) on ARGUMENT_DEFINITION | ENUM | FIELD_DEFINITION | INPUT_FIELD_DEFINITION | OBJECT | SCALAR
directive @listSize(assumedSize: Int, slicingArguments: [String!], sizedFields: [String!],
  requireOneSlicingArgument: Boolean = true) on FIELD_DEFINITION
directive @policy(policies: [[policy__Policy!]!]!) on ENUM | FIELD_DEFINITION | INTERFACE | OBJECT | SCALAR
type Query @join__type(graph: PARKS) @join__type(graph: VISITS) {
  park: Park @join__field(graph: PARKS)
  guide: Guide @join__field(graph: PARKS)
  lead: Guide! @join__field(graph: PARKS)
  nodes: [Node] @join__field(graph: PARKS)
  parks(first: Int): [Park] @join__field(graph: PARKS) @listSize(slicingArguments: ["first"])
}
type Mutation @join__type(graph: PARKS) { close: Boolean @join__field(graph: PARKS) @needs(scopes: [["write"]]) }
interface Node @join__type(graph: PARKS) @authenticated { id: ID!  secret: String @needs(scopes: [["read"]]) }
enum Mood @join__type(graph: PARKS) @policy(policies: [["mood readers"], ["all"]]) {
  CALM @join__enumValue(graph: PARKS)
}
type Park implements Node @join__implements(graph: PARKS, interface: "Node") @join__type(graph: PARKS, key: "id")
  @join__type(graph: VISITS, key: "id") {
  id: ID!
  name: String @join__field(graph: PARKS)
  mood: Mood @join__field(graph: PARKS)
  area: Int! @join__field(graph: PARKS) @needs(scopes: [["read", "maps"], ["all"]])
  wage: Int @join__field(graph: PARKS) @join__field(graph: VISITS, external: true) @authenticated
  crowd: Int @join__field(graph: VISITS, requires: "wage")
  takings: Int @join__field(graph: VISITS) @authenticated
  rangers: Int @join__field(graph: PARKS) @price(weight: 7)
  secret: String @join__field(graph: PARKS) @needs(scopes: [["read"]])
  half: Int @join__field(graph: PARKS, overrideLabel: "percent(50)")
    @join__field(graph: VISITS, override: "parks", overrideLabel: "percent(50)")
  moved: Int @join__field(graph: PARKS, overrideLabel: "moved:it")
    @join__field(graph: VISITS, override: "parks", overrideLabel: "moved:it")
}
type Guide implements Node @join__implements(graph: PARKS, interface: "Node") @join__type(graph: PARKS) @authenticated {
  id: ID!
  secret: String
}
"""


def supergraph(parks, visits):
    head = HEAD.replace("{ query: Query }", LINKS, 1).replace(
        "override: String,", "override: String, overrideLabel: String,", 1)
    return head + """directive @join__enumValue(graph: join__Graph!) repeatable on ENUM_VALUE
directive @join__implements(graph: join__Graph!, interface: String!) repeatable on OBJECT | INTERFACE
""" + f"""enum join__Graph {{ PARKS @join__graph(name: "parks", url: "{parks}") VISITS @join__graph(name: "visits", url: "{visits}") }}
""" + BODY


PARK = {"__typename": "Park", "id": "p1", "name": "Yosemite", "mood": "CALM", "area": 3, "wage": 5, "secret": "bears",
        "half": 1, "moved": 1, "rangers": 4}
GUIDE = {"__typename": "Guide", "id": "g1", "secret": "age"}


def parks_answer(_):
    return {"park": PARK, "guide": GUIDE, "lead": GUIDE, "nodes": [PARK, GUIDE], "parks": [PARK], "close": True}


def visits_answer(request):
    told = request["variables"]
    entities = [{"__typename": "Park", "crowd": 10 * each.get("wage", 0), "takings": 9, "half": 2, "moved": 2}
                for each in next(iter(told.values()))]
    return {"_entities": entities}


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(key=KEY, **claims):
    head = b64u(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    body = b64u(json.dumps({"exp": int(time.time()) + 600, "sub": "somebody", **claims}).encode())
    text = f"{head}.{body}"
    return {"authorization": f"Bearer {text}." + b64u(hmac.new(key, text.encode(), hashlib.sha256).digest())}


def write_keys(path, *keys):
    names = [{}] if len(keys) == 1 else [{"kid": str(i)} for i in range(len(keys))]
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"keys": [{"kty": "oct", "alg": "HS256", "k": b64u(key), **name} for key, name in zip(keys, names)]}))
    new.rename(path)


@contextlib.contextmanager
def guarded(*sets, auth=True):
    one, two = Subgraph(parks_answer), Subgraph(visits_answer)
    serving, status = None, 0
    with tempfile.TemporaryDirectory(prefix="meridian-keys-") as folder:
        keys = Path(folder) / "keys.json"
        write_keys(keys, KEY)
        try:
            more = [f"auth.jwks={keys}"] if auth else []
            serving = Router(supergraph(one.url, two.url), *more, *sets)
            serving.keys = keys
            yield serving, one, two
        finally:
            status = serving.stop() if serving else 0
            one.stop()
            two.stop()
    assert status == 0, f"the router ended with {status}:\n" + serving.logged()[-3000:]


def told(answer):
    return sorted(("/".join(map(str, each["path"])), each["extensions"]["code"]) for each in answer.json.get("errors", []))


# ---- guards ----

def scenario_what_a_caller_may_not_see_is_not_asked_for(fleet):
    with guarded() as (gate, one, two):
        query = "{ park { name wage crowd takings } guide { secret } }"
        answer = gate.ask(query)
        equal(answer.json["data"], {"park": {"name": "Yosemite", "wage": None, "crowd": 50, "takings": None},
                                    "guide": None}, "without a token")
        equal(told(answer), [("guide", "UNAUTHENTICATED"), ("park/takings", "UNAUTHENTICATED"),
                             ("park/wage", "UNAUTHENTICATED")])
        assert "guide" not in one.asked[0]["query"], one.asked
        assert "takings" not in two.asked[0]["query"], two.asked
        equal([len(one.asked), len(two.asked)], [1, 1])
        answer = gate.ask(query, token())
        equal(answer.json, {"data": {"park": {"name": "Yosemite", "wage": 5, "crowd": 50, "takings": 9},
                                     "guide": {"secret": "age"}}}, "with a token, by the same plan")
        answer = gate.ask("{ park { takings } }")
        equal((answer.data, len(two.asked)), ({"park": {"takings": None}}, 2), "nobody is asked for it alone")


def scenario_scopes_and_policies_open_what_they_name(fleet):
    with guarded() as (gate, one, _):
        query = "{ park { name area mood } }"
        answer = gate.ask(query, token(scope="read"))
        equal(answer.data, {"park": None}, "an area must not be null")
        equal(told(answer), [("park/area", "FORBIDDEN")], "what is null with its parent is told of no more")
        equal(gate.ask(query, token(scope="maps read")).data, {"park": {"name": "Yosemite", "area": 3, "mood": None}})
        both = token(scope=["all"], policies=["mood readers"])
        equal(gate.ask(query, both).json, {"data": {"park": {"name": "Yosemite", "area": 3, "mood": "CALM"}}})
        answer = gate.ask("mutation { close }", token(scope="read"))
        equal((answer.data, told(answer)), ({"close": None}, [("close", "FORBIDDEN")]))
        assert not any("close" in each["query"] for each in one.asked), "a mutation that was refused was sent"
        equal(gate.ask("mutation { close }", token(scope="write")).data, {"close": True})
        equal(gate.ask("{ lead { id } park { name } }").data, None, "a root field that must not be null")


def scenario_the_object_decides_not_the_interface(fleet):
    with guarded() as (gate, one, _):
        query = "{ nodes { __typename id secret } }"
        answer = gate.ask(query)
        equal(answer.data, {"nodes": [{"__typename": "Park", "id": "p1", "secret": None}, None]})
        equal(told(answer), [("nodes/0/secret", "UNAUTHENTICATED"), ("nodes/1", "UNAUTHENTICATED")])
        assert "secret" not in one.asked[0]["query"], one.asked
        answer = gate.ask(query, token())
        equal(answer.data["nodes"], [{"__typename": "Park", "id": "p1", "secret": None},
                                     {"__typename": "Guide", "id": "g1", "secret": "age"}])
        equal(told(answer), [("nodes/0/secret", "FORBIDDEN")])
        equal(gate.ask(query, token(scope="read")).data["nodes"][0]["secret"], "bears")
        answer = gate.ask("{ nodes { __typename } }")
        equal((answer.data, told(answer)), ({"nodes": [{"__typename": "Park"}, None]}, [("nodes/1", "UNAUTHENTICATED")]))
        equal(gate.ask("{ nodes { ... on Guide { secret } } }").data, {"nodes": [{}, None]}, "by a fragment")


def scenario_a_bad_token_is_no_caller(fleet):
    with guarded() as (gate, one, _):
        equal(gate.ask("{ park { name } }", {"authorization": "Bearer x.y.z"}).status, 401)
        equal(gate.ask("{ park { name } }", token(exp=1)).status, 401)
        equal(len(one.asked), 0)
    with guarded("auth.scopes=scp", "auth.policies=pol") as (gate, _, _):
        equal(gate.ask("{ park { area mood } }", token(scp=["all"], pol="all")).data,
              {"park": {"area": 3, "mood": "CALM"}}, "claims of other names")
    with guarded(auth=False) as (gate, _, _):
        equal(gate.ask("{ park { name wage } }", token()).data, {"park": {"name": "Yosemite", "wage": None}},
              "without keys nobody is known")


# ---- cost ----

def scenario_what_a_supergraph_says_of_cost_is_counted(fleet):
    with guarded("limits.cost=100") as (gate, one, _):
        answer = gate.ask("{ parks(first: 9) { rangers } }", {"meridian-cost": "1"})
        equal(answer.json, {"data": {"parks": [{"rangers": 4}]},
                            "extensions": {"cost": {"estimated": 1 + 9 * 7, "limit": 100}}})
        answer = gate.ask("query($n: Int) { parks(first: $n) { rangers } }", variables={"n": 15})
        equal((answer.errors[0]["extensions"]["code"], answer.errors[0]["extensions"]["value"]),
              ("QUERY_TOO_COMPLEX", 1 + 15 * 7))
        equal(len(one.asked), 1)


# ---- keys ----

def scenario_keys_change_while_it_runs(fleet):
    with guarded() as (gate, *_):
        other = b"another key, of the next month, of enough bytes"
        status = lambda key: gate.ask("{ park { wage } }", token(key)).status  # noqa: E731
        equal((status(KEY), status(other)), (200, 401))
        write_keys(gate.keys, other)
        wait_until(lambda: status(other) == 200, 5, "that the new key is known")
        equal(status(KEY), 401, "a token that was known, of a key that is gone")
        gate.keys.write_text("{")
        wait_until(lambda: "the keys stay as they were" in gate.logged(), 5, "that a wrong file is told")
        equal(status(other), 200, "a wrong file changes nothing")


# ---- labels ----

def scenario_labels_move_a_field_by_request(fleet):
    rules = ("labels=[{name: 'moved:it', header: x-moved, equals: 'yes', claim: team}]",)
    with guarded(*rules) as (gate, one, two):
        query = "{ park { moved } }"
        equal(gate.ask(query).data["park"]["moved"], 1)
        equal((len(one.asked), len(two.asked)), (1, 0))
        equal(gate.ask(query, {"x-moved": "yes"}).data["park"]["moved"], 2, "by header")
        equal(gate.ask(query, {"x-moved": "no"}).data["park"]["moved"], 1, "by another header")
        equal(gate.ask(query, token(team="yes")).data["park"]["moved"], 2, "by claim")
        equal(gate.ask(query, token(team="no")).data["park"]["moved"], 1, "by another claim")
        before = len(two.asked)
        found = [gate.ask("{ park { half } }").data["park"]["half"] for _ in range(200)]
        assert 60 < found.count(2) < 140, found.count(2)
        equal(len(two.asked) - before, found.count(2), "asked for what it answers")
    with guarded() as (gate, _, two):
        equal(gate.ask("{ park { moved } }", {"x-moved": "yes"}).data["park"]["moved"], 1, "off by default")
