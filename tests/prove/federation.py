#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Proves that a plan answers as one executor over the whole data would: random schemas, split over two to six random
subgraphs and composed by npm's composer; random operations, asked of the router and executed by graphql-js over the
whole. Data, nulls, the order of keys and the paths of errors must be the same, and no subgraph may be asked what it must
not be (tests/prove/federation/judge.mjs tells the rules). With --faults subgraphs misbehave meanwhile: then nothing may
be wrong, only missing, and each gap must be explained by an error.

  federation.py [--binary FILE | --router COMMAND] [--seed N] [--schemas N] [--operations N] [--from N] [--faults]

--size is another name of --schemas (200); --operations is for each schema (100). A run that was broken off goes on where
it was, with the same binary. A failure is made small and written to build/prove-federation/found/: supergraph, subgraphs,
query, what was expected and what came. --router starts another router: a line for sh with $SUPERGRAPH, $PORT and $LISTEN,
which prints a line that begins with "ready ". Needs node 18 and the root's node_modules (npm ci); without them it is
skipped, saying so. The last line is `federation: ok …` or `federation: FAILED …`."""
import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
COUNTS = ("schemas", "operations", "requests", "failures", "flaky", "limited", "unreachable", "faults", "apart", "refused")
SMALL = 2000   # no state is kept for fewer operations


def missing():
    node = shutil.which("node")
    if not node:
        return "no node"
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout.strip().lstrip("v")
    if int(version.split(".")[0] or 0) < 18:
        return f"node {version} is older than 18"
    for package in ("graphql", "@theguild/federation-composition"):
        if not (ROOT / "node_modules" / package).is_dir():
            return f"no node_modules/{package} (npm ci makes it)"
    return None


def serve_with(binary):
    """The line for sh that starts our router (tests/federation/kit/router.mjs). No plan may depend on how busy the machine is."""
    label = "labels=[{name: seldom, header: x-seldom, equals: 'yes'}]"
    return f"exec '{binary}' serve --supergraph \"$SUPERGRAPH\" --listen \"$LISTEN\" --set \"{label}\" --set limits.plan=1m"


def add(total, more):
    for name in COUNTS:
        total[name] = total.get(name, 0) + more.get(name, 0)
    uses = total.setdefault("uses", {})
    for name in more["uses"]:
        uses[name] = uses.get(name, 0) + 1
    kinds = total.setdefault("kinds", {})
    for found in more["found"]:
        kinds[found["kind"]] = kinds.get(found["kind"], 0) + 1


def show(found):
    print(f"  schema {found['schema']}, operation {found.get('operation')}: {found['kind']}: {found['detail'][:600]}")
    if found.get("file"):
        print(f"    {found['file']}")
    sys.stdout.flush()


def run(args, folder, state):
    keep = args.schemas * args.operations > SMALL
    total = json.loads(state.read_text()) if keep and state.exists() else {}
    of = f"{args.router} {Path(args.binary).stat().st_mtime if Path(args.binary).exists() else 0}"
    if total.setdefault("of", of) != of:
        total = {"of": of}
    options = {"router": args.router, "seed": args.seed, "from": args.start + total.get("schemas", 0),
               "to": args.start + args.schemas, "operations": args.operations, "faults": args.faults, "labels": args.labels, "folder": str(folder),
               "found": str(folder.parent / "found"), "shrink": args.shrink}
    command = ["node", str(ROOT / "tests" / "prove" / "federation" / "run.mjs"), json.dumps(options)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    told, shown = time.monotonic(), 0
    for line in child.stdout:
        schema = json.loads(line)
        add(total, schema)
        for found in schema["found"]:
            shown += 1
            if shown <= args.show or found.get("file"):
                show(found)
        if keep:
            state.with_suffix(".new").write_text(json.dumps(total))
            os.replace(state.with_suffix(".new"), state)
        if time.monotonic() - told > 20:
            told = time.monotonic()
            print(f"federation: {total['operations']} operations over {total['schemas']} schemas,"
                  f" {total['failures']} failed", flush=True)
    if child.wait():
        print(f"federation: FAILED seed={args.seed}: the run ended with {child.returncode} after"
              f" {total.get('schemas', 0)} schemas")
        sys.exit(1)
    state.unlink(missing_ok=True)
    return total


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    built = ROOT / os.environ.get("MERIDIAN_BUILD", "build/dev") / "gateway" / "meridian"
    ask.add_argument("--binary", default=str(built))
    ask.add_argument("--router", help="start this instead")
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--schemas", "--size", type=int, default=200)
    ask.add_argument("--operations", type=int, default=100)
    ask.add_argument("--from", dest="start", type=int, default=0, help="the first schema's number")
    ask.add_argument("--faults", action="store_true")
    ask.add_argument("--show", type=int, default=10, help="so many failures are told with what was expected")
    ask.add_argument("--shrink", type=int, default=60, help="seconds given to make a failure's schema small")
    args = ask.parse_args()
    sys.stdout.reconfigure(errors="backslashreplace")
    args.labels = not args.router
    args.router = args.router or serve_with(args.binary)
    why = missing()
    if why:
        print(f"federation: skipped, {why}")
        return 77
    base = ROOT / "build" / "prove-federation"
    folder = base / str(os.getpid())
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    name = f"{'faults-' if args.faults else ''}{args.seed}-{args.start}-{args.schemas}-{args.operations}.json"
    try:
        total = run(args, folder, base / name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    bad = total["failures"] + total["flaky"]
    print(f"  schemas that use: {', '.join(f'{k} {n}' for k, n in sorted(total['uses'].items()))}")
    if total["kinds"]:
        print(f"  failures: {', '.join(f'{k} {n}' for k, n in sorted(total['kinds'].items()))}")
    counts = " ".join(f"{name}={total[name]}" for name in COUNTS if args.faults or name not in ("faults", "apart"))
    each = total["requests"] / max(1, total["operations"])
    print(f"federation: {'FAILED' if bad else 'ok'} seed={args.seed} {counts} requests/operation={each:.2f}"
          f" {time.monotonic() - began:.0f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
