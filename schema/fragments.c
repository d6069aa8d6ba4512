// SPDX-License-Identifier: MIT
#include "schema/fragments.h"

struct sets {
    const struct mer_ast_selection_set **items;
    uint32_t n, cap;
};

static void push_set(struct mer_arena *a, struct sets *s, const struct mer_ast_selection_set *set)
{
    if (s->n == s->cap) {
        uint32_t cap = s->cap ? s->cap * 2 : 16;
        const struct mer_ast_selection_set **items = mer_arena_alloc(a, cap * sizeof(*items));
        if (s->n)
            memcpy(items, s->items, s->n * sizeof(*items));
        s->items = items;
        s->cap = cap;
    }
    s->items[s->n++] = set;
}

static void push_spread(struct mer_arena *a, struct mer_spreads *s, uint32_t *cap,
                        const struct mer_ast_selection *sel)
{
    if (s->n == *cap) {
        *cap = *cap ? *cap * 2 : 4;
        const struct mer_ast_selection **items = mer_arena_alloc(a, *cap * sizeof(*items));
        if (s->n)
            memcpy(items, s->items, s->n * sizeof(*items));
        s->items = items;
    }
    s->items[s->n++] = sel;
}

struct mer_spreads mer_spreads_of(struct mer_arena *a, const struct mer_ast_selection_set *set)
{
    struct mer_spreads out = {0};
    struct sets todo = {0};
    uint32_t cap = 0;
    push_set(a, &todo, set);
    while (todo.n) {
        const struct mer_ast_selection_set *s = todo.items[--todo.n];
        for (uint32_t i = 0; i < s->n; i++) {
            if (s->items[i]->kind == MER_SEL_SPREAD)
                push_spread(a, &out, &cap, s->items[i]);
            else if (s->items[i]->selections)
                push_set(a, &todo, s->items[i]->selections);
        }
    }
    return out;
}

struct frame {
    struct mer_fragment *f;
    uint32_t next; // of its spreads
};

// Depth first from `root`, by a stack of our own; `seen` by index.
static void order_from(struct mer_fragments *fs, struct mer_fragment *root, struct frame *stack, bool *seen,
                       uint32_t *n)
{
    uint32_t depth = 0;
    if (seen[root->index])
        return;
    seen[root->index] = true;
    stack[depth++] = (struct frame){root, 0};
    while (depth) {
        struct frame *top = &stack[depth - 1];
        if (top->next == top->f->spreads.n) {
            fs->order[(*n)++] = top->f;
            depth--;
            continue;
        }
        struct mer_fragment *f = mer_map_get(&fs->by_name, top->f->spreads.items[top->next++]->name);
        if (f && !seen[f->index]) {
            seen[f->index] = true;
            stack[depth++] = (struct frame){f, 0};
        }
    }
}

void mer_fragments_init(struct mer_fragments *out, struct mer_arena *a, const struct mer_ast_document *doc)
{
    uint32_t n = 0;
    *out = (struct mer_fragments){.n = doc->fragments_n};
    mer_map_init(&out->by_name, a);
    if (!out->n)
        return;
    out->items = MER_NEW_N(a, struct mer_fragment, out->n);
    out->order = MER_NEW_N(a, struct mer_fragment *, out->n);
    for (uint32_t i = 0; i < out->n; i++) {
        struct mer_fragment *f = &out->items[i];
        *f = (struct mer_fragment){.ast = doc->fragments[i], .index = i};
        f->spreads = mer_spreads_of(a, f->ast->selections);
        mer_map_put(&out->by_name, f->ast->name, f);
    }
    struct frame *stack = MER_NEW_N(a, struct frame, out->n);
    bool *seen = MER_NEW_N(a, bool, out->n);
    for (uint32_t i = 0; i < out->n; i++)
        order_from(out, &out->items[i], stack, seen, &n);
}
