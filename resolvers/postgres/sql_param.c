// SPDX-License-Identifier: MIT
// Values: what a request brings becomes a bind parameter in text form, checked here as far as the cast beside
// it would fail on it, so that a wrong value is the caller's error and never one of the database.
#include "resolvers/postgres/sql_priv.h"

#include "base/time.h"
#include "base/utf8.h"
#include "resolvers/postgres/binding_priv.h"

#include <math.h>
#include <stdlib.h>

// ---- which texts can be cast ----

static bool is_text(struct mer_slice s)
{
    for (size_t i = 0; i < s.n;) {
        size_t n = s.p[i] ? mer_utf8_seq(s.p + i, s.n - i) : 0;
        if (!n)
            return false;
        i += n;
    }
    return true;
}

bool sql_is_uuid(struct mer_slice s)
{
    if (s.n != 36)
        return false;
    // By class of character: 1 a hexadecimal digit, 2 a dash.
    static const uint8_t classes[256] = {
        ['-'] = 2, ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1,
        ['7'] = 1, ['8'] = 1, ['9'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1, ['e'] = 1,
        ['f'] = 1, ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1, ['F'] = 1};
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    uint8_t wrong = 0;
    for (size_t i = 0; i < 36; i++)
        wrong |= classes[(uint8_t)s.p[i]] ^ (form[i] == '-' ? 2 : 1);
    return !wrong;
}

static size_t digits(const char *p, size_t n)
{
    size_t i = 0;
    while (i < n && p[i] >= '0' && p[i] <= '9')
        i++;
    return i;
}

// A JSON number, of a length and exponent that no sane quantity has.
static bool is_number(struct mer_slice s, bool integer)
{
    size_t i = s.n && s.p[0] == '-' ? 1 : 0;
    size_t n = digits(s.p + i, s.n - i);
    if (n == 0 || s.n > 200)
        return false;
    i += n;
    if (i < s.n && s.p[i] == '.' && !integer) {
        n = digits(s.p + i + 1, s.n - i - 1);
        if (n == 0)
            return false;
        i += n + 1;
    }
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E') && !integer) {
        i++;
        if (i < s.n && (s.p[i] == '-' || s.p[i] == '+'))
            i++;
        n = digits(s.p + i, s.n - i);
        if (n == 0 || n > 2)
            return false;
        i += n;
    }
    return i == s.n;
}

static bool is_float(struct mer_slice s)
{
    char text[64];
    if (s.n >= sizeof(text) || !is_number(s, false))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    return isfinite(strtod(text, NULL));
}

static bool is_date(struct mer_slice s)
{
    int64_t ignored;
    char text[24];
    if (s.n != 10)
        return false;
    memcpy(text, s.p, 10);
    memcpy(text + 10, "T00:00:00Z", 10);
    return memcmp(text, "0000", 4) != 0 && mer_time_parse_rfc3339(mer_slice_make(text, 20), &ignored);
}

// Cursors carry times as Postgres writes them: 2025-12-10 14:30:00.5+00.
static bool is_time(struct mer_slice s)
{
    char text[48];
    int64_t ignored;
    if (s.n < 20 || s.n > 40 || memcmp(s.p, "0000", 4) == 0)
        return false;
    memcpy(text, s.p, s.n);
    text[10] = 'T';
    size_t n = s.n;
    if (memcmp(text + n - 3, "+00", 3) == 0 && text[n - 6] != '+' && text[n - 6] != '-') {
        memcpy(text + n - 3, "Z", 1);
        n -= 2;
    }
    return mer_time_parse_rfc3339(mer_slice_make(text, n), &ignored);
}

bool sql_castable(struct mer_slice s, struct mer_slice type)
{
    int64_t i;
    if (mer_slice_is(type, "uuid"))
        return sql_is_uuid(s);
    if (mer_slice_is(type, "int") || mer_slice_is(type, "smallint"))
        return mer_slice_to_i64(s, &i) && i >= (type.n == 3 ? INT32_MIN : INT16_MIN) &&
               i <= (type.n == 3 ? INT32_MAX : INT16_MAX);
    if (mer_slice_is(type, "bigint"))
        return mer_slice_to_i64(s, &i);
    if (mer_slice_is(type, "numeric"))
        return is_number(s, false);
    if (mer_slice_is(type, "float8"))
        return is_float(s);
    if (mer_slice_is(type, "boolean"))
        return mer_slice_is(s, "true") || mer_slice_is(s, "false");
    if (mer_slice_is(type, "date"))
        return is_date(s);
    if (mer_slice_is(type, "timestamptz"))
        return is_time(s);
    return is_text(s);
}

// ---- binding ----

