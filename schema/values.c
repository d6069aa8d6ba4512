// SPDX-License-Identifier: MIT
// Literals and arguments: what stands in a document, as values of the types that the schema wants.
#include "schema/values_priv.h"

#include "schema/printer.h"
#include "schema/text.h"

#define SHOWN_MAX 2000

enum mer_builtin_scalar mer_builtin_scalar_of(const struct mer_type *t)
{
    if (!t->builtin || t->kind != MER_TYPE_SCALAR)
        return MER_SCALAR_CUSTOM;
    switch (t->name.p[0]) {
    case 'F':
        return MER_SCALAR_FLOAT;
    case 'S':
        return MER_SCALAR_STRING;
    case 'B':
        return MER_SCALAR_BOOLEAN;
    default:
        return t->name.n == 2 ? MER_SCALAR_ID : MER_SCALAR_INT;
    }
}

struct mer_in *mer_in_new(struct mer_arena *a, enum mer_in_kind kind, struct mer_slice text)
{
    struct mer_in *in = MER_NEW(a, struct mer_in);
    in->kind = kind;
    in->text = text;
    return in;
}

const struct mer_enum_value *mer_enum_value_find(const struct mer_type *t, struct mer_slice name)
{
    for (uint32_t i = 0; i < t->values_n; i++)
        if (mer_slice_eq(t->values[i].name, name))
            return &t->values[i];
    return NULL;
}

struct mer_slice mer_type_ref_text(struct mer_arena *a, const struct mer_type_ref *t, uint32_t level)
{
    struct mer_buf b;
    struct mer_type_ref ref = *t;
    ref.depth = (uint16_t)(ref.depth - level);
    ref.non_null >>= level;
    mer_buf_init(&b, a, 32);
    mer_print_type_ref(&b, &ref);
    return mer_buf_slice(&b);
}

// ---- literals ----

struct literal {
    struct mer_arena *a;
    const struct mer_variables *vars;
};

static struct mer_in *variable_value(const struct literal *l, struct mer_slice name)
{
    return l->vars ? mer_map_get(&l->vars->by_name, name) : NULL;
}

static bool missing(const struct literal *l, const struct mer_ast_value *v)
{
    return v->kind == MER_VALUE_VARIABLE && !variable_value(l, v->text);
}

// A literal of a type that nothing is known of, as JSON. A variable that is absent is null.
static void untyped_json(const struct literal *l, struct mer_buf *b, const struct mer_ast_value *v)
{
    const struct mer_in *var;
    switch (v->kind) {
    case MER_VALUE_VARIABLE:
        var = variable_value(l, v->text);
        if (var)
            mer_in_write_json(b, var);
        else
            mer_buf_add(b, MER_S("null"));
        return;
    case MER_VALUE_STRING:
    case MER_VALUE_ENUM:
        mer_json_write_string(b, v->text);
        return;
    case MER_VALUE_LIST:
        mer_buf_add_char(b, '[');
        for (uint32_t i = 0; i < v->n; i++) {
            mer_buf_add_cstr(b, i ? "," : "");
            untyped_json(l, b, v->items[i]);
        }
        mer_buf_add_char(b, ']');
        return;
    case MER_VALUE_OBJECT:
        mer_buf_add_char(b, '{');
        for (uint32_t i = 0; i < v->n; i++) {
            mer_buf_add_cstr(b, i ? "," : "");
            mer_json_write_string(b, v->fields[i]->name);
            mer_buf_add_char(b, ':');
            untyped_json(l, b, v->fields[i]->value);
        }
        mer_buf_add_char(b, '}');
        return;
    default:
        mer_buf_add(b, v->text); // numbers, true, false, null: as they stand
    }
}

static struct mer_in *boolean(struct mer_arena *a, bool value)
{
    struct mer_in *in = mer_in_new(a, MER_IN_BOOLEAN, MER_NIL);
    in->boolean = value;
    return in;
}

