// SPDX-License-Identifier: MIT
#include "resolvers/graphql/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/time.h"
#include "loop/stream.h"
#include "resolvers/graphql/http1.h"

enum call_state { CALL_IDLE = 0, CALL_QUEUED = 1, CALL_FLIGHT = 2, CALL_ENDING = 3 };

struct mer_gql_conn {
    struct mer_gql_client *client;
    struct mer_stream *stream;
    struct mer_gql_call *call;
    struct mer_http1 answer;
    struct mer_timer timer; // connecting
    struct mer_gql_conn *next, **pprev; // of the client's idle or busy list
    uint32_t requests;      // sent on it
    bool up;
};

struct mer_gql_client {
    struct mer_loop *loop;
    struct sockaddr_in address;
    struct mer_tls_client *tls;
    struct mer_slice host, path;
    struct mer_gql_client_opts opts;
    struct mer_gql_conn *idle, *busy; // idle: last used first
    struct mer_gql_call *queue, **queue_tail;
    struct mer_gql_stats stats;
    struct mer_arena *a;
};

// ---- lists ----

static void conn_link(struct mer_gql_conn **list, struct mer_gql_conn *c)
{
    c->next = *list;
    c->pprev = list;
    if (c->next) {
        c->next->pprev = &c->next;
    }
    *list = c;
}

static void conn_unlink(struct mer_gql_conn *c)
{
    *c->pprev = c->next;
    if (c->next) {
        c->next->pprev = c->pprev;
    }
}

static void queue_push(struct mer_gql_client *c, struct mer_gql_call *call)
{
    call->state = CALL_QUEUED;
    call->next = NULL;
    call->pprev = c->queue_tail;
    *c->queue_tail = call;
    c->queue_tail = &call->next;
    c->stats.queued++;
}

static void queue_drop(struct mer_gql_client *c, struct mer_gql_call *call)
{
    *call->pprev = call->next;
    if (call->next) {
        call->next->pprev = call->pprev;
    } else {
        c->queue_tail = call->pprev;
    }
    c->stats.queued--;
}

// ---- the end of a call ----

static void free_head(struct mer_gql_call *call)
{
    union {
        const char *text;
        char *mem;
    } head = {call->head.p}; // made here by make_head
    free(head.mem);
    call->head = MER_NIL;
}

static void end_call(struct mer_gql_call *call, struct mer_gql_answer *answer)
{
    struct mer_gql_client *c = call->client;
    mer_timer_stop(c->loop, &call->timer);
    mer_task_cancel(c->loop, &call->task);
    call->state = CALL_IDLE;
    free_head(call);
    answer->elapsed_us = mer_time_mono_us() - call->sent_us;
    c->stats.failed_total += answer->err != MER_OK;
    void (*done)(void *, const struct mer_gql_answer *) = call->done;
    done(call->owner, answer);
}

static void fail_call(struct mer_gql_call *call, enum mer_err err, const char *why, bool maybe)
{
    struct mer_gql_answer answer = {.err = err, .message = why, .maybe_executed = maybe && !call->idempotent};
    end_call(call, &answer);
}

// ---- connections ----

static void dispatch(struct mer_gql_client *c);

static void close_conn(struct mer_gql_conn *conn)
{
    struct mer_gql_client *c = conn->client;
    conn_unlink(conn);
    mer_timer_stop(c->loop, &conn->timer);
    mer_stream_close(conn->stream);
    mer_http1_fini(&conn->answer);
    c->stats.connections--;
    free(conn);
}

// The connection broke: its call is asked again where that is safe, else it fails.
static void lose(struct mer_gql_conn *conn, const char *why)
{
    struct mer_gql_client *c = conn->client;
    struct mer_gql_call *call = conn->call;
    bool was_up = conn->up, reused = conn->requests > 1, silent = !mer_http1_began(&conn->answer);
    close_conn(conn);
    if (call) {
        call->conn = NULL;
        c->stats.in_flight--;
        if (was_up && reused && silent && call->idempotent && call->tries < 2) {
            c->stats.retried_total++;
            queue_push(c, call);
        } else {
            fail_call(call, was_up ? MER_ERR_CLOSED : MER_ERR_IO, why ? why : "the connection was closed", was_up);
        }
    }
    dispatch(c);
}

