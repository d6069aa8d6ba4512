// SPDX-License-Identifier: MIT
// A ceiling: what a router of a federation does for one operation without any GraphQL. For each request
// libh2o sends recorded requests to the subgraphs over kept HTTP/1.1 connections, each as soon as the answers
// are in that it was recorded to wait for, reads these answers to their ends, and answers the bytes of one
// file.
//
// Usage: fed_bare PORT SUBGRAPHS_PORT SCRIPT ANSWER_FILE
// The script, for each fetch: a line "MASK BEFORE AFTER", then that many bytes of the request before and
// after the value of its authorization header, which is the client's own, then a line feed. MASK in hex: bit
// i set, it waits for fetch i.
//
// It takes its subgraphs as they are: an answer has a content-length and a status of 200, a request fits into
// an empty socket's buffer. Anything else ends it.
#include "bare_h2o.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { FETCHES_MAX = 64 };

struct fetch {
    uint64_t after;
    struct iovec head, tail;
};

// A client's request; outlives it while answers are awaited.
struct op {
    h2o_req_t *req; // NULL: it is gone
    h2o_iovec_t authorization;
    uint64_t sent, done;
    unsigned under_way;
    char token[256];
};

struct conn {
    h2o_socket_t *sock;
    struct conn *next; // among the idle
    struct op *op;
    unsigned fetch;
    size_t whole; // bytes of head and body; 0: not known yet
};

static struct fetch fetches[FETCHES_MAX];
static unsigned fetches_n;
static char *answer;
static size_t answer_n;
static uint16_t subgraphs_port;
static h2o_loop_t *loop;
static struct conn *idle;

static void on_read(h2o_socket_t *sock, const char *err);

static void fail(const char *what)
{
    fprintf(stderr, "fed_bare: %s\n", what);
    exit(1);
}

static struct conn *open_conn(void)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(subgraphs_port)};
    struct conn *c = calloc(1, sizeof(*c));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (!c || fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
        fail("the subgraphs cannot be reached");
    c->sock = h2o_evloop_socket_create(loop, fd, 0);
    c->sock->data = c;
    h2o_socket_read_start(c->sock, on_read);
    return c;
}

static void send_fetch(struct op *op, unsigned i)
{
    struct conn *c = idle;
    if (c)
        idle = c->next;
    else
        c = open_conn();
    c->op = op;
    c->fetch = i;
    c->whole = 0;
    op->under_way++;
    struct iovec out[3] = {fetches[i].head, {op->authorization.base, op->authorization.len}, fetches[i].tail};
    size_t n = out[0].iov_len + out[1].iov_len + out[2].iov_len;
    if (writev(h2o_socket_get_fd(c->sock), out, 3) != (ssize_t)n)
        fail("a request was not taken whole");
}

// Sends what may go; answers, or forgets the operation, when nothing is left.
static void step(struct op *op)
{
    for (unsigned i = 0; op->req && i < fetches_n; i++) {
        if ((op->sent >> i & 1) != 0 || (fetches[i].after & ~op->done) != 0)
            continue;
        op->sent |= UINT64_C(1) << i;
        send_fetch(op, i);
    }
    if (op->under_way > 0)
        return;
    if (op->req)
        bare_answer(op->req, answer, answer_n);
    else
        free(op);
}

// 0: the head is not whole yet.
static size_t whole_size(h2o_buffer_t *in)
{
    char *end = memmem(in->bytes, in->size, "\r\n\r\n", 4);
    if (!end)
        return 0;
    if (memcmp(in->bytes + 8, " 200", 4) != 0)
        fail("a subgraph refuses");
    for (char *line = in->bytes; line < end; line = (char *)memchr(line, '\n', (size_t)(end + 4 - line)) + 1)
        if (strncasecmp(line, "content-length:", 15) == 0)
            return (size_t)(end + 4 - in->bytes) + strtoul(line + 15, NULL, 10);
    fail("an answer without a length");
    return 0;
}

static void on_read(h2o_socket_t *sock, const char *err)
{
    struct conn *c = sock->data;
    if (err)
        fail("a subgraph closed");
    if (c->whole == 0)
        c->whole = whole_size(sock->input);
    if (c->whole == 0 || sock->input->size < c->whole)
        return;
    h2o_buffer_consume(&sock->input, c->whole);
    struct op *op = c->op;
    op->done |= UINT64_C(1) << c->fetch;
    op->under_way--;
    c->next = idle;
    idle = c;
    step(op);
}

static void on_gone(void *p)
{
    struct op *op = *(struct op **)p;
    op->req = NULL;
    if (op->under_way == 0)
        free(op);
}

static int on_request(h2o_handler_t *self, h2o_req_t *req)
{
    (void)self;
    struct op *op = calloc(1, sizeof(*op)),
              **holder = h2o_mem_alloc_shared(&req->pool, sizeof(*holder), on_gone);
    ssize_t at = h2o_find_header(&req->headers, H2O_TOKEN_AUTHORIZATION, -1);
    if (!op || at < 0 || req->headers.entries[at].value.len > sizeof(op->token))
        fail("a request without authorization");
    h2o_iovec_t value = req->headers.entries[at].value;
    memcpy(op->token, value.base, value.len);
    op->authorization = h2o_iovec_init(op->token, value.len);
    op->req = req;
    *holder = op;
    step(op);
    return 0;
}

static struct iovec take(char **at, const char *end, size_t n)
{
    struct iovec out = {*at, n};
    if (n > (size_t)(end - *at))
        fail("the script is cut");
    *at += n;
    return out;
}

static void read_script(const char *path)
{
    size_t n;
    char *at = bare_read_file(path, &n), *end = at + n;
    while (at < end) {
        if (fetches_n == FETCHES_MAX)
            fail("too many fetches");
        struct fetch *f = &fetches[fetches_n++];
        f->after = strtoull(at, &at, 16);
        size_t before = strtoul(at, &at, 10), after = strtoul(at, &at, 10);
        at++;
        f->head = take(&at, end, before);
        f->tail = take(&at, end, after);
        at++;
    }
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: %s PORT SUBGRAPHS_PORT SCRIPT ANSWER_FILE\n", argv[0]);
        return 2;
    }
    subgraphs_port = (uint16_t)strtoul(argv[2], NULL, 10);
    read_script(argv[3]);
    answer = bare_read_file(argv[4], &answer_n);
    loop = bare_init((uint16_t)strtoul(argv[1], NULL, 10), on_request);
    bare_run();
}
