#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Asks the router the recorded cases of graphql-js' executor over HTTP (tests/corpus/execution.mjs).

  execution.py [--binary FILE] [--router COMMAND]

The corpus stands beside the checkout (../shared/corpus/graphql). Without it, or without node 18 and the root's
node_modules (npm ci), it is skipped, saying so."""
import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = ROOT.parent / "shared" / "corpus" / "graphql" / "execution.json"
sys.path.insert(0, str(ROOT / "tests" / "prove"))
sys.dont_write_bytecode = True
from federation import missing, serve_with  # noqa: E402


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--binary", default=str(ROOT / os.environ.get("MERIDIAN_BUILD", "build/dev") / "gateway" / "meridian"))
    ask.add_argument("--router", help="start this instead: a line for sh with $SUPERGRAPH, $LISTEN and $ADMIN")
    args = ask.parse_args()
    why = missing() or (None if CORPUS.exists() else f"no {CORPUS.name} beside the checkout")
    if why:
        print(f"execution corpus: skipped, {why}")
        return 77
    command = args.router or f'{serve_with(args.binary)} --admin "$ADMIN"'
    script = ROOT / "tests" / "corpus" / "execution.mjs"
    return subprocess.run(["node", str(script), command, str(CORPUS)], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
