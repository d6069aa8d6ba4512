# SPDX-License-Identifier: MIT
"""Processes of the local fleet: run one and wait, start one and remember it, stop it by what was remembered.

Postgres and memcached refuse to run as root, so when the fleet is started by root they run as the user that
Debian's package made (`postgres`); otherwise everything runs as whoever started it. A remembered process is
its pid together with its start time, so a recycled pid is never signalled.
"""
import os
import pwd
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from fleet.layout import STATE, log_file


class FleetError(Exception):
    """Something the user can act on; printed without a traceback."""


def say(text):
    print(f"[fleet +{time.monotonic() - _STARTED:5.1f}s] {text}", flush=True)


_STARTED = time.monotonic()


def db_user():
    """(uid, gid) that servers refusing root must run as; None when the caller will do."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("postgres")
    return entry.pw_uid, entry.pw_gid


def _as_user(as_db):
    user = db_user() if as_db else None
    return {"user": user[0], "group": user[1], "extra_groups": []} if user else {}


def _environment(as_db, env):
    """Root's home is closed to the other user, and libpq looks for certificates there."""
    return dict(env or os.environ, HOME="/nonexistent") if as_db and db_user() else env


def run(cmd, as_db=False, check=True, **more):
    """Run to the end; on failure the error holds what the command said."""
    done = subprocess.run([str(part) for part in cmd], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          cwd=more.pop("cwd", "/"), env=_environment(as_db, more.pop("env", None)),
                          **_as_user(as_db), **more)
    if check and done.returncode != 0:
        raise FleetError(f"{' '.join(str(part) for part in cmd)}: exit {done.returncode}\n{done.stdout.strip()}")
    return done


def each(work, items, workers=4):
    """Do `work` for all items, a few at a time; the first failure is raised when all have ended."""
    items = list(items)
    if not items:
        return []
    with ThreadPoolExecutor(max_workers=workers) as pool:
        return list(pool.map(work, items))


def _start_time(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def _pid_file(name):
    return STATE / "run" / (name.replace(":", "-") + ".pid")


def pid_of(name):
    """The pid of a remembered process that still lives, else None."""
    try:
        pid, started = _pid_file(name).read_text().split()
    except (OSError, ValueError):
        return None
    return int(pid) if _start_time(pid) == started else None


def started_at(name):
    """When a remembered process that still lives was started (wall clock), else None."""
    return _pid_file(name).stat().st_mtime if pid_of(name) else None


def spawn(name, cmd, as_db=False, env=None):
    """Start a process of its own session, its output appended to its log, and remember it."""
    running = pid_of(name)
    if running:
        return running
    log = log_file(name.replace(":", "-"))
    with open(log, "ab") as out:
        child = subprocess.Popen([str(part) for part in cmd], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                 cwd="/", start_new_session=True, env=_environment(as_db, env), **_as_user(as_db))
    _CHILDREN.append(child)
    _pid_file(name).write_text(f"{child.pid} {_start_time(child.pid) or 0}\n")
    return child.pid


_CHILDREN = []


def reap():
    """Collect our own children that have ended, so that they do not look alive as zombies."""
    for child in _CHILDREN:
        child.poll()


def gone(name, seconds):
    deadline = time.monotonic() + seconds
    while pid_of(name):
        reap()
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def terminate(name, seconds=10.0):
    """Ask it to end; insist after `seconds`. True if there was something to end."""
    pid = pid_of(name)
    if not pid:
        return False
    os.kill(pid, signal.SIGTERM)
    if not gone(name, seconds):
        print(f"{name} (pid {pid}) ignored SIGTERM for {seconds:.0f} s: killed", file=sys.stderr)
        kill(name)
    _pid_file(name).unlink(missing_ok=True)
    return True


def kill(name):
    pid = pid_of(name)
    if not pid:
        return False
    os.killpg(pid, signal.SIGKILL)   # a session of its own (spawn): the process and what it started
    gone(name, 5)
    return True


def wait_for(what, seconds, probe, step=0.05):
    """Poll until probe() is true; FleetError names what never came."""
    deadline = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise FleetError(f"waited {seconds:.0f} s for {what}")
        time.sleep(step)
