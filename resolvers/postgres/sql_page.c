// SPDX-License-Identifier: MIT
// Connections: how a page begins and ends, and what it tells of itself.
#include "resolvers/postgres/cursor.h"
#include "resolvers/postgres/sql_priv.h"

struct page {
    const struct sql_list *list;
    struct mer_bind_order order;
    bool descending;
    bool after; // a cursor was given
    struct mer_cursor cursor;
    struct mer_slice limit; // "$n::int": one more than `first`
    uint32_t first;
    uint32_t alias;
};

// ---- a page's arguments ----

static bool read_first(struct sql_ctx *c, const struct mer_bind_where *w, const struct mer_in *v,
                       struct page *p)
{
    int64_t n = 20;
    const struct mer_ast_value *given = w->input->default_value;
    if (v && v->kind != MER_IN_NULL) {
        if (v->kind != MER_IN_INT || !mer_slice_to_i64(v->text, &n) || n < 0)
            return sql_fail(c, MER_ERR_INVALID, "first: must not be negative");
    } else if (given && given->kind == MER_VALUE_INT && !mer_slice_to_i64(given->text, &n)) {
        n = 20;
    }
    p->first = n > SQL_FIRST_MAX ? SQL_FIRST_MAX : (uint32_t)n;
    return true;
}

static bool read_order(struct sql_ctx *c, const struct mer_bind_where *w, const struct mer_in *v,
                       struct page *p)
{
    const struct mer_type *t = w->input->type.type;
    if (!v || v->kind != MER_IN_OBJECT)
        return true;
    p->descending = false;
    for (uint32_t i = 0; i < t->inputs_n && i < v->n; i++) {
        const struct mer_in *x = v->items[i];
        const struct mer_type *e = t->inputs[i].type.type;
        if (!x || x->kind != MER_IN_ENUM)
            continue;
        if (mer_slice_is(t->inputs[i].name, "dir"))
            p->descending = mer_slice_is(x->text, "DESC");
        for (uint32_t k = 0; mer_slice_is(t->inputs[i].name, "field") && k < e->values_n; k++)
            if (mer_slice_eq(e->values[k].name, x->text))
                p->order = w->orders[k];
    }
    c->slow = c->slow || !p->order.indexed;
    return true;
}

// A cursor of another order, or with values that Postgres would choke on, is not one of this list's.
static bool check_cursor(struct sql_ctx *c, const struct mer_in *v, struct page *p)
{
    const struct mer_bind_order *o = &p->order;
    bool ok = v->kind == MER_IN_STRING && mer_cursor_decode(c->a, v->text, &p->cursor) &&
              p->cursor.n == o->by.n && mer_slice_eq(p->cursor.order, o->cursor_order[p->descending]) &&
              mer_slice_eq(p->cursor.shape, o->cursor_shape[p->descending]);
    for (uint32_t i = 0; ok && i < o->by.n; i++) {
        struct mer_slice value = p->cursor.values[i];
        ok = value.p ? sql_castable(value, o->by.items[i].sql_type) : o->by.items[i].nullable;
    }
    p->after = true;
    return ok ? true : sql_fail(c, MER_ERR_INVALID, "after: is no cursor of this list");
}

static bool read_page(struct sql_ctx *c, struct page *p)
{
    const struct mer_bind_field *f = p->list->field;
    const struct mer_in *after = NULL;
    p->order = f->order;
    p->descending = f->order.descending;
    p->first = 20;
    for (uint32_t i = 0; i < f->field->arguments_n; i++) {
        const struct mer_bind_where *w = &f->arguments[i];
        const struct mer_in *v = p->list->args[i];
        if (w->role == MER_ARG_FIRST && !read_first(c, w, v, p))
            return false;
        if (w->role == MER_ARG_ORDER && !read_order(c, w, v, p))
            return false;
        if (w->role == MER_ARG_AFTER && v && v->kind != MER_IN_NULL)
            after = v;
    }
    c->slow = c->slow || !p->order.indexed;
    if (after && !check_cursor(c, after, p))
        return false;
    return true;
}

