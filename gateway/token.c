// SPDX-License-Identifier: MIT
#include "gateway/token.h"

#include "base/hash.h"
#include "base/json.h"

#include <stdlib.h>

#define NAME_BYTES_MAX 63
#define REGIONS_MAX    64
#define FACILITIES_MAX 1000
#define YEAR_10000_S   253402300800.0

static const char *const role_names[] = {"executive", "worker", "sales", "operator", "developer", "service"};

const char *mer_user_role_name(enum mer_user_role role)
{
    return role_names[role];
}

// ---- the three parts

static int base64url_value(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool mer_token_base64url(struct mer_arena *a, struct mer_slice text, struct mer_slice *out)
{
    if (text.n % 4 == 1) {
        return false;
    }
    char *p = mer_arena_bytes(a, text.n / 4 * 3 + 3);
    size_t n = 0;
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < text.n; i++) {
        int v = base64url_value(text.p[i]);
        if (v < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)v;
        held += 6;
        if (held >= 8) {
            held -= 8;
            p[n++] = (char)(bits >> held & 0xff);
        }
    }
    // Bits that nobody reads must be zero, else one token could be written in several ways.
    if (bits & ((1u << held) - 1)) {
        return false;
    }
    *out = (struct mer_slice){p, n};
    return true;
}

const char *mer_token_split(struct mer_arena *a, struct mer_slice token, struct mer_token_parts *out)
{
    if (token.n == 0 || token.n > MER_TOKEN_BYTES_MAX) {
        return "token is empty or too long";
    }
    const char *first = memchr(token.p, '.', token.n);
    const char *last = memrchr(token.p, '.', token.n);
    if (!first || first == last || memchr(first + 1, '.', (size_t)(last - first - 1))) {
        return "token has not three parts";
    }
    const char *end = token.p + token.n;
    struct mer_slice header = {token.p, (size_t)(first - token.p)};
    struct mer_slice payload = {first + 1, (size_t)(last - first - 1)};
    struct mer_slice signature = {last + 1, (size_t)(end - last - 1)};
    if (!header.n || !payload.n || !signature.n) {
        return "token has an empty part";
    }
    out->signed_text = (struct mer_slice){token.p, (size_t)(last - token.p)};
    if (!mer_token_base64url(a, header, &out->header) || !mer_token_base64url(a, payload, &out->payload) ||
        !mer_token_base64url(a, signature, &out->signature)) {
        return "token is not canonical base64url";
    }
    return NULL;
}

// ---- JSON

static const char *read_object(struct mer_arena *a, struct mer_slice text, struct mer_json *out)
{
    static const struct mer_json_limits limits = {.max_depth = 8, .max_nodes = 4096, .unique_keys = true};
    if (mer_json_parse(a, text, &limits, out, NULL) != MER_OK ||
        mer_json_root(out)->type != MER_JSON_OBJECT) {
        return "token holds no JSON object, or one with a key twice";
    }
    return NULL;
}

static const struct mer_json_node *member(const struct mer_json *j, const char *key)
{
    return mer_json_get(j, mer_json_root(j), mer_slice_of(key));
}

const char *mer_token_read_header(struct mer_arena *a, struct mer_slice json, struct mer_token_header *out)
{
    static const char *const refused[] = {"crit", "b64", "jwk", "jku", "x5u", "x5c", "zip", "enc"};
    struct mer_json j;
    const char *why = read_object(a, json, &j);
    if (why) {
        return why;
    }
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        if (member(&j, refused[i])) {
            return "header has crit, b64, zip, enc or a key of its own";
        }
    }
    const struct mer_json_node *alg = member(&j, "alg"), *kid = member(&j, "kid"), *typ = member(&j, "typ");
    if (!alg || alg->type != MER_JSON_STRING) {
        return "header has no alg";
    }
    if ((kid && kid->type != MER_JSON_STRING) || (typ && typ->type != MER_JSON_STRING)) {
        return "header's kid or typ is no string";
    }
    struct mer_slice type = typ ? mer_json_string(a, &j, typ) : MER_S("JWT");
    if (!mer_slice_ieq(type, MER_S("JWT")) && !mer_slice_ieq(type, MER_S("at+jwt")) &&
        !mer_slice_ieq(type, MER_S("application/at+jwt"))) {
        return "header's typ is not JWT";
    }
    out->alg = mer_json_string(a, &j, alg);
    out->kid = kid ? mer_json_string(a, &j, kid) : MER_NIL;
    return NULL;
}

