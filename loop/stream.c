// SPDX-License-Identifier: MIT
// One state machine over a watched descriptor. Whatever ends the connection goes through end(), which is told
// to the owner once: as on_connect before the stream was open, as on_close after. TLS is OpenSSL on the
// descriptor itself; reads and writes differ from plain ones in two functions (read_some, write_some).
#include "loop/stream.h"

#include "base/log.h"
#include "loop/loop_priv.h"
#include "loop/stream_priv.h"

#include <openssl/err.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    READ_CHUNK = 16 * 1024,
    READ_TURN_MAX = 512 * 1024, // then the other sockets have their turn
    TLS_RECORD = 16 * 1024,
    INLINE_IOV = 8,
    IOV_BATCH = 64,
};

enum stream_state { CONNECTING, HANDSHAKE, OPEN, ENDED };

struct mer_stream {
    struct mer_loop *loop;
    struct mer_watch *watch;
    const struct mer_stream_callbacks *cb;
    void *owner;
    struct mer_tls_client *tls;
    SSL *ssl;
    int fd; // -1: never came so far
    enum stream_state state;
    bool paused;
    bool told_connect; // on_connect(NULL) was called, or is about to be
    bool told_close;   // on_close was called
    bool peer_closed;  // end of input
    bool fresh;        // input that on_data has not seen, or that is to be shown again
    char why[160];     // why it ended; empty: the peer closed
    bool *gone;        // set by close while one of the callbacks runs

    char *in; // [in_at, in_n) is input not consumed
    size_t in_at, in_n, in_cap;
    bool lent; // `in` is the loop's, while one turn's input is read and shown
    uint64_t bytes_in;

    struct mer_slice *out; // [out_at, out_n) is still to be written
    struct mer_slice out_inline[INLINE_IOV];
    size_t out_at, out_n;
    char *record; // TLS: the plain text being written
    size_t record_at, record_n;
    bool writing;
    bool written;    // to be told
    int write_errno; // writing failed; what the peer still sent is read before that ends the stream
    mer_loop_fn *on_written;

    struct mer_task task; // tells the owner what happened inside of one of his own calls
};

static void on_task(void *owner);
static void on_writable(void *owner);

static void tell_later(struct mer_stream *s)
{
    mer_loop_defer(s->loop, &s->task, on_task, s);
}

// The first reason stands.
static void end(struct mer_stream *s, const char *what, int err)
{
    if (s->state == ENDED)
        return;
    s->state = ENDED;
    s->writing = false;
    if (s->watch)
        mer_watch_pause_read(s->watch);
    if (err)
        snprintf(s->why, sizeof(s->why), "%s: %s", what, strerror(err));
    else if (what)
        snprintf(s->why, sizeof(s->why), "%s", what);
    tell_later(s);
}

static void end_tls(struct mer_stream *s, const char *what, int ssl_error)
{
    int err = errno;
    long verify = SSL_get_verify_result(s->ssl);
    unsigned long code = ERR_peek_error();
    char reason[120];
    if (verify != X509_V_OK)
        snprintf(reason, sizeof(reason), "%s", X509_verify_cert_error_string(verify));
    else if (code)
        ERR_error_string_n(code, reason, sizeof(reason));
    else if (ssl_error == SSL_ERROR_SYSCALL && err)
        snprintf(reason, sizeof(reason), "%s", strerror(err));
    else
        snprintf(reason, sizeof(reason), "the peer closed");
    ERR_clear_error();
    char line[160];
    snprintf(line, sizeof(line), "%s: %s", what, reason);
    end(s, line, 0);
}

// ---- input

static void reserve_input(struct mer_stream *s)
{
    if (s->in_at == s->in_n)
        s->in_at = s->in_n = 0;
    if (s->in_cap - s->in_n >= READ_CHUNK)
        return;
    if (s->in_at > 0 && s->in_at >= s->in_cap / 2) {
        memmove(s->in, s->in + s->in_at, s->in_n - s->in_at);
        s->in_n -= s->in_at;
        s->in_at = 0;
        if (s->in_cap - s->in_n >= READ_CHUNK)
            return;
    }
    size_t cap = s->in_cap ? s->in_cap * 2 : READ_CHUNK;
    char *in = realloc(s->in, cap);
    MER_ASSERT(in);
    s->in = in;
    s->in_cap = cap;
    if (s->in_cap - s->in_n < READ_CHUNK)
        reserve_input(s);
}

