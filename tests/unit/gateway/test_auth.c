// SPDX-License-Identifier: MIT
// Who a caller is: good tokens of every algorithm are known, every attack on one is refused.
#include "gateway/auth.h"

#include "base/time.h"
#include "jwt_maker.h"
#include "mer_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NOW_S     1765377000LL // 2025-12-10T14:30:00Z
#define SECRET    "0123456789abcdef0123456789abcdef"
#define GOOD_REST "\"tenant\":\"tenant-foo-inc\",\"role\":\"worker\",\"aud\":\"meridian\""
#define GOOD      "{\"exp\":1765380600," GOOD_REST "}"

static struct mer_arena *arena;
static struct jwt_key hs, rs, es, other;
static struct mer_auth *auth; // all three keys, audience meridian

static struct mer_auth *auth_of(const char *keys, struct mer_slice audience)
{
    struct mer_auth_opts opts = {.audience = audience};
    struct mer_diag diag = {0};
    struct mer_slice text = mer_arena_printf(arena, "{\"keys\":[%s]}", keys);
    struct mer_auth *made = mer_auth_parse(&opts, text, &diag);
    if (!made) {
        print_error("%s\n", diag.msg);
    }
    return made;
}

static const char *jwk(const struct jwt_key *key, const char *extra)
{
    return mer_arena_cstr(arena, jwt_key_jwk(arena, key, extra));
}

static int setup(void **state)
{
    (void)state;
    arena = mer_arena_create(0);
    hs = jwt_key_make("HS256", MER_S(SECRET));
    other = jwt_key_make("HS256", MER_S("another secret of at least 32 bytes"));
    rs = jwt_key_make("RS256", MER_NIL);
    es = jwt_key_make("ES256", MER_NIL);
    struct mer_slice keys = mer_arena_printf(arena, "%s,%s,%s", jwk(&hs, ",\"kid\":\"h\""),
                                             jwk(&rs, ",\"kid\":\"r\",\"alg\":\"RS256\""),
                                             jwk(&es, ",\"kid\":\"e\",\"use\":\"sig\""));
    auth = auth_of(mer_arena_cstr(arena, keys), MER_S("meridian"));
    return auth ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    mer_auth_unref(auth);
    jwt_key_free(&rs);
    jwt_key_free(&es);
    mer_arena_destroy(arena);
    return 0;
}

static bool verify_at(const struct mer_auth *with, struct mer_slice token, int64_t now_us,
                      struct mer_claims *out)
{
    bool ok = mer_auth_verify(with, arena, token, now_us, out);
    assert_true(ok == (out->refused == NULL));
    return ok;
}

static bool verify(struct mer_slice token, struct mer_claims *out)
{
    return verify_at(auth, token, NOW_S * 1000000, out);
}

static void every_algorithm_is_known(void **state)
{
    (void)state;
    const struct {
        const struct jwt_key *key;
        const char *header;
    } cases[] = {{&hs, "{\"alg\":\"HS256\",\"kid\":\"h\"}"},
                 {&rs, "{\"alg\":\"RS256\",\"kid\":\"r\",\"typ\":\"JWT\"}"},
                 {&es, "{\"typ\":\"at+jwt\",\"alg\":\"ES256\",\"kid\":\"e\"}"}};
    for (size_t i = 0; i < 3; i++) {
        struct mer_claims c;
        verify(jwt_make(arena, cases[i].key, cases[i].header, GOOD), &c);
        assert_null(c.refused);
        mer_assert_slice(c.tenant, "tenant-foo-inc");
        assert_int_equal(c.role, MER_USER_WORKER);
    }
}

