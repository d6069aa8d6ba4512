// SPDX-License-Identifier: MIT
// A request in memory, for what is pure in the gateway: its functions ask a request for headers and answer
// it, no more. The real server has its own tests (tests/probes) and stands in every scenario.
#ifndef MER_TEST_HTTP_REQUEST_H
#define MER_TEST_HTTP_REQUEST_H

#include "gateway/server.h"

struct http_request {
    struct mer_http_req pub; // first
    struct mer_http_header headers[16];
    size_t headers_n;
    int status; // as answered; 0: not yet
    struct mer_http_header answered[32];
    size_t answered_n;
};

// "GET" and "/graphql?…" with headers "name: value\n…".
void http_request_init(struct http_request *r, struct mer_arena *a, const char *method, const char *target,
                       const char *headers);
struct mer_slice http_answered(const struct http_request *r, const char *name);

#endif
