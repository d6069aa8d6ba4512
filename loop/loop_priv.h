// SPDX-License-Identifier: MIT
// What the files of loop/ share about a loop. Siblings only.
#ifndef MER_LOOP_LOOP_PRIV_H
#define MER_LOOP_LOOP_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include <h2o.h>

#include "loop/loop.h"

// Wheel: 6 levels of 64 slots, one tick a millisecond at level 0, 64 times coarser at each next: 2.2 years in
// all.
enum { WHEEL_LEVELS = 6, WHEEL_SLOTS = 64 };

struct mer_wheel {
    struct mer_timer *slots[WHEEL_LEVELS][WHEEL_SLOTS];
    uint64_t used[WHEEL_LEVELS]; // a bit for each slot that holds a timer
    uint64_t now_tick;           // all timers due at or before this have run
    struct mer_timer *due;       // taken from the wheel, not called yet
};

struct mer_loop {
    h2o_evloop_t *h2o;
    // Deferred tasks hang on a zero timeout of h2o's that was made first, so that they run after all sockets
    // and before the turn's HTTP/2 writes, which h2o gathers by a zero timeout of its own.
    h2o_timeout_t zero;
    h2o_timeout_entry_t zero_entry;
    struct mer_task *tasks, **tasks_tail;
    bool in_tasks;
    struct mer_wheel wheel;
    int64_t now_us;       // 0: nobody asked in this turn yet
    char *scratch;        // what streams read into: most input is consumed as it is shown
    int64_t wall_skew_us; // wall clock minus monotonic clock, as of the last turn

    pthread_mutex_t post_lock;
    struct mer_post *posts, **posts_tail; // under post_lock
    int wake_fd;                          // eventfd: posts are waiting, or stop
    struct mer_watch *wake_watch;
    atomic_bool stopped;
    _Atomic int64_t heartbeat_us;
};

enum { MER_LOOP_SCRATCH = 256 * 1024 };
// Made when it is first asked for; one reader at a time.
char *mer_loop_scratch(struct mer_loop *loop);

// Runs what is due at loop->now_us.
void mer_wheel_run(struct mer_loop *loop);
// Milliseconds until the wheel wants to be run again; at most limit_ms.
uint32_t mer_wheel_wait_ms(const struct mer_loop *loop, uint32_t limit_ms);

#endif
