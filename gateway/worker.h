// SPDX-License-Identifier: MIT
// Worker: one loop with all that is its own: site, server, poller, plan cache, known tokens, counters.
// Nothing is shared between workers but the snapshot and the keys, which do not change.
//
// What a reload changes stands together in a struct mer_running. A request holds the one that it began on
// until it has ended; the worker holds the newest.
#ifndef MER_GATEWAY_WORKER_H
#define MER_GATEWAY_WORKER_H

#include "cache/cache.h"
#include "gateway/auth.h"
#include "gateway/coding.h"
#include "gateway/config.h"
#include "gateway/poller.h"
#include "gateway/server.h"
#include "gateway/snapshot.h"
#include "planner/operation.h"

#define MER_CODES_MAX 24

struct mer_worker_counters {
    uint64_t requests, refused; // GraphQL requests; before execution
    uint64_t cache_hit, cache_miss;
    uint64_t streams, events;         // operations told by and by, their answers
    const char *codes[MER_CODES_MAX]; // errors told, by code
    uint64_t codes_n[MER_CODES_MAX];
    uint64_t latency_us_sum;
    uint64_t latency_buckets[12]; // of mer_latency_bounds_us, and one above
};
extern const uint32_t mer_latency_bounds_us[11];

// What requests run on, made of one snapshot for one loop.
struct mer_running {
    struct mer_worker *worker;
    struct mer_snapshot *snapshot; // a reference
    struct mer_site *site;
    struct mer_plan_cache *plans;
    struct mer_memory_cache *answers;
    bool plain; // some source is a plain subgraph: headers are forwarded
    uint32_t refs;
};

struct mer_worker {
    uint32_t index;
    const struct mer_config *config;
    struct mer_auth *auth; // NULL: callers are not known
    struct mer_loop *loop;
    struct mer_running *now;
    struct mer_server *server;
    struct mer_poller *poller; // NULL where nobody is asked after
    struct mer_cache *cache;
    struct mer_token_memory *tokens;
    uint64_t random;           // for labels.h
    struct mer_reload *reload; // whom to ask for a new snapshot
    struct mer_reload_wait *reload_waits;
    struct mer_cutover *cutover; // whom to ask for a move between environments
    struct mer_cutover_wait *cutover_wait;
    size_t answers_bytes;
    struct mer_operation_opts operation_opts, hop_opts;
    struct mer_registry *registry; // documents that clients registered; NULL: off
    struct mer_coder *coder;
    struct mer_worker_counters counters;
    struct mer_stream_sub *subs; // stream.h: all of them
    uint32_t subs_n;
    struct mer_stream_ws_conn *ws_conns;
    bool streams_end;       // none begins any more
    struct mer_face *faces; // clients, admin, one a source
    uint32_t in_flight;
    struct mer_timer drain_timer;
    struct mer_timer spare_timer; // spare.h
    uint64_t spare_seen;
    bool spare_due;
    struct mer_timer keys_timer; // keys.h
    uint64_t keys_seen, keys_read;
    int64_t started_us;
};

// What a listener serves: chosen by its id.
enum mer_face_kind { MER_FACE_CLIENTS = 0, MER_FACE_SOURCES = 1, MER_FACE_ADMIN = 2 };
struct mer_face {
    struct mer_worker *worker;
    enum mer_face_kind kind;
};

struct mer_worker_listen {
    int fd;
    enum mer_face_kind kind;
    struct mer_tls_server *tls;
    bool http2;
};

struct mer_worker_opts {
    uint32_t index;
    const struct mer_config *config;
    struct mer_snapshot *snapshot; // a reference is taken
    struct mer_auth *auth;         // the same; NULL: callers are not known
    struct mer_reload *reload;
    struct mer_cutover *cutover;
    const struct mer_worker_listen *listens;
    uint32_t listens_n;
    size_t cache_bytes;           // this loop's share of memory
    size_t registry_bytes;        // the same for registered documents
    struct mer_memcached *shared; // of the process, or NULL
};

enum mer_err mer_worker_create(const struct mer_worker_opts *opts, struct mer_worker **out,
                               struct mer_diag *diag) MER_MUST_CHECK;
// Runs until mer_worker_stop.
void mer_worker_run(struct mer_worker *w);
// Any thread, and from a post: drains the server, then lets run return.
void mer_worker_drain(struct mer_worker *w);
// Its connections, on the thread that ran it: libh2o keeps what belongs to a socket's buffers in memory of
// the thread that opened it. Called by destroy where nobody did.
void mer_worker_close(struct mer_worker *w);
void mer_worker_destroy(struct mer_worker *w);

// running.c: made anew with one reference, in place of `before` (NULL: the first). Blocks for certificate
// files alone.
enum mer_err mer_running_create(struct mer_worker *w, struct mer_snapshot *snapshot,
                                const struct mer_running *before, struct mer_running **out,
                                struct mer_diag *diag) MER_MUST_CHECK;
struct mer_running *mer_running_ref(struct mer_running *r);
void mer_running_unref(struct mer_running *r);

// How client operations are made under this configuration.
struct mer_operation_opts mer_worker_operation_opts(const struct mer_config *c);
void mer_worker_count_code(struct mer_worker *w, const char *code);

// request.c: POST and GET of /graphql and /sources/NAME.
void mer_request_handle(struct mer_worker *w, enum mer_face_kind face, uint32_t source,
                        struct mer_http_req *req);
// endpoints.c: everything that is not GraphQL.
void mer_face_handle(void *owner, struct mer_http_req *req);

// Is every source that has a placement usable? Writes the JSON of /ready.
bool mer_worker_ready(const struct mer_worker *w, struct mer_buf *out);

#endif