static void claims_become_a_scope(void **state)
{
    (void)state;
    static const char payload[] =
        "{\"exp\":1765380600,\"aud\":[\"x\",\"meridian\"],\"tenant\":\"t-1\",\"role\":\"sales\","
        "\"region\":[\"us-east\",\"apac\",\"us-east\"],"
        "\"facilities\":[\"facility-b\",\"facility-\\u0061\",\"facility-b\"]}";
    struct mer_claims c;
    verify(jwt_make(arena, &hs, "{\"alg\":\"HS256\",\"kid\":\"h\"}", payload), &c);
    assert_null(c.refused);
    mer_assert_slice(c.scope, "t-1|sales|apac,us-east|facility-a,facility-b");
    mer_assert_slice(c.facilities_text, "facility-a,facility-b");
    assert_int_equal(c.regions_n, 2);
    mer_assert_slice(c.regions[0], "apac");
    assert_int_equal(c.facilities_n, 2);
    mer_assert_slice(c.facilities[1], "facility-b");
    assert_false(c.all_facilities);
    assert_true(c.expires_us == 1765380660LL * 1000000);
    verify(
        jwt_make(
            arena, &hs, "{\"alg\":\"HS256\",\"kid\":\"h\"}",
            "{\"exp\":1765380600,\"aud\":\"meridian\",\"tenant\":\"t-1\",\"role\":\"executive\",\"region\":"
            "\"apac\",\"facilities\":[\"*\"]}"),
        &c);
    assert_null(c.refused);
    mer_assert_slice(c.scope, "t-1|executive|apac|*");
    assert_true(c.all_facilities && c.facilities_n == 0);
    verify(jwt_make(arena, &hs, "{\"alg\":\"HS256\",\"kid\":\"h\"}", GOOD), &c);
    mer_assert_slice(c.scope, "tenant-foo-inc|worker||");
    assert_false(c.all_facilities);
}

// Signed by the right key, and yet not to be believed.
static void wrong_headers_are_refused(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "{}",
        "[]",
        "null",
        "{\"kid\":\"h\"}",
        "{\"alg\":\"none\",\"kid\":\"h\"}",
        "{\"alg\":\"None\",\"kid\":\"h\"}",
        "{\"alg\":\"\",\"kid\":\"h\"}",
        "{\"alg\":null,\"kid\":\"h\"}",
        "{\"alg\":[\"HS256\"],\"kid\":\"h\"}",
        "{\"alg\":\"hs256\",\"kid\":\"h\"}",
        "{\"alg\":\"HS256 \",\"kid\":\"h\"}",
        "{\"alg\":\"HS512\",\"kid\":\"h\"}",
        "{\"alg\":\"RS256\",\"kid\":\"h\"}",
        "{\"alg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"kid\":null}",
        "{\"alg\":\"HS256\",\"kid\":[\"h\"]}",
        "{\"alg\":\"HS256\",\"kid\":\"\"}",
        "{\"alg\":\"HS256\",\"kid\":\"H\"}",
        "{\"alg\":\"HS256\",\"kid\":\"h\\u0000\"}",
        "{\"alg\":\"HS256\",\"kid\":\"../../etc/passwd\"}",
        "{\"alg\":\"HS256\",\"kid\":\"h' OR '1'='1\"}",
        "{\"alg\":\"HS256\",\"kid\":\"h\\r\\nx: y\"}",
        "{\"alg\":\"HS256\",\"kid\":\"r\"}",
        "{\"alg\":\"HS256\",\"kid\":\"e\"}",
        "{\"alg\":\"HS256\",\"kid\":\"unknown\"}",
        "{\"alg\":\"HS256\",\"kid\":\"h\",\"kid\":\"h\"}",
        "{\"alg\":\"none\",\"alg\":\"HS256\",\"kid\":\"h\"}",
        "{\"alg\":\"HS256\",\"kid\":\"h\",\"crit\":[\"exp\"]}",
        "{\"alg\":\"HS256\",\"kid\":\"h\",\"crit\":[]}",
        "{\"alg\":\"HS256\",\"kid\":\"h\",\"b64\":false}",
        "{\"alg\":\"HS256\",\"kid\":\"h\",\"b64\":true}",
        "{\"alg\":\"HS256\",\"kid\":\"h\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"}}",
        "{\"alg\":\"HS256\",\"kid\":\"h\",\"jku\":\"https://evil/keys\"}",
        "{\"alg\":\"HS256\",\"kid\":\"h\",\"x5u\":\"https://evil/cert\"}",
        "{\"alg\":\"HS256\",\"kid\":\"h\",\"x5c\":[\"AA\"]}",
        "{\"alg\":\"HS256\",\"kid\":\"h\",\"zip\":\"DEF\"}",
        "{\"alg\":\"HS256\",\"kid\":\"h\",\"typ\":\"JWE\"}",
        "{\"alg\":\"HS256\",\"kid\":\"h\"} x",
        "{\"alg\":\"HS256\",\"kid\":\"h\",}",
        "\xef\xbb\xbf{\"alg\":\"HS256\",\"kid\":\"h\"}",
    };
    for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++) {
        struct mer_claims c;
        if (verify(jwt_make(arena, &hs, headers[i], GOOD), &c)) {
            fail_msg("accepted: %s", headers[i]);
        }
    }
}

