// SPDX-License-Identifier: MIT
// Cost: what an operation may make the sources do, estimated before it runs. Built once with the plan, from
// its shape (so a field that was selected twice counts once, and of alternatives by type the dearest counts)
// and from the directives of the sources' own SDL; counted for each request, because variables hold page
// sizes. Immutable; lives in the plan's arena; any thread.
//
//   - A leaf costs nothing, a field with a selection costs 1; `@cost(weight: W)` says otherwise, and
//     `@cost(weight: W, by: "first")` W for each entry that this argument asks for.
//   - What is selected below a list counts once for each entry that may come. How many: the argument `by`,
//   the largest
//     of `@listSize(slicingArguments:)`, `@listSize(assumedSize:)`, else 10. A connection hands its number
//     down to the lists right below it (`edges`).
//   - What @skip and @include leave out costs nothing.
#ifndef MER_PLANNER_COST_H
#define MER_PLANNER_COST_H

#include "planner/plan.h"

#define MER_COST_LIST_DEFAULT 10u

struct mer_cost;

struct mer_cost *mer_cost_build(struct mer_arena *a, const struct mer_plan *plan);
// Saturates instead of wrapping. *dearest (may be NULL): the root field that costs most, NULL when all is
// free.
uint64_t mer_cost_count(const struct mer_cost *c, const struct mer_variables *vars,
                        const struct mer_shape_field **dearest);

#endif
