# SPDX-License-Identifier: MIT
"""Bad input: each gets the contract's status, code and place, in both media types, and never a look inside."""
import base64
import json
import re
import subprocess

from fleet import layout, pki
from gateway_kit import BOTH, FOO, LA, NEWYORK, US_EAST_DATABASES, curl, worker
from lib import equal

NODES = [*US_EAST_DATABASES, f"db:{LA}", "gateway:us-east"]
READ_ONLY = True

INSIDE = re.compile(rb"pg_|select |SQLSTATE|libpq|/work|/home|/var/|/tmp|\.c:\d|127\.0\.0\.1|localhost|gw_read|password|"
                    rb"inventory_levels|us-east-blue", re.I)
STOCK = "query($f: ID!) { inventoryLevels(facilityId: $f, first: 1) { edges { node { onHand } } } }"


def _body(query, **more):
    return json.dumps({"query": query, **more})


# name, body, code, status with graphql-response+json, status with json, then what the first error must hold
REQUESTS = [
    ("malformed JSON", '{"query": "{ __typename }"', "BAD_USER_INPUT", 400, 400, {}),
    ("a byte order mark", '\ufeff{"query": "{ __typename }"}', "BAD_USER_INPUT", 400, 400, {}),
    ("a key twice", '{"query": "{ __typename }", "query": "{ __typename }"}', "BAD_USER_INPUT", 400, 400, {}),
    ("a key twice in the variables", '{"query": "{ __typename }", "variables": {"a": 1, "a": 2}}', "BAD_USER_INPUT", 400, 400, {}),
    ("two JSON values", '{"query": "{ __typename }"} {}', "BAD_USER_INPUT", 400, 400, {}),
    ("a batch", '[{"query": "{ __typename }"}]', "BAD_USER_INPUT", 400, 400, {}),
    ("an empty body", "", "BAD_USER_INPUT", 400, 400, {}),
    ("no query", "{}", "BAD_USER_INPUT", 400, 400, {}),
    ("a query that is a number", '{"query": 1}', "BAD_USER_INPUT", 400, 400, {}),
    ("variables that are a list", _body(STOCK, variables=[]), "BAD_USER_INPUT", 400, 400, {}),
    ("a control character in a string", '{"query": "{ __typename }\u0001"}', "BAD_USER_INPUT", 400, 400, {}),
    ("a lone surrogate", '{"query": "{ node(id: \\"\\ud800\\") { id } }"}', "BAD_USER_INPUT", 400, 400, {}),
    ("no GraphQL", _body("{ inventoryLevels("), "GRAPHQL_PARSE_FAILED", 400, 200, {"locations": [{"line": 1, "column": 19}]}),
    ("nothing but space", _body(" \n"), "GRAPHQL_PARSE_FAILED", 400, 200, {}),
    ("an unknown field", _body("{\n  facilty(id: 1) { id }\n}"), "GRAPHQL_VALIDATION_FAILED", 400, 200,
     {"locations": [{"line": 2, "column": 3}]}),
    ("an unknown argument", _body('{ facility(id: "x", at: 1) { id } }'), "GRAPHQL_VALIDATION_FAILED", 400, 200,
     {"locations": [{"line": 1, "column": 21}]}),
    ("an unknown type", _body("query($a: Nonsense) { facility(id: $a) { id } }"), "GRAPHQL_VALIDATION_FAILED", 400, 200, {}),
    ("no selection", _body('{ facility(id: "x") }'), "GRAPHQL_VALIDATION_FAILED", 400, 200, {}),
    ("a fragment in a circle", _body("{ ...A } fragment A on Query { ...A }"), "GRAPHQL_VALIDATION_FAILED", 400, 200, {}),
    ("an unknown directive", _body("{ __typename @nonsense }"), "GRAPHQL_VALIDATION_FAILED", 400, 200, {}),
    ("a hidden field", _body("{ kpiCells }"), "GRAPHQL_VALIDATION_FAILED", 400, 200, {}),
    ("a missing variable", _body(STOCK), "BAD_USER_INPUT", 400, 200, {"locations": [{"line": 1, "column": 7}]}),
    ("a variable that is null", _body(STOCK, variables={"f": None}), "BAD_USER_INPUT", 400, 200, {}),
    ("a variable of the wrong kind", _body("query($n: Int) { products(first: $n) { totalCount } }", variables={"n": "five"}),
     "BAD_USER_INPUT", 400, 200, {"locations": [{"line": 1, "column": 7}]}),
    ("a number beyond 32 bits", _body("query($n: Int) { products(first: $n) { totalCount } }", variables={"n": 2 ** 31}),
     "BAD_USER_INPUT", 400, 200, {}),
    ("an enum value that is none", _body("query($s: [OrderStatus!]) { orders(facilityIds: [], filter: {status: $s}) { totalCount } }",
                                         variables={"s": ["LOST"]}), "BAD_USER_INPUT", 400, 200, {}),
    ("an unknown operationName", _body("query A { __typename } query B { __typename }", operationName="C"), "BAD_USER_INPUT",
     400, 200, {}),
    ("no operationName of two", _body("query A { __typename } query B { __typename }"), "BAD_USER_INPUT", 400, 200, {}),
    ("a depth past the limit", _body("{ facility(id: 1) " + "{ orders { edges { node { facility " * 6 + "{ id }" + " } } } }" * 6 + " }"),
     "QUERY_TOO_COMPLEX", 400, 200, {}),
    ("aliases past the limit", _body("{ " + " ".join(f"a{n}: __typename" for n in range(60)) + " }"), "QUERY_TOO_COMPLEX", 400,
     200, {}),
    ("tokens past the limit", _body("{ " + "__typename " * 11000 + "}"), "QUERY_TOO_COMPLEX", 400, 200, {}),
]

