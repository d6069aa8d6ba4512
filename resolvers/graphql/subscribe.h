// SPDX-License-Identifier: MIT
// A subscription at a GraphQL server: what it tells, event by event, over server-sent events (graphql-sse,
// distinct connections: a POST whose answer is text/event-stream) or over a WebSocket (graphql-transport-ws).
// Each subscription has a connection of its own, so that one that is read slowly holds up no other: while an
// event is being worked on nothing more is read than has come.
//
// A connection that is cut without `complete` is made anew, after a while that doubles each time and is drawn
// from its upper half, so that many do not come back at once. Events that the server told meanwhile are lost,
// as the protocols have no memory. What could not be begun at all, or was refused, is not tried again.
//
// All calls on the loop's thread; callbacks never run inside of them, and none after mer_gql_sub_close.
// Nothing that the server sends is trusted: every event has a limit.
#ifndef MER_RESOLVERS_GRAPHQL_SUBSCRIBE_H
#define MER_RESOLVERS_GRAPHQL_SUBSCRIBE_H

#include "resolvers/graphql/client.h"

enum mer_gql_sub_protocol { MER_GQL_SUB_SSE = 0, MER_GQL_SUB_WS = 1 };

struct mer_gql_sub_opts {
    enum mer_gql_sub_protocol protocol;
    struct mer_slice path;                // n == 0: the client's own
    struct mer_slice body;                // {"query": …, "variables": …}
    const struct mer_gql_header *headers; // of the request, or of the WebSocket's
    uint32_t headers_n;
    uint32_t tries;     // connections in a row that may fail once there was one; 0: none is made anew
    uint32_t pause_ms;  // before the first of them
    size_t event_bytes; // of one event
    // A whole GraphQL answer as JSON text, valid until it returns. The next one comes after mer_gql_sub_next.
    void (*on_event)(void *owner, struct mer_slice answer);
    // Nothing follows; close it. failed NULL: it is complete. Else why not, for the log.
    void (*on_end)(void *owner, const char *failed);
    void *owner;
};

struct mer_gql_sub;
// Copies the options. The client says where the server is; its connections and its breaker are not used, a
// reference is held.
struct mer_gql_sub *mer_gql_subscribe(struct mer_gql_client *c, const struct mer_gql_sub_opts *opts);
void mer_gql_sub_next(struct mer_gql_sub *s);
void mer_gql_sub_close(struct mer_gql_sub *s); // NULL is allowed

#endif
