// SPDX-License-Identifier: MIT
// Server-sent events as they come over the wire (HTML, 9.2.6), without I/O: lines end by CR, LF or both, what
// an event says in several data lines is joined by line feeds, comments and other fields than `event` and
// `data` are passed over. Belongs to one stream; how the bytes are cut makes no difference.
#ifndef MER_RESOLVERS_GRAPHQL_SSE_H
#define MER_RESOLVERS_GRAPHQL_SSE_H

#include "base/buf.h"

struct mer_sse {
    // For every event that has a name or data; the slices are valid until it returns.
    void (*event)(void *owner, struct mer_slice name, struct mer_slice data);
    void *owner;
    /* private */
    size_t max;
    struct mer_buf line, name, data;
    bool after_cr, began, has_data;
};

// max_bytes: of one event.
void mer_sse_init(struct mer_sse *s, size_t max_bytes,
                  void (*event)(void *, struct mer_slice, struct mer_slice), void *owner);
void mer_sse_fini(struct mer_sse *s);
// False: an event is longer than may be; nothing more is taken.
bool mer_sse_feed(struct mer_sse *s, struct mer_slice bytes) MER_MUST_CHECK;

#endif
