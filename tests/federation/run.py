#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs the federation suites (tests/federation/suites) against the router.

  run.py [--binary FILE | --router COMMAND] [SUITE…]

Needs node 18 and the root's node_modules (npm ci); without them it is skipped, saying so."""
import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "prove"))
sys.dont_write_bytecode = True
from federation import missing, serve_with  # noqa: E402


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--binary", default=str(ROOT / os.environ.get("MERIDIAN_BUILD", "build/dev") / "gateway" / "meridian"))
    ask.add_argument("--router", help="start this instead: a line for sh with $SUPERGRAPH and $LISTEN")
    ask.add_argument("suites", nargs="*")
    args = ask.parse_args()
    why = missing()
    if why:
        print(f"federation suites: skipped, {why}")
        return 77
    script = ROOT / "tests" / "federation" / "run.mjs"
    return subprocess.run(["node", str(script), args.router or serve_with(args.binary), *args.suites], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
