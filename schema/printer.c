// SPDX-License-Identifier: MIT
// Documents laid out for people.
#include "schema/printer.h"

#include "schema/lexer.h"
#include "schema/printer_priv.h"
#include "schema/text.h"

#define ARGUMENTS_LINE_MAX 80

static const struct mer_slice operation_words[3] = {
    {"query", 5},
    {"mutation", 8},
    {"subscription", 12},
};

static void add(struct mer_printer *p, const char *s)
{
    mer_buf_add_cstr(p->b, s);
}

void mer_printer_line(struct mer_printer *p)
{
    mer_buf_add_char(p->b, '\n');
    for (uint32_t i = 0; i < p->indent; i++)
        mer_buf_add(p->b, MER_S("  "));
}

// ---- values and types ----

// A block string stands at the indentation of its place: its line breaks are lines of ours.
static void block_string(struct mer_printer *p, struct mer_slice text)
{
    struct mer_buf tmp;
    mer_buf_init(&tmp, NULL, text.n + 16);
    mer_block_string_print(&tmp, text, false);
    for (size_t i = 0; i < tmp.n; i++) {
        if (tmp.p[i] == '\n')
            mer_printer_line(p);
        else
            mer_buf_add_char(p->b, tmp.p[i]);
    }
    mer_buf_fini(&tmp);
}

void mer_printer_string(struct mer_printer *p, struct mer_slice text, bool block)
{
    if (block)
        block_string(p, text);
    else
        mer_string_print(p->b, text);
}

void mer_printer_value(struct mer_printer *p, const struct mer_ast_value *v)
{
    switch (v->kind) {
    case MER_VALUE_VARIABLE:
        mer_buf_add_char(p->b, '$');
        mer_buf_add(p->b, v->text);
        return;
    case MER_VALUE_STRING:
        mer_printer_string(p, v->text, v->block);
        return;
    case MER_VALUE_LIST:
        mer_buf_add_char(p->b, '[');
        for (uint32_t i = 0; i < v->n; i++) {
            add(p, i ? ", " : "");
            mer_printer_value(p, v->items[i]);
        }
        mer_buf_add_char(p->b, ']');
        return;
    case MER_VALUE_OBJECT:
        mer_buf_add_char(p->b, '{');
        for (uint32_t i = 0; i < v->n; i++) {
            add(p, i ? ", " : "");
            mer_buf_add(p->b, v->fields[i]->name);
            add(p, ": ");
            mer_printer_value(p, v->fields[i]->value);
        }
        mer_buf_add_char(p->b, '}');
        return;
    default: // as written
        mer_buf_add(p->b, v->text);
    }
}

void mer_print_value(struct mer_buf *b, const struct mer_ast_value *v)
{
    struct mer_printer p = {b, 0};
    mer_printer_value(&p, v);
}

void mer_print_type(struct mer_buf *b, const struct mer_ast_type *t)
{
    if (t->of) {
        mer_buf_add_char(b, '[');
        mer_print_type(b, t->of);
        mer_buf_add_char(b, ']');
    } else {
        mer_buf_add(b, t->name);
    }
    if (t->non_null)
        mer_buf_add_char(b, '!');
}

void mer_print_type_ref(struct mer_buf *b, const struct mer_type_ref *t)
{
    for (uint32_t i = 0; i < t->depth; i++)
        mer_buf_add_char(b, '[');
    mer_buf_add(b, t->type->name);
    for (uint32_t i = t->depth + 1u; i-- > 0;) {
        if (mer_ref_non_null(t, i))
            mer_buf_add_char(b, '!');
        if (i)
            mer_buf_add_char(b, ']');
    }
}

// ---- arguments and directives ----

static void argument(struct mer_printer *p, const struct mer_ast_argument *a)
{
    mer_buf_add(p->b, a->name);
    add(p, ": ");
    mer_printer_value(p, a->value);
}

static void arguments(struct mer_printer *p, struct mer_ast_argument *const *args, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        add(p, i ? ", " : "(");
        argument(p, args[i]);
    }
    add(p, n ? ")" : "");
}

static void directives(struct mer_printer *p, const struct mer_ast_directives *ds)
{
    for (uint32_t i = 0; i < ds->n; i++) {
        add(p, " @");
        mer_buf_add(p->b, ds->items[i]->name);
        arguments(p, ds->items[i]->arguments, ds->items[i]->arguments_n);
    }
}

// ---- executable definitions ----

static void selection_set(struct mer_printer *p, const struct mer_ast_selection_set *set);

