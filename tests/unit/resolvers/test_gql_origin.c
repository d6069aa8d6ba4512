// SPDX-License-Identifier: MIT
// The client against a real server that follows a script: what it sends, what it makes of answers good and
// bad, and what becomes of connections, queue and deadlines. TLS has a test of its own.
#include "mer_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "gql_rig.h"

#define OK_2 "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"

#define HEAD "HTTP/1.1 200 OK\r\n"

enum manner { CLOSE, RESET, STALL };

struct words {
    const char *text;
    enum manner manner; // how it ends
};

static void tell(struct gql_peer *p)
{
    const struct words *words = gql_peer_owner(p);
    if (!gql_peer_read(p)) {
        return;
    }
    gql_peer_say(p, words->text);
    if (words->manner == RESET) {
        gql_peer_reset(p);
    } else if (words->manner == STALL) {
        gql_peer_wait(p);
    }
}

static void answer(struct gql_peer *p)
{
    while (gql_peer_read(p)) {
        gql_peer_say(p, OK_2);
    }
}

// ---- kept-alive connections ----

struct leaver {
    int good_connections; // from this one on, connections answer everything
    enum manner manner;
    const char *last_words;
};

// Answers one request; the next is read and the connection ends.
static void leave(struct gql_peer *p)
{
    const struct leaver *l = gql_peer_owner(p);
    bool good = gql_peer_number(p) >= l->good_connections;
    while (gql_peer_read(p)) {
        gql_peer_say(p, OK_2);
        if (!good && gql_peer_read(p)) {
            gql_peer_say(p, l->last_words ? l->last_words : "");
            if (l->manner == RESET) {
                gql_peer_reset(p);
            }
            return;
        }
    }
}

static void closed_before_the_answer(void **state)
{
    (void)state;
    static const struct {
        enum manner manner;
        bool idempotent;
        const char *last_words;
        enum mer_err want;
    } cases[] = {
        {CLOSE, true, NULL, MER_OK},          {RESET, true, NULL, MER_OK},
        {CLOSE, false, NULL, MER_ERR_CLOSED}, {RESET, false, NULL, MER_ERR_CLOSED},
        {CLOSE, true, "H", MER_ERR_CLOSED}, // a byte came: it may have been done
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct gql_rig r;
        struct gql_asked a = {0};
        struct leaver l = {
            .good_connections = 1, .manner = cases[i].manner, .last_words = cases[i].last_words};
        struct gql_server_opts server = {.script = leave, .owner = &l};
        gql_rig_open(&r, &server, NULL, NULL);
        gql_rig_ask(&r, &a, "{}");
        gql_rig_wait(&r, &a);
        assert_int_equal(a.err, MER_OK);
        gql_rig_forget(&a);
        a.call.idempotent = cases[i].idempotent;
        a.call.deadline_mono_us = mer_time_mono_us() + 5000000;
        gql_rig_ask(&r, &a, "{}");
        gql_rig_wait(&r, &a);
        if (a.err != cases[i].want || a.maybe_executed != (a.err != MER_OK)) {
            fail_msg("case %zu: %d %s", i, a.err, a.message);
        }
        assert_int_equal(gql_rig_stats(&r).retried_total, cases[i].want == MER_OK);
        assert_int_equal(gql_server_requests(r.server), cases[i].want == MER_OK ? 3 : 2);
        gql_rig_forget(&a);
        gql_rig_close(&r);
    }
}

// A server that went away took all its connections with it: the second attempt must not meet another of them.
static void asked_again_on_a_new_connection(void **state)
{
    (void)state;
    struct gql_rig r;
    struct gql_asked a = {0}, b = {0};
    struct leaver l = {.good_connections = 2};
    struct gql_server_opts server = {.script = leave, .owner = &l};
    struct mer_gql_client_opts opts = {.connections_max = 2};
    gql_rig_open(&r, &server, &opts, NULL);
    gql_rig_ask(&r, &a, "{}");
    gql_rig_ask(&r, &b, "{}");
    gql_rig_wait(&r, &a);
    gql_rig_wait(&r, &b);
    assert_int_equal(gql_server_connections(r.server), 2);
    gql_rig_forget(&a);
    gql_rig_forget(&b);
    gql_rig_ask(&r, &a, "{}");
    gql_rig_wait(&r, &a);
    assert_int_equal(a.err, MER_OK);
    assert_int_equal(gql_server_connections(r.server), 3);
    assert_int_equal(gql_rig_stats(&r).connections, 2); // the idle one that was not asked, and the new one
    gql_rig_forget(&a);
    gql_rig_close(&r);
}

