// SPDX-License-Identifier: MIT
// The shortest text of a tree: a space only where two tokens would run into each other.
#include "schema/lexer.h"
#include "schema/printer.h"

static bool word_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '"';
}

// A space, if the last token and one that begins with `next` need it.
static void part(struct mer_buf *b, char next)
{
    if (b->n && word_char(b->p[b->n - 1]) && (word_char(next) || next == '-' || next == '.'))
        mer_buf_add_char(b, ' ');
}

static void put(struct mer_buf *b, struct mer_slice s)
{
    if (!s.n)
        return;
    part(b, s.p[0]);
    mer_buf_add(b, s);
}

void mer_print_value_min(struct mer_buf *b, const struct mer_ast_value *v)
{
    switch (v->kind) {
    case MER_VALUE_VARIABLE:
        mer_buf_add_char(b, '$');
        mer_buf_add(b, v->text);
        return;
    case MER_VALUE_STRING:
        part(b, '"');
        mer_string_print(b, v->text);
        return;
    case MER_VALUE_LIST:
        mer_buf_add_char(b, '[');
        for (uint32_t i = 0; i < v->n; i++)
            mer_print_value_min(b, v->items[i]);
        mer_buf_add_char(b, ']');
        return;
    case MER_VALUE_OBJECT:
        mer_buf_add_char(b, '{');
        for (uint32_t i = 0; i < v->n; i++) {
            put(b, v->fields[i]->name);
            mer_buf_add_char(b, ':');
            mer_print_value_min(b, v->fields[i]->value);
        }
        mer_buf_add_char(b, '}');
        return;
    default:
        put(b, v->text);
    }
}

void mer_print_arguments_min(struct mer_buf *b, struct mer_ast_argument *const *args, uint32_t n)
{
    if (!n)
        return;
    mer_buf_add_char(b, '(');
    for (uint32_t i = 0; i < n; i++) {
        put(b, args[i]->name);
        mer_buf_add_char(b, ':');
        mer_print_value_min(b, args[i]->value);
    }
    mer_buf_add_char(b, ')');
}

void mer_print_directives_min(struct mer_buf *b, const struct mer_ast_directives *ds)
{
    for (uint32_t i = 0; i < ds->n; i++) {
        mer_buf_add_char(b, '@');
        mer_buf_add(b, ds->items[i]->name);
        mer_print_arguments_min(b, ds->items[i]->arguments, ds->items[i]->arguments_n);
    }
}

static void selection(struct mer_buf *b, const struct mer_ast_selection *sel)
{
    if (sel->kind == MER_SEL_FIELD) {
        if (sel->alias.n) {
            put(b, sel->alias);
            mer_buf_add_char(b, ':');
        }
        put(b, sel->name);
        mer_print_arguments_min(b, sel->arguments, sel->arguments_n);
    } else {
        put(b, MER_S("..."));
        mer_buf_add(b, sel->kind == MER_SEL_SPREAD ? sel->name : MER_NIL);
        if (sel->condition.n) {
            mer_buf_add(b, MER_S("on "));
            mer_buf_add(b, sel->condition);
        }
    }
    mer_print_directives_min(b, &sel->directives);
    if (sel->selections)
        mer_print_selections_min(b, sel->selections);
}

void mer_print_field_set_min(struct mer_buf *b, const struct mer_ast_selection_set *set)
{
    for (uint32_t i = 0; i < set->n; i++)
        selection(b, set->items[i]);
}

void mer_print_selections_min(struct mer_buf *b, const struct mer_ast_selection_set *set)
{
    mer_buf_add_char(b, '{');
    mer_print_field_set_min(b, set);
    mer_buf_add_char(b, '}');
}

void mer_print_variables_min(struct mer_buf *b, struct mer_ast_variable *const *vars, uint32_t n)
{
    if (!n)
        return;
    mer_buf_add_char(b, '(');
    for (uint32_t i = 0; i < n; i++) {
        mer_buf_add_char(b, '$');
        mer_buf_add(b, vars[i]->name);
        mer_buf_add_char(b, ':');
        mer_print_type(b, vars[i]->type);
        if (vars[i]->default_value) {
            mer_buf_add_char(b, '=');
            mer_print_value_min(b, vars[i]->default_value);
        }
        mer_print_directives_min(b, &vars[i]->directives);
    }
    mer_buf_add_char(b, ')');
}

enum mer_err mer_print_stripped(struct mer_buf *b, struct mer_arena *a, struct mer_slice source,
                                struct mer_diag *diag)
{
    struct mer_lexer lx;
    struct mer_token t;
    bool last_word = false;
    mer_lexer_init(&lx, source);
    for (;;) {
        enum mer_err err = mer_lexer_next(&lx, &t, diag);
        if (err != MER_OK || t.kind == MER_TOKEN_EOF)
            return err;
        if (mer_arena_exhausted(a))
            return mer_diag_set(diag, MER_ERR_LIMIT, "The document needs more memory than it may use.");
        bool word = t.kind >= MER_TOKEN_NAME;
        if (last_word && (word || t.kind == MER_TOKEN_SPREAD))
            mer_buf_add_char(b, ' ');
        if (t.kind == MER_TOKEN_BLOCK_STRING)
            mer_block_string_print(b, mer_lexer_string(a, &t), true);
        else
            mer_buf_add(b, mer_slice_make(source.p + t.start, t.end - t.start));
        last_word = word;
    }
}
