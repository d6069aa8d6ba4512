// SPDX-License-Identifier: MIT
// Introspection (specification section 4): answers one __schema or __type field of a validated operation from
// a schema alone, as JSON. The caller writes the response key; this writes the value. Any thread, no state.
#ifndef MER_SCHEMA_INTROSPECT_H
#define MER_SCHEMA_INTROSPECT_H

#include "base/buf.h"
#include "schema/values.h"

// MER_ERR_INVALID when an argument cannot be coerced or the field is neither; MER_ERR_LIMIT when the arena is
// exhausted. What was written to `out` is then no JSON.
enum mer_err mer_introspect_field(struct mer_arena *a, const struct mer_schema *s,
                                  const struct mer_ast_document *doc, const struct mer_ast_selection *field,
                                  const struct mer_variables *vars, struct mer_buf *out) MER_MUST_CHECK;

// The same where an answer's key was selected several times: the selections of all of them, merged. Arguments
// are those of the first.
enum mer_err mer_introspect_fields(struct mer_arena *a, const struct mer_schema *s,
                                   const struct mer_ast_document *doc,
                                   const struct mer_ast_selection *const *fields, uint32_t n,
                                   const struct mer_variables *vars, struct mer_buf *out) MER_MUST_CHECK;

#endif
