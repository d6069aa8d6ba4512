// SPDX-License-Identifier: MIT
#include "resolvers/graphql/client_priv.h"

#include <stdlib.h>

#include "base/time.h"

// ---- the end of a call ----

static void let_go(struct mer_gql_call *call)
{
    union {
        const char *text;
        char *mem;
    } head = {call->head.p}; // made here, by gql_call_make_head
    mer_timer_stop(call->client->loop, &call->timer);
    mer_task_cancel(call->client->loop, &call->task);
    gql_origin_drop(call->client, call);
    free(head.mem);
    call->head = MER_NIL;
}

void gql_call_end(struct mer_gql_call *call, struct mer_gql_answer *answer)
{
    if (call->state != GQL_CALL_REFUSED) {
        gql_breaker_heard(call->client, call, answer);
    }
    let_go(call);
    answer->elapsed_us = mer_time_mono_us() - call->sent_us;
    call->client->stats.failed_total += answer->err != MER_OK;
    call->done(call->owner, answer);
}

void gql_call_fail(struct mer_gql_call *call, enum mer_err err, const char *why)
{
    struct mer_gql_answer answer = {.err = err, .message = why, .maybe_executed = call->sent};
    gql_call_end(call, &answer);
}

void mer_gql_cancel(struct mer_gql_call *call)
{
    if (call->client && call->state != GQL_CALL_NOWHERE) {
        gql_breaker_forget(call->client, call);
        let_go(call);
    }
}

void mer_gql_give_up(struct mer_gql_call *call)
{
    if (call->client && call->state != GQL_CALL_NOWHERE) {
        if (call->state != GQL_CALL_REFUSED) {
            gql_breaker_heard(call->client, call, &(struct mer_gql_answer){.err = MER_ERR_TIMEOUT});
        }
        call->client->stats.failed_total++;
        let_go(call);
    }
}

static void on_deadline(void *owner)
{
    gql_call_fail(owner, MER_ERR_TIMEOUT, "no answer in time");
}

// ---- the beginning ----

static bool is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

