// SPDX-License-Identifier: MIT
#include "resolvers/graphql/http1.h"

enum state {
    STATUS = 0, // the first line
    HEADERS = 1,
    LENGTH = 2, // body of known length
    CHUNK_SIZE = 3,
    CHUNK_EXTENSION = 4, // passed over
    CHUNK_LF = 5,
    CHUNK_DATA = 6,
    CHUNK_END_CR = 7,
    CHUNK_END_LF = 8,
    TRAILER = 9, // lines after the last chunk, passed over
    UNTIL_CLOSE = 10,
    DONE = 11,
    FAILED = 12,
};

enum { RESERVE_MAX = 256 * 1024 }; // of a body on the mere word of its content-length

void mer_http1_init(struct mer_http1 *h, size_t body_max_bytes)
{
    *h = (struct mer_http1){.body_max = body_max_bytes};
    mer_buf_init(&h->body, NULL, 0);
    mer_buf_init(&h->line, NULL, 0);
    mer_buf_init(&h->headers, NULL, 0);
}

void mer_http1_reset(struct mer_http1 *h)
{
    struct mer_http1 was = *h;
    *h = (struct mer_http1){.body_max = was.body_max, .gzip_allowed = was.gzip_allowed};
    h->body = was.body;
    h->line = was.line;
    h->headers = was.headers;
    mer_buf_clear(&h->body);
    mer_buf_clear(&h->line);
    mer_buf_clear(&h->headers);
}

void mer_http1_fini(struct mer_http1 *h)
{
    mer_buf_fini(&h->body);
    mer_buf_fini(&h->line);
    mer_buf_fini(&h->headers);
}

bool mer_http1_began(const struct mer_http1 *h)
{
    return h->began;
}

bool mer_http1_in_body(const struct mer_http1 *h)
{
    return h->state >= LENGTH && h->state < DONE;
}

static bool fail(struct mer_http1 *h, const char *why)
{
    h->state = FAILED;
    h->error = why;
    h->keep_alive = false;
    return false;
}

static bool fail_large(struct mer_http1 *h)
{
    h->too_large = true;
    return fail(h, "answer too large");
}

// ---- characters ----

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

// What a field value, a reason or an extension may hold (RFC 9110 5.5): no control character but the tab.
static bool is_text_char(char c)
{
    unsigned char u = (unsigned char)c;
    return u == '\t' || (u >= ' ' && u != 0x7f);
}

static bool is_text(struct mer_slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!is_text_char(s.p[i])) {
            return false;
        }
    }
    return true;
}

// Optional whitespace is blank and tab, nothing else: what others would not trim must not vanish here.
static struct mer_slice trim(struct mer_slice s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s.p++;
        s.n--;
    }
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t')) {
        s.n--;
    }
    return s;
}

// ---- head ----

static bool take_status(struct mer_http1 *h, struct mer_slice line)
{
    if (line.n < 12 || memcmp(line.p, "HTTP/1.", 7) != 0 || (line.p[7] != '0' && line.p[7] != '1') ||
        line.p[8] != ' ' || (line.n > 12 && line.p[12] != ' ') || !is_text(line)) {
        return fail(h, "not an HTTP/1 answer");
    }
    int status = 0;
    for (int i = 9; i < 12; i++) {
        if (line.p[i] < '0' || line.p[i] > '9') {
            return fail(h, "bad status");
        }
        status = status * 10 + (line.p[i] - '0');
    }
    if (status < 100 || status > 599) {
        return fail(h, "bad status");
    }
    h->status = status;
    h->http10 = line.p[7] == '0';
    h->keep_alive = !h->http10;
    h->state = HEADERS;
    return true;
}

static bool take_length(struct mer_http1 *h, struct mer_slice value)
{
    uint64_t n = 0;
    if (h->has_length || !mer_slice_to_u64(value, &n)) {
        return fail(h, "bad content-length");
    }
    h->has_length = true;
    h->left = n;
    return true;
}

static void take_connection(struct mer_http1 *h, struct mer_slice value)
{
    while (value.n) {
        if (mer_slice_ieq(trim(mer_slice_cut(&value, ',')), MER_S("close"))) {
            h->keep_alive = false;
        }
    }
}

static bool split_header(struct mer_http1 *h, struct mer_slice line, struct mer_slice *name,
                         struct mer_slice *value)
{
    *value = line;
    *name = mer_slice_cut(value, ':');
    *value = trim(*value);
    if (name->n == line.n || !is_token(*name) || !is_text(*value)) {
        return fail(h, "bad header");
    }
    if (++h->headers_n > MER_HTTP1_HEADERS_MAX) {
        return fail(h, "too many headers");
    }
    return true;
}

