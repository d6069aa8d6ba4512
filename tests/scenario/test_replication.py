# SPDX-License-Identifier: MIT
"""What each database of the three tiers comes to hold, and what must never reach it."""
import time
import uuid

from fleet import layout, replication
from lib import equal, eventually

NODES = [f"db:{name}" for name in layout.DATABASES]
EVERY_REGION = [name for region in layout.REGIONS for name in layout.environments_of(region)]


def _keys(count):
    return [str(uuid.uuid4()) for _ in range(count)]


def scenario_orders_of_an_edge_reach_both_colours_and_the_replicas(fleet):
    ids = set(fleet.create_orders("facility-la-001", _keys(5)).values())
    for database in ("us-east-blue", "us-east-green", "us-east-blue-r1", "us-east-blue-r2"):
        eventually(lambda: equal(fleet.orders_at(database, ids), ids, f"orders at {database}"))
    for database in ("eu-central-blue", "apac-blue", "facility-newyork-001"):
        equal(fleet.orders_at(database, ids), set(), f"orders at {database}")


def scenario_order_status_crosses_the_border_and_nothing_else_of_an_order(fleet):
    ids = list(fleet.create_orders("facility-frankfurt-001", _keys(1)).values())
    for database in EVERY_REGION:
        eventually(lambda: equal(fleet.sql(database, "select region, status from order_statuses where order_id = %s",
                                           ids), [("eu-central", "confirmed")], f"order status at {database}"))
    equal(fleet.orders_at("us-east-blue", ids), set(), "resident rows abroad")


def scenario_a_neighbours_stock_has_no_cost(fleet):
    for database in ("us-east-blue", "us-east-green"):
        rows = fleet.sql(database, "select count(*), count(unit_cost) from inventory_levels where region = 'eu-central'")
        assert rows[0][0] > 0 and rows[0][1] == 0, f"{database}: {rows}"
    fleet.sql("facility-london-001", "update inventory_levels set on_hand = on_hand + 7, last_updated = now() "
                                     "where product_id = (select min(product_id::text)::uuid from inventory_levels)")
    wanted = fleet.sql("facility-london-001", "select product_id, on_hand from inventory_levels order by 1 limit 1")
    for database in ("eu-central-blue", "eu-central-green", "us-east-blue", "apac-green"):
        eventually(lambda: equal(fleet.sql(
            database, "select product_id, on_hand from inventory_levels where facility_id = 'facility-london-001' "
                      "order by 1 limit 1"), wanted, f"London's stock at {database}"))


def scenario_master_data_flows_down_to_the_tenants_own_edges(fleet):
    name = f"Renamed {uuid.uuid4()}"
    ((customer,),) = fleet.sql("us-east-blue", "update customers set name = %s where tenant_id = 'tenant-foo-inc' and "
                               "code = (select min(code) from customers where tenant_id = 'tenant-foo-inc') "
                               "returning customer_id", (name,))
    count = "select count(*) from customers where name = %s"
    for database in ("us-east-green", "us-east-blue-r1", "facility-la-001", "facility-newyork-001"):
        eventually(lambda: equal(fleet.value(database, count, (name,)), 1, f"customer {customer} at {database}"))
    for database in ("facility-boston-001", "eu-central-blue", "apac-blue"):   # another tenant's; other regions
        equal(fleet.value(database, count, (name,)), 0, f"customer {customer} at {database}")


def scenario_a_master_row_written_in_green_reaches_blue_once(fleet):
    key = f"scenario-{uuid.uuid4()}"
    fleet.sql("us-east-green", "insert into system_configuration (tenant_id, key, value) values ('tenant-foo-inc', %s, '1')",
              (key,))
    for database in ("us-east-blue", "facility-la-001", "eu-central-green"):
        eventually(lambda: equal(fleet.value(database, "select count(*) from system_configuration where key = %s", (key,)),
                                 1, f"configuration at {database}"))
    equal(fleet.value("us-east-blue", "select count(*) from outbox where row ->> 'key' = %s", (key,)), 1, "no echo")


def scenario_a_heartbeat_of_an_edge_is_seen_in_every_region(fleet):
    began = fleet.value("apac-green", "select seq from heartbeat where facility_id = 'facility-boston-001'")

    def newer():
        seen = fleet.value("apac-green", "select seq from heartbeat where facility_id = 'facility-boston-001'")
        assert seen > began + 1, f"heartbeat {seen} after {began}"
    eventually(newer)


def scenario_retention_at_an_edge_keeps_the_regions_history(fleet):
    def logs(database):
        return fleet.value(database, "select count(*) from production_logs where facility_id = 'facility-boston-001'")
    before = logs("us-east-green")
    assert fleet.value("facility-boston-001", "select drop_partitions('production_logs', 3)") > 0
    for flow in fleet.flows():
        if flow.origin == "facility-boston-001":
            replication.wait_until_applied(flow)
    assert logs("facility-boston-001") < before
    assert logs("us-east-green") >= before, "the region lost what the edge dropped"


def scenario_no_flow_is_stalled(fleet):
    databases = [name for name in layout.DATABASES if not layout.DB[name].primary and name != "analytics"]
    before = {name: replication.apply_errors(name) for name in databases}
    time.sleep(1)   # a worker that cannot apply a row tries again every 200 ms, and counts
    equal({name: replication.apply_errors(name) for name in databases}, before, "errors of apply workers")
    replication.settle(layout.DATABASES)


def scenario_the_global_tier_has_no_column_of_a_person_or_an_order(fleet):
    columns = fleet.sql("analytics", "select table_name || '.' || column_name from information_schema.columns "
                                     "where table_schema = 'public'")
    wrong = [name for (name,) in columns if any(word in name for word in ("customer", "order_no", "order_id", "email",
                                                                          "phone", "contact"))]
    equal(wrong, [], "columns of the analytics database")
