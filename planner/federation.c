// SPDX-License-Identifier: MIT
#include "planner/federation.h"

#include "schema/parser.h"
#include "schema/printer.h"

const struct mer_fed_field_in *mer_fed_field_in(const struct mer_federation *f, const struct mer_field *field,
                                                uint32_t source)
{
    const struct mer_fed_type *t = mer_fed_type(f, field->parent);
    if (!t->fields) {
        return NULL;
    }
    const struct mer_fed_field *ff = &t->fields[field->index];
    for (uint32_t i = 0; i < ff->in_n; i++) {
        if (ff->in[i].source == source) {
            return &ff->in[i];
        }
    }
    return NULL;
}

bool mer_fed_has_key(const struct mer_federation *f, const struct mer_type *t, uint32_t source)
{
    const struct mer_fed_type_in *in = &mer_fed_type(f, t)->in[source];
    for (uint32_t i = 0; i < in->keys_n; i++) {
        if (in->keys[i].resolvable) {
            return true;
        }
    }
    return false;
}

struct maker {
    struct mer_arena *a;
    struct mer_federation *f;
    const struct mer_source *sources;
    uint32_t *order; // sources by name: choices must not depend on the order in a file
    struct mer_diag *diag;
};

static struct mer_slice text_of(struct maker *m, const struct mer_ast_selection_set *set)
{
    struct mer_buf b;
    mer_buf_init(&b, m->a, 64);
    mer_print_field_set_min(&b, set);
    return mer_buf_slice(&b);
}

static bool names_field(const struct mer_ast_selection_set *set, struct mer_slice name)
{
    for (uint32_t i = 0; i < set->n; i++) {
        const struct mer_ast_selection *s = set->items[i];
        if (s->kind == MER_SEL_FIELD ? mer_slice_eq(s->name, name)
                                     : s->selections && names_field(s->selections, name)) {
            return true;
        }
    }
    return false;
}

static bool in_a_key(const struct mer_fed_type_in *in, struct mer_slice name)
{
    for (uint32_t i = 0; i < in->keys_n; i++) {
        if (names_field(in->keys[i].fields, name)) {
            return true;
        }
    }
    return false;
}

static void order_sources(struct maker *m, uint32_t n)
{
    m->order = MER_NEW_N(m->a, uint32_t, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = i;
        for (; at > 0 && mer_slice_cmp(m->sources[m->order[at - 1]].name, m->sources[i].name) > 0; at--) {
            m->order[at] = m->order[at - 1];
        }
        m->order[at] = i;
    }
}

static struct mer_federation *make(struct maker *m, const struct mer_schema *types, uint32_t sources_n)
{
    m->f = MER_NEW(m->a, struct mer_federation);
    m->f->types = types;
    m->f->sources_n = sources_n;
    m->f->of = MER_NEW_N(m->a, struct mer_fed_type, types->types_n);
    for (uint32_t i = 0; i < types->types_n; i++) {
        struct mer_fed_type *t = &m->f->of[i];
        t->type = types->types[i];
        t->in = MER_NEW_N(m->a, struct mer_fed_type_in, sources_n);
        t->fields = t->type->fields_n ? MER_NEW_N(m->a, struct mer_fed_field, t->type->fields_n) : NULL;
    }
    order_sources(m, sources_n);
    return m->f;
}

// ---- of a supergraph ----

static void read_keys(struct maker *m, struct mer_fed_type_in *in, const struct mer_join_type_in *join)
{
    in->interface_object = join->interface_object;
    in->extension = join->extension;
    in->keys = MER_NEW_N(m->a, struct mer_fed_key, join->keys_n + 1);
    for (uint32_t i = 0; i < join->keys_n; i++) {
        in->keys[in->keys_n++] = (struct mer_fed_key){text_of(m, join->keys[i].fields), join->keys[i].fields,
                                                      join->keys[i].resolvable};
    }
}

static uint32_t label_index(struct maker *m, struct mer_slice label)
{
    for (uint32_t i = 0; i < m->f->labels_n; i++) {
        if (mer_slice_eq(m->f->labels[i], label)) {
            return i;
        }
    }
    return 0;
}

// Another source takes the field over by a label: here it is answered while that label is off.
static void read_override(struct maker *m, const struct mer_supergraph *sg,
                          const struct mer_join_field_set *set, const struct mer_join_field *join,
                          struct mer_fed_field_in *in)
{
    if (join->override_label.n && join->override_from.n) { // the other one may name the label, too
        in->when = MER_FED_LABEL_ON;
        in->label = label_index(m, join->override_label);
        return;
    }
    for (uint32_t i = 0; i < set->in_n; i++) {
        const struct mer_join_field *o = &set->in[i];
        if (o->override_label.n && mer_slice_eq(o->override_from, sg->subgraphs[join->subgraph].name)) {
            in->when = MER_FED_LABEL_OFF;
            in->label = label_index(m, o->override_label);
        }
    }
}

