// SPDX-License-Identifier: MIT
#include "base/json.h"

#include "json_cases.h"
#include "mer_test.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct mer_arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = mer_arena_create(0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mer_arena_destroy(arena);
    return 0;
}

// Parses a heap copy of exactly the text's length, so that a sanitizer sees any read past it.
static enum mer_err parse(struct mer_slice text, const struct mer_json_limits *limits, struct mer_json *j,
                          struct mer_diag *d)
{
    return mer_json_parse(arena, mer_arena_copy(arena, text), limits, j, d);
}

static void says_what_the_table_says(void **state)
{
    (void)state;
    struct json_case *cases;
    size_t n = json_cases_read(arena, &cases);
    const struct mer_json_limits unique = {.unique_keys = true};
    for (size_t i = 0; i < n; i++) {
        struct mer_slice text = cases[i].text;
        struct mer_json j;
        struct mer_diag d = {.offset = 0};
        bool ok = parse(text, NULL, &j, &d) == MER_OK;
        if (ok != (cases[i].verdict != JSON_REFUSE))
            fail_msg("%.*s: %s", MER_FMT(text), ok ? "taken" : d.msg);
        if (!ok) {
            assert_int_equal(d.err, MER_ERR_INVALID);
            assert_true(d.offset <= text.n && d.line >= 1 && d.column >= 1);
        }
        if ((parse(text, &unique, &j, NULL) == MER_OK) != (cases[i].verdict == JSON_ACCEPT))
            fail_msg("%.*s: with keys that must be unique", MER_FMT(text));
    }
    struct mer_json j;
    assert_int_equal(mer_json_parse(arena, MER_NIL, NULL, &j, NULL), MER_ERR_INVALID);
}

static void every_prefix_is_refused(void **state)
{
    (void)state;
    struct mer_slice whole =
        MER_S("{\"key one\":[1.5e3,\"x\\u00e9\xC3\xA9\",{\"n\":null,\"t\":true}],\"f\":false}");
    struct mer_json j;
    assert_int_equal(parse(whole, NULL, &j, NULL), MER_OK);
    for (size_t n = 0; n < whole.n; n++)
        assert_int_equal(parse(mer_slice_make(whole.p, n), NULL, &j, NULL), MER_ERR_INVALID);
}

static void places_of_errors(void **state)
{
    (void)state;
    struct mer_json j;
    struct mer_diag d;
    assert_int_equal(parse(MER_S("{\n  \"a\": 1,\n  \"b\": x\n}"), NULL, &j, &d), MER_ERR_INVALID);
    assert_int_equal(d.line, 3);
    assert_int_equal(d.column, 8);
    assert_int_equal(d.offset, 19);
    assert_string_equal(d.msg, "JSON: a value must stand here");
    assert_int_equal(parse(MER_S("[1"), NULL, &j, &d), MER_ERR_INVALID);
    assert_string_equal(d.msg, "JSON: unexpected end of the text");
}

static void limits(void **state)
{
    (void)state;
    struct mer_json j;
    struct mer_json_limits depth3 = {.max_depth = 3}, nodes4 = {.max_nodes = 4};
    assert_int_equal(parse(MER_S("[[[1]]]"), &depth3, &j, NULL), MER_OK);
    assert_int_equal(parse(MER_S("[[[[1]]]]"), &depth3, &j, NULL), MER_ERR_LIMIT);
    assert_int_equal(parse(MER_S("[1,2,3]"), &nodes4, &j, NULL), MER_OK);
    assert_int_equal(parse(MER_S("[1,2,3,4]"), &nodes4, &j, NULL), MER_ERR_LIMIT);
    struct mer_buf b;
    mer_buf_init(&b, NULL, 0);
    for (int i = 0; i < 200000; i++)
        mer_buf_add_char(&b, '[');
    assert_int_equal(parse(mer_buf_slice(&b), NULL, &j, NULL), MER_ERR_LIMIT);
    struct mer_json_limits deep = {.max_depth = 200000};
    assert_int_equal(parse(mer_buf_slice(&b), &deep, &j, NULL), MER_ERR_INVALID);
    for (int i = 0; i < 200000; i++)
        mer_buf_add_char(&b, ']');
    assert_int_equal(parse(mer_buf_slice(&b), &deep, &j, NULL), MER_OK);
    assert_int_equal(j.nodes_n, 200000);
    mer_buf_clear(&b);
    mer_buf_add_char(&b, '[');
    for (int i = 0; i < 300000; i++)
        mer_buf_add_cstr(&b, "1,");
    mer_buf_add_cstr(&b, "1]");
    struct mer_arena *small = mer_arena_create(100000);
    assert_int_equal(mer_json_parse(small, mer_buf_slice(&b), NULL, &j, NULL), MER_ERR_LIMIT);
    mer_arena_destroy(small);
    assert_int_equal(parse(mer_buf_slice(&b), NULL, &j, NULL), MER_OK);
    assert_int_equal(j.nodes_n, 300002);
    mer_buf_fini(&b);
}

