// SPDX-License-Identifier: MIT
// Recorded cases of the language: tokens, documents, strings, printing.
#include "corpus.h"

#include "schema/lexer.h"
#include "schema/parser.h"
#include "schema/printer.h"
#include "schema/text.h"

// ---- lexer.json ----

static bool same_token(struct corpus_case *c, const struct mer_json_node *want, const struct mer_token *t,
                       struct mer_slice source)
{
    const struct mer_json *j = &c->corpus->json;
    int64_t line = 0, column = 0, start = 0, end = 0;
    struct mer_slice kind = corpus_string(c, mer_json_get(j, want, MER_S("kind")));
    struct mer_slice value = corpus_string(c, mer_json_get(j, want, MER_S("value")));
    assert_true(mer_json_i64(j, mer_json_get(j, want, MER_S("line")), &line));
    assert_true(mer_json_i64(j, mer_json_get(j, want, MER_S("column")), &column));
    assert_true(mer_json_i64(j, mer_json_get(j, want, MER_S("start")), &start));
    assert_true(mer_json_i64(j, mer_json_get(j, want, MER_S("end")), &end));
    bool string = t->kind == MER_TOKEN_STRING || t->kind == MER_TOKEN_BLOCK_STRING;
    struct mer_slice got = string ? mer_lexer_string(c->a, t) : t->text;
    size_t got_start = mer_utf16_len(mer_slice_make(source.p, t->start));
    size_t got_end = mer_utf16_len(mer_slice_make(source.p, t->end));
    mer_buf_printf(&c->seen, "%s \"%.*s\" at %u:%u, ", mer_token_kind_name(t->kind), MER_FMT(got),
                   t->loc.line, t->loc.column);
    return mer_slice_is(kind, mer_token_kind_name(t->kind)) && (!value.p || mer_slice_eq(value, got)) &&
           line == t->loc.line && column == t->loc.column && (size_t)start == got_start &&
           (size_t)end == got_end;
}

static enum corpus_verdict check_lexer(struct corpus_case *c)
{
    struct mer_slice source = corpus_text(c, "source");
    const struct mer_json_node *tokens = corpus_get(c, "tokens"), *error = corpus_get(c, "error");
    const struct mer_json_node *want = mer_json_first(&c->corpus->json, tokens);
    struct mer_lexer lx;
    struct mer_token t;
    struct mer_diag diag = {0};
    mer_lexer_init(&lx, source);
    lx.comments = true;
    for (uint32_t i = 0; i < tokens->count; i++, want = mer_json_next(&c->corpus->json, want)) {
        if (mer_lexer_next(&lx, &t, &diag) != MER_OK)
            return mer_buf_add_cstr(&c->seen, diag.msg), CORPUS_FAIL;
        if (!same_token(c, want, &t, source))
            return CORPUS_FAIL;
    }
    if (!error)
        return CORPUS_PASS;
    return mer_lexer_next(&lx, &t, &diag) != MER_OK && corpus_same_error(c, error, &diag) ? CORPUS_PASS
                                                                                          : CORPUS_FAIL;
}

static void test_lexer(void **state)
{
    (void)state;
    corpus_run("lexer", check_lexer);
}

// ---- parser.json ----

static enum mer_err parse_and_print(struct corpus_case *c, struct mer_slice fn, struct mer_buf *out,
                                    struct mer_diag *diag)
{
    struct mer_slice source = corpus_text(c, "source");
    struct mer_ast_document *doc;
    struct mer_ast_value *value;
    struct mer_ast_type *type;
    struct mer_parse_limits limits = {0};
    enum mer_err err;
    if (mer_slice_is(fn, "parse")) {
        const struct mer_json_node *options = corpus_get(c, "options");
        const struct mer_json_node *max =
            options ? mer_json_get(&c->corpus->json, options, MER_S("maxTokens")) : NULL;
        int64_t tokens = 0;
        if (max && mer_json_i64(&c->corpus->json, max, &tokens))
            limits.max_tokens = (uint32_t)tokens;
        err = mer_parse(c->a, source, MER_PARSE_ANY, &limits, &doc, diag);
        if (err == MER_OK)
            mer_print_document(out, doc);
    } else if (mer_slice_is(fn, "parseType")) {
        err = mer_parse_type(c->a, source, &type, diag);
        if (err == MER_OK)
            mer_print_type(out, type);
    } else {
        err = mer_parse_value(c->a, source, mer_slice_is(fn, "parseConstValue"), &value, diag);
        if (err == MER_OK)
            mer_print_value(out, value);
    }
    return err;
}

static enum corpus_verdict check_parser(struct corpus_case *c)
{
    struct mer_diag diag = {0};
    struct mer_buf out;
    mer_buf_init(&out, c->a, 0);
    // Variables of fragments are an experiment that never became part of the specification.
    const struct mer_json_node *options = corpus_get(c, "options");
    if (options && mer_json_get(&c->corpus->json, options, MER_S("allowLegacyFragmentVariables")))
        return CORPUS_SKIP;
    enum mer_err err = parse_and_print(c, corpus_text(c, "fn"), &out, &diag);
    if (!corpus_true(c, "ok"))
        return err != MER_OK && corpus_same_error(c, corpus_get(c, "error"), &diag) ? CORPUS_PASS
                                                                                    : CORPUS_FAIL;
    if (err != MER_OK) {
        mer_buf_add_cstr(&c->seen, diag.msg);
        return CORPUS_FAIL;
    }
    return corpus_same_text(c, mer_buf_slice(&out), corpus_text(c, "printed"));
}

