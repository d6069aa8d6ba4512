// SPDX-License-Identifier: MIT
// Validation and limits on operations of our own, the hostile ones among them: what the field's routers were
// brought down with must end at once.
#include "mer_test.h"

#include "base/time.h"
#include "schema/limits.h"
#include "schema/parser.h"
#include "schema/validate.h"

#include <stdlib.h>

#define HOSTILE_US 1500000 // under sanitizers, on a busy machine; built for release it is some milliseconds

static const char sdl[] = "interface N { id: ID! }"
                          " type A implements N { id: ID! x(a: Int): A y: A s: String }"
                          " type B implements N { id: ID! x: B s: Int }"
                          " union U = A | B"
                          " type Query { a: A n: N u: U list(of: [Int!]): Int secret: Int }";

struct env {
    struct mer_arena *a;
    struct mer_schema *s;
};

static struct env setup(void)
{
    struct env e = {.a = mer_arena_create(0)};
    struct mer_ast_document *doc;
    assert_int_equal(mer_parse(e.a, mer_slice_of(sdl), MER_PARSE_TYPE_SYSTEM, NULL, &doc, NULL), MER_OK);
    assert_int_equal(mer_schema_build(e.a, doc, NULL, &e.s, NULL), MER_OK);
    return e;
}

static struct mer_ast_document *parse(struct env *e, struct mer_slice text)
{
    struct mer_ast_document *doc;
    struct mer_diag diag = {0};
    if (mer_parse(e->a, text, MER_PARSE_EXECUTABLE, NULL, &doc, &diag) != MER_OK)
        fail_msg("%u:%u %s", diag.line, diag.column, diag.msg);
    return doc;
}

