// SPDX-License-Identifier: MIT
// The life of a GraphQL request: bytes, operation, variables, caller, execution, answer. Each step is one
// function here; docs/architecture.md follows one request through them.
#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "base/time.h"
#include "gateway/answer.h"
#include "gateway/browser.h"
#include "gateway/explorer.h"
#include "gateway/forward.h"
#include "gateway/graphql_http.h"
#include "gateway/stream.h"
#include "gateway/labels.h"
#include "gateway/parts.h"
#include "gateway/worker.h"
#include "resolvers/exec.h"
#include "resolvers/explain.h"
#include "schema/values.h"

struct request {
    struct mer_worker *w;
    struct mer_running *on; // what was newest when it came
    struct mer_http_req *http;
    enum mer_face_kind face;
    const struct mer_graph *graph;
    enum mer_media media;
    struct mer_graphql_params params;
    struct mer_known_token *token;
    struct mer_operation *op;
    struct mer_variables vars;
    int64_t max_age_us;
    struct mer_exec_ask ask;
    struct mer_exec *exec;
    struct mer_arena
        *work; // of the execution: what was fetched dies when the answer is written, not when it is sent
    int64_t planned_us, written_us;
    struct mer_slice explained;   // JSON for extensions.plan; n == 0: not asked
    uint64_t cost;                // as estimated
    bool tagged;                  // the answer has an etag
    struct mer_forward forward;   // of a router: what subgraphs' headers say
    struct mer_slice cacheable;   // cache-control by what they say; n == 0: nothing
    enum mer_stream_kind stream;  // how it would take an answer that is told by and by
    bool streams_alone;           // and takes no other
    struct mer_parts_offer offer; // for an answer with deferred parts
    bool in_parts;                // the first has been told
    struct mer_parts parts;       // how they go
    size_t told;                  // bytes of parts
    uint32_t fresh_n;             // entries of the freshness table that were told
    bool registers;               // its document is kept by its hash once it is known to be valid
};

// ---- answering ----

static void release(struct request *r)
{
    if (r->exec) {
        mer_exec_end(r->exec);
        r->exec = NULL;
    }
    mer_arena_destroy(r->work);
    r->work = NULL;
    mer_operation_unref(r->op);
    r->op = NULL;
    if (r->token) {
        mer_known_token_unref(r->token);
        r->token = NULL;
    }
    mer_running_unref(r->on);
    r->on = NULL;
}

static void aborted(void *owner)
{
    struct request *r = owner;
    r->w->in_flight--;
    release(r);
}

static void measure(struct request *r)
{
    struct mer_worker_counters *c = &r->w->counters;
    int64_t us = (r->written_us ? r->written_us : mer_time_mono_us()) - r->http->received_us;
    uint32_t i = 0;
    while (i < 11 && us > mer_latency_bounds_us[i]) {
        i++;
    }
    c->latency_buckets[i]++;
    c->latency_us_sum += (uint64_t)(us > 0 ? us : 0);
}

#define add_header mer_answer_add

static void reply(struct request *r, struct mer_answer *a)
{
    struct mer_http_req *http = r->http;
    measure(r);
    r->w->in_flight--;
    add_header(a, MER_S("content-type"), mer_media_type(r->media));
    // What has a tag may be kept and asked for again with it; nothing else is worth keeping.
    add_header(a, MER_S("cache-control"),
               r->cacheable.n ? r->cacheable
               : r->tagged    ? MER_S("private, no-cache")
                              : MER_S("private, no-store"));
    add_header(a, MER_S("x-content-type-options"), MER_S("nosniff"));
    mer_answer_finish(a, r->w->config, r->w->coder, http);
    release(r); // nothing of the request may be touched once it was answered
    mer_http_respond(http, a->status, a->headers, a->headers_n, &a->body, 1);
}

// 200 in application/json for what concerns GraphQL, 400 in graphql-response+json; transport statuses in
// both.
static int graphql_status(const struct request *r)
{
    return r->media == MER_MEDIA_RESPONSE_JSON ? 400 : 200;
}

