# SPDX-License-Identifier: MIT
"""The fleet's Postgres clusters: make, configure, start, stop, connect.

One initdb makes a template; every primary is a copy of it, and a streaming replica is a copy of the same template
(a cleanly stopped cluster is a valid base for a standby as long as the primary keeps all WAL since: its slot does).
Roles come from the migrations; this file gives them their passwords.
"""
import os
import shutil
import signal

import psycopg2

from fleet.layout import DATABASE, DB, PG_BIN, REPLICAS, STATE, log_file, pg_dir, port_from
from fleet.pki import CA, certificate
from fleet.shell import FleetError, db_user, run, say, wait_for
from fleet.secrets_file import password

TEMPLATE = STATE / "pg" / "template"


def dsn(name, role="postgres", site=None):
    """How `site` (default: the database's own) reaches this database as this role."""
    port = port_from(site or DB[name].site, name)
    return (f"host=127.0.0.1 port={port} dbname={DATABASE} user={role} password={password(role)} "
            f"sslmode=verify-full sslrootcert={CA}")


def connect(name, role="postgres", autocommit=True, **more):
    # Local: administration must not wait for a streaming replica that is not there yet.
    link = psycopg2.connect(dsn(name, role), connect_timeout=10, application_name="fleet",
                            options="-c synchronous_commit=local", **more)
    link.autocommit = autocommit
    return link


def query(name, sql, args=None):
    """One statement on one database, as superuser; the rows, or [] when it returns none."""
    link = connect(name)
    try:
        with link.cursor() as cursor:
            cursor.execute(sql, args)
            return cursor.fetchall() if cursor.description else []
    finally:
        link.close()


def exists(name):
    return (pg_dir(name) / "PG_VERSION").exists()


def postmaster(name):
    """The pid of the running postmaster of this cluster, or None."""
    try:
        pid = int((pg_dir(name) / "postmaster.pid").read_text().split("\n", 1)[0])
        with open(f"/proc/{pid}/cmdline", "rb") as line:
            return pid if os.fsencode(str(pg_dir(name))) in line.read() else None
    except (OSError, ValueError):
        return None


def ensure_template():
    if (TEMPLATE / "PG_VERSION").exists():
        return
    say("initdb")
    fresh = TEMPLATE.with_name("template.new")
    shutil.rmtree(fresh, ignore_errors=True)
    secret = STATE / "run" / "pwfile"
    secret.touch(mode=0o600)
    secret.write_text(password("postgres") + "\n")
    if db_user():
        os.chown(secret, *db_user())
    run([PG_BIN / "initdb", "-D", fresh, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-A", "scram-sha-256",
         f"--pwfile={secret}", "--no-sync", "--no-instructions"], as_db=True)
    secret.unlink()
    run([PG_BIN / "postgres", "--single", "-D", fresh, "-F", "postgres"], as_db=True,
        input=f"create database {DATABASE}\n")
    os.rename(fresh, TEMPLATE)


def _settings(name):
    node = DB[name]
    regional = node.tier == "regional"
    values = {
        "listen_addresses": "127.0.0.1", "port": node.port, "unix_socket_directories": "",
        "max_connections": 200 if regional else 100, "shared_buffers": "64MB" if regional else "32MB",
        "work_mem": "8MB", "random_page_cost": "1.1", "maintenance_work_mem": "32MB", "jit": "off",
        "wal_level": "logical", "max_wal_senders": 24, "max_replication_slots": 32,
        "max_logical_replication_workers": 20, "max_worker_processes": 28, "max_parallel_workers_per_gather": 0,
        "wal_retrieve_retry_interval": "200ms", "max_slot_wal_keep_size": "2GB", "min_wal_size": "64MB",
        "max_wal_size": "512MB", "wal_receiver_status_interval": "1s", "wal_sender_timeout": "20s",
        "wal_receiver_timeout": "20s", "hot_standby_feedback": "on", "wal_compression": "lz4",
        "ssl": "on", "ssl_min_protocol_version": "TLSv1.3", "ssl_ca_file": "ca.crt",
        "ssl_cert_file": "server.crt", "ssl_key_file": "server.key", "password_encryption": "scram-sha-256",
        "timezone": "UTC", "log_timezone": "UTC", "log_line_prefix": "%m [%p] %q%u@%d ", "log_connections": "on",
        "log_checkpoints": "off", "autovacuum_max_workers": 2, "autovacuum_naptime": "20s",
        "idle_in_transaction_session_timeout": "60s", "track_commit_timestamp": "on",
    }
    if name in REPLICAS.values():
        # R55: what a commit says is done, one of the replicas has applied. Which replicas: ensure_synchronous().
        values["synchronous_commit"] = "remote_apply"
    if node.primary:
        values["primary_conninfo"] = (
            f"host=127.0.0.1 port={DB[node.primary].port} user=repl password={password('repl')} "
            f"application_name={name.replace('-', '_')} sslmode=verify-full sslrootcert=ca.crt "
            "sslcert=repl.crt sslkey=repl.key")
        values["primary_slot_name"] = name.replace("-", "_")
    return values


