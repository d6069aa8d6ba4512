// SPDX-License-Identifier: MIT
#include "planner/cache_policy.h"

#include "planner/federation.h"

struct walk {
    struct mer_arena *a;
    const struct mer_graph *graph;
    struct mer_map seen; // shapes, by address: many fields may lead to one
    struct mer_cache_policy policy;
};

static const struct mer_ast_directive *hint_in(const struct walk *w, const struct mer_ast_directives *ds)
{
    struct mer_slice linked = w->graph->federation->cache_control_name;
    return mer_ast_directive_find(ds, linked.n ? linked : MER_S("cacheControl"));
}

// What the supergraph says of the field, else of the type that it answers.
static const struct mer_ast_directive *hint_of(const struct walk *w, const struct mer_field *f)
{
    const struct mer_type *t = mer_schema_type(w->graph->types, f->parent->name);
    const struct mer_field *whole = t && t->fields_n ? mer_map_get(&t->fields_by_name, f->name) : NULL;
    const struct mer_ast_directive *own = hint_in(w, whole ? &whole->directives : &f->directives);
    const struct mer_type *answer = mer_schema_type(w->graph->types, f->type.type->name);
    return own || !answer ? own : hint_in(w, &answer->directives);
}

static void restrict_to(struct walk *w, uint64_t seconds)
{
    if (seconds < w->policy.max_age_s) {
        w->policy.max_age_s = (uint32_t)seconds;
    }
}

static void obey(struct walk *w, const struct mer_ast_directive *hint, bool composite)
{
    const struct mer_ast_value *age = mer_ast_argument_find(hint, MER_S("maxAge")),
                               *scope = mer_ast_argument_find(hint, MER_S("scope")),
                               *inherit = mer_ast_argument_find(hint, MER_S("inheritMaxAge"));
    uint64_t seconds = 0;
    w->policy.said = true;
    w->policy.is_private = w->policy.is_private || (scope && mer_slice_is(scope->text, "PRIVATE"));
    if (age) {
        restrict_to(w, mer_slice_to_u64(age->text, &seconds) ? seconds : 0);
    } else if (composite && !(inherit && inherit->kind == MER_VALUE_BOOLEAN && inherit->boolean)) {
        restrict_to(w, 0);
    }
}

static void visit(struct walk *w, const struct mer_shape *shape);

static void visit_field(struct walk *w, const struct mer_shape_field *f, bool root)
{
    if (f->kind != MER_SHAPE_DATA || !f->field) {
        return;
    }
    const struct mer_ast_directive *hint = hint_of(w, f->field);
    if (hint) {
        obey(w, hint, root || f->sub);
    } else if (root || f->sub) {
        restrict_to(w, 0);
    }
    if (f->sub) {
        visit(w, f->sub);
    }
}

static void visit(struct walk *w, const struct mer_shape *shape)
{
    const struct mer_shape **key = MER_NEW(w->a, const struct mer_shape *);
    *key = shape;
    if (!mer_map_add(&w->seen, mer_slice_make((const char *)key, sizeof(shape)), w)) {
        return;
    }
    for (uint32_t i = 0; i < shape->variants_n; i++) {
        for (uint32_t k = 0; k < shape->variants[i].fields_n; k++) {
            visit_field(w, &shape->variants[i].fields[k], shape->home == UINT32_MAX);
        }
    }
}

static bool asks_rows(const struct mer_plan *plan)
{
    for (uint32_t i = 0; i < plan->fetches_n; i++) {
        const struct mer_plan_fetch *f = plan->fetches[i];
        bool asks = f->kind == MER_FETCH_ROOT || f->kind == MER_FETCH_ENTITY;
        for (uint32_t k = 0; asks && k < plan->graph->sources_n; k++) {
            if (plan->graph->sources[k].index == f->source && plan->graph->sources[k].rows) {
                return true;
            }
        }
    }
    return false;
}

struct mer_cache_policy mer_cache_policy_of(struct mer_arena *a, const struct mer_plan *plan)
{
    struct walk w = {.a = a, .graph = plan->graph, .policy = {.max_age_s = UINT32_MAX}};
    if (plan->operation->kind != MER_OP_QUERY || asks_rows(plan)) {
        return (struct mer_cache_policy){0};
    }
    mer_map_init(&w.seen, a);
    visit(&w, plan->shape);
    return w.policy;
}
