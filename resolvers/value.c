// SPDX-License-Identifier: MIT
#include "resolvers/value.h"

const struct mer_type mer_type_nowhere = {.kind = MER_TYPE_OBJECT};

struct mer_obj *mer_obj_new(struct mer_arena *a, uint32_t slots_n)
{
    _Static_assert(sizeof(struct mer_obj) % _Alignof(struct mer_val) == 0, "slots follow their object");
    struct mer_obj *o = mer_arena_zalloc(a, sizeof(struct mer_obj) + slots_n * sizeof(struct mer_val));
    o->slots = (struct mer_val *)(void *)(o + 1);
    return o;
}

struct mer_val mer_val_at(const struct mer_obj *o, struct mer_plan_value at, uint32_t home)
{
    if (at.fetch == home) {
        return o->slots[at.slot];
    }
    const struct mer_obj_more *m = mer_obj_row(o, at.fetch);
    if (m && m->object) {
        return m->object->slots[at.slot];
    }
    return (struct mer_val){.kind = MER_VAL_NULL, .error = m ? m->error : NULL};
}

static bool is_age(const struct mer_fetch_field *f)
{
    const struct mer_ast_directives *ds = &f->field->type.type->directives;
    return ds->n && mer_ast_directive_find(ds, MER_S("hole"));
}

// ---- leaves of sources that are not trusted ----

// What a field of type Int may hold is 32 bits wide.
static bool is_int32(const struct mer_json *json, const struct mer_json_node *n)
{
    int64_t v = 0;
    return n->type == MER_JSON_NUMBER && n->is_integer && mer_json_i64(json, n, &v) && v >= INT32_MIN &&
           v <= INT32_MAX;
}

// The built-in scalars, told apart by their names' lengths.
static bool scalar_fits(const struct mer_val_reader *r, const struct mer_type *t,
                        const struct mer_json_node *n)
{
    switch (t->name.n) {
    case sizeof("ID") - 1:
        return n->type == MER_JSON_STRING || (n->type == MER_JSON_NUMBER && n->is_integer);
    case sizeof("Int") - 1:
        return is_int32(r->json, n);
    case sizeof("Float") - 1:
        return n->type == MER_JSON_NUMBER;
    case sizeof("Boolean") - 1:
        return n->type == MER_JSON_TRUE || n->type == MER_JSON_FALSE;
    default:
        return n->type == MER_JSON_STRING;
    }
}

// A scalar of the schema's own may be anything. Whether an enum has this value is asked when it is told.
static bool read_leaf(const struct mer_val_reader *r, const struct mer_json_node *node,
                      const struct mer_type *t, struct mer_val *out)
{
    struct mer_slice raw = mer_json_raw(r->json, node);
    if (t->kind == MER_TYPE_ENUM ? node->type != MER_JSON_STRING : t->builtin && !scalar_fits(r, t, node)) {
        return false;
    }
    if (t->builtin && t->name.n == sizeof("ID") - 1 && node->type == MER_JSON_NUMBER) {
        raw = mer_arena_printf(r->a, "\"%.*s\"", MER_FMT(raw));
    }
    *out = (struct mer_val){.kind = MER_VAL_RAW, .raw = raw};
    return true;
}

// ---- equal objects ----

enum { SHARED_SLOTS = 256 };

// The object read last of those that fall on a slot. What is compared in all is bounded by a multiple of the
// answer, whatever it says.
struct mer_val_shared {
    struct {
        const struct mer_fetch_field *field;
        struct mer_slice text;
        struct mer_obj *object;
    } slots[SHARED_SLOTS];
    size_t may_compare;
};

struct mer_val_shared *mer_val_sharing(struct mer_arena *a, size_t answer_bytes)
{
    struct mer_val_shared *s = MER_NEW(a, struct mer_val_shared);
    s->may_compare = 4 * answer_bytes;
    return s;
}

