// SPDX-License-Identifier: MIT
#include "resolvers/graphql/http2.h"

#include <nghttp2/nghttp2.h>
#include <stdlib.h>

#include "base/log.h"
#include "resolvers/graphql/http1.h"

enum {
    STREAM_WINDOW = 1 << 20, // bytes that the peer may send before we have read them
    WINDOW = 1 << 24,        // of all streams together
    RESERVE_MAX = 1 << 20,   // told lengths are believed so far
};

struct mer_http2 {
    nghttp2_session *session;
    struct mer_http2_opts opts;
    uint32_t active;
    bool settled; // the peer said how much it takes
    bool going_away;
};

static struct mer_http2_exchange *exchange_of(nghttp2_session *session, int32_t id)
{
    return nghttp2_session_get_stream_user_data(session, id);
}

// ---- the answer's head ----

static int refuse(struct mer_http2_exchange *x, const char *why)
{
    x->failed = true;
    x->error = x->error ? x->error : why;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; // resets the stream
}

static int take_status(struct mer_http2_exchange *x, struct mer_slice value)
{
    int64_t status = 0;
    if (value.n != 3 || !mer_slice_to_i64(value, &status) || status < 100 || status > 599 || status == 101) {
        return refuse(x, "bad status");
    }
    if (status < 200 && ++x->interim_n > MER_HTTP1_INTERIM_MAX) {
        return refuse(x, "too many interim answers");
    }
    mer_buf_clear(&x->headers);
    x->gzip = false;
    x->status = (int)status;
    x->final = status >= 200;
    return 0;
}

static int take_coding(const struct mer_http2 *h, struct mer_http2_exchange *x, struct mer_slice value)
{
    bool gzip = mer_slice_ieq(value, MER_S("gzip"));
    if (!mer_slice_ieq(value, MER_S("identity")) && (!gzip || !h->opts.gzip_allowed || x->gzip)) {
        return refuse(x, "a coding that was not asked for");
    }
    x->gzip = gzip;
    return 0;
}

static void reserve(const struct mer_http2 *h, struct mer_http2_exchange *x, struct mer_slice value)
{
    int64_t n = 0;
    if (mer_slice_to_i64(value, &n) && n > 0 && (uint64_t)n <= h->opts.body_max) {
        mer_buf_reserve(&x->body, n < RESERVE_MAX ? (size_t)n : RESERVE_MAX);
    }
}

static void keep(struct mer_http2_exchange *x, struct mer_slice name, struct mer_slice value)
{
    mer_buf_add(&x->headers, name);
    mer_buf_add(&x->headers, MER_S(": "));
    mer_buf_add(&x->headers, value);
    mer_buf_add_char(&x->headers, '\n');
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_n,
                     const uint8_t *value, size_t value_n, uint8_t flags, void *owner)
{
    (void)flags;
    struct mer_http2 *h = owner;
    struct mer_http2_exchange *x = exchange_of(session, frame->hd.stream_id);
    struct mer_slice n = mer_slice_make((const char *)name, name_n);
    struct mer_slice v = mer_slice_make((const char *)value, value_n);
    if (!x || x->failed) {
        return 0;
    }
    x->began = true;
    x->head_bytes += (uint32_t)(name_n + value_n);
    if (x->head_bytes > MER_HTTP1_HEAD_MAX || ++x->headers_n > MER_HTTP1_HEADERS_MAX) {
        return refuse(x, "head too large");
    }
    if (frame->headers.cat != NGHTTP2_HCAT_RESPONSE && x->final) {
        return 0; // trailers are not merged into anything
    }
    if (mer_slice_is(n, ":status")) {
        return take_status(x, v);
    }
    if (mer_slice_is(n, "content-encoding")) {
        return take_coding(h, x, v);
    }
    if (mer_slice_is(n, "content-length")) {
        reserve(h, x, v);
    } else {
        keep(x, n, v);
    }
    return 0;
}

// ---- its body, and its end ----

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes, size_t n,
                   void *owner)
{
    (void)flags;
    struct mer_http2 *h = owner;
    struct mer_http2_exchange *x = exchange_of(session, id);
    if (!x || x->too_large || x->failed) {
        return 0;
    }
    if (n > h->opts.body_max - x->body.n) {
        x->too_large = true;
        x->error = "answer too large";
        return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    }
    mer_buf_add(&x->body, mer_slice_make((const char *)bytes, n));
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *owner)
{
    struct mer_http2 *h = owner;
    bool may_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    struct mer_http2_exchange *x = may_end ? exchange_of(session, frame->hd.stream_id) : NULL;
    if (x && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
        x->finished = true;
    }
    h->settled = h->settled || (frame->hd.type == NGHTTP2_SETTINGS && !(frame->hd.flags & NGHTTP2_FLAG_ACK));
    h->going_away = h->going_away || frame->hd.type == NGHTTP2_GOAWAY;
    return 0;
}

static int on_not_sent(nghttp2_session *session, const nghttp2_frame *frame, int error, void *owner)
{
    (void)error;
    (void)owner;
    struct mer_http2_exchange *x =
        frame->hd.type == NGHTTP2_HEADERS ? exchange_of(session, frame->hd.stream_id) : NULL;
    if (x) {
        x->unsent = true;
    }
    return 0;
}

