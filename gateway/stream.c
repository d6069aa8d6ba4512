// SPDX-License-Identifier: MIT
#include "gateway/stream.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/time.h"
#include "gateway/answer.h"
#include "gateway/labels.h"
#include "resolvers/graphql/subscribe.h"
#include "schema/values.h"

// The operation over one snapshot: the subscription's, and that of the event under way.
struct bound {
    uint32_t refs;
    struct mer_arena *a;
    struct mer_running *on;
    struct mer_operation *op;
    struct mer_variables vars;
    uint32_t source; // of a subscription
    struct mer_slice body;
};

struct mer_stream_sub {
    struct mer_stream_sub *next, **pprev; // of the worker
    struct mer_arena *a;
    struct mer_stream_ask ask;
    struct bound *bound;
    uint64_t draws; // of labels: the same over every snapshot
    struct mer_gql_sub *up;
    // the answer under way
    struct bound *running;
    struct mer_arena *event_a;
    struct mer_exec *exec;
    uint32_t parts; // of it, told
    size_t told;    // their bytes
    struct mer_task task;
    struct mer_timer expiry;
};

static _Atomic int64_t open_n; // of the process

// ---- errors ----

static struct mer_slice one_error(struct mer_arena *a, const char *code, const char *fmt, ...)
    MER_PRINTF(3, 4);
static struct mer_slice one_error(struct mer_arena *a, const char *code, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    struct mer_buf b;
    mer_buf_init(&b, a, 256);
    mer_buf_add_char(&b, '[');
    mer_answer_write_error(&b, mer_slice_of(text), code, NULL);
    mer_buf_add_char(&b, ']');
    return mer_buf_slice(&b);
}

static struct mer_slice write_errors(struct mer_worker *w, struct mer_arena *a,
                                     const struct mer_operation_error *errors, uint32_t n)
{
    struct mer_buf b;
    mer_buf_init(&b, a, 512);
    for (uint32_t i = 0; i < n; i++) {
        mer_buf_add_char(&b, i ? ',' : '[');
        mer_answer_write_error(&b, errors[i].message, errors[i].code, &errors[i]);
        mer_worker_count_code(w, errors[i].code);
    }
    mer_buf_add_char(&b, ']');
    return mer_buf_slice(&b);
}

// ---- an operation over a snapshot ----

static void unbind(struct bound *b)
{
    if (b && --b->refs == 0) {
        mer_operation_unref(b->op);
        mer_running_unref(b->on);
        mer_arena_destroy(b->a);
    }
}

// The guards of the schema that the caller's token does not open.
static const uint64_t *refused(const struct bound *b, const struct mer_stream_ask *ask)
{
    const struct mer_claims *c = ask->token ? &ask->token->claims : NULL;
    struct mer_grants grants = {.authenticated = c != NULL};
    if (c) {
        grants.scopes = mer_slice_make(c->grants.p, c->scopes_bytes);
        grants.policies = mer_slice_make(c->grants.p + c->scopes_bytes, c->grants.n - c->scopes_bytes);
    }
    return mer_guards_refused(b->a, b->on->snapshot->graph.federation, &grants);
}

static bool find_operation(struct bound *b, const struct mer_stream_ask *ask, uint64_t draws,
                           struct mer_arena *a, struct mer_slice *errors)
{
    const struct mer_graph *graph = &b->on->snapshot->graph;
    const struct mer_labels_ask labels = {ask->header, ask->header_owner,
                                          ask->token ? &ask->token->claims : NULL, &draws};
    struct mer_operation_opts opts = ask->worker->operation_opts;
    struct mer_operation_error *wrong = NULL;
    uint32_t n = 0;
    opts.labels_on = mer_labels_decide(b->a, ask->worker->config, graph->federation, &labels);
    b->op = mer_plan_cache_find(b->on->plans, graph, ask->query, ask->name, opts.labels_on);
    if (b->op) {
        return true;
    }
    if (mer_operation_make(a, graph, ask->query, ask->name, &opts, &b->op, &wrong, &n)) {
        b->op = NULL;
        *errors = write_errors(ask->worker, a, wrong, n);
        return false;
    }
    mer_plan_cache_put(b->on->plans, b->op);
    return true;
}

