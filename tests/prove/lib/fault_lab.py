# SPDX-License-Identifier: MIT
"""A router before two subgraphs that lie, and how its answers are timed and judged; for faults.py."""
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from fault_kinds import EITHER, LEAF, LOST, WHOLE
from router_kit import Router, Subgraph, supergraph, wait_until

DEADLINE = 0.3
ALMOST = DEADLINE - 0.01   # whoever took so long, ended by the deadline
ALLOWED = 0.05
BEGINNING = 0.1   # within this time a request is read; what the machine is late then, the deadline is late, too
CODES = {"SOURCE_UNAVAILABLE", "SOURCE_TIMEOUT", "FETCH_ERROR"}
GONE = "gone"   # all that the subgraph was to tell, not the fetch alone


class Failure(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failure(text)


# ---- the two fetches that a fault may hit ----

class Part:
    """A fetch, and what the answer is when it is lost, or its last value."""

    def __init__(self, source, query, right, whole, lost, leaf):
        self.source, self.query, self.right = source, query, json.dumps({"data": right}).encode()
        self.data = {WHOLE: whole, LOST: lost, LEAF: leaf, GONE: lost if source == "parks" else {**lost, "visits": None}}


NAMES = ["Yosemite", "Zion", "Arches"]


def parks_with(*crowds):
    return {"visits": 7, "parks": [{"name": name, "crowd": crowd} for name, crowd in zip(NAMES, crowds)]}


ROOT_FETCH = Part("parks", "{ visits park { name } }", {"park": {"id": "p1", "name": "Yosemite"}},
                  {"visits": 7, "park": {"name": "Yosemite"}}, {"visits": 7, "park": None}, {"visits": 7, "park": {"name": None}})
ENTITIES = Part("visits", "{ visits parks { name crowd } }",
                {"_entities": [{"__typename": "Park", "crowd": n} for n in (1, 2, 3)]},
                parks_with(1, 2, 3), parks_with(None, None, None), parks_with(1, 2, None))
PARTS = (ROOT_FETCH, ENTITIES)


class Liars:
    """Both subgraphs. `fault` is done to the part that it is for; everything else is answered as it should be."""

    def __init__(self, tls=None):
        self.fault, self.part, self.hits, self.tls = None, None, 0, tls
        self.parks, self.visits = self.serve(self.answer_parks), self.serve(self.answer_visits)

    def serve(self, answer, port=0):
        return Subgraph(answer, port, self.tls)

    def one(self, part):
        return self.parks if part is ROOT_FETCH else self.visits

    @contextlib.contextmanager
    def away(self, part):
        """The server of this part is gone; its port."""
        one = self.one(part)
        one.stop()
        try:
            yield one.port
        finally:
            again = self.serve(one.answer, one.port)
            if part is ROOT_FETCH:
                self.parks = again
            else:
                self.visits = again

    def lie(self, part, otherwise):
        fault = self.fault
        if self.part is part:
            self.hits += 1
        if fault is None or self.part is not part:
            return otherwise
        return lambda connection: fault(connection, part.right)

    def answer_parks(self, request):
        if "parks" in request["query"]:
            return {"parks": [{"__typename": "Park", "id": f"p{i}", "name": name} for i, name in enumerate(NAMES)]}
        return self.lie(ROOT_FETCH, {"park": {"id": "p1", "name": "Yosemite"}})

    def answer_visits(self, request):
        if "_entities" not in request["query"]:
            return {"visits": 7}
        return self.lie(ENTITIES, {"_entities": [{"__typename": "Park", "crowd": n} for n in (1, 2, 3)]})

    def stop(self):
        for one in (self.parks, self.visits):
            one.stop()


# ---- asking, and the time it takes ----

def waited(threads):
    """Seconds that these threads were ready to run and did not."""
    total = 0
    for thread in threads:
        with contextlib.suppress(OSError):
            total += int(Path(thread, "schedstat").read_text().split()[1])
    return total / 1e9


class Client:
    """A kept connection. Times are those of the answer's last byte; `late` is against the deadline, without what the
    machine was late itself when the request was to be read, and since the deadline."""

    def __init__(self, port, worker):
        self.line = socket.create_connection(("127.0.0.1", port))
        self.line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.threads = [*Path(f"/proc/{worker}/task").iterdir(), Path(f"/proc/self/task/{threading.get_native_id()}")]

    def receive(self, until, held):
        """More of an answer; None when the time is over."""
        self.line.settimeout(max(until - time.monotonic(), 0.0001))
        try:
            more = self.line.recv(1 << 20)
        except TimeoutError:
            return None
        check(more, f"the router closed the connection after {held[:200]}")
        return more

    def ask(self, query):
        body = json.dumps({"query": query}).encode()
        waits, began = [waited(self.threads)], time.monotonic()
        self.line.sendall(b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\naccept: application/json\r\n"
                          b"content-length: %d\r\n\r\n" % len(body) + body)
        held, stops = b"", [began + BEGINNING, began + DEADLINE, began + 20]
        while b"\r\n\r\n" not in held or len(held.partition(b"\r\n\r\n")[2]) < self.length(held):
            more = self.receive(stops[0], held)
            if more is None:
                waits.append(waited(self.threads))
                stops.pop(0)
                check(stops, "no answer within 20 s")
            held += more or b""
        took = time.monotonic() - began
        machine = waits[1] - waits[0] + waited(self.threads) - waits[2] if len(waits) == 3 else 0
        return held.partition(b"\r\n\r\n")[2], took, max(took - DEADLINE, 0), max(took - DEADLINE - machine, 0)

    @staticmethod
    def length(held):
        for line in held.partition(b"\r\n\r\n")[0].lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                return int(line.partition(b":")[2])
        raise Failure(f"an answer without a length: {held[:300]}")


class Apart:
    """A client in a process of its own, so that nothing but the router makes it wait: `faults.py --answer` reads a query a
    line."""

    def __init__(self, port, worker):
        script = Path(__file__).resolve().parent.parent / "faults.py"
        self.process = subprocess.Popen([sys.executable, "-B", script, "--answer", str(port), str(worker)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    @staticmethod
    def work(port, worker):
        client = Client(port, worker)
        for query in sys.stdin:
            body, *times = client.ask(query)
            print(json.dumps([body.decode(), *times]), flush=True)

    def ask(self, query):
        self.process.stdin.write(query + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        check(line, "the client has ended")
        body, *times = json.loads(line)
        return body.encode(), *times

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


class Times:
    def __init__(self, short=False):
        self.short, self.allowed = short, 1 if short else ALLOWED
        self.n = self.slow = self.again = 0
        self.late = self.raw = 0.0
        self.worst = ""

    def note(self, name, took, raw, late):
        self.n += 1
        self.slow += took >= ALMOST
        self.raw = max(self.raw, raw)
        if late > self.late:
            self.late, self.worst = late, name


# ---- what an answer must be ----

def written(data):
    return b'{"data":' + json.dumps(data, separators=(",", ":")).encode()


def judge(part, case, body):
    """Byte for byte, up to the errors; the codes of these."""
    answer = json.loads(body)
    errors = answer.get("errors", [])
    wanted = case.wanted
    if wanted == EITHER:
        wanted = LOST if errors else WHOLE
    check(body.startswith(written(part.data[wanted]) + (b"}" if wanted == WHOLE else b',"errors":[{')),
          f"{case.name}: {wanted} is wanted, this came: {body[:400]}")
    check(len(errors) <= 110, f"{case.name}: {len(errors)} errors")
    fields = {"park" if part is ROOT_FETCH else "parks", *(["visits"] if wanted == GONE and part is ENTITIES else [])}
    for error in errors:
        check(error.get("path", [*fields])[0] in fields and error["extensions"]["code"] in CODES
              and error["extensions"].get("source") == part.source, f"{case.name}: {error}")
    return {error["extensions"]["code"] for error in errors}


class Lab:
    """A router before two liars, and a client."""

    def __init__(self, stack, times, *sets, tls=None):
        self.times = times
        self.liars = Liars(tls)
        stack.callback(self.liars.stop)
        text = supergraph(self.liars.parks.url, self.liars.visits.url)
        if tls:
            text = text.replace("http://127.0.0.1", "https://127.0.0.1")
        milliseconds = int(DEADLINE * 1000)
        self.gate = Router(text, f"subgraphs.timeout={milliseconds}ms", f"limits.request={milliseconds}ms",
                           "subgraphs.answer=4MiB", *sets, threads=1)
        stack.callback(self.end)
        self.client = Apart(self.gate.port, self.gate.worker())
        for part in PARTS:
            self.whole(part, "the beginning")
        self.descriptors = self.count()[0]

    def end(self):
        self.client.close()
        status = self.gate.stop()
        check(status == 0, f"the router ended with {status}:\n{self.gate.logged()[-3000:]}")

    def told(self, what, part, metrics=None):
        return (metrics or self.gate.metrics())[f'meridian_subgraph_{what}{{subgraph="{part.source}"}}']

    def count(self):
        """(descriptors that are no connection to a subgraph, connections, requests under way)."""
        metrics = self.gate.metrics()
        connections = sum(self.told("connections", part, metrics) for part in PARTS)
        under_way = sum(self.told(what, part, metrics) for part in PARTS for what in ("requests_in_flight", "requests_queued"))
        return len(os.listdir(f"/proc/{self.gate.worker()}/fd")) - connections, connections, under_way

    def whole(self, part, after):
        for _ in range(5):
            body = self.client.ask(part.query)[0]
            if b'"SOURCE_TIMEOUT"' not in body:   # else the machine was too slow for what is fast
                break
            self.times.again += 1
        check(body == written(part.data[WHOLE]) + b"}", f"the answer after {after}: {body[:400]}")

    def timed(self, part, name):
        body, took, raw, late = self.client.ask(part.query)
        self.times.note(name, took, raw, late)
        check(late <= self.times.allowed, f"{name}: {late * 1000:.0f} ms after its deadline, and the machine {(raw - late) * 1000:.0f} more")
        return body, took

    def settled(self):
        """Two requests of one answer may be on their way to a subgraph at once."""
        descriptors, connections, under_way = self.count()
        return descriptors <= self.descriptors and connections <= 2 * len(PARTS) and under_way == 0

    @contextlib.contextmanager
    def lying(self, part, work):
        self.liars.part, self.liars.fault = part, work
        try:
            yield
        finally:
            self.liars.part = self.liars.fault = None

    def same_again(self, part, name):
        self.whole(part, name)
        if not self.times.short:
            self.no_rest(name)

    def no_rest(self, name):
        wait_until(self.settled, 5, f"the end of all that was for {name}")

    def one(self, part, case):
        """A fault, once; then all is as before. Where the machine was too slow for what is fast, once more."""
        name = f"{case.name} of {part.source}"
        for attempt in range(4):
            with self.lying(part, case.work):
                body, took = self.timed(part, name)
            if case.slow or took < ALMOST:
                break
            self.times.again += 1
        codes = judge(part, case, body)
        check((self.times.short and not case.slow) or case.slow == (took >= ALMOST) == (codes == {"SOURCE_TIMEOUT"}),
              f"{name}: {codes} after {took * 1000:.0f} ms")
        self.same_again(part, name)
