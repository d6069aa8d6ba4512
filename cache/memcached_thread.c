// SPDX-License-Identifier: MIT
// The threads' side, and the only file that knows libmemcached.
#include "cache/memcached_priv.h"

#include "base/log.h"
#include "base/time.h"

#include <libmemcached/memcached.h>

#include <stdlib.h>

// Asks that travel in one mget: more make it no faster, and the first would wait for the last.
#define BATCH_MAX 64
// memcached reads a larger number of seconds as a date.
#define TTL_S_MAX (30 * 86400)

static void count_n(atomic_uint_fast64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

// A handle belongs to one thread.
static memcached_st *handle_open(const struct mer_memcached *mc)
{
    const struct {
        memcached_behavior_t behavior;
        uint64_t value;
    } behaviors[] = {
        {MEMCACHED_BEHAVIOR_TCP_NODELAY, 1},
        {MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT, mc->opts.connect_timeout_ms},
        {MEMCACHED_BEHAVIOR_POLL_TIMEOUT, mc->opts.io_timeout_ms},
        {MEMCACHED_BEHAVIOR_RETRY_TIMEOUT, (mc->opts.retry_ms + 999) / 1000},
        {MEMCACHED_BEHAVIOR_VERIFY_KEY, 1},
        {MEMCACHED_BEHAVIOR_DISTRIBUTION, MEMCACHED_DISTRIBUTION_CONSISTENT_KETAMA},
    };
    memcached_st *handle = memcached_create(NULL);
    MER_ASSERT(handle);
    for (size_t i = 0; i < sizeof(behaviors) / sizeof(*behaviors); i++) {
        MER_ASSERT(
            memcached_success(memcached_behavior_set(handle, behaviors[i].behavior, behaviors[i].value)));
    }
    for (uint32_t i = 0; i < mc->opts.servers_n; i++) {
        MER_ASSERT(memcached_success(memcached_server_add(handle, mc->hosts[i], mc->ports[i])));
    }
    return handle;
}

static void tell_circuit(struct mer_memcached *mc, bool failed)
{
    if (!failed) {
        atomic_store(&mc->failures, 0);
        return;
    }
    atomic_store(&mc->closed_until_us, mer_time_mono_us() + mc->opts.retry_ms * 1000LL);
    if (atomic_fetch_add(&mc->failures, 1) + 1 == MER_MEMCACHED_FAILURES_MAX) {
        mer_log(MER_LOG_WARN, "memcached", "failing; not asked for a while retry_ms=%u", mc->opts.retry_ms);
    }
}

// ---- gets

struct batch {
    struct mer_memcached_ask *asks[BATCH_MAX];
    size_t n;
};

// Takes what waits. Those that nobody waits for any more go back at once. False: stop.
static bool next_batch(struct mer_memcached *mc, struct batch *b)
{
    struct mer_memcached_ask *first = NULL, **tail = &first;
    size_t n = 0;
    pthread_mutex_lock(&mc->lock);
    while (!mc->asks && !mc->stopping) {
        pthread_cond_wait(&mc->more_asks, &mc->lock);
    }
    bool go_on = !mc->stopping;
    while (go_on && mc->asks && n < BATCH_MAX) {
        struct mer_memcached_ask *ask = mc->asks;
        mc->asks = ask->next;
        ask->next = NULL;
        *tail = ask;
        tail = &ask->next;
        n++;
    }
    mc->asks_n -= (uint32_t)n;
    if (!mc->asks) {
        mc->asks_tail = &mc->asks;
    }
    pthread_mutex_unlock(&mc->lock);
    b->n = 0;
    for (struct mer_memcached_ask *next; first; first = next) {
        next = first->next;
        first->outcome = MER_MEMCACHED_MISS;
        if (atomic_load(&first->abandoned)) {
            mer_memcached_answer(first);
        } else {
            b->asks[b->n++] = first;
        }
    }
    return go_on;
}

static void read_value(struct mer_memcached *mc, struct mer_memcached_ask *ask, void *take_value, size_t n)
{
    struct mer_slice key = {ask->key, ask->key_n};
    enum mer_entry_fault fault = mer_cache_entry_open(take_value, n, key, mer_time_wall_us(), &ask->entry);
    ask->done = true;
    if (fault == MER_ENTRY_GOOD) {
        ask->outcome = MER_MEMCACHED_HIT;
    } else {
        count_n(fault == MER_ENTRY_EXPIRED ? &mc->expired_n : &mc->corrupt_n, 1);
    }
}

// One value of the reply, for all asks of the batch with this digest.
static void take_result(struct mer_memcached *mc, struct batch *b, memcached_result_st *result)
{
    size_t n = memcached_result_length(result), key_n = memcached_result_key_length(result);
    const char *digest = memcached_result_key_value(result);
    char *value = n ? memcached_result_take_value(result) : NULL;
    struct mer_memcached_ask *found = NULL;
    for (size_t i = 0; i < b->n && key_n == sizeof(b->asks[i]->digest); i++) {
        struct mer_memcached_ask *ask = b->asks[i];
        if (ask->done || memcmp(ask->digest, digest, key_n) != 0) {
            continue;
        }
        if (!found) {
            read_value(mc, ask, value, n);
            found = ask;
            continue;
        }
        ask->done = true;
        // The same digest is the same key: or else two keys collided, and that is a miss.
        if (found->entry && ask->key_n == found->key_n && memcmp(ask->key, found->key, ask->key_n) == 0) {
            ask->outcome = MER_MEMCACHED_HIT;
            ask->entry = mer_cache_entry_ref(found->entry);
        }
    }
    if (!found) {
        free(value); // a reply to something that was not asked
    }
}

// True when the servers answered.
static bool ask_batch(struct mer_memcached *mc, memcached_st *handle, struct batch *b)
{
    const char *keys[BATCH_MAX];
    size_t lengths[BATCH_MAX];
    for (size_t i = 0; i < b->n; i++) {
        struct mer_memcached_ask *ask = b->asks[i];
        mer_memcached_digest((struct mer_slice){ask->key, ask->key_n}, ask->digest);
        keys[i] = ask->digest;
        lengths[i] = sizeof(ask->digest);
    }
    memcached_return_t rc = memcached_mget(handle, keys, lengths, b->n);
    bool asked = memcached_success(rc) || rc == MEMCACHED_SOME_ERRORS;
    memcached_result_st result;
    memcached_result_create(handle, &result);
    while (asked && memcached_fetch_result(handle, &result, &rc)) {
        take_result(mc, b, &result);
    }
    memcached_result_free(&result);
    bool answered = asked && (rc == MEMCACHED_END || rc == MEMCACHED_NOTFOUND || memcached_success(rc));
    if (!answered) {
        // Whatever still arrives on these connections belongs to nobody.
        memcached_quit(handle);
    }
    return answered;
}

static void answer_batch(struct mer_memcached *mc, struct batch *b, bool answered)
{
    uint64_t hits = 0, others = 0;
    for (size_t i = 0; i < b->n; i++) {
        bool hit = b->asks[i]->outcome == MER_MEMCACHED_HIT;
        hits += hit;
        others += !hit;
        if (!hit && !answered) {
            b->asks[i]->outcome = MER_MEMCACHED_ERROR;
        }
        mer_memcached_answer(b->asks[i]);
    }
    count_n(&mc->hits_n, hits);
    count_n(answered ? &mc->misses_n : &mc->errors_n, others);
    // One server of several may be down: as long as another answers, asking is worth it.
    tell_circuit(mc, !answered && hits == 0);
}

void *mer_memcached_getter(void *arg)
{
    struct mer_memcached *mc = arg;
    memcached_st *handle = handle_open(mc);
    struct batch b;
    while (next_batch(mc, &b)) {
        if (b.n) {
            answer_batch(mc, &b, ask_batch(mc, handle, &b));
        }
    }
    memcached_free(handle);
    return NULL;
}

// ---- sets

static struct mer_memcached_set *next_sets(struct mer_memcached *mc)
{
    pthread_mutex_lock(&mc->lock);
    while (!mc->sets && !mc->stopping) {
        pthread_cond_wait(&mc->more_sets, &mc->lock);
    }
    struct mer_memcached_set *first = mc->stopping ? NULL : mc->sets;
    if (first) {
        mc->sets = NULL;
        mc->sets_tail = &mc->sets;
    }
    pthread_mutex_unlock(&mc->lock);
    return first;
}

static bool is_outage(memcached_return_t rc)
{
    switch (rc) {
    case MEMCACHED_CONNECTION_FAILURE:
    case MEMCACHED_HOST_LOOKUP_FAILURE:
    case MEMCACHED_READ_FAILURE:
    case MEMCACHED_WRITE_FAILURE:
    case MEMCACHED_UNKNOWN_READ_FAILURE:
    case MEMCACHED_ERRNO:
    case MEMCACHED_TIMEOUT:
    case MEMCACHED_SERVER_MARKED_DEAD:
    case MEMCACHED_SERVER_TEMPORARILY_DISABLED:
        return true;
    default:
        return false;
    }
}

static void set_one(struct mer_memcached *mc, memcached_st *handle, struct mer_cache_entry *e)
{
    int64_t left_us = e->expires_at_us - mer_time_wall_us();
    bool failing = atomic_load(&mc->failures) >= MER_MEMCACHED_FAILURES_MAX;
    if (failing || left_us <= 0) {
        count_n(&mc->sets_dropped_n, 1);
        return;
    }
    int64_t seconds = (left_us + 999999) / 1000000;
    char digest[64];
    mer_memcached_digest(e->key, digest);
    struct mer_slice stored = mer_cache_entry_seal(e);
    memcached_return_t rc = memcached_set(handle, digest, sizeof(digest), stored.p, stored.n,
                                          seconds < TTL_S_MAX ? (time_t)seconds : TTL_S_MAX, 0);
    count_n(memcached_success(rc) ? &mc->sets_n : &mc->sets_failed_n, 1);
    if (is_outage(rc)) {
        tell_circuit(mc, true);
        memcached_quit(handle);
    }
}

void *mer_memcached_setter(void *arg)
{
    struct mer_memcached *mc = arg;
    memcached_st *handle = handle_open(mc);
    for (struct mer_memcached_set *set; (set = next_sets(mc));) {
        while (set) {
            struct mer_memcached_set *next = set->next;
            size_t cost = mer_memcached_set_cost(set->entry);
            set_one(mc, handle, set->entry);
            pthread_mutex_lock(&mc->lock);
            mc->set_bytes -= cost;
            pthread_mutex_unlock(&mc->lock);
            mer_cache_entry_unref(set->entry);
            free(set);
            set = next;
        }
    }
    memcached_free(handle);
    return NULL;
}
