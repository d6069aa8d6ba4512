// SPDX-License-Identifier: MIT
// Federation: who knows what. For every type and field of the whole schema: which sources know it, by which
// keys its objects are found there, which of them answer a field and what they must be told for it. Flat
// arrays by the index of the type and of the field, made once when a supergraph is loaded; immutable, any
// thread may read. Sources are told by their index in the graph.
#ifndef MER_PLANNER_FEDERATION_H
#define MER_PLANNER_FEDERATION_H

#include "planner/guards.h"
#include "planner/plan.h"
#include "schema/supergraph.h"

struct mer_fed_key {
    struct mer_slice text; // minified: equal keys have equal text
    const struct mer_ast_selection_set *fields;
    bool resolvable;
};

// A type in one source.
struct mer_fed_type_in {
    const struct mer_type *type; // of the source's schema; NULL: the source does not know it
    bool interface_object;       // an object there, an interface in the whole
    bool extension;              // Federation 1: its key is @external there by custom alone
    struct mer_fed_key *keys;
    uint32_t keys_n;
};

enum mer_fed_when { MER_FED_ALWAYS = 0, MER_FED_LABEL_ON = 1, MER_FED_LABEL_OFF = 2 };

// A field of a type in one source.
struct mer_fed_field_in {
    uint32_t source;
    const struct mer_field *field; // of the source's schema
    bool external;                 // named there, answered elsewhere, but for where it is provided
    bool key;                      // member of a key of the type there, and answered
    enum mer_fed_when when;        // a progressive override decides at each request
    uint32_t label;
    const struct mer_ast_selection_set *requires, *provides; // NULL without
    struct mer_slice requires_text, provides_text;
};

struct mer_fed_field {
    struct mer_fed_field_in *in; // by the sources' names
    uint32_t in_n;
    struct mer_guards guards; // of a field of an object: its own and those of what it answers
};

struct mer_fed_type {
    const struct mer_type *type;
    const struct mer_type *api;   // NULL: @inaccessible
    struct mer_fed_type_in *in;   // by source
    struct mer_fed_field *fields; // by index of type->fields
    struct mer_guards guards;     // of an object of the type
};

struct mer_federation {
    const struct mer_schema *types;
    uint32_t sources_n;
    struct mer_fed_type *of;  // by index of types->types
    struct mer_slice *labels; // of progressive overrides, each once
    uint32_t labels_n;
    // How a supergraph calls @cost, @listSize and @cacheControl; nil: it does not.
    struct mer_slice cost_name, list_size_name, cache_control_name;
    struct mer_guard *guards; // each once
    uint32_t guards_n;
};

// Sources are matched with the supergraph's subgraphs by name; a subgraph without a source is left out.
// What a source's schema lacks it is not asked for. MER_ERR_INVALID: a source that is no subgraph.
enum mer_err mer_federation_of_supergraph(struct mer_arena *a, const struct mer_supergraph *sg,
                                          const struct mer_source *sources, uint32_t sources_n,
                                          struct mer_federation **out, struct mer_diag *diag) MER_MUST_CHECK;
// From the federation directives in the sources' own SDL; `types` is the whole that they make up.
enum mer_err mer_federation_of_sources(struct mer_arena *a, const struct mer_schema *types,
                                       const struct mer_source *sources, uint32_t sources_n,
                                       struct mer_federation **out, struct mer_diag *diag) MER_MUST_CHECK;

// The graph of a supergraph's subgraphs, or of one source alone (its SDL is the whole).
enum mer_err mer_graph_of_supergraph(struct mer_arena *a, const struct mer_supergraph *sg,
                                     const struct mer_source *sources, uint32_t sources_n,
                                     struct mer_graph *out, struct mer_diag *diag) MER_MUST_CHECK;
enum mer_err mer_graph_of_source(struct mer_arena *a, const struct mer_source *source, struct mer_graph *out,
                                 struct mer_diag *diag) MER_MUST_CHECK;

static inline const struct mer_fed_type *mer_fed_type(const struct mer_federation *f,
                                                      const struct mer_type *t)
{
    return &f->of[t->index];
}

// The field in that source, or NULL.
const struct mer_fed_field_in *mer_fed_field_in(const struct mer_federation *f, const struct mer_field *field,
                                                uint32_t source);
// Does the source find objects of the type by some key?
bool mer_fed_has_key(const struct mer_federation *f, const struct mer_type *t, uint32_t source);

#endif
