// SPDX-License-Identifier: MIT
// Parser: GraphQL source text to a tree (specification September 2025, sections 2, 3 and appendix). Linear
// time; tokens, nesting depth and memory are bounded by the limits, and the C stack does not follow the
// input's depth beyond max_depth. Errors carry line and column and read as graphql-js 16's do
// ("Syntax Error: Expected Name, found \"}\"."). Any thread, no state.
#ifndef MER_SCHEMA_PARSER_H
#define MER_SCHEMA_PARSER_H

#include "base/diag.h"
#include "schema/ast.h"

struct mer_parse_limits {
    uint32_t max_tokens; // 0: none
    uint32_t max_depth;  // nesting of selection sets, lists, objects and types; 0: 200
    uint32_t first_line; // the number of the text's first line in all places; 0: 1
};

enum mer_parse_what { MER_PARSE_EXECUTABLE = 0, MER_PARSE_TYPE_SYSTEM = 1, MER_PARSE_ANY = 2 };

// MER_ERR_INVALID (syntax), MER_ERR_LIMIT (a limit, or the arena is exhausted). MER_PARSE_EXECUTABLE and
// MER_PARSE_TYPE_SYSTEM refuse the other kind of definition where it stands.
enum mer_err mer_parse(struct mer_arena *a, struct mer_slice source, enum mer_parse_what what,
                       const struct mer_parse_limits *limits, struct mer_ast_document **out,
                       struct mer_diag *diag) MER_MUST_CHECK;

// One value alone, e.g. a default ("[1, 2]"). Variables are refused when `constant`.
enum mer_err mer_parse_value(struct mer_arena *a, struct mer_slice source, bool constant,
                             struct mer_ast_value **out, struct mer_diag *diag) MER_MUST_CHECK;

// A type reference alone, e.g. "[String!]!".
enum mer_err mer_parse_type(struct mer_arena *a, struct mer_slice source, struct mer_ast_type **out,
                            struct mer_diag *diag) MER_MUST_CHECK;

// A selection set without braces, as in @key(fields: "id organization { id }").
enum mer_err mer_parse_field_set(struct mer_arena *a, struct mer_slice source,
                                 struct mer_ast_selection_set **out, struct mer_diag *diag) MER_MUST_CHECK;

#endif
