// SPDX-License-Identifier: MIT
// Reading the join specification's directives into tables.
#include "schema/supergraph_priv.h"

#include "schema/parser.h"

#include <stdio.h>

struct loader {
    struct mer_arena *a;
    struct mer_supergraph *sg;
    struct mer_links links;
    struct mer_map graphs; // enum value → struct mer_subgraph *
    struct {
        struct mer_slice type, field, implements, member, value, graph, owner, graph_enum;
    } names;
    enum mer_err err;
    struct mer_diag *diag;
};

static bool fail(struct loader *l, struct mer_loc loc, struct mer_slice type, struct mer_slice field,
                 const char *what)
{
    if (l->err == MER_OK)
        l->err = mer_diag_at(l->diag, MER_ERR_INVALID, loc.line, loc.column, "%.*s%s%.*s: %s", MER_FMT(type),
                             field.n ? "." : "", (int)field.n, field.p ? field.p : "", what);
    return false;
}

// ---- arguments of directives ----

static struct mer_slice string_arg(const struct mer_ast_directive *d, const char *name)
{
    const struct mer_ast_value *v = mer_ast_argument_find(d, mer_slice_of(name));
    return v && v->kind == MER_VALUE_STRING ? v->text : MER_NIL;
}

static bool bool_arg(const struct mer_ast_directive *d, const char *name, bool otherwise)
{
    const struct mer_ast_value *v = mer_ast_argument_find(d, mer_slice_of(name));
    return v && v->kind == MER_VALUE_BOOLEAN ? v->boolean : otherwise;
}

// The subgraph an argument `graph` names; NULL without one, and with an error for a name that is unknown.
static struct mer_subgraph *graph_arg(struct loader *l, const struct mer_ast_directive *d,
                                      struct mer_slice type)
{
    const struct mer_ast_value *v = mer_ast_argument_find(d, MER_S("graph"));
    if (!v || v->kind == MER_VALUE_NULL)
        return NULL;
    struct mer_subgraph *g = v->kind == MER_VALUE_ENUM ? mer_map_get(&l->graphs, v->text) : NULL;
    if (!g)
        (void)fail(l, v->loc, type, MER_NIL, "a subgraph that the supergraph does not list");
    return g;
}

static bool field_set(struct loader *l, const struct mer_ast_directive *d, struct mer_slice text,
                      struct mer_slice type, struct mer_slice field, const struct mer_ast_selection_set **out)
{
    struct mer_ast_selection_set *set;
    struct mer_diag diag = {0};
    if (!text.n)
        return true;
    if (mer_parse_field_set(l->a, text, &set, &diag) != MER_OK) {
        char what[300];
        snprintf(what, sizeof(what), "its field set does not parse: %s", diag.msg);
        return fail(l, d->loc, type, field, what);
    }
    *out = set;
    return true;
}

// ---- subgraphs ----

static bool read_graphs(struct loader *l)
{
    const struct mer_type *e = mer_schema_type(l->sg->schema, l->names.graph_enum);
    if (!e || e->kind != MER_TYPE_ENUM)
        return fail(l, (struct mer_loc){1, 1}, MER_S("supergraph"), MER_NIL,
                    "no enum of subgraphs (join__Graph): this is no composed schema");
    l->sg->subgraphs = MER_NEW_N(l->a, struct mer_subgraph, e->values_n ? e->values_n : 1);
    for (uint32_t i = 0; i < e->values_n; i++) {
        const struct mer_ast_directive *d = mer_ast_directive_find(&e->values[i].directives, l->names.graph);
        struct mer_subgraph *g = &l->sg->subgraphs[i];
        *g = (struct mer_subgraph){.enum_name = e->values[i].name, .name = e->values[i].name, .index = i};
        if (d && string_arg(d, "name").n)
            g->name = string_arg(d, "name");
        if (d)
            g->url = string_arg(d, "url");
        mer_map_put(&l->graphs, g->enum_name, g);
    }
    l->sg->subgraphs_n = e->values_n;
    return e->values_n ||
           fail(l, (struct mer_loc){1, 1}, e->name, MER_NIL, "the supergraph has no subgraphs");
}

