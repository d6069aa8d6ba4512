// SPDX-License-Identifier: MIT
// Hashing of bytes for tables in memory: keyed by a seed drawn at process start (so that nobody outside can
// make keys collide), 64 bits, fast on short keys. Not stable over processes: never store it, never send it.
#ifndef MER_BASE_HASH_H
#define MER_BASE_HASH_H

#include "base/slice.h"

uint64_t mer_hash(struct mer_slice s);
uint64_t mer_hash_mix(uint64_t h, uint64_t v);

#endif