static void refuse(struct request *r, int status, const char *code, const char *fmt, ...) MER_PRINTF(4, 5);
static void refuse_with(struct request *r, int status, const char *code, const char *text,
                        const struct mer_operation_error *more)
{
    struct mer_buf b;
    mer_buf_init(&b, r->http->arena, 256);
    mer_buf_add(&b, MER_S("{\"errors\":["));
    mer_answer_write_error(&b, mer_slice_of(text), code, more);
    mer_buf_add(&b, MER_S("]}"));
    struct mer_answer a = {.status = status, .body = mer_buf_slice(&b)};
    if (status == 401) {
        add_header(&a, MER_S("www-authenticate"), MER_S("Bearer realm=\"meridian\""));
    } else if (status == 405) {
        add_header(&a, MER_S("allow"), MER_S("GET, HEAD, POST, OPTIONS"));
    } else if (status == 415) {
        add_header(&a, MER_S("accept-encoding"), MER_S("gzip"));
    } else if (status == 503 || status == 429) {
        add_header(&a, MER_S("retry-after"), MER_S("1"));
    }
    if (r->media >= MER_MEDIA_HTML) {
        r->media = MER_MEDIA_JSON;
    }
    r->w->counters.refused++;
    mer_worker_count_code(r->w, code);
    reply(r, &a);
}

static void refuse(struct request *r, int status, const char *code, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    refuse_with(r, status, code, text, NULL);
}

static void refuse_operation(struct request *r, const struct mer_operation_error *errors, uint32_t n)
{
    struct mer_buf b;
    mer_buf_init(&b, r->http->arena, 512);
    mer_buf_add(&b, MER_S("{\"errors\":["));
    for (uint32_t i = 0; i < n; i++) {
        if (i) {
            mer_buf_add_char(&b, ',');
        }
        mer_answer_write_error(&b, errors[i].message, errors[i].code, &errors[i]);
        mer_worker_count_code(r->w, errors[i].code);
    }
    mer_buf_add(&b, MER_S("]}"));
    r->w->counters.refused++;
    struct mer_answer a = {.status = graphql_status(r), .body = mer_buf_slice(&b)};
    reply(r, &a);
}

// ---- the steps ----

// Of a router that knows no callers: everything is everybody's, and who asks is for the subgraphs to know.
static bool take_anyone(struct request *r)
{
    r->ask.caller = (struct mer_caller){
        .tenant = MER_S("-"), .role = MER_S("service"), .facilities = MER_S("*"), .rows = true};
    r->ask.caller.anonymous = !r->token;
    return true;
}

static bool know_caller(struct request *r)
{
    if (!r->w->auth) {
        return take_anyone(r);
    }
    struct mer_slice token = mer_auth_bearer(mer_http_header(r->http, "authorization"));
    const char *why = "no token";
    if (token.n && mer_http_header_count(r->http, "authorization") == 1) {
        r->token = mer_auth_know(r->w->auth, r->w->tokens, r->http->arena, token, &why);
    }
    bool may_be_anyone = r->w->config->router && !mer_http_header(r->http, "authorization").p;
    if (!r->token && !may_be_anyone) {
        mer_log(MER_LOG_DEBUG, "auth", "refused: %s", why);
        refuse(r, 401, "UNAUTHENTICATED", "%s", MER_AUTH_REFUSED_TEXT);
        return false;
    }
    if (r->w->config->router) {
        return take_anyone(r);
    }
    const struct mer_claims *c = &r->token->claims;
    r->ask.caller = (struct mer_caller){
        .tenant = c->tenant,
        .role = mer_slice_of(mer_user_role_name(c->role)),
        .facilities = c->facilities_text,
        .token = token,
        .rows = c->role != MER_USER_EXECUTIVE && c->role != MER_USER_OPERATOR,
        .region = c->regions_n == 1 ? c->regions[0] : MER_NIL,
    };
    return true;
}

