// SPDX-License-Identifier: MIT
#include "gateway/token_memory.h"

#include "base/hash.h"
#include "base/log.h"

#include <stdlib.h>

struct mer_token_memory {
    struct mer_known_token **buckets;
    uint32_t mask;
    struct mer_known_token *newest, *oldest;
    uint32_t count, entries_max;
    size_t bytes, bytes_max;
};

struct mer_token_memory *mer_token_memory_create(uint32_t entries_max, size_t bytes_max)
{
    struct mer_token_memory *m = calloc(1, sizeof(*m));
    uint32_t buckets = 16;
    while (buckets < entries_max && buckets < 1u << 24) {
        buckets *= 2;
    }
    MER_ASSERT(m && (m->buckets = calloc(buckets, sizeof(*m->buckets))));
    m->mask = buckets - 1;
    m->entries_max = entries_max ? entries_max : 1;
    m->bytes_max = bytes_max;
    return m;
}

static void list_remove(struct mer_token_memory *m, struct mer_known_token *t)
{
    *(t->newer ? &t->newer->older : &m->newest) = t->older;
    *(t->older ? &t->older->newer : &m->oldest) = t->newer;
    t->newer = t->older = NULL;
}

static void list_add_newest(struct mer_token_memory *m, struct mer_known_token *t)
{
    t->older = m->newest;
    *(m->newest ? &m->newest->newer : &m->oldest) = t;
    m->newest = t;
}

void mer_known_token_unref(struct mer_known_token *t)
{
    if (t && --t->refs == 0) {
        free(t);
    }
}

static void drop(struct mer_token_memory *m, struct mer_known_token *t)
{
    struct mer_known_token **at = &m->buckets[t->hash & m->mask];
    while (*at != t) {
        at = &(*at)->chain;
    }
    *at = t->chain;
    list_remove(m, t);
    m->count--;
    m->bytes -= t->bytes;
    mer_known_token_unref(t);
}

void mer_token_memory_destroy(struct mer_token_memory *m)
{
    if (!m) {
        return;
    }
    while (m->oldest) {
        drop(m, m->oldest);
    }
    free(m->buckets);
    free(m);
}

static struct mer_known_token *find(const struct mer_token_memory *m, struct mer_slice token, uint64_t hash)
{
    struct mer_known_token *t = m->buckets[hash & m->mask];
    while (t && !(t->hash == hash && mer_slice_eq(t->token, token))) {
        t = t->chain;
    }
    return t;
}

struct mer_known_token *mer_token_memory_get(struct mer_token_memory *m, struct mer_slice token,
                                             uint64_t generation, int64_t now_us)
{
    struct mer_known_token *t = find(m, token, mer_hash(token));
    if (!t) {
        return NULL;
    }
    if (t->generation != generation || now_us >= t->claims.expires_us) {
        drop(m, t);
        return NULL;
    }
    if (m->newest != t) {
        list_remove(m, t);
        list_add_newest(m, t);
    }
    t->refs++;
    return t;
}

// One block: the struct, the lists, the scope's text, the token's text, the grants.
static struct mer_known_token *known_new(struct mer_slice token, const struct mer_claims *claims)
{
    size_t lists_n = (size_t)claims->regions_n + claims->facilities_n;
    size_t lists_bytes = lists_n * sizeof(struct mer_slice);
    size_t bytes =
        sizeof(struct mer_known_token) + lists_bytes + claims->scope.n + token.n + claims->grants.n;
    struct mer_known_token *t = malloc(bytes);
    MER_ASSERT(t);
    memset(t, 0, sizeof(*t));
    struct mer_slice *lists = (struct mer_slice *)(t + 1);
    char *scope = (char *)(lists + lists_n);
    memcpy(scope, claims->scope.p, claims->scope.n);
    memcpy(scope + claims->scope.n, token.p, token.n);
    if (claims->grants.n) {
        memcpy(scope + claims->scope.n + token.n, claims->grants.p, claims->grants.n);
    }
    t->claims = *claims;
    t->claims.grants.p = scope + claims->scope.n + token.n;
    mer_claims_rebase(&t->claims, scope, lists);
    t->token = (struct mer_slice){scope + claims->scope.n, token.n};
    t->bytes = bytes;
    t->refs = 1;
    return t;
}

struct mer_known_token *mer_token_memory_put(struct mer_token_memory *m, struct mer_slice token,
                                             uint64_t generation, const struct mer_claims *claims)
{
    uint64_t hash = mer_hash(token);
    struct mer_known_token *old = find(m, token, hash);
    if (old) {
        drop(m, old);
    }
    struct mer_known_token *t = known_new(token, claims);
    t->hash = hash;
    t->generation = generation;
    if (t->bytes > m->bytes_max) {
        return t; // known to this caller only
    }
    while (m->oldest && (m->count >= m->entries_max || m->bytes + t->bytes > m->bytes_max)) {
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc)
        drop(m, m->oldest);
    }
    t->chain = m->buckets[hash & m->mask];
    m->buckets[hash & m->mask] = t;
    list_add_newest(m, t);
    m->count++;
    m->bytes += t->bytes;
    t->refs++;
    return t;
}

uint32_t mer_token_memory_count(const struct mer_token_memory *m)
{
    return m->count;
}
