# SPDX-License-Identifier: MIT
"""GraphQL over HTTP as frontends and browsers meet it: the audits of npm's graphql-http, other origins, gzip, entity
tags, documents asked by hash or id, cost."""
import gzip
import hashlib
import json
import subprocess
import urllib.parse
import zlib

import npm_kit
from fleet import layout, pki
from gateway_kit import BAR, FOO, LA, US_EAST_DATABASES, ageless, codes, configured, curl, metrics, worker
from lib import Answer, equal, eventually

NODES = [*US_EAST_DATABASES, f"db:{LA}", "gateway:us-east"]
TYPENAME = "{__typename}"
FACILITIES = "{ facilities { code status { online dataFreshness { ageSeconds } } } }"


def ask(fleet, body=None, headers=None, method="POST", path="/graphql", listener="http"):
    fields = {"authorization": f"Bearer {worker(fleet)}", "content-type": "application/json"}
    fields.update(headers or {})
    fields = {name: value for name, value in fields.items() if value is not None}
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return fleet.http("us-east", method, path, body=body, headers=fields, listener=listener)


def get(fleet, headers=None, method="GET", **words):
    words = {key: value if isinstance(value, str) else json.dumps(value) for key, value in words.items()}
    return ask(fleet, None, {"content-type": None, **(headers or {})}, method, "/graphql?" + urllib.parse.urlencode(words))


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def by_hash(digest):
    return {"persistedQuery": {"version": 1, "sha256Hash": digest}}


# ---- the audits ----

def _again(request, how):
    """One recorded request sent by curl."""
    listener = "https" if how == "--http2" else "http"
    target = urllib.parse.urlsplit(request["url"])
    url = f"{listener}://127.0.0.1:{layout.gateway_port('us-east', listener)}{target.path}"
    url += f"?{target.query}" if target.query else ""
    cmd = ["curl", "-sS", "-i", how, "--cacert", str(pki.CA), "--max-time", "15", "-X", request["method"], url]
    for name, value in request["headers"].items():
        cmd += ["-H", f"{name}: {value}"]
    if request["body"] is not None:
        cmd += ["-H", "expect:", "--data-binary", "@-"]
        if "content-type" not in request["headers"]:
            cmd += ["-H", "content-type:"]
    done = subprocess.run(cmd, input=(request["body"] or "").encode(), stdout=subprocess.PIPE, check=True)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
    return Answer(int(lines[0].split()[1]), fields, body)


def scenario_every_audit_of_graphql_http_passes(fleet):
    if npm_kit.skipped(npm_kit.missing("graphql-http")):
        return
    told = npm_kit.node("graphql_http_audits.mjs", f"http://127.0.0.1:{layout.gateway_port('us-east', 'http')}/graphql",
                        worker(fleet))
    assert len(told["audits"]) >= 60, f"{len(told['audits'])} audits"
    bad = [f"{audit['id']} {audit['name']}: {audit['reason']}" for audit in told["audits"] if audit["status"] != "ok"]
    equal(bad, [], "audits that do not pass")
    assert len(told["requests"]) >= 60, f"{len(told['requests'])} requests"
    for request in told["requests"]:
        one, two = _again(request, "--http1.1"), _again(request, "--http2")
        what = f"{request['method']} {request['url']} {request['headers']} {request['body']}"
        equal((two.status, two.headers.get("content-type")), (one.status, one.headers.get("content-type")), what)
        equal(ageless(two.body), ageless(one.body), what)


# ---- methods, browsers ----

def scenario_head_answers_as_get_without_a_body(fleet):
    for listener in ("http", "https"):
        headers = {"authorization": f"Bearer {worker(fleet)}"}
        path = "/graphql?query=" + urllib.parse.quote(TYPENAME)
        get_it = fleet.http("us-east", "GET", path, headers=headers, listener=listener)
        port = layout.gateway_port("us-east", listener)
        done = subprocess.run(["curl", "-sS", "-I", "--cacert", str(pki.CA), f"{listener}://127.0.0.1:{port}{path}", "-H",
                               f"authorization: {headers['authorization']}"], stdout=subprocess.PIPE, check=True)
        lines = done.stdout.decode().lower().split("\r\n")
        assert lines[0].split()[1] == "200", lines[0]
        assert f"content-length: {len(get_it.body)}" in lines and f"etag: {get_it.headers['etag']}" in lines, lines


