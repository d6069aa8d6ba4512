// SPDX-License-Identifier: MIT
#include "cache/memory.h"

#include "base/log.h"

#include <stdlib.h>

#define BUCKETS_MIN 64

struct mer_memory_cache {
    struct mer_cache_entry **buckets;
    size_t buckets_n; // a power of two
    struct mer_cache_entry *newest, *oldest;
    size_t count, bytes, bytes_max;
    uint64_t evicted_n;
};

static struct mer_cache_entry **buckets_new(size_t n)
{
    struct mer_cache_entry **b = calloc(n, sizeof(struct mer_cache_entry *));
    MER_ASSERT(b);
    return b;
}

struct mer_memory_cache *mer_memory_cache_create(size_t bytes_max)
{
    struct mer_memory_cache *m = calloc(1, sizeof(*m));
    MER_ASSERT(m);
    m->buckets_n = BUCKETS_MIN;
    m->buckets = buckets_new(m->buckets_n);
    m->bytes_max = bytes_max;
    return m;
}

static struct mer_cache_entry **bucket_of(const struct mer_memory_cache *m, uint64_t hash)
{
    return &m->buckets[hash & (m->buckets_n - 1)];
}

static void list_remove(struct mer_memory_cache *m, struct mer_cache_entry *e)
{
    *(e->newer ? &e->newer->older : &m->newest) = e->older;
    *(e->older ? &e->older->newer : &m->oldest) = e->newer;
    e->newer = e->older = NULL;
}

static void list_add_newest(struct mer_memory_cache *m, struct mer_cache_entry *e)
{
    e->older = m->newest;
    *(m->newest ? &m->newest->newer : &m->oldest) = e;
    m->newest = e;
}

static void drop(struct mer_memory_cache *m, struct mer_cache_entry *e)
{
    struct mer_cache_entry **at = bucket_of(m, e->hash);
    while (*at != e) {
        at = &(*at)->chain;
    }
    *at = e->chain;
    e->chain = NULL;
    e->kept = false;
    list_remove(m, e);
    m->count--;
    m->bytes -= mer_cache_entry_bytes(e);
    mer_cache_entry_unref(e);
}

void mer_memory_cache_clear(struct mer_memory_cache *m)
{
    while (m->oldest) {
        drop(m, m->oldest);
    }
}

void mer_memory_cache_destroy(struct mer_memory_cache *m)
{
    if (m) {
        mer_memory_cache_clear(m);
        free(m->buckets);
        free(m);
    }
}

static struct mer_cache_entry *find(const struct mer_memory_cache *m, struct mer_slice key, uint64_t hash)
{
    struct mer_cache_entry *e = *bucket_of(m, hash);
    while (e && !(e->hash == hash && mer_slice_eq(e->key, key))) {
        e = e->chain;
    }
    return e;
}

struct mer_cache_entry *mer_memory_cache_get(struct mer_memory_cache *m, struct mer_slice key, uint64_t hash,
                                             int64_t now_mono_us)
{
    struct mer_cache_entry *e = find(m, key, hash);
    if (!e) {
        return NULL;
    }
    if (now_mono_us >= e->expires_mono_us) {
        drop(m, e);
        return NULL;
    }
    if (m->newest != e) {
        list_remove(m, e);
        list_add_newest(m, e);
    }
    return mer_cache_entry_ref(e);
}

static void grow(struct mer_memory_cache *m)
{
    struct mer_cache_entry **old = m->buckets;
    size_t old_n = m->buckets_n;
    m->buckets_n = old_n * 2;
    m->buckets = buckets_new(m->buckets_n);
    for (size_t i = 0; i < old_n; i++) {
        for (struct mer_cache_entry *e = old[i], *next; e; e = next) {
            next = e->chain;
            e->chain = *bucket_of(m, e->hash);
            *bucket_of(m, e->hash) = e;
        }
    }
    free(old);
}

void mer_memory_cache_put(struct mer_memory_cache *m, struct mer_cache_entry *e, uint64_t hash)
{
    size_t bytes = mer_cache_entry_bytes(e);
    struct mer_cache_entry *old = find(m, e->key, hash);
    if (e->kept) {
        return;
    }
    if (old) {
        drop(m, old);
    }
    if (bytes > m->bytes_max / 8) {
        return;
    }
    while (m->bytes + bytes > m->bytes_max) {
        drop(m, m->oldest);
        m->evicted_n++;
    }
    if (m->count >= m->buckets_n) {
        grow(m);
    }
    e->hash = hash;
    e->kept = true;
    e->chain = *bucket_of(m, hash);
    *bucket_of(m, hash) = e;
    list_add_newest(m, mer_cache_entry_ref(e));
    m->count++;
    m->bytes += bytes;
}

struct mer_memory_cache_stats mer_memory_cache_stats(const struct mer_memory_cache *m)
{
    return (struct mer_memory_cache_stats){m->count, m->bytes, m->evicted_n};
}