static enum mer_http2_end end_of(struct mer_http2_exchange *x, uint32_t code)
{
    if (x->too_large) {
        return MER_HTTP2_TOO_LARGE;
    }
    if (!x->failed && x->final && x->finished && code == NGHTTP2_NO_ERROR) {
        return MER_HTTP2_WHOLE;
    }
    if (!x->began && (x->unsent || code == NGHTTP2_REFUSED_STREAM)) {
        return MER_HTTP2_REFUSED;
    }
    x->error = x->error ? x->error : nghttp2_http2_strerror(code);
    return MER_HTTP2_BROKEN;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *owner)
{
    struct mer_http2 *h = owner;
    struct mer_http2_exchange *x = exchange_of(session, id);
    if (x) {
        h->active--;
        x->id = 0;
        h->opts.ended(h->opts.owner, x, end_of(x, code));
    }
    return 0;
}

// ---- the request ----

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *to, size_t room, uint32_t *flags,
                         nghttp2_data_source *source, void *owner)
{
    (void)session;
    (void)id;
    (void)owner;
    struct mer_http2_exchange *x = source->ptr;
    size_t n = x->rest.n < room ? x->rest.n : room;
    memcpy(to, x->rest.p, n);
    x->rest = mer_slice_make(x->rest.p + n, x->rest.n - n);
    if (x->rest.n == 0) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (ssize_t)n;
}

// Secrets are kept out of the table that says headers shorter the second time (RFC 7541 7.1.3).
static uint8_t flags_of(struct mer_slice name)
{
    bool secret = mer_slice_is(name, "authorization") || mer_slice_is(name, "cookie");
    return secret ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
}

void mer_http2_send(struct mer_http2 *h, struct mer_http2_exchange *x, const struct mer_http2_header *headers,
                    size_t headers_n, struct mer_slice body)
{
    *x = (struct mer_http2_exchange){.rest = body};
    mer_buf_init(&x->headers, NULL, 0);
    mer_buf_init(&x->body, NULL, 0);
    nghttp2_nv *nv = calloc(headers_n, sizeof(*nv));
    MER_ASSERT(nv);
    for (size_t i = 0; i < headers_n; i++) {
        union {
            const char *text;
            uint8_t *bytes; // the library copies them
        } name = {headers[i].name.p}, value = {headers[i].value.p};
        nv[i] = (nghttp2_nv){name.bytes, value.bytes, headers[i].name.n, headers[i].value.n,
                             flags_of(headers[i].name)};
    }
    nghttp2_data_provider provider = {.source = {.ptr = x}, .read_callback = read_body};
    x->id = nghttp2_submit_request(h->session, NULL, nv, headers_n, body.n ? &provider : NULL, x);
    free(nv);
    MER_ASSERT(x->id > 0); // has_room says whether another may be sent
    h->active++;
}

void mer_http2_cancel(struct mer_http2 *h, struct mer_http2_exchange *x)
{
    if (x->id) {
        nghttp2_session_set_stream_user_data(h->session, x->id, NULL);
        nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, x->id, NGHTTP2_CANCEL);
        h->active--;
        x->id = 0;
    }
}

void mer_http2_exchange_fini(struct mer_http2_exchange *x)
{
    mer_buf_fini(&x->headers);
    mer_buf_fini(&x->body);
}

// ---- the connection ----

struct mer_http2 *mer_http2_create(const struct mer_http2_opts *opts)
{
    struct mer_http2 *h = calloc(1, sizeof(*h));
    MER_ASSERT(h);
    h->opts = *opts;
    nghttp2_session_callbacks *cb = NULL;
    int err = nghttp2_session_callbacks_new(&cb);
    MER_ASSERT(!err);
    nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(cb, on_not_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
    err = nghttp2_session_client_new(&h->session, cb, h);
    nghttp2_session_callbacks_del(cb);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, MER_HTTP1_HEAD_MAX},
    };
    err = err ? err : nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, 3);
    err = err ? err : nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, WINDOW);
    MER_ASSERT(!err);
    return h;
}

void mer_http2_destroy(struct mer_http2 *h)
{
    if (h) {
        nghttp2_session_del(h->session);
        free(h);
    }
}

bool mer_http2_is_settled(const struct mer_http2 *h)
{
    return h->settled;
}

bool mer_http2_has_room(const struct mer_http2 *h)
{
    uint32_t most = 1; // as long as it is not known: what is too much would be refused
    if (h->settled) {
        most = nghttp2_session_get_remote_settings(h->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    }
    return !h->going_away && h->active < most && nghttp2_session_check_request_allowed(h->session);
}

static bool is_alive(const struct mer_http2 *h, const char **why)
{
    *why = "the peer ended the connection";
    return nghttp2_session_want_read(h->session) || nghttp2_session_want_write(h->session);
}

bool mer_http2_feed(struct mer_http2 *h, struct mer_slice bytes, const char **why)
{
    ssize_t used = nghttp2_session_mem_recv(h->session, (const uint8_t *)bytes.p, bytes.n);
    if (used < 0) {
        *why = nghttp2_strerror((int)used);
        return false;
    }
    return is_alive(h, why);
}

bool mer_http2_take(struct mer_http2 *h, struct mer_buf *out, const char **why)
{
    for (;;) {
        const uint8_t *p = NULL;
        ssize_t n = nghttp2_session_mem_send(h->session, &p);
        if (n < 0) {
            *why = nghttp2_strerror((int)n);
            return false;
        }
        if (n == 0) {
            return is_alive(h, why);
        }
        mer_buf_add(out, mer_slice_make((const char *)p, (size_t)n));
    }
}
