// SPDX-License-Identifier: MIT
// The scanner reads anything without a fault; what it accepts it can write again, and reading that gives the
// same document and the same bytes when written once more.
#include "base/json.h"
#include "base/log.h"
#include "base/utf8.h"

#include "json_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(struct mer_arena *a, const struct mer_json *j)
{
    struct mer_buf first, second;
    struct mer_json again;
    mer_buf_init(&first, a, 0);
    mer_buf_init(&second, a, 0);
    json_write_document(&first, a, j);
    MER_ASSERT(mer_json_parse(a, mer_buf_slice(&first), NULL, &again, NULL) == MER_OK);
    MER_ASSERT(again.nodes_n == j->nodes_n);
    for (uint32_t i = 0; i < j->nodes_n; i++) {
        MER_ASSERT(again.nodes[i].type == j->nodes[i].type && again.nodes[i].count == j->nodes[i].count);
        MER_ASSERT(again.nodes[i].next == j->nodes[i].next);
    }
    json_write_document(&second, a, &again);
    MER_ASSERT(mer_slice_eq(mer_buf_slice(&first), mer_buf_slice(&second)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mer_arena *a = mer_arena_create(0);
    struct mer_slice text = mer_arena_copy(a, mer_slice_make((const char *)data, size));
    struct mer_json_limits unique = {.unique_keys = true};
    struct mer_json j;
    struct mer_diag d = {.err = MER_OK};
    enum mer_err err = mer_json_parse(a, text, NULL, &j, &d);
    if (err) {
        MER_ASSERT(d.err == err && d.offset <= text.n);
    } else {
        MER_ASSERT(mer_utf8_valid(text));
        check_again(a, &j);
        err = mer_json_parse(a, text, &unique, &j, NULL);
        MER_ASSERT(err == MER_OK || err == MER_ERR_INVALID);
    }
    mer_arena_destroy(a);
    return 0;
}
