// SPDX-License-Identifier: MIT
// Answers from bytes: each case is fed whole, byte by byte and cut in two at every place; all must agree.
#include "mer_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "resolvers/graphql/http1.h"

enum { BODY_MAX = 64 };

struct outcome {
    enum mer_http1_result result;
    int status;
    bool keep_alive;
    size_t used;
    char body[BODY_MAX + 1], error[80];
};

struct one {
    const char *name;
    struct mer_slice in;
    enum mer_http1_result want;
    int status;
    bool keep_alive;
    const char *body;  // of a good one
    const char *error; // of a bad one
    size_t left_over;  // bytes that are not this answer's
    bool closes;       // the peer closes after it
};

#define OK   "HTTP/1.1 200 OK\r\n"
#define GOOD MER_HTTP1_DONE
#define BAD  MER_HTTP1_ERROR

// Pieces end at the given places; MORE is expected of all but the last.
static struct outcome feed(const struct one *t, size_t piece, size_t first)
{
    struct mer_http1 h;
    struct outcome o = {.result = MER_HTTP1_MORE};
    mer_http1_init(&h, BODY_MAX);
    assert_false(mer_http1_began(&h));
    for (size_t at = 0; at < t->in.n && o.result == MER_HTTP1_MORE;) {
        size_t n = at == 0 && first ? first : piece;
        n = n < t->in.n - at ? n : t->in.n - at;
        size_t used = 0;
        char *copy = malloc(n); // so that a sanitizer sees reading past the piece
        memcpy(copy, t->in.p + at, n);
        o.result = mer_http1_feed(&h, mer_slice_make(copy, n), &used);
        free(copy);
        assert_true(used <= n && (used == n || o.result != MER_HTTP1_MORE));
        assert_true(mer_http1_began(&h));
        o.used += used;
        at += n;
    }
    if (t->closes && o.result == MER_HTTP1_MORE) {
        o.result = mer_http1_end(&h);
    }
    o.status = h.status;
    o.keep_alive = h.keep_alive;
    assert_true(h.body.n <= BODY_MAX);
    memcpy(o.body, h.body.n ? h.body.p : "", h.body.n);
    snprintf(o.error, sizeof(o.error), "%s", h.error ? h.error : "");
    mer_http1_fini(&h);
    return o;
}

static void check(const struct one *t, struct outcome o, const char *how, size_t cut)
{
    if (o.result != t->want) {
        fail_msg("%s (%s %zu): result %d, want %d: %s", t->name, how, cut, o.result, t->want, o.error);
    }
    if (t->want == BAD) {
        if (strcmp(o.error, t->error) != 0) {
            fail_msg("%s (%s %zu): \"%s\", want \"%s\"", t->name, how, cut, o.error, t->error);
        }
        assert_false(o.keep_alive);
        return;
    }
    if (t->want == GOOD &&
        (o.status != t->status || strcmp(o.body, t->body) != 0 || o.keep_alive != t->keep_alive)) {
        fail_msg("%s (%s %zu): %d %s keep_alive %d", t->name, how, cut, o.status, o.body, o.keep_alive);
    }
}

static void check_all(const struct one *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct one *t = &cases[i];
        struct outcome whole = feed(t, t->in.n, 0);
        check(t, whole, "whole", 0);
        if (t->want == GOOD && whole.used != t->in.n - t->left_over) {
            fail_msg("%s: used %zu of %zu", t->name, whole.used, t->in.n);
        }
        check(t, feed(t, 1, 0), "bytes of", 1);
        check(t, feed(t, 3, 0), "bytes of", 3);
        for (size_t cut = 1; cut < t->in.n && t->in.n < 2000; cut++) {
            check(t, feed(t, t->in.n, cut), "cut at", cut);
        }
    }
}

#define IN(text) .in = {"" text, sizeof(text) - 1}