// Where the caller is says the header, else a claim of one region.
static bool read_region(struct request *r)
{
    struct mer_slice h = mer_http_header(r->http, "meridian-region");
    if (h.p && r->w->config->regions_n && !mer_config_region(r->w->config, h)) {
        refuse(r, 400, "BAD_USER_INPUT", "meridian-region: no such region");
        return false;
    }
    r->ask.caller.region = h.n ? h : r->ask.caller.region;
    return true;
}

static bool read_bound(struct request *r)
{
    struct mer_slice h = mer_http_header(r->http, "meridian-max-age");
    uint64_t seconds = 0;
    r->max_age_us = -1;
    if (!h.p) {
        return true;
    }
    if (!mer_slice_to_u64(h, &seconds) || seconds > 4000000000u) {
        refuse(r, 400, "BAD_USER_INPUT", "meridian-max-age: a number of seconds is expected");
        return false;
    }
    r->max_age_us = (int64_t)seconds * 1000000;
    return true;
}

// The document where the request names it instead of sending it.
static bool find_document(struct request *r, struct mer_http_problem *problem)
{
    const struct mer_worker *w = r->w;
    struct mer_graphql_params *p = &r->params;
    bool clients = r->face == MER_FACE_CLIENTS;
    const struct mer_graphql_documents from = {
        .trusted = clients ? r->on->snapshot->documents : NULL,
        .only = clients && w->config->persisted.only,
        .registry = clients ? w->registry : NULL,
    };
    if (p->query.n && !p->hash.n && !from.only) {
        return true;
    }
    r->registers = p->query.n && p->hash.n && from.registry && !from.only;
    return mer_graphql_document(&from, r->http->arena, r->ask.caller.tenant, p, problem);
}

static void refuse_request(struct request *r, const struct mer_http_problem *p)
{
    const struct mer_operation_error more = {.limit = p->limit, .value = p->value};
    refuse_with(r, p->status ? p->status : graphql_status(r), p->code, p->message, &more);
}

static const struct mer_operation_opts *operation_opts(const struct request *r)
{
    return r->face == MER_FACE_SOURCES ? &r->w->hop_opts : &r->w->operation_opts;
}

// Did the request tell who asks?
static bool is_personal(const struct request *r)
{
    return r->token || mer_http_header(r->http, "authorization").n || mer_http_header(r->http, "cookie").n;
}

static struct mer_slice header_of(void *owner, const char *name)
{
    return mer_http_header(owner, name);
}

// Which labels of progressive overrides are on for this request.
static const uint64_t *labels_on(const struct request *r)
{
    const struct mer_labels_ask ask = {header_of, r->http, r->token ? &r->token->claims : NULL,
                                       &r->w->random};
    return mer_labels_decide(r->http->arena, r->w->config, r->graph->federation, &ask);
}

static bool find_operation(struct request *r)
{
    const uint64_t *labels = labels_on(r);
    r->op = mer_plan_cache_find(r->on->plans, r->graph, r->params.query, r->params.operation_name, labels);
    if (r->op) {
        return true;
    }
    struct mer_operation_opts opts = *operation_opts(r);
    opts.labels_on = labels;
    struct mer_operation_error *errors = NULL;
    uint32_t n = 0;
    if (mer_operation_make(r->http->arena, r->graph, r->params.query, r->params.operation_name, &opts, &r->op,
                           &errors, &n)) {
        refuse_operation(r, errors, n);
        return false;
    }
    if (r->op->plan->hurried) {
        mer_log(MER_LOG_WARN, "plan",
                "operation %.*s was planned in a hurry: %u fetches, perhaps more than needed",
                MER_LOG_FMT(r->op->name.n ? r->op->name : MER_S("without a name")), r->op->plan->fetches_n);
    }
    mer_plan_cache_put(r->on->plans, r->op);
    return true;
}

