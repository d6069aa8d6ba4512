// SPDX-License-Identifier: MIT
#include "lib/heap.h"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/types.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__real_mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset);
int __real_munmap(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);
void *__wrap_mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset);
int __wrap_munmap(void *p, size_t n);

static size_t held, most, marked;

static void *count(void *p)
{
    held += malloc_usable_size(p);
    most = held > most ? held : most;
    return p;
}

static void uncount(void *p)
{
    size_t n = p ? malloc_usable_size(p) : 0;
    held -= n < held ? n : held;
}

void *__wrap_malloc(size_t n)
{
    return count(__real_malloc(n));
}

void *__wrap_calloc(size_t n, size_t size)
{
    return count(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t n)
{
    uncount(p);
    return count(__real_realloc(p, n));
}

void __wrap_free(void *p)
{
    uncount(p);
    __real_free(p);
}

void *__wrap_mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
    void *p = __real_mmap(at, n, prot, flags, fd, offset);
    held += p == MAP_FAILED ? 0 : n;
    most = held > most ? held : most;
    return p;
}

int __wrap_munmap(void *p, size_t n)
{
    held -= n < held ? n : held;
    return __real_munmap(p, n);
}

void heap_mark(void)
{
    most = marked = held;
}

size_t heap_peak(void)
{
    return most - marked;
}
