// SPDX-License-Identifier: MIT
// Folded multiplication: 64 × 64 → 128 bits, both halves xored, with all operands masked by secrets drawn at
// process start.
#include "base/hash.h"

#include "base/time.h"

#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

__extension__ typedef unsigned __int128 u128;

static uint64_t secret[4];

__attribute__((constructor)) static void draw_secret(void)
{
    if (getrandom(secret, sizeof(secret), GRND_NONBLOCK) != (ssize_t)sizeof(secret)) {
        // Very early at boot the kernel has no entropy yet; the address space layout and the clock have some.
        secret[0] ^= (uint64_t)mer_time_wall_us();
        secret[1] ^= (uint64_t)(uintptr_t)&secret;
        secret[2] ^= (uint64_t)getpid();
    }
    // Odd and never small, whatever the source gave.
    for (int i = 0; i < 4; i++)
        secret[i] |= 0x8000000080000001u;
}

static inline uint64_t fold(uint64_t a, uint64_t b)
{
    u128 m = (u128)a * b;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline uint64_t read_u64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

static inline uint64_t read_u32(const char *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

uint64_t mer_hash(struct mer_slice s)
{
    const char *p = s.p;
    size_t n = s.n;
    uint64_t h = secret[0] ^ n;
    while (n > 16) {
        h = fold(read_u64(p) ^ secret[1], read_u64(p + 8) ^ h);
        p += 16;
        n -= 16;
    }
    uint64_t a = 0, b = 0;
    // The last 0..16 bytes: the two reads may overlap.
    if (n >= 8) {
        a = read_u64(p);
        b = read_u64(p + n - 8);
    } else if (n >= 4) {
        a = read_u32(p);
        b = read_u32(p + n - 4);
    } else if (n > 0) {
        a = (uint64_t)(unsigned char)p[0] << 16 | (uint64_t)(unsigned char)p[n / 2] << 8 |
            (unsigned char)p[n - 1];
    }
    return fold(fold(a ^ secret[2], b ^ h) ^ secret[3], h ^ secret[1]);
}

uint64_t mer_hash_mix(uint64_t h, uint64_t v)
{
    return fold(h ^ secret[2], v ^ secret[3]);
}
