// SPDX-License-Identifier: MIT
#include "base/map.h"

#include "base/hash.h"
#include "base/mem_priv.h"

// Index slots hold entry number + 1. Up to SMALL entries there is no index: a walk over the hashes is
// cheaper.
#define SMALL      8u
#define SLOT_FREE  0u
#define SLOT_GRAVE UINT32_MAX

void mer_map_init(struct mer_map *m, struct mer_arena *a)
{
    *m = (struct mer_map){.a = a};
}

void mer_map_fini(struct mer_map *m)
{
    if (!m->a) {
        free(m->entries);
        free(m->index);
    }
    *m = (struct mer_map){.a = m->a};
}

void mer_map_clear(struct mer_map *m)
{
    if (m->index)
        memset(m->index, 0, m->index_cap * sizeof(*m->index));
    m->entries_n = m->count = 0;
}

// Returns the entry's number or UINT32_MAX; *slot tells where the index names it.
static uint32_t find(const struct mer_map *m, struct mer_slice key, uint64_t hash, uint32_t *slot)
{
    if (!m->index) {
        for (uint32_t i = 0; i < m->entries_n; i++) {
            const struct mer_map_entry *e = &m->entries[i];
            if (e->key.p && e->hash == hash && mer_slice_eq(e->key, key))
                return i;
        }
        return UINT32_MAX;
    }
    uint32_t mask = m->index_cap - 1;
    for (uint32_t at = (uint32_t)hash & mask;; at = (at + 1) & mask) {
        uint32_t v = m->index[at];
        if (v == SLOT_FREE)
            return UINT32_MAX;
        if (v == SLOT_GRAVE)
            continue;
        const struct mer_map_entry *e = &m->entries[v - 1];
        if (e->hash == hash && mer_slice_eq(e->key, key)) {
            *slot = at;
            return v - 1;
        }
    }
}

static void index_insert(struct mer_map *m, uint32_t number)
{
    uint32_t mask = m->index_cap - 1;
    uint32_t at = (uint32_t)m->entries[number].hash & mask;
    while (m->index[at] != SLOT_FREE)
        at = (at + 1) & mask;
    m->index[at] = number + 1;
}

static void *take(struct mer_map *m, size_t n)
{
    return m->a ? mer_arena_alloc(m->a, n) : mer_mem_realloc(NULL, n);
}

static void drop(struct mer_map *m, void *p)
{
    if (!m->a)
        free(p);
}

// Makes room for one more entry: drops deleted ones, doubles when at least half are alive, and builds the
// index anew (so graves never outnumber the free slots).
static void grow(struct mer_map *m)
{
    if (m->entries_cap > UINT32_MAX / 8)
        abort();
    uint32_t cap = m->entries_cap;
    if (m->count >= cap / 2)
        cap = cap ? cap * 2 : 4;
    struct mer_map_entry *entries = take(m, cap * sizeof(*entries));
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->entries_n; i++) {
        if (m->entries[i].key.p)
            entries[n++] = m->entries[i];
    }
    drop(m, m->entries);
    m->entries = entries;
    m->entries_n = n;
    m->entries_cap = cap;
    drop(m, m->index);
    m->index = NULL;
    m->index_cap = 0;
    if (cap <= SMALL)
        return;
    // Twice the entries that can ever be named before the next grow(), graves included.
    m->index_cap = cap * 2;
    m->index = take(m, m->index_cap * sizeof(*m->index));
    memset(m->index, 0, m->index_cap * sizeof(*m->index));
    for (uint32_t i = 0; i < n; i++)
        index_insert(m, i);
}

void *mer_map_get(const struct mer_map *m, struct mer_slice key)
{
    uint32_t slot = 0;
    uint32_t i = m->count ? find(m, key, mer_hash(key), &slot) : UINT32_MAX;
    return i == UINT32_MAX ? NULL : m->entries[i].value;
}

bool mer_map_has(const struct mer_map *m, struct mer_slice key)
{
    uint32_t slot = 0;
    return m->count && find(m, key, mer_hash(key), &slot) != UINT32_MAX;
}

static void insert(struct mer_map *m, struct mer_slice key, uint64_t hash, void *value)
{
    if (m->entries_n == m->entries_cap)
        grow(m);
    if (!key.p)
        key.p = ""; // NULL marks deleted entries
    m->entries[m->entries_n] = (struct mer_map_entry){.key = key, .value = value, .hash = hash};
    if (m->index)
        index_insert(m, m->entries_n);
    m->entries_n++;
    m->count++;
}

bool mer_map_add(struct mer_map *m, struct mer_slice key, void *value)
{
    uint64_t hash = mer_hash(key);
    uint32_t slot = 0;
    if (find(m, key, hash, &slot) != UINT32_MAX)
        return false;
    insert(m, key, hash, value);
    return true;
}

static void *get_or_insert(struct mer_map *m, struct mer_slice key, uint64_t hash, void *value)
{
    uint32_t slot = 0;
    uint32_t i = find(m, key, hash, &slot);
    if (i != UINT32_MAX)
        return m->entries[i].value;
    insert(m, key, hash, value);
    return value;
}

void *mer_map_get_or_add(struct mer_map *m, struct mer_slice key, void *value)
{
    return get_or_insert(m, key, mer_hash(key), value);
}

void *mer_map_get_or_add_as(struct mer_map *m, const struct mer_map_entry *like, void *value)
{
    return get_or_insert(m, like->key, like->hash, value);
}

void mer_map_put(struct mer_map *m, struct mer_slice key, void *value)
{
    uint64_t hash = mer_hash(key);
    uint32_t slot = 0;
    uint32_t i = find(m, key, hash, &slot);
    if (i == UINT32_MAX)
        insert(m, key, hash, value);
    else
        m->entries[i].value = value;
}

void *mer_map_del(struct mer_map *m, struct mer_slice key)
{
    uint32_t slot = 0;
    uint32_t i = m->count ? find(m, key, mer_hash(key), &slot) : UINT32_MAX;
    if (i == UINT32_MAX)
        return NULL;
    void *value = m->entries[i].value;
    m->entries[i].key = MER_NIL;
    if (m->index)
        m->index[slot] = SLOT_GRAVE;
    m->count--;
    return value;
}
