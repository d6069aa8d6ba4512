// SPDX-License-Identifier: MIT
#include "planner/choose_priv.h"

#include <stddef.h>

// ---- facets ----

uint32_t choose_add_facet(struct build *b, const struct mer_facet *f)
{
    if (b->facets_n == b->facets_cap) {
        b->facets_cap = b->facets_cap ? b->facets_cap * 2 : 8;
        struct mer_facet *grown = MER_NEW_N(b->c->a, struct mer_facet, b->facets_cap);
        if (b->facets_n) {
            memcpy(grown, b->facets, b->facets_n * sizeof(*grown));
        }
        b->facets = grown;
    }
    b->facets[b->facets_n] = *f;
    return b->facets_n++;
}

// A list that states share as far as they agree: it grows in place by what nobody else has put there.
struct list {
    uint32_t cap, filled;
    _Alignas(16) char items[];
};

// The items, with `more` behind the first n.
static void *list_add(struct mer_arena *a, void *items, uint32_t n, const void *more, uint32_t more_n,
                      size_t size)
{
    struct list *l = n ? (struct list *)(void *)((char *)items - offsetof(struct list, items)) : NULL;
    if (!l || l->filled != n || l->cap < n + more_n) {
        uint32_t cap = n ? 2 * (n + more_n) : more_n;
        struct list *grown = mer_arena_alloc(a, sizeof(*l) + cap * size);
        grown->cap = cap;
        if (l) {
            memcpy(grown->items, l->items, n * size);
        }
        l = grown;
    }
    memcpy(l->items + n * size, more, more_n * size);
    l->filled = n + more_n;
    return l->items;
}

static void add_need(struct build *b, uint32_t facet, const struct mer_need *need)
{
    struct mer_facet *f = choose_touch(b, facet);
    f->needs = list_add(b->c->a, f->needs, f->needs_n++, need, 1, sizeof(*need));
    uint32_t at = choose_need_known_at(b, need) + 1;
    f->depth = at > f->depth ? at : f->depth;
}

bool choose_is_entering(const struct build *b, uint32_t source)
{
    for (uint32_t i = 0; i < b->entering_n; i++) {
        if (b->entering[i] == source) {
            return true;
        }
    }
    return false;
}

// Places what a selection asks of some types, for a source that is not entered yet.
static bool place_need(struct build *b, const struct mer_ast_selection_set *set,
                       const struct mer_type *declared, const struct mer_types *on, uint32_t source,
                       struct mer_need *out)
{
    struct mer_chooser *c = b->c;
    struct mer_ask_set one = {set, NULL, true, NULL};
    if (b->entering_n == sizeof(b->entering) / sizeof(b->entering[0])) {
        return false;
    }
    struct mer_types all = {0};
    enum mer_err err =
        mer_asked_of(c->selector, mer_ask_of(c->selector, &one, 1), declared, on, &all, &out->asked);
    if (err) {
        c->limit = err;
        return false;
    }
    out->on = *on;
    out->choices = MER_NEW_N(c->a, struct mer_choice, out->asked->units_n + 1);
    b->entering[b->entering_n++] = source;
    bool ok = true;
    for (uint32_t i = 0; i < out->asked->units_n && ok; i++) {
        ok = mer_unit_is_meta(c->graph, &out->asked->units[i]) ||
             choose_place_unit(b, &out->asked->units[i], &out->choices[i]);
    }
    b->entering_n--;
    return ok;
}

static const struct mer_fed_type_in *type_in(const struct build *b, const struct mer_facet *f,
                                             const struct mer_type *t)
{
    return &mer_fed_type(b->c->graph->federation, f->as      ? f->as
                                                  : f->typed ? b->asked->declared
                                                             : t)
                ->in[f->source];
}

static bool same_keys(const struct mer_fed_type_in *x, const struct mer_fed_type_in *y)
{
    for (uint32_t i = 0; x->keys_n == y->keys_n && i < x->keys_n; i++) {
        if (x->keys[i].resolvable != y->keys[i].resolvable ||
            !mer_slice_eq(x->keys[i].text, y->keys[i].text)) {
            return false;
        }
    }
    return x->keys_n == y->keys_n;
}

