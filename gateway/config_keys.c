// SPDX-License-Identifier: MIT
// The table of keys: what the reader accepts and what docs/configuration.md says, in one place.
// clang-format off
#include "gateway/config_priv.h"

#include <stdint.h>

#define AT(type, field)     .at = offsetof(struct type, field)
#define MANY(type, f, elem) AT(type, f), .n_at = offsetof(struct type, f##_n), .size = sizeof(struct elem)
#define FLAG(type, field)   AT(type, field), .size = sizeof(((struct type *)0)->field)
#define DAY_MS              86400000LL
#define GIB                 (1LL << 30)

static const struct mer_config_key self_keys[] = {
    {"name", MER_CONFIG_NAME, true, AT(mer_config_self, name), .text = "this gateway's name, as logs and other gateways call it"},
    {"tier", MER_CONFIG_CHOICE, true, FLAG(mer_config_self, tier), .choices = "edge|regional|global", .text = "which of the three tiers it stands in"},
    {"region", MER_CONFIG_NAME, AT(mer_config_self, region), .text = "its region; edge and regional"},
    {"facility", MER_CONFIG_NAME, AT(mer_config_self, facility), .text = "its facility; edge"},
    {0},
};

static const struct mer_config_key listen_keys[] = {
    {"address", MER_CONFIG_ADDRESS, true, AT(mer_config_listen, address), .text = "HOST:PORT to listen on"},
    {"tls", MER_CONFIG_BOOL, AT(mer_config_listen, tls), .fallback = "false", .text = "TLS with ALPN h2 and http/1.1, by the certificate of `tls`"},
    {"http2", MER_CONFIG_BOOL, AT(mer_config_listen, http2), .fallback = "true", .text = "HTTP/2 too; without TLS by prior knowledge"},
    {"clientCa", MER_CONFIG_PATH, AT(mer_config_listen, client_ca), .text = "clients must show a certificate of this CA"},
    {0},
};

static const struct mer_config_key sources_listen_keys[] = {
    {"address", MER_CONFIG_ADDRESS, true, AT(mer_config_listen, address), .text = "HOST:PORT to listen on"},
    {"tls", MER_CONFIG_BOOL, AT(mer_config_listen, tls), .fallback = "true", .text = "always true: other gateways show their certificate"},
    {"http2", MER_CONFIG_BOOL, AT(mer_config_listen, http2), .fallback = "true", .text = "HTTP/2 too"},
    {"clientCa", MER_CONFIG_PATH, AT(mer_config_listen, client_ca), .text = "the CA of other gateways' certificates; `tls.ca` when not given"},
    {0},
};

static const struct mer_config_key admin_keys[] = {
    {"address", MER_CONFIG_ADDRESS, true, AT(mer_config_listen, address), .text = "HOST:PORT; keep it on a loopback address"},
    {0},
};

static const struct mer_config_key tls_keys[] = {
    {"certificate", MER_CONFIG_PATH, AT(mer_config_tls, certificate), .text = "PEM, with its chain; also this gateway's client certificate"},
    {"key", MER_CONFIG_PATH, AT(mer_config_tls, key), .text = "PEM, its private key"},
    {"ca", MER_CONFIG_PATH, AT(mer_config_tls, ca), .text = "PEM; verifies other gateways. Without it the system's store"},
    {0},
};

static const struct mer_config_key region_keys[] = {
    {"location", MER_CONFIG_LOCATION, AT(mer_config_region, has_location), .text = "[latitude, longitude], for callers that are placed by their address"},
    {"countries", MER_CONFIG_COUNTRIES, AT(mer_config_region, countries), .text = "countries whose callers belong here, ISO 3166"},
    {"environments", MER_CONFIG_NAMES, AT(mer_config_region, environments), .text = "the region's environments"},
    {"residency", MER_CONFIG_CHOICE, FLAG(mer_config_region, residency_open), .choices = "closed|open", .fallback = "closed", .text = "closed: rows of resident types do not leave the region"},
    {"entryPoint", MER_CONFIG_URL, AT(mer_config_region, entry_point), .text = "where to ask for what does not leave; stands in DATA_RESIDENCY errors"},
    {"facilities", MER_CONFIG_NAMES, AT(mer_config_region, facilities), .text = "codes of the facilities in this region"},
    {0},
};

