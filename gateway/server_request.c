// SPDX-License-Identifier: MIT
// From the library's request to ours, and from our answer to the library's.
#include "base/log.h"
#include "base/time.h"
#include "gateway/server_priv.h"

#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct mer_slice slice(h2o_iovec_t v)
{
    return mer_slice_make(v.base, v.len);
}

static h2o_iovec_t iovec(struct mer_slice s)
{
    h2o_iovec_t v = {NULL, s.n};
    memcpy(&v.base, &s.p, sizeof(v.base)); // the library's iovecs are not const; it only reads them
    return v;
}

static struct conn *conn_of(h2o_req_t *req)
{
    return req->conn->callbacks->get_socket(req->conn)->on_close.data;
}

static const char *reason_of(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 202:
        return "Accepted";
    case 204:
        return "No Content";
    case 304:
        return "Not Modified";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 406:
        return "Not Acceptable";
    case 408:
        return "Request Timeout";
    case 409:
        return "Conflict";
    case 413:
        return "Payload Too Large";
    case 415:
        return "Unsupported Media Type";
    case 429:
        return "Too Many Requests";
    case 431:
        return "Request Header Fields Too Large";
    case 500:
        return "Internal Server Error";
    case 502:
        return "Bad Gateway";
    case 503:
        return "Service Unavailable";
    case 504:
        return "Gateway Timeout";
    default:
        return status < 400 ? "OK" : "Error";
    }
}

// ---- end of life

static void drop_arena(struct request *r)
{
    struct mer_server *s = r->conn->server;
    struct mer_arena *a = r->pub.arena;
    r->pub.arena = NULL;
    if (!a)
        return;
    if (s->arenas_n < ARENAS_KEPT) {
        mer_arena_reset(a);
        s->arenas[s->arenas_n++] = a;
    } else {
        mer_arena_destroy(a);
    }
}

static void leave_queue(struct request *r)
{
    if (!r->queue_pprev)
        return;
    *r->queue_pprev = r->queue_next;
    if (r->queue_next)
        r->queue_next->queue_pprev = r->queue_pprev;
    else
        r->conn->queue_tail = r->queue_pprev;
    r->queue_pprev = NULL;
}

static void admit(void *owner);

void request_tell_aborted(struct request *r)
{
    r->aborted = true;
    server_bump(&r->conn->server->n.requests_aborted, 1);
    if (r->pub.on_abort)
        r->pub.on_abort(r->pub.owner);
}

// It lasts: others need not wait for it.
void request_free(struct request *r)
{
    r->free = true;
    r->conn->in_work--;
    if (r->conn->queue)
        mer_loop_defer(r->conn->server->loop, &r->conn->admit, admit, r->conn);
}

// Called by the library once, when the answer was sent or the request came to nothing.
static void dispose(void *p)
{
    struct request *r = p;
    struct conn *c = r->conn;
    struct mer_server *s = c->server;
    leave_queue(r);
    if ((r->state == REQUEST_IN_WORK || r->state == REQUEST_STREAMING) && !r->aborted && !r->ending)
        request_tell_aborted(r);
    stream_dispose(r);
    drop_arena(r);
    *r->pprev = r->next;
    if (r->next)
        r->next->pprev = r->pprev;
    if (r->state != REQUEST_WAITING && !r->free)
        c->in_work--;
    c->requests_n--;
    if (c->queue)
        mer_loop_defer(s->loop, &c->admit, admit, c);
    c->last_ms = server_now_ms(s);
    server_bump(&s->n.requests_in_work, -1);
}

// ---- answers

static void set_state(struct request *r, enum request_state state)
{
    r->state = state;
    r->since_ms = server_now_ms(r->conn->server);
}

static void answer(struct request *r, int status, h2o_iovec_t *bufs, size_t bufs_n, size_t length)
{
    h2o_req_t *req = r->h2o;
    bool bodyless = status == 204 || status == 304;
    req->res.status = status;
    req->res.reason = reason_of(status);
    req->res.content_length = bodyless ? SIZE_MAX : length;
    if (bodyless || h2o_memis(req->input.method.base, req->input.method.len, H2O_STRLIT("HEAD")))
        bufs_n = 0;
    if (r->conn->retired || r->conn->server->draining)
        req->http1_is_persistent = 0;
    set_state(r, REQUEST_ANSWERING);
    r->mark_bytes = SIZE_MAX; // not measured yet
    r->mark_ms = r->since_ms;
    h2o_start_response(req, &r->generator);
    h2o_send(req, bufs, bufs_n, H2O_SEND_STATE_FINAL);
}

