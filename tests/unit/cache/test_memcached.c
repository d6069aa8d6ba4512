// SPDX-License-Identifier: MIT
// Memcached, against a real one: hits and misses, values that somebody spoilt, a server that dies or stands
// still.
#include "cache/memcached.h"

#include "base/time.h"
#include "memcached_server.h"
#include "mer_test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct memcached_server server;
static struct mer_loop *loop;
static struct mer_memcached *mc;

struct outcome {
    enum mer_memcached_outcome is;
    struct mer_cache_entry *entry;
    int calls;
};

static void note(void *owner, enum mer_memcached_outcome is, struct mer_cache_entry *entry)
{
    struct outcome *o = owner;
    o->is = is;
    o->entry = entry;
    o->calls++;
}

static struct mer_memcached *open_one(const char *address, uint32_t deadline_ms, uint32_t queue_max)
{
    struct mer_slice servers[] = {mer_slice_of(address)};
    struct mer_memcached_opts opts = {.servers = servers,
                                      .servers_n = 1,
                                      .deadline_ms = deadline_ms,
                                      .io_timeout_ms = deadline_ms > 10 ? 2000 : 0,
                                      .connect_timeout_ms = deadline_ms > 10 ? 2000 : 0,
                                      .retry_ms = 200,
                                      .queue_max = queue_max};
    struct mer_diag diag;
    struct mer_memcached *made = mer_memcached_open(&opts, &diag);
    assert_non_null(made);
    return made;
}

static int setup(void **state)
{
    (void)state;
    server = memcached_server_start();
    loop = mer_loop_create();
    // Long enough for a slow machine under sanitizers; the deadline itself is tested below.
    mc = open_one(server.address, 5000, 0);
    return 0;
}

static void close_one(struct mer_memcached *c)
{
    mer_memcached_stop(c);
    while (mer_memcached_pending(c)) {
        mer_loop_turn(loop, 10);
    }
    mer_memcached_close(c);
}

static int teardown(void **state)
{
    (void)state;
    close_one(mc);
    mer_loop_destroy(loop);
    memcached_server_kill(&server);
    return 0;
}

static void turn_until(const struct outcome *o)
{
    for (int i = 0; i < 1000 && o->calls == 0; i++) {
        mer_loop_turn(loop, 10);
    }
    assert_int_equal(o->calls, 1);
}

static struct outcome ask(struct mer_memcached *c, struct mer_slice key)
{
    struct outcome o = {0};
    if (!mer_memcached_get(c, loop, key, note, &o)) {
        o.is = MER_MEMCACHED_ERROR;
        return o;
    }
    assert_int_equal(o.calls, 0); // never inside the call
    turn_until(&o);
    assert_true((o.entry != NULL) == (o.is == MER_MEMCACHED_HIT));
    return o;
}

static enum mer_memcached_outcome outcome_of(struct mer_memcached *c, struct mer_slice key)
{
    struct outcome o = ask(c, key);
    mer_cache_entry_unref(o.entry);
    return o.is;
}

// Sets are told to nobody: waits until the thread has done one more.
static void set(struct mer_memcached *c, struct mer_slice key, struct mer_slice value, int64_t ttl_ms)
{
    struct mer_memcached_stats before = mer_memcached_stats(c), now;
    struct mer_cache_entry *e = mer_cache_entry_new(key, value, mer_time_wall_us(), ttl_ms);
    mer_memcached_set(c, e);
    mer_cache_entry_unref(e);
    int turns = 0;
    do {
        now = mer_memcached_stats(c);
        mer_loop_turn(loop, 1);
    } while (now.sets_n + now.sets_dropped_n + now.sets_failed_n ==
                 before.sets_n + before.sets_dropped_n + before.sets_failed_n &&
             turns++ < 10000);
}

static void hits_and_misses(void **state)
{
    (void)state;
    static const char bytes[] = "any\0bytes\r\nEND\r\n";
    struct mer_slice value = {bytes, sizeof(bytes)};
    assert_int_equal(outcome_of(mc, MER_S("nobody")), MER_MEMCACHED_MISS);
    int64_t before = mer_time_wall_us();
    set(mc, MER_S("somebody"), value, 60000);
    struct outcome o = ask(mc, MER_S("somebody"));
    assert_int_equal(o.is, MER_MEMCACHED_HIT);
    assert_true(mer_slice_eq(o.entry->value, value));
    assert_true(o.entry->stored_at_us >= before && o.entry->stored_at_us <= mer_time_wall_us());
    mer_cache_entry_unref(o.entry);
    assert_int_equal(mer_memcached_stats(mc).corrupt_n, 0);
}

