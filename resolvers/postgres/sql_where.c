// SPDX-License-Identifier: MIT
// Conditions: the tenant's, the schema's own, and those that arguments ask for.
#include "resolvers/postgres/binding_priv.h"
#include "resolvers/postgres/sql_priv.h"

void sql_alias(struct mer_buf *b, uint32_t alias)
{
    mer_buf_add_char(b, 't');
    mer_buf_add_u64(b, alias);
}

void sql_column(struct mer_buf *b, uint32_t alias, struct mer_slice column)
{
    sql_alias(b, alias);
    mer_buf_add_char(b, '.');
    mer_buf_add(b, column);
}

void sql_and(struct mer_buf *b, bool *first)
{
    mer_buf_add(b, *first ? MER_S(" where ") : MER_S(" and "));
    *first = false;
}

bool sql_tenant(struct sql_ctx *c, struct mer_buf *b, struct sql_row row, bool *first)
{
#ifdef MER_TEST_NO_TENANT_PREDICATE
    (void)c, (void)b, (void)row, (void)first;
    return true;
#else
    if (!row.type->tenant.n)
        return true;
    sql_and(b, first);
    sql_column(b, row.alias, row.type->tenant);
    mer_buf_add(b, MER_S(" = "));
    return sql_bind_tenant(c, b);
#endif
}

static bool bind_value(struct sql_ctx *c, struct mer_buf *b, const struct mer_bind_where *w,
                       const struct mer_in *v, struct mer_slice type)
{
    struct mer_slice text = MER_NIL;
    bool null;
    return sql_value(c, v, w, type, &text, &null) && sql_bind_text(c, b, text, null, type);
}

static bool bind_values(struct sql_ctx *c, struct mer_buf *b, const struct mer_bind_where *w,
                        const struct mer_in *v)
{
    struct mer_slice *texts = MER_NEW_N(c->a, struct mer_slice, v->n ? v->n : 1);
    uint32_t n = 0;
    for (uint32_t i = 0; i < v->n; i++) {
        bool null = true;
        struct mer_slice text = MER_NIL;
        if (!sql_value(c, v->items[i], w, w->sql_type, &text, &null))
            return false;
        // Null in a list of alternatives equals nothing.
        if (!null)
            texts[n++] = text.p ? text : MER_S("");
    }
    return sql_bind_array(c, b, texts, n, w->sql_type);
}

// {v.name}: a field of the value, cast to what its GraphQL type is by convention.
static bool bind_member(struct sql_ctx *c, struct mer_buf *b, const struct mer_bind_where *w,
                        const struct mer_in *v, struct mer_slice name)
{
    const struct mer_type *t = w->input->type.type;
    for (uint32_t i = 0; t->kind == MER_TYPE_INPUT && v && v->kind == MER_IN_OBJECT && i < t->inputs_n; i++) {
        if (!mer_slice_eq(t->inputs[i].name, name))
            continue;
        static const struct mer_in null = {.kind = MER_IN_NULL};
        struct mer_bind_where member = {.input = &t->inputs[i]};
        struct mer_slice type = bind_sql_type(t->inputs[i].type.type, name);
        return bind_value(c, b, &member, i < v->n && v->items[i] ? v->items[i] : &null, type);
    }
    return sql_fail(c, MER_ERR_NOT_FOUND, "an expression names {v.%.*s}, which is not there", MER_FMT(name));
}

static bool placeholder(struct sql_ctx *c, struct mer_buf *b, struct mer_slice name, uint32_t alias,
                        const struct mer_bind_where *w, const struct mer_in *v)
{
    if (mer_slice_is(name, "t")) {
        sql_alias(b, alias);
        return true;
    }
    if (mer_slice_is(name, "tenant"))
        return sql_bind_tenant(c, b);
    if (mer_slice_is(name, "region"))
        return sql_bind_region(c, b);
    if (w && v && mer_slice_is(name, "v"))
        return v->kind == MER_IN_LIST ? bind_values(c, b, w, v) : bind_value(c, b, w, v, w->sql_type);
    if (w && v && mer_slice_starts(name, MER_S("v.")))
        return bind_member(c, b, w, v, mer_slice_make(name.p + 2, name.n - 2));
    return sql_fail(c, MER_ERR_NOT_FOUND, "an expression names {%.*s}, which is not known", MER_FMT(name));
}

