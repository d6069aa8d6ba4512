// SPDX-License-Identifier: MIT
// The loops' side: asks and sets go into queues, outcomes come back as posts.
#include "cache/memcached_priv.h"

#include "base/log.h"
#include "base/time.h"

#include <openssl/sha.h>

#include <signal.h>
#include <stdlib.h>

void mer_memcached_digest(struct mer_slice key, char out[64])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)(key.n ? key.p : ""), key.n, bytes);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
}

// ---- which server a key belongs to

static uint64_t fold_digest(const char *digest, uint64_t seed)
{
    uint64_t h = seed;
    for (int i = 0; i < 64; i += 8) {
        uint64_t v;
        memcpy(&v, digest + i, 8);
        h = (h ^ v) * 0x9e3779b97f4a7c15;
        h ^= h >> 32;
    }
    return h;
}

// Rendezvous hashing: the server with the highest mix of its address and the key. Every process of the site
// finds the same, and one server more or less moves only its own keys.
static struct mer_memcached_lane *lane_of(const struct mer_memcached *mc, struct mer_slice key)
{
    struct mer_memcached_lane *best = &mc->lanes[0];
    if (mc->lanes_n > 1) {
        char digest[64];
        mer_memcached_digest(key, digest);
        uint64_t most = 0;
        for (uint32_t i = 0; i < mc->lanes_n; i++) {
            uint64_t h = fold_digest(digest, mc->lanes[i].seed);
            if (h >= most) {
                most = h;
                best = &mc->lanes[i];
            }
        }
    }
    return best;
}

// ---- opening and closing

static bool lane_init(struct mer_memcached_lane *lane, struct mer_memcached *mc, struct mer_slice address)
{
    const char *colon = address.n ? memrchr(address.p, ':', address.n) : NULL;
    if (!colon || colon == address.p) {
        return false;
    }
    struct mer_slice host = {address.p, (size_t)(colon - address.p)};
    struct mer_slice port = {colon + 1, address.n - host.n - 1};
    uint64_t number;
    if (!mer_slice_to_u64(port, &number) || number == 0 || number > 65535) {
        return false;
    }
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']') {
        host = (struct mer_slice){host.p + 1, host.n - 2};
    }
    char digest[64];
    mer_memcached_digest(address, digest);
    lane->mc = mc;
    lane->host = strndup(host.p, host.n);
    MER_ASSERT(lane->host);
    lane->port = (uint16_t)number;
    lane->seed = fold_digest(digest, 1);
    lane->asks_tail = &lane->asks;
    lane->sets_tail = &lane->sets;
    pthread_mutex_init(&lane->lock, NULL);
    pthread_cond_init(&lane->more_asks, NULL);
    pthread_cond_init(&lane->more_sets, NULL);
    return true;
}

static void lane_fini(struct mer_memcached_lane *lane)
{
    free(lane->host);
    pthread_cond_destroy(&lane->more_asks);
    pthread_cond_destroy(&lane->more_sets);
    pthread_mutex_destroy(&lane->lock);
}

static void set_defaults(struct mer_memcached_opts *o)
{
    o->deadline_ms = o->deadline_ms ? o->deadline_ms : 10;
    o->io_timeout_ms = o->io_timeout_ms ? o->io_timeout_ms : 20;
    o->connect_timeout_ms = o->connect_timeout_ms ? o->connect_timeout_ms : 50;
    o->retry_ms = o->retry_ms ? o->retry_ms : 1000;
    o->queue_max = o->queue_max ? o->queue_max : 4096;
    o->set_bytes_max = o->set_bytes_max ? o->set_bytes_max : 16u << 20;
    o->value_bytes_max = o->value_bytes_max ? o->value_bytes_max : 1000u << 10;
}

// Signals are for the threads that wait for them, never for these.
static void start_threads(struct mer_memcached *mc)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    for (uint32_t i = 0; i < mc->lanes_n; i++) {
        MER_ASSERT(pthread_create(&mc->lanes[i].getter, NULL, mer_memcached_getter, &mc->lanes[i]) == 0);
        MER_ASSERT(pthread_create(&mc->lanes[i].setter, NULL, mer_memcached_setter, &mc->lanes[i]) == 0);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    mc->running = true;
}

