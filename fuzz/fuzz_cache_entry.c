// SPDX-License-Identifier: MIT
// A value as memcached might return it: any bytes. As they are, and with a checksum that fits, so that what
// lies behind the checksum is reached too. The module itself is included, for its checksum.
#include "cache/entry.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void open_copy(const uint8_t *data, size_t size, bool fits)
{
    char *bytes = malloc(size ? size : 1);
    MER_ASSERT(bytes);
    if (size) {
        memcpy(bytes, data, size);
    }
    if (fits && size >= HEADER_BYTES) {
        put(bytes + CHECKSUM_AT, checksum((struct mer_slice){bytes, size}), 8);
    }
    struct mer_cache_entry *e;
    enum mer_entry_fault fault = mer_cache_entry_open(bytes, size, MER_S("key"), 1765377000000000LL, &e);
    MER_ASSERT((fault == MER_ENTRY_GOOD) == (e != NULL));
    if (e) {
        MER_ASSERT(mer_slice_is(e->key, "key") && e->value.n + 3 + HEADER_BYTES == size);
        uint64_t all = 0;
        for (size_t i = 0; i < e->value.n; i++) {
            all += (unsigned char)e->value.p[i];
        }
        MER_ASSERT(all <= e->value.n * 255);
    }
    mer_cache_entry_unref(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    open_copy(data, size, false);
    open_copy(data, size, true);
    return 0;
}
