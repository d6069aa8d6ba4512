// SPDX-License-Identifier: MIT
#include "mer_test.h"

#include "schema/introspect.h"
#include "schema/parser.h"
#include "schema/printer.h"

static struct mer_schema *build(struct mer_arena *a, const char *text,
                                const struct mer_schema_options *options, struct mer_diag *diag)
{
    struct mer_ast_document *doc;
    struct mer_schema *s;
    if (mer_parse(a, mer_slice_of(text), MER_PARSE_TYPE_SYSTEM, NULL, &doc, diag) != MER_OK)
        return NULL;
    return mer_schema_build(a, doc, options, &s, diag) == MER_OK ? s : NULL;
}

static const char ok_text[] =
    "interface N { id: ID! } type A implements N { id: ID! l(a: Int = 1): [[String!]]! }"
    " extend type A @x { extra: U } union U = A | B type B implements N { id: ID! }"
    " directive @x repeatable on OBJECT | FIELD_DEFINITION"
    " input In { a: Float = 1.0 b: In } type Query { n: N @deprecated(reason: \"old\") u(i: In): U }";

static void test_build(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    struct mer_diag diag = {0};
    struct mer_schema *s = build(a, ok_text, NULL, &diag);
    if (!s)
        fail_msg("%u:%u %s", diag.line, diag.column, diag.msg);
    const struct mer_type *t = mer_schema_type(s, MER_S("A")), *n = mer_schema_type(s, MER_S("N"));
    assert_int_equal(t->fields_n, 3);
    assert_int_equal(t->directives.n, 1);
    assert_int_equal(n->possible_n, 2);
    assert_true(mer_type_covers(n, t) && mer_type_covers(mer_schema_type(s, MER_S("U")), t));
    const struct mer_field *l = mer_schema_field(s, t, MER_S("l"));
    assert_int_equal(l->type.depth, 2);
    assert_int_equal(l->type.non_null, 5); // [[String!]]!
    assert_ptr_equal(mer_schema_field(s, n, MER_S("__typename")), s->typename_field);
    assert_ptr_equal(mer_schema_field(s, s->roots[MER_OP_QUERY], MER_S("__schema")), s->schema_field);
    assert_null(mer_schema_field(s, t, MER_S("__schema")));
    assert_non_null(mer_schema_type(s, MER_S("Float")));
    assert_null(mer_schema_directive(s, MER_S("nothing")));
    assert_non_null(mer_schema_directive(s, MER_S("skip")));
    mer_arena_destroy(a);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"type Query { a: Nope }", "Unknown type \"Nope\"."},
        {"type Query { a: Int a: Int }", "Field \"Query.a\" can only be defined once."},
        {"type Query { a: Int @nope }", "Unknown directive \"@nope\"."},
        {"type A { a: Int }", "Query root type must be provided."},
        {"type Query implements I { a: Int } interface I { b: Int }",
         "Interface field I.b expected but Query does not provide it."},
        {"type Query { a(i: In): Int } input In { i: In! }",
         "Cannot reference Input Object \"In\" within itself through a series of non-null fields: \"i\"."},
        {"extend type Query { a: Int }", "Cannot extend type \"Query\" because it is not defined."},
        {"schema { query: E } enum E { A }", "Query root type must be Object type, it cannot be E."},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mer_arena *a = mer_arena_create(0);
        struct mer_diag diag = {0};
        assert_null(build(a, cases[i].text, NULL, &diag));
        assert_string_equal(diag.msg, cases[i].says);
        mer_arena_destroy(a);
    }
}

static void test_lenient(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    struct mer_diag diag = {0};
    struct mer_schema_options options = {.assume_valid = true, .allow_unknown_directives = true};
    struct mer_schema *s = build(a, "extend type Query @k(fields: \"a\") { a: Int @t }", &options, &diag);
    assert_non_null(s);
    assert_int_equal(s->roots[MER_OP_QUERY]->directives.n, 1);
    assert_null(build(a,
                      "type Query { a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[Int]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]] }",
                      &options, &diag));
    mer_arena_destroy(a);
}