// ---- types ----

static struct mer_join_type_in *type_in(struct loader *l, struct mer_join_type *t, uint32_t g)
{
    if (!t->in[g]) {
        t->in[g] = MER_NEW(l->a, struct mer_join_type_in);
        t->in[g]->subgraph = g;
        t->in[g]->keys =
            MER_NEW_N(l->a, struct mer_join_key, t->type->directives.n ? t->type->directives.n : 1);
    }
    return t->in[g];
}

static bool read_join_type(struct loader *l, struct mer_join_type *t, const struct mer_ast_directive *d)
{
    struct mer_subgraph *g = graph_arg(l, d, t->type->name);
    if (!g)
        return l->err == MER_OK;
    struct mer_join_type_in *in = type_in(l, t, g->index);
    in->interface_object = in->interface_object || bool_arg(d, "isInterfaceObject", false);
    in->extension = in->extension || bool_arg(d, "extension", false);
    struct mer_slice key = string_arg(d, "key");
    if (!key.n)
        return true;
    struct mer_join_key *k = &in->keys[in->keys_n++];
    *k = (struct mer_join_key){.text = key, .resolvable = bool_arg(d, "resolvable", true)};
    return field_set(l, d, key, t->type->name, MER_NIL, &k->fields);
}

// Names that a repeated directive tells for each subgraph (interfaces, members), or all of them in every
// subgraph where there is no such directive at all.
static bool read_names(struct loader *l, struct mer_join_type *t, struct mer_slice directive, const char *arg,
                       const struct mer_type **all, uint32_t all_n, bool members)
{
    const struct mer_ast_directives *ds = &t->type->directives;
    bool told = directive.n && mer_ast_directive_find(ds, directive);
    for (uint32_t g = 0; g < l->sg->subgraphs_n; g++) {
        if (!t->in[g])
            continue;
        struct mer_slice *names = MER_NEW_N(l->a, struct mer_slice, (told ? ds->n : all_n) + 1);
        uint32_t n = 0;
        for (uint32_t i = 0; !told && i < all_n; i++)
            names[n++] = all[i]->name;
        for (uint32_t i = 0; told && i < ds->n; i++) {
            const struct mer_ast_directive *d = ds->items[i];
            if (!mer_slice_eq(d->name, directive))
                continue;
            struct mer_subgraph *of = graph_arg(l, d, t->type->name);
            if (l->err != MER_OK)
                return false;
            if (of && of->index == g)
                names[n++] = string_arg(d, arg);
        }
        if (members)
            t->in[g]->members = names, t->in[g]->members_n = n;
        else
            t->in[g]->interfaces = names, t->in[g]->interfaces_n = n;
    }
    return true;
}

// Is the value of an enum known in subgraph g?
static bool value_in(struct loader *l, const struct mer_type *t, const struct mer_enum_value *v, uint32_t g)
{
    bool told = false;
    for (uint32_t i = 0; l->names.value.n && i < v->directives.n; i++) {
        if (!mer_slice_eq(v->directives.items[i]->name, l->names.value))
            continue;
        struct mer_subgraph *of = graph_arg(l, v->directives.items[i], t->name);
        told = true;
        if (of && of->index == g)
            return true;
    }
    return !told;
}

static bool read_values(struct loader *l, struct mer_join_type *t)
{
    for (uint32_t g = 0; g < l->sg->subgraphs_n; g++) {
        if (!t->in[g])
            continue;
        t->in[g]->values = MER_NEW_N(l->a, struct mer_slice, t->type->values_n + 1);
        for (uint32_t i = 0; i < t->type->values_n; i++)
            if (value_in(l, t->type, &t->type->values[i], g))
                t->in[g]->values[t->in[g]->values_n++] = t->type->values[i].name;
    }
    return l->err == MER_OK;
}

// ---- fields ----