static bool bind_limit(struct sql_ctx *c, struct page *p)
{
    struct mer_buf limit;
    mer_buf_init(&limit, c->a, 16);
    if (!sql_bind_text(c, &limit, mer_arena_printf(c->a, "%u", p->first + 1), false, MER_S("int")))
        return false;
    p->limit = mer_buf_slice(&limit);
    return true;
}

// ---- the rows of a page ----

// (columns) < (values), from the column `from` on.
static bool beyond(struct sql_ctx *c, struct mer_buf *b, const struct page *p, uint32_t from)
{
    for (uint32_t i = from; i < p->order.by.n; i++) {
        mer_buf_add(b, i == from ? MER_S("(") : MER_S(", "));
        sql_column(b, p->alias, p->order.by.items[i].name);
    }
    mer_buf_add(b, p->descending ? MER_S(") < (") : MER_S(") > ("));
    for (uint32_t i = from; i < p->order.by.n; i++) {
        if (i > from)
            mer_buf_add(b, MER_S(", "));
        if (!sql_bind_text(c, b, p->cursor.values[i], false, p->order.by.items[i].sql_type))
            return false;
    }
    mer_buf_add_char(b, ')');
    return true;
}

// Rows behind the cursor. Nulls are the greatest: last on the way up, first on the way down.
static bool keyset(struct sql_ctx *c, struct mer_buf *b, const struct page *p, bool *first)
{
    const struct mer_bind_column *lead = &p->order.by.items[0];
    if (!p->after)
        return true;
    sql_and(b, first);
    if (!lead->nullable)
        return beyond(c, b, p, 0);
    if (p->cursor.values[0].p) {
        mer_buf_add_char(b, '(');
        if (!beyond(c, b, p, 0))
            return false;
        if (!p->descending) {
            mer_buf_add(b, MER_S(" or "));
            sql_column(b, p->alias, lead->name);
            mer_buf_add(b, MER_S(" is null"));
        }
        mer_buf_add_char(b, ')');
        return true;
    }
    mer_buf_add(b, MER_S("(("));
    sql_column(b, p->alias, lead->name);
    mer_buf_add(b, MER_S(" is null and "));
    if (!beyond(c, b, p, 1))
        return false;
    mer_buf_add_char(b, ')');
    if (p->descending) {
        mer_buf_add(b, MER_S(" or "));
        sql_column(b, p->alias, lead->name);
        mer_buf_add(b, MER_S(" is not null"));
    }
    mer_buf_add_char(b, ')');
    return true;
}

static bool page_of(struct sql_ctx *c, struct mer_buf *b, const struct page *p, const struct sql_list *l)
{
    bool first = true;
    mer_buf_printf(b, "select t%u.*", p->alias);
    if (!sql_source(c, b, l, p->alias, &first) || !keyset(c, b, p, &first))
        return false;
    sql_order_by(b, &p->order, p->descending, p->alias, sql_held(l));
    mer_buf_add(b, MER_S(" limit "));
    mer_buf_add(b, p->limit);
    return true;
}

// "(select …) tN". Over several partitions each gives its own page by its own index, and the best of them
// stay.
static bool page_rows(struct sql_ctx *c, struct mer_buf *b, const struct page *p)
{
    mer_buf_add_char(b, '(');
    if (p->list->cut != SQL_CUT_ANY) {
        if (!page_of(c, b, p, p->list))
            return false;
    } else {
        struct sql_list each = *p->list;
        each.cut = SQL_CUT_EACH;
        mer_buf_printf(b, "select t%u.* from unnest(", p->alias);
        if (!sql_bind_array(c, b, each.partitions, each.partitions_n, MER_S("text")))
            return false;
        mer_buf_add(b, MER_S(") f(v) cross join lateral ("));
        if (!page_of(c, b, p, &each))
            return false;
        mer_buf_add(b, MER_S(") "));
        sql_alias(b, p->alias);
        sql_order_by(b, &p->order, p->descending, p->alias, MER_NIL);
        mer_buf_add(b, MER_S(" limit "));
        mer_buf_add(b, p->limit);
    }
    mer_buf_add(b, MER_S(") "));
    sql_alias(b, p->alias);
    return true;
}

