// SPDX-License-Identifier: MIT
#include "planner/plan.h"

#include "planner/plan_priv.h"
#include "planner/tier.h"

#define MAX_SHAPE_FIELDS 50000u

static bool has_directive(const struct mer_ast_directives *ds, const char *name)
{
    return mer_ast_directive_find(ds, mer_slice_of(name)) != NULL;
}

// The type whose rows a field brings: a connection's are its nodes', also when only their number is asked.
static const struct mer_type *row_type(const struct mer_schema *s, const struct mer_type *t)
{
    const struct mer_field *edges =
        t->kind == MER_TYPE_OBJECT ? mer_schema_field(s, t, MER_S("edges")) : NULL;
    const struct mer_field *node = edges ? mer_schema_field(s, edges->type.type, MER_S("node")) : NULL;
    return node ? node->type.type : t;
}

static void note_rows(struct mer_plan_fetch *f, const struct mer_field *field, const struct mer_type *type)
{
    const struct mer_type *rows = row_type(f->op.schema, type);
    f->resident = f->resident || has_directive(&rows->directives, "resident") ||
                  (field && has_directive(&field->directives, "resident"));
    f->rows = f->rows || f->write || mer_type_is_business(rows);
}

bool mer_type_is_business(const struct mer_type *t)
{
    return has_directive(&t->directives, "table") && !has_directive(&t->directives, "everyone");
}

static int32_t argument_index(const struct mer_field *f, struct mer_slice name)
{
    for (uint32_t i = 0; i < f->arguments_n; i++) {
        if (mer_slice_eq(f->arguments[i].name, name)) {
            return (int32_t)i;
        }
    }
    return -1;
}

// ---- what a root field's directives say about placement ----

// GraphQL's enum Tier is upper case, names outside GraphQL are lower case: the words are the same.
static uint32_t tier_bit(struct mer_slice name)
{
    for (int t = MER_TIER_EDGE; t <= MER_TIER_GLOBAL; t++) {
        if (mer_slice_ieq(name, mer_slice_of(mer_tier_name((enum mer_tier)t)))) {
            return 1u << t;
        }
    }
    return 0;
}

static uint32_t tiers_served(const struct mer_field *f)
{
    const struct mer_ast_directive *d = mer_ast_directive_find(&f->directives, MER_S("tier"));
    const struct mer_ast_value *v = d ? mer_ast_argument_find(d, MER_S("serves")) : NULL;
    uint32_t set = 0;
    for (uint32_t i = 0; v && i < v->n; i++) {
        set |= tier_bit(v->items[i]->text);
    }
    return set ? set : ~0u;
}

static uint32_t cache_seconds(const struct mer_field *f)
{
    const struct mer_ast_directive *d = mer_ast_directive_find(&f->directives, MER_S("cacheControl"));
    const struct mer_ast_value *v = d ? mer_ast_argument_find(d, MER_S("maxAge")) : NULL;
    uint64_t n = 0;
    return v && mer_slice_to_u64(v->text, &n) && n < UINT32_MAX ? (uint32_t)n : 0;
}

static void read_placement_bindings(struct mer_plan_fetch *f, const struct mer_field *root)
{
    f->partition_arg = -1;
    f->serves = tiers_served(root);
    f->max_age_s = cache_seconds(root);
    const struct mer_ast_directive *d = mer_ast_directive_find(&root->directives, MER_S("partition"));
    const struct mer_ast_value *arg = d ? mer_ast_argument_find(d, MER_S("arg")) : NULL;
    // A node id carries region and facility, so an `id` argument cuts as well as a declared partition does.
    f->partition_arg = argument_index(root, arg ? arg->text : MER_S("id"));
    f->combiner = MER_COMBINE_ONE;
    if (has_directive(&root->directives, "kpi")) {
        f->combiner = MER_COMBINE_KPI;
    } else if (f->partition_arg >= 0 && root->arguments[f->partition_arg].type.depth > 0) {
        f->combiner = MER_COMBINE_ORDERED_MERGE;
    }
}

// ---- fetches ----

