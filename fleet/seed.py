# SPDX-License-Identifier: MIT
"""The fleet's past: generated once, loaded into every database, so that replication starts from equal sides.

`seed.json` in the state folder holds what the first start chose (seed, size, anchor) and which databases have been
loaded: one that joins later gets the same past, and its flows bring the rest.
"""
import json
import os
import shutil
import subprocess
import sys
from datetime import datetime, timezone

from fleet.clusters import dsn
from fleet.layout import DATABASES, DB, ROOT, STATE, facilities_of
from fleet.shell import FleetError, each, say

SEED = 1
DATA = STATE / "data"
NOTES = STATE / "seed.json"


def _facilities_for(names):
    found = []
    for name in names:
        node = DB[name]
        found += [node.facility] if node.facility else facilities_of(node.region) if node.region else []
    return sorted(set(found))


class Generation:
    """Writes the files in the background from construction on; load() waits for them."""

    def __init__(self, names, size):
        self.notes = json.loads(NOTES.read_text()) if NOTES.exists() else {
            "seed": SEED, "size": size, "anchor": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), "loaded": []}
        if self.notes["size"] != size and self.notes["loaded"]:
            say(f"this fleet holds data of size {self.notes['size']}; another size needs ./dev down --purge")
        self.todo = [name for name in DATABASES if name in names and not DB[name].primary
                     and name not in self.notes["loaded"]]
        self.process = None
        if self.todo:
            self._save()
            self._start()

    def _save(self):
        NOTES.write_text(json.dumps(self.notes, indent=1) + "\n")

    def _script(self, name, *args):
        return [sys.executable, "-B", str(ROOT / "fleet" / "data" / name), *map(str, args)]

    def _start(self):
        shutil.rmtree(DATA, ignore_errors=True)
        asked = [part for facility in _facilities_for(self.todo) for part in ("--facility", facility)]
        if not asked:   # the global tier alone: its directory comes with any facility
            asked = ["--facility", next(name for name in DATABASES if DB[name].facility)]
        self.process = subprocess.Popen(
            self._script("generate.py", "--out", DATA, "--seed", self.notes["seed"], "--size", self.notes["size"],
                         "--anchor", self.notes["anchor"], *asked), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def load(self):
        if not self.process:
            return
        output, _ = self.process.communicate()
        if self.process.returncode != 0:
            raise FleetError(f"generating data failed\n{output.decode(errors='replace')}")
        say(f"data of size {self.notes['size']} generated")
        # The heaviest first, so that the last to finish is a light one.
        order = sorted(self.todo, key=lambda name: -len(_facilities_for([name])))
        each(self._load_one, order, workers=max(2, os.cpu_count() or 2))
        self.notes["loaded"] += self.todo
        self._save()
        shutil.rmtree(DATA, ignore_errors=True)
        say(f"{len(self.todo)} databases loaded")

    def _load_one(self, name):
        node = DB[name]
        where = ["--facility", node.facility] if node.facility else ["--region", node.region] if node.region else []
        done = subprocess.run(self._script("load.py", "--dsn", dsn(name), "--dir", DATA, "--tier", node.tier, *where),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise FleetError(f"loading {name} failed\n{done.stdout.strip()}")
