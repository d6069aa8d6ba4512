// SPDX-License-Identifier: MIT
// Bodies of HTTP/2 requests: how many bytes a request, a connection and the process may hold, and what
// becomes of the rest of a body that is not wanted any more.
#include "gateway/h2o_guard/guard_priv.h"

#include <stdlib.h>

enum {
    DISCARDED_MAX = 64 << 20, // bytes of bodies that were refused already
    UPLOADS_FIRST = 4,
    RST_NO_ERROR = 0,
};

static void hold(struct mer_guard_conn *g, size_t bytes)
{
    g->body_bytes += bytes;
    atomic_fetch_add_explicit(&mer_guard_bodies, bytes, memory_order_relaxed);
}

static void release(struct mer_guard_conn *g, size_t bytes)
{
    if (!bytes)
        return;
    g->body_bytes -= bytes;
    atomic_fetch_sub_explicit(&mer_guard_bodies, bytes, memory_order_relaxed);
}

static struct mer_guard_upload *find_upload(struct mer_guard_conn *g, uint32_t id)
{
    for (uint32_t i = 0; i < g->uploads_n; i++)
        if (g->uploads[i].id == id)
            return &g->uploads[i];
    return NULL;
}

void mer_guard_body_begin(struct mer_guard_conn *g, h2o_http2_stream_t *stream)
{
    if (g->uploads_n == g->uploads_cap) {
        g->uploads_cap = g->uploads_cap ? g->uploads_cap * 2 : UPLOADS_FIRST;
        g->uploads = h2o_mem_realloc(g->uploads, g->uploads_cap * sizeof(*g->uploads));
    }
    g->uploads[g->uploads_n++] =
        (struct mer_guard_upload){.stream = stream, .id = stream->stream_id, .since_ms = guard_now_ms()};
}

static void remove_upload(struct mer_guard_conn *g, struct mer_guard_upload *u)
{
    *u = g->uploads[--g->uploads_n];
}

static struct mer_guard_discard *find_discard(struct mer_guard_conn *g, uint32_t id)
{
    if (g->discards_n == 0 || id == 0)
        return NULL;
    for (int i = 0; i < MER_GUARD_DISCARDS; i++)
        if (g->discards[i].id == id)
            return &g->discards[i];
    return NULL;
}

struct mer_guard_discard *mer_guard_body_refuse(struct mer_guard_conn *g, uint32_t id)
{
    guard_count(MER_GUARD_BODY_SIZE);
    for (int i = 0; i < MER_GUARD_DISCARDS; i++) {
        if (g->discards[i].id)
            continue;
        g->discards[i] = (struct mer_guard_discard){.id = id};
        g->discards_n++;
        return &g->discards[i];
    }
    guard_condemn(g, MER_GUARD_FLOOD, "too many oversized bodies");
    return NULL;
}

static void discard_may_end(struct mer_guard_conn *g, struct mer_guard_discard *d)
{
    if (!d->ended || !d->closed)
        return;
    d->id = 0;
    g->discards_n--;
}

// What the library does with the connection's window for a DATA frame that it never sees.
static void replenish(h2o_http2_conn_t *conn, size_t consumed)
{
    h2o_http2_window_consume_window(&conn->_input_window, consumed);
    ssize_t left = h2o_http2_window_get_window(&conn->_input_window);
    ssize_t full = (ssize_t)H2O_HTTP2_SETTINGS_HOST.initial_window_size;
    if (left * 2 >= full || conn->state >= H2O_HTTP2_CONN_STATE_IS_CLOSING)
        return;
    h2o_http2_encode_window_update_frame(&conn->_write.buf, 0, (int32_t)(full - left));
    h2o_http2_conn_request_write(conn);
    h2o_http2_window_update(&conn->_input_window, full - left);
}

static void send_reset(h2o_http2_conn_t *conn, uint32_t id, int code)
{
    if (conn->state >= H2O_HTTP2_CONN_STATE_IS_CLOSING)
        return;
    h2o_http2__encode_rst_stream_frame(&conn->_write.buf, id, code);
    h2o_http2_conn_request_write(conn);
}

