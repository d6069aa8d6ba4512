#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Proves that key figures are right: what the gateway's modules answer from stored and raw parts, on a real region
and global database, against figures computed here from every hour's true components.

  kpis.py [--tool PATH --rollup PATH] [--schema FOLDER] [--seed N] [--rounds N]

Without --tool it takes those of the build. The last line is `kpis: ok …` or `kpis: FAILED …`."""
import argparse
import json
import math
import random
import subprocess
import sys
from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))
import rollup_lab as lab_module  # noqa: E402
from rollup_lab import (COMPONENTS, FACILITIES, GAUGES, HOUR, MAPS, REGION, ROOT, TENANTS, Lab, Maker, built,  # noqa: E402
                        hour_of, utc_now)

# metric: (numerator, denominator or None, factor, better)
RATIO, SUM = lambda n, d, f, b: (n, d, f, b), lambda n, b, f=1: (n, None, f, b)
FORMULAS = {
    "ORDERS": SUM(["orders_n"], "higher"), "ORDER_VALUE": SUM(["order_usd"], "higher"),
    "AVERAGE_ORDER": RATIO(["order_usd"], ["orders_n"], 1, "higher"),
    "CANCEL_RATE": RATIO(["cancelled_n"], ["orders_n"], 100, "lower"), "REVENUE": SUM(["revenue_usd"], "higher"),
    "GROSS_MARGIN": RATIO(["revenue_usd", "-cost_usd"], ["revenue_usd"], 100, "higher"),
    "ON_TIME_DELIVERY": RATIO(["ontime_n"], ["delivered_n"], 100, "higher"),
    "UNITS": SUM(["good", "scrap", "rework"], "higher"),
    "SCRAP_RATE": RATIO(["scrap"], ["good", "scrap", "rework"], 100, "lower"),
    "REWORK_RATE": RATIO(["rework"], ["good", "scrap", "rework"], 100, "lower"),
    "FPY": RATIO(["good"], ["good", "scrap", "rework"], 100, "higher"),
    "AVAILABILITY": RATIO(["run_s"], ["planned_s"], 100, "higher"),
    "PERFORMANCE": RATIO(["ideal_s"], ["run_s"], 100, "higher"),
    "OEE": RATIO(["ideal_good_s"], ["planned_s"], 100, "higher"),
    "THROUGHPUT": RATIO(["good", "scrap", "rework"], ["run_s"], 3600, "higher"),
    "DOWNTIME": SUM(["down_s"], "lower", Decimal(1) / 3600),
    "MTBF": RATIO(["run_s"], ["breakdown_n"], Decimal(1) / 3600, "higher"),
    "MTTR": RATIO(["repair_s"], ["closed_n"], Decimal(1) / 3600, "lower"),
    "FAIL_RATE": RATIO(["failed_n"], ["inspections_n"], 100, "lower"),
    "DPPM": RATIO(["defects_n"], ["sample_n"], 1000000, "lower"), "BACKLOG": SUM(["open_n"], "lower"),
    "BACKLOG_VALUE": SUM(["backlog_usd"], "lower"), "OVERDUE": SUM(["overdue_n"], "lower"),
    "OVERDUE_RATE": RATIO(["overdue_n"], ["open_n"], 100, "lower"), "STOCKOUTS": SUM(["stockout_n"], "lower"),
    "INVENTORY_VALUE": SUM(["inv_value_usd"], "lower"),
}
# metric: (component, what is told of it, better)
OF_MAPS = {
    "ACTIVE_CUSTOMERS": ("cust_sketch", lambda m: distinct(m), "higher"),
    "CYCLE_TIME_P50": ("cycle_hist", lambda m: percentile(m, 50), "lower"),
    "CYCLE_TIME_P95": ("cycle_hist", lambda m: percentile(m, 95), "lower"),
    "PEAK_RATE": ("units_5m", lambda m: 12 * max(m.values(), default=Decimal(0)), "higher"),
}
METRICS = (*FORMULAS, *OF_MAPS)
BETTER = {**{k: v[3] for k, v in FORMULAS.items()}, **{k: v[2] for k, v in OF_MAPS.items()}}
RUNNING = ["ORDERS", "UNITS", "BACKLOG", "PEAK_RATE", "CYCLE_TIME_P95", "STOCKOUTS", "ACTIVE_CUSTOMERS"]
BEHIND = ["ORDERS", "OEE", "BACKLOG", "UNITS", "STOCKOUTS", "INVENTORY_VALUE", "CYCLE_TIME_P50", "PEAK_RATE", "ACTIVE_CUSTOMERS"]
BEHIND_TEXT = " ".join(BEHIND)
GRAINS = {
    "HOUR": lambda t: t, "DAY": lambda t: t.replace(hour=0),
    "WEEK": lambda t: t.replace(hour=0) - timedelta(days=t.weekday()), "MONTH": lambda t: t.replace(day=1, hour=0),
}


class Failure(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failure(text)


def z(t):
    return t.strftime("%Y-%m-%dT%H:%M:%SZ")


def distinct(registers):
    """Ertl's estimator over the multiplicities of ranks, in words of its own; a whole number."""
    if not registers:
        return Decimal(0)
    m, q = 1 << 12, 52
    of = [m - len(registers)] + [0] * (q + 1)
    for rank in registers.values():
        of[int(rank)] += 1
    sigma, power = of[0] / m, 1.0
    for n in range(60):
        power = (of[0] / m) ** (2 ** (n + 1))
        sigma += power * 2 ** n
    check(of[q + 1] == 0, "a hash of 52 zeros")
    z = sum(of[k] * 2.0 ** -k for k in range(1, q + 1)) + m * sigma
    return Decimal(round(m * m / (2 * math.log(2) * z)))


