// SPDX-License-Identifier: MIT
// Streams against servers of our own in another thread: plain, and TLS with certificates made here.
#include "mer_test.h"

#include "base/time.h"
#include "loop/stream.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct mer_loop *loop;
static char folder[] = "/tmp/meridian-stream-XXXXXX";

// ---- certificates

static EVP_PKEY *new_key(void)
{
    return EVP_EC_gen("P-256");
}

static const char *path_of(const char *name)
{
    static char paths[8][128];
    static int at;
    char *p = paths[at++ % 8];
    snprintf(p, sizeof(paths[0]), "%s/%s", folder, name);
    return p;
}

static X509 *new_certificate(const char *cn, const char *san, EVP_PKEY *key, X509 *issuer,
                             EVP_PKEY *issuer_key, long valid_s)
{
    X509 *c = X509_new();
    static long serial = 1;
    X509_set_version(c, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(c), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(c), -7200);
    X509_gmtime_adj(X509_getm_notAfter(c), valid_s);
    X509_set_pubkey(c, key);
    X509_NAME *name = X509_get_subject_name(c);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0);
    X509_set_issuer_name(c, issuer ? X509_get_subject_name(issuer) : name);
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer ? issuer : c, c, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, issuer ? NID_subject_alt_name : NID_basic_constraints,
                                            issuer ? san : "critical,CA:TRUE");
    X509_add_ext(c, e, -1);
    X509_EXTENSION_free(e);
    X509_sign(c, issuer_key ? issuer_key : key, EVP_sha256());
    return c;
}

static void save(const char *name, X509 *cert, EVP_PKEY *key)
{
    FILE *f = fopen(path_of(name), "w");
    assert_non_null(f);
    if (cert)
        PEM_write_X509(f, cert);
    if (key)
        PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
}

static void make_certificates(void)
{
    EVP_PKEY *ca_key = new_key();
    X509 *ca = new_certificate("ca", NULL, ca_key, NULL, NULL, 3600);
    save("ca.pem", ca, NULL);
    static const struct {
        const char *name, *cn, *san;
        long valid_s;
        bool self;
    } all[] = {
        {"good", "good", "DNS:good.test,IP:127.0.0.1", 3600, false},
        {"other", "good.test", "DNS:other.test,IP:127.0.0.9", 3600, false}, // its common name lies
        {"expired", "good", "DNS:good.test,IP:127.0.0.1", -3600, false},
        {"self", "good.test", NULL, 3600, true},
        {"client", "client", "DNS:client.test", 3600, false},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        EVP_PKEY *key = new_key();
        X509 *c = all[i].self ? new_certificate(all[i].cn, NULL, key, NULL, NULL, all[i].valid_s)
                              : new_certificate(all[i].cn, all[i].san, key, ca, ca_key, all[i].valid_s);
        char name[32];
        snprintf(name, sizeof(name), "%s.pem", all[i].name);
        save(name, c, NULL);
        snprintf(name, sizeof(name), "%s.key", all[i].name);
        save(name, NULL, key);
        X509_free(c);
        EVP_PKEY_free(key);
    }
    X509_free(ca);
    EVP_PKEY_free(ca_key);
}

// ---- a server that echoes, one connection, in a thread of its own

struct echo {
    int listener;
    struct sockaddr_in addr;
    pthread_t thread;
    SSL_CTX *tls;
    bool close_first; // closes after the first bytes, without answering
    char client_cn[64];
};

static void serve_tls(struct echo *e, int fd)
{
    SSL *ssl = SSL_new(e->tls);
    SSL_set_fd(ssl, fd);
    char buf[65536];
    if (SSL_accept(ssl) == 1) {
        X509 *peer = SSL_get0_peer_certificate(ssl);
        if (peer)
            X509_NAME_get_text_by_NID(X509_get_subject_name(peer), NID_commonName, e->client_cn,
                                      sizeof(e->client_cn));
        int n;
        while ((n = SSL_read(ssl, buf, sizeof(buf))) > 0)
            if (SSL_write(ssl, buf, n) != n)
                break;
        SSL_shutdown(ssl);
    }
    SSL_free(ssl);
}

