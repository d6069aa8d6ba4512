// SPDX-License-Identifier: MIT
// An answer as these tests write it down: without the `locations` of its errors, which have tests of their
// own.
#ifndef MER_TEST_RESOLVERS_WITHOUT_LOCATIONS_H
#define MER_TEST_RESOLVERS_WITHOUT_LOCATIONS_H

#include <string.h>

#include "base/buf.h"

static inline void without_locations(struct mer_buf *b)
{
    static const char mark[] = ",\"locations\":[";
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (b->n - i > sizeof(mark) && memcmp(b->p + i, mark, sizeof(mark) - 1) == 0) {
            i = (size_t)((const char *)memchr(b->p + i, ']', b->n - i) - b->p);
        } else {
            b->p[n++] = b->p[i];
        }
    }
    b->n = n;
}

#endif
