// SPDX-License-Identifier: MIT
// The compiled statements on a real Postgres: answers to the last byte, pages that neither lose nor repeat a
// row, tenants kept apart, hostile texts as plain data, plans by index. Built a second time without the
// compiled tenant predicate (MER_TEST_NO_TENANT_PREDICATE): then row-level security alone must hold.
#include "mer_test.h"
#include "unit/resolvers/sql_payloads.h"
#include "unit/resolvers/sql_server.h"

#include <stdio.h>
#include <stdlib.h>

#define U "00000000-0000-7000-8000-0000000000"

static struct sql_lab lab;
static struct sql_server *server;

static struct mer_slice ask(struct mer_arena *a, const struct sql_lab_ask *k)
{
    struct mer_sql sql = sql_lab_must(&lab, a, k);
    return sql_server_run(server, a, &sql, k->tenant ? k->tenant : "t-foo", "*");
}

static struct mer_slice get(struct mer_arena *a, const char *query, const char *variables)
{
    return ask(a, &(struct sql_lab_ask){.query = query, .variables = variables});
}

static void answers(void **state)
{
    (void)state;
    static const struct {
        const char *query, *want;
    } cases[] = {
        {"{ node(id: \"Order~us-east~facility-la-001~" U
         "01\") { __typename id ... on Order { orderNo total: totalAmount "
         "status priority late orderedAt deliveredAt corrections { field oldValue at } shipments { carrier "
         "qty } "
         "productionRuns { id } dataFreshness { isStale } } ... on Product { sku } } }",
         "{\"node\":{\"__typename\":\"Order\",\"id\":\"Order~us-east~facility-la-001~" U
         "01\",\"orderNo\":\"SO-1\","
         "\"total\":\"12345678901234.5678\",\"status\":\"CONFIRMED\",\"priority\":3,\"late\":true,"
         "\"orderedAt\":"
         "\"2025-12-01T01:00:00.000001Z\",\"deliveredAt\":null,\"corrections\":[{\"field\":\"priority\","
         "\"oldValue\":\"3\","
         "\"at\":\"2025-12-02T09:00:00Z\"}],\"shipments\":[{\"carrier\":\"UPS\",\"qty\":\"5.0000\"}],"
         "\"productionRuns\":["
         "{\"id\":\"ProductionRun~us-east~facility-la-001~" U
         "82\"},{\"id\":\"ProductionRun~us-east~facility-la-001~" U
         "81\"}],\"dataFreshness\":\"facility-la-001\"}}"},
        {"{ order(id: \"Order~us-east~facility-la-001~" U
         "01\") { customer { name country } lines { lineNo product { sku } "
         "qtyOrdered } } }",
         "{\"order\":{\"customer\":{\"name\":\"Acme \\\"Print\\\" \\\\ "
         "Sons\",\"country\":\"US\"},\"lines\":[{\"lineNo\":1,"
         "\"product\":{\"sku\":\"SKU-1\"},\"qtyOrdered\":\"5.0000\"},{\"lineNo\":2,\"product\":{\"sku\":"
         "\"SKU-2\"},"
         "\"qtyOrdered\":\"10.0000\"}]}}"},
        {"{ a: order(id: \"" U "01\") { id } b: order(id: \"Order~us-east~facility-la-001~" U
         "10\") { id } c: node(id: "
         "\"Facility~us-east~facility-boston-001~\") { id } d: node(id: \"Nope~~~\") { id } e: order(id: "
         "\"Product~us-east~facility-la-001~" U
         "01\") { id } f: order(id: \"Order~us-east~facility-la-001~x\") { id } }",
         "{\"a\":null,\"b\":null,\"c\":null,\"d\":null,\"e\":null,\"f\":null}"},
        {"{ facility(id: \"facility-la-001\") { id region mode timeZone status { online lastSync "
         "bufferedBytes writable "
         "offlineSince dataFreshness { isStale } } equipment(status: [NO_OPERATOR]) { code currentRun { id } "
         "} } }",
         "{\"facility\":{\"id\":\"Facility~us-east~facility-la-001~\",\"region\":\"US_EAST\",\"mode\":"
         "\"NORMAL\","
         "\"timeZone\":\"America/"
         "Los_Angeles\",\"status\":{\"online\":true,\"lastSync\":\"2025-12-10T14:30:00.25Z\","
         "\"bufferedBytes\":\"9007199254740993\",\"writable\":true,\"offlineSince\":null,\"dataFreshness\":"
         "\"facility-la-001\"},\"equipment\":[{\"code\":\"PRESS-2\",\"currentRun\":null}]}}"},
        {"{ facility(id: \"Facility~us-east~facility-newyork-001~\") { name status { online writable "
         "offlineMinutes } } }",
         "{\"facility\":{\"name\":\"New York \\\"NY\\\"\",\"status\":{\"online\":false,\"writable\":true,"
         "\"offlineMinutes\":120}}}"},
        {"{ facilities(region: EU_CENTRAL) { code region } on: facilities(online: true) { code } off: "
         "facilities(online: "
         "false) { code } }",
         "{\"facilities\":[{\"code\":\"facility-frankfurt-001\",\"region\":\"EU_CENTRAL\"}],\"on\":[{"
         "\"code\":"
         "\"facility-la-001\"}],\"off\":[{\"code\":\"facility-newyork-001\"}]}"},
        {"{ inventoryLevels(facilityId: \"facility-frankfurt-001\", belowReorder: true) { edges { node { id "
         "product { sku } "
         "available reorderPoint belowReorder dataFreshness { region } } } dataFreshness { isStale } } }",
         "{\"inventoryLevels\":{\"edges\":[{\"node\":{\"id\":\"InventoryLevel~eu-central~facility-frankfurt-"
         "001~" U "d1\","
         "\"product\":{\"sku\":\"SKU-1\"},\"available\":\"99.0000\",\"reorderPoint\":\"150.0000\","
         "\"belowReorder\":true,"
         "\"dataFreshness\":\"facility-frankfurt-001\"}}],\"dataFreshness\":null}}"},
        {"{ equipment(facilityId: \"facility-la-001\") { code history(range: {from: "
         "\"2025-12-09T23:30:00Z\", to: "
         "\"2025-12-10T00:00:00Z\"}) { status start end seconds } currentRun { progress qtyGood equipment { "
         "code } } } }",
         "{\"equipment\":[{\"code\":\"PRESS-1\",\"history\":[{\"status\":\"SETUP\",\"start\":\"2025-12-09T22:"
         "00:00Z\","
         "\"end\":\"2025-12-10T00:00:00Z\",\"seconds\":7200}],\"currentRun\":{\"progress\":0.4,\"qtyGood\":"
         "\"20.0000\","
         "\"equipment\":{\"code\":\"PRESS-1\"}}},{\"code\":\"PRESS-2\",\"history\":[],\"currentRun\":null}]"
         "}"},
        {"{ customers(search: \"100%_\") { totalCount edges { node { code country orders(first: 1) { "
         "totalCount edges { node "
         "{ id } } pageInfo { hasNextPage endCursor } } } } } }",
         "{\"customers\":{\"totalCount\":1,\"edges\":[{\"node\":{\"code\":\"C-2\",\"country\":null,"
         "\"orders\":{\"totalCount\":0,"
         "\"edges\":[],\"pageInfo\":{\"hasNextPage\":false,\"endCursor\":null}}}}]}}"},
        {"{ orders(facilityIds: []) { totalCount edges { node { id } } } }",
         "{\"orders\":{\"totalCount\":0,\"edges\":[]}}"},
        {"{ orders(facilityIds: [\"facility-la-001\"], first: 0) { edges { node { id } } pageInfo { "
         "hasNextPage "
         "hasPreviousPage startCursor endCursor } } }",
         "{\"orders\":{\"edges\":[],\"pageInfo\":{\"hasNextPage\":true,\"hasPreviousPage\":false,"
         "\"startCursor\":null,"
         "\"endCursor\":null}}}"},
        {"{ orders(facilityIds: [\"facility-la-001\"], filter: {promisedIn: {from: \"2025-12-03T00:00:00Z\", "
         "to: "
         "\"2025-12-04T00:00:00Z\"}, search: \"so-\", customerId: \"Customer~us-east~~" U
         "c1\"}, orderBy: {field: TOTAL, "
         "dir: ASC}) { edges { node { orderNo } } } }",
         "{\"orders\":{\"edges\":[{\"node\":{\"orderNo\":\"SO-7\"}},{\"node\":{\"orderNo\":\"SO-1\"}}]}}"},
        {"{ __typename orderStatuses(facilityIds: [\"facility-la-001\"], first: 1) { __typename edges { "
         "__typename node { "
         "facilityId orderNo status dataFreshness { isStale } } } pageInfo { __typename hasNextPage } } }",
         "{\"__typename\":\"Query\",\"orderStatuses\":{\"__typename\":\"OrderStatusEntryConnection\","
         "\"edges\":[{\"__typename\":"
         "\"OrderStatusEntryEdge\",\"node\":{\"facilityId\":\"facility-la-001\",\"orderNo\":\"SO-8\","
         "\"status\":\"SHIPPED\","
         "\"dataFreshness\":\"facility-la-001\"}}],\"pageInfo\":{\"__typename\":\"PageInfo\",\"hasNextPage\":"
         "true}}}"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mer_arena *a = mer_arena_create(0);
        mer_assert_slice(get(a, cases[i].query, NULL), cases[i].want);
        mer_arena_destroy(a);
    }
}

static void entities_keep_their_order(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    struct sql_lab_ask orders = {.query = "{ orderNo customer { code } }",
                                 .entity = "Order",
                                 .ids = {"Order~us-east~facility-la-001~" U "02", "",
                                         "Order~us-east~facility-la-001~" U "01",
                                         "Order~us-east~facility-la-001~" U "10", "Product~~~" U "d1",
                                         "Order~~~", "Order~us-east~facility-la-001~" U "02"}};
    mer_assert_slice(ask(a, &orders),
                     "[{\"orderNo\":\"SO-2\",\"customer\":{\"code\":\"C-1\"}},null,{\"orderNo\":\"SO-1\","
                     "\"customer\":{\"code\":\"C-1\"}},null,null,null,{\"orderNo\":\"SO-2\",\"customer\":"
                     "{\"code\":\"C-1\"}}]");
    struct sql_lab_ask facilities = {
        .query = "{ name }",
        .entity = "Facility",
        .ids = {"Facility~us-east~facility-newyork-001~", "facility-la-001", "x"}};
    mer_assert_slice(ask(a, &facilities),
                     "[{\"name\":\"New York \\\"NY\\\"\"},{\"name\":\"Los Angeles\"},null]");
    struct sql_lab_ask none = {.query = "{ name }", .entity = "Product"};
    mer_assert_slice(ask(a, &none), "[]");
    mer_arena_destroy(a);
}

// ---- pages ----

static struct mer_slice member(struct mer_arena *a, const struct mer_json *j, const struct mer_json_node *n,
                               const char *const *path)
{
    for (; *path && n; path++)
        n = mer_json_get(j, n, mer_slice_of(*path));
    return n && n->type == MER_JSON_STRING ? mer_json_string(a, j, n) : MER_NIL;
}

// Walks all pages of size n and writes the order numbers one after another.
static void walk(struct mer_arena *a, const char *order, const char *facilities, int n, struct mer_buf *out)
{
    static const char *const end[] = {"orders", "pageInfo", "endCursor", NULL}, *const no[] = {
                                                                                    "node", "orderNo", NULL};
    struct mer_slice cursor = MER_NIL;
    for (int pages = 0;; pages++) {
        struct mer_json j;
        struct mer_buf q;
        assert_true(pages < 20);
        mer_buf_init(&q, a, 512);
        mer_buf_printf(&q, "{ orders(facilityIds: %s, first: %d%s%s", facilities, n,
                       *order ? ", orderBy: " : "", order);
        if (cursor.p)
            mer_buf_printf(&q, ", after: \"%.*s\"", MER_FMT(cursor));
        mer_buf_add_cstr(&q, ") { edges { node { orderNo } } pageInfo { hasNextPage endCursor } } }");
        struct mer_slice answer = get(a, mer_arena_cstr(a, mer_buf_slice(&q)), NULL);
        assert_int_equal(mer_json_parse(a, answer, NULL, &j, NULL), MER_OK);
        const struct mer_json_node *o = mer_json_get(&j, mer_json_root(&j), MER_S("orders"));
        const struct mer_json_node *edges = mer_json_get(&j, o, MER_S("edges")),
                                   *e = mer_json_first(&j, edges);
        for (uint32_t i = 0; i < edges->count; i++, e = mer_json_next(&j, e))
            mer_buf_printf(out, "%.*s ", MER_FMT(member(a, &j, e, no)));
        const struct mer_json_node *info = mer_json_get(&j, o, MER_S("pageInfo"));
        if (mer_json_get(&j, info, MER_S("hasNextPage"))->type != MER_JSON_TRUE)
            return;
        cursor = member(a, &j, mer_json_root(&j), end);
        assert_non_null(cursor.p);
    }
}

static void pages_are_whole(void **state)
{
    (void)state;
    static const struct {
        const char *order, *facilities, *want;
    } cases[] = {
        {"", "[\"facility-la-001\"]", "SO-8 SO-7 SO-5 SO-4 SO-2 SO-1 "},
        {"", "[\"facility-la-001\", \"facility-newyork-001\"]",
         "SO-9 SO-8 SO-7 SO-6 SO-5 SO-4 SO-3 SO-2 SO-1 "},
        {"{field: ORDERED_AT, dir: ASC}", "[\"facility-la-001\", \"facility-newyork-001\"]",
         "SO-1 SO-2 SO-3 SO-4 SO-5 SO-6 SO-7 SO-8 SO-9 "},
        {"{field: TOTAL, dir: DESC}", "[\"facility-la-001\", \"facility-newyork-001\"]",
         "SO-1 SO-9 SO-8 SO-7 SO-6 SO-5 SO-4 SO-3 SO-2 "},
        // Nulls last on the way up, first on the way down.
        {"{field: PROMISED_AT, dir: ASC}", "[\"facility-la-001\", \"facility-newyork-001\"]",
         "SO-3 SO-6 SO-9 SO-1 SO-7 SO-2 SO-5 SO-4 SO-8 "},
        {"{field: PROMISED_AT, dir: DESC}", "[\"facility-la-001\"]", "SO-8 SO-4 SO-5 SO-2 SO-7 SO-1 "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (int n = 1; n <= 10; n++) {
            struct mer_arena *a = mer_arena_create(0);
            struct mer_buf got;
            mer_buf_init(&got, a, 256);
            walk(a, cases[i].order, cases[i].facilities, n, &got);
            mer_assert_slice(mer_buf_slice(&got), cases[i].want);
            mer_arena_destroy(a);
        }
}

// ---- tenants ----

static const char everything[] =
    "{ facilities { id name } customers { totalCount edges { node { name orders { totalCount edges { node { "
    "orderNo } } } } } } "
    "products { totalCount edges { node { id name } } } orders(facilityIds: [\"facility-la-001\", "
    "\"facility-newyork-001\", "
    "\"facility-boston-001\"]) { totalCount edges { cursor node { orderNo customer { name } facility { name "
    "} lines { lineNo "
    "product { name } } shipments { id } productionRuns { id } corrections { field } } } pageInfo { "
    "endCursor } } "
    "orderStatuses(facilityIds: [\"facility-la-001\"]) { totalCount edges { node { orderNo } } } "
    "inventoryLevels(facilityId: "
    "\"facility-la-001\") { totalCount edges { node { id product { name } } } } node(id: "
    "\"Order~us-east~facility-la-001~" U
    "10\") { ... on Order { orderNo } } facility(id: \"facility-boston-001\") { name orders { totalCount } } "
    "equipment(facilityId: \"facility-la-001\") { code } regionStatus { facilitiesTotal facilitiesOnline } }";

static void tenants_are_kept_apart(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    struct mer_slice foo = ask(a, &(struct sql_lab_ask){.query = everything});
    struct mer_slice bar = ask(a, &(struct sql_lab_ask){.query = everything, .tenant = "t-bar"});
    struct mer_slice none = ask(a, &(struct sql_lab_ask){.query = everything, .tenant = "t-none"});
    assert_null(memmem(foo.p, foo.n, "CANARY", 6));
    assert_null(memmem(foo.p, foo.n, "Boston", 6));
    assert_non_null(memmem(foo.p, foo.n, "Acme", 4));
    assert_non_null(memmem(bar.p, bar.n, "CANARY-BAR-10", 13));
    assert_non_null(memmem(bar.p, bar.n, "CANARY-BAR product 1", 20));
    assert_null(memmem(bar.p, bar.n, "Acme", 4));
    assert_null(memmem(bar.p, bar.n, "SO-", 3));
    assert_null(memmem(none.p, none.n, "CANARY", 6));
    assert_null(memmem(none.p, none.n, "SO-", 3));
    assert_null(memmem(none.p, none.n, "SKU", 3));
    mer_arena_destroy(a);
}

#ifndef MER_TEST_NO_TENANT_PREDICATE // the rest says nothing new without it

// And the compiled predicate alone: as a superuser, whom row-level security does not touch, the counts are
// the same.
static void predicate_alone_holds(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    struct mer_sql sql = sql_lab_must(&lab, a, &(struct sql_lab_ask){.query = everything, .tenant = "t-bar"});
    struct mer_buf b;
    mer_buf_init(&b, a, 4096);
    mer_buf_add_cstr(&b, "prepare p as ");
    mer_buf_add(&b, sql.text);
    mer_buf_add_cstr(&b, "; execute p(");
    for (uint32_t i = 0; i < sql.params_n; i++)
        mer_buf_printf(&b, "%s'%s'", i ? "," : "", sql.params[i].value.p);
    mer_buf_add_cstr(&b, ")");
    char *got = strdup(sql_server_admin(server, mer_arena_cstr(a, mer_buf_slice(&b))));
    assert_non_null(strstr(got, "CANARY-BAR-10"));
    assert_null(strstr(got, "Acme"));
    assert_null(strstr(got, "SO-"));
    (void)sql_server_admin(server, "deallocate p");
    free(got);
    mer_arena_destroy(a);
}

// ---- hostile texts ----

static struct mer_slice with_payload(struct mer_arena *a, const char *payload)
{
    struct mer_buf b;
    mer_buf_init(&b, a, 256);
    mer_buf_add_cstr(&b, "{\"x\":");
    mer_json_write_string(&b, mer_slice_of(payload));
    mer_buf_add_char(&b, '}');
    return mer_buf_slice(&b);
}

// Ids, codes and cursors: nothing is found, or the value is refused before Postgres hears of it.
static void payloads_find_nothing(void **state)
{
    (void)state;
    static const char *const queries[] = {
        "query Q($x: ID!) { node(id: $x) { id } }",
        "query Q($x: ID!) { order(id: $x) { id } }",
        "query Q($x: ID!) { facility(id: $x) { id } }",
        "query Q($x: ID!) { equipment(facilityId: $x) { id } }",
        "query Q($x: ID!) { inventoryLevels(facilityId: $x) { edges { node { id } } } }",
        "query Q($x: ID!) { productionRuns(facilityId: $x) { totalCount edges { node { id } } } }",
        "query Q($x: ID!) { orders(facilityIds: [$x]) { edges { node { id } } pageInfo { endCursor } } }",
        "query Q($x: ID!) { orders(facilityIds: [$x, \"a\", $x]) { totalCount edges { node { id } } } }",
        "query Q($x: ID!) { orderStatuses(facilityIds: [$x]) { edges { node { orderNo } } } }",
        "query Q($x: ID!) { orders(facilityIds: [\"facility-la-001\"], filter: {customerId: $x}) { edges { "
        "node { id } } } }",
        "query Q($x: String!) { orders(facilityIds: [\"facility-la-001\"], after: $x) { edges { node { id } "
        "} } }",
        "query Q($x: String!) { customers(after: $x) { edges { node { id } } } }",
        "query Q($x: String!) { facility(id: \"facility-la-001\") { inventoryLevels(after: $x) { edges { "
        "node { id } } } } }",
        "query Q($x: DateTime!) { orders(facilityIds: [\"a\"], filter: {orderedIn: {from: $x, to: $x}}) { "
        "edges { node { id } } } }",
        "query Q($x: DateTime!) { equipment(facilityId: \"a\") { history(range: {from: $x, to: $x}) { status "
        "} } }",
    };
    for (size_t q = 0; q < sizeof(queries) / sizeof(queries[0]); q++)
        for (int i = 0; i < SQL_PAYLOADS_N; i++) {
            struct mer_arena *a = mer_arena_create(0);
            struct sql_lab_ask k = {.query = queries[q],
                                    .variables = mer_arena_cstr(a, with_payload(a, sql_payloads[i]))};
            struct mer_sql sql;
            struct mer_diag diag = {0};
            enum mer_err err = sql_lab_compile(&lab, a, &k, &sql, &diag);
            assert_true(err == MER_OK || err == MER_ERR_INVALID);
            if (err == MER_OK) {
                struct mer_slice got = sql_server_run(server, a, &sql, "t-foo", "*");
                if (memmem(got.p, got.n, "~", 1) || memmem(got.p, got.n, "SO-", 3))
                    fail_msg("%s with %s: %.*s", queries[q], sql_payloads[i], MER_FMT(got));
            }
            mer_arena_destroy(a);
        }
}

// Searches: each finds exactly the rows that hold the text, letter by letter.
static void payloads_find_themselves(void **state)
{
    (void)state;
    struct mer_arena *seed = mer_arena_create(0);
    struct mer_buf b;
    mer_buf_init(&b, seed, 65536);
    mer_buf_add_cstr(&b, "insert into customers (tenant_id, customer_id, region, code, name) values ");
    for (int i = 0; i < SQL_PAYLOADS_N; i++) {
        mer_buf_printf(&b, "%s('t-pay', gen_random_uuid(), 'us-east', 'P-%d', E'", i ? "," : "", i);
        for (const char *p = sql_payloads[i]; *p; p++)
            mer_buf_printf(&b, "\\x%02x", (unsigned char)*p);
        mer_buf_add_cstr(&b, "')");
    }
    (void)sql_server_admin(server, mer_arena_cstr(seed, mer_buf_slice(&b)));
    mer_arena_destroy(seed);
    for (int i = 0; i < SQL_PAYLOADS_N; i++) {
        struct mer_arena *a = mer_arena_create(0);
        char count[512], want[64];
        struct sql_lab_ask k = {.query =
                                    "query Q($x: String!) { customers(search: $x, first: 1) { totalCount } }",
                                .variables = mer_arena_cstr(a, with_payload(a, sql_payloads[i])),
                                .tenant = "t-pay"};
        (void)snprintf(
            count, sizeof(count),
            "select count(*) from customers c, customers x where c.tenant_id = 't-pay' and x.tenant_id = "
            "'t-pay' "
            "and x.code = 'P-%d' and (strpos(lower(c.name), lower(x.name)) > 0 or strpos(lower(c.code), "
            "lower(x.name)) > 0)",
            i);
        (void)snprintf(want, sizeof(want), "{\"customers\":{\"totalCount\":%s}}",
                       sql_server_admin(server, count));
        assert_string_not_equal(want, "{\"customers\":{\"totalCount\":0}}");
        struct mer_slice got = ask(a, &k);
        if (!mer_slice_is(got, want))
            fail_msg("'%s': got %.*s, want %s", sql_payloads[i], MER_FMT(got), want);
        mer_arena_destroy(a);
    }
}

// ---- plans ----

static void pages_go_by_index(void **state)
{
    (void)state;
    (void)sql_server_admin(
        server, "insert into orders (facility_id, order_id, tenant_id, order_no, customer_id, status, "
                "currency, fx_usd, "
                "total_amount, ordered_at) select 'f' || i % 4, gen_random_uuid(), 't-big', 'B-' || i, "
                "gen_random_uuid(), "
                "'confirmed', 'USD', 1, i, now() - i * interval '1 minute' from generate_series(1, 20000) i; "
                "insert into order_lines (facility_id, order_id, line_no, tenant_id, product_id, "
                "qty_ordered, unit_price, "
                "line_amount) select facility_id, order_id, 1, tenant_id, gen_random_uuid(), 1, 1, 1 from "
                "orders where tenant_id = "
                "'t-big'; insert into customers (tenant_id, customer_id, region, code, name) select 't-big', "
                "gen_random_uuid(), "
                "'us-east', 'K-' || i, 'N' || i from generate_series(1, 5000) i; insert into products "
                "(tenant_id, product_id, sku, name, "
                "uom, std_cost) select 't-big', gen_random_uuid(), 'K-' || i, 'N' || i, 'pcs', 1 from "
                "generate_series(1, 5000) i; analyze");
    static const char *const queries[] = {
        "{ orders(facilityIds: [\"f1\"], first: 50, filter: {status: [CONFIRMED]}) { edges { cursor node { "
        "orderNo customer { name } "
        "lines { product { sku } } } } pageInfo { hasNextPage endCursor } } }",
        "{ orders(facilityIds: [\"f1\", \"f2\"], first: 50) { edges { cursor node { orderNo customer { name "
        "} lines { product { sku } } } } } }",
        "{ orders(facilityIds: [\"f1\"], first: 50, orderBy: {field: TOTAL}) { edges { node { orderNo } } } "
        "}",
        "{ order(id: \"Order~us-east~f1~" U "01\") { orderNo customer { name } lines { product { sku } } } }",
        "{ products(first: 50) { edges { node { sku } } } }",
    };
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        struct mer_arena *a = mer_arena_create(0);
        struct mer_sql sql =
            sql_lab_must(&lab, a, &(struct sql_lab_ask){.query = queries[i], .tenant = "t-big"});
        struct mer_slice plan = sql_server_explain(server, a, &sql);
        if (memmem(plan.p, plan.n, "Seq Scan", 8))
            fail_msg("%s\n%.*s", queries[i], MER_FMT(plan));
        // A single list comes in the index's order; several are merged by a sort of their pages.
        bool merged = strstr(queries[i], "\"f2\"") != NULL;
        if (!merged && i != 3 && i != 4 && memmem(plan.p, plan.n, "Sort Key: t1.ordered_at", 23))
            fail_msg("%s\n%.*s", queries[i], MER_FMT(plan));
        mer_arena_destroy(a);
    }
}

static void every_column_is_there(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    struct mer_binding_column_use *uses;
    uint32_t n = mer_binding_columns(a, lab.binding, &uses);
    assert_true(n > 100);
    for (uint32_t i = 0; i < n; i++) {
        struct mer_slice q =
            mer_arena_printf(a,
                             "select count(*) from information_schema.columns where table_schema = 'public' "
                             "and table_name = '%.*s' and column_name = '%.*s'",
                             MER_FMT(uses[i].table), MER_FMT(uses[i].column));
        if (strcmp(sql_server_admin(server, mer_arena_cstr(a, q)), "1") != 0)
            fail_msg("%.*s.%.*s is not there", MER_FMT(uses[i].table), MER_FMT(uses[i].column));
    }
    mer_arena_destroy(a);
}

#endif

static int open_all(void **state)
{
    (void)state;
    sql_lab_open(&lab);
    server = sql_server_open("region");
    return server ? 0 : -1;
}

static int close_all(void **state)
{
    (void)state;
    sql_server_close(server);
    sql_lab_close(&lab);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(entities_keep_their_order),
        cmocka_unit_test(pages_are_whole),
        cmocka_unit_test(tenants_are_kept_apart),
#ifndef MER_TEST_NO_TENANT_PREDICATE
        cmocka_unit_test(predicate_alone_holds),
        cmocka_unit_test(payloads_find_nothing),
        cmocka_unit_test(payloads_find_themselves),
        cmocka_unit_test(pages_go_by_index),
        cmocka_unit_test(every_column_is_there),
#endif
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
