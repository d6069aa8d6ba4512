# SPDX-License-Identifier: MIT
"""A region (blue and green) and a global database on one throwaway Postgres cluster, the oracle for components of a
facility-hour, and a maker of awkward raw rows. Used by rollup.py and the KPI tests."""
import hashlib
import math
import os
import random
import shutil
import socket
import subprocess
import tempfile
import uuid
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import psycopg2

ROOT = Path(__file__).resolve().parent.parent.parent.parent
BIN = Path("/usr/lib/postgresql/15/bin")
REGION = "us-east"
HOUR = timedelta(hours=1)
FACILITIES = {"facility-la-001": "tenant-foo-inc", "facility-newyork-001": "tenant-foo-inc",
              "facility-boston-001": "tenant-bar-inc"}
TENANTS = ["tenant-foo-inc", "tenant-bar-inc"]
FOLDERS = {"regional": ["every", "common", "region"], "global": ["every", "global"]}


def built(path):
    """An executable of the build that ./dev prove has made."""
    return str(ROOT / os.environ.get("MERIDIAN_BUILD", "build/dev") / path)


def hour_of(t):
    return t.replace(minute=0, second=0, microsecond=0)


def utc_now():
    return datetime.now(timezone.utc)


class Lab:
    """with Lab() as lab: … ; databases blue, green and global, role rollup and superuser postgres."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="mer-rollup-", dir="/var/tmp")
        self.as_postgres = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]

    def __enter__(self):
        try:
            if self.as_postgres:
                shutil.chown(self.dir, "postgres")
            os.chmod(self.dir, 0o700)
            data = os.path.join(self.dir, "data")
            self.run(BIN / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C")
            self.run(BIN / "pg_ctl", "-D", data, "-w", "-l", os.path.join(self.dir, "log"), "-o",
                     f"-p {self.port} -k {self.dir} -c listen_addresses=127.0.0.1 -c fsync=off"
                     " -c jit=off -c max_connections=80 -c shared_buffers=32MB -c autovacuum_naptime=5s", "start")
            for name, tier, env in (("blue", "regional", "blue"), ("green", "regional", "green"),
                                    ("global", "global", "")):
                self.make_database(name, tier, env)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        data = os.path.join(self.dir, "data")
        if os.path.exists(os.path.join(data, "postmaster.pid")):
            self.run(BIN / "pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(self.dir, ignore_errors=True)

    def run(self, *cmd):
        done = subprocess.run([*self.as_postgres, *map(str, cmd)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, cwd="/", env={**os.environ, "LC_ALL": "C"})
        if done.returncode:
            raise RuntimeError(f"{cmd}: {done.stdout}")

    def dsn(self, name, user="postgres"):
        return f"host=127.0.0.1 port={self.port} dbname={name} user={user}"

    def connect(self, name, autocommit=True):
        conn = psycopg2.connect(self.dsn(name), options="-c timezone=UTC")
        conn.autocommit = autocommit
        return conn

    def make_database(self, name, tier, env):
        admin = self.connect("postgres")
        with admin.cursor() as cur:
            cur.execute(f'CREATE DATABASE "{name}"')
        admin.close()
        files = [str(f) for folder in FOLDERS[tier] for f in sorted((ROOT / "fleet" / "migrations" / folder).glob("*.sql"))]
        cmd = ["psql", "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1"]
        for key, value in (("name", name), ("tier", tier), ("region", REGION), ("facility", ""), ("env", env)):
            cmd += ["-v", f"self_{key}={value}"]
        done = subprocess.run([*cmd, *(x for f in files for x in ("-f", f)), self.dsn(name)], capture_output=True,
                              text=True)
        if done.returncode:
            raise RuntimeError(f"{name}: {done.stderr}")


# ---- the oracle: every hour by itself, each component by a query of its own ----

def overlap(condition):
    return ("(SELECT coalesce(sum(CASE WHEN least(coalesce(s.ended_at, g.h1), g.h1) > greatest(s.started_at, g.h0)"
            " THEN extract(epoch FROM least(coalesce(s.ended_at, g.h1), g.h1)) -"
            " extract(epoch FROM greatest(s.started_at, g.h0)) ELSE 0 END), 0) FROM equipment_status_log s"
            f" WHERE s.facility_id = g.f AND s.tenant_id = g.t AND {condition})")


def of(table, what, condition):
    return (f"(SELECT coalesce({what}, 0) FROM {table} r WHERE r.facility_id = g.f AND r.tenant_id = g.t"
            f" AND {condition})")


def within(column):
    return f"r.{column} >= g.h0 AND r.{column} < g.h1"


def of_lines(what):
    return (f"(SELECT coalesce(sum({what}), 0) FROM order_lines l, orders r, products p WHERE r.facility_id = g.f"
            " AND r.tenant_id = g.t AND l.facility_id = r.facility_id AND l.order_id = r.order_id"
            f" AND p.tenant_id = r.tenant_id AND p.product_id = l.product_id AND {within('delivered_at')})")


USD = "sum(r.total_amount * r.fx_usd)"
OPEN = ("r.ordered_at < g.h1 AND (r.delivered_at IS NULL OR r.delivered_at >= g.h1)"
        " AND (r.cancelled_at IS NULL OR r.cancelled_at >= g.h1)")
BROKEN = "r.status = 'breakdown'"
ORACLE = {
    "orders_n": of("orders", "count(*)", within("ordered_at")),
    "order_usd": of("orders", USD, within("ordered_at")),
    "cancelled_n": of("orders", "count(*)", within("cancelled_at")),
    "cancelled_usd": of("orders", USD, within("cancelled_at")),
    "revenue_usd": of_lines("l.line_amount * r.fx_usd"),
    "cost_usd": of_lines("l.qty_shipped * p.std_cost"),
    "delivered_n": of("orders", "count(*)", within("delivered_at")),
    "ontime_n": of("orders", "count(*)", within("delivered_at") + " AND r.delivered_at <= r.promised_at"),
    "good": of("production_logs", "sum(r.good)", within("logged_at")),
    "scrap": of("production_logs", "sum(r.scrap)", within("logged_at")),
    "rework": of("production_logs", "sum(r.rework)", within("logged_at")),
    "run_s": overlap("s.status = 'productive'"),
    "setup_s": overlap("s.status = 'setup'"),
    "down_s": overlap("s.status IN ('breakdown', 'no_operator', 'no_material')"),
    "planned_s": overlap("s.status IN ('productive', 'setup', 'breakdown', 'no_operator', 'no_material')"),
    "ideal_s": of("production_logs", "sum(r.ideal_cycle_s * r.good + r.ideal_cycle_s * r.scrap"
                  " + r.ideal_cycle_s * r.rework)", within("logged_at")),
    "ideal_good_s": of("production_logs", "sum(r.good * r.ideal_cycle_s)", within("logged_at")),
    "breakdown_n": of("equipment_status_log", "count(*)", within("started_at") + f" AND {BROKEN}"),
    "repair_s": of("equipment_status_log", "sum(extract(epoch FROM r.ended_at) - extract(epoch FROM r.started_at))",
                   within("ended_at") + f" AND {BROKEN}"),
    "closed_n": of("equipment_status_log", "count(*)", within("ended_at") + f" AND {BROKEN}"),
    "inspections_n": of("quality_inspections", "count(*)", within("inspected_at")),
    "failed_n": of("quality_inspections", "count(*)", within("inspected_at") + " AND NOT r.passed"),
    "sample_n": of("quality_inspections", "sum(r.sample_size)", within("inspected_at")),
    "defects_n": of("quality_inspections", "sum(r.defects)", within("inspected_at")),
    "open_n": of("orders", "count(*)", OPEN),
    "overdue_n": of("orders", "count(*)", OPEN + " AND r.promised_at < g.h1"),
    "backlog_usd": of("orders", USD, OPEN),
}

# Maps and stock: the rows that they are made of; made_of() puts them together in words of its own.
ROWS = {
    "cust_sketch": "SELECT tenant_id, ordered_at, tenant_id || '/' || customer_id FROM orders WHERE facility_id = %s",
    "cycle_hist": "SELECT tenant_id, delivered_at, extract(epoch FROM delivered_at) - extract(epoch FROM ordered_at) FROM orders"
                  " WHERE facility_id = %s AND delivered_at IS NOT NULL",
    "units_5m": "SELECT tenant_id, logged_at, good + scrap + rework FROM production_logs WHERE facility_id = %s",
    "stock": "SELECT tenant_id, occurred_at, product_id, qty, qty * coalesce(unit_cost, 0) FROM inventory_transactions"
             " WHERE facility_id = %s",
}
LEAST = 5        # registers, below which a sketch does not leave its region
GROWTH = 1.02    # of a histogram's buckets
MAPS = ("cust_sketch", "cycle_hist", "units_5m")
GAUGES = ("open_n", "overdue_n", "backlog_usd", "stockout_n", "inv_value_usd")
COMPONENTS = (*ORACLE, *MAPS, "stockout_n", "inv_value_usd")


def register(customer):
    """(register, rank) of a customer: 12 bits of the hash, and the place of the first one in the next 52."""
    bits = int.from_bytes(hashlib.sha256(customer.encode()).digest()[:8], "big")
    return bits >> 52, 53 - (bits & (1 << 52) - 1).bit_length()


def bucket(seconds):
    return math.ceil(math.log(max(float(seconds), 1)) / math.log(GROWTH))


def merged(name, maps):
    """Maps put together key by key."""
    out = {}
    for one in maps:
        for key, value in one.items():
            out[key] = max(out.get(key, 0), value) if name == "cust_sketch" else out.get(key, 0) + value
    return out


def told(name, one):
    """None where it may not leave the region."""
    return None if name == "cust_sketch" and 0 < len(one) < LEAST else one


def stock_of(rows, hours):
    """{(tenant, hour): (products out of stock, worth)} at the end of each hour, from all movements."""
    balances, out = {}, {}
    moves = sorted((at, tenant, product, qty, worth) for tenant, at, product, qty, worth in rows)
    for hour in hours:
        while moves and moves[0][0] < hour + HOUR:
            _, tenant, product, qty, worth = moves.pop(0)
            had = balances.setdefault(tenant, {}).get(product, (0, 0))
            balances[tenant][product] = had[0] + qty, had[1] + worth
        for tenant in TENANTS:
            mine = balances.get(tenant, {}).values()
            worth = sum((w for _, w in mine), Decimal(0)).quantize(Decimal("0.0001"), ROUND_HALF_UP)
            out[tenant, hour] = Decimal(sum(1 for qty, _ in mine if qty <= 0)), worth
    return out


def made_of(conn, facility, hours):
    """{(tenant, hour): {component: …}} of maps, which are whole here, and stock."""
    found = {}
    with conn.cursor() as cur:
        for name, sql in ROWS.items():
            cur.execute(sql, (facility,))
            found[name] = cur.fetchall()
    stock = stock_of(found["stock"], hours)
    out = {key: {**{name: {} for name in MAPS}, "stockout_n": n, "inv_value_usd": worth} for key, (n, worth) in stock.items()}
    entry = {"cust_sketch": lambda _, customer: register(customer), "cycle_hist": lambda _, seconds: (bucket(seconds), 1),
             "units_5m": lambda at, units: (int(at.timestamp() // 300), units)}
    for name in MAPS:
        for tenant, at, value in found[name]:
            cell = out.get((tenant, hour_of(at)))
            if cell:
                cell[name] = merged(name, [cell[name], dict([entry[name](at, value)])])
    return out


SCALE = {name: Decimal("0.001") if name in ("run_s", "setup_s", "down_s", "planned_s", "repair_s") else
         Decimal("0.0001") if not name.endswith("_n") else Decimal(1) for name in ORACLE}


def expected(conn, facility, start, end):
    """{(tenant, hour): {component: Decimal}} of every tenant and hour, from raw rows."""
    with conn.cursor() as cur:
        columns = ", ".join(f"round({sql}, {-SCALE[name].as_tuple().exponent})" for name, sql in ORACLE.items())
        tables = ("orders", "order_lines", "production_logs", "equipment_status_log", "quality_inspections")
        rows = ", ".join(f"{t} AS MATERIALIZED (SELECT * FROM public.{t} WHERE facility_id = %s)" for t in tables)
        cur.execute(f"WITH {rows} SELECT g.t, g.h0, {columns} FROM (SELECT t, %s AS f, h AS h0, h + interval '1 hour' AS h1"
                    " FROM unnest(%s) t, generate_series(%s, %s - interval '1 hour', interval '1 hour') h) g",
                    ([facility] * len(tables) + [facility, TENANTS, start, end]))
        numbers = {(row[0], row[1]): dict(zip(ORACLE, map(Decimal, row[2:]))) for row in cur}
    made = made_of(conn, facility, sorted({hour for _, hour in numbers}))
    return {key: {**components, **made[key]} for key, components in numbers.items()}


def as_stored(values):
    """A row's components as Postgres tells them, maps by whole numbers."""
    return {name: value if value is None else {int(k): Decimal(str(v)) for k, v in value.items()} if name in MAPS
            else Decimal(value) for name, value in zip(COMPONENTS, values)}


