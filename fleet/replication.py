# SPDX-License-Identifier: MIT
"""Logical replication between the fleet's databases, safe on Postgres 15.

Four kinds of flow, all through the link proxy where they cross a border:
  up      edge -> blue and green of its region: what the facility did, filtered to the facility (R10)
  down    live environment -> its edges: master data of the tenants there (R12)
  narrow  live environment -> both environments of the other regions: the snapshot that may travel (R13, R38)
  peer    blue <-> green: the outbox of writes made in the region (T4, T14)

Rules that hold for each: the row filter is repeated per table (T1) and names only columns of the replica identity
(T2); the slot is made before the subscription (T16) and by us; copy_data is false, because both sides were loaded,
or `prime` copied under the slot's own snapshot; the apply worker belongs to role repl, which bypasses row-level
security and is no superuser (T10).
"""
import contextlib
import fcntl
import io
from dataclasses import dataclass

import psycopg2
import psycopg2.extras

from fleet.clusters import connect, dsn, query
from fleet.layout import DATABASE, DB, ENVIRONMENTS, FACILITIES, REGIONS, STATE, TENANTS_AT, environments_of
from fleet.layout import facilities_of, neighbours_of, port_from
from fleet.secrets_file import password
from fleet.shell import FleetError, each, wait_for

UP_TABLES = ("orders", "order_lines", "order_corrections", "shipments", "idempotency", "equipment",
             "equipment_status_log", "production_orders", "production_runs", "production_logs", "quality_inspections",
             "inventory_transactions", "inventory_levels", "heartbeat")
MASTER_TABLES = ("tenants", "customers", "products", "product_prices", "system_configuration")
# Never the cost of stock, never a webhook: only these columns of these tables leave a region.
NARROW_COLUMNS = {
    "heartbeat": "region, facility_id, beat_at, seq",
    "facility_status": "",
    "region_status": "",
    "order_statuses": "",
    "inventory_levels": "region, facility_id, product_id, tenant_id, on_hand, allocated, reorder_point, safety_stock, "
                        "last_updated",
    "facilities": "tenant_id, facility_id, region, code, name, country, time_zone, currency, mode, fallback_reason, "
                  "fallback_activated_at, is_active",
}
HOME_TABLES = ("products", "system_configuration")


@dataclass(frozen=True)
class Table:
    name: str
    where: str
    columns: str = ""   # all when empty


@dataclass(frozen=True)
class Flow:
    """One subscription with its slot. `origin` is the publishing database, `target` the subscribing one."""
    kind: str
    name: str
    origin: str
    target: str
    publication: str
    slot: str


def ident(name):
    return name.replace("-", "_")


def _list(values):
    return "(" + ", ".join(f"'{value}'" for value in values) + ")"


def _up_tables(facility):
    return [Table(name, f"facility_id = '{facility}'") for name in UP_TABLES]


def _down_tables(facility):
    tenants = f"tenant_id IN {_list(TENANTS_AT[facility])}"
    return [Table(name, tenants) for name in MASTER_TABLES] + [Table("facilities", f"facility_id = '{facility}'")]


def _narrow_tables(database):
    region = DB[database].region
    tables = [Table(name, f"region = '{region}'", columns) for name, columns in NARROW_COLUMNS.items()]
    homes = [tenant for (tenant,) in query(database, "select tenant_id from tenants where home_region = %s", (region,))]
    if homes:
        tables += [Table(name, f"tenant_id IN {_list(sorted(homes))}") for name in HOME_TABLES]
    return tables


def publications(database):
    """name -> tables of every publication this database makes."""
    node = DB[database]
    if node.tier == "edge":
        return {"up": _up_tables(node.facility)}
    if node.tier != "regional":
        return {}
    made = {f"down_{ident(facility)}": _down_tables(facility) for facility in facilities_of(node.region)}
    made["narrow"] = _narrow_tables(database)
    made["peer"] = [Table("outbox", f"env = '{node.environment}'")]
    return made


