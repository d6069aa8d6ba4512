# SPDX-License-Identifier: MIT
"""The fleet's passwords: random, made on first use, kept in the state folder, readable by its owner only."""
import json
import secrets
import threading

from fleet.layout import STATE

_LOCK = threading.Lock()
ROLES = ("postgres", "gw_read", "gw_write", "rollup", "repl", "ops")


def password(role):
    path = STATE / "secrets.json"
    with _LOCK:
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(json.dumps({name: secrets.token_hex(12) for name in ROLES}, indent=1) + "\n")
        return json.loads(path.read_text())[role]
