// SPDX-License-Identifier: MIT
#include "gateway/auth_keys.h"

#include "base/json.h"

#include <cjose/cjose.h>

#define KEYS_MAX         64
#define SECRET_BYTES_MIN 32 // RFC 7518 3.2: at least as long as the hash
#define RSA_BITS_MIN     2048
#define RSA_BITS_MAX     8192
#define ES256_BYTES      64
#define HS256_BYTES      32

struct algorithm {
    const char *name, *kty, *curve;
};

static const struct algorithm algorithms[] = {
    {"HS256", "oct", NULL}, {"RS256", "RSA", NULL}, {"ES256", "EC", "P-256"}};

struct key_text {
    struct mer_arena *a;
    const struct mer_json *j;
    const struct mer_json_node *n;
};

// A member's text, or nil.
static struct mer_slice text_of(const struct key_text *k, const char *name)
{
    const struct mer_json_node *n = mer_json_get(k->j, k->n, mer_slice_of(name));
    return n && n->type == MER_JSON_STRING ? mer_json_string(k->a, k->j, n) : MER_NIL;
}

// What the key is for, or NULL: not for us.
static const struct algorithm *algorithm_of(const struct key_text *k)
{
    struct mer_slice use = text_of(k, "use"), alg = text_of(k, "alg"), kty = text_of(k, "kty");
    if (use.p && !mer_slice_is(use, "sig")) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(*algorithms); i++) {
        const struct algorithm *m = &algorithms[i];
        if (mer_slice_is(kty, m->kty) && (!alg.p || mer_slice_is(alg, m->name)) &&
            (!m->curve || mer_slice_is(text_of(k, "crv"), m->curve))) {
            return m;
        }
    }
    return NULL;
}

static const char *key_fill(struct mer_auth_key *key, const struct key_text *k)
{
    struct mer_slice raw = mer_json_raw(k->j, k->n);
    cjose_err err;
    cjose_jwk_t *jwk = cjose_jwk_import(raw.p, raw.n, &err);
    if (!jwk) {
        return "it cannot be read";
    }
    key->jwk = jwk;
    size_t bits = cjose_jwk_get_keysize(jwk, &err);
    switch (cjose_jwk_get_kty(jwk, &err)) {
    case CJOSE_JWK_KTY_OCT:
        key->signature_n = HS256_BYTES;
        return bits >= SECRET_BYTES_MIN * 8 ? NULL : "a secret needs at least 32 bytes";
    case CJOSE_JWK_KTY_RSA:
        key->signature_n = (bits + 7) / 8;
        return bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX ? NULL : "an RSA key needs 2048 to 8192 bits";
    default:
        key->signature_n = ES256_BYTES;
        return bits == 256 ? NULL : "an elliptic curve key must be of P-256";
    }
}

static enum mer_err add_key(const struct key_text *k, uint32_t place, struct mer_auth_keys *out,
                            struct mer_diag *diag)
{
    const struct algorithm *m = k->n->type == MER_JSON_OBJECT ? algorithm_of(k) : NULL;
    if (!m) {
        return MER_OK;
    }
    struct mer_auth_key *key = &out->items[out->n];
    *key = (struct mer_auth_key){.kid = text_of(k, "kid"), .alg = m->name};
    const char *why = key_fill(key, k);
    if (key->jwk) {
        out->n++;
    }
    for (uint32_t i = 0; !why && i + 1 < out->n; i++) {
        why = mer_slice_eq(out->items[i].kid, key->kid) ? "another key has the same kid" : NULL;
    }
    // Never the key's own text: it may be a secret.
    return why ? mer_diag_set(diag, MER_ERR_INVALID, "key %u of the key set: %s", place, why) : MER_OK;
}

static enum mer_err parse_keys(struct mer_arena *a, struct mer_slice jwks, struct mer_auth_keys *out,
                               struct mer_diag *diag)
{
    static const struct mer_json_limits limits = {.max_depth = 16, .max_nodes = 65536, .unique_keys = true};
    struct mer_json j;
    enum mer_err err = mer_json_parse(a, jwks, &limits, &j, diag);
    if (err) {
        return err;
    }
    const struct mer_json_node *list = mer_json_get(&j, mer_json_root(&j), MER_S("keys"));
    if (!list || list->type != MER_JSON_ARRAY || list->count > KEYS_MAX) {
        return mer_diag_set(diag, MER_ERR_INVALID,
                            "not a key set: an object with a list `keys` of at most %d", KEYS_MAX);
    }
    out->items = MER_NEW_N(a, struct mer_auth_key, list->count + 1);
    struct key_text k = {a, &j, mer_json_first(&j, list)};
    for (uint32_t i = 0; i < list->count; i++, k.n = mer_json_next(&j, k.n)) {
        err = add_key(&k, i + 1, out, diag);
        if (err) {
            return err;
        }
    }
    for (uint32_t i = 0; out->n > 1 && i < out->n; i++) {
        if (!out->items[i].kid.p) {
            return mer_diag_set(diag, MER_ERR_INVALID, "where there are several keys, each needs a kid");
        }
    }
    return out->n ? MER_OK
                  : mer_diag_set(diag, MER_ERR_INVALID, "the key set has no key for HS256, RS256 or ES256");
}

enum mer_err mer_auth_keys_parse(struct mer_arena *a, struct mer_slice jwks, struct mer_auth_keys *out,
                                 struct mer_diag *diag)
{
    *out = (struct mer_auth_keys){0};
    enum mer_err err = parse_keys(a, jwks, out, diag);
    if (err) {
        mer_auth_keys_release(out);
    }
    return err;
}

void mer_auth_keys_release(struct mer_auth_keys *keys)
{
    for (uint32_t i = 0; i < keys->n; i++) {
        cjose_jwk_release(keys->items[i].jwk);
    }
    keys->n = 0;
}

static bool is_zero(struct mer_slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i]) {
            return false;
        }
    }
    return true;
}

bool mer_auth_key_verifies(const struct mer_auth_key *key, struct mer_slice token, struct mer_slice signature)
{
    if (signature.n != key->signature_n) {
        return false;
    }
    // CVE-2022-21449's class: r = 0 or s = 0 is never a signature, whatever the library thinks.
    if (signature.n == ES256_BYTES && key->alg[0] == 'E' &&
        (is_zero((struct mer_slice){signature.p, 32}) || is_zero((struct mer_slice){signature.p + 32, 32}))) {
        return false;
    }
    cjose_err err;
    cjose_jws_t *jws = cjose_jws_import(token.p, token.n, &err);
    bool ok = jws && cjose_jws_verify(jws, key->jwk, &err);
    cjose_jws_release(jws);
    return ok;
}
