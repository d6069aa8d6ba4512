# SPDX-License-Identifier: MIT
"""Start, stop and kill one node of the fleet by its full name (db:NAME, gateway:NAME, memcached:SITE, worker:NAME)."""
import http.client
import os
import shutil
import sys

from fleet import clusters, gateways, links
from fleet.layout import ROOT, STATE, gateway_port, log_file, memcached_port
from fleet.shell import FleetError, kill as kill_process, pid_of, spawn, started_at, terminate, wait_for


def _environment():
    """Sanitizers stop at the first finding and the log says which; leaks are looked for when a process ends."""
    return dict(os.environ, ASAN_OPTIONS="abort_on_error=0:detect_leaks=1:exitcode=99",
                LSAN_OPTIONS=f"suppressions={ROOT / 'tests' / 'lsan.supp'}:print_suppressions=0",
                UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1")


def _meridian():
    found = gateways.binary()
    if not found:
        raise FleetError("meridian is not built (./dev build)")
    return found


def http_get(port, path, timeout=2.0):
    """(status, body) of a plain request on loopback, or None when nobody answers."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        link.request("GET", path)
        answer = link.getresponse()
        return answer.status, answer.read()
    except OSError:
        return None
    finally:
        link.close()


def _last_lines(node, count=5):
    try:
        return "\n".join(log_file(node.replace(":", "-")).read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return ""


def _healthy(name):
    answer = http_get(gateway_port(name), "/health")
    if answer is None and not pid_of(f"gateway:{name}"):
        raise FleetError(f"gateway {name} ended while starting\n{_last_lines(f'gateway:{name}')}")
    return answer is not None and answer[0] == 200


def _outdated(node, config):
    """Whether this running process is older than its executable or its configuration."""
    since = started_at(node)
    return since is not None and max(_meridian().stat().st_mtime, config.stat().st_mtime) > since


def _start_meridian(node, command, config):
    if _outdated(node, config):
        stop(node)
    spawn(node, [_meridian(), command, "--config", config], env=_environment())


def _start_gateway(name):
    _start_meridian(f"gateway:{name}", "serve", gateways.config_file(name))
    wait_for(f"gateway {name} to be healthy", 30, lambda: _healthy(name))


def _start_memcached(site):
    binary = shutil.which("memcached")
    if not binary:
        raise FleetError("memcached is not installed")
    spawn(f"memcached:{site}", [binary, "-l", "127.0.0.1", "-p", memcached_port(site), "-U", "0", "-m", "64",
                                "-t", "2"], as_db=True)


def _start_worker(name):
    region = name.removeprefix("rollup-")
    _start_meridian(f"worker:{name}", "rollup", gateways.config_file(region))


def start(node):
    if node == "proxy":
        links.start()
        return
    kind, name = node.split(":")
    if kind == "db":
        clusters.start(name)
    else:
        {"gateway": _start_gateway, "memcached": _start_memcached, "worker": _start_worker}[kind](name)


def stop(node):
    kind, _, name = node.partition(":")
    if kind == "db":
        clusters.stop(name)
    else:
        # A gateway drains; it has 10 s by contract, and a sanitizer build looks for leaks after that.
        terminate(node, 20)


def kill(node):
    kind, _, name = node.partition(":")
    if kind == "db":
        clusters.kill(name)
    else:
        kill_process(node)


def pid(node):
    kind, _, name = node.partition(":")
    return clusters.postmaster(name) if kind == "db" else pid_of(node)


def python(name, script, *args):
    """A long-running script of the fleet (heartbeat, activity) as a remembered process."""
    return spawn(name, [sys.executable, "-u", ROOT / "fleet" / "activity" / script, *args],
                 env=dict(os.environ, PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE="1", MERIDIAN_FLEET_DIR=str(STATE)))
