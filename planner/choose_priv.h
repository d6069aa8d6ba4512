// SPDX-License-Identifier: MIT
// Between the files that choose who answers (choose.h): choose_build.c tries and takes back, choose_enter.c
// enters sources by key, choose_below.c tells what lies below a field, choose_cover.c which sources know
// that, choose_field.c finds the best way for one field, choose.c for all of an object.
#ifndef MER_PLANNER_CHOOSE_PRIV_H
#define MER_PLANNER_CHOOSE_PRIV_H

#include "planner/choose.h"

// What a facet was before it was changed.
struct change {
    uint32_t at;
    struct mer_facet was;
};

struct mer_chooser {
    struct mer_arena *a;
    struct mer_arena *trials; // states to come back to: a stack
    struct change *changes;   // of all that are being made: a stack, too
    uint32_t changes_n, changes_cap;
    uint32_t trials_left;
    size_t hurry_bytes;
    const struct mer_graph *graph;
    struct mer_selector *selector;
    const uint64_t *labels_on;
    uint64_t *labels_seen;
    enum mer_operation_kind kind;
    struct mer_buf name;      // of a state that is looked for
    struct mer_map solutions; // state's text → struct memo *
    struct mer_map possible;  // type of a source (its address) → struct mer_types *
    enum mer_err limit;       // sticky
};

// A solution while it is made. Changes are written down, so that what was tried can be taken back: a facet is
// changed after choose_touch only, and its lists are never changed in place.
struct build {
    struct mer_chooser *c;
    const struct mer_asked *asked;
    const struct mer_home *homes;
    uint32_t homes_n;
    struct mer_facet *facets;
    uint32_t facets_n, facets_cap;
    uint32_t sub_fetches;
    uint32_t leaves, late; // fields placed, and those of them that need another fetch first
    uint32_t entering[8];  // sources being entered: they cannot tell what it takes to enter them
    uint32_t entering_n;
    uint32_t *answers;    // by source: how many units it could answer
    uint32_t typed_depth; // fetches until the objects' types are learnt; 0: they need not be
    bool types_unknown;   // objects are told by their interface alone, and that will do
};

// A state to go back to.
struct saved {
    uint32_t changes_n, facets_n, sub_fetches, leaves, late;
};

// A state to come back to, from one to which it was taken back.
struct kept {
    struct change *changes; // to what they are now
    uint32_t changes_n;
    struct saved now;
};

// Fewest dependent steps, then fewest fetches, then least asked late, then the source that can answer most of
// what is asked here.
struct cost {
    uint32_t depth, fetches, late, elsewhere;
};

struct best {
    struct saved before; // each way is tried from here
    struct cost cost;
    struct kept state;
    struct mer_choice choice;
};

// Nothing is searched any more: the first way that works will do.
static inline bool choose_hurries(const struct mer_chooser *c)
{
    return c->trials_left == 0 || mer_selector_budget(c->selector)->hurried ||
           mer_arena_total_bytes(c->a) > c->hurry_bytes;
}

// ---- choose_build.c ----
struct saved choose_save(const struct build *b);
struct mer_facet *choose_touch(struct build *b, uint32_t facet);
void choose_restore(struct build *b, const struct saved *s);
struct kept choose_keep(const struct build *b, const struct saved *since);
void choose_take(struct build *b, const struct kept *k);
struct cost choose_cost_of(const struct build *b);
bool choose_cheaper(struct cost x, struct cost y);
bool choose_choice_depends(const struct build *b, const struct mer_choice *ch, uint32_t on);
bool choose_has_dependents(const struct build *b, uint32_t facet);
uint32_t choose_need_known_at(const struct build *b, const struct mer_need *n);
bool choose_is_in_circle(const struct build *b, uint32_t facet);
void choose_settle_depths(struct build *b);

// ---- choose_enter.c ----
uint32_t choose_add_facet(struct build *b, const struct mer_facet *f);
bool choose_is_entering(const struct build *b, uint32_t source);
bool choose_is_keyed(const struct mer_facet *f, const struct mer_type *t);
bool choose_is_root_type(const struct build *b, const struct mer_types *on);
int64_t choose_enter(struct build *b, const struct mer_facet *want, const struct mer_types *on);
int64_t choose_enter_requiring(struct build *b, const struct mer_facet *want, const struct mer_unit *u,
                               const struct mer_fed_field_in *in);

// ---- choose_cover.c ----
// Can a value of the unit be put together from what several sources tell of it?
bool choose_is_one_type(const struct mer_unit *u);
// Marks in `use`, by source, those of `may` (NULL: all) that cover what is asked below the unit. True:
// nothing else has to be asked.
bool choose_cover(struct build *b, const struct mer_unit *u, const bool *may, bool *use);
// Adds to `knows`, by source, how many fields below the unit the source could bring along with the value.
// Returns how many there are; UINT32_MAX: more than could be counted.
uint32_t choose_knows(struct build *b, const struct mer_unit *u, uint32_t *knows);

// ---- choose_field.c ----
bool choose_label_allows(const struct mer_chooser *c, const struct mer_fed_field_in *in);
bool choose_is_resident(const struct mer_ast_directives *ds);
bool choose_at_home(const struct build *b, const struct mer_home *h, const struct mer_unit *u,
                    const struct mer_candidate *cand);
bool choose_try_candidate(struct build *b, const struct mer_unit *u, const struct mer_candidate *cand,
                          struct mer_choice *out);
bool choose_consider(struct build *b, const struct mer_choice *choice, struct best *best);
bool choose_place_unit(struct build *b, const struct mer_unit *u, struct mer_choice *out);

static inline bool choose_has_directive(const struct mer_ast_directives *ds, const char *name)
{
    return mer_ast_directive_find(ds, mer_slice_of(name)) != NULL;
}

#endif
