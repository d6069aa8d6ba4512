// SPDX-License-Identifier: MIT
#include "gateway/server.h"

#include "base/log.h"
#include "base/time.h"
#include "gateway/server_priv.h"
#include "loop/loop_h2o.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WATCHDOG_GRACE_US = 2 * 1000 * 1000, LIBRARY_STREAMS = 256 };

static void take_defaults(struct mer_server_limits *l)
{
#define DEFAULT(field, value) l->field = l->field ? l->field : (value)
    DEFAULT(body_bytes, 1024 * 1024);
    DEFAULT(headers_bytes, 64 * 1024);
    DEFAULT(headers_n, 100);
    DEFAULT(streams_in_work, 32);
    DEFAULT(connections, 10000);
    DEFAULT(body_budget_bytes, 64 * 1024 * 1024);
    DEFAULT(arena_bytes, 64 * 1024 * 1024);
    DEFAULT(idle_ms, 60 * 1000);
    DEFAULT(handshake_ms, 10 * 1000);
    DEFAULT(headers_ms, 10 * 1000);
    DEFAULT(body_ms, 30 * 1000);
    DEFAULT(stall_ms, 30 * 1000);
    DEFAULT(age_ms, 3600 * 1000);
#undef DEFAULT
}

static void configure_guard(const struct mer_server_limits *l)
{
    mer_guard_configure(&(struct mer_guard_limits){
        .headers_bytes = l->headers_bytes,
        .headers_n = l->headers_n,
        .body_bytes = l->body_bytes,
        .body_budget_bytes = l->body_budget_bytes,
        .body_conn_bytes = l->body_bytes > 1024 * 1024 ? 4 * l->body_bytes : 4 * 1024 * 1024,
    });
    mer_guard_set_error_answer(request_on_library_error);
}

