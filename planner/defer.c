// SPDX-License-Identifier: MIT
#include "planner/defer.h"

struct mer_defers {
    struct mer_arena *keep;
    struct mer_map by_selection; // (its address) → struct mer_defer *
    struct mer_map chains;       // its bytes → struct mer_deferral *
};

static const struct mer_ast_directive *defer_of(const struct mer_ast_selection *sel)
{
    const struct mer_ast_directive *d =
        sel->directives.n ? mer_ast_directive_find(&sel->directives, MER_S("defer")) : NULL;
    const struct mer_ast_value *when = d ? mer_ast_argument_find(d, MER_S("if")) : NULL;
    bool never = when && when->kind == MER_VALUE_BOOLEAN && !when->boolean;
    return never ? NULL : d;
}

bool mer_defer_on(const struct mer_defer *d, const struct mer_variables *vars)
{
    const struct mer_ast_value *when = mer_ast_argument_find(d->ast, MER_S("if"));
    if (!when || when->kind != MER_VALUE_VARIABLE) {
        return true; // a literal `false` is no deferral
    }
    const struct mer_in *in = mer_map_get(&vars->by_name, when->text);
    return !in || in->kind != MER_IN_BOOLEAN || in->boolean; // not given: the argument's default
}

static bool any_in(const struct mer_ast_selection_set *set)
{
    for (uint32_t i = 0; i < set->n; i++) {
        const struct mer_ast_selection *sel = set->items[i];
        bool here = sel->kind != MER_SEL_FIELD && defer_of(sel);
        if (here || (sel->selections && any_in(sel->selections))) {
            return true;
        }
    }
    return false;
}

struct mer_defers *mer_defers_create(struct mer_arena *keep, struct mer_arena *scratch,
                                     const struct mer_ast_document *doc)
{
    bool any = false;
    for (uint32_t i = 0; i < doc->operations_n && !any; i++) {
        any = any_in(doc->operations[i]->selections);
    }
    for (uint32_t i = 0; i < doc->fragments_n && !any; i++) {
        any = any_in(doc->fragments[i]->selections);
    }
    if (!any) {
        return NULL;
    }
    struct mer_defers *d = MER_NEW(scratch, struct mer_defers);
    d->keep = keep;
    mer_map_init(&d->by_selection, scratch);
    mer_map_init(&d->chains, scratch);
    return d;
}

static struct mer_slice bytes(struct mer_arena *a, const void *p, size_t n)
{
    return mer_arena_copy(a, mer_slice_make(p, n));
}

static const struct mer_deferral *chain(struct mer_defers *d, const struct mer_defer *defer, uint32_t up,
                                        const struct mer_deferral *outer, const struct mer_deferral *met)
{
    const uintptr_t name[3] = {(uintptr_t)defer, up, (uintptr_t)outer};
    struct mer_deferral *c = mer_map_get(&d->chains, mer_slice_make((const char *)name, sizeof(name)));
    if (!c) {
        c = MER_NEW(d->keep, struct mer_deferral);
        *c = (struct mer_deferral){defer, up, outer, met ? met : c};
        mer_map_add(&d->chains, bytes(d->chains.a, name, sizeof(name)), c);
    }
    return c;
}

const struct mer_deferral *mer_defers_enter(struct mer_defers *d, const struct mer_ast_selection *fragment,
                                            const struct mer_deferral *outer)
{
    const struct mer_ast_directive *ast = defer_of(fragment);
    if (!ast) {
        return outer;
    }
    struct mer_slice at = mer_slice_make((const char *)&fragment, sizeof(fragment));
    struct mer_defer *defer = mer_map_get(&d->by_selection, at);
    if (!defer) {
        const struct mer_ast_value *label = mer_ast_argument_find(ast, MER_S("label"));
        defer = MER_NEW(d->keep, struct mer_defer);
        *defer = (struct mer_defer){ast, MER_NIL};
        if (label && label->kind == MER_VALUE_STRING) {
            defer->label = label->text.p ? label->text : MER_S("");
        }
        mer_map_add(&d->by_selection, bytes(d->by_selection.a, &fragment, sizeof(fragment)), defer);
    }
    return chain(d, defer, 0, outer, NULL);
}

const struct mer_deferral *mer_defers_below(struct mer_defers *d, const struct mer_deferral *x)
{
    return x ? chain(d, x->defer, x->up + 1, mer_defers_below(d, x->outer), x->met) : NULL;
}

#define COMPARED_MAX 64u // beyond it, what is said twice stands twice

void mer_defers_say(struct mer_defers *d, struct mer_sayings *to, const struct mer_condition *condition,
                    const struct mer_deferral *deferral)
{
    for (uint32_t i = 0; i < to->n && i < COMPARED_MAX; i++) {
        if (to->items[i].condition == condition && to->items[i].deferral == deferral) {
            return;
        }
    }
    if ((to->n & (to->n - 1)) == 0) { // 0 or a power of two: full
        struct mer_saying *grown = MER_NEW_N(d->keep, struct mer_saying, to->n ? 2 * to->n : 1);
        if (to->n) {
            memcpy(grown, to->items, to->n * sizeof(*grown));
        }
        to->items = grown;
    }
    to->items[to->n++] = (struct mer_saying){condition, deferral};
}