static void test_print(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    struct mer_buf b;
    struct mer_diag diag = {0};
    mer_buf_init(&b, a, 512);
    struct mer_schema *s = build(a, ok_text, NULL, &diag);
    assert_non_null(s);
    mer_print_schema(&b, s);
    mer_assert_slice(mer_buf_slice(&b),
                     "directive @x repeatable on OBJECT | FIELD_DEFINITION\n\ninterface N {\n  id: ID!\n}\n\n"
                     "type A implements N {\n  id: ID!\n  l(a: Int = 1): [[String!]]!\n  extra: U\n}\n\n"
                     "union U = A | B\n\ntype B implements N {\n  id: ID!\n}\n\n"
                     "input In {\n  a: Float = 1\n  b: In\n}\n\n"
                     "type Query {\n  n: N @deprecated(reason: \"old\")\n  u(i: In): U\n}");
    mer_arena_destroy(a);
}

static void test_introspect(void **state)
{
    (void)state;
    static const struct {
        const char *query, *want;
    } cases[] = {
        {"{ __type(name: \"Query\") { fields { name } all: fields(includeDeprecated: true) { name "
         "deprecationReason } } }",
         "{\"fields\":[{\"name\":\"u\"}],\"all\":[{\"name\":\"n\",\"deprecationReason\":\"old\"},{\"name\":"
         "\"u\","
         "\"deprecationReason\":null}]}"},
        {"{ __type(name: \"Nope\") { name } }", "null"},
        {"query ($y: Boolean = true) { __type(name: \"U\") { ...F kind @skip(if: $y) ... @include(if: $y) { "
         "__typename } } }"
         " fragment F on __Type { possibleTypes { name } ...F }",
         "{\"possibleTypes\":[{\"name\":\"A\"},{\"name\":\"B\"}],\"__typename\":\"__Type\"}"},
        {"{ __type(name: \"A\") { fields { type { kind ofType { kind ofType { name ofType { name } } } } "
         "args { defaultValue "
         "} } } }",
         "{\"fields\":[{\"type\":{\"kind\":\"NON_NULL\",\"ofType\":{\"kind\":\"SCALAR\",\"ofType\":null}},"
         "\"args\":[]},"
         "{\"type\":{\"kind\":\"NON_NULL\",\"ofType\":{\"kind\":\"LIST\",\"ofType\":{\"name\":null,"
         "\"ofType\":{\"name\":"
         "null}}}},\"args\":[{\"defaultValue\":\"1\"}]},{\"type\":{\"kind\":\"UNION\",\"ofType\":null},"
         "\"args\":[]}]}"},
        {"{ __schema { queryType { name } mutationType { name } } }",
         "{\"queryType\":{\"name\":\"Query\"},\"mutationType\":null}"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mer_arena *a = mer_arena_create(0);
        struct mer_diag diag = {0};
        struct mer_schema *s = build(a, ok_text, NULL, &diag);
        struct mer_ast_document *doc;
        struct mer_variables vars;
        struct mer_in_error *errors;
        struct mer_buf out;
        uint32_t n;
        mer_buf_init(&out, a, 256);
        assert_int_equal(mer_parse(a, mer_slice_of(cases[i].query), MER_PARSE_EXECUTABLE, NULL, &doc, NULL),
                         MER_OK);
        assert_int_equal(mer_coerce_variables(a, s, doc->operations[0], NULL, NULL, &vars, &errors, &n),
                         MER_OK);
        assert_int_equal(
            mer_introspect_field(a, s, doc, doc->operations[0]->selections->items[0], &vars, &out), MER_OK);
        mer_assert_slice(mer_buf_slice(&out), cases[i].want);
        mer_arena_destroy(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_build), cmocka_unit_test(test_refused),    cmocka_unit_test(test_lenient),
        cmocka_unit_test(test_print), cmocka_unit_test(test_introspect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
