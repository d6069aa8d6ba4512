// SPDX-License-Identifier: MIT
// The HTTP/2 codec against the same library's server side, in memory: what an answer may be, and what each
// end of one means.
#include "mer_test.h"

#include <nghttp2/nghttp2.h>

#include "resolvers/graphql/http1.h"
#include "resolvers/graphql/http2.h"

enum { BODY_MAX = 1000 };

// ---- both ends ----

struct header {
    const char *name, *value;
};

static nghttp2_nv nv_of(struct header h)
{
    union {
        const char *text;
        uint8_t *bytes;
    } n = {h.name}, v = {h.value};
    return (nghttp2_nv){n.bytes, v.bytes, strlen(h.name), strlen(h.value), NGHTTP2_NV_FLAG_NONE};
}

struct rig {
    struct mer_http2 *client;
    nghttp2_session *server;
    int32_t stream; // the last request's
    char body[64];  // of it
    size_t body_n;
    struct mer_slice answer;
    int ended;
    enum mer_http2_end end;
    bool lost;
};

static void on_ended(void *owner, struct mer_http2_exchange *x, enum mer_http2_end end)
{
    struct rig *r = owner;
    (void)x;
    r->ended++;
    r->end = end;
}

static int on_request(nghttp2_session *s, const nghttp2_frame *f, void *owner)
{
    struct rig *r = owner;
    (void)s;
    if (f->hd.type == NGHTTP2_HEADERS) {
        r->stream = f->hd.stream_id;
    }
    return 0;
}

static int on_request_body(nghttp2_session *s, uint8_t flags, int32_t id, const uint8_t *p, size_t n,
                           void *owner)
{
    struct rig *r = owner;
    (void)s;
    (void)flags;
    (void)id;
    assert_true(r->body_n + n <= sizeof(r->body));
    memcpy(r->body + r->body_n, p, n);
    r->body_n += n;
    return 0;
}

static ssize_t answer_bytes(nghttp2_session *s, int32_t id, uint8_t *to, size_t room, uint32_t *flags,
                            nghttp2_data_source *source, void *owner)
{
    (void)s;
    (void)id;
    (void)owner;
    struct mer_slice *left = source->ptr;
    size_t n = left->n < room ? left->n : room;
    memcpy(to, left->p, n);
    *left = mer_slice_make(left->p + n, left->n - n);
    *flags |= left->n ? 0 : NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

static void open_rig(struct rig *r, bool gzip)
{
    const struct mer_http2_opts opts = {BODY_MAX, gzip, on_ended, r};
    *r = (struct rig){.client = mer_http2_create(&opts)};
    nghttp2_session_callbacks *cb = NULL;
    assert_int_equal(nghttp2_session_callbacks_new(&cb), 0);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_request);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_request_body);
    nghttp2_option *o = NULL;
    assert_int_equal(nghttp2_option_new(&o), 0);
    nghttp2_option_set_no_http_messaging(o, 1); // this server may say anything
    assert_int_equal(nghttp2_session_server_new2(&r->server, cb, r, o), 0);
    nghttp2_option_del(o);
    nghttp2_session_callbacks_del(cb);
    const nghttp2_settings_entry few = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2};
    nghttp2_submit_settings(r->server, NGHTTP2_FLAG_NONE, &few, 1);
}

static void close_rig(struct rig *r)
{
    mer_http2_destroy(r->client);
    nghttp2_session_del(r->server);
}

// Carries bytes both ways until nobody has any more; to the client in pieces.
static void carry(struct rig *r, size_t piece)
{
    for (bool moved = true; moved && !r->lost;) {
        struct mer_buf out;
        const char *why = NULL;
        const uint8_t *p = NULL;
        mer_buf_init(&out, NULL, 0);
        r->lost = !mer_http2_take(r->client, &out, &why);
        moved = out.n > 0;
        assert_true(out.n == 0 ||
                    nghttp2_session_mem_recv(r->server, (uint8_t *)out.p, out.n) == (ssize_t)out.n);
        mer_buf_fini(&out);
        ssize_t n = nghttp2_session_mem_send(r->server, &p);
        assert_true(n >= 0);
        moved = moved || n > 0;
        for (size_t at = 0; at < (size_t)n && !r->lost; at += piece) {
            size_t part = piece < (size_t)n - at ? piece : (size_t)n - at;
            r->lost = !mer_http2_feed(r->client, mer_slice_make((const char *)p + at, part), &why);
        }
    }
}

static void ask(struct rig *r, struct mer_http2_exchange *x)
{
    const struct mer_http2_header headers[] = {
        {MER_S(":method"), MER_S("POST")},           {MER_S(":scheme"), MER_S("http")},
        {MER_S(":authority"), MER_S("here")},        {MER_S(":path"), MER_S("/graphql")},
        {MER_S("authorization"), MER_S("Bearer x")},
    };
    mer_http2_send(r->client, x, headers, 5, MER_S("{\"query\":\"{a}\"}"));
    carry(r, SIZE_MAX / 2);
    assert_int_equal(r->body_n, 15);
}

