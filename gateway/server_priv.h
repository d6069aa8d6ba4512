// SPDX-License-Identifier: MIT
// Between the files of the server: server.c (life), server_conn.c (connections), server_sweep.c (slow ones),
// server_request.c (requests and answers), server_tls.c, server_linger.c.
#ifndef MER_GATEWAY_SERVER_PRIV_H
#define MER_GATEWAY_SERVER_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include <h2o.h>
#include <h2o/http1.h>
#include <h2o/http2.h>

#include "gateway/h2o_guard/guard.h"
#include "gateway/server.h"

enum { ARENAS_KEPT = 64, PEER_TEXT = 64 };

enum conn_phase {
    CONN_STARTING = 0, // TLS handshake, or waiting to see which protocol it is
    CONN_HTTP1 = 1,
    CONN_HTTP2 = 2,
    CONN_TUNNEL = 3, // it has left HTTP
};

struct request;
struct listener;

struct conn {
    struct mer_guard_conn guard; // first: the guard finds it by the socket's on_close.data
    struct conn *next, **pprev;
    struct mer_server *server;
    struct listener *listener;
    h2o_socket_t *sock;
    struct request *requests;            // all of them
    struct request *queue, **queue_tail; // those that wait for their turn, oldest first
    uint32_t requests_n, in_work;        // in_work: given to the handler, not yet disposed of
    struct mer_task admit;
    enum conn_phase phase;
    bool retired;              // told to go
    bool cut;                  // shut down by us
    uint64_t born_ms, last_ms; // last_ms: end of the last request, or birth
    uint64_t closing_ms;       // 0: not closing
    uint64_t partial_ms;       // HTTP/1: an unfinished request was first seen; 0: none
    bool partial_body;         // its head is complete
    uint64_t acked_bytes;      // HTTP/1: of the answer being sent, as TCP knows
    int linger_fd;             // -1: none
    char peer[PEER_TEXT];
    struct mer_buf cn;
};

struct listener {
    struct mer_server *server;
    h2o_socket_t *sock; // NULL: closed
    h2o_accept_ctx_t accept;
    struct mer_tls_server *tls;
    struct mer_listener_opts opts;
    bool paused;
};

enum request_state { REQUEST_WAITING, REQUEST_IN_WORK, REQUEST_ANSWERING, REQUEST_STREAMING };

// Lives in the request's own pool of the library, which disposes of it exactly once, whatever happens.
struct request {
    struct mer_http_req pub; // first
    h2o_req_t *h2o;
    struct conn *conn;
    struct request *next, **pprev;
    struct request *queue_next, **queue_pprev; // pprev NULL: not in the queue
    enum request_state state;
    bool aborted;
    h2o_generator_t generator;
    uint64_t since_ms; // of the state
    // an answer that is told by and by
    struct mer_buf out, flight; // waits, is being sent
    bool flying, ending, free;  // free: counts no more as work of its connection
    size_t mark_bytes;          // sent when progress was last seen
    uint64_t mark_ms;
};

struct counters {
    _Atomic uint64_t connections_open, connections_total, connections_refused;
    _Atomic uint64_t requests_total, requests_in_work, requests_aborted;
    _Atomic uint64_t cut_stall, cut_body, cut_headers, cut_idle, cut_body_budget, cut_age;
};

struct lingering;

struct mer_server {
    struct mer_loop *loop;
    h2o_globalconf_t conf;
    h2o_context_t ctx;
    struct listener *listeners;
    size_t listeners_n;
    struct mer_server_limits limits;
    char *name;
    struct conn *conns;
    struct lingering *lingers;
    struct counters n;
    struct mer_timer sweep;
    struct mer_timer accept_again;
    struct mer_arena *arenas[ARENAS_KEPT];
    size_t arenas_n;
    bool draining;
    uint64_t drain_ms;
    struct mer_timer drain_deadline;
    struct mer_task drained;
    mer_loop_fn *on_drained;
    void *on_drained_owner;
    pthread_t watchdog;
    pthread_mutex_t watchdog_lock;
    pthread_cond_t watchdog_cond;
    bool watchdog_runs, watchdog_off; // off: under the lock
    int64_t watchdog_deadline_us;
};

// One thread writes a server's counters.
static inline void server_bump(_Atomic uint64_t *c, int64_t by)
{
    uint64_t v = atomic_load_explicit(c, memory_order_relaxed);
    atomic_store_explicit(c, v + (uint64_t)by, memory_order_relaxed);
}

static inline uint64_t server_now_ms(struct mer_server *s)
{
    return (uint64_t)mer_loop_now_us(s->loop) / 1000;
}

// server.c: the last connection of a draining server is gone.
void server_drained(struct mer_server *s);

// server_conn.c
void server_on_accept(h2o_socket_t *listener, const char *err);
void server_accept_again(void *server);
// Ends it from outside of any of the library's callbacks; why: the counter of the reason, or NULL.
void conn_cut(struct conn *c, _Atomic uint64_t *why);
// GOAWAY, connection: close.
void conn_retire(struct conn *c);

// server_sweep.c
void server_sweep_start(struct mer_server *s);
void server_sweep(void *server);

// server_request.c
int request_on_req(h2o_handler_t *handler, h2o_req_t *req);
bool request_on_library_error(h2o_req_t *req, int status);
void request_add_headers(struct request *r, const struct mer_http_header *headers, size_t headers_n);
void request_tell_aborted(struct request *r);
void request_free(struct request *r);
// server_stream.c
void stream_abort(struct request *r);
void stream_dispose(struct request *r);
// server_request.c. HTTP/1: the client is gone, which the library does not look for while it waits for an
// answer.
void request_abort(struct request *r);

// server_tls.c
SSL_CTX *tls_server_ctx(struct mer_tls_server *tls);

// server_linger.c
// After an answer to a request whose body was not read: reads and drops what still comes, for a while, so
// that the peer gets the answer and not a reset. Takes fd.
void server_linger(struct mer_server *s, int take_fd);
void server_linger_end_all(struct mer_server *s);

#endif
