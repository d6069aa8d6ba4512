# SPDX-License-Identifier: MIT
"""HTTP/1: nothing that two parsers could read in two ways."""
import re
import time

import h2frames as h2
from kit import check, probe, read_all

POST = b"POST /echo HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
GET = b"GET /echo HTTP/1.1\r\nHost: a\r\n"

MUST_REFUSE = {
    "two lengths that differ": POST + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
    "two lengths alike": POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "list of lengths": POST + b"Content-Length: 3, 5\r\n\r\nabcde",
    "list of one length": POST + b"Content-Length: 3, 3\r\n\r\nabc",
    "signed length": POST + b"Content-Length: +3\r\n\r\nabc",
    "negative length": POST + b"Content-Length: -3\r\n\r\nabc",
    "hexadecimal length": POST + b"Content-Length: 0x3\r\n\r\nabc",
    "length of 2^64": POST + b"Content-Length: 18446744073709551616\r\n\r\nabc",
    "length of 2^64 + 3": POST + b"Content-Length: 18446744073709551619\r\n\r\nabc",
    "empty length": POST + b"Content-Length: \r\n\r\nabc",
    "fraction as length": POST + b"Content-Length: 3.0\r\n\r\nabc",
    "length with space inside": POST + b"Content-Length: 3 0\r\n\r\nabc",
    "length, then encoding": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "encoding, then length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "identity, then chunked": POST + b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "xchunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "gzip, chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "chunked, identity": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "quoted chunked": POST + b"Transfer-Encoding: \"chunked\"\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "empty encoding": POST + b"Transfer-Encoding: \r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "encoding in HTTP/1.0": b"POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "space before colon": POST + b"Transfer-Encoding : chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "vertical tab in value": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "length with space before colon": POST + b"Content-Length : 3\r\n\r\nabc",
    "chunk size and junk": CHUNKED + b"3 junk\r\nabc\r\n0\r\n\r\n",
    "chunk size without end": CHUNKED + b"3xyz\r\nabc\r\n0\r\n\r\n",
    "chunk extension": CHUNKED + b"3;a=b\r\nabc\r\n0\r\n\r\n",
    "chunk size in 0x": CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n",
    "chunk size signed": CHUNKED + b"+3\r\nabc\r\n0\r\n\r\n",
    "chunk size empty": CHUNKED + b"\r\nabc\r\n0\r\n\r\n",
    "chunk size after space": CHUNKED + b" 3\r\nabc\r\n0\r\n\r\n",
    "chunk line feeds alone": CHUNKED + b"3\nabc\n0\n\n",
    "chunk data with CR CR LF": CHUNKED + b"3\r\nabc\r\r\r\n0\r\n\r\n",
    "chunk data longer than said": CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n",
    "chunk size of 17 digits": CHUNKED + b"10000000000000003\r\nabc\r\n0\r\n\r\n",
    "chunk size of 16 f": CHUNKED + b"ffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    "trailer": CHUNKED + b"3\r\nabc\r\n0\r\nAuthorization: x\r\n\r\n",
    "two hosts": b"GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "no host": b"GET /echo HTTP/1.1\r\n\r\n",
    "empty host": b"GET /echo HTTP/1.1\r\nHost: \r\n\r\n",
    "host with userinfo": b"GET /echo HTTP/1.1\r\nHost: a@b\r\n\r\n",
    "host with space": b"GET /echo HTTP/1.1\r\nHost: a b\r\n\r\n",
    "host with path": b"GET /echo HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "list of hosts": b"GET /echo HTTP/1.1\r\nHost: a, b\r\n\r\n",
    "absolute form": b"GET http://evil/echo HTTP/1.1\r\nHost: a\r\n\r\n",
    "relative target": b"GET echo HTTP/1.1\r\nHost: a\r\n\r\n",
    "folded line": b"GET /echo HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
    "folded first line": b"GET /echo HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n",
    "line feeds alone": b"GET /echo HTTP/1.1\nHost: a\n\n",
    "one line feed alone": b"GET /echo HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
    "CR in value": GET + b"X: a\rb\r\n\r\n",
    "NUL in value": GET + b"X: a\0b\r\n\r\n",
    "NUL in name": GET + b"X\0Y: a\r\n\r\n",
    "DEL in value": GET + b"X: a\x7fb\r\n\r\n",
    "name with space": GET + b"X Y: a\r\n\r\n",
    "name empty": GET + b": a\r\n\r\n",
    "line without colon": GET + b"XY\r\n\r\n",
    "high bytes in target": b"GET /echo\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
    "HTTP/1.9": b"GET /echo HTTP/1.9\r\nHost: a\r\n\r\n",
    "HTTP/2.0": b"GET /echo HTTP/2.0\r\nHost: a\r\n\r\n",
    "HTTP/0.9": b"GET /echo\r\n\r\n",
    "http/1.1": b"GET /echo http/1.1\r\nHost: a\r\n\r\n",
    "two spaces": b"GET  /echo HTTP/1.1\r\nHost: a\r\n\r\n",
    "tab as space": b"GET\t/echo HTTP/1.1\r\nHost: a\r\n\r\n",
    "method that is no token": b"G(T /echo HTTP/1.1\r\nHost: a\r\n\r\n",
    "method of 40 letters": b"G" * 40 + b" /echo HTTP/1.1\r\nHost: a\r\n\r\n",
    "101 headers": GET + b"".join(b"A%d: b\r\n" % i for i in range(101)) + b"\r\n",
    "70 KB of headers": GET + b"".join(b"A%d: %s\r\n" % (i, b"b" * 7000) for i in range(10)) + b"\r\n",
    "70 KB of target": b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "CONNECT": b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a TLS hello": bytes.fromhex("16030100a5010000a10303") + b"\0" * 100,
}


