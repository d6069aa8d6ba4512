// SPDX-License-Identifier: MIT
// Limits on what one operation may ask, counted on the tree before it is validated or planned, in time linear
// in the document: a fragment is counted once and its figures are added wherever it is spread, saturating.
// Works on documents that are not valid (unknown and cyclic fragments count as empty where they close). Any
// thread.
#ifndef MER_SCHEMA_LIMITS_H
#define MER_SCHEMA_LIMITS_H

#include "base/diag.h"
#include "schema/ast.h"

struct mer_limits {               // 0: none
    uint32_t depth;               // fields below each other, fragments followed
    uint32_t introspection_depth; // the same inside __schema and __type, which do not count for `depth`
    uint32_t aliases;             // fields with an alias, fragments expanded
    uint32_t root_fields;         // of the operation, fragments expanded
    uint32_t directives;          // uses, fragments expanded
    uint32_t fragments;           // definitions in the document
    uint32_t expanded_selections; // fields, spreads and inline fragments, fragments expanded
    uint32_t list_items;          // of one list literal
};

// What shipped configurations begin with (reliability G32).
struct mer_limits mer_limits_default(void);

struct mer_limit_breach {
    const char *limit; // name as in the configuration: introspectionDepth …
    uint64_t value;    // what was counted, or the limit + 1 where counting stopped
    uint64_t max;
    struct mer_loc loc; // of the field, spread or definition that was one too many
};

struct mer_limit_counts {
    uint64_t depth, introspection_depth, aliases, root_fields, directives, fragments, expanded_selections,
        list_items;
};

// Counts one operation (saturating at UINT32_MAX). Memory comes from the arena.
void mer_limits_count(struct mer_arena *a, const struct mer_ast_document *doc,
                      const struct mer_ast_operation *op, struct mer_limit_counts *out);

// MER_OK, or MER_ERR_LIMIT with the first breach in the order of struct mer_limits.
enum mer_err mer_limits_check(struct mer_arena *a, const struct mer_ast_document *doc,
                              const struct mer_ast_operation *op, const struct mer_limits *limits,
                              struct mer_limit_breach *breach) MER_MUST_CHECK;

#endif
