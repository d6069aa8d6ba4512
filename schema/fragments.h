// SPDX-License-Identifier: MIT
// The fragments of a document by name, what each one spreads, and an order in which what is spread comes
// first: so that facts about fragments are found once each and no C stack follows a chain of spreads. Lives
// in the arena given; one thread.
#ifndef MER_SCHEMA_FRAGMENTS_H
#define MER_SCHEMA_FRAGMENTS_H

#include "base/map.h"
#include "schema/ast.h"

struct mer_spreads {
    const struct mer_ast_selection **items;
    uint32_t n;
};

struct mer_fragment {
    const struct mer_ast_fragment *ast;
    uint32_t index;
    struct mer_spreads spreads;
    uint32_t stamp; // for whoever walks: 0 at first
};

struct mer_fragments {
    struct mer_map by_name; // struct mer_fragment *; of equal names the last
    struct mer_fragment *items;
    uint32_t n;
    struct mer_fragment **order; // n of them; where spreads make a circle, some member comes first
};

void mer_fragments_init(struct mer_fragments *out, struct mer_arena *a, const struct mer_ast_document *doc);
// Every spread in a selection set, those of a level before those of the levels below.
struct mer_spreads mer_spreads_of(struct mer_arena *a, const struct mer_ast_selection_set *set);

#endif
