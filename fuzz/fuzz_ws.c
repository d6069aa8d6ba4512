// SPDX-License-Identifier: MIT
// WebSocket frames of peers that lie, read by both sides. The first byte says who reads and into which pieces
// the rest is cut: whatever the cut, the same messages are understood. (When a close with a bad reason is
// noticed depends on the cut.) What one side writes of the messages that came, the other reads again.
#include "base/log.h"
#include "resolvers/graphql/ws.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MESSAGE_MAX = 512 };

static void on_text(void *owner, struct mer_slice text)
{
    struct mer_buf *told = owner;
    MER_ASSERT(text.n <= MESSAGE_MAX);
    mer_buf_printf(told, "%zu:", text.n);
    mer_buf_add(told, text);
}

struct outcome {
    struct mer_buf told;
    bool open;
    size_t out;
};

static void feed(struct outcome *o, struct mer_slice in, size_t piece, bool client)
{
    mer_buf_init(&o->told, NULL, 0);
    const struct mer_ws_opts opts = {
        .client = client, .message_max = MESSAGE_MAX, .on_text = on_text, .owner = &o->told};
    struct mer_ws *w = mer_ws_create(&opts);
    o->open = true;
    for (size_t at = 0; at < in.n && o->open;) {
        size_t n = piece < in.n - at ? piece : in.n - at;
        char *copy = malloc(n);
        MER_ASSERT(copy);
        memcpy(copy, in.p + at, n);
        o->open = mer_ws_feed(w, mer_slice_make(copy, n));
        free(copy);
        at += n;
    }
    MER_ASSERT(!o->open || mer_ws_closed_by(w) == 0);
    o->out = mer_ws_out(w)->n;
    mer_ws_destroy(w);
}

// Sends what is there as one message to the other side, if it may be sent at all.
static void write_again(struct mer_slice text, bool client)
{
    struct mer_buf told;
    mer_buf_init(&told, NULL, 0);
    const struct mer_ws_opts from = {
        .client = client, .message_max = MESSAGE_MAX, .on_text = on_text, .owner = &told};
    struct mer_ws_opts to = from;
    to.client = !client;
    to.message_max = SIZE_MAX / 2;
    struct mer_ws *a = mer_ws_create(&from), *b = mer_ws_create(&to);
    text.n = text.n < MESSAGE_MAX ? text.n : MESSAGE_MAX;
    for (size_t i = 0; i < text.n; i++) {
        text.n = (unsigned char)text.p[i] >= 0x80 ? i : text.n; // up to what is no ASCII
    }
    mer_ws_ping(a);
    mer_ws_send(a, text);
    MER_ASSERT(mer_ws_feed(b, mer_buf_slice(mer_ws_out(a))));
    MER_ASSERT(told.n >= text.n && memcmp(told.p + told.n - text.n, text.n ? text.p : "", text.n) == 0);
    mer_ws_destroy(a);
    mer_ws_destroy(b);
    mer_buf_fini(&told);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole, cut;
    if (size < 1) {
        return 0;
    }
    struct mer_slice in = mer_slice_make((const char *)data + 1, size - 1);
    bool client = data[0] & 128;
    feed(&whole, in, in.n + 1, client);
    feed(&cut, in, (size_t)data[0] % 17 + 1, client);
    MER_ASSERT(mer_slice_eq(mer_buf_slice(&whole.told), mer_buf_slice(&cut.told)));
    write_again(in, client);
    mer_buf_fini(&whole.told);
    mer_buf_fini(&cut.told);
    return 0;
}
