# SPDX-License-Identifier: MIT
"""A router in front of small subgraphs: `meridian serve --supergraph`, and HTTP servers that answer what a test says."""
import contextlib
import gzip
import http.client
import json
import os
import signal
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from fleet import gateways, layout
from lib import Answer


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# ---- subgraphs ----

class Subgraph:
    """An HTTP/1.1 server for POSTs of JSON. `answer(request)` says what comes back: data as a dict, or (status,
    headers, body bytes), or None to close without an answer, or a function that gets the socket and does what it likes
    before that is closed, unless it says True. What was asked stands in `asked`."""

    def __init__(self, answer, port=0, tls=None):
        self.answer, self.asked, self.lines = answer, [], []
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self):
                with contextlib.suppress(OSError):
                    while outer.one(self.rfile, self.wfile, self.connection):
                        pass

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 128

            def get_request(self):
                sock, address = super().get_request()
                return (tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False) if tls else sock), address

            def process_request(self, request, client_address):
                outer.sockets.add(request)
                super().process_request(request, client_address)

        self.sockets = set()
        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/graphql"

    def one(self, rfile, wfile, connection):
        line = rfile.readline()
        if not line:
            return False
        headers = []
        while (field := rfile.readline()) not in (b"\r\n", b""):
            name, _, value = field.decode("latin-1").rstrip("\r\n").partition(":")
            headers.append((name.lower(), value.strip()))
        body = rfile.read(int(dict(headers).get("content-length", 0)))
        request = {"headers": headers, **(json.loads(body) if body else {})}
        self.asked.append(request)
        self.lines.append(line.decode("latin-1").strip())
        said = self.answer(request)
        if said is None or callable(said):
            return bool(said and said(connection))
        status, extra, payload = said if isinstance(said, tuple) else (200, {}, json.dumps({"data": said}).encode())
        fields = [("content-type", "application/json"), ("content-length", str(len(payload)))]
        fields += extra if isinstance(extra, list) else list(extra.items())
        wfile.write(b"".join([f"HTTP/1.1 {status} X\r\n".encode(),
                              *(f"{name}: {value}\r\n".encode() for name, value in fields), b"\r\n", payload]))
        wfile.flush()
        return True

    def headers(self, name, at=-1):
        return [value for key, value in self.asked[at]["headers"] if key == name]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        for sock in self.sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


def zipped(data):
    return 200, {"content-encoding": "gzip"}, gzip.compress(json.dumps({"data": data}).encode())


# ---- supergraphs ----

HEAD = """schema @link(url: "https://specs.apollo.dev/link/v1.0") @link(url: "https://specs.apollo.dev/join/v0.3", for: EXECUTION)
{ query: Query }
directive @link(url: String, as: String, for: link__Purpose, import: [link__Import]) repeatable on SCHEMA
scalar link__Import
enum link__Purpose { SECURITY EXECUTION }
scalar join__FieldSet
directive @join__graph(name: String!, url: String!) on ENUM_VALUE
directive @join__type(graph: join__Graph!, key: join__FieldSet, extension: Boolean! = false, resolvable: Boolean! = true,
  isInterfaceObject: Boolean! = false) repeatable on OBJECT | INTERFACE | UNION | ENUM | INPUT_OBJECT | SCALAR
directive @join__field(graph: join__Graph, requires: join__FieldSet, provides: join__FieldSet, type: String,
  external: Boolean, override: String, usedOverridden: Boolean) repeatable on FIELD_DEFINITION | INPUT_FIELD_DEFINITION
"""


def supergraph(parks, visits, more=""):
    """Two subgraphs: parks have names, visits count; `more` are further fields of Park in parks."""
    return f"""{HEAD}
enum join__Graph {{ PARKS @join__graph(name: "parks", url: "{parks}") VISITS @join__graph(name: "visits", url: "{visits}") }}
type Query @join__type(graph: PARKS) @join__type(graph: VISITS) {{
  park: Park @join__field(graph: PARKS)
  parks: [Park!]! @join__field(graph: PARKS)
  visits: Int @join__field(graph: VISITS)
}}
type Park @join__type(graph: PARKS, key: "id") @join__type(graph: VISITS, key: "id") {{
  id: ID!
  name: String @join__field(graph: PARKS)
  crowd: Int @join__field(graph: VISITS)
  {more}
}}
"""


