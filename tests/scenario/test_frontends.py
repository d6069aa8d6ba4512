# SPDX-License-Identifier: MIT
"""Apollo Client and urql against the fleet, set up as frontends set them up. Skipped, saying so, without npm."""
import npm_kit
from fleet import layout
from gateway_kit import LA, US_EAST_DATABASES, good, worker
from lib import equal

NODES = [*US_EAST_DATABASES, f"db:{LA}", "gateway:us-east"]
READ_ONLY = True


def scenario_apollo_and_urql_query_page_refetch_and_ask_by_hash(fleet):
    if npm_kit.skipped(npm_kit.missing("@apollo/client", "@urql/core", "@urql/exchange-persisted", "graphql")):
        return
    token = worker(fleet)
    told = npm_kit.node("clients.mjs", f"http://127.0.0.1:{layout.gateway_port('us-east', 'http')}/graphql", token, LA)
    facilities = good(fleet.graphql("us-east", "{ facilities { code name } }", token=token))["facilities"]
    orders = good(fleet.graphql("us-east", '{ orders(facilityIds: ["%s"], first: 10) { edges { node { orderNo } } } }' % LA,
                                token=token))["orders"]
    numbers = [edge["node"]["orderNo"] for edge in orders["edges"]]
    for name, saw in told.items():
        equal((saw["query"], saw["refetched"]), (facilities, facilities), f"{name}: query and refetch")
        equal(saw["pages"], [numbers[:5], numbers[5:]], f"{name}: pages")
        equal([(one["withHash"], one["withText"]) for one in saw["sent"]], [(True, False), (True, True), (True, False)],
              f"{name}: by hash, refused, with the text, and from then on by hash alone")
