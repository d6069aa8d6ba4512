# SPDX-License-Identifier: MIT
"""The machines of one facility, live: a log row a minute while productive, status changes, runs that begin and
end, inspections. State is what the database says; this process keeps none that matters."""

import random
import time

TICK = 60.0
LATE = 0.02  # share of log rows that are written an hour or more after they happened

# chance a minute to leave a state, and where to
_NEXT = {
    "productive": (0.045, (("setup", 80), ("breakdown", 9), ("no_operator", 7), ("no_material", 4))),
    "setup": (0.2, (("productive", 1),)),
    "breakdown": (0.04, (("productive", 1),)),
    "no_operator": (0.09, (("productive", 1),)),
    "no_material": (0.07, (("productive", 1),)),
}
_REASON = {"setup": "changeover", "breakdown": "jam", "no_operator": "break", "no_material": "supply",
           "planned_down": "night"}

_CURRENT = """
SELECT e.equipment_id::text, e.status, r.run_id::text, r.product_id::text, p.ideal_cycle_s::float8
FROM equipment e
LEFT JOIN LATERAL (SELECT * FROM production_runs r WHERE r.facility_id = e.facility_id
                   AND r.equipment_id = e.equipment_id AND r.status IN ('in_progress', 'paused')
                   ORDER BY r.actual_start DESC LIMIT 1) r ON true
LEFT JOIN products p ON p.tenant_id = e.tenant_id AND p.product_id = r.product_id
WHERE e.facility_id = %s AND e.is_active ORDER BY e.code
"""
_CLOSE = """
UPDATE equipment_status_log SET ended_at = greatest(started_at, %s::timestamptz)
WHERE facility_id = %s AND equipment_id = %s AND ended_at IS NULL
"""
_OPEN = """
INSERT INTO equipment_status_log (facility_id, log_id, equipment_id, tenant_id, status, reason_code, started_at)
VALUES (%s, uuid_v7(), %s, %s, %s, %s, %s)
"""
_LOG = """
INSERT INTO production_logs (facility_id, log_id, run_id, equipment_id, tenant_id, product_id, logged_at, good, scrap,
                             rework, ideal_cycle_s)
VALUES (%s, uuid_v7(), %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_COUNT = """
UPDATE production_runs SET qty_good = qty_good + %s, qty_scrap = qty_scrap + %s, qty_rework = qty_rework + %s,
  updated_at = now() WHERE facility_id = %s AND run_id = %s
"""
_PLAN = """
WITH want AS (
  SELECT p.product_id, (SELECT o.order_id FROM orders o JOIN order_lines l USING (facility_id, order_id)
                        WHERE o.facility_id = %(f)s AND o.tenant_id = %(t)s AND o.status = 'in_production'
                          AND l.product_id = p.product_id
                          AND NOT EXISTS (SELECT 1 FROM production_orders x
                                          WHERE x.facility_id = o.facility_id AND x.order_id = o.order_id)
                        ORDER BY o.ordered_at LIMIT 1) AS order_id
  FROM products p WHERE p.tenant_id = %(t)s AND p.is_active ORDER BY random() LIMIT 1),
made AS (
  INSERT INTO production_orders (facility_id, production_order_id, order_id, tenant_id, product_id, qty_planned, status,
                                 due_at)
  SELECT %(f)s, uuid_v7(), w.order_id, %(t)s, w.product_id, %(qty)s, 'scheduled', now() + interval '3 days' FROM want w
  RETURNING production_order_id, product_id)
INSERT INTO production_runs (facility_id, run_id, production_order_id, equipment_id, tenant_id, product_id, status,
                             planned_start, planned_end, qty_planned)
SELECT %(f)s, uuid_v7(), m.production_order_id, %(e)s, %(t)s, m.product_id, 'scheduled', now() + interval '40 min',
       now() + interval '80 min', %(qty)s FROM made m
"""
_START = """
UPDATE production_runs r SET status = 'in_progress', actual_start = now(), updated_at = now()
WHERE r.facility_id = %(f)s AND r.run_id = (
  SELECT run_id FROM production_runs WHERE facility_id = %(f)s AND equipment_id = %(e)s AND status = 'scheduled'
  ORDER BY planned_start LIMIT 1)
RETURNING r.production_order_id
"""
_END = """
UPDATE production_runs SET status = 'completed', actual_end = now(), updated_at = now()
WHERE facility_id = %s AND run_id = %s RETURNING production_order_id, product_id
"""
_INSPECT = """
INSERT INTO quality_inspections (facility_id, inspection_id, run_id, tenant_id, product_id, type, sample_size, defects,
                                 result, inspected_at)
