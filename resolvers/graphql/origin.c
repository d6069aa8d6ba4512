// SPDX-License-Identifier: MIT
// One origin's connections and the calls that wait for one. Work is handed out once a turn, by a task: calls
// that come together are seen together, and one that is cancelled in the same turn has cost nothing.
#include "resolvers/graphql/client_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

// ---- lists ----

void gql_origin_link(struct mer_gql_conn **list, struct mer_gql_conn *conn)
{
    conn->next = *list;
    conn->pprev = list;
    if (conn->next) {
        conn->next->pprev = &conn->next;
    }
    *list = conn;
}

void gql_origin_unlink(struct mer_gql_conn *conn)
{
    *conn->pprev = conn->next;
    if (conn->next) {
        conn->next->pprev = conn->pprev;
    }
}

static void queue_take(struct mer_gql_client *c, struct mer_gql_call *call)
{
    *call->pprev = call->next;
    if (call->next) {
        call->next->pprev = call->pprev;
    } else {
        c->queue_tail = call->pprev;
    }
    c->stats.queued--;
}

// To the head: it has waited before.
static void queue_push_first(struct mer_gql_client *c, struct mer_gql_call *call)
{
    call->state = GQL_CALL_QUEUED;
    call->next = c->queue;
    call->pprev = &c->queue;
    if (call->next) {
        call->next->pprev = &call->next;
    } else {
        c->queue_tail = &call->next;
    }
    c->queue = call;
    c->stats.queued++;
}

// ---- the end of a connection ----

static void on_dispatch(void *owner);

void gql_origin_dispatch_soon(struct mer_gql_client *c)
{
    if (c->queue) {
        mer_loop_defer(c->loop, &c->dispatch, on_dispatch, c);
    }
}

static void detach(struct mer_gql_conn *conn)
{
    conn->call->conn = NULL;
    conn->call->state = GQL_CALL_NOWHERE;
    conn->call = NULL;
    conn->client->stats.in_flight--;
}

void gql_origin_close_conn(struct mer_gql_conn *conn)
{
    struct mer_gql_client *c = conn->client;
    if (conn->call) {
        detach(conn);
    }
    gql_origin_unlink(conn);
    mer_timer_stop(c->loop, &conn->timer);
    mer_stream_close(conn->stream);
    mer_http1_fini(&conn->answer);
    mer_http2_destroy(conn->http2);
    mer_buf_fini(&conn->writing);
    c->connecting -= !conn->up;
    c->stats.connections--;
    free(conn);
    gql_origin_dispatch_soon(c);
}

bool gql_origin_ask_again(struct mer_gql_client *c, struct mer_gql_call *call)
{
    if (call->again || c->retry_tenths < 10) {
        return false;
    }
    call->again = true;
    c->retry_tenths -= 10;
    c->stats.retried_total++;
    queue_push_first(c, call);
    gql_origin_dispatch_soon(c);
    return true;
}

static void fail_unreachable(void *owner)
{
    gql_call_fail(owner, MER_ERR_IO, "another call found no connection");
}

// Over HTTP/2 calls wait for one connection. If it does not come they do not try one after the other.
static void fail_waiting(struct mer_gql_client *c)
{
    while (c->queue && c->connecting == 0 && !c->idle && !c->busy && !c->shared) {
        struct mer_gql_call *call = c->queue;
        queue_take(c, call);
        call->state = GQL_CALL_ANSWERED; // each is a failure that the breaker hears of, its probe above all
        mer_loop_defer(c->loop, &call->task, fail_unreachable, call);
    }
}

// The connection is of no more use: its call is asked again where that is safe, else it fails.
static void lose(struct mer_gql_conn *conn, enum mer_err err, const char *why)
{
    struct mer_gql_client *c = conn->client;
    struct mer_gql_call *call = conn->call;
    bool may_again = call && call->idempotent && conn->up && conn->reused && err == MER_ERR_CLOSED &&
                     !mer_http1_began(&conn->answer);
    bool unreachable = !conn->up && c->opts.http2;
    char line[160]; // what says why may lie in the stream
    snprintf(line, sizeof(line), "%s", why ? why : "the connection was closed");
    gql_origin_close_conn(conn);
    if (unreachable) {
        fail_waiting(c);
    }
    if (call && !(may_again && gql_origin_ask_again(c, call))) {
        gql_call_fail(call, err, line);
    }
}

static void on_idle_timeout(void *owner)
{
    gql_origin_close_conn(owner);
}

static void on_connect_timeout(void *owner)
{
    lose(owner, MER_ERR_IO, "connecting took too long");
}

// ---- request and answer ----

