// SPDX-License-Identifier: MIT
// The client over TLS, with certificates made by openssl for this run: who is trusted, and that nobody else
// sees a request, by TLS 1.2 and 1.3 alike.
#include "mer_test.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "gql_rig.h"

#define OK_2 "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"

static char dir[] = "/tmp/mer-gql-tls-XXXXXX";

static const char *in_dir(const char *name)
{
    static char paths[8][128];
    static unsigned at;
    char *path = paths[at++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
    return path;
}

// A certificate with a key of its own; ca NULL: an authority that signs itself.
static void make(const char *name, const char *ca, const char *names)
{
    char leaf[300] = "", line[700];
    if (ca) {
        snprintf(
            leaf, sizeof(leaf),
            "-CA %s.pem -CAkey %s.key -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=%s",
            ca, ca, names);
    }
    snprintf(
        line, sizeof(line),
        "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=%s "
        "-keyout %s.key -out %s.pem %s 2>log",
        dir, name, name, name, leaf);
    if (system(line) != 0) {
        fail_msg("%s", line);
    }
}

static int make_certificates(void **state)
{
    (void)state;
    if (!mkdtemp(dir)) {
        return -1;
    }
    make("ca", NULL, NULL);
    make("stranger", NULL, NULL);
    make("address", "ca", "IP:127.0.0.1");
    make("name", "ca", "DNS:localhost");
    make("other", "ca", "DNS:other.example,IP:127.0.0.2");
    make("forged", "stranger", "IP:127.0.0.1,DNS:localhost");
    make("client", "ca", "DNS:gateway");
    make("intruder", "stranger", "DNS:gateway");
    return 0;
}

static int remove_certificates(void **state)
{
    (void)state;
    char line[64];
    snprintf(line, sizeof(line), "rm -r %s", dir);
    return system(line);
}

static void answer(struct gql_peer *p)
{
    while (gql_peer_read(p)) {
        gql_peer_say_slowly(p, OK_2);
    }
}

struct one {
    const char *name, *url_host, *server, *client; // certificates; client NULL: none
    bool client_wanted;
    enum mer_err err; // at the handshake: MER_ERR_IO; a server of TLS 1.3 refuses a client after it
    const char *message;
};

static void check(const struct one *t, int version)
{
    char cert[64], key[64], own[64], own_key[64];
    struct gql_rig r;
    struct gql_asked a = {0};
    snprintf(cert, sizeof(cert), "%s.pem", t->server);
    snprintf(key, sizeof(key), "%s.key", t->server);
    snprintf(own, sizeof(own), "%s.pem", t->client ? t->client : "");
    snprintf(own_key, sizeof(own_key), "%s.key", t->client ? t->client : "");
    struct gql_server_opts server = {.script = answer,
                                     .cert_file = in_dir(cert),
                                     .key_file = in_dir(key),
                                     .client_ca_file = t->client_wanted ? in_dir("ca.pem") : NULL,
                                     .tls_version = version};
    struct mer_gql_client_opts opts = {.ca_file = in_dir("ca.pem"),
                                       .cert_file = t->client ? in_dir(own) : NULL,
                                       .key_file = t->client ? in_dir(own_key) : NULL};
    gql_rig_open(&r, &server, &opts, t->url_host);
    for (int i = 0; i < 2; i++) {
        gql_rig_ask(&r, &a, "{}");
        gql_rig_wait(&r, &a);
        bool late = t->client_wanted && version == TLS1_3_VERSION && t->err;
        enum mer_err want = late ? MER_ERR_CLOSED : t->err;
        if (a.err != want || !strstr(a.message, t->message) || (!a.err && strcmp(a.body, "{}") != 0)) {
            fail_msg("%s, TLS %x: err %d message \"%s\"", t->name, (unsigned)version, a.err, a.message);
        }
        assert_int_equal(a.maybe_executed, late);
        gql_rig_forget(&a);
    }
    assert_int_equal(gql_server_requests(r.server), t->err ? 0 : 2);
    assert_int_equal(gql_server_connections(r.server), t->err ? 2 : 1);
    gql_rig_close(&r);
}

static void who_is_trusted(void **state)
{
    (void)state;
    static const struct one cases[] = {
        {"right address", "127.0.0.1", "address", NULL, false, MER_OK, ""},
        {"right name", "localhost", "name", NULL, false, MER_OK, ""},
        {"wrong address", "127.0.0.1", "other", NULL, false, MER_ERR_IO, "IP address mismatch"},
        {"name where an address is wanted", "127.0.0.1", "name", NULL, false, MER_ERR_IO,
         "IP address mismatch"},
        {"wrong name", "localhost", "other", NULL, false, MER_ERR_IO, "hostname mismatch"},
        {"wrong authority", "127.0.0.1", "forged", NULL, false, MER_ERR_IO, "unable to get local issuer"},
        {"wrong authority by name", "localhost", "forged", NULL, false, MER_ERR_IO,
         "unable to get local issuer"},
        {"client certificate", "127.0.0.1", "address", "client", true, MER_OK, ""},
        {"client certificate not wanted", "127.0.0.1", "address", "client", false, MER_OK, ""},
        {"no client certificate", "127.0.0.1", "address", NULL, true, MER_ERR_IO, ""},
        {"foreign client certificate", "127.0.0.1", "address", "intruder", true, MER_ERR_IO, ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check(&cases[i], TLS1_2_VERSION);
        check(&cases[i], TLS1_3_VERSION);
    }
}

static void leave_after_one(struct gql_peer *p)
{
    if (gql_peer_read(p)) {
        gql_peer_say(p, OK_2);
        if (gql_peer_number(p) == 0) {
            gql_peer_read(p);
        } else {
            gql_peer_wait(p);
        }
    }
}

static void asked_again_over_tls(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < 2; i++) {
        struct gql_rig r;
        struct gql_asked a = {0};
        struct gql_server_opts server = {.script = leave_after_one,
                                         .cert_file = in_dir("address.pem"),
                                         .key_file = in_dir("address.key"),
                                         .tls_version = versions[i]};
        struct mer_gql_client_opts opts = {.ca_file = in_dir("ca.pem")};
        gql_rig_open(&r, &server, &opts, NULL);
        for (int k = 0; k < 2; k++) {
            gql_rig_ask(&r, &a, "{}");
            gql_rig_wait(&r, &a);
            assert_int_equal(a.err, MER_OK);
            gql_rig_forget(&a);
        }
        assert_int_equal(gql_rig_stats(&r).retried_total, 1);
        gql_rig_close(&r);
    }
}

static void say_much(struct gql_peer *p)
{
    while (gql_peer_read(p)) {
        char *body = malloc(1 << 20);
        memset(body, 'x', 1 << 20);
        gql_peer_say(p, "HTTP/1.1 200 OK\r\ncontent-length: 1048576\r\n\r\n");
        gql_peer_say_bytes(p, body, 1 << 20);
        free(body);
    }
}

static void large_both_ways(void **state)
{
    (void)state;
    struct gql_rig r;
    struct gql_asked a = {0};
    size_t n = 1 << 20;
    char *body = malloc(n + 1);
    memset(body, ' ', n);
    body[n] = 0;
    struct gql_server_opts server = {.script = say_much,
                                     .cert_file = in_dir("address.pem"),
                                     .key_file = in_dir("address.key"),
                                     .tls_version = TLS1_3_VERSION};
    struct mer_gql_client_opts opts = {.ca_file = in_dir("ca.pem")};
    gql_rig_open(&r, &server, &opts, NULL);
    for (int i = 0; i < 3; i++) {
        gql_rig_ask(&r, &a, body);
        gql_rig_wait(&r, &a);
        assert_int_equal(a.err, MER_OK);
        assert_int_equal(a.body_n, 1 << 20);
        gql_rig_forget(&a);
    }
    assert_int_equal(gql_server_connections(r.server), 1);
    gql_rig_close(&r);
    free(body);
}

// A plain server: it waits for a request that never comes, and the handshake never ends.
static void wait_for_nothing(struct gql_peer *p)
{
    gql_peer_wait(p);
}

static void handshake_never_ends(void **state)
{
    (void)state;
    struct gql_rig r;
    struct gql_asked a = {0};
    struct gql_server_opts server = {.script = wait_for_nothing};
    struct mer_gql_client_opts opts = {.ca_file = in_dir("ca.pem"), .connect_ms = 100};
    gql_rig_open(&r, &server, &opts, NULL);
    gql_rig_ask(&r, &a, "{}");
    gql_rig_wait(&r, &a);
    assert_int_equal(a.err, MER_ERR_IO);
    assert_string_equal(a.message, "connecting took too long");
    assert_false(a.maybe_executed);
    a = (struct gql_asked){.call = {.deadline_mono_us = mer_time_mono_us() + 40000}};
    gql_rig_ask(&r, &a, "{}");
    gql_rig_wait(&r, &a);
    assert_int_equal(a.err, MER_ERR_TIMEOUT);
    assert_false(a.maybe_executed); // not a byte of it went out
    gql_rig_close(&r);
}

static void wrong_files(void **state)
{
    (void)state;
    const struct mer_gql_client_opts cases[] = {
        {.ca_file = in_dir("none.pem")},
        {.ca_file = in_dir("ca.pem"), .cert_file = in_dir("none.pem"), .key_file = in_dir("client.key")},
        {.ca_file = in_dir("ca.pem"), .cert_file = in_dir("client.pem"), .key_file = in_dir("intruder.key")},
    };
    struct mer_loop *loop = mer_loop_create();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mer_diag diag = {0};
        struct mer_gql_client_opts opts = cases[i];
        opts.url = MER_S("https://127.0.0.1:1/");
        assert_null(mer_gql_client_create(loop, &opts, &diag));
        assert_int_equal(diag.err, MER_ERR_INVALID);
    }
    mer_loop_destroy(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_trusted),  cmocka_unit_test(asked_again_over_tls),
        cmocka_unit_test(large_both_ways), cmocka_unit_test(handshake_never_ends),
        cmocka_unit_test(wrong_files),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