static struct mer_plan_fetch *add_fetch(struct plan_ctx *c, enum mer_fetch_kind kind, uint32_t source)
{
    struct mer_plan_fetch *f = MER_NEW(c->a, struct mer_plan_fetch);
    f->index = c->fetches_n;
    f->kind = kind;
    f->source = source;
    f->op.schema = c->graph->sources[source].schema;
    f->parent = UINT32_MAX;
    f->partition_arg = -1;
    f->serves = ~0u;
    if (c->fetches_n == c->fetches_cap) {
        uint32_t cap = c->fetches_cap ? c->fetches_cap * 2 : 8;
        struct mer_plan_fetch **grown = MER_NEW_N(c->a, struct mer_plan_fetch *, cap);
        if (c->fetches_n) {
            memcpy(grown, c->fetches, c->fetches_n * sizeof(*grown));
        }
        c->fetches = grown;
        c->fetches_cap = cap;
    }
    c->fetches[c->fetches_n++] = f;
    return f;
}

struct mer_types plan_on(struct plan_ctx *c, const struct mer_type *type)
{
    struct mer_types t = {0};
    if (type) {
        t.items = MER_NEW(c->a, const struct mer_type *);
        t.items[0] = type;
        t.n = 1;
    }
    return t;
}

static bool is_on(const struct mer_types *set, const struct mer_type *type)
{
    return type ? set->n == 1 && set->items[0] == type : set->n == 0;
}

uint32_t plan_add_child(struct plan_ctx *c, struct plan_children *to, const struct mer_fetch_field *field)
{
    if (to->n == to->cap) {
        uint32_t cap = to->cap ? to->cap * 2 : 8;
        struct mer_fetch_field **grown = MER_NEW_N(c->a, struct mer_fetch_field *, cap);
        if (to->n) {
            memcpy(grown, to->items, to->n * sizeof(*grown));
        }
        to->items = grown;
        to->cap = cap;
    }
    struct mer_fetch_field *copy = MER_NEW(c->a, struct mer_fetch_field);
    *copy = *field;
    copy->slot = to->n;
    to->items[to->n] = copy;
    return to->n++;
}

// The slot that holds the entity's key in the object where `home` stands, asked for when it is not yet there.
static uint32_t key_slot(struct plan_ctx *c, struct plan_place *home, const struct mer_type *source_type)
{
    const struct mer_type *on = home->abstract ? source_type : NULL;
    for (uint32_t i = 0; i < home->children->n; i++) {
        const struct mer_fetch_field *f = home->children->items[i];
        if (mer_slice_is(f->key, PLAN_KEY) && is_on(&f->on, on)) {
            return i;
        }
    }
    struct mer_fetch_field key = {
        .key = mer_slice_of(PLAN_KEY),
        .field = mer_schema_field(c->graph->sources[home->fetch->source].schema, source_type, MER_S("id")),
        .on = plan_on(c, on),
    };
    return plan_add_child(c, home->children, &key);
}

// Entities of rows are told by their type and their node id.
static void name_key(struct plan_ctx *c, struct mer_plan_fetch *f, uint32_t home, uint32_t slot)
{
    uint32_t *after = MER_NEW(c->a, uint32_t);
    *after = home;
    f->parent = f->typed_by = home;
    f->after = after;
    f->after_n = 1;
    f->reps = MER_NEW(c->a, struct mer_rep);
    f->reps_n = 1;
    f->reps->name = f->op.entity->name;
    f->reps->fields = MER_NEW(c->a, struct mer_rep_field);
    f->reps->fields_n = 1;
    *f->reps->fields =
        (struct mer_rep_field){.name = MER_S("id"), .at = {home, slot}, .home = home, .needed = true};
}

