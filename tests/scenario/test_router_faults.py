# SPDX-License-Identifier: MIT
"""Subgraphs that fail in every way: at the head, in the middle and at the end of an answer. Each time the router answers
in time, the healthy part is byte for byte what it always is, one error names the other, and no connection is left over."""
import contextlib
import gzip
import json
import socket
import struct
import time

from lib import equal
from router_kit import router, wait_until

NODES = []
READ_ONLY = True

TIMEOUT = 0.8
CODES = {"SOURCE_UNAVAILABLE", "SOURCE_TIMEOUT", "FETCH_ERROR"}
QUERY = "{ visits park { name } }"

GOOD = json.dumps({"data": {"park": {"id": "p1", "name": "Yosemite"}}}).encode()
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


def framed(body, more=b""):
    return HEAD + more + b"content-length: %d\r\n\r\n" % len(body) + body


WHOLE = framed(GOOD)
CUTS = {"nothing": 0, "the head's half": 20, "the head": WHOLE.index(b"\r\n\r\n") + 4, "half the body": len(WHOLE) - len(GOOD) // 2,
        "all but a byte": len(WHOLE) - 1}


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def stall(connection):
    with contextlib.suppress(OSError):
        connection.settimeout(5)
        connection.recv(1)   # until the router gives up


def says(text, end=lambda connection: None):
    def work(connection):
        connection.sendall(text)
        end(connection)
    return lambda request: work


def drips(text):
    def work(connection):
        for at in range(len(text)):
            connection.sendall(text[at:at + 1])
            time.sleep(0.05)
    return lambda request: work


def pours(head, piece):
    """Endless."""
    def work(connection):
        connection.sendall(head)
        with contextlib.suppress(OSError):
            for _ in range(20000):
                connection.sendall(piece)
    return lambda request: work


def wrong_data(value):
    return says(framed(json.dumps(value).encode()))


def connections_that_end():
    for where, cut in CUTS.items():
        yield f"closed after {where}", says(WHOLE[:cut])
        yield f"reset after {where}", says(WHOLE[:cut], reset)
        yield f"silent after {where}", says(WHOLE[:cut], stall)
    yield "a byte now and then", drips(WHOLE)


def answers_that_are_no_http():
    chunked = HEAD + b"transfer-encoding: chunked\r\n\r\n"
    for name, text in {
            "not HTTP": b"220 mail.example ESMTP\r\n", "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "two lengths": HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}",
            "length and chunks": HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            "a bad chunk": chunked + b"zz\r\n{}\r\n0\r\n\r\n", "a cut chunk": chunked + b"ff\r\n{}",
            "a chunk of 16 EiB": chunked + b"ffffffffffffffff\r\n{}",
            "a length that is too long": HEAD + b"content-length: 999\r\n\r\n" + GOOD,
            "a length that is too short": HEAD + b"content-length: 5\r\n\r\n" + GOOD,
            "two answers": WHOLE + WHOLE, "a bare line feed": b"HTTP/1.1 200 OK\n\n{}"}.items():
        yield name, says(text)
    yield "endless headers", pours(HEAD, b"x-more: " + b"a" * 1000 + b"\r\n")
    yield "endless interim answers", pours(b"", b"HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n")
    yield "an endless body", pours(HEAD + b"transfer-encoding: chunked\r\n\r\n", b"10000\r\n" + b" " * 65536 + b"\r\n")
    yield "a length of 1 GB", says(HEAD + b"content-length: 1073741824\r\n\r\n" + b" " * 100000, stall)


def answers_that_are_no_graphql():
    gz = b"content-encoding: gzip\r\n"
    for name, text in {
            "HTML": framed(b"<html>sorry</html>"), "nothing": framed(b""), "a number": framed(b"7"), "a list": framed(b"[]"),
            "null": framed(b"null"), "no data": framed(b"{}"), "cut JSON": framed(GOOD[:-3]), "two values": framed(GOOD + GOOD),
            "bytes that are no UTF-8": framed(GOOD.replace(b"Yosemite", b"\xff\xfe")), "deep": framed(b'{"data":' + b"[" * 100000),
            "a bomb": framed(gzip.compress(b" " * 200_000_000), gz), "bad gzip": framed(b"\x1f\x8b\x08" + b"\0" * 20, gz),
            "an unknown coding": framed(GOOD, b"content-encoding: br\r\n"),
            "moved": b"HTTP/1.1 301 Moved\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
            "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
            "500": b"HTTP/1.1 500 Oops\r\ncontent-length: 4\r\n\r\nOops",
            "503": b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n"}.items():
        yield name, says(text)
    for name, value in {
            "data of another type": {"data": 7}, "a list for an object": {"data": {"park": [1]}},
            "an object for a text": {"data": {"park": {"id": "p1", "name": {"a": 1}}}},
            "an error alone": {"errors": [{"message": "no"}]}, "errors that are none": {"data": None, "errors": "no"},
            "an error from elsewhere": {"data": {"park": None}, "errors": [{"message": "no", "path": ["zoo", 3, {"a": 1}]}]},
            "very many errors": {"data": {"park": None}, "errors": [{"message": f"e{i}", "path": ["park"]} for i in range(50000)]},
    }.items():
        yield name, wrong_data(value)


def check(gate, one, name, fault, healthy):
    one.answer = fault
    began = time.monotonic()
    answer = gate.ask(QUERY)
    took = time.monotonic() - began
    equal(answer.status, 200, name)
    assert took < TIMEOUT + 1.2, f"{name}: {took:.2f} s"
    assert answer.body.startswith(b'{"data":{"visits":7,"park":'), f"{name}: {answer.body[:200]}"
    assert answer.data["park"] in (None, {"name": None}), f"{name}: {answer.body[:200]}"
    assert 1 <= len(answer.errors) <= 101, f"{name}: {len(answer.errors)} errors"
    for error in answer.errors:
        assert error.get("path", ["park"])[0] == "park" and error["extensions"]["code"] in CODES, f"{name}: {error}"
        assert error["extensions"].get("source") == "parks", f"{name}: {error}"
    one.answer = lambda request: {"park": {"id": "p1", "name": "Yosemite"}}
    equal(gate.ask(QUERY).body, healthy, f"the answer after {name}")


def run(faults):
    with router(f"subgraphs.timeout={int(TIMEOUT * 1000)}ms", "subgraphs.failures=0", "subgraphs.answer=4MiB",
                parks=lambda request: {"park": {"id": "p1", "name": "Yosemite"}}, threads=1) as (gate, one, _):
        healthy = gate.ask(QUERY).body
        equal(json.loads(healthy), {"data": {"visits": 7, "park": {"name": "Yosemite"}}})
        for name, fault in faults():
            check(gate, one, name, fault, healthy)

        def settled():
            told = gate.metrics()
            return all(told[f'meridian_subgraph_{what}{{subgraph="parks"}}'] <= most
                       for what, most in (("connections", 1), ("requests_in_flight", 0), ("requests_queued", 0)))
        wait_until(settled, 5, "the end of all connections but one")


def scenario_a_connection_that_ends_anywhere(fleet):
    run(connections_that_end)


def scenario_an_answer_that_is_no_http(fleet):
    run(answers_that_are_no_http)


def scenario_an_answer_that_is_no_graphql(fleet):
    run(answers_that_are_no_graphql)