static bool coerce(struct bound *b, const struct mer_stream_ask *ask, struct mer_arena *a,
                   struct mer_slice *errors)
{
    const struct mer_coerce_options how = {.suggestions = ask->worker->operation_opts.introspection,
                                           .list_items = ask->worker->operation_opts.limits.list_items};
    struct mer_in_error *wrong = NULL;
    uint32_t n = 0;
    struct mer_json *j = MER_NEW(b->a, struct mer_json);
    struct mer_slice text = mer_arena_copy(b->a, ask->variables);
    if (text.n && mer_json_parse(b->a, text, NULL, j, NULL)) {
        *errors = one_error(a, "BAD_USER_INPUT", "variables must be an object");
        return false;
    }
    enum mer_err err =
        mer_coerce_variables_with(b->a, b->on->snapshot->graph.api, b->op->ast, text.n ? j : NULL,
                                  text.n ? mer_json_root(j) : NULL, &how, &b->vars, &wrong, &n);
    if (err && n) {
        *errors = one_error(a, err == MER_ERR_LIMIT ? "QUERY_TOO_COMPLEX" : "BAD_USER_INPUT", "%.*s",
                            MER_FMT(wrong[0].message));
    } else if (err) {
        *errors = one_error(a, "BAD_USER_INPUT", "variables are wrong");
    } else {
        b->vars.refused = refused(b, ask);
    }
    return !err;
}

static bool check_cost(struct bound *b, const struct mer_stream_ask *ask, struct mer_arena *a,
                       struct mer_slice *errors)
{
    const struct mer_shape_field *dearest = NULL;
    uint64_t max = (uint64_t)ask->worker->config->limits.cost;
    uint64_t cost = mer_cost_count(b->op->cost, &b->vars, &dearest);
    if (cost > max) {
        *errors =
            one_error(a, "QUERY_TOO_COMPLEX", "The operation exceeds limit cost: %llu, allowed are %llu.",
                      (unsigned long long)cost, (unsigned long long)max);
    }
    return cost <= max;
}

static void fill_ask(const struct bound *b, const struct mer_stream_ask *from, struct mer_exec_ask *out)
{
    *out = (struct mer_exec_ask){.site = b->on->site,
                                 .plan = b->op->plan,
                                 .vars = &b->vars,
                                 .caller = from->caller,
                                 .variables = from->variables,
                                 .headers = from->headers,
                                 .headers_n = from->headers_n,
                                 .max_age_us = from->max_age_us};
}

static bool find_source(struct bound *b, const struct mer_stream_ask *ask, struct mer_arena *a,
                        struct mer_slice *errors)
{
    if (b->op->ast->kind != MER_OP_SUBSCRIPTION) {
        return true;
    }
    struct mer_exec_ask x;
    fill_ask(b, ask, &x);
    x.arena = b->a;
    b->body = mer_exec_subscribe_body(&x, &b->source);
    if (!b->body.p) {
        *errors = one_error(a, "BAD_USER_INPUT", "nothing here tells events of this field");
    }
    return b->body.p != NULL;
}

// The operation over what is newest; NULL: errors say why not.
static struct bound *bind_newest(const struct mer_stream_ask *ask, uint64_t draws, struct mer_arena *a,
                                 struct mer_slice *errors)
{
    struct mer_arena *own = mer_arena_create((size_t)ask->worker->config->limits.memory_bytes);
    struct bound *b = MER_NEW(own, struct bound);
    b->refs = 1;
    b->a = own;
    b->on = mer_running_ref(ask->worker->now);
    if (find_operation(b, ask, draws, a, errors) && coerce(b, ask, a, errors) &&
        check_cost(b, ask, a, errors) && find_source(b, ask, a, errors)) {
        return b;
    }
    unbind(b);
    return NULL;
}

