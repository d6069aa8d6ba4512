// SPDX-License-Identifier: MIT
// HTTP/2 header blocks: counted before they are expanded, and judged as requests after.
#include "gateway/h2o_guard/guard_priv.h"

enum { TABLE_UPDATES_MAX = 2 };     // of a header block: RFC 7541 4.2 knows no use for more
enum { STATIC_AUTHORIZATION = 23 }; // RFC 7541, appendix A

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

static bool skip_string(const uint8_t **p, const uint8_t *end, uint32_t *n)
{
    if (!skip_int(p, end, 7, n) || *n > (size_t)(end - *p))
        return false;
    *p += *n;
    return true;
}

// A literal's value under a name of the static table.
static bool skip_value(const uint8_t **p, const uint8_t *src, const uint8_t *end, uint32_t name,
                       struct guard_coded *auth)
{
    const uint8_t *from = *p;
    uint32_t n;
    if (!skip_string(p, end, &n))
        return false;
    if (name == STATIC_AUTHORIZATION && (*from & 0x80) && n >= GUARD_CODED_MIN)
        *auth = (struct guard_coded){(size_t)(from - src), (size_t)(*p - src) - n, n};
    return true;
}

// Counts fields before anything is expanded: a reference of one byte stands for 4 KiB and a list entry. What
// cannot be read is left for the library to refuse.
static bool block_is_modest(const uint8_t *src, size_t n, struct guard_coded *auth)
{
    const uint8_t *p = src, *end = p + n;
    uint32_t name_n, fields = 0, updates = 0, v;
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
        if (!whole && ((v == 0 && !skip_string(&p, end, &name_n)) || !skip_value(&p, src, end, v, auth)))
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
        mer_guard_body_refuse(g, stream->stream_id)) {
        h2o_buffer_dispose(&stream->_req_body);
        stream->_req_body = NULL; // for the library the request is complete now
        return;
    }
    mer_guard_body_begin(g, stream);
}

GUARD_HOOK int h2o_hpack_parse_headers(h2o_req_t *req, h2o_hpack_header_table_t *table, const uint8_t *src,
                                       size_t len, int *map, size_t *content_length,
                                       h2o_cache_digests_t **digests, const char **err_desc)
{
    mer_guard_hook_calls[HOOK_HPACK_PARSE]++;
    (void)digests; // a header that nobody here uses, and that the library would decode
    h2o_http2_conn_t *conn = (h2o_http2_conn_t *)req->conn;
    struct mer_guard_conn *g = guard_of(conn);
    struct guard_coded auth = {0};
    uint8_t block[GUARD_BLOCK_MAX];
    if (len > mer_guard_limits.headers_bytes || !block_is_modest(src, len, &auth)) {
        guard_condemn(g, MER_GUARD_HPACK, "too many header fields");
        return H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM;
    }
    size_t before = req->headers.size;
    const uint8_t *given = auth.n ? mer_guard_token_recall(g, src, &len, &auth, block) : src;
    int r = mer_guard_real.hpack_parse(req, table, given, len, map, content_length, NULL, err_desc);
    if (r == 0 && map && auth.n && given == src)
        mer_guard_token_learn(g, src + auth.at, auth.n, &req->headers);
    h2o_http2_stream_t *stream = H2O_STRUCT_FROM_MEMBER(h2o_http2_stream_t, req, req);
    if (!map)
        req->headers.size = before; // trailers do not become headers after the fact
    else if (r == 0 || r == H2O_HTTP2_ERROR_INVALID_HEADER_CHAR)
        judge_request(conn, stream, map, content_length);
    return r;
}