VALUES (%s, uuid_v7(), %s, %s, %s, 'final', %s, %s, %s, now())
"""


class Machines:
    """Called from the facility's thread: `tick(cur, machine)` once a minute and machine, in a transaction."""

    def __init__(self, facility, tenant, utc_hours):
        self.facility, self.tenant, self.utc_hours = facility, tenant, utc_hours
        self.rng = random.Random()
        self.late = []  # (due, log row)

    def read(self, cur):
        cur.execute(_CURRENT, (self.facility,))
        return [dict(zip(("id", "status", "run", "product", "cycle"), row)) for row in cur.fetchall()]

    def catch_up(self, cur, machine):
        """After a pause of this script the open interval says productive without logs: it ends where the logs
        end, and the machine stood since."""
        if machine["status"] != "productive":
            return
        cur.execute("SELECT greatest(e.status_since, max(l.logged_at)) FROM equipment e LEFT JOIN production_logs l"
                    " ON l.facility_id = e.facility_id AND l.equipment_id = e.equipment_id"
                    " AND l.logged_at > now() - interval '8 days'"
                    " WHERE e.facility_id = %s AND e.equipment_id = %s GROUP BY e.status_since"
                    " HAVING greatest(e.status_since, max(l.logged_at)) < now() - interval '5 minutes'",
                    (self.facility, machine["id"]))
        row = cur.fetchone()
        if row:
            self.change(cur, machine, "planned_down", since=row[0], reason="stopped")

    def tick(self, cur, machine):
        local = (time.time() / 3600 + self.utc_hours) % 24
        status = machine["status"]
        self.write_late(cur)
        if status == "productive" and machine["run"]:
            self.produce(cur, machine)
        if status == "planned_down":
            if local >= 5:
                self.change(cur, machine, "setup")
            return
        if local < 5 and self.rng.random() < 0.2:
            self.finish(cur, machine)
            self.change(cur, machine, "planned_down")
            return
        chance, targets = _NEXT[status]
        if self.rng.random() < chance:
            target = self.rng.choices([t for t, _ in targets], [w for _, w in targets])[0]
            if target == "setup":
                self.finish(cur, machine)
            if target == "productive" and not machine["run"]:
                self.begin(cur, machine)
            self.change(cur, machine, target)

    def produce(self, cur, machine):
        rng = self.rng
        units = int(TICK / (machine["cycle"] or 2.0) * rng.uniform(0.78, 0.97) + rng.random())
        scrap = min(units, int(units * 0.04 * rng.random() + rng.random()))
        rework = min(units - scrap, int(units * 0.03 * rng.random() + 0.6 * rng.random()))
        row = (self.facility, machine["run"], machine["id"], self.tenant, machine["product"],
               time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), units - scrap - rework, scrap, rework,
               machine["cycle"] or 2.0)
        cur.execute(_COUNT, (*row[6:9], self.facility, machine["run"]))
        if rng.random() < LATE:
            self.late.append((time.time() + rng.uniform(3700, 9000), row))
        else:
            cur.execute(_LOG, row)

    def write_late(self, cur):
        """Rows that a terminal held back; if the transaction fails they are tried again with the next."""
        due = [entry for entry in self.late if entry[0] <= time.time()]
        for _, row in due:
            cur.execute(_LOG, row)
        self.late = [entry for entry in self.late if entry not in due]

    def change(self, cur, machine, status, since=None, reason=None):
        cur.execute("SELECT now()")
        now = cur.fetchone()[0]
        since = since or now
        cur.execute(_CLOSE, (since, self.facility, machine["id"]))
        cur.execute(_OPEN, (self.facility, machine["id"], self.tenant, status, reason or _REASON.get(status), since))
        cur.execute("UPDATE equipment SET status = %s, status_since = %s WHERE facility_id = %s AND equipment_id = %s",
                    (status, since, self.facility, machine["id"]))
        if machine["run"] and status != "setup":
            cur.execute("UPDATE production_runs SET status = %s WHERE facility_id = %s AND run_id = %s"
                        " AND status IN ('in_progress', 'paused')",
                        ("in_progress" if status == "productive" else "paused", self.facility, machine["run"]))

    def begin(self, cur, machine):
        args = {"f": self.facility, "e": machine["id"], "t": self.tenant, "qty": self.rng.randrange(200, 2500)}
        cur.execute(_START, args)
        row = cur.fetchone()
        if row is None:
            cur.execute(_PLAN, args)
            cur.execute(_START, args)
            row = cur.fetchone()
        cur.execute("UPDATE production_orders SET status = 'in_progress' WHERE facility_id = %s"
                    " AND production_order_id = %s", (self.facility, row[0]))
        cur.execute(_PLAN, args)

    def finish(self, cur, machine):
        if not machine["run"]:
            return
        cur.execute(_END, (self.facility, machine["run"]))
        row = cur.fetchone()
        cur.execute("UPDATE production_orders SET status = 'completed' WHERE facility_id = %s"
                    " AND production_order_id = %s", (self.facility, row[0]))
        if self.rng.random() < 0.5:
            sample = self.rng.choice((50, 80, 125, 200))
            defects = sum(self.rng.random() < 0.003 for _ in range(sample))
            cur.execute(_INSPECT, (self.facility, machine["run"], self.tenant, row[1], sample, defects,
                                   "pass" if defects * 100 <= sample else "fail"))
        machine["run"] = None