static bool take_coding(struct mer_http1 *h, struct mer_slice value)
{
    // "none" is no coding that anybody registered, but servers of event streams say it, and mean identity.
    if (mer_slice_ieq(value, MER_S("identity")) || mer_slice_ieq(value, MER_S("none"))) {
        return true;
    }
    if (!h->gzip_allowed || h->gzip ||
        (!mer_slice_ieq(value, MER_S("gzip")) && !mer_slice_ieq(value, MER_S("x-gzip")))) {
        return fail(h, "content-encoding was not asked for");
    }
    h->gzip = true;
    return true;
}

// For whoever wants to know more of the answer than its body.
static void keep_header(struct mer_http1 *h, struct mer_slice name, struct mer_slice value)
{
    char *p = mer_buf_reserve(&h->headers, name.n + value.n + 3);
    for (size_t i = 0; i < name.n; i++) {
        *p++ = name.p[i] >= 'A' && name.p[i] <= 'Z' ? (char)(name.p[i] | 0x20) : name.p[i];
    }
    *p++ = ':';
    *p++ = ' ';
    memcpy(p, value.p, value.n);
    p[value.n] = '\n';
    h->headers.n += name.n + value.n + 3;
}

static bool take_header(struct mer_http1 *h, struct mer_slice line)
{
    struct mer_slice name, value;
    if (!split_header(h, line, &name, &value)) {
        return false;
    }
    if (mer_slice_ieq(name, MER_S("content-length"))) {
        return take_length(h, value);
    }
    if (mer_slice_ieq(name, MER_S("transfer-encoding"))) {
        if (h->chunked || !mer_slice_ieq(value, MER_S("chunked"))) {
            return fail(h, "bad transfer-encoding");
        }
        h->chunked = true;
    } else if (mer_slice_ieq(name, MER_S("connection"))) {
        take_connection(h, value);
    } else if (mer_slice_ieq(name, MER_S("content-encoding"))) {
        return take_coding(h, value);
    } else {
        keep_header(h, name, value);
    }
    return true;
}

// Trailers are not merged into anything; framing among them is somebody else's idea of where the answer ends.
static bool take_trailer(struct mer_http1 *h, struct mer_slice line)
{
    struct mer_slice name, value;
    if (!split_header(h, line, &name, &value)) {
        return false;
    }
    if (mer_slice_ieq(name, MER_S("content-length")) || mer_slice_ieq(name, MER_S("transfer-encoding"))) {
        return fail(h, "framing in a trailer");
    }
    return true;
}

static bool pass_interim(struct mer_http1 *h)
{
    if (h->status == 101) {
        return fail(h, "another protocol was not asked for");
    }
    if (++h->interim_n > MER_HTTP1_INTERIM_MAX) {
        return fail(h, "too many interim answers");
    }
    h->headers_n = 0;
    mer_buf_clear(&h->headers);
    h->gzip = false;
    h->has_length = false;
    h->state = STATUS;
    return true;
}

static bool enter_body(struct mer_http1 *h)
{
    if (h->chunked && (h->has_length || h->http10)) {
        return fail(h, h->http10 ? "chunks in HTTP/1.0" : "content-length beside transfer-encoding");
    }
    bool interim = h->status < 200;
    if ((interim || h->status == 204) && (h->chunked || h->left)) {
        return fail(h, "a body where none may be"); // RFC 9112 6.1, 6.2
    }
    if (interim) {
        return pass_interim(h);
    }
    if (h->status == 204 || h->status == 304 || (h->has_length && h->left == 0)) {
        h->state = DONE; // a 304 tells the length that the body would have
        return true;
    }
    if (h->left > h->body_max) {
        return fail_large(h);
    }
    h->state = h->chunked ? CHUNK_SIZE : h->has_length ? LENGTH : UNTIL_CLOSE;
    h->keep_alive = h->keep_alive && h->state != UNTIL_CLOSE;
    if (h->left) {
        mer_buf_reserve(&h->body, h->left < RESERVE_MAX ? (size_t)h->left : RESERVE_MAX);
    }
    return true;
}