struct payload_case {
    const char *payload;
    bool good;
};

#define WHEN(times) "{" times "," GOOD_REST "}"
#define WHO(claims) "{\"exp\":1765380600,\"aud\":\"meridian\"," claims "}"

static const struct payload_case payloads[] = {
    // exp: the skew is 60 s; NOW_S is 1765377000.
    {WHEN("\"exp\":1765376939"), false},
    {WHEN("\"exp\":1765376940"), false},
    {WHEN("\"exp\":1765376941"), true},
    {WHEN("\"exp\":1765377000"), true},
    {WHEN("\"exp\":1765377000.5"), true},
    {WHEN("\"exp\":1.7653806e9"), true},
    {WHEN("\"exp\":\"1765380600\""), false},
    {WHEN("\"exp\":null"), false},
    {WHEN("\"exp\":true"), false},
    {WHEN("\"exp\":[1765380600]"), false},
    {WHEN("\"exp\":-1765380600"), false},
    {WHEN("\"exp\":0"), false},
    {WHEN("\"exp\":9007199254740992"), false},
    {WHEN("\"exp\":253402300799"), true},
    {WHEN("\"exp\":253402300800"), false},
    {WHEN("\"exp\":1e400"), false},
    {WHEN("\"exp\":99999999999999999999999999999999999999999999"), false},
    {WHEN("\"Exp\":1765380600"), false},
    {WHEN("\"iat\":1765377000"), false}, // no exp at all
    {WHEN("\"exp\":1765380600,\"exp\":1765380600"), false},
    // nbf and iat
    {WHEN("\"exp\":1765380600,\"nbf\":1765377059"), true},
    {WHEN("\"exp\":1765380600,\"nbf\":1765377060"), true},
    {WHEN("\"exp\":1765380600,\"nbf\":1765377061"), false},
    {WHEN("\"exp\":1765380600,\"nbf\":\"0\""), false},
    {WHEN("\"exp\":1765380600,\"nbf\":-1"), false},
    {WHEN("\"exp\":1765380600,\"iat\":1765377060"), true},
    {WHEN("\"exp\":1765380600,\"iat\":1765377061"), false},
    {WHEN("\"exp\":1765380600,\"iat\":null"), false},
    // aud
    {"{\"exp\":1765380600,\"tenant\":\"t\",\"role\":\"worker\"}", false},
    {"{\"exp\":1765380600,\"tenant\":\"t\",\"role\":\"worker\",\"aud\":\"Meridian\"}", false},
    {"{\"exp\":1765380600,\"tenant\":\"t\",\"role\":\"worker\",\"aud\":\"meridian2\"}", false},
    {"{\"exp\":1765380600,\"tenant\":\"t\",\"role\":\"worker\",\"aud\":[]}", false},
    {"{\"exp\":1765380600,\"tenant\":\"t\",\"role\":\"worker\",\"aud\":[\"meridian\"]}", true},
    {"{\"exp\":1765380600,\"tenant\":\"t\",\"role\":\"worker\",\"aud\":[\"meridian\",7]}", false},
    {"{\"exp\":1765380600,\"tenant\":\"t\",\"role\":\"worker\",\"aud\":{\"meridian\":1}}", false},
    // tenant
    {WHO("\"role\":\"worker\""), false},
    {WHO("\"tenant\":\"\",\"role\":\"worker\""), false},
    {WHO("\"tenant\":null,\"role\":\"worker\""), false},
    {WHO("\"tenant\":7,\"role\":\"worker\""), false},
    {WHO("\"tenant\":[\"t\"],\"role\":\"worker\""), false},
    {WHO("\"tenant\":{\"t\":1},\"role\":\"worker\""), false},
    {WHO("\"tenant\":\"T\",\"role\":\"worker\""), false},
    {WHO("\"tenant\":\"t,u\",\"role\":\"worker\""), false},
    {WHO("\"tenant\":\"t|executive||*\",\"role\":\"worker\""), false},
    {WHO("\"tenant\":\"t_u\",\"role\":\"worker\""), false},
    {WHO("\"tenant\":\"t\\u0000\",\"role\":\"worker\""), false},
    {WHO("\"tenant\":\"t\xd0\xb5nant\",\"role\":\"worker\""), false},
    {WHO("\"tenant\":\"t'; drop table orders; --\",\"role\":\"worker\""), false},
    {WHO("\"tenant\":\"*\",\"role\":\"worker\""), false},
    {WHO("\"tenant\":\"t\",\"tenant\":\"u\",\"role\":\"worker\""), false},
    {WHO("\"tenant\":\"t\",\"\\u0074enant\":\"u\",\"role\":\"worker\""), false},
    {WHO("\"tenant\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"role\":"
         "\"worker\""),
     true},
    {WHO("\"tenant\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"role\":"
         "\"worker\""),
     false},
    // role
    {WHO("\"tenant\":\"t\""), false},
    {WHO("\"tenant\":\"t\",\"role\":\"admin\""), false},
    {WHO("\"tenant\":\"t\",\"role\":\"Worker\""), false},
    {WHO("\"tenant\":\"t\",\"role\":[\"worker\"]"), false},
    {WHO("\"tenant\":\"t\",\"role\":\"worker\",\"role\":\"operator\""), false},
    {WHO("\"tenant\":\"t\",\"role\":\"service\""), true},
    // region and facilities
    {WHO("\"tenant\":\"t\",\"role\":\"worker\",\"region\":\"\""), false},
    {WHO("\"tenant\":\"t\",\"role\":\"worker\",\"region\":\"*\""), false},
    {WHO("\"tenant\":\"t\",\"role\":\"worker\",\"region\":[\"*\"]"), false},
    {WHO("\"tenant\":\"t\",\"role\":\"worker\",\"region\":7"), false},
    {WHO("\"tenant\":\"t\",\"role\":\"worker\",\"region\":[]"), true},
    {WHO("\"tenant\":\"t\",\"role\":\"worker\",\"facilities\":\"*\""), false},
    {WHO("\"tenant\":\"t\",\"role\":\"worker\",\"facilities\":[\"*\",\"f\"]"), false},
    {WHO("\"tenant\":\"t\",\"role\":\"worker\",\"facilities\":[\"f,g\"]"), false},
    {WHO("\"tenant\":\"t\",\"role\":\"worker\",\"facilities\":[\"f\",null]"), false},
    {WHO("\"tenant\":\"t\",\"role\":\"worker\",\"facilities\":[[\"f\"]]"), false},
    {WHO("\"tenant\":\"t\",\"role\":\"worker\",\"facilities\":{\"f\":1}"), false},
    {WHO("\"tenant\":\"t\",\"role\":\"worker\",\"facilities\":[]"), true},
    {WHO("\"tenant\":\"t\",\"role\":\"worker\",\"facilities\":null"), false},
    // JSON
    {"", false},
    {"[]", false},
    {"null", false},
    {GOOD " ", true},
    {GOOD GOOD, false},
    {"{\"exp\":1765380600," GOOD_REST ",\"x\":\"\xff\"}", false},
    {"{\"exp\":1765380600," GOOD_REST ",\"x\":[[[[[[[[[[1]]]]]]]]]]}", false},
};