static void duplicate_keys(void **state)
{
    (void)state;
    static const struct mer_json_limits unique = {.unique_keys = true};
    struct mer_json j;
    struct mer_diag d;
    assert_int_equal(parse(MER_S("{\"a\":1,\"b\":{\"a\":[{\"a\":1},{\"a\":2}]}}"), &unique, &j, NULL),
                     MER_OK);
    assert_int_equal(parse(MER_S("{\"a\":1,\"b\":{\"x\":1},\"a\":2}"), &unique, &j, &d), MER_ERR_INVALID);
    assert_int_equal(d.offset, 19);
    assert_int_equal(parse(MER_S("{\"a\":1,\"\\u0061\":2}"), &unique, &j, NULL), MER_ERR_INVALID);
    assert_int_equal(parse(MER_S("{\"\\u0061\":1,\"a\":2}"), &unique, &j, NULL), MER_ERR_INVALID);
    assert_int_equal(parse(MER_S("[{\"x\":1,\"x\":1}]"), &unique, &j, NULL), MER_ERR_INVALID);
    for (int twice = 0; twice < 2; twice++) {
        struct mer_buf b;
        mer_buf_init(&b, NULL, 0);
        mer_buf_add_char(&b, '{');
        for (int i = 0; i < 50000; i++)
            mer_buf_printf(&b, "\"\\u006b%d\":{\"k\":1},", i);
        mer_buf_printf(&b, "\"k%d\":1}", twice ? 777 : -1);
        assert_int_equal(parse(mer_buf_slice(&b), &unique, &j, NULL), twice ? MER_ERR_INVALID : MER_OK);
        mer_buf_fini(&b);
    }
}

static void nodes_and_access(void **state)
{
    (void)state;
    struct mer_json j;
    assert_int_equal(
        parse(MER_S(" {\"a\":[1,{\"b\":2},\"x\"], \"k\\u00e9\":-7,\"big\":9223372036854775808,\"f\":1.0 } "),
              NULL, &j, NULL),
        MER_OK);
    const struct mer_json_node *root = mer_json_root(&j);
    assert_int_equal(root->count, 4);
    assert_int_equal(root->next, j.nodes_n);
    const struct mer_json_node *a = mer_json_get(&j, root, MER_S("a"));
    mer_assert_slice(mer_json_raw(&j, a), "[1,{\"b\":2},\"x\"]");
    assert_int_equal(a->count, 3);
    const struct mer_json_node *e = mer_json_first(&j, a);
    mer_assert_slice(mer_json_raw(&j, e), "1");
    e = mer_json_next(&j, e);
    mer_assert_slice(mer_json_raw(&j, e), "{\"b\":2}");
    e = mer_json_next(&j, e);
    mer_assert_slice(mer_json_string(arena, &j, e), "x");
    int64_t v;
    assert_true(mer_json_i64(&j, mer_json_get(&j, root, MER_S("k\xC3\xA9")), &v));
    assert_int_equal(v, -7);
    assert_false(mer_json_i64(&j, mer_json_get(&j, root, MER_S("big")), &v));
    assert_false(mer_json_i64(&j, mer_json_get(&j, root, MER_S("f")), &v));
    assert_false(mer_json_i64(&j, mer_json_get(&j, root, MER_S("absent")), &v));
    assert_null(mer_json_get(&j, NULL, MER_S("a")));
    assert_null(mer_json_get(&j, a, MER_S("a")));
    assert_int_equal(parse(MER_S("[[],{}]"), NULL, &j, NULL), MER_OK);
    assert_null(mer_json_first(&j, mer_json_first(&j, mer_json_root(&j))));
}

// Every subtree of the document is what its text alone is.
static void assert_whole(const struct mer_json *j)
{
    for (uint32_t i = 0; i < j->nodes_n; i++) {
        const struct mer_json_node *n = &j->nodes[i];
        struct mer_json alone;
        assert_int_equal(parse(mer_json_raw(j, n), NULL, &alone, NULL), MER_OK);
        assert_int_equal(alone.nodes_n, n->next - i);
        for (uint32_t k = 0; k < alone.nodes_n; k++) {
            const struct mer_json_node *a = &alone.nodes[k], *b = &j->nodes[i + k];
            assert_int_equal(a->offset + n->offset, b->offset);
            assert_int_equal(a->next + i, b->next);
            assert_int_equal(a->len, b->len);
            assert_int_equal(a->count, b->count);
            assert_int_equal(a->type, b->type);
            assert_int_equal(a->escaped, b->escaped);
        }
    }
}

