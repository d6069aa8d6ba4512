# SPDX-License-Identifier: MIT
"""The local fleet on paper: sites, nodes, ports, links, folders.

Everything here follows from MERIDIAN_PORT_BASE and the tables below, so two processes that read this file agree
without asking each other. Nothing here starts or touches anything.

A *site* is a place (a facility, a region, `global`); a *node* is a process at a site. The gateway and the database
of a facility share the site's name: where one name must mean one process, write `gateway:NAME` or `db:NAME`.
"""
import hashlib
import os
import socket
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Where the state is asked to be; STATE is where it really is.
STATE_LINK = Path(os.environ.get("MERIDIAN_FLEET_DIR") or ROOT / ".fleet").absolute()


def _state():
    """STATE_LINK itself, or, where a parent is closed to the user that Postgres runs as when root starts the fleet
    (a checkout under /root), a folder under /var/tmp that STATE_LINK will point to."""
    if STATE_LINK.exists():
        return STATE_LINK.resolve()
    if os.geteuid() == 0 and not all(folder.stat().st_mode & 0o001 for folder in STATE_LINK.parents if folder.exists()):
        return Path("/var/tmp") / f"meridian-fleet-{hashlib.sha256(bytes(STATE_LINK)).hexdigest()[:12]}"
    return STATE_LINK


STATE = _state()
PG_BIN = Path("/usr/lib/postgresql/15/bin")
DATABASE = "meridian"
DEFAULT_PORT_BASE = 21000
ENVIRONMENTS = ("blue", "green")
# Rows that each tier keeps; what a range asks beyond is asked of a tier that has it, or refused.
RETENTION_DAYS = {"edge": 30, "regional": 730}

REGIONS = {
    "us-east": {"location": [38.9, -77.0], "countries": ["US", "CA", "MX", "BR", "PH"], "residency": "open"},
    "eu-central": {"location": [50.1, 8.7], "countries": ["DE", "FR", "GB", "PL", "AE"], "residency": "closed"},
    "apac": {"location": [1.35, 103.8], "countries": ["CN", "SG", "JP", "IN", "AU"], "residency": "closed"},
}
FACILITIES = {
    "facility-la-001": "us-east",
    "facility-newyork-001": "us-east",
    "facility-boston-001": "us-east",
    "facility-frankfurt-001": "eu-central",
    "facility-london-001": "eu-central",
    "facility-shanghai-001": "apac",
    "facility-singapore-001": "apac",
}
# Whose rows a facility's database holds. The owner comes first; the Bar rows at LA are there so that row-level
# isolation is exercised inside one database.
TENANTS_AT = {
    "facility-la-001": ("tenant-foo-inc", "tenant-bar-inc"),
    "facility-newyork-001": ("tenant-foo-inc",),
    "facility-boston-001": ("tenant-bar-inc",),
    "facility-frankfurt-001": ("tenant-foo-inc",),
    "facility-london-001": ("tenant-bar-inc",),
    "facility-shanghai-001": ("tenant-foo-inc",),
    "facility-singapore-001": ("tenant-baz-inc",),
}
REPLICAS = {"us-east-blue-r1": "us-east-blue", "us-east-blue-r2": "us-east-blue"}

SITES = ["global", *REGIONS, *FACILITIES]
GATEWAYS = SITES
DATABASES = [
    "us-east-blue", "us-east-green", "us-east-blue-r1", "us-east-blue-r2",
    "eu-central-blue", "eu-central-green", "apac-blue", "apac-green",
    *FACILITIES, "analytics",
]
MEMCACHED = ["global", *REGIONS]
WORKERS = [f"rollup-{region}" for region in REGIONS]


@dataclass(frozen=True)
class Database:
    name: str
    tier: str          # edge | regional | global
    site: str
    region: str
    environment: str   # blue | green, regional only
    facility: str      # edge only
    primary: str       # the node this one streams from, replicas only
    port: int


@dataclass(frozen=True)
class Link:
    """One listener of the link proxy: what `origin` must dial to reach `target` on another site."""
    port: int
    target_port: int
    origin: str        # site that dials
    site: str          # site that is dialled
    target: str        # db:NAME or sources:NAME


def state_port_base():
    """The port base: from the environment, else what this state folder was made with, else the default."""
    asked = os.environ.get("MERIDIAN_PORT_BASE")
    if asked:
        return int(asked)
    try:
        return int((STATE / "port-base").read_text())
    except (OSError, ValueError):
        return DEFAULT_PORT_BASE


