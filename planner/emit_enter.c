// SPDX-License-Identifier: MIT
#include "planner/emit_priv.h"

#include "planner/rows.h"

// ---- how an object is told to a source ----

struct telling {
    uint32_t home; // of the object whose values are told
    struct mer_types on;
    bool key; // a key is told whole or not at all
};

static struct mer_rep_field *rep_fields(struct mer_emitter *e, const struct mer_shape_field *fields,
                                        uint32_t fields_n, const struct telling *t, uint32_t *n);

static struct mer_rep_field *rep_below(struct mer_emitter *e, const struct mer_shape *s, bool key,
                                       uint32_t *n)
{
    struct mer_rep_field *all = NULL;
    *n = 0;
    for (uint32_t i = 0; i < s->variants_n; i++) {
        const struct mer_shape_variant *v = &s->variants[i];
        uint32_t more = 0;
        struct telling t = {s->home, v->types, key};
        struct mer_rep_field *own = rep_fields(e, v->fields, v->fields_n, &t, &more);
        struct mer_rep_field *grown = MER_NEW_N(e->a, struct mer_rep_field, *n + more + 1);
        if (*n) {
            memcpy(grown, all, *n * sizeof(*grown));
        }
        if (more) {
            memcpy(grown + *n, own, more * sizeof(*grown));
        }
        *n += more;
        all = grown;
    }
    return all;
}

static struct mer_rep_field *rep_fields(struct mer_emitter *e, const struct mer_shape_field *fields,
                                        uint32_t fields_n, const struct telling *t, uint32_t *n)
{
    struct mer_rep_field *out = MER_NEW_N(e->a, struct mer_rep_field, fields_n + 1);
    *n = 0;
    for (uint32_t i = 0; i < fields_n; i++) {
        const struct mer_shape_field *f = &fields[i];
        if (f->fetch == UINT32_MAX) {
            continue; // __typename: told of itself
        }
        struct mer_rep_field *r = &out[(*n)++];
        *r = (struct mer_rep_field){.name = f->key,
                                    .at = {f->fetch, f->slot},
                                    .home = t->home,
                                    .on = t->on,
                                    .needed = t->key || mer_ref_non_null(&f->field->type, 0)};
        if (f->sub) {
            r->fields = rep_below(e, f->sub, t->key, &r->fields_n);
        }
    }
    return out;
}

static bool is_told(const struct mer_rep *rep, const struct mer_rep_field *f)
{
    for (uint32_t i = 0; i < rep->fields_n; i++) {
        if (mer_slice_eq(rep->fields[i].name, f->name) && rep->fields[i].on.n == 0) {
            return true;
        }
    }
    return false;
}

static void tell(struct mer_emitter *e, struct mer_rep *rep, const struct mer_rep_field *fields, uint32_t n)
{
    struct mer_rep_field *grown = MER_NEW_N(e->a, struct mer_rep_field, rep->fields_n + n + 1);
    if (rep->fields_n) {
        memcpy(grown, rep->fields, rep->fields_n * sizeof(*grown));
    }
    rep->fields = grown;
    for (uint32_t i = 0; i < n; i++) {
        if (!is_told(rep, &fields[i])) {
            rep->fields[rep->fields_n++] = fields[i];
        }
    }
}

static bool types_meet(const struct mer_types *x, const struct mer_types *y)
{
    for (uint32_t i = 0; i < x->n; i++) {
        if (mer_types_hold(y, x->items[i])) {
            return true;
        }
    }
    return false;
}

