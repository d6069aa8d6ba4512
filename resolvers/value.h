// SPDX-License-Identifier: MIT
// Values of an answer while it is put together: a source's JSON, cut along the selection that asked for it.
//
// An object is a row of slots, one for each field that its fetch asked, in that order; a leaf keeps its JSON
// text as it came, never decoded. What other fetches add to an object (entities) hangs on it as further rows
// of slots. A source answers in selection order, so reading compares the next expected key first. Everything
// lives in the request's arena or points into answers that the request holds; one thread.
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
    struct mer_obj *object;       // NULL: it failed, or the entity is not there
    struct mer_exec_error *error; // why, when it failed
    struct mer_obj_more *next;
};

struct mer_obj {
    const struct mer_type *type; // API object type where the declared one is abstract, else NULL
    struct mer_val *slots;
    struct mer_obj_more *more;
};

// How ages are read: a source of rows answers the facility's code (or null), another gateway the number of
// its own freshness entry. `entry` turns the one or the other into an entry of the request's table.
struct mer_val_reader {
    struct mer_arena *a;
    const struct mer_schema *api;
    const struct mer_json *json;
    uint32_t (*entry)(void *owner, const struct mer_json *json, const struct mer_json_node *node);
    void *owner;
    // Of a source that is not trusted: what stands where a value has not its field's type. NULL: leaves are
    // not looked at, a database of ours answers what its statement says.
    struct mer_exec_error *wrong;
};

// Reads an object node along fields; `node` that is no object gives an object whose slots are null.
struct mer_obj *mer_val_read_object(const struct mer_val_reader *r, const struct mer_json_node *node,
                                    struct mer_fetch_field *const *fields, uint32_t fields_n);
void mer_val_read(const struct mer_val_reader *r, const struct mer_json_node *node,
                  const struct mer_fetch_field *f, struct mer_val *out);

// Calls visit(owner, object) for every object at the end of the path, in document order.
void mer_val_walk(struct mer_obj *root, const struct mer_path_step *path, uint32_t path_n,
                  void (*visit)(void *owner, struct mer_obj *o), void *owner);

#endif
