# SPDX-License-Identifier: MIT
"""Pages of orders: they equal the rows, they go on where they stopped, and what may not leave its region says so."""
import uuid

from fleet import local
from gateway_kit import (BAR, FOO, FRANKFURT, LA, LONDON, NEWYORK, PAGE, US_EAST_DATABASES, codes, decimals, good, key_of,
                         worker)
from lib import equal, eventually

NODES = [*US_EAST_DATABASES, f"db:{LA}", f"db:{NEWYORK}", f"db:{FRANKFURT}", "db:eu-central-blue", "db:eu-central-green",
         "gateway:us-east", "gateway:eu-central", "gateway:global"]
OPEN = ("confirmed", "in_production")


def _truth(fleet, database, facilities, tenant=FOO, states=OPEN):
    """[(order id, number, total, customer)] in the order of the pages."""
    return fleet.sql(database, "select o.order_id::text, o.order_no, o.total_amount::text, c.name from orders o left join "
                     "customers c using (tenant_id, customer_id) where o.facility_id = any(%s) and o.tenant_id = %s and "
                     "o.status = any(%s) order by o.ordered_at desc, o.order_id desc, o.facility_id desc",
                     (list(facilities), tenant, list(states)))


def _page(fleet, gateway, token, **variables):
    answer = fleet.graphql(gateway, PAGE, variables, token)
    return answer, (answer.data or {}).get("orders")


def _nodes(page):
    return [edge["node"] for edge in page["edges"]]


def _all_pages(fleet, gateway, token, between=None, **variables):
    """The nodes of all pages, one after the other."""
    found, cursor = [], None
    while True:
        answer, page = _page(fleet, gateway, token, c=cursor, **variables)
        good(answer)
        found += _nodes(page)
        if not page["pageInfo"]["hasNextPage"]:
            return found
        equal(page["pageInfo"]["endCursor"], page["edges"][-1]["cursor"], "end cursor")
        cursor = page["pageInfo"]["endCursor"]
        if between:
            between()


def scenario_pages_equal_direct_sql(fleet):
    for facilities, tenant in (([LA], FOO), ([LA], BAR), ([LA, NEWYORK], FOO)):
        got = _all_pages(fleet, "us-east", worker(fleet, tenant), f=facilities, n=37)
        wanted = _truth(fleet, "us-east-blue", facilities, tenant)
        assert len(wanted) > 0, f"no orders of {tenant}"
        equal(len(got), len(wanted), f"orders of {tenant} at {facilities}")
        equal(sorted(decimals((key_of(o["id"]), o["orderNo"], o["totalAmount"], o["customer"]["name"]) for o in got)),
              sorted(decimals(wanted)), f"orders of {tenant} at {facilities}")
        if len(facilities) == 1:
            equal([key_of(o["id"]) for o in got], [row[0] for row in wanted], "their order")


def scenario_lines_belong_to_their_orders(fleet):
    _, page = _page(fleet, "us-east", worker(fleet), f=[LA], n=20)
    for order in _nodes(page):
        wanted = fleet.sql("us-east-blue", "select p.sku, l.qty_ordered::text from order_lines l join products p using "
                           "(tenant_id, product_id) where l.facility_id = %s and l.order_id = %s order by l.line_no",
                           (LA, key_of(order["id"])))
        got = [(line["product"]["sku"], line["qtyOrdered"]) for line in order["lines"]]
        equal(decimals(got), decimals(wanted), f"lines of {order['orderNo']}")


def scenario_the_count_is_of_all_pages(fleet):
    answer, page = _page(fleet, "us-east", worker(fleet), f=[LA], n=1)
    good(answer)
    equal((page["totalCount"], len(page["edges"])), (len(_truth(fleet, "us-east-blue", [LA])), 1), "count and edges")


def scenario_pages_have_no_gap_and_no_repetition_while_orders_come_in(fleet):
    before = [row[0] for row in _truth(fleet, "us-east-blue", [LA])]

    def meanwhile():
        fleet.create_orders(LA, [str(uuid.uuid4()) for _ in range(3)])
    got = [key_of(o["id"]) for o in _all_pages(fleet, "us-east", worker(fleet), between=meanwhile, f=[LA], n=60)]
    equal(len(got), len(set(got)), "orders, each once")
    equal([one for one in got if one in set(before)], before, "the orders that were there, in their order")


def scenario_pages_stand_under_live_activity(fleet):
    before = {row[0] for row in _truth(fleet, "us-east-blue", [LA])}
    local.start_activity(3)
    try:
        got = [key_of(o["id"]) for o in _all_pages(fleet, "us-east", worker(fleet), f=[LA], n=40)]
    finally:
        local.stop_activity()
    after = {row[0] for row in _truth(fleet, "us-east-blue", [LA])}
    equal(len(got), len(set(got)), "orders, each once")
    equal((before & after) - set(got), set(), "orders open all the time that no page had")


