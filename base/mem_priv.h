// SPDX-License-Identifier: MIT
// Heap for base/ itself: out of memory aborts, sizes are checked before they wrap. Any thread.
#ifndef MER_BASE_MEM_PRIV_H
#define MER_BASE_MEM_PRIV_H

#include <stdlib.h>

static inline void *mer_mem_realloc(void *old, size_t n)
{
    void *p = realloc(old, n ? n : 1);
    if (!p)
        abort();
    return p;
}

static inline size_t mer_mem_add(size_t a, size_t b)
{
    size_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        abort();
    return sum;
}

#endif
