#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Live activity of all facilities: orders come in and move on, machines log and change state, stock moves.

  activity.py --fleet .fleet/fleet.json [--rate R] [--ledger DIR] [--facility F]…

At rate 1 a facility takes an order about every 30 s and moves stock every 20 s; machines log each minute at
any rate. Two in a hundred orders and log rows are late: they reach the edge's database an hour or more after
they happened. Orders go through create_order as gw_write with an idempotency key and into the ledger
(fleet/ledger.py) before and after. One thread a facility; a facility that is away is waited for."""

import argparse
import bisect
import json
import os
import random
import sys
import time
import uuid
from contextlib import contextmanager
from datetime import datetime, timezone

import psycopg2

from pulse import GONE, Site, edges, read_fleet, run_threads, say, stopping

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import ledger  # noqa: E402
import machines  # noqa: E402
import master  # noqa: E402  (pulse put fleet/data on the path)
import topology  # noqa: E402

ORDER_EVERY, STOCK_EVERY, MASTER_EVERY = 30.0, 20.0, 60.0
LATE = 0.02

_LATE_ORDER = """
WITH line AS (
  INSERT INTO order_lines (facility_id, order_id, line_no, tenant_id, product_id, qty_ordered, unit_price, line_amount)
  SELECT %(f)s, %(o)s, 1, %(t)s, p.product_id, %(qty)s, p.unit_price, round(%(qty)s * p.unit_price, 4)
  FROM product_prices p
  WHERE p.tenant_id = %(t)s AND p.product_id = %(p)s AND p.currency = %(cur)s AND p.customer_id IS NULL
  ORDER BY valid_from DESC LIMIT 1 RETURNING line_amount)
INSERT INTO orders (facility_id, order_id, tenant_id, order_no, customer_id, status, currency, fx_usd, total_amount,
                    ordered_at, promised_at)
SELECT %(f)s, %(o)s, %(t)s,
       upper(replace(%(f)s, 'facility-', '')) || '-' || lpad(nextval('order_no_seq')::text, 7, '0'), %(c)s, 'confirmed', %(cur)s, (s.value ->> %(cur)s)::numeric, line.line_amount,
       now() - %(late)s * interval '1 second', now() + interval '3 days'
FROM line, system_configuration s WHERE s.tenant_id = %(t)s AND s.key = 'fx.usd'
"""
_MOVE_STOCK = """
INSERT INTO inventory_transactions (facility_id, txn_id, tenant_id, product_id, type, qty, unit_cost, ref_type, ref_id,
                                    actor, occurred_at)
SELECT l.facility_id, uuid_v7(), l.tenant_id, l.product_id,
       CASE WHEN l.available > %(qty)s AND NOT l.below_reorder THEN 'issue' ELSE 'receipt' END,
       CASE WHEN l.available > %(qty)s AND NOT l.below_reorder THEN -%(qty)s ELSE 4 * %(qty)s END,
       l.unit_cost, 'floor', NULL, 'activity', now()
