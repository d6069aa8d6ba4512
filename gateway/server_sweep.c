// SPDX-License-Identifier: MIT
// Slow and silent connections. The library has no limits of its own on how long a head, a body or an answer
// may take; so every quarter of a second each connection is looked at, and what took too long is shut down,
// which the library then notices by itself. The clock is the monotonic one.
#include "gateway/server_priv.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum {
    SWEEP_MS = 250,
    CLOSING_MS = 2000,      // for the last words of a connection
    RETIRED_MS = 60 * 1000, // for a client that was told to go
    ABORT_AFTER_MS = 50,    // HTTP/1: looking whether the client is still there costs a call
    DRAIN_IDLE_MS = 1000,
    PROGRESS_BYTES = 4096, // a trickle of single bytes is no progress
    POLL_BATCH = 128,
};

static uint64_t since(uint64_t now, uint64_t then)
{
    return now > then ? now - then : 0;
}

// HTTP/1 writes an answer in one go, so what has left is known to TCP alone.
static size_t acked_bytes(const struct conn *c)
{
    struct tcp_info info;
    socklen_t n = sizeof(info);
    memset(&info, 0, sizeof(info));
    if (getsockopt(h2o_socket_get_fd(c->sock), IPPROTO_TCP, TCP_INFO, &info, &n) != 0)
        return 0;
    return (size_t)info.tcpi_bytes_acked;
}

static bool is_stalled(struct conn *c, uint64_t now)
{
    uint32_t limit = c->server->limits.stall_ms;
    for (struct request *r = c->requests; r; r = r->next) {
        if (r->flying && since(now, r->since_ms) > limit)
            return true;
        if (r->state != REQUEST_ANSWERING)
            continue;
        if (since(now, r->mark_ms) < limit / 4)
            continue; // too young to ask the kernel about
        size_t sent = c->phase == CONN_HTTP1 ? acked_bytes(c) : r->h2o->bytes_sent;
        if (r->mark_bytes == SIZE_MAX || sent - r->mark_bytes >= PROGRESS_BYTES) {
            r->mark_bytes = sent;
            r->mark_ms = now;
        } else if (since(now, r->mark_ms) > limit) {
            return true;
        }
    }
    return false;
}

static bool is_idle(const struct conn *c, const struct mer_guard_view *v)
{
    return c->requests_n == 0 && (c->phase == CONN_HTTP2 ? v->streams == 0 : c->sock->input->size == 0);
}

static void sweep_http1(struct conn *c, uint64_t now)
{
    struct mer_server *s = c->server;
    h2o_buffer_t *in = c->sock->input;
    if (c->requests_n || in->size == 0) {
        c->partial_ms = 0;
        c->partial_body = false;
        return;
    }
    if (!c->partial_ms)
        c->partial_ms = now;
    if (!c->partial_body && memmem(in->bytes, in->size, "\r\n\r\n", 4)) {
        c->partial_body = true;
        c->partial_ms = now;
    }
    if (c->partial_body && since(now, c->partial_ms) > s->limits.body_ms)
        conn_cut(c, &s->n.cut_body);
    else if (!c->partial_body && since(now, c->partial_ms) > s->limits.headers_ms)
        conn_cut(c, &s->n.cut_headers);
}

static void sweep_http2(struct conn *c, const struct mer_guard_view *v, uint64_t now)
{
    struct mer_server *s = c->server;
    if (v->block_since_ms && since(now, v->block_since_ms) > s->limits.headers_ms)
        conn_cut(c, &s->n.cut_headers);
    else if (v->body_since_ms && since(now, v->body_since_ms) > s->limits.body_ms)
        conn_cut(c, &s->n.cut_body);
    else if (!c->guard.preface && since(now, c->born_ms) > s->limits.handshake_ms)
        conn_cut(c, &s->n.cut_headers);
}

// However old the connection: what is told by and by may last.
static bool tells_by_and_by(const struct conn *c)
{
    for (const struct request *r = c->requests; r; r = r->next)
        if (r->state == REQUEST_STREAMING)
            return true;
    return false;
}