static struct mer_plan_fetch *entity_fetch(struct plan_ctx *c, struct plan_place *home,
                                           const struct mer_type *type, const struct mer_type *home_type,
                                           uint32_t source, bool resident)
{
    for (struct plan_dependent *d = home->dependents; d; d = d->next) {
        if (d->fetch->source == source && is_on(&d->fetch->on, type) && d->resident == resident) {
            return d->fetch;
        }
    }
    struct mer_plan_fetch *f = add_fetch(c, MER_FETCH_ENTITY, source);
    f->op.entity = mer_schema_type(f->op.schema, type->name);
    f->on = plan_on(c, type);
    f->resident = resident;
    note_rows(f, NULL, f->op.entity);
    f->combiner = MER_COMBINE_ORDINAL;
    name_key(c, f, home->fetch->index, key_slot(c, home, home_type));
    f->path = MER_NEW_N(c->a, struct mer_path_step, home->path_n);
    f->path_n = home->path_n;
    if (home->path_n) {
        memcpy(f->path, home->path, home->path_n * sizeof(*f->path));
    }
    struct plan_dependent *d = MER_NEW(c->a, struct plan_dependent);
    d->fetch = f;
    d->resident = resident;
    d->children = MER_NEW(c->a, struct plan_children);
    d->next = home->dependents;
    home->dependents = d;
    return f;
}

static struct plan_children *children_of(const struct plan_place *home, const struct mer_plan_fetch *f)
{
    for (const struct plan_dependent *d = home->dependents; d; d = d->next) {
        if (d->fetch == f) {
            return d->children;
        }
    }
    return NULL;
}

// ---- who answers a field ----

static const struct mer_field *source_field(const struct plan_ctx *c, uint32_t source,
                                            const struct mer_type *type, struct mer_slice name)
{
    const struct mer_schema *s = c->graph->sources[source].schema;
    const struct mer_type *t = mer_schema_type(s, type->name);
    const struct mer_field *f = t ? mer_schema_field(s, t, name) : NULL;
    return f && !has_directive(&f->directives, "external") ? f : NULL;
}

static bool has_key(const struct plan_ctx *c, uint32_t source, const struct mer_type *type)
{
    const struct mer_type *t = mer_schema_type(c->graph->sources[source].schema, type->name);
    return t && has_directive(&t->directives, "key");
}

static bool must_split(const struct plan_ctx *c, const struct plan_place *home, const struct mer_type *type,
                       const struct mer_field *sf)
{
    if (home->keys_only) {
        return !mer_slice_is(sf->name, "id") && has_key(c, home->fetch->source, type);
    }
    return c->graph->split_resident && !home->fetch->resident && has_directive(&sf->directives, "resident") &&
           has_key(c, home->fetch->source, type) &&
           !has_directive(&mer_schema_type(home->fetch->op.schema, type->name)->directives, "resident");
}

static enum mer_err fail_unanswered(struct plan_ctx *c, const struct mer_type *type, struct mer_slice name)
{
    return mer_diag_set(c->diag, MER_ERR_INVALID, "no source answers %.*s.%.*s", MER_FMT(type->name),
                        MER_FMT(name));
}

// ---- building one object ----

static enum mer_err build_shape(struct plan_ctx *c, struct plan_place *home, const struct mer_type *declared,
                                const struct plan_selections *sets, struct mer_shape **out);

static bool is_freshness(const struct mer_field *f)
{
    return has_directive(&f->type.type->directives, "hole");
}

// An ordered merge goes by the edges' cursors, also when the client asked for none.
static void add_merge_keys(struct plan_ctx *c, const struct mer_plan_fetch *fetch,
                           const struct mer_field *field, struct plan_children *children, uint32_t depth)
{
    const struct mer_schema *s = fetch->op.schema;
    const struct mer_type *type = field->type.type;
    struct plan_children edge = {0};
    struct mer_fetch_field ff = {.key = MER_S("_k_cursor"),
                                 .field = mer_schema_field(s, type, MER_S("cursor"))};
    if (depth == 2 && ff.field && mer_slice_is(field->name, "edges")) {
        plan_add_child(c, children, &ff);
        return;
    }
    const struct mer_field *edges = mer_schema_field(s, type, MER_S("edges"));
    bool has_edges = false;
    for (uint32_t i = 0; i < children->n; i++) {
        has_edges = has_edges || children->items[i]->field == edges;
    }
    if (depth == 1 && edges && !has_edges) {
        ff.field = mer_schema_field(s, edges->type.type, MER_S("cursor"));
        plan_add_child(c, &edge, &ff);
        struct mer_fetch_field hidden = {.key = MER_S("_k_edges"),
                                         .field = edges,
                                         .children = edge.items,
                                         .children_n = edge.n,
                                         .slots_n = edge.n};
        plan_add_child(c, children, &hidden);
    }
}