static enum mer_err emit_need(struct mer_emitter *e, struct spot *s, const struct mer_need *need,
                              const struct mer_kept_if *kept, struct mer_rep_field **out, uint32_t *n)
{
    struct mer_shape_field *fields = MER_NEW_N(e->a, struct mer_shape_field, need->asked->units_n + 1);
    uint32_t home = s->homes_n ? s->homes[0].fetch->index : UINT32_MAX;
    struct mer_rep_field *all = NULL;
    *n = 0;
    for (uint32_t i = 0; i < need->asked->units_n; i++) {
        const struct mer_unit *u = &need->asked->units[i];
        enum mer_err err = emit_unit(e, s, u, &need->choices[i], kept, &fields[i]);
        if (err) {
            return err;
        }
        uint32_t one = 0;
        struct mer_types on = emit_everywhere(s, u) || (s->homes_n && s->homes[0].home.untyped && need->key)
                                  ? (struct mer_types){0}
                                  : emit_keep_types(e, &u->on);
        struct telling t = {home, on, need->key};
        struct mer_rep_field *told = rep_fields(e, &fields[i], 1, &t, &one);
        struct mer_rep_field *grown = MER_NEW_N(e->a, struct mer_rep_field, *n + one + 1);
        if (*n) {
            memcpy(grown, all, *n * sizeof(*grown));
        }
        if (one) {
            memcpy(grown + *n, told, sizeof(*grown));
        }
        *n += one;
        all = grown;
    }
    *out = all;
    return MER_OK;
}

// One representation for each group of types with a key of their own, with what their fields require.
static enum mer_err emit_reps(struct mer_emitter *e, struct spot *s, const struct mer_facet *f,
                              const struct mer_kept_if *kept, struct mer_rep **out, uint32_t *out_n)
{
    struct mer_rep *reps = MER_NEW_N(e->a, struct mer_rep, f->needs_n + 1);
    uint32_t n = 0;
    for (int keys = 1; keys >= 0; keys--) {
        for (uint32_t i = 0; i < f->needs_n; i++) {
            const struct mer_need *need = &f->needs[i];
            struct mer_rep_field *fields = NULL;
            uint32_t fields_n = 0;
            if (need->key != (keys == 1)) {
                continue;
            }
            enum mer_err err = emit_need(e, s, need, kept, &fields, &fields_n);
            if (err) {
                return err;
            }
            if (need->key) {
                reps[n] = (struct mer_rep){.types = f->typed || emit_types_unknown(s)
                                                        ? (struct mer_types){0}
                                                        : emit_keep_types(e, &need->on),
                                           .name = f->as      ? f->as->name
                                                   : f->typed ? s->asked->declared->name
                                                              : MER_NIL};
                tell(e, &reps[n++], fields, fields_n);
                continue;
            }
            for (uint32_t r = 0; r < n; r++) {
                if (types_meet(&need->on, &reps[r].types)) {
                    tell(e, &reps[r], fields, fields_n);
                }
            }
        }
    }
    *out = reps;
    *out_n = n;
    return MER_OK;
}

// ---- entering sources ----

static void keep_facet(struct mer_emitter *e, struct facet_out *f, const struct mer_kept_if *kept)
{
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
    f->kept_if = f->kept_set ? mer_kept_or(e->a, &f->kept_if, kept) : *kept;
    f->kept_set = true;
}

static void keep_choices(struct mer_emitter *e, struct spot *s, const struct mer_asked *asked,
                         const struct mer_choice *choices, const struct mer_kept_if *kept)
{
    for (uint32_t i = 0; i < asked->units_n; i++) {
        for (uint32_t k = 0; k < choices[i].facets_n; k++) {
            keep_facet(e, &s->facets[choices[i].facets[k]], kept ? kept : &asked->units[i].asked_if);
        }
    }
}

// A facet is needed when one of its own fields is, or a facet that waits for it: from the deepest up.
void emit_keep_facets(struct mer_emitter *e, struct spot *s)
{
    const struct mer_solution *sol = s->solution;
    uint32_t deepest = 0;
    keep_choices(e, s, s->asked, sol->choices, NULL);
    if (sol->typed_by) { // what the objects are must be known whatever is left of what is asked of some
        keep_facet(e, &s->facets[sol->typed_by], &(struct mer_kept_if){0});
    }
    for (uint32_t i = 0; i < sol->facets_n; i++) {
        deepest = sol->facets[i].depth > deepest ? sol->facets[i].depth : deepest;
    }
    for (uint32_t depth = deepest; depth > 0; depth--) {
        for (uint32_t i = 0; i < sol->facets_n; i++) {
            const struct mer_facet *f = &sol->facets[i];
            for (uint32_t k = 0; f->depth == depth && !f->home && k < f->needs_n; k++) {
                keep_choices(e, s, f->needs[k].asked, f->needs[k].choices, &s->facets[i].kept_if);
            }
        }
    }
}

