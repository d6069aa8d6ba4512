// SPDX-License-Identifier: MIT
#include "resolvers/postgres/binding_priv.h"
#include "resolvers/postgres/cursor.h"

#include <stdarg.h>
#include <stdio.h>

bool bind_fail(struct bind_reader *r, const struct mer_ast_directive *d, const char *fmt, ...)
{
    char what[160];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    const char *dot = r->field.n ? "." : "", *colon = r->argument.n ? "(" : "",
               *close = r->argument.n ? ":)" : "";
    (void)mer_diag_at(r->diag, MER_ERR_INVALID, d ? d->loc.line : 0, d ? d->loc.column : 0,
                      "%.*s%s%.*s%s%.*s%s: %s", MER_FMT(r->type), dot, MER_FMT(r->field), colon,
                      MER_FMT(r->argument), close, what);
    return false;
}

const struct mer_ast_directive *bind_directive(const struct mer_ast_directives *ds, const char *name)
{
    return mer_ast_directive_find(ds, mer_slice_of(name));
}

static const struct mer_ast_value *argument(const struct mer_ast_directive *d, const char *name)
{
    const struct mer_ast_value *v = d ? mer_ast_argument_find(d, mer_slice_of(name)) : NULL;
    return v && v->kind != MER_VALUE_NULL ? v : NULL;
}

bool bind_string(struct bind_reader *r, const struct mer_ast_directive *d, const char *name,
                 struct mer_slice *out)
{
    const struct mer_ast_value *v = argument(d, name);
    if (!v)
        return true;
    if (v->kind != MER_VALUE_STRING)
        return bind_fail(r, d, "@%.*s(%s:) is no string", MER_FMT(d->name), name);
    *out = v->text;
    return true;
}

bool bind_bool(struct bind_reader *r, const struct mer_ast_directive *d, const char *name, bool *out)
{
    const struct mer_ast_value *v = argument(d, name);
    if (!v)
        return true;
    if (v->kind != MER_VALUE_BOOLEAN)
        return bind_fail(r, d, "@%.*s(%s:) is no boolean", MER_FMT(d->name), name);
    *out = v->boolean;
    return true;
}

// A single string stands for a list of one, as input coercion has it.
bool bind_strings(struct bind_reader *r, const struct mer_ast_directive *d, const char *name,
                  struct mer_slice **out, uint32_t *n)
{
    const struct mer_ast_value *v = argument(d, name);
    if (!v)
        return true;
    struct mer_ast_value *const *items = v->items;
    uint32_t count = v->n;
    struct mer_ast_value *one = NULL;
    if (v->kind == MER_VALUE_STRING) {
        one = MER_NEW(r->a, struct mer_ast_value);
        *one = *v;
        items = &one;
        count = 1;
    } else if (v->kind != MER_VALUE_LIST) {
        return bind_fail(r, d, "@%.*s(%s:) is no list of strings", MER_FMT(d->name), name);
    }
    *out = MER_NEW_N(r->a, struct mer_slice, count ? count : 1);
    *n = count;
    for (uint32_t i = 0; i < count; i++) {
        if (items[i]->kind != MER_VALUE_STRING)
            return bind_fail(r, d, "@%.*s(%s:) holds something that is no string", MER_FMT(d->name), name);
        (*out)[i] = items[i]->text;
    }
    return true;
}

bool bind_is_name(struct mer_slice s)
{
    if (!s.n || (s.p[0] >= '0' && s.p[0] <= '9') || s.p[0] == '.' || s.p[s.n - 1] == '.')
        return false;
    uint32_t dots = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        dots += c == '.';
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.'))
            return false;
    }
    return dots <= 1;
}

bool bind_name(struct bind_reader *r, const struct mer_ast_directive *d, const char *name,
               struct mer_slice *out)
{
    if (!bind_string(r, d, name, out))
        return false;
    if (out->n && !bind_is_name(*out))
        return bind_fail(r, d, "'%.*s' is no plain lower-case SQL name", MER_FMT(*out));
    return true;
}

struct mer_slice bind_snake(struct mer_arena *a, struct mer_slice name)
{
    char *p = mer_arena_bytes(a, name.n * 2 + 1);
    size_t n = 0;
    bool was_lower = false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool upper = c >= 'A' && c <= 'Z';
        if (upper && was_lower)
            p[n++] = '_';
        was_lower = !upper && c != '_';
        p[n++] = upper ? (char)(c - 'A' + 'a') : c;
    }
    return mer_slice_make(p, n);
}

enum mer_bind_scalar bind_scalar_of(const struct mer_type *t)
{
    static const struct {
        const char *name;
        enum mer_bind_scalar scalar;
    } known[] = {{"String", MER_BIND_STRING}, {"ID", MER_BIND_ID},           {"Int", MER_BIND_INT},
                 {"Float", MER_BIND_FLOAT},   {"Boolean", MER_BIND_BOOLEAN}, {"DateTime", MER_BIND_DATETIME},
                 {"Date", MER_BIND_DATE},     {"Decimal", MER_BIND_DECIMAL}, {"BigInt", MER_BIND_DECIMAL}};
    if (t->kind == MER_TYPE_ENUM)
        return MER_BIND_ENUM;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (mer_slice_is(t->name, known[i].name))
            return known[i].scalar;
    return MER_BIND_JSON;
}

