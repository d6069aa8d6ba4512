# SPDX-License-Identifier: MIT
"""HTTP/2: what one connection could do to libh2o 2.2.5, and what any server must refuse."""
import random
import re
import struct
import time

import h2frames as h2
from kit import Victim, check, probe, read_all

BIG_WINDOW = h2.frame(h2.WINDOW_UPDATE, 0, 0, h2.u32(0x7FFFFFFF - 65535))


def flood(c, unit, seconds, batch=500):
    """Sends a unit again and again. Returns how many went out before the server closed, and whether it did."""
    data, n, until = unit * batch, 0, time.monotonic() + seconds
    c.sock.settimeout(5)
    while time.monotonic() < until:
        if not c.try_send(data):
            return n, True
        n += batch
    return n, False


# ---- the assertion that ends the process


def window_attack(server, name, size, delta):
    c = server.http2(name, h2.settings((h2.S_INITIAL_WINDOW, size)), rcvbuf=2048)
    c.send(h2.frame(h2.SETTINGS, h2.ACK), BIG_WINDOW, *[h2.request(1 + 2 * i, f"/big/{size}") for i in range(100)])
    time.sleep(0.25)
    ids = [1 + 2 * i for i in range(100)]
    c.try_send(b"".join(delta(i) for i in ids))
    time.sleep(0.1)
    c.try_send(h2.frame(h2.PING, 0, 0, b"12345678") * 2)
    time.sleep(0.05)
    check(server.alive(), f"died of window updates on finished answers of {size} bytes")
    c.close()


def one_more(stream):
    return h2.frame(h2.WINDOW_UPDATE, 0, stream, h2.u32(1))


@probe
def window_assert(server):
    for size in (10000, 3000, 5000, 800, 10000, 3000):
        window_attack(server, "plain", size, one_more)


@probe
def window_assert_tls(server):
    for size in (10000, 3000):
        window_attack(server, "tls", size, one_more)


window_assert_tls.tls = True


@probe
def window_assert_by_settings(server):
    """The same by SETTINGS: down and up again over streams that are done, and by resets of queued ones."""
    for size in (10000, 3000):
        window_attack(server, "plain", size,
                      lambda s, n=size: h2.settings((h2.S_INITIAL_WINDOW, 0), (h2.S_INITIAL_WINDOW, n + 1)) if s < 40 else b"")
        window_attack(server, "plain", size, lambda s: h2.frame(h2.RST_STREAM, 0, s, h2.u32(8)) + one_more(s))
        window_attack(server, "plain", size, lambda s: h2.frame(h2.WINDOW_UPDATE, 0, s, h2.u32(0x7FFFFFFF)) + one_more(s))


# ---- resets


def reset_attack(server, unit, path, what):
    before, started = server.metric("probe_handled"), server.metric("probe_started")
    c = server.http2()
    c.drain()
    stream, n = 1, 0
    until = time.monotonic() + 2
    closed = False
    while time.monotonic() < until and not closed:
        b = bytearray()
        for _ in range(100):
            b += unit(stream)
            stream += 2
        closed = not c.try_send(bytes(b))
        n += 100
        time.sleep(0)
    check(closed, f"{what}: still open after {n} streams")
    handled = server.metric("probe_handled") - before
    check(handled <= 201, f"{what}: {handled} streams reached the handler")
    check(server.metric("probe_started") - started <= 201, f"{what}: work was started")
    check(server.guarded("resets") > 0 or server.guarded("malformed") > 0, f"{what}: nothing was counted")
    c.close()


@probe
def rapid_reset(server):
    rst = lambda s: h2.frame(h2.RST_STREAM, 0, s, h2.u32(8))  # noqa: E731
    reset_attack(server, lambda s: h2.request(s, "/slow/5000") + rst(s), "/slow", "HEADERS, RST_STREAM")
    reset_attack(server, lambda s: h2.request(s, "/slow/5000", "POST", end=False) +
                 h2.frame(h2.DATA, h2.END_STREAM, s, b"x") + rst(s), "/slow", "POST, DATA, RST_STREAM")
    reset_attack(server, lambda s: h2.request(s, "/slow/5000", "POST", end=False) + rst(s), "/slow", "open POST, RST_STREAM")


