// SPDX-License-Identifier: MIT
// Shared by the scanner and the writer of JSON strings. Any thread, no state.
#ifndef MER_BASE_JSON_PRIV_H
#define MER_BASE_JSON_PRIV_H

#include <stddef.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

// First byte in [p, end) that a JSON string cannot hold as it is: a quote, a backslash, a control byte, or
// one of a sequence beyond ASCII (which the caller checks). `end` when there is none.
static inline const char *mer_json_plain_end(const char *p, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), space = _mm_set1_epi8(0x20);
    while (end - p >= 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        // Signed comparison: bytes from 0x80 up are negative and so below the space, as the control bytes
        // are.
        __m128i stop = _mm_or_si128(_mm_cmplt_epi8(v, space),
                                    _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash)));
        unsigned mask = (unsigned)_mm_movemask_epi8(stop);
        if (mask)
            return p + __builtin_ctz(mask);
        p += 16;
    }
#endif
    while (p < end && (unsigned char)(*p - 0x20) < 0x60 && *p != '"' && *p != '\\')
        p++;
    return p;
}

static inline unsigned mer_json_hex(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a' + 10);
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A' + 10);
    return 16;
}

#endif
