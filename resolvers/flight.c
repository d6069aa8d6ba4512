// SPDX-License-Identifier: MIT
// HTTP requests to plain subgraphs, each for all calls that would send the same.
#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/time.h"
#include "resolvers/subgraph.h"

struct exec_flight {
    struct mer_site *site;
    uint32_t source;
    struct mer_slice same; // source, headers and body: what makes two of them one
    uint64_t hash;
    bool shared; // stands in the site's table
    struct exec_flight *next, **pprev;
    struct exec_subgraph_call *calls;
    struct mer_gql_call call;
    struct mer_gql_header headers[];
};

enum { AGAIN_MIN_US = 10000 };

// An answer's bytes, for all who read them.
struct held {
    uint32_t refs;
    void *body;
};

static void release_held(void *handle)
{
    struct held *h = handle;
    if (--h->refs == 0) {
        mer_gql_release(h->body);
        free(h);
    }
}

static void forget(struct exec_flight *f)
{
    if (f->shared) {
        *f->pprev = f->next;
        if (f->next) {
            f->next->pprev = f->pprev;
        }
        f->shared = false;
    }
}

// Long enough to be answered in: else those that came together would be sent again for nothing, and it be
// counted as one more failure.
static bool lasts_longer(const struct exec_subgraph_call *c, const struct exec_flight *f)
{
    return c->due_mono_us > f->call.deadline_mono_us + AGAIN_MIN_US;
}

static void answered(void *owner, const struct mer_gql_answer *a)
{
    struct exec_flight *f = owner;
    struct exec_subgraph_call *c = f->calls, *next = NULL;
    struct held *held = calloc(1, sizeof(*held));
    MER_ASSERT(held);
    held->refs = 1;
    held->body = a->err ? NULL : mer_gql_keep(a);
    forget(f);
    for (; c; c = next) {
        next = c->next_waiting;
        c->flight = NULL;
        mer_timer_stop(c->x->ask.site->loop, &c->timer);
        if (a->err == MER_ERR_TIMEOUT && !c->write && lasts_longer(c, f)) {
            exec_flight_send(c); // the time was another's
        } else if (a->err) {
            exec_subgraph_failed(c, a);
        } else {
            held->refs++;
            exec_keep(c->x, held, release_held);
            exec_subgraph_answered(c, a);
        }
    }
    release_held(held);
    free(f);
}

// ---- sharing ----

static void add_text(struct mer_buf *b, struct mer_slice s)
{
    uint64_t n = s.n;
    mer_buf_add(b, mer_slice_make((const char *)&n, sizeof(n)));
    mer_buf_add(b, s);
}

static struct mer_slice sameness(const struct exec_subgraph_call *c)
{
    const struct mer_exec_ask *ask = &c->x->ask;
    struct mer_buf b;
    mer_buf_init(&b, c->x->a, c->body.n + 256);
    mer_buf_add(&b, mer_slice_make((const char *)&c->source, sizeof(c->source)));
    for (uint32_t i = 0; i < ask->headers_n; i++) {
        add_text(&b, ask->headers[i].name);
        add_text(&b, ask->headers[i].value);
    }
    add_text(&b, c->body);
    return mer_buf_slice(&b);
}

static struct exec_flight **bucket(struct mer_site *s, uint64_t hash)
{
    return &s->flights[hash % (sizeof(s->flights) / sizeof(s->flights[0]))];
}

static struct exec_flight *find(struct mer_site *s, struct mer_slice same, uint64_t hash)
{
    struct exec_flight *f = *bucket(s, hash);
    while (f && (f->hash != hash || !mer_slice_eq(f->same, same))) {
        f = f->next;
    }
    return f;
}

// ---- sending ----

// Everything that is sent stands behind the flight, for whoever began it may end before.
static struct exec_flight *make(struct exec_subgraph_call *c, struct mer_slice same)
{
    const struct mer_exec_ask *ask = &c->x->ask;
    size_t head = sizeof(struct exec_flight) + ask->headers_n * sizeof(struct mer_gql_header);
    struct exec_flight *f = calloc(1, head + same.n);
    MER_ASSERT(f);
    char *bytes = (char *)f + head;
    memcpy(bytes, same.p, same.n);
    f->site = ask->site;
    f->source = c->source;
    f->same = mer_slice_make(bytes, same.n);
    f->calls = c;
    size_t at = sizeof(c->source);
    for (uint32_t i = 0; i < ask->headers_n; i++) {
        at += sizeof(uint64_t);
        f->headers[i].name = mer_slice_make(bytes + at, ask->headers[i].name.n);
        at += ask->headers[i].name.n + sizeof(uint64_t);
        f->headers[i].value = mer_slice_make(bytes + at, ask->headers[i].value.n);
        at += ask->headers[i].value.n;
    }
    f->call = (struct mer_gql_call){
        .headers = f->headers,
        .headers_n = ask->headers_n,
        .body = {bytes + at + sizeof(uint64_t), c->body.n},
        .idempotent = !c->write,
        .deadline_mono_us = c->due_mono_us,
        .done = answered,
        .owner = f,
    };
    return f;
}

static void leave(struct exec_subgraph_call *c, void (*last)(struct mer_gql_call *))
{
    struct exec_flight *f = c->flight;
    struct exec_subgraph_call **at = f ? &f->calls : NULL;
    if (!f) {
        return;
    }
    while (*at != c) {
        at = &(*at)->next_waiting;
    }
    *at = c->next_waiting;
    c->flight = NULL;
    mer_timer_stop(f->site->loop, &c->timer);
    if (!f->calls) {
        forget(f);
        last(&f->call);
        free(f);
    }
}

static void on_due(void *owner)
{
    struct exec_subgraph_call *c = owner;
    leave(c, mer_gql_give_up); // whoever had more time has left
    exec_subgraph_failed(c, &(struct mer_gql_answer){.err = MER_ERR_TIMEOUT, .message = "no answer in time"});
}

static void join(struct exec_subgraph_call *c, struct exec_flight *f)
{
    c->next_waiting = f->calls;
    f->calls = c;
    c->flight = f;
    if (c->due_mono_us < f->call.deadline_mono_us) {
        int64_t left_us = c->due_mono_us - mer_time_mono_us();
        mer_timer_start(f->site->loop, &c->timer, left_us > 0 ? (uint64_t)left_us / 1000 : 0, on_due, c);
    }
}

void exec_flight_send(struct exec_subgraph_call *c)
{
    struct mer_site *s = c->x->ask.site;
    uint32_t place = s->sources[c->source].place;
    if (!c->due_mono_us) {
        c->due_mono_us = mer_gql_deadline(s->links[place].client, c->x->ask.deadline_mono_us);
    }
    struct mer_slice same = sameness(c);
    uint64_t hash = mer_hash(same);
    bool share = !c->write && !s->unshared;
    struct exec_flight *f = share ? find(s, same, hash) : NULL;
    if (f) {
        join(c, f);
        return;
    }
    f = make(c, same);
    c->next_waiting = NULL;
    c->flight = f;
    if (share) {
        f->shared = true;
        f->hash = hash;
        f->pprev = bucket(s, hash);
        f->next = *f->pprev;
        if (f->next) {
            f->next->pprev = &f->next;
        }
        *f->pprev = f;
    }
    if (s->parts_total) {
        s->parts_total[place]++;
    }
    mer_gql_send(s->links[place].client, &f->call);
}

void exec_flight_leave(struct exec_subgraph_call *c)
{
    leave(c, mer_gql_cancel);
}