def ensure_publications(database):
    present = {name for (name,) in query(database, "select pubname from pg_publication")}
    for name, tables in publications(database).items():
        if name in present:
            continue
        parts = [f"TABLE {t.name}{f' ({t.columns})' if t.columns else ''} WHERE ({t.where})" for t in tables]
        query(database, f"create publication {name} for {', '.join(parts)} "
                        "with (publish = 'insert, update, delete', publish_via_partition_root = true)")


def check_apply_path(database):
    """Apply workers run with an empty search_path: a trigger that fires there must bring its own, else the first row
    that reaches it stops the whole subscription."""
    rows = query(database, """
        select distinct p.oid::regprocedure::text from pg_trigger t join pg_proc p on p.oid = t.tgfoid
        where t.tgenabled in ('A', 'R') and not t.tgisinternal
          and not exists (select from unnest(p.proconfig) c where c like 'search_path=%')""")
    if rows:
        raise FleetError(f"{database}: trigger functions that fire on apply need SET search_path: "
                         + ", ".join(function for (function,) in rows))


def live_environment(region, names):
    """The environment that says of itself that it is live, with the highest epoch; None when none does (in the middle
    of a cutover, or it is away)."""
    rows = []
    for database in environments_of(region):
        if database in names:
            rows += query(database, "select s.epoch, s.live_env from region_status s join node_self n "
                                    "on n.region = s.region and n.env = s.live_env")
    return max(rows)[1] if rows else None


def live_environments(names):
    """region -> environment that is live."""
    return {region: live_environment(region, names) or ENVIRONMENTS[0] for region in REGIONS}


