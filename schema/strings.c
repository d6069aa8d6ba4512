// SPDX-License-Identifier: MIT
// What string tokens mean, and how values are written as strings again (specification 2.10.4).
#include "schema/lexer.h"
#include "schema/text.h"

// ---- ordinary strings ----

static uint32_t hex_value(const char *p, uint32_t n)
{
    uint32_t v = 0;
    for (uint32_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        v = (v << 4) | (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return v;
}

// The escape at p (a backslash and 'u'; the lexer has checked it). Returns its length.
static size_t unescape_unicode(const char *p, uint32_t *cp)
{
    if (p[2] == '{') {
        uint32_t n = 0;
        while (p[3 + n] != '}')
            n++;
        *cp = hex_value(p + 3, n);
        return 4 + n;
    }
    *cp = hex_value(p + 2, 4);
    if (*cp < 0xD800 || *cp > 0xDBFF)
        return 6;
    *cp = 0x10000 + ((*cp - 0xD800) << 10) + (hex_value(p + 8, 4) - 0xDC00);
    return 12;
}

static struct mer_slice unescape(struct mer_arena *a, struct mer_slice raw)
{
    static const char plain[256] = {['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r',
                                    ['t'] = '\t', ['"'] = '"',  ['/'] = '/',  ['\\'] = '\\'};
    char *out = mer_arena_bytes(a, raw.n); // an escape is never shorter than what it stands for
    size_t n = 0;
    for (size_t i = 0; i < raw.n;) {
        if (raw.p[i] != '\\') {
            out[n++] = raw.p[i++];
        } else if (raw.p[i + 1] != 'u') {
            out[n++] = plain[(unsigned char)raw.p[i + 1]];
            i += 2;
        } else {
            uint32_t cp;
            i += unescape_unicode(raw.p + i, &cp);
            n += mer_utf8_encode(cp, out + n);
        }
    }
    return mer_slice_make(out, n);
}

struct mer_slice mer_lexer_string(struct mer_arena *a, const struct mer_token *t)
{
    if (t->kind == MER_TOKEN_BLOCK_STRING)
        return mer_block_string_value(a, t->text);
    return t->escaped ? unescape(a, t->text) : t->text;
}

void mer_string_print(struct mer_buf *b, struct mer_slice value)
{
    static const char short_form[128] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't', ['"'] = '"', ['\\'] = '\\'};
    mer_buf_add_char(b, '"');
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];
        if (c < 128 && short_form[c]) {
            mer_buf_add_char(b, '\\');
            mer_buf_add_char(b, short_form[c]);
        } else if (c < 0x20 || c == 0x7F) {
            mer_buf_printf(b, "\\u%04X", c);
        } else if (c == 0xC2 && i + 1 < value.n && (unsigned char)value.p[i + 1] <= 0x9F) { // C1 controls
            mer_buf_printf(b, "\\u%04X", (unsigned char)value.p[++i]);
        } else {
            mer_buf_add_char(b, (char)c);
        }
    }
    mer_buf_add_char(b, '"');
}

// ---- block strings ----

// The next line of *rest without its end; false when there is none left. A text always has at least one.
static bool next_line(struct mer_slice *rest, struct mer_slice *line)
{
    if (!rest->p)
        return false;
    size_t n = 0;
    while (n < rest->n && rest->p[n] != '\n' && rest->p[n] != '\r')
        n++;
    *line = mer_slice_make(rest->p, n);
    if (n == rest->n) {
        *rest = MER_NIL;
        return true;
    }
    size_t end = n + (rest->p[n] == '\r' && n + 1 < rest->n && rest->p[n + 1] == '\n' ? 2 : 1);
    *rest = mer_slice_make(rest->p + end, rest->n - end);
    return true;
}

static size_t indent_of(struct mer_slice line)
{
    size_t n = 0;
    while (n < line.n && (line.p[n] == ' ' || line.p[n] == '\t'))
        n++;
    return n;
}

struct block_shape {
    size_t indent;       // common to all lines but the first
    size_t first, after; // lines that are kept: first <= i < after
};

static struct block_shape block_shape(struct mer_slice raw)
{
    struct block_shape shape = {SIZE_MAX, SIZE_MAX, 0};
    struct mer_slice rest = raw, line;
    for (size_t i = 0; next_line(&rest, &line); i++) {
        size_t indent = indent_of(line);
        if (indent == line.n)
            continue;
        if (shape.first == SIZE_MAX)
            shape.first = i;
        shape.after = i + 1;
        if (i && indent < shape.indent)
            shape.indent = indent;
    }
    return shape;
}

