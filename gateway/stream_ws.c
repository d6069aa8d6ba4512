// SPDX-License-Identifier: MIT
// Operations on a WebSocket: the protocol graphql-transport-ws, several at a time on one connection. The
// token comes as a header of the request or in the payload of connection_init, which pages can set and
// headers not.
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/time.h"
#include "gateway/browser.h"
#include "gateway/forward.h"
#include "gateway/graphql_http.h"
#include "gateway/stream.h"
#include "resolvers/graphql/ws.h"

#define PROTOCOL "graphql-transport-ws"

enum {
    INIT_MS = 10000, // to connection_init
    ID_MAX = 256,
};

enum {
    BAD_REQUEST = 4400,
    UNAUTHORIZED = 4401,
    FORBIDDEN = 4403,
    INIT_TIMEOUT = 4408,
    ID_TAKEN = 4409,
    TOO_MANY_INITS = 4429,
};

struct ws_op {
    struct ws_op *next, **pprev;
    struct mer_stream_ws_conn *conn;
    struct mer_stream_sub *sub;
    struct mer_slice id; // as JSON text
    char bytes[];
};

struct mer_stream_ws_conn {
    struct mer_stream_ws_conn *next, **pprev;
    struct mer_worker *w;
    struct mer_tunnel *tunnel; // NULL: not open yet
    struct mer_ws *ws;
    struct mer_arena *a;
    struct mer_known_token *token;
    struct mer_slice token_text;          // the caller's, as long as the connection
    const struct mer_gql_header *headers; // for subgraphs
    uint32_t headers_n;
    struct mer_http_header *all; // that came
    size_t all_n;
    struct ws_op *ops;
    uint32_t ops_n;
    struct mer_timer timer;
    struct mer_task closing;
    bool initialised, acknowledged, heard, ends;
};

// ---- life ----

static void drop_op(struct ws_op *op)
{
    *op->pprev = op->next;
    if (op->next) {
        op->next->pprev = op->pprev;
    }
    op->conn->ops_n--;
    free(op);
}

static void destroy(struct mer_stream_ws_conn *c)
{
    for (struct ws_op *op = c->ops, *next = NULL; op; op = next) {
        next = op->next;
        mer_stream_stop(op->sub);
        free(op);
    }
    mer_timer_stop(c->w->loop, &c->timer);
    mer_task_cancel(c->w->loop, &c->closing);
    *c->pprev = c->next;
    if (c->next) {
        c->next->pprev = c->pprev;
    }
    mer_ws_destroy(c->ws);
    if (c->token) {
        mer_known_token_unref(c->token);
    }
    mer_arena_destroy(c->a);
    free(c);
}

static void flush(struct mer_stream_ws_conn *c)
{
    struct mer_buf *out = mer_ws_out(c->ws);
    mer_tunnel_write(c->tunnel, mer_buf_slice(out));
    mer_buf_clear(out);
}

static void on_closing(void *owner)
{
    struct mer_stream_ws_conn *c = owner;
    mer_tunnel_close(c->tunnel);
    destroy(c);
}

// At the end of the turn: whoever says so may stand in the middle of it.
static void end_soon(struct mer_stream_ws_conn *c)
{
    c->ends = true;
    mer_loop_defer(c->w->loop, &c->closing, on_closing, c);
}

static void refuse(struct mer_stream_ws_conn *c, uint16_t code, struct mer_slice why)
{
    if (!c->ends) {
        mer_ws_close(c->ws, code, why);
        flush(c);
        end_soon(c);
    }
}

static void send_message(struct mer_stream_ws_conn *c, const struct mer_buf *b)
{
    mer_ws_send(c->ws, mer_buf_slice(b));
    flush(c);
}

// ---- answers ----

static void tell(struct mer_stream_ws_conn *c, struct mer_slice id, const char *type,
                 struct mer_slice payload)
{
    struct mer_buf b;
    mer_buf_init(&b, NULL, id.n + payload.n + 64);
    mer_buf_add(&b, MER_S("{\"id\":"));
    mer_buf_add(&b, id);
    mer_buf_printf(&b, ",\"type\":\"%s\"", type);
    if (payload.n) {
        mer_buf_add(&b, MER_S(",\"payload\":"));
        mer_buf_add(&b, payload);
    }
    mer_buf_add_char(&b, '}');
    send_message(c, &b);
    mer_buf_fini(&b);
}

