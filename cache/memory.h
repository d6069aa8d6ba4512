// SPDX-License-Identifier: MIT
// Memory cache: entries of one loop, found by their whole key. Bounded in bytes, the least recently used go
// first, and what has expired is not found. Belongs to one thread; the entries themselves may be held by any.
#ifndef MER_CACHE_MEMORY_H
#define MER_CACHE_MEMORY_H

#include "cache/entry.h"

struct mer_memory_cache;

// bytes_max 0: keeps nothing.
struct mer_memory_cache *mer_memory_cache_create(size_t bytes_max);
void mer_memory_cache_destroy(struct mer_memory_cache *m);

// With a reference for the caller, or NULL. hash is mer_hash(key).
struct mer_cache_entry *mer_memory_cache_get(struct mer_memory_cache *m, struct mer_slice key, uint64_t hash,
                                             int64_t now_mono_us);
// Takes a reference of its own; replaces an entry of the same key. An entry of more than an eighth of the
// whole is not kept, nor one that stands in another memory cache.
void mer_memory_cache_put(struct mer_memory_cache *m, struct mer_cache_entry *e, uint64_t hash);
void mer_memory_cache_clear(struct mer_memory_cache *m);

struct mer_memory_cache_stats {
    uint64_t count, bytes, evicted_n;
};
struct mer_memory_cache_stats mer_memory_cache_stats(const struct mer_memory_cache *m);

#endif
