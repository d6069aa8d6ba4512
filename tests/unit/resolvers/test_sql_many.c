// SPDX-License-Identifier: MIT
// The statement for many askers, as it is compiled, through the pool and on a real Postgres: each asker gets
// what its own statement answers, and the rows are still found by index.
#include "base/time.h"
#include "mer_test.h"
#include "schema/parser.h"
#include "unit/resolvers/sql_server.h"

#define U  "00000000-0000-7000-8000-0000000000"
#define LA "facility-la-001"

enum { ASKS = 24, IDS_MAX = 9 };

static struct sql_lab lab;
static struct sql_server *server;
static struct mer_loop *loop;

static const struct {
    const char *query;
    const char *ids[IDS_MAX];
} operations[] = {
    {"query O($id: ID!) { order(id: $id) { id orderNo status totalAmount orderedAt customer { name } } }",
     {"Order~us-east~" LA "~" U "01", "Order~us-east~" LA "~" U "02", "Order~us-east~" LA "~x",
      "Order~us-east~facility-newyork-001~" U "03", "Product~~~" U "01", "'; drop table orders; --",
      "a\\\"b\\\\", "{}"}},
    {"query N($id: ID!) { node(id: $id) { __typename id ... on Order { orderNo } ... on Product { sku } } }",
     {"Order~us-east~" LA "~" U "01", "Order~us-east~" LA "~" U "02", "Product~~~" U "01",
      "Product~~~" U "02", "Customer~us-east~~" U "01", "nothing"}},
    {"query F($id: ID!) { facility(id: $id) { id code name } a: facility(id: $id) { region } }",
     {LA, "Facility~us-east~" LA "~", "facility-newyork-001", "nowhere"}},
};

struct asker {
    struct mer_pg_query q;
    struct mer_sql sql;
    struct mer_arena *a;
    struct mer_slice answer;
    bool told;
};

static void answered(void *owner, const struct mer_pg_result *r)
{
    struct asker *k = owner;
    assert_int_equal(r->err, MER_OK);
    k->answer = mer_arena_copy(k->a, r->value);
    k->told = true;
}

static struct mer_sql compile(struct mer_arena *a, struct mer_fetch_op *op,
                              const struct mer_ast_operation *ast, const char *id)
{
    struct mer_json json;
    struct mer_variables *vars = MER_NEW(a, struct mer_variables);
    struct mer_in_error *errors = NULL;
    struct mer_diag why = {0};
    uint32_t errors_n = 0;
    struct mer_sql sql;
    assert_int_equal(mer_json_parse(a, mer_arena_printf(a, "{\"id\":\"%s\"}", id), NULL, &json, NULL),
                     MER_OK);
    assert_int_equal(
        mer_coerce_variables(a, lab.schema, ast, &json, mer_json_root(&json), vars, &errors, &errors_n),
        MER_OK);
    struct mer_sql_ask ask = {
        .binding = lab.binding, .op = op, .vars = vars, .tenant = MER_S("t-foo"), .region = MER_S("us-east")};
    if (mer_sql_compile(a, &ask, &sql, &why))
        fail_msg("%s", why.msg);
    return sql;
}

static struct mer_fetch_op *read_operation(struct mer_arena *own, const char *query,
                                           struct mer_fetch_memo *memo, struct mer_ast_operation **ast)
{
    struct mer_ast_document *doc;
    assert_int_equal(mer_parse(own, mer_slice_of(query), MER_PARSE_EXECUTABLE, NULL, &doc, NULL), MER_OK);
    *ast = doc->operations[0];
    struct mer_fetch_op *op = sql_lab_fetch(own, lab.schema, *ast, NULL);
    assert_non_null(op);
    op->memo = memo;
    return op;
}

static void ask_all(struct mer_pg_pool *pool, struct asker *askers, uint32_t n)
{
    int64_t until = mer_time_mono_us() + 5000000;
    for (uint32_t i = 0; i < n; i++)
        mer_pg_submit(pool, &askers[i].q);
    for (uint32_t told = 0; told < n;) {
        assert_true(mer_time_mono_us() < until);
        mer_loop_turn(loop, 20);
        told = 0;
        for (uint32_t i = 0; i < n; i++)
            told += askers[i].told;
    }
}

// Does it travel with none of those before it?
static bool is_new(const struct asker *askers, uint32_t i)
{
    bool alone = !askers[i].sql.many.n;
    for (uint32_t k = 0; !alone && k < i; k++) {
        if (mer_slice_eq(askers[k].sql.many, askers[i].sql.many))
            return false;
    }
    return true;
}

