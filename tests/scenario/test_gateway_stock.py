# SPDX-License-Identifier: MIT
"""A worker far away reads a facility's stock: from the region that holds it, with the age of every row."""
import json

from gateway_kit import (BAR, FOO, FRANKFURT, LA, STOCK, US_EAST_DATABASES, ageless, codes, curl, decimals, good, metrics,
                         moved, parts, worker)
from lib import equal

NODES = [*US_EAST_DATABASES, f"db:{LA}", "gateway:us-east", f"gateway:{LA}", "db:eu-central-blue", f"db:{FRANKFURT}"]
READ_ONLY = True


def _rows(answer):
    return [edge["node"] for edge in good(answer)["inventoryLevels"]["edges"]]


def _truth(fleet, database, facility, tenant):
    return fleet.sql(database, "select p.sku, p.name, i.on_hand::text, i.available::text from inventory_levels i "
                     "join products p using (tenant_id, product_id) where i.facility_id = %s and i.tenant_id = %s "
                     "order by i.product_id limit 100", (facility, tenant))


def scenario_a_facilitys_stock_equals_its_regions_rows(fleet):
    for tenant in (FOO, BAR):
        rows = _rows(fleet.graphql("us-east", STOCK, {"f": LA}, worker(fleet, tenant, facilities=[LA])))
        got = [(row["product"]["sku"], row["product"]["name"], row["onHand"], row["available"]) for row in rows]
        assert got, f"no stock of {tenant}"
        equal(decimals(got), decimals(_truth(fleet, "us-east-blue", LA, tenant)), f"stock of {tenant}")


def scenario_stock_is_never_asked_of_the_edge(fleet):
    region, edge = parts(fleet, "us-east"), metrics(fleet, LA)["meridian_requests_total"]
    for _ in range(5):
        _rows(fleet.graphql("us-east", STOCK, {"f": LA}, worker(fleet)))
    asked = moved(region, parts(fleet, "us-east"))
    assert asked and asked <= {"us-east-blue", "us-east-blue-r1", "us-east-blue-r2"}, f"asked: {asked}"
    equal(metrics(fleet, LA)["meridian_requests_total"], edge, "requests at the edge")


def scenario_every_row_and_the_answer_say_how_fresh_they_are(fleet):
    answer = fleet.graphql("us-east", STOCK, {"f": LA}, worker(fleet))
    for row in _rows(answer):
        age = row["dataFreshness"].pop("ageSeconds")
        assert 0 <= age < 30, f"age {age}"
        assert row["dataFreshness"].pop("lastSync").endswith("Z")
        equal(row["dataFreshness"], {"isStale": False, "facilityOnline": True, "warning": None, "servedBy": "REGIONAL",
                                     "region": "US_EAST", "environment": "BLUE", "fromCache": False}, "row")
    told = answer.extensions["freshness"]
    equal((told["stale"], told["warnings"], len(told["sources"])), (False, [], 1), "freshness")
    (source,) = told["sources"]
    equal([source[key] for key in ("source", "tier", "region", "environment", "facility", "stale", "fromCache")],
          ["operations", "regional", "us-east", "blue", LA, False, False], "source")
    equal((told["asOf"], told["ageSeconds"]), (source["asOf"], source["ageSeconds"]), "the oldest")


def scenario_the_same_bytes_over_every_protocol(fleet):
    body = json.dumps({"query": STOCK, "variables": {"f": LA}}).encode()
    fields = {"authorization": f"Bearer {worker(fleet)}", "content-type": "application/json"}
    seen = {}
    for how, version in (("h2", "HTTP/2"), ("http1", "HTTP/1.1"), ("plain", "HTTP/1.1"), ("h2c", "HTTP/2")):
        answer = curl("us-east", how, body, fields)
        equal((answer.status, answer.version), (200, version), how)
        assert b'"onHand"' in answer.body
        seen[how] = ageless(answer.body)
    equal({text == seen["h2"] for text in seen.values()}, {True}, "same bytes")


def scenario_get_answers_as_post_does(fleet):
    post = fleet.graphql("us-east", STOCK, {"f": LA}, worker(fleet))
    get = fleet.graphql("us-east", STOCK, {"f": LA}, worker(fleet), method="GET")
    equal(get.status, 200, "status")
    equal(ageless(get.body), ageless(post.body), "answer")


def scenario_a_foreign_regions_stock_is_here_by_replication_and_its_orders_are_not(fleet):
    query = """query StockEU($f: ID!) { inventoryLevels(facilityId: $f, belowReorder: true) { edges { node { product { sku }
      available dataFreshness { warning region servedBy } } } } facility(id: $f) { id orders(first: 1) { totalCount } } }"""
    answer = fleet.graphql("us-east", query, {"f": FRANKFURT}, worker(fleet))
    equal((answer.status, codes(answer)), (200, ["DATA_RESIDENCY"]), "status and codes")
    rows = [edge["node"] for edge in answer.data["inventoryLevels"]["edges"]]
    wanted = fleet.sql("us-east-blue", "select p.sku, i.available::text from inventory_levels i join products p using "
                       "(tenant_id, product_id) where i.facility_id = %s and i.tenant_id = %s and i.below_reorder "
                       "order by i.product_id limit 50", (FRANKFURT, FOO))
    equal(decimals((row["product"]["sku"], row["available"]) for row in rows), decimals(wanted), "rows")
    assert rows and all(row["dataFreshness"]["region"] == "EU_CENTRAL" for row in rows), "no row, or of another region"
    (error,) = answer.errors
    equal(error["path"][:2], ["facility", "orders"], "path")
    assert error["extensions"]["entryPoint"].startswith("https://") and error["extensions"]["region"] == "eu-central"
    equal(answer.data["facility"], {"id": f"Facility~eu-central~{FRANKFURT}~", "orders": None}, "the facility beside its orders")


def scenario_the_code_and_the_node_id_name_the_same_facility(fleet):
    by_code = fleet.graphql("us-east", STOCK, {"f": LA}, worker(fleet))
    by_id = fleet.graphql("us-east", STOCK, {"f": f"Facility~us-east~{LA}~"}, worker(fleet))
    equal(_rows(by_id) != [], True, "rows")
    equal(ageless(by_id.body), ageless(by_code.body), "answer")
    (row,) = [row for row in good(fleet.graphql("us-east", "{ facilities { id code } }", None, worker(fleet)))["facilities"]
              if row["id"].split("~")[2] == LA]
    equal(ageless(fleet.graphql("us-east", STOCK, {"f": row["code"]}, worker(fleet)).body), ageless(by_code.body), "by its code")


def scenario_an_id_that_names_no_facility_is_refused_where_it_stands(fleet):
    for query, variables in ((STOCK, {"f": "%s"}),
                             ("query O($f: [ID!]!) { orders(facilityIds: $f) { edges { node { id } } } }", {"f": [LA, "%s"]}),
                             ("query F($f: ID!) { facility(id: $f) { code } }", {"f": "%s"})):
        for value in ("Facility~~~", "Facility~us-east~~", "Product~~~1", "~~~", "", "facility-nowhere-001", "Facility~x~y~z"):
            given = json.loads(json.dumps(variables).replace("%s", value))
            answer = fleet.graphql("us-east", query, given, worker(fleet))
            equal((codes(answer), answer.errors[0]["message"]), (["NOT_FOUND"], f"no facility {value}"), f"{query[:30]} {value}")
            at = answer.errors[0]["locations"][0]
            line = query.splitlines()[at["line"] - 1]
            assert line[at["column"] - 1:].startswith("facilityId" if "facilityId" in line else "id:"), answer.errors
