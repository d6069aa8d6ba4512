#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The fleet's SQL and data against a real, throwaway Postgres: row-level security, the functions behind
mutations, triggers as apply fires them, the outbox, partitions, generated data. Exit 77 (skipped) where the
server's binaries are absent."""

import json
import os
import subprocess
import sys
import threading
import time
import unittest

import psycopg2

from sql_lab import BAR, BIN, DATA, FOO, LA, NODES, Cluster, all_rows, digest, value


def setUpModule():
    global pg, out
    pg = Cluster()
    unittest.addModuleCleanup(pg.close)
    out = os.path.join(pg.dir, "data")
    subprocess.run([sys.executable, os.path.join(DATA, "generate.py"), "--out", out, "--seed", "7"], check=True)
    for name, (tier, region, facility, _) in NODES.items():
        pg.migrate(name)
        where = ["--facility", facility] if tier == "edge" else ["--region", region] if tier == "regional" else []
        subprocess.run([sys.executable, os.path.join(DATA, "load.py"), "--dsn", pg.dsn(name), "--dir", out, "--tier", tier,
                        *where], check=True)


class Scope(unittest.TestCase):
    """The second wall."""

    def test_every_table_of_a_tenant_is_protected(self):
        for db in NODES:
            rows = all_rows(pg.connect(db), """
                SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
                WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND NOT c.relispartition
                  AND NOT c.relrowsecurity""")
            self.assertEqual(rows, [], db)

    def test_partitions_cannot_be_read_around_their_parent(self):
        rows = all_rows(pg.connect("blue"), """SELECT c.relname FROM pg_class c WHERE c.relispartition AND
                        (has_table_privilege('gw_read', c.oid, 'SELECT') OR has_table_privilege('gw_write', c.oid, 'SELECT'))""")
        self.assertEqual(rows, [])

    def test_no_tenant_raises_in_each_table(self):
        conn = pg.connect("blue", "gw_read")
        for table in ("orders", "order_lines", "customers", "products", "inventory_levels", "production_logs"):
            for before in ("", "SELECT set_config('app.tenant_id', '', false); "):
                with self.assertRaises(psycopg2.errors.InsufficientPrivilege):
                    all_rows(conn, f"{before}SELECT count(*) FROM {table}")

    def test_each_tenant_sees_its_own_and_together_they_are_all(self):
        for table in ("orders", "order_lines", "customers", "products", "inventory_levels"):
            seen = 0
            for tenant in (FOO, BAR, "tenant-baz-inc"):
                conn = pg.connect("blue", "gw_read", tenant)
                seen += value(conn, f"SELECT count(*) FROM {table}")
                self.assertEqual(value(conn, f"SELECT count(*) FROM {table} WHERE tenant_id <> %s", (tenant,)), 0)
            self.assertEqual(seen, value(pg.connect("blue"), f"SELECT count(*) FROM {table}"), table)

    def test_two_tenants_stand_in_one_edge_with_equal_ids(self):
        conn = pg.connect("la")
        self.assertGreater(value(conn, "SELECT count(*) FROM orders WHERE tenant_id = %s", (BAR,)), 5)
        self.assertEqual(value(conn, "SELECT count(*) FROM products a JOIN products b USING (product_id)"
                                     " WHERE a.tenant_id = %s AND b.tenant_id = %s", (FOO, BAR)), 3)

    def test_facilities_outside_the_list_are_hidden(self):
        conn = pg.connect("blue", "gw_read", FOO, LA)
        self.assertEqual(all_rows(conn, "SELECT DISTINCT facility_id FROM orders"), [(LA,)])
        self.assertEqual(value(pg.connect("blue", "gw_read", FOO, ""), "SELECT count(*) FROM orders"), 0)

    def test_a_write_outside_the_scope_is_refused(self):
        conn = pg.connect("la", "gw_write", FOO)
        with self.assertRaises(psycopg2.errors.InsufficientPrivilege):
            all_rows(conn, "UPDATE orders SET tenant_id = %s WHERE tenant_id = %s", (BAR, FOO))
        self.assertEqual(all_rows(conn, "UPDATE orders SET priority = 1 WHERE tenant_id = %s RETURNING 1", (BAR,)), [])
        with self.assertRaises(psycopg2.errors.ReadOnlySqlTransaction):
            reader = psycopg2.connect(f"host=127.0.0.1 port={pg.port} user=gw_read dbname=la")
            all_rows(reader, "CREATE TEMP TABLE t (a int)")

    def test_a_neighbours_stock_has_no_cost(self):
        rows = all_rows(pg.connect("blue"), "SELECT region, count(*), count(unit_cost) FROM inventory_levels"
                                            " GROUP BY 1 ORDER BY 1")
        self.assertEqual([(r, c > 0, u > 0) for r, c, u in rows],
                         [("apac", True, False), ("eu-central", True, False), ("us-east", True, True)])

    def test_tier_three_has_no_person(self):
        columns = {row[0] for row in all_rows(pg.connect("analytics"), """
            SELECT column_name FROM information_schema.columns WHERE table_schema = 'public'""")}
        self.assertFalse({c for c in columns if "customer" in c or "email" in c or "phone" in c or "actor" in c})


