# SPDX-License-Identifier: MIT
"""What a subgraph can do wrong: some forty kinds, each at the head, in the middle and at the end of its answer.

A case is told the socket and the body that would have been right, and does what it likes; the socket is closed then,
unless it says True: the next request is read.
What must come of it: WHOLE, the answer as if nothing had been; LOST, null in place of what this subgraph was to tell;
EITHER of these; LEAF, null for its last value alone. `slow`: it would go on for ever, so the deadline ends it; `calm`:
the circuit breaker counts it as an answer, for it is one, if a bad one."""
import contextlib
import gzip
import json
import socket
import struct
import time
from dataclasses import dataclass
from typing import Callable

HEAD, MIDDLE, END = PLACES = ("head", "middle", "end")
WHOLE, LOST, EITHER, LEAF = "whole", "lost", "either", "leaf"
FIELDS = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
GZIP = b"content-encoding: gzip\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"
SLEEP = 0.1        # shorter than any deadline
LONGEST = 20       # seconds; whoever waits for the router to go away waits no longer


@dataclass
class Case:
    kind: str
    place: str
    work: Callable   # (connection, the right body)
    wanted: str = LOST
    slow: bool = False
    calm: bool = False

    @property
    def name(self):
        return f"{self.kind}, {self.place}"


def framed(body, more=b"", length=None, status=b"200 OK"):
    return FIELDS.replace(b"200 OK", status) + more + b"content-length: %d\r\n\r\n" % (len(body) if length is None else length) + body


def chunks(pieces, size=b"%x", after=b"\r\n", last=b"0\r\n\r\n"):
    return FIELDS + CHUNKED + b"\r\n" + b"".join(size % len(piece) + b"\r\n" + piece + after for piece in pieces) + last


def once(make, body, place, made={}):
    """What it makes of a body, kept: what takes a server time is no fault of the router."""
    key = (make, body, place)
    if key not in made:
        made[key] = make(body, place)
    return made[key]


class Nobody:
    """A connection to nobody, to make an answer beforehand."""

    def sendall(self, text):
        pass


# ---- how a connection ends ----

def end(connection):
    """Nothing more; the server closes it."""


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def wait(connection):
    """Silent until the router gives up, or asks again."""
    return True


def hold(connection):
    with contextlib.suppress(OSError):
        connection.settimeout(LONGEST)
        connection.recv(1)


def half_close(connection):
    connection.shutdown(socket.SHUT_WR)
    hold(connection)


def say(connection, text, then=wait):
    with contextlib.suppress(OSError):
        connection.sendall(text)
    return then(connection)


def pour(connection, piece):
    with contextlib.suppress(OSError):
        connection.settimeout(LONGEST)
        while True:
            connection.sendall(piece)


# ---- where ----

