# SPDX-License-Identifier: MIT
"""Runs the scenarios: tests/scenario/run.py [name…]. Writes one line each and, last, `N passed, N failed`.

The test fleet has its own ports (from 23000, the first free thousand) and its own state folder under build/, so a
developer's fleet is not disturbed, and it runs the sanitizer build.
"""
import importlib.util
import os
import socket
import sys
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "scenario")]
os.environ.setdefault("MERIDIAN_FLEET_DIR", str(ROOT / "build" / "fleet-test"))
os.environ.setdefault("MERIDIAN_BUILD", "build/dev")


def free_base():
    """The first thousand from 23000 on whose edges nobody uses: two checkouts may be tested at once."""
    for base in range(23000, 32000, 1000):
        taken = False
        for port in (base + 10, base + 110, base + 200, base + 215, base + 400, base + 454):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    taken = True
        if not taken:
            return base
    sys.exit("no free ports from 23000 to 32000")


def load_modules():
    found = []
    for path in sorted((ROOT / "tests" / "scenario").glob("test_*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found.append(module)
    return found


def scenarios_of(module, names):
    prefix = module.__name__.removeprefix("test_")
    for key, work in list(vars(module).items()):
        full = f"scenario.{prefix}.{key.removeprefix('scenario_')}"
        if key.startswith("scenario_") and (not names or any(name in full for name in names)):
            yield full, work


def sanitizer_findings(since):
    """What the sanitizers wrote into the logs after this point: {log: text}, and moves the point."""
    from fleet.layout import STATE
    found = {}
    for log in sorted((STATE / "log").glob("*.log")):
        with open(log, encoding="utf-8", errors="replace") as text:
            text.seek(since.get(log, 0))
            fresh = text.read()
            since[log] = text.tell()
        for mark in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer"):
            at = fresh.find(mark)
            if at >= 0:
                found[log.name] = fresh[at:at + 1500]
                break
    return found


class Run:
    def __init__(self):
        self.passed = self.failed = 0
        self.logs = {}

    def note(self, name, problem, seconds):
        self.failed += problem is not None
        self.passed += problem is None
        print(f"{'FAIL' if problem else 'ok  '} {name} ({seconds:.1f} s)", flush=True)
        if problem:
            print("     " + problem.strip().replace("\n", "\n     "), flush=True)

    def one(self, name, work, fleet, read_only):
        from fleet import local
        began, problem = time.monotonic(), None
        try:
            work(fleet)
        except AssertionError:
            problem = traceback.format_exc(limit=-2)
        except Exception:   # a scenario that breaks is a failure like any other
            problem = traceback.format_exc()
        dead, findings = local.crashed(), sanitizer_findings(self.logs)
        if dead or findings:
            problem = "\n".join([problem or "", *(f"{node} ended by itself" for node in dead),
                                 *(f"{log}: {text}" for log, text in findings.items())])
        if dead or problem or not read_only:
            try:
                fleet.heal()
            except Exception:
                problem = (problem or "") + "\nthe fleet could not be mended:\n" + traceback.format_exc(limit=-2)
        self.note(name, problem, time.monotonic() - began)


def main():
    names = sys.argv[1:]
    if "MERIDIAN_PORT_BASE" not in os.environ:   # before anything imports fleet.layout
        os.environ["MERIDIAN_PORT_BASE"] = str(free_base())
    modules = [module for module in load_modules() if any(True for _ in scenarios_of(module, names))]
    if not modules:
        print("0 passed, 0 failed")
        return 0
    from fleet import local
    from lib import Fleet

    wanted = None
    if all(hasattr(module, "NODES") for module in modules):
        wanted = set(local.expand(node for module in modules for node in module.NODES))
    run, began = Run(), time.monotonic()
    local.down(orderly=False)
    local.purge()
    try:
        local.up("S", wanted, activity=False)
    except Exception:
        run.note("scenario.fleet.up", traceback.format_exc(), time.monotonic() - began)
    else:
        run.note("scenario.fleet.up", None, time.monotonic() - began)
        fleet = Fleet(local.wanted_nodes())
        for module in sorted(modules, key=lambda m: not getattr(m, "READ_ONLY", False)):
            for name, work in scenarios_of(module, names):
                run.one(name, work, fleet, getattr(module, "READ_ONLY", False))
    began = time.monotonic()
    local.down()
    findings = sanitizer_findings(run.logs)
    run.note("scenario.fleet.down", "\n".join(f"{log}: {text}" for log, text in findings.items()) or None,
             time.monotonic() - began)
    if not run.failed:
        local.purge()
    print(f"{run.passed} passed, {run.failed} failed")
    return 1 if run.failed else 0


if __name__ == "__main__":
    sys.exit(main())
