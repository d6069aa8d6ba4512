// SPDX-License-Identifier: MIT
// What is pure in GraphQL over HTTP: parameters, documents by name, gzip, entity tags, browsers of other
// origins.
#include "gateway/answer.h"
#include "gateway/browser.h"
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

#define SHA_OF_TYPENAME "ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38" // {__typename}
#define JSON            "content-type: application/json"

// ---- parameters ----

struct param_case {
    const char *method, *target, *headers, *body;
    int status; // 0: good
    const char *query, *hash, *document_id;
};

static void parameters_are_read_as_a_table_says(void **state)
{
    (void)state;
    static const char sha[] =
        "%7B%22persistedQuery%22%3A%7B%22version%22%3A1%2C%22sha256Hash%22%3A%22" SHA_OF_TYPENAME "%22%7D%7D";
    char get_hash[256];
    snprintf(get_hash, sizeof(get_hash), "/graphql?extensions=%s", sha);
    const struct param_case cases[] = {
        {"GET", "/graphql?query=%7Ba%7D", "", "", 0, "{a}", "", ""},
        {"HEAD", "/graphql?query=%7Ba%7D", "", "", 0, "{a}", "", ""},
        {"GET", "/graphql", "", "", 400, "", "", ""},
        {"GET", "/graphql?query=a&query=b", "", "", 400, "", "", ""},
        {"GET", "/graphql?query=a&variables=%5B%5D", "", "", 400, "", "", ""},
        {"GET", "/graphql?query=a&extensions=1", "", "", 400, "", "", ""},
        {"GET", get_hash, "", "", 0, "", SHA_OF_TYPENAME, ""},
        {"GET", "/graphql?documentId=list", "", "", 0, "", "", "list"},
        {"POST", "/graphql", JSON, "{\"query\":\"{a}\"}", 0, "{a}", "", ""},
        {"POST", "/graphql", JSON, "{\"documentId\":\"x\"}", 0, "", "", "x"},
        {"POST", "/graphql", JSON, "{\"documentId\":\"x\",\"query\":\"{a}\"}", 400, "", "", ""},
        {"POST", "/graphql", JSON, "{\"documentId\":1}", 400, "", "", ""},
        {"POST", "/graphql", JSON, "{\"query\":\"{a}\",\"extensions\":[]}", 400, "", "", ""},
        {"POST", "/graphql", JSON, "{\"query\":\"{a}\",\"extensions\":{\"other\":1}}", 0, "{a}", "", ""},
        {"POST", "/graphql", JSON,
         "{\"extensions\":{\"persistedQuery\":{\"version\":2,\"sha256Hash\":\"\"}}}", 400, "", "", ""},
        {"POST", "/graphql", JSON,
         "{\"extensions\":{\"persistedQuery\":{\"version\":1,\"sha256Hash\":\"ABC\"}}}", 400, "", "", ""},
        {"POST", "/graphql", JSON, "[]", 400, "", "", ""},
        {"POST", "/graphql", "content-type: text/plain", "{\"query\":\"{a}\"}", 415, "", "", ""},
        {"POST", "/graphql", JSON "; charset=utf-16", "{\"query\":\"{a}\"}", 415, "", "", ""},
        {"POST", "/graphql", JSON "\ncontent-encoding: br", "x", 415, "", "", ""},
        {"POST", "/graphql", JSON "\ncontent-encoding: gzip, gzip", "x", 415, "", "", ""},
        {"POST", "/graphql", JSON "\ncontent-encoding: gzip\ncontent-encoding: gzip", "x", 415, "", "", ""},
        {"POST", "/graphql", JSON "\ncontent-encoding: gzip", "not gzip", 400, "", "", ""},
        {"PUT", "/graphql", JSON, "{\"query\":\"{a}\"}", 405, "", "", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct param_case *c = &cases[i];
        struct http_request r;
        struct mer_graphql_params p;
        struct mer_http_problem problem = {0};
        http_request_init(&r, arena, c->method, c->target, c->headers);
        r.pub.body = mer_slice_of(c->body);
        bool ok = mer_graphql_params_read(&r.pub, coder, &(struct mer_graphql_limits){1 << 20, 32768}, &p,
                                          &problem);
        if (ok != (c->status == 0) || (!ok && problem.status != c->status)) {
            fail_msg("%s %s %s: status %d, %s", c->method, c->target, c->body, problem.status,
                     problem.message);
        }
        if (ok) {
            mer_assert_slice(p.query, c->query);
            mer_assert_slice(p.hash, c->hash);
            mer_assert_slice(p.document_id, c->document_id);
        }
    }
}

// ---- gzip ----

static void gzip_goes_both_ways(void **state)
{
    (void)state;
    for (size_t n = 1; n < 200000; n = n * 3 + 1) {
        char *text = mer_arena_bytes(arena, n);
        for (size_t i = 0; i < n; i++) {
            text[i] = (char)('a' + i % 7);
        }
        struct mer_slice in = mer_slice_make(text, n), back = MER_NIL;
        struct mer_slice zipped = mer_coder_zip(coder, arena, in);
        if (n < 100) {
            continue; // need not become shorter
        }
        assert_true(zipped.n > 0 && zipped.n < n);
        assert_int_equal(mer_coder_unzip(coder, arena, zipped, n, &back), MER_OK);
        assert_true(mer_slice_eq(back, in));
        assert_int_equal(mer_coder_unzip(coder, arena, zipped, n - 1, &back), MER_ERR_LIMIT);
        struct mer_slice cut = mer_slice_make(zipped.p, zipped.n - 1);
        assert_int_equal(mer_coder_unzip(coder, arena, cut, n, &back), MER_ERR_INVALID);
        struct mer_buf more;
        mer_buf_init(&more, arena, zipped.n + 1);
        mer_buf_add(&more, zipped);
        mer_buf_add_char(&more, 'x');
        assert_int_equal(mer_coder_unzip(coder, arena, mer_buf_slice(&more), n, &back), MER_ERR_INVALID);
    }
    struct mer_slice back = MER_NIL;
    assert_int_equal(mer_coder_unzip(coder, arena, MER_S(""), 100, &back), MER_ERR_INVALID);
}

static void pieces_are_one_member(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 12, 70000, 0, 300, 200000, 5};
    const size_t n = sizeof(sizes) / sizeof(sizes[0]);
    for (size_t pieces = 1; pieces <= n; pieces++) {
        struct mer_buf all, out;
        struct mer_pieces p = {0};
        mer_buf_init(&all, arena, 1);
        mer_buf_init(&out, arena, 1);
        for (size_t i = 0; i < pieces; i++) {
            size_t from = all.n;
            for (size_t k = 0; k < sizes[i]; k++) {
                mer_buf_add_char(&all, (char)('a' + (k * (i + 3)) % 23));
            }
            mer_coder_piece(coder, &p, mer_slice_make(all.p + from, sizes[i]), i + 1 == pieces, &out);
            struct mer_slice other =
                mer_coder_zip(coder, arena, MER_S("what is another's in between in between"));
            (void)other;
        }
        struct mer_slice back = MER_NIL;
        assert_int_equal(mer_coder_unzip(coder, arena, mer_buf_slice(&out), all.n, &back), MER_OK);
        assert_true(mer_slice_eq(back, mer_buf_slice(&all)));
    }
}

