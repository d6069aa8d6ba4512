// SPDX-License-Identifier: MIT
// Recorded cases of validation: by one rule alone, then by all rules of the specification.
#include "corpus.h"

#include "schema/parser.h"
#include "schema/validate_sdl.h"

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

// What graphql-js 16 has: the rule that the specification of September 2025 added is not among its.
#define RECORDED (MER_RULES_SPECIFIED & ~MER_RULE_KNOWN_OPERATION_TYPES)

static uint32_t rule_bit(struct mer_slice name)
{
    for (uint32_t i = 0; i < sizeof(rule_names) / sizeof(rule_names[0]); i++)
        if (mer_slice_is(name, rule_names[i]))
            return 1u << i;
    return RECORDED;
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
                   same(c, doc, RECORDED, "specifiedErrors")
               ? CORPUS_PASS
               : CORPUS_FAIL;
}

static void test_validation(void **state)
{
    (void)state;
    corpus_run("validation", check_validation);
}

// ---- sdl-validation.json ----

static uint32_t sdl_rules(struct corpus_case *c)
{
    static const char *const names[] = {
        "LoneSchemaDefinitionRule",
        "UniqueOperationTypesRule",
        "UniqueTypeNamesRule",
        "UniqueEnumValueNamesRule",
        "UniqueFieldDefinitionNamesRule",
        "UniqueArgumentDefinitionNamesRule",
        "UniqueDirectiveNamesRule",
        "KnownTypeNamesRule",
        "KnownDirectivesRule",
        "UniqueDirectivesPerLocationRule",
        "PossibleTypeExtensionsRule",
        "KnownArgumentNamesOnDirectivesRule",
        "UniqueArgumentNamesRule",
        "UniqueInputFieldNamesRule",
        "ProvidedRequiredArgumentsOnDirectivesRule",
    };
    const struct mer_json_node *rules = corpus_get(c, "rules"), *r = mer_json_first(&c->corpus->json, rules);
    uint32_t bits = 0;
    for (uint32_t i = 0; i < rules->count; i++, r = mer_json_next(&c->corpus->json, r))
        for (uint32_t j = 0; j < sizeof(names) / sizeof(names[0]); j++)
            if (mer_slice_is(corpus_string(c, r), names[j]))
                bits |= 1u << j;
    return bits;
}

static enum corpus_verdict check_sdl(struct corpus_case *c)
{
    struct mer_ast_document *doc;
    struct mer_validation_error *errors;
    uint32_t n;
    struct mer_slice extends = corpus_text(c, "extends");
    struct mer_validate_options options = {.rules = sdl_rules(c), .suggestions = true};
    if (mer_parse(c->a, corpus_text(c, "sdl"), MER_PARSE_ANY, NULL, &doc, NULL) != MER_OK)
        return CORPUS_FAIL;
    enum mer_err err =
        mer_validate_sdl(c->a, doc, extends.n ? corpus_schema(c, extends) : NULL, &options, &errors, &n);
    return err == (n ? MER_ERR_INVALID : MER_OK) && corpus_same_errors(c, corpus_get(c, "errors"), errors, n)
               ? CORPUS_PASS
               : CORPUS_FAIL;
}

static void test_sdl(void **state)
{
    (void)state;
    corpus_run("sdl-validation", check_sdl);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_validation),
        cmocka_unit_test(test_sdl),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
