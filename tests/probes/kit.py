# SPDX-License-Identifier: MIT
"""What the probes share: a server of their own, connections to it, and what must hold after every attack."""
import os
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time

import h2frames as h2

PROBES = {}


def probe(fn):
    PROBES[fn.__name__] = fn
    return fn


class Failed(Exception):
    pass


def check(condition, message):
    if not condition:
        raise Failed(message)


def make_certificates(folder):
    """An authority, a server and a client certificate, and one of a stranger."""
    def run(*args):
        subprocess.run(["openssl", *args], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for name in ("ca", "stranger"):
        run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")
    for name, issuer, san in (("server", "ca", "IP:127.0.0.1,DNS:localhost"), ("client", "ca", "DNS:us-east"),
                              ("intruder", "stranger", "DNS:us-east")):
        run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
            f"/CN={'us-east' if name != 'server' else 'server'}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        with open(os.path.join(folder, f"{name}.ext"), "w") as f:
            f.write(f"subjectAltName={san}\n")
        run("x509", "-req", "-in", f"{name}.csr", "-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key", "-CAcreateserial",
            "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem")


class Server:
    def __init__(self, binary, *options, tls=False):
        self.folder = tempfile.TemporaryDirectory(prefix="meridian-probe-")
        self.stderr = open(os.path.join(self.folder.name, "stderr"), "w+b")
        args = [binary, *map(str, options)]
        if tls:
            make_certificates(self.folder.name)
            args += ["--cert", self.file("server.pem"), "--key", self.file("server.key"), "--ca", self.file("ca.pem")]
        # A sanitizer keeps what was freed for a while; what the server holds could not be told from it.
        env = dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1")
        self.process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=self.stderr, text=True, env=env)
        self.ports, self.guard = {}, None
        for line in self.process.stdout:
            name, value = line.split()
            if name == "guard":
                self.guard = value
                break
            self.ports[name] = int(value.rsplit(":", 1)[1])
        check(self.guard, "the server did not start: " + self.errors())
        self.pid = self.process.pid

    def file(self, name):
        return os.path.join(self.folder.name, name)

    def errors(self):
        self.stderr.flush()
        with open(self.stderr.name, "rb") as f:
            return f.read().decode(errors="replace")

    def alive(self):
        return self.process.poll() is None

    def connect(self, name="plain", rcvbuf=None, **kw):
        """A socket. rcvbuf: a small receive window, so that the server's socket fills up soon."""
        s = socket.socket()
        if rcvbuf:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        s.settimeout(10)
        s.connect(("127.0.0.1", self.ports[name]))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s if name == "plain" else self.wrap(s, **kw)

    def wrap(self, s, alpn=("h2",), cert=None, ca="ca.pem"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.file(ca))
        context.check_hostname = False
        if alpn:
            context.set_alpn_protocols(list(alpn))
        if cert:
            context.load_cert_chain(self.file(cert + ".pem"), self.file(cert + ".key"))
        return context.wrap_socket(s)

    def http2(self, name="plain", initial=h2.settings(), **kw):
        return h2.Connection(self.connect(name, **kw), initial)

    def http1(self, raw, seconds=3.0, name="plain", **kw):
        """Sends bytes; returns all that comes until the server closes, or b"...<open>" after that time."""
        s = self.connect(name, **kw)
        try:
            s.sendall(raw)
        except OSError:
            pass
        out = read_all(s, seconds)
        s.close()
        return out

    def metric(self, name):
        text = self.http1(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").decode()
        m = re.search(r"^" + re.escape(name) + r" (\d+)$", text, re.M)
        check(m, f"no metric {name}")
        return int(m.group(1))

    def guarded(self, kind):
        return self.metric('meridian_guard_total{class="%s"}' % kind)

    def rss_kb(self):
        with open(f"/proc/{self.pid}/status") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def cpu_s(self):
        with open(f"/proc/{self.pid}/schedstat") as f:
            return int(f.read().split()[0]) / 1e9

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self):
        """Ends the server; a sanitizer's findings and leaks show in its status."""
        if self.alive():
            self.terminate()
            if self.wait(15) is None:
                self.process.kill()
                self.process.wait()
                raise Failed("the server did not end within 15 s of SIGTERM")
        status, errors = self.process.returncode, self.errors()
        self.process.stdout.close()
        self.stderr.close()
        self.folder.cleanup()
        return status, errors

    def still_serves(self):
        check(self.alive(), "the server died: " + self.errors()[-2000:])
        out = self.http1(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        check(b" 200 " in out and out.endswith(b"hello\n"), f"HTTP/1 is not answered any more: {out[:200]!r}")
        if self.guard == "ready":
            c = self.http2()
            c.send(h2.request(1))
            check(c.answer(1)[1] == b"hello\n", "HTTP/2 is not answered any more")
            c.close()


def read_all(s, seconds=3.0):
    out, until = b"", time.monotonic() + seconds
    while True:
        s.settimeout(max(0.01, until - time.monotonic()))
        try:
            data = s.recv(262144)
        except (socket.timeout, TimeoutError):
            return out + b"<open>"
        except OSError:
            return out
        if not data:
            return out
        out += data


class Victim:
    """Asks on a connection of its own, at a low steady rate, while something else goes on."""

    def __init__(self, server, pause=0.005):
        self.times, self.failed, self.go_on, self.pause = [], 0, True, pause
        self.socket = server.connect()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        s = self.socket
        while self.go_on:
            t = time.monotonic()
            try:
                s.settimeout(5)
                s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                data = b""
                while not data.endswith(b"hello\n"):
                    got = s.recv(4096)
                    if not got:
                        raise OSError("closed")
                    data += got
            except OSError:
                self.failed += 1
                return
            self.times.append(time.monotonic() - t)
            time.sleep(self.pause)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.go_on = False
        self.thread.join()
        self.socket.close()

    def p99_ms(self):
        ordered = sorted(self.times)
        return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] if ordered else float("inf")
