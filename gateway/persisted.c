// SPDX-License-Identifier: MIT
#include "gateway/persisted.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"

// ---- hashes ----

void mer_sha256_hex(struct mer_slice text, char out[64])
{
    unsigned char digest[32];
    unsigned int n = sizeof(digest);
    MER_ASSERT(EVP_Digest(text.p ? text.p : "", text.n, digest, &n, EVP_sha256(), NULL) == 1);
    for (size_t i = 0; i < sizeof(digest); i++) {
        out[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
}

bool mer_sha256_is_hex(struct mer_slice hash)
{
    for (size_t i = 0; i < hash.n; i++) {
        bool digit = hash.p[i] >= '0' && hash.p[i] <= '9';
        if (!digit && (hash.p[i] < 'a' || hash.p[i] > 'f')) {
            return false;
        }
    }
    return hash.n == 64;
}

bool mer_sha256_is(struct mer_slice text, struct mer_slice hash)
{
    char hex[64];
    mer_sha256_hex(text, hex);
    return hash.n == sizeof(hex) && memcmp(hash.p, hex, sizeof(hex)) == 0;
}

// ---- trusted documents ----

static struct mer_slice plain_id(struct mer_slice id)
{
    struct mer_slice prefix = MER_S("sha256:");
    while (mer_slice_starts(id, prefix)) {
        id = mer_slice_make(id.p + prefix.n, id.n - prefix.n);
    }
    return id;
}

struct reader {
    struct mer_arena *a;
    const struct mer_json *json;
    struct mer_documents *docs;
    struct mer_diag *diag;
};

static enum mer_err fail(const struct reader *r, const struct mer_json_node *at, const char *what)
{
    uint32_t line = 1, column = 1;
    for (uint32_t i = 0; i < at->offset; i++) {
        column = r->json->text.p[i] == '\n' ? 1 : column + 1;
        line += r->json->text.p[i] == '\n';
    }
    return mer_diag_at(r->diag, MER_ERR_INVALID, line, column, "%s", what);
}

static enum mer_err add(struct reader *r, const struct mer_json_node *id, const struct mer_json_node *text)
{
    if (!id || id->type != MER_JSON_STRING || !text || text->type != MER_JSON_STRING) {
        return fail(r, id ? id : mer_json_root(r->json),
                    "an id and a document's text are expected, both strings");
    }
    struct mer_slice *value = MER_NEW(r->a, struct mer_slice);
    *value = mer_json_string(r->a, r->json, text);
    struct mer_slice key = plain_id(mer_json_string(r->a, r->json, id));
    const struct mer_slice *other = mer_map_get(&r->docs->by_id, key);
    if (key.n == 0 || (other && !mer_slice_eq(*other, *value))) {
        return fail(r, id, key.n ? "this id stands for two different documents" : "an id is empty");
    }
    mer_map_put(&r->docs->by_id, key, value);
    return MER_OK;
}

static enum mer_err read_manifest(struct reader *r, const struct mer_json_node *list)
{
    if (list->type != MER_JSON_ARRAY) {
        return fail(r, list, "operations must be a list");
    }
    const struct mer_json_node *n = list->count ? mer_json_first(r->json, list) : NULL;
    for (uint32_t i = 0; i < list->count; i++, n = mer_json_next(r->json, n)) {
        enum mer_err err =
            add(r, mer_json_get(r->json, n, MER_S("id")), mer_json_get(r->json, n, MER_S("body")));
        if (err) {
            return err;
        }
    }
    return MER_OK;
}

static enum mer_err read_map(struct reader *r, const struct mer_json_node *root)
{
    const struct mer_json_node *key = root->count ? mer_json_first(r->json, root) : NULL;
    for (uint32_t i = 0; i < root->count; i++) {
        const struct mer_json_node *value = mer_json_next(r->json, key);
        enum mer_err err = add(r, key, value);
        if (err) {
            return err;
        }
        key = mer_json_next(r->json, value);
    }
    return MER_OK;
}

enum mer_err mer_documents_parse(struct mer_arena *a, struct mer_slice json, struct mer_documents **out,
                                 struct mer_diag *diag)
{
    struct mer_json j;
    struct mer_json_limits limits = {.unique_keys = true};
    enum mer_err err = mer_json_parse(a, json, &limits, &j, diag);
    if (err) {
        return err;
    }
    struct mer_documents *docs = MER_NEW(a, struct mer_documents);
    mer_map_init(&docs->by_id, a);
    struct reader r = {a, &j, docs, diag};
    const struct mer_json_node *root = mer_json_root(&j);
    const struct mer_json_node *list = mer_json_get(&j, root, MER_S("operations"));
    if (root->type != MER_JSON_OBJECT) {
        return fail(&r, root, "an object from id to document is expected");
    }
    err = list && list->type == MER_JSON_ARRAY ? read_manifest(&r, list) : read_map(&r, root);
    *out = docs;
    return err;
}

const struct mer_slice *mer_documents_get(const struct mer_documents *d, struct mer_slice id)
{
    return d ? mer_map_get(&d->by_id, plain_id(id)) : NULL;
}

// ---- registered documents ----

struct entry {
    struct entry *chain, *newer, *older;
    uint64_t hash;
    struct mer_slice key, text; // key: hexadecimal digits, then the tenant; both behind this struct
};

#define BUCKETS 4096u

struct mer_registry {
    size_t max, bytes;
    struct entry *newest, *oldest;
    struct entry *buckets[BUCKETS];
};

struct mer_registry *mer_registry_create(size_t max_bytes)
{
    struct mer_registry *r = calloc(1, sizeof(*r));
    MER_ASSERT(r);
    r->max = max_bytes;
    return r;
}

static size_t size_of(const struct entry *e)
{
    return sizeof(*e) + e->key.n + e->text.n;
}

static void unlink_entry(struct mer_registry *r, struct entry *e)
{
    *(e->newer ? &e->newer->older : &r->newest) = e->older;
    *(e->older ? &e->older->newer : &r->oldest) = e->newer;
}

static void push_newest(struct mer_registry *r, struct entry *e)
{
    e->newer = NULL;
    e->older = r->newest;
    *(r->newest ? &r->newest->newer : &r->oldest) = e;
    r->newest = e;
}

static void drop(struct mer_registry *r, struct entry *e)
{
    struct entry **at = &r->buckets[e->hash % BUCKETS];
    while (*at != e) {
        at = &(*at)->chain;
    }
    *at = e->chain;
    unlink_entry(r, e);
    r->bytes -= size_of(e);
    free(e);
}

void mer_registry_destroy(struct mer_registry *r)
{
    while (r && r->oldest) {
        drop(r, r->oldest);
    }
    free(r);
}

static struct entry *find(struct mer_registry *r, struct mer_slice tenant, struct mer_slice hash, uint64_t *h)
{
    *h = mer_hash_mix(mer_hash(hash), mer_hash(tenant));
    for (struct entry *e = r->buckets[*h % BUCKETS]; e; e = e->chain) {
        if (e->hash == *h && e->key.n == hash.n + tenant.n && memcmp(e->key.p, hash.p, hash.n) == 0 &&
            (tenant.n == 0 || memcmp(e->key.p + hash.n, tenant.p, tenant.n) == 0)) {
            return e;
        }
    }
    return NULL;
}

bool mer_registry_get(struct mer_registry *r, struct mer_arena *a, struct mer_slice tenant,
                      struct mer_slice hash, struct mer_slice *text)
{
    uint64_t h = 0;
    struct entry *e = find(r, tenant, hash, &h);
    if (!e) {
        return false;
    }
    unlink_entry(r, e);
    push_newest(r, e);
    *text = mer_arena_copy(a, e->text);
    return true;
}

void mer_registry_put(struct mer_registry *r, struct mer_slice tenant, struct mer_slice hash,
                      struct mer_slice text)
{
    uint64_t h = 0;
    size_t n = sizeof(struct entry) + hash.n + tenant.n + text.n;
    if (n > r->max / 8 || find(r, tenant, hash, &h)) {
        return;
    }
    while (r->oldest && r->bytes + n > r->max) {
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc)
        drop(r, r->oldest);
    }
    struct entry *e = calloc(1, n);
    MER_ASSERT(e);
    char *p = (char *)(e + 1);
    memcpy(p, hash.p, hash.n);
    memcpy(p + hash.n, tenant.p ? tenant.p : "", tenant.n);
    e->key = mer_slice_make(p, hash.n + tenant.n);
    memcpy(p + e->key.n, text.p, text.n);
    e->text = mer_slice_make(p + e->key.n, text.n);
    e->hash = h;
    e->chain = r->buckets[h % BUCKETS];
    r->buckets[h % BUCKETS] = e;
    push_newest(r, e);
    r->bytes += n;
}

size_t mer_registry_bytes(const struct mer_registry *r)
{
    return r->bytes;
}
