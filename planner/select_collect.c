// SPDX-License-Identifier: MIT
#include "planner/select_priv.h"

#include "schema/printer.h"

static bool by_variable(const struct mer_ast_directives *ds, struct mer_slice name)
{
    const struct mer_ast_directive *d = mer_ast_directive_find(ds, name);
    const struct mer_ast_value *v = d ? mer_ast_argument_find(d, MER_S("if")) : NULL;
    return v && v->kind == MER_VALUE_VARIABLE;
}

static const struct mer_condition *under(struct mer_selector *s, const struct mer_ast_directives *ds,
                                         const struct mer_condition *outer)
{
    if (ds->n == 0 || (!by_variable(ds, MER_S("skip")) && !by_variable(ds, MER_S("include")))) {
        return outer;
    }
    struct mer_buf b;
    mer_buf_init(&b, s->a, 64);
    mer_print_directives_min(&b, ds);
    mer_buf_printf(&b, "@%p", (const void *)outer);
    struct mer_condition *cond = mer_map_get(&s->conditions, mer_buf_slice(&b));
    if (!cond) {
        cond = MER_NEW(s->keep, struct mer_condition);
        *cond = (struct mer_condition){.directives = ds, .outer = outer};
        mer_map_add(&s->conditions, mer_buf_slice(&b), cond);
    }
    return cond;
}

// ---- fields ----

static void append_condition(struct mer_arena *a, struct collected *col, const struct mer_condition *cond)
{
    for (uint32_t i = 0; i < col->kept_if_n; i++) {
        if (col->kept_if[i] == cond) {
            return;
        }
    }
    const struct mer_condition **grown = MER_NEW_N(a, const struct mer_condition *, col->kept_if_n + 1);
    if (col->kept_if_n) {
        memcpy(grown, col->kept_if, col->kept_if_n * sizeof(*grown));
    }
    grown[col->kept_if_n++] = cond;
    col->kept_if = grown;
}

static void append_set(struct mer_selector *s, struct collected *col, const struct mer_ask_set *add)
{
    for (uint32_t i = 0; i < col->sub_n; i++) {
        if (col->sub[i].condition == add->condition && col->sub[i].ours == add->ours &&
            col->sub[i].deferral == add->deferral &&
            select_set_id(s, col->sub[i].set) == select_set_id(s, add->set)) {
            return; // the same said twice
        }
    }
    struct mer_ask_set *grown = MER_NEW_N(s->a, struct mer_ask_set, col->sub_n + 1);
    if (col->sub_n) {
        memcpy(grown, col->sub, col->sub_n * sizeof(*grown));
    }
    grown[col->sub_n++] = *add;
    col->sub = grown;
}

static struct collected *slot_for(struct collector *k, struct mer_slice key)
{
    uintptr_t found = (uintptr_t)mer_map_get(&k->by_key, key);
    if (found) {
        return &k->items[found - 1];
    }
    if (k->n == k->cap) {
        k->cap = k->cap ? k->cap * 2 : 8;
        struct collected *grown = MER_NEW_N(k->s->a, struct collected, k->cap);
        if (k->n) {
            memcpy(grown, k->items, k->n * sizeof(*grown));
        }
        k->items = grown;
    }
    k->items[k->n++] = (struct collected){.key = key};
    mer_map_add(&k->by_key, key, (void *)(uintptr_t)k->n);
    return &k->items[k->n - 1];
}

static enum mer_err too_many(struct mer_selector *s, struct mer_loc loc)
{
    return mer_diag_at(s->diag, MER_ERR_LIMIT, loc.line, loc.column,
                       "the operation expands to too many fields");
}

