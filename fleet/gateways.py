# SPDX-License-Identifier: MIT
"""What each gateway of the fleet is told: its YAML configuration, written anew at every start of the fleet.

A gateway opens SQL only to databases of its own site; every other site is a placement of kind graphql that is
dialled through the link proxy. The rollup worker of a region reads the same file as the region's gateway.
"""
import json
import os

import yaml

from fleet.clusters import dsn
from fleet.layout import (BASE, DB, ENVIRONMENTS, FACILITIES, GATEWAYS, REGIONS, REPLICAS, RETENTION_DAYS, ROOT, STATE,
                          environments_of, facilities_of, gateway_port, link_port, memcached_port, neighbours_of)
from fleet.pki import AUDIENCE, CA, JWKS, certificate, token

CONFIG = STATE / "config"
EXPLORER = CONFIG / "explorer.json"   # the headers that the explorer begins with


def config_file(name):
    return CONFIG / f"{name}.yaml"


def _postgres(database, source):
    node = DB[database]
    placement = {"name": database, "kind": "postgres", "tier": node.tier, "url": dsn(database, "gw_read")}
    if node.region:
        placement["region"] = node.region
    if node.environment:
        placement["environment"] = node.environment
    if node.facility:
        placement["facility"] = node.facility
    placement["role"] = "replica" if node.primary else "primary"
    if source == "operations":
        placement["retention"] = f"{RETENTION_DAYS[node.tier]}d"
    if source == "operations" and not node.primary:
        placement["writeUrl"] = dsn(database, "gw_write")
        if node.environment:
            placement["fenceUrl"] = dsn(database, "fence")
    return placement


def _hop(site, other, source):
    """Another site's gateway, as `site` dials it."""
    placement = {"name": other, "kind": "graphql", "tier": "global" if other == "global" else "regional",
                 "url": f"https://127.0.0.1:{link_port(site, f'sources:{other}')}/sources/{source}"}
    if other in FACILITIES:
        placement.update(tier="edge", region=FACILITIES[other], facility=other, retention=f"{RETENTION_DAYS['edge']}d")
    elif other in REGIONS:
        placement["region"] = other
    return placement


def _operations(name):
    if name in FACILITIES:
        return [_postgres(name, "operations")]
    if name == "global":
        return [_hop(name, region, "operations") for region in REGIONS]
    own = [*environments_of(name), *(replica for replica, primary in REPLICAS.items() if DB[primary].region == name)]
    return ([_postgres(database, "operations") for database in own]
            + [_hop(name, other, "operations") for other in [*facilities_of(name), *neighbours_of(name)]])


def _analytics(name):
    if name == "global":
        return [_postgres("analytics", "analytics")] + [_hop(name, region, "analytics") for region in REGIONS]
    return ([_postgres(database, "analytics") for database in environments_of(name)]
            + [_hop(name, "global", "analytics")])


def _sources(name):
    schema = ROOT / "schema"
    sources = {"operations": {"sdl": str(schema / "operations.graphql"), "staleAfter": 60,
                              "placements": _operations(name)}}
    if name not in FACILITIES:   # an edge has no KPIs: they are counted in its region and kept on the global tier
        sources["analytics"] = {"sdl": str(schema / "analytics.graphql"), "staleAfter": 3900,
                                "kpis": str(schema / "kpis.yaml"), "placements": _analytics(name)}
    return sources


def _regions():
    return {name: {"location": facts["location"], "countries": facts["countries"], "environments": list(ENVIRONMENTS),
                   "residency": facts["residency"],
                   "entryPoint": f"https://127.0.0.1:{gateway_port(name, 'https')}/graphql",
                   "facilities": facilities_of(name)} for name, facts in REGIONS.items()}


def _self(name):
    if name == "global":
        return {"name": name, "tier": "global"}
    if name in REGIONS:
        return {"name": name, "tier": "regional", "region": name}
    return {"name": name, "tier": "edge", "region": FACILITIES[name], "facility": name}


def config(name):
    address = {which: f"127.0.0.1:{gateway_port(name, which)}" for which in ("http", "https", "sources", "admin")}
    crt, key = certificate(name)
    made = {
        "self": _self(name),
        "listen": [{"address": address["http"]}, {"address": address["https"], "tls": True}],
        "sourcesListen": {"address": address["sources"], "tls": True, "clientCa": str(CA)},
        "admin": {"address": address["admin"]},
        "tls": {"certificate": str(crt), "key": str(key), "ca": str(CA)},
        "supergraph": str(ROOT / "schema" / "supergraph.graphql"),
        "threads": 1,
        "regions": _regions(),
        "sources": _sources(name),
        "auth": {"jwks": str(JWKS), "audience": AUDIENCE},
        "cache": {"memory": "64MiB"},
        "introspection": True,
        "development": True,
        "explorer": {"headers": str(EXPLORER)},
        "telemetry": {"log": "info"},
    }
    if name not in FACILITIES:
        made["cache"]["memcached"] = [f"127.0.0.1:{memcached_port(name)}"]
    if name in REGIONS:
        made["cutover"] = {"stabilise": "1m"}   # a day where it is not for trying out
        made["monitor"] = {"interval": "10s", "timeout": "5s", "failures": 2}
        made["rollup"] = {"interval": "10s", "lookback": "2h", "target": dsn("analytics", "rollup", site=name),
                          "source": [{"environment": DB[database].environment, "url": dsn(database, "rollup")}
                                     for database in environments_of(name)]}
    return made


def write_configs():
    CONFIG.mkdir(parents=True, exist_ok=True)
    EXPLORER.touch(mode=0o600)
    EXPLORER.write_text(json.dumps({"authorization": f"Bearer {token('tenant-foo-inc', 'developer', lifetime=7 * 86400)}",
                                    "meridian-explain": "plan"}))
    for name in GATEWAYS:
        path = config_file(name)
        head = f"# The {name} gateway of the local fleet on ports from {BASE}. Written by fleet/gateways.py at each start.\n"
        text = head + yaml.safe_dump(config(name), sort_keys=False, width=110)
        if not path.exists() or path.read_text() != text:   # its age tells who must be started again
            path.touch(mode=0o600)
            path.write_text(text)


def binary():
    """The meridian executable of the build folder this run uses, or None when it is not built."""
    place = ROOT / os.environ.get("MERIDIAN_BUILD", "build/release") / "gateway" / os.environ.get("MERIDIAN_NAME", "meridian")
    return place if place.exists() else None


def proxy_binary():
    return ROOT / os.environ.get("MERIDIAN_BUILD", "build/release") / "fleet" / "linkproxy"
