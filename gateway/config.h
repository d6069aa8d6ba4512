// SPDX-License-Identifier: MIT
// Configuration: one YAML file, plus `--set KEY.PATH=VALUE` from the command line, read into one struct.
//
// What a key is called, which values it takes, its default and its text in docs/configuration.md stand in ONE
// table (config_keys.c); reading, checking and mer_config_describe() walk that table. Unknown keys, wrong
// values and placements that contradict their region are refused with `file:line:column: what is wrong; what
// is allowed`.
// `${NAME}` inside a scalar value is replaced from the environment after parsing, so a variable's bytes can
// never become YAML; `$${` stands for a literal `${`. Error texts show a value as written, never what a
// variable held.
//
// Everything lives in the arena that was given; the struct is immutable afterwards and any thread may read
// it. Every slice is NUL-terminated as well (s.p is a C string); a text that was not given is MER_NIL.
#ifndef MER_GATEWAY_CONFIG_H
#define MER_GATEWAY_CONFIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/log.h"
#include "planner/tier.h"

struct mer_config_texts {
    struct mer_slice *items;
    uint32_t n;
};

struct mer_config_self {
    struct mer_slice name;
    enum mer_tier tier;
    struct mer_slice region;   // edge and regional
    struct mer_slice facility; // edge
};

struct mer_config_listen {
    struct mer_slice address; // HOST:PORT, [IPV6]:PORT
    bool tls;                 // ALPN h2 and http/1.1; else HTTP/1.1 and, with http2, h2c by prior knowledge
    bool http2;
    struct mer_slice client_ca; // not nil: clients must show a certificate of this CA
};

struct mer_config_tls {
    struct mer_slice certificate, key; // of this gateway, as server and as client of other gateways
    struct mer_slice ca;               // verifies other gateways; nil: the system's store
};

struct mer_config_region {
    struct mer_slice name;
    bool has_location;
    double latitude, longitude;
    struct mer_config_texts countries;    // ISO 3166 alpha-2, upper case
    struct mer_config_texts environments; // "blue", "green"
    bool residency_open;
    struct mer_slice entry_point;
    struct mer_config_texts facilities;
};

enum mer_config_placement_kind { MER_CONFIG_POSTGRES = 0, MER_CONFIG_GRAPHQL = 1 };

struct mer_config_placement {
    struct mer_slice name; // unique within its source
    enum mer_config_placement_kind kind;
    enum mer_tier tier;
    struct mer_slice region, environment, facility; // nil where the tier has none
    enum mer_role role;
    struct mer_slice
        url; // postgres: conninfo or postgres://; graphql: http(s)://. Holds secrets: never log it
    struct mer_slice write_url; // postgres primaries, optional; the same care
    struct mer_slice fence_url; // of an environment's primary, optional; the same care
    int64_t retention_s;        // 0: it keeps all
};

struct mer_config_source {
    struct mer_slice name;
    struct mer_slice sdl;  // path; nil: a plain subgraph
    struct mer_slice url;  // of a plain subgraph, which has nothing of what follows
    struct mer_slice kpis; // path of kpis.yaml, or nil
    int64_t stale_after_s;
    struct mer_config_placement *placements;
    uint32_t placements_n;
};

struct mer_config_auth {
    struct mer_slice jwks;             // path
    struct mer_slice audience, issuer; // nil: not checked
    struct mer_slice scopes, policies; // claims that name what @requiresScopes and @policy demand
};

// When a label of a progressive override is on: any of these.
struct mer_config_label {
    struct mer_slice name;
    struct mer_slice header; // of the request, or nil
    struct mer_slice claim;  // of the token, or nil
    struct mer_slice equals; // what either must be; nil: it is there
    int64_t percent;         // of all requests
};

struct mer_config_limits {
    int64_t body_bytes, answer_bytes, header_bytes, memory_bytes; // memory: one request's arena
    int64_t headers, connections, streams;
    int64_t tokens, depth, introspection_depth, aliases, root_fields, directives, fragments,
        expanded_selections;
    int64_t list_argument, values, cost, fetches;
    int64_t request_ms, plan_ms, idle_ms, connection_ms, drain_ms;
    int64_t subscriptions, connection_subscriptions, subscription_bytes, heartbeat_ms;
};

struct mer_config_cache {
    int64_t memory_bytes;              // of one process, shared out to its loops
    struct mer_config_texts memcached; // HOST:PORT
    int64_t plans;                     // of each loop
};

struct mer_config_rollup_source {
    struct mer_slice environment; // nil: the only one
    struct mer_slice url;
};

struct mer_config_rollup {
    bool present; // the section was given
    int64_t interval_ms, lookback_ms;
    struct mer_slice target; // conninfo
    struct mer_config_rollup_source *sources;
    uint32_t sources_n;
};

// Pages of which other origins may ask, from a browser.
struct mer_config_cors {
    struct mer_config_texts origins; // "https://shop.example", or "*"
};

// Operations asked by what they are called instead of by their text.
struct mer_config_persisted {
    struct mer_slice file; // trusted documents, path; or nil
    bool only;             // nothing else is executed
    bool automatic;        // clients may register theirs
    int64_t memory_bytes;  // of registered ones, of the process
};

// How GraphQL servers that are no gateways of ours are asked; each of them, by each event loop.
enum mer_config_events { MER_CONFIG_EVENTS_ANY = 0, MER_CONFIG_EVENTS_SSE = 1, MER_CONFIG_EVENTS_WS = 2 };

