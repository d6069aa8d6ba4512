// SPDX-License-Identifier: MIT
// The client against a real server that follows a script: what it sends, what it makes of answers good and
// bad, and what becomes of connections, queue and deadlines. TLS has a test of its own.
#include "mer_test.h"

#include <stdio.h>

#include "base/buf.h"
#include "gql_rig.h"

#define OK_2 "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"

// ---- one answer, then the connection ends ----

enum manner { PLAIN, SLOWLY, RESET, STALL };

struct lie {
    const char *name, *text;
    enum manner manner;
    enum mer_err err;
    int status;
    const char *body, *message;
};

static void tell(struct gql_peer *p)
{
    const struct lie *lie = gql_peer_owner(p);
    if (!gql_peer_read(p)) {
        return;
    }
    if (lie->manner == SLOWLY) {
        gql_peer_say_slowly(p, lie->text);
    } else {
        gql_peer_say(p, lie->text);
    }
    if (lie->manner == RESET) {
        gql_peer_reset(p);
    } else if (lie->manner == STALL) {
        gql_peer_wait(p);
    }
}

static void ask_liar(const struct lie *lie, void *owner)
{
    struct gql_rig r;
    struct gql_asked a = {0};
    struct gql_server_opts server = {.script = tell, .owner = owner};
    struct mer_gql_client_opts opts = {.answer_max_bytes = 64};
    gql_rig_open(&r, &server, &opts, NULL);
    gql_rig_ask(&r, &a, "{}");
    gql_rig_wait(&r, &a);
    if (a.err != lie->err || a.status != lie->status || (lie->body && strcmp(a.body, lie->body) != 0) ||
        (lie->message && strcmp(a.message, lie->message) != 0)) {
        fail_msg("%s: err %d status %d body \"%s\" message \"%s\"", lie->name, a.err, a.status, a.body,
                 a.message);
    }
    assert_int_equal(a.maybe_executed, lie->err != MER_OK);
    assert_int_equal(gql_server_requests(r.server), 1); // a new connection's loss is not asked again
    assert_int_equal(gql_rig_stats(&r).in_flight, 0);
    gql_rig_forget(&a);
    gql_rig_close(&r);
}

#define HEAD "HTTP/1.1 200 OK\r\n"

