// SPDX-License-Identifier: MIT
#include "mer_test.h"

#include "base/time.h"
#include "loop/loop.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct mer_loop *loop;

static int set_up(void **state)
{
    (void)state;
    loop = mer_loop_create();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mer_loop_destroy(loop);
    return 0;
}

static void turn_for(uint32_t ms)
{
    int64_t until = mer_time_mono_us() + (int64_t)ms * 1000;
    while (mer_time_mono_us() < until)
        mer_loop_turn(loop, 5);
}

// ---- timers

struct shot {
    struct mer_timer timer;
    int64_t started_us, fired_us;
    uint64_t ms;
    int fired;
    struct shot *also_stop;
    bool again;
};

static void on_shot(void *owner)
{
    struct shot *s = owner;
    s->fired++;
    s->fired_us = mer_time_mono_us();
    if (s->also_stop)
        mer_timer_stop(loop, &s->also_stop->timer);
    if (s->again && s->fired < 3)
        mer_timer_start(loop, &s->timer, s->ms, on_shot, s);
}

static void start(struct shot *s, uint64_t ms)
{
    s->ms = ms;
    s->started_us = mer_time_mono_us();
    mer_timer_start(loop, &s->timer, ms, on_shot, s);
}

static void timers_fire_in_their_time(void **state)
{
    (void)state;
    enum { N = 400 };
    struct shot *shots = calloc(N, sizeof(*shots));
    for (int i = 0; i < N; i++)
        start(&shots[i], (uint64_t)(i * 7 % 300));
    turn_for(330);
    for (int i = 0; i < N; i++) {
        int64_t took = shots[i].fired_us - shots[i].started_us;
        assert_int_equal(shots[i].fired, 1);
        assert_false(mer_timer_is_running(&shots[i].timer));
        assert_true(took >= (int64_t)shots[i].ms * 1000);
        assert_true(took < (int64_t)shots[i].ms * 1000 + 100 * 1000); // the machine may be busy
    }
    free(shots);
}

static void timers_of_all_distances_can_be_stopped(void **state)
{
    (void)state;
    static const uint64_t ms[] = {
        0,      1,        63,         64,          65,          4095,          4096,      262143,
        262144, 16777216, 1073741824, 68719476735, 68719476736, 1000000000000, UINT64_MAX};
    enum { N = sizeof(ms) / sizeof(ms[0]) };
    struct shot shots[N] = {0};
    for (int i = 0; i < N; i++)
        start(&shots[i], ms[i]);
    for (int i = N; i-- > 0;) {
        assert_true(mer_timer_is_running(&shots[i].timer));
        mer_timer_stop(loop, &shots[i].timer);
        mer_timer_stop(loop, &shots[i].timer);
        assert_false(mer_timer_is_running(&shots[i].timer));
    }
    turn_for(20);
    for (int i = 0; i < N; i++)
        assert_int_equal(shots[i].fired, 0);
}

static void timers_move_repeat_and_stop_each_other(void **state)
{
    (void)state;
    struct shot moved = {0}, again = {.again = true}, killer = {0}, killed = {0}, late = {0};
    start(&moved, 5);
    start(&moved, 60);
    start(&again, 10);
    // Two for the same tick: the one that runs first stops the other.
    killer.also_stop = &killed;
    killed.also_stop = &killer;
    start(&killer, 20);
    start(&killed, 20);
    start(&late, 1000);
    turn_for(50);
    assert_int_equal(moved.fired, 0);
    assert_int_equal(again.fired, 3);
    assert_int_equal(killer.fired + killed.fired, 1);
    turn_for(30);
    assert_int_equal(moved.fired, 1);
    assert_int_equal(late.fired, 0);
    mer_timer_stop(loop, &late.timer);
}

static void a_waiting_loop_wakes_for_a_timer(void **state)
{
    (void)state;
    struct shot s = {0};
    start(&s, 80);
    int turns = 0;
    while (!s.fired && turns++ < 50)
        mer_loop_turn(loop, 10000);
    assert_int_equal(s.fired, 1);
    assert_true(turns < 8); // coarse slots are opened on the way, but it does not poll
}

// ---- tasks

static char trace[64];
static size_t trace_n;

struct step {
    struct mer_task task;
    char name;
    struct step *defers, *cancels;
};

static void on_step(void *owner)
{
    struct step *s = owner;
    trace[trace_n++] = s->name;
    trace[trace_n] = 0;
    if (s->defers && trace_n < 40)
        mer_loop_defer(loop, &s->defers->task, on_step, s->defers);
    if (s->cancels)
        mer_task_cancel(loop, &s->cancels->task);
}

static void tasks_run_once_in_order_and_by_generations(void **state)
{
    (void)state;
    struct step d = {.name = 'd'}, c = {.name = 'c'}, b = {.name = 'b', .defers = &d},
                a = {.name = 'a', .defers = &c};
    trace_n = 0;
    mer_loop_defer(loop, &a.task, on_step, &a);
    mer_loop_defer(loop, &b.task, on_step, &b);
    mer_loop_defer(loop, &a.task, on_step, &a);
    assert_true(mer_task_is_pending(&a.task));
    assert_int_equal(trace_n, 0);
    mer_loop_turn(loop, 1000); // one turn for both generations, and no waiting
    assert_string_equal(trace, "abcd");
    assert_false(mer_task_is_pending(&a.task));
}