static void test_rules(void **state)
{
    (void)state;
    static const struct {
        const char *query, *says; // NULL: valid
    } cases[] = {
        {"{ a { id x(a: 1) { s } } n { ... on A { s } ... on B { t: s } } u { __typename } }", NULL},
        {"{ a { nope } }", "Cannot query field \"nope\" on type \"A\"."},
        {"{ a { x(a: \"1\") { s } } }", "Int cannot represent non-integer value: \"1\""},
        {"query ($v: Int) { list(of: [$v]) }",
         "Variable \"$v\" of type \"Int\" used in position expecting type \"Int!\"."},
        {"{ n { ... on A { s } ... on B { s } } }", "Fields \"s\" conflict because they return conflicting "
                                                    "types \"String\" and \"Int\". Use different aliases on "
                                                    "the fields to fetch both if this was intentional."},
        {"{ a { s: id s } }",
         "Fields \"s\" conflict because \"id\" and \"s\" are different fields. Use different "
         "aliases on the fields to fetch both if this was intentional."},
        {"{ a { ...F } } fragment F on A { y { ...F } }", "Cannot spread fragment \"F\" within itself."},
        {"{ a { ...F } } fragment F on B { id }",
         "Fragment \"F\" cannot be spread here as objects of type \"A\" can never be of type \"B\"."},
        {"{ __type(name: \"A\") { fields { type { fields { type { fields { name } } } } } } }",
         "Maximum introspection depth exceeded"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct env e = setup();
        struct mer_validation_error *errors;
        uint32_t n;
        enum mer_err err = mer_validate(e.a, e.s, parse(&e, mer_slice_of(cases[i].query)), NULL, &errors, &n);
        assert_int_equal(err, cases[i].says ? MER_ERR_INVALID : MER_OK);
        assert_int_equal(n, cases[i].says ? 1 : 0);
        if (n)
            mer_assert_slice(errors[0].message, cases[i].says);
        mer_arena_destroy(e.a);
    }
}

// A schema that has @defer, and one that has not.
static const char defers[] =
    " directive @defer(label: String, if: Boolean! = true) on FRAGMENT_SPREAD | INLINE_FRAGMENT"
    " type A { id: ID a: A } type Query { a: A } type Mutation { a: A } type Subscription { a: A }";

#define LABELS                                                                                               \
    "Value for arguments \"defer(label:)\" and \"stream(label:)\" must be unique across all Defer/Stream "   \
    "directive usages."
#define EVENTS                                                                                               \
    "Defer directive not supported on subscription operations. Disable `@defer` by setting the `if` "        \
    "argument "                                                                                              \
    "to `false`."

static void test_defer(void **state)
{
    (void)state;
    static const struct {
        const char *query, *says; // NULL: valid
    } cases[] = {
        {"{ ...@defer { a { id } } }", NULL},
        {"query ($v: Boolean!) { a { ...@defer(if: $v, label: \"x\") { id } ...F @defer(label: \"y\") } } "
         "fragment F on A { id }",
         NULL},
        {"{ a { ...@defer { id } ...@defer { a { id } } } }", NULL},
        {"{ a { ...@defer(label: \"\") { id } ...@defer(label: \"x\") { id } } }", NULL},
        {"{ a { ...@defer(label: \"x\") { id } ...@defer(label: \"x\") { id } } }", LABELS},
        {"{ a { ...@defer(label: \"\") { id } ...@defer(label: \"\") { id } } }", LABELS},
        {"query ($v: String) { a { ...@defer(label: $v) { id } } }",
         "Argument \"@defer(label:)\" must be a static string."},
        {"mutation { ...@defer { a { id } } }",
         "Defer directive cannot be used on root mutation type \"Mutation\"."},
        {"mutation { a { ...@defer { id } } }", NULL},
        {"subscription { a { ...@defer { id } } }", EVENTS},
        {"subscription { a { ...@defer(if: true) { id } } }", EVENTS},
        {"subscription { a { ...F } } fragment F on A { ...G } fragment G on A { ...@defer { id } }", EVENTS},
        {"subscription { a { ...@defer(if: false) { id } } }", NULL},
        {"subscription ($v: Boolean!) { a { ...@defer(if: $v) { id } } }", NULL},
        {"subscription { ...@defer(if: false) { a { id } } }",
         "Defer directive cannot be used on root subscription type \"Subscription\"."},
        {"{ a @defer { id } }", "Directive \"@defer\" may not be used on FIELD."},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct env e = {.a = mer_arena_create(0)};
        struct mer_ast_document *doc;
        struct mer_validation_error *errors;
        uint32_t n;
        assert_int_equal(mer_parse(e.a, mer_slice_of(defers), MER_PARSE_TYPE_SYSTEM, NULL, &doc, NULL),
                         MER_OK);
        assert_int_equal(mer_schema_build(e.a, doc, NULL, &e.s, NULL), MER_OK);
        enum mer_err err = mer_validate(e.a, e.s, parse(&e, mer_slice_of(cases[i].query)), NULL, &errors, &n);
        assert_int_equal(err, cases[i].says ? MER_ERR_INVALID : MER_OK);
        assert_int_equal(n, cases[i].says ? 1 : 0);
        if (n)
            mer_assert_slice(errors[0].message, cases[i].says);
        mer_arena_destroy(e.a);
    }
    struct env e = setup();
    struct mer_validation_error *errors;
    uint32_t n;
    assert_int_equal(
        mer_validate(e.a, e.s, parse(&e, MER_S("{ a { ...@defer { id } } }")), NULL, &errors, &n),
        MER_ERR_INVALID);
    mer_assert_slice(errors[0].message, "Unknown directive \"@defer\".");
    mer_arena_destroy(e.a);
}

static void test_suggestions_are_off(void **state)
{
    (void)state;
    struct env e = setup();
    struct mer_validation_error *errors;
    uint32_t n;
    struct mer_validate_options on = {.suggestions = true};
    struct mer_ast_document *doc = parse(&e, MER_S("{ secre }"));
    assert_int_equal(mer_validate(e.a, e.s, doc, NULL, &errors, &n), MER_ERR_INVALID);
    mer_assert_slice(errors[0].message, "Cannot query field \"secre\" on type \"Query\".");
    assert_int_equal(mer_validate(e.a, e.s, doc, &on, &errors, &n), MER_ERR_INVALID);
    mer_assert_slice(errors[0].message,
                     "Cannot query field \"secre\" on type \"Query\". Did you mean \"secret\"?");
    mer_arena_destroy(e.a);
}

static void test_max_errors(void **state)
{
    (void)state;
    struct env e = setup();
    struct mer_validation_error *errors;
    uint32_t n;
    struct mer_validate_options options = {.max_errors = 2};
    assert_int_equal(mer_validate(e.a, e.s, parse(&e, MER_S("{ b c d e }")), &options, &errors, &n),
                     MER_ERR_INVALID);
    assert_int_equal(n, 3);
    mer_assert_slice(errors[2].message,
                     "Too many validation errors, error limit reached. Validation aborted.");
    mer_arena_destroy(e.a);
}

// ---- hostile documents ----

static void add_doubling(struct mer_buf *b, uint32_t n)
{
    mer_buf_add_cstr(b, "{ a { ...F0 } }");
    for (uint32_t i = 0; i < n; i++)
        mer_buf_printf(b, " fragment F%u on A { x { ...F%u } y { ...F%u } }", i, i + 1, i + 1);
    mer_buf_printf(b, " fragment F%u on A { id }", n);
}

static void add_chain(struct mer_buf *b, uint32_t n)
{
    mer_buf_add_cstr(b, "{ a { ...F0 } }");
    for (uint32_t i = 0; i < n; i++)
        mer_buf_printf(b, " fragment F%u on A { ...F%u }", i, i + 1);
    mer_buf_printf(b, " fragment F%u on A { id }", n);
}

static void add_same_field(struct mer_buf *b, uint32_t n)
{
    mer_buf_add_cstr(b, "{");
    for (uint32_t i = 0; i < n; i++)
        mer_buf_add_cstr(b, " a { x { s } }");
    mer_buf_add_cstr(b, " }");
}

static void add_everyone_spreads_everyone(struct mer_buf *b, uint32_t n)
{
    mer_buf_add_cstr(b, "{ a { ...F0 } }");
    for (uint32_t i = 0; i < n; i++) {
        mer_buf_printf(b, " fragment F%u on A { x {", i);
        for (uint32_t j = 0; j < n; j++)
            mer_buf_printf(b, " ...F%u", j);
        mer_buf_add_cstr(b, " } }");
    }
}

static void add_conflicts(struct mer_buf *b, uint32_t n)
{
    mer_buf_add_cstr(b, "{ a {");
    for (uint32_t i = 0; i < n; i++)
        mer_buf_printf(b, " x(a: %u) { s }", i);
    mer_buf_add_cstr(b, " } }");
}

static void test_hostile(void **state)
{
    (void)state;
    static const struct {
        void (*add)(struct mer_buf *b, uint32_t n);
        uint32_t n;
        enum mer_err err;
    } cases[] = {
        {add_doubling, 60, MER_OK},
        {add_chain, 1500, MER_OK},
        {add_same_field, 1200, MER_OK},
        {add_everyone_spreads_everyone, 60, MER_ERR_INVALID},
        {add_conflicts, 1500, MER_ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct env e = setup();
        struct mer_validation_error *errors;
        struct mer_limit_counts counts;
        uint32_t n;
        struct mer_buf b;
        mer_buf_init(&b, e.a, 1 << 16);
        cases[i].add(&b, cases[i].n);
        struct mer_ast_document *doc = parse(&e, mer_buf_slice(&b));
        int64_t start = mer_time_mono_us();
        mer_limits_count(e.a, doc, doc->operations[0], &counts);
        enum mer_err err = mer_validate(e.a, e.s, doc, NULL, &errors, &n);
        int64_t took = mer_time_mono_us() - start;
        if (err != cases[i].err)
            fail_msg("case %zu: %d", i, err);
        if (getenv("MER_SHOW_TIMES"))
            print_message("case %zu: %lld us\n", i, (long long)took);
        if (took > HOSTILE_US)
            fail_msg("case %zu took %lld us", i, (long long)took);
        mer_arena_destroy(e.a);
    }
}

// ---- limits ----

static void test_counts(void **state)
{
    (void)state;
    struct env e = setup();
    struct mer_limit_counts c;
    struct mer_ast_document *doc =
        parse(&e, MER_S("query @x { a { b: id ...F @y ... { c: s } } list(of: [1, 2, 3]) ...G __schema { "
                        "types { name } } }"
                        " fragment F on A { x { y { d: id } } } fragment G on Query { e: secret @z }"));
    mer_limits_count(e.a, doc, doc->operations[0], &c);
    assert_int_equal(c.depth, 4);
    assert_int_equal(c.introspection_depth, 3);
    assert_int_equal(c.aliases, 4);
    assert_int_equal(c.root_fields, 4);
    assert_int_equal(c.directives, 3);
    assert_int_equal(c.fragments, 2);
    assert_int_equal(c.list_items, 3);
    assert_int_equal(c.expanded_selections, 14);
    mer_arena_destroy(e.a);
}

static void test_at_the_limit(void **state)
{
    (void)state;
    struct env e = setup();
    struct mer_limit_breach b;
    struct mer_ast_document *doc = parse(&e, MER_S("{ a { x { s } } }"));
    struct mer_limits at = {.depth = 3, .expanded_selections = 3, .root_fields = 1}, below = {.depth = 2};
    assert_int_equal(mer_limits_check(e.a, doc, doc->operations[0], &at, &b), MER_OK);
    assert_int_equal(mer_limits_check(e.a, doc, doc->operations[0], &below, &b), MER_ERR_LIMIT);
    assert_string_equal(b.limit, "depth");
    assert_int_equal(b.value, 3);
    assert_int_equal(b.max, 2);
    mer_arena_destroy(e.a);
}

// Each limit one below what the query has: refused by its name, with the figure, at the selection that was
// one too many. At the figure itself: taken.
static void test_refusals_tell_limit_value_and_place(void **state)
{
    (void)state;
#define LIMIT(field) offsetof(struct mer_limits, field)
    static const struct {
        size_t limit;
        const char *name, *query;
        uint32_t value, line, column;
    } cases[] = {
        {LIMIT(depth), "depth", "{ secret a {\n x { s } } }", 3, 2, 6},
        {LIMIT(depth), "depth", "{ a { ...F } }\nfragment F on A { x { y {\n id } } }", 4, 3, 2},
        {LIMIT(depth), "depth", "{ a { ... { ... on A { x {\n s } } } } }", 3, 2, 2},
        {LIMIT(introspection_depth), "introspectionDepth", "{ a { x { s } } __schema { types {\n name } } }",
         3, 2, 2},
        {LIMIT(aliases), "aliases", "{ b: secret a { c: id x {\n d: id } } }", 3, 2, 2},
        {LIMIT(aliases), "aliases", "{ a { ...F ...F } }\nfragment F on A { b: id c: s }", 4, 2, 25},
        {LIMIT(aliases), "aliases", "{ a {\n b: x { c: id } } }", 2, 2, 9},
        {LIMIT(root_fields), "rootFields", "{ a { id } ...F }\nfragment F on Query { secret\n n { id } }", 3,
         3, 2},
        {LIMIT(directives), "directives", "{ secret @x a {\n id @y } }", 2, 2, 2},
        {LIMIT(directives), "directives", "{ secret @x ...F\n @y } fragment F on Query { n { id } }", 2, 1,
         13},
        {LIMIT(directives), "directives", "query\n @x @y { secret }", 2, 1, 1},
        {LIMIT(fragments), "fragments",
         "{ ...F }\nfragment F on Query { secret }\nfragment G on Query { secret }", 2, 3, 1},
        {LIMIT(expanded_selections), "expandedSelections", "{ a { id\n s } }", 3, 2, 2},
        {LIMIT(expanded_selections), "expandedSelections", "{ a { ...F ...F } }\nfragment F on A { id\n s }",
         7, 3, 2},
        {LIMIT(list_items), "listArgument", "{ list(of: [1])\n b: list(of: [1, 2, 3]) }", 3, 2, 2},
        {LIMIT(list_items), "listArgument", "query($v: [Int!] = [1, 2])\n{ list(of: $v) }", 2, 1, 1},
        // Circles are no operation, but they are counted before that is said.
        {LIMIT(aliases), "aliases", "{ ...F }\nfragment F on Query {\n ...F b: secret c: secret }", 2, 3, 17},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct env e = setup();
        struct mer_ast_document *doc = parse(&e, mer_slice_of(cases[i].query));
        struct mer_limits limits = {0};
        struct mer_limit_breach b;
        uint32_t *limit = (uint32_t *)(void *)((char *)&limits + cases[i].limit);
        *limit = cases[i].value;
        if (mer_limits_check(e.a, doc, doc->operations[0], &limits, &b) != MER_OK)
            fail_msg("case %zu: %s at its limit", i, b.limit);
        *limit = cases[i].value - 1;
        if (mer_limits_check(e.a, doc, doc->operations[0], &limits, &b) != MER_ERR_LIMIT)
            fail_msg("case %zu was taken", i);
        if (b.value != cases[i].value || b.max != *limit || b.loc.line != cases[i].line ||
            b.loc.column != cases[i].column || strcmp(b.limit, cases[i].name) != 0)
            fail_msg("case %zu: %s %llu of %llu at %u:%u", i, b.limit, (unsigned long long)b.value,
                     (unsigned long long)b.max, b.loc.line, b.loc.column);
        mer_arena_destroy(e.a);
    }
}

// What the edition of September 2025 says and graphql-js 16 does not.
static void test_the_edition_of_september_2025(void **state)
{
    (void)state;
    static const char own[] = "type Query { f(in: One): Int }\n"
                              "type Subscription { a: Int b: Int }\n"
                              "input One @oneOf { a: Int b: String }";
    static const struct {
        const char *query, *says; // NULL: valid
    } cases[] = {
        {"mutation { f }", "The mutation operation is not supported by the schema."},
        {"subscription { a @skip(if: true) }", "Anonymous Subscription must not use `@skip` or `@include` "
                                               "directives in the top level selection."},
        {"subscription S($v: Boolean!) { ... @include(if: $v) { a } b }",
         "Subscription \"S\" must not use `@skip` or `@include` directives in the top level selection."},
        {"subscription S($v: Boolean!) { ...F } fragment F on Subscription { a @skip(if: $v) }",
         "Subscription \"S\" must not use `@skip` or `@include` directives in the top level selection."},
        {"subscription { a }", NULL},
        {"query($v: Int!) { f(in: {a: $v}) }", NULL},
        {"query($v: Int = 1) { f(in: {a: $v}) }", NULL},
        {"query($v: Int = null) { f(in: {a: $v}) }",
         "Variable \"v\" must be non-nullable to be used for OneOf Input Object \"One\"."},
        {"query($v: Int) { f(in: {a: $v}) }",
         "Variable \"v\" must be non-nullable to be used for OneOf Input Object \"One\"."},
        {"\"\"\" what it is for \"\"\" query Q(\"which\" $v: Int!) { ...F } \"a part\" fragment F on Query { "
         "f(in: "
         "{a: $v}) }",
         NULL},
    };
    struct mer_arena *a = mer_arena_create(0);
    struct mer_ast_document *doc;
    struct env e = {.a = a};
    assert_int_equal(mer_parse(a, mer_slice_of(own), MER_PARSE_TYPE_SYSTEM, NULL, &doc, NULL), MER_OK);
    assert_int_equal(mer_schema_build(a, doc, NULL, &e.s, NULL), MER_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mer_validation_error *errors;
        uint32_t n;
        doc = parse(&e, mer_slice_of(cases[i].query));
        enum mer_err err = mer_validate(a, e.s, doc, NULL, &errors, &n);
        if (err != (cases[i].says ? MER_ERR_INVALID : MER_OK) ||
            (n && !mer_slice_is(errors[0].message, cases[i].says)))
            fail_msg("%s: %.*s", cases[i].query, n ? (int)errors[0].message.n : 5,
                     n ? errors[0].message.p : "valid");
    }
    mer_arena_destroy(a);
}

static void test_doubling_saturates(void **state)
{
    (void)state;
    struct env e = setup();
    struct mer_limit_counts c;
    struct mer_buf b;
    mer_buf_init(&b, e.a, 1 << 12);
    add_doubling(&b, 90);
    struct mer_ast_document *doc = parse(&e, mer_buf_slice(&b));
    mer_limits_count(e.a, doc, doc->operations[0], &c);
    assert_true(c.expanded_selections == UINT32_MAX);
    assert_int_equal(c.depth, 92);
    mer_arena_destroy(e.a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_defer),
        cmocka_unit_test(test_suggestions_are_off),
        cmocka_unit_test(test_max_errors),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_at_the_limit),
        cmocka_unit_test(test_refusals_tell_limit_value_and_place),
        cmocka_unit_test(test_the_edition_of_september_2025),
        cmocka_unit_test(test_doubling_saturates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
