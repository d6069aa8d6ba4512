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
static memcached_st *handle_open(const struct mer_memcached_lane *lane)
{
    const struct mer_memcached_opts *opts = &lane->mc->opts;
    const struct {
        memcached_behavior_t behavior;
        uint64_t value;
    } behaviors[] = {
        {MEMCACHED_BEHAVIOR_TCP_NODELAY, 1},
        {MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT, opts->connect_timeout_ms},
        {MEMCACHED_BEHAVIOR_POLL_TIMEOUT, opts->io_timeout_ms},
        {MEMCACHED_BEHAVIOR_RETRY_TIMEOUT, (opts->retry_ms + 999) / 1000},
        {MEMCACHED_BEHAVIOR_VERIFY_KEY, 1},
    };
    memcached_st *handle = memcached_create(NULL);
    MER_ASSERT(handle);
    for (size_t i = 0; i < sizeof(behaviors) / sizeof(*behaviors); i++) {
        MER_ASSERT(
            memcached_success(memcached_behavior_set(handle, behaviors[i].behavior, behaviors[i].value)));
    }
    MER_ASSERT(memcached_success(memcached_server_add(handle, lane->host, lane->port)));
    return handle;
}

static void tell_circuit(struct mer_memcached_lane *lane, bool failed)
{
    if (!failed) {
        atomic_store(&lane->failures, 0);
        return;
    }
    uint32_t retry_ms = lane->mc->opts.retry_ms;
    atomic_store(&lane->closed_until_us, mer_time_mono_us() + retry_ms * 1000LL);
    if (atomic_fetch_add(&lane->failures, 1) + 1 == MER_MEMCACHED_FAILURES_MAX) {
        mer_log(MER_LOG_WARN, "memcached", "failing, left alone for a while server=%s:%u retry_ms=%u",
                lane->host, lane->port, retry_ms);
    }
}

// ---- gets

struct batch {
    struct mer_memcached_ask *asks[BATCH_MAX];
    size_t n;
};

// Takes what waits. Those that nobody waits for any more go back at once. False: stop.
static bool next_batch(struct mer_memcached_lane *lane, struct batch *b)
{
    struct mer_memcached_ask *first = NULL, **tail = &first;
    size_t n = 0;
    pthread_mutex_lock(&lane->lock);
    while (!lane->asks && !lane->stopping) {
        pthread_cond_wait(&lane->more_asks, &lane->lock);
    }
    bool go_on = !lane->stopping;
    while (go_on && lane->asks && n < BATCH_MAX) {
        struct mer_memcached_ask *ask = lane->asks;
        lane->asks = ask->next;
        ask->next = NULL;
        *tail = ask;
        tail = &ask->next;
        n++;
    }
    lane->asks_n -= (uint32_t)n;
    if (!lane->asks) {
        lane->asks_tail = &lane->asks;
    }
    pthread_mutex_unlock(&lane->lock);
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

static void *copy_stored(const struct mer_cache_entry *e)
{
    if (!e) {
        return NULL; // it was spoilt: a miss for everybody
    }
    void *copy = malloc(e->stored.n);
    MER_ASSERT(copy);
    memcpy(copy, e->stored.p, e->stored.n);
    return copy;
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
        // Each gets an entry of its own: the first loop may put its one into its memory cache at once.
        void *own = found ? copy_stored(found->entry) : value;
        if (own || !found) {
            read_value(mc, ask, own, found ? found->entry->stored.n : n);
        }
        found = found ? found : ask;
    }
    if (!found) {
        free(value); // a reply to something that was not asked
    }
}

// True when the server answered.
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
        // Whatever still arrives on this connection belongs to nobody.
        memcached_quit(handle);
    }
    return answered;
}

static void answer_batch(struct mer_memcached_lane *lane, struct batch *b, bool answered)
{
    struct mer_memcached *mc = lane->mc;
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
    tell_circuit(lane, !answered);
}

void *mer_memcached_getter(void *arg)
{
    struct mer_memcached_lane *lane = arg;
    memcached_st *handle = handle_open(lane);
    struct batch b;
    while (next_batch(lane, &b)) {
        if (b.n) {
            answer_batch(lane, &b, ask_batch(lane->mc, handle, &b));
        }
    }
    memcached_free(handle);
    return NULL;
}

// ---- sets

static struct mer_memcached_set *next_sets(struct mer_memcached_lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    while (!lane->sets && !lane->stopping) {
        pthread_cond_wait(&lane->more_sets, &lane->lock);
    }
    struct mer_memcached_set *first = lane->stopping ? NULL : lane->sets;
    if (first) {
        lane->sets = NULL;
        lane->sets_tail = &lane->sets;
    }
    pthread_mutex_unlock(&lane->lock);
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

static void set_one(struct mer_memcached_lane *lane, memcached_st *handle, struct mer_cache_entry *e)
{
    struct mer_memcached *mc = lane->mc;
    int64_t left_us = e->expires_at_us - mer_time_wall_us();
    if (mer_memcached_is_failing(lane) || left_us <= 0) {
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
        tell_circuit(lane, true);
        memcached_quit(handle);
    }
}

void *mer_memcached_setter(void *arg)
{
    struct mer_memcached_lane *lane = arg;
    memcached_st *handle = handle_open(lane);
    for (struct mer_memcached_set *set; (set = next_sets(lane));) {
        while (set) {
            struct mer_memcached_set *next = set->next;
            size_t cost = mer_memcached_set_cost(set->entry);
            set_one(lane, handle, set->entry);
            pthread_mutex_lock(&lane->lock);
            lane->set_bytes -= cost;
            pthread_mutex_unlock(&lane->lock);
            mer_cache_entry_unref(set->entry);
            free(set);
            set = next;
        }
    }
    memcached_free(handle);
    return NULL;
}
