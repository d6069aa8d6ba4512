// SPDX-License-Identifier: MIT
#include "mer_test.h"

#include "schema/parser.h"
#include "schema/values.h"

static const char sdl[] =
    "enum E { X Y } scalar Any input In { a: Int! = 3 b: [In!] c: E d: Any }"
    " input One @oneOf { a: Int b: String } input Loop { a: Loop = {} b: Int = 1 }"
    " type Query { f(i: In, l: [[Int]], any: Any, id: ID, n: Int! = 7, o: One, loop: Loop): Int }";

struct env {
    struct mer_arena *a;
    struct mer_schema *s;
    const struct mer_field *f;
};

static struct env setup(void)
{
    struct env e = {.a = mer_arena_create(0)};
    struct mer_ast_document *doc;
    struct mer_schema_options options = {.assume_valid = true};
    assert_int_equal(mer_parse(e.a, mer_slice_of(sdl), MER_PARSE_TYPE_SYSTEM, NULL, &doc, NULL), MER_OK);
    assert_int_equal(mer_schema_build(e.a, doc, &options, &e.s, NULL), MER_OK);
    e.f = &e.s->roots[MER_OP_QUERY]->fields[0];
    return e;
}

// What the arguments of `query` are with the variables given, as one line of JSON: [i,l,any,id,n,o,loop].
static struct mer_slice arguments(struct env *e, const char *query, const char *variables)
{
    struct mer_ast_document *doc;
    struct mer_json json;
    struct mer_variables vars;
    struct mer_in_error *errors, error;
    uint32_t n;
    struct mer_in **in;
    struct mer_buf b;
    assert_int_equal(mer_parse(e->a, mer_slice_of(query), MER_PARSE_EXECUTABLE, NULL, &doc, NULL), MER_OK);
    assert_int_equal(mer_json_parse(e->a, mer_slice_of(variables), NULL, &json, NULL), MER_OK);
    if (mer_coerce_variables(e->a, e->s, doc->operations[0], &json, mer_json_root(&json), &vars, &errors,
                             &n) != MER_OK)
        return errors[0].message;
    const struct mer_ast_selection *sel = doc->operations[0]->selections->items[0];
    if (mer_coerce_arguments(e->a, e->s, e->f->arguments, e->f->arguments_n, sel->arguments, sel->arguments_n,
                             &vars, &in, &error) != MER_OK)
        return error.message;
    mer_buf_init(&b, e->a, 64);
    for (uint32_t i = 0; i < e->f->arguments_n; i++) {
        mer_buf_add_cstr(&b, i ? " " : "");
        if (in[i])
            mer_in_write_json(&b, in[i]);
        else
            mer_buf_add_char(&b, '-');
    }
    return mer_buf_slice(&b);
}

static void test_arguments(void **state)
{
    (void)state;
    static const struct {
        const char *query, *variables, *want;
    } cases[] = {
        {"{ f }", "{}", "- - - - 7 - -"},
        {"{ f(i: {b: [{a: 1}, {}], c: X}) }", "{}",
         "{\"a\":3,\"b\":[{\"a\":1},{\"a\":3}],\"c\":\"X\"} - - - 7 - -"},
        {"{ f(l: 1) }", "{}", "- [[1]] - - 7 - -"},
        {"query ($i: In) { f(i: $i) }", "{\"i\": {\"d\": {\"x\": [1.50, 12345678901234567890]}}}",
         "{\"a\":3,\"d\":{\"x\": [1.50, 12345678901234567890]}} - - - 7 - -"},
        {"query ($v: Int) { f(any: {x: $v, y: \"z\"}, l: [[$v]]) }", "{}",
         "- [[null]] {\"x\":null,\"y\":\"z\"} - 7 - -"},
        {"query ($id: ID) { f(id: $id) }", "{\"id\": 12}", "- - - \"12\" 7 - -"},
        {"query ($n: Int) { f(n: $n) }", "{}", "- - - - 7 - -"},
        {"query ($n: Int) { f(n: $n) }", "{\"n\": null}",
         "Argument \"n\" of non-null type \"Int!\" must not be null."},
        {"query ($n: Int) { f(n: $n) }", "{\"n\": 1e3}", "- - - - 1000 - -"},
        {"query ($n: Int) { f(n: $n) }", "{\"n\": 2147483648}",
         "Variable \"$n\" got invalid value 2147483648; Int cannot represent non 32-bit signed integer "
         "value: 2147483648"},
        {"query ($o: One) { f(o: $o) }", "{\"o\": {\"a\": 1}}", "- - - - 7 {\"a\":1} -"},
        {"query ($o: One) { f(o: $o) }", "{\"o\": {}}",
         "Variable \"$o\" got invalid value {}; Exactly one key must be specified for OneOf type \"One\"."},
        {"query ($i: In) { f(i: $i) }", "{\"i\": {\"cc\": 1}}",
         "Variable \"$i\" got invalid value { cc: 1 }; Field \"cc\" is not defined by type \"In\"."},
        {"{ f(loop: {}) }", "{}",
         "Argument \"loop\" has invalid value {}."}, // a default that contains itself
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct env e = setup();
        mer_assert_slice(arguments(&e, cases[i].query, cases[i].variables), cases[i].want);
        mer_arena_destroy(e.a);
    }
}

