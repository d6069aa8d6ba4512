// SPDX-License-Identifier: MIT
// Auth, inside: the keys of a JSON Web Key Set (RFC 7517), and the one place that calls libcjose.
#ifndef MER_GATEWAY_AUTH_KEYS_H
#define MER_GATEWAY_AUTH_KEYS_H

#include "base/diag.h"
#include "gateway/token.h"

struct mer_auth_key {
    struct mer_slice kid; // nil: none
    const char *alg;      // the one algorithm it may be used with
    void *jwk;            // cjose_jwk_t
    size_t signature_n;   // bytes that a signature of it has
};

struct mer_auth_keys {
    struct mer_auth_key *items;
    uint32_t n;
};

// Keys of other algorithms or uses are left out; none left is an error. Texts live in the arena.
enum mer_err mer_auth_keys_parse(struct mer_arena *a, struct mer_slice jwks, struct mer_auth_keys *out,
                                 struct mer_diag *diag) MER_MUST_CHECK;
void mer_auth_keys_release(struct mer_auth_keys *keys);
// `token` is the whole compact form, `signature` its third part decoded. Any thread.
bool mer_auth_key_verifies(const struct mer_auth_key *key, struct mer_slice token,
                           struct mer_slice signature);

#endif
