// SPDX-License-Identifier: MIT
// Shared by the files that build a plan; nobody else's.
#ifndef MER_PLANNER_PLAN_PRIV_H
#define MER_PLANNER_PLAN_PRIV_H

#include "planner/plan.h"

// The response key under which an entity's key is asked when the client did not ask for it in that form.
#define PLAN_KEY "_k_id"

struct plan_children {
    struct mer_fetch_field **items;
    uint32_t n, cap;
};

struct plan_dependent {
    struct mer_plan_fetch *fetch;
    struct plan_children *children;
    bool resident; // for @resident fields alone
    struct plan_dependent *next;
};

// An object's place: the fetch that brings it, the children asked of it, and the way to it from the fetch's
// roots.
struct plan_place {
    struct mer_plan_fetch *fetch;
    struct plan_children *children;
    struct mer_path_step *path;
    uint32_t path_n;
    bool abstract;
    bool keys_only; // the object is a mutation's: only its key is known, the rest is fetched by it
    uint32_t depth;
    struct plan_dependent *dependents;
};

// A selection set with the condition under which it stands.
struct plan_set {
    const struct mer_ast_selection_set *set;
    const struct mer_condition *condition;
};

struct plan_selections {
    const struct plan_set *items;
    uint32_t n;
};

// One response key of one object type, all its occurrences merged (specification 6.3.2).
struct plan_collected {
    struct mer_slice key;
    const struct mer_field *field; // API schema
    const struct mer_ast_selection *ast;
    struct mer_kept_if kept_if;
    bool always;
    struct plan_selections sub;
    struct mer_types on_api;
};

struct plan_ctx {
    struct mer_arena *a;
    const struct mer_graph *graph;
    const struct mer_ast_document *doc;
    const struct mer_ast_operation *op;
    struct mer_diag *diag;
    struct mer_plan_fetch **fetches;
    uint32_t fetches_n, fetches_cap;
    uint32_t fields_left;
    struct mer_shape_field **ages;
    uint32_t ages_n, ages_cap;
};

// One type alone, or, with NULL, every one.
struct mer_types plan_on(struct plan_ctx *c, const struct mer_type *type);
uint32_t plan_add_child(struct plan_ctx *c, struct plan_children *to, const struct mer_fetch_field *field);
// Gives every dependent fetch of the place the children collected for it.
void plan_close_dependents(struct plan_ctx *c, struct plan_place *place);
enum mer_err plan_collect(struct plan_ctx *c, const struct mer_type *type, const struct plan_selections *sets,
                          struct plan_collected **out, uint32_t *out_n);
// The shape of a field that is not fetched (DataFreshness): its selections alone.
enum mer_err plan_plain_shape(struct plan_ctx *c, const struct plan_collected *col, struct mer_shape **out);

#endif
