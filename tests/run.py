# SPDX-License-Identifier: MIT
"""Everything ./dev test runs: ctest (units, fuzz corpora, probes, house), then the scenarios on a real fleet.

tests/run.py [name…] runs what has one of the names in its own. The last line is `N passed, N failed`.
"""
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as xml
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "dev"


def run_ctest(names):
    """(passed, failed, skipped names) of ctest, its report read from the file it writes for machines."""
    report = BUILD / "ctest.xml"
    report.unlink(missing_ok=True)
    cmd = ["ctest", "--test-dir", str(BUILD), "--output-on-failure", "-j", str(os.cpu_count() or 1),
           "--output-junit", str(report), "--no-tests=ignore"]
    if names:
        cmd += ["-R", "|".join(re.escape(name) for name in names)]
    code = subprocess.run(cmd, cwd=ROOT).returncode
    if not report.exists():
        return 0, int(code != 0), []
    cases = xml.parse(report).getroot().findall("testcase")
    # "run" passed, "fail" failed; "disabled" and "notrun" (a missing executable is a failure) as ctest calls them.
    state = [(case.get("name"), case.get("status"), case.find("skipped") is not None) for case in cases]
    skipped = [name for name, status, skip in state if skip and status == "notrun" or status == "disabled"]
    passed = sum(status == "run" for _, status, _ in state)
    return passed, len(state) - passed - len(skipped), skipped


def run_scenarios(names):
    done = subprocess.Popen(["/usr/bin/python3", str(ROOT / "tests" / "scenario" / "run.py"), *names],
                            stdout=subprocess.PIPE, text=True, cwd=ROOT)
    last = ""
    for line in done.stdout:
        match = re.fullmatch(r"(\d+) passed, (\d+) failed\n", line)
        if match:
            last = match
        else:
            print(line, end="", flush=True)
    code = done.wait()
    if not last:
        print("FAIL the scenario runner ended without a result")
        return 0, 1
    return int(last[1]), int(last[2]) or int(code != 0)


def main():
    names, began = sys.argv[1:], time.monotonic()
    passed, failed, skipped = run_ctest(names)
    for name in skipped:
        print(f"skipped: {name}")
    more = run_scenarios(names)
    passed, failed = passed + more[0], failed + more[1]
    if names and passed + failed == 0:
        print(f"no test has {' or '.join(names)} in its name")
        failed = 1
    print(f"{time.monotonic() - began:.0f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