class Indexes(unittest.TestCase):
    """Under row-level security a page is still read by its index."""

    PAGES = {
        "orders_ordered": "orders WHERE facility_id = %(f)s AND (ordered_at, order_id) < (now(), %(u)s)"
                          " ORDER BY ordered_at DESC, order_id DESC",
        "orders_promised": "orders WHERE facility_id = %(f)s AND (promised_at, order_id) > ('2020-01-01', %(u)s)"
                           " ORDER BY promised_at, order_id",
        "orders_total": "orders WHERE facility_id = %(f)s AND (total_amount, order_id) < (5000.5, %(u)s)"
                        " ORDER BY total_amount DESC, order_id DESC",
        "orders_customer": "orders WHERE tenant_id = %(t)s AND customer_id = %(u)s"
                           " ORDER BY ordered_at DESC, order_id DESC",
        "orders_pkey": "orders WHERE facility_id = %(f)s AND order_id = %(u)s",
        "order_lines_pkey": "order_lines WHERE facility_id = %(f)s AND order_id = %(u)s",
        "inventory_levels_facility": "inventory_levels WHERE facility_id = %(f)s AND product_id > %(u)s"
                                     " ORDER BY product_id",
        "inventory_levels_low": "inventory_levels WHERE facility_id = %(f)s AND below_reorder AND product_id > %(u)s"
                                " ORDER BY product_id",
        "products_tenant_id_sku_key": "products WHERE tenant_id = %(t)s AND sku > 'FOO' ORDER BY sku",
        "production_runs_status": "production_runs WHERE facility_id = %(f)s AND status = 'scheduled'"
                                  " ORDER BY planned_start DESC, run_id DESC",
        "order_statuses_facility": "order_statuses WHERE facility_id = %(f)s AND order_id < %(u)s"
                                   " ORDER BY order_id DESC",
    }

    def test_keyset_pages(self):
        conn = pg.connect("blue", "gw_read", FOO, LA)
        all_rows(conn, "SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off")
        args = {"f": LA, "t": FOO, "u": "01990000-0000-7000-8000-000000000000"}
        for index, page in self.PAGES.items():
            plan = "\n".join(r[0] for r in all_rows(conn, f"EXPLAIN SELECT * FROM {page} LIMIT 50", args))
            self.assertIn(f" {index}", plan, page)
            line = plan[plan.index(f" {index}"):]
            self.assertIn("Index Cond", line[:line.find("Filter")] if "Filter" in line else line, plan)


    def test_searches_may_use_theirs(self):
        """gin is a matter of size; that it may be used at all is a matter of these marks."""
        conn = pg.connect("blue")
        for function in ("texticlike(text,text)", "textlike(text,text)", "numeric_lt(numeric,numeric)", "enum_eq(anyenum,anyenum)",
                         "ts_match_vq(tsvector,tsquery)"):
            self.assertTrue(value(conn, "SELECT proleakproof FROM pg_proc WHERE oid = %s::regprocedure", (function,)), function)


