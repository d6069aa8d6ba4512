// SPDX-License-Identifier: MIT
// Entries: what was stored is read back, whatever is not exactly that is refused.
#include "cache/entry.h"

#include "base/time.h"
#include "mer_test.h"

#include <stdlib.h>

#define NOW_US 1765377000000000LL

static void *copy_of(struct mer_slice s, size_t n)
{
    char *p = malloc(n ? n : 1);
    memcpy(p, s.p, n < s.n ? n : s.n);
    return p;
}

static enum mer_entry_fault open_copy(struct mer_slice stored, size_t n, struct mer_slice key, int64_t now_us)
{
    struct mer_cache_entry *e;
    enum mer_entry_fault fault = mer_cache_entry_open(copy_of(stored, n), n, key, now_us, &e);
    assert_true((e != NULL) == (fault == MER_ENTRY_GOOD));
    mer_cache_entry_unref(e);
    return fault;
}

static void comes_back_whole(void **state)
{
    (void)state;
    static const char bytes[] = "value\0with\xff\r\neverything";
    struct mer_slice key = MER_S("a key of any length and any bytes \0\x01\r\n"),
                     value = {bytes, sizeof(bytes)};
    struct mer_cache_entry *e = mer_cache_entry_new(key, value, NOW_US, 1500);
    assert_true(mer_slice_eq(e->key, key) && mer_slice_eq(e->value, value));
    struct mer_slice stored = mer_cache_entry_seal(e);
    struct mer_cache_entry *back;
    assert_int_equal(mer_cache_entry_open(copy_of(stored, stored.n), stored.n, key, NOW_US + 1000, &back),
                     MER_ENTRY_GOOD);
    assert_true(mer_slice_eq(back->key, key) && mer_slice_eq(back->value, value));
    assert_true(back->stored_at_us == NOW_US && back->expires_at_us == NOW_US + 1500000);
    struct mer_slice again = mer_cache_entry_seal(back);
    assert_true(mer_slice_eq(again, stored));
    mer_cache_entry_unref(back);
    mer_cache_entry_unref(e);
}

static void empty_ones_are_entries_too(void **state)
{
    (void)state;
    struct mer_cache_entry *e = mer_cache_entry_new(MER_NIL, MER_NIL, NOW_US, 1);
    struct mer_slice stored = mer_cache_entry_seal(e);
    assert_int_equal(open_copy(stored, stored.n, MER_NIL, NOW_US), MER_ENTRY_GOOD);
    assert_int_equal(open_copy(stored, stored.n, MER_S("k"), NOW_US), MER_ENTRY_KEY);
    mer_cache_entry_unref(e);
}

static void limits_hold(void **state)
{
    (void)state;
    assert_null(
        mer_cache_entry_new(MER_S("k"), (struct mer_slice){"", MER_CACHE_ENTRY_BYTES_MAX}, NOW_US, 1));
    assert_null(mer_cache_entry_new((struct mer_slice){"", SIZE_MAX}, MER_S("v"), NOW_US, 1));
    assert_null(mer_cache_entry_new(MER_S("k"), MER_S("v"), NOW_US, -1));
    assert_null(mer_cache_entry_new(MER_S("k"), MER_S("v"), NOW_US, INT64_MAX));
}

static void time_runs_out(void **state)
{
    (void)state;
    struct mer_cache_entry *e = mer_cache_entry_new(MER_S("k"), MER_S("v"), NOW_US, 1000);
    struct mer_slice stored = mer_cache_entry_seal(e);
    assert_int_equal(open_copy(stored, stored.n, MER_S("k"), NOW_US + 999999), MER_ENTRY_GOOD);
    assert_int_equal(open_copy(stored, stored.n, MER_S("k"), NOW_US + 1000000), MER_ENTRY_EXPIRED);
    mer_cache_entry_unref(e);
}

// Every bit flipped, every length cut, another version: never a hit.
static void nothing_else_is_believed(void **state)
{
    (void)state;
    struct mer_slice key = MER_S("orders|tenant-foo-inc|7"), value = MER_S("{\"data\":{\"orders\":[1,2,3]}}");
    struct mer_cache_entry *e = mer_cache_entry_new(key, value, NOW_US, 60000);
    struct mer_slice stored = mer_cache_entry_seal(e);
    char *bytes = copy_of(stored, stored.n);
    for (size_t bit = 0; bit < stored.n * 8; bit++) {
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
        assert_true(open_copy((struct mer_slice){bytes, stored.n}, stored.n, key, NOW_US) >
                    MER_ENTRY_EXPIRED);
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
    }
    for (size_t n = 0; n < stored.n; n++) {
        assert_true(open_copy(stored, n, key, NOW_US) > MER_ENTRY_EXPIRED);
    }
    char *longer = calloc(1, stored.n + 8);
    memcpy(longer, stored.p, stored.n);
    for (size_t more = 1; more <= 8; more++) {
        struct mer_slice all = {longer, stored.n + more};
        assert_int_equal(open_copy(all, all.n, key, NOW_US), MER_ENTRY_LENGTH);
    }
    free(longer);
    bytes[4]++;
    assert_int_equal(open_copy((struct mer_slice){bytes, stored.n}, stored.n, key, NOW_US),
                     MER_ENTRY_FOREIGN);
    free(bytes);
    assert_int_equal(open_copy(stored, stored.n, MER_S("orders|tenant-bar-inc|7"), NOW_US), MER_ENTRY_KEY);
    assert_int_equal(open_copy(stored, stored.n, MER_NIL, NOW_US), MER_ENTRY_KEY);
    mer_cache_entry_unref(e);
}

// Lengths that add up to the right sum in 32 bits only.
static void lengths_do_not_wrap(void **state)
{
    (void)state;
    struct mer_cache_entry *e = mer_cache_entry_new(MER_S("k"), MER_S("v"), NOW_US, 60000);
    struct mer_slice stored = mer_cache_entry_seal(e);
    char *bytes = copy_of(stored, stored.n);
    memset(bytes + 8, 0xff, 4);
    bytes[12] = 3;
    assert_int_equal(open_copy((struct mer_slice){bytes, stored.n}, stored.n, MER_S("k"), NOW_US),
                     MER_ENTRY_LENGTH);
    free(bytes);
    mer_cache_entry_unref(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_whole),
        cmocka_unit_test(empty_ones_are_entries_too),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(time_runs_out),
        cmocka_unit_test(nothing_else_is_believed),
        cmocka_unit_test(lengths_do_not_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