// Bytes read; 0: nothing now, or the stream ended (or peer_closed).
static size_t read_some(struct mer_stream *s)
{
    size_t room = s->in_cap - s->in_n;
    if (!s->ssl) {
        ssize_t n;
        do
            n = read(s->fd, s->in + s->in_n, room);
        while (n < 0 && errno == EINTR);
        if (n == 0)
            s->peer_closed = true;
        else if (n < 0 && errno != EAGAIN)
            end(s, "read", errno);
        return n > 0 ? (size_t)n : 0;
    }
    size_t got = 0;
    ERR_clear_error();
    errno = 0;
    int ok = SSL_read_ex(s->ssl, s->in + s->in_n, room, &got);
    if (ok == 1)
        return got;
    int e = SSL_get_error(s->ssl, ok);
    if (e == SSL_ERROR_ZERO_RETURN)
        s->peer_closed = true;
    else if (e == SSL_ERROR_WANT_WRITE)
        mer_watch_want_write(s->watch, on_writable);
    else if (e != SSL_ERROR_WANT_READ)
        end_tls(s, "TLS read", e);
    return 0;
}

static void drop_input(struct mer_stream *s)
{
    if (!s->lent)
        free(s->in);
    s->in = NULL;
    s->in_at = s->in_n = s->in_cap = 0;
}

// Shows the input to the owner. False: the stream is gone.
static bool deliver(struct mer_stream *s)
{
    s->fresh = false;
    bool gone = false;
    s->gone = &gone;
    size_t used = s->cb->on_data(s->owner, mer_slice_make(s->in + s->in_at, s->in_n - s->in_at));
    if (gone)
        return false;
    s->gone = NULL;
    MER_ASSERT(used <= s->in_n - s->in_at);
    s->in_at += used;
    if (s->in_at == s->in_n && !s->lent)
        drop_input(s);
    return true;
}

// An idle connection has no buffer: input goes into the loop's, and only what is left over is copied.
static void borrow(struct mer_stream *s)
{
    if (s->in_at < s->in_n)
        return;
    drop_input(s);
    s->in = mer_loop_scratch(s->loop);
    s->in_cap = MER_LOOP_SCRATCH;
    s->lent = true;
}

static void give_back(struct mer_stream *s)
{
    if (!s->lent)
        return;
    const char *left = s->in + s->in_at;
    size_t n = s->in_n - s->in_at;
    s->lent = false;
    s->in = NULL;
    s->in_at = s->in_n = s->in_cap = 0;
    if (n == 0)
        return;
    s->in = malloc(n + READ_CHUNK);
    MER_ASSERT(s->in);
    memcpy(s->in, left, n);
    s->in_n = n;
    s->in_cap = n + READ_CHUNK;
}

// False: the stream is gone.
static bool read_all(struct mer_stream *s)
{
    if (s->paused)
        return true;
    size_t total = 0;
    borrow(s);
    while (s->state == OPEN && !s->peer_closed && total < READ_TURN_MAX &&
           !(s->lent && s->in_n == s->in_cap)) {
        if (!s->lent)
            reserve_input(s);
        size_t room = s->in_cap - s->in_n;
        size_t n = read_some(s);
        if (n == 0)
            break;
        s->in_n += n;
        s->bytes_in += n;
        s->fresh = true;
        total += n;
        // A short read of a socket has emptied it; TLS may hold more records and must be asked until it wants
        // input.
        if (!s->ssl && n < room)
            break;
    }
    if (s->ssl && (total >= READ_TURN_MAX || (s->lent && s->in_n == s->in_cap)))
        tell_later(s); // what OpenSSL holds makes no descriptor readable
    if (s->fresh && !deliver(s))
        return false;
    give_back(s);
    if (s->peer_closed && s->state == OPEN && !s->paused)
        end(s, NULL, 0);
    return true;
}

// ---- output

static void advance(struct mer_stream *s, size_t n)
{
    while (n > 0) {
        struct mer_slice *o = &s->out[s->out_at];
        size_t k = n < o->n ? n : o->n;
        o->p += k;
        o->n -= k;
        n -= k;
        if (o->n == 0)
            s->out_at++;
    }
}