def scenario_options_tells_what_is_allowed_without_a_token(fleet):
    answer = ask(fleet, headers={"authorization": None}, method="OPTIONS")
    equal((answer.status, answer.headers["allow"]), (204, "get, head, post, options"), "OPTIONS")
    equal(ask(fleet, {"query": TYPENAME}, method="PUT").status, 405, "PUT")
    equal(ask(fleet, {"query": TYPENAME}, method="PUT").headers["allow"], "get, head, post, options", "allow")


def _preflight(fleet, origin):
    return ask(fleet, headers={"authorization": None, "origin": origin, "access-control-request-method": "POST",
                               "access-control-request-headers": "authorization,content-type"}, method="OPTIONS")


def scenario_pages_of_other_origins_ask_where_they_may(fleet):
    equal(_preflight(fleet, "https://any.example").headers["access-control-allow-origin"], "https://any.example",
          "development allows all")

    def listed(config):
        config["development"] = False
        config["cors"] = {"origins": ["https://shop.example"]}

    with configured(fleet, "us-east", listed):
        good = _preflight(fleet, "https://shop.example")
        equal([good.status, *(good.headers[f"access-control-allow-{what}"] for what in ("origin", "methods", "headers"))],
              [204, "https://shop.example", "get, head, post", "authorization,content-type"], "preflight")
        asked = ask(fleet, {"query": TYPENAME}, {"origin": "https://shop.example"})
        equal((asked.status, asked.headers["access-control-allow-origin"]), (200, "https://shop.example"), "request")
        assert "origin" in asked.headers["vary"], asked.headers
        foreign = _preflight(fleet, "https://evil.example")
        assert not [name for name in foreign.headers if name.startswith("access-control")], foreign.headers
        assert "access-control-allow-origin" not in ask(fleet, {"query": TYPENAME}, {"origin": "https://evil.example"}).headers


def scenario_what_a_page_can_send_unasked_never_executes(fleet):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None):
        answer = ask(fleet, {"query": TYPENAME}, {"content-type": kind or "", "origin": "https://evil.example"})
        equal(answer.status, 415, f"POST of {kind}")
    answer = get(fleet, {"authorization": None, "sec-fetch-site": "cross-site", "origin": "https://evil.example"}, query=TYPENAME)
    assert answer.status in (401, 403) and "data" not in answer.json, answer.body
    equal(get(fleet, {"sec-fetch-site": "cross-site"}, query="mutation { __typename }").status, 405, "mutation by GET")


# ---- gzip ----

def scenario_gzip_goes_both_ways(fleet):
    plain = ask(fleet, {"query": FACILITIES})
    zipped = ask(fleet, gzip.compress(json.dumps({"query": FACILITIES}).encode()),
                 {"content-encoding": "gzip", "accept-encoding": "gzip"})
    equal((zipped.status, zipped.headers["content-encoding"]), (200, "gzip"), "answer")
    equal(ageless(gzip.decompress(zipped.body)), ageless(plain.body), "decoded")
    assert "accept-encoding" in plain.headers["vary"] and "content-encoding" not in plain.headers, plain.headers
    assert "content-encoding" not in ask(fleet, {"query": TYPENAME}, {"accept-encoding": "gzip"}).headers, "a short one"


def scenario_bodies_count_by_their_decoded_bytes(fleet):
    one = zlib.compressobj(6, zlib.DEFLATED, 31)
    bomb = b"".join(one.compress(bytes(1 << 20)) for _ in range(64)) + one.flush()
    assert len(bomb) < 1 << 20, len(bomb)
    answer = ask(fleet, bomb, {"content-encoding": "gzip"})
    equal((answer.status, codes(answer)), (413, ["PAYLOAD_TOO_LARGE"]), "bomb")
    body = {"query": TYPENAME, "variables": {"x": "a" * ((1 << 20) - 100)}}
    equal(ask(fleet, gzip.compress(json.dumps(body).encode()), {"content-encoding": "gzip"}).status, 200, "just below")
    for coding, wanted in (("br", 415), ("gzip, gzip", 415), ("deflate", 415), ("identity", 200), ("gzip", 400)):
        equal(ask(fleet, {"query": TYPENAME}, {"content-encoding": coding}).status, wanted, coding)


