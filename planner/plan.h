// SPDX-License-Identifier: MIT
// Plan: what has to be fetched to answer an operation, from which sources, in which order, and what the
// answer looks like. Made once for an operation's text and kept; it knows nothing of caller, variables,
// placements or freshness, which are decided for each request (placement.h, resolvers/). Free of I/O; the
// plan is immutable and lives in the arena it was built in. Any thread may read it.
//
// Two trees are built side by side. The *shape* is the answer: for every object type that can stand at a
// place, the response fields in order. The *fetches* are the questions: of root fields, and of sets of
// entities that another source (or the same source in another region) has to complete by key. Every shape
// field names the fetch and the slot in which its value will be found.
//
// An object of the answer has a *home*: the fetch that brought it. What other fetches tell of the same object
// hangs on it as further rows (resolvers/value.h). So a value is found by an object, a fetch and a slot.
#ifndef MER_PLANNER_PLAN_H
#define MER_PLANNER_PLAN_H

#include "planner/defer.h"
#include "planner/budget.h"
#include "planner/fetch.h"

struct mer_federation;
struct mer_fetch_text;

// A source: a subgraph, a logical owner of types and fields.
struct mer_source {
    struct mer_slice name;
    uint32_t index;                  // among all sources of the gateway, also in a graph of one source alone
    const struct mer_schema *schema; // its own SDL, with its bindings
    bool rows; // bound to tables or to key figures: asked one root field and one type of
               // entity at a time, cut into parts and placed; else a GraphQL server
};

// Everything the planner may choose from.
struct mer_graph {
    const struct mer_schema *api;   // what clients see
    const struct mer_schema *types; // the same with what is @inaccessible: objects have types of this one
    const struct mer_federation *federation; // who knows what (federation.h); its subgraphs are `sources`
    const struct mer_source *sources;
    uint32_t sources_n;
    // Ask @resident fields of an entity that is not resident itself as a fetch of their own, so that they
    // alone are refused where residency forbids them. Off where the gateway is the owner of the rows.
    bool split_resident;
    struct mer_slice sdl; // of a source that is served alone: what _service tells
};

enum mer_shape_kind {
    MER_SHAPE_DATA = 0,
    MER_SHAPE_TYPENAME = 1,
    MER_SHAPE_INTROSPECTION = 2, // __schema, __type
    MER_SHAPE_FRESHNESS = 3,     // an age: filled while the answer is written
    MER_SHAPE_SERVICE = 4,       // _service of a source: its own SDL
};

// What a caller must be granted, all of it: indexes in the federation's guards (guards.h).
struct mer_guards {
    const uint32_t *items;
    uint32_t n;
};

// Where a value of an object stands: its home's row or what another fetch added.
struct mer_plan_value {
    uint32_t fetch, slot;
};

struct mer_shape_field {
    struct mer_slice key;
    const struct mer_field *field; // of the API schema
    enum mer_shape_kind kind;
    const struct mer_ast_selection *ast;
    struct mer_kept_if kept_if;
    uint32_t fetch;                    // index of the fetch that answers it
    uint32_t slot;                     // in that fetch's row of the object
    const struct mer_plan_value *also; // where other fetches told the same value, a part of it each
    uint32_t also_n;
    struct mer_shape *sub;
    uint32_t age;             // MER_SHAPE_FRESHNESS: index in the plan's ages
    struct mer_guards guards; // without which it is null, and nobody was asked for it
    uint32_t guarded;         // its number among the plan's guarded fields, from 1; 0: it is not
    struct mer_sayings said;  // where @defer is around it
    uint32_t deferred;        // its number among the fields that have `said`, from 1; 0: it has none
};

struct mer_shape_variant {
    struct mer_types types; // of graph->types; n == 0: whatever may stand here
    struct mer_shape_field *fields;
    uint32_t fields_n;
    struct mer_guards guards; // without which objects of these types are null
};

struct mer_shape {
    uint32_t index;                  // 0: the root of the answer
    const struct mer_type *declared; // of graph->types
    uint32_t home; // the fetch that brings these objects; UINT32_MAX: the root of the answer
    // The fetch whose row knows the object's type: its home, or, where the home is a source that knows an
    // interface as an object (@interfaceObject), another one.
    uint32_t typed_by;
    struct mer_shape_variant *variants;
    uint32_t variants_n;
};

enum mer_fetch_kind {
    MER_FETCH_ROOT = 0,
    MER_FETCH_ENTITY = 1, // complete objects of an earlier fetch by key
    MER_FETCH_GIVEN = 2,  // no fetch: `_entities`, whose objects are the representations in the variables
    MER_FETCH_SPLICE = 3, // no fetch: a value that two fetches told of one object becomes one value
};

