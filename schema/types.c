// SPDX-License-Identifier: MIT
// Building a schema: gather what belongs to each name, make the types, then resolve references between them.
#include "schema/types.h"

#include "schema/builtin.h"
#include "schema/directive_location.h"
#include "schema/parser.h"
#include "schema/text.h"
#include "schema/types_priv.h"
#include "schema/validate_sdl.h"

struct builder {
    struct mer_arena *a;
    struct mer_schema *s;
    const struct mer_schema_options *options;
    struct mer_map parts; // type name → struct parts *, in order of first appearance
    struct mer_slice source;
    enum mer_err err;
    struct mer_diag *diag;
};

// Everything a document says about one type: its definition, then its extensions.
struct parts {
    const struct mer_ast_definition **defs;
    uint32_t n, cap;
    struct mer_type *type;
    bool builtin;
};

static bool fail(struct builder *b, struct mer_loc loc, const char *before, struct mer_slice name,
                 const char *after)
{
    if (b->err == MER_OK)
        b->err = mer_diag_at(b->diag, MER_ERR_INVALID, loc.line, loc.column, "%s%.*s%s", before,
                             (int)(name.n > 120 ? 120 : name.n), name.p ? name.p : "", after);
    return false;
}

// ---- gathering ----

static void add_part(struct builder *b, struct parts *parts, const struct mer_ast_definition *d)
{
    if (parts->n == parts->cap) {
        uint32_t cap = parts->cap ? parts->cap * 2 : 2;
        const struct mer_ast_definition **defs = mer_arena_alloc(b->a, cap * sizeof(*defs));
        if (parts->n)
            memcpy(defs, parts->defs, parts->n * sizeof(*defs));
        parts->defs = defs;
        parts->cap = cap;
    }
    parts->defs[parts->n++] = d;
}

static bool is_type(const struct mer_ast_definition *d)
{
    return d->kind != MER_DEF_SCHEMA && d->kind != MER_DEF_DIRECTIVE;
}

static bool gather_definitions(struct builder *b, const struct mer_ast_document *doc, bool builtin)
{
    for (uint32_t i = 0; i < doc->definitions_n; i++) {
        const struct mer_ast_definition *d = doc->definitions[i];
        if (!is_type(d) || d->extend)
            continue;
        struct parts *parts = mer_map_get(&b->parts, d->name);
        if (parts && parts->builtin)
            continue; // a document may repeat what is built in
        if (parts)
            return fail(b, d->name_loc, "There can be only one type named \"", d->name, "\".");
        parts = MER_NEW(b->a, struct parts);
        parts->builtin = builtin;
        add_part(b, parts, d);
        mer_map_put(&b->parts, d->name, parts);
    }
    return true;
}

static bool gather_extensions(struct builder *b, const struct mer_ast_document *doc)
{
    for (uint32_t i = 0; i < doc->definitions_n; i++) {
        const struct mer_ast_definition *d = doc->definitions[i];
        if (!is_type(d) || !d->extend)
            continue;
        struct parts *parts = mer_map_get(&b->parts, d->name);
        if (parts && parts->builtin)
            continue;
        if (parts && parts->defs[0]->kind != d->kind)
            return fail(b, d->name_loc, "Cannot extend type \"", d->name, "\" as another kind of type.");
        if (!parts) {
            if (!b->options->assume_valid)
                return fail(b, d->name_loc, "Cannot extend type \"", d->name,
                            "\" because it is not defined.");
            parts = MER_NEW(b->a, struct parts);
            mer_map_put(&b->parts, d->name, parts);
        }
        add_part(b, parts, d);
    }
    return true;
}

static enum mer_type_kind kind_of(enum mer_def_kind k)
{
    switch (k) {
    case MER_DEF_OBJECT:
        return MER_TYPE_OBJECT;
    case MER_DEF_INTERFACE:
        return MER_TYPE_INTERFACE;
    case MER_DEF_UNION:
        return MER_TYPE_UNION;
    case MER_DEF_ENUM:
        return MER_TYPE_ENUM;
    case MER_DEF_INPUT:
        return MER_TYPE_INPUT;
    default:
        return MER_TYPE_SCALAR;
    }
}