# name, query, variables, code, path: what only the execution can tell; with data, so 200 in both
EXECUTED = [
    ("an unknown facility", STOCK, {"f": "facility-nowhere-001"}, "NOT_FOUND", ["inventoryLevels"]),
    ("null where the variable has a default", f'query($f: ID = "{LA}") {{ inventoryLevels(facilityId: $f) {{ totalCount }} }}',
     {"f": None}, "BAD_USER_INPUT", ["inventoryLevels"]),
    ("an id that is no id", STOCK, {"f": "Facility~~~"}, None, ["inventoryLevels"]),
    ("a facility that the token does not name", STOCK, {"f": NEWYORK}, "FORBIDDEN", ["inventoryLevels"]),
    ("injection as a facility", STOCK, {"f": "' or 1=1 --"}, "NOT_FOUND", ["inventoryLevels"]),
    ("a NUL in a facility", STOCK, {"f": "a\u0000b"}, None, ["inventoryLevels"]),
    ("a search of nothing but quotes", "query($s: String) { products(search: $s) { totalCount } }", {"s": "'\"\\%_;--"}, "", None),
    ("a NUL in a search", "query($s: String) { products(search: $s) { totalCount } }", {"s": "a\u0000b"}, "BAD_USER_INPUT",
     ["products"]),
    ("a bad instant", "query($r: TimeRange!) { orders(facilityIds: [\"" + LA + "\"], filter: {orderedIn: $r}) { totalCount } }",
     {"r": {"from": "yesterday", "to": "2026-01-01T00:00:00Z"}}, "BAD_USER_INPUT", None),
    ("a node of a type that is none", "query($i: ID!) { node(id: $i) { id } }", {"i": "Secret~us-east~facility-la-001~1"}, None, ["node"]),
    ("a node whose key is no key", "query($i: ID!) { node(id: $i) { id } }", {"i": "Order~us-east~facility-la-001~1"}, None, ["node"]),
    ("key figures without a range", '{ globalKpis(range: {from: "2026-01-02T00:00:00Z", to: "2026-01-01T00:00:00Z"}, '
     'metrics: [OEE]) { totals { value } } }', {}, "BAD_USER_INPUT", ["globalKpis"]),
]


def _ask(how, body, accept, token, **more):
    fields = {"accept": accept, "content-type": "application/json", **({"authorization": f"Bearer {token}"} if token else {}), **more}
    return curl("us-east", how, body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body, fields)


def _clean(name, answer):
    found = INSIDE.search(answer.body)
    assert not found, f"{name}: {found.group()!r} in {answer.body[:300]!r}"
    for error in answer.json.get("errors", ()):
        assert error["message"] and error["extensions"]["code"], f"{name}: {error}"


def _scan(problems, name, work):
    try:
        work()
    except (AssertionError, ValueError, KeyError) as problem:
        problems.append(f"{name}: {type(problem).__name__} {problem}")


def _all(table, check):
    problems = []
    for row in table:
        _scan(problems, row[0], lambda row=row: check(*row))
    assert not problems, "\n".join(problems)


