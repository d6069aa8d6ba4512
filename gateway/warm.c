// SPDX-License-Identifier: MIT
#include "gateway/warm.h"

#include <stdlib.h>

#include "base/time.h"

#define TEXTS_MAX 1000

struct collecting {
    struct mer_arena *a;
    const struct mer_snapshot *snapshot;
    struct mer_warm *out;
};

static uint32_t source_of(const struct mer_snapshot *s, const struct mer_graph *graph)
{
    for (uint32_t i = 0; i < s->sources_n; i++) {
        if (graph == &s->sources[i].graph) {
            return i;
        }
    }
    return UINT32_MAX;
}

static void take(void *owner, const struct mer_operation *op, uint64_t uses)
{
    struct collecting *c = owner;
    c->out->items[c->out->n++] = (struct mer_warm_text){
        .text = mer_arena_copy(c->a, op->text),
        .name = mer_arena_copy(c->a, op->name),
        .source = source_of(c->snapshot, op->graph),
        .uses = uses,
    };
}

static int more_used_first(const void *a, const void *b)
{
    const struct mer_warm_text *x = a, *y = b;
    return (x->uses < y->uses) - (x->uses > y->uses);
}

void mer_warm_collect(struct mer_arena *a, const struct mer_running *r, struct mer_warm *out)
{
    struct mer_plan_cache_stats st;
    mer_plan_cache_stats(r->plans, &st);
    struct collecting c = {a, r->snapshot, out};
    *out = (struct mer_warm){.items = MER_NEW_N(a, struct mer_warm_text, st.operations + 1)};
    mer_plan_cache_each(r->plans, take, &c);
    qsort(out->items, out->n, sizeof(*out->items), more_used_first);
    out->n = out->n < TEXTS_MAX ? out->n : TEXTS_MAX;
}

void mer_warm_add_documents(struct mer_arena *a, const struct mer_snapshot *snapshot, struct mer_warm *texts)
{
    const struct mer_documents *docs = snapshot->documents;
    struct mer_map there;
    if (!docs) {
        return;
    }
    uint32_t before = texts->n;
    struct mer_warm_text *items = MER_NEW_N(a, struct mer_warm_text, before + docs->by_id.count + 1);
    mer_map_init(&there, a);
    for (uint32_t i = 0; i < before; i++) {
        items[i] = texts->items[i];
        if (items[i].source == UINT32_MAX) {
            mer_map_put(&there, items[i].text, &items[i]);
        }
    }
    texts->items = items;
    MER_MAP_EACH(&docs->by_id, e)
    {
        const struct mer_slice *text = e->value;
        if (texts->n - before < TEXTS_MAX && !mer_map_get(&there, *text)) {
            items[texts->n] = (struct mer_warm_text){.text = *text, .source = UINT32_MAX};
            mer_map_put(&there, *text, &items[texts->n++]);
        }
    }
}

uint32_t mer_warm_make(struct mer_arena *a, const struct mer_worker *w, const struct mer_snapshot *snapshot,
                       const struct mer_warm *texts, int64_t end_mono_us, struct mer_operation ***out)
{
    uint32_t n = 0;
    *out = MER_NEW_N(a, struct mer_operation *, texts->n + 1);
    for (uint32_t i = 0; i < texts->n && mer_time_mono_us() < end_mono_us; i++) {
        const struct mer_warm_text *t = &texts->items[i];
        bool alone = t->source != UINT32_MAX;
        if (alone && t->source >= snapshot->sources_n) {
            continue;
        }
        const struct mer_graph *graph = alone ? &snapshot->sources[t->source].graph : &snapshot->graph;
        struct mer_arena_mark mark = mer_arena_mark(a);
        struct mer_operation_error *errors = NULL;
        uint32_t errors_n = 0;
        if (mer_operation_make(a, graph, t->text, t->name, alone ? &w->hop_opts : &w->operation_opts,
                               &(*out)[n], &errors, &errors_n) == MER_OK) {
            n++;
        }
        mer_arena_rewind(a, mark);
    }
    return n;
}

void mer_warm_put(struct mer_plan_cache *plans, struct mer_operation **ops, uint32_t n)
{
    for (uint32_t i = n; i > 0; i--) { // the most used is to be the last that is forgotten
        mer_plan_cache_put(plans, ops[i - 1]);
        mer_operation_unref(ops[i - 1]);
    }
}

void mer_warm_documents(struct mer_worker *w, int64_t end_mono_us)
{
    struct mer_arena *a = mer_arena_create(0);
    struct mer_warm texts = {0};
    struct mer_operation **ops = NULL;
    mer_warm_add_documents(a, w->now->snapshot, &texts);
    uint32_t n = mer_warm_make(a, w, w->now->snapshot, &texts, end_mono_us, &ops);
    mer_warm_put(w->now->plans, ops, n);
    mer_arena_destroy(a);
}
