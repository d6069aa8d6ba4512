// SPDX-License-Identifier: MIT
// Server: HTTP/1.1, HTTP/2 and TLS for whoever answers requests; the one face over libh2o, of which nothing
// shows.
//
// One server a loop; all calls are made on that loop's thread unless "any thread" is said. The parent process
// opens the listening sockets (mer_listen_open), so that they outlive a worker; each worker's server takes
// descriptors.
//
// A request is handed to its listener's handler at the end of the turn in which it arrived whole, never while
// the protocol is being read: a request that was reset again in the same packet is never seen. The handler
// answers at once or later with exactly one mer_http_respond; from then on the request belongs to the server
// and must not be touched. When the client goes away first, on_abort(owner) is called once, if it is set, and
// the request is dead when it returns: cancel what is under way and never respond. In on_abort only arena
// memory may be read (a body may be gone).
//
// Memory: method, path, query, authority, headers and body live until the answer was sent or on_abort is
// called; the arena until the answer was sent or on_abort has returned.
#ifndef MER_GATEWAY_SERVER_H
#define MER_GATEWAY_SERVER_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "loop/loop.h"

struct mer_server;
struct mer_tls_server;

struct mer_http_header {
    struct mer_slice name; // lower case
    struct mer_slice value;
};

struct mer_http_req {
    struct mer_slice method;    // as sent: "GET"
    struct mer_slice path;      // as sent, without query, not decoded
    struct mer_slice query;     // after '?', without it; p == NULL: there was no '?'
    struct mer_slice authority; // the host header or :authority
    struct mer_slice body;
    struct mer_slice peer;    // numeric address without port
    struct mer_slice peer_cn; // subject CN of the verified client certificate; n == 0: none
    int64_t received_us;      // mer_time_mono_us() when it was complete
    uint16_t http_version;    // 0x100, 0x101, 0x200
    bool is_tls;
    uint32_t listener_id;
    struct mer_loop *loop;
    struct mer_server *server;
    struct mer_arena *arena; // with the byte cap of the server's options
    // Set by the handler.
    void (*on_abort)(void *owner);
    void *owner;
};

typedef void mer_http_handler(void *owner, struct mer_http_req *req);

// First value of a header, or MER_NIL. name in lower case. content-length, host, transfer-encoding,
// connection's own names are not here: see body and authority.
struct mer_slice mer_http_header(const struct mer_http_req *req, const char *name);
size_t mer_http_headers_n(const struct mer_http_req *req);
struct mer_http_header mer_http_header_at(const struct mer_http_req *req, size_t i);
// How many headers have this name: two `authorization` are an attack or a mistake, never a choice.
size_t mer_http_header_count(const struct mer_http_req *req, const char *name);

// The answer. Header array and body array may be gone after the call; the text they point to must live in
// req->arena or be static. content-length is set here; a HEAD request gets no body bytes. Dates and
// connection headers are the server's own.
void mer_http_respond(struct mer_http_req *req, int status, const struct mer_http_header *headers,
                      size_t headers_n, const struct mer_slice *body, size_t body_n);

// An answer that is told by and by. `first` may not be empty; bytes are copied. From here on on_abort is
// called if the client goes away, as before, until mer_http_stream_end, after which the request must not be
// touched. What cannot be sent yet is held: whoever writes looks at mer_http_stream_waiting.
void mer_http_stream(struct mer_http_req *req, int status, const struct mer_http_header *headers,
                     size_t headers_n, struct mer_slice first);
void mer_http_stream_write(struct mer_http_req *req, struct mer_slice bytes);
size_t mer_http_stream_waiting(const struct mer_http_req *req);
void mer_http_stream_drop(struct mer_http_req *req); // of what waits, what has not begun to be sent
void mer_http_stream_end(struct mer_http_req *req);

// A connection that has left HTTP/1.1 for another protocol (RFC 9110 7.8). It belongs to whoever asked for it
// until mer_tunnel_close or on_close; callbacks never run inside of the calls here.
struct mer_tunnel;
struct mer_tunnel_callbacks {
    void (*on_open)(void *owner, struct mer_tunnel *t); // NULL: the client has gone; nothing follows
    void (*on_data)(void *owner, struct mer_slice bytes);
    void (*on_close)(void *owner); // by the client; the tunnel is gone
};
// The request's upgrade header; the library takes it out of the others.
struct mer_slice mer_http_upgrade_wanted(const struct mer_http_req *req);
// Answers 101 in place of mer_http_respond; on_open follows. HTTP/1.1 alone. The request and its arena are
// gone when this returns or soon after; callbacks outlive the tunnel.
void mer_http_upgrade(struct mer_http_req *req, const struct mer_http_header *headers, size_t headers_n,
                      const struct mer_tunnel_callbacks *callbacks, void *owner);