static enum mer_err find_field(struct mer_selector *s, const struct mer_type *type, struct flat_field *f)
{
    struct mer_slice name = f->sel->name;
    f->field = mer_schema_field(s->graph->types, type, name);
    if (!f->field && type == s->graph->types->roots[MER_OP_QUERY]) { // __schema and __type are the clients'
        f->field = mer_schema_field(s->graph->api, s->graph->api->roots[MER_OP_QUERY], name);
    }
    if (!f->field) {
        return mer_diag_set(s->diag, MER_ERR_INVALID, "unknown field %.*s.%.*s", MER_FMT(type->name),
                            MER_FMT(name));
    }
    f->answerers = select_is_meta(s, f->field) ? NULL : select_answerers_of(s, f->field);
    return MER_OK;
}

static enum mer_err collect_field(struct collector *k, const struct flat_field *f, bool ours)
{
    struct mer_selector *s = k->s;
    if (s->fields_left == 0 || mer_arena_exhausted(s->a) || !mer_budget_step(s->budget)) {
        return too_many(s, f->sel->loc);
    }
    s->fields_left--;
    struct collected *col = slot_for(k, mer_ast_response_key(f->sel));
    if (!col->field) {
        col->field = f->field;
        col->answerers = f->answerers;
        col->ast = f->sel;
    }
    col->clients = col->clients || !ours;
    if (!f->cond) {
        col->always = true;
        col->kept_if_n = 0;
    } else if (!col->always) {
        append_condition(s->keep, col, f->cond);
    }
    if (s->defers && !ours) {
        mer_defers_say(s->defers, &col->said, f->cond, f->deferral);
        k->deferred = k->deferred || f->deferral;
    }
    if (f->sel->selections) {
        struct mer_ask_set below = {f->sel->selections, f->cond, ours, NULL};
        below.deferral = f->deferral ? mer_defers_below(s->defers, f->deferral) : NULL;
        append_set(s, col, &below);
    }
    return MER_OK;
}

// The selections inside a fragment, and the type it is for; NULL: not a fragment.
const struct mer_ast_selection_set *
select_inside(const struct mer_selector *s, const struct mer_ast_selection *sel, const struct mer_type **on)
{
    const struct mer_ast_selection_set *inner = sel->selections;
    struct mer_slice name = sel->condition;
    if (sel->kind == MER_SEL_SPREAD) {
        const struct mer_ast_fragment *f = mer_ast_fragment_find(s->doc, sel->name);
        inner = f ? f->selections : NULL;
        name = f ? f->condition : MER_NIL;
    }
    *on = name.n ? mer_schema_type(s->graph->types, name) : NULL;
    return inner;
}

static const struct walk *walk_of(struct mer_selector *s, const struct mer_ast_selection_set *set)
{
    struct walk *w = mer_map_get(&s->walks, mer_slice_make((const char *)&set, sizeof(set)));
    if (w) {
        return w;
    }
    w = MER_NEW(s->a, struct walk);
    w->steps = MER_NEW_N(s->a, struct walk_step, set->n + 1);
    for (uint32_t i = 0; i < set->n; i++) {
        const struct mer_ast_selection *sel = set->items[i];
        if (!mer_selection_kept(&sel->directives, NULL)) {
            continue; // said so without a variable: it does not even count for the order of the fields
        }
        struct walk_step *step = &w->steps[w->n++];
        step->sel = sel;
        if (sel->kind != MER_SEL_FIELD) {
            step->inner = select_inside(s, sel, &step->on);
        }
    }
    mer_map_add(&s->walks, select_address(s, set), w);
    return w;
}

static enum mer_err flatten(struct mer_selector *s, const struct mer_ask_set *set,
                            const struct mer_type *type, struct flat *out);

// The fields of a fragment, found once however many spread it. *out NULL: it is not for objects of the type.
static enum mer_err flat_of(struct mer_selector *s, const struct walk_step *fragment,
                            const struct mer_type *type, const struct mer_ask_set *around,
                            const struct flat **out)
{
    *out = NULL;
    if (!fragment->inner || (fragment->on && !mer_type_covers(fragment->on, type))) {
        return MER_OK;
    }
    struct mer_ask_set in = {fragment->inner, around->condition, around->ours, NULL};
    in.deferral = s->defers && !in.ours ? mer_defers_enter(s->defers, fragment->sel, around->deferral) : NULL;
    const void *key[4] = {in.set, type, in.condition, in.deferral};
    struct mer_slice name = mer_slice_make((const char *)key, sizeof(key));
    struct flat *flat = mer_map_get(&s->flats, name);
    *out = flat;
    if (flat) {
        return MER_OK;
    }
    flat = MER_NEW(s->a, struct flat);
    enum mer_err err = flatten(s, &in, type, flat);
    mer_map_add(&s->flats, mer_arena_copy(s->a, name), flat);
    *out = flat;
    return err;
}

