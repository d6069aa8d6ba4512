// SPDX-License-Identifier: MIT
#include "mer_test.h"

#include "schema/parser.h"
#include "schema/printer.h"

static struct mer_slice parse_print(struct mer_arena *a, const char *text, struct mer_diag *diag)
{
    struct mer_ast_document *doc;
    struct mer_buf b;
    if (mer_parse(a, mer_slice_of(text), MER_PARSE_ANY, NULL, &doc, diag) != MER_OK)
        return MER_NIL;
    mer_buf_init(&b, a, 64);
    mer_print_document(&b, doc);
    return mer_buf_slice(&b);
}

static void test_reads(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"{a,b:c(x:-1.5e3 y:[true null E \"\\u{1F600}\"])}",
         "{\n  a\n  b: c(x: -1.5e3, y: [true, null, E, \"\xF0\x9F\x98\x80\"])\n}"},
        {"\xEF\xBB\xBF# c\r\nquery Q(\"d\" $a:[Int!]!=[1]@x)@y{...F@z ...on T{a}...{b}}fragment F on T{a}",
         "query Q(\n  \"d\"\n  $a: [Int!]! = [1] @x\n) @y {\n  ...F @z\n  ... on T {\n    a\n  }\n  ... {\n  "
         "  b\n  }\n}\n\n"
         "fragment F on T {\n  a\n}"},
        {"\"\"\"about\"\"\" query { y } \"f\" fragment F on T { a }",
         "\"\"\"about\"\"\"\nquery {\n  y\n}\n\n\"f\"\nfragment F on T {\n  a\n}"},
        {"extend schema @link directive @d(a:Int=1)repeatable on|FIELD|QUERY",
         "extend schema @link\n\ndirective @d(a: Int = 1) repeatable on FIELD | QUERY"},
        {"interface I implements J&K @x{f(a:In={b:1}):[S!]}union U=|A|B input In@oneOf{a:Int}enum E{A@x B}",
         "interface I implements J & K @x {\n  f(a: In = {b: 1}): [S!]\n}\n\nunion U = A | B\n\ninput In "
         "@oneOf {\n  "
         "a: Int\n}\n\nenum E {\n  A @x\n  B\n}"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mer_arena *a = mer_arena_create(0);
        struct mer_diag diag = {0};
        mer_assert_slice(parse_print(a, cases[i].in, &diag), cases[i].out);
        mer_arena_destroy(a);
    }
}

static void test_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *in, *says;
        uint32_t line, column;
    } cases[] = {
        {"{", "Syntax Error: Expected Name, found <EOF>.", 1, 2},
        {"{ a }\n}", "Syntax Error: Unexpected \"}\".", 2, 1},
        {"{ \xF0\x9F\x98\x80 }", "Syntax Error: Unexpected character: U+1F600.", 1, 3},
        {"{ a(b: \"\xF0\x9F\x98\x80\" c: ~) }", "Syntax Error: Unexpected character: \"~\".", 1, 16},
        {"{ a(b: \"\xFF\") }", "Syntax Error: Invalid character within String: 0xFF.", 1, 9},
        {"{ a(b: 01) }", "Syntax Error: Invalid number, unexpected digit after 0: \"1\".", 1, 9},
        {"{ a(b: \"\\uD800\") }", "Syntax Error: Invalid Unicode escape sequence: \"\\uD800\".", 1, 9},
        {"query ($a: Int = $b) { a }", "Syntax Error: Unexpected variable \"$b\" in constant value.", 1, 18},
        {"\"d\" { a }",
         "Syntax Error: Unexpected description, descriptions are not supported on shorthand queries.", 1, 1},
        {"directive @a on NOWHERE", "Syntax Error: Unexpected Name \"NOWHERE\".", 1, 17},
        {"", "Syntax Error: Unexpected <EOF>.", 1, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mer_arena *a = mer_arena_create(0);
        struct mer_diag diag = {0};
        assert_null(parse_print(a, cases[i].in, &diag).p);
        assert_string_equal(diag.msg, cases[i].says);
        assert_int_equal(diag.line, cases[i].line);
        assert_int_equal(diag.column, cases[i].column);
        mer_arena_destroy(a);
    }
}

static enum mer_err parse_limited(const char *text, enum mer_parse_what what, uint32_t tokens, uint32_t depth)
{
    struct mer_arena *a = mer_arena_create(0);
    struct mer_parse_limits limits = {.max_tokens = tokens, .max_depth = depth};
    struct mer_ast_document *doc;
    enum mer_err err = mer_parse(a, mer_slice_of(text), what, &limits, &doc, NULL);
    mer_arena_destroy(a);
    return err;
}

static void test_limits(void **state)
{
    (void)state;
    assert_int_equal(parse_limited("{ a { b } }", MER_PARSE_ANY, 6, 2), MER_OK);
    assert_int_equal(parse_limited("{ a { b } }", MER_PARSE_ANY, 5, 2), MER_ERR_LIMIT);
    assert_int_equal(parse_limited("{ a { b } }", MER_PARSE_ANY, 6, 1), MER_ERR_LIMIT);
    assert_int_equal(parse_limited("{ a(x: [[1]]) }", MER_PARSE_ANY, 0, 3), MER_OK);
    assert_int_equal(parse_limited("{ a(x: [[1]]) }", MER_PARSE_ANY, 0, 2), MER_ERR_LIMIT);
    assert_int_equal(parse_limited("type A { a: Int }", MER_PARSE_EXECUTABLE, 0, 0), MER_ERR_INVALID);
    assert_int_equal(parse_limited("{ a }", MER_PARSE_TYPE_SYSTEM, 0, 0), MER_ERR_INVALID);
}

static void test_arena_cap(void **state)
{
    (void)state;
    struct mer_buf b;
    mer_buf_init(&b, NULL, 0);
    mer_buf_add_char(&b, '{');
    for (int i = 0; i < 20000; i++)
        mer_buf_add_cstr(&b, "a ");
    mer_buf_add_char(&b, '}');
    struct mer_arena *a = mer_arena_create(64 << 10);
    struct mer_ast_document *doc;
    assert_int_equal(mer_parse(a, mer_buf_slice(&b), MER_PARSE_ANY, NULL, &doc, NULL), MER_ERR_LIMIT);
    mer_arena_destroy(a);
    mer_buf_fini(&b);
}

static void test_field_set(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    struct mer_ast_selection_set *set;
    struct mer_buf b;
    mer_buf_init(&b, a, 64);
    assert_int_equal(mer_parse_field_set(a, MER_S("id org { id, name } ... on T { x }"), &set, NULL), MER_OK);
    mer_print_field_set_min(&b, set);
    mer_assert_slice(mer_buf_slice(&b), "id org{id name}...on T{x}");
    assert_int_equal(mer_parse_field_set(a, MER_S("{ id }"), &set, NULL), MER_OK);
    assert_int_equal(mer_parse_field_set(a, MER_S("id }"), &set, NULL), MER_ERR_INVALID);
    assert_int_equal(mer_parse_field_set(a, MER_S(""), &set, NULL), MER_ERR_INVALID);
    mer_arena_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),     cmocka_unit_test(test_refuses),   cmocka_unit_test(test_limits),
        cmocka_unit_test(test_arena_cap), cmocka_unit_test(test_field_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