static bool on_next(void *owner, struct mer_slice answer)
{
    struct ws_op *op = owner;
    struct mer_stream_ws_conn *c = op->conn;
    size_t waits = mer_tunnel_waiting(c->tunnel), max = (size_t)c->w->config->limits.subscription_bytes;
    if (c->ends) {
        return true; // nobody listens; it is stopped with the connection
    }
    if (waits && waits + answer.n > max) {
        mer_worker_count_code(c->w, "RATE_LIMITED");
        tell(c, op->id, "error",
             MER_S("[{\"message\":\"the client reads too slowly\",\"extensions\":{\"code\":"
                   "\"RATE_LIMITED\",\"limit\":\"subscriptionBuffer\"}}]"));
        drop_op(op);
        return false;
    }
    tell(c, op->id, "next", answer);
    return true;
}

static void on_end(void *owner, struct mer_slice errors)
{
    struct ws_op *op = owner;
    if (!op->conn->ends) {
        tell(op->conn, op->id, errors.n ? "error" : "complete", errors);
    }
    drop_op(op);
}

// ---- operations ----

static struct mer_slice text_of(struct mer_arena *a, const struct mer_json *j, const struct mer_json_node *o,
                                const char *key)
{
    const struct mer_json_node *n = mer_json_get(j, o, mer_slice_of(key));
    return n && n->type == MER_JSON_STRING ? mer_json_string(a, j, n) : MER_NIL;
}

static struct ws_op *find(struct mer_stream_ws_conn *c, struct mer_slice id)
{
    struct ws_op *op = c->ops;
    while (op && !mer_slice_eq(op->id, id)) {
        op = op->next;
    }
    return op;
}

// The document where it is named instead of sent. Errors as a JSON array, or nil.
static struct mer_slice read_document(struct mer_stream_ws_conn *c, struct mer_arena *a,
                                      const struct mer_json *j, const struct mer_json_node *payload,
                                      struct mer_slice tenant, struct mer_slice *query)
{
    struct mer_worker *w = c->w;
    struct mer_http_problem problem = {0};
    const struct mer_json_node *more = mer_json_get(j, payload, MER_S("extensions"));
    struct mer_graphql_params p = {
        .query = text_of(a, j, payload, "query"),
        .document_id = text_of(a, j, payload, "documentId"),
        .hash = text_of(a, j, mer_json_get(j, more, MER_S("persistedQuery")), "sha256Hash"),
    };
    const struct mer_graphql_documents from = {
        .trusted = w->now->snapshot->documents, .only = w->config->persisted.only, .registry = w->registry};
    struct mer_buf b;
    if (mer_graphql_document(&from, a, tenant, &p, &problem)) {
        *query = p.query;
        return MER_NIL;
    }
    mer_buf_init(&b, a, 256);
    mer_buf_add(&b, MER_S("[{\"message\":"));
    mer_json_write_string(&b, mer_slice_of(problem.message));
    mer_buf_printf(&b, ",\"extensions\":{\"code\":\"%s\"}}]", problem.code);
    return mer_buf_slice(&b);
}

static void fill_caller(const struct mer_stream_ws_conn *c, struct mer_stream_ask *ask)
{
    ask->token = c->token;
    if (!c->token || c->w->config->router) { // everything is everybody's but what guards stand before
        ask->caller = (struct mer_caller){.tenant = MER_S("-"),
                                          .role = MER_S("service"),
                                          .facilities = MER_S("*"),
                                          .rows = true,
                                          .anonymous = !c->token};
        return;
    }
    const struct mer_claims *k = &c->token->claims;
    ask->caller = (struct mer_caller){
        .tenant = k->tenant,
        .role = mer_slice_of(mer_user_role_name(k->role)),
        .facilities = k->facilities_text,
        .token = c->token_text,
        .rows = k->role != MER_USER_EXECUTIVE && k->role != MER_USER_OPERATOR,
        .region = k->regions_n == 1 ? k->regions[0] : MER_NIL,
    };
}

// Of the request that the WebSocket began with.
static struct mer_slice header_of(void *owner, const char *name)
{
    const struct mer_stream_ws_conn *c = owner;
    for (size_t i = 0; i < c->all_n; i++) {
        if (mer_slice_is(c->all[i].name, name)) {
            return c->all[i].value;
        }
    }
    return MER_NIL;
}

static struct ws_op *new_op(struct mer_stream_ws_conn *c, struct mer_slice id)
{
    struct ws_op *op = malloc(sizeof(*op) + id.n);
    MER_ASSERT(op);
    memcpy(op->bytes, id.p, id.n);
    op->conn = c;
    op->id = mer_slice_make(op->bytes, id.n);
    op->next = c->ops;
    op->pprev = &c->ops;
    if (op->next) {
        op->next->pprev = &op->next;
    }
    c->ops = op;
    c->ops_n++;
    return op;
}