static void payloads_are_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(payloads) / sizeof(*payloads); i++) {
        struct mer_claims c;
        bool ok = verify(jwt_make(arena, &hs, "{\"alg\":\"HS256\",\"kid\":\"h\"}", payloads[i].payload), &c);
        if (ok != payloads[i].good) {
            fail_msg("%s: %s", payloads[i].payload, ok ? "accepted" : c.refused);
        }
    }
}

static struct mer_slice text_to_sign(const char *header)
{
    struct mer_slice h = jwt_base64url(arena, mer_slice_of(header)), p = jwt_base64url(arena, MER_S(GOOD));
    return mer_arena_printf(arena, "%.*s.%.*s", MER_FMT(h), MER_FMT(p));
}

static struct mer_slice with_signature(struct mer_slice text, struct mer_slice bytes)
{
    struct mer_slice s = jwt_base64url(arena, bytes);
    return mer_arena_printf(arena, "%.*s.%.*s", MER_FMT(text), MER_FMT(s));
}

static void refuse(struct mer_slice token, const char *what)
{
    struct mer_claims c;
    if (verify(token, &c)) {
        fail_msg("accepted: %s", what);
    }
}

static void wrong_signatures_are_refused(void **state)
{
    (void)state;
    struct mer_slice h = text_to_sign("{\"alg\":\"HS256\",\"kid\":\"h\"}");
    struct mer_slice e = text_to_sign("{\"alg\":\"ES256\",\"kid\":\"e\"}");
    struct mer_slice r = text_to_sign("{\"alg\":\"RS256\",\"kid\":\"r\"}");
    static const char zeros[256];
    refuse(with_signature(h, jwt_signature(arena, &other, h)), "another secret");
    refuse(with_signature(h, (struct mer_slice){jwt_signature(arena, &hs, h).p, 16}), "half a mac");
    refuse(with_signature(h, (struct mer_slice){zeros, 32}), "zero mac");
    refuse(with_signature(e, (struct mer_slice){zeros, 64}), "r = s = 0");
    refuse(with_signature(e, (struct mer_slice){zeros, 0}), "no signature");
    refuse(with_signature(r, (struct mer_slice){zeros, 256}), "zero RSA signature");
    struct mer_slice good = jwt_signature(arena, &es, e);
    for (size_t half = 0; half < 64; half += 32) {
        char *bad = mer_arena_bytes(arena, 64);
        memcpy(bad, good.p, 64);
        memset(bad + half, 0, 32);
        refuse(with_signature(e, (struct mer_slice){bad, 64}), half ? "s = 0" : "r = 0");
        memset(bad + half, 0xff, 32);
        refuse(with_signature(e, (struct mer_slice){bad, 64}), "r or s beyond the order");
    }
    struct mer_slice rsa = jwt_signature(arena, &rs, r);
    for (size_t at = 0; at < rsa.n; at += 17) {
        char *bad = mer_arena_bytes(arena, rsa.n);
        memcpy(bad, rsa.p, rsa.n);
        bad[at] = (char)(bad[at] ^ 1);
        refuse(with_signature(r, (struct mer_slice){bad, rsa.n}), "a flipped bit");
    }
    // The public key, which everybody has, taken as a secret.
    struct jwt_key pem = {.alg = "HS256", .secret = jwt_key_pem(arena, &rs)};
    refuse(jwt_make(arena, &pem, "{\"alg\":\"HS256\",\"kid\":\"r\"}", GOOD), "RS256 to HS256");
    refuse(jwt_make(arena, &pem, "{\"alg\":\"HS256\",\"kid\":\"h\"}", GOOD), "RS256 to HS256, other kid");
    refuse(jwt_make(arena, &pem, "{\"alg\":\"RS256\",\"kid\":\"r\"}", GOOD), "HMAC said to be RS256");
    refuse(jwt_make(arena, &rs, "{\"alg\":\"RS256\",\"kid\":\"e\"}", GOOD), "RS256 by the EC key's kid");
    refuse(jwt_make(arena, &es, "{\"alg\":\"ES256\",\"kid\":\"h\"}", GOOD), "ES256 by the secret's kid");
}