// A megabyte that becomes a gigabyte takes no more memory than the limit and a step.
static void a_bomb_is_stopped_early(void **state)
{
    (void)state;
    struct mer_arena *own = mer_arena_create(0);
    const size_t n = 64u << 20;
    char *zeros = mer_arena_zalloc(own, n);
    struct mer_slice bomb = mer_coder_zip(coder, own, mer_slice_make(zeros, n)), back = MER_NIL;
    struct mer_arena *small = mer_arena_create(0);
    assert_int_equal(mer_coder_unzip(coder, small, bomb, 1 << 20, &back), MER_ERR_LIMIT);
    assert_true(mer_arena_total_bytes(small) < (5u << 20));
    mer_arena_destroy(small);
    mer_arena_destroy(own);
}

static void gzip_is_sent_to_those_who_take_it(void **state)
{
    (void)state;
    static const char *const yes[] = {"gzip", "br, gzip;q=0.5", "*", "x-gzip", "GZIP", "deflate, *;q=0.1"};
    static const char *const no[] = {"", "br", "gzip;q=0", "gzip; q=0.000, *", "identity", "*;q=0"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        assert_true(mer_coding_accepts_gzip(mer_slice_of(yes[i])));
        assert_false(mer_coding_accepts_gzip(mer_slice_of(no[i])));
    }
}

