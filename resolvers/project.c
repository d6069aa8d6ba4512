// SPDX-License-Identifier: MIT
// Writing the answer: one walk over the plan's shape beside the values, straight into the buffer, with the
// rules of specification 6.4.4: what is null where it must not be takes its parent along, and never without
// an error.
#include "base/time.h"
#include "resolvers/exec_priv.h"
#include "schema/introspect.h"

struct writer {
    struct mer_exec *x;
    struct mer_buf *out;
    struct mer_path_seg *path;
    uint32_t path_n, path_cap;
    uint32_t told; // errors
};

// False: the value is null where it must not be; what was written of it has been taken back.
static bool write_object(struct writer *w, const struct mer_shape *shape, const struct mer_obj *o);

// Takes back what was written from here on, also what is remembered of it.
static void take_back(struct writer *w, size_t start)
{
    w->out->n = start;
    while (w->x->holes_n && w->x->holes[w->x->holes_n - 1].to > start) {
        w->x->holes_n--;
    }
}

static void note_hole(struct mer_exec *x, struct mer_exec_hole hole)
{
    if (x->holes_n == x->holes_cap) {
        x->holes_cap = x->holes_cap ? x->holes_cap * 2 : 64;
        struct mer_exec_hole *grown = MER_NEW_N(x->a, struct mer_exec_hole, x->holes_cap);
        if (x->holes_n) {
            memcpy(grown, x->holes, x->holes_n * sizeof(*grown));
        }
        x->holes = grown;
    }
    x->holes[x->holes_n++] = hole;
}

void exec_write_age(struct mer_exec *x, struct mer_buf *out, const struct mer_shape_field *f, uint32_t entry)
{
    size_t from = out->n;
    mer_fresh_write_row(out, &x->fresh.items[entry], entry, f->sub, x->ask.vars, x->now_us);
    if (x->ask.holes || x->kept_key.n) {
        note_hole(x, (struct mer_exec_hole){from, out->n, entry, f->age});
    }
}

static void push(struct writer *w, struct mer_slice key, uint32_t index)
{
    if (w->path_n == w->path_cap) {
        w->path_cap = w->path_cap ? w->path_cap * 2 : 32;
        struct mer_path_seg *grown = MER_NEW_N(w->x->a, struct mer_path_seg, w->path_cap);
        if (w->path_n) {
            memcpy(grown, w->path, w->path_n * sizeof(*grown));
        }
        w->path = grown;
    }
    w->path[w->path_n++] = (struct mer_path_seg){key, index};
}

static void tell(struct writer *w, struct mer_exec_error *e)
{
    // One failed part can be missing in a thousand rows, one wrong answer be wrong in each: the first few say
    // enough.
    if (e->told++ < 20 && w->told++ < 200) {
        exec_tell(w->x, e, w->path, w->path_n);
    }
}

static bool write_null(struct writer *w, const struct mer_shape_field *f, uint32_t level,
                       struct mer_exec_error *why)
{
    if (why) {
        tell(w, why);
    }
    if (!mer_ref_non_null(&f->field->type, level)) {
        mer_buf_add(w->out, MER_S("null"));
        return true;
    }
    if (!why) {
        tell(w, exec_error(w->x, "FETCH_ERROR", "Cannot return null for non-nullable field %.*s.%.*s.",
                           MER_FMT(f->field->parent->name), MER_FMT(f->field->name)));
    }
    return false;
}

static bool write_value(struct writer *w, const struct mer_shape_field *f, const struct mer_val *v,
                        uint32_t level);

static bool write_list(struct writer *w, const struct mer_shape_field *f, const struct mer_val *v,
                       uint32_t level)
{
    size_t start = w->out->n;
    mer_buf_add_char(w->out, '[');
    for (uint32_t i = 0; i < v->n; i++) {
        if (i) {
            mer_buf_add_char(w->out, ',');
        }
        push(w, MER_NIL, i);
        bool ok = write_value(w, f, &v->items[i], level + 1);
        w->path_n--;
        if (!ok) {
            take_back(w, start);
            return false;
        }
    }
    mer_buf_add_char(w->out, ']');
    return true;
}

