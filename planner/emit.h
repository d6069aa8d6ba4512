// SPDX-License-Identifier: MIT
// From choices (choose.h) to a plan: the fetches with what each of them asks, what waits for what, how
// objects are told to the sources that complete them, and the shape of the answer. For the planner alone.
#ifndef MER_PLANNER_EMIT_H
#define MER_PLANNER_EMIT_H

#include "planner/choose.h"

struct mer_emitter;

// What the plan needs is put into `keep`; scratch may go after mer_emit_end.
struct mer_emitter *mer_emitter_create(struct mer_arena *keep, struct mer_arena *scratch,
                                       const struct mer_graph *graph, struct mer_selector *selector,
                                       struct mer_chooser *chooser, enum mer_operation_kind kind,
                                       struct mer_diag *diag);
// Adds what a solution at the root of the answer asks; fields_out gets a shape field for each unit, in order.
enum mer_err mer_emit_root(struct mer_emitter *e, const struct mer_asked *asked, const struct mer_solution *s,
                           struct mer_shape_field *fields_out);
// After the last root: fetches and ages into the plan.
void mer_emit_end(struct mer_emitter *e, struct mer_plan *plan);

#endif