static const struct mer_join_field *join_field(const struct mer_join_field_set *set, uint32_t subgraph)
{
    for (uint32_t i = 0; i < set->in_n; i++) {
        if (set->in[i].subgraph == subgraph) {
            return &set->in[i];
        }
    }
    return NULL;
}

static void read_field(struct maker *m, const struct mer_supergraph *sg, struct mer_fed_type *t, uint32_t at,
                       const struct mer_join_field_set *set, const int32_t *subgraph_of)
{
    struct mer_fed_field *f = &t->fields[at];
    f->in = MER_NEW_N(m->a, struct mer_fed_field_in, m->f->sources_n + 1);
    for (uint32_t k = 0; k < m->f->sources_n; k++) {
        uint32_t s = m->order[k];
        const struct mer_join_field *join =
            subgraph_of[s] < 0 ? NULL : join_field(set, (uint32_t)subgraph_of[s]);
        const struct mer_type *own = t->in[s].type;
        const struct mer_field *field =
            own && join ? mer_schema_field(m->sources[s].schema, own, set->field->name) : NULL;
        if (!field) {
            continue;
        }
        struct mer_fed_field_in *in = &f->in[f->in_n++];
        *in = (struct mer_fed_field_in){
            .source = s,
            .field = field,
            .key = in_a_key(&t->in[s], set->field->name) && (!join->external || t->in[s].extension),
            .requires = join->requires_set,
            .provides = join->provides_set,
            .requires_text = join->requires,
            .provides_text = join->provides,
        };
        read_override(m, sg, set, join, in);
        bool gone = join->used_overridden && in->when == MER_FED_ALWAYS;
        in->external = (join->external || gone) && !in->key;
    }
}

static struct mer_fed_field_in *find_in(struct mer_fed_field *f, uint32_t source)
{
    for (uint32_t i = 0; i < f->in_n; i++) {
        if (f->in[i].source == source) {
            return &f->in[i];
        }
    }
    return NULL;
}

// A leaf that a source requires for one of its fields it cannot answer itself, even where a composer forgot
// to say so. (Of what has fields of its own it may know some.)
static void mark_required(struct mer_fed_type *t)
{
    for (uint32_t i = 0; i < t->type->fields_n; i++) {
        // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
        for (uint32_t k = 0; k < t->fields[i].in_n; k++) {
            const struct mer_fed_field_in *in = &t->fields[i].in[k];
            for (uint32_t j = 0; in->requires && j < t->type->fields_n; j++) {
                struct mer_fed_field_in *other = find_in(&t->fields[j], in->source);
                if (other && !other->key && !mer_type_is_composite(t->type->fields[j].type.type) &&
                    names_field(in->requires, t->type->fields[j].name)) {
                    other->external = true;
                }
            }
        }
    }
}

enum mer_err mer_federation_of_supergraph(struct mer_arena *a, const struct mer_supergraph *sg,
                                          const struct mer_source *sources, uint32_t sources_n,
                                          struct mer_federation **out, struct mer_diag *diag)
{
    struct maker m = {.a = a, .sources = sources, .diag = diag};
    *out = make(&m, sg->schema, sources_n);
    m.f->labels = sg->override_labels;
    m.f->labels_n = sg->override_labels_n;
    m.f->cost_name = mer_supergraph_spec_name(sg, MER_S("cost"));
    m.f->list_size_name = mer_supergraph_spec_name(sg, MER_S("listSize"));
    m.f->cache_control_name = mer_supergraph_spec_name(sg, MER_S("cacheControl"));
    int32_t *subgraph_of = MER_NEW_N(a, int32_t, sources_n + 1);
    for (uint32_t i = 0; i < sources_n; i++) {
        const struct mer_subgraph *g = mer_supergraph_subgraph(sg, sources[i].name);
        if (!g) {
            return mer_diag_set(diag, MER_ERR_INVALID, "the supergraph has no subgraph %.*s",
                                MER_FMT(sources[i].name));
        }
        subgraph_of[i] = (int32_t)g->index;
    }
    for (uint32_t i = 0; i < sg->schema->types_n; i++) {
        struct mer_fed_type *t = &m.f->of[i];
        const struct mer_join_type *join = mer_supergraph_type(sg, t->type->name);
        t->api = mer_schema_type(sg->api, t->type->name);
        for (uint32_t s = 0; join && s < sources_n; s++) {
            if (join->in[subgraph_of[s]]) {
                t->in[s].type = mer_schema_type(sources[s].schema, t->type->name);
                read_keys(&m, &t->in[s], join->in[subgraph_of[s]]);
            }
        }
        for (uint32_t k = 0; join && t->fields && k < join->fields_n; k++) {
            read_field(&m, sg, t, k, &join->fields[k], subgraph_of);
        }
        mark_required(t);
    }
    mer_guards_read(a, sg, m.f);
    return MER_OK;
}