static struct mer_ast_directives join_directives(struct builder *b, const struct parts *parts)
{
    struct mer_ast_directives out = parts->defs[0]->directives;
    uint32_t n = 0;
    for (uint32_t i = 0; i < parts->n; i++)
        n += parts->defs[i]->directives.n;
    if (n == out.n)
        return out;
    out.items = mer_arena_alloc(b->a, n * sizeof(*out.items));
    out.n = 0;
    for (uint32_t i = 0; i < parts->n; i++)
        for (uint32_t j = 0; j < parts->defs[i]->directives.n; j++)
            out.items[out.n++] = parts->defs[i]->directives.items[j];
    return out;
}

static void make_types(struct builder *b)
{
    MER_MAP_EACH(&b->parts, e)
    {
        struct parts *parts = e->value;
        struct mer_type *t = MER_NEW(b->a, struct mer_type);
        parts->type = t;
        t->kind = kind_of(parts->defs[0]->kind);
        t->name = parts->defs[0]->name;
        t->description = parts->defs[0]->description;
        t->directives = join_directives(b, parts);
        t->builtin = parts->builtin;
        t->defs = parts->defs;
        t->defs_n = parts->n;
        t->one_of = t->kind == MER_TYPE_INPUT && mer_ast_directive_find(&t->directives, MER_S("oneOf"));
        mer_map_init(&t->fields_by_name, b->a);
    }
}

// ---- references ----

static struct mer_type *type_named(struct builder *b, struct mer_slice name)
{
    struct parts *parts = mer_map_get(&b->parts, name);
    return parts ? parts->type : NULL;
}

static bool resolve(struct builder *b, const struct mer_ast_type *ast, struct mer_type_ref *out)
{
    *out = (struct mer_type_ref){.ast = ast};
    for (; ast->of; ast = ast->of, out->depth++) {
        if (out->depth == MER_LIST_LEVELS_MAX)
            return fail(b, ast->loc, "Lists nest too deeply", MER_NIL, ".");
        out->non_null |= (uint32_t)ast->non_null << out->depth;
    }
    out->non_null |= (uint32_t)ast->non_null << out->depth;
    out->type = type_named(b, ast->name);
    return out->type || fail(b, ast->loc, "Unknown type \"", ast->name, "\".");
}

static bool make_inputs(struct builder *b, struct mer_ast_input *const *asts, uint32_t n,
                        struct mer_input *out)
{
    for (uint32_t i = 0; i < n; i++) {
        out[i] = (struct mer_input){.name = asts[i]->name,
                                    .description = asts[i]->description,
                                    .default_value = asts[i]->default_value,
                                    .directives = asts[i]->directives,
                                    .ast = asts[i]};
        if (!resolve(b, asts[i]->type, &out[i].type))
            return false;
    }
    return true;
}

static bool make_field(struct builder *b, struct mer_type *t, const struct mer_ast_field_def *ast)
{
    struct mer_field *f = &t->fields[t->fields_n];
    *f = (struct mer_field){.name = ast->name,
                            .description = ast->description,
                            .parent = t,
                            .index = t->fields_n,
                            .arguments_n = ast->arguments_n,
                            .directives = ast->directives,
                            .ast = ast};
    if (!mer_map_add(&t->fields_by_name, f->name, f)) {
        if (b->err == MER_OK)
            b->err = mer_diag_at(b->diag, MER_ERR_INVALID, ast->name_loc.line, ast->name_loc.column,
                                 "Field \"%.*s.%.*s\" can only be defined once.", MER_FMT(t->name),
                                 MER_FMT(f->name));
        return false;
    }
    t->fields_n++;
    f->arguments = MER_NEW_N(b->a, struct mer_input, ast->arguments_n ? ast->arguments_n : 1);
    return resolve(b, ast->type, &f->type) && make_inputs(b, ast->arguments, ast->arguments_n, f->arguments);
}

