#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the guard costs: CPU time of the server a request, with the guard and on the bare library.

    ./dev bench guard       (or bench/guard.py [--runs N] [--seconds S])

Two builds of one small server (tests/probes/probe_server.c), one without the guard. The sides take turns in changing
order; the table shows medians, and how much more the guarded side used is the median of the rounds' own ratios.
Written to bench/results/guard.json."""
import argparse
import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench.lib import kit  # noqa: E402

H2, H1 = ["-c8", "-m10"], ["--h1", "-c8", "-m1"]
CASES = {
    "HTTP/2 GET": ("/", False, H2),
    "HTTP/2 GET with a token": ("/", False, H2),
    "HTTP/2 POST 480 bytes": ("/", True, H2),
    "HTTP/2 GET 10 KB": ("/big/10000", False, H2),
    "HTTP/1.1 GET": ("/", False, H1),
    "HTTP/1.1 POST 480 bytes": ("/", True, H1),
}
SIDES = {"guarded": "bench_guard_on", "bare": "bench_guard_off"}


@contextlib.contextmanager
def server(binary):
    """(url, pids) of one of the two builds."""
    # Without the guard a connection's first bytes are never seen, and it is taken for one that says nothing.
    command = [str(kit.BUILD / "bench" / "guard" / binary), "--handshake-ms", "3600000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    url = None
    for line in process.stdout:
        name, value = line.split()
        url = "http://" + value if name == "plain" else url
        if name == "guard":
            break
    try:
        yield url, [process.pid]
    finally:
        process.terminate()
        process.wait(15)
        process.stdout.close()


def run_case(case, servers, body, args):
    path, has_body, clients = CASES[case]
    headers = ["authorization: Bearer " + "eyJhbGciOiJSUzI1NiJ9." * 22] if "token" in case else []

    def one(side, requests):
        url, pids = servers[side]
        return kit.measure(url + path, pids, headers, body if has_body else None, requests, clients)
    requests = {side: max(2000, int(one(side, 5000)[1] * args.seconds)) for side in SIDES}
    samples = {side: [] for side in SIDES}
    for run in range(args.runs):
        for side in sorted(SIDES, reverse=run % 2 == 1):
            samples[side].append(one(side, requests[side]))
    row = {"case": case}
    for side in SIDES:
        cpu, rate = kit.medians(samples[side])
        row[side] = {"cpu_us": round(cpu, 3), "cpu_us_range": kit.spread(samples[side]), "requests_per_s": round(rate)}
    row["more_percent"] = round(100 * (kit.ratio(samples["guarded"], samples["bare"]) - 1), 1)
    cells = "".join(f"{row[s]['cpu_us']:>9.2f} us {row[s]['requests_per_s']:>8}/s" for s in SIDES)
    print(f"{case:26}{cells}{row['more_percent']:>7.1f}%", flush=True)
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each sample, about")
    args = parser.parse_args()
    load_before = kit.load()
    kit.build(*SIDES.values())
    print(f"{'':26}{'guarded':>22}{'bare':>22}{'more':>8}")
    with tempfile.NamedTemporaryFile() as body, contextlib.ExitStack() as stack:
        body.write(b"x" * 480)
        body.flush()
        servers = {side: stack.enter_context(server(binary)) for side, binary in SIDES.items()}
        rows = [run_case(case, servers, body.name, args) for case in CASES]
    kit.warn_of(load_before)
    kit.write("guard", {"what": "CPU time of the server a request", "load_before": load_before, "runs": args.runs,
                        "seconds": args.seconds, "cases": rows})


if __name__ == "__main__":
    main()
