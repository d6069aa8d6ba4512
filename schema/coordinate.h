// SPDX-License-Identifier: MIT
// Schema coordinates (specification September 2025, 3.14): the short text that names one element of a schema,
// `Type`, `Type.field`, `Enum.VALUE`, `Type.field(argument:)`, `@directive` or `@directive(argument:)`.
// Reading one, and finding what it names. Names are slices of the source. Errors read as graphql-js 16's do.
// Any thread, no state.
#ifndef MER_SCHEMA_COORDINATE_H
#define MER_SCHEMA_COORDINATE_H

#include "base/buf.h"
#include "schema/types.h"

struct mer_coordinate {
    bool directive;                          // `name` is a directive's
    struct mer_slice name, member, argument; // n == 0: not there
};

// MER_ERR_INVALID: no coordinate. White space, commas and comments have no place in one.
enum mer_err mer_coordinate_parse(struct mer_slice source, struct mer_coordinate *out,
                                  struct mer_diag *diag) MER_MUST_CHECK;
void mer_coordinate_print(struct mer_buf *b, const struct mer_coordinate *c);

// What was found: the innermost of these that is not NULL, beside what it stands in.
struct mer_schema_element {
    const struct mer_type *type;
    const struct mer_directive_def *directive;
    const struct mer_field *field;
    const struct mer_enum_value *value;
    const struct mer_input *input; // argument or input field
};

// MER_OK; MER_ERR_NOT_FOUND when there is no such element; MER_ERR_INVALID when what it would stand in is not
// there or holds no such thing.
enum mer_err mer_coordinate_resolve(const struct mer_schema *s, const struct mer_coordinate *c,
                                    struct mer_schema_element *out, struct mer_diag *diag) MER_MUST_CHECK;

#endif
