// SPDX-License-Identifier: MIT
// Any bytes as a request's document: counting, validation and introspection end without a fault and within
// their bounds; every error has a message and places within the document; where a limit broke is a place in
// it, too.
#include "base/log.h"
#include "schema/introspect.h"
#include "schema/limits.h"
#include "schema/parser.h"
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

// Is the place within the text? Lines are counted roughly: what ends one is more than a line feed.
static bool within(struct mer_slice text, struct mer_loc loc)
{
    return loc.line >= 1 && loc.line <= text.n + 1 && loc.column >= 1 && loc.column <= text.n + 1;
}

static void check_limits(struct mer_arena *a, struct mer_slice text, const struct mer_ast_document *doc,
                         const struct mer_ast_operation *op)
{
    // Each limit at one below what is there: the place of the breach is looked for in every way.
    struct mer_limit_counts n;
    struct mer_limit_breach b;
    mer_limits_count(a, doc, op, &n);
    const uint64_t counts[] = {n.depth,      n.introspection_depth, n.aliases,   n.root_fields,
                               n.directives, n.expanded_selections, n.list_items};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct mer_limits limits = {0};
        uint32_t *const fields[] = {
            &limits.depth,      &limits.introspection_depth, &limits.aliases,   &limits.root_fields,
            &limits.directives, &limits.expanded_selections, &limits.list_items};
        if (counts[i] < 2)
            continue;
        *fields[i] = (uint32_t)(counts[i] - 1);
        MER_ASSERT(mer_limits_check(a, doc, op, &limits, &b) == MER_ERR_LIMIT);
        MER_ASSERT(b.value == counts[i] && within(text, b.loc));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct mer_schema *s = the_schema();
    const struct mer_parse_limits limits = {.max_tokens = 10000};
    const struct mer_limits counts = mer_limits_default();
    struct mer_slice text = {(const char *)data, size};
    struct mer_arena *a = mer_arena_create(64u << 20);
    struct mer_ast_document *doc;
    struct mer_validation_error *errors;
    struct mer_limit_breach breach;
    uint32_t n;
    if (mer_parse(a, text, MER_PARSE_ANY, &limits, &doc, NULL) == MER_OK) {
        bool small = true;
        for (uint32_t i = 0; i < doc->operations_n; i++) {
            small = mer_limits_check(a, doc, doc->operations[i], &counts, &breach) == MER_OK && small;
            if (i < 4)
                check_limits(a, text, doc, doc->operations[i]);
        }
        struct mer_validate_options options = {.suggestions = true, .rules = size % 3 ? 0 : ~0u};
        enum mer_err err = mer_validate(a, s, doc, &options, &errors, &n);
        MER_ASSERT((err == MER_ERR_INVALID) == (n > 0) || err == MER_ERR_LIMIT);
        for (uint32_t i = 0; i < n; i++) {
            MER_ASSERT(errors[i].message.n);
            for (uint32_t j = 0; j < errors[i].locations_n; j++)
                MER_ASSERT(within(text, errors[i].locations[j]));
        }
        for (uint32_t i = 0; err == MER_OK && small && i < doc->operations_n; i++)
            run(a, s, doc, doc->operations[i]);
    }
    mer_arena_destroy(a);
    return 0;
}