// ---- answers ----

static const struct answer_case {
    const char *name;
    struct header interim, head[6], trailer; // trailer: of the second HEADERS frame
    size_t body;                             // so many bytes
    enum mer_http2_end end;
    int status;
    const char *headers, *error;
} cases[] = {
    {"an answer", .head = {{":status", "200"}, {"x-a", "1"}}, .body = 10, .status = 200,
     .headers = "x-a: 1\n"},
    {"an empty one", .head = {{":status", "204"}}, .status = 204, .headers = ""},
    {"an error of the server", .head = {{":status", "503"}}, .body = 3, .status = 503, .headers = ""},
    {"as long as may be", .head = {{":status", "200"}}, .body = BODY_MAX, .status = 200, .headers = ""},
    {"too long", .head = {{":status", "200"}}, .body = BODY_MAX + 1, .end = MER_HTTP2_TOO_LARGE,
     .error = "answer too large"},
    {"told longer than it is", .head = {{":status", "200"}, {"content-length", "11"}}, .body = 10,
     .end = MER_HTTP2_BROKEN, .error = "PROTOCOL_ERROR"},
    {"framing is not handed up", .head = {{":status", "200"}, {"content-length", "10"}, {"x-b", "2"}},
     .body = 10, .status = 200, .headers = "x-b: 2\n"},
    {"an interim answer", .interim = {":status", "103"}, .head = {{":status", "200"}}, .body = 1,
     .status = 200, .headers = ""},
    {"trailers are left out", .head = {{":status", "200"}}, .body = 4, .trailer = {"x-late", "1"},
     .status = 200, .headers = ""},
    {"another protocol", .head = {{":status", "101"}}, .end = MER_HTTP2_BROKEN},
    {"no status that is one", .head = {{":status", "2x0"}}, .end = MER_HTTP2_BROKEN},
    {"no status", .head = {{"x-a", "1"}}, .end = MER_HTTP2_BROKEN},
    {"plain, and says so", .head = {{":status", "200"}, {"content-encoding", "identity"}}, .body = 2,
     .status = 200, .headers = ""},
    {"a coding that nobody asked for", .head = {{":status", "200"}, {"content-encoding", "br"}}, .body = 2,
     .end = MER_HTTP2_BROKEN, .error = "a coding that was not asked for"},
};

static void give(struct rig *r, const struct answer_case *c, struct mer_slice *left)
{
    nghttp2_nv head[6];
    size_t n = 0;
    while (n < 6 && c->head[n].name) {
        head[n] = nv_of(c->head[n]);
        n++;
    }
    if (c->interim.name) {
        nghttp2_nv early = nv_of(c->interim);
        nghttp2_submit_headers(r->server, NGHTTP2_FLAG_NONE, r->stream, NULL, &early, 1, NULL);
    }
    nghttp2_data_provider body = {.source = {.ptr = left}, .read_callback = answer_bytes};
    if (c->trailer.name) {
        nghttp2_submit_headers(r->server, NGHTTP2_FLAG_NONE, r->stream, NULL, head, n, NULL);
        nghttp2_submit_data(r->server, NGHTTP2_FLAG_NONE, r->stream, &body);
        carry(r, 7);
        nghttp2_nv late = nv_of(c->trailer);
        nghttp2_submit_headers(r->server, NGHTTP2_FLAG_END_STREAM, r->stream, NULL, &late, 1, NULL);
    } else {
        nghttp2_submit_response(r->server, r->stream, head, n, c->body ? &body : NULL);
    }
}

static void an_answer_is_what_it_says_or_an_error(void **state)
{
    (void)state;
    char bytes[BODY_MAX + 1];
    memset(bytes, 'x', sizeof(bytes));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct answer_case *c = &cases[i];
        for (size_t piece = 1; piece < 5000; piece = piece * 9 + 2) {
            struct rig r;
            struct mer_http2_exchange x;
            struct mer_slice left = mer_slice_make(bytes, c->body);
            open_rig(&r, false);
            ask(&r, &x);
            give(&r, c, &left);
            carry(&r, piece);
            if (r.ended != 1 || r.end != c->end) {
                fail_msg("%s: ended %d times, as %d (%s)", c->name, r.ended, (int)r.end, x.error);
            }
            if (c->error) {
                assert_string_equal(x.error, c->error);
            }
            if (c->end == MER_HTTP2_WHOLE) {
                assert_int_equal(x.status, c->status);
                assert_int_equal(x.body.n, c->body);
                assert_true(mer_slice_eq(mer_buf_slice(&x.headers), mer_slice_of(c->headers)));
            }
            mer_http2_exchange_fini(&x);
            close_rig(&r);
        }
    }
}

