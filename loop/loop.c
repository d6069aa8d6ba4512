// SPDX-License-Identifier: MIT
#include "loop/loop.h"

#include "base/log.h"
#include "base/time.h"
#include "loop/loop_h2o.h"
#include "loop/loop_priv.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    // Tasks that tasks defer run in the same turn, this many generations deep; what is deferred deeper waits
    // for
    // the next turn, so that a task which defers itself cannot keep the sockets waiting.
    TASK_GENERATIONS = 8,
    LONGEST_WAIT_MS = 1000,
    CLOCK_STEP_US = 100 * 1000,
};

// A generation is moved to a list head on the stack; the tasks' back pointers follow, so that a task may
// cancel its neighbours.
static void run_generation(struct mer_loop *loop)
{
    struct mer_task *head = loop->tasks;
    loop->tasks = NULL;
    loop->tasks_tail = &loop->tasks;
    head->pprev = &head;
    while (head) {
        struct mer_task *t = head;
        head = t->next;
        if (head)
            head->pprev = &head;
        t->pprev = NULL;
        t->next = NULL;
        t->fn(t->owner);
    }
}

static void on_zero(h2o_timeout_entry_t *entry)
{
    struct mer_loop *loop = H2O_STRUCT_FROM_MEMBER(struct mer_loop, zero_entry, entry);
    loop->in_tasks = true;
    for (int i = 0; i < TASK_GENERATIONS && loop->tasks; i++)
        run_generation(loop);
    loop->in_tasks = false;
}

// Not from inside of the timeout's own callback: a zero timeout that links itself runs for ever within one
// turn.
static void arm_tasks(struct mer_loop *loop)
{
    if (loop->tasks && !loop->in_tasks && !h2o_timeout_is_linked(&loop->zero_entry))
        h2o_timeout_link(loop->h2o, &loop->zero, &loop->zero_entry);
}

void mer_loop_defer(struct mer_loop *loop, struct mer_task *t, mer_loop_fn *fn, void *owner)
{
    if (t->pprev)
        return;
    t->fn = fn;
    t->owner = owner;
    t->next = NULL;
    t->pprev = loop->tasks_tail;
    *loop->tasks_tail = t;
    loop->tasks_tail = &t->next;
    arm_tasks(loop);
}

void mer_task_cancel(struct mer_loop *loop, struct mer_task *t)
{
    if (!t->pprev)
        return;
    *t->pprev = t->next;
    if (t->next)
        t->next->pprev = t->pprev;
    else if (loop->tasks_tail == &t->next)
        loop->tasks_tail = t->pprev;
    t->next = NULL;
    t->pprev = NULL;
}

bool mer_task_is_pending(const struct mer_task *t)
{
    return t->pprev != NULL;
}

static void wake(struct mer_loop *loop)
{
    uint64_t one = 1;
    ssize_t n;
    do
        n = write(loop->wake_fd, &one, sizeof(one));
    while (n < 0 && errno == EINTR);
    // EAGAIN: the counter is full, so the loop is awake anyway.
}

void mer_loop_post(struct mer_loop *loop, struct mer_post *p, mer_loop_fn *fn, void *owner)
{
    p->next = NULL;
    p->fn = fn;
    p->owner = owner;
    pthread_mutex_lock(&loop->post_lock);
    bool first = loop->posts == NULL;
    *loop->posts_tail = p;
    loop->posts_tail = &p->next;
    pthread_mutex_unlock(&loop->post_lock);
    if (first)
        wake(loop);
}

static void on_wake(void *owner)
{
    struct mer_loop *loop = owner;
    uint64_t ignored;
    ssize_t n;
    do
        n = read(loop->wake_fd, &ignored, sizeof(ignored));
    while (n < 0 && errno == EINTR);

    pthread_mutex_lock(&loop->post_lock);
    struct mer_post *p = loop->posts;
    loop->posts = NULL;
    loop->posts_tail = &loop->posts;
    pthread_mutex_unlock(&loop->post_lock);
    while (p) {
        struct mer_post *next = p->next;
        p->fn(p->owner);
        p = next;
    }
}