static const struct mer_config_key placement_keys[] = {
    {"name", MER_CONFIG_NAME, true, AT(mer_config_placement, name), .text = "unique within the source"},
    {"kind", MER_CONFIG_CHOICE, true, FLAG(mer_config_placement, kind), .choices = "postgres|graphql", .text = "SQL to a database of this very site, or another gateway's /sources/NAME"},
    {"tier", MER_CONFIG_CHOICE, true, FLAG(mer_config_placement, tier), .choices = "edge|regional|global", .text = "where it stands"},
    {"region", MER_CONFIG_NAME, AT(mer_config_placement, region), .text = "edge and regional: a name under `regions`"},
    {"environment", MER_CONFIG_NAME, AT(mer_config_placement, environment), .text = "regional databases: one of the region's environments"},
    {"facility", MER_CONFIG_NAME, AT(mer_config_placement, facility), .text = "edge: one of the region's facilities"},
    {"role", MER_CONFIG_CHOICE, FLAG(mer_config_placement, role), .choices = "primary|replica", .fallback = "primary", .text = "of the database"},
    {"url", MER_CONFIG_SECRET, true, AT(mer_config_placement, url), .text = "postgres: a libpq connection string; graphql: http:// or https://"},
    {"writeUrl", MER_CONFIG_SECRET, AT(mer_config_placement, write_url), .text = "primaries: the connection string that mutations use; `url` when not given"},
    {"fenceUrl", MER_CONFIG_SECRET, AT(mer_config_placement, fence_url), .text = "primaries of a region's environments: the connection string of a role that may move the fence between them, for `meridian promote` and `rollback`; without it this gateway does neither"},
    {"retention", MER_CONFIG_SECONDS, AT(mer_config_placement, retention_s), .min = 0, .max = 100 * 365 * 86400LL, .fallback = "0s", .text = "rows older than this may be gone from it: a range that begins earlier is asked elsewhere, or refused with OUT_OF_RETENTION. 0: it keeps all"},
    {0},
};

static const struct mer_config_key source_keys[] = {
    {"sdl", MER_CONFIG_PATH, AT(mer_config_source, sdl), .text = "the source's schema with its bindings"},
    {"url", MER_CONFIG_URL, AT(mer_config_source, url), .text = "of a plain GraphQL subgraph, in place of all other keys: it is asked as `subgraphs` and `headers` say"},
    {"staleAfter", MER_CONFIG_SECONDS, AT(mer_config_source, stale_after_s), .min = 0, .max = 10 * 365 * 86400LL, .fallback = "60s", .text = "data older than this is marked stale"},
    {"kpis", MER_CONFIG_PATH, AT(mer_config_source, kpis), .text = "the KPI catalogue, for a source that answers KPIs"},
    {"placements", MER_CONFIG_ENTRIES, MANY(mer_config_source, placements, mer_config_placement), .keys = placement_keys, .text = "where the source can be asked"},
    {0},
};

static const struct mer_config_key auth_keys[] = {
    {"jwks", MER_CONFIG_PATH, true, AT(mer_config_auth, jwks), .text = "JSON Web Key Set that tokens are verified by: HS256, RS256, ES256"},
    {"audience", MER_CONFIG_TEXT, AT(mer_config_auth, audience), .text = "tokens must name this `aud`"},
    {"issuer", MER_CONFIG_TEXT, AT(mer_config_auth, issuer), .text = "tokens must name this `iss`"},
    {"scopes", MER_CONFIG_TEXT, AT(mer_config_auth, scopes), .fallback = "scope", .text = "the claim that names the caller's scopes, for `@requiresScopes`: a text with blanks between them, or a list"},
    {"policies", MER_CONFIG_TEXT, AT(mer_config_auth, policies), .fallback = "policies", .text = "the same for `@policy`: the policies that the caller meets"},
    {0},
};

