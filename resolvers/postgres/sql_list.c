// SPDX-License-Identifier: MIT
// Where rows come from, in which order; plain lists of them.
#include "resolvers/postgres/sql_priv.h"

struct mer_slice sql_held(const struct sql_list *l)
{
    struct mer_slice partition = l->field->target->partition;
    if (l->cut == SQL_CUT_ONE || l->cut == SQL_CUT_EACH)
        return partition;
    for (uint32_t i = 0; l->parent.type && !l->field->via.n && i < l->field->on_n; i++)
        if (mer_slice_eq(l->field->to[i], partition))
            return partition;
    return MER_NIL;
}

static bool join(struct sql_ctx *c, struct mer_buf *b, const struct sql_list *l, uint32_t alias, bool *first)
{
    const struct mer_bind_field *f = l->field;
    mer_buf_add(b, MER_S(" from "));
    mer_buf_add(b, f->target->table);
    mer_buf_add_char(b, ' ');
    sql_alias(b, alias);
    if (!f->via.n) {
        for (uint32_t i = 0; i < f->on_n; i++) {
            sql_and(b, first);
            sql_column(b, alias, f->to[i]);
            mer_buf_add(b, MER_S(" = "));
            sql_column(b, l->parent.alias, f->from[i]);
        }
        return true;
    }
    struct sql_row between = {f->target, ++c->alias_n}; // carries the tenant by the same column
    mer_buf_add(b, MER_S(" join "));
    mer_buf_add(b, f->via);
    mer_buf_add_char(b, ' ');
    sql_alias(b, between.alias);
    for (uint32_t i = 0; i < f->via_n; i++) {
        mer_buf_add_cstr(b, i ? " and " : " on ");
        sql_column(b, alias, f->to[i]);
        mer_buf_add(b, MER_S(" = "));
        sql_column(b, between.alias, f->via_from[i]);
    }
    for (uint32_t i = 0; i < f->on_n; i++) {
        sql_and(b, first);
        sql_column(b, between.alias, f->via_to[i]);
        mer_buf_add(b, MER_S(" = "));
        sql_column(b, l->parent.alias, f->from[i]);
    }
    return sql_tenant(c, b, between, first);
}

static bool cut(struct sql_ctx *c, struct mer_buf *b, const struct sql_list *l, uint32_t alias, bool *first)
{
    if (l->cut == SQL_CUT_NONE)
        return true;
    sql_and(b, first);
    sql_column(b, alias, l->field->target->partition);
    if (l->cut == SQL_CUT_EACH) {
        mer_buf_add(b, MER_S(" = f.v"));
        return true;
    }
    mer_buf_add_cstr(b, l->cut == SQL_CUT_ONE ? " = " : " = any(");
    if (l->cut == SQL_CUT_ONE)
        return sql_bind_text(c, b, l->partitions[0], false, MER_S("text"));
    if (!sql_bind_array(c, b, l->partitions, l->partitions_n, MER_S("text")))
        return false;
    mer_buf_add_char(b, ')');
    return true;
}

bool sql_source(struct sql_ctx *c, struct mer_buf *b, const struct sql_list *l, uint32_t alias, bool *first)
{
    const struct mer_bind_field *f = l->field;
    if (l->parent.type) {
        if (!join(c, b, l, alias, first))
            return false;
    } else {
        mer_buf_add(b, MER_S(" from "));
        mer_buf_add(b, f->target->table);
        mer_buf_add_char(b, ' ');
        sql_alias(b, alias);
    }
    if (!sql_tenant(c, b, (struct sql_row){f->target, alias}, first) || !cut(c, b, l, alias, first))
        return false;
    if (f->where.n) {
        sql_and(b, first);
        if (!sql_expr(c, b, f->where, alias, NULL, NULL))
            return false;
    }
    return sql_filters(c, b, f, l->args, alias, first);
}

void sql_order_by(struct mer_buf *b, const struct mer_bind_order *o, bool descending, uint32_t alias,
                  struct mer_slice held)
{
    bool first = true;
    for (uint32_t i = 0; i < o->by.n; i++) {
        // The first column stays whatever it is, so that there is one.
        if (i > 0 && held.n && mer_slice_eq(o->by.items[i].name, held))
            continue;
        mer_buf_add_cstr(b, first ? " order by " : ", ");
        first = false;
        sql_column(b, alias, o->by.items[i].name);
        if (descending)
            mer_buf_add(b, MER_S(" desc"));
    }
}

bool sql_list(struct sql_ctx *c, struct sql_cat *cat, const struct sql_list *l)
{
    sql_cat_text(cat, "[");
    struct mer_buf *b = sql_cat_value(cat);
    struct sql_row row = {l->field->target, ++c->alias_n};
    struct sql_cat inner;
    uint64_t multiplier = c->multiplier;
    bool first = true;
    // How many rows a plain list has is not known; ten is what lines of orders and machines of halls come to.
    c->multiplier *= 10;
    c->rows += c->multiplier;
    mer_buf_add(b, MER_S("(select string_agg("));
    sql_cat_begin(&inner, b);
    if (!sql_object(c, &inner, row, row.type, l->fetch))
        return false;
    sql_cat_end(&inner);
    mer_buf_printf(b, ",',') from (select t%u.*", row.alias);
    if (!sql_source(c, b, l, row.alias, &first))
        return false;
    sql_order_by(b, &l->field->order, l->field->order.descending, row.alias, sql_held(l));
    mer_buf_printf(b, ") t%u)", row.alias);
    sql_cat_text(cat, "]");
    c->multiplier = multiplier;
    return true;
}