// libh2o measures its timeouts by the wall clock. When that is stepped, what is linked is moved along: a step
// back would else hold up every timeout (a zero timeout too, and with it all HTTP/2 writes) for as long as
// the step.
static void follow_wall_clock(struct mer_loop *loop, int64_t mono_us)
{
    int64_t skew = mer_time_wall_us() - mono_us;
    int64_t step = skew - loop->wall_skew_us;
    if (step < CLOCK_STEP_US && step > -CLOCK_STEP_US)
        return;
    loop->wall_skew_us = skew;
    for (h2o_linklist_t *n = loop->h2o->_timeouts.next; n != &loop->h2o->_timeouts; n = n->next) {
        h2o_timeout_t *timeout = H2O_STRUCT_FROM_MEMBER(h2o_timeout_t, _link, n);
        for (h2o_linklist_t *m = timeout->_entries.next; m != &timeout->_entries; m = m->next) {
            h2o_timeout_entry_t *entry = H2O_STRUCT_FROM_MEMBER(h2o_timeout_entry_t, _link, m);
            entry->registered_at = (uint64_t)((int64_t)entry->registered_at + step / 1000);
        }
    }
    mer_log(MER_LOG_WARN, "loop", "the wall clock was stepped by_ms=%lld", (long long)(step / 1000));
}

void mer_loop_turn(struct mer_loop *loop, uint32_t wait_ms)
{
    loop->now_us = 0;
    int64_t before = mer_loop_now_us(loop);
    follow_wall_clock(loop, before);
    arm_tasks(loop);
    if (wait_ms > LONGEST_WAIT_MS)
        wait_ms = LONGEST_WAIT_MS;
    uint32_t ms = loop->tasks ? 0 : mer_wheel_wait_ms(loop, wait_ms);
    loop->now_us = 0;
    if (h2o_evloop_run(loop->h2o, (int32_t)ms) != 0 && errno != EINTR) {
        // A descriptor was closed behind the loop's back: its list of changes is beyond repair.
        mer_log(MER_LOG_ERROR, "loop", "poll failed errno=%d", errno);
        abort();
    }
    loop->now_us = 0;
    mer_wheel_run(loop);
    atomic_store_explicit(&loop->heartbeat_us, mer_loop_now_us(loop), memory_order_relaxed);
}

void mer_loop_run(struct mer_loop *loop)
{
    while (!atomic_exchange_explicit(&loop->stopped, false, memory_order_acquire))
        mer_loop_turn(loop, LONGEST_WAIT_MS);
}

void mer_loop_stop(struct mer_loop *loop)
{
    atomic_store_explicit(&loop->stopped, true, memory_order_release);
    wake(loop);
}

int64_t mer_loop_now_us(struct mer_loop *loop)
{
    if (loop->now_us == 0)
        loop->now_us = mer_time_mono_us();
    return loop->now_us;
}

int64_t mer_loop_heartbeat_us(const struct mer_loop *loop)
{
    return atomic_load_explicit(&loop->heartbeat_us, memory_order_relaxed);
}

h2o_loop_t *mer_loop_h2o(struct mer_loop *loop)
{
    return loop->h2o;
}

struct mer_loop *mer_loop_create(void)
{
    // A peer that closed early is an error of a write, never the end of the process.
    signal(SIGPIPE, SIG_IGN);
    struct mer_loop *loop = h2o_mem_alloc(sizeof(*loop));
    memset(loop, 0, sizeof(*loop));
    loop->h2o = h2o_evloop_create();
    h2o_timeout_init(loop->h2o, &loop->zero, 0);
    loop->zero_entry.cb = on_zero;
    loop->tasks_tail = &loop->tasks;
    loop->posts_tail = &loop->posts;
    pthread_mutex_init(&loop->post_lock, NULL);
    int64_t now = mer_time_mono_us();
    loop->wheel.now_tick = (uint64_t)now / 1000;
    loop->wall_skew_us = mer_time_wall_us() - now;
    atomic_store(&loop->heartbeat_us, now);
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->wake_fd < 0) {
        mer_log(MER_LOG_ERROR, "loop", "no eventfd errno=%d", errno);
        abort();
    }
    loop->wake_watch = mer_watch_open(loop, loop->wake_fd, on_wake, loop);
    return loop;
}

void mer_loop_destroy(struct mer_loop *loop)
{
    mer_watch_close(loop->wake_watch);
    close(loop->wake_fd);
    h2o_timeout_unlink(&loop->zero_entry);
    h2o_timeout_dispose(loop->h2o, &loop->zero);
    // Closed sockets are freed by the turn that follows.
    h2o_evloop_run(loop->h2o, 0);
    // The library forgets to close its epoll descriptor here; loops live as long as their process.
    h2o_evloop_destroy(loop->h2o);
    pthread_mutex_destroy(&loop->post_lock);
    free(loop->scratch);
    free(loop);
}

char *mer_loop_scratch(struct mer_loop *loop)
{
    if (!loop->scratch) {
        loop->scratch = malloc(MER_LOOP_SCRATCH);
        MER_ASSERT(loop->scratch);
    }
    return loop->scratch;
}
