// SPDX-License-Identifier: MIT
// What the files of the HTTP client share: client.c turns calls into requests and ends them, origin.c has the
// connections and the queue, url.c reads where the origin is. Siblings only.
//
// A call is in one place at a time, told by its state: nowhere, on its way to a refusal, in the queue, on a
// connection, or at its end and about to be told (HTTP/2). A connection is in one of three lists: busy,
// which is to say it has a call (perhaps connecting for it), idle, or shared, where it speaks HTTP/2 and has
// any number of calls (origin_http2.c). Whatever calls back to a caller does so as its last act, for the
// caller may destroy the client there.
#ifndef MER_RESOLVERS_GRAPHQL_CLIENT_PRIV_H
#define MER_RESOLVERS_GRAPHQL_CLIENT_PRIV_H

#include <zlib.h>

#include "loop/stream.h"
#include "resolvers/graphql/client.h"
#include "resolvers/graphql/http1.h"
#include "resolvers/graphql/http2.h"

#define GQL_ACCEPT "application/graphql-response+json, application/json"

enum { GQL_RETRY_TENTHS_MAX = 100 }; // ten calls may be asked again in a row

enum gql_call_state {
    GQL_CALL_NOWHERE = 0,
    GQL_CALL_REFUSED = 1,
    GQL_CALL_QUEUED = 2,
    GQL_CALL_FLIGHT = 3,
    GQL_CALL_ANSWERED = 4,
};

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

// A call on a connection that speaks HTTP/2. On the heap; goes with the call's end.
struct gql_exchange {
    struct mer_http2_exchange x; // first: one is found by the other
    struct mer_gql_conn *conn;   // NULL: answered
    struct mer_gql_call *call;
    struct gql_exchange *next, **pprev; // of the connection
    enum mer_http2_end end;
    enum mer_err err; // of a connection that was lost
    char why[120];
    int64_t sent_us;
};

struct mer_gql_conn {
    struct mer_gql_client *client;
    struct mer_stream *stream;
    struct mer_gql_call *call;
    struct mer_http1 answer;
    struct mer_timer timer; // connecting, or idle
    struct mer_gql_conn *next, **pprev;
    bool up, reused;
    // HTTP/2
    struct mer_http2 *http2; // NULL: HTTP/1.1, or not known yet
    struct gql_exchange *exchanges;
    struct mer_buf writing; // what is being sent
    int64_t heard_us;       // when bytes came last
    bool leaving;           // no more calls: closed with the last one
};

enum gql_speaks { GQL_SPEAKS_UNKNOWN = 0, GQL_SPEAKS_HTTP1 = 1, GQL_SPEAKS_HTTP2 = 2 };

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
    struct mer_tls_client *tls, *tls_http2; // the second offers HTTP/2 too; NULL: not wanted
    struct mer_gql_conn *idle, *busy;       // idle: last used first
    struct mer_gql_conn *shared;            // HTTP/2
    enum gql_speaks speaks;                 // as the last connection that came up did
    uint32_t connecting;
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

// Also origin.c, for origin_http2.c.
void gql_origin_link(struct mer_gql_conn **list, struct mer_gql_conn *conn);
void gql_origin_unlink(struct mer_gql_conn *conn);
void gql_origin_dispatch_soon(struct mer_gql_client *c);
void gql_origin_close_conn(struct mer_gql_conn *conn);
// Asks again, first of all, if that is allowed for a call whose connection was lost.
bool gql_origin_ask_again(struct mer_gql_client *c, struct mer_gql_call *call);
// The whole answer of a call that is on no connection any more. Takes body and headers.
void gql_origin_deliver(struct mer_gql_call *call, int status, struct mer_buf *body, struct mer_buf *headers,
                        bool zipped);

// origin_http2.c. The connection is up and speaks HTTP/2: its call, and from now on others, are asked over
// it.
void gql_shared_begin(struct mer_gql_conn *conn);
// One that takes another call, or NULL.
struct mer_gql_conn *gql_shared_with_room(const struct mer_gql_client *c);
// Will there be one that takes more as soon as its server has said how many?
bool gql_shared_is_coming(const struct mer_gql_client *c);
void gql_shared_ask(struct mer_gql_conn *conn, struct mer_gql_call *call);
// Sends what was asked: once for all calls of a turn. The connection may be lost by it.
void gql_shared_flush_all(struct mer_gql_client *c);
// Takes the call off its connection, which lives on.
void gql_shared_drop(struct mer_gql_call *call);
// False: it was lost, and is gone.
bool gql_shared_data(struct mer_gql_conn *conn, struct mer_slice bytes);
void gql_shared_lost(struct mer_gql_conn *conn, const char *why);

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
// The head of the call as an HTTP/1.1 request; once a call.
void gql_call_make_head(struct mer_gql_call *call);

#endif
