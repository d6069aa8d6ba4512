// SPDX-License-Identifier: MIT
// Between the files that collect what is asked (select.h): select_collect.c collects for one object type,
// select_answers.c tells who may answer, select.c groups types into units.
#ifndef MER_PLANNER_SELECT_PRIV_H
#define MER_PLANNER_SELECT_PRIV_H

#include "planner/select.h"

struct collected {
    struct mer_slice key;
    const struct mer_field *field;
    const struct mer_answerers *answerers; // NULL: __typename and the like
    const struct mer_ast_selection *ast;
    const struct mer_condition **kept_if;
    uint32_t kept_if_n;
    bool always;
    bool clients; // a client asks it, not only we
    struct mer_sayings said;
    struct mer_ask_set *sub;
    uint32_t sub_n;
};

// What is asked of one type after the other; its room is used again.
struct collector {
    struct mer_selector *s;
    const struct mer_type *type;
    struct mer_map by_key;
    struct collected *items;
    uint32_t *units;
    uint32_t n, cap, units_cap;
    bool deferred; // something here is
};

// A fragment's fields that hold for one type, those of fragments in it included.
struct flat_field {
    const struct mer_ast_selection *sel;
    const struct mer_field *field;
    const struct mer_answerers *answerers;
    const struct mer_condition *cond;
    const struct mer_deferral *deferral;
};

// A selection set as it is walked for every type: what says of itself that it is not asked is left out.
struct walk_step {
    const struct mer_ast_selection *sel;
    const struct mer_ast_selection_set *inner; // of a fragment
    const struct mer_type *on;                 // what a fragment is for; NULL: whatever stands here
};

struct walk {
    struct walk_step *steps;
    uint32_t n;
};

struct flat {
    struct flat_field *items;
    uint32_t n, cap;
};

// The question that is being put together; its room is used again for the next.
struct grouping {
    struct mer_selector *s;
    struct mer_asked *asked;
    const struct mer_types *askable;
    struct mer_map units_by;  // text → index + 1
    struct mer_map groups_by; // the units' numbers → index + 1
    struct mer_unit *units;
    struct mer_asked_group *groups;
    uint32_t units_cap, groups_cap;
    struct collector collector;
};

struct mer_selector {
    struct mer_arena *a, *keep;
    struct grouping grouping;
    bool rows; // some source is asked one type at a time
    const struct mer_graph *graph;
    const struct mer_ast_document *doc;
    struct mer_diag *diag;
    uint32_t max_fields, fields_left;
    struct mer_budget *budget;
    struct mer_buf answers;    // what sources say of a field
    struct mer_buf name;       // of what is looked for; copied when it is new
    struct mer_map type_sets;  // types (their address), and which may be asked → number
    struct mer_map walks;      // selection set (its address) → struct walk *
    struct mer_map flats;      // fragment, type and what is around it → struct flat *
    struct mer_map texts;      // canonical text → number: one name for each thing that is equal
    struct mer_map set_ids;    // selection set (its address) → number
    struct mer_map asks;       // canonical text → struct mer_ask *
    struct mer_map questions;  // → struct mer_asked *
    struct mer_map answerers;  // field (its address) → candidate list
    struct mer_defers *defers; // NULL: the document has none
    struct mer_map conditions; // canonical text → struct mer_condition *
    uint32_t asks_n, questions_n;
};

struct mer_answerers {
    struct mer_candidate *items;
    uint32_t n;
    uint32_t *first; // by source: its first candidate, or n
    uintptr_t id;    // equal for fields about which all sources say the same
};

// ---- select.c ----
uintptr_t select_number_of(struct mer_selector *s, struct mer_slice text);
// A pointer as the key of a map.
struct mer_slice select_address(struct mer_selector *s, const void *p);
uintptr_t select_set_id(struct mer_selector *s, const struct mer_ast_selection_set *set);

// ---- select_collect.c ----
const struct mer_ast_selection_set *
select_inside(const struct mer_selector *s, const struct mer_ast_selection *sel, const struct mer_type **on);
enum mer_err select_collect(struct collector *k, const struct mer_ask *ask);

// ---- select_answers.c ----
bool select_is_meta(const struct mer_selector *s, const struct mer_field *f);
const struct mer_answerers *select_answerers_of(struct mer_selector *s, const struct mer_field *field);

// Names are bytes, not text: they are made often and read by nobody.
static inline void select_put(struct mer_buf *b, uintptr_t n)
{
    mer_buf_add(b, mer_slice_make((const char *)&n, sizeof(n)));
}

static inline void select_put_text(struct mer_buf *b, struct mer_slice s)
{
    select_put(b, s.n);
    mer_buf_add(b, s);
}

#endif