// The guards of the schema that the caller's token does not open.
static const uint64_t *refused(const struct request *r)
{
    const struct mer_claims *c = r->token ? &r->token->claims : NULL;
    struct mer_grants grants = {.authenticated = c != NULL};
    if (c) {
        grants.scopes = mer_slice_make(c->grants.p, c->scopes_bytes);
        grants.policies = mer_slice_make(c->grants.p + c->scopes_bytes, c->grants.n - c->scopes_bytes);
    }
    return mer_guards_refused(r->http->arena, r->graph->federation, &grants);
}

static bool coerce_variables(struct request *r)
{
    struct mer_in_error *errors = NULL;
    uint32_t n = 0;
    const struct mer_operation_opts *opts = operation_opts(r);
    const struct mer_coerce_options how = {
        .suggestions = opts->introspection,
        // What another gateway sends is as long as the page that it looks up.
        .list_items = r->face == MER_FACE_CLIENTS ? opts->limits.list_items : 0,
    };
    enum mer_err err =
        mer_coerce_variables_with(r->http->arena, r->graph->api, r->op->ast, r->params.variables_json,
                                  r->params.variables, &how, &r->vars, &errors, &n);
    if (!err) {
        r->vars.refused = refused(r);
        return true;
    }
    struct mer_operation_error *out = MER_NEW_N(r->http->arena, struct mer_operation_error, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        out[i].message = errors[i].message;
        out[i].code = "BAD_USER_INPUT";
        out[i].locations = &errors[i].loc;
        out[i].locations_n = errors[i].loc.line ? 1 : 0;
    }
    if (err == MER_ERR_LIMIT) {
        out[n - 1].code = "QUERY_TOO_COMPLEX";
        out[n - 1].limit = errors[n - 1].items ? "listArgument" : NULL;
        out[n - 1].value = errors[n - 1].items;
    }
    refuse_operation(r, out, n);
    return false;
}

static void answered(void *owner);

// What the operation may cost, before anything runs.
static bool check_cost(struct request *r)
{
    const struct mer_shape_field *dearest = NULL;
    uint64_t max = (uint64_t)r->w->config->limits.cost;
    r->cost = mer_cost_count(r->op->cost, &r->vars, &dearest);
    if (r->face == MER_FACE_SOURCES || r->cost <= max) {
        return true;
    }
    struct mer_loc loc = dearest->ast->loc;
    struct mer_operation_error e = {.code = "QUERY_TOO_COMPLEX", .limit = "cost", .value = r->cost};
    e.message = mer_arena_printf(
        r->http->arena, "The operation exceeds limit cost: %llu, allowed are %llu. \"%.*s\" costs most.",
        (unsigned long long)r->cost, (unsigned long long)max, MER_FMT(dearest->key));
    e.locations = &loc;
    e.locations_n = 1;
    refuse_operation(r, &e, 1);
    return false;
}

static bool wants_cost(const struct request *r)
{
    struct mer_slice h = mer_http_header(r->http, "meridian-cost");
    return r->explained.n || mer_slice_is(h, "1") || mer_slice_is(h, "true");
}

static void write_cost(const struct request *r, struct mer_buf *b)
{
    mer_buf_printf(b, "\"cost\":{\"estimated\":%llu,\"limit\":%lld}", (unsigned long long)r->cost,
                   (long long)r->w->config->limits.cost);
}

static void answer_dry_run(struct request *r)
{
    struct mer_buf b;
    mer_buf_init(&b, r->http->arena, r->explained.n + 128);
    mer_buf_add(&b, MER_S("{\"data\":null,\"extensions\":{\"plan\":"));
    mer_buf_add(&b, r->explained);
    mer_buf_add_char(&b, ',');
    write_cost(r, &b);
    mer_buf_add(&b, MER_S("}}"));
    struct mer_answer a = {.status = 200, .body = mer_buf_slice(&b)};
    reply(r, &a);
}

