// SPDX-License-Identifier: MIT
// Answers by and by over HTTP/1.1 and HTTP/2: server-sent events (graphql-sse, distinct connections) and
// multipart (subscriptionSpec=1.0).
#include "base/log.h"
#include "gateway/browser.h"
#include "gateway/stream.h"

struct http_stream {
    struct mer_http_req *req;
    enum mer_stream_kind kind;
    struct mer_worker *w;
    struct mer_stream_sub *sub;
    struct mer_timer heart;
};

// ---- what the client takes ----

static bool has_parameter(struct mer_slice params, const char *name)
{
    while (params.n) {
        struct mer_slice value = mer_slice_trim(mer_slice_cut(&params, ';'));
        if (mer_slice_ieq(mer_slice_trim(mer_slice_cut(&value, '=')), mer_slice_of(name))) {
            return true;
        }
    }
    return false;
}

enum mer_stream_kind mer_stream_kind_of(const struct mer_http_req *req)
{
    struct mer_slice accept = mer_http_header(req, "accept");
    while (accept.n) {
        struct mer_slice params = mer_slice_cut(&accept, ',');
        struct mer_slice type = mer_slice_trim(mer_slice_cut(&params, ';'));
        if (mer_slice_ieq(type, MER_S("text/event-stream"))) {
            return MER_STREAM_SSE;
        }
        if (mer_slice_ieq(type, MER_S("multipart/mixed")) && has_parameter(params, "subscriptionSpec")) {
            return MER_STREAM_MULTIPART;
        }
    }
    return MER_STREAM_NONE;
}

// ---- what it is told ----

// White space between tokens may hold line ends; an event's data must not.
static void add_on_one_line(struct mer_buf *b, struct mer_slice json)
{
    size_t from = b->n;
    mer_buf_add(b, json);
    for (size_t i = from; i < b->n; i++) {
        if (b->p[i] == '\n' || b->p[i] == '\r') {
            b->p[i] = ' ';
        }
    }
}

// A part ends with the delimiter of the next, so that nobody has to wait for that to see its end.
static void add_answer(struct mer_buf *b, enum mer_stream_kind kind, struct mer_slice answer)
{
    if (kind == MER_STREAM_SSE) {
        mer_buf_add(b, MER_S("event: next\ndata: "));
        add_on_one_line(b, answer);
        mer_buf_add(b, MER_S("\n\n"));
    } else {
        mer_buf_add(b, MER_S("\r\ncontent-type: application/json\r\n\r\n{\"payload\":"));
        mer_buf_add(b, answer);
        mer_buf_add(b, MER_S("}\r\n--graphql"));
    }
}

// Errors as events of the transport: the operation itself is over.
static void add_end(struct mer_buf *b, enum mer_stream_kind kind, struct mer_slice errors)
{
    if (kind == MER_STREAM_SSE) {
        if (errors.n) {
            mer_buf_add(b, MER_S("event: next\ndata: {\"errors\":"));
            add_on_one_line(b, errors);
            mer_buf_add(b, MER_S("}\n\n"));
        }
        mer_buf_add(b, MER_S("event: complete\ndata:\n\n"));
        return;
    }
    if (errors.n) {
        mer_buf_add(b, MER_S("\r\ncontent-type: application/json\r\n\r\n{\"payload\":null,\"errors\":"));
        mer_buf_add(b, errors);
        mer_buf_add(b, MER_S("}\r\n--graphql"));
    }
    mer_buf_add(b, MER_S("--\r\n"));
}

// The multipart protocol promises a heartbeat every five seconds.
#define MULTIPART_HEARTBEAT_MS 5000u

static void on_heart(void *owner);

static void start_heart(struct http_stream *h)
{
    uint64_t ms = (uint64_t)h->w->config->limits.heartbeat_ms;
    if (h->kind != MER_STREAM_SSE && ms > MULTIPART_HEARTBEAT_MS) {
        ms = MULTIPART_HEARTBEAT_MS;
    }
    mer_timer_start(h->w->loop, &h->heart, ms, on_heart, h);
}

