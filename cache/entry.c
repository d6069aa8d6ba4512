// SPDX-License-Identifier: MIT
#include "cache/entry.h"

#include "base/log.h"
#include "base/time.h"

#include <stdlib.h>

// All numbers little-endian:
//    0  magic, 4 bytes             16  stored_at_us, 8
//    4  version, 2                 24  expires_at_us, 8
//    6  bytes of this header, 2    32  checksum of everything else, 8
//    8  bytes of the key, 4        40  key, then value to the end
//   12  bytes of the value, 4
#define HEADER_BYTES 40
#define CHECKSUM_AT  32
#define VERSION      1

static const char magic[4] = {'M', 'R', 'D', 'N'};

static void put(char *p, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        p[i] = (char)(v >> (8 * i) & 0xff);
    }
}

static uint64_t get(const char *p, int bytes)
{
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++) {
        v |= (uint64_t)(unsigned char)p[i] << (8 * i);
    }
    return v;
}

// ---- checksum: against accidents (flipped bits, cut or mixed values), the same on every machine

__extension__ typedef unsigned __int128 u128;

static uint64_t fold(uint64_t a, uint64_t b)
{
    u128 m = (u128)a * b;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static uint64_t sum(uint64_t h, struct mer_slice s)
{
    const char *p = s.p;
    size_t n = s.n;
    h = fold(h ^ n ^ 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93);
    for (; n >= 16; p += 16, n -= 16) {
        h = fold(get(p, 8) ^ h, get(p + 8, 8) ^ 0xa0761d6478bd642f) + fold(h, 0xe7037ed1a0b428db);
    }
    char rest[16] = {0};
    if (n) {
        memcpy(rest, p, n);
    }
    return fold(get(rest, 8) ^ h, get(rest + 8, 8) ^ 0x8ebc6af09c88c6e3) + fold(h, 0x589965cc75374cc3);
}

static uint64_t checksum(struct mer_slice stored)
{
    uint64_t h = sum(0x243f6a8885a308d3, (struct mer_slice){stored.p, CHECKSUM_AT});
    return sum(h, (struct mer_slice){stored.p + HEADER_BYTES, stored.n - HEADER_BYTES});
}

// ---- entries

struct mer_cache_entry *mer_cache_entry_new(struct mer_slice key, struct mer_slice value,
                                            int64_t stored_at_us, int64_t ttl_ms)
{
    if (key.n > MER_CACHE_ENTRY_BYTES_MAX || value.n > MER_CACHE_ENTRY_BYTES_MAX - key.n || ttl_ms < 0 ||
        ttl_ms > INT64_MAX / 4000) {
        return NULL;
    }
    size_t n = HEADER_BYTES + key.n + value.n;
    struct mer_cache_entry *e = malloc(sizeof(*e) + n);
    MER_ASSERT(e);
    memset(e, 0, sizeof(*e));
    char *p = (char *)(e + 1);
    e->stored_at_us = stored_at_us;
    e->expires_at_us = stored_at_us + ttl_ms * 1000;
    e->expires_mono_us = mer_time_mono_us() + ttl_ms * 1000;
    memcpy(p, magic, sizeof(magic));
    put(p + 4, VERSION, 2);
    put(p + 6, HEADER_BYTES, 2);
    put(p + 8, key.n, 4);
    put(p + 12, value.n, 4);
    put(p + 16, (uint64_t)e->stored_at_us, 8);
    put(p + 24, (uint64_t)e->expires_at_us, 8);
    put(p + CHECKSUM_AT, 0, 8);
    if (key.n) {
        memcpy(p + HEADER_BYTES, key.p, key.n);
    }
    if (value.n) {
        memcpy(p + HEADER_BYTES + key.n, value.p, value.n);
    }
    e->stored = (struct mer_slice){p, n};
    e->key = (struct mer_slice){p + HEADER_BYTES, key.n};
    e->value = (struct mer_slice){p + HEADER_BYTES + key.n, value.n};
    atomic_init(&e->refs, 1);
    return e;
}

struct mer_cache_entry *mer_cache_entry_ref(struct mer_cache_entry *e)
{
    atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
    return e;
}

void mer_cache_entry_unref(struct mer_cache_entry *e)
{
    if (e && atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) == 1) {
        free(e->taken);
        free(e);
    }
}

size_t mer_cache_entry_bytes(const struct mer_cache_entry *e)
{
    return sizeof(*e) + e->stored.n;
}

struct mer_slice mer_cache_entry_seal(struct mer_cache_entry *e)
{
    if (!e->taken) { // what came from the store has its checksum
        char *p = (char *)(e + 1);
        put(p + CHECKSUM_AT, checksum(e->stored), 8);
    }
    return e->stored;
}

static enum mer_entry_fault judge(struct mer_slice stored, struct mer_slice key, int64_t now_wall_us)
{
    if (stored.n < HEADER_BYTES) {
        return MER_ENTRY_LENGTH;
    }
    if (memcmp(stored.p, magic, sizeof(magic)) != 0 || get(stored.p + 4, 2) != VERSION ||
        get(stored.p + 6, 2) != HEADER_BYTES) {
        return MER_ENTRY_FOREIGN;
    }
    uint64_t key_n = get(stored.p + 8, 4), value_n = get(stored.p + 12, 4);
    if (key_n + value_n + HEADER_BYTES != stored.n) {
        return MER_ENTRY_LENGTH;
    }
    if (get(stored.p + CHECKSUM_AT, 8) != checksum(stored)) {
        return MER_ENTRY_CHECKSUM;
    }
    if (!mer_slice_eq(key, (struct mer_slice){stored.p + HEADER_BYTES, (size_t)key_n})) {
        return MER_ENTRY_KEY;
    }
    return (int64_t)get(stored.p + 24, 8) > now_wall_us ? MER_ENTRY_GOOD : MER_ENTRY_EXPIRED;
}

enum mer_entry_fault mer_cache_entry_open(void *take_buffer, size_t n, struct mer_slice key,
                                          int64_t now_wall_us, struct mer_cache_entry **out)
{
    struct mer_slice stored = {take_buffer, n};
    enum mer_entry_fault fault = judge(stored, key, now_wall_us);
    *out = NULL;
    if (fault != MER_ENTRY_GOOD) {
        free(take_buffer);
        return fault;
    }
    struct mer_cache_entry *e = calloc(1, sizeof(*e));
    MER_ASSERT(e);
    e->taken = take_buffer;
    e->stored = stored;
    e->key = (struct mer_slice){stored.p + HEADER_BYTES, key.n};
    e->value = (struct mer_slice){e->key.p + key.n, n - HEADER_BYTES - key.n};
    e->stored_at_us = (int64_t)get(stored.p + 16, 8);
    e->expires_at_us = (int64_t)get(stored.p + 24, 8);
    e->expires_mono_us = mer_time_mono_us() + (e->expires_at_us - now_wall_us);
    atomic_init(&e->refs, 1);
    *out = e;
    return MER_ENTRY_GOOD;
}
