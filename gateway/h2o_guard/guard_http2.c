// SPDX-License-Identifier: MIT
// HTTP/2: every frame of every connection passes guarded_expect before the library sees it. Here stand limits
// on what a peer may make us do or hold; what the library's own functions do wrong is repaired in their
// hooks.
#include "gateway/h2o_guard/guard_priv.h"

#include <stdlib.h>

#include <string.h>

enum {
    FRAME_MAX = 16384,       // SETTINGS_MAX_FRAME_SIZE as the library announces it
    CONTINUATIONS_MAX = 32,  // of a header block
    RECENT_RESETS_MAX = 500, // in one second
    CREDIT_PER_REQUEST = 8,  // frames that a request accounts for
    BYTES_PER_CREDIT = 512,  // of an answer: a peer may send a window update or two for each frame it got
    SETTINGS_WEIGHT = 32,    // bytes that count as a frame
    DATA_MIN = 16,           // a body in smaller pieces is no progress
};

// The offsets that this file relies on, as they are in libh2o 2.2.5 on 64 bit; a header of another version
// fails here, a library of another version fails the self-test.
_Static_assert(offsetof(h2o_http2_conn_t, sock) == sizeof(h2o_conn_t), "h2o_http2_conn_t is another one");
_Static_assert(sizeof(h2o_http2_settings_t) == 20, "h2o_http2_settings_t is another one");
_Static_assert(H2O_HTTP2_STREAM_STATE_END_STREAM == 7, "stream states are other ones");
_Static_assert(H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM == -11, "error codes are other ones");

// Answers that are written but not yet sent are queued. When a frame lifts the window of such a stream above
// zero, the library hits an assertion, and with it the process (fixed upstream in 2019, not in 2.2.5). So
// none of them stands at zero or less when a frame comes that changes windows; they have no more use for one.
static void lift_windows(h2o_http2_conn_t *conn)
{
    h2o_linklist_t *queue = &conn->_write.streams_to_proceed;
    for (h2o_linklist_t *n = queue->next; n != queue; n = n->next) {
        h2o_http2_stream_t *stream = H2O_STRUCT_FROM_MEMBER(h2o_http2_stream_t, _refs.link, n);
        if (stream->output_window._avail > 0)
            continue;
        stream->output_window._avail = 1;
        guard_count(MER_GUARD_WINDOW);
    }
}

// Frames that carry no request and no body are counted; above a rate that requests and answers do not
// explain, the peer is playing. The rate is per second and connection.
static void count_frames(h2o_http2_conn_t *conn, struct mer_guard_conn *g, uint32_t n)
{
    uint64_t now = guard_now_ms();
    if (now - g->window_at_ms >= 1000) {
        g->window_at_ms = now;
        g->frames = g->credit = g->recent_resets = 0;
        g->written_at = conn->sock->bytes_written;
    }
    g->frames += n;
    if (g->frames <= mer_guard_limits.frames_per_s)
        return;
    uint64_t answered = (conn->sock->bytes_written - g->written_at) / BYTES_PER_CREDIT;
    if (g->frames > mer_guard_limits.frames_per_s + g->credit + answered)
        guard_condemn(g, MER_GUARD_FLOOD, "too many frames without progress");
}

static void count_frame(h2o_http2_conn_t *conn, struct mer_guard_conn *g)
{
    count_frames(conn, g, 1);
}

static ssize_t before_continuation(h2o_http2_conn_t *conn, struct mer_guard_conn *g,
                                   const struct guard_frame *f)
{
    if (!conn->_headers_unparsed)
        return 0; // the library refuses it
    if (++g->continuations > CONTINUATIONS_MAX ||
        conn->_headers_unparsed->size + f->length > mer_guard_limits.headers_bytes)
        guard_condemn(g, MER_GUARD_CONTINUATION, "header block too large");
    return 0;
}

static ssize_t before_frame(h2o_http2_conn_t *conn, struct mer_guard_conn *g, const struct guard_frame *f,
                            const char **err_desc)
{
    switch (f->type) {
    case H2O_HTTP2_FRAME_TYPE_DATA:
        if ((f->length < DATA_MIN && !(f->flags & H2O_HTTP2_FRAME_FLAG_END_STREAM)) ||
            !mer_guard_body_is_expected(g, f->stream))
            count_frame(conn, g);
        return conn->_headers_unparsed ? 0 : mer_guard_body_before(conn, g, f, err_desc);
    case H2O_HTTP2_FRAME_TYPE_HEADERS:
        g->credit += CREDIT_PER_REQUEST;
        return 0;
    case H2O_HTTP2_FRAME_TYPE_CONTINUATION:
        count_frame(conn, g);
        return before_continuation(conn, g, f);
    case H2O_HTTP2_FRAME_TYPE_RST_STREAM:
        count_frame(conn, g);
        mer_guard_body_peer_reset(g, f->stream);
        return 0;
    case H2O_HTTP2_FRAME_TYPE_SETTINGS:
        count_frames(conn, g, 1 + f->length / SETTINGS_WEIGHT); // 2730 entries fit into one
        lift_windows(conn);
        return 0;
    case H2O_HTTP2_FRAME_TYPE_PRIORITY:
    case H2O_HTTP2_FRAME_TYPE_PUSH_PROMISE:
    case H2O_HTTP2_FRAME_TYPE_PING:
    case H2O_HTTP2_FRAME_TYPE_GOAWAY:
        count_frame(conn, g);
        return 0;
    case H2O_HTTP2_FRAME_TYPE_WINDOW_UPDATE:
        count_frame(conn, g);
        if (f->stream)
            lift_windows(conn);
        return 0;
    default:
        count_frame(conn, g);
        if (conn->_headers_unparsed)
            return 0; // within a header block it is an error, and the library says so
        // The library would ignore it too, but write a line on stderr for each.
        guard_count(MER_GUARD_UNKNOWN_FRAME);
        return 1;
    }
}

