# SPDX-License-Identifier: MIT
"""The operations board: it answers from what still answers, and says who is not heard of."""
import json
import subprocess
import time

from fleet import gateways, layout
from gateway_kit import BOARD, FOO, LA, codes, good, moved, parts, start_again, stop_all, worker
from lib import equal, eventually

REGIONS = list(layout.REGIONS)
NODES = [*(f"db:{name}" for region in REGIONS for name in layout.environments_of(region)), *(f"gateway:{r}" for r in REGIONS),
         "gateway:global", "db:analytics", f"db:{LA}", f"gateway:{LA}"]


def _board(fleet, gateway="global"):
    answer = fleet.graphql(gateway, BOARD, None, fleet.token(FOO, "developer"))
    return answer, {row["region"].lower().replace("_", "-"): row for row in good(answer)["regionStatus"]}


def scenario_the_board_tells_every_region_as_it_is(fleet):
    for gateway in ("global", *REGIONS):
        _, board = _board(fleet, gateway)
        equal(sorted(board), sorted(REGIONS), f"regions at {gateway}")
        for region, row in board.items():
            ((live, state, total),) = fleet.sql(f"{region}-blue", "select upper(live_env), state, (select count(*) from "
                                                "facilities f where f.region = s.region and f.tenant_id = %s) from "
                                                "region_status s where region = %s", (FOO, region))
            equal((row["liveEnvironment"], row["state"], row["facilitiesTotal"], row["reachable"]),
                  (live, state, total, True), f"{region} at {gateway}")


def _asked(fleet, headers=None, **claims):
    """Which region the global gateway asked for what every region knows."""
    before = parts(fleet, "global")
    good(fleet.graphql("global", "{ facilities { code } }", None, fleet.token(FOO, "worker", **claims), headers=headers))
    return moved(before, parts(fleet, "global"))


def scenario_what_every_region_knows_is_asked_near_the_caller(fleet):
    for region in REGIONS:
        equal(_asked(fleet, {"meridian-region": region}), {region}, "by the header")
        equal(_asked(fleet, region=region), {region}, "by the claim")
        equal(_asked(fleet, {"meridian-region": region}, region="apac"), {region}, "the header goes first")
        plan = subprocess.run([gateways.binary(), "plan", "--config", gateways.config_file("global"), "--region", region, "--json"],
                              input="{ facilities { code } }", stdout=subprocess.PIPE, text=True, check=True).stdout
        equal([part["placement"] for fetch in json.loads(plan)["fetches"] for part in fetch["parts"]], [region], "by meridian plan")
    answer = fleet.graphql("global", "{ facilities { code } }", None, worker(fleet), headers={"meridian-region": "nowhere"})
    equal((answer.status, codes(answer)), (400, ["BAD_USER_INPUT"]), "a region that is none")
    fleet.link("apac", "global", "down")   # near is a preference, no condition
    eventually(lambda: equal(len(_asked(fleet, {"meridian-region": "apac"}) - {"apac"}), 1, "asked elsewhere"))
    fleet.link("apac", "global", "up")


def scenario_the_board_answers_with_two_regions_unreachable(fleet):
    gone = ["eu-central", "apac"]
    for region in gone:
        for other in ("global", *(r for r in REGIONS if r != region)):
            fleet.link(region, other, "down")

    began = time.monotonic()

    def told():
        answer, board = _board(fleet)
        equal({region: row["reachable"] for region, row in board.items()},
              {"us-east": True, "eu-central": False, "apac": False}, "reachable")
        equal(sorted(answer.extensions["freshness"]["warnings"]),
              [f"region {region} is UNREACHABLE." for region in sorted(gone)], "warnings")
        equal({source["region"] for source in answer.extensions["freshness"]["sources"]}, {"us-east"}, "who answered")
    eventually(told, 25)
    assert time.monotonic() - began < 25
    for region in gone:
        for other in ("global", *(r for r in REGIONS if r != region)):
            fleet.link(region, other, "up")

    def back():
        answer, board = _board(fleet)
        equal(({row["reachable"] for row in board.values()}, answer.extensions["freshness"]["warnings"]), ({True}, []), "back")
    eventually(back, 15)


def scenario_the_board_never_fails_while_regions_die(fleet):
    """From the moment two regions are killed on, each answer is right or names what is missing."""
    stop_all(fleet, ["gateway:eu-central", "gateway:apac"])
    slowest = 0.0
    for _ in range(20):
        began = time.monotonic()
        answer = fleet.graphql("global", BOARD, None, fleet.token(FOO, "developer"))
        slowest = max(slowest, time.monotonic() - began)
        equal((answer.status, len(answer.data["regionStatus"] or ())), (200, 3), f"board: {codes(answer)}")
        time.sleep(0.1)
    assert slowest < 6, f"an answer took {slowest:.1f} s"
    start_again(fleet)
