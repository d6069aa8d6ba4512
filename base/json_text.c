// SPDX-License-Identifier: MIT
// Strings and numbers of JSON, between their text and their value.
#include "base/json.h"
#include "base/json_priv.h"
#include "base/utf8.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static uint32_t unit_at(const char *p)
{
    return mer_json_hex(p[0]) << 12 | mer_json_hex(p[1]) << 8 | mer_json_hex(p[2]) << 4 | mer_json_hex(p[3]);
}

// The escape at p (a backslash) of a valid string: writes what it stands for, returns how many bytes it took.
static size_t decode_escape(const char *p, char out[4], size_t *out_n)
{
    *out_n = 1;
    switch (p[1]) {
    case 'b':
        out[0] = '\b';
        return 2;
    case 'f':
        out[0] = '\f';
        return 2;
    case 'n':
        out[0] = '\n';
        return 2;
    case 'r':
        out[0] = '\r';
        return 2;
    case 't':
        out[0] = '\t';
        return 2;
    case 'u':
        break;
    default:
        out[0] = p[1];
        return 2;
    }
    uint32_t cp = unit_at(p + 2);
    size_t taken = 6;
    if (cp >= 0xD800 && cp <= 0xDBFF) {
        cp = 0x10000 + ((cp - 0xD800) << 10) + (unit_at(p + 8) - 0xDC00);
        taken = 12;
    }
    *out_n = mer_utf8_put(out, cp);
    return taken;
}

struct mer_slice mer_json_unescape(struct mer_arena *a, struct mer_slice inner)
{
    // An escape is never shorter than what it stands for.
    char *out = mer_arena_bytes(a, inner.n);
    size_t n = 0;
    const char *p = inner.p, *end = inner.p ? inner.p + inner.n : NULL;
    while (p < end) {
        const char *next = memchr(p, '\\', (size_t)(end - p));
        size_t run = (size_t)((next ? next : end) - p);
        memcpy(out + n, p, run);
        n += run;
        p += run;
        if (next) {
            char bytes[4];
            size_t bytes_n;
            p += decode_escape(p, bytes, &bytes_n);
            memcpy(out + n, bytes, bytes_n);
            n += bytes_n;
        }
    }
    return mer_slice_make(out, n);
}

static struct mer_slice inner_of(const struct mer_json *j, const struct mer_json_node *n)
{
    return mer_slice_make(j->text.p + n->offset + 1, n->len - 2);
}

struct mer_slice mer_json_string(struct mer_arena *a, const struct mer_json *j, const struct mer_json_node *n)
{
    struct mer_slice inner = inner_of(j, n);
    return n->escaped ? mer_json_unescape(a, inner) : inner;
}

static bool escaped_is(struct mer_slice inner, struct mer_slice text)
{
    while (inner.n) {
        char bytes[4] = {inner.p[0]};
        size_t bytes_n = 1, taken = 1;
        if (inner.p[0] == '\\')
            taken = decode_escape(inner.p, bytes, &bytes_n);
        if (text.n < bytes_n || memcmp(text.p, bytes, bytes_n) != 0)
            return false;
        inner = mer_slice_make(inner.p + taken, inner.n - taken);
        text = mer_slice_make(text.p + bytes_n, text.n - bytes_n);
    }
    return text.n == 0;
}

bool mer_json_string_is(const struct mer_json *j, const struct mer_json_node *n, struct mer_slice text)
{
    if (!n || n->type != MER_JSON_STRING)
        return false;
    struct mer_slice inner = inner_of(j, n);
    return n->escaped ? escaped_is(inner, text) : mer_slice_eq(inner, text);
}

static void write_escape(struct mer_buf *b, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char letters[] = "btn\0fr"; // 8, 9, 10, 12, 13
    char *p = mer_buf_reserve(b, 6);
    p[0] = '\\';
    if (c >= 8 && c <= 13 && c != 11) {
        p[1] = letters[c - 8];
        b->n += 2;
    } else if (c >= 0x20) {
        p[1] = (char)c;
        b->n += 2;
    } else {
        p[1] = 'u';
        p[2] = p[3] = '0';
        p[4] = hex[c >> 4];
        p[5] = hex[c & 15];
        b->n += 6;
    }
}

void mer_json_write_string(struct mer_buf *b, struct mer_slice s)
{
    const char *p = s.n ? s.p : "", *end = p + s.n;
    mer_buf_reserve(b, s.n + 2);
    mer_buf_add_char(b, '"');
    while (p < end) {
        // Whole runs: everything that needs no escape, sequences beyond ASCII included.
        const char *run = p;
        size_t seq = 1;
        while ((p = mer_json_plain_end(p, end)) < end && (unsigned char)*p >= 0x80) {
            seq = mer_utf8_seq(p, (size_t)(end - p));
            if (seq == 0)
                break;
            p += seq;
        }
        mer_buf_add(b, mer_slice_make(run, (size_t)(p - run)));
        if (p == end)
            break;
        if (seq == 0)
            mer_buf_add(b, MER_S("\xEF\xBF\xBD"));
        else
            write_escape(b, (unsigned char)*p);
        p++;
    }
    mer_buf_add_char(b, '"');
}

void mer_json_write_double(struct mer_buf *b, double v)
{
    if (!isfinite(v)) {
        mer_buf_add(b, MER_S("null"));
        return;
    }
    char text[32];
    // 15 digits are always enough to be exact for a text that had no more; subnormal numbers have fewer.
    int digits = fabs(v) < DBL_MIN ? 1 : 15;
    do {
        snprintf(text, sizeof(text), "%.*g", digits, v);
    } while (strtod(text, NULL) != v && ++digits <= 17);
    mer_buf_add_cstr(b, text);
}
