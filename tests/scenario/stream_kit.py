# SPDX-License-Identifier: MIT
"""Subscriptions from both sides: a subgraph that tells events over SSE or a WebSocket, and clients of the router."""
import base64
import contextlib
import hashlib
import http.client
import json
import os
import socket
import struct
import threading
import time

from router_kit import HEAD, Subgraph, wait_until

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(payload, opcode=1, mask=False, fin=True):
    """One RFC 6455 frame."""
    head = bytes([(0x80 if fin else 0) | opcode])
    bit = 0x80 if mask else 0
    if len(payload) < 126:
        head += bytes([bit | len(payload)])
    elif len(payload) < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", len(payload))
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", len(payload))
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))


class Frames:
    """Reads frames from a socket."""

    def __init__(self, sock, rest=b""):
        self.sock, self.rest, self.masked = sock, rest, None

    def take(self, count):
        while len(self.rest) < count:
            more = self.sock.recv(65536)
            if not more:
                raise EOFError
            self.rest += more
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def next(self):
        one, two = self.take(2)
        size = two & 127
        if size == 126:
            size = struct.unpack(">H", self.take(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", self.take(8))[0]
        self.masked = bool(two & 128)
        key = self.take(4) if self.masked else bytes(4)
        return one & 15, bytes(byte ^ key[i % 4] for i, byte in enumerate(self.take(size)))


# ---- the subgraph ----

class Feed:
    """One subscription, as its subgraph sees it."""

    def __init__(self, sock, request, ws):
        self.sock, self.request, self.ws, self.gone = sock, request, ws, threading.Event()

    def event(self, data=None, **answer):
        answer = {"data": data, **answer} if data is not None else answer
        if self.ws:
            self.message({"id": "1", "type": "next", "payload": answer})
        else:
            self.chunk(f"event: next\ndata: {json.dumps(answer)}\n\n".encode())

    def complete(self):
        if self.ws:
            self.message({"id": "1", "type": "complete"})
        else:
            self.chunk(b"event: complete\ndata:\n\n")

    def message(self, said):
        self.sock.sendall(frame(json.dumps(said).encode()))

    def chunk(self, data):
        self.sock.sendall(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def cut(self):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)


class Events:
    """A subgraph whose subscriptions stand in `feeds`, newest last; other requests answer what `answer` says."""

    def __init__(self, answer=None, port=0, refuse=None, tls=None):
        self.feeds, self.refuse, self.plain = [], refuse, answer or (lambda request: {})
        self.inits = []
        self.server = Subgraph(self.answer, port, tls)
        self.url, self.port, self.stop = self.server.url, self.server.port, self.server.stop

    def answer(self, request):
        headers = dict(request["headers"])
        if headers.get("upgrade", "").lower() == "websocket":
            return lambda sock: self.over_ws(sock, request, headers)
        if headers.get("accept") == "text/event-stream":
            return self.refuse or (lambda sock: self.over_sse(sock, request))
        return self.plain(request)

    def over_sse(self, sock, request):
        sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
                     b"3\r\n:\n\n\r\n")
        self.hold(Feed(sock, request, False))

    def over_ws(self, sock, request, headers):
        accept = base64.b64encode(hashlib.sha1((headers["sec-websocket-key"] + GUID).encode()).digest()).decode()
        sock.sendall((f"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}"
                      "\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n").encode())
        frames = Frames(sock)
        feed = Feed(sock, request, True)
        with contextlib.suppress(EOFError, OSError):
            while True:
                opcode, payload = frames.next()
                assert frames.masked, "a client's frames are masked"
                if opcode == 8:
                    break
                if opcode == 9:
                    sock.sendall(frame(payload, 10))
                if opcode != 1:
                    continue
                said = json.loads(payload)
                if said["type"] == "connection_init":
                    self.inits.append(said)
                    feed.message({"type": "connection_ack"})
                elif said["type"] == "subscribe":
                    feed.request = {**request, **said["payload"]}
                    self.feeds.append(feed)
        feed.gone.set()

    def hold(self, feed):
        self.feeds.append(feed)
        with contextlib.suppress(OSError):
            while feed.sock.recv(4096):
                pass
        feed.gone.set()

    def feed(self, number=1, seconds=10):
        """The number-th subscription, counted from one."""
        wait_until(lambda: len(self.feeds) >= number, seconds, f"subscription {number}")
        return self.feeds[number - 1]


def supergraph(parks, visits, subscription="visited(of: Int): Park @join__field(graph: VISITS)", more=""):
    """Parks have names; visits tell who was visited, and count."""
    return f"""{HEAD.replace("{ query: Query }", "{ query: Query subscription: Subscription }")}
enum join__Graph {{ PARKS @join__graph(name: "parks", url: "{parks}") VISITS @join__graph(name: "visits", url: "{visits}") }}
type Query @join__type(graph: PARKS) @join__type(graph: VISITS) {{
  park: Park @join__field(graph: PARKS)
}}
type Subscription @join__type(graph: VISITS) {{
  {subscription}
}}
type Park @join__type(graph: PARKS, key: "id") @join__type(graph: VISITS, key: "id") {{
  id: ID!
  name: String @join__field(graph: PARKS)
  crowd: Int @join__field(graph: VISITS)
  {more}
}}
"""


# ---- clients ----

class Sse:
    """A client of graphql-sse, distinct connections; also of multipart, by its `accept`."""

    def __init__(self, port, query, accept="text/event-stream", headers=None, method="POST", tls=None, **more):
        self.line = (http.client.HTTPSConnection("127.0.0.1", port, timeout=15, context=tls) if tls else
                     http.client.HTTPConnection("127.0.0.1", port, timeout=15))
        self.line.request(method, "/graphql", json.dumps({"query": query, **more}),
                          {"content-type": "application/json", "accept": accept, **(headers or {})})
        self.answer = self.line.getresponse()
        self.status, self.type = self.answer.status, self.answer.getheader("content-type")

    def next(self):
        """(name, data) of the next event; None at the end."""
        name, data = "", None
        while line := self.answer.readline():
            text = line.decode().rstrip("\r\n")
            if not text and (name or data is not None):
                return name, json.loads(data) if data else None
            if text.startswith("event:"):
                name = text[6:].strip()
            elif text.startswith("data:"):
                data = text[5:].strip()
        return None

    def heart(self):
        """The next line that is a comment."""
        while line := self.answer.readline():
            if line.startswith(b":"):
                return line
        return None

    def part(self):
        """The next part of a multipart answer; None at the end."""
        while line := self.answer.readline():
            if line.startswith(b"{"):
                return json.loads(line)
            if line.startswith(b"--graphql--"):
                return None
        return None

    def close(self):
        with contextlib.suppress(OSError, AttributeError):
            self.answer.fp.raw._sock.shutdown(socket.SHUT_RDWR)
        self.answer.close()
        self.line.close()


class Ws:
    """A client of graphql-transport-ws."""

    def __init__(self, port, init=True, protocol="graphql-transport-ws", headers="", payload=None, tls=None):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=15)
        if tls:
            self.sock = tls.wrap_socket(self.sock, server_hostname="127.0.0.1")
        key = base64.b64encode(os.urandom(16)).decode()
        self.sock.sendall((f"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\n"
                           f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
                           f"Sec-WebSocket-Protocol: {protocol}\r\n{headers}\r\n").encode())
        head = b""
        while b"\r\n\r\n" not in head:
            more = self.sock.recv(4096)
            if not more:
                break
            head += more
        self.head, _, rest = head.partition(b"\r\n\r\n")
        self.status = int(self.head.split()[1])
        self.frames = Frames(self.sock, rest)
        self.code, self.reason = None, None
        if self.status == 101:
            wanted = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest())
            assert wanted in self.head, self.head
        if init and self.status == 101:
            self.say({"type": "connection_init", **({"payload": payload} if payload else {})})
            said = self.next()
            assert said == {"type": "connection_ack"}, (said, self.code, self.reason)

    def say(self, message):
        self.raw(frame(json.dumps(message).encode(), mask=True))

    def raw(self, data):
        self.sock.sendall(data)

    def subscribe(self, name, query, **more):
        self.say({"id": name, "type": "subscribe", "payload": {"query": query, **more}})

    def next(self):
        """The next message; None when the other side closed, whose code then stands in `code`."""
        while True:
            try:
                opcode, payload = self.frames.next()
            except (EOFError, ConnectionResetError):
                return None
            assert not self.frames.masked, "a server's frames are not masked"
            if opcode == 1:
                return json.loads(payload)
            if opcode == 9:
                self.raw(frame(payload, 10, mask=True))
            if opcode == 8:
                self.code = struct.unpack(">H", payload[:2])[0] if payload else 1005
                self.reason = payload[2:].decode()
                return None

    def close(self):
        self.sock.close()


def settled(check, seconds=1.0):
    """Whether it stays true for a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not check():
            return False
        time.sleep(0.05)
    return True
