// SPDX-License-Identifier: MIT
#include "cache/cache.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/map.h"

#include <stdlib.h>

// One key that is being looked for. Lives as long as it has a leader or somebody who waits.
struct mer_cache_flight {
    struct mer_cache *c;
    struct mer_memcached_ask *shared; // asked first; nobody leads yet
    struct mer_cache_ask *leader;     // has been told MISS
    struct mer_cache_ask *first, **tail;
    struct mer_task task;          // tells those who wait (entry), or appoints the next leader (no entry)
    struct mer_cache_entry *entry; // landed: no longer in the map
    enum mer_cache_status landed_as;
    bool is_telling;
    uint64_t hash;
    struct mer_slice key;
};

struct mer_cache {
    struct mer_loop *loop;
    struct mer_memcached *shared;
    struct mer_memory_cache *memory;
    struct mer_map flights;
    struct mer_cache_stats stats;
};

struct mer_cache *mer_cache_create(struct mer_loop *loop, size_t memory_bytes, struct mer_memcached *shared)
{
    struct mer_cache *c = calloc(1, sizeof(*c));
    MER_ASSERT(c);
    c->loop = loop;
    c->shared = shared;
    c->memory = mer_memory_cache_create(memory_bytes);
    mer_map_init(&c->flights, NULL);
    return c;
}

void mer_cache_destroy(struct mer_cache *c)
{
    if (c) {
        MER_ASSERT(c->flights.count == 0);
        mer_map_fini(&c->flights);
        mer_memory_cache_destroy(c->memory);
        free(c);
    }
}

// ---- those who wait

static void wait_add(struct mer_cache_flight *f, struct mer_cache_ask *ask)
{
    ask->next = NULL;
    ask->pprev = f->tail;
    *f->tail = ask;
    f->tail = &ask->next;
}

static void wait_remove(struct mer_cache_ask *ask)
{
    struct mer_cache_flight *f = ask->flight;
    *ask->pprev = ask->next;
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
    *(ask->next ? &ask->next->pprev : &f->tail) = ask->pprev;
    ask->next = NULL;
    ask->pprev = NULL;
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
    mer_timer_stop(f->c->loop, &ask->timer);
}

// ---- flights

static struct mer_cache_flight *flight_new(struct mer_cache *c, struct mer_slice key, uint64_t hash)
{
    struct mer_cache_flight *f = calloc(1, sizeof(*f) + key.n + 1);
    MER_ASSERT(f);
    char *p = (char *)(f + 1);
    if (key.n) {
        memcpy(p, key.p, key.n);
    }
    f->c = c;
    f->hash = hash;
    f->key = (struct mer_slice){p, key.n};
    f->tail = &f->first;
    mer_map_put(&c->flights, f->key, f);
    return f;
}

// From now on a new ask for the key starts anew.
static void flight_leave_map(struct mer_cache_flight *f)
{
    if (mer_map_get(&f->c->flights, f->key) == f) {
        mer_map_del(&f->c->flights, f->key);
    }
}

static void flight_free(struct mer_cache_flight *f)
{
    flight_leave_map(f);
    mer_task_cancel(f->c->loop, &f->task);
    if (f->shared) {
        mer_memcached_cancel(f->shared);
    }
    mer_cache_entry_unref(f->entry);
    free(f);
}

// Its end, once nobody leads and nobody waits; while it tells those who wait, land() sees to that.
static void flight_end_if_over(struct mer_cache_flight *f)
{
    if (!f->first && !f->leader && !f->is_telling) {
        flight_free(f);
    }
}

// One who waits is told; the flight may be gone after it, and so may the ask.
static void tell(struct mer_cache_ask *ask, enum mer_cache_status status, struct mer_cache_entry *entry)
{
    struct mer_cache_flight *f = ask->flight;
    wait_remove(ask);
    if (status == MER_CACHE_MISS) {
        f->leader = ask;
    } else {
        ask->flight = NULL;
        flight_end_if_over(f);
    }
    ask->fn(ask->owner, status, entry);
}

static void land(void *owner)
{
    struct mer_cache_flight *f = owner;
    f->is_telling = true;
    while (f->first) { // a callback may cancel others
        f->c->stats.hits_shared_n += f->landed_as == MER_CACHE_HIT_SHARED;
        f->c->stats.hits_flight_n += f->landed_as == MER_CACHE_HIT_FLIGHT;
        tell(f->first, f->landed_as, mer_cache_entry_ref(f->entry));
    }
    f->is_telling = false;
    flight_end_if_over(f);
}

static void appoint(void *owner)
{
    struct mer_cache_flight *f = owner;
    f->c->stats.misses_n++;
    tell(f->first, MER_CACHE_MISS, NULL);
}

static void flight_land(struct mer_cache_flight *f, struct mer_cache_entry *take_entry,
                        enum mer_cache_status as)
{
    flight_leave_map(f);
    f->entry = take_entry;
    f->landed_as = as;
}

