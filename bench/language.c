// SPDX-License-Identifier: MIT
// What a new operation costs before it runs: parsing, counting against the limits, validation, planning,
// cost.
//
//   language SUPERGRAPH SDL… -- OPERATION…    files; the operation stands before a line that holds %% alone
//   language --print SUPERGRAPH               what clients see of it, as SDL
//
// In: a number a line, how often each is made. Out: a line of JSON, CPU microseconds of one making of each
// operation.
#include "lib/load.h"
#include "planner/operation.h"
#include "schema/printer.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static struct mer_slice operation_of(struct mer_slice file)
{
    for (size_t i = 0; i + 4 <= file.n; i++)
        if (memcmp(file.p + i, "\n%%\n", 4) == 0)
            return mer_slice_make(file.p, i);
    return file;
}

static void make(struct mer_arena *a, const struct mer_graph *graph, struct mer_slice text, const char *name)
{
    const struct mer_operation_opts opts = {
        .max_tokens = 10000, .limits = mer_limits_default(), .introspection = true};
    struct mer_operation *op = NULL;
    struct mer_operation_error *errors = NULL;
    uint32_t n = 0;
    if (mer_operation_make(a, graph, text, MER_NIL, &opts, &op, &errors, &n) != MER_OK) {
        fprintf(stderr, "%s: %.*s\n", name, MER_FMT(errors[0].message));
        exit(1);
    }
    mer_operation_unref(op);
}

static int print_schema(struct mer_arena *a, const char *path)
{
    struct mer_buf b;
    mer_buf_init(&b, a, 1 << 16);
    mer_print_schema(&b, load_schema(a, path));
    fwrite(b.p, 1, b.n, stdout);
    return 0;
}

int main(int argc, char **argv)
{
    struct mer_arena *a = mer_arena_create(0), *errors = mer_arena_create(0);
    struct mer_graph graph;
    int files = 1, rounds;
    if (argc == 3 && strcmp(argv[1], "--print") == 0)
        return print_schema(a, mer_arena_cstr(a, mer_arena_printf(a, "api:%s", argv[2])));
    while (files < argc && strcmp(argv[files], "--") != 0)
        files++;
    if (files < 3 || files + 1 >= argc) {
        fprintf(stderr, "usage: language SUPERGRAPH SDL… -- OPERATION…\n");
        return 2;
    }
    load_graph(a, files - 1, argv + 1, &graph);
    int n = argc - files - 1;
    struct mer_slice *texts = MER_NEW_N(a, struct mer_slice, n);
    for (int i = 0; i < n; i++)
        texts[i] = operation_of(load_file(a, argv[files + 1 + i]));
    while (scanf("%d", &rounds) == 1 && rounds > 0) {
        for (int i = 0; i < n; i++) {
            double began = cpu_us();
            for (int k = 0; k < rounds; k++)
                make(errors, &graph, texts[i], argv[files + 1 + i]);
            printf("%s%.3f", i ? "," : "[", (cpu_us() - began) / rounds);
        }
        printf("]\n");
        fflush(stdout);
    }
    mer_arena_destroy(errors);
    mer_arena_destroy(a);
    return 0;
}