# ---- entity tags ----

def scenario_an_unchanged_answer_is_not_sent_again(fleet):
    first = get(fleet, query=FACILITIES)
    tag = first.headers["etag"]
    assert tag.startswith('w/"') and "no-cache" in first.headers["cache-control"], first.headers
    again = get(fleet, {"if-none-match": tag.replace("w/", "W/")}, query=FACILITIES)
    equal((again.status, again.body, again.headers["etag"]), (304, b"", tag), "although its ages are others")
    other = get(fleet, {"if-none-match": tag.replace("w/", "W/")}, query="{ facilities { code name } }")
    equal(other.status, 200, "another answer")
    tagless = [ask(fleet, {"query": FACILITIES}), get(fleet, query="{ nothing }")]
    equal(["etag" in answer.headers for answer in tagless], [False, False], "tags of POST and of errors")


def scenario_a_tag_changes_with_the_data(fleet):
    query = f'{{ inventoryLevels(facilityId: "{LA}", first: 5) {{ edges {{ node {{ onHand dataFreshness {{ ageSeconds isStale }} }} }} }} }}'
    tag = get(fleet, query=query).headers["etag"]
    equal(get(fleet, query=query).headers["etag"], tag, "same data")
    where = "facility_id = %s and tenant_id = %s and product_id = (select product_id from inventory_levels where " \
            "facility_id = %s and tenant_id = %s order by product_id limit 1)"
    args = (LA, FOO, LA, FOO)
    statement = f"update inventory_levels set on_hand = on_hand + %s where {where} returning 1"
    fleet.sql("us-east-blue", statement, (1, *args))

    def other():   # the copies that may answer follow
        assert get(fleet, query=query).headers["etag"] != tag, "other data has the same tag"

    try:
        eventually(other, 10)
    finally:
        fleet.sql("us-east-blue", statement, (-1, *args))


# ---- documents by name ----

def scenario_a_document_is_registered_once_and_asked_by_its_hash(fleet):
    text = "query Own { facilities { code name } }"
    missing = ask(fleet, {"extensions": by_hash(sha(text))})
    equal((missing.status, codes(missing), missing.errors[0]["message"]),
          (200, ["PERSISTED_QUERY_NOT_FOUND"], "PersistedQueryNotFound"), "not there yet")
    strict = ask(fleet, {"extensions": by_hash(sha(text))}, {"accept": "application/graphql-response+json"})
    equal((strict.status, codes(strict)), (400, ["PERSISTED_QUERY_NOT_FOUND"]), "in graphql-response+json")
    wrong = ask(fleet, {"query": TYPENAME, "extensions": by_hash(sha(text))})
    equal((wrong.status, codes(wrong)), (400, ["BAD_USER_INPUT"]), "a hash of another text")
    equal(codes(ask(fleet, {"extensions": by_hash(sha(text))})), ["PERSISTED_QUERY_NOT_FOUND"], "it was not kept")
    plain = ask(fleet, {"query": text})
    equal(ask(fleet, {"query": text, "extensions": by_hash(sha(text))}).data, plain.data, "registered")
    equal(ask(fleet, {"extensions": by_hash(sha(text))}).data, plain.data, "asked by POST")
    equal(get(fleet, extensions=by_hash(sha(text))).data, plain.data, "asked by GET")
    other = ask(fleet, {"extensions": by_hash(sha(text))}, {"authorization": f"Bearer {worker(fleet, BAR)}"})
    equal(codes(other), ["PERSISTED_QUERY_NOT_FOUND"], "another tenant")
    invalid = "{ nothing }"
    equal(codes(ask(fleet, {"query": invalid, "extensions": by_hash(sha(invalid))})), ["GRAPHQL_VALIDATION_FAILED"], "invalid")
    equal(codes(ask(fleet, {"extensions": by_hash(sha(invalid))})), ["PERSISTED_QUERY_NOT_FOUND"], "not kept either")
    for hash_ in (sha(text).upper(), "ab", sha(text) + "\r\n", "", None):
        equal(ask(fleet, {"extensions": by_hash(hash_)}).status, 400, f"hash {hash_!r}")


