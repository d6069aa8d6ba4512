// SPDX-License-Identifier: MIT
// Root fields and entities; what lies below them is in sql_row.c and sql_page.c.
#include "resolvers/postgres/sql.h"

#include "resolvers/postgres/sql_priv.h"

#include <stdarg.h>
#include <stdio.h>

bool sql_fail(struct sql_ctx *c, enum mer_err err, const char *fmt, ...)
{
    char what[200];
    va_list ap;
    if (c->err != MER_OK)
        return false;
    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    c->err = mer_diag_set(c->diag, err, "%s", what);
    return false;
}

// ---- partitions of a root field ----

static bool among(const struct mer_slice *list, uint32_t n, struct mer_slice s)
{
    for (uint32_t i = 0; i < n; i++)
        if (mer_slice_eq(list[i], s))
            return true;
    return false;
}

static void add_partition(struct sql_ctx *c, struct sql_list *l, struct mer_slice *out,
                          const struct mer_in *v)
{
    if (v->kind != MER_IN_STRING && v->kind != MER_IN_INT)
        return;
    // facility(id:) gives a facility: there the id must be one of that type.
    bool object = !l->field->list && l->field->shape->kind == MER_BIND_TABLE;
    struct mer_slice code = sql_id_partition(c->binding, v->text, object ? l->field->target->type : NULL);
    const struct mer_sql_ask *ask = c->ask;
    if (!code.n || !sql_castable(code, MER_S("text")) || among(out, l->partitions_n, code))
        return;
    if (ask->partitions_n && !among(ask->partitions, ask->partitions_n, code))
        return;
    out[l->partitions_n++] = code;
}

// What the argument names, of that what this part may touch.
static void read_partitions(struct sql_ctx *c, struct sql_list *l)
{
    const struct mer_bind_field *f = l->field;
    for (uint32_t i = 0; i < f->field->arguments_n; i++) {
        const struct mer_in *v = l->args[i];
        if (f->arguments[i].role != MER_ARG_PARTITION || !v)
            continue;
        uint32_t n = v->kind == MER_IN_LIST ? v->n : 1;
        struct mer_slice *out = MER_NEW_N(c->a, struct mer_slice, n ? n : 1);
        for (uint32_t k = 0; k < n; k++)
            add_partition(c, l, out, v->kind == MER_IN_LIST ? v->items[k] : v);
        l->partitions = out;
    }
    if (f->partition_arg.n)
        l->cut = l->partitions_n == 1 ? SQL_CUT_ONE : SQL_CUT_ANY;
}

// ---- one object ----

// " where <partition> = … and <key> = …" for one id; nothing fits when the id is none of the type's.
static bool by_id(struct sql_ctx *c, struct mer_buf *b, struct sql_row row, struct mer_slice id, bool *first)
{
    const struct mer_bind_type *t = row.type;
    struct mer_slice partition, *keys = MER_NEW_N(c->a, struct mer_slice, t->key.n + 1);
    sql_id_keys(t, id, &partition, keys);
    if (t->partition.n) {
        sql_and(b, first);
        sql_column(b, row.alias, t->partition);
        mer_buf_add(b, MER_S(" = "));
        if (!sql_bind_text(c, b, partition, !partition.p, MER_S("text")))
            return false;
    }
    for (uint32_t i = 0; i < t->key.n; i++) {
        sql_and(b, first);
        sql_column(b, row.alias, t->key.items[i].name);
        mer_buf_add(b, MER_S(" = "));
        if (!sql_bind_text(c, b, keys[i], !keys[i].p, t->key.items[i].sql_type))
            return false;
    }
    return true;
}

// The object type that an id of an interface or union names, or NULL.
static const struct mer_bind_type *type_of_id(struct sql_ctx *c, const struct mer_type *abstract,
                                              struct mer_slice id)
{
    struct sql_id parsed = sql_id_parse(id);
    const struct mer_type *t = parsed.bare ? NULL : mer_schema_type(c->binding->schema, parsed.type);
    if (!t || t->kind != MER_TYPE_OBJECT || !mer_type_covers(abstract, t))
        return NULL;
    const struct mer_bind_type *b = mer_binding_type(c->binding, t);
    return b->kind == MER_BIND_TABLE ? b : NULL;
}

