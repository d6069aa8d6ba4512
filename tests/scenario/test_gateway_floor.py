# SPDX-License-Identifier: MIT
"""The shop floor with nothing else in the world: the facility's own gateway and database answer alone. What an edge
can reach at all is its region, so the region's databases, every other gateway, the caches and the workers are killed and
the link is cut; the databases of other regions are left, to save the minute of their recovery."""
from gateway_kit import FLOOR, FOO, LA, NEW_ORDER, STOCK, decimals, good, order_input, start_again, stop_all, worker
from lib import equal

NODES = ["db:us-east-blue", "db:us-east-green", f"db:{LA}", f"gateway:{LA}", "gateway:us-east"]


def _floor(fleet):
    answer = fleet.graphql(LA, FLOOR, {"f": LA}, worker(fleet, facilities=[LA]))
    found = good(answer)
    machines = fleet.sql(LA, "select e.code, upper(e.status), r.qty_good::text, r.qty_scrap::text from equipment e left join "
                         "lateral (select * from production_runs r where r.facility_id = e.facility_id and r.equipment_id = "
                         "e.equipment_id and r.status = 'in_progress' order by r.actual_start desc limit 1) r on true "
                         "where e.tenant_id = %s order by e.code", (FOO,))
    got = [(one["code"], one["status"], *((run["qtyGood"], run["qtyScrap"]) if (run := one["currentRun"]) else (None, None)))
           for one in found["equipment"]]
    assert got, "no equipment"
    equal(decimals(got), decimals(machines), "equipment")
    equal({(one["dataFreshness"]["isStale"], one["dataFreshness"]["servedBy"]) for one in found["equipment"]},
          {(False, "EDGE")}, "the edge is the truth")
    runs = fleet.value(LA, "select count(*) from production_runs where tenant_id = %s and status in ('in_progress', "
                           "'scheduled')", (FOO,))
    equal(len(found["productionRuns"]["edges"]), min(runs, 20), "runs")
    told = answer.extensions["freshness"]
    equal((told["stale"], told["warnings"]), (False, []), "freshness")
    equal({(source["tier"], source["facility"]) for source in told["sources"]}, {("edge", LA)}, "sources")


def scenario_the_floor_answers_with_every_other_node_stopped(fleet):
    _floor(fleet)
    others = [node for node in fleet.wanted if node != f"gateway:{LA}" and (not node.startswith("db:") or "us-east" in node)]
    fleet.link(LA, "us-east", "down")
    stop_all(fleet, others)
    try:
        equal([node for node in others if fleet.pid(node)], [], "nodes that still run")
        _floor(fleet)
        rows = good(fleet.graphql(LA, STOCK, {"f": LA}, worker(fleet)))["inventoryLevels"]["edges"]
        assert rows and all(row["node"]["dataFreshness"]["servedBy"] == "EDGE" for row in rows)
        equal(fleet.http(LA, "GET", "/ready", listener="http").status, 200, "ready")
        made = good(fleet.graphql(LA, NEW_ORDER, {"i": order_input(fleet, key="floor-alone")}, worker(fleet)))["createOrder"]
        equal((made["errors"], made["acceptedBy"], made["replicated"]), ([], "EDGE", False), "an order taken offline")
    finally:
        fleet.link(LA, "us-east", "up")
        start_again(fleet)
