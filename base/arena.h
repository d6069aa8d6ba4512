// SPDX-License-Identifier: MIT
// Arena: memory that dies together. One for each request, one for each snapshot. Belongs to one thread at a
// time.
//
// Allocation never returns NULL: out of memory aborts, as everywhere in Meridian. The byte cap is a limit,
// not a wall: the first allocation past it sets a sticky mark, and code that grows by what the network sent
// asks mer_arena_exhausted() in its loop and stops with an error. One step may thus pass the cap, never a
// loop.
//
// Under a sanitizer each allocation is a malloc of its own, so that an overrun is seen where it happens.
#ifndef MER_BASE_ARENA_H
#define MER_BASE_ARENA_H

#include "base/slice.h"

struct mer_arena;

struct mer_arena_mark {
    void *block;
    size_t used;
    size_t total;
};

// cap_bytes 0: no cap.
struct mer_arena *mer_arena_create(size_t cap_bytes);
void mer_arena_destroy(struct mer_arena *a);
// Forgets all, keeps one block for the next use, clears the mark of exhaustion.
void mer_arena_reset(struct mer_arena *a);

// 16-byte aligned; not zeroed / zeroed.
void *mer_arena_alloc(struct mer_arena *a, size_t n) __attribute__((returns_nonnull, malloc));
void *mer_arena_zalloc(struct mer_arena *a, size_t n) __attribute__((returns_nonnull, malloc));
// For bytes: unaligned.
char *mer_arena_bytes(struct mer_arena *a, size_t n) __attribute__((returns_nonnull, malloc));
struct mer_slice mer_arena_copy(struct mer_arena *a, struct mer_slice s);
// A NUL-terminated copy, for the libraries that want one.
char *mer_arena_cstr(struct mer_arena *a, struct mer_slice s);
struct mer_slice mer_arena_printf(struct mer_arena *a, const char *fmt, ...) MER_PRINTF(2, 3);

// Gives back what this thread keeps for large arenas to come, some megabytes at most.
void mer_arena_trim(void);

bool mer_arena_exhausted(const struct mer_arena *a);
size_t mer_arena_total_bytes(const struct mer_arena *a);
// Until the cap, at least 1: the cap of an arena that is to live inside of this one's. 0: there is no cap.
size_t mer_arena_left_bytes(const struct mer_arena *a);

// Everything allocated after the mark is given back by the rewind.
struct mer_arena_mark mer_arena_mark(const struct mer_arena *a);
void mer_arena_rewind(struct mer_arena *a, struct mer_arena_mark m);

// Typed forms.
#define MER_NEW(a, T)      ((T *)mer_arena_zalloc((a), sizeof(T)))
#define MER_NEW_N(a, T, n) ((T *)mer_arena_zalloc((a), sizeof(T) * (size_t)(n)))

#endif
