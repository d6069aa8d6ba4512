// SPDX-License-Identifier: MIT
// CollectFields (specification 6.3.2) at planning time: which response fields an object of a given type has,
// with
// @skip and @include kept as conditions instead of decided.
#include "planner/plan_priv.h"

struct collector {
    struct plan_ctx *c;
    const struct mer_type *type;
    struct mer_map by_key;
    struct plan_collected *items;
    uint32_t n, cap;
};

static const struct mer_condition *under(struct plan_ctx *c, const struct mer_ast_directives *ds,
                                         const struct mer_condition *outer)
{
    if (!mer_ast_directive_find(ds, MER_S("skip")) && !mer_ast_directive_find(ds, MER_S("include"))) {
        return outer;
    }
    struct mer_condition *cond = MER_NEW(c->a, struct mer_condition);
    cond->directives = ds;
    cond->outer = outer;
    return cond;
}

static const struct mer_ast_fragment *fragment(const struct mer_ast_document *doc, struct mer_slice name)
{
    for (uint32_t i = 0; i < doc->fragments_n; i++) {
        if (mer_slice_eq(doc->fragments[i]->name, name)) {
            return doc->fragments[i];
        }
    }
    return NULL;
}

static void append_condition(struct plan_ctx *c, struct plan_collected *col, const struct mer_condition *cond)
{
    struct mer_kept_if *k = &col->kept_if;
    const struct mer_condition **grown = MER_NEW_N(c->a, const struct mer_condition *, k->n + 1);
    if (k->n) {
        memcpy(grown, k->items, k->n * sizeof(*grown));
    }
    grown[k->n++] = cond;
    k->items = grown;
}

static void append_set(struct plan_ctx *c, struct plan_collected *col,
                       const struct mer_ast_selection_set *set, const struct mer_condition *cond)
{
    struct plan_set *grown = MER_NEW_N(c->a, struct plan_set, col->sub.n + 1);
    if (col->sub.n) {
        memcpy(grown, col->sub.items, col->sub.n * sizeof(*grown));
    }
    grown[col->sub.n] = (struct plan_set){set, cond};
    col->sub.items = grown;
    col->sub.n++;
}

static struct plan_collected *slot_for(struct collector *k, struct mer_slice key)
{
    void *found = mer_map_get(&k->by_key, key);
    if (found) {
        return &k->items[(uintptr_t)found - 1];
    }
    if (k->n == k->cap) {
        uint32_t cap = k->cap ? k->cap * 2 : 8;
        struct plan_collected *grown = MER_NEW_N(k->c->a, struct plan_collected, cap);
        if (k->n) {
            memcpy(grown, k->items, k->n * sizeof(*grown));
        }
        k->items = grown;
        k->cap = cap;
    }
    struct plan_collected *col = &k->items[k->n++];
    *col = (struct plan_collected){.key = key};
    mer_map_add(&k->by_key, key, (void *)(uintptr_t)k->n);
    return col;
}

static enum mer_err collect_field(struct collector *k, const struct mer_ast_selection *sel,
                                  const struct mer_condition *cond)
{
    struct plan_ctx *c = k->c;
    const struct mer_field *field = mer_schema_field(c->graph->api, k->type, sel->name);
    if (!field) {
        return mer_diag_set(c->diag, MER_ERR_INVALID, "unknown field %.*s", MER_FMT(sel->name));
    }
    if (c->fields_left == 0 || mer_arena_exhausted(c->a)) {
        return mer_diag_at(c->diag, MER_ERR_LIMIT, sel->loc.line, sel->loc.column,
                           "the operation expands to too many fields");
    }
    c->fields_left--;
    struct plan_collected *col = slot_for(k, mer_ast_response_key(sel));
    bool first = !col->field;
    if (first) {
        col->field = field;
        col->ast = sel;
    }
    if (!cond) {
        col->always = true;
        col->kept_if.n = 0;
    } else if (!col->always) {
        append_condition(c, col, cond);
    }
    if (sel->selections) {
        append_set(c, col, sel->selections, cond);
    }
    return MER_OK;
}

static enum mer_err collect_set(struct collector *k, const struct mer_ast_selection_set *set,
                                const struct mer_condition *outer)
{
    for (uint32_t i = 0; i < set->n; i++) {
        const struct mer_ast_selection *sel = set->items[i];
        const struct mer_condition *cond = under(k->c, &sel->directives, outer);
        enum mer_err err = MER_OK;
        if (sel->kind == MER_SEL_FIELD) {
            err = collect_field(k, sel, cond);
        } else {
            const struct mer_ast_selection_set *inner = sel->selections;
            struct mer_slice on = sel->condition;
            if (sel->kind == MER_SEL_SPREAD) {
                const struct mer_ast_fragment *f = fragment(k->c->doc, sel->name);
                inner = f ? f->selections : NULL;
                on = f ? f->condition : MER_NIL;
            }
            const struct mer_type *t = on.n ? mer_schema_type(k->c->graph->api, on) : NULL;
            if (inner && (!t || mer_type_covers(t, k->type))) {
                err = collect_set(k, inner, cond);
            }
        }
        if (err) {
            return err;
        }
    }
    return MER_OK;
}

enum mer_err plan_collect(struct plan_ctx *c, const struct mer_type *type, const struct plan_selections *sets,
                          struct plan_collected **out, uint32_t *out_n)
{
    struct collector k = {.c = c, .type = type};
    mer_map_init(&k.by_key, c->a);
    for (uint32_t i = 0; i < sets->n; i++) {
        // A condition of the parent's only occurrence is the parent's own: it need not be asked again.
        const struct mer_condition *outer = sets->n > 1 ? sets->items[i].condition : NULL;
        enum mer_err err = collect_set(&k, sets->items[i].set, outer);
        if (err) {
            return err;
        }
    }
    *out = k.items;
    *out_n = k.n;
    return MER_OK;
}

enum mer_err plan_plain_shape(struct plan_ctx *c, const struct plan_collected *col, struct mer_shape **out)
{
    struct mer_shape *s = MER_NEW(c->a, struct mer_shape);
    *out = s;
    s->declared = col->field->type.type;
    s->variants = MER_NEW(c->a, struct mer_shape_variant);
    s->variants_n = 1;
    struct plan_collected *cols = NULL;
    uint32_t n = 0;
    enum mer_err err = plan_collect(c, s->declared, &col->sub, &cols, &n);
    s->variants->types = plan_on(c, s->declared);
    s->variants->fields = MER_NEW_N(c->a, struct mer_shape_field, n);
    for (uint32_t i = 0; i < n && !err; i++) {
        struct mer_shape_field *f = &s->variants->fields[s->variants->fields_n++];
        *f = (struct mer_shape_field){
            .key = cols[i].key, .field = cols[i].field, .ast = cols[i].ast, .kept_if = cols[i].kept_if};
        f->kind = cols[i].field == c->graph->api->typename_field ? MER_SHAPE_TYPENAME : MER_SHAPE_DATA;
    }
    return err;
}

void plan_close_dependents(struct plan_ctx *c, struct plan_place *place)
{
    (void)c;
    for (struct plan_dependent *d = place->dependents; d; d = d->next) {
        d->fetch->op.fields = d->children->items;
        d->fetch->op.fields_n = d->fetch->op.slots_n = d->children->n;
    }
}
