// SPDX-License-Identifier: MIT
// Values of an answer while it is put together: a source's JSON, cut along the selection that asked for it.
//
// An object is a row of slots, one for each field that its fetch asked; a leaf keeps its JSON text as it
// came, never decoded. What other fetches add to an object (entities) hangs on it as further rows of slots.
// A source answers in selection order, so reading compares the next expected key first. Everything lives in
// the request's arena or points into answers that the request holds; one thread.
//
// Answers repeat themselves: the same author below each of his books. Objects that one field of one answer
// tells in the same words may be one object here, which then stands in several places (mer_val_sharing). What
// is known of it by its own values, entities of other sources above all, holds in each of them.
#ifndef MER_RESOLVERS_VALUE_H
#define MER_RESOLVERS_VALUE_H

#include "base/json.h"
#include "planner/plan.h"

struct mer_exec_error;

enum mer_val_kind {
    MER_VAL_NULL = 0, // also: not answered; `error` may say why
    MER_VAL_RAW = 1,  // a leaf's JSON text
    MER_VAL_LIST = 2,
    MER_VAL_OBJECT = 3,
    MER_VAL_AGE = 4, // dataFreshness: `n` is the entry in the freshness table
};

struct mer_val {
    enum mer_val_kind kind;
    uint32_t n; // list: items; age: entry
    union {
        struct mer_slice raw;
        struct mer_val *items;
        struct mer_obj *object;
        struct mer_exec_error *error;
    };
};

// What another fetch answered about the same object.
struct mer_obj_more {
    uint32_t fetch;
    bool whole;                   // the error is the object's: told once, at the object
    uint32_t told;                // at which writing of the object it was
    struct mer_obj *object;       // NULL: it failed, or the entity is not there
    struct mer_exec_error *error; // why, when it failed
    struct mer_obj_more *next;
};

// Where an object that stands in several places was written, without errors.
struct mer_obj_copy {
    const struct mer_shape *shape; // NULL: not yet
    uint32_t era;                  // the writer's, which ends when something is taken back
    size_t from, to;
};

struct mer_obj {
    // Of the graph's types. NULL where the source was not asked: the declared type is an object's, or another
    // row knows. &mer_type_nowhere: the source told no type that there is.
    const struct mer_type *type;
    struct mer_val *slots;
    struct mer_obj_more *more;
    struct mer_obj_copy *copy; // not NULL: it stands in several places
    uint32_t walk;             // the last that came here, and at which of its steps
    uint16_t walk_step;
    bool sought; // an error belongs to it that has not been told (untold.c)
};

extern const struct mer_type mer_type_nowhere;

// How ages are read: a source of rows answers the facility's code (or null), another gateway the number of
// its own freshness entry. `entry` turns the one or the other into an entry of the request's table.
struct mer_val_reader {
    struct mer_arena *a;
    const struct mer_schema *types;  // the graph's
    const struct mer_schema *source; // the source's
    const struct mer_json *json;
    // NULL: the source has none.
    uint32_t (*entry)(void *owner, const struct mer_json *json, const struct mer_json_node *node);
    void *owner;
    // Of a source that is not trusted: what stands where a value has not its field's type. NULL: leaves are
    // not looked at, a database of ours answers what its statement says.
    struct mer_exec_error *wrong;
    bool wrong_told;               // it stands somewhere
    struct mer_val_shared *shared; // NULL: every object is one of its own
    /* private: the type looked up last */
    struct mer_slice last_name;
    const struct mer_type *last_type, *last_own;
};

// For readers of one answer. Only where what hangs on an object follows from its own values, and where no
// error belongs to one place of several: not for plans with splices, nor for answers with errors.
struct mer_val_shared *mer_val_sharing(struct mer_arena *a, size_t answer_bytes);

// Reads an object node along the children of `parent` (of an operation: see mer_val_op). `type`: what the
// object is in the source's schema, unless the first child asks. A node that is no object gives an object
// whose slots are null.
struct mer_obj *mer_val_read_object(struct mer_val_reader *r, const struct mer_json_node *node,
                                    const struct mer_fetch_field *parent, const struct mer_type *type);
void mer_val_read(struct mer_val_reader *r, const struct mer_json_node *node, const struct mer_fetch_field *f,
                  struct mer_val *out);
// An operation's fields as the children of a field.
static inline struct mer_fetch_field mer_val_op(const struct mer_fetch_op *op)
{
    return (struct mer_fetch_field){
        .children = op->fields, .children_n = op->fields_n, .slots_n = op->slots_n};
}

struct mer_obj *mer_obj_new(struct mer_arena *a, uint32_t slots_n);

// What the object is, by whichever row knows; NULL: what was declared.
static inline const struct mer_type *mer_obj_type(const struct mer_obj *o)
{
    const struct mer_type *t = o->type;
    for (const struct mer_obj_more *m = o->more; m && !t; m = m->next) {
        t = m->object ? m->object->type : NULL;
    }
    return t;
}

static inline struct mer_obj_more *mer_obj_row(const struct mer_obj *o, uint32_t fetch)
{
    struct mer_obj_more *m = o->more;
    while (m && m->fetch != fetch) {
        m = m->next;
    }
    return m;
}

static inline bool mer_obj_is(const struct mer_obj *o, const struct mer_types *on)
{
    const struct mer_type *t = on->n ? mer_obj_type(o) : NULL;
    return !t || mer_types_hold(on, t);
}

// The value of an object whose own row is of the fetch `home`. Null without an error where there is no row.
struct mer_val mer_val_at(const struct mer_obj *o, struct mer_plan_value at, uint32_t home);

// Calls visit(owner, object) for every object at the end of the path, in document order; for one that stands
// in several places once, of all walks of one number that follow each other.
void mer_val_walk(struct mer_obj *root, uint32_t number, const struct mer_path_step *path, uint32_t path_n,
                  void (*visit)(void *owner, struct mer_obj *o), void *owner);

#endif
