// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "planner/federation.h"
#include "planner/operation.h"

struct entry {
    struct mer_operation *op;
    uint64_t hash;
    struct entry *chain; // same bucket
    struct entry *newer, *older;
    uint64_t uses;
};

struct mer_plan_cache {
    struct entry **buckets;
    uint32_t buckets_n; // a power of two
    uint32_t max, n;
    struct entry *newest, *oldest;
    uint64_t hits, misses;
};

struct mer_plan_cache *mer_plan_cache_create(uint32_t max_operations)
{
    struct mer_plan_cache *c = calloc(1, sizeof(*c));
    MER_ASSERT(c);
    c->max = max_operations ? max_operations : 1;
    c->buckets_n = 16;
    while (c->buckets_n < c->max) {
        c->buckets_n *= 2;
    }
    c->buckets = calloc(c->buckets_n, sizeof(struct entry *));
    MER_ASSERT(c->buckets);
    return c;
}

static void unlink_lru(struct mer_plan_cache *c, struct entry *e)
{
    *(e->newer ? &e->newer->older : &c->newest) = e->older;
    *(e->older ? &e->older->newer : &c->oldest) = e->newer;
}

static void push_newest(struct mer_plan_cache *c, struct entry *e)
{
    e->newer = NULL;
    e->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = e;
    c->newest = e;
}

static void drop(struct mer_plan_cache *c, struct entry *e)
{
    struct entry **at = &c->buckets[e->hash & (c->buckets_n - 1)];
    while (*at != e) {
        at = &(*at)->chain;
    }
    *at = e->chain;
    unlink_lru(c, e);
    c->n--;
    mer_operation_unref(e->op);
    free(e);
}

void mer_plan_cache_destroy(struct mer_plan_cache *c)
{
    while (c && c->oldest) {
        drop(c, c->oldest);
    }
    if (c) {
        free(c->buckets);
        free(c);
    }
}

// An operation that is alone in its document has no name here, whether it was asked by one or not.
static uint64_t key_hash(const struct mer_graph *graph, uint64_t text_hash, struct mer_slice name)
{
    return mer_hash_mix(mer_hash_mix(text_hash, mer_hash(name)), (uint64_t)(uintptr_t)graph);
}

static bool fits(const struct mer_plan *p, const uint64_t *labels_on)
{
    uint32_t labels = p->graph->federation->labels_n;
    for (uint32_t i = 0; i * 64 < labels; i++) {
        uint64_t on = labels_on ? labels_on[i] : 0;
        if ((on & p->labels_seen[i]) != p->labels_on[i]) {
            return false;
        }
    }
    return true;
}

struct mer_operation *mer_plan_cache_get(struct mer_plan_cache *c, const struct mer_graph *graph,
                                         struct mer_slice text, struct mer_slice name)
{
    return mer_plan_cache_find(c, graph, text, name, NULL);
}

struct wanted {
    const struct mer_graph *graph;
    struct mer_slice text;
    uint64_t text_hash;
    const uint64_t *labels_on;
};

static struct entry *look(const struct mer_plan_cache *c, const struct wanted *w, struct mer_slice name)
{
    uint64_t h = key_hash(w->graph, w->text_hash, name);
    struct entry *e = c->buckets[h & (c->buckets_n - 1)];
    while (e && !(e->hash == h && e->op->graph == w->graph && mer_slice_eq(e->op->text, w->text) &&
                  mer_slice_eq(e->op->name, name) && fits(e->op->plan, w->labels_on))) {
        e = e->chain;
    }
    return e;
}

struct mer_operation *mer_plan_cache_find(struct mer_plan_cache *c, const struct mer_graph *graph,
                                          struct mer_slice text, struct mer_slice name,
                                          const uint64_t *labels_on)
{
    const struct wanted w = {graph, text, mer_hash(text), labels_on};
    struct entry *e = look(c, &w, MER_NIL);
    if (e && name.n && !mer_slice_eq(e->op->ast->name, name)) {
        e = NULL;
    } else if (!e && name.n) {
        e = look(c, &w, name);
    }
    if (!e) {
        c->misses++;
        return NULL;
    }
    unlink_lru(c, e);
    push_newest(c, e);
    c->hits++;
    e->uses++;
    e->op->refs++;
    return e->op;
}

void mer_plan_cache_put(struct mer_plan_cache *c, struct mer_operation *op)
{
    if (c->n >= c->max) {
        drop(c, c->oldest);
    }
    struct entry *e = calloc(1, sizeof(*e));
    MER_ASSERT(e);
    e->op = op;
    op->refs++;
    e->hash = key_hash(op->graph, mer_hash(op->text), op->name);
    struct entry **bucket = &c->buckets[e->hash & (c->buckets_n - 1)];
    e->chain = *bucket;
    *bucket = e;
    push_newest(c, e);
    c->n++;
}

void mer_plan_cache_each(const struct mer_plan_cache *c,
                         void (*fn)(void *owner, const struct mer_operation *op, uint64_t uses), void *owner)
{
    for (const struct entry *e = c->newest; e; e = e->older) {
        fn(owner, e->op, e->uses);
    }
}

void mer_plan_cache_stats(const struct mer_plan_cache *c, struct mer_plan_cache_stats *out)
{
    *out = (struct mer_plan_cache_stats){c->hits, c->misses, c->n};
}
