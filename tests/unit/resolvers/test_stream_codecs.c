// SPDX-License-Identifier: MIT
// Server-sent events and WebSocket frames from bytes, whole and cut anywhere.
#include "mer_test.h"

#include <stdio.h>

#include "resolvers/graphql/sse.h"
#include "resolvers/graphql/ws.h"

// ---- server-sent events ----

static void on_event(void *owner, struct mer_slice name, struct mer_slice data)
{
    mer_buf_printf(owner, "[%.*s|%.*s]", MER_FMT(name), MER_FMT(data));
}

static bool read_events(struct mer_slice in, size_t first, size_t max, struct mer_buf *told)
{
    struct mer_sse s;
    mer_buf_init(told, NULL, 0);
    mer_sse_init(&s, max, on_event, told);
    bool good = mer_sse_feed(&s, mer_slice_make(in.p, first)) &&
                mer_sse_feed(&s, mer_slice_make(in.p + first, in.n - first));
    mer_sse_fini(&s);
    return good;
}

static void check_events(const char *in, const char *want)
{
    struct mer_slice text = mer_slice_of(in);
    for (size_t cut = 0; cut <= text.n; cut++) {
        struct mer_buf told;
        assert_true(read_events(text, cut, 1000, &told));
        mer_assert_slice(mer_buf_slice(&told), want);
        mer_buf_fini(&told);
    }
}

static void events_are_read(void **state)
{
    (void)state;
    check_events("event: next\ndata: {}\n\n", "[next|{}]");
    check_events("event:next\r\ndata:{\r\ndata: 1}\r\n\r\nevent: complete\r\ndata:\r\n\r\n",
                 "[next|{\n1}][complete|]");
    check_events("data: a\r\rdata: b\r\r", "[|a][|b]");
    check_events(":comment\n\nid: 7\nretry: 3\nother\ndata: x\n\n", "[|x]");
    check_events("\xef\xbb\xbf"
                 "data: x\n\n",
                 "[|x]");
    check_events("event: next\ndata: half", "");
    check_events("event: one\nevent: two\ndata:  x \n\n", "[two| x ]");
}

static void long_events_are_refused(void **state)
{
    (void)state;
    struct mer_buf told;
    assert_false(read_events(MER_S("data: 0123456789"), 4, 12, &told));
    mer_buf_fini(&told);
    assert_false(read_events(MER_S("data: 01\ndata: 23\ndata: 45\n\n"), 4, 12, &told));
    mer_buf_fini(&told);
    assert_true(read_events(MER_S("data: 01\n\ndata: 23\n\ndata: 45\n\n"), 4, 12, &told));
    mer_assert_slice(mer_buf_slice(&told), "[|01][|23][|45]");
    mer_buf_fini(&told);
}

// ---- frames ----

struct side {
    struct mer_ws *ws;
    struct mer_buf told;
};

static void on_text(void *owner, struct mer_slice text)
{
    struct side *s = owner;
    mer_buf_printf(&s->told, "[%.*s]", MER_FMT(text));
    if (mer_slice_is(text, "close me")) {
        mer_ws_close(s->ws, 4400, MER_S("as you wish"));
    }
}

static void begin(struct side *s, bool client)
{
    mer_buf_init(&s->told, NULL, 0);
    s->ws = mer_ws_create(
        &(struct mer_ws_opts){.client = client, .message_max = 100, .on_text = on_text, .owner = s});
}

static void end(struct side *s)
{
    mer_ws_destroy(s->ws);
    mer_buf_fini(&s->told);
}

