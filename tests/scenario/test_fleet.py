# SPDX-License-Identifier: MIT
"""The fleet's own commands: a second `up`, status, the cutover of followers."""
import json
import uuid

from fleet import layout, local, replication
from lib import equal, eventually

NODES = ["db:us-east-blue", "db:us-east-green", "db:us-east-blue-r1", "db:us-east-blue-r2", "db:eu-central-blue",
         "db:facility-la-001"]


def scenario_a_second_up_reuses_what_is_there(fleet):
    before = {node: fleet.pid(node) for node in fleet.wanted}
    orders = fleet.value("us-east-blue", "select count(*) from orders")
    local.up("S", set(fleet.wanted), activity=False)
    equal({node: fleet.pid(node) for node in fleet.wanted}, before, "processes")
    assert fleet.value("us-east-blue", "select count(*) from orders") >= orders
    equal(replication.ensure([node[3:] for node in fleet.wanted if node.startswith("db:")]), 0, "subscriptions made anew")


def scenario_up_starts_what_was_stopped(fleet):
    fleet.dev("stop", "us-east-green")
    equal(fleet.pid("us-east-green"), None, "pid of a stopped database")
    local.up("S", set(fleet.wanted), activity=False)
    assert fleet.pid("us-east-green")


def scenario_status_is_what_scripts_read(fleet):
    facts = json.loads(fleet.dev("status", "--json").stdout)
    kept = json.loads((layout.STATE / "fleet.json").read_text())
    equal({key: facts[key] for key in kept}, kept, "status --json beside fleet.json")
    equal(sorted(facts["gateways"]), sorted(layout.GATEWAYS), "gateways")
    equal(sorted(facts["gateways"]["us-east"]), ["admin", "http", "https"], "listeners")
    equal(sorted(facts["postgres"]), sorted(layout.DATABASES), "databases")
    equal(facts["portBase"], layout.BASE, "port base")
    assert facts["ca"].endswith(".crt") and len(facts["memcached"]) == 4
    equal([flow for flow in facts["replication"] if not flow.get("active")], [], "flows that are not active")


def scenario_a_commit_in_us_east_waits_for_one_replica(fleet):
    rows = fleet.sql("us-east-blue", "select application_name, sync_state from pg_stat_replication "
                                     "where application_name like 'us_east_blue_r%%' order by 1", ())
    equal([state for _, state in rows], ["quorum", "quorum"], "replicas of us-east-blue")


def scenario_sql_runs_on_one_node(fleet):
    assert "us-east-blue" in fleet.dev("sql", "us-east-blue", "select name from node_self").stdout
    assert fleet.dev("sql", "us-east-blue", "select nonsense", check=False).returncode != 0


def scenario_followers_change_origin_at_a_cutover(fleet):
    names = [node[3:] for node in fleet.wanted if node.startswith("db:")]

    def renamed(at, name):
        fleet.sql(at, "update customers set name = %s where (tenant_id, customer_id) = (select tenant_id, customer_id "
                      "from customers where tenant_id = 'tenant-foo-inc' order by code limit 1)", (name,))
        for database in ("us-east-blue", "us-east-green", "facility-la-001"):
            eventually(lambda: equal(fleet.value(database, "select count(*) from customers where name = %s", (name,)), 1,
                                     f"customer at {database}"))

    def switch(environment, epoch, at_once):
        for database in ("us-east-blue", "us-east-green"):
            fleet.sql(database, "update region_status set live_env = %s, epoch = %s where region = 'us-east'",
                      (environment, epoch))
        if at_once:   # else the fleet's pulse sees it
            replication.follow("us-east", environment, names)
        followers = ("select count(*) from pg_replication_slots where active and "
                     "slot_name in ('facility_la_001', 'eu_central_blue')")
        eventually(lambda: equal(fleet.value(f"us-east-{environment}", followers), 2, f"followers of {environment}"))

    ((epoch,),) = fleet.sql("us-east-blue", "select epoch from region_status where region = 'us-east'")
    renamed("us-east-blue", f"Before {uuid.uuid4()}")
    switch("green", epoch + 1, False)
    renamed("us-east-green", f"On green {uuid.uuid4()}")
    switch("blue", epoch + 2, True)
    renamed("us-east-blue", f"Back on blue {uuid.uuid4()}")
