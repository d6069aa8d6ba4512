# SPDX-License-Identifier: MIT
"""createOrder by way of the gateways: once for a key, refused by rules of the business with data, and whatever is
killed when, never two orders and never a wrong answer."""
import threading
import time
import uuid

from fleet import clusters, ledger, layout
from gateway_kit import BAR, FOO, LA, NEW_ORDER, codes, good, key_of, order_input, ready, worker
from lib import equal, eventually

NODES = ["db:us-east-blue", "db:us-east-green", f"db:{LA}", f"gateway:{LA}", "gateway:us-east", "gateway:global"]


def _create(fleet, gateway, given, tenant=FOO, role="worker"):
    return fleet.graphql(gateway, NEW_ORDER, {"i": given}, fleet.token(tenant, role))


def _made(answer):
    payload = good(answer)["createOrder"]
    equal(payload["errors"], [], "errors")
    return payload


def _refused(answer, *wanted):
    payload = good(answer)["createOrder"]
    equal((payload["order"], [error["code"] for error in payload["errors"]]), (None, list(wanted)), "refusal")
    return payload["errors"]


def _key():
    return str(uuid.uuid4())


def _orders_of(fleet, key):
    """How many orders the edge has that this key made: the stored answer's, and rows beyond it would be a second one."""
    return fleet.value(LA, "select count(*) from idempotency where facility_id = %s and key = %s and answer is not null", (LA, key))


def scenario_an_order_at_the_edge_is_made_once_for_its_key(fleet):
    given = order_input(fleet, key=_key())
    count = fleet.value(LA, "select count(*) from orders")
    first = _made(_create(fleet, LA, given))
    equal((first["acceptedBy"], first["replicated"], first["order"]["version"], first["order"]["status"]),
          ("EDGE", False, 1, "CONFIRMED"), "the new order")
    again = _made(_create(fleet, LA, given))
    equal(again["order"], first["order"], "the same key again")
    equal(fleet.value(LA, "select count(*) from orders"), count + 1, "orders at the edge")
    error, = _refused(_create(fleet, LA, {**given, "lines": [{**given["lines"][0], "qty": "3"}]}), "VALIDATION")
    equal(error["field"], ["key"], "another request under the same key")
    row = fleet.sql(LA, "select o.order_no, l.qty_ordered from orders o join order_lines l using (facility_id, order_id) "
                        "where o.order_id = %s", (key_of(first["order"]["id"]),))
    equal([(number, float(qty)) for number, qty in row], [(first["order"]["orderNo"], 2.0)], "rows of the order")


