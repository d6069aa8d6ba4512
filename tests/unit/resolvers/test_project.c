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

// As the reference implementation: every field of the document that asked for what is null.
static void errors_say_where_they_were_asked(void **state)
{
    (void)state;
    static const struct {
        const char *query, *json, *places;
    } rows[] = {
        {"{must{s}}", "{}", "[{\"line\":1,\"column\":2}]"},
        {"{\n  a {\n    x: s1\n  }\n}", "{\"a\":{}}", "[{\"line\":3,\"column\":5}]"},
        {"{holes{s1}}", "{\"holes\":[{\"s1\":null}]}", "[{\"line\":1,\"column\":8}]"},
        {"{a{s1 ...F} a{b{s1} s1}} fragment F on A{s1 ...G} fragment G on A{...H s1} fragment H on A{s}",
         "{\"a\":{}}",
         "[{\"line\":1,\"column\":4},{\"line\":1,\"column\":42},{\"line\":1,\"column\":72},"
         "{\"line\":1,\"column\":21}]"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig r;
        const struct rig_part part = {0, rows[i].json, NULL, RIG_DATABASE, NULL};
        rig_begin(&r, sdl, rows[i].query, NULL);
        rig_answer(&r, &part, 1);
        const char *at = strstr(mer_arena_cstr(r.a, r.written), "\"locations\":");
        if (!at || strncmp(at + 12, rows[i].places, strlen(rows[i].places)) != 0) {
            fail_msg("%s\n  got  %.*s\n  want %s", rows[i].query, MER_FMT(r.written), rows[i].places);
        }
        rig_end(&r);
    }
}

// What looks for the places ends, however much there is to look at.
static void looking_for_places_is_bounded(void **state)
{
    (void)state;
    struct rig r;
    struct mer_buf text, json;
    struct mer_arena *a = mer_arena_create(0);
    mer_buf_init(&text, a, 65536);
    mer_buf_init(&json, a, 65536);
    mer_buf_add(&text, MER_S("{holes{"));
    for (int i = 0; i < 1000; i++) {
        mer_buf_printf(&text, " a%d:s1 ...F", i);
    }
    mer_buf_add(&text, MER_S("}} fragment F on A{b{s1}}"));
    mer_buf_add(&json, MER_S("{\"holes\":["));
    for (int i = 0; i < 400; i++) {
        mer_buf_add(&json, i ? MER_S(",{}") : MER_S("{}"));
    }
    mer_buf_add(&json, MER_S("]}"));
    const struct rig_part part = {0, mer_arena_cstr(a, mer_buf_slice(&json)), NULL, RIG_GATEWAY, NULL};
    rig_begin(&r, sdl, mer_arena_cstr(a, mer_buf_slice(&text)), NULL);
    rig_answer(&r, &part, 1);
    const char *written = mer_arena_cstr(a, r.written);
    uint32_t placed = 0, told = 0;
    for (const char *at = written; (at = strstr(at, "\"locations\":")); at++) {
        placed++;
    }
    for (const char *at = written; (at = strstr(at, "\"message\":")); at++) {
        told++;
    }
    assert_in_range(placed, 20, 50); // each looks at two thousand selections
    assert_true(told > placed);
    rig_end(&r);
    mer_arena_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nulls_propagate_with_exact_paths),
        cmocka_unit_test(a_failed_part_is_one_error_and_the_rest_is_answered),
        cmocka_unit_test(what_is_skipped_is_not_written),
        cmocka_unit_test(a_thousand_wrong_rows_cost_a_few_errors),
        cmocka_unit_test(errors_say_where_they_were_asked),
        cmocka_unit_test(looking_for_places_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
