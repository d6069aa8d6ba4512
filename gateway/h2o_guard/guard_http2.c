// SPDX-License-Identifier: MIT
// HTTP/2: every frame of every connection passes guarded_expect before the library sees it. Here stand limits
// on what a peer may make us do or hold; what the library's own functions do wrong is repaired in their
// hooks.
#include "base/log.h"
#include "base/time.h"
#include "gateway/h2o_guard/guard_priv.h"

#include <stdlib.h>
#include <string.h>

enum {
    FRAME_HEAD = 9,
    FRAME_MAX = 16384,        // SETTINGS_MAX_FRAME_SIZE as the library announces it
    TABLE_UPDATES_MAX = 2,    // of a header block: RFC 7541 4.2 knows no use for more
    CONTINUATIONS_MAX = 32,   // of a header block
    DISCARDED_MAX = 64 << 20, // bytes of bodies that were refused already
    RECENT_RESETS_MAX = 500,  // in one second
    CREDIT_PER_REQUEST = 8,   // frames that a request accounts for
    BYTES_PER_CREDIT = 512,   // of an answer: a peer may send a window update or two for each frame it got
    UPLOADS_FIRST = 4,
    SETTINGS_WEIGHT = 32, // bytes that count as a frame
    RST_NO_ERROR = 0,
};

// The offsets that this file relies on, as they are in libh2o 2.2.5 on 64 bit; a header of another version
// fails here, a library of another version fails the self-test.
_Static_assert(offsetof(h2o_http2_conn_t, sock) == sizeof(h2o_conn_t), "h2o_http2_conn_t is another one");
_Static_assert(sizeof(h2o_http2_settings_t) == 20, "h2o_http2_settings_t is another one");
_Static_assert(H2O_HTTP2_STREAM_STATE_END_STREAM == 7, "stream states are other ones");
_Static_assert(H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM == -11, "error codes are other ones");

struct frame {
    uint32_t length;
    uint8_t type;
    uint8_t flags;
    uint32_t stream;
};

static struct mer_guard_conn *guard_of(const h2o_http2_conn_t *conn)
{
    struct mer_guard_conn *g = conn->sock->on_close.data;
    MER_ASSERT(g && g->magic == MER_GUARD_MAGIC);
    return g;
}

// The monotonic clock: the library's own time is the wall's, which may be stepped.
static uint64_t now_ms(void)
{
    return (uint64_t)mer_time_mono_us() / 1000;
}

// The first verdict stands; it is carried out at the next frame, in the place where the library expects
// errors.
static void condemn(struct mer_guard_conn *g, enum mer_guard_class c, const char *why)
{
    if (g->verdict)
        return;
    g->verdict = why;
    g->error_class = c;
    guard_count(c);
}

// ---- bodies

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