static void on_shared(void *owner, enum mer_memcached_outcome outcome, struct mer_cache_entry *entry)
{
    struct mer_cache_flight *f = owner;
    f->shared = NULL;
    if (outcome == MER_MEMCACHED_HIT) {
        mer_memory_cache_put(f->c->memory, entry, f->hash);
        flight_land(f, entry, MER_CACHE_HIT_SHARED);
        land(f);
    } else {
        appoint(f);
    }
}

// ---- asks

static void on_deadline(void *owner)
{
    struct mer_cache_ask *ask = owner;
    ask->flight->c->stats.timeouts_n++;
    tell(ask, MER_CACHE_TIMEOUT, NULL);
}

static enum mer_cache_status join(struct mer_cache_flight *f, struct mer_cache_ask *ask, uint64_t deadline_ms)
{
    if (deadline_ms == 0) {
        f->c->stats.timeouts_n++;
        return MER_CACHE_TIMEOUT;
    }
    ask->flight = f;
    wait_add(f, ask);
    mer_timer_start(f->c->loop, &ask->timer, deadline_ms, on_deadline, ask);
    return MER_CACHE_PENDING;
}

enum mer_cache_status mer_cache_get(struct mer_cache *c, struct mer_cache_ask *ask, struct mer_slice key,
                                    uint64_t deadline_ms, mer_cache_fn *fn, void *owner)
{
    MER_ASSERT(!ask->flight);
    uint64_t hash = mer_hash(key);
    ask->fn = fn;
    ask->owner = owner;
    ask->entry = mer_memory_cache_get(c->memory, key, hash, mer_loop_now_us(c->loop));
    if (ask->entry) {
        c->stats.hits_memory_n++;
        return MER_CACHE_HIT_MEMORY;
    }
    struct mer_cache_flight *f = mer_map_get(&c->flights, key);
    if (f) {
        return join(f, ask, deadline_ms);
    }
    f = flight_new(c, key, hash);
    ask->flight = f;
    f->shared = c->shared ? mer_memcached_get(c->shared, c->loop, f->key, on_shared, f) : NULL;
    if (f->shared) {
        wait_add(f, ask); // memcached has a deadline of its own
        return MER_CACHE_PENDING;
    }
    f->leader = ask;
    c->stats.misses_n++;
    return MER_CACHE_MISS;
}

struct mer_cache_entry *mer_cache_peek(struct mer_cache *c, struct mer_slice key)
{
    struct mer_cache_entry *e = mer_memory_cache_get(c->memory, key, mer_hash(key), mer_loop_now_us(c->loop));
    c->stats.hits_memory_n += e != NULL;
    return e;
}

static void keep(struct mer_cache *c, struct mer_cache_entry *e, uint64_t hash)
{
    mer_memory_cache_put(c->memory, e, hash);
    if (c->shared) {
        mer_memcached_set(c->shared, e);
    }
}

void mer_cache_fill(struct mer_cache_ask *leader, struct mer_slice value, int64_t stored_at_us,
                    int64_t ttl_ms)
{
    struct mer_cache_flight *f = leader->flight;
    MER_ASSERT(f && f->leader == leader);
    struct mer_cache_entry *e = mer_cache_entry_new(f->key, value, stored_at_us, ttl_ms);
    if (!e) {
        mer_cache_abandon(leader);
        return;
    }
    if (ttl_ms > 0) {
        keep(f->c, e, f->hash);
    }
    f->leader = NULL;
    leader->flight = NULL;
    flight_land(f, e, MER_CACHE_HIT_FLIGHT);
    mer_loop_defer(f->c->loop, &f->task, land, f);
    flight_end_if_over(f);
}

void mer_cache_abandon(struct mer_cache_ask *leader)
{
    struct mer_cache_flight *f = leader->flight;
    MER_ASSERT(f && f->leader == leader);
    f->leader = NULL;
    leader->flight = NULL;
    mer_loop_defer(f->c->loop, &f->task, appoint, f);
    flight_end_if_over(f);
}

void mer_cache_cancel(struct mer_cache_ask *ask)
{
    struct mer_cache_flight *f = ask->flight;
    if (!f) {
        return;
    }
    if (f->leader == ask) {
        mer_cache_abandon(ask);
        return;
    }
    wait_remove(ask);
    ask->flight = NULL;
    flight_end_if_over(f);
}

void mer_cache_put(struct mer_cache *c, struct mer_slice key, struct mer_slice value, int64_t stored_at_us,
                   int64_t ttl_ms)
{
    struct mer_cache_entry *e = ttl_ms > 0 ? mer_cache_entry_new(key, value, stored_at_us, ttl_ms) : NULL;
    if (e) {
        keep(c, e, mer_hash(key));
        mer_cache_entry_unref(e);
    }
}

void mer_cache_clear(struct mer_cache *c)
{
    mer_memory_cache_clear(c->memory);
}

struct mer_cache_stats mer_cache_stats(const struct mer_cache *c)
{
    struct mer_cache_stats s = c->stats;
    s.memory = mer_memory_cache_stats(c->memory);
    return s;
}