static void test_list_limit(void **state)
{
    (void)state;
    struct env e = setup();
    struct mer_ast_document *doc;
    struct mer_json json;
    struct mer_variables vars;
    struct mer_in_error *errors;
    uint32_t n;
    struct mer_coerce_options at = {.list_items = 3}, below = {.list_items = 2};
    assert_int_equal(
        mer_parse(e.a, MER_S("query ($l: [Int]) { f(l: $l) }"), MER_PARSE_EXECUTABLE, NULL, &doc, NULL),
        MER_OK);
    assert_int_equal(mer_json_parse(e.a, MER_S("{\"l\": [1, 2, 3]}"), NULL, &json, NULL), MER_OK);
    const struct mer_ast_operation *op = doc->operations[0];
    assert_int_equal(
        mer_coerce_variables_with(e.a, e.s, op, &json, mer_json_root(&json), &at, &vars, &errors, &n),
        MER_OK);
    assert_int_equal(
        mer_coerce_variables_with(e.a, e.s, op, &json, mer_json_root(&json), &below, &vars, &errors, &n),
        MER_ERR_LIMIT);
    mer_arena_destroy(e.a);
}

static void test_graphql_text(void **state)
{
    (void)state;
    struct env e = setup();
    struct mer_ast_value *v;
    struct mer_buf b;
    mer_buf_init(&b, e.a, 64);
    assert_int_equal(
        mer_parse_value(e.a, MER_S("{b: [], c: Y, d: {k: [\"a\\nb\", null, true]}}"), true, &v, NULL),
        MER_OK);
    const struct mer_in *in = mer_coerce_literal(e.a, v, &e.f->arguments[0].type, NULL);
    assert_non_null(in);
    mer_in_write_graphql(&b, in);
    mer_assert_slice(mer_buf_slice(&b), "{a: 3, b: [], c: Y, d: {k:[\"a\\nb\",null,true]}}");
    mer_arena_destroy(e.a);
}

static void test_kept(void **state)
{
    (void)state;
    struct env e = setup();
    struct mer_ast_document *doc;
    struct mer_variables vars;
    struct mer_in yes = {.kind = MER_IN_BOOLEAN, .boolean = true};
    static const bool want[] = {true, false, true, false, false, true};
    assert_int_equal(mer_parse(e.a,
                               MER_S("{ a b @skip(if: true) c @skip(if: false) d @include(if: false)"
                                     " e @skip(if: $y) @include(if: true) f @include(if: $y) }"),
                               MER_PARSE_EXECUTABLE, NULL, &doc, NULL),
                     MER_OK);
    mer_map_init(&vars.by_name, e.a);
    mer_map_put(&vars.by_name, MER_S("y"), &yes);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(mer_selection_kept(&doc->operations[0]->selections->items[i]->directives, &vars),
                         want[i]);
    mer_arena_destroy(e.a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_list_limit),
        cmocka_unit_test(test_graphql_text),
        cmocka_unit_test(test_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