# ---- the router ----

class Router:
    """A running `meridian serve --supergraph`."""

    def __init__(self, text, *sets, threads=2, file=None):
        self.folder = tempfile.TemporaryDirectory(prefix="meridian-router-")
        self.file = file or Path(self.folder.name) / "supergraph.graphql"
        self.write(text)
        self.port, self.admin = free_port(), free_port()
        self.log = layout.STATE / "log" / f"router-{self.port}.log"
        command = [gateways.binary(), "serve", "--supergraph", self.file, "--listen", f"127.0.0.1:{self.port}",
                   "--admin", f"127.0.0.1:{self.admin}", "--threads", str(threads)]
        for one in sets:
            command += ["--set", one]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment())
        self.ready = self.process.stdout.readline().decode().strip()

    def write(self, text):
        """Replaces the file in one step, as a deployment should."""
        other = self.file.with_suffix(".new")
        other.write_text(text)
        other.rename(self.file)

    def ask(self, query, headers=None, timeout=15, accept="application/json", **more):
        return self.http("POST", "/graphql", json.dumps({"query": query, **more}),
                         {"content-type": "application/json", "accept": accept, **(headers or {})}, timeout=timeout)

    def http(self, method, path, body=None, headers=None, port=None, timeout=15):
        line = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=timeout)
        try:
            line.request(method, path, body, headers or {})
            answer = line.getresponse()
            found = Answer(answer.status, {}, answer.read())
            for name, value in answer.getheaders():
                found.headers.setdefault(name.lower(), []).append(value)
            return found
        finally:
            line.close()

    def metrics(self):
        """Summed over what one loop tells: with one thread that is everything."""
        found = {}
        for line in self.http("GET", "/metrics", port=self.admin).body.decode().splitlines():
            if not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                found[name] = float(value)
        return found

    def worker(self):
        """The process that serves."""
        task = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return int(task.read_text().split()[0])

    def resident(self):
        """KiB of memory of the process that serves."""
        for line in Path(f"/proc/{self.worker()}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0

    def logged(self):
        return self.log.read_text()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(20)
        self.process.stdout.close()
        self.folder.cleanup()
        return status


def environment():
    env = {**os.environ}
    env.setdefault("LSAN_OPTIONS", f"suppressions={layout.ROOT / 'tests' / 'lsan.supp'}:print_suppressions=0")
    return env


@contextlib.contextmanager
def router(*sets, parks=None, visits=None, more="", edit=lambda text: text, threads=2):
    """(router, parks, visits) over two subgraphs; each answers what its function says. `edit` has the supergraph's text."""
    one = Subgraph(parks or (lambda request: {"park": {"id": "p1", "name": "Yosemite"}}))
    two = Subgraph(visits or (lambda request: {"visits": 7}))
    serving = None
    try:
        serving = Router(edit(supergraph(one.url, two.url, more)), *sets, threads=threads)
        yield serving, one, two
        assert serving.process.poll() is None, "the router ended by itself:\n" + serving.logged()[-2000:]
    finally:
        status = serving.stop() if serving else 0
        one.stop()
        two.stop()
    assert status == 0, f"the router ended with {status}:\n" + serving.logged()[-3000:]


class Load:
    """Clients that ask one query over and over on kept connections, until told to stop."""

    def __init__(self, port, query, clients=4):
        self.port, self.body = port, json.dumps({"query": query})
        self.answers, self.wrong, self.stopping = 0, [], False
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self):
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        while not self.stopping:
            try:
                line.request("POST", "/graphql", self.body, {"content-type": "application/json"})
                answer = line.getresponse()
                body = answer.read()
                good = answer.status == 200 and b'"errors"' not in body
            except (OSError, http.client.HTTPException) as problem:
                good, body = False, repr(problem).encode()
                line.close()
            with self.lock:
                self.answers += good
                if not good:
                    self.wrong.append(body[:300])
        line.close()

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join(30)
        return self.answers, self.wrong


def wait_until(check, seconds=20.0, what="it"):
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, f"{what} did not happen within {seconds} s"
        time.sleep(0.05)
