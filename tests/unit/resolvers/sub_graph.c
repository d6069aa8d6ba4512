// SPDX-License-Identifier: MIT
#include "sub_graph.h"

#include "planner/federation.h"
#include "schema/subgraph_schema.h"

static const char supergraph[] =
    "schema @link(url: \"https://specs.apollo.dev/link/v1.0\") @link(url: "
    "\"https://specs.apollo.dev/join/v0.3\", for: EXECUTION)"
    " @link(url: \"https://specs.apollo.dev/inaccessible/v0.2\", for: SECURITY)"
    " { query: Query mutation: Mutation }"
    " enum join__Graph { P @join__graph(name: \"people\", url: \"http://p\") W @join__graph(name: \"works\", "
    "url: \"http://w\") }"
    " scalar join__FieldSet"
    " type Query @join__type(graph: P) @join__type(graph: W) {"
    "  people: [Person] @join__field(graph: P) person(id: ID!, kind: Kind): Person @join__field(graph: P)"
    "  best: Work @join__field(graph: W) any: Thing @join__field(graph: W) things: [Thing] "
    "@join__field(graph: W)"
    "  count: Int! @join__field(graph: W) }"
    " type Mutation @join__type(graph: P) @join__type(graph: W) {"
    "  add(name: String!): Person @join__field(graph: P) rate(n: Int!): Work @join__field(graph: W) }"
    " type Person @join__type(graph: P, key: \"id\") @join__type(graph: W, key: \"id\") {"
    "  id: ID! name: String @join__field(graph: P) born: Int @join__field(graph: P)"
    "  rank: Kind @join__field(graph: P) free: Boolean @join__field(graph: P) weight: Float "
    "@join__field(graph: P)"
    "  tags: [String!] @join__field(graph: P) extra: Any @join__field(graph: P)"
    "  works: [Work!] @join__field(graph: W) title: String! @join__field(graph: W) "
    "  score(unit: String): Float @join__field(graph: W) }"
    " type Work @join__type(graph: W, key: \"sku at { n }\") @join__type(graph: P, key: \"sku at { n }\") {"
    "  sku: ID! at: Spot! label: String @join__field(graph: W) owner: Person @join__field(graph: W)"
    "  stock: Int @join__field(graph: P) }"
    " type Spot @join__type(graph: W) @join__type(graph: P) { n: Int! }"
    " union Thing @join__type(graph: W) @join__unionMember(graph: W, member: \"Person\")"
    "  @join__unionMember(graph: W, member: \"Work\") @join__unionMember(graph: W, member: \"Secret\") = "
    "Person "
    "| Work | Secret"
    " type Secret @join__type(graph: W) @inaccessible { id: ID! }"
    " scalar Any @join__type(graph: P)"
    " enum Kind @join__type(graph: P) { LOW @join__enumValue(graph: P) HIGH @join__enumValue(graph: P)"
    "  INNER @join__enumValue(graph: P) @inaccessible }";

enum mer_err sub_graph_make(struct mer_arena *a, struct mer_graph *out, struct mer_diag *diag)
{
    struct mer_supergraph *sg = NULL;
    enum mer_err err = mer_supergraph_load(a, mer_slice_of(supergraph), &sg, diag);
    struct mer_source *sources = MER_NEW_N(a, struct mer_source, SUB_N);
    for (uint32_t i = 0; i < SUB_N && !err; i++) {
        const struct mer_schema *schema = NULL;
        err = mer_supergraph_subschema(a, sg, i, &schema, diag);
        sources[i] = (struct mer_source){.name = sg->subgraphs[i].name, .index = i, .schema = schema};
    }
    return err ? err : mer_graph_of_supergraph(a, sg, sources, SUB_N, out, diag);
}
