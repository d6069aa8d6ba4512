// SPDX-License-Identifier: MIT
// Rig for plain subgraphs: a supergraph of two, people and works, planned as ever and run on a loop over real
// sockets; each subgraph is a scripted server that answers by what it is asked. One test's rig at a time.
#ifndef MER_TESTS_SUB_RIG_H
#define MER_TESTS_SUB_RIG_H

#include <pthread.h>

#include "gql_server.h"
#include "resolvers/exec.h"
#include "resolvers/graphql/client.h"
#include "sub_graph.h"

// The first whose text the request's body holds is the answer.
struct sub_said {
    const char *asked;
    const char *body; // NULL: the connection is closed; "…": nothing is said
    int status;       // 0: 200
};

struct sub_rig {
    struct mer_arena *a;
    struct mer_loop *loop;
    struct sub_server {
        struct gql_server *server;
        const struct sub_said *says;
        pthread_mutex_t lock;       // of what was asked
        struct mer_slice asked[16]; // bodies of requests, in their order
        uint32_t asked_n;
    } servers[SUB_N];
    struct mer_gql_client *clients[SUB_N];
    struct mer_site site;
    struct mer_site_source sources[SUB_N];
    struct mer_site_link links[SUB_N];
    struct mer_place places[SUB_N];
    struct mer_graph graph;
    enum mer_exec_parts parts;
    uint32_t wait_ms; // what begins may take so long; 0: 700
};

struct sub_run {
    struct sub_rig *rig;
    struct mer_arena *a;
    struct mer_variables vars;
    struct mer_exec *x;
    struct mer_gql_header header;
    bool done;
    int64_t begun_us, done_us;
    struct mer_buf out; // "data":…; of an answer in parts all, each on a line of its own
};

void sub_rig_open(struct sub_rig *r, const struct sub_said *people, const struct sub_said *works);
void sub_rig_close(struct sub_rig *r);

// Header authorization: NULL for none.
void sub_begin(struct sub_rig *r, struct sub_run *run, const char *query, const char *variables,
               const char *authorization);
void sub_wait(struct sub_run *run); // and writes the answer
void sub_end(struct sub_run *run);
// All at once; fails unless this is the answer.
void sub_expect(struct sub_rig *r, const char *query, const char *variables, const char *want);
// How many requests a server read, and the nth body holds a text.
void sub_asked(struct sub_rig *r, int server, uint32_t n);
void sub_asked_for(struct sub_rig *r, int server, uint32_t nth, const char *text);

#endif
