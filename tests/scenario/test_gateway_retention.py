# SPDX-License-Identifier: MIT
"""A question about a time that a place does not keep any more is asked of one that does, or refused: an edge keeps 30
days, a region two years. Never is an answer smaller because its rows are too old for whoever was asked."""
import json
import subprocess
from datetime import datetime, timedelta, timezone

from fleet import gateways, layout
from gateway_kit import FOO, LA, US_EAST_DATABASES, codes, good, moved, parts, stamp, worker
from lib import equal

NODES = [*US_EAST_DATABASES, f"db:{LA}", "gateway:us-east", f"gateway:{LA}"]
READ_ONLY = True
ORDERS = "query O($f: ID!, $r: TimeRange!) { orders(facilityIds: [$f], first: 100, filter: {orderedIn: $r}) { totalCount } }"
NESTED = ("query N($f: ID!, $r: TimeRange!) { facility(id: $f) { code orders(filter: {status: [CONFIRMED], orderedIn: $r}) { totalCount } "
          "} }")
HISTORY = "query H($f: ID!, $r: TimeRange!) { equipment(facilityId: $f) { code history(range: $r) { seconds } } }"


def _range(days_back, length=5):
    first = datetime.now(timezone.utc) - timedelta(days=days_back)
    return {"f": LA, "r": {"from": stamp(first), "to": stamp(first + timedelta(days=length))}}


def scenario_an_edge_refuses_what_it_does_not_keep_and_says_who_does(fleet):
    for query in (ORDERS, NESTED, HISTORY):
        good(fleet.graphql(LA, query, _range(29), worker(fleet)))
        answer = fleet.graphql(LA, query, _range(31), worker(fleet))
        equal(codes(answer), ["OUT_OF_RETENTION"], query)
        equal(answer.errors[0]["extensions"]["entryPoint"], f"https://127.0.0.1:{layout.gateway_port('us-east', 'https')}/graphql", query)
        good(fleet.graphql("us-east", query, _range(31), worker(fleet)))
        equal(codes(fleet.graphql("us-east", query, _range(731), worker(fleet))), ["OUT_OF_RETENTION"], f"two years: {query}")
    equal(good(fleet.graphql(LA, "query A($f: ID!) { orders(facilityIds: [$f]) { edges { node { id } } } }", {"f": LA},
                             worker(fleet)))["orders"]["edges"] != [], True, "without a range all that is kept")


def scenario_a_region_answers_for_its_edges_what_only_it_keeps(fleet):
    # A bound that only the edge meets, and a time that only the region keeps: neither is bent.
    before = parts(fleet, "us-east")
    answer = fleet.graphql("us-east", ORDERS, _range(31), worker(fleet), headers={"meridian-max-age": "0"})
    equal(codes(answer), ["STALENESS_UNSATISFIABLE"], answer.body)
    assert LA not in moved(before, parts(fleet, "us-east")), "the edge was asked"
    truth = fleet.value("us-east-blue", "select count(*) from orders where facility_id = %s and tenant_id = %s and "
                        "ordered_at >= now() - interval '31 days'", (LA, FOO))
    equal(good(fleet.graphql("us-east", ORDERS, _range(31, 40), worker(fleet)))["orders"]["totalCount"], truth, "orders")


def scenario_the_plan_says_who_does_not_keep_it(fleet):
    done = subprocess.run([gateways.binary(), "plan", "--config", gateways.config_file(LA), "--json"], stdout=subprocess.PIPE,
                          input='{ orders(facilityIds: ["%s"], filter: {orderedIn: {from: "2001-01-01T00:00:00Z", to: '
                                '"2002-01-01T00:00:00Z"}}) { totalCount } }' % LA, text=True, check=True)
    (part,) = json.loads(done.stdout)["fetches"][0]["parts"]
    equal((part["error"], [one["verdict"] for one in part["considered"]]), ("OUT_OF_RETENTION", ["out of retention"]), "plan")
