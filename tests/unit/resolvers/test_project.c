// SPDX-License-Identifier: MIT
// Writing answers: nulls propagate to the nearest place that may be null, with one error whose path is exact.
#include "mer_test.h"
#include "unit/resolvers/exec_rig.h"

static const char sdl[] =
    "type Query { a: A must: A! list: [A!] holes: [A] dense: [A!]! deep: [[A!]!] }"
    " type A { s: String s1: String! b: B b1: B! bs: [B!]! bn: [B] } type B { s1: String! a: A }";

#define NONNULL(field, path)                                                                                 \
    ",\"errors\":[{\"message\":\"Cannot return null for non-nullable field " field ".\",\"path\":[" path     \
    "],\"extensions\":{\"code\":\"FETCH_ERROR\"}}]"
#define FAILED(path)                                                                                         \
    ",\"errors\":[{\"message\":\"it failed\",\"path\":[" path                                                \
    "],\"extensions\":{\"code\":\"SOURCE_TIMEOUT\",\"source\":"                                              \
    "\"rows\",\"tier\":\"regional\",\"region\":\"east\"}}]"

static void nulls_propagate_with_exact_paths(void **state)
{
    (void)state;
    static const struct {
        const char *query, *json, *want;
    } rows[] = {
        {"{a{s}}", "{\"a\":null}", "\"data\":{\"a\":null}"},
        {"{a{s s1}}", "{\"a\":{\"s\":\"x\",\"s1\":null}}",
         "\"data\":{\"a\":null}" NONNULL("A.s1", "\"a\",\"s1\"")},
        {"{a{x:s1}}", "{\"a\":{}}", "\"data\":{\"a\":null}" NONNULL("A.s1", "\"a\",\"x\"")},
        {"{must{s}}", "{\"must\":null}", "\"data\":null" NONNULL("Query.must", "\"must\"")},
        {"{must{b1{s1}}}", "{\"must\":{\"b1\":{\"s1\":null}}}",
         "\"data\":null" NONNULL("B.s1", "\"must\",\"b1\",\"s1\"")},
        {"{a{b{s1}s}}", "{\"a\":{\"b\":{\"s1\":null},\"s\":\"k\"}}",
         "\"data\":{\"a\":{\"b\":null,\"s\":\"k\"}}" NONNULL("B.s1", "\"a\",\"b\",\"s1\"")},
        {"{list{s1}}", "{\"list\":[{\"s1\":\"k\"},{\"s1\":null}]}",
         "\"data\":{\"list\":null}" NONNULL("A.s1", "\"list\",1,\"s1\"")},
        {"{list{s1}}", "{\"list\":[{\"s1\":\"k\"},null]}",
         "\"data\":{\"list\":null}" NONNULL("Query.list", "\"list\",1")},
        {"{holes{s1}}", "{\"holes\":[{\"s1\":null},{\"s1\":\"k\"}]}",
         "\"data\":{\"holes\":[null,{\"s1\":\"k\"}]}" NONNULL("A.s1", "\"holes\",0,\"s1\"")},
        {"{dense{s1}}", "{\"dense\":[]}", "\"data\":{\"dense\":[]}"},
        {"{deep{s1}}", "{\"deep\":[[],[{\"s1\":\"k\"},{\"s1\":null}]]}",
         "\"data\":{\"deep\":null}" NONNULL("A.s1", "\"deep\",1,1,\"s1\"")},
        {"{a{bs{s1}}}", "{\"a\":{\"bs\":[{\"s1\":null}]}}",
         "\"data\":{\"a\":null}" NONNULL("B.s1", "\"a\",\"bs\",0,\"s1\"")},
        {"{a{bn{s1 a{s}}}}",
         "{\"a\":{\"bn\":[{\"s1\":null,\"a\":{\"s\":\"gone\"}},{\"s1\":\"k\",\"a\":null}]}}",
         "\"data\":{\"a\":{\"bn\":[null,{\"s1\":\"k\",\"a\":null}]}}" NONNULL("B.s1",
                                                                              "\"a\",\"bn\",0,\"s1\"")},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct rig_part part = {0, rows[i].json, NULL, RIG_DATABASE, NULL};
        rig_expect(sdl, rows[i].query, &part, 1, rows[i].want);
    }
}

static void a_failed_part_is_one_error_and_the_rest_is_answered(void **state)
{
    (void)state;
    const struct rig_part parts[] = {{0, NULL, "SOURCE_TIMEOUT", RIG_GATEWAY, NULL},
                                     {1, "{\"list\":[]}", NULL, RIG_DATABASE, NULL}};
    rig_expect(sdl, "{a{s} list{s}}", parts, 2, "\"data\":{\"a\":null,\"list\":[]}" FAILED("\"a\""));
    rig_expect(sdl, "{must{s} list{s}}", parts, 2, "\"data\":null" FAILED("\"must\""));
}

static void what_is_skipped_is_not_written(void **state)
{
    (void)state;
    struct rig r;
    const struct rig_part part = {0, "{\"a\":{\"s\":\"x\",\"b\":{\"s1\":null}}}", NULL, RIG_DATABASE, NULL};
    rig_begin(
        &r, sdl,
        "query($no: Boolean!) { a { s b @include(if: $no) { s1 } ... @skip(if: $no) { t: __typename } } }",
        "{\"no\":false}");
    rig_answer(&r, &part, 1);
    mer_assert_slice(mer_buf_slice(&r.out), "\"data\":{\"a\":{\"s\":\"x\",\"t\":\"A\"}}");
    assert_false(mer_exec_has_errors(r.x));
    rig_end(&r);
}

// One wrong answer may be wrong in every row.
static void a_thousand_wrong_rows_cost_a_few_errors(void **state)
{
    (void)state;
    struct rig r;
    struct mer_buf json;
    rig_begin(&r, sdl, "{ holes { s1 b { s1 } } }", NULL);
    mer_buf_init(&json, r.a, 65536);
    mer_buf_add(&json, MER_S("{\"holes\":["));
    for (int i = 0; i < 3000; i++) {
        mer_buf_add(&json, i ? MER_S(",{\"s1\":\"x\",\"b\":{}}") : MER_S("{}"));
    }
    mer_buf_add(&json, MER_S("]}"));
    const struct rig_part part = {0, mer_arena_cstr(r.a, mer_buf_slice(&json)), NULL, RIG_GATEWAY, NULL};
    rig_answer(&r, &part, 1);
    uint32_t n = 0;
    for (const struct mer_exec_error *e = r.x->errors; e; e = e->next) {
        n++;
    }
    assert_in_range(n, 1, 200);
    rig_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nulls_propagate_with_exact_paths),
        cmocka_unit_test(a_failed_part_is_one_error_and_the_rest_is_answered),
        cmocka_unit_test(what_is_skipped_is_not_written),
        cmocka_unit_test(a_thousand_wrong_rows_cost_a_few_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