struct mer_slice bind_sql_type(const struct mer_type *t, struct mer_slice column)
{
    switch (bind_scalar_of(t)) {
    case MER_BIND_ID:
        return mer_slice_is(column, "facility_id") || mer_slice_is(column, "tenant_id") ? MER_S("text")
                                                                                        : MER_S("uuid");
    case MER_BIND_INT:
        return MER_S("int");
    case MER_BIND_FLOAT:
        return MER_S("float8");
    case MER_BIND_BOOLEAN:
        return MER_S("boolean");
    case MER_BIND_DATETIME:
        return MER_S("timestamptz");
    case MER_BIND_DATE:
        return MER_S("date");
    case MER_BIND_DECIMAL:
        return MER_S("numeric");
    case MER_BIND_JSON:
        return MER_S("jsonb");
    case MER_BIND_STRING:
    case MER_BIND_ENUM:
        break;
    }
    return MER_S("text");
}

struct mer_slice bind_column_type(const struct mer_bind_type *t, struct mer_slice column)
{
    for (uint32_t i = 0; i < t->key.n; i++)
        if (mer_slice_eq(t->key.items[i].name, column))
            return t->key.items[i].sql_type;
    if (mer_slice_eq(column, t->partition) || mer_slice_eq(column, t->region) ||
        mer_slice_eq(column, t->tenant))
        return MER_S("text");
    for (uint32_t i = 0; i < t->type->fields_n; i++) {
        const struct mer_bind_field *f = &t->fields[i];
        if (f->field && f->kind == MER_FIELD_COLUMN && mer_slice_eq(f->column, column))
            return f->sql_type;
    }
    return MER_NIL;
}

bool bind_column(struct bind_reader *r, const struct mer_ast_directive *d, struct mer_slice text,
                 const char *default_type, struct mer_bind_column *out)
{
    struct mer_slice rest = text;
    out->name = mer_slice_cut(&rest, ' ');
    if (out->name.n == text.n)
        rest = MER_NIL;
    out->sql_type = rest.n ? mer_slice_trim(rest) : mer_slice_of(default_type);
    if (!bind_is_name(out->name) || (out->sql_type.n && !bind_is_name(out->sql_type)))
        return bind_fail(r, d, "'%.*s' is no column, or column and type", MER_FMT(text));
    return true;
}

static bool in_order(const struct mer_bind_columns *by, uint32_t n, struct mer_slice column)
{
    for (uint32_t i = 0; i < n; i++)
        if (mer_slice_eq(by->items[i].name, column))
            return true;
    return false;
}

static void tell_cursors(struct bind_reader *r, const struct mer_bind_type *t, struct mer_bind_order *o)
{
    for (int down = 0; down < 2; down++) {
        o->cursor_order[down] = mer_cursor_order(r->a, t->table, o, down != 0);
        o->cursor_shape[down] = mer_cursor_shape(r->a, o, down != 0);
    }
}

// Key and partition make a row unique within a tenant, so a page ends at one row and not among equals.
static void complete_order(struct bind_reader *r, const struct mer_bind_type *t, struct mer_bind_columns *by,
                           const struct mer_bind_columns *given)
{
    by->items = MER_NEW_N(r->a, struct mer_bind_column, given->n + t->key.n + 1);
    for (uint32_t i = 0; i < given->n; i++)
        by->items[by->n++] = given->items[i];
    for (uint32_t i = 0; i < t->key.n; i++)
        if (!in_order(by, by->n, t->key.items[i].name))
            by->items[by->n++] = t->key.items[i];
    if (t->partition.n && !in_order(by, by->n, t->partition))
        by->items[by->n++] = (struct mer_bind_column){.name = t->partition, .sql_type = MER_S("text")};
}

bool bind_order_by_column(struct bind_reader *r, const struct mer_bind_type *t, struct mer_slice column,
                          struct mer_bind_order *out)
{
    struct mer_bind_column c = {.name = column, .sql_type = bind_column_type(t, column)};
    if (!c.sql_type.n)
        return bind_fail(r, NULL, "no field of %.*s tells the type of column %.*s", MER_FMT(t->type->name),
                         MER_FMT(column));
    *out = (struct mer_bind_order){.indexed = true};
    complete_order(r, t, &out->by, &(struct mer_bind_columns){&c, 1});
    tell_cursors(r, t, out);
    return true;
}

bool bind_order(struct bind_reader *r, const struct mer_ast_directive *d, const struct mer_bind_type *t,
                struct mer_bind_order *out)
{
    struct mer_slice *by = NULL;
    uint32_t by_n = 0;
    bool nullable = false;
    *out = (struct mer_bind_order){.indexed = true};
    if (!bind_strings(r, d, "by", &by, &by_n) || !bind_bool(r, d, "indexed", &out->indexed) ||
        !bind_bool(r, d, "nullable", &nullable))
        return false;
    if (by_n == 0)
        return bind_fail(r, d, "@order(by:) is empty");
    struct mer_bind_columns given = {MER_NEW_N(r->a, struct mer_bind_column, by_n), by_n};
    for (uint32_t i = 0; i < by_n; i++) {
        struct mer_slice text = by[i];
        bool down = mer_slice_ends(text, MER_S(" desc"));
        if (down)
            text.n -= 5;
        if (i > 0 && down != out->descending)
            return bind_fail(r, d, "the columns of @order do not all run the same way");
        out->descending = down;
        if (!bind_column(r, d, text, "", &given.items[i]))
            return false;
        if (!given.items[i].sql_type.n)
            given.items[i].sql_type = bind_column_type(t, given.items[i].name);
        if (!given.items[i].sql_type.n)
            return bind_fail(r, d, "no field tells the type of column %.*s: write it after the name",
                             MER_FMT(given.items[i].name));
    }
    given.items[0].nullable = nullable;
    complete_order(r, t, &out->by, &given);
    tell_cursors(r, t, out);
    return true;
}