def cut_at(text, place):
    """An offset in a whole answer: amid the head, amid the body, before the last byte."""
    body = text.index(b"\r\n\r\n") + 4
    return {HEAD: 20, MIDDLE: (body + len(text)) // 2, END: len(text) - 1}[place]


def parts(body, place):
    """(what stands before the place, what after), of a body; never amid a text, where much is allowed."""
    at = {HEAD: 0, MIDDLE: body.index(b":"), END: len(body)}[place]
    return body[:at], body[at:]


def thirds(body):
    return body[:5], body[5:len(body) // 2], body[len(body) // 2:]


def at(place):
    return PLACES.index(place)


# ---- bytes and time ----

def breaks(then):
    def work(place):
        def cut(connection, body):
            whole = framed(body)
            return say(connection, whole[:cut_at(whole, place)], then)
        return cut
    return work


def edits(change):
    """`change(before, after)` is what is sent for a whole answer that is cut at the place."""
    def work(place):
        def edit(connection, body):
            whole = framed(body)
            point = cut_at(whole, place)
            return say(connection, change(whole[:point], whole[point:]))
        return edit
    return work


def paced(pause, pieces):
    def work(place):
        def pace(connection, body):
            whole = framed(body)
            point = cut_at(whole, place)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(OSError):
                connection.sendall(whole[:point])
                for piece in pieces(whole[point:]):
                    time.sleep(pause)
                    connection.sendall(piece)
            return wait(connection)
        return pace
    return work


def single(rest):
    return [rest[i:i + 1] for i in range(len(rest))]


def pours(place):
    head, piece = {HEAD: (FIELDS, b"x-more: " + b"a" * 1000 + b"\r\n"),
                   MIDDLE: (FIELDS + CHUNKED + b"\r\n", b"10000\r\n" + b" " * 65536 + b"\r\n"),
                   END: (None, b"x-more: " + b"a" * 1000 + b"\r\n")}[place]

    def work(connection, body):
        with contextlib.suppress(OSError):
            connection.sendall(head or chunks([body], last=b"0\r\n"))
        pour(connection, piece)
    return work


def on_the_wire():
    yield "closes", breaks(end), {}
    yield "resets", breaks(reset), {}
    yield "closes one way", breaks(half_close), {}
    yield "falls silent", breaks(wait), {"slow": PLACES}
    yield "drips", paced(0.05, single), {"slow": (HEAD, MIDDLE), "wanted": {END: WHOLE}}
    yield "pauses", paced(SLEEP, lambda rest: [rest]), {"wanted": WHOLE}
    yield "tells single bytes", paced(0, single), {"wanted": WHOLE}
    yield "noise", edits(lambda before, after: before + b"\0\xff\x01noise" + after), {}
    yield "lost bytes", edits(lambda before, after: before + after[7:]), {"slow": (MIDDLE, END), "wanted": {HEAD: WHOLE}}   # of "content-type"
    yield "a flipped byte", edits(lambda before, after: before + b"\x01" + after[1:]), {"calm": (MIDDLE, END)}
    yield "doubled bytes", edits(lambda before, after: before + before[-9:] + after), {}
    yield "pours", pours, {"calm": (MIDDLE,)}


# ---- framing ----

def lengths(change, then):
    return lambda place: lambda connection, body: say(connection, framed(body, length=change(len(body), place)), then)


def too_long(n, place):
    return {HEAD: 1 << 30, MIDDLE: n * 2, END: n + 1}[place]


def too_short(n, place):
    return {HEAD: 0, MIDDLE: n // 2, END: n - 1}[place]


def chunk(change):
    """One chunk of three is wrong: `change(its piece)` stands for its bytes, else it is as it should be."""
    def work(place):
        def send(connection, body):
            made = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in thirds(body)]
            made[at(place)] = change(thirds(body)[at(place)])
            return say(connection, FIELDS + CHUNKED + b"\r\n" + b"".join(made) + b"0\r\n\r\n")
        return send
    return work


def cut_chunk(then):
    def work(place):
        def send(connection, body):
            pieces = thirds(body)
            whole = chunks(pieces[:at(place) + 1], last=b"")
            return say(connection, whole[:-5] if place != END else whole + b"0\r\n", then)
        return send
    return work


def extension(place):
    def work(connection, body):
        with contextlib.suppress(OSError):
            connection.sendall(chunks(thirds(body)[:at(place)], last=b"5;x"))
        pour(connection, b"y" * 1000)
    return work


def conflict(place):
    def work(connection, body):
        return say(connection, {HEAD: framed(body, b"content-length: %d\r\n" % (len(body) + 1)),
                         MIDDLE: chunks([body]).replace(CHUNKED, CHUNKED + b"content-length: 5\r\n"),
                         END: chunks([body], last=b"0\r\ncontent-length: 5\r\n\r\n")}[place])
    return work


def answers_too_often(place):
    """Before: interim answers without end; amid: another answer; after: one more."""
    def work(connection, body):
        whole, interim = framed(body), b"HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n"
        if place == HEAD:
            pour(connection, interim * 100)
            return
        point = cut_at(whole, MIDDLE) if place == MIDDLE else len(whole)
        return say(connection, whole[:point] + whole + whole[point:])
    return work


def not_http(place):
    def work(connection, body):
        whole = framed(body)
        return say(connection, {HEAD: b"220 mail.example ESMTP\r\n", MIDDLE: b"HTTP/1.1 200 OK\n\n" + body,
                         END: whole.replace(b"content-type", b"content type")}[place])
    return work


def no_content(place):
    def work(connection, body):
        return say(connection, {HEAD: b"HTTP/1.1 204 No Content\r\n\r\n", MIDDLE: framed(body, status=b"204 No Content"),
                                END: b"HTTP/1.1 304 Not Modified\r\n\r\n"}[place])
    return work


def framing():
    yield "a length that is too long", lengths(too_long, wait), {"slow": (MIDDLE, END), "calm": (HEAD,)}
    yield "a length that is too long, then closed", lengths(too_long, end), {"calm": (HEAD,)}
    yield "a length that is too short", lengths(too_short, wait), {}
    yield "a bad chunk size", chunk(lambda piece: b"zz\r\n" + piece + b"\r\n"), {}
    yield "a chunk of 16 EiB", chunk(lambda piece: b"ffffffffffffffff\r\n" + piece + b"\r\n"), {}
    yield "a chunk without an end", chunk(lambda piece: b"%x\r\n%s" % (len(piece), piece)), {}
    yield "a cut chunk", cut_chunk(end), {}
    yield "a chunk that falls silent", cut_chunk(wait), {"slow": PLACES}
    yield "an endless extension", extension, {}
    yield "lengths that disagree", conflict, {}
    yield "answers too often", answers_too_often, {"wanted": {END: EITHER}}
    yield "no HTTP", not_http, {}
    yield "no content", no_content, {"calm": (HEAD, END)}


# ---- codings ----

def damaged_gzip(place):
    def work(connection, body):
        packed = bytearray(gzip.compress(body, mtime=0))
        packed[{HEAD: 1, MIDDLE: len(packed) // 2, END: len(packed) - 6}[place]] ^= 0xff
        return say(connection, framed(bytes(packed), GZIP))
    return work


def cut_gzip(place):
    def work(connection, body):
        packed = gzip.compress(body)
        return say(connection, framed(packed[:{HEAD: 5, MIDDLE: len(packed) // 2, END: len(packed) - 1}[place]], GZIP))
    return work


def packed_bomb(body, place):
    """8 MB of blanks beside the answer."""
    point = {HEAD: 0, MIDDLE: body.index(b":") + 1, END: len(body)}[place]
    return framed(gzip.compress(body[:point] + b" " * 8_000_000 + body[point:], 1), GZIP)


def bomb(place):
    return lambda connection, body: say(connection, once(packed_bomb, body, place))


def coding(place):
    def work(connection, body):
        return say(connection, {HEAD: framed(body, GZIP), MIDDLE: framed(body, b"content-encoding: br\r\n"),
                         END: framed(gzip.compress(body) + b"more", GZIP)}[place])
    return work


def codings():
    yield "damaged gzip", damaged_gzip, {}
    yield "cut gzip", cut_gzip, {}
    yield "a bomb", bomb, {"calm": PLACES}
    yield "a coding that is none", coding, {}


# ---- JSON and GraphQL ----

def texts(change):
    return lambda place: lambda connection, body: say(connection, framed(change(body, place)))


def inserted(what):
    return texts(lambda body, place: what.join(parts(body, place)))


def invalid_utf8(body, place):
    first, last = body.index(b'"') + 1, body.rindex(b'"')
    point = {HEAD: first, MIDDLE: (first + last) // 2, END: last}[place]
    return body[:point] + b"\xff\xfe" + body[point:]


def cut_text(body, place):
    return body[:{HEAD: 1, MIDDLE: len(body) // 2, END: len(body) - 1}[place]]


def deep(body, place):
    nest = b"[" * 100000
    return {HEAD: nest, MIDDLE: b'{"more":' + nest + b"," + body[1:], END: body[:-1] + b',"more":' + nest}[place]


def set_leaf(value, leaf):
    """The last value of the innermost object."""
    while isinstance(value, (dict, list)):
        key = list(value)[-1] if isinstance(value, dict) else len(value) - 1
        if not isinstance(value[key], (dict, list)):
            value[key] = leaf
            return
        value = value[key]


def valued(change):
    """`change(the answer as a value, place)` changes it, or is another."""
    def text(body, place):
        value = json.loads(body)
        return json.dumps(change(value, place) or value).encode()
    return lambda place: lambda connection, body: say(connection, framed(once(text, body, place)))


def first_key(value):
    return list(value["data"])[0]


def wrong_type(value, place):
    if place == HEAD:
        return {"data": 7}
    if place == MIDDLE:
        value["data"][first_key(value)] = "text"
    else:
        set_leaf(value, {"a": 1})
    return value


def more_fields(value, place):
    if place == HEAD:
        return {"more": [1, {"x": None}], **value}
    if place == MIDDLE:
        value["data"]["more"] = {"x": 1}
        return value
    inner = value["data"][first_key(value)]
    (inner[-1] if isinstance(inner, list) else inner)["more"] = "x"
    return value


def no_data(value, place):
    return {HEAD: {"data": None}, MIDDLE: {"errors": [{"message": "no"}]}, END: {"data": None, "errors": "no"}}[place]


def many_errors(value, place):
    told = [{"message": f"e{i}", "path": [first_key(value)]} for i in range(5000)]
    null = {first_key(value): None}
    return {HEAD: {"errors": told, "data": null}, MIDDLE: {"errors": told}, END: {"data": null, "errors": told}}[place]


def odd_paths(value, place):
    null = {first_key(value): None}
    path = {HEAD: ["zoo", 3, {"a": 1}], MIDDLE: [first_key(value), 10 ** 12, -1, "x" * 1000], END: "no list"}[place]
    return {"data": null, "errors": [{"message": "no", "path": path}]}


def status(code):
    """With nothing, half of the answer, or all of it as a body."""
    return lambda place: lambda connection, body: say(
        connection, framed({HEAD: b"", MIDDLE: body[:len(body) // 2], END: body}[place], b"location: http://127.0.0.1:1/\r\n", status=code))


def texts_and_values():
    calm = {"calm": PLACES}
    yield "cut JSON", texts(cut_text), calm
    yield "bytes that are no UTF-8", texts(invalid_utf8), calm
    yield "deep JSON", texts(deep), calm
    yield "two values", inserted(b"{}"), calm
    yield "HTML", inserted(b"<html>sorry</html>"), calm
    yield "nothing but blanks", texts(lambda body, place: b" " * {HEAD: 0, MIDDLE: 1, END: 1 << 20}[place]), calm
    yield "no object", texts(lambda body, place: {HEAD: b"7", MIDDLE: b"[" + body + b"]", END: b"null"}[place]), calm
    yield "wrong types", valued(wrong_type), {**calm, "wanted": {END: LEAF}}
    yield "no data", valued(no_data), calm
    yield "more than was asked", valued(more_fields), {**calm, "wanted": WHOLE}
    yield "very many errors", valued(many_errors), calm
    yield "errors from elsewhere", valued(odd_paths), calm
    yield "status 500", status(b"500 Oops"), {**calm, "wanted": {END: WHOLE}}
    yield "status 503", status(b"503 No"), {"wanted": {END: WHOLE}}
    yield "moved", status(b"301 Moved"), {**calm, "wanted": {END: WHOLE}}


# ---- all ----

def cases():
    """Those that a server does after it has read a request."""
    for group in (on_the_wire, framing, codings, texts_and_values):
        for kind, make, told in group():
            for place in PLACES:
                wanted = told.get("wanted", LOST)
                wanted = wanted.get(place, LOST) if isinstance(wanted, dict) else wanted
                calm = place in told.get("calm", ()) or (wanted == WHOLE and kind != "status 503")
                yield Case(kind, place, make(place), wanted, place in told.get("slow", ()), calm)
