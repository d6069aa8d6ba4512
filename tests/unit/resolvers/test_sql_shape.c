// SPDX-License-Identifier: MIT
// The statements' texts: golden ones for the example operations, and what must hold of every text.
// MER_GOLDEN=update rewrites the golden files; look at the difference before committing it.
#include "mer_test.h"
#include "unit/resolvers/sql_lab.h"

#include <stdio.h>
#include <stdlib.h>

static struct sql_lab lab;

static const struct {
    const char *name;
    struct sql_lab_ask ask;
} goldens[] = {
    {"05_drill_orders",
     {.query =
          "query D($f: ID!, $r: TimeRange!) { facility(id: $f) { name orders(first: 20, filter: {late: true, "
          "promisedIn: $r}, orderBy: {field: PROMISED_AT, dir: ASC}) { totalCount edges { node { orderNo "
          "promisedAt "
          "customer { name } } } pageInfo { endCursor } } } }",
      .variables = "{\"f\":\"facility-la-001\",\"r\":{\"from\":\"2025-12-01T00:00:00Z\",\"to\":\"2025-12-"
                   "31T00:00:00Z\"}}"}},
    {"06_stock",
     {.query = "query S($f: ID!) { inventoryLevels(facilityId: $f, first: 100) { edges { node { product { "
               "sku name } "
               "onHand available lastUpdated dataFreshness { isStale ageSeconds } } } } }",
      .variables = "{\"f\":\"facility-la-001\"}"}},
    {"07_stock_eu",
     {.query = "{ inventoryLevels(facilityId: \"facility-frankfurt-001\", belowReorder: true) { edges { node "
               "{ product "
               "{ sku } available dataFreshness { warning region } } } } facility(id: "
               "\"facility-frankfurt-001\") { "
               "orders(first: 1) { totalCount } } }"}},
    {"08_page_one_facility",
     {.query =
          "query P($f: [ID!]!, $c: String) { orders(facilityIds: $f, first: 50, after: $c, filter: {status: "
          "[CONFIRMED IN_PRODUCTION]}) { edges { cursor node { orderNo totalAmount customer { name } lines { "
          "product "
          "{ sku } qtyOrdered } } } pageInfo { hasNextPage endCursor } } }",
      .variables = "{\"f\":[\"facility-la-001\"]}"}},
    {"08_page_facilities_after",
     {.query = "query P($f: [ID!]!, $c: String) { orders(facilityIds: $f, first: 50, after: $c) { edges { "
               "node { id } } } }",
      .variables = "{\"f\":[\"facility-la-001\",\"Facility~us-east~facility-newyork-001~\"],\"c\":"
                   "\"WzEsImY2Y2U0ODIzIiwiLXRzcyIsIjIwMjUtMTItMDEgMDc6MDA6MDAuMDAwMDA3KzAwIiwiMDAwMDAwMDAtMDA"
                   "wMC03MDAwLTgwMD"
                   "AtMDAwMDAwMDAwMDA4IiwiZmFjaWxpdHktbGEtMDAxIl0\"}"}},
    {"09_floor",
     {.query = "query F($f: ID!) { equipment(facilityId: $f) { code status statusSince currentRun { progress "
               "qtyGood "
               "qtyScrap } } productionRuns(facilityId: $f, status: [IN_PROGRESS SCHEDULED]) { edges { node "
               "{ product { "
               "name } plannedStart } } } }",
      .variables = "{\"f\":\"facility-la-001\"}"}},
    {"10_create_order",
     {.query = "mutation N($i: CreateOrderInput!) { createOrder(input: $i) { order { id __typename } "
               "acceptedBy replicated "
               "errors { code message field } } }",
      .variables = "{\"i\":{\"facilityId\":\"facility-la-001\",\"customerId\":\"c\",\"currency\":\"USD\","
                   "\"key\":\"k\","
                   "\"lines\":[{\"productId\":\"p\",\"qty\":\"500\"}]}}"}},
    {"14_board",
     {.query = "{ regionStatus { region liveEnvironment state dualWrite facilitiesOnline facilitiesTotal "
               "maxLagSeconds "
               "reachable } facilities(online: false) { name region mode status { offlineSince "
               "offlineMinutes escalated } } }"}},
    {"15_correct_order",
     {.query =
          "mutation Fix($id: ID!, $v: Int!, $k: ID!) { correctOrder(id: $id, field: \"priority\", value: "
          "\"5\", "
          "reason: \"keyed wrong\", expectedVersion: $v, key: $k) { order { id } errors { code message } } }",
      .variables = "{\"id\":\"Order~us-east~facility-la-001~x\",\"v\":1,\"k\":\"k\"}"}},
    {"node",
     {.query = "{ node(id: \"Order~us-east~facility-la-001~00000000-0000-7000-8000-000000000001\") { "
               "__typename id ... on "
               "Order { orderNo productionRuns { id } } ... on Product { sku } } }"}},
    {"entities_order",
     {.query = "{ id customer { name } orderedAt dataFreshness { isStale } }",
      .entity = "Order",
      .ids = {"Order~us-east~facility-la-001~00000000-0000-7000-8000-000000000001", "junk"}}},
    {"entities_facility",
     {.query = "{ id name }", .entity = "Facility", .ids = {"Facility~us-east~facility-la-001~"}}},
};

