// SPDX-License-Identifier: MIT
#include "planner/emit_priv.h"

#include "planner/rows.h"

static enum mer_err emit_spot(struct mer_emitter *e, struct spot *s, struct mer_shape **out);

// ---- fetches ----

void emit_add_number(struct mer_arena *a, struct numbers *to, uint32_t n)
{
    for (uint32_t i = 0; i < to->n; i++) {
        if (to->items[i] == n) {
            return;
        }
    }
    if (to->n == to->cap) {
        to->cap = to->cap ? to->cap * 2 : 4;
        uint32_t *grown = MER_NEW_N(a, uint32_t, to->cap);
        if (to->n) {
            memcpy(grown, to->items, to->n * sizeof(*grown));
        }
        to->items = grown;
    }
    to->items[to->n++] = n;
}

void emit_wait_for(struct mer_emitter *e, uint32_t fetch)
{
    if (e->after && fetch != UINT32_MAX) {
        emit_add_number(e->a, e->after, fetch);
    }
}

struct mer_plan_fetch *emit_add_fetch(struct mer_emitter *e, enum mer_fetch_kind kind, uint32_t source)
{
    struct mer_plan_fetch *f = MER_NEW(e->a, struct mer_plan_fetch);
    *f = (struct mer_plan_fetch){.index = e->fetches_n,
                                 .kind = kind,
                                 .source = source,
                                 .parent = UINT32_MAX,
                                 .typed_by = UINT32_MAX,
                                 .partition_arg = -1,
                                 .serves = ~0u};
    f->op.schema = e->graph->sources[source].schema;
    f->write = kind == MER_FETCH_ROOT && e->kind == MER_OP_MUTATION;
    if (e->fetches_n == e->fetches_cap) {
        e->fetches_cap = e->fetches_cap ? e->fetches_cap * 2 : 8;
        struct mer_plan_fetch **grown = MER_NEW_N(e->a, struct mer_plan_fetch *, e->fetches_cap);
        struct mer_kids **kids = MER_NEW_N(e->a, struct mer_kids *, e->fetches_cap);
        if (e->fetches_n) {
            memcpy(grown, e->fetches, e->fetches_n * sizeof(*grown));
            memcpy(kids, e->kids, e->fetches_n * sizeof(*kids));
        }
        e->fetches = grown;
        e->kids = kids;
    }
    e->kids[e->fetches_n] = mer_kids_create(e->a, e->scratch);
    e->fetches[e->fetches_n++] = f;
    return f;
}

void emit_stand_at(struct mer_plan_fetch *f, const struct spot *s)
{
    if (s->homes_n) {
        f->parent = s->homes[0].fetch->index;
        f->path = s->homes[0].path;
        f->path_n = s->homes[0].path_n;
    }
}

const struct mer_type *emit_own_type(const struct mer_emitter *e, uint32_t source, const struct mer_type *t)
{
    return mer_fed_type(e->graph->federation, t)->in[source].type;
}

// Types of the whole as types of a source; those it does not know are left out.
static struct mer_types own_types(struct mer_emitter *e, uint32_t source, const struct mer_types *of)
{
    struct mer_types own = {MER_NEW_N(e->a, const struct mer_type *, of->n + 1), 0};
    for (uint32_t i = 0; i < of->n; i++) {
        const struct mer_type *t = emit_own_type(e, source, of->items[i]);
        if (t) {
            own.items[own.n++] = t;
        }
    }
    return own;
}

void emit_ask_typename(struct mer_emitter *e, struct mer_kids *kids, uint32_t source)
{
    struct mer_fetch_field tn = {.key = MER_S("__typename"),
                                 .field = e->graph->sources[source].schema->typename_field};
    mer_kids_ask(kids, &tn);
}

// ---- units ----

static void note_age(struct mer_emitter *e, struct mer_shape_field *f)
{
    if (e->ages_n == e->ages_cap) {
        e->ages_cap = e->ages_cap ? e->ages_cap * 2 : 4;
        struct mer_shape_field **grown = MER_NEW_N(e->a, struct mer_shape_field *, e->ages_cap);
        if (e->ages_n) {
            memcpy(grown, e->ages, e->ages_n * sizeof(*grown));
        }
        e->ages = grown;
    }
    f->age = e->ages_n;
    e->ages[e->ages_n++] = f;
}

