// SPDX-License-Identifier: MIT
#include "gateway/reload.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/time.h"
#include "gateway/stream.h"
#include "gateway/warm.h"
#include "resolvers/graphql/client.h"

#define LOOK_MS  1000
#define STILL_MS 200 // a changed file stands still so long before it is read
#define NAMES_US 10000000
#define WARM_US  2000000 // planning for a reload may take so long, for each worker
#define STOP_S   2

struct mer_reload {
    const struct mer_config *config;
    struct mer_snapshot *snapshot; // the newest
    struct mer_worker *const *workers;
    uint32_t workers_n;
    pthread_t thread;
    bool started;
    int wake_fd;
    atomic_uint_fast64_t asked; // requests so far; their number is their turn
    atomic_uint_fast64_t reloads, refused;
    uint64_t done;           // requests up to this number were answered
    uint64_t seen, left;     // the files at the last look; as they were when they were refused
    int64_t names_due_us;    // when the names of hosts are looked up again
    pthread_mutex_t handing; // held while workers are handed something
    bool stopping;           // under `handing`
    struct mer_diag diag;    // of the last refusal
};

// A request to /reload that waits.
struct mer_reload_wait {
    struct mer_worker *worker;
    struct mer_http_req *req;
    uint64_t number;
    struct mer_reload_wait *next;
};

// What one worker is handed.
struct handing {
    struct mer_post post;
    struct mer_worker *worker;
    struct mer_reload *reload;
    sem_t *done;
    struct mer_snapshot *snapshot; // NULL: it was refused
    struct mer_arena *arena;
    struct mer_warm texts;
    struct mer_operation **ops;
    uint32_t ops_n;
    uint32_t warmed; // operations of all workers
    uint64_t number;
    int64_t took_us;
};

// ---- on a worker's loop ----

static void respond(struct mer_http_req *req, int status, struct mer_slice body)
{
    struct mer_http_header h[] = {
        {MER_S("content-type"), MER_S("application/json; charset=utf-8")},
        {MER_S("cache-control"), MER_S("no-store")},
    };
    mer_http_respond(req, status, h, 2, &body, 1);
}

static void respond_error(struct mer_http_req *req, int status, struct mer_slice message)
{
    struct mer_buf b;
    mer_buf_init(&b, req->arena, 512);
    mer_buf_add(&b, MER_S("{\"errors\":[{\"message\":"));
    mer_json_write_string(&b, message);
    mer_buf_add(&b, MER_S(",\"extensions\":{\"code\":\"RELOAD_REFUSED\"}}]}"));
    respond(req, status, mer_buf_slice(&b));
}

// Takes the requests with a number up to this one off the list.
static struct mer_reload_wait *take_waits(struct mer_worker *w, uint64_t number)
{
    struct mer_reload_wait *taken = NULL, **at = &w->reload_waits;
    while (*at) {
        struct mer_reload_wait *wait = *at;
        if (wait->number > number) {
            at = &wait->next;
            continue;
        }
        *at = wait->next;
        wait->next = taken;
        taken = wait;
    }
    return taken;
}

static void answer_waits(const struct handing *h)
{
    struct mer_reload_wait *wait = take_waits(h->worker, h->number), *next;
    for (; wait; wait = next) {
        struct mer_http_req *req = wait->req;
        next = wait->next;
        if (!h->snapshot) {
            respond_error(req, 422, mer_arena_copy(req->arena, mer_slice_of(h->reload->diag.msg)));
            continue;
        }
        respond(req, 200,
                mer_arena_printf(req->arena, "{\"reloaded\":true,\"warmed\":%u,\"milliseconds\":%lld}",
                                 h->warmed, (long long)(h->took_us / 1000)));
    }
}

static void aborted(void *owner)
{
    struct mer_reload_wait *wait = owner, **at = &wait->worker->reload_waits;
    while (*at && *at != wait) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = wait->next;
    }
}