static bool add(struct sql_ctx *c, struct mer_slice value, bool null)
{
    if (c->params_n == SQL_PARAMS_MAX || mer_arena_exhausted(c->a))
        return sql_fail(c, MER_ERR_LIMIT, "the request holds too many values");
    if (c->params_n == c->params_cap) {
        uint32_t cap = c->params_cap ? c->params_cap * 2 : 16;
        struct mer_pg_param *more = MER_NEW_N(c->a, struct mer_pg_param, cap);
        if (c->params_n)
            memcpy(more, c->params, c->params_n * sizeof(*more));
        c->params = more;
        c->params_cap = cap;
    }
    struct mer_slice v = null ? MER_NIL : mer_slice_make(mer_arena_cstr(c->a, value), value.n);
    c->params[c->params_n++] = (struct mer_pg_param){.value = v, .null = null};
    return true;
}

static void write_column_of_many(struct sql_types *types, struct mer_buf *b, uint32_t n,
                                 struct mer_slice type, bool array)
{
    types->unfit = types->unfit || array || n > SQL_MANY_PARAMS;
    if (types->unfit)
        return;
    types->names[n - 1] = type;
    types->n = n > types->n ? n : types->n;
    mer_buf_add_cstr(b, "many.p");
    mer_buf_add_u64(b, n);
}

static void write_param(struct sql_ctx *c, struct mer_buf *b, uint32_t n, struct mer_slice type, bool array)
{
    if (c->many) {
        write_column_of_many(c->many, b, n, type, array);
        return;
    }
    mer_buf_add_char(b, '$');
    mer_buf_add_u64(b, n);
    mer_buf_add_cstr(b, "::");
    mer_buf_add(b, type);
    if (array)
        mer_buf_add_cstr(b, "[]");
}

bool sql_bind_text(struct sql_ctx *c, struct mer_buf *b, struct mer_slice value, bool null,
                   struct mer_slice type)
{
    c->varied++;
    if (!add(c, value, null))
        return false;
    write_param(c, b, c->params_n, type, false);
    return true;
}

bool sql_bind_array(struct sql_ctx *c, struct mer_buf *b, const struct mer_slice *values, uint32_t n,
                    struct mer_slice type)
{
    struct mer_buf text;
    mer_buf_init(&text, c->a, 64 + (size_t)n * 40);
    mer_buf_add_char(&text, '{');
    for (uint32_t i = 0; i < n; i++) {
        if (i)
            mer_buf_add_char(&text, ',');
        if (!values[i].p) {
            mer_buf_add_cstr(&text, "NULL");
            continue;
        }
        mer_buf_add_char(&text, '"');
        for (size_t k = 0; k < values[i].n; k++) {
            if (values[i].p[k] == '"' || values[i].p[k] == '\\')
                mer_buf_add_char(&text, '\\');
            mer_buf_add_char(&text, values[i].p[k]);
        }
        mer_buf_add_char(&text, '"');
    }
    mer_buf_add_char(&text, '}');
    c->varied++;
    if (!add(c, mer_buf_slice(&text), false))
        return false;
    write_param(c, b, c->params_n, type, true);
    return true;
}

static bool need(struct sql_ctx *c, uint32_t *param, struct mer_slice value, char name)
{
    if (c->keep && !c->sketch)
        mer_buf_add_char(&c->once, name);
    if (!*param) {
        if (!add(c, value, false))
            return false;
        *param = c->params_n;
    }
    return true;
}

bool sql_need_tenant(struct sql_ctx *c)
{
    return need(c, &c->tenant_param, c->ask->tenant, 't');
}

bool sql_need_region(struct sql_ctx *c)
{
    return need(c, &c->region_param, c->ask->region, 'r');
}

bool sql_bind_tenant(struct sql_ctx *c, struct mer_buf *b)
{
    if (!sql_need_tenant(c))
        return false;
    write_param(c, b, c->tenant_param, MER_S("text"), false);
    return true;
}

bool sql_bind_region(struct sql_ctx *c, struct mer_buf *b)
{
    if (!sql_need_region(c))
        return false;
    write_param(c, b, c->region_param, MER_S("text"), false);
    return true;
}

// ---- from GraphQL to text ----

static struct mer_slice stored_enum(struct sql_ctx *c, const struct mer_in *in)
{
    enum mer_bind_case as = in->type ? c->binding->types[in->type->index].enum_case : MER_CASE_SNAKE;
    struct mer_slice s = mer_arena_copy(c->a, in->text);
    if (as == MER_CASE_UPPER)
        return s;
    char *p = mer_arena_bytes(c->a, s.n + 1);
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        p[i] = ch >= 'A' && ch <= 'Z' ? (char)(ch - 'A' + 'a') : ch == '_' && as == MER_CASE_KEBAB ? '-' : ch;
    }
    return mer_slice_make(p, s.n);
}

