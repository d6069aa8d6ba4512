// SPDX-License-Identifier: MIT
// Stream: an outgoing TCP (or unix socket) connection of bytes, plain or TLS; what the HTTP client is built
// on.
//
// Reading is always armed unless paused, so that the peer's close is seen at once. Thread and callback rules
// are those of loop.h: callbacks never run inside the caller's own call, none runs after mer_stream_close,
// and a callback may close its stream. The stream owns its input buffer, the writer owns the bytes it writes.
//
// TLS: one mer_tls_client (an SSL_CTX) per peer name, shared by all loops, alive as long as any of its
// streams. The peer's chain and its name or address are verified inside the handshake, in TLS 1.2 and 1.3
// alike.
#ifndef MER_LOOP_STREAM_H
#define MER_LOOP_STREAM_H

#include <sys/socket.h>

#include "base/diag.h"
#include "loop/loop.h"

struct mer_stream;
struct mer_tls_client;

struct mer_tls_client_opts {
    const char *host;    // name or IP literal that the certificate must carry; also the SNI when it is a name
    const char *ca_file; // PEM; NULL: the system's store
    const char *cert_file; // client certificate chain and key, PEM; NULL: none
    const char *key_file;
    bool http2; // offered by ALPN, before HTTP/1.1
};
// NULL on failure, with diag (MER_ERR_INVALID).
struct mer_tls_client *mer_tls_client_create(const struct mer_tls_client_opts *opts, struct mer_diag *diag);
void mer_tls_client_ref(struct mer_tls_client *tls);   // any thread
void mer_tls_client_unref(struct mer_tls_client *tls); // any thread; each stream holds one of its own

struct mer_stream_callbacks {
    // Exactly once, unless closed before. err NULL: connected, and with TLS verified. Else one line for the
    // log; the stream can then only be closed.
    void (*on_connect)(void *owner, const char *err);
    // All bytes not consumed so far, contiguous. Returns how many are consumed (freed); the rest comes again
    // with the next bytes. The slice is valid during the call only. If the callback closes the stream it
    // returns 0.
    size_t (*on_data)(void *owner, struct mer_slice bytes);
    // Once, when the peer closed (err NULL) or the connection failed (err says how). Nothing follows; close
    // it.
    void (*on_close)(void *owner, const char *err);
};

// Never NULL: a failure to begin is reported by on_connect too. The callbacks struct must outlive the stream.
// There are no timeouts in here: the owner has a timer. tls NULL: plain.
struct mer_stream *mer_stream_connect(struct mer_loop *loop, const struct sockaddr *addr, socklen_t addr_len,
                                      struct mer_tls_client *tls,
                                      const struct mer_stream_callbacks *callbacks, void *owner);
// Writes all of the slices; their bytes (not the array) must live until on_written(owner) ran or the stream
// was closed. One write at a time. If the connection fails, on_close comes instead of on_written. on_written
// may be NULL when the bytes live long enough (then ask mer_stream_is_writing before the next).
void mer_stream_write(struct mer_stream *s, const struct mer_slice *iov, size_t n, mer_loop_fn *on_written);
// What the peer chose by ALPN; n 0: nothing, or no TLS. After on_connect.
struct mer_slice mer_stream_protocol(const struct mer_stream *s);
bool mer_stream_is_writing(const struct mer_stream *s);
void mer_stream_pause_read(struct mer_stream *s);
void mer_stream_resume_read(struct mer_stream *s); // on_data comes again also for bytes that were left over
// Bytes that came from the peer since the beginning (plain text): zero proves that nothing was answered.
uint64_t mer_stream_bytes_in(const struct mer_stream *s);
// Frees the stream; no callback follows.
void mer_stream_close(struct mer_stream *s);

#endif