static const struct mer_field *api_field(const struct mer_emitter *e, const struct mer_unit *u)
{
    const struct mer_type *t = mer_schema_type(e->graph->api, u->field->parent->name);
    const struct mer_field *f = t ? mer_schema_field(e->graph->api, t, u->field->name) : NULL;
    return f ? f : u->field;
}

// The shape of a field that no source is asked for in detail (an age, _service): its selections alone.
static enum mer_err plain_shape(struct mer_emitter *e, const struct mer_unit *u, struct mer_shape **out)
{
    const struct mer_asked *q = NULL;
    const struct mer_type *t = u->field->type.type;
    struct mer_types one = {&t, 1}, all = {0};
    enum mer_err err = mer_asked_of(e->selector, u->sub, t, &one, &all, &q);
    if (err) {
        return err;
    }
    struct mer_shape *s = MER_NEW(e->a, struct mer_shape);
    *s =
        (struct mer_shape){.index = ++e->shapes_n, .declared = t, .home = UINT32_MAX, .typed_by = UINT32_MAX};
    s->variants = MER_NEW(e->a, struct mer_shape_variant);
    s->variants_n = 1;
    s->variants->fields = MER_NEW_N(e->a, struct mer_shape_field, q->units_n + 1);
    s->variants->fields_n = q->units_n;
    for (uint32_t i = 0; i < q->units_n; i++) {
        const struct mer_unit *below = &q->units[i];
        bool meta = mer_unit_is_meta(e->graph, below);
        s->variants->fields[i] = (struct mer_shape_field){.key = below->key,
                                                          .field = api_field(e, below),
                                                          .kind = meta ? MER_SHAPE_TYPENAME : MER_SHAPE_DATA,
                                                          .ast = below->ast,
                                                          .kept_if = below->kept_if};
    }
    *out = s;
    return MER_OK;
}

static enum mer_err emit_meta(struct mer_emitter *e, const struct mer_unit *u, struct mer_shape_field *out)
{
    const struct mer_schema *api = e->graph->api;
    if (mer_slice_is(u->field->name, "_service")) {
        out->kind = MER_SHAPE_SERVICE;
        return plain_shape(e, u, &out->sub);
    }
    bool name = u->field == api->typename_field || u->field == e->graph->types->typename_field;
    out->field = name ? api->typename_field : u->field;
    out->kind = name ? MER_SHAPE_TYPENAME : MER_SHAPE_INTROSPECTION;
    return MER_OK;
}

static struct mer_plan_fetch *facet_fetch(const struct facet_out *f, const struct mer_type *t)
{
    for (uint32_t i = 0; i < f->types.n; i++) {
        if (f->types.items[i] == t) {
            return f->fetches[i];
        }
    }
    return f->fetches[0];
}

// Keys of our own begin with _k or __: what a client named so is asked for under another.
static struct mer_slice source_key(struct mer_emitter *e, struct mer_slice key)
{
    bool ours = mer_slice_starts(key, MER_S("_k")) || mer_slice_starts(key, MER_S("__"));
    return ours ? mer_arena_printf(e->a, "c%.*s", MER_FMT(key)) : key;
}

struct asking {
    struct mer_plan_fetch *fetch;
    struct mer_kids *kids;
    const struct spot_home *home; // NULL: a facet that was entered
    struct mer_fetch_field want;
};