@probe
def made_you_reset(server):
    post = lambda s: h2.request(s, "/slow/5000", "POST", end=False)  # noqa: E731
    get = lambda s: h2.request(s, "/slow/5000")  # noqa: E731
    variants = {
        "WINDOW_UPDATE of 0": lambda s: get(s) + h2.frame(h2.WINDOW_UPDATE, 0, s, h2.u32(0)),
        "window overflow": lambda s: get(s) + h2.frame(h2.WINDOW_UPDATE, 0, s, h2.u32(0x7FFFFFFF)),
        "DATA on a half-closed stream": lambda s: get(s) + h2.frame(h2.DATA, 0, s, b"x"),
        "length that does not fit": lambda s: h2.request(s, "/slow/5000", "POST", end=False,
                                                          extra=h2.literal("content-length", "9")) +
        h2.frame(h2.DATA, h2.END_STREAM, s, b"x"),
        "no :path": lambda s: h2.frame(h2.HEADERS, 5, s, b"\x82\x86"),
    }
    for what, unit in variants.items():
        reset_attack(server, unit, "/slow", what)
    # An uploaded stream that is closed twice.
    reset_attack(server, lambda s: post(s) + h2.frame(h2.DATA, h2.END_STREAM, s, b"x") + h2.frame(h2.DATA, 0, s, b"x"),
                 "/slow", "DATA after the end")


@probe
def resets_of_a_good_client(server):
    """Cancelling now and then is no attack."""
    c = server.http2()
    stream = 1
    for i in range(600):
        c.send(h2.request(stream))
        check(c.answer(stream)[1] == b"hello\n", f"request {i} was not answered")
        stream += 2
        if i % 4 == 0:
            c.send(h2.request(stream, "/slow/2000"), h2.frame(h2.RST_STREAM, 0, stream, h2.u32(8)))
            stream += 2
    c.close()


# ---- header blocks


@probe
def continuation_flood(server):
    c = server.http2()
    c.send(h2.frame(h2.HEADERS, 1, 1, h2.block()))
    n, closed = flood(c, h2.frame(h2.CONTINUATION, 0, 1), 2)
    check(closed, f"open after {n} empty CONTINUATION frames")
    c = server.http2()
    c.send(h2.frame(h2.HEADERS, 1, 1, h2.block()))
    n, closed = flood(c, h2.frame(h2.CONTINUATION, 0, 1, h2.literal("x", "y" * 16000)), 2, batch=1)
    # How many the sockets' buffers took before the close was seen depends on the kernel, not on the server.
    check(closed, f"open after {n} full CONTINUATION frames")
    check(server.guarded("continuation") >= 2, "not counted")


@probe
def continuation_during_shutdown(server):
    """A header block that is open when GOAWAY goes out once made the library spin."""
    c = server.http2()
    c.send(h2.request(1, "/slow/3500"), h2.frame(h2.HEADERS, 1, 3, h2.block()))
    time.sleep(0.2)
    server.terminate()
    time.sleep(1.5)
    c.try_send(h2.frame(h2.CONTINUATION, h2.END_HEADERS, 3))
    before = server.cpu_s()
    closed, _ = c.wait_closed(1.0)
    check(closed, "the connection stays open")
    check(not server.alive() or server.cpu_s() - before < 0.3, "the loop spins")
    check(server.wait(3) == 0, "the server does not end")


continuation_during_shutdown.ends = True


# An authorization under the static table's name, by the way it asks to be indexed.
NOT_INDEXED, NEVER_INDEXED, INDEXED = b"\x0f\x08", b"\x1f\x08", b"\x57"