// `meridian-explain: plan|dry-run`, for those who run the place. False: the request was answered.
static bool explain(struct request *r)
{
    struct mer_slice how = mer_http_header(r->http, "meridian-explain");
    if (how.n == 0) {
        return true;
    }
    bool open = !r->token && r->w->config->development;
    enum mer_user_role role = r->token ? r->token->claims.role : open ? MER_USER_DEVELOPER : MER_USER_SERVICE;
    bool dry = mer_slice_is(how, "dry-run");
    if ((role != MER_USER_DEVELOPER && role != MER_USER_OPERATOR && role != MER_USER_SERVICE) ||
        (!r->token && !open)) {
        refuse(r, 403, "FORBIDDEN", "%s may not see plans",
               r->token ? mer_arena_printf(r->http->arena, "role %s", mer_user_role_name(role)).p
                        : "callers");
        return false;
    }
    if (!dry && !mer_slice_is(how, "plan")) {
        refuse(r, 400, "BAD_USER_INPUT", "meridian-explain: plan or dry-run is expected");
        return false;
    }
    struct mer_explain e;
    struct mer_buf b;
    mer_explain_make(&r->ask, &e);
    mer_buf_init(&b, r->http->arena, 4096);
    mer_explain_write_json(&b, &e);
    r->explained = mer_buf_slice(&b);
    if (dry) {
        answer_dry_run(r);
    }
    return !dry;
}

static void heard(void *owner, uint32_t source, const struct mer_gql_answer *answer)
{
    struct request *r = owner;
    (void)source;
    mer_forward_hear(&r->forward, answer);
}

static void execute(struct request *r)
{
    struct mer_worker *w = r->w;
    r->planned_us = mer_time_mono_us();
    r->work = mer_arena_create((size_t)w->config->limits.memory_bytes);
    r->ask.arena = r->work;
    r->ask.site = r->on->site;
    r->ask.plan = r->op->plan;
    r->ask.vars = &r->vars;
    r->ask.hop = r->face == MER_FACE_SOURCES || mer_http_header(r->http, "meridian-hop").n > 0;
    r->ask.max_age_us = r->max_age_us;
    r->ask.holes = r->params.is_get;
    r->ask.parts = r->offer.sse ? MER_EXEC_WHOLE : r->offer.parts;
    r->ask.text = r->op->text;
    r->ask.name = r->op->name;
    if (r->params.variables) {
        r->ask.variables = mer_json_raw(r->params.variables_json, r->params.variables);
    }
    r->ask.deadline_mono_us = r->http->received_us + w->config->limits.request_ms * 1000;
    if (r->on->plain) {
        mer_forward_begin(&r->forward, w->config, r->http->arena);
        r->ask.headers = mer_forward_ask(w->config, r->http, &r->ask.headers_n);
        r->ask.heard = heard;
    }
    r->ask.done = answered;
    r->ask.owner = r;
    if (explain(r)) {
        r->exec = mer_exec_start(&r->ask);
    }
}

static void count_error(void *owner, const char *code)
{
    mer_worker_count_code(owner, code);
}

static struct mer_slice server_timing(struct request *r)
{
    int64_t now = r->written_us = mer_time_mono_us();
    struct mer_buf b;
    mer_buf_init(&b, r->http->arena, 80);
    mer_buf_add(&b, MER_S("plan;dur="));
    mer_buf_add_thousandths(&b, r->planned_us - r->http->received_us);
    mer_buf_add(&b, MER_S(", execute;dur="));
    mer_buf_add_thousandths(&b, now - r->planned_us);
    mer_buf_add(&b, MER_S(", total;dur="));
    mer_buf_add_thousandths(&b, now - r->http->received_us);
    return mer_buf_slice(&b);
}

static void add_cache_headers(struct request *r, struct mer_answer *a, int64_t wall_us)
{
    static const char *const names[] = {"bypass", "hit", "miss"};
    enum mer_exec_cache c = mer_exec_cache(r->exec);
    int64_t since = mer_exec_cached_at_us(r->exec);
    add_header(a, MER_S("meridian-cache"), mer_slice_of(names[c]));
    if (c == MER_EXEC_CACHE_HIT && since != MER_TIME_UNKNOWN) {
        int64_t age = (wall_us - since) / 1000000;
        add_header(a, MER_S("age"), mer_arena_printf(r->http->arena, "%lld", (long long)(age > 0 ? age : 0)));
    }
    r->w->counters.cache_hit += c == MER_EXEC_CACHE_HIT;
    r->w->counters.cache_miss += c == MER_EXEC_CACHE_MISS;
}

