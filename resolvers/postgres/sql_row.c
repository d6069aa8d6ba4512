// SPDX-License-Identifier: MIT
// What one row answers: leaves as JSON texts, objects of other tables as scalar subqueries.
#include "resolvers/postgres/sql_priv.h"

bool sql_kept(struct sql_ctx *c, const struct mer_fetch_field *f, const struct mer_type *of)
{
    if (!mer_types_hold(&f->on, of))
        return false;
    c->varied += f->kept_if.n > 0;
    return mer_kept(&f->kept_if, c->ask->vars);
}

// x is the SQL of the value. Nothing here may answer NULL: concat would leave a hole in the JSON.
static void write_leaf(struct mer_buf *b, const struct mer_bind_field *f, struct mer_slice x)
{
    const char *before, *after;
    bool plain_id = f->kind == MER_FIELD_COLUMN && mer_slice_is(f->sql_type, "uuid");
    before = "coalesce(to_json(", after = "),'null')";
    if (f->list) {
        ;
    } else if (f->scalar == MER_BIND_ID) {
        before = plain_id ? "coalesce('\"'||" : "coalesce(to_json((";
        after = plain_id ? "::text||'\"','null')" : ")::text),'null')";
    } else if (f->scalar == MER_BIND_INT || f->scalar == MER_BIND_BOOLEAN) {
        before = "coalesce(", after = "::text,'null')";
    } else if (f->scalar == MER_BIND_DATETIME) {
        before = "coalesce(left(to_json(", after = " at time zone 'UTC')::text,-1)||'Z\"','null')";
    } else if (f->scalar == MER_BIND_DECIMAL) {
        before = "coalesce('\"'||", after = "::text||'\"','null')";
    } else if (f->scalar == MER_BIND_ENUM && f->enum_case == MER_CASE_SNAKE) {
        before = "coalesce(to_json(upper(", after = ")),'null')";
    } else if (f->scalar == MER_BIND_ENUM && f->enum_case == MER_CASE_KEBAB) {
        before = "coalesce(to_json(upper(replace(", after = ",'-','_'))),'null')";
    }
    mer_buf_add_cstr(b, before);
    mer_buf_add(b, x);
    mer_buf_add_cstr(b, after);
}

static bool leaf(struct sql_ctx *c, struct sql_cat *cat, struct sql_row row, const struct mer_bind_field *f)
{
    struct mer_buf x;
    mer_buf_init(&x, c->a, 64);
    if (f->kind == MER_FIELD_COLUMN) {
        sql_column(&x, row.alias, f->column);
    } else {
        mer_buf_add_char(&x, '(');
        if (!sql_expr(c, &x, f->expr, row.alias, NULL, NULL))
            return false;
        mer_buf_add_char(&x, ')');
    }
    write_leaf(sql_cat_value(cat), f, mer_buf_slice(&x));
    return true;
}

static void hole(struct sql_cat *cat, struct sql_row row)
{
    if (!row.type || !row.type->partition.n) {
        sql_cat_text(cat, "null");
        return;
    }
    struct mer_buf *b = sql_cat_value(cat);
    mer_buf_add(b, MER_S("coalesce(to_json("));
    sql_column(b, row.alias, row.type->partition);
    mer_buf_add(b, MER_S("),'null')"));
}

// Do the joined columns name at most one row of the target? (Its key and partition are unique within a
// tenant.)
static bool joins_key(const struct mer_bind_field *f)
{
    const struct mer_bind_type *t = f->target;
    uint32_t found = 0;
    if (f->via.n)
        return false;
    for (uint32_t i = 0; i < f->on_n; i++) {
        found += t->partition.n && mer_slice_eq(f->to[i], t->partition);
        for (uint32_t k = 0; k < t->key.n; k++)
            found += mer_slice_eq(f->to[i], t->key.items[k].name);
    }
    return found == t->key.n + (t->partition.n ? 1 : 0);
}

static bool joined_object(struct sql_ctx *c, struct sql_cat *cat, const struct sql_list *l)
{
    struct mer_buf *b = sql_cat_value(cat);
    struct sql_row row = {l->field->target, ++c->alias_n};
    struct sql_cat inner;
    bool first = true;
    c->rows += c->multiplier;
    mer_buf_add(b, MER_S("coalesce((select "));
    sql_cat_begin(&inner, b);
    if (!sql_object(c, &inner, row, row.type, l->fetch))
        return false;
    sql_cat_end(&inner);
    if (!sql_source(c, b, l, row.alias, &first))
        return false;
    if (l->field->order.by.n)
        sql_order_by(b, &l->field->order, l->field->order.descending, row.alias, sql_held(l));
    if (!joins_key(l->field))
        mer_buf_add(b, MER_S(" limit 1"));
    mer_buf_add(b, MER_S("),'null')"));
    return true;
}

