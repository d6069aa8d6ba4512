# SPDX-License-Identifier: MIT
"""Another gateway answers what it should not: each lie costs one clear error, never the process, never the healthy part."""
import http.client
import json
import re
import time
from datetime import timedelta

from fleet import layout
from gateway_kit import FRANKFURT, LA, NEW_ORDER, codes, configured, good, metrics, order_input, stamp, this_hour, worker
from lib import equal, eventually
from lying_gateway import LyingGateway, answer

NODES = ["db:eu-central-blue", "gateway:eu-central", "db:us-east-blue", "gateway:us-east", "db:analytics", "gateway:global",
         f"db:{LA}", f"gateway:{LA}"]
TWO = """query Two($la: [ID!]!, $fr: [ID!]!) {
  a: orders(facilityIds: $la, first: 2) { totalCount edges { node { orderNo lines { qtyOrdered } dataFreshness { ageSeconds } } } }
  b: orders(facilityIds: $fr, first: 2) { edges { node { orderNo } } } }"""
MERGED = "query($f: [ID!]!) { orders(facilityIds: $f, first: 5) { totalCount edges { cursor node { id } } } }"
WORST = """query($r: TimeRange!) { globalKpis(range: $r, metrics: [ORDERS], regions: [US_EAST EU_CENTRAL]) { byFacility(top: 20) { facility { id name } } } }"""
NOW = """query($r: TimeRange!) { globalKpis(range: $r, metrics: [ORDERS], regions: [US_EAST EU_CENTRAL], includeOpenHour: true) { totals { value missing }
  incompleteRegions } }"""
BOTH = {"la": [LA], "fr": [FRANKFURT]}
ROW = {"orderNo": "1", "lines": [], "dataFreshness": {"placement": 0}}
EDGE = {"node": ROW, "cursor": "c", "_k_cursor": "c"}


def data(value, **more):
    return answer(json.dumps({"data": {"a": value}, **more}))


def error(code, status="200 OK", **more):
    return answer(json.dumps({"errors": [{"message": "said so", "extensions": {"code": code, **more}}]}), status)