static void write_request(struct mer_gql_conn *conn)
{
    struct mer_gql_call *call = conn->call;
    gql_call_make_head(call);
    struct mer_slice iov[2] = {call->head, call->body};
    call->sent = true;
    mer_http1_reset(&conn->answer);
    mer_stream_write(conn->stream, iov, call->get ? 1 : 2, NULL);
}

static void on_connect(void *owner, const char *err)
{
    struct mer_gql_conn *conn = owner;
    mer_timer_stop(conn->client->loop, &conn->timer);
    if (err) {
        lose(conn, MER_ERR_IO, err);
        return;
    }
    struct mer_gql_client *c = conn->client;
    conn->up = true;
    c->connecting--;
    bool http2 = c->opts.http2 && (!c->tls || mer_slice_is(mer_stream_protocol(conn->stream), "h2"));
    c->speaks = http2 ? GQL_SPEAKS_HTTP2 : GQL_SPEAKS_HTTP1;
    gql_origin_dispatch_soon(c); // calls may have waited to know this
    if (http2) {
        gql_shared_begin(conn);
    } else {
        write_request(conn);
    }
}

// Decodes the body in place, or makes the answer an error.
static void decode(struct mer_gql_client *c, struct mer_buf *body, struct mer_gql_answer *answer)
{
    struct mer_buf plain;
    enum mer_err err = gql_inflate(c, mer_buf_slice(body), c->opts.answer_max_bytes, &plain);
    mer_buf_fini(body);
    if (!err) {
        *body = plain;
        answer->body = mer_buf_slice(body);
        return;
    }
    mer_buf_fini(&plain);
    mer_buf_init(body, NULL, 0);
    *answer = (struct mer_gql_answer){
        .err = err,
        .message = err == MER_ERR_LIMIT ? "answer too large" : "bad compressed body",
        .maybe_executed = true,
    };
}

void gql_origin_deliver(struct mer_gql_call *call, int status, struct mer_buf *body, struct mer_buf *headers,
                        bool zipped)
{
    struct mer_gql_answer answer = {
        .status = status, .body = mer_buf_slice(body), .headers = mer_buf_slice(headers), .message = ""};
    struct mer_buf told = *headers;
    if (zipped && body->n) {
        decode(call->client, body, &answer);
    }
    char *kept = body->p; // freed at the end unless the caller keeps it
    answer.keep = &kept;
    gql_call_end(call, &answer);
    free(kept);
    mer_buf_fini(&told);
}

// The connection is free again before its caller hears: what he sends then may use it.
static void finish_answer(struct mer_gql_conn *conn)
{
    struct mer_gql_client *c = conn->client;
    struct mer_gql_call *call = conn->call;
    struct mer_buf body = conn->answer.body, headers = conn->answer.headers; // taken
    int status = conn->answer.status;
    bool zipped = conn->answer.gzip;
    // An answer that came before its request had gone out leaves the rest of that on the wire.
    bool reusable = conn->answer.keep_alive && !mer_stream_is_writing(conn->stream);
    mer_buf_init(&conn->answer.body, NULL, 0);
    mer_buf_init(&conn->answer.headers, NULL, 0);
    detach(conn);
    if (reusable) {
        conn->reused = true;
        gql_origin_unlink(conn);
        gql_origin_link(&c->idle, conn);
        mer_timer_start(c->loop, &conn->timer, c->opts.idle_ms, on_idle_timeout, conn);
        gql_origin_dispatch_soon(c);
    } else {
        gql_origin_close_conn(conn);
    }
    gql_origin_deliver(call, status, &body, &headers, zipped);
}

static size_t on_data(void *owner, struct mer_slice bytes)
{
    struct mer_gql_conn *conn = owner;
    size_t used = 0;
    if (conn->http2) {
        return gql_shared_data(conn, bytes) ? bytes.n : 0;
    }
    if (!conn->call) {
        gql_origin_close_conn(conn); // idle: bytes that nobody asked for would be the next call's answer
        return 0;
    }
    switch (mer_http1_feed(&conn->answer, bytes, &used)) {
    case MER_HTTP1_MORE:
        return used;
    case MER_HTTP1_ERROR:
        lose(conn, conn->answer.too_large ? MER_ERR_LIMIT : MER_ERR_CLOSED, conn->answer.error);
        return 0;
    case MER_HTTP1_DONE:
        break;
    }
    if (used < bytes.n) {
        lose(conn, MER_ERR_CLOSED, "more than one answer");
        return 0;
    }
    finish_answer(conn);
    return used; // not looked at when the stream was closed
}