static void serve_plain(struct echo *e, int fd)
{
    char buf[65536];
    ssize_t n;
    while ((n = read(fd, buf, sizeof(buf))) > 0 && !e->close_first)
        for (ssize_t at = 0; at < n;) {
            ssize_t did = send(fd, buf + at, (size_t)(n - at), MSG_NOSIGNAL);
            if (did <= 0)
                return;
            at += did;
        }
}

static void *serve(void *arg)
{
    struct echo *e = arg;
    int fd = accept(e->listener, NULL, NULL);
    if (fd < 0)
        return NULL;
    if (e->tls)
        serve_tls(e, fd);
    else
        serve_plain(e, fd);
    ERR_clear_error();
    close(fd);
    return NULL;
}

static void echo_open(struct echo *e, const char *cert, int version, bool want_client)
{
    memset(e, 0, sizeof(*e));
    if (cert) {
        char name[32];
        e->tls = SSL_CTX_new(TLS_server_method());
        SSL_CTX_set_min_proto_version(e->tls, version);
        SSL_CTX_set_max_proto_version(e->tls, version);
        snprintf(name, sizeof(name), "%s.pem", cert);
        assert_int_equal(SSL_CTX_use_certificate_file(e->tls, path_of(name), SSL_FILETYPE_PEM), 1);
        snprintf(name, sizeof(name), "%s.key", cert);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(e->tls, path_of(name), SSL_FILETYPE_PEM), 1);
        if (want_client) {
            SSL_CTX_load_verify_locations(e->tls, path_of("ca.pem"), NULL);
            SSL_CTX_set_verify(e->tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        }
    }
    e->listener = socket(AF_INET, SOCK_STREAM, 0);
    e->addr = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(e->listener, (struct sockaddr *)&e->addr, sizeof(e->addr)), 0);
    assert_int_equal(listen(e->listener, 4), 0);
    socklen_t n = sizeof(e->addr);
    getsockname(e->listener, (struct sockaddr *)&e->addr, &n);
    pthread_create(&e->thread, NULL, serve, e);
}

static void echo_close(struct echo *e)
{
    shutdown(e->listener, SHUT_RDWR);
    pthread_join(e->thread, NULL);
    close(e->listener);
    SSL_CTX_free(e->tls);
}

// ---- the client under test

struct client {
    struct mer_stream *stream;
    int connects, closes, writes, datas;
    char connect_error[200], close_error[200];
    char *got;
    size_t got_n, got_cap;
    size_t leave; // bytes that on_data does not consume until more have come
    bool close_on_connect, close_on_data;
    bool in_call;
};

static void on_connect(void *owner, const char *err)
{
    struct client *c = owner;
    assert_false(c->in_call);
    c->connects++;
    snprintf(c->connect_error, sizeof(c->connect_error), "%s", err ? err : "");
    if (c->close_on_connect) {
        mer_stream_close(c->stream);
        c->stream = NULL;
    }
}

static size_t on_data(void *owner, struct mer_slice bytes)
{
    struct client *c = owner;
    assert_false(c->in_call);
    c->datas++;
    if (c->close_on_data) {
        mer_stream_close(c->stream);
        c->stream = NULL;
        return 0;
    }
    if (bytes.n <= c->leave)
        return 0;
    if (c->got_n + bytes.n > c->got_cap) {
        c->got_cap = (c->got_n + bytes.n) * 2;
        c->got = realloc(c->got, c->got_cap);
    }
    memcpy(c->got + c->got_n, bytes.p, bytes.n);
    c->got_n += bytes.n;
    return bytes.n;
}

static void on_close(void *owner, const char *err)
{
    struct client *c = owner;
    assert_false(c->in_call);
    c->closes++;
    snprintf(c->close_error, sizeof(c->close_error), "%s", err ? err : "");
}

static void on_written(void *owner)
{
    struct client *c = owner;
    assert_false(c->in_call);
    c->writes++;
}

static const struct mer_stream_callbacks callbacks = {on_connect, on_data, on_close};

static void client_connect(struct client *c, const struct echo *e, struct mer_tls_client *tls)
{
    c->in_call = true;
    c->stream =
        mer_stream_connect(loop, (const struct sockaddr *)&e->addr, sizeof(e->addr), tls, &callbacks, c);
    c->in_call = false;
}

