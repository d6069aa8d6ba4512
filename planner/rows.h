// SPDX-License-Identifier: MIT
// What placement has to know of a fetch from a source of rows, read from the directives in the source's own
// SDL. For the planner alone.
#ifndef MER_PLANNER_ROWS_H
#define MER_PLANNER_ROWS_H

#include "planner/plan.h"

// A field that brings rows of a type, or entities of it (field NULL).
void mer_rows_note(struct mer_plan_fetch *f, const struct mer_field *field, const struct mer_type *type);
// The root field: partition, tiers, cache, combiner.
void mer_rows_place(struct mer_plan_fetch *f, const struct mer_field *root);
// The field below a connection at this depth (1: the connection, 2: its edges) without which pages of several
// places cannot be merged; false: none is lacking.
bool mer_rows_merge_key(const struct mer_schema *s, const struct mer_field *field, uint32_t depth,
                        const struct mer_field **lacks);
// The type whose rows a field brings: a connection's are its nodes', also when only their number is asked.
const struct mer_type *mer_rows_type(const struct mer_schema *s, const struct mer_type *t);

#endif