static void on_close(void *owner, const char *err)
{
    struct mer_gql_conn *conn = owner;
    if (conn->http2) {
        gql_shared_lost(conn, err);
    } else if (!conn->call) {
        gql_origin_close_conn(conn);
    } else if (!err && mer_http1_end(&conn->answer) == MER_HTTP1_DONE) {
        finish_answer(conn); // one that ends with its connection is never kept alive
    } else {
        bool within = mer_http1_began(&conn->answer) && !err;
        lose(conn, MER_ERR_CLOSED, within ? conn->answer.error : err);
    }
}

// ---- work for connections ----

static struct mer_gql_conn *open_conn(struct mer_gql_client *c)
{
    static const struct mer_stream_callbacks callbacks = {on_connect, on_data, on_close};
    struct mer_gql_conn *conn = calloc(1, sizeof(*conn));
    MER_ASSERT(conn);
    conn->client = c;
    mer_http1_init(&conn->answer, c->opts.answer_max_bytes);
    conn->answer.gzip_allowed = c->opts.gzip;
    mer_buf_init(&conn->writing, NULL, 0);
    gql_origin_link(&c->busy, conn);
    c->stats.connections++;
    c->connecting++;
    conn->stream = mer_stream_connect(c->loop, (const struct sockaddr *)&c->url.address, c->url.address_len,
                                      c->tls_http2 ? c->tls_http2 : c->tls, &callbacks, conn);
    mer_timer_start(c->loop, &conn->timer, c->opts.connect_ms, on_connect_timeout, conn);
    return conn;
}

// A connection for this call, or NULL. One that is asked again wants a new connection: the idle ones may have
// been closed by the same stroke. There is room for it, the one it lost, since it stands at the head of the
// queue.
static struct mer_gql_conn *conn_for(struct mer_gql_client *c, const struct mer_gql_call *call)
{
    struct mer_gql_conn *conn = gql_shared_with_room(c);
    bool coming = c->connecting || gql_shared_is_coming(c);
    if (conn || (c->opts.http2 && c->speaks != GQL_SPEAKS_HTTP1 && coming)) {
        return conn; // none: one that is coming up will do for all
    }
    conn = c->idle;
    if (!conn || call->again) {
        return c->stats.connections < c->opts.connections_max ? open_conn(c) : NULL;
    }
    mer_timer_stop(c->loop, &conn->timer);
    gql_origin_unlink(conn);
    gql_origin_link(&c->busy, conn);
    return conn;
}

static void hand_out(struct mer_gql_client *c)
{
    while (c->queue) {
        struct mer_gql_call *call = c->queue;
        struct mer_gql_conn *conn = conn_for(c, call);
        if (!conn) {
            return; // the next connection that is done or closed goes on here
        }
        queue_take(c, call);
        call->state = GQL_CALL_FLIGHT;
        c->stats.in_flight++;
        if (conn->http2) {
            gql_shared_ask(conn, call);
            continue;
        }
        call->conn = conn;
        conn->call = call;
        if (conn->up) {
            write_request(conn);
        }
    }
}

static void on_dispatch(void *owner)
{
    struct mer_gql_client *c = owner;
    hand_out(c);
    gql_shared_flush_all(c);
}

// Each call in flight has a connection and each call that could have one is not really waiting.
bool gql_origin_is_full(const struct mer_gql_client *c)
{
    uint64_t most = c->opts.connections_max, busy = c->stats.in_flight;
    uint64_t free_n = busy < most ? most - busy : 0;
    return c->stats.queued >= c->opts.queue_max + free_n;
}

void gql_origin_push(struct mer_gql_client *c, struct mer_gql_call *call)
{
    call->state = GQL_CALL_QUEUED;
    call->next = NULL;
    call->pprev = c->queue_tail;
    *c->queue_tail = call;
    c->queue_tail = &call->next;
    c->stats.queued++;
    gql_origin_dispatch_soon(c);
}

void gql_origin_drop(struct mer_gql_client *c, struct mer_gql_call *call)
{
    if (call->state == GQL_CALL_QUEUED) {
        queue_take(c, call);
    } else if (call->exchange) {
        gql_shared_drop(call);
    } else if (call->state == GQL_CALL_FLIGHT) {
        gql_origin_close_conn(call->conn); // an answer that nobody waits for cannot be told from the next one
    }
    call->state = GQL_CALL_NOWHERE;
}

void gql_origin_close(struct mer_gql_client *c)
{
    MER_ASSERT(!c->queue && c->stats.in_flight == 0);
    while (c->idle) {
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc)
        gql_origin_close_conn(c->idle);
    }
    while (c->shared) {
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc)
        gql_origin_close_conn(c->shared);
    }
    mer_task_cancel(c->loop, &c->dispatch);
}
