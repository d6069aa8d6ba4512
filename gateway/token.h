// SPDX-License-Identifier: MIT
// Token: what stands in a JSON Web Token (RFC 7515, 7519), read strictly and without any key. A token is
// exactly three parts of canonical base64url; header and payload are objects without a key twice; whatever
// could change how a signature is understood (crit, b64, embedded or linked keys, compression) is refused.
// Only gateway/auth.h knows whether to believe it. Bytes in, values out; any thread; results live in the
// arena given.
//
// Every reader returns NULL when all is well, else why not: a static text for the log, never for the client.
#ifndef MER_GATEWAY_TOKEN_H
#define MER_GATEWAY_TOKEN_H

#include "base/arena.h"

struct mer_json;

// Longer tokens are refused unread.
#define MER_TOKEN_BYTES_MAX 8192
// How far clocks may be apart.
#define MER_TOKEN_SKEW_S 60

enum mer_user_role {
    MER_USER_EXECUTIVE = 0,
    MER_USER_WORKER = 1,
    MER_USER_SALES = 2,
    MER_USER_OPERATOR = 3,
    MER_USER_DEVELOPER = 4,
    MER_USER_SERVICE = 5,
};
const char *mer_user_role_name(enum mer_user_role role);

// Who asks. All texts point into `scope`, one text that two callers share exactly if they may see the same:
// `tenant|role|region,…|facility,…`, lists sorted. Put the scope, not its hash, where callers must not mix.
struct mer_claims {
    struct mer_slice scope;
    uint64_t scope_hash; // of this process only
    struct mer_slice tenant;
    enum mer_user_role role;
    struct mer_slice *regions; // sorted, without doubles
    uint32_t regions_n;
    struct mer_slice *facilities; // empty with all_facilities
    uint32_t facilities_n;
    bool all_facilities;
    struct mer_slice regions_text;    // joined by commas
    struct mer_slice facilities_text; // joined by commas, or "*"
    // What else it grants: names, each with a line break behind it; first the scopes, then the policies. Not
    // in `scope`: it decides what of an operation is asked, never who is meant.
    struct mer_slice grants;
    size_t scopes_bytes;
    uint64_t meets;      // bit set of mer_token_wants.conditions
    int64_t expires_us;  // from this moment on it is refused: `exp` and the skew
    const char *refused; // why it was not verified, for the log
};

struct mer_token_parts {
    struct mer_slice signed_text;                // header.payload as they stand
    struct mer_slice header, payload, signature; // decoded
};
const char *mer_token_split(struct mer_arena *a, struct mer_slice token,
                            struct mer_token_parts *out) MER_MUST_CHECK;

struct mer_token_header {
    struct mer_slice alg, kid; // kid nil: none
};
const char *mer_token_read_header(struct mer_arena *a, struct mer_slice json,
                                  struct mer_token_header *out) MER_MUST_CHECK;

#define MER_TOKEN_CONDITIONS_MAX 64

struct mer_token_condition {
    struct mer_slice claim;  // n == 0: it is never met
    struct mer_slice equals; // nil: the claim is there
};

// What is read of a token beside who the caller is. Its lists must outlive whoever is given it.
struct mer_token_wants {
    bool anyone;                       // the token needs no tenant and no role
    struct mer_slice scopes, policies; // claims that name them; nil: none do
    const struct mer_token_condition *conditions;
    uint32_t conditions_n;
};

struct mer_token_expect {
    struct mer_slice audience, issuer; // nil: any
    int64_t now_us;                    // wall
    struct mer_token_wants wants;
};
const char *mer_token_read_claims(struct mer_arena *a, struct mer_slice json,
                                  const struct mer_token_expect *expect,
                                  struct mer_claims *out) MER_MUST_CHECK;

// token_grants.c, for token.c: the claims' grants.
void mer_token_read_grants(struct mer_arena *a, const struct mer_json *j, const struct mer_token_wants *wants,
                           struct mer_claims *out);

// Canonical base64url without padding; false for anything else.
bool mer_token_base64url(struct mer_arena *a, struct mer_slice text, struct mer_slice *out) MER_MUST_CHECK;

// Points every text of `c` into the copy of its scope at `p`; regions and facilities into `lists`, which has
// room for all of them. For gateway/token_memory.c.
void mer_claims_rebase(struct mer_claims *c, const char *p, struct mer_slice *lists);

#endif