static void client_write(struct client *c, const struct mer_slice *iov, size_t n)
{
    c->in_call = true;
    mer_stream_write(c->stream, iov, n, on_written);
    c->in_call = false;
}

#define WAIT_FOR(cond)                                                                                       \
    for (int64_t until = mer_time_mono_us() + 5000000; !(cond) && mer_time_mono_us() < until;)               \
    mer_loop_turn(loop, 20)

static void client_end(struct client *c)
{
    mer_stream_close(c->stream);
    free(c->got);
    mer_loop_turn(loop, 0);
}

static struct mer_tls_client *tls_for(const char *host, bool with_certificate)
{
    struct mer_diag diag = {0};
    struct mer_tls_client_opts opts = {.host = host,
                                       .ca_file = path_of("ca.pem"),
                                       .cert_file = with_certificate ? path_of("client.pem") : NULL,
                                       .key_file = with_certificate ? path_of("client.key") : NULL};
    struct mer_tls_client *tls = mer_tls_client_create(&opts, &diag);
    if (!tls)
        fail_msg("%s", diag.msg);
    return tls;
}

// Sends much in many slices and gets it back.
static void talk(struct client *c)
{
    enum { PIECES = 300 };
    static char text[PIECES][4000];
    struct mer_slice iov[PIECES];
    size_t total = 0;
    for (int i = 0; i < PIECES; i++) {
        memset(text[i], 'a' + i % 26, sizeof(text[i]));
        iov[i] = mer_slice_make(text[i], (size_t)(i * 13 % 4000));
        total += iov[i].n;
    }
    client_write(c, iov, PIECES);
    assert_true(mer_stream_is_writing(c->stream));
    WAIT_FOR(c->got_n == total && c->writes == 1);
    assert_int_equal(c->got_n, total);
    assert_int_equal(c->writes, 1);
    assert_int_equal(mer_stream_bytes_in(c->stream), total);
    assert_false(mer_stream_is_writing(c->stream));
    size_t at = 0;
    for (int i = 0; i < PIECES; at += iov[i++].n)
        assert_memory_equal(c->got + at, text[i], iov[i].n);
}

static void plain_bytes_come_back(void **state)
{
    (void)state;
    struct echo e;
    struct client c = {0};
    echo_open(&e, NULL, 0, false);
    client_connect(&c, &e, NULL);
    WAIT_FOR(c.connects);
    assert_string_equal(c.connect_error, "");
    talk(&c);
    client_end(&c);
    echo_close(&e);
}

static void what_is_not_consumed_comes_again(void **state)
{
    (void)state;
    struct echo e;
    struct client c = {.leave = 5};
    echo_open(&e, NULL, 0, false);
    client_connect(&c, &e, NULL);
    WAIT_FOR(c.connects);
    client_write(&c, &MER_S("hello"), 1);
    WAIT_FOR(c.datas == 1);
    assert_int_equal(c.got_n, 0);
    mer_stream_pause_read(c.stream);
    client_write(&c, &MER_S(" world"), 1);
    for (int i = 0; i < 5; i++)
        mer_loop_turn(loop, 5);
    assert_int_equal(c.datas, 1);
    mer_stream_resume_read(c.stream);
    WAIT_FOR(c.got_n);
    assert_int_equal(c.got_n, 11);
    assert_memory_equal(c.got, "hello world", 11);
    client_end(&c);
    echo_close(&e);
}

static void the_end_is_told_once(void **state)
{
    (void)state;
    struct echo e;
    struct client c = {0}, early = {.close_on_connect = true}, late = {.close_on_data = true}, refused = {0};
    echo_open(&e, NULL, 0, false);
    e.close_first = true;
    client_connect(&c, &e, NULL);
    WAIT_FOR(c.connects);
    client_write(&c, &MER_S("x"), 1);
    WAIT_FOR(c.closes);
    for (int i = 0; i < 5; i++)
        mer_loop_turn(loop, 5);
    assert_int_equal(c.closes, 1);
    client_end(&c);
    echo_close(&e);

    client_connect(&refused, &e, NULL); // nobody listens there any more
    WAIT_FOR(refused.connects);
    assert_int_equal(refused.connects, 1);
    assert_string_not_equal(refused.connect_error, "");
    for (int i = 0; i < 5; i++)
        mer_loop_turn(loop, 5);
    assert_int_equal(refused.closes, 0);
    client_end(&refused);

    echo_open(&e, NULL, 0, false);
    client_connect(&early, &e, NULL);
    WAIT_FOR(early.connects);
    assert_null(early.stream);
    echo_close(&e);

    echo_open(&e, NULL, 0, false);
    client_connect(&late, &e, NULL);
    WAIT_FOR(late.connects);
    client_write(&late, &MER_S("x"), 1);
    WAIT_FOR(late.datas);
    assert_null(late.stream);
    assert_int_equal(late.closes, 0);
    echo_close(&e);

    // Closed before anything happened.
    echo_open(&e, NULL, 0, false);
    struct client never = {0};
    client_connect(&never, &e, NULL);
    client_end(&never);
    assert_int_equal(never.connects, 0);
    echo_close(&e);
}

