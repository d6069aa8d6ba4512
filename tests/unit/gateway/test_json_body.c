// SPDX-License-Identifier: MIT
// RFC 8259 by a table, where a client's JSON comes in: the body of a POST, its variables and extensions, the
// variables of a GET. What JSON must take is taken, unchanged; what it must not take is a 400. Beyond the
// RFC, keys that stand twice are refused: first or last would be a guess.
#include "gateway/graphql_http.h"

#include "http_request.h"
#include "mer_test.h"

#include <stdio.h>

static struct mer_arena *arena;
static struct mer_coder *coder;

static int setup(void **state)
{
    (void)state;
    arena = mer_arena_create(0);
    coder = mer_coder_create();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mer_coder_destroy(coder);
    mer_arena_destroy(arena);
    return 0;
}

#define CASE(text)                                                                                           \
    {                                                                                                        \
        "" text, sizeof(text) - 1                                                                            \
    }

static const struct mer_slice taken[] = {
    CASE("null"),
    CASE("true"),
    CASE("false"),
    CASE("0"),
    CASE("-0"),
    CASE("1"),
    CASE("-1"),
    CASE("10"),
    CASE("0.5"),
    CASE("-0.0"),
    CASE("1.50"),
    CASE("1e5"),
    CASE("1E+5"),
    CASE("1e-5"),
    CASE("0e0"),
    CASE("0e+1"),
    CASE("123e65"),
    CASE("20e1"),
    CASE("1e400"),
    CASE("123.456e-789"),
    CASE("0.4e00669999999999999999999999999999999999999999999999999999999999999999999999999999999999999"),
    CASE("100000000000000000000000000000000"),
    CASE("-123123123123123123123123123123"),
    CASE("9007199254740993"),
    CASE("0.1000000000000000055511151231257827"),
    CASE("\"\""),
    CASE("\"a\""),
    CASE("\" \""),
    CASE("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
    CASE("\"\\u0000\""),
    CASE("\"\\u0060\\u012a\""),
    CASE("\"\\uD801\\udc37\""),
    CASE("\"\\ud83d\\ude39\\ud83d\\udc8d\""),
    CASE("\"\\uDBFF\\uDFFF\""),
    CASE("\"\\uFFFF\""),
    CASE("\"\\u2028\\u2029\""),
    CASE("\"\\u0022\""),
    CASE("\"\\u005C\""),
    CASE("\"\x7F\""),
    CASE("\"\xC2\x80\""),
    CASE("\"\xE2\x82\xAC\""),
    CASE("\"\xEF\xBF\xBF\""),
    CASE("\"\xF0\x9F\x98\x80\""),
    CASE("\"\xF4\x8F\xBF\xBF\""),
    CASE("\"\xE2\x80\xA8\xE2\x80\xA9\""),
    CASE("\"/*not a comment*/\""),
    CASE("\"[{\""),
    CASE("[]"),
    CASE("[ ]"),
    CASE("{}"),
    CASE("{ }"),
    CASE("[1]"),
    CASE("[1,2]"),
    CASE("[[]   ]"),
    CASE("[\"\"]"),
    CASE("[null, 1, \"1\", {}]"),
    CASE("[1\n]"),
    CASE("[1,null,null,null,2]"),
    CASE("[\t1\r\n,\n2 ]"),
    CASE("{\"a\":1}"),
    CASE("{\"\":0}"),
    CASE("{\"a\":[]}"),
    CASE("{\"a\\u0000b\":1}"),
    CASE("{ \"a\" : { \"b\" : [ 1 , 2 ] } , \"c\" : null }"),
    CASE("{\"min\":-1.0e+28,\"max\":1.0e+28}"),
    CASE("{\"__proto__\":{\"a\":1}}"),
    CASE("{\"a\":\"\",\"A\":\"\"}"),
    CASE("[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]"),
};

static const struct mer_slice refused[] = {
    CASE(""),
    CASE(" "),
    CASE("nul"),
    CASE("nulll"),
    CASE("True"),
    CASE("TRUE"),
    CASE("truefalse"),
    CASE("NaN"),
    CASE("-NaN"),
    CASE("Infinity"),
    CASE("-Infinity"),
    CASE("inf"),
    CASE("undefined"),
    CASE("01"),
    CASE("-01"),
    CASE("00"),
    CASE("+1"),
    CASE("++1"),
    CASE("-"),
    CASE("--1"),
    CASE("- 1"),
    CASE("1."),
    CASE("-2."),
    CASE(".5"),
    CASE("-.5"),
    CASE(".-1"),
    CASE("0.e1"),
    CASE("1.e1"),
    CASE("2.e+3"),
    CASE("1e"),
    CASE("1e+"),
    CASE("0E"),
    CASE("0E+"),
    CASE("1E-"),
    CASE("1eE2"),
    CASE("9.e+"),
    CASE("1e1.5"),
    CASE("0x1"),
    CASE("0x"),
    CASE("1_000"),
    CASE("1 000"),
    CASE("1a"),
    CASE("1+2"),
    CASE("0.1.2"),
    CASE("1,5"),
    CASE("\xEF\xBC\x91"),
    CASE("-foo"),
    CASE("1e1a"),
    CASE("\""),
    CASE("\"a"),
    CASE("\"\\\""),
    CASE("\"\\"),
    CASE("\"\\x00\""),
    CASE("\"\\a\""),
    CASE("\"\\'\""),
    CASE("\"\\\t\""),
    CASE("\"\\\xF0\x9F\x8C\x80\""),
    CASE("\"\\u\""),
    CASE("\"\\u1\""),
    CASE("\"\\u00\""),
    CASE("\"\\u00A\""),
    CASE("\"\\u00G0\""),
    CASE("\"\\U0041\""),
    CASE("\"\\{41}\""),
    CASE("\"\\u{41}\""),
    CASE("\"\\uD800\""),
    CASE("\"\\uD800x\""),
    CASE("\"\\uD800\\n\""),
    CASE("\"\\uD800\\uD800\""),
    CASE("\"\\uD800\\u0041\""),
    CASE("\"\\uDC00\""),
    CASE("\"\\uDd1e\\uD834\""),
    CASE("\"\\uD800\\u\""),
    CASE("\"\\uD800\\"),
    CASE("\"\n\""),
    CASE("\"\t\""),
    CASE("\"\x01\""),
    CASE("\"\x1F\""),
    CASE("\"a\0b\""),
    CASE("\"\x80\""),
    CASE("\"\xC3\""),
    CASE("\"\xC0\xAF\""),
    CASE("\"\xE0\x80\xAF\""),
    CASE("\"\xE2\x82\""),
    CASE("\"\xED\xA0\x80\""),
    CASE("\"\xF4\x90\x80\x80\""),
    CASE("\"\xF8\x88\x80\x80\x80\""),
    CASE("\"\xFF\""),
    CASE("\"\xE2\x82"),
    CASE("'a'"),
    CASE("a"),
    CASE("`a`"),
    CASE("["),
    CASE("]"),
    CASE("[1"),
    CASE("[1,"),
    CASE("[1,]"),
    CASE("[,1]"),
    CASE("[,]"),
    CASE("[,"),
    CASE("[1,,2]"),
    CASE("[1,,]"),
    CASE("[\"\","),
    CASE("[1 2]"),
    CASE("[1}"),
    CASE("[1:2]"),
    CASE("[3[4]]"),
    CASE("[x"),
    CASE("[1 true]"),
    CASE("[a"),
    CASE("[*]"),
    CASE("[-]"),
    CASE("[- 1]"),
    CASE("[\"a\",\n4\n,1,"),
    CASE("{"),
    CASE("}"),
    CASE("{]"),
    CASE("{["),
    CASE("{\"a\""),
    CASE("{\"a\":"),
    CASE("{\"a\":1"),
    CASE("{\"a\":1,"),
    CASE("{\"a\":1,}"),
    CASE("{\"a\":1,,\"b\":2}"),
    CASE("{,}"),
    CASE("{\"a\"}"),
    CASE("{\"a\",1}"),
    CASE("{\"a\" 1}"),
    CASE("{\"a\":}"),
    CASE("{:1}"),
    CASE("{1:1}"),
    CASE("{a:1}"),
    CASE("{'a':1}"),
    CASE("{\"a\":1 \"b\":2}"),
    CASE("{\"a\":1]"),
    CASE("{\"a\"::1}"),
    CASE("{null:1}"),
    CASE("{\"a\":\"b\":1}"),
    CASE("{\"a\":1,\"b\"}"),
    CASE("{\"a\":a}"),
    CASE("{\"a\":1/**/}"),
    CASE("{\"a\":1}//"),
    CASE("{[1]:1}"),
    CASE("{\xF0\x9F\x87\xA8:1}"),
    CASE("[1]]"),
    CASE("{}}"),
    CASE("[]]"),
    CASE("[] x"),
    CASE("{} {}"),
    CASE("\"a\" \"b\""),
    CASE("\"a\"b"),
    CASE("[\"a\":1]"),
    CASE("\xEF\xBB\xBF{}"),
    CASE("\xEF\xBB\xBF"),
    CASE("/**/1"),
    CASE("1/**/"),
    CASE("[1]//"),
    CASE("#1"),
    CASE("[\"\n\"]"),
    CASE("\f1"),
    CASE("\v1"),
    CASE("\xC2\xA0"
         "1"),
    CASE("\xE2\x81\xA0"
         "1"),
    CASE("[\f]"),
    CASE("1\0"),
    CASE("\0"
         "1"),
    CASE("[tru]"),
    CASE("[fals"),
    CASE("[\"x\", nul"),
    CASE("<null>"),
    CASE("$"),
    CASE("\\"),
    CASE("*"),
    CASE("{\"a\":1,\"a\":2}"),
    CASE("{\"a\":1,\"\\u0061\":2}"),
    CASE("[{\"a\":{},\"b\":1,\"a\":{}}]"),
};

#define TAKEN_N   (sizeof(taken) / sizeof(taken[0]))
#define REFUSED_N (sizeof(refused) / sizeof(refused[0]))

static struct mer_slice around(const char *before, struct mer_slice inner, const char *after)
{
    struct mer_buf b;
    mer_buf_init(&b, arena, 64);
    mer_buf_add_cstr(&b, before);
    mer_buf_add(&b, inner);
    mer_buf_add_cstr(&b, after);
    return mer_buf_slice(&b);
}

// As a heap block of exactly its length, so that a sanitizer sees every read past it.
static bool post(struct mer_slice body, struct mer_graphql_params *out, struct mer_http_problem *problem)
{
    struct http_request r;
    *problem = (struct mer_http_problem){0};
    http_request_init(&r, arena, "POST", "/graphql", "content-type: application/json");
    r.pub.body = mer_arena_copy(arena, body);
    return mer_graphql_params_read(&r.pub, coder, &(struct mer_graphql_limits){1 << 20, 32768}, out, problem);
}

static bool get(struct mer_slice variables, struct mer_graphql_params *out, struct mer_http_problem *problem)
{
    struct http_request r;
    struct mer_buf b;
    mer_buf_init(&b, arena, 64);
    mer_buf_add_cstr(&b, "/graphql?query=a&variables=");
    for (size_t i = 0; i < variables.n; i++)
        mer_buf_printf(&b, "%%%02X", (unsigned char)variables.p[i]);
    *problem = (struct mer_http_problem){0};
    http_request_init(&r, arena, "GET", mer_arena_cstr(arena, mer_buf_slice(&b)), "");
    return mer_graphql_params_read(&r.pub, coder, &(struct mer_graphql_limits){1 << 20, 32768}, out, problem);
}

static void same(const struct mer_graphql_params *p, struct mer_slice want)
{
    const struct mer_json_node *v = mer_json_get(p->variables_json, p->variables, MER_S("v"));
    assert_non_null(v);
    struct mer_slice raw = mer_json_raw(p->variables_json, v);
    if (!mer_slice_eq(raw, want))
        fail_msg("%.*s became %.*s", MER_FMT(want), MER_FMT(raw));
}

static void what_json_takes_is_taken_unchanged(void **state)
{
    (void)state;
    for (size_t i = 0; i < TAKEN_N; i++) {
        struct mer_graphql_params p;
        struct mer_http_problem why;
        if (!post(around("{\"query\":\"{a}\",\"variables\":{\"v\":", taken[i], "}}"), &p, &why))
            fail_msg("variables %.*s: %s", MER_FMT(taken[i]), why.message);
        same(&p, taken[i]);
        if (!post(around("\n{\"extensions\" : {\"x\":", taken[i], "} ,\t\"query\":\"{a}\"}\r\n"), &p, &why))
            fail_msg("extensions %.*s: %s", MER_FMT(taken[i]), why.message);
        if (!get(around("{\"v\":", taken[i], "}"), &p, &why))
            fail_msg("GET %.*s: %s", MER_FMT(taken[i]), why.message);
        same(&p, taken[i]);
    }
}

static void what_json_must_not_take_is_a_400(void **state)
{
    (void)state;
    for (size_t i = 0; i < REFUSED_N; i++) {
        struct mer_graphql_params p;
        struct mer_http_problem why;
        const struct {
            const char *before, *after;
        } places[] = {
            {"", ""},
            {"{\"query\":\"{a}\",\"variables\":{\"v\":", "}}"},
            {"{\"query\":\"{a}\",\"extensions\":{\"x\":", "}}"},
            {"{\"other\":", ",\"query\":\"{a}\"}"},
            {"{\"query\":\"{a}\"}", ""},
        };
        // The last place has a whole body before it: white space behind that is all right.
        size_t n = mer_slice_trim(refused[i]).n ? 5 : 4;
        for (size_t j = 0; j < n; j++) {
            bool read = post(around(places[j].before, refused[i], places[j].after), &p, &why);
            if (read || why.status != 400)
                fail_msg("place %zu took %.*s (%d)", j, MER_FMT(refused[i]), why.status);
        }
        if (get(around("{\"v\":", refused[i], "}"), &p, &why) || why.status != 400)
            fail_msg("GET took %.*s", MER_FMT(refused[i]));
    }
}

static void bodies_that_are_json_but_no_request_are_a_400(void **state)
{
    (void)state;
    for (size_t i = 0; i < TAKEN_N; i++) {
        struct mer_graphql_params p;
        struct mer_http_problem why;
        if (post(taken[i], &p, &why) || why.status != 400)
            fail_msg("body %.*s (%d)", MER_FMT(taken[i]), why.status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_json_takes_is_taken_unchanged, setup, teardown),
        cmocka_unit_test_setup_teardown(what_json_must_not_take_is_a_400, setup, teardown),
        cmocka_unit_test_setup_teardown(bodies_that_are_json_but_no_request_are_a_400, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
