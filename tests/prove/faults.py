#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Proves what a subgraph's faults cost: some forty kinds, each at the head, in the middle and at the end of an answer
(lib/fault_kinds.py), of a root fetch and of a fetch of entities. Each time every request is answered by its deadline and
50 ms, the healthy parts are byte for byte what they always are, an error names the subgraph, the next answer is whole, and
the process has no more descriptors and connections than before. Then the circuit breaker: each kind opens it, or does
not, and an open one closes when the subgraph is well again; and the same, many clients at once.

  faults.py [--seed N] [--size N] [--short]

--size is how often all is done, in another order each time (1). --short does each fault to one of the two fetches alone,
leaves out the breaker and the crowd, looks for what is left over at the end alone, and is content with answers within a
second of their deadline. What the machine is late itself, as the kernel counts the time that the threads were ready and did
not run, is told apart. The last line is `faults: ok …` or `faults: FAILED …`."""
import argparse
import contextlib
import json
import os
import random
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "scenario"), str(ROOT / "tests" / "prove" / "lib")]
os.environ.setdefault("MERIDIAN_BUILD", "build/release")

import fault_kinds as kinds  # noqa: E402
from fault_kinds import EITHER, WHOLE, Case  # noqa: E402
from fault_lab import (ALLOWED, ALMOST, GONE, PARTS, ROOT_FETCH, Apart, Client, Failure, Lab, Times, check, judge, written)  # noqa: E402
from fleet import layout  # noqa: E402
from router_kit import Load, Subgraph, wait_until  # noqa: E402

PAUSE = 0.1    # of the breaker
FAILURES = 3


# ---- servers that are none ----

@contextlib.contextmanager
def listening(port, backlog):
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", port))
        server.listen(backlog)
        yield server


@contextlib.contextmanager
def refused(port):
    yield


@contextlib.contextmanager
def never_taken(port):
    with listening(port, 16):
        yield


@contextlib.contextmanager
def queue_full(port):
    """Connecting never ends."""
    with listening(port, 0), contextlib.ExitStack() as waiting:
        for _ in range(4):
            other = waiting.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(("127.0.0.1", port))
        time.sleep(0.05)
        yield


def greeting(work):
    """What it does with a connection, after the first bytes: those of a client that wants TLS, say."""
    @contextlib.contextmanager
    def serve(port):
        with listening(port, 16) as server:
            def take():
                with contextlib.suppress(OSError):
                    while True:
                        connection = server.accept()[0]
                        with contextlib.suppress(OSError):
                            connection.recv(4096)
                            work(connection)
                        connection.close()
            thread = threading.Thread(target=take)
            thread.start()
            yield
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
    return serve


def another_certificate(context):
    @contextlib.contextmanager
    def serve(port):
        one = Subgraph(lambda request: {"park": {"id": "p1", "name": "not he"}}, port, context)
        yield
        one.stop()
    return serve


NO_SERVERS = (Case("nobody listens", "", refused, GONE), Case("nobody takes the connection", "", never_taken, GONE, slow=True),
              Case("connecting never ends", "", queue_full, GONE, slow=True))


def without_server(lab, part, case):
    name = f"{case.kind} of {part.source}"
    with lab.liars.away(part) as port, case.work(port):
        body, took = lab.timed(part, name)
    judge(part, case, body)
    check(case.slow == (took >= ALMOST), f"{name}: after {took * 1000:.0f} ms")
    lab.same_again(part, name)


def kept_connections(lab, part):
    """One that closes under a request, before, while and after that is read, is asked again on a new connection: nobody
    notices."""
    def once(work):
        left = [True]

        def lie(connection, body):
            if left.pop() if left else False:
                return work(connection)
            return kinds.say(connection, kinds.framed(body))
        return lie
    for _ in range(30):   # a tenth of all requests may be asked again
        lab.whole(part, "thirty requests")
    for name, work in (("closed when asked", kinds.end), ("reset when asked", kinds.reset)):
        with lab.lying(part, once(work)):
            body, _ = lab.timed(part, name)
        judge(part, Case(name, "", None, WHOLE), body)
        lab.whole(part, name)
    for sock in list(lab.liars.one(part).sockets):
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
    lab.whole(part, "kept connections were closed")
    wait_until(lab.settled, 5, "the end of all that was for the fault")


# ---- the breaker ----

def breaker(lab, part, case):
    """Failures in a row open it; nothing is asked then; and it closes when the subgraph is well. Or it stays closed."""
    name, opened = f"{case.name} of {part.source}", lab.told("circuit_opened_total", part)
    with lab.lying(part, case.work):
        for _ in range(FAILURES):
            judge(part, case, lab.timed(part, name)[0])
        check(lab.told("circuit_open", part) == (not case.calm), f"{name}: the circuit")
        asked = lab.liars.hits
        if not case.calm:
            body, took = lab.timed(part, name)
            check(took < ALMOST and lab.liars.hits == asked, f"{name}: asked with an open circuit")
            check(judge(part, Case(case.kind, case.place, None), body) == {"SOURCE_UNAVAILABLE"}, f"{name}: {body}")
    time.sleep(0 if case.calm else PAUSE * 1.25 + 0.005)
    lab.whole(part, f"{name} and the circuit's pause")
    check(lab.told("circuit_open", part) == 0, f"{name}: the circuit, at the end")
    check(lab.told("circuit_opened_total", part) == opened + (not case.calm), f"{name}: how often it opened")


def recovery(lab):
    """Four clients that never rest, and a subgraph that goes and comes: few are asked meanwhile, none fails afterwards."""
    part = ROOT_FETCH
    asked = lab.liars.hits
    with lab.lying(part, lambda connection, body: kinds.reset(connection)):
        load = Load(lab.gate.port, part.query)
        time.sleep(1)
        meanwhile = lab.liars.hits - asked
        told = len(load.wrong)
    time.sleep(PAUSE * 20)   # longer than the pause has grown
    wrong = len(load.wrong)
    time.sleep(1)
    answers, after = load.stop()
    check(len(after) == wrong, f"{len(after) - wrong} failed after recovery")
    check(meanwhile <= FAILURES * 4 + 20, f"{meanwhile} requests reached a subgraph whose circuit was open")
    return f"down: {told} refused with {meanwhile} asked; up: {answers} answered, 0 failed"


# ---- many at once ----

def be_client(port, worker, seed, seconds):
    """One of the crowd, a process of its own; what it tells stands in its last line."""
    chance, times, client, right = random.Random(seed), Times(), Client(port, worker), 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        part = chance.choice(PARTS)
        body, *told = client.ask(part.query)
        times.note(part.source, *told)
        known = any(body.startswith(written(data)) for data in part.data.values())
        check(known or b'"SOURCE_TIMEOUT"' in body, f"{part.source}: {body[:300]}")   # one that is well may be slow, too
        right += body.startswith(written(part.data[WHOLE]))
        time.sleep(chance.random() * 0.02)
    print(json.dumps([times.n, right, times.raw, times.late]))


def crowd(lab, chance, seconds):
    """Six clients; what the subgraph does changes all the time. Everyone is answered in time."""
    wild = list(kinds.cases())
    clients = [subprocess.Popen([sys.executable, "-B", __file__, "--client", str(lab.gate.port), str(lab.gate.worker()), str(seed),
                                 str(seconds)], stdout=subprocess.PIPE, text=True) for seed in range(6)]
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with lab.lying(chance.choice(PARTS), chance.choice(wild).work):
            time.sleep(chance.random() * 0.4)
        time.sleep(chance.random() * 0.1)
    said = [client.communicate()[0] for client in clients]
    check(all(client.returncode == 0 for client in clients), "one of the crowd failed")
    told = [json.loads(text.splitlines()[-1]) for text in said]
    n, right = sum(one[0] for one in told), sum(one[1] for one in told)
    raw, late = max(one[2] for one in told), max(one[3] for one in told)
    check(late <= ALLOWED, f"in the crowd: {late * 1000:.0f} ms after the deadline, {raw * 1000:.0f} with the machine")
    for part in PARTS:
        lab.whole(part, "the crowd")
    wait_until(lab.settled, 10, "the end of the crowd's connections")
    return f"crowd: answers={n} whole={right} late={late * 1000:.1f} ms (machine included {raw * 1000:.1f})"


# ---- TLS ----

def certificate(folder, name):
    cert, key = Path(folder, f"{name}.pem"), Path(folder, f"{name}.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                    f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context


def over_tls(stack, times, parts_of):
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="meridian-faults-"))
    cert, context = certificate(folder, "right")
    lab = Lab(stack, times, "subgraphs.failures=0", f"tls.ca={cert}", tls=context)
    for case in kinds.cases():
        if case.kind in ("closes", "resets", "falls silent"):
            for part in parts_of(case):
                lab.one(part, case)
    hello = [Case("TLS: no TLS", "", greeting(lambda line: kinds.say(line, kinds.framed(b"{}"))), GONE),
             Case("TLS: closed at the handshake", "", greeting(kinds.end), GONE), Case("TLS: reset at the handshake", "", greeting(kinds.reset), GONE),
             Case("TLS: silent at the handshake", "", greeting(kinds.hold), GONE, slow=True),
             Case("TLS: half a record", "", greeting(lambda line: kinds.say(line, b"\x16\x03\x03\x40\x00half", kinds.hold)), GONE, slow=True),
             Case("TLS: a certificate of nobody", "", another_certificate(certificate(folder, "other")[1]), GONE)]
    for case in hello:
        for part in parts_of(case):
            without_server(lab, part, case)
    lab.no_rest("all over TLS")


# ---- all of it ----

def each_place(stack, times, chance, parts_of):
    """Every fault at every place."""
    lab = Lab(stack, times, "subgraphs.failures=0")
    todo = [(part, case) for case in kinds.cases() for part in parts_of(case)]
    chance.shuffle(todo)
    for part, case in todo:
        lab.one(part, case)
    kept_connections(lab, ROOT_FETCH)
    for part in PARTS:
        for case in NO_SERVERS:
            without_server(lab, part, case)
    lab.no_rest("all")
    return lab


def prove(told):
    chance, times = random.Random(told.seed), Times(told.short)
    found = list(kinds.cases())
    for case in found:
        if case.kind in ("a bomb", "very many errors"):   # made beforehand
            for part in PARTS:
                case.work(kinds.Nobody(), part.right)
    turn = iter(range(1000000))
    parts_of = (lambda case: [PARTS[next(turn) % 2]]) if told.short else (lambda case: PARTS)
    lines = []
    for _ in range(told.size):
        with contextlib.ExitStack() as stack:
            lab = each_place(stack, times, chance, parts_of)
            over_tls(stack, times, parts_of)
            if not told.short:
                lines.append(crowd(lab, chance, 20))
        if not told.short:
            with contextlib.ExitStack() as stack:
                lab = Lab(stack, times, f"subgraphs.failures={FAILURES}", f"subgraphs.pause={int(PAUSE * 1000)}ms")
                for case in found:
                    if case.wanted != EITHER:
                        breaker(lab, ROOT_FETCH, case)
                lines.append("breaker: " + recovery(lab))
    for line in lines:
        print(line)
    return (f"kinds={len({case.kind for case in found}) + len(NO_SERVERS)} cases={len(found)} faults={times.n} to_the_deadline={times.slow} "
            f"late={times.late * 1000:.1f} ms ({times.worst}), machine included {times.raw * 1000:.1f} ms, repeated={times.again}")


def main():
    sys.setswitchinterval(0.0005)
    if sys.argv[1:2] == ["--answer"]:
        Apart.work(*map(int, sys.argv[2:4]))
        return 0
    if sys.argv[1:2] == ["--client"]:
        be_client(*map(int, sys.argv[2:5]), float(sys.argv[5]))
        return 0
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--size", default="1")
    options.add_argument("--short", action="store_true")
    told = options.parse_args()
    told.size = {"S": 1, "M": 10}.get(told.size) or int(told.size)
    (layout.STATE / "log").mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    try:
        print(f"faults: ok {prove(told)} seconds={time.monotonic() - began:.0f}")
    except (Failure, AssertionError) as problem:
        print(f"faults: FAILED seed={told.seed}: {problem}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
