# SPDX-License-Identifier: MIT
"""A plain GraphQL subgraph beside sources of our own: its fields stand in the rows of our tables, by one plan."""
import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
from pathlib import Path

from fleet import gateways, layout
from gateway_kit import LA, US_EAST_DATABASES, good, worker
from lib import equal
from router_kit import Router, Subgraph, environment, free_port, wait_until

NODES = [*US_EAST_DATABASES, f"db:{LA}", "gateway:us-east"]
READ_ONLY = True

QUERY = """query ($f: ID!) { inventoryLevels(facilityId: $f, first: 5) { edges { node { onHand
  product { name stars } dataFreshness { servedBy } } } } best { stars } }"""


def with_reviews():
    """The shipped supergraph and a subgraph `reviews` that gives products stars."""
    text = (layout.ROOT / "schema" / "supergraph.graphql").read_text()
    text = text.replace("enum join__Graph {", 'enum join__Graph {\n  REVIEWS @join__graph(name: "reviews", url: "")', 1)
    ours = re.search(r"\ntype Product .*?\n}\n", text, re.DOTALL).group(0)
    lines = [line + " @join__field(graph: OPERATIONS)" if re.match(r"  (?!id:)\w+:", line) else line for line in ours.split("\n")]
    theirs = "\n".join(lines).replace(" {\n", ' @join__type(graph: REVIEWS, key: "id") {\n  stars: Int @join__field(graph: REVIEWS)\n', 1)
    text = text.replace(ours, theirs)
    text = re.sub(r"\ntype Query (.*?){\n", r"\ntype Query \1@join__type(graph: REVIEWS) {" "\n  best: Product @join__field(graph: REVIEWS)\n",
                  text, count=1)
    return text


def stars(request):
    """What reviews knows: each product has as many stars as its id ends with."""
    told = {}
    for alias, variable in re.findall(r"(?:(\w+):)?_entities\(representations:\$(\w+)\)", request["query"]):
        told[alias or "_entities"] = [{"__typename": "Product", "stars": len(rep["id"]) % 5}
                                      for rep in request["variables"][variable]]
    if "best" in request["query"]:
        told["best"] = {"id": "p", "stars": 5}
    return told


@contextlib.contextmanager
def gateway(url):
    """Another us-east, with the subgraph."""
    ports = {which: free_port() for which in ("http", "https", "sources", "admin")}
    with tempfile.TemporaryDirectory(prefix="meridian-mixed-") as folder:
        file = Path(folder) / "supergraph.graphql"
        file.write_text(with_reviews())
        sets = [f"listen.0.address=127.0.0.1:{ports['http']}", f"listen.1.address=127.0.0.1:{ports['https']}",
                f"sourcesListen.address=127.0.0.1:{ports['sources']}", f"admin.address=127.0.0.1:{ports['admin']}",
                f"supergraph={file}", f"sources.reviews.url={url}", "threads=1"]
        command = [gateways.binary(), "serve", "--config", layout.STATE / "config" / "us-east.yaml"]
        for one in sets:
            command += ["--set", one]
        log = layout.STATE / "log" / f"mixed-{ports['http']}.log"
        with open(log, "wb") as out:
            process = subprocess.Popen(command, stderr=out, env=environment())
        try:
            serving = Router.__new__(Router)
            serving.port, serving.admin = ports["http"], ports["admin"]

            def up():
                assert process.poll() is None, log.read_text()[-1500:]
                with contextlib.suppress(OSError):
                    return serving.http("GET", "/ready").status == 200
                return False
            wait_until(up, 20, "the gateway")
            yield serving
        finally:
            os.kill(process.pid, signal.SIGTERM)
            status = process.wait(20)
        equal(status, 0, log.read_text()[-1500:])


def partly(gate, headers, query):
    """The parts of a deferred answer, in the format of 2022."""
    answer = gate.ask(query, headers, variables={"f": LA}, accept="multipart/mixed;deferSpec=20220824")
    equal((answer.status, answer.headers["content-type"]), (200, ['multipart/mixed;boundary="-";deferSpec=20220824']))
    return [json.loads(line) for line in answer.body.decode().splitlines() if line.startswith("{")]


def scenario_rows_have_fields_of_a_plain_subgraph(fleet):
    reviews = Subgraph(stars)
    try:
        with gateway(reviews.url) as gate:
            asked = {"authorization": f"Bearer {worker(fleet)}"}
            answer = gate.ask(QUERY, asked, variables={"f": LA})
            data = good(answer)
            edges = data["inventoryLevels"]["edges"]
            equal(len(edges), 5)
            assert all(edge["node"]["product"]["stars"] in range(5) for edge in edges), edges
            assert all(edge["node"]["dataFreshness"]["servedBy"] for edge in edges), edges
            equal(data["best"], {"stars": 5})
            equal([one["headers"] for one in reviews.asked if any(name == "authorization" for name, _ in one["headers"])], [],
                  "the caller's token is ours alone")
            parts = partly(gate, asked, QUERY.replace("name stars }", "name ... @defer { stars } }"))
            first = [edge["node"] for edge in parts[0]["data"]["inventoryLevels"]["edges"]]
            assert all("stars" not in node["product"] and node["dataFreshness"]["servedBy"] for node in first), first
            assert parts[0]["extensions"]["freshness"], parts[0]
            equal([each["path"] for each in parts[1]["incremental"]],
                  [["inventoryLevels", "edges", i, "node", "product"] for i in range(5)])
            equal([each["data"]["stars"] for each in parts[1]["incremental"]], [edge["node"]["product"]["stars"] for edge in edges])
            told = gate.metrics()
            assert told['meridian_subgraph_requests_total{subgraph="reviews"}'] == len(reviews.asked), told
            operator = {"authorization": "Bearer " + fleet.token(role="operator")}
            equal(gate.http("POST", "/reload", port=gate.admin, headers=operator).status, 200)
            equal(good(gate.ask(QUERY, asked, variables={"f": LA}))["inventoryLevels"]["edges"][0]["node"]["product"],
                  edges[0]["node"]["product"], "after a reload")
            reviews.answer = lambda request: None
            answer = gate.ask(QUERY, asked, variables={"f": LA})
            equal([edge["node"]["product"]["name"] for edge in answer.data["inventoryLevels"]["edges"]],
                  [edge["node"]["product"]["name"] for edge in edges], "our own part")
            assert {e["extensions"]["source"] for e in answer.errors} == {"reviews"}, answer.errors
    finally:
        reviews.stop()
