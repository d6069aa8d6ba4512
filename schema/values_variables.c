// SPDX-License-Identifier: MIT
// The variables of a request: JSON as values of the types that the operation declares.
#include "schema/printer.h"
#include "schema/suggest.h"
#include "schema/values_priv.h"

#include <stdlib.h>

#define MAX_ERRORS_DEFAULT 50

struct step { // of the path to a value
    const struct step *up;
    struct mer_slice name; // p NULL: an index
    uint32_t index;
};

struct coercer {
    struct mer_arena *a;
    const struct mer_schema *s;
    const struct mer_json *json;
    struct mer_coerce_options options;
    const struct mer_ast_variable *var;
    struct mer_in_error *errors;
    uint32_t n, cap;
    bool stop, too_long;
};

// ---- errors ----

static void add_error(struct coercer *c, struct mer_slice message, struct mer_loc loc)
{
    if (c->stop)
        return;
    if (c->n == c->options.max_errors) {
        message = MER_S("Too many errors processing variables, error limit reached. Execution aborted.");
        loc = (struct mer_loc){0, 0};
        c->stop = true;
    }
    if (c->n == c->cap) {
        uint32_t cap = c->cap ? c->cap * 2 : 4;
        struct mer_in_error *grown = mer_arena_alloc(c->a, cap * sizeof(*grown));
        if (c->n)
            memcpy(grown, c->errors, c->n * sizeof(*grown));
        c->errors = grown;
        c->cap = cap;
    }
    c->errors[c->n++] = (struct mer_in_error){message, loc, 0};
}

static void write_path(struct mer_buf *b, const struct step *at)
{
    if (!at)
        return;
    write_path(b, at->up);
    if (at->name.p)
        mer_buf_printf(b, ".%.*s", MER_FMT(at->name));
    else
        mer_buf_printf(b, "[%u]", at->index);
}

static void refuse(struct coercer *c, const struct mer_json_node *value, const struct step *at,
                   struct mer_slice why)
{
    struct mer_buf b;
    if (c->stop)
        return;
    mer_buf_init(&b, c->a, 128);
    mer_buf_printf(&b, "Variable \"$%.*s\" got invalid value ", MER_FMT(c->var->name));
    mer_inspect_json(&b, c->json, value, 0);
    if (at) {
        mer_buf_printf(&b, " at \"%.*s", MER_FMT(c->var->name));
        write_path(&b, at);
        mer_buf_add_char(&b, '"');
    }
    mer_buf_add(&b, MER_S("; "));
    mer_buf_add(&b, why);
    add_error(c, mer_buf_slice(&b), c->var->loc);
}

// The end of it: too much was given to go on.
static void refuse_long(struct coercer *c, uint32_t items, const struct step *at)
{
    struct mer_buf b;
    mer_buf_init(&b, c->a, 128);
    mer_buf_printf(&b, "Variable \"$%.*s\" exceeds limit listArgument at \"%.*s", MER_FMT(c->var->name),
                   MER_FMT(c->var->name));
    write_path(&b, at);
    mer_buf_printf(&b, "\": %u, allowed are %u.", items, c->options.list_items);
    add_error(c, mer_buf_slice(&b), c->var->loc);
    c->errors[c->n - 1].items = items;
    c->too_long = c->stop = true;
}

static void refuse_memory(struct coercer *c)
{
    add_error(c, MER_S("The variables take too much memory."), c->var->loc);
    c->too_long = c->stop = true;
}

static struct mer_slice shown(struct coercer *c, const struct mer_json_node *n)
{
    struct mer_buf b;
    mer_buf_init(&b, c->a, 64);
    mer_inspect_json(&b, c->json, n, 0);
    return mer_buf_slice(&b);
}

static struct mer_slice suggestion(struct coercer *c, const char *what, struct mer_names *names,
                                   struct mer_slice input)
{
    if (!c->options.suggestions)
        return MER_NIL;
    mer_names_near(names, input);
    return mer_did_you_mean(c->a, what, names);
}

// ---- numbers ----

// An integer however it is written (1, 1.0, 1e2): its digits, or p NULL. Beyond 2^53 only plain digits count.
static struct mer_slice integer_digits(struct coercer *c, const struct mer_json_node *n)
{
    struct mer_slice raw = mer_json_raw(c->json, n);
    if (n->type != MER_JSON_NUMBER)
        return MER_NIL;
    if (n->is_integer)
        return mer_slice_is(raw, "-0") ? MER_S("0") : raw;
    double d = strtod(mer_arena_cstr(c->a, raw), NULL);
    if (!(d >= -9007199254740992.0 && d <= 9007199254740992.0) || d != (double)(int64_t)d)
        return MER_NIL;
    return mer_arena_printf(c->a, "%lld", (long long)d);
}

