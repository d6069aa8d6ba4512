// SPDX-License-Identifier: MIT
#include "unit/resolvers/sql_lab.h"

#include "mer_test.h"
#include "schema/parser.h"

#include <stdio.h>
#include <stdlib.h>

char *sql_lab_read(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    size_t cap = 1 << 20, n;
    char *text = malloc(cap + 1);
    n = fread(text, 1, cap, f);
    text[n] = 0;
    (void)fclose(f);
    return text;
}

static struct mer_schema *build(struct mer_arena *a, struct mer_slice sdl)
{
    struct mer_ast_document *doc;
    struct mer_schema *schema;
    struct mer_diag diag = {0};
    struct mer_schema_options options = {.assume_valid = true, .allow_unknown_directives = true};
    if (mer_parse(a, sdl, MER_PARSE_TYPE_SYSTEM, NULL, &doc, &diag) != MER_OK ||
        mer_schema_build(a, doc, &options, &schema, &diag) != MER_OK)
        fail_msg("%u:%u: %s", diag.line, diag.column, diag.msg);
    return schema;
}

void sql_lab_open(struct sql_lab *lab)
{
    struct mer_diag diag = {0};
    char *operations = sql_lab_read("schema/operations.graphql"),
         *bindings = sql_lab_read("schema/bindings.graphql");
    assert_non_null(operations);
    assert_non_null(bindings);
    lab->a = mer_arena_create(0);
    lab->schema = build(lab->a, mer_arena_printf(lab->a, "%s\n%s", operations, bindings));
    free(operations);
    free(bindings);
    if (mer_binding_compile(lab->a, lab->schema, &lab->binding, &diag) != MER_OK)
        fail_msg("%u:%u: %s", diag.line, diag.column, diag.msg);
}

void sql_lab_close(struct sql_lab *lab)
{
    mer_arena_destroy(lab->a);
}

enum mer_err sql_lab_bind(struct mer_arena *a, const char *sdl, struct mer_binding **out,
                          struct mer_diag *diag)
{
    return mer_binding_compile(a, build(a, mer_slice_of(sdl)), out, diag);
}

static uint32_t slices(const char *const *from, struct mer_slice *to)
{
    uint32_t n = 0;
    for (; n < 8 && from[n]; n++)
        to[n] = mer_slice_of(from[n]);
    return n;
}

enum mer_err sql_lab_compile(const struct sql_lab *lab, struct mer_arena *a, const struct sql_lab_ask *ask,
                             struct mer_sql *out, struct mer_diag *diag)
{
    struct mer_ast_document *doc;
    struct mer_json json = {0};
    struct mer_variables *vars = MER_NEW(a, struct mer_variables);
    struct mer_in_error *errors = NULL;
    uint32_t errors_n = 0;
    struct mer_slice *ids = MER_NEW_N(a, struct mer_slice, 8),
                     *partitions = MER_NEW_N(a, struct mer_slice, 8);
    if (mer_parse(a, mer_slice_of(ask->query), MER_PARSE_EXECUTABLE, NULL, &doc, diag) != MER_OK)
        fail_msg("%s: %s", ask->query, diag->msg);
    if (ask->variables && mer_json_parse(a, mer_slice_of(ask->variables), NULL, &json, diag) != MER_OK)
        fail_msg("%s: %s", ask->variables, diag->msg);
    enum mer_err err =
        mer_coerce_variables(a, lab->schema, doc->operations[0], ask->variables ? &json : NULL,
                             ask->variables ? mer_json_root(&json) : NULL, vars, &errors, &errors_n);
    if (err != MER_OK)
        return mer_diag_set(diag, err, "%.*s", MER_FMT(errors[0].message));
    const struct mer_type *entity =
        ask->entity ? mer_schema_type(lab->schema, mer_slice_of(ask->entity)) : NULL;
    struct mer_fetch_op *op = sql_lab_fetch(a, lab->schema, doc->operations[0], entity);
    if (!op)
        fail_msg("%s: not of this schema", ask->query);
    struct mer_sql_ask it = {.binding = lab->binding,
                             .op = op,
                             .vars = vars,
                             .partitions = partitions,
                             .partitions_n = slices(ask->partitions, partitions),
                             .entity_ids = ids,
                             .entity_ids_n = slices(ask->ids, ids),
                             .tenant = mer_slice_of(ask->tenant ? ask->tenant : "t-foo"),
                             .region = mer_slice_of(ask->region ? ask->region : "us-east")};
    enum mer_err got = mer_sql_compile(a, &it, out, diag);
    struct mer_fetch_memo memo = {.arena = a};
    op->memo = &memo;
    for (int use = 0; use < 3; use++) {
        struct mer_sql kept = {0};
        struct mer_diag ignored = {0};
        if (mer_sql_compile(a, &it, &kept, &ignored) != got || (!got && !sql_lab_same(out, &kept)))
            fail_msg("%s: kept with the operation it is another statement", ask->query);
    }
    return got;
}

struct mer_sql sql_lab_must(const struct sql_lab *lab, struct mer_arena *a, const struct sql_lab_ask *ask)
{
    struct mer_sql sql = {0};
    struct mer_diag diag = {0};
    enum mer_err err = sql_lab_compile(lab, a, ask, &sql, &diag);
    if (err != MER_OK)
        fail_msg("%s: %d %s", ask->query, err, diag.msg);
    return sql;
}