void request_add_headers(struct request *r, const struct mer_http_header *headers, size_t headers_n)
{
    h2o_req_t *req = r->h2o;
    for (size_t i = 0; i < headers_n; i++)
        h2o_add_header_by_str(&req->pool, &req->res.headers, headers[i].name.p, headers[i].name.n, 1, NULL,
                              headers[i].value.p, headers[i].value.n);
}

void mer_http_respond(struct mer_http_req *pub, int status, const struct mer_http_header *headers,
                      size_t headers_n, const struct mer_slice *body, size_t body_n)
{
    struct request *r = (struct request *)pub;
    MER_ASSERT(r->state == REQUEST_IN_WORK && !r->aborted);
    h2o_req_t *req = r->h2o;
    request_add_headers(r, headers, headers_n);
    h2o_iovec_t *bufs = h2o_mem_alloc_pool(&req->pool, sizeof(*bufs) * (body_n + 1));
    size_t n = 0, length = 0;
    for (size_t i = 0; i < body_n; i++) {
        if (!body[i].n)
            continue; // the library stumbles over empty ones
        bufs[n++] = iovec(body[i]);
        length += body[i].n;
    }
    answer(r, status, bufs, n, length);
}

// An answer of the server itself, to a request that no handler sees.
static void refuse(struct request *r, int status, const char *code, const char *message, size_t limit)
{
    h2o_req_t *req = r->h2o;
    char text[256];
    int n = snprintf(text, sizeof(text),
                     "{\"errors\":[{\"message\":\"%s\",\"extensions\":{\"code\":\"%s\",\"limit\":%zu}}]}",
                     message, code, limit);
    ssize_t at = h2o_find_header(&req->headers, H2O_TOKEN_ACCEPT, -1);
    bool modern =
        at != -1 && h2o_strstr(req->headers.entries[at].value.base, req->headers.entries[at].value.len,
                               H2O_STRLIT("application/graphql-response+json")) != SIZE_MAX;
    h2o_iovec_t type = modern ? h2o_iovec_init(H2O_STRLIT("application/graphql-response+json; charset=utf-8"))
                              : h2o_iovec_init(H2O_STRLIT("application/json; charset=utf-8"));
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, type.base, type.len);
    h2o_iovec_t *body = h2o_mem_alloc_pool(&req->pool, sizeof(*body));
    *body = h2o_strdup(&req->pool, text, (size_t)n);
    answer(r, status, body, 1, (size_t)n);
}

// ---- the handler's face

struct mer_slice mer_http_header(const struct mer_http_req *pub, const char *name)
{
    const h2o_headers_t *h = &((const struct request *)pub)->h2o->headers;
    size_t n = strlen(name);
    for (size_t i = 0; i < h->size; i++)
        if (h->entries[i].name->len == n && memcmp(h->entries[i].name->base, name, n) == 0)
            return slice(h->entries[i].value);
    return MER_NIL;
}

size_t mer_http_header_count(const struct mer_http_req *pub, const char *name)
{
    const h2o_headers_t *h = &((const struct request *)pub)->h2o->headers;
    size_t n = strlen(name), count = 0;
    for (size_t i = 0; i < h->size; i++)
        count += h->entries[i].name->len == n && memcmp(h->entries[i].name->base, name, n) == 0;
    return count;
}

size_t mer_http_headers_n(const struct mer_http_req *pub)
{
    return ((const struct request *)pub)->h2o->headers.size;
}

struct mer_http_header mer_http_header_at(const struct mer_http_req *pub, size_t i)
{
    const h2o_header_t *h = &((const struct request *)pub)->h2o->headers.entries[i];
    return (struct mer_http_header){slice(*h->name), slice(h->value)};
}

// ---- from the library

static void name_peer(struct conn *c)
{
    struct sockaddr_storage addr;
    socklen_t n = h2o_socket_getpeername(c->sock, (struct sockaddr *)&addr);
    if (!n ||
        getnameinfo((struct sockaddr *)&addr, n, c->peer, sizeof(c->peer), NULL, 0, NI_NUMERICHOST) != 0)
        memcpy(c->peer, "?", 2);
}

