// SPDX-License-Identifier: MIT
// Node ids: Type~region~partition~key, the key's columns joined by commas.
#include "resolvers/postgres/sql_priv.h"

struct sql_id sql_id_parse(struct mer_slice text)
{
    struct sql_id id = {0};
    struct mer_slice rest = text;
    if (!text.n || !memchr(text.p, '~', text.n)) {
        id.bare = true;
        id.key = text;
        return id;
    }
    id.type = mer_slice_cut(&rest, '~');
    id.region = mer_slice_cut(&rest, '~');
    id.partition = mer_slice_cut(&rest, '~');
    id.key = rest;
    return id;
}

struct mer_slice sql_id_partition(const struct mer_binding *b, struct mer_slice text,
                                  const struct mer_type *only)
{
    struct sql_id id = sql_id_parse(text);
    if (id.bare)
        return id.key;
    // Of node ids only those that name a partition itself: a facility's, not an order's.
    const struct mer_type *t = mer_schema_type(b->schema, id.type);
    const struct mer_bind_type *bt = t ? mer_binding_type(b, t) : NULL;
    bool whole = bt && bt->kind == MER_BIND_TABLE && bt->partition.n && bt->key.n == 0 && !id.key.n;
    return whole && (!only || only == t) ? id.partition : MER_NIL;
}

bool sql_id_write(struct sql_ctx *c, struct sql_cat *cat, struct sql_row row)
{
    const struct mer_bind_type *t = row.type;
    struct mer_buf *b = sql_cat_value(cat);
    mer_buf_add(b, MER_S("to_json(concat("));
    if (t->region.n || t->partition.n) {
        sql_literal(b, mer_arena_printf(c->a, "%.*s~", MER_FMT(t->type->name)));
        mer_buf_add_char(b, ',');
        if (t->region.n)
            sql_column(b, row.alias, t->region);
        else if (!sql_bind_region(c, b))
            return false;
        mer_buf_add(b, MER_S(",'~',"));
    } else {
        sql_literal(b, mer_arena_printf(c->a, "%.*s~~", MER_FMT(t->type->name)));
        mer_buf_add_char(b, ',');
    }
    if (t->partition.n) {
        sql_column(b, row.alias, t->partition);
        mer_buf_add_char(b, ',');
    }
    mer_buf_add(b, MER_S("'~'"));
    for (uint32_t i = 0; i < t->key.n; i++) {
        mer_buf_add_cstr(b, i ? ",','," : ",");
        sql_column(b, row.alias, t->key.items[i].name);
    }
    mer_buf_add(b, MER_S("))"));
    return true;
}

void sql_id_keys(const struct mer_bind_type *t, struct mer_slice text, struct mer_slice *partition,
                 struct mer_slice *keys)
{
    struct sql_id id = sql_id_parse(text);
    struct mer_slice rest = id.key;
    // A bare text is a key of an uncut table, or the partition where that is all there is to the key.
    bool fits = id.bare ? !t->partition.n || t->key.n == 0 : mer_slice_eq(id.type, t->type->name);
    for (uint32_t i = 0; i < t->key.n; i++) {
        bool last = i + 1 == t->key.n;
        struct mer_slice k = last ? rest : mer_slice_cut(&rest, ',');
        keys[i] = sql_castable(k, t->key.items[i].sql_type) ? k : MER_NIL;
        fits = fits && keys[i].p;
    }
    *partition = id.bare ? id.key : id.partition;
    if (t->partition.n && (!partition->n || !sql_castable(*partition, MER_S("text"))))
        fits = false;
    if (!fits) {
        *partition = MER_NIL;
        for (uint32_t i = 0; i < t->key.n; i++)
            keys[i] = MER_NIL;
    }
}