static void say_more(struct gql_peer *p)
{
    if (gql_peer_read(p)) {
        gql_peer_say(p, OK_2);
        gql_peer_sleep_ms(30);
        gql_peer_say(p, gql_peer_owner(p));
        if (*(const char *)gql_peer_owner(p)) {
            gql_peer_wait(p);
        }
    }
}

static void idle_connection_ends(void **state)
{
    (void)state;
    static char nothing[] = "", stray[] = "HTTP/1.1 408 Late\r\ncontent-length: 0\r\n\r\n";
    char *const cases[] = {nothing, stray}; // an orderly close; an answer to nobody
    for (size_t i = 0; i < 2; i++) {
        struct gql_rig r;
        struct gql_asked a = {0};
        struct gql_server_opts server = {.script = say_more, .owner = cases[i]};
        gql_rig_open(&r, &server, NULL, NULL);
        gql_rig_ask(&r, &a, "{}");
        gql_rig_wait(&r, &a);
        assert_int_equal(gql_rig_stats(&r).connections, 1);
        gql_rig_run_ms(&r, 100);
        assert_int_equal(gql_rig_stats(&r).connections, 0);
        gql_rig_forget(&a);
        gql_rig_ask(&r, &a, "{}");
        gql_rig_wait(&r, &a);
        assert_int_equal(a.status, 200);
        assert_int_equal(gql_rig_stats(&r).retried_total, 0);
        gql_rig_forget(&a);
        gql_rig_close(&r);
    }
}

static void idle_for_too_long(void **state)
{
    (void)state;
    struct gql_rig r;
    struct gql_asked a = {0};
    struct gql_server_opts server = {.script = answer};
    struct mer_gql_client_opts opts = {.idle_ms = 30};
    gql_rig_open(&r, &server, &opts, NULL);
    gql_rig_ask(&r, &a, "{}");
    gql_rig_wait(&r, &a);
    assert_int_equal(gql_rig_stats(&r).connections, 1);
    gql_rig_run_ms(&r, 80);
    assert_int_equal(gql_rig_stats(&r).connections, 0);
    gql_rig_forget(&a);
    gql_rig_close(&r);
}

// Answers from the head alone, while the body is still on its way.
static void answer_early(struct gql_peer *p)
{
    gql_peer_say(p, "HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\n{}");
    gql_peer_sleep_ms(300);
}

static void answer_before_the_request_is_out(void **state)
{
    (void)state;
    struct gql_rig r;
    struct gql_asked a = {0};
    size_t n = (size_t)32 << 20;
    char *big = malloc(n + 1);
    memset(big, ' ', n);
    big[n] = 0;
    struct gql_server_opts server = {.script = answer_early};
    gql_rig_open(&r, &server, NULL, NULL);
    gql_rig_ask(&r, &a, big);
    gql_rig_wait(&r, &a);
    assert_int_equal(a.status, 413);
    assert_int_equal(gql_rig_stats(&r).connections, 0);
    gql_rig_forget(&a);
    gql_rig_close(&r);
    free(big);
}

static void say_much(struct gql_peer *p)
{
    while (gql_peer_read(p)) {
        gql_peer_say(p, HEAD "transfer-encoding: chunked\r\n\r\n");
        for (int i = 0; i < 2000; i++) {
            char chunk[1100];
            int n = snprintf(chunk, sizeof(chunk), "400\r\n%01024d\r\n", i);
            gql_peer_say_bytes(p, chunk, (size_t)n);
        }
        gql_peer_say(p, "0\r\n\r\n");
    }
}

static void large_answers(void **state)
{
    (void)state;
    struct gql_rig r;
    struct gql_asked a = {0};
    struct gql_server_opts server = {.script = say_much};
    gql_rig_open(&r, &server, NULL, NULL);
    for (int i = 0; i < 3; i++) {
        gql_rig_ask(&r, &a, "{}");
        gql_rig_wait(&r, &a);
        assert_int_equal(a.body_n, 2000 * 1024);
        mer_assert_slice(mer_slice_make(a.kept_body.p + a.body_n - 4, 4), "1999"); // kept past done
        gql_rig_forget(&a);
    }
    assert_int_equal(gql_server_connections(r.server), 1);
    gql_rig_close(&r);
}

// ---- queue, cancel, deadline ----

static void answer_late(struct gql_peer *p)
{
    while (gql_peer_read(p)) {
        gql_peer_sleep_ms(60);
        gql_peer_say(p, OK_2);
    }
}

