// SPDX-License-Identifier: MIT
// The face of the cache: single flight, with and without a memcached behind it.
#include "cache/cache.h"

#include "base/time.h"
#include "memcached_server.h"
#include "mer_test.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>

struct asker {
    struct mer_cache_ask ask;
    enum mer_cache_status is;
    struct mer_cache_entry *entry;
    int calls;
    struct asker *cancels;  // whom it cancels when told
    struct mer_slice fills; // what it fills in at once when it leads
    bool abandons;          // or gives up at once
};

static struct mer_loop *loop;
static struct mer_cache *cache;

static int setup(void **state)
{
    (void)state;
    loop = mer_loop_create();
    cache = mer_cache_create(loop, 1 << 20, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mer_cache_destroy(cache);
    mer_loop_destroy(loop);
    return 0;
}

static void note(void *owner, enum mer_cache_status is, struct mer_cache_entry *entry)
{
    struct asker *a = owner;
    a->is = is;
    a->entry = entry;
    a->calls++;
    if (a->cancels) {
        mer_cache_cancel(&a->cancels->ask);
    }
    if (is == MER_CACHE_MISS && a->fills.p) {
        mer_cache_fill(&a->ask, a->fills, mer_time_wall_us(), 60000);
    } else if (is == MER_CACHE_MISS && a->abandons) {
        mer_cache_abandon(&a->ask);
    }
}

static enum mer_cache_status get(struct asker *a, struct mer_slice key)
{
    enum mer_cache_status is = mer_cache_get(cache, &a->ask, key, 5000, note, a);
    if (is != MER_CACHE_PENDING) {
        a->is = is;
    }
    if (is == MER_CACHE_HIT_MEMORY) {
        a->entry = a->ask.entry;
    }
    return is;
}

static void turns(void)
{
    for (int i = 0; i < 4; i++) {
        mer_loop_turn(loop, 0);
    }
}

static void done(struct asker *a)
{
    mer_cache_entry_unref(a->entry);
    a->entry = NULL;
}

static void a_miss_leads_and_a_fill_is_found(void **state)
{
    (void)state;
    struct asker first = {0}, second = {0};
    assert_int_equal(get(&first, MER_S("k")), MER_CACHE_MISS);
    int64_t stored = mer_time_wall_us() - 5000000;
    mer_cache_fill(&first.ask, MER_S("v"), stored, 60000);
    assert_int_equal(get(&second, MER_S("k")), MER_CACHE_HIT_MEMORY);
    mer_assert_slice(second.entry->value, "v");
    assert_true(second.entry->stored_at_us == stored);
    done(&second);
    struct mer_cache_entry *e = mer_cache_peek(cache, MER_S("k"));
    assert_non_null(e);
    mer_cache_entry_unref(e);
    assert_null(mer_cache_peek(cache, MER_S("other")));
    mer_cache_clear(cache);
    assert_null(mer_cache_peek(cache, MER_S("k")));
    assert_int_equal(first.calls + second.calls, 0);
}

static void others_wait_for_the_leader(void **state)
{
    (void)state;
    struct asker leader = {0}, waiting[10] = {0}, stranger = {0};
    assert_int_equal(get(&leader, MER_S("k")), MER_CACHE_MISS);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(get(&waiting[i], MER_S("k")), MER_CACHE_PENDING);
    }
    assert_int_equal(get(&stranger, MER_S("k2")), MER_CACHE_MISS);
    turns();
    mer_cache_fill(&leader.ask, MER_S("v"), mer_time_wall_us(), 60000);
    assert_int_equal(waiting[0].calls, 0); // never inside the call
    turns();
    for (int i = 0; i < 10; i++) {
        assert_int_equal(waiting[i].calls, 1);
        assert_int_equal(waiting[i].is, MER_CACHE_HIT_FLIGHT);
        mer_assert_slice(waiting[i].entry->value, "v");
        done(&waiting[i]);
    }
    assert_int_equal(stranger.calls, 0);
    mer_cache_abandon(&stranger.ask);
    assert_int_equal(mer_cache_stats(cache).misses_n, 2);
    assert_int_equal(mer_cache_stats(cache).hits_flight_n, 10);
}

static void what_is_not_kept_is_still_shared(void **state)
{
    (void)state;
    struct asker leader = {0}, waiting = {0}, later = {0};
    get(&leader, MER_S("k"));
    get(&waiting, MER_S("k"));
    mer_cache_fill(&leader.ask, MER_S("v"), mer_time_wall_us(), 0);
    assert_int_equal(get(&later, MER_S("k")), MER_CACHE_MISS); // a new flight
    turns();
    assert_int_equal(waiting.is, MER_CACHE_HIT_FLIGHT);
    done(&waiting);
    mer_cache_abandon(&later.ask);
}

