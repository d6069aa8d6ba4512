// SPDX-License-Identifier: MIT
// Compressed answers, headers that are handed up, hosts that are names.
#include "mer_test.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/time.h"
#include "gql_rig.h"

// ---- gzip ----

struct zipped {
    unsigned char bytes[4096];
    size_t n;
    bool asked; // the request said that it takes gzip
};

static void zip(struct zipped *z, const char *text, size_t n)
{
    z_stream s = {0};
    assert_int_equal(deflateInit2(&s, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    char *copy = malloc(n + 1);
    memcpy(copy, text, n);
    s.next_in = (Bytef *)copy;
    s.avail_in = (uInt)n;
    s.next_out = z->bytes;
    s.avail_out = sizeof(z->bytes);
    assert_int_equal(deflate(&s, Z_FINISH), Z_STREAM_END);
    z->n = s.total_out;
    deflateEnd(&s);
    free(copy);
}

static void say_zipped(struct gql_peer *p)
{
    struct zipped *z = gql_peer_owner(p);
    const char *request = NULL;
    while ((request = gql_peer_read(p))) {
        char head[160];
        z->asked = strstr(request, "\r\naccept-encoding: gzip\r\n") != NULL;
        snprintf(head, sizeof(head),
                 "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\ncontent-length: %zu\r\n\r\n", z->n);
        gql_peer_say(p, head);
        gql_peer_say_bytes(p, z->bytes, z->n);
    }
}

static void ask_zipped(struct zipped *z, bool gzip, struct gql_asked *a)
{
    struct gql_rig r;
    struct gql_server_opts server = {.script = say_zipped, .owner = z};
    struct mer_gql_client_opts opts = {.gzip = gzip, .answer_max_bytes = 100000};
    gql_rig_open(&r, &server, &opts, NULL);
    *a = (struct gql_asked){0};
    for (int i = 0; i < 2; i++) { // what decodes is used again
        gql_rig_forget(a);
        gql_rig_ask(&r, a, "{}");
        gql_rig_wait(&r, a);
    }
    gql_rig_close(&r);
}

static void compressed_answers(void **state)
{
    (void)state;
    struct zipped z;
    struct gql_asked a;
    char *large = calloc(1, 100001);
    zip(&z, "{\"data\":{}}", 11);
    ask_zipped(&z, true, &a);
    assert_int_equal(a.err, MER_OK);
    assert_true(z.asked);
    assert_string_equal(a.body, "{\"data\":{}}");
    gql_rig_forget(&a);
    zip(&z, large, 100000);
    ask_zipped(&z, true, &a);
    assert_int_equal(a.err, MER_OK);
    assert_int_equal(a.kept_body.n, 100000);
    gql_rig_forget(&a);
    zip(&z, large, 100001);
    ask_zipped(&z, true, &a);
    assert_int_equal(a.err, MER_ERR_LIMIT);
    gql_rig_forget(&a);
    free(large);
}

static void wrong_compressed_answers(void **state)
{
    (void)state;
    struct zipped z;
    struct gql_asked a;
    zip(&z, "{\"data\":{}}", 11);
    ask_zipped(&z, false, &a); // nobody asked for it
    assert_int_equal(a.err, MER_ERR_CLOSED);
    assert_false(z.asked);
    gql_rig_forget(&a);
    z.n -= 3; // cut
    ask_zipped(&z, true, &a);
    assert_int_equal(a.err, MER_ERR_CLOSED);
    assert_true(a.maybe_executed);
    gql_rig_forget(&a);
    z.n += 4; // a byte more
    ask_zipped(&z, true, &a);
    assert_int_equal(a.err, MER_ERR_CLOSED);
    gql_rig_forget(&a);
    z.n -= 1;
    z.bytes[z.n - 1] ^= 1; // the length in the trailer
    ask_zipped(&z, true, &a);
    assert_int_equal(a.err, MER_ERR_CLOSED);
    gql_rig_forget(&a);
    z.n = 0; // no body is no compressed body
    ask_zipped(&z, true, &a);
    assert_int_equal(a.err, MER_OK);
    assert_int_equal(a.body_n, 0);
    gql_rig_forget(&a);
}

// ---- headers ----

static void say_headers(struct gql_peer *p)
{
    while (gql_peer_read(p)) {
        gql_peer_say(p, "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
                        "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX-Empty:\r\nset-cookie:b=2; Path=/ \r\n"
                        "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "2\r\n{}\r\n0\r\nx-trailer: 1\r\n\r\n");
    }
}

static void headers_are_handed_up(void **state)
{
    (void)state;
    struct gql_rig r;
    struct gql_asked a = {0};
    struct gql_server_opts server = {.script = say_headers};
    gql_rig_open(&r, &server, NULL, NULL);
    for (int i = 0; i < 2; i++) {
        gql_rig_forget(&a);
        gql_rig_ask(&r, &a, "{}");
        gql_rig_wait(&r, &a);
        assert_string_equal(a.headers, "set-cookie: a=1\nx-empty: \nset-cookie: b=2; Path=/\n");
    }
    struct mer_gql_answer answer = {.headers = mer_slice_of(a.headers)};
    mer_assert_slice(mer_gql_header_find(&answer, "set-cookie"), "a=1");
    mer_assert_slice(mer_gql_header_find(&answer, "x-empty"), "");
    assert_non_null(mer_gql_header_find(&answer, "x-empty").p);
    assert_null(mer_gql_header_find(&answer, "link").p);
    gql_rig_forget(&a);
    gql_rig_close(&r);
}

// ---- hosts ----

struct heard {
    bool name; // the host header was the name
};

static void hear_host(struct gql_peer *p)
{
    struct heard *h = gql_peer_owner(p);
    const char *request = NULL;
    while ((request = gql_peer_read(p))) {
        h->name = strstr(request, "\r\nhost: products.internal:") != NULL;
        gql_peer_say(p, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
    }
}

static void a_name_with_an_address(void **state)
{
    (void)state;
    struct gql_rig r;
    struct gql_asked a = {0};
    struct heard heard = {0};
    struct gql_server_opts server = {.script = hear_host, .owner = &heard};
    gql_rig_open(&r, &server, NULL, NULL);
    mer_gql_client_unref(r.client);
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)gql_server_port(r.server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char url[64];
    snprintf(url, sizeof(url), "http://products.internal:%d/graphql", gql_server_port(r.server));
    struct mer_gql_client_opts opts = {
        .url = mer_slice_of(url), .address = (const struct sockaddr *)&at, .address_len = sizeof(at)};
    r.client = mer_gql_client_create(r.loop, &opts, NULL);
    assert_non_null(r.client);
    gql_rig_ask(&r, &a, "{}");
    gql_rig_wait(&r, &a);
    assert_int_equal(a.err, MER_OK);
    assert_true(heard.name);
    gql_rig_forget(&a);
    mer_gql_client_unref(r.client);
    opts.address_len = 0; // nobody knows where it is
    r.client = mer_gql_client_create(r.loop, &opts, NULL);
    gql_rig_ask(&r, &a, "{}");
    gql_rig_wait(&r, &a);
    assert_int_equal(a.err, MER_ERR_IO);
    assert_false(a.maybe_executed);
    gql_rig_forget(&a);
    gql_rig_close(&r);
}

static void where_urls_lead(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        enum mer_err err;
    } cases[] = {
        {"http://127.0.0.1:80/", MER_OK},          {"https://[::1]/graphql", MER_OK},
        {"http://localhost:4000/graphql", MER_OK}, {"http://no-such-host.invalid/graphql", MER_ERR_NOT_FOUND},
        {"ftp://127.0.0.1/", MER_ERR_INVALID},     {"http://a b/", MER_ERR_INVALID},
        {"http://user@host/", MER_ERR_INVALID},    {"", MER_ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sockaddr_storage at = {0};
        socklen_t len = 0;
        struct mer_diag d = {0};
        if (mer_gql_url_resolve(mer_slice_of(cases[i].url), &at, &len, &d) != cases[i].err ||
            (len > 0) != (cases[i].err == MER_OK)) {
            fail_msg("%s: %s", cases[i].url, d.msg);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compressed_answers),    cmocka_unit_test(wrong_compressed_answers),
        cmocka_unit_test(headers_are_handed_up), cmocka_unit_test(a_name_with_an_address),
        cmocka_unit_test(where_urls_lead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