// Of `each` they are one more, and 0: as all.
enum mer_config_http2 { MER_CONFIG_HTTP2_NEVER = 0, MER_CONFIG_HTTP2_TLS = 1, MER_CONFIG_HTTP2_ALWAYS = 2 };

struct mer_config_subgraph {
    struct mer_slice name;
    struct mer_slice url; // in place of the supergraph's
    enum mer_config_events events;
    struct mer_slice events_path; // nil: the url's
    int http2;                    // 0: as all; else enum mer_config_http2 and one
};

struct mer_config_subgraphs {
    int64_t timeout_ms, connect_ms, idle_ms;
    int64_t connections, queue, answer_bytes;
    int64_t breaker_failures, breaker_ms;
    int64_t entities;
    bool gzip, share;
    enum mer_config_http2 http2;
    bool events_ws;               // how they tell events where `each` does not say
    int64_t reconnects, again_ms; // of a subscription: connections in a row that may fail, the first pause
    struct mer_config_subgraph *each;
    uint32_t each_n;
};

// Headers between clients and subgraphs.
struct mer_config_header {
    struct mer_slice name, value;
};

struct mer_config_headers {
    struct mer_config_texts propagate, remove; // from the client to subgraphs
    struct mer_config_header *insert;          // to subgraphs
    uint32_t insert_n;
    struct mer_config_texts answer; // from subgraphs to the client
};

struct mer_config_explorer {
    struct mer_slice headers; // path of a JSON file, or nil; told to browsers in development only
};

struct mer_config_cutover {
    int64_t stabilise_s; // after a promotion
    int64_t behind_s;    // the bound of what may be promoted
};

struct mer_config_monitor {
    int64_t interval_ms, timeout_ms;
    int64_t failures; // so many in a row make a facility offline
};

struct mer_config {
    struct mer_slice path;      // of the file, as given
    struct mer_slice directory; // what relative paths were resolved against
    struct mer_config_self self;
    struct mer_config_listen *listens;
    uint32_t listens_n;
    struct mer_config_listen sources_listen; // address nil: none
    struct mer_config_listen admin;          // address nil: none
    struct mer_config_tls tls;
    struct mer_slice supergraph;
    int64_t threads; // 0: one a core
    struct mer_config_region *regions;
    uint32_t regions_n;
    struct mer_config_source *sources;
    uint32_t sources_n;
    struct mer_config_auth auth;
    struct mer_config_label *labels;
    uint32_t labels_n;
    struct mer_config_limits limits;
    struct mer_config_cache cache;
    struct mer_config_cors cors;
    struct mer_config_persisted persisted;
    struct mer_config_explorer explorer;
    struct mer_config_subgraphs subgraphs;
    struct mer_config_headers headers;
    struct mer_config_rollup rollup;
    struct mer_config_cutover cutover;
    struct mer_config_monitor monitor;
    bool introspection, development;
    bool router; // made for a supergraph alone (mer_config_for_router): its subgraphs are the sources,
                 // callers are not known
    struct {
        enum mer_log_level log;
    } telemetry;
};

// Every key at its default, for a router that has no file. Regions, sources, listeners: none.
void mer_config_defaults(struct mer_arena *a, struct mer_config *out);

// Reads the file, lays the sets ("limits.depth=20", "listen.0.address=127.0.0.1:1", a list's entry also by
// its `name`; the value is YAML) over it, fills `out`. MER_ERR_IO: not readable; MER_ERR_INVALID: wrong,
// diag->msg is the one line for people. Paths inside the file are relative to it, those of a set to the
// working directory.
enum mer_err mer_config_load(struct mer_arena *a, const char *path, const char *const *sets, size_t sets_n,
                             struct mer_config *out, struct mer_diag *diag) MER_MUST_CHECK;

// For `serve --supergraph`: a configuration without a file. Listens at `listen`, and at `admin` where that is
// not NULL; every other key is at its default or set.
struct mer_config_router {
    const char *supergraph, *listen, *admin;
    const char *const *sets;
    size_t sets_n;
};
enum mer_err mer_config_for_router(struct mer_arena *a, const struct mer_config_router *in,
                                   struct mer_config *out, struct mer_diag *diag) MER_MUST_CHECK;

// mer_config_load over text in memory, without I/O. `path` is for messages and as the base of relative paths.
struct mer_config_input {
    const char *path;
    struct mer_slice text;
    const char *const *sets;
    size_t sets_n;
};
enum mer_err mer_config_parse(struct mer_arena *a, const struct mer_config_input *in, struct mer_config *out,
                              struct mer_diag *diag) MER_MUST_CHECK;

// What `serve` needs beyond a valid file: a listener, a supergraph, the keys that tokens are verified by.
enum mer_err mer_config_check_serving(const struct mer_config *c, struct mer_diag *diag) MER_MUST_CHECK;

// NULL when there is none of this name.
const struct mer_config_region *mer_config_region(const struct mer_config *c, struct mer_slice name);
const struct mer_config_region *mer_config_region_of_facility(const struct mer_config *c,
                                                              struct mer_slice facility);
const struct mer_config_source *mer_config_source(const struct mer_config *c, struct mer_slice name);
// What is said of this subgraph alone.
const struct mer_config_subgraph *mer_config_subgraph_find(const struct mer_config *c, struct mer_slice name);

// The reference of all keys as Markdown: docs/configuration.md is this text.
void mer_config_describe(struct mer_buf *b);

#endif
