// SPDX-License-Identifier: MIT
#include "loop/loop.h"

#include "base/log.h"
#include "loop/loop_h2o.h"
#include "loop/loop_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

struct mer_watch {
    h2o_socket_t *sock;
    mer_loop_fn *on_readable;
    mer_loop_fn *on_writable; // NULL: a notice from below that comes anyway is swallowed
    void *owner;
};

// Closing frees the watch at once: h2o skips the callbacks of a socket that was closed, and nothing here
// touches the watch after the owner was called.
static void on_read(h2o_socket_t *sock, const char *err)
{
    struct mer_watch *w = sock->data;
    (void)err; // the library that owns the descriptor finds errors by reading
    w->on_readable(w->owner);
}

static void on_write(h2o_socket_t *sock, const char *err)
{
    struct mer_watch *w = sock->data;
    (void)err;
    mer_loop_fn *fn = w->on_writable;
    w->on_writable = NULL;
    if (fn)
        fn(w->owner);
}

struct mer_watch *mer_watch_adopt(struct mer_loop *loop, int take_fd, mer_loop_fn *on_readable, void *owner)
{
    struct mer_watch *w = h2o_mem_alloc(sizeof(*w));
    w->sock = h2o_evloop_socket_create(mer_loop_h2o(loop), take_fd, H2O_SOCKET_FLAG_DONT_READ);
    w->sock->data = w;
    w->on_readable = on_readable;
    w->on_writable = NULL;
    w->owner = owner;
    if (on_readable)
        h2o_socket_read_start(w->sock, on_read);
    return w;
}

struct mer_watch *mer_watch_open(struct mer_loop *loop, int fd, mer_loop_fn *on_readable, void *owner)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) {
        mer_log(MER_LOG_ERROR, "loop", "a descriptor cannot be watched errno=%d", errno);
        return NULL;
    }
    return mer_watch_adopt(loop, copy, on_readable, owner);
}

void mer_watch_want_write(struct mer_watch *w, mer_loop_fn *on_writable)
{
    w->on_writable = on_writable;
    // There is no way to take a notice back, so it may be pending still from a wish that was withdrawn.
    if (on_writable && !h2o_socket_is_writing(w->sock))
        h2o_socket_notify_write(w->sock, on_write);
}

void mer_watch_pause_read(struct mer_watch *w)
{
    h2o_socket_read_stop(w->sock);
}

void mer_watch_resume_read(struct mer_watch *w)
{
    if (!h2o_socket_is_reading(w->sock))
        h2o_socket_read_start(w->sock, on_read);
}

void mer_watch_close(struct mer_watch *w)
{
    h2o_socket_close(w->sock);
    free(w);
}