// Copies a line, \""" as """.
static size_t copy_block_line(char *out, struct mer_slice line)
{
    size_t n = 0;
    for (size_t i = 0; i < line.n; i++) {
        if (line.p[i] == '\\' && line.n - i >= 4 && memcmp(line.p + i + 1, "\"\"\"", 3) == 0)
            i++, memcpy(out + n, "\"\"", 2), n += 2, i += 2;
        out[n++] = line.p[i];
    }
    return n;
}

// The value's lines one after the other into `out`, or only counted, escapes as they stand, where it is NULL.
static size_t copy_block(char *out, struct mer_slice raw, const struct block_shape *shape)
{
    size_t n = 0;
    struct mer_slice rest = raw, line;
    for (size_t i = 0; next_line(&rest, &line) && i < shape->after; i++) {
        if (i < shape->first)
            continue;
        size_t cut = i == 0 ? 0 : shape->indent < line.n ? shape->indent : line.n;
        line = mer_slice_make(line.p + cut, line.n - cut);
        if (i > shape->first && out)
            out[n] = '\n';
        n += i > shape->first;
        n += out ? copy_block_line(out + n, line) : line.n;
    }
    return n;
}

// Counted first: of a text that is all indentation little is left.
struct mer_slice mer_block_string_value(struct mer_arena *a, struct mer_slice raw)
{
    struct block_shape shape = block_shape(raw);
    if (!shape.after)
        return mer_slice_make("", 0);
    char *out = mer_arena_bytes(a, copy_block(NULL, raw, &shape));
    return mer_slice_make(out, copy_block(out, raw, &shape));
}

// Does every line after the first begin with white space or hold nothing? Then only a leading line break
// keeps what they share.
static bool later_lines_indented(struct mer_slice value, bool *single_line)
{
    struct mer_slice rest = value, line;
    bool all = true;
    size_t i = 0;
    for (; next_line(&rest, &line); i++)
        if (i && line.n && line.p[0] != ' ' && line.p[0] != '\t')
            all = false;
    *single_line = i <= 1;
    return i > 1 && all;
}

static void add_block_text(struct mer_buf *b, struct mer_slice value)
{
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '"' && value.n - i >= 3 && value.p[i + 1] == '"' && value.p[i + 2] == '"') {
            mer_buf_add(b, MER_S("\\\"\"\""));
            i += 2;
        } else {
            mer_buf_add_char(b, value.p[i]);
        }
    }
}

// Does the escaped text end in \""" ? Triples are taken from the left.
static bool ends_in_triple(struct mer_slice value)
{
    size_t run = 0;
    while (run < value.n && value.p[value.n - 1 - run] == '"')
        run++;
    return run && run % 3 == 0;
}

void mer_block_string_print(struct mer_buf *b, struct mer_slice value, bool minimize)
{
    value = value.p ? value : mer_slice_make("", 0);
    bool single;
    bool force_leading = later_lines_indented(value, &single);
    bool triple = ends_in_triple(value);
    bool force_trailing =
        value.n && ((value.p[value.n - 1] == '"' && !triple) || value.p[value.n - 1] == '\\');
    bool many =
        !minimize && (!single || mer_utf16_len(value) > 70 || force_trailing || force_leading || triple);
    bool skip_leading = single && value.n && (value.p[0] == ' ' || value.p[0] == '\t');
    mer_buf_add(b, MER_S("\"\"\""));
    if ((many && !skip_leading) || force_leading)
        mer_buf_add_char(b, '\n');
    add_block_text(b, value);
    if (many || force_trailing)
        mer_buf_add_char(b, '\n');
    mer_buf_add(b, MER_S("\"\"\""));
}

bool mer_block_string_printable(struct mer_slice value)
{
    if (!value.n)
        return true;
    bool empty_line = true, indented = false, all_indented = true, seen_line = false;
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];
        if (c == '\n') {
            if (empty_line && !seen_line)
                return false;
            seen_line = true;
            empty_line = true;
            indented = false;
        } else if (c == '\t' || c == ' ') {
            indented = indented || empty_line;
        } else if (c < 0x10) {
            return false; // controls, \r among them
        } else {
            all_indented = all_indented && indented;
            empty_line = false;
        }
    }
    return !empty_line && !(all_indented && seen_line);
}