static void golden_texts(void **state)
{
    (void)state;
    const char *mode = getenv("MER_GOLDEN");
    for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++) {
        struct mer_arena *a = mer_arena_create(0);
        struct mer_sql sql = sql_lab_must(&lab, a, &goldens[i].ask);
        char path[160];
        (void)snprintf(path, sizeof(path), "tests/unit/resolvers/golden/%s.sql", goldens[i].name);
        struct mer_slice got = mer_arena_printf(a, "%.*s\n", MER_FMT(sql.text));
        if (mode && strcmp(mode, "update") == 0) {
            FILE *f = fopen(path, "wb");
            assert_non_null(f);
            assert_int_equal(fwrite(got.p, 1, got.n, f), got.n);
            (void)fclose(f);
        } else {
            char *want = sql_lab_read(path);
            if (!want || strcmp(want, mer_arena_cstr(a, got)) != 0)
                fail_msg("%s: got\n%.*s\nwant\n%s", goldens[i].name, MER_FMT(got), want ? want : "(no file)");
            free(want);
        }
        mer_arena_destroy(a);
    }
}

// Every table read, by `from X tN` or `join X tN`, is held to the tenant, but for region_status, which has
// none.
static void every_table_has_the_tenant(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++) {
        struct mer_arena *a = mer_arena_create(0);
        struct mer_sql sql = sql_lab_must(&lab, a, &goldens[i].ask);
        const char *text = mer_arena_cstr(a, sql.text);
        uint32_t tables = 0;
        for (const char *p = text; (p = strpbrk(p, "fj")) != NULL; p++) {
            char table[64], alias[16], want[64];
            if ((sscanf(p, "from %63[a-z_] %15[t0-9]", table, alias) != 2 &&
                 sscanf(p, "join %63[a-z_] %15[t0-9]", table, alias) != 2) ||
                alias[0] != 't' || strcmp(table, "region_status") == 0)
                continue;
            (void)snprintf(want, sizeof(want), "%s.tenant_id = $", alias);
            if (!strstr(text, want))
                fail_msg("%s: %s %s is not held to the tenant", goldens[i].name, table, alias);
            tables++;
        }
        assert_true(tables > 0 || strstr(text, "_order("));
        mer_arena_destroy(a);
    }
}

// A parameter without a use has no type, and Postgres refuses the statement.
static void check_params(struct mer_arena *a, const struct mer_sql *sql)
{
    for (uint32_t i = 1; i <= sql->params_n; i++)
        if (!strstr(mer_arena_cstr(a, sql->text), mer_arena_cstr(a, mer_arena_printf(a, "$%u::", i))))
            fail_msg("$%u is not used in %.*s", i, MER_FMT(sql->text));
}

static struct mer_sql shape(struct mer_arena *a, const char *query, const char *variables)
{
    struct mer_sql sql = sql_lab_must(&lab, a, &(struct sql_lab_ask){.query = query, .variables = variables});
    check_params(a, &sql);
    return sql;
}

#define SHAPE                                                                                                \
    "query Q($f: [ID!]!, $n: Int, $c: String, $w: OrderFilter, $o: OrderSort) "                              \
    "{ orders(facilityIds: $f, first: $n, after: $c, filter: $w, orderBy: $o) { totalCount edges { node { "  \
    "id } } } }"

