// SPDX-License-Identifier: MIT
// An origin in trouble: it is left alone, found out to be well again by one call, and never asked twice as
// often for its trouble.
#include "mer_test.h"

#include <stdatomic.h>
#include <stdio.h>

#include "base/time.h"
#include "gql_rig.h"

#define OK_2     "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
#define SAYS_503 "HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n"

enum health { WELL, CLOSES, SAYS_NO, SILENT };

static void live(struct gql_peer *p)
{
    atomic_int *health = gql_peer_owner(p);
    while (gql_peer_read(p)) {
        switch (atomic_load(health)) {
        case WELL:
            gql_peer_say(p, OK_2);
            break;
        case SAYS_NO:
            gql_peer_say(p, SAYS_503);
            break;
        case SILENT:
            gql_peer_wait(p);
            return;
        default:
            return;
        }
    }
}

struct sick {
    struct gql_rig r;
    atomic_int health;
};

static void open_sick(struct sick *s, enum health health)
{
    struct gql_server_opts server = {.script = live, .owner = &s->health};
    struct mer_gql_client_opts opts = {.breaker_failures = 3, .breaker_ms = 400, .request_ms = 100};
    atomic_store(&s->health, health);
    gql_rig_open(&s->r, &server, &opts, NULL);
}

static enum mer_err ask(struct sick *s)
{
    struct gql_asked a = {0};
    gql_rig_ask(&s->r, &a, "{}");
    gql_rig_wait(&s->r, &a);
    enum mer_err err = a.err;
    gql_rig_forget(&a);
    return err;
}

static void opens_probes_and_closes(void **state)
{
    (void)state;
    static const struct {
        enum health health;
        enum mer_err err;
    } cases[] = {{CLOSES, MER_ERR_CLOSED}, {SAYS_NO, MER_OK}, {SILENT, MER_ERR_TIMEOUT}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sick s;
        open_sick(&s, cases[i].health);
        for (int k = 0; k < 3; k++) {
            assert_int_equal(ask(&s), cases[i].err);
        }
        int asked = gql_server_requests(s.r.server);
        for (int k = 0; k < 10; k++) {
            assert_int_equal(ask(&s), MER_ERR_IO); // at once
        }
        assert_int_equal(gql_server_requests(s.r.server), asked);
        struct mer_gql_stats st = gql_rig_stats(&s.r);
        assert_true(st.open && st.opened_total == 1 && st.refused_total == 10);
        gql_rig_run_ms(&s.r, 600);
        assert_int_equal(ask(&s), cases[i].err); // the call that finds out
        assert_int_equal(ask(&s), MER_ERR_IO);
        assert_int_equal(gql_server_requests(s.r.server), asked + 1);
        gql_rig_run_ms(&s.r, 500);
        assert_int_equal(ask(&s), MER_ERR_IO); // the second pause is longer
        atomic_store(&s.health, WELL);
        gql_rig_run_ms(&s.r, 900);
        for (int k = 0; k < 5; k++) {
            assert_int_equal(ask(&s), MER_OK);
        }
        st = gql_rig_stats(&s.r);
        assert_true(!st.open && st.opened_total == 1);
        gql_rig_close(&s.r);
    }
}

// Whoever was to find out gave up: the next one does.
static void a_probe_is_given_up(void **state)
{
    (void)state;
    struct sick s;
    struct gql_asked probe = {0}, other = {0};
    open_sick(&s, CLOSES);
    for (int k = 0; k < 3; k++) {
        assert_int_equal(ask(&s), MER_ERR_CLOSED);
    }
    atomic_store(&s.health, SILENT);
    gql_rig_run_ms(&s.r, 600);
    gql_rig_ask(&s.r, &probe, "{}");
    gql_rig_run_ms(&s.r, 20);
    gql_rig_ask(&s.r, &other, "{}"); // one is enough
    gql_rig_wait(&s.r, &other);
    assert_int_equal(other.err, MER_ERR_IO);
    mer_gql_cancel(&probe.call);
    atomic_store(&s.health, WELL);
    assert_int_equal(ask(&s), MER_OK);
    gql_rig_close(&s.r);
}

static void failures_must_follow_each_other(void **state)
{
    (void)state;
    struct sick s;
    open_sick(&s, SAYS_NO);
    for (int k = 0; k < 12; k++) {
        atomic_store(&s.health, k % 3 == 2 ? WELL : SAYS_NO);
        assert_int_equal(ask(&s), MER_OK);
    }
    assert_int_equal(gql_rig_stats(&s.r).opened_total, 0);
    gql_rig_close(&s.r);
}

static void a_limit_of_time_for_each_request(void **state)
{
    (void)state;
    struct sick s;
    open_sick(&s, SILENT);
    int64_t began = mer_time_mono_us();
    assert_int_equal(ask(&s), MER_ERR_TIMEOUT);
    int64_t took = mer_time_mono_us() - began;
    assert_true(took >= 90000 && took < 1500000);
    gql_rig_close(&s.r);
}

// ---- asking again ----

// Answers one request on each connection and closes on the second.
static void answer_once(struct gql_peer *p)
{
    if (gql_peer_read(p)) {
        gql_peer_say(p, OK_2);
        (void)gql_peer_read(p);
    }
}

static void asking_again_has_a_budget(void **state)
{
    (void)state;
    struct gql_rig r;
    struct gql_server_opts server = {.script = answer_once};
    gql_rig_open(&r, &server, NULL, NULL);
    int failed = 0;
    for (int i = 0; i < 60; i++) {
        struct gql_asked a = {0};
        gql_rig_ask(&r, &a, "{}");
        gql_rig_wait(&r, &a);
        failed += a.err != MER_OK;
        gql_rig_forget(&a);
    }
    struct mer_gql_stats st = gql_rig_stats(&r);
    assert_true(st.retried_total >= 10 && st.retried_total <= 16); // ten, and a tenth of 60
    assert_true(failed > 10);
    gql_rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_probes_and_closes),         cmocka_unit_test(a_probe_is_given_up),
        cmocka_unit_test(failures_must_follow_each_other), cmocka_unit_test(a_limit_of_time_for_each_request),
        cmocka_unit_test(asking_again_has_a_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
