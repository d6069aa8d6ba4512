// SPDX-License-Identifier: MIT
// `meridian plan`: what an operation would do, without doing it.
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "gateway/commands.h"
#include "gateway/site_build.h"
#include "gateway/snapshot.h"
#include "planner/operation.h"
#include "resolvers/explain.h"

static int fail(int rc, const char *what)
{
    fprintf(stderr, "meridian: %s\n", what);
    return rc;
}

// ---- facts ----

static struct mer_slice member(struct mer_arena *a, const struct mer_json *j, const struct mer_json_node *o,
                               const char *key)
{
    const struct mer_json_node *n = mer_json_get(j, o, mer_slice_of(key));
    return n && n->type == MER_JSON_STRING ? mer_json_string(a, j, n) : MER_NIL;
}

static void take_place(struct mer_arena *a, struct mer_site *s, const struct mer_json *j,
                       const struct mer_json_node *p)
{
    struct mer_slice name = member(a, j, p, "name"), source = member(a, j, p, "source");
    const struct mer_json_node *up = mer_json_get(j, p, MER_S("up"));
    for (uint32_t i = 0; i < s->places_n; i++) {
        if (mer_slice_eq(s->places[i].name, name) &&
            mer_slice_eq(s->sources[s->places[i].source].name, source)) {
            mer_board_set_up(s->board, i, up && up->type == MER_JSON_TRUE);
        }
    }
}

// The JSON of /routes: which placements are up, which environments are live.
static bool take_routes(struct mer_arena *a, struct mer_site *s, struct mer_slice text)
{
    struct mer_json j;
    if (mer_json_parse(a, text, NULL, &j, NULL)) {
        return false;
    }
    const struct mer_json_node *regions = mer_json_get(&j, mer_json_root(&j), MER_S("regions"));
    const struct mer_json_node *r =
        regions && regions->type == MER_JSON_ARRAY ? mer_json_first(&j, regions) : NULL;
    for (uint32_t i = 0; r && i < regions->count; i++) {
        int64_t epoch = 0;
        const struct mer_json_node *en = mer_json_get(&j, r, MER_S("epoch"));
        struct mer_slice live = member(a, &j, r, "live");
        if (live.n && en && mer_json_i64(&j, en, &epoch)) {
            mer_board_set_region(s->board, member(a, &j, r, "region"), live, (uint64_t)epoch);
        }
        const struct mer_json_node *places = mer_json_get(&j, r, MER_S("placements"));
        const struct mer_json_node *p = places && places->count ? mer_json_first(&j, places) : NULL;
        for (uint32_t k = 0; p && k < places->count; k++) {
            take_place(a, s, &j, p);
            p = mer_json_next(&j, p);
        }
        r = mer_json_next(&j, r);
    }
    return r != NULL;
}

static bool load_facts(struct mer_arena *a, struct mer_site *s, const struct mer_config *c,
                       const struct mer_plan_args *args, const char **origin)
{
    struct mer_slice text = MER_NIL;
    const char *admin = args->admin ? args->admin : getenv("MERIDIAN_ADMIN");
    admin = admin ? admin : c->admin.address.n ? c->admin.address.p : NULL;
    for (uint32_t i = 0; i < s->places_n; i++) {
        mer_board_set_up(s->board, i, true);
    }
    if (args->facts) {
        struct mer_diag d = {0};
        *origin = args->facts;
        return mer_file_read(a, args->facts, &text, &d) == MER_OK && take_routes(a, s, text);
    }
    *origin = admin;
    if (!admin || !mer_admin_get(a, admin, "/routes", &text) || !take_routes(a, s, text)) {
        *origin = "none; all placements are taken as healthy and current";
    }
    return true;
}

// ---- the operation ----

static bool read_text(struct mer_arena *a, const char *path, struct mer_slice *out)
{
    struct mer_diag d = {0};
    if (mer_file_read(a, !path || strcmp(path, "-") == 0 ? "/dev/stdin" : path, out, &d)) {
        fprintf(stderr, "meridian: %s\n", d.msg);
        return false;
    }
    return true;
}