// Where a unit is asked in one of its facets, and for which types.
static struct asking asking_of(struct mer_emitter *e, const struct spot *s, const struct mer_unit *u,
                               const struct mer_choice *ch, uint32_t k)
{
    struct asking w = {0};
    uint32_t at = ch->facets[k], source = ch->in[k]->source;
    const struct mer_field *field = ch->in[k]->field;
    const struct mer_facet *f = &s->solution->facets[at];
    bool one_type = true;
    const struct mer_type *general = NULL; // an interface on which it can be asked for all
    if (f->home) {
        w.home = &s->homes[at];
        w.fetch = w.home->fetch;
        w.kids = w.home->kids;
        one_type = w.home->own->kind == MER_TYPE_OBJECT;
        general = w.home->own->kind == MER_TYPE_INTERFACE ? w.home->own : NULL;
    } else {
        w.fetch = facet_fetch(&s->facets[at], u->on.items[0]);
        w.kids = e->kids[w.fetch->index];
        one_type = f->root || (w.fetch->op.entity && w.fetch->op.entity->kind == MER_TYPE_OBJECT);
        general = w.fetch->op.entity;
    }
    struct mer_types on = {0};
    if (!one_type) {
        const struct mer_field *shared =
            emit_everywhere(s, u) && general
                ? mer_schema_field(e->graph->sources[source].schema, general, field->name)
                : NULL;
        shared = shared && shared->type.type == field->type.type ? shared : NULL;
        on = shared ? on : own_types(e, source, &u->on);
        field = shared ? shared : field;
    }
    w.want = (struct mer_fetch_field){.key = source_key(e, u->key),
                                      .field = field,
                                      .on = on,
                                      .arguments = u->ast->arguments,
                                      .arguments_n = u->ast->arguments_n};
    return w;
}

// Of the scratch into what stays.
struct mer_types emit_keep_types(struct mer_emitter *e, const struct mer_types *t)
{
    struct mer_types kept = {MER_NEW_N(e->a, const struct mer_type *, t->n + 1), t->n};
    if (t->n) {
        memcpy(kept.items, t->items, t->n * sizeof(*t->items));
    }
    return kept;
}

// Objects told by their interface alone, by all sources that are asked.
bool emit_types_unknown(const struct spot *s)
{
    return s->homes_n && s->homes[0].home.untyped && !s->solution->typed_by;
}

// Is the unit for all objects that can stand at the place? What a @requires names of some of them is not.
bool emit_everywhere(const struct spot *s, const struct mer_unit *u)
{
    return u->on.n == s->asked->possible.n;
}

// For which objects a unit holds; where the home does not know their types, all are walked.
static struct mer_types unit_types(struct mer_emitter *e, const struct spot *s, const struct mer_unit *u,
                                   const struct spot_home *home)
{
    bool all = emit_everywhere(s, u) || (home && home->home.untyped) || emit_types_unknown(s);
    return all ? (struct mer_types){0} : emit_keep_types(e, &u->on);
}

static void step_down(struct mer_emitter *e, const struct spot *s, const struct asking *w,
                      const struct mer_unit *u, uint32_t slot, struct spot_home *below)
{
    uint32_t n = w->home ? w->home->path_n : 0;
    below->path = MER_NEW_N(e->a, struct mer_path_step, n + 1);
    if (n) {
        memcpy(below->path, w->home->path, n * sizeof(*below->path));
    }
    below->path[n] = (struct mer_path_step){slot, unit_types(e, s, u, w->home)};
    below->path_n = n + 1;
    below->fetch = w->fetch;
}

// What two fetches tell of one value becomes one value.
static uint32_t splice(struct mer_emitter *e, const struct spot *s, const struct mer_unit *u,
                       struct mer_plan_value into, struct mer_plan_value from)
{
    struct mer_plan_fetch *f = emit_add_fetch(e, MER_FETCH_SPLICE, e->fetches[from.fetch]->source);
    emit_stand_at(f, s);
    f->on = unit_types(e, s, u, s->homes_n ? &s->homes[0] : NULL);
    f->into = into;
    f->from = from;
    struct numbers after = {0};
    emit_add_number(e->a, &after, into.fetch);
    emit_add_number(e->a, &after, from.fetch);
    for (uint32_t i = 0; i < s->homes_n; i++) {
        emit_add_number(e->a, &after, s->homes[i].ready);
    }
    f->after = after.items;
    f->after_n = after.n;
    return f->index;
}

