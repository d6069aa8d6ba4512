// SPDX-License-Identifier: MIT
#include "kpi_fixture.h"

#include "schema/parser.h"

#include <stdio.h>
#include <stdlib.h>

static void die(const char *what, const struct mer_diag *diag)
{
    fprintf(stderr, "%s: %u:%u %s\n", what, diag->line, diag->column, diag->msg);
    exit(2);
}

static void append_file(struct mer_buf *b, const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "re");
    if (!f) {
        perror(path);
        exit(2);
    }
    size_t n;
    while ((n = fread(mer_buf_reserve(b, 8192), 1, 8192, f)) > 0)
        b->n += n;
    fclose(f);
    mer_buf_add_char(b, '\n');
}

void kpi_fixture_load(struct kpi_fixture *x, const char *folder)
{
    struct mer_diag diag = {0};
    struct mer_buf text;
    struct mer_ast_document *doc;
    char path[512];
    x->a = mer_arena_create(0);
    mer_buf_init(&text, x->a, 32768);
    append_file(&text, folder, "bindings.graphql");
    append_file(&text, folder, "analytics.graphql");
    struct mer_schema_options options = {.assume_valid = true, .allow_unknown_directives = true};
    if (mer_parse(x->a, mer_buf_slice(&text), MER_PARSE_TYPE_SYSTEM, NULL, &doc, &diag) ||
        mer_schema_build(x->a, doc, &options, &x->schema, &diag))
        die("analytics.graphql", &diag);
    snprintf(path, sizeof path, "%s/kpis.yaml", folder);
    if (mer_kpi_catalogue_load(x->a, path, &x->catalogue, &diag) ||
        mer_kpi_catalogue_check_schema(x->catalogue, x->schema, &diag))
        die("kpis.yaml", &diag);
}

static struct mer_fetch_field **make_fields(const struct kpi_fixture *x, const struct mer_type *on,
                                            const struct mer_ast_selection_set *set, uint32_t *n)
{
    *n = set ? set->n : 0;
    struct mer_fetch_field **list = MER_NEW_N(x->a, struct mer_fetch_field *, *n + 1);
    for (uint32_t i = 0; i < *n; i++) {
        const struct mer_ast_selection *s = set->items[i];
        struct mer_fetch_field *f = list[i] = MER_NEW(x->a, struct mer_fetch_field);
        f->key = mer_ast_response_key(s);
        f->field = mer_schema_field(x->schema, on, s->name);
        if (!f->field) {
            fprintf(stderr, "no field %.*s.%.*s\n", MER_FMT(on->name), MER_FMT(s->name));
            exit(2);
        }
        f->arguments = s->arguments;
        f->arguments_n = s->arguments_n;
        f->children = make_fields(x, f->field->type.type, s->selections, &f->children_n);
    }
    return list;
}

struct mer_fetch_field **kpi_fixture_fields(const struct kpi_fixture *x, const char *on,
                                            struct mer_slice text, uint32_t *n)
{
    struct mer_diag diag = {0};
    struct mer_ast_document *doc;
    if (mer_parse(x->a, mer_arena_copy(x->a, text), MER_PARSE_EXECUTABLE, NULL, &doc, &diag))
        die("operation", &diag);
    const struct mer_type *type = mer_schema_type(x->schema, mer_slice_of(on));
    return make_fields(x, type, doc->operations[0]->selections, n);
}
