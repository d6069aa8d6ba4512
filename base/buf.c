// SPDX-License-Identifier: MIT
#include "base/buf.h"

#include "base/mem_priv.h"

#include <stdarg.h>
#include <stdio.h>

static void set_cap(struct mer_buf *b, size_t cap)
{
    if (b->a) {
        char *p = mer_arena_bytes(b->a, cap);
        if (b->n)
            // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker)
            memcpy(p, b->p, b->n);
        b->p = p;
    } else {
        b->p = mer_mem_realloc(b->p, cap);
    }
    b->cap = cap;
}

void mer_buf_init(struct mer_buf *b, struct mer_arena *a, size_t hint_bytes)
{
    *b = (struct mer_buf){.a = a};
    if (hint_bytes)
        set_cap(b, hint_bytes);
}

void mer_buf_fini(struct mer_buf *b)
{
    if (!b->a)
        free(b->p);
    *b = (struct mer_buf){.a = b->a};
}

void mer_buf_clear(struct mer_buf *b)
{
    b->n = 0;
}

char *mer_buf_grow(struct mer_buf *b, size_t n)
{
    size_t need = mer_mem_add(b->n, n), cap = mer_mem_add(b->cap, b->cap);
    if (cap < 64)
        cap = 64;
    set_cap(b, need > cap ? need : cap);
    return b->p + b->n;
}

void mer_buf_add_cstr(struct mer_buf *b, const char *s)
{
    mer_buf_add(b, mer_slice_of(s));
}

void mer_buf_add_digits(struct mer_buf *b, uint64_t v, unsigned width)
{
    unsigned n = 1;
    for (uint64_t rest = v; rest >= 10; rest /= 10)
        n++;
    width = width > 20 ? 20 : width;
    n = n < width ? width : n;
    char *end = mer_buf_reserve(b, n) + n;
    for (unsigned i = 0; i < n; i++) {
        *--end = (char)('0' + v % 10);
        v /= 10;
    }
    b->n += n;
}

void mer_buf_add_u64(struct mer_buf *b, uint64_t v)
{
    mer_buf_add_digits(b, v, 1);
}

void mer_buf_add_i64(struct mer_buf *b, int64_t v)
{
    if (v < 0)
        mer_buf_add_char(b, '-');
    mer_buf_add_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void mer_buf_add_thousandths(struct mer_buf *b, int64_t v)
{
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    if (v < 0)
        mer_buf_add_char(b, '-');
    mer_buf_add_u64(b, u / 1000);
    mer_buf_add_char(b, '.');
    mer_buf_add_digits(b, u % 1000, 3);
}

void mer_buf_printf(struct mer_buf *b, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    size_t room = b->cap - b->n;
    int n = vsnprintf(room ? b->p + b->n : NULL, room, fmt, args);
    va_end(args);
    if (n < 0)
        abort();
    if ((size_t)n >= room)
        vsnprintf(mer_buf_reserve(b, (size_t)n + 1), (size_t)n + 1, fmt, again);
    va_end(again);
    b->n += (size_t)n;
}
