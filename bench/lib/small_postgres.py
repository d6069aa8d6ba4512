# SPDX-License-Identifier: MIT
"""A throwaway Postgres for what needs no fleet: one table of 10,000 orders of one tenant, under row-level security,
read by a role that is not its owner."""
import contextlib
import os
import pwd
import shutil
import subprocess

from bench.lib.kit import PG_BIN, PORT_BASE

PORT = PORT_BASE + 910
STATEMENT = ("select concat('{\"data\":{\"order\":{\"id\":',to_json(id),',\"orderNo\":',to_json(order_no),"
             "',\"totalAmount\":\"',total_amount,'\"}}}') from orders where tenant_id = 'tenant-foo-inc' and id = $1::bigint")
TABLE = """
create role reader login;
create table orders (tenant_id text not null, id bigint not null, order_no text not null, total_amount numeric(18,4) not null,
  primary key (tenant_id, id));
insert into orders select 'tenant-foo-inc', n, 'LA-001-' || n, n * 1.25 from generate_series(1, 10000) n;
alter table orders enable row level security;
create policy own on orders using (tenant_id = current_setting('app.tenant_id'));
grant select on orders to reader;
vacuum analyze orders;
"""


def _user():
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def cluster(folder):
    """The dsn of the reader; the tenant is what the harness sets."""
    data, user = f"/var/tmp/meridian-bench-{os.getpid()}", _user()
    log = open(folder / "postgres.log", "wb")
    subprocess.run([f"{PG_BIN}/initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "--locale=C.UTF-8"],
                   check=True, stdout=log, stderr=log, cwd="/", **user)
    server = subprocess.Popen([f"{PG_BIN}/postgres", "-D", data, "-p", str(PORT), "-c", "listen_addresses=127.0.0.1",
                               "-c", "unix_socket_directories=", "-c", "jit=off"], stdout=log, stderr=log, cwd="/", **user)
    try:
        at = ["-h", "127.0.0.1", "-p", str(PORT)]
        subprocess.run(["timeout", "20", "sh", "-c", f"until {PG_BIN}/pg_isready -q {' '.join(at)}; do sleep 0.1; done"], check=True)
        subprocess.run([f"{PG_BIN}/psql", "-qX", "-v", "ON_ERROR_STOP=1", "-U", "postgres", *at, "-d", "postgres"], check=True,
                       input=TABLE, text=True, stdout=log)
        yield f"host=127.0.0.1 port={PORT} user=reader dbname=postgres"
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(data, ignore_errors=True)
        log.close()