// Descends into a composite field whose value stands in `fetch` at `slot` of the children `in`.
static enum mer_err build_sub(struct plan_ctx *c, const struct plan_place *home, struct mer_plan_fetch *fetch,
                              struct plan_children *in, uint32_t slot, const struct plan_collected *col,
                              struct mer_shape_field *sf)
{
    bool same = fetch == home->fetch;
    struct mer_fetch_field *ff = in->items[slot];
    const struct mer_type *declared = col->field->type.type;
    struct plan_children *children = MER_NEW(c->a, struct plan_children);
    struct plan_place place = {
        .fetch = fetch,
        .children = children,
        .abstract = declared->kind != MER_TYPE_OBJECT,
        .keys_only = fetch->kind == MER_FETCH_GIVEN || (fetch->write && has_key(c, fetch->source, declared)),
        .depth = home->depth + 1,
    };
    uint32_t n = same ? home->path_n : 0;
    place.path = MER_NEW_N(c->a, struct mer_path_step, n + 1);
    place.path_n = n + 1;
    if (n) {
        memcpy(place.path, home->path, n * sizeof(*place.path));
    }
    place.path[n] = (struct mer_path_step){slot, col->on_api};
    if (place.abstract) {
        struct mer_fetch_field tn = {.key = MER_S("__typename"), .field = fetch->op.schema->typename_field};
        plan_add_child(c, children, &tn);
    }
    enum mer_err err = build_shape(c, &place, declared, &col->sub, &sf->sub);
    plan_close_dependents(c, &place);
    if (fetch->combiner == MER_COMBINE_ORDERED_MERGE && fetch->kind == MER_FETCH_ROOT) {
        add_merge_keys(c, fetch, ff->field, children, place.path_n);
    }
    if (children->n == 0) { // nothing but __typename was asked: the source still needs a selection
        struct mer_fetch_field tn = {.key = MER_S("__typename"), .field = fetch->op.schema->typename_field};
        plan_add_child(c, children, &tn);
    }
    ff = in->items[slot];
    ff->children = children->items;
    ff->children_n = ff->slots_n = children->n;
    return err;
}

static enum mer_err pick_fetch(struct plan_ctx *c, struct plan_place *home, const struct mer_type *type,
                               const struct plan_collected *col, struct mer_plan_fetch **fetch,
                               struct plan_children **in, const struct mer_field **source)
{
    uint32_t own = home->fetch->source;
    const struct mer_field *sf = source_field(c, own, type, col->field->name);
    const struct mer_type *home_type = mer_schema_type(c->graph->sources[own].schema, type->name);
    if (sf && !must_split(c, home, type, sf)) {
        *fetch = home->fetch;
        *in = home->children;
        *source = sf;
        return MER_OK;
    }
    for (uint32_t k = 0; k < c->graph->sources_n; k++) {
        uint32_t g = sf ? own : k;
        const struct mer_field *other = source_field(c, g, type, col->field->name);
        if (other && home_type && has_key(c, g, type)) {
            bool resident = has_directive(&other->directives, "resident");
            *fetch = entity_fetch(c, home, type, home_type, g, resident);
            *in = children_of(home, *fetch);
            *source = other;
            return MER_OK;
        }
    }
    return fail_unanswered(c, type, col->field->name);
}

static void add_age(struct plan_ctx *c, struct mer_shape_field *f)
{
    if (c->ages_n == c->ages_cap) {
        c->ages_cap = c->ages_cap ? c->ages_cap * 2 : 4;
        struct mer_shape_field **grown = MER_NEW_N(c->a, struct mer_shape_field *, c->ages_cap);
        if (c->ages_n) {
            memcpy(grown, c->ages, c->ages_n * sizeof(*grown));
        }
        c->ages = grown;
    }
    f->age = c->ages_n;
    c->ages[c->ages_n++] = f;
}

// Keys of our own begin with _k_ or __: what a client named so is asked for under another.
static struct mer_slice fetch_key(struct plan_ctx *c, struct mer_slice key, const struct plan_children *in)
{
    bool ours = mer_slice_starts(key, MER_S("_k_")) || mer_slice_starts(key, MER_S("__"));
    return ours ? mer_arena_printf(c->a, "_k_c%u", in->n) : key;
}

