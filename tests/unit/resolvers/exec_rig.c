// SPDX-License-Identifier: MIT
#include "unit/resolvers/exec_rig.h"

#include "mer_test.h"
#include "schema/parser.h"
#include "planner/federation.h"
#include "unit/resolvers/without_locations.h"

static const struct mer_slice west[] = {{"plant-1", 7}}, east[] = {{"plant-2", 7}};

struct mer_schema *rig_schema(struct mer_arena *a, const char *sdl)
{
    struct mer_ast_document *doc = NULL;
    struct mer_schema *s = NULL;
    struct mer_diag d = {0};
    struct mer_schema_options o = {.assume_valid = true, .allow_unknown_directives = true};
    assert_int_equal(mer_parse(a, mer_slice_of(sdl), MER_PARSE_TYPE_SYSTEM, NULL, &doc, &d), MER_OK);
    assert_int_equal(mer_schema_build(a, doc, &o, &s, &d), MER_OK);
    return s;
}

static void make_site(struct rig *r)
{
    r->sources[0] = (struct mer_site_source){.name = MER_S("rows"), .stale_after_us = 60000000};
    r->regions[0] = (struct mer_site_region){.name = MER_S("west"), .facilities = west, .facilities_n = 1};
    r->regions[1] = (struct mer_site_region){.name = MER_S("east"), .facilities = east, .facilities_n = 1};
    r->places[0] = (struct mer_place){
        .index = 0, .name = MER_S("db"), .sql = true, .tier = MER_TIER_REGIONAL, .region = MER_S("west")};
    r->places[1] = (struct mer_place){
        .index = 1, .name = MER_S("peer"), .tier = MER_TIER_REGIONAL, .region = MER_S("east")};
    r->site = (struct mer_site){
        .self = {MER_S("here"), MER_TIER_REGIONAL, MER_S("west"), MER_NIL},
        .sources = r->sources,
        .sources_n = 1,
        .places = r->places,
        .places_n = 2,
        .regions = r->regions,
        .regions_n = 2,
        .board = mer_board_create(2),
    };
}

void rig_begin(struct rig *r, const char *sdl, const char *query, const char *variables)
{
    struct mer_ast_document *doc = NULL;
    struct mer_plan *plan = NULL;
    struct mer_diag d = {0};
    struct mer_json j;
    struct mer_in_error *errors = NULL;
    uint32_t n = 0;
    *r = (struct rig){.a = mer_arena_create(0)};
    make_site(r);
    r->source = (struct mer_source){MER_S("rows"), 0, rig_schema(r->a, sdl), true};
    assert_int_equal(mer_graph_of_source(r->a, &r->source, &r->graph, &d), MER_OK);
    assert_int_equal(mer_parse(r->a, mer_slice_of(query), MER_PARSE_EXECUTABLE, NULL, &doc, &d), MER_OK);
    assert_int_equal(mer_plan_build(r->a, &r->graph, doc, doc->operations[0], NULL, &plan, &d), MER_OK);
    assert_int_equal(mer_json_parse(r->a, mer_slice_of(variables ? variables : "{}"), NULL, &j, &d), MER_OK);
    assert_int_equal(mer_coerce_variables(r->a, r->source.schema, doc->operations[0], &j, mer_json_root(&j),
                                          &r->vars, &errors, &n),
                     MER_OK);
    struct mer_exec *x = MER_NEW(r->a, struct mer_exec);
    x->a = r->a;
    x->errors_tail = &x->errors;
    x->now_us = 1765377000000000; // 2025-12-10T14:30:00Z
    x->ask = (struct mer_exec_ask){.arena = r->a, .site = &r->site, .plan = plan, .vars = &r->vars};
    mer_fresh_init(&x->fresh, r->a);
    x->root = mer_obj_new(r->a, 0);
    x->fetches = MER_NEW_N(r->a, struct exec_fetch, plan->fetches_n);
    for (uint32_t i = 0; i < plan->fetches_n; i++) {
        x->fetches[i].plan = plan->fetches[i];
        x->fetches[i].max_age_us = -1;
    }
    r->x = x;
}

static void add_part(struct rig *r, const struct rig_part *given)
{
    struct exec_fetch *f = &r->x->fetches[given->fetch];
    struct exec_part *p = exec_new_part(r->x, f, r->places[given->from].region);
    p->place = &r->places[given->from];
    if (given->facility) {
        exec_part_add_facility(p, mer_slice_of(given->facility));
    }
    if (given->error) {
        p->error = exec_part_error(p, given->error, "%s", "it failed");
        return;
    }
    struct mer_diag d = {0};
    assert_int_equal(mer_json_parse(r->a, mer_slice_of(given->json), NULL, &p->json, &d), MER_OK);
    p->value = mer_json_root(&p->json);
}

void rig_answer(struct rig *r, const struct rig_part *parts, uint32_t parts_n)
{
    for (uint32_t i = 0; i < r->x->ask.plan->fetches_n; i++) {
        struct exec_fetch *f = &r->x->fetches[i];
        assert_null(exec_coerce_root(r->x, f));
        exec_find_targets(r->x, f);
        for (uint32_t k = 0; k < parts_n; k++) {
            if (parts[k].fetch == i) {
                add_part(r, &parts[k]);
            }
        }
        if (f->parts_n) {
            exec_combine_root(r->x, f);
            exec_fetch_done(r->x, f);
        }
    }
    mer_buf_init(&r->out, r->a, 256);
    mer_exec_write(r->x, &r->out, &r->has_data);
    r->written = mer_arena_copy(r->a, mer_buf_slice(&r->out));
    without_locations(&r->out);
}

void rig_end(struct rig *r)
{
    mer_board_destroy(r->site.board);
    mer_arena_destroy(r->a);
}

void rig_expect(const char *sdl, const char *query, const struct rig_part *parts, uint32_t parts_n,
                const char *want)
{
    struct rig r;
    rig_begin(&r, sdl, query, NULL);
    rig_answer(&r, parts, parts_n);
    if (!mer_slice_is(mer_buf_slice(&r.out), want)) {
        fail_msg("%s\n  got  %.*s\n  want %s", query, MER_FMT(mer_buf_slice(&r.out)), want);
    }
    rig_end(&r);
}
