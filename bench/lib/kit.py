# SPDX-License-Identifier: MIT
"""What the benchmarks share: a small fleet of their own, servers to compare with, h2load, CPU time, tables.

The fleet lives in build/bench-fleet on ports from 27000 (MERIDIAN_FLEET_DIR and MERIDIAN_PORT_BASE say otherwise), so
that a fleet started by ./dev up is not touched. A fleet that runs there already is used as it is and left running."""
import contextlib
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("MERIDIAN_BUILD", "build/release")
FLEET = Path(os.environ.setdefault("MERIDIAN_FLEET_DIR", str(ROOT / "build" / "bench-fleet")))
PORT_BASE = int(os.environ.setdefault("MERIDIAN_PORT_BASE", "27000"))
HARNESS_PORT = PORT_BASE + 900   # the fleet's own ports end far below
PG_BIN = Path("/usr/lib/postgresql/15/bin")
BATCH = 16                       # statements under one Sync, in the harness and in pgbench
CLIENTS = ["-c8", "-m10"]        # 80 requests under way


# ---- the fleet ----

def _fleet(*args):
    return subprocess.run([sys.executable, "-P", "-m", "fleet.cli", *args], cwd=ROOT, check=True, text=True,
                          stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}).stdout


def build(*targets):
    subprocess.run(["cmake", "--build", str(BUILD), "--target", *targets, "--", "--quiet"], check=True,
                   stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def fleet(nodes):
    """The fleet's facts while it runs; started without live activity, so that every run sees the same rows."""
    running = _is_up()
    if not running:
        print("starting a fleet for the benchmark", file=sys.stderr)
        _fleet("up", "--detach", "--quiet", "--only", ",".join(nodes))
    try:
        yield json.loads((FLEET / "fleet.json").read_text())
    finally:
        if not running:
            _fleet("down", "--purge")


def _is_up():
    try:
        return any(facts["running"] for facts in json.loads(_fleet("status", "--json"))["nodes"].values())
    except (subprocess.CalledProcessError, KeyError, ValueError):
        return False


def token(*claims):
    return _fleet("token", *claims).strip()


def config_file(gateway):
    return FLEET / "config" / f"{gateway}.yaml"


def gateway_dsn(gateway, database):
    """As the gateway itself connects: its role, with TLS."""
    sources = yaml.safe_load(config_file(gateway).read_text())["sources"]
    for source in sources.values():
        for placement in source["placements"]:
            if placement["name"] == database:
                return placement["url"]
    sys.exit(f"{gateway} has no placement {database}")


# ---- processes and what they cost ----

def gateway_pids(gateway):
    """The parent and its workers."""
    parent = int((FLEET / "run" / f"gateway-{gateway}.pid").read_text().split()[0])
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [parent, *map(int, children)]


def cpu_s(pids):
    """User and system time of all their threads, to the nanosecond."""
    total = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
                total += int(f.read().split()[0])
    return total / 1e9


class Cpu:
    """CPU time of processes that may end meanwhile: what they had used when last seen still counts."""

    def __init__(self):
        self.seen = {}

    def __call__(self, pids):
        for pid in pids:
            with contextlib.suppress(OSError):
                self.seen[pid] = cpu_s([pid])
        return sum(self.seen.values())


def postgres_pids(database):
    """The postmaster of one of the fleet's clusters, and its backends."""
    postmaster = int((FLEET / "pg" / database / "postmaster.pid").read_text().split()[0])
    return [postmaster, *map(int, Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split())]


def memory_kb(pid, name="VmRSS"):
    """From status (VmRSS) or smaps_rollup (Pss)."""
    file = "status" if name.startswith("Vm") else "smaps_rollup"
    return int(re.search(rf"^{name}:\s+(\d+)", Path(f"/proc/{pid}/{file}").read_text(), re.M)[1])


class Harness:
    """One of the ceilings' servers: `with Harness("h2_bare", …) as h: h.url, h.pids`."""

    def __init__(self, name, *args, port=HARNESS_PORT, options=()):
        self.command = [str(BUILD / "bench" / name), *options, str(port), *args]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("ready "):
            sys.exit(f"{self.command[0]} did not start")
        self.url, self.pids = line.split()[1], [self.process.pid]
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(15)
        self.process.stdout.close()


# ---- clients ----

def h2load(url, headers, body_file, requests, clients=CLIENTS):
    """Requests a second; a POST with a body, else a GET. Any answer but 2xx ends the benchmark."""
    args = ["h2load", "-n", str(requests), *clients, *(["-d", str(body_file)] if body_file else [])]
    for header in headers:
        args += ["-H", header]
    out = subprocess.run([*args, url], capture_output=True, text=True, check=True).stdout
    if not re.search(rf"status codes: {requests} 2xx, 0 3xx, 0 4xx, 0 5xx", out):
        sys.exit("h2load: " + out[-800:])
    return float(re.search(r"([\d.]+) req/s", out)[1])


def measure(url, pids, headers, body_file, requests, clients=CLIENTS):
    """(CPU in microseconds a request, requests a second)."""
    before = cpu_s(pids)
    rate = h2load(url, headers, body_file, requests, clients)
    return (cpu_s(pids) - before) / requests * 1e6, rate


class Pgbench:
    """The same statement by pgbench: prepared, pipelined, one set_config and one Sync for BATCH statements."""

    def __init__(self, dsn, sql, params, scope, folder, connections=2):
        names = "".join(f",set_config('{key}',:s{n},true)" for n, key in enumerate(scope))
        text = re.sub(r"\$(\d+)", r":p\1", sql)
        # libpq would read variables inside literals too: a JSON key is never followed by a name there.
        script = Path(folder) / "pgbench.sql"
        script.write_text("\\startpipeline\n" + f"select {names[1:]};\n" + f"{text};\n" * BATCH + "\\endpipeline\n",
                          encoding="utf-8")
        self.command = [str(PG_BIN / "pgbench"), "-n", "-M", "prepared", f"-c{connections}", "-j1", "-f", str(script)]
        for n, value in enumerate(params, 1):
            self.command += ["-D", f"p{n}={value}"]
        for n, value in enumerate(scope.values()):
            self.command += ["-D", f"s{n}={value}"]
        self.dsn = dsn

    def run(self, seconds):
        done = subprocess.run([*self.command, f"-T{max(1, round(seconds))}", self.dsn], capture_output=True, text=True)
        found = re.search(r"^tps = ([\d.]+)", done.stdout, re.M)
        if done.returncode != 0 or not found:
            sys.exit("pgbench: " + done.stderr[-800:])
        return float(found[1]) * BATCH


# ---- results ----

def medians(samples):
    return [statistics.median(column) for column in zip(*samples)]


def spread(samples, column=0):
    values = [s[column] for s in samples]
    return [round(min(values), 2), round(max(values), 2)]


def ratio(samples, other, column=0):
    """The median of the rounds' own ratios: what drifts from round to round falls out."""
    return statistics.median(a[column] / b[column] for a, b in zip(samples, other))


def load():
    """Of the last minute. Before a benchmark it is what strangers use."""
    return round(os.getloadavg()[0], 2)


LOAD_QUIET = 0.5


def warn_of(load_before):
    if load_before > LOAD_QUIET:
        print(f"the machine was busy (load {load_before} before the start): ratios of CPU may be believed, rates may not")


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = re.search(r"model name\s*:\s*(.*)", f.read())
    return {"cores": os.cpu_count(), "cpu": model[1] if model else platform.machine(), "kernel": platform.release()}


def write(name, facts):
    path = ROOT / "bench" / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"machine": machine(), **facts}, indent=2) + "\n")
    print(f"written: {path.relative_to(ROOT)}")


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix="meridian-bench-") as made:
        yield Path(made)
