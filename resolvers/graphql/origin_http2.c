// SPDX-License-Identifier: MIT
// Connections that speak HTTP/2: any number of calls on each. What the codec tells while it reads or writes
// is only written down; calls hear of it by their own tasks, when the connection may be changed again.
#include "resolvers/graphql/client_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/time.h"

static bool flush(struct mer_gql_conn *conn);

// ---- exchanges ----

// Off its connection; the call goes on elsewhere.
static void leave(struct gql_exchange *e)
{
    struct mer_gql_client *c = e->conn->client;
    *e->pprev = e->next;
    if (e->next) {
        e->next->pprev = e->pprev;
    }
    e->conn = NULL;
    c->stats.in_flight--;
}

static void forget(struct gql_exchange *e)
{
    e->call->exchange = NULL;
    mer_http2_exchange_fini(&e->x);
    free(e);
}

static void tell(void *owner)
{
    struct mer_gql_call *call = owner;
    struct gql_exchange *e = call->exchange;
    struct mer_buf body = e->x.body, headers = e->x.headers; // taken
    enum mer_http2_end end = e->end;
    enum mer_err err = e->err;
    int status = e->x.status;
    bool zipped = e->x.gzip;
    char why[sizeof(e->why)];
    memcpy(why, e->why, sizeof(why));
    mer_buf_init(&e->x.body, NULL, 0);
    mer_buf_init(&e->x.headers, NULL, 0);
    forget(e);
    if (end == MER_HTTP2_WHOLE) {
        gql_origin_deliver(call, status, &body, &headers, zipped);
        return;
    }
    mer_buf_fini(&body);
    mer_buf_fini(&headers);
    gql_call_fail(call, err, why);
}

static void tell_soon(struct gql_exchange *e, enum mer_http2_end end, enum mer_err err, const char *why)
{
    struct mer_gql_call *call = e->call;
    e->end = end;
    e->err = err;
    snprintf(e->why, sizeof(e->why), "%s", why ? why : "the connection was closed");
    call->state = GQL_CALL_ANSWERED;
    mer_loop_defer(call->client->loop, &call->task, tell, call);
}

// Of the codec: inside mer_http2_feed or mer_http2_take.
static void on_ended(void *owner, struct mer_http2_exchange *x, enum mer_http2_end end)
{
    struct mer_gql_conn *conn = owner;
    struct gql_exchange *e = (struct gql_exchange *)(void *)x;
    struct mer_gql_call *call = e->call;
    leave(e);
    conn->reused = conn->reused || end == MER_HTTP2_WHOLE;
    gql_origin_dispatch_soon(conn->client); // there is room again
    call->sent = end != MER_HTTP2_REFUSED;  // a mutation is known not to have been carried out
    if (end == MER_HTTP2_REFUSED && gql_origin_ask_again(conn->client, call)) {
        forget(e);
        return;
    }
    bool large = end == MER_HTTP2_TOO_LARGE;
    const char *why = end == MER_HTTP2_REFUSED ? "the server refused the request" : x->error;
    tell_soon(e, end, large ? MER_ERR_LIMIT : MER_ERR_CLOSED, why);
}

static struct mer_slice method_of(const struct mer_gql_call *call)
{
    return call->get ? MER_S("GET") : MER_S("POST");
}

static size_t write_headers(const struct mer_gql_client *c, const struct mer_gql_call *call,
                            struct mer_slice length, struct mer_http2_header *h)
{
    size_t n = 0;
    h[n++] = (struct mer_http2_header){MER_S(":method"), method_of(call)};
    h[n++] = (struct mer_http2_header){MER_S(":scheme"), c->tls ? MER_S("https") : MER_S("http")};
    h[n++] = (struct mer_http2_header){MER_S(":authority"), c->url.authority};
    h[n++] = (struct mer_http2_header){MER_S(":path"), call->path.n ? call->path : c->url.path};
    h[n++] = (struct mer_http2_header){MER_S("accept"), MER_S(GQL_ACCEPT)};
    if (c->opts.gzip) {
        h[n++] = (struct mer_http2_header){MER_S("accept-encoding"), MER_S("gzip")};
    }
    if (!call->get) {
        h[n++] = (struct mer_http2_header){MER_S("content-type"), MER_S("application/json")};
        h[n++] = (struct mer_http2_header){MER_S("content-length"), length};
    }
    for (uint32_t i = 0; i < call->headers_n; i++) {
        h[n++] = (struct mer_http2_header){call->headers[i].name, call->headers[i].value};
    }
    return n;
}

void gql_shared_ask(struct mer_gql_conn *conn, struct mer_gql_call *call)
{
    enum { OWN_HEADERS = 8 };
    struct mer_gql_client *c = conn->client;
    char digits[24];
    int n = snprintf(digits, sizeof(digits), "%zu", call->body.n);
    struct mer_http2_header *headers = calloc(OWN_HEADERS + call->headers_n, sizeof(*headers));
    struct gql_exchange *e = calloc(1, sizeof(*e));
    MER_ASSERT(headers && e);
    e->conn = conn;
    e->call = call;
    e->sent_us = mer_time_mono_us();
    e->next = conn->exchanges;
    e->pprev = &conn->exchanges;
    if (e->next) {
        e->next->pprev = &e->next;
    }
    conn->exchanges = e;
    call->exchange = e;
    call->sent = true;
    mer_timer_stop(c->loop, &conn->timer); // it was idle
    size_t all = write_headers(c, call, mer_slice_make(digits, (size_t)n), headers);
    mer_http2_send(conn->http2, &e->x, headers, all, call->get ? MER_NIL : call->body);
    free(headers);
}