@probe
def coded_tokens(server):
    """A token that comes Huffman coded again and again is the one that was sent, whatever came before it."""
    rng = random.Random(7)
    c, stream = server.http2(), -1
    c.send(BIG_WINDOW)

    def ask(*fields):
        nonlocal stream
        stream += 2
        c.send(h2.request(stream, "/token", extra=b"".join(fields) + h2.literal("x-behind", "it")))
        return tuple(c.answer(stream)[1].decode().rstrip("\n").split(" ", 1))

    def token(n):
        return "".join(rng.choice(h2.FIVE_BITS) for _ in range(n))
    lengths = [1, 60, 101, 102, 103, 104, 126, 127, 128, 200, 201, 254, 255, 256, 400, 3000, 3276, 3277, 3300, 5000]
    known = [token(n) for n in lengths for _ in range(2)]
    for _ in range(400):
        text = rng.choice(known[-4:] if rng.random() < 0.3 else known)
        if rng.random() < 0.2:  # another one of the same length
            text = text[:-1] + rng.choice(h2.FIVE_BITS)
        for _ in range(rng.choice((1, 1, 3))):
            how = rng.choice((NOT_INDEXED, NEVER_INDEXED, INDEXED))
            value = h2.coded(text) if rng.random() < 0.9 else h2.string(text)
            check(ask(how + value) == ("1", text), f"a token of {len(text)} came as another")
    old, new = known[20], known[22]
    check(ask(INDEXED + h2.coded(old)) == ("1", old) and ask(b"\xbe") == ("1", old), "from the table")
    check(ask(INDEXED + h2.coded(old)) == ("1", old) and ask(b"\xbe") == ("1", old), "from the table, in clear")
    for first, second in ((old, new), (new, old), (old, old)):
        check(ask(NOT_INDEXED + h2.coded(first), NOT_INDEXED + h2.coded(second)) == ("2", first), "two tokens")
        check(ask(b"\xbe", NOT_INDEXED + h2.coded(new)) == ("2", old), "one of the table, one coded")
        check(ask(NOT_INDEXED + h2.coded(new)) == ("1", new), "the one that stood second")
    wrong = bytearray(h2.coded(old))
    wrong[-30:] = b"\xff" * 30  # EOS
    for _ in range(2):
        c, stream = server.http2(), -1
        check(ask(NOT_INDEXED + h2.coded(old)) == ("1", old), "a new connection")
        c.send(h2.request(3, "/token", extra=NOT_INDEXED + bytes(wrong)))
        check(c.wait_closed()[0], "a code that means nothing is no token")
    c = server.http2()
    c.send(h2.request(1, "/token", extra=NOT_INDEXED + bytes(wrong)))
    check(c.wait_closed()[0], "nor where it comes first")


@probe
def fresh_headers(server):
    """What is new in each answer stands behind all else, and enters no table."""
    c = server.http2()
    for stream in (1, 3, 5):
        c.send(h2.request(stream, "/token"))
        head, body, _ = c.answer(stream)
        at = head.find(b"\x00\x0dserver-timing")
        check(at > 0, "server-timing is a literal")
        rest = head[at + 15:]
        value, rest = rest[1:1 + rest[0]], rest[1 + rest[0]:]
        check(re.fullmatch(rb"n;dur=\d+", value), f"its value is {value}")
        check(rest[:2] == b"\x0f\x0d" and int(rest[3:]) == len(body) and rest[2] == len(rest) - 3,
              f"and the length, which is {rest}")
        if stream > 1:
            check(at < 12, f"all before it is in the table: {at} bytes")


@probe
def hpack_bomb(server):
    c = server.http2()
    c.drain()
    before = server.rss_kb()
    c.send(h2.request(1, "/slow/1000", extra=h2.indexed_literal("x", "a" * 4000)))
    time.sleep(0.1)
    stream, closed = 3, False
    for _ in range(20):
        data = h2.block("/slow/1000") + b"\xbe" * 400000
        out, first = bytearray(), True
        while data:
            piece, data = data[:16384], data[16384:]
            last = h2.END_HEADERS if not data else 0
            out += h2.frame(h2.HEADERS if first else h2.CONTINUATION, (1 if first else 0) | last, stream, piece)
            first = False
        closed = closed or not c.try_send(bytes(out))
        stream += 2
    time.sleep(0.2)
    check(closed or c.eof, "the connection stays open")
    grown = server.rss_kb() - before
    check(grown < 8192, f"resident memory grew by {grown} KB")
    c = server.http2()
    c.send(h2.request(1, extra=h2.indexed_literal("x", "a" * 500)))
    check(c.status(1) == 200, "one large field is allowed")
    c.send(h2.request(3, extra=b"\xbe" * 90))
    check(c.status(3) == 200, "ninety references are allowed")
    c.send(h2.request(5, extra=b"\xbe" * 200))
    closed, code = c.wait_closed()
    check(closed and code == h2.ENHANCE_YOUR_CALM, f"200 references: closed={closed} code={code}")
    c = server.http2()
    c.send(h2.frame(h2.HEADERS, 5, 1, b"\x20" * 50 + h2.block()))
    check(c.wait_closed()[0], "fifty table size updates are taken")
    check(server.guarded("hpack") >= 2, "not counted")


