# SPDX-License-Identifier: MIT
"""The gateway as a process: it drains, its parent starts it again, and it says where its configuration is wrong."""
import http.client
import json
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

from fleet import gateways, layout, nodes
from gateway_kit import LA, STOCK, US_EAST_DATABASES, good, ready, restart, worker
from lib import equal, eventually

NODES = [*US_EAST_DATABASES, f"db:{LA}", "gateway:us-east", f"gateway:{LA}"]
GATEWAY = "us-east"


class Load:
    """Callers with a connection each that ask without a pause. An answer is lost when its request was sent whole on a
    connection that was then closed without a byte, though the server had not said that it would close it."""

    def __init__(self, fleet, connections=20):
        self.answered, self.lost, self.wrong = 0, [], []
        self.stop, self.lock = threading.Event(), threading.Lock()
        self.body = json.dumps({"query": STOCK, "variables": {"f": LA, "n": 5}})
        self.fields = {"authorization": f"Bearer {worker(fleet)}", "content-type": "application/json"}
        self.threads = [threading.Thread(target=self.run) for _ in range(connections)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def run(self):
        while not self.stop.is_set():
            link = http.client.HTTPConnection("127.0.0.1", layout.gateway_port(GATEWAY), timeout=15)
            try:
                link.connect()
            except OSError:   # nobody listens: nothing is lost
                time.sleep(0.02)
                continue
            self.use(link)
            link.close()

    def use(self, link):
        while not self.stop.is_set():
            sent = False
            try:
                link.request("POST", "/graphql", self.body, self.fields)
                sent = True
                answer = link.getresponse()
                found = json.loads(answer.read())
            except (OSError, http.client.HTTPException, ValueError) as problem:
                if sent:
                    with self.lock:
                        self.lost.append(repr(problem))
                return
            with self.lock:
                self.answered += 1
                if answer.status != 200 or "errors" in found or len(found["data"]["inventoryLevels"]["edges"]) != 5:
                    self.wrong.append(f"{answer.status} {found}"[:300])
            if answer.getheader("connection", "").lower() == "close":
                return


def _children(pid):
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def scenario_sigterm_drains_and_loses_no_answer(fleet):
    ready(fleet, GATEWAY)
    with Load(fleet) as load:
        for _ in range(2):
            time.sleep(1.5)
            began = time.monotonic()
            restart(fleet, f"gateway:{GATEWAY}")
            assert time.monotonic() - began < 20, "draining and starting took too long"
        time.sleep(1)
    assert load.answered > 50, f"only {load.answered} answers"
    equal((load.wrong, load.lost), ([], []), "wrong and lost answers")


def scenario_a_killed_worker_process_is_back_at_once(fleet):
    parent = fleet.pid(f"gateway:{GATEWAY}")
    for _ in range(3):
        (child,) = _children(parent)
        time.sleep(1.1)   # one that dies as soon as it was born is started more slowly
        os.kill(child, signal.SIGKILL)
        began = time.monotonic()
        answer = fleet.http(GATEWAY, "GET", "/health", listener="http")   # the listening socket stayed: it waits, it is not refused
        took = time.monotonic() - began
        equal(answer.status, 200, "health")
        assert took < 2, f"back after {took:.2f} s"
        (again,) = _children(parent)
        assert again != child
        ready(fleet, GATEWAY)
        equal(len(good(fleet.graphql(GATEWAY, STOCK, {"f": LA, "n": 5}, worker(fleet)))["inventoryLevels"]["edges"]), 5, "rows")
    equal(fleet.pid(f"gateway:{GATEWAY}"), parent, "parent")


def scenario_a_killed_parent_leaves_no_orphan(fleet):
    parent = fleet.pid(f"gateway:{GATEWAY}")
    (child,) = _children(parent)
    fleet.kill(f"gateway:{GATEWAY}")
    end = time.monotonic() + 15
    while Path(f"/proc/{child}/exe").exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert not Path(f"/proc/{child}/exe").exists(), "the worker process outlives its parent"
    fleet.start(f"gateway:{GATEWAY}")
    ready(fleet, GATEWAY)


def scenario_health_tells_alive_and_ready_tells_able(fleet):
    fleet.kill(f"db:{LA}")   # an edge has no other place to ask

    def unable():
        answer = fleet.http(LA, "GET", "/ready", listener="http")
        equal((answer.status, answer.json["ready"]), (503, False), "ready without a database")
    eventually(unable, 5)
    equal(fleet.http(LA, "GET", "/health", listener="http").json["status"], "healthy", "health")
    fleet.start(f"db:{LA}")
    ready(fleet, LA)


def _run(*args):
    return subprocess.run([str(gateways.binary()), *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=False, timeout=30, env=nodes._environment())


def scenario_a_wrong_configuration_says_where(fleet):
    text = gateways.config_file(GATEWAY).read_text()
    path = layout.STATE / "wrong.yaml"
    table = [
        ("an unknown key", "\nthreads: 1\n", "\nthreds: 1\n", "threds"),
        ("an unknown key below", "  audience: meridian", "  audienze: meridian", "audienze"),
        ("a word for a number", "\nthreads: 1\n", "\nthreads: one\n", "threads"),
        ("a tier that is none", "tier: regional", "tier: local", "local"),
        ("a role that is none", "role: replica", "role: slave", "slave"),
        ("a key twice", "\nthreads: 1\n", "\nthreads: 1\nthreads: 2\n", "threads"),
        ("no YAML", "\nthreads: 1\n", "\nthreads: [1\n", ""),
        ("a unit that is none", "memory: 64MiB", "memory: 64 apples", "apples"),
        ("a variable that is not set", "audience: meridian", "audience: ${MERIDIAN_SURELY_NOT_SET}", "MERIDIAN_SURELY_NOT_SET"),
    ]
    problems = []
    for name, old, new, word in table:
        assert old in text, name
        path.write_text(text.replace(old, new, 1))
        line = text[:text.index(old)].count("\n") + (2 if old[0] == "\n" else 1)
        for command in (("serve",), ("check", "--offline")):
            done = _run(*command, "--config", path)
            said = done.stderr.strip()
            where = re.search(r"wrong\.yaml:(\d+):(\d+)", said)
            if done.returncode != 2 or not where or word not in said or "\n" in said:
                problems.append(f"{name}, {command[0]}: exit {done.returncode}, {said[:300]!r}")
            elif word and name != "a key twice" and abs(int(where[1]) - line) > 0:
                problems.append(f"{name}, {command[0]}: line {where[1]}, wanted {line}: {said[:200]!r}")
    path.unlink()
    assert not problems, "\n".join(problems)


def scenario_wrong_usage_ends_with_2_and_one_line(fleet):
    config = gateways.config_file(GATEWAY)
    for args in (["serve"], ["serve", "--config", "/nowhere.yaml"], ["serve", "--config", config, "--nonsense"], ["nonsense"],
                 ["serve", "--config", config, "--set", "nonsense=1"], ["serve", "--config", config, "--set", "threads=many"],
                 ["serve", "--config", config, "--threads", "x"], ["rollup"], ["plan"]):
        done = _run(*args)
        equal(done.returncode, 2, f"{args}: {done.stderr[:200]!r}")
        assert done.stderr.strip(), f"{args}: says nothing"


def scenario_a_port_that_is_taken_is_told(fleet):
    done = _run("serve", "--config", gateways.config_file(GATEWAY))
    assert done.returncode in (1, 2) and "in use" in done.stderr, f"exit {done.returncode}: {done.stderr[:300]!r}"
