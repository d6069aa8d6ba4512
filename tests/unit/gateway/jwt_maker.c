// SPDX-License-Identifier: MIT
#include "jwt_maker.h"

#include "base/log.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

struct jwt_key jwt_key_make(const char *alg, struct mer_slice secret)
{
    struct jwt_key key = {.alg = alg, .secret = secret};
    if (alg[0] == 'R') {
        key.pkey = EVP_RSA_gen(2048);
    } else if (alg[0] == 'E') {
        key.pkey = EVP_EC_gen("P-256");
    }
    MER_ASSERT(alg[0] == 'H' || key.pkey);
    return key;
}

void jwt_key_free(struct jwt_key *key)
{
    EVP_PKEY_free(key->pkey);
    key->pkey = NULL;
}

struct mer_slice jwt_base64url(struct mer_arena *a, struct mer_slice bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char *p = mer_arena_bytes(a, bytes.n * 4 / 3 + 4);
    size_t n = 0;
    uint32_t bits = 0;
    int held = 0;
    for (size_t i = 0; i < bytes.n; i++) {
        bits = bits << 8 | (unsigned char)bytes.p[i];
        for (held += 8; held >= 6; held -= 6) {
            p[n++] = digits[bits >> (held - 6) & 63];
        }
    }
    if (held) {
        p[n++] = digits[bits << (6 - held) & 63];
    }
    return (struct mer_slice){p, n};
}

static struct mer_slice number(struct mer_arena *a, const struct jwt_key *key, const char *name, int width)
{
    BIGNUM *bn = NULL;
    MER_ASSERT(EVP_PKEY_get_bn_param(key->pkey, name, &bn));
    int n = width ? width : BN_num_bytes(bn);
    char *p = mer_arena_bytes(a, (size_t)n);
    MER_ASSERT(BN_bn2binpad(bn, (unsigned char *)p, n) == n);
    BN_free(bn);
    return jwt_base64url(a, (struct mer_slice){p, (size_t)n});
}

struct mer_slice jwt_key_jwk(struct mer_arena *a, const struct jwt_key *key, const char *extra)
{
    if (key->alg[0] == 'H') {
        struct mer_slice k = jwt_base64url(a, key->secret);
        return mer_arena_printf(a, "{\"kty\":\"oct\",\"k\":\"%.*s\"%s}", MER_FMT(k), extra);
    }
    if (key->alg[0] == 'R') {
        struct mer_slice n = number(a, key, OSSL_PKEY_PARAM_RSA_N, 0),
                         e = number(a, key, OSSL_PKEY_PARAM_RSA_E, 0);
        return mer_arena_printf(a, "{\"kty\":\"RSA\",\"n\":\"%.*s\",\"e\":\"%.*s\"%s}", MER_FMT(n),
                                MER_FMT(e), extra);
    }
    struct mer_slice x = number(a, key, OSSL_PKEY_PARAM_EC_PUB_X, 32),
                     y = number(a, key, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
    return mer_arena_printf(a, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%.*s\",\"y\":\"%.*s\"%s}",
                            MER_FMT(x), MER_FMT(y), extra);
}

struct mer_slice jwt_key_pem(struct mer_arena *a, const struct jwt_key *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    MER_ASSERT(PEM_write_bio_PUBKEY(bio, key->pkey));
    char *p;
    long n = BIO_get_mem_data(bio, &p);
    struct mer_slice pem = mer_arena_copy(a, (struct mer_slice){p, (size_t)n});
    BIO_free(bio);
    return pem;
}

static struct mer_slice raw_ecdsa(struct mer_arena *a, const unsigned char *der, size_t n)
{
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
    char *p = mer_arena_bytes(a, 64);
    MER_ASSERT(BN_bn2binpad(ECDSA_SIG_get0_r(sig), (unsigned char *)p, 32) == 32);
    MER_ASSERT(BN_bn2binpad(ECDSA_SIG_get0_s(sig), (unsigned char *)p + 32, 32) == 32);
    ECDSA_SIG_free(sig);
    return (struct mer_slice){p, 64};
}

struct mer_slice jwt_signature(struct mer_arena *a, const struct jwt_key *key, struct mer_slice text)
{
    const unsigned char *data = (const unsigned char *)text.p;
    if (key->alg[0] == 'H') {
        char *mac = mer_arena_bytes(a, 32);
        MER_ASSERT(
            HMAC(EVP_sha256(), key->secret.p, (int)key->secret.n, data, text.n, (unsigned char *)mac, NULL));
        return (struct mer_slice){mac, 32};
    }
    unsigned char *der = (unsigned char *)mer_arena_bytes(a, 1024);
    size_t n = 1024;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    MER_ASSERT(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key->pkey) == 1);
    MER_ASSERT(EVP_DigestSign(ctx, der, &n, data, text.n) == 1);
    EVP_MD_CTX_free(ctx);
    return key->alg[0] == 'E' ? raw_ecdsa(a, der, n) : (struct mer_slice){(char *)der, n};
}

struct mer_slice jwt_make(struct mer_arena *a, const struct jwt_key *key, const char *header,
                          const char *payload)
{
    struct mer_slice h = jwt_base64url(a, mer_slice_of(header)), p = jwt_base64url(a, mer_slice_of(payload));
    struct mer_slice text = mer_arena_printf(a, "%.*s.%.*s", MER_FMT(h), MER_FMT(p));
    struct mer_slice s = jwt_base64url(a, jwt_signature(a, key, text));
    return mer_arena_printf(a, "%.*s.%.*s", MER_FMT(text), MER_FMT(s));
}
