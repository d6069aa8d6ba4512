// SPDX-License-Identifier: MIT
#include "schema/parser_priv.h"

#include "schema/text.h"

#include <stdarg.h>

#define DEPTH_DEFAULT 200

// ---- errors ----

bool mer_parser_fail(struct mer_parser *p, enum mer_err err, struct mer_loc loc, const char *fmt, ...)
{
    if (p->err != MER_OK)
        return false;
    char msg[200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof(msg), fmt, ap);
    va_end(ap);
    p->err = mer_diag_at(p->diag, err, loc.line, loc.column, "Syntax Error: %s", msg);
    return false;
}

// A token as messages show it: Name "foo", "{", <EOF>.
static void describe(struct mer_parser *p, const struct mer_token *t, char out[160])
{
    const char *kind = mer_token_kind_name(t->kind);
    if (t->kind == MER_TOKEN_EOF) {
        snprintf(out, 160, "%s", kind);
    } else if (t->kind < MER_TOKEN_NAME) {
        snprintf(out, 160, "\"%s\"", kind);
    } else {
        bool string = t->kind == MER_TOKEN_STRING || t->kind == MER_TOKEN_BLOCK_STRING;
        struct mer_slice text = string ? mer_lexer_string(p->a, t) : t->text;
        text = mer_utf8_cut(text, 120);
        snprintf(out, 160, "%s \"%.*s\"", kind, MER_FMT(text));
    }
}

bool mer_parser_unexpected(struct mer_parser *p, const struct mer_token *t)
{
    char found[160];
    describe(p, t, found);
    return mer_parser_fail(p, MER_ERR_INVALID, t->loc, "Unexpected %s.", found);
}

// ---- tokens ----

bool mer_parser_advance(struct mer_parser *p)
{
    if (p->err != MER_OK)
        return false;
    p->err = mer_lexer_next(&p->lexer, &p->token, p->diag);
    if (p->err != MER_OK)
        return false;
    if (p->token.kind != MER_TOKEN_EOF && ++p->tokens_n > p->max_tokens && p->max_tokens)
        return mer_parser_fail(p, MER_ERR_LIMIT, p->token.loc,
                               "Document contains more that %u tokens. Parsing aborted.", p->max_tokens);
    if (mer_arena_exhausted(p->a))
        return mer_parser_fail(p, MER_ERR_LIMIT, p->token.loc, "Document needs more memory than it may use.");
    return true;
}

bool mer_parser_begin(struct mer_parser *p, struct mer_arena *a, struct mer_slice source,
                      const struct mer_parse_limits *limits, struct mer_diag *diag)
{
    *p = (struct mer_parser){.a = a, .diag = diag};
    p->max_tokens = limits ? limits->max_tokens : 0;
    p->max_depth = limits && limits->max_depth ? limits->max_depth : DEPTH_DEFAULT;
    mer_lexer_init(&p->lexer, source);
    p->lexer.line = limits && limits->first_line ? limits->first_line : 1;
    return mer_parser_advance(p);
}

bool mer_parser_expect(struct mer_parser *p, enum mer_token_kind kind)
{
    if (p->token.kind == kind)
        return mer_parser_advance(p);
    char found[160];
    describe(p, &p->token, found);
    const char *quote = kind != MER_TOKEN_EOF && kind < MER_TOKEN_NAME ? "\"" : "";
    return mer_parser_fail(p, MER_ERR_INVALID, p->token.loc, "Expected %s%s%s, found %s.", quote,
                           mer_token_kind_name(kind), quote, found);
}

bool mer_parser_expect_word(struct mer_parser *p, const char *word)
{
    if (mer_parser_at_word(p, word))
        return mer_parser_advance(p);
    char found[160];
    describe(p, &p->token, found);
    return mer_parser_fail(p, MER_ERR_INVALID, p->token.loc, "Expected \"%s\", found %s.", word, found);
}

bool mer_parser_name(struct mer_parser *p, struct mer_slice *out, struct mer_loc *loc)
{
    *out = p->token.text;
    *loc = p->token.loc;
    return mer_parser_expect(p, MER_TOKEN_NAME);
}

bool mer_parser_take(struct mer_parser *p, enum mer_token_kind kind)
{
    return p->token.kind == kind && mer_parser_advance(p);
}

bool mer_parser_take_word(struct mer_parser *p, const char *word)
{
    return mer_parser_at_word(p, word) && mer_parser_advance(p);
}

