// SPDX-License-Identifier: MIT
// Values of the right type, and input objects whose fields are named once.
#include "schema/validate_priv.h"

// ---- one leaf ----

static bool int32_fits(struct mer_slice text)
{
    int64_t n;
    return mer_slice_to_i64(text, &n) && n >= INT32_MIN && n <= INT32_MAX;
}

static void refuse(struct mer_validator *v, const struct mer_ast_value *value, const char *before,
                   const char *after)
{
    struct mer_slice shown = mer_v_print_value(v, value);
    mer_v_report(v, &value->loc, 1, "%s%.*s%s", before, MER_FMT(shown), after);
}

// A built-in scalar is known by name and by being built in; others take any value.
static void scalar(struct mer_validator *v, const struct mer_ast_value *value, const struct mer_type *t)
{
    enum mer_value_kind k = value->kind;
    if (!t->builtin)
        return;
    if (mer_slice_is(t->name, "Int")) {
        if (k != MER_VALUE_INT)
            refuse(v, value, "Int cannot represent non-integer value: ", "");
        else if (!int32_fits(value->text))
            refuse(v, value, "Int cannot represent non 32-bit signed integer value: ", "");
    } else if (mer_slice_is(t->name, "Float")) {
        if (k != MER_VALUE_INT && k != MER_VALUE_FLOAT)
            refuse(v, value, "Float cannot represent non numeric value: ", "");
    } else if (mer_slice_is(t->name, "String")) {
        if (k != MER_VALUE_STRING)
            refuse(v, value, "String cannot represent a non string value: ", "");
    } else if (mer_slice_is(t->name, "Boolean")) {
        if (k != MER_VALUE_BOOLEAN)
            refuse(v, value, "Boolean cannot represent a non boolean value: ", "");
    } else if (k != MER_VALUE_STRING && k != MER_VALUE_INT) {
        refuse(v, value, "ID cannot represent a non-string and non-integer value: ", "");
    }
}

static const struct mer_enum_value *enum_value(const struct mer_type *t, struct mer_slice name)
{
    for (uint32_t i = 0; i < t->values_n; i++)
        if (mer_slice_eq(t->values[i].name, name))
            return &t->values[i];
    return NULL;
}

static void enumeration(struct mer_validator *v, const struct mer_ast_value *value, const struct mer_type *t)
{
    if (value->kind == MER_VALUE_ENUM && enum_value(t, value->text))
        return;
    struct mer_names names = {.a = v->a};
    for (uint32_t i = 0; v->suggestions && i < t->values_n; i++)
        mer_names_add(&names, t->values[i].name);
    struct mer_slice shown = mer_v_print_value(v, value);
    struct mer_slice hint = mer_v_suggest(v, "the enum value", &names, shown);
    if (value->kind != MER_VALUE_ENUM)
        mer_v_report(v, &value->loc, 1, "Enum \"%.*s\" cannot represent non-enum value: %.*s.%.*s",
                     MER_FMT(t->name), MER_FMT(shown), MER_FMT(hint));
    else
        mer_v_report(v, &value->loc, 1, "Value \"%.*s\" does not exist in \"%.*s\" enum.%.*s", MER_FMT(shown),
                     MER_FMT(t->name), MER_FMT(hint));
}

static void whole_value(struct mer_validator *v, const struct mer_ast_value *value, struct mer_in_type type)
{
    if (!type.ref || v->values_muted || !mer_v_on(v, MER_RULE_VALUES_OF_CORRECT_TYPE))
        return;
    const struct mer_type *t = type.ref->type;
    if (t->kind == MER_TYPE_SCALAR) {
        scalar(v, value, t);
    } else if (t->kind == MER_TYPE_ENUM) {
        enumeration(v, value, t);
    } else {
        struct mer_slice want = mer_v_print_in_type(v, type), shown = mer_v_print_value(v, value);
        mer_v_report(v, &value->loc, 1, "Expected value of type \"%.*s\", found %.*s.", MER_FMT(want),
                     MER_FMT(shown));
    }
}

// ---- objects ----

static const struct mer_ast_argument *field_given(const struct mer_ast_value *object, struct mer_slice name)
{
    for (uint32_t i = 0; i < object->n; i++)
        if (mer_slice_eq(object->fields[i]->name, name))
            return object->fields[i];
    return NULL;
}

