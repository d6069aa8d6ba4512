// SPDX-License-Identifier: MIT
// Buf: bytes that grow, on an arena (a != NULL; never freed one by one) or on the heap (a == NULL;
// mer_buf_fini). Belongs to one thread. Growing doubles; a buf on an exhausted arena goes on growing, see
// base/arena.h.
#ifndef MER_BASE_BUF_H
#define MER_BASE_BUF_H

#include "base/arena.h"

struct mer_buf {
    char *p;
    size_t n;
    /* private */
    size_t cap;
    struct mer_arena *a;
};

void mer_buf_init(struct mer_buf *b, struct mer_arena *a, size_t hint_bytes);
void mer_buf_fini(struct mer_buf *b);
void mer_buf_clear(struct mer_buf *b);
// What mer_buf_reserve does when there is no room.
char *mer_buf_grow(struct mer_buf *b, size_t n);

// Room for at least n more bytes; returns where they start. Then b->n += used.
static inline char *mer_buf_reserve(struct mer_buf *b, size_t n)
{
    return b->p && n <= b->cap - b->n ? b->p + b->n : mer_buf_grow(b, n);
}

static inline void mer_buf_add(struct mer_buf *b, struct mer_slice s)
{
    if (s.n) {
        memcpy(mer_buf_reserve(b, s.n), s.p, s.n);
        b->n += s.n;
    }
}

static inline void mer_buf_add_char(struct mer_buf *b, char c)
{
    *mer_buf_reserve(b, 1) = c;
    b->n++;
}

void mer_buf_add_cstr(struct mer_buf *b, const char *s);
void mer_buf_add_u64(struct mer_buf *b, uint64_t v);
void mer_buf_add_i64(struct mer_buf *b, int64_t v);
// With zeros in front up to this many digits (at most 20).
void mer_buf_add_digits(struct mer_buf *b, uint64_t v, unsigned width);
// A number of thousandths as a decimal with three places: 12345 is 12.345.
void mer_buf_add_thousandths(struct mer_buf *b, int64_t v);
void mer_buf_printf(struct mer_buf *b, const char *fmt, ...) MER_PRINTF(2, 3);

static inline struct mer_slice mer_buf_slice(const struct mer_buf *b)
{
    return (struct mer_slice){b->p, b->n};
}

#endif
