// SPDX-License-Identifier: MIT
// HTTP client for GraphQL sources: other gateways' /sources/NAME, and subgraphs. One client for each origin
// and loop: keep-alive connections, most recently used first, reads always armed so that a server's close is
// seen at once, one request in flight on each. Requests over the connection cap wait in a bounded queue. With
// `http2` as many requests as the server takes are in flight on one connection; another is opened when it is
// full. One that has been silent for connect_ms while answers were awaited gets no more requests.
//
// All calls on the loop's thread. A call belongs to the client from mer_gql_send until done was called,
// exactly once and never inside mer_gql_send; nothing is called after mer_gql_cancel. done may send, cancel,
// free its call and even destroy the client. A request is sent a second time only when the connection was
// reused and not one byte of an answer had come, and it is idempotent; the second time it goes out on a new
// connection. Over HTTP/2 also, whatever it is, when the server says that it has not looked at it.
//
// A client with a circuit breaker stops asking an origin that fails: no connection, no answer, no answer in
// time, or 502, 503, 504, so many times in a row. Calls then fail at once with MER_ERR_IO, until after a
// while one call is let through; if it is answered, all are. At most a tenth of all calls is asked a second
// time, so that an origin in trouble is not asked twice as often for that.
//
// Nothing here is trusted: answers are read strictly (http1.h), redirects are not followed, and a peer's
// chain and name are verified (loop/stream.h). A body that ends with its connection is taken as whole, over
// TLS too: the caller reads JSON, whose end shows.
#ifndef MER_RESOLVERS_GRAPHQL_CLIENT_H
#define MER_RESOLVERS_GRAPHQL_CLIENT_H

#include <sys/socket.h>

#include "base/arena.h"
#include "base/diag.h"
#include "loop/loop.h"

struct mer_gql_client;

struct mer_gql_client_opts {
    struct mer_slice url; // http(s)://HOST:PORT/path; HOST a literal address, localhost or, with `address`, a
                          // name
    const struct sockaddr *address;   // where the name is (mer_gql_url_resolve); NULL: the url says it
    socklen_t address_len;            // 0 with an address: nowhere; every call fails
    const char *ca_file;              // https: who signed the peer
    const char *cert_file, *key_file; // https: our own certificate, or NULL
    uint32_t connections_max;         // 0: 64
    uint32_t queue_max;               // 0: 1,024
    uint32_t connect_ms;              // 0: 2,000, TLS included
    uint32_t idle_ms; // 0: 30,000; an idle connection is closed then. Shorter than the server's, so that
                      // a write does not meet a close under way
    size_t answer_max_bytes;   // 0: 64 MiB, decoded
    uint32_t request_ms;       // a call may take so long whatever its deadline says; 0: as its deadline says
    bool gzip;                 // ask for compressed answers
    bool http2;                // https: where the server takes it (ALPN); http: by prior knowledge
    uint32_t breaker_failures; // so many failures in a row open the circuit; 0: never
    uint32_t breaker_ms;       // it stays open so long at first, then twice as long each time up to 20 times;
                               // 0: 500
};

// Where a url leads. Asks the system's resolver, blocking: never on a loop's thread. MER_ERR_INVALID: it is
// no url; MER_ERR_NOT_FOUND: its host has no address, *len is 0. A name may have several addresses: what *out
// holds is kept as long as it is one of them.
enum mer_err mer_gql_url_resolve(struct mer_slice url, struct sockaddr_storage *out, socklen_t *len,
                                 struct mer_diag *diag) MER_MUST_CHECK;

struct mer_gql_client *mer_gql_client_create(struct mer_loop *loop, const struct mer_gql_client_opts *opts,
                                             struct mer_diag *diag);
// Created with one reference; destroyed with the last, when no call may be under way. NULL is allowed.
struct mer_gql_client *mer_gql_client_ref(struct mer_gql_client *c);
void mer_gql_client_unref(struct mer_gql_client *c);

struct mer_gql_answer {
    // MER_OK: a whole HTTP answer came, whatever its status. Else: TIMEOUT, the deadline passed; BUSY, the
    // queue is full; INVALID, the call cannot be written as a request; IO, no connection (refused, TLS, too
    // slow); CLOSED, the connection ended, or what came is no answer; LIMIT, the answer passed
    // answer_max_bytes.
    enum mer_err err;
    int status;
    struct mer_slice body;    // decoded from chunks and gzip; valid until done returns, or longer when kept
    struct mer_slice headers; // of the answer, without those that are about framing: mer_gql_header_next;
                              // valid until done returns
    const char *message;      // of an error, for the log
    bool maybe_executed;      // an error after the request had gone out, at least in part
    int64_t elapsed_us;
    void *keep; // private
};

struct mer_gql_header {
    // Lower-case name, a token; the value holds no control character but the tab. Framing and host are the
    // client's own. A call with others fails.
    struct mer_slice name, value;
};

struct mer_gql_call {
    bool get;              // GET of the path below instead of POST
    struct mer_slice path; // n == 0: the client's own; else absolute, visible characters only
    const struct mer_gql_header *headers;
    uint32_t headers_n;
    struct mer_slice body; // JSON
    bool idempotent;
    int64_t deadline_mono_us;
    void (*done)(void *owner, const struct mer_gql_answer *answer);
    void *owner;
    /* private */
    struct mer_gql_conn *conn;
    struct gql_exchange *exchange;
    struct mer_gql_call *next, **pprev;
    struct mer_timer timer;
    struct mer_task task;
    struct mer_slice head;
    struct mer_gql_client *client;
    int64_t sent_us;
    uint8_t state;
    bool sent;  // bytes of it may have gone out
    bool again; // the second time
    bool probe; // let through to find out whether the origin is well again
};

// Private fields zero. Headers, body and path must live until done.
void mer_gql_send(struct mer_gql_client *c, struct mer_gql_call *call);
void mer_gql_cancel(struct mer_gql_call *call);
// The same for one whose time is over before its deadline: the origin's silence counts as a failure.
void mer_gql_give_up(struct mer_gql_call *call);
// When a call with this deadline, sent now, is given up: request_ms may end it earlier.
int64_t mer_gql_deadline(const struct mer_gql_client *c, int64_t deadline_mono_us);

// The next header of answer.headers, name in lower case; false at the end. A name may come several times.
bool mer_gql_header_next(struct mer_slice *rest, struct mer_gql_header *out);
// The first of that name; p NULL without one.
struct mer_slice mer_gql_header_find(const struct mer_gql_answer *answer, const char *name);

// Keeps the body after done has returned; give the handle to mer_gql_release (NULL is allowed there). NULL
// when there is no body.
void *mer_gql_keep(const struct mer_gql_answer *answer);
void mer_gql_release(void *handle);

struct mer_gql_stats {
    uint32_t connections, in_flight, queued;
    uint64_t sent_total, failed_total, retried_total;
    uint64_t refused_total; // failed at once, for the circuit was open
    uint64_t opened_total;  // times it opened
    bool open;
};
void mer_gql_client_stats(const struct mer_gql_client *c, struct mer_gql_stats *out);

#endif