static void never_answer(struct gql_peer *p)
{
    if (gql_peer_read(p)) {
        gql_peer_wait(p);
    }
}

static void queue_is_bounded(void **state)
{
    (void)state;
    struct gql_rig r;
    struct gql_asked a[5] = {0};
    struct gql_server_opts server = {.script = answer_late};
    struct mer_gql_client_opts opts = {.connections_max = 1, .queue_max = 2};
    gql_rig_open(&r, &server, &opts, NULL);
    for (int i = 0; i < 5; i++) {
        gql_rig_ask(&r, &a[i], "{}"); // in one turn
    }
    gql_rig_wait(&r, &a[3]);
    gql_rig_wait(&r, &a[4]);
    assert_int_equal(a[3].err, MER_ERR_BUSY);
    assert_int_equal(a[4].err, MER_ERR_BUSY);
    assert_false(a[4].maybe_executed);
    assert_int_equal(gql_rig_stats(&r).queued, 2);
    assert_int_equal(gql_rig_stats(&r).in_flight, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(a[i].done_n, 0); // first come, first served
        gql_rig_wait(&r, &a[i]);
        assert_int_equal(a[i].err, MER_OK);
        gql_rig_forget(&a[i]);
    }
    struct mer_gql_stats s = gql_rig_stats(&r);
    assert_int_equal(s.sent_total, 5);
    assert_int_equal(s.failed_total, 2);
    assert_int_equal(s.queued + s.in_flight, 0);
    assert_int_equal(gql_server_connections(r.server), 1);
    gql_rig_close(&r);
}

static void cancelled(void **state)
{
    (void)state;
    struct gql_rig r;
    struct gql_asked a[3] = {0};
    struct gql_server_opts server = {.script = answer_late};
    struct mer_gql_client_opts opts = {.connections_max = 1};
    gql_rig_open(&r, &server, &opts, NULL);
    mer_gql_cancel(&a[0].call); // never sent
    gql_rig_ask(&r, &a[0], "{}");
    mer_gql_cancel(&a[0].call); // in the turn it was sent: it costs nothing
    gql_rig_run_ms(&r, 20);
    assert_int_equal(gql_server_connections(r.server), 0);
    for (int i = 0; i < 3; i++) {
        gql_rig_ask(&r, &a[i], "{}");
    }
    while (gql_server_requests(r.server) == 0) {
        gql_rig_run_ms(&r, 1);
    }
    mer_gql_cancel(&a[0].call); // in flight
    mer_gql_cancel(&a[1].call); // in the queue
    mer_gql_cancel(&a[1].call); // twice
    gql_rig_wait(&r, &a[2]);
    assert_int_equal(a[2].err, MER_OK);
    gql_rig_run_ms(&r, 100);
    assert_int_equal(a[0].done_n + a[1].done_n, 0);
    assert_int_equal(gql_server_connections(r.server), 2); // the first one's answer could not be told apart
    mer_gql_cancel(&a[2].call);                            // over
    gql_rig_forget(&a[2]);
    // A refusal under way can be taken back as well.
    a[0] = (struct gql_asked){.call = {.deadline_mono_us = 1}};
    gql_rig_ask(&r, &a[0], "{}");
    mer_gql_cancel(&a[0].call);
    gql_rig_run_ms(&r, 20);
    assert_int_equal(a[0].done_n, 0);
    gql_rig_close(&r);
}

static void deadlines(void **state)
{
    (void)state;
    struct gql_rig r;
    struct gql_server_opts server = {.script = never_answer};
    struct mer_gql_client_opts opts = {.connections_max = 1};
    gql_rig_open(&r, &server, &opts, NULL);
    int64_t begin = mer_time_mono_us();
    struct gql_asked flight = {.call = {.deadline_mono_us = begin + 100000}};
    struct gql_asked queued = {.call = {.deadline_mono_us = begin + 50000}};
    struct gql_asked late = {.call = {.deadline_mono_us = begin - 1}};
    gql_rig_ask(&r, &flight, "{}");
    gql_rig_ask(&r, &queued, "{}");
    gql_rig_ask(&r, &late, "{}");
    gql_rig_wait(&r, &late);
    gql_rig_wait(&r, &queued);
    assert_int_equal(flight.done_n, 0);
    gql_rig_wait(&r, &flight);
    int64_t took = mer_time_mono_us() - begin;
    assert_true(took >= 99000 && took < 1000000);
    assert_int_equal(late.err, MER_ERR_TIMEOUT);
    assert_int_equal(queued.err, MER_ERR_TIMEOUT);
    assert_int_equal(flight.err, MER_ERR_TIMEOUT);
    assert_false(late.maybe_executed);
    assert_false(queued.maybe_executed);
    assert_true(flight.maybe_executed);
    assert_int_equal(gql_server_requests(r.server), 1);
    assert_int_equal(gql_rig_stats(&r).connections, 0);
    gql_rig_close(&r);
}

