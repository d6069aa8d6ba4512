# SPDX-License-Identifier: MIT
"""A small HTTP/2 client that can misbehave: it makes frames, sends what it is told, and reads frames."""
import socket
import ssl
import struct
import threading
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 1, 1, 4
PROTOCOL_ERROR, FLOW_CONTROL, STREAM_CLOSED, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 1, 3, 5, 7, 8, 11
S_MAX_STREAMS, S_INITIAL_WINDOW = 3, 4


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def u32(n):
    return struct.pack(">I", n)


def settings(*pairs):
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", k, v) for k, v in pairs))


def integer(first, bits, n):
    """RFC 7541 5.1."""
    full = (1 << bits) - 1
    if n < full:
        return bytes([first | n])
    out = bytearray([first | full])
    n -= full
    while n >= 128:
        out.append(n % 128 + 128)
        n //= 128
    out.append(n)
    return bytes(out)


def string(text):
    raw = text if isinstance(text, bytes) else text.encode()
    return integer(0, 7, len(raw)) + raw


# RFC 7541, appendix B: the symbols of five bits.
FIVE_BITS = "012aceiost"


def coded(text):
    """A text of these symbols, Huffman coded; the last octet is filled with ones."""
    bits = "".join(f"{FIVE_BITS.index(c):05b}" for c in text)
    bits += "1" * (-len(bits) % 8)
    raw = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))
    return integer(0x80, 7, len(raw)) + raw


def literal(name, value):
    """A field that is not indexed."""
    return b"\x00" + string(name) + string(value)


def indexed_literal(name, value):
    """A field that enters the dynamic table."""
    return b"\x40" + string(name) + string(value)


def block(path="/", method="GET", authority="localhost", extra=b""):
    verb = {"GET": b"\x82", "POST": b"\x83"}.get(method) or b"\x02" + string(method)
    return verb + b"\x86" + b"\x04" + string(path) + b"\x01" + string(authority) + extra


def request(stream, path="/", method="GET", end=True, extra=b""):
    return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block(path, method, extra=extra))


class Frame:
    def __init__(self, kind, flags, stream, payload):
        self.kind, self.flags, self.stream, self.payload = kind, flags, stream, payload

    def code(self):
        at = 4 if self.kind == GOAWAY else 0
        return struct.unpack(">I", self.payload[at:at + 4])[0]


class Connection:
    """sock: anything connected. The preface and settings are sent at once unless told otherwise."""

    def __init__(self, sock, initial=settings(), preface=PREFACE):
        self.sock = sock
        self.buffer = b""
        self.eof = False
        sock.sendall(preface + initial)

    def send(self, *frames):
        self.sock.sendall(b"".join(frames))

    def try_send(self, data):
        """False: the other side has closed."""
        try:
            self.sock.sendall(data)
            return True
        except (OSError, ssl.SSLError):
            return False

    def frames(self, seconds=3.0):
        """Frames as they come, until the connection ends or the time is over."""
        until = time.monotonic() + seconds
        while True:
            while len(self.buffer) >= 9:
                n = int.from_bytes(self.buffer[:3], "big")
                if len(self.buffer) < 9 + n:
                    break
                head, payload = self.buffer[:9], self.buffer[9:9 + n]
                self.buffer = self.buffer[9 + n:]
                yield Frame(head[3], head[4], int.from_bytes(head[5:9], "big") & 0x7FFFFFFF, payload)
            left = until - time.monotonic()
            if left <= 0:
                return
            self.sock.settimeout(left)
            try:
                data = self.sock.recv(262144)
            except (socket.timeout, TimeoutError):
                return
            except OSError:
                data = b""
            if not data:
                self.eof = True
                return
            self.buffer += data

    def wait_closed(self, seconds=3.0):
        """Reads to the end. Returns (closed, code of the last GOAWAY or None)."""
        code = None
        for f in self.frames(seconds):
            if f.kind == GOAWAY:
                code = f.code()
        return self.eof, code

    def answer(self, stream, seconds=3.0):
        """(status bytes of HPACK, body, reset code or None) of one stream."""
        head, body = None, b""
        for f in self.frames(seconds):
            if f.stream == stream and f.kind == HEADERS:
                head = f.payload
            elif f.stream == stream and f.kind == DATA:
                body += f.payload
            elif f.stream == stream and f.kind == RST_STREAM:
                return head, body, f.code()
            elif f.kind == GOAWAY and f.code():
                self.eof = True
                return head, body, None
            if f.stream == stream and f.flags & END_STREAM:
                return head, body, None
        return head, body, None

    def status(self, stream, seconds=3.0):
        """HTTP status of a stream's answer: an int, or "reset N", or "closed"."""
        head, _, reset = self.answer(stream, seconds)
        if head is not None:
            return status_of(head)
        return f"reset {reset}" if reset is not None else "closed" if self.eof else "none"

    def drain(self):
        """Reads and forgets in another thread."""
        def run():
            try:
                self.sock.settimeout(None)
                while self.sock.recv(262144):
                    pass
            except (OSError, ValueError):
                pass
            self.eof = True
        threading.Thread(target=run, daemon=True).start()

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)  # close alone does nothing while another thread reads
        except OSError:
            pass
        self.sock.close()


def status_of(head):
    """The first field of an answer's header block is :status, and libh2o writes it in one of two ways."""
    known = {0x88: 200, 0x89: 204, 0x8A: 206, 0x8B: 304, 0x8C: 400, 0x8D: 404, 0x8E: 500}
    if head[0] in known:
        return known[head[0]]
    return int(head[2:5]) if head[0] == 0x08 else f"? {head[:6]!r}"
