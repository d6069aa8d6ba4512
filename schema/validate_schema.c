// SPDX-License-Identifier: MIT
// Rules about a schema as a whole, type by type in the order in which introspection lists them.
#include "schema/validate_priv.h"
#include "schema/validate_sdl.h"

// ---- places ----

struct places {
    struct mer_loc *locs;
    uint32_t n;
};

// A type's definition and its extensions.
static struct places places_of_type(struct mer_validator *v, const struct mer_type *t,
                                    const struct mer_loc *first)
{
    struct places out = {.locs = MER_NEW_N(v->a, struct mer_loc, t->defs_n + 1)};
    if (first)
        out.locs[out.n++] = *first;
    for (uint32_t i = 0; i < t->defs_n; i++)
        out.locs[out.n++] = t->defs[i]->loc;
    return out;
}

// Where a type names another one: an interface it implements, a member of a union.
static struct places places_of_name(struct mer_validator *v, const struct mer_type *t, struct mer_slice name,
                                    struct places before)
{
    uint32_t n = before.n;
    for (uint32_t i = 0; i < t->defs_n; i++)
        n += t->defs[i]->names_n;
    struct places out = {.locs = MER_NEW_N(v->a, struct mer_loc, n + 1)};
    for (uint32_t i = 0; i < before.n; i++)
        out.locs[out.n++] = before.locs[i];
    for (uint32_t i = 0; i < t->defs_n; i++)
        for (uint32_t j = 0; j < t->defs[i]->names_n; j++)
            if (mer_slice_eq(t->defs[i]->names[j].name, name))
                out.locs[out.n++] = t->defs[i]->names[j].loc;
    return out;
}

static void reserved(struct mer_validator *v, struct mer_slice name, struct mer_loc loc)
{
    if (mer_slice_starts(name, MER_S("__")))
        mer_v_report(v, &loc, 1,
                     "Name \"%.*s\" must not begin with \"__\", which is reserved by GraphQL introspection.",
                     MER_FMT(name));
}

static bool is_input(const struct mer_type_ref *t)
{
    return mer_type_is_input(t->type);
}

// ---- inputs: arguments of fields and directives, fields of input objects ----

static void input_type(struct mer_validator *v, struct mer_slice owner, const struct mer_input *in,
                       struct mer_loc loc)
{
    if (is_input(&in->type))
        return;
    struct mer_slice type = mer_v_print_ref(v, &in->type);
    mer_v_report(v, &loc, 1, "The type of %.*s must be Input Type but got: %.*s.", MER_FMT(owner),
                 MER_FMT(type));
}

static void required_deprecated(struct mer_validator *v, const char *what, struct mer_slice owner,
                                const struct mer_input *in)
{
    if (!mer_input_required(in) || !mer_deprecation(&in->directives, NULL))
        return;
    const struct mer_ast_directive *d = mer_ast_directive_find(&in->directives, MER_S("deprecated"));
    struct mer_loc locs[2] = {d->loc, in->ast->type->loc};
    mer_v_report(v, locs, 2, "Required %s %.*s cannot be deprecated.", what, MER_FMT(owner));
}

static void directives(struct mer_validator *v)
{
    for (uint32_t i = 0; i < v->s->directives_n; i++) {
        const struct mer_directive_def *d = &v->s->directives[i];
        reserved(v, d->name, d->ast->loc);
        for (uint32_t j = 0; j < d->arguments_n; j++) {
            const struct mer_input *in = &d->arguments[j];
            struct mer_slice owner =
                mer_arena_printf(v->a, "@%.*s(%.*s:)", MER_FMT(d->name), MER_FMT(in->name));
            reserved(v, in->name, in->ast->loc);
            input_type(v, owner, in, in->ast->loc);
            required_deprecated(v, "argument", owner, in);
        }
    }
}

// ---- fields ----

