// SPDX-License-Identifier: MIT
// Any bytes as tokens: each lies within the text, after the one before it, with the line and column that
// counting tells; strings mean what they say again when they are written; without what is ignored the same
// tokens come.
#include "base/log.h"
#include "schema/coordinate.h"
#include "schema/lexer.h"
#include "schema/printer.h"
#include "schema/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Line and column by counting from the beginning, as the lexer must not do it.
static struct mer_loc count(struct mer_slice text, size_t at)
{
    struct mer_loc loc = {1, 1};
    size_t line = 0;
    for (size_t i = 0; i < at; i++)
        if (text.p[i] == '\n' || (text.p[i] == '\r' && (i + 1 == text.n || text.p[i + 1] != '\n'))) {
            loc.line++;
            line = i + 1;
        }
    loc.column += (uint32_t)mer_utf16_len(mer_slice_make(text.p + line, at - line));
    return loc;
}

static void check_string(struct mer_arena *a, const struct mer_token *t)
{
    struct mer_slice value = mer_lexer_string(a, t);
    bool block = t->kind == MER_TOKEN_BLOCK_STRING;
    struct mer_buf b;
    struct mer_lexer lx;
    struct mer_token again;
    MER_ASSERT(value.n <= t->text.n);
    mer_buf_init(&b, a, value.n + 8);
    if (block && mer_block_string_printable(value))
        mer_block_string_print(&b, value, t->start & 1);
    else
        mer_string_print(&b, value);
    mer_lexer_init(&lx, mer_buf_slice(&b));
    MER_ASSERT(mer_lexer_next(&lx, &again, NULL) == MER_OK);
    MER_ASSERT(mer_slice_eq(mer_lexer_string(a, &again), value));
}

// The tokens of both, side by side.
static void same_tokens(struct mer_arena *a, struct mer_slice x, struct mer_slice y)
{
    struct mer_lexer one, two;
    struct mer_token s, t;
    mer_lexer_init(&one, x);
    mer_lexer_init(&two, y);
    do {
        MER_ASSERT(mer_lexer_next(&one, &s, NULL) == MER_OK && mer_lexer_next(&two, &t, NULL) == MER_OK);
        MER_ASSERT(s.kind == t.kind);
        if (s.kind == MER_TOKEN_STRING || s.kind == MER_TOKEN_BLOCK_STRING)
            MER_ASSERT(mer_slice_eq(mer_lexer_string(a, &s), mer_lexer_string(a, &t)));
        else
            MER_ASSERT(mer_slice_eq(s.text, t.text));
    } while (s.kind != MER_TOKEN_EOF);
}

static void coordinate(struct mer_arena *a, struct mer_slice text)
{
    struct mer_coordinate c;
    struct mer_buf b;
    if (mer_coordinate_parse(text, &c, NULL) != MER_OK)
        return;
    mer_buf_init(&b, a, text.n + 1);
    mer_coordinate_print(&b, &c);
    MER_ASSERT(mer_slice_eq(mer_buf_slice(&b), text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mer_slice text = {(const char *)data, size};
    struct mer_arena *a = mer_arena_create(0);
    struct mer_diag d = {0};
    struct mer_lexer lx;
    struct mer_token t;
    struct mer_buf stripped;
    uint32_t end = 0;
    enum mer_err err;
    coordinate(a, text);
    mer_lexer_init(&lx, text);
    lx.comments = size % 2;
    while ((err = mer_lexer_next(&lx, &t, &d)) == MER_OK && t.kind != MER_TOKEN_EOF) {
        MER_ASSERT(t.start >= end && t.end > t.start && t.end <= size);
        struct mer_loc loc = size < 4096 ? count(text, t.start) : t.loc;
        MER_ASSERT(loc.line == t.loc.line && loc.column == t.loc.column);
        end = t.end;
        if (t.kind == MER_TOKEN_STRING || t.kind == MER_TOKEN_BLOCK_STRING)
            check_string(a, &t);
    }
    if (err == MER_OK) {
        mer_buf_init(&stripped, a, size + 1);
        MER_ASSERT(mer_print_stripped(&stripped, a, text, NULL) == MER_OK);
        same_tokens(a, text, mer_buf_slice(&stripped));
    } else {
        MER_ASSERT(d.err == err && d.line >= 1 && d.column >= 1);
    }
    mer_arena_destroy(a);
    return 0;
}