bool mer_parser_peek_ahead(struct mer_parser *p, struct mer_token *out)
{
    struct mer_lexer ahead = p->lexer;
    p->err = mer_lexer_next(&ahead, out, p->diag);
    return p->err == MER_OK;
}

bool mer_parser_deeper(struct mer_parser *p)
{
    if (p->depth++ < p->max_depth)
        return true;
    return mer_parser_fail(p, MER_ERR_LIMIT, p->token.loc, "Document nests deeper than %u levels.",
                           p->max_depth);
}

void mer_parser_push(struct mer_parser *p, struct mer_parser_list *list, void *item)
{
    if (list->n == list->cap) {
        uint32_t cap = list->cap ? list->cap * 2 : 4;
        void **items = mer_arena_alloc(p->a, cap * sizeof(*items));
        if (list->n)
            memcpy(items, list->items, list->n * sizeof(*items));
        list->items = items;
        list->cap = cap;
    }
    list->items[list->n++] = item;
}

// ---- documents ----

struct lists {
    struct mer_parser_list operations, fragments, definitions;
    struct mer_ast_entry *entries;
    uint32_t n, cap;
};

static void note(struct mer_parser *p, struct lists *ls, enum mer_ast_entry_kind kind, void *node)
{
    struct mer_parser_list *list = kind == MER_ENTRY_OPERATION  ? &ls->operations
                                   : kind == MER_ENTRY_FRAGMENT ? &ls->fragments
                                                                : &ls->definitions;
    if (ls->n == ls->cap) {
        uint32_t cap = ls->cap ? ls->cap * 2 : 4;
        struct mer_ast_entry *grown = mer_arena_alloc(p->a, cap * sizeof(*grown));
        if (ls->n)
            memcpy(grown, ls->entries, ls->n * sizeof(*grown));
        ls->entries = grown;
        ls->cap = cap;
    }
    ls->entries[ls->n++] = (struct mer_ast_entry){kind, list->n};
    mer_parser_push(p, list, node);
}

// A definition with a description that may not have one.
static bool refuse_description(struct mer_parser *p)
{
    return mer_parser_fail(p, MER_ERR_INVALID, p->token.loc,
                           "Unexpected description, descriptions are supported only on type definitions.");
}

static bool definition(struct mer_parser *p, enum mer_parse_what what, struct lists *ls)
{
    bool executable = what != MER_PARSE_TYPE_SYSTEM, type_system = what != MER_PARSE_EXECUTABLE;
    struct mer_token word = p->token;
    bool described = word.kind == MER_TOKEN_STRING || word.kind == MER_TOKEN_BLOCK_STRING;
    if (described && !mer_parser_peek_ahead(p, &word))
        return false;
    enum mer_def_kind kind;
    enum mer_operation_kind op;
    void *node = NULL;
    if (described && word.kind == MER_TOKEN_BRACE_L && executable)
        return mer_parser_fail(
            p, MER_ERR_INVALID, p->token.loc,
            "Unexpected description, descriptions are not supported on shorthand queries.");
    if (executable && (word.kind == MER_TOKEN_BRACE_L ||
                       (word.kind == MER_TOKEN_NAME && mer_parser_operation_kind(word.text, &op)))) {
        node = mer_parser_operation(p);
        note(p, ls, MER_ENTRY_OPERATION, node);
    } else if (executable && word.kind == MER_TOKEN_NAME && mer_slice_is(word.text, "fragment")) {
        node = mer_parser_fragment(p);
        note(p, ls, MER_ENTRY_FRAGMENT, node);
    } else if (type_system && word.kind == MER_TOKEN_NAME &&
               (mer_parser_definition_kind(word.text, &kind) || mer_slice_is(word.text, "extend"))) {
        if (described && mer_slice_is(word.text, "extend"))
            return refuse_description(p);
        node = mer_parser_definition(p);
        note(p, ls, MER_ENTRY_DEFINITION, node);
    } else {
        return described && word.kind == MER_TOKEN_NAME ? refuse_description(p)
                                                        : mer_parser_unexpected(p, &word);
    }
    return node != NULL;
}

