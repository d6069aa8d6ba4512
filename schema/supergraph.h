// SPDX-License-Identifier: MIT
// Supergraph: a composed schema (join specification v0.1 to v0.5, @link or @core) read into what a planner
// asks: which subgraphs there are, which of them know a type and by which keys, which resolve a field and
// under which conditions. `schema` is the document as it stands; `api` is what clients see: without the
// elements of linked specifications and without everything @inaccessible. Immutable after
// mer_supergraph_load, so any thread may read. Lives in the arena, which must not outlive the source text.
// Type and field names are those of the supergraph; subgraphs are told by index.
#ifndef MER_SCHEMA_SUPERGRAPH_H
#define MER_SCHEMA_SUPERGRAPH_H

#include "schema/types.h"

struct mer_subgraph {
    struct mer_slice name;      // join__graph(name:)
    struct mer_slice enum_name; // in enum join__Graph
    struct mer_slice url;       // may be empty
    uint32_t index;             // in sg->subgraphs
};

struct mer_join_key {
    struct mer_slice text;
    const struct mer_ast_selection_set *fields;
    bool resolvable;
};

// A type in one subgraph.
struct mer_join_type_in {
    uint32_t subgraph;
    bool interface_object; // an object there, an interface in the supergraph
    bool extension;
    struct mer_join_key *keys;
    uint32_t keys_n;
    struct mer_slice *interfaces; // that it implements there
    uint32_t interfaces_n;
    struct mer_slice *members; // of a union there
    uint32_t members_n;
    struct mer_slice *values; // of an enum there
    uint32_t values_n;
};

// A field in one subgraph.
struct mer_join_field {
    uint32_t subgraph;
    struct mer_slice requires; // as written; n == 0 without
    struct mer_slice provides;
    const struct mer_ast_selection_set *requires_set; // parsed; NULL without
    const struct mer_ast_selection_set *provides_set;
    struct mer_slice type; // the field's type there as written, where it differs from the supergraph's
    const struct mer_ast_type *type_ref;
    struct mer_slice override_from; // subgraph name; n == 0 without
    struct mer_slice override_label;
    bool external;
    bool used_overridden; // overridden by another subgraph, still declared here for keys and @requires
    const struct mer_ast_directive *ast; // NULL where implied; contextArguments are read from it
};

struct mer_join_field_set {
    const struct mer_field *field; // of sg->schema
    const struct mer_field *api;   // NULL: inaccessible
    struct mer_join_field *in;     // by subgraph, ascending
    uint32_t in_n;
    bool by_interface_object; // no subgraph resolves it on this type itself: an interface object does
};

struct mer_join_type {
    const struct mer_type *type;       // of sg->schema
    const struct mer_type *api;        // NULL: inaccessible
    struct mer_join_type_in **in;      // indexed by subgraph; NULL where the subgraph does not know the type
    struct mer_join_field_set *fields; // by index of type->fields; NULL for types without fields
    uint32_t fields_n;
};

struct mer_supergraph {
    const struct mer_schema *schema;
    const struct mer_schema *api;
    struct mer_subgraph *subgraphs;
    uint32_t subgraphs_n;
    struct mer_map types;              // name → struct mer_join_type *
    struct mer_map spec_names;         // "tag" → struct mer_slice *: as the document calls it
    struct mer_slice *override_labels; // every label once
    uint32_t override_labels_n;
};

// MER_ERR_INVALID with a message that names type and field when the supergraph cannot be served.
enum mer_err mer_supergraph_load(struct mer_arena *a, struct mer_slice source, struct mer_supergraph **out,
                                 struct mer_diag *diag) MER_MUST_CHECK;

// NULL when there is none.
const struct mer_subgraph *mer_supergraph_subgraph(const struct mer_supergraph *sg, struct mer_slice name);
const struct mer_join_type *mer_supergraph_type(const struct mer_supergraph *sg, struct mer_slice type);
const struct mer_join_type_in *mer_supergraph_type_in(const struct mer_supergraph *sg, struct mer_slice type,
                                                      uint32_t g);
const struct mer_join_field_set *mer_supergraph_field(const struct mer_supergraph *sg, struct mer_slice type,
                                                      struct mer_slice field);
const struct mer_join_field *mer_supergraph_field_in(const struct mer_supergraph *sg, struct mer_slice type,
                                                     struct mer_slice field, uint32_t g);
// The keys of a type in a subgraph; *n is 0 and NULL comes back where there are none.
const struct mer_join_key *mer_supergraph_keys(const struct mer_supergraph *sg, struct mer_slice type,
                                               uint32_t g, uint32_t *n);
// Declared there, neither @external nor overridden by another (a labelled override leaves both true).
bool mer_supergraph_resolves(const struct mer_supergraph *sg, struct mer_slice type, struct mer_slice field,
                             uint32_t g);
// The name under which this supergraph knows a directive of a linked specification ("authenticated",
// "requiresScopes", "policy", "inaccessible", "tag" …), renamed by @link or not; n == 0 when it is not
// linked.
struct mer_slice mer_supergraph_spec_name(const struct mer_supergraph *sg, struct mer_slice directive);

#endif
