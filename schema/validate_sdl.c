// SPDX-License-Identifier: MIT
// One walk over the definitions; the rules speak at each node in the order of enum mer_sdl_rule.
#include "schema/validate_sdl.h"

#include "schema/directive_location.h"
#include "schema/printer.h"
#include "schema/sdl_priv.h"

// ---- what a directive is, wherever it is defined ----

static void know_directives(struct mer_sdl *x, const struct mer_schema *s)
{
    for (uint32_t i = 0; i < s->directives_n; i++)
        mer_map_put(&x->directives, s->directives[i].name, mer_sdl_directive_of(x, s->directives[i].ast));
}

struct mer_sdl_directive *mer_sdl_directive_of(struct mer_sdl *x, const struct mer_ast_definition *d)
{
    struct mer_sdl_directive *out = MER_NEW(x->v.a, struct mer_sdl_directive);
    out->ast = d;
    for (uint32_t i = 0; i < d->names_n; i++)
        out->locations |= mer_directive_location_parse(d->names[i].name);
    return out;
}

// ---- directives that are used ----

static void known_arguments(struct mer_sdl *x, const struct mer_ast_directive *d,
                            const struct mer_ast_definition *def)
{
    for (uint32_t i = 0; i < d->arguments_n; i++) {
        struct mer_names names = {.a = x->v.a};
        bool known = false;
        for (uint32_t j = 0; j < def->inputs_n; j++) {
            known = known || mer_slice_eq(def->inputs[j]->name, d->arguments[i]->name);
            mer_names_add(&names, def->inputs[j]->name);
        }
        if (known)
            continue;
        struct mer_slice hint = mer_v_suggest(&x->v, NULL, &names, d->arguments[i]->name);
        mer_v_report(&x->v, &d->arguments[i]->loc, 1, "Unknown argument \"%.*s\" on directive \"@%.*s\".%.*s",
                     MER_FMT(d->arguments[i]->name), MER_FMT(d->name), MER_FMT(hint));
    }
}

static void required_arguments(struct mer_sdl *x, const struct mer_ast_directive *d,
                               const struct mer_ast_definition *def)
{
    for (uint32_t i = 0; i < def->inputs_n; i++) {
        const struct mer_ast_input *in = def->inputs[i];
        if (!in->type->non_null || in->default_value || mer_ast_argument_find(d, in->name))
            continue;
        struct mer_buf type;
        mer_buf_init(&type, x->v.a, 32);
        mer_print_type(&type, in->type);
        mer_v_report(
            &x->v, &d->loc, 1,
            "Directive \"@%.*s\" argument \"%.*s\" of type \"%.*s\" is required, but it was not provided.",
            MER_FMT(d->name), MER_FMT(in->name), MER_FMT(mer_buf_slice(&type)));
    }
}

// `seen` is shared by a type and its extensions, else it is the place's own.
static void unique_directives(struct mer_sdl *x, const struct mer_ast_directives *ds, struct mer_map *seen)
{
    for (uint32_t i = 0; mer_sdl_on(x, MER_SDL_UNIQUE_DIRECTIVES_PER_LOCATION) && i < ds->n; i++) {
        struct mer_ast_directive *d = ds->items[i];
        const struct mer_sdl_directive *def = mer_map_get(&x->directives, d->name);
        if (!def || def->ast->repeatable)
            continue;
        const struct mer_ast_directive *first = mer_map_get(seen, d->name);
        struct mer_loc locs[2] = {first ? first->loc : d->loc, d->loc};
        if (first)
            mer_v_report(&x->v, locs, 2, "The directive \"@%.*s\" can only be used once at this location.",
                         MER_FMT(d->name));
        else
            mer_map_put(seen, d->name, d);
    }
}

static void use_directive(struct mer_sdl *x, const struct mer_ast_directive *d, uint32_t location)
{
    const struct mer_sdl_directive *def = mer_map_get(&x->directives, d->name);
    if (mer_sdl_on(x, MER_SDL_KNOWN_DIRECTIVES)) {
        if (!def)
            mer_v_report(&x->v, &d->loc, 1, "Unknown directive \"@%.*s\".", MER_FMT(d->name));
        else if (!(def->locations & location))
            mer_v_report(&x->v, &d->loc, 1, "Directive \"@%.*s\" may not be used on %s.", MER_FMT(d->name),
                         mer_directive_location_name(location));
    }
    if (def && mer_sdl_on(x, MER_SDL_KNOWN_DIRECTIVE_ARGUMENTS))
        known_arguments(x, d, def->ast);
    mer_v_unique_arguments(&x->v, d->arguments, d->arguments_n);
    for (uint32_t i = 0; i < d->arguments_n; i++)
        mer_v_value(&x->v, d->arguments[i]->value, (struct mer_v_place){0});
    if (def && mer_sdl_on(x, MER_SDL_REQUIRED_DIRECTIVE_ARGUMENTS))
        required_arguments(x, d, def->ast);
}