// The number under which it is answered.
static uint64_t ask(struct mer_reload *r)
{
    uint64_t number = atomic_fetch_add(&r->asked, 1) + 1, one = 1;
    while (write(r->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
    return number;
}

void mer_reload_ask(struct mer_reload *r)
{
    (void)ask(r);
}

void mer_reload_handle(struct mer_worker *w, struct mer_http_req *req)
{
    struct mer_reload_wait *wait = MER_NEW(req->arena, struct mer_reload_wait);
    *wait = (struct mer_reload_wait){.worker = w, .req = req, .next = w->reload_waits};
    req->on_abort = aborted;
    req->owner = wait;
    w->reload_waits = wait;
    wait->number = ask(w->reload);
}

void mer_reload_give_up(struct mer_worker *w)
{
    struct mer_reload_wait *wait = take_waits(w, UINT64_MAX), *next;
    for (; wait; wait = next) {
        next = wait->next;
        respond_error(wait->req, 503, MER_S("the gateway is being stopped"));
    }
}

static void collect(void *owner)
{
    struct handing *h = owner;
    mer_warm_collect(h->arena, h->worker->now, &h->texts);
    sem_post(h->done);
}

static void take_over(struct handing *h)
{
    struct mer_worker *w = h->worker;
    struct mer_running *next = NULL, *before = w->now;
    struct mer_diag d = {0};
    if (mer_running_create(w, h->snapshot, before, &next, &d)) {
        mer_log(MER_LOG_ERROR, "reload", "worker stays on the old snapshot worker=%u message=%.200s",
                w->index, d.msg);
        next = mer_running_ref(before);
        for (uint32_t i = 0; i < h->ops_n; i++) {
            mer_operation_unref(h->ops[i]);
        }
    } else {
        mer_warm_put(next->plans, h->ops, h->ops_n);
    }
    w->now = next;
    if (w->poller) {
        mer_poller_move(w->poller, next->site);
    }
    mer_stream_follow(w);
    mer_running_unref(before);
}

static void publish(void *owner)
{
    struct handing *h = owner;
    take_over(h);
    sem_post(h->done);
}

// Once every worker serves the new snapshot: whoever is told so may ask any of them.
static void answer(void *owner)
{
    struct handing *h = owner;
    answer_waits(h);
    sem_post(h->done);
}

// ---- on the thread ----

static void post_all(struct mer_reload *r, struct handing *all, mer_loop_fn *fn)
{
    sem_t done;
    MER_ASSERT(sem_init(&done, 0, 0) == 0);
    for (uint32_t i = 0; i < r->workers_n; i++) {
        all[i].done = &done;
        mer_loop_post(r->workers[i]->loop, &all[i].post, fn, &all[i]);
    }
    for (uint32_t i = 0; i < r->workers_n; i++) {
        while (sem_wait(&done) != 0) {
        }
    }
    sem_destroy(&done);
}

// A worker that drains takes nothing any more.
static bool hand_out(struct mer_reload *r, struct handing *all, mer_loop_fn *fn)
{
    pthread_mutex_lock(&r->handing);
    bool go = !r->stopping;
    if (go) {
        post_all(r, all, fn);
    }
    pthread_mutex_unlock(&r->handing);
    return go;
}

static struct handing *begin(struct mer_reload *r, struct mer_snapshot *snapshot, uint64_t number)
{
    struct handing *all = calloc(r->workers_n, sizeof(*all));
    MER_ASSERT(all);
    for (uint32_t i = 0; i < r->workers_n; i++) {
        all[i] =
            (struct handing){.worker = r->workers[i], .reload = r, .snapshot = snapshot, .number = number};
        all[i].arena = mer_arena_create(0);
    }
    return all;
}

static void finish(struct mer_reload *r, struct handing *all)
{
    for (uint32_t i = 0; i < r->workers_n; i++) {
        mer_arena_destroy(all[i].arena);
    }
    free(all);
}

static bool hand_snapshot(struct mer_reload *r, struct handing *all, struct mer_snapshot *s, int64_t began_us)
{
    if (!hand_out(r, all, collect)) {
        return false;
    }
    uint32_t warmed = 0;
    for (uint32_t i = 0; i < r->workers_n; i++) {
        struct handing *h = &all[i];
        mer_warm_add_documents(h->arena, s, &h->texts);
        h->ops_n = mer_warm_make(h->arena, h->worker, s, &h->texts, mer_time_mono_us() + WARM_US, &h->ops);
        warmed += h->ops_n;
    }
    for (uint32_t i = 0; i < r->workers_n; i++) {
        all[i].warmed = warmed;
        all[i].took_us = mer_time_mono_us() - began_us;
    }
    if (hand_out(r, all, publish)) {
        (void)hand_out(r, all, answer);
        return true;
    }
    for (uint32_t i = 0; i < r->workers_n; i++) {
        for (uint32_t k = 0; k < all[i].ops_n; k++) {
            mer_operation_unref(all[i].ops[k]);
        }
    }
    return false;
}

static void reload(struct mer_reload *r)
{
    int64_t began = mer_time_mono_us();
    uint64_t number = atomic_load(&r->asked), files = mer_snapshot_look(r->snapshot);
    struct mer_snapshot *s = NULL;
    r->diag = (struct mer_diag){0};
    bool good = mer_snapshot_load(r->config, &s, &r->diag) == MER_OK;
    struct handing *all = begin(r, s, number);
    if (!good) {
        atomic_fetch_add(&r->refused, 1);
        r->left = files;
        mer_log(MER_LOG_ERROR, "reload", "refused, the old snapshot stays message=%s", r->diag.msg);
        (void)hand_out(r, all, answer);
    } else if (hand_snapshot(r, all, s, began)) {
        atomic_fetch_add(&r->reloads, 1);
        r->left = 0;
        mer_log(MER_LOG_INFO, "reload", "serving a new snapshot warmed=%u ms=%lld", all[0].warmed,
                (long long)((mer_time_mono_us() - began) / 1000));
        mer_snapshot_unref(r->snapshot);
        r->snapshot = s;
        s = NULL;
    }
    finish(r, all);
    mer_snapshot_unref(s);
    r->done = number;
    r->seen = mer_snapshot_look(r->snapshot);
}

// Did a subgraph's host move? A name that has no address at the moment keeps the one it had.
static bool names_moved(const struct mer_snapshot *s)
{
    for (uint32_t i = 0; i < s->sources_n && s->config->router; i++) {
        const struct mer_snapshot_source *source = &s->sources[i];
        struct sockaddr_storage address = source->address;
        socklen_t len = source->address_len;
        if (mer_gql_url_resolve(source->url, &address, &len, NULL) == MER_OK &&
            (len != source->address_len || memcmp(&address, &source->address, len) != 0)) {
            return true;
        }
    }
    return false;
}

// Looks around; tells in how many milliseconds to look again.
static int look(struct mer_reload *r)
{
    if (atomic_load(&r->asked) > r->done) {
        reload(r);
        return LOOK_MS;
    }
    uint64_t files = mer_snapshot_look(r->snapshot);
    if (files != mer_snapshot_identity(r->snapshot) && files != r->left) {
        if (files != r->seen) {
            r->seen = files;
            return STILL_MS;
        }
        reload(r);
    } else if (mer_time_mono_us() >= r->names_due_us) {
        if (names_moved(r->snapshot)) {
            reload(r);
        }
        r->names_due_us = mer_time_mono_us() + NAMES_US;
    }
    return LOOK_MS;
}

static bool is_stopping(struct mer_reload *r)
{
    pthread_mutex_lock(&r->handing);
    bool stopping = r->stopping;
    pthread_mutex_unlock(&r->handing);
    return stopping;
}

static void *run(void *owner)
{
    struct mer_reload *r = owner;
    int wait_ms = 0; // files may have changed since the parent process read them
    while (!is_stopping(r)) {
        struct pollfd p = {.fd = r->wake_fd, .events = POLLIN};
        uint64_t count = 0;
        if (poll(&p, 1, wait_ms) > 0 && read(r->wake_fd, &count, sizeof(count)) < 0 && errno != EAGAIN) {
            break;
        }
        if (!is_stopping(r)) {
            wait_ms = look(r);
        }
    }
    return NULL;
}

// ---- its life ----

struct mer_reload *mer_reload_create(const struct mer_config *config)
{
    struct mer_reload *r = calloc(1, sizeof(*r));
    MER_ASSERT(r);
    r->config = config;
    r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    MER_ASSERT(r->wake_fd >= 0);
    pthread_mutex_init(&r->handing, NULL);
    return r;
}

void mer_reload_start(struct mer_reload *r, struct mer_worker *const *workers, uint32_t n,
                      struct mer_snapshot *snapshot)
{
    r->workers = workers;
    r->workers_n = n;
    r->snapshot = mer_snapshot_ref(snapshot);
    r->seen = mer_snapshot_identity(snapshot);
    r->names_due_us = mer_time_mono_us() + NAMES_US;
    r->started = true;
    MER_ASSERT(pthread_create(&r->thread, NULL, run, r) == 0);
}

void mer_reload_stop(struct mer_reload *r)
{
    pthread_mutex_lock(&r->handing);
    r->stopping = true;
    pthread_mutex_unlock(&r->handing);
    uint64_t one = 1;
    while (write(r->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}

// A look-up of a name may take longer than anybody waits: then the thread is left to the process' end.
void mer_reload_destroy(struct mer_reload *r)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += STOP_S;
    if (r->started && pthread_timedjoin_np(r->thread, NULL, &end) != 0) {
        return;
    }
    mer_snapshot_unref(r->snapshot);
    close(r->wake_fd);
    pthread_mutex_destroy(&r->handing);
    free(r);
}

void mer_reload_stats(const struct mer_reload *r, struct mer_reload_stats *out)
{
    *out = (struct mer_reload_stats){atomic_load(&r->reloads), atomic_load(&r->refused)};
}