@probe
def header_limits(server):
    for what, extra in (("8 KB cookies", [h2.literal("cookie", "c" * 8000)] * 50),
                        ("101 fields", [h2.literal(f"a{i}", "b") for i in range(101)]),
                        ("417 KB", [h2.literal(f"a{i}", "b" * 8000) for i in range(52)])):
        c = server.http2()
        data = h2.block(extra=b"".join(extra))
        out = [h2.frame(h2.HEADERS, 1 | (4 if len(data) <= 16384 else 0), 1, data[:16384])]
        rest = data[16384:]
        while rest:
            piece, rest = rest[:16384], rest[16384:]
            out.append(h2.frame(h2.CONTINUATION, 0 if rest else 4, 1, piece))
        c.try_send(b"".join(out))
        got = c.status(1)
        check(got in (431, "closed") or str(got).startswith("reset"), f"{what}: {got}")
    # Small on the wire, large when put together: references to one large field of the table.
    c = server.http2()
    c.send(h2.request(1, extra=h2.indexed_literal("x", "a" * 4000)))
    check(c.status(1) == 200, "refused")
    c.send(h2.request(3, extra=b"\xbe" * 30))
    check(c.status(3) == 431, "120 KB of headers by reference are taken")


# ---- frames that carry nothing


@probe
def frame_floods(server):
    post = h2.request(1, "/echo", "POST", end=False)
    kinds = {
        "PING": (h2.frame(h2.PING, 0, 0, b"12345678"), b""),
        "SETTINGS": (h2.settings((h2.S_INITIAL_WINDOW, 65535)), b""),
        "SETTINGS of 2730 entries": (h2.settings(*[(h2.S_MAX_STREAMS, 100)] * 2730), b""),
        "empty DATA": (h2.frame(h2.DATA, 0, 1), post),
        "WINDOW_UPDATE": (h2.frame(h2.WINDOW_UPDATE, 0, 0, h2.u32(1)), b""),
        "PRIORITY": (h2.frame(h2.PRIORITY, 0, 1, struct.pack(">IB", 3, 16)), b""),
        "unknown": (h2.frame(0xFA, 0, 0), b""),
        "RST_STREAM": (h2.frame(h2.RST_STREAM, 0, 1, h2.u32(8)), h2.request(1)),
    }
    for what, (unit, before) in kinds.items():
        with Victim(server) as victim:
            c = server.http2()
            c.drain()
            c.send(before)
            n, closed = flood(c, unit, 4, batch=max(1, min(500, 200000 // len(unit))))
            c.close()
        check(closed, f"{what}: open after {n} frames")
        check(victim.failed == 0, f"{what}: another client's request failed")
        check(victim.p99_ms() < 250, f"{what}: another client waited {victim.p99_ms():.0f} ms")
    check(server.guarded("flood") >= len(kinds) - 1, "not counted")


@probe
def floods_unread(server):
    """The same from a client that reads nothing: what the server would say must not pile up."""
    before = server.rss_kb()
    c = server.http2(rcvbuf=2048)
    flood(c, h2.frame(h2.PING, 0, 0, b"12345678"), 1.0)
    check(server.rss_kb() - before < 16384, f"resident memory grew by {server.rss_kb() - before} KB")
    c.close()


@probe
def unknown_frames(server):
    before = len(server.errors())
    c = server.http2()
    for _ in range(8):
        c.send(h2.frame(0xFA, 0, 0, b"?") * 1000)
    c.send(h2.request(1))
    check(c.answer(1)[1] == b"hello\n", "no answer beside unknown frames")
    check(len(server.errors()) == before, "lines on stderr: " + server.errors()[before:before + 200])
    check(server.guarded("unknown_frame") == 8000, "not counted")
    c.close()


# ---- streams


@probe
def stream_limits(server):
    c = server.http2()
    c.send(*[h2.request(1 + 2 * i, "/slow/400") for i in range(120)])
    refused, answered = 0, 0
    for f in c.frames(4):
        refused += f.kind == h2.RST_STREAM and f.code() == h2.REFUSED_STREAM
        answered += f.kind == h2.DATA and bool(f.flags & 1)
        if refused + answered == 120:
            break
    check(refused == 20 and answered == 100, f"{answered} answered, {refused} refused of 120 at once")
    c = server.http2()
    c.send(h2.request(0x7FFFFFFF))
    check(c.status(0x7FFFFFFF) == 200, "the last stream id is not served")
    c.send(h2.request(1))
    check(c.wait_closed()[0], "a stream id below the last is taken")
    c = server.http2()
    c.send(h2.request(2))
    check(c.wait_closed() == (True, h2.PROTOCOL_ERROR), "an even stream id is taken")
    # At most 32 of a connection are in work.
    c = server.http2()
    before = server.metric("probe_started")
    c.send(*[h2.request(1 + 2 * i, "/slow/1000") for i in range(100)])
    time.sleep(0.3)
    check(server.metric("probe_started") - before == 32, "more than 32 streams are in work")
    c.close()


@probe
def malformed_requests(server):
    head = lambda *parts: h2.frame(h2.HEADERS, 5, 1, b"".join(parts))  # noqa: E731
    path, host = b"\x04" + h2.string("/echo"), b"\x01" + h2.string("a")
    post = lambda extra: h2.frame(h2.HEADERS, 4, 1, b"\x83\x86" + path + host + extra)  # noqa: E731
    cases = {
        "empty :path": head(b"\x82\x86\x04\x00", host),
        "relative :path": head(b"\x82\x86\x04" + h2.string("echo"), host),
        "space in :path": head(b"\x82\x86\x04" + h2.string("/a b"), host),
        "high bytes in :path": head(b"\x82\x86\x04" + h2.string(b"/a\xff"), host),
        "two :path": head(b"\x82\x86", path, path, host),
        "two :method": head(b"\x82\x82\x86", path, host),
        "no :method": head(b"\x86", path, host),
        "no :scheme": head(b"\x82", path, host),
        "unknown pseudo header": head(b"\x82\x86", path, host, h2.literal(":x", "y")),
        "pseudo header after others": head(b"\x82\x86", h2.literal("a", "b"), path, host),
        "userinfo in :authority": head(b"\x82\x86", path, b"\x01" + h2.string("a@b")),
        "space in :authority": head(b"\x82\x86", path, b"\x01" + h2.string("a b")),
        "method that is no token": head(b"\x02" + h2.string("G(T"), b"\x86", path, host),
        "CONNECT": head(b"\x02" + h2.string("CONNECT"), host),
        "upper case name": head(b"\x82\x86", path, host, h2.literal("X-Y", "z")),
        "line feed in value": head(b"\x82\x86", path, host, h2.literal("x", "a\nb")),
        "connection": head(b"\x82\x86", path, host, h2.literal("connection", "close")),
        "transfer-encoding": head(b"\x82\x86", path, host, h2.literal("transfer-encoding", "chunked")),
        "te that is not trailers": head(b"\x82\x86", path, host, h2.literal("te", "gzip")),
        "content-length without body": head(b"\x83\x86", path, host, h2.literal("content-length", "3")),
        "content-length too large": post(h2.literal("content-length", "9")) + h2.frame(h2.DATA, 1, 1, b"abc"),
        "content-length too small": post(h2.literal("content-length", "1")) + h2.frame(h2.DATA, 1, 1, b"abc"),
        "content-length that is none": post(h2.literal("content-length", "+3")) + h2.frame(h2.DATA, 1, 1, b"abc"),
        "stream that depends on itself": h2.frame(h2.HEADERS, 5 | 0x20, 1, struct.pack(">IB", 1, 1) + h2.block("/echo")),
    }
    before = server.metric("probe_handled")
    for what, data in cases.items():
        c = server.http2()
        c.send(data)
        got = c.status(1, 2.0)
        check(got in (400, "closed") or str(got).startswith("reset"), f"{what}: {got}")
        c.close()
    check(server.metric("probe_handled") == before, "one of them reached the handler")
    c = server.http2()
    c.send(post(h2.literal("content-length", "3")), h2.frame(h2.DATA, 0, 1, b"abc"),
           h2.frame(h2.HEADERS, 5, 1, h2.literal("authorization", "late")))
    body = c.answer(1)[1]
    check(b"body=3:abc headers=0" in body, f"trailers became headers: {body!r}")


# ---- bodies


@probe
def body_memory(server):
    """A hundred uploads that never end: a connection holds 4 MiB, the process 64."""
    before = server.rss_kb()
    piece = b"z" * 16384
    for _ in range(3):
        c = server.http2()
        c.drain()
        c.send(*[h2.request(1 + 2 * i, "/echo", "POST", end=False) for i in range(100)])
        for _ in range(20):
            if not c.try_send(b"".join(h2.frame(h2.DATA, 0, 1 + 2 * i, piece) for i in range(100))):
                break
        time.sleep(0.1)
        held = server.metric("meridian_guard_body_bytes")
        check(held <= 4 << 20, f"{held} bytes held by one connection")
        c.close()
    time.sleep(0.5)
    check(server.metric("meridian_guard_body_bytes") == 0, "bytes are held by nobody")
    check(server.guarded("body_budget") > 0, "not counted")
    check(server.rss_kb() - before < 32768, f"resident memory grew by {server.rss_kb() - before} KB")


def upload(server, size, announced, piece=16384):
    c = server.http2()
    extra = h2.literal("content-length", str(size)) if announced else b""
    c.send(h2.request(1, "/echo", "POST", end=False, extra=extra))
    data = bytearray()
    left = size
    while left:
        n = min(piece, left)
        left -= n
        data += h2.frame(h2.DATA, 0 if left else 1, 1, b"q" * n)
    c.drain_later = c.try_send(bytes(data))
    return c


@probe
def body_too_large(server):
    """413 with an error that a client can read, in every way to send too much; the limit itself is allowed."""
    for announced in (True, False):
        c = upload(server, 1 << 20, announced)
        check(c.status(1) == 200, f"1 MiB (announced: {announced}) is refused")
        c.close()
        c = upload(server, (1 << 20) + 1, announced)
        head, body, _ = c.answer(1)
        check(head and h2.status_of(head) == 413 and b"PAYLOAD_TOO_LARGE" in body,
              f"1 MiB and a byte (announced: {announced}): {head and h2.status_of(head)} {body[:100]!r}")
        c.send(h2.request(3))
        check(c.answer(3)[1] == b"hello\n", "the connection is of no use after a 413")
        c.close()
        c = upload(server, 5 << 20, announced)
        check(c.status(1) == 413, f"5 MiB (announced: {announced})")
        c.send(h2.request(3))
        check(c.answer(3)[1] == b"hello\n", "the connection is of no use after a large 413")
        c.close()
    check(server.guarded("body_size") == 4, "not counted")
    check(server.metric("meridian_guard_body_bytes") == 0, "bytes are held by nobody")


@probe
def protocols_mixed(server):
    """HTTP/2 begins with the first byte of a connection or not at all."""
    up = server.http1(b"POST /echo HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                      b"HTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: 3\r\n\r\nabc")
    check(b" 200 " in up and b" 101 " not in up, f"Upgrade: {up[:80]!r}")
    late = server.http1(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + h2.PREFACE + h2.settings() + h2.request(1))
    check(late.count(b"HTTP/1.1 ") == 2 and b" 400 " in late and not late.endswith(b"<open>"), f"late preface: {late!r}")
    s = server.connect()
    for i in range(len(h2.PREFACE)):
        s.sendall(h2.PREFACE[i:i + 1])
    c = h2.Connection(s, h2.settings(), b"")
    c.send(h2.request(1))
    check(c.answer(1)[1] == b"hello\n", "a preface byte by byte")
    s = server.connect("tls", alpn=("http/1.1",))
    s.sendall(h2.PREFACE + h2.settings())
    out = read_all(s)
    check(b" 400 " in out, f"preface after ALPN http/1.1: {out!r}")
    s = server.connect("tls", alpn=("h2",))
    s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    check(b"200" not in read_all(s), "HTTP/1 after ALPN h2 is answered")


protocols_mixed.tls = True
