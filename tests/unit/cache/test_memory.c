// SPDX-License-Identifier: MIT
// Memory cache: bounded, least recently used first, whole keys.
#include "cache/memory.h"

#include "base/hash.h"
#include "base/time.h"
#include "mer_test.h"

#include <stdio.h>

static struct mer_slice numbered(char *buf, int i)
{
    return (struct mer_slice){buf, (size_t)snprintf(buf, 32, "key %d", i)};
}

static void put(struct mer_memory_cache *m, struct mer_slice key, struct mer_slice value, int64_t ttl_ms)
{
    struct mer_cache_entry *e = mer_cache_entry_new(key, value, mer_time_wall_us(), ttl_ms);
    mer_memory_cache_put(m, e, mer_hash(key));
    mer_cache_entry_unref(e);
}

static struct mer_cache_entry *get(struct mer_memory_cache *m, struct mer_slice key, int64_t later_us)
{
    return mer_memory_cache_get(m, key, mer_hash(key), mer_time_mono_us() + later_us);
}

static bool holds(struct mer_memory_cache *m, struct mer_slice key)
{
    struct mer_cache_entry *e = get(m, key, 0);
    bool found = e && mer_slice_eq(e->key, key);
    mer_cache_entry_unref(e);
    return found;
}

static void finds_what_was_put(void **state)
{
    (void)state;
    struct mer_memory_cache *m = mer_memory_cache_create(64 << 20);
    char buf[32];
    for (int i = 0; i < 5000; i++) {
        put(m, numbered(buf, i), mer_slice_of("v"), 60000);
    }
    for (int i = 0; i < 5000; i++) {
        assert_true(holds(m, numbered(buf, i)));
    }
    assert_false(holds(m, MER_S("key 5000")));
    assert_false(holds(m, MER_S("key 1\0")));
    assert_int_equal(mer_memory_cache_stats(m).count, 5000);
    mer_memory_cache_clear(m);
    assert_int_equal(mer_memory_cache_stats(m).bytes, 0);
    assert_false(holds(m, MER_S("key 1")));
    mer_memory_cache_destroy(m);
}

// Two keys of the same hash are two keys.
static void whole_keys_are_compared(void **state)
{
    (void)state;
    struct mer_memory_cache *m = mer_memory_cache_create(1 << 20);
    struct mer_cache_entry *a = mer_cache_entry_new(MER_S("a"), MER_S("1"), 0, 60000);
    struct mer_cache_entry *b = mer_cache_entry_new(MER_S("b"), MER_S("2"), 0, 60000);
    mer_memory_cache_put(m, a, 7);
    assert_null(mer_memory_cache_get(m, MER_S("b"), 7, 0));
    mer_memory_cache_put(m, b, 7);
    struct mer_cache_entry *got = mer_memory_cache_get(m, MER_S("a"), 7, 0);
    assert_ptr_equal(got, a);
    mer_cache_entry_unref(got);
    mer_cache_entry_unref(a);
    mer_cache_entry_unref(b);
    mer_memory_cache_destroy(m);
}

static void the_least_used_go_first(void **state)
{
    (void)state;
    struct mer_memory_cache *m = mer_memory_cache_create(100000);
    char buf[32], value[1000] = {0};
    for (int i = 0; i < 1000; i++) {
        put(m, numbered(buf, i), (struct mer_slice){value, sizeof(value)}, 60000);
        assert_true(holds(m, MER_S("key 0")));
        assert_true(mer_memory_cache_stats(m).bytes <= 100000);
    }
    assert_true(holds(m, MER_S("key 999")));
    assert_false(holds(m, MER_S("key 1")));
    assert_true(mer_memory_cache_stats(m).evicted_n > 900);
    mer_memory_cache_destroy(m);
}

static void held_entries_outlive_their_place(void **state)
{
    (void)state;
    struct mer_memory_cache *m = mer_memory_cache_create(1 << 20);
    put(m, MER_S("k"), MER_S("old"), 60000);
    struct mer_cache_entry *held = get(m, MER_S("k"), 0);
    put(m, MER_S("k"), MER_S("new"), 60000);
    struct mer_cache_entry *now = get(m, MER_S("k"), 0);
    mer_assert_slice(held->value, "old");
    mer_assert_slice(now->value, "new");
    assert_int_equal(mer_memory_cache_stats(m).count, 1);
    mer_memory_cache_destroy(m);
    mer_assert_slice(now->value, "new");
    mer_cache_entry_unref(held);
    mer_cache_entry_unref(now);
}

static void expired_ones_are_gone(void **state)
{
    (void)state;
    struct mer_memory_cache *m = mer_memory_cache_create(1 << 20);
    put(m, MER_S("k"), MER_S("v"), 1000);
    struct mer_cache_entry *e = get(m, MER_S("k"), 900000);
    assert_non_null(e);
    mer_cache_entry_unref(e);
    assert_null(get(m, MER_S("k"), 1100000));
    assert_int_equal(mer_memory_cache_stats(m).count, 0);
    mer_memory_cache_destroy(m);
}

static void what_is_too_large_is_not_kept(void **state)
{
    (void)state;
    char value[2000] = {0};
    struct mer_memory_cache *m = mer_memory_cache_create(8000);
    put(m, MER_S("k"), MER_S("small"), 60000);
    put(m, MER_S("k"), (struct mer_slice){value, sizeof(value)}, 60000);
    assert_false(holds(m, MER_S("k"))); // and the older one, which it replaces, is gone
    mer_memory_cache_destroy(m);
    m = mer_memory_cache_create(0);
    put(m, MER_S("k"), MER_S("v"), 60000);
    assert_false(holds(m, MER_S("k")));
    mer_memory_cache_destroy(m);
}

static void an_entry_stands_in_one_place(void **state)
{
    (void)state;
    struct mer_memory_cache *m = mer_memory_cache_create(1 << 20), *other = mer_memory_cache_create(1 << 20);
    struct mer_cache_entry *e = mer_cache_entry_new(MER_S("k"), MER_S("v"), 0, 60000);
    mer_memory_cache_put(m, e, 1);
    mer_memory_cache_put(m, e, 1);
    mer_memory_cache_put(other, e, 1);
    assert_int_equal(mer_memory_cache_stats(m).count, 1);
    assert_int_equal(mer_memory_cache_stats(other).count, 0);
    mer_cache_entry_unref(e);
    mer_memory_cache_destroy(m);
    mer_memory_cache_destroy(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_put),           cmocka_unit_test(whole_keys_are_compared),
        cmocka_unit_test(the_least_used_go_first),      cmocka_unit_test(held_entries_outlive_their_place),
        cmocka_unit_test(expired_ones_are_gone),        cmocka_unit_test(what_is_too_large_is_not_kept),
        cmocka_unit_test(an_entry_stands_in_one_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