static void answers(void **state)
{
    (void)state;
    static struct lie lies[] = {
        {"normal", HEAD "content-length: 4\r\n\r\nnull", PLAIN, MER_OK, 200, "null", ""},
        {"single bytes", HEAD "content-length: 4\r\n\r\nnull", SLOWLY, MER_OK, 200, "null", ""},
        {"kept open", HEAD "content-length: 4\r\n\r\nnull", STALL, MER_OK, 200, "null", ""},
        {"chunked", HEAD "transfer-encoding: chunked\r\n\r\n1\r\nn\r\n3;x\r\null\r\n0\r\n\r\n", PLAIN, MER_OK,
         200, "null", ""},
        {"chunked, single bytes",
         HEAD "transfer-encoding: chunked\r\n\r\n1\r\nn\r\n3\r\null\r\n0\r\na: b\r\n\r\n", SLOWLY, MER_OK,
         200, "null", ""},
        {"until close", HEAD "\r\nnull", PLAIN, MER_OK, 200, "null", ""},
        {"until close, nothing", HEAD "\r\n", PLAIN, MER_OK, 200, "", ""},
        {"HTTP/1.0", "HTTP/1.0 200 OK\r\ncontent-length: 4\r\n\r\nnull", STALL, MER_OK, 200, "null", ""},
        {"no content", "HTTP/1.1 204 No Content\r\n\r\n", STALL, MER_OK, 204, "", ""},
        {"error of the server", "HTTP/1.1 503 x\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx", PLAIN,
         MER_OK, 503, "x", ""},
        {"redirect is an answer",
         "HTTP/1.1 302 x\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", PLAIN, MER_OK, 302,
         "", ""},
        {"interim", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\n\r\n" OK_2, PLAIN, MER_OK, 200, "{}", ""},
        {"nothing", "", PLAIN, MER_ERR_CLOSED, 0, NULL, "the connection was closed"},
        {"half a head", "HTTP/1.1 200", PLAIN, MER_ERR_CLOSED, 0, NULL,
         "the connection ended within the answer"},
        {"length too long", HEAD "content-length: 5\r\n\r\nnull", PLAIN, MER_ERR_CLOSED, 0, NULL,
         "the connection ended within the answer"},
        {"length too short", HEAD "content-length: 3\r\n\r\nnull", STALL, MER_ERR_CLOSED, 0, NULL,
         "more than one answer"},
        {"two answers", OK_2 OK_2, STALL, MER_ERR_CLOSED, 0, NULL, "more than one answer"},
        {"chunks without end", HEAD "transfer-encoding: chunked\r\n\r\n4\r\nnull\r\n", PLAIN, MER_ERR_CLOSED,
         0, NULL, "the connection ended within the answer"},
        {"bad chunk", HEAD "transfer-encoding: chunked\r\n\r\nzz\r\n", STALL, MER_ERR_CLOSED, 0, NULL,
         "bad chunk size"},
        {"smuggled", HEAD "content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", STALL,
         MER_ERR_CLOSED, 0, NULL, "content-length beside transfer-encoding"},
        {"bomb", HEAD "content-encoding: gzip\r\n", STALL, MER_ERR_CLOSED, 0, NULL,
         "content-encoding was not asked for"},
        {"other protocol", "SSH-2.0-x\r\n", STALL, MER_ERR_CLOSED, 0, NULL, "not an HTTP/1 answer"},
        {"body over the limit", HEAD "content-length: 65\r\n\r\n", STALL, MER_ERR_LIMIT, 0, NULL,
         "answer too large"},
        {"until close, reset", HEAD "\r\nnull", RESET, MER_ERR_CLOSED, 0, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        ask_liar(&lies[i], &lies[i]);
    }
}

static void cut_off_after_each_byte(void **state)
{
    (void)state;
    static const char whole[] = HEAD "transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    for (size_t n = 0; n < sizeof(whole) - 1; n++) {
        char part[sizeof(whole)];
        snprintf(part, sizeof(part), "%.*s", (int)n, whole);
        struct lie lie = {"cut off", part, n % 2 ? RESET : PLAIN, MER_ERR_CLOSED, 0, NULL, NULL};
        ask_liar(&lie, &lie);
    }
}

static void repeat(struct lie *lie, const char *first, const char *again, size_t bytes)
{
    struct mer_buf b;
    mer_buf_init(&b, NULL, 0);
    mer_buf_add_cstr(&b, first);
    while (b.n < bytes) {
        mer_buf_add_cstr(&b, again);
    }
    mer_buf_add_char(&b, 0);
    lie->text = b.p;
    ask_liar(lie, lie);
    mer_buf_fini(&b);
}

static void endless(void **state)
{
    (void)state;
    struct lie storm = {"1xx storm", NULL, STALL, MER_ERR_CLOSED, 0, NULL, "too many interim answers"};
    repeat(&storm, "", "HTTP/1.1 102 Processing\r\n\r\n", 4096);
    struct lie headers = {"endless headers", NULL, STALL, MER_ERR_CLOSED, 0, NULL, "too many headers"};
    repeat(&headers, HEAD, "x: y\r\n", 4096);
    struct lie head = {"huge head", NULL, STALL, MER_ERR_CLOSED, 0, NULL, "head too large"};
    repeat(&head, HEAD "x: ", "yyyyyyyy", 70000);
    struct lie body = {"endless body", NULL, STALL, MER_ERR_LIMIT, 0, NULL, "answer too large"};
    repeat(&body, HEAD "\r\n", "yyyyyyyy", 4096);
    struct lie extension = {"endless extension",         NULL, STALL, MER_ERR_CLOSED, 0, NULL,
                            "chunk extensions too large"};
    repeat(&extension, HEAD "transfer-encoding: chunked\r\n\r\n1;", "xxxxxxxx", 8192);
}

// ---- requests ----

struct seen {
    char text[1024];
};

static void remember(struct gql_peer *p)
{
    struct seen *seen = gql_peer_owner(p);
    const char *request;
    while ((request = gql_peer_read(p))) {
        snprintf(seen->text, sizeof(seen->text), "%s", request);
        gql_peer_say(p, OK_2);
    }
}

static void requests(void **state)
{
    (void)state;
    struct gql_rig r;
    struct seen seen;
    struct gql_asked a = {0};
    struct gql_server_opts server = {.script = remember, .owner = &seen};
    static const struct mer_gql_header headers[] = {{{"authorization", 13}, {"Bearer x", 8}},
                                                    {{"meridian-hop", 12}, {"1", 1}}};
    char want[512];
    gql_rig_open(&r, &server, NULL, NULL);
    a.call.headers = headers;
    a.call.headers_n = 2;
    gql_rig_ask(&r, &a, "{\"query\":\"{a}\"}");
    gql_rig_wait(&r, &a);
    snprintf(
        want, sizeof(want),
        "POST /sources/ops HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n"
        "accept: application/graphql-response+json, application/json\r\nauthorization: Bearer x\r\n"
        "meridian-hop: 1\r\ncontent-type: application/json\r\ncontent-length: 15\r\n\r\n{\"query\":\"{a}\"}",
        gql_server_port(r.server));
    assert_string_equal(seen.text, want);
    gql_rig_forget(&a);
    a.call.get = true;
    a.call.path = MER_S("/health?x=1");
    gql_rig_ask(&r, &a, NULL);
    gql_rig_wait(&r, &a);
    snprintf(want, sizeof(want),
             "GET /health?x=1 HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n"
             "accept: application/graphql-response+json, application/json\r\n\r\n",
             gql_server_port(r.server));
    assert_string_equal(seen.text, want);
    assert_int_equal(gql_server_connections(r.server), 1); // kept alive
    gql_rig_forget(&a);
    gql_rig_close(&r);
}

static void refused_requests(void **state)
{
    (void)state;
    const struct {
        struct mer_slice name, value, path;
    } cases[] = {
        {MER_S("a\r\nb"), MER_S("c"), MER_S("/")},
        {MER_S("a: b\nc"), MER_S("c"), MER_S("/")},
        {MER_S("a b"), MER_S("c"), MER_S("/")},
        {MER_S("a:"), MER_S("c"), MER_S("/")},
        {MER_S("A"), MER_S("c"), MER_S("/")},
        {MER_S(""), MER_S("c"), MER_S("/")},
        {MER_S("a"), MER_S("c\r\nx: y"), MER_S("/")},
        {MER_S("a"), MER_S("c\n"), MER_S("/")},
        {MER_S("a"), MER_S("c\r"), MER_S("/")},
        {MER_S("a"), MER_S("c\0d"), MER_S("/")},
        {MER_S("content-length"), MER_S("0"), MER_S("/")},
        {MER_S("transfer-encoding"), MER_S("chunked"), MER_S("/")},
        {MER_S("host"), MER_S("elsewhere"), MER_S("/")},
        {MER_S("connection"), MER_S("authorization"), MER_S("/")},
        {MER_S("a"), MER_S("b"), MER_S("x")},
        {MER_S("a"), MER_S("b"), MER_S("/a b")},
        {MER_S("a"), MER_S("b"), MER_S("/ HTTP/1.1\r\nx: y")},
    };
    struct gql_rig r;
    struct seen seen;
    struct gql_server_opts server = {.script = remember, .owner = &seen};
    gql_rig_open(&r, &server, NULL, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mer_gql_header h = {cases[i].name, cases[i].value};
        struct gql_asked a = {.call = {.headers = &h, .headers_n = 1, .path = cases[i].path}};
        gql_rig_ask(&r, &a, "{}");
        gql_rig_wait(&r, &a);
        if (a.err != MER_ERR_INVALID || a.maybe_executed) {
            fail_msg("case %zu: %d", i, a.err);
        }
    }
    assert_int_equal(gql_server_connections(r.server), 0);
    gql_rig_close(&r);
}

static void urls(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        bool good;
    } cases[] = {
        {"http://127.0.0.1", true},
        {"http://127.0.0.1:80/", true},
        {"http://localhost:8080/a/b?c", true},
        {"http://[::1]:8080/x", true},
        {"http://[::1]", true},
        {"", false},
        {"127.0.0.1:80", false},
        {"ftp://127.0.0.1", false},
        {"file:///etc/passwd", false},
        {"http://", false},
        {"http://:80", false},
        {"http://127.0.0.1:", false},
        {"http://127.0.0.1:0", false},
        {"http://127.0.0.1:65536", false},
        {"http://127.0.0.1:8a", false},
        {"http://example.com/", false},
        {"http://a@127.0.0.1/", false},
        {"http://127.0.0.1#@a/", false},
        {"http://127.0.0.1/a b", false},
        {"http://127.0.0.1/a#b", false},
        {"http://127.0.0.1/\r\nx: y", false},
        {"http://[::1/", false},
        {"http://[::1]x/", false},
        {"http://::1/", false},
        {"http://0x7f000001/", false},
        {"https://127.0.0.1/", true},
        {"HTTP://127.0.0.1", false},
    };
    struct mer_loop *loop = mer_loop_create();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mer_diag diag = {0};
        struct mer_gql_client_opts opts = {.url = mer_slice_of(cases[i].url)};
        struct mer_gql_client *c = mer_gql_client_create(loop, &opts, &diag);
        if ((c != NULL) != cases[i].good || (!c && (diag.err != MER_ERR_INVALID || !diag.msg[0]))) {
            fail_msg("%s: %s", cases[i].url, c ? "taken" : diag.msg);
        }
        mer_gql_client_unref(c);
    }
    mer_loop_destroy(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),  cmocka_unit_test(cut_off_after_each_byte), cmocka_unit_test(endless),
        cmocka_unit_test(requests), cmocka_unit_test(refused_requests),        cmocka_unit_test(urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
