// SPDX-License-Identifier: MIT
#include "resolvers/graphql/subscribe_priv.h"

#include <openssl/rand.h>
#include <stdio.h>

#include "base/log.h"
#include "base/time.h"

enum {
    PAUSE_MAX_MS = 10000,
    STEADY_US = 10 * 1000000, // a connection that lasted so long was a good one
};

static void connect_now(void *owner);
static void pump(void *owner);

static void pump_soon(struct mer_gql_sub *s)
{
    mer_loop_defer(s->client->loop, &s->pump, pump, s);
}

// ---- the end of a connection ----

static void drop_stream(struct mer_gql_sub *s)
{
    mer_timer_stop(s->client->loop, &s->timer);
    if (s->stream) {
        mer_stream_close(s->stream);
        s->stream = NULL;
    }
    mer_buf_clear(&s->out);
    mer_buf_clear(&s->writing);
    mer_http1_reset(&s->answer);
    mer_sse_fini(&s->sse);
    s->sse = (struct mer_sse){0};
    s->is_events = false;
    s->phase = SUB_WS_HEAD;
    s->up_us = 0;
}

static void end(struct mer_gql_sub *s, const char *failed)
{
    if (!s->over) {
        s->over = true;
        snprintf(s->failed, sizeof(s->failed), "%s", failed ? failed : "");
        pump_soon(s);
    }
}

static uint64_t pause_of(const struct mer_gql_sub *s)
{
    uint64_t ms = s->opts.pause_ms;
    for (uint32_t i = 1; i < s->failures && ms < PAUSE_MAX_MS; i++) {
        ms *= 2;
    }
    ms = ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS;
    uint32_t drawn = 0;
    MER_ASSERT(RAND_bytes((unsigned char *)&drawn, sizeof(drawn)) == 1);
    return ms / 2 + drawn % (ms / 2 + 1);
}

void sub_lost(struct mer_gql_sub *s, bool again, const char *why)
{
    char line[160]; // what says why may lie in the stream
    snprintf(line, sizeof(line), "%s", why ? why : "the connection was closed");
    if (s->up_us && mer_time_mono_us() - s->up_us > STEADY_US) {
        s->failures = 0;
    }
    drop_stream(s);
    if (s->over) {
        return;
    }
    if (!again || !s->ever_up || ++s->failures > s->opts.tries) {
        end(s, line);
        return;
    }
    mer_log(MER_LOG_INFO, "subscribe", "asked again host=%s failures=%u message=%s", s->client->url.host,
            s->failures, line);
    mer_timer_start(s->client->loop, &s->timer, pause_of(s), connect_now, s);
}

void sub_up(struct mer_gql_sub *s)
{
    s->ever_up = true;
    s->up_us = mer_time_mono_us();
    mer_timer_stop(s->client->loop, &s->timer);
}

void sub_complete(struct mer_gql_sub *s)
{
    end(s, NULL);
}

// ---- events ----

void sub_event(struct mer_gql_sub *s, struct mer_slice before, struct mer_slice text, struct mer_slice after)
{
    size_t n = before.n + text.n + after.n;
    if (s->over) {
        return;
    }
    s->failures = 0;
    mer_buf_add(&s->events, mer_slice_make((const char *)&n, sizeof(n)));
    mer_buf_add(&s->events, before);
    mer_buf_add(&s->events, text);
    mer_buf_add(&s->events, after);
    pump_soon(s);
}

// One thing a time, for whoever is told may close it.
static void pump(void *owner)
{
    struct mer_gql_sub *s = owner;
    if (s->busy) {
        return;
    }
    if (s->events_at < s->events.n) {
        size_t n = 0;
        memcpy(&n, s->events.p + s->events_at, sizeof(n));
        struct mer_slice text = mer_slice_make(s->events.p + s->events_at + sizeof(n), n);
        s->events_at += sizeof(n) + n;
        s->busy = true;
        if (s->stream) {
            mer_stream_pause_read(s->stream);
        }
        s->opts.on_event(s->opts.owner, text);
        return;
    }
    mer_buf_clear(&s->events);
    s->events_at = 0;
    if (s->over) {
        drop_stream(s);
        s->busy = true; // nothing is told twice
        s->opts.on_end(s->opts.owner, s->failed[0] ? s->failed : NULL);
    } else if (s->stream) {
        mer_stream_resume_read(s->stream);
    }
}

// ---- bytes ----

static void on_written(void *owner);

static void write_more(struct mer_gql_sub *s)
{
    if (!s->stream || s->out.n == 0 || mer_stream_is_writing(s->stream)) {
        return;
    }
    struct mer_buf taken = s->out;
    s->out = s->writing;
    s->writing = taken;
    mer_buf_clear(&s->out);
    struct mer_slice bytes = mer_buf_slice(&s->writing);
    mer_stream_write(s->stream, &bytes, 1, on_written);
}

