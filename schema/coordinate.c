// SPDX-License-Identifier: MIT
#include "schema/coordinate.h"

#include <stdio.h>

#include "schema/text.h"
#include "schema/values_priv.h"

// ---- reading ----

struct reader {
    struct mer_slice source;
    size_t at;
    struct mer_diag *diag;
};

static bool name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static size_t name_length(const struct reader *r)
{
    size_t n = 0;
    while (r->at + n < r->source.n && (name_start(r->source.p[r->at + n]) ||
                                       (n && r->source.p[r->at + n] >= '0' && r->source.p[r->at + n] <= '9')))
        n++;
    return n;
}

// What stands here, as messages show it.
static void describe(const struct reader *r, char out[160])
{
    size_t name = name_length(r);
    if (r->at == r->source.n)
        snprintf(out, 160, "<EOF>");
    else if (name)
        snprintf(out, 160, "Name \"%.*s\"", (int)(name < 120 ? name : 120), r->source.p + r->at);
    else
        snprintf(out, 160, "\"%c\"", r->source.p[r->at]);
}

// One character as messages show it.
static void show_char(const struct reader *r, char out[16])
{
    uint32_t cp;
    char c = r->source.p[r->at];
    if (c == '"')
        snprintf(out, 16, "'\"'");
    else if (c >= 0x20 && c < 0x7F)
        snprintf(out, 16, "\"%c\"", c);
    else if (mer_utf8_decode(r->source, r->at, &cp))
        snprintf(out, 16, "U+%04X", cp);
    else
        snprintf(out, 16, "<%02X>", (unsigned char)c);
}

// What was read so far is ASCII: its bytes are columns.
static bool fail(struct reader *r, const char *wanted)
{
    char found[160];
    bool end = r->at == r->source.n;
    if (!end && !name_length(r) && (r->source.p[r->at] == 0 || !strchr(".():@", r->source.p[r->at]))) {
        show_char(r, found);
        mer_diag_at(r->diag, MER_ERR_INVALID, 1, (uint32_t)r->at + 1, "Syntax Error: Invalid character: %s.",
                    found);
    } else {
        describe(r, found);
        mer_diag_at(r->diag, MER_ERR_INVALID, 1, (uint32_t)r->at + 1, "Syntax Error: Expected %s, found %s.",
                    wanted, found);
    }
    return false;
}

static bool take(struct reader *r, char c)
{
    bool here = r->at < r->source.n && r->source.p[r->at] == c;
    r->at += here;
    return here;
}

static bool name(struct reader *r, struct mer_slice *out)
{
    *out = mer_slice_make(r->source.p + r->at, name_length(r));
    if (!out->n)
        return fail(r, "Name");
    r->at += out->n;
    return true;
}

static bool argument(struct reader *r, struct mer_slice *out)
{
    if (!name(r, out))
        return false;
    if (!take(r, ':'))
        return fail(r, "\":\"");
    return take(r, ')') || fail(r, "\")\"");
}

enum mer_err mer_coordinate_parse(struct mer_slice source, struct mer_coordinate *out, struct mer_diag *diag)
{
    struct reader r = {.source = source, .diag = diag};
    *out = (struct mer_coordinate){.directive = take(&r, '@')};
    bool ok = name(&r, &out->name);
    if (ok && !out->directive && take(&r, '.'))
        ok = name(&r, &out->member);
    if (ok && (out->directive || out->member.n) && take(&r, '('))
        ok = argument(&r, &out->argument);
    if (ok && r.at < source.n)
        ok = fail(&r, "<EOF>");
    return ok ? MER_OK : MER_ERR_INVALID;
}

void mer_coordinate_print(struct mer_buf *b, const struct mer_coordinate *c)
{
    mer_buf_add_cstr(b, c->directive ? "@" : "");
    mer_buf_add(b, c->name);
    if (c->member.n)
        mer_buf_printf(b, ".%.*s", MER_FMT(c->member));
    if (c->argument.n)
        mer_buf_printf(b, "(%.*s:)", MER_FMT(c->argument));
}

// ---- finding ----

