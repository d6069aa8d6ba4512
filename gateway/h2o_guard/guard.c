// SPDX-License-Identifier: MIT
#include "gateway/h2o_guard/guard.h"

#include "base/log.h"
#include "gateway/h2o_guard/guard_priv.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

struct guard_real mer_guard_real;
mer_guard_error_fn *mer_guard_error_answer;
_Atomic uint64_t mer_guard_counts[MER_GUARD_CLASSES];
_Atomic size_t mer_guard_bodies;
__thread uint32_t mer_guard_hook_calls[HOOKS_N];

static const struct mer_guard_limits defaults = {
    .headers_bytes = 64 * 1024,
    .headers_n = 100,
    .body_bytes = 1024 * 1024,
    .body_conn_bytes = 4 * 1024 * 1024,
    .body_budget_bytes = 64 * 1024 * 1024,
    .frames_per_s = 10 * 1000,
    .resets = 200,
};
struct mer_guard_limits mer_guard_limits;

static void find(void *slot, const char *name)
{
    void *symbol = dlsym(RTLD_NEXT, name);
    if (!symbol) {
        mer_log(MER_LOG_ERROR, "guard", "the HTTP library has no %s", name);
        abort();
    }
    memcpy(slot, &symbol, sizeof(symbol));
}

// Before main, so that no hook can be called without what it stands for.
__attribute__((constructor)) static void find_all(void)
{
    mer_guard_limits = defaults;
    find(&mer_guard_real.http2_accept, "h2o_http2_accept");
    find(&mer_guard_real.stream_open, "h2o_http2_stream_open");
    find(&mer_guard_real.stream_close, "h2o_http2_stream_close");
    find(&mer_guard_real.stream_reset, "h2o_http2_stream_reset");
    find(&mer_guard_real.send_pending, "h2o_http2_stream_send_pending_data");
    find(&mer_guard_real.hpack_parse, "h2o_hpack_parse_headers");
    find(&mer_guard_real.phr_request, "phr_parse_request");
    find(&mer_guard_real.phr_chunked, "phr_decode_chunked");
    find(&mer_guard_real.socket_close, "h2o_socket_close");
    find(&mer_guard_real.send_error, "h2o_send_error_generic");
    find(&mer_guard_real.hpack_flatten, "h2o_hpack_flatten_response");
}

void mer_guard_configure(const struct mer_guard_limits *limits)
{
    mer_guard_limits = *limits;
    struct mer_guard_limits *l = &mer_guard_limits;
    l->headers_bytes = l->headers_bytes ? l->headers_bytes : defaults.headers_bytes;
    l->headers_n = l->headers_n ? l->headers_n : defaults.headers_n;
    l->body_bytes = l->body_bytes ? l->body_bytes : defaults.body_bytes;
    l->body_conn_bytes = l->body_conn_bytes ? l->body_conn_bytes : defaults.body_conn_bytes;
    l->body_budget_bytes = l->body_budget_bytes ? l->body_budget_bytes : defaults.body_budget_bytes;
    l->frames_per_s = l->frames_per_s ? l->frames_per_s : defaults.frames_per_s;
    l->resets = l->resets ? l->resets : defaults.resets;
}

void mer_guard_set_error_answer(mer_guard_error_fn *fn)
{
    mer_guard_error_answer = fn;
}

uint64_t mer_guard_count(enum mer_guard_class c)
{
    return atomic_load_explicit(&mer_guard_counts[c], memory_order_relaxed);
}

size_t mer_guard_body_bytes(void)
{
    return atomic_load_explicit(&mer_guard_bodies, memory_order_relaxed);
}

void mer_guard_write_metrics(struct mer_buf *out)
{
    static const char *const names[MER_GUARD_CLASSES] = {
        [MER_GUARD_WINDOW] = "window",
        [MER_GUARD_RESETS] = "resets",
        [MER_GUARD_CONTINUATION] = "continuation",
        [MER_GUARD_SPIN] = "spin",
        [MER_GUARD_HPACK] = "hpack",
        [MER_GUARD_FLOOD] = "flood",
        [MER_GUARD_UNKNOWN_FRAME] = "unknown_frame",
        [MER_GUARD_BODY_SIZE] = "body_size",
        [MER_GUARD_BODY_BUDGET] = "body_budget",
        [MER_GUARD_MALFORMED] = "malformed",
        [MER_GUARD_HTTP1_HEAD] = "http1_head",
        [MER_GUARD_HTTP1_CHUNK] = "http1_chunk",
    };
    mer_buf_add_cstr(
        out,
        "# HELP meridian_guard_total What the guard around the HTTP library stopped, by class of abuse.\n"
        "# TYPE meridian_guard_total counter\n");
    for (int c = 0; c < MER_GUARD_CLASSES; c++)
        mer_buf_printf(out, "meridian_guard_total{class=\"%s\"} %llu\n", names[c],
                       (unsigned long long)mer_guard_count((enum mer_guard_class)c));
    mer_buf_printf(out,
                   "# HELP meridian_guard_body_bytes Request bodies held in HTTP/2 streams.\n"
                   "# TYPE meridian_guard_body_bytes gauge\nmeridian_guard_body_bytes %zu\n",
                   mer_guard_body_bytes());
}

// A character class as four words of bits, for ASCII.
static bool in_set(const uint64_t set[2], unsigned char c)
{
    return c < 128 && (set[c / 64] >> (c % 64) & 1);
}

bool mer_guard_is_token(const char *p, size_t n)
{
    // ! # $ % & ' * + - . 0-9 and A-Z ^ _ ` a-z | ~
    static const uint64_t token[2] = {UINT64_C(0x03ff6cfa00000000), UINT64_C(0x57ffffffc7fffffe)};
    for (size_t i = 0; i < n; i++)
        if (!in_set(token, (unsigned char)p[i]))
            return false;
    return n > 0;
}

bool mer_guard_is_target(const char *p, size_t n)
{
    if (n == 0 || (p[0] != '/' && !(n == 1 && p[0] == '*')))
        return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)p[i] <= 0x20 || (unsigned char)p[i] >= 0x7f)
            return false;
    return true;
}

bool mer_guard_is_authority(const char *p, size_t n)
{
    // - . 0-9 : and A-Z [ ] _ a-z
    static const uint64_t host[2] = {UINT64_C(0x07ff600000000000), UINT64_C(0x07fffffeaffffffe)};
    for (size_t i = 0; i < n; i++)
        if (!in_set(host, (unsigned char)p[i]))
            return false;
    return n > 0 && n <= 261;
}