static const struct mer_config_key label_keys[] = {
    {"name", MER_CONFIG_TEXT, true, AT(mer_config_label, name), .text = "the label, as `@override(label:)` has it"},
    {"header", MER_CONFIG_NAME, AT(mer_config_label, header), .text = "on for requests with this header, in lower case"},
    {"claim", MER_CONFIG_TEXT, AT(mer_config_label, claim), .text = "on for tokens with this claim"},
    {"equals", MER_CONFIG_TEXT, AT(mer_config_label, equals), .text = "what header or claim must be, or one entry of a claim that is a list; when not given, that it is there will do"},
    {"percent", MER_CONFIG_COUNT, AT(mer_config_label, percent), .min = 0, .max = 100, .fallback = "0", .text = "on for so many of a hundred requests"},
    {0},
};

#define COUNT(key, field, low, high, standard, words) \
    {key, MER_CONFIG_COUNT, AT(mer_config_limits, field), .min = (low), .max = (high), .fallback = (standard), .text = (words)}
#define BYTES(key, field, low, high, standard, words) \
    {key, MER_CONFIG_BYTES, AT(mer_config_limits, field), .min = (low), .max = (high), .fallback = (standard), .text = (words)}
#define MILLIS(key, field, low, high, standard, words) \
    {key, MER_CONFIG_MILLIS, AT(mer_config_limits, field), .min = (low), .max = (high), .fallback = (standard), .text = (words)}

static const struct mer_config_key limits_keys[] = {
    BYTES("body", body_bytes, 1024, GIB, "1MiB", "a request's body"),
    BYTES("headers", header_bytes, 1024, 1 << 20, "64KiB", "a request's headers, all together"),
    COUNT("headerFields", headers, 8, 10000, "100", "header fields of a request"),
    COUNT("connections", connections, 1, 1000000, "10000", "client connections of the process"),
    COUNT("streams", streams, 1, 1000, "32", "requests of one HTTP/2 connection that are worked on at once"),
    COUNT("tokens", tokens, 10, 10000000, "10000", "lexical tokens of a document"),
    COUNT("depth", depth, 1, 1000, "15", "nesting of fields"),
    COUNT("introspectionDepth", introspection_depth, 1, 1000, "30", "nesting of fields below __schema and __type"),
    COUNT("aliases", aliases, 0, 100000, "30", "aliased fields"),
    COUNT("rootFields", root_fields, 1, 100000, "20", "fields at the root"),
    COUNT("directives", directives, 0, 100000, "50", "directives of a document"),
    COUNT("fragments", fragments, 0, 100000, "100", "fragment definitions of a document"),
    COUNT("expandedSelections", expanded_selections, 1, 10000000, "10000", "selections once every fragment is spread"),
    COUNT("listArgument", list_argument, 1, 1000000, "1000", "entries of a list argument"),
    COUNT("values", values, 100, 4000000, "32768", "JSON values of a request's body, keys and what they hold"),
    COUNT("cost", cost, 1, 1000000000, "5000", "cost of an operation, counted before it runs"),
    COUNT("fetches", fetches, 1, 100000, "1000", "fetches from sources and subgraphs that one operation is planned with"),
    MILLIS("plan", plan_ms, 1, 60000, "100ms", "CPU time for parsing, validating and planning one operation; when half of it is spent the first plan that works is taken"),
    MILLIS("request", request_ms, 10, 600000, "10s", "time for answering one request"),
    BYTES("answer", answer_bytes, 1024, 2 * GIB, "16MiB", "an answer"),
    BYTES("requestMemory", memory_bytes, 1 << 20, 8 * GIB, "64MiB", "memory that one request may take"),
    MILLIS("idle", idle_ms, 1000, DAY_MS, "60s", "a client connection without a request is closed"),
    MILLIS("connection", connection_ms, 1000, 30 * DAY_MS, "1h", "a client connection is asked to reconnect"),
    COUNT("subscriptions", subscriptions, 0, 10000000, "10000", "subscriptions of the process; 0: none"),
    COUNT("connectionSubscriptions", connection_subscriptions, 1, 100000, "100", "operations under way on one WebSocket"),
    BYTES("subscriptionBuffer", subscription_bytes, 4096, GIB, "1MiB", "what waits to be sent to a client that reads slowly; then its subscription ends with an error"),
    MILLIS("heartbeat", heartbeat_ms, 100, 3600000, "15s", "a client of a subscription hears at least so often that it lives"),
    MILLIS("drain", drain_ms, 0, 3600000, "10s", "time for open requests when the process is asked to stop"),
    {0},
};

