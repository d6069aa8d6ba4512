// SPDX-License-Identifier: MIT
// What a server may send over HTTP/2. The first byte says how the rest is cut into pieces and whether
// compressed answers are taken; two requests are under way. Each ends at most once, within its limits, and
// what is whole is the same however it is cut. (An empty last CONTINUATION is read with what follows it.)
#include <stdlib.h>

#include "base/log.h"
#include "resolvers/graphql/http2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BODY_MAX = 4096, REQUESTS = 2 };

struct outcome {
    struct mer_http2_exchange x[REQUESTS];
    int ended[REQUESTS];
    enum mer_http2_end end[REQUESTS];
};

static void on_ended(void *owner, struct mer_http2_exchange *x, enum mer_http2_end end)
{
    struct outcome *o = owner;
    size_t i = (size_t)(x - o->x);
    MER_ASSERT(o->ended[i]++ == 0 && x->body.n <= BODY_MAX);
    MER_ASSERT(end != MER_HTTP2_WHOLE || (x->status >= 200 && x->status <= 599));
    o->end[i] = end;
}

static bool send_out(struct mer_http2 *h)
{
    struct mer_buf out;
    const char *why = NULL;
    mer_buf_init(&out, NULL, 0);
    bool alive = mer_http2_take(h, &out, &why);
    mer_buf_fini(&out);
    return alive;
}

static void feed(struct outcome *o, struct mer_slice in, size_t piece, bool gzip)
{
    const struct mer_http2_header headers[] = {{MER_S(":method"), MER_S("POST")},
                                               {MER_S(":scheme"), MER_S("http")},
                                               {MER_S(":authority"), MER_S("a")},
                                               {MER_S(":path"), MER_S("/")}};
    const struct mer_http2_opts opts = {BODY_MAX, gzip, on_ended, o};
    struct mer_http2 *h = mer_http2_create(&opts);
    *o = (struct outcome){0};
    for (size_t i = 0; i < REQUESTS; i++) {
        mer_http2_send(h, &o->x[i], headers, 4, MER_S("{}"));
    }
    bool alive = send_out(h);
    for (size_t at = 0; at < in.n && alive; at += piece) {
        size_t n = piece < in.n - at ? piece : in.n - at;
        const char *why = NULL;
        char *copy = malloc(n); // reading past one is seen
        MER_ASSERT(copy);
        memcpy(copy, in.p + at, n);
        alive = mer_http2_feed(h, mer_slice_make(copy, n), &why);
        free(copy);
    }
    if (alive) {
        send_out(h);
    }
    mer_http2_destroy(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct mer_slice in = mer_slice_make((const char *)data + 1, size - 1);
    struct outcome whole, cut;
    bool gzip = data[0] & 0x80;
    feed(&whole, in, in.n ? in.n : 1, gzip);
    feed(&cut, in, data[0] % 32 + 1u, gzip);
    for (size_t i = 0; i < REQUESTS; i++) {
        bool both = whole.ended[i] && cut.ended[i] && whole.end[i] == MER_HTTP2_WHOLE &&
                    cut.end[i] == MER_HTTP2_WHOLE;
        MER_ASSERT(!both || whole.x[i].status == cut.x[i].status);
        MER_ASSERT(!both || mer_slice_eq(mer_buf_slice(&whole.x[i].body), mer_buf_slice(&cut.x[i].body)));
        mer_http2_exchange_fini(&whole.x[i]);
        mer_http2_exchange_fini(&cut.x[i]);
    }
    return 0;
}
