// SPDX-License-Identifier: MIT
#include "resolvers/graphql/http1.h"

enum state {
    HEAD = 0,
    LENGTH = 1, // body of known length
    CHUNK_SIZE = 2,
    CHUNK_EXT = 3, // a chunk extension, passed over
    CHUNK_LF = 4,
    CHUNK_DATA = 5,
    CHUNK_END_CR = 6,
    CHUNK_END_LF = 7,
    TRAILER = 8, // after the last chunk: only an empty line is accepted
    TRAILER_LF = 9,
    UNTIL_CLOSE = 10,
    DONE = 11,
    FAILED = 12,
};

void mer_http1_init(struct mer_http1 *h, size_t body_max_bytes)
{
    *h = (struct mer_http1){.body_max = body_max_bytes};
    mer_buf_init(&h->body, NULL, 0);
    mer_buf_init(&h->head, NULL, 0);
}

void mer_http1_fini(struct mer_http1 *h)
{
    mer_buf_fini(&h->body);
    mer_buf_fini(&h->head);
}

bool mer_http1_began(const struct mer_http1 *h)
{
    return h->state != HEAD || h->head.n > 0;
}

static bool fail(struct mer_http1 *h, const char *why)
{
    h->state = FAILED;
    h->error = why;
    return false;
}

// ---- head ----

static bool is_token(struct mer_slice s)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alnum && !(c && strchr(marks, c))) {
            return false;
        }
    }
    return s.n > 0;
}

static bool take_status(struct mer_http1 *h, struct mer_slice line)
{
    if (line.n < 12 || memcmp(line.p, "HTTP/1.", 7) != 0 || (line.p[7] != '0' && line.p[7] != '1') ||
        line.p[8] != ' ' || (line.n > 12 && line.p[12] != ' ')) {
        return fail(h, "not an HTTP/1 answer");
    }
    int status = 0;
    for (int i = 9; i < 12; i++) {
        if (line.p[i] < '0' || line.p[i] > '9') {
            return fail(h, "bad status");
        }
        status = status * 10 + (line.p[i] - '0');
    }
    h->status = status;
    h->keep_alive = line.p[7] == '1';
    return true;
}

static bool take_length(struct mer_http1 *h, struct mer_slice value)
{
    uint64_t n = 0;
    if (h->has_length || !mer_slice_to_u64(value, &n)) {
        return fail(h, "bad content-length");
    }
    if (n > h->body_max) {
        return fail(h, "answer too large");
    }
    h->has_length = true;
    h->left = n;
    return true;
}

static bool take_header(struct mer_http1 *h, struct mer_slice line)
{
    struct mer_slice value = line;
    struct mer_slice name = mer_slice_cut(&value, ':');
    if (name.n == line.n || !is_token(name)) {
        return fail(h, "bad header");
    }
    value = mer_slice_trim(value);
    if (memchr(value.n ? value.p : "", 0, value.n)) {
        return fail(h, "bad header");
    }
    if (mer_slice_ieq(name, MER_S("content-length"))) {
        return take_length(h, value);
    }
    if (mer_slice_ieq(name, MER_S("transfer-encoding"))) {
        if (h->chunked || !mer_slice_ieq(value, MER_S("chunked"))) {
            return fail(h, "bad transfer-encoding");
        }
        h->chunked = true;
    } else if (mer_slice_ieq(name, MER_S("connection")) && mer_slice_ieq(value, MER_S("close"))) {
        h->keep_alive = false;
    } else if (mer_slice_ieq(name, MER_S("content-encoding")) && !mer_slice_ieq(value, MER_S("identity"))) {
        return fail(h, "content-encoding was not asked for");
    }
    return true;
}

static bool enter_body(struct mer_http1 *h)
{
    if (h->status >= 100 && h->status < 200) {
        if (++h->interim_n > MER_HTTP1_INTERIM_MAX || h->status == 101) {
            return fail(h, "too many interim answers");
        }
        h->has_length = h->chunked = false;
        h->left = 0;
        mer_buf_clear(&h->head);
        return true;
    }
    if (h->chunked && h->has_length) {
        return fail(h, "content-length beside transfer-encoding");
    }
    bool empty = h->status == 204 || h->status == 304 || (h->has_length && h->left == 0);
    h->state = empty ? DONE : h->chunked ? CHUNK_SIZE : h->has_length ? LENGTH : UNTIL_CLOSE;
    h->keep_alive = h->keep_alive && h->state != UNTIL_CLOSE;
    return true;
}

