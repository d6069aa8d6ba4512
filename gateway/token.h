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
    int64_t expires_us;               // from this moment on it is refused: `exp` and the skew
    const char *refused;              // why it was not verified, for the log
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

struct mer_token_expect {
    struct mer_slice audience, issuer; // nil: any
    int64_t now_us;                    // wall
};
const char *mer_token_read_claims(struct mer_arena *a, struct mer_slice json,
                                  const struct mer_token_expect *expect,
                                  struct mer_claims *out) MER_MUST_CHECK;

// Canonical base64url without padding; false for anything else.
bool mer_token_base64url(struct mer_arena *a, struct mer_slice text, struct mer_slice *out) MER_MUST_CHECK;

// Points every text of `c` into the copy of its scope at `p`; regions and facilities into `lists`, which has
// room for all of them. For gateway/token_memory.c.
void mer_claims_rebase(struct mer_claims *c, const char *p, struct mer_slice *lists);

#endif