static void fields(struct mer_validator *v, const struct mer_type *t)
{
    struct places at = places_of_type(v, t, NULL);
    if (!t->fields_n)
        mer_v_report(v, at.locs, at.n, "Type %.*s must define one or more fields.", MER_FMT(t->name));
    for (uint32_t i = 0; i < t->fields_n && !v->stop; i++) {
        const struct mer_field *f = &t->fields[i];
        reserved(v, f->name, f->ast->loc);
        if (f->type.type->kind == MER_TYPE_INPUT) {
            struct mer_slice type = mer_v_print_ref(v, &f->type);
            mer_v_report(v, &f->ast->type->loc, 1, "The type of %.*s.%.*s must be Output Type but got: %.*s.",
                         MER_FMT(t->name), MER_FMT(f->name), MER_FMT(type));
        }
        for (uint32_t j = 0; j < f->arguments_n; j++) {
            const struct mer_input *in = &f->arguments[j];
            struct mer_slice owner = mer_arena_printf(v->a, "%.*s.%.*s(%.*s:)", MER_FMT(t->name),
                                                      MER_FMT(f->name), MER_FMT(in->name));
            reserved(v, in->name, in->ast->loc);
            input_type(v, owner, in, in->ast->type->loc);
            required_deprecated(v, "argument", owner, in);
        }
    }
}

// ---- interfaces ----

static bool implements(const struct mer_type *t, const struct mer_type *iface)
{
    for (uint32_t i = 0; i < t->interfaces_n; i++)
        if (t->interfaces[i] == iface)
            return true;
    return false;
}

static bool same_ref(const struct mer_type_ref *a, const struct mer_type_ref *b)
{
    return a->type == b->type && a->depth == b->depth && a->non_null == b->non_null;
}

// Covariance: the same lists, at least the same promises, the type or one of its kind.
static bool subtype(const struct mer_type_ref *have, const struct mer_type_ref *want)
{
    if (have->depth != want->depth || (want->non_null & ~have->non_null))
        return false;
    if (have->type == want->type)
        return true;
    if (want->type->kind == MER_TYPE_INTERFACE)
        return implements(have->type, want->type);
    return want->type->kind == MER_TYPE_UNION && mer_type_covers(want->type, have->type);
}

struct pair { // a field as the interface and as the type has it
    const struct mer_type *iface, *type;
    const struct mer_field *want, *have;
};

static void interface_argument(struct mer_validator *v, const struct pair *p, const struct mer_input *want)
{
    const struct mer_input *have = mer_field_argument(p->have, want->name);
    if (!have) {
        struct mer_loc locs[2] = {want->ast->loc, p->have->ast->loc};
        mer_v_report(v, locs, 2,
                     "Interface field argument %.*s.%.*s(%.*s:) expected but %.*s.%.*s does not provide it.",
                     MER_FMT(p->iface->name), MER_FMT(p->want->name), MER_FMT(want->name),
                     MER_FMT(p->type->name), MER_FMT(p->have->name));
        return;
    }
    if (same_ref(&want->type, &have->type))
        return;
    struct mer_loc locs[2] = {want->ast->type->loc, have->ast->type->loc};
    struct mer_slice x = mer_v_print_ref(v, &want->type), y = mer_v_print_ref(v, &have->type);
    mer_v_report(
        v, locs, 2,
        "Interface field argument %.*s.%.*s(%.*s:) expects type %.*s but %.*s.%.*s(%.*s:) is type %.*s.",
        MER_FMT(p->iface->name), MER_FMT(p->want->name), MER_FMT(want->name), MER_FMT(x),
        MER_FMT(p->type->name), MER_FMT(p->have->name), MER_FMT(want->name), MER_FMT(y));
}

static void interface_field(struct mer_validator *v, const struct pair *p)
{
    if (!subtype(&p->have->type, &p->want->type)) {
        struct mer_loc locs[2] = {p->want->ast->type->loc, p->have->ast->type->loc};
        struct mer_slice x = mer_v_print_ref(v, &p->want->type), y = mer_v_print_ref(v, &p->have->type);
        mer_v_report(v, locs, 2, "Interface field %.*s.%.*s expects type %.*s but %.*s.%.*s is type %.*s.",
                     MER_FMT(p->iface->name), MER_FMT(p->want->name), MER_FMT(x), MER_FMT(p->type->name),
                     MER_FMT(p->have->name), MER_FMT(y));
    }
    for (uint32_t i = 0; i < p->want->arguments_n; i++)
        interface_argument(v, p, &p->want->arguments[i]);
    for (uint32_t i = 0; i < p->have->arguments_n; i++) {
        const struct mer_input *in = &p->have->arguments[i];
        struct mer_loc locs[2] = {in->ast->loc, p->want->ast->loc};
        if (mer_input_required(in) && !mer_field_argument(p->want, in->name))
            mer_v_report(
                v, locs, 2,
                "Object field %.*s.%.*s includes required argument %.*s that is missing from the Interface "
                "field %.*s.%.*s.",
                MER_FMT(p->type->name), MER_FMT(p->have->name), MER_FMT(in->name), MER_FMT(p->iface->name),
                MER_FMT(p->want->name));
    }
}