static void write_extensions(const struct request *r, struct mer_buf *b, const struct mer_fresh *fresh,
                             int64_t wall_us)
{
    const char *open = ",\"extensions\":{";
    if (fresh->n) {
        mer_buf_add_cstr(b, open);
        mer_buf_add(b, MER_S("\"freshness\":"));
        mer_fresh_write_extension(b, fresh, wall_us);
        open = ",";
    }
    if (r->explained.n) {
        mer_buf_printf(b, "%s\"plan\":", open);
        mer_buf_add(b, r->explained);
        open = ",";
    }
    if (wants_cost(r)) {
        mer_buf_add_cstr(b, open);
        write_cost(r, b);
        open = ",";
    }
    if (open[1] == 0) {
        mer_buf_add_char(b, '}');
    }
}

// A tag on what a GET got whole; a client that has it already gets no body.
static void add_tag(struct request *r, struct mer_answer *a, struct mer_slice written, int64_t wall_us)
{
    struct mer_slice etag = mer_answer_etag(r->http->arena, written, r->exec, wall_us);
    add_header(a, MER_S("etag"), etag);
    r->tagged = true;
    if (mer_answer_etag_matches(mer_http_header(r->http, "if-none-match"), etag)) {
        a->status = 304;
        a->body = MER_NIL;
    }
}

static void refuse_answer(struct request *r, size_t bytes)
{
    struct mer_loc loc = r->op->ast->loc;
    const struct mer_operation_error e = {
        .code = "QUERY_TOO_COMPLEX",
        .message =
            mer_arena_printf(r->http->arena, "The answer exceeds limit answer: %zu bytes, allowed are %lld.",
                             bytes, (long long)r->w->config->limits.answer_bytes),
        .limit = "answer",
        .value = bytes,
        .locations = &loc,
        .locations_n = 1,
    };
    refuse_operation(r, &e, 1);
}

static struct mer_slice too_long(struct request *r, size_t bytes)
{
    const struct mer_operation_error e = {.limit = "answer", .value = bytes};
    struct mer_buf b;
    mer_buf_init(&b, r->http->arena, 256);
    mer_buf_add(&b, MER_S("{\"errors\":["));
    mer_answer_write_error(&b, MER_S("The answer exceeds limit answer."), "QUERY_TOO_COMPLEX", &e);
    mer_buf_add(&b, MER_S("],\"hasNext\":false}"));
    mer_worker_count_code(r->w, "QUERY_TOO_COMPLEX");
    return mer_buf_slice(&b);
}

static void tell_next_part(struct request *r)
{
    struct mer_http_req *http = r->http;
    const struct mer_fresh *fresh = mer_exec_freshness(r->exec);
    struct mer_buf b;
    mer_buf_init(&b, http->arena, 1024);
    mer_buf_add_char(&b, '{');
    mer_exec_write_part(r->exec, &b);
    if (fresh->n > r->fresh_n) {
        r->fresh_n = fresh->n;
        mer_buf_add(&b, MER_S(",\"extensions\":{\"freshness\":"));
        mer_fresh_write_extension(&b, fresh, mer_time_wall_us());
        mer_buf_add_char(&b, '}');
    }
    bool more = mer_exec_more(r->exec);
    mer_buf_add(&b, more ? MER_S(",\"hasNext\":true}") : MER_S(",\"hasNext\":false}"));
    mer_exec_each_error(r->exec, count_error, r->w);
    struct mer_slice part = mer_buf_slice(&b);
    r->told += part.n;
    if (r->told > (size_t)r->w->config->limits.answer_bytes) {
        part = too_long(r, r->told);
        more = false;
    }
    if (!more) {
        measure(r);
        r->w->in_flight--;
        release(r);
    }
    mer_parts_next(&r->parts, part, more);
}

