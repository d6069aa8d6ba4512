// SPDX-License-Identifier: MIT
#include "schema/lexer.h"

#include "schema/text.h"

#define CLASS_NAME_START 1u
#define CLASS_NAME       2u
#define CLASS_DIGIT      4u

#define L (CLASS_NAME | CLASS_NAME_START)
#define D (CLASS_NAME | CLASS_DIGIT)
static const uint8_t class_of[256] = {
    ['0'] = D, ['1'] = D, ['2'] = D, ['3'] = D, ['4'] = D, ['5'] = D, ['6'] = D, ['7'] = D, ['8'] = D,
    ['9'] = D, ['A'] = L, ['B'] = L, ['C'] = L, ['D'] = L, ['E'] = L, ['F'] = L, ['G'] = L, ['H'] = L,
    ['I'] = L, ['J'] = L, ['K'] = L, ['L'] = L, ['M'] = L, ['N'] = L, ['O'] = L, ['P'] = L, ['Q'] = L,
    ['R'] = L, ['S'] = L, ['T'] = L, ['U'] = L, ['V'] = L, ['W'] = L, ['X'] = L, ['Y'] = L, ['Z'] = L,
    ['a'] = L, ['b'] = L, ['c'] = L, ['d'] = L, ['e'] = L, ['f'] = L, ['g'] = L, ['h'] = L, ['i'] = L,
    ['j'] = L, ['k'] = L, ['l'] = L, ['m'] = L, ['n'] = L, ['o'] = L, ['p'] = L, ['q'] = L, ['r'] = L,
    ['s'] = L, ['t'] = L, ['u'] = L, ['v'] = L, ['w'] = L, ['x'] = L, ['y'] = L, ['z'] = L, ['_'] = L,
};
#undef L
#undef D

static const uint8_t punctuator_of[256] = {
    ['!'] = MER_TOKEN_BANG,    ['$'] = MER_TOKEN_DOLLAR,    ['&'] = MER_TOKEN_AMP,
    ['('] = MER_TOKEN_PAREN_L, [')'] = MER_TOKEN_PAREN_R,   [':'] = MER_TOKEN_COLON,
    ['='] = MER_TOKEN_EQUALS,  ['@'] = MER_TOKEN_AT,        ['['] = MER_TOKEN_BRACKET_L,
    ['{'] = MER_TOKEN_BRACE_L, [']'] = MER_TOKEN_BRACKET_R, ['|'] = MER_TOKEN_PIPE,
    ['}'] = MER_TOKEN_BRACE_R,
};

const char *mer_token_kind_name(enum mer_token_kind kind)
{
    static const char *const names[] = {
        "<EOF>", "!", "$", "&", "(",    ")",   "...",   ":",      "=",           "@",       "[",
        "]",     "{", "|", "}", "Name", "Int", "Float", "String", "BlockString", "Comment",
    };
    return names[kind];
}

static bool is(unsigned char c, unsigned cls)
{
    return (class_of[c] & cls) != 0;
}

// The byte at `pos`, or 0 past the end (a NUL in the source fits no rule either).
static unsigned char at(const struct mer_lexer *lx, uint32_t pos)
{
    return pos < lx->source.n ? (unsigned char)lx->source.p[pos] : 0;
}

// ---- errors (the slow path: places are counted from the start) ----

static struct mer_loc loc_of(const struct mer_lexer *lx, uint32_t pos)
{
    struct mer_loc loc = {1, 1};
    for (uint32_t i = 0; i < pos && i < lx->source.n;) {
        unsigned char c = (unsigned char)lx->source.p[i];
        if (c == '\n' || c == '\r') {
            i += c == '\r' && at(lx, i + 1) == '\n' ? 2 : 1;
            loc.line++;
            loc.column = 1;
            continue;
        }
        uint32_t len = mer_utf8_len(lx->source, i);
        loc.column += len == 4 ? 2 : 1;
        i += len ? len : 1;
    }
    return loc;
}

// How messages show the character at `pos`.
static void show_char(const struct mer_lexer *lx, uint32_t pos, char out[16])
{
    uint32_t cp;
    if (pos >= lx->source.n)
        snprintf(out, 16, "<EOF>");
    else if (!mer_utf8_decode(lx->source, pos, &cp))
        snprintf(out, 16, "0x%02X", at(lx, pos));
    else if (cp == '"')
        snprintf(out, 16, "'\"'");
    else if (cp >= 0x20 && cp <= 0x7e)
        snprintf(out, 16, "\"%c\"", (char)cp);
    else
        snprintf(out, 16, "U+%04X", cp);
}