static void text_depends_on_shape_alone(void **state)
{
    (void)state;
    static const struct {
        const char *one, *other;
        bool same;
    } pairs[] = {
        {"{\"f\":[\"a\"]}", "{\"f\":[\"b'; drop table orders\"]}", true},
        {"{\"f\":[\"a\",\"b\"]}", "{\"f\":[\"c\",\"d\",\"e\"]}", true},
        {"{\"f\":[\"a\"]}", "{\"f\":[\"a\",\"b\"]}", false}, // one partition or several
        {"{\"f\":[\"a\"],\"n\":1}", "{\"f\":[\"a\"],\"n\":1000}", true},
        {"{\"f\":[\"a\"],\"n\":1000}", "{\"f\":[\"a\"],\"n\":100000}", true}, // capped
        {"{\"f\":[\"a\"]}", "{\"f\":[\"a\"],\"n\":null,\"c\":null,\"w\":null,\"o\":null}", true},
        {"{\"f\":[\"a\"],\"w\":{}}", "{\"f\":[\"a\"],\"w\":{\"status\":null,\"search\":null}}", true},
        {"{\"f\":[\"a\"],\"w\":{\"status\":[\"DRAFT\"]}}",
         "{\"f\":[\"a\"],\"w\":{\"status\":[\"SHIPPED\",\"DRAFT\"]}}", true},
        {"{\"f\":[\"a\"],\"w\":{\"search\":\"x\"}}", "{\"f\":[\"a\"],\"w\":{\"search\":\"' or 1=1 --\"}}",
         true},
        {"{\"f\":[\"a\"],\"w\":{\"customerId\":\"x\"}}",
         "{\"f\":[\"a\"],\"w\":{\"customerId\":\"Customer~us-east~~00000000-0000-7000-8000-0000000000c1\"}}",
         true},
        {"{\"f\":[\"a\"],\"w\":{\"late\":true}}", "{\"f\":[\"a\"],\"w\":{\"late\":false}}", false},
        {"{\"f\":[\"a\"],\"w\":{\"orderedIn\":{\"from\":\"2025-01-01T00:00:00Z\",\"to\":\"2025-01-02T00:00:"
         "00Z\"}}}",
         "{\"f\":[\"a\"],\"w\":{\"orderedIn\":{\"from\":\"2024-01-01T00:00:00+02:00\",\"to\":\"2025-01-02T00:"
         "00:00.5Z\"}}}",
         true},
        {"{\"f\":[\"a\"],\"o\":{\"field\":\"TOTAL\"}}",
         "{\"f\":[\"a\"],\"o\":{\"field\":\"TOTAL\",\"dir\":\"DESC\"}}", true},
        {"{\"f\":[\"a\"],\"o\":{\"field\":\"TOTAL\"}}",
         "{\"f\":[\"a\"],\"o\":{\"field\":\"TOTAL\",\"dir\":\"ASC\"}}", false},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct mer_arena *a = mer_arena_create(0);
        struct mer_sql one = shape(a, SHAPE, pairs[i].one), other = shape(a, SHAPE, pairs[i].other);
        if (mer_slice_eq(one.text, other.text) != pairs[i].same)
            fail_msg("%s and %s: texts %s", pairs[i].one, pairs[i].other,
                     pairs[i].same ? "differ" : "are equal");
        mer_arena_destroy(a);
    }
}