static bool write_plain(struct mer_stream *s)
{
    while (s->out_at < s->out_n) {
        struct iovec iov[IOV_BATCH];
        size_t n = 0;
        for (size_t i = s->out_at; i < s->out_n && n < IOV_BATCH; i++, n++) {
            memcpy(&iov[n].iov_base, &s->out[i].p, sizeof(void *));
            iov[n].iov_len = s->out[i].n;
        }
        struct msghdr msg = {.msg_iov = iov, .msg_iovlen = n};
        ssize_t did;
        do
            did = sendmsg(s->fd, &msg, MSG_NOSIGNAL);
        while (did < 0 && errno == EINTR);
        if (did < 0) {
            if (errno == EAGAIN) {
                mer_watch_want_write(s->watch, on_writable);
            } else {
                s->write_errno = errno;
                tell_later(s);
            }
            return false;
        }
        advance(s, (size_t)did);
    }
    return true;
}

// Slices are gathered into whole records: a request's head and its body travel in one.
static void fill_record(struct mer_stream *s)
{
    s->record_at = s->record_n = 0;
    while (s->out_at < s->out_n && s->record_n < TLS_RECORD) {
        struct mer_slice o = s->out[s->out_at];
        size_t k = o.n < TLS_RECORD - s->record_n ? o.n : TLS_RECORD - s->record_n;
        memcpy(s->record + s->record_n, o.p, k);
        s->record_n += k;
        advance(s, k);
    }
}

static bool write_tls(struct mer_stream *s)
{
    if (!s->record) {
        s->record = malloc(TLS_RECORD);
        MER_ASSERT(s->record);
    }
    for (;;) {
        if (s->record_at == s->record_n) {
            if (s->out_at == s->out_n)
                return true;
            fill_record(s);
        }
        size_t did = 0;
        ERR_clear_error();
        errno = 0;
        int ok = SSL_write_ex(s->ssl, s->record + s->record_at, s->record_n - s->record_at, &did);
        if (ok == 1) {
            s->record_at += did;
            continue;
        }
        int e = SSL_get_error(s->ssl, ok);
        if (e == SSL_ERROR_WANT_WRITE)
            mer_watch_want_write(s->watch, on_writable);
        else if (e != SSL_ERROR_WANT_READ) // then on_readable comes back here
            end_tls(s, "TLS write", e);
        return false;
    }
}

static void free_out(struct mer_stream *s)
{
    if (s->out && s->out != s->out_inline)
        free(s->out);
    s->out = NULL;
}

static void write_all(struct mer_stream *s)
{
    if (!s->writing || s->state != OPEN || s->write_errno)
        return;
    if (!(s->ssl ? write_tls(s) : write_plain(s)))
        return;
    free_out(s);
    s->writing = false;
    if (s->on_written) {
        s->written = true;
        tell_later(s);
    }
}

// ---- connection

static void opened(struct mer_stream *s)
{
    s->state = OPEN;
    tell_later(s);
}

static void shake_hands(struct mer_stream *s)
{
    ERR_clear_error();
    errno = 0;
    int ok = SSL_do_handshake(s->ssl);
    if (ok == 1) {
        opened(s);
        return;
    }
    int e = SSL_get_error(s->ssl, ok);
    if (e == SSL_ERROR_WANT_WRITE)
        mer_watch_want_write(s->watch, on_writable);
    else if (e != SSL_ERROR_WANT_READ)
        end_tls(s, "TLS handshake", e);
}

static void on_readable(void *owner)
{
    struct mer_stream *s = owner;
    if (s->state == HANDSHAKE)
        shake_hands(s);
    else if (s->state == OPEN && s->told_connect) {
        write_all(s); // TLS may have waited for input
        read_all(s);
    }
}

static void on_connected(struct mer_stream *s)
{
    int err = 0;
    socklen_t n = sizeof(err);
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &n) != 0)
        err = errno;
    if (err) {
        end(s, "connect", err);
        return;
    }
    mer_watch_resume_read(s->watch);
    if (!s->tls) {
        opened(s);
        return;
    }
    s->state = HANDSHAKE;
    s->ssl = mer_tls_client_session(s->tls, s->fd);
    shake_hands(s);
}

static void on_writable(void *owner)
{
    struct mer_stream *s = owner;
    if (s->state == CONNECTING)
        on_connected(s);
    else if (s->state == HANDSHAKE)
        shake_hands(s);
    else if (s->state == OPEN) {
        write_all(s);
        if (s->ssl && s->told_connect)
            read_all(s); // TLS may have waited to write before it could read
    }
}