static bool add_field(struct loader *l, const struct mer_join_type *t, struct mer_join_field_set *set,
                      const struct mer_ast_directive *d, uint32_t g)
{
    uint32_t at = set->in_n++;
    for (; at && set->in[at - 1].subgraph > g; at--)
        set->in[at] = set->in[at - 1];
    struct mer_join_field *f = &set->in[at];
    *f = (struct mer_join_field){.subgraph = g, .ast = d};
    if (!d)
        return true;
    f->requires = string_arg(d, "requires");
    f->provides = string_arg(d, "provides");
    f->type = string_arg(d, "type");
    f->override_from = string_arg(d, "override");
    f->override_label = string_arg(d, "overrideLabel");
    f->external = bool_arg(d, "external", false);
    f->used_overridden = bool_arg(d, "usedOverridden", false);
    struct mer_ast_type *type = NULL;
    if (f->type.n && mer_parse_type(l->a, f->type, &type, NULL) != MER_OK)
        return fail(l, d->loc, t->type->name, set->field->name, "its type in a subgraph does not parse");
    f->type_ref = type;
    return field_set(l, d, f->requires, t->type->name, set->field->name, &f->requires_set) &&
           field_set(l, d, f->provides, t->type->name, set->field->name, &f->provides_set);
}

// A field without @join__field is the owner's (v0.1), else it is in every subgraph that knows the type.
static bool add_implied(struct loader *l, const struct mer_join_type *t, struct mer_join_field_set *set)
{
    const struct mer_ast_directive *owner =
        l->names.owner.n ? mer_ast_directive_find(&t->type->directives, l->names.owner) : NULL;
    struct mer_subgraph *g = owner ? graph_arg(l, owner, t->type->name) : NULL;
    if (l->err != MER_OK)
        return false;
    for (uint32_t i = 0; i < l->sg->subgraphs_n; i++)
        if (t->in[i] && (!g || g->index == i) && !add_field(l, t, set, NULL, i))
            return false;
    return true;
}

// Where another subgraph took a field over for good, the old one no longer resolves it.
static void mark_overridden(struct loader *l, struct mer_join_field_set *set)
{
    for (uint32_t i = 0; i < set->in_n; i++)
        for (uint32_t j = 0; set->in[i].override_from.n && !set->in[i].override_label.n && j < set->in_n; j++)
            if (j != i && mer_slice_eq(l->sg->subgraphs[set->in[j].subgraph].name, set->in[i].override_from))
                set->in[j].used_overridden = true;
}

static bool read_field(struct loader *l, const struct mer_join_type *t, struct mer_join_field_set *set)
{
    const struct mer_ast_directives *ds = &set->field->directives;
    bool told = false;
    set->in = MER_NEW_N(l->a, struct mer_join_field, ds->n + l->sg->subgraphs_n);
    for (uint32_t i = 0; i < ds->n; i++) {
        if (!mer_slice_eq(ds->items[i]->name, l->names.field))
            continue;
        told = true;
        struct mer_subgraph *g = graph_arg(l, ds->items[i], t->type->name);
        if (l->err != MER_OK || (g && !add_field(l, t, set, ds->items[i], g->index)))
            return false;
    }
    if (!told && !add_implied(l, t, set))
        return false;
    set->by_interface_object = told && !set->in_n;
    mark_overridden(l, set);
    return true;
}

static bool read_fields(struct loader *l, struct mer_join_type *t)
{
    t->fields_n = t->type->fields_n;
    t->fields = MER_NEW_N(l->a, struct mer_join_field_set, t->fields_n ? t->fields_n : 1);
    for (uint32_t i = 0; i < t->fields_n; i++) {
        t->fields[i].field = &t->type->fields[i];
        t->fields[i].api = t->api ? mer_map_get(&t->api->fields_by_name, t->type->fields[i].name) : NULL;
        if (!read_field(l, t, &t->fields[i]))
            return false;
    }
    return true;
}