_HBA = """# TLS only. The replication role must show its certificate besides its password (R57).
hostssl all         repl 127.0.0.1/32 scram-sha-256 clientcert=verify-full
hostssl replication repl 127.0.0.1/32 scram-sha-256 clientcert=verify-full
hostssl replication postgres 127.0.0.1/32 scram-sha-256
hostssl all         all  127.0.0.1/32 scram-sha-256
"""


def _configure(folder, name):
    lines = "".join(f"{key} = '{value}'\n" for key, value in _settings(name).items())
    (folder / "postgresql.conf").write_text(f"# {name}: written by fleet/clusters.py\n{lines}")
    (folder / "pg_hba.conf").write_text(_HBA)
    crt, key = certificate(name)
    repl_crt, repl_key = certificate("repl")
    copies = {"ca.crt": CA, "server.crt": crt, "server.key": key, "repl.crt": repl_crt, "repl.key": repl_key}
    for target, source in copies.items():
        shutil.copyfile(source, folder / target)
    if DB[name].primary:
        (folder / "standby.signal").touch()
    for target in [*copies, "postgresql.conf", "pg_hba.conf", "standby.signal"]:
        if (folder / target).exists():
            os.chmod(folder / target, 0o600)
            if db_user():
                os.chown(folder / target, *db_user())


def ensure(name, base=None):
    """The cluster's folder, made from the template if it is not there; its settings written anew each time.

    With `base` (a running primary) a new replica is a base backup of it instead.
    """
    folder = pg_dir(name)
    if exists(name):
        if not postmaster(name):
            _configure(folder, name)
        return
    fresh = folder.with_name(f"{name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    if base:
        run([PG_BIN / "pg_basebackup", "-D", fresh, "-X", "stream", "-c", "fast", "--no-sync", "-d",
             f"host=127.0.0.1 port={DB[base].port} user=postgres sslmode=verify-full sslrootcert={CA}"],
            as_db=True, env=dict(os.environ, PGPASSWORD=password("postgres")))
    else:
        run(["cp", "-a", "--reflink=auto", TEMPLATE, fresh], as_db=True)
    _configure(fresh, name)
    os.rename(fresh, folder)


def start(name):
    if postmaster(name):
        return
    log = log_file(f"db-{name}")
    log.touch()
    if db_user():
        os.chown(log, *db_user())
    # After a kill -9 the old backends may hold the shared memory for a moment.
    def attempt():
        done = run([PG_BIN / "pg_ctl", "start", "-D", pg_dir(name), "-l", log, "-w", "-t", "60", "-s"],
                   as_db=True, check=False)
        return done.returncode == 0
    try:
        wait_for(f"{name} to start", 15, attempt, step=0.3)
    except FleetError as failure:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
        raise FleetError(f"{failure}\n{tail}") from None


def stop(name, mode="fast"):
    if postmaster(name):
        run([PG_BIN / "pg_ctl", "stop", "-D", pg_dir(name), "-m", mode, "-w", "-t", "60", "-s"], as_db=True)


def kill(name):
    pid = postmaster(name)
    if pid:
        os.kill(pid, signal.SIGKILL)
        wait_for(f"{name} to die", 10, lambda: not postmaster(name))


def slot_of(replica):
    return replica.replace("-", "_")


def ensure_physical_slot(replica):
    """The slot its primary keeps WAL by; made before much is written. False if what the replica needs is gone."""
    primary, slot = REPLICAS[replica], slot_of(replica)
    query(primary, "select pg_create_physical_replication_slot(%(slot)s, true) where not exists "
                   "(select from pg_replication_slots where slot_name = %(slot)s)", {"slot": slot})
    return query(primary, "select wal_status from pg_replication_slots where slot_name = %s", (slot,)) != [("lost",)]


def discard(replica):
    """Throw a replica away that can no longer follow: the next ensure() makes it anew."""
    stop(replica, "immediate")
    shutil.rmtree(pg_dir(replica))
    query(REPLICAS[replica], "select pg_drop_replication_slot(%s)", (slot_of(replica),))


def ensure_synchronous(primary, replicas):
    """A commit waits for any one of these replicas; for none when there are none."""
    names = ", ".join(slot_of(replica) for replica in replicas)
    query(primary, "alter system set synchronous_standby_names = " + (f"'ANY 1 ({names})'" if names else "''"))
    query(primary, "select pg_reload_conf()")


def ensure_bootstrap_role(name):
    """The replication role exists before the first migration, because replicas stream from the first moment."""
    query(name, "do $$ begin if not exists (select from pg_roles where rolname = 'repl') then "
                "create role repl login replication; end if; end $$")
    set_passwords(name, ["repl"])


def set_passwords(name, roles):
    link = connect(name)
    with link.cursor() as cursor:
        for role in roles:
            cursor.execute(f"alter role {role} login password %s", (password(role),))
    link.close()