static void fill(struct request *r)
{
    struct mer_http_req *pub = &r->pub;
    h2o_req_t *req = r->h2o;
    struct conn *c = r->conn;
    struct mer_server *s = c->server;
    if (!c->peer[0])
        name_peer(c);
    pub->method = slice(req->input.method);
    pub->path = slice(req->input.path);
    const char *mark = memchr(pub->path.p, '?', pub->path.n);
    if (mark) {
        pub->query = mer_slice_make(mark + 1, (size_t)(pub->path.p + pub->path.n - mark - 1));
        pub->path.n = (size_t)(mark - pub->path.p);
    }
    pub->authority = slice(req->input.authority);
    pub->body = slice(req->entity);
    pub->peer = mer_slice_of(c->peer);
    pub->peer_cn = mer_buf_slice(&c->cn);
    pub->received_us = mer_loop_now_us(s->loop);
    pub->http_version = (uint16_t)req->version;
    pub->is_tls = c->sock->ssl != NULL;
    pub->listener_id = c->listener->opts.id;
    pub->loop = s->loop;
    pub->server = s;
    pub->arena = s->arenas_n ? s->arenas[--s->arenas_n] : mer_arena_create(s->limits.arena_bytes);
}

static void hand_over(struct request *r)
{
    struct conn *c = r->conn;
    const struct mer_server_limits *limits = &c->server->limits;
    h2o_req_t *req = r->h2o;
    set_state(r, REQUEST_IN_WORK);
    c->in_work++;
    if (mer_guard_is_too_large(&c->guard, req) || req->entity.len > limits->body_bytes) {
        refuse(r, 413, "PAYLOAD_TOO_LARGE", "The request body is too large.", limits->body_bytes);
        return;
    }
    size_t bytes = req->input.path.len + req->input.authority.len;
    for (size_t i = 0; i < req->headers.size; i++)
        bytes += req->headers.entries[i].name->len + req->headers.entries[i].value.len;
    if (bytes > limits->headers_bytes) {
        refuse(r, 431, "PAYLOAD_TOO_LARGE", "The request headers are too large.", limits->headers_bytes);
        return;
    }
    fill(r);
    c->listener->opts.handler(c->listener->opts.owner, &r->pub);
}

// End of the turn: what is still in the queue is still wanted. How many of a connection's requests are in
// work is limited here and not in the library, which has an assertion (update_idle_timeout) that a peer can
// hit while requests wait inside of it.
static void admit(void *owner)
{
    struct conn *c = owner;
    while (c->queue && c->in_work < c->server->limits.streams_in_work) {
        struct request *r = c->queue;
        leave_queue(r);
        hand_over(r);
    }
}

static struct request *begin(h2o_req_t *req)
{
    struct request *r = h2o_mem_alloc_shared(&req->pool, sizeof(*r), dispose);
    memset(r, 0, sizeof(*r));
    struct conn *c = conn_of(req);
    r->h2o = req;
    r->conn = c;
    r->next = c->requests;
    r->pprev = &c->requests;
    if (r->next)
        r->next->pprev = &r->next;
    c->requests = r;
    c->requests_n++;
    server_bump(&c->server->n.requests_in_work, 1);
    server_bump(&c->server->n.requests_total, 1);
    return r;
}

int request_on_req(h2o_handler_t *handler, h2o_req_t *req)
{
    (void)handler;
    struct request *r = begin(req);
    struct conn *c = r->conn;
    r->queue_pprev = c->queue_tail;
    *c->queue_tail = r;
    c->queue_tail = &r->queue_next;
    mer_loop_defer(c->server->loop, &c->admit, admit, c);
    return 0;
}

bool request_on_library_error(h2o_req_t *req, int status)
{
    if (status != 413)
        return false;
    struct conn *c = conn_of(req);
    size_t limit = c->server->limits.body_bytes;
    struct request *r = begin(req);
    // The rest of the body is on its way; closing on it would reset the connection under the answer.
    if (c->linger_fd < 0)
        c->linger_fd = fcntl(h2o_socket_get_fd(c->sock), F_DUPFD_CLOEXEC, 0);
    c->in_work++;
    refuse(r, 413, "PAYLOAD_TOO_LARGE", "The request body is too large.", limit);
    return true;
}

void request_abort(struct request *r)
{
    if (r->state == REQUEST_ANSWERING)
        return;
    if (r->state == REQUEST_STREAMING) {
        stream_abort(r);
        return;
    }
    leave_queue(r);
    if (r->state == REQUEST_IN_WORK)
        request_tell_aborted(r);
    else
        r->conn->in_work++;
    // The library lets go of the request when an answer fails to be written.
    r->h2o->http1_is_persistent = 0;
    r->h2o->res.headers = (h2o_headers_t){NULL, 0, 0};
    answer(r, 503, NULL, 0, 0);
}
