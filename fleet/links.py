# SPDX-License-Identifier: MIT
"""The link proxy from outside: its listener table, its start, its control socket."""
import os
import socket

from fleet.gateways import proxy_binary
from fleet.layout import LINKS, SITES, STATE
from fleet.shell import FleetError, spawn, wait_for

SOCKET = "linkproxy.sock"


def start():
    table = STATE / "run" / "linkproxy.conf"
    table.write_text("# PORT TARGET_PORT SITE SITE; written by fleet/links.py\n" + "".join(
        f"{link.port} {link.target_port} {link.origin} {link.site}\n" for link in LINKS))
    if not proxy_binary().exists():
        raise FleetError(f"{proxy_binary()} is not built (./dev build)")
    spawn("proxy", [proxy_binary(), table, STATE / "run" / SOCKET])

    def answers():
        try:
            return tell("status")
        except (OSError, FleetError):
            return None
    wait_for("the link proxy", 10, answers)


def tell(command):
    """One control command; the lines before the final `ok`."""
    folder = os.open(STATE / "run", os.O_RDONLY | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(10)
            # By way of the folder's descriptor: a state folder may be deeper than a socket's name may be long.
            control.connect(f"/proc/self/fd/{folder}/{SOCKET}")
            control.sendall(command.encode() + b"\n")
            answer = b""
            while True:
                more = control.recv(65536)
                answer += more
                lines = answer.decode().splitlines()
                if lines and answer.endswith(b"\n") and (lines[-1] == "ok" or lines[-1].startswith("error")):
                    break
                if not more:
                    raise FleetError("the link proxy closed the control connection")
    finally:
        os.close(folder)
    if lines[-1] != "ok":
        raise FleetError(lines[-1])
    return lines[:-1]


def change(a, b, state, value=None):
    for site in (a, b):
        if site not in SITES:
            raise FleetError(f"no site is called {site}; sites: {' '.join(SITES)}")
    return tell(f"{state} {a} {b} {value}" if value is not None else f"{state} {a} {b}")


def status():
    """[{sites, state, delayMs, connections, bytes}] of every pair of sites that is linked."""
    found = []
    for line in tell("status"):
        a, b, state, delay, connections, count = line.split()
        found.append({"sites": [a, b], "state": state, "delayMs": int(delay), "connections": int(connections),
                      "bytes": int(count)})
    return found


def heal():
    """All links up, without delay."""
    for link in status():
        a, b = link["sites"]
        if link["state"] != "up":
            tell(f"up {a} {b}")
        if link["delayMs"]:
            tell(f"delay {a} {b} 0")
