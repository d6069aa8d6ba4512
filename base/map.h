// SPDX-License-Identifier: MIT
// Map: slice to pointer, open addressing, insertion order kept for walking. Keys are not copied: they must
// live as long as the map. On an arena (never shrinks) or on the heap (a == NULL; mer_map_fini). One thread
// writes; once nobody writes any more, any number may read.
#ifndef MER_BASE_MAP_H
#define MER_BASE_MAP_H

#include "base/arena.h"

struct mer_map_entry {
    struct mer_slice key;
    void *value;
    uint64_t hash;
};

struct mer_map {
    struct mer_map_entry *entries; // in insertion order; a deleted one has key.p == NULL
    uint32_t entries_n;            // including deleted ones
    uint32_t count;                // live ones
    /* private */
    uint32_t entries_cap;
    uint32_t *index;
    uint32_t index_cap;
    struct mer_arena *a;
};

void mer_map_init(struct mer_map *m, struct mer_arena *a);
void mer_map_fini(struct mer_map *m);
// Forgets all, keeps its room.
void mer_map_clear(struct mer_map *m);
// NULL when absent.
void *mer_map_get(const struct mer_map *m, struct mer_slice key);
bool mer_map_has(const struct mer_map *m, struct mer_slice key);
// Returns false and changes nothing when the key is there already.
bool mer_map_add(struct mer_map *m, struct mer_slice key, void *value);
// Adds the value unless the key is there; returns what is there then. One look, where get and add are two.
void *mer_map_get_or_add(struct mer_map *m, struct mer_slice key, void *value);
// The same, with key and hash of another map's entry.
void *mer_map_get_or_add_as(struct mer_map *m, const struct mer_map_entry *like, void *value);
// Adds or replaces.
void mer_map_put(struct mer_map *m, struct mer_slice key, void *value);
// Returns what was there, or NULL.
void *mer_map_del(struct mer_map *m, struct mer_slice key);

#define MER_MAP_EACH(m, e)                                                                                   \
    for (struct mer_map_entry *e = (m)->entries; e != NULL && e != (m)->entries + (m)->entries_n; e++)       \
        if (e->key.p)

#endif