def scenario_requests_that_are_wrong_say_what_and_where(fleet):
    token = worker(fleet)

    def check(name, body, code, graphql_status, json_status, holds):
        for accept, status in ((BOTH[0], json_status), (BOTH[1], graphql_status)):
            answer = _ask("plain", body, accept, token)
            equal((answer.status, answer.headers["content-type"].split(";")[0]), (status, accept), accept)
            assert "data" not in answer.json, answer.body[:200]
            error = answer.json["errors"][0]
            assert code is None or error["extensions"]["code"] == code, error
            assert holds.items() <= error.items(), f"{error} should hold {holds}"
            if code == "QUERY_TOO_COMPLEX":
                assert error["extensions"]["limit"] and error["extensions"]["value"], error
            _clean(name, answer)
    _all(REQUESTS, check)


def scenario_what_only_execution_can_tell_has_its_path(fleet):
    token = worker(fleet, facilities=[LA])

    def check(name, query, variables, code, path):
        for accept in BOTH:
            answer = _ask("plain", _body(query, variables=variables), accept, token)
            _clean(name, answer)
            if code == "":
                equal((answer.status, answer.errors), (200, []), accept)
                continue
            if path is not None and "data" in answer.json:
                equal(answer.status, 200, f"{accept}: {answer.body[:200]}")
                if answer.errors:
                    equal(answer.errors[0].get("path"), path, accept)
            assert code is None or answer.errors[0]["extensions"]["code"] == code, answer.body[:300]
    _all(EXECUTED, check)


def scenario_transport_statuses_are_the_same_in_both_media_types(fleet):
    token, good = worker(fleet), _body("{ __typename }")
    table = [
        ("text/plain", {"content-type": "text/plain"}, 415, "BAD_USER_INPUT"),
        ("no content type", {"content-type": ""}, 415, "BAD_USER_INPUT"),
        ("another charset", {"content-type": "application/json; charset=utf-16"}, 415, "BAD_USER_INPUT"),
        ("an unknown content encoding", {"content-encoding": "br"}, 415, "BAD_USER_INPUT"),
        ("gzip that is none", {"content-encoding": "gzip"}, 400, "BAD_USER_INPUT"),
        ("a bad bound", {"meridian-max-age": "soon"}, 400, "BAD_USER_INPUT"),
        ("a negative bound", {"meridian-max-age": "-1"}, 400, "BAD_USER_INPUT"),
        ("a bound with a fraction", {"meridian-max-age": "1.5"}, 400, "BAD_USER_INPUT"),
    ]

    def check(name, fields, status, code):
        for accept in BOTH:
            for how in ("plain", "h2"):
                answer = _ask(how, good, accept, token, **fields)
                equal((answer.status, answer.json["errors"][0]["extensions"]["code"]), (status, code), f"{accept} over {how}")
                _clean(name, answer)
    _all(table, check)


def scenario_charset_utf8_is_understood(fleet):
    for kind in ("application/json; charset=utf-8", 'application/json;charset="UTF-8"', "application/json"):
        answer = _ask("plain", _body("{ __typename }"), BOTH[0], worker(fleet), **{"content-type": kind})
        equal((answer.status, answer.json), (200, {"data": {"__typename": "Query"}}), kind)


def scenario_no_token_no_data(fleet):
    other = pki.b64u(json.dumps({"alg": "none"}).encode()) + "." + pki.b64u(json.dumps(
        {"tenant": FOO, "role": "worker", "exp": 4102444800}).encode()) + "."
    right = worker(fleet)
    head, claims, signature = right.split(".")
    changed = json.loads(base64.urlsafe_b64decode(claims + "=="))
    changed["tenant"] = "tenant-bar-inc"
    table = [
        ("none", None), ("expired", fleet.token(FOO, "worker", lifetime=-60)), ("alg none", other),
        ("another tenant under the old signature", f"{head}.{pki.b64u(json.dumps(changed).encode())}.{signature}"),
        ("garbage", "x.y.z"), ("no dots", "abc"), ("a cut signature", right[:-4]), ("an unknown role", fleet.token(FOO, "king")),
        ("no tenant", pki.sign({"role": "worker", "aud": pki.AUDIENCE, "exp": 4102444800})),
        ("no exp", pki.sign({"tenant": FOO, "role": "worker", "aud": pki.AUDIENCE})),
        ("another audience", pki.sign({"tenant": FOO, "role": "worker", "aud": "else", "exp": 4102444800})),
    ]

    def check(name, token):
        for accept in BOTH:
            answer = _ask("h2", _body("{ __typename }"), accept, token)
            equal((answer.status, answer.json["errors"][0]["extensions"]["code"]), (401, "UNAUTHENTICATED"), accept)
            assert "www-authenticate" in answer.headers, answer.headers
            _clean(name, answer)
    _all(table, check)
    for alg in ("HS256", "RS256", "ES256"):
        answer = _ask("h2", _body("{ __typename }"), BOTH[0], fleet.token(FOO, "worker", alg=alg))
        equal(answer.status, 200, alg)


