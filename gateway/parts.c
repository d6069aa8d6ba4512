// SPDX-License-Identifier: MIT
#include "gateway/parts.h"

#include "gateway/browser.h"

// ---- what the client reads ----

static bool parameter(struct mer_slice params, const char *name, struct mer_slice *value)
{
    while (params.n) {
        struct mer_slice v = mer_slice_trim(mer_slice_cut(&params, ';'));
        if (mer_slice_ieq(mer_slice_trim(mer_slice_cut(&v, '=')), mer_slice_of(name))) {
            v = mer_slice_trim(v);
            bool quoted = v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"';
            *value = quoted ? mer_slice_make(v.p + 1, v.n - 2) : v;
            return true;
        }
    }
    return false;
}

static bool is_refused(struct mer_slice params)
{
    struct mer_slice q = MER_NIL;
    bool zero = parameter(params, "q", &q) && q.n > 0;
    for (size_t i = 0; i < q.n && zero; i++) {
        zero = q.p[i] == '0' || q.p[i] == '.';
    }
    return zero;
}

// deferSpec and incrementalSpec name a format of which only these are known; without them it is the newest,
// but for multipart that is for subscriptions.
static enum mer_exec_parts format(struct mer_slice params, bool sse)
{
    struct mer_slice value = MER_NIL;
    if (is_refused(params)) {
        return MER_EXEC_WHOLE;
    }
    if (parameter(params, "deferSpec", &value)) {
        return mer_slice_is(value, "20220824") ? MER_EXEC_PARTS_2022 : MER_EXEC_WHOLE;
    }
    if (parameter(params, "incrementalSpec", &value)) {
        return mer_slice_is(value, "v0.2") ? MER_EXEC_PARTS : MER_EXEC_WHOLE;
    }
    return sse || !parameter(params, "subscriptionSpec", &value) ? MER_EXEC_PARTS : MER_EXEC_WHOLE;
}

struct mer_parts_offer mer_parts_offered(const struct mer_http_req *req)
{
    struct mer_slice accept = mer_http_header(req, "accept");
    struct mer_parts_offer best = {MER_EXEC_WHOLE, false};
    while (accept.n) {
        struct mer_slice params = mer_slice_cut(&accept, ',');
        struct mer_slice type = mer_slice_trim(mer_slice_cut(&params, ';'));
        bool sse = mer_slice_ieq(type, MER_S("text/event-stream"));
        enum mer_exec_parts parts =
            sse || mer_slice_ieq(type, MER_S("multipart/mixed")) ? format(params, sse) : MER_EXEC_WHOLE;
        if (parts && (best.parts == MER_EXEC_WHOLE || (best.sse && !sse))) {
            best = (struct mer_parts_offer){parts, sse};
        }
    }
    return best;
}

// ---- what it is told ----

// A part ends with the delimiter of the next, so that nobody has to wait for that to see its end.
static void write_part(struct mer_buf *b, struct mer_slice part, bool more)
{
    mer_buf_add(b, MER_S("\r\ncontent-type: application/json; charset=utf-8\r\n\r\n"));
    mer_buf_add(b, part);
    mer_buf_add(b, more ? MER_S("\r\n---") : MER_S("\r\n-----\r\n"));
}

// What goes out: b, or b compressed, in `zipped`.
static struct mer_slice coded(struct mer_parts *p, const struct mer_buf *b, bool more, struct mer_buf *zipped)
{
    mer_buf_init(zipped, NULL, 0);
    if (!p->zipped) {
        return mer_buf_slice(b);
    }
    mer_coder_piece(p->coder, &p->pieces, mer_buf_slice(b), !more, zipped);
    return mer_buf_slice(zipped);
}

static void add_headers(struct mer_parts *p, const struct mer_config *c, struct mer_answer *a)
{
    struct mer_http_header cors[MER_BROWSER_HEADERS_MAX];
    size_t n = mer_browser_headers(c, p->req, cors);
    mer_answer_add(a, MER_S("content-type"),
                   p->format == MER_EXEC_PARTS_2022
                       ? MER_S("multipart/mixed;boundary=\"-\";deferSpec=20220824")
                       : MER_S("multipart/mixed;boundary=\"-\";incrementalSpec=v0.2"));
    mer_answer_add(a, MER_S("cache-control"), MER_S("private, no-store"));
    mer_answer_add(a, MER_S("x-content-type-options"), MER_S("nosniff"));
    mer_answer_add(a, MER_S("x-accel-buffering"), MER_S("no")); // nginx holds back else
    mer_answer_add(a, MER_S("vary"), MER_S("accept, accept-encoding, authorization, origin"));
    if (p->zipped) {
        mer_answer_add(a, MER_S("content-encoding"), MER_S("gzip"));
    }
    for (size_t i = 0; i < n; i++) {
        mer_answer_add(a, cors[i].name, cors[i].value);
    }
}

void mer_parts_begin(struct mer_parts *p, const struct mer_config *c, struct mer_answer *a, bool more)
{
    struct mer_buf b, zipped;
    p->zipped = mer_coding_accepts_gzip(mer_http_header(p->req, "accept-encoding"));
    add_headers(p, c, a);
    mer_buf_init(&b, NULL, a->body.n + 128);
    mer_buf_add(&b, MER_S("\r\n---"));
    write_part(&b, a->body, more);
    mer_http_stream(p->req, a->status, a->headers, a->headers_n, coded(p, &b, more, &zipped));
    mer_buf_fini(&b);
    mer_buf_fini(&zipped);
    if (!more) {
        mer_http_stream_end(p->req);
    }
}

void mer_parts_next(struct mer_parts *p, struct mer_slice part, bool more)
{
    struct mer_buf b, zipped;
    mer_buf_init(&b, NULL, part.n + 128);
    write_part(&b, part, more);
    mer_http_stream_write(p->req, coded(p, &b, more, &zipped));
    mer_buf_fini(&b);
    mer_buf_fini(&zipped);
    if (!more) {
        mer_http_stream_end(p->req);
    }
}