static void wrong_forms_are_refused(void **state)
{
    (void)state;
    struct mer_slice token = jwt_make(arena, &hs, "{\"alg\":\"HS256\",\"kid\":\"h\"}", GOOD);
    struct mer_claims c;
    assert_true(verify(token, &c));
    refuse(MER_NIL, "nothing");
    refuse(MER_S("."), "one dot");
    refuse(MER_S(".."), "two dots");
    refuse(MER_S("a.b.c"), "no base64url");
    refuse(mer_arena_printf(arena, "%.*s.", MER_FMT(token)), "four parts, the last empty");
    refuse(mer_arena_printf(arena, "%.*s.AA", MER_FMT(token)), "four parts");
    refuse(mer_arena_printf(arena, ".%.*s", MER_FMT(token)), "an empty first part");
    refuse(mer_arena_printf(arena, "%.*s=", MER_FMT(token)), "padding");
    refuse(mer_arena_printf(arena, " %.*s", MER_FMT(token)), "a blank before");
    refuse(mer_arena_printf(arena, "%.*s\n", MER_FMT(token)), "a line end after");
    refuse(mer_arena_printf(arena, "%.*sA", MER_FMT(token)), "a digit more");
    struct mer_slice two = token;
    two.n = (size_t)((const char *)memrchr(token.p, '.', token.n) - token.p);
    refuse(two, "two parts");
    refuse((struct mer_slice){two.p, two.n + 1}, "no signature");
    refuse(mer_arena_printf(arena, "{\"payload\":\"%.*s\"}", MER_FMT(token)), "JSON serialisation");
    // The last digit of a 32-byte mac has two bits that nobody reads.
    char *loose = mer_arena_cstr(arena, token);
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    loose[token.n - 1] = digits[(size_t)(strchr(digits, loose[token.n - 1]) - digits) + 1];
    refuse((struct mer_slice){loose, token.n}, "another spelling of the same bytes");
    for (size_t n = 0; n < token.n; n++) {
        refuse((struct mer_slice){token.p, n}, "cut short");
    }
    char *huge = mer_arena_bytes(arena, 1 << 20);
    memset(huge, 'A', 1 << 20);
    refuse((struct mer_slice){huge, 1 << 20}, "a megabyte");
    huge[100] = huge[200] = '.';
    refuse((struct mer_slice){huge, 1 << 20}, "a megabyte in three parts");
    refuse((struct mer_slice){huge, 8192}, "many zeros");
}

