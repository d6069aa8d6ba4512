// SPDX-License-Identifier: MIT
// Cache: the face over memory and memcached, with single flight: of all who ask for the same key on this loop
// at the same time, one (the leader) goes and makes the value, the others wait for it.
//
// Keys are whole and compared whole; they carry everything the value depends on, the caller's scope included.
// The cache knows nothing of what it holds. Belongs to one loop; entries are counted by references.
//
// The life of an ask: mer_cache_get answers HIT_MEMORY or MISS at once, or PENDING. After PENDING `fn` is
// called exactly once, on a later turn or at the end of this one, never inside another call of this module.
// Whoever is told MISS leads and must call mer_cache_fill or mer_cache_abandon with that ask; whoever is told
// TIMEOUT goes on alone and owes nothing. mer_cache_cancel ends an ask at any time: no callback, and a
// leader's work goes to the next.
#ifndef MER_CACHE_CACHE_H
#define MER_CACHE_CACHE_H

#include "cache/memcached.h"
#include "cache/memory.h"

struct mer_cache;
struct mer_cache_flight;

enum mer_cache_status {
    MER_CACHE_PENDING = 0,
    MER_CACHE_HIT_MEMORY = 1,
    MER_CACHE_HIT_SHARED = 2, // from memcached
    MER_CACHE_HIT_FLIGHT = 3, // made just now for somebody else
    MER_CACHE_MISS = 4,       // you lead
    MER_CACHE_TIMEOUT = 5,    // the leader took too long
};

// entry: a reference for the callee on a hit, else NULL.
typedef void mer_cache_fn(void *owner, enum mer_cache_status status, struct mer_cache_entry *entry);

// Belongs to the caller, who zeroes it before first use and keeps it until the ask is over (for a leader:
// until fill, abandon or cancel). May be used again then.
struct mer_cache_ask {
    struct mer_cache_entry *entry; // of HIT_MEMORY: a reference for the caller
    /* private */
    struct mer_cache_flight *flight;
    struct mer_cache_ask *next, **pprev; // among those who wait
    struct mer_timer timer;
    mer_cache_fn *fn;
    void *owner;
};

// shared NULL: memory only. It must outlive the cache.
struct mer_cache *mer_cache_create(struct mer_loop *loop, size_t memory_bytes, struct mer_memcached *shared);
// Every ask must be over.
void mer_cache_destroy(struct mer_cache *c);

// deadline_ms: how long to wait for another's value at most; 0: do not wait for others (then a flight of
// another answers TIMEOUT at once).
enum mer_cache_status mer_cache_get(struct mer_cache *c, struct mer_cache_ask *ask, struct mer_slice key,
                                    uint64_t deadline_ms, mer_cache_fn *fn, void *owner);
// Memory only, no flight: with a reference for the caller, or NULL.
struct mer_cache_entry *mer_cache_peek(struct mer_cache *c, struct mer_slice key);

// The leader's value: told to all who wait; kept for ttl_ms, 0: not kept. stored_at_us: the wall time that
// its age counts from.
void mer_cache_fill(struct mer_cache_ask *leader, struct mer_slice value, int64_t stored_at_us,
                    int64_t ttl_ms);
// The leader has none to share: the next who waits leads.
void mer_cache_abandon(struct mer_cache_ask *leader);
void mer_cache_cancel(struct mer_cache_ask *ask);
// Without a flight. Those who wait for this key go on waiting for their leader.
void mer_cache_put(struct mer_cache *c, struct mer_slice key, struct mer_slice value, int64_t stored_at_us,
                   int64_t ttl_ms);
// Forgets what is in memory; memcached keeps its own.
void mer_cache_clear(struct mer_cache *c);

struct mer_cache_stats {
    uint64_t hits_memory_n, hits_shared_n, hits_flight_n, misses_n, timeouts_n;
    struct mer_memory_cache_stats memory;
};
struct mer_cache_stats mer_cache_stats(const struct mer_cache *c);

#endif