def scenario_trusted_documents_can_be_the_only_ones(fleet):
    text = "query Codes { facilities { code } }"
    trusted = layout.STATE / "trusted.json"
    trusted.write_text(json.dumps({"codes": text, "sha256:" + sha(TYPENAME): TYPENAME}))

    def some(config):
        config["persisted"] = {"file": str(trusted)}

    def only(config):
        config["persisted"] = {"file": str(trusted), "only": True}

    with configured(fleet, "us-east", some):
        wanted = ask(fleet, {"query": text}).data
        equal(ask(fleet, {"documentId": "codes"}).data, wanted, "by id")
        equal(ask(fleet, {"extensions": by_hash(sha(TYPENAME))}).data, {"__typename": "Query"}, "by hash, never registered")
        equal(codes(ask(fleet, {"documentId": "others"})), ["PERSISTED_QUERY_NOT_FOUND"], "unknown id")
    trusted.write_text(json.dumps({"format": "apollo-persisted-query-manifest", "version": 1, "operations": [
        {"id": sha(text), "name": "Codes", "type": "query", "body": text}]}))
    with configured(fleet, "us-east", only):
        equal(ask(fleet, {"extensions": by_hash(sha(text))}).data, wanted, "by hash")
        equal(get(fleet, documentId="sha256:" + sha(text)).data, wanted, "by GET")
        equal(ask(fleet, {"query": text, "extensions": by_hash(sha(text))}).data, wanted, "with its text")
        for body in ({"query": text}, {"query": TYPENAME}, {"query": TYPENAME, "extensions": by_hash(sha(TYPENAME))}):
            answer = ask(fleet, body)
            equal((answer.status, codes(answer)), (403, ["FORBIDDEN"]), str(body))


# ---- limits: each names itself, the figure and the place ----

def scenario_every_refusal_names_limit_value_and_place(fleet):
    def small(config):
        config["limits"] = {**config.get("limits", {}), "tokens": 60, "depth": 3, "introspectionDepth": 3, "aliases": 2, "rootFields": 2,
                            "directives": 2, "fragments": 1, "expandedSelections": 12, "listArgument": 3, "values": 200,
                            "body": 4096, "answer": 1024}

    codes_of = "query($f: [ID!]!) { orders(facilityIds: $f, first: 1) { totalCount } }"
    cases = [   # body, limit, value, (line, column) or None
        ({"query": "{ " + "__typename " * 60 + "}"}, "tokens", 60, (1, 652)),   # what is beyond is not read
        ({"query": "{ facility(id: \"x\") { status {\n dataFreshness { region } } } }"}, "depth", 4, (2, 18)),
        ({"query": "{ __schema { types { fields {\n name } } } }"}, "introspectionDepth", 4, (2, 2)),
        ({"query": "{ a: __typename b: __typename\n c: __typename }"}, "aliases", 3, (2, 2)),
        ({"query": "{ facilities { code }\n __typename ...F } fragment F on Query { ok: __typename }"}, "rootFields", 3, (2, 42)),
        ({"query": "{ __typename @skip(if: false) @include(if: true)\n facilities @skip(if: true) { code } }"}, "directives", 3, (2, 2)),
        ({"query": "{ ...A ...B }\nfragment A on Query { __typename }\nfragment B on Query { __typename }"}, "fragments", 2, (3, 1)),
        ({"query": "{ facilities { code name code name code name\n code name code name code name } }"}, "expandedSelections", 13, (2, 27)),
        ({"query": "{ orders(facilityIds: [\"a\", \"b\", \"c\", \"d\"]) { totalCount } }"}, "listArgument", 4, (1, 3)),
        ({"query": codes_of, "variables": {"f": ["a", "b", "c", "d"]}}, "listArgument", 4, (1, 7)),
        ({"query": TYPENAME, "variables": {"a": list(range(220))}}, "values", 201, None),
        ({"query": TYPENAME, "variables": {"a": json.loads("[" * 130 + "]" * 130)}}, "nesting", 129, None),
        ({"query": "{ facilities { id code name region mode timeZone status { online lastSync } } regionStatus { region } }"}, "answer", None, (1, 1)),
    ]
    with configured(fleet, "us-east", small):
        for body, limit, value, place in cases:
            answer = ask(fleet, body)
            (error,) = answer.errors
            told = error["extensions"]
            equal((told["code"], told["limit"]), ("QUERY_TOO_COMPLEX", limit), str(body))
            assert told["value"] == value or value is None and told["value"] > 1024, error
            equal([(at["line"], at["column"]) for at in error.get("locations", [])], [place] if place else [], str(body))
            assert f"limit {limit}" in error["message"] or limit == "tokens", error
        packed = gzip.compress(json.dumps({"query": "{" + " " * 5000 + "__typename}"}).encode())
        answer = ask(fleet, packed, {"content-encoding": "gzip"})
        (error,) = answer.errors
        equal((answer.status, error["extensions"]["limit"], error["extensions"]["value"]), (413, "body", 4096), "body")


