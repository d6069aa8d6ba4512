// SPDX-License-Identifier: MIT
// The GraphQL syntax tree, as parser.h makes it: executable and type-system documents (specification
// September 2025, section 2 and 3). Nodes live in the arena the parser was given; names and raw values are
// slices of the source text, which must outlive the tree. Immutable once parsed, so any thread may read.
#ifndef MER_SCHEMA_AST_H
#define MER_SCHEMA_AST_H

#include "base/arena.h"

struct mer_loc {
    uint32_t line, column; // from 1; columns count Unicode code points' UTF-16 units, as the field's tools do
};

// A description is absent (p NULL), or a string that may be empty. `loc` of what can carry one is where the
// description begins, `name_loc` where the name does.

// ---- values (2.10) and types (2.12) ----

enum mer_value_kind {
    MER_VALUE_VARIABLE = 0, // text: name without $
    MER_VALUE_INT = 1,      // text as written
    MER_VALUE_FLOAT = 2,    // text as written
    MER_VALUE_STRING = 3,   // text: the value itself, escapes and block indentation resolved
    MER_VALUE_BOOLEAN = 4,  // boolean
    MER_VALUE_NULL = 5,
    MER_VALUE_ENUM = 6,   // text: name
    MER_VALUE_LIST = 7,   // items
    MER_VALUE_OBJECT = 8, // fields
};

struct mer_ast_value {
    enum mer_value_kind kind;
    bool boolean;
    bool block; // a string written as a block string
    struct mer_loc loc;
    struct mer_slice text;
    struct mer_ast_value **items;
    struct mer_ast_argument **fields; // object fields have an argument's form
    uint32_t n;                       // of items or fields
};

struct mer_ast_argument {
    struct mer_slice name;
    struct mer_ast_value *value;
    struct mer_loc loc;
};

struct mer_ast_directive {
    struct mer_slice name; // without @
    struct mer_ast_argument **arguments;
    uint32_t arguments_n;
    struct mer_loc loc;
};

struct mer_ast_directives {
    struct mer_ast_directive **items;
    uint32_t n;
};

// A type reference: named (name set, of NULL) or a list of `of`; each may be non-null.
struct mer_ast_type {
    struct mer_slice name;
    struct mer_ast_type *of;
    bool non_null;
    struct mer_loc loc;
};

// ---- executable definitions (2.3 to 2.9) ----

enum mer_selection_kind { MER_SEL_FIELD = 0, MER_SEL_SPREAD = 1, MER_SEL_INLINE = 2 };

struct mer_ast_selection_set {
    struct mer_ast_selection **items;
    uint32_t n;
    struct mer_loc loc;
};

struct mer_ast_selection {
    enum mer_selection_kind kind;
    struct mer_slice alias;     // field; n == 0 without one
    struct mer_slice name;      // field name or fragment name
    struct mer_slice condition; // inline fragment's type; n == 0 without one
    struct mer_ast_argument **arguments;
    uint32_t arguments_n;
    struct mer_ast_directives directives;
    struct mer_ast_selection_set *selections; // NULL for leaves and spreads
    struct mer_loc loc;                       // of alias, name or the dots
    struct mer_loc name_loc;                  // of the name itself
    struct mer_loc condition_loc;
};

static inline struct mer_slice mer_ast_response_key(const struct mer_ast_selection *f)
{
    return f->alias.n ? f->alias : f->name;
}

enum mer_operation_kind { MER_OP_QUERY = 0, MER_OP_MUTATION = 1, MER_OP_SUBSCRIPTION = 2 };

struct mer_ast_variable {
    struct mer_slice name;
    struct mer_ast_type *type;
    struct mer_ast_value *default_value; // NULL without one
    struct mer_ast_directives directives;
    struct mer_slice description;
    bool description_block;
    struct mer_loc loc, name_loc;
};

struct mer_ast_operation {
    enum mer_operation_kind kind;
    struct mer_slice name; // n == 0: anonymous
    struct mer_ast_variable **variables;
    uint32_t variables_n;
    struct mer_ast_directives directives;
    struct mer_ast_selection_set *selections;
    struct mer_slice description;
    bool description_block;
    struct mer_loc loc, name_loc;
};

