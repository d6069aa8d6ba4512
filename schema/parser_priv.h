// SPDX-License-Identifier: MIT
// What the parser's files share: the state of one parse, tokens, lists that grow, errors. A function that
// fails sets p->err (the first error stands) and returns NULL or false; callers stop at once.
#ifndef MER_SCHEMA_PARSER_PRIV_H
#define MER_SCHEMA_PARSER_PRIV_H

#include "schema/lexer.h"
#include "schema/parser.h"

struct mer_parser {
    struct mer_arena *a;
    struct mer_lexer lexer;
    struct mer_token token; // the one that is looked at
    uint32_t tokens_n, max_tokens;
    uint32_t depth, max_depth;
    enum mer_err err;
    struct mer_diag *diag;
};

// Pointers that grow in the arena.
struct mer_parser_list {
    void **items;
    uint32_t n, cap;
};

// ---- tokens (parser.c) ----
bool mer_parser_begin(struct mer_parser *p, struct mer_arena *a, struct mer_slice source,
                      const struct mer_parse_limits *limits, struct mer_diag *diag);
bool mer_parser_advance(struct mer_parser *p);
bool mer_parser_expect(struct mer_parser *p, enum mer_token_kind kind);
bool mer_parser_expect_word(struct mer_parser *p, const char *word);
bool mer_parser_name(struct mer_parser *p, struct mer_slice *out, struct mer_loc *loc);
// Takes the token when it is there; look at p->err when false comes back and it matters.
bool mer_parser_take(struct mer_parser *p, enum mer_token_kind kind);
bool mer_parser_take_word(struct mer_parser *p, const char *word);
bool mer_parser_peek_ahead(struct mer_parser *p, struct mer_token *out);
bool mer_parser_fail(struct mer_parser *p, enum mer_err err, struct mer_loc loc, const char *fmt, ...)
    MER_PRINTF(4, 5);
bool mer_parser_unexpected(struct mer_parser *p, const struct mer_token *t);
bool mer_parser_deeper(struct mer_parser *p); // p->depth-- when done
void mer_parser_push(struct mer_parser *p, struct mer_parser_list *list, void *item);

static inline bool mer_parser_at(const struct mer_parser *p, enum mer_token_kind kind)
{
    return p->token.kind == kind;
}
static inline bool mer_parser_at_word(const struct mer_parser *p, const char *word)
{
    return p->token.kind == MER_TOKEN_NAME && mer_slice_is(p->token.text, word);
}

// ---- values, types, directives (parser_value.c) ----
struct mer_ast_value *mer_parser_value(struct mer_parser *p, bool constant);
struct mer_ast_type *mer_parser_type(struct mer_parser *p);
bool mer_parser_arguments(struct mer_parser *p, bool constant, struct mer_ast_argument ***out, uint32_t *n);
bool mer_parser_directives(struct mer_parser *p, bool constant, struct mer_ast_directives *out);
struct mer_parser_text {
    struct mer_slice text; // p NULL: none
    bool block;
    struct mer_loc loc; // of the description, or of the token that stands here
};
bool mer_parser_description(struct mer_parser *p, struct mer_parser_text *out);

// ---- definitions (parser_executable.c, parser_type_system.c) ----
struct mer_ast_operation *mer_parser_operation(struct mer_parser *p);
struct mer_ast_fragment *mer_parser_fragment(struct mer_parser *p);
struct mer_ast_selection_set *mer_parser_selection_set(struct mer_parser *p);
struct mer_ast_selection *mer_parser_selection(struct mer_parser *p);
bool mer_parser_operation_kind(struct mer_slice word, enum mer_operation_kind *out);
struct mer_ast_definition *mer_parser_definition(struct mer_parser *p);
bool mer_parser_definition_kind(struct mer_slice word, enum mer_def_kind *out);

#endif
