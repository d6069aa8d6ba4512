// SPDX-License-Identifier: MIT
#include "schema/text.h"

static uint32_t continuation(struct mer_slice s, size_t pos)
{
    if (pos >= s.n)
        return UINT32_MAX;
    unsigned char c = (unsigned char)s.p[pos];
    return (c & 0xC0) == 0x80 ? c & 0x3Fu : UINT32_MAX;
}

uint32_t mer_utf8_decode(struct mer_slice s, size_t pos, uint32_t *cp)
{
    if (pos >= s.n)
        return 0;
    unsigned char c = (unsigned char)s.p[pos];
    if (c < 0x80) {
        *cp = c;
        return 1;
    }
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t len = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
    if (c < 0xC2 || c > 0xF4)
        return 0;
    uint32_t v = c & (0xFFu >> (len + 1));
    for (uint32_t i = 1; i < len; i++) {
        uint32_t part = continuation(s, pos + i);
        if (part == UINT32_MAX)
            return 0;
        v = (v << 6) | part;
    }
    if (v < smallest[len] || v > 0x10FFFF)
        return 0;
    *cp = v;
    return len;
}

uint32_t mer_utf8_len(struct mer_slice s, size_t pos)
{
    uint32_t cp;
    return mer_utf8_decode(s, pos, &cp);
}

uint32_t mer_utf8_encode(uint32_t cp, char out[4])
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xC0 | (cp >> 6));
        out[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xE0 | (cp >> 12));
        out[1] = (char)(0x80 | ((cp >> 6) & 0x3F));
        out[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | (cp >> 18));
    out[1] = (char)(0x80 | ((cp >> 12) & 0x3F));
    out[2] = (char)(0x80 | ((cp >> 6) & 0x3F));
    out[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

size_t mer_utf16_len(struct mer_slice s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c & 0xC0) != 0x80)
            n += c >= 0xF0 ? 2 : 1;
    }
    return n;
}

struct mer_slice mer_utf8_cut(struct mer_slice s, size_t max)
{
    if (s.n <= max)
        return s;
    while (max && ((unsigned char)s.p[max] & 0xC0) == 0x80)
        max--;
    return mer_slice_make(s.p, max);
}