FROM inventory_levels l WHERE l.facility_id = %(f)s AND l.product_id = %(p)s AND l.tenant_id = %(t)s
"""


def now_text():
    return datetime.now(timezone.utc).isoformat()


def pick(rng, rows):
    """Few take most: the list is in order of size."""
    sums, total = [], 0.0
    for i in range(len(rows)):
        total += 1.0 / (i + 1)
        sums.append(total)
    return rows[bisect.bisect_left(sums, rng.random() * total)]


class Facility:
    def __init__(self, name, dsn, rate, ledger_folder):
        self.name, self.rate = name, rate
        self.region, self.tenant, _, _, _, utc_hours, self.currency = topology.FACILITIES[name]
        self.site = Site(name, dsn, "gw_write")
        self.ledger = ledger.Ledger(ledger_folder, name)
        self.rng = random.Random()
        self.machines = machines.Machines(name, self.tenant, utc_hours)
        self.customers, self.products = {}, {}
        self.fleet = []         # machines as last read
        self.pending = None     # (key, tenant, input) of an order whose outcome is unknown

    # ---- one transaction ----

    @contextmanager
    def work(self, tenant):
        with self.site.conn.cursor() as cur:
            cur.execute("BEGIN")
            try:
                cur.execute("SELECT set_config('app.tenant_id', %s, true), set_config('app.facilities', %s, true),"
                            " set_config('app.role', 'service', true)", (tenant, self.name))
                yield cur
                cur.execute("COMMIT")
            except BaseException:
                if not self.site.conn.closed:
                    cur.execute("ROLLBACK")
                raise

    # ---- orders ----

    def read_master(self):
        for tenant in topology.tenants_of(self.name):
            with self.work(tenant) as cur:
                cur.execute("SELECT customer_id::text FROM customers WHERE tenant_id = %s AND NOT credit_hold"
                            " ORDER BY code", (tenant,))
                self.customers[tenant] = [row[0] for row in cur.fetchall()]
                cur.execute("SELECT DISTINCT ON (p.sku) p.product_id::text FROM products p JOIN product_prices r"
                            " USING (tenant_id, product_id) WHERE p.tenant_id = %s AND p.is_active AND r.currency = %s"
                            " ORDER BY p.sku", (tenant, self.currency))
                self.products[tenant] = [row[0] for row in cur.fetchall()]

    def order(self):
        rng = self.rng
        if self.pending is None:
            guests = topology.GUESTS.get(self.name, ())
            tenant = rng.choice(guests) if guests and rng.random() < 0.05 else self.tenant
            if not self.customers.get(tenant) or not self.products.get(tenant):
                return
            if rng.random() < LATE:
                self.late_order(tenant)
                return
            key = f"activity-{uuid.uuid4()}"
            goods = {pick(rng, self.products[tenant]) for _ in range(rng.choice((1, 1, 2, 3)))}
            self.pending = (key, tenant, {
                "facilityId": self.name, "customerId": pick(rng, self.customers[tenant]), "currency": self.currency,
                "key": key, "lines": [{"productId": p, "qty": str(rng.choice((100, 250, 500, 1000)))} for p in goods]})
            self.ledger.write(event="sent", key=key, facility=self.name, tenant=tenant, sent_at=now_text())
        # A lost connection leaves `pending`: the same key is sent again until the outcome is known.
        key, tenant, wanted = self.pending
        with self.work(tenant) as cur:
            cur.execute("SELECT create_order(%s::jsonb)", (json.dumps(wanted),))
            answer = cur.fetchone()[0]
        self.pending = None
        if answer["order"]:
            self.ledger.write(event="accepted", key=key, order=answer["order"]["id"].split("~")[3], facility=self.name,
                              at=now_text())
        else:
            self.ledger.write(event="refused", key=key, facility=self.name, at=now_text(),
                              codes=[e["code"] for e in answer["errors"]])

    def late_order(self, tenant):
        """Taken on paper an hour or more ago, keyed in now."""
        late = self.rng.uniform(3700, 10800)
        with self.work(tenant) as cur:
            cur.execute(_LATE_ORDER, {
                "f": self.name, "o": master.uuid7(time.time() - late, self.rng.getrandbits(74)), "t": tenant, "c": pick(self.rng, self.customers[tenant]),
                "p": pick(self.rng, self.products[tenant]), "cur": self.currency, "qty": 250,
                "late": late})

    def advance(self):
        """The oldest order of each state moves on, so as many leave as come in."""
        for status, then in (("shipped", "DELIVERED"), ("in_production", "SHIPPED"), ("confirmed", "IN_PRODUCTION")):
            if status == "confirmed" and self.rng.random() < 0.03:
                then = "CANCELLED"
            with self.work(self.tenant) as cur:
                cur.execute("SELECT order_node_id(facility_id, order_id), version FROM orders WHERE facility_id = %s"
                            " AND tenant_id = %s AND status = %s ORDER BY ordered_at LIMIT 1",
                            (self.name, self.tenant, status))
                row = cur.fetchone()
                if row:
                    cur.execute("SELECT update_order_status(%s::jsonb)", (json.dumps(
                        {"id": row[0], "status": then, "expectedVersion": row[1], "key": f"activity-{uuid.uuid4()}"}),))

    def stock(self):
        if self.products.get(self.tenant):
            with self.work(self.tenant) as cur:
                product = self.rng.choice(self.products[self.tenant])
                cur.execute(_MOVE_STOCK, {"f": self.name, "t": self.tenant, "p": product,
                                          "qty": self.rng.choice((10, 25, 50, 100))})

    # ---- machines ----

    def read_machines(self):
        with self.work(self.tenant) as cur:
            self.fleet = self.machines.read(cur)
            for machine in self.fleet:
                self.machines.catch_up(cur, machine)
            self.fleet = self.machines.read(cur)

    def machine(self, index):
        if index < len(self.fleet):
            with self.work(self.tenant) as cur:
                machine = self.machines.read(cur)[index]
                self.machines.tick(cur, machine)

    # ---- the loop ----

    def run(self):
        """What is due, in order of time; anything that fails because the database went away is due again."""
        started = False
        due = []
        while self.site.connect():
            try:
                if not started:
                    self.read_master()
                    self.read_machines()
                    due, started = self.first_tasks(), True
                if not due:
                    stopping.wait(1)
                    continue
                due.sort(key=lambda task: task[0])
                at, every, task = due[0]
                if stopping.wait(max(0.0, at - time.monotonic())):
                    break
                task()
                spread = every * self.rng.expovariate(1) if every < machines.TICK else every
                due[0] = (max(at + min(spread, 5 * every), time.monotonic() - every), every, task)
            except GONE as why:
                self.site.lost(why)
            except psycopg2.Error as why:
                say(f"{self.name}: {str(why).strip().splitlines()[0]}")
                stopping.wait(1)
                started = False

    def first_tasks(self):
        now = time.monotonic()
        tasks = [(now + MASTER_EVERY, MASTER_EVERY, self.read_master)]
        if self.rate > 0:
            for every, task in ((ORDER_EVERY, self.order), (ORDER_EVERY, self.advance), (STOCK_EVERY, self.stock)):
                every /= self.rate
                tasks.append((now + self.rng.random() * min(every, 3.0), every, task))
        for index in range(len(self.fleet)):
            first = now + index * machines.TICK / len(self.fleet)
            tasks.append((first, machines.TICK, lambda i=index: self.machine(i)))
        return tasks


def main():
    ask = argparse.ArgumentParser(description="Live activity of the fleet's facilities.")
    ask.add_argument("--fleet", required=True)
    ask.add_argument("--rate", type=float, default=1.0)
    ask.add_argument("--ledger", help="folder of the ledgers; default: ledger/ beside fleet.json")
    ask.add_argument("--facility", action="append", choices=list(topology.FACILITIES))
    args = ask.parse_args()
    databases = read_fleet(args.fleet)
    folder = args.ledger or os.path.join(os.path.dirname(os.path.abspath(args.fleet)), "ledger")
    names = args.facility or edges(databases)
    run_threads([Facility(n, databases[n], args.rate, folder).run for n in names])
    return 0


if __name__ == "__main__":
    sys.exit(main())
