// SPDX-License-Identifier: MIT
// Mutations, on an edge's own database: the payload by response key, refusals as data, a retry's answer, and
// hostile texts in every string of every input.
#include "mer_test.h"
#include "unit/resolvers/sql_payloads.h"
#include "unit/resolvers/sql_server.h"

#include <stdio.h>
#include <stdlib.h>

#define U "00000000-0000-7000-8000-0000000000"

static struct sql_lab lab;
static struct sql_server *server;

static struct mer_slice call(struct mer_arena *a, const char *query, const char *variables)
{
    struct mer_sql sql = sql_lab_must(&lab, a, &(struct sql_lab_ask){.query = query, .variables = variables});
    return sql_server_run(server, a, &sql, "t-foo", "*");
}

static const char create[] = "mutation N($i: CreateOrderInput!) { made: createOrder(input: $i) { __typename "
                             "what: order { id } acceptedBy replicated "
                             "errors { code message field } } }";
static const char created[] =
    "{\"i\":{\"facilityId\":\"Facility~us-east~facility-la-001~\",\"customerId\":\"Customer~us-east~~" U
    "c1\",\"currency\":"
    "\"USD\",\"promisedAt\":null,\"lines\":[{\"productId\":\"Product~~~" U
    "d1\",\"qty\":\"2.5\",\"unitPrice\":3}],\"key\":"
    "\"k-1\"}}";

static void orders_are_made_once(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    struct mer_slice first = call(a, create, created), again = call(a, create, created);
    static const char head[] =
        "{\"made\":{\"__typename\":\"OrderPayload\",\"what\":{\"id\":\"Order~us-east~facility-la-001~";
    if (!mer_slice_starts(first, mer_slice_of(head)) ||
        !mer_slice_ends(first, MER_S("\"},\"acceptedBy\":\"EDGE\",\"replicated\":false,\"errors\":[]}}")))
        fail_msg("%.*s", MER_FMT(first));
    mer_assert_slice(again, mer_arena_cstr(a, first));
    assert_string_equal(sql_server_admin(server, "select count(*) from orders where total_amount = 7.5"),
                        "1");
    mer_arena_destroy(a);
}

static void refusals_are_data(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    mer_assert_slice(call(a,
                          "mutation { correctOrder(id: \"Order~us-east~facility-la-001~" U
                          "01\", field: \"priority\", value: "
                          "\"5\", reason: \"keyed wrong\", expectedVersion: 7, key: \"k-2\") { order { id } "
                          "errors { code field } } }",
                          NULL),
                     "{\"correctOrder\":{\"order\":{\"id\":\"Order~us-east~facility-la-001~" U
                     "01\"},\"errors\":[{\"code\":\"STALE_VERSION\",\"field\":[\"expectedVersion\"]}]}}");
    mer_arena_destroy(a);
}

