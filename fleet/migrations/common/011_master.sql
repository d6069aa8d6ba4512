-- SPDX-License-Identifier: MIT
-- Master data: the region is truth, rows flow down to the edges (R12). Primary keys lead with tenant_id,
-- the replication filter (T2). No foreign keys anywhere: apply does not check them, and a row may arrive
-- before the one that it names.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- A tenant's products and configuration are written in its home region and flow from there to the others.
CREATE TABLE tenants (
  tenant_id         text PRIMARY KEY,
  code              text NOT NULL UNIQUE,
  name              text NOT NULL,
  home_region       text NOT NULL,
  subscription_tier text NOT NULL DEFAULT 'standard',
  default_currency  char(3) NOT NULL
);

CREATE TABLE facilities (
  tenant_id             text NOT NULL,
  facility_id           text NOT NULL UNIQUE,
  region                text NOT NULL,
  code                  text COLLATE "C" NOT NULL,
  name                  text NOT NULL,
  country               char(2) NOT NULL,
  time_zone             text NOT NULL,
  currency              char(3) NOT NULL,
  mode                  text NOT NULL DEFAULT 'normal' CHECK (mode IN ('normal', 'cloud_fallback')),
  fallback_reason       text,
  fallback_activated_at timestamptz,
  edge_vpn_host         text,
  teams_webhook         text,
  slack_webhook         text,
  is_active             boolean NOT NULL DEFAULT true,
  PRIMARY KEY (tenant_id, facility_id)
);
-- Between regions facilities travel filtered by region, which must stand in the replica identity (T2).
CREATE UNIQUE INDEX facilities_region ON facilities (region, facility_id);
ALTER TABLE facilities REPLICA IDENTITY USING INDEX facilities_region;

CREATE TABLE facility_contacts (
  tenant_id          text NOT NULL,
  facility_id        text NOT NULL,
  contact_id         uuid NOT NULL,
  name               text NOT NULL,
  email              text,
  phone              text,
  sms_enabled        boolean NOT NULL DEFAULT false,
  phone_call_enabled boolean NOT NULL DEFAULT false,
  is_primary         boolean NOT NULL DEFAULT false,
  PRIMARY KEY (facility_id, contact_id)
);

-- Customers are resident: each region has its own, they never travel between regions (R37).
CREATE TABLE customers (
  tenant_id   text NOT NULL,
  customer_id uuid NOT NULL,
  region      text NOT NULL,
  code        text COLLATE "C" NOT NULL,
  name        text NOT NULL,
  country     char(2),
  credit_hold boolean NOT NULL DEFAULT false,
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, customer_id),
  UNIQUE (tenant_id, code)
);
CREATE INDEX customers_name ON customers (tenant_id, name, customer_id);
CREATE INDEX customers_search ON customers USING gin (name gin_trgm_ops);

CREATE TABLE products (
  tenant_id     text NOT NULL,
  product_id    uuid NOT NULL,
  sku           text COLLATE "C" NOT NULL,
  name          text NOT NULL,
  category      text,
  uom           text NOT NULL,
  std_cost      numeric(18,4) NOT NULL,   -- per unit, in USD whatever the order's currency
  ideal_cycle_s numeric(10,4) NOT NULL DEFAULT 1,
  is_active     boolean NOT NULL DEFAULT true,
  updated_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, product_id),
  UNIQUE (tenant_id, sku)
);
CREATE INDEX products_name ON products (tenant_id, name, product_id);
CREATE INDEX products_search ON products USING gin (name gin_trgm_ops);

-- Prices are a region's own: they name its customers.
CREATE TABLE product_prices (
  tenant_id   text NOT NULL,
  price_id    uuid NOT NULL,
  product_id  uuid NOT NULL,
  currency    char(3) NOT NULL,
  valid_from  date NOT NULL,
  customer_id uuid,
  unit_price  numeric(18,4) NOT NULL CHECK (unit_price >= 0),
  PRIMARY KEY (tenant_id, price_id),
  UNIQUE NULLS NOT DISTINCT (tenant_id, product_id, currency, valid_from, customer_id)
);

CREATE TABLE system_configuration (
  tenant_id  text NOT NULL,
  key        text NOT NULL,
  value      jsonb NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, key)
);

CALL app_protect('tenants', 'tenant');
CALL app_protect('facilities', 'tenant');
CALL app_protect('facility_contacts', 'facility');
CALL app_protect('customers', 'tenant');
CALL app_protect('products', 'tenant');
CALL app_protect('product_prices', 'tenant');
CALL app_protect('system_configuration', 'tenant');
