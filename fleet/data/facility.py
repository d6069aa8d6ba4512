# SPDX-License-Identifier: MIT
"""One facility's past, played forward: orders come in, machines work through them, goods leave.

Statuses, times and quantities agree with each other: an order is in production when its run is, ships after
the run ended, and is delivered later; a run's quantities are the sums of its logs; logs exist only where
the status log says productive; stock is the sum of its transactions."""

import math
import random
from datetime import datetime, timezone

import master
import topology
from master import NULL, Zipf, uuid7

HOUR, DAY = 3600, 86400
_CARRIERS = ("DHL", "UPS", "Maersk", "DB Schenker", "SF Express")
# share of a day's orders by local hour
_BY_HOUR = (1, 1, 1, 1, 1, 2, 3, 6, 9, 10, 10, 9, 7, 8, 9, 9, 8, 6, 4, 3, 2, 2, 1, 1)


def stamp(seconds):
    return NULL if seconds is None else datetime.fromtimestamp(seconds, timezone.utc).isoformat()


def dec(value):
    return f"{value:.4f}"


class Facility:
    def __init__(self, name, seed, size, anchor):
        self.name, self.seed, self.size, self.anchor = name, seed, size, anchor
        self.region, self.tenant, _, _, _, self.utc_hours, self.currency = topology.FACILITIES[name]
        self.code = name.removeprefix("facility-").upper()
        self.start = anchor - size["days"] * DAY
        self.rng = random.Random(f"{seed}/{name}")
        self.products = master.products(seed, self.tenant, size["products"])
        self.pick_product = Zipf(len(self.products))
        self.orders = []
        self.rows = {}
        self.ends = {}  # order index: end of its run

    def uid(self, at):
        return uuid7(at, self.rng.getrandbits(74))

    def add(self, table, *row):
        self.rows.setdefault(table, []).append(row)

    def generate(self):
        self.take_orders(self.tenant, self.size["orders"], 0)
        for guest in topology.GUESTS.get(self.name, ()):
            self.take_orders(guest, 6, master.SHARED_IDS)
        self.orders.sort(key=lambda o: o["at"])
        self.work()
        self.finish_orders()
        self.keep_stock()
        self.add("heartbeat", self.region, self.name, stamp(self.anchor), 0)
        return self.rows

    # ---- orders ----

    def take_orders(self, tenant, per_day, first_product):
        rng = self.rng
        goods = master.products(self.seed, tenant, self.size["products"])
        buyers = [c[0] for c in master.customers(self.seed, tenant, self.region, self.size["customers"]) if not c[4]]
        pick_buyer, pick_product = Zipf(len(buyers), 1.1), Zipf(len(goods) - first_product)
        hour = self.start - self.start % HOUR
        while hour < self.anchor:
            local = int(hour // HOUR + self.utc_hours) % 24
            share = per_day * _BY_HOUR[local] / sum(_BY_HOUR)
            for _ in range(self.poisson(share)):
                at = hour + rng.random() * HOUR
                if self.start <= at < self.anchor:
                    self.take_order(tenant, at, buyers[pick_buyer.draw(rng)], goods,
                                    lambda: first_product + pick_product.draw(rng))
            hour += HOUR

    def poisson(self, mean):
        limit, n, p = math.exp(-mean), 0, self.rng.random()
        while p > limit:
            n += 1
            p *= self.rng.random()
        return n

    def take_order(self, tenant, at, buyer, goods, draw):
        rng = self.rng
        currency = "USD" if rng.random() < 0.1 else self.currency
        lines, seen = [], set()
        for _ in range(rng.choice((1, 1, 2, 2, 3, 4, 5))):
            index = draw()
            if index in seen:
                continue
            seen.add(index)
            price = master.unit_price(self.seed, tenant, self.region, index, goods[index][4], currency)
            qty = rng.choice((100, 250, 500, 500, 1000, 2500)) * (1 if goods[index][4] > 1 else 2)
            lines.append((goods[index][0], index, qty, price, round(qty * price, 4)))
        self.orders.append(dict(
            tenant=tenant, at=at, id=self.uid(at), buyer=buyer, currency=currency, lines=lines,
            priority=rng.choice((1, 2, 3, 3, 3, 4, 5)), promised=at + rng.choice((60, 72, 84, 96, 120)) * HOUR))

    def finish_orders(self):
        """From order and run to statuses, lines and shipments."""
        rng = self.rng
        for number, o in enumerate(self.orders):
            began = o.get("began")
            if began is None and o["tenant"] == self.tenant and o.get("queued"):
                ready = None  # waits for a machine
            elif began is not None:
                ready = self.ends.get(o["id"])
            else:  # from stock
                began, ready = o["at"] + rng.uniform(0.3, 4) * HOUR, o["at"] + rng.uniform(5, 24) * HOUR
            shipped = ready + rng.uniform(3, 40) * HOUR if ready else None
            arrived = shipped + rng.choice((6, 12, 18, 24, 30, 48)) * HOUR * rng.uniform(0.8, 1.2) if shipped else None
            cancelled = None
            if rng.random() < 0.03:
                cancelled = o["at"] + rng.uniform(0.2, 12) * HOUR
                if cancelled >= self.anchor or (began and began < cancelled):
                    cancelled = None
            self.write_order(number, o, began, shipped, arrived, cancelled)

    def write_order(self, number, o, began, shipped, arrived, cancelled):
        now = self.anchor
        if cancelled:
            status, since, version = "cancelled", cancelled, 2
        elif arrived and arrived <= now:
            status, since, version = "delivered", arrived, 4
        elif shipped and shipped <= now:
            status, since, version = "shipped", shipped, 3
        elif began and began <= now:
            status, since, version = "in_production", began, 2
        else:
            status, since, version = "confirmed", o["at"], 1
        gone = status in ("shipped", "delivered")
        delivered = arrived if status == "delivered" else None
        total = sum(line[4] for line in o["lines"])
        order_no = f"{self.code}-{number + 1:07d}"
        self.add("orders", self.name, o["id"], o["tenant"], order_no, o["buyer"], status, o["priority"], o["currency"],
                 topology.FX_USD[o["currency"]], dec(total), stamp(o["at"]), stamp(o["promised"]), stamp(delivered),
                 stamp(cancelled), version, stamp(since))
        self.add("order_statuses", self.region, self.name, o["id"], o["tenant"], order_no, status, stamp(since))
        for i, (pid, _, qty, price, amount) in enumerate(o["lines"]):
            self.add("order_lines", self.name, o["id"], i + 1, o["tenant"], pid, dec(qty), dec(qty if gone else 0),
                     dec(price), dec(amount))
        if gone:
            self.add("shipments", self.name, self.uid(shipped), o["id"], o["tenant"], self.rng.choice(_CARRIERS),
                     dec(sum(line[2] for line in o["lines"])), stamp(shipped), stamp(delivered))
            o["shipped"] = shipped

    # ---- machines ----

    def work(self):
        """All machines forward in time together, each taking the oldest order that waits."""
        n = self.size["machines"]
        capacity = n * 30
        share = min(1.0, 0.85 * capacity / self.size["orders"])
        queue = [o for o in self.orders if o["tenant"] == self.tenant and self.rng.random() < share]
        for o in queue:
            o["queued"] = True
        queue.reverse()
        machines = [Machine(self, i) for i in range(n)]
        while machines:
            machine = min(machines, key=lambda m: m.now)
            if machine.now >= self.anchor:
                break
            machine.step(queue)
        for machine in machines:
            machine.close()

    # ---- stock ----

    def keep_stock(self):
        shipped = {}
        for o in self.orders:
            if "shipped" in o:
                for pid, _, qty, _, _ in o["lines"]:
                    shipped.setdefault((o["tenant"], pid), []).append((o["shipped"], -qty, "issue", "order", o["id"]))
        for tenant in topology.tenants_of(self.name):
            goods = master.products(self.seed, tenant, self.size["products"])
            if tenant != self.tenant:
                goods = goods[master.SHARED_IDS:master.SHARED_IDS + 8]
            for pid, _, _, _, cost, _ in goods:
                self.stock_of(tenant, pid, cost, shipped.get((tenant, pid), []))

    def stock_of(self, tenant, pid, cost, issues):
        rng = self.rng
        moves = sorted(issues)
        used = -sum(m[1] for m in moves)
        opening = rng.choice((500, 1000, 2000)) + used // 2
        moves.insert(0, (self.start, opening, "cycle_count", NULL, NULL))
        level, out = 0, []
        for at, qty, kind, ref, ref_id in moves:
            if level + qty < 0:  # goods arrive before they are missing
                lot = -qty + rng.choice((1000, 2000, 5000))
                out.append((at - 60, lot, "receipt", "purchase", f"PO-{rng.randrange(10**6):06d}"))
                level += lot
            out.append((at, qty, kind, ref, ref_id))
            level += qty
        if rng.random() < 0.3:
            change = -min(level, rng.randrange(1, 40))
            if change:
                out.append((self.anchor - rng.random() * DAY, change, "adjustment", "reason", "count"))
                level += change
        for at, qty, kind, ref, ref_id in out:
            self.add("inventory_transactions", self.name, self.uid(at), tenant, pid, kind, dec(qty), dec(cost), ref,
                     ref_id, "warehouse", stamp(at))
        allocated = min(level, rng.choice((0, 0, 50, 100, 300)))
        # about one in eight stands below its reorder point
        reorder = (level - allocated) + rng.randrange(1, 500) if rng.random() < 0.125 else (level - allocated) // 3
        row = (self.region, self.name, pid, tenant, dec(level), dec(allocated), dec(reorder), dec(reorder // 2))
        last = stamp(max(m[0] for m in out))
        self.add("inventory_levels", *row, dec(cost), last)
        self.add("inventory_snapshot", *row, last)


class Machine:
    """One machine's timeline: planned down at night, else setup, run, now and then something goes wrong."""

    def __init__(self, home, index):
        self.home, self.rng, self.now = home, home.rng, home.start
        self.id = home.uid(master.EPOCH + index)
        kind = topology.MACHINES[index % len(topology.MACHINES)]
        self.code = f"{kind[:3].upper()}-{index + 1:02d}"
        self.type = kind
        self.skill = self.rng.uniform(0.82, 0.97)   # share of ideal speed
        self.scrap = self.rng.uniform(0.008, 0.035)
        self.status = "planned_down"
        self.since = self.now
        self.run = None

    def spend(self, status, seconds, reason=NULL):
        """An interval; the one that reaches the anchor stays open."""
        home, begin = self.home, self.now
        end = begin + seconds
        self.status, self.since, self.now = status, begin, end
        home.add("equipment_status_log", home.name, home.uid(begin), self.id, home.tenant, status, reason, stamp(begin),
                 stamp(end) if end < home.anchor else NULL)

    def step(self, queue):
        rng = self.rng
        local = (self.now / HOUR + self.home.utc_hours) % 24
        if local < 5:
            self.spend("planned_down", (5 - local) * HOUR + rng.uniform(0, 600), "night")
            return
        luck = rng.random()
        if luck < 0.05:
            self.spend("no_operator", rng.uniform(5, 30) * 60, "break")
        elif luck < 0.08:
            self.spend("no_material", rng.uniform(5, 40) * 60, "supply")
        if self.now < self.home.anchor:
            self.spend("setup", rng.uniform(3, 14) * 60, "changeover")
        if self.now < self.home.anchor:
            self.make(queue)

    def make(self, queue):
        home, rng = self.home, self.rng
        order = None
        if queue and queue[-1]["at"] < self.now:
            order = queue.pop()
            index = order["lines"][0][1]
        else:
            index = home.pick_product.draw(rng)
        self.begin_run(order, index, rng.uniform(15, 48) * 60)
        left = self.run["seconds"]
        if rng.random() < 0.07:  # breaks down in the middle, is repaired, goes on
            part = left * rng.uniform(0.2, 0.8)
            self.produce(part)
            left -= part
            if self.now < home.anchor:
                self.spend("breakdown", rng.uniform(8, 75) * 60, rng.choice(("jam", "drive", "sensor", "knife")))
        if self.now < home.anchor:
            self.produce(left)
        self.end_run()

    def begin_run(self, order, index, seconds):
        home, begin = self.home, self.now
        pid, cycle = home.products[index][0], home.products[index][5]
        self.run = dict(id=home.uid(begin), po=home.uid(begin), order=order, pid=pid, cycle=cycle, begin=begin,
                        seconds=seconds, good=0, scrap=0, rework=0,
                        planned=math.ceil(seconds / cycle * self.skill * (1 - self.scrap)))
        if order:
            order["began"] = begin

    def produce(self, seconds):
        """A productive interval with a log row for each minute of it."""
        home, run, uniform = self.home, self.run, self.rng.random
        begin = self.now
        self.spend("productive", seconds)
        at, end = begin, min(begin + seconds, home.anchor)
        logs = home.rows.setdefault("production_logs", [])
        cycle = f"{run['cycle']:.4f}"
        while at < end:
            step = min(60.0, end - at)
            units = int(step / run["cycle"] * self.skill * (0.94 + 0.12 * uniform()) + uniform())
            scrap = int(units * self.scrap * 2 * uniform() + uniform())
            rework = int(units * 0.03 * uniform() + uniform())
            scrap = min(scrap, units)
            rework = min(rework, units - scrap)
            good = units - scrap - rework
            at += step
            run["good"] += good
            run["scrap"] += scrap
            run["rework"] += rework
            logs.append((home.name, home.uid(at), run["id"], self.id, home.tenant, run["pid"], stamp(at - 0.001), good,
                         scrap, rework, cycle))

    def end_run(self):
        home, run, rng = self.home, self.run, self.rng
        done = self.now < home.anchor
        state = "completed" if done else "paused" if self.status == "breakdown" else "in_progress"
        order = run["order"]
        order_id, due = (order["id"], stamp(order["promised"])) if order else (NULL, NULL)
        home.add("production_orders", home.name, run["po"], order_id, home.tenant, run["pid"], dec(run["planned"]),
                 "completed" if done else "in_progress", due)
        planned = run["begin"] - rng.uniform(-1200, 1800)
        home.add("production_runs", home.name, run["id"], run["po"], self.id, home.tenant, run["pid"], state,
                 stamp(planned), stamp(planned + run["seconds"] * 1.05), stamp(run["begin"]), stamp(self.now) if done else NULL,
                 dec(run["planned"]), dec(run["good"]), dec(run["scrap"]), dec(run["rework"]),
                 stamp(min(self.now, home.anchor)))
        if done and order:
            home.ends[order["id"]] = self.now
        if done and rng.random() < 0.5:
            self.inspect()

    def inspect(self):
        home, run, rng = self.home, self.run, self.rng
        at = min(self.now + rng.uniform(60, 1500), home.anchor)
        sample = rng.choice((50, 80, 125, 200, 315))
        defects = sum(rng.random() < self.scrap * 0.12 for _ in range(sample))
        failed = defects * 100 > sample
        home.add("quality_inspections", home.name, home.uid(at), run["id"], home.tenant, run["pid"],
                 rng.choice(("final", "in_process", "first_piece")), sample, defects, "fail" if failed else "pass",
                 rng.choice(("rework", "scrap", "use_as_is")) if failed else NULL, stamp(at))

    def close(self):
        """The machine as it stands at the anchor, and what is planned for it next."""
        home, rng, anchor = self.home, self.rng, self.home.anchor
        home.add("equipment", home.name, self.id, home.tenant, self.code, self.type, dec(3600 / 2.5), self.status,
                 stamp(min(self.since, anchor)))
        at = anchor + rng.uniform(600, 3600)
        for _ in range(2):
            pid, cycle = (lambda p: (p[0], p[5]))(home.products[home.pick_product.draw(rng)])
            seconds = rng.uniform(15, 48) * 60
            po, run = home.uid(anchor), home.uid(anchor)
            planned = dec(math.ceil(seconds / cycle * self.skill))
            home.add("production_orders", home.name, po, NULL, home.tenant, pid, planned, "scheduled",
                     stamp(anchor + 3 * DAY))
            home.add("production_runs", home.name, run, po, self.id, home.tenant, pid, "scheduled", stamp(at),
                     stamp(at + seconds), NULL, NULL, planned, dec(0), dec(0), dec(0), stamp(anchor))
            at += seconds + 600
