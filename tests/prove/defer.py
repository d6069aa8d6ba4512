#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Proves that an answer in parts is the whole answer: random schemas, subgraphs and operations as in federation.py, each
operation asked whole and, with fragments deferred at random, in both formats; what a strict client puts together
(tests/federation/kit/defer.mjs) must be the same, and its errors at the same places.

  defer.py [--binary FILE] [--seed N] [--schemas N] [--operations N] [--from N]

--size is another name of --schemas (100); --operations is for each schema (100). The last line is `defer: ok …` or
`defer: FAILED …`."""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from federation import ROOT, missing, serve_with


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--binary", default=str(ROOT / os.environ.get("MERIDIAN_BUILD", "build/dev") / "gateway" / "meridian"))
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--schemas", "--size", type=int, default=100)
    ask.add_argument("--operations", type=int, default=100)
    ask.add_argument("--from", dest="start", type=int, default=0, help="the first schema's number")
    ask.add_argument("--verbose", action="store_true", help="show both answers")
    args = ask.parse_args()
    sys.stdout.reconfigure(errors="backslashreplace")
    why = missing()
    if why:
        print(f"defer: skipped, {why}")
        return 77
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="prove-defer-") as folder:
        options = {"router": serve_with(args.binary), "seed": args.seed, "schemas": args.schemas, "from": args.start,
                   "operations": args.operations, "folder": folder, "verbose": args.verbose}
        script = Path(__file__).parent / "federation" / "defer.mjs"
        done = subprocess.run(["node", str(script), json.dumps(options)], stdout=subprocess.PIPE, text=True, check=False)
    lines = done.stdout.splitlines()
    for line in lines[:-1]:
        print(line)
    count = json.loads(lines[-1]) if lines and done.returncode == 0 else {"failures": 1}
    told = " ".join(f"{name}={number}" for name, number in count.items())
    print(f"defer: {'FAILED' if count['failures'] else 'ok'} seed={args.seed} {told} {time.monotonic() - began:.0f} s")
    return 1 if count["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