static void what_repeats_itself(void **state)
{
    (void)state;
    struct mer_buf b;
    struct mer_json j;
    mer_buf_init(&b, NULL, 0);
    mer_buf_add_char(&b, '[');
    for (unsigned i = 0; i < 60; i++) {
        mer_buf_printf(
            &b,
            "%s{\"id\":\"a-%u\",\"in\":{\"__typename\":\"Shelf\",\"row\":%u,\"of\":[{\"name\":\"n\\u00e9%u\","
            "\"good\":true},{}]},\"in2\":[{\"id\":\"a-%u\",\"in\":null}]}",
            i ? "," : "", i % 7, i % 3, i % 2, i % 7);
    }
    mer_buf_add_char(&b, ']');
    assert_int_equal(parse(mer_buf_slice(&b), NULL, &j, NULL), MER_OK);
    assert_int_equal(mer_json_root(&j)->count, 60);
    assert_whole(&j);
    // What repeats itself counts like anything else, and what follows it is read as strictly.
    struct mer_json_limits few = {.max_nodes = j.nodes_n - 1};
    assert_int_equal(parse(mer_buf_slice(&b), &few, &j, NULL), MER_ERR_LIMIT);
    b.p[b.n - 2] = ',';
    assert_int_equal(parse(mer_buf_slice(&b), NULL, &j, NULL), MER_ERR_INVALID);
    mer_buf_fini(&b);
}

static void strings_both_ways(void **state)
{
    (void)state;
    static const struct {
        const char *json, *text, *written;
    } table[] = {
        {"\"\"", "", "\"\""},
        {"\"a\\/b\"", "a/b", "\"a/b\""},
        {"\"\\\"\\\\\\b\\f\\n\\r\\t\"", "\"\\\b\f\n\r\t", "\"\\\"\\\\\\b\\f\\n\\r\\t\""},
        {"\"\\u000b\\u001F\\u007f\"", "\v\x1F\x7F", "\"\\u000b\\u001f\x7F\""},
        {"\"\\u00e9\\u20AC\\uD83D\\uDE00\"", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80",
         "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\""},
        {"\"x\\u0041y\\u0042\"", "xAyB", "\"xAyB\""},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct mer_json j;
        struct mer_buf b;
        assert_int_equal(parse(mer_slice_of(table[i].json), NULL, &j, NULL), MER_OK);
        mer_assert_slice(mer_json_string(arena, &j, mer_json_root(&j)), table[i].text);
        assert_true(mer_json_string_is(&j, mer_json_root(&j), mer_slice_of(table[i].text)));
        assert_false(mer_json_string_is(&j, mer_json_root(&j), MER_S("xAyB ")));
        assert_false(mer_json_string_is(&j, mer_json_root(&j), MER_S("xA")));
        mer_buf_init(&b, NULL, 0);
        mer_json_write_string(&b, mer_slice_of(table[i].text));
        mer_assert_slice(mer_buf_slice(&b), table[i].written);
        mer_buf_fini(&b);
    }
}

static void bytes_that_are_not_utf8_are_replaced(void **state)
{
    (void)state;
    struct mer_buf b;
    mer_buf_init(&b, NULL, 0);
    mer_json_write_string(&b, MER_S("a\xFF\xC3z\xED\xA0\x80\0"));
    mer_assert_slice(mer_buf_slice(&b),
                     "\"a\xEF\xBF\xBD\xEF\xBF\xBDz\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\\u0000\"");
    mer_buf_fini(&b);
}

static void doubles(void **state)
{
    (void)state;
    static const struct {
        double v;
        const char *want;
    } table[] = {
        {0, "0"},
        {-0.0, "-0"},
        {1, "1"},
        {0.1, "0.1"},
        {-1.5, "-1.5"},
        {1e21, "1e+21"},
        {5e-324, "5e-324"},
        {1.0 / 3, "0.3333333333333333"},
        {NAN, "null"},
        {INFINITY, "null"},
        {DBL_MAX, ""},
        {123456789.125, "123456789.125"},
        {0.1 + 0.2, "0.30000000000000004"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct mer_buf b;
        struct mer_json j;
        mer_buf_init(&b, NULL, 0);
        mer_json_write_double(&b, table[i].v);
        if (table[i].v != DBL_MAX)
            mer_assert_slice(mer_buf_slice(&b), table[i].want);
        assert_int_equal(parse(mer_buf_slice(&b), NULL, &j, NULL), MER_OK);
        if (isfinite(table[i].v)) {
            mer_buf_add_char(&b, '\0');
            assert_true(strtod(b.p, NULL) == table[i].v);
        }
        mer_buf_fini(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_the_table_says),
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(places_of_errors),
        cmocka_unit_test(limits),
        cmocka_unit_test(duplicate_keys),
        cmocka_unit_test(nodes_and_access),
        cmocka_unit_test(what_repeats_itself),
        cmocka_unit_test(strings_both_ways),
        cmocka_unit_test(bytes_that_are_not_utf8_are_replaced),
        cmocka_unit_test(doubles),
    };
    return cmocka_run_group_tests_name("base/json", tests, setup, teardown);
}
