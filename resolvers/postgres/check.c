// SPDX-License-Identifier: MIT
#include "resolvers/postgres/check.h"

#include <ctype.h>
#include <libpq-fe.h>

#include "base/buf.h"

// A thing that must be there: a column, or with column n == 0 a function.
struct wanted {
    struct mer_slice table, column;
    const struct mer_field *field; // behind which it stands; NULL: of a key, a join, an order
    bool not_null;
};

struct check {
    struct mer_arena *a;
    const struct mer_pg_check_ask *ask;
    struct wanted *items;
    uint32_t n, cap;
    struct mer_pg_finding *found;
    uint32_t found_n, found_cap;
};

static void want(struct check *c, struct wanted w)
{
    if (c->n == c->cap) {
        struct wanted *more = MER_NEW_N(c->a, struct wanted, c->cap * 2 + 64);
        if (c->n)
            memcpy(more, c->items, c->n * sizeof(*more));
        c->cap = c->cap * 2 + 64;
        c->items = more;
    }
    c->items[c->n++] = w;
}

static void tell(struct check *c, const struct wanted *w, const char *what)
{
    struct mer_buf b;
    mer_buf_init(&b, c->a, 128);
    if (w->field)
        mer_buf_printf(&b, "%.*s.%.*s: ", MER_FMT(w->field->parent->name), MER_FMT(w->field->name));
    if (w->column.n)
        mer_buf_printf(&b, "column %.*s.%.*s %s", MER_FMT(w->table), MER_FMT(w->column), what);
    else
        mer_buf_printf(&b, "function %.*s %s", MER_FMT(w->table), what);
    if (c->found_n == c->found_cap) {
        struct mer_pg_finding *more = MER_NEW_N(c->a, struct mer_pg_finding, c->found_cap * 2 + 16);
        if (c->found_n)
            memcpy(more, c->found, c->found_n * sizeof(*more));
        c->found_cap = c->found_cap * 2 + 16;
        c->found = more;
    }
    struct mer_loc loc = w->field && w->field->ast ? w->field->ast->name_loc : (struct mer_loc){0};
    c->found[c->found_n++] = (struct mer_pg_finding){loc, mer_buf_slice(&b)};
}

// ---- what is wanted ----

// A field without @tier is served everywhere.
static bool served_at(const struct mer_field *f, enum mer_tier tier)
{
    const struct mer_ast_directive *d = mer_ast_directive_find(&f->directives, MER_S("tier"));
    const struct mer_ast_value *v = d ? mer_ast_argument_find(d, MER_S("serves")) : NULL;
    for (uint32_t i = 0; v && v->kind == MER_VALUE_LIST && i < v->n; i++) {
        struct mer_slice name = v->items[i]->text;
        const char *own = mer_tier_name(tier);
        size_t k = 0;
        while (k < name.n && own[k] && tolower((unsigned char)name.p[k]) == own[k])
            k++;
        if (k == name.n && !own[k])
            return true;
    }
    return !v;
}

static void want_fields(struct check *c, const struct mer_bind_type *t)
{
    for (uint32_t i = 0; i < t->type->fields_n; i++) {
        const struct mer_bind_field *f = &t->fields[i];
        if (t->kind == MER_BIND_TABLE && f->kind == MER_FIELD_COLUMN)
            want(c, (struct wanted){t->table, f->column, f->field, mer_ref_non_null(&f->field->type, 0)});
        if (f->kind == MER_FIELD_CALL && served_at(f->field, c->ask->tier) && c->ask->write)
            want(c, (struct wanted){.table = f->function, .field = f->field});
    }
}

static void want_all(struct check *c)
{
    const struct mer_binding *b = c->ask->binding;
    struct mer_binding_column_use *uses;
    uint32_t n = mer_binding_columns(c->a, b, &uses);
    for (uint32_t i = 0; i < b->types_n; i++)
        if (!b->types[i].type->builtin && b->types[i].type->kind == MER_TYPE_OBJECT)
            want_fields(c, &b->types[i]);
    uint32_t named = c->n;
    for (uint32_t i = 0; i < n; i++) {
        bool known = false;
        for (uint32_t k = 0; k < named && !known; k++)
            known = mer_slice_eq(c->items[k].table, uses[i].table) &&
                    mer_slice_eq(c->items[k].column, uses[i].column);
        if (!known)
            want(c, (struct wanted){.table = uses[i].table, .column = uses[i].column});
    }
}

