// SPDX-License-Identifier: MIT
// Definitions as the subgraph would write them, then the schema of those. Copies are shallow: only what is
// different in the subgraph is new.
#include "schema/subgraph_schema.h"

#include "schema/parser.h"

struct drawing {
    struct mer_arena *a;
    const struct mer_supergraph *sg;
    uint32_t g;
    struct mer_ast_document *doc;
    enum mer_err err;
    struct mer_diag *diag;
};

static bool fail(struct drawing *d, struct mer_loc loc, struct mer_slice type, struct mer_slice field,
                 const char *what)
{
    d->err = mer_diag_at(d->diag, MER_ERR_INVALID, loc.line, loc.column, "%.*s.%.*s in subgraph %.*s: %s",
                         MER_FMT(type), MER_FMT(field), MER_FMT(d->sg->subgraphs[d->g].name), what);
    return false;
}

static bool is_known(const struct drawing *d, const struct mer_ast_type *t)
{
    while (t->of) {
        t = t->of;
    }
    const struct mer_type *type = mer_schema_type(d->sg->schema, t->name);
    return type && (type->builtin || mer_supergraph_type_in(d->sg, type->name, d->g));
}

// ---- fields ----

static struct mer_slice text_of(const struct mer_ast_value *object, const char *member)
{
    for (uint32_t i = 0; i < object->n; i++) {
        if (object->kind == MER_VALUE_OBJECT && mer_slice_is(object->fields[i]->name, member) &&
            object->fields[i]->value->kind == MER_VALUE_STRING) {
            return object->fields[i]->value->text;
        }
    }
    return MER_NIL;
}

// Arguments that the gateway fills from a context: no client sees them, so only @join__field tells them.
static uint32_t context_arguments(struct drawing *d, const struct mer_join_field *f,
                                  struct mer_ast_input **out)
{
    const struct mer_ast_value *list =
        f->ast ? mer_ast_argument_find(f->ast, MER_S("contextArguments")) : NULL;
    uint32_t n = 0;
    for (uint32_t i = 0; list && list->kind == MER_VALUE_LIST && i < list->n; i++) {
        struct mer_slice name = text_of(list->items[i], "name"), type = text_of(list->items[i], "type");
        struct mer_ast_type *t = NULL;
        if (!name.n || mer_parse_type(d->a, type, &t, NULL) != MER_OK || !is_known(d, t)) {
            continue;
        }
        out[n] = MER_NEW(d->a, struct mer_ast_input);
        out[n]->name = name;
        out[n]->type = t;
        n++;
    }
    return n;
}

static uint32_t contexts_n(const struct mer_join_field *f)
{
    const struct mer_ast_value *list =
        f->ast ? mer_ast_argument_find(f->ast, MER_S("contextArguments")) : NULL;
    return list && list->kind == MER_VALUE_LIST ? list->n : 0;
}

static struct mer_ast_field_def *draw_field(struct drawing *d, const struct mer_join_type *t,
                                            const struct mer_join_field_set *set,
                                            const struct mer_join_field *f)
{
    const struct mer_field *field = set->field;
    struct mer_ast_field_def *def = MER_NEW(d->a, struct mer_ast_field_def);
    *def = *field->ast;
    def->description = MER_NIL;
    if (f->type_ref) {
        union {
            const struct mer_ast_type *in;
            struct mer_ast_type *out;
        } type = {f->type_ref}; // nobody writes to a tree that is done
        def->type = type.out;
    }
    if (!is_known(d, def->type)) {
        (void)fail(d, field->ast->loc, t->type->name, field->name, "it does not know the field's type");
        return NULL;
    }
    def->arguments = MER_NEW_N(d->a, struct mer_ast_input *, field->arguments_n + contexts_n(f) + 1);
    def->arguments_n = 0;
    for (uint32_t i = 0; i < field->ast->arguments_n; i++) {
        struct mer_ast_input *in = field->ast->arguments[i];
        if (is_known(d, in->type)) {
            def->arguments[def->arguments_n++] = in;
        }
    }
    def->arguments_n += context_arguments(d, f, def->arguments + def->arguments_n);
    return def;
}

static const struct mer_join_field *join_in(const struct mer_join_field_set *set, uint32_t g)
{
    for (uint32_t i = 0; i < set->in_n; i++) {
        if (set->in[i].subgraph == g) {
            return &set->in[i];
        }
    }
    return NULL;
}

static bool draw_fields(struct drawing *d, const struct mer_join_type *t, struct mer_ast_definition *def)
{
    def->fields = MER_NEW_N(d->a, struct mer_ast_field_def *, t->fields_n + 1);
    for (uint32_t i = 0; i < t->fields_n; i++) {
        const struct mer_join_field *f = join_in(&t->fields[i], d->g);
        if (!f) {
            continue;
        }
        struct mer_ast_field_def *field = draw_field(d, t, &t->fields[i], f);
        if (!field) {
            return false;
        }
        def->fields[def->fields_n++] = field;
    }
    return true;
}

// ---- types ----

// An interface object is no interface there, so nothing implements it.
static void draw_names(struct drawing *d, const struct mer_slice *names, uint32_t n, bool interfaces,
                       struct mer_ast_definition *def)
{
    def->names = MER_NEW_N(d->a, struct mer_ast_name, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        const struct mer_join_type_in *in = mer_supergraph_type_in(d->sg, names[i], d->g);
        if (in && !(interfaces && in->interface_object)) {
            def->names[def->names_n++] = (struct mer_ast_name){.name = names[i], .loc = def->loc};
        }
    }
}

