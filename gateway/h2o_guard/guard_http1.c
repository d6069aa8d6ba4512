// SPDX-License-Identifier: MIT
// HTTP/1: heads and chunked bodies as RFC 9112 wants them, nothing that two parsers could read in two ways.
#include "base/slice.h"
#include "gateway/h2o_guard/guard_priv.h"

#include <string.h>
#include <strings.h>

enum { METHOD_MAX = 32, CHUNK_SIZE_DIGITS = 8, LENGTH_DIGITS = 18 };

static bool is(const struct phr_header *h, const char *name, size_t n)
{
    return h->name_len == n && strncasecmp(h->name, name, n) == 0;
}
#define IS(h, lit) is((h), "" lit, sizeof(lit) - 1)

static bool is_length(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] < '0' || p[i] > '9')
            return false;
    return n > 0 && n <= LENGTH_DIGITS;
}

static bool is_value(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

// A line feed alone ends a line for some parsers and not for others.
static bool has_bare_line_feed(const char *p, size_t n)
{
    const char *at = p, *end = p + n;
    while ((at = memchr(at, '\n', (size_t)(end - at)))) {
        if (at == p || at[-1] != '\r')
            return true;
        at++;
    }
    return false;
}

static bool headers_are_good(struct phr_header *h, size_t n, int minor)
{
    unsigned hosts = 0, lengths = 0, encodings = 0;
    for (size_t i = 0; i < n; i++, h++) {
        if (!h->name) // a folded line
            return false;
        // White space after a value is not part of it (RFC 9110 5.5); the library leaves it there.
        while (h->value_len && (h->value[h->value_len - 1] == ' ' || h->value[h->value_len - 1] == '\t'))
            h->value_len--;
        if (!mer_guard_is_token(h->name, h->name_len) || !is_value(h->value, h->value_len))
            return false;
        if (IS(h, "host")) {
            hosts++;
            if (!mer_guard_is_authority(h->value, h->value_len))
                return false;
        } else if (IS(h, "content-length")) {
            lengths++;
            if (!is_length(h->value, h->value_len))
                return false;
        } else if (IS(h, "transfer-encoding")) {
            encodings++;
            if (h->value_len != 7 || strncasecmp(h->value, "chunked", 7) != 0)
                return false;
        }
    }
    if (hosts > 1 || (minor == 1 && hosts == 0))
        return false;
    // Both, or either one twice, is how requests are smuggled past whoever stands in front.
    if (lengths + encodings > 1 || (encodings && minor == 0))
        return false;
    return true;
}

GUARD_HOOK int phr_parse_request(const char *buf, size_t len, const char **method, size_t *method_len,
                                 const char **path, size_t *path_len, int *minor_version,
                                 struct phr_header *headers, size_t *num_headers, size_t last_len)
{
    mer_guard_hook_calls[HOOK_PHR_REQUEST]++;
    if (*num_headers > mer_guard_limits.headers_n)
        *num_headers = mer_guard_limits.headers_n;
    int r = mer_guard_real.phr_request(buf, len, method, method_len, path, path_len, minor_version, headers,
                                       num_headers, last_len);
    if (r == -2
            ? len <= mer_guard_limits.headers_bytes
            : r > 0 && (size_t)r <= mer_guard_limits.headers_bytes && !has_bare_line_feed(buf, (size_t)r) &&
                  *method_len <= METHOD_MAX && mer_guard_is_token(*method, *method_len) &&
                  mer_guard_is_target(*path, *path_len) && (*minor_version == 0 || *minor_version == 1) &&
                  headers_are_good(headers, *num_headers, *minor_version))
        return r;
    guard_count(MER_GUARD_HTTP1_HEAD);
    return -1;
}

// size CRLF data CRLF … 0 CRLF CRLF. Extensions and trailers are refused: nobody needs them, and parsers
// disagree. The state is the library's struct, zeroed at the start of a body.
enum chunk_state { SIZE_FIRST, SIZE_MORE, SIZE_LF, DATA, DATA_CR, DATA_LF, LAST_CR, LAST_LF };

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

// One character of framing. Returns false when it cannot stand there.
static bool step(struct phr_chunked_decoder *d, char c)
{
    switch ((enum chunk_state)d->state) {
    case SIZE_FIRST:
    case SIZE_MORE: {
        int digit = hex(c);
        if (digit < 0) {
            if (d->state != SIZE_MORE || c != '\r')
                return false;
            d->state = SIZE_LF;
            return true;
        }
        if (d->hex_count >= CHUNK_SIZE_DIGITS)
            return false;
        d->bytes_left_in_chunk = d->bytes_left_in_chunk * 16 + (size_t)digit;
        d->hex_count++;
        d->state = SIZE_MORE;
        return true;
    }
    case SIZE_LF:
        d->hex_count = 0;
        d->state = d->bytes_left_in_chunk ? DATA : LAST_CR;
        return c == '\n';
    case DATA_CR:
        d->state = DATA_LF;
        return c == '\r';
    case DATA_LF:
        d->state = SIZE_FIRST;
        return c == '\n';
    case LAST_CR:
        d->state = LAST_LF;
        return c == '\r';
    case LAST_LF:
    case DATA:
        break;
    }
    return false;
}

GUARD_HOOK ssize_t phr_decode_chunked(struct phr_chunked_decoder *d, char *buf, size_t *bufsz)
{
    mer_guard_hook_calls[HOOK_PHR_CHUNKED]++;
    size_t at = 0, out = 0, n = *bufsz;
    while (at < n) {
        if (d->state == DATA) {
            size_t k = n - at < d->bytes_left_in_chunk ? n - at : d->bytes_left_in_chunk;
            memmove(buf + out, buf + at, k);
            out += k;
            at += k;
            d->bytes_left_in_chunk -= k;
            if (d->bytes_left_in_chunk == 0)
                d->state = DATA_CR;
        } else if (d->state == LAST_LF && buf[at] == '\n') {
            at++;
            memmove(buf + out, buf + at, n - at);
            *bufsz = out;
            return (ssize_t)(n - at);
        } else if (!step(d, buf[at++])) {
            guard_count(MER_GUARD_HTTP1_CHUNK);
            *bufsz = out;
            return -1;
        }
    }
    *bufsz = out;
    return -2;
}

GUARD_HOOK void h2o_send_error_generic(h2o_req_t *req, int status, const char *reason, const char *body,
                                       int flags)
{
    mer_guard_hook_calls[HOOK_SEND_ERROR]++;
    if ((flags & H2O_SEND_ERROR_HTTP1_CLOSE_CONNECTION) != 0)
        req->http1_is_persistent = 0;
    if (mer_guard_error_answer) {
        // An answer needs a configuration; a request that failed this early has none yet.
        if (!req->pathconf)
            h2o_req_bind_conf(req, req->conn->hosts[0], &req->conn->hosts[0]->fallback_path);
        if (mer_guard_error_answer(req, status))
            return;
    }
    mer_guard_real.send_error(req, status, reason, body, flags);
}