class Writes(unittest.TestCase):
    """create_order and its like, as gw_write."""

    def setUp(self):
        self.conn = pg.connect("la", "gw_write", FOO, LA)
        self.customer = value(self.conn, "SELECT customer_id::text FROM customers WHERE NOT credit_hold ORDER BY code LIMIT 1")
        self.product = value(self.conn, "SELECT product_id::text FROM products ORDER BY sku LIMIT 1")
        self.serial = time.monotonic_ns()

    def key(self):
        self.serial += 1
        return f"k{self.serial}"

    def input(self, **change):
        made = {"facilityId": LA, "customerId": f"Customer~us-east~~{self.customer}", "currency": "USD", "key": self.key(),
                "lines": [{"productId": f"Product~~~{self.product}", "qty": "500"},
                          {"productId": self.product, "qty": 2, "unitPrice": "0.1003"}]}
        made.update(change)
        return made

    def call(self, function, conn=None, **arguments):
        return value(conn or self.conn, f"SELECT {function}(%s::jsonb)", (json.dumps(arguments),))

    def order(self, **change):
        return self.call("create_order", **self.input(**change))

    def test_an_order_is_what_was_asked(self):
        answer = self.order()
        self.assertEqual((answer["errors"], answer["acceptedBy"], answer["replicated"]), ([], "EDGE", False))
        uuid = answer["order"]["id"].split("~")[3]
        self.assertEqual(answer["order"]["id"], f"Order~us-east~{LA}~{uuid}")
        row = all_rows(self.conn, "SELECT status, version, total_amount, (SELECT sum(qty_ordered * unit_price) FROM order_lines l"
                                  " WHERE l.order_id = o.order_id), order_no FROM orders o WHERE order_id = %s", (uuid,))[0]
        self.assertEqual((row[0], row[1], row[2]), ("confirmed", 1, row[3]))
        self.assertRegex(row[4], r"^LA-001-\d{7}$")
        self.assertEqual(value(self.conn, "SELECT status FROM order_statuses WHERE order_id = %s", (uuid,)), "confirmed")

    def test_a_key_makes_one_order(self):
        wanted = self.input()
        first = self.call("create_order", **wanted)
        self.assertEqual(self.call("create_order", **wanted), first)
        other = self.call("create_order", **dict(wanted, currency="EUR"))
        self.assertEqual(other["errors"][0]["field"], ["key"])
        self.assertIsNone(other["order"])

    def test_one_key_from_many_at_once(self):
        wanted, answers = self.input(), []

        def send():
            conn = pg.connect("la", "gw_write", FOO, LA)
            answers.append(self.call("create_order", conn, **wanted)["order"]["id"])
        threads = [threading.Thread(target=send) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual((len(answers), len(set(answers))), (8, 1))

    def test_another_tenant_may_use_the_same_key(self):
        wanted = self.input()
        self.call("create_order", **wanted)
        bar = pg.connect("la", "gw_write", BAR, LA)
        answer = self.call("create_order", bar, **wanted)
        self.assertNotIn("key", str(answer["errors"]))

    def test_what_is_refused(self):
        held = value(pg.connect("la"), "SELECT customer_id::text FROM customers WHERE tenant_id = %s AND credit_hold LIMIT 1", (FOO,))
        line = {"productId": self.product, "qty": "1"}
        for change, code, path in (
                ({"customerId": held}, "CREDIT_HOLD", ["customerId"]),
                ({"customerId": "Order~us-east~~" + self.customer}, "VALIDATION", ["customerId"]),
                ({"customerId": "' OR 1=1"}, "VALIDATION", ["customerId"]),
                ({"currency": "XXX"}, "VALIDATION", ["currency"]),
                ({"facilityId": "facility-boston-001"}, "VALIDATION", ["facilityId"]),
                ({"key": ""}, "VALIDATION", ["key"]),
                ({"lines": []}, "VALIDATION", ["lines"]),
                ({"lines": [line] * 501}, "VALIDATION", ["lines"]),
                ({"lines": [line, dict(line, productId="x")]}, "VALIDATION", ["lines", "1", "productId"]),
                ({"lines": [dict(line, qty="0")]}, "VALIDATION", ["lines", "0", "qty"]),
                ({"lines": [dict(line, qty="1.00001")]}, "VALIDATION", ["lines", "0", "qty"]),
                ({"lines": [dict(line, qty="1e3")]}, "VALIDATION", ["lines", "0", "qty"]),
                ({"lines": [dict(line, unitPrice="-1")]}, "VALIDATION", ["lines", "0", "unitPrice"])):
            before = value(self.conn, "SELECT count(*) FROM order_lines")
            wanted = self.input(**change)
            answer = self.call("create_order", **wanted)
            self.assertEqual((answer["errors"][0]["code"], answer["errors"][0]["field"]), (code, path), answer)
            self.assertIsNone(answer["order"])
            self.assertEqual(value(self.conn, "SELECT count(*) FROM order_lines"), before)
            self.assertEqual(value(self.conn, "SELECT count(*) FROM idempotency WHERE key = %s", (wanted["key"],)), 0)

    def test_an_orders_way(self):
        order = self.order()["order"]["id"]
        for version, status in enumerate(("IN_PRODUCTION", "SHIPPED", "DELIVERED"), 1):
            stale = self.call("update_order_status", id=order, status=status, expectedVersion=version + 7, key=self.key())
            self.assertEqual((stale["errors"][0]["code"], stale["order"]["id"]), ("STALE_VERSION", order))
            done = self.call("update_order_status", id=order, status=status, expectedVersion=version, key=self.key())
            self.assertEqual(done["errors"], [])
        uuid = order.split("~")[3]
        self.assertEqual(all_rows(self.conn, "SELECT status, version, delivered_at IS NOT NULL FROM orders WHERE order_id = %s",
                                  (uuid,)), [("delivered", 4, True)])
        self.assertEqual(all_rows(self.conn, "SELECT qty, delivered_at IS NOT NULL FROM shipments WHERE order_id = %s", (uuid,)),
                         [(502, True)])
        back = self.call("update_order_status", id=order, status="CONFIRMED", expectedVersion=4, key=self.key())
        self.assertEqual(back["errors"][0]["code"], "VALIDATION")

    def test_a_correction_goes_forward(self):
        order = self.order()["order"]["id"]
        arguments = {"id": order, "field": "priority", "value": "5", "reason": "keyed wrong", "expectedVersion": 1}
        self.assertEqual(self.call("correct_order", **dict(arguments, reason=" "), key=self.key())["errors"][0]["field"], ["reason"])
        self.assertEqual(self.call("correct_order", **arguments, key=self.key())["errors"], [])
        self.assertEqual(all_rows(self.conn, "SELECT field, old_value, new_value FROM order_corrections WHERE order_id = %s",
                                  (order.split("~")[3],)), [("priority", "3", "5")])
        again = self.call("correct_order", **arguments, key=self.key())
        self.assertEqual(again["errors"][0]["code"], "STALE_VERSION")

    def test_stock_moves_by_its_log_and_not_below_zero(self):
        product, have = all_rows(self.conn, "SELECT product_id::text, available FROM inventory_levels ORDER BY available DESC LIMIT 1")[0]
        done = self.call("adjust_inventory", facilityId=LA, productId=product, delta="-3.5", reason="count", key=self.key())
        self.assertEqual(done["level"]["id"], f"InventoryLevel~us-east~{LA}~{product}")
        self.assertEqual(value(self.conn, "SELECT available FROM inventory_levels WHERE product_id = %s", (product,)), float(have) - 3.5)
        short = self.call("adjust_inventory", facilityId=LA, productId=product, delta=f"-{have}", reason="count", key=self.key())
        self.assertEqual(short["errors"][0]["code"], "INSUFFICIENT_STOCK")

    def test_inspections(self):
        run = value(self.conn, "SELECT run_id::text FROM production_runs LIMIT 1")
        wanted = {"facilityId": LA, "runId": run, "type": "final", "sampleSize": 100}
        self.assertEqual(self.call("record_inspection", **wanted, defects=1, key=self.key())["errors"], [])
        self.assertEqual(self.call("record_inspection", **wanted, defects=101, key=self.key())["errors"][0]["field"], ["defects"])

    def test_master_data_is_written_where_it_is_live(self):
        blue = pg.connect("blue", "gw_write", FOO)
        wanted = {"code": f"NEW-{self.serial}", "name": "New Foods", "country": "US", "key": self.key()}
        made = self.call("upsert_customer", blue, **wanted)
        self.assertEqual((made["errors"], made["acceptedBy"]), ([], "REGIONAL"))
        self.assertEqual(self.call("upsert_customer", blue, **wanted), made)
        twice = self.call("upsert_customer", blue, **dict(wanted, key=self.key()))
        self.assertEqual(twice["errors"][0]["field"], ["code"])
        price = self.call("set_product_price", blue, productId=self.product, currency="USD", validFrom="2026-01-01",
                          unitPrice="9.99", customerId=made["customer"]["id"], key=self.key())
        self.assertEqual(price["errors"], [])
        with self.assertRaises(psycopg2.Error) as refused:
            self.call("upsert_customer", pg.connect("green", "gw_write", FOO), **dict(wanted, key=self.key()))
        self.assertEqual(refused.exception.pgcode, "MR001")
        all_rows(blue, "SELECT set_config('app.epoch', '99', false)")
        with self.assertRaises(psycopg2.Error):
            self.call("upsert_customer", blue, **dict(wanted, key=self.key()))


class Derived(unittest.TestCase):
    """Triggers and partitions, fired as apply fires them (session_replication_role = replica)."""

    ORDER = ("INSERT INTO orders (facility_id, order_id, tenant_id, order_no, customer_id, status, currency, fx_usd,"
             " total_amount, ordered_at) VALUES (%s, %s, %s, %s, uuid_v7(), 'confirmed', 'USD', 1, 10, {})")

    def setUp(self):
        self.conn = pg.connect("blue")
        all_rows(self.conn, "SET session_replication_role = replica; SET search_path = public; DELETE FROM rollup_dirty")
        self.uuid = value(self.conn, "SELECT uuid_v7()::text")

    def dirty(self):
        return [row[0] for row in all_rows(self.conn, "SELECT round(extract(epoch FROM date_trunc('hour', now()) - hour) / 3600)::int"
                                                      " FROM rollup_dirty WHERE facility_id = %s ORDER BY hour", (LA,))]

    def insert(self, when):
        all_rows(self.conn, self.ORDER.format(when), (LA, self.uuid, FOO, self.uuid))

    def test_rows_on_time_mark_nothing(self):
        self.insert("now()")
        all_rows(self.conn, "UPDATE orders SET status = 'in_production', version = 2 WHERE order_id = %s", (self.uuid,))
        all_rows(self.conn, "INSERT INTO production_logs SELECT facility_id, uuid_v7(), run_id, equipment_id, tenant_id,"
                            " product_id, now(), 1, 0, 0, 1 FROM production_logs WHERE facility_id = %s LIMIT 1", (LA,))
        self.assertEqual(self.dirty(), [])
        self.assertEqual(value(self.conn, "SELECT status FROM order_statuses WHERE order_id = %s", (self.uuid,)), "in_production")

    def test_a_late_order_touches_every_hour_since(self):
        self.insert("now() - interval '3 hours'")
        self.assertEqual(self.dirty(), [3, 2, 1])
        all_rows(self.conn, "DELETE FROM rollup_dirty")
        all_rows(self.conn, "UPDATE orders SET delivered_at = now() - interval '2 hours' WHERE order_id = %s", (self.uuid,))
        self.assertEqual(self.dirty(), [2, 1])

    def test_a_mark_made_again_is_newer(self):
        self.insert("now() - interval '1 hour'")
        first = value(self.conn, "SELECT marked_at FROM rollup_dirty")
        all_rows(self.conn, "UPDATE orders SET total_amount = 11 WHERE order_id = %s", (self.uuid,))
        self.assertGreater(value(self.conn, "SELECT marked_at FROM rollup_dirty"), first)

    def test_a_late_interval_touches_its_hours(self):
        all_rows(self.conn, "INSERT INTO equipment_status_log (facility_id, log_id, equipment_id, tenant_id, status, started_at,"
                            " ended_at) VALUES (%s, %s, uuid_v7(), %s, 'setup', now() - interval '4 hours', now() - interval '3 hours')",
                 (LA, self.uuid, FOO))
        self.assertEqual(self.dirty(), [4, 3])
        all_rows(self.conn, "DELETE FROM rollup_dirty")
        all_rows(self.conn, "UPDATE equipment_status_log SET ended_at = now() - interval '2 hours' WHERE log_id = %s", (self.uuid,))
        self.assertEqual(self.dirty(), [3, 2])

    def test_an_hour_without_a_partition_is_kept_and_moved(self):
        copy = ("INSERT INTO production_logs SELECT facility_id, %s, run_id, equipment_id, tenant_id, product_id,"
                " now() - interval '40 days', 1, 0, 0, 1 FROM production_logs LIMIT 1")
        all_rows(self.conn, copy, (self.uuid,))
        where = "SELECT tableoid::regclass::text FROM production_logs WHERE log_id = %s"
        self.assertEqual(value(self.conn, where, (self.uuid,)), "production_logs_other")
        value(self.conn, "SELECT ensure_day_partition('production_logs', 'logged_at', (now() - interval '40 days')::date)")
        self.assertRegex(value(self.conn, where, (self.uuid,)), r"^production_logs_\d{8}$")
        self.assertEqual(value(self.conn, "SELECT drop_partitions('production_logs', 30)"), 1)


class Replication(unittest.TestCase):
    """Blue and green: the outbox both ways, in real apply workers."""

    @classmethod
    def setUpClass(cls):
        for here in ("blue", "green"):
            conn = pg.connect(here)
            all_rows(conn, f"CREATE PUBLICATION peer FOR TABLE outbox WHERE (env = '{here}')")
            all_rows(conn, f"SELECT pg_create_logical_replication_slot('peer_{here}', 'pgoutput')")
        for here, peer in (("blue", "green"), ("green", "blue")):
            conn = pg.connect(here)
            all_rows(conn, f"CREATE SUBSCRIPTION peer CONNECTION '{pg.dsn(peer)}' PUBLICATION peer"
                           f" WITH (copy_data = false, create_slot = false, slot_name = 'peer_{peer}')")
            all_rows(conn, "ALTER ROLE repl SUPERUSER; ALTER SUBSCRIPTION peer OWNER TO repl; ALTER ROLE repl NOSUPERUSER")

    @classmethod
    def tearDownClass(cls):
        for here in ("blue", "green"):
            all_rows(pg.connect(here), "ALTER SUBSCRIPTION peer DISABLE")
            all_rows(pg.connect(here), "ALTER SUBSCRIPTION peer SET (slot_name = NONE)")
            all_rows(pg.connect(here), "DROP SUBSCRIPTION peer")

    def tearDown(self):
        for here in ("blue", "green"):
            self.assertEqual(value(pg.connect(here), "SELECT sum(apply_error_count) FROM pg_stat_subscription_stats"), 0)

    def eventually(self, what, check):
        end = time.monotonic() + 20
        while not check():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.02)

    def test_the_outbox_runs_both_ways_without_echo(self):
        sql = ("UPDATE customers SET name = %s, updated_at = now() WHERE tenant_id = %s AND code ="
               " (SELECT min(code) FROM customers WHERE tenant_id = %s)")
        read = "SELECT name FROM customers WHERE tenant_id = %s ORDER BY code LIMIT 1"
        for n in range(6):
            here, peer = ("blue", "green") if n % 2 == 0 else ("green", "blue")
            all_rows(pg.connect(here), sql, (f"Name {n}", FOO, FOO))
            self.eventually("the peer never got the change", lambda: value(pg.connect(peer), read, (FOO,)) == f"Name {n}")

    STATUS = "SELECT live_env, state, epoch::int FROM region_status WHERE region = 'us-east'"
    WRITE = "SELECT upsert_customer(jsonb_build_object('code', %s::text, 'name', 'Moved', 'key', %s::text)) -> 'errors' = '[]'"

    def epoch(self):
        return all_rows(pg.connect("blue"), self.STATUS)[0][2]

    def live(self, wanted):
        self.eventually(f"both never became {wanted}", lambda: all(
            all_rows(pg.connect(name), self.STATUS) == [wanted] for name in ("blue", "green")))

    def test_the_fence_moves_behind_every_write(self):
        blue, green = pg.connect("blue", "fence"), pg.connect("green", "fence")
        first = self.epoch()
        all_rows(pg.connect("green"), "ALTER SUBSCRIPTION peer DISABLE")
        writer = pg.connect("blue", "gw_write", FOO)
        for n in range(20):
            self.assertTrue(value(writer, self.WRITE, (f"MV-{n}", f"mv-{n}")))
        self.assertEqual(value(blue, "SELECT fence_move('green', %s, 'promote', 'test', 3600)", (first,)), first + 1)
        for env in ("blue", "green"):   # fenced here, not open there: nobody takes writes
            with self.assertRaises(psycopg2.Error) as refused:
                value(pg.connect(env, "gw_write", FOO), self.WRITE, ("MV-X", "mv-x"))
            self.assertEqual(refused.exception.pgcode, "MR001")
        self.assertEqual(all_rows(pg.connect("blue"), self.STATUS), [("green", "green_validating", first + 1)])
        self.assertEqual(all_rows(pg.connect("green"), self.STATUS), [("blue", "blue_live", first)])
        all_rows(pg.connect("green"), "ALTER SUBSCRIPTION peer ENABLE")
        self.live(("green", "green_live_stabilising", first + 1))
        self.assertEqual(value(pg.connect("green"), "SELECT count(*) FROM customers WHERE code LIKE 'MV-%%'"), 20)
        again = pg.connect("green", "gw_write", FOO)
        self.assertTrue(value(again, self.WRITE, ("MV-3", "mv-3")), "a key that blue knew")
        self.assertEqual(value(pg.connect("green"), "SELECT count(*) FROM customers WHERE code LIKE 'MV-%%'"), 20)
        with self.assertRaises(psycopg2.Error) as refused:
            value(blue, "SELECT fence_move('green', %s, 'promote', 'test', 3600)", (first + 1,))
        self.assertEqual(refused.exception.pgcode, "MR002")
        with self.assertRaises(psycopg2.Error) as refused:
            value(green, "SELECT fence_move('blue', %s, 'rollback', 'test', 0)", (first,))
        self.assertEqual(refused.exception.pgcode, "MR002")
        self.assertEqual(value(green, "SELECT fence_move('blue', %s, 'rollback', 'test', 0)", (first + 1,)), first + 2)
        self.live(("blue", "blue_live", first + 2))
        moves = f"SELECT epoch::int, previous_env, live_env, kind FROM cutovers WHERE epoch > {first} ORDER BY epoch"
        for env in ("blue", "green"):
            self.eventually("the log", lambda: all_rows(pg.connect(env), moves) == [
                (first + 1, "blue", "green", "promote"), (first + 2, "green", "blue", "rollback")])

    def test_a_move_waits_for_writes_under_way_and_later_ones_see_it(self):
        epoch = self.epoch()
        early = pg.connect("blue", "gw_write", FOO)
        early.autocommit = False
        all_rows(early, "SELECT set_config('app.tenant_id', %s, true)", (FOO,))
        self.assertTrue(value(early, self.WRITE, ("EARLY", "early")))
        box = []
        move = threading.Thread(target=lambda: box.append(value(
            pg.connect("blue", "fence"), "SELECT fence_move('green', %s, 'promote', 'test', 0)", (epoch,))))
        move.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        self.eventually("the move never waited", lambda: value(pg.connect("blue"), waiting) == 1)

        def late():
            try:
                value(pg.connect("blue", "gw_write", FOO), self.WRITE, ("LATE", "late"))
            except psycopg2.Error as refused:
                box.append(refused.pgcode)
        writer = threading.Thread(target=late)
        writer.start()
        self.eventually("the late write never waited", lambda: value(pg.connect("blue"), waiting) == 2)
        early.commit()
        move.join()
        writer.join()
        self.assertEqual(box, [epoch + 1, "MR001"])
        self.live(("green", "green_live_stabilising", epoch + 1))
        self.assertEqual(value(pg.connect("green"), "SELECT count(*) FROM customers WHERE code IN ('EARLY', 'LATE')"), 1)
        for env in ("blue", "green"):
            all_rows(pg.connect(env, "ops"), "SELECT region_beat()")
        self.live(("green", "green_live", epoch + 1))
        value(pg.connect("green", "fence"), "SELECT fence_move('blue', %s, 'rollback', 'test', 0)", (epoch + 1,))
        self.live(("blue", "blue_live", epoch + 2))

    def test_a_region_whose_live_environment_is_lost_goes_on_by_force(self):
        epoch = self.epoch()
        all_rows(pg.connect("blue"), "ALTER SUBSCRIPTION peer DISABLE")   # it hears nothing
        self.assertEqual(value(pg.connect("green", "ops"), "SELECT fence_force('test')"), epoch + 1)
        self.assertTrue(value(pg.connect("green", "gw_write", FOO), self.WRITE, ("FORCED", "forced")))
        self.assertEqual(value(pg.connect("green", "ops"), "SELECT fence_force('test')"), None, "it is live already")
        self.assertEqual(all_rows(pg.connect("blue"), self.STATUS), [("blue", "blue_live", epoch)])
        all_rows(pg.connect("blue"), "ALTER SUBSCRIPTION peer ENABLE")
        self.live(("green", "green_live", epoch + 1))
        value(pg.connect("green", "fence"), "SELECT fence_move('blue', %s, 'promote', 'test', 0)", (epoch + 1,))
        self.live(("blue", "blue_live_stabilising", epoch + 2))
        all_rows(pg.connect("blue", "ops"), "SELECT region_beat()")
        self.live(("blue", "blue_live", epoch + 2))

    def test_what_was_moved_by_hand_stops_nobody(self):
        epoch = self.epoch() + 1
        for env in ("blue", "green"):
            all_rows(pg.connect(env), "UPDATE region_status SET epoch = %s, state = 'blue_live_stabilising', stable_at = now()"
                                      " WHERE region = 'us-east'", (epoch,))
        all_rows(pg.connect("blue", "ops"), "SELECT region_beat()")   # told to green, though no cutover has this epoch
        self.live(("blue", "blue_live", epoch))

    def test_the_role_of_the_fence_can_do_nothing_else(self):
        conn = pg.connect("blue", "fence")
        for sql in ("SELECT * FROM region_status", "UPDATE region_status SET epoch = 99", "SELECT * FROM outbox", "SELECT * FROM orders",
                    "SELECT fence_hear('green', '{}')", "SELECT fence_tell()", "SELECT fence_force('x')"):
            with self.assertRaises(psycopg2.errors.InsufficientPrivilege):
                all_rows(conn, sql)
        for role in ("gw_read", "gw_write", "rollup", "ops"):
            with self.assertRaises(psycopg2.errors.InsufficientPrivilege):
                value(pg.connect("blue", role), "SELECT fence_move('green', 1, 'promote', 'x', 0)")


