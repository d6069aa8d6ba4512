// SPDX-License-Identifier: MIT
// A fetch as GraphQL text for a server that is no gateway of ours: what stands between the outermost braces,
// and what has to stand beside it. Several fetches can travel in one request, so a text is told in pieces,
// each escaped for a JSON string; the resolver puts them together (resolvers/subgraph.c).
//
// Arguments are written as the client wrote them; its variables pass under their own names. @skip and
// @include are never sent: where a fetch has them its text depends on the variables and is printed for each
// request, else once a plan. Pure; lives in the arena given.
#ifndef MER_PLANNER_FETCH_TEXT_H
#define MER_PLANNER_FETCH_TEXT_H

#include "planner/plan.h"

struct mer_fetch_text {
    struct mer_slice selection; // root: "a b{c}", without braces; entities: "{...on T{a}}"
    struct mer_slice fragments; // "fragment F2_0 on T{a}", or empty
    struct mer_slice reps;      // name of the variable that carries the representations: no variable of the
                                // client's is called so
    uint32_t *variables;        // of the operation, ascending
    struct mer_slice *declared; // each of them: "$a:Int=1"
    uint32_t variables_n;
    bool reserved; // root: a response key looks like the alias of an entity fetch
};

// vars decides what is left out; NULL: nothing is.
void mer_fetch_text_print(struct mer_arena *a, const struct mer_plan_fetch *f,
                          const struct mer_ast_operation *op, const struct mer_variables *vars,
                          struct mer_fetch_text *out);

// Gives every fetch from a GraphQL server whose text does not vary its text, and finds those that are alike.
// The last step of planning.
void mer_fetch_texts(struct mer_arena *a, struct mer_arena *scratch, struct mer_plan *plan);

#endif