static void after_frame(h2o_http2_conn_t *conn, struct mer_guard_conn *g, const struct guard_frame *f)
{
    if (f->type == H2O_HTTP2_FRAME_TYPE_DATA)
        mer_guard_body_after(g, f);
    if (!conn->_headers_unparsed) {
        g->block_since_ms = 0;
    } else if (!g->block_since_ms) {
        g->block_since_ms = guard_now_ms();
        g->continuations = 0;
    }
}

static ssize_t guarded_frame(h2o_http2_conn_t *conn, struct mer_guard_conn *g, const uint8_t *src, size_t len,
                             const char **err_desc)
{
    if (len < GUARD_FRAME_HEAD)
        return H2O_HTTP2_ERROR_INCOMPLETE;
    struct guard_frame f = {.length = h2o_http2_decode24u(src),
                            .type = src[3],
                            .flags = src[4],
                            .stream = h2o_http2_decode32u(src + 5) & 0x7fffffff};
    if (f.length > FRAME_MAX)
        return g->expect(conn, src, len, err_desc); // is an error
    if (len < GUARD_FRAME_HEAD + f.length)
        return H2O_HTTP2_ERROR_INCOMPLETE;
    ssize_t r = before_frame(conn, g, &f, err_desc);
    if (r < 0 || g->verdict)
        return r < 0 ? r : H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM;
    if (r > 0)
        return (ssize_t)(GUARD_FRAME_HEAD + f.length);
    r = g->expect(conn, src, len, err_desc);
    if (r < 0)
        return r;
    after_frame(conn, g, &f);
    if (r == 0) {
        // Nothing was consumed of a whole frame: the library would be called with it again, for ever.
        guard_condemn(g, MER_GUARD_SPIN, "unexpected frame while closing");
        return H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM;
    }
    return r;
}

static ssize_t guarded_expect(h2o_http2_conn_t *conn, const uint8_t *src, size_t len, const char **err_desc)
{
    struct mer_guard_conn *g = guard_of(conn);
    mer_guard_hook_calls[HOOK_FRAME]++;
    ssize_t r;
    if (g->verdict) {
        r = H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM;
    } else if (!g->preface) {
        r = g->expect(conn, src, len, err_desc);
        g->preface = r > 0;
    } else {
        r = guarded_frame(conn, g, src, len, err_desc);
    }
    if (conn->_read_expect != guarded_expect) {
        g->expect = conn->_read_expect;
        conn->_read_expect = guarded_expect;
    }
    // A verdict of a hook, passed while the library worked on this frame, need not wait for the next.
    if (g->verdict && r != H2O_HTTP2_ERROR_PROTOCOL_CLOSE_IMMEDIATELY) {
        *err_desc = g->verdict;
        r = H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM;
    }
    // The connection ends once its last write is done; until then the library would go on filling a buffer
    // that nobody looks at.
    if (r < 0 && r != H2O_HTTP2_ERROR_INCOMPLETE)
        h2o_socket_read_stop(conn->sock);
    return r;
}

// ---- hooks

// Input that came with the TLS handshake is kept away while the connection is made, so that its first byte
// too passes the guard.
GUARD_HOOK void h2o_http2_accept(h2o_accept_ctx_t *ctx, h2o_socket_t *sock, struct timeval connected_at)
{
    mer_guard_hook_calls[HOOK_HTTP2_ACCEPT]++;
    h2o_buffer_t *input = sock->input;
    h2o_buffer_init(&sock->input, &h2o_socket_buffer_prototype);
    mer_guard_real.http2_accept(ctx, sock, connected_at);
    h2o_http2_conn_t *conn = sock->data;
    struct mer_guard_conn *g = guard_of(conn);
    g->h2 = conn;
    g->expect = conn->_read_expect;
    conn->_read_expect = guarded_expect;
    h2o_buffer_dispose(&sock->input);
    sock->input = input;
    if (input->size != 0)
        sock->_cb.read(sock, NULL);
}

// The protocol has let go of the connection and its memory; with TLS the socket may live on for its last
// words.
GUARD_HOOK void h2o_socket_close(h2o_socket_t *sock)
{
    if (sock->on_close.cb) {
        struct mer_guard_conn *g = sock->on_close.data;
        MER_ASSERT(g->magic == MER_GUARD_MAGIC);
        mer_guard_hook_calls[HOOK_SOCKET_CLOSE]++;
        g->h2 = NULL;
        g->closed = true;
    }
    mer_guard_real.socket_close(sock);
}