// The first of several, or the only one for a client that takes nothing else.
static void tell_first_part(struct request *r, struct mer_answer *a)
{
    const struct mer_config *c = r->w->config;
    bool more = mer_exec_more(r->exec);
    r->parts = (struct mer_parts){.req = r->http, .coder = r->w->coder, .format = r->offer.parts};
    r->in_parts = true;
    r->told = a->body.n;
    r->fresh_n = mer_exec_freshness(r->exec)->n;
    a->status = 200;
    if (!more) {
        measure(r);
        r->w->in_flight--;
        release(r);
    }
    mer_parts_begin(&r->parts, c, a, more);
}

// Beside what the operation's last answer had.
#define ANSWER_ROOM 1024u

static void answered(void *owner)
{
    struct request *r = owner;
    struct mer_buf b;
    bool has_data = false;
    if (r->in_parts) {
        tell_next_part(r);
        return;
    }
    mer_buf_init(&b, r->http->arena, r->op->answer_bytes + r->op->answer_bytes / 8 + ANSWER_ROOM);
    mer_buf_add_char(&b, '{');
    mer_exec_write(r->exec, &b, &has_data);
    struct mer_slice data = mer_buf_slice(&b);
    const struct mer_fresh *fresh = mer_exec_freshness(r->exec);
    int64_t wall_us = mer_time_wall_us(); // one moment for everything below
    write_extensions(r, &b, fresh, wall_us);
    bool more = mer_exec_more(r->exec), parts = more || r->streams_alone;
    mer_buf_add(&b, parts ? more ? MER_S(",\"hasNext\":true") : MER_S(",\"hasNext\":false") : MER_NIL);
    mer_buf_add_char(&b, '}');
    mer_exec_each_error(r->exec, count_error, r->w);
    if (b.n > (size_t)r->w->config->limits.answer_bytes) {
        refuse_answer(r, b.n);
        return;
    }
    r->op->answer_bytes = b.n;
    struct mer_answer a = {.status = has_data ? 200 : graphql_status(r), .body = mer_buf_slice(&b)};
    if (r->params.is_get && has_data && !mer_exec_has_errors(r->exec) && !parts) {
        add_tag(r, &a, data, wall_us);
    }
    if (r->on->plain) {
        struct mer_slice cacheable = mer_forward_tell(&r->forward, &r->op->cache, is_personal(r), &a);
        r->cacheable = mer_exec_has_errors(r->exec) ? MER_NIL : cacheable;
    }
    add_cache_headers(r, &a, wall_us);
    add_header(&a, MER_S("server-timing"), server_timing(r));
    if (parts) {
        tell_first_part(r, &a);
    } else {
        reply(r, &a);
    }
}

// An answer that is told by and by: from here on it is stream.h's.
static void stream(struct request *r)
{
    struct mer_worker *w = r->w;
    if (!r->stream) {
        refuse(
            r, 406, "BAD_USER_INPUT",
            "a subscription is told as text/event-stream, as multipart/mixed;subscriptionSpec=1.0, or on a "
            "WebSocket (graphql-transport-ws)");
        return;
    }
    if (mer_slice_is(r->http->method, "HEAD")) {
        refuse(r, 405, "BAD_USER_INPUT", "an answer that is told by and by needs GET or POST");
        return;
    }
    if (w->streams_end) {
        refuse(r, 503, "SOURCE_UNAVAILABLE", "the gateway is being stopped");
        return;
    }
    struct mer_stream_ask ask = {.worker = w,
                                 .query = r->params.query,
                                 .name = r->params.operation_name,
                                 .caller = r->ask.caller,
                                 .token = r->token,
                                 .header = header_of,
                                 .header_owner = r->http,
                                 .max_age_us = r->max_age_us,
                                 .parts = r->offer.parts};
    struct mer_slice errors = MER_NIL;
    if (r->params.variables) {
        ask.variables = mer_json_raw(r->params.variables_json, r->params.variables);
    }
    if (r->on->plain) {
        ask.headers = mer_forward_ask(w->config, r->http, &ask.headers_n);
    }
    if (mer_stream_http(r->http, r->stream, &ask, &errors)) {
        w->in_flight--;
        release(r);
        return;
    }
    r->media = MER_MEDIA_RESPONSE_JSON;
    w->counters.refused++;
    struct mer_answer a = {.status = 400};
    a.body = mer_arena_printf(r->http->arena, "{\"errors\":%.*s}", MER_FMT(errors));
    reply(r, &a);
}

