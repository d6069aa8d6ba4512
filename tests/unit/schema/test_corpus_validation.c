// SPDX-License-Identifier: MIT
// Recorded cases of validation: by one rule alone, then by all rules of the specification.
#include "corpus.h"

#include "schema/parser.h"

static const char *const rule_names[] = {
    "ExecutableDefinitionsRule",
    "UniqueOperationNamesRule",
    "LoneAnonymousOperationRule",
    "SingleFieldSubscriptionsRule",
    "KnownTypeNamesRule",
    "FragmentsOnCompositeTypesRule",
    "VariablesAreInputTypesRule",
    "ScalarLeafsRule",
    "FieldsOnCorrectTypeRule",
    "UniqueFragmentNamesRule",
    "KnownFragmentNamesRule",
    "NoUnusedFragmentsRule",
    "PossibleFragmentSpreadsRule",
    "NoFragmentCyclesRule",
    "UniqueVariableNamesRule",
    "NoUndefinedVariablesRule",
    "NoUnusedVariablesRule",
    "KnownDirectivesRule",
    "UniqueDirectivesPerLocationRule",
    "KnownArgumentNamesRule",
    "UniqueArgumentNamesRule",
    "ValuesOfCorrectTypeRule",
    "ProvidedRequiredArgumentsRule",
    "VariablesInAllowedPositionRule",
    "OverlappingFieldsCanBeMergedRule",
    "UniqueInputFieldNamesRule",
    "MaxIntrospectionDepthRule",
    "NoSchemaIntrospectionCustomRule",
    "NoDeprecatedCustomRule",
};

static uint32_t rule_bit(struct mer_slice name)
{
    for (uint32_t i = 0; i < sizeof(rule_names) / sizeof(rule_names[0]); i++)
        if (mer_slice_is(name, rule_names[i]))
            return 1u << i;
    return MER_RULES_SPECIFIED;
}

static bool same(struct corpus_case *c, const struct mer_ast_document *doc, uint32_t rules, const char *want)
{
    struct mer_validate_options options = {.rules = rules, .suggestions = true};
    struct mer_validation_error *errors;
    uint32_t n;
    enum mer_err err =
        mer_validate(c->a, corpus_schema(c, corpus_text(c, "schema")), doc, &options, &errors, &n);
    mer_buf_printf(&c->seen, "\n  %s:", want);
    return err == (n ? MER_ERR_INVALID : MER_OK) && corpus_same_errors(c, corpus_get(c, want), errors, n);
}

static enum corpus_verdict check_validation(struct corpus_case *c)
{
    struct mer_ast_document *doc;
    struct mer_diag diag = {0};
    if (mer_parse(c->a, corpus_text(c, "query"), MER_PARSE_ANY, NULL, &doc, &diag) != MER_OK) {
        mer_buf_add_cstr(&c->seen, diag.msg);
        return CORPUS_FAIL;
    }
    return same(c, doc, rule_bit(corpus_text(c, "rule")), "errors") &&
                   same(c, doc, MER_RULES_SPECIFIED, "specifiedErrors")
               ? CORPUS_PASS
               : CORPUS_FAIL;
}

static void test_validation(void **state)
{
    (void)state;
    corpus_run("validation", check_validation);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_validation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
