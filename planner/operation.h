// SPDX-License-Identifier: MIT
// Operation: from a document's text to a plan (parsed, limited, validated, planned), and the cache that lets
// later requests with the same text skip all of it.
//
// An operation lives in an arena of its own and is counted: the cache holds one reference, every request that
// runs it another. The cache belongs to one loop; whole texts are compared, never hashes alone (a hash that
// meets must not give another operation's plan). What failed is not kept.
#ifndef MER_PLANNER_OPERATION_H
#define MER_PLANNER_OPERATION_H

#include "planner/cache_policy.h"
#include "planner/cost.h"
#include "planner/plan.h"
#include "schema/limits.h"
#include "schema/validate.h"

struct mer_operation_error {
    struct mer_slice message;
    const char *code;
    struct mer_loc *locations;
    uint32_t locations_n;
    const char *limit; // QUERY_TOO_COMPLEX: which
    uint64_t value;
};

struct mer_operation {
    struct mer_arena *arena;
    struct mer_slice text;
    struct mer_slice name; // by which it was chosen among the document's; n == 0: it is the only one
    const struct mer_graph *graph;
    const struct mer_ast_document *document;
    const struct mer_ast_operation *ast;
    struct mer_plan *plan;
    const struct mer_cost *cost;
    struct mer_cache_policy cache;
    bool introspects; // asks __schema or __type
    uint32_t refs;
    size_t answer_bytes; // of its last answer: the next will want as much
};

struct mer_operation_opts {
    uint32_t max_tokens;
    struct mer_limits limits;
    bool introspection;        // off: __schema and __type are unknown fields, and nothing is suggested
    const uint64_t *labels_on; // of progressive overrides: a bit set over the federation's; NULL: none
    uint32_t max_fetches;      // of sources, as planned; 0: any
    int64_t max_cpu_us;        // of the thread, for all of it (budget.h); 0: none
    uint64_t max_steps;        // of planning, for those who want the same on any machine; 0: none
};

// Errors live in `a`. MER_ERR_INVALID: not valid; MER_ERR_LIMIT: a limit; both with at least one error.
enum mer_err mer_operation_make(struct mer_arena *a, const struct mer_graph *graph, struct mer_slice text,
                                struct mer_slice name, const struct mer_operation_opts *opts,
                                struct mer_operation **out, struct mer_operation_error **errors,
                                uint32_t *errors_n) MER_MUST_CHECK;
void mer_operation_unref(struct mer_operation *op);

struct mer_plan_cache;
struct mer_plan_cache *mer_plan_cache_create(uint32_t max_operations);
void mer_plan_cache_destroy(struct mer_plan_cache *c);
// A reference for the caller, or NULL.
struct mer_operation *mer_plan_cache_get(struct mer_plan_cache *c, const struct mer_graph *graph,
                                         struct mer_slice text, struct mer_slice name);
// The same where the plan depends on labels: one that was made with these of them on, as far as it looked.
struct mer_operation *mer_plan_cache_find(struct mer_plan_cache *c, const struct mer_graph *graph,
                                          struct mer_slice text, struct mer_slice name,
                                          const uint64_t *labels_on);
// Takes a reference of its own; the least recently used one goes when it is full.
void mer_plan_cache_put(struct mer_plan_cache *c, struct mer_operation *op);

// Every operation that it holds, and how often it was found there.
void mer_plan_cache_each(const struct mer_plan_cache *c,
                         void (*fn)(void *owner, const struct mer_operation *op, uint64_t uses), void *owner);

struct mer_plan_cache_stats {
    uint64_t hits, misses;
    uint32_t operations;
};
void mer_plan_cache_stats(const struct mer_plan_cache *c, struct mer_plan_cache_stats *out);

#endif
