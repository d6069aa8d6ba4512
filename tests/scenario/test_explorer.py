# SPDX-License-Identifier: MIT
"""The explorer in a browser: type a query, run it, see rows, freshness and plan. Skipped, saying so, where Chromium or
npm's playwright-core is missing."""
import json
import shutil

import npm_kit
from fleet import layout
from gateway_kit import US_EAST_DATABASES, configured, worker
from lib import equal

NODES = [*US_EAST_DATABASES, "gateway:us-east"]
HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def _chromium():
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def _page(fleet, path="/graphql", headers=None):
    return fleet.http("us-east", "GET", path, headers=headers or {}, listener="http")


def _has_graphiql(fleet):
    return b"graphiql" in _page(fleet, headers=HTML).body


def scenario_a_browser_gets_a_page_that_loads_nothing_from_elsewhere(fleet):
    page = _page(fleet, headers=HTML)
    equal((page.status, page.headers["content-type"]), (200, "text/html; charset=utf-8"), "page")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self';" in policy and "frame-ancestors 'none'" in policy, policy
    assert b"http://" not in page.body and b"https://" not in page.body, "the page names another host"
    files = [part.split(b'"')[1].decode() for part in page.body.split(b"src=")[1:]]
    files += [part.split(b'"')[0].decode() for part in page.body.split(b'stylesheet" href="')[1:]]
    assert len(files) >= 2, files
    for path in files:
        answer = _page(fleet, path)
        equal((answer.status, answer.headers["x-content-type-options"]), (200, "nosniff"), path)
        assert len(answer.body) > 100, path
        zipped = _page(fleet, path, {"accept-encoding": "gzip"})
        equal(zipped.headers["content-encoding"], "gzip", path)
    equal(_page(fleet, "/explorer/../config").status, 404, "another path")


def scenario_presets_are_told_in_development_to_this_machine_alone(fleet):
    token = _page(fleet, "/explorer/presets.json").json["headers"]["authorization"]
    assert token.count(".") == 2, token
    for headers in ({"host": "gateway.example:1"}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}):
        answer = _page(fleet, "/explorer/presets.json", headers)
        equal(answer.json["headers"]["authorization"], "Bearer ", str(headers))
    equal([name for name in answer.headers if name.startswith("access-control")], [], "for other origins")

    def production(config):
        config["development"] = False

    with configured(fleet, "us-east", production):
        equal(_page(fleet, "/explorer/presets.json").json["headers"]["authorization"], "Bearer ", "in production")


def scenario_a_query_is_typed_and_run_in_chromium(fleet):
    why = npm_kit.missing("playwright-core") or (None if _chromium() else "chromium is not installed (apt-get install chromium)")
    why = why or (None if _has_graphiql(fleet) else "this gateway was built without npm: no GraphiQL in it")
    if npm_kit.skipped(why):
        return
    shot = layout.ROOT / "build" / "explorer.png"
    told = npm_kit.node("explorer.mjs", _chromium(), f"http://127.0.0.1:{layout.gateway_port('us-east', 'http')}/graphql",
                        str(shot))
    equal((told["problems"], told["foreign"]), ([], []), "errors on the page and requests to other hosts")
    assert "facilities" in told["completed"], told["completed"]
    wanted = fleet.graphql("us-east", "{ facilities { code } }", token=worker(fleet)).data["facilities"]
    equal([{"code": row["code"]} for row in json.loads(told["rows"])["data"]["facilities"]], wanted, "rows")
    for words in ("Freshness", "us-east", "Plan", "facilities from operations", "verdict", "chosen", "estimated cost"):
        assert words in told["panel"], f"no {words!r} in the panel: {told['panel']}"
    assert "Mutation" in told["docs"] and "OrderConnection" in told["docs"], told["docs"]
    assert shot.stat().st_size > 10000, "screenshot"
