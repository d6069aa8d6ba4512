// SPDX-License-Identifier: MIT
// For frontends: `meridian schema` prints what clients see.
#include <stdio.h>

#include "gateway/commands.h"
#include "gateway/snapshot.h"
#include "schema/introspect.h"
#include "schema/parser.h"
#include "schema/printer.h"

// `serve --supergraph` has no directives of its own; a configured gateway has.
const struct mer_schema *mer_command_api(struct mer_arena *a, const struct mer_config *c)
{
    struct mer_supergraph *sg = NULL;
    struct mer_diag d = {0};
    if (c->supergraph.n == 0) {
        fprintf(stderr, "meridian: %s: `supergraph` is missing\n", c->path.p);
        return NULL;
    }
    if (mer_snapshot_supergraph(a, c->supergraph.p, c->self.name.n > 0, &sg, &d)) {
        fprintf(stderr, "meridian: %s\n", d.msg);
        return NULL;
    }
    return sg->api;
}

// ---- schema ----

// The whole of it, as clients' tools ask for it.
static const char introspection[] =
    "{ __schema { description queryType { name kind } mutationType { name kind } subscriptionType { name "
    "kind }"
    " types { ...T } directives { name description isRepeatable locations args(includeDeprecated: true) { "
    "...I } } } }"
    " fragment T on __Type { kind name description specifiedByURL isOneOf"
    " fields(includeDeprecated: true) { name description args(includeDeprecated: true) { ...I } type { ...R }"
    " isDeprecated deprecationReason } inputFields(includeDeprecated: true) { ...I } interfaces { ...R }"
    " enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } possibleTypes "
    "{ ...R } }"
    " fragment I on __InputValue { name description type { ...R } defaultValue isDeprecated "
    "deprecationReason }"
    " fragment R on __Type { ";

#define WRAPPED_MAX 64 // lists and non-nulls around a type

static bool introspect(struct mer_arena *a, const struct mer_schema *api, struct mer_buf *b)
{
    struct mer_ast_document *doc = NULL;
    struct mer_variables vars = {0};
    mer_map_init(&vars.by_name, a);
    struct mer_buf text;
    mer_buf_init(&text, a, 4096);
    mer_buf_add_cstr(&text, introspection);
    for (int i = 0; i < WRAPPED_MAX; i++) {
        mer_buf_add_cstr(&text, "kind name ofType { ");
    }
    mer_buf_add_cstr(&text, "kind name ");
    for (int i = 0; i <= WRAPPED_MAX; i++) {
        mer_buf_add_char(&text, '}');
    }
    if (mer_parse(a, mer_buf_slice(&text), MER_PARSE_EXECUTABLE, NULL, &doc, NULL)) {
        return false;
    }
    mer_buf_add(b, MER_S("{\"data\":{\"__schema\":"));
    bool ok = !mer_introspect_field(a, api, doc, doc->operations[0]->selections->items[0], &vars, b);
    mer_buf_add(b, MER_S("}}\n"));
    return ok;
}

// `Type.field(argument:)` and the like, each as it stands in the schema.
static int print_elements(const struct mer_schema *api, const struct mer_schema_args *args, struct mer_buf *b)
{
    int rc = 0;
    for (size_t i = 0; i < args->coordinates_n; i++) {
        struct mer_coordinate c;
        struct mer_schema_element e;
        struct mer_diag d = {0};
        enum mer_err err = mer_coordinate_parse(mer_slice_of(args->coordinates[i]), &c, &d);
        err = err ? err : mer_coordinate_resolve(api, &c, &e, &d);
        if (err) {
            fprintf(stderr, "meridian: %s: %s\n", args->coordinates[i], d.msg);
            rc = 1;
            continue;
        }
        mer_print_schema_element(b, &e);
        mer_buf_add_char(b, '\n');
    }
    return rc;
}

int mer_command_schema(struct mer_arena *a, const struct mer_config *c, const struct mer_schema_args *args)
{
    int rc = 0;
    const struct mer_schema *api = mer_command_api(a, c);
    struct mer_buf b;
    if (!api) {
        return 2;
    }
    mer_buf_init(&b, a, 1 << 16);
    if (args->coordinates_n) {
        rc = print_elements(api, args, &b);
    } else if (!args->json) {
        mer_print_schema(&b, api);
    } else if (!introspect(a, api, &b)) {
        fprintf(stderr, "meridian: the schema cannot be told as introspection\n");
        return 1;
    }
    return fwrite(b.p, 1, b.n, stdout) == b.n ? rc : 1;
}