static bool fill_fields(struct builder *b, const struct parts *parts)
{
    struct mer_type *t = parts->type;
    uint32_t n = 0;
    for (uint32_t i = 0; i < parts->n; i++)
        n += parts->defs[i]->fields_n;
    t->fields = MER_NEW_N(b->a, struct mer_field, n ? n : 1);
    for (uint32_t i = 0; i < parts->n; i++)
        for (uint32_t j = 0; j < parts->defs[i]->fields_n; j++)
            if (!make_field(b, t, parts->defs[i]->fields[j]))
                return false;
    return true;
}

static bool fill_inputs(struct builder *b, const struct parts *parts)
{
    struct mer_type *t = parts->type;
    struct mer_map seen;
    uint32_t n = 0;
    mer_map_init(&seen, b->a);
    for (uint32_t i = 0; i < parts->n; i++)
        n += parts->defs[i]->inputs_n;
    t->inputs = MER_NEW_N(b->a, struct mer_input, n ? n : 1);
    for (uint32_t i = 0; i < parts->n; i++) {
        const struct mer_ast_definition *d = parts->defs[i];
        if (!make_inputs(b, d->inputs, d->inputs_n, t->inputs + t->inputs_n))
            return false;
        for (uint32_t j = 0; j < d->inputs_n; j++)
            if (!mer_map_add(&seen, d->inputs[j]->name, t))
                return fail(b, d->inputs[j]->name_loc, "Input field \"", d->inputs[j]->name,
                            "\" can only be defined once.");
        t->inputs_n += d->inputs_n;
    }
    return true;
}

static bool fill_values(struct builder *b, const struct parts *parts)
{
    struct mer_type *t = parts->type;
    struct mer_map seen;
    uint32_t n = 0;
    mer_map_init(&seen, b->a);
    for (uint32_t i = 0; i < parts->n; i++)
        n += parts->defs[i]->values_n;
    t->values = MER_NEW_N(b->a, struct mer_enum_value, n ? n : 1);
    for (uint32_t i = 0; i < parts->n; i++)
        for (uint32_t j = 0; j < parts->defs[i]->values_n; j++) {
            const struct mer_ast_enum_value *v = parts->defs[i]->values[j];
            if (!mer_map_add(&seen, v->name, t))
                return fail(b, v->name_loc, "Enum value \"", v->name, "\" can only be defined once.");
            t->values[t->values_n++] = (struct mer_enum_value){v->name, v->description, v->directives};
        }
    return true;
}

// Interfaces of an object or interface, members of a union: names once each, in order.
static bool fill_names(struct builder *b, const struct parts *parts, enum mer_type_kind want,
                       const struct mer_type ***out, uint32_t *out_n)
{
    struct mer_map seen;
    uint32_t n = 0;
    mer_map_init(&seen, b->a);
    for (uint32_t i = 0; i < parts->n; i++)
        n += parts->defs[i]->names_n;
    *out = MER_NEW_N(b->a, const struct mer_type *, n ? n : 1);
    for (uint32_t i = 0; i < parts->n; i++)
        for (uint32_t j = 0; j < parts->defs[i]->names_n; j++) {
            const struct mer_ast_name *name = &parts->defs[i]->names[j];
            struct mer_type *t = type_named(b, name->name);
            if (!t)
                return fail(b, name->loc, "Unknown type \"", name->name, "\".");
            if (t->kind != want) {
                struct mer_slice before =
                    want == MER_TYPE_INTERFACE
                        ? mer_arena_printf(
                              b->a, "Type %.*s must only implement Interface types, it cannot implement ",
                              MER_FMT(parts->type->name))
                        : mer_arena_printf(
                              b->a, "Union type %.*s can only include Object types, it cannot include ",
                              MER_FMT(parts->type->name));
                return fail(b, name->loc, mer_arena_cstr(b->a, before), name->name, ".");
            }
            if (mer_map_add(&seen, name->name, t))
                (*out)[(*out_n)++] = t;
        }
    return true;
}

