// SPDX-License-Identifier: MIT
// Forward: headers between clients and plain subgraphs, by the rules of the configuration. Belongs to one
// request; everything lives in its arena.
#ifndef MER_GATEWAY_FORWARD_H
#define MER_GATEWAY_FORWARD_H

#include "gateway/answer.h"
#include "gateway/config.h"
#include "gateway/server.h"
#include "planner/cache_policy.h"
#include "resolvers/graphql/client.h"

// What each request to a subgraph carries for this client's request; *n of them.
const struct mer_gql_header *mer_forward_ask(const struct mer_config *c, const struct mer_http_req *req,
                                             uint32_t *n);

// What the client is told of the subgraphs' headers.
struct mer_forward {
    const struct mer_config *config;
    struct mer_arena *arena;
    struct mer_http_header *headers;
    uint32_t headers_n, headers_cap;
    uint32_t answers;       // heard so far
    bool no_store, private; // cache-control: what any of them says
    int64_t max_age;        // the least; -1: an answer said none
};

void mer_forward_begin(struct mer_forward *f, const struct mer_config *c, struct mer_arena *a);
void mer_forward_hear(struct mer_forward *f, const struct mer_gql_answer *answer);
// Adds them. The value of cache-control, the strictest of what subgraphs said, where that is among them, and
// of what the supergraph says of the operation; nil where neither says a thing. personal: the request told
// who asks, so the answer is not for others on the supergraph's word alone.
struct mer_slice mer_forward_tell(const struct mer_forward *f, const struct mer_cache_policy *policy,
                                  bool personal, struct mer_answer *out);

#endif