def percentile(buckets, percent):
    """Nearest rank; the bucket's middle, in hours."""
    seen, total = 0, sum(buckets.values())
    for key in sorted(buckets):
        seen += buckets[key]
        if seen * 100 >= total * percent:
            return Decimal(lab_module.GROWTH ** key * 2 / (lab_module.GROWTH + 1) / 3600)
    return None


def told_cells(name, hours, by_hour, raw_from):
    """The maps as they were stored or sent: whole days of a facility in one, else hours; what is not stored in one a
    facility; each only if it may be told."""
    cells, raw = defaultdict(list), defaultdict(list)
    for facility, hour, components in hours:
        if raw_from and hour >= raw_from:
            raw[facility].append(components[name])
        else:
            cells[facility, hour.date()].append(components[name])
    for day in cells.values():
        if len(day) == 24 and not by_hour:
            yield lab_module.told(name, lab_module.merged(name, day))
        else:
            yield from (lab_module.told(name, one) for one in day)
    for maps in raw.values():
        yield lab_module.told(name, lab_module.merged(name, maps))


def figure(metric, hours, by_hour=False, raw_from=None):
    """The figure over [(facility, hour, components)]: sums of hours, gauges at each facility's last hour, maps key by
    key; None where a map is not told. by_hour: it is made of hours, also where there are whole days."""
    if metric in OF_MAPS:
        name, tell, _ = OF_MAPS[metric]
        maps = list(told_cells(name, hours, by_hour, raw_from))
        return None if None in maps else tell(lab_module.merged(name, maps))
    sums = defaultdict(Decimal)
    last = {}
    for facility, hour, components in hours:
        for name, value in components.items():
            if name not in GAUGES and name not in MAPS:
                sums[name] += value
        if facility not in last or last[facility][0] < hour:
            last[facility] = (hour, components)
    for _, components in last.values():
        for name in GAUGES:
            sums[name] += components[name]
    total = lambda names: sum((-sums[n[1:]] if n[0] == "-" else sums[n] for n in names), Decimal(0))
    numerator, denominator, factor, _ = FORMULAS[metric]
    if denominator is None:
        return total(numerator) * factor
    return None if total(denominator) == 0 else total(numerator) * factor / total(denominator)


def same(have, want):
    if have is None or want is None:
        return have is None and want is None
    return abs(Decimal(have) - want) <= abs(want) * Decimal("1e-12") + Decimal("1e-12")