static bool takes_multipart(const struct request *r)
{
    return r->offer.parts && !r->offer.sse;
}

void mer_request_handle(struct mer_worker *w, enum mer_face_kind face, uint32_t source,
                        struct mer_http_req *req)
{
    if (face == MER_FACE_CLIENTS && mer_slice_is(req->method, "OPTIONS")) {
        mer_browser_answer_options(w->config, req);
        return;
    }
    struct request *r = MER_NEW(req->arena, struct request);
    r->w = w;
    r->on = mer_running_ref(w->now);
    r->http = req;
    r->face = face;
    r->graph = face == MER_FACE_SOURCES ? r->on->site->sources[source].graph : &r->on->snapshot->graph;
    r->media = mer_media_choose(req);
    req->on_abort = aborted;
    req->owner = r;
    w->in_flight++;
    w->counters.requests++;
    if (r->media == MER_MEDIA_HTML) {
        struct mer_answer a = {.status = 200, .body = mer_explorer_page()};
        add_header(&a, MER_S("content-security-policy"), MER_S(MER_EXPLORER_POLICY));
        reply(r, &a);
        return;
    }
    r->stream = face == MER_FACE_CLIENTS ? mer_stream_kind_of(req) : MER_STREAM_NONE;
    if (face == MER_FACE_CLIENTS && !mer_slice_is(req->method, "HEAD")) {
        r->offer = mer_parts_offered(req);
    }
    if (r->media == MER_MEDIA_NONE && (r->stream || r->offer.parts)) {
        r->streams_alone = true;
        r->media = MER_MEDIA_RESPONSE_JSON; // of what is refused
    }
    if (r->media == MER_MEDIA_NONE) {
        refuse(r, 406, "BAD_USER_INPUT",
               "application/json and application/graphql-response+json are offered");
        return;
    }
    struct mer_http_problem problem = {0};
    if (!know_caller(r) || !read_region(r) || !read_bound(r)) {
        return;
    }
    const struct mer_graphql_limits sizes = {
        .body = (size_t)w->config->limits.body_bytes,
        .values = face == MER_FACE_CLIENTS ? (uint32_t)w->config->limits.values : 0,
    };
    if (!mer_graphql_params_read(req, w->coder, &sizes, &r->params, &problem) ||
        !find_document(r, &problem)) {
        refuse_request(r, &problem);
        return;
    }
    if (face == MER_FACE_CLIENTS && r->params.is_get && !mer_browser_safe(w->config, req)) {
        refuse(r, 403, "FORBIDDEN",
               "a page of another site may have sent this: add the header x-meridian-csrf: 1");
        return;
    }
    if (!find_operation(r)) {
        return;
    }
    if (r->registers) {
        mer_registry_put(w->registry, r->ask.caller.tenant, r->params.hash, r->params.query);
    }
    if (r->op->ast->kind == MER_OP_MUTATION && r->params.is_get) {
        refuse(r, 405, "BAD_USER_INPUT", "a mutation needs POST");
    } else if (r->op->ast->kind == MER_OP_SUBSCRIPTION ||
               (r->streams_alone && r->stream == MER_STREAM_SSE && !takes_multipart(r))) {
        stream(r);
    } else if (r->op->plan->defers && r->offer.parts && r->offer.sse) {
        r->stream = MER_STREAM_SSE;
        stream(r);
    } else if (r->streams_alone && !takes_multipart(r)) {
        refuse(r, 406, "BAD_USER_INPUT", "what is no subscription is answered in application/json");
    } else if (coerce_variables(r) && check_cost(r)) {
        execute(r);
    }
}
