// SPDX-License-Identifier: MIT
// Between the files of the guard.
#ifndef MER_GATEWAY_H2O_GUARD_GUARD_PRIV_H
#define MER_GATEWAY_H2O_GUARD_GUARD_PRIV_H

#include <stdatomic.h>

#include <h2o.h>
#include <h2o/http1.h>
#include <h2o/http2.h>
#include <h2o/http2_internal.h>

#include "base/log.h"
#include "base/time.h"
#include "gateway/h2o_guard/guard.h"

// -fvisibility=hidden would hide the hooks from the library.
#define GUARD_HOOK __attribute__((visibility("default")))

// Hooks, for the self-test: each counts its calls.
enum guard_hook {
    HOOK_HTTP2_ACCEPT,
    HOOK_STREAM_OPEN,
    HOOK_STREAM_CLOSE,
    HOOK_STREAM_RESET,
    HOOK_SEND_PENDING,
    HOOK_HPACK_PARSE,
    HOOK_PHR_REQUEST,
    HOOK_PHR_CHUNKED,
    HOOK_SEND_ERROR,
    HOOK_FRAME,
    HOOK_SOCKET_CLOSE,
    HOOKS_N,
};

// picohttpparser is part of the library's binary; its header is not shipped.
struct phr_header {
    const char *name;
    size_t name_len;
    const char *value;
    size_t value_len;
};
struct phr_chunked_decoder {
    size_t bytes_left_in_chunk;
    char consume_trailer;
    char hex_count;
    char state;
};
int phr_parse_request(const char *buf, size_t len, const char **method, size_t *method_len, const char **path,
                      size_t *path_len, int *minor_version, struct phr_header *headers, size_t *num_headers,
                      size_t last_len);
ssize_t phr_decode_chunked(struct phr_chunked_decoder *decoder, char *buf, size_t *bufsz);

// The library's own functions.
struct guard_real {
    void (*http2_accept)(h2o_accept_ctx_t *, h2o_socket_t *, struct timeval);
    h2o_http2_stream_t *(*stream_open)(h2o_http2_conn_t *, uint32_t, h2o_req_t *,
                                       const h2o_http2_priority_t *);
    void (*stream_close)(h2o_http2_conn_t *, h2o_http2_stream_t *);
    void (*stream_reset)(h2o_http2_conn_t *, h2o_http2_stream_t *);
    void (*send_pending)(h2o_http2_conn_t *, h2o_http2_stream_t *);
    int (*hpack_parse)(h2o_req_t *, h2o_hpack_header_table_t *, const uint8_t *, size_t, int *, size_t *,
                       h2o_cache_digests_t **, const char **);
    int (*phr_request)(const char *, size_t, const char **, size_t *, const char **, size_t *, int *,
                       struct phr_header *, size_t *, size_t);
    ssize_t (*phr_chunked)(struct phr_chunked_decoder *, char *,
                           size_t *); // only proved to exist: ours replaces it
    void (*socket_close)(h2o_socket_t *);
    void (*send_error)(h2o_req_t *, int, const char *, const char *, int);
    void (*hpack_flatten)(h2o_buffer_t **, h2o_hpack_header_table_t *, uint32_t, size_t, h2o_res_t *,
                          h2o_timestamp_t *, const h2o_iovec_t *, size_t);
};
extern struct guard_real mer_guard_real;
extern struct mer_guard_limits mer_guard_limits;
extern mer_guard_error_fn *mer_guard_error_answer;
extern _Atomic uint64_t mer_guard_counts[MER_GUARD_CLASSES];
extern _Atomic size_t mer_guard_bodies;
extern __thread uint32_t mer_guard_hook_calls[HOOKS_N];

static inline void guard_count(enum mer_guard_class c)
{
    atomic_fetch_add_explicit(&mer_guard_counts[c], 1, memory_order_relaxed);
}

// A connection of ours, by the library's.
static inline struct mer_guard_conn *guard_of(const h2o_http2_conn_t *conn)
{
    struct mer_guard_conn *g = conn->sock->on_close.data;
    MER_ASSERT(g && g->magic == MER_GUARD_MAGIC);
    return g;
}

// The monotonic clock: the library's own time is the wall's, which may be stepped.
static inline uint64_t guard_now_ms(void)
{
    return (uint64_t)mer_time_mono_us() / 1000;
}

// The first verdict stands; it is carried out at the next frame, in the place where the library expects
// errors.
static inline void guard_condemn(struct mer_guard_conn *g, enum mer_guard_class c, const char *why)
{
    if (g->verdict)
        return;
    g->verdict = why;
    g->error_class = c;
    guard_count(c);
}

enum { GUARD_FRAME_HEAD = 9 };

struct guard_frame {
    uint32_t length;
    uint8_t type;
    uint8_t flags;
    uint32_t stream;
};

// guard_spare.c
// The Huffman code of a header block's one authorization; n 0: there is none, or it is not worth remembering.
struct guard_coded {
    size_t length_at; // where the string's length stands in the block
    size_t at, n;
};
enum { GUARD_CODED_MIN = 64, GUARD_BLOCK_MAX = 8192 };
// The block with the authorization in clear, written to `block` (GUARD_BLOCK_MAX bytes), if it is the one
// that is remembered; else src.
const uint8_t *mer_guard_token_recall(const struct mer_guard_conn *g, const uint8_t *src, size_t *len,
                                      const struct guard_coded *c, uint8_t *block);
// The library has read a block with this code and no error, and this is what it made of the block.
void mer_guard_token_learn(struct mer_guard_conn *g, const uint8_t *coded, size_t coded_n,
                           const h2o_headers_t *headers);

// guard_bodies.c
// A request's head is there, and a body follows.
void mer_guard_body_begin(struct mer_guard_conn *g, h2o_http2_stream_t *stream);
// The rest of this stream's body is to be dropped. NULL: too many of the kind, and the connection is
// condemned.
struct mer_guard_discard *mer_guard_body_refuse(struct mer_guard_conn *g, uint32_t id);
// A DATA frame. 0: the library may have it. 1: it was dealt with. Negative: the connection's error.
ssize_t mer_guard_body_before(h2o_http2_conn_t *conn, struct mer_guard_conn *g, const struct guard_frame *f,
                              const char **err_desc);
// The library has had it.
void mer_guard_body_after(struct mer_guard_conn *g, const struct guard_frame *f);
bool mer_guard_body_is_expected(struct mer_guard_conn *g, uint32_t id);
void mer_guard_body_peer_reset(struct mer_guard_conn *g, uint32_t id);
// The stream is being closed.
void mer_guard_body_end(struct mer_guard_conn *g, h2o_http2_stream_t *stream);
void mer_guard_body_fini(struct mer_guard_conn *g);

// Header characters, in both protocols.
bool mer_guard_is_token(const char *p, size_t n);     // RFC 9110 5.6.2, not empty
bool mer_guard_is_target(const char *p, size_t n);    // visible ASCII, starts with '/', or is "*"
bool mer_guard_is_authority(const char *p, size_t n); // host with port; no userinfo, no space

#endif