@probe
def framing_must_refuse(server):
    accepted = []
    for what, raw in MUST_REFUSE.items():
        out = server.http1(raw + b"GET /echo?smuggled HTTP/1.1\r\nHost: a\r\n\r\n", 1.0)
        if b"[" in out or out.endswith(b"<open>") or (out and not re.match(rb"HTTP/1\.1 4\d\d ", out)):
            accepted.append(f"{what}: {out[:60]!r}")
    check(not accepted, f"{len(accepted)} of {len(MUST_REFUSE)} accepted: " + "; ".join(accepted[:8]))
    check(server.metric("probe_handled") == 0, "the handler was called")
    check(server.guarded("http1_head") > 0 and server.guarded("http1_chunk") > 0, "not counted")


@probe
def framing_must_accept(server):
    cases = {
        "plain": (GET + b"\r\n", b"body=0:"),
        "length": (POST + b"Content-Length: 3\r\n\r\nabc", b"body=3:abc"),
        "length with spaces around": (POST + b"Content-Length:   3  \r\n\r\nabc", b"body=3:abc"),
        "length of 0": (POST + b"Content-Length: 0\r\n\r\n", b"body=0:"),
        "chunks": (CHUNKED + b"3\r\nabc\r\n02\r\nde\r\nA\r\n0123456789\r\n0\r\n\r\n", b"body=15:abcde0123456789"),
        "capital Chunked": (POST + b"transfer-encoding: Chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", b"body=1:x"),
        "no chunks": (CHUNKED + b"0\r\n\r\n", b"body=0:"),
        "query": (b"GET /echo?a=b&c HTTP/1.1\r\nHost: a\r\n\r\n", b"/echo query=a=b&c "),
        "host with port": (b"GET /echo HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", b"authority=[::1]:8080 "),
        "HTTP/1.0": (b"GET /echo HTTP/1.0\r\n\r\n", b"body=0:"),
        "100 headers": (GET + b"".join(b"A%d: b\r\n" % i for i in range(99)) + b"\r\n", b"headers=99"),
        "60 KB of headers": (GET + b"".join(b"A%d: %s\r\n" % (i, b"b" * 6000) for i in range(10)) + b"\r\n", b"headers=10"),
        "tab and high bytes in a value": (GET + b"X: a\t\xc3\xa4\r\n\r\n", b"headers=1"),
    }
    for what, (raw, want) in cases.items():
        out = server.http1(raw.replace(b"\r\n", b"\r\nConnection: close\r\n", 1), 2.0) if what != "100 headers" else \
            server.http1(raw, 0.5)
        want = {"100 headers": b"headers=99", "60 KB of headers": b"headers=11",
                "tab and high bytes in a value": b"headers=2"}.get(what, want)
        check(b" 200 " in out and want in out, f"{what}: {out[-160:]!r}")


