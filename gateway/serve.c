// SPDX-License-Identifier: MIT
#include "gateway/serve.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/time.h"
#include "gateway/cutover.h"
#include "gateway/reload.h"
#include "gateway/spare.h"
#include "gateway/worker.h"

#define LISTENS_MAX 18
#define THREADS_MAX 64
// Bytes of the heap: so much is kept when it is free, and it grows in such steps.
#define HEAP_KEPT (2 * 1024 * 1024)
#define HEAP_STEP (256 * 1024)
// A child that dies at once again and again is started more slowly.
#define RESTART_FAST_MS 50
#define RESTART_SLOW_MS 2000

struct serving {
    const struct mer_config *config;
    struct mer_worker_listen listens[LISTENS_MAX];
    uint32_t listens_n;
    bool first; // no process was started before
};

static int usage(const struct mer_diag *d)
{
    fprintf(stderr, "meridian: %s\n", d->msg);
    return 2;
}

// ---- sockets and certificates ----

static bool open_listen(struct serving *s, const struct mer_config_listen *l, enum mer_face_kind kind,
                        struct mer_diag *d)
{
    if (l->address.n == 0 || s->listens_n == LISTENS_MAX) {
        return true;
    }
    struct mer_worker_listen *w = &s->listens[s->listens_n];
    *w = (struct mer_worker_listen){.kind = kind, .http2 = l->http2};
    w->fd = mer_listen_open(l->address.p, d);
    if (w->fd < 0) {
        return false;
    }
    s->listens_n++;
    if (l->tls) {
        struct mer_tls_server_opts o = {s->config->tls.certificate.p, s->config->tls.key.p, l->client_ca.p,
                                        l->http2};
        w->tls = mer_tls_server_create(&o, d);
        return w->tls != NULL;
    }
    return true;
}

static bool open_all(struct serving *s, struct mer_diag *d)
{
    for (uint32_t i = 0; i < s->config->listens_n; i++) {
        if (!open_listen(s, &s->config->listens[i], MER_FACE_CLIENTS, d)) {
            return false;
        }
    }
    return open_listen(s, &s->config->sources_listen, MER_FACE_SOURCES, d) &&
           open_listen(s, &s->config->admin, MER_FACE_ADMIN, d);
}

// Parent, child and each worker hold the sockets: the kernel takes connections until the last is closed, and
// resets those that nobody accepted. So whoever is told to stop lets go of his first of all.
static void stop_listening(struct serving *s)
{
    for (uint32_t i = 0; i < s->listens_n; i++) {
        if (s->listens[i].fd >= 0) {
            close(s->listens[i].fd);
        }
        s->listens[i].fd = -1;
    }
}

static void close_all(struct serving *s)
{
    stop_listening(s);
    for (uint32_t i = 0; i < s->listens_n; i++) {
        if (s->listens[i].tls) {
            mer_tls_server_unref(s->listens[i].tls);
        }
    }
}

// ---- the child ----

static void *run_worker(void *owner)
{
    mer_worker_run(owner);
    mer_worker_close(owner);
    return NULL;
}

static void drain_post(void *owner)
{
    mer_worker_drain(owner);
}

// SIGHUP reloads; the others end.
static void wait_for_signal(int fd, struct mer_reload *reload)
{
    struct signalfd_siginfo info = {0};
    do {
        if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info)) {
            info.ssi_signo = SIGHUP;
        } else if (info.ssi_signo == SIGHUP) {
            mer_reload_ask(reload);
        }
    } while (info.ssi_signo == SIGHUP);
}

// For those who started it and wait: only the first time, not when a process that died is started again.
static void tell_ready(const struct serving *s)
{
    if (s->config->router && s->first) {
        printf("ready http://%.*s/graphql\n", MER_FMT(s->config->listens[0].address));
        fflush(stdout);
    }
}

static int run_workers(struct serving *s, struct mer_snapshot *snapshot, struct mer_auth *auth, int signals)
{
    struct mer_worker *workers[THREADS_MAX];
    pthread_t threads[THREADS_MAX];
    struct mer_post posts[THREADS_MAX] = {0};
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t n = s->config->threads > 0 ? s->config->threads : cores > 0 ? cores : 1;
    n = n > THREADS_MAX ? THREADS_MAX : n;
    struct mer_memcached *shared = NULL;
    if (s->config->cache.memcached.n) {
        struct mer_memcached_opts m = {.servers = s->config->cache.memcached.items,
                                       .servers_n = s->config->cache.memcached.n};
        struct mer_diag d = {0};
        shared = mer_memcached_open(&m, &d);
        if (!shared) {
            return usage(&d);
        }
    }
    struct mer_reload *reload = mer_reload_create(s->config);
    struct mer_cutover *cutover = mer_cutover_create();
    for (int64_t i = 0; i < n; i++) {
        struct mer_diag d = {0};
        struct mer_worker_opts o = {.index = (uint32_t)i,
                                    .config = s->config,
                                    .snapshot = snapshot,
                                    .auth = auth,
                                    .reload = reload,
                                    .cutover = cutover,
                                    .listens = s->listens,
                                    .listens_n = s->listens_n,
                                    .cache_bytes = (size_t)(s->config->cache.memory_bytes / n),
                                    .registry_bytes = (size_t)(s->config->persisted.memory_bytes / n),
                                    .shared = shared};
        if (mer_worker_create(&o, &workers[i], &d)) {
            return usage(&d);
        }
    }
    for (int64_t i = 0; i < n; i++) { // not before: each server tells the guard its limits
        MER_ASSERT(pthread_create(&threads[i], NULL, run_worker, workers[i]) == 0);
    }
    mer_cutover_start(cutover, workers, (uint32_t)n);
    mer_log(MER_LOG_INFO, "serve", "serving name=%.*s threads=%lld", MER_FMT(s->config->self.name),
            (long long)n);
    mer_reload_start(reload, workers, (uint32_t)n, snapshot);
    tell_ready(s);
    wait_for_signal(signals, reload);
    stop_listening(s);
    mer_reload_stop(reload);
    mer_cutover_stop(cutover);
    for (int64_t i = 0; i < n; i++) {
        mer_loop_post(workers[i]->loop, &posts[i], drain_post, workers[i]);
    }
    for (int64_t i = 0; i < n; i++) {
        pthread_join(threads[i], NULL);
    }
    mer_reload_destroy(reload);
    mer_cutover_destroy(cutover);
    if (shared) {
        mer_memcached_stop(shared);
    }
    while (shared && mer_memcached_pending(shared) > 0) {
        for (int64_t i = 0; i < n; i++) {
            mer_loop_turn(workers[i]->loop, 1);
        }
    }
    for (int64_t i = 0; i < n; i++) {
        mer_worker_destroy(workers[i]);
    }
    if (shared) {
        mer_memcached_close(shared);
    }
    return 0;
}