static void write_request(struct mer_gql_conn *conn)
{
    struct mer_gql_call *call = conn->call;
    struct mer_slice iov[2] = {call->head, call->body};
    conn->requests++;
    mer_http1_fini(&conn->answer);
    mer_http1_init(&conn->answer, conn->client->opts.answer_max_bytes);
    mer_stream_write(conn->stream, iov, call->body.n ? 2 : 1, NULL);
}

static void on_connect(void *owner, const char *err)
{
    struct mer_gql_conn *conn = owner;
    mer_timer_stop(conn->client->loop, &conn->timer);
    if (err) {
        lose(conn, err);
        return;
    }
    conn->up = true;
    if (conn->call) {
        write_request(conn);
    } else {
        conn_unlink(conn);
        conn_link(&conn->client->idle, conn);
        dispatch(conn->client);
    }
}

struct kept_body {
    char *p;
};

static void finish_answer(struct mer_gql_conn *conn)
{
    struct mer_gql_client *c = conn->client;
    struct mer_gql_call *call = conn->call;
    struct mer_buf body = conn->answer.body; // taken: kept by the callee, or freed below
    struct mer_gql_answer answer = {.status = conn->answer.status, .body = mer_buf_slice(&body), .message = ""};
    bool reusable = conn->answer.keep_alive && !mer_stream_is_writing(conn->stream);
    struct kept_body keep = {body.p};
    mer_buf_init(&conn->answer.body, NULL, 0);
    conn->call = NULL;
    call->conn = NULL;
    c->stats.in_flight--;
    if (reusable) {
        conn_unlink(conn);
        conn_link(&c->idle, conn);
    } else {
        close_conn(conn);
    }
    answer.keep = &keep;
    end_call(call, &answer);
    free(keep.p);
    dispatch(c);
}

static size_t on_data(void *owner, struct mer_slice bytes)
{
    struct mer_gql_conn *conn = owner;
    if (!conn->call) {
        lose(conn, "bytes without a request");
        return 0;
    }
    size_t used = 0;
    enum mer_http1_result r = mer_http1_feed(&conn->answer, bytes, &used);
    if (r == MER_HTTP1_MORE) {
        return used;
    }
    if (r == MER_HTTP1_ERROR || used < bytes.n) {
        lose(conn, r == MER_HTTP1_ERROR ? conn->answer.error : "more than one answer");
        return 0;
    }
    bool stays = conn->answer.keep_alive && !mer_stream_is_writing(conn->stream);
    finish_answer(conn);
    return stays ? used : 0;
}

static void on_close(void *owner, const char *err)
{
    struct mer_gql_conn *conn = owner;
    if (conn->call && !err && mer_http1_end(&conn->answer) == MER_HTTP1_DONE) {
        conn->answer.keep_alive = false;
        finish_answer(conn);
        return;
    }
    lose(conn, err);
}

static const struct mer_stream_callbacks callbacks = {on_connect, on_data, on_close};

static void connect_timeout(void *owner)
{
    lose(owner, "connecting took too long");
}

static struct mer_gql_conn *open_conn(struct mer_gql_client *c)
{
    struct mer_gql_conn *conn = calloc(1, sizeof(*conn));
    MER_ASSERT(conn);
    conn->client = c;
    mer_http1_init(&conn->answer, c->opts.answer_max_bytes);
    conn_link(&c->busy, conn);
    c->stats.connections++;
    conn->stream = mer_stream_connect(c->loop, (const struct sockaddr *)&c->address, sizeof(c->address), c->tls,
                                      &callbacks, conn);
    mer_timer_start(c->loop, &conn->timer, c->opts.connect_ms, connect_timeout, conn);
    return conn;
}