static bool root_object(struct sql_ctx *c, struct sql_cat *cat, const struct sql_list *l)
{
    struct mer_slice id = MER_NIL;
    bool has_id = false, first = true;
    for (uint32_t i = 0; i < l->field->field->arguments_n; i++)
        if (l->field->arguments[i].role == MER_ARG_ID && l->args[i] && l->args[i]->kind != MER_IN_NULL) {
            id = l->args[i]->text;
            has_id = true;
        }
    struct sql_row row = {l->field->target, ++c->alias_n};
    if (!row.type)
        row.type = type_of_id(c, l->field->field->type.type, id);
    if (!row.type) {
        sql_cat_text(cat, "null");
        return true;
    }
    struct sql_list of = *l;
    struct mer_bind_field field = *l->field;
    struct sql_cat inner;
    field.target = row.type;
    of.field = &field;
    struct mer_buf *b = sql_cat_value(cat);
    c->rows += c->multiplier;
    mer_buf_add(b, MER_S("coalesce((select "));
    sql_cat_begin(&inner, b);
    if (!sql_object(c, &inner, row, row.type, l->fetch))
        return false;
    sql_cat_end(&inner);
    if (!sql_source(c, b, &of, row.alias, &first) || (has_id && !by_id(c, b, row, id, &first)))
        return false;
    if (!has_id && l->cut != SQL_CUT_ONE)
        c->slow = true;
    mer_buf_add_cstr(b, has_id ? "),'null')" : " limit 1),'null')");
    return true;
}

static bool root_field(struct sql_ctx *c, struct sql_cat *cat, const struct mer_fetch_field *f)
{
    const struct mer_bind_field *bf = mer_binding_field(c->binding, f->field);
    struct sql_list l = {.field = bf, .fetch = f};
    if (bf->kind == MER_FIELD_CALL)
        return sql_call(c, sql_cat_value(cat), f);
    if (bf->kind != MER_FIELD_ROOT)
        return sql_fail(c, MER_ERR_NOT_FOUND, "%.*s is no root field", MER_FMT(f->field->name));
    if (!sql_arguments(c, f, &l.args))
        return false;
    read_partitions(c, &l);
    if (bf->shape->kind == MER_BIND_CONNECTION)
        return sql_connection(c, cat, &l);
    return bf->list ? sql_list(c, cat, &l) : root_object(c, cat, &l);
}

static bool roots(struct sql_ctx *c, struct mer_buf *b)
{
    const struct mer_fetch_op *op = c->ask->op;
    const struct mer_type *root = op->schema->roots[op->kind];
    struct sql_cat cat;
    bool first = true;
    mer_buf_add(b, MER_S("select "));
    sql_cat_begin(&cat, b);
    sql_cat_text(&cat, "{");
    for (uint32_t i = 0; i < op->fields_n; i++) {
        const struct mer_fetch_field *f = op->fields[i];
        if (!sql_kept(c, f, root))
            continue;
        if (!sql_cat_key(c, &cat, f->key, &first))
            return false;
        if (f->field == op->schema->typename_field) {
            sql_cat_text(&cat, "\"");
            sql_cat_slice(&cat, root->name);
            sql_cat_text(&cat, "\"");
        } else if (!root_field(c, &cat, f)) {
            return false;
        }
    }
    sql_cat_text(&cat, "}");
    sql_cat_end(&cat);
    return true;
}

// ---- entities ----

// "unnest($1::text[],$2::uuid[]) k(p,k0)": one row an id, in the order asked.
static bool entity_keys(struct sql_ctx *c, struct mer_buf *b, const struct mer_bind_type *t)
{
    const struct mer_sql_ask *ask = c->ask;
    uint32_t n = ask->entity_ids_n, columns = t->key.n;
    struct mer_slice *partitions = MER_NEW_N(c->a, struct mer_slice, n + 1);
    struct mer_slice *keys = MER_NEW_N(c->a, struct mer_slice, (size_t)(columns + 1) * (n + 1));
    struct mer_slice *one = MER_NEW_N(c->a, struct mer_slice, columns + 1);
    for (uint32_t i = 0; i < n; i++) {
        sql_id_keys(t, ask->entity_ids[i], &partitions[i], one);
        for (uint32_t k = 0; k < columns; k++)
            keys[(size_t)k * n + i] = one[k];
    }
    mer_buf_add(b, MER_S("unnest("));
    if (t->partition.n && !sql_bind_array(c, b, partitions, n, MER_S("text")))
        return false;
    for (uint32_t k = 0; k < columns; k++) {
        if (k || t->partition.n)
            mer_buf_add_char(b, ',');
        if (!sql_bind_array(c, b, keys + (size_t)k * n, n, t->key.items[k].sql_type))
            return false;
    }
    mer_buf_add_cstr(b, t->partition.n ? ") k(p" : ") k(");
    for (uint32_t k = 0; k < columns; k++)
        mer_buf_printf(b, "%sk%u", k || t->partition.n ? "," : "", k);
    mer_buf_add_char(b, ')');
    return true;
}

