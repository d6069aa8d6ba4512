// SPDX-License-Identifier: MIT
// What a subgraph's own schema is, drawn out of supergraphs of several ages of the join specification. The
// schemas are compared as text.
#include "mer_test.h"

#include "schema/printer.h"
#include "schema/subgraph_schema.h"

#define GRAPHS                                                                                               \
    "enum join__Graph { PARKS @join__graph(name: \"parks\", url: \"http://p/\") "                            \
    "VISITS @join__graph(name: \"visits\", url: \"http://v/\") }\n"
#define HEAD_05                                                                                              \
    "schema @link(url: \"https://specs.apollo.dev/link/v1.0\")"                                              \
    " @link(url: \"https://specs.apollo.dev/join/v0.5\", for: EXECUTION) { query: Query mutation: "          \
    "Change }\n" GRAPHS
#define HEAD_01                                                                                              \
    "schema @core(feature: \"https://specs.apollo.dev/core/v0.1\")"                                          \
    " @core(feature: \"https://specs.apollo.dev/join/v0.1\") { query: Query }\n" GRAPHS

#define BOTH "@join__type(graph: PARKS) @join__type(graph: VISITS)"

// The drawn schema as text, or what is wrong as "! …".
static struct mer_slice drawn(struct mer_arena *a, const char *text, uint32_t g)
{
    struct mer_supergraph *sg = NULL;
    const struct mer_schema *s = NULL;
    struct mer_diag d = {0};
    struct mer_buf b;
    if (mer_supergraph_load(a, mer_slice_of(text), &sg, &d) || mer_supergraph_subschema(a, sg, g, &s, &d)) {
        return mer_arena_printf(a, "! %s", d.msg);
    }
    mer_buf_init(&b, a, 1024);
    mer_print_schema(&b, s);
    return mer_buf_slice(&b);
}

static void expect(const char *text, uint32_t g, const char *want)
{
    struct mer_arena *a = mer_arena_create(0);
    mer_assert_slice(drawn(a, text, g), want);
    mer_arena_destroy(a);
}

static const char entities[] = HEAD_05
    "type Query " BOTH " {\n"
    "  park(id: ID!, season: Season): Park @join__field(graph: PARKS)\n"
    "  visits: [Visit!] @join__field(graph: VISITS)\n"
    "}\n"
    "type Change @join__type(graph: VISITS) { book(in: Booking!): Visit! }\n"
    "type Park @join__type(graph: PARKS, key: \"id\") @join__type(graph: VISITS, key: \"id\", extension: "
    "true) "
    "{\n"
    "  id: ID!\n"
    "  area: Float @join__field(graph: PARKS, type: \"Float!\") @join__field(graph: VISITS, external: true)\n"
    "  crowd: Int @join__field(graph: VISITS, requires: \"area\")\n"
    "  mood: String @join__field(graph: PARKS, override: \"visits\") @join__field(graph: VISITS, "
    "usedOverridden: true)\n"
    "}\n"
    "type Visit @join__type(graph: VISITS) { at: Park! season: Season }\n"
    "enum Season " BOTH " { DRY @join__enumValue(graph: PARKS) @join__enumValue(graph: VISITS)\n"
    "  WET @join__enumValue(graph: PARKS) @inaccessible }\n"
    "input Booking @join__type(graph: VISITS) { park: ID! = \"p1\", people: Int! = 2 }\n";

static void test_entities(void **state)
{
    (void)state;
    expect(entities, 0,
           "type Query {\n  park(id: ID!, season: Season): Park\n}\n\n"
           "type Park {\n  id: ID!\n  area: Float!\n  mood: String\n}\n\n"
           "enum Season {\n  DRY\n  WET\n}");
    expect(entities, 1,
           "schema {\n  query: Query\n  mutation: Change\n}\n\n"
           "type Query {\n  visits: [Visit!]\n}\n\n"
           "type Change {\n  book(in: Booking!): Visit!\n}\n\n"
           "type Park {\n  id: ID!\n  area: Float\n  crowd: Int\n  mood: String\n}\n\n"
           "type Visit {\n  at: Park!\n  season: Season\n}\n\n"
           "enum Season {\n  DRY\n}\n\n"
           "input Booking {\n  park: ID! = \"p1\"\n  people: Int! = 2\n}");
}

