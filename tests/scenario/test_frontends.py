# SPDX-License-Identifier: MIT
"""Apollo Client, urql and Relay's compiler against the fleet, set up as frontends set them up. Skipped, saying so,
without npm."""
import json
import re
import shutil
import subprocess

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


# ---- Relay ----

def _compiled(folder, name):
    """The operation's text in one of the compiler's artifacts."""
    text = (folder / "out" / f"{name}.graphql.js").read_text()
    return json.loads(re.search(r'"text": (".*")\n', text)[1])


def scenario_relays_compiler_takes_the_schema_and_its_queries_run(fleet):
    if npm_kit.skipped(npm_kit.missing("relay-compiler", "graphql")):
        return
    from fleet.gateways import binary, config_file
    folder = layout.STATE / "relay"
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("src", "out"):
        (folder / name).mkdir(parents=True)
    shutil.copy(npm_kit.JS / "relay" / "Page.js", folder / "src")
    (folder / "relay.config.json").write_text(json.dumps(
        {"src": "./src", "schema": "./schema.graphql", "language": "javascript", "artifactDirectory": "./out"}))
    with open(folder / "schema.graphql", "w", encoding="utf-8") as out:
        subprocess.run([str(binary()), "schema", "--config", str(config_file("us-east"))], stdout=out, check=True)
    cli = layout.ROOT / "node_modules" / "relay-compiler" / "cli.js"
    done = subprocess.run(["node", str(cli), "relay.config.json"], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    token, variables = worker(fleet), {"facilities": [LA], "count": 2, "cursor": None}
    first = good(fleet.graphql("us-east", _compiled(folder, "PageQuery"), variables, token))["orders"]
    equal((len(first["edges"]), first["pageInfo"]["hasNextPage"]), (2, True), "the first page")
    variables["cursor"] = first["pageInfo"]["endCursor"]
    more = good(fleet.graphql("us-east", _compiled(folder, "PageNextQuery"), variables, token))["orders"]
    ids = [edge["node"]["id"] for page in (first, more) for edge in page["edges"]]
    equal(len(set(ids)), 4, "two pages")
    again = good(fleet.graphql("us-east", _compiled(folder, "OrderAgainQuery"), {"id": ids[0]}, token))["node"]
    equal((again["__typename"], again["orderNo"]), ("Order", first["edges"][0]["node"]["orderNo"]), "one row asked again by its id")