static bool read_type(struct loader *l, const struct mer_type *type)
{
    struct mer_join_type *t = MER_NEW(l->a, struct mer_join_type);
    bool told = false;
    t->type = type;
    t->api = mer_schema_type(l->sg->api, type->name);
    t->in = MER_NEW_N(l->a, struct mer_join_type_in *, l->sg->subgraphs_n);
    for (uint32_t i = 0; i < type->directives.n; i++)
        if (mer_slice_eq(type->directives.items[i]->name, l->names.type)) {
            told = true;
            if (!read_join_type(l, t, type->directives.items[i]))
                return false;
        }
    for (uint32_t g = 0; !told && g < l->sg->subgraphs_n; g++)
        (void)type_in(l, t, g);
    mer_map_put(&l->sg->types, type->name, t);
    switch (type->kind) {
    case MER_TYPE_OBJECT:
    case MER_TYPE_INTERFACE:
        return read_names(l, t, l->names.implements, "interface", type->interfaces, type->interfaces_n,
                          false) &&
               read_fields(l, t);
    case MER_TYPE_UNION:
        return read_names(l, t, l->names.member, "member", type->possible, type->possible_n, true);
    case MER_TYPE_ENUM:
        return read_values(l, t);
    default:
        return true;
    }
}

// ---- can it be served? ----

static bool resolved_somewhere(const struct mer_supergraph *sg, struct mer_slice type, struct mer_slice field)
{
    for (uint32_t g = 0; g < sg->subgraphs_n; g++)
        if (mer_supergraph_resolves(sg, type, field, g))
            return true;
    return false;
}

// Some interface of the type is an interface object elsewhere, and that has the field.
static bool resolved_by_interface(const struct mer_supergraph *sg, const struct mer_type *t,
                                  struct mer_slice field)
{
    for (uint32_t i = 0; i < t->interfaces_n; i++)
        for (uint32_t g = 0; g < sg->subgraphs_n; g++) {
            const struct mer_join_type_in *in = mer_supergraph_type_in(sg, t->interfaces[i]->name, g);
            if (in && in->interface_object && mer_supergraph_resolves(sg, t->interfaces[i]->name, field, g))
                return true;
        }
    return false;
}

static bool servable(struct loader *l)
{
    MER_MAP_EACH(&l->sg->types, e)
    {
        const struct mer_join_type *t = e->value;
        if (!t->api || t->type->kind != MER_TYPE_OBJECT)
            continue;
        for (uint32_t i = 0; i < t->fields_n; i++) {
            struct mer_slice field = t->fields[i].field->name;
            if (t->fields[i].api && !resolved_somewhere(l->sg, t->type->name, field) &&
                !resolved_by_interface(l->sg, t->type, field))
                return fail(l, t->fields[i].field->type.ast->loc, t->type->name, field,
                            "no subgraph resolves it");
        }
    }
    return l->sg->api->roots[MER_OP_QUERY] ||
           fail(l, (struct mer_loc){1, 1}, MER_S("supergraph"), MER_NIL, "there is no query type");
}

// ---- names of specifications ----

static void name_specs(struct loader *l)
{
    static const struct {
        const char *spec, *directive;
    } all[] = {
        {"tag", "tag"},
        {"inaccessible", "inaccessible"},
        {"authenticated", "authenticated"},
        {"requiresScopes", "requiresScopes"},
        {"policy", "policy"},
        {"cost", "cost"},
        {"cost", "listSize"},
        {"context", "context"},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct mer_slice name = mer_links_directive(l->a, &l->links, all[i].spec, all[i].directive);
        if (!name.n && mer_schema_directive(l->sg->schema, mer_slice_of(all[i].directive)))
            name = mer_slice_of(all[i].directive); // defined, though nobody linked it
        if (!name.n)
            continue;
        struct mer_slice *kept = MER_NEW(l->a, struct mer_slice);
        *kept = name;
        mer_map_put(&l->sg->spec_names, mer_slice_of(all[i].directive), kept);
    }
    for (uint32_t i = 0; i < l->links.n; i++)
        for (uint32_t j = 0; j < l->links.items[i].imports_n; j++)
            if (l->links.items[i].imports[j].directive)
                (void)mer_map_add(&l->sg->spec_names, l->links.items[i].imports[j].spec,
                                  &l->links.items[i].imports[j].local);
}

