// SPDX-License-Identifier: MIT
// The schema of one subgraph, drawn out of the supergraph by what the join specification tells of it: what
// the subgraph's own SDL would say as far as a planner has to know it. An interface object is an object type
// here; fields stand with the type and the arguments they have there; what the subgraph declares as @external
// is declared. Left out: descriptions, federation's own directives, types and root fields (_Any, _entities,
// _service). The query type always exists, perhaps without fields.
//
// Lives in the arena it is given; it points into the supergraph, which must live as long. Immutable; any
// thread may read it.
#ifndef MER_SCHEMA_SUBGRAPH_SCHEMA_H
#define MER_SCHEMA_SUBGRAPH_SCHEMA_H

#include "schema/supergraph.h"

// MER_ERR_INVALID with type and field named when what the supergraph tells does not fit together.
enum mer_err mer_supergraph_subschema(struct mer_arena *a, const struct mer_supergraph *sg, uint32_t g,
                                      const struct mer_schema **out, struct mer_diag *diag) MER_MUST_CHECK;

#endif
