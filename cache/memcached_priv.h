// SPDX-License-Identifier: MIT
// Memcached, inside: what the loops' side (memcached.c) and the threads' side (memcached_thread.c) share.
#ifndef MER_CACHE_MEMCACHED_PRIV_H
#define MER_CACHE_MEMCACHED_PRIV_H

#include "cache/memcached.h"

#include <pthread.h>
#include <stdatomic.h>

struct mer_memcached_ask {
    struct mer_memcached_ask *next;
    struct mer_memcached *mc;
    struct mer_loop *loop;
    struct mer_post post;
    struct mer_timer timer;
    mer_memcached_fn *fn; // NULL: nobody listens any more
    void *owner;
    atomic_bool abandoned; // the same, for the other side
    // Written by the thread, read by the loop after the post.
    enum mer_memcached_outcome outcome;
    struct mer_cache_entry *entry;
    bool done;
    char digest[64];
    size_t key_n;
    char key[];
};

struct mer_memcached_set {
    struct mer_memcached_set *next;
    struct mer_cache_entry *entry;
};

// One server with its own threads, queues and circuit, so that one that fails costs the others nothing.
struct mer_memcached_lane {
    struct mer_memcached *mc;
    char *host;
    uint16_t port;
    uint64_t seed; // of its address: which keys are its own

    pthread_t getter, setter;
    pthread_mutex_t lock; // the queues and `stopping`
    pthread_cond_t more_asks, more_sets;
    bool stopping;
    struct mer_memcached_ask *asks, **asks_tail;
    uint32_t asks_n;
    struct mer_memcached_set *sets, **sets_tail;
    size_t set_bytes;

    // The circuit: so many failures in a row, and until when nobody asks because of them.
    atomic_uint failures;
    atomic_int_fast64_t closed_until_us;
};

struct mer_memcached {
    struct mer_memcached_opts opts;
    struct mer_memcached_lane *lanes;
    uint32_t lanes_n;
    bool running;
    atomic_uint pending;
    atomic_uint_fast64_t hits_n, misses_n, expired_n, timeouts_n, errors_n, refused_n, corrupt_n;
    atomic_uint_fast64_t sets_n, sets_dropped_n, sets_failed_n;
};

// Failures in a row that open the circuit: one may be an accident.
#define MER_MEMCACHED_FAILURES_MAX 2

void *mer_memcached_getter(void *lane);
void *mer_memcached_setter(void *lane);
bool mer_memcached_is_failing(const struct mer_memcached_lane *lane);
// Hands a finished ask back to its loop.
void mer_memcached_answer(struct mer_memcached_ask *ask);
size_t mer_memcached_set_cost(const struct mer_cache_entry *entry);

#endif