static const struct mer_config_key cache_keys[] = {
    {"memory", MER_CONFIG_BYTES, AT(mer_config_cache, memory_bytes), .min = 0, .max = 1024 * GIB, .fallback = "64MiB", .text = "cached answers in this process; 0 turns it off"},
    {"plans", MER_CONFIG_COUNT, AT(mer_config_cache, plans), .min = 1, .max = 1000000, .fallback = "2000", .text = "planned operations that each event loop keeps; the least recently used go first"},
    {"memcached", MER_CONFIG_ADDRESSES, AT(mer_config_cache, memcached), .text = "HOST:PORT of memcached servers of this site"},
    {0},
};

static const struct mer_config_key cors_keys[] = {
    {"origins", MER_CONFIG_ORIGINS, AT(mer_config_cors, origins), .text = "pages of these origins may ask, each `https://HOST` or `https://HOST:PORT`; `*`: any. None when not given, any with `development`"},
    {0},
};

static const struct mer_config_key persisted_keys[] = {
    {"file", MER_CONFIG_PATH, AT(mer_config_persisted, file), .text = "trusted documents: a JSON map from id to text, or the manifest that Apollo's tools write"},
    {"only", MER_CONFIG_BOOL, AT(mer_config_persisted, only), .fallback = "false", .text = "execute documents of `file` alone, asked by their id"},
    {"automatic", MER_CONFIG_BOOL, AT(mer_config_persisted, automatic), .fallback = "true", .text = "clients may register documents by their hash (automatic persisted queries)"},
    {"memory", MER_CONFIG_BYTES, AT(mer_config_persisted, memory_bytes), .min = 65536, .max = GIB, .fallback = "16MiB", .text = "registered documents in this process; the least recently used go first"},
    {0},
};

static const struct mer_config_key explorer_keys[] = {
    {"headers", MER_CONFIG_PATH, AT(mer_config_explorer, headers), .text = "a JSON object of header names and values that the explorer begins with; only with `development`, for it tells them to everybody who asks"},
    {0},
};

static const struct mer_config_key subgraph_keys[] = {
    {"url", MER_CONFIG_URL, AT(mer_config_subgraph, url), .text = "where it is, in place of the url in the supergraph"},
    {"subscriptions", MER_CONFIG_CHOICE, FLAG(mer_config_subgraph, events), .choices = "any|sse|ws", .fallback = "any", .text = "how it tells events; `any`: as `subgraphs.subscriptions` says"},
    {"subscriptionsPath", MER_CONFIG_TEXT, AT(mer_config_subgraph, events_path), .text = "where, on the same host; the url's own path when not given"},
    {"http2", MER_CONFIG_CHOICE, FLAG(mer_config_subgraph, http2), .choices = "any|never|tls|always", .fallback = "any", .text = "`any`: as `subgraphs.http2` says"},
    {0},
};