enum mer_err mer_parse(struct mer_arena *a, struct mer_slice source, enum mer_parse_what what,
                       const struct mer_parse_limits *limits, struct mer_ast_document **out,
                       struct mer_diag *diag)
{
    struct mer_parser p;
    struct lists ls = {0};
    *out = NULL;
    if (!mer_parser_begin(&p, a, source, limits, diag))
        return p.err;
    do {
        if (!definition(&p, what, &ls))
            return p.err;
    } while (!mer_parser_at(&p, MER_TOKEN_EOF));
    struct mer_ast_document *doc = MER_NEW(a, struct mer_ast_document);
    *doc = (struct mer_ast_document){
        .source = source,
        .operations = (struct mer_ast_operation **)ls.operations.items,
        .operations_n = ls.operations.n,
        .fragments = (struct mer_ast_fragment **)ls.fragments.items,
        .fragments_n = ls.fragments.n,
        .definitions = (struct mer_ast_definition **)ls.definitions.items,
        .definitions_n = ls.definitions.n,
        .entries = ls.entries,
        .entries_n = ls.n,
        .tokens_n = p.tokens_n,
    };
    *out = doc;
    return MER_OK;
}

// ---- parts alone ----

enum mer_err mer_parse_value(struct mer_arena *a, struct mer_slice source, bool constant,
                             struct mer_ast_value **out, struct mer_diag *diag)
{
    struct mer_parser p;
    *out = NULL;
    if (mer_parser_begin(&p, a, source, NULL, diag) && (*out = mer_parser_value(&p, constant)))
        (void)mer_parser_expect(&p, MER_TOKEN_EOF);
    return p.err;
}

enum mer_err mer_parse_type(struct mer_arena *a, struct mer_slice source, struct mer_ast_type **out,
                            struct mer_diag *diag)
{
    struct mer_parser p;
    *out = NULL;
    if (mer_parser_begin(&p, a, source, NULL, diag) && (*out = mer_parser_type(&p)))
        (void)mer_parser_expect(&p, MER_TOKEN_EOF);
    return p.err;
}

enum mer_err mer_parse_field_set(struct mer_arena *a, struct mer_slice source,
                                 struct mer_ast_selection_set **out, struct mer_diag *diag)
{
    struct mer_parser p;
    *out = NULL;
    if (!mer_parser_begin(&p, a, source, NULL, diag))
        return p.err;
    if (mer_parser_at(&p, MER_TOKEN_BRACE_L)) {
        *out = mer_parser_selection_set(&p);
        if (*out)
            (void)mer_parser_expect(&p, MER_TOKEN_EOF);
        return p.err;
    }
    struct mer_parser_list list = {0};
    struct mer_ast_selection_set *set = MER_NEW(a, struct mer_ast_selection_set);
    set->loc = p.token.loc;
    do {
        struct mer_ast_selection *sel = mer_parser_selection(&p);
        if (!sel)
            return p.err;
        mer_parser_push(&p, &list, sel);
    } while (!mer_parser_at(&p, MER_TOKEN_EOF));
    set->items = (struct mer_ast_selection **)list.items;
    set->n = list.n;
    *out = set;
    return MER_OK;
}

// ---- looking things up ----

const struct mer_ast_directive *mer_ast_directive_find(const struct mer_ast_directives *ds,
                                                       struct mer_slice name)
{
    for (uint32_t i = 0; i < ds->n; i++)
        if (mer_slice_eq(ds->items[i]->name, name))
            return ds->items[i];
    return NULL;
}

const struct mer_ast_value *mer_ast_argument_find(const struct mer_ast_directive *d, struct mer_slice name)
{
    for (uint32_t i = 0; i < d->arguments_n; i++)
        if (mer_slice_eq(d->arguments[i]->name, name))
            return d->arguments[i]->value;
    return NULL;
}

const struct mer_ast_operation *mer_ast_operation_find(const struct mer_ast_document *doc,
                                                       struct mer_slice name)
{
    if (!name.n)
        return doc->operations_n == 1 ? doc->operations[0] : NULL;
    for (uint32_t i = 0; i < doc->operations_n; i++)
        if (mer_slice_eq(doc->operations[i]->name, name))
            return doc->operations[i];
    return NULL;
}

const struct mer_ast_fragment *mer_ast_fragment_find(const struct mer_ast_document *doc,
                                                     struct mer_slice name)
{
    for (uint32_t i = 0; i < doc->fragments_n; i++)
        if (mer_slice_eq(doc->fragments[i]->name, name))
            return doc->fragments[i];
    return NULL;
}