// ---- what a connection answers ----

// One value of a cursor: a JSON string, or null.
static void cursor_value(struct sql_cat *cat, uint32_t alias, const struct mer_bind_column *column)
{
    bool text = mer_slice_is(column->sql_type, "text");
    if (!text && !column->nullable) { // needs no escapes
        sql_cat_text(cat, ",\"");
        sql_column(sql_cat_value(cat), alias, column->name);
        sql_cat_text(cat, "\"");
        return;
    }
    sql_cat_text(cat, ",");
    struct mer_buf *b = sql_cat_value(cat);
    mer_buf_add(b, text ? MER_S("coalesce(to_json(") : MER_S("coalesce('\"'||"));
    sql_column(b, alias, column->name);
    mer_buf_add(b, text ? MER_S("),'null')") : MER_S("::text||'\"','null')"));
}

// replace() four times is ten times as fast as translate(), which goes character by character.
static void write_cursor(struct mer_buf *b, const struct page *p)
{
    struct sql_cat cat;
    mer_buf_add(b, MER_S("replace(replace(replace(replace(encode(convert_to("));
    sql_cat_begin(&cat, b);
    sql_cat_text(&cat, "[" MER_CURSOR_VERSION_TEXT ",\"");
    sql_cat_slice(&cat, p->order.cursor_order[p->descending]);
    sql_cat_text(&cat, "\",\"");
    sql_cat_slice(&cat, p->order.cursor_shape[p->descending]);
    sql_cat_text(&cat, "\"");
    for (uint32_t i = 0; i < p->order.by.n; i++)
        cursor_value(&cat, p->alias, &p->order.by.items[i]);
    sql_cat_text(&cat, "]");
    sql_cat_end(&cat);
    mer_buf_add(b, MER_S(",'UTF8'),'base64'),'+','-'),'/','_'),'=',''),E'\\n','')"));
}

static void write_typename(struct sql_cat *cat, const struct mer_type *t)
{
    sql_cat_text(cat, "\"");
    sql_cat_slice(cat, t->name);
    sql_cat_text(cat, "\"");
}

static bool edge(struct sql_ctx *c, struct sql_cat *cat, const struct page *p,
                 const struct mer_fetch_field *edges)
{
    struct sql_row row = {p->list->field->target, p->alias};
    const struct mer_type *t = edges->field->type.type;
    bool first = true;
    sql_cat_text(cat, "{");
    for (uint32_t i = 0; i < edges->children_n; i++) {
        const struct mer_fetch_field *f = edges->children[i];
        if (!sql_kept(c, f, t))
            continue;
        if (!sql_cat_key(c, cat, f->key, &first))
            return false;
        if (f->field == c->binding->schema->typename_field) {
            write_typename(cat, t);
        } else if (mer_slice_is(f->field->name, "cursor")) {
            sql_cat_text(cat, "\"");
            write_cursor(sql_cat_value(cat), p);
            sql_cat_text(cat, "\"");
        } else if (mer_slice_is(f->field->name, "node")) {
            if (!sql_object(c, cat, row, row.type, f))
                return false;
        } else {
            return sql_fail(c, MER_ERR_NOT_FOUND, "an edge has a cursor and a node only");
        }
    }
    sql_cat_text(cat, "}");
    return true;
}

static bool edges_agg(struct sql_ctx *c, struct mer_buf *b, const struct page *p,
                      const struct mer_fetch_field *f)
{
    struct sql_cat cat;
    mer_buf_add(b, MER_S("string_agg("));
    sql_cat_begin(&cat, b);
    if (!edge(c, &cat, p, f))
        return false;
    sql_cat_end(&cat);
    mer_buf_printf(b, ",',') filter (where t%u.mer_n < ", p->alias);
    mer_buf_add(b, p->limit);
    mer_buf_add_char(b, ')');
    return true;
}

