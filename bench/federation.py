#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the router costs an operation that four subgraphs tell, beside its ceiling.

    ./dev bench federation     (or bench/federation.py [--runs N] [--seconds S] [--only CASE])

The ceiling, bench/fed_bare.c, makes the same requests to the subgraphs, byte by byte and in the same order, and answers
the same bytes, without any GraphQL. The requests are recorded from Meridian at the start. The subgraphs stand in
bench/federation; their answers are kept by bench/fed_sources.c, so that they cost little. The sides take turns in changing
order; every answer is compared with what it should be. The tables show medians, a ratio is the median of the rounds' own
ratios. Ports from MERIDIAN_PORT_BASE. Written to bench/results/federation.json. Needs node and the root's node_modules;
skipped without them, saying so."""
import argparse
import contextlib
import http.client
import json
import re
import shutil
import socketserver
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench.lib import kit  # noqa: E402

HERE = kit.ROOT / "bench" / "federation"
PORT = kit.PORT_BASE + 920
NODE, SOURCES, RECORDER, SIDE_PORTS = PORT, PORT + 1, PORT + 2, {"meridian": PORT + 3, "bare": PORT + 4}
CASES = {  # headers of the clients, milliseconds that each answer of a subgraph is late
    "unique": ("unique", 0),
    "equal": ("equal", 0),
    "delay": ("unique", 4),
}
BAR = 3
CONNECTIONS = 50
RECORDED_S, RECORDINGS = 0.15, 5
FILE_URL = "http://127.0.0.1:4200/"   # in the committed supergraph


class Process:
    """A process that says "ready" when it is; ended by its id."""

    def __init__(self, *command):
        self.process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("ready"):
            sys.exit(f"{command[0]} did not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(15)
        self.process.stdout.close()

    def pids(self):
        pid = self.process.pid
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


class Recorder(socketserver.ThreadingTCPServer):
    """Stands between Meridian and the subgraphs and notes each request's bytes, and which answers were out when it
    came. Answers are held back and given together, so that what does not wait for them is there before, and what waits
    for two of them goes out as under load."""
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        self.fetches, self.answered, self.lock = [], set(), threading.Lock()
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                with contextlib.suppress(OSError):
                    while outer.one(self.rfile, self.wfile):
                        pass
        super().__init__(("127.0.0.1", RECORDER), Handler)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def one(self, rfile, wfile):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = rfile.readline()
            if not line:
                return False
            head += line
        body = rfile.read(int(re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)[1]))
        with self.lock:
            index = len(self.fetches)
            self.fetches.append((sum(1 << i for i in self.answered), head + body))
        behind = http.client.HTTPConnection("127.0.0.1", NODE, timeout=20)
        behind.request("POST", head.split()[1].decode(), body, {"content-type": "application/json"})
        said = behind.getresponse().read()
        behind.close()
        time.sleep(RECORDED_S - time.monotonic() % RECORDED_S)
        with self.lock:
            self.answered.add(index)
        wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(said) + said)
        wfile.flush()
        return True

    def script(self, token):
        """What fed_bare reads: each request cut where the client's token stands."""
        port = f":{RECORDER}".encode(), f":{SOURCES}".encode()
        out = b""
        for after, text in self.fetches:
            before, found, tail = text.replace(*port).partition(token)
            if not found:
                sys.exit("a recorded request has no token")
            out += b"%x %d %d\n" % (after, len(before), len(tail)) + before + tail + b"\n"
        return out


def meridian(folder, port):
    """A router over the subgraphs at that port."""
    file = folder / f"supergraph-{port}.graphql"
    file.write_text((HERE / "supergraph.graphql").read_text(encoding="utf-8").replace(FILE_URL, f"http://127.0.0.1:{port}/"),
                    encoding="utf-8")
    return Process(kit.BUILD / "gateway" / "meridian", "serve", "--supergraph", file, "--listen",
                   f"127.0.0.1:{SIDE_PORTS['meridian']}", "--threads", 1, "--set", "headers.propagate=authorization")


def record(folder, want):
    """Asks Meridian once; the requests, and the script that makes them."""
    with Recorder() as recorder, meridian(folder, RECORDER):
        request = urllib.request.Request(f"http://127.0.0.1:{SIDE_PORTS['meridian']}/graphql", (folder / "body").read_bytes(), {
            "content-type": "application/json", "accept": "application/json", "authorization": "Bearer recorded"})
        with urllib.request.urlopen(request, timeout=30) as response:
            answer = response.read()
        recorder.shutdown()
        if json.loads(answer) != {"data": want}:
            sys.exit("the answer is wrong: " + answer.decode()[:400])
        (folder / "answer").write_bytes(answer)
        return len(recorder.fetches), recorder.script(b"Bearer recorded")