static const char abstract[] =
    HEAD_05 "type Query " BOTH " { place: Place @join__field(graph: PARKS) any: [Any!] }\n"
            "type Change @join__type(graph: VISITS) { none: Int }\n"
            "interface Place @join__type(graph: PARKS, key: \"id\")\n"
            "  @join__type(graph: VISITS, key: \"id\", isInterfaceObject: true)\n"
            "  { id: ID! name: String @join__field(graph: PARKS) queue: Int @join__field(graph: VISITS) }\n"
            "type Park implements Place @join__implements(graph: PARKS, interface: \"Place\")\n"
            "  @join__type(graph: PARKS, key: \"id\")\n"
            "  { id: ID! @join__field(graph: PARKS) name: String @join__field(graph: PARKS) queue: Int "
            "@join__field }\n"
            "type Gate " BOTH " { code: String }\n"
            "union Any " BOTH " @join__unionMember(graph: PARKS, member: \"Park\")\n"
            "  @join__unionMember(graph: PARKS, member: \"Gate\") @join__unionMember(graph: VISITS, member: "
            "\"Gate\")\n"
            "  = Park | Gate\n";

static void test_abstract(void **state)
{
    (void)state;
    expect(abstract, 0,
           "type Query {\n  place: Place\n  any: [Any!]\n}\n\n"
           "interface Place {\n  id: ID!\n  name: String\n}\n\n"
           "type Park implements Place {\n  id: ID!\n  name: String\n}\n\n"
           "type Gate {\n  code: String\n}\n\n"
           "union Any = Park | Gate");
    expect(abstract, 1,
           "schema {\n  query: Query\n  mutation: Change\n}\n\n"
           "type Query {\n  any: [Any!]\n}\n\n"
           "type Change {\n  none: Int\n}\n\n"
           "type Place {\n  id: ID!\n  queue: Int\n}\n\n"
           "type Gate {\n  code: String\n}\n\n"
           "union Any = Gate");
}

// Before 0.2 there was no word about who knows a value type: everybody does.
static const char first_age[] =
    HEAD_01 "type Query { park: Park @join__field(graph: PARKS) }\n"
            "type Park @join__owner(graph: PARKS) @join__type(graph: PARKS, key: \"id\")\n"
            "  @join__type(graph: VISITS, key: \"id\")\n"
            "  { id: ID! @join__field(graph: PARKS) name: Word crowd: Crowd @join__field(graph: VISITS) }\n"
            "type Crowd { n: Int }\n"
            "scalar Word @specifiedBy(url: \"https://w.example/\")\n";

static void test_first_age(void **state)
{
    (void)state;
    expect(first_age, 0,
           "type Query {\n  park: Park\n}\n\n"
           "type Park {\n  id: ID!\n  name: Word\n}\n\n"
           "type Crowd {\n  n: Int\n}\n\n"
           "scalar Word @specifiedBy(url: \"https://w.example/\")");
    expect(first_age, 1,
           "type Query\n\n"
           "type Park {\n  crowd: Crowd\n}\n\n"
           "type Crowd {\n  n: Int\n}\n\n"
           "scalar Word @specifiedBy(url: \"https://w.example/\")");
}

static void test_context(void **state)
{
    (void)state;
    expect(HEAD_05 "type Query " BOTH " { park: Park @join__field(graph: PARKS) }\n"
                   "type Change @join__type(graph: VISITS) { none: Int }\n"
                   "type Park " BOTH " { name: String @join__field(graph: PARKS, contextArguments: "
                   "[{context: \"visits__user\", name: \"tongue\", type: \"String!\", selection: \" { tongue "
                   "}\"}]) }\n",
           0,
           "type Query {\n  park: Park\n}\n\ntype Park {\n  name(tongue: "
           "String!): String\n}");
}

static void test_refused(void **state)
{
    (void)state;
    expect(HEAD_05 "type Query " BOTH " { visit: Visit @join__field(graph: PARKS) }\n"
                   "type Change @join__type(graph: VISITS) { none: Int }\n"
                   "type Visit @join__type(graph: VISITS) { n: Int }\n",
           0, "! Query.visit in subgraph parks: it does not know the field's type");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entities), cmocka_unit_test(test_abstract), cmocka_unit_test(test_first_age),
        cmocka_unit_test(test_context),  cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
