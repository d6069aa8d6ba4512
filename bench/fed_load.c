// SPDX-License-Identifier: MIT
// Load for bench/federation.py: the same POST to /graphql again and again over kept HTTP/1.1 connections, one
// request under way on each, with an authorization header that is the same every time or never twice the
// same. Every answer is compared with what it should be, byte by byte.
//
// Usage: fed_load PORT BODY_FILE ANSWER_FILE CONNECTIONS REQUESTS equal|unique
// Prints "requests N wrong N seconds S p50_ms M p99_ms M"; status 1 when an answer was wrong or a connection
// ended.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { IN_MAX = 1 << 20, HEAD_MAX = 512, EVENTS = 64 };

struct text {
    char *p;
    size_t n;
};

struct conn {
    int fd;
    char *in;
    size_t n;
    double since;
};

static struct text body, want;
static bool unique;
static size_t asked_n, done_n, all_n, wrong_n;
static double *took;
static struct conn *conns;
static int poll_fd;

static void fail(const char *what)
{
    fprintf(stderr, "fed_load: %s\n", what);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct text read_file(const char *path)
{
    struct text t = {.p = malloc(IN_MAX)};
    FILE *f = fopen(path, "rb");
    if (!t.p || !f)
        fail(path);
    t.n = fread(t.p, 1, IN_MAX, f);
    fclose(f);
    return t;
}

// A request fits into an empty socket's buffer.
static void ask(struct conn *c)
{
    char head[HEAD_MAX];
    int n =
        snprintf(head, sizeof(head),
                 "POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
                 "accept: application/json\r\nauthorization: Bearer t%016zx\r\ncontent-length: %zu\r\n\r\n",
                 unique ? asked_n + 1 : 0, body.n);
    struct iovec out[2] = {{head, (size_t)n}, {body.p, body.n}};
    asked_n++;
    c->n = 0;
    c->since = now();
    if (writev(c->fd, out, 2) != (ssize_t)((size_t)n + body.n))
        fail("a request was not taken whole");
}

// Where the body starts, and how long it is; 0: the head is not whole.
static size_t read_head(struct conn *c, size_t *length)
{
    c->in[c->n] = '\0';
    char *end = strstr(c->in, "\r\n\r\n");
    if (!end)
        return 0;
    *length = SIZE_MAX;
    for (char *line = strstr(c->in, "\r\n"); line && line < end; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, "content-length:", 15) == 0)
            *length = strtoul(line + 17, NULL, 10);
    if (*length > IN_MAX / 2)
        fail("an answer without a length");
    return (size_t)(end + 4 - c->in);
}

static void on_readable(struct conn *c)
{
    size_t length, start;
    ssize_t got = read(c->fd, c->in + c->n, IN_MAX - 1 - c->n);
    if (got <= 0)
        fail("a connection ended");
    c->n += (size_t)got;
    start = read_head(c, &length);
    if (start == 0 || c->n < start + length)
        return;
    took[done_n++] = now() - c->since;
    if (memcmp(c->in + 8, " 200", 4) != 0 || length != want.n || memcmp(c->in + start, want.p, length) != 0)
        wrong_n++;
    if (asked_n < all_n)
        ask(c);
}

static void open_conn(struct conn *c, uint16_t port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    c->in = malloc(IN_MAX);
    if (c->fd < 0 || !c->in || connect(c->fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &ev) != 0)
        fail("cannot connect");
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void run(uint16_t port, size_t conns_n)
{
    conns = calloc(conns_n, sizeof(*conns));
    took = calloc(all_n, sizeof(*took));
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!conns || !took || poll_fd < 0)
        fail("no memory");
    for (size_t i = 0; i < conns_n; i++)
        open_conn(&conns[i], port);
    double began = now();
    for (size_t i = 0; i < conns_n && asked_n < all_n; i++)
        ask(&conns[i]);
    while (done_n < all_n) {
        struct epoll_event ready[EVENTS];
        int n = epoll_wait(poll_fd, ready, EVENTS, 20000);
        if (n <= 0)
            fail("no answer for 20 s");
        for (int i = 0; i < n; i++)
            on_readable(ready[i].data.ptr);
    }
    double seconds = now() - began;
    qsort(took, all_n, sizeof(*took), by_size);
    printf("requests %zu wrong %zu seconds %.4f p50_ms %.3f p99_ms %.3f\n", done_n, wrong_n, seconds,
           took[all_n / 2] * 1000, took[all_n * 99 / 100] * 1000);
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "usage: %s PORT BODY_FILE ANSWER_FILE CONNECTIONS REQUESTS equal|unique\n", argv[0]);
        return 2;
    }
    body = read_file(argv[2]);
    want = read_file(argv[3]);
    all_n = strtoul(argv[5], NULL, 10);
    unique = strcmp(argv[6], "unique") == 0;
    if (all_n == 0)
        fail("nothing to do");
    run((uint16_t)strtoul(argv[1], NULL, 10), strtoul(argv[4], NULL, 10));
    return wrong_n > 0;
}
