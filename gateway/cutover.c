// SPDX-License-Identifier: MIT
#include "gateway/cutover.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "gateway/cutover_move.h"

#define STOP_S 10 // more than one statement takes

struct mer_cutover {
    struct mer_worker *const *workers;
    uint32_t workers_n;
    atomic_bool running; // from the request to its answer
    pthread_t thread;    // the last one, of who set `running`
    bool joinable;
    pthread_mutex_t telling; // held while workers are told something
    atomic_bool stopping;    // set under `telling`
};

struct move {
    struct mer_cutover *owner;
    struct mer_arena *arena;
    struct mer_snapshot *snapshot; // a reference
    struct mer_cutover_ask ask;
    struct mer_cutover_result result;
    struct mer_worker *asker;
};

// The request that waits, on its worker's loop alone.
struct mer_cutover_wait {
    struct mer_worker *worker;
    struct mer_http_req *req;
};

struct telling {
    struct mer_post post;
    struct mer_worker *worker;
    struct move *move;
    sem_t *done;
};

// ---- answers ----

static void respond(struct mer_http_req *req, int status, struct mer_buf *b)
{
    struct mer_http_header h[] = {
        {MER_S("content-type"), MER_S("application/json; charset=utf-8")},
        {MER_S("cache-control"), MER_S("no-store")},
    };
    struct mer_slice body = mer_buf_slice(b);
    mer_http_respond(req, status, h, 2, &body, 1);
}

static void refuse(struct mer_http_req *req, int status, const char *code, const struct mer_slice *reasons,
                   uint32_t n)
{
    struct mer_buf b;
    mer_buf_init(&b, req->arena, 512);
    mer_buf_printf(&b, "{\"code\":\"%s\",\"reasons\":[", code);
    for (uint32_t i = 0; i < n; i++) {
        mer_buf_add(&b, i ? MER_S(",") : MER_S(""));
        mer_json_write_string(&b, reasons[i]);
    }
    mer_buf_add(&b, MER_S("]}"));
    respond(req, status, &b);
}

static void tell_result(struct mer_http_req *req, const struct move *m)
{
    const struct mer_cutover_result *r = &m->result;
    struct mer_buf b;
    if (r->code) {
        refuse(req, 409, r->code, r->reasons, r->reasons_n);
        return;
    }
    mer_buf_init(&b, req->arena, 256);
    mer_buf_printf(&b,
                   "{\"region\":\"%.*s\",\"live\":\"%.*s\",\"previous\":\"%.*s\",\"epoch\":%lld,"
                   "\"phase\":\"%.*s\"}",
                   MER_FMT(m->ask.region), MER_FMT(r->live), MER_FMT(r->previous), (long long)r->epoch,
                   MER_FMT(r->phase));
    respond(req, 200, &b);
}

// ---- on a worker's loop ----

static void publish(void *owner)
{
    struct telling *t = owner;
    const struct mer_cutover_result *r = &t->move->result;
    if (!r->code) {
        struct mer_board *board = t->worker->now->site->board;
        mer_board_set_region(board, t->move->ask.region, r->live, (uint64_t)r->epoch);
        mer_board_set_phase(board, t->move->ask.region, r->phase);
    }
    sem_post(t->done);
}

static void answer(void *owner)
{
    struct telling *t = owner;
    struct mer_cutover_wait *wait = t->worker->cutover_wait;
    atomic_store(&t->move->owner->running, false); // whoever is answered may ask for the next move
    if (wait) {
        t->worker->cutover_wait = NULL;
        wait->req->on_abort = NULL;
        tell_result(wait->req, t->move);
    }
    sem_post(t->done);
}

static void aborted(void *owner)
{
    struct mer_cutover_wait *wait = owner;
    wait->worker->cutover_wait = NULL;
}

static void refuse_stopping(struct mer_http_req *req)
{
    const struct mer_slice why = MER_S("the gateway is being stopped; /routes will tell how it went");
    refuse(req, 503, "STOPPING", &why, 1);
}

void mer_cutover_give_up(struct mer_worker *w)
{
    struct mer_cutover_wait *wait = w->cutover_wait;
    if (wait) {
        w->cutover_wait = NULL;
        wait->req->on_abort = NULL;
        refuse_stopping(wait->req);
    }
}

// ---- on the thread ----

static void post(struct move *m, struct mer_worker *const *workers, uint32_t n, mer_loop_fn *fn)
{
    sem_t done;
    struct telling *all = MER_NEW_N(m->arena, struct telling, n);
    MER_ASSERT(sem_init(&done, 0, 0) == 0);
    for (uint32_t i = 0; i < n; i++) {
        all[i] = (struct telling){.worker = workers[i], .move = m, .done = &done};
        mer_loop_post(workers[i]->loop, &all[i].post, fn, &all[i]);
    }
    for (uint32_t i = 0; i < n; i++) {
        while (sem_wait(&done) != 0) {
        }
    }
    sem_destroy(&done);
}

