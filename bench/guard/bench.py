#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the guard costs: CPU time of the server per request, with the guard and on the bare library.

    bench.py --build DIR [--runs N] [--requests N]

DIR is a release build in which bench_guard_on and bench_guard_off were built. Each run measures both, one after the
other, in changing order; the table shows medians. Writes bench/results/guard.json."""
import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CASES = {
    "HTTP/2 GET": ["-c8", "-m10", "{url}/"],
    "HTTP/2 POST 480 bytes": ["-c8", "-m10", "-d", "{body}", "{url}/"],
    "HTTP/2 GET 10 KB": ["-c8", "-m10", "{url}/big/10000"],
    "HTTP/1.1 GET": ["--h1", "-c8", "-m1", "{url}/"],
    "HTTP/1.1 POST 480 bytes": ["--h1", "-c8", "-m1", "-d", "{body}", "{url}/"],
}


class Server:
    def __init__(self, binary):
        self.process = subprocess.Popen([binary], stdout=subprocess.PIPE, text=True)
        self.url = None
        for line in self.process.stdout:
            name, value = line.split()
            if name == "plain":
                self.url = "http://" + value
            if name == "guard":
                break

    def cpu_s(self):
        total = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{task}/schedstat") as f:
                total += int(f.read().split()[0])
        return total / 1e9

    def stop(self):
        self.process.terminate()
        self.process.wait(15)
        self.process.stdout.close()


def measure(server, args, requests, body):
    filled = [a.format(url=server.url, body=body) for a in args]
    before = server.cpu_s()
    out = subprocess.run(["h2load", "-n", str(requests), *filled], capture_output=True, text=True, check=True).stdout
    cpu = server.cpu_s() - before
    done = re.search(r"(\d+) succeeded, (\d+) failed", out)
    if not done or int(done.group(1)) != requests:
        sys.exit("h2load: " + out[-800:])
    rate = float(re.search(r"([\d.]+) req/s", out).group(1))
    return cpu / requests * 1e6, rate


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--requests", type=int, default=100000)
    args = parser.parse_args()
    sides = {"guarded": "bench_guard_on", "bare": "bench_guard_off"}
    servers = {side: Server(os.path.join(args.build, "bench", "guard", name)) for side, name in sides.items()}
    samples = {case: {side: [] for side in sides} for case in CASES}
    with tempfile.NamedTemporaryFile() as body:
        body.write(b"x" * 480)
        body.flush()
        for case, options in CASES.items():
            for side in sides:
                measure(servers[side], options, args.requests // 10, body.name)
            for run in range(args.runs):
                for side in sorted(sides, reverse=run % 2 == 1):
                    samples[case][side].append(measure(servers[side], options, args.requests, body.name))
    for server in servers.values():
        server.stop()
    rows = []
    print(f"{'':26}{'guarded':>22}{'bare':>22}{'more':>8}")
    for case in CASES:
        row = {"case": case}
        for side in sides:
            row[side] = {"cpu_us": round(statistics.median(c for c, _ in samples[case][side]), 3),
                         "requests_per_s": round(statistics.median(r for _, r in samples[case][side]))}
        row["more_percent"] = round(100 * (row["guarded"]["cpu_us"] / row["bare"]["cpu_us"] - 1), 1)
        rows.append(row)
        cells = "".join(f"{row[s]['cpu_us']:>9.2f} us {row[s]['requests_per_s']:>8}/s" for s in sides)
        print(f"{case:26}{cells}{row['more_percent']:>7.1f}%")
    path = os.path.join(ROOT, "bench", "results", "guard.json")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        json.dump({"what": "CPU time of the server per request", "machine": f"{os.cpu_count()} cores, {platform.release()}",
                   "runs": args.runs, "requests": args.requests, "cases": rows}, f, indent=2)
        f.write("\n")


if __name__ == "__main__":
    main()