static void test_parser(void **state)
{
    (void)state;
    corpus_run("parser", check_parser);
}

// ---- printer.json ----

// Members of types are recorded alone; here they stand in a type.
static enum corpus_verdict check_member(struct corpus_case *c, struct mer_slice kind)
{
    const char *type = mer_slice_is(kind, "FieldDefinition")       ? "type"
                       : mer_slice_is(kind, "EnumValueDefinition") ? "enum"
                                                                   : "input";
    struct mer_slice source = corpus_text(c, "source");
    struct mer_ast_document *doc;
    struct mer_diag diag = {0};
    struct mer_buf out;
    mer_buf_init(&out, c->a, 0);
    source = mer_arena_printf(c->a, "%s T { %.*s }", type, MER_FMT(source));
    struct mer_slice printed = corpus_text(c, "printed");
    printed = mer_arena_printf(c->a, "%s T {\n  %.*s\n}", type, MER_FMT(printed));
    if (mer_parse(c->a, source, MER_PARSE_ANY, NULL, &doc, &diag) != MER_OK)
        return CORPUS_FAIL;
    mer_print_document(&out, doc);
    return corpus_same_text(c, mer_buf_slice(&out), printed);
}

static enum corpus_verdict check_printer(struct corpus_case *c)
{
    struct mer_diag diag = {0};
    struct mer_buf out;
    struct mer_slice kind = corpus_text(c, "kind");
    mer_buf_init(&out, c->a, 0);
    if (mer_slice_is(kind, "FieldDefinition") || mer_slice_is(kind, "EnumValueDefinition") ||
        mer_slice_is(kind, "InputValueDefinition"))
        return check_member(c, kind);
    if (strstr(mer_arena_cstr(c->a, corpus_text(c, "file")), "sortValueNode"))
        return CORPUS_SKIP; // prints fields sorted, which nothing here wants
    if (strstr(mer_arena_cstr(c->a, corpus_text(c, "test")), "Legacy: "))
        return CORPUS_SKIP; // variables of fragments
    bool value = mer_slice_ends(kind, MER_S("Value")) || mer_slice_is(kind, "Variable");
    if (parse_and_print(c, value ? MER_S("parseValue") : MER_S("parse"), &out, &diag) != MER_OK) {
        mer_buf_add_cstr(&c->seen, diag.msg);
        return CORPUS_FAIL;
    }
    return corpus_same_text(c, mer_buf_slice(&out), corpus_text(c, "printed"));
}

static void test_printer(void **state)
{
    (void)state;
    corpus_run("printer", check_printer);
}

// ---- strings.json ----

static struct mer_slice joined(struct corpus_case *c, const struct mer_json_node *list)
{
    struct mer_buf b;
    mer_buf_init(&b, c->a, 0);
    const struct mer_json_node *n = mer_json_first(&c->corpus->json, list);
    for (uint32_t i = 0; i < list->count; i++, n = mer_json_next(&c->corpus->json, n)) {
        if (i)
            mer_buf_add_char(&b, '\n');
        mer_buf_add(&b, corpus_string(c, n));
    }
    return b.p ? mer_buf_slice(&b) : mer_slice_make("", 0);
}

static enum corpus_verdict check_strings(struct corpus_case *c)
{
    struct mer_slice fn = corpus_text(c, "fn");
    const struct mer_json *j = &c->corpus->json;
    const struct mer_json_node *args = corpus_get(c, "args"), *first = mer_json_first(j, args);
    struct mer_buf out;
    mer_buf_init(&out, c->a, 0);
    if (mer_slice_is(fn, "dedentBlockStringLines"))
        return corpus_same_text(c, mer_block_string_value(c->a, joined(c, first)),
                                joined(c, corpus_get(c, "result")));
    if (mer_slice_is(fn, "isPrintableAsBlockString"))
        return mer_block_string_printable(corpus_string(c, first)) == corpus_true(c, "result") ? CORPUS_PASS
                                                                                               : CORPUS_FAIL;
    if (mer_slice_is(fn, "printString")) {
        mer_string_print(&out, corpus_string(c, first));
    } else {
        const struct mer_json_node *options = args->count > 1 ? mer_json_next(j, first) : NULL;
        const struct mer_json_node *min = options ? mer_json_get(j, options, MER_S("minimize")) : NULL;
        mer_block_string_print(&out, corpus_string(c, first), min && min->type == MER_JSON_TRUE);
    }
    return corpus_same_text(c, mer_buf_slice(&out), corpus_text(c, "result"));
}

static void test_strings(void **state)
{
    (void)state;
    corpus_run("strings", check_strings);
}

// ---- strip-ignored.json ----

static enum corpus_verdict check_strip(struct corpus_case *c)
{
    struct mer_diag diag = {0};
    struct mer_buf out;
    mer_buf_init(&out, c->a, 0);
    enum mer_err err = mer_print_stripped(&out, c->a, corpus_text(c, "source"), &diag);
    if (!corpus_true(c, "ok"))
        return err != MER_OK && corpus_same_error(c, corpus_get(c, "error"), &diag) ? CORPUS_PASS
                                                                                    : CORPUS_FAIL;
    if (err != MER_OK) {
        mer_buf_add_cstr(&c->seen, diag.msg);
        return CORPUS_FAIL;
    }
    return corpus_same_text(c, mer_buf_slice(&out), corpus_text(c, "result"));
}

static void test_strip(void **state)
{
    (void)state;
    corpus_run("strip-ignored", check_strip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lexer),   cmocka_unit_test(test_parser), cmocka_unit_test(test_printer),
        cmocka_unit_test(test_strings), cmocka_unit_test(test_strip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
