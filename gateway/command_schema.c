// SPDX-License-Identifier: MIT
// For frontends: `meridian schema` prints what clients see, `meridian validate` checks their documents
// against it, as the gateway would, limits included.
#include <stdio.h>

#include "gateway/commands.h"
#include "gateway/persisted.h"
#include "gateway/snapshot.h"
#include "gateway/worker.h"
#include "schema/introspect.h"
#include "schema/parser.h"
#include "schema/printer.h"

static int fail(const struct mer_diag *d, const char *path)
{
    if (d->line) {
        fprintf(stderr, "meridian: %s:%u:%u: %s\n", path, d->line, d->column, d->msg);
    } else {
        fprintf(stderr, "meridian: %s\n", d->msg);
    }
    return 2;
}

// `serve --supergraph` has no directives of its own; a configured gateway has.
static const struct mer_schema *load_api(struct mer_arena *a, const struct mer_config *c)
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
    " fragment R on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { "
    "kind name"
    " ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } }";

static bool introspect(struct mer_arena *a, const struct mer_schema *api, struct mer_buf *b)
{
    struct mer_ast_document *doc = NULL;
    struct mer_variables vars = {0};
    mer_map_init(&vars.by_name, a);
    if (mer_parse(a, mer_slice_of(introspection), MER_PARSE_EXECUTABLE, NULL, &doc, NULL)) {
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
    const struct mer_schema *api = load_api(a, c);
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

// ---- validate ----

struct checker {
    struct mer_arena *a;
    const struct mer_schema *api;
    struct mer_operation_opts opts;
    uint32_t findings, documents, operations;
};

static void tell(struct checker *c, const char *path, struct mer_loc loc, struct mer_slice message)
{
    printf("%s:%u:%u: %.*s\n", path, loc.line, loc.column, MER_FMT(message));
    c->findings++;
}

static void check_limits(struct checker *c, const char *path, const struct mer_ast_document *doc)
{
    for (uint32_t i = 0; i < doc->operations_n; i++) {
        struct mer_limit_breach b = {0};
        if (mer_limits_check(c->a, doc, doc->operations[i], &c->opts.limits, &b)) {
            tell(c, path, b.loc,
                 mer_arena_printf(c->a, "The operation exceeds limit %s: %llu, allowed are %llu.", b.limit,
                                  (unsigned long long)b.value, (unsigned long long)b.max));
        }
    }
}

static void check_document(struct checker *c, const char *path, struct mer_slice text)
{
    struct mer_diag d = {0};
    struct mer_parse_limits limits = {.max_tokens = c->opts.max_tokens};
    struct mer_ast_document *doc = NULL;
    c->documents++;
    if (mer_parse(c->a, text, MER_PARSE_EXECUTABLE, &limits, &doc, &d)) {
        tell(c, path, (struct mer_loc){d.line, d.column}, mer_slice_of(d.msg));
        return;
    }
    c->operations += doc->operations_n;
    struct mer_validate_options o = {.suggestions = true};
    struct mer_validation_error *errors = NULL;
    uint32_t n = 0;
    if (mer_validate(c->a, c->api, doc, &o, &errors, &n)) {
        for (uint32_t i = 0; i < n; i++) {
            struct mer_loc none = {1, 1};
            tell(c, path, errors[i].locations_n ? errors[i].locations[0] : none, errors[i].message);
        }
    }
    check_limits(c, path, doc);
}

// A list of trusted documents: each is named by its id.
static bool check_list(struct checker *c, const char *path, struct mer_slice text)
{
    struct mer_documents *docs = NULL;
    struct mer_diag d = {0};
    if (mer_documents_parse(c->a, text, &docs, &d)) {
        fail(&d, path);
        return false;
    }
    MER_MAP_EACH(&docs->by_id, e)
    {
        struct mer_slice name = mer_arena_printf(c->a, "%s#%.*s", path, MER_FMT(e->key));
        check_document(c, mer_arena_cstr(c->a, name), *(const struct mer_slice *)e->value);
    }
    return true;
}

static bool check_file(struct checker *c, const char *path)
{
    struct mer_slice text = MER_NIL;
    struct mer_diag d = {0};
    if (mer_file_read(c->a, strcmp(path, "-") == 0 ? "/dev/stdin" : path, &text, &d)) {
        fail(&d, path);
        return false;
    }
    if (mer_slice_ends(mer_slice_of(path), MER_S(".json"))) {
        return check_list(c, path, text);
    }
    check_document(c, path, text);
    return true;
}

int mer_command_validate(struct mer_arena *a, const struct mer_config *config, const char *const *paths,
                         size_t n)
{
    struct checker c = {.a = a, .api = load_api(a, config), .opts = mer_worker_operation_opts(config)};
    if (!c.api) {
        return 2;
    }
    for (size_t i = 0; i < n; i++) {
        if (!check_file(&c, paths[i])) {
            return 2;
        }
    }
    if (c.findings) {
        fprintf(stderr, "%u findings in %u documents\n", c.findings, c.documents);
        return 1;
    }
    printf("%u operations in %u documents are valid\n", c.operations, c.documents);
    return 0;
}