// What an answer took is wanted again by the next: without this the C library gives a hundred kilobytes back
// to the system after each, and the next pays for fresh pages.
static void keep_heap(void)
{
#ifndef MER_SANITIZED
    mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);
    mallopt(M_TOP_PAD, HEAP_STEP);
    mallopt(M_MMAP_THRESHOLD, HEAP_KEPT / 2);
#endif
}

static int child(struct serving *s, struct mer_snapshot *snapshot, struct mer_auth *auth)
{
    sigset_t set;
    keep_heap();
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    int fd = signalfd(-1, &set, SFD_CLOEXEC);
    MER_ASSERT(fd >= 0);
    int rc = run_workers(s, snapshot, auth, fd);
    close(fd);
    return rc;
}

// ---- the parent ----

static void raise_descriptors(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
        r.rlim_cur = r.rlim_max;
        setrlimit(RLIMIT_NOFILE, &r);
    }
}

// Waits for the child's end or for a signal to pass on; true when the child ended by itself.
static bool child_ended(struct serving *s, pid_t pid, int signals, int *status, bool *stopping)
{
    struct signalfd_siginfo info;
    while (true) {
        if (read(signals, &info, sizeof(info)) != (ssize_t)sizeof(info)) {
            continue;
        }
        if (info.ssi_signo == SIGHUP) {
            kill(pid, SIGHUP);
        } else if (info.ssi_signo != SIGCHLD) {
            *stopping = true;
            stop_listening(s);
            kill(pid, SIGTERM);
        } else if (waitpid(pid, status, WNOHANG) == pid) {
            return true;
        }
    }
}

static int supervise(struct serving *s, struct mer_snapshot *snapshot, struct mer_auth *auth, int signals)
{
    bool stopping = false;
    while (true) {
        int64_t born = mer_time_mono_us();
        fflush(NULL);
        pid_t pid = fork();
        MER_ASSERT(pid >= 0);
        if (pid == 0) {
            close(signals);
            return child(s, snapshot, auth);
        }
        int status = 0;
        s->first = false;
        mer_spare_waiting();
        child_ended(s, pid, signals, &status, &stopping);
        int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (stopping || code == 2) {
            return code;
        }
        bool fast = mer_time_mono_us() - born > 1000000;
        mer_log(MER_LOG_ERROR, "serve", "worker process died status=%d, starting it again", code);
        struct pollfd nothing = {-1, 0, 0};
        poll(&nothing, 1, fast ? RESTART_FAST_MS : RESTART_SLOW_MS);
    }
}

// A router's tokens are those of its clients' own identity provider: they need to be good, no more.
static struct mer_auth_opts auth_opts(const struct mer_config *c, struct mer_token_condition *conditions)
{
    for (uint32_t i = 0; i < c->labels_n; i++) {
        conditions[i] = (struct mer_token_condition){c->labels[i].claim, c->labels[i].equals};
    }
    return (struct mer_auth_opts){
        .jwks = c->auth.jwks,
        .audience = c->auth.audience,
        .issuer = c->auth.issuer,
        .wants = {.anyone = c->router,
                  .scopes = c->auth.scopes,
                  .policies = c->auth.policies,
                  .conditions = conditions,
                  .conditions_n = c->labels_n},
    };
}

int mer_serve(const struct mer_config *config)
{
    struct serving s = {.config = config, .first = true};
    struct mer_diag d = {0};
    struct mer_snapshot *snapshot = NULL;
    struct mer_token_condition conditions[MER_TOKEN_CONDITIONS_MAX];
    struct mer_auth_opts ao = auth_opts(config, conditions);
    mer_log_set_level(config->telemetry.log);
    signal(SIGPIPE, SIG_IGN);
    raise_descriptors();
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if (mer_config_check_serving(config, &d) || mer_snapshot_load(config, &snapshot, &d)) {
        return usage(&d);
    }
    int rc;
    bool open = config->router && !config->auth.jwks.p;
    struct mer_auth *auth = open ? NULL : mer_auth_create(&ao, &d);
    if ((auth || open) && open_all(&s, &d)) {
        int fd = signalfd(-1, &set, SFD_CLOEXEC);
        MER_ASSERT(fd >= 0);
        rc = supervise(&s, snapshot, auth, fd);
    } else {
        rc = usage(&d);
    }
    close_all(&s);
    if (auth) {
        mer_auth_unref(auth);
    }
    mer_snapshot_unref(snapshot);
    return rc;
}