class Proof:
    def __init__(self, lab, args):
        self.lab, self.args = lab, args
        self.random = random.Random(args.seed)
        self.blue, self.tier3 = lab.connect("blue"), lab.connect("global")
        self.now = utc_now()
        self.closed = hour_of(self.now)
        self.start = self.closed - 70 * HOUR
        self.maker = Maker(args.seed, [self.blue], self.start, self.now)
        self.facts = {}

    def fill(self):
        self.maker.master([self.blue])
        self.maker.some(850)
        for n in range(24):  # a few hours, and a day, with customers enough to be told
            self.maker.rush("facility-la-001", self.start + (20 + n) * HOUR, self.start + (21 + n) * HOUR)
        self.maker.beat(self.now)
        with self.tier3.cursor() as cur:
            for f, t in FACILITIES.items():
                cur.execute("INSERT INTO facility_directory (facility_id, tenant_id, region, code, name, time_zone,"
                            " currency) VALUES (%s, %s, %s, %s, %s, 'UTC', 'USD')", (f, t, REGION, f, f))
        self.roll_up()
        self.learn()

    def roll_up(self):
        cmd = [self.args.rollup, "--once", "--kpis", str(Path(self.args.schema) / "kpis.yaml"), "--region", REGION,
               "--source", f"blue={self.lab.dsn('blue', 'rollup')}", "--target", self.lab.dsn("global", "rollup")]
        for facility in FACILITIES:
            cmd += ["--facility", facility]
        done = subprocess.run(cmd, capture_output=True, text=True)
        check(done.returncode == 0, f"rollup: {done.stderr[-800:]}")

    def learn(self):
        for facility in FACILITIES:
            self.facts[facility] = lab_module.expected(self.blue, facility, self.start - HOUR, self.closed)
            for n in range(2, 27):  # so that days that a range holds whole are whole here
                for tenant in TENANTS:
                    self.facts[facility][tenant, self.start - n * HOUR] = {
                        name: {} if name in MAPS else Decimal(0) for name in COMPONENTS}

    def hours(self, tenant, facilities, start, end):
        return [(f, hour, c) for f in facilities for (t, hour), c in self.facts[f].items()
                if t == tenant and start <= hour < end]

    def own(self, tenant):
        """The facilities that the tenant has to do with."""
        return [f for f, owner in FACILITIES.items() if owner == tenant
                or any(any(c.values()) for (t, _), c in self.facts[f].items() if t == tenant)]

    def ask(self, tenant, query, *more, on=None):
        cmd = [self.args.tool, "--schema", self.args.schema, "--global", self.lab.dsn("global", "gw_read"), "--region",
               f"{REGION}={self.lab.dsn('blue', 'gw_read')}", "--tenant", tenant, "--query", query, *more]
        for facility in FACILITIES:
            cmd += ["--facility", f"{facility}={REGION}"]
        if on:
            cmd += ["--entity", f"Facility~{REGION}~{on}~"]
        done = subprocess.run(cmd, capture_output=True, text=True)
        check(done.returncode == 0, f"tool: {query}: {done.stderr[-1500:]}")
        return json.loads(done.stdout, parse_float=Decimal)

    def compare(self, what, values, metrics, hours, by_hour=False, raw_from=None):
        check([v["metric"] for v in values] == metrics, f"{what}: metrics {values}")
        for value in values:
            want = figure(value["metric"], hours, by_hour, raw_from)
            check(same(value["value"], want), f"{what}: {value['metric']} is {value['value']}, true {want}")

    def some_range(self):
        a, b = sorted(self.random.sample(range(-3, 72), 2))
        return self.start + a * HOUR, self.start + b * HOUR

    def one_round(self, n):
        tenant = self.random.choice(TENANTS)
        metrics = self.random.sample(METRICS, self.random.randrange(1, 8)) if n else list(METRICS)
        (start, end), (before, until) = self.some_range(), self.some_range()
        order, grain = self.random.choice(metrics), self.random.choice(list(GRAINS))
        direction = self.random.choice(["", ", dir: ASC", ", dir: DESC"])
        query = f"""{{ globalKpis(range: {{from: "{z(start)}", to: "{z(end)}"}}, metrics: [{' '.join(metrics)}],
            compareTo: {{from: "{z(before)}", to: "{z(until)}"}}) {{
              range {{ from to }} totals {{ metric value numerator denominator previous changePct finality asOf missing }}
              byRegion {{ region totals {{ metric value }} }}
              byFacility(top: 2, orderBy: {order}{direction}) {{ facility {{ id }} totals {{ metric value }}
                days: series(grain: DAY) {{ bucket values {{ metric value }} }} }}
              series(grain: {grain}) {{ bucket values {{ metric value finality }} }} incompleteRegions dataFreshness {{ isStale }}
            }} }}"""
        answer = self.ask(tenant, query, *(["--hop"] if n % 3 == 1 else []))["globalKpis"]
        end, until = min(end, self.closed), min(until, self.closed)
        check(answer["range"] == {"from": z(start), "to": z(max(end, start))}, f"range {answer['range']}")
        check(answer["incompleteRegions"] == [] and answer["dataFreshness"] is None, "incomplete without a reason")
        own = self.own(tenant)
        by_hour = grain == "HOUR"
        self.compare("totals", answer["totals"], metrics, self.hours(tenant, own, start, end), by_hour)
        for value in answer["totals"]:
            want = figure(value["metric"], self.hours(tenant, own, before, until))
            check(same(value["previous"], want), f"previous {value['metric']} is {value['previous']}, true {want}")
            untold = [f"Facility~{REGION}~{f}~" for f in sorted(own) if value["metric"] == "ACTIVE_CUSTOMERS"
                      and figure(value["metric"], self.hours(tenant, [f], start, end), by_hour) is None]
            check(value["missing"] == untold, f"{value['metric']} missing {value['missing']}, not told {untold}")
        self.compare("byRegion", answer["byRegion"][0]["totals"], metrics, self.hours(tenant, own, start, end), by_hour)
        self.compare_facilities(answer["byFacility"], tenant, own, (start, end), metrics, (order, direction, by_hour))
        self.compare_series(answer["series"], tenant, own, (start, end), metrics, grain, by_hour)

    def compare_facilities(self, groups, tenant, own, span, metrics, ordered):
        by_value, (order, direction, by_hour) = [], ordered
        for f in own:
            value = figure(order, self.hours(tenant, [f], *span), by_hour)
            by_value.append((value is None, value or 0, f))
        ascending = direction.endswith("ASC") or (not direction and BETTER[order] == "higher")
        by_value.sort(key=lambda x: (x[0], x[1] if ascending else -x[1], x[2]))
        want = [f"Facility~{REGION}~{f}~" for _, _, f in by_value][:2]
        have = [g["facility"]["id"] for g in groups]
        check(have == want, f"byFacility of {order}{direction}: {have}, true {want}")
        for group in groups:
            facility = group["facility"]["id"].split("~")[2]
            self.compare(facility, group["totals"], metrics, self.hours(tenant, [facility], *span), by_hour)
            self.compare_series(group["days"], tenant, [facility], span, metrics, "DAY", by_hour)

    def compare_series(self, points, tenant, facilities, span, metrics, grain, by_hour):
        buckets = defaultdict(list)
        hour = span[0]
        while hour < span[1]:
            buckets[max(GRAINS[grain](hour), span[0])] += self.hours(tenant, facilities, hour, hour + HOUR)
            hour += HOUR
        check([p["bucket"] for p in points] == [z(b) for b in sorted(buckets)],
              f"series by {grain}: {[p['bucket'] for p in points]}")
        for point, bucket in zip(points, sorted(buckets)):
            self.compare(f"{grain} {point['bucket']}", point["values"], metrics, buckets[bucket], by_hour)

    def behind(self):
        """Hours that are not stored yet come from the region; where it does not answer, nothing is a smaller sum."""
        facility, closed = "facility-la-001", self.closed
        with self.tier3.cursor() as cur:
            cur.execute("UPDATE rollup_watermark SET applied_upto = applied_upto - interval '5 hours'")
            cur.execute("DELETE FROM kpi_hourly WHERE hour >= %s", (closed - 5 * HOUR,))
            cur.execute("DELETE FROM kpi_daily WHERE day >= %s", ((closed - 5 * HOUR).date(),))
        start = closed - 30 * HOUR
        head = f'{{ globalKpis(range: {{from: "{z(start)}", to: "{z(closed)}"}}, metrics: [{BEHIND_TEXT}]) {{'
        tail = ' totals { metric value finality missing asOf } byFacility { totals { value } } incompleteRegions } }'
        own = self.own("tenant-foo-inc")
        for more in ([], ["--hop"]):
            answer = self.ask("tenant-foo-inc", head + tail, *more)["globalKpis"]
            self.compare("behind", answer["totals"], BEHIND, self.hours("tenant-foo-inc", own, start, closed),
                         raw_from=closed - 5 * HOUR)
            check({v["finality"] for v in answer["totals"]} == {"PROVISIONAL"}, "hours that are not stored are final")
            check(all(v["missing"] == [] for v in answer["totals"] if v["metric"] != "ACTIVE_CUSTOMERS"),
                  f"missing although asked {answer['totals']}")
        answer = self.ask("tenant-foo-inc", head + tail, "--fail", REGION)["globalKpis"]
        check(answer["incompleteRegions"] == ["US_EAST"], f"incompleteRegions {answer['incompleteRegions']}")
        for value in answer["totals"]:
            check(value["value"] is None and value["finality"] == "PROVISIONAL"
                  and f"Facility~{REGION}~{facility}~" in value["missing"] and value["asOf"] == z(closed - 5 * HOUR),
                  f"a total that lacks its region: {value}")
        # Hours that are stored need no region.
        early = head.replace(z(closed), z(closed - 6 * HOUR)) + tail
        answer = self.ask("tenant-foo-inc", early, "--fail", REGION)["globalKpis"]
        check(answer["incompleteRegions"] == [] and answer["totals"][0]["finality"] == "FINAL", f"stored: {answer}")
        # A facility that is offline: what is known stands, named and provisional.
        self.maker.beat(closed - 2 * HOUR - timedelta(minutes=30), [facility])
        answer = self.ask("tenant-foo-inc", head + tail)["globalKpis"]
        for value in answer["totals"][:-1]:
            check(value["value"] is not None and value["missing"] == [f"Facility~{REGION}~{facility}~"]
                  and value["asOf"] == z(closed - 2 * HOUR - timedelta(minutes=30)), f"offline: {value}")
        self.maker.beat(utc_now(), [facility])

    def running_hour(self):
        now = utc_now()
        query = f"""{{ globalKpis(range: {{from: "{z(self.closed - 3 * HOUR)}", to: "{z(self.closed + HOUR)}"}},
            metrics: [{' '.join(RUNNING)}], includeOpenHour: true)
            {{ range {{ to }} totals {{ metric value finality missing }} series(grain: HOUR) {{ bucket }} }} }}"""
        answer = self.ask("tenant-bar-inc", query, "--now", z(now))["globalKpis"]
        if hour_of(now) != self.closed:
            return
        facts = {f: {k: c for k, c in lab_module.expected(self.blue, f, self.start, self.closed + HOUR).items()}
                 for f in FACILITIES}
        hours = [(f, hour, c) for f in self.own("tenant-bar-inc") for (t, hour), c in facts[f].items()
                 if t == "tenant-bar-inc" and hour >= self.closed - 3 * HOUR]
        self.compare("running hour", answer["totals"], RUNNING, hours, raw_from=self.closed)
        check({v["finality"] for v in answer["totals"]} == {"PROVISIONAL"} and len(answer["series"]) == 4
              and answer["range"]["to"] == z(self.closed + HOUR), f"running hour: {answer}")

    def of_facility(self):
        for tenant, facility in (("tenant-foo-inc", "facility-la-001"), ("tenant-bar-inc", "facility-boston-001")):
            span = f'{{from: "{z(self.closed - 40 * HOUR)}", to: "{z(self.closed)}"}}'
            answer = self.ask(tenant, f"{{ kpis(range: {span}, metrics: [FPY MTBF REVENUE]) {{ metric value target }} }}",
                              on=facility)["kpis"]
            self.compare("of facility", answer, ["FPY", "MTBF", "REVENUE"],
                         self.hours(tenant, [facility], self.closed - 40 * HOUR, self.closed))
            check([v["target"] for v in answer] == [95, 1000, None], f"targets {answer}")

    def refusals(self):
        ok = f'range: {{from: "{z(self.start)}", to: "{z(self.closed)}"}}'
        for text, word in ((f'metrics: [OEE], range: {{from: "{z(self.closed)}", to: "{z(self.start)}"}}', "begin"),
                           (f'metrics: [], {ok}', "metric"), (f'metrics: [OEE], {ok}, facilityIds: ["nowhere"]', "nowhere"),
                           ('metrics: [OEE], range: {from: "yesterday", to: "today"}', "DateTime")):
            answer = self.ask("tenant-foo-inc", f"{{ globalKpis({text}) {{ incompleteRegions }} }}")["globalKpis"]
            check(word in answer["message"], f"refusal of {text}: {answer}")
        long = f'{{from: "2001-01-01T00:00:00Z", to: "{z(self.closed)}"}}'
        answer = self.ask("tenant-foo-inc", f"{{ globalKpis(metrics: [OEE], range: {long})"
                          " { series(grain: HOUR) { bucket } } }")["globalKpis"]
        check("too many points" in answer["message"], f"a long series: {answer}")


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--tool", default=built("tests/unit/resolvers/kpi_tool"))
    ask.add_argument("--rollup", default=built("tests/unit/rollup/rollup_tool"))
    ask.add_argument("--schema", default=str(ROOT / "schema"))
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--rounds", type=int, default=300)
    args = ask.parse_args()
    if not lab_module.BIN.joinpath("initdb").exists():
        print(f"kpis: skipped, no Postgres in {lab_module.BIN}")
        return 77
    try:
        with Lab() as lab:
            proof = Proof(lab, args)
            proof.fill()
            for n in range(args.rounds):
                proof.one_round(n)
            proof.of_facility()
            proof.refusals()
            proof.running_hour()
            proof.behind()
    except Failure as failure:
        print(f"kpis: FAILED seed={args.seed}: {failure}")
        return 1
    print(f"kpis: ok seed={args.seed} rounds={args.rounds} figures={len(METRICS)} components={len(COMPONENTS)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