static void add_upload(struct mer_guard_conn *g, h2o_http2_stream_t *stream, uint64_t now)
{
    if (g->uploads_n == g->uploads_cap) {
        g->uploads_cap = g->uploads_cap ? g->uploads_cap * 2 : UPLOADS_FIRST;
        g->uploads = h2o_mem_realloc(g->uploads, g->uploads_cap * sizeof(*g->uploads));
    }
    g->uploads[g->uploads_n++] =
        (struct mer_guard_upload){.stream = stream, .id = stream->stream_id, .since_ms = now};
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

static struct mer_guard_discard *add_discard(struct mer_guard_conn *g, uint32_t id)
{
    guard_count(MER_GUARD_BODY_SIZE);
    for (int i = 0; i < MER_GUARD_DISCARDS; i++) {
        if (g->discards[i].id)
            continue;
        g->discards[i] = (struct mer_guard_discard){.id = id};
        g->discards_n++;
        return &g->discards[i];
    }
    condemn(g, MER_GUARD_FLOOD, "too many oversized bodies");
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
    const uint8_t last[FRAME_HEAD] = {0,
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

// 0: the library may have the frame. 1: it was dealt with. Negative: the connection's error.
static ssize_t before_data(h2o_http2_conn_t *conn, struct mer_guard_conn *g, const struct frame *f,
                           const char **err_desc)
{
    struct mer_guard_discard *d = find_discard(g, f->stream);
    struct mer_guard_upload *u = find_upload(g, f->stream);
    bool last = (f->flags & H2O_HTTP2_FRAME_FLAG_END_STREAM) != 0;
    if (!d && u && u->bytes + f->length > mer_guard_limits.body_bytes) {
        if (!(d = add_discard(g, f->stream)))
            return H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM;
        ssize_t r = finish_early(conn, g, f->stream, err_desc);
        if (r < 0)
            return r;
    }
    if (d) {
        g->discarded_bytes += f->length;
        if (g->discarded_bytes > DISCARDED_MAX)
            condemn(g, MER_GUARD_FLOOD, "too many bytes after a refusal");
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

static void after_data(struct mer_guard_conn *g, const struct frame *f)
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

// ---- frames

// Frames that carry no request and no body are counted; above a rate that requests and answers do not
// explain, the peer is playing. The rate is per second and connection.
static void count_frames(h2o_http2_conn_t *conn, struct mer_guard_conn *g, uint32_t n)
{
    uint64_t now = now_ms();
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
        condemn(g, MER_GUARD_FLOOD, "too many frames without progress");
}

static void count_frame(h2o_http2_conn_t *conn, struct mer_guard_conn *g)
{
    count_frames(conn, g, 1);
}

static ssize_t before_continuation(h2o_http2_conn_t *conn, struct mer_guard_conn *g, const struct frame *f)
{
    if (!conn->_headers_unparsed)
        return 0; // the library refuses it
    if (++g->continuations > CONTINUATIONS_MAX ||
        conn->_headers_unparsed->size + f->length > mer_guard_limits.headers_bytes)
        condemn(g, MER_GUARD_CONTINUATION, "header block too large");
    return 0;
}

static ssize_t before_frame(h2o_http2_conn_t *conn, struct mer_guard_conn *g, const struct frame *f,
                            const char **err_desc)
{
    switch (f->type) {
    case H2O_HTTP2_FRAME_TYPE_DATA:
        if (f->length == 0 || (!find_upload(g, f->stream) && !find_discard(g, f->stream)))
            count_frame(conn, g);
        return conn->_headers_unparsed ? 0 : before_data(conn, g, f, err_desc);
    case H2O_HTTP2_FRAME_TYPE_HEADERS:
        g->credit += CREDIT_PER_REQUEST;
        return 0;
    case H2O_HTTP2_FRAME_TYPE_CONTINUATION:
        count_frame(conn, g);
        return before_continuation(conn, g, f);
    case H2O_HTTP2_FRAME_TYPE_RST_STREAM: {
        count_frame(conn, g);
        struct mer_guard_discard *d = find_discard(g, f->stream);
        if (d) {
            d->ended = true;
            discard_may_end(g, d);
        }
        return 0;
    }
    case H2O_HTTP2_FRAME_TYPE_SETTINGS:
        count_frames(conn, g, 1 + f->length / SETTINGS_WEIGHT); // 2730 entries fit into one
        return 0;
    case H2O_HTTP2_FRAME_TYPE_PRIORITY:
    case H2O_HTTP2_FRAME_TYPE_PUSH_PROMISE:
    case H2O_HTTP2_FRAME_TYPE_PING:
    case H2O_HTTP2_FRAME_TYPE_GOAWAY:
    case H2O_HTTP2_FRAME_TYPE_WINDOW_UPDATE:
        count_frame(conn, g);
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

static void after_frame(h2o_http2_conn_t *conn, struct mer_guard_conn *g, const struct frame *f)
{
    if (f->type == H2O_HTTP2_FRAME_TYPE_DATA)
        after_data(g, f);
    if (!conn->_headers_unparsed) {
        g->block_since_ms = 0;
    } else if (!g->block_since_ms) {
        g->block_since_ms = now_ms();
        g->continuations = 0;
    }
}

static ssize_t guarded_frame(h2o_http2_conn_t *conn, struct mer_guard_conn *g, const uint8_t *src, size_t len,
                             const char **err_desc)
{
    if (len < FRAME_HEAD)
        return H2O_HTTP2_ERROR_INCOMPLETE;
    struct frame f = {.length = h2o_http2_decode24u(src),
                      .type = src[3],
                      .flags = src[4],
                      .stream = h2o_http2_decode32u(src + 5) & 0x7fffffff};
    if (f.length > FRAME_MAX)
        return g->expect(conn, src, len, err_desc); // is an error
    if (len < FRAME_HEAD + f.length)
        return H2O_HTTP2_ERROR_INCOMPLETE;
    ssize_t r = before_frame(conn, g, &f, err_desc);
    if (r < 0 || g->verdict)
        return r < 0 ? r : H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM;
    if (r > 0)
        return (ssize_t)(FRAME_HEAD + f.length);
    r = g->expect(conn, src, len, err_desc);
    if (r < 0)
        return r;
    after_frame(conn, g, &f);
    if (r == 0) {
        // Nothing was consumed of a whole frame: the library would be called with it again, for ever.
        condemn(g, MER_GUARD_SPIN, "unexpected frame while closing");
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
    struct mer_guard_upload *u = find_upload(g, stream->stream_id);
    if (u) {
        release(g, u->bytes);
        remove_upload(g, u);
    } else if (stream->_req_body) {
        release(g, stream->_req_body->size);
    }
    struct mer_guard_discard *d = find_discard(g, stream->stream_id);
    if (d) {
        // Nothing may be written here: the library closes streams also while it takes a connection apart.
        d->closed = true;
        discard_may_end(g, d);
    }
    mer_guard_real.stream_close(conn, stream);
}

// A stream that was answered whole but is still queued must not stand at a window of zero or less: an update
// of the window would hit an assertion in the library, and with it the process (fixed upstream in 2019, not
// in 2.2.5). One above the peer's initial window, no later change of settings brings it down to zero.
static void lift_window(h2o_http2_conn_t *conn, h2o_http2_stream_t *stream)
{
    ssize_t above = (ssize_t)conn->peer_settings.initial_window_size + 1;
    if (stream->output_window._avail >= above)
        return;
    if (stream->output_window._avail <= 0)
        guard_count(MER_GUARD_WINDOW);
    stream->output_window._avail = above;
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
        condemn(g, MER_GUARD_RESETS, "too many streams were reset");
    bool stays =
        stream->state >= H2O_HTTP2_STREAM_STATE_SEND_HEADERS && h2o_linklist_is_linked(&stream->_refs.link);
    mer_guard_real.stream_reset(conn, stream);
    if (stays)
        lift_window(conn, stream);
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
    if (stream->state != H2O_HTTP2_STREAM_STATE_END_STREAM)
        return;
    lift_window(conn, stream);
    hold_for_write(conn);
}

// An integer of RFC 7541 5.1. False: cut off or too large.
static bool skip_int(const uint8_t **p, const uint8_t *end, unsigned bits, uint32_t *value)
{
    if (*p >= end)
        return false;
    uint32_t max = (1u << bits) - 1, v = *(*p)++ & max;
    if (v == max) {
        for (unsigned shift = 0;; shift += 7) {
            if (*p >= end || shift > 21)
                return false;
            uint8_t b = *(*p)++;
            v += (uint32_t)(b & 0x7f) << shift;
            if (!(b & 0x80))
                break;
        }
    }
    *value = v;
    return true;
}

static bool skip_string(const uint8_t **p, const uint8_t *end)
{
    uint32_t n;
    if (!skip_int(p, end, 7, &n) || n > (size_t)(end - *p))
        return false;
    *p += n;
    return true;
}

// Counts fields before anything is expanded: a reference of one byte stands for 4 KiB and a list entry. What
// cannot be read is left for the library to refuse.
static bool block_is_modest(const uint8_t *p, size_t n)
{
    const uint8_t *end = p + n;
    uint32_t fields = 0, updates = 0, v;
    while (p < end) {
        uint8_t b = *p;
        if ((b & 0xe0) == 0x20) { // table size update
            if (!skip_int(&p, end, 5, &v))
                return true;
            if (++updates > TABLE_UPDATES_MAX || fields > 0)
                return false;
            continue;
        }
        bool whole = (b & 0x80) != 0; // name and value by reference
        if (!skip_int(&p, end, whole ? 7 : (b & 0x40) ? 6 : 4, &v))
            return true;
        if (!whole && ((v == 0 && !skip_string(&p, end)) || !skip_string(&p, end)))
            return true;
        if (++fields > mer_guard_limits.headers_n)
            return false;
    }
    return true;
}

// What the library lets through of a request's head. The stream is reset for a missing pseudo header, so a
// bad one is made to be missing.
static void judge_request(h2o_http2_conn_t *conn, h2o_http2_stream_t *stream, int *map,
                          size_t *content_length)
{
    struct mer_guard_conn *g = guard_of(conn);
    h2o_req_t *req = &stream->req;
    bool good = (*map & H2O_HPACK_PARSE_HEADERS_PATH_EXISTS) &&
                mer_guard_is_target(req->input.path.base, req->input.path.len) &&
                (*map & H2O_HPACK_PARSE_HEADERS_METHOD_EXISTS) &&
                mer_guard_is_token(req->input.method.base, req->input.method.len) &&
                (!(*map & H2O_HPACK_PARSE_HEADERS_AUTHORITY_EXISTS) || req->input.authority.len == 0 ||
                 mer_guard_is_authority(req->input.authority.base, req->input.authority.len));
    if (*content_length != SIZE_MAX && *content_length > 0 && !stream->_req_body)
        good = false; // RFC 9113 8.1.1: a length that the frames do not have
    if (!good) {
        guard_count(MER_GUARD_MALFORMED);
        *map &= ~H2O_HPACK_PARSE_HEADERS_PATH_EXISTS;
        return;
    }
    if (!stream->_req_body)
        return;
    if (*content_length != SIZE_MAX && *content_length > mer_guard_limits.body_bytes &&
        add_discard(g, stream->stream_id)) {
        h2o_buffer_dispose(&stream->_req_body);
        stream->_req_body = NULL; // for the library the request is complete now
        return;
    }
    add_upload(g, stream, now_ms());
}

GUARD_HOOK int h2o_hpack_parse_headers(h2o_req_t *req, h2o_hpack_header_table_t *table, const uint8_t *src,
                                       size_t len, int *map, size_t *content_length,
                                       h2o_cache_digests_t **digests, const char **err_desc)
{
    mer_guard_hook_calls[HOOK_HPACK_PARSE]++;
    (void)digests; // a header that nobody here uses, and that the library would decode
    h2o_http2_conn_t *conn = (h2o_http2_conn_t *)req->conn;
    if (len > mer_guard_limits.headers_bytes || !block_is_modest(src, len)) {
        condemn(guard_of(conn), MER_GUARD_HPACK, "too many header fields");
        return H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM;
    }
    size_t before = req->headers.size;
    int r = mer_guard_real.hpack_parse(req, table, src, len, map, content_length, NULL, err_desc);
    h2o_http2_stream_t *stream = H2O_STRUCT_FROM_MEMBER(h2o_http2_stream_t, req, req);
    if (!map)
        req->headers.size = before; // trailers do not become headers after the fact
    else if (r == 0 || r == H2O_HTTP2_ERROR_INVALID_HEADER_CHAR)
        judge_request(conn, stream, map, content_length);
    return r;
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
    release(g, g->body_bytes);
    free(g->uploads);
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