static bool joined(struct sql_ctx *c, struct sql_cat *cat, struct sql_row row,
                   const struct mer_bind_field *bf, const struct mer_fetch_field *f)
{
    struct sql_list l = {.field = bf, .fetch = f, .parent = row};
    if (!sql_arguments(c, f, &l.args))
        return false;
    if (bf->shape->kind == MER_BIND_CONNECTION)
        return sql_connection(c, cat, &l);
    return bf->list ? sql_list(c, cat, &l) : joined_object(c, cat, &l);
}

// The binding of a field as it stands at `shape`; a field of an interface is the object's own of that name.
static const struct mer_bind_field *find_field(struct sql_ctx *c, const struct mer_bind_type *shape,
                                               const struct mer_field *f)
{
    if (f->parent != shape->type)
        f = mer_schema_field(c->binding->schema, shape->type, f->name);
    return f && f->parent == shape->type ? &shape->fields[f->index] : NULL;
}

static bool field(struct sql_ctx *c, struct sql_cat *cat, struct sql_row row,
                  const struct mer_bind_type *shape, const struct mer_fetch_field *f)
{
    const struct mer_bind_field *bf = find_field(c, shape, f->field);
    if (!bf)
        return sql_fail(c, MER_ERR_NOT_FOUND, "%.*s has no field %.*s", MER_FMT(shape->type->name),
                        MER_FMT(f->field->name));
    switch (bf->kind) {
    case MER_FIELD_COLUMN:
    case MER_FIELD_EXPR:
        return leaf(c, cat, row, bf);
    case MER_FIELD_ID:
        return sql_id_write(c, cat, row);
    case MER_FIELD_HOLE:
        hole(cat, row);
        return true;
    case MER_FIELD_JOIN:
        return joined(c, cat, row, bf, f);
    case MER_FIELD_EMBED:
        if (bf->shape->kind == MER_BIND_PLAIN && !bf->list)
            return sql_object(c, cat, row, bf->shape, f);
        break;
    default:
        break;
    }
    return sql_fail(c, MER_ERR_NOT_FOUND, "%.*s.%.*s is nothing that a row answers",
                    MER_FMT(shape->type->name), MER_FMT(f->field->name));
}

static bool write_object(struct sql_ctx *c, struct sql_cat *cat, struct sql_row row,
                         const struct mer_bind_type *shape, const struct mer_fetch_field *parent)
{
    bool first = true;
    if (++c->depth > SQL_DEPTH_MAX || mer_arena_exhausted(c->a))
        return sql_fail(c, MER_ERR_LIMIT, "the operation is too deep or too large");
    sql_cat_text(cat, "{");
    for (uint32_t i = 0; i < parent->children_n; i++) {
        const struct mer_fetch_field *f = parent->children[i];
        if (!sql_kept(c, f, shape->type))
            continue;
        if (!sql_cat_key(c, cat, f->key, &first))
            return false;
        if (f->field == c->binding->schema->typename_field) {
            sql_cat_text(cat, "\"");
            sql_cat_slice(cat, shape->type->name);
            sql_cat_text(cat, "\"");
        } else if (!field(c, cat, row, shape, f)) {
            return false;
        }
    }
    sql_cat_text(cat, "}");
    c->depth--;
    return true;
}

bool sql_object(struct sql_ctx *c, struct sql_cat *cat, struct sql_row row, const struct mer_bind_type *shape,
                const struct mer_fetch_field *parent)
{
    if (!c->keep)
        return write_object(c, cat, row, shape, parent);
    if (c->sketch && sql_keep_skip(c, cat, row, shape, parent))
        return c->err == MER_OK;
    if (c->sketch)
        return write_object(c, cat, row, shape, parent);
    struct sql_keep_at at;
    sql_keep_begin(c, &at);
    if (!write_object(c, cat, row, shape, parent))
        return false;
    sql_keep_end(c, &at, row, shape, parent);
    return true;
}
