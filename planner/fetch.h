// SPDX-License-Identifier: MIT
// A fetch's operation: what is asked of one source, in that source's own terms. The planner makes it once a
// plan (immutable, lives with the plan); a resolver turns it into SQL, into GraphQL text or into KPI
// arithmetic. A source answers every field under its response key, in this order; what it answers is read
// into rows of slots (resolvers/value.h), and every field names its slot.
#ifndef MER_PLANNER_FETCH_H
#define MER_PLANNER_FETCH_H

#include "schema/types.h"
#include "schema/values.h"

// Object types for which alone something holds; n == 0: for every one.
struct mer_types {
    const struct mer_type **items;
    uint32_t n;
};

static inline bool mer_types_hold(const struct mer_types *set, const struct mer_type *t)
{
    for (uint32_t i = 0; i < set->n; i++) {
        if (set->items[i] == t) {
            return true;
        }
    }
    return set->n == 0;
}

struct mer_kept_if;

// A chain of @skip/@include lists that must all keep the selection, and of guards that must all let it
// through.
struct mer_condition {
    const struct mer_ast_directives *directives; // NULL: none
    const struct mer_condition *outer;
    uint32_t guard;                  // index + 1 in the federation's guards (guards.h); 0: none
    const struct mer_kept_if *under; // what the field around it is kept by; NULL: none
};

static inline bool mer_types_equal(const struct mer_types *x, const struct mer_types *y)
{
    return x->n == y->n && (x->n == 0 || memcmp(x->items, y->items, x->n * sizeof(*x->items)) == 0);
}

// Are two fields' arguments written alike? `a` is for what is compared.
bool mer_arguments_equal(struct mer_arena *a, struct mer_ast_argument *const *x, uint32_t x_n,
                         struct mer_ast_argument *const *y, uint32_t y_n);

// Several chains, any of which keeps it; n == 0: it is always there.
struct mer_kept_if {
    const struct mer_condition **items;
    uint32_t n;
};

bool mer_kept(const struct mer_kept_if *k, const struct mer_variables *vars);

// Two fields of one selection may share a response key and a slot when no object can have both (`on`).
struct mer_fetch_field {
    struct mer_slice key;                // response key in the source's answer
    const struct mer_field *field;       // of the source's schema; __typename is the schema's typename_field
    struct mer_types on;                 // of the source's schema
    uint32_t slot;                       // in the row of the object that has it
    struct mer_ast_argument **arguments; // as written, variables unresolved
    uint32_t arguments_n;
    struct mer_kept_if kept_if;
    struct mer_fetch_field **children; // NULL for leaves
    uint32_t children_n;
    uint32_t slots_n; // of an object among the children
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
    const struct mer_type *entity; // NULL: root fields, or entities of several types (each field has `on`)
    struct mer_fetch_field **fields;
    uint32_t fields_n;
    uint32_t slots_n;            // of a root object, or of an entity
    struct mer_fetch_memo *memo; // or NULL
};

#endif