// How the parts of a fetch are put together again.
enum mer_combiner {
    MER_COMBINE_ONE = 0,           // there is one part
    MER_COMBINE_ORDINAL = 1,       // entities, back to the order of their keys
    MER_COMBINE_ORDERED_MERGE = 2, // connections, merged by their cursors' order
    MER_COMBINE_KPI = 3,           // KPI components, added up before the formula
};

// A step from an object of the parent fetch down to the objects to complete; lists on the way are walked.
struct mer_path_step {
    uint32_t slot;
    struct mer_types on; // of graph->types: what the *holding* object must be
};

// A member of a representation.
struct mer_rep_field {
    struct mer_slice name;
    struct mer_plan_value at;
    uint32_t home;       // of the object that holds it: its own row is of this fetch
    struct mer_types on; // of graph->types: what the holding object must be for the member to be told
    bool needed;         // its type says non-null: where it is null there is no entity to ask for
    struct mer_rep_field *fields; // of a composite value
    uint32_t fields_n;
};

// How an object of some types is told to a source: `{"__typename": name, …}`.
struct mer_rep {
    struct mer_types types; // of graph->types
    struct mer_slice name;  // n == 0: the object's own type
    struct mer_rep_field *fields;
    uint32_t fields_n;
};

struct mer_plan_fetch {
    uint32_t index;
    enum mer_fetch_kind kind;
    uint32_t source; // index of the gateway's source
    struct mer_fetch_op op;
    struct mer_slice root_key; // of a source of rows (root), given: response key of its one field
    // entity, splice, and a root that is entered again below: where its objects are
    uint32_t parent; // UINT32_MAX: the root of the answer
    struct mer_path_step *path;
    uint32_t path_n;
    struct mer_types on;   // entity, splice: what an object at the path's end must be
    uint32_t typed_by;     // whose row of that object knows its type (as mer_shape)
    const uint32_t *after; // fetches that must be done before; `parent` is one of them
    uint32_t after_n;
    struct mer_rep *reps; // entity
    uint32_t reps_n;
    struct mer_plan_value into, from; // splice: the objects in `from` become further rows of those in `into`
    // what placement has to know
    bool resident; // rows that may not leave their region
    bool rows;     // rows of the business: for roles that work with them
    bool write;
    int32_t partition_arg; // root field's argument that carries facility codes or node ids; -1: none
    uint32_t serves;       // bit set of enum mer_tier that may answer
    uint32_t max_age_s;    // @cacheControl of the root field; 0: not cacheable
    enum mer_combiner combiner;
    // of a GraphQL server (fetch_text.h); NULL: it varies with the variables, or there is none
    const struct mer_fetch_text *text;
    // entity, with a text: the first fetch that asks the same source for exactly the same; itself without one
    uint32_t like;
};

struct mer_plan {
    const struct mer_graph *graph;
    const struct mer_ast_document *document;
    const struct mer_ast_operation *operation;
    struct mer_shape *shape;
    struct mer_plan_fetch **fetches; // what a fetch waits for stands before it
    uint32_t fetches_n;
    bool serial;                   // mutation: root fetches one after the other, each with what hangs on it
    struct mer_shape_field **ages; // every field of kind MER_SHAPE_FRESHNESS
    uint32_t ages_n;
    uint32_t guarded_n; // fields and variants that have guards
    bool hurried; // half of the budget, of the memory or of the ways to try was spent: there may be a better
                  // one
    bool defers;  // there are deferred fragments, which may be told later than the rest
    uint32_t shapes_n, deferred_n;
    // Of progressive overrides: the labels that it depends on, and which of them were on; bit sets.
    const uint64_t *labels_seen, *labels_on;
};

struct mer_plan_limits {
    uint32_t max_shape_fields; // 0: 50,000
    struct mer_budget *budget; // NULL: no end
    const uint64_t *labels_on; // bit set of the federation's override labels; NULL: none
};

// The operation was validated against graph->api. MER_ERR_LIMIT: too many shape fields, or the budget is
// spent, or too much memory; MER_ERR_INVALID: a field that no source answers, which a composed supergraph
// excludes.
enum mer_err mer_plan_build(struct mer_arena *a, const struct mer_graph *graph,
                            const struct mer_ast_document *doc, const struct mer_ast_operation *op,
                            const struct mer_plan_limits *limits, struct mer_plan **out,
                            struct mer_diag *diag) MER_MUST_CHECK;

// Of a source's schema: rows of a table that are not for every role (@table without @everyone).
bool mer_type_is_business(const struct mer_type *t);

#endif