// pageInfo, from the columns that page_summary makes.
static bool page_info(struct sql_ctx *c, struct sql_cat *cat, const struct page *p,
                      const struct mer_fetch_field *info)
{
    const struct mer_type *t = info->field->type.type;
    bool first = true;
    sql_cat_text(cat, "{");
    for (uint32_t i = 0; i < info->children_n; i++) {
        const struct mer_fetch_field *f = info->children[i];
        struct mer_slice name = f->field->name;
        if (!sql_kept(c, f, t))
            continue;
        if (!sql_cat_key(c, cat, f->key, &first))
            return false;
        if (f->field == c->binding->schema->typename_field) {
            write_typename(cat, t);
        } else if (mer_slice_is(name, "hasNextPage")) {
            struct mer_buf *b = sql_cat_value(cat);
            mer_buf_printf(b, "(p%u.mer_rows >= ", p->alias);
            mer_buf_add(b, p->limit);
            mer_buf_add(b, MER_S(")::text"));
        } else if (mer_slice_is(name, "hasPreviousPage")) {
            sql_cat_slice(cat, p->after ? MER_S("true") : MER_S("false"));
        } else if (mer_slice_is(name, "startCursor") || mer_slice_is(name, "endCursor")) {
            mer_buf_printf(sql_cat_value(cat), "coalesce('\"'||p%u.mer_%s||'\"','null')", p->alias,
                           name.p[0] == 's' ? "start" : "end");
        } else {
            return sql_fail(c, MER_ERR_NOT_FOUND, "PageInfo has no %.*s", MER_FMT(name));
        }
    }
    sql_cat_text(cat, "}");
    return true;
}

static bool wants(struct sql_ctx *c, const struct mer_fetch_field *f, const char *part, const char *leaf)
{
    for (uint32_t i = 0; i < f->children_n; i++) {
        const struct mer_fetch_field *child = f->children[i];
        if (mer_slice_is(child->field->name, part) && sql_kept(c, child, f->field->type.type) &&
            (!leaf || wants(c, child, leaf, NULL)))
            return true;
    }
    return false;
}

// " from (select …) pN": one row with every edges (mer_e0, …), and what pageInfo tells.
static bool page_summary(struct sql_ctx *c, struct mer_buf *b, const struct page *p)
{
    const struct mer_fetch_field *f = p->list->fetch;
    const char *ends[] = {"start", "end"};
    bool cursors[] = {wants(c, f, "pageInfo", "startCursor"), wants(c, f, "pageInfo", "endCursor")};
    mer_buf_add(b, MER_S(" from (select count(*) as mer_rows"));
    for (uint32_t i = 0; i < f->children_n; i++) {
        if (!mer_slice_is(f->children[i]->field->name, "edges") ||
            !sql_kept(c, f->children[i], f->field->type.type))
            continue;
        mer_buf_add_char(b, ',');
        if (!edges_agg(c, b, p, f->children[i]))
            return false;
        mer_buf_printf(b, " as mer_e%u", i);
    }
    for (int i = 0; i < 2; i++) {
        if (!cursors[i])
            continue;
        mer_buf_add(b, MER_S(",max("));
        write_cursor(b, p);
        mer_buf_printf(b, ") filter (where t%u.mer_n = ", p->alias);
        if (i == 0) {
            mer_buf_add(b, MER_S("1 and 1 < "));
            mer_buf_add(b, p->limit);
        } else {
            mer_buf_printf(b, "least(t%u.mer_m,", p->alias);
            mer_buf_add(b, p->limit);
            mer_buf_add(b, MER_S("-1)"));
        }
        mer_buf_printf(b, ") as mer_%s", ends[i]);
    }
    mer_buf_printf(b, " from (select t%u.*,row_number() over () as mer_n", p->alias);
    if (cursors[1])
        mer_buf_add(b, MER_S(",count(*) over () as mer_m"));
    mer_buf_add(b, MER_S(" from "));
    if (!page_rows(c, b, p))
        return false;
    mer_buf_printf(b, ") t%u) p%u", p->alias, p->alias);
    return true;
}