static void accepted(void **state)
{
    (void)state;
    static const struct one cases[] = {
        {"length", IN(OK "Content-Length: 2\r\n\r\n{}"), GOOD, 200, true, "{}"},
        {"blanks around", IN(OK "content-length:\t 2 \t\r\n\r\n{}"), GOOD, 200, true, "{}"},
        {"length zero", IN(OK "content-length: 0\r\n\r\n"), GOOD, 200, true, ""},
        {"no reason", IN("HTTP/1.1 200\r\ncontent-length: 1\r\n\r\nx"), GOOD, 200, true, "x"},
        {"empty reason", IN("HTTP/1.1 503 \r\ncontent-length: 1\r\n\r\nx"), GOOD, 503, true, "x"},
        {"reason of other bytes", IN("HTTP/1.1 500 \xc3\xa4\tb\r\ncontent-length: 1\r\n\r\nx"), GOOD, 500,
         true, "x"},
        {"empty header", IN(OK "x-empty:\r\ncontent-length: 1\r\n\r\nx"), GOOD, 200, true, "x"},
        {"close", IN(OK "connection: close\r\ncontent-length: 1\r\n\r\nx"), GOOD, 200, false, "x"},
        {"close in a list", IN(OK "connection: keep-alive , Close\r\ncontent-length: 1\r\n\r\nx"), GOOD, 200,
         false, "x"},
        {"close in a second header",
         IN(OK "connection: te\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx"), GOOD, 200, false, "x"},
        {"keep-alive", IN(OK "connection: keep-alive\r\ncontent-length: 1\r\n\r\nx"), GOOD, 200, true, "x"},
        {"not close", IN(OK "connection: closed\r\ncontent-length: 1\r\n\r\nx"), GOOD, 200, true, "x"},
        {"1.0", IN("HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\nx"), GOOD, 200, false, "x"},
        {"204", IN("HTTP/1.1 204 No Content\r\n\r\n"), GOOD, 204, true, ""},
        {"204 of length 0", IN("HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n"), GOOD, 204, true, ""},
        {"304 with a length", IN("HTTP/1.1 304 Not Modified\r\ncontent-length: 999999\r\n\r\n"), GOOD, 304,
         true, ""},
        {"100 before", IN("HTTP/1.1 100 Continue\r\n\r\n" OK "content-length: 1\r\n\r\nx"), GOOD, 200, true,
         "x"},
        {"103 before",
         IN("HTTP/1.1 103 Early\r\nlink: a\r\nconnection: close\r\n\r\n" OK "content-length: 1\r\n\r\nx"),
         GOOD, 200, true, "x"},
        {"identity", IN(OK "content-encoding: identity\r\ncontent-length: 1\r\n\r\nx"), GOOD, 200, true, "x"},
        {"no coding", IN(OK "content-encoding: none\r\ncontent-length: 1\r\n\r\nx"), GOOD, 200, true, "x"},
        {"another answer follows", IN(OK "content-length: 1\r\n\r\nxHTTP/1.1 200"), GOOD, 200, true, "x",
         .left_over = 12},
        {"until close", IN(OK "\r\nabc"), GOOD, 200, false, "abc", .closes = true},
        {"until close, nothing", IN(OK "\r\n"), GOOD, 200, false, "", .closes = true},
        {"chunks", IN(OK "transfer-encoding: Chunked\r\n\r\n1\r\na\r\n0A\r\n0123456789\r\n0\r\n\r\n"), GOOD,
         200, true, "a0123456789"},
        {"no chunks", IN(OK "transfer-encoding: chunked\r\n\r\n0\r\n\r\n"), GOOD, 200, true, ""},
        {"zeros before", IN(OK "transfer-encoding: chunked\r\n\r\n00000001\r\na\r\n00\r\n\r\n"), GOOD, 200,
         true, "a"},
        {"extensions", IN(OK "transfer-encoding: chunked\r\n\r\n1;a=b;c=\"d\"\r\na\r\n0;x\r\n\r\n"), GOOD,
         200, true, "a"},
        {"trailers",
         IN(OK "transfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nserver-timing: x\r\nb: c\r\n\r\n"), GOOD,
         200, true, "a"},
        {"chunk of line ends", IN(OK "transfer-encoding: chunked\r\n\r\n4\r\n\r\n\r\n\r\n0\r\n\r\n"), GOOD,
         200, true, "\r\n\r\n"},
    };
    check_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void refused_heads(void **state)
{
    (void)state;
    static const struct one cases[] = {
        {"other protocol", IN("SSH-2.0-OpenSSH_9.2"), BAD, .error = "not an HTTP/1 answer"},
        {"page without a head", IN("<html>"), BAD, .error = "not an HTTP/1 answer"},
        {"TLS alert", IN("\x15\x03\x01\x00\x02\x02\x46"), BAD, .error = "not an HTTP/1 answer"},
        {"HTTP/2 settings", IN("\0\0\x12\x04\0\0\0\0\0"), BAD, .error = "not an HTTP/1 answer"},
        {"empty line first", IN("\r\n" OK "\r\n"), BAD, .error = "not an HTTP/1 answer"},
        {"1.2", IN("HTTP/1.2 200 OK\r\n"), BAD, .error = "not an HTTP/1 answer"},
        {"lower case", IN("http/1.1 200 OK\r\n"), BAD, .error = "not an HTTP/1 answer"},
        {"two blanks", IN("HTTP/1.1  200 OK\r\n"), BAD, .error = "not an HTTP/1 answer"},
        {"four digits", IN("HTTP/1.1 2000\r\n"), BAD, .error = "not an HTTP/1 answer"},
        {"two digits", IN("HTTP/1.1 20\r\n"), BAD, .error = "not an HTTP/1 answer"},
        {"status 099", IN("HTTP/1.1 099 x\r\n"), BAD, .error = "bad status"},
        {"status 600", IN("HTTP/1.1 600 x\r\n"), BAD, .error = "bad status"},
        {"sign", IN("HTTP/1.1 +20 x\r\n"), BAD, .error = "bad status"},
        {"NUL in the reason", IN("HTTP/1.1 200 a\0b\r\n"), BAD, .error = "not an HTTP/1 answer"},
        {"bare line feed", IN("HTTP/1.1 200 OK\n"), BAD, .error = "bad line end"},
        {"bare line feed after a header", IN(OK "a: b\n"), BAD, .error = "bad line end"},
        {"bare line feed ends the head", IN(OK "a: b\r\n\n"), BAD, .error = "bad line end"},
        {"bare carriage return", IN(OK "a: b\rc: d\r\n"), BAD, .error = "bad line end"},
        {"two carriage returns", IN(OK "a: b\r\r\n"), BAD, .error = "bad line end"},
        {"folded", IN(OK "a: b\r\n c\r\n"), BAD, .error = "bad header"},
        {"folded, a colon in it", IN(OK "a: b\r\n\tc: d\r\n"), BAD, .error = "bad header"},
        {"no colon", IN(OK "abc\r\n"), BAD, .error = "bad header"},
        {"no name", IN(OK ": b\r\n"), BAD, .error = "bad header"},
        {"blank before the colon", IN(OK "content-length : 2\r\n"), BAD, .error = "bad header"},
        {"NUL in a name", IN(OK "a\0: b\r\n"), BAD, .error = "bad header"},
        {"NUL in a value", IN(OK "a: b\0c\r\n"), BAD, .error = "bad header"},
        {"form feed around a length", IN(OK "content-length: \f2\r\n"), BAD, .error = "bad header"},
        {"101", IN("HTTP/1.1 101 Switching\r\n\r\n"), BAD, .error = "another protocol was not asked for"},
        {"gzip", IN(OK "content-encoding: gzip\r\n"), BAD, .error = "content-encoding was not asked for"},
        {"ends in the status line", IN("HTTP/1.1 20"), BAD, .error = "the connection ended within the answer",
         .closes = true},
        {"ends in the head", IN(OK "a: b\r\n"), BAD, .error = "the connection ended within the answer",
         .closes = true},
        {"ends after 100", IN("HTTP/1.1 100 x\r\n\r\n"), BAD,
         .error = "the connection ended within the answer", .closes = true},
    };
    check_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void refused_bodies(void **state)
{
    (void)state;
    static const struct one cases[] = {
        {"two lengths", IN(OK "content-length: 1\r\ncontent-length: 2\r\n"), BAD,
         .error = "bad content-length"},
        {"the same length twice", IN(OK "content-length: 1\r\ncontent-length: 1\r\n"), BAD,
         .error = "bad content-length"},
        {"list of lengths", IN(OK "content-length: 1, 1\r\n"), BAD, .error = "bad content-length"},
        {"no length", IN(OK "content-length:\r\n"), BAD, .error = "bad content-length"},
        {"sign", IN(OK "content-length: +1\r\n"), BAD, .error = "bad content-length"},
        {"negative", IN(OK "content-length: -1\r\n"), BAD, .error = "bad content-length"},
        {"hexadecimal", IN(OK "content-length: 0x1\r\n"), BAD, .error = "bad content-length"},
        {"2^64", IN(OK "content-length: 18446744073709551616\r\n"), BAD, .error = "bad content-length"},
        {"2^64-1", IN(OK "content-length: 18446744073709551615\r\n\r\n"), BAD, .error = "answer too large"},
        {"length and chunks", IN(OK "content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n"), BAD,
         .error = "content-length beside transfer-encoding"},
        {"chunks and length 0", IN(OK "transfer-encoding: chunked\r\ncontent-length: 0\r\n\r\n"), BAD,
         .error = "content-length beside transfer-encoding"},
        {"gzip, chunked", IN(OK "transfer-encoding: gzip, chunked\r\n"), BAD,
         .error = "bad transfer-encoding"},
        {"chunked twice", IN(OK "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n"), BAD,
         .error = "bad transfer-encoding"},
        {"xchunked", IN(OK "transfer-encoding: xchunked\r\n"), BAD, .error = "bad transfer-encoding"},
        {"identity", IN(OK "transfer-encoding: identity\r\n"), BAD, .error = "bad transfer-encoding"},
        {"chunks in 1.0", IN("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"), BAD,
         .error = "chunks in HTTP/1.0"},
        {"204 with a body", IN("HTTP/1.1 204 x\r\ncontent-length: 1\r\n\r\n"), BAD,
         .error = "a body where none may be"},
        {"204 with chunks", IN("HTTP/1.1 204 x\r\ntransfer-encoding: chunked\r\n\r\n"), BAD,
         .error = "a body where none may be"},
        {"100 with a body", IN("HTTP/1.1 100 x\r\ncontent-length: 1\r\n\r\n"), BAD,
         .error = "a body where none may be"},
        {"length at the limit + 1", IN(OK "content-length: 65\r\n\r\n"), BAD, .error = "answer too large"},
        {"chunk over the limit", IN(OK "transfer-encoding: chunked\r\n\r\n41\r\n"), BAD,
         .error = "answer too large"},
        {"two chunks over it", IN(OK "transfer-encoding: chunked\r\n\r\n1\r\na\r\n40\r\n"), BAD,
         .error = "answer too large"},
        {"4 GB chunk", IN(OK "transfer-encoding: chunked\r\n\r\nffffffff\r\n"), BAD,
         .error = "answer too large"},
        {"nine digits", IN(OK "transfer-encoding: chunked\r\n\r\n000000001"), BAD, .error = "bad chunk size"},
        {"no size", IN(OK "transfer-encoding: chunked\r\n\r\n\r\n"), BAD, .error = "bad chunk size"},
        {"size of a sign", IN(OK "transfer-encoding: chunked\r\n\r\n+1\r\n"), BAD, .error = "bad chunk size"},
        {"size 0x1", IN(OK "transfer-encoding: chunked\r\n\r\n0x1\r\n"), BAD, .error = "bad chunk size"},
        {"blank after the size", IN(OK "transfer-encoding: chunked\r\n\r\n1 \r\n"), BAD,
         .error = "bad chunk size"},
        {"size, line feed", IN(OK "transfer-encoding: chunked\r\n\r\n1\na\r\n"), BAD,
         .error = "bad chunk size"},
        {"size, two returns", IN(OK "transfer-encoding: chunked\r\n\r\n1\r\r\n"), BAD,
         .error = "bad chunk size"},
        {"line feed in an extension", IN(OK "transfer-encoding: chunked\r\n\r\n1;a\na"), BAD,
         .error = "bad chunk extension"},
        {"chunk too long", IN(OK "transfer-encoding: chunked\r\n\r\n1\r\nab\r\n"), BAD,
         .error = "bad chunk end"},
        {"chunk end of a line feed", IN(OK "transfer-encoding: chunked\r\n\r\n1\r\na\n0\r\n"), BAD,
         .error = "bad chunk end"},
        {"bad trailer", IN(OK "transfer-encoding: chunked\r\n\r\n0\r\nabc\r\n"), BAD, .error = "bad header"},
        {"length in a trailer", IN(OK "transfer-encoding: chunked\r\n\r\n0\r\nContent-Length: 1\r\n"), BAD,
         .error = "framing in a trailer"},
        {"trailer of a line feed", IN(OK "transfer-encoding: chunked\r\n\r\n0\r\n\n"), BAD,
         .error = "bad line end"},
        {"short of its length", IN(OK "content-length: 3\r\n\r\nab"), BAD,
         .error = "the connection ended within the answer", .closes = true},
        {"ends in a chunk", IN(OK "transfer-encoding: chunked\r\n\r\n3\r\nab"), BAD,
         .error = "the connection ended within the answer", .closes = true},
        {"ends before the last chunk", IN(OK "transfer-encoding: chunked\r\n\r\n1\r\na\r\n"), BAD,
         .error = "the connection ended within the answer", .closes = true},
        {"ends in the trailer", IN(OK "transfer-encoding: chunked\r\n\r\n0\r\n"), BAD,
         .error = "the connection ended within the answer", .closes = true},
        {"not over yet", IN(OK "content-length: 3\r\n\r\nab"), MER_HTTP1_MORE},
    };
    check_all(cases, sizeof(cases) / sizeof(cases[0]));
}

// ---- limits, at the limit and one past it ----

static void check_text(const char *name, struct mer_buf *b, const char *error, const char *body, bool closes)
{
    struct one t = {name, mer_buf_slice(b), error ? BAD : GOOD, 200, !closes, body, error, .closes = closes};
    check_all(&t, 1);
    mer_buf_fini(b);
}

static void limit_headers(void **state)
{
    (void)state;
    for (int over = 0; over < 2; over++) {
        struct mer_buf b;
        mer_buf_init(&b, NULL, 0);
        mer_buf_add_cstr(&b, OK "content-length: 1\r\n");
        for (int i = 0; i < MER_HTTP1_HEADERS_MAX - 1 + over; i++) {
            mer_buf_printf(&b, "a%d: b\r\n", i);
        }
        mer_buf_add_cstr(&b, "\r\nx");
        check_text("headers", &b, over ? "too many headers" : NULL, "x", false);
    }
}

static void limit_head_bytes(void **state)
{
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        struct mer_buf b;
        mer_buf_init(&b, NULL, 0);
        mer_buf_add_cstr(&b, OK "content-length: 1\r\na: ");
        while (b.n < MER_HTTP1_HEAD_MAX - 4 + over) {
            mer_buf_add_char(&b, 'b');
        }
        mer_buf_add_cstr(&b, "\r\n\r\nx");
        check_text("head", &b, over ? "head too large" : NULL, "x", false);
    }
}

static void limit_interim(void **state)
{
    (void)state;
    for (int over = 0; over < 2; over++) {
        struct mer_buf b;
        mer_buf_init(&b, NULL, 0);
        for (int i = 0; i < MER_HTTP1_INTERIM_MAX + over; i++) {
            mer_buf_add_cstr(&b, "HTTP/1.1 100 Continue\r\n\r\n");
        }
        mer_buf_add_cstr(&b, OK "content-length: 1\r\n\r\nx");
        check_text("interim", &b, over ? "too many interim answers" : NULL, "x", false);
    }
}

static void limit_extension(void **state)
{
    (void)state;
    for (int over = 0; over < 2; over++) {
        struct mer_buf b;
        mer_buf_init(&b, NULL, 0);
        mer_buf_add_cstr(&b, OK "transfer-encoding: chunked\r\n\r\n1;");
        for (int i = 0; i < MER_HTTP1_EXTENSION_MAX - 10 + over; i++) {
            mer_buf_add_char(&b, 'e');
        }
        mer_buf_add_cstr(&b, "\r\nx\r\n0;0123456789\r\n\r\n");
        check_text("extension", &b, over ? "chunk extensions too large" : NULL, "x", false);
    }
}

static void limit_body(void **state)
{
    (void)state;
    static const char *const heads[] = {"content-length: 64\r\n\r\n",
                                        "transfer-encoding: chunked\r\n\r\n40\r\n", "\r\n"};
    char full[BODY_MAX + 1];
    memset(full, 'x', BODY_MAX);
    full[BODY_MAX] = 0;
    for (size_t i = 0; i < 4; i++) {
        struct mer_buf b;
        mer_buf_init(&b, NULL, 0);
        mer_buf_add_cstr(&b, OK);
        mer_buf_add_cstr(&b, heads[i < 3 ? i : 2]);
        mer_buf_add_cstr(&b, full);
        mer_buf_add_cstr(&b, i == 1 ? "\r\n0\r\n\r\n" : i == 3 ? "y" : "");
        check_text("body", &b, i == 3 ? "answer too large" : NULL, full, i >= 2);
    }
}

static void nothing_came(void **state)
{
    (void)state;
    struct mer_http1 h;
    size_t used = 1;
    mer_http1_init(&h, BODY_MAX);
    assert_int_equal(mer_http1_feed(&h, MER_NIL, &used), MER_HTTP1_MORE);
    assert_int_equal(used, 0);
    assert_int_equal(mer_http1_end(&h), MER_HTTP1_ERROR);
    assert_false(mer_http1_began(&h)); // asked after the end, when it decides whether to ask again
    mer_http1_fini(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted),         cmocka_unit_test(refused_heads),
        cmocka_unit_test(refused_bodies),   cmocka_unit_test(limit_headers),
        cmocka_unit_test(limit_head_bytes), cmocka_unit_test(limit_interim),
        cmocka_unit_test(limit_extension),  cmocka_unit_test(limit_body),
        cmocka_unit_test(nothing_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
