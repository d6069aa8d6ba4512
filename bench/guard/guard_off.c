// SPDX-License-Identifier: MIT
// The guard's face without the guard: the server of the benchmark's other side runs on the bare library.
// Nothing but the benchmark is built with it.
#include "gateway/h2o_guard/guard.h"

void mer_guard_configure(const struct mer_guard_limits *limits)
{
    (void)limits;
}

enum mer_err mer_guard_selftest(struct mer_diag *diag)
{
    (void)diag;
    return MER_OK;
}

bool mer_guard_ready(void)
{
    return true;
}

void mer_guard_conn_init(struct mer_guard_conn *g)
{
    memset(g, 0, sizeof(*g));
}

void mer_guard_conn_fini(struct mer_guard_conn *g)
{
    (void)g;
}

void mer_guard_conn_view(const struct mer_guard_conn *g, struct mer_guard_view *out)
{
    (void)g;
    // It cannot be told here when a connection is done with its head or body: the sweep must not end any.
    *out = (struct mer_guard_view){.streams = 1};
}

void mer_guard_conn_goaway(struct mer_guard_conn *g)
{
    (void)g;
}

bool mer_guard_is_too_large(const struct mer_guard_conn *g, const struct st_h2o_req_t *req)
{
    (void)g, (void)req;
    return false;
}

void mer_guard_set_error_answer(mer_guard_error_fn *fn)
{
    (void)fn;
}

uint64_t mer_guard_count(enum mer_guard_class c)
{
    (void)c;
    return 0;
}

size_t mer_guard_body_bytes(void)
{
    return 0;
}

void mer_guard_write_metrics(struct mer_buf *out)
{
    (void)out;
}
