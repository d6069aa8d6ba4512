// SPDX-License-Identifier: MIT
// Statements kept with their operation: over random variables, places, ids and callers each is the statement
// that a fresh compilation makes, text and values; and it is not a fresh compilation that made it.
#include "base/json.h"
#include "mer_test.h"
#include "schema/parser.h"
#include "unit/resolvers/sql_lab.h"

#include <stdlib.h>

enum { TURNS = 400, VARIABLES_MAX = 6, CHOICES_MAX = 8 };

static struct sql_lab lab;
static uint64_t state = 1;

static uint32_t below(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % n;
}

#define U  "00000000-0000-7000-8000-0000000000"
#define LA "\"facility-la-001\""
#define NY "\"Facility~us-east~facility-newyork-001~\""
#define AFTER                                                                                                \
    "\"WzEsImY2Y2U0ODIzIiwiLXRzcyIsIjIwMjUtMTItMDEgMDc6MDA6MDAuMDAwMDA3KzAwIiwiMDAwMDAwMDAtMDAwMC03MDAwLTg"  \
    "wMDAtMDAwMDAwMDAwMDA4IiwiZmFjaWxpdHktbGEtMDAxIl0\""
#define RANGE "{\"from\":\"2025-12-01T00:00:00Z\",\"to\":\"2025-12-31T00:00:00+01:00\"}"

// A variable and what it may be; "" leaves it out.
struct variable {
    const char *name;
    const char *choices[CHOICES_MAX];
};

static const struct {
    const char *query;
    const char *entity;
    struct variable variables[VARIABLES_MAX];
} operations[] = {
    {"query O($id: ID!) { order(id: $id) { id orderNo status totalAmount dataFreshness { isStale } } }",
     NULL,
     {{"id",
       {"\"Order~us-east~facility-la-001~" U "01\"", "\"Order~us-east~facility-la-001~x\"", "\"\"",
        "\"Product~~~" U "01\"", "\"Order~eu-central~facility-frankfurt-001~" U "02\""}}}},
    {"query N($id: ID!, $s: Boolean!) { node(id: $id) { __typename id ... on Order { orderNo customer "
     "@skip(if: "
     "$s) { name } lines { qtyOrdered } } ... on Product { sku id } ... on Facility { code region } } }",
     NULL,
     {{"id",
       {"\"Order~us-east~facility-la-001~" U "01\"", "\"Product~~~" U "01\"",
        "\"Facility~us-east~facility-la-001~\"", "\"Customer~us-east~~" U "01\"", "\"nothing\"",
        "\"Query~~~\""}},
      {"s", {"true", "false"}}}},
    {"query P($f: [ID!]!, $n: Int, $c: String, $w: OrderFilter, $o: OrderSort, $x: Boolean! = true) { orders("
     "facilityIds: $f, first: $n, after: $c, filter: $w, orderBy: $o) { edges { cursor node { id orderNo "
     "customer { name } lines { product { sku } qtyOrdered } } } totalCount @include(if: $x) pageInfo { "
     "hasNextPage endCursor } } }",
     NULL,
     {{"f", {"[" LA "]", "[" LA "," NY "]", "[]", "[" NY "]", "[\"Order~us-east~x~y\"]"}},
      {"n", {"", "null", "0", "1", "50", "5000", "-1"}},
      {"c", {"", "null", AFTER, "\"junk\""}},
      {"w",
       {"", "null", "{}", "{\"late\":true}", "{\"late\":false,\"status\":[\"CONFIRMED\"]}",
        "{\"status\":[],\"search\":\"50%_\"}",
        "{\"customerId\":\"Customer~us-east~~" U "03\",\"promisedIn\":" RANGE "}",
        "{\"orderedIn\":" RANGE ",\"late\":null}"}},
      {"o",
       {"", "null", "{\"field\":\"ORDERED_AT\"}", "{\"field\":\"TOTAL\",\"dir\":\"ASC\"}",
        "{\"field\":\"PROMISED_AT\",\"dir\":\"DESC\"}", "{\"field\":\"ORDERED_AT\",\"dir\":null}"}},
      {"x", {"", "true", "false"}}}},
    {"query F($r: Region, $o: Boolean, $n: Int) { a: facilities(region: $r, online: $o) { id code status { "
     "online } "
     "inventoryLevels(first: $n) { edges { node { id onHand product { sku } } } } } regionStatus { region "
     "state } "
     "b: facilities(online: $o) { name } }",
     NULL,
     {{"r", {"", "null", "\"US_EAST\"", "\"EU_CENTRAL\""}},
      {"o", {"", "null", "true", "false"}},
      {"n", {"", "0", "7", "1000", "-3"}}}},
    {"query S($f: ID!, $b: Boolean, $i: Boolean!) { inventoryLevels(facilityId: $f, belowReorder: $b) { "
     "edges { node { "
     "onHand @include(if: $i) product { sku name } dataFreshness { isStale } } } } equipment(facilityId: $f) "
     "@skip(if: $i) { code currentRun { progress qtyGood } } }",
     NULL,
     {{"f", {LA, NY, "\"Order~us-east~x~y\"", "\"\""}},
      {"b", {"", "null", "true", "false"}},
      {"i", {"true", "false"}}}},
    {"query L($f: [ID!]!, $n: Int) { orders(facilityIds: $f, first: $n) { edges { node { lines { product { "
     "sku } } "
     "customer { name } } } } }",
     NULL,
     {{"f", {"[" LA "]", "[" NY "]"}}, {"n", {"1", "20", "50", "100", "200", "1000"}}}},
    {"query E($s: Boolean!) { id orderNo customer { name code } lines @skip(if: $s) { product { sku } } "
     "dataFreshness { isStale } }",
     "Order",
     {{"s", {"true", "false"}}}},
};