// A server reads the bytes; told: messages, what is left open, and the code of its own close.
static void check_frames(struct mer_slice in, const char *want, bool open, int code)
{
    for (size_t cut = 0; cut <= in.n; cut++) {
        struct side s;
        begin(&s, false);
        bool stays = mer_ws_feed(s.ws, mer_slice_make(in.p, cut));
        stays = stays && mer_ws_feed(s.ws, mer_slice_make(in.p + cut, in.n - cut));
        mer_assert_slice(mer_buf_slice(&s.told), want);
        assert_int_equal(stays, open);
        const struct mer_buf *out = mer_ws_out(s.ws);
        if (code) {
            const unsigned char *p = (const unsigned char *)out->p;
            assert_true(out->n >= 4 && p[0] == 0x88);
            assert_int_equal(p[2] << 8 | p[3], code);
        }
        end(&s);
    }
}

#define MASK "\x01\x02\x03\x04"

static void frames_are_read(void **state)
{
    (void)state;
    check_frames(MER_S("\x81\x82" MASK "ik"), "[hi]", true, 0);
    check_frames(MER_S("\x01\x81" MASK "i"
                       "\x89\x80" MASK "\x80\x81" MASK "h"),
                 "[hi]", true, 0); // a ping between fragments
    check_frames(MER_S("\x81\x80" MASK), "[]", true, 0);
    check_frames(MER_S("\x88\x82" MASK "\x02\xea"), "", false, 1000); // a close is answered
}

static void wrong_frames_end_the_connection(void **state)
{
    (void)state;
    check_frames(MER_S("\x81\x02hi"), "", false, 1002);                // not masked
    check_frames(MER_S("\xc1\x82" MASK "ik"), "", false, 1002);        // a reserved bit
    check_frames(MER_S("\x83\x82" MASK "ik"), "", false, 1002);        // an unknown opcode
    check_frames(MER_S("\x80\x82" MASK "ik"), "", false, 1002);        // goes on with nothing
    check_frames(MER_S("\x82\x82" MASK "ik"), "", false, 1003);        // binary
    check_frames(MER_S("\x81\x81" MASK "\xfe"), "", false, 1007);      // no UTF-8
    check_frames(MER_S("\x81\xfe\x00\x80" MASK "x"), "", false, 1009); // too long
    check_frames(MER_S("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff" MASK "x"), "", false, 1009);
}

static void sides_understand_each_other(void **state)
{
    (void)state;
    struct side client, server;
    begin(&client, true);
    begin(&server, false);
    mer_ws_send(client.ws, MER_S("one"));
    mer_ws_ping(client.ws);
    mer_ws_send(client.ws, MER_S("two"));
    assert_true(mer_ws_feed(server.ws, mer_buf_slice(mer_ws_out(client.ws))));
    mer_assert_slice(mer_buf_slice(&server.told), "[one][two]");
    mer_buf_clear(mer_ws_out(client.ws));
    assert_true(mer_ws_feed(client.ws, mer_buf_slice(mer_ws_out(server.ws)))); // the pong
    mer_buf_clear(mer_ws_out(server.ws));
    mer_ws_send(client.ws, MER_S("close me"));
    mer_ws_send(client.ws, MER_S("never told"));
    assert_false(mer_ws_feed(server.ws, mer_buf_slice(mer_ws_out(client.ws))));
    mer_assert_slice(mer_buf_slice(&server.told), "[one][two][close me]");
    assert_false(mer_ws_feed(client.ws, mer_buf_slice(mer_ws_out(server.ws))));
    assert_int_equal(mer_ws_closed_by(client.ws), 4400);
    end(&client);
    end(&server);
}

// RFC 6455 1.3.
static void the_handshake_is_the_protocols(void **state)
{
    (void)state;
    char accept[32], key[32];
    mer_ws_accept(MER_S("dGhlIHNhbXBsZSBub25jZQ=="), accept);
    mer_assert_slice(mer_slice_of(accept), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    mer_ws_key(key);
    assert_int_equal(strlen(key), 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_read),
        cmocka_unit_test(long_events_are_refused),
        cmocka_unit_test(frames_are_read),
        cmocka_unit_test(wrong_frames_end_the_connection),
        cmocka_unit_test(sides_understand_each_other),
        cmocka_unit_test(the_handshake_is_the_protocols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
