// SPDX-License-Identifier: MIT
// Subgraphs that cost next to nothing, for bench/federation.py: what was asked before (path and body) is
// answered from memory, anything else is asked of a slow server behind it, once, while all else waits.
//
// Usage: fed_sources PORT PORT_BEHIND [DELAY_MS]
// POST: an answer, DELAY_MS late. GET: how many answers there were so far, as a text.
#include "bare_h2o.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TABLE = 4096, BEHIND_S = 20 };

struct known {
    struct known *next;
    h2o_iovec_t path, body, answer;
};

// A request whose answer is held back; lives as long as the request.
struct held {
    h2o_timeout_entry_t entry;
    h2o_req_t *req;
    const struct known *known;
};

static struct known *table[TABLE];
static h2o_loop_t *loop;
static h2o_timeout_t delay;
static uint16_t port_behind;
static unsigned long delay_ms, answers_n;

static size_t hash(h2o_iovec_t path, h2o_iovec_t body)
{
    size_t h = 5381 + body.len;
    for (size_t i = 0; i < path.len; i++)
        h = h * 33 + (unsigned char)path.base[i];
    for (size_t i = 0; i < body.len; i++)
        h = h * 33 + (unsigned char)body.base[i];
    return h % TABLE;
}

static void fail(const char *what)
{
    fprintf(stderr, "fed_sources: %s\n", what);
    exit(1);
}

static int connect_behind(void)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port_behind)};
    struct timeval patience = {.tv_sec = BEHIND_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0 ||
        connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
        fail("the server behind cannot be reached");
    return fd;
}

// HTTP/1.0, so that the answer ends with the connection.
static h2o_iovec_t ask_behind(h2o_iovec_t path, h2o_iovec_t body)
{
    int fd = connect_behind();
    dprintf(fd, "POST %.*s HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n",
            (int)path.len, path.base, body.len);
    for (size_t at = 0; at < body.len;) {
        ssize_t n = write(fd, body.base + at, body.len - at);
        if (n <= 0)
            fail("the server behind does not read");
        at += (size_t)n;
    }
    size_t n = 0, cap = 1 << 16;
    char *all = malloc(cap + 1);
    for (ssize_t got; all && (got = read(fd, all + n, cap - n)) > 0;) {
        n += (size_t)got;
        if (n == cap)
            all = realloc(all, (cap *= 2) + 1);
    }
    close(fd);
    if (!all)
        fail("no memory");
    all[n] = '\0';
    char *start = strstr(all, "\r\n\r\n");
    if (!start || n < 12 || memcmp(all + 8, " 200", 4) != 0)
        fail("the server behind does not answer");
    start += 4;
    return h2o_strdup(NULL, start, n - (size_t)(start - all));
}

static const struct known *find(h2o_iovec_t path, h2o_iovec_t body)
{
    struct known **at = &table[hash(path, body)];
    for (; *at; at = &(*at)->next)
        if (h2o_memis((*at)->path.base, (*at)->path.len, path.base, path.len) &&
            h2o_memis((*at)->body.base, (*at)->body.len, body.base, body.len))
            return *at;
    struct known *k = *at = calloc(1, sizeof(*k));
    if (!k)
        fail("no memory");
    k->path = h2o_strdup(NULL, path.base, path.len);
    k->body = h2o_strdup(NULL, body.base, body.len);
    k->answer = ask_behind(path, body);
    return k;
}

static void on_due(h2o_timeout_entry_t *entry)
{
    struct held *held = H2O_STRUCT_FROM_MEMBER(struct held, entry, entry);
    bare_answer(held->req, held->known->answer.base, held->known->answer.len);
}

static void on_gone(void *p)
{
    struct held *held = p;
    if (h2o_timeout_is_linked(&held->entry))
        h2o_timeout_unlink(&held->entry);
}

static int on_request(h2o_handler_t *self, h2o_req_t *req)
{
    (void)self;
    if (!h2o_memis(req->method.base, req->method.len, H2O_STRLIT("POST"))) {
        char *text = h2o_mem_alloc_pool(&req->pool, 32);
        bare_answer(req, text, (size_t)snprintf(text, 32, "%lu", answers_n));
        return 0;
    }
    answers_n++;
    const struct known *known = find(req->path_normalized, req->entity);
    if (delay_ms == 0) {
        bare_answer(req, known->answer.base, known->answer.len);
        return 0;
    }
    struct held *held = h2o_mem_alloc_shared(&req->pool, sizeof(*held), on_gone);
    *held = (struct held){.entry.cb = on_due, .req = req, .known = known};
    h2o_timeout_link(loop, &delay, &held->entry);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: %s PORT PORT_BEHIND [DELAY_MS]\n", argv[0]);
        return 2;
    }
    port_behind = (uint16_t)strtoul(argv[2], NULL, 10);
    delay_ms = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
    loop = bare_init((uint16_t)strtoul(argv[1], NULL, 10), on_request);
    h2o_timeout_init(loop, &delay, delay_ms);
    bare_run();
}