static enum mer_err enter_root(struct mer_emitter *e, struct spot *s, const struct mer_facet *f,
                               struct facet_out *out)
{
    struct mer_plan_fetch *fetch = emit_add_fetch(e, MER_FETCH_ROOT, f->source);
    emit_stand_at(fetch, s);
    fetch->op.kind = s->homes_n ? MER_OP_QUERY : e->kind;
    fetch->write = fetch->op.kind == MER_OP_MUTATION;
    if (s->homes_n) {
        struct numbers after = {0};
        emit_add_number(e->a, &after, fetch->parent);
        fetch->after = after.items;
        fetch->after_n = after.n;
    }
    if (f->alone) {
        const struct mer_field *root = mer_schema_field(
            fetch->op.schema, fetch->op.schema->roots[fetch->op.kind], f->alone->field->name);
        bool given = e->graph->sdl.n && mer_slice_is(f->alone->field->name, "_entities");
        fetch->kind = given ? MER_FETCH_GIVEN : MER_FETCH_ROOT;
        fetch->root_key = f->alone->key;
        mer_rows_place(fetch, root);
    }
    out->fetches[out->fetches_n++] = fetch;
    return MER_OK;
}

uint32_t emit_typed_by(const struct spot *s)
{
    if (s->homes_n == 0) {
        return UINT32_MAX;
    }
    const struct facet_out *t = &s->facets[s->solution->typed_by];
    return s->solution->typed_by && t->fetches_n ? t->fetches[0]->index : s->homes[0].fetch->index;
}

static const struct mer_type *entity_of(struct mer_emitter *e, const struct spot *s,
                                        const struct mer_facet *f, const struct mer_types *types)
{
    if (f->as || f->typed) {
        return emit_own_type(e, f->source, f->as ? f->as : s->asked->declared);
    }
    return types->n == 1 ? emit_own_type(e, f->source, types->items[0]) : NULL;
}

static enum mer_err enter_entities(struct mer_emitter *e, struct spot *s, const struct mer_facet *f,
                                   const struct mer_types *types, struct facet_out *out)
{
    struct numbers after = {0}, *outer = e->after;
    struct mer_rep *reps = NULL;
    uint32_t reps_n = 0;
    e->after = &after;
    emit_wait_for(e, s->homes[0].fetch->index);
    emit_wait_for(e, s->homes[0].ready);
    if (!f->typed) {
        emit_wait_for(e, emit_typed_by(s));
    }
    enum mer_err err = emit_reps(e, s, f, &out->kept_if, &reps, &reps_n);
    e->after = outer;
    if (err) {
        return err;
    }
    struct mer_plan_fetch *fetch = emit_add_fetch(e, MER_FETCH_ENTITY, f->source);
    emit_stand_at(fetch, s);
    fetch->combiner = MER_COMBINE_ORDINAL;
    fetch->on = f->typed || emit_types_unknown(s) ? (struct mer_types){0} : emit_keep_types(e, types);
    fetch->typed_by = f->typed ? s->homes[0].fetch->index : emit_typed_by(s);
    fetch->after = after.items;
    fetch->after_n = after.n;
    fetch->reps = reps;
    fetch->reps_n = reps_n;
    fetch->op.entity = entity_of(e, s, f, types);
    if (e->graph->sources[f->source].rows) {
        fetch->resident = f->resident;
        mer_rows_note(fetch, NULL, fetch->op.entity);
    }
    if (!fetch->op.entity || fetch->op.entity->kind != MER_TYPE_OBJECT) {
        emit_ask_typename(e, e->kids[fetch->index], f->source);
    }
    out->fetches[out->fetches_n++] = fetch;
    return MER_OK;
}