static void *run(void *owner)
{
    struct move *m = owner;
    struct mer_cutover *c = m->owner;
    mer_cutover_move(m->arena, &m->ask, &m->result);
    pthread_mutex_lock(&c->telling);
    if (!atomic_load(&c->stopping)) {
        post(m, c->workers, c->workers_n, publish);
        post(m, &m->asker, 1, answer);
    }
    pthread_mutex_unlock(&c->telling);
    mer_snapshot_unref(m->snapshot);
    mer_arena_destroy(m->arena);
    return NULL;
}

// ---- the request ----

// `/routes/REGION/WHAT`
static bool read_path(struct mer_slice path, struct mer_slice *region, bool *rollback)
{
    const struct mer_slice prefix = MER_S("/routes/");
    if (!mer_slice_starts(path, prefix)) {
        return false;
    }
    struct mer_slice rest = mer_slice_make(path.p + prefix.n, path.n - prefix.n);
    *region = mer_slice_cut(&rest, '/');
    *rollback = mer_slice_is(rest, "rollback");
    return region->n > 0 && (*rollback || mer_slice_is(rest, "promote"));
}

bool mer_cutover_wanted(const struct mer_http_req *req)
{
    struct mer_slice region;
    bool rollback;
    return mer_slice_is(req->method, "POST") && read_path(req->path, &region, &rollback);
}

static struct mer_slice asked_environment(struct mer_slice query)
{
    while (query.n) {
        struct mer_slice value = mer_slice_cut(&query, '&');
        struct mer_slice key = mer_slice_cut(&value, '=');
        if (mer_slice_is(key, "environment")) {
            return value;
        }
    }
    return MER_S("");
}

static struct move *make_move(struct mer_worker *w, const struct mer_http_req *req, struct mer_slice asked_by)
{
    struct mer_arena *a = mer_arena_create(0);
    struct move *m = MER_NEW(a, struct move);
    bool rollback = false;
    struct mer_slice region = MER_NIL;
    (void)read_path(req->path, &region, &rollback);
    struct mer_slice environment = rollback ? MER_NIL : asked_environment(req->query);
    *m = (struct move){
        .owner = w->cutover,
        .arena = a,
        .asker = w,
        .snapshot = mer_snapshot_ref(w->now->snapshot),
        .ask = {.config = w->config,
                .region = mer_arena_copy(a, region),
                .environment = rollback ? MER_NIL : mer_slice_of(mer_arena_cstr(a, environment)),
                .asked_by = mer_arena_copy(a, asked_by)},
    };
    m->ask.snapshot = m->snapshot;
    m->ask.stop = &w->cutover->stopping;
    return m;
}

void mer_cutover_handle(struct mer_worker *w, struct mer_http_req *req, struct mer_slice asked_by)
{
    struct mer_cutover *c = w->cutover;
    const struct mer_slice busy = MER_S("another move is under way at this gateway");
    if (atomic_load(&c->stopping)) {
        refuse_stopping(req);
        return;
    }
    if (atomic_exchange(&c->running, true)) {
        refuse(req, 409, "UNDER_WAY", &busy, 1);
        return;
    }
    if (c->joinable) {
        pthread_join(c->thread, NULL); // it has told everybody: only its last steps are waited for
    }
    struct mer_cutover_wait *wait = MER_NEW(req->arena, struct mer_cutover_wait);
    *wait = (struct mer_cutover_wait){w, req};
    req->on_abort = aborted;
    req->owner = wait;
    w->cutover_wait = wait;
    c->joinable = true;
    MER_ASSERT(pthread_create(&c->thread, NULL, run, make_move(w, req, asked_by)) == 0);
}

// ---- its life ----

struct mer_cutover *mer_cutover_create(void)
{
    struct mer_cutover *c = calloc(1, sizeof(*c));
    MER_ASSERT(c);
    pthread_mutex_init(&c->telling, NULL);
    return c;
}

void mer_cutover_start(struct mer_cutover *c, struct mer_worker *const *workers, uint32_t n)
{
    c->workers = workers;
    c->workers_n = n;
}

void mer_cutover_stop(struct mer_cutover *c)
{
    pthread_mutex_lock(&c->telling);
    atomic_store(&c->stopping, true);
    pthread_mutex_unlock(&c->telling);
}

// A move that is stopped ends after the statement that it waits for; one that does not is left to the
// process' end.
void mer_cutover_destroy(struct mer_cutover *c)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += STOP_S;
    if (c->joinable && pthread_timedjoin_np(c->thread, NULL, &end) != 0) {
        return;
    }
    pthread_mutex_destroy(&c->telling);
    free(c);
}