bool sql_expr(struct sql_ctx *c, struct mer_buf *b, struct mer_slice expr, uint32_t alias,
              const struct mer_bind_where *w, const struct mer_in *v)
{
    while (expr.n) {
        const char *open = memchr(expr.p, '{', expr.n);
        const char *close = open ? memchr(open, '}', (size_t)(expr.p + expr.n - open)) : NULL;
        if (!close) {
            mer_buf_add(b, expr);
            return true;
        }
        mer_buf_add(b, mer_slice_make(expr.p, (size_t)(open - expr.p)));
        if (!placeholder(c, b, mer_slice_make(open + 1, (size_t)(close - open - 1)), alias, w, v))
            return false;
        expr.n -= (size_t)(close + 1 - expr.p);
        expr.p = close + 1;
    }
    return true;
}

static bool compare(struct sql_ctx *c, struct mer_buf *b, const struct mer_bind_where *w,
                    const struct mer_in *v, uint32_t alias)
{
    static const char *const signs[] = {
        [MER_WHERE_EQ] = " = ",        [MER_WHERE_IN] = " = any(",      [MER_WHERE_LT] = " < ",
        [MER_WHERE_LE] = " <= ",       [MER_WHERE_GT] = " > ",          [MER_WHERE_GE] = " >= ",
        [MER_WHERE_PREFIX] = " like ", [MER_WHERE_CONTAINS] = " ilike "};
    sql_column(b, alias, w->column);
    mer_buf_add_cstr(b, signs[w->op]);
    if (w->op != MER_WHERE_IN)
        return bind_value(c, b, w, v, w->sql_type);
    if (!bind_values(c, b, w, v))
        return false;
    mer_buf_add_char(b, ')');
    return true;
}

// Half open; an end that is null or absent is open.
static bool range(struct sql_ctx *c, struct mer_buf *b, const struct mer_bind_where *w,
                  const struct mer_in *v, uint32_t alias, bool *first)
{
    const struct mer_type *t = w->input->type.type;
    for (uint32_t i = 0; i < t->inputs_n && i < v->n; i++) {
        bool from = mer_slice_is(t->inputs[i].name, "from"), to = mer_slice_is(t->inputs[i].name, "to");
        if ((!from && !to) || !v->items[i] || v->items[i]->kind == MER_IN_NULL)
            continue;
        sql_and(b, first);
        sql_column(b, alias, w->column);
        mer_buf_add_cstr(b, from ? " >= " : " < ");
        struct mer_slice type =
            w->sql_type.n ? w->sql_type : bind_sql_type(t->inputs[i].type.type, w->column);
        if (!bind_value(c, b, &(struct mer_bind_where){.input = &t->inputs[i]}, v->items[i], type))
            return false;
    }
    return true;
}

static bool filter(struct sql_ctx *c, struct mer_buf *b, const struct mer_bind_where *w,
                   const struct mer_in *v, uint32_t alias, bool *first)
{
    if (!v || v->kind == MER_IN_NULL)
        return true;
    c->slow = c->slow || w->slow;
    if (w->op == MER_WHERE_RANGE)
        return range(c, b, w, v, alias, first);
    if (w->op == MER_WHERE_TRUE) {
        struct mer_slice expr = v->boolean ? w->expr : w->expr_false;
        if (!expr.n)
            return true;
        sql_and(b, first);
        return sql_expr(c, b, expr, alias, NULL, NULL);
    }
    sql_and(b, first);
    return w->expr.n ? sql_expr(c, b, w->expr, alias, w, v) : compare(c, b, w, v, alias);
}

bool sql_filters(struct sql_ctx *c, struct mer_buf *b, const struct mer_bind_field *f,
                 struct mer_in *const *args, uint32_t alias, bool *first)
{
    for (uint32_t i = 0; i < f->field->arguments_n; i++) {
        const struct mer_bind_where *w = &f->arguments[i];
        if (w->role == MER_ARG_FILTER && !filter(c, b, w, args[i], alias, first))
            return false;
        if (w->role != MER_ARG_GROUP || !args[i] || args[i]->kind != MER_IN_OBJECT)
            continue;
        for (uint32_t k = 0; k < w->group_n && k < args[i]->n; k++)
            if (!filter(c, b, &w->group[k], args[i]->items[k], alias, first))
                return false;
    }
    return true;
}

bool sql_arguments(struct sql_ctx *c, const struct mer_fetch_field *f, struct mer_in ***out)
{
    struct mer_in_error error = {0};
    c->varied += f->field->arguments_n > 0;
    enum mer_err err =
        mer_coerce_arguments(c->a, c->ask->op->schema, f->field->arguments, f->field->arguments_n,
                             f->arguments, f->arguments_n, c->ask->vars, out, &error);
    if (err != MER_OK)
        return sql_fail(c, err, "%.*s", MER_FMT(error.message));
    return true;
}