static const struct mer_config_key subgraphs_keys[] = {
    {"timeout", MER_CONFIG_MILLIS, AT(mer_config_subgraphs, timeout_ms), .min = 1, .max = DAY_MS, .fallback = "30s", .text = "how long one request to a subgraph may take; `limits.request` bounds it too"},
    {"connect", MER_CONFIG_MILLIS, AT(mer_config_subgraphs, connect_ms), .min = 1, .max = DAY_MS, .fallback = "2s", .text = "how long connecting may take, TLS included"},
    {"idle", MER_CONFIG_MILLIS, AT(mer_config_subgraphs, idle_ms), .min = 1, .max = DAY_MS, .fallback = "4s", .text = "an idle connection is closed after this; shorter than the server's own"},
    {"connections", MER_CONFIG_COUNT, AT(mer_config_subgraphs, connections), .min = 1, .max = 100000, .fallback = "128", .text = "connections to one subgraph, of each event loop"},
    {"queue", MER_CONFIG_COUNT, AT(mer_config_subgraphs, queue), .min = 1, .max = 1000000, .fallback = "2048", .text = "requests that wait for a connection; more are refused at once"},
    {"answer", MER_CONFIG_BYTES, AT(mer_config_subgraphs, answer_bytes), .min = 1024, .max = 2 * GIB, .fallback = "64MiB", .text = "one answer of a subgraph, decompressed"},
    {"entities", MER_CONFIG_COUNT, AT(mer_config_subgraphs, entities), .min = 1, .max = 1000000, .fallback = "1000", .text = "entities asked for in one request; longer lists are several requests"},
    {"share", MER_CONFIG_BOOL, AT(mer_config_subgraphs, share), .fallback = "true", .text = "identical queries under way at the same time, with identical headers, are one request"},
    {"gzip", MER_CONFIG_BOOL, AT(mer_config_subgraphs, gzip), .fallback = "true", .text = "ask for compressed answers"},
    {"http2", MER_CONFIG_CHOICE, FLAG(mer_config_subgraphs, http2), .choices = "never|tls|always", .fallback = "never", .text = "HTTP/2, where many requests share a connection. `tls`: with `https`, if the subgraph takes it (ALPN); `always`: with `http` too, by prior knowledge. Subscriptions go on with HTTP/1.1"},
    {"failures", MER_CONFIG_COUNT, AT(mer_config_subgraphs, breaker_failures), .min = 0, .max = 1000000, .fallback = "20", .text = "so many failures in a row open the circuit: the subgraph is left alone for a while; 0: never"},
    {"pause", MER_CONFIG_MILLIS, AT(mer_config_subgraphs, breaker_ms), .min = 1, .max = 3600000, .fallback = "500ms", .text = "the first such while; it doubles, up to twenty times this, as long as the subgraph fails"},
    {"subscriptions", MER_CONFIG_CHOICE, FLAG(mer_config_subgraphs, events_ws), .choices = "sse|ws", .fallback = "sse", .text = "how subgraphs tell events: server-sent events (graphql-sse, distinct connections), or WebSockets (graphql-transport-ws)"},
    {"reconnects", MER_CONFIG_COUNT, AT(mer_config_subgraphs, reconnects), .min = 0, .max = 1000000, .fallback = "10", .text = "connections in a row that may fail after a subscription was cut; then it ends with an error"},
    {"reconnectPause", MER_CONFIG_MILLIS, AT(mer_config_subgraphs, again_ms), .min = 1, .max = 10000, .fallback = "250ms", .text = "before the first of them; it doubles each time, up to 10 s, and is drawn from its upper half"},
    {"each", MER_CONFIG_NAMED, MANY(mer_config_subgraphs, each, mer_config_subgraph), .foreign = true, .keys = subgraph_keys, .text = "subgraphs by name, as the supergraph writes it"},
    {0},
};

