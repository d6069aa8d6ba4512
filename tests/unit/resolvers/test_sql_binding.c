// SPDX-License-Identifier: MIT
// Bindings read from SDL, what is refused there, and cursors.
#include "mer_test.h"
#include "resolvers/postgres/cursor.h"
#include "unit/resolvers/sql_lab.h"

static void shipped_source_binds(void **state)
{
    (void)state;
    struct sql_lab lab;
    sql_lab_open(&lab);
    const struct mer_type *order = mer_schema_type(lab.schema, MER_S("Order"));
    const struct mer_bind_type *b = mer_binding_type(lab.binding, order);
    assert_int_equal(b->kind, MER_BIND_TABLE);
    mer_assert_slice(b->table, "orders");
    mer_assert_slice(b->tenant, "tenant_id");
    mer_assert_slice(b->partition, "facility_id");
    assert_int_equal(b->order.by.n, 3); // ordered_at, then key and partition
    assert_true(b->order.descending);
    mer_assert_slice(b->order.by.items[0].sql_type, "timestamptz");
    mer_assert_slice(b->order.by.items[1].sql_type, "uuid");
    const struct mer_bind_field *f =
        mer_binding_field(lab.binding, mer_schema_field(lab.schema, order, MER_S("orderNo")));
    mer_assert_slice(f->column, "order_no");
    const struct mer_type *connection = mer_schema_type(lab.schema, MER_S("OrderConnection"));
    assert_ptr_equal(mer_binding_type(lab.binding, connection)->node, b);
    const struct mer_type *fresh = mer_schema_type(lab.schema, MER_S("DataFreshness"));
    assert_int_equal(mer_binding_type(lab.binding, fresh)->kind, MER_BIND_HOLE);
    sql_lab_close(&lab);
}

#define TABLE " @table(name: \"things\", key: [\"thing_id\"]) "

static void errors_name_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *sdl, *message;
    } cases[] = {
        {"type Query { t: Thing } type Thing { id: ID! }", "Query.t: Thing has no @table"},
        {"type Query { n: Int }", "Query.n: a root field answers rows, not a leaf"},
        {"type Query { t: Thing } type Thing @table(name: \"Things; drop\", key: [\"a\"]) { id: ID! }",
         "Thing: 'Things; drop' is no plain lower-case SQL name"},
        {"type Query { t: Thing } type Thing @table(name: \"things\") { id: ID! }",
         "Thing: @table wants a key or a partition"},
        {"type Query { t: Thing } type Thing" TABLE "{ id: ID! o: Thing }",
         "Thing.o: an object of another table wants @join"},
        {"type Query { t: Thing } type Thing" TABLE
         "{ id: ID! o: Thing @join(from: [\"a\", \"b\"], to: [\"c\"]) }",
         "Thing.o: @join pairs lists of columns of different length"},
        {"type Query { t: Thing } type Thing" TABLE "{ id: ID! o: Thing @join(from: [\"a b\"]) }",
         "Thing.o: 'a b' is no plain lower-case SQL name"},
        {"type Query { t: Thing } type Thing" TABLE "@order(by: [\"nope\"]) { id: ID! }",
         "Thing: no field tells the type of column nope: write it after the name"},
        {"type Query { t: Thing } type Thing" TABLE "@order(by: [\"a text\", \"b text desc\"]) { id: ID! }",
         "Thing: the columns of @order do not all run the same way"},
        {"type Query { t: Thing } type Thing" TABLE "{ id: ID! x: Int @sql }",
         "Thing.x: @sql wants an expression"},
        {"type Query { t: [Thing] @partition(arg: \"f\") } type Thing" TABLE "{ id: ID! }",
         "Query.t: @partition names f, which is no argument"},
        {"type Query { t(f: ID): [Thing] @partition(arg: \"f\") } type Thing" TABLE "{ id: ID! }",
         "Query.t: @partition stands at a field whose table has none"},
        {"type Query { t(x: Int @where(op: \"LIKE\")): [Thing] } type Thing" TABLE "{ id: ID! }",
         "Query.t(x:): @where(op:) knows EQ, IN, LT, LE, GT, GE, RANGE, PREFIX, CONTAINS"},
        {"type Query { t(x: Int @where(expr: \"true\")): [Thing] } type Thing" TABLE "{ id: ID! }",
         "Query.t(x:): @where(expr:) does not use {v}"},
        {"type Query { t(x: Int @where(ifTrue: \"true\")): [Thing] } type Thing" TABLE "{ id: ID! }",
         "Query.t(x:): @where(ifTrue:) wants a Boolean"},
        {"type Query { t(x: ID @where(id: \"Nope\")): [Thing] } type Thing" TABLE "{ id: ID! }",
         "Query.t(x:): @where(id:) names Nope, which has no @table"},
        {"type Query { t: Thing } type Mutation { m: Thing } type Thing" TABLE "{ id: ID! }",
         "Mutation.m: a mutation wants @call"},
        {"type Query { t: [[Thing]] } type Thing" TABLE "{ id: ID! }",
         "Query.t: lists of lists are not bound"},
        {"type Query { e: E } enum E @stored(as: \"odd\") { A }",
         "E: @stored(as:) knows SNAKE, KEBAB, UPPER"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mer_arena *a = mer_arena_create(0);
        struct mer_binding *b;
        struct mer_diag diag = {0};
        assert_int_equal(sql_lab_bind(a, cases[i].sdl, &b, &diag), MER_ERR_INVALID);
        assert_string_equal(diag.msg, cases[i].message);
        mer_arena_destroy(a);
    }
}

// ---- cursors ----