static void begin(struct mer_stream_ws_conn *c, struct mer_arena *a, const struct mer_json *j,
                  const struct mer_json_node *payload, struct mer_slice id)
{
    struct mer_stream_ask ask = {.worker = c->w,
                                 .name = text_of(a, j, payload, "operationName"),
                                 .headers = c->headers,
                                 .headers_n = c->headers_n,
                                 .header = header_of,
                                 .header_owner = c,
                                 .max_age_us = -1,
                                 .parts = MER_EXEC_PARTS,
                                 .next = on_next,
                                 .end = on_end};
    const struct mer_json_node *vars = mer_json_get(j, payload, MER_S("variables"));
    if (vars && vars->type == MER_JSON_OBJECT) {
        ask.variables = mer_json_raw(j, vars);
    } else if (vars && vars->type != MER_JSON_NULL) {
        refuse(c, BAD_REQUEST, MER_S("variables must be an object"));
        return;
    }
    fill_caller(c, &ask);
    struct mer_slice errors = read_document(c, a, j, payload, ask.caller.tenant, &ask.query);
    if (c->ops_n >= c->w->config->limits.connection_subscriptions) {
        errors = MER_S("[{\"message\":\"too many operations on this connection\",\"extensions\":{\"code\":"
                       "\"RATE_LIMITED\",\"limit\":\"connectionSubscriptions\"}}]");
    }
    if (errors.n) {
        tell(c, id, "error", errors);
        return;
    }
    struct ws_op *op = new_op(c, id);
    ask.owner = op;
    c->w->counters.requests++;
    op->sub = mer_stream_start(&ask, a, &errors);
    if (!op->sub) {
        c->w->counters.refused++;
        tell(c, id, "error", errors);
        drop_op(op);
    }
}

static void on_subscribe(struct mer_stream_ws_conn *c, struct mer_arena *a, const struct mer_json *j,
                         const struct mer_json_node *id)
{
    const struct mer_json_node *payload = mer_json_get(j, mer_json_root(j), MER_S("payload"));
    if (!c->acknowledged) {
        refuse(c, UNAUTHORIZED, MER_S("Unauthorized"));
        return;
    }
    bool good = id && id->type == MER_JSON_STRING && id->len > 2 && id->len <= ID_MAX && payload &&
                payload->type == MER_JSON_OBJECT;
    if (!good) {
        refuse(c, BAD_REQUEST, MER_S("subscribe needs an id and a payload"));
        return;
    }
    struct mer_slice text = mer_json_raw(j, id);
    if (find(c, text)) {
        char why[128];
        snprintf(why, sizeof(why), "Subscriber for %.*s already exists",
                 (int)(text.n - 2 < 80 ? text.n - 2 : 80), text.p + 1);
        refuse(c, ID_TAKEN, mer_slice_of(why));
        return;
    }
    begin(c, a, j, payload, text);
}

static void on_complete(struct mer_stream_ws_conn *c, const struct mer_json *j,
                        const struct mer_json_node *id)
{
    if (!id || id->type != MER_JSON_STRING) {
        refuse(c, BAD_REQUEST, MER_S("complete needs an id"));
        return;
    }
    struct ws_op *op = find(c, mer_json_raw(j, id));
    if (op) {
        mer_stream_stop(op->sub);
        drop_op(op);
    }
}

// ---- the connection's own messages ----

static bool know(struct mer_stream_ws_conn *c, struct mer_slice authorization)
{
    struct mer_slice token = mer_auth_bearer(authorization);
    const char *why = "no token";
    if (token.n && !c->token) {
        c->token_text = mer_arena_copy(c->a, token);
        c->token = mer_auth_know(c->w->auth, c->w->tokens, c->a, c->token_text, &why);
    }
    return c->token != NULL;
}

// Names of header fields know no case, and who writes a payload does not either.
static struct mer_slice find_authorization(struct mer_arena *a, const struct mer_json *j,
                                           const struct mer_json_node *payload)
{
    struct mer_slice found = text_of(a, j, payload, "authorization");
    found = found.n ? found : text_of(a, j, payload, "Authorization");
    const struct mer_json_node *headers = mer_json_get(j, payload, MER_S("headers"));
    return found.n || !headers ? found : find_authorization(a, j, headers);
}

static void on_heart(void *owner)
{
    struct mer_stream_ws_conn *c = owner;
    if (!c->initialised) {
        refuse(c, INIT_TIMEOUT, MER_S("Connection initialisation timeout"));
        return;
    }
    if (!c->heard) { // not even the answer to the last ping
        end_soon(c);
        return;
    }
    c->heard = false;
    mer_ws_ping(c->ws);
    flush(c);
    mer_timer_start(c->w->loop, &c->timer, (uint64_t)c->w->config->limits.heartbeat_ms, on_heart, c);
}