static const struct mer_config_key header_keys[] = {
    {"name", MER_CONFIG_NAME, true, AT(mer_config_header, name), .text = "in lower case"},
    {"value", MER_CONFIG_SECRET, true, AT(mer_config_header, value), .text = "its value"},
    {0},
};

static const struct mer_config_key headers_keys[] = {
    {"propagate", MER_CONFIG_NAMES, AT(mer_config_headers, propagate), .text = "names of the client's headers that subgraphs are told, beside `traceparent` and `tracestate`; `authorization` is not among them unless it stands here"},
    {"remove", MER_CONFIG_NAMES, AT(mer_config_headers, remove), .text = "names that subgraphs are never told"},
    {"insert", MER_CONFIG_ENTRIES, MANY(mer_config_headers, insert, mer_config_header), .keys = header_keys, .text = "what subgraphs are told besides"},
    {"answer", MER_CONFIG_NAMES, AT(mer_config_headers, answer), .text = "names of subgraphs' headers that clients are told: every `set-cookie`, the strictest `cache-control`, of others the first"},
    {0},
};

static const struct mer_config_key rollup_source_keys[] = {
    {"environment", MER_CONFIG_NAME, AT(mer_config_rollup_source, environment), .text = "which environment this database belongs to"},
    {"url", MER_CONFIG_SECRET, true, AT(mer_config_rollup_source, url), .text = "a libpq connection string"},
    {0},
};

static const struct mer_config_key rollup_keys[] = {
    {"interval", MER_CONFIG_MILLIS, AT(mer_config_rollup, interval_ms), .min = 100, .max = DAY_MS, .fallback = "10s", .text = "pause between two rounds"},
    {"lookback", MER_CONFIG_MILLIS, AT(mer_config_rollup, lookback_ms), .min = 3600000, .max = 365 * DAY_MS, .fallback = "2h", .text = "how far back a round looks for hours that are not built yet"},
    {"target", MER_CONFIG_SECRET, true, AT(mer_config_rollup, target), .text = "the analytics database, a libpq connection string"},
    {"source", MER_CONFIG_ENTRIES, true, MANY(mer_config_rollup, sources, mer_config_rollup_source), .keys = rollup_source_keys, .text = "the region's databases; the live one is read"},
    {0},
};

static const struct mer_config_key cutover_keys[] = {
    {"stabilise", MER_CONFIG_SECONDS, AT(mer_config_cutover, stabilise_s), .min = 0, .max = 365 * 86400LL, .fallback = "24h", .text = "so long after a promotion the region counts as unstable: no other region begins one"},
    {"behind", MER_CONFIG_SECONDS, AT(mer_config_cutover, behind_s), .min = 1, .max = 86400LL, .fallback = "10s", .text = "how far a facility's data in the environment that is to become live may be behind the live one's"},
    {0},
};

static const struct mer_config_key monitor_keys[] = {
    {"interval", MER_CONFIG_MILLIS, AT(mer_config_monitor, interval_ms), .min = 100, .max = DAY_MS, .fallback = "10s", .text = "between two pings of a facility"},
    {"timeout", MER_CONFIG_MILLIS, AT(mer_config_monitor, timeout_ms), .min = 10, .max = DAY_MS, .fallback = "5s", .text = "how long a ping may take"},
    {"failures", MER_CONFIG_COUNT, AT(mer_config_monitor, failures), .min = 1, .max = 1000, .fallback = "2", .text = "failed pings in a row that make a facility offline"},
    {0},
};

static const struct mer_config_key telemetry_keys[] = {
    {"log", MER_CONFIG_CHOICE, FLAG(mer_config, telemetry.log), .choices = "debug|info|warn|error", .fallback = "info", .text = "the least important lines that are written"},
    {0},
};

