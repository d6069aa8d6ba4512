// SPDX-License-Identifier: MIT
// HTTP/1.1 answers, read strictly and without I/O (RFC 9112): status line, headers, then a body by content-length,
// by chunks or up to the end of the connection. Interim (1xx) answers are passed over, a few of them. Whatever two
// readers could understand differently is an error: content-length beside transfer-encoding, two lengths, folded
// headers, bare line feeds, other codings than chunked. One parser an answer; one thread.
#ifndef MER_RESOLVERS_GRAPHQL_HTTP1_H
#define MER_RESOLVERS_GRAPHQL_HTTP1_H

#include "base/buf.h"

enum { MER_HTTP1_HEAD_MAX = 65536, MER_HTTP1_HEADERS_MAX = 100, MER_HTTP1_INTERIM_MAX = 8 };

enum mer_http1_result { MER_HTTP1_MORE = 0, MER_HTTP1_DONE = 1, MER_HTTP1_ERROR = 2 };

struct mer_http1 {
    int status;
    bool keep_alive;   // the connection may be used again
    struct mer_buf body;
    const char *error; // static text
    /* private */
    size_t body_max;
    uint8_t state;
    uint8_t interim_n;
    bool chunked, has_length;
    uint64_t left;     // of the body or chunk
    uint32_t digits;   // of the chunk's size
    struct mer_buf head;
};

// The body and the head lie on the heap: mer_http1_fini, or take the body (its p becomes the caller's to free).
void mer_http1_init(struct mer_http1 *h, size_t body_max_bytes);
void mer_http1_fini(struct mer_http1 *h);
// Takes bytes as they come; *used tells how many belonged to this answer.
enum mer_http1_result mer_http1_feed(struct mer_http1 *h, struct mer_slice bytes, size_t *used);
// The peer closed. DONE when that is a proper end of the body.
enum mer_http1_result mer_http1_end(struct mer_http1 *h);
// Did any byte of an answer come?
bool mer_http1_began(const struct mer_http1 *h);

#endif
