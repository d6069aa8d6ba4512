# SPDX-License-Identifier: MIT
"""Migration runner: every file of fleet/migrations once a database, in order, each in one transaction.

schema_migrations(name, applied_at, sha256) remembers what ran. A file that was changed after it ran is an error:
write a new one. psql runs the files, so they may use its variables: self_name, self_tier, self_region,
self_facility, self_env.
"""
import hashlib
import os
import subprocess

from fleet.clusters import dsn, query, set_passwords
from fleet.layout import DB, PG_BIN, ROOT
from fleet.secrets_file import ROLES
from fleet.shell import FleetError

FOLDER = ROOT / "fleet" / "migrations"
FOLDERS_OF_TIER = {"edge": ("every", "common", "edge"), "regional": ("every", "common", "region"),
                   "global": ("every", "global")}
_LEDGER = """create table if not exists schema_migrations(
  name text primary key, applied_at timestamptz not null default now(), sha256 text not null)"""


def files_for(tier):
    """(name, path, sha256) of every migration of this tier, in the order of application."""
    found = []
    for folder in FOLDERS_OF_TIER[tier]:
        for path in sorted((FOLDER / folder).glob("*.sql")):
            found.append((f"{folder}/{path.name}", path, hashlib.sha256(path.read_bytes()).hexdigest()))
    return found


def pending(name):
    query(name, _LEDGER)
    applied = dict(query(name, "select name, sha256 from schema_migrations"))
    missing = []
    for key, path, digest in files_for(DB[name].tier):
        if key not in applied:
            missing.append((key, path, digest))
        elif applied[key] != digest:
            raise FleetError(f"{name}: migration {key} was changed after it was applied; add a new file instead "
                             "(or start afresh: ./dev down --purge)")
    return missing


def migrate(name):
    """Bring one database up to date; one psql for all files that are missing."""
    node, todo = DB[name], pending(name)
    if not todo:
        return 0
    script = "".join(f"begin;\n\\i '{path}'\ninsert into schema_migrations(name, sha256) values ('{key}', '{digest}');\n"
                     "commit;\n" for key, path, digest in todo)
    variables = {"self_name": name, "self_tier": node.tier, "self_region": node.region,
                 "self_facility": node.facility, "self_env": node.environment}
    cmd = [str(PG_BIN / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", dsn(name)]
    for key, value in variables.items():
        cmd += ["-v", f"{key}={value}"]
    env = dict(os.environ, PGOPTIONS="-c synchronous_commit=local -c client_min_messages=warning")
    done = subprocess.run(cmd, input=script, text=True, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise FleetError(f"{name}: migration failed\n{done.stdout.strip()}")
    present = {role for (role,) in query(name, "select rolname from pg_roles")}
    set_passwords(name, [role for role in ROLES if role in present])
    return len(todo)
