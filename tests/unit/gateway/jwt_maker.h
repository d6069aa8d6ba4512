// SPDX-License-Identifier: MIT
// For tests: keys and tokens of every kind, also the kinds that nobody should accept. Made with libcrypto
// alone, so that what is tested and what tests it share no code. Texts live in the arena given; keys until
// jwt_key_free.
#ifndef MER_TESTS_JWT_MAKER_H
#define MER_TESTS_JWT_MAKER_H

#include "base/arena.h"

#include <openssl/evp.h>

struct jwt_key {
    const char *alg; // HS256, RS256, ES256
    EVP_PKEY *pkey;
    struct mer_slice secret; // HS256
};

struct jwt_key jwt_key_make(const char *alg, struct mer_slice secret);
void jwt_key_free(struct jwt_key *key);
// The public (or, for HS256, whole) key as one JWK; extra is more members, as `,"kid":"a"`.
struct mer_slice jwt_key_jwk(struct mer_arena *a, const struct jwt_key *key, const char *extra);
// The public key as PEM: what a careless verifier would take as an HMAC secret.
struct mer_slice jwt_key_pem(struct mer_arena *a, const struct jwt_key *key);

struct mer_slice jwt_base64url(struct mer_arena *a, struct mer_slice bytes);
// The signature's bytes over the text.
struct mer_slice jwt_signature(struct mer_arena *a, const struct jwt_key *key, struct mer_slice text);
struct mer_slice jwt_make(struct mer_arena *a, const struct jwt_key *key, const char *header,
                          const char *payload);

#endif