# ---- what a text costs once ----

def scenario_a_warm_request_is_neither_parsed_validated_nor_planned(fleet):
    variables = {"f": LA, "n": 5}
    page = "query P($f: ID!, $n: Int) { orders(facilityIds: [$f], first: $n) { edges { node { orderNo lines { product { sku } } } } } }"
    stock = "query S($f: ID!) { inventoryLevels(facilityId: $f, first: 3) { edges { node { onHand product { sku } } } } }"
    bodies = [{"query": page, "variables": variables}, {"query": stock, "variables": {"f": LA}}, {"query": FACILITIES}]
    for _ in range(8):
        for body in bodies:
            equal(ask(fleet, body).status, 200, body["query"])
    before = metrics(fleet, "us-east")
    for n in range(40):
        for body in bodies:   # other values are no other text
            more = {**body, "variables": {**body["variables"], "n": n % 7 + 1}} if "n" in body.get("variables", {}) else body
            equal(ask(fleet, more).status, 200, body["query"])
    after = metrics(fleet, "us-east")
    made, found = (after[f"meridian_plan_cache_{name}_total"] - before[f"meridian_plan_cache_{name}_total"]
                   for name in ("misses", "hits"))
    equal((made, found), (0, 120), "operations that were made anew, and found")


# ---- cost ----

def scenario_an_operation_beyond_its_budget_is_refused_before_it_runs(fleet):
    page = "query P($n: Int!) { orders(facilityIds: [\"%s\"], first: $n) { edges { node { lines { product { sku } } } } } }" % LA
    small = ask(fleet, {"query": page, "variables": {"n": 10}}, {"meridian-cost": "1"})
    cost = small.extensions["cost"]
    equal((small.status, cost["limit"]), (200, 5000), "within")
    assert 10 < cost["estimated"] < 5000, cost
    assert "cost" not in ask(fleet, {"query": page, "variables": {"n": 10}}).extensions, "nobody asked"
    large = ask(fleet, {"query": page, "variables": {"n": 1000}})
    (error,) = large.errors
    equal((codes(large), error["extensions"]["limit"], "data" in large.json), (["QUERY_TOO_COMPLEX"], "cost", False), "beyond")
    assert error["extensions"]["value"] > 5000, error
    equal(error["locations"], [{"line": 1, "column": page.index("orders") + 1}], "place")


def scenario_gzip_and_tags_are_the_same_over_http2(fleet):
    body = json.dumps({"query": FACILITIES}).encode()
    fields = {"authorization": f"Bearer {worker(fleet)}", "content-type": "application/json", "accept-encoding": "gzip"}
    for how in ("h2", "http1", "plain", "h2c"):
        answer = curl("us-east", how, body, fields)
        equal((answer.status, answer.headers["content-encoding"]), (200, "gzip"), how)
        assert b'"facilities"' in gzip.decompress(answer.body), how


# ---- the command line for frontends ----

def meridian(*args, stdin=None):
    from fleet.gateways import binary
    return subprocess.run([str(binary()), *map(str, args)], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False, cwd=layout.ROOT)


