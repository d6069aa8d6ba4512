// SPDX-License-Identifier: MIT
// The server of gateway/server.h with a handful of made-up answers, for the probes: three listeners (plain,
// TLS, mutual TLS) on free ports, which it prints. Limits come from the command line, so that a probe of a
// time limit takes a second and not thirty.
#include "base/log.h"
#include "gateway/h2o_guard/guard.h"
#include "gateway/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BIG_MAX = 64 << 20, DRAIN_MS_DEFAULT = 5000 };

static struct mer_loop *loop;
static struct mer_server *server;
static char *big;
static uint64_t handled, started, finished, aborted;
static uint32_t drain_ms = DRAIN_MS_DEFAULT;
static volatile sig_atomic_t asked_to_end;

struct slow {
    struct mer_timer timer;
    struct mer_http_req *req;
};

static void answer(struct mer_http_req *req, int status, struct mer_slice body)
{
    const struct mer_http_header type = {MER_S("content-type"), MER_S("text/plain")};
    mer_http_respond(req, status, &type, 1, &body, 1);
}

static void on_slow(void *owner)
{
    struct slow *slow = owner;
    finished++;
    answer(slow->req, 200, MER_S("slow\n"));
}

static void on_slow_abort(void *owner)
{
    struct slow *slow = owner;
    aborted++;
    mer_timer_stop(loop, &slow->timer);
}

static void answer_slowly(struct mer_http_req *req, uint64_t ms)
{
    struct slow *slow = MER_NEW(req->arena, struct slow);
    started++;
    slow->req = req;
    req->on_abort = on_slow_abort;
    req->owner = slow;
    mer_timer_start(loop, &slow->timer, ms, on_slow, slow);
}

static void answer_echo(struct mer_http_req *req)
{
    struct mer_slice shown = req->body;
    if (shown.n > 4096)
        shown.n = 4096;
    answer(req, 200,
           mer_arena_printf(
               req->arena, "[%.*s %.*s query=%.*s authority=%.*s body=%zu:%.*s headers=%zu cn=%.*s tls=%d]\n",
               MER_FMT(req->method), MER_FMT(req->path), MER_FMT(req->query), MER_FMT(req->authority),
               req->body.n, MER_FMT(shown), mer_http_headers_n(req), MER_FMT(req->peer_cn), req->is_tls));
}

// The token that came, and a header that is new each time.
static void answer_token(struct mer_http_req *req)
{
    const struct mer_http_header headers[] = {
        {MER_S("content-type"), MER_S("text/plain")},
        {MER_S("server-timing"), mer_arena_printf(req->arena, "n;dur=%llu", (unsigned long long)handled)},
        {MER_S("x-after"), MER_S("it")}};
    struct mer_slice token = mer_http_header(req, "authorization");
    struct mer_slice body = mer_arena_printf(req->arena, "%zu %.*s\n",
                                             mer_http_header_count(req, "authorization"), MER_FMT(token));
    mer_http_respond(req, 200, headers, 3, &body, 1);
}

static void answer_metrics(struct mer_http_req *req)
{
    struct mer_buf b;
    mer_buf_init(&b, req->arena, 4096);
    mer_buf_printf(&b, "probe_handled %llu\nprobe_started %llu\nprobe_finished %llu\nprobe_aborted %llu\n",
                   (unsigned long long)handled, (unsigned long long)started, (unsigned long long)finished,
                   (unsigned long long)aborted);
    mer_server_write_metrics(&b, &server, 1);
    answer(req, 200, mer_buf_slice(&b));
}