static struct mer_slice encode(struct mer_arena *a, const char *text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct mer_buf b;
    size_t n = strlen(text);
    mer_buf_init(&b, a, n * 2);
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)(unsigned char)text[i] << 16;
        v |= i + 1 < n ? (uint32_t)(unsigned char)text[i + 1] << 8 : 0;
        v |= i + 2 < n ? (unsigned char)text[i + 2] : 0;
        for (size_t k = 0; k < 4 && i + k <= n; k++)
            mer_buf_add_char(&b, letters[v >> (18 - 6 * k) & 63]);
    }
    return mer_buf_slice(&b);
}

static bool decode(struct mer_arena *a, const char *json, struct mer_cursor *c)
{
    return mer_cursor_decode(a, encode(a, json), c);
}

static void cursors_are_read_strictly(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "1",
        "null",
        "[1]",
        "[1,\"h\"]",
        "[1,\"h\",\"+s\"]",
        "[2,\"h\",\"+s\",\"a\"]",
        "[1,\"h\",\"+s\",1]",
        "[1,\"h\",\"s\",\"a\"]",
        "[1,\"h\",\"+x\",\"a\"]",
        "[1,\"h\",\"+s\",\"a\",\"b\"]",
        "[1,\"h\",\"+ss\",\"a\"]",
        "[1,null,\"+s\",\"a\"]",
        "[1,\"h\",null,\"a\"]",
        "[1,\"h\",\"+s\",[\"a\"]]",
        "[1,\"h\",\"+s\",\"a\\u0000b\"]",
        "[1.0,\"h\",\"+s\",\"a\"]",
        "[\"1\",\"h\",\"+s\",\"a\"]",
        "[1,\"h\",\"+s\",\"a\"]x",
        "[1,\"h\",\"+sssssssss\",\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]"};
    struct mer_arena *a = mer_arena_create(0);
    struct mer_cursor c;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (decode(a, bad[i], &c))
            fail_msg("%s is taken", bad[i]);
    assert_false(mer_cursor_decode(a, MER_S("WzEsImg="), &c)); // padding
    assert_false(mer_cursor_decode(a, MER_S("Wz Es"), &c));    // white space
    assert_false(mer_cursor_decode(a, MER_S("W1+/"), &c));     // the other alphabet
    assert_true(decode(a, "[1,\"h\",\"-tns\",\"2025-12-01 00:00:00+00\",\"1.5\",null]", &c));
    assert_int_equal(c.n, 3);
    mer_assert_slice(c.shape, "-tns");
    mer_assert_slice(c.values[1], "1.5");
    assert_null(c.values[2].p);
    struct mer_slice good = encode(a, "[1,\"h\",\"+s\",\"ab\"]");
    char *odd = mer_arena_cstr(a, good); // the same bytes, spelled with left-over bits
    odd[good.n - 1] = (char)(odd[good.n - 1] + 1);
    assert_true(mer_cursor_decode(a, good, &c));
    assert_false(good.n % 4 != 0 && mer_cursor_decode(a, mer_slice_make(odd, good.n), &c));
    mer_arena_destroy(a);
}

static void cursors_compare_as_their_rows(void **state)
{
    (void)state;
    static const struct {
        const char *shape, *a, *b;
        int want;
    } cases[] = {
        {"+s", "\"a\"", "\"b\"", -1},
        {"-s", "\"a\"", "\"b\"", 1},
        {"+s", "\"a\"", "\"a\"", 0},
        {"+s", "\"a\"", "\"ab\"", -1},
        {"+n", "\"9\"", "\"10\"", -1},
        {"+n", "\"-9\"", "\"-10\"", 1},
        {"+n", "\"-1\"", "\"1\"", -1},
        {"+n", "\"1.5\"", "\"1.50\"", 0},
        {"+n", "\"1.05\"", "\"1.5\"", -1},
        {"+n", "\"12345678901234567890.0001\"", "\"12345678901234567890.0002\"", -1},
        {"-n", "\"0.0001\"", "\"0\"", -1},
        {"+t", "\"2025-12-01 00:00:00+00\"", "\"2025-12-01 00:00:00.5+00\"", -1},
        {"+t", "\"2025-12-01 00:00:00.1+00\"", "\"2025-12-01 00:00:00.15+00\"", -1},
        {"+t", "\"2025-12-01 00:00:00.15+00\"", "\"2025-12-01 00:00:00.2+00\"", -1},
        {"+t", "null", "\"2025-12-01 00:00:00+00\"", 1},
        {"-t", "null", "\"2025-12-01 00:00:00+00\"", -1},
        {"+t", "null", "null", 0},
        {"+ts", "null,\"a\"", "null,\"b\"", -1},
        {"-ns", "\"1\",\"b\"", "\"1\",\"a\"", -1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mer_arena *a = mer_arena_create(0);
        struct mer_cursor x, y;
        assert_true(decode(
            a, mer_arena_cstr(a, mer_arena_printf(a, "[1,\"h\",\"%s\",%s]", cases[i].shape, cases[i].a)),
            &x));
        assert_true(decode(
            a, mer_arena_cstr(a, mer_arena_printf(a, "[1,\"h\",\"%s\",%s]", cases[i].shape, cases[i].b)),
            &y));
        int c = mer_cursor_compare(&x, &y), back = mer_cursor_compare(&y, &x);
        if ((c > 0) - (c < 0) != cases[i].want || (back > 0) - (back < 0) != -cases[i].want)
            fail_msg("%s: %s and %s", cases[i].shape, cases[i].a, cases[i].b);
        mer_arena_destroy(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_source_binds),
        cmocka_unit_test(errors_name_their_place),
        cmocka_unit_test(cursors_are_read_strictly),
        cmocka_unit_test(cursors_compare_as_their_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