static struct mer_in *custom_scalar(const struct literal *l, const struct mer_ast_value *v)
{
    struct mer_buf b;
    switch (v->kind) {
    case MER_VALUE_INT:
        return mer_in_new(l->a, MER_IN_INT, v->text);
    case MER_VALUE_FLOAT:
        return mer_in_new(l->a, MER_IN_FLOAT, v->text);
    case MER_VALUE_STRING:
    case MER_VALUE_ENUM:
        return mer_in_new(l->a, MER_IN_STRING, v->text);
    case MER_VALUE_BOOLEAN:
        return boolean(l->a, v->boolean);
    default:
        mer_buf_init(&b, l->a, 64);
        untyped_json(l, &b, v);
        return mer_in_new(l->a, MER_IN_RAW, mer_buf_slice(&b));
    }
}

static struct mer_in *scalar(const struct literal *l, const struct mer_ast_value *v, const struct mer_type *t)
{
    enum mer_value_kind k = v->kind;
    int64_t n;
    switch (mer_builtin_scalar_of(t)) {
    case MER_SCALAR_INT:
        if (k != MER_VALUE_INT || !mer_slice_to_i64(v->text, &n) || n < INT32_MIN || n > INT32_MAX)
            return NULL;
        return mer_in_new(l->a, MER_IN_INT, v->text);
    case MER_SCALAR_FLOAT:
        return k == MER_VALUE_INT || k == MER_VALUE_FLOAT ? mer_in_new(l->a, MER_IN_FLOAT, v->text) : NULL;
    case MER_SCALAR_STRING:
        return k == MER_VALUE_STRING ? mer_in_new(l->a, MER_IN_STRING, v->text) : NULL;
    case MER_SCALAR_BOOLEAN:
        return k == MER_VALUE_BOOLEAN ? boolean(l->a, v->boolean) : NULL;
    case MER_SCALAR_ID:
        return k == MER_VALUE_STRING || k == MER_VALUE_INT ? mer_in_new(l->a, MER_IN_STRING, v->text) : NULL;
    case MER_SCALAR_CUSTOM:
        return custom_scalar(l, v);
    }
    return NULL;
}

static struct mer_in *literal(const struct literal *l, const struct mer_ast_value *v,
                              const struct mer_type_ref *ref, uint32_t level, uint32_t depth);

static struct mer_in *list(const struct literal *l, const struct mer_ast_value *v,
                           const struct mer_type_ref *ref, uint32_t level, uint32_t depth)
{
    struct mer_in *out = mer_in_new(l->a, MER_IN_LIST, MER_NIL);
    bool many = v->kind == MER_VALUE_LIST;
    out->n = many ? v->n : 1;
    out->items = MER_NEW_N(l->a, struct mer_in *, out->n ? out->n : 1);
    for (uint32_t i = 0; i < out->n; i++) {
        const struct mer_ast_value *item = many ? v->items[i] : v;
        if (missing(l, item) && !mer_ref_non_null(ref, level + 1))
            out->items[i] = mer_in_new(l->a, MER_IN_NULL, MER_NIL);
        else
            out->items[i] = literal(l, item, ref, level + 1, depth + 1);
        if (!out->items[i])
            return NULL;
    }
    return out;
}

static const struct mer_ast_argument *field_of(const struct mer_ast_value *v, struct mer_slice name,
                                               uint32_t guess)
{
    if (guess < v->n && mer_slice_eq(v->fields[guess]->name, name))
        return v->fields[guess];
    for (uint32_t i = 0; i < v->n; i++)
        if (mer_slice_eq(v->fields[i]->name, name))
            return v->fields[i];
    return NULL;
}

