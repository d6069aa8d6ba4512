// SPDX-License-Identifier: MIT
// Operations, fragments and selections (specification 2.3 to 2.9).
#include "schema/parser_priv.h"

bool mer_parser_operation_kind(struct mer_slice word, enum mer_operation_kind *out)
{
    static const char *const words[] = {"query", "mutation", "subscription"};
    for (uint32_t i = 0; i < 3; i++)
        if (mer_slice_is(word, words[i])) {
            *out = (enum mer_operation_kind)i;
            return true;
        }
    return false;
}

static struct mer_ast_selection *field(struct mer_parser *p)
{
    struct mer_ast_selection *sel = MER_NEW(p->a, struct mer_ast_selection);
    sel->kind = MER_SEL_FIELD;
    if (!mer_parser_name(p, &sel->name, &sel->loc))
        return NULL;
    sel->name_loc = sel->loc;
    if (mer_parser_take(p, MER_TOKEN_COLON)) {
        sel->alias = sel->name;
        if (!mer_parser_name(p, &sel->name, &sel->name_loc))
            return NULL;
    }
    if (p->err != MER_OK || !mer_parser_arguments(p, false, &sel->arguments, &sel->arguments_n) ||
        !mer_parser_directives(p, false, &sel->directives))
        return NULL;
    if (mer_parser_at(p, MER_TOKEN_BRACE_L) && !(sel->selections = mer_parser_selection_set(p)))
        return NULL;
    return sel;
}

static struct mer_ast_selection *spread_or_inline(struct mer_parser *p)
{
    struct mer_ast_selection *sel = MER_NEW(p->a, struct mer_ast_selection);
    sel->loc = p->token.loc;
    if (!mer_parser_advance(p))
        return NULL;
    bool on = mer_parser_take_word(p, "on");
    if (!on && mer_parser_at(p, MER_TOKEN_NAME)) {
        sel->kind = MER_SEL_SPREAD;
        if (!mer_parser_name(p, &sel->name, &sel->name_loc) ||
            !mer_parser_directives(p, false, &sel->directives))
            return NULL;
        return sel;
    }
    sel->kind = MER_SEL_INLINE;
    if (on && !mer_parser_name(p, &sel->condition, &sel->condition_loc))
        return NULL;
    if (p->err != MER_OK || !mer_parser_directives(p, false, &sel->directives))
        return NULL;
    sel->selections = mer_parser_selection_set(p);
    return sel->selections ? sel : NULL;
}

struct mer_ast_selection *mer_parser_selection(struct mer_parser *p)
{
    return mer_parser_at(p, MER_TOKEN_SPREAD) ? spread_or_inline(p) : field(p);
}

struct mer_ast_selection_set *mer_parser_selection_set(struct mer_parser *p)
{
    struct mer_ast_selection_set *set = MER_NEW(p->a, struct mer_ast_selection_set);
    struct mer_parser_list items = {0};
    set->loc = p->token.loc;
    if (!mer_parser_deeper(p) || !mer_parser_expect(p, MER_TOKEN_BRACE_L))
        return NULL;
    do {
        struct mer_ast_selection *sel = mer_parser_selection(p);
        if (!sel)
            return NULL;
        mer_parser_push(p, &items, sel);
    } while (!mer_parser_at(p, MER_TOKEN_BRACE_R));
    p->depth--;
    set->items = (struct mer_ast_selection **)items.items;
    set->n = items.n;
    return mer_parser_advance(p) ? set : NULL;
}

static struct mer_ast_variable *variable_definition(struct mer_parser *p)
{
    struct mer_ast_variable *v = MER_NEW(p->a, struct mer_ast_variable);
    struct mer_parser_text text;
    if (!mer_parser_description(p, &text))
        return NULL;
    v->description = text.text;
    v->description_block = text.block;
    v->loc = text.loc;
    if (!mer_parser_expect(p, MER_TOKEN_DOLLAR) || !mer_parser_name(p, &v->name, &v->name_loc) ||
        !mer_parser_expect(p, MER_TOKEN_COLON) || !(v->type = mer_parser_type(p)))
        return NULL;
    if (mer_parser_take(p, MER_TOKEN_EQUALS) && !(v->default_value = mer_parser_value(p, true)))
        return NULL;
    if (p->err != MER_OK || !mer_parser_directives(p, true, &v->directives))
        return NULL;
    return v;
}

static bool variable_definitions(struct mer_parser *p, struct mer_ast_operation *op)
{
    struct mer_parser_list list = {0};
    if (!mer_parser_at(p, MER_TOKEN_PAREN_L))
        return true;
    if (!mer_parser_advance(p))
        return false;
    do {
        struct mer_ast_variable *v = variable_definition(p);
        if (!v)
            return false;
        mer_parser_push(p, &list, v);
    } while (!mer_parser_at(p, MER_TOKEN_PAREN_R));
    op->variables = (struct mer_ast_variable **)list.items;
    op->variables_n = list.n;
    return mer_parser_advance(p);
}

struct mer_ast_operation *mer_parser_operation(struct mer_parser *p)
{
    struct mer_ast_operation *op = MER_NEW(p->a, struct mer_ast_operation);
    struct mer_parser_text text;
    if (!mer_parser_description(p, &text))
        return NULL;
    op->description = text.text;
    op->description_block = text.block;
    op->loc = text.loc;
    op->kind = MER_OP_QUERY;
    if (!mer_parser_at(p, MER_TOKEN_BRACE_L)) {
        if (!mer_parser_operation_kind(p->token.text, &op->kind)) {
            (void)mer_parser_unexpected(p, &p->token);
            return NULL;
        }
        if (!mer_parser_advance(p))
            return NULL;
        if (mer_parser_at(p, MER_TOKEN_NAME) && !mer_parser_name(p, &op->name, &op->name_loc))
            return NULL;
        if (!variable_definitions(p, op) || !mer_parser_directives(p, false, &op->directives))
            return NULL;
    }
    op->selections = mer_parser_selection_set(p);
    return op->selections ? op : NULL;
}

struct mer_ast_fragment *mer_parser_fragment(struct mer_parser *p)
{
    struct mer_ast_fragment *f = MER_NEW(p->a, struct mer_ast_fragment);
    struct mer_parser_text text;
    if (!mer_parser_description(p, &text) || !mer_parser_expect_word(p, "fragment"))
        return NULL;
    f->description = text.text;
    f->description_block = text.block;
    f->loc = text.loc;
    if (mer_parser_at_word(p, "on")) {
        (void)mer_parser_unexpected(p, &p->token);
        return NULL;
    }
    if (!mer_parser_name(p, &f->name, &f->name_loc) || !mer_parser_expect_word(p, "on") ||
        !mer_parser_name(p, &f->condition, &f->condition_loc) ||
        !mer_parser_directives(p, false, &f->directives))
        return NULL;
    f->selections = mer_parser_selection_set(p);
    return f->selections ? f : NULL;
}
