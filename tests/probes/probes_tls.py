# SPDX-License-Identifier: MIT
"""TLS: what is refused, what is negotiated, and who the peer is."""
import socket
import ssl
import time

import h2frames as h2
from kit import check, probe, read_all


def handshake(server, name="tls", **kw):
    """The protocol agreed on, or the error."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(kw.get("ciphers", "ALL:@SECLEVEL=0"))
    if "alpn" in kw:
        context.set_alpn_protocols(kw["alpn"])
    if "version" in kw:
        context.minimum_version = context.maximum_version = kw["version"]
    if "cert" in kw:
        context.load_cert_chain(server.file(kw["cert"] + ".pem"), server.file(kw["cert"] + ".key"))
    raw = socket.create_connection(("127.0.0.1", server.ports[name]))
    raw.settimeout(5)
    try:
        s = context.wrap_socket(raw)
        s.sendall(b"GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        return s.version(), s.selected_alpn_protocol(), read_all(s, 2)
    except (ssl.SSLError, OSError) as e:
        return "refused", str(e), b""
    finally:
        raw.close()


@probe
def tls_versions(server):
    import warnings
    warnings.simplefilter("ignore")
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        check(handshake(server, version=version)[0] == "refused", f"{version} is accepted")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        got = handshake(server, version=version)
        check(b" 200 " in got[2], f"{version}: {got}")
    for ciphers in ("AES128-SHA", "AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "NULL:@SECLEVEL=0"):
        got = handshake(server, version=ssl.TLSVersion.TLSv1_2, ciphers=ciphers)
        check(got[0] == "refused", f"{ciphers}: {got[:2]}")


@probe
def tls_alpn(server):
    check(handshake(server)[1] is None, "without ALPN one is chosen")
    check(b" 200 " in handshake(server)[2], "without ALPN HTTP/1.1 is not spoken")
    check(handshake(server, alpn=["http/1.1"])[1] == "http/1.1", "http/1.1")
    check(handshake(server, alpn=["http/1.1", "h2"])[1] == "h2", "h2 is not preferred")
    check(handshake(server, alpn=["gopher"])[0] == "refused", "an unknown protocol is agreed on")
    c = server.http2("tls")
    c.send(h2.request(1, "/echo"))
    check(b"tls=1" in c.answer(1)[1], "HTTP/2 over TLS")


@probe
def tls_garbage(server):
    """Plain text, half a handshake and silence on the TLS port."""
    out = server.http1(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 3.0)
    check(b"hello" in out, "the plain port")
    s = socket.create_connection(("127.0.0.1", server.ports["tls"]))
    s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    out = read_all(s, 3.0)
    check(b"HTTP/" not in out and not out.endswith(b"<open>"), f"plain text on the TLS port: {out!r}")
    half = []
    for i in range(200):
        s = socket.create_connection(("127.0.0.1", server.ports["tls"]))
        if i % 2:
            s.sendall(bytes.fromhex("16030100a5010000a10303") + b"\0" * 20)
        half.append(s)
    until = time.monotonic() + 1
    while time.monotonic() < until and server.metric("meridian_connections_open") <= 200:
        time.sleep(0.05)
    check(server.metric("meridian_connections_open") > 200, "connections are missing")
    until = time.monotonic() + 5
    while time.monotonic() < until and server.metric("meridian_connections_open") > 1:
        time.sleep(0.1)
    check(server.metric("meridian_connections_open") == 1, "half-open handshakes stay")
    got = handshake(server)
    check(b" 200 " in got[2], "no handshake any more")


tls_garbage.options = ("--handshake-ms", 1200)


@probe
def tls_clients(server):
    """Mutual TLS: no certificate, a stranger's, ours; and its name, also over a resumed session."""
    for kw in ({}, {"cert": "intruder"}):
        got = handshake(server, "mtls", **kw)
        check(b" 200 " not in got[2], f"{kw} is let in")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        got = handshake(server, "mtls", cert="client", version=version)
        check(b"cn=us-east " in got[2], f"the name of the certificate: {got}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(server.file("ca.pem"))
        context.minimum_version = context.maximum_version = version
        context.load_cert_chain(server.file("client.pem"), server.file("client.key"))
        session = None
        for again in (False, True):
            raw = socket.create_connection(("127.0.0.1", server.ports["mtls"]))
            s = context.wrap_socket(raw, session=session)
            s.sendall(b"GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            out = read_all(s, 2)
            check(b"cn=us-east " in out, f"resumed={again}: {out!r}")
            check(s.session_reused == again or not again, "the session was not resumed")
            session = s.session
            raw.close()
        # A ticket of the port that asks for certificates is worth nothing on another.
        raw = socket.create_connection(("127.0.0.1", server.ports["tls"]))
        s = context.wrap_socket(raw, session=session)
        check(not s.session_reused, "a ticket of another listener is taken")
        raw.close()


for fn in (tls_versions, tls_alpn, tls_garbage, tls_clients):
    fn.tls = True
