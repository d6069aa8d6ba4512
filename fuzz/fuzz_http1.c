// SPDX-License-Identifier: MIT
// Answers of servers that lie. The first byte says how the rest is cut into pieces, and whether compressed
// ones are taken; whatever the cut, the
// parser understands the same as when it gets all at once, keeps its limits, and a good answer written again
// as plain content-length is understood as the same.
#include "base/log.h"
#include "resolvers/graphql/client.h"
#include "resolvers/graphql/http1.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BODY_MAX = 4096 };

struct outcome {
    enum mer_http1_result result;
    size_t used;
    struct mer_http1 h;
};

// Pieces lie in memory of their own, so that reading past one is seen.
static void feed(struct outcome *o, struct mer_slice in, size_t piece, bool gzip)
{
    *o = (struct outcome){.result = MER_HTTP1_MORE};
    mer_http1_init(&o->h, BODY_MAX);
    o->h.gzip_allowed = gzip;
    for (size_t at = 0; at < in.n && o->result == MER_HTTP1_MORE;) {
        size_t n = piece < in.n - at ? piece : in.n - at, used = 0;
        char *copy = malloc(n);
        MER_ASSERT(copy);
        memcpy(copy, in.p + at, n);
        o->result = mer_http1_feed(&o->h, mer_slice_make(copy, n), &used);
        free(copy);
        MER_ASSERT(used <= n && (used == n || o->result != MER_HTTP1_MORE));
        o->used += used;
        at += n;
    }
    MER_ASSERT(mer_http1_began(&o->h) == (in.n > 0));
    if (o->result == MER_HTTP1_MORE) {
        o->result = mer_http1_end(&o->h);
    }
    MER_ASSERT(o->result != MER_HTTP1_MORE && o->h.body.n <= BODY_MAX);
    MER_ASSERT((o->result == MER_HTTP1_ERROR) == (o->h.error != NULL));
    MER_ASSERT(o->result == MER_HTTP1_ERROR || (o->h.status >= 200 && o->h.status <= 599));
}

static void compare(const struct outcome *a, const struct outcome *b)
{
    MER_ASSERT(a->result == b->result && a->h.keep_alive == b->h.keep_alive);
    if (a->result == MER_HTTP1_ERROR) {
        MER_ASSERT(strcmp(a->h.error, b->h.error) == 0);
    } else {
        MER_ASSERT(a->used == b->used && a->h.status == b->h.status);
        MER_ASSERT(mer_slice_eq(mer_buf_slice(&a->h.body), mer_buf_slice(&b->h.body)));
    }
}

static void write_again(const struct outcome *o)
{
    struct outcome again;
    struct mer_buf b;
    mer_buf_init(&b, NULL, 0);
    mer_buf_printf(&b, "HTTP/1.1 %d\r\n", o->h.status);
    if (!o->h.keep_alive) {
        mer_buf_add(&b, MER_S("connection: close\r\n"));
    }
    mer_buf_printf(&b, "content-length: %zu\r\n\r\n", o->h.body.n);
    mer_buf_add(&b, mer_buf_slice(&o->h.body));
    feed(&again, mer_buf_slice(&b), b.n, false);
    MER_ASSERT(again.used == b.n);
    again.used = o->used;
    compare(o, &again);
    mer_http1_fini(&again.h);
    mer_buf_fini(&b);
}

// What is handed up of the head: lines that can be cut again.
static void look_at_headers(const struct outcome *a, const struct outcome *b)
{
    struct mer_slice rest = mer_buf_slice(&a->h.headers);
    struct mer_gql_header h;
    MER_ASSERT(a->h.gzip == b->h.gzip && (a->h.gzip_allowed || !a->h.gzip));
    MER_ASSERT(mer_slice_eq(rest, mer_buf_slice(&b->h.headers)));
    while (mer_gql_header_next(&rest, &h)) {
        MER_ASSERT(h.name.n && !memchr(h.name.p, ' ', h.name.n));
    }
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
    compare(&whole, &cut);
    look_at_headers(&whole, &cut);
    if (whole.result == MER_HTTP1_DONE) {
        write_again(&whole);
    }
    mer_http1_fini(&whole.h);
    mer_http1_fini(&cut.h);
    return 0;
}