// ---- leaves ----

static struct mer_in *boolean(struct coercer *c, const struct mer_json_node *n)
{
    struct mer_in *in = mer_in_new(c->a, MER_IN_BOOLEAN, MER_NIL);
    in->boolean = n->type == MER_JSON_TRUE;
    return in;
}

static bool is_boolean(const struct mer_json_node *n)
{
    return n->type == MER_JSON_TRUE || n->type == MER_JSON_FALSE;
}

static struct mer_in *custom(struct coercer *c, const struct mer_json_node *n)
{
    if (n->type == MER_JSON_STRING)
        return mer_in_new(c->a, MER_IN_STRING, mer_json_string(c->a, c->json, n));
    if (n->type == MER_JSON_NUMBER)
        return mer_in_new(c->a, n->is_integer ? MER_IN_INT : MER_IN_FLOAT, mer_json_raw(c->json, n));
    return is_boolean(n) ? boolean(c, n) : mer_in_new(c->a, MER_IN_RAW, mer_json_raw(c->json, n));
}

static struct mer_in *integer(struct coercer *c, const struct mer_json_node *n, const struct step *at)
{
    struct mer_slice digits = integer_digits(c, n), raw = shown(c, n);
    int64_t v;
    if (!digits.p)
        refuse(c, n, at,
               mer_arena_printf(c->a, "Int cannot represent non-integer value: %.*s", MER_FMT(raw)));
    else if (!mer_slice_to_i64(digits, &v) || v < INT32_MIN || v > INT32_MAX)
        refuse(c, n, at,
               mer_arena_printf(c->a, "Int cannot represent non 32-bit signed integer value: %.*s",
                                MER_FMT(raw)));
    else
        return mer_in_new(c->a, MER_IN_INT, digits);
    return NULL;
}

static struct mer_in *wrong(struct coercer *c, const struct mer_json_node *n, const struct step *at,
                            const char *what)
{
    struct mer_slice raw = shown(c, n);
    refuse(c, n, at, mer_arena_printf(c->a, "%s%.*s", what, MER_FMT(raw)));
    return NULL;
}

static struct mer_in *scalar(struct coercer *c, const struct mer_json_node *n, const struct mer_type *t,
                             const struct step *at)
{
    struct mer_slice digits;
    switch (mer_builtin_scalar_of(t)) {
    case MER_SCALAR_INT:
        return integer(c, n, at);
    case MER_SCALAR_FLOAT:
        if (n->type == MER_JSON_NUMBER)
            return mer_in_new(c->a, MER_IN_FLOAT, mer_json_raw(c->json, n));
        return wrong(c, n, at, "Float cannot represent non numeric value: ");
    case MER_SCALAR_STRING:
        if (n->type == MER_JSON_STRING)
            return custom(c, n);
        return wrong(c, n, at, "String cannot represent a non string value: ");
    case MER_SCALAR_BOOLEAN:
        return is_boolean(n) ? boolean(c, n)
                             : wrong(c, n, at, "Boolean cannot represent a non boolean value: ");
    case MER_SCALAR_ID:
        digits = integer_digits(c, n);
        if (digits.p)
            return mer_in_new(c->a, MER_IN_STRING, digits);
        return n->type == MER_JSON_STRING ? custom(c, n) : wrong(c, n, at, "ID cannot represent value: ");
    case MER_SCALAR_CUSTOM:
        return custom(c, n);
    }
    return NULL;
}

static struct mer_in *enumeration(struct coercer *c, const struct mer_json_node *n, const struct mer_type *t,
                                  const struct step *at)
{
    bool string = n->type == MER_JSON_STRING;
    struct mer_slice text = string ? mer_json_string(c->a, c->json, n) : shown(c, n);
    const struct mer_enum_value *v = string ? mer_enum_value_find(t, text) : NULL;
    if (v) {
        struct mer_in *in = mer_in_new(c->a, MER_IN_ENUM, v->name);
        in->type = t;
        return in;
    }
    struct mer_names names = {.a = c->a};
    for (uint32_t i = 0; c->options.suggestions && i < t->values_n; i++)
        mer_names_add(&names, t->values[i].name);
    struct mer_slice hint = suggestion(c, "the enum value", &names, text);
    if (!string) {
        refuse(c, n, at,
               mer_arena_printf(c->a, "Enum \"%.*s\" cannot represent non-string value: %.*s.%.*s",
                                MER_FMT(t->name), MER_FMT(text), MER_FMT(hint)));
        return NULL;
    }
    if (text.n > 1000)
        text.n = 1000;
    refuse(c, n, at,
           mer_arena_printf(c->a, "Value \"%.*s\" does not exist in \"%.*s\" enum.%.*s", MER_FMT(text),
                            MER_FMT(t->name), MER_FMT(hint)));
    return NULL;
}

