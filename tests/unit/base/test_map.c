// SPDX-License-Identifier: MIT
#include "base/map.h"

#include "base/hash.h"
#include "mer_test.h"

#include <stdio.h>
#include <stdlib.h>

#define KEYS_N 2000u

static char texts[KEYS_N][16];

static struct mer_slice key_of(uint32_t i)
{
    return mer_slice_of(texts[i]);
}

static int make_keys(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < KEYS_N; i++)
        snprintf(texts[i], sizeof(texts[i]), "key-%u", i);
    return 0;
}

// Random adds, puts and deletes beside a plain array that tells what must be there.
static void run_model(struct mer_arena *a)
{
    static char values[4];
    void *model[KEYS_N] = {NULL};
    uint32_t live = 0;
    struct mer_map m;
    mer_map_init(&m, a);
    srand(7);
    for (int step = 0; step < 40000; step++) {
        uint32_t i = (uint32_t)rand() % KEYS_N;
        void *v = &values[rand() % 4];
        switch (rand() % 5) {
        case 0:
            assert_int_equal(mer_map_add(&m, key_of(i), v), model[i] == NULL);
            live += model[i] == NULL;
            model[i] = model[i] ? model[i] : v;
            break;
        case 1:
            mer_map_put(&m, key_of(i), v);
            live += model[i] == NULL;
            model[i] = v;
            break;
        case 2:
            assert_ptr_equal(mer_map_get_or_add(&m, key_of(i), v), model[i] ? model[i] : v);
            live += model[i] == NULL;
            model[i] = model[i] ? model[i] : v;
            break;
        default:
            assert_ptr_equal(mer_map_del(&m, key_of(i)), model[i]);
            live -= model[i] != NULL;
            model[i] = NULL;
        }
        assert_int_equal(m.count, live);
        uint32_t other = (uint32_t)rand() % KEYS_N;
        assert_ptr_equal(mer_map_get(&m, key_of(other)), model[other]);
        assert_int_equal(mer_map_has(&m, key_of(other)), model[other] != NULL);
    }
    uint32_t walked = 0;
    MER_MAP_EACH(&m, e)
    walked++;
    assert_int_equal(walked, live);
    mer_map_fini(&m);
}

static void agrees_with_a_model(void **state)
{
    (void)state;
    run_model(NULL);
    struct mer_arena *a = mer_arena_create(0);
    run_model(a);
    mer_arena_destroy(a);
}

static void walks_in_insertion_order(void **state)
{
    (void)state;
    struct mer_map m;
    mer_map_init(&m, NULL);
    MER_MAP_EACH(&m, e)
    fail();
    for (uint32_t i = 0; i < 100; i++)
        assert_true(mer_map_add(&m, key_of(i * 7 % 100), texts[i]));
    for (uint32_t i = 0; i < 100; i += 2)
        assert_non_null(mer_map_del(&m, key_of(i * 7 % 100)));
    uint32_t at = 1;
    MER_MAP_EACH(&m, e)
    {
        assert_true(mer_slice_eq(e->key, key_of(at * 7 % 100)));
        at += 2;
    }
    assert_int_equal(at, 101);
    mer_map_fini(&m);
}

static void empty_key_is_a_key(void **state)
{
    (void)state;
    struct mer_map m;
    int x;
    mer_map_init(&m, NULL);
    assert_false(mer_map_has(&m, MER_NIL));
    assert_true(mer_map_add(&m, MER_NIL, &x));
    assert_false(mer_map_add(&m, MER_S(""), &x));
    assert_ptr_equal(mer_map_get(&m, MER_S("")), &x);
    mer_map_fini(&m);
}

static void hash_tells_lengths_and_bytes_apart(void **state)
{
    (void)state;
    // Equal text hashes alike wherever it stands; one changed bit or one more byte changes the hash.
    char bytes[80], copy[80];
    memset(bytes, 'a', sizeof(bytes));
    for (size_t n = 0; n < 70; n++) {
        uint64_t h = mer_hash(mer_slice_make(bytes, n));
        memmove(copy + 3, bytes, n);
        assert_true(mer_hash(mer_slice_make(copy + 3, n)) == h);
        assert_true(mer_hash(mer_slice_make(bytes, n + 1)) != h);
        for (size_t i = 0; i < n; i++) {
            copy[3 + i] = (char)(copy[3 + i] ^ 1);
            assert_true(mer_hash(mer_slice_make(copy + 3, n)) != h);
            copy[3 + i] = (char)(copy[3 + i] ^ 1);
        }
    }
    assert_true(mer_hash_mix(1, 2) != mer_hash_mix(2, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_model),
        cmocka_unit_test(walks_in_insertion_order),
        cmocka_unit_test(empty_key_is_a_key),
        cmocka_unit_test(hash_tells_lengths_and_bytes_apart),
    };
    return cmocka_run_group_tests_name("base/map", tests, make_keys, NULL);
}