static void on_request(void *owner, struct mer_http_req *req)
{
    (void)owner;
    uint64_t n = 0;
    if (mer_slice_is(req->path, "/metrics")) {
        answer_metrics(req);
        return;
    }
    handled++;
    if (mer_slice_starts(req->path, MER_S("/big/"))) {
        char *digits = mer_arena_cstr(req->arena, mer_slice_make(req->path.p + 5, req->path.n - 5));
        n = strtoull(digits, NULL, 10);
        answer(req, 200, mer_slice_make(big, n <= BIG_MAX ? n : BIG_MAX));
    } else if (mer_slice_starts(req->path, MER_S("/slow/"))) {
        char *digits = mer_arena_cstr(req->arena, mer_slice_make(req->path.p + 6, req->path.n - 6));
        answer_slowly(req, strtoull(digits, NULL, 10));
    } else if (mer_slice_is(req->path, "/slow")) {
        answer_slowly(req, 50);
    } else if (mer_slice_is(req->path, "/token")) {
        answer_token(req);
    } else if (mer_slice_starts(req->path, MER_S("/echo"))) {
        answer_echo(req);
    } else if (mer_slice_is(req->path, "/hang")) {
        for (;;)
            pause();
    } else {
        answer(req, 200, MER_S("hello\n"));
    }
}

static void on_end(int sig)
{
    (void)sig;
    asked_to_end = 1;
    mer_loop_stop(loop);
}

static void on_drained(void *owner)
{
    *(bool *)owner = true;
    mer_loop_stop(loop);
}

static const char *option(int argc, char **argv, const char *name)
{
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    return NULL;
}

static uint32_t number(int argc, char **argv, const char *name)
{
    const char *text = option(argc, argv, name);
    return text ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

static int fail(const struct mer_diag *diag)
{
    fprintf(stderr, "probe_server: %s\n", diag->msg);
    return 2;
}

static void tell(const char *what, int fd)
{
    char name[80];
    printf("%s %s\n", what, mer_listen_name(fd, name, sizeof(name)));
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"plain", "tls", "mtls"};
    struct mer_listener_opts listeners[3];
    struct mer_diag diag = {0};
    const char *cert = option(argc, argv, "--cert"), *key = option(argc, argv, "--key"),
               *ca = option(argc, argv, "--ca");
    loop = mer_loop_create();
    big = malloc(BIG_MAX);
    if (!big)
        return 1;
    memset(big, 'x', BIG_MAX);

    size_t n = cert ? ca ? 3 : 2 : 1;
    for (size_t i = 0; i < n; i++) {
        struct mer_tls_server_opts tls = {
            .cert_file = cert, .key_file = key, .client_ca_file = i == 2 ? ca : NULL, .http2 = true};
        const char *address = i == 0 ? option(argc, argv, "--listen") : NULL;
        listeners[i] =
            (struct mer_listener_opts){.fd = mer_listen_open(address ? address : "127.0.0.1:0", &diag),
                                       .id = (uint32_t)i,
                                       .tls = i == 0 ? NULL : mer_tls_server_create(&tls, &diag),
                                       .http2 = true,
                                       .handler = on_request};
        if (listeners[i].fd < 0 || (i > 0 && !listeners[i].tls))
            return fail(&diag);
        tell(names[i], listeners[i].fd);
    }
    struct mer_server_opts opts = {.listeners = listeners,
                                   .listeners_n = n,
                                   .limits = {.headers_ms = number(argc, argv, "--headers-ms"),
                                              .body_ms = number(argc, argv, "--body-ms"),
                                              .stall_ms = number(argc, argv, "--stall-ms"),
                                              .idle_ms = number(argc, argv, "--idle-ms"),
                                              .handshake_ms = number(argc, argv, "--handshake-ms"),
                                              .age_ms = number(argc, argv, "--age-ms"),
                                              .connections = number(argc, argv, "--connections")}};
    if (number(argc, argv, "--drain-ms"))
        drain_ms = number(argc, argv, "--drain-ms");
    server = mer_server_create(loop, &opts, &diag);
    if (!server)
        return fail(&diag);
    printf("guard %s\n", mer_guard_ready() ? "ready" : "absent");
    fflush(stdout);
    signal(SIGTERM, on_end);

    mer_loop_run(loop);
    bool drained = false;
    mer_server_drain(server, drain_ms, on_drained, &drained);
    while (!drained)
        mer_loop_run(loop);
    mer_server_destroy(server);
    for (size_t i = 0; i < n; i++) {
        mer_tls_server_unref(listeners[i].tls);
        close(listeners[i].fd);
    }
    mer_loop_destroy(loop);
    free(big);
    return 0;
}
