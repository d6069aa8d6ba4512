// SPDX-License-Identifier: MIT
// What the worst operations that we know take before they run: parsing, validation, planning, cost. Out: a
// line of JSON for each, with CPU milliseconds (the median of several), the most bytes held meanwhile, bytes
// kept with the operation, its fetches and how many of them wait for each other; or why it is refused.
#include "lib/heap.h"
#include "lib/worst.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/json.h"

#define ROUNDS 21

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static uint32_t depth_of(struct mer_arena *a, const struct mer_plan *p, uint32_t *asked)
{
    uint32_t deepest = 0, *depth = MER_NEW_N(a, uint32_t, p->fetches_n + 1);
    *asked = 0;
    for (uint32_t i = 0; i < p->fetches_n; i++) {
        const struct mer_plan_fetch *f = p->fetches[i];
        for (uint32_t k = 0; k < f->after_n; k++)
            depth[i] = depth[f->after[k]] > depth[i] ? depth[f->after[k]] : depth[i];
        depth[i] += f->kind != MER_FETCH_SPLICE;
        *asked += f->kind != MER_FETCH_SPLICE;
        deepest = depth[i] > deepest ? depth[i] : deepest;
    }
    return deepest;
}

static void measure(enum worst_kind k)
{
    const struct mer_operation_opts opts = {.introspection = true};
    struct mer_arena *a = mer_arena_create(0);
    struct mer_graph graph;
    struct mer_buf b;
    double took[ROUNDS];
    size_t kept = 0, peak = 0;
    uint32_t fetches = 0, depth = 0, n = 0;
    struct mer_operation_error *errors = NULL;
    worst_graph(a, k, &graph);
    struct mer_slice text = worst_operation(a, k);
    for (int i = 0; i < ROUNDS; i++) {
        struct mer_operation *op = NULL;
        if (i == 0) {
            mer_arena_trim();
            heap_mark();
        }
        double began = cpu_ms();
        enum mer_err err = mer_operation_make(a, &graph, text, MER_NIL, &opts, &op, &errors, &n);
        took[i] = cpu_ms() - began;
        kept = err ? 0 : mer_arena_total_bytes(op->arena);
        peak = i == 0 ? heap_peak() : peak;
        depth = err ? 0 : depth_of(a, op->plan, &fetches);
        mer_operation_unref(op);
    }
    qsort(took, ROUNDS, sizeof(*took), by_size);
    mer_buf_init(&b, a, 256);
    mer_buf_printf(&b,
                   "{\"operation\":\"%s\",\"ms\":%.3f,\"peak\":%zu,\"bytes\":%zu,\"fetches\":%u,\"depth\":%u,"
                   "\"refused\":",
                   worst_name(k), took[ROUNDS / 2], peak, kept, fetches, depth);
    if (n) {
        mer_json_write_string(&b, errors[0].message);
    } else {
        mer_buf_add_cstr(&b, "null");
    }
    printf("%.*s}\n", MER_FMT(mer_buf_slice(&b)));
    fflush(stdout);
    mer_arena_destroy(a);
}

int main(void)
{
    for (enum worst_kind k = 0; k < WORST_N; k++)
        measure(k);
    return 0;
}
