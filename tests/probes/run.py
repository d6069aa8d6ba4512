#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs probes: run.py --server BINARY [--unguarded BINARY] [NAME…]. Without names: all. Exit 1 when one failed."""
import argparse
import sys
import time

import kit
import probes_http1  # noqa: F401 (each registers its probes)
import probes_http2  # noqa: F401
import probes_life  # noqa: F401
import probes_random  # noqa: F401
import probes_slow  # noqa: F401
import probes_tls  # noqa: F401


def run(name, args):
    fn = kit.PROBES[name]
    started = time.monotonic()
    server = None
    try:
        binary = args.unguarded if getattr(fn, "unguarded", False) else args.server
        server = kit.Server(binary, *getattr(fn, "options", ()), tls=getattr(fn, "tls", False))
        fn(server)
        if not getattr(fn, "ends", False):
            server.still_serves()
        status, errors = server.stop()
        server = None
        kit.check(status == getattr(fn, "status", 0), f"the server ended with status {status}: {errors[-3000:]}")
        return None
    except kit.Failed as e:
        return str(e)
    except OSError as e:  # the probe's own socket, where it expected none to fail
        return f"{e} at line {e.__traceback__.tb_next.tb_lineno if e.__traceback__.tb_next else '?'}"
    finally:
        if server and server.alive():
            server.process.kill()
            server.process.wait()
        print(f"{name}: {time.monotonic() - started:.1f} s", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True)
    parser.add_argument("--unguarded")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    failed = 0
    for name in args.names or sorted(kit.PROBES):
        why = run(name, args)
        failed += why is not None
        print(f"{'FAILED' if why else 'passed'} {name}{': ' + why if why else ''}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
