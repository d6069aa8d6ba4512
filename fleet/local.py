# SPDX-License-Identifier: MIT
"""The life of the local fleet: up, down, status. Each step asks what is there already, so `up` can be interrupted
anywhere and run again."""
import fcntl
import json
import os
import shutil
import time

from fleet import clusters, gateways, layout, links, migrate, nodes, pki, replication, seed
from fleet.layout import (BASE, DATABASES, DB, GATEWAYS, MEMCACHED, REPLICAS, ROOT, STATE, STATE_LINK, gateway_port,
                          memcached_port)
from fleet.secrets_file import password
from fleet.shell import FleetError, db_user, each, pid_of, say, terminate, wait_for

SCRIPTS = ("heartbeat", "activity")


# ---- the state folder ----

def ensure_state():
    STATE.mkdir(parents=True, exist_ok=True)
    if STATE_LINK != STATE and not STATE_LINK.exists():
        STATE_LINK.unlink(missing_ok=True)
        STATE_LINK.symlink_to(STATE)
    for part in ("run", "log", "pg", "ledger"):
        (STATE / part).mkdir(exist_ok=True)
    os.chmod(STATE / "run", 0o711)
    if db_user():
        os.chown(STATE / "pg", *db_user())


class Lock:
    """One command at a time changes the fleet."""

    def __enter__(self):
        self.file = open(STATE / "run" / "lock", "w", encoding="ascii")
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("another ./dev command is at work on this fleet; waiting for it")
            fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *_):
        self.file.close()


def _claim_ports():
    kept = STATE / "port-base"
    if kept.exists() and int(kept.read_text()) != BASE:
        raise FleetError(f"this fleet was made on MERIDIAN_PORT_BASE={kept.read_text().strip()}; its subscriptions name "
                         "those ports. Use that base, or start afresh: ./dev down --purge")
    if not any(nodes.pid(node) for node in [*layout.every_node(), "proxy"]):
        busy = layout.busy_port(layout.all_ports())
        if busy:
            raise FleetError(f"port {busy} is taken by somebody else; choose another MERIDIAN_PORT_BASE (now {BASE})")
    kept.write_text(f"{BASE}\n")


# ---- which nodes are wanted ----

def expand(names):
    """Full node names for names as the command line takes them; a replica brings its primary."""
    found = []
    for name in names:
        for node in layout.resolve(name):
            primary = DB[node[3:]].primary if node.startswith("db:") else ""
            found += [f"db:{primary}", node] if primary else [node]
    return list(dict.fromkeys(found))


def wanted_nodes():
    """What the last `up` was asked to run."""
    try:
        return json.loads((STATE / "nodes.json").read_text())
    except OSError:
        return []


def remember_intent(node, running):
    """A node that was stopped on purpose is no crash, and `up` starts it again."""
    path = STATE / "run" / "stopped"
    stopped = set(path.read_text().split()) if path.exists() else set()
    stopped.discard(node)
    if not running:
        stopped.add(node)
    path.write_text("\n".join(sorted(stopped)) + "\n")


def crashed():
    """Nodes that should run, do not, and have not been told of yet."""
    path = STATE / "run" / "stopped"
    stopped = set(path.read_text().split()) if path.exists() else set()
    found = [node for node in wanted_nodes() if node not in stopped and not nodes.pid(node)]
    for node in found:
        remember_intent(node, False)
    return found


# ---- up ----

def _ensure_databases(names):
    """Clusters made and running, migrated; replicas streaming."""
    replicas = [name for name in names if DB[name].primary]
    primaries = [name for name in names if not DB[name].primary]
    young = [name for name in primaries if not clusters.exists(name)]
    if young:
        clusters.ensure_template()
    each(clusters.ensure, primaries, workers=3)
    each(clusters.start, primaries, workers=6)
    for replica in replicas:
        primary = REPLICAS[replica]
        clusters.ensure_bootstrap_role(primary)
        if clusters.exists(replica) and not clusters.ensure_physical_slot(replica):
            say(f"{replica} fell too far behind; making it anew")
            clusters.discard(replica)
        clusters.ensure_physical_slot(replica)
        clusters.ensure(replica, None if primary in young else primary)
    each(clusters.start, replicas)
    for primary in set(REPLICAS.values()) & set(names):
        clusters.ensure_synchronous(primary, [r for r in replicas if REPLICAS[r] == primary])
    say(f"{len(names)} Postgres clusters run")
    if sum(each(migrate.migrate, primaries)):
        say("migrations applied")


