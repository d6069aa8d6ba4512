// SPDX-License-Identifier: MIT
// Passes over the schema: first what each type is and its table, then its fields, then orders and arguments,
// which want the column types that fields tell.
#include "resolvers/postgres/binding.h"

#include "resolvers/postgres/binding_priv.h"

static bool read_table(struct bind_reader *r, const struct mer_ast_directive *d, struct mer_bind_type *b)
{
    struct mer_slice *key = NULL;
    uint32_t key_n = 0;
    b->tenant = MER_S("tenant_id");
    if (!bind_name(r, d, "name", &b->table) || !bind_strings(r, d, "key", &key, &key_n) ||
        !bind_name(r, d, "tenant", &b->tenant) || !bind_name(r, d, "partition", &b->partition) ||
        !bind_name(r, d, "region", &b->region))
        return false;
    if (!b->table.n)
        return bind_fail(r, d, "@table wants a name");
    b->key.items = MER_NEW_N(r->a, struct mer_bind_column, key_n ? key_n : 1);
    b->key.n = key_n;
    for (uint32_t i = 0; i < key_n; i++)
        if (!bind_column(r, d, key[i], "uuid", &b->key.items[i]))
            return false;
    if (!key_n && !b->partition.n)
        return bind_fail(r, d, "@table wants a key or a partition");
    b->kind = MER_BIND_TABLE;
    return true;
}

static const struct mer_field *field_named(const struct mer_type *t, const char *name)
{
    return mer_map_get(&t->fields_by_name, mer_slice_of(name));
}

static bool classify(struct bind_reader *r, const struct mer_type *t, struct mer_bind_type *b)
{
    const struct mer_ast_directive *d = bind_directive(&t->directives, "stored");
    struct mer_slice as = MER_NIL;
    b->type = t;
    r->type = t->name;
    if (!bind_string(r, d, "as", &as))
        return false;
    if (as.n && !mer_slice_is(as, "SNAKE") && !mer_slice_is(as, "KEBAB") && !mer_slice_is(as, "UPPER"))
        return bind_fail(r, d, "@stored(as:) knows SNAKE, KEBAB, UPPER");
    b->enum_case = mer_slice_is(as, "UPPER")   ? MER_CASE_UPPER
                   : mer_slice_is(as, "KEBAB") ? MER_CASE_KEBAB
                                               : MER_CASE_SNAKE;
    if (t->kind != MER_TYPE_OBJECT)
        return true;
    if ((d = bind_directive(&t->directives, "table")) != NULL)
        return read_table(r, d, b);
    if (bind_directive(&t->directives, "hole"))
        b->kind = MER_BIND_HOLE;
    else if (mer_slice_is(t->name, "PageInfo"))
        b->kind = MER_BIND_PAGE_INFO;
    else if (mer_slice_ends(t->name, MER_S("Connection")) && field_named(t, "edges"))
        b->kind = MER_BIND_CONNECTION;
    else if (mer_slice_ends(t->name, MER_S("Edge")) && field_named(t, "node"))
        b->kind = MER_BIND_EDGE;
    return true;
}

static bool find_node(struct bind_reader *r, struct mer_bind_type *b)
{
    r->type = b->type->name;
    const struct mer_field *f = field_named(b->type, b->kind == MER_BIND_CONNECTION ? "edges" : "node");
    const struct mer_type *t = f->type.type;
    if (b->kind == MER_BIND_CONNECTION) {
        f = t->kind == MER_TYPE_OBJECT ? field_named(t, "node") : NULL;
        if (!f)
            return bind_fail(r, NULL, "its edges have no node");
        t = f->type.type;
    }
    b->node = &r->binding->types[t->index];
    if (b->node->kind != MER_BIND_TABLE)
        return bind_fail(r, NULL, "its nodes have no @table");
    return true;
}