static void one_key_needs_no_kid(void **state)
{
    (void)state;
    struct mer_claims c;
    struct mer_auth *one = auth_of(jwk(&hs, ""), MER_NIL);
    assert_true(verify_at(one, jwt_make(arena, &hs, "{\"alg\":\"HS256\"}", GOOD), NOW_S * 1000000, &c));
    assert_false(
        verify_at(one, jwt_make(arena, &hs, "{\"alg\":\"HS256\",\"kid\":\"x\"}", GOOD), NOW_S * 1000000, &c));
    mer_auth_unref(one);
    one = auth_of(jwk(&hs, ",\"kid\":\"h\""), MER_NIL);
    assert_true(verify_at(one, jwt_make(arena, &hs, "{\"alg\":\"HS256\"}", GOOD), NOW_S * 1000000, &c));
    assert_false(
        verify_at(one, jwt_make(arena, &hs, "{\"alg\":\"HS256\",\"kid\":\"x\"}", GOOD), NOW_S * 1000000, &c));
    mer_auth_unref(one);
}

static void issuer_is_checked(void **state)
{
    (void)state;
    struct mer_auth_opts opts = {.issuer = MER_S("https://id.example")};
    struct mer_slice text = mer_arena_printf(arena, "{\"keys\":[%s]}", jwk(&hs, ""));
    struct mer_auth *strict = mer_auth_parse(&opts, text, NULL);
    struct mer_claims c;
    static const char *const header = "{\"alg\":\"HS256\"}";
    assert_false(verify_at(strict, jwt_make(arena, &hs, header, GOOD), NOW_S * 1000000, &c));
    assert_false(verify_at(
        strict, jwt_make(arena, &hs, header, WHEN("\"exp\":1765380600,\"iss\":[\"https://id.example\"]")),
        NOW_S * 1000000, &c));
    assert_true(verify_at(
        strict, jwt_make(arena, &hs, header, WHEN("\"exp\":1765380600,\"iss\":\"https://id.example\"")),
        NOW_S * 1000000, &c));
    mer_auth_unref(strict);
}

