// SPDX-License-Identifier: MIT
// Answers in parts: what stands in a fragment with @defer may be told after the rest.
//
// Nothing more is fetched for the sake of a deferred fragment: it is cut off where fetches end. A fragment
// met at a place of the answer is a *usage*. A usage whose fields need no fetch that the answer before it
// does not need anyway is told with that, as if it were not deferred; any other is told when its own fetches
// are done. Which those are is decided once a request, when its variables are known (defer.c): every field is
// of a *group*, the set of usages that it is told with; group 0 is the first answer. Each object of the
// answer that a usage is met at is told for itself (defer_write.c).
//
// For the files that run a plan alone; an execution without deferred parts has none of this.
#ifndef MER_RESOLVERS_DEFER_H
#define MER_RESOLVERS_DEFER_H

#include "resolvers/exec_priv.h"

struct exec_usage {
    const struct mer_deferral *met;
    uint32_t place;
    int32_t parent; // the usage around it; -1: the first answer
    uint64_t *need; // bit set of the fetches that must be done, those of what is around it among them
    bool inlined;   // told with what is around it
    bool told;
    uint32_t waiting;   // instances that were announced and not told
    uint32_t *failures; // instances at which it failed, in the order of the document
    uint32_t failures_n;
};

// The usages met at an object with these fields.
struct exec_met {
    uint32_t *usages;
    uint32_t n;
    bool known;
};

// A place of the answer: a shape, by its index.
struct exec_place {
    const struct mer_shape *shape;
    uint32_t outer;   // the place that holds the field
    uint32_t group;   // of that field
    uint32_t *usages; // met here
    uint32_t usages_n, usages_cap;
    struct exec_met *met; // by variant of the shape
    uint64_t *below;      // bit set of usages that have to do with what is here and below; NULL: none
    uint32_t visit;
};

struct exec_group {
    uint32_t *usages; // ascending
    uint32_t n;
};

// A usage at one object of the answer.
struct exec_instance {
    uint32_t usage;
    const struct mer_obj *object;
    struct mer_path_seg *path;
    uint32_t path_n;
    size_t at; // where the object begins in what is being written
    bool told;
};

struct exec_defer {
    struct mer_exec *x;
    struct exec_usage *usages;
    uint32_t usages_n;
    struct exec_place *places;
    struct mer_map usage_at; // place and fragment, as bytes → index + 1
    struct exec_group *groups;
    uint32_t groups_n;
    uint32_t *group_of; // by the plan's deferred fields
    uint64_t *first;    // fetches of the first answer
    bool first_told;
    struct exec_instance *instances;
    uint32_t instances_n, instances_cap;
    bool too_many;            // instances
    uint32_t announced, left; // instances: how many the client was told of, how many of all are not told
    int32_t turn;             // whose fields are written now; -1: those of the first answer
    uint32_t parts;           // written
    struct mer_map nulls;     // values (their addresses) that are null in the answer for what stands below
};

// ---- defer.c ----
// After ask and fetches are set; x->defer stays NULL where the whole answer is told at once.
void exec_defer_begin(struct mer_exec *x);
// What may be told now: the first answer, or some usage.
bool exec_defer_is_due(const struct mer_exec *x);
bool exec_defer_is_ready(const struct exec_defer *d, uint32_t usage);
// Is the fetch not needed for the first answer?
bool exec_defer_is_late(const struct mer_exec *x, uint32_t fetch);
// The group that the field is of, at a place.
uint32_t exec_defer_group(const struct exec_defer *d, const struct mer_shape *shape,
                          const struct mer_shape_field *f);
bool exec_defer_in(const struct exec_defer *d, uint32_t group, uint32_t usage);
// Is the field said in the usage, wherever else it is said?
bool exec_defer_says(const struct exec_defer *d, const struct mer_shape *shape,
                     const struct mer_shape_field *f, uint32_t usage);
// The usages that have anything to do with an object that has these fields.
const struct exec_met *exec_defer_met(struct exec_defer *d, const struct mer_shape *shape,
                                      const struct mer_shape_variant *v);

// ---- defer_write.c ----
// Is the field written in this turn?
bool exec_defer_writes(const struct exec_defer *d, const struct mer_shape *shape,
                       const struct mer_shape_field *f, const struct exec_path *path);
// An object is being written, from `at` on: its usages will be told.
void exec_defer_meet(struct exec_defer *d, const struct mer_shape *shape, const struct mer_shape_variant *v,
                     const struct mer_obj *o, const struct exec_path *path, size_t at);
void exec_defer_take_back(struct exec_defer *d, size_t at);
void exec_defer_null(struct exec_defer *d, const struct mer_val *v);
// Says that there are too many instances.
void exec_defer_refuse(struct mer_exec *x);
// Behind the first answer: what is still to come.
void exec_defer_announce(struct exec_defer *d, struct mer_buf *out);
// Is an error that a subgraph told in this fetch told by now?
bool exec_defer_is_past(const struct mer_exec *x, uint32_t fetch);

#endif
