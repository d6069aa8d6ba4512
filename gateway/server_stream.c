// SPDX-License-Identifier: MIT
// Answers that are told by and by: the library takes one piece a time; what comes meanwhile is held.
#include "base/log.h"
#include "gateway/server_priv.h"

static void send_more(struct request *r)
{
    if (r->flying || (r->out.n == 0 && !r->ending))
        return;
    struct mer_buf taken = r->out;
    r->out = r->flight;
    r->flight = taken;
    mer_buf_clear(&r->out);
    h2o_iovec_t piece = h2o_iovec_init(r->flight.p, r->flight.n);
    r->flying = true;
    r->since_ms = server_now_ms(r->conn->server);
    h2o_send(r->h2o, &piece, piece.len ? 1 : 0,
             r->ending ? H2O_SEND_STATE_FINAL : H2O_SEND_STATE_IN_PROGRESS);
}

static void on_sent(h2o_generator_t *generator, h2o_req_t *req)
{
    struct request *r = H2O_STRUCT_FROM_MEMBER(struct request, generator, generator);
    (void)req;
    r->flying = false;
    mer_buf_clear(&r->flight);
    send_more(r);
}

void mer_http_stream(struct mer_http_req *pub, int status, const struct mer_http_header *headers,
                     size_t headers_n, struct mer_slice first)
{
    struct request *r = (struct request *)pub;
    h2o_req_t *req = r->h2o;
    MER_ASSERT(r->state == REQUEST_IN_WORK && !r->aborted && first.n);
    request_add_headers(r, headers, headers_n);
    req->res.status = status;
    req->res.reason = "OK";
    req->res.content_length = SIZE_MAX;
    r->state = REQUEST_STREAMING;
    r->generator.proceed = on_sent;
    mer_buf_init(&r->out, NULL, 0);
    mer_buf_init(&r->flight, NULL, 0);
    mer_buf_add(&r->out, first);
    request_free(r);
    h2o_start_response(req, &r->generator);
    send_more(r);
}

void mer_http_stream_write(struct mer_http_req *pub, struct mer_slice bytes)
{
    struct request *r = (struct request *)pub;
    MER_ASSERT(r->state == REQUEST_STREAMING && !r->aborted && !r->ending);
    mer_buf_add(&r->out, bytes);
    send_more(r);
}

size_t mer_http_stream_waiting(const struct mer_http_req *pub)
{
    const struct request *r = (const struct request *)pub;
    return r->out.n + r->flight.n;
}

void mer_http_stream_drop(struct mer_http_req *pub)
{
    mer_buf_clear(&((struct request *)pub)->out);
}

void mer_http_stream_end(struct mer_http_req *pub)
{
    struct request *r = (struct request *)pub;
    MER_ASSERT(r->state == REQUEST_STREAMING && !r->aborted && !r->ending);
    r->ending = true;
    if (r->conn->retired || r->conn->server->draining)
        r->h2o->http1_is_persistent = 0;
    send_more(r);
}

// HTTP/1: the client is gone. The library lets go of the request when a piece fails to be written.
void stream_abort(struct request *r)
{
    if (!r->aborted && !r->ending)
        request_tell_aborted(r);
    r->h2o->http1_is_persistent = 0;
    mer_buf_clear(&r->out);
    if (!r->ending) {
        r->ending = true;
        send_more(r);
    }
}

void stream_dispose(struct request *r)
{
    if (r->generator.proceed) {
        mer_buf_fini(&r->out);
        mer_buf_fini(&r->flight);
    }
}