static void leadership_is_handed_on(void **state)
{
    (void)state;
    struct asker a = {0}, b = {0}, c = {0}, d = {.fills = MER_S("by d")}, e = {0};
    assert_int_equal(get(&a, MER_S("k")), MER_CACHE_MISS);
    get(&b, MER_S("k"));
    get(&c, MER_S("k"));
    get(&d, MER_S("k"));
    get(&e, MER_S("k"));
    mer_cache_abandon(&a.ask);
    assert_int_equal(b.calls, 0);
    turns();
    assert_int_equal(b.is, MER_CACHE_MISS);
    assert_int_equal(c.calls, 0);
    mer_cache_cancel(&c.ask); // one who waits
    mer_cache_cancel(&b.ask); // the leader
    turns();
    assert_int_equal(c.calls, 0);
    assert_int_equal(d.is, MER_CACHE_MISS); // and fills at once, inside its callback
    assert_int_equal(e.is, MER_CACHE_HIT_FLIGHT);
    mer_assert_slice(e.entry->value, "by d");
    done(&e);
    assert_int_equal(b.calls + d.calls + e.calls, 3);
}

static void a_chain_of_quitters_ends(void **state)
{
    (void)state;
    struct asker first = {0}, others[50] = {0};
    get(&first, MER_S("k"));
    for (int i = 0; i < 50; i++) {
        others[i].abandons = true;
        get(&others[i], MER_S("k"));
    }
    mer_cache_abandon(&first.ask);
    for (int i = 0; i < 100; i++) {
        mer_loop_turn(loop, 0);
    }
    for (int i = 0; i < 50; i++) {
        assert_int_equal(others[i].calls, 1);
        assert_int_equal(others[i].is, MER_CACHE_MISS);
    }
    assert_int_equal(get(&first, MER_S("k")), MER_CACHE_MISS);
    mer_cache_abandon(&first.ask);
}

static void callbacks_may_cancel_others(void **state)
{
    (void)state;
    struct asker leader = {0}, a = {0}, b = {0}, c = {0};
    a.cancels = &b;
    get(&leader, MER_S("k"));
    get(&a, MER_S("k"));
    get(&b, MER_S("k"));
    get(&c, MER_S("k"));
    mer_cache_fill(&leader.ask, MER_S("v"), mer_time_wall_us(), 60000);
    mer_cache_cancel(&c.ask); // between fill and delivery
    turns();
    assert_int_equal(a.calls, 1);
    assert_int_equal(b.calls + c.calls, 0);
    done(&a);
    // The last one cancels itself away while everybody is told.
    mer_cache_clear(cache);
    struct asker d = {0};
    a.calls = 0;
    a.cancels = &d;
    get(&leader, MER_S("k"));
    get(&a, MER_S("k"));
    get(&d, MER_S("k"));
    mer_cache_fill(&leader.ask, MER_S("v"), mer_time_wall_us(), 60000);
    turns();
    assert_int_equal(a.calls, 1);
    assert_int_equal(d.calls, 0);
    done(&a);
    mer_cache_cancel(&a.ask); // over already: nothing happens
}

static void waiting_has_an_end(void **state)
{
    (void)state;
    struct asker leader = {0}, waiting = {0}, hasty = {0};
    get(&leader, MER_S("k"));
    assert_int_equal(mer_cache_get(cache, &waiting.ask, MER_S("k"), 20, note, &waiting), MER_CACHE_PENDING);
    assert_int_equal(mer_cache_get(cache, &hasty.ask, MER_S("k"), 0, note, &hasty), MER_CACHE_TIMEOUT);
    for (int i = 0; i < 200 && !waiting.calls; i++) {
        mer_loop_turn(loop, 10);
    }
    assert_int_equal(waiting.is, MER_CACHE_TIMEOUT);
    mer_cache_put(cache, MER_S("k"), MER_S("made alone"), mer_time_wall_us(), 60000);
    mer_cache_fill(&leader.ask, MER_S("made by the leader"), mer_time_wall_us(), 60000);
    turns();
    assert_int_equal(waiting.calls, 1);
    struct mer_cache_entry *e = mer_cache_peek(cache, MER_S("k"));
    mer_assert_slice(e->value, "made by the leader");
    mer_cache_entry_unref(e);
    assert_int_equal(mer_cache_stats(cache).timeouts_n, 2);
}