static void name_join(struct loader *l)
{
    const char *spec = "join";
    l->names.type = mer_links_directive(l->a, &l->links, spec, "type");
    l->names.field = mer_links_directive(l->a, &l->links, spec, "field");
    l->names.implements = mer_links_directive(l->a, &l->links, spec, "implements");
    l->names.member = mer_links_directive(l->a, &l->links, spec, "unionMember");
    l->names.value = mer_links_directive(l->a, &l->links, spec, "enumValue");
    l->names.graph = mer_links_directive(l->a, &l->links, spec, "graph");
    l->names.owner = mer_links_directive(l->a, &l->links, spec, "owner");
    l->names.graph_enum = mer_links_directive(l->a, &l->links, spec, "Graph");
}

// A document that names no specification but uses the usual names is taken to mean them.
static void assume_join(struct loader *l)
{
    static const char *const usual[] = {"join", "link", "core"};
    if (mer_links_directive(l->a, &l->links, "join", "type").n)
        return;
    struct mer_link *items = MER_NEW_N(l->a, struct mer_link, l->links.n + 3);
    if (l->links.n)
        memcpy(items, l->links.items, l->links.n * sizeof(*items));
    for (size_t i = 0; i < 3; i++)
        items[l->links.n++] =
            (struct mer_link){.name = mer_slice_of(usual[i]), .prefix = mer_slice_of(usual[i])};
    l->links.items = items;
}

static void collect_labels(struct loader *l)
{
    struct mer_map labels;
    mer_map_init(&labels, l->a);
    MER_MAP_EACH(&l->sg->types, e)
    {
        const struct mer_join_type *t = e->value;
        for (uint32_t i = 0; i < t->fields_n; i++)
            for (uint32_t j = 0; j < t->fields[i].in_n; j++)
                if (t->fields[i].in[j].override_label.n)
                    mer_map_put(&labels, t->fields[i].in[j].override_label, e->value);
    }
    l->sg->override_labels = MER_NEW_N(l->a, struct mer_slice, labels.count + 1);
    MER_MAP_EACH(&labels, e)
    l->sg->override_labels[l->sg->override_labels_n++] = e->key;
}

// ---- the whole ----

static enum mer_err make_schemas(struct loader *l, const struct mer_ast_document *doc)
{
    const struct mer_schema_options options = {.assume_valid = true, .allow_unknown_directives = true};
    struct mer_schema *schema = NULL, *api = NULL;
    enum mer_err err = mer_schema_build(l->a, doc, &options, &schema, l->diag);
    if (err != MER_OK)
        return err;
    l->sg->schema = schema;
    name_specs(l);
    struct mer_slice inaccessible = mer_supergraph_spec_name(l->sg, MER_S("inaccessible"));
    err = mer_schema_build(l->a, mer_supergraph_api(l->a, doc, &l->links, inaccessible), &options, &api,
                           l->diag);
    l->sg->api = api;
    return err;
}

enum mer_err mer_supergraph_load(struct mer_arena *a, struct mer_slice source, struct mer_supergraph **out,
                                 struct mer_diag *diag)
{
    struct mer_ast_document *doc;
    struct loader l = {.a = a, .sg = MER_NEW(a, struct mer_supergraph), .diag = diag};
    *out = NULL;
    mer_map_init(&l.graphs, a);
    mer_map_init(&l.sg->types, a);
    mer_map_init(&l.sg->spec_names, a);
    enum mer_err err = mer_parse(a, source, MER_PARSE_TYPE_SYSTEM, NULL, &doc, diag);
    if (err == MER_OK)
        err = mer_links_read(a, doc, &l.links, diag);
    if (err != MER_OK)
        return err;
    assume_join(&l);
    name_join(&l);
    err = make_schemas(&l, doc);
    if (err != MER_OK)
        return err;
    if (!read_graphs(&l))
        return l.err;
    for (uint32_t i = 0; i < l.sg->schema->types_n; i++) {
        const struct mer_type *t = l.sg->schema->types[i];
        if (!t->builtin && !mer_links_own(&l.links, t->name, false) && !read_type(&l, t))
            return l.err;
    }
    if (!servable(&l))
        return l.err;
    collect_labels(&l);
    if (mer_arena_exhausted(a))
        return mer_diag_set(diag, MER_ERR_LIMIT, "The supergraph needs more memory than it may use.");
    *out = l.sg;
    return MER_OK;
}
