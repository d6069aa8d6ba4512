#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The client's own record of the orders it sent, and the comparison of that record with the databases.

A ledger is one append-only file a facility, a JSON object a line, on disk (fsync) before the order is sent
and again when the answer is known; so whatever is killed when, an accepted order is known outside the
databases:
  {"event": "sent", "key": …, "facility": …, "tenant": …, "sent_at": …}
  {"event": "accepted", "key": …, "order": <uuid>, "facility": …, "at": …}     or "refused" with "codes"

  ledger.py compare --fleet .fleet/fleet.json [--ledger DIR] [--facility F]… [--wait SECONDS]

compare: every accepted order is at its edge, and the edge's orders are the same set as in blue and in green;
a key has made one order. One line a facility; exit 1 when something differs after --wait seconds."""

import argparse
import json
import os
import sys
import time

import psycopg2

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "data"))
import topology  # noqa: E402


class Ledger:
    """Appends to one facility's file. Used by one thread."""

    def __init__(self, folder, facility):
        os.makedirs(folder, exist_ok=True)
        self.file = open(path_of(folder, facility), "a", encoding="utf-8")

    def write(self, **entry):
        self.file.write(json.dumps(entry) + "\n")
        self.file.flush()
        os.fsync(self.file.fileno())


def path_of(folder, facility):
    return os.path.join(folder, f"orders-{facility}.jsonl")


def read(folder, facility):
    """({key: order id} accepted, {keys without a known outcome}). A torn last line is no entry."""
    accepted, open_keys = {}, set()
    try:
        with open(path_of(folder, facility), encoding="utf-8") as lines:
            for line in lines:
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue
                if entry["event"] == "sent":
                    open_keys.add(entry["key"])
                    continue
                open_keys.discard(entry["key"])
                if entry["event"] == "accepted":
                    accepted[entry["key"]] = entry["order"]
    except FileNotFoundError:
        pass
    return accepted, open_keys - set(accepted)


def fetch(dsn, facility):
    """(order ids, {key: order id}) that a database holds of a facility."""
    conn = psycopg2.connect(dsn, connect_timeout=5)
    try:
        with conn, conn.cursor() as cur:
            cur.execute("SELECT order_id::text FROM orders WHERE facility_id = %s", (facility,))
            ids = {row[0] for row in cur.fetchall()}
            cur.execute("SELECT key, split_part(answer #>> '{order,id}', '~', 4) FROM idempotency"
                        " WHERE facility_id = %s AND answer #>> '{order,id}' IS NOT NULL", (facility,))
            return ids, dict(cur.fetchall())
    finally:
        conn.close()


def differences(databases, folder, facility):
    """([what differs], number of orders, number of accepted keys)"""
    region = topology.region_of(facility)
    accepted, _ = read(folder, facility)
    found = []
    # The copies are read first: an order that is taken meanwhile is then at the edge only, and is waited for.
    copies = {env: fetch(databases[f"{region}-{env}"], facility) for env in ("blue", "green")}
    ids, keys = fetch(databases[facility], facility)
    for key, order in accepted.items():
        if order not in ids:
            found.append(f"accepted order {order} (key {key}) is not at the edge")
        if key in keys and keys[key] != order:
            found.append(f"key {key} made {keys[key]}, the client was told {order}")
    for env, (copy, _) in copies.items():
        if ids - copy:
            found.append(f"{len(ids - copy)} orders missing in {env}, first {min(ids - copy)}")
        if copy - ids:
            found.append(f"{len(copy - ids)} orders in {env} that the edge does not have, first {min(copy - ids)}")
    return found, len(ids), len(accepted)


def compare(databases, folder, facilities, wait):
    failed = False
    end = time.monotonic() + wait
    for facility in facilities:
        while True:
            try:
                found, orders, accepted = differences(databases, folder, facility)
            except psycopg2.OperationalError as why:
                found, orders, accepted = [str(why).strip().splitlines()[0]], 0, 0
            if not found or time.monotonic() >= end:
                break
            time.sleep(0.3)
        print(f"{facility}: {orders} orders, {accepted} in the ledger:", "; ".join(found) if found else "equal")
        failed = failed or bool(found)
    return 1 if failed else 0


def main():
    ask = argparse.ArgumentParser(description="Compare the clients' ledgers with edges, blue and green.")
    ask.add_argument("command", choices=("compare",))
    ask.add_argument("--fleet", required=True)
    ask.add_argument("--ledger", help="folder of the ledgers; default: ledger/ beside fleet.json")
    ask.add_argument("--facility", action="append", choices=list(topology.FACILITIES))
    ask.add_argument("--wait", type=float, default=0.0)
    args = ask.parse_args()
    with open(args.fleet, encoding="utf-8") as fleet:
        databases = json.load(fleet)["postgres"]
    folder = args.ledger or os.path.join(os.path.dirname(os.path.abspath(args.fleet)), "ledger")
    return compare(databases, folder, args.facility or [f for f in topology.FACILITIES if f in databases], args.wait)


if __name__ == "__main__":
    sys.exit(main())