static bool fill(struct builder *b, const struct parts *parts)
{
    struct mer_type *t = parts->type;
    switch (t->kind) {
    case MER_TYPE_OBJECT:
    case MER_TYPE_INTERFACE:
        return fill_fields(b, parts) &&
               fill_names(b, parts, MER_TYPE_INTERFACE, &t->interfaces, &t->interfaces_n);
    case MER_TYPE_UNION:
        return fill_names(b, parts, MER_TYPE_OBJECT, &t->possible, &t->possible_n);
    case MER_TYPE_ENUM:
        return fill_values(b, parts);
    case MER_TYPE_INPUT:
        return fill_inputs(b, parts);
    case MER_TYPE_SCALAR:
        return true;
    }
    return true;
}

// Objects are possible types of themselves and of every interface they name.
static void fill_possible(struct builder *b)
{
    MER_MAP_EACH(&b->parts, e)
    {
        const struct mer_type *t = ((struct parts *)e->value)->type;
        for (uint32_t i = 0; t->kind == MER_TYPE_OBJECT && i < t->interfaces_n; i++)
            type_named(b, t->interfaces[i]->name)->possible_n++;
    }
    MER_MAP_EACH(&b->parts, e)
    {
        struct mer_type *t = ((struct parts *)e->value)->type;
        if (t->kind == MER_TYPE_INTERFACE) {
            t->possible = MER_NEW_N(b->a, const struct mer_type *, t->possible_n ? t->possible_n : 1);
            t->possible_n = 0;
        }
    }
    MER_MAP_EACH(&b->parts, e)
    {
        struct mer_type *t = ((struct parts *)e->value)->type;
        if (t->kind != MER_TYPE_OBJECT)
            continue;
        t->possible = MER_NEW_N(b->a, const struct mer_type *, 1);
        t->possible[t->possible_n++] = t;
        for (uint32_t i = 0; i < t->interfaces_n; i++) {
            struct mer_type *in = type_named(b, t->interfaces[i]->name);
            in->possible[in->possible_n++] = t;
        }
    }
}

// ---- directives and roots ----

static uint32_t count_directives(const struct mer_ast_document *doc)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < doc->definitions_n; i++)
        n += doc->definitions[i]->kind == MER_DEF_DIRECTIVE;
    return n;
}

static bool make_directives(struct builder *b, const struct mer_ast_document *doc, bool builtin)
{
    for (uint32_t i = 0; i < doc->definitions_n; i++) {
        const struct mer_ast_definition *d = doc->definitions[i];
        if (d->kind != MER_DEF_DIRECTIVE)
            continue;
        if (mer_schema_directive(b->s, d->name)) {
            if (builtin)
                continue; // the document has its own
            return fail(b, d->name_loc, "There can be only one directive named \"@", d->name, "\".");
        }
        struct mer_directive_def *def = &b->s->directives[b->s->directives_n];
        *def = (struct mer_directive_def){.name = d->name,
                                          .description = d->description,
                                          .arguments_n = d->inputs_n,
                                          .repeatable = d->repeatable,
                                          .builtin = builtin,
                                          .ast = d};
        def->arguments = MER_NEW_N(b->a, struct mer_input, d->inputs_n ? d->inputs_n : 1);
        for (uint32_t j = 0; j < d->names_n; j++)
            def->locations |= mer_directive_location_parse(d->names[j].name);
        if (!make_inputs(b, d->inputs, d->inputs_n, def->arguments))
            return false;
        b->s->directives_n++;
    }
    return true;
}

static bool set_root(struct builder *b, enum mer_operation_kind kind, const struct mer_ast_name *name)
{
    static const char *const wrong[3] = {
        "Query root type must be Object type, it cannot be ",
        "Mutation root type must be Object type if provided, it cannot be ",
        "Subscription root type must be Object type if provided, it cannot be "};
    const struct mer_type *t = type_named(b, name->name);
    if (!t)
        return fail(b, name->loc, "Unknown type \"", name->name, "\".");
    if (t->kind != MER_TYPE_OBJECT)
        return fail(b, name->loc, wrong[kind], name->name, ".");
    b->s->roots[kind] = t;
    return true;
}

