// SPDX-License-Identifier: MIT
// Printer: trees and schemas back to GraphQL text, into a buf. The laid-out forms are those of graphql-js 16
// (print, printSchema); the minified ones hold no byte that can be spared. Any thread, no state.
#ifndef MER_SCHEMA_PRINTER_H
#define MER_SCHEMA_PRINTER_H

#include "base/buf.h"
#include "schema/coordinate.h"

// ---- laid out ----
void mer_print_document(struct mer_buf *b, const struct mer_ast_document *doc);
void mer_print_value(struct mer_buf *b, const struct mer_ast_value *v);
void mer_print_type(struct mer_buf *b, const struct mer_ast_type *t);
// "[String!]!"
void mer_print_type_ref(struct mer_buf *b, const struct mer_type_ref *t);
// The whole schema without built-in types and directives; and one type of it.
void mer_print_schema(struct mer_buf *b, const struct mer_schema *s);
void mer_print_schema_type(struct mer_buf *b, const struct mer_schema *s, const struct mer_type *t);
// The element that a coordinate names, as it stands in the schema, without indentation.
void mer_print_schema_element(struct mer_buf *b, const struct mer_schema_element *e);

// An argument's or input field's default as a value of its type would be written; false without one.
bool mer_print_default(struct mer_buf *b, struct mer_arena *a, const struct mer_input *in);

// ---- minified ----
void mer_print_value_min(struct mer_buf *b, const struct mer_ast_value *v);
void mer_print_arguments_min(struct mer_buf *b, struct mer_ast_argument *const *args,
                             uint32_t n); // "" or "(a:1)"
void mer_print_directives_min(struct mer_buf *b, const struct mer_ast_directives *ds);
// "{a b{c}}" with the braces; spreads stay spreads.
void mer_print_selections_min(struct mer_buf *b, const struct mer_ast_selection_set *set);
// "id organization{id}": a key as a @key directive holds it.
void mer_print_field_set_min(struct mer_buf *b, const struct mer_ast_selection_set *set);
// "($a:Int=1)" or "".
void mer_print_variables_min(struct mer_buf *b, struct mer_ast_variable *const *vars, uint32_t n);

// The source without the characters that mean nothing: the same tokens, the fewest bytes.
enum mer_err mer_print_stripped(struct mer_buf *b, struct mer_arena *a, struct mer_slice source,
                                struct mer_diag *diag) MER_MUST_CHECK;

#endif
