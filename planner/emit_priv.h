// SPDX-License-Identifier: MIT
// Between the files that emit a plan (emit.h): emit.c goes down the places of the answer, emit_enter.c enters
// sources and tells them the objects.
#ifndef MER_PLANNER_EMIT_PRIV_H
#define MER_PLANNER_EMIT_PRIV_H

#include "planner/emit.h"
#include "planner/emit_kids.h"

struct numbers {
    uint32_t *items;
    uint32_t n, cap;
};

struct mer_emitter {
    struct mer_arena *a, *scratch;
    const struct mer_graph *graph;
    struct mer_selector *selector;
    struct mer_chooser *chooser;
    enum mer_operation_kind kind;
    struct mer_diag *diag;
    struct mer_plan_fetch **fetches;
    struct mer_kids **kids; // by fetch
    uint32_t fetches_n, fetches_cap;
    struct mer_shape_field **ages;
    uint32_t ages_n, ages_cap;
    uint32_t guarded_n;
    uint32_t shapes_n, deferred_n;
    struct mer_map unders; // what emit_kept_under made
    struct numbers *after; // while what a fetch needs is emitted: the fetches that bring it
};

// A source that brought the objects of a place: where its rows are and what is asked of them.
struct spot_home {
    struct mer_plan_fetch *fetch;
    struct mer_kids *kids;
    struct mer_path_step *path; // from the fetch's roots
    uint32_t path_n;
    uint32_t ready;             // the fetch after which its rows hang on the first home's objects
    const struct mer_type *own; // the declared type in the source
    struct mer_home home;
};

// A place in the answer: objects, and who brought them. homes_n 0: the root.
struct spot {
    struct spot_home *homes;
    uint32_t homes_n;
    const struct mer_asked *asked;
    const struct mer_solution *solution;
    // What the field that leads here is asked under. Objects may stand here though it is not kept: a key or a
    // @requires asked for them, too.
    struct mer_kept_if under;
    struct facet_out *facets; // by the solution's facets
};

// What became of a facet: one fetch, or with a source of rows one a type.
struct facet_out {
    struct mer_plan_fetch **fetches;
    struct mer_types types; // by fetch; n == 0: one fetch for all
    uint32_t fetches_n;
    struct mer_kept_if kept_if;
    bool kept_set;
};

// ---- emit.c ----
void emit_add_number(struct mer_arena *a, struct numbers *to, uint32_t n);
void emit_wait_for(struct mer_emitter *e, uint32_t fetch);
struct mer_plan_fetch *emit_add_fetch(struct mer_emitter *e, enum mer_fetch_kind kind, uint32_t source);
void emit_stand_at(struct mer_plan_fetch *f, const struct spot *s);
const struct mer_type *emit_own_type(const struct mer_emitter *e, uint32_t source, const struct mer_type *t);
void emit_ask_typename(struct mer_emitter *e, struct mer_kids *kids, uint32_t source);
struct mer_types emit_keep_types(struct mer_emitter *e, const struct mer_types *t);
bool emit_types_unknown(const struct spot *s);
struct mer_kept_if emit_kept_under(struct mer_emitter *e, const struct mer_kept_if *kept,
                                   const struct mer_kept_if *under);
bool emit_everywhere(const struct spot *s, const struct mer_unit *u);
enum mer_err emit_unit(struct mer_emitter *e, struct spot *s, const struct mer_unit *u,
                       const struct mer_choice *ch, const struct mer_kept_if *kept,
                       struct mer_shape_field *out);

// ---- emit_enter.c ----
void emit_keep_facets(struct mer_emitter *e, struct spot *s);
uint32_t emit_typed_by(const struct spot *s);
enum mer_err emit_enter_facets(struct mer_emitter *e, struct spot *s);

#endif
