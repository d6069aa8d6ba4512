// SPDX-License-Identifier: MIT
// Walks the tree beside the table of keys.
#include "gateway/config_value.h"

static bool read_keys(struct mer_config_reader *r, const struct mer_config_key *keys,
                      const struct mer_config_node *map, void *base);

// ---- did you mean

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

// Edits between two short words; long ones are simply far apart.
static size_t distance(struct mer_slice a, struct mer_slice b)
{
    enum { LONGEST = 40 };
    if (a.n > LONGEST || b.n > LONGEST) {
        return LONGEST;
    }
    size_t row[LONGEST + 1];
    for (size_t j = 0; j <= b.n; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t up = row[j];
            bool same = (a.p[i - 1] | 0x20) == (b.p[j - 1] | 0x20);
            row[j] = min3(up + 1, row[j - 1] + 1, diagonal + !same);
            diagonal = up;
        }
    }
    return row[b.n];
}

static bool fail_unknown(struct mer_config_reader *r, const struct mer_config_key *keys,
                         const struct mer_config_node *n)
{
    struct mer_config_node at = *n;
    at.line = n->key_line;
    at.column = n->key_column;
    struct mer_buf b;
    mer_buf_init(&b, r->a, 256);
    const char *near = NULL;
    size_t least = 3;
    for (const struct mer_config_key *k = keys; k->name; k++) {
        mer_buf_printf(&b, "%s%s", b.n ? ", " : "", k->name);
        size_t d = distance(n->key, mer_slice_of(k->name));
        if (d < least && d < n->key.n) {
            least = d;
            near = k->name;
        }
    }
    const char *shown = mer_config_shown(r, n->key);
    if (near) {
        return mer_config_fail(r, &at, "unknown key `%s`; did you mean `%s`?", shown, near);
    }
    return mer_config_fail(r, &at, "unknown key `%s`; allowed here: %.*s", shown, MER_FMT(mer_buf_slice(&b)));
}

// ---- sections

static bool read_entries(struct mer_config_reader *r, const struct mer_config_key *key,
                         const struct mer_config_node *n, char *base)
{
    bool named = key->kind == MER_CONFIG_NAMED;
    if (n->type != (named ? MER_CONFIG_NODE_MAP : MER_CONFIG_NODE_LIST)) {
        return mer_config_fail(r, n, "`%s` must be a %s of sections", key->name,
                               named ? "map from name" : "list");
    }
    // size is a multiple of the struct's alignment and the arena's blocks are aligned, so each entry is too.
    char *items = mer_arena_zalloc(r->a, (size_t)key->size * (n->count + 1));
    uint32_t i = 0;
    for (const struct mer_config_node *c = n->first; c; c = c->next, i++) {
        char *item = items + (size_t)i * key->size;
        if (c->type != MER_CONFIG_NODE_MAP) {
            return mer_config_fail(r, c, "an entry of `%s` must be a section with keys", key->name);
        }
        if (named) {
            struct mer_config_key name = {.name = "name",
                                          .kind = key->foreign ? MER_CONFIG_TEXT : MER_CONFIG_NAME};
            struct mer_config_node text = {.type = MER_CONFIG_NODE_SCALAR,
                                           .set = c->set,
                                           .line = c->key_line,
                                           .column = c->key_column,
                                           .raw = c->key,
                                           .text = c->key};
            if (!mer_config_read_value(r, &name, &text, item)) {
                return false;
            }
        }
        if (!read_keys(r, key->keys, c, item)) {
            return false;
        }
    }
    memcpy(base + key->at, &items, sizeof(items));
    memcpy(base + key->n_at, &n->count, sizeof(n->count));
    return true;
}

static bool read_section(struct mer_config_reader *r, const struct mer_config_key *key,
                         const struct mer_config_node *n, char *base)
{
    if (n->type != MER_CONFIG_NODE_MAP) {
        return mer_config_fail(r, n, "`%s` must be a section with keys", key->name);
    }
    return read_keys(r, key->keys, n, base + key->at);
}

// A key that is not given: its default, or what its section's keys have as default.
static bool read_absent(struct mer_config_reader *r, const struct mer_config_key *key, char *base)
{
    if (key->kind == MER_CONFIG_SECTION) {
        for (const struct mer_config_key *k = key->keys; k->name; k++) {
            if (!read_absent(r, k, base + key->at)) {
                return false;
            }
        }
        return true;
    }
    if (!key->fallback) {
        return true;
    }
    struct mer_slice text = mer_slice_of(key->fallback);
    struct mer_config_node n = {.type = MER_CONFIG_NODE_SCALAR, .set = "default", .raw = text, .text = text};
    return mer_config_read_value(r, key, &n, base + key->at);
}

static bool read_key(struct mer_config_reader *r, const struct mer_config_key *key,
                     const struct mer_config_node *map, char *base)
{
    const struct mer_config_node *n = mer_config_tree_get(map, key->name);
    if (!n) {
        if (key->required) {
            return mer_config_fail(r, map, "`%s` is missing: %s", key->name, key->text);
        }
        return read_absent(r, key, base);
    }
    switch (key->kind) {
    case MER_CONFIG_SECTION:
        return read_section(r, key, n, base);
    case MER_CONFIG_ENTRIES:
    case MER_CONFIG_NAMED:
        return read_entries(r, key, n, base);
    default:
        return mer_config_read_value(r, key, n, base + key->at);
    }
}

static bool read_keys(struct mer_config_reader *r, const struct mer_config_key *keys,
                      const struct mer_config_node *map, void *base)
{
    for (const struct mer_config_node *c = map->first; c; c = c->next) {
        const struct mer_config_key *k = keys;
        while (k->name && !mer_slice_is(c->key, k->name)) {
            k++;
        }
        if (!k->name) {
            return fail_unknown(r, keys, c);
        }
    }
    for (const struct mer_config_key *k = keys; k->name; k++) {
        if (!read_key(r, k, map, base)) {
            return false;
        }
    }
    return true;
}

bool mer_config_read(struct mer_config_reader *r, const struct mer_config_node *root, struct mer_config *out)
{
    memset(out, 0, sizeof(*out));
    out->path = mer_arena_copy(r->a, mer_slice_of(r->path));
    out->directory = r->directory;
    bool ok = read_keys(r, mer_config_keys, root, out);
    out->rollup.present = mer_config_tree_get(root, "rollup") != NULL;
    return ok;
}

void mer_config_defaults(struct mer_arena *a, struct mer_config *out)
{
    memset(out, 0, sizeof(*out));
    struct mer_diag diag;
    struct mer_config_reader r = {.a = a, .path = "defaults", .directory = MER_S("."), .diag = &diag};
    for (const struct mer_config_key *k = mer_config_keys; k->name; k++) {
        MER_ASSERT(read_absent(&r, k, (char *)out));
    }
    out->path = MER_S("defaults");
    out->directory = r.directory;
}