// The head is complete: every line ends with CR LF, and there is an empty one at the end.
static bool read_head(struct mer_http1 *h)
{
    struct mer_slice rest = mer_slice_make(h->head.p, h->head.n - 2);
    uint32_t lines = 0;
    while (rest.n) {
        struct mer_slice line = mer_slice_cut(&rest, '\n');
        if (line.n == 0 || line.p[line.n - 1] != '\r' || memchr(line.p, '\r', line.n) != line.p + line.n - 1) {
            return fail(h, "bad line end");
        }
        line.n--;
        if (lines == 0 ? !take_status(h, line) : !take_header(h, line)) {
            return false;
        }
        if (++lines > MER_HTTP1_HEADERS_MAX) {
            return fail(h, "too many headers");
        }
    }
    return enter_body(h);
}

static size_t feed_head(struct mer_http1 *h, struct mer_slice s)
{
    size_t i = 0;
    while (i < s.n && h->state == HEAD) {
        mer_buf_add_char(&h->head, s.p[i++]);
        size_t n = h->head.n;
        if (n >= 4 && memcmp(h->head.p + n - 4, "\r\n\r\n", 4) == 0) {
            read_head(h);
        } else if (n > MER_HTTP1_HEAD_MAX) {
            fail(h, "head too large");
        }
    }
    return i;
}

// ---- body ----

static size_t take_bytes(struct mer_http1 *h, struct mer_slice s)
{
    size_t n = s.n < h->left ? s.n : (size_t)h->left;
    if (h->body.n + n > h->body_max) {
        fail(h, "answer too large");
        return s.n;
    }
    mer_buf_add(&h->body, mer_slice_make(s.p, n));
    h->left -= n;
    return n;
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static void chunk_size(struct mer_http1 *h, char c)
{
    int v = hex(c);
    if (v >= 0 && h->digits < 8) {
        h->left = h->left * 16 + (unsigned)v;
        h->digits++;
    } else if (h->digits && c == '\r') {
        h->state = CHUNK_LF;
    } else if (h->digits && c == ';') {
        h->state = CHUNK_EXT;
    } else {
        fail(h, "bad chunk size");
    }
}

static void chunk_mark(struct mer_http1 *h, char c)
{
    static const struct {
        char want;
        uint8_t next;
    } marks[] = {
        [CHUNK_END_CR] = {'\r', CHUNK_END_LF},
        [CHUNK_END_LF] = {'\n', CHUNK_SIZE},
        [TRAILER] = {'\r', TRAILER_LF},
        [TRAILER_LF] = {'\n', DONE},
    };
    if (c != marks[h->state].want) {
        fail(h, "bad chunk");
        return;
    }
    h->state = marks[h->state].next;
}

static void chunk_byte(struct mer_http1 *h, char c)
{
    switch ((enum state)h->state) {
    case CHUNK_SIZE:
        chunk_size(h, c);
        break;
    case CHUNK_EXT:
        if (c == '\r') {
            h->state = CHUNK_LF;
        } else if (c == '\n') {
            fail(h, "bad chunk");
        }
        break;
    case CHUNK_LF:
        h->digits = 0;
        h->state = c != '\n' ? FAILED : h->left ? CHUNK_DATA : TRAILER;
        h->error = c != '\n' ? "bad chunk" : NULL;
        break;
    default:
        chunk_mark(h, c);
        break;
    }
}

static size_t feed_body(struct mer_http1 *h, struct mer_slice s)
{
    size_t n = 0;
    switch ((enum state)h->state) {
    case LENGTH:
        n = take_bytes(h, s);
        if (h->state == LENGTH && h->left == 0) {
            h->state = DONE;
        }
        return n;
    case CHUNK_DATA:
        n = take_bytes(h, s);
        if (h->state == CHUNK_DATA && h->left == 0) {
            h->state = CHUNK_END_CR;
        }
        return n;
    case UNTIL_CLOSE:
        h->left = s.n;
        return take_bytes(h, s);
    default:
        chunk_byte(h, s.p[0]);
        return 1;
    }
}

enum mer_http1_result mer_http1_feed(struct mer_http1 *h, struct mer_slice bytes, size_t *used)
{
    size_t at = 0;
    while (at < bytes.n && h->state != DONE && h->state != FAILED) {
        struct mer_slice rest = mer_slice_make(bytes.p + at, bytes.n - at);
        at += h->state == HEAD ? feed_head(h, rest) : feed_body(h, rest);
    }
    *used = at;
    return h->state == DONE ? MER_HTTP1_DONE : h->state == FAILED ? MER_HTTP1_ERROR : MER_HTTP1_MORE;
}

enum mer_http1_result mer_http1_end(struct mer_http1 *h)
{
    if (h->state == UNTIL_CLOSE) {
        h->state = DONE;
    }
    if (h->state != DONE) {
        fail(h, h->error ? h->error : "the connection ended within the answer");
        return MER_HTTP1_ERROR;
    }
    return MER_HTTP1_DONE;
}
