#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Proves that our validator says what graphql-js says: random documents, valid and mutated, over four schemas (the API's
own, one written to hold the whole language, two made from the seed), judged by both.

  graphql.py [--tool PATH] [--supergraph FILE] [--seed N] [--size N]

--size is the number of documents (100,000). A run that was broken off goes on where it was. A difference in verdict,
places or messages fails, except the few that tests/prove/graphql/known.mjs names; each is counted. Needs node 18 and
the root's node_modules (npm ci); without them it is skipped, saying so. The last line is `graphql: ok …` or `graphql:
FAILED …`."""
import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
COUNTS = ("documents", "valid", "syntax", "errors", "verdict", "places", "messages", "oracle", "knownVerdict")
SMALL = 5000   # no state is kept for less


def missing():
    node = shutil.which("node")
    if not node:
        return "no node"
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout.strip().lstrip("v")
    if int(version.split(".")[0] or 0) < 18:
        return f"node {version} is older than 18"
    package = ROOT / "node_modules" / "graphql" / "package.json"
    if not package.exists():
        return "no node_modules/graphql (npm ci makes it; ./dev does that where npm is there)"
    version = json.loads(package.read_text())["version"]
    return None if version.startswith("16.") else f"graphql {version} is not 16"


def add(total, more):
    for name in COUNTS:
        total[name] = total.get(name, 0) + more[name]
    known = total.setdefault("known", {})
    for name, n in more["known"].items():
        known[name] = known.get(name, 0) + n


def show(found):
    print(f"  document {found['number']}, schema {found['schema']}: {found['kind']} differ\n    {found['text']!r}")
    theirs, ours = ([json.dumps(e, ensure_ascii=False) for e in found[who]] for who in ("theirs", "ours"))
    for who, mine, others in (("graphql-js", theirs, ours), ("ours", ours, theirs)):
        for error in dict.fromkeys(mine):
            if mine.count(error) != others.count(error):
                print(f"    {who}, {mine.count(error)} times: {error}")
    if sorted(theirs) == sorted(ours):
        print("    the same errors in another order")
    sys.stdout.flush()


def run(args, folder, state):
    total = json.loads(state.read_text()) if args.size > SMALL and state.exists() else {}
    with open(folder / "api.graphql", "w", encoding="utf-8") as out:
        subprocess.run([args.tool, "--print", f"api:{args.supergraph}"], stdout=out, check=True)
    command = ["node", str(ROOT / "tests" / "prove" / "graphql" / "run.mjs"), args.tool, str(args.seed),
               str(total.get("documents", 0)), str(args.size), str(folder)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    shown = time.monotonic()
    for line in child.stdout:
        batch = json.loads(line)
        add(total, batch)
        for found in batch["found"]:
            show(found)
        if args.size > SMALL:
            state.with_suffix(".new").write_text(json.dumps(total))
            os.replace(state.with_suffix(".new"), state)
        if time.monotonic() - shown > 20:
            shown = time.monotonic()
            print(f"graphql: {total['documents']} of {args.size}", flush=True)
    if child.wait():
        print(f"graphql: FAILED seed={args.seed}: the run ended with {child.returncode} after"
              f" {total.get('documents', 0)} documents")
        sys.exit(1)
    state.unlink(missing_ok=True)
    return total


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--tool", default=str(ROOT / os.environ.get("MERIDIAN_BUILD", "build/dev") / "tests/prove/validate_tool"))
    ask.add_argument("--supergraph", default=str(ROOT / "schema" / "supergraph.graphql"))
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--size", type=int, default=100_000)
    args = ask.parse_args()
    sys.stdout.reconfigure(errors="backslashreplace")   # graphql-js shows half a surrogate pair
    why = missing()
    if why:
        print(f"graphql: skipped, {why}")
        return 77
    folder = ROOT / "build" / "prove-graphql" / str(os.getpid())
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    try:
        total = run(args, folder, folder.parent / f"{args.seed}-{args.size}.json")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    differences = total["verdict"] + total["places"] + total["messages"]
    for name, n in sorted(total["known"].items()):
        print(f"  {n} on purpose: {name}")
    print(f"  {total['knownVerdict']} of these change the verdict")
    counts = " ".join(f"{name}={total[name]}" for name in COUNTS[:-1])
    print(f"graphql: {'FAILED' if differences else 'ok'} seed={args.seed} {counts} known={sum(total['known'].values())}"
          f" {time.monotonic() - began:.0f} s")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