BASE = state_port_base()


def environments_of(region):
    return [f"{region}-{env}" for env in ENVIRONMENTS]


def facilities_of(region):
    return [name for name, where in FACILITIES.items() if where == region]


def neighbours_of(region):
    return [name for name in REGIONS if name != region]


def tenants_of(region):
    seen = {}
    for facility in facilities_of(region):
        seen.update(dict.fromkeys(TENANTS_AT[facility]))
    return list(seen)


def _database(name):
    port = BASE + 200 + DATABASES.index(name)
    if name == "analytics":
        return Database(name, "global", "global", "", "", "", "", port)
    if name in FACILITIES:
        return Database(name, "edge", name, FACILITIES[name], "", name, "", port)
    primary = REPLICAS.get(name, "")
    region, environment = (primary or name).rsplit("-", 1)
    return Database(name, "regional", region, region, environment, "", primary, port)


DB = {name: _database(name) for name in DATABASES}


def gateway_port(name, which="http"):
    offset = {"http": 0, "https": 1, "sources": 2, "admin": 3}[which]
    return BASE + 10 * (GATEWAYS.index(name) + 1) + offset


def memcached_port(site):
    return BASE + 300 + MEMCACHED.index(site)


def _links():
    """Every connection between two sites, in an order that never changes: the ports depend on it."""
    wanted = []
    for facility, region in FACILITIES.items():
        wanted.append((region, facility, f"db:{facility}"))             # up: both colours subscribe to the edge
        wanted += [(facility, region, f"db:{db}") for db in environments_of(region)]   # down: master data
        wanted.append((region, facility, f"sources:{facility}"))        # hops and health
    for region in REGIONS:
        for other in neighbours_of(region):
            wanted += [(region, other, f"db:{db}") for db in environments_of(other)]   # narrow tables
            wanted.append((region, other, f"sources:{other}"))
        wanted.append((region, "global", "db:analytics"))               # rollup worker
        wanted.append((region, "global", "sources:global"))
        wanted.append(("global", region, f"sources:{region}"))
    links = []
    for n, (origin, site, target) in enumerate(wanted):
        kind, name = target.split(":")
        port = DB[name].port if kind == "db" else gateway_port(name, "sources")
        links.append(Link(BASE + 400 + n, port, origin, site, target))
    return links


LINKS = _links()
_LINK_PORT = {(link.origin, link.target): link.port for link in LINKS}


def link_port(origin, target):
    """The port at which `origin` reaches `target` (db:NAME, sources:NAME) of another site."""
    return _LINK_PORT[(origin, target)]


def port_from(site, database):
    """The port at which a process at `site` reaches `database`: direct at home, through the link proxy abroad."""
    if DB[database].site == site:
        return DB[database].port
    return link_port(site, f"db:{database}")


def all_ports():
    ports = [DB[name].port for name in DATABASES] + [memcached_port(site) for site in MEMCACHED]
    for name in GATEWAYS:
        ports += [gateway_port(name, which) for which in ("http", "https", "sources", "admin")]
    return ports + [link.port for link in LINKS]


def busy_port(ports):
    """The first of these ports that somebody listens on, or None."""
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return port
    return None


def pg_dir(name):
    return STATE / "pg" / name


def log_file(name):
    return STATE / "log" / f"{name}.log"


def every_node():
    """All nodes by their full names, in the order in which they start."""
    return ([f"db:{name}" for name in DATABASES] + [f"memcached:{site}" for site in MEMCACHED]
            + [f"gateway:{name}" for name in GATEWAYS] + [f"worker:{name}" for name in WORKERS])


def resolve(name):
    """What a name on the command line means: a list of full node names.

    A facility's or a region's bare name is the site as a caller sees it: its gateway, and at a facility its
    database too (the box in the closet). `us-east-blue` is a database, `rollup-us-east` a worker,
    `memcached-us-east` a cache.
    """
    nodes = every_node()
    if name in nodes or name == "proxy":
        return [name]
    if name.startswith("memcached-") and name[10:] in MEMCACHED:
        return [f"memcached:{name[10:]}"]
    if name in WORKERS:
        return [f"worker:{name}"]
    found = [node for node in (f"db:{name}", f"gateway:{name}") if node in nodes]
    if not found:
        raise LookupError(f"no node is called {name}; nodes: " + " ".join(nodes))
    return found