def stored(conn, facility, start, end):
    with conn.cursor() as cur:
        cur.execute(f"SELECT tenant_id, hour, finality, revision, {', '.join(COMPONENTS)} FROM kpi_hourly"
                    " WHERE facility_id = %s AND hour >= %s AND hour < %s", (facility, start, end))
        return {(row[0], row[1]): {"finality": row[2], "revision": row[3],
                                   **as_stored(row[4:])} for row in cur}


def differences(want, have, facility):
    """Texts of what differs; a tenant without anything in an hour needs no row, the facility's own always does."""
    found = []
    for key, components in want.items():
        row = have.get(key)
        if row is None:
            if any(components.values()) or key[0] == FACILITIES[facility]:
                found.append(f"{facility} {key}: no row")
            continue
        for name, value in components.items():
            value = told(name, value)
            if row[name] != value:
                found.append(f"{facility} {key[0]} {key[1]:%m-%dT%H} {name}: stored {row[name]}, true {value}")
    return found + [f"{facility} {key}: a row that should not be" for key in have if key not in want]


# ---- raw rows ----

class Maker:
    """Awkward rows: on the borders of hours, with microseconds, of two tenants, late, edited and deleted. What it
    writes goes to all connections given, as dual write does."""

    def __init__(self, seed, conns, start, end):
        self.random = random.Random(seed)
        self.conns, self.start, self.end = conns, start, end
        self.machines = {f: [self.uuid() for _ in range(3)] for f in FACILITIES}
        self.products = {t: [self.uuid() for _ in range(4)] for t in TENANTS}
        self.customers = {t: [self.uuid() for _ in range(40)] for t in TENANTS}

    def uuid(self):
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def each(self, sql, params=()):
        for conn in self.conns:
            with conn.cursor() as cur:
                cur.execute(sql, params)

    def moment(self, start=None, end=None):
        start, end = start or self.start, end or self.end
        t = start + (end - start) * self.random.random()
        kind = self.random.random()
        if kind < 0.1:  # the border itself belongs to the hour that begins
            t = max(hour_of(t), start)
        elif kind < 0.2:
            t = max(hour_of(t) - timedelta(microseconds=1), start)
        return t

    def number(self, top, places=4):
        return Decimal(self.random.randrange(0, int(top * 10 ** places))) / 10 ** places

    def tenant(self, facility):
        return FACILITIES[facility] if self.random.random() < 0.85 else self.random.choice(TENANTS)

    def master(self, conns):
        for conn in conns:
            with conn.cursor() as cur:
                for f, t in FACILITIES.items():
                    cur.execute("INSERT INTO facilities (tenant_id, facility_id, region, code, name, country, time_zone,"
                                " currency) VALUES (%s, %s, %s, %s, %s, 'US', 'UTC', 'USD')", (t, f, REGION, f, f))
        for t, products in self.products.items():
            for p in products:
                self.each("INSERT INTO products (tenant_id, product_id, sku, name, uom, std_cost) VALUES"
                          " (%s, %s, %s, 'x', 'pc', %s)", (t, p, p[:8], self.number(50)))

    def beat(self, at, facilities=FACILITIES):
        for f in facilities:
            self.each("INSERT INTO heartbeat (region, facility_id, beat_at, seq) VALUES (%s, %s, %s, 1)"
                      " ON CONFLICT (region, facility_id) DO UPDATE SET beat_at = EXCLUDED.beat_at", (REGION, f, at))

    def order(self, f, start=None, end=None):
        t, at, order = self.tenant(f), self.moment(start, end), self.uuid()
        end = end or self.end
        done = self.moment(at, end) if self.random.random() < 0.6 and at < end else None
        cancelled = self.random.random() < 0.15
        self.each("INSERT INTO orders (facility_id, order_id, tenant_id, order_no, customer_id, status, currency, fx_usd,"
                  " total_amount, ordered_at, promised_at, delivered_at, cancelled_at) VALUES"
                  " (%s, %s, %s, %s, %s, 'confirmed', 'EUR', %s, %s, %s, %s, %s, %s)",
                  (f, order, t, order[:18], self.random.choice(self.customers[t]), Decimal("1") + self.number(0.3, 8), self.number(9000), at,
                   self.moment(at - 5 * HOUR, at + 20 * HOUR) if self.random.random() < 0.9 else None,
                   None if cancelled else done, done if cancelled else None))
        for line in range(self.random.randrange(1, 4)):
            self.each("INSERT INTO order_lines (facility_id, order_id, line_no, tenant_id, product_id, qty_ordered,"
                      " qty_shipped, unit_price, line_amount) VALUES (%s, %s, %s, %s, %s, 7, %s, 3, %s)",
                      (f, order, line, t, self.random.choice(self.products[t]), self.number(20), self.number(3000)))

    def log(self, f, start=None, end=None):
        t = self.tenant(f)
        self.each("INSERT INTO production_logs (facility_id, log_id, run_id, equipment_id, tenant_id, product_id,"
                  " logged_at, good, scrap, rework, ideal_cycle_s) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                  (f, self.uuid(), self.uuid(), self.random.choice(self.machines[f]), t, self.products[t][0],
                   self.moment(start, end), self.number(90), self.number(4), self.number(2), self.number(9)))

    def interval(self, f, start=None, end=None):
        at = self.moment(start, end)
        length = timedelta(seconds=self.random.choice([0, 1, 0.000001, 300, 3600, 20000, 90000]) *
                           (1 if self.random.random() < 0.3 else self.random.random()))
        ended = None if self.random.random() < 0.1 else min(at + length, max(self.end, at))
        self.each("INSERT INTO equipment_status_log (facility_id, log_id, equipment_id, tenant_id, status, started_at,"
                  " ended_at) VALUES (%s, %s, %s, %s, %s, %s, %s)",
                  (f, self.uuid(), self.random.choice(self.machines[f]), self.tenant(f), self.random.choice(
                      ["productive", "productive", "setup", "breakdown", "no_operator", "no_material",
                       "planned_down"]), at, ended))

    def inspection(self, f, start=None, end=None):
        t, sample = self.tenant(f), self.random.randrange(1, 200)
        self.each("INSERT INTO quality_inspections (facility_id, inspection_id, tenant_id, product_id, type, sample_size,"
                  " defects, result, inspected_at) VALUES (%s, %s, %s, %s, 'final', %s, %s, %s, %s)",
                  (f, self.uuid(), t, self.products[t][0], sample, self.random.randrange(0, sample),
                   self.random.choice(["pass", "pass", "fail"]), self.moment(start, end)))

    def movement(self, f, start=None, end=None):
        t = self.tenant(f)
        self.each("INSERT INTO inventory_transactions (facility_id, txn_id, tenant_id, product_id, type, qty, unit_cost,"
                  " actor, occurred_at) VALUES (%s, %s, %s, %s, 'issue', %s, %s, 'x', %s)",
                  (f, self.uuid(), t, self.random.choice(self.products[t]), self.number(60) - 30,
                   self.number(9) if self.random.random() < 0.9 else None, self.moment(start, end)))

    def rush(self, f, start, end):
        """Orders close together, so that an hour has customers enough to be told."""
        for _ in range(self.random.randrange(3, 14)):
            self.order(f, start, end)

    def some(self, n):
        for _ in range(n):
            make = self.random.choice([self.order, self.log, self.log, self.interval, self.inspection, self.movement])
            make(self.random.choice(list(FACILITIES)))

    def change(self):
        """One late change of what is there: the rows of all databases alike, chosen by the smallest id above."""
        f, edge = self.random.choice(list(FACILITIES)), self.uuid()
        at = self.moment()
        pick = "(SELECT {0} FROM {1} WHERE facility_id = %s AND {0} > %s ORDER BY {0} LIMIT 1)"
        orders, intervals = pick.format("order_id", "orders"), pick.format("log_id", "equipment_status_log")
        logs, moves = pick.format("log_id", "production_logs"), pick.format("txn_id", "inventory_transactions")
        sql, params = self.random.choice([
            (f"UPDATE orders SET delivered_at = greatest(%s, ordered_at), cancelled_at = NULL WHERE facility_id = %s"
             f" AND order_id = {orders}", (at, f, f, edge)),
            (f"UPDATE orders SET cancelled_at = greatest(%s, ordered_at), delivered_at = NULL WHERE facility_id = %s"
             f" AND order_id = {orders}", (at, f, f, edge)),
            (f"UPDATE orders SET total_amount = total_amount + 1.0001 WHERE facility_id = %s AND order_id = {orders}",
             (f, f, edge)),
            (f"UPDATE orders SET promised_at = %s WHERE facility_id = %s AND order_id = {orders}", (at, f, f, edge)),
            (f"DELETE FROM orders WHERE facility_id = %s AND order_id = {orders}", (f, f, edge)),
            (f"UPDATE equipment_status_log SET ended_at = greatest(%s, started_at) WHERE facility_id = %s AND log_id ="
             f" {intervals}", (at, f, f, edge)),
            (f"DELETE FROM equipment_status_log WHERE facility_id = %s AND log_id = {intervals}", (f, f, edge)),
            (f"UPDATE production_logs SET good = good + 0.5, scrap = 0 WHERE facility_id = %s AND log_id = {logs}",
             (f, f, edge)),
            (f"DELETE FROM production_logs WHERE facility_id = %s AND log_id = {logs}", (f, f, edge)),
            (f"UPDATE orders SET ordered_at = ordered_at - interval '70 minutes' WHERE facility_id = %s AND order_id ="
             f" {orders}", (f, f, edge)),
            (f"UPDATE inventory_transactions SET qty = qty - 5, occurred_at = %s WHERE facility_id = %s AND txn_id ="
             f" {moves}", (at, f, f, edge)),
            (f"DELETE FROM inventory_transactions WHERE facility_id = %s AND txn_id = {moves}", (f, f, edge)),
        ])
        self.each(sql, params)