# name: (what is sent, the codes that may come of it)
FETCH = {"FETCH_ERROR"}
LIES = {
    "html": (answer("<html>It works!</html>", media="text/html"), FETCH),
    "nothing": (answer(""), FETCH),
    "half a document": (answer('{"data":{"a":{"edges":[{"node":{"orderNo":"1'), FETCH),
    "less than announced": (b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\nconnection: close\r\n\r\n{\"data\"", {"SOURCE_UNAVAILABLE"}),
    "a gigabyte announced": (b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n{}!cut", {"SOURCE_UNAVAILABLE", "FETCH_ERROR"}),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n\r\n!cut", {"SOURCE_UNAVAILABLE"}),
    "two lengths": (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}!cut", {"SOURCE_UNAVAILABLE"}),
    "a redirect": (answer("", "302 Found", fields="location: https://127.0.0.1:1/\r\n"), FETCH),
    "an array": (answer("[]"), FETCH),
    "a number": (answer("7"), FETCH),
    "two values": (answer('{"data":{"a":null}}{"data":{"a":null}}'), FETCH),
    "the same key twice": (answer('{"data":{"a":null},"data":{"a":{"edges":[]}}}'), FETCH),
    "nested without end": (answer('{"data":' + "[" * 200000 + "]" * 200000 + "}"), FETCH),
    "bytes that are no text": (answer(b'{"data":{"a":{"edges":"\xff\xfe"}}}'), FETCH),
    "no data": (answer("{}"), FETCH),
    "data null": (answer('{"data":null}'), FETCH),
    "data null with no errors in the list": (answer('{"data":null,"errors":[]}'), FETCH),
    "a list of data": (answer('{"data":[{"a":1}]}'), FETCH),
    "another key": (answer('{"data":{"orders":{"edges":[]}}}'), FETCH),
    "a text for a page": (data("x"), FETCH),
    "a page in a list": (data([{"totalCount": 1, "edges": []}]), FETCH),
    "edges that are one": (data({"totalCount": 1, "edges": EDGE}), FETCH),
    "an edge that is none": (data({"totalCount": 1, "edges": [None]}), FETCH),
    "a node that is a number": (data({"totalCount": 1, "edges": [{"node": 5}]}), FETCH),
    "a number for a text": (data({"totalCount": 1, "edges": [{"node": {**ROW, "orderNo": 5}}]}), FETCH),
    "an object for a number": (data({"totalCount": {"n": 1}, "edges": []}), FETCH),
    "a row without what it must have": (data({"totalCount": 1, "edges": [{"node": {}}]}), FETCH),
    "a row without its age": (data({"totalCount": 1, "edges": [{"node": {"orderNo": "1", "lines": []}}]}), FETCH),
    "an error of a code unknown": (error("BANANA"), FETCH),
    "an error that is none": (answer('{"errors":[7,null,{"message":{}}]}'), FETCH),
    "errors that are no list": (answer('{"errors":"all wrong"}'), FETCH),
    "a thousand errors": (answer(json.dumps({"errors": [{"message": f"e{i}"} for i in range(1000)]})), FETCH),
    "401": (error("UNAUTHENTICATED", "401 Unauthorized"), {"UNAUTHENTICATED"}),
    "503 in GraphQL": (error("SOURCE_UNAVAILABLE", "503 Service Unavailable"), {"SOURCE_UNAVAILABLE"}),
    "503 of a proxy": (answer("<h1>503</h1>", "503 Service Unavailable", "text/html"), {"SOURCE_UNAVAILABLE"}),
    "502 with nothing": (answer("", "502 Bad Gateway"), {"SOURCE_UNAVAILABLE"}),
}
# What may be believed in part: (what is sent, what is looked for in the answer's text)
ODD = {
    "placements out of range": data({"totalCount": 1, "edges": [{"node": {**ROW, "dataFreshness": {"placement": 99999}}}]}),
    "a placement below zero": data({"totalCount": 1, "edges": [{"node": {**ROW, "dataFreshness": {"placement": -1}}}]}),
    "an age that is a text": data({"totalCount": 1, "edges": [{"node": {**ROW, "dataFreshness": "now"}}]}),
    "a table of wrong things": data({"totalCount": 1, "edges": [{"node": ROW}]}, extensions={"freshness": {
        "sources": [{"region": "x\",\"y", "facility": "\\", "online": False, "asOf": "never", "ageSeconds": -5}, 7],
        "warnings": [None, "region \" is UNREACHABLE."]}}),
    "a table without end": data({"totalCount": 1, "edges": [{"node": ROW}]}, extensions={"freshness": {
        "sources": [{"facility": f"f{i}"} for i in range(30000)]}}),
    "extensions that are a list": data({"totalCount": 1, "edges": [{"node": ROW}]}, extensions=[1, 2]),
    "a thousand errors beside data": data({"totalCount": 1, "edges": [{"node": ROW}]},
                                          errors=[{"message": "m" * 5000, "path": ["a"] * 300} for _ in range(1000)]),
}


def _redirected(port, tier="regional", open_eu=False, sources=("operations", "analytics")):
    def change(config):
        for source in sources:
            for place in config["sources"].get(source, {"placements": []})["placements"]:
                if place["kind"] == "graphql" and place["tier"] == tier and place.get("region") == "us-east":
                    place["url"] = f"https://127.0.0.1:{port}/sources/x"
        if open_eu:
            config["regions"]["eu-central"]["residency"] = "open"
    return change


def _healthy(part):
    assert part and len(part["edges"]) == 2, f"the healthy part: {part}"


def _settled(fleet, gateway="global"):
    """Nothing is under way any more; /metrics tells."""
    eventually(lambda: equal(metrics(fleet, gateway)["meridian_requests_in_flight"], 0, "requests in flight"))


def scenario_lies_of_a_gateway_cost_one_clear_error_each(fleet):
    token = worker(fleet)
    with LyingGateway("us-east") as liar, configured(fleet, "global", _redirected(liar.port, open_eu=True)):
        pid = fleet.pid("gateway:global")
        wrong = []
        for name, (told, wanted) in LIES.items():
            liar.lie = lambda _asked, told=told: told
            began = time.monotonic()
            got = fleet.graphql("global", TWO, BOTH, token)
            _healthy(got.data["b"])
            problem = {error["path"][0] for error in got.errors} != {"a"} or not set(codes(got)) <= wanted \
                or len(got.errors) > 2 or time.monotonic() - began > 11
            if problem:
                wrong.append((name, got.errors[:3], got.data["a"]))
        equal(wrong, [], "lies")
        for name, told in ODD.items():
            liar.lie = lambda _asked, told=told: told
            got = fleet.graphql("global", TWO, BOTH, token)
            _healthy(got.data["b"])
            assert (got.data["a"] or {}).get("totalCount") == 1 and len(got.errors) <= 20, f"{name}: {got.body[:500]}"
            for source in got.extensions["freshness"]["sources"]:
                assert (source["ageSeconds"] or 0) >= 0, f"{name}: {source}"
        equal(fleet.pid("gateway:global"), pid, "process")
        _settled(fleet)


def _json_cases():
    """(verdict, text) of tests/json_cases.txt"""
    for line in (layout.ROOT / "tests" / "json_cases.txt").read_text(encoding="ascii").splitlines():
        verdict, tab, text = line.partition("\t")
        if tab and not line.startswith("#"):
            yield verdict, re.sub(rb"\\(x..|\\)", lambda m: b"\\" if m[1] == b"\\" else bytes.fromhex(m[1][1:].decode()), text.encode())


def scenario_a_sources_json_is_taken_and_refused_as_the_table_says(fleet):
    token, wrong, counts = worker(fleet), [], {"accept": 0, "refuse": 0, "twice": 0}
    query = "query($f: [ID!]!) { a: orders(facilityIds: $f, first: 2) { totalCount } }"
    body, headers = json.dumps({"query": query, "variables": {"f": [LA]}}), {"authorization": f"Bearer {token}", "content-type": "application/json"}
    link = http.client.HTTPConnection("127.0.0.1", layout.gateway_port("global", "http"), timeout=30)
    with LyingGateway("us-east") as liar, configured(fleet, "global", _redirected(liar.port)):
        pid = fleet.pid("gateway:global")
        for verdict, text in _json_cases():
            liar.lie = lambda _asked, text=text: answer(b'{"extensions":{"x":' + text + b'},"data":{"a":{"totalCount":1}}}')
            link.request("POST", "/graphql", body, headers)   # one connection: there are hundreds of cases
            got = json.loads(link.getresponse().read())
            taken = got["data"]["a"] == {"totalCount": 1}
            if taken != (verdict == "accept") or not taken and [e["extensions"]["code"] for e in got["errors"]] != ["FETCH_ERROR"]:
                wrong.append((verdict, text, got))
            counts[verdict] += 1
        equal(wrong[:5], [], f"{len(wrong)} of {counts}")
        equal(fleet.pid("gateway:global"), pid, "process")


def scenario_a_merged_page_with_a_lying_part_says_what_it_lacks(fleet):
    token = worker(fleet)
    pages = [{"totalCount": 9, "edges": []}, None, "x", {"totalCount": 9, "edges": [{"cursor": "zzz", "_k_cursor": "zzz", "node": {"id": "x"}}]},
             {"totalCount": 9, "edges": [{"cursor": None, "_k_cursor": None, "node": {"id": "x"}}]}]
    with LyingGateway("us-east") as liar, configured(fleet, "global", _redirected(liar.port, open_eu=True)):
        for number, page in enumerate(pages):
            liar.lie = lambda _asked, page=page: answer(json.dumps({"data": {"orders": page}}))
            got = fleet.graphql("global", MERGED, {"f": [LA, FRANKFURT]}, token)
            found = got.data["orders"]
            equal(len(found["edges"]), 5, f"page {number}")
            assert all("~eu-central~" in edge["node"]["id"] for edge in found["edges"]), found
            if number:
                equal((found["totalCount"], codes(got)), (None, ["FETCH_ERROR"]), f"page {number}")


def scenario_wrong_entities_leave_the_figures_standing(fleet):
    token, now = worker(fleet), this_hour()
    closed = {"r": {"from": stamp(now - timedelta(hours=30)), "to": stamp(now - timedelta(hours=6))}}
    lists = [[], [None], [1, 2, 3], {}, "x", None, [[]], [{"name": 7}] * 3, [{"name": {}}] * 3]
    with LyingGateway("us-east") as liar, configured(fleet, "global", _redirected(liar.port, sources=("operations",))):
        figures = WORST.replace("facility { id name }", "region")
        eventually(lambda: good(fleet.graphql("global", figures, closed, token)))
        for entities in lists:
            liar.lie = lambda _asked, e=entities: answer(json.dumps({"data": {"_entities": e}}))
            got = fleet.graphql("global", WORST, closed, token)
            assert got.errors and set(codes(got)) <= FETCH and len(got.errors) <= 20, f"{entities}: {got.body[:600]}"
            _settled(fleet)


def scenario_wrong_cells_are_a_region_that_is_missing(fleet):
    token, now = worker(fleet), this_hour()
    running = {"r": {"from": stamp(now - timedelta(hours=3)), "to": stamp(now + timedelta(hours=1))}}
    with LyingGateway("us-east") as liar, configured(fleet, "global", _redirected(liar.port, sources=("analytics",))):
        for cells in ([], {}, 7, "x", None, [None], {"cells": 5}, {"facilities": [1], "cells": [[1, 2]]},
                      {"f": {}, "n": []}, {"cells": [{"facility": LA, "values": {"orders_n": "x"}}]}):
            liar.lie = lambda _asked, c=cells: answer(json.dumps({"data": {"kpiCells": c}}))
            got = fleet.graphql("global", NOW, running, token)
            equal(got.status, 200, f"status for {cells}: {got.body[:300]}")
            found = got.data["globalKpis"]
            assert got.errors and set(codes(got)) <= FETCH, f"{cells}: {got.body[:600]}"
            equal((found["totals"][0]["value"], found["incompleteRegions"]), (None, ["US_EAST"]), f"{cells}: a sum that lacks a region")
        _settled(fleet)


def scenario_a_write_whose_answer_is_no_answer_has_an_unknown_outcome(fleet):
    lies = [answer("<html>"), answer('{"data":'), answer("{}"), answer('{"data":null}'), answer('{"data":{"createOrder":null}}'),
            answer("", "502 Bad Gateway"), b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\n{", b"!cut"]
    token, given = worker(fleet), order_input(fleet, key="lies")
    with LyingGateway(LA) as liar, configured(fleet, "us-east", _redirected(liar.port, "edge")):
        for number, told in enumerate(lies):
            liar.lie, before = lambda _asked, told=told: told, liar.asked
            got = fleet.graphql("us-east", NEW_ORDER, {"i": given}, token)
            equal(codes(got), ["MUTATION_OUTCOME_UNKNOWN"], f"write {number}: {got.body[:300]}")
            equal(liar.asked - before, 1, "a write is sent once")