static enum mer_err fail(const struct mer_lexer *lx, uint32_t pos, struct mer_diag *diag, const char *what)
{
    struct mer_loc loc = loc_of(lx, pos);
    enum mer_err err = mer_diag_at(diag, MER_ERR_INVALID, loc.line, loc.column, "Syntax Error: %s", what);
    if (diag)
        diag->offset = pos;
    return err;
}

static enum mer_err fail_char(const struct mer_lexer *lx, uint32_t pos, struct mer_diag *diag,
                              const char *what)
{
    char shown[16], msg[96];
    show_char(lx, pos, shown);
    snprintf(msg, sizeof(msg), "%s%s.", what, shown);
    return fail(lx, pos, diag, msg);
}

// Shows `units` UTF-16 units from `pos`.
static enum mer_err fail_text(const struct mer_lexer *lx, uint32_t pos, uint32_t units, struct mer_diag *diag,
                              const char *what)
{
    uint32_t end = pos, left = units;
    while (left && end < lx->source.n) {
        uint32_t len = mer_utf8_len(lx->source, end);
        end += len ? len : 1;
        left -= len == 4 && left > 1 ? 2 : 1;
    }
    char msg[128];
    snprintf(msg, sizeof(msg), "%s\"%.*s\".", what, (int)(end - pos), lx->source.p + pos);
    return fail(lx, pos, diag, msg);
}

static enum mer_err fail_unexpected(const struct mer_lexer *lx, uint32_t pos, struct mer_diag *diag)
{
    uint32_t cp;
    if (at(lx, pos) == '\'')
        return fail(lx, pos, diag,
                    "Unexpected single quote character ('), did you mean to use a double quote (\")?");
    if (mer_utf8_decode(lx->source, pos, &cp) && mer_unicode_is_scalar(cp))
        return fail_char(lx, pos, diag, "Unexpected character: ");
    return fail_char(lx, pos, diag, "Invalid character: ");
}

// ---- characters ----

static void new_line(struct mer_lexer *lx, uint32_t next)
{
    lx->line++;
    lx->line_start = next;
    lx->line_extra = 0;
}

// Steps over one character that is not ASCII; 0 when it is none that a document may hold.
static uint32_t wide_char(struct mer_lexer *lx, uint32_t pos)
{
    uint32_t cp, len = mer_utf8_decode(lx->source, pos, &cp);
    if (!len || !mer_unicode_is_scalar(cp))
        return 0;
    lx->line_extra += len - (len == 4 ? 2 : 1);
    return len;
}

static struct mer_loc loc_here(const struct mer_lexer *lx, uint32_t pos)
{
    return (struct mer_loc){lx->line, pos - lx->line_start - lx->line_extra + 1};
}

static uint32_t skip_comment(struct mer_lexer *lx, uint32_t pos)
{
    while (pos < lx->source.n) {
        unsigned char c = (unsigned char)lx->source.p[pos];
        if (c == '\n' || c == '\r')
            break;
        uint32_t len = c < 0x80 ? 1 : wide_char(lx, pos);
        if (!len)
            break;
        pos += len;
    }
    return pos;
}

// Steps over what means nothing; stops at a comment when comments are wanted.
static uint32_t skip_ignored(struct mer_lexer *lx, uint32_t pos)
{
    for (;;) {
        switch (at(lx, pos)) {
        case ' ':
        case '\t':
        case ',':
            pos++;
            continue;
        case '\n':
            pos++;
            new_line(lx, pos);
            continue;
        case '\r':
            pos += at(lx, pos + 1) == '\n' ? 2 : 1;
            new_line(lx, pos);
            continue;
        case '#':
            if (lx->comments)
                return pos;
            pos = skip_comment(lx, pos + 1);
            continue;
        case 0xEF: // byte order mark
            if (at(lx, pos + 1) != 0xBB || at(lx, pos + 2) != 0xBF)
                return pos;
            lx->line_extra += 2;
            pos += 3;
            continue;
        default:
            return pos;
        }
    }
}

// ---- numbers ----

