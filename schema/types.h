// SPDX-License-Identifier: MIT
// The type system (specification section 3): a schema built from type-system documents, with names resolved.
// Immutable after mer_schema_build, so any thread may read; lives in the arena it was built in, which must
// not outlive the source text. Directives stay reachable on every element through `directives`, which is how
// source bindings (@table, @join, …) and federation directives are read.
#ifndef MER_SCHEMA_TYPES_H
#define MER_SCHEMA_TYPES_H

#include "base/diag.h"
#include "base/map.h"
#include "schema/ast.h"

enum mer_type_kind {
    MER_TYPE_SCALAR = 0,
    MER_TYPE_OBJECT = 1,
    MER_TYPE_INTERFACE = 2,
    MER_TYPE_UNION = 3,
    MER_TYPE_ENUM = 4,
    MER_TYPE_INPUT = 5,
};

struct mer_type;

// A reference with its wrapping. depth: number of list levels; bit i of non_null is the level i from the
// outside, bit `depth` the named type itself: [String!]! has depth 1 and non_null 0b11.
struct mer_type_ref {
    const struct mer_type *type;
    uint16_t depth;
    uint32_t non_null;
    const struct mer_ast_type *ast;
};

struct mer_input { // argument or input field
    struct mer_slice name, description;
    struct mer_type_ref type;
    const struct mer_ast_value *default_value; // NULL without one
    struct mer_ast_directives directives;
    const struct mer_ast_input *ast;
};

struct mer_field {
    struct mer_slice name, description;
    struct mer_type_ref type;
    struct mer_input *arguments;
    uint32_t arguments_n;
    const struct mer_type *parent;
    uint32_t index; // in parent->fields
    struct mer_ast_directives directives;
    const struct mer_ast_field_def *ast;
};

struct mer_enum_value {
    struct mer_slice name, description;
    struct mer_ast_directives directives;
};

struct mer_type {
    enum mer_type_kind kind;
    struct mer_slice name, description;
    struct mer_ast_directives directives; // of the definition and its extensions
    uint32_t index;                       // in schema->types
    bool builtin;                         // Int … and the __ introspection types
    struct mer_field *fields;             // object, interface
    uint32_t fields_n;
    struct mer_map fields_by_name; // struct mer_field *
    struct mer_input *inputs;      // input object
    uint32_t inputs_n;
    bool one_of;
    struct mer_enum_value *values;
    uint32_t values_n;
    const struct mer_type **interfaces; // implemented, transitively complete as written
    uint32_t interfaces_n;
    const struct mer_ast_definition **defs; // its definition, then its extensions
    uint32_t defs_n;
    const struct mer_type **possible; // object types of an interface or union; of an object: itself
    uint32_t possible_n;
};

struct mer_directive_def {
    struct mer_slice name, description;
    struct mer_input *arguments;
    uint32_t arguments_n;
    uint32_t locations; // bit set of enum mer_directive_location
    bool repeatable;
    bool builtin;
    const struct mer_ast_definition *ast; // `names`: the locations as written
};

struct mer_schema {
    struct mer_slice description;
    struct mer_type **types; // in definition order, built-in ones last
    uint32_t types_n;
    struct mer_map types_by_name; // struct mer_type *
    struct mer_directive_def *directives;
    uint32_t directives_n;
    const struct mer_type *roots[3]; // by enum mer_operation_kind; NULL when absent
    struct mer_ast_directives schema_directives;
    const struct mer_ast_definition *ast; // of `schema { … }`; NULL without one
    const struct mer_field *typename_field, *schema_field, *type_field; // __typename, __schema, __type
    const struct mer_type **listed; // all types in the order in which introspection tells them
};

struct mer_schema_options {
    bool assume_valid;             // skip the SDL validation rules (for supergraphs and subgraph SDL)
    bool allow_unknown_directives; // leave directives without a definition alone
};

// Built-in scalars that nothing refers to are no part of the schema (specification 3.5). An extension without
// a definition counts as one when assume_valid is set. MER_ERR_INVALID names the place and the trouble, even
// with assume_valid where a schema cannot be made: unknown or doubly defined names, lists nested deeper
// than 30.
enum mer_err mer_schema_build(struct mer_arena *a, const struct mer_ast_document *doc,
                              const struct mer_schema_options *options, struct mer_schema **out,
                              struct mer_diag *diag) MER_MUST_CHECK;

const struct mer_type *mer_schema_type(const struct mer_schema *s, struct mer_slice name);
// Also __typename on composite types, __schema and __type on the query root.
const struct mer_field *mer_schema_field(const struct mer_schema *s, const struct mer_type *t,
                                         struct mer_slice name);
const struct mer_directive_def *mer_schema_directive(const struct mer_schema *s, struct mer_slice name);
const struct mer_input *mer_field_argument(const struct mer_field *f, struct mer_slice name);
// The url of @specifiedBy; p NULL without one.
struct mer_slice mer_type_specified_by(const struct mer_type *t);
// Is @deprecated set? Then *reason (may be NULL) says why.
bool mer_deprecation(const struct mer_ast_directives *ds, struct mer_slice *reason);
static inline bool mer_type_is_composite(const struct mer_type *t)
{
    return t->kind == MER_TYPE_OBJECT || t->kind == MER_TYPE_INTERFACE || t->kind == MER_TYPE_UNION;
}
static inline bool mer_type_is_leaf(const struct mer_type *t)
{
    return t->kind == MER_TYPE_SCALAR || t->kind == MER_TYPE_ENUM;
}
// Is `object` one of the possible types of `t` (or `t` itself)?
bool mer_type_covers(const struct mer_type *t, const struct mer_type *object);
static inline bool mer_ref_non_null(const struct mer_type_ref *r, uint32_t level)
{
    return (r->non_null >> level) & 1u;
}

#endif