def load(folder, side, headers, requests):
    command = [kit.BUILD / "bench" / "fed_load", SIDE_PORTS[side], folder / "body", folder / "answer", CONNECTIONS, requests, headers]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    found = re.match(r"requests (\d+) wrong 0 seconds ([\d.]+) p50_ms ([\d.]+) p99_ms ([\d.]+)", done.stdout)
    if done.returncode != 0 or not found:
        sys.exit(f"{side}: {done.stdout}{done.stderr}")
    return [float(part) for part in found.groups()[1:]]


def asked_so_far():
    with urllib.request.urlopen(f"http://127.0.0.1:{SOURCES}/", timeout=5) as response:
        return int(response.read())


def sample(folder, side, process, headers, requests):
    """[CPU in microseconds an operation, operations a second, requests to subgraphs an operation, p50, p99]."""
    cpu, asked = kit.cpu_s(process.pids()), asked_so_far()
    seconds, p50, p99 = load(folder, side, headers, requests)
    used = kit.cpu_s(process.pids()) - cpu
    return [used / requests * 1e6, requests / seconds, (asked_so_far() - asked) / requests, p50, p99]


def run_case(case, folder, args):
    headers, delay = CASES[case]
    with contextlib.ExitStack() as stack:
        stack.enter_context(Process(kit.BUILD / "bench" / "fed_sources", SOURCES, NODE, delay))
        sides = {"meridian": stack.enter_context(meridian(folder, SOURCES)), "bare": stack.enter_context(
            Process(kit.BUILD / "bench" / "fed_bare", SIDE_PORTS["bare"], SOURCES, folder / "script", folder / "answer"))}
        requests = {side: max(200, int(sample(folder, side, p, headers, 500)[1] * args.seconds)) for side, p in sides.items()}
        samples = {side: [] for side in sides}
        for run in range(args.runs):
            for side in sorted(sides, reverse=run % 2 == 1):
                samples[side].append(sample(folder, side, sides[side], headers, requests[side]))
        row = {"case": case, "headers": headers, "delay_ms": delay}
        for side, process in sides.items():
            cpu, rate, asked, p50, p99 = kit.medians(samples[side])
            row[side] = {"cpu_us": round(cpu, 1), "cpu_us_range": kit.spread(samples[side]), "per_s": round(rate),
                         "subgraph_requests": round(asked, 2), "p50_ms": p50, "p99_ms": p99,
                         "rss_kb": sum(kit.memory_kb(pid) for pid in process.pids()),
                         "pss_kb": sum(kit.memory_kb(pid, "Pss") for pid in process.pids())}
    row["cpu_ratio"] = round(kit.ratio(samples["meridian"], samples["bare"]), 2)
    cells = "".join(f"{row[s]['cpu_us']:>9.1f} us {row[s]['per_s']:>6}/s {row[s]['subgraph_requests']:>5.2f}" for s in sides)
    print(f"{case:8}{cells}{row['cpu_ratio']:>8.2f}x{row['meridian']['pss_kb'] / 1024:>8.1f} MiB", flush=True)
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each sample, about")
    parser.add_argument("--only", choices=CASES)
    args = parser.parse_args()
    if not shutil.which("node") or not (kit.ROOT / "node_modules" / "graphql").is_dir():
        print("federation: skipped, needs node and npm ci in the root")
        return 0
    load_before = kit.load()
    kit.build("meridian", "fed_sources", "fed_bare", "fed_load")
    with kit.folder() as folder, Process("node", HERE / "sources.mjs", "--serve", NODE) as node:
        want = json.loads(node.process.stdout.readline())
        (folder / "body").write_text(json.dumps({"query": (HERE / "query.graphql").read_text(encoding="utf-8")}), encoding="utf-8")
        # Whether two answers are read in one turn of the loop is chance: the fewest requests are the ceiling's.
        asked, script = min(record(folder, want) for _ in range(RECORDINGS))
        (folder / "script").write_bytes(script)
        answer_bytes = (folder / "answer").stat().st_size
        print(f"{answer_bytes} bytes, {asked} requests to subgraphs when nothing is merged")
        print(f"{'':8}{'meridian':>27}{'bare':>27}{'ratio':>9}{'Pss':>12}")
        rows = [run_case(case, folder, args) for case in CASES if args.only in (None, case)]
    kit.warn_of(load_before)
    kit.write("federation", {"what": "CPU time of the router an operation, and of the same requests without GraphQL",
                             "load_before": load_before, "runs": args.runs, "seconds": args.seconds, "answer_bytes": answer_bytes,
                             "requests_recorded": asked, "connections": CONNECTIONS, "cases": rows})
    missed = [row["case"] for row in rows if row["headers"] == "unique" and row["cpu_ratio"] > BAR]
    if missed:
        print(f"over the bar, {BAR} x the ceiling's CPU: {', '.join(missed)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