// A connection that is merged from pages of several places needs what they are merged by.
static void ask_merge_keys(struct mer_emitter *e, const struct mer_plan_fetch *fetch,
                           const struct mer_fetch_field *asked, struct mer_kids *kids, uint32_t depth)
{
    const struct mer_field *lacks = NULL;
    if (fetch->kind != MER_FETCH_ROOT || fetch->combiner != MER_COMBINE_ORDERED_MERGE ||
        !mer_rows_merge_key(fetch->op.schema, asked->field, depth, &lacks)) {
        return;
    }
    if (depth == 2) {
        struct mer_fetch_field cursor = {.key = MER_S("_k_cursor"), .field = lacks};
        mer_kids_ask(kids, &cursor);
        return;
    }
    for (uint32_t i = 0; i < kids->n; i++) {
        if (kids->items[i]->field.field == lacks) {
            return; // its own turn comes
        }
    }
    struct mer_fetch_field edges = {.key = MER_S("_k_edges"), .field = lacks};
    struct mer_kid *kid = mer_kids_ask(kids, &edges);
    kid->below = mer_kids_create(e->a, e->scratch);
    ask_merge_keys(e, fetch, &kid->field, kid->below, 2);
}

// Kept where both are. The same of the same is the same pointers.
struct mer_kept_if emit_kept_under(struct mer_emitter *e, const struct mer_kept_if *kept,
                                   const struct mer_kept_if *under)
{
    if (kept->n == 0 || under->n == 0 || kept->items == under->items) {
        return kept->n ? *kept : *under;
    }
    const void *const names[] = {kept->items, (const void *)(uintptr_t)kept->n, under->items};
    struct mer_slice name = mer_slice_make((const char *)names, sizeof(names));
    struct mer_kept_if *both = mer_map_get(&e->unders, name);
    if (!both) {
        struct mer_kept_if *outer = MER_NEW(e->a, struct mer_kept_if);
        *outer = *under;
        both = MER_NEW(e->a, struct mer_kept_if);
        both->items = MER_NEW_N(e->a, const struct mer_condition *, kept->n);
        both->n = kept->n;
        for (uint32_t i = 0; i < kept->n; i++) {
            struct mer_condition *c = MER_NEW(e->a, struct mer_condition);
            *c = (struct mer_condition){.outer = kept->items[i], .under = outer};
            both->items[i] = c;
        }
        mer_map_add(&e->unders, mer_arena_copy(e->scratch, name), both);
    }
    return *both;
}

static enum mer_err emit_below(struct mer_emitter *e, struct spot *s, const struct mer_unit *u,
                               const struct mer_choice *ch, struct asking *ways, struct mer_kid **kids,
                               struct mer_shape_field *out)
{
    struct spot below = {.homes_n = ch->facets_n, .solution = ch->sub, .asked = ch->sub->asked};
    below.under = ways[0].want.kept_if;
    below.homes = MER_NEW_N(e->a, struct spot_home, ch->facets_n);
    for (uint32_t k = 0; k < ch->facets_n; k++) {
        struct spot_home *h = &below.homes[k];
        const struct mer_facet *f = &s->solution->facets[ch->facets[k]];
        const struct mer_asked *ignored = NULL;
        step_down(e, s, &ways[k], u, kids[k]->field.slot, h);
        h->own = ch->in[k]->field->type.type;
        enum mer_err err =
            mer_choose_below(e->chooser, u, ch->in[k], ways[k].home ? &ways[k].home->home : NULL,
                             f->root && !f->home, &h->home, &ignored);
        if (err) {
            return err;
        }
        if (!kids[k]->below) {
            kids[k]->below = mer_kids_create(e->a, e->scratch);
            if (h->own->kind != MER_TYPE_OBJECT ||
                (below.asked->declared->kind != MER_TYPE_OBJECT && !h->home.untyped)) {
                emit_ask_typename(e, kids[k]->below, ch->in[k]->source);
            }
        }
        h->kids = kids[k]->below;
        h->ready = k == 0
                       ? h->fetch->index
                       : splice(e, s, u, (struct mer_plan_value){ways[0].fetch->index, kids[0]->field.slot},
                                (struct mer_plan_value){ways[k].fetch->index, kids[k]->field.slot});
    }
    enum mer_err err = emit_spot(e, &below, &out->sub);
    if (!err && e->graph->sources[ch->in[0]->source].rows) {
        ask_merge_keys(e, ways[0].fetch, &kids[0]->field, kids[0]->below, below.homes[0].path_n);
    }
    return err;
}

