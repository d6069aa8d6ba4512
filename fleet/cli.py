# SPDX-License-Identifier: MIT
"""The commands of ./dev that concern the local fleet: up, down, status, link, stop, start, kill, sql, activity, token."""
import argparse
import json
import os
import signal
import subprocess
import sys
import time

from fleet import clusters, layout, links, local, nodes, pki
from fleet.layout import DB, ROOT
from fleet.shell import FleetError


def cmd_up(args):
    local.up(args.size, set(local.expand(args.only)) if args.only else None, args.databases_only,
             activity=not args.quiet)
    local.print_welcome(args.only)
    if args.detach:
        return 0
    print("Ctrl-C stops the fleet.", flush=True)
    stopped = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.append(True))
    while not stopped:
        time.sleep(0.5)
        for node in local.crashed():
            print(f"{node} ended by itself; its log: {layout.log_file(node.replace(':', '-'))}", file=sys.stderr, flush=True)
    local.down()
    return 0


def cmd_down(args):
    local.down(orderly=not args.purge)
    if args.purge:
        local.purge()
    return 0


def cmd_status(args):
    facts = local.status()
    if args.json:
        print(json.dumps(facts, indent=2))
        return 0
    if not facts["nodes"]:
        print("no fleet here; start one with ./dev up")
        return 1
    local.print_status(facts)
    return 0


def cmd_link(args):
    if args.state == "delay":
        if args.milliseconds is None:
            raise FleetError("delay needs milliseconds: ./dev link A B delay 80")
    elif args.milliseconds is not None:
        raise FleetError(f"{args.state} takes no milliseconds")
    links.change(args.a, args.b, args.state, args.milliseconds)
    return 0


def cmd_node(args):
    for node in layout.resolve(args.node):
        {"stop": nodes.stop, "start": nodes.start, "kill": nodes.kill}[args.command](node)
        local.remember_intent(node, args.command == "start")
    return 0


def cmd_sql(args):
    name = args.node.removeprefix("db:")
    if name not in DB:
        raise FleetError(f"no database is called {name}; databases: {' '.join(DB)}")
    cmd = [str(layout.PG_BIN / "psql"), "-X", "-v", "ON_ERROR_STOP=1", "-d", clusters.dsn(name)]
    if args.sql == "-" or not args.sql:
        return subprocess.run(cmd).returncode
    return subprocess.run([*cmd, "-c", args.sql]).returncode


def cmd_activity(args):
    if args.what == "off":
        local.stop_activity()
    else:
        local.start_activity(None if args.what == "on" else float(args.what))
    return 0


def cmd_token(args):
    def listed(text):
        return [part for part in text.split(",") if part] if text else None
    print(pki.token(args.tenant, args.role, listed(args.region), listed(args.facilities), args.exp, args.alg))
    return 0


def _rate(text):
    if text not in ("on", "off"):
        try:
            if float(text) <= 0:
                raise ValueError
        except ValueError:
            raise argparse.ArgumentTypeError("on, off, or a rate above 0 (1 is the usual pace)") from None
    return text


def parser():
    top = argparse.ArgumentParser(prog="./dev")
    commands = top.add_subparsers(dest="command", required=True)

    def add(name, work, text):
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(work=work)
        return made

    up = add("up", cmd_up, "Start the local fleet; a second time: what is missing of it.")
    up.add_argument("--detach", action="store_true", help="return when everything runs")
    up.add_argument("--size", choices=["S", "M"], default="S", help="of the data, at the first start")
    up.add_argument("--only", type=lambda text: text.split(","), metavar="NODE,…", help="start only these nodes")
    up.add_argument("--quiet", action="store_true", help="no live activity (heartbeats go on)")
    up.add_argument("--databases-only", action="store_true", help="no gateways, caches and workers")
    down = add("down", cmd_down, "Stop the local fleet.")
    down.add_argument("--purge", action="store_true", help="delete its data too")
    status = add("status", cmd_status, "What runs, how far replication is behind, how the links are.")
    status.add_argument("--json", action="store_true")
    link = add("link", cmd_link, "Change the link between two sites.")
    link.add_argument("a")
    link.add_argument("b")
    link.add_argument("state", choices=["up", "down", "stall", "delay", "reset"])
    link.add_argument("milliseconds", nargs="?", type=int)
    for name, text in (("stop", "Stop a node in an orderly way."), ("start", "Start a node again."),
                       ("kill", "Kill a node at once (SIGKILL).")):
        add(name, cmd_node, text).add_argument("node")
    sql = add("sql", cmd_sql, "Run SQL on a database, as superuser.")
    sql.add_argument("node")
    sql.add_argument("sql", nargs="?", help="a statement; - or nothing: standard input")
    add("activity", cmd_activity, "Live activity in all facilities.").add_argument("what", type=_rate, metavar="on|off|RATE")
    token = add("token", cmd_token, "A signed token for the fleet's gateways.")
    token.add_argument("--tenant", required=True)
    token.add_argument("--role", required=True,
                       choices=["executive", "worker", "sales", "operator", "developer", "service"])
    token.add_argument("--region", help="one or a comma list")
    token.add_argument("--facilities", help="comma list; default: all of the tenant's")
    token.add_argument("--exp", type=int, default=12 * 3600, metavar="SECONDS", help="lifetime, negative: expired")
    token.add_argument("--alg", choices=["HS256", "RS256", "ES256"], default="HS256")
    return top


def main():
    args = parser().parse_args()
    os.chdir(ROOT)
    try:
        if args.command not in ("up", "down", "status") and not (layout.STATE / "fleet.json").exists():
            raise FleetError("no fleet here; start one with ./dev up")
        return args.work(args) or 0
    except (FleetError, LookupError) as problem:
        print(f"./dev {args.command}: {problem.args[0] if problem.args else problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