static struct mer_in *object(const struct literal *l, const struct mer_ast_value *v, const struct mer_type *t,
                             uint32_t depth)
{
    uint32_t given = 0;
    if (v->kind != MER_VALUE_OBJECT)
        return NULL;
    struct mer_in *out = mer_in_new(l->a, MER_IN_OBJECT, MER_NIL);
    out->type = t;
    out->n = t->inputs_n;
    out->items = MER_NEW_N(l->a, struct mer_in *, out->n ? out->n : 1);
    for (uint32_t i = 0; i < t->inputs_n; i++) {
        const struct mer_ast_argument *f = field_of(v, t->inputs[i].name, i);
        if (!f || missing(l, f->value)) {
            out->items[i] = mer_coerce_default(l->a, &t->inputs[i], depth + 1);
            // A default that is no value of its type, or that contains itself, makes the whole no value.
            if (!out->items[i] && (t->inputs[i].default_value || mer_ref_non_null(&t->inputs[i].type, 0)))
                return NULL;
        } else {
            out->items[i] = literal(l, f->value, &t->inputs[i].type, 0, depth + 1);
            if (!out->items[i])
                return NULL;
        }
        given += out->items[i] != NULL;
        if (t->one_of && out->items[i] && out->items[i]->kind == MER_IN_NULL)
            return NULL;
    }
    return t->one_of && given != 1 ? NULL : out;
}

static struct mer_in *literal(const struct literal *l, const struct mer_ast_value *v,
                              const struct mer_type_ref *ref, uint32_t level, uint32_t depth)
{
    bool non_null = mer_ref_non_null(ref, level);
    if (depth > MER_COERCE_DEPTH_MAX || mer_arena_exhausted(l->a))
        return NULL;
    if (v->kind == MER_VALUE_VARIABLE) {
        struct mer_in *in = variable_value(l, v->text);
        return in && in->kind == MER_IN_NULL && non_null ? NULL : in;
    }
    if (v->kind == MER_VALUE_NULL)
        return non_null ? NULL : mer_in_new(l->a, MER_IN_NULL, MER_NIL);
    if (level < ref->depth)
        return list(l, v, ref, level, depth);
    const struct mer_type *t = ref->type;
    if (t->kind == MER_TYPE_INPUT)
        return object(l, v, t, depth);
    if (t->kind == MER_TYPE_ENUM) {
        if (v->kind != MER_VALUE_ENUM || !mer_enum_value_find(t, v->text))
            return NULL;
        struct mer_in *in = mer_in_new(l->a, MER_IN_ENUM, v->text);
        in->type = t;
        return in;
    }
    return t->kind == MER_TYPE_SCALAR ? scalar(l, v, t) : NULL;
}

struct mer_in *mer_coerce_literal(struct mer_arena *a, const struct mer_ast_value *v,
                                  const struct mer_type_ref *type, const struct mer_variables *vars)
{
    struct literal l = {a, vars};
    return literal(&l, v, type, 0, 0);
}

struct mer_in *mer_coerce_default(struct mer_arena *a, const struct mer_input *in, uint32_t depth)
{
    struct literal l = {a, NULL};
    return in->default_value ? literal(&l, in->default_value, &in->type, 0, depth) : NULL;
}

// ---- arguments ----

static enum mer_err bad_argument(struct mer_in_error *error, struct mer_loc loc, struct mer_slice message)
{
    if (error)
        *error = (struct mer_in_error){message, loc, 0};
    return MER_ERR_INVALID;
}

static enum mer_err absent_argument(struct mer_arena *a, const struct mer_input *def,
                                    const struct mer_ast_value *var, struct mer_in **out,
                                    struct mer_in_error *error)
{
    *out = mer_coerce_default(a, def, 0);
    if (*out || !mer_ref_non_null(&def->type, 0))
        return MER_OK;
    struct mer_slice type = mer_type_ref_text(a, &def->type, 0);
    if (!var)
        return bad_argument(error, (struct mer_loc){0, 0},
                            mer_arena_printf(a,
                                             "Argument \"%.*s\" of required type \"%.*s\" was not provided.",
                                             MER_FMT(def->name), MER_FMT(type)));
    return bad_argument(
        error, var->loc,
        mer_arena_printf(a,
                         "Argument \"%.*s\" of required type \"%.*s\" was provided the variable "
                         "\"$%.*s\" which was not provided a runtime value.",
                         MER_FMT(def->name), MER_FMT(type), MER_FMT(var->text)));
}

