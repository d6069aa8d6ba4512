# SPDX-License-Identifier: MIT
"""Slow and silent clients. The server's limits are set to about a second here."""
import time

import h2frames as h2
from kit import check, probe

QUICK = ("--headers-ms", 900, "--body-ms", 1200, "--stall-ms", 1200, "--idle-ms", 900, "--handshake-ms", 900)


def ends(sockets, seconds):
    """Seconds until each was closed by the server (None: not), without reading more than is needed to see it."""
    import select
    started, out = time.monotonic(), {}
    while len(out) < len(sockets) and time.monotonic() - started < seconds:
        for name, s in sockets.items():
            if name in out:
                continue
            poller = select.poll()
            poller.register(s, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
            if poller.poll(0):
                out[name] = time.monotonic() - started
        time.sleep(0.02)
    return {name: out.get(name) for name in sockets}


def drip(sockets, drops, seconds, every=0.2):
    """Sends a drop to each now and then; returns when each was seen to end."""
    started, out = time.monotonic(), {}
    while time.monotonic() - started < seconds and len(out) < len(sockets):
        for name, t in ends({n: s for n, s in sockets.items() if n not in out}, every / 4).items():
            if t is not None:
                out[name] = time.monotonic() - started
        for name, s in sockets.items():
            if name not in out and drops[name]:
                try:
                    s.sendall(drops[name])
                except OSError:
                    out[name] = time.monotonic() - started
        time.sleep(every)
    return {name: out.get(name) for name in sockets}


def all_ended(times, limit, what):
    bad = {n: t for n, t in times.items() if t is None or t > limit}
    check(not bad, f"{what}: not closed in time: {bad}")


@probe
def slow_requests(server):
    head = h2.frame(h2.HEADERS, 1, 1, h2.block())
    slow = {
        "h1 headers": (b"GET / HTTP/1.1\r\n", b"A: b\r\n"),
        "h1 body": (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n", b"x"),
        "h1 chunks": (b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        "h1 nothing": (b"", b""),
        "h1 idle": (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b""),
        "h2 preface": (h2.PREFACE[:10], b""),
        "h2 nothing": (h2.PREFACE + h2.settings(), b""),
        "h2 only PING": (h2.PREFACE + h2.settings(), h2.frame(h2.PING, 0, 0, b"12345678")),
        "h2 headers": (h2.PREFACE + h2.settings() + head, b""),
        "h2 CONTINUATION": (h2.PREFACE + h2.settings() + head, h2.frame(h2.CONTINUATION, 0, 1)),
        "h2 body": (h2.PREFACE + h2.settings() + h2.request(1, "/echo", "POST", end=False), h2.frame(h2.DATA, 0, 1, b"x")),
        "h2 body beside requests": (h2.PREFACE + h2.settings() + h2.request(1, "/echo", "POST", end=False), b""),
    }
    sockets = {}
    for name, (first, _) in slow.items():
        sockets[name] = server.connect()
        sockets[name].sendall(first)
    times = drip(sockets, {n: d for n, (_, d) in slow.items()}, 7)
    all_ended(times, 6, "slow requests")
    check(server.metric('meridian_connections_cut_total{reason="headers"}') >= 3, "headers not counted")
    check(server.metric('meridian_connections_cut_total{reason="body"}') >= 3, "bodies not counted")


slow_requests.options = QUICK


@probe
def slow_readers(server):
    """Answers that nobody reads, or only byte by byte."""
    before = server.rss_kb()
    sockets, drops = {}, {}
    for i in range(10):
        c = server.http2("plain", h2.settings((h2.S_INITIAL_WINDOW, 0)))
        c.send(*[h2.request(1 + 2 * k, "/big/1000000") for k in range(100)])
        sockets[f"zero window {i}"], drops[f"zero window {i}"] = c.sock, b""
    c = server.http2("plain", h2.settings((h2.S_INITIAL_WINDOW, 0)))
    c.send(h2.request(1, "/big/1000000"))
    sockets["a byte at a time"], drops["a byte at a time"] = c.sock, h2.frame(h2.WINDOW_UPDATE, 0, 1, h2.u32(1))
    c = server.http2("plain", h2.settings((h2.S_INITIAL_WINDOW, 0x7FFFFFFF)), rcvbuf=2048)
    c.send(h2.frame(h2.WINDOW_UPDATE, 0, 0, h2.u32(0x7FFFFFFF - 65535)), h2.request(1, "/big/5000000"))
    sockets["h2 unread"], drops["h2 unread"] = c.sock, b""
    s = server.connect(rcvbuf=4096)
    s.sendall(b"GET /big/30000000 HTTP/1.1\r\nHost: a\r\n\r\n")
    sockets["h1 unread"], drops["h1 unread"] = s, b""
    grown = server.rss_kb() - before
    check(grown < 65536, f"resident memory grew by {grown} KB")
    # A closed end shows in a full socket only by writing, so the count of connections is the witness.
    until = time.monotonic() + 8
    drip_at = time.monotonic()
    while time.monotonic() < until and server.metric("meridian_connections_open") > 1:
        if time.monotonic() - drip_at > 0.2:
            drip_at = time.monotonic()
            try:
                sockets["a byte at a time"].sendall(drops["a byte at a time"])
            except OSError:
                pass
        time.sleep(0.1)
    left = server.metric("meridian_connections_open") - 1
    check(left == 0, f"{left} slow readers are still connected")
    check(server.metric('meridian_connections_cut_total{reason="stall"}') >= 12, "not counted")


slow_readers.options = QUICK


@probe
def slow_but_moving(server):
    """A reader that takes its time but takes something is left alone."""
    s = server.connect(rcvbuf=16384)
    s.sendall(b"GET /big/3000000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    got, started = 0, time.monotonic()
    s.settimeout(5)
    while True:
        data = s.recv(12000)
        if not data:
            break
        got += len(data)
        time.sleep(0.012)
    check(got > 3000000, f"cut after {got} bytes and {time.monotonic() - started:.1f} s")


slow_but_moving.options = QUICK


@probe
def old_connections(server):
    """After their time they are asked to go, and an answer under way is finished."""
    c = server.http2()
    stream, goaway = 1, None
    until = time.monotonic() + 4
    while goaway is None and time.monotonic() < until:
        c.send(h2.request(stream))
        for f in c.frames(0.3):
            if f.kind == h2.GOAWAY:
                goaway = f.code()
            if f.kind == h2.DATA and f.flags & 1:
                break
        stream += 2
        time.sleep(0.05)
    check(goaway == 0, f"no GOAWAY: {goaway}")
    s = server.connect()
    said = b""
    until = time.monotonic() + 4
    while b"Connection: close" not in said and time.monotonic() < until:
        s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        said = s.recv(4096)
        time.sleep(0.05)
    check(b"Connection: close" in said, "no connection: close")


old_connections.options = ("--age-ms", 1000)


@probe
def too_many_connections(server):
    held = [server.connect() for _ in range(20)]
    time.sleep(0.2)
    refused = server.connect()
    refused.settimeout(2)
    try:
        data = refused.recv(10)
    except OSError:
        data = b""
    check(data == b"", "a connection above the limit is kept")
    for s in held:
        s.close()
    time.sleep(0.2)
    check(server.metric("meridian_connections_refused_total") >= 1, "not counted")


too_many_connections.options = ("--connections", 20)