static void on_written(void *owner)
{
    write_more(owner);
}

void sub_write(struct mer_gql_sub *s, struct mer_slice bytes)
{
    mer_buf_add(&s->out, bytes);
    write_more(s);
}

struct mer_slice sub_path(const struct mer_gql_sub *s)
{
    return s->opts.path.n ? s->opts.path : s->client->url.path;
}

void sub_write_headers(struct mer_gql_sub *s, struct mer_buf *b)
{
    for (uint32_t i = 0; i < s->opts.headers_n; i++) {
        mer_buf_add(b, s->opts.headers[i].name);
        mer_buf_add(b, MER_S(": "));
        mer_buf_add(b, s->opts.headers[i].value);
        mer_buf_add(b, MER_S("\r\n"));
    }
}

// ---- connections ----

static void on_slow(void *owner)
{
    sub_lost(owner, true, "connecting took too long");
}

static void on_connect(void *owner, const char *err)
{
    struct mer_gql_sub *s = owner;
    mer_timer_stop(s->client->loop, &s->timer);
    if (err) {
        sub_lost(s, true, err);
    } else if (s->opts.protocol == MER_GQL_SUB_WS) {
        sub_ws_begin(s);
    } else {
        sub_sse_begin(s);
    }
}

static size_t on_data(void *owner, struct mer_slice bytes)
{
    struct mer_gql_sub *s = owner;
    size_t taken = bytes.n;
    if (s->over) {
        return bytes.n;
    }
    if (s->opts.protocol == MER_GQL_SUB_WS) {
        taken = sub_ws_data(s, bytes);
    } else {
        sub_sse_data(s, bytes);
    }
    return s->stream ? taken : 0;
}

static void on_close(void *owner, const char *err)
{
    struct mer_gql_sub *s = owner;
    if (s->opts.protocol == MER_GQL_SUB_SSE && !err) {
        sub_sse_closed(s);
    } else {
        sub_lost(s, true, err);
    }
}

static const struct mer_stream_callbacks callbacks = {on_connect, on_data, on_close};

static void connect_now(void *owner)
{
    struct mer_gql_sub *s = owner;
    struct mer_gql_client *c = s->client;
    const struct sockaddr *address = c->opts.address ? c->opts.address : (struct sockaddr *)&c->url.address;
    socklen_t len = c->opts.address ? c->opts.address_len : c->url.address_len;
    if (len == 0) {
        sub_lost(s, true, "its host has no address");
        return;
    }
    s->stream = mer_stream_connect(c->loop, address, len, c->tls, &callbacks, s);
    mer_timer_start(c->loop, &s->timer, c->opts.connect_ms, on_slow, s);
}

static struct mer_gql_header *copy_headers(struct mer_arena *a, const struct mer_gql_header *h, uint32_t n)
{
    struct mer_gql_header *out = MER_NEW_N(a, struct mer_gql_header, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        out[i] = (struct mer_gql_header){mer_arena_copy(a, h[i].name), mer_arena_copy(a, h[i].value)};
    }
    return out;
}

struct mer_gql_sub *mer_gql_subscribe(struct mer_gql_client *c, const struct mer_gql_sub_opts *opts)
{
    struct mer_arena *a = mer_arena_create(0);
    struct mer_gql_sub *s = MER_NEW(a, struct mer_gql_sub);
    s->a = a;
    s->client = mer_gql_client_ref(c);
    s->opts = *opts;
    s->opts.path = mer_arena_copy(a, opts->path);
    s->opts.body = mer_arena_copy(a, opts->body);
    s->opts.headers = copy_headers(a, opts->headers, opts->headers_n);
    mer_buf_init(&s->out, NULL, 0);
    mer_buf_init(&s->writing, NULL, 0);
    mer_buf_init(&s->events, NULL, 0);
    mer_http1_init(&s->answer, opts->event_bytes);
    connect_now(s);
    return s;
}

void mer_gql_sub_next(struct mer_gql_sub *s)
{
    s->busy = false;
    pump_soon(s);
}

void mer_gql_sub_close(struct mer_gql_sub *s)
{
    if (!s) {
        return;
    }
    // The server sees the connection end, which says all there is to say.
    drop_stream(s);
    mer_task_cancel(s->client->loop, &s->pump);
    mer_ws_destroy(s->ws);
    mer_http1_fini(&s->answer);
    mer_buf_fini(&s->out);
    mer_buf_fini(&s->writing);
    mer_buf_fini(&s->events);
    mer_gql_client_unref(s->client);
    mer_arena_destroy(s->a);
}
