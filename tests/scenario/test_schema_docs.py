# SPDX-License-Identifier: MIT
"""docs/schema.md works when pasted: its commands run one after the other, as a reader would run them."""
import os
import re
import subprocess

from fleet import gateways, layout
from gateway_kit import US_EAST_DATABASES
from lib import equal

NODES = [*US_EAST_DATABASES, "db:facility-la-001", "gateway:us-east"]
READ_ONLY = True


def scenario_the_commands_of_the_page_work_when_pasted(fleet):
    page = (layout.ROOT / "docs" / "schema.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    assert len(blocks) >= 7, f"{len(blocks)} blocks"
    env = {**os.environ, "MERIDIAN": str(gateways.binary()),
           "GATEWAY": f"http://127.0.0.1:{layout.gateway_port('us-east', 'http')}"}
    done = subprocess.run(["bash", "-euo", "pipefail"], input="\n".join(blocks), env=env, cwd=layout.ROOT, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
    equal(done.returncode, 0, done.stdout[-1500:])
    wrong = [line for line in done.stdout.splitlines() if '"errors"' in line]
    equal(len(wrong), 1, f"answers with errors: {wrong}")
    assert '"limit":"cost"' in wrong[0], wrong[0]
    for words in ('"inventoryLevels"', '"regionStatus"', '"cost":{"estimated"', '"plan":{"fetches"', "\n304\n",
                  "1 operations in 1 documents are valid"):
        assert words in done.stdout, f"no {words} in {done.stdout}"