@contextlib.contextmanager
def alone():
    """One process at a time makes or moves subscriptions."""
    with open(STATE / "run" / "replication.lock", "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def flows(live=None):
    """Every subscription of the whole fleet; `live` says which environment of a region is followed."""
    live = live or {}
    found = []
    for facility, region in FACILITIES.items():
        for target in environments_of(region):
            found.append(Flow("up", f"up_{ident(facility)}", facility, target, "up", ident(target)))
        origin = f"{region}-{live.get(region, ENVIRONMENTS[0])}"
        found.append(Flow("down", "down", origin, facility, f"down_{ident(facility)}", ident(facility)))
    for region in REGIONS:
        blue, green = environments_of(region)
        for other in neighbours_of(region):
            origin = f"{other}-{live.get(other, ENVIRONMENTS[0])}"
            for target in (blue, green):
                found.append(Flow("narrow", f"narrow_{ident(other)}", origin, target, "narrow", ident(target)))
        found.append(Flow("peer", "peer", blue, green, "peer", ident(green)))
        found.append(Flow("peer", "peer", green, blue, "peer", ident(blue)))
    return found


def tables_of(flow):
    return publications(flow.origin)[flow.publication]


def conninfo(flow):
    """How the target dials the origin: with the certificate and password of repl, abroad through the link proxy."""
    return (f"host=127.0.0.1 port={port_from(DB[flow.target].site, flow.origin)} dbname={DATABASE} user=repl "
            f"password={password('repl')} sslmode=verify-full sslrootcert=ca.crt sslcert=repl.crt sslkey=repl.key "
            f"application_name={ident(flow.target)}")


def _slot_state(flow):
    rows = query(flow.origin, "select wal_status from pg_replication_slots where slot_name = %s", (flow.slot,))
    return rows[0][0] if rows else None


def _subscription(flow):
    """(enabled, conninfo) of the subscription at the target, or None."""
    rows = query(flow.target, "select subenabled, subconninfo from pg_subscription where subname = %s", (flow.name,))
    return rows[0] if rows else None


def drop(flow, slot=True):
    """Remove the subscription without needing the origin; then, if wanted and reachable, its slot."""
    if _subscription(flow):
        link = connect(flow.target)
        with link.cursor() as cursor:
            cursor.execute(f"alter subscription {flow.name} disable")
            cursor.execute(f"alter subscription {flow.name} set (slot_name = none)")
            cursor.execute(f"drop subscription {flow.name}")
        link.close()
    if slot and _slot_state(flow):
        def drop_slot():
            query(flow.origin, "select pg_terminate_backend(active_pid) from pg_replication_slots "
                               "where slot_name = %s and active", (flow.slot,))
            try:
                query(flow.origin, "select pg_drop_replication_slot(%s)", (flow.slot,))
            except psycopg2.errors.ObjectInUse:
                return False
            return True
        wait_for(f"slot {flow.slot} at {flow.origin} to be free", 10, drop_slot)


def _shapes(cursor, names):
    """table -> ([stored columns], [key columns]) as the database of this cursor has them."""
    cursor.execute("""
        select c.relname, array_agg(a.attname::text order by a.attnum) filter (where a.attgenerated = ''),
               array_agg(a.attname::text) filter (where a.attnum = any(i.indkey))
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        join pg_index i on i.indrelid = c.oid and i.indisprimary
        where c.oid = any(%s::text[]::regclass[]) group by 1""", (list(names),))
    return {name: (columns, keys) for name, columns, keys in cursor.fetchall()}


def _upsert(table, columns, keys):
    """Move rows from the staging table into the real one; rows that are equal already are left alone."""
    names, rest = ", ".join(columns), [c for c in columns if c not in keys]
    mine, theirs = (", ".join(f"{owner}.{c}" for c in rest) for owner in (table, "excluded"))
    change = f"update set {', '.join(f'{c} = excluded.{c}' for c in rest)} where ({mine}) is distinct from ({theirs})"
    return (f"insert into {table} ({names}) select {names} from staging on conflict ({', '.join(keys)}) "
            f"do {change if rest else 'nothing'}")


def prime(flow, snapshot):
    """Copy what the publication shows, as the slot's snapshot saw it, into the target.

    By upsert and as apply would do it (session_replication_role), so history the target already holds stays and the
    same ENABLE ALWAYS triggers fire.
    """
    tables = tables_of(flow)
    source, target = connect(flow.origin, autocommit=False), connect(flow.target, autocommit=False)
    with source.cursor() as reader, target.cursor() as writer:
        reader.execute("set transaction isolation level repeatable read, read only")
        reader.execute("set transaction snapshot %s", (snapshot,))
        writer.execute("set session_replication_role = replica")
        there, here = (_shapes(cursor, [table.name for table in tables]) for cursor in (reader, writer))
        for table in tables:
            columns, keys = here[table.name]
            shown = [c.strip() for c in table.columns.split(",")] if table.columns else there[table.name][0]
            columns = [c for c in columns if c in shown]   # a region's own additions keep their defaults
            names, data = ", ".join(columns), io.BytesIO()
            reader.copy_expert(f"copy (select {names} from {table.name} where {table.where}) to stdout", data)
            writer.execute(f"create temp table staging on commit drop as select {names} from {table.name} limit 0")
            data.seek(0)
            writer.copy_expert(f"copy staging ({names}) from stdin", data)
            writer.execute(_upsert(table.name, columns, keys))
            writer.execute("drop table staging")
    target.commit()
    source.close()
    target.close()


def _make_slot(flow, then=None):
    """Create the flow's slot; `then(snapshot)` runs while the snapshot of its starting point is visible."""
    link = psycopg2.connect(dsn(flow.origin), connection_factory=psycopg2.extras.LogicalReplicationConnection)
    with link.cursor() as cursor:
        option = "EXPORT_SNAPSHOT" if then else "NOEXPORT_SNAPSHOT"
        cursor.execute(f'CREATE_REPLICATION_SLOT "{flow.slot}" LOGICAL pgoutput {option}')
        row = cursor.fetchone()
        if then:
            then(row[2])
    link.close()


def establish(flow, copy):
    """Make this flow run, whatever half of it is there already."""
    state, present = _slot_state(flow), _subscription(flow)
    if state == "lost" or (present and not state):   # T8: the origin no longer has what we would need
        drop(flow)
        state, present, copy = None, None, True
    if present and present[1] != conninfo(flow):     # it follows another origin: what it knows of LSNs is not ours
        drop(flow, slot=False)
        present = None
    if present:
        return False
    if state:
        drop(flow)
    _make_slot(flow, (lambda snapshot: prime(flow, snapshot)) if copy else None)
    link = connect(flow.target, autocommit=True)
    with link.cursor() as cursor:
        cursor.execute(f"create subscription {flow.name} connection %s publication {flow.publication} with "
                       "(create_slot = false, slot_name = %s, copy_data = false, enabled = false, streaming = on)",
                       (conninfo(flow), flow.slot))
        # Version 15 lets only a superuser own a subscription at the moment of the change; afterwards the apply
        # worker checks the owner's rights like anybody's.
        cursor.execute(f"begin; alter role repl superuser; alter subscription {flow.name} owner to repl; "
                       "alter role repl nosuperuser; commit")
        cursor.execute(f"alter subscription {flow.name} enable")
    link.close()
    return True


def present_flows(names, live=None):
    return [flow for flow in flows(live) if flow.origin in names and flow.target in names]


def ensure(names, young=()):
    """All flows between these databases; how many had to be made.

    Between two that were loaded just now (`young`) a flow starts from equal sides. Else down and narrow copy, since
    a site may join a fleet that has moved on; up need not: nobody writes at an edge before its flows stand.
    """
    primaries = [name for name in names if not DB[name].primary]
    each(check_apply_path, primaries)
    each(ensure_publications, primaries)
    wanted = present_flows(names, live_environments(names))
    by_target = {}
    for flow in wanted:
        by_target.setdefault(flow.target, []).append(flow)

    def copies(flow):
        return flow.kind in ("down", "narrow") and not (flow.origin in young and flow.target in young)
    with alone():
        return sum(each(lambda target: sum(establish(flow, copies(flow)) for flow in by_target[target]), by_target))


def follow(region, environment, names):
    """After a cutover: edges and neighbours follow the region's new live environment (T15).

    The old origin must not be written any more. Each follower first takes all that the old origin had, then gets a
    slot on the new one and a copy under its snapshot; the old slot is dropped. Those that follow it already are left
    alone; how many had to be moved.
    """
    before = "green" if environment == "blue" else "blue"
    old = {(f.target, f.name): f for f in present_flows(names, {region: before})}

    def move(flow):
        previous = old[flow.target, flow.name]
        if _subscription(flow) and _slot_state(previous):
            wait_until_applied(previous)
            drop(previous)
        return establish(flow, copy=True)
    with alone():
        return sum(each(move, [flow for flow in present_flows(names, {region: environment})
                               if old.get((flow.target, flow.name)) not in (None, flow)]))


def lag(flow):
    """{active, wal_status, lag_bytes} of the flow's slot at its origin; None when there is no slot."""
    rows = query(flow.origin, "select active, wal_status, pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)"
                              "::bigint from pg_replication_slots where slot_name = %s", (flow.slot,))
    return {"active": rows[0][0], "walStatus": rows[0][1], "lagBytes": rows[0][2]} if rows else None


def wait_until_applied(flow, seconds=30):
    """Return once the target has confirmed everything the origin had written when this was called."""
    (upto,), = query(flow.origin, "select pg_current_wal_flush_lsn()")
    wait_for(f"{flow.target} to apply what {flow.origin} had ({flow.name})", seconds, lambda: query(
        flow.origin, "select confirmed_flush_lsn >= %s from pg_replication_slots where slot_name = %s",
        (upto, flow.slot)) == [(True,)])


def settle(names, seconds=30):
    """Return once every flow between these databases has applied what its origin had when this was called."""
    def one(origin):
        (upto,), = query(origin, "select pg_current_wal_flush_lsn()")
        slots = [flow.slot for flow in present_flows(names, live) if flow.origin == origin]
        wait_for(f"the followers of {origin}", seconds, lambda: query(
            origin, "select count(*) from pg_replication_slots where slot_name = any(%s) and active and "
                    "confirmed_flush_lsn >= %s", (slots, upto)) == [(len(slots),)])
    live = live_environments(names)
    each(one, {flow.origin for flow in present_flows(names, live)})


def apply_errors(name):
    """subscription -> count of errors of its worker: lost connections, and failed applies. One that goes on growing
    while the link is up is a stalled flow (T6)."""
    return dict(query(name, "select subname, apply_error_count from pg_stat_subscription_stats"))