def _start_site_services(wanted):
    each(nodes.start, [node for node in wanted if node.startswith("memcached:")])
    if not gateways.binary():
        say("no meridian executable: databases only")
        return
    each(nodes.start, [node for node in wanted if node.startswith("gateway:")])
    each(nodes.start, [node for node in wanted if node.startswith("worker:")])
    say("gateways, caches and workers run")
    _await_first_answers(wanted)


def _await_first_answers(wanted):
    """Return when a first request would be answered in full. What does not come in time is said, not fatal: a part of
    a fleet may lack what a source needs."""
    def ready(node):
        answer = nodes.http_get(gateway_port(node.removeprefix("gateway:")), "/ready")
        return answer is not None and answer[0] == 200

    def rolled_up(node):
        region = node.removeprefix("worker:rollup-")
        return clusters.query("analytics", "select count(*) from rollup_watermark where region = %s", (region,)) == [
            (len(layout.facilities_of(region)),)]
    checks = [(node, ready) for node in wanted if node.startswith("gateway:")]
    if "db:analytics" in wanted:
        checks += [(node, rolled_up) for node in wanted if node.startswith("worker:")]

    def late(check):
        node, done = check
        try:
            wait_for(node, 20, lambda: done(node), step=0.2)
        except FleetError:
            return node
        return None
    missing = [node for node in each(late, checks, workers=len(checks) or 1) if node]
    say("not ready: " + " ".join(missing) if missing else "all ready")


def fleet_json():
    return {
        "portBase": BASE,
        "ca": str(pki.CA),
        "gateways": {name: {"http": f"http://127.0.0.1:{gateway_port(name)}",
                            "https": f"https://127.0.0.1:{gateway_port(name, 'https')}",
                            "admin": f"http://127.0.0.1:{gateway_port(name, 'admin')}"} for name in GATEWAYS},
        "postgres": {name: clusters.dsn(name) for name in DATABASES},
        "memcached": [f"127.0.0.1:{memcached_port(site)}" for site in MEMCACHED],
    }


def _write_fleet_json(wanted):
    path = STATE / "fleet.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(fleet_json(), indent=2) + "\n")
    (STATE / "nodes.json").write_text(json.dumps(wanted) + "\n")
    (STATE / "run" / "stopped").unlink(missing_ok=True)


def up(size="S", only=None, databases_only=False, activity=True):
    ensure_state()
    with Lock():
        _claim_ports()
        wanted = [node for node in layout.every_node() if only is None or node in only]
        if databases_only:
            wanted = [node for node in wanted if node.startswith("db:")]
        names = [node[3:] for node in wanted if node.startswith("db:")]
        password("postgres")
        pki.ensure_certificates()
        pki.ensure_token_keys()
        data = seed.Generation(names, size)   # in the background while clusters are made
        if data.todo:
            for script in SCRIPTS:   # nobody may write to a database before its past is loaded
                terminate(script)
        links.start()
        _ensure_databases(names)
        data.load()
        made = replication.ensure(names, data.todo)
        if made:
            say(f"{made} subscriptions made")
        gateways.write_configs()
        _write_fleet_json(wanted)
        start_heartbeat()
        _start_site_services(wanted)
        if activity:
            start_activity(None)
        say("up")


def start_heartbeat():
    nodes.python("heartbeat", "heartbeat.py", "--fleet", STATE / "fleet.json")


def stop_activity():
    terminate("activity")


def start_activity(rate):
    """Live activity at this pace; None: as it goes already, or at the pace it had last, at first 1."""
    kept = STATE / "activity-rate"
    if rate is None:
        if pid_of("activity"):
            return
        rate = float(kept.read_text()) if kept.exists() else 1.0
    kept.write_text(f"{rate}\n")
    stop_activity()
    nodes.python("activity", "activity.py", "--fleet", STATE / "fleet.json", "--rate", rate, "--ledger", STATE / "ledger")


# ---- down ----

def down(orderly=True):
    """Stop everything. Not orderly: databases that are to be deleted anyway need no last checkpoint."""
    if not STATE.exists():
        return
    with Lock():
        for script in reversed(SCRIPTS):
            terminate(script)
        every = layout.every_node()
        each(nodes.stop, [node for node in every if node.split(":")[0] in ("worker", "gateway")], workers=12)
        each(nodes.stop, [node for node in every if node.startswith("memcached:")])
        # The replicas first: a primary's orderly stop waits until they have all its WAL.
        databases = [name for name in DATABASES if clusters.postmaster(name)]
        for group in ([n for n in databases if not DB[n].primary], [n for n in databases if DB[n].primary]):
            each(lambda name: clusters.stop(name, "fast" if orderly else "immediate"), group, workers=8)
        terminate("proxy")
    print("fleet stopped")


