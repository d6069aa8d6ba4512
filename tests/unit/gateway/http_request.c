// SPDX-License-Identifier: MIT
#include "http_request.h"

void http_request_init(struct http_request *r, struct mer_arena *a, const char *method, const char *target,
                       const char *headers)
{
    *r = (struct http_request){
        .pub = {.method = mer_slice_of(method), .arena = a, .authority = MER_S("gw:1")}};
    struct mer_slice rest = mer_slice_of(target);
    r->pub.path = mer_slice_cut(&rest, '?');
    r->pub.query = rest;
    struct mer_slice lines = mer_slice_of(headers);
    while (lines.n) {
        struct mer_slice value = mer_slice_cut(&lines, '\n');
        struct mer_slice name = mer_slice_cut(&value, ':');
        r->headers[r->headers_n++] = (struct mer_http_header){name, mer_slice_trim(value)};
    }
}

struct mer_slice http_answered(const struct http_request *r, const char *name)
{
    for (size_t i = 0; i < r->answered_n; i++) {
        if (mer_slice_is(r->answered[i].name, name)) {
            return r->answered[i].value;
        }
    }
    return MER_NIL;
}

// ---- the server's side ----

struct mer_slice mer_http_header(const struct mer_http_req *req, const char *name)
{
    const struct http_request *r = (const struct http_request *)req;
    for (size_t i = 0; i < r->headers_n; i++) {
        if (mer_slice_is(r->headers[i].name, name)) {
            return r->headers[i].value;
        }
    }
    return MER_NIL;
}

size_t mer_http_header_count(const struct mer_http_req *req, const char *name)
{
    const struct http_request *r = (const struct http_request *)req;
    size_t n = 0;
    for (size_t i = 0; i < r->headers_n; i++) {
        n += mer_slice_is(r->headers[i].name, name);
    }
    return n;
}

size_t mer_http_headers_n(const struct mer_http_req *req)
{
    return ((const struct http_request *)req)->headers_n;
}

struct mer_http_header mer_http_header_at(const struct mer_http_req *req, size_t i)
{
    return ((const struct http_request *)req)->headers[i];
}

void mer_http_respond(struct mer_http_req *req, int status, const struct mer_http_header *headers,
                      size_t headers_n, const struct mer_slice *body, size_t body_n)
{
    struct http_request *r = (struct http_request *)req;
    (void)body;
    (void)body_n;
    r->status = status;
    r->answered_n = headers_n;
    memcpy(r->answered, headers, headers_n * sizeof(*headers));
}
