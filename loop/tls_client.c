// SPDX-License-Identifier: MIT
#include "loop/stream.h"

#include "base/log.h"
#include "loop/stream_priv.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdlib.h>

struct mer_tls_client {
    SSL_CTX *ctx;
    char *sni; // NULL when the peer is named by an address (RFC 6066: no literal addresses)
    atomic_uint refs;
};

static bool is_address(const char *host)
{
    unsigned char bytes[16];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static struct mer_tls_client *fail(struct mer_tls_client *tls, struct mer_diag *diag, const char *what,
                                   const char *which)
{
    char reason[120];
    ERR_error_string_n(ERR_peek_last_error(), reason, sizeof(reason));
    ERR_clear_error();
    mer_diag_set(diag, MER_ERR_INVALID, "%s %s: %s", what, which, reason);
    mer_tls_client_unref(tls);
    return NULL;
}

struct mer_tls_client *mer_tls_client_create(const struct mer_tls_client_opts *opts, struct mer_diag *diag)
{
    struct mer_tls_client *tls = calloc(1, sizeof(*tls));
    MER_ASSERT(tls);
    atomic_init(&tls->refs, 1);
    ERR_clear_error();
    tls->ctx = SSL_CTX_new(TLS_client_method());
    MER_ASSERT(tls->ctx);
    SSL_CTX_set_min_proto_version(tls->ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(tls->ctx,
                        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(tls->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                   SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(tls->ctx, 1);
    SSL_CTX_set_session_cache_mode(tls->ctx, SSL_SESS_CACHE_OFF);
    static const unsigned char alpn[] = "\x02h2\x08http/1.1";
    size_t from = opts->http2 ? 0 : sizeof("\x02h2") - 1;
    SSL_CTX_set_alpn_protos(tls->ctx, alpn + from, (unsigned)(sizeof(alpn) - 1 - from));

    // Chain and name are checked by OpenSSL itself, within the handshake, whatever the protocol version.
    SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER, NULL);
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(tls->ctx);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    bool address = is_address(opts->host);
    int named = address ? X509_VERIFY_PARAM_set1_ip_asc(param, opts->host)
                        : X509_VERIFY_PARAM_set1_host(param, opts->host, 0);
    if (named != 1)
        return fail(tls, diag, "not a name that a certificate can carry:", opts->host);
    if (!address) {
        tls->sni = strdup(opts->host);
        MER_ASSERT(tls->sni);
    }
    if (opts->ca_file ? SSL_CTX_load_verify_locations(tls->ctx, opts->ca_file, NULL) != 1
                      : SSL_CTX_set_default_verify_paths(tls->ctx) != 1)
        return fail(tls, diag, "cannot read authorities", opts->ca_file ? opts->ca_file : "of the system");
    if (opts->cert_file && SSL_CTX_use_certificate_chain_file(tls->ctx, opts->cert_file) != 1)
        return fail(tls, diag, "cannot read certificate", opts->cert_file);
    if (opts->key_file && SSL_CTX_use_PrivateKey_file(tls->ctx, opts->key_file, SSL_FILETYPE_PEM) != 1)
        return fail(tls, diag, "cannot read key", opts->key_file);
    if (opts->cert_file && SSL_CTX_check_private_key(tls->ctx) != 1)
        return fail(tls, diag, "key does not fit certificate", opts->cert_file);
    return tls;
}

void mer_tls_client_ref(struct mer_tls_client *tls)
{
    atomic_fetch_add_explicit(&tls->refs, 1, memory_order_relaxed);
}

void mer_tls_client_unref(struct mer_tls_client *tls)
{
    if (!tls || atomic_fetch_sub_explicit(&tls->refs, 1, memory_order_acq_rel) != 1)
        return;
    SSL_CTX_free(tls->ctx);
    free(tls->sni);
    free(tls);
}

SSL *mer_tls_client_session(struct mer_tls_client *tls, int fd)
{
    SSL *ssl = SSL_new(tls->ctx);
    MER_ASSERT(ssl);
    int set = SSL_set_fd(ssl, fd);
    MER_ASSERT(set == 1);
    if (tls->sni)
        SSL_set_tlsext_host_name(ssl, tls->sni);
    SSL_set_connect_state(ssl);
    return ssl;
}