// Arguments on the field's line, or one a line where that line would be long. The line is measured as it
// would stand at the margin.
static void field_arguments(struct mer_printer *p, const struct mer_ast_selection *f, size_t line_start)
{
    size_t start = p->b->n;
    uint32_t indent = p->indent;
    p->indent = 0;
    arguments(p, f->arguments, f->arguments_n);
    p->indent = indent;
    struct mer_slice line = mer_slice_make(p->b->p + line_start, p->b->n - line_start);
    bool broken = line.n && memchr(line.p, '\n', line.n);
    bool lengthy = mer_utf16_len(line) > ARGUMENTS_LINE_MAX;
    if (!f->arguments_n || (!broken && !lengthy))
        return;
    p->b->n = start;
    if (!lengthy) {
        arguments(p, f->arguments, f->arguments_n);
        return;
    }
    mer_buf_add_char(p->b, '(');
    p->indent++;
    for (uint32_t i = 0; i < f->arguments_n; i++) {
        mer_printer_line(p);
        argument(p, f->arguments[i]);
    }
    p->indent--;
    mer_printer_line(p);
    mer_buf_add_char(p->b, ')');
}

static void field(struct mer_printer *p, const struct mer_ast_selection *f)
{
    size_t line_start = p->b->n;
    if (f->alias.n) {
        mer_buf_add(p->b, f->alias);
        add(p, ": ");
    }
    mer_buf_add(p->b, f->name);
    field_arguments(p, f, line_start);
    directives(p, &f->directives);
    if (f->selections) {
        mer_buf_add_char(p->b, ' ');
        selection_set(p, f->selections);
    }
}

static void selection(struct mer_printer *p, const struct mer_ast_selection *sel)
{
    if (sel->kind == MER_SEL_FIELD) {
        field(p, sel);
        return;
    }
    add(p, "...");
    if (sel->kind == MER_SEL_SPREAD) {
        mer_buf_add(p->b, sel->name);
    } else if (sel->condition.n) {
        add(p, " on ");
        mer_buf_add(p->b, sel->condition);
    }
    directives(p, &sel->directives);
    if (sel->kind == MER_SEL_INLINE) {
        mer_buf_add_char(p->b, ' ');
        selection_set(p, sel->selections);
    }
}

static void selection_set(struct mer_printer *p, const struct mer_ast_selection_set *set)
{
    mer_buf_add_char(p->b, '{');
    p->indent++;
    for (uint32_t i = 0; i < set->n; i++) {
        mer_printer_line(p);
        selection(p, set->items[i]);
    }
    p->indent--;
    mer_printer_line(p);
    mer_buf_add_char(p->b, '}');
}

void mer_printer_description(struct mer_printer *p, struct mer_slice text, bool block)
{
    if (!text.p)
        return;
    mer_printer_string(p, text, block);
    mer_printer_line(p);
}

static void variable(struct mer_printer *p, const struct mer_ast_variable *v)
{
    mer_printer_description(p, v->description, v->description_block);
    mer_buf_add_char(p->b, '$');
    mer_buf_add(p->b, v->name);
    add(p, ": ");
    mer_print_type(p->b, v->type);
    if (v->default_value) {
        add(p, " = ");
        mer_printer_value(p, v->default_value);
    }
    directives(p, &v->directives);
}

static bool described_variables(const struct mer_ast_operation *op)
{
    for (uint32_t i = 0; i < op->variables_n; i++)
        if (op->variables[i]->description.p)
            return true;
    return false;
}

static void variables(struct mer_printer *p, const struct mer_ast_operation *op)
{
    bool lines = described_variables(op);
    if (!op->variables_n)
        return;
    mer_buf_add_char(p->b, '(');
    p->indent += lines;
    for (uint32_t i = 0; i < op->variables_n; i++) {
        if (lines)
            mer_printer_line(p);
        else
            add(p, i ? ", " : "");
        variable(p, op->variables[i]);
    }
    p->indent -= lines;
    if (lines)
        mer_printer_line(p);
    mer_buf_add_char(p->b, ')');
}

// Behind a type's definition, which may have no braces of its own, a query keeps its word: its braces would
// be read as the type's. (graphql-js prints it without.)
static void operation(struct mer_printer *p, const struct mer_ast_operation *op, bool behind_definition)
{
    mer_printer_description(p, op->description, op->description_block);
    bool plain = op->kind == MER_OP_QUERY && !behind_definition && !op->description.p && !op->name.n &&
                 !op->variables_n && !op->directives.n;
    if (!plain) {
        mer_buf_add(p->b, operation_words[op->kind]);
        if (op->name.n || op->variables_n)
            mer_buf_add_char(p->b, ' ');
        mer_buf_add(p->b, op->name);
        variables(p, op);
        directives(p, &op->directives);
        mer_buf_add_char(p->b, ' ');
    }
    selection_set(p, op->selections);
}

static void fragment(struct mer_printer *p, const struct mer_ast_fragment *f)
{
    mer_printer_description(p, f->description, f->description_block);
    mer_buf_printf(p->b, "fragment %.*s on %.*s", MER_FMT(f->name), MER_FMT(f->condition));
    directives(p, &f->directives);
    mer_buf_add_char(p->b, ' ');
    selection_set(p, f->selections);
}

// ---- type-system definitions ----

