// SPDX-License-Identifier: MIT
// Two conversations with the library, over socket pairs and on a loop of their own, in which each hook must
// have been called and must have done what it is for. A hook that the linker did not let win, a library that
// was built to call itself directly, or one of another version whose structures have moved, is found here.
#include "gateway/h2o_guard/guard_priv.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TURNS = 400, TURN_MS = 2 };

struct talk {
    struct mer_guard_conn guard; // first: see guard.h
    bool closed;
    int fd; // the client's end
    uint8_t in[16384];
    size_t in_n;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool done;
static atomic_bool ready;
static char failure[160];

// They stay: the library's contexts cannot be taken apart without leaks, and this happens once.
static h2o_globalconf_t conf;
static h2o_context_t ctx;
static h2o_accept_ctx_t accept_ctx;
static uint32_t handled;
static struct talk talks[3];

bool mer_guard_ready(void)
{
    return atomic_load_explicit(&ready, memory_order_relaxed);
}

static int on_req(h2o_handler_t *self, h2o_req_t *req)
{
    (void)self;
    handled++;
    if (h2o_memis(req->input.path.base, req->input.path.len, H2O_STRLIT("/wait")))
        return 0; // until it is reset
    static h2o_generator_t generator = {NULL, NULL};
    h2o_iovec_t body = h2o_strdup(&req->pool, "guarded", SIZE_MAX);
    req->res.status = 200;
    req->res.content_length = body.len;
    h2o_start_response(req, &generator);
    h2o_send(req, &body, 1, H2O_SEND_STATE_FINAL);
    return 0;
}

static void on_close(void *data)
{
    struct talk *t = data;
    t->closed = true;
}

static bool begin(struct talk *t, bool http2)
{
    int fds[2];
    memset(t, 0, sizeof(*t));
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
        return false;
    t->fd = fds[0];
    mer_guard_conn_init(&t->guard);
    h2o_socket_t *sock = h2o_evloop_socket_create(ctx.loop, fds[1], 0);
    sock->on_close.cb = on_close;
    sock->on_close.data = t;
    struct timeval now = {0, 0};
    if (http2)
        h2o_http2_accept(&accept_ctx, sock, now);
    else
        h2o_http1_accept(&accept_ctx, sock, now);
    return true;
}

static void finish(struct talk *t)
{
    close(t->fd);
    for (int i = 0; i < TURNS && !t->closed; i++)
        h2o_evloop_run(ctx.loop, TURN_MS);
    mer_guard_conn_fini(&t->guard);
}

// Sends, and turns the loop until the answer holds what is wanted (and, if asked, the end).
static bool expect(struct talk *t, const void *bytes, size_t n, const char *want, size_t want_n)
{
    if (n && send(t->fd, bytes, n, MSG_NOSIGNAL) != (ssize_t)n)
        return false;
    for (int i = 0; i < TURNS; i++) {
        h2o_evloop_run(ctx.loop, TURN_MS);
        ssize_t got = recv(t->fd, t->in + t->in_n, sizeof(t->in) - t->in_n, 0);
        if (got > 0)
            t->in_n += (size_t)got;
        if (memmem(t->in, t->in_n, want, want_n))
            return true;
    }
    return false;
}
#define EXPECT(t, bytes, want) expect((t), (bytes), sizeof(bytes) - 1, (want), sizeof(want) - 1)

static bool talk_http1(void)
{
    struct talk *t = &talks[0];
    if (!begin(t, false))
        return false;
    bool ok =
        EXPECT(t, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
               "guarded") &&
        EXPECT(t, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400 Bad Request");
    finish(t);
    t = &talks[1];
    if (!ok || !begin(t, false))
        return false;
    ok = EXPECT(t, "POST / HTTP/1.1\r\nHost: a\r\nExpect: nothing\r\nContent-Length: 1\r\n\r\n", " 417 ");
    finish(t);
    return ok;
}

// Header blocks: :method (0x82 GET, 0x83 POST), :scheme http, :path, :authority a.
static bool talk_http2(void)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                                  "\0\0\0\4\0\0\0\0\0";
    // A POST with a body on stream 1, and a frame of a type that nobody knows.
    static const char post[] = "\0\0\x06\1\4\0\0\0\1\x83\x86\x84\x01\x01"
                               "a"
                               "\0\0\3\0\1\0\0\0\1"
                               "abc"
                               "\0\0\1\xfa\0\0\0\0\0?";
    // A GET of /wait on stream 3, reset in a later packet.
    static const char get[] = "\0\0\x0c\1\5\0\0\0\3\x82\x86\x01\x01"
                              "a"
                              "\x04\x05"
                              "/wait"
                              "\0\0\x08\6\0\0\0\0\0"
                              "pingpong";
    static const char reset[] = "\0\0\4\3\0\0\0\0\3\0\0\0\x08"
                                "\0\0\x08\6\0\0\0\0\0"
                                "gnipgnop";
    // More fields than any request has, one byte each.
    char bomb[9 + 6 + 200];
    memset(bomb, 0x90, sizeof(bomb));
    memcpy(bomb,
           "\0\0\xce\1\5\0\0\0\5\x82\x86\x84\x01\x01"
           "a",
           15);
    struct talk *t = &talks[2];
    if (!begin(t, true))
        return false;
    bool ok = EXPECT(t, preface, "\0\0\0\4\1\0\0\0\0") && EXPECT(t, post, "guarded") &&
              EXPECT(t, get, "\0\0\x08\6\1\0\0\0\0pingpong") &&
              EXPECT(t, reset, "\0\0\x08\6\1\0\0\0\0gnipgnop");
    ok = ok && t->guard.opened == 2 && t->guard.resets == 1 && t->guard.body_bytes == 0 &&
         t->guard.uploads_n == 0;
    // GOAWAY, ENHANCE_YOUR_CALM
    ok = ok && expect(t, bomb, sizeof(bomb), "\0\0\0\x0b", 4) &&
         memmem(t->in, t->in_n, "too many header fields", 22);
    finish(t);
    return ok && t->closed;
}

static const char *run(void)
{
    h2o_config_init(&conf);
    h2o_hostconf_t *host = h2o_config_register_host(&conf, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    h2o_create_handler(path, sizeof(h2o_handler_t))->on_req = on_req;
    h2o_context_init(&ctx, h2o_evloop_create(), &conf);
    accept_ctx.ctx = &ctx;
    accept_ctx.hosts = conf.hosts;
    uint64_t unknown = mer_guard_count(MER_GUARD_UNKNOWN_FRAME);
    memset(mer_guard_hook_calls, 0, sizeof(mer_guard_hook_calls));

    if (!talk_http1())
        return "HTTP/1 is not answered as it should be";
    if (!talk_http2())
        return "HTTP/2 is not answered as it should be";
    static const char *const names[HOOKS_N] = {
        [HOOK_HTTP2_ACCEPT] = "h2o_http2_accept",
        [HOOK_STREAM_OPEN] = "h2o_http2_stream_open",
        [HOOK_STREAM_CLOSE] = "h2o_http2_stream_close",
        [HOOK_STREAM_RESET] = "h2o_http2_stream_reset",
        [HOOK_SEND_PENDING] = "h2o_http2_stream_send_pending_data",
        [HOOK_HPACK_PARSE] = "h2o_hpack_parse_headers",
        [HOOK_PHR_REQUEST] = "phr_parse_request",
        [HOOK_PHR_CHUNKED] = "phr_decode_chunked",
        [HOOK_SEND_ERROR] = "h2o_send_error_generic",
        [HOOK_FRAME] = "the frame reader",
        [HOOK_SOCKET_CLOSE] = "h2o_socket_close",
    };
    for (int i = 0; i < HOOKS_N; i++) {
        if (!mer_guard_hook_calls[i]) {
            snprintf(failure, sizeof(failure), "the hook of %s is not called", names[i]);
            return failure;
        }
    }
    if (mer_guard_count(MER_GUARD_UNKNOWN_FRAME) != unknown + 1)
        return "a frame of unknown type was not seen";
    if (handled != 3)
        return "requests were lost";
    return NULL;
}

enum mer_err mer_guard_selftest(struct mer_diag *diag)
{
    pthread_mutex_lock(&lock);
    if (!done) {
        done = true;
        mer_guard_error_fn *answer = mer_guard_error_answer;
        mer_guard_error_answer = NULL;
        const char *why = run();
        mer_guard_error_answer = answer;
        if (why && why != failure)
            snprintf(failure, sizeof(failure), "%s", why);
        // What the conversations counted is not abuse.
        for (int c = 0; c < MER_GUARD_CLASSES; c++)
            atomic_store(&mer_guard_counts[c], 0);
        atomic_store(&ready, why == NULL);
    }
    pthread_mutex_unlock(&lock);
    if (mer_guard_ready())
        return MER_OK;
    return mer_diag_set(diag, MER_ERR_INVALID, "the guard around libh2o does not hold: %s", failure);
}
