// SPDX-License-Identifier: MIT
#include "resolvers/value.h"

static bool is_age(const struct mer_fetch_field *f)
{
    return mer_ast_directive_find(&f->field->type.type->directives, MER_S("hole"));
}

// Leaves of types that the specification defines; a scalar of the schema's own may be anything.
static bool leaf_fits(const struct mer_type *t, const struct mer_json_node *n)
{
    if (t->kind == MER_TYPE_ENUM) {
        return n->type == MER_JSON_STRING;
    }
    if (!t->builtin) {
        return true;
    }
    if (mer_slice_is(t->name, "Boolean")) {
        return n->type == MER_JSON_TRUE || n->type == MER_JSON_FALSE;
    }
    if (mer_slice_is(t->name, "Float")) {
        return n->type == MER_JSON_NUMBER;
    }
    if (mer_slice_is(t->name, "Int")) {
        return n->type == MER_JSON_NUMBER && n->is_integer && n->len <= 11;
    }
    return n->type == MER_JSON_STRING;
}

static void read_at(const struct mer_val_reader *r, const struct mer_json_node *node,
                    const struct mer_fetch_field *f, uint32_t level, struct mer_val *out);

static void read_list(const struct mer_val_reader *r, const struct mer_json_node *node,
                      const struct mer_fetch_field *f, uint32_t level, struct mer_val *out)
{
    out->kind = MER_VAL_LIST;
    out->n = node->count;
    out->items = MER_NEW_N(r->a, struct mer_val, node->count);
    const struct mer_json_node *item = mer_json_first(r->json, node);
    for (uint32_t i = 0; i < node->count; i++) {
        read_at(r, item, f, level + 1, &out->items[i]);
        item = mer_json_next(r->json, item);
    }
}

// level: how many of the field's lists stand around the value.
static void read_at(const struct mer_val_reader *r, const struct mer_json_node *node,
                    const struct mer_fetch_field *f, uint32_t level, struct mer_val *out)
{
    const struct mer_type *type = f->field->type.type;
    bool leaf = !mer_type_is_composite(type), list = level < f->field->type.depth;
    if (node->type == MER_JSON_NULL) {
        *out = (struct mer_val){.kind = MER_VAL_NULL};
    } else if (leaf && !r->wrong) {
        *out = (struct mer_val){.kind = MER_VAL_RAW, .raw = mer_json_raw(r->json, node)};
    } else if (list && node->type == MER_JSON_ARRAY) {
        read_list(r, node, f, level, out);
    } else if (!list && leaf && leaf_fits(type, node)) {
        *out = (struct mer_val){.kind = MER_VAL_RAW, .raw = mer_json_raw(r->json, node)};
    } else if (!list && !leaf && node->type == MER_JSON_OBJECT) {
        *out = (struct mer_val){.kind = MER_VAL_OBJECT,
                                .object = mer_val_read_object(r, node, f->children, f->children_n)};
    } else {
        *out = (struct mer_val){.kind = MER_VAL_NULL, .error = r->wrong};
    }
}

void mer_val_read(const struct mer_val_reader *r, const struct mer_json_node *node,
                  const struct mer_fetch_field *f, struct mer_val *out)
{
    if (is_age(f)) {
        *out = (struct mer_val){.kind = MER_VAL_AGE, .n = r->entry(r->owner, r->json, node)};
        return;
    }
    read_at(r, node, f, 0, out);
}

// The slots that a key fills: the one expected next, else a search. Two fields of different object types may
// share a response key; both get the value, and the shape of the object's type picks its own.
static void store(const struct mer_val_reader *r, struct mer_slice key, const struct mer_json_node *value,
                  struct mer_fetch_field *const *fields, uint32_t fields_n, uint32_t *expected,
                  struct mer_obj *o)
{
    uint32_t first = *expected;
    for (uint32_t k = 0; k < fields_n; k++) {
        uint32_t i = first + k < fields_n ? first + k : first + k - fields_n;
        if (!mer_slice_eq(fields[i]->key, key)) {
            continue;
        }
        mer_val_read(r, value, fields[i], &o->slots[i]);
        if (*expected == first) {
            *expected = i + 1 < fields_n ? i + 1 : 0;
        }
        if (!fields[i]->on) {
            return;
        }
    }
}

struct mer_obj *mer_val_read_object(const struct mer_val_reader *r, const struct mer_json_node *node,
                                    struct mer_fetch_field *const *fields, uint32_t fields_n)
{
    struct mer_obj *o = MER_NEW(r->a, struct mer_obj);
    o->slots = MER_NEW_N(r->a, struct mer_val, fields_n);
    if (!node || node->type != MER_JSON_OBJECT) {
        return o;
    }
    uint32_t expected = 0;
    const struct mer_json_node *key = mer_json_first(r->json, node);
    for (uint32_t i = 0; i < node->count; i++) {
        const struct mer_json_node *value = mer_json_next(r->json, key);
        struct mer_slice raw = mer_json_raw(r->json, key);
        store(r, mer_slice_make(raw.p + 1, raw.n - 2), value, fields, fields_n, &expected, o);
        key = mer_json_next(r->json, value);
    }
    if (fields_n && mer_slice_is(fields[0]->field->name, "__typename") && o->slots[0].kind == MER_VAL_RAW) {
        struct mer_slice t = o->slots[0].raw;
        o->type = t.n >= 2 ? mer_schema_type(r->api, mer_slice_make(t.p + 1, t.n - 2)) : NULL;
    }
    return o;
}

struct walk {
    const struct mer_path_step *path;
    uint32_t path_n;
    void (*visit)(void *owner, struct mer_obj *o);
    void *owner;
};

static void walk_value(const struct walk *w, uint32_t step, struct mer_val *v);

static void walk_object(const struct walk *w, uint32_t step, struct mer_obj *o)
{
    if (step == w->path_n) {
        w->visit(w->owner, o);
        return;
    }
    const struct mer_path_step *s = &w->path[step];
    if (!s->on || o->type == s->on) {
        walk_value(w, step + 1, &o->slots[s->slot]);
    }
}

static void walk_value(const struct walk *w, uint32_t step, struct mer_val *v)
{
    if (v->kind == MER_VAL_OBJECT) {
        walk_object(w, step, v->object);
    } else if (v->kind == MER_VAL_LIST) {
        for (uint32_t i = 0; i < v->n; i++) {
            walk_value(w, step, &v->items[i]);
        }
    }
}

void mer_val_walk(struct mer_obj *root, const struct mer_path_step *path, uint32_t path_n,
                  void (*visit)(void *owner, struct mer_obj *o), void *owner)
{
    struct walk w = {path, path_n, visit, owner};
    walk_object(&w, 0, root);
}
