// SPDX-License-Identifier: MIT
// A loop, a scripted server and a client of it; and calls that remember how they ended.
#ifndef MER_TESTS_GQL_RIG_H
#define MER_TESTS_GQL_RIG_H

#include "gql_server.h"
#include "resolvers/graphql/client.h"

struct gql_rig {
    struct mer_loop *loop;
    struct gql_server *server;
    struct mer_gql_client *client; // NULL after a test has destroyed it
    struct mer_gql_client_opts opts;
    char url[64];
};

struct gql_asked {
    struct gql_rig *rig;
    struct mer_gql_call call;
    int done_n;
    enum mer_err err;
    int status;
    bool maybe_executed;
    char body[256], message[160], headers[512]; // cut
    size_t body_n;
    void *kept; // every body is kept; gql_rig_forget
    struct mer_slice kept_body;
    void (*then)(struct gql_asked *a); // within done
};

// url_host NULL: 127.0.0.1. opts->url is filled in here.
void gql_rig_open(struct gql_rig *r, const struct gql_server_opts *server,
                  const struct mer_gql_client_opts *opts, const char *url_host);
void gql_rig_close(struct gql_rig *r);
// An idempotent POST of body with five seconds of time; fields of a->call that are to differ are set before.
void gql_rig_ask(struct gql_rig *r, struct gql_asked *a, const char *body);
// Turns the loop until it is done.
void gql_rig_wait(struct gql_rig *r, const struct gql_asked *a);
void gql_rig_run_ms(struct gql_rig *r, int ms);
void gql_rig_forget(struct gql_asked *a);
struct mer_gql_stats gql_rig_stats(const struct gql_rig *r);

#endif