// The key by which the facet is known soonest.
static bool add_key(struct build *b, uint32_t facet, const struct mer_types *on)
{
    const struct mer_fed_type_in *in = type_in(b, &b->facets[facet], on->items[0]);
    const struct mer_type *declared = b->facets[facet].as ? b->facets[facet].as : on->items[0];
    if (in->keys_n == 1) {
        struct mer_need need = {.key = true};
        if (!in->type || !in->keys[0].resolvable ||
            !place_need(b, in->keys[0].fields, declared, on, b->facets[facet].source, &need)) {
            return false;
        }
        add_need(b, facet, &need);
        return true;
    }
    struct mer_arena_mark mark = mer_arena_mark(b->c->trials);
    struct saved before = choose_save(b);
    struct kept best_state = {0};
    struct cost best = {UINT32_MAX, UINT32_MAX, 0, 0};
    for (uint32_t i = 0; i < in->keys_n; i++) {
        struct mer_need need = {.key = true};
        if (!in->type || !in->keys[i].resolvable ||
            !place_need(b, in->keys[i].fields, declared, on, b->facets[facet].source, &need)) {
            choose_restore(b, &before);
            continue;
        }
        add_need(b, facet, &need);
        struct cost cost = choose_cost_of(b);
        if (choose_cheaper(cost, best)) {
            best = cost;
            best_state = choose_keep(b, &before);
        }
        choose_restore(b, &before);
    }
    if (best.depth != UINT32_MAX) {
        choose_take(b, &best_state);
    }
    mer_arena_rewind(b->c->trials, mark);
    return best.depth != UINT32_MAX;
}

static void mark_keyed(struct build *b, uint32_t facet, const struct mer_types *on)
{
    struct mer_facet *f = choose_touch(b, facet);
    f->keyed.items = list_add(b->c->a, f->keyed.items, f->keyed.n, on->items, on->n, sizeof(*on->items));
    f->keyed.n += on->n;
}

bool choose_is_keyed(const struct mer_facet *f, const struct mer_type *t)
{
    return f->keyed.n && mer_types_hold(&f->keyed, t);
}

// Makes objects of these types known to the facet: those with the same keys together.
static bool add_keys(struct build *b, uint32_t facet, const struct mer_types *on)
{
    const struct mer_type **left = MER_NEW_N(b->c->a, const struct mer_type *, on->n);
    uint32_t n = 0;
    for (uint32_t i = 0; i < on->n; i++) {
        if (!choose_is_keyed(&b->facets[facet], on->items[i])) {
            left[n++] = on->items[i];
        }
    }
    while (n) {
        struct mer_types same = {MER_NEW_N(b->c->a, const struct mer_type *, n), 0};
        const struct mer_fed_type_in *first = type_in(b, &b->facets[facet], left[0]);
        uint32_t rest = 0;
        for (uint32_t i = 0; i < n; i++) {
            if (same_keys(first, type_in(b, &b->facets[facet], left[i]))) {
                same.items[same.n++] = left[i];
            } else {
                left[rest++] = left[i];
            }
        }
        n = rest;
        if (!add_key(b, facet, &same)) {
            return false;
        }
        mark_keyed(b, facet, &same);
    }
    return true;
}

bool choose_is_root_type(const struct build *b, const struct mer_types *on)
{
    const struct mer_schema *s = b->c->graph->types;
    return on->n == 1 &&
           (on->items[0] == s->roots[MER_OP_QUERY] || on->items[0] == s->roots[MER_OP_MUTATION] ||
            on->items[0] == s->roots[MER_OP_SUBSCRIPTION]);
}

// Told by an interface, objects of all types are one there: what is asked of some types alone is asked apart.
static bool fits(const struct mer_facet *f, const struct mer_facet *want, const struct mer_types *on)
{
    return !f->home && !f->alone && f->source == want->source && f->as == want->as &&
           f->resident == want->resident && f->root == want->root &&
           (!want->as || mer_types_equal(&f->keyed, on));
}

enum joining { JOINED, NO_WAY, CIRCLE };

