// SPDX-License-Identifier: MIT
// Values (2.10), type references (2.12), arguments, directives, descriptions.
#include "schema/parser_priv.h"

static struct mer_ast_value *value_of(struct mer_parser *p, enum mer_value_kind kind)
{
    struct mer_ast_value *v = MER_NEW(p->a, struct mer_ast_value);
    v->kind = kind;
    v->loc = p->token.loc;
    v->text = p->token.text;
    return v;
}

static struct mer_ast_value *taken(struct mer_parser *p, struct mer_ast_value *v)
{
    return mer_parser_advance(p) ? v : NULL;
}

static struct mer_ast_value *variable(struct mer_parser *p, bool constant)
{
    struct mer_token dollar = p->token;
    struct mer_ast_value *v = value_of(p, MER_VALUE_VARIABLE);
    struct mer_loc loc;
    if (!mer_parser_advance(p))
        return NULL;
    if (constant) {
        if (mer_parser_at(p, MER_TOKEN_NAME))
            (void)mer_parser_fail(p, MER_ERR_INVALID, dollar.loc,
                                  "Unexpected variable \"$%.*s\" in constant value.",
                                  (int)(p->token.text.n > 100 ? 100 : p->token.text.n), p->token.text.p);
        else
            (void)mer_parser_unexpected(p, &dollar);
        return NULL;
    }
    return mer_parser_name(p, &v->text, &loc) ? v : NULL;
}

static struct mer_ast_value *word(struct mer_parser *p)
{
    struct mer_ast_value *v = value_of(p, MER_VALUE_ENUM);
    if (mer_slice_is(v->text, "true") || mer_slice_is(v->text, "false")) {
        v->kind = MER_VALUE_BOOLEAN;
        v->boolean = v->text.n == 4;
    } else if (mer_slice_is(v->text, "null")) {
        v->kind = MER_VALUE_NULL;
    }
    return taken(p, v);
}

static struct mer_ast_value *list(struct mer_parser *p, bool constant)
{
    struct mer_ast_value *v = value_of(p, MER_VALUE_LIST);
    struct mer_parser_list items = {0};
    if (!mer_parser_advance(p) || !mer_parser_deeper(p))
        return NULL;
    while (!mer_parser_at(p, MER_TOKEN_BRACKET_R)) {
        struct mer_ast_value *item = mer_parser_value(p, constant);
        if (!item)
            return NULL;
        mer_parser_push(p, &items, item);
    }
    p->depth--;
    v->items = (struct mer_ast_value **)items.items;
    v->n = items.n;
    return taken(p, v);
}

static struct mer_ast_argument *argument(struct mer_parser *p, bool constant)
{
    struct mer_ast_argument *arg = MER_NEW(p->a, struct mer_ast_argument);
    if (!mer_parser_name(p, &arg->name, &arg->loc) || !mer_parser_expect(p, MER_TOKEN_COLON))
        return NULL;
    arg->value = mer_parser_value(p, constant);
    return arg->value ? arg : NULL;
}

static struct mer_ast_value *object(struct mer_parser *p, bool constant)
{
    struct mer_ast_value *v = value_of(p, MER_VALUE_OBJECT);
    struct mer_parser_list fields = {0};
    if (!mer_parser_advance(p) || !mer_parser_deeper(p))
        return NULL;
    while (!mer_parser_at(p, MER_TOKEN_BRACE_R)) {
        struct mer_ast_argument *field = argument(p, constant);
        if (!field)
            return NULL;
        mer_parser_push(p, &fields, field);
    }
    p->depth--;
    v->fields = (struct mer_ast_argument **)fields.items;
    v->n = fields.n;
    return taken(p, v);
}

struct mer_ast_value *mer_parser_value(struct mer_parser *p, bool constant)
{
    struct mer_ast_value *v;
    switch (p->token.kind) {
    case MER_TOKEN_DOLLAR:
        return variable(p, constant);
    case MER_TOKEN_INT:
        return taken(p, value_of(p, MER_VALUE_INT));
    case MER_TOKEN_FLOAT:
        return taken(p, value_of(p, MER_VALUE_FLOAT));
    case MER_TOKEN_STRING:
    case MER_TOKEN_BLOCK_STRING:
        v = value_of(p, MER_VALUE_STRING);
        v->block = p->token.kind == MER_TOKEN_BLOCK_STRING;
        v->text = mer_lexer_string(p->a, &p->token);
        return taken(p, v);
    case MER_TOKEN_NAME:
        return word(p);
    case MER_TOKEN_BRACKET_L:
        return list(p, constant);
    case MER_TOKEN_BRACE_L:
        return object(p, constant);
    default:
        (void)mer_parser_unexpected(p, &p->token);
        return NULL;
    }
}

struct mer_ast_type *mer_parser_type(struct mer_parser *p)
{
    struct mer_ast_type *t = MER_NEW(p->a, struct mer_ast_type);
    t->loc = p->token.loc;
    if (mer_parser_at(p, MER_TOKEN_BRACKET_L)) {
        if (!mer_parser_advance(p) || !mer_parser_deeper(p) || !(t->of = mer_parser_type(p)))
            return NULL;
        p->depth--;
        if (!mer_parser_expect(p, MER_TOKEN_BRACKET_R))
            return NULL;
    } else if (!mer_parser_name(p, &t->name, &t->loc)) {
        return NULL;
    }
    t->non_null = mer_parser_take(p, MER_TOKEN_BANG);
    return p->err == MER_OK ? t : NULL;
}

bool mer_parser_arguments(struct mer_parser *p, bool constant, struct mer_ast_argument ***out, uint32_t *n)
{
    if (!mer_parser_at(p, MER_TOKEN_PAREN_L))
        return true;
    struct mer_parser_list args = {0};
    if (!mer_parser_advance(p))
        return false;
    do {
        struct mer_ast_argument *arg = argument(p, constant);
        if (!arg)
            return false;
        mer_parser_push(p, &args, arg);
    } while (!mer_parser_at(p, MER_TOKEN_PAREN_R));
    *out = (struct mer_ast_argument **)args.items;
    *n = args.n;
    return mer_parser_advance(p);
}

bool mer_parser_directives(struct mer_parser *p, bool constant, struct mer_ast_directives *out)
{
    struct mer_parser_list list_of = {0};
    struct mer_loc loc;
    while (mer_parser_at(p, MER_TOKEN_AT)) {
        struct mer_ast_directive *d = MER_NEW(p->a, struct mer_ast_directive);
        d->loc = p->token.loc;
        if (!mer_parser_advance(p) || !mer_parser_name(p, &d->name, &loc) ||
            !mer_parser_arguments(p, constant, &d->arguments, &d->arguments_n))
            return false;
        mer_parser_push(p, &list_of, d);
    }
    out->items = (struct mer_ast_directive **)list_of.items;
    out->n = list_of.n;
    return true;
}

bool mer_parser_description(struct mer_parser *p, struct mer_parser_text *out)
{
    *out = (struct mer_parser_text){.loc = p->token.loc};
    if (!mer_parser_at(p, MER_TOKEN_STRING) && !mer_parser_at(p, MER_TOKEN_BLOCK_STRING))
        return true;
    out->block = mer_parser_at(p, MER_TOKEN_BLOCK_STRING);
    out->text = mer_lexer_string(p->a, &p->token);
    return mer_parser_advance(p);
}