static bool entities(struct sql_ctx *c, struct mer_buf *b)
{
    const struct mer_fetch_op *op = c->ask->op;
    const struct mer_bind_type *t = mer_binding_type(c->binding, op->entity);
    struct sql_row row = {t, ++c->alias_n};
    struct mer_fetch_field parent = {.children = op->fields, .children_n = op->fields_n};
    struct sql_cat cat;
    bool first = true;
    if (t->kind != MER_BIND_TABLE)
        return sql_fail(c, MER_ERR_NOT_FOUND, "%.*s is no entity of this source", MER_FMT(op->entity->name));
    c->multiplier = c->ask->entity_ids_n ? c->ask->entity_ids_n : 1;
    c->rows = c->multiplier;
    mer_buf_add(b, MER_S("select concat('[',string_agg(coalesce((select "));
    sql_cat_begin(&cat, b);
    if (!sql_object(c, &cat, row, t, &parent))
        return false;
    sql_cat_end(&cat);
    mer_buf_add(b, MER_S(" from "));
    mer_buf_add(b, t->table);
    mer_buf_add_char(b, ' ');
    sql_alias(b, row.alias);
    if (!sql_tenant(c, b, row, &first))
        return false;
    if (t->partition.n) {
        sql_and(b, &first);
        sql_column(b, row.alias, t->partition);
        mer_buf_add(b, MER_S(" = k.p"));
    }
    for (uint32_t k = 0; k < t->key.n; k++) {
        sql_and(b, &first);
        sql_column(b, row.alias, t->key.items[k].name);
        mer_buf_printf(b, " = k.k%u", k);
    }
    mer_buf_add(b, MER_S("),'null'),','),']') from "));
    return entity_keys(c, b, t);
}

bool sql_compile(struct sql_ctx *c, struct mer_buf *text)
{
    mer_buf_init(text, c->a, 1024);
    bool ok = c->ask->op->entity ? entities(c, text) : roots(c, text);
    if (ok && mer_arena_exhausted(c->a))
        ok = sql_fail(c, MER_ERR_LIMIT, "the operation is too large");
    return ok;
}

struct mer_slice sql_compile_many(const struct sql_ctx *fresh)
{
    struct sql_types types = {.n = 0};
    struct sql_ctx c = *fresh;
    struct mer_buf one, b;
    c.many = &types;
    if (!sql_compile(&c, &one) || types.unfit || !types.n)
        return MER_NIL;
    mer_buf_init(&b, c.a, one.n + 256);
    mer_buf_add_cstr(&b, "select many.n,(");
    mer_buf_add(&b, mer_buf_slice(&one));
    mer_buf_add_cstr(&b, ") from unnest(");
    for (uint32_t i = 0; i < types.n; i++)
        mer_buf_printf(&b, "%s$%u::%.*s[]", i ? "," : "", i + 1, MER_FMT(types.names[i]));
    mer_buf_add_cstr(&b, ") with ordinality many(");
    for (uint32_t i = 0; i < types.n; i++)
        mer_buf_printf(&b, "p%u,", i + 1);
    mer_buf_add(&b, MER_S("n)\0"));
    return mer_arena_exhausted(c.a) ? MER_NIL : mer_slice_make(b.p, b.n - 1);
}

void sql_finish(const struct sql_ctx *c, struct mer_slice text, struct mer_sql *out)
{
    *out = (struct mer_sql){.text = text,
                            .params = c->params,
                            .params_n = c->params_n,
                            .long_running = c->slow || c->rows > SQL_SHORT_ROWS,
                            .light = !c->slow && c->rows <= SQL_LIGHT_ROWS};
}

enum mer_err mer_sql_compile(struct mer_arena *a, const struct mer_sql_ask *ask, struct mer_sql *out,
                             struct mer_diag *diag)
{
    struct sql_ctx c = {.a = a, .ask = ask, .binding = ask->binding, .diag = diag, .multiplier = 1};
    struct mer_buf text;
    if (ask->op->memo && ask->op->kind == MER_OP_QUERY)
        return sql_keep_compile(&c, ask->op->memo, out);
    if (!sql_compile(&c, &text))
        return c.err;
    mer_buf_add_char(&text, 0);
    sql_finish(&c, mer_slice_make(text.p, text.n - 1), out);
    return MER_OK;
}
