// SPDX-License-Identifier: MIT
#include "base/arena.h"

#include "base/mem_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>

// Blocks start small, for there are many short-lived arenas, and double up to a size that malloc still serves
// from its heap without a system call. An arena that has grown large takes a quarter more at a time straight
// from the kernel, all pages at once: a fault for each page costs several times as much, and nothing of it
// stays in the heap. A thread keeps some of it for its next large arena.
#define BLOCK_FIRST  ((size_t)4096)
#define BLOCK_MAX    ((size_t)64 * 1024)
#define MAPPED_FROM  ((size_t)1024 * 1024)
#define MAPPED_MIN   ((size_t)256 * 1024)
#define MAPPED_MAX   ((size_t)1024 * 1024)
#define MAPPED_ALIGN ((size_t)64 * 1024)
#define MAPPED_SPARE ((size_t)8 * 1024 * 1024)

#ifdef MER_SANITIZED
#define OWN_MALLOC_FROM ((size_t)0) // every allocation: redzones around each
#else
#define OWN_MALLOC_FROM (BLOCK_MAX / 4)
#endif

struct block {
    struct block *prev;
    size_t cap, used;
    bool mapped;
    _Alignas(16) char bytes[];
};

// An allocation with a malloc of its own. `before` is the arena's total when it was made: a rewind knows by
// it which of them are younger than the mark.
struct big {
    struct big *prev;
    size_t before;
    _Alignas(16) char bytes[];
};

struct mer_arena {
    struct block *head;
    struct big *bigs;
    size_t total, cap;
    bool exhausted;
};

struct mer_arena *mer_arena_create(size_t cap_bytes)
{
    struct mer_arena *a = mer_mem_realloc(NULL, sizeof(*a));
    *a = (struct mer_arena){.cap = cap_bytes};
    return a;
}

static _Thread_local struct block *spare;
static _Thread_local size_t spare_bytes;

void mer_arena_trim(void)
{
    while (spare) {
        struct block *b = spare;
        spare = b->prev;
        munmap(b, b->cap + sizeof(*b));
    }
    spare_bytes = 0;
}

static void free_block(struct block *b)
{
    size_t size = b->cap + sizeof(*b);
    if (b->mapped && spare_bytes + size <= MAPPED_SPARE) {
        b->prev = spare;
        spare = b;
        spare_bytes += size;
    } else if (b->mapped) {
        munmap(b, size);
    } else {
        free(b);
    }
}

static void free_bigs(struct mer_arena *a, size_t from_total)
{
    while (a->bigs && a->bigs->before >= from_total) {
        struct big *b = a->bigs;
        a->bigs = b->prev;
        free(b);
    }
}

void mer_arena_destroy(struct mer_arena *a)
{
    if (!a)
        return;
    free_bigs(a, 0);
    while (a->head) {
        struct block *b = a->head;
        a->head = b->prev;
        free_block(b);
    }
    free(a);
}

void mer_arena_reset(struct mer_arena *a)
{
    free_bigs(a, 0);
    // The newest block that malloc gave is the largest of those: that one stays.
    struct block *kept = NULL;
    while (a->head) {
        struct block *b = a->head;
        a->head = b->prev;
        if (kept || b->mapped) {
            free_block(b);
        } else {
            kept = b;
        }
    }
    if (kept) {
        kept->prev = NULL;
        kept->used = 0;
    }
    a->head = kept;
    a->total = 0;
    a->exhausted = false;
}

static void account(struct mer_arena *a, size_t n)
{
    a->total = mer_mem_add(a->total, n);
    if (a->cap && a->total > a->cap)
        a->exhausted = true;
}

static void *alloc_big(struct mer_arena *a, size_t n)
{
    struct big *b = mer_mem_realloc(NULL, mer_mem_add(sizeof(*b), n));
    b->prev = a->bigs;
    b->before = a->total;
    a->bigs = b;
    account(a, n);
    return b->bytes;
}