static bool write_present(struct writer *w, const struct mer_shape_field *f, const struct mer_val *v,
                          uint32_t level)
{
    switch (v->kind) {
    case MER_VAL_RAW:
        mer_buf_add(w->out, v->raw);
        return true;
    case MER_VAL_LIST:
        return write_list(w, f, v, level);
    case MER_VAL_OBJECT:
        return write_object(w, f->sub, v->object);
    case MER_VAL_AGE:
        exec_write_age(w->x, w->out, f, v->n);
        return true;
    case MER_VAL_NULL:
    default:
        return false;
    }
}

static bool write_value(struct writer *w, const struct mer_shape_field *f, const struct mer_val *v,
                        uint32_t level)
{
    if (v->kind == MER_VAL_NULL) {
        return write_null(w, f, level, v->error);
    }
    if (write_present(w, f, v, level)) {
        return true;
    }
    // Something below was null and took its parents along: it ends here if this may be null.
    if (mer_ref_non_null(&f->field->type, level)) {
        return false;
    }
    mer_buf_add(w->out, MER_S("null"));
    return true;
}

// NULL: an object of this type cannot stand here. Every type that can has a variant, an empty one where
// nothing is selected.
static const struct mer_shape_variant *variant(const struct mer_shape *shape, const struct mer_type *t)
{
    if (!t) {
        return shape->declared->kind == MER_TYPE_OBJECT ? shape->variants : NULL;
    }
    for (uint32_t i = 0; i < shape->variants_n; i++) {
        const struct mer_shape_variant *v = &shape->variants[i];
        if (v->types.n ? mer_types_hold(&v->types, t) : mer_type_covers(shape->declared, t)) {
            return v;
        }
    }
    return NULL;
}

static bool write_field(struct writer *w, const struct mer_shape *shape, const struct mer_shape_field *f,
                        const struct mer_obj *o)
{
    mer_buf_add_char(w->out, '"');
    mer_buf_add(w->out, f->key);
    mer_buf_add(w->out, MER_S("\":"));
    if (f->kind == MER_SHAPE_TYPENAME) {
        const struct mer_type *t = mer_obj_type(o);
        mer_json_write_string(w->out, t ? t->name : shape->declared->name);
        return true;
    }
    struct mer_val value = mer_val_at(o, (struct mer_plan_value){f->fetch, f->slot}, shape->home);
    return write_value(w, f, &value, 0);
}

static bool write_object(struct writer *w, const struct mer_shape *shape, const struct mer_obj *o)
{
    const struct mer_shape_variant *v = variant(shape, mer_obj_type(o));
    size_t start = w->out->n;
    if (!v) {
        tell(w,
             exec_error(w->x, "FETCH_ERROR", "a source answered an object of a type that cannot stand here"));
        return false;
    }
    char sep = '{';
    for (uint32_t i = 0; i < v->fields_n; i++) {
        const struct mer_shape_field *f = &v->fields[i];
        if (!mer_kept(&f->kept_if, w->x->ask.vars)) {
            continue;
        }
        mer_buf_add_char(w->out, sep);
        sep = ',';
        push(w, f->key, 0);
        bool ok = write_field(w, shape, f, o);
        w->path_n--;
        if (!ok) {
            take_back(w, start);
            return false;
        }
    }
    mer_buf_add(w->out, sep == '{' ? MER_S("{}") : MER_S("}"));
    return true;
}

// ---- the root ----

static void write_service(struct writer *w, const struct mer_shape *shape)
{
    const struct mer_shape_variant *v = shape->variants;
    char sep = '{';
    for (uint32_t i = 0; i < v->fields_n; i++, sep = ',') {
        mer_buf_printf(w->out, "%c\"%.*s\":", sep, MER_FMT(v->fields[i].key));
        bool typename = v->fields[i].kind == MER_SHAPE_TYPENAME;
        mer_json_write_string(w->out, typename ? shape->declared->name : w->x->ask.plan->graph->sdl);
    }
    mer_buf_add_char(w->out, '}');
}

