# SPDX-License-Identifier: MIT
"""`meridian check` against the live databases: what the bindings promise is there, or the finding names file, line, type,
field and placement."""
import contextlib
import re
import subprocess

from fleet import gateways, layout
from gateway_kit import LA, US_EAST_DATABASES
from lib import equal

NODES = [*US_EAST_DATABASES, f"db:{LA}", f"gateway:{LA}", "gateway:us-east"]
SDL = str(layout.ROOT / "schema" / "operations.graphql")


def _check(name, *more):
    done = subprocess.run([gateways.binary(), "check", "--config", gateways.config_file(name), *more],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    return done.returncode, done.stdout.splitlines(), done.stderr.strip()


@contextlib.contextmanager
def _changed(fleet, database, change, back):
    fleet.sql(database, change)
    try:
        yield
    finally:
        fleet.sql(database, back)


def _line_of(text):
    """Where this field stands in the source's SDL, as 1, 2, 3."""
    lines = open(SDL, encoding="utf-8").read().splitlines()
    (found,) = [n for n, line in enumerate(lines, 1) if re.search(text, line)]
    return found


def _finds(name, message, line=None):
    code, told, summary = _check(name)
    equal((code, summary), (1, "1 findings"), f"status: {told}")
    head = f"{SDL}:{line}:" if line else f"{SDL}: "
    assert told[0].startswith(head) and told[0].endswith(message), told
    equal(_check(name, "--offline")[0], 0, "offline nobody asks the databases")


def scenario_the_fleets_databases_hold_what_the_bindings_say(fleet):
    for name in ("us-east", LA):
        equal(_check(name), (0, [f"{gateways.config_file(name)}: good"], ""), name)


def scenario_what_a_database_lacks_is_named(fleet):
    with _changed(fleet, "us-east-blue", "alter table orders rename priority to prio", "alter table orders rename prio to priority"):
        _finds("us-east", "Order.priority: column orders.priority is not there (us-east-blue)", _line_of("^  priority: Int!"))
    with _changed(fleet, "us-east-green", "alter table products alter uom drop not null", "alter table products alter uom set not null"):
        _finds("us-east", "Product.uom: column products.uom may be null, and the field may not (us-east-green)", _line_of("^  uom:"))
    with _changed(fleet, LA, "alter function create_order(jsonb) rename to make_order",
                  "alter function make_order(jsonb) rename to create_order"):
        _finds(LA, f"Mutation.createOrder: function create_order (jsonb) is not there ({LA})", _line_of("^  createOrder"))
    with _changed(fleet, LA, "revoke execute on function create_order(jsonb) from public, gw_write",
                  "grant execute on function create_order(jsonb) to public"):
        _finds(LA, f"Mutation.createOrder: function create_order may not be called ({LA})", _line_of("^  createOrder"))
    with _changed(fleet, "us-east-blue", "revoke select on shipments from gw_read", "grant select on shipments to gw_read"):
        code, told, _ = _check("us-east")
        equal(code, 1, "status")
        assert any(line.endswith("Shipment.carrier: column shipments.carrier may not be read (us-east-blue)") for line in told), told
    equal(_check("us-east")[0], 0, "all is back")


def scenario_a_database_that_does_not_answer_is_a_finding(fleet):
    fleet.kill("db:us-east-green")
    code, told, summary = _check("us-east")
    equal((code, summary), (1, "1 findings"), "status")
    assert told[0].startswith("sources.operations.placements.us-east-green: "), told
    assert "password" not in told[0], told
