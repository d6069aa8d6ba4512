// SPDX-License-Identifier: MIT
// Who answers what: for the objects at one place, and all that is asked of them and below, which source
// answers each field, which sources have to be entered by key for it, and what must be known before.
//
// A directed Steiner tree problem: the sources are nodes, the keys edges that need other fields first. It is
// solved by the shortest-path heuristic: fields with one possible answer first, then each other field by the
// way that adds least to what is there already: fewest dependent steps, then fewest fetches. Sub-selections
// are solved the same way, once for each source they can begin in (memoised), so the time is polynomial in
// what is asked times the sources. Choices depend on names, never on the order in a file.
#ifndef MER_PLANNER_CHOOSE_H
#define MER_PLANNER_CHOOSE_H

#include "planner/select.h"

// A source that has brought the objects already.
struct mer_home {
    uint32_t source;
    const struct mer_ask *provides; // what it answers here though elsewhere it does not; NULL: nothing
    const uint64_t *reach;          // bit set of the sources that could have brought them; NULL: not known
    bool untyped;                   // knows these objects by their interface alone
    bool needed;                    // where one of them is null, what stands around it is lost
    bool write;                     // below a mutation of a source of rows
    bool keys_only;                 // a mutation's object: only its key is known, the rest is fetched by it
    bool resident;                  // under rows that stay in their region
};

struct mer_choice {
    uint32_t *facets; // the first is the value's home, further ones add to it; 0: nobody needs to be asked
    uint32_t facets_n;
    const struct mer_fed_field_in **in; // by facet
    const struct mer_solution *sub;     // NULL for leaves
};

// What must be known of an object before it is told to a source.
struct mer_need {
    struct mer_types on;
    const struct mer_asked *asked; // key or @requires selection
    struct mer_choice *choices;    // by unit
    bool key;
};

// One source, for these objects: as it brought them, or entered by key (or, at a root, simply asked).
struct mer_facet {
    uint32_t source;
    const struct mer_type *as; // entered with an interface it knows as an object
    bool home;
    bool root;                    // a root type: no key is needed
    bool resident;                // @resident fields alone
    bool typed;                   // entered by an interface's key, to learn the types
    const struct mer_unit *alone; // a root field of a source of rows: a fetch of its own
    uint32_t depth;               // fetches one after the other until it is known
    uint32_t below;               // and how many more until all below it is known
    struct mer_types keyed;       // types that can be told to it
    struct mer_need *needs;
    uint32_t needs_n;
};

struct mer_solution {
    const struct mer_asked *asked;
    uint32_t depth, fetches;
    uint32_t leaves, late;    // fields below, and those that need a further fetch first
    struct mer_facet *facets; // homes first
    uint32_t facets_n;
    struct mer_choice *choices; // by unit
    uint32_t typed_by;          // facet that knows the objects' types
};

struct mer_chooser;

// max_bytes: of `a`; when half of it is spent no more ways are tried. labels_on: bit set of the federation's
// override labels. `trials` is used as a stack, by the chooser alone.
struct mer_chooser *mer_chooser_create(struct mer_arena *a, struct mer_arena *trials,
                                       const struct mer_graph *graph, struct mer_selector *selector,
                                       const uint64_t *labels_on, enum mer_operation_kind kind,
                                       size_t max_bytes);
// Was the first way that works taken somewhere, because there were too many to try?
bool mer_chooser_hurried(const struct mer_chooser *c);
// The labels that choices depended on so far, as a bit set: with any other labels on, the plan is the same.
const uint64_t *mer_chooser_labels_seen(const struct mer_chooser *c);
// homes_n 0: at the root of the answer. MER_ERR_INVALID: there is no way to answer (*missing, if not NULL,
// is a field that lacks one); MER_ERR_LIMIT as mer_asked_of.
enum mer_err mer_choose(struct mer_chooser *c, const struct mer_asked *asked, const struct mer_home *homes,
                        uint32_t homes_n, const struct mer_solution **out, const struct mer_unit **missing);

// Of a unit to which mer_choose found no way at the root: the field below it that lacks one, or itself.
const struct mer_unit *mer_choose_missing(struct mer_chooser *c, const struct mer_unit *u);

// What stands below a unit that a home, or a facet entered (home NULL; root: at a root), answers.
enum mer_err mer_choose_below(struct mer_chooser *c, const struct mer_unit *u,
                              const struct mer_fed_field_in *in, const struct mer_home *home, bool root,
                              struct mer_home *below, const struct mer_asked **asked);
// The objects of a type of the source's schema, as types of the whole.
const struct mer_types *mer_choose_possible(struct mer_chooser *c, const struct mer_type *source_type);

// Is it answered where the answer is written, not by a source (__typename, introspection)?
bool mer_unit_is_meta(const struct mer_graph *g, const struct mer_unit *u);
// Does a value of the field have no selection of its own in a source: a leaf, or an age?
bool mer_field_is_leaf(const struct mer_field *source_field);

#endif