static void ancestors(struct mer_validator *v, const struct mer_type *t, const struct mer_type *iface)
{
    for (uint32_t i = 0; i < iface->interfaces_n; i++) {
        const struct mer_type *above = iface->interfaces[i];
        if (implements(t, above))
            continue;
        struct places at = places_of_name(v, iface, above->name, (struct places){0});
        at = places_of_name(v, t, iface->name, at);
        if (above == t)
            mer_v_report(v, at.locs, at.n,
                         "Type %.*s cannot implement %.*s because it would create a circular reference.",
                         MER_FMT(t->name), MER_FMT(iface->name));
        else
            mer_v_report(v, at.locs, at.n, "Type %.*s must implement %.*s because it is implemented by %.*s.",
                         MER_FMT(t->name), MER_FMT(above->name), MER_FMT(iface->name));
    }
}

static void one_interface(struct mer_validator *v, const struct mer_type *t, const struct mer_type *iface)
{
    struct places at = places_of_name(v, t, iface->name, (struct places){0});
    if (t == iface) {
        mer_v_report(v, at.locs, at.n,
                     "Type %.*s cannot implement itself because it would create a circular reference.",
                     MER_FMT(t->name));
        return;
    }
    ancestors(v, t, iface);
    for (uint32_t i = 0; i < iface->fields_n && !v->stop; i++) {
        struct pair p = {iface, t, &iface->fields[i], mer_map_get(&t->fields_by_name, iface->fields[i].name)};
        if (p.have) {
            interface_field(v, &p);
            continue;
        }
        at = places_of_type(v, t, &p.want->ast->loc);
        mer_v_report(v, at.locs, at.n, "Interface field %.*s.%.*s expected but %.*s does not provide it.",
                     MER_FMT(iface->name), MER_FMT(p.want->name), MER_FMT(t->name));
    }
    struct places named = places_of_name(v, t, iface->name, (struct places){0});
    if (named.n > 1)
        mer_v_report(v, named.locs, named.n, "Type %.*s can only implement %.*s once.", MER_FMT(t->name),
                     MER_FMT(iface->name));
}

// ---- unions, enums, input objects ----

static void union_members(struct mer_validator *v, const struct mer_type *t)
{
    struct places at = places_of_type(v, t, NULL);
    if (!t->possible_n)
        mer_v_report(v, at.locs, at.n, "Union type %.*s must define one or more member types.",
                     MER_FMT(t->name));
    for (uint32_t i = 0; i < t->possible_n; i++) {
        at = places_of_name(v, t, t->possible[i]->name, (struct places){0});
        if (at.n > 1)
            mer_v_report(v, at.locs, at.n, "Union type %.*s can only include type %.*s once.",
                         MER_FMT(t->name), MER_FMT(t->possible[i]->name));
    }
}

static void enum_values(struct mer_validator *v, const struct mer_type *t)
{
    struct places at = places_of_type(v, t, NULL);
    if (!t->values_n)
        mer_v_report(v, at.locs, at.n, "Enum type %.*s must define one or more values.", MER_FMT(t->name));
    for (uint32_t i = 0; i < t->values_n; i++)
        reserved(v, t->values[i].name, at.locs[0]);
}

static void input_fields(struct mer_validator *v, const struct mer_type *t)
{
    struct places at = places_of_type(v, t, NULL);
    if (!t->inputs_n)
        mer_v_report(v, at.locs, at.n, "Input Object type %.*s must define one or more fields.",
                     MER_FMT(t->name));
    for (uint32_t i = 0; i < t->inputs_n; i++) {
        const struct mer_input *in = &t->inputs[i];
        struct mer_slice owner = mer_arena_printf(v->a, "%.*s.%.*s", MER_FMT(t->name), MER_FMT(in->name));
        reserved(v, in->name, in->ast->loc);
        input_type(v, owner, in, in->ast->type->loc);
        required_deprecated(v, "input field", owner, in);
        if (t->one_of && mer_ref_non_null(&in->type, 0))
            mer_v_report(v, &in->ast->type->loc, 1, "OneOf input field %.*s must be nullable.",
                         MER_FMT(owner));
        if (t->one_of && in->default_value)
            mer_v_report(v, &in->ast->loc, 1, "OneOf input field %.*s cannot have a default value.",
                         MER_FMT(owner));
    }
}

// ---- input objects that need themselves ----

