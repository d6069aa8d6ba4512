// SPDX-License-Identifier: MIT
#include "resolvers/graphql/ws.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <wslay/wslay.h>

#include "base/log.h"

#define REASON_MAX 123u // bytes: a control frame has no room for more

struct mer_ws {
    struct mer_ws_opts opts;
    wslay_event_context_ptr frames;
    struct mer_slice in; // what is being fed
    struct mer_buf out;
    bool closing; // by us
};

// ---- for libwslay ----

static ssize_t take_in(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, int flags, void *owner)
{
    struct mer_ws *w = owner;
    (void)flags;
    if (w->in.n == 0) {
        wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    size_t n = len < w->in.n ? len : w->in.n;
    memcpy(buf, w->in.p, n);
    w->in = mer_slice_make(w->in.p + n, w->in.n - n);
    return (ssize_t)n;
}

static ssize_t put_out(wslay_event_context_ptr ctx, const uint8_t *data, size_t len, int flags, void *owner)
{
    struct mer_ws *w = owner;
    (void)ctx;
    (void)flags;
    mer_buf_add(&w->out, mer_slice_make((const char *)data, len));
    return (ssize_t)len;
}

static int make_mask(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, void *owner)
{
    (void)ctx;
    (void)owner;
    return RAND_bytes(buf, (int)len) == 1 ? 0 : -1;
}

static void on_message(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *m, void *owner)
{
    struct mer_ws *w = owner;
    (void)ctx;
    if (w->closing) {
        return;
    }
    if (m->opcode == WSLAY_TEXT_FRAME) {
        w->opts.on_text(w->opts.owner, mer_slice_make((const char *)m->msg, m->msg_length));
    } else if (m->opcode == WSLAY_BINARY_FRAME) {
        mer_ws_close(w, MER_WS_UNACCEPTABLE, MER_S("text is expected"));
    }
}

// ---- face ----

struct mer_ws *mer_ws_create(const struct mer_ws_opts *opts)
{
    const struct wslay_event_callbacks how = {.recv_callback = take_in,
                                              .send_callback = put_out,
                                              .genmask_callback = make_mask,
                                              .on_msg_recv_callback = on_message};
    struct mer_ws *w = calloc(1, sizeof(*w));
    MER_ASSERT(w);
    w->opts = *opts;
    mer_buf_init(&w->out, NULL, 0);
    int failed = opts->client ? wslay_event_context_client_init(&w->frames, &how, w)
                              : wslay_event_context_server_init(&w->frames, &how, w);
    MER_ASSERT(!failed);
    wslay_event_config_set_max_recv_msg_length(w->frames, opts->message_max);
    return w;
}

void mer_ws_destroy(struct mer_ws *w)
{
    if (w) {
        wslay_event_context_free(w->frames);
        mer_buf_fini(&w->out);
        free(w);
    }
}

// What stands in its queue goes to `out` at once.
static bool flush(struct mer_ws *w)
{
    return wslay_event_send(w->frames) == 0;
}

bool mer_ws_feed(struct mer_ws *w, struct mer_slice bytes)
{
    w->in = bytes;
    bool good = wslay_event_recv(w->frames) == 0;
    w->in = MER_NIL;
    good = flush(w) && good;
    return good && !w->closing && wslay_event_get_read_enabled(w->frames) &&
           !wslay_event_get_close_received(w->frames) && !wslay_event_get_close_sent(w->frames);
}

void mer_ws_send(struct mer_ws *w, struct mer_slice text)
{
    const struct wslay_event_msg m = {WSLAY_TEXT_FRAME, (const uint8_t *)text.p, text.n};
    if (wslay_event_queue_msg(w->frames, &m) == 0) {
        (void)flush(w);
    }
}

void mer_ws_ping(struct mer_ws *w)
{
    const struct wslay_event_msg m = {WSLAY_PING, NULL, 0};
    if (wslay_event_queue_msg(w->frames, &m) == 0) {
        (void)flush(w);
    }
}

void mer_ws_close(struct mer_ws *w, uint16_t code, struct mer_slice reason)
{
    size_t n = reason.n < REASON_MAX ? reason.n : REASON_MAX;
    if (!w->closing && wslay_event_queue_close(w->frames, code, (const uint8_t *)reason.p, n) == 0) {
        (void)flush(w);
    }
    w->closing = true;
}

struct mer_buf *mer_ws_out(struct mer_ws *w)
{
    return &w->out;
}

uint16_t mer_ws_closed_by(const struct mer_ws *w)
{
    return wslay_event_get_close_received(w->frames) ? wslay_event_get_status_code_received(w->frames) : 0;
}

// ---- the handshake ----

void mer_ws_accept(struct mer_slice key, char *out)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[SHA_DIGEST_LENGTH], text[64 + sizeof(guid)];
    size_t n = key.n < 64 ? key.n : 64;
    memcpy(text, key.p, n);
    memcpy(text + n, guid, sizeof(guid) - 1);
    SHA1(text, n + sizeof(guid) - 1, digest);
    EVP_EncodeBlock((unsigned char *)out, digest, sizeof(digest));
}

void mer_ws_key(char *out)
{
    unsigned char bytes[16];
    MER_ASSERT(RAND_bytes(bytes, sizeof(bytes)) == 1);
    EVP_EncodeBlock((unsigned char *)out, bytes, sizeof(bytes));
}