static void an_answer_too_large_is_made_by_each(void **state)
{
    (void)state;
    struct asker leader = {0}, waiting = {0};
    get(&leader, MER_S("k"));
    get(&waiting, MER_S("k"));
    mer_cache_fill(&leader.ask, (struct mer_slice){"", MER_CACHE_ENTRY_BYTES_MAX + 1}, mer_time_wall_us(), 1);
    turns();
    assert_int_equal(waiting.is, MER_CACHE_MISS);
    mer_cache_abandon(&waiting.ask);
}

// ---- with memcached: two caches, as two loops would have them

static struct mer_memcached *shared_open(const struct memcached_server *s, uint32_t deadline_ms)
{
    struct mer_slice servers[] = {mer_slice_of(s->address)};
    struct mer_memcached_opts opts = {.servers = servers,
                                      .servers_n = 1,
                                      .deadline_ms = deadline_ms,
                                      .io_timeout_ms = deadline_ms > 10 ? 2000 : 0,
                                      .connect_timeout_ms = deadline_ms > 10 ? 2000 : 0,
                                      .retry_ms = 200};
    return mer_memcached_open(&opts, NULL);
}

static void shared_close(struct mer_memcached *mc)
{
    mer_memcached_stop(mc);
    while (mer_memcached_pending(mc)) {
        mer_loop_turn(loop, 10);
    }
    mer_memcached_close(mc);
}

static void turn_until_called(struct asker *a)
{
    for (int i = 0; i < 1000 && !a->calls; i++) {
        mer_loop_turn(loop, 10);
    }
    assert_int_equal(a->calls, 1);
}

static void loops_share_by_memcached(void **state)
{
    (void)state;
    struct memcached_server server = memcached_server_start();
    struct mer_memcached *mc = shared_open(&server, 5000);
    struct mer_cache *first = mer_cache_create(loop, 1 << 20, mc),
                     *second = mer_cache_create(loop, 1 << 20, mc);
    struct asker a = {0}, b = {0}, c = {0}, d = {0}, gone = {0};
    assert_int_equal(mer_cache_get(first, &a.ask, MER_S("k"), 5000, note, &a), MER_CACHE_PENDING);
    assert_int_equal(mer_cache_get(first, &b.ask, MER_S("k"), 5000, note, &b), MER_CACHE_PENDING);
    turn_until_called(&a);
    assert_int_equal(a.is, MER_CACHE_MISS);
    assert_int_equal(b.calls, 0);
    mer_cache_fill(&a.ask, MER_S("v"), mer_time_wall_us(), 60000);
    turn_until_called(&b);
    assert_int_equal(b.is, MER_CACHE_HIT_FLIGHT);
    done(&b);
    for (int i = 0; i < 500 && mer_memcached_stats(mc).sets_n == 0; i++) {
        mer_loop_turn(loop, 10);
    }
    assert_int_equal(mer_cache_get(second, &c.ask, MER_S("k"), 5000, note, &c), MER_CACHE_PENDING);
    assert_int_equal(mer_cache_get(second, &d.ask, MER_S("k"), 5000, note, &d), MER_CACHE_PENDING);
    turn_until_called(&c);
    turn_until_called(&d);
    assert_int_equal(c.is, MER_CACHE_HIT_SHARED);
    assert_int_equal(d.is, MER_CACHE_HIT_SHARED);
    mer_assert_slice(d.entry->value, "v");
    assert_ptr_equal(c.entry, d.entry);
    done(&c);
    done(&d);
    assert_int_equal(mer_cache_get(second, &c.ask, MER_S("k"), 5000, note, &c), MER_CACHE_HIT_MEMORY);
    mer_cache_entry_unref(c.ask.entry);
    // An ask that is cancelled while memcached is asked leaves nothing behind.
    assert_int_equal(mer_cache_get(second, &gone.ask, MER_S("k3"), 5000, note, &gone), MER_CACHE_PENDING);
    mer_cache_cancel(&gone.ask);
    shared_close(mc);
    assert_int_equal(gone.calls, 0);
    mer_cache_destroy(first);
    mer_cache_destroy(second);
    memcached_server_kill(&server);
}

