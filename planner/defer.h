// SPDX-License-Identifier: MIT
// What @defer says of the fields of an operation, as the plan keeps it: for each time that a field is said,
// the deferred fragments around it. Nothing is decided here: variables, and what has to be fetched at all,
// decide it for each request (resolvers/defer.h). Made with the plan, lives with it; any thread may read it.
#ifndef MER_PLANNER_DEFER_H
#define MER_PLANNER_DEFER_H

#include "planner/fetch.h"

// A fragment with @defer, wherever it is met.
struct mer_defer {
    const struct mer_ast_directive *ast;
    struct mer_slice label; // p == NULL: none
};

// Deferred fragments around a field, the innermost first. A fragment is met at a place of the answer: the
// objects of which it selects. `up`: how many fields above the field that place is; 0: the object that has
// the field. Equal chains are one pointer.
struct mer_deferral {
    const struct mer_defer *defer;
    uint32_t up;
    const struct mer_deferral *outer;
    const struct mer_deferral
        *met; // the same, seen from that place: one fragment may be met there in several ways
};

// One time that a field is said. deferral NULL: as the field around it.
struct mer_saying {
    const struct mer_condition *condition;
    const struct mer_deferral *deferral;
};

// All times. n == 0: as the field around it, and with it wherever that is said.
struct mer_sayings {
    struct mer_saying *items;
    uint32_t n;
};

bool mer_defer_on(const struct mer_defer *d, const struct mer_variables *vars);

// ---- for the planner ----

struct mer_defers;

// NULL: the document defers nothing. What the plan needs is put into `keep`.
struct mer_defers *mer_defers_create(struct mer_arena *keep, struct mer_arena *scratch,
                                     const struct mer_ast_document *doc);
// What is around the selections of a fragment; `outer` where it has no @defer that could be on.
const struct mer_deferral *mer_defers_enter(struct mer_defers *d, const struct mer_ast_selection *fragment,
                                            const struct mer_deferral *outer);
// The same, seen from below a field.
const struct mer_deferral *mer_defers_below(struct mer_defers *d, const struct mer_deferral *x);
// Adds to what is said of a field, once.
void mer_defers_say(struct mer_defers *d, struct mer_sayings *to, const struct mer_condition *condition,
                    const struct mer_deferral *deferral);

#endif