static void draw_inputs(struct drawing *d, const struct mer_type *t, struct mer_ast_definition *def)
{
    union {
        const struct mer_ast_input *in;
        struct mer_ast_input *out;
    } input;
    def->inputs = MER_NEW_N(d->a, struct mer_ast_input *, t->inputs_n + 1);
    for (uint32_t i = 0; i < t->inputs_n; i++) {
        input.in = t->inputs[i].ast; // nobody writes to a tree that is done
        if (is_known(d, input.in->type)) {
            def->inputs[def->inputs_n++] = input.out;
        }
    }
}

static void draw_values(struct drawing *d, const struct mer_type *t, const struct mer_join_type_in *in,
                        struct mer_ast_definition *def)
{
    def->values = MER_NEW_N(d->a, struct mer_ast_enum_value *, t->values_n + 1);
    for (uint32_t i = 0; i < in->values_n; i++) {
        struct mer_ast_enum_value *v = MER_NEW(d->a, struct mer_ast_enum_value);
        v->name = in->values[i];
        v->name_loc = v->loc = def->loc;
        def->values[def->values_n++] = v;
    }
}

static enum mer_def_kind def_kind(const struct mer_type *t, const struct mer_join_type_in *in)
{
    static const enum mer_def_kind kinds[] = {
        [MER_TYPE_SCALAR] = MER_DEF_SCALAR,       [MER_TYPE_OBJECT] = MER_DEF_OBJECT,
        [MER_TYPE_INTERFACE] = MER_DEF_INTERFACE, [MER_TYPE_UNION] = MER_DEF_UNION,
        [MER_TYPE_ENUM] = MER_DEF_ENUM,           [MER_TYPE_INPUT] = MER_DEF_INPUT,
    };
    return in->interface_object ? MER_DEF_OBJECT : kinds[t->kind];
}

static struct mer_ast_definition *new_definition(struct drawing *d, enum mer_def_kind kind,
                                                 const struct mer_type *t)
{
    struct mer_ast_definition *def = MER_NEW(d->a, struct mer_ast_definition);
    *def = (struct mer_ast_definition){.kind = kind, .name = t->name, .directives = t->directives};
    if (t->defs_n) {
        def->loc = t->defs[0]->loc;
        def->name_loc = t->defs[0]->name_loc;
    }
    d->doc->definitions[d->doc->definitions_n++] = def;
    return def;
}

static bool draw_type(struct drawing *d, const struct mer_join_type *t)
{
    const struct mer_join_type_in *in = t->in[d->g];
    struct mer_ast_definition *def = new_definition(d, def_kind(t->type, in), t->type);
    switch (t->type->kind) {
    case MER_TYPE_OBJECT:
    case MER_TYPE_INTERFACE:
        draw_names(d, in->interfaces, in->interfaces_n, true, def);
        return draw_fields(d, t, def);
    case MER_TYPE_UNION:
        draw_names(d, in->members, in->members_n, false, def);
        return true;
    case MER_TYPE_ENUM:
        draw_values(d, t->type, in, def);
        return true;
    case MER_TYPE_INPUT:
        draw_inputs(d, t->type, def);
        return true;
    case MER_TYPE_SCALAR:
        break;
    }
    return true;
}

// ---- the whole ----

static void draw_roots(struct drawing *d)
{
    const struct mer_schema *s = d->sg->schema;
    struct mer_ast_definition *def = MER_NEW(d->a, struct mer_ast_definition);
    def->kind = MER_DEF_SCHEMA;
    def->roots = MER_NEW_N(d->a, struct mer_ast_root, 3);
    for (uint32_t k = 0; k < 3; k++) {
        const struct mer_type *t = s->roots[k];
        bool there = t && mer_supergraph_type_in(d->sg, t->name, d->g);
        if (t && !there && k == MER_OP_QUERY) {
            (void)new_definition(d, MER_DEF_OBJECT, t);
        }
        if (there || (t && k == MER_OP_QUERY)) {
            def->roots[def->roots_n++] =
                (struct mer_ast_root){.kind = (enum mer_operation_kind)k, .type = {.name = t->name}};
        }
    }
    d->doc->definitions[d->doc->definitions_n++] = def;
}

enum mer_err mer_supergraph_subschema(struct mer_arena *a, const struct mer_supergraph *sg, uint32_t g,
                                      const struct mer_schema **out, struct mer_diag *diag)
{
    const struct mer_schema_options options = {.assume_valid = true, .allow_unknown_directives = true};
    struct drawing d = {.a = a, .sg = sg, .g = g, .diag = diag};
    struct mer_schema *schema = NULL;
    *out = NULL;
    d.doc = MER_NEW(a, struct mer_ast_document);
    d.doc->definitions = MER_NEW_N(a, struct mer_ast_definition *, sg->types.count + 2);
    MER_MAP_EACH(&sg->types, e)
    {
        const struct mer_join_type *t = e->value;
        if (t->in[g] && !draw_type(&d, t)) {
            return d.err;
        }
    }
    draw_roots(&d);
    enum mer_err err = mer_schema_build(a, d.doc, &options, &schema, diag);
    *out = schema;
    return err;
}
