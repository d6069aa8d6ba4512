// SPDX-License-Identifier: MIT
// RFC 8259 by a table, where a client's JSON comes in: the body of a POST, its variables and extensions, the
// variables of a GET. What JSON must take is taken, unchanged; what it must not take is a 400. Beyond the
// RFC, keys that stand twice are refused: first or last would be a guess.
#include "gateway/graphql_http.h"

#include "http_request.h"
#include "json_cases.h"
#include "mer_test.h"

#include <stdio.h>

static struct mer_arena *arena;
static struct mer_coder *coder;
static struct json_case *cases;
static size_t cases_n;

static int setup(void **state)
{
    (void)state;
    arena = mer_arena_create(0);
    coder = mer_coder_create();
    cases_n = json_cases_read(arena, &cases);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mer_coder_destroy(coder);
    mer_arena_destroy(arena);
    return 0;
}

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
    if (!mer_slice_eq(raw, mer_slice_trim(want)))
        fail_msg("%.*s became %.*s", MER_FMT(want), MER_FMT(raw));
}

static void what_json_takes_is_taken_unchanged(void **state)
{
    (void)state;
    for (size_t i = 0; i < cases_n; i++) {
        if (cases[i].verdict != JSON_ACCEPT)
            continue;
        struct mer_graphql_params p;
        struct mer_http_problem why;
        if (!post(around("{\"query\":\"{a}\",\"variables\":{\"v\":", cases[i].text, "}}"), &p, &why))
            fail_msg("variables %.*s: %s", MER_FMT(cases[i].text), why.message);
        same(&p, cases[i].text);
        if (!post(around("\n{\"extensions\" : {\"x\":", cases[i].text, "} ,\t\"query\":\"{a}\"}\r\n"), &p,
                  &why))
            fail_msg("extensions %.*s: %s", MER_FMT(cases[i].text), why.message);
        if (!get(around("{\"v\":", cases[i].text, "}"), &p, &why))
            fail_msg("GET %.*s: %s", MER_FMT(cases[i].text), why.message);
        same(&p, cases[i].text);
    }
}

static void what_json_must_not_take_is_a_400(void **state)
{
    (void)state;
    for (size_t i = 0; i < cases_n; i++) {
        if (cases[i].verdict == JSON_ACCEPT)
            continue;
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
        size_t n = mer_slice_trim(cases[i].text).n ? 5 : 4;
        for (size_t j = 0; j < n; j++) {
            bool read = post(around(places[j].before, cases[i].text, places[j].after), &p, &why);
            if (read || why.status != 400)
                fail_msg("place %zu took %.*s (%d)", j, MER_FMT(cases[i].text), why.status);
        }
        if (get(around("{\"v\":", cases[i].text, "}"), &p, &why) || why.status != 400)
            fail_msg("GET took %.*s", MER_FMT(cases[i].text));
    }
}

static void bodies_that_are_json_but_no_request_are_a_400(void **state)
{
    (void)state;
    for (size_t i = 0; i < cases_n; i++) {
        if (cases[i].verdict != JSON_ACCEPT)
            continue;
        struct mer_graphql_params p;
        struct mer_http_problem why;
        if (post(cases[i].text, &p, &why) || why.status != 400)
            fail_msg("body %.*s (%d)", MER_FMT(cases[i].text), why.status);
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
