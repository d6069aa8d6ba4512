// SPDX-License-Identifier: MIT
// Server-sent events of servers that lie. The first byte says into which pieces the rest is cut: whatever the
// cut, the same events are understood, and none is longer than may be.
#include "base/log.h"
#include "resolvers/graphql/sse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EVENT_MAX = 256 };

static void on_event(void *owner, struct mer_slice name, struct mer_slice data)
{
    struct mer_buf *told = owner;
    MER_ASSERT(name.n + data.n > 0 || data.p == NULL || data.n == 0);
    MER_ASSERT(name.n + data.n <= EVENT_MAX);
    mer_buf_printf(told, "%zu:%zu:", name.n, data.n);
    mer_buf_add(told, name);
    mer_buf_add(told, data);
}

// Pieces lie in memory of their own, so that reading past one is seen.
static bool feed(struct mer_buf *told, struct mer_slice in, size_t piece)
{
    struct mer_sse s;
    bool good = true;
    mer_buf_init(told, NULL, 0);
    mer_sse_init(&s, EVENT_MAX, on_event, told);
    for (size_t at = 0; at < in.n && good;) {
        size_t n = piece < in.n - at ? piece : in.n - at;
        char *copy = malloc(n);
        MER_ASSERT(copy);
        memcpy(copy, in.p + at, n);
        good = mer_sse_feed(&s, mer_slice_make(copy, n));
        free(copy);
        at += n;
    }
    mer_sse_fini(&s);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mer_buf whole, cut;
    if (size < 1) {
        return 0;
    }
    struct mer_slice in = mer_slice_make((const char *)data + 1, size - 1);
    bool one = feed(&whole, in, in.n + 1);
    bool two = feed(&cut, in, (size_t)data[0] % 17 + 1);
    MER_ASSERT(one == two);
    MER_ASSERT(!one || mer_slice_eq(mer_buf_slice(&whole), mer_buf_slice(&cut)));
    mer_buf_fini(&whole);
    mer_buf_fini(&cut);
    return 0;
}