// ---- the end ----

static void stop_running(struct mer_stream_sub *s)
{
    if (s->exec) {
        mer_exec_end(s->exec);
        s->exec = NULL;
    }
    if (s->event_a) {
        mer_arena_destroy(s->event_a);
        s->event_a = NULL;
    }
    unbind(s->running);
    s->running = NULL;
}

void mer_stream_stop(struct mer_stream_sub *s)
{
    struct mer_worker *w = s->ask.worker;
    mer_task_cancel(w->loop, &s->task);
    mer_timer_stop(w->loop, &s->expiry);
    mer_gql_sub_close(s->up);
    stop_running(s);
    unbind(s->bound);
    *s->pprev = s->next;
    if (s->next) {
        s->next->pprev = s->pprev;
    }
    if (s->ask.token) {
        mer_known_token_unref(s->ask.token);
    }
    w->subs_n--;
    atomic_fetch_sub(&open_n, 1);
    mer_arena_destroy(s->a);
}

// Whoever asked hears it last.
static void finish(struct mer_stream_sub *s, struct mer_slice errors)
{
    void (*end)(void *, struct mer_slice) = s->ask.end;
    void *owner = s->ask.owner;
    struct mer_buf kept; // errors may lie in what is freed
    mer_buf_init(&kept, NULL, 0);
    mer_buf_add(&kept, errors);
    mer_stream_stop(s);
    end(owner, mer_buf_slice(&kept));
    mer_buf_fini(&kept);
}

static void fail(struct mer_stream_sub *s, const char *code, const char *text)
{
    mer_worker_count_code(s->ask.worker, code);
    finish(s, one_error(s->a, code, "%s", text));
}

static void on_expired(void *owner)
{
    fail(owner, "UNAUTHENTICATED", "the token has expired");
}

// ---- answers ----

static void count_error(void *owner, const char *code)
{
    mer_worker_count_code(owner, code);
}

// True: further parts of it follow.
static bool write_answer(struct mer_stream_sub *s, struct mer_buf *b)
{
    bool has_data = false;
    size_t max = (size_t)s->ask.worker->config->limits.answer_bytes;
    mer_buf_add_char(b, '{');
    if (s->parts) {
        mer_exec_write_part(s->exec, b);
    } else {
        mer_exec_write(s->exec, b, &has_data);
    }
    const struct mer_fresh *fresh = mer_exec_freshness(s->exec);
    if (fresh->n) {
        mer_buf_add(b, MER_S(",\"extensions\":{\"freshness\":"));
        mer_fresh_write_extension(b, fresh, mer_time_wall_us());
        mer_buf_add_char(b, '}');
    }
    bool parts = mer_exec_in_parts(s->exec), more = mer_exec_more(s->exec);
    mer_buf_add(b, parts ? more ? MER_S(",\"hasNext\":true") : MER_S(",\"hasNext\":false") : MER_NIL);
    mer_buf_add_char(b, '}');
    mer_exec_each_error(s->exec, count_error, s->ask.worker);
    s->told += b->n;
    if (s->told > max) {
        mer_buf_clear(b);
        mer_buf_add(b, s->parts ? MER_S("{\"errors\":") : MER_S("{\"data\":null,\"errors\":"));
        mer_buf_add(b,
                    one_error(s->event_a, "QUERY_TOO_COMPLEX",
                              "The answer exceeds limit answer: %zu bytes, allowed are %zu.", s->told, max));
        mer_buf_add(b, parts ? MER_S(",\"hasNext\":false}") : MER_S("}"));
        more = false;
    }
    s->parts++;
    return more;
}