// ---- claims

static bool is_name(struct mer_slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')) {
            return false;
        }
    }
    return s.n > 0 && s.n <= NAME_BYTES_MAX;
}

// RFC 7519 2, NumericDate: seconds, perhaps with a fraction.
static bool read_time(struct mer_arena *a, const struct mer_json *j, const struct mer_json_node *n,
                      int64_t *out_us)
{
    if (n->type != MER_JSON_NUMBER || n->len > 32) {
        return false;
    }
    double s = strtod(mer_arena_cstr(a, mer_json_raw(j, n)), NULL);
    if (!(s >= 0 && s < YEAR_10000_S)) {
        return false;
    }
    *out_us = (int64_t)(s * 1e6);
    return true;
}

static const char *check_times(struct mer_arena *a, const struct mer_json *j, int64_t now_us,
                               int64_t *expires_us)
{
    const int64_t skew_us = MER_TOKEN_SKEW_S * 1000000LL;
    const struct mer_json_node *exp = member(j, "exp"), *nbf = member(j, "nbf"), *iat = member(j, "iat");
    int64_t t;
    if (!exp || !read_time(a, j, exp, &t)) {
        return "exp is missing or no time";
    }
    *expires_us = t + skew_us;
    if (now_us >= *expires_us) {
        return "expired";
    }
    if (nbf && (!read_time(a, j, nbf, &t) || now_us < t - skew_us)) {
        return "not valid yet (nbf)";
    }
    if (iat && (!read_time(a, j, iat, &t) || now_us < t - skew_us)) {
        return "issued in the future (iat)";
    }
    return NULL;
}

// A string, or a list of strings, that must hold `wanted`.
static bool names(const struct mer_json *j, const struct mer_json_node *n, struct mer_slice wanted)
{
    if (!n) {
        return false;
    }
    if (n->type == MER_JSON_STRING) {
        return mer_json_string_is(j, n, wanted);
    }
    bool found = false;
    const struct mer_json_node *e = n->type == MER_JSON_ARRAY ? mer_json_first(j, n) : NULL;
    for (uint32_t i = 0; e && i < n->count; i++, e = mer_json_next(j, e)) {
        if (e->type != MER_JSON_STRING) {
            return false;
        }
        found = found || mer_json_string_is(j, e, wanted);
    }
    return found;
}

static const char *check_parties(const struct mer_json *j, const struct mer_token_expect *expect)
{
    if (expect->audience.p && !names(j, member(j, "aud"), expect->audience)) {
        return "for another audience";
    }
    const struct mer_json_node *iss = member(j, "iss");
    if (expect->issuer.p &&
        (!iss || iss->type != MER_JSON_STRING || !mer_json_string_is(j, iss, expect->issuer))) {
        return "by another issuer";
    }
    return NULL;
}

struct list {
    struct mer_slice *items;
    uint32_t n, max;
    bool all; // ["*"]
};

static int by_text(const void *x, const void *y)
{
    return mer_slice_cmp(*(const struct mer_slice *)x, *(const struct mer_slice *)y);
}

static bool list_add(struct mer_arena *a, const struct mer_json *j, const struct mer_json_node *n,
                     struct list *l)
{
    if (n->type != MER_JSON_STRING || l->n == l->max) {
        return false;
    }
    struct mer_slice s = mer_json_string(a, j, n);
    l->items[l->n++] = s;
    return is_name(s);
}

static void list_sort(struct list *l)
{
    qsort(l->items, l->n, sizeof(*l->items), by_text);
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->n; i++) {
        if (n == 0 || !mer_slice_eq(l->items[n - 1], l->items[i])) {
            l->items[n++] = l->items[i];
        }
    }
    l->n = n;
}