static void a_head_has_limits(void **state)
{
    (void)state;
    struct rig r;
    struct mer_http2_exchange x;
    nghttp2_nv many[MER_HTTP1_HEADERS_MAX + 1] = {nv_of((struct header){":status", "200"})};
    for (size_t i = 1; i <= MER_HTTP1_HEADERS_MAX; i++) {
        many[i] = nv_of((struct header){"x-a", "1"});
    }
    for (size_t n = MER_HTTP1_HEADERS_MAX; n <= MER_HTTP1_HEADERS_MAX + 1; n++) {
        open_rig(&r, false);
        ask(&r, &x);
        nghttp2_submit_response(r.server, r.stream, many, n, NULL);
        carry(&r, 100);
        assert_int_equal(r.end, n > MER_HTTP1_HEADERS_MAX ? MER_HTTP2_BROKEN : MER_HTTP2_WHOLE);
        assert_true(n <= MER_HTTP1_HEADERS_MAX || strcmp(x.error, "head too large") == 0);
        mer_http2_exchange_fini(&x);
        close_rig(&r);
    }
}

static void compressed_ones_are_told_where_they_were_asked_for(void **state)
{
    (void)state;
    struct rig r;
    struct mer_http2_exchange x;
    open_rig(&r, true);
    ask(&r, &x);
    nghttp2_nv head[] = {nv_of((struct header){":status", "200"}),
                         nv_of((struct header){"content-encoding", "gzip"})};
    nghttp2_submit_response(r.server, r.stream, head, 2, NULL);
    carry(&r, 100);
    assert_int_equal(r.end, MER_HTTP2_WHOLE);
    assert_true(x.gzip);
    mer_http2_exchange_fini(&x);
    close_rig(&r);
}

// ---- ends ----

static void a_request_that_was_not_looked_at_is_told_apart(void **state)
{
    (void)state;
    for (int goaway = 0; goaway < 2; goaway++) {
        struct rig r;
        struct mer_http2_exchange x;
        open_rig(&r, false);
        ask(&r, &x);
        if (goaway) {
            nghttp2_submit_goaway(r.server, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, NULL, 0);
        } else {
            nghttp2_submit_rst_stream(r.server, NGHTTP2_FLAG_NONE, r.stream, NGHTTP2_REFUSED_STREAM);
        }
        carry(&r, 1);
        assert_int_equal(r.ended, 1);
        assert_int_equal(r.end, MER_HTTP2_REFUSED);
        assert_int_equal(mer_http2_has_room(r.client), !goaway);
        mer_http2_exchange_fini(&x);
        close_rig(&r);
    }
}

static void there_is_room_for_as_many_as_the_server_takes(void **state)
{
    (void)state;
    struct rig r;
    struct mer_http2_exchange x, y;
    open_rig(&r, false);
    assert_true(mer_http2_has_room(r.client) && !mer_http2_is_settled(r.client)); // for one
    carry(&r, 100);
    assert_true(mer_http2_has_room(r.client) && mer_http2_is_settled(r.client));
    ask(&r, &x);
    r.body_n = 0;
    assert_true(mer_http2_has_room(r.client));
    ask(&r, &y);
    assert_false(mer_http2_has_room(r.client));
    mer_http2_cancel(r.client, &x);
    assert_true(mer_http2_has_room(r.client));
    carry(&r, 100);
    assert_int_equal(r.ended, 0); // who cancels is not told
    nghttp2_nv head[] = {nv_of((struct header){":status", "200"})};
    nghttp2_submit_response(r.server, r.stream, head, 1, NULL);
    carry(&r, 100);
    assert_int_equal(r.ended, 1);
    assert_int_equal(r.end, MER_HTTP2_WHOLE);
    mer_http2_exchange_fini(&x);
    mer_http2_exchange_fini(&y);
    close_rig(&r);
}

static void what_is_no_http2_ends_the_connection(void **state)
{
    (void)state;
    static const char *const said[] = {"HTTP/1.1 400 Bad Request\r\n\r\n", "\0\0\4\4\0\0\0\0\1\0\0\0\0"};
    for (size_t i = 0; i < 2; i++) {
        const struct mer_http2_opts opts = {BODY_MAX, false, on_ended, NULL};
        struct mer_http2 *h = mer_http2_create(&opts);
        const char *why = NULL;
        bool alive = mer_http2_feed(h, mer_slice_make(said[i], i ? 13 : 28), &why);
        struct mer_buf out;
        mer_buf_init(&out, NULL, 0);
        alive = alive && mer_http2_take(h, &out, &why) && mer_http2_has_room(h);
        assert_false(alive);
        mer_buf_fini(&out);
        mer_http2_destroy(h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_what_it_says_or_an_error),
        cmocka_unit_test(a_head_has_limits),
        cmocka_unit_test(compressed_ones_are_told_where_they_were_asked_for),
        cmocka_unit_test(a_request_that_was_not_looked_at_is_told_apart),
        cmocka_unit_test(there_is_room_for_as_many_as_the_server_takes),
        cmocka_unit_test(what_is_no_http2_ends_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
