// SPDX-License-Identifier: MIT
// What the files of the HTTP client share: client.c turns calls into requests and ends them, origin.c has the
// connections and the queue, url.c reads where the origin is. Siblings only.
//
// A call is in one place at a time, told by its state: nowhere, on its way to a refusal, in the queue, or on
// a connection. A connection is in one of two lists: busy, which is to say it has a call (perhaps connecting
// for it), or idle. Whatever calls back to a caller does so as its last act, for the caller may destroy the
// client there.
#ifndef MER_RESOLVERS_GRAPHQL_CLIENT_PRIV_H
#define MER_RESOLVERS_GRAPHQL_CLIENT_PRIV_H

#include <zlib.h>

#include "loop/stream.h"
#include "resolvers/graphql/client.h"
#include "resolvers/graphql/http1.h"

enum { GQL_RETRY_TENTHS_MAX = 100 }; // ten calls may be asked again in a row

enum gql_call_state { GQL_CALL_NOWHERE = 0, GQL_CALL_REFUSED = 1, GQL_CALL_QUEUED = 2, GQL_CALL_FLIGHT = 3 };

struct gql_url {
    bool tls;
    struct mer_slice authority, path; // as the host header and the request line want them
    const char *host;                 // what a certificate must name
    struct sockaddr_storage address;
    socklen_t address_len; // 0: the host is a name
    uint16_t port;
};

// Everything lies on the arena.
enum mer_err gql_url_read(struct mer_arena *a, struct mer_slice text, struct gql_url *out,
                          struct mer_diag *diag);

struct mer_gql_conn {
    struct mer_gql_client *client;
    struct mer_stream *stream;
    struct mer_gql_call *call;
    struct mer_http1 answer;
    struct mer_timer timer; // connecting, or idle
    struct mer_gql_conn *next, **pprev;
    bool up, reused;
};

enum gql_breaker_state { GQL_BREAKER_CLOSED = 0, GQL_BREAKER_OPEN = 1, GQL_BREAKER_HALF = 2 };
struct gql_breaker {
    enum gql_breaker_state state;
    uint32_t failures; // in a row
    uint32_t pause_ms;
    int64_t due_us; // open: when one call is let through
};

struct mer_gql_client {
    struct mer_arena *a;
    struct mer_loop *loop;
    uint32_t refs;
    struct mer_gql_client_opts opts;
    struct gql_url url;
    struct mer_tls_client *tls;
    struct mer_gql_conn *idle, *busy; // idle: last used first
    struct mer_gql_call *queue, **queue_tail;
    struct mer_task dispatch;
    struct mer_gql_stats stats;
    struct gql_breaker breaker;
    uint32_t retry_tenths;      // ten of them pay for asking once again
    struct mer_slice post_head; // how every POST of the client's own path begins
    z_stream inflater;
    bool inflater_ready;
};

// origin.c. Nothing here calls back.
bool gql_origin_is_full(const struct mer_gql_client *c);
void gql_origin_push(struct mer_gql_client *c, struct mer_gql_call *call);
// Takes the call out of queue or connection; a connection that was asked is closed.
void gql_origin_drop(struct mer_gql_client *c, struct mer_gql_call *call);
void gql_origin_close(struct mer_gql_client *c);

// breaker.c. May this call be sent? It ended; or it was given up, and nobody knows.
bool gql_breaker_lets(struct mer_gql_client *c, struct mer_gql_call *call);
void gql_breaker_heard(struct mer_gql_client *c, const struct mer_gql_call *call,
                       const struct mer_gql_answer *answer);
void gql_breaker_forget(struct mer_gql_client *c, const struct mer_gql_call *call);

// inflate.c. *out is on the heap, also after an error. MER_ERR_LIMIT: more than `max`; MER_ERR_CLOSED: not
// one whole gzip member.
enum mer_err gql_inflate(struct mer_gql_client *c, struct mer_slice in, size_t max, struct mer_buf *out);
void gql_inflate_end(struct mer_gql_client *c);

// client.c. The last act of whoever calls it.
void gql_call_end(struct mer_gql_call *call, struct mer_gql_answer *answer);
void gql_call_fail(struct mer_gql_call *call, enum mer_err err, const char *why);

#endif