struct circle {
    bool *visited; // by type index
    uint32_t *at;  // by type index: place on the path + 1
    const struct mer_input **path;
    uint32_t n;
};

static void report_circle(struct mer_validator *v, const struct circle *c, uint32_t from,
                          const struct mer_type *t)
{
    struct mer_loc *locs = MER_NEW_N(v->a, struct mer_loc, c->n - from);
    struct mer_buf path;
    mer_buf_init(&path, v->a, 64);
    for (uint32_t i = from; i < c->n; i++) {
        locs[i - from] = c->path[i]->ast->loc;
        mer_buf_printf(&path, "%s%.*s", i > from ? "." : "", MER_FMT(c->path[i]->name));
    }
    mer_v_report(
        v, locs, c->n - from,
        "Cannot reference Input Object \"%.*s\" within itself through a series of non-null fields: \"%.*s\".",
        MER_FMT(t->name), MER_FMT(mer_buf_slice(&path)));
}

// As deep as the schema's input objects are nested, which its author answers for.
static void circles(struct mer_validator *v, struct circle *c, const struct mer_type *t)
{
    if (c->visited[t->index])
        return;
    c->visited[t->index] = true;
    c->at[t->index] = c->n + 1;
    for (uint32_t i = 0; i < t->inputs_n && !v->stop; i++) {
        const struct mer_type_ref *ref = &t->inputs[i].type;
        if (ref->depth || !mer_ref_non_null(ref, 0) || ref->type->kind != MER_TYPE_INPUT)
            continue;
        c->path[c->n++] = &t->inputs[i];
        if (c->at[ref->type->index])
            report_circle(v, c, c->at[ref->type->index] - 1, ref->type);
        else
            circles(v, c, ref->type);
        c->n--;
    }
    c->at[t->index] = 0;
}

// ---- the whole ----

// Without a schema definition the root types are known by name; one of another kind is a mistake.
static void roots(struct mer_validator *v)
{
    static const char *const usual[3] = {"Query", "Mutation", "Subscription"};
    for (uint32_t i = 0; i < 3; i++) {
        const struct mer_type *t = v->s->ast ? NULL : mer_schema_type(v->s, mer_slice_of(usual[i]));
        if (v->s->roots[i])
            continue;
        if (t && t->kind != MER_TYPE_OBJECT)
            mer_v_report(v, &t->defs[0]->loc, 1, "%s root type must be Object type%s, it cannot be %s.",
                         usual[i], i ? " if provided" : "", usual[i]);
        else if (i == 0)
            mer_v_report(v, v->s->ast ? &v->s->ast->loc : NULL, v->s->ast ? 1 : 0,
                         "Query root type must be provided.");
    }
}

static void type(struct mer_validator *v, const struct mer_type *t, struct circle *c)
{
    if (t->builtin)
        return;
    reserved(v, t->name, t->defs[0]->loc);
    switch (t->kind) {
    case MER_TYPE_OBJECT:
    case MER_TYPE_INTERFACE:
        fields(v, t);
        for (uint32_t i = 0; i < t->interfaces_n; i++)
            one_interface(v, t, t->interfaces[i]);
        return;
    case MER_TYPE_UNION:
        union_members(v, t);
        return;
    case MER_TYPE_ENUM:
        enum_values(v, t);
        return;
    case MER_TYPE_INPUT:
        input_fields(v, t);
        circles(v, c, t);
        return;
    case MER_TYPE_SCALAR:
        return;
    }
}

enum mer_err mer_validate_schema(struct mer_arena *a, const struct mer_schema *s,
                                 const struct mer_validate_options *options,
                                 struct mer_validation_error **errors, uint32_t *errors_n)
{
    struct mer_validator v = {.a = a, .s = s, .max_errors = 100};
    struct circle c = {.visited = MER_NEW_N(a, bool, s->types_n + 1),
                       .at = MER_NEW_N(a, uint32_t, s->types_n + 1),
                       .path = MER_NEW_N(a, const struct mer_input *, s->types_n + 1)};
    if (options && options->max_errors)
        v.max_errors = options->max_errors;
    roots(&v);
    directives(&v);
    for (uint32_t i = 0; i < s->types_n && !v.stop; i++)
        type(&v, s->listed[i], &c);
    *errors = v.errors;
    *errors_n = v.errors_n;
    if (mer_arena_exhausted(a))
        return MER_ERR_LIMIT;
    return v.errors_n ? MER_ERR_INVALID : MER_OK;
}
