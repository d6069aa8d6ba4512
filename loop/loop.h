// SPDX-License-Identifier: MIT
// Loop: one event loop a thread: sockets, timers, work deferred to the end of the turn, messages from other
// threads.
//
// A loop belongs to the thread that runs it; everything here is called on that thread, except where a
// function says "any thread". All callbacks run on the loop's thread, never inside the call that registered
// them, and never after the matching stop/close/cancel has returned: what a callback's owner points to may be
// freed right then, also from inside the callback itself. Objects to embed (timer, task, post) belong to the
// caller, who zeroes them once before first use; the loop keeps pointers to them only while they are pending.
// Time is the monotonic clock.
//
// Order of a turn: what is ready on sockets, then deferred tasks (and those that they defer, a few
// generations deep), then due timers and posts. So work that is deferred while sockets are read is seen
// together, once, after all of them: that is where batches are made and where a request that was reset again
// in the same packet has cost nothing.
#ifndef MER_LOOP_LOOP_H
#define MER_LOOP_LOOP_H

#include "base/slice.h"

struct mer_loop;
typedef void mer_loop_fn(void *owner);

// Never NULL; aborts when the system refuses a descriptor. A process has a few loops for as long as it lives;
// destroy exists for tests: everything that was opened on it must be closed before.
struct mer_loop *mer_loop_create(void);
void mer_loop_destroy(struct mer_loop *loop);
// Runs turns until mer_loop_stop was called.
void mer_loop_run(struct mer_loop *loop);
// One turn, waiting at most wait_ms for something to happen.
void mer_loop_turn(struct mer_loop *loop, uint32_t wait_ms);
// Any thread, also from a signal handler. The turn in progress ends first. Run may be called again after.
void mer_loop_stop(struct mer_loop *loop);

// mer_time_mono_us(), read once a turn: cheap, and the same for all work of one turn.
int64_t mer_loop_now_us(struct mer_loop *loop);
// When the loop last finished a turn. It turns at least once a second, so an older heartbeat is a hang. Any
// thread.
int64_t mer_loop_heartbeat_us(const struct mer_loop *loop);

// Timers: one-shot, O(1) to start and stop, exact to about a millisecond, any duration. Starting a running
// timer moves it. A timer that is zeroed is stopped.
struct mer_timer {
    /* private */
    struct mer_timer *next, **pprev;
    mer_loop_fn *fn;
    void *owner;
    uint64_t due_tick;
    uint16_t slot;
};
void mer_timer_start(struct mer_loop *loop, struct mer_timer *t, uint64_t ms, mer_loop_fn *fn, void *owner);
void mer_timer_stop(struct mer_loop *loop, struct mer_timer *t);
bool mer_timer_is_running(const struct mer_timer *t);

// Tasks: run once at the end of this turn (called from outside of a turn: of the next). Deferring a task that
// is pending does nothing.
struct mer_task {
    /* private */
    struct mer_task *next, **pprev;
    mer_loop_fn *fn;
    void *owner;
};
void mer_loop_defer(struct mer_loop *loop, struct mer_task *t, mer_loop_fn *fn, void *owner);
void mer_task_cancel(struct mer_loop *loop, struct mer_task *t);
bool mer_task_is_pending(const struct mer_task *t);

// Posts: any thread hands one to the loop, which calls fn(owner) in its own thread. Runs in the order posted
// by one thread. The post must live until it has run; there is no cancel. fn may post the same object again.
struct mer_post {
    /* private */
    struct mer_post *next;
    mer_loop_fn *fn;
    void *owner;
};
void mer_loop_post(struct mer_loop *loop, struct mer_post *p, mer_loop_fn *fn, void *owner);

// Watches: readiness of a descriptor that belongs to another library (libpq, a listener, a signalfd). The
// watch holds a duplicate of fd and closes only that: close the watch BEFORE the library closes its own, else
// the duplicate keeps the connection open. Reading is level-triggered and armed from the start. NULL when
// there is no descriptor left for the duplicate.
struct mer_watch;
struct mer_watch *mer_watch_open(struct mer_loop *loop, int fd, mer_loop_fn *on_readable, void *owner);
// Like open, but takes fd itself instead of a duplicate, and closes it.
struct mer_watch *mer_watch_adopt(struct mer_loop *loop, int take_fd, mer_loop_fn *on_readable, void *owner);
// One call of on_writable once fd can be written (also when it failed: the library will tell). May be asked
// again from inside the callback. Asking while one is pending replaces the callback. NULL: forget the pending
// one.
void mer_watch_want_write(struct mer_watch *w, mer_loop_fn *on_writable);
void mer_watch_pause_read(struct mer_watch *w);
void mer_watch_resume_read(struct mer_watch *w);
void mer_watch_close(struct mer_watch *w);

#endif