def purge():
    running = [node for node in layout.every_node() if nodes.pid(node)]
    if running:
        raise FleetError(f"still running: {' '.join(running)}")
    shutil.rmtree(STATE, ignore_errors=True)
    if STATE_LINK.is_symlink():
        STATE_LINK.unlink()
    print("fleet deleted")


# ---- status ----

def status():
    """fleet.json, and besides it what runs, how links are and how far each flow is behind."""
    try:
        facts = json.loads((STATE / "fleet.json").read_text())
    except OSError:
        return {**{key: {} for key in ("gateways", "postgres")}, "portBase": BASE, "memcached": [], "nodes": {}}
    running = {node: nodes.pid(node) for node in wanted_nodes()}
    facts["nodes"] = {node: {"running": bool(pid), "pid": pid} for node, pid in running.items()}
    for script in ("proxy", *SCRIPTS):
        facts["nodes"][script] = {"running": bool(pid_of(script)), "pid": pid_of(script)}
    facts["links"] = links.status() if pid_of("proxy") else []
    facts["replication"] = []
    names = [node[3:] for node, pid in running.items() if node.startswith("db:") and pid]
    try:
        live = replication.live_environments(names)
    except Exception:   # a database that is going down right now
        return facts
    facts["live"] = live

    def ask(flow):
        try:
            return {"from": flow.origin, "to": flow.target, "kind": flow.kind, **(replication.lag(flow) or {})}
        except Exception as problem:
            return {"from": flow.origin, "to": flow.target, "kind": flow.kind, "error": str(problem).strip()}
    facts["replication"] = each(ask, replication.present_flows(names, live), workers=8)
    return facts


def print_status(facts):
    for node, state in facts["nodes"].items():
        print(f"{node:32} {'runs' if state['running'] else 'STOPPED':8} {state['pid'] or ''}")
    odd = [link for link in facts["links"] if link["state"] != "up" or link["delayMs"]]
    print(f"links: {len(facts['links'])}" + ("" if odd else ", all up"))
    for link in odd:
        print(f"  {' '.join(link['sites'])}: {link['state']}, delay {link['delayMs']} ms")
    print("replication:")
    for flow in facts["replication"]:
        state = flow.get("error") or ("no slot" if "active" not in flow else
                                      f"{'active' if flow['active'] else 'INACTIVE'} {flow['lagBytes']} bytes behind"
                                      + ("" if flow["walStatus"] == "reserved" else f" ({flow['walStatus']})"))
        print(f"  {flow['kind']:7} {flow['from']:24} -> {flow['to']:24} {state}")


def print_welcome(only=None):
    facts = fleet_json()
    dev = ROOT / "dev"
    if not gateways.binary():
        return
    print("\nGateways (HTTP, HTTPS with ca " + facts["ca"] + "):")
    for name, urls in facts["gateways"].items():
        if not only or f"gateway:{name}" in wanted_nodes():
            print(f"  {name:24} {urls['http']}/graphql  {urls['https']}/graphql  admin {urls['admin']}")
    stock = ('{"query":"query Stock($f: ID!) { inventoryLevels(facilityId: $f, first: 5) { edges { node { product { sku '
             'name } onHand available lastUpdated dataFreshness { isStale ageSeconds facilityOnline warning } } } } }",'
             '"variables":{"f":"facility-la-001"}}')
    now = int(time.time()) // 86400 * 86400
    day = [time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(now - back * 86400)) for back in (7, 0)]
    board = ('{"query":"query Exec($r: TimeRange!) { globalKpis(range: $r, metrics: [REVENUE OEE ON_TIME_DELIVERY '
             'SCRAP_RATE BACKLOG]) { totals { metric value target finality } byRegion { region totals { metric value } } '
             'dataFreshness { ageSeconds isStale } } }","variables":{"r":{"from":"' + day[0] + '","to":"' + day[1] + '"}}}')
    requests = (("A worker far away reads the stock of Los Angeles, from the region that holds it", "us-east", stock,
                 "--tenant tenant-foo-inc --role worker --region us-east --facilities facility-la-001"),
                ("The executive dashboard of the last seven closed days, from the global tier", "global", board,
                 "--tenant tenant-foo-inc --role executive"))
    for what, gateway, body, claims in requests:
        print(f"\n# {what}\ncurl -s --http2 --cacert {facts['ca']} {facts['gateways'][gateway]['https']}/graphql \\\n"
              f"  -H \"authorization: Bearer $({dev} token {claims})\" -H 'content-type: application/json' \\\n"
              f"  -d '{body}'")
    print(flush=True)