// ---- the connection ----

struct mer_gql_conn *gql_shared_with_room(const struct mer_gql_client *c)
{
    struct mer_gql_conn *conn = c->shared;
    while (conn && (conn->leaving || !mer_http2_has_room(conn->http2))) {
        conn = conn->next;
    }
    return conn;
}

bool gql_shared_is_coming(const struct mer_gql_client *c)
{
    struct mer_gql_conn *conn = c->shared;
    while (conn && (conn->leaving || mer_http2_is_settled(conn->http2))) {
        conn = conn->next;
    }
    return conn;
}

void gql_shared_begin(struct mer_gql_conn *conn)
{
    struct mer_gql_client *c = conn->client;
    struct mer_gql_call *call = conn->call;
    const struct mer_http2_opts opts = {
        .body_max = c->opts.answer_max_bytes, .gzip_allowed = c->opts.gzip, .ended = on_ended, .owner = conn};
    conn->http2 = mer_http2_create(&opts);
    conn->heard_us = mer_time_mono_us();
    conn->call = NULL;
    call->conn = NULL;
    gql_origin_unlink(conn);
    gql_origin_link(&c->shared, conn);
    gql_shared_ask(conn, call);
    flush(conn);
}

void gql_shared_lost(struct mer_gql_conn *conn, const char *why)
{
    struct mer_gql_client *c = conn->client;
    struct gql_exchange *next = NULL;
    for (struct gql_exchange *e = conn->exchanges; e; e = next) {
        struct mer_gql_call *call = e->call;
        next = e->next;
        bool may_again = call->idempotent && conn->reused && !e->x.began;
        leave(e);
        if (may_again && gql_origin_ask_again(c, call)) {
            forget(e);
        } else {
            tell_soon(e, MER_HTTP2_BROKEN, MER_ERR_CLOSED, why);
        }
    }
    gql_origin_close_conn(conn);
}

static void on_idle(void *owner)
{
    gql_origin_close_conn(owner);
}

// Without exchanges it is closed if it is leaving, else after a while. False: it is gone.
static bool rest(struct mer_gql_conn *conn)
{
    struct mer_gql_client *c = conn->client;
    if (conn->exchanges) {
        return true;
    }
    if (conn->leaving) {
        gql_origin_close_conn(conn);
        return false;
    }
    mer_timer_start(c->loop, &conn->timer, c->opts.idle_ms, on_idle, conn);
    return true;
}

static void on_written(void *owner)
{
    flush(owner);
}

// False: the connection was lost, and is gone.
static bool flush(struct mer_gql_conn *conn)
{
    const char *why = NULL;
    if (mer_stream_is_writing(conn->stream)) {
        return true; // on_written goes on
    }
    mer_buf_clear(&conn->writing);
    if (!mer_http2_take(conn->http2, &conn->writing, &why)) {
        gql_shared_lost(conn, why);
        return false;
    }
    if (conn->writing.n) {
        struct mer_slice all = mer_buf_slice(&conn->writing);
        mer_stream_write(conn->stream, &all, 1, on_written);
    }
    return true;
}

void gql_shared_flush_all(struct mer_gql_client *c)
{
    struct mer_gql_conn *next = NULL;
    for (struct mer_gql_conn *conn = c->shared; conn; conn = next) {
        next = conn->next;
        flush(conn);
    }
}

bool gql_shared_data(struct mer_gql_conn *conn, struct mer_slice bytes)
{
    const char *why = NULL;
    conn->heard_us = mer_time_mono_us();
    if (!mer_http2_feed(conn->http2, bytes, &why)) {
        gql_shared_lost(conn, why);
        return false;
    }
    gql_origin_dispatch_soon(conn->client); // the server may take more than it did
    return flush(conn) && rest(conn);
}

// Answers were awaited, and for long enough to connect anew nothing came: others need not wait for them too.
static bool is_silent(const struct mer_gql_conn *conn, const struct gql_exchange *e)
{
    int64_t silent_us = mer_time_mono_us() - conn->heard_us;
    return conn->heard_us < e->sent_us && silent_us > (int64_t)conn->client->opts.connect_ms * 1000;
}

void gql_shared_drop(struct mer_gql_call *call)
{
    struct gql_exchange *e = call->exchange;
    struct mer_gql_conn *conn = e->conn;
    if (conn) {
        mer_http2_cancel(conn->http2, &e->x);
        conn->leaving = conn->leaving || is_silent(conn, e);
        leave(e);
    }
    forget(e);
    if (conn && flush(conn)) {
        rest(conn);
    }
}