// A map holds pointers that may be written; what is kept here is only read.
static void seen_field(struct mer_map *seen, const struct mer_ast_argument *f)
{
    (void)mer_map_add(seen, f->name, (void *)(uintptr_t)f);
}

static uint32_t distinct_fields(struct mer_validator *v, const struct mer_ast_value *object)
{
    struct mer_map names;
    mer_map_init(&names, v->a);
    for (uint32_t i = 0; i < object->n; i++)
        seen_field(&names, object->fields[i]);
    return names.count;
}

static void one_of(struct mer_validator *v, const struct mer_ast_value *object, const struct mer_type *t)
{
    if (distinct_fields(v, object) != 1) {
        mer_v_report(v, &object->loc, 1, "OneOf Input Object \"%.*s\" must specify exactly one key.",
                     MER_FMT(t->name));
        return;
    }
    const struct mer_ast_argument *f = object->fields[object->n - 1];
    if (f->value->kind == MER_VALUE_VARIABLE) {
        for (uint32_t i = 0; v->op && i < v->op->variables_n; i++)
            if (mer_slice_eq(v->op->variables[i]->name, f->value->text) &&
                mer_v_may_be_null(v->op->variables[i]))
                mer_v_report(
                    v, &object->loc, 1,
                    "Variable \"%.*s\" must be non-nullable to be used for OneOf Input Object \"%.*s\".",
                    MER_FMT(f->value->text), MER_FMT(t->name));
        return;
    }
    if (f->value->kind == MER_VALUE_NULL)
        mer_v_report(v, &object->loc, 1, "Field \"%.*s.%.*s\" must be non-null.", MER_FMT(t->name),
                     MER_FMT(f->name));
}

static void required_fields(struct mer_validator *v, const struct mer_ast_value *object,
                            const struct mer_type *t)
{
    for (uint32_t i = 0; i < t->inputs_n; i++) {
        if (!mer_input_required(&t->inputs[i]) || field_given(object, t->inputs[i].name))
            continue;
        struct mer_slice type = mer_v_print_ref(v, &t->inputs[i].type);
        mer_v_report(v, &object->loc, 1, "Field \"%.*s.%.*s\" of required type \"%.*s\" was not provided.",
                     MER_FMT(t->name), MER_FMT(t->inputs[i].name), MER_FMT(type));
    }
}

static void unknown_field(struct mer_validator *v, const struct mer_ast_argument *f, const struct mer_type *t)
{
    struct mer_names names = {.a = v->a};
    for (uint32_t i = 0; v->suggestions && i < t->inputs_n; i++)
        mer_names_add(&names, t->inputs[i].name);
    struct mer_slice hint = mer_v_suggest(v, NULL, &names, f->name);
    mer_v_report(v, &f->loc, 1, "Field \"%.*s\" is not defined by type \"%.*s\".%.*s", MER_FMT(f->name),
                 MER_FMT(t->name), MER_FMT(hint));
}

static void unique_field(struct mer_validator *v, const struct mer_ast_argument *f, struct mer_map *seen)
{
    const struct mer_ast_argument *first = mer_map_get(seen, f->name);
    if (first) {
        struct mer_loc locs[2] = {first->loc, f->loc};
        mer_v_report(v, locs, 2, "There can be only one input field named \"%.*s\".", MER_FMT(f->name));
    }
}

static void deprecated_field(struct mer_validator *v, const struct mer_ast_argument *f,
                             const struct mer_type *t, const struct mer_input *in)
{
    struct mer_slice reason;
    if (in && mer_deprecation(&in->directives, &reason))
        // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
        mer_v_report(v, &f->loc, 1, "The input field %.*s.%.*s is deprecated. %.*s", MER_FMT(t->name),
                     MER_FMT(f->name), MER_FMT(reason));
}

static const struct mer_input *input_named(const struct mer_type *t, struct mer_slice name)
{
    for (uint32_t i = 0; t && i < t->inputs_n; i++)
        if (mer_slice_eq(t->inputs[i].name, name))
            return &t->inputs[i];
    return NULL;
}