// Makes objects of further types known to a facet. By way of other facets it may come to wait for itself:
// where A's objects are found by what B knows and B's others by what A knows, A is entered twice.
static enum joining join_facet(struct build *b, uint32_t facet, const struct mer_types *on)
{
    struct saved before = choose_save(b);
    uint32_t depth = b->facets[facet].depth;
    if (!add_keys(b, facet, on)) {
        return NO_WAY;
    }
    if (choose_is_in_circle(b, facet)) {
        choose_restore(b, &before);
        return CIRCLE;
    }
    if (b->facets[facet].depth > depth) {
        choose_settle_depths(b);
    }
    return JOINED;
}

// A facet of that kind in which objects of these types are known; -1: there is no way.
int64_t choose_enter(struct build *b, const struct mer_facet *want, const struct mer_types *on)
{
    if (choose_is_entering(b, want->source)) {
        return -1;
    }
    for (uint32_t i = b->homes_n; i < b->facets_n && !want->alone; i++) {
        enum joining how = !fits(&b->facets[i], want, on) ? CIRCLE
                           : want->root                   ? JOINED
                                                          : join_facet(b, i, on);
        if (how != CIRCLE) {
            return how == JOINED ? (int64_t)i : -1;
        }
    }
    uint32_t at = choose_add_facet(b, want);
    b->facets[at].depth = 1 + b->typed_depth;
    return want->root || add_keys(b, at, on) ? (int64_t)at : -1;
}

// ---- fields that need others first ----

// What a field requires may be found by way of its own source: nobody is being entered. The bound on needs
// within needs ends a circle.
#define NOBODY UINT32_MAX

static bool same_question(struct mer_arena *a, const struct mer_unit *x, const struct mer_unit *y)
{
    return mer_arguments_equal(a, x->ast->arguments, x->ast->arguments_n, y->ast->arguments,
                               y->ast->arguments_n) &&
           (!x->sub || x->sub == y->sub);
}

// One representation cannot tell a member in two ways: other arguments, or other fields below.
static bool contradicts(const struct build *b, const struct mer_facet *f, const struct mer_need *need)
{
    for (uint32_t i = 0; i < f->needs_n; i++) {
        for (uint32_t k = 0; k < f->needs[i].asked->units_n; k++) {
            for (uint32_t j = 0; j < need->asked->units_n; j++) {
                const struct mer_unit *x = &f->needs[i].asked->units[k], *y = &need->asked->units[j];
                if (mer_slice_eq(x->key, y->key) && !same_question(b->c->a, x, y)) {
                    return true;
                }
            }
        }
    }
    return false;
}

// False: then the facet, and who waits for it, would be later than they are, for a field that may be told
// late.
static bool join_need(struct build *b, uint32_t facet, const struct mer_unit *u, const struct mer_need *need)
{
    struct saved before = choose_save(b);
    uint32_t depth = b->facets[facet].depth;
    if (!add_keys(b, facet, &u->on)) {
        return false;
    }
    add_need(b, facet, need);
    bool late = b->facets[facet].depth > depth && mer_unit_is_deferred(u);
    if (late) {
        choose_restore(b, &before);
    }
    return !late;
}

// Joins what the field requires to a facet that nobody waits for, else enters the source once more. All but
// the sources of the key wait for the facet that tells the types.
int64_t choose_enter_requiring(struct build *b, const struct mer_facet *want, const struct mer_unit *u,
                               const struct mer_fed_field_in *in)
{
    struct mer_need need = {0};
    const struct mer_type *declared = want->as ? want->as : u->on.items[0];
    if (choose_is_entering(b, want->source) ||
        !place_need(b, in->requires, declared, &u->on, NOBODY, &need)) {
        return -1;
    }
    for (uint32_t i = b->homes_n; i < b->facets_n; i++) {
        bool waits = !fits(&b->facets[i], want, &u->on) || b->facets[i].typed ||
                     choose_has_dependents(b, i) || contradicts(b, &b->facets[i], &need);
        for (uint32_t k = 0; k < need.asked->units_n && !waits; k++) {
            waits = choose_choice_depends(b, &need.choices[k], i);
        }
        if (!waits && join_need(b, i, u, &need)) {
            return i;
        }
    }
    uint32_t at = choose_add_facet(b, want);
    b->facets[at].depth = 1 + b->typed_depth;
    if (!want->root && !add_keys(b, at, &u->on)) {
        return -1;
    }
    add_need(b, at, &need);
    return at;
}