// Gives waiting calls to idle connections, then to new ones up to the cap.
static void dispatch(struct mer_gql_client *c)
{
    while (c->queue && (c->idle || c->stats.connections < c->opts.connections_max)) {
        struct mer_gql_call *call = c->queue;
        struct mer_gql_conn *conn = c->idle;
        queue_drop(c, call);
        call->state = CALL_FLIGHT;
        call->tries++;
        c->stats.in_flight++;
        if (conn) {
            conn_unlink(conn);
            conn_link(&c->busy, conn);
        } else {
            conn = open_conn(c);
        }
        conn->call = call;
        call->conn = conn;
        if (conn->up) {
            write_request(conn);
        }
    }
}

// ---- calls ----

static void make_head(struct mer_gql_client *c, struct mer_gql_call *call)
{
    struct mer_buf b;
    struct mer_slice path = call->path.n ? call->path : c->path;
    mer_buf_init(&b, NULL, 512);
    mer_buf_printf(&b, "%s %.*s HTTP/1.1\r\nhost: %.*s\r\n", call->get ? "GET" : "POST", MER_FMT(path), MER_FMT(c->host));
    mer_buf_add(&b, MER_S("accept: application/graphql-response+json, application/json\r\n"));
    for (uint32_t i = 0; i < call->headers_n; i++) {
        mer_buf_printf(&b, "%.*s: %.*s\r\n", MER_FMT(call->headers[i].name), MER_FMT(call->headers[i].value));
    }
    if (!call->get) {
        mer_buf_printf(&b, "content-type: application/json\r\ncontent-length: %zu\r\n", call->body.n);
    }
    mer_buf_add(&b, MER_S("\r\n"));
    call->head = mer_buf_slice(&b);
}

static bool header_clean(struct mer_slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == 0) {
            return false;
        }
    }
    return true;
}

static void deadline(void *owner)
{
    struct mer_gql_call *call = owner;
    struct mer_gql_conn *conn = call->conn;
    bool sent = conn && conn->up;
    mer_gql_cancel(call);
    fail_call(call, MER_ERR_TIMEOUT, "no answer in time", sent);
}

static void refuse_busy(void *owner)
{
    fail_call(owner, MER_ERR_BUSY, "too many calls wait for this origin", false);
}

static void refuse_header(void *owner)
{
    fail_call(owner, MER_ERR_INVALID, "a header holds a line break", false);
}

static void begin(void *owner)
{
    struct mer_gql_call *call = owner;
    queue_push(call->client, call);
    dispatch(call->client);
}

void mer_gql_send(struct mer_gql_client *c, struct mer_gql_call *call)
{
    call->client = c;
    call->conn = NULL;
    call->tries = 0;
    call->state = CALL_ENDING;
    call->sent_us = mer_time_mono_us();
    c->stats.sent_total++;
    bool clean = header_clean(call->path);
    for (uint32_t i = 0; i < call->headers_n; i++) {
        clean = clean && header_clean(call->headers[i].name) && header_clean(call->headers[i].value);
    }
    if (!clean || c->stats.queued >= c->opts.queue_max) {
        mer_loop_defer(c->loop, &call->task, clean ? refuse_busy : refuse_header, call);
        return;
    }
    make_head(c, call);
    int64_t ms = (call->deadline_mono_us - call->sent_us) / 1000;
    mer_timer_start(c->loop, &call->timer, ms > 0 ? (uint64_t)ms : 1, deadline, call);
    mer_loop_defer(c->loop, &call->task, begin, call);
}

void mer_gql_cancel(struct mer_gql_call *call)
{
    struct mer_gql_client *c = call->client;
    if (!c || call->state == CALL_IDLE) {
        return;
    }
    mer_timer_stop(c->loop, &call->timer);
    mer_task_cancel(c->loop, &call->task);
    if (call->state == CALL_QUEUED) {
        queue_drop(c, call);
    } else if (call->state == CALL_FLIGHT) {
        c->stats.in_flight--;
        call->conn->call = NULL;
        close_conn(call->conn); // an answer that nobody waits for cannot be told from the next one
        call->conn = NULL;
        dispatch(c);
    }
    call->state = CALL_IDLE;
    free_head(call);
}