struct mer_ast_fragment {
    struct mer_slice name;
    struct mer_slice condition;
    struct mer_ast_directives directives;
    struct mer_ast_selection_set *selections;
    struct mer_slice description;
    bool description_block;
    struct mer_loc loc, name_loc, condition_loc;
};

// ---- type-system definitions (3) ----

enum mer_def_kind {
    MER_DEF_SCHEMA = 0,
    MER_DEF_SCALAR = 1,
    MER_DEF_OBJECT = 2,
    MER_DEF_INTERFACE = 3,
    MER_DEF_UNION = 4,
    MER_DEF_ENUM = 5,
    MER_DEF_INPUT = 6,
    MER_DEF_DIRECTIVE = 7,
};

struct mer_ast_input { // an argument's or input field's definition
    struct mer_slice name, description;
    struct mer_ast_type *type;
    struct mer_ast_value *default_value;
    struct mer_ast_directives directives;
    bool description_block;
    struct mer_loc loc, name_loc;
};

struct mer_ast_field_def {
    struct mer_slice name, description;
    struct mer_ast_input **arguments;
    uint32_t arguments_n;
    struct mer_ast_type *type;
    struct mer_ast_directives directives;
    bool description_block;
    struct mer_loc loc, name_loc;
};

struct mer_ast_enum_value {
    struct mer_slice name, description;
    struct mer_ast_directives directives;
    bool description_block;
    struct mer_loc loc, name_loc;
};

struct mer_ast_name {
    struct mer_slice name;
    struct mer_loc loc;
};

struct mer_ast_root { // one line of `schema { query: Query }`
    enum mer_operation_kind kind;
    struct mer_ast_name type;
    struct mer_loc loc; // of the word query, mutation or subscription
};

struct mer_ast_definition {
    enum mer_def_kind kind;
    bool extend;
    bool repeatable; // directive
    bool description_block;
    struct mer_slice name, description;
    struct mer_ast_directives directives;
    struct mer_ast_field_def **fields; // object, interface
    uint32_t fields_n;
    struct mer_ast_input **inputs; // input object's fields, directive's arguments
    uint32_t inputs_n;
    struct mer_ast_enum_value **values;
    uint32_t values_n;
    struct mer_ast_name *names; // implements, union members, directive locations
    uint32_t names_n;
    struct mer_ast_root *roots;
    uint32_t roots_n;
    struct mer_loc loc, name_loc;
};

// Definitions as they follow each other in the source, for those who speak about them in that order.
enum mer_ast_entry_kind { MER_ENTRY_OPERATION = 0, MER_ENTRY_FRAGMENT = 1, MER_ENTRY_DEFINITION = 2 };
struct mer_ast_entry {
    enum mer_ast_entry_kind kind;
    uint32_t index; // in operations, fragments or definitions
};

struct mer_ast_document {
    struct mer_slice source;
    struct mer_ast_operation **operations;
    uint32_t operations_n;
    struct mer_ast_fragment **fragments;
    uint32_t fragments_n;
    struct mer_ast_definition **definitions;
    uint32_t definitions_n;
    struct mer_ast_entry *entries;
    uint32_t entries_n;
    uint32_t tokens_n;
};

// The first directive of that name, or NULL; an argument of it, or NULL.
const struct mer_ast_directive *mer_ast_directive_find(const struct mer_ast_directives *ds,
                                                       struct mer_slice name);
const struct mer_ast_value *mer_ast_argument_find(const struct mer_ast_directive *d, struct mer_slice name);
// The operation of that name, or with an empty name the only one; NULL when there is none or no choice is
// clear.
const struct mer_ast_operation *mer_ast_operation_find(const struct mer_ast_document *doc,
                                                       struct mer_slice name);
const struct mer_ast_fragment *mer_ast_fragment_find(const struct mer_ast_document *doc,
                                                     struct mer_slice name);

#endif
