// SPDX-License-Identifier: MIT
// graphql-sse, distinct connections: the subscription is a POST, its events are the answer's.
#include "resolvers/graphql/subscribe_priv.h"

#include <stdio.h>

void sub_sse_begin(struct mer_gql_sub *s)
{
    struct mer_buf b;
    mer_buf_init(&b, NULL, 512);
    mer_buf_add(&b, MER_S("POST "));
    mer_buf_add(&b, sub_path(s));
    mer_buf_add(&b, MER_S(" HTTP/1.1\r\nhost: "));
    mer_buf_add(&b, s->client->url.authority);
    mer_buf_add(&b, MER_S("\r\ncontent-type: application/json\r\naccept: text/event-stream\r\n"
                          "cache-control: no-cache\r\n"));
    sub_write_headers(s, &b);
    mer_buf_printf(&b, "content-length: %zu\r\n\r\n", s->opts.body.n);
    mer_buf_add(&b, s->opts.body);
    sub_write(s, mer_buf_slice(&b));
    mer_buf_fini(&b);
}

static void on_sse(void *owner, struct mer_slice name, struct mer_slice data)
{
    struct mer_gql_sub *s = owner;
    if (mer_slice_is(name, "complete")) {
        sub_complete(s);
    } else if (data.n && (name.n == 0 || mer_slice_is(name, "next"))) {
        sub_event(s, MER_NIL, data, MER_NIL);
    }
}

static bool is_event_stream(const struct mer_http1 *h)
{
    struct mer_slice rest = mer_buf_slice(&h->headers);
    struct mer_gql_header one;
    while (mer_gql_header_next(&rest, &one)) {
        if (mer_slice_is(one.name, "content-type")) {
            struct mer_slice type = mer_slice_cut(&one.value, ';');
            return mer_slice_ieq(mer_slice_trim(type), MER_S("text/event-stream"));
        }
    }
    return false;
}

// No stream: the whole answer says why, as a GraphQL error or not at all.
static void whole_answer(struct mer_gql_sub *s)
{
    struct mer_slice body = mer_slice_trim(mer_buf_slice(&s->answer.body));
    int status = s->answer.status;
    if (body.n && body.p[0] == '{' && status < 500) {
        sub_event(s, MER_NIL, body, MER_NIL);
        sub_complete(s);
        return;
    }
    char why[80];
    snprintf(why, sizeof(why), "answered %d instead of events", status);
    sub_lost(s, status >= 500 || status == 429, why);
}

static bool take_events(struct mer_gql_sub *s)
{
    if (!s->is_events) {
        s->is_events = true;
        mer_sse_init(&s->sse, s->opts.event_bytes, on_sse, s);
        sub_up(s);
    }
    bool good = mer_sse_feed(&s->sse, mer_buf_slice(&s->answer.body));
    mer_buf_clear(&s->answer.body);
    return good;
}

static void go_on(struct mer_gql_sub *s, enum mer_http1_result r)
{
    // Whatever the head says is complete as soon as its headers are followed by a body.
    bool head = s->answer.status == 200 && (r == MER_HTTP1_DONE || mer_http1_in_body(&s->answer));
    if (head && is_event_stream(&s->answer)) {
        if (!take_events(s)) {
            sub_lost(s, false, "an event is too large");
        } else if (r != MER_HTTP1_MORE) {
            sub_lost(s, true, s->answer.error ? s->answer.error : "the events ended without `complete`");
        }
    } else if (r == MER_HTTP1_DONE) {
        whole_answer(s);
    } else if (r == MER_HTTP1_ERROR) {
        sub_lost(s, true, s->answer.error);
    }
}

void sub_sse_data(struct mer_gql_sub *s, struct mer_slice bytes)
{
    size_t used = 0;
    // The body is taken as it comes, and each time at most so much of it as an event may have.
    while (bytes.n && s->stream) {
        size_t n = bytes.n < 16384 ? bytes.n : 16384;
        enum mer_http1_result r = mer_http1_feed(&s->answer, mer_slice_make(bytes.p, n), &used);
        bytes = mer_slice_make(bytes.p + n, bytes.n - n);
        go_on(s, r);
        if (r != MER_HTTP1_MORE) {
            return;
        }
    }
}

void sub_sse_closed(struct mer_gql_sub *s)
{
    go_on(s, mer_http1_end(&s->answer));
    if (s->stream) {
        sub_lost(s, true, NULL);
    }
}
