// SPDX-License-Identifier: MIT
// Writing the answer: one walk over the plan's shape beside the values, straight into the buffer, with the
// rules of specification 6.4.4: what is null where it must not be takes its parent along, and never without
// an error.
#include "base/time.h"
#include "resolvers/defer.h"
#include "schema/introspect.h"

struct writer {
    struct mer_exec *x;
    struct mer_buf *out;
    struct exec_path path;
    uint32_t told;  // errors
    uint32_t tells; // so often there was something to tell
    uint32_t era;   // what was written in it stands; 0: nothing is written twice
    bool trial;     // nothing is told, and what is written goes
};

#define ROOT_VISIT UINT32_MAX

// False: the value is null where it must not be; what was written of it has been taken back.
static bool write_object(struct writer *w, const struct mer_shape *shape, const struct mer_obj *o);

// Takes back what was written from here on, also what is remembered of it.
static void take_back(struct writer *w, size_t start)
{
    w->out->n = start;
    w->era = w->era ? ++w->x->era : 0;
    if (w->x->defer) {
        exec_defer_take_back(w->x->defer, start);
    }
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

// One failed part can be missing in a thousand rows, one wrong answer be wrong in each: the first few say
// enough.
#define TOLD_MAX     20u
#define TOLD_MAX_ALL 200u

// below: the shape of what is null here, in which the error's own path may go on.
static void tell(struct writer *w, struct mer_exec_error *e, const struct mer_shape *below)
{
    w->tells++;
    if (w->trial) {
        return;
    }
    if (e->origin) {
        e->origin->spoken = true;
    }
    if (e->told++ < (e->limit ? e->limit : TOLD_MAX) && w->told++ < TOLD_MAX_ALL) {
        uint32_t here = w->path.n;
        exec_path_follow(&w->path, below, e);
        exec_tell(w->x, e, w->path.segs, w->path.n);
        w->path.n = here;
    }
}

static bool write_null(struct writer *w, const struct mer_shape_field *f, uint32_t level,
                       struct mer_exec_error *why)
{
    if (why) {
        tell(w, why, f->sub);
    }
    if (!mer_ref_non_null(&f->field->type, level)) {
        mer_buf_add(w->out, MER_S("null"));
        return true;
    }
    if (!why) {
        tell(w,
             exec_error(w->x, "FETCH_ERROR", "Cannot return null for non-nullable field %.*s.%.*s.",
                        MER_FMT(f->field->parent->name), MER_FMT(f->field->name)),
             NULL);
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
        exec_path_push(&w->path, (struct mer_path_seg){.index = i});
        bool ok = write_value(w, f, &v->items[i], level + 1);
        w->path.n--;
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

// A subgraph may tell an enum's value that clients do not know. Databases of ours and gateways do not.
static bool knows_value(struct writer *w, const struct mer_shape_field *f, struct mer_slice raw)
{
    struct exec_fetch *fetch = &w->x->fetches[f->fetch];
    const struct mer_type *t = f->field->type.type;
    struct mer_slice name = mer_slice_make(raw.p + 1, raw.n - 2);
    if (!fetch->plain) {
        return true;
    }
    for (uint32_t i = 0; i < t->values_n; i++) {
        if (mer_slice_eq(t->values[i].name, name)) {
            return true;
        }
    }
    if (!fetch->wrong_enum) {
        struct mer_slice source = w->x->ask.site->sources[fetch->plan->source].name;
        fetch->wrong_enum =
            exec_error(w->x, "FETCH_ERROR", "subgraph %.*s answered a value that enum %.*s does not have",
                       MER_FMT(source), MER_FMT(t->name));
        fetch->wrong_enum->source = source;
    }
    return false;
}

static bool write_value(struct writer *w, const struct mer_shape_field *f, const struct mer_val *v,
                        uint32_t level)
{
    if (v->kind == MER_VAL_NULL) {
        return write_null(w, f, level, v->error);
    }
    if (v->kind == MER_VAL_RAW && f->field->type.type->kind == MER_TYPE_ENUM && !knows_value(w, f, v->raw)) {
        return write_null(w, f, level, w->x->fetches[f->fetch].wrong_enum);
    }
    if (write_present(w, f, v, level)) {
        return true;
    }
    // Something below was null and took its parents along: it ends here if this may be null.
    if (mer_ref_non_null(&f->field->type, level)) {
        return false;
    }
    if (w->x->defer && !w->trial) {
        exec_defer_null(w->x->defer, v);
    }
    mer_buf_add(w->out, MER_S("null"));
    return true;
}

// NULL: an object of this type cannot stand here. Every type that can has a variant, an empty one where
// nothing is selected.
const struct mer_shape_variant *exec_variant(const struct mer_shape *shape, const struct mer_type *t)
{
    if (!t) { // nobody was asked, for it makes no difference
        bool one = shape->declared->kind == MER_TYPE_OBJECT || shape->variants->types.n == 0;
        return one && shape->variants_n ? shape->variants : NULL;
    }
    for (uint32_t i = 0; i < shape->variants_n; i++) {
        const struct mer_shape_variant *v = &shape->variants[i];
        if (v->types.n ? mer_types_hold(&v->types, t) : mer_type_covers(shape->declared, t)) {
            return v;
        }
    }
    return NULL;
}

static struct mer_exec_error *origin(struct mer_exec_error *e)
{
    return e->origin ? e->origin : e;
}

static bool is_hidden(struct mer_exec *x, const struct mer_type *t)
{
    const struct mer_schema *types = exec_types(x), *api = x->ask.plan->graph->api;
    if (types == api || t == &mer_type_nowhere) {
        return false;
    }
    if (!x->hidden) {
        x->hidden = MER_NEW_N(x->a, uint8_t, types->types_n);
    }
    if (!x->hidden[t->index]) {
        x->hidden[t->index] = mer_schema_type(api, t->name) ? 1 : 2;
    }
    return x->hidden[t->index] == 2;
}

// What failed for the whole object is told once, of the object, at each place where it stands. Of several
// failures of one fetch that met on it, the last counts. True: its fields need no error of their own.
static bool is_told_of_object(struct writer *w, const struct mer_shape *shape, const struct mer_obj *o,
                              struct mer_obj_more *row, uint32_t visit)
{
    if (!row || row->object || !row->whole || !row->error) {
        return false;
    }
    bool told = false;
    struct mer_exec_error *error = row->error;
    for (struct mer_obj_more *m = o->more; m; m = m->next) {
        bool same = m->error && origin(m->error) == origin(row->error);
        told = told || (same && m->told == visit);
        error = same && m->error->rest_n ? m->error : error; // where it is known what of the object failed
        if (m->error && m->fetch == row->fetch && !w->trial) {
            origin(m->error)->spoken = true;
        }
    }
    if (!told && !w->trial) {
        row->told = visit;
        w->path.n--;
        tell(w, error, shape);
        w->path.n++;
    }
    return true;
}

static bool write_field(struct writer *w, const struct mer_shape *shape, const struct mer_shape_field *f,
                        const struct mer_obj *o, uint32_t visit)
{
    mer_buf_add_char(w->out, '"');
    mer_buf_add(w->out, f->key);
    mer_buf_add(w->out, MER_S("\":"));
    if (f->kind == MER_SHAPE_TYPENAME) {
        const struct mer_type *t = mer_obj_type(o);
        mer_json_write_string(w->out, t ? t->name : shape->declared->name);
        return true;
    }
    struct mer_exec_error *refused = exec_refused_field(w->x, f);
    if (refused) {
        return write_null(w, f, 0, refused);
    }
    if (f->fetch == shape->home) {
        return write_value(w, f, &o->slots[f->slot], 0);
    }
    struct mer_obj_more *row = mer_obj_row(o, f->fetch);
    if (row && row->object) {
        return write_value(w, f, &row->object->slots[f->slot], 0);
    }
    if (!is_told_of_object(w, shape, o, row, visit)) {
        return write_null(w, f, 0, row ? row->error : NULL);
    }
    if (mer_ref_non_null(&f->field->type, 0)) {
        return false;
    }
    mer_buf_add(w->out, MER_S("null"));
    return true;
}

// No row knows a type that can stand here.
static void tell_untyped(struct writer *w, const struct mer_shape *shape, const struct mer_obj *o)
{
    const struct mer_obj_more *row = mer_obj_row(o, shape->typed_by);
    if (row && row->error) {
        tell(w, row->error, shape);
    } else {
        tell(w,
             exec_error(w->x, "FETCH_ERROR", "a source answered an object of a type that cannot stand here"),
             NULL);
    }
}

// Deferred parts: is the field written now, or with another part?
static bool is_turn_of(const struct writer *w, const struct mer_shape *shape, const struct mer_shape_field *f)
{
    return !w->x->defer || exec_defer_writes(w->x->defer, shape, f, &w->path);
}

// What of this object is told later.
static void note_turns(struct writer *w, const struct mer_shape *shape, const struct mer_shape_variant *v,
                       const struct mer_obj *o)
{
    if (w->x->defer && !w->trial) {
        exec_defer_meet(w->x->defer, shape, v, o, &w->path, w->out->n);
    }
}

static bool write_fields(struct writer *w, const struct mer_shape *shape, const struct mer_obj *o)
{
    const struct mer_type *t = mer_obj_type(o);
    const struct mer_shape_variant *v = exec_variant(shape, t);
    size_t start = w->out->n;
    if (!v || (t && is_hidden(w->x, t))) {
        tell_untyped(w, shape, o);
        return false;
    }
    struct mer_exec_error *refused = exec_refused_object(w->x, v, t);
    if (refused) {
        tell(w, refused, shape);
        return false;
    }
    note_turns(w, shape, v, o);
    uint32_t visit = ++w->x->visits;
    char sep = '{';
    for (uint32_t i = 0; i < v->fields_n; i++) {
        const struct mer_shape_field *f = &v->fields[i];
        if (!mer_kept(&f->kept_if, w->x->ask.vars) || !is_turn_of(w, shape, f)) {
            continue;
        }
        mer_buf_add_char(w->out, sep);
        sep = ',';
        exec_path_push(&w->path, (struct mer_path_seg){.key = f->key, .on = t});
        bool ok = write_field(w, shape, f, o, visit);
        w->path.n--;
        if (!ok) {
            take_back(w, start);
            return false;
        }
    }
    mer_buf_add(w->out, sep == '{' ? MER_S("{}") : MER_S("}"));
    return true;
}

// An object that stands in several places is the same bytes in each, unless there is something to tell of it.
static bool write_object(struct writer *w, const struct mer_shape *shape, const struct mer_obj *o)
{
    struct mer_obj_copy *copy = w->era ? o->copy : NULL;
    if (copy && copy->shape == shape && copy->era == w->era) {
        size_t n = copy->to - copy->from;
        char *to = mer_buf_reserve(w->out, n);
        memcpy(to, w->out->p + copy->from, n);
        w->out->n += n;
        return true;
    }
    size_t from = w->out->n;
    uint32_t tells = w->tells, holes_n = w->x->holes_n;
    bool ok = write_fields(w, shape, o);
    if (copy && ok && w->tells == tells && w->x->holes_n == holes_n) {
        *copy = (struct mer_obj_copy){shape, w->era, from, w->out->n};
    }
    return ok;
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
        return write_field(w, x->ask.plan->shape, f, x->root, ROOT_VISIT);
    }
    mer_buf_add_char(w->out, '"');
    mer_buf_add(w->out, f->key);
    mer_buf_add(w->out, MER_S("\":"));
    if (f->kind == MER_SHAPE_INTROSPECTION) {
        if (mer_introspect_field(x->a, x->ask.plan->graph->api, x->ask.plan->document, f->ast, x->ask.vars,
                                 w->out)) {
            tell(w, exec_error(x, "BAD_USER_INPUT", "introspection failed"), NULL);
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
    note_turns(w, w->x->ask.plan->shape, v, w->x->root);
    for (uint32_t i = 0; i < v->fields_n; i++) {
        const struct mer_shape_field *f = &v->fields[i];
        if (!mer_kept(&f->kept_if, w->x->ask.vars) || !is_turn_of(w, w->x->ask.plan->shape, f)) {
            continue;
        }
        mer_buf_add_char(w->out, sep);
        sep = ',';
        exec_path_push(&w->path, (struct mer_path_seg){.key = f->key});
        bool ok = write_root_field(w, f);
        w->path.n--;
        if (!ok) {
            return false;
        }
    }
    mer_buf_add(w->out, sep == '{' ? MER_S("{}") : MER_S("}"));
    return true;
}

bool exec_root_stands(struct mer_exec *x, const struct mer_shape_field *f)
{
    struct mer_buf b;
    struct writer w = {.x = x, .out = &b, .path = {.a = x->a}, .trial = true};
    uint32_t holes_n = x->holes_n;
    mer_buf_init(&b, x->a, 256);
    bool stands = write_root_field(&w, f);
    x->holes_n = holes_n;
    return stands;
}

bool exec_write_object(struct mer_exec *x, struct mer_buf *out, const struct mer_shape *shape,
                       const struct mer_obj *o, const struct exec_path *at)
{
    struct writer w = {.x = x, .out = out, .path = {.a = x->a}};
    size_t start = out->n;
    for (uint32_t i = 0; i < at->n; i++) {
        exec_path_push(&w.path, at->segs[i]);
    }
    bool ok = shape == x->ask.plan->shape ? write_root(&w) : write_object(&w, shape, o);
    if (!ok) {
        take_back(&w, start);
    }
    return ok;
}

// ---- errors ----

void exec_write_path(struct mer_buf *b, const struct mer_path_seg *path, uint32_t n)
{
    mer_buf_add_char(b, '[');
    for (uint32_t i = 0; i < n; i++) {
        if (i) {
            mer_buf_add_char(b, ',');
        }
        if (path[i].key.n) {
            mer_json_write_string(b, path[i].key);
        } else {
            mer_buf_add_u64(b, path[i].index);
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

static void write_locations(struct mer_buf *b, struct exec_locator *l, const struct mer_exec_error *e)
{
    const struct mer_ast_selection **fields = NULL;
    uint32_t n = e->loc.line ? 1 : exec_locate(l, e, &fields);
    for (uint32_t i = 0; i < n; i++) {
        struct mer_loc loc = e->loc.line ? e->loc : fields[i]->loc;
        mer_buf_printf(b, "%s{\"line\":%u,\"column\":%u}", i ? "," : ",\"locations\":[", loc.line,
                       loc.column);
    }
    mer_buf_add(b, n ? MER_S("]") : MER_NIL);
}

static void write_error(struct mer_buf *b, struct exec_locator *l, const struct mer_exec_error *e)
{
    mer_buf_add(b, MER_S("{\"message\":"));
    mer_json_write_string(b, e->message);
    write_locations(b, l, e);
    if (e->path_n) {
        mer_buf_add(b, MER_S(",\"path\":"));
        exec_write_path(b, e->path, e->path_n);
    }
    mer_buf_printf(b, ",\"extensions\":{\"code\":\"%s\"", e->code);
    write_member(b, "source", e->source);
    write_member(b, "tier", mer_slice_of(e->tier));
    write_member(b, "region", e->region);
    write_member(b, "facility", e->facility);
    write_member(b, "environment", e->environment);
    write_member(b, "entryPoint", e->entry_point);
    write_member(b, "sourceCode", e->source_code);
    mer_buf_add(b, e->said);
    mer_buf_add(b, MER_S("}}"));
}

void exec_write_errors(struct mer_buf *out, struct exec_locator *locator, const struct mer_exec_error *first)
{
    mer_buf_add_char(out, '[');
    for (const struct mer_exec_error *e = first; e; e = e->next) {
        write_error(out, locator, e);
        mer_buf_add(out, e->next ? MER_S(",") : MER_NIL);
    }
    mer_buf_add_char(out, ']');
}

void mer_exec_write(struct mer_exec *x, struct mer_buf *out, bool *has_data)
{
    struct writer w = {.x = x, .out = out, .path = {.a = x->a}, .era = x->defer ? 0 : ++x->era};
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
    if (x->defer && x->defer->too_many) {
        *has_data = false;
        exec_defer_refuse(x);
    }
    if (!*has_data) {
        take_back(&w, start);
        mer_buf_add(out, MER_S("null"));
    }
    exec_tell_untold(x);
    if (x->errors) {
        mer_buf_add(out, MER_S(",\"errors\":"));
        exec_write_errors(out, exec_locator_make(x), x->errors);
    }
    if (x->defer) {
        exec_defer_announce(x->defer, out);
    }
}
