// SPDX-License-Identifier: MIT
// Parts: an answer with deferred fragments (resolvers/defer.h) as multipart/mixed over HTTP/1.1 and HTTP/2.
// What a client can read it says in its accept header. Belongs to one request; the loop's thread.
#ifndef MER_GATEWAY_PARTS_H
#define MER_GATEWAY_PARTS_H

#include "gateway/answer.h"

struct mer_parts_offer {
    enum mer_exec_parts parts; // MER_EXEC_WHOLE: none
    bool sse;                  // as server-sent events, which stream_http.c tells; else multipart
};
// What the accept header offers for answers in parts; multipart before events.
struct mer_parts_offer mer_parts_offered(const struct mer_http_req *req);

// How they go to one client; in its request's arena.
struct mer_parts {
    struct mer_http_req *req;
    struct mer_coder *coder;
    enum mer_exec_parts format;
    /* private */
    bool zipped;
    struct mer_pieces pieces;
};

// Answers with the first part, in place of mer_http_respond; `a` holds further headers. Each part is a JSON
// text and copied, and goes out at once, also where it is compressed. After the last (more: false) the
// request must not be touched.
void mer_parts_begin(struct mer_parts *p, const struct mer_config *c, struct mer_answer *a, bool more);
void mer_parts_next(struct mer_parts *p, struct mer_slice part, bool more);

#endif