GUARD_HOOK h2o_http2_stream_t *h2o_http2_stream_open(h2o_http2_conn_t *conn, uint32_t id, h2o_req_t *src_req,
                                                     const h2o_http2_priority_t *priority)
{
    mer_guard_hook_calls[HOOK_STREAM_OPEN]++;
    guard_of(conn)->opened++;
    return mer_guard_real.stream_open(conn, id, src_req, priority);
}

GUARD_HOOK void h2o_http2_stream_close(h2o_http2_conn_t *conn, h2o_http2_stream_t *stream)
{
    mer_guard_hook_calls[HOOK_STREAM_CLOSE]++;
    struct mer_guard_conn *g = guard_of(conn);
    if (g->held) {
        g->held = false;
        if (conn->state == H2O_HTTP2_CONN_STATE_OPEN)
            conn->state = H2O_HTTP2_CONN_STATE_HALF_CLOSED;
    }
    mer_guard_body_end(g, stream);
    mer_guard_real.stream_close(conn, stream);
}

// Resets cost the library little, but what a handler starts for each stream may cost much. Whoever caused
// them: a peer can also make the server reset (CVE-2023-44487, CVE-2025-8671).
GUARD_HOOK void h2o_http2_stream_reset(h2o_http2_conn_t *conn, h2o_http2_stream_t *stream)
{
    mer_guard_hook_calls[HOOK_STREAM_RESET]++;
    struct mer_guard_conn *g = guard_of(conn);
    g->resets++;
    g->recent_resets++;
    if ((g->resets > mer_guard_limits.resets && g->resets * 2 > g->opened) ||
        g->recent_resets > RECENT_RESETS_MAX)
        guard_condemn(g, MER_GUARD_RESETS, "too many streams were reset");
    mer_guard_real.stream_reset(conn, stream);
}

// After GOAWAY the library closes the socket as soon as the last answer is handed to it, whether or not it
// could all be written; a slow reader would lose the end. So the connection counts as open until the write is
// done, which is when the stream is closed.
static void hold_for_write(h2o_http2_conn_t *conn)
{
    if (conn->state != H2O_HTTP2_CONN_STATE_HALF_CLOSED ||
        conn->num_streams.pull.half_closed + conn->num_streams.push.half_closed != 0)
        return;
    conn->state = H2O_HTTP2_CONN_STATE_OPEN;
    guard_of(conn)->held = true;
}

GUARD_HOOK void h2o_http2_stream_send_pending_data(h2o_http2_conn_t *conn, h2o_http2_stream_t *stream)
{
    mer_guard_hook_calls[HOOK_SEND_PENDING]++;
    mer_guard_real.send_pending(conn, stream);
    if (stream->state == H2O_HTTP2_STREAM_STATE_END_STREAM)
        hold_for_write(conn);
}

// ---- for the server

void mer_guard_conn_init(struct mer_guard_conn *g)
{
    memset(g, 0, sizeof(*g));
    g->magic = MER_GUARD_MAGIC;
}

void mer_guard_conn_fini(struct mer_guard_conn *g)
{
    MER_ASSERT(g->magic == MER_GUARD_MAGIC);
    mer_guard_body_fini(g);
    free(g->token);
    g->token = NULL;
    g->magic = 0;
}

void mer_guard_conn_view(const struct mer_guard_conn *g, struct mer_guard_view *out)
{
    *out = (struct mer_guard_view){.closing = g->closed};
    if (!g->h2)
        return;
    out->closing = g->h2->state == H2O_HTTP2_CONN_STATE_IS_CLOSING;
    out->block_since_ms = g->block_since_ms;
    out->streams = g->h2->num_streams.pull.open;
    for (uint32_t i = 0; i < g->uploads_n; i++)
        if (!out->body_since_ms || g->uploads[i].since_ms < out->body_since_ms)
            out->body_since_ms = g->uploads[i].since_ms;
}

void mer_guard_conn_goaway(struct mer_guard_conn *g)
{
    h2o_http2_conn_t *conn = g->h2;
    if (!conn || conn->state != H2O_HTTP2_CONN_STATE_OPEN)
        return;
    h2o_http2_encode_goaway_frame(&conn->_write.buf, conn->pull_stream_ids.max_open, 0,
                                  (h2o_iovec_t){NULL, 0});
    h2o_http2_conn_request_write(conn);
    conn->state = H2O_HTTP2_CONN_STATE_HALF_CLOSED;
}

bool mer_guard_is_too_large(const struct mer_guard_conn *g, const struct st_h2o_req_t *req)
{
    if (!g->h2 || g->discards_n == 0)
        return false;
    const h2o_http2_stream_t *stream = (const void *)((const char *)req - offsetof(h2o_http2_stream_t, req));
    for (int i = 0; i < MER_GUARD_DISCARDS; i++)
        if (g->discards[i].id == stream->stream_id)
            return true;
    return false;
}