struct mer_memcached *mer_memcached_open(const struct mer_memcached_opts *opts, struct mer_diag *diag)
{
    struct mer_memcached *mc = calloc(1, sizeof(*mc));
    MER_ASSERT(mc && (mc->lanes = calloc(opts->servers_n + 1, sizeof(*mc->lanes))));
    mc->opts = *opts;
    set_defaults(&mc->opts);
    mc->opts.servers = NULL; // the caller's
    for (; mc->lanes_n < opts->servers_n; mc->lanes_n++) {
        if (!lane_init(&mc->lanes[mc->lanes_n], mc, opts->servers[mc->lanes_n])) {
            mer_diag_set(diag, MER_ERR_INVALID, "memcached server `%.*s` is not HOST:PORT",
                         MER_FMT(opts->servers[mc->lanes_n]));
            mer_memcached_close(mc);
            return NULL;
        }
    }
    if (mc->lanes_n == 0) {
        mer_diag_set(diag, MER_ERR_INVALID, "no memcached server");
        mer_memcached_close(mc);
        return NULL;
    }
    start_threads(mc);
    return mc;
}

static void lane_tell_to_stop(struct mer_memcached_lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    lane->stopping = true;
    pthread_cond_broadcast(&lane->more_asks);
    pthread_cond_broadcast(&lane->more_sets);
    pthread_mutex_unlock(&lane->lock);
}

static void lane_stop(struct mer_memcached_lane *lane)
{
    pthread_join(lane->getter, NULL);
    pthread_join(lane->setter, NULL);
    while (lane->asks) {
        struct mer_memcached_ask *ask = lane->asks;
        lane->asks = ask->next;
        ask->outcome = MER_MEMCACHED_ERROR;
        mer_memcached_answer(ask);
    }
    while (lane->sets) {
        struct mer_memcached_set *set = lane->sets;
        lane->sets = set->next;
        mer_cache_entry_unref(set->entry);
        free(set);
    }
}

void mer_memcached_stop(struct mer_memcached *mc)
{
    if (!mc->running) {
        return;
    }
    mc->running = false;
    for (uint32_t i = 0; i < mc->lanes_n; i++) {
        lane_tell_to_stop(&mc->lanes[i]);
    }
    for (uint32_t i = 0; i < mc->lanes_n; i++) {
        lane_stop(&mc->lanes[i]);
    }
}

uint32_t mer_memcached_pending(const struct mer_memcached *mc)
{
    return atomic_load(&mc->pending);
}

void mer_memcached_close(struct mer_memcached *mc)
{
    if (!mc) {
        return;
    }
    mer_memcached_stop(mc);
    MER_ASSERT(mer_memcached_pending(mc) == 0);
    for (uint32_t i = 0; i < mc->lanes_n; i++) {
        lane_fini(&mc->lanes[i]);
    }
    free(mc->lanes);
    free(mc);
}

// ---- the circuit

bool mer_memcached_is_failing(const struct mer_memcached_lane *lane)
{
    return atomic_load_explicit(&lane->failures, memory_order_relaxed) >= MER_MEMCACHED_FAILURES_MAX;
}

// After failures in a row nobody asks for a while; then one ask goes ahead and the others wait for what it
// tells.
static bool may_ask(struct mer_memcached_lane *lane)
{
    if (!mer_memcached_is_failing(lane)) {
        return true;
    }
    int64_t now = mer_time_mono_us();
    int_fast64_t until = atomic_load(&lane->closed_until_us);
    int64_t next = now + lane->mc->opts.retry_ms * 1000LL;
    return now >= until && atomic_compare_exchange_strong(&lane->closed_until_us, &until, next);
}

// ---- asks