static void keys_cannot_inject(void **state)
{
    (void)state;
    static const char long_key[1000];
    set(mc, MER_S("x\r\nset victim 0 0 7\r\nHACKED!\r\n"), MER_S("v"), 60000);
    set(mc, (struct mer_slice){long_key, sizeof(long_key)}, MER_S("zeros"), 60000);
    set(mc, MER_NIL, MER_S("nothing"), 60000);
    char reply[256];
    size_t n = memcached_server_say(&server, MER_S("get victim\r\n"), "END\r\n", reply, sizeof(reply));
    assert_true(mer_slice_is((struct mer_slice){reply, n}, "END\r\n"));
    assert_int_equal(outcome_of(mc, MER_S("x\r\nset victim 0 0 7\r\nHACKED!\r\n")), MER_MEMCACHED_HIT);
    assert_int_equal(outcome_of(mc, (struct mer_slice){long_key, sizeof(long_key)}), MER_MEMCACHED_HIT);
    assert_int_equal(outcome_of(mc, (struct mer_slice){long_key, sizeof(long_key) - 1}), MER_MEMCACHED_MISS);
    assert_int_equal(outcome_of(mc, MER_NIL), MER_MEMCACHED_HIT);
}

// Writes the bytes where the key's value lies.
static void plant(struct mer_slice key, struct mer_slice bytes)
{
    char digest[64], command[4096], reply[64];
    mer_memcached_digest(key, digest);
    int n = snprintf(command, sizeof(command), "set %.64s 0 0 %zu\r\n", digest, bytes.n);
    memcpy(command + n, bytes.p, bytes.n);
    memcpy(command + n + bytes.n, "\r\n", 2);
    size_t got = memcached_server_say(&server, (struct mer_slice){command, (size_t)n + bytes.n + 2}, "\r\n",
                                      reply, sizeof(reply));
    assert_true(mer_slice_is((struct mer_slice){reply, got}, "STORED\r\n"));
}

static void spoilt_values_are_misses(void **state)
{
    (void)state;
    struct mer_slice key = MER_S("spoilt");
    struct mer_cache_entry *e = mer_cache_entry_new(key, MER_S("the value"), mer_time_wall_us(), 60000);
    struct mer_cache_entry *foreign =
        mer_cache_entry_new(MER_S("other"), MER_S("another's"), mer_time_wall_us(), 60000);
    struct mer_slice stored = mer_cache_entry_seal(e);
    char *bytes = malloc(stored.n);
    memcpy(bytes, stored.p, stored.n);
    plant(key, stored);
    assert_int_equal(outcome_of(mc, key), MER_MEMCACHED_HIT);
    uint64_t corrupt = mer_memcached_stats(mc).corrupt_n;
    bytes[stored.n - 1] ^= 1; // a flipped bit
    plant(key, (struct mer_slice){bytes, stored.n});
    assert_int_equal(outcome_of(mc, key), MER_MEMCACHED_MISS);
    bytes[stored.n - 1] ^= 1;
    bytes[4] ^= 2; // another version
    plant(key, (struct mer_slice){bytes, stored.n});
    assert_int_equal(outcome_of(mc, key), MER_MEMCACHED_MISS);
    plant(key, (struct mer_slice){stored.p, stored.n - 3}); // cut short
    assert_int_equal(outcome_of(mc, key), MER_MEMCACHED_MISS);
    plant(key, MER_S("")); // empty
    assert_int_equal(outcome_of(mc, key), MER_MEMCACHED_MISS);
    plant(key, MER_S("something else altogether, of some length"));
    assert_int_equal(outcome_of(mc, key), MER_MEMCACHED_MISS);
    plant(key, mer_cache_entry_seal(foreign)); // swapped with another key's
    assert_int_equal(outcome_of(mc, key), MER_MEMCACHED_MISS);
    assert_int_equal(mer_memcached_stats(mc).corrupt_n, corrupt + 6);
    plant(key, stored);
    assert_int_equal(outcome_of(mc, key), MER_MEMCACHED_HIT);
    free(bytes);
    mer_cache_entry_unref(e);
    mer_cache_entry_unref(foreign);
}