static void wrong_scalars_are_the_callers(void **state)
{
    (void)state;
    static const struct {
        const char *variables, *message;
    } cases[] = {
        {"{\"i\":{\"facilityId\":\"f\",\"customerId\":\"c\",\"currency\":\"USD\",\"promisedAt\":\"soon\","
         "\"lines\":[],\"key\":\"k\"}}",
         "'soon' is no DateTime (RFC 3339)"},
        {"{\"i\":{\"facilityId\":\"f\",\"customerId\":\"c\",\"currency\":\"USD\",\"lines\":[{\"productId\":"
         "\"p\",\"qty\":\"much\"}],"
         "\"key\":\"k\"}}",
         "'much' is no Decimal"},
        {"{\"i\":{\"facilityId\":\"f\",\"customerId\":\"c\",\"currency\":\"U\\u0000\",\"lines\":[],\"key\":"
         "\"k\"}}",
         "the input holds U+0000 or is no UTF-8"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mer_arena *a = mer_arena_create(0);
        struct mer_sql sql;
        struct mer_diag diag = {0};
        struct sql_lab_ask ask = {.query = create, .variables = cases[i].variables};
        assert_int_equal(sql_lab_compile(&lab, a, &ask, &sql, &diag), MER_ERR_INVALID);
        assert_string_equal(diag.msg, cases[i].message);
        mer_arena_destroy(a);
    }
}

// An entity's other fields are not for the statement that writes.
static void entities_answer_by_id(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    struct mer_sql sql;
    struct mer_diag diag = {0};
    struct sql_lab_ask ask = {
        .query = "mutation N($i: CreateOrderInput!) { createOrder(input: $i) { order { orderNo } } }",
        .variables = created};
    assert_int_equal(sql_lab_compile(&lab, a, &ask, &sql, &diag), MER_ERR_NOT_FOUND);
    mer_arena_destroy(a);
}

// Each input is refused or taken as what it says; Postgres raises nothing.
static void payloads_are_plain_data(void **state)
{
    (void)state;
    static const char *const queries[] = {
        "mutation Q($x: ID!) { createOrder(input: {facilityId: $x, customerId: $x, currency: \"USD\", lines: "
        "[{productId: $x, qty: 1}], "
        "key: $x}) { order { id } errors { message code } } }",
        "mutation Q($x: ID!) { createOrder(input: {facilityId: \"facility-la-001\", customerId: $x, "
        "currency: \"USD\", lines: "
        "[{productId: $x, qty: 1}], key: $x}) { order { id } errors { message code } } }",
        "mutation Q($x: String!) { createOrder(input: {facilityId: \"facility-la-001\", customerId: \"" U
        "c1\", currency: $x, lines: "
        "[{productId: \"" U
        "d1\", qty: 1, unitPrice: 1}], key: \"cur\"}) { order { id } errors { message code } } }",
        "mutation Q($x: ID!) { updateOrderStatus(id: $x, status: SHIPPED, expectedVersion: 1, key: $x) { "
        "errors { message code } } }",
        "mutation Q($x: String!) { correctOrder(id: \"Order~us-east~facility-la-001~" U
        "01\", field: $x, value: $x, reason: $x, "
        "expectedVersion: 1, key: \"cor\") { errors { message code } } }",
        "mutation Q($x: ID!) { adjustInventory(input: {facilityId: \"facility-la-001\", productId: $x, "
        "delta: 1, reason: \"r\", key: $x}) "
        "{ level { id } errors { message code } } }",
        "mutation Q($x: ID!) { recordInspection(input: {facilityId: \"facility-la-001\", runId: $x, type: "
        "\"t\", sampleSize: 1, defects: 0, "
        "key: $x}) { inspection { id } errors { message code } } }",
    };
    for (size_t q = 0; q < sizeof(queries) / sizeof(queries[0]); q++)
        for (int i = 0; i < SQL_PAYLOADS_N; i++) {
            struct mer_arena *a = mer_arena_create(0);
            struct mer_buf b;
            mer_buf_init(&b, a, 256);
            mer_buf_add_cstr(&b, "{\"x\":");
            mer_json_write_string(&b, mer_slice_of(sql_payloads[i]));
            mer_buf_add_char(&b, '}');
            (void)call(a, queries[q], mer_arena_cstr(a, mer_buf_slice(&b)));
            mer_arena_destroy(a);
        }
    assert_string_equal(sql_server_admin(server, "select count(*) from orders"), "11");
}

static int open_all(void **state)
{
    (void)state;
    sql_lab_open(&lab);
    server = sql_server_open("edge");
    if (!server)
        return -1;
    (void)sql_server_admin(
        server, "insert into system_configuration (tenant_id, key, value) values ('t-foo', 'fx.usd', "
                "'{\"USD\": 1}')");
    return 0;
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
        cmocka_unit_test(orders_are_made_once),          cmocka_unit_test(refusals_are_data),
        cmocka_unit_test(wrong_scalars_are_the_callers), cmocka_unit_test(entities_answer_by_id),
        cmocka_unit_test(payloads_are_plain_data),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