static void use_directives(struct mer_sdl *x, const struct mer_ast_directives *ds, uint32_t location)
{
    for (uint32_t i = 0; i < ds->n && !x->v.stop; i++)
        use_directive(x, ds->items[i], location);
}

static void own_directives(struct mer_sdl *x, const struct mer_ast_directives *ds)
{
    struct mer_map seen;
    if (ds->n < 2)
        return;
    mer_map_init(&seen, x->v.a);
    unique_directives(x, ds, &seen);
}

// ---- types that are named ----

static void named_type(struct mer_sdl *x, struct mer_slice name, struct mer_loc loc)
{
    if (!mer_sdl_on(x, MER_SDL_KNOWN_TYPE_NAMES) || mer_map_has(&x->defined, name) ||
        (x->base && mer_schema_type(x->base, name)))
        return;
    for (uint32_t i = 0; i < x->standard_n; i++)
        if (mer_slice_eq(x->standard[i], name))
            return;
    struct mer_names names = {.a = x->v.a};
    for (uint32_t i = 0; i < x->standard_n; i++)
        mer_names_add(&names, x->standard[i]);
    for (uint32_t i = 0; x->base && i < x->base->types_n; i++)
        if (!x->base->types[i]->builtin)
            mer_names_add(&names, x->base->types[i]->name);
    MER_MAP_EACH(&x->defined, e)
    mer_names_add(&names, e->key);
    struct mer_slice hint = mer_v_suggest(&x->v, NULL, &names, name);
    mer_v_report(&x->v, &loc, 1, "Unknown type \"%.*s\".%.*s", MER_FMT(name), MER_FMT(hint));
}

static void type_names(struct mer_sdl *x, const struct mer_ast_type *t)
{
    while (t->of)
        t = t->of;
    named_type(x, t->name, t->loc);
}

// ---- the walk ----

static void input(struct mer_sdl *x, const struct mer_ast_input *in, uint32_t location)
{
    own_directives(x, &in->directives);
    type_names(x, in->type);
    if (in->default_value)
        mer_v_value(&x->v, in->default_value, (struct mer_v_place){0});
    use_directives(x, &in->directives, location);
}

static void members(struct mer_sdl *x, const struct mer_ast_definition *d)
{
    for (uint32_t i = 0; i < d->fields_n && !x->v.stop; i++) {
        const struct mer_ast_field_def *f = d->fields[i];
        own_directives(x, &f->directives);
        for (uint32_t j = 0; j < f->arguments_n; j++)
            input(x, f->arguments[j], MER_DIRLOC_ARGUMENT_DEFINITION);
        type_names(x, f->type);
        use_directives(x, &f->directives, MER_DIRLOC_FIELD_DEFINITION);
    }
    bool directive = d->kind == MER_DEF_DIRECTIVE;
    for (uint32_t i = 0; i < d->inputs_n && !x->v.stop; i++)
        input(x, d->inputs[i],
              directive ? MER_DIRLOC_ARGUMENT_DEFINITION : MER_DIRLOC_INPUT_FIELD_DEFINITION);
    for (uint32_t i = 0; i < d->values_n && !x->v.stop; i++) {
        own_directives(x, &d->values[i]->directives);
        use_directives(x, &d->values[i]->directives, MER_DIRLOC_ENUM_VALUE);
    }
}

static struct mer_map *directives_of_type(struct mer_sdl *x, struct mer_slice name)
{
    struct mer_map *m = mer_map_get(&x->type_directives, name);
    if (!m) {
        m = MER_NEW(x->v.a, struct mer_map);
        mer_map_init(m, x->v.a);
        mer_map_put(&x->type_directives, name, m);
    }
    return m;
}

static void definition(struct mer_sdl *x, const struct mer_ast_definition *d)
{
    static const uint32_t locations[] = {MER_DIRLOC_SCHEMA,      MER_DIRLOC_SCALAR, MER_DIRLOC_OBJECT,
                                         MER_DIRLOC_INTERFACE,   MER_DIRLOC_UNION,  MER_DIRLOC_ENUM,
                                         MER_DIRLOC_INPUT_OBJECT};
    mer_sdl_names(x, d);
    if (d->kind != MER_DEF_DIRECTIVE) {
        unique_directives(x, &d->directives, directives_of_type(x, d->name)); // the schema's name is empty
        mer_sdl_extension(x, d);
    }
    bool before =
        d->kind == MER_DEF_OBJECT || d->kind == MER_DEF_INTERFACE; // interfaces stand before directives
    for (uint32_t i = 0; before && i < d->names_n; i++)
        named_type(x, d->names[i].name, d->names[i].loc);
    if (d->kind != MER_DEF_DIRECTIVE)
        use_directives(x, &d->directives, locations[d->kind]);
    for (uint32_t i = 0; d->kind == MER_DEF_UNION && i < d->names_n; i++)
        named_type(x, d->names[i].name, d->names[i].loc);
    for (uint32_t i = 0; i < d->roots_n; i++)
        named_type(x, d->roots[i].type.name, d->roots[i].type.loc);
    members(x, d);
}

