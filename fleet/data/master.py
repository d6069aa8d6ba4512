# SPDX-License-Identifier: MIT
"""Master data of the fleet: tenants, facilities, products, customers, prices. Deterministic in the seed.

The first three products and customers of every tenant have the same ids as those of every other tenant: a
join that forgets the tenant shows up at once. Names carry the tenant's code, so a byte of one tenant in
another's answer is seen by a scan."""

import bisect
import hashlib
import json
import random

import topology

NULL = "\\N"
SHARED_IDS = 3
EPOCH = 1704067200  # 2024-01-01, when master data was made

_KINDS = ("Folding carton", "Rigid box", "Label roll", "Mailer", "Display stand", "Insert card", "Sleeve",
          "Blister card", "Shipper", "Pouch")
_FINISH = ("matte", "gloss", "kraft", "foil", "uncoated", "soft touch")
_FIRST = ("Northern", "Harbor", "Crescent", "Silver", "Meadow", "Summit", "Amber", "Lakeside", "Cobalt", "Garden",
          "Union", "Prairie")
_SECOND = ("Foods", "Cosmetics", "Pharma", "Brewing", "Toys", "Electronics", "Bakery", "Retail", "Paper", "Coffee")


def uuid7(seconds, bits):
    """A version 7 uuid of a time and 74 random bits."""
    ms = int(seconds * 1000)
    return "%08x-%04x-7%03x-%04x-%012x" % (ms >> 16, ms & 0xFFFF, bits & 0xFFF, 0x8000 | (bits >> 12) & 0x3FFF,
                                           (bits >> 26) & 0xFFFFFFFFFFFF)


def stable_id(seed, owner, kind, index):
    if index < SHARED_IDS:
        owner = owner.partition("/")[2]  # without the tenant; a customer keeps its region
    digest = hashlib.sha256(f"{seed}/{owner}/{kind}/{index}".encode()).digest()
    return uuid7(EPOCH + index, int.from_bytes(digest[:10], "big"))


class Zipf:
    """Few take most: index i with weight 1/(i+1)^s."""

    def __init__(self, n, s=1.05):
        total, self.sums = 0.0, []
        for i in range(n):
            total += 1.0 / (i + 1) ** s
            self.sums.append(total)

    def draw(self, rng):
        return bisect.bisect_left(self.sums, rng.random() * self.sums[-1])


def products(seed, tenant, n):
    """[(id, sku, name, category, cost in USD, ideal cycle in seconds)], the best seller first."""
    rng = random.Random(f"{seed}/products/{tenant}")
    code = topology.TENANTS[tenant][0]
    rows = []
    for i in range(n):
        kind = _KINDS[i % len(_KINDS)]
        name = f"{kind} {_FINISH[rng.randrange(len(_FINISH))]} {rng.randrange(40, 400)} g {code}"
        cost = round(min(max(rng.lognormvariate(-0.9, 0.7), 0.04), 6.0), 4)
        cycle = round(rng.uniform(0.6, 5.0), 4)
        rows.append((stable_id(seed, tenant, "product", i), f"{code}-{kind[:3].upper()}-{i + 1:04d}", name, kind, cost,
                     cycle))
    return rows


def customers(seed, tenant, region, n):
    """[(id, code, name, country, credit hold)], the biggest buyer first."""
    rng = random.Random(f"{seed}/customers/{tenant}/{region}")
    code = topology.TENANTS[tenant][0]
    countries = {"us-east": ("US", "CA", "MX"), "eu-central": ("DE", "FR", "GB", "PL"), "apac": ("CN", "SG", "JP")}
    rows = []
    for i in range(n):
        name = f"{_FIRST[rng.randrange(len(_FIRST))]} {_SECOND[rng.randrange(len(_SECOND))]} {code} {i + 1}"
        rows.append((stable_id(seed, f"{tenant}/{region}", "customer", i), f"{code}-{region[:2].upper()}-{i + 1:04d}",
                     name, rng.choice(countries[region]), i % 25 == 17))
    return rows


def unit_price(seed, tenant, region, index, cost, currency):
    """The list price: cost and a margin of the product's own, in the currency."""
    margin = random.Random(f"{seed}/margin/{tenant}/{region}/{index}").uniform(1.45, 2.3)
    return round(cost * margin / float(topology.FX_USD[currency]), 4)


def prices(seed, tenant, region, size):
    """Rows of product_prices: a list price in each currency used in the region, better ones for big buyers."""
    goods = products(seed, tenant, size["products"])
    buyers = customers(seed, tenant, region, size["customers"])
    currencies = sorted({topology.FACILITIES[f][6] for f in topology.facilities_of(region)} | {"USD"})
    rows = []
    for i, (pid, _, _, _, cost, _) in enumerate(goods):
        for currency in currencies:
            price = unit_price(seed, tenant, region, i, cost, currency)
            where = f"{tenant}/{region}/{currency}"
            rows.append((tenant, stable_id(seed, where, "price", i + SHARED_IDS), pid, currency, "2024-01-01", NULL,
                         f"{price:.4f}"))
            if i < 10:
                rows.append((tenant, stable_id(seed, where, "own-price", i + SHARED_IDS), pid, currency, "2024-01-01",
                             buyers[i % 5][0], f"{price * 0.93:.4f}"))
    return rows


def tenant_files(seed, size, stamp):
    """{tenant: {table: rows}} of what a tenant's home region writes."""
    files = {}
    for tenant, (code, name, home, currency) in topology.TENANTS.items():
        goods = products(seed, tenant, size["products"])
        files[tenant] = {
            "tenants": [(tenant, code, name, home, currency)],
            "products": [(tenant, pid, sku, pname, kind, "ea", f"{cost:.4f}", f"{cycle:.4f}", stamp)
                         for pid, sku, pname, kind, cost, cycle in goods],
            "system_configuration": [
                (tenant, "fx.usd", json.dumps({c: float(v) for c, v in topology.FX_USD.items()}), stamp),
                (tenant, "branding", json.dumps({"title": name}), stamp)],
        }
    return files


def region_files(seed, size, region, stamp):
    """{table: rows} of what stays in a region."""
    out = {"customers": [], "product_prices": [], "facility_contacts": [], "facility_status": []}
    for tenant in topology.tenants_in(region):
        for cid, code, name, country, hold in customers(seed, tenant, region, size["customers"]):
            out["customers"].append((tenant, cid, region, code, name, country, "t" if hold else "f", stamp))
        out["product_prices"] += prices(seed, tenant, region, size)
    for f in topology.facilities_of(region):
        tenant = topology.owner_of(f)
        for i, who in enumerate(("manager", "shift lead")):
            out["facility_contacts"].append(
                (tenant, f, stable_id(seed, f, "contact", i + SHARED_IDS), f"{topology.FACILITIES[f][2]} {who}",
                 f"{who.replace(' ', '.')}@{f}.example", f"+1555010{i}", "t", "t" if i == 0 else "f",
                 "t" if i == 0 else "f"))
        out["facility_status"].append((region, f, tenant, "t", stamp))
    return out


def facility_row(facility):
    region, tenant, name, country, zone, _, currency = topology.FACILITIES[facility]
    code = facility.removeprefix("facility-").upper()
    return (tenant, facility, region, code, name, country, zone, currency, f"{facility}.vpn.example")