def scenario_a_closed_regions_rows_are_refused_with_where_to_ask_and_the_others_are_there(fleet):
    cursor = None
    for _ in range(2):   # and so does the page after it
        answer, page = _page(fleet, "global", worker(fleet), f=[LA, FRANKFURT], n=30, c=cursor)
        equal((answer.status, codes(answer)), (200, ["DATA_RESIDENCY"]), "status and codes")
        (error,) = answer.errors
        equal((error["path"], error["extensions"]["region"], error["extensions"]["facility"]),
              (["orders"], "eu-central", FRANKFURT), "what is missing")
        equal({o["id"].split("~")[2] for o in _nodes(page)}, {LA}, "whose rows")
        equal(page["totalCount"], None, "a count that lacks a region")
        cursor = page["pageInfo"]["endCursor"]
    point = error["extensions"]["entryPoint"]
    assert point == f"https://127.0.0.1:{local.gateway_port('eu-central', 'https')}/graphql", point


def scenario_open_rows_through_the_global_gateway_equal_the_regions_own(fleet):
    wanted = [row[0] for row in _truth(fleet, "us-east-blue", [LA])]
    got = _all_pages(fleet, "global", worker(fleet), f=[LA], n=150)
    equal([key_of(o["id"]) for o in got], wanted, "orders of LA at the global gateway")
    answer, page = _page(fleet, "global", worker(fleet), f=[LA, NEWYORK], n=50)
    good(answer)
    equal(page["totalCount"], len(_truth(fleet, "us-east-blue", [LA, NEWYORK])), "count over two facilities")
    (source,) = {(s["tier"], s["region"]) for s in answer.extensions["freshness"]["sources"]}
    equal(source, ("regional", "us-east"), "where it came from")


def scenario_a_closed_regions_own_gateway_answers_its_rows(fleet):
    wanted = [row[0] for row in _truth(fleet, "eu-central-blue", [FRANKFURT])]
    got = _all_pages(fleet, "eu-central", worker(fleet), f=[FRANKFURT], n=100)
    assert wanted, "no orders at Frankfurt"
    equal([key_of(o["id"]) for o in got], wanted, "orders of Frankfurt")


def scenario_bounds_of_a_page(fleet):
    token = worker(fleet)
    answer, page = _page(fleet, "us-east", token, f=[LA], n=0)
    equal((good(answer)["orders"]["edges"], page["totalCount"]), ([], len(_truth(fleet, "us-east-blue", [LA]))), "first: 0")
    every = ["CONFIRMED", "IN_PRODUCTION", "SHIPPED", "DELIVERED", "CANCELLED"]
    long = """query($f: [ID!]!) { orders(facilityIds: $f, first: 1001, filter: {status: [CONFIRMED IN_PRODUCTION SHIPPED DELIVERED
      CANCELLED]}) { totalCount edges { node { id } } pageInfo { hasNextPage } } }"""
    for gateway in ("us-east", "global"):   # a page has at most 1000 rows, also over facilities and by way of a hop
        page = good(fleet.graphql(gateway, long, {"f": [LA, NEWYORK]}, token))["orders"]
        equal(len(page["edges"]), min(1000, page["totalCount"]), "first: 1001")
        equal(page["pageInfo"]["hasNextPage"], page["totalCount"] > 1000, "is there more")
    for variables in ({"n": -1}, {"c": "nonsense"}, {"c": "AAAA"}, {"n": 1, "c": ""}):
        answer, page = _page(fleet, "us-east", token, **{"f": [LA], **variables})
        equal(page, None, f"orders with {variables}")
        assert codes(answer)[0] in ("BAD_USER_INPUT", "QUERY_TOO_COMPLEX"), f"{variables}: {answer.errors}"


def scenario_a_cursor_of_another_order_is_refused(fleet):
    _, page = _page(fleet, "us-east", worker(fleet), f=[LA], n=1)
    query = """query($f: [ID!]!, $c: String) { orders(facilityIds: $f, first: 1, after: $c,
      orderBy: {field: TOTAL, dir: ASC}) { edges { node { id } } } }"""
    answer = fleet.graphql("us-east", query, {"f": [LA], "c": page["pageInfo"]["endCursor"]}, worker(fleet))
    equal(codes(answer), ["BAD_USER_INPUT"], "codes")


def scenario_rows_of_another_tenant_or_facility_are_not_seen(fleet):
    answer, _ = _page(fleet, "us-east", fleet.token(FOO, "worker", facilities=[NEWYORK]), f=[LA])
    equal(codes(answer), ["FORBIDDEN"], "a facility that the token does not name")
    theirs = fleet.value("eu-central-blue", "select order_id::text from orders where facility_id = %s limit 1", (LONDON,)) \
        if f"db:{LONDON}" in fleet.wanted else None
    answer, page = _page(fleet, "eu-central", worker(fleet), f=[LONDON])
    assert theirs is None or page is None or not page["edges"], "rows of another tenant"
    answer = fleet.graphql("us-east", PAGE, {"f": [LA]}, fleet.token(FOO, "executive"))
    equal((answer.data, codes(answer)), ({"orders": None}, ["FORBIDDEN"]), "an executive sees no rows")


def scenario_a_new_order_is_in_its_regions_page_soon(fleet):
    ids = set(fleet.create_orders(LA, [str(uuid.uuid4())]).values())

    def there():
        _, page = _page(fleet, "us-east", worker(fleet), f=[LA], n=5)
        assert ids <= {key_of(o["id"]) for o in _nodes(page)}, "not yet"
    eventually(there, 10)
