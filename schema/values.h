// SPDX-License-Identifier: MIT
// Input values and their coercion (specification 3.5 to 3.12 and 6.1.2, 6.4.1): what a variable or argument
// is once its type has spoken. Numbers stay text, so that no digit is lost. Values live in the arena given.
#ifndef MER_SCHEMA_VALUES_H
#define MER_SCHEMA_VALUES_H

#include "base/json.h"
#include "schema/types.h"

enum mer_in_kind {
    MER_IN_NULL = 0,
    MER_IN_BOOLEAN = 1,
    MER_IN_INT = 2,    // text: decimal digits with an optional '-'
    MER_IN_FLOAT = 3,  // text: a JSON number
    MER_IN_STRING = 4, // text: unescaped (String, ID, and custom scalars given as strings)
    MER_IN_ENUM = 5,   // text: the value's name
    MER_IN_LIST = 6,   // items
    MER_IN_OBJECT =
        7, // items by the input type's field index; NULL where absent (default applied where there is one)
    MER_IN_RAW = 8, // text: JSON of a custom scalar's list or object
};

struct mer_in {
    enum mer_in_kind kind;
    bool boolean;
    struct mer_slice text;
    struct mer_in **items;
    uint32_t n;
    const struct mer_type *type; // of an object or enum
};

// Coerced variables by name; a variable that was not given and has no default is absent.
struct mer_variables {
    struct mer_map by_name; // struct mer_in *
    // What the caller may not see, as a bit set of the guards of a supergraph; NULL: there is nothing such.
    // It stands here because it comes with the request as the variables do, and decides with @skip and
    // @include what is asked.
    const uint64_t *refused;
};

static inline bool mer_refused(const struct mer_variables *v, uint32_t guard)
{
    return v && v->refused && (v->refused[guard / 64] >> (guard % 64)) & 1u;
}

// One problem of coercion; `path` like `variables.i.lines[0].qty` or the argument's name.
struct mer_in_error {
    struct mer_slice message;
    struct mer_loc loc;
    uint32_t items; // of a list that was too long; else 0
};

struct mer_coerce_options {
    bool suggestions;    // "Did you mean …?"; off where the schema is not public
    uint32_t max_errors; // 0: 50; one more tells that it was cut
    uint32_t list_items; // longest list a variable may hold; 0: none
};

// Coerces the request's variables (json root object, or NULL for none) for one operation. On MER_ERR_INVALID
// errors (array in the arena, *errors_n > 0) say what was wrong, one a variable at least.
enum mer_err mer_coerce_variables(struct mer_arena *a, const struct mer_schema *s,
                                  const struct mer_ast_operation *op, const struct mer_json *json,
                                  const struct mer_json_node *object, struct mer_variables *out,
                                  struct mer_in_error **errors, uint32_t *errors_n) MER_MUST_CHECK;

// The same with options (NULL: the ones above as zero). MER_ERR_LIMIT: the last error names the list that is
// too long; its items are 0 when it was the memory that did not suffice.
enum mer_err mer_coerce_variables_with(struct mer_arena *a, const struct mer_schema *s,
                                       const struct mer_ast_operation *op, const struct mer_json *json,
                                       const struct mer_json_node *object,
                                       const struct mer_coerce_options *options, struct mer_variables *out,
                                       struct mer_in_error **errors, uint32_t *errors_n) MER_MUST_CHECK;

// Coerces a field's arguments: out[i] belongs to defs[i], NULL where absent. The document was validated.
enum mer_err mer_coerce_arguments(struct mer_arena *a, const struct mer_schema *s,
                                  const struct mer_input *defs, uint32_t defs_n,
                                  struct mer_ast_argument *const *given, uint32_t given_n,
                                  const struct mer_variables *vars, struct mer_in ***out,
                                  struct mer_in_error *error) MER_MUST_CHECK;

// A literal as a value of a type, or NULL when it is none (a variable that is absent makes it so, too).
struct mer_in *mer_coerce_literal(struct mer_arena *a, const struct mer_ast_value *v,
                                  const struct mer_type_ref *type, const struct mer_variables *vars);

// Is the selection kept by its @skip and @include?
bool mer_selection_kept(const struct mer_ast_directives *ds, const struct mer_variables *vars);

// Writes a coerced value as JSON, and as GraphQL source text ("{a: 1, b: [RED]}"). The latter of a custom
// scalar's object that came as JSON only where its keys are names: else there is no such text.
void mer_in_write_json(struct mer_buf *b, const struct mer_in *v);
void mer_in_write_graphql(struct mer_buf *b, const struct mer_in *v);

#endif