def scenario_ten_callers_with_one_key_make_one_order(fleet):
    given, answers = order_input(fleet, key=_key()), []
    threads = [threading.Thread(target=lambda: answers.append(_create(fleet, LA, given))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(len({_made(answer)["order"]["id"] for answer in answers}), 1, "orders")


def scenario_rules_of_the_business_refuse_with_data(fleet):
    given = order_input(fleet, key=_key())
    fleet.sql(LA, "update customers set credit_hold = true where customer_id = %s", (key_of(given["customerId"]),))
    try:
        error, = _refused(_create(fleet, LA, given), "CREDIT_HOLD")
        equal(error["field"], ["customerId"], "field")
    finally:
        fleet.sql(LA, "update customers set credit_hold = false where customer_id = %s", (key_of(given["customerId"]),))
    line = given["lines"][0]
    _refused(_create(fleet, LA, {**given, "customerId": f"Customer~us-east~~{uuid.uuid4()}"}), "VALIDATION")
    _refused(_create(fleet, LA, {**given, "currency": "XXX"}), "VALIDATION", "VALIDATION")
    _refused(_create(fleet, LA, {**given, "lines": []}), "VALIDATION")
    _refused(_create(fleet, LA, {**given, "lines": [{**line, "qty": "-1"}]}), "VALIDATION")
    _refused(_create(fleet, LA, {**given, "lines": [{**line, "productId": f"Product~~~{uuid.uuid4()}"}]}), "VALIDATION")
    _refused(_create(fleet, LA, {**given, "key": ""}), "VALIDATION")
    made = _made(_create(fleet, LA, given))   # what was refused has not used the key up
    theirs = _made(_create(fleet, LA, order_input(fleet, tenant=BAR, key=given["key"]), tenant=BAR))
    assert theirs["order"]["id"] != made["order"]["id"], "another tenant's key"


def scenario_who_may_not_write_is_told_so(fleet):
    given = order_input(fleet, key=_key())
    answer = _create(fleet, LA, given, role="executive")
    equal(codes(answer), ["FORBIDDEN"], "executive")
    answer = fleet.graphql(LA, NEW_ORDER, {"i": given}, worker(fleet, facilities=["facility-newyork-001"]))
    equal(codes(answer), ["FORBIDDEN"], "a token without the facility")
    answer = _create(fleet, "global", given)
    _refused(answer, "READ_ONLY_TIER")
    equal(good(answer)["createOrder"], {"order": None, "acceptedBy": None, "replicated": False, "errors": [
        {"code": "READ_ONLY_TIER", "message": "the global tier takes no such write", "field": None}]}, "the whole payload")
    named = fleet.graphql("global", """mutation($i: CreateOrderInput!) { made: createOrder(input: $i) { __typename no: replicated
      why: errors { __typename is: code } } }""", {"i": given}, worker(fleet))
    equal(good(named)["made"], {"__typename": "OrderPayload", "no": False, "why": [
        {"__typename": "UserError", "is": "READ_ONLY_TIER"}]}, "under other names")
    equal(_orders_of(fleet, given["key"]), 0, "orders")


def scenario_the_region_forwards_to_the_edge(fleet):
    given = order_input(fleet, key=_key())
    made = _made(_create(fleet, "us-east", given))
    equal((made["acceptedBy"], made["replicated"]), ("EDGE", False), "who took it")
    ids = {key_of(made["order"]["id"])}
    equal(fleet.orders_at(LA, ids), ids, "at the edge")
    equal(_made(_create(fleet, LA, given))["order"], made["order"], "the same key at the edge itself")
    equal(_made(_create(fleet, "us-east", given))["order"], made["order"], "the same key again from the region")
    for database in ("us-east-blue", "us-east-green"):
        eventually(lambda: equal(fleet.orders_at(database, ids), ids, database), 10)


def scenario_an_edge_takes_orders_while_its_region_is_gone(fleet):
    fleet.link(LA, "us-east", "down")
    made = _made(_create(fleet, LA, order_input(fleet, key=_key())))
    equal((made["acceptedBy"], made["replicated"]), ("EDGE", False), "who took it")
    began = time.monotonic()
    answer = _create(fleet, "us-east", order_input(fleet, key=_key()))
    assert time.monotonic() - began < 11, "the region's refusal took too long"
    if codes(answer) != ["MUTATION_OUTCOME_UNKNOWN"]:   # sent on a connection that was cut only then
        _refused(answer, "FACILITY_OFFLINE")
    for _ in range(3):   # known to be away, or found to be
        error, = _refused(_create(fleet, "us-east", order_input(fleet, key=_key())), "FACILITY_OFFLINE")
        assert error["field"] == ["facilityId"] and f"{LA} is OFFLINE" in error["message"], error
        time.sleep(1)
    change = fleet.graphql("us-east", """mutation($id: ID!) { updateOrderStatus(id: $id, status: IN_PRODUCTION, expectedVersion: 1,
      key: "k") { order { id } errors { code field } } }""", {"id": made["order"]["id"]}, worker(fleet))
    equal(good(change)["updateOrderStatus"], {"order": None, "errors": [{"code": "EDGE_OFFLINE_READ_ONLY", "field": ["id"]}]}, "a record")
    fleet.link(LA, "us-east", "up")
    ids = {key_of(made["order"]["id"])}
    for database in ("us-east-blue", "us-east-green"):
        eventually(lambda: equal(fleet.orders_at(database, ids), ids, database), 10)


def scenario_an_edge_database_killed_amid_writes_never_makes_two_orders(fleet):
    """Callers that send a key again until they have a definite answer, while the database is killed twice."""
    folder = layout.STATE / "ledger" / f"scenario-{uuid.uuid4()}"
    ready(fleet, "us-east")
    given, since = order_input(fleet), fleet.value(LA, "select now()")
    stop, problems, unknown = threading.Event(), [], []
    books = ledger.Ledger(folder, LA)
    lock = threading.Lock()

    def note(**entry):
        with lock:
            books.write(**entry)

    def caller(gateway):
        while not stop.is_set():
            key = _key()
            note(event="sent", key=key, facility=LA, tenant=FOO)
            end = time.monotonic() + 90
            while time.monotonic() < end:   # the same key until something definite comes
                answer = _create(fleet, gateway, {**given, "key": key})
                payload = (answer.data or {}).get("createOrder")
                if payload and payload["order"]:   # null beside an error: made, and not to be read back right now
                    note(event="accepted", key=key, order=key_of(payload["order"]["id"]), facility=LA)
                    break
                refusals = codes(answer) or [error["code"] for error in payload["errors"]]
                if not set(refusals) <= {"SOURCE_UNAVAILABLE", "SOURCE_TIMEOUT", "MUTATION_OUTCOME_UNKNOWN", "FACILITY_OFFLINE"}:
                    problems.append(f"{gateway}: {answer.status} {answer.body[:300]}")
                    break
                unknown.extend(refusals)
                time.sleep(0.05)

    threads = [threading.Thread(target=caller, args=(gateway,)) for gateway in (LA, LA, "us-east")]
    for thread in threads:
        thread.start()
    for _ in range(2):
        time.sleep(1.5)
        fleet.kill(f"db:{LA}")
        fleet.start(f"db:{LA}")
    time.sleep(2)
    stop.set()
    for thread in threads:
        thread.join()
    equal(problems, [], "answers that are neither an order nor a clear error")
    accepted, open_keys = ledger.read(folder, LA)
    equal(open_keys, set(), "keys without a known outcome")
    assert len(accepted) > 5, f"only {len(accepted)} orders"
    databases = {name: clusters.dsn(name) for name in (LA, "us-east-blue", "us-east-green")}
    eventually(lambda: equal(ledger.differences(databases, folder, LA)[0], [], "ledger against the databases"), 20)
    twice = fleet.value(LA, "select count(*) from orders o where ordered_at >= %s and not exists (select 1 "
                        "from idempotency i where i.facility_id = o.facility_id and i.answer #>> '{order,id}' like "
                        "'%%' || o.order_id::text)", (since,))
    equal(twice, 0, "orders that no key knows")


def scenario_a_gateway_killed_amid_a_write_leaves_a_key_that_can_be_sent_again(fleet):
    for _ in range(3):
        given, box = order_input(fleet, key=_key()), []

        def send():
            try:
                box.append(_create(fleet, LA, given))
            except AssertionError:   # the connection is gone with the process
                box.append(None)
        thread = threading.Thread(target=send)
        thread.start()
        time.sleep(0.03)
        fleet.kill(f"gateway:{LA}")
        thread.join()
        fleet.start(f"gateway:{LA}")
        ready(fleet, LA)
        made = _made(_create(fleet, LA, given))
        if box[0] and box[0].status == 200 and box[0].data and box[0].data["createOrder"]:
            equal(box[0].data["createOrder"]["order"], made["order"], "the order answered before and after")
        equal(_orders_of(fleet, given["key"]), 1, "orders of the key")
