// SPDX-License-Identifier: MIT
// What a request body costs the gateway until it is refused or planned: parameters, document, limits,
// validation, plan, variables, cost: every step before anything runs, with the shipped limits.
//
//   hostile_tool SUPERGRAPH SDL…      a SDL file for each source, named by its file
//
// In: "<flags> <bytes>\n", then the body; again and again. Flags: '-', or 'p' for a production gateway (no
// introspection, no suggestions), or 'b' for the schema of the planner's bomb (lib/worst.h). Out: one line of
// JSON a body: the code of the first error or "OK", the limit it names, how many errors, how many bytes their
// messages have, CPU in microseconds, the most heap bytes that were held at a time.
#include "base/json.h"
#include "gateway/graphql_http.h"
#include "planner/operation.h"
#include "schema/values.h"

#include "../unit/gateway/http_request.h"
#include "lib/heap.h"
#include "lib/load.h"
#include "lib/worst.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

// ---- one body ----

struct verdict {
    const char *code, *limit;
    uint32_t errors;
    size_t message_bytes;
};

static struct verdict refused(const struct mer_operation_error *e, uint32_t n)
{
    struct verdict v = {.code = e[0].code, .limit = e[0].limit, .errors = n};
    for (uint32_t i = 0; i < n; i++)
        v.message_bytes += e[i].message.n;
    return v;
}

static struct verdict run(struct mer_arena *a, const struct mer_graph *g, struct mer_operation *op,
                          const struct mer_graphql_params *p, const struct mer_coerce_options *how)
{
    const uint64_t budget = 5000;
    struct mer_variables vars;
    struct mer_in_error *in = NULL;
    uint32_t n = 0;
    struct verdict v = {.code = "OK"};
    enum mer_err err =
        mer_coerce_variables_with(a, g->api, op->ast, p->variables_json, p->variables, how, &vars, &in, &n);
    if (err == MER_ERR_LIMIT) {
        v = (struct verdict){"QUERY_TOO_COMPLEX", in[n - 1].items ? "listArgument" : NULL, n, 0};
    } else if (err != MER_OK) {
        v = (struct verdict){.code = "BAD_USER_INPUT", .errors = n};
        for (uint32_t i = 0; i < n; i++)
            v.message_bytes += in[i].message.n;
    } else if (mer_cost_count(op->cost, &vars, &(const struct mer_shape_field *){NULL}) > budget) {
        v = (struct verdict){.code = "QUERY_TOO_COMPLEX", .limit = "cost", .errors = 1};
    }
    return v;
}

static struct verdict judge(struct mer_arena *a, const struct mer_graph *g, struct mer_coder *coder,
                            struct mer_slice body, bool production)
{
    const struct mer_operation_opts opts = {
        .max_tokens = 10000, .limits = mer_limits_default(), .introspection = !production};
    struct mer_graphql_params p;
    struct mer_http_problem problem = {0};
    struct mer_operation *op = NULL;
    struct mer_operation_error *errors = NULL;
    struct http_request r;
    uint32_t n = 0;
    http_request_init(&r, a, "POST", "/graphql", "content-type: application/json\n");
    r.pub.body = body;
    if (!mer_graphql_params_read(&r.pub, coder, &(struct mer_graphql_limits){(size_t)1 << 30, 32768}, &p,
                                 &problem))
        return (struct verdict){problem.code, problem.limit, 1, strlen(problem.message)};
    if (mer_operation_make(a, g, p.query, p.operation_name, &opts, &op, &errors, &n) != MER_OK)
        return refused(errors, n);
    const struct mer_coerce_options how = {.suggestions = !production, .list_items = opts.limits.list_items};
    struct verdict v = run(a, g, op, &p, &how);
    mer_operation_unref(op);
    return v;
}

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

// Measured three times, the least told: the first warms caches up.
static void measure(const struct mer_graph *g, struct mer_coder *coder, struct mer_slice body,
                    bool production)
{
    uint64_t least = UINT64_MAX;
    size_t peak = 0;
    for (int round = 0; round < 3; round++) {
        mer_arena_trim();
        heap_mark();
        uint64_t began = cpu_ns();
        struct mer_arena *a = mer_arena_create(64u << 20);
        struct verdict v = judge(a, g, coder, body, production);
        uint64_t took = cpu_ns() - began;
        least = took < least ? took : least;
        peak = heap_peak();
        if (round == 2)
            printf(
                "{\"code\":\"%s\",\"limit\":\"%s\",\"errors\":%u,\"bytes\":%zu,\"us\":%.1f,\"peak\":%zu}\n",
                v.code, v.limit ? v.limit : "", v.errors, v.message_bytes, (double)least / 1000, peak);
        mer_arena_destroy(a);
    }
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct mer_arena *a = mer_arena_create(0);
    struct mer_graph graph, bomb;
    char flags[8];
    size_t n;
    if (argc < 3) {
        fprintf(stderr, "usage: hostile_tool SUPERGRAPH SDL…\n");
        return 2;
    }
    load_graph(a, argc - 1, argv + 1, &graph);
    worst_graph(a, WORST_BOMB, &bomb);
    struct mer_coder *coder = mer_coder_create();
    while (scanf("%7s %zu", flags, &n) == 2 && getchar() == '\n') {
        char *body = malloc(n ? n : 1);
        if (!body || fread(body, 1, n, stdin) != n)
            return 2;
        measure(strchr(flags, 'b') ? &bomb : &graph, coder, mer_slice_make(body, n),
                strchr(flags, 'p') != NULL);
        free(body);
    }
    mer_coder_destroy(coder);
    mer_arena_destroy(a);
    return feof(stdin) ? 0 : 2;
}
