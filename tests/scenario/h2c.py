# SPDX-License-Identifier: MIT
"""As much HTTP/2 as it takes to begin many requests on one connection and to reset them when one likes."""
import select
import socket
import struct
import time

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def _text(value):
    value = value.encode()
    assert len(value) < 127 + 128 * 128
    if len(value) < 127:
        return bytes((len(value),)) + value
    rest = len(value) - 127
    return bytes((127, rest & 127 | 128, rest >> 7)) + value if rest > 127 else bytes((127, rest)) + value


def _fields(pairs):
    return b"".join(b"\0" + _text(name) + _text(value) for name, value in pairs)


class H2c:
    def __init__(self, port):
        self.link = socket.create_connection(("127.0.0.1", port), 10)
        self.link.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0) +
                          frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 28)))
        self.next, self.got, self.bodies, self.ended, self.refused = 1, b"", {}, set(), set()

    def begin(self, body, token, *more):
        stream, self.next = self.next, self.next + 2
        head = _fields([(":method", "POST"), (":scheme", "http"), (":authority", "localhost"), (":path", "/graphql"),
                        ("content-type", "application/json"), ("authorization", f"Bearer {token}"), *more])
        self.link.sendall(frame(HEADERS, END_HEADERS, stream, head) + frame(DATA, END_STREAM, stream, body))
        self.bodies[stream] = b""
        return stream

    def reset(self, stream):
        self.link.sendall(frame(RST_STREAM, 0, stream, struct.pack(">I", 8)))
        self.ended.add(stream)

    def take(self, seconds):
        """What comes within so long; False when the other side is done with us."""
        ready, _, _ = select.select([self.link], [], [], seconds)
        if not ready:
            return True
        more = self.link.recv(1 << 20)
        self.got += more
        while len(self.got) >= 9:
            size = int.from_bytes(self.got[:3], "big")
            if len(self.got) < 9 + size:
                break
            self.one(self.got[3], self.got[4], int.from_bytes(self.got[5:9], "big"), self.got[9:9 + size])
            self.got = self.got[9 + size:]
        return bool(more)

    def one(self, kind, flags, stream, payload):
        if kind == SETTINGS and not flags & ACK:
            self.link.sendall(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self.link.sendall(frame(PING, ACK, 0, payload))
        elif kind == DATA:
            self.bodies[stream] += payload
            if payload:
                self.link.sendall(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", len(payload))))
        elif kind == RST_STREAM:
            self.refused.add(stream)
        if kind in (DATA, HEADERS) and flags & END_STREAM or kind == RST_STREAM:
            self.ended.add(stream)

    def until_ended(self, streams, seconds):
        end = time.monotonic() + seconds
        while not self.ended >= set(streams) and time.monotonic() < end and self.take(0.05):
            pass
        return [self.bodies[stream] if stream in self.ended else None for stream in streams]

    def close(self, hard=False):
        if hard:
            self.link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.link.close()
