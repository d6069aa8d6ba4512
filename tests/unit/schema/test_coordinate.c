// SPDX-License-Identifier: MIT
// Schema coordinates: read, found, printed, refused in the words of graphql-js 16.15.
#include "mer_test.h"

#include "schema/parser.h"
#include "schema/printer.h"

static const char sdl[] = "directive @tag(name: String!) on FIELD_DEFINITION\n"
                          "interface Face { f(x: Int): Int }\n"
                          "type Query implements Face { f(x: Int, \"how many\" y: [Int!] = [1]): Int }\n"
                          "union U = Query\n"
                          "enum E { A B @deprecated }\n"
                          "input In { a: Int = 3 }\n"
                          "scalar S @specifiedBy(url: \"u\")";

static const struct {
    const char *coordinate, *found, *says;
    enum mer_err err;
    uint32_t column;
} cases[] = {
    {"E", "enum E {\n  A\n  B @deprecated\n}", NULL, MER_OK, 0},
    {"S", "scalar S @specifiedBy(url: \"u\")", NULL, MER_OK, 0},
    {"Int", "scalar Int", "", MER_OK, 0},
    {"E.B", "B @deprecated", NULL, MER_OK, 0},
    {"In.a", "a: Int = 3", NULL, MER_OK, 0},
    {"Face.f", "f(x: Int): Int", NULL, MER_OK, 0},
    {"Query.f(x:)", "x: Int", NULL, MER_OK, 0},
    {"Query.f(y:)", "\"\"\"how many\"\"\"\ny: [Int!] = [1]", NULL, MER_OK, 0},
    {"@tag", "directive @tag(name: String!) on FIELD_DEFINITION", NULL, MER_OK, 0},
    {"@tag(name:)", "name: String!", NULL, MER_OK, 0},
    {"Nope", NULL, "The schema has no Nope.", MER_ERR_NOT_FOUND, 0},
    {"E.C", NULL, "The schema has no E.C.", MER_ERR_NOT_FOUND, 0},
    {"Query.g", NULL, "The schema has no Query.g.", MER_ERR_NOT_FOUND, 0},
    {"Query.__typename", NULL, "The schema has no Query.__typename.", MER_ERR_NOT_FOUND, 0},
    {"Query.f(z:)", NULL, "The schema has no Query.f(z:).", MER_ERR_NOT_FOUND, 0},
    {"@nope", NULL, "The schema has no @nope.", MER_ERR_NOT_FOUND, 0},
    {"@tag(x:)", NULL, "The schema has no @tag(x:).", MER_ERR_NOT_FOUND, 0},
    {"Nope.x", NULL, "Expected \"Nope\" to be defined as a type in the schema.", MER_ERR_INVALID, 0},
    {"U.x", NULL, "Expected \"U\" to be an Enum, Input Object, Object or Interface type.", MER_ERR_INVALID,
     0},
    {"E.A(x:)", NULL, "Expected \"E\" to be an object type or interface type.", MER_ERR_INVALID, 0},
    {"Query.g(x:)", NULL, "Expected \"g\" to exist as a field of type \"Query\" in the schema.",
     MER_ERR_INVALID, 0},
    {"@nope(x:)", NULL, "Expected \"nope\" to be defined as a directive in the schema.", MER_ERR_INVALID, 0},
    {"", NULL, "Syntax Error: Expected Name, found <EOF>.", MER_ERR_INVALID, 1},
    {"@", NULL, "Syntax Error: Expected Name, found <EOF>.", MER_ERR_INVALID, 2},
    {"A.", NULL, "Syntax Error: Expected Name, found <EOF>.", MER_ERR_INVALID, 3},
    {"A.b.c", NULL, "Syntax Error: Expected <EOF>, found \".\".", MER_ERR_INVALID, 4},
    {"A(b:)", NULL, "Syntax Error: Expected <EOF>, found \"(\".", MER_ERR_INVALID, 2},
    {"A.b(c", NULL, "Syntax Error: Expected \":\", found <EOF>.", MER_ERR_INVALID, 6},
    {"A.b(c:", NULL, "Syntax Error: Expected \")\", found <EOF>.", MER_ERR_INVALID, 7},
    {"A.b(c:)d", NULL, "Syntax Error: Expected <EOF>, found Name \"d\".", MER_ERR_INVALID, 8},
    {"@a.b", NULL, "Syntax Error: Expected <EOF>, found \".\".", MER_ERR_INVALID, 3},
    {"@@a", NULL, "Syntax Error: Expected Name, found \"@\".", MER_ERR_INVALID, 2},
    {" A", NULL, "Syntax Error: Invalid character: \" \".", MER_ERR_INVALID, 1},
    {"A. b", NULL, "Syntax Error: Invalid character: \" \".", MER_ERR_INVALID, 3},
    {"A.b(c: )", NULL, "Syntax Error: Invalid character: \" \".", MER_ERR_INVALID, 7},
    {"A\n", NULL, "Syntax Error: Invalid character: U+000A.", MER_ERR_INVALID, 2},
    {"A,b", NULL, "Syntax Error: Invalid character: \",\".", MER_ERR_INVALID, 2},
    {"\xC3\xA9", NULL, "Syntax Error: Invalid character: U+00E9.", MER_ERR_INVALID, 1},
    {"\"a\"", NULL, "Syntax Error: Invalid character: '\"'.", MER_ERR_INVALID, 1},
    {"1a", NULL, "Syntax Error: Invalid character: \"1\".", MER_ERR_INVALID, 1},
};

static void test_cases(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    struct mer_ast_document *doc;
    struct mer_schema *s;
    assert_int_equal(mer_parse(a, mer_slice_of(sdl), MER_PARSE_TYPE_SYSTEM, NULL, &doc, NULL), MER_OK);
    assert_int_equal(mer_schema_build(a, doc, NULL, &s, NULL), MER_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mer_coordinate c;
        struct mer_schema_element e;
        struct mer_diag d = {0};
        struct mer_buf b, again;
        mer_buf_init(&b, a, 64);
        mer_buf_init(&again, a, 64);
        // A heap block of exactly its length: a sanitizer sees every read past it.
        struct mer_slice text = mer_arena_copy(a, mer_slice_of(cases[i].coordinate));
        enum mer_err err = mer_coordinate_parse(text, &c, &d);
        bool read = err == MER_OK;
        if (read) {
            mer_coordinate_print(&again, &c);
            mer_assert_slice(mer_buf_slice(&again), cases[i].coordinate);
            err = mer_coordinate_resolve(s, &c, &e, &d);
        }
        if (err == MER_OK) {
            mer_print_schema_element(&b, &e);
            if (!cases[i].says || cases[i].says[0])
                mer_assert_slice(mer_buf_slice(&b), cases[i].found);
        } else if (strcmp(d.msg, cases[i].says ? cases[i].says : "") != 0) {
            fail_msg("%s: %s", cases[i].coordinate, d.msg);
        }
        if (err != cases[i].err || (!read && (d.line != 1 || d.column != cases[i].column)))
            fail_msg("%s: %d at %u", cases[i].coordinate, err, d.column);
    }
    mer_arena_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