// ---- entity tags ----

static void tags_are_compared_weakly(void **state)
{
    (void)state;
    struct mer_slice tag = MER_S("W/\"abc\"");
    assert_true(mer_answer_etag_matches(MER_S("W/\"abc\""), tag));
    assert_true(mer_answer_etag_matches(MER_S("\"x\", \"abc\""), tag));
    assert_true(mer_answer_etag_matches(MER_S("*"), tag));
    assert_false(mer_answer_etag_matches(MER_S("W/\"abd\""), tag));
    assert_false(mer_answer_etag_matches(MER_NIL, tag));
}

// ---- documents ----

static struct mer_documents *documents(const char *json)
{
    struct mer_documents *d = NULL;
    struct mer_diag diag = {0};
    if (mer_documents_parse(arena, mer_slice_of(json), &d, &diag)) {
        fail_msg("%s", diag.msg);
    }
    return d;
}

static void trusted_documents_have_two_forms(void **state)
{
    (void)state;
    struct mer_documents *map = documents("{\"a\": \"{x}\", \"sha256:ff\": \"{y}\"}");
    mer_assert_slice(*mer_documents_get(map, MER_S("a")), "{x}");
    mer_assert_slice(*mer_documents_get(map, MER_S("ff")), "{y}");
    mer_assert_slice(*mer_documents_get(map, MER_S("sha256:ff")), "{y}");
    assert_null(mer_documents_get(map, MER_S("b")));
    assert_null(mer_documents_get(NULL, MER_S("b")));
    struct mer_documents *manifest =
        documents("{\"format\":\"apollo-persisted-query-manifest\",\"version\":1,\"operations\":["
                  "{\"id\":\"1\",\"name\":\"Q\",\"type\":\"query\",\"body\":\"query Q{x}\"}]}");
    mer_assert_slice(*mer_documents_get(manifest, MER_S("1")), "query Q{x}");
    static const char *const wrong[] = {"[]",
                                        "{\"a\":1}",
                                        "{\"\":\"{x}\"}",
                                        "{",
                                        "{\"operations\":[{\"id\":\"1\"}]}",
                                        "{\"a\":\"{x}\",\"sha256:a\":\"{y}\"}"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct mer_documents *d = NULL;
        struct mer_diag diag = {0};
        assert_int_equal(mer_documents_parse(arena, mer_slice_of(wrong[i]), &d, &diag), MER_ERR_INVALID);
        assert_true(diag.line > 0);
    }
}

