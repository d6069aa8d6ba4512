# SPDX-License-Identifier: MIT
"""A throwaway Postgres with one database for each kind of node, for test_sql.py."""

import hashlib
import os
import shutil
import socket
import subprocess
import tempfile

import psycopg2

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "data")
BIN = "/usr/lib/postgresql/15/bin"
FOLDERS = {"edge": ("every", "common", "edge"), "regional": ("every", "common", "region"),
           "global": ("every", "global")}
NODES = {"la": ("edge", "us-east", "facility-la-001", ""), "blue": ("regional", "us-east", "", "blue"),
         "green": ("regional", "us-east", "", "green"), "analytics": ("global", "", "", "")}
FOO, BAR, LA = "tenant-foo-inc", "tenant-bar-inc", "facility-la-001"


class Cluster:
    """One server with a database for each node, on a free port, in a temporary folder."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="meridian-sql-", dir="/var/tmp")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        if os.geteuid() == 0:
            shutil.chown(self.dir, "postgres", "postgres")
        self.run("initdb", "-D", self.dir + "/d", "-U", "postgres", "-A", "trust", "-E", "UTF8",
                 "--locale=C.UTF-8", "-N")
        self.run("pg_ctl", "-D", self.dir + "/d", "-w", "-s", "-l", self.dir + "/log", "-o",
                 f"-p {self.port} -k {self.dir} -h 127.0.0.1 -F -c wal_level=logical -c timezone=UTC"
                 " -c wal_retrieve_retry_interval=100ms -c max_worker_processes=28"
                 " -c max_logical_replication_workers=20", "start")

    def run(self, tool, *args):
        cmd = [os.path.join(BIN, tool), *args]
        if os.geteuid() == 0:
            cmd = ["runuser", "-u", "postgres", "--", *cmd]
        subprocess.run(cmd, check=True, stdout=subprocess.DEVNULL, cwd="/")

    def dsn(self, db):
        return f"host={self.dir} port={self.port} user=postgres dbname={db}"

    def connect(self, db, role="postgres", tenant=None, facilities="*"):
        conn = psycopg2.connect(self.dsn(db), options=f"-c role={role}")
        conn.autocommit = True
        if tenant:
            with conn.cursor() as cur:
                cur.execute("SELECT set_config('app.tenant_id', %s, false), set_config('app.facilities', %s, false),"
                            " set_config('app.role', 'worker', false)", (tenant, facilities))
        return conn

    def migrate(self, name):
        tier, region, facility, env = NODES[name]
        with self.connect("postgres").cursor() as cur:
            cur.execute(f"CREATE DATABASE {name}")
        for folder in FOLDERS[tier]:
            for file in sorted(os.listdir(os.path.join(HERE, folder))):
                subprocess.run([os.path.join(BIN, "psql"), "-qX1", "-v", "ON_ERROR_STOP=1", "-d", self.dsn(name),
                                "-v", f"self_name={name}", "-v", f"self_tier={tier}", "-v", f"self_region={region}",
                                "-v", f"self_facility={facility}", "-v", f"self_env={env}", "-f",
                                os.path.join(HERE, folder, file)], check=True, stdout=subprocess.DEVNULL,
                               env=dict(os.environ, PGOPTIONS="-c client_min_messages=warning"))

    def close(self):
        self.run("pg_ctl", "-D", self.dir + "/d", "-m", "immediate", "-s", "-w", "stop")
        shutil.rmtree(self.dir)


def all_rows(conn, sql, args=None):
    with conn.cursor() as cur:
        cur.execute(sql, args)
        return cur.fetchall() if cur.description else []


def value(conn, sql, args=None):
    return all_rows(conn, sql, args)[0][0]


def digest(folder):
    total = hashlib.sha256()
    for root, dirs, files in os.walk(folder):
        dirs.sort()
        for file in sorted(files):
            total.update(file.encode())
            with open(os.path.join(root, file), "rb") as content:
                total.update(content.read())
    return total.hexdigest()
