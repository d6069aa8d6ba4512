# SPDX-License-Identifier: MIT
"""Oracles from npm, for tests only: where node or a package is missing and cannot be had, the test is skipped and
says so."""
import json
import shutil
import subprocess

from fleet.layout import ROOT

JS = ROOT / "tests" / "scenario" / "js"


def missing(*packages):
    """Why these packages cannot be used here, or None. Installs what package-lock.json names, when npm is there."""
    if not shutil.which("node"):
        return "node is not installed"
    absent = [name for name in packages if not (ROOT / "node_modules" / name).is_dir()]
    if absent and shutil.which("npm"):
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=ROOT, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=120, check=False)
        absent = [name for name in absent if not (ROOT / "node_modules" / name).is_dir()]
    return f"npm has no {', '.join(absent)} here" if absent else None


def skipped(why):
    """True when there is a reason to skip, which is then told."""
    if why:
        print(f"     skipped: {why}", flush=True)
    return bool(why)


def node(script, *args, timeout=60, **more):
    """Runs tests/scenario/js/SCRIPT; the JSON it printed."""
    done = subprocess.run(["node", str(JS / script), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
                          timeout=timeout, check=False, **more)
    assert done.returncode == 0, f"node {script}: exit {done.returncode}: {done.stderr.decode()[-2000:]}"
    return json.loads(done.stdout)