static void the_registry_is_bounded_and_parts_tenants(void **state)
{
    (void)state;
    struct mer_registry *r = mer_registry_create(64 << 10);
    struct mer_slice text = MER_NIL, hash = MER_S(SHA_OF_TYPENAME);
    mer_registry_put(r, MER_S("foo"), hash, MER_S("{__typename}"));
    assert_true(mer_registry_get(r, arena, MER_S("foo"), hash, &text));
    mer_assert_slice(text, "{__typename}");
    assert_false(mer_registry_get(r, arena, MER_S("bar"), hash, &text));
    assert_false(mer_registry_get(r, arena, MER_NIL, hash, &text));
    for (uint32_t i = 0; i < 10000; i++) {
        char hex[64];
        struct mer_slice t = mer_arena_printf(arena, "{ a%u }", i);
        mer_sha256_hex(t, hex);
        mer_registry_put(r, MER_S("foo"), mer_slice_make(hex, 64), t);
        assert_true(mer_registry_bytes(r) <= 64 << 10);
        assert_true(mer_registry_get(r, arena, MER_S("foo"), mer_slice_make(hex, 64), &text));
    }
    assert_false(mer_registry_get(r, arena, MER_S("foo"), hash, &text)); // the oldest are gone
    char *big = mer_arena_zalloc(arena, 16 << 10);
    mer_registry_put(r, MER_S("foo"), hash, mer_slice_make(big, 16 << 10));
    assert_false(mer_registry_get(r, arena, MER_S("foo"), hash, &text));
    mer_registry_destroy(r);
}

struct document_case {
    const char *query, *hash, *id;
    bool only;
    int status; // 200: found
    const char *text;
};