static const struct mer_input *find_input(const struct mer_input *inputs, uint32_t n, struct mer_slice name)
{
    for (uint32_t i = 0; i < n; i++)
        if (mer_slice_eq(inputs[i].name, name))
            return &inputs[i];
    return NULL;
}

static enum mer_err not_found(const struct mer_coordinate *c, struct mer_diag *diag)
{
    char text[160];
    snprintf(text, sizeof(text), "%s%.*s%s%.*s%s%.*s%s", c->directive ? "@" : "",
             (int)(c->name.n < 50 ? c->name.n : 50), c->name.p, c->member.n ? "." : "",
             (int)(c->member.n < 50 ? c->member.n : 50), c->member.p, c->argument.n ? "(" : "",
             (int)(c->argument.n < 50 ? c->argument.n : 50), c->argument.p, c->argument.n ? ":)" : "");
    return mer_diag_set(diag, MER_ERR_NOT_FOUND, "The schema has no %s.", text);
}

static enum mer_err in_directive(const struct mer_coordinate *c, struct mer_schema_element *out,
                                 struct mer_diag *diag)
{
    if (!out->directive && c->argument.n)
        return mer_diag_set(diag, MER_ERR_INVALID,
                            "Expected \"%.*s\" to be defined as a directive in the schema.",
                            MER_FMT(c->name));
    if (out->directive && c->argument.n)
        out->input = find_input(out->directive->arguments, out->directive->arguments_n, c->argument);
    return out->directive && (out->input || !c->argument.n) ? MER_OK : not_found(c, diag);
}

static enum mer_err in_field(const struct mer_coordinate *c, struct mer_schema_element *out,
                             struct mer_diag *diag)
{
    const struct mer_type *t = out->type;
    if (t->kind != MER_TYPE_OBJECT && t->kind != MER_TYPE_INTERFACE)
        return mer_diag_set(diag, MER_ERR_INVALID,
                            "Expected \"%.*s\" to be an object type or interface type.", MER_FMT(c->name));
    out->field = mer_map_get(&t->fields_by_name, c->member);
    if (!out->field)
        return mer_diag_set(diag, MER_ERR_INVALID,
                            "Expected \"%.*s\" to exist as a field of type \"%.*s\" in the schema.",
                            MER_FMT(c->member), MER_FMT(c->name));
    out->input = find_input(out->field->arguments, out->field->arguments_n, c->argument);
    return out->input ? MER_OK : not_found(c, diag);
}

static enum mer_err in_type(const struct mer_coordinate *c, struct mer_schema_element *out,
                            struct mer_diag *diag)
{
    const struct mer_type *t = out->type;
    if (t->kind == MER_TYPE_SCALAR || t->kind == MER_TYPE_UNION)
        return mer_diag_set(diag, MER_ERR_INVALID,
                            "Expected \"%.*s\" to be an Enum, Input Object, Object or Interface type.",
                            MER_FMT(c->name));
    if (t->kind == MER_TYPE_ENUM)
        out->value = mer_enum_value_find(t, c->member);
    else if (t->kind == MER_TYPE_INPUT)
        out->input = find_input(t->inputs, t->inputs_n, c->member);
    else
        out->field = mer_map_get(&t->fields_by_name, c->member);
    return out->value || out->input || out->field ? MER_OK : not_found(c, diag);
}

enum mer_err mer_coordinate_resolve(const struct mer_schema *s, const struct mer_coordinate *c,
                                    struct mer_schema_element *out, struct mer_diag *diag)
{
    *out = (struct mer_schema_element){0};
    if (c->directive) {
        out->directive = mer_schema_directive(s, c->name);
        return in_directive(c, out, diag);
    }
    out->type = mer_schema_type(s, c->name);
    if (!c->member.n)
        return out->type ? MER_OK : not_found(c, diag);
    if (!out->type)
        return mer_diag_set(diag, MER_ERR_INVALID, "Expected \"%.*s\" to be defined as a type in the schema.",
                            MER_FMT(c->name));
    return c->argument.n ? in_field(c, out, diag) : in_type(c, out, diag);
}
