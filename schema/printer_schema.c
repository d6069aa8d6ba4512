// SPDX-License-Identifier: MIT
// Schemas as SDL.
#include "schema/lexer.h"
#include "schema/printer_priv.h"
#include "schema/values_priv.h"

#include <math.h>
#include <stdlib.h>

// ---- defaults ----

static bool all_digits(struct mer_slice s)
{
    size_t i = s.n && s.p[0] == '-';
    if (i == s.n || (s.p[i] == '0' && i + 1 < s.n))
        return false;
    for (; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return true;
}

// As a value would be written that had been read and was written again: 1.0 is 1.
static void print_float(struct mer_buf *b, struct mer_slice text)
{
    char small[64];
    if (all_digits(text) || text.n >= sizeof(small)) {
        mer_buf_add(b, text);
        return;
    }
    memcpy(small, text.p, text.n);
    small[text.n] = '\0';
    double d = strtod(small, NULL);
    if (fabs(d) < 1e15 && d == (double)(int64_t)d)
        mer_buf_add_i64(b, (int64_t)d);
    else
        mer_json_write_double(b, d);
}

static void print_in(struct mer_buf *b, const struct mer_in *v, const struct mer_type_ref *ref)
{
    bool first = true;
    if (v->kind == MER_IN_LIST) {
        mer_buf_add_char(b, '[');
        for (uint32_t i = 0; i < v->n; i++) {
            mer_buf_add_cstr(b, i ? ", " : "");
            print_in(b, v->items[i], ref);
        }
        mer_buf_add_char(b, ']');
    } else if (v->kind == MER_IN_OBJECT) {
        mer_buf_add_char(b, '{');
        for (uint32_t i = 0; i < v->n; i++) {
            if (!v->items[i])
                continue;
            mer_buf_printf(b, "%s%.*s: ", first ? "" : ", ", MER_FMT(v->type->inputs[i].name));
            print_in(b, v->items[i], &v->type->inputs[i].type);
            first = false;
        }
        mer_buf_add_char(b, '}');
    } else if (v->kind == MER_IN_FLOAT) {
        print_float(b, v->text);
    } else if (v->kind == MER_IN_STRING && mer_builtin_scalar_of(ref->type) == MER_SCALAR_ID &&
               all_digits(v->text)) {
        mer_buf_add(b, v->text);
    } else {
        mer_in_write_graphql(b, v);
    }
}

bool mer_print_default(struct mer_buf *b, struct mer_arena *a, const struct mer_input *in)
{
    const struct mer_in *v = mer_coerce_default(a, in, 0);
    if (v)
        print_in(b, v, &in->type);
    return v != NULL;
}

// ---- parts ----

struct schema_printer {
    struct mer_buf *b;
    struct mer_arena *a;
};

static void indent(struct schema_printer *p, uint32_t levels)
{
    for (uint32_t i = 0; i < levels; i++)
        mer_buf_add(p->b, MER_S("  "));
}

// A member's description stands apart from the member before it.
static void description(struct schema_printer *p, struct mer_slice text, uint32_t levels, bool first)
{
    if (!text.p)
        return;
    struct mer_printer inner = {p->b, levels};
    if (levels && !first)
        mer_buf_add_char(p->b, '\n');
    indent(p, levels);
    mer_printer_string(&inner, text, mer_block_string_printable(text));
    mer_buf_add_char(p->b, '\n');
}

static void deprecated(struct schema_printer *p, const struct mer_ast_directives *ds)
{
    struct mer_slice reason;
    if (!mer_deprecation(ds, &reason))
        return;
    mer_buf_add(p->b, MER_S(" @deprecated"));
    if (mer_slice_is(reason, "No longer supported"))
        return;
    mer_buf_add(p->b, MER_S("(reason: "));
    mer_string_print(p->b, reason);
    mer_buf_add_char(p->b, ')');
}

static void input_value(struct schema_printer *p, const struct mer_input *in)
{
    struct mer_buf value;
    mer_buf_add(p->b, in->name);
    mer_buf_add(p->b, MER_S(": "));
    mer_print_type_ref(p->b, &in->type);
    mer_buf_init(&value, p->a, 16);
    if (mer_print_default(&value, p->a, in)) {
        mer_buf_add(p->b, MER_S(" = "));
        mer_buf_add(p->b, mer_buf_slice(&value));
    }
    deprecated(p, &in->directives);
}

static void arguments(struct schema_printer *p, const struct mer_input *args, uint32_t n, uint32_t levels)
{
    bool lines = false;
    if (!n)
        return;
    for (uint32_t i = 0; i < n; i++)
        lines = lines || args[i].description.p;
    mer_buf_add_char(p->b, '(');
    for (uint32_t i = 0; i < n; i++) {
        if (lines) {
            mer_buf_add_char(p->b, '\n');
            description(p, args[i].description, levels + 1, i == 0);
            indent(p, levels + 1);
        } else {
            mer_buf_add_cstr(p->b, i ? ", " : "");
        }
        input_value(p, &args[i]);
    }
    if (lines) {
        mer_buf_add_char(p->b, '\n');
        indent(p, levels);
    }
    mer_buf_add_char(p->b, ')');
}

static void directive(struct schema_printer *p, const struct mer_directive_def *d)
{
    description(p, d->description, 0, true);
    mer_buf_printf(p->b, "directive @%.*s", MER_FMT(d->name));
    arguments(p, d->arguments, d->arguments_n, 0);
    mer_buf_add_cstr(p->b, d->repeatable ? " repeatable on " : " on ");
    for (uint32_t i = 0; i < d->ast->names_n; i++)
        mer_buf_printf(p->b, "%s%.*s", i ? " | " : "", MER_FMT(d->ast->names[i].name));
}

// ---- types ----

static void field(struct schema_printer *p, const struct mer_field *f, uint32_t levels, bool first)
{
    description(p, f->description, levels, first);
    indent(p, levels);
    mer_buf_add(p->b, f->name);
    arguments(p, f->arguments, f->arguments_n, levels);
    mer_buf_add(p->b, MER_S(": "));
    mer_print_type_ref(p->b, &f->type);
    deprecated(p, &f->directives);
}

static void enum_value(struct schema_printer *p, const struct mer_enum_value *v, uint32_t levels, bool first)
{
    description(p, v->description, levels, first);
    indent(p, levels);
    mer_buf_add(p->b, v->name);
    deprecated(p, &v->directives);
}

static void members(struct schema_printer *p, const struct mer_type *t)
{
    uint32_t n = t->fields_n + t->inputs_n + t->values_n; // a type has one kind of them
    if (!n)
        return;
    mer_buf_add(p->b, MER_S(" {\n"));
    for (uint32_t i = 0; i < n; i++) {
        if (i)
            mer_buf_add_char(p->b, '\n');
        if (t->fields_n) {
            field(p, &t->fields[i], 1, i == 0);
        } else if (t->values_n) {
            enum_value(p, &t->values[i], 1, i == 0);
        } else {
            description(p, t->inputs[i].description, 1, i == 0);
            indent(p, 1);
            input_value(p, &t->inputs[i]);
        }
    }
    mer_buf_add(p->b, MER_S("\n}"));
}

static void names(struct schema_printer *p, const struct mer_type *const *types, uint32_t n,
                  const char *before, const char *between)
{
    for (uint32_t i = 0; i < n; i++)
        mer_buf_printf(p->b, "%s%.*s", i ? between : before, MER_FMT(types[i]->name));
}

static void type(struct schema_printer *p, const struct mer_type *t)
{
    static const char *const words[] = {"scalar", "type", "interface", "union", "enum", "input"};
    description(p, t->description, 0, true);
    mer_buf_printf(p->b, "%s %.*s", words[t->kind], MER_FMT(t->name));
    if (t->kind == MER_TYPE_UNION)
        names(p, t->possible, t->possible_n, " = ", " | ");
    else
        names(p, t->interfaces, t->interfaces_n, " implements ", " & ");
    struct mer_slice url = t->kind == MER_TYPE_SCALAR ? mer_type_specified_by(t) : MER_NIL;
    if (url.p) {
        mer_buf_add(p->b, MER_S(" @specifiedBy(url: "));
        mer_string_print(p->b, url);
        mer_buf_add_char(p->b, ')');
    }
    if (t->one_of)
        mer_buf_add(p->b, MER_S(" @oneOf"));
    members(p, t);
}

void mer_print_schema_type(struct mer_buf *b, const struct mer_schema *s, const struct mer_type *t)
{
    struct schema_printer p = {b, mer_arena_create(0)};
    (void)s;
    type(&p, t);
    mer_arena_destroy(p.a);
}

void mer_print_schema_element(struct mer_buf *b, const struct mer_schema_element *e)
{
    struct schema_printer p = {b, mer_arena_create(0)};
    if (e->input) {
        description(&p, e->input->description, 0, true);
        input_value(&p, e->input);
    } else if (e->field) {
        field(&p, e->field, 0, true);
    } else if (e->value) {
        enum_value(&p, e->value, 0, true);
    } else if (e->directive) {
        directive(&p, e->directive);
    } else {
        type(&p, e->type);
    }
    mer_arena_destroy(p.a);
}

// ---- the whole ----

static bool usual_roots(const struct mer_schema *s)
{
    static const char *const usual[3] = {"Query", "Mutation", "Subscription"};
    for (uint32_t i = 0; i < 3; i++)
        if (s->roots[i] && !mer_slice_is(s->roots[i]->name, usual[i]))
            return false;
    return true;
}

static void schema_definition(struct schema_printer *p, const struct mer_schema *s)
{
    static const char *const words[3] = {"query", "mutation", "subscription"};
    if (!s->description.p && usual_roots(s))
        return;
    description(p, s->description, 0, true);
    mer_buf_add(p->b, MER_S("schema {\n"));
    for (uint32_t i = 0; i < 3; i++)
        if (s->roots[i])
            mer_buf_printf(p->b, "  %s: %.*s\n", words[i], MER_FMT(s->roots[i]->name));
    mer_buf_add_char(p->b, '}');
}

static void apart(struct schema_printer *p, size_t start)
{
    if (p->b->n > start)
        mer_buf_add(p->b, MER_S("\n\n"));
}

static bool specified_directive(const struct mer_directive_def *d)
{
    static const char *const all[] = {"include", "skip", "deprecated", "specifiedBy", "oneOf"};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (mer_slice_is(d->name, all[i]))
            return true;
    return false;
}

void mer_print_schema(struct mer_buf *b, const struct mer_schema *s)
{
    struct schema_printer p = {b, mer_arena_create(0)};
    size_t start = b->n;
    schema_definition(&p, s);
    for (uint32_t i = 0; i < s->directives_n; i++)
        if (!specified_directive(&s->directives[i])) {
            apart(&p, start);
            directive(&p, &s->directives[i]);
        }
    for (uint32_t i = 0; i < s->types_n; i++)
        if (!s->types[i]->builtin) {
            apart(&p, start);
            type(&p, s->types[i]);
        }
    mer_arena_destroy(p.a);
}