// One line of head or trailer, with its end.
static bool take_line(struct mer_http1 *h, struct mer_slice line)
{
    if (line.n < 2 || memchr(line.p, '\r', line.n) != line.p + line.n - 2) {
        return fail(h, "bad line end");
    }
    line.n -= 2;
    if (h->state == STATUS) {
        return take_status(h, line);
    }
    if (line.n) {
        return h->state == HEADERS ? take_header(h, line) : take_trailer(h, line);
    }
    if (h->state == HEADERS) {
        return enter_body(h);
    }
    h->state = DONE;
    return true;
}

// Is this, as far as it goes, the beginning of a status line?
static bool looks_right(struct mer_slice partial)
{
    static const char start[] = "HTTP/1.";
    size_t n = partial.n < sizeof(start) - 1 ? partial.n : sizeof(start) - 1;
    return memcmp(partial.p, start, n) == 0;
}

static size_t feed_line(struct mer_http1 *h, struct mer_slice s)
{
    const char *end = memchr(s.p, '\n', s.n);
    struct mer_slice piece = mer_slice_make(s.p, end ? (size_t)(end - s.p) + 1 : s.n);
    size_t room = MER_HTTP1_HEAD_MAX - h->head_bytes;
    struct mer_slice taken = mer_slice_make(piece.p, piece.n < room ? piece.n : room);
    h->head_bytes += (uint32_t)taken.n;
    struct mer_slice line = taken;
    bool whole = end && h->line.n == 0 && taken.n == piece.n; // needs no copy
    if (!whole) {
        mer_buf_add(&h->line, taken);
        line = mer_buf_slice(&h->line);
    }
    if (h->state == STATUS && line.n && !looks_right(line)) {
        fail(h, "not an HTTP/1 answer");
    } else if (taken.n < piece.n) {
        fail(h, "head too large");
    } else if (end) {
        take_line(h, line);
        mer_buf_clear(&h->line);
    }
    return piece.n;
}

// ---- body ----

static size_t take_bytes(struct mer_http1 *h, struct mer_slice s)
{
    size_t n = s.n < h->left ? s.n : (size_t)h->left;
    if (n > h->body_max - h->body.n) {
        fail_large(h);
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
        h->state = CHUNK_EXTENSION;
    } else {
        fail(h, "bad chunk size");
    }
}

static void chunk_extension(struct mer_http1 *h, char c)
{
    if (c == '\r') {
        h->state = CHUNK_LF;
    } else if (!is_text_char(c)) {
        fail(h, "bad chunk extension");
    } else if (++h->extension_bytes > MER_HTTP1_EXTENSION_MAX) {
        fail(h, "chunk extensions too large");
    }
}

static void chunk_begin(struct mer_http1 *h, char c)
{
    h->digits = 0;
    if (c != '\n') {
        fail(h, "bad chunk size");
    } else if (h->left > h->body_max - h->body.n) {
        fail_large(h);
    } else {
        h->state = h->left ? CHUNK_DATA : TRAILER;
    }
}

static void chunk_byte(struct mer_http1 *h, char c)
{
    switch ((enum state)h->state) {
    case CHUNK_SIZE:
        chunk_size(h, c);
        break;
    case CHUNK_EXTENSION:
        chunk_extension(h, c);
        break;
    case CHUNK_LF:
        chunk_begin(h, c);
        break;
    default:
        if (c != (h->state == CHUNK_END_CR ? '\r' : '\n')) {
            fail(h, "bad chunk end");
        } else {
            h->state = h->state == CHUNK_END_CR ? CHUNK_END_LF : CHUNK_SIZE;
        }
        break;
    }
}

static size_t feed_body(struct mer_http1 *h, struct mer_slice s)
{
    if (h->state == UNTIL_CLOSE) {
        h->left = s.n;
        return take_bytes(h, s);
    }
    if (h->state != LENGTH && h->state != CHUNK_DATA) {
        chunk_byte(h, s.p[0]);
        return 1;
    }
    size_t n = take_bytes(h, s);
    if (h->left == 0 && h->state != FAILED) {
        h->state = h->state == LENGTH ? DONE : CHUNK_END_CR;
    }
    return n;
}

enum mer_http1_result mer_http1_feed(struct mer_http1 *h, struct mer_slice bytes, size_t *used)
{
    size_t at = 0;
    h->began = h->began || bytes.n > 0;
    while (at < bytes.n && h->state != DONE && h->state != FAILED) {
        struct mer_slice rest = mer_slice_make(bytes.p + at, bytes.n - at);
        bool lines = h->state == STATUS || h->state == HEADERS || h->state == TRAILER;
        at += lines ? feed_line(h, rest) : feed_body(h, rest);
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