// A line break smuggled in here would begin a header, or a request, of somebody else's making.
static bool header_is_clean(const struct mer_gql_header *h)
{
    static const char *const own[] = {"connection", "content-length", "expect",  "host",
                                      "te",         "trailer",        "upgrade", "transfer-encoding"};
    for (size_t i = 0; i < h->name.n; i++) {
        if (!is_token_char(h->name.p[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (mer_slice_is(h->name, own[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < h->value.n; i++) {
        unsigned char u = (unsigned char)h->value.p[i];
        if ((u < ' ' && u != '\t') || u == 0x7f) {
            return false;
        }
    }
    return h->name.n > 0;
}

static bool is_clean(const struct mer_gql_call *call)
{
    for (size_t i = 0; i < call->path.n; i++) {
        unsigned char u = (unsigned char)call->path.p[i];
        if (u <= ' ' || u >= 0x7f || call->path.p[0] != '/') {
            return false;
        }
    }
    for (uint32_t i = 0; i < call->headers_n; i++) {
        if (!header_is_clean(&call->headers[i])) {
            return false;
        }
    }
    return !call->get || call->body.n == 0;
}

static void begin_head(const struct mer_gql_client *c, struct mer_slice method, struct mer_slice path,
                       struct mer_buf *b)
{
    mer_buf_add(b, method);
    mer_buf_add(b, path);
    mer_buf_add(b, MER_S(" HTTP/1.1\r\nhost: "));
    mer_buf_add(b, c->url.authority);
    mer_buf_add(b, MER_S("\r\naccept: " GQL_ACCEPT "\r\n"));
    if (c->opts.gzip) {
        mer_buf_add(b, MER_S("accept-encoding: gzip\r\n"));
    }
}

void gql_call_make_head(struct mer_gql_call *call)
{
    const struct mer_gql_client *c = call->client;
    struct mer_buf b;
    if (call->head.n) {
        return; // asked again
    }
    mer_buf_init(&b, NULL, 1024);
    if (!call->get && !call->path.n) {
        mer_buf_add(&b, c->post_head);
    } else {
        begin_head(c, call->get ? MER_S("GET ") : MER_S("POST "), call->path.n ? call->path : c->url.path,
                   &b);
    }
    for (uint32_t i = 0; i < call->headers_n; i++) {
        mer_buf_add(&b, call->headers[i].name);
        mer_buf_add(&b, MER_S(": "));
        mer_buf_add(&b, call->headers[i].value);
        mer_buf_add(&b, MER_S("\r\n"));
    }
    if (!call->get) {
        mer_buf_add(&b, MER_S("content-type: application/json\r\ncontent-length: "));
        mer_buf_add_u64(&b, call->body.n);
        mer_buf_add(&b, MER_S("\r\n"));
    }
    mer_buf_add(&b, MER_S("\r\n"));
    call->head = mer_buf_slice(&b);
}

static void refuse_unclean(void *owner)
{
    gql_call_fail(owner, MER_ERR_INVALID, "the call cannot be written as a request");
}

static void refuse_lost(void *owner)
{
    gql_call_fail(owner, MER_ERR_IO, "the host's name has no address");
}

static void refuse_late(void *owner)
{
    gql_call_fail(owner, MER_ERR_TIMEOUT, "the deadline had passed before the call");
}

static void refuse_full(void *owner)
{
    gql_call_fail(owner, MER_ERR_BUSY, "too many calls wait for this origin");
}

static void refuse_open(void *owner)
{
    gql_call_fail(owner, MER_ERR_IO, "the circuit is open: it failed too often");
}

int64_t mer_gql_deadline(const struct mer_gql_client *c, int64_t deadline_mono_us)
{
    int64_t latest = mer_time_mono_us() + (int64_t)c->opts.request_ms * 1000;
    return c->opts.request_ms && latest < deadline_mono_us ? latest : deadline_mono_us;
}

void mer_gql_send(struct mer_gql_client *c, struct mer_gql_call *call)
{
    call->client = c;
    call->conn = NULL;
    call->exchange = NULL;
    call->sent = call->again = call->probe = false;
    call->state = GQL_CALL_REFUSED;
    call->sent_us = mer_time_mono_us();
    c->stats.sent_total++;
    c->retry_tenths += c->retry_tenths < GQL_RETRY_TENTHS_MAX;
    int64_t left_us = mer_gql_deadline(c, call->deadline_mono_us) - call->sent_us;
    mer_loop_fn *refuse = !is_clean(call)             ? refuse_unclean
                          : left_us <= 0              ? refuse_late
                          : !c->url.address_len       ? refuse_lost
                          : gql_origin_is_full(c)     ? refuse_full
                          : gql_breaker_lets(c, call) ? NULL
                                                      : refuse_open;
    if (refuse) {
        mer_loop_defer(c->loop, &call->task, refuse, call);
        return;
    }
    mer_timer_start(c->loop, &call->timer, (uint64_t)left_us / 1000, on_deadline, call);
    gql_origin_push(c, call);
}

// ---- the client ----

void mer_gql_client_stats(const struct mer_gql_client *c, struct mer_gql_stats *out)
{
    *out = c->stats;
}

static enum mer_err read_opts(struct mer_gql_client *c, const struct mer_gql_client_opts *opts,
                              struct mer_diag *diag)
{
    c->opts = *opts;
    c->opts.connections_max = opts->connections_max ? opts->connections_max : 64;
    c->opts.queue_max = opts->queue_max ? opts->queue_max : 1024;
    c->opts.connect_ms = opts->connect_ms ? opts->connect_ms : 2000;
    c->opts.idle_ms = opts->idle_ms ? opts->idle_ms : 30000;
    c->opts.breaker_ms = opts->breaker_ms ? opts->breaker_ms : 500;
    c->opts.answer_max_bytes = opts->answer_max_bytes ? opts->answer_max_bytes : (size_t)64 << 20;
    enum mer_err err = gql_url_read(c->a, opts->url, &c->url, diag);
    if (!err && opts->address) {
        c->url.address_len = opts->address_len;
        memcpy(&c->url.address, opts->address, opts->address_len);
    } else if (!err && !c->url.address_len) {
        err = mer_diag_set(diag, MER_ERR_INVALID, "%.*s: a literal address or localhost is expected",
                           MER_FMT(opts->url));
    }
    if (err || !c->url.tls) {
        return err;
    }
    struct mer_tls_client_opts t = {.host = c->url.host,
                                    .ca_file = opts->ca_file,
                                    .cert_file = opts->cert_file,
                                    .key_file = opts->key_file};
    c->tls = mer_tls_client_create(&t, diag);
    t.http2 = true; // subscriptions go on with HTTP/1.1
    c->tls_http2 = c->tls && opts->http2 ? mer_tls_client_create(&t, diag) : NULL;
    return c->tls && (c->tls_http2 || !opts->http2) ? MER_OK : MER_ERR_INVALID;
}

struct mer_gql_client *mer_gql_client_create(struct mer_loop *loop, const struct mer_gql_client_opts *opts,
                                             struct mer_diag *diag)
{
    struct mer_arena *a = mer_arena_create(0);
    struct mer_gql_client *c = MER_NEW(a, struct mer_gql_client);
    c->a = a;
    c->loop = loop;
    c->refs = 1;
    c->queue_tail = &c->queue;
    if (read_opts(c, opts, diag)) {
        mer_arena_destroy(a);
        return NULL;
    }
    struct mer_buf head;
    mer_buf_init(&head, a, 256);
    begin_head(c, MER_S("POST "), c->url.path, &head);
    c->post_head = mer_buf_slice(&head);
    c->retry_tenths = GQL_RETRY_TENTHS_MAX;
    c->opts.address = NULL;
    c->opts.url = MER_NIL;
    return c;
}

struct mer_gql_client *mer_gql_client_ref(struct mer_gql_client *c)
{
    c->refs++;
    return c;
}

void mer_gql_client_unref(struct mer_gql_client *c)
{
    if (!c || --c->refs > 0) {
        return;
    }
    gql_origin_close(c);
    gql_inflate_end(c);
    mer_tls_client_unref(c->tls);
    mer_tls_client_unref(c->tls_http2);
    mer_arena_destroy(c->a);
}
