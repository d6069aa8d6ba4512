// SPDX-License-Identifier: MIT
// Any bytes as an operation over the shipped schemas, planned and explained at an edge, a region and the
// global tier, for callers with and without rows, with and without a bound, as clients and as other gateways
// ask: every fetch is cut, placed and compiled, nothing is sent. Bytes after "\n%%\n" are the variables.
#include "base/log.h"
#include "gateway/site_build.h"
#include "gateway/snapshot.h"
#include "planner/operation.h"
#include "resolvers/explain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SHARED                                                                                               \
    "supergraph: " MER_SOURCE_DIR "/schema/supergraph.graphql\n"                                             \
    "regions:\n"                                                                                             \
    "  us-east: { environments: [blue, green], residency: open, entryPoint: "                                \
    "\"https://127.0.0.1:1/graphql\","                                                                       \
    " facilities: [facility-la-001, facility-boston-001] }\n"                                                \
    "  eu-central: { environments: [blue, green], entryPoint: \"https://127.0.0.1:2/graphql\","              \
    " facilities: [facility-frankfurt-001] }\n"
#define OPERATIONS                                                                                           \
    "sources:\n  operations:\n    sdl: " MER_SOURCE_DIR "/schema/operations.graphql\n    placements:\n"
#define ANALYTICS                                                                                            \
    "  analytics:\n    sdl: " MER_SOURCE_DIR "/schema/analytics.graphql\n    kpis: " MER_SOURCE_DIR          \
    "/schema/kpis.yaml\n    placements:\n"
#define GATEWAY(name, where)                                                                                 \
    "      - { name: " name ", kind: graphql, url: \"https://127.0.0.1:3/s\", " where " }\n"
#define DATABASE(name, where)                                                                                \
    "      - { name: " name ", kind: postgres, url: \"host=/x\", writeUrl: \"host=/x\", " where " }\n"

static const char *const configs[] = {
    "self: { name: us-east, tier: regional, region: us-east }\n" SHARED OPERATIONS DATABASE(
        "blue", "tier: regional, region: us-east, environment: blue")
        DATABASE("green", "tier: regional, region: us-east, environment: green")
            GATEWAY("facility-la-001", "tier: edge, region: us-east, facility: facility-la-001")
                GATEWAY("eu-central", "tier: regional, region: eu-central")
                    ANALYTICS DATABASE("blue", "tier: regional, region: us-east, environment: blue")
                        GATEWAY("global", "tier: global"),
    "self: { name: global, tier: global }\n" SHARED OPERATIONS GATEWAY("us-east",
                                                                       "tier: regional, region: us-east")
        GATEWAY("eu-central", "tier: regional, region: eu-central")
            ANALYTICS DATABASE("analytics", "tier: global")
                GATEWAY("us-east", "tier: regional, region: us-east")
                    GATEWAY("eu-central", "tier: regional, region: eu-central"),
    "self: { name: la, tier: edge, region: us-east, facility: facility-la-001 }\n" SHARED OPERATIONS DATABASE(
        "facility-la-001", "tier: edge, region: us-east, facility: facility-la-001")
        GATEWAY("us-east", "tier: regional, region: us-east")
            ANALYTICS GATEWAY("us-east", "tier: regional, region: us-east"),
};
#define SITES (sizeof(configs) / sizeof(configs[0]))

struct place_set {
    struct mer_snapshot *snapshot;
    struct mer_site site;
};

static void load(struct mer_arena *a, const char *text, struct place_set *out)
{
    struct mer_config_input in = {.path = "fuzz.yaml", .text = mer_slice_of(text)};
    struct mer_config *c = MER_NEW(a, struct mer_config);
    struct mer_diag d = {0};
    bool good =
        mer_config_parse(a, &in, c, &d) == MER_OK && mer_snapshot_load(c, &out->snapshot, &d) == MER_OK;
    if (!good) {
        mer_log(MER_LOG_ERROR, "fuzz", "%s", d.msg);
    }
    MER_ASSERT(good);
    mer_site_places(a, c, &out->site);
    out->site.graph = &out->snapshot->graph;
    for (uint32_t i = 0; i < out->site.sources_n; i++) {
        out->site.sources[i].binding = out->snapshot->sources[i].binding;
        out->site.sources[i].catalogue = out->snapshot->sources[i].catalogue;
        out->site.sources[i].graph = &out->snapshot->sources[i].graph;
    }
    out->site.board = mer_board_create(out->site.places_n);
    out->site.parts_total = MER_NEW_N(a, uint64_t, out->site.places_n);
    for (uint32_t i = 0; i < out->site.places_n; i++) {
        mer_board_set_up(out->site.board, i, true);
    }
}

