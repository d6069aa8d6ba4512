// SPDX-License-Identifier: MIT
// HTTP/2 connections of a client, without I/O (RFC 9113), on libnghttp2: bytes in, answers and bytes out. The
// library holds the peer to the protocol; here are the limits of what one answer may be, the same as
// HTTP/1.1's (http1.h), and what an end means: whole; refused, which is to say that the peer has not looked
// at the request (RFC 9113 8.7), so that it may be asked again whatever it was; or broken.
//
// An exchange is its caller's, from mer_http2_send until `ended` was called, exactly once, or
// mer_http2_cancel. `ended` runs inside mer_http2_feed and mer_http2_take, where nothing of the connection
// may be destroyed or sent. One thread.
#ifndef MER_RESOLVERS_GRAPHQL_HTTP2_H
#define MER_RESOLVERS_GRAPHQL_HTTP2_H

#include "base/buf.h"

struct mer_http2;

enum mer_http2_end {
    MER_HTTP2_WHOLE = 0,
    MER_HTTP2_REFUSED = 1,
    MER_HTTP2_BROKEN = 2,
    MER_HTTP2_TOO_LARGE = 3
};

struct mer_http2_exchange {
    int status;             // of the final answer; 0: none came yet
    bool gzip;              // the body is compressed; only where that is allowed
    bool began;             // something of an answer came
    struct mer_buf headers; // "name: value\n" each, without those about framing; on the heap
    struct mer_buf body;    // on the heap
    const char *error;      // of a broken one, static text
    /* private */
    int32_t id;
    struct mer_slice rest; // of the request's body
    uint32_t head_bytes, headers_n, interim_n;
    bool final, finished, unsent, too_large, failed;
};

struct mer_http2_header {
    struct mer_slice name, value; // pseudo headers first
};

struct mer_http2_opts {
    size_t body_max;
    bool gzip_allowed;
    void (*ended)(void *owner, struct mer_http2_exchange *x, enum mer_http2_end how);
    void *owner;
};

struct mer_http2 *mer_http2_create(const struct mer_http2_opts *opts);
// Exchanges under way are forgotten: nothing is called.
void mer_http2_destroy(struct mer_http2 *h);
// May another request be sent now: the peer takes more at once, and is not going away?
bool mer_http2_has_room(const struct mer_http2 *h);
// Has the peer said how many it takes? Until then there is room for one.
bool mer_http2_is_settled(const struct mer_http2 *h);
// Headers are copied, the body must live until the end. The exchange is made here; headers and body of its
// answer are freed by mer_http2_exchange_fini.
void mer_http2_send(struct mer_http2 *h, struct mer_http2_exchange *x, const struct mer_http2_header *headers,
                    size_t headers_n, struct mer_slice body);
void mer_http2_cancel(struct mer_http2 *h, struct mer_http2_exchange *x);
void mer_http2_exchange_fini(struct mer_http2_exchange *x);
// Takes all bytes. False: the connection is of no more use; *why is static text.
bool mer_http2_feed(struct mer_http2 *h, struct mer_slice bytes, const char **why);
// Adds what is to be sent to `out`. False as above.
bool mer_http2_take(struct mer_http2 *h, struct mer_buf *out, const char **why);

#endif
