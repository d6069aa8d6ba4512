// SPDX-License-Identifier: MIT
// What the worst operations that we know take before they run: parsing, validation, planning, cost. Out: a
// line of JSON for each, with CPU milliseconds (the median of several), bytes kept with the operation, its
// fetches; or why it is refused.
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

static void measure(enum worst_kind k)
{
    const struct mer_operation_opts opts = {.introspection = true};
    struct mer_arena *a = mer_arena_create(0);
    struct mer_graph graph;
    struct mer_buf b;
    double took[ROUNDS];
    size_t kept = 0;
    uint32_t fetches = 0, n = 0;
    struct mer_operation_error *errors = NULL;
    worst_graph(a, k, &graph);
    struct mer_slice text = worst_operation(a, k);
    for (int i = 0; i < ROUNDS; i++) {
        struct mer_operation *op = NULL;
        double began = cpu_ms();
        enum mer_err err = mer_operation_make(a, &graph, text, MER_NIL, &opts, &op, &errors, &n);
        took[i] = cpu_ms() - began;
        kept = err ? 0 : mer_arena_total_bytes(op->arena);
        fetches = err ? 0 : op->plan->fetches_n;
        mer_operation_unref(op);
    }
    qsort(took, ROUNDS, sizeof(*took), by_size);
    mer_buf_init(&b, a, 256);
    mer_buf_printf(&b, "{\"operation\":\"%s\",\"ms\":%.3f,\"bytes\":%zu,\"fetches\":%u,\"refused\":",
                   worst_name(k), took[ROUNDS / 2], kept, fetches);
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
