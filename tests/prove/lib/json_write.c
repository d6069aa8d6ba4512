// SPDX-License-Identifier: MIT
#include "json_write.h"

#include "base/log.h"

// Without recursion: where a node index is some container's end, that
// container is closed.
void json_write_document(struct mer_buf *b, struct mer_arena *a, const struct mer_json *j)
{
    uint32_t *open = mer_arena_alloc(a, sizeof(*open) * (j->nodes_n + 1));
    uint32_t depth = 0;
    bool is_key = false, after_key = false;
    for (uint32_t i = 0; i < j->nodes_n; i++) {
        const struct mer_json_node *n = &j->nodes[i];
        while (depth && j->nodes[open[depth - 1]].next == i) {
            mer_buf_add_char(b, j->nodes[open[--depth]].type == MER_JSON_OBJECT ? '}' : ']');
            after_key = false;
        }
        bool in_object = depth && j->nodes[open[depth - 1]].type == MER_JSON_OBJECT;
        is_key = in_object && !after_key;
        if (depth && !after_key && open[depth - 1] != i - 1)
            mer_buf_add_char(b, ',');
        if (n->type == MER_JSON_STRING)
            mer_json_write_string(b, mer_json_string(a, j, n));
        else if (n->type < MER_JSON_STRING)
            mer_buf_add(b, mer_json_raw(j, n));
        else
            mer_buf_add_char(b, n->type == MER_JSON_OBJECT ? '{' : '[');
        if (is_key)
            mer_buf_add_char(b, ':');
        after_key = is_key;
        if (n->type >= MER_JSON_ARRAY) {
            MER_ASSERT(n->next > i && n->next <= j->nodes_n);
            open[depth++] = i;
        } else {
            MER_ASSERT(n->next == i + 1);
        }
    }
    while (depth)
        mer_buf_add_char(b, j->nodes[open[--depth]].type == MER_JSON_OBJECT ? '}' : ']');
}
