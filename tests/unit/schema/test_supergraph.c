// SPDX-License-Identifier: MIT
#include "mer_test.h"

#include "schema/supergraph.h"

#define HEAD                                                                                                 \
    "schema @link(url: \"https://specs.apollo.dev/link/v1.0\")"                                              \
    " @link(url: \"https://specs.apollo.dev/join/v0.5\", for: EXECUTION)"                                    \
    " @link(url: \"https://specs.apollo.dev/inaccessible/v0.2\", for: SECURITY)"                             \
    " @link(url: \"https://specs.apollo.dev/authenticated/v0.1\", as: \"guarded\", for: SECURITY)"           \
    " { query: Query }\n"                                                                                    \
    "directive @guarded on FIELD_DEFINITION\n"                                                               \
    "enum join__Graph { A @join__graph(name: \"a\", url: \"http://a\") B @join__graph(name: \"b-sub\", "     \
    "url: \"\") }\n"

static struct mer_supergraph *load(struct mer_arena *a, const char *text, struct mer_diag *diag)
{
    struct mer_supergraph *sg;
    return mer_supergraph_load(a, mer_slice_of(text), &sg, diag) == MER_OK ? sg : NULL;
}

static const char ok_text[] =
    HEAD "directive @freshness(maxAge: Int) on QUERY | FIELD\n"
         "type Query @join__type(graph: A) @join__type(graph: B) {\n"
         "  user(id: ID!): User @join__field(graph: A) @guarded\n"
         "  secret: Int @join__field(graph: B) @inaccessible\n"
         "}\n"
         "type User implements Node @join__implements(graph: A, interface: \"Node\")\n"
         "  @join__type(graph: A, key: \"id\") @join__type(graph: A, key: \"org { id } number\", resolvable: "
         "false)\n"
         "  @join__type(graph: B, key: \"id\", extension: true) {\n"
         "  id: ID!\n"
         "  number: Int @join__field(graph: A)\n"
         "  org: Org @join__field(graph: A) @join__field(graph: B, external: true)\n"
         "  label: String @join__field(graph: B, requires: \"org { id }\", type: \"String!\")\n"
         "  old: Int @join__field(graph: A) @join__field(graph: B, override: \"a\")\n"
         "  half: Int @join__field(graph: A) @join__field(graph: B, override: \"a\", overrideLabel: "
         "\"percent(5)\")\n"
         "  extra: Int @join__field\n"
         "}\n"
         "interface Node @join__type(graph: A, key: \"id\") @join__type(graph: B, key: \"id\", "
         "isInterfaceObject: true) {\n"
         "  id: ID!\n"
         "  extra: Int @join__field(graph: B)\n"
         "}\n"
         "type Org @join__type(graph: A) @join__type(graph: B) { id: ID! }\n"
         "type Hidden @join__type(graph: A) @inaccessible { id: ID! }\n"
         "union Both @join__type(graph: A) @join__type(graph: B)\n"
         "  @join__unionMember(graph: A, member: \"User\") @join__unionMember(graph: B, member: \"Org\") = "
         "User | Org\n"
         "enum Colour @join__type(graph: A) @join__type(graph: B)\n"
         "  { RED @join__enumValue(graph: A) @join__enumValue(graph: B) BLUE @join__enumValue(graph: B) }\n";

