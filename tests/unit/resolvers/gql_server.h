// SPDX-License-Identifier: MIT
// A scripted HTTP server on real sockets, plain or TLS, for tests of the client: one thread listens, each
// connection has a thread that runs the script. A script reads and writes as it likes, or lies; when it
// returns, its connection is closed. Server functions are the test's, script functions the connection's
// thread's.
#ifndef MER_TESTS_GQL_SERVER_H
#define MER_TESTS_GQL_SERVER_H

#include <stdbool.h>
#include <stddef.h>

struct gql_server;
struct gql_peer;

struct gql_server_opts {
    void (*script)(struct gql_peer *p);
    void *owner;           // the script's
    const char *cert_file; // NULL: plain
    const char *key_file;
    const char *client_ca_file; // NULL: no client certificate is asked for
    int tls_version;            // TLS1_2_VERSION or TLS1_3_VERSION
};

struct gql_server *gql_server_start(const struct gql_server_opts *opts);
// Ends all scripts: what they wait for fails.
void gql_server_stop(struct gql_server *s);
int gql_server_port(const struct gql_server *s);
int gql_server_connections(struct gql_server *s); // accepted so far
int gql_server_requests(struct gql_server *s);    // whole requests read so far

// Which connection is this, from 0?
int gql_peer_number(const struct gql_peer *p);
void *gql_peer_owner(const struct gql_peer *p);
// Reads one whole request, by its content-length; NULL when the client closed. Valid until the next.
const char *gql_peer_read(struct gql_peer *p);
void gql_peer_say(struct gql_peer *p, const char *text);
void gql_peer_say_bytes(struct gql_peer *p, const void *bytes, size_t n);
// One byte a write.
void gql_peer_say_slowly(struct gql_peer *p, const char *text);
// Until the client closes.
void gql_peer_wait(struct gql_peer *p);
void gql_peer_sleep_ms(int ms);
// The connection ends by a reset instead of an orderly close.
void gql_peer_reset(struct gql_peer *p);

#endif
