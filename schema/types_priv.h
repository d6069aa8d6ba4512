// SPDX-License-Identifier: MIT
// Between the files that make a schema.
#ifndef MER_SCHEMA_TYPES_PRIV_H
#define MER_SCHEMA_TYPES_PRIV_H

#include "schema/types.h"

// Refuses the first use of a directive that the schema does not define.
enum mer_err mer_schema_check_directives(const struct mer_schema *s, const struct mer_ast_document *doc,
                                         struct mer_diag *diag) MER_MUST_CHECK;

#endif