static struct place_set *sites(void)
{
    static struct mer_arena *kept; // reachable until the end
    static struct place_set all[SITES];
    if (!kept) {
        kept = mer_arena_create(0);
        for (size_t i = 0; i < SITES; i++) {
            load(kept, configs[i], &all[i]);
        }
    }
    return all;
}

static void explain(struct mer_arena *a, struct mer_exec_ask *ask)
{
    static const char *const roles[] = {"worker", "executive"};
    for (int variant = 0; variant < 4; variant++) {
        struct mer_explain e;
        struct mer_buf text;
        struct mer_json j;
        ask->caller = (struct mer_caller){.tenant = MER_S("tenant-foo-inc"),
                                          .role = mer_slice_of(roles[variant & 1]),
                                          .facilities = variant & 2 ? MER_S("facility-la-001") : MER_S("*"),
                                          .rows = (variant & 1) == 0};
        ask->max_age_us = variant & 2 ? 5000000 : -1;
        mer_explain_make(ask, &e);
        mer_buf_init(&text, a, 4096);
        mer_explain_write_text(&text, &e);
        text.n = 0;
        mer_explain_write_json(&text, &e);
        MER_ASSERT(mer_json_parse(a, mer_buf_slice(&text), NULL, &j, NULL) == MER_OK);
    }
}

static void run(struct mer_site *site, const struct mer_graph *graph, bool hop, struct mer_slice text,
                struct mer_slice variables)
{
    struct mer_arena *a = mer_arena_create(256u << 20);
    struct mer_operation_opts opts = {
        .max_tokens = 10000, .limits = mer_limits_default(), .introspection = true};
    struct mer_operation *op = NULL;
    struct mer_operation_error *errors = NULL;
    struct mer_variables vars = {0};
    struct mer_in_error *bad = NULL;
    struct mer_json j;
    uint32_t n = 0;
    if (mer_operation_make(a, graph, text, MER_NIL, &opts, &op, &errors, &n)) {
        MER_ASSERT(n > 0 && errors[0].message.n > 0);
    } else if (mer_json_parse(a, variables, NULL, &j, NULL) == MER_OK &&
               mer_json_root(&j)->type == MER_JSON_OBJECT &&
               mer_coerce_variables(a, graph->api, op->ast, &j, mer_json_root(&j), &vars, &bad, &n) ==
                   MER_OK) {
        const struct mer_shape_field *dearest = NULL;
        struct mer_exec_ask ask = {.arena = a, .site = site, .plan = op->plan, .vars = &vars, .hop = hop};
        if (hop || mer_cost_count(op->cost, &vars, &dearest) <= 5000) {
            explain(a, &ask);
        }
    }
    mer_operation_unref(op);
    MER_ASSERT(!mer_arena_exhausted(a));
    mer_arena_destroy(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char mark[] = "\n%%\n";
    struct mer_slice text = {(const char *)data, size}, variables = MER_S("{}");
    const char *at = size ? memmem(data, size, mark, 4) : NULL;
    if (at) {
        text.n = (size_t)(at - text.p);
        variables = mer_slice_make(at + 4, size - text.n - 4);
    }
    struct place_set *all = sites();
    for (size_t i = 0; i < SITES; i++) {
        run(&all[i].site, all[i].site.graph, false, text, variables);
        for (uint32_t k = 0; k < all[i].site.sources_n; k++) {
            run(&all[i].site, all[i].site.sources[k].graph, true, text, variables);
        }
    }
    return 0;
}
