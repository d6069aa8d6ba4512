// SPDX-License-Identifier: MIT
// graphql-transport-ws on a WebSocket of its own: connection_init, subscribe, then what it tells.
#include "resolvers/graphql/subscribe_priv.h"

#include <stdio.h>

#include "base/json.h"

enum {
    HEAD_MAX = 16384,
    ACCEPT_MS = 10000, // from the connection to its acknowledgement
    PING_MS = 20000,   // a peer that said nothing for two of them is gone
};

static void flush(struct mer_gql_sub *s)
{
    struct mer_buf *out = mer_ws_out(s->ws);
    sub_write(s, mer_buf_slice(out));
    mer_buf_clear(out);
}

static void on_slow(void *owner)
{
    sub_lost(owner, true, "the WebSocket was not accepted in time");
}

static void on_ping(void *owner)
{
    struct mer_gql_sub *s = owner;
    if (!s->heard && !s->busy) {
        sub_lost(s, true, "nothing was heard of it");
        return;
    }
    s->heard = false;
    mer_ws_ping(s->ws);
    flush(s);
    mer_timer_start(s->client->loop, &s->timer, PING_MS, on_ping, s);
}

// ---- messages ----

static void on_ack(struct mer_gql_sub *s)
{
    struct mer_buf b;
    mer_buf_init(&b, NULL, s->opts.body.n + 64);
    mer_buf_add(&b, MER_S("{\"id\":\"1\",\"type\":\"subscribe\",\"payload\":"));
    mer_buf_add(&b, s->opts.body);
    mer_buf_add_char(&b, '}');
    mer_ws_send(s->ws, mer_buf_slice(&b));
    mer_buf_fini(&b);
    s->phase = SUB_WS_OPEN;
    sub_up(s);
    mer_timer_start(s->client->loop, &s->timer, PING_MS, on_ping, s);
}

static void take_message(struct mer_gql_sub *s, const struct mer_json *j)
{
    const struct mer_json_node *root = mer_json_root(j), *type = mer_json_get(j, root, MER_S("type"));
    const struct mer_json_node *payload = mer_json_get(j, root, MER_S("payload"));
    if (!type || type->type != MER_JSON_STRING) {
        mer_ws_close(s->ws, 4400, MER_S("a message needs a type"));
    } else if (mer_json_string_is(j, type, MER_S("connection_ack")) && s->phase == SUB_WS_INIT) {
        on_ack(s);
    } else if (mer_json_string_is(j, type, MER_S("ping"))) {
        mer_ws_send(s->ws, MER_S("{\"type\":\"pong\"}"));
    } else if (s->phase != SUB_WS_OPEN) {
        return;
    } else if (mer_json_string_is(j, type, MER_S("next")) && payload) {
        sub_event(s, MER_NIL, mer_json_raw(j, payload), MER_NIL);
    } else if (mer_json_string_is(j, type, MER_S("error")) && payload) {
        sub_event(s, MER_S("{\"errors\":"), mer_json_raw(j, payload), MER_S("}"));
        sub_complete(s);
    } else if (mer_json_string_is(j, type, MER_S("complete"))) {
        sub_complete(s);
    }
}

static void on_text(void *owner, struct mer_slice text)
{
    struct mer_gql_sub *s = owner;
    struct mer_arena *a = mer_arena_create(0);
    struct mer_json j;
    s->heard = true;
    if (mer_json_parse(a, text, NULL, &j, NULL)) {
        mer_ws_close(s->ws, 4400, MER_S("a message must be JSON"));
    } else {
        take_message(s, &j);
    }
    mer_arena_destroy(a);
}

// ---- the handshake ----

void sub_ws_begin(struct mer_gql_sub *s)
{
    struct mer_buf b;
    mer_ws_key(s->key);
    mer_buf_init(&b, NULL, 512);
    mer_buf_add(&b, MER_S("GET "));
    mer_buf_add(&b, sub_path(s));
    mer_buf_add(&b, MER_S(" HTTP/1.1\r\nhost: "));
    mer_buf_add(&b, s->client->url.authority);
    mer_buf_printf(&b,
                   "\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
                   "sec-websocket-key: %s\r\nsec-websocket-protocol: graphql-transport-ws\r\n",
                   s->key);
    sub_write_headers(s, &b);
    mer_buf_add(&b, MER_S("\r\n"));
    sub_write(s, mer_buf_slice(&b));
    mer_buf_fini(&b);
    mer_timer_start(s->client->loop, &s->timer, ACCEPT_MS, on_slow, s);
}

// A header of the head; nil without it.
static struct mer_slice header(struct mer_slice head, const char *name)
{
    while (head.n) {
        struct mer_slice value = mer_slice_cut(&head, '\n');
        struct mer_slice found = mer_slice_cut(&value, ':');
        if (mer_slice_ieq(found, mer_slice_of(name))) {
            return mer_slice_trim(value);
        }
    }
    return MER_NIL;
}

static bool is_accepted(const struct mer_gql_sub *s, struct mer_slice head)
{
    char expected[32];
    mer_ws_accept(mer_slice_of(s->key), expected);
    return mer_slice_starts(head, MER_S("HTTP/1.1 101")) &&
           mer_slice_ieq(header(head, "upgrade"), MER_S("websocket")) &&
           mer_slice_is(header(head, "sec-websocket-accept"), expected) &&
           mer_slice_is(header(head, "sec-websocket-protocol"), "graphql-transport-ws");
}

// How long the head is; 0: not whole yet.
static size_t take_head(struct mer_gql_sub *s, struct mer_slice bytes)
{
    const char *end = memmem(bytes.p, bytes.n, "\r\n\r\n", 4);
    if (!end) {
        if (bytes.n > HEAD_MAX) {
            sub_lost(s, false, "its answer is no WebSocket's");
        }
        return 0;
    }
    size_t n = (size_t)(end - bytes.p) + 4;
    if (!is_accepted(s, mer_slice_make(bytes.p, n))) {
        char why[80];
        bool http = bytes.n > 12 && mer_slice_starts(bytes, MER_S("HTTP/1.1 "));
        snprintf(why, sizeof(why), "the WebSocket was refused: %.3s", http ? bytes.p + 9 : "?");
        sub_lost(s, http && bytes.p[9] == '5', why);
        return 0;
    }
    const struct mer_ws_opts o = {
        .client = true, .message_max = s->opts.event_bytes, .on_text = on_text, .owner = s};
    mer_ws_destroy(s->ws);
    s->ws = mer_ws_create(&o);
    s->phase = SUB_WS_INIT;
    mer_ws_send(s->ws, MER_S("{\"type\":\"connection_init\"}"));
    flush(s);
    return n;
}

// What its close says: what the protocol calls fatal would be so again.
static bool may_be_tried(uint16_t code)
{
    return code < 4400 || code >= 4500 || code == 4408 || code == 4429;
}

size_t sub_ws_data(struct mer_gql_sub *s, struct mer_slice bytes)
{
    size_t head = s->phase == SUB_WS_HEAD ? take_head(s, bytes) : 0;
    if (!s->stream || s->phase == SUB_WS_HEAD) {
        return 0;
    }
    s->heard = true;
    bool open = mer_ws_feed(s->ws, mer_slice_make(bytes.p + head, bytes.n - head));
    flush(s);
    if (!open && !s->over) {
        uint16_t code = mer_ws_closed_by(s->ws);
        char why[80];
        snprintf(why, sizeof(why), code ? "it closed the WebSocket: %u" : "it broke the protocol (%u)", code);
        sub_lost(s, may_be_tried(code), why);
    }
    return bytes.n;
}