static void tasks_can_be_cancelled(void **state)
{
    (void)state;
    struct step c = {.name = 'c'}, b = {.name = 'b'}, a = {.name = 'a', .cancels = &b};
    trace_n = 0;
    trace[0] = 0;
    mer_loop_defer(loop, &a.task, on_step, &a);
    mer_loop_defer(loop, &b.task, on_step, &b);
    mer_loop_defer(loop, &c.task, on_step, &c);
    mer_task_cancel(loop, &c.task);
    mer_task_cancel(loop, &c.task);
    mer_loop_turn(loop, 0);
    assert_string_equal(trace, "a");
    mer_loop_defer(loop, &c.task, on_step, &c);
    mer_loop_turn(loop, 0);
    assert_string_equal(trace, "ac");
}

static void a_task_that_defers_itself_lets_others_live(void **state)
{
    (void)state;
    struct step a = {.name = 'a'};
    struct shot s = {0};
    a.defers = &a;
    trace_n = 0;
    mer_loop_defer(loop, &a.task, on_step, &a);
    mer_loop_turn(loop, 0);
    assert_true(trace_n < 20);
    start(&s, 1);
    while (!s.fired)
        mer_loop_turn(loop, 0);
    mer_task_cancel(loop, &a.task);
}

// ---- posts

enum { POSTERS = 4, POSTS = 2000 };

struct parcel {
    struct mer_post post;
    int from, at;
};
static int next_of[POSTERS], out_of_order, received;

static void on_parcel(void *owner)
{
    struct parcel *p = owner;
    out_of_order += p->at != next_of[p->from]++;
    if (++received == POSTERS * POSTS)
        mer_loop_stop(loop);
}

static void *post_many(void *arg)
{
    struct parcel *p = arg;
    for (int i = 0; i < POSTS; i++)
        mer_loop_post(loop, &p[i].post, on_parcel, &p[i]);
    return NULL;
}

static void posts_arrive_from_other_threads_in_order(void **state)
{
    (void)state;
    pthread_t threads[POSTERS];
    struct parcel *parcels = calloc(POSTERS * POSTS, sizeof(*parcels));
    for (int t = 0; t < POSTERS; t++)
        for (int i = 0; i < POSTS; i++)
            parcels[t * POSTS + i] = (struct parcel){.from = t, .at = i};
    for (int t = 0; t < POSTERS; t++)
        pthread_create(&threads[t], NULL, post_many, &parcels[t * POSTS]);
    mer_loop_run(loop);
    for (int t = 0; t < POSTERS; t++)
        pthread_join(threads[t], NULL);
    assert_int_equal(received, POSTERS * POSTS);
    assert_int_equal(out_of_order, 0);
    free(parcels);
}

static void stop_ends_a_run_that_has_not_begun(void **state)
{
    (void)state;
    int64_t before = mer_time_mono_us();
    mer_loop_stop(loop);
    mer_loop_run(loop);
    assert_true(mer_time_mono_us() - before < 500 * 1000);
    assert_true(mer_loop_heartbeat_us(loop) > 0);
    assert_true(mer_loop_now_us(loop) >= before);
}

// ---- watches

struct ends {
    struct mer_watch *watch;
    int fd;
    int readable, writable;
    bool close_in_callback;
};

static void on_readable(void *owner)
{
    struct ends *e = owner;
    char c;
    e->readable++;
    assert_true(read(e->fd, &c, 1) >= 0);
    if (e->close_in_callback) {
        mer_watch_close(e->watch);
        e->watch = NULL;
    }
}

static void on_writable(void *owner)
{
    struct ends *e = owner;
    if (++e->writable < 3)
        mer_watch_want_write(e->watch, on_writable);
}

static void watches_tell_what_is_ready(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    struct ends e = {.fd = fds[0]};
    e.watch = mer_watch_open(loop, fds[0], on_readable, &e);
    assert_non_null(e.watch);
    turn_for(10);
    assert_int_equal(e.readable, 0);
    assert_int_equal(write(fds[1], "abc", 3), 3);
    turn_for(10);
    assert_int_equal(e.readable, 3); // level-triggered: once for each byte that is left
    mer_watch_pause_read(e.watch);
    assert_int_equal(write(fds[1], "d", 1), 1);
    turn_for(10);
    assert_int_equal(e.readable, 3);
    mer_watch_resume_read(e.watch);
    turn_for(10);
    assert_int_equal(e.readable, 4);

    mer_watch_want_write(e.watch, on_writable);
    turn_for(10);
    assert_int_equal(e.writable, 3);
    mer_watch_want_write(e.watch, on_writable);
    mer_watch_want_write(e.watch, NULL);
    turn_for(10);
    assert_int_equal(e.writable, 3);

    e.close_in_callback = true;
    assert_int_equal(write(fds[1], "e", 1), 1);
    turn_for(10);
    assert_null(e.watch);
    assert_int_equal(write(fds[0], "f", 1), 1); // the library's own descriptor is untouched
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(timers_fire_in_their_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(timers_of_all_distances_can_be_stopped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(timers_move_repeat_and_stop_each_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_waiting_loop_wakes_for_a_timer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tasks_run_once_in_order_and_by_generations, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tasks_can_be_cancelled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_task_that_defers_itself_lets_others_live, set_up, tear_down),
        cmocka_unit_test_setup_teardown(posts_arrive_from_other_threads_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stop_ends_a_run_that_has_not_begun, set_up, tear_down),
        cmocka_unit_test_setup_teardown(watches_tell_what_is_ready, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
