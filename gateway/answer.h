// SPDX-License-Identifier: MIT
// Answer: what goes back to a client, and what every answer of /graphql has in common: the headers for
// browsers and caches, gzip, the entity tag. Belongs to one request; texts live in its arena or are static.
#ifndef MER_GATEWAY_ANSWER_H
#define MER_GATEWAY_ANSWER_H

#include "gateway/coding.h"
#include "gateway/config.h"
#include "gateway/server.h"
#include "planner/operation.h"
#include "resolvers/exec.h"

#define MER_ANSWER_HEADERS_MAX 64

struct mer_answer {
    int status;
    struct mer_http_header headers[MER_ANSWER_HEADERS_MAX];
    size_t headers_n;
    struct mer_slice body;
};

void mer_answer_add(struct mer_answer *a, struct mer_slice name, struct mer_slice value);
// An entry of `errors`. more: where, and which limit; NULL: nothing.
void mer_answer_write_error(struct mer_buf *b, struct mer_slice message, const char *code,
                            const struct mer_operation_error *more);
// After the body is complete: CORS, vary, gzip where the client takes it and it is worth it.
void mer_answer_finish(struct mer_answer *a, const struct mer_config *c, struct mer_coder *coder,
                       struct mer_http_req *req);

// A written execution's weak tag: the same for the same data, however old; other data, staleness, warnings or
// origin make another one. `body` is what mer_exec_write wrote with ask.holes set, from its first byte on.
// The tag is the same on every loop and after every restart.
struct mer_slice mer_answer_etag(struct mer_arena *a, struct mer_slice body, const struct mer_exec *x,
                                 int64_t now_us);
// Does an if-none-match header name the tag? Compared weakly (RFC 9110 13.1.2).
bool mer_answer_etag_matches(struct mer_slice if_none_match, struct mer_slice etag);

#endif