static void configure_library(struct mer_server *s, const char *server_name)
{
    h2o_config_init(&s->conf);
    s->name = strdup(server_name ? server_name : "");
    MER_ASSERT(s->name);
    s->conf.server_name = h2o_iovec_init(s->name, strlen(s->name));
    s->conf.max_request_entity_size = s->limits.body_bytes;
    // Behind the sweep, which is stricter.
    s->conf.http1.req_timeout = (uint64_t)s->limits.idle_ms + s->limits.headers_ms + s->limits.body_ms;
    s->conf.http2.idle_timeout = (uint64_t)s->limits.idle_ms * 2 + s->limits.body_ms;
    s->conf.handshake_timeout = s->limits.handshake_ms;
    s->conf.http1.upgrade_to_http2 = 0;
    s->conf.http2.max_concurrent_requests_per_connection =
        LIBRARY_STREAMS; // none waits inside of it, see admit()
    h2o_hostconf_t *host = h2o_config_register_host(&s->conf, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    h2o_create_handler(path, sizeof(h2o_handler_t))->on_req = request_on_req;
    path->error_log.emit_request_errors = 0;
    host->fallback_path.error_log.emit_request_errors = 0;
    h2o_context_init(&s->ctx, mer_loop_h2o(s->loop), &s->conf);
}

static bool open_listener(struct mer_server *s, struct listener *l, const struct mer_listener_opts *opts,
                          struct mer_diag *diag)
{
    l->server = s;
    l->opts = *opts;
    l->tls = opts->tls;
    if (l->tls)
        mer_tls_server_ref(l->tls);
    l->accept.ctx = &s->ctx;
    l->accept.hosts = s->conf.hosts;
    int fd = fcntl(opts->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        mer_diag_set(diag, MER_ERR_IO, "listener %u: %s", opts->id, strerror(errno));
        return false;
    }
    l->sock = h2o_evloop_socket_create(s->ctx.loop, fd, H2O_SOCKET_FLAG_DONT_READ);
    l->sock->data = l;
    h2o_socket_read_start(l->sock, server_on_accept);
    return true;
}

static void close_listeners(struct mer_server *s)
{
    for (size_t i = 0; i < s->listeners_n; i++) {
        struct listener *l = &s->listeners[i];
        if (l->sock)
            h2o_socket_close(l->sock);
        l->sock = NULL;
    }
}

struct mer_server *mer_server_create(struct mer_loop *loop, const struct mer_server_opts *opts,
                                     struct mer_diag *diag)
{
    struct mer_server *s = calloc(1, sizeof(*s));
    MER_ASSERT(s);
    s->loop = loop;
    s->limits = opts->limits;
    take_defaults(&s->limits);
    pthread_mutex_init(&s->watchdog_lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->watchdog_cond, &attr);
    pthread_condattr_destroy(&attr);

    configure_guard(&s->limits);
    struct mer_diag why = {0};
    if (mer_guard_selftest(&why) != MER_OK)
        mer_log(MER_LOG_ERROR, "server", "HTTP/2 is refused: %s", why.msg);
    configure_library(s, opts->server_name);
    s->listeners = calloc(opts->listeners_n + 1, sizeof(*s->listeners));
    MER_ASSERT(s->listeners);
    for (size_t i = 0; i < opts->listeners_n; i++) {
        s->listeners_n++;
        if (!open_listener(s, &s->listeners[i], &opts->listeners[i], diag)) {
            mer_server_destroy(s);
            return NULL;
        }
    }
    return s;
}

void mer_server_set_tls(struct mer_server *s, uint32_t listener_id, struct mer_tls_server *tls)
{
    for (size_t i = 0; i < s->listeners_n; i++) {
        struct listener *l = &s->listeners[i];
        if (l->opts.id != listener_id || !l->tls)
            continue;
        mer_tls_server_ref(tls);
        mer_tls_server_unref(l->tls);
        l->tls = tls;
    }
}

// The loop may hang where it cannot end itself; another thread can.
static void *watch_drain(void *owner)
{
    struct mer_server *s = owner;
    struct timespec until = {.tv_sec = s->watchdog_deadline_us / 1000000,
                             .tv_nsec = s->watchdog_deadline_us % 1000000 * 1000};
    pthread_mutex_lock(&s->watchdog_lock);
    while (!s->watchdog_off)
        if (pthread_cond_timedwait(&s->watchdog_cond, &s->watchdog_lock, &until) == ETIMEDOUT)
            break;
    bool off = s->watchdog_off;
    pthread_mutex_unlock(&s->watchdog_lock);
    if (!off) {
        mer_log(MER_LOG_ERROR, "server", "the loop did not end in time; ending the process");
        _exit(1);
    }
    return NULL;
}

static void stop_watchdog(struct mer_server *s)
{
    if (!s->watchdog_runs)
        return;
    pthread_mutex_lock(&s->watchdog_lock);
    s->watchdog_off = true;
    pthread_cond_signal(&s->watchdog_cond);
    pthread_mutex_unlock(&s->watchdog_lock);
    pthread_join(s->watchdog, NULL);
    s->watchdog_runs = false;
}

static void cut_all(void *owner)
{
    struct mer_server *s = owner;
    for (struct conn *c = s->conns; c; c = c->next)
        conn_cut(c, NULL);
    server_linger_end_all(s);
}

static void on_drained(void *owner)
{
    struct mer_server *s = owner;
    mer_timer_stop(s->loop, &s->drain_deadline);
    server_linger_end_all(s);
    stop_watchdog(s);
    s->on_drained(s->on_drained_owner);
}

// Whoever stands in the queue has been promised an answer: when the sockets close he would be reset.
static void accept_waiting(struct mer_server *s)
{
    for (size_t i = 0; i < s->listeners_n; i++) {
        uint64_t before;
        do {
            before = atomic_load_explicit(&s->n.connections_total, memory_order_relaxed);
            if (s->listeners[i].sock)
                server_on_accept(s->listeners[i].sock, NULL);
        } while (atomic_load_explicit(&s->n.connections_total, memory_order_relaxed) != before);
    }
}

void mer_server_drain(struct mer_server *s, uint32_t deadline_ms, mer_loop_fn *done, void *owner)
{
    if (s->draining)
        return;
    accept_waiting(s);
    s->draining = true;
    s->drain_ms = server_now_ms(s);
    s->on_drained = done;
    s->on_drained_owner = owner;
    close_listeners(s);
    h2o_context_request_shutdown(&s->ctx);
    mer_timer_start(s->loop, &s->drain_deadline, deadline_ms, cut_all, s);
    s->watchdog_deadline_us = mer_time_mono_us() + (int64_t)deadline_ms * 1000 + WATCHDOG_GRACE_US;
    s->watchdog_runs = pthread_create(&s->watchdog, NULL, watch_drain, s) == 0;
    if (!s->conns)
        server_drained(s);
}

void server_drained(struct mer_server *s)
{
    mer_loop_defer(s->loop, &s->drained, on_drained, s);
}

void mer_server_destroy(struct mer_server *s)
{
    MER_ASSERT(!s->conns);
    stop_watchdog(s);
    mer_timer_stop(s->loop, &s->sweep);
    mer_timer_stop(s->loop, &s->accept_again);
    mer_timer_stop(s->loop, &s->drain_deadline);
    mer_task_cancel(s->loop, &s->drained);
    server_linger_end_all(s);
    close_listeners(s);
    for (size_t i = 0; i < s->listeners_n; i++)
        mer_tls_server_unref(s->listeners[i].tls);
    while (s->arenas_n)
        mer_arena_destroy(s->arenas[--s->arenas_n]);
    h2o_timeout_unlink(&s->ctx.http2._graceful_shutdown_timeout);
    h2o_multithread_queue_t *queue = s->ctx.queue;
    h2o_context_dispose(&s->ctx);
    free(queue); // the library forgets it
    h2o_config_dispose(&s->conf);
    pthread_mutex_destroy(&s->watchdog_lock);
    pthread_cond_destroy(&s->watchdog_cond);
    free(s->name);
    free(s->listeners);
    free(s);
}

void mer_server_stats(const struct mer_server *s, struct mer_server_stats *out)
{
#define COPY(field) out->field = atomic_load_explicit(&s->n.field, memory_order_relaxed)
    COPY(connections_open);
    COPY(connections_total);
    COPY(connections_refused);
    COPY(requests_total);
    COPY(requests_in_work);
    COPY(requests_aborted);
    COPY(cut_stall);
    COPY(cut_body);
    COPY(cut_headers);
    COPY(cut_idle);
    COPY(cut_body_budget);
    COPY(cut_age);
#undef COPY
}

void mer_server_write_metrics(struct mer_buf *out, struct mer_server *const *servers, size_t servers_n)
{
    struct mer_server_stats sum = {0};
    for (size_t i = 0; i < servers_n; i++) {
        struct mer_server_stats one;
        mer_server_stats(servers[i], &one);
        // Nothing but counters of one type stands in the struct.
        uint64_t *to = (uint64_t *)(void *)&sum;
        const uint64_t *from = (const uint64_t *)(const void *)&one;
        for (size_t k = 0; k < sizeof(sum) / sizeof(*to); k++)
            to[k] += from[k];
    }
#define METRIC(name, type, help, value)                                                                      \
    mer_buf_printf(out,                                                                                      \
                   "# HELP meridian_" name " " help "\n# TYPE meridian_" name " " type "\nmeridian_" name    \
                   " %llu\n",                                                                                \
                   (unsigned long long)(value))
    METRIC("connections_open", "gauge", "Client connections now open.", sum.connections_open);
    METRIC("connections_total", "counter", "Client connections accepted.", sum.connections_total);
    METRIC("connections_refused_total", "counter", "Connections closed at once: too many.",
           sum.connections_refused);
    METRIC("http_requests_total", "counter", "Requests received whole.", sum.requests_total);
    METRIC("http_requests_in_work", "gauge", "Requests not yet answered.", sum.requests_in_work);
    METRIC("http_requests_aborted_total", "counter", "Requests whose client went away.",
           sum.requests_aborted);
#undef METRIC
    mer_buf_add_cstr(out, "# HELP meridian_connections_cut_total Connections ended by us, by reason.\n"
                          "# TYPE meridian_connections_cut_total counter\n");
    const struct {
        const char *why;
        uint64_t n;
    } cuts[] = {
        {"stall", sum.cut_stall},
        {"body", sum.cut_body},
        {"headers", sum.cut_headers},
        {"idle", sum.cut_idle},
        {"body_budget", sum.cut_body_budget},
        {"age", sum.cut_age},
    };
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++)
        mer_buf_printf(out, "meridian_connections_cut_total{reason=\"%s\"} %llu\n", cuts[i].why,
                       (unsigned long long)cuts[i].n);
    mer_guard_write_metrics(out);
}