static bool read_leaf(struct bind_reader *r, const struct mer_bind_type *parent, struct mer_bind_field *out)
{
    const struct mer_field *f = out->field;
    const struct mer_ast_directive *column = bind_directive(&f->directives, "column");
    const struct mer_ast_directive *sql = bind_directive(&f->directives, "sql");
    out->scalar = bind_scalar_of(f->type.type);
    out->enum_case = r->binding->types[f->type.type->index].enum_case;
    if (sql) {
        out->kind = MER_FIELD_EXPR;
        if (!bind_string(r, sql, "expr", &out->expr))
            return false;
        return out->expr.n ? true : bind_fail(r, sql, "@sql wants an expression");
    }
    if (!column && parent->kind == MER_BIND_TABLE && mer_slice_is(f->name, "id") &&
        out->scalar == MER_BIND_ID) {
        out->kind = MER_FIELD_ID;
        return true;
    }
    out->kind = MER_FIELD_COLUMN;
    if (!bind_name(r, column, "name", &out->column) || !bind_name(r, column, "type", &out->sql_type))
        return false;
    if (!out->column.n)
        out->column = bind_snake(r->a, f->name);
    if (!out->sql_type.n)
        out->sql_type = bind_sql_type(f->type.type, out->column);
    return true;
}

static bool all_names(struct bind_reader *r, const struct mer_ast_directive *d, const struct mer_slice *s,
                      uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!bind_is_name(s[i]))
            return bind_fail(r, d, "'%.*s' is no plain lower-case SQL name", MER_FMT(s[i]));
    return true;
}

static bool read_join(struct bind_reader *r, const struct mer_ast_directive *d, struct mer_bind_field *out)
{
    uint32_t to_n = 0, via_to_n = 0;
    out->kind = MER_FIELD_JOIN;
    if (!bind_strings(r, d, "from", &out->from, &out->on_n) || !bind_strings(r, d, "to", &out->to, &to_n) ||
        !bind_name(r, d, "via", &out->via) || !bind_strings(r, d, "viaTo", &out->via_to, &via_to_n) ||
        !bind_strings(r, d, "viaFrom", &out->via_from, &out->via_n) ||
        !bind_string(r, d, "where", &out->where))
        return false;
    if (!out->on_n)
        return bind_fail(r, d, "@join wants columns in from");
    // Columns of the same name are the usual case.
    uint32_t want = out->via.n ? out->via_n : out->on_n;
    if (!to_n) {
        out->to = out->via.n ? out->via_from : out->from;
        to_n = want;
    }
    if (out->via.n && !via_to_n) {
        out->via_to = out->from;
        via_to_n = out->on_n;
    }
    if (to_n != want || !want || (out->via.n && via_to_n != out->on_n))
        return bind_fail(r, d, "@join pairs lists of columns of different length");
    return all_names(r, d, out->from, out->on_n) && all_names(r, d, out->to, to_n) &&
           all_names(r, d, out->via_to, via_to_n) && all_names(r, d, out->via_from, out->via_n);
}

static bool read_composite(struct bind_reader *r, const struct mer_bind_type *parent,
                           struct mer_bind_field *out)
{
    const struct mer_field *f = out->field;
    const struct mer_ast_directive *join = bind_directive(&f->directives, "join");
    const struct mer_bind_type *shape = &r->binding->types[f->type.type->index];
    out->shape = shape;
    out->target = shape->kind == MER_BIND_CONNECTION ? shape->node
                  : shape->kind == MER_BIND_TABLE    ? shape
                                                     : NULL;
    if (shape->kind == MER_BIND_HOLE) {
        out->kind = MER_FIELD_HOLE;
        return true;
    }
    if (parent->kind == MER_BIND_CONNECTION || parent->kind == MER_BIND_EDGE) {
        out->kind = MER_FIELD_PART;
        return true;
    }
    if (join) {
        if (parent->kind != MER_BIND_TABLE || !out->target)
            return bind_fail(r, join, "@join goes from one type with @table to another");
        return read_join(r, join, out);
    }
    if (parent->kind == MER_BIND_TABLE && shape->kind != MER_BIND_PLAIN)
        return bind_fail(r, NULL, "an object of another table wants @join");
    out->kind = MER_FIELD_EMBED;
    return true;
}