static enum mer_err digits(struct mer_lexer *lx, uint32_t *pos, struct mer_diag *diag)
{
    if (!is(at(lx, *pos), CLASS_DIGIT))
        return fail_char(lx, *pos, diag, "Invalid number, expected digit but got: ");
    while (is(at(lx, *pos), CLASS_DIGIT))
        ++*pos;
    return MER_OK;
}

static enum mer_err number(struct mer_lexer *lx, struct mer_token *t, struct mer_diag *diag)
{
    uint32_t pos = t->start;
    enum mer_err err = MER_OK;
    t->kind = MER_TOKEN_INT;
    if (at(lx, pos) == '-')
        pos++;
    if (at(lx, pos) == '0') {
        pos++;
        if (is(at(lx, pos), CLASS_DIGIT))
            return fail_char(lx, pos, diag, "Invalid number, unexpected digit after 0: ");
    } else {
        err = digits(lx, &pos, diag);
    }
    if (err == MER_OK && at(lx, pos) == '.') {
        t->kind = MER_TOKEN_FLOAT;
        pos++;
        err = digits(lx, &pos, diag);
    }
    if (err == MER_OK && (at(lx, pos) | 0x20) == 'e') {
        t->kind = MER_TOKEN_FLOAT;
        pos++;
        if (at(lx, pos) == '+' || at(lx, pos) == '-')
            pos++;
        err = digits(lx, &pos, diag);
    }
    if (err != MER_OK)
        return err;
    if (at(lx, pos) == '.' || is(at(lx, pos), CLASS_NAME_START))
        return fail_char(lx, pos, diag, "Invalid number, expected digit but got: ");
    t->end = pos;
    t->text = mer_slice_make(lx->source.p + t->start, pos - t->start);
    return MER_OK;
}

// ---- strings ----

static int hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int32_t hex4(const struct mer_lexer *lx, uint32_t pos)
{
    int32_t v = 0;
    for (uint32_t i = 0; i < 4; i++) {
        int d = hex_digit(at(lx, pos + i));
        if (d < 0)
            return -1;
        v = (v << 4) | d;
    }
    return v;
}

static enum mer_err escape_braced(struct mer_lexer *lx, uint32_t *pos, struct mer_diag *diag)
{
    uint32_t point = 0, size = 3;
    while (size < 12) {
        unsigned char c = at(lx, *pos + size++);
        if (c == '}') {
            if (size < 5 || !mer_unicode_is_scalar(point))
                break;
            *pos += size;
            return MER_OK;
        }
        int d = hex_digit(c);
        if (d < 0)
            break;
        point = (point << 4) | (uint32_t)d;
    }
    return fail_text(lx, *pos, size, diag, "Invalid Unicode escape sequence: ");
}

static enum mer_err escape_fixed(struct mer_lexer *lx, uint32_t *pos, struct mer_diag *diag)
{
    int32_t v = hex4(lx, *pos + 2);
    if (v >= 0 && mer_unicode_is_scalar((uint32_t)v)) {
        *pos += 6;
        return MER_OK;
    }
    if (v >= 0xD800 && v <= 0xDBFF && at(lx, *pos + 6) == '\\' && at(lx, *pos + 7) == 'u') {
        int32_t low = hex4(lx, *pos + 8);
        if (low >= 0xDC00 && low <= 0xDFFF) {
            *pos += 12;
            return MER_OK;
        }
    }
    return fail_text(lx, *pos, 6, diag, "Invalid Unicode escape sequence: ");
}

static enum mer_err escape(struct mer_lexer *lx, uint32_t *pos, struct mer_diag *diag)
{
    switch (at(lx, *pos + 1)) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        *pos += 2;
        return MER_OK;
    case 'u':
        return at(lx, *pos + 2) == '{' ? escape_braced(lx, pos, diag) : escape_fixed(lx, pos, diag);
    default:
        return fail_text(lx, *pos, 2, diag, "Invalid character escape sequence: ");
    }
}