// Names of types inside selections, where an operation strayed into a schema.
static void selections(struct mer_sdl *x, const struct mer_ast_selection_set *set)
{
    for (uint32_t i = 0; i < set->n; i++) {
        if (set->items[i]->condition.n)
            named_type(x, set->items[i]->condition, set->items[i]->condition_loc);
        if (set->items[i]->selections)
            selections(x, set->items[i]->selections);
    }
}

static void operation(struct mer_sdl *x, const struct mer_ast_operation *op)
{
    for (uint32_t i = 0; i < op->variables_n; i++)
        type_names(x, op->variables[i]->type);
    selections(x, op->selections);
}

static void prepare(struct mer_sdl *x, const struct mer_ast_document *doc)
{
    static const char *const scalars[] = {"String", "Int", "Float", "Boolean", "ID"};
    const struct mer_ast_document nothing = {0};
    const struct mer_schema_options options = {.assume_valid = true, .allow_unknown_directives = true};
    struct mer_schema *standard = NULL;
    struct mer_map *maps[] = {&x->directives, &x->defined, &x->type_directives,
                              &x->type_names, &x->members, &x->directive_names};
    for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
        mer_map_init(maps[i], x->v.a);
    if (mer_schema_build(x->v.a, &nothing, &options, &standard, NULL) != MER_OK) {
        x->v.stop = true; // the arena is exhausted
        return;
    }
    x->standard = MER_NEW_N(x->v.a, struct mer_slice, standard->types_n + 5);
    for (uint32_t i = 0; i < 5; i++)
        x->standard[x->standard_n++] = mer_slice_of(scalars[i]);
    for (uint32_t i = 0; i < standard->types_n; i++)
        if (standard->listed[i]->kind != MER_TYPE_SCALAR)
            x->standard[x->standard_n++] = standard->listed[i]->name;
    know_directives(x, x->base ? x->base : standard);
    for (uint32_t i = 0; i < doc->definitions_n; i++) {
        struct mer_ast_definition *d = doc->definitions[i];
        if (d->kind == MER_DEF_DIRECTIVE)
            mer_map_put(&x->directives, d->name, mer_sdl_directive_of(x, d));
        else if (d->kind != MER_DEF_SCHEMA && !d->extend)
            mer_map_put(&x->defined, d->name, d);
    }
}

enum mer_err mer_validate_sdl(struct mer_arena *a, const struct mer_ast_document *doc,
                              const struct mer_schema *base, const struct mer_validate_options *options,
                              struct mer_validation_error **errors, uint32_t *errors_n)
{
    struct mer_sdl x = {.base = base};
    x.v = (struct mer_validator){.a = a, .s = base, .doc = doc, .max_errors = 100};
    x.rules = options && options->rules ? options->rules : MER_SDL_ALL;
    x.v.suggestions = options && options->suggestions;
    if (options && options->max_errors)
        x.v.max_errors = options->max_errors;
    x.v.rules = (x.rules & MER_SDL_UNIQUE_ARGUMENT_NAMES ? MER_RULE_UNIQUE_ARGUMENT_NAMES : 0u) |
                (x.rules & MER_SDL_UNIQUE_INPUT_FIELD_NAMES ? MER_RULE_UNIQUE_INPUT_FIELD_NAMES : 0u);
    prepare(&x, doc);
    for (uint32_t i = 0; i < doc->entries_n && !x.v.stop; i++) {
        const struct mer_ast_entry *e = &doc->entries[i];
        if (e->kind == MER_ENTRY_DEFINITION) {
            definition(&x, doc->definitions[e->index]);
        } else if (e->kind == MER_ENTRY_OPERATION) {
            operation(&x, doc->operations[e->index]);
        } else {
            const struct mer_ast_fragment *f = doc->fragments[e->index];
            named_type(&x, f->condition, f->condition_loc);
            selections(&x, f->selections);
        }
    }
    *errors = x.v.errors;
    *errors_n = x.v.errors_n;
    if (mer_arena_exhausted(a))
        return MER_ERR_LIMIT;
    return x.v.errors_n ? MER_ERR_INVALID : MER_OK;
}
