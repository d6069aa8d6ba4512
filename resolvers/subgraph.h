// SPDX-License-Identifier: MIT
// Requests to plain GraphQL servers: shared by subgraph.c, which puts fetches into requests, flight.c, which
// sends them, and subgraph_answer.c, which reads what came. Nobody else's.
//
// A call is one request of one execution; a flight is the HTTP request. Calls of several executions that
// would send the same bytes to the same place, headers included, share one flight: nothing that may differ
// between callers can be told by it. A flight outlives whoever began it as long as a call waits for it. Each
// call has a time of its own: one that joined late is sent again for the rest of it when the flight's is
// over, one that joined early does not wait for a flight that lasts longer.
#ifndef MER_RESOLVERS_SUBGRAPH_H
#define MER_RESOLVERS_SUBGRAPH_H

#include "planner/fetch_text.h"
#include "resolvers/exec_priv.h"

struct exec_flight;

// A fetch in a request: of entities some of those it asks for.
struct exec_subgraph_item {
    struct exec_fetch *fetch;
    const struct mer_fetch_text *text;
    uint32_t from, n;       // in fetch->asked
    struct mer_slice alias; // of _entities; n == 0: none
};

struct exec_subgraph_call {
    struct mer_exec *x;
    uint32_t source;
    bool write;
    struct exec_subgraph_item *items;
    uint32_t items_n;
    struct mer_slice body;
    struct exec_flight *flight; // NULL: none under way
    int64_t due_mono_us;        // its own time is over, whatever flight it waits for; 0: not sent yet
    struct mer_timer timer;     // runs while its flight may last longer
    struct exec_subgraph_call *next_waiting;
    struct exec_subgraph_call *next; // of the execution
    struct mer_arena *scratch;       // while the answer is read: its nodes
    struct mer_json json;            // the answer
    struct mer_val_shared *shared;   // its equal objects are one; NULL: they are not
    struct mer_exec_error *first;    // that it told
};

static inline uint32_t exec_item_id(const struct exec_subgraph_item *i, uint32_t k)
{
    return i->fetch->asked ? i->fetch->asked[i->from + k] : 0;
}

// ---- subgraph.c ----
// What the fetch asked for or waited for has come, or one of several such.
void exec_subgraph_came(struct mer_exec *x, struct exec_fetch *f);

// ---- flight.c ----
void exec_flight_send(struct exec_subgraph_call *c);
void exec_flight_leave(struct exec_subgraph_call *c);

// ---- subgraph_answer.c ----
void exec_subgraph_failed(struct exec_subgraph_call *c, const struct mer_gql_answer *a);
void exec_subgraph_answered(struct exec_subgraph_call *c, const struct mer_gql_answer *a);

#endif
