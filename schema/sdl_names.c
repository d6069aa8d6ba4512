// SPDX-License-Identifier: MIT
// Names of a type-system document: each once, and extensions only of what there is.
#include "schema/sdl_priv.h"

static const char *const root_words[3] = {"query", "mutation", "subscription"};

// What was said under this name before, or NULL; then it is remembered. A map's values are pointers to what
// may change; places only are read.
static const struct mer_loc *seen(struct mer_map *m, struct mer_slice name, const struct mer_loc *loc)
{
    const struct mer_loc *first = mer_map_get(m, name);
    if (!first)
        mer_map_put(m, name, (void *)(uintptr_t)loc);
    return first;
}

// ---- schema definitions ----

static bool has_roots(const struct mer_schema *s)
{
    return s && (s->roots[0] || s->roots[1] || s->roots[2]);
}

static void schema(struct mer_sdl *x, const struct mer_ast_definition *d)
{
    if (!d->extend && mer_sdl_on(x, MER_SDL_LONE_SCHEMA_DEFINITION)) {
        if (has_roots(x->base))
            mer_v_report(&x->v, &d->loc, 1, "Cannot define a new schema within a schema extension.");
        else if (x->schemas_n++)
            mer_v_report(&x->v, &d->loc, 1, "Must provide only one schema definition.");
    }
    for (uint32_t i = 0; mer_sdl_on(x, MER_SDL_UNIQUE_OPERATION_TYPES) && i < d->roots_n; i++) {
        const struct mer_ast_root *r = &d->roots[i];
        const struct mer_ast_root *first = x->roots[r->kind];
        struct mer_loc locs[2] = {first ? first->loc : r->loc, r->loc};
        if (x->base && x->base->roots[r->kind])
            mer_v_report(&x->v, &r->loc, 1,
                         "Type for %s already defined in the schema. It cannot be redefined.",
                         root_words[r->kind]);
        else if (first)
            mer_v_report(&x->v, locs, 2, "There can be only one %s type in schema.", root_words[r->kind]);
        else
            x->roots[r->kind] = r;
    }
}

// ---- types and their members ----

static void type_name(struct mer_sdl *x, const struct mer_ast_definition *d)
{
    if (d->extend || !mer_sdl_on(x, MER_SDL_UNIQUE_TYPE_NAMES))
        return;
    if (x->base && mer_schema_type(x->base, d->name)) {
        mer_v_report(
            &x->v, &d->name_loc, 1,
            "Type \"%.*s\" already exists in the schema. It cannot also be defined in this type definition.",
            MER_FMT(d->name));
        return;
    }
    const struct mer_loc *first = seen(&x->type_names, d->name, &d->name_loc);
    struct mer_loc locs[2] = {first ? *first : d->name_loc, d->name_loc};
    if (first)
        mer_v_report(&x->v, locs, 2, "There can be only one type named \"%.*s\".", MER_FMT(d->name));
}

static bool exists(const struct mer_sdl *x, const struct mer_ast_definition *d, struct mer_slice member)
{
    const struct mer_type *t = x->base ? mer_schema_type(x->base, d->name) : NULL;
    for (uint32_t i = 0; t && i < t->values_n; i++)
        if (d->kind == MER_DEF_ENUM && mer_slice_eq(t->values[i].name, member))
            return true;
    for (uint32_t i = 0; t && i < t->inputs_n; i++)
        if (d->kind != MER_DEF_ENUM && mer_slice_eq(t->inputs[i].name, member))
            return true;
    return t && d->kind != MER_DEF_ENUM && t->fields_n && mer_map_has(&t->fields_by_name, member);
}

static void member(struct mer_sdl *x, const struct mer_ast_definition *d, const char *what,
                   struct mer_slice name, const struct mer_loc *loc)
{
    if (exists(x, d, name)) {
        mer_v_report(&x->v, loc, 1,
                     "%s \"%.*s.%.*s\" already exists in the schema. It cannot also be defined in this type "
                     "extension.",
                     what, MER_FMT(d->name), MER_FMT(name));
        return;
    }
    struct mer_slice key = mer_arena_printf(x->v.a, "%s %.*s.%.*s", what, MER_FMT(d->name), MER_FMT(name));
    const struct mer_loc *first = seen(&x->members, key, loc);
    struct mer_loc locs[2] = {first ? *first : *loc, *loc};
    if (first)
        mer_v_report(&x->v, locs, 2, "%s \"%.*s.%.*s\" can only be defined once.", what, MER_FMT(d->name),
                     MER_FMT(name));
}

static void members(struct mer_sdl *x, const struct mer_ast_definition *d)
{
    for (uint32_t i = 0; mer_sdl_on(x, MER_SDL_UNIQUE_ENUM_VALUE_NAMES) && i < d->values_n; i++)
        member(x, d, "Enum value", d->values[i]->name, &d->values[i]->name_loc);
    for (uint32_t i = 0; mer_sdl_on(x, MER_SDL_UNIQUE_FIELD_NAMES) && i < d->fields_n; i++)
        member(x, d, "Field", d->fields[i]->name, &d->fields[i]->name_loc);
    for (uint32_t i = 0; mer_sdl_on(x, MER_SDL_UNIQUE_FIELD_NAMES) && i < d->inputs_n; i++)
        member(x, d, "Field", d->inputs[i]->name, &d->inputs[i]->name_loc);
}

