// SPDX-License-Identifier: MIT
// Auth: who a caller is. Holds the keys of a JSON Web Key Set file (HS256, RS256, ES256) and says whether a
// bearer token was signed by one of them and is meant for us, now.
//
// A struct mer_auth never changes after it was made and may be used by any thread; it is counted by
// references. Loading the keys anew makes a new one, which the caller puts in the old one's place; a file
// that is wrong changes nothing. No token can make us fetch anything. All refusals look the same from
// outside: answer MER_AUTH_REFUSED_TEXT; `refused` in the claims is for the log.
#ifndef MER_GATEWAY_AUTH_H
#define MER_GATEWAY_AUTH_H

#include "base/diag.h"
#include "gateway/token_memory.h"

#define MER_AUTH_REFUSED_TEXT "a valid bearer token is required"

struct mer_auth;

struct mer_auth_opts {
    struct mer_slice jwks;             // path
    struct mer_slice audience, issuer; // nil: not checked
    struct mer_token_wants wants;
};

// NULL with diag filled. Reads the file, blocking: call it at start and on reload.
struct mer_auth *mer_auth_create(const struct mer_auth_opts *opts, struct mer_diag *diag) MER_MUST_CHECK;
// A new one from the same file with the same opts, with one reference; the old one is left as it is.
struct mer_auth *mer_auth_reload(const struct mer_auth *auth, struct mer_diag *diag) MER_MUST_CHECK;
// The keys as text in memory, without I/O.
struct mer_auth *mer_auth_parse(const struct mer_auth_opts *opts, struct mer_slice jwks_text,
                                struct mer_diag *diag) MER_MUST_CHECK;
struct mer_auth *mer_auth_ref(struct mer_auth *auth);
void mer_auth_unref(struct mer_auth *auth);

// The token of an `authorization` header: after `Bearer `; nil when it is none.
struct mer_slice mer_auth_bearer(struct mer_slice authorization);

// Verifies at full cost. out lives in the arena. False: out->refused says why.
bool mer_auth_verify(const struct mer_auth *auth, struct mer_arena *a, struct mer_slice token,
                     int64_t now_wall_us, struct mer_claims *out) MER_MUST_CHECK;

// The same with a loop's memory before it; `scratch` is used only for a token that is not known yet. With a
// reference for the caller (mer_known_token_unref), or NULL and *refused.
struct mer_known_token *mer_auth_know(const struct mer_auth *auth, struct mer_token_memory *memory,
                                      struct mer_arena *scratch, struct mer_slice token,
                                      const char **refused);

#endif