def _raw(how, *more, body=None):
    """curl with arguments of its own; (status, headers, body)."""
    port = layout.gateway_port("us-east", "http" if how in ("plain", "h2c") else "https")
    flag = {"plain": "--http1.1", "h2c": "--http2-prior-knowledge", "h2": "--http2"}[how]
    path = more[-1]
    url = f"http{'s' if how == 'h2' else ''}://127.0.0.1:{port}{path}"
    done = subprocess.run(["curl", "-sS", "-i", flag, "--cacert", str(pki.CA), "--max-time", "15", *more[:-1], url], input=body,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert done.stdout, f"curl: {done.stderr.decode()}"
    head, _, rest = done.stdout.partition(b"\r\n\r\n")
    while b" 100" in head.split(b"\r\n", 1)[0]:
        head, _, rest = rest.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.decode("latin-1").lower(), rest


def scenario_two_authorization_headers_are_no_authorization(fleet):
    token = worker(fleet)
    twice = ["-H", f"authorization: Bearer {token}"] * 2
    for how in ("plain", "h2"):
        status, _, body = _raw(how, *twice, "-H", "content-type: application/json", "--data-binary", "@-", "/graphql",
                               body=_body("{ __typename }").encode())
        assert status in (400, 401) and b'"data"' not in body, f"{how}: {status} {body[:200]}"


def scenario_a_body_past_the_limit_is_413_on_both_protocols(fleet):
    token = worker(fleet)
    big = _body("{ __typename }", extensions={"pad": "x" * (1 << 20)}).encode()
    fits = _body("{ __typename }", extensions={"pad": "x" * ((1 << 20) - 200)}).encode()
    for how in ("plain", "h2c", "h2"):
        for body, wanted in ((big, 413), (fits, 200)):
            status, _, text = _raw(how, "-H", f"authorization: Bearer {token}", "-H", "content-type: application/json",
                                   "--data-binary", "@-", "/graphql", body=body)
            equal(status, wanted, f"{len(body)} bytes over {how}")
            if wanted == 413:
                equal(json.loads(text)["errors"][0]["extensions"]["code"], "PAYLOAD_TOO_LARGE", how)


def scenario_methods_paths_and_media_that_are_not_offered(fleet):
    auth = ["-H", f"authorization: Bearer {worker(fleet)}"]
    get = "/graphql?query=%7B__typename%7D"
    table = [
        ("an unknown path", [*auth, "/nowhere"], 404, "NOT_FOUND"),
        ("sources on the clients' listener", [*auth, "/sources/operations"], 404, "NOT_FOUND"),
        ("metrics on the clients' listener", [*auth, "/metrics"], 404, "NOT_FOUND"),
        ("PUT", [*auth, "-X", "PUT", "/graphql"], 405, "BAD_USER_INPUT"),
        ("DELETE", [*auth, "-X", "DELETE", "/graphql"], 405, "BAD_USER_INPUT"),
        ("a mutation by GET", [*auth, "/graphql?query=mutation%7B__typename%7D"], 405, "BAD_USER_INPUT"),
        ("image/png", [*auth, "-H", "accept: image/png", get], 406, "BAD_USER_INPUT"),
        ("json at q=0", [*auth, "-H", "accept: application/json;q=0", get], 406, "BAD_USER_INPUT"),
        ("GET without a query", [*auth, "/graphql"], 400, "BAD_USER_INPUT"),
        ("GET with variables that are no JSON", [*auth, get + "&variables=%7B"], 400, "BAD_USER_INPUT"),
        ("a plan for a worker", [*auth, "-H", "meridian-explain: plan", get], 403, "FORBIDDEN"),
    ]

    def check(name, args, status, code):
        for how in ("plain", "h2"):
            got, head, body = _raw(how, *args)
            equal((got, json.loads(body)["errors"][0]["extensions"]["code"]), (status, code), how)
            assert not INSIDE.search(body), f"{name}: {body[:200]}"
            assert status != 405 or "\r\nallow: " in head, head
    _all(table, check)


def scenario_the_admin_listener_refuses_foreign_hosts_and_origins(fleet):
    for fields, status in (({}, 200), ({"host": "evil.example"}, 403), ({"origin": "http://127.0.0.1"}, 403)):
        equal(fleet.http("us-east", "GET", "/routes", headers=fields, listener="admin").status, status, str(fields))
    for token, status in ((None, 401), ("no.such.token", 401), (fleet.token(role="worker"), 403)):
        equal(fleet.admin("us-east", "/reload", "POST", token).status, status, f"POST as {status}")