class Data(unittest.TestCase):
    """Generated rows agree with each other; each query counts what does not. Runs first (classes run by name),
    before others write."""

    WRONG = {
        "total is not the sum of lines": "orders o WHERE total_amount <> (SELECT sum(line_amount) FROM order_lines l"
                                         " WHERE l.facility_id = o.facility_id AND l.order_id = o.order_id)",
        "stock is not the sum of its log": "inventory_levels l WHERE region = 'us-east' AND on_hand <> (SELECT sum(qty) FROM"
                                           " inventory_transactions t WHERE (t.facility_id, t.product_id) = (l.facility_id, l.product_id))",
        "stock below zero": "inventory_levels WHERE on_hand < 0 OR allocated > on_hand",
        "run is not the sum of its logs": "production_runs r LEFT JOIN (SELECT facility_id, run_id, sum(good) g, sum(scrap) s,"
                                          " sum(rework) w FROM production_logs GROUP BY 1, 2) l USING (facility_id, run_id) WHERE"
                                          " (qty_good, qty_scrap, qty_rework) IS DISTINCT FROM"
                                          " (coalesce(g, 0), coalesce(s, 0), coalesce(w, 0))",
        "run began before its order": "production_runs r JOIN production_orders p USING (facility_id, production_order_id)"
                                      " JOIN orders o USING (facility_id, order_id) WHERE r.actual_start < o.ordered_at",
        "shipped before it was made": "shipments s JOIN production_orders p USING (facility_id, order_id)"
                                      " JOIN production_runs r USING (facility_id, production_order_id) WHERE s.shipped_at < r.actual_end",
        "delivered without a time": "orders WHERE (status = 'delivered') <> (delivered_at IS NOT NULL)",
        "machine in two states": "equipment_status_log a JOIN equipment_status_log b USING (facility_id, equipment_id) WHERE"
                                 " a.log_id < b.log_id AND tstzrange(a.started_at, a.ended_at) && tstzrange(b.started_at, b.ended_at)",
        "log outside productive time": "production_logs l LEFT JOIN equipment_status_log s ON s.facility_id = l.facility_id AND"
                                       " s.equipment_id = l.equipment_id AND s.status = 'productive' AND s.started_at <= l.logged_at"
                                       " AND coalesce(s.ended_at, 'infinity') > l.logged_at WHERE s.log_id IS NULL AND"
                                       " l.facility_id = 'facility-la-001' AND l.logged_at > now() - interval '2 days'",
        "in the future": "orders WHERE greatest(ordered_at, delivered_at, cancelled_at) > now()",
        "row in the default partition": "production_logs_other",
    }

    def test_rows_agree(self):
        conn = pg.connect("blue")
        for what, source in self.WRONG.items():
            self.assertEqual(value(conn, f"SELECT count(*) FROM {source}"), 0, what)

    def test_it_is_worth_looking_at(self):
        conn = pg.connect("blue")
        self.assertEqual(value(conn, "SELECT count(DISTINCT status) FROM orders"), 5)
        self.assertGreater(value(conn, "SELECT count(*) FROM inventory_levels WHERE below_reorder AND region = 'us-east'"), 3)
        self.assertGreater(value(conn, "SELECT count(*) FROM orders WHERE delivered_at > promised_at"), 20)
        self.assertGreater(value(conn, "SELECT count(*) FROM orders WHERE delivered_at IS NULL AND cancelled_at IS NULL"
                                       " AND promised_at < now()"), 3)
        self.assertEqual(value(conn, "SELECT count(*) FROM rollup_dirty"), 0)

    def test_the_same_seed_makes_the_same_bytes(self):
        made = []
        for n in range(2):
            folder = os.path.join(pg.dir, f"again{n}")
            subprocess.run([sys.executable, os.path.join(DATA, "generate.py"), "--out", folder, "--seed", "3", "--anchor",
                            "2026-01-15T12:00:00Z"], check=True)
            made.append(digest(folder))
        self.assertEqual(made[0], made[1])


if __name__ == "__main__":
    if not os.path.exists(os.path.join(BIN, "postgres")):
        print("skipped: no Postgres 15 in", BIN)
        sys.exit(77)
    unittest.main()
