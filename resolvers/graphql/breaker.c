// SPDX-License-Identifier: MIT
// The circuit breaker: closed, open for a while, then half open, which is to say that one call is under way
// to find out. What its end says decides.
#include "resolvers/graphql/client_priv.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/time.h"

#define LONGEST 20 // times the first pause

static bool is_on(const struct mer_gql_client *c)
{
    return c->opts.breaker_failures > 0;
}

bool gql_breaker_lets(struct mer_gql_client *c, struct mer_gql_call *call)
{
    struct gql_breaker *b = &c->breaker;
    call->probe = false;
    if (!is_on(c) || b->state == GQL_BREAKER_CLOSED) {
        return true;
    }
    if (b->state == GQL_BREAKER_OPEN && mer_time_mono_us() >= b->due_us) {
        b->state = GQL_BREAKER_HALF;
        call->probe = true;
        return true;
    }
    c->stats.refused_total++;
    return false;
}

// Loops and gateways that lost the same origin must not all try again at the same moment.
static void open_circuit(struct mer_gql_client *c)
{
    struct gql_breaker *b = &c->breaker;
    uint32_t first = c->opts.breaker_ms;
    b->pause_ms = b->state == GQL_BREAKER_CLOSED ? first : b->pause_ms * 2;
    b->pause_ms = b->pause_ms > first * LONGEST ? first * LONGEST : b->pause_ms;
    int64_t now = mer_time_mono_us();
    uint64_t spread = mer_hash_mix((uint64_t)now, (uint64_t)(uintptr_t)c) % (b->pause_ms / 4 + 1);
    if (b->state == GQL_BREAKER_CLOSED) {
        c->stats.opened_total++;
        mer_log(MER_LOG_WARN, "subgraph", "circuit opened origin=%.*s", MER_FMT(c->url.authority));
    }
    b->state = GQL_BREAKER_OPEN;
    b->due_us = now + (int64_t)(b->pause_ms + spread) * 1000;
    c->stats.open = true;
}

static void close_circuit(struct mer_gql_client *c)
{
    if (c->breaker.state != GQL_BREAKER_CLOSED) {
        mer_log(MER_LOG_INFO, "subgraph", "circuit closed origin=%.*s", MER_FMT(c->url.authority));
    }
    c->breaker = (struct gql_breaker){0};
    c->stats.open = false;
}

static bool is_failure(const struct mer_gql_answer *r)
{
    return r->err == MER_ERR_IO || r->err == MER_ERR_CLOSED || r->err == MER_ERR_TIMEOUT ||
           (r->err == MER_OK && r->status >= 502 && r->status <= 504);
}

// While it is open, calls that began before end too: they tell nothing new, unless one was answered.
void gql_breaker_heard(struct mer_gql_client *c, const struct mer_gql_call *call,
                       const struct mer_gql_answer *answer)
{
    struct gql_breaker *b = &c->breaker;
    if (!is_on(c)) {
        return;
    }
    if (!is_failure(answer)) {
        if (answer->err == MER_OK) {
            close_circuit(c);
        } else if (call->probe) {
            gql_breaker_forget(c, call);
        }
        return;
    }
    b->failures++;
    if (call->probe || (b->state == GQL_BREAKER_CLOSED && b->failures >= c->opts.breaker_failures)) {
        open_circuit(c);
    }
}

void gql_breaker_forget(struct mer_gql_client *c, const struct mer_gql_call *call)
{
    if (call->probe && c->breaker.state == GQL_BREAKER_HALF) {
        c->breaker.state = GQL_BREAKER_OPEN; // the next call finds out
    }
}
