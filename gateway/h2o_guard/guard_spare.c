// SPDX-License-Identifier: MIT
// No guard, but in the same place and by the same means: two things that the library's HPACK does again at
// each request although they are known. Without these hooks all is the same, only slower.
//
// Answers. The library puts each header that it sends into the connection's table, and searches that table
// one by one for each header of each answer. Headers that are new every time (server-timing, the length)
// fill it with what is never used again, and push out what is. So those are written here, behind the
// library's own, as literals that no table keeps (RFC 7541 6.2.2).
//
// Requests. A token comes Huffman coded with each request, since clients keep it out of tables (RFC 7541
// 7.1.3); the library decodes it four bits at a time, which is two thirds of what it does for a request. What
// it made of a coded token is remembered with the connection, and the next time the library gets the same
// bytes in clear. Whole tokens are compared, and only what the library itself decoded is ever put in.
#include "gateway/h2o_guard/guard_priv.h"

#include <stdlib.h>

// ---- answers ----

enum {
    TIMING_MAX = 120,                       // longer ones may go the library's way
    LITERAL_MAX = 15 + TIMING_MAX + 3 + 20, // both literals
    HEADERS_ROOM = 16384 - 1024,            // every peer takes frames of 16 KiB
};

static const char timing_name[] = "server-timing";
enum { TIMING_NAME_N = sizeof(timing_name) - 1 };

// The position of server-timing, or -1; *bytes of all headers.
static ssize_t find_timing(const h2o_headers_t *h, size_t *bytes)
{
    ssize_t at = -1;
    *bytes = 0;
    for (size_t i = 0; i < h->size; i++) {
        const h2o_header_t *e = &h->entries[i];
        *bytes += e->name->len + e->value.len + 8;
        if (e->name->len == TIMING_NAME_N && memcmp(e->name->base, timing_name, TIMING_NAME_N) == 0)
            at = (ssize_t)i;
    }
    return at;
}

static size_t write_literals(uint8_t *p, h2o_iovec_t timing, size_t length)
{
    uint8_t *at = p;
    *at++ = 0; // a literal, not indexed, with a name of its own
    *at++ = TIMING_NAME_N;
    memcpy(at, timing_name, TIMING_NAME_N);
    at += TIMING_NAME_N;
    *at++ = (uint8_t)timing.len;
    memcpy(at, timing.base, timing.len);
    at += timing.len;
    if (length != SIZE_MAX) {
        char digits[20];
        size_t n = 0;
        do {
            digits[n++] = (char)('0' + length % 10);
            length /= 10;
        } while (length);
        *at++ = 0x0f; // a literal, not indexed; content-length is the static table's 28th
        *at++ = 28 - 15;
        *at++ = (uint8_t)n;
        while (n)
            *at++ = (uint8_t)digits[--n];
    }
    return (size_t)(at - p);
}

GUARD_HOOK void h2o_hpack_flatten_response(h2o_buffer_t **buf, h2o_hpack_header_table_t *table,
                                           uint32_t stream_id, size_t max_frame_size, h2o_res_t *res,
                                           h2o_timestamp_t *ts, const h2o_iovec_t *server_name,
                                           size_t content_length)
{
    h2o_headers_t *h = &res->headers;
    size_t bytes;
    ssize_t at = find_timing(h, &bytes);
    if (at < 0 || bytes > HEADERS_ROOM || h->entries[at].value.len > TIMING_MAX) {
        mer_guard_real.hpack_flatten(buf, table, stream_id, max_frame_size, res, ts, server_name,
                                     content_length);
        return;
    }
    h2o_header_t timing = h->entries[at];
    h->entries[at] = h->entries[--h->size];
    size_t before = (*buf)->size;
    mer_guard_real.hpack_flatten(buf, table, stream_id, max_frame_size, res, ts, server_name, SIZE_MAX);
    h->entries[h->size++] = timing;
    uint8_t *p = (uint8_t *)h2o_buffer_reserve(buf, LITERAL_MAX).base;
    size_t n = write_literals(p, timing.value, content_length);
    (*buf)->size += n;
    // One HEADERS frame, whose end is the end of what was written: it gets longer.
    uint8_t *frame = (uint8_t *)(*buf)->bytes + before;
    n += (size_t)frame[0] << 16 | (size_t)frame[1] << 8 | frame[2];
    MER_ASSERT(before + GUARD_FRAME_HEAD + n == (*buf)->size);
    frame[0] = (uint8_t)(n >> 16);
    frame[1] = (uint8_t)(n >> 8);
    frame[2] = (uint8_t)n;
}

// ---- requests ----

enum {
    CODED_MAX = 2048,
    CLEAR_MAX = CODED_MAX * 8 / 5, // no code is shorter than five bits
};

struct mer_guard_token {
    size_t coded_n, clear_n;
    uint8_t bytes[]; // coded, clear
};

const uint8_t *mer_guard_token_recall(const struct mer_guard_conn *g, const uint8_t *src, size_t *len,
                                      const struct guard_coded *c, uint8_t *block)
{
    const struct mer_guard_token *t = g->token;
    if (!t || t->coded_n != c->n || memcmp(t->bytes, src + c->at, c->n) != 0 ||
        *len + t->clear_n > GUARD_BLOCK_MAX)
        return src;
    uint8_t *p = block;
    memcpy(p, src, c->length_at);
    p += c->length_at;
    size_t n = t->clear_n;
    if (n < 127) { // RFC 7541 5.1, a prefix of seven bits; the eighth says that it is in clear
        *p++ = (uint8_t)n;
    } else {
        *p++ = 127;
        for (n -= 127; n > 127; n >>= 7)
            *p++ = (uint8_t)(n | 128);
        *p++ = (uint8_t)n;
    }
    memcpy(p, t->bytes + t->coded_n, t->clear_n);
    p += t->clear_n;
    size_t rest = *len - c->at - c->n;
    memcpy(p, src + c->at + c->n, rest);
    *len = (size_t)(p - block) + rest;
    return block;
}

void mer_guard_token_learn(struct mer_guard_conn *g, const uint8_t *coded, size_t coded_n,
                           const h2o_headers_t *headers)
{
    ssize_t at = h2o_find_header(headers, H2O_TOKEN_AUTHORIZATION, -1);
    if (coded_n > CODED_MAX || at < 0 || h2o_find_header(headers, H2O_TOKEN_AUTHORIZATION, at) >= 0)
        return;
    h2o_iovec_t clear = headers->entries[at].value;
    if (clear.len > CLEAR_MAX)
        return;
    struct mer_guard_token *t = g->token;
    if (!t || t->coded_n + t->clear_n < coded_n + clear.len) {
        free(t);
        g->token = t = malloc(sizeof(*t) + coded_n + clear.len);
        MER_ASSERT(t);
    }
    t->coded_n = coded_n;
    t->clear_n = clear.len;
    memcpy(t->bytes, coded, coded_n);
    memcpy(t->bytes + coded_n, clear.base, clear.len);
}