static void sweep_age(struct conn *c, const struct mer_guard_view *v, uint64_t now)
{
    struct mer_server *s = c->server;
    bool idle = is_idle(c, v);
    uint64_t quiet = since(now, c->last_ms), age = since(now, c->born_ms);
    if (idle && quiet > s->limits.idle_ms) {
        // A client that keeps the line up with PING is idle too.
        conn_retire(c);
        if (c->phase == CONN_HTTP1 || quiet > s->limits.idle_ms + CLOSING_MS)
            conn_cut(c, &s->n.cut_idle);
    } else if (s->draining && idle && c->phase == CONN_HTTP1 && quiet > DRAIN_IDLE_MS &&
               since(now, s->drain_ms) > DRAIN_IDLE_MS) {
        conn_cut(c, NULL);
    } else if (age > s->limits.age_ms && !c->retired) {
        // Not cut, even when idle: the next request may be on its way, and its answer will say that it was
        // the last.
        server_bump(&s->n.cut_age, 1);
        conn_retire(c);
    } else if (age > (uint64_t)s->limits.age_ms + RETIRED_MS && c->retired && !tells_by_and_by(c)) {
        conn_cut(c, NULL);
    }
}

static void sweep_conn(struct conn *c, uint64_t now)
{
    struct mer_server *s = c->server;
    struct mer_guard_view v;
    mer_guard_conn_view(&c->guard, &v);
    if (c->phase == CONN_STARTING) {
        if (since(now, c->born_ms) > (c->listener->tls ? s->limits.handshake_ms : s->limits.headers_ms))
            conn_cut(c, &s->n.cut_headers);
        return;
    }
    if (c->phase == CONN_TUNNEL)
        return; // looks after itself
    if (v.closing) {
        if (!c->closing_ms)
            c->closing_ms = now;
        else if (since(now, c->closing_ms) > CLOSING_MS)
            conn_cut(c, NULL);
        return;
    }
    if (c->phase == CONN_HTTP1)
        sweep_http1(c, now);
    else
        sweep_http2(c, &v, now);
    if (!c->cut && is_stalled(c, now))
        conn_cut(c, &s->n.cut_stall);
    if (!c->cut)
        sweep_age(c, &v, now);
}

// HTTP/1 connections whose request waits for an answer: one poll tells which clients have hung up.
struct hangups {
    struct pollfd fds[POLL_BATCH];
    struct conn *conns[POLL_BATCH];
    nfds_t n;
};

static void look(struct hangups *h)
{
    if (h->n && poll(h->fds, h->n, 0) > 0)
        for (nfds_t i = 0; i < h->n; i++)
            if (h->fds[i].revents & (POLLRDHUP | POLLHUP | POLLERR))
                conn_cut(h->conns[i], NULL);
    h->n = 0;
}

static void sweep_hangup(struct hangups *h, struct conn *c, uint64_t now)
{
    struct request *r = c->requests;
    if (c->cut || c->phase != CONN_HTTP1 || !r ||
        (r->state != REQUEST_IN_WORK && r->state != REQUEST_STREAMING) ||
        (r->state == REQUEST_IN_WORK && since(now, r->since_ms) < ABORT_AFTER_MS))
        return;
    h->fds[h->n] = (struct pollfd){.fd = h2o_socket_get_fd(c->sock), .events = POLLRDHUP};
    h->conns[h->n++] = c;
    if (h->n == POLL_BATCH)
        look(h);
}

void server_sweep(void *server)
{
    struct mer_server *s = server;
    uint64_t now = server_now_ms(s);
    size_t bodies = mer_guard_body_bytes();
    struct hangups h;
    h.n = 0;
    // Nothing here closes a socket at once: a cut is noticed by the library in a later turn.
    for (struct conn *c = s->conns; c; c = c->next) {
        if (c->cut)
            continue;
        sweep_conn(c, now);
        sweep_hangup(&h, c, now);
        if (c->phase == CONN_HTTP1 && c->partial_body && !c->cut) {
            // HTTP/2 keeps to the budget frame by frame; HTTP/1 cannot be watched so closely.
            bodies += c->sock->input->size;
            if (bodies > s->limits.body_budget_bytes) {
                bodies -= c->sock->input->size;
                conn_cut(c, &s->n.cut_body_budget);
            }
        }
    }
    look(&h);
    if (s->conns)
        mer_timer_start(s->loop, &s->sweep, SWEEP_MS, server_sweep, s);
}

void server_sweep_start(struct mer_server *s)
{
    if (!mer_timer_is_running(&s->sweep))
        mer_timer_start(s->loop, &s->sweep, SWEEP_MS, server_sweep, s);
}