static void each_gets_what_its_own_statement_answers(void **state)
{
    (void)state;
    struct mer_pg_pool *pool = mer_pg_pool_create(
        loop,
        &(struct mer_pg_pool_opts){.dsn = sql_server_dsn(server), .name = "test", .short_connections = 1});
    while (!mer_pg_pool_up(pool))
        mer_loop_turn(loop, 20);
    for (size_t o = 0; o < sizeof(operations) / sizeof(operations[0]); o++) {
        struct mer_arena *own = mer_arena_create(0), *a = mer_arena_create(0);
        struct mer_fetch_memo memo = {.arena = own};
        struct mer_ast_operation *ast;
        struct mer_fetch_op *op = read_operation(own, operations[o].query, &memo, &ast);
        struct asker askers[ASKS] = {0};
        uint32_t ids_n = 0, many_n = 0, statements_n = 0;
        while (ids_n < IDS_MAX && operations[o].ids[ids_n])
            ids_n++;
        for (uint32_t i = 0; i < 4 * ids_n; i++) // until the texts are kept
            (void)compile(a, op, ast, operations[o].ids[i % ids_n]);
        for (uint32_t i = 0; i < ASKS; i++) {
            struct asker *k = &askers[i];
            k->a = a;
            k->sql = compile(a, op, ast, operations[o].ids[i % ids_n]);
            k->q = (struct mer_pg_query){.sql = k->sql.text,
                                         .many = k->sql.many,
                                         .params = k->sql.params,
                                         .params_n = k->sql.params_n,
                                         .light = k->sql.light,
                                         .scope = {MER_S("t-foo"), MER_S("worker"), MER_S("*")},
                                         .done = answered,
                                         .owner = k};
            many_n += k->sql.many.n > 0;
            statements_n += is_new(askers, i);
        }
        struct mer_pg_pool_stats before, after;
        mer_pg_pool_stats(pool, &before);
        ask_all(pool, askers, ASKS);
        mer_pg_pool_stats(pool, &after);
        assert_true(many_n >= ASKS / 2);
        assert_int_equal(after.statements - before.statements, statements_n);
        assert_int_equal(after.retries, before.retries);
        for (uint32_t i = 0; i < ASKS; i++) {
            struct mer_slice alone = sql_server_run(server, a, &askers[i].sql, "t-foo", "*");
            if (!mer_slice_eq(alone, askers[i].answer))
                fail_msg("%s\n%.*s\n%.*s", operations[o].ids[i % ids_n], MER_FMT(alone),
                         MER_FMT(askers[i].answer));
        }
        mer_arena_destroy(a);
        mer_arena_destroy(own);
    }
    mer_pg_pool_destroy(pool);
}

static void rows_are_found_by_index(void **state)
{
    (void)state;
    (void)sql_server_admin(
        server, "insert into orders (facility_id, order_id, tenant_id, order_no, customer_id, status, "
                "currency, fx_usd, total_amount, ordered_at) select 'f' || i % 4, gen_random_uuid(), "
                "'t-big', 'B-' || i, gen_random_uuid(), 'confirmed', 'USD', 1, i, now() from "
                "generate_series(1, 20000) i; analyze");
    struct mer_arena *a = mer_arena_create(0);
    struct mer_fetch_memo memo = {.arena = a};
    struct mer_ast_operation *ast;
    struct mer_fetch_op *op = read_operation(a, operations[0].query, &memo, &ast);
    struct mer_sql sql = {0};
    for (int i = 0; i < 4; i++)
        sql = compile(a, op, ast, operations[0].ids[0]);
    assert_true(sql.many.n > 0);
    struct mer_pg_param *arrays = MER_NEW_N(a, struct mer_pg_param, sql.params_n);
    for (uint32_t i = 0; i < sql.params_n; i++)
        arrays[i].value = mer_arena_printf(a, "{%.*s}", MER_FMT(sql.params[i].value));
    struct mer_sql many = {.text = sql.many, .params = arrays, .params_n = sql.params_n};
    struct mer_slice plan = sql_server_explain(server, a, &many);
    if (memmem(plan.p, plan.n, "Seq Scan on orders", 18))
        fail_msg("%.*s", MER_FMT(plan));
    mer_arena_destroy(a);
}

static int open_all(void **state)
{
    (void)state;
    sql_lab_open(&lab);
    loop = mer_loop_create();
    server = sql_server_open("region");
    return server ? 0 : -1;
}

static int close_all(void **state)
{
    (void)state;
    sql_server_close(server);
    mer_loop_destroy(loop);
    sql_lab_close(&lab);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_gets_what_its_own_statement_answers),
        cmocka_unit_test(rows_are_found_by_index),
    };
    return cmocka_run_group_tests_name("resolvers/sql_many", tests, open_all, close_all);
}