static void test_load(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    struct mer_diag diag = {0};
    struct mer_supergraph *sg = load(a, ok_text, &diag);
    if (!sg)
        fail_msg("%u:%u %s", diag.line, diag.column, diag.msg);
    assert_int_equal(sg->subgraphs_n, 2);
    mer_assert_slice(sg->subgraphs[1].name, "b-sub");
    mer_assert_slice(sg->subgraphs[1].enum_name, "B");
    uint32_t n;
    const struct mer_join_key *keys = mer_supergraph_keys(sg, MER_S("User"), 0, &n);
    assert_int_equal(n, 2);
    assert_true(keys[0].resolvable);
    assert_false(keys[1].resolvable);
    assert_int_equal(keys[1].fields->n, 2);
    assert_true(mer_supergraph_resolves(sg, MER_S("User"), MER_S("id"), 0));
    assert_true(mer_supergraph_resolves(sg, MER_S("User"), MER_S("id"), 1));
    assert_false(mer_supergraph_resolves(sg, MER_S("User"), MER_S("org"), 1));
    assert_false(mer_supergraph_resolves(sg, MER_S("User"), MER_S("old"), 0));
    assert_true(mer_supergraph_resolves(sg, MER_S("User"), MER_S("half"), 0));
    assert_true(mer_supergraph_resolves(sg, MER_S("User"), MER_S("half"), 1));
    assert_int_equal(sg->override_labels_n, 1);
    const struct mer_join_field *label = mer_supergraph_field_in(sg, MER_S("User"), MER_S("label"), 1);
    assert_int_equal(label->requires_set->n, 1);
    assert_true(label->type_ref->non_null);
    assert_true(mer_supergraph_field(sg, MER_S("User"), MER_S("extra"))->by_interface_object);
    assert_true(mer_supergraph_type_in(sg, MER_S("Node"), 1)->interface_object);
    assert_int_equal(mer_supergraph_type_in(sg, MER_S("User"), 0)->interfaces_n, 1);
    assert_int_equal(mer_supergraph_type_in(sg, MER_S("User"), 1)->interfaces_n, 0);
    assert_int_equal(mer_supergraph_type_in(sg, MER_S("Both"), 1)->members_n, 1);
    assert_int_equal(mer_supergraph_type_in(sg, MER_S("Colour"), 0)->values_n, 1);
    assert_int_equal(mer_supergraph_type_in(sg, MER_S("Colour"), 1)->values_n, 2);
    mer_arena_destroy(a);
}

static void test_api(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    struct mer_diag diag = {0};
    struct mer_supergraph *sg = load(a, ok_text, &diag);
    assert_non_null(sg);
    assert_null(mer_schema_type(sg->api, MER_S("Hidden")));
    assert_null(mer_schema_type(sg->api, MER_S("join__Graph")));
    assert_non_null(mer_schema_type(sg->schema, MER_S("Hidden")));
    assert_int_equal(sg->api->roots[MER_OP_QUERY]->fields_n, 1);
    assert_non_null(mer_schema_directive(sg->api, MER_S("freshness")));
    assert_null(mer_schema_directive(sg->api, MER_S("guarded")));
    assert_int_equal(sg->api->roots[MER_OP_QUERY]->fields[0].directives.n, 0);
    mer_assert_slice(mer_supergraph_spec_name(sg, MER_S("authenticated")), "guarded");
    assert_int_equal(mer_supergraph_spec_name(sg, MER_S("policy")).n, 0);
    mer_arena_destroy(a);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"type Query { a: Int }", "no composed schema"},
        {HEAD "type Query @join__type(graph: A) { a: Int @join__field(graph: A, external: true) }",
         "Query.a: no subgraph"},
        {HEAD "type Query @join__type(graph: C) { a: Int }", "Query: a subgraph"},
        {HEAD "type Query @join__type(graph: A, key: \"{\") { a: Int }", "Query: its field set"},
        {HEAD "type Query @join__type(graph: A) { a: Nothing }", "Unknown type \"Nothing\""},
        {"schema @link(url: \"https://x.dev/magic/v1.0\", for: EXECUTION) { query: Query } type Query { a: "
         "Int }",
         "which is not supported"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mer_arena *a = mer_arena_create(0);
        struct mer_diag diag = {0};
        assert_null(load(a, cases[i].text, &diag));
        if (!strstr(diag.msg, cases[i].says))
            fail_msg("%s: %s", cases[i].says, diag.msg);
        mer_arena_destroy(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_api),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