const struct mer_config_key mer_config_keys[] = {
    {"self", MER_CONFIG_SECTION, true, AT(mer_config, self), .keys = self_keys, .text = "Who this gateway is. The same program is an edge, a regional or the global gateway."},
    {"listen", MER_CONFIG_ENTRIES, MANY(mer_config, listens, mer_config_listen), .keys = listen_keys, .text = "Listeners for clients."},
    {"sourcesListen", MER_CONFIG_SECTION, AT(mer_config, sources_listen), .keys = sources_listen_keys, .text = "The listener for other gateways, which ask `/sources/NAME` with their certificate."},
    {"admin", MER_CONFIG_SECTION, AT(mer_config, admin), .keys = admin_keys, .text = "The listener for metrics, routes, cutovers and reload."},
    {"tls", MER_CONFIG_SECTION, AT(mer_config, tls), .keys = tls_keys, .text = "Certificate of this gateway, and the CA of the others."},
    {"supergraph", MER_CONFIG_PATH, AT(mer_config, supergraph), .text = "The composed supergraph."},
    {"threads", MER_CONFIG_COUNT, AT(mer_config, threads), .min = 0, .max = 1024, .fallback = "0", .text = "Event loops, each a thread. 0: one a core."},
    {"regions", MER_CONFIG_NAMED, MANY(mer_config, regions, mer_config_region), .keys = region_keys, .text = "The regions by name."},
    {"sources", MER_CONFIG_NAMED, MANY(mer_config, sources, mer_config_source), .keys = source_keys, .text = "The sources by name, as the supergraph calls them in lower case."},
    {"auth", MER_CONFIG_SECTION, AT(mer_config, auth), .keys = auth_keys, .text = "How callers are known."},
    {"labels", MER_CONFIG_ENTRIES, MANY(mer_config, labels, mer_config_label), .keys = label_keys, .text = "When labels of progressive overrides are on. `percent(N)` is on for N of a hundred requests and needs no entry; what stands neither here nor there is off."},
    {"limits", MER_CONFIG_SECTION, AT(mer_config, limits), .keys = limits_keys, .text = "What one request, one connection and one document may be."},
    {"cache", MER_CONFIG_SECTION, AT(mer_config, cache), .keys = cache_keys, .text = "Where answers of sources are kept."},
    {"cors", MER_CONFIG_SECTION, AT(mer_config, cors), .keys = cors_keys, .text = "Browsers of other origins."},
    {"persisted", MER_CONFIG_SECTION, AT(mer_config, persisted), .keys = persisted_keys, .text = "Operations that are asked by hash or id."},
    {"explorer", MER_CONFIG_SECTION, AT(mer_config, explorer), .keys = explorer_keys, .text = "The page that a browser gets at `/graphql`."},
    {"subgraphs", MER_CONFIG_SECTION, AT(mer_config, subgraphs), .keys = subgraphs_keys, .text = "How the subgraphs of a plain supergraph are asked (`serve --supergraph`)."},
    {"headers", MER_CONFIG_SECTION, AT(mer_config, headers), .keys = headers_keys, .text = "Headers between clients and the subgraphs of a plain supergraph."},
    {"rollup", MER_CONFIG_SECTION, AT(mer_config, rollup), .keys = rollup_keys, .text = "The companion worker, `meridian rollup`."},
    {"cutover", MER_CONFIG_SECTION, AT(mer_config, cutover), .keys = cutover_keys, .text = "Moving a region between its environments (docs/operations.md)."},
    {"monitor", MER_CONFIG_SECTION, AT(mer_config, monitor), .keys = monitor_keys, .text = "Watching the facilities of a region."},
    {"introspection", MER_CONFIG_BOOL, AT(mer_config, introspection), .fallback = "true", .text = "Answer `__schema` and `__type`."},
    {"development", MER_CONFIG_BOOL, AT(mer_config, development), .fallback = "false", .text = "For a developer's machine: the explorer's presets, suggestions in errors."},
    {"telemetry", MER_CONFIG_SECTION, .keys = telemetry_keys, .text = "What is told about the running process."},
    {0},
};
