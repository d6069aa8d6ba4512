// SPDX-License-Identifier: MIT
// Any bytes as a document, a value, a type, a set of fields: reading ends within its bounds, and what was
// printed, laid out, stripped or minified, reads back as the same.
#include "base/log.h"
#include "schema/parser.h"
#include "schema/printer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

static void value(struct mer_arena *a, struct mer_slice text)
{
    struct mer_ast_value *v, *again;
    struct mer_buf first, second;
    if (mer_parse_value(a, text, text.n % 2, &v, NULL) != MER_OK)
        return;
    mer_buf_init(&first, a, 256);
    mer_buf_init(&second, a, 256);
    mer_print_value_min(&first, v);
    MER_ASSERT(mer_parse_value(a, mer_buf_slice(&first), false, &again, NULL) == MER_OK);
    mer_print_value_min(&second, again);
    MER_ASSERT(mer_slice_eq(mer_buf_slice(&first), mer_buf_slice(&second)));
}

static void type(struct mer_arena *a, struct mer_slice text)
{
    struct mer_ast_type *t, *again;
    struct mer_buf first, second;
    if (mer_parse_type(a, text, &t, NULL) != MER_OK)
        return;
    mer_buf_init(&first, a, 64);
    mer_buf_init(&second, a, 64);
    mer_print_type(&first, t);
    MER_ASSERT(mer_parse_type(a, mer_buf_slice(&first), &again, NULL) == MER_OK);
    mer_print_type(&second, again);
    MER_ASSERT(mer_slice_eq(mer_buf_slice(&first), mer_buf_slice(&second)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct mer_parse_limits limits = {.max_tokens = 10000};
    struct mer_slice text = {(const char *)data, size};
    struct mer_arena *a = mer_arena_create(64u << 20);
    struct mer_ast_document *doc;
    struct mer_ast_selection_set *set;
    struct mer_diag d = {0};
    enum mer_err err = mer_parse(a, text, MER_PARSE_ANY, &limits, &doc, &d);
    if (err == MER_OK) {
        print_and_read(a, doc);
        strip_and_read(a, doc);
        for (uint32_t i = 0; i < doc->operations_n; i++)
            minify_and_read(a, doc->operations[i]);
    } else {
        MER_ASSERT(d.err == err && d.line >= 1 && d.column >= 1 && d.msg[0]);
    }
    // What is refused as a document of one kind may be one of the other, never of both.
    bool executable = mer_parse(a, text, MER_PARSE_EXECUTABLE, &limits, &doc, NULL) == MER_OK;
    bool system = mer_parse(a, text, MER_PARSE_TYPE_SYSTEM, &limits, &doc, NULL) == MER_OK;
    MER_ASSERT(!(executable && system) && (err == MER_OK || !(executable || system)));
    value(a, text);
    type(a, text);
    (void)!mer_parse_field_set(a, text, &set, NULL);
    mer_arena_destroy(a);
    return 0;
}