void *mer_gql_keep(const struct mer_gql_answer *answer)
{
    struct kept_body *k = answer->keep;
    void *handle = k->p;
    k->p = NULL;
    return handle;
}

void mer_gql_release(void *handle)
{
    free(handle);
}

void mer_gql_client_stats(const struct mer_gql_client *c, struct mer_gql_stats *out)
{
    *out = c->stats;
}

// ---- the client ----

static enum mer_err read_url(struct mer_gql_client *c, struct mer_slice url, bool *tls, struct mer_diag *diag)
{
    struct mer_slice rest = url;
    *tls = mer_slice_starts(url, MER_S("https://"));
    if (!*tls && !mer_slice_starts(url, MER_S("http://"))) {
        return mer_diag_set(diag, MER_ERR_INVALID, "%.*s: http:// or https:// is expected", MER_FMT(url));
    }
    rest.p += *tls ? 8 : 7;
    rest.n -= *tls ? 8 : 7;
    const char *slash = memchr(rest.p, '/', rest.n);
    c->host = mer_arena_copy(c->a, mer_slice_make(rest.p, slash ? (size_t)(slash - rest.p) : rest.n));
    c->path = mer_arena_copy(c->a, slash ? mer_slice_make(slash, rest.n - (size_t)(slash - rest.p)) : MER_S("/"));
    struct mer_slice port = c->host;
    struct mer_slice name = mer_slice_cut(&port, ':');
    uint64_t n = *tls ? 443 : 80;
    if (port.n && (!mer_slice_to_u64(port, &n) || n == 0 || n > 65535)) {
        return mer_diag_set(diag, MER_ERR_INVALID, "%.*s: bad port", MER_FMT(url));
    }
    const char *literal = mer_slice_is(name, "localhost") ? "127.0.0.1" : mer_arena_cstr(c->a, name);
    c->address.sin_family = AF_INET;
    c->address.sin_port = htons((uint16_t)n);
    if (inet_pton(AF_INET, literal, &c->address.sin_addr) != 1) {
        return mer_diag_set(diag, MER_ERR_INVALID, "%.*s: a literal address is expected", MER_FMT(url));
    }
    return MER_OK;
}

struct mer_gql_client *mer_gql_client_create(struct mer_loop *loop, const struct mer_gql_client_opts *opts,
                                             struct mer_diag *diag)
{
    struct mer_arena *a = mer_arena_create(0);
    struct mer_gql_client *c = MER_NEW(a, struct mer_gql_client);
    bool tls = false;
    c->a = a;
    c->loop = loop;
    c->opts = *opts;
    c->opts.connections_max = opts->connections_max ? opts->connections_max : 64;
    c->opts.queue_max = opts->queue_max ? opts->queue_max : 1024;
    c->opts.connect_ms = opts->connect_ms ? opts->connect_ms : 2000;
    c->opts.answer_max_bytes = opts->answer_max_bytes ? opts->answer_max_bytes : 64u << 20;
    c->queue_tail = &c->queue;
    enum mer_err err = read_url(c, opts->url, &tls, diag);
    if (!err && tls) {
        struct mer_slice port = c->host;
        struct mer_tls_client_opts t = {.host = mer_arena_cstr(a, mer_slice_cut(&port, ':')),
                                        .ca_file = opts->ca_file,
                                        .cert_file = opts->cert_file,
                                        .key_file = opts->key_file};
        c->tls = mer_tls_client_create(&t, diag);
        err = c->tls ? MER_OK : MER_ERR_INVALID;
    }
    if (err) {
        mer_arena_destroy(a);
        return NULL;
    }
    return c;
}

void mer_gql_client_destroy(struct mer_gql_client *c)
{
    if (!c) {
        return;
    }
    while (c->idle) {
        close_conn(c->idle);
    }
    while (c->busy) {
        close_conn(c->busy);
    }
    if (c->tls) {
        mer_tls_client_unref(c->tls);
    }
    mer_arena_destroy(c->a);
}
