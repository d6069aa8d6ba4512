// SPDX-License-Identifier: MIT
#include "planner/emit_kids.h"

struct mer_kids *mer_kids_create(struct mer_arena *keep, struct mer_arena *scratch)
{
    struct mer_kids *k = MER_NEW(scratch, struct mer_kids);
    k->keep = keep;
    k->scratch = scratch;
    mer_map_init(&k->by_key, scratch);
    return k;
}

struct mer_kept_if mer_kept_or(struct mer_arena *a, const struct mer_kept_if *x, const struct mer_kept_if *y)
{
    struct mer_kept_if both = {0};
    if (x->n == 0 || y->n == 0) {
        return both;
    }
    both.items = MER_NEW_N(a, const struct mer_condition *, x->n + y->n);
    memcpy(both.items, x->items, x->n * sizeof(*x->items));
    both.n = x->n;
    for (uint32_t i = 0; i < y->n; i++) {
        bool there = false;
        for (uint32_t k = 0; k < both.n; k++) {
            there = there || both.items[k] == y->items[i];
        }
        if (!there) {
            both.items[both.n++] = y->items[i];
        }
    }
    return both;
}

static bool overlap(const struct mer_types *x, const struct mer_types *y)
{
    if (x->n == 0 || y->n == 0) {
        return true;
    }
    for (uint32_t i = 0; i < x->n; i++) {
        if (mer_types_hold(y, x->items[i])) {
            return true;
        }
    }
    return false;
}

// What validation asks of fields that share a response key though no object can have both (5.3.2).
static bool same_form(const struct mer_fetch_field *x, const struct mer_fetch_field *y)
{
    const struct mer_type_ref *tx = &x->field->type, *ty = &y->field->type;
    bool leaf = !mer_type_is_composite(tx->type) || !mer_type_is_composite(ty->type);
    return tx->depth == ty->depth && tx->non_null == ty->non_null && (!leaf || tx->type == ty->type);
}

static struct mer_kid *add(struct mer_kids *k, const struct mer_fetch_field *want, int32_t beside)
{
    if (k->n == k->cap) {
        k->cap = k->cap ? k->cap * 2 : 8;
        struct mer_kid **grown = MER_NEW_N(k->scratch, struct mer_kid *, k->cap);
        if (k->n) {
            memcpy(grown, k->items, k->n * sizeof(*grown));
        }
        k->items = grown;
    }
    struct mer_kid *kid = MER_NEW(k->keep, struct mer_kid);
    kid->field = *want;
    kid->same_key = -1;
    kid->field.slot = beside >= 0 ? k->items[beside]->field.slot : k->slots_n++;
    if (beside >= 0) {
        kid->same_key = k->items[beside]->same_key;
        k->items[beside]->same_key = (int32_t)k->n;
    } else {
        mer_map_add(&k->by_key, kid->field.key, (void *)(uintptr_t)(k->n + 1));
    }
    k->items[k->n++] = kid;
    return kid;
}

enum meeting { MEET_NONE, MEET_SAME, MEET_BESIDE, MEET_CONFLICT };

// How a field meets those that have its response key already.
static enum meeting meet(const struct mer_kids *k, const struct mer_fetch_field *want, int32_t first,
                         struct mer_kid **same)
{
    enum meeting m = first < 0 ? MEET_NONE : MEET_BESIDE;
    for (int32_t i = first; i >= 0; i = k->items[i]->same_key) {
        struct mer_fetch_field *f = &k->items[i]->field;
        bool equal =
            mer_slice_eq(f->field->name, want->field->name) &&
            mer_arguments_equal(k->scratch, f->arguments, f->arguments_n, want->arguments, want->arguments_n);
        if (equal && mer_types_equal(&f->on, &want->on)) {
            *same = k->items[i];
            return MEET_SAME;
        }
        // A leaf that is asked of some objects and of others is one value; what has fields of its own is read
        // by those of one of both.
        bool one = equal && !mer_type_is_composite(f->field->type.type);
        if (!same_form(f, want) || (overlap(&f->on, &want->on) && !one)) {
            m = MEET_CONFLICT;
        }
    }
    return m;
}

struct mer_kid *mer_kids_ask(struct mer_kids *k, const struct mer_fetch_field *want)
{
    struct mer_fetch_field f = *want;
    for (uint32_t attempt = 0;; attempt++) {
        int32_t first = (int32_t)(uintptr_t)mer_map_get(&k->by_key, f.key) - 1;
        struct mer_kid *same = NULL;
        switch (meet(k, &f, first, &same)) {
        case MEET_SAME:
            same->field.kept_if = mer_kept_or(k->keep, &same->field.kept_if, &want->kept_if);
            return same;
        case MEET_NONE:
        case MEET_BESIDE:
            return add(k, &f, first);
        case MEET_CONFLICT:
        default:
            f.key = mer_arena_printf(k->keep, "_k%u_%.*s", attempt, MER_FMT(want->key));
        }
    }
}

void mer_kids_close(struct mer_kids *k, const struct mer_field *typename_field,
                    struct mer_fetch_field ***fields, uint32_t *fields_n, uint32_t *slots_n)
{
    if (k->n == 0) { // nothing but __typename was asked: a source still needs a selection
        struct mer_fetch_field tn = {.key = MER_S("__typename"), .field = typename_field};
        mer_kids_ask(k, &tn);
    }
    *fields = MER_NEW_N(k->keep, struct mer_fetch_field *, k->n);
    *fields_n = k->n;
    *slots_n = k->slots_n;
    for (uint32_t i = 0; i < k->n; i++) {
        struct mer_kid *kid = k->items[i];
        (*fields)[i] = &kid->field;
        if (kid->below) {
            mer_kids_close(kid->below, typename_field, &kid->field.children, &kid->field.children_n,
                           &kid->field.slots_n);
        }
    }
}