static enum mer_err build_field(struct plan_ctx *c, struct plan_place *home, const struct mer_type *type,
                                struct plan_collected *col, struct mer_shape_field *out)
{
    out->key = col->key;
    out->field = col->field;
    out->ast = col->ast;
    out->kept_if = col->kept_if;
    out->fetch = home->fetch->index;
    if (col->field == c->graph->api->typename_field) {
        out->kind = MER_SHAPE_TYPENAME;
        return MER_OK;
    }
    struct mer_plan_fetch *fetch = NULL;
    struct plan_children *in = NULL;
    const struct mer_field *source = NULL;
    enum mer_err err = pick_fetch(c, home, type, col, &fetch, &in, &source);
    if (err) {
        return err;
    }
    bool foreign = fetch != home->fetch;
    struct mer_fetch_field ff = {
        .key = fetch_key(c, col->key, in),
        .field = source,
        .on = plan_on(c, home->abstract && !foreign ? mer_schema_type(fetch->op.schema, type->name) : NULL),
        .arguments = col->ast->arguments,
        .arguments_n = col->ast->arguments_n,
    };
    out->fetch = fetch->index;
    out->slot = plan_add_child(c, in, &ff);
    if (is_freshness(source)) {
        out->kind = MER_SHAPE_FRESHNESS;
        out->sub = NULL;
        add_age(c, out);
        return plan_plain_shape(c, col, &out->sub);
    }
    if (!mer_type_is_composite(col->field->type.type)) {
        return MER_OK;
    }
    col->on_api = plan_on(c, ff.on.n ? type : NULL);
    note_rows(fetch, source, source->type.type);
    return build_sub(c, home, fetch, in, out->slot, col, out);
}

static enum mer_err build_shape(struct plan_ctx *c, struct plan_place *home, const struct mer_type *declared,
                                const struct plan_selections *sets, struct mer_shape **out)
{
    struct mer_shape *s = MER_NEW(c->a, struct mer_shape);
    *out = s;
    s->declared = declared;
    s->home = s->typed_by = home->fetch->index;
    s->variants = MER_NEW_N(c->a, struct mer_shape_variant, declared->possible_n);
    const struct mer_schema *own = c->graph->sources[home->fetch->source].schema;
    for (uint32_t i = 0; i < declared->possible_n; i++) {
        const struct mer_type *type = declared->possible[i];
        if (home->abstract && !mer_schema_type(own, type->name)) {
            continue; // this source cannot answer such an object
        }
        struct plan_collected *cols = NULL;
        uint32_t n = 0;
        enum mer_err err = plan_collect(c, type, sets, &cols, &n);
        if (err) {
            return err;
        }
        struct mer_shape_variant *v = &s->variants[s->variants_n++];
        v->types = plan_on(c, type);
        v->fields = MER_NEW_N(c->a, struct mer_shape_field, n);
        for (uint32_t k = 0; k < n; k++) {
            err = build_field(c, home, type, &cols[k], &v->fields[v->fields_n++]);
            if (err) {
                return err;
            }
        }
    }
    return MER_OK;
}

// ---- roots ----

static bool root_source(const struct plan_ctx *c, const struct mer_type *root, enum mer_operation_kind kind,
                        struct mer_slice name, uint32_t *source, const struct mer_field **field)
{
    (void)root;
    for (uint32_t i = 0; i < c->graph->sources_n; i++) {
        const struct mer_schema *s = c->graph->sources[i].schema;
        const struct mer_type *t = s->roots[kind];
        const struct mer_field *f = t ? mer_schema_field(s, t, name) : NULL;
        if (f && !has_directive(&f->directives, "external")) {
            *source = i;
            *field = f;
            return true;
        }
    }
    return false;
}

