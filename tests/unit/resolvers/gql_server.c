// SPDX-License-Identifier: MIT
#include "gql_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PEERS_MAX = 128, REQUEST_MAX = 1 << 22 };

struct gql_peer {
    struct gql_server *server;
    int number, fd;
    SSL *ssl;
    char *in;
    size_t n, taken; // taken: of the request shown last
    pthread_t thread;
};

struct gql_server {
    struct gql_server_opts opts;
    SSL_CTX *tls;
    int fd, port;
    pthread_t thread;
    pthread_mutex_t lock;
    struct gql_peer *peers[PEERS_MAX]; // under lock, as is their fd
    atomic_int peers_n, requests_n;
    atomic_bool stopping;
};

static void die(const char *what)
{
    fprintf(stderr, "gql_server: %s\n", what);
    abort();
}

// ---- a connection ----

int gql_peer_number(const struct gql_peer *p)
{
    return p->number;
}

void *gql_peer_owner(const struct gql_peer *p)
{
    return p->server->opts.owner;
}

static bool read_more(struct gql_peer *p)
{
    if (p->n == REQUEST_MAX) {
        die("request too large");
    }
    size_t room = REQUEST_MAX - p->n, got = 0;
    if (p->ssl) {
        if (SSL_read_ex(p->ssl, p->in + p->n, room, &got) != 1) {
            return false;
        }
    } else {
        ssize_t r = read(p->fd, p->in + p->n, room);
        if (r <= 0) {
            return false;
        }
        got = (size_t)r;
    }
    p->n += got;
    p->in[p->n] = 0;
    return true;
}

const char *gql_peer_read(struct gql_peer *p)
{
    p->n -= p->taken;
    memmove(p->in, p->in + p->taken, p->n + 1);
    p->taken = 0;
    for (;;) {
        const char *end = strstr(p->in, "\r\n\r\n");
        if (end) {
            const char *length = strstr(p->in, "\r\ncontent-length: ");
            size_t body = length && length < end ? strtoul(length + 18, NULL, 10) : 0;
            size_t whole = (size_t)(end - p->in) + 4 + body;
            if (p->n >= whole) {
                p->taken = whole;
                atomic_fetch_add(&p->server->requests_n, 1);
                return p->in;
            }
        }
        if (!read_more(p)) {
            return NULL;
        }
    }
}

void gql_peer_say_bytes(struct gql_peer *p, const void *bytes, size_t n)
{
    const char *at = bytes;
    while (n > 0) {
        size_t did = 0;
        if (p->ssl) {
            if (SSL_write_ex(p->ssl, at, n, &did) != 1) {
                return;
            }
        } else {
            ssize_t w = send(p->fd, at, n, MSG_NOSIGNAL);
            if (w <= 0) {
                return;
            }
            did = (size_t)w;
        }
        at += did;
        n -= did;
    }
}

void gql_peer_say(struct gql_peer *p, const char *text)
{
    gql_peer_say_bytes(p, text, strlen(text));
}

void gql_peer_say_slowly(struct gql_peer *p, const char *text)
{
    for (; *text; text++) {
        gql_peer_say_bytes(p, text, 1);
        struct timespec t = {.tv_nsec = 200 * 1000};
        nanosleep(&t, NULL);
    }
}

void gql_peer_wait(struct gql_peer *p)
{
    do {
        p->n = p->taken = 0;
    } while (read_more(p));
}

void gql_peer_sleep_ms(int ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

void gql_peer_reset(struct gql_peer *p)
{
    struct linger now = {.l_onoff = 1};
    setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static void *run_peer(void *arg)
{
    struct gql_peer *p = arg;
    bool ok = true;
    if (p->server->tls) {
        p->ssl = SSL_new(p->server->tls);
        SSL_set_fd(p->ssl, p->fd);
        ok = SSL_accept(p->ssl) == 1;
    }
    if (ok) {
        p->server->opts.script(p);
    }
    if (p->ssl) {
        SSL_shutdown(p->ssl);
        SSL_free(p->ssl);
    }
    pthread_mutex_lock(&p->server->lock);
    close(p->fd);
    p->fd = -1;
    pthread_mutex_unlock(&p->server->lock);
    return NULL;
}

// ---- the server ----

static void add_peer(struct gql_server *s, int fd)
{
    int n = atomic_load(&s->peers_n);
    struct gql_peer *p = n < PEERS_MAX ? calloc(1, sizeof(*p)) : NULL;
    int on = 1;
    if (!p || !(p->in = malloc(REQUEST_MAX + 1))) {
        die("too many connections");
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    p->in[0] = 0;
    p->server = s;
    p->number = n;
    p->fd = fd;
    pthread_mutex_lock(&s->lock);
    s->peers[n] = p;
    pthread_mutex_unlock(&s->lock);
    atomic_store(&s->peers_n, n + 1);
    if (pthread_create(&p->thread, NULL, run_peer, p) != 0) {
        die("no thread");
    }
}

static void *run_server(void *arg)
{
    struct gql_server *s = arg;
    for (;;) {
        int fd = accept(s->fd, NULL, NULL);
        if (fd < 0 || atomic_load(&s->stopping)) {
            if (fd >= 0) {
                close(fd);
            }
            return NULL;
        }
        add_peer(s, fd);
    }
}

static SSL_CTX *make_tls(const struct gql_server_opts *o)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (!tls || SSL_CTX_use_certificate_chain_file(tls, o->cert_file) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, o->key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_set_min_proto_version(tls, o->tls_version) != 1 ||
        SSL_CTX_set_max_proto_version(tls, o->tls_version) != 1) {
        die("no TLS");
    }
    if (o->client_ca_file) {
        if (SSL_CTX_load_verify_locations(tls, o->client_ca_file, NULL) != 1) {
            die("no client authorities");
        }
        SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    return tls;
}

struct gql_server *gql_server_start(const struct gql_server_opts *opts)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    struct gql_server *s = calloc(1, sizeof(*s));
    if (!s) {
        die("no memory");
    }
    signal(SIGPIPE, SIG_IGN);
    s->opts = *opts;
    s->tls = opts->cert_file ? make_tls(opts) : NULL;
    pthread_mutex_init(&s->lock, NULL);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&at, len) != 0 || listen(s->fd, 64) != 0 ||
        getsockname(s->fd, (struct sockaddr *)&at, &len) != 0 ||
        pthread_create(&s->thread, NULL, run_server, s) != 0) {
        die("cannot listen");
    }
    s->port = ntohs(at.sin_port);
    return s;
}

void gql_server_stop(struct gql_server *s)
{
    atomic_store(&s->stopping, true);
    shutdown(s->fd, SHUT_RDWR); // accept returns
    pthread_join(s->thread, NULL);
    close(s->fd);
    int n = atomic_load(&s->peers_n);
    for (int i = 0; i < n; i++) {
        struct gql_peer *p = s->peers[i];
        pthread_mutex_lock(&s->lock);
        if (p->fd >= 0) {
            shutdown(p->fd, SHUT_RDWR);
        }
        pthread_mutex_unlock(&s->lock);
        pthread_join(p->thread, NULL);
        free(p->in);
        free(p);
    }
    SSL_CTX_free(s->tls);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

int gql_server_port(const struct gql_server *s)
{
    return s->port;
}

int gql_server_connections(struct gql_server *s)
{
    return atomic_load(&s->peers_n);
}

int gql_server_requests(struct gql_server *s)
{
    return atomic_load(&s->requests_n);
}