static void on_init(struct mer_stream_ws_conn *c, struct mer_arena *a, const struct mer_json *j)
{
    if (c->initialised) {
        refuse(c, TOO_MANY_INITS, MER_S("Too many initialisation requests"));
        return;
    }
    c->initialised = true;
    const struct mer_json_node *payload = mer_json_get(j, mer_json_root(j), MER_S("payload"));
    bool object = payload && payload->type == MER_JSON_OBJECT;
    struct mer_slice authorization = object ? find_authorization(a, j, payload) : MER_NIL;
    bool may_be_anyone = c->w->config->router && !authorization.n;
    if (c->w->auth && !c->token && !may_be_anyone && !know(c, authorization)) {
        refuse(c, FORBIDDEN, MER_S("Forbidden"));
        return;
    }
    c->acknowledged = true;
    mer_ws_send(c->ws, MER_S("{\"type\":\"connection_ack\"}"));
    flush(c);
    mer_timer_start(c->w->loop, &c->timer, (uint64_t)c->w->config->limits.heartbeat_ms, on_heart, c);
}

static void take_message(struct mer_stream_ws_conn *c, struct mer_arena *a, const struct mer_json *j)
{
    const struct mer_json_node *root = mer_json_root(j);
    const struct mer_json_node *type = mer_json_get(j, root, MER_S("type"));
    const struct mer_json_node *id = mer_json_get(j, root, MER_S("id"));
    if (!type || type->type != MER_JSON_STRING) {
        refuse(c, BAD_REQUEST, MER_S("a message is an object with a type"));
    } else if (mer_json_string_is(j, type, MER_S("connection_init"))) {
        on_init(c, a, j);
    } else if (mer_json_string_is(j, type, MER_S("ping"))) {
        mer_ws_send(c->ws, MER_S("{\"type\":\"pong\"}"));
        flush(c);
    } else if (mer_json_string_is(j, type, MER_S("subscribe"))) {
        on_subscribe(c, a, j, id);
    } else if (mer_json_string_is(j, type, MER_S("complete"))) {
        on_complete(c, j, id);
    } else if (!mer_json_string_is(j, type, MER_S("pong"))) {
        refuse(c, BAD_REQUEST, MER_S("unknown type of message"));
    }
}

static void on_text(void *owner, struct mer_slice text)
{
    struct mer_stream_ws_conn *c = owner;
    struct mer_arena *a = mer_arena_create((size_t)c->w->config->limits.memory_bytes);
    const struct mer_json_limits limits = {.max_nodes = (uint32_t)c->w->config->limits.values};
    struct mer_json j;
    if (c->ends) {
        // it has been told to go
    } else if (mer_json_parse(a, text, &limits, &j, NULL)) {
        refuse(c, BAD_REQUEST, MER_S("a message must be JSON"));
    } else {
        take_message(c, a, &j);
    }
    mer_arena_destroy(a);
}

// ---- the tunnel ----

static void on_open(void *owner, struct mer_tunnel *t)
{
    struct mer_stream_ws_conn *c = owner;
    if (!t) {
        destroy(c);
        return;
    }
    c->tunnel = t;
    mer_timer_start(c->w->loop, &c->timer, INIT_MS, on_heart, c);
    if (c->w->streams_end) {
        refuse(c, MER_WS_GOING, MER_S("the gateway is being stopped"));
    }
}

static void on_data(void *owner, struct mer_slice bytes)
{
    struct mer_stream_ws_conn *c = owner;
    size_t max = (size_t)c->w->config->limits.subscription_bytes;
    c->heard = true;
    if (c->ends) {
        return;
    }
    bool open = mer_ws_feed(c->ws, bytes);
    flush(c);
    // A client that asks and asks, and does not read what it is told, is not served.
    if (!open || mer_tunnel_waiting(c->tunnel) > max + max / 2) {
        end_soon(c);
    }
}

static void on_close(void *owner)
{
    destroy(owner);
}

static const struct mer_tunnel_callbacks tunnel_callbacks = {on_open, on_data, on_close};

// ---- the handshake ----

static bool lists(struct mer_slice header, struct mer_slice word)
{
    while (header.n) {
        if (mer_slice_ieq(mer_slice_trim(mer_slice_cut(&header, ',')), word)) {
            return true;
        }
    }
    return false;
}