static void on_heart(void *owner)
{
    struct http_stream *h = owner;
    if (mer_http_stream_waiting(h->req) == 0) {
        mer_http_stream_write(h->req,
                              h->kind == MER_STREAM_SSE
                                  ? MER_S(":\n\n")
                                  : MER_S("\r\ncontent-type: application/json\r\n\r\n{}\r\n--graphql"));
    }
    start_heart(h);
}

// Nothing of the request may be touched after it.
static void end_with(struct http_stream *h, struct mer_slice errors)
{
    struct mer_buf b;
    mer_timer_stop(h->w->loop, &h->heart);
    mer_buf_init(&b, NULL, errors.n + 128);
    add_end(&b, h->kind, errors);
    mer_http_stream_write(h->req, mer_buf_slice(&b));
    mer_buf_fini(&b);
    mer_http_stream_end(h->req);
}

static bool on_next(void *owner, struct mer_slice answer)
{
    struct http_stream *h = owner;
    size_t waits = mer_http_stream_waiting(h->req);
    if (waits && waits + answer.n > (size_t)h->w->config->limits.subscription_bytes) {
        mer_log(MER_LOG_INFO, "stream", "a client reads too slowly bytes=%zu", waits);
        mer_worker_count_code(h->w, "RATE_LIMITED");
        mer_http_stream_drop(h->req);
        end_with(h, MER_S("[{\"message\":\"the client reads too slowly\",\"extensions\":{\"code\":"
                          "\"RATE_LIMITED\",\"limit\":\"subscriptionBuffer\"}}]"));
        return false;
    }
    struct mer_buf b;
    mer_buf_init(&b, NULL, answer.n + 128);
    add_answer(&b, h->kind, answer);
    mer_http_stream_write(h->req, mer_buf_slice(&b));
    mer_buf_fini(&b);
    return true;
}

static void on_end(void *owner, struct mer_slice errors)
{
    end_with(owner, errors);
}

static void on_abort(void *owner)
{
    struct http_stream *h = owner;
    mer_timer_stop(h->w->loop, &h->heart);
    mer_stream_stop(h->sub);
}

bool mer_stream_http(struct mer_http_req *req, enum mer_stream_kind kind, struct mer_stream_ask *ask,
                     struct mer_slice *errors)
{
    struct http_stream *h = MER_NEW(req->arena, struct http_stream);
    *h = (struct http_stream){.req = req, .kind = kind, .w = ask->worker};
    ask->next = on_next;
    ask->end = on_end;
    ask->owner = h;
    h->sub = mer_stream_start(ask, req->arena, errors);
    if (!h->sub) {
        return false;
    }
    struct mer_http_header headers[6 + MER_BROWSER_HEADERS_MAX];
    size_t n = mer_browser_headers(h->w->config, req, headers);
    headers[n++] = (struct mer_http_header){
        MER_S("content-type"), kind == MER_STREAM_SSE
                                   ? MER_S("text/event-stream; charset=utf-8")
                                   : MER_S("multipart/mixed;boundary=\"graphql\";subscriptionSpec=\"1.0\"")};
    headers[n++] = (struct mer_http_header){MER_S("cache-control"), MER_S("private, no-store")};
    headers[n++] = (struct mer_http_header){MER_S("x-content-type-options"), MER_S("nosniff")};
    headers[n++] = (struct mer_http_header){MER_S("x-accel-buffering"), MER_S("no")}; // nginx holds back else
    headers[n++] = (struct mer_http_header){MER_S("vary"), MER_S("origin, accept")};
    req->on_abort = on_abort;
    req->owner = h;
    mer_http_stream(req, 200, headers, n, kind == MER_STREAM_SSE ? MER_S(":\n\n") : MER_S("--graphql"));
    start_heart(h);
    return true;
}