// edges alone need no row beyond the page and no summary.
static bool edges_alone(struct sql_ctx *c, struct sql_cat *cat, const struct page *p,
                        const struct mer_fetch_field *f)
{
    struct mer_buf *b = sql_cat_value(cat);
    struct sql_cat inner;
    mer_buf_add(b, MER_S("(select string_agg("));
    sql_cat_begin(&inner, b);
    if (!edge(c, &inner, p, f))
        return false;
    sql_cat_end(&inner);
    mer_buf_add(b, MER_S(",',') from "));
    if (!page_rows(c, b, p))
        return false;
    mer_buf_add_char(b, ')');
    return true;
}

static bool total(struct sql_ctx *c, struct sql_cat *cat, const struct sql_list *l)
{
    struct mer_buf *b = sql_cat_value(cat);
    bool first = true;
    c->slow = true;
    mer_buf_add(b, MER_S("(select count(*)"));
    if (!sql_source(c, b, l, ++c->alias_n, &first))
        return false;
    mer_buf_add_char(b, ')');
    return true;
}

static bool connection_field(struct sql_ctx *c, struct sql_cat *cat, const struct page *p, uint32_t i,
                             bool alone)
{
    const struct mer_fetch_field *f = p->list->fetch->children[i];
    struct mer_slice name = f->field->name;
    if (f->field == c->binding->schema->typename_field) {
        write_typename(cat, p->list->fetch->field->type.type);
    } else if (mer_slice_is(name, "edges")) {
        sql_cat_text(cat, "[");
        if (alone && !edges_alone(c, cat, p, f))
            return false;
        if (!alone)
            mer_buf_printf(sql_cat_value(cat), "p%u.mer_e%u", p->alias, i);
        sql_cat_text(cat, "]");
    } else if (mer_slice_is(name, "pageInfo")) {
        return page_info(c, cat, p, f);
    } else if (mer_slice_is(name, "totalCount")) {
        return total(c, cat, p->list);
    } else if (mer_binding_type(c->binding, f->field->type.type)->kind == MER_BIND_HOLE) {
        sql_cat_text(cat, "null"); // its rows may be of several partitions
    } else {
        return sql_fail(c, MER_ERR_NOT_FOUND, "a connection has no %.*s", MER_FMT(name));
    }
    return true;
}

bool sql_connection(struct sql_ctx *c, struct sql_cat *cat, const struct sql_list *l)
{
    struct page p = {.list = l, .alias = ++c->alias_n};
    struct sql_cat inner, *to = cat;
    struct mer_buf *b = NULL;
    uint64_t multiplier = c->multiplier;
    bool alone = !wants(c, l->fetch, "pageInfo", NULL), first = true;
    if (!read_page(c, &p))
        return false;
    // A parameter that the text does not use has no type: Postgres refuses it.
    if ((!alone || wants(c, l->fetch, "edges", NULL)) && !bind_limit(c, &p))
        return false;
    if (alone) // the row beyond the page is not needed, but the limit's parameter stays what it is
        p.limit = mer_arena_printf(c->a, "%.*s-1", MER_FMT(p.limit));
    c->multiplier *= p.first ? p.first : 1;
    c->rows += c->multiplier;
    if (!alone) {
        b = sql_cat_value(cat);
        mer_buf_add(b, MER_S("(select "));
        sql_cat_begin(&inner, b);
        to = &inner;
    }
    sql_cat_text(to, "{");
    for (uint32_t i = 0; i < l->fetch->children_n; i++) {
        const struct mer_fetch_field *f = l->fetch->children[i];
        if (!sql_kept(c, f, l->fetch->field->type.type))
            continue;
        if (!sql_cat_key(c, to, f->key, &first) || !connection_field(c, to, &p, i, alone))
            return false;
    }
    sql_cat_text(to, "}");
    if (!alone) {
        sql_cat_end(&inner);
        if (!page_summary(c, b, &p))
            return false;
        mer_buf_add_char(b, ')');
    }
    c->multiplier = multiplier;
    return true;
}