static enum mer_err build_root(struct plan_ctx *c, const struct mer_type *root, struct plan_collected *col,
                               struct mer_shape_field *out)
{
    out->key = col->key;
    out->field = col->field;
    out->ast = col->ast;
    out->kept_if = col->kept_if;
    const struct mer_schema *api = c->graph->api;
    if (col->field == api->typename_field) {
        out->kind = MER_SHAPE_TYPENAME;
        return MER_OK;
    }
    if (col->field == api->schema_field || col->field == api->type_field) {
        out->kind = MER_SHAPE_INTROSPECTION;
        return MER_OK;
    }
    if (c->graph->sdl.n && mer_slice_is(col->field->name, "_service")) {
        out->kind = MER_SHAPE_SERVICE;
        return plan_plain_shape(c, col, &out->sub);
    }
    uint32_t source = 0;
    const struct mer_field *sf = NULL;
    if (!root_source(c, root, c->op->kind, col->field->name, &source, &sf)) {
        return fail_unanswered(c, root, col->field->name);
    }
    bool given = mer_slice_is(col->field->name, "_entities");
    struct mer_plan_fetch *f = add_fetch(c, given ? MER_FETCH_GIVEN : MER_FETCH_ROOT, source);
    f->root_key = col->key;
    f->op.kind = c->op->kind;
    f->write = c->op->kind == MER_OP_MUTATION;
    note_rows(f, sf, sf->type.type);
    read_placement_bindings(f, sf);
    struct plan_children *top = MER_NEW(c->a, struct plan_children);
    struct mer_fetch_field ff = {.key = col->key,
                                 .field = sf,
                                 .arguments = col->ast->arguments,
                                 .arguments_n = col->ast->arguments_n,
                                 .kept_if = col->kept_if};
    out->fetch = f->index;
    out->slot = plan_add_child(c, top, &ff);
    if (is_freshness(sf)) {
        return fail_unanswered(c, root, col->field->name);
    }
    enum mer_err err = MER_OK;
    if (mer_type_is_composite(col->field->type.type)) {
        struct plan_place place = {.fetch = f, .children = top};
        err = build_sub(c, &place, f, top, out->slot, col, out);
    }
    f->op.fields = top->items;
    f->op.fields_n = f->op.slots_n = top->n;
    return err;
}

enum mer_err mer_plan_build(struct mer_arena *a, const struct mer_graph *graph,
                            const struct mer_ast_document *doc, const struct mer_ast_operation *op,
                            const struct mer_plan_limits *limits, struct mer_plan **out,
                            struct mer_diag *diag)
{
    struct plan_ctx c = {
        .a = a,
        .graph = graph,
        .doc = doc,
        .op = op,
        .diag = diag,
        .fields_left = limits && limits->max_shape_fields ? limits->max_shape_fields : MAX_SHAPE_FIELDS,
    };
    const struct mer_type *root = graph->api->roots[op->kind];
    if (!root) {
        return mer_diag_set(diag, MER_ERR_INVALID, "the schema has no such operation type");
    }
    struct plan_set first = {op->selections, NULL};
    struct plan_selections sets = {&first, 1};
    struct plan_collected *cols = NULL;
    uint32_t n = 0;
    enum mer_err err = plan_collect(&c, root, &sets, &cols, &n);
    if (err) {
        return err;
    }
    struct mer_shape *shape = MER_NEW(a, struct mer_shape);
    shape->declared = root;
    shape->variants = MER_NEW(a, struct mer_shape_variant);
    shape->variants_n = 1;
    shape->home = shape->typed_by = UINT32_MAX;
    shape->variants->types = plan_on(&c, root);
    shape->variants->fields = MER_NEW_N(a, struct mer_shape_field, n);
    for (uint32_t i = 0; i < n; i++) {
        err = build_root(&c, root, &cols[i], &shape->variants->fields[i]);
        if (err) {
            return err;
        }
        shape->variants->fields_n++;
    }
    for (uint32_t i = 0; i < c.fetches_n; i++) { // from the graph's own numbering to the gateway's
        c.fetches[i]->source = graph->sources[c.fetches[i]->source].index;
    }
    struct mer_plan *p = MER_NEW(a, struct mer_plan);
    *p = (struct mer_plan){graph,  doc,     op, shape, c.fetches, c.fetches_n, op->kind == MER_OP_MUTATION,
                           c.ages, c.ages_n};
    *out = p;
    return MER_OK;
}