static void tls_bytes_come_back(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (int i = 0; i < 2; i++) {
        struct echo e;
        struct client c = {0};
        struct mer_tls_client *tls = tls_for("127.0.0.1", true);
        echo_open(&e, "good", versions[i], true);
        client_connect(&c, &e, tls);
        mer_tls_client_unref(tls); // the stream holds its own
        WAIT_FOR(c.connects);
        assert_string_equal(c.connect_error, "");
        talk(&c);
        client_end(&c);
        echo_close(&e);
        assert_string_equal(e.client_cn, "client");
    }
}

static void tls_names_are_verified(void **state)
{
    (void)state;
    static const struct {
        const char *cert, *host;
        bool good;
    } cases[] = {
        {"good", "good.test", true},     {"good", "127.0.0.1", true},   {"good", "other.test", false},
        {"good", "127.0.0.2", false},    {"other", "good.test", false}, {"other", "127.0.0.1", false},
        {"expired", "good.test", false}, {"self", "good.test", false},
    };
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        struct echo e;
        struct client c = {0};
        struct mer_tls_client *tls = tls_for(cases[i / 2].host, false);
        echo_open(&e, cases[i / 2].cert, versions[i % 2], false);
        client_connect(&c, &e, tls);
        WAIT_FOR(c.connects);
        if ((c.connect_error[0] == 0) != cases[i / 2].good)
            fail_msg("%s for %s, version %zu: %s", cases[i / 2].cert, cases[i / 2].host, i % 2,
                     c.connect_error);
        client_end(&c);
        mer_tls_client_unref(tls);
        echo_close(&e);
    }
}

static void tls_refusals_are_told(void **state)
{
    (void)state;
    // A server that wants a certificate: with TLS 1.3 its refusal comes after the handshake.
    struct echo e;
    struct client c = {0};
    struct mer_tls_client *tls = tls_for("127.0.0.1", false);
    echo_open(&e, "good", TLS1_3_VERSION, true);
    client_connect(&c, &e, tls);
    WAIT_FOR(c.closes || c.connect_error[0]);
    assert_true(c.closes == 1 || c.connect_error[0]);
    client_end(&c);
    echo_close(&e);
    // A server that does not speak TLS.
    struct client p = {0};
    echo_open(&e, NULL, 0, false);
    client_connect(&p, &e, tls);
    WAIT_FOR(p.connects);
    assert_string_not_equal(p.connect_error, "");
    client_end(&p);
    echo_close(&e);
    mer_tls_client_unref(tls);

    struct mer_diag diag = {0};
    struct mer_tls_client_opts opts = {.host = "a", .ca_file = "/nowhere"};
    assert_null(mer_tls_client_create(&opts, &diag));
    assert_int_equal(diag.err, MER_ERR_INVALID);
}

static int set_up(void **state)
{
    (void)state;
    loop = mer_loop_create();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mer_loop_destroy(loop);
    return 0;
}

static int group_set_up(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    make_certificates();
    return 0;
}

static int group_tear_down(void **state)
{
    (void)state;
    static const char *const names[] = {"ca", "good", "other", "expired", "self", "client"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char name[32];
        snprintf(name, sizeof(name), "%s.pem", names[i]);
        unlink(path_of(name));
        snprintf(name, sizeof(name), "%s.key", names[i]);
        unlink(path_of(name));
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(plain_bytes_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_consumed_comes_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_is_told_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tls_bytes_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tls_names_are_verified, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tls_refusals_are_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