static void answered(void *owner)
{
    struct mer_stream_sub *s = owner;
    struct mer_buf b;
    mer_buf_init(&b, NULL, 1024);
    bool more = write_answer(s, &b);
    if (!more) {
        stop_running(s);
    }
    s->ask.worker->counters.events++;
    bool taken = s->ask.next(s->ask.owner, mer_buf_slice(&b));
    mer_buf_fini(&b);
    if (!taken) {
        mer_stream_stop(s);
    } else if (more) {
        return;
    } else if (s->up) {
        mer_gql_sub_next(s->up);
    } else {
        finish(s, MER_NIL);
    }
}

static void run(struct mer_stream_sub *s, struct mer_slice event)
{
    const struct mer_config_limits *l = &s->ask.worker->config->limits;
    struct mer_exec_ask x;
    s->running = s->bound;
    s->running->refs++;
    s->event_a = mer_arena_create((size_t)l->memory_bytes);
    fill_ask(s->running, &s->ask, &x);
    x.arena = s->event_a;
    x.event = mer_arena_copy(s->event_a, event);
    x.deadline_mono_us = mer_time_mono_us() + l->request_ms * 1000;
    x.parts = s->running->op->ast->kind == MER_OP_SUBSCRIPTION ? MER_EXEC_WHOLE : s->ask.parts;
    s->parts = 0;
    s->told = 0;
    x.done = answered;
    x.owner = s;
    // What stands in ask must live as long: all of it is the binding's or ours.
    s->exec = mer_exec_start(&x);
}

static void run_once(void *owner)
{
    run(owner, MER_NIL);
}

// ---- upstream ----

static void on_event(void *owner, struct mer_slice answer)
{
    run(owner, answer);
}

static void on_end(void *owner, const char *failed)
{
    struct mer_stream_sub *s = owner;
    if (!failed) {
        finish(s, MER_NIL);
        return;
    }
    struct mer_slice name = s->bound->on->site->sources[s->bound->source].name;
    mer_log(MER_LOG_WARN, "stream", "subscription failed subgraph=%.*s message=%.160s", MER_FMT(name),
            failed);
    char text[160];
    snprintf(text, sizeof(text), "subgraph %.*s does not tell its events any more",
             (int)(name.n < 64 ? name.n : 64), name.p);
    fail(s, "SOURCE_UNAVAILABLE", text);
}

static struct mer_gql_client *client_of(const struct bound *b)
{
    const struct mer_site *site = b->on->site;
    return site->links[site->sources[b->source].place].client;
}

static void subscribe(struct mer_stream_sub *s)
{
    const struct mer_config *c = s->ask.worker->config;
    const struct mer_config_subgraph *each =
        mer_config_subgraph_find(c, s->bound->on->site->sources[s->bound->source].name);
    bool ws = each && each->events != MER_CONFIG_EVENTS_ANY ? each->events == MER_CONFIG_EVENTS_WS
                                                            : c->subgraphs.events_ws;
    const struct mer_gql_sub_opts o = {
        .protocol = ws ? MER_GQL_SUB_WS : MER_GQL_SUB_SSE,
        .path = each ? each->events_path : MER_NIL,
        .body = s->bound->body,
        .headers = s->ask.headers,
        .headers_n = s->ask.headers_n,
        .tries = (uint32_t)c->subgraphs.reconnects,
        .pause_ms = (uint32_t)c->subgraphs.again_ms,
        .event_bytes = (size_t)c->subgraphs.answer_bytes,
        .on_event = on_event,
        .on_end = on_end,
        .owner = s,
    };
    s->up = mer_gql_subscribe(client_of(s->bound), &o);
}

// ---- face ----