static enum mer_err one_argument(const struct literal *l, const struct mer_input *def,
                                 const struct mer_ast_value *v, struct mer_in **out,
                                 struct mer_in_error *error)
{
    if (!v)
        return absent_argument(l->a, def, NULL, out, error);
    if (missing(l, v))
        return absent_argument(l->a, def, v, out, error);
    const struct mer_in *var = v->kind == MER_VALUE_VARIABLE ? variable_value(l, v->text) : NULL;
    bool null = v->kind == MER_VALUE_NULL || (var && var->kind == MER_IN_NULL);
    if (null && mer_ref_non_null(&def->type, 0)) {
        struct mer_slice type = mer_type_ref_text(l->a, &def->type, 0);
        return bad_argument(error, v->loc,
                            mer_arena_printf(l->a,
                                             "Argument \"%.*s\" of non-null type \"%.*s\" must not be null.",
                                             MER_FMT(def->name), MER_FMT(type)));
    }
    *out = literal(l, v, &def->type, 0, 0);
    if (*out)
        return MER_OK;
    struct mer_buf shown;
    mer_buf_init(&shown, l->a, 32);
    mer_print_value(&shown, v);
    struct mer_slice text = mer_utf8_cut(mer_buf_slice(&shown), SHOWN_MAX);
    return bad_argument(error, v->loc,
                        mer_arena_printf(l->a, "Argument \"%.*s\" has invalid value %.*s.",
                                         MER_FMT(def->name), MER_FMT(text)));
}

enum mer_err mer_coerce_arguments(struct mer_arena *a, const struct mer_schema *s,
                                  const struct mer_input *defs, uint32_t defs_n,
                                  struct mer_ast_argument *const *given, uint32_t given_n,
                                  const struct mer_variables *vars, struct mer_in ***out,
                                  struct mer_in_error *error)
{
    struct literal l = {a, vars};
    (void)s;
    *out = MER_NEW_N(a, struct mer_in *, defs_n ? defs_n : 1);
    for (uint32_t i = 0; i < defs_n; i++) {
        const struct mer_ast_value *v = NULL;
        for (uint32_t j = 0; !v && j < given_n; j++)
            if (mer_slice_eq(given[j]->name, defs[i].name))
                v = given[j]->value;
        enum mer_err err = one_argument(&l, &defs[i], v, &(*out)[i], error);
        if (err != MER_OK)
            return err;
    }
    return mer_arena_exhausted(a) ? MER_ERR_LIMIT : MER_OK;
}

// ---- @skip and @include ----

static bool condition(const struct mer_ast_directives *ds, struct mer_slice name,
                      const struct mer_variables *vars, bool otherwise)
{
    const struct mer_ast_directive *d = mer_ast_directive_find(ds, name);
    const struct mer_ast_value *v = d ? mer_ast_argument_find(d, MER_S("if")) : NULL;
    if (!v)
        return otherwise;
    if (v->kind == MER_VALUE_BOOLEAN)
        return v->boolean;
    const struct mer_in *in =
        v->kind == MER_VALUE_VARIABLE && vars ? mer_map_get(&vars->by_name, v->text) : NULL;
    return in && in->kind == MER_IN_BOOLEAN ? in->boolean : otherwise;
}

bool mer_selection_kept(const struct mer_ast_directives *ds, const struct mer_variables *vars)
{
    if (!ds->n)
        return true;
    return !condition(ds, MER_S("skip"), vars, false) && condition(ds, MER_S("include"), vars, true);
}
