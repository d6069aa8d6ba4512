// SPDX-License-Identifier: MIT
#include "resolvers/postgres/pool_priv.h"

#include <stdlib.h>

void mer_pg_stmts_init(struct mer_pg_stmts *s, uint32_t max)
{
    *s = (struct mer_pg_stmts){.max = max};
    mer_map_init(&s->by_text, NULL);
    s->items = calloc(max, sizeof(*s->items));
    if (!s->items)
        abort();
}

void mer_pg_stmts_fini(struct mer_pg_stmts *s)
{
    mer_map_fini(&s->by_text);
    for (uint32_t i = 0; i < s->n; i++)
        free(s->items[i].text);
    free(s->items);
}

// A walk over all of them, but only for a text that is new when the table is full.
static struct mer_pg_stmt *least_used(struct mer_pg_stmts *s)
{
    struct mer_pg_stmt *oldest = &s->items[0];
    for (uint32_t i = 1; i < s->n; i++) {
        // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
        if (s->items[i].used_at < oldest->used_at)
            oldest = &s->items[i];
    }
    return oldest;
}

static struct mer_pg_stmt *add(struct mer_pg_stmts *s, struct mer_slice text)
{
    struct mer_pg_stmt *item;
    if (s->n < s->max) {
        item = &s->items[s->n++];
    } else {
        item = least_used(s);
        mer_map_del(&s->by_text, mer_slice_make(item->text, item->text_n));
        free(item->text);
    }
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
    item->text = malloc(text.n + 1);
    if (!item->text)
        abort();
    memcpy(item->text, text.p, text.n);
    item->text[text.n] = '\0';
    item->text_n = text.n;
    item->generation++;
    item->uses = 0;
    mer_map_put(&s->by_text, mer_slice_make(item->text, item->text_n), item);
    return item;
}

uint32_t mer_pg_stmts_number(struct mer_pg_stmts *s, struct mer_slice text)
{
    uint32_t *hint = &s->hints[(uintptr_t)text.p / 16 % MER_PG_HINTS];
    struct mer_pg_stmt *item = *hint < s->n ? &s->items[*hint] : NULL;
    if (!item || !mer_slice_eq(mer_slice_make(item->text, item->text_n), text))
        item = mer_map_get(&s->by_text, text);
    if (!item)
        item = add(s, text);
    *hint = (uint32_t)(item - s->items);
    if (item->uses < UINT32_MAX)
        item->uses++;
    item->used_at = ++s->clock;
    return (uint32_t)(item - s->items);
}