// Of equal names all places are told, once, where the first stands.
static void arguments(struct mer_sdl *x, struct mer_slice parent, struct mer_ast_input *const *args,
                      uint32_t n)
{
    struct mer_map first;
    bool twice = false;
    mer_map_init(&first, x->v.a);
    for (uint32_t i = 0; i < n; i++)
        twice = !mer_map_add(&first, args[i]->name, args[i]) || twice;
    for (uint32_t i = 0; twice && i < n; i++) {
        struct mer_loc *locs = MER_NEW_N(x->v.a, struct mer_loc, n);
        uint32_t k = 0;
        for (uint32_t j = i; mer_map_get(&first, args[i]->name) == args[i] && j < n; j++)
            if (mer_slice_eq(args[j]->name, args[i]->name))
                locs[k++] = args[j]->name_loc;
        if (k > 1)
            mer_v_report(&x->v, locs, k, "Argument \"%.*s(%.*s:)\" can only be defined once.",
                         MER_FMT(parent), MER_FMT(args[i]->name));
    }
}

static void argument_names(struct mer_sdl *x, const struct mer_ast_definition *d)
{
    if (!mer_sdl_on(x, MER_SDL_UNIQUE_ARGUMENT_DEFINITIONS))
        return;
    if (d->kind == MER_DEF_DIRECTIVE)
        arguments(x, mer_arena_printf(x->v.a, "@%.*s", MER_FMT(d->name)), d->inputs, d->inputs_n);
    for (uint32_t i = 0; i < d->fields_n; i++) {
        const struct mer_ast_field_def *f = d->fields[i];
        if (f->arguments_n > 1)
            arguments(x, mer_arena_printf(x->v.a, "%.*s.%.*s", MER_FMT(d->name), MER_FMT(f->name)),
                      f->arguments, f->arguments_n);
    }
}

static void directive_name(struct mer_sdl *x, const struct mer_ast_definition *d)
{
    if (!mer_sdl_on(x, MER_SDL_UNIQUE_DIRECTIVE_NAMES))
        return;
    if (x->base && mer_schema_directive(x->base, d->name)) {
        mer_v_report(&x->v, &d->name_loc, 1,
                     "Directive \"@%.*s\" already exists in the schema. It cannot be redefined.",
                     MER_FMT(d->name));
        return;
    }
    const struct mer_loc *first = seen(&x->directive_names, d->name, &d->name_loc);
    struct mer_loc locs[2] = {first ? *first : d->name_loc, d->name_loc};
    if (first)
        mer_v_report(&x->v, locs, 2, "There can be only one directive named \"@%.*s\".", MER_FMT(d->name));
}

void mer_sdl_names(struct mer_sdl *x, const struct mer_ast_definition *d)
{
    if (d->kind == MER_DEF_SCHEMA) {
        schema(x, d);
        return;
    }
    if (d->kind != MER_DEF_DIRECTIVE) {
        type_name(x, d);
        members(x, d);
    }
    argument_names(x, d);
    if (d->kind == MER_DEF_DIRECTIVE)
        directive_name(x, d);
}

// ---- extensions ----

static enum mer_def_kind kind_in_base(const struct mer_type *t)
{
    static const enum mer_def_kind kinds[] = {MER_DEF_SCALAR, MER_DEF_OBJECT, MER_DEF_INTERFACE,
                                              MER_DEF_UNION,  MER_DEF_ENUM,   MER_DEF_INPUT};
    return kinds[t->kind];
}

void mer_sdl_extension(struct mer_sdl *x, const struct mer_ast_definition *d)
{
    static const char *const words[] = {"", "scalar", "object", "interface", "union", "enum", "input object"};
    if (!d->extend || d->kind == MER_DEF_SCHEMA || !mer_sdl_on(x, MER_SDL_POSSIBLE_TYPE_EXTENSIONS))
        return;
    const struct mer_ast_definition *def = mer_map_get(&x->defined, d->name);
    const struct mer_type *t = x->base ? mer_schema_type(x->base, d->name) : NULL;
    if (def || t) {
        struct mer_loc locs[2] = {def ? def->loc : d->loc, d->loc};
        if ((def ? def->kind : kind_in_base(t)) != d->kind)
            mer_v_report(&x->v, locs, def ? 2 : 1, "Cannot extend non-%s type \"%.*s\".", words[d->kind],
                         MER_FMT(d->name));
        return;
    }
    struct mer_names names = {.a = x->v.a};
    MER_MAP_EACH(&x->defined, e)
    mer_names_add(&names, e->key);
    for (uint32_t i = 0; x->base && i < x->base->types_n; i++)
        mer_names_add(&names, x->base->types[i]->name);
    struct mer_slice hint = mer_v_suggest(&x->v, NULL, &names, d->name);
    mer_v_report(&x->v, &d->name_loc, 1, "Cannot extend type \"%.*s\" because it is not defined.%.*s",
                 MER_FMT(d->name), MER_FMT(hint));
}
