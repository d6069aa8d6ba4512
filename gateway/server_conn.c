// SPDX-License-Identifier: MIT
// A connection from accept to close: which protocol it speaks, and who may end it.
#include "base/log.h"
#include "gateway/server_priv.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPTS_A_TURN = 16, ACCEPT_PAUSE_MS = 100 };

static const char PREFACE[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// The one place where a connection ends: the library has closed its socket.
static void on_close(void *data)
{
    struct conn *c = data;
    struct mer_server *s = c->server;
    MER_ASSERT(!c->requests && !c->queue);
    mer_task_cancel(s->loop, &c->admit);
    *c->pprev = c->next;
    if (c->next)
        c->next->pprev = c->pprev;
    server_bump(&s->n.connections_open, -1);
    if (c->linger_fd >= 0)
        server_linger(s, c->linger_fd);
    mer_guard_conn_fini(&c->guard);
    mer_buf_fini(&c->cn);
    free(c);
    if (s->draining && !s->conns)
        server_drained(s);
}

static void start_http1(struct conn *c)
{
    c->phase = CONN_HTTP1;
    h2o_http1_accept(&c->listener->accept, c->sock, *h2o_get_timestamp(&c->server->ctx, NULL, NULL));
}

static void start_http2(struct conn *c)
{
    c->phase = CONN_HTTP2;
    h2o_http2_accept(&c->listener->accept, c->sock, *h2o_get_timestamp(&c->server->ctx, NULL, NULL));
}

static void on_handshake(h2o_socket_t *sock, const char *err)
{
    struct conn *c = sock->data;
    if (err) {
        h2o_socket_close(sock);
        return;
    }
    h2o_iovec_t proto = h2o_socket_ssl_get_selected_protocol(sock);
    if (h2o_memis(proto.base, proto.len, H2O_STRLIT("h2")))
        start_http2(c);
    else
        start_http1(c);
}

// Which protocol a plain connection speaks shows in its first bytes; it is settled here, once, and not by the
// library, which would also let HTTP/2 begin in the middle of an HTTP/1 connection.
static void on_first_bytes(h2o_socket_t *sock, const char *err)
{
    struct conn *c = sock->data;
    if (err) {
        h2o_socket_close(sock);
        return;
    }
    size_t n = sock->input->size, full = sizeof(PREFACE) - 1;
    if (n == 0)
        return;
    if (memcmp(sock->input->bytes, PREFACE, n < full ? n : full) == 0) {
        if (n < full)
            return;
        h2o_socket_read_stop(sock);
        start_http2(c);
    } else {
        h2o_socket_read_stop(sock);
        start_http1(c);
    }
}

static void start(struct listener *l, h2o_socket_t *sock)
{
    struct mer_server *s = l->server;
    struct conn *c = calloc(1, sizeof(*c));
    MER_ASSERT(c);
    mer_guard_conn_init(&c->guard);
    c->server = s;
    c->listener = l;
    c->sock = sock;
    c->linger_fd = -1;
    c->queue_tail = &c->queue;
    c->born_ms = c->last_ms = server_now_ms(s);
    mer_buf_init(&c->cn, NULL, 0);
    c->next = s->conns;
    c->pprev = &s->conns;
    if (c->next)
        c->next->pprev = &c->next;
    s->conns = c;
    sock->data = c;
    sock->on_close.cb = on_close;
    sock->on_close.data = c;
    server_bump(&s->n.connections_open, 1);
    server_bump(&s->n.connections_total, 1);
    server_sweep_start(s);
    if (l->tls)
        h2o_socket_ssl_handshake(sock, tls_server_ctx(l->tls), NULL, on_handshake);
    else if (l->opts.http2 && mer_guard_ready())
        h2o_socket_read_start(sock, on_first_bytes);
    else
        start_http1(c);
}

void server_accept_again(void *server)
{
    struct mer_server *s = server;
    for (size_t i = 0; i < s->listeners_n; i++) {
        struct listener *l = &s->listeners[i];
        if (l->paused && l->sock)
            h2o_socket_read_start(l->sock, server_on_accept);
        l->paused = false;
    }
}

void server_on_accept(h2o_socket_t *listener, const char *err)
{
    struct listener *l = listener->data;
    struct mer_server *s = l->server;
    if (err)
        return;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        errno = 0;
        h2o_socket_t *sock = h2o_evloop_socket_accept(listener);
        if (!sock) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                // The connection stays in the queue and the listener readable: without a pause, a busy loop.
                h2o_socket_read_stop(listener);
                l->paused = true;
                mer_timer_start(s->loop, &s->accept_again, ACCEPT_PAUSE_MS, server_accept_again, s);
            }
            return;
        }
        if (atomic_load_explicit(&s->n.connections_open, memory_order_relaxed) >= s->limits.connections) {
            server_bump(&s->n.connections_refused, 1);
            h2o_socket_close(sock);
            continue;
        }
        start(l, sock);
    }
}

void conn_cut(struct conn *c, _Atomic uint64_t *why)
{
    if (c->cut)
        return;
    c->cut = true;
    if (why)
        server_bump(why, 1);
    shutdown(h2o_socket_get_fd(c->sock), SHUT_RDWR);
    // HTTP/1 does not look at its socket while a request is answered.
    if (c->phase == CONN_HTTP1)
        for (struct request *r = c->requests, *next; r; r = next) {
            next = r->next;
            request_abort(r);
        }
}

void conn_retire(struct conn *c)
{
    c->retired = true; // HTTP/1: the next answer says so
    mer_guard_conn_goaway(&c->guard);
}
