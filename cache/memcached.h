// SPDX-License-Identifier: MIT
// Memcached: the cache that the loops of one site share. libmemcached waits inside every call, so it lives on
// threads of its own, two a server: one gets, in batches, one sets. Loops hand asks over through a bounded
// queue and hear the outcome as a post. The cache may never delay anybody: an ask is over when its deadline
// passes on the asking loop (a late reply is dropped), a full queue or a failing server is told at once, sets
// are fire and forget.
//
// Keys in memcached are hex digits of SHA-256 over the whole key, made here; the whole key stands in the
// entry and is compared. Opened once a process; functions say which thread may call.
#ifndef MER_CACHE_MEMCACHED_H
#define MER_CACHE_MEMCACHED_H

#include "base/diag.h"
#include "cache/entry.h"
#include "loop/loop.h"

struct mer_memcached_opts {
    const struct mer_slice *servers; // HOST:PORT
    uint32_t servers_n;
    uint32_t deadline_ms;        // of one ask on its loop; 0: 10
    uint32_t io_timeout_ms;      // of one wait inside libmemcached; 0: 20
    uint32_t connect_timeout_ms; // 0: 50
    uint32_t retry_ms;           // pause after failures; 0: 1000
    uint32_t queue_max;          // asks that wait; 0: 4096
    size_t set_bytes_max;        // sets that wait; 0: 16 MiB
    size_t value_bytes_max;      // larger ones are not set; 0: 1000 KiB, as memcached itself allows 1 MiB
};

struct mer_memcached;
// Starts the threads; connects when first asked. NULL: an address is wrong.
struct mer_memcached *mer_memcached_open(const struct mer_memcached_opts *opts, struct mer_diag *diag);
// Ends the threads; what waits is told MER_MEMCACHED_ERROR. The loops run on until mer_memcached_pending() is
// 0, then close.
void mer_memcached_stop(struct mer_memcached *mc);
uint32_t mer_memcached_pending(const struct mer_memcached *mc);
void mer_memcached_close(struct mer_memcached *mc);

enum mer_memcached_outcome {
    MER_MEMCACHED_HIT = 0,
    MER_MEMCACHED_MISS = 1,
    MER_MEMCACHED_ERROR = 2,
    MER_MEMCACHED_TIMEOUT = 3,
};
// entry: a reference for the callee on HIT, else NULL.
typedef void mer_memcached_fn(void *owner, enum mer_memcached_outcome outcome, struct mer_cache_entry *entry);

// On the loop's thread. fn is called once, later, unless the ask is cancelled. NULL: not asked, because too
// much waits or because the servers failed a moment ago.
struct mer_memcached_ask;
struct mer_memcached_ask *mer_memcached_get(struct mer_memcached *mc, struct mer_loop *loop,
                                            struct mer_slice key, mer_memcached_fn *fn, void *owner);
// On the loop's thread, before fn was called. fn will not be called.
void mer_memcached_cancel(struct mer_memcached_ask *ask);

// Any thread. Takes a reference of its own.
void mer_memcached_set(struct mer_memcached *mc, struct mer_cache_entry *entry);

struct mer_memcached_stats {
    uint64_t hits_n, misses_n, expired_n, timeouts_n, errors_n;
    uint64_t refused_n; // asks not taken: queue full, or servers failed
    uint64_t corrupt_n; // wrong magic, version, length, key or checksum: each also a miss
    uint64_t sets_n, sets_dropped_n, sets_failed_n;
};
// Any thread.
struct mer_memcached_stats mer_memcached_stats(struct mer_memcached *mc);

// 64 hex digits, no NUL.
void mer_memcached_digest(struct mer_slice key, char out[64]);

#endif