static void key_sets_are_checked(void **state)
{
    (void)state;
    struct jwt_key weak = jwt_key_make("HS256", MER_S("too short"));
    const char *h = jwk(&hs, ",\"kid\":\"h\""), *h2 = jwk(&other, ",\"kid\":\"h\""), *bare = jwk(&other, "");
    const struct {
        const char *text, *said;
    } cases[] = {
        {"", ""},
        {"[]", "not a key set"},
        {"{}", "not a key set"},
        {"{\"keys\":{}}", "not a key set"},
        {"{\"keys\":[]}", "has no key for"},
        {"{\"keys\":[7,null]}", "has no key for"},
        {"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"}]}", "has no key for"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}]}", "key 1 of the key set"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"sXch\",\"e\":\"AQAB\"}]}", "2048"},
        {"{\"keys\":[{\"kty\":\"oct\"}]}", "cannot be read"},
        {"<html>", ""},
        {mer_arena_printf(arena, "{\"keys\":[%s]}", jwk(&weak, "")).p, "at least 32 bytes"},
        {mer_arena_printf(arena, "{\"keys\":[%s]}", jwk(&hs, ",\"use\":\"enc\"")).p, "has no key for"},
        {mer_arena_printf(arena, "{\"keys\":[%s]}", jwk(&hs, ",\"alg\":\"RS256\"")).p, "has no key for"},
        {mer_arena_printf(arena, "{\"keys\":[%s,%s]}", h, h2).p, "same kid"},
        {mer_arena_printf(arena, "{\"keys\":[%s,%s]}", h, bare).p, "each needs a kid"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct mer_auth_opts opts = {0};
        struct mer_diag diag = {0};
        struct mer_auth *made = mer_auth_parse(&opts, mer_slice_of(cases[i].text), &diag);
        if (made || !strstr(diag.msg, cases[i].said)) {
            fail_msg("%s: %s", cases[i].text, made ? "accepted" : diag.msg);
        }
    }
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static const char *live_token(const struct jwt_key *key, const char *header)
{
    struct mer_slice payload = mer_arena_printf(arena, "{\"exp\":%lld,\"tenant\":\"t\",\"role\":\"worker\"}",
                                                (long long)(mer_time_wall_us() / 1000000 + 600));
    return mer_arena_cstr(arena, jwt_make(arena, key, header, mer_arena_cstr(arena, payload)));
}

static void reload_keeps_the_last_good_keys(void **state)
{
    (void)state;
    char path[] = "/tmp/mer-jwks-XXXXXX";
    close(mkstemp(path));
    write_file(path, mer_arena_printf(arena, "{\"keys\":[%s]}", jwk(&hs, "")).p);
    struct mer_auth_opts opts = {.jwks = mer_slice_of(path)};
    struct mer_diag diag;
    struct mer_auth *first = mer_auth_create(&opts, &diag);
    assert_non_null(first);
    struct mer_token_memory *memory = mer_token_memory_create(16, 1 << 20);
    const char *refused;
    struct mer_slice token = mer_slice_of(live_token(&hs, "{\"alg\":\"HS256\"}"));
    struct mer_known_token *known = mer_auth_know(first, memory, arena, token, &refused);
    assert_non_null(known);
    struct mer_known_token *again = mer_auth_know(first, memory, arena, token, &refused);
    assert_ptr_equal(known, again);
    mer_known_token_unref(again);

    write_file(path, "<html>not found</html>");
    assert_null(mer_auth_reload(first, &diag));
    unlink(path);
    assert_null(mer_auth_reload(first, &diag));
    assert_non_null(strstr(diag.msg, "No such file"));
    again = mer_auth_know(first, memory, arena, token, &refused);
    assert_non_null(again);
    mer_known_token_unref(again);

    // The key is gone: what was verified by it is not believed any more.
    write_file(path, mer_arena_printf(arena, "{\"keys\":[%s]}", jwk(&other, "")).p);
    struct mer_auth *second = mer_auth_reload(first, &diag);
    assert_non_null(second);
    assert_null(mer_auth_know(second, memory, arena, token, &refused));
    assert_string_equal(refused, "the signature is wrong");
    mer_assert_slice(known->claims.tenant, "t"); // a request that holds it may still read it
    mer_known_token_unref(known);
    mer_token_memory_destroy(memory);
    mer_auth_unref(first);
    mer_auth_unref(second);
    unlink(path);
}

