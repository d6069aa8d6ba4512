// SPDX-License-Identifier: MIT
// What is asked of the objects at one place: selection sets collected for every object type that can stand
// there (specification 6.3.2), with @skip and @include kept as conditions instead of decided, and grouped
// into units: one response key, for all the types that are asked the same and about which all sources say the
// same. Wide interfaces stay small this way: a hundred implementations that differ in nothing are one unit.
//
// Equal selections are one `mer_ask`, equal questions one `mer_asked`, whatever way leads to them, so that
// what is decided about them is decided once. For the planner alone; lives while a plan is made.
#ifndef MER_PLANNER_SELECT_H
#define MER_PLANNER_SELECT_H

#include "planner/defer.h"
#include "planner/federation.h"

// A selection set with the condition under which it stands.
struct mer_ask_set {
    const struct mer_ast_selection_set *set;
    const struct mer_condition *condition;
    bool ours;                           // asked for keys and @requires: guards are for what clients ask
    const struct mer_deferral *deferral; // around it, as seen from its fields
};

// Selection sets that are merged. Equal ones are the same pointer.
struct mer_ask {
    uint32_t id;
    const struct mer_ask_set *sets;
    uint32_t sets_n;
};

struct mer_unit {
    struct mer_slice key;          // response key
    const struct mer_field *field; // of the whole schema: of the first of `types`
    const struct mer_ast_selection *ast;
    struct mer_kept_if kept_if;
    struct mer_kept_if asked_if; // the same, and the guards hold
    struct mer_guards guards;
    struct mer_sayings said;
    struct mer_types on;                   // of the whole schema, never empty
    bool unasked;                          // of types that the source may not be asked about
    const struct mer_ask *sub;             // NULL for leaves
    uint32_t index;                        // in its mer_asked
    const struct mer_answerers *answerers; // mer_unit_candidates; NULL: not looked for yet
};

// Object types with the same response fields, in order.
struct mer_asked_group {
    struct mer_types types;
    struct mer_guards guards; // of objects of these types
    uint32_t *units;
    uint32_t units_n;
};

struct mer_asked {
    uint32_t id;
    const struct mer_type *declared; // of the whole schema
    struct mer_types possible;       // of the whole schema
    struct mer_unit *units;
    uint32_t units_n;
    struct mer_asked_group *groups;
    uint32_t groups_n;
};

struct mer_selector;

// Up to max_fields response fields (counted by unit and type group); at is the place of a breach.
// Conditions are put into `keep`, for the plan; the rest goes with scratch.
struct mer_selector *mer_selector_create(struct mer_arena *keep, struct mer_arena *scratch,
                                         const struct mer_graph *graph, const struct mer_ast_document *doc,
                                         uint32_t max_fields, struct mer_budget *budget,
                                         struct mer_diag *diag);
uint32_t mer_selector_max(const struct mer_selector *s);
// What making the plan may take; never NULL.
struct mer_budget *mer_selector_budget(struct mer_selector *s);
const struct mer_ask *mer_ask_of(struct mer_selector *s, const struct mer_ask_set *sets, uint32_t n);
// The sub-selections of fields `name` in the ask, with what is `more` (may be NULL): how a @provides goes on.
const struct mer_ask *mer_ask_below(struct mer_selector *s, const struct mer_ask *ask,
                                    const struct mer_type *on, struct mer_slice name,
                                    const struct mer_ast_selection_set *more);
// Does the ask name the field for objects of that type?
bool mer_ask_names(const struct mer_selector *s, const struct mer_ask *ask, const struct mer_type *on,
                   struct mer_slice name);
// askable: types of which fields may be asked (n == 0: all); of others only __typename is. MER_ERR_LIMIT: too
// many fields; MER_ERR_INVALID: an unknown field.
enum mer_err mer_asked_of(struct mer_selector *s, const struct mer_ask *ask, const struct mer_type *declared,
                          const struct mer_types *possible, const struct mer_types *askable,
                          const struct mer_asked **out);

// Sources that may answer: first the field's own, then those that know one of the type's interfaces as an
// object.
struct mer_candidate {
    const struct mer_fed_field_in *in;
    const struct mer_type *as; // the interface (of the whole schema), or NULL
};
// Is it said in deferred fragments alone, as seen from its place?
bool mer_unit_is_deferred(const struct mer_unit *u);
// Does the document defer anything?
bool mer_selector_defers(const struct mer_selector *s);
uint32_t mer_unit_candidates(struct mer_selector *s, const struct mer_unit *u,
                             const struct mer_candidate **out);
// The first of them that is of the source; their number if there is none.
uint32_t mer_unit_candidate_of(struct mer_selector *s, const struct mer_unit *u, uint32_t source);

#endif