static bool write_root_field(struct writer *w, const struct mer_shape_field *f)
{
    struct mer_exec *x = w->x;
    if (f->kind != MER_SHAPE_INTROSPECTION && f->kind != MER_SHAPE_SERVICE) {
        return write_field(w, x->ask.plan->shape, f, x->root);
    }
    mer_buf_add_char(w->out, '"');
    mer_buf_add(w->out, f->key);
    mer_buf_add(w->out, MER_S("\":"));
    if (f->kind == MER_SHAPE_INTROSPECTION) {
        if (mer_introspect_field(x->a, x->ask.plan->graph->api, x->ask.plan->document, f->ast, x->ask.vars,
                                 w->out)) {
            tell(w, exec_error(x, "BAD_USER_INPUT", "introspection failed"));
            return false;
        }
        return true;
    }
    write_service(w, f->sub);
    return true;
}

static bool write_root(struct writer *w)
{
    const struct mer_shape_variant *v = w->x->ask.plan->shape->variants;
    char sep = '{';
    for (uint32_t i = 0; i < v->fields_n; i++) {
        const struct mer_shape_field *f = &v->fields[i];
        if (!mer_kept(&f->kept_if, w->x->ask.vars)) {
            continue;
        }
        mer_buf_add_char(w->out, sep);
        sep = ',';
        push(w, f->key, 0);
        bool ok = write_root_field(w, f);
        w->path_n--;
        if (!ok) {
            return false;
        }
    }
    mer_buf_add(w->out, sep == '{' ? MER_S("{}") : MER_S("}"));
    return true;
}

// ---- errors ----

static void write_path(struct mer_buf *b, const struct mer_exec_error *e)
{
    mer_buf_add(b, MER_S(",\"path\":["));
    for (uint32_t i = 0; i < e->path_n; i++) {
        if (i) {
            mer_buf_add_char(b, ',');
        }
        if (e->path[i].key.n) {
            mer_json_write_string(b, e->path[i].key);
        } else {
            mer_buf_add_u64(b, e->path[i].index);
        }
    }
    mer_buf_add_char(b, ']');
}

static void write_member(struct mer_buf *b, const char *name, struct mer_slice value)
{
    if (value.n) {
        mer_buf_printf(b, ",\"%s\":", name);
        mer_json_write_string(b, value);
    }
}

static void write_error(struct mer_buf *b, const struct mer_exec_error *e)
{
    mer_buf_add(b, MER_S("{\"message\":"));
    mer_json_write_string(b, e->message);
    if (e->loc.line) {
        mer_buf_printf(b, ",\"locations\":[{\"line\":%u,\"column\":%u}]", e->loc.line, e->loc.column);
    }
    if (e->path_n) {
        write_path(b, e);
    }
    mer_buf_printf(b, ",\"extensions\":{\"code\":\"%s\"", e->code);
    write_member(b, "source", e->source);
    write_member(b, "tier", mer_slice_of(e->tier));
    write_member(b, "region", e->region);
    write_member(b, "facility", e->facility);
    write_member(b, "environment", e->environment);
    write_member(b, "entryPoint", e->entry_point);
    write_member(b, "sourceCode", e->source_code);
    mer_buf_add(b, MER_S("}}"));
}

void mer_exec_write(struct mer_exec *x, struct mer_buf *out, bool *has_data)
{
    struct writer w = {.x = x, .out = out};
    x->now_us = mer_time_wall_us(); // ages are those of the moment of sending
    mer_buf_add(out, MER_S("\"data\":"));
    size_t start = out->n;
    if (x->recalled) {
        exec_write_recalled(x, out);
        *has_data = true;
        return;
    }
    *has_data = write_root(&w);
    if (*has_data && !x->errors && x->kept_key.n) {
        exec_remember(x, mer_slice_make(out->p + start, out->n - start), start);
    }
    if (!*has_data) {
        take_back(&w, start);
        mer_buf_add(out, MER_S("null"));
    }
    if (!x->errors) {
        return;
    }
    mer_buf_add(out, MER_S(",\"errors\":["));
    for (const struct mer_exec_error *e = x->errors; e; e = e->next) {
        write_error(out, e);
        if (e->next) {
            mer_buf_add_char(out, ',');
        }
    }
    mer_buf_add_char(out, ']');
}