// ---- objects and lists ----

static struct mer_in *value(struct coercer *c, const struct mer_json_node *n, const struct mer_type_ref *ref,
                            uint32_t level, const struct step *at);

static void unknown_field(struct coercer *c, const struct mer_json_node *object, const struct mer_type *t,
                          struct mer_slice key, const struct step *at)
{
    struct mer_names names = {.a = c->a};
    for (uint32_t i = 0; c->options.suggestions && i < t->inputs_n; i++)
        mer_names_add(&names, t->inputs[i].name);
    struct mer_slice hint = suggestion(c, NULL, &names, key);
    if (key.n > 1000)
        key.n = 1000;
    refuse(c, object, at,
           mer_arena_printf(c->a, "Field \"%.*s\" is not defined by type \"%.*s\".%.*s", MER_FMT(key),
                            MER_FMT(t->name), MER_FMT(hint)));
}

static void known_fields(struct coercer *c, const struct mer_json_node *object, const struct mer_type *t,
                         const struct step *at)
{
    const struct mer_json_node *key = mer_json_first(c->json, object);
    for (uint32_t i = 0; i < object->count && !c->stop; i++) {
        bool known = false;
        struct mer_slice name = mer_json_string(c->a, c->json, key);
        for (uint32_t j = 0; !known && j < t->inputs_n; j++)
            known = mer_slice_eq(t->inputs[j].name, name);
        if (!known)
            unknown_field(c, object, t, name, at);
        key = mer_json_next(c->json, mer_json_next(c->json, key));
    }
}

static void one_of(struct coercer *c, const struct mer_json_node *object, const struct mer_in *in,
                   const struct step *at)
{
    uint32_t given = 0, which = 0;
    for (uint32_t i = 0; i < in->n; i++)
        if (mer_json_get(c->json, object, in->type->inputs[i].name)) {
            given++;
            which = i;
        }
    struct mer_slice name = given ? in->type->inputs[which].name : MER_NIL;
    const struct mer_json_node *v = given ? mer_json_get(c->json, object, name) : NULL;
    if (given != 1)
        refuse(c, object, at,
               mer_arena_printf(c->a, "Exactly one key must be specified for OneOf type \"%.*s\".",
                                MER_FMT(in->type->name)));
    else if (v->type == MER_JSON_NULL)
        refuse(c, v, &(struct step){at, name, 0},
               mer_arena_printf(c->a, "Field \"%.*s\" must be non-null.", MER_FMT(name)));
}

static struct mer_in *object(struct coercer *c, const struct mer_json_node *n, const struct mer_type *t,
                             const struct step *at)
{
    if (n->type != MER_JSON_OBJECT) {
        refuse(c, n, at, mer_arena_printf(c->a, "Expected type \"%.*s\" to be an object.", MER_FMT(t->name)));
        return NULL;
    }
    struct mer_in *out = mer_in_new(c->a, MER_IN_OBJECT, MER_NIL);
    out->type = t;
    out->n = t->inputs_n;
    out->items = MER_NEW_N(c->a, struct mer_in *, out->n ? out->n : 1);
    for (uint32_t i = 0; i < t->inputs_n && !c->stop; i++) {
        const struct mer_input *f = &t->inputs[i];
        const struct mer_json_node *v = mer_json_get(c->json, n, f->name);
        if (v) {
            out->items[i] = value(c, v, &f->type, 0, &(struct step){at, f->name, 0});
            continue;
        }
        out->items[i] = mer_coerce_default(c->a, f, 0);
        if (out->items[i] || !mer_ref_non_null(&f->type, 0))
            continue;
        struct mer_slice type = mer_type_ref_text(c->a, &f->type, 0);
        refuse(c, n, at,
               mer_arena_printf(c->a, "Field \"%.*s\" of required type \"%.*s\" was not provided.",
                                MER_FMT(f->name), MER_FMT(type)));
    }
    known_fields(c, n, t, at);
    if (t->one_of)
        one_of(c, n, out, at);
    return out;
}

static struct mer_in *list(struct coercer *c, const struct mer_json_node *n, const struct mer_type_ref *ref,
                           uint32_t level, const struct step *at)
{
    struct mer_in *out = mer_in_new(c->a, MER_IN_LIST, MER_NIL);
    bool many = n->type == MER_JSON_ARRAY;
    const struct mer_json_node *item = many ? mer_json_first(c->json, n) : n;
    out->n = many ? n->count : 1;
    if (c->options.list_items && out->n > c->options.list_items) {
        refuse_long(c, out->n, at);
        return NULL;
    }
    out->items = MER_NEW_N(c->a, struct mer_in *, out->n ? out->n : 1);
    for (uint32_t i = 0; i < out->n && !c->stop; i++) {
        out->items[i] = value(c, item, ref, level + 1, many ? &(struct step){at, MER_NIL, i} : at);
        if (many)
            item = mer_json_next(c->json, item);
    }
    return out;
}