static bool read_root(struct bind_reader *r, enum mer_operation_kind root, struct mer_bind_field *out)
{
    const struct mer_field *f = out->field;
    if (root != MER_OP_QUERY) {
        const struct mer_ast_directive *call = bind_directive(&f->directives, "call");
        out->kind = MER_FIELD_CALL;
        out->shape = &r->binding->types[f->type.type->index];
        if (!call)
            return root == MER_OP_SUBSCRIPTION ? true : bind_fail(r, NULL, "a mutation wants @call");
        return bind_name(r, call, "function", &out->function);
    }
    if (mer_slice_is(f->name, "_service") || mer_slice_is(f->name, "_entities"))
        return true; // a subgraph's own: never asked of a table
    if (mer_type_is_leaf(f->type.type))
        return bind_fail(r, NULL, "a root field answers rows, not a leaf");
    const struct mer_bind_type *shape = &r->binding->types[f->type.type->index];
    out->kind = MER_FIELD_ROOT;
    out->shape = shape;
    out->target = shape->kind == MER_BIND_CONNECTION ? shape->node
                  : shape->kind == MER_BIND_TABLE    ? shape
                                                     : NULL;
    bool abstract = f->type.type->kind != MER_TYPE_OBJECT;
    if (!out->target && (!abstract || out->list))
        return bind_fail(r, NULL, "%.*s has no @table", MER_FMT(f->type.type->name));
    return bind_string(r, bind_directive(&f->directives, "partition"), "arg", &out->partition_arg);
}

static int root_kind(const struct mer_schema *s, const struct mer_type *t)
{
    for (int k = 0; k < 3; k++)
        if (s->roots[k] == t)
            return k;
    return -1;
}

static bool read_fields(struct bind_reader *r, struct mer_bind_type *b)
{
    int root = root_kind(r->schema, b->type);
    r->type = b->type->name;
    for (uint32_t i = 0; i < b->type->fields_n; i++) {
        const struct mer_field *f = &b->type->fields[i];
        struct mer_bind_field *out = &b->fields[i];
        out->field = f;
        out->list = f->type.depth > 0;
        r->field = f->name;
        bool ok;
        if (root >= 0)
            ok = read_root(r, (enum mer_operation_kind)root, out);
        else if (mer_type_is_leaf(f->type.type))
            ok = read_leaf(r, b, out);
        else
            ok = read_composite(r, b, out);
        if (ok && f->type.depth > 1)
            ok = bind_fail(r, NULL, "lists of lists are not bound");
        if (!ok)
            return false;
    }
    r->field = MER_NIL;
    return true;
}

// Every table has an order, so that its pages do: its own, or its key's.
static bool read_type_order(struct bind_reader *r, struct mer_bind_type *b)
{
    const struct mer_ast_directive *d = bind_directive(&b->type->directives, "order");
    r->type = b->type->name;
    if (d)
        return bind_order(r, d, b, &b->order);
    return bind_order_by_column(r, b, b->key.n ? b->key.items[0].name : b->partition, &b->order);
}

static bool read_field_order(struct bind_reader *r, struct mer_bind_type *b)
{
    r->type = b->type->name;
    for (uint32_t i = 0; i < b->type->fields_n; i++) {
        struct mer_bind_field *f = &b->fields[i];
        if (f->kind != MER_FIELD_JOIN && f->kind != MER_FIELD_ROOT)
            continue;
        r->field = f->field->name;
        const struct mer_ast_directive *d = bind_directive(&f->field->directives, "order");
        bool many = f->list || (f->shape && f->shape->kind == MER_BIND_CONNECTION);
        if (d) {
            if (!f->target || !bind_order(r, d, f->target, &f->order))
                return f->target ? false : bind_fail(r, d, "@order at a field without rows");
        } else if (many && f->target) {
            f->order = f->target->order;
        }
        if (!bind_arguments(r, f->field, f))
            return false;
    }
    r->field = MER_NIL;
    return true;
}

static bool each(struct bind_reader *r, enum mer_bind_kind lo, enum mer_bind_kind hi,
                 bool (*pass)(struct bind_reader *, struct mer_bind_type *))
{
    for (uint32_t i = 0; i < r->binding->types_n; i++) {
        struct mer_bind_type *b = &r->binding->types[i];
        if (b->type->kind == MER_TYPE_OBJECT && !b->type->builtin && b->kind >= lo && b->kind <= hi &&
            !pass(r, b))
            return false;
    }
    return true;
}