static void object_field(struct mer_validator *v, const struct mer_ast_argument *f, const struct mer_type *t,
                         struct mer_map *seen)
{
    const struct mer_input *in = input_named(t, f->name);
    if (t && !in && !v->values_muted && mer_v_on(v, MER_RULE_VALUES_OF_CORRECT_TYPE))
        unknown_field(v, f, t);
    if (mer_v_on(v, MER_RULE_UNIQUE_INPUT_FIELD_NAMES))
        unique_field(v, f, seen);
    if (mer_v_on(v, MER_RULE_NO_DEPRECATED))
        deprecated_field(v, f, t, in);
    seen_field(seen, f);
    struct mer_v_place at = {0};
    if (in && mer_type_is_input(in->type.type))
        at = (struct mer_v_place){.type = {.ref = &in->type},
                                  .has_default = in->default_value != NULL,
                                  // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
                                  .one_of = t->one_of ? t : NULL};
    mer_v_value(v, f->value, at);
}

static void object(struct mer_validator *v, const struct mer_ast_value *value, struct mer_in_type type)
{
    const struct mer_type *t = type.ref && type.ref->type->kind == MER_TYPE_INPUT ? type.ref->type : NULL;
    struct mer_map seen;
    bool check = !v->values_muted && mer_v_on(v, MER_RULE_VALUES_OF_CORRECT_TYPE);
    if (!t)
        whole_value(v, value, type);
    else if (check)
        required_fields(v, value, t);
    if (t && check && t->one_of)
        one_of(v, value, t);
    mer_map_init(&seen, v->a);
    v->values_muted += !t;
    for (uint32_t i = 0; i < value->n && !v->stop; i++)
        object_field(v, value->fields[i], t, &seen);
    v->values_muted -= !t;
}

// ---- any value ----

static void use(struct mer_validator *v, const struct mer_ast_value *value, struct mer_v_place at)
{
    struct mer_usages *u = v->collect;
    if (!u)
        return;
    if (u->n == u->cap) {
        uint32_t cap = u->cap ? u->cap * 2 : 8;
        struct mer_usage *grown = mer_arena_alloc(v->a, cap * sizeof(*grown));
        if (u->n)
            memcpy(grown, u->items, u->n * sizeof(*grown));
        u->items = grown;
        u->cap = cap;
    }
    u->items[u->n++] = (struct mer_usage){value, at.type, at.has_default, at.one_of};
}

static void list(struct mer_validator *v, const struct mer_ast_value *value, struct mer_in_type type)
{
    struct mer_in_type item = type;
    bool is_list = mer_in_is_list(type);
    if (is_list) {
        item.level++;
        item.bare = false;
    } else {
        item.bare = true;
        whole_value(v, value, item);
    }
    v->values_muted += !is_list;
    for (uint32_t i = 0; i < value->n && !v->stop; i++)
        mer_v_value(v, value->items[i], (struct mer_v_place){.type = item});
    v->values_muted -= !is_list;
}

static void null_value(struct mer_validator *v, const struct mer_ast_value *value, struct mer_in_type type)
{
    if (!mer_in_non_null(type) || v->values_muted || !mer_v_on(v, MER_RULE_VALUES_OF_CORRECT_TYPE))
        return;
    struct mer_slice want = mer_v_print_in_type(v, type);
    mer_v_report(v, &value->loc, 1, "Expected value of type \"%.*s\", found null.", MER_FMT(want));
}

static void deprecated_enum_value(struct mer_validator *v, const struct mer_ast_value *value,
                                  struct mer_in_type type)
{
    struct mer_slice reason;
    const struct mer_type *t = type.ref && type.ref->type->kind == MER_TYPE_ENUM ? type.ref->type : NULL;
    const struct mer_enum_value *e = t ? enum_value(t, value->text) : NULL;
    if (e && mer_deprecation(&e->directives, &reason))
        mer_v_report(v, &value->loc, 1, "The enum value \"%.*s.%.*s\" is deprecated. %.*s", MER_FMT(t->name),
                     MER_FMT(e->name), MER_FMT(reason));
}

void mer_v_value(struct mer_validator *v, const struct mer_ast_value *value, struct mer_v_place at)
{
    switch (value->kind) {
    case MER_VALUE_VARIABLE:
        use(v, value, at);
        return;
    case MER_VALUE_LIST:
        list(v, value, at.type);
        return;
    case MER_VALUE_OBJECT:
        object(v, value, at.type);
        return;
    case MER_VALUE_NULL:
        null_value(v, value, at.type);
        return;
    default:
        whole_value(v, value, at.type);
        if (value->kind == MER_VALUE_ENUM && mer_v_on(v, MER_RULE_NO_DEPRECATED))
            deprecated_enum_value(v, value, at.type);
    }
}