static struct mer_slice some_variables(struct mer_arena *a, const struct variable *v)
{
    struct mer_buf b;
    const char *separator = "{";
    mer_buf_init(&b, a, 256);
    for (uint32_t i = 0; i < VARIABLES_MAX && v[i].name; i++) {
        uint32_t n = 0;
        while (n < CHOICES_MAX && v[i].choices[n])
            n++;
        const char *choice = v[i].choices[below(n)];
        if (!*choice)
            continue;
        mer_buf_printf(&b, "%s\"%s\":%s", separator, v[i].name, choice);
        separator = ",";
    }
    mer_buf_add_cstr(&b, *separator == '{' ? "{}" : "}");
    return mer_buf_slice(&b);
}

// Another caller, other places, other ids.
static void some_ask(struct mer_arena *a, struct mer_sql_ask *ask)
{
    static const char *const places[] = {"facility-la-001", "facility-newyork-001", "facility-boston-001"};
    static const char *const ids[] = {"Order~us-east~facility-la-001~" U "01",
                                      "Order~us-east~facility-la-001~" U "02", "none",
                                      "Order~us-east~facility-newyork-001~" U "03"};
    struct mer_slice *partitions = MER_NEW_N(a, struct mer_slice, 3),
                     *entities = MER_NEW_N(a, struct mer_slice, 4);
    ask->partitions = partitions;
    ask->partitions_n = below(4);
    for (uint32_t i = 0; i < ask->partitions_n; i++)
        partitions[i] = mer_slice_of(places[i]);
    ask->entity_ids = entities;
    ask->entity_ids_n = below(5);
    for (uint32_t i = 0; i < ask->entity_ids_n; i++)
        entities[i] = mer_slice_of(ids[i]);
    ask->tenant = below(2) ? MER_S("t-foo") : MER_S("t-bar");
    ask->region = below(2) ? MER_S("us-east") : MER_S("eu-central");
}

struct seen {
    uint32_t statements, kept, refused;
};

static void ask_once(struct mer_arena *a, struct mer_fetch_op *op, const struct mer_ast_operation *ast,
                     struct mer_slice text, struct seen *seen)
{
    struct mer_json json;
    struct mer_variables vars = {0};
    struct mer_in_error *errors = NULL;
    struct mer_sql fresh = {0}, kept = {0};
    struct mer_diag why = {0}, why_kept = {0};
    struct mer_fetch_memo *memo = op->memo;
    struct mer_sql_ask ask = {.binding = lab.binding, .op = op, .vars = &vars};
    uint32_t errors_n = 0;
    assert_int_equal(mer_json_parse(a, text, NULL, &json, NULL), MER_OK);
    if (mer_coerce_variables(a, lab.schema, ast, &json, mer_json_root(&json), &vars, &errors, &errors_n))
        fail_msg("%.*s: %.*s", MER_FMT(text), MER_FMT(errors[0].message));
    some_ask(a, &ask);
    op->memo = NULL;
    enum mer_err err = mer_sql_compile(a, &ask, &fresh, &why);
    op->memo = memo;
    assert_int_equal(mer_sql_compile(a, &ask, &kept, &why_kept), err);
    assert_string_equal(why.msg, why_kept.msg);
    if (!err && !sql_lab_same(&fresh, &kept))
        fail_msg("%.*s\n%.*s\n%.*s", MER_FMT(text), MER_FMT(fresh.text), MER_FMT(kept.text));
    seen->statements += !err;
    seen->refused += err != MER_OK;
    // The same bytes at the same place as before: not compiled for this request.
    static const char *last[16];
    static uint32_t last_n;
    for (uint32_t i = 0; !err && i < 16; i++)
        if (last[i] == kept.text.p) {
            seen->kept++;
            break;
        }
    last[last_n++ % 16] = kept.text.p;
}

