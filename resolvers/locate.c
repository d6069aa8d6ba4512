// SPDX-License-Identifier: MIT
// Where in its document a field of the answer was asked: `locations` of the errors of executing. A request
// without errors knows nothing of this. The document is walked along the error's path, without a C stack that
// follows it, and only so far for all errors together: what is not found within that has no location.
#include "resolvers/exec_priv.h"

#define STEPS_MAX 50000u // selections looked at for one answer

struct nodes { // fields, or sets of selections
    const void **items;
    uint32_t n, cap;
};

struct open_set {
    const struct mer_ast_selection_set *set;
    uint32_t next;
};

struct exec_locator {
    struct mer_exec *x;
    struct mer_map fragments; // name → its place in `seen`, from 1
    uint32_t *seen, pass;     // the pass in which a fragment was last entered
    struct open_set *open;
    uint32_t open_n, open_cap;
    struct nodes found;
    uint32_t left;
};

struct exec_locator *exec_locator_make(struct mer_exec *x)
{
    const struct mer_ast_document *doc = x->ask.plan->document;
    struct exec_locator *l = MER_NEW(x->a, struct exec_locator);
    l->x = x;
    l->left = STEPS_MAX;
    l->seen = MER_NEW_N(x->a, uint32_t, doc->fragments_n + 1);
    mer_map_init(&l->fragments, x->a);
    for (uint32_t i = 0; i < doc->fragments_n; i++) {
        mer_map_put(&l->fragments, doc->fragments[i]->name, &l->seen[i]);
    }
    return l;
}

static void add(struct mer_arena *a, struct nodes *to, const void *item)
{
    if (to->n == to->cap) {
        to->cap = to->cap ? to->cap * 2 : 16;
        const void **grown = MER_NEW_N(a, const void *, to->cap);
        if (to->n) {
            memcpy(grown, to->items, to->n * sizeof(*grown));
        }
        to->items = grown;
    }
    to->items[to->n++] = item;
}

static void enter(struct exec_locator *l, const struct mer_ast_selection_set *set)
{
    if (l->open_n == l->open_cap) {
        l->open_cap = l->open_cap ? l->open_cap * 2 : 16;
        struct open_set *grown = MER_NEW_N(l->x->a, struct open_set, l->open_cap);
        if (l->open_n) {
            memcpy(grown, l->open, l->open_n * sizeof(*grown));
        }
        l->open = grown;
    }
    l->open[l->open_n++] = (struct open_set){set, 0};
}

// May an object of that type be what a fragment is for? `on` NULL: it is not known.
static bool is_for(struct exec_locator *l, struct mer_slice condition, const struct mer_type *on)
{
    const struct mer_type *t = condition.n && on ? mer_schema_type(exec_types(l->x), condition) : NULL;
    if (!t || t == on) {
        return true;
    }
    for (uint32_t i = 0; i < on->possible_n; i++) {
        if (mer_type_covers(t, on->possible[i])) {
            return true;
        }
    }
    return false;
}

static void enter_fragment(struct exec_locator *l, struct mer_slice name, const struct mer_type *on)
{
    uint32_t *seen = mer_map_get(&l->fragments, name);
    if (!seen || *seen == l->pass) {
        return;
    }
    *seen = l->pass;
    const struct mer_ast_fragment *f = l->x->ask.plan->document->fragments[seen - l->seen];
    if (is_for(l, f->condition, on)) {
        enter(l, f->selections);
    }
}

static void look_at(struct exec_locator *l, const struct mer_ast_selection *sel,
                    const struct mer_path_seg *seg)
{
    if (!mer_selection_kept(&sel->directives, l->x->ask.vars)) {
        return;
    }
    if (sel->kind == MER_SEL_SPREAD) {
        enter_fragment(l, sel->name, seg->on);
    } else if (sel->kind == MER_SEL_INLINE) {
        if (is_for(l, sel->condition, seg->on)) {
            enter(l, sel->selections);
        }
    } else if (mer_slice_eq(mer_ast_response_key(sel), seg->key)) {
        add(l->x->a, &l->found, sel);
    }
}

// The fields of these sets that a step of the path names, in the document's order.
static void find(struct exec_locator *l, const struct nodes *sets, const struct mer_path_seg *seg)
{
    l->pass++;
    l->found.n = 0;
    for (uint32_t i = 0; i < sets->n; i++) {
        enter(l, sets->items[i]);
        while (l->open_n && l->left) {
            struct open_set *top = &l->open[l->open_n - 1];
            if (top->next == top->set->n) {
                l->open_n--;
                continue;
            }
            l->left--;
            look_at(l, top->set->items[top->next++], seg);
        }
        l->open_n = 0;
    }
}

uint32_t exec_locate(struct exec_locator *l, const struct mer_exec_error *e,
                     const struct mer_ast_selection ***out)
{
    struct nodes sets = {0};
    add(l->x->a, &sets, l->x->ask.plan->operation->selections);
    l->found.n = 0;
    for (uint32_t i = 0; i < e->path_n; i++) {
        if (e->path[i].key.n == 0) {
            continue;
        }
        if (i > 0) {
            sets.n = 0;
            for (uint32_t j = 0; j < l->found.n; j++) {
                const struct mer_ast_selection *f = l->found.items[j];
                if (f->selections) {
                    add(l->x->a, &sets, f->selections);
                }
            }
        }
        find(l, &sets, &e->path[i]);
    }
    *out = (const struct mer_ast_selection **)l->found.items;
    return l->left ? l->found.n : 0;
}
