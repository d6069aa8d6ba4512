// SPDX-License-Identifier: MIT
// The API document: a copy of the supergraph's definitions without the elements of linked specifications and
// without what is inaccessible. Copies are shallow: only what changes is new.
#include "schema/parser.h"
#include "schema/supergraph_priv.h"

struct api {
    struct mer_arena *a;
    const struct mer_links *links;
    struct mer_slice inaccessible;
    struct mer_map hidden; // names of types that clients may not see
};

static bool is_hidden(const struct api *x, const struct mer_ast_directives *ds)
{
    return x->inaccessible.n && mer_ast_directive_find(ds, x->inaccessible);
}

static bool type_hidden(const struct api *x, const struct mer_ast_type *t)
{
    while (t->of)
        t = t->of;
    return mer_map_has(&x->hidden, t->name);
}

static struct mer_ast_directives keep_directives(const struct api *x, const struct mer_ast_directives *ds)
{
    struct mer_ast_directives out = {0};
    if (!ds->n)
        return out;
    out.items = MER_NEW_N(x->a, struct mer_ast_directive *, ds->n);
    for (uint32_t i = 0; i < ds->n; i++)
        if (!mer_links_own(x->links, ds->items[i]->name, true))
            out.items[out.n++] = ds->items[i];
    return out;
}

static void keep_inputs(const struct api *x, struct mer_ast_input ***inputs, uint32_t *n)
{
    struct mer_ast_input **kept = MER_NEW_N(x->a, struct mer_ast_input *, *n ? *n : 1);
    uint32_t kept_n = 0;
    for (uint32_t i = 0; i < *n; i++) {
        const struct mer_ast_input *in = (*inputs)[i];
        if (is_hidden(x, &in->directives) || type_hidden(x, in->type))
            continue;
        struct mer_ast_input *copy = MER_NEW(x->a, struct mer_ast_input);
        *copy = *in;
        copy->directives = keep_directives(x, &in->directives);
        kept[kept_n++] = copy;
    }
    *inputs = kept;
    *n = kept_n;
}

static void keep_fields(const struct api *x, struct mer_ast_definition *d)
{
    struct mer_ast_field_def **kept =
        MER_NEW_N(x->a, struct mer_ast_field_def *, d->fields_n ? d->fields_n : 1);
    uint32_t n = 0;
    for (uint32_t i = 0; i < d->fields_n; i++) {
        const struct mer_ast_field_def *f = d->fields[i];
        if (is_hidden(x, &f->directives) || type_hidden(x, f->type))
            continue;
        struct mer_ast_field_def *copy = MER_NEW(x->a, struct mer_ast_field_def);
        *copy = *f;
        copy->directives = keep_directives(x, &f->directives);
        keep_inputs(x, &copy->arguments, &copy->arguments_n);
        kept[n++] = copy;
    }
    d->fields = kept;
    d->fields_n = n;
}

static void keep_values(const struct api *x, struct mer_ast_definition *d)
{
    struct mer_ast_enum_value **kept =
        MER_NEW_N(x->a, struct mer_ast_enum_value *, d->values_n ? d->values_n : 1);
    uint32_t n = 0;
    for (uint32_t i = 0; i < d->values_n; i++) {
        if (is_hidden(x, &d->values[i]->directives))
            continue;
        struct mer_ast_enum_value *copy = MER_NEW(x->a, struct mer_ast_enum_value);
        *copy = *d->values[i];
        copy->directives = keep_directives(x, &d->values[i]->directives);
        kept[n++] = copy;
    }
    d->values = kept;
    d->values_n = n;
}

static void keep_names(const struct api *x, struct mer_ast_definition *d)
{
    struct mer_ast_name *kept = MER_NEW_N(x->a, struct mer_ast_name, d->names_n ? d->names_n : 1);
    uint32_t n = 0;
    for (uint32_t i = 0; i < d->names_n; i++)
        if (!mer_map_has(&x->hidden, d->names[i].name))
            kept[n++] = d->names[i];
    d->names = kept;
    d->names_n = n;
}

// A root whose type is hidden goes: a schema may have an inaccessible mutation type.
static void keep_roots(const struct api *x, struct mer_ast_definition *d)
{
    struct mer_ast_root *kept = MER_NEW_N(x->a, struct mer_ast_root, d->roots_n ? d->roots_n : 1);
    uint32_t n = 0;
    for (uint32_t i = 0; i < d->roots_n; i++)
        if (!mer_map_has(&x->hidden, d->roots[i].type.name))
            kept[n++] = d->roots[i];
    d->roots = kept;
    d->roots_n = n;
}

static struct mer_ast_definition *keep(const struct api *x, const struct mer_ast_definition *d)
{
    if (d->kind == MER_DEF_DIRECTIVE && mer_links_own(x->links, d->name, true))
        return NULL;
    if (d->kind != MER_DEF_DIRECTIVE && mer_map_has(&x->hidden, d->name))
        return NULL;
    struct mer_ast_definition *copy = MER_NEW(x->a, struct mer_ast_definition);
    *copy = *d;
    copy->directives = keep_directives(x, &d->directives);
    if (d->kind == MER_DEF_DIRECTIVE) {
        keep_inputs(x, &copy->inputs, &copy->inputs_n);
        return copy;
    }
    keep_fields(x, copy);
    keep_inputs(x, &copy->inputs, &copy->inputs_n);
    keep_values(x, copy);
    keep_names(x, copy);
    keep_roots(x, copy);
    return copy;
}

// What the gateway itself does for clients, as the field's routers tell it; a schema may say it already.
static void add_defer(struct mer_arena *a, struct mer_ast_document *api)
{
    struct mer_ast_document *own = NULL;
    for (uint32_t i = 0; i < api->definitions_n; i++)
        if (api->definitions[i]->kind == MER_DEF_DIRECTIVE &&
            mer_slice_is(api->definitions[i]->name, "defer"))
            return;
    if (mer_parse(a,
                  MER_S("directive @defer(label: String, if: Boolean! = true) on FRAGMENT_SPREAD | "
                        "INLINE_FRAGMENT"),
                  MER_PARSE_TYPE_SYSTEM, NULL, &own, NULL) == MER_OK)
        api->definitions[api->definitions_n++] = own->definitions[0];
}

struct mer_ast_document *mer_supergraph_api(struct mer_arena *a, const struct mer_ast_document *doc,
                                            const struct mer_links *links, struct mer_slice inaccessible)
{
    struct api x = {.a = a, .links = links, .inaccessible = inaccessible};
    struct mer_ast_document *out = MER_NEW(a, struct mer_ast_document);
    mer_map_init(&x.hidden, a);
    for (uint32_t i = 0; i < doc->definitions_n; i++) {
        struct mer_ast_definition *d = doc->definitions[i];
        bool type = d->kind != MER_DEF_DIRECTIVE && d->kind != MER_DEF_SCHEMA;
        if (type && (is_hidden(&x, &d->directives) || mer_links_own(links, d->name, false)))
            mer_map_put(&x.hidden, d->name, d);
    }
    out->source = doc->source;
    out->definitions = MER_NEW_N(a, struct mer_ast_definition *, doc->definitions_n + 1);
    for (uint32_t i = 0; i < doc->definitions_n; i++) {
        struct mer_ast_definition *kept = keep(&x, doc->definitions[i]);
        if (kept)
            out->definitions[out->definitions_n++] = kept;
    }
    add_defer(a, out);
    return out;
}
