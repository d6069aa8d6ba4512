// SPDX-License-Identifier: MIT
// Any bytes as a request's document: parsing, printing, counting, validation and introspection end without a
// fault and within their bounds; what was printed reads back as the same document.
#include "base/log.h"
#include "schema/introspect.h"
#include "schema/limits.h"
#include "schema/parser.h"
#include "schema/printer.h"
#include "schema/validate.h"
#include "schema/values.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char sdl[] =
    "directive @here(at: Int = 1, in: In) repeatable on FIELD | QUERY | FRAGMENT_SPREAD | INLINE_FRAGMENT\n"
    "interface N { id: ID! n(a: Int, i: In, e: E = X): N }\n"
    "type A implements N { id: ID! n(a: Int, i: In, e: E = X): N s: String! l: [[A!]!] u: U }\n"
    "type B implements N { id: ID! n(a: Int, i: In, e: E = X): N s: Int b(one: One): B }\n"
    "union U = A | B\n"
    "enum E { X Y @deprecated }\n"
    "input In { a: Int! = 3 b: [In!] c: E d: Any }\n"
    "input One @oneOf { a: Int b: String }\n"
    "scalar Any @specifiedBy(url: \"x\")\n"
    "type Query { n(id: ID!): N a: A b: B u: [U] any(v: Any, f: Float, t: Boolean): Any }\n"
    "type Subscription { a: A b: B }\n";

static struct mer_schema *schema(struct mer_arena *a)
{
    struct mer_ast_document *doc;
    struct mer_schema *s;
    MER_ASSERT(mer_parse(a, mer_slice_of(sdl), MER_PARSE_TYPE_SYSTEM, NULL, &doc, NULL) == MER_OK);
    MER_ASSERT(mer_schema_build(a, doc, NULL, &s, NULL) == MER_OK);
    return s;
}

static const struct mer_schema *the_schema(void)
{
    static struct mer_arena *kept; // reachable until the end
    static struct mer_schema *s;
    if (!s) {
        kept = mer_arena_create(0);
        s = schema(kept);
    }
    return s;
}

static void print_and_read(struct mer_arena *a, const struct mer_ast_document *doc)
{
    struct mer_ast_document *again;
    struct mer_buf first, second;
    mer_buf_init(&first, a, 256);
    mer_buf_init(&second, a, 256);
    mer_print_document(&first, doc);
    MER_ASSERT(mer_parse(a, mer_buf_slice(&first), MER_PARSE_ANY, NULL, &again, NULL) == MER_OK);
    mer_print_document(&second, again);
    MER_ASSERT(mer_slice_eq(mer_buf_slice(&first), mer_buf_slice(&second)));
}

static void strip_and_read(struct mer_arena *a, const struct mer_ast_document *doc)
{
    struct mer_ast_document *again;
    struct mer_buf stripped, first, second;
    mer_buf_init(&stripped, a, 256);
    mer_buf_init(&first, a, 256);
    mer_buf_init(&second, a, 256);
    MER_ASSERT(mer_print_stripped(&stripped, a, doc->source, NULL) == MER_OK);
    MER_ASSERT(mer_parse(a, mer_buf_slice(&stripped), MER_PARSE_ANY, NULL, &again, NULL) == MER_OK);
    mer_print_document(&first, doc);
    mer_print_document(&second, again);
    MER_ASSERT(mer_slice_eq(mer_buf_slice(&first), mer_buf_slice(&second)));
}

// The minified form of an operation's selections reads back as the same selections.
static void minify_and_read(struct mer_arena *a, const struct mer_ast_operation *op)
{
    struct mer_ast_selection_set *set;
    struct mer_buf first, second;
    mer_buf_init(&first, a, 256);
    mer_buf_init(&second, a, 256);
    mer_print_selections_min(&first, op->selections);
    MER_ASSERT(mer_parse_field_set(a, mer_buf_slice(&first), &set, NULL) == MER_OK);
    mer_print_selections_min(&second, set);
    MER_ASSERT(mer_slice_eq(mer_buf_slice(&first), mer_buf_slice(&second)));
}

static void run(struct mer_arena *a, const struct mer_schema *s, const struct mer_ast_document *doc,
                const struct mer_ast_operation *op)
{
    struct mer_variables vars;
    struct mer_in_error *errors;
    uint32_t n;
    if (mer_coerce_variables(a, s, op, NULL, NULL, &vars, &errors, &n) != MER_OK)
        return;
    for (uint32_t i = 0; i < op->selections->n; i++) {
        const struct mer_ast_selection *sel = op->selections->items[i];
        struct mer_buf out;
        struct mer_json json;
        mer_buf_init(&out, a, 256);
        if (sel->kind == MER_SEL_FIELD && mer_introspect_field(a, s, doc, sel, &vars, &out) == MER_OK)
            MER_ASSERT(mer_json_parse(a, mer_buf_slice(&out), NULL, &json, NULL) == MER_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct mer_schema *s = the_schema();
    const struct mer_parse_limits limits = {.max_tokens = 10000};
    const struct mer_limits counts = mer_limits_default();
    struct mer_arena *a = mer_arena_create(64u << 20);
    struct mer_ast_document *doc;
    struct mer_validation_error *errors;
    struct mer_limit_breach breach;
    uint32_t n;
    if (mer_parse(a, mer_slice_make((const char *)data, size), MER_PARSE_ANY, &limits, &doc, NULL) ==
        MER_OK) {
        print_and_read(a, doc);
        strip_and_read(a, doc);
        bool small = true;
        for (uint32_t i = 0; i < doc->operations_n; i++) {
            minify_and_read(a, doc->operations[i]);
            small = mer_limits_check(a, doc, doc->operations[i], &counts, &breach) == MER_OK && small;
        }
        struct mer_validate_options options = {.suggestions = true};
        enum mer_err err = mer_validate(a, s, doc, &options, &errors, &n);
        for (uint32_t i = 0; err == MER_OK && small && i < doc->operations_n; i++)
            run(a, s, doc, doc->operations[i]);
    }
    mer_arena_destroy(a);
    return 0;
}
