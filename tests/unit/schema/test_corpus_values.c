// SPDX-License-Identifier: MIT
// Recorded cases of coercion: variables of requests, literals of documents.
#include "corpus.h"

#include "schema/parser.h"
#include "schema/printer.h"
#include "schema/values.h"

// ---- variables.json ----

static bool same_messages(struct corpus_case *c, const struct mer_json_node *want,
                          const struct mer_in_error *got, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        mer_buf_printf(&c->seen, "\n    %.*s", MER_FMT(got[i].message));
    const struct mer_json_node *w = mer_json_first(&c->corpus->json, want);
    if (want->count != n)
        return false;
    for (uint32_t i = 0; i < n; i++, w = mer_json_next(&c->corpus->json, w))
        if (!mer_slice_eq(corpus_string(c, w), got[i].message))
            return false;
    return true;
}

static struct mer_slice variables_json(struct corpus_case *c, const struct mer_variables *vars)
{
    struct mer_buf b;
    bool first = true;
    mer_buf_init(&b, c->a, 64);
    mer_buf_add_char(&b, '{');
    MER_MAP_EACH(&vars->by_name, e)
    {
        mer_buf_add_cstr(&b, first ? "" : ",");
        first = false;
        mer_json_write_string(&b, e->key);
        mer_buf_add_char(&b, ':');
        mer_in_write_json(&b, e->value);
    }
    mer_buf_add_char(&b, '}');
    return mer_buf_slice(&b);
}

static bool same_as(struct corpus_case *c, struct mer_slice json, const struct mer_json_node *want)
{
    struct mer_json got;
    mer_buf_add(&c->seen, json);
    return mer_json_parse(c->a, json, NULL, &got, NULL) == MER_OK &&
           corpus_same_json(&got, mer_json_root(&got), &c->corpus->json, want);
}

static enum corpus_verdict check_variables(struct corpus_case *c)
{
    struct mer_slice definitions = corpus_text(c, "definitions");
    struct mer_slice source = mer_arena_printf(c->a, "query %.*s { x }", MER_FMT(definitions));
    struct mer_ast_document *doc;
    struct mer_variables vars;
    struct mer_in_error *errors;
    uint32_t n;
    int64_t max = 0;
    if (mer_parse(c->a, source, MER_PARSE_EXECUTABLE, NULL, &doc, NULL) != MER_OK)
        return CORPUS_FAIL;
    const struct mer_json_node *options = corpus_get(c, "options");
    const struct mer_json_node *limit =
        options ? mer_json_get(&c->corpus->json, options, MER_S("maxErrors")) : NULL;
    if (limit && !mer_json_i64(&c->corpus->json, limit, &max))
        return CORPUS_FAIL;
    struct mer_coerce_options opts = {.suggestions = true, .max_errors = (uint32_t)max};
    enum mer_err err =
        mer_coerce_variables_with(c->a, corpus_schema(c, corpus_text(c, "schema")), doc->operations[0],
                                  &c->corpus->json, corpus_get(c, "inputs"), &opts, &vars, &errors, &n);
    const struct mer_json_node *want = corpus_get(c, "errors");
    if (want)
        return err == MER_ERR_INVALID && same_messages(c, want, errors, n) ? CORPUS_PASS : CORPUS_FAIL;
    return err == MER_OK && same_as(c, variables_json(c, &vars), corpus_get(c, "coerced")) ? CORPUS_PASS
                                                                                           : CORPUS_FAIL;
}

static void test_variables(void **state)
{
    (void)state;
    corpus_run("variables", check_variables);
}

// ---- literal-values.json ----

static struct mer_in *from_json(struct mer_arena *a, const struct mer_json *j, const struct mer_json_node *n)
{
    struct mer_in *in = MER_NEW(a, struct mer_in);
    in->kind = n->type == MER_JSON_NULL    ? MER_IN_NULL
               : n->type == MER_JSON_ARRAY ? MER_IN_LIST
                                           : MER_IN_BOOLEAN;
    in->boolean = n->type == MER_JSON_TRUE;
    if (in->kind == MER_IN_LIST) {
        in->n = 1;
        in->items = MER_NEW_N(a, struct mer_in *, 1);
        in->items[0] = from_json(a, j, mer_json_first(j, n));
    }
    return in;
}

static enum corpus_verdict check_literal(struct corpus_case *c)
{
    struct mer_slice named = corpus_text(c, "named"), type = corpus_text(c, "type");
    struct mer_slice sdl =
        mer_arena_printf(c->a, "type Query { f(a: %.*s, b: Int, c: Float, d: ID, e: Boolean): String }\n%.*s",
                         MER_FMT(type), MER_FMT(named));
    struct mer_diag diag = {0};
    // These have parsers of their own in the recorded suite, in JavaScript.
    if (mer_slice_is(type, "ThrowScalar") || mer_slice_is(type, "ReturnUndefinedScalar"))
        return CORPUS_SKIP;
    struct mer_schema *s = corpus_build(c->a, sdl, true, &diag);
    struct mer_ast_value *v;
    if (!s || mer_parse_value(c->a, corpus_text(c, "literal"), false, &v, &diag) != MER_OK) {
        mer_buf_add_cstr(&c->seen, diag.msg);
        return CORPUS_FAIL;
    }
    struct mer_variables vars;
    mer_map_init(&vars.by_name, c->a);
    const struct mer_json_node *given = corpus_get(c, "variables");
    const struct mer_json_node *key = given ? mer_json_first(&c->corpus->json, given) : NULL;
    if (given && given->count)
        mer_map_put(&vars.by_name, corpus_string(c, key),
                    from_json(c->a, &c->corpus->json, mer_json_next(&c->corpus->json, key)));
    const struct mer_type_ref *ref = &s->roots[MER_OP_QUERY]->fields[0].arguments[0].type;
    struct mer_in *in = mer_coerce_literal(c->a, v, ref, &vars);
    if (corpus_true(c, "invalid"))
        return in ? CORPUS_FAIL : CORPUS_PASS;
    if (!in)
        return CORPUS_FAIL;
    if (in->kind == MER_IN_ENUM) // values behind the names are the recorded suite's own
        return mer_slice_eq(in->text, corpus_text(c, "literal")) ? CORPUS_PASS : CORPUS_FAIL;
    struct mer_buf b;
    mer_buf_init(&b, c->a, 64);
    mer_in_write_json(&b, in);
    return same_as(c, mer_buf_slice(&b), corpus_get(c, "value")) ? CORPUS_PASS : CORPUS_FAIL;
}

static void test_literals(void **state)
{
    (void)state;
    corpus_run("literal-values", check_literal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_literals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
