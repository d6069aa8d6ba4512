// SPDX-License-Identifier: MIT
// Reads JSON documents and writes them again: what tests/prove/lib/json_round_trip.py holds against Python's
// reader.
//
// In: "<bytes>\n", then the document; again and again. Out: a line each, the document written from its nodes;
// or
// "! " and what is wrong with it. Each document lies in a heap block of exactly its length: a sanitizer sees
// every read past it.
#include "lib/json_write.h"

#include <stdio.h>
#include <stdlib.h>

static void answer(struct mer_arena *a, struct mer_slice text)
{
    const struct mer_json_limits limits = {.unique_keys = true};
    struct mer_json j;
    struct mer_diag d = {0};
    struct mer_buf b;
    mer_buf_init(&b, a, text.n + 64);
    if (mer_json_parse(a, text, &limits, &j, &d) != MER_OK)
        mer_buf_printf(&b, "! %u:%u: %s", d.line, d.column, d.msg);
    else
        json_write_document(&b, a, &j);
    mer_buf_add_char(&b, '\n');
    fwrite(b.p, 1, b.n, stdout);
    fflush(stdout); // who asks in batches waits for the last
}

int main(void)
{
    struct mer_arena *a = mer_arena_create(0);
    size_t n;
    while (scanf("%zu", &n) == 1 && getchar() == '\n') {
        char *text = malloc(n ? n : 1);
        if (!text || fread(text, 1, n, stdin) != n)
            return 2;
        answer(a, mer_slice_make(text, n));
        mer_arena_reset(a);
        free(text);
    }
    mer_arena_destroy(a);
    return feof(stdin) ? 0 : 2;
}