static struct block *map_block(const struct mer_arena *a)
{
    struct block *kept = spare;
    if (kept) {
        spare = kept->prev;
        spare_bytes -= kept->cap + sizeof(*kept);
        kept->prev = a->head;
        kept->used = 0;
        return kept;
    }
    size_t size = a->total / 4;
    size = size < MAPPED_MIN ? MAPPED_MIN : size > MAPPED_MAX ? MAPPED_MAX : size;
    size = (size + MAPPED_ALIGN - 1) & ~(MAPPED_ALIGN - 1);
    struct block *b =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (b == MAP_FAILED)
        return NULL;
    *b = (struct block){.prev = a->head, .cap = size - sizeof(*b), .mapped = true};
    return b;
}

static void add_block(struct mer_arena *a, size_t need)
{
    struct block *mapped = a->total >= MAPPED_FROM ? map_block(a) : NULL;
    if (mapped) {
        a->head = mapped;
        return;
    }
    size_t size = a->head ? (a->head->cap + sizeof(struct block)) * 2 : BLOCK_FIRST;
    while (size < need + sizeof(struct block))
        size *= 2;
    if (size > BLOCK_MAX)
        size = BLOCK_MAX;
    struct block *b = mer_mem_realloc(NULL, size);
    b->prev = a->head;
    b->cap = size - sizeof(*b);
    b->used = 0;
    b->mapped = false;
    a->head = b;
}

static void *alloc_aligned(struct mer_arena *a, size_t n, size_t align)
{
    if (n == 0)
        n = 1;
    if (n > OWN_MALLOC_FROM)
        return alloc_big(a, n);
    size_t start = a->head ? (a->head->used + align - 1) & ~(align - 1) : 0;
    if (!a->head || start + n > a->head->cap) {
        add_block(a, n);
        start = 0;
    }
    account(a, start + n - a->head->used);
    a->head->used = start + n;
    return a->head->bytes + start;
}

void *mer_arena_alloc(struct mer_arena *a, size_t n)
{
    return alloc_aligned(a, n, 16);
}

void *mer_arena_zalloc(struct mer_arena *a, size_t n)
{
    return memset(alloc_aligned(a, n, 16), 0, n);
}

char *mer_arena_bytes(struct mer_arena *a, size_t n)
{
    return alloc_aligned(a, n, 1);
}

struct mer_slice mer_arena_copy(struct mer_arena *a, struct mer_slice s)
{
    char *p = mer_arena_bytes(a, s.n);
    if (s.n)
        memcpy(p, s.p, s.n);
    return mer_slice_make(p, s.n);
}

char *mer_arena_cstr(struct mer_arena *a, struct mer_slice s)
{
    char *p = mer_arena_bytes(a, mer_mem_add(s.n, 1));
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return p;
}

struct mer_slice mer_arena_printf(struct mer_arena *a, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0)
        abort();
    char *p = mer_arena_bytes(a, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return mer_slice_make(p, (size_t)n);
}

bool mer_arena_exhausted(const struct mer_arena *a)
{
    return a->exhausted;
}

size_t mer_arena_total_bytes(const struct mer_arena *a)
{
    return a->total;
}

size_t mer_arena_left_bytes(const struct mer_arena *a)
{
    if (a->cap == 0)
        return 0;
    return a->total < a->cap ? a->cap - a->total : 1;
}

struct mer_arena_mark mer_arena_mark(const struct mer_arena *a)
{
    return (struct mer_arena_mark){.block = a->head, .used = a->head ? a->head->used : 0, .total = a->total};
}

void mer_arena_rewind(struct mer_arena *a, struct mer_arena_mark m)
{
    free_bigs(a, m.total);
    // A mark taken before the first block: the oldest block stays, emptied.
    while (a->head && a->head != m.block && (m.block || a->head->prev)) {
        struct block *b = a->head;
        a->head = b->prev;
        free_block(b);
    }
    if (a->head)
        a->head->used = m.block ? m.used : 0;
    a->total = m.total;
}