static void copy_ask(struct mer_arena *a, const struct mer_stream_ask *from, struct mer_stream_ask *to)
{
    struct mer_gql_header *h = MER_NEW_N(a, struct mer_gql_header, from->headers_n + 1);
    *to = *from;
    to->query = mer_arena_copy(a, from->query);
    to->name = mer_arena_copy(a, from->name);
    to->variables = mer_arena_copy(a, from->variables);
    to->caller.tenant = mer_arena_copy(a, from->caller.tenant);
    to->caller.role = mer_arena_copy(a, from->caller.role);
    to->caller.facilities = mer_arena_copy(a, from->caller.facilities);
    to->caller.token = mer_arena_copy(a, from->caller.token);
    to->caller.region = mer_arena_copy(a, from->caller.region);
    for (uint32_t i = 0; i < from->headers_n; i++) {
        h[i].name = mer_arena_copy(a, from->headers[i].name);
        h[i].value = mer_arena_copy(a, from->headers[i].value);
    }
    to->headers = h;
}

static void watch_expiry(struct mer_stream_sub *s)
{
    if (s->ask.token) {
        int64_t left = s->ask.token->claims.expires_us - mer_time_wall_us();
        uint64_t ms = left > 0 ? (uint64_t)left / 1000 + 1 : 0;
        mer_timer_start(s->ask.worker->loop, &s->expiry, ms, on_expired, s);
    }
}

struct mer_stream_sub *mer_stream_start(const struct mer_stream_ask *ask, struct mer_arena *a,
                                        struct mer_slice *errors)
{
    struct mer_worker *w = ask->worker;
    w->counters.streams++;
    if (atomic_load(&open_n) >= w->config->limits.subscriptions) {
        *errors = one_error(a, "RATE_LIMITED", "there are %lld subscriptions, which is all there may be",
                            (long long)w->config->limits.subscriptions);
        return NULL;
    }
    uint64_t draws = w->random;
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    struct bound *b = bind_newest(ask, draws, a, errors);
    if (!b) {
        return NULL;
    }
    struct mer_arena *own = mer_arena_create(0);
    struct mer_stream_sub *s = MER_NEW(own, struct mer_stream_sub);
    s->a = own;
    s->bound = b;
    s->draws = draws;
    copy_ask(own, ask, &s->ask);
    if (s->ask.token) {
        s->ask.token->refs++;
    }
    atomic_fetch_add(&open_n, 1);
    w->subs_n++;
    s->next = w->subs;
    s->pprev = &w->subs;
    if (s->next) {
        s->next->pprev = &s->next;
    }
    w->subs = s;
    watch_expiry(s);
    if (b->body.n) {
        subscribe(s);
    } else {
        mer_loop_defer(w->loop, &s->task, run_once, s);
    }
    return s;
}

// ---- reload, drain ----

static void follow(struct mer_worker *w, struct mer_stream_sub *s)
{
    struct mer_arena *a = mer_arena_create(0);
    struct mer_slice errors = MER_NIL;
    struct bound *was = s->bound, *now = bind_newest(&s->ask, s->draws, a, &errors);
    if (!now) {
        finish(s, errors);
    } else {
        bool same = mer_slice_eq(was->body, now->body) && client_of(was) == client_of(now);
        s->bound = now;
        if (now->body.n == 0) { // a guard stands before it now
            mer_gql_sub_close(s->up);
            s->up = NULL;
            stop_running(s);
            mer_loop_defer(w->loop, &s->task, run_once, s);
        } else if (!same) {
            // What it asks has another form, or stands elsewhere: an event under way is given up with it.
            mer_gql_sub_close(s->up);
            stop_running(s);
            subscribe(s);
        }
        unbind(was);
    }
    mer_arena_destroy(a);
}

void mer_stream_follow(struct mer_worker *w)
{
    for (struct mer_stream_sub *s = w->subs, *next = NULL; s; s = next) {
        next = s->next;
        if (s->up) {
            follow(w, s);
        }
    }
}

void mer_stream_drain(struct mer_worker *w)
{
    w->streams_end = true;
    while (w->subs) {
        fail(w->subs, "SOURCE_UNAVAILABLE", "the gateway is being stopped");
    }
    mer_stream_ws_drain(w);
}
