# SPDX-License-Identifier: MIT
"""A configured gateway reads its schemas anew while it serves: no request notices, and it goes on watching its databases."""
import http.client
import json
import time

from fleet import layout, pki
from gateway_kit import LA, STOCK, US_EAST_DATABASES, good, metrics, worker
from lib import equal
from test_gateway_process import Load

NODES = [*US_EAST_DATABASES, f"db:{LA}", "gateway:us-east", f"gateway:{LA}"]
GATEWAY = "us-east"


def reload():
    line = http.client.HTTPConnection("127.0.0.1", layout.gateway_port(GATEWAY, "admin"), timeout=20)
    line.request("POST", "/reload", headers={"authorization": "Bearer " + pki.token("tenant-foo-inc", "operator")})
    answer = line.getresponse()
    body = json.loads(answer.read())
    line.close()
    equal((answer.status, body.get("reloaded")), (200, True), str(body))
    return body


def scenario_reloads_under_load_lose_no_answer(fleet):
    with Load(fleet, connections=8) as load:
        time.sleep(1)
        for _ in range(8):
            assert reload()["warmed"] >= 1, "plans were not warmed"
            time.sleep(0.1)
    equal((load.lost, load.wrong), ([], []), "lost and wrong answers")
    assert load.answered > 100, load.answered


def scenario_the_board_is_still_kept_after_a_reload(fleet):
    asked = {"f": LA, "n": 3}
    before = good(fleet.graphql(GATEWAY, STOCK, asked, worker(fleet)))
    reload()
    reload()
    time.sleep(3)   # a poller that had stopped would call its data old or its databases lost
    after = good(fleet.graphql(GATEWAY, STOCK, asked, worker(fleet)))

    def stock(data):
        return [edge["node"]["onHand"] for edge in data["inventoryLevels"]["edges"]]
    equal(stock(after), stock(before), "the stock")
    fresh = after["inventoryLevels"]["edges"][0]["node"]["dataFreshness"]
    assert fresh["facilityOnline"] and not fresh["isStale"] and fresh["ageSeconds"] < 30, fresh
    told = metrics(fleet, GATEWAY)
    equal(told['meridian_placement_up{source="operations",placement="us-east-blue"}'], 1, "the database")