// Tells the owner, one thing after the other, for as long as he has not closed the stream.
static void on_task(void *owner)
{
    struct mer_stream *s = owner;
    bool gone = false;
    if (!s->told_connect) {
        s->told_connect = true;
        bool failed = s->state == ENDED;
        s->gone = &gone;
        s->cb->on_connect(s->owner, !failed ? NULL : s->why[0] ? s->why : "the peer closed");
        if (gone)
            return;
        s->gone = NULL;
        if (failed) {
            s->told_close = true;
            return;
        }
    }
    if (s->written) {
        s->written = false;
        s->gone = &gone;
        s->on_written(s->owner);
        if (gone)
            return;
        s->gone = NULL;
    }
    if (s->state == OPEN) {
        if (read_all(s) && s->state == OPEN && s->write_errno)
            end(s, "write", s->write_errno);
        return; // an end that was found is told by the next task
    }
    if (s->state == ENDED && !s->told_close) {
        s->told_close = true;
        s->gone = &gone;
        s->cb->on_close(s->owner, s->why[0] ? s->why : NULL);
        if (!gone)
            s->gone = NULL;
    }
}

struct mer_stream *mer_stream_connect(struct mer_loop *loop, const struct sockaddr *addr, socklen_t addr_len,
                                      struct mer_tls_client *tls,
                                      const struct mer_stream_callbacks *callbacks, void *owner)
{
    struct mer_stream *s = calloc(1, sizeof(*s));
    MER_ASSERT(s);
    s->loop = loop;
    s->cb = callbacks;
    s->owner = owner;
    s->tls = tls;
    if (tls)
        mer_tls_client_ref(tls);
    s->fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0) {
        end(s, "socket", errno);
        return s;
    }
    if (addr->sa_family != AF_UNIX) {
        int on = 1;
        setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    int rc;
    do
        rc = connect(s->fd, addr, addr_len);
    while (rc < 0 && errno == EINTR);
    int err = rc < 0 && errno != EINPROGRESS ? errno : 0;
    s->watch = mer_watch_adopt(loop, s->fd, on_readable, s);
    mer_watch_pause_read(s->watch);
    if (err)
        end(s, "connect", err);
    else
        mer_watch_want_write(s->watch, on_writable);
    return s;
}

void mer_stream_write(struct mer_stream *s, const struct mer_slice *iov, size_t n, mer_loop_fn *on_written)
{
    MER_ASSERT(!s->writing && !s->written);
    if (s->state != OPEN)
        return; // it ended; on_close is on its way
    s->out = n <= INLINE_IOV ? s->out_inline : malloc(n * sizeof(*iov));
    MER_ASSERT(s->out);
    s->out_at = s->out_n = 0;
    for (size_t i = 0; i < n; i++)
        if (iov[i].n)
            s->out[s->out_n++] = iov[i];
    s->writing = true;
    s->on_written = on_written;
    write_all(s);
}

bool mer_stream_is_writing(const struct mer_stream *s)
{
    return s->writing || s->written;
}

void mer_stream_pause_read(struct mer_stream *s)
{
    s->paused = true;
    if (s->watch)
        mer_watch_pause_read(s->watch);
}

void mer_stream_resume_read(struct mer_stream *s)
{
    if (!s->paused)
        return;
    s->paused = false;
    if (s->state == ENDED)
        return;
    mer_watch_resume_read(s->watch);
    s->fresh = s->in_n > s->in_at;
    tell_later(s);
}

struct mer_slice mer_stream_protocol(const struct mer_stream *s)
{
    const unsigned char *name = NULL;
    unsigned n = 0;
    if (s->ssl) {
        SSL_get0_alpn_selected(s->ssl, &name, &n);
    }
    return mer_slice_make((const char *)name, n);
}

uint64_t mer_stream_bytes_in(const struct mer_stream *s)
{
    return s->bytes_in;
}

void mer_stream_close(struct mer_stream *s)
{
    if (!s)
        return;
    if (s->gone)
        *s->gone = true;
    mer_task_cancel(s->loop, &s->task);
    if (s->ssl) {
        if (s->state == OPEN)
            SSL_shutdown(s->ssl);
        ERR_clear_error();
        SSL_free(s->ssl);
    }
    if (s->watch)
        mer_watch_close(s->watch);
    mer_tls_client_unref(s->tls);
    free_out(s);
    free(s->record);
    drop_input(s);
    free(s);
}
