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

// Answers with the first part, in place of mer_http_respond; `a` holds further headers. Each part is a JSON
// text and copied. After the last (more: false) the request must not be touched.
void mer_parts_begin(struct mer_http_req *req, const struct mer_config *c, enum mer_exec_parts parts,
                     struct mer_answer *a, bool more);
void mer_parts_next(struct mer_http_req *req, struct mer_slice part, bool more);

#endif