static void documents_are_found_by_name(void **state)
{
    (void)state;
    struct mer_registry *r = mer_registry_create(1 << 20);
    mer_registry_put(r, MER_S("foo"), MER_S(SHA_OF_TYPENAME), MER_S("{__typename}"));
    struct mer_documents *trusted = documents("{\"list\": \"{facilities{code}}\"}");
    static const char wrong[] = "00000000000000000000000000000000000000000000000000000000000000ff";
    const struct document_case cases[] = {
        {"{a}", "", "", false, 200, "{a}"},
        {"{a}", "", "", true, 403, ""},
        {"", "", "list", false, 200, "{facilities{code}}"},
        {"", "", "list", true, 200, "{facilities{code}}"},
        {"", "", "none", false, 0, ""},
        {"", SHA_OF_TYPENAME, "", false, 200, "{__typename}"},
        {"", SHA_OF_TYPENAME, "", true, 0, ""},
        {"", wrong, "", false, 0, ""},
        {"{__typename}", SHA_OF_TYPENAME, "", false, 200, "{__typename}"},
        {"{__typename}", wrong, "", false, 400, ""},
        {"{__typename}", SHA_OF_TYPENAME, "", true, 403, ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct document_case *c = &cases[i];
        struct mer_graphql_documents from = {trusted, c->only, r};
        struct mer_graphql_params p = {.query = mer_slice_of(c->query),
                                       .hash = mer_slice_of(c->hash),
                                       .document_id = mer_slice_of(c->id)};
        struct mer_http_problem problem = {.status = -1};
        bool ok = mer_graphql_document(&from, arena, MER_S("foo"), &p, &problem);
        if (ok != (c->status == 200) || (!ok && problem.status != c->status)) {
            fail_msg("case %zu: status %d, %s", i, problem.status, problem.message);
        }
        if (ok) {
            mer_assert_slice(p.query, c->text);
        }
    }
    mer_registry_destroy(r);
}

// ---- browsers ----

struct browser_case {
    const char *headers;
    bool safe;
};

static void what_a_foreign_page_can_send_is_not_executed(void **state)
{
    (void)state;
    static const struct browser_case cases[] = {
        {"", true}, // no browser
        {"user-agent: curl/8", true},
        {"sec-fetch-mode: cors\nuser-agent: node", true},
        {"user-agent: Mozilla/5.0 (old)", false},
        {"user-agent: Mozilla/5.0 (old)\nx-meridian-csrf: 1", true},
        {"sec-fetch-site: same-origin\nuser-agent: Mozilla/5.0", true},
        {"sec-fetch-site: none\nuser-agent: Mozilla/5.0", true},
        {"sec-fetch-site: cross-site\nuser-agent: Mozilla/5.0", false},
        {"sec-fetch-site: same-site\nuser-agent: Mozilla/5.0", false},
        {"sec-fetch-site: cross-site\norigin: https://evil.example", false},
        {"origin: https://evil.example", false},
        {"origin: null", false},
        {"origin: http://gw:1", true},
        {"origin: http://gw:12", false},
        {"origin: https://shop.example", true},
        {"sec-fetch-site: cross-site\napollo-require-preflight: true", true},
        {"sec-fetch-site: cross-site\nmeridian-max-age: 5", true},
        {"sec-fetch-site: cross-site\ncontent-type: application/json", true},
        {"sec-fetch-site: cross-site\ncontent-type: text/plain", false},
        {"sec-fetch-site: cross-site\nauthorization: Bearer abc", true},
        {"sec-fetch-site: cross-site\nauthorization: Basic abc", false},
    };
    struct mer_slice origins[] = {MER_S("https://shop.example")};
    struct mer_config c = {.cors = {.origins = {origins, 1}}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_request r;
        http_request_init(&r, arena, "GET", "/graphql", cases[i].headers);
        if (mer_browser_safe(&c, &r.pub) != cases[i].safe) {
            fail_msg("%s", cases[i].headers);
        }
    }
}

static void origins_are_told_as_configured(void **state)
{
    (void)state;
    struct mer_slice shop[] = {MER_S("https://shop.example")}, any[] = {MER_S("*")};
    struct mer_config none = {0}, dev = {.development = true}, one = {.cors = {.origins = {shop, 1}}};
    struct mer_config all = {.cors = {.origins = {any, 1}}};
    assert_false(mer_browser_allows(&none, MER_S("https://shop.example")));
    assert_true(mer_browser_allows(&dev, MER_S("https://shop.example")));
    assert_true(mer_browser_allows(&one, MER_S("https://shop.example")));
    assert_false(mer_browser_allows(&one, MER_S("https://shop.example.evil")));
    assert_true(mer_browser_allows(&all, MER_S("https://x")));
    static const char asked[] = "origin: https://shop.example\naccess-control-request-method: POST\n"
                                "access-control-request-headers: content-type,x-own";
    struct http_request r;
    http_request_init(&r, arena, "OPTIONS", "/graphql", asked);
    mer_browser_answer_options(&one, &r.pub);
    assert_int_equal(r.status, 204);
    mer_assert_slice(http_answered(&r, "access-control-allow-origin"), "https://shop.example");
    mer_assert_slice(http_answered(&r, "access-control-allow-headers"), "content-type,x-own");
    mer_assert_slice(http_answered(&r, "access-control-allow-methods"), "GET, HEAD, POST");
    assert_null(http_answered(&r, "access-control-allow-credentials").p);
    http_request_init(&r, arena, "OPTIONS", "/graphql", asked);
    mer_browser_answer_options(&none, &r.pub);
    assert_int_equal(r.status, 204);
    assert_null(http_answered(&r, "access-control-allow-origin").p);
    assert_null(http_answered(&r, "access-control-allow-methods").p);
    mer_assert_slice(http_answered(&r, "allow"), "GET, HEAD, POST, OPTIONS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_read_as_a_table_says),
        cmocka_unit_test(gzip_goes_both_ways),
        cmocka_unit_test(pieces_are_one_member),
        cmocka_unit_test(a_bomb_is_stopped_early),
        cmocka_unit_test(gzip_is_sent_to_those_who_take_it),
        cmocka_unit_test(tags_are_compared_weakly),
        cmocka_unit_test(trusted_documents_have_two_forms),
        cmocka_unit_test(the_registry_is_bounded_and_parts_tenants),
        cmocka_unit_test(documents_are_found_by_name),
        cmocka_unit_test(what_a_foreign_page_can_send_is_not_executed),
        cmocka_unit_test(origins_are_told_as_configured),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
