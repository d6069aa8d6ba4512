#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Proves that the rollup worker is exact: every component of every facility-hour against raw rows, after late
rows, edits and deletes, kill -9 of workers and of their sessions, frozen workers, cutovers and offline facilities.

  rollup.py [--tool PATH] [--kpis FILE] [--seed N] [--kills N] [--size S|M]

Runs in batches of 250 kills, each on databases of its own; a run that was broken off goes on with the batch it was
in. --size S is 1,000 kills, M 10,000. The last line is `rollup: ok …` or `rollup: FAILED …`; the seed repeats the
data, not the instants of the kills."""
import argparse
import random
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import psycopg2

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))
import rollup_lab as lab_module  # noqa: E402
from rollup_lab import (COMPONENTS, FACILITIES, GAUGES, HOUR, MAPS, REGION, ROOT, Lab, Maker, built,  # noqa: E402
                        hour_of, utc_now)

BATCH = 250


class Failure(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failure(text)


class Proof:
    def __init__(self, lab, args, batch=0):
        self.lab, self.args = lab, args
        self.random = random.Random(args.seed * 7919 + batch)
        self.blue, self.green, self.tier3 = lab.connect("blue"), lab.connect("green"), lab.connect("global")
        now = utc_now()
        self.start = hour_of(now) - 40 * HOUR
        self.maker = Maker(args.seed * 1000 + batch, [self.blue, self.green], self.start, hour_of(now))
        self.epoch, self.env = 1, "blue"

    def command(self, *more):
        cmd = [self.args.tool, "--kpis", self.args.kpis, "--region", REGION, "--target",
               self.lab.dsn("global", "rollup")]
        for env in ("blue", "green"):
            cmd += ["--source", f"{env}={self.lab.dsn(env, 'rollup')}"]
        for facility in FACILITIES:
            cmd += ["--facility", facility]
        return cmd + list(more)

    def once(self, *more):
        """(hours computed, hours changed, marks cleared)"""
        done = subprocess.run(self.command("--once", *more), capture_output=True, text=True, timeout=120)
        check(done.returncode == 0, f"a round failed ({done.returncode}): {done.stderr[-1500:]}")
        return tuple(map(int, done.stdout.split()))

    def ask(self, conn, sql, params=()):
        with conn.cursor() as cur:
            cur.execute(sql, params)
            return cur.fetchall()

    @property
    def live(self):
        return self.blue if self.env == "blue" else self.green

    def watermark(self, facility):
        rows = self.ask(self.tier3, "SELECT applied_upto FROM rollup_watermark WHERE facility_id = %s", (facility,))
        return rows[0][0] if rows else None

    def verify(self, what, upto=None):
        """Hours up to each watermark exactly as raw rows tell, and days as their hours."""
        for facility in FACILITIES:
            mark = self.watermark(facility)
            check(mark is not None, f"{what}: {facility} has no watermark")
            check(upto is None or mark == upto, f"{what}: {facility} is closed up to {mark}, not {upto}")
            want = lab_module.expected(self.live, facility, self.start - 2 * HOUR, mark)
            have = lab_module.stored(self.tier3, facility, self.start - 90 * HOUR, mark)
            # Hours before a facility's first row need none.
            first = min((key[1] for key in have), default=mark)
            want = {key: v for key, v in want.items() if key[1] >= first or any(v.values())}
            found = lab_module.differences(want, have, facility)
            check(not found, f"{what}: {len(found)} differences: " + "; ".join(found[:5]))
            bad = [key for key, row in have.items() if row["finality"] != "final"]
            check(not bad, f"{what}: not final below the watermark: {bad[:3]}")
            self.verify_days(what, facility, have, want)

    def verify_days(self, what, facility, have, true):
        days, sketches = {}, {}
        for (tenant, hour), row in true.items():
            key = (tenant, hour.date())
            sketches[key] = lab_module.merged("cust_sketch", [sketches.get(key, {}), row["cust_sketch"]])
        for (tenant, hour), row in sorted(have.items(), key=lambda item: item[0][1]):
            day = days.setdefault((tenant, hour.date()), {name: {} if name in MAPS else Decimal(0) for name in COMPONENTS})
            for name in COMPONENTS:
                if name in MAPS:
                    day[name] = lab_module.merged(name, [day[name], row[name] or {}])
                else:
                    day[name] = row[name] if name in GAUGES else day[name] + row[name]
        last = max((key[1].date() for key in have), default=None)
        for row in self.ask(self.tier3, f"SELECT tenant_id, day, {', '.join(COMPONENTS)} FROM kpi_daily WHERE"
                            " facility_id = %s AND day < %s", (facility, last)):
            want = days.pop((row[0], row[1]), None)
            if want:  # hours that are not told are in their day
                want["cust_sketch"] = lab_module.told("cust_sketch", sketches.get((row[0], row[1]), {}))
            have_day = lab_module.as_stored(row[2:])
            differ = [name for name in COMPONENTS if not want or want[name] != have_day[name]]
            check(not differ, f"{what}: day {row[:2]} of {facility} differs: {differ}")
        left = [key for key in days if key[1] != last]
        check(not left, f"{what}: no day for {left[:3]} of {facility}")

    def no_marks(self, what):
        left = self.ask(self.live, "SELECT facility_id, hour FROM rollup_dirty WHERE hour < %s",
                        (min(self.watermark(f) for f in FACILITIES),))
        check(not left, f"{what}: marks left: {left[:3]}")

    def cut_over(self):
        self.epoch += 1
        self.env = "green" if self.env == "blue" else "blue"
        # The environment that is left may hear of it late, or never.
        first, second = (self.blue, self.green) if self.env == "blue" else (self.green, self.blue)
        for conn in (first, second):
            self.ask(conn, "UPDATE region_status SET live_env = %s, epoch = %s WHERE region = %s RETURNING 1",
                     (self.env, self.epoch, REGION))

    # ---- the steps ----

    def fill(self):
        self.maker.master([self.blue, self.green])
        for conn in (self.blue, self.green):
            self.ask(conn, "CALL rollup_marking(false); SELECT 1")
        self.maker.some(750)
        for n, f in enumerate(FACILITIES):
            self.maker.rush(f, self.start + (4 + n) * HOUR, self.start + (5 + n) * HOUR)
        for conn in (self.blue, self.green):
            self.ask(conn, "CALL rollup_marking(true); SELECT 1")
        self.maker.beat(utc_now())
        self.once()
        self.verify("first fill", hour_of(utc_now()))
        check(self.once()[1] == 0, "a second round over the same rows changed something")
        start = (self.start + 3 * HOUR).isoformat().replace("+00:00", "Z")
        end = (self.start + 9 * HOUR).isoformat().replace("+00:00", "Z")
        check(self.once("--from", start, "--to", end)[:2] == (18, 0), "asked hours over the same rows changed")

    def revisions(self):
        return {tuple(row[:3]): row[3] for row in
                self.ask(self.tier3, "SELECT tenant_id, facility_id, hour, revision FROM kpi_hourly")}

    def late(self):
        before, facility, at = self.revisions(), "facility-la-001", self.start + 20 * HOUR
        self.maker.log(facility, at, at + HOUR / 2)
        self.maker.beat(utc_now())
        computed, changed, cleared = self.once()
        check((changed, cleared) == (1, 1), f"one late log: {changed} hours changed, {cleared} marks cleared")
        after = self.revisions()
        grown = {key: after[key] - before.get(key, 0) for key in after if after[key] != before.get(key, 0)}
        check(len(grown) == 1 and list(grown.values())[0] == 1 and list(grown)[0][1:] == (facility, hour_of(at)),
              f"revisions after one late log: {grown}")
        for _ in range(40):
            self.maker.change()
        self.maker.some(40)
        self.once()
        self.verify("late rows, edits and deletes")
        self.no_marks("late rows, edits and deletes")

    def offline(self):
        """A facility whose rows have stopped coming keeps its watermark; what is known of later hours is provisional."""
        facility, closed = "facility-boston-001", hour_of(utc_now())
        self.ask(self.tier3, "DELETE FROM rollup_watermark WHERE facility_id = %s RETURNING 1", (facility,))
        self.ask(self.tier3, "DELETE FROM kpi_hourly WHERE facility_id = %s RETURNING 1", (facility,))
        self.ask(self.tier3, "DELETE FROM kpi_daily WHERE facility_id = %s RETURNING 1", (facility,))
        self.maker.beat(closed - 3 * HOUR + timedelta(minutes=20), [facility])
        self.once()
        check(self.watermark(facility) == closed - 3 * HOUR, "a facility that is offline was closed past its heartbeat")
        rows = self.ask(self.tier3, "SELECT DISTINCT hour, finality FROM kpi_hourly WHERE facility_id = %s AND hour >= %s",
                        (facility, closed - 4 * HOUR))
        check(sorted(rows) == [(closed - n * HOUR, "final" if n == 4 else "provisional") for n in (4, 3, 2, 1)],
              f"offline: {sorted(rows)}")
        self.verify("offline")
        for _ in range(5):
            self.maker.log(facility, closed - 3 * HOUR, closed)
        self.maker.beat(utc_now())
        self.once()
        self.verify("back on line", closed)

    def grown(self):
        """The catalogue has components that hours stored before know nothing of: the next worker computes them."""
        for table, column, until in (("kpi_hourly", "hour", self.start + 33 * HOUR), ("kpi_daily", "day", hour_of(utc_now()))):
            self.ask(self.tier3, f"UPDATE {table} SET cust_sketch = NULL, cycle_hist = NULL, units_5m = NULL, stockout_n = NULL,"
                     f" inv_value_usd = NULL WHERE {column} < %s RETURNING 1", (until,))
        self.maker.log("facility-la-001", self.start + 2 * HOUR, self.start + 3 * HOUR)
        self.maker.log("facility-la-001", self.start + 35 * HOUR, self.start + 36 * HOUR)
        self.once()
        self.verify("components that are new")
        self.no_marks("components that are new")
        check(self.once()[0] == 0, "hours were filled twice")

    def blocked_worker(self):
        """A worker that has its facility's lock and waits inside its snapshot for a table of the region."""
        blocker = self.lab.connect("blue" if self.env == "blue" else "green", autocommit=False)
        with blocker.cursor() as cur:
            cur.execute("LOCK TABLE quality_inspections IN ACCESS EXCLUSIVE MODE")
        since = (self.start + 2 * HOUR).isoformat().replace("+00:00", "Z")
        worker = subprocess.Popen(self.command("--once", "--from", since, "--to",
                                               (self.start + 30 * HOUR).isoformat().replace("+00:00", "Z")),
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for _ in range(200):
            if self.ask(self.live, "SELECT 1 FROM pg_stat_activity WHERE usename = 'rollup' AND wait_event_type = 'Lock'"):
                return blocker, worker
            time.sleep(0.02)
        worker.kill()
        raise Failure("the worker did not get to its snapshot")

    def meanwhile(self):
        """An hour is marked again after the worker has read it: that mark must outlive the worker's commit."""
        f, at = "facility-la-001", self.start + 7 * HOUR
        self.maker.log(f, at, at + HOUR / 2)
        blocker, worker = self.blocked_worker()
        self.maker.log(f, at, at + HOUR / 2)
        blocker.rollback()
        blocker.close()
        _, errors = worker.communicate(timeout=60)
        check(worker.returncode == 0, f"a blocked worker failed: {errors[-300:]}")
        left = self.ask(self.live, "SELECT 1 FROM rollup_dirty WHERE facility_id = %s AND hour = %s", (f, hour_of(at)))
        check(left, "the mark of a row that came meanwhile was cleared")
        self.once()
        self.verify("after a row that came meanwhile")
        self.no_marks("after a row that came meanwhile")

    def zombie(self):
        """Frozen after it has read, its session on the global database ended (as a server does with one that idles in
        a transaction); thawed when others have written: it must change nothing."""
        blocker, worker = self.blocked_worker()
        sessions = self.ask(self.tier3, "SELECT pid FROM pg_stat_activity WHERE usename = 'rollup' AND datname = 'global'")
        worker.send_signal(signal.SIGSTOP)
        blocker.rollback()
        blocker.close()
        for _ in range(10):
            self.maker.change()
        self.maker.log("facility-la-001", self.start + 5 * HOUR, self.start + 6 * HOUR)
        for (pid,) in sessions:
            self.ask(self.tier3, "SELECT pg_terminate_backend(%s)", (pid,))
        self.once()
        before = self.revisions()
        worker.send_signal(signal.SIGCONT)
        worker.communicate(timeout=60)
        self.verify("after a zombie")
        # Its other facilities it may still do, but all it can write is what is true.
        lost = {key for key, n in self.revisions().items() if n < before.get(key, 0)}
        check(not lost, f"a zombie took revisions back: {lost}")

    def fenced(self):
        """The region's epoch moves on while a worker holds rows of the old one."""
        blocker, worker = self.blocked_worker()
        before = self.revisions()
        self.ask(self.tier3, "UPDATE rollup_fence SET live_env = %s, epoch = %s WHERE region = %s RETURNING 1",
                 ("green" if self.env == "blue" else "blue", self.epoch + 1, REGION))
        self.ask(self.blue, "UPDATE production_logs SET good = good + 1 WHERE facility_id = 'facility-la-001' RETURNING 1")
        blocker.rollback()
        blocker.close()
        _, errors = worker.communicate(timeout=60)
        check(worker.returncode == 1, f"a worker of an old epoch did not fail: {errors[-300:]}")
        check(self.revisions() == before, "a worker of an old epoch wrote")
        self.ask(self.green, "UPDATE production_logs SET good = good + 1 WHERE facility_id = 'facility-la-001' RETURNING 1")
        self.cut_over()
        self.maker.beat(utc_now())
        self.once()
        self.verify("after a cutover")

    # ---- the loop ----

    def watch(self, stop, found):
        """What a reader may never see: a watermark without its hours, a day that is not the sum of its hours."""
        conn = self.lab.connect("global", autocommit=False)
        conn.set_session(isolation_level="REPEATABLE READ", readonly=True)
        while not stop.is_set():
            try:
                holes = self.ask(conn, """
                    SELECT w.facility_id, h FROM rollup_watermark w
                    JOIN facility_directory d USING (facility_id),
                    generate_series((SELECT min(hour) FROM kpi_hourly k WHERE k.facility_id = w.facility_id),
                                    w.applied_upto - interval '1 hour', interval '1 hour') h
                    WHERE NOT EXISTS (SELECT 1 FROM kpi_hourly k WHERE k.facility_id = w.facility_id AND k.hour = h
                                      AND k.tenant_id = d.tenant_id AND k.finality = 'final')""")
                days = self.ask(conn, """
                    SELECT d.tenant_id, d.facility_id, d.day FROM kpi_daily d JOIN kpi_hourly h
                    ON h.tenant_id = d.tenant_id AND h.facility_id = d.facility_id
                    AND (h.hour AT TIME ZONE 'UTC')::date = d.day
                    GROUP BY d.tenant_id, d.facility_id, d.day, d.good, d.orders_n, d.run_s, d.hours_n
                    HAVING (sum(h.good), sum(h.orders_n), sum(h.run_s), count(*)) <> (d.good, d.orders_n, d.run_s, d.hours_n)
                    """)
                conn.rollback()
                found += [f"watermark without hour {x}" for x in holes] + [f"day is not its hours {x}" for x in days]
            except psycopg2.Error:
                conn = self.lab.connect("global", autocommit=False)  # a fault of the loop hit the watcher
            time.sleep(0.05)

    def kill_loop(self, kills):
        for f, t in FACILITIES.items():
            self.ask(self.tier3, "INSERT INTO facility_directory (facility_id, tenant_id, region, code, name, time_zone,"
                     " currency) VALUES (%s, %s, %s, %s, %s, 'UTC', 'USD') RETURNING 1", (f, t, REGION, f, f))
        stop, found = threading.Event(), []
        watcher = threading.Thread(target=self.watch, args=(stop, found))
        watcher.start()
        workers = []
        try:
            for n in range(kills):
                while len(workers) < 2:
                    workers.append(subprocess.Popen(self.command("--interval", "20"), stdout=subprocess.DEVNULL,
                                                    stderr=subprocess.DEVNULL))
                for _ in range(self.random.randrange(3)):
                    self.maker.change()
                self.maker.some(self.random.randrange(3))
                self.maker.beat(utc_now())
                time.sleep(self.random.random() * 0.35)
                self.fault(workers, n)
                check(not found, f"a reader saw {found[:3]}")
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
            stop.set()
            watcher.join()
        self.once()
        self.verify(f"after {kills} kills")
        self.no_marks(f"after {kills} kills")

    def fault(self, workers, n):
        kind = self.random.random()
        victim = self.random.choice(workers)
        if kind < 0.6:
            victim.kill()
            victim.wait()
            workers.remove(victim)
        elif kind < 0.75:
            victim.send_signal(signal.SIGSTOP)
            time.sleep(self.random.random() * 0.3)
            victim.send_signal(signal.SIGCONT)
        elif kind < 0.9:
            conn = self.random.choice([self.tier3, self.live])
            self.ask(conn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'rollup' AND"
                     " datname = current_database()")
        elif n % 3 == 0:
            self.cut_over()


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--tool", default=built("tests/unit/rollup/rollup_tool"))
    ask.add_argument("--kpis", default=str(ROOT / "schema" / "kpis.yaml"))
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--kills", type=int)
    ask.add_argument("--size", choices=["S", "M"], default="S")
    args = ask.parse_args()
    if args.kills is None:
        args.kills = 1000 if args.size == "S" else 10000
    if not lab_module.BIN.joinpath("initdb").exists():
        print(f"rollup: skipped, no Postgres in {lab_module.BIN}")
        return 77
    began = time.monotonic()
    try:
        run_batches(args, began)
    except Failure as failure:
        print(f"rollup: FAILED seed={args.seed}: {failure}")
        return 1
    print(f"rollup: ok seed={args.seed} kills={args.kills} {time.monotonic() - began:.1f} s")
    return 0


def run_batches(args, began):
    state = ROOT / "build" / f"prove-rollup-{args.seed}-{args.kills}.done"
    first = int(state.read_text()) if args.kills > BATCH and state.exists() else 0
    for batch in range(first, -(-args.kills // BATCH)):
        with Lab() as lab:
            proof = Proof(lab, args, batch)
            for step in (proof.fill, proof.late, proof.grown, proof.offline, proof.meanwhile, proof.zombie, proof.fenced):
                step()
            print(f"rollup: batch {batch} steps {time.monotonic() - began:.1f} s", flush=True)
            proof.kill_loop(min(BATCH, args.kills - batch * BATCH))
        if args.kills > BATCH:
            state.parent.mkdir(exist_ok=True)
            state.write_text(str(batch + 1))
    state.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
