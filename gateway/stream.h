// SPDX-License-Identifier: MIT
// Operations whose answers are told by and by: a subscription, from its text to each event's answer, whatever
// carries it to the client (stream_http.c: server-sent events and multipart; stream_ws.c: WebSockets).
//
// A subscription has one connection to the source of its root field. Each event runs through the ordinary
// executor with what the source told in place of the root fetch, on the snapshot that is newest then; events
// are worked on one after the other, and while one is, the source is not read. A reload plans every
// subscription anew: where it asks its source the same the connection stays, else it is made anew; one that
// is no longer valid ends with the errors of that. Queries and mutations are run once and are complete.
//
// All on the worker's loop. A subscription is its asker's until `end` was called or mer_stream_stop.
#ifndef MER_GATEWAY_STREAM_H
#define MER_GATEWAY_STREAM_H

#include "gateway/worker.h"
#include "resolvers/exec.h"

struct mer_stream_sub;

struct mer_stream_ask {
    struct mer_worker *worker;
    struct mer_slice query, name;
    struct mer_slice variables; // a JSON object, or nil
    struct mer_caller caller;
    struct mer_known_token *token; // NULL: none; with it the subscription expires. A reference is taken
    // Of the client's request, for labels of overrides: works as long as the subscription lives.
    struct mer_slice (*header)(void *owner, const char *name);
    void *header_owner;
    const struct mer_gql_header *headers; // for plain subgraphs
    uint32_t headers_n;
    int64_t max_age_us;
    enum mer_exec_parts parts; // how deferred parts of a query are told, each as an answer
    // An answer as JSON text, valid until it returns. False: it is over, as by mer_stream_stop.
    bool (*next)(void *owner, struct mer_slice answer);
    // Nothing follows. errors: a JSON array, or nil where it is complete.
    void (*end)(void *owner, struct mer_slice errors);
    void *owner;
};

// Copies what it is asked. NULL: refused; *errors, in the arena, is a JSON array. Nothing is called back
// before it has returned.
struct mer_stream_sub *mer_stream_start(const struct mer_stream_ask *ask, struct mer_arena *a,
                                        struct mer_slice *errors);
void mer_stream_stop(struct mer_stream_sub *s);

// The worker has a newer snapshot.
void mer_stream_follow(struct mer_worker *w);
// The worker drains: every subscription ends with an error, every WebSocket is closed.
void mer_stream_drain(struct mer_worker *w);

// ---- stream_http.c ----
enum mer_stream_kind { MER_STREAM_NONE = 0, MER_STREAM_SSE = 1, MER_STREAM_MULTIPART = 2 };
// What the accept header offers for answers that are told by and by.
enum mer_stream_kind mer_stream_kind_of(const struct mer_http_req *req);
// Begins, and answers the request when it did: next, end and owner of `ask` are set here. False: refused.
bool mer_stream_http(struct mer_http_req *req, enum mer_stream_kind kind, struct mer_stream_ask *ask,
                     struct mer_slice *errors) MER_MUST_CHECK;

// ---- stream_ws.c ----
// Does the request ask for a WebSocket?
bool mer_stream_ws_wanted(const struct mer_http_req *req);
void mer_stream_ws(struct mer_worker *w, struct mer_http_req *req);
void mer_stream_ws_drain(struct mer_worker *w);

#endif
