// SPDX-License-Identifier: MIT
// Between the files of coercion.
#ifndef MER_SCHEMA_VALUES_PRIV_H
#define MER_SCHEMA_VALUES_PRIV_H

#include "schema/types_priv.h"
#include "schema/values.h"

// Defaults of input objects may refer to each other; this is where following them ends.
#define MER_COERCE_DEPTH_MAX 256

enum mer_builtin_scalar {
    MER_SCALAR_CUSTOM = 0,
    MER_SCALAR_INT = 1,
    MER_SCALAR_FLOAT = 2,
    MER_SCALAR_STRING = 3,
    MER_SCALAR_BOOLEAN = 4,
    MER_SCALAR_ID = 5,
};

enum mer_builtin_scalar mer_builtin_scalar_of(const struct mer_type *t);
struct mer_in *mer_in_new(struct mer_arena *a, enum mer_in_kind kind, struct mer_slice text);
// A default as it stands in the schema, or NULL.
struct mer_in *mer_coerce_default(struct mer_arena *a, const struct mer_input *in, uint32_t depth);
const struct mer_enum_value *mer_enum_value_find(const struct mer_type *t, struct mer_slice name);
struct mer_slice mer_type_ref_text(struct mer_arena *a, const struct mer_type_ref *t, uint32_t level);

// How messages show a JSON value: strings quoted, long lists and deep values cut.
void mer_inspect_json(struct mer_buf *b, const struct mer_json *j, const struct mer_json_node *n,
                      uint32_t depth);

#endif
