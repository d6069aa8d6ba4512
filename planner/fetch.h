// SPDX-License-Identifier: MIT
// A fetch's operation: what is asked of one source, in that source's own terms. The planner makes it once a
// plan (immutable, lives with the plan); a resolver turns it into SQL, into GraphQL text or into KPI
// arithmetic. A source answers every field under its response key, in this order.
#ifndef MER_PLANNER_FETCH_H
#define MER_PLANNER_FETCH_H

#include "schema/types.h"
#include "schema/values.h"

struct mer_fetch_field {
    struct mer_slice key;                // response key in the source's answer
    const struct mer_field *field;       // of the source's schema; __typename is the schema's typename_field
    const struct mer_type *on;           // object type for which alone it is asked, or NULL: for every one
    struct mer_ast_argument **arguments; // as written, variables unresolved
    uint32_t arguments_n;
    const struct mer_ast_directives
        *conditions;                   // @skip/@include of the selection, or NULL; a resolver may ignore them
    struct mer_fetch_field **children; // NULL for leaves
    uint32_t children_n;
};

// What a resolver keeps with an operation that comes again: made by mer_operation_make in the operation's own
// arena, dies with it, and belongs to the operation's loop as the operation does. An operation that is
// compiled once (explaining, tests) has none.
struct mer_fetch_memo {
    struct mer_arena *arena;
    void *kept; // the resolver's; NULL at first
};

struct mer_fetch_op {
    const struct mer_schema *schema; // the source's
    enum mer_operation_kind kind;
    const struct mer_type *entity; // NULL: root fields; else the type of the entities asked by key
    struct mer_fetch_field **fields;
    uint32_t fields_n;
    struct mer_fetch_memo *memo; // or NULL
};

#endif