static struct mer_claims claims_of(const char *facility)
{
    struct mer_claims c;
    struct mer_token_expect expect = {.now_us = NOW_S * 1000000};
    struct mer_slice json = mer_arena_printf(
        arena,
        "{\"exp\":1765380600,\"tenant\":\"t\",\"role\":\"worker\",\"region\":\"r\",\"facilities\":[\"%s\"]}",
        facility);
    assert_null(mer_token_read_claims(arena, json, &expect, &c));
    return c;
}

static void memory_is_bounded_and_whole(void **state)
{
    (void)state;
    int64_t now = NOW_S * 1000000;
    struct mer_token_memory *m = mer_token_memory_create(100, 1 << 20);
    for (int i = 0; i < 1000; i++) {
        struct mer_claims c = claims_of(mer_arena_printf(arena, "f-%d", i).p);
        mer_known_token_unref(mer_token_memory_put(m, mer_arena_printf(arena, "token %d", i), 1, &c));
        // The first one is used all the time and so stays.
        struct mer_known_token *first = mer_token_memory_get(m, MER_S("token 0"), 1, now);
        assert_non_null(first);
        mer_assert_slice(first->claims.facilities_text, "f-0");
        mer_assert_slice(first->claims.facilities[0], "f-0");
        mer_assert_slice(first->claims.regions[0], "r");
        mer_known_token_unref(first);
    }
    assert_int_equal(mer_token_memory_count(m), 100);
    assert_null(mer_token_memory_get(m, MER_S("token 1"), 1, now));
    assert_null(mer_token_memory_get(m, MER_S("token 99"), 1, now));
    assert_null(mer_token_memory_get(m, MER_S("token 9999"), 1, now));
    struct mer_known_token *last = mer_token_memory_get(m, MER_S("token 999"), 1, now);
    assert_non_null(last);
    assert_null(mer_token_memory_get(m, MER_S("token 999"), 2, now)); // another generation: gone
    assert_null(mer_token_memory_get(m, MER_S("token 999"), 1, now));
    assert_null(mer_token_memory_get(m, MER_S("token 998"), 1, 1765380660LL * 1000000)); // expired: gone
    assert_int_equal(mer_token_memory_count(m), 98);
    mer_token_memory_destroy(m);
    mer_assert_slice(last->claims.facilities[0], "f-999");
    mer_known_token_unref(last);

    m = mer_token_memory_create(100, 2000);
    for (int i = 0; i < 50; i++) {
        struct mer_claims c = claims_of("f");
        mer_known_token_unref(mer_token_memory_put(m, mer_arena_printf(arena, "%0200d", i), 1, &c));
    }
    assert_in_range(mer_token_memory_count(m), 1, 9);
    struct mer_claims c = claims_of("f");
    char *big = mer_arena_bytes(arena, 4000);
    memset(big, 'x', 4000);
    struct mer_known_token *own = mer_token_memory_put(m, (struct mer_slice){big, 4000}, 1, &c);
    assert_null(mer_token_memory_get(m, (struct mer_slice){big, 4000}, 1, now));
    mer_known_token_unref(own);
    mer_token_memory_destroy(m);
}

static void bearer_is_cut_out(void **state)
{
    (void)state;
    mer_assert_slice(mer_auth_bearer(MER_S("Bearer abc")), "abc");
    mer_assert_slice(mer_auth_bearer(MER_S("bearer   abc ")), "abc");
    assert_null(mer_auth_bearer(MER_S("Basic abc")).p);
    assert_null(mer_auth_bearer(MER_S("")).p);
    assert_int_equal(mer_auth_bearer(MER_S("Bearer")).n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_algorithm_is_known),     cmocka_unit_test(claims_become_a_scope),
        cmocka_unit_test(wrong_headers_are_refused),    cmocka_unit_test(payloads_are_judged),
        cmocka_unit_test(wrong_signatures_are_refused), cmocka_unit_test(wrong_forms_are_refused),
        cmocka_unit_test(one_key_needs_no_kid),         cmocka_unit_test(issuer_is_checked),
        cmocka_unit_test(key_sets_are_checked),         cmocka_unit_test(reload_keeps_the_last_good_keys),
        cmocka_unit_test(memory_is_bounded_and_whole),  cmocka_unit_test(bearer_is_cut_out),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
