// SPDX-License-Identifier: MIT
// Type-system definitions and extensions (specification section 3).
#include "schema/directive_location.h"
#include "schema/parser_priv.h"

bool mer_parser_definition_kind(struct mer_slice word, enum mer_def_kind *out)
{
    static const char *const words[] = {"schema", "scalar", "type",  "interface",
                                        "union",  "enum",   "input", "directive"};
    for (uint32_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (mer_slice_is(word, words[i])) {
            *out = (enum mer_def_kind)i;
            return true;
        }
    return false;
}

// ---- lists of names ----

static bool push_name(struct mer_parser *p, struct mer_ast_definition *d, uint32_t *cap)
{
    if (d->names_n == *cap) {
        *cap = *cap ? *cap * 2 : 4;
        struct mer_ast_name *grown = mer_arena_alloc(p->a, *cap * sizeof(*grown));
        if (d->names_n)
            memcpy(grown, d->names, d->names_n * sizeof(*grown));
        d->names = grown;
    }
    struct mer_ast_name *name = &d->names[d->names_n++];
    return mer_parser_name(p, &name->name, &name->loc);
}

// A & B, with one more delimiter before the first if need be.
static bool names(struct mer_parser *p, struct mer_ast_definition *d, enum mer_token_kind delimiter)
{
    uint32_t cap = 0;
    (void)mer_parser_take(p, delimiter);
    do {
        if (p->err != MER_OK || !push_name(p, d, &cap))
            return false;
    } while (mer_parser_take(p, delimiter));
    return p->err == MER_OK;
}

static bool directive_locations(struct mer_parser *p, struct mer_ast_definition *d)
{
    uint32_t cap = 0;
    (void)mer_parser_take(p, MER_TOKEN_PIPE);
    do {
        struct mer_token t = p->token;
        if (p->err != MER_OK || !push_name(p, d, &cap))
            return false;
        if (!mer_directive_location_parse(t.text))
            return mer_parser_unexpected(p, &t);
    } while (mer_parser_take(p, MER_TOKEN_PIPE));
    return p->err == MER_OK;
}

// ---- members ----

static struct mer_ast_input *input_value(struct mer_parser *p)
{
    struct mer_ast_input *in = MER_NEW(p->a, struct mer_ast_input);
    struct mer_parser_text text;
    if (!mer_parser_description(p, &text) || !mer_parser_name(p, &in->name, &in->name_loc) ||
        !mer_parser_expect(p, MER_TOKEN_COLON) || !(in->type = mer_parser_type(p)))
        return NULL;
    in->description = text.text;
    in->description_block = text.block;
    in->loc = text.loc;
    if (mer_parser_take(p, MER_TOKEN_EQUALS) && !(in->default_value = mer_parser_value(p, true)))
        return NULL;
    if (p->err != MER_OK || !mer_parser_directives(p, true, &in->directives))
        return NULL;
    return in;
}

static void *enum_value(struct mer_parser *p)
{
    struct mer_ast_enum_value *v = MER_NEW(p->a, struct mer_ast_enum_value);
    struct mer_parser_text text;
    if (!mer_parser_description(p, &text))
        return NULL;
    if (mer_parser_at_word(p, "true") || mer_parser_at_word(p, "false") || mer_parser_at_word(p, "null")) {
        (void)mer_parser_fail(p, MER_ERR_INVALID, p->token.loc,
                              "Name \"%.*s\" is reserved and cannot be used for an enum value.",
                              MER_FMT(p->token.text));
        return NULL;
    }
    v->description = text.text;
    v->description_block = text.block;
    v->loc = text.loc;
    if (!mer_parser_name(p, &v->name, &v->name_loc) || !mer_parser_directives(p, true, &v->directives))
        return NULL;
    return v;
}

static void *input_member(struct mer_parser *p)
{
    return input_value(p);
}

// open item+ close, or nothing at all.
static bool members(struct mer_parser *p, enum mer_token_kind open, enum mer_token_kind close,
                    void *(*item)(struct mer_parser *), struct mer_parser_list *out)
{
    if (!mer_parser_at(p, open))
        return true;
    if (!mer_parser_advance(p))
        return false;
    do {
        void *node = item(p);
        if (!node)
            return false;
        mer_parser_push(p, out, node);
    } while (!mer_parser_at(p, close));
    return mer_parser_advance(p);
}

static bool inputs(struct mer_parser *p, enum mer_token_kind open, enum mer_token_kind close,
                   struct mer_ast_input ***out, uint32_t *n)
{
    struct mer_parser_list list = {0};
    bool ok = members(p, open, close, input_member, &list);
    *out = (struct mer_ast_input **)list.items;
    *n = list.n;
    return ok;
}

static void *field_definition(struct mer_parser *p)
{
    struct mer_ast_field_def *f = MER_NEW(p->a, struct mer_ast_field_def);
    struct mer_parser_text text;
    if (!mer_parser_description(p, &text) || !mer_parser_name(p, &f->name, &f->name_loc) ||
        !inputs(p, MER_TOKEN_PAREN_L, MER_TOKEN_PAREN_R, &f->arguments, &f->arguments_n) ||
        !mer_parser_expect(p, MER_TOKEN_COLON) || !(f->type = mer_parser_type(p)))
        return NULL;
    f->description = text.text;
    f->description_block = text.block;
    f->loc = text.loc;
    return mer_parser_directives(p, true, &f->directives) ? f : NULL;
}

// ---- the kinds ----

static bool root(struct mer_parser *p, struct mer_ast_definition *d, uint32_t *cap)
{
    if (d->roots_n == *cap) {
        *cap = *cap ? *cap * 2 : 4;
        struct mer_ast_root *grown = mer_arena_alloc(p->a, *cap * sizeof(*grown));
        if (d->roots_n)
            memcpy(grown, d->roots, d->roots_n * sizeof(*grown));
        d->roots = grown;
    }
    struct mer_ast_root *r = &d->roots[d->roots_n++];
    struct mer_token word = p->token;
    r->loc = word.loc;
    if (!mer_parser_expect(p, MER_TOKEN_NAME))
        return false;
    if (!mer_parser_operation_kind(word.text, &r->kind))
        return mer_parser_unexpected(p, &word);
    return mer_parser_expect(p, MER_TOKEN_COLON) && mer_parser_name(p, &r->type.name, &r->type.loc);
}

static bool schema_body(struct mer_parser *p, struct mer_ast_definition *d)
{
    uint32_t cap = 0;
    if (!mer_parser_directives(p, true, &d->directives))
        return false;
    if (d->extend && !mer_parser_at(p, MER_TOKEN_BRACE_L))
        return true;
    if (!mer_parser_expect(p, MER_TOKEN_BRACE_L))
        return false;
    do {
        if (!root(p, d, &cap))
            return false;
    } while (!mer_parser_at(p, MER_TOKEN_BRACE_R));
    return mer_parser_advance(p);
}

static bool fields_body(struct mer_parser *p, struct mer_ast_definition *d)
{
    struct mer_parser_list list = {0};
    if (mer_parser_take_word(p, "implements") && !names(p, d, MER_TOKEN_AMP))
        return false;
    if (p->err != MER_OK || !mer_parser_directives(p, true, &d->directives) ||
        !members(p, MER_TOKEN_BRACE_L, MER_TOKEN_BRACE_R, field_definition, &list))
        return false;
    d->fields = (struct mer_ast_field_def **)list.items;
    d->fields_n = list.n;
    return true;
}

static bool union_body(struct mer_parser *p, struct mer_ast_definition *d)
{
    if (!mer_parser_directives(p, true, &d->directives))
        return false;
    if (mer_parser_take(p, MER_TOKEN_EQUALS))
        return names(p, d, MER_TOKEN_PIPE);
    return p->err == MER_OK;
}

static bool enum_body(struct mer_parser *p, struct mer_ast_definition *d)
{
    struct mer_parser_list list = {0};
    if (!mer_parser_directives(p, true, &d->directives) ||
        !members(p, MER_TOKEN_BRACE_L, MER_TOKEN_BRACE_R, enum_value, &list))
        return false;
    d->values = (struct mer_ast_enum_value **)list.items;
    d->values_n = list.n;
    return true;
}

static bool directive_body(struct mer_parser *p, struct mer_ast_definition *d)
{
    if (!inputs(p, MER_TOKEN_PAREN_L, MER_TOKEN_PAREN_R, &d->inputs, &d->inputs_n))
        return false;
    d->repeatable = mer_parser_take_word(p, "repeatable");
    return p->err == MER_OK && mer_parser_expect_word(p, "on") && directive_locations(p, d);
}

static bool body(struct mer_parser *p, struct mer_ast_definition *d)
{
    switch (d->kind) {
    case MER_DEF_SCHEMA:
        return schema_body(p, d);
    case MER_DEF_SCALAR:
        return mer_parser_directives(p, true, &d->directives);
    case MER_DEF_OBJECT:
    case MER_DEF_INTERFACE:
        return fields_body(p, d);
    case MER_DEF_UNION:
        return union_body(p, d);
    case MER_DEF_ENUM:
        return enum_body(p, d);
    case MER_DEF_INPUT:
        return mer_parser_directives(p, true, &d->directives) &&
               inputs(p, MER_TOKEN_BRACE_L, MER_TOKEN_BRACE_R, &d->inputs, &d->inputs_n);
    case MER_DEF_DIRECTIVE:
        return directive_body(p, d);
    }
    return false;
}

struct mer_ast_definition *mer_parser_definition(struct mer_parser *p)
{
    struct mer_ast_definition *d = MER_NEW(p->a, struct mer_ast_definition);
    struct mer_parser_text text;
    if (!mer_parser_description(p, &text))
        return NULL;
    d->description = text.text;
    d->description_block = text.block;
    d->loc = text.loc;
    d->extend = mer_parser_take_word(p, "extend");
    if (p->err != MER_OK)
        return NULL;
    if (!mer_parser_at(p, MER_TOKEN_NAME) || !mer_parser_definition_kind(p->token.text, &d->kind) ||
        (d->extend && d->kind == MER_DEF_DIRECTIVE)) {
        (void)mer_parser_unexpected(p, &p->token);
        return NULL;
    }
    if (!mer_parser_advance(p))
        return NULL;
    if (d->kind == MER_DEF_DIRECTIVE && !mer_parser_expect(p, MER_TOKEN_AT))
        return NULL;
    if (d->kind != MER_DEF_SCHEMA && !mer_parser_name(p, &d->name, &d->name_loc))
        return NULL;
    if (!body(p, d))
        return NULL;
    if (d->extend && !d->directives.n && !d->fields_n && !d->inputs_n && !d->values_n && !d->names_n &&
        !d->roots_n) {
        (void)mer_parser_unexpected(p, &p->token); // an extension that adds nothing
        return NULL;
    }
    return d;
}