enum mer_err mer_binding_compile(struct mer_arena *a, const struct mer_schema *s, struct mer_binding **out,
                                 struct mer_diag *diag)
{
    struct mer_binding *binding = MER_NEW(a, struct mer_binding);
    struct bind_reader r = {.a = a, .schema = s, .binding = binding, .diag = diag};
    binding->schema = s;
    binding->types_n = s->types_n;
    binding->types = MER_NEW_N(a, struct mer_bind_type, s->types_n);
    for (uint32_t i = 0; i < s->types_n; i++) {
        struct mer_bind_type *b = &binding->types[i];
        b->fields = MER_NEW_N(a, struct mer_bind_field, s->types[i]->fields_n ? s->types[i]->fields_n : 1);
        if (!classify(&r, s->types[i], b))
            return MER_ERR_INVALID;
    }
    if (!each(&r, MER_BIND_CONNECTION, MER_BIND_EDGE, find_node) ||
        !each(&r, MER_BIND_PLAIN, MER_BIND_HOLE, read_fields) ||
        !each(&r, MER_BIND_TABLE, MER_BIND_TABLE, read_type_order) ||
        !each(&r, MER_BIND_PLAIN, MER_BIND_TABLE, read_field_order))
        return MER_ERR_INVALID;
    *out = binding;
    return MER_OK;
}

// ---- for `meridian check` ----

struct uses {
    struct mer_arena *a;
    struct mer_map seen; // "table.column"
    struct mer_binding_column_use *items;
    uint32_t n, cap;
};

static void use(struct uses *u, struct mer_slice table, struct mer_slice column)
{
    if (!column.n || !table.n)
        return;
    struct mer_slice key = mer_arena_printf(u->a, "%.*s %.*s", MER_FMT(table), MER_FMT(column));
    if (!mer_map_add(&u->seen, key, u))
        return;
    if (u->n == u->cap) {
        struct mer_binding_column_use *more = MER_NEW_N(u->a, struct mer_binding_column_use, u->cap * 2 + 64);
        if (u->n)
            memcpy(more, u->items, u->n * sizeof(*more));
        u->cap = u->cap * 2 + 64;
        u->items = more;
    }
    u->items[u->n++] = (struct mer_binding_column_use){table, column};
}

static void use_order(struct uses *u, struct mer_slice table, const struct mer_bind_order *o)
{
    for (uint32_t i = 0; i < o->by.n; i++)
        use(u, table, o->by.items[i].name);
}

static void use_where(struct uses *u, struct mer_slice table, const struct mer_bind_where *w)
{
    use(u, table, w->column);
    for (uint32_t i = 0; i < w->group_n; i++)
        use(u, table, w->group[i].column);
    for (uint32_t i = 0; w->orders && i < w->input->type.type->inputs_n; i++) {
        const struct mer_input *in = &w->input->type.type->inputs[i];
        for (uint32_t k = 0; mer_slice_is(in->name, "field") && k < in->type.type->values_n; k++)
            use_order(u, table, &w->orders[k]);
    }
}

static void use_field(struct uses *u, const struct mer_bind_type *b, const struct mer_bind_field *f)
{
    struct mer_slice target = f->target ? f->target->table : MER_NIL;
    if (b->kind == MER_BIND_TABLE && f->kind == MER_FIELD_COLUMN)
        use(u, b->table, f->column);
    if (f->kind != MER_FIELD_JOIN && f->kind != MER_FIELD_ROOT)
        return;
    for (uint32_t i = 0; i < f->on_n; i++) {
        use(u, b->table, f->from[i]);
        use(u, f->via.n ? f->via : target, f->via.n ? f->via_to[i] : f->to[i]);
    }
    for (uint32_t i = 0; i < f->via_n; i++) {
        use(u, f->via, f->via_from[i]);
        use(u, target, f->to[i]);
    }
    if (f->via.n)
        // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
        use(u, f->via, f->target->tenant);
    use_order(u, target, &f->order);
    for (uint32_t i = 0; f->arguments && i < f->field->arguments_n; i++)
        use_where(u, target, &f->arguments[i]);
}

uint32_t mer_binding_columns(struct mer_arena *a, const struct mer_binding *b,
                             struct mer_binding_column_use **out)
{
    struct uses u = {.a = a};
    mer_map_init(&u.seen, a);
    for (uint32_t i = 0; i < b->types_n; i++) {
        const struct mer_bind_type *t = &b->types[i];
        if (t->type->builtin || t->type->kind != MER_TYPE_OBJECT)
            continue;
        for (uint32_t k = 0; k < t->key.n; k++)
            use(&u, t->table, t->key.items[k].name);
        use(&u, t->table, t->tenant);
        use(&u, t->table, t->partition);
        use(&u, t->table, t->region);
        use_order(&u, t->table, &t->order);
        for (uint32_t k = 0; k < t->type->fields_n; k++)
            use_field(&u, t, &t->fields[k]);
    }
    *out = u.items;
    return u.n;
}