def scenario_the_schema_command_tells_what_clients_see(fleet):
    supergraph = layout.ROOT / "schema" / "supergraph.graphql"
    sdl, told = meridian("schema", "--supergraph", supergraph), meridian("schema", "--supergraph", supergraph, "--json")
    equal((sdl.returncode, told.returncode), (0, 0), "exit status")
    from fleet.gateways import config_file
    configured_too = meridian("schema", "--config", config_file("us-east")).stdout
    equal(configured_too.count("directive @freshness(maxAge: Int!) on QUERY | FIELD"), 1, "a configured gateway's own directive")
    assert set(sdl.stdout.splitlines()) <= set(configured_too.splitlines()), "by configuration"
    part = meridian("schema", "--supergraph", supergraph, "Query.orders(first:)", "OrderStatus.DRAFT", "@nope")
    equal((part.returncode, part.stdout), (1, "first: Int = 20\nDRAFT\n"), "by coordinates")
    equal(part.stderr, "meridian: @nope: The schema has no @nope.\n", "what is not there")
    if npm_kit.skipped(npm_kit.missing("graphql")):
        return
    document = "query A { facilities { code nmae } }"
    introspected = json.loads(meridian("schema", "--config", config_file("us-east"), "--json").stdout)["data"]
    made = npm_kit.node("schema_round_trip.mjs", input=json.dumps(
        {"sdl": configured_too, "introspection": introspected, "document": document}).encode())
    equal((made["printed"].strip(), made["sorted"]), (configured_too.strip(), True), "by configuration: printSchema")
    made = npm_kit.node("schema_round_trip.mjs", input=json.dumps({
        "sdl": sdl.stdout, "introspection": json.loads(told.stdout)["data"], "document": document}).encode())
    equal(made["printed"].strip(), sdl.stdout.strip(), "printSchema of the introspection answer")
    equal(made["sorted"], True, "the same schema")
    (error,) = made["errors"]
    found = meridian("validate", "--supergraph", supergraph, "-", stdin=document)
    equal((found.returncode, found.stdout), (1, f"-:{error['line']}:{error['column']}: {error['message']}\n"), "validate")


LINK = ('extend schema @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key", "@shareable", "@inaccessible", "@tag", '
        '"@external", "@requires", "@override", "@interfaceObject"])\n')
SUBGRAPHS = {"goods": LINK + '''
"""What is sold. With a "quote" and a \\\\ backslash."""
type Product implements Node & Named @key(fields: "id") @tag(name: "public") { id: ID! name(in: Language = EN): String!
  weight: Weight @shareable secret: Int @inaccessible old: String @deprecated(reason: "see \\"name\\"") }
interface Node { id: ID! }
interface Named implements Node { id: ID! name(in: Language = EN): String! }
enum Language { "English" EN DE @deprecated XX @inaccessible }
scalar Weight @specifiedBy(url: "https://example.com/weight")
input Filter @oneOf { ids: [ID!] text: String }
input Page { first: Int! = 10 after: String = "a\\nb" ranges: [[Float!]!] = [[1.5, 2e3]] old: Int @deprecated }
type Query { products(by: Filter, page: Page = {first: 5}): [Product!]! node(id: ID!): Node }
type Mutation { rename(id: ID!, name: String!): Product }
''', "reviews": LINK + '''
type Product @key(fields: "id") { id: ID! reviews(first: Int = 3): [Review!]! }
type Review { text: String stars: Int! about: About }
union About = Product | Shop
type Shop { name: String weight: Weight @shareable }
scalar Weight
type Query { shops: [Shop] }
'''}


def scenario_a_composed_supergraph_is_told_as_graphql_js_prints_it(fleet):   # pylint: disable=unused-argument
    if npm_kit.skipped(npm_kit.missing("graphql", "@theguild/federation-composition")):
        return
    file = layout.STATE / "supergraph.graphql"
    file.write_text(npm_kit.node("compose.mjs", input=json.dumps(SUBGRAPHS).encode())["supergraph"])
    sdl, told = meridian("schema", "--supergraph", file), meridian("schema", "--supergraph", file, "--json")
    equal((sdl.returncode, told.returncode, sdl.stderr), (0, 0, ""), "exit status")
    made = npm_kit.node("schema_round_trip.mjs", input=json.dumps(
        {"sdl": sdl.stdout, "introspection": json.loads(told.stdout)["data"], "document": "{ shops { nmae } }"}).encode())
    equal((made["printed"].strip(), made["sorted"], len(made["errors"])), (sdl.stdout.strip(), True, 1), "printSchema of the introspection answer")
    assert "reviews(first: Int = 3): [Review!]!" in sdl.stdout and "@oneOf" in sdl.stdout, sdl.stdout
    assert not any(word in sdl.stdout for word in ("secret", "XX", "join__", "@tag", "@key")), sdl.stdout