static enum mer_err string(struct mer_lexer *lx, struct mer_token *t, struct mer_diag *diag)
{
    uint32_t pos = t->start + 1;
    t->kind = MER_TOKEN_STRING;
    while (pos < lx->source.n) {
        unsigned char c = (unsigned char)lx->source.p[pos];
        if (c == '"') {
            t->text = mer_slice_make(lx->source.p + t->start + 1, pos - t->start - 1);
            t->end = pos + 1;
            return MER_OK;
        }
        if (c == '\n' || c == '\r')
            break;
        if (c == '\\') {
            t->escaped = true;
            enum mer_err err = escape(lx, &pos, diag);
            if (err != MER_OK)
                return err;
            continue;
        }
        uint32_t len = c < 0x80 ? 1 : wide_char(lx, pos);
        if (!len)
            return fail_char(lx, pos, diag, "Invalid character within String: ");
        pos += len;
    }
    return fail(lx, pos, diag, "Unterminated string.");
}

static bool triple_quote(const struct mer_lexer *lx, uint32_t pos)
{
    return at(lx, pos) == '"' && at(lx, pos + 1) == '"' && at(lx, pos + 2) == '"';
}

static enum mer_err block_string(struct mer_lexer *lx, struct mer_token *t, struct mer_diag *diag)
{
    uint32_t pos = t->start + 3;
    t->kind = MER_TOKEN_BLOCK_STRING;
    while (pos < lx->source.n) {
        unsigned char c = (unsigned char)lx->source.p[pos];
        if (c == '"' && triple_quote(lx, pos)) {
            t->text = mer_slice_make(lx->source.p + t->start + 3, pos - t->start - 3);
            t->end = pos + 3;
            return MER_OK;
        }
        if (c == '\\' && triple_quote(lx, pos + 1)) {
            t->escaped = true;
            pos += 4;
        } else if (c == '\n' || c == '\r') {
            pos += c == '\r' && at(lx, pos + 1) == '\n' ? 2 : 1;
            new_line(lx, pos);
        } else {
            uint32_t len = c < 0x80 ? 1 : wide_char(lx, pos);
            if (!len)
                return fail_char(lx, pos, diag, "Invalid character within String: ");
            pos += len;
        }
    }
    return fail(lx, pos, diag, "Unterminated string.");
}

// ---- tokens ----

void mer_lexer_init(struct mer_lexer *lx, struct mer_slice source)
{
    *lx = (struct mer_lexer){.source = source, .line = 1};
}

static enum mer_err other_token(struct mer_lexer *lx, struct mer_token *out, struct mer_diag *diag)
{
    uint32_t pos = out->start;
    unsigned char c = at(lx, pos);
    if (c == '"') {
        if (triple_quote(lx, pos))
            return block_string(lx, out, diag);
        return string(lx, out, diag);
    }
    if (c == '-' || is(c, CLASS_DIGIT))
        return number(lx, out, diag);
    if (c == '.' && at(lx, pos + 1) == '.' && at(lx, pos + 2) == '.') {
        out->kind = MER_TOKEN_SPREAD;
        out->end = pos + 3;
        return MER_OK;
    }
    if (c == '#') { // only where comments are wanted
        out->kind = MER_TOKEN_COMMENT;
        out->end = skip_comment(lx, pos + 1);
        out->text = mer_slice_make(lx->source.p + pos + 1, out->end - pos - 1);
        return MER_OK;
    }
    return fail_unexpected(lx, pos, diag);
}

enum mer_err mer_lexer_next(struct mer_lexer *lx, struct mer_token *out, struct mer_diag *diag)
{
    if (lx->source.n >= UINT32_MAX)
        return mer_diag_at(diag, MER_ERR_LIMIT, 1, 1, "Syntax Error: Document is too large.");
    uint32_t pos = skip_ignored(lx, lx->pos);
    *out = (struct mer_token){.kind = MER_TOKEN_EOF, .start = pos, .end = pos, .loc = loc_here(lx, pos)};
    lx->pos = pos;
    if (pos >= lx->source.n)
        return MER_OK;
    unsigned char c = (unsigned char)lx->source.p[pos];
    if (is(c, CLASS_NAME_START)) {
        while (is(at(lx, pos), CLASS_NAME))
            pos++;
        out->kind = MER_TOKEN_NAME;
        out->text = mer_slice_make(lx->source.p + out->start, pos - out->start);
        out->end = pos;
    } else if (punctuator_of[c]) {
        out->kind = (enum mer_token_kind)punctuator_of[c];
        out->end = pos + 1;
    } else {
        enum mer_err err = other_token(lx, out, diag);
        if (err != MER_OK)
            return err;
    }
    lx->pos = out->end;
    return MER_OK;
}