static void add_schema_directives(struct builder *b, const struct mer_ast_directives *more)
{
    struct mer_ast_directives *all = &b->s->schema_directives;
    if (!more->n)
        return;
    struct mer_ast_directive **items = mer_arena_alloc(b->a, (all->n + more->n) * sizeof(*items));
    if (all->n)
        memcpy(items, all->items, all->n * sizeof(*items));
    memcpy(items + all->n, more->items, more->n * sizeof(*items));
    *all = (struct mer_ast_directives){items, all->n + more->n};
}

static bool find_roots(struct builder *b, const struct mer_ast_document *doc)
{
    static const char *const usual[3] = {"Query", "Mutation", "Subscription"};
    bool told = false;
    for (uint32_t i = 0; i < doc->definitions_n; i++) {
        const struct mer_ast_definition *d = doc->definitions[i];
        if (d->kind != MER_DEF_SCHEMA)
            continue;
        told = told || !d->extend || d->roots_n;
        if (!d->extend) {
            b->s->description = d->description;
            b->s->ast = d;
        }
        add_schema_directives(b, &d->directives);
        for (uint32_t j = 0; j < d->roots_n; j++)
            if (!set_root(b, d->roots[j].kind, &d->roots[j].type))
                return false;
    }
    for (uint32_t i = 0; !told && i < 3; i++) {
        const struct mer_type *t = type_named(b, mer_slice_of(usual[i]));
        if (t && t->kind == MER_TYPE_OBJECT)
            b->s->roots[i] = t;
    }
    return true;
}

// ---- what the schema lists ----

// Adds a built-in scalar the first time something refers to it.
static void list_scalar(struct builder *b, struct mer_schema *s, const struct mer_type *t, uint32_t *listed_n)
{
    if (!t->builtin || t->kind != MER_TYPE_SCALAR || mer_map_has(&s->types_by_name, t->name))
        return;
    mer_map_put(&s->types_by_name, t->name, type_named(b, t->name));
    s->listed[(*listed_n)++] = t;
}

static void list_inputs(struct builder *b, const struct mer_input *in, uint32_t n, uint32_t *listed_n)
{
    for (uint32_t i = 0; i < n; i++)
        list_scalar(b, b->s, in[i].type.type, listed_n);
}

static void list_type(struct builder *b, struct mer_type *t, uint32_t *listed_n)
{
    struct mer_schema *s = b->s;
    if (!mer_map_add(&s->types_by_name, t->name, t))
        return;
    s->listed[(*listed_n)++] = t;
    for (uint32_t i = 0; i < t->fields_n; i++) {
        list_scalar(b, s, t->fields[i].type.type, listed_n);
        list_inputs(b, t->fields[i].arguments, t->fields[i].arguments_n, listed_n);
    }
    list_inputs(b, t->inputs, t->inputs_n, listed_n);
}

// The types of introspection follow each other as they refer to each other, from __Schema on.
static void list_introspection(struct builder *b, struct mer_type *t, uint32_t *listed_n)
{
    if (!mer_map_add(&b->s->types_by_name, t->name, t))
        return;
    b->s->listed[(*listed_n)++] = t;
    for (uint32_t i = 0; i < t->fields_n; i++)
        list_introspection(b, type_named(b, t->fields[i].type.type->name), listed_n);
}

static void list_types(struct builder *b)
{
    struct mer_schema *s = b->s;
    uint32_t n = 0;
    s->listed = MER_NEW_N(b->a, const struct mer_type *, b->parts.count);
    s->types = MER_NEW_N(b->a, struct mer_type *, b->parts.count);
    MER_MAP_EACH(&b->parts, e)
    {
        struct parts *parts = e->value;
        if (!parts->builtin)
            list_type(b, parts->type, &n);
    }
    for (uint32_t i = 0; i < s->directives_n; i++)
        list_inputs(b, s->directives[i].arguments, s->directives[i].arguments_n, &n);
    list_introspection(b, type_named(b, MER_S("__Schema")), &n);
    for (int builtin = 0; builtin < 2; builtin++)
        for (uint32_t i = 0; i < n; i++)
            if (s->listed[i]->builtin == (builtin == 1)) {
                struct mer_type *t = type_named(b, s->listed[i]->name);
                t->index = s->types_n;
                s->types[s->types_n++] = t;
            }
}