def scenario_documents_may_spread_fragments_of_other_files(fleet):   # pylint: disable=unused-argument
    supergraph, folder = layout.ROOT / "schema" / "supergraph.graphql", layout.STATE / "fragments"
    folder.mkdir(exist_ok=True)
    texts = {"page": "query Page($n: Boolean!) {\n  facilities { ...Line }\n}\nquery Other { facilities { ...Line } }",
             "line": "\n\nfragment Line on Facility {\n  code ...Place\n}\nfragment Place on Facility { name @include(if: $n) }",
             "bad": "fragment Bad on Facility { nmae }\nfragment Idle on Facility { code }",
             "uses": "{ facilities { ...Bad } }", "lone": "fragment Line on Facility { id }\n{ facilities { ...Line } }"}
    file = {name: folder / f"{name}.graphql" for name in texts}
    for name, text in texts.items():
        file[name].write_text(text)

    def found(*names):
        done = meridian("validate", "--supergraph", supergraph, *(file[name] for name in names))
        return done.returncode, [line.removeprefix(f"{folder}/") for line in done.stdout.splitlines()]
    undefined = 'line.graphql:6:48: Variable "$n" is not defined by operation "Other".'
    equal(found("page"), (1, ['page.graphql:2:19: Unknown fragment "Line".',
                              'page.graphql:1:12: Variable "$n" is never used in operation "Page".',
                              'page.graphql:4:31: Unknown fragment "Line".']), "alone")
    for order in (("page", "line"), ("line", "page")):
        equal(found(*order), (1, [undefined]), "where it stands, once")
    equal(found("lone", "uses", "bad"), (1, [
        'bad.graphql:1:28: Cannot query field "nmae" on type "Facility". Did you mean "name"?',
        'bad.graphql:2:1: Fragment "Idle" is never used.']), "what is wrong in a fragment, once; and who spreads it not")
    texts["page"] = texts["page"].replace("Other", "Other($n: Boolean = true)")
    file["page"].write_text(texts["page"])
    equal(found("line", "page"), (0, ["2 operations in 2 documents are valid"]))
    equal(found("line", "lone"), (0, ["1 operations in 2 documents are valid"]), "a file's own fragment goes first")
    equal(found("page", "line", "lone"), (1, ['lone.graphql:1:10: There can be only one fragment named "Line".']), "which one?")


def scenario_the_validate_command_checks_documents_and_lists(fleet):
    supergraph, folder = layout.ROOT / "schema" / "supergraph.graphql", layout.STATE / "documents"
    folder.mkdir(exist_ok=True)
    good, bad, deep, listed = (folder / name for name in ("good.graphql", "bad.graphql", "deep.graphql", "list.json"))
    good.write_text("query Good { facilities { code } }")
    bad.write_text("query Bad {\n  facilities { code\n}")
    deep.write_text("{ " + "facilities { orders { edges { node { facility { orders { edges { node { facility { orders { edges { "
                    "node { facility { orders { edges { node { id " + "} " * 17)
    listed.write_text(json.dumps({"one": "{ facilities { code } }", "two": "{ facilities { nothing } }"}))
    done = meridian("validate", "--supergraph", supergraph, good)
    equal((done.returncode, done.stdout), (0, "1 operations in 1 documents are valid\n"), "good")
    done = meridian("validate", "--supergraph", supergraph, good, bad, deep, listed)
    lines = done.stdout.splitlines()
    equal((done.returncode, len(lines)), (1, 3), done.stdout)
    assert lines[0].startswith(f"{bad}:3:2: Syntax Error"), lines[0]
    assert lines[1].startswith(f"{deep}:1:") and "limit depth" in lines[1], lines[1]
    assert lines[2].startswith(f"{listed}#two:1:16: Cannot query field"), lines[2]
    bom = folder / "bom.graphql"
    bom.write_bytes(b"\xef\xbb\xbfquery Good {\r\n  facilities { code }\r\n}\r\n")
    equal(meridian("validate", "--supergraph", supergraph, bom).returncode, 0, "an editor's file")
    for args in (["validate", "--supergraph", supergraph], ["validate", good], ["schema"],
                 ["schema", "--supergraph", folder / "none"], ["validate", "--supergraph", supergraph, folder / "none"]):
        equal(meridian(*args).returncode, 2, str(args))