bool mer_stream_ws_wanted(const struct mer_http_req *req)
{
    return req->http_version == 0x101 && mer_slice_is(req->method, "GET") &&
           mer_slice_ieq(mer_http_upgrade_wanted(req), MER_S("websocket"));
}

static void answer_refused(struct mer_http_req *req, int status, const char *code, const char *text)
{
    struct mer_slice body = mer_arena_printf(
        req->arena, "{\"errors\":[{\"message\":\"%s\",\"extensions\":{\"code\":\"%s\"}}]}", text, code);
    const struct mer_http_header h[] = {{MER_S("content-type"), MER_S("application/json; charset=utf-8")},
                                        {MER_S("sec-websocket-version"), MER_S("13")}};
    mer_http_respond(req, status, h, 2, &body, 1);
}

// A page of another site brings no token of ours, but where callers are not known it needs none.
static bool is_allowed(const struct mer_worker *w, const struct mer_http_req *req)
{
    struct mer_slice origin = mer_http_header(req, "origin");
    return origin.n == 0 || mer_browser_is_own(req, origin) || mer_browser_allows(w->config, origin);
}

static void keep_headers(struct mer_stream_ws_conn *c, struct mer_http_req *req)
{
    uint32_t n = 0;
    const struct mer_gql_header *from = mer_forward_ask(c->w->config, req, &n);
    struct mer_gql_header *h = MER_NEW_N(c->a, struct mer_gql_header, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        h[i].name = mer_arena_copy(c->a, from[i].name);
        h[i].value = mer_arena_copy(c->a, from[i].value);
    }
    c->headers = h;
    c->headers_n = n;
    c->all_n = mer_http_headers_n(req);
    c->all = MER_NEW_N(c->a, struct mer_http_header, c->all_n + 1);
    for (size_t i = 0; i < c->all_n; i++) {
        struct mer_http_header one = mer_http_header_at(req, i);
        c->all[i].name = mer_arena_copy(c->a, one.name);
        c->all[i].value = mer_arena_copy(c->a, one.value);
    }
}

static struct mer_stream_ws_conn *new_conn(struct mer_worker *w, struct mer_http_req *req)
{
    struct mer_stream_ws_conn *c = calloc(1, sizeof(*c));
    MER_ASSERT(c);
    c->w = w;
    c->a = mer_arena_create((size_t)w->config->limits.memory_bytes);
    c->next = w->ws_conns;
    c->pprev = &w->ws_conns;
    if (c->next) {
        c->next->pprev = &c->next;
    }
    w->ws_conns = c;
    const struct mer_ws_opts o = {
        .message_max = (size_t)w->config->limits.body_bytes, .on_text = on_text, .owner = c};
    c->ws = mer_ws_create(&o);
    keep_headers(c, req);
    return c;
}

void mer_stream_ws(struct mer_worker *w, struct mer_http_req *req)
{
    struct mer_slice key = mer_http_header(req, "sec-websocket-key");
    struct mer_slice authorization = mer_http_header(req, "authorization");
    char accept[32];
    if (!mer_slice_is(mer_http_header(req, "sec-websocket-version"), "13") || key.n != 24) {
        answer_refused(req, 400, "BAD_USER_INPUT", "WebSocket version 13 is expected, and its key");
    } else if (!lists(mer_http_header(req, "sec-websocket-protocol"), MER_S(PROTOCOL))) {
        answer_refused(req, 400, "BAD_USER_INPUT", "the subprotocol " PROTOCOL " is expected");
    } else if (!is_allowed(w, req)) {
        answer_refused(req, 403, "FORBIDDEN", "pages of this origin may not ask");
    } else {
        struct mer_stream_ws_conn *c = new_conn(w, req);
        bool twice = mer_http_header_count(req, "authorization") > 1;
        if (w->auth && authorization.p && (twice || !know(c, authorization))) {
            destroy(c);
            answer_refused(req, 401, "UNAUTHENTICATED", MER_AUTH_REFUSED_TEXT);
            return;
        }
        mer_ws_accept(key, accept);
        const struct mer_http_header h[] = {
            {MER_S("upgrade"), MER_S("websocket")},
            {MER_S("sec-websocket-accept"), mer_arena_copy(req->arena, mer_slice_of(accept))},
            {MER_S("sec-websocket-protocol"), MER_S(PROTOCOL)}};
        mer_http_upgrade(req, h, 3, &tunnel_callbacks, c);
    }
}

void mer_stream_ws_drain(struct mer_worker *w)
{
    for (struct mer_stream_ws_conn *c = w->ws_conns; c; c = c->next) {
        if (c->tunnel) {
            refuse(c, MER_WS_GOING, MER_S("the gateway is being stopped"));
        }
    }
}
