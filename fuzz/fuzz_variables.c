// SPDX-License-Identifier: MIT
// An operation and, after a NUL, the JSON of its variables: coercion ends without a fault and within its
// bounds; what it took is written as JSON, is coerced from that once more, and is then the same. A value
// written as GraphQL is the value that it was.
#include "base/log.h"
#include "schema/parser.h"
#include "schema/validate.h"
#include "schema/values.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char sdl[] =
    "input In { a: Int! = 3 b: [In!] c: E d: Any f: Float i: ID s: String! = \"x\" t: Boolean one: One l: "
    "[[Int!]!] }\n"
    "input One @oneOf { a: Int b: String c: In d: [One!] }\n"
    "enum E { X Y @deprecated }\n"
    "scalar Any\n"
    "type Query { f(in: In, ins: [In!]!, one: One, e: E = X, any: Any, n: Int!, ns: [Int]): Int }\n";

static const struct mer_schema *the_schema(void)
{
    static struct mer_arena *kept; // reachable until the end
    static struct mer_schema *s;
    if (!s) {
        struct mer_ast_document *doc;
        kept = mer_arena_create(0);
        MER_ASSERT(mer_parse(kept, mer_slice_of(sdl), MER_PARSE_TYPE_SYSTEM, NULL, &doc, NULL) == MER_OK);
        MER_ASSERT(mer_schema_build(kept, doc, NULL, &s, NULL) == MER_OK);
    }
    return s;
}

static enum mer_err coerce(struct mer_arena *a, const struct mer_ast_operation *op, struct mer_slice text,
                           struct mer_variables *vars)
{
    const struct mer_json_limits limits = {.unique_keys = true, .max_nodes = 4096};
    const struct mer_coerce_options options = {.suggestions = text.n % 2, .list_items = 100};
    struct mer_in_error *errors = NULL;
    struct mer_json json;
    uint32_t n = 0;
    if (mer_json_parse(a, text, &limits, &json, NULL) != MER_OK)
        return MER_ERR_CLOSED;
    enum mer_err err = mer_coerce_variables_with(a, the_schema(), op, &json, mer_json_root(&json), &options,
                                                 vars, &errors, &n);
    MER_ASSERT((err == MER_OK) == (n == 0));
    for (uint32_t i = 0; i < n; i++)
        MER_ASSERT(errors[i].message.n);
    return err;
}

static struct mer_slice write(struct mer_arena *a, const struct mer_variables *vars)
{
    struct mer_buf b;
    bool first = true;
    mer_buf_init(&b, a, 256);
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

// A client's own JSON may hold keys that are no names: as GraphQL it cannot be written.
static bool has_raw(const struct mer_in *v)
{
    bool raw = v->kind == MER_IN_RAW;
    for (uint32_t i = 0; !raw && (v->kind == MER_IN_LIST || v->kind == MER_IN_OBJECT) && i < v->n; i++)
        raw = v->items[i] && has_raw(v->items[i]);
    return raw;
}

static void write_and_read(struct mer_arena *a, const struct mer_variables *vars)
{
    MER_MAP_EACH(&vars->by_name, e)
    {
        struct mer_ast_value *v;
        struct mer_buf b;
        if (has_raw(e->value))
            continue;
        mer_buf_init(&b, a, 256);
        mer_in_write_graphql(&b, e->value);
        MER_ASSERT(mer_parse_value(a, mer_buf_slice(&b), true, &v, NULL) == MER_OK);
    }
}

static bool valid(struct mer_arena *a, const struct mer_ast_document *doc)
{
    struct mer_validation_error *errors;
    uint32_t n;
    return doc->operations_n && mer_validate(a, the_schema(), doc, NULL, &errors, &n) == MER_OK;
}

static void arguments(struct mer_arena *a, const struct mer_ast_operation *op,
                      const struct mer_variables *vars)
{
    const struct mer_field *f = mer_schema_field(the_schema(), the_schema()->roots[0], MER_S("f"));
    for (uint32_t i = 0; i < op->selections->n; i++) {
        const struct mer_ast_selection *sel = op->selections->items[i];
        struct mer_in **in;
        struct mer_in_error error = {0};
        if (sel->kind != MER_SEL_FIELD || !mer_slice_is(sel->name, "f"))
            continue;
        if (mer_coerce_arguments(a, the_schema(), f->arguments, f->arguments_n, sel->arguments,
                                 sel->arguments_n, vars, &in, &error) != MER_OK)
            MER_ASSERT(error.message.n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct mer_parse_limits limits = {.max_tokens = 10000};
    struct mer_slice rest = {(const char *)data, size};
    struct mer_slice text = mer_slice_cut(&rest, 0);
    struct mer_arena *a = mer_arena_create(64u << 20);
    struct mer_ast_document *doc;
    struct mer_variables vars, again;
    if (mer_parse(a, text, MER_PARSE_EXECUTABLE, &limits, &doc, NULL) == MER_OK && valid(a, doc) &&
        coerce(a, doc->operations[0], rest, &vars) == MER_OK && !mer_arena_exhausted(a)) {
        struct mer_slice first = write(a, &vars);
        write_and_read(a, &vars);
        // A default stands in what was written, and may be longer than what a request may bring.
        enum mer_err err = coerce(a, doc->operations[0], first, &again);
        MER_ASSERT(err != MER_ERR_INVALID);
        MER_ASSERT(err != MER_OK || mer_slice_eq(write(a, &again), first));
        arguments(a, doc->operations[0], &vars);
    }
    mer_arena_destroy(a);
    return 0;
}
