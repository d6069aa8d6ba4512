// SPDX-License-Identifier: MIT
// Lexer: GraphQL source text to tokens (specification September 2025, section 2.1), one at a time, without
// memory of its own. The source must outlive the tokens. Errors read as graphql-js 16's do. A lexer is a
// plain value: a copy of it is a look-ahead. Any thread, no state elsewhere.
#ifndef MER_SCHEMA_LEXER_H
#define MER_SCHEMA_LEXER_H

#include "base/buf.h"
#include "base/diag.h"
#include "schema/ast.h"

enum mer_token_kind {
    MER_TOKEN_EOF = 0,
    MER_TOKEN_BANG = 1,
    MER_TOKEN_DOLLAR = 2,
    MER_TOKEN_AMP = 3,
    MER_TOKEN_PAREN_L = 4,
    MER_TOKEN_PAREN_R = 5,
    MER_TOKEN_SPREAD = 6,
    MER_TOKEN_COLON = 7,
    MER_TOKEN_EQUALS = 8,
    MER_TOKEN_AT = 9,
    MER_TOKEN_BRACKET_L = 10,
    MER_TOKEN_BRACKET_R = 11,
    MER_TOKEN_BRACE_L = 12,
    MER_TOKEN_PIPE = 13,
    MER_TOKEN_BRACE_R = 14,
    MER_TOKEN_NAME = 15,
    MER_TOKEN_INT = 16,
    MER_TOKEN_FLOAT = 17,
    MER_TOKEN_STRING = 18,
    MER_TOKEN_BLOCK_STRING = 19,
    MER_TOKEN_COMMENT = 20, // only when the lexer was asked for comments
};

struct mer_token {
    enum mer_token_kind kind;
    bool escaped;        // string: holds a backslash that means something
    uint32_t start, end; // bytes in the source
    struct mer_loc loc;
    struct mer_slice text; // name, number: as written; string: between the quotes, raw; comment: after '#'
};

struct mer_lexer {
    struct mer_slice source;
    bool comments; // give comments as tokens
    /* private */
    uint32_t pos;
    uint32_t line;
    uint32_t line_start; // byte offset of the line's first byte
    uint32_t line_extra; // bytes on the line so far that are no UTF-16 unit of their own
};

// A source of 4 GiB or more is refused by the first mer_lexer_next.
void mer_lexer_init(struct mer_lexer *lx, struct mer_slice source);
// MER_ERR_INVALID with the place and a message "Syntax Error: …". After the end it gives EOF again and again.
enum mer_err mer_lexer_next(struct mer_lexer *lx, struct mer_token *out,
                            struct mer_diag *diag) MER_MUST_CHECK;
// The value of a STRING or BLOCK_STRING token: escapes resolved, block indentation removed. A slice of the
// source where nothing had to change, else in the arena.
struct mer_slice mer_lexer_string(struct mer_arena *a, const struct mer_token *t);
// "Name", "Int", "{", "<EOF>"; as messages name kinds.
const char *mer_token_kind_name(enum mer_token_kind kind);

// Block strings (2.10.4): the indentation that all lines but the first share goes, so do blank lines at both
// ends.
struct mer_slice mer_block_string_value(struct mer_arena *a, struct mer_slice raw);
// Writes a value as a block string; `minimize` spares the line breaks that are for people only.
void mer_block_string_print(struct mer_buf *b, struct mer_slice value, bool minimize);
// Would a block string of this value read back as the same value?
bool mer_block_string_printable(struct mer_slice value);
// Writes a value as an ordinary string, quotes included.
void mer_string_print(struct mer_buf *b, struct mer_slice value);

#endif