// Told by the same keys, of the same types, and by nothing else.
static bool same_entry(const struct mer_facet *x, const struct mer_facet *y)
{
    bool same = x->source == y->source && x->as == y->as && x->typed == y->typed &&
                x->resident == y->resident && x->needs_n == y->needs_n &&
                mer_types_equal(&x->keyed, &y->keyed);
    for (uint32_t i = 0; i < x->needs_n && same; i++) {
        same = x->needs[i].key && y->needs[i].key && x->needs[i].asked == y->needs[i].asked;
    }
    return same;
}

// The place may be seen twice, as what the client asks and as what a key holds.
static struct mer_kids_entry *entry_of(const struct spot *s, const struct mer_facet *f)
{
    struct mer_kids_entry *n = s->homes_n == 1 ? s->homes[0].kids->entries : NULL;
    while (n && !same_entry(n->facet, f)) {
        n = n->next;
    }
    return n;
}

static bool is_always(const struct spot *s, const struct facet_out *out)
{
    return out->kept_if.n == 0 && s->under.n == 0;
}

// The key is asked whenever one of those is kept who enter by it.
static enum mer_err enter_again(struct mer_emitter *e, struct spot *s, const struct mer_facet *f,
                                struct mer_kids_entry *entry, struct facet_out *out)
{
    struct numbers ignored = {0}, *outer = e->after;
    struct mer_rep *reps = NULL;
    uint32_t reps_n = 0;
    enum mer_err err = MER_OK;
    out->fetches[out->fetches_n++] = entry->fetch;
    if (!entry->always) {
        e->after = &ignored;
        err = emit_reps(e, s, f, &out->kept_if, &reps, &reps_n);
        e->after = outer;
        entry->always = is_always(s, out);
    }
    return err;
}

static void note_entry(struct mer_emitter *e, struct spot *s, const struct mer_facet *f,
                       const struct facet_out *out)
{
    struct mer_kids_entry *n = MER_NEW(e->scratch, struct mer_kids_entry);
    *n = (struct mer_kids_entry){f, out->fetches[0], is_always(s, out), s->homes[0].kids->entries};
    s->homes[0].kids->entries = n;
}

static enum mer_err enter_facet(struct mer_emitter *e, struct spot *s, uint32_t at)
{
    const struct mer_facet *f = &s->solution->facets[at];
    struct facet_out *out = &s->facets[at];
    out->fetches = MER_NEW_N(e->a, struct mer_plan_fetch *, f->keyed.n + 1);
    if (f->root) {
        return enter_root(e, s, f, out);
    }
    enum mer_err err = MER_OK;
    if (!e->graph->sources[f->source].rows) {
        struct mer_kids_entry *entry = entry_of(s, f);
        if (entry) {
            return enter_again(e, s, f, entry, out);
        }
        err = enter_entities(e, s, f, &f->keyed, out);
        if (!err) {
            note_entry(e, s, f, out);
        }
        return err;
    }
    out->types = f->keyed;
    for (uint32_t i = 0; i < f->keyed.n && !err; i++) {
        struct mer_types one = {&f->keyed.items[i], 1};
        err = enter_entities(e, s, f, &one, out);
    }
    return err;
}

// What a facet waits for stands above it.
enum mer_err emit_enter_facets(struct mer_emitter *e, struct spot *s)
{
    const struct mer_solution *sol = s->solution;
    uint32_t left = 0;
    for (uint32_t i = 0; i < sol->facets_n; i++) {
        left += !sol->facets[i].home;
    }
    enum mer_err err = MER_OK;
    for (uint32_t depth = 1; left && !err; depth++) {
        for (uint32_t i = 0; i < sol->facets_n && !err; i++) {
            if (!sol->facets[i].home && sol->facets[i].depth == depth) {
                err = enter_facet(e, s, i);
                left--;
            }
        }
    }
    return err;
}