static void input_value(struct mer_printer *p, const struct mer_ast_input *in)
{
    mer_printer_description(p, in->description, in->description_block);
    mer_buf_add(p->b, in->name);
    add(p, ": ");
    mer_print_type(p->b, in->type);
    if (in->default_value) {
        add(p, " = ");
        mer_printer_value(p, in->default_value);
    }
    directives(p, &in->directives);
}

// Arguments on one line, or one a line when one of them does not fit on one.
static void input_arguments(struct mer_printer *p, struct mer_ast_input *const *args, uint32_t n)
{
    size_t start = p->b->n;
    if (!n)
        return;
    for (uint32_t i = 0; i < n; i++) {
        add(p, i ? ", " : "(");
        input_value(p, args[i]);
    }
    mer_buf_add_char(p->b, ')');
    if (!memchr(p->b->p + start, '\n', p->b->n - start))
        return;
    p->b->n = start;
    mer_buf_add_char(p->b, '(');
    p->indent++;
    for (uint32_t i = 0; i < n; i++) {
        mer_printer_line(p);
        input_value(p, args[i]);
    }
    p->indent--;
    mer_printer_line(p);
    mer_buf_add_char(p->b, ')');
}

static void field_definition(struct mer_printer *p, const struct mer_ast_field_def *f)
{
    mer_printer_description(p, f->description, f->description_block);
    mer_buf_add(p->b, f->name);
    input_arguments(p, f->arguments, f->arguments_n);
    add(p, ": ");
    mer_print_type(p->b, f->type);
    directives(p, &f->directives);
}

static void names(struct mer_printer *p, const struct mer_ast_definition *d, const char *before,
                  const char *between)
{
    for (uint32_t i = 0; i < d->names_n; i++) {
        add(p, i ? between : before);
        mer_buf_add(p->b, d->names[i].name);
    }
}

static void member(struct mer_printer *p, const struct mer_ast_definition *d, uint32_t i)
{
    if (d->fields_n) {
        field_definition(p, d->fields[i]);
    } else if (d->roots_n) {
        mer_buf_add(p->b, operation_words[d->roots[i].kind]);
        add(p, ": ");
        mer_buf_add(p->b, d->roots[i].type.name);
    } else if (d->values_n) {
        mer_printer_description(p, d->values[i]->description, d->values[i]->description_block);
        mer_buf_add(p->b, d->values[i]->name);
        directives(p, &d->values[i]->directives);
    } else {
        input_value(p, d->inputs[i]);
    }
}

static void members(struct mer_printer *p, const struct mer_ast_definition *d)
{
    uint32_t n = d->fields_n + d->roots_n + d->values_n + d->inputs_n; // a definition has one kind of them
    if (!n)
        return;
    add(p, " {");
    p->indent++;
    for (uint32_t i = 0; i < n; i++) {
        mer_printer_line(p);
        member(p, d, i);
    }
    p->indent--;
    mer_printer_line(p);
    mer_buf_add_char(p->b, '}');
}

static void directive_definition(struct mer_printer *p, const struct mer_ast_definition *d)
{
    mer_printer_description(p, d->description, d->description_block);
    add(p, "directive @");
    mer_buf_add(p->b, d->name);
    input_arguments(p, d->inputs, d->inputs_n);
    add(p, d->repeatable ? " repeatable on " : " on ");
    names(p, d, "", " | ");
}

static void definition(struct mer_printer *p, const struct mer_ast_definition *d)
{
    static const char *const words[] = {"schema", "scalar", "type", "interface", "union", "enum", "input"};
    if (d->kind == MER_DEF_DIRECTIVE) {
        directive_definition(p, d);
        return;
    }
    mer_printer_description(p, d->description, d->description_block);
    add(p, d->extend ? "extend " : "");
    add(p, words[d->kind]);
    if (d->kind != MER_DEF_SCHEMA)
        mer_buf_add_char(p->b, ' ');
    mer_buf_add(p->b, d->name);
    if (d->kind != MER_DEF_UNION)
        names(p, d, " implements ", " & ");
    directives(p, &d->directives);
    if (d->kind == MER_DEF_UNION)
        names(p, d, " = ", " | ");
    members(p, d);
}

void mer_print_document(struct mer_buf *b, const struct mer_ast_document *doc)
{
    struct mer_printer p = {b, 0};
    for (uint32_t i = 0; i < doc->entries_n; i++) {
        const struct mer_ast_entry *e = &doc->entries[i];
        mer_buf_add_cstr(b, i ? "\n\n" : "");
        if (e->kind == MER_ENTRY_OPERATION)
            operation(&p, doc->operations[e->index], i && e[-1].kind == MER_ENTRY_DEFINITION);
        else if (e->kind == MER_ENTRY_FRAGMENT)
            fragment(&p, doc->fragments[e->index]);
        else
            definition(&p, doc->definitions[e->index]);
    }
}
