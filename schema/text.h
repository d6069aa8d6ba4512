// SPDX-License-Identifier: MIT
// Unicode in this room: UTF-8 one character at a time, and the length that the field's tools count in (UTF-16
// units). Any thread, no state.
#ifndef MER_SCHEMA_TEXT_H
#define MER_SCHEMA_TEXT_H

#include "base/slice.h"

#include <stdio.h>

// Bytes of the well-formed sequence at `pos` and its code point, or 0. Surrogates written as three bytes are
// decoded, so that messages can name them; mer_unicode_is_scalar refuses them.
uint32_t mer_utf8_decode(struct mer_slice s, size_t pos, uint32_t *cp);
uint32_t mer_utf8_len(struct mer_slice s, size_t pos);
// Writes 1 to 4 bytes, returns how many.
uint32_t mer_utf8_encode(uint32_t cp, char out[4]);
// Length in UTF-16 units.
size_t mer_utf16_len(struct mer_slice s);
// The longest prefix of at most `max` bytes that ends between characters.
struct mer_slice mer_utf8_cut(struct mer_slice s, size_t max);

static inline bool mer_unicode_is_scalar(uint32_t cp)
{
    return cp <= 0xD7FF || (cp >= 0xE000 && cp <= 0x10FFFF);
}

#endif
