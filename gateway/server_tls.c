// SPDX-License-Identifier: MIT
#include "base/log.h"
#include "gateway/server_priv.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include <stdlib.h>
#include <string.h>

enum { CN_MAX = 256 };

struct mer_tls_server {
    SSL_CTX *ctx;
    atomic_uint refs;
};

SSL_CTX *tls_server_ctx(struct mer_tls_server *tls)
{
    return tls->ctx;
}

// arg: not NULL when HTTP/2 is wanted (no pointer into the struct: handshakes may outlive it). h2 only when
// the guard has proved itself, whatever the configuration wishes.
static int select_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in,
                           unsigned in_n, void *arg)
{
    (void)ssl;
    static const unsigned char both[] = "\x02h2\x08http/1.1";
    bool http2 = arg && mer_guard_ready();
    const unsigned char *offer = http2 ? both : both + 3;
    unsigned offer_n = (unsigned)(sizeof(both) - 1) - (http2 ? 0 : 3);
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, out_n, offer, offer_n, in, in_n) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

// Keeps the common name of the verified client certificate; also of a resumed session, which brings it along.
static void on_info(const SSL *ssl, int where, int ret)
{
    (void)ret;
    if (!(where & SSL_CB_HANDSHAKE_DONE))
        return;
    X509 *cert = SSL_get0_peer_certificate(ssl);
    h2o_socket_t *sock = BIO_get_data(SSL_get_rbio(ssl));
    struct conn *c = sock->on_close.data;
    if (!cert || c->cn.n)
        return;
    X509_NAME *subject = X509_get_subject_name(cert);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0)
        return;
    unsigned char *text;
    int n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (n <= 0)
        return;
    if (n <= CN_MAX && !memchr(text, 0, (size_t)n))
        mer_buf_add(&c->cn, mer_slice_make((const char *)text, (size_t)n));
    OPENSSL_free(text);
}

static struct mer_tls_server *fail(struct mer_tls_server *tls, struct mer_diag *diag, const char *what,
                                   const char *file)
{
    char reason[120];
    ERR_error_string_n(ERR_peek_last_error(), reason, sizeof(reason));
    ERR_clear_error();
    mer_diag_set(diag, MER_ERR_INVALID, "%s %s: %s", what, file, reason);
    mer_tls_server_unref(tls);
    return NULL;
}

struct mer_tls_server *mer_tls_server_create(const struct mer_tls_server_opts *opts, struct mer_diag *diag)
{
    struct mer_tls_server *tls = calloc(1, sizeof(*tls));
    MER_ASSERT(tls);
    atomic_init(&tls->refs, 1);
    ERR_clear_error();
    tls->ctx = SSL_CTX_new(TLS_server_method());
    MER_ASSERT(tls->ctx);
    SSL_CTX_set_min_proto_version(tls->ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(tls->ctx,
                        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_max_early_data(tls->ctx, 0);
    // TLS 1.2: only suites with forward secrecy and authenticated encryption.
    SSL_CTX_set_cipher_list(tls->ctx, "ECDHE+AESGCM:ECDHE+CHACHA20");
    SSL_CTX_set_mode(tls->ctx, SSL_MODE_RELEASE_BUFFERS);
    static int yes;
    SSL_CTX_set_alpn_select_cb(tls->ctx, select_protocol, opts->http2 ? &yes : NULL);
    // A ticket is good for the context that gave it, for no other port, name or certificate.
    unsigned char id[16];
    RAND_bytes(id, sizeof(id));
    SSL_CTX_set_session_id_context(tls->ctx, id, sizeof(id));

    if (SSL_CTX_use_certificate_chain_file(tls->ctx, opts->cert_file) != 1)
        return fail(tls, diag, "cannot read certificate", opts->cert_file);
    if (SSL_CTX_use_PrivateKey_file(tls->ctx, opts->key_file, SSL_FILETYPE_PEM) != 1)
        return fail(tls, diag, "cannot read key", opts->key_file);
    if (SSL_CTX_check_private_key(tls->ctx) != 1)
        return fail(tls, diag, "key does not fit certificate", opts->cert_file);
    if (opts->client_ca_file) {
        STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(opts->client_ca_file);
        if (!names || SSL_CTX_load_verify_locations(tls->ctx, opts->client_ca_file, NULL) != 1)
            return fail(tls, diag, "cannot read authorities", opts->client_ca_file);
        SSL_CTX_set_client_CA_list(tls->ctx, names);
        SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        SSL_CTX_set_info_callback(tls->ctx, on_info);
    }
    return tls;
}

void mer_tls_server_ref(struct mer_tls_server *tls)
{
    atomic_fetch_add_explicit(&tls->refs, 1, memory_order_relaxed);
}

void mer_tls_server_unref(struct mer_tls_server *tls)
{
    if (!tls || atomic_fetch_sub_explicit(&tls->refs, 1, memory_order_acq_rel) != 1)
        return;
    SSL_CTX_free(tls->ctx);
    free(tls);
}
