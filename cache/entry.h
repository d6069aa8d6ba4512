// SPDX-License-Identifier: MIT
// Entry: one cached value with its whole key and its times, and the form in which it lies in memcached.
// Opaque bytes: what they mean is the business of whoever put them there.
//
// An entry never changes after it was made and is counted by references (any thread may hold one and let go
// of it), so a hit can be sent while the entry is evicted. The stored form is the entry's own buffer: header,
// key, value. Whoever reads it back believes nothing: magic, version, lengths, the whole key and a checksum
// must fit, else it is a miss.
#ifndef MER_CACHE_ENTRY_H
#define MER_CACHE_ENTRY_H

#include "base/slice.h"

#include <stdatomic.h>

// The two parts together; more is not cached.
#define MER_CACHE_ENTRY_BYTES_MAX (64u << 20)

struct mer_cache_entry {
    struct mer_slice key, value;
    int64_t stored_at_us;  // wall: its age is now minus this
    int64_t expires_at_us; // wall
    /* private */
    struct mer_cache_entry *chain, *newer, *older; // of the one memory cache that it stands in
    uint64_t hash;
    bool kept; // in that memory cache
    int64_t expires_mono_us;
    struct mer_slice stored;
    void *taken; // a buffer of its own that `stored` lies in, or NULL: right behind this struct
    atomic_uint refs;
};

// Copies both; one reference. NULL when they are too large or ttl_ms is negative.
struct mer_cache_entry *mer_cache_entry_new(struct mer_slice key, struct mer_slice value,
                                            int64_t stored_at_us, int64_t ttl_ms);
struct mer_cache_entry *mer_cache_entry_ref(struct mer_cache_entry *e);
void mer_cache_entry_unref(struct mer_cache_entry *e);
// Bytes it takes in memory.
size_t mer_cache_entry_bytes(const struct mer_cache_entry *e);

// Writes the checksum and returns the stored form. One thread at a time; others may read key and value
// meanwhile.
struct mer_slice mer_cache_entry_seal(struct mer_cache_entry *e);

enum mer_entry_fault {
    MER_ENTRY_GOOD = 0,
    MER_ENTRY_EXPIRED = 1, // good, but its time is over
    MER_ENTRY_FOREIGN = 2, // another magic or version
    MER_ENTRY_LENGTH = 3,
    MER_ENTRY_KEY = 4, // of another key
    MER_ENTRY_CHECKSUM = 5,
};

// Reads a stored form. On GOOD *out has one reference and owns take_buffer (freed by free()); else
// take_buffer is freed at once and *out is NULL.
enum mer_entry_fault mer_cache_entry_open(void *take_buffer, size_t n, struct mer_slice key,
                                          int64_t now_wall_us, struct mer_cache_entry **out);

#endif
