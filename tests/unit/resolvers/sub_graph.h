// SPDX-License-Identifier: MIT
// A supergraph of two subgraphs, people and works: nested keys, a union, hidden values and types.
#ifndef MER_TESTS_SUB_GRAPH_H
#define MER_TESTS_SUB_GRAPH_H

#include "planner/plan.h"

enum { SUB_PEOPLE, SUB_WORKS, SUB_N };

enum mer_err sub_graph_make(struct mer_arena *a, struct mer_graph *out, struct mer_diag *diag);

#endif