static void meta_fields(struct builder *b)
{
    const struct mer_type *t = type_named(b, MER_S("__Fields"));
    b->s->schema_field = &t->fields[0];
    b->s->type_field = &t->fields[1];
    b->s->typename_field = &t->fields[2];
}

// ---- the whole ----

static bool build(struct builder *b, const struct mer_ast_document *builtin,
                  const struct mer_ast_document *doc)
{
    uint32_t directives_n = count_directives(doc) + count_directives(builtin);
    if (!gather_definitions(b, builtin, true) || !gather_definitions(b, doc, false) ||
        !gather_extensions(b, doc))
        return false;
    make_types(b);
    MER_MAP_EACH(&b->parts, e)
    if (!fill(b, e->value))
        return false;
    fill_possible(b);
    b->s->directives = MER_NEW_N(b->a, struct mer_directive_def, directives_n);
    if (!make_directives(b, doc, false) || !make_directives(b, builtin, true) || !find_roots(b, doc))
        return false;
    meta_fields(b);
    list_types(b);
    return true;
}

// The first of what validation says, as the diag.
static enum mer_err first_error(enum mer_err err, const struct mer_validation_error *errors, uint32_t n,
                                struct mer_diag *diag)
{
    if (!n)
        return err == MER_OK ? MER_OK
                             : mer_diag_set(diag, err, "The schema needs more memory than it may use.");
    struct mer_slice message = mer_utf8_cut(errors[0].message, 200);
    struct mer_loc loc = errors[0].locations_n ? errors[0].locations[0] : (struct mer_loc){0, 0};
    return mer_diag_at(diag, MER_ERR_INVALID, loc.line, loc.column, "%.*s", MER_FMT(message));
}

static enum mer_err check_document(struct builder *b, const struct mer_ast_document *doc)
{
    struct mer_validate_options options = {.rules = MER_SDL_ALL, .suggestions = true};
    struct mer_validation_error *errors;
    uint32_t n;
    if (b->options->assume_valid)
        return b->options->allow_unknown_directives ? MER_OK
                                                    : mer_schema_check_directives(b->s, doc, b->diag);
    if (b->options->allow_unknown_directives)
        options.rules &= ~(uint32_t)MER_SDL_KNOWN_DIRECTIVES;
    enum mer_err err = mer_validate_sdl(b->a, doc, NULL, &options, &errors, &n);
    return first_error(err, errors, n, b->diag);
}

static enum mer_err check_schema(struct builder *b)
{
    struct mer_validation_error *errors;
    uint32_t n;
    if (b->options->assume_valid)
        return MER_OK;
    enum mer_err err = mer_validate_schema(b->a, b->s, NULL, &errors, &n);
    return first_error(err, errors, n, b->diag);
}

enum mer_err mer_schema_build(struct mer_arena *a, const struct mer_ast_document *doc,
                              const struct mer_schema_options *options, struct mer_schema **out,
                              struct mer_diag *diag)
{
    static const struct mer_schema_options none = {0};
    struct mer_ast_document *builtin = NULL;
    *out = NULL;
    enum mer_err err = mer_parse(a, mer_builtin_sdl(a), MER_PARSE_TYPE_SYSTEM, NULL, &builtin, diag);
    if (err != MER_OK)
        return err;
    struct builder b = {.a = a, .options = options ? options : &none, .diag = diag};
    b.s = MER_NEW(a, struct mer_schema);
    mer_map_init(&b.parts, a);
    mer_map_init(&b.s->types_by_name, a);
    if (!b.options->assume_valid && (err = check_document(&b, doc)) != MER_OK)
        return err;
    if (!build(&b, builtin, doc))
        return b.err;
    if (b.options->assume_valid && (err = check_document(&b, doc)) != MER_OK)
        return err;
    if ((err = check_schema(&b)) != MER_OK)
        return err;
    if (mer_arena_exhausted(a))
        return mer_diag_set(diag, MER_ERR_LIMIT, "The schema needs more memory than it may use.");
    *out = b.s;
    return MER_OK;
}
