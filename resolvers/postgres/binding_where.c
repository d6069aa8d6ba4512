// SPDX-License-Identifier: MIT
// Arguments: what each one asks of the target's rows.
#include "resolvers/postgres/binding_priv.h"

static const struct {
    const char *name;
    enum mer_where_op op;
} ops[] = {{"EQ", MER_WHERE_EQ},       {"IN", MER_WHERE_IN},         {"LT", MER_WHERE_LT},
           {"LE", MER_WHERE_LE},       {"GT", MER_WHERE_GT},         {"GE", MER_WHERE_GE},
           {"RANGE", MER_WHERE_RANGE}, {"PREFIX", MER_WHERE_PREFIX}, {"CONTAINS", MER_WHERE_CONTAINS}};

static bool read_op(struct bind_reader *r, const struct mer_ast_directive *d, struct mer_bind_where *out)
{
    struct mer_slice name = MER_NIL;
    if (!bind_string(r, d, "op", &name))
        return false;
    if (!name.n)
        return true;
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
        if (mer_slice_is(name, ops[i].name)) {
            out->op = ops[i].op;
            return true;
        }
    return bind_fail(r, d, "@where(op:) knows EQ, IN, LT, LE, GT, GE, RANGE, PREFIX, CONTAINS");
}

// With {v} in an expression the value must be there in the right number: {v} for leaves, {v.name} for
// objects.
static bool check_expr(struct bind_reader *r, const struct mer_ast_directive *d,
                       const struct mer_bind_where *w)
{
    if (w->op == MER_WHERE_TRUE) {
        if (bind_scalar_of(w->input->type.type) != MER_BIND_BOOLEAN)
            return bind_fail(r, d, "@where(ifTrue:) wants a Boolean");
        return true;
    }
    if (w->expr.n && !memmem(w->expr.p, w->expr.n, "{v", 2))
        return bind_fail(r, d, "@where(expr:) does not use {v}");
    return true;
}

// The type that values of this filter are cast to: said, or the column's, or by convention.
static bool find_type(struct bind_reader *r, const struct mer_ast_directive *d,
                      const struct mer_bind_type *target, struct mer_bind_where *w)
{
    const struct mer_type *t = w->input->type.type;
    if (!bind_name(r, d, "type", &w->sql_type))
        return false;
    if (w->sql_type.n)
        return true;
    if (w->op == MER_WHERE_PREFIX || w->op == MER_WHERE_CONTAINS) {
        w->sql_type = MER_S("text");
    } else if (w->id_type.n) {
        const struct mer_type *of = mer_schema_type(r->schema, w->id_type);
        const struct mer_bind_type *b = of ? &r->binding->types[of->index] : NULL;
        if (!b || b->kind != MER_BIND_TABLE)
            return bind_fail(r, d, "@where(id:) names %.*s, which has no @table", MER_FMT(w->id_type));
        if (b->key.n > 1)
            return bind_fail(r, d, "@where(id:) names %.*s, whose key has several columns",
                             MER_FMT(w->id_type));
        w->sql_type = b->key.n ? b->key.items[0].sql_type : MER_S("text");
    } else if (w->column.n && target && bind_column_type(target, w->column).n) {
        w->sql_type = bind_column_type(target, w->column);
    } else if (t->kind != MER_TYPE_INPUT) {
        w->sql_type = bind_sql_type(t, w->column);
    }
    return true;
}

static bool read_filter(struct bind_reader *r, const struct mer_input *in, const struct mer_bind_type *target,
                        struct mer_bind_where *w)
{
    const struct mer_ast_directive *d = bind_directive(&in->directives, "where");
    struct mer_slice if_true = MER_NIL;
    w->list = in->type.depth > 0;
    if (!bind_name(r, d, "column", &w->column) || !bind_string(r, d, "expr", &w->expr) ||
        !bind_string(r, d, "ifTrue", &if_true) || !bind_string(r, d, "ifFalse", &w->expr_false) ||
        !bind_string(r, d, "id", &w->id_type) || !bind_bool(r, d, "slow", &w->slow) || !read_op(r, d, w))
        return false;
    if (in->type.depth > 1)
        return bind_fail(r, d, "a list of lists filters nothing");
    if (if_true.n) {
        w->op = MER_WHERE_TRUE;
        w->expr = if_true;
    } else if (w->op == MER_WHERE_NONE) {
        w->op = w->expr.n ? MER_WHERE_EXPR : w->list ? MER_WHERE_IN : MER_WHERE_EQ;
    }
    if (!w->expr.n && !w->column.n)
        w->column = bind_snake(r->a, in->name);
    bool object = in->type.type->kind == MER_TYPE_INPUT;
    if (object && w->op != MER_WHERE_RANGE && w->op != MER_WHERE_EXPR)
        return bind_fail(r, d, "an input object filters by RANGE or an expression");
    if (w->list && w->op != MER_WHERE_IN && w->op != MER_WHERE_EXPR)
        return bind_fail(r, d, "a list filters by IN or an expression");
    return check_expr(r, d, w) && find_type(r, d, target, w);
}