void mer_tunnel_write(struct mer_tunnel *t, struct mer_slice bytes); // copied
size_t mer_tunnel_waiting(const struct mer_tunnel *t);
// When what was written has been sent; it takes two seconds at most. Nothing is called any more.
void mer_tunnel_close(struct mer_tunnel *t);

// TLS of a listener: TLS 1.2 or newer, no renegotiation, no early data. Shared by servers and threads,
// refcounted.
struct mer_tls_server_opts {
    const char *cert_file; // PEM chain
    const char *key_file;
    const char *client_ca_file; // not NULL: a client certificate signed by one of these is required
    bool http2;                 // offer h2 by ALPN (http/1.1 is always offered)
};
struct mer_tls_server *mer_tls_server_create(const struct mer_tls_server_opts *opts, struct mer_diag *diag);
void mer_tls_server_ref(struct mer_tls_server *tls);   // any thread
void mer_tls_server_unref(struct mer_tls_server *tls); // any thread

struct mer_listener_opts {
    int fd;                     // listening socket; the server uses a duplicate, the caller keeps its own
    uint32_t id;                // comes back in the request
    struct mer_tls_server *tls; // NULL: plain
    bool http2;                 // plain: HTTP/2 by prior knowledge. Never by Upgrade.
    mer_http_handler *handler;
    void *owner;
};

// Zero means the default in the comment.
struct mer_server_limits {
    size_t body_bytes;        // 1 MiB; more is answered with 413
    size_t headers_bytes;     // 64 KiB, names and values of one request; more: 431 or a closed connection
    uint32_t headers_n;       // 100
    uint32_t streams_in_work; // 32 requests of one HTTP/2 connection at a time; others wait
    uint32_t connections;     // 10,000 per server; more are closed at once
    size_t body_budget_bytes; // 64 MiB: bodies not yet complete, over all connections of the process
    size_t arena_bytes;       // 64 MiB cap of a request's arena
    uint32_t idle_ms;         // 60 s without a request
    uint32_t handshake_ms;    // 10 s, TLS
    uint32_t headers_ms;      // 10 s from a request's first byte to its last header
    uint32_t body_ms;         // 30 s from the last header to the last byte of the body
    uint32_t stall_ms;        // 30 s in which not one byte of an answer could be sent
    uint32_t age_ms;          // 1 h, then the connection is asked to go (GOAWAY, connection: close)
};

struct mer_server_opts {
    const struct mer_listener_opts *listeners;
    size_t listeners_n;
    struct mer_server_limits limits;
    const char *server_name; // NULL: none is told
};

// "HOST:PORT", HOST a numeric address ("[::1]:80") or localhost; port 0 takes a free one. One that is taken is
// waited for, a second at most. Returns the descriptor (close-on-exec is off: children inherit it) or -1.
int mer_listen_open(const char *address, struct mer_diag *diag);
// "127.0.0.1:21020" as the kernel says it. buf of at least 64 bytes.
const char *mer_listen_name(int fd, char *buf, size_t buf_n);

// NULL with diag when a listener cannot be used. Copies the options.
struct mer_server *mer_server_create(struct mer_loop *loop, const struct mer_server_opts *opts,
                                     struct mer_diag *diag);
// New certificates for the connections to come; those that stand keep theirs.
void mer_server_set_tls(struct mer_server *server, uint32_t listener_id, struct mer_tls_server *tls);
// Stops accepting, tells clients to go (GOAWAY; connection: close), lets requests under way finish;
// done(owner) when the last connection is gone. After deadline_ms what is left is cut; should the loop itself
// hang, a watchdog thread ends the process with status 1 two seconds later.
void mer_server_drain(struct mer_server *server, uint32_t deadline_ms, mer_loop_fn *done, void *owner);
// Only when drained or never used (tests): memory of the library itself stays with its loop.
void mer_server_destroy(struct mer_server *server);

// Counters of one server, readable from any thread (each a relaxed load).
struct mer_server_stats {
    uint64_t connections_open, connections_total, connections_refused;
    uint64_t requests_total, requests_in_work, requests_aborted;
    uint64_t cut_stall, cut_body, cut_headers, cut_idle, cut_body_budget, cut_age;
};
void mer_server_stats(const struct mer_server *server, struct mer_server_stats *out);
// Prometheus text: the servers' sums and the guard's counters by class of abuse. Any thread.
void mer_server_write_metrics(struct mer_buf *out, struct mer_server *const *servers, size_t servers_n);

#endif
