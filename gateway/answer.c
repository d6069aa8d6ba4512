// SPDX-License-Identifier: MIT
#include "gateway/answer.h"

#include "gateway/browser.h"
#include "gateway/persisted.h"

#define ZIP_FROM 1024 // shorter ones do not gain a packet

void mer_answer_add(struct mer_answer *a, struct mer_slice name, struct mer_slice value)
{
    if (a->headers_n < MER_ANSWER_HEADERS_MAX) {
        a->headers[a->headers_n++] = (struct mer_http_header){name, value};
    }
}

static void zip(struct mer_answer *a, struct mer_coder *coder, struct mer_http_req *req)
{
    if (a->body.n <= ZIP_FROM || !mer_coding_accepts_gzip(mer_http_header(req, "accept-encoding"))) {
        return;
    }
    struct mer_slice zipped = mer_coder_zip(coder, req->arena, a->body);
    if (zipped.n) {
        a->body = zipped;
        mer_answer_add(a, MER_S("content-encoding"), MER_S("gzip"));
    }
}

void mer_answer_finish(struct mer_answer *a, const struct mer_config *c, struct mer_coder *coder,
                       struct mer_http_req *req)
{
    struct mer_http_header cors[MER_BROWSER_HEADERS_MAX];
    size_t n = mer_browser_headers(c, req, cors);
    for (size_t i = 0; i < n; i++) {
        mer_answer_add(a, cors[i].name, cors[i].value);
    }
    mer_answer_add(a, MER_S("vary"), MER_S("accept, accept-encoding, authorization, origin"));
    zip(a, coder, req);
}

// ---- entity tags ----

static void describe(struct mer_buf *b, const struct mer_fresh_entry *e, int64_t now_us)
{
    bool stale = e->as_of_us == MER_TIME_UNKNOWN || now_us - e->as_of_us > e->stale_after_us;
    mer_buf_printf(b, "\n%.*s/%.*s/%.*s/%.*s/%d%d%d%d", MER_FMT(e->source), MER_FMT(e->region),
                   MER_FMT(e->environment), MER_FMT(e->facility), (int)e->tier, stale, e->online,
                   e->unreachable);
}

struct mer_slice mer_answer_etag(struct mer_arena *a, struct mer_slice body, const struct mer_exec *x,
                                 int64_t now_us)
{
    struct mer_buf b;
    uint32_t n = 0;
    size_t from = 0;
    char hex[64];
    const struct mer_exec_hole *holes = mer_exec_holes(x, &n);
    mer_buf_init(&b, a, body.n + 1024);
    for (uint32_t i = 0; i < n; i++) {
        mer_buf_add(&b, mer_slice_make(body.p + from, holes[i].from - from));
        mer_buf_printf(&b, "#%u", holes[i].entry);
        from = holes[i].to;
    }
    mer_buf_add(&b, mer_slice_make(body.p + from, body.n - from));
    const struct mer_fresh *fresh = mer_exec_freshness(x);
    for (uint32_t i = 0; i < fresh->n; i++) {
        describe(&b, &fresh->items[i], now_us);
    }
    mer_sha256_hex(mer_buf_slice(&b), hex);
    return mer_arena_printf(a, "W/\"%.32s\"", hex);
}

static struct mer_slice opaque(struct mer_slice tag)
{
    return mer_slice_starts(tag, MER_S("W/")) ? mer_slice_make(tag.p + 2, tag.n - 2) : tag;
}

bool mer_answer_etag_matches(struct mer_slice if_none_match, struct mer_slice etag)
{
    while (if_none_match.n) {
        struct mer_slice tag = mer_slice_trim(mer_slice_cut(&if_none_match, ','));
        if (mer_slice_is(tag, "*") || mer_slice_eq(opaque(tag), opaque(etag))) {
            return true;
        }
    }
    return false;
}

void mer_answer_write_error(struct mer_buf *b, struct mer_slice message, const char *code,
                            const struct mer_operation_error *e)
{
    mer_buf_add(b, MER_S("{\"message\":"));
    mer_json_write_string(b, message);
    for (uint32_t i = 0; e && i < e->locations_n; i++) {
        mer_buf_printf(b, "%s{\"line\":%u,\"column\":%u}", i ? "," : ",\"locations\":[", e->locations[i].line,
                       e->locations[i].column);
    }
    mer_buf_printf(b, "%s,\"extensions\":{\"code\":\"%s\"", e && e->locations_n ? "]" : "", code);
    if (e && e->limit) {
        mer_buf_printf(b, ",\"limit\":\"%s\",\"value\":%llu", e->limit, (unsigned long long)e->value);
    }
    mer_buf_add(b, MER_S("}}"));
}