static void trickle_meets_the_deadline(void **state)
{
    (void)state;
    struct words words = {.text = HEAD "content-length: 9\r\n\r\n", .manner = STALL};
    struct gql_rig r;
    struct gql_server_opts server = {.script = tell, .owner = &words};
    gql_rig_open(&r, &server, NULL, NULL);
    struct gql_asked a = {.call = {.deadline_mono_us = mer_time_mono_us() + 100000, .idempotent = true}};
    gql_rig_ask(&r, &a, "{}");
    gql_rig_wait(&r, &a);
    assert_int_equal(a.err, MER_ERR_TIMEOUT);
    gql_rig_close(&r);
}

static void nobody_listens(void **state)
{
    (void)state;
    struct gql_rig r;
    struct gql_asked a = {0}, b = {0};
    struct gql_server_opts server = {.script = never_answer};
    gql_rig_open(&r, &server, NULL, NULL);
    gql_server_stop(r.server);
    gql_rig_ask(&r, &a, "{}");
    gql_rig_ask(&r, &b, "{}");
    gql_rig_wait(&r, &a);
    gql_rig_wait(&r, &b);
    assert_int_equal(a.err, MER_ERR_IO);
    assert_non_null(strstr(a.message, "refused"));
    assert_false(a.maybe_executed);
    assert_int_equal(gql_rig_stats(&r).retried_total, 0);
    r.server = gql_server_start(&server); // for the rig's end
    gql_rig_close(&r);
}

// ---- what done may do ----

static void ask_next(struct gql_asked *a)
{
    struct gql_asked *next = a + 1;
    a->then = NULL;
    gql_rig_ask(a->rig, next, "{}");
}

static void send_in_done(void **state)
{
    (void)state;
    struct gql_rig r;
    struct gql_asked a[2] = {{.then = ask_next}};
    struct gql_server_opts server = {.script = answer};
    gql_rig_open(&r, &server, NULL, NULL);
    gql_rig_ask(&r, &a[0], "{}");
    gql_rig_wait(&r, &a[1]);
    assert_int_equal(a[1].err, MER_OK);
    assert_int_equal(gql_server_connections(r.server), 1); // free again before its caller heard
    gql_rig_forget(&a[0]);
    gql_rig_forget(&a[1]);
    gql_rig_close(&r);
}

static void destroy_client(struct gql_asked *a)
{
    mer_gql_client_unref(a->rig->client);
    a->rig->client = NULL;
}

static void destroy_in_done(void **state)
{
    (void)state;
    static struct words cases[] = {{.text = OK_2, .manner = STALL},
                                   {.text = HEAD "connection: close\r\ncontent-length: 2\r\n\r\n{}"},
                                   {.text = HEAD "\r\n{}"},
                                   {.text = "bad", .manner = STALL},
                                   {.text = ""},
                                   {.text = "HTTP", .manner = RESET},
                                   {.text = "HTTP", .manner = STALL}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct gql_rig r;
        struct gql_server_opts server = {.script = tell, .owner = &cases[i]};
        gql_rig_open(&r, &server, NULL, NULL);
        struct gql_asked a = {.then = destroy_client,
                              .call = {.deadline_mono_us = mer_time_mono_us() + 200000}};
        gql_rig_ask(&r, &a, "{}");
        gql_rig_wait(&r, &a);
        gql_rig_run_ms(&r, 5);
        gql_rig_forget(&a);
        gql_rig_close(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_before_the_answer),
        cmocka_unit_test(asked_again_on_a_new_connection),
        cmocka_unit_test(idle_connection_ends),
        cmocka_unit_test(idle_for_too_long),
        cmocka_unit_test(answer_before_the_request_is_out),
        cmocka_unit_test(large_answers),
        cmocka_unit_test(queue_is_bounded),
        cmocka_unit_test(cancelled),
        cmocka_unit_test(deadlines),
        cmocka_unit_test(trickle_meets_the_deadline),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(send_in_done),
        cmocka_unit_test(destroy_in_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