static void old_values_are_misses(void **state)
{
    (void)state;
    struct mer_slice key = MER_S("old");
    struct mer_cache_entry *e = mer_cache_entry_new(key, MER_S("v"), mer_time_wall_us() - 10000000, 5000);
    plant(key, mer_cache_entry_seal(e));
    mer_cache_entry_unref(e);
    assert_int_equal(outcome_of(mc, key), MER_MEMCACHED_MISS);
    assert_int_equal(mer_memcached_stats(mc).expired_n, 1);
}

static void large_values_are_not_set(void **state)
{
    (void)state;
    size_t n = 2 << 20;
    char *big = calloc(1, n);
    uint64_t dropped = mer_memcached_stats(mc).sets_dropped_n;
    set(mc, MER_S("big"), (struct mer_slice){big, n}, 60000);
    assert_int_equal(mer_memcached_stats(mc).sets_dropped_n, dropped + 1);
    set(mc, MER_S("big"), (struct mer_slice){big, 900 << 10}, 60000);
    assert_int_equal(outcome_of(mc, MER_S("big")), MER_MEMCACHED_HIT);
    free(big);
}

// Many at once: batches, doubles in one batch, hits among misses.
static void many_at_once(void **state)
{
    (void)state;
    enum { N = 300 };
    static struct outcome outcomes[N];
    memset(outcomes, 0, sizeof(outcomes));
    char key[32];
    for (int i = 0; i < 50; i++) {
        struct mer_slice k = {key, (size_t)snprintf(key, sizeof(key), "many %d", i)};
        set(mc, k, k, 60000);
    }
    for (int i = 0; i < N; i++) {
        struct mer_slice k = {key, (size_t)snprintf(key, sizeof(key), "many %d", i % 100)};
        assert_non_null(mer_memcached_get(mc, loop, k, note, &outcomes[i]));
    }
    for (int i = 0; i < N; i++) {
        for (int turns = 0; turns < 1000 && !outcomes[i].calls; turns++) {
            mer_loop_turn(loop, 10);
        }
        assert_int_equal(outcomes[i].calls, 1);
        assert_int_equal(outcomes[i].is, i % 100 < 50 ? MER_MEMCACHED_HIT : MER_MEMCACHED_MISS);
        if (outcomes[i].entry) {
            snprintf(key, sizeof(key), "many %d", i % 100);
            mer_assert_slice(outcomes[i].entry->value, key);
            mer_cache_entry_unref(outcomes[i].entry);
        }
    }
}

static void cancelled_asks_are_silent(void **state)
{
    (void)state;
    struct outcome cancelled[20] = {0};
    for (int i = 0; i < 20; i++) {
        struct mer_memcached_ask *a = mer_memcached_get(mc, loop, MER_S("somebody"), note, &cancelled[i]);
        if (i % 2) {
            mer_loop_turn(loop, 0);
        }
        if (!cancelled[i].calls) {
            mer_memcached_cancel(a);
            cancelled[i].calls = 1;
        } else {
            mer_cache_entry_unref(cancelled[i].entry);
        }
    }
    for (int i = 0; i < 1000 && mer_memcached_pending(mc); i++) {
        mer_loop_turn(loop, 10);
    }
    assert_int_equal(mer_memcached_pending(mc), 0);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(cancelled[i].calls, 1);
    }
}

static void a_full_queue_is_told_at_once(void **state)
{
    (void)state;
    struct mer_memcached *small = open_one(server.address, 5000, 4);
    memcached_server_signal(&server, SIGSTOP);
    struct outcome outcomes[40] = {0};
    int refused = 0;
    for (int i = 0; i < 40; i++) {
        refused += mer_memcached_get(small, loop, MER_S("k"), note, &outcomes[i]) == NULL;
    }
    assert_true(refused > 0);
    memcached_server_signal(&server, SIGCONT);
    for (int i = 0; i < 1000 && mer_memcached_pending(small); i++) {
        mer_loop_turn(loop, 10);
    }
    int called = 0;
    for (int i = 0; i < 40; i++) {
        called += outcomes[i].calls;
    }
    assert_int_equal(called + refused, 40);
    assert_int_equal(mer_memcached_stats(small).refused_n, refused);
    close_one(small);
}