// A memcached that stands still costs its deadline at most, and then nothing.
static void a_stalled_memcached_is_a_miss(void **state)
{
    (void)state;
    struct memcached_server server = memcached_server_start();
    struct mer_memcached *mc = shared_open(&server, 10);
    struct mer_cache *c = mer_cache_create(loop, 1 << 20, mc);
    memcached_server_signal(&server, SIGSTOP);
    int at_once = 0;
    char key[32];
    for (int i = 0; i < 40; i++) {
        struct asker a = {0};
        struct mer_slice k = {key, (size_t)snprintf(key, sizeof(key), "k%d", i)};
        if (mer_cache_get(c, &a.ask, k, 5000, note, &a) == MER_CACHE_MISS) {
            at_once++;
        } else {
            turn_until_called(&a);
            assert_int_equal(a.is, MER_CACHE_MISS);
        }
        mer_cache_fill(&a.ask, MER_S("v"), mer_time_wall_us(), 60000);
    }
    assert_true(at_once > 0);
    memcached_server_signal(&server, SIGCONT);
    shared_close(mc);
    mer_cache_destroy(c);
    memcached_server_kill(&server);
}

// Loops on threads of their own ask for the same keys at the same time: each gets entries of its own.
enum { KEYS = 40, ROUNDS = 20 };

struct thread_loop {
    pthread_t thread;
    struct mer_memcached *mc;
    struct mer_loop *loop;
    struct mer_cache *cache;
    uint64_t wrong_n, shared_n;
};

static void check_value(struct thread_loop *t, struct mer_cache_entry *e, struct mer_slice key)
{
    t->wrong_n += !mer_slice_eq(e->value, key) || !mer_slice_eq(e->key, key);
    mer_cache_entry_unref(e);
}

static void one_round(struct thread_loop *t)
{
    struct asker askers[KEYS] = {0};
    char keys[KEYS][16];
    struct mer_slice k[KEYS];
    for (int i = 0; i < KEYS; i++) {
        k[i] = (struct mer_slice){keys[i], (size_t)snprintf(keys[i], sizeof(keys[i]), "both %d", i)};
        enum mer_cache_status is = mer_cache_get(t->cache, &askers[i].ask, k[i], 5000, note, &askers[i]);
        if (is != MER_CACHE_PENDING) {
            askers[i].calls = 1;
            askers[i].is = is;
            askers[i].entry = askers[i].ask.entry;
        }
    }
    for (int i = 0; i < KEYS; i++) {
        while (!askers[i].calls) {
            mer_loop_turn(t->loop, 10);
        }
        t->shared_n += askers[i].is == MER_CACHE_HIT_SHARED;
        if (askers[i].is == MER_CACHE_MISS) {
            mer_cache_fill(&askers[i].ask, k[i], mer_time_wall_us(), 60000);
        } else {
            check_value(t, askers[i].entry, k[i]);
        }
    }
    mer_cache_clear(t->cache);
}

static void *run_rounds(void *arg)
{
    struct thread_loop *t = arg;
    for (int round = 0; round < ROUNDS; round++) {
        one_round(t);
    }
    return NULL;
}

static void threads_share_by_memcached(void **state)
{
    (void)state;
    struct memcached_server server = memcached_server_start();
    struct thread_loop threads[3] = {0};
    struct mer_memcached *mc = shared_open(&server, 5000);
    for (int i = 0; i < 3; i++) {
        threads[i].loop = mer_loop_create();
        threads[i].cache = mer_cache_create(threads[i].loop, 1 << 20, mc);
        assert_int_equal(pthread_create(&threads[i].thread, NULL, run_rounds, &threads[i]), 0);
    }
    uint64_t shared = 0;
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i].thread, NULL);
        assert_int_equal(threads[i].wrong_n, 0);
        shared += threads[i].shared_n;
    }
    assert_true(shared > 0);
    shared_close(mc);
    for (int i = 0; i < 3; i++) {
        mer_cache_destroy(threads[i].cache);
        mer_loop_destroy(threads[i].loop);
    }
    memcached_server_kill(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_miss_leads_and_a_fill_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(others_wait_for_the_leader, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_kept_is_still_shared, setup, teardown),
        cmocka_unit_test_setup_teardown(leadership_is_handed_on, setup, teardown),
        cmocka_unit_test_setup_teardown(a_chain_of_quitters_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(callbacks_may_cancel_others, setup, teardown),
        cmocka_unit_test_setup_teardown(waiting_has_an_end, setup, teardown),
        cmocka_unit_test_setup_teardown(an_answer_too_large_is_made_by_each, setup, teardown),
        cmocka_unit_test_setup_teardown(loops_share_by_memcached, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stalled_memcached_is_a_miss, setup, teardown),
        cmocka_unit_test_setup_teardown(threads_share_by_memcached, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