static struct mer_in *value(struct coercer *c, const struct mer_json_node *n, const struct mer_type_ref *ref,
                            uint32_t level, const struct step *at)
{
    if (!c->stop && mer_arena_exhausted(c->a))
        refuse_memory(c);
    if (c->stop)
        return NULL;
    if (n->type == MER_JSON_NULL) {
        if (!mer_ref_non_null(ref, level))
            return mer_in_new(c->a, MER_IN_NULL, MER_NIL);
        struct mer_slice type = mer_type_ref_text(c->a, ref, level);
        refuse(c, n, at,
               mer_arena_printf(c->a, "Expected non-nullable type \"%.*s\" not to be null.", MER_FMT(type)));
        return NULL;
    }
    if (level < ref->depth)
        return list(c, n, ref, level, at);
    if (ref->type->kind == MER_TYPE_INPUT)
        return object(c, n, ref->type, at);
    return ref->type->kind == MER_TYPE_ENUM ? enumeration(c, n, ref->type, at) : scalar(c, n, ref->type, at);
}

// ---- variables ----

static void variable(struct coercer *c, const struct mer_ast_variable *var,
                     const struct mer_json_node *object, struct mer_variables *out)
{
    struct mer_type_ref ref;
    c->var = var;
    if (!mer_type_ref_of(c->s, var->type, &ref) ||
        !(mer_type_is_leaf(ref.type) || ref.type->kind == MER_TYPE_INPUT)) {
        struct mer_buf type;
        mer_buf_init(&type, c->a, 32);
        mer_print_type(&type, var->type);
        add_error(
            c,
            mer_arena_printf(c->a,
                             "Variable \"$%.*s\" expected value of type \"%.*s\" which cannot be used as an "
                             "input type.",
                             MER_FMT(var->name), MER_FMT(mer_buf_slice(&type))),
            var->type->loc);
        return;
    }
    const struct mer_json_node *given = object ? mer_json_get(c->json, object, var->name) : NULL;
    struct mer_in *in = NULL;
    bool null = given && given->type == MER_JSON_NULL;
    if (!given && var->default_value) {
        in = mer_coerce_literal(c->a, var->default_value, &ref, NULL);
    } else if ((!given || null) && mer_ref_non_null(&ref, 0)) {
        struct mer_slice type = mer_type_ref_text(c->a, &ref, 0);
        add_error(
            c,
            null ? mer_arena_printf(c->a, "Variable \"$%.*s\" of non-null type \"%.*s\" must not be null.",
                                    MER_FMT(var->name), MER_FMT(type))
                 : mer_arena_printf(c->a, "Variable \"$%.*s\" of required type \"%.*s\" was not provided.",
                                    MER_FMT(var->name), MER_FMT(type)),
            var->loc);
    } else if (given) {
        in = value(c, given, &ref, 0, NULL);
    }
    if (in)
        mer_map_put(&out->by_name, var->name, in);
}

enum mer_err mer_coerce_variables_with(struct mer_arena *a, const struct mer_schema *s,
                                       const struct mer_ast_operation *op, const struct mer_json *json,
                                       const struct mer_json_node *object,
                                       const struct mer_coerce_options *options, struct mer_variables *out,
                                       struct mer_in_error **errors, uint32_t *errors_n)
{
    struct coercer c = {.a = a, .s = s, .json = json};
    if (options)
        c.options = *options;
    if (!c.options.max_errors)
        c.options.max_errors = MAX_ERRORS_DEFAULT;
    mer_map_init(&out->by_name, a);
    if (object && object->type != MER_JSON_OBJECT)
        object = NULL;
    for (uint32_t i = 0; i < op->variables_n && !c.stop; i++)
        variable(&c, op->variables[i], object, out);
    *errors = c.errors;
    *errors_n = c.n;
    if (c.too_long)
        return MER_ERR_LIMIT;
    return c.n ? MER_ERR_INVALID : MER_OK;
}

enum mer_err mer_coerce_variables(struct mer_arena *a, const struct mer_schema *s,
                                  const struct mer_ast_operation *op, const struct mer_json *json,
                                  const struct mer_json_node *object, struct mer_variables *out,
                                  struct mer_in_error **errors, uint32_t *errors_n)
{
    return mer_coerce_variables_with(a, s, op, json, object, NULL, out, errors, errors_n);
}
