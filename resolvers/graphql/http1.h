// SPDX-License-Identifier: MIT
// HTTP/1.1 answers, read strictly and without I/O (RFC 9112): status line, headers, then a body by
// content-length, by chunks or up to the end of the connection. Interim (1xx) answers are passed over, a few
// of them; so are chunk extensions and trailers. Whatever two readers could understand differently is an
// error: content-length beside transfer-encoding, two lengths, a length where no body may be, chunks in
// HTTP/1.0, folded headers, bare line feeds and carriage returns, other codings than chunked. Everything that
// grows by what the peer sends has a limit, and an error is told at the first byte that makes it one: nobody
// waits for the end of what is no answer.
//
// One parser an answer; one thread. How the bytes are cut makes no difference to what is understood.
#ifndef MER_RESOLVERS_GRAPHQL_HTTP1_H
#define MER_RESOLVERS_GRAPHQL_HTTP1_H

#include "base/buf.h"

enum {
    MER_HTTP1_HEAD_MAX = 65536,    // bytes of all lines: interim heads, head and trailer together
    MER_HTTP1_HEADERS_MAX = 100,   // of one head and its trailer
    MER_HTTP1_INTERIM_MAX = 8,     // 1xx answers before the answer
    MER_HTTP1_EXTENSION_MAX = 4096 // bytes of all chunk extensions
};

enum mer_http1_result { MER_HTTP1_MORE = 0, MER_HTTP1_DONE = 1, MER_HTTP1_ERROR = 2 };

struct mer_http1 {
    int status;
    bool keep_alive; // the connection may be used again
    bool too_large;  // the error is that the body passed its limit
    bool gzip;       // the body is compressed; only where gzip_allowed was set after init
    bool gzip_allowed;
    struct mer_buf headers; // "name: value\n" each, names in lower case, without those about framing
    struct mer_buf body;
    const char *error; // static text
    /* private */
    size_t body_max;
    uint64_t left; // of the body or chunk
    uint8_t state;
    uint8_t interim_n;
    uint8_t digits; // of the chunk's size
    bool began, http10, chunked, has_length;
    uint32_t head_bytes, headers_n, extension_bytes;
    struct mer_buf line; // the part of a line that has come
};

// Body, headers and line lie on the heap: mer_http1_fini, or take the body (its p becomes the caller's to
// free, and is replaced by mer_buf_init).
void mer_http1_init(struct mer_http1 *h, size_t body_max_bytes);
// For the next answer; memory is kept.
void mer_http1_reset(struct mer_http1 *h);
void mer_http1_fini(struct mer_http1 *h);
// Takes bytes as they come; *used tells how many belonged to this answer. After DONE or ERROR it takes no
// more.
enum mer_http1_result mer_http1_feed(struct mer_http1 *h, struct mer_slice bytes, size_t *used);
// The peer closed. DONE when that is a proper end of the body.
enum mer_http1_result mer_http1_end(struct mer_http1 *h);
// Is the head whole, and a body follows? Whoever takes the body as it comes clears `body` each time.
bool mer_http1_in_body(const struct mer_http1 *h);
// Did any byte of an answer come? Stays so whatever became of it.
bool mer_http1_began(const struct mer_http1 *h);

#endif
