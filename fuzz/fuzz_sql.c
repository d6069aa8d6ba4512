// SPDX-License-Identifier: MIT
// Any operation over the shipped source, with any variables, becomes a statement of which only `$n` carries
// what the request brought: outside string literals there is nothing but words, known signs and parameters,
// inside them only JSON's own signs and names; and every parameter is used. Kept with the operation it is the
// same statement, whatever was asked by the same operation before.
//
// Input: an operation, then after a NUL the JSON of its variables, then after a NUL an entity's type name and
// ids, one a line. MER_SOURCE_DIR says where the schema stands.
#include "base/json.h"
#include "base/log.h"
#include "schema/parser.h"
#include "schema/validate.h"
#include "unit/resolvers/sql_lab.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct mer_schema *schema;
static struct mer_binding *binding;

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    MER_ASSERT(f != NULL);
    char *text = calloc(1, 1 << 20);
    MER_ASSERT(fread(text, 1, (1 << 20) - 1, f) > 0);
    (void)fclose(f);
    return text;
}

static void open_source(void)
{
    static struct mer_arena *a;
    struct mer_ast_document *doc;
    struct mer_schema_options options = {.assume_valid = true, .allow_unknown_directives = true};
    a = mer_arena_create(0);
    char *text = read_file(MER_SOURCE_DIR "/schema/operations.graphql");
    struct mer_slice sdl = mer_arena_copy(a, mer_slice_of(text));
    free(text);
    MER_ASSERT(mer_parse(a, sdl, MER_PARSE_TYPE_SYSTEM, NULL, &doc, NULL) == MER_OK);
    MER_ASSERT(mer_schema_build(a, doc, &options, &schema, NULL) == MER_OK);
    MER_ASSERT(mer_binding_compile(a, schema, &binding, NULL) == MER_OK);
}

// Inside a literal: what JSON, keys, node ids, the schema's expressions and cursors are made of.
static bool in_literal(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("{}[]\",:_~+-/=\\ ", c));
}

static bool outside(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr("E_.,()=<>:|*-/$[] ", c));
}

static void check_text(const struct mer_sql *sql)
{
    bool literal = false;
    bool *used = calloc(sql->params_n + 1, sizeof(*used));
    for (size_t i = 0; i < sql->text.n; i++) {
        char c = sql->text.p[i];
        if (c == '\'') {
            literal = !literal;
            continue;
        }
        // mer_e0 and the like, a parameter, the schema's "60 s": nothing else.
        MER_ASSERT(literal ? in_literal(c) : outside(c));
        if (!literal && c == '$') {
            unsigned long n = strtoul(sql->text.p + i + 1, NULL, 10);
            MER_ASSERT(n >= 1 && n <= sql->params_n);
            used[n] = true;
        }
        if (!literal)
            MER_ASSERT(!(c == '-' && sql->text.p[i + 1] == '-') && !(c == '/' && sql->text.p[i + 1] == '*'));
    }
    MER_ASSERT(!literal);
    for (uint32_t i = 1; i <= sql->params_n; i++)
        MER_ASSERT(used[i]);
    for (uint32_t i = 0; i < sql->params_n; i++)
        MER_ASSERT(sql->params[i].null || strlen(sql->params[i].value.p) == sql->params[i].value.n);
    free(used);
}

// By what the operation keeps, for one place of the data and for several in turn.
static void check_kept(struct mer_arena *a, struct mer_sql_ask ask)
{
    struct mer_fetch_op op = *ask.op;
    struct mer_fetch_memo memo = {.arena = a};
    const struct mer_slice places[] = {MER_S("a"), MER_S("b")};
    for (uint32_t turn = 0; turn < 7 && !mer_arena_exhausted(a); turn++) {
        struct mer_sql fresh, kept;
        ask.partitions = places;
        ask.partitions_n = turn % 3;
        op.memo = NULL;
        ask.op = &op;
        enum mer_err err = mer_sql_compile(a, &ask, &fresh, NULL);
        op.memo = &memo;
        enum mer_err again = mer_sql_compile(a, &ask, &kept, NULL);
        MER_ASSERT(mer_arena_exhausted(a) || err == again);
        MER_ASSERT(err || again || sql_lab_same(&fresh, &kept));
    }
}

static struct mer_slice part(struct mer_slice *rest)
{
    struct mer_slice head = mer_slice_cut(rest, '\0');
    if (head.n == rest->n && head.p == rest->p)
        *rest = MER_NIL;
    return head;
}

static void compile(struct mer_arena *a, struct mer_slice input)
{
    struct mer_parse_limits limits = {.max_tokens = 2000, .max_depth = 40};
    struct mer_ast_document *doc;
    struct mer_json json = {0};
    struct mer_variables vars = {0};
    struct mer_in_error *errors;
    uint32_t errors_n, ids_n = 0;
    struct mer_slice ids[16], query = part(&input), variables = part(&input);
    if (mer_parse(a, query, MER_PARSE_EXECUTABLE, &limits, &doc, NULL) != MER_OK || doc->operations_n != 1)
        return;
    struct mer_validation_error *invalid;
    uint32_t invalid_n;
    if (mer_validate(a, schema, doc, NULL, &invalid, &invalid_n) != MER_OK)
        return;
    bool has_json = variables.n && mer_json_parse(a, variables, NULL, &json, NULL) == MER_OK;
    if (has_json && mer_json_root(&json)->type != MER_JSON_OBJECT)
        return;
    const struct mer_ast_operation *operation = doc->operations[0];
    if (operation->kind == MER_OP_SUBSCRIPTION ||
        mer_coerce_variables(a, schema, operation, has_json ? &json : NULL,
                             has_json ? mer_json_root(&json) : NULL, &vars, &errors, &errors_n) != MER_OK)
        return;
    struct mer_fetch_op *op = sql_lab_fetch(a, schema, operation, NULL);
    if (!op || !op->fields_n)
        return;
    while (input.n && ids_n < 16)
        ids[ids_n++] = mer_slice_cut(&input, '\n');
    if (ids_n) {
        const struct mer_fetch_field *root = op->fields[0];
        if (root->field->type.type->kind != MER_TYPE_OBJECT)
            return;
        op->entity = root->field->type.type;
        op->fields = root->children;
        op->fields_n = root->children_n;
    }
    struct mer_sql_ask ask = {.binding = binding,
                              .op = op,
                              .vars = &vars,
                              .entity_ids = ids,
                              .entity_ids_n = ids_n,
                              .tenant = MER_S("t"),
                              .region = MER_S("r")};
    struct mer_sql sql;
    if (mer_sql_compile(a, &ask, &sql, NULL) == MER_OK)
        check_text(&sql);
    check_kept(a, ask);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!schema)
        open_source();
    struct mer_arena *a = mer_arena_create(32 << 20);
    compile(a, mer_slice_make((const char *)data, size));
    mer_arena_destroy(a);
    return 0;
}