static uint64_t eight(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

// Of the length and a few bytes, where keys of entities are likely to stand: objects with the same are
// compared.
static uint32_t shared_slot(const struct mer_fetch_field *f, struct mer_slice text)
{
    uint64_t h = (uint64_t)(uintptr_t)f ^ text.n;
    if (text.n < 24) {
        for (size_t i = 0; i < text.n; i++) {
            h = (h ^ (unsigned char)text.p[i]) * UINT64_C(0x100000001b3);
        }
    } else {
        const char *last = text.p + text.n - 8;
        h = (h ^ eight(text.p + 8)) * UINT64_C(0x9e3779b97f4a7c15);
        h = (h ^ h >> 32 ^ eight(text.p + 16)) * UINT64_C(0x9e3779b97f4a7c15);
        h = (h ^ h >> 32 ^ eight(last)) * UINT64_C(0x9e3779b97f4a7c15);
    }
    return (uint32_t)(h >> 40) % SHARED_SLOTS;
}

static struct mer_obj *read_shared(struct mer_val_reader *r, const struct mer_json_node *node,
                                   const struct mer_fetch_field *f)
{
    struct mer_val_shared *s = r->shared;
    struct mer_slice text = mer_json_raw(r->json, node);
    uint32_t at = shared_slot(f, text);
    if (s->slots[at].field == f && s->slots[at].text.n == text.n && s->may_compare >= text.n) {
        s->may_compare -= text.n;
        struct mer_obj *o = s->slots[at].object;
        if (memcmp(s->slots[at].text.p, text.p, text.n) == 0) {
            o->copy = o->copy ? o->copy : MER_NEW(r->a, struct mer_obj_copy);
            return o;
        }
    }
    struct mer_obj *o = mer_val_read_object(r, node, f, f->field->type.type);
    s->slots[at].field = f;
    s->slots[at].text = text;
    s->slots[at].object = o;
    return o;
}

// ---- values ----

static void read_at(struct mer_val_reader *r, const struct mer_json_node *node,
                    const struct mer_fetch_field *f, uint32_t level, struct mer_val *out);

static void read_list(struct mer_val_reader *r, const struct mer_json_node *node,
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
static void read_at(struct mer_val_reader *r, const struct mer_json_node *node,
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
    } else if (!list && !leaf && node->type == MER_JSON_OBJECT) {
        *out = (struct mer_val){.kind = MER_VAL_OBJECT,
                                .object = r->shared ? read_shared(r, node, f)
                                                    : mer_val_read_object(r, node, f, type)};
    } else if (list || !leaf || !read_leaf(r, node, type, out)) {
        *out = (struct mer_val){.kind = MER_VAL_NULL, .error = r->wrong};
        r->wrong_told = true;
    }
}

void mer_val_read(struct mer_val_reader *r, const struct mer_json_node *node, const struct mer_fetch_field *f,
                  struct mer_val *out)
{
    if (r->entry && is_age(f)) {
        *out = (struct mer_val){.kind = MER_VAL_AGE, .n = r->entry(r->owner, r->json, node)};
        return;
    }
    read_at(r, node, f, 0, out);
}

// ---- objects ----

static bool key_is(const struct mer_val_reader *r, const struct mer_json_node *key, struct mer_slice name)
{
    if (key->escaped) {
        return mer_json_string_is(r->json, key, name);
    }
    return key->len == name.n + 2 && memcmp(r->json->text.p + key->offset + 1, name.p, name.n) == 0;
}

// Objects of one type follow each other, so the last answer is nearly always the next.
static void look_up(struct mer_val_reader *r, struct mer_slice name)
{
    if (r->last_name.p && mer_slice_eq(r->last_name, name)) {
        return;
    }
    const struct mer_type *t = mer_schema_type(r->types, name);
    r->last_name = name;
    r->last_own = r->source == r->types ? t : mer_schema_type(r->source, name);
    // What is an interface to the graph is one object to a source that knows it so: its type is not told.
    r->last_type = !t ? &mer_type_nowhere : t->kind == MER_TYPE_OBJECT ? t : NULL;
}

// What the object says to be; its type in the source's schema is returned.
static const struct mer_type *read_type(struct mer_val_reader *r, const struct mer_json_node *node,
                                        struct mer_obj *o)
{
    const struct mer_json_node *key = mer_json_first(r->json, node), *value = NULL;
    if (key && key_is(r, key, MER_S("__typename"))) {
        value = mer_json_next(r->json, key);
    } else {
        value = mer_json_get(r->json, node, MER_S("__typename"));
    }
    if (!value || value->type != MER_JSON_STRING || value->escaped) {
        o->type = &mer_type_nowhere;
        return NULL;
    }
    look_up(r, mer_slice_make(r->json->text.p + value->offset + 1, value->len - 2));
    o->type = r->last_type;
    return r->last_own;
}

static bool may_have(const struct mer_fetch_field *f, const struct mer_type *own)
{
    return f->on.n == 0 || (own && mer_types_hold(&f->on, own));
}

struct finding {
    const struct mer_fetch_field *parent;
    const struct mer_type *own;
    uint32_t expected;
    uint64_t steps; // that an object which says what was not asked, or says it twice, may still cost
};

// The field that a key answers: the one expected next, else a search. Two fields may share a key, but no
// object has both.
static const struct mer_fetch_field *field_of(const struct mer_val_reader *r, const struct mer_json_node *key,
                                              struct finding *at)
{
    uint32_t n = at->parent->children_n, first = at->expected;
    for (uint32_t k = 0; k < n && at->steps > 0; k++, at->steps--) {
        uint32_t i = first + k < n ? first + k : first + k - n;
        const struct mer_fetch_field *f = at->parent->children[i];
        if (key_is(r, key, f->key) && may_have(f, at->own)) {
            at->expected = i + 1 < n ? i + 1 : 0;
            return f;
        }
    }
    return NULL;
}

struct mer_obj *mer_val_read_object(struct mer_val_reader *r, const struct mer_json_node *node,
                                    const struct mer_fetch_field *parent, const struct mer_type *type)
{
    struct mer_obj *o = mer_obj_new(r->a, parent->slots_n);
    if (!node || node->type != MER_JSON_OBJECT) {
        return o;
    }
    struct finding at = {parent, type, 0, (uint64_t)parent->children_n * (parent->children_n + 16)};
    if (parent->children_n && parent->children[0]->field == r->source->typename_field) {
        at.own = read_type(r, node, o);
    }
    const struct mer_json_node *key = mer_json_first(r->json, node);
    for (uint32_t i = 0; i < node->count; i++) {
        const struct mer_json_node *value = mer_json_next(r->json, key);
        const struct mer_fetch_field *f = field_of(r, key, &at);
        if (f) {
            mer_val_read(r, value, f, &o->slots[f->slot]);
        }
        key = mer_json_next(r->json, value);
    }
    return o;
}

// ---- walking ----

struct walk {
    const struct mer_path_step *path;
    uint32_t path_n, number;
    void (*visit)(void *owner, struct mer_obj *o);
    void *owner;
};

static void walk_value(const struct walk *w, uint32_t step, struct mer_val *v);

static void walk_object(const struct walk *w, uint32_t step, struct mer_obj *o)
{
    if (o->walk == w->number && o->walk_step == step) {
        return;
    }
    o->walk = w->number;
    o->walk_step = (uint16_t)step; // JSON is not so deep
    if (step == w->path_n) {
        w->visit(w->owner, o);
        return;
    }
    const struct mer_path_step *s = &w->path[step];
    if (mer_obj_is(o, &s->on)) {
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

void mer_val_walk(struct mer_obj *root, uint32_t number, const struct mer_path_step *path, uint32_t path_n,
                  void (*visit)(void *owner, struct mer_obj *o), void *owner)
{
    struct walk w = {path, path_n, number, visit, owner};
    walk_object(&w, 0, root);
}