static void wrong_values_are_the_callers(void **state)
{
    (void)state;
    static const struct {
        const char *variables, *message;
    } cases[] = {
        {"{\"f\":[\"a\"],\"n\":-1}", "first: must not be negative"},
        {"{\"f\":[\"a\"],\"c\":\"x\"}", "after: is no cursor of this list"},
        {"{\"f\":[\"a\"],\"c\":\"\"}", "after: is no cursor of this list"},
        {"{\"f\":[\"a\"],\"c\":\"WzEsImY2Y2U0ODIzIiwiLXRzcyIsIngiLCJ5IiwieiJd\"}",
         "after: is no cursor of this list"},
        {"{\"f\":[\"a\"],\"w\":{\"search\":\"a\\u0000b\"}}", "search: holds U+0000 or is no UTF-8"},
        {"{\"f\":[\"a\"],\"w\":{\"orderedIn\":{\"from\":\"yesterday\",\"to\":\"2025-01-02T00:00:00Z\"}}}",
         "from: is no DateTime (RFC 3339)"},
        {"{\"f\":[\"a\"],\"w\":{\"orderedIn\":{\"from\":\"2025-02-30T00:00:00Z\",\"to\":\"2025-01-02T00:00:"
         "00Z\"}}}",
         "from: is no DateTime (RFC 3339)"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mer_arena *a = mer_arena_create(0);
        struct mer_sql sql;
        struct mer_diag diag = {0};
        struct sql_lab_ask ask = {.query = SHAPE, .variables = cases[i].variables};
        assert_int_equal(sql_lab_compile(&lab, a, &ask, &sql, &diag), MER_ERR_INVALID);
        assert_string_equal(diag.msg, cases[i].message);
        mer_arena_destroy(a);
    }
}

// A cursor is good for the list and order that gave it, in either of their widths, and for no other.
static void cursor_is_bound_to_its_order(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
#define POSITION                                                                                             \
    "\"f\":[\"a\",\"b\"],\"c\":"                                                                             \
    "\"WzEsImY2Y2U0ODIzIiwiLXRzcyIsIjIwMjUtMTItMDEgMDc6MDA6MDAuMDAwMDA3KzAwIiwiMDAwMDAwMDAtMDAw"             \
    "MC03MDAwLTgwMDAtMDAwMDAwMDAwMDA4IiwiZmFjaWxpdHktbGEtMDAxIl0\""
    struct mer_diag diag = {0};
    struct mer_sql sql;
    assert_non_null(strstr(mer_arena_cstr(a, shape(a, SHAPE, "{" POSITION "}").text), ") < ($"));
    const char *text = "{" POSITION ",\"o\":{\"field\":\"ORDERED_AT\",\"dir\":\"ASC\"}}";
    struct sql_lab_ask ask = {.query = SHAPE, .variables = text};
    assert_int_equal(sql_lab_compile(&lab, a, &ask, &sql, &diag), MER_ERR_INVALID);
    mer_arena_destroy(a);
}

static void conditions_are_kept(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    const char *q = "query Q($x: Boolean!) { facilities { code @skip(if: $x) name @include(if: $x) } }";
    assert_null(strstr(mer_arena_cstr(a, shape(a, q, "{\"x\":true}").text), "code\""));
    assert_null(strstr(mer_arena_cstr(a, shape(a, q, "{\"x\":false}").text), "name\""));
    mer_arena_destroy(a);
}

static void lanes(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        bool long_running;
    } cases[] = {
        {"{ order(id: \"Order~us-east~f~00000000-0000-7000-8000-000000000001\") { id lines { lineNo } } }",
         false},
        {"{ orders(facilityIds: [\"f\"], first: 50) { edges { node { id customer { name } lines { lineNo "
         "product { sku } } } } } }",
         false},
        {"{ orders(facilityIds: [\"f\"], first: 50) { totalCount } }", true},
        {"{ orders(facilityIds: [\"f\"], first: 50, filter: {search: \"x\"}) { edges { node { id } } } }",
         true},
        {"{ orders(facilityIds: [\"f\"], first: 1000) { edges { node { id lines { lineNo } } } } }", true},
        {"{ customers(first: 100) { edges { node { orders(first: 100) { edges { node { id } } } } } } }",
         true},
        {"mutation { setProductPrice(input: {productId: \"p\", currency: \"USD\", validFrom: \"2025-01-01\", "
         "unitPrice: 1, "
         "key: \"k\"}) { product { id } } }",
         true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mer_arena *a = mer_arena_create(0);
        if (shape(a, cases[i].query, NULL).long_running != cases[i].long_running)
            fail_msg("%s", cases[i].query);
        mer_arena_destroy(a);
    }
}

static void partitions_narrow_the_argument(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    struct sql_lab_ask ask = {.query = SHAPE,
                              .variables = "{\"f\":[\"a\",\"Facility~r~b~\",\"c\",\"a\"]}",
                              .partitions = {"b", "c", "x"}};
    struct mer_sql sql = sql_lab_must(&lab, a, &ask);
    bool found = false;
    for (uint32_t i = 0; i < sql.params_n; i++)
        found = found || mer_slice_is(sql.params[i].value, "{\"b\",\"c\"}");
    assert_true(found);
    mer_arena_destroy(a);
}

// Postgres takes at most 100 arguments a call.
static void many_fields_are_several_calls(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    struct mer_buf q;
    mer_buf_init(&q, a, 0);
    mer_buf_add_cstr(&q, "{ facilities { ");
    for (int i = 0; i < 200; i++)
        mer_buf_printf(&q, "a%d: code ", i);
    mer_buf_add_cstr(&q, "} }");
    struct mer_sql sql = shape(a, mer_arena_cstr(a, mer_buf_slice(&q)), NULL);
    assert_non_null(strstr(mer_arena_cstr(a, sql.text), ")||concat("));
    mer_arena_destroy(a);
}

static int open_lab(void **state)
{
    (void)state;
    sql_lab_open(&lab);
    return 0;
}

static int close_lab(void **state)
{
    (void)state;
    sql_lab_close(&lab);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_texts),
        cmocka_unit_test(every_table_has_the_tenant),
        cmocka_unit_test(text_depends_on_shape_alone),
        cmocka_unit_test(wrong_values_are_the_callers),
        cmocka_unit_test(cursor_is_bound_to_its_order),
        cmocka_unit_test(conditions_are_kept),
        cmocka_unit_test(lanes),
        cmocka_unit_test(partitions_narrow_the_argument),
        cmocka_unit_test(many_fields_are_several_calls),
    };
    return cmocka_run_group_tests(tests, open_lab, close_lab);
}
