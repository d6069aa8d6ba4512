// SPDX-License-Identifier: MIT
#include "bare_h2o.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static h2o_globalconf_t config;
static h2o_context_t context;
static h2o_accept_ctx_t accept_ctx;
static uint16_t listen_port;
static uint64_t requests_n;
static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
    (void)sig;
    stopped = 1;
}

static void on_accept(h2o_socket_t *listener, const char *err)
{
    if (err)
        return;
    for (int i = 0; i < 16; i++) {
        h2o_socket_t *sock = h2o_evloop_socket_accept(listener);
        if (!sock)
            return;
        h2o_accept(&accept_ctx, sock);
    }
}

static int open_listener(uint16_t port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 1024) != 0) {
        fprintf(stderr, "cannot listen on %u: %s\n", port, strerror(errno));
        exit(1);
    }
    return fd;
}

h2o_loop_t *bare_init(uint16_t port, bare_handler_fn *handler)
{
    signal(SIGPIPE, SIG_IGN); // h2o writes without MSG_NOSIGNAL
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    h2o_config_init(&config);
    h2o_hostconf_t *host = h2o_config_register_host(&config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    h2o_handler_t *h = h2o_create_handler(path, sizeof(*h));
    h->on_req = handler;
    h2o_context_init(&context, h2o_evloop_create(), &config);
    accept_ctx.ctx = &context;
    accept_ctx.hosts = config.hosts;
    listen_port = port;
    h2o_socket_t *sock =
        h2o_evloop_socket_create(context.loop, open_listener(port), H2O_SOCKET_FLAG_DONT_READ);
    h2o_socket_read_start(sock, on_accept);
    return context.loop;
}

static long long micros(struct timeval t)
{
    return (long long)t.tv_sec * 1000000 + t.tv_usec;
}

void bare_run(void)
{
    struct rusage use;
    printf("ready http://127.0.0.1:%u/\n", listen_port);
    fflush(stdout);
    while (!stopped)
        h2o_evloop_run(context.loop, 1000);
    getrusage(RUSAGE_SELF, &use);
    printf("cpu_us %lld %lld requests %llu\n", micros(use.ru_utime), micros(use.ru_stime),
           (unsigned long long)requests_n);
    fflush(stdout);
    _exit(0); // h2o's loops are not made to be taken down
}

void bare_answer(h2o_req_t *req, const char *body, size_t n)
{
    static h2o_generator_t generator;
    h2o_iovec_t bytes = {.base = NULL, .len = n};
    memcpy(&bytes.base, &body, sizeof(body)); // h2o does not write to it, but does not say so
    requests_n++;
    req->res.status = 200;
    req->res.reason = "OK";
    req->res.content_length = n;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL,
                   H2O_STRLIT("application/graphql-response+json"));
    h2o_start_response(req, &generator);
    h2o_send(req, &bytes, 1, H2O_SEND_STATE_FINAL);
}

char *bare_read_file(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    char *p = NULL;
    size_t cap = 0;
    *n = 0;
    while (f && !feof(f)) {
        if (*n + 1 >= cap) {
            cap = cap ? cap * 2 : 65536;
            p = realloc(p, cap);
            if (!p)
                abort();
        }
        *n += fread(p + *n, 1, cap - *n - 1, f);
        if (ferror(f))
            break;
    }
    if (!f || ferror(f) || !p) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(1);
    }
    fclose(f);
    p[*n] = '\0';
    return p;
}