// ---- what is there ----

// One row for each that was asked, in order: there, may be read, is never null. A view's columns never say
// NOT NULL: what is under it does.
static const char columns_sql[] = "select coalesce(a.attnum > 0, false), "
                                  "coalesce(has_column_privilege(a.attrelid, a.attnum, 'select'), false), "
                                  "coalesce(a.attnotnull or r.relkind not in ('r', 'p'), false) "
                                  "from unnest($1::text[], $2::text[]) with ordinality u(t, c, n) "
                                  "left join pg_class r on r.oid = to_regclass(u.t) "
                                  "left join pg_attribute a on a.attrelid = r.oid and a.attname = u.c and "
                                  "a.attnum > 0 and not a.attisdropped "
                                  "order by u.n";
static const char functions_sql[] =
    "select to_regprocedure(u.t || '(jsonb)') is not null, "
    "coalesce(has_function_privilege(to_regprocedure(u.t || '(jsonb)'), 'execute'), false), true "
    "from unnest($1::text[], $2::text[]) with ordinality u(t, c, n) order by u.n";

static const char *array_of(struct check *c, bool functions, bool column)
{
    struct mer_buf b;
    mer_buf_init(&b, c->a, 4096);
    mer_buf_add_char(&b, '{');
    const char *sep = "";
    for (uint32_t i = 0; i < c->n; i++) {
        const struct wanted *w = &c->items[i];
        if ((w->column.n == 0) != functions)
            continue;
        // Names of tables and columns hold no quotes: the bindings say so when they are read.
        mer_buf_printf(&b, "%s\"%.*s\"", sep, MER_FMT(column ? w->column : w->table));
        sep = ",";
    }
    mer_buf_add_char(&b, '}');
    return mer_arena_cstr(c->a, mer_buf_slice(&b));
}

static void judge(struct check *c, bool functions, const PGresult *res)
{
    int row = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        const struct wanted *w = &c->items[i];
        if ((w->column.n == 0) != functions)
            continue;
        bool there = *PQgetvalue(res, row, 0) == 't', may = *PQgetvalue(res, row, 1) == 't';
        bool full = *PQgetvalue(res, row, 2) == 't';
        row++;
        if (!there)
            tell(c, w, functions ? "(jsonb) is not there" : "is not there");
        else if (!may)
            tell(c, w, functions ? "may not be called" : "may not be read");
        else if (w->not_null && !full)
            tell(c, w, "may be null, and the field may not");
    }
}

static enum mer_err ask(struct check *c, const char *dsn, bool functions, struct mer_diag *diag)
{
    const char *const keys[] = {"dbname", "application_name", "connect_timeout", NULL};
    const char *const values[] = {dsn, "meridian check", "5", NULL};
    const char *params[] = {array_of(c, functions, false), array_of(c, functions, true)};
    PGconn *pg = PQconnectdbParams(keys, values, 1);
    PGresult *res = NULL;
    enum mer_err err = MER_OK;
    if (PQstatus(pg) == CONNECTION_OK)
        res = PQexecParams(pg, functions ? functions_sql : columns_sql, 2, NULL, params, NULL, NULL, 0);
    if (PQresultStatus(res) == PGRES_TUPLES_OK) {
        judge(c, functions, res);
    } else {
        struct mer_slice text = mer_slice_of(PQerrorMessage(pg));
        text = mer_slice_trim(mer_slice_cut(&text, '\n'));
        err = mer_diag_set(diag, MER_ERR_IO, "%.*s", MER_FMT(text));
    }
    PQclear(res);
    PQfinish(pg);
    return err;
}

enum mer_err mer_pg_check(struct mer_arena *a, const struct mer_pg_check_ask *what,
                          struct mer_pg_finding **out, uint32_t *n, struct mer_diag *diag)
{
    struct check c = {.a = a, .ask = what};
    want_all(&c);
    enum mer_err err = ask(&c, what->read, false, diag);
    if (!err && what->write)
        err = ask(&c, what->write, true, diag);
    *out = c.found;
    *n = c.found_n;
    return err;
}
