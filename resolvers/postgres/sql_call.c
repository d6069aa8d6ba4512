// SPDX-License-Identifier: MIT
// Mutations: one call of a SQL function with the input as jsonb; of the payload's jsonb what was asked, by
// response key. An entity of the payload holds its id alone: the statement's own snapshot does not see what
// the function wrote, so the rest is fetched by that id afterwards.
#include "resolvers/postgres/sql_priv.h"

// Checks scalars all through a coerced input.
static bool check(struct sql_ctx *c, const struct mer_type *t, const struct mer_in *in)
{
    if (!in)
        return true;
    if (in->kind == MER_IN_LIST) {
        for (uint32_t i = 0; i < in->n; i++)
            if (!check(c, t, in->items[i]))
                return false;
        return true;
    }
    if (in->kind == MER_IN_OBJECT) {
        for (uint32_t i = 0; i < in->n && i < t->inputs_n; i++)
            if (!check(c, t->inputs[i].type.type, in->items[i]))
                return false;
        return true;
    }
    return sql_check_scalar(c, t, in);
}

// The only argument when it is called `input`, else an object of all that were given.
static bool write_input(struct sql_ctx *c, const struct mer_fetch_field *f, struct mer_buf *json)
{
    struct mer_in **args;
    uint32_t n = f->field->arguments_n;
    bool first = true;
    if (!sql_arguments(c, f, &args))
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (!check(c, f->field->arguments[i].type.type, args[i]))
            return false;
    if (n == 1 && mer_slice_is(f->field->arguments[0].name, "input") && args[0]) {
        mer_in_write_json(json, args[0]);
        return true;
    }
    mer_buf_add_char(json, '{');
    for (uint32_t i = 0; i < n; i++) {
        if (!args[i])
            continue;
        if (!first)
            mer_buf_add_char(json, ',');
        first = false;
        mer_json_write_string(json, f->field->arguments[i].name);
        mer_buf_add_char(json, ':');
        mer_in_write_json(json, args[i]);
    }
    mer_buf_add_char(json, '}');
    return true;
}

static bool object(struct sql_ctx *c, struct sql_cat *cat, struct mer_slice from,
                   const struct mer_fetch_field *parent);

// from: SQL of the object's jsonb; the field's value is from->'name'.
static bool member(struct sql_ctx *c, struct sql_cat *cat, struct mer_slice from,
                   const struct mer_fetch_field *f)
{
    const struct mer_bind_type *t = mer_binding_type(c->binding, f->field->type.type);
    struct mer_slice value = mer_arena_printf(c->a, "(%.*s->'%.*s')", MER_FMT(from), MER_FMT(f->field->name));
    if (t->kind == MER_BIND_HOLE) {
        sql_cat_text(cat, "null");
        return true;
    }
    struct mer_buf *b = sql_cat_value(cat);
    if (f->children_n == 0) {
        mer_buf_printf(b, "coalesce(%.*s,'null')", MER_FMT(value));
        return true;
    }
    struct sql_cat inner;
    if (f->field->type.depth) {
        uint32_t alias = ++c->alias_n;
        struct mer_slice item = mer_arena_printf(c->a, "j%u.v", alias);
        mer_buf_add(b, MER_S("coalesce('['||(select string_agg("));
        sql_cat_begin(&inner, b);
        if (!object(c, &inner, item, f))
            return false;
        sql_cat_end(&inner);
        mer_buf_printf(b, ",',') from jsonb_array_elements(%.*s) j%u(v))||']',", MER_FMT(value), alias);
        mer_buf_printf(b, "case when jsonb_typeof(%.*s) = 'array' then '[]' else 'null' end)",
                       MER_FMT(value));
        return true;
    }
    mer_buf_printf(b, "case when jsonb_typeof(%.*s) = 'object' then ", MER_FMT(value));
    sql_cat_begin(&inner, b);
    if (!object(c, &inner, value, f))
        return false;
    sql_cat_end(&inner);
    mer_buf_add(b, MER_S(" else 'null' end"));
    return true;
}

static bool object(struct sql_ctx *c, struct sql_cat *cat, struct mer_slice from,
                   const struct mer_fetch_field *parent)
{
    const struct mer_bind_type *t = mer_binding_type(c->binding, parent->field->type.type);
    bool first = true;
    if (++c->depth > SQL_DEPTH_MAX)
        return sql_fail(c, MER_ERR_LIMIT, "the operation is too deep");
    sql_cat_text(cat, "{");
    for (uint32_t i = 0; i < parent->children_n; i++) {
        const struct mer_fetch_field *f = parent->children[i];
        if (!sql_kept(c, f, t->type))
            continue;
        if (!sql_cat_key(c, cat, f->key, &first))
            return false;
        bool is_id = mer_slice_is(f->field->name, "id");
        if (f->field == c->binding->schema->typename_field) {
            sql_cat_text(cat, "\"");
            sql_cat_slice(cat, t->type->name);
            sql_cat_text(cat, "\"");
        } else if (t->kind == MER_BIND_TABLE && !is_id) {
            return sql_fail(c, MER_ERR_NOT_FOUND, "a mutation answers %.*s by id alone",
                            MER_FMT(t->type->name));
        } else if (!member(c, cat, from, f)) {
            return false;
        }
    }
    sql_cat_text(cat, "}");
    c->depth--;
    return true;
}

bool sql_call(struct sql_ctx *c, struct mer_buf *b, const struct mer_fetch_field *f)
{
    const struct mer_bind_field *bf = mer_binding_field(c->binding, f->field);
    struct mer_buf json;
    struct sql_cat cat;
    if (bf->kind != MER_FIELD_CALL || !bf->function.n)
        return sql_fail(c, MER_ERR_NOT_FOUND, "%.*s calls nothing", MER_FMT(f->field->name));
    mer_buf_init(&json, c->a, 256);
    if (!write_input(c, f, &json))
        return false;
    c->slow = true;
    mer_buf_add(b, MER_S("(select "));
    sql_cat_begin(&cat, b);
    if (!object(c, &cat, MER_S("m.j"), f))
        return false;
    sql_cat_end(&cat);
    mer_buf_add(b, MER_S(" from "));
    mer_buf_add(b, bf->function);
    mer_buf_add_char(b, '(');
    if (!sql_bind_text(c, b, mer_buf_slice(&json), false, MER_S("jsonb")))
        return false;
    mer_buf_add(b, MER_S(") m(j))"));
    return true;
}