static void add_flat(struct mer_arena *a, struct flat *to, const struct flat_field *items, uint32_t n)
{
    if (to->n + n > to->cap) {
        to->cap = to->n + n > 2 * to->cap ? to->n + n : 2 * to->cap;
        struct flat_field *grown = mer_arena_alloc(a, to->cap * sizeof(*grown));
        if (to->n) {
            memcpy(grown, to->items, to->n * sizeof(*grown));
        }
        to->items = grown;
    }
    if (n) {
        memcpy(to->items + to->n, items, n * sizeof(*items));
    }
    to->n += n;
}

static enum mer_err flatten(struct mer_selector *s, const struct mer_ask_set *set,
                            const struct mer_type *type, struct flat *out)
{
    enum mer_err err = MER_OK;
    const struct walk *w = walk_of(s, set->set);
    for (uint32_t i = 0; i < w->n && !err; i++) {
        const struct mer_ast_selection *sel = w->steps[i].sel;
        struct mer_ask_set in = *set;
        in.condition = under(s, &sel->directives, set->condition);
        const struct flat *more = NULL;
        if (sel->kind == MER_SEL_FIELD) {
            struct flat_field one = {.sel = sel, .cond = in.condition, .deferral = in.deferral};
            err = find_field(s, type, &one);
            add_flat(s->a, out, &one, 1);
        } else if (!(err = flat_of(s, &w->steps[i], type, &in, &more)) && more) {
            add_flat(s->a, out, more->items, more->n);
        }
        if (!err && (out->n > s->max_fields || mer_arena_exhausted(s->a))) {
            err = too_many(s, sel->loc);
        }
    }
    return err;
}

static enum mer_err collect_set(struct collector *k, const struct mer_ask_set *set)
{
    enum mer_err err = MER_OK;
    const struct walk *w = walk_of(k->s, set->set);
    for (uint32_t i = 0; i < w->n && !err; i++) {
        const struct mer_ast_selection *sel = w->steps[i].sel;
        struct mer_ask_set in = *set;
        in.condition = under(k->s, &sel->directives, set->condition);
        struct flat_field one = {.sel = sel, .cond = in.condition, .deferral = in.deferral};
        struct flat alone = {&one, 1, 1};
        const struct flat *all = &alone;
        err = sel->kind == MER_SEL_FIELD ? find_field(k->s, k->type, &one)
                                         : flat_of(k->s, &w->steps[i], k->type, &in, &all);
        for (uint32_t f = 0; !err && all && f < all->n; f++) {
            err = collect_field(k, &all->items[f], set->ours);
        }
    }
    return err;
}

enum mer_err select_collect(struct collector *k, const struct mer_ask *ask)
{
    enum mer_err err = MER_OK;
    k->n = 0;
    k->deferred = false;
    mer_map_clear(&k->by_key);
    for (uint32_t i = 0; i < ask->sets_n && !err; i++) {
        // What is around the parent's only occurrence is the parent's own: it need not be asked again.
        struct mer_ask_set set = ask->sets[i];
        set.condition = ask->sets_n > 1 ? set.condition : NULL;
        set.deferral = ask->sets_n > 1 ? set.deferral : NULL;
        k->deferred = k->deferred || set.deferral;
        err = collect_set(k, &set);
    }
    for (uint32_t i = 0; i < k->n && !k->deferred; i++) {
        k->items[i].said.n = 0;
    }
    return err;
}
