// SPDX-License-Identifier: MIT
// Between subscribe.c (life: connections, events that wait, trying again), subscribe_sse.c and subscribe_ws.c
// (what is said on a connection). Siblings only.
#ifndef MER_RESOLVERS_GRAPHQL_SUBSCRIBE_PRIV_H
#define MER_RESOLVERS_GRAPHQL_SUBSCRIBE_PRIV_H

#include "resolvers/graphql/client_priv.h"
#include "resolvers/graphql/sse.h"
#include "resolvers/graphql/subscribe.h"
#include "resolvers/graphql/ws.h"

enum sub_ws_phase { SUB_WS_HEAD = 0, SUB_WS_INIT = 1, SUB_WS_OPEN = 2 };

struct mer_gql_sub {
    struct mer_arena *a;
    struct mer_gql_client *client; // a reference
    struct mer_gql_sub_opts opts;
    struct mer_stream *stream; // NULL: between two of them
    struct mer_timer timer;    // connecting, being accepted, the pause, or the next ping
    struct mer_task pump;
    struct mer_buf out, writing; // bytes to send, being sent
    struct mer_buf events;       // that wait: length and text of each
    size_t events_at;            // so far they were told
    uint32_t failures;           // in a row
    int64_t up_us;               // since when the server takes it; 0: not yet
    bool ever_up;
    bool busy;        // an event is being worked on
    bool over;        // nothing more is read: told when the events are
    char failed[160]; // why, or empty: complete
    // on a connection
    struct mer_http1 answer;
    struct mer_sse sse;
    bool is_events; // the answer is of this type
    struct mer_ws *ws;
    enum sub_ws_phase phase;
    char key[32];
    bool heard; // since the last ping
};

// subscribe.c
void sub_write(struct mer_gql_sub *s, struct mer_slice bytes); // copied
// An answer as JSON text, prefixed and ended by these.
void sub_event(struct mer_gql_sub *s, struct mer_slice before, struct mer_slice text, struct mer_slice after);
void sub_up(struct mer_gql_sub *s);
void sub_complete(struct mer_gql_sub *s);
// The connection is of no more use. `again`: another may do better.
void sub_lost(struct mer_gql_sub *s, bool again, const char *why);
void sub_write_headers(struct mer_gql_sub *s, struct mer_buf *b);
struct mer_slice sub_path(const struct mer_gql_sub *s);

// subscribe_sse.c, subscribe_ws.c: after each of them the connection may be gone.
void sub_sse_begin(struct mer_gql_sub *s);
void sub_sse_data(struct mer_gql_sub *s, struct mer_slice bytes);
void sub_sse_closed(struct mer_gql_sub *s);
void sub_ws_begin(struct mer_gql_sub *s);
// How many bytes were taken.
size_t sub_ws_data(struct mer_gql_sub *s, struct mer_slice bytes);

#endif
