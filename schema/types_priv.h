// SPDX-License-Identifier: MIT
// Between the files that make a schema.
#ifndef MER_SCHEMA_TYPES_PRIV_H
#define MER_SCHEMA_TYPES_PRIV_H

#include "schema/types.h"

// A reference as written in a document, resolved; false when its type is not known or its lists nest too
// deeply.
bool mer_type_ref_of(const struct mer_schema *s, const struct mer_ast_type *ast, struct mer_type_ref *out);

// Refuses the first use of a directive that the schema does not define.
enum mer_err mer_schema_check_directives(const struct mer_schema *s, const struct mer_ast_document *doc,
                                         struct mer_diag *diag) MER_MUST_CHECK;

#define MER_LIST_LEVELS_MAX 30

#endif
