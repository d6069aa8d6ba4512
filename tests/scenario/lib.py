# SPDX-License-Identifier: MIT
"""What a scenario has in hand: the running test fleet.

A scenario is a function `scenario_<behaviour>(fleet)` in tests/scenario/test_*.py; it passes when it returns. The
module says which nodes it needs (`NODES = ["us-east", "us-east-blue", …]`, names as ./dev takes them; absent: all)
and, with `READ_ONLY = True`, that it leaves the fleet as it found it. All scenarios of a run share one fleet; after
one that is not read-only the runner mends links and starts what was stopped.
"""
import json
import subprocess
import time
import urllib.parse
from dataclasses import dataclass, field

from fleet import clusters, layout, links, local, nodes, pki, replication


@dataclass
class Answer:
    status: int
    headers: dict = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def data(self):
        return self.json.get("data")

    @property
    def errors(self):
        return self.json.get("errors", [])

    @property
    def extensions(self):
        return self.json.get("extensions", {})


def eventually(check, seconds=20.0, step=0.1):
    """Repeat `check` until it returns without AssertionError; its value. The last AssertionError else."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        time.sleep(step)


def equal(got, wanted, what=""):
    assert got == wanted, f"{what or 'value'}: got {got!r}, wanted {wanted!r}"


class Fleet:
    """The test fleet from outside: what a user, a script or an operator could do with it."""

    def __init__(self, wanted):
        self.wanted = wanted   # full names of the nodes that run

    # -- HTTP --

    def http(self, gateway, method="GET", path="/graphql", body=None, headers=None, listener="https", timeout=15):
        """One request by curl: HTTP/2 over TLS on `https`, HTTP/1.1 on `http` and `admin`."""
        scheme = "https" if listener in ("https", "sources") else "http"
        url = f"{scheme}://127.0.0.1:{layout.gateway_port(gateway, listener)}{path}"
        cmd = ["curl", "-sS", "-i", "--cacert", str(pki.CA), "-X", method, "--max-time", str(timeout), url]
        if scheme == "https":
            cmd.append("--http2")
        for name, value in (headers or {}).items():
            cmd += ["-H", f"{name}: {value}"]
        if body is not None:
            cmd += ["--data-binary", "@-"]
        done = subprocess.run(cmd, input=body if isinstance(body, (bytes, type(None))) else body.encode(),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        assert done.returncode == 0, f"curl {url}: exit {done.returncode}: {done.stderr.decode().strip()}"
        head, _, rest = done.stdout.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        fields = dict(line.lower().split(": ", 1) if ": " in line else (line.rstrip(":").lower(), "")
                      for line in lines[1:])
        return Answer(int(lines[0].split()[1]), fields, rest)

    def graphql(self, gateway, query, variables=None, token=None, headers=None, method="POST", **more):
        """One GraphQL request. `token` is a compact JWS (see token()) or None for a caller without one."""
        asked = {"query": query, **({"variables": variables} if variables else {})}
        fields = {"accept": "application/graphql-response+json, application/json;q=0.9"}
        if token:
            fields["authorization"] = f"Bearer {token}"
        fields.update(headers or {})
        if method == "GET":
            words = {key: value if isinstance(value, str) else json.dumps(value) for key, value in asked.items()}
            return self.http(gateway, "GET", "/graphql?" + urllib.parse.urlencode(words), headers=fields, **more)
        fields["content-type"] = "application/json"
        return self.http(gateway, method, body=json.dumps(asked), headers=fields, **more)

    def token(self, tenant="tenant-foo-inc", role="worker", region=None, facilities=None, **more):
        region = [region] if isinstance(region, str) else region
        return pki.token(tenant, role, region, facilities, **more)

    def admin(self, gateway, path, method="GET", token=None):
        fields = {"authorization": f"Bearer {token}"} if token else {}
        return self.http(gateway, method, path, headers=fields, listener="admin")

    # -- databases --

    def sql(self, database, statement, args=None):
        return clusters.query(database, statement, args)

    def value(self, database, statement, args=None):
        """The one value of a one-row, one-column answer."""
        (row,) = clusters.query(database, statement, args)
        return row[0]

    def create_orders(self, facility, keys, tenant=None):
        """Orders written at the edge as its gateway writes them (create_order under row-level security); {key: id}."""
        tenant = tenant or layout.TENANTS_AT[facility][0]
        made = {}
        link = clusters.connect(facility, "gw_write", autocommit=False)
        with link.cursor() as cursor:
            for key in keys:
                cursor.execute("select set_config('app.tenant_id', %s, true), set_config('app.facilities', '*', true), "
                               "set_config('app.role', 'worker', true)", (tenant,))
                cursor.execute("select c.customer_id, p.product_id, p.currency from customers c, product_prices p "
                               "where not c.credit_hold and p.customer_id is null order by c.code, p.price_id limit 1")
                customer, product, currency = cursor.fetchone()
                cursor.execute("select create_order(%s)", (json.dumps({
                    "facilityId": facility, "customerId": customer, "currency": currency, "key": key,
                    "lines": [{"productId": product, "qty": "2"}]}),))
                answer = cursor.fetchone()[0]
                assert not answer["errors"], answer["errors"]
                made[key] = answer["order"]["id"].rpartition("~")[2]
                link.commit()
        link.close()
        return made

    def orders_at(self, database, ids):
        """Which of these order ids this database holds."""
        return {found for (found,) in clusters.query(
            database, "select order_id::text from orders where order_id = any(%s::uuid[])", (list(ids),))}

    def flows(self):
        names = [node[3:] for node in self.wanted if node.startswith("db:")]
        return replication.present_flows(names, replication.live_environments(names))

    # -- operations --

    def dev(self, *args, check=True):
        """Run ./dev with these arguments on this fleet; the finished process, its output as text."""
        done = subprocess.run([str(layout.ROOT / "dev"), *map(str, args)], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        assert not check or done.returncode == 0, f"./dev {' '.join(map(str, args))}: {done.stdout}"
        return done

    def link(self, a, b, state, milliseconds=None):
        links.change(a, b, state, milliseconds)

    def stop(self, name):
        self._each(name, nodes.stop, False)

    def start(self, name):
        self._each(name, nodes.start, True)

    def kill(self, name):
        self._each(name, nodes.kill, False)

    def _each(self, name, work, running):
        for node in layout.resolve(name):
            if node in self.wanted or node == "proxy":
                work(node)
                local.remember_intent(node, running)

    def pid(self, name):
        return nodes.pid(layout.resolve(name)[0])

    def heal(self):
        """All links up and undelayed, every node running, every flow caught up."""
        if not nodes.pid("proxy"):
            nodes.start("proxy")
        links.heal()
        for kind in ("db", "memcached", "gateway", "worker"):
            for node in self.wanted:
                if node.startswith(f"{kind}:") and not nodes.pid(node):
                    nodes.start(node)
                local.remember_intent(node, True)
        replication.settle([node[3:] for node in self.wanted if node.startswith("db:")], 60)