@probe
def framing_in_pieces(server):
    """Every place where a packet may end."""
    raw = CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    whole = raw + GET + b"Connection: close\r\n\r\n"
    for cut in range(1, len(whole), 3):
        s = server.connect()
        s.sendall(whole[:cut])
        time.sleep(0.002)
        s.sendall(whole[cut:])
        out = read_all(s, 2)
        check(out.count(b" 200 ") == 2 and b"body=5:abcde" in out, f"cut at {cut}: {out[-120:]!r}")
        s.close()


@probe
def pipelines(server):
    out = server.http1(b"".join(b"GET /echo?%d HTTP/1.1\r\nHost: a\r\n\r\n" % i for i in range(20)), 0.6)
    order = [int(n) for n in re.findall(rb"query=(\d+) ", out)]
    check(order == list(range(20)), f"order {order}")
    out = server.http1(GET + b"\r\nBAD\r\n\r\n" + GET + b"\r\n", 1.0)
    check(out.count(b"[GET") == 1 and b" 400 " in out and not out.endswith(b"<open>"), f"after an error: {out!r}")
    out = server.http1(GET + b"Connection: close\r\n\r\n" + GET + b"\r\n", 1.0)
    check(out.count(b"[GET") == 1 and not out.endswith(b"<open>"), f"after close: {out!r}")
    out = server.http1(b"HEAD /big/5000 HTTP/1.1\r\nHost: a\r\n\r\n" + GET + b"Connection: close\r\n\r\n", 1.0)
    check(b"Content-Length: 5000" in out and b"xxx" not in out and b"[GET" in out, f"HEAD: {out!r}")
    out = server.http1(POST + b"Expect: 100-continue\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", 1.0)
    check(b" 100 " in out and b"body=3:abc" in out, f"100-continue: {out!r}")
    out = server.http1(POST + b"Expect: wonders\r\nContent-Length: 3\r\n\r\nabc", 1.0)
    check(b" 417 " in out, f"Expect: {out!r}")


@probe
def body_too_large_http1(server):
    """The answer arrives although the body is still coming."""
    mib = 1 << 20
    ok = server.http1(POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % mib + b"q" * mib)
    check(b"body=1048576:" in ok, f"1 MiB: {ok[:80]!r}")
    for what, raw in (("length", POST + b"Content-Length: %d\r\n\r\n" % (mib + 1) + b"q" * (mib + 1)),
                      ("chunks", CHUNKED + b"".join(b"4000\r\n" + b"q" * 0x4000 + b"\r\n" for _ in range(65)) + b"0\r\n\r\n"),
                      ("5 MiB", POST + b"Content-Length: %d\r\n\r\n" % (5 * mib) + b"q" * (5 * mib)),
                      ("announced only", POST + b"Content-Length: 99999999999\r\n\r\n")):
        out = server.http1(raw)
        check(out.startswith(b"HTTP/1.1 413 ") and b"PAYLOAD_TOO_LARGE" in out and b"application/json" in out,
              f"{what}: {out[:100]!r}")
    out = server.http1(POST + b"Accept: application/graphql-response+json\r\nContent-Length: 99999999\r\n\r\n")
    check(b"application/graphql-response+json" in out, f"media type: {out!r}")


@probe
def aborted_requests(server):
    """A client that goes away is noticed while its answer is still being made."""
    s = server.connect()
    s.sendall(b"GET /slow/60000 HTTP/1.1\r\nHost: a\r\n\r\n")
    time.sleep(0.3)
    s.close()
    time.sleep(0.8)
    check(server.metric("probe_aborted") == 1, "HTTP/1: not noticed")
    c = server.http2()
    c.send(h2.request(1, "/slow/60000"), h2.request(3, "/slow/60000"))
    time.sleep(0.2)
    c.send(h2.frame(h2.RST_STREAM, 0, 1, h2.u32(8)))
    time.sleep(0.2)
    check(server.metric("probe_aborted") == 2, "HTTP/2 RST_STREAM: not noticed")
    c.close()
    time.sleep(0.2)
    check(server.metric("probe_aborted") == 3, "HTTP/2 close: not noticed")
    check(server.metric("meridian_http_requests_in_work") == 1, "requests are left over")
    s = server.connect()
    s.sendall(b"GET /slow/300 HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
    out = read_all(s, 1)
    check(out.count(b" 200 ") == 2, f"a pipelined request was taken for a hang-up: {out!r}")