// A list of names; a single one may stand alone. Absent is empty: no rights.
static bool read_list(struct mer_arena *a, const struct mer_json *j, const struct mer_json_node *n,
                      struct list *l)
{
    l->n = 0;
    l->items = MER_NEW_N(a, struct mer_slice, n && n->type == MER_JSON_ARRAY ? n->count + 1 : 1);
    if (!n) {
        return true;
    }
    if (n->type != MER_JSON_ARRAY) {
        return list_add(a, j, n, l);
    }
    if (n->count > l->max) {
        return false;
    }
    const struct mer_json_node *e = mer_json_first(j, n);
    if (l->all && n->count == 1 && e->type == MER_JSON_STRING && mer_json_string_is(j, e, MER_S("*"))) {
        return true;
    }
    l->all = false;
    for (uint32_t i = 0; i < n->count; i++, e = mer_json_next(j, e)) {
        if (!list_add(a, j, e, l)) {
            return false;
        }
    }
    list_sort(l);
    return true;
}

static bool read_role(const struct mer_json *j, enum mer_user_role *out)
{
    const struct mer_json_node *n = member(j, "role");
    for (size_t i = 0; n && n->type == MER_JSON_STRING && i < sizeof(role_names) / sizeof(*role_names); i++) {
        if (mer_json_string_is(j, n, mer_slice_of(role_names[i]))) {
            *out = (enum mer_user_role)i;
            return true;
        }
    }
    return false;
}

static void add_list(struct mer_buf *b, const struct list *l)
{
    mer_buf_add_cstr(b, l->all ? "|*" : "|");
    for (uint32_t i = 0; i < l->n; i++) {
        mer_buf_add_cstr(b, i ? "," : "");
        mer_buf_add(b, l->items[i]);
    }
}

static uint32_t cut_list(struct mer_slice text, struct mer_slice *items)
{
    uint32_t n = 0;
    while (text.n) {
        items[n++] = mer_slice_cut(&text, ',');
    }
    return n;
}

void mer_claims_rebase(struct mer_claims *c, const char *p, struct mer_slice *lists)
{
    c->scope.p = p;
    struct mer_slice rest = c->scope;
    c->tenant = mer_slice_cut(&rest, '|');
    mer_slice_cut(&rest, '|'); // the role
    c->regions_text = mer_slice_cut(&rest, '|');
    c->facilities_text = rest;
    c->regions = lists;
    c->regions_n = cut_list(c->regions_text, lists);
    c->facilities = lists + c->regions_n;
    c->facilities_n = c->all_facilities ? 0 : cut_list(c->facilities_text, c->facilities);
}

const char *mer_token_read_claims(struct mer_arena *a, struct mer_slice json,
                                  const struct mer_token_expect *expect, struct mer_claims *out)
{
    struct mer_json j;
    const char *why = read_object(a, json, &j);
    why = why ? why : check_times(a, &j, expect->now_us, &out->expires_us);
    why = why ? why : check_parties(&j, expect);
    if (why) {
        return why;
    }
    mer_token_read_grants(a, &j, &expect->wants, out);
    if (expect->wants.anyone) {
        out->role = MER_USER_SERVICE;
        out->scope = MER_S("-");
        out->scope_hash = mer_hash(out->scope);
        mer_claims_rebase(out, out->scope.p, MER_NEW_N(a, struct mer_slice, 1));
        return NULL;
    }
    const struct mer_json_node *tenant = member(&j, "tenant");
    struct mer_slice name =
        tenant && tenant->type == MER_JSON_STRING ? mer_json_string(a, &j, tenant) : MER_NIL;
    if (!is_name(name) || memchr(name.p, '_', name.n)) {
        return "tenant is missing or no name";
    }
    if (!read_role(&j, &out->role)) {
        return "role is missing or unknown";
    }
    struct list regions = {.max = REGIONS_MAX}, facilities = {.max = FACILITIES_MAX, .all = true};
    const struct mer_json_node *listed = member(&j, "facilities");
    facilities.all = listed && listed->type == MER_JSON_ARRAY;
    if (!read_list(a, &j, member(&j, "region"), &regions) || !read_list(a, &j, listed, &facilities)) {
        return "region or facilities are no names";
    }
    struct mer_buf b;
    mer_buf_init(&b, a, 256);
    mer_buf_printf(&b, "%.*s|%s", MER_FMT(name), mer_user_role_name(out->role));
    add_list(&b, &regions);
    add_list(&b, &facilities);
    out->scope = mer_buf_slice(&b);
    out->scope_hash = mer_hash(out->scope);
    out->all_facilities = facilities.all;
    mer_claims_rebase(out, b.p, MER_NEW_N(a, struct mer_slice, regions.n + facilities.n + 1));
    return NULL;
}
