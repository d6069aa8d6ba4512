# SPDX-License-Identifier: MIT
"""What the scripts that keep the fleet alive have in common: one database a thread, reconnecting by itself,
quiet unless something changes, gone at once on SIGTERM."""

import json
import os
import signal
import sys
import threading
import time

import psycopg2

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data"))
import topology  # noqa: E402

stopping = threading.Event()


def say(text):
    print(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), text, flush=True)


def read_fleet(path):
    """{name: dsn} of the fleet's databases."""
    with open(path, encoding="utf-8") as fleet:
        return json.load(fleet)["postgres"]


def edges(databases):
    return [name for name in databases if name in topology.FACILITIES]


def environments(databases):
    """Regional primaries: REGION-blue and REGION-green, no replicas."""
    return [name for name in databases if name.rsplit("-", 1)[0] in topology.REGIONS
            and name.rsplit("-", 1)[1] in ("blue", "green")]


class Site:
    """One connection to one database in one role. A statement that fails because the database went away
    raises psycopg2.OperationalError or InterfaceError; `lost` then makes the next `cursor` connect anew."""

    def __init__(self, name, dsn, role):
        self.name, self.dsn, self.role = name, dsn, role
        self.conn = None
        self.up = None
        self.delay = 0.2

    def connect(self):
        """Until it works or the process stops; says once that it failed and once that it works."""
        while self.conn is None and not stopping.is_set():
            try:
                conn = psycopg2.connect(
                    self.dsn, connect_timeout=3, application_name="fleet-activity", keepalives_idle=2,
                    keepalives_interval=1, keepalives_count=3, tcp_user_timeout=5000,
                    options=f"-c role={self.role} -c statement_timeout=10000 -c synchronous_commit=local"
                            " -c timezone=UTC -c search_path=public")
                conn.autocommit = True
                self.conn, self.delay = conn, 0.2
                if self.up is False:
                    say(f"{self.name}: connected again")
                self.up = True
            except psycopg2.OperationalError as why:
                if self.up is not False:
                    say(f"{self.name}: {str(why).strip().splitlines()[0]}")
                self.up = False
                stopping.wait(self.delay)
                self.delay = min(self.delay * 2, 2.0)
        return self.conn is not None and not stopping.is_set()

    def lost(self, why):
        if self.up:
            say(f"{self.name}: {str(why).strip().splitlines()[0] if str(why).strip() else 'connection lost'}")
        self.up = False
        try:
            if self.conn is not None:
                self.conn.close()
        except psycopg2.Error:
            pass
        self.conn = None

    def one(self, sql, args=None):
        """One statement, its own transaction; the first row or None."""
        with self.conn.cursor() as cur:
            cur.execute(sql, args)
            return cur.fetchone() if cur.description else None

    def all(self, sql, args=None):
        with self.conn.cursor() as cur:
            cur.execute(sql, args)
            return cur.fetchall()


GONE = (psycopg2.OperationalError, psycopg2.InterfaceError)


def run_threads(targets):
    """Runs each callable in a thread until SIGTERM or SIGINT; leaves within two seconds even when a
    database hangs."""
    for sig in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sig, lambda *_: stopping.set())
    threads = [threading.Thread(target=target, daemon=True) for target in targets]
    for thread in threads:
        thread.start()
    while not stopping.wait(0.5):
        if not any(thread.is_alive() for thread in threads):
            break
    stopping.set()
    end = time.monotonic() + 2
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    sys.stdout.flush()
    os._exit(0)