static void note_also(struct mer_emitter *e, const struct asking *ways, struct mer_kid *const *kids,
                      uint32_t n, struct mer_shape_field *out)
{
    struct mer_plan_value *also = n > 1 ? MER_NEW_N(e->a, struct mer_plan_value, n - 1) : NULL;
    for (uint32_t k = 1; k < n; k++) {
        also[k - 1] = (struct mer_plan_value){ways[k].fetch->index, kids[k]->field.slot};
    }
    out->also = also;
    out->also_n = n ? n - 1 : 0;
}

enum mer_err emit_unit(struct mer_emitter *e, struct spot *s, const struct mer_unit *u,
                       const struct mer_choice *ch, const struct mer_kept_if *kept,
                       struct mer_shape_field *out)
{
    *out = (struct mer_shape_field){
        .key = u->key, .field = api_field(e, u), .ast = u->ast, .kept_if = u->kept_if, .fetch = UINT32_MAX};
    out->guards = u->guards;
    out->guarded = u->guards.n ? ++e->guarded_n : 0;
    out->said = u->said;
    out->deferred = u->said.n ? ++e->deferred_n : 0;
    if (u->unasked) {
        return MER_OK; // null, and nobody is asked
    }
    if (ch->facets_n == 0) {
        return emit_meta(e, u, out);
    }
    struct asking *ways = MER_NEW_N(e->a, struct asking, ch->facets_n);
    struct mer_kid **kids = MER_NEW_N(e->a, struct mer_kid *, ch->facets_n);
    for (uint32_t k = 0; k < ch->facets_n; k++) {
        ways[k] = asking_of(e, s, u, ch, k);
        ways[k].want.kept_if = emit_kept_under(e, kept, &s->under);
        kids[k] = mer_kids_ask(ways[k].kids, &ways[k].want);
        emit_wait_for(e, ways[k].fetch->index);
        emit_wait_for(e, ways[k].home ? ways[k].home->ready : UINT32_MAX);
    }
    out->fetch = ways[0].fetch->index;
    out->slot = kids[0]->field.slot;
    note_also(e, ways, kids, ch->facets_n, out);
    const struct mer_field *own = ch->in[0]->field;
    if (e->graph->sources[ch->in[0]->source].rows) {
        mer_rows_note(ways[0].fetch, own, own->type.type);
    }
    if (!mer_type_is_composite(own->type.type)) {
        return MER_OK;
    }
    if (mer_field_is_leaf(own)) {
        out->kind = MER_SHAPE_FRESHNESS;
        return plain_shape(e, u, &out->sub);
    }
    return emit_below(e, s, u, ch, ways, kids, out);
}

// ---- a place ----

static bool is_visible(const struct mer_emitter *e, const struct mer_type *t)
{
    return mer_fed_type(e->graph->federation, t)->api != NULL;
}

static void make_variants(struct mer_emitter *e, const struct spot *s, const struct mer_shape_field *fields,
                          struct mer_shape *shape)
{
    const struct mer_asked *q = s->asked;
    shape->variants = MER_NEW_N(e->a, struct mer_shape_variant, q->groups_n + 1);
    for (uint32_t i = 0; i < q->groups_n; i++) {
        const struct mer_asked_group *g = &q->groups[i];
        struct mer_shape_variant *v = &shape->variants[shape->variants_n++];
        v->fields = MER_NEW_N(e->a, struct mer_shape_field, g->units_n + 1);
        v->fields_n = g->units_n;
        v->guards = g->guards;
        for (uint32_t k = 0; k < g->units_n; k++) {
            v->fields[k] = fields[g->units[k]];
            if (v->fields[k].kind == MER_SHAPE_FRESHNESS) {
                note_age(e, &v->fields[k]);
            }
        }
        if (shape->declared->kind == MER_TYPE_OBJECT) {
            continue;
        }
        if (emit_types_unknown(s)) {
            return; // all are asked alike
        }
        v->types.items = MER_NEW_N(e->a, const struct mer_type *, g->types.n + 1);
        for (uint32_t k = 0; k < g->types.n; k++) {
            if (e->after || is_visible(e, g->types.items[k])) { // what is told to sources may be hidden
                v->types.items[v->types.n++] = g->types.items[k];
            }
        }
        shape->variants_n -= v->types.n == 0;
    }
}

