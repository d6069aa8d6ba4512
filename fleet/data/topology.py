# SPDX-License-Identifier: MIT
"""The local fleet as a company: regions, facilities, tenants, machines. Data only; whoever generates,
loads, replicates or keeps the fleet busy reads it from here, so that all agree."""

REGIONS = ("us-east", "eu-central", "apac")

# facility: region, owning tenant, name, country, time zone, hours from UTC, currency
FACILITIES = {
    "facility-la-001": ("us-east", "tenant-foo-inc", "Los Angeles", "US", "America/Los_Angeles", -8, "USD"),
    "facility-newyork-001": ("us-east", "tenant-foo-inc", "New York", "US", "America/New_York", -5, "USD"),
    "facility-boston-001": ("us-east", "tenant-bar-inc", "Boston", "US", "America/New_York", -5, "USD"),
    "facility-frankfurt-001": ("eu-central", "tenant-foo-inc", "Frankfurt", "DE", "Europe/Berlin", 1, "EUR"),
    "facility-london-001": ("eu-central", "tenant-bar-inc", "London", "GB", "Europe/London", 0, "EUR"),
    "facility-shanghai-001": ("apac", "tenant-foo-inc", "Shanghai", "CN", "Asia/Shanghai", 8, "CNY"),
    "facility-singapore-001": ("apac", "tenant-baz-inc", "Singapore", "SG", "Asia/Singapore", 8, "CNY"),
}

# tenant: code, name, home region (where its products and configuration are written), currency
TENANTS = {
    "tenant-foo-inc": ("FOO", "Foo Inc.", "us-east", "USD"),
    "tenant-bar-inc": ("BAR", "Bar Ltd.", "eu-central", "EUR"),
    "tenant-baz-inc": ("BAZ", "Baz Pte.", "apac", "CNY"),
}

# Tenants that own a few rows in somebody else's facility, so that rows of two tenants stand in one database.
GUESTS = {"facility-la-001": ("tenant-bar-inc",)}

FX_USD = {"USD": "1", "EUR": "1.0842", "CNY": "0.1388"}

MACHINES = ("press", "die_cutter", "folder_gluer", "laminator", "slitter", "packer")

# days of history, orders a day and facility, machines, products a tenant, customers a tenant and region
SIZES = {
    "S": dict(days=7, orders=150, machines=6, products=40, customers=60),
    "M": dict(days=30, orders=1000, machines=12, products=200, customers=400),
}


def region_of(facility):
    return FACILITIES[facility][0]


def owner_of(facility):
    return FACILITIES[facility][1]


def tenants_of(facility):
    """Tenants with rows in the facility's database, the owner first."""
    return (owner_of(facility),) + GUESTS.get(facility, ())


def tenants_in(region):
    """Tenants with rows anywhere in the region."""
    return sorted({t for f in facilities_of(region) for t in tenants_of(f)})


def facilities_of(region):
    return [f for f, row in FACILITIES.items() if row[0] == region]