static void test_random_variables(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        struct mer_arena *own = mer_arena_create(0);
        struct mer_ast_document *doc;
        struct mer_fetch_memo memo = {.arena = own};
        struct seen seen = {0};
        const char *query = operations[i].query, *entity = operations[i].entity;
        assert_int_equal(mer_parse(own, mer_slice_of(query), MER_PARSE_EXECUTABLE, NULL, &doc, NULL), MER_OK);
        struct mer_fetch_op *op =
            sql_lab_fetch(own, lab.schema, doc->operations[0],
                          entity ? mer_schema_type(lab.schema, mer_slice_of(entity)) : NULL);
        assert_non_null(op);
        op->memo = &memo;
        for (int turn = 0; turn < TURNS; turn++) {
            struct mer_arena *a = mer_arena_create(0);
            ask_once(a, op, doc->operations[0], some_variables(a, operations[i].variables), &seen);
            mer_arena_destroy(a);
        }
        if (seen.statements < TURNS / 8 || seen.kept == 0)
            fail_msg("%s: %u statements, %u of them kept, %u refused", query, seen.statements, seen.kept,
                     seen.refused);
        mer_arena_destroy(own);
    }
}

// More ways to ask than are kept: the ones beyond are compiled, and stay right.
static void test_bounded(void **unused)
{
    (void)unused;
    struct mer_arena *own = mer_arena_create(0);
    struct mer_ast_document *doc;
    struct mer_fetch_memo memo = {.arena = own};
    struct seen seen = {0};
    struct mer_buf q;
    mer_buf_init(&q, own, 4096);
    mer_buf_add_cstr(&q, "query Q($id: ID!");
    for (int i = 0; i < 7; i++)
        mer_buf_printf(&q, ",$b%d: Boolean!", i);
    mer_buf_add_cstr(&q, ") { order(id: $id) { customer { name code }");
    for (int i = 0; i < 7; i++)
        mer_buf_printf(&q, " a%d: orderNo @include(if: $b%d)", i, i);
    mer_buf_add_cstr(&q, " } }");
    assert_int_equal(mer_parse(own, mer_buf_slice(&q), MER_PARSE_EXECUTABLE, NULL, &doc, NULL), MER_OK);
    struct mer_fetch_op *op = sql_lab_fetch(own, lab.schema, doc->operations[0], NULL);
    assert_non_null(op);
    op->memo = &memo;
    size_t before = 0;
    for (uint32_t turn = 0; turn < 1000; turn++) {
        struct mer_arena *a = mer_arena_create(0);
        struct mer_buf v;
        mer_buf_init(&v, a, 256);
        mer_buf_add_cstr(&v, "{\"id\":\"Order~us-east~facility-la-001~" U "01\"");
        for (int i = 0; i < 7; i++)
            mer_buf_printf(&v, ",\"b%d\":%s", i, below(2) ? "true" : "false");
        mer_buf_add_char(&v, '}');
        ask_once(a, op, doc->operations[0], mer_buf_slice(&v), &seen);
        mer_arena_destroy(a);
        if (turn == 500)
            before = mer_arena_total_bytes(own);
    }
    assert_int_equal(seen.statements, 1000);
    assert_int_equal(mer_arena_total_bytes(own), before);
    mer_arena_destroy(own);
}

static int open_lab(void **unused)
{
    (void)unused;
    sql_lab_open(&lab);
    return 0;
}

static int close_lab(void **unused)
{
    (void)unused;
    sql_lab_close(&lab);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_variables),
        cmocka_unit_test(test_bounded),
    };
    return cmocka_run_group_tests(tests, open_lab, close_lab);
}