static enum mer_err emit_within(struct mer_emitter *e)
{
    bool enough = mer_arena_exhausted(e->a) || mer_arena_exhausted(e->scratch) ||
                  !mer_budget_step(mer_selector_budget(e->selector));
    return enough ? MER_ERR_LIMIT : MER_OK;
}

static enum mer_err emit_units(struct mer_emitter *e, struct spot *s, struct mer_shape_field *fields)
{
    const struct mer_solution *sol = s->solution;
    s->facets = MER_NEW_N(e->a, struct facet_out, sol->facets_n + 1);
    emit_keep_facets(e, s);
    enum mer_err err = emit_enter_facets(e, s);
    for (uint32_t i = 0; i < s->asked->units_n && !err; i++) {
        const struct mer_unit *u = &s->asked->units[i];
        err = emit_unit(e, s, u, &sol->choices[i], &u->asked_if, &fields[i]);
        err = err ? err : emit_within(e);
    }
    return err ? err : emit_within(e);
}

static enum mer_err emit_spot(struct mer_emitter *e, struct spot *s, struct mer_shape **out)
{
    struct mer_shape_field *fields = MER_NEW_N(e->a, struct mer_shape_field, s->asked->units_n + 1);
    enum mer_err err = emit_units(e, s, fields);
    struct mer_shape *shape = MER_NEW(e->a, struct mer_shape);
    *shape = (struct mer_shape){.index = ++e->shapes_n,
                                .declared = s->asked->declared,
                                .home = s->homes[0].fetch->index,
                                .typed_by = emit_typed_by(s)};
    if (!err) {
        make_variants(e, s, fields, shape);
    }
    *out = shape;
    return err;
}

// ---- face ----

enum mer_err mer_emit_root(struct mer_emitter *e, const struct mer_asked *asked, const struct mer_solution *s,
                           struct mer_shape_field *fields_out)
{
    struct spot root = {.asked = asked, .solution = s};
    return emit_units(e, &root, fields_out);
}

struct mer_emitter *mer_emitter_create(struct mer_arena *keep, struct mer_arena *scratch,
                                       const struct mer_graph *graph, struct mer_selector *selector,
                                       struct mer_chooser *chooser, enum mer_operation_kind kind,
                                       struct mer_diag *diag)
{
    struct mer_emitter *e = MER_NEW(scratch, struct mer_emitter);
    *e = (struct mer_emitter){.a = keep,
                              .scratch = scratch,
                              .graph = graph,
                              .selector = selector,
                              .chooser = chooser,
                              .kind = kind,
                              .diag = diag};
    mer_map_init(&e->unders, scratch);
    return e;
}

void mer_emit_end(struct mer_emitter *e, struct mer_plan *plan)
{
    for (uint32_t i = 0; i < e->fetches_n; i++) {
        struct mer_plan_fetch *f = e->fetches[i];
        if (f->kind != MER_FETCH_SPLICE) {
            mer_kids_close(e->kids[i], f->op.schema->typename_field, &f->op.fields, &f->op.fields_n,
                           &f->op.slots_n);
        }
        f->source = e->graph->sources[f->source].index; // from the graph's own numbering to the gateway's
    }
    plan->fetches = e->fetches;
    plan->fetches_n = e->fetches_n;
    plan->ages = e->ages;
    plan->ages_n = e->ages_n;
    plan->guarded_n = e->guarded_n;
    plan->shapes_n = e->shapes_n + 1;
    plan->deferred_n = e->deferred_n;
}
