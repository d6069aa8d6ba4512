// SPDX-License-Identifier: MIT
// Connections that leave HTTP/1.1 for another protocol. The socket stays with its connection, which counts
// and watches it; its bytes go to whoever asked for the tunnel.
#include "base/log.h"
#include "gateway/server_priv.h"

#include <stdlib.h>

enum { CLOSING_MS = 2000 };

struct mer_tunnel {
    struct conn *conn;
    struct mer_loop *loop;
    h2o_socket_t *sock;                           // NULL: not open yet
    const struct mer_tunnel_callbacks *callbacks; // NULL: its owner has closed it
    void *owner;
    struct mer_buf out, flight;
    bool flying;
    uint64_t since_ms; // of what is being sent
    struct mer_task ready;
    struct mer_timer timer;
    size_t head; // bytes of the request that still stand before its own
};

static void destroy(struct mer_tunnel *t)
{
    mer_task_cancel(t->loop, &t->ready);
    mer_timer_stop(t->loop, &t->timer);
    if (t->sock)
        h2o_socket_close(t->sock); // and with it the connection
    mer_buf_fini(&t->out);
    mer_buf_fini(&t->flight);
    free(t);
}

static void lost(struct mer_tunnel *t)
{
    const struct mer_tunnel_callbacks *tell = t->callbacks;
    void *owner = t->owner;
    destroy(t);
    if (tell)
        tell->on_close(owner);
}

// ---- writing ----

static void on_written(h2o_socket_t *sock, const char *err);

static void write_more(struct mer_tunnel *t)
{
    if (t->flying || t->out.n == 0)
        return;
    struct mer_buf taken = t->out;
    t->out = t->flight;
    t->flight = taken;
    mer_buf_clear(&t->out);
    h2o_iovec_t piece = h2o_iovec_init(t->flight.p, t->flight.n);
    t->flying = true;
    t->since_ms = server_now_ms(t->conn->server);
    h2o_socket_write(t->sock, &piece, 1, on_written);
}

static void on_written(h2o_socket_t *sock, const char *err)
{
    struct mer_tunnel *t = sock->data;
    t->flying = false;
    mer_buf_clear(&t->flight);
    if (err) {
        lost(t);
    } else if (t->out.n) {
        write_more(t);
    } else if (!t->callbacks) {
        destroy(t);
    }
}

static void on_too_slow(void *owner)
{
    destroy(owner);
}

static void on_finish(void *owner)
{
    struct mer_tunnel *t = owner;
    if (!t->flying)
        destroy(t);
}

// ---- reading ----

static void show(struct mer_tunnel *t)
{
    h2o_buffer_t *in = t->sock->input;
    struct mer_slice bytes = mer_slice_make(in->bytes, in->size);
    if (t->callbacks && bytes.n)
        t->callbacks->on_data(t->owner, bytes); // may close it, which frees nothing yet
    h2o_buffer_consume(&t->sock->input, bytes.n);
}

static void on_read(h2o_socket_t *sock, const char *err)
{
    struct mer_tunnel *t = sock->data;
    if (err)
        lost(t);
    else
        show(t);
}

// A stalled one: the owner's pings find the silent, this those who do not read.
static void on_look(void *owner)
{
    struct mer_tunnel *t = owner;
    struct mer_server *s = t->conn->server;
    if (t->flying && server_now_ms(s) - t->since_ms > s->limits.stall_ms) {
        server_bump(&s->n.cut_stall, 1);
        lost(t);
        return;
    }
    mer_timer_start(t->loop, &t->timer, s->limits.stall_ms / 4 + 1, on_look, t);
}

static void on_ready(void *owner)
{
    struct mer_tunnel *t = owner;
    const struct mer_tunnel_callbacks *tell = t->callbacks;
    if (!t->sock) {
        void *whose = t->owner;
        destroy(t);
        tell->on_open(whose, NULL);
        return;
    }
    h2o_buffer_consume(&t->sock->input, t->head);
    h2o_socket_read_start(t->sock, on_read);
    mer_timer_start(t->loop, &t->timer, t->conn->server->limits.stall_ms / 4 + 1, on_look, t);
    tell->on_open(t->owner, t);
    if (t->sock->input->size)
        show(t);
}

// ---- face ----

static void on_upgraded(void *data, h2o_socket_t *sock, size_t request_bytes)
{
    struct mer_tunnel *t = data;
    t->sock = sock;
    t->head = request_bytes;
    if (sock) {
        sock->data = t;
        t->conn->phase = CONN_TUNNEL;
    }
    mer_loop_defer(t->loop, &t->ready, on_ready, t);
}

struct mer_slice mer_http_upgrade_wanted(const struct mer_http_req *pub)
{
    const struct request *r = (const struct request *)pub;
    return mer_slice_make(r->h2o->upgrade.base, r->h2o->upgrade.len);
}

void mer_http_upgrade(struct mer_http_req *pub, const struct mer_http_header *headers, size_t headers_n,
                      const struct mer_tunnel_callbacks *callbacks, void *owner)
{
    struct request *r = (struct request *)pub;
    MER_ASSERT(r->state == REQUEST_IN_WORK && !r->aborted && r->conn->phase == CONN_HTTP1);
    struct mer_tunnel *t = calloc(1, sizeof(*t));
    MER_ASSERT(t);
    t->conn = r->conn;
    t->loop = pub->loop;
    t->callbacks = callbacks;
    t->owner = owner;
    mer_buf_init(&t->out, NULL, 0);
    mer_buf_init(&t->flight, NULL, 0);
    request_add_headers(r, headers, headers_n);
    r->h2o->res.status = 101;
    r->h2o->res.reason = "Switching Protocols";
    r->state = REQUEST_ANSWERING;
    r->since_ms = r->mark_ms = server_now_ms(r->conn->server);
    r->mark_bytes = SIZE_MAX;
    h2o_http1_upgrade(r->h2o, NULL, 0, on_upgraded, t);
}

void mer_tunnel_write(struct mer_tunnel *t, struct mer_slice bytes)
{
    mer_buf_add(&t->out, bytes);
    write_more(t);
}

size_t mer_tunnel_waiting(const struct mer_tunnel *t)
{
    return t->out.n + t->flight.n;
}

void mer_tunnel_close(struct mer_tunnel *t)
{
    t->callbacks = NULL;
    mer_timer_start(t->loop, &t->timer, CLOSING_MS, on_too_slow, t);
    if (!t->flying)
        mer_loop_defer(t->loop, &t->ready, on_finish, t);
}