// A body over the limit whose length was not announced: the library is told that the body ends here, so that
// the request is answered, and the rest is thrown away as it comes.
static ssize_t finish_early(h2o_http2_conn_t *conn, struct mer_guard_conn *g, uint32_t id,
                            const char **err_desc)
{
    const uint8_t last[GUARD_FRAME_HEAD] = {0,
                                            0,
                                            0,
                                            H2O_HTTP2_FRAME_TYPE_DATA,
                                            H2O_HTTP2_FRAME_FLAG_END_STREAM,
                                            (uint8_t)(id >> 24),
                                            (uint8_t)(id >> 16),
                                            (uint8_t)(id >> 8),
                                            (uint8_t)id};
    struct mer_guard_upload *u = find_upload(g, id);
    u->stream->_expected_content_length = SIZE_MAX;
    remove_upload(g, u);
    return g->expect(conn, last, sizeof(last), err_desc);
}

ssize_t mer_guard_body_before(h2o_http2_conn_t *conn, struct mer_guard_conn *g, const struct guard_frame *f,
                              const char **err_desc)
{
    struct mer_guard_discard *d = find_discard(g, f->stream);
    struct mer_guard_upload *u = find_upload(g, f->stream);
    bool last = (f->flags & H2O_HTTP2_FRAME_FLAG_END_STREAM) != 0;
    if (!d && u && u->bytes + f->length > mer_guard_limits.body_bytes) {
        if (!(d = mer_guard_body_refuse(g, f->stream)))
            return H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM;
        ssize_t r = finish_early(conn, g, f->stream, err_desc);
        if (r < 0)
            return r;
    }
    if (d) {
        g->discarded_bytes += f->length;
        if (g->discarded_bytes > DISCARDED_MAX)
            guard_condemn(g, MER_GUARD_FLOOD, "too many bytes after a refusal");
        replenish(conn, f->length);
        if (d->closed && !last && !d->told) {
            // RFC 9113 8.1: the answer is complete; the peer is asked to stop sending what nobody reads.
            send_reset(conn, f->stream, RST_NO_ERROR);
            d->told = true;
        }
        d->ended |= last;
        discard_may_end(g, d);
        return 1;
    }
    if (!u)
        return 0;
    size_t all = atomic_load_explicit(&mer_guard_bodies, memory_order_relaxed);
    if (g->body_bytes + f->length <= mer_guard_limits.body_conn_bytes &&
        all + f->length <= mer_guard_limits.body_budget_bytes)
        return 0;
    // Refused, not failed: the peer may send it again.
    guard_count(MER_GUARD_BODY_BUDGET);
    send_reset(conn, f->stream, -H2O_HTTP2_ERROR_REFUSED_STREAM);
    replenish(conn, f->length);
    mer_guard_real.stream_reset(conn, u->stream); // its close takes the upload out
    return 1;
}

void mer_guard_body_after(struct mer_guard_conn *g, const struct guard_frame *f)
{
    struct mer_guard_upload *u = find_upload(g, f->stream);
    if (!u)
        return;
    size_t now = u->stream->_req_body->size;
    if (now > u->bytes) {
        hold(g, now - u->bytes);
        u->bytes = now;
    }
    if (f->flags & H2O_HTTP2_FRAME_FLAG_END_STREAM)
        remove_upload(g, u); // its bytes stay held until the stream is closed
}

bool mer_guard_body_is_expected(struct mer_guard_conn *g, uint32_t id)
{
    return find_upload(g, id) || find_discard(g, id);
}

void mer_guard_body_peer_reset(struct mer_guard_conn *g, uint32_t id)
{
    struct mer_guard_discard *d = find_discard(g, id);
    if (!d)
        return;
    d->ended = true;
    discard_may_end(g, d);
}

void mer_guard_body_end(struct mer_guard_conn *g, h2o_http2_stream_t *stream)
{
    struct mer_guard_upload *u = find_upload(g, stream->stream_id);
    if (u) {
        release(g, u->bytes);
        remove_upload(g, u);
    } else if (stream->_req_body) {
        release(g, stream->_req_body->size);
    }
    struct mer_guard_discard *d = find_discard(g, stream->stream_id);
    if (!d)
        return;
    // Nothing may be written here: the library closes streams also while it takes a connection apart.
    d->closed = true;
    discard_may_end(g, d);
}

void mer_guard_body_fini(struct mer_guard_conn *g)
{
    release(g, g->body_bytes);
    free(g->uploads);
}