// orderBy: {field: ENUM, dir: ENUM}; each value of the field's enum is an order of the target.
static bool read_order_by(struct bind_reader *r, const struct mer_input *in,
                          const struct mer_bind_type *target, struct mer_bind_where *w)
{
    const struct mer_type *t = in->type.type, *by = NULL;
    for (uint32_t i = 0; t->kind == MER_TYPE_INPUT && i < t->inputs_n; i++)
        if (mer_slice_is(t->inputs[i].name, "field"))
            by = t->inputs[i].type.type;
    if (!by || by->kind != MER_TYPE_ENUM || in->type.depth)
        return bind_fail(r, NULL, "orderBy wants an object with an enum `field` and `dir`");
    w->orders = MER_NEW_N(r->a, struct mer_bind_order, by->values_n);
    for (uint32_t i = 0; i < by->values_n; i++) {
        const struct mer_ast_directive *d = bind_directive(&by->values[i].directives, "order");
        bool ok = d ? bind_order(r, d, target, &w->orders[i])
                    : bind_order_by_column(r, target, bind_snake(r->a, by->values[i].name), &w->orders[i]);
        if (!ok)
            return false;
        if (w->orders[i].descending)
            return bind_fail(r, d, "the direction of %.*s comes with the request",
                             MER_FMT(by->values[i].name));
    }
    return true;
}

static bool read_group(struct bind_reader *r, const struct mer_input *in, const struct mer_bind_type *target,
                       struct mer_bind_where *w)
{
    const struct mer_type *t = in->type.type;
    if (in->type.depth)
        return bind_fail(r, NULL, "a list of objects filters nothing");
    w->group_n = t->inputs_n;
    w->group = MER_NEW_N(r->a, struct mer_bind_where, t->inputs_n);
    for (uint32_t i = 0; i < t->inputs_n; i++) {
        struct mer_bind_where *g = &w->group[i];
        r->argument = t->inputs[i].name;
        g->input = &t->inputs[i];
        // One level of grouping is enough for filters and keeps recursive input types out.
        if (!read_filter(r, g->input, target, g))
            return false;
    }
    return true;
}

static enum mer_where_role role_of(const struct mer_input *in, const struct mer_bind_field *f)
{
    bool object = in->type.type->kind == MER_TYPE_INPUT;
    bool filters = bind_directive(&in->directives, "where") != NULL;
    if (f->partition_arg.n && mer_slice_eq(in->name, f->partition_arg))
        return MER_ARG_PARTITION;
    if (filters)
        return MER_ARG_FILTER;
    if (mer_slice_is(in->name, "first"))
        return MER_ARG_FIRST;
    if (mer_slice_is(in->name, "after"))
        return MER_ARG_AFTER;
    if (mer_slice_is(in->name, "orderBy"))
        return MER_ARG_ORDER;
    if (f->kind == MER_FIELD_ROOT && !f->list && mer_slice_is(in->name, "id") &&
        (!f->shape || f->shape->kind != MER_BIND_CONNECTION))
        return MER_ARG_ID;
    return object ? MER_ARG_GROUP : MER_ARG_FILTER;
}

bool bind_arguments(struct bind_reader *r, const struct mer_field *f, struct mer_bind_field *out)
{
    out->arguments = MER_NEW_N(r->a, struct mer_bind_where, f->arguments_n ? f->arguments_n : 1);
    bool partition_found = !out->partition_arg.n;
    for (uint32_t i = 0; i < f->arguments_n; i++) {
        const struct mer_input *in = &f->arguments[i];
        struct mer_bind_where *w = &out->arguments[i];
        bool ok = true;
        r->argument = in->name;
        w->input = in;
        w->role = role_of(in, out);
        if (!out->target && w->role != MER_ARG_ID)
            return bind_fail(r, NULL, "a field of an abstract type takes an id only");
        if (w->role == MER_ARG_PARTITION)
            partition_found = true;
        else if (w->role == MER_ARG_ORDER)
            ok = read_order_by(r, in, out->target, w);
        else if (w->role == MER_ARG_GROUP)
            ok = read_group(r, in, out->target, w);
        else if (w->role == MER_ARG_FILTER)
            ok = read_filter(r, in, out->target, w);
        r->argument = MER_NIL;
        if (!ok)
            return false;
    }
    if (!partition_found)
        return bind_fail(r, NULL, "@partition names %.*s, which is no argument", MER_FMT(out->partition_arg));
    if (out->partition_arg.n && !out->target->partition.n)
        return bind_fail(r, NULL, "@partition stands at a field whose table has none");
    return true;
}
