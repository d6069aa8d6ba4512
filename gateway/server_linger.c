// SPDX-License-Identifier: MIT
#include "base/log.h"
#include "gateway/server_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINGER_MS = 2000, LINGER_BYTES = 8 << 20, LINGER_CHUNK = 64 * 1024, LINGERS_MAX = 256 };

struct lingering {
    struct lingering *next, **pprev;
    struct mer_server *server;
    struct mer_watch *watch;
    struct mer_timer timer;
    int fd;
    size_t bytes;
};

static void end(void *owner)
{
    struct lingering *l = owner;
    *l->pprev = l->next;
    if (l->next)
        l->next->pprev = l->pprev;
    mer_timer_stop(l->server->loop, &l->timer);
    mer_watch_close(l->watch);
    free(l);
}

static void on_readable(void *owner)
{
    struct lingering *l = owner;
    static __thread char sink[LINGER_CHUNK];
    ssize_t n = recv(l->fd, sink, sizeof(sink), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || (l->bytes += (size_t)n) > LINGER_BYTES)
        end(l);
}

void server_linger(struct mer_server *s, int take_fd)
{
    size_t n = 0;
    for (struct lingering *l = s->lingers; l; l = l->next)
        n++;
    if (n >= LINGERS_MAX || s->draining) {
        close(take_fd);
        return;
    }
    shutdown(take_fd, SHUT_WR);
    struct lingering *l = calloc(1, sizeof(*l));
    MER_ASSERT(l);
    l->server = s;
    l->fd = take_fd;
    l->next = s->lingers;
    l->pprev = &s->lingers;
    if (l->next)
        l->next->pprev = &l->next;
    s->lingers = l;
    l->watch = mer_watch_adopt(s->loop, take_fd, on_readable, l);
    mer_timer_start(s->loop, &l->timer, LINGER_MS, end, l);
}

void server_linger_end_all(struct mer_server *s)
{
    while (s->lingers)
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc)
        end(s->lingers);
}
