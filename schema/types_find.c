// SPDX-License-Identifier: MIT
// Asking a schema, and one look over the directives a document uses.
#include "schema/types_priv.h"

const struct mer_type *mer_schema_type(const struct mer_schema *s, struct mer_slice name)
{
    return name.n ? mer_map_get(&s->types_by_name, name) : NULL;
}

const struct mer_field *mer_schema_field(const struct mer_schema *s, const struct mer_type *t,
                                         struct mer_slice name)
{
    if (!name.n || !mer_type_is_composite(t))
        return NULL;
    if (name.n > 2 && name.p[0] == '_' && name.p[1] == '_') {
        if (mer_slice_is(name, "__typename"))
            return s->typename_field;
        if (t == s->roots[MER_OP_QUERY] && mer_slice_is(name, "__schema"))
            return s->schema_field;
        if (t == s->roots[MER_OP_QUERY] && mer_slice_is(name, "__type"))
            return s->type_field;
    }
    return t->kind == MER_TYPE_UNION ? NULL : mer_map_get(&t->fields_by_name, name);
}

const struct mer_directive_def *mer_schema_directive(const struct mer_schema *s, struct mer_slice name)
{
    for (uint32_t i = 0; i < s->directives_n; i++)
        if (mer_slice_eq(s->directives[i].name, name))
            return &s->directives[i];
    return NULL;
}

const struct mer_input *mer_field_argument(const struct mer_field *f, struct mer_slice name)
{
    for (uint32_t i = 0; i < f->arguments_n; i++)
        if (mer_slice_eq(f->arguments[i].name, name))
            return &f->arguments[i];
    return NULL;
}

bool mer_type_covers(const struct mer_type *t, const struct mer_type *object)
{
    if (t == object)
        return true;
    if (t->kind == MER_TYPE_INTERFACE) {
        for (uint32_t i = 0; i < object->interfaces_n; i++)
            if (object->interfaces[i] == t)
                return true;
        return false;
    }
    for (uint32_t i = 0; t->kind == MER_TYPE_UNION && i < t->possible_n; i++)
        if (t->possible[i] == object)
            return true;
    return false;
}

bool mer_deprecation(const struct mer_ast_directives *ds, struct mer_slice *reason)
{
    const struct mer_ast_directive *d = mer_ast_directive_find(ds, MER_S("deprecated"));
    const struct mer_ast_value *v = d ? mer_ast_argument_find(d, MER_S("reason")) : NULL;
    if (!d || (v && v->kind != MER_VALUE_STRING))
        return false;
    if (reason)
        *reason = v ? v->text : MER_S("No longer supported");
    return true;
}

struct mer_slice mer_type_specified_by(const struct mer_type *t)
{
    const struct mer_ast_directive *d = mer_ast_directive_find(&t->directives, MER_S("specifiedBy"));
    const struct mer_ast_value *v = d ? mer_ast_argument_find(d, MER_S("url")) : NULL;
    return v && v->kind == MER_VALUE_STRING ? v->text : MER_NIL;
}

bool mer_type_ref_of(const struct mer_schema *s, const struct mer_ast_type *ast, struct mer_type_ref *out)
{
    *out = (struct mer_type_ref){.ast = ast};
    for (; ast->of; ast = ast->of, out->depth++) {
        if (out->depth == MER_LIST_LEVELS_MAX)
            return false;
        out->non_null |= (uint32_t)ast->non_null << out->depth;
    }
    out->non_null |= (uint32_t)ast->non_null << out->depth;
    out->type = mer_schema_type(s, ast->name);
    return out->type != NULL;
}

// ---- directives that a document uses ----

struct check {
    const struct mer_schema *s;
    struct mer_diag *diag;
    enum mer_err err;
};

static bool known(struct check *c, const struct mer_ast_directives *ds)
{
    for (uint32_t i = 0; c->err == MER_OK && i < ds->n; i++)
        if (!mer_schema_directive(c->s, ds->items[i]->name))
            c->err = mer_diag_at(c->diag, MER_ERR_INVALID, ds->items[i]->loc.line, ds->items[i]->loc.column,
                                 "Unknown directive \"@%.*s\".", MER_FMT(ds->items[i]->name));
    return c->err == MER_OK;
}

static bool known_inputs(struct check *c, struct mer_ast_input *const *in, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!known(c, &in[i]->directives))
            return false;
    return true;
}

enum mer_err mer_schema_check_directives(const struct mer_schema *s, const struct mer_ast_document *doc,
                                         struct mer_diag *diag)
{
    struct check c = {s, diag, MER_OK};
    for (uint32_t i = 0; c.err == MER_OK && i < doc->definitions_n; i++) {
        const struct mer_ast_definition *d = doc->definitions[i];
        if (!known(&c, &d->directives) || !known_inputs(&c, d->inputs, d->inputs_n))
            break;
        for (uint32_t j = 0; j < d->fields_n; j++)
            if (!known(&c, &d->fields[j]->directives) ||
                !known_inputs(&c, d->fields[j]->arguments, d->fields[j]->arguments_n))
                break;
        for (uint32_t j = 0; j < d->values_n; j++)
            if (!known(&c, &d->values[j]->directives))
                break;
    }
    return c.err;
}