static void count(atomic_uint_fast64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

// On the loop, after the thread is done with the ask.
static void on_answer(void *owner)
{
    struct mer_memcached_ask *ask = owner;
    struct mer_cache_entry *entry = ask->entry;
    mer_memcached_fn *fn = ask->fn;
    if (fn) {
        mer_timer_stop(ask->loop, &ask->timer);
        ask->fn = NULL;
    } else {
        mer_cache_entry_unref(entry); // too late
    }
    void *listener = ask->owner;
    enum mer_memcached_outcome outcome = ask->outcome;
    atomic_fetch_sub(&ask->mc->pending, 1);
    free(ask);
    if (fn) {
        fn(listener, outcome, entry);
    }
}

void mer_memcached_answer(struct mer_memcached_ask *ask)
{
    mer_loop_post(ask->loop, &ask->post, on_answer, ask);
}

static void on_deadline(void *owner)
{
    struct mer_memcached_ask *ask = owner;
    mer_memcached_fn *fn = ask->fn;
    count(&ask->mc->timeouts_n);
    atomic_store(&ask->abandoned, true);
    ask->fn = NULL;
    fn(ask->owner, MER_MEMCACHED_TIMEOUT, NULL);
}

void mer_memcached_cancel(struct mer_memcached_ask *ask)
{
    mer_timer_stop(ask->loop, &ask->timer);
    atomic_store(&ask->abandoned, true);
    ask->fn = NULL;
}

static bool enqueue_ask(struct mer_memcached_lane *lane, struct mer_memcached_ask *ask)
{
    pthread_mutex_lock(&lane->lock);
    bool room = !lane->stopping && lane->asks_n < lane->mc->opts.queue_max;
    if (room) {
        *lane->asks_tail = ask;
        lane->asks_tail = &ask->next;
        lane->asks_n++;
        atomic_fetch_add(&lane->mc->pending, 1);
        pthread_cond_signal(&lane->more_asks);
    }
    pthread_mutex_unlock(&lane->lock);
    return room;
}

struct mer_memcached_ask *mer_memcached_get(struct mer_memcached *mc, struct mer_loop *loop,
                                            struct mer_slice key, mer_memcached_fn *fn, void *owner)
{
    struct mer_memcached_lane *lane = lane_of(mc, key);
    if (!may_ask(lane)) {
        count(&mc->refused_n);
        return NULL;
    }
    struct mer_memcached_ask *ask = calloc(1, sizeof(*ask) + key.n + 1);
    MER_ASSERT(ask);
    ask->mc = mc;
    ask->loop = loop;
    ask->fn = fn;
    ask->owner = owner;
    ask->key_n = key.n;
    if (key.n) {
        memcpy(ask->key, key.p, key.n);
    }
    // Before the thread can see it: an answer stops the timer.
    mer_timer_start(loop, &ask->timer, mc->opts.deadline_ms, on_deadline, ask);
    if (!enqueue_ask(lane, ask)) {
        mer_timer_stop(loop, &ask->timer);
        free(ask);
        count(&mc->refused_n);
        return NULL;
    }
    return ask;
}

// ---- sets

size_t mer_memcached_set_cost(const struct mer_cache_entry *entry)
{
    return mer_cache_entry_bytes(entry) + sizeof(struct mer_memcached_set);
}

void mer_memcached_set(struct mer_memcached *mc, struct mer_cache_entry *entry)
{
    struct mer_memcached_lane *lane = lane_of(mc, entry->key);
    size_t cost = mer_memcached_set_cost(entry);
    if (mer_memcached_is_failing(lane) || mer_cache_entry_bytes(entry) > mc->opts.value_bytes_max) {
        count(&mc->sets_dropped_n);
        return;
    }
    struct mer_memcached_set *set = malloc(sizeof(*set));
    MER_ASSERT(set);
    *set = (struct mer_memcached_set){.entry = entry};
    pthread_mutex_lock(&lane->lock);
    bool room = !lane->stopping && lane->set_bytes + cost <= mc->opts.set_bytes_max;
    if (room) {
        mer_cache_entry_ref(entry);
        *lane->sets_tail = set;
        lane->sets_tail = &set->next;
        lane->set_bytes += cost;
        pthread_cond_signal(&lane->more_sets);
    }
    pthread_mutex_unlock(&lane->lock);
    if (!room) {
        free(set);
        count(&mc->sets_dropped_n);
    }
}

struct mer_memcached_stats mer_memcached_stats(struct mer_memcached *mc)
{
    return (struct mer_memcached_stats){
        .hits_n = atomic_load(&mc->hits_n),
        .misses_n = atomic_load(&mc->misses_n),
        .expired_n = atomic_load(&mc->expired_n),
        .timeouts_n = atomic_load(&mc->timeouts_n),
        .errors_n = atomic_load(&mc->errors_n),
        .refused_n = atomic_load(&mc->refused_n),
        .corrupt_n = atomic_load(&mc->corrupt_n),
        .sets_n = atomic_load(&mc->sets_n),
        .sets_dropped_n = atomic_load(&mc->sets_dropped_n),
        .sets_failed_n = atomic_load(&mc->sets_failed_n),
    };
}