static bool read_variables(struct mer_arena *a, const struct mer_graph *g, const struct mer_operation *op,
                           const char *path, struct mer_variables *out)
{
    struct mer_slice text = MER_S("{}");
    struct mer_json j;
    struct mer_diag d = {0};
    struct mer_in_error *errors = NULL;
    uint32_t n = 0;
    if (path && !read_text(a, path, &text)) {
        return false;
    }
    if (mer_json_parse(a, text, NULL, &j, &d) || mer_json_root(&j)->type != MER_JSON_OBJECT) {
        fprintf(stderr, "meridian: %s:%u:%u: variables must be a JSON object\n", path, d.line, d.column);
        return false;
    }
    if (mer_coerce_variables(a, g->api, op->ast, &j, mer_json_root(&j), out, &errors, &n)) {
        for (uint32_t i = 0; i < n; i++) {
            fprintf(stderr, "meridian: %.*s\n", MER_FMT(errors[i].message));
        }
        return false;
    }
    return true;
}

static struct mer_operation *make_operation(struct mer_arena *a, const struct mer_graph *g,
                                            const struct mer_plan_args *args)
{
    struct mer_slice text = MER_NIL;
    struct mer_operation *op = NULL;
    struct mer_operation_error *errors = NULL;
    uint32_t n = 0;
    struct mer_operation_opts opts = {.introspection = true};
    if (!read_text(a, args->query, &text)) {
        return NULL;
    }
    if (mer_operation_make(a, g, text, MER_NIL, &opts, &op, &errors, &n)) {
        for (uint32_t i = 0; i < n; i++) {
            uint32_t line = errors[i].locations_n ? errors[i].locations[0].line : 0;
            uint32_t column = errors[i].locations_n ? errors[i].locations[0].column : 0;
            fprintf(stderr, "meridian: %s:%u:%u: %.*s\n", args->query ? args->query : "-", line, column,
                    MER_FMT(errors[i].message));
        }
        return NULL;
    }
    return op;
}

static void set_caller(struct mer_exec_ask *ask, const struct mer_plan_args *args)
{
    const char *role = args->role ? args->role : "developer";
    ask->caller.tenant = mer_slice_of(args->tenant ? args->tenant : "tenant");
    ask->caller.role = mer_slice_of(role);
    ask->caller.region = mer_slice_of(args->region);
    ask->caller.facilities = mer_slice_of(args->facilities ? args->facilities : "*");
    ask->caller.rows = strcmp(role, "executive") != 0 && strcmp(role, "operator") != 0;
    uint64_t seconds = 0;
    ask->max_age_us = -1;
    if (args->max_age && mer_slice_to_u64(mer_slice_of(args->max_age), &seconds)) {
        ask->max_age_us = (int64_t)seconds * 1000000;
    }
}

static void print(struct mer_arena *a, const struct mer_explain *e, const char *origin, bool json)
{
    struct mer_buf b;
    mer_buf_init(&b, a, 8192);
    if (json) {
        mer_explain_write_json(&b, e);
    } else {
        mer_buf_printf(&b, "facts: %s\n", origin);
        mer_explain_write_text(&b, e);
    }
    printf("%.*s%s", MER_FMT(mer_buf_slice(&b)), json ? "\n" : "");
}

int mer_command_plan(struct mer_arena *a, const struct mer_config *c, const struct mer_plan_args *args)
{
    struct mer_snapshot *snapshot = NULL;
    struct mer_diag d = {0};
    if (mer_snapshot_load(c, &snapshot, &d)) {
        return fail(2, d.msg);
    }
    struct mer_site site = {.graph = &snapshot->graph};
    if (c->router) {
        mer_site_subgraphs(a, snapshot, &site);
    } else {
        mer_site_places(a, c, &site);
    }
    for (uint32_t i = 0; i < site.sources_n; i++) {
        site.sources[i].binding = snapshot->sources[i].binding;
        site.sources[i].catalogue = snapshot->sources[i].catalogue;
    }
    site.board = mer_board_create(site.places_n);
    site.parts_total = MER_NEW_N(a, uint64_t, site.places_n);
    const char *origin = NULL;
    struct mer_variables vars = {0};
    struct mer_operation *op = make_operation(a, &snapshot->graph, args);
    int rc = 1;
    if (op && read_variables(a, &snapshot->graph, op, args->variables, &vars)) {
        if (load_facts(a, &site, c, args, &origin)) {
            struct mer_exec_ask ask = {.arena = a, .site = &site, .plan = op->plan, .vars = &vars};
            struct mer_explain e;
            set_caller(&ask, args);
            mer_explain_make(&ask, &e);
            print(a, &e, origin, args->json);
            rc = 0;
        } else {
            rc = fail(2, "the facts file is not the JSON of /routes");
        }
    }
    mer_operation_unref(op);
    mer_board_destroy(site.board);
    mer_snapshot_unref(snapshot);
    return rc;
}
