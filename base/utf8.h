// SPDX-License-Identifier: MIT
// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. Any thread, no state.
#ifndef MER_BASE_UTF8_H
#define MER_BASE_UTF8_H

#include "base/slice.h"

static inline bool mer_utf8_tail(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

// Length of the well-formed sequence at p (1..4), 0 when there is none. `left` bytes may be read, at least
// one.
static inline size_t mer_utf8_seq(const char *text, size_t left)
{
    const unsigned char *p = (const unsigned char *)text;
    unsigned char c = p[0];
    if (c < 0x80)
        return 1;
    if (c < 0xC2 || left < 2 || !mer_utf8_tail(p[1]))
        return 0;
    if (c < 0xE0)
        return 2;
    if (left < 3 || !mer_utf8_tail(p[2]))
        return 0;
    if (c < 0xF0) {
        bool overlong = c == 0xE0 && p[1] < 0xA0, surrogate = c == 0xED && p[1] >= 0xA0;
        return overlong || surrogate ? 0 : 3;
    }
    if (c > 0xF4 || left < 4 || !mer_utf8_tail(p[3]))
        return 0;
    bool overlong = c == 0xF0 && p[1] < 0x90, too_high = c == 0xF4 && p[1] >= 0x90;
    return overlong || too_high ? 0 : 4;
}

static inline bool mer_utf8_valid(struct mer_slice s)
{
    for (size_t i = 0; i < s.n;) {
        size_t n = mer_utf8_seq(s.p + i, s.n - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

// Writes a code point (a scalar value up to U+10FFFF); returns its length.
static inline size_t mer_utf8_put(char out[4], uint32_t cp)
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xC0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xE0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        out[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3F));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3F));
    out[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

#endif
