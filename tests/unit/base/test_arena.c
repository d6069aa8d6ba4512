// SPDX-License-Identifier: MIT
#include "base/arena.h"

#include "mer_test.h"

static void allocations_are_aligned_and_apart(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    unsigned char *seen[200];
    for (size_t i = 0; i < 200; i++) {
        size_t n = i * 37 % 5000;
        seen[i] = mer_arena_alloc(a, n);
        assert_int_equal((uintptr_t)seen[i] % 16, 0);
        memset(seen[i], (int)i, n);
    }
    for (size_t i = 0; i < 200; i++) {
        for (size_t k = 0; k < i * 37 % 5000; k++)
            assert_int_equal(seen[i][k], (unsigned char)i);
    }
    mer_arena_destroy(a);
}

static void zalloc_is_zero_also_on_used_memory(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    for (int round = 0; round < 3; round++) {
        unsigned char *p = mer_arena_zalloc(a, 3000);
        for (size_t i = 0; i < 3000; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xAA, 3000);
        mer_arena_reset(a);
    }
    mer_arena_destroy(a);
}

static void cap_is_sticky_and_reset_clears_it(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(1000);
    mer_arena_alloc(a, 900);
    assert_false(mer_arena_exhausted(a));
    assert_non_null(mer_arena_alloc(a, 900));
    assert_true(mer_arena_exhausted(a));
    mer_arena_reset(a);
    assert_false(mer_arena_exhausted(a));
    assert_int_equal(mer_arena_total_bytes(a), 0);
    mer_arena_destroy(a);
}

static void rewind_gives_back_what_is_younger(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    struct mer_arena_mark empty = mer_arena_mark(a);
    char *kept = mer_arena_bytes(a, 10);
    memcpy(kept, "0123456789", 10);
    size_t before = mer_arena_total_bytes(a);
    for (int round = 0; round < 5; round++) {
        struct mer_arena_mark m = mer_arena_mark(a);
        for (size_t i = 0; i < 100; i++)
            memset(mer_arena_bytes(a, 1 + i * 997 % 40000), 0xEE, 1 + i * 997 % 40000);
        mer_arena_rewind(a, m);
        assert_int_equal(mer_arena_total_bytes(a), before);
        assert_memory_equal(kept, "0123456789", 10);
    }
    mer_arena_rewind(a, empty);
    assert_int_equal(mer_arena_total_bytes(a), 0);
    memset(mer_arena_alloc(a, 100000), 1, 100000);
    mer_arena_destroy(a);
}

static void text_helpers(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    mer_assert_slice(mer_arena_copy(a, MER_S("abc")), "abc");
    mer_assert_slice(mer_arena_copy(a, MER_NIL), "");
    assert_string_equal(mer_arena_cstr(a, mer_slice_make("abcdef", 3)), "abc");
    assert_string_equal(mer_arena_cstr(a, MER_NIL), "");
    mer_assert_slice(mer_arena_printf(a, "%d-%s", 7, "x"), "7-x");
    mer_arena_destroy(a);
    mer_arena_destroy(NULL);
}

static void slices(void **state)
{
    (void)state;
    struct mer_slice rest = MER_S("a,,b");
    mer_assert_slice(mer_slice_cut(&rest, ','), "a");
    mer_assert_slice(mer_slice_cut(&rest, ','), "");
    mer_assert_slice(mer_slice_cut(&rest, ','), "b");
    assert_null(rest.p);
    mer_assert_slice(mer_slice_trim(MER_S(" \t x y\r\n")), "x y");
    mer_assert_slice(mer_slice_trim(MER_S("  ")), "");
    assert_true(mer_slice_ieq(MER_S("Content-TYPE"), MER_S("content-type")));
    assert_false(mer_slice_ieq(MER_S("a["), MER_S("a{")));
    assert_true(mer_slice_cmp(MER_S("ab"), MER_S("abc")) < 0);
}

static void integers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool i64_ok, u64_ok;
        int64_t i64;
        uint64_t u64;
    } table[] = {
        {"0", true, true, 0, 0},
        {"-0", true, false, 0, 0},
        {"007", true, true, 7, 7},
        {"9223372036854775807", true, true, INT64_MAX, INT64_MAX},
        {"9223372036854775808", false, true, 0, (uint64_t)INT64_MAX + 1},
        {"-9223372036854775808", true, false, INT64_MIN, 0},
        {"-9223372036854775809", false, false, 0, 0},
        {"18446744073709551615", false, true, 0, UINT64_MAX},
        {"18446744073709551616", false, false, 0, 0},
        {"99999999999999999999999", false, false, 0, 0},
        {"", false, false, 0, 0},
        {"-", false, false, 0, 0},
        {"+1", false, false, 0, 0},
        {" 1", false, false, 0, 0},
        {"1a", false, false, 0, 0},
        {"--1", false, false, 0, 0},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        int64_t s = 0;
        uint64_t u = 0;
        assert_int_equal(mer_slice_to_i64(mer_slice_of(table[i].text), &s), table[i].i64_ok);
        assert_int_equal(mer_slice_to_u64(mer_slice_of(table[i].text), &u), table[i].u64_ok);
        if (table[i].i64_ok)
            assert_true(s == table[i].i64);
        if (table[i].u64_ok)
            assert_true(u == table[i].u64);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_aligned_and_apart),
        cmocka_unit_test(zalloc_is_zero_also_on_used_memory),
        cmocka_unit_test(cap_is_sticky_and_reset_clears_it),
        cmocka_unit_test(rewind_gives_back_what_is_younger),
        cmocka_unit_test(text_helpers),
        cmocka_unit_test(slices),
        cmocka_unit_test(integers),
    };
    return cmocka_run_group_tests_name("base/arena", tests, NULL, NULL);
}
