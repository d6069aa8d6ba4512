# SPDX-License-Identifier: MIT
"""Who may read what, also when only a number is asked; and rows that stay in their region, however they are asked for."""
from gateway_kit import FOO, FRANKFURT, LA, codes, good, worker
from lib import equal

NODES = ["db:us-east-blue", "gateway:us-east", "db:eu-central-blue", "gateway:eu-central", "db:analytics", "gateway:global"]
READ_ONLY = True

BOARD = '{ facilities { code status { online } } regionStatus { region } facility(id: "%s") { name mode status { writable } } }' % LA
ROWS = [
    '{ inventoryLevels(facilityId: "%s", first: 1) { totalCount } }',
    '{ orders(facilityIds: ["%s"], first: 1) { totalCount } }',
    '{ orders(facilityIds: ["%s"], first: 1) { pageInfo { hasNextPage } } }',
    '{ orderStatuses(facilityIds: ["%s"], first: 1) { totalCount } }',
    '{ equipment(facilityId: "%s") { __typename } }',
    '{ productionRuns(facilityId: "%s", first: 1) { totalCount } }',
    '{ facility(id: "%s") { orders(first: 1) { totalCount } } }',
    '{ facility(id: "%s") { equipment { code } } }',
    '{ facility(id: "%s") { inventoryLevels(first: 1) { totalCount } } }',
    '{ facility(id: "%s") { inspections(first: 1) { pageInfo { endCursor } } } }',
]
ELSEWHERE = [ROWS[n] for n in (1, 2, 4, 5, 6, 7, 9)]
UNCUT = ["{ customers(first: 1) { totalCount } }", "{ products(first: 1) { edges { node { sku } } } }"]


def _leaf(data):
    """The value under the innermost names that are not null, or None."""
    while isinstance(data, dict) and len(data) == 1:
        (data,) = data.values()
    return data


def scenario_roles_without_rows_see_the_board_and_nothing_else(fleet):
    for role in ("executive", "operator"):
        token = fleet.token(FOO, role)
        for gateway in ("us-east", "global"):
            found = good(fleet.graphql(gateway, BOARD, None, token))
            assert found["facility"]["status"] and len(found["regionStatus"]) == 3, found
            for query in [row % LA for row in ROWS] + UNCUT:
                answer = fleet.graphql(gateway, query, None, token)
                equal((_leaf(answer.data), codes(answer)), (None, ["FORBIDDEN"]), f"{role} at {gateway}: {query}")
        level = fleet.graphql("us-east", '{ inventoryLevels(facilityId: "%s", first: 1) { edges { node { id } } } }' % LA, None,
                              worker(fleet)).data["inventoryLevels"]["edges"][0]["node"]["id"]
        answer = fleet.graphql("us-east", "query($i: ID!) { node(id: $i) { id } }", {"i": level}, token)
        equal((answer.data, codes(answer)), ({"node": None}, ["FORBIDDEN"]), f"{role}: a row by its id")
        answer = fleet.graphql("us-east", 'mutation { adjustInventory(input: {facilityId: "%s", productId: "x", delta: 1, reason: "r", '
                               'key: "role"}) { replicated } }' % LA, None, token)
        equal(codes(answer), ["FORBIDDEN"], f"{role}: a write that asks for no row")


def scenario_workers_read_all_of_their_region(fleet):
    for query in [row % LA for row in ROWS] + UNCUT:
        assert _leaf(good(fleet.graphql("us-east", query, None, worker(fleet)))) is not None, query


def scenario_rows_of_a_closed_region_are_refused_however_they_are_asked_for(fleet):
    for gateway in ("us-east", "global"):
        for query in ELSEWHERE:
            answer = fleet.graphql(gateway, query % FRANKFURT, None, worker(fleet))
            equal((_leaf(answer.data), codes(answer)), (None, ["DATA_RESIDENCY"]), f"{gateway}: {query}")
    customer = fleet.graphql("eu-central", "{ customers(first: 1) { edges { node { id name } } } }", None, worker(fleet))
    edges = good(customer)["customers"]["edges"]
    if edges:
        one = edges[0]["node"]["id"]
        answer = fleet.graphql("us-east", "query($i: ID!) { node(id: $i) { id ... on Customer { name } } }", {"i": one}, worker(fleet))
        wanted = ["DATA_RESIDENCY"] if "~eu-central~" in one else []
        equal(codes(answer), wanted, f"a customer by id: {one}")


def scenario_rows_of_no_named_region_are_those_of_the_region_asked(fleet):
    answer = fleet.graphql("global", UNCUT[0], None, worker(fleet))
    equal((answer.data, codes(answer)), ({"customers": None}, ["DATA_RESIDENCY"]), "customers of nowhere")
    answer = fleet.graphql("global", 'mutation { upsertCustomer(input: {code: "X", name: "X", key: "nowhere"}) { errors { code } } }',
                           None, fleet.token(FOO, "sales"))
    equal(good(answer)["upsertCustomer"], {"errors": [{"code": "READ_ONLY_TIER"}]}, "a customer written nowhere")