// ---- of the sources' own SDL ----

static enum mer_err parse_set(struct maker *m, const struct mer_ast_directive *d,
                              const struct mer_ast_selection_set **out, struct mer_slice *text)
{
    const struct mer_ast_value *v = d ? mer_ast_argument_find(d, MER_S("fields")) : NULL;
    struct mer_ast_selection_set *set = NULL;
    if (!v || v->kind != MER_VALUE_STRING) {
        return MER_OK;
    }
    enum mer_err err = mer_parse_field_set(m->a, v->text, &set, m->diag);
    *out = set;
    *text = err ? MER_NIL : text_of(m, set);
    return err;
}

static enum mer_err read_own_keys(struct maker *m, struct mer_fed_type_in *in)
{
    const struct mer_ast_directives *ds = &in->type->directives;
    enum mer_err err = MER_OK;
    in->interface_object = mer_ast_directive_find(ds, MER_S("interfaceObject")) != NULL;
    in->keys = MER_NEW_N(m->a, struct mer_fed_key, ds->n + 1);
    for (uint32_t i = 0; i < ds->n && !err; i++) {
        if (mer_slice_is(ds->items[i]->name, "key")) {
            const struct mer_ast_value *r = mer_ast_argument_find(ds->items[i], MER_S("resolvable"));
            struct mer_fed_key *k = &in->keys[in->keys_n++];
            k->resolvable = !r || r->boolean;
            err = parse_set(m, ds->items[i], &k->fields, &k->text);
        }
    }
    return err;
}

static enum mer_err read_own_field(struct maker *m, struct mer_fed_type *t, uint32_t at, uint32_t source)
{
    const struct mer_type *own = t->in[source].type;
    const struct mer_field *field =
        own ? mer_schema_field(m->sources[source].schema, own, t->type->fields[at].name) : NULL;
    if (!field) {
        return MER_OK;
    }
    struct mer_fed_field_in *in = &t->fields[at].in[t->fields[at].in_n++];
    *in = (struct mer_fed_field_in){
        .source = source, .field = field, .key = in_a_key(&t->in[source], field->name)};
    in->external = !in->key && mer_ast_directive_find(&field->directives, MER_S("external"));
    enum mer_err err = parse_set(m, mer_ast_directive_find(&field->directives, MER_S("requires")),
                                 &in->requires, &in->requires_text);
    return err ? err
               : parse_set(m, mer_ast_directive_find(&field->directives, MER_S("provides")), &in->provides,
                           &in->provides_text);
}

enum mer_err mer_federation_of_sources(struct mer_arena *a, const struct mer_schema *types,
                                       const struct mer_source *sources, uint32_t sources_n,
                                       struct mer_federation **out, struct mer_diag *diag)
{
    struct maker m = {.a = a, .sources = sources, .diag = diag};
    *out = make(&m, types, sources_n);
    enum mer_err err = MER_OK;
    for (uint32_t i = 0; i < types->types_n; i++) {
        struct mer_fed_type *t = &m.f->of[i];
        t->api = t->type;
        for (uint32_t s = 0; s < sources_n && !err; s++) {
            t->in[s].type = mer_schema_type(sources[s].schema, t->type->name);
            err = t->in[s].type ? read_own_keys(&m, &t->in[s]) : MER_OK;
        }
        for (uint32_t k = 0; k < t->type->fields_n; k++) {
            t->fields[k].in = MER_NEW_N(a, struct mer_fed_field_in, sources_n + 1);
            for (uint32_t s = 0; s < sources_n && !err; s++) {
                err = read_own_field(&m, t, k, m.order[s]);
            }
        }
    }
    return err;
}

// ---- graphs ----

enum mer_err mer_graph_of_supergraph(struct mer_arena *a, const struct mer_supergraph *sg,
                                     const struct mer_source *sources, uint32_t sources_n,
                                     struct mer_graph *out, struct mer_diag *diag)
{
    struct mer_federation *f = NULL;
    enum mer_err err = mer_federation_of_supergraph(a, sg, sources, sources_n, &f, diag);
    *out = (struct mer_graph){
        .api = sg->api, .types = sg->schema, .federation = f, .sources = sources, .sources_n = sources_n};
    return err;
}

enum mer_err mer_graph_of_source(struct mer_arena *a, const struct mer_source *source, struct mer_graph *out,
                                 struct mer_diag *diag)
{
    struct mer_federation *f = NULL;
    enum mer_err err = mer_federation_of_sources(a, source->schema, source, 1, &f, diag);
    *out = (struct mer_graph){
        .api = source->schema, .types = source->schema, .federation = f, .sources = source, .sources_n = 1};
    return err;
}
