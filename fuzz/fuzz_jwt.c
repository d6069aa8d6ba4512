// SPDX-License-Identifier: MIT
// Tokens from any bytes. The first byte says which part: a header's JSON, a payload's JSON, a whole token,
// base64url. Whatever is accepted keeps the promises of gateway/token.h; a whole token is never accepted, for
// nobody guesses a signature.
#include "gateway/auth.h"

#include "base/log.h"

#include <stdlib.h>

#define NOW_US 1765377000000000LL

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_name(struct mer_slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')) {
            return false;
        }
    }
    return s.n > 0;
}

// What it grants stands in lines, and the copy that a loop keeps says the same.
static void grants(struct mer_slice json, const struct mer_claims *c)
{
    MER_ASSERT(c->scopes_bytes <= c->grants.n);
    MER_ASSERT(c->grants.n == 0 || c->grants.p[c->grants.n - 1] == '\n');
    MER_ASSERT(c->scopes_bytes == 0 || c->grants.p[c->scopes_bytes - 1] == '\n');
    struct mer_token_memory *m = mer_token_memory_create(4, 1 << 20);
    struct mer_known_token *t = mer_token_memory_put(m, json, 1, c);
    MER_ASSERT(mer_slice_eq(t->claims.grants, c->grants) && t->claims.meets == c->meets);
    mer_known_token_unref(t);
    mer_token_memory_destroy(m);
}

static void payload(struct mer_arena *a, struct mer_slice json)
{
    static const struct mer_token_condition conditions[] = {
        {{"team", 4}, {"b", 1}}, {{"beta", 4}, {NULL, 0}}, {{NULL, 0}, {NULL, 0}}};
    struct mer_claims c = {0};
    struct mer_token_expect expect = {.now_us = NOW_US,
                                      .wants = {.anyone = true,
                                                .scopes = MER_S("scope"),
                                                .policies = MER_S("policies"),
                                                .conditions = conditions,
                                                .conditions_n = 3}};
    if (!mer_token_read_claims(a, json, &expect, &c)) {
        MER_ASSERT((c.meets & ~UINT64_C(3)) == 0);
        grants(json, &c);
    }
    c = (struct mer_claims){0};
    expect.wants.anyone = false;
    if (mer_token_read_claims(a, json, &expect, &c)) {
        return;
    }
    MER_ASSERT(is_name(c.tenant) && c.expires_us > NOW_US);
    MER_ASSERT(c.all_facilities == mer_slice_is(c.facilities_text, "*"));
    for (uint32_t i = 0; i < c.facilities_n; i++) {
        MER_ASSERT(is_name(c.facilities[i]));
        MER_ASSERT(i == 0 || mer_slice_cmp(c.facilities[i - 1], c.facilities[i]) < 0);
    }
    for (uint32_t i = 0; i < c.regions_n; i++) {
        MER_ASSERT(is_name(c.regions[i]));
    }
    struct mer_token_memory *m = mer_token_memory_create(4, 1 << 20);
    struct mer_known_token *t = mer_token_memory_put(m, json, 1, &c);
    MER_ASSERT(mer_slice_eq(t->claims.scope, c.scope) && t->claims.facilities_n == c.facilities_n);
    mer_known_token_unref(t);
    mer_token_memory_destroy(m);
}

static struct mer_auth *keys(void)
{
    static struct mer_auth *auth;
    struct mer_auth_opts opts = {0};
    if (!auth) {
        auth = mer_auth_parse(&opts,
                              MER_S("{\"keys\":[{\"kty\":\"oct\",\"kid\":\"k\",\"k\":"
                                    "\"9QwErTyUiOpAsDfGhJkLzXcVbNm1234567890-_AbCd\"}]}"),
                              NULL);
    }
    return auth;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct mer_arena *a = mer_arena_create(0);
    struct mer_slice rest = {(const char *)data + 1, size - 1};
    struct mer_token_header header;
    struct mer_claims claims;
    struct mer_slice bytes;
    switch (data[0]) {
    case 'h':
        if (!mer_token_read_header(a, rest, &header)) {
            MER_ASSERT(header.alg.p);
        }
        break;
    case 'p':
        payload(a, rest);
        break;
    case 'b':
        if (mer_token_base64url(a, rest, &bytes)) {
            MER_ASSERT(bytes.n == rest.n * 6 / 8);
        }
        break;
    default:
        MER_ASSERT(keys());
        MER_ASSERT(!mer_auth_verify(keys(), a, rest, NOW_US, &claims));
        break;
    }
    mer_arena_destroy(a);
    return 0;
}