static bool normal_time(struct sql_ctx *c, struct mer_slice *s)
{
    int64_t us;
    struct mer_buf b;
    if (!mer_time_parse_rfc3339(*s, &us))
        return false;
    mer_buf_init(&b, c->a, 40);
    mer_time_write_rfc3339(&b, us);
    *s = mer_buf_slice(&b);
    return s->n > 4 && memcmp(s->p, "0000", 4) != 0; // Postgres has no year 0
}

// LIKE's own characters stand for themselves.
static struct mer_slice pattern(struct sql_ctx *c, struct mer_slice s, enum mer_where_op op)
{
    struct mer_buf b;
    mer_buf_init(&b, c->a, s.n * 2 + 2);
    if (op == MER_WHERE_CONTAINS)
        mer_buf_add_char(&b, '%');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '%' || s.p[i] == '_' || s.p[i] == '\\')
            mer_buf_add_char(&b, '\\');
        mer_buf_add_char(&b, s.p[i]);
    }
    mer_buf_add_char(&b, '%');
    return mer_buf_slice(&b);
}

bool sql_value(struct sql_ctx *c, const struct mer_in *in, const struct mer_bind_where *w,
               struct mer_slice type, struct mer_slice *out, bool *null)
{
    struct mer_slice name = w->input->name;
    *null = false;
    if (in->kind == MER_IN_NULL) {
        *null = true;
        return true;
    }
    if (in->kind == MER_IN_LIST || in->kind == MER_IN_OBJECT || in->kind == MER_IN_RAW)
        return sql_fail(c, MER_ERR_INVALID, "%.*s: a single value is wanted", MER_FMT(name));
    *out = in->kind == MER_IN_BOOLEAN ? (in->boolean ? MER_S("true") : MER_S("false"))
           : in->kind == MER_IN_ENUM  ? stored_enum(c, in)
                                      : in->text;
    if (!is_text(*out))
        return sql_fail(c, MER_ERR_INVALID, "%.*s: holds U+0000 or is no UTF-8", MER_FMT(name));
    if (w->id_type.n) {
        struct sql_id id = sql_id_parse(*out);
        const struct mer_type *t = mer_schema_type(c->binding->schema, w->id_type);
        bool whole = t && c->binding->types[t->index].key.n == 0; // the partition is the key
        *null = !id.bare && !mer_slice_eq(id.type, w->id_type);
        *out = whole && !id.bare ? id.partition : id.key;
    }
    if (w->op == MER_WHERE_PREFIX || w->op == MER_WHERE_CONTAINS)
        *out = pattern(c, *out, w->op);
    if (mer_slice_is(type, "timestamptz")) {
        if (!normal_time(c, out))
            return sql_fail(c, MER_ERR_INVALID, "%.*s: is no DateTime (RFC 3339)", MER_FMT(name));
        return true;
    }
    if (!*null && !sql_castable(*out, type)) {
        // An id that is none names nothing; a number or a date that is none is a mistake.
        if (!mer_slice_is(type, "uuid") && !w->id_type.n)
            return sql_fail(c, MER_ERR_INVALID, "%.*s: is no %.*s", MER_FMT(name), MER_FMT(type));
        *null = true;
    }
    return true;
}

bool sql_check_scalar(struct sql_ctx *c, const struct mer_type *t, const struct mer_in *in)
{
    static const struct {
        enum mer_bind_scalar scalar;
        const char *sql;
    } checks[] = {{MER_BIND_DATE, "date"}, {MER_BIND_DECIMAL, "numeric"}};
    struct mer_slice text = in->text;
    if (in->kind == MER_IN_NULL || in->kind == MER_IN_BOOLEAN)
        return true;
    if (in->kind == MER_IN_RAW ? memmem(text.p, text.n, "\\u0000", 6) != NULL : !is_text(text))
        return sql_fail(c, MER_ERR_INVALID, "the input holds U+0000 or is no UTF-8");
    if (!t || t->kind != MER_TYPE_SCALAR)
        return true;
    enum mer_bind_scalar scalar = bind_scalar_of(t);
    if (scalar == MER_BIND_DATETIME && !normal_time(c, &text))
        return sql_fail(c, MER_ERR_INVALID, "'%.*s' is no DateTime (RFC 3339)",
                        (int)(text.n > 60 ? 60 : text.n), text.p);
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        if (scalar == checks[i].scalar && !sql_castable(text, mer_slice_of(checks[i].sql)))
            return sql_fail(c, MER_ERR_INVALID, "'%.*s' is no %.*s", (int)(text.n > 60 ? 60 : text.n), text.p,
                            MER_FMT(t->name));
    return true;
}