// A server that stands still: everybody hears TIMEOUT or ERROR, soon nobody asks any more, and it heals.
static void a_stalled_server_delays_nobody(void **state)
{
    (void)state;
    struct mer_memcached *quick = open_one(server.address, 10, 0);
    memcached_server_signal(&server, SIGSTOP);
    uint64_t refused_before = mer_memcached_stats(quick).refused_n;
    for (int i = 0; i < 40; i++) {
        enum mer_memcached_outcome is = outcome_of(quick, MER_S("somebody"));
        assert_true(is == MER_MEMCACHED_TIMEOUT || is == MER_MEMCACHED_ERROR);
    }
    assert_true(mer_memcached_stats(quick).refused_n > refused_before);
    memcached_server_signal(&server, SIGCONT);
    close_one(quick); // with late replies on their way
    bool healed = false;
    for (int i = 0; i < 500 && !healed; i++) {
        healed = outcome_of(mc, MER_S("somebody")) == MER_MEMCACHED_HIT;
        usleep(healed ? 0 : 10000);
    }
    assert_true(healed);
}

static void a_dead_server_is_skipped_and_heals(void **state)
{
    (void)state;
    memcached_server_kill(&server);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(outcome_of(mc, MER_S("somebody")), MER_MEMCACHED_ERROR);
    }
    struct mer_memcached_stats s = mer_memcached_stats(mc);
    assert_true(s.refused_n > 0 && s.errors_n > 0);
    uint64_t dropped = s.sets_dropped_n;
    set(mc, MER_S("lost"), MER_S("v"), 60000);
    assert_int_equal(mer_memcached_stats(mc).sets_dropped_n, dropped + 1);
    memcached_server_restart(&server);
    bool healed = false;
    for (int i = 0; i < 500 && !healed; i++) {
        healed = outcome_of(mc, MER_S("lost")) == MER_MEMCACHED_MISS;
        usleep(healed ? 0 : 10000);
    }
    assert_true(healed);
    healed = false; // the setter's connection has its own pause
    for (int i = 0; i < 500 && !healed; i++) {
        set(mc, MER_S("found"), MER_S("v"), 60000);
        healed = outcome_of(mc, MER_S("found")) == MER_MEMCACHED_HIT;
        usleep(healed ? 0 : 10000);
    }
    assert_true(healed);
}

// One of two servers is gone: the other's keys are still found.
static void one_of_two_is_enough(void **state)
{
    (void)state;
    struct memcached_server second = memcached_server_start();
    struct mer_slice servers[] = {mer_slice_of(server.address), mer_slice_of(second.address)};
    struct mer_memcached_opts opts = {
        .servers = servers, .servers_n = 2, .deadline_ms = 5000, .io_timeout_ms = 2000, .retry_ms = 100};
    struct mer_memcached *two = mer_memcached_open(&opts, NULL);
    char key[32];
    for (int i = 0; i < 40; i++) {
        set(two, (struct mer_slice){key, (size_t)snprintf(key, sizeof(key), "two %d", i)}, MER_S("v"), 60000);
    }
    memcached_server_kill(&second);
    int hits = 0, errors = 0;
    for (int i = 0; i < 40; i++) {
        enum mer_memcached_outcome is =
            outcome_of(two, (struct mer_slice){key, (size_t)snprintf(key, sizeof(key), "two %d", i)});
        hits += is == MER_MEMCACHED_HIT;
        errors += is != MER_MEMCACHED_HIT;
    }
    assert_true(hits > 0 && errors > 0);
    close_one(two);
}

static void addresses_are_checked(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "", "localhost", ":11211", "localhost:", "localhost:0", "localhost:65536", "localhost:x"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct mer_slice servers[] = {mer_slice_of(wrong[i])};
        struct mer_memcached_opts opts = {.servers = servers, .servers_n = 1};
        struct mer_diag diag;
        assert_null(mer_memcached_open(&opts, &diag));
        assert_non_null(strstr(diag.msg, "is not HOST:PORT"));
    }
}

static void digests_are_hex_of_sha256(void **state)
{
    (void)state;
    char digest[64];
    mer_memcached_digest(MER_S("abc"), digest);
    assert_memory_equal(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hits_and_misses),
        cmocka_unit_test(keys_cannot_inject),
        cmocka_unit_test(spoilt_values_are_misses),
        cmocka_unit_test(old_values_are_misses),
        cmocka_unit_test(large_values_are_not_set),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(cancelled_asks_are_silent),
        cmocka_unit_test(a_full_queue_is_told_at_once),
        cmocka_unit_test(a_stalled_server_delays_nobody),
        cmocka_unit_test(a_dead_server_is_skipped_and_heals),
        cmocka_unit_test(one_of_two_is_enough),
        cmocka_unit_test(addresses_are_checked),
        cmocka_unit_test(digests_are_hex_of_sha256),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
