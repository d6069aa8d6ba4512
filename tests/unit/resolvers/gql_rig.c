// SPDX-License-Identifier: MIT
#include "gql_rig.h"

#include "mer_test.h"

#include <stdio.h>

#include "base/time.h"

void gql_rig_open(struct gql_rig *r, const struct gql_server_opts *server,
                  const struct mer_gql_client_opts *opts, const char *url_host)
{
    struct mer_diag diag = {0};
    *r = (struct gql_rig){.loop = mer_loop_create(), .server = gql_server_start(server)};
    r->opts = opts ? *opts : (struct mer_gql_client_opts){0};
    snprintf(r->url, sizeof(r->url), "%s://%s:%d/sources/ops", r->opts.ca_file ? "https" : "http",
             url_host ? url_host : "127.0.0.1", gql_server_port(r->server));
    r->opts.url = mer_slice_of(r->url);
    r->client = mer_gql_client_create(r->loop, &r->opts, &diag);
    if (!r->client) {
        fail_msg("%s", diag.msg);
    }
}

void gql_rig_close(struct gql_rig *r)
{
    mer_gql_client_unref(r->client);
    gql_server_stop(r->server);
    mer_loop_destroy(r->loop);
}

static void on_done(void *owner, const struct mer_gql_answer *answer)
{
    struct gql_asked *a = owner;
    a->done_n++;
    a->err = answer->err;
    a->status = answer->status;
    a->maybe_executed = answer->maybe_executed;
    a->body_n = answer->body.n;
    assert_true(answer->elapsed_us >= 0);
    snprintf(a->body, sizeof(a->body), "%.*s", MER_FMT(answer->body));
    snprintf(a->message, sizeof(a->message), "%s", answer->message);
    snprintf(a->headers, sizeof(a->headers), "%.*s", MER_FMT(answer->headers));
    a->kept_body = answer->body;
    a->kept = mer_gql_keep(answer);
    assert_null(mer_gql_keep(answer)); // only once
    if (a->then) {
        a->then(a);
    }
}

void gql_rig_ask(struct gql_rig *r, struct gql_asked *a, const char *body)
{
    a->rig = r;
    a->done_n = 0;
    if (!a->call.get) {
        a->call.body = mer_slice_of(body);
    }
    if (!a->call.deadline_mono_us) {
        a->call.idempotent = true;
        a->call.deadline_mono_us = mer_time_mono_us() + 5000000;
    }
    a->call.done = on_done;
    a->call.owner = a;
    mer_gql_send(r->client, &a->call);
    assert_int_equal(a->done_n, 0); // never inside
}

void gql_rig_wait(struct gql_rig *r, const struct gql_asked *a)
{
    int64_t end = mer_time_mono_us() + 8000000;
    while (a->done_n == 0 && mer_time_mono_us() < end) {
        mer_loop_turn(r->loop, 20);
    }
    assert_int_equal(a->done_n, 1);
}

void gql_rig_run_ms(struct gql_rig *r, int ms)
{
    int64_t end = mer_time_mono_us() + ms * 1000;
    do {
        mer_loop_turn(r->loop, 5);
    } while (mer_time_mono_us() < end);
}

void gql_rig_forget(struct gql_asked *a)
{
    mer_gql_release(a->kept);
    *a = (struct gql_asked){0};
}

struct mer_gql_stats gql_rig_stats(const struct gql_rig *r)
{
    struct mer_gql_stats s;
    mer_gql_client_stats(r->client, &s);
    return s;
}
