# SPDX-License-Identifier: MIT
"""The fleet's passwords: random, made on first use, kept in the state folder, readable by its owner only."""
import json
import secrets
import threading

from fleet.layout import STATE

_LOCK = threading.Lock()
ROLES = ("postgres", "gw_read", "gw_write", "rollup", "repl", "ops", "fence")


def password(role):
    path = STATE / "secrets.json"
    with _LOCK:
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text("{}")
        kept = json.loads(path.read_text())
        if any(name not in kept for name in ROLES):   # the first time, or a role is younger than the fleet
            kept.update({name: secrets.token_hex(12) for name in ROLES if name not in kept})
            path.write_text(json.dumps(kept, indent=1) + "\n")
        return kept[role]
