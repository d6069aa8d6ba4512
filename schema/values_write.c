// SPDX-License-Identifier: MIT
// Coerced values as text.
#include "schema/lexer.h"
#include "schema/values_priv.h"

// The end of a JSON string that begins at i, past its closing quote.
static size_t string_end(struct mer_slice s, size_t i)
{
    for (i++; i < s.n && s.p[i] != '"'; i++)
        i += s.p[i] == '\\';
    return i < s.n ? i + 1 : s.n;
}

// JSON as GraphQL: keys lose their quotes, the rest reads the same.
static void raw_as_graphql(struct mer_buf *b, struct mer_slice s)
{
    for (size_t i = 0; i < s.n;) {
        if (s.p[i] != '"') {
            mer_buf_add_char(b, s.p[i++]);
            continue;
        }
        size_t end = string_end(s, i), next = end;
        while (next < s.n &&
               (s.p[next] == ' ' || s.p[next] == '\t' || s.p[next] == '\n' || s.p[next] == '\r'))
            next++;
        bool key = next < s.n && s.p[next] == ':';
        mer_buf_add(b, key ? mer_slice_make(s.p + i + 1, end - i - 2) : mer_slice_make(s.p + i, end - i));
        i = end;
    }
}

// How the two languages write the same value.
struct form {
    const char *comma, *colon;
    void (*string)(struct mer_buf *b, struct mer_slice s);
    void (*word)(struct mer_buf *b, struct mer_slice s); // keys, enum values
    void (*raw)(struct mer_buf *b, struct mer_slice json);
};

static void write(struct mer_buf *b, const struct mer_in *v, const struct form *f)
{
    bool first = true;
    switch (v->kind) {
    case MER_IN_NULL:
        mer_buf_add(b, MER_S("null"));
        return;
    case MER_IN_BOOLEAN:
        mer_buf_add_cstr(b, v->boolean ? "true" : "false");
        return;
    case MER_IN_INT:
    case MER_IN_FLOAT:
        mer_buf_add(b, v->text);
        return;
    case MER_IN_STRING:
        f->string(b, v->text);
        return;
    case MER_IN_ENUM:
        f->word(b, v->text);
        return;
    case MER_IN_RAW:
        f->raw(b, v->text);
        return;
    case MER_IN_LIST:
        mer_buf_add_char(b, '[');
        for (uint32_t i = 0; i < v->n; i++) {
            mer_buf_add_cstr(b, i ? f->comma : "");
            write(b, v->items[i], f);
        }
        mer_buf_add_char(b, ']');
        return;
    case MER_IN_OBJECT:
        mer_buf_add_char(b, '{');
        for (uint32_t i = 0; i < v->n; i++) {
            if (!v->items[i])
                continue;
            mer_buf_add_cstr(b, first ? "" : f->comma);
            first = false;
            f->word(b, v->type->inputs[i].name);
            mer_buf_add_cstr(b, f->colon);
            write(b, v->items[i], f);
        }
        mer_buf_add_char(b, '}');
    }
}

void mer_in_write_json(struct mer_buf *b, const struct mer_in *v)
{
    write(b, v, &(struct form){",", ":", mer_json_write_string, mer_json_write_string, mer_buf_add});
}

void mer_in_write_graphql(struct mer_buf *b, const struct mer_in *v)
{
    write(b, v, &(struct form){", ", ": ", mer_string_print, mer_buf_add, raw_as_graphql});
}

// ---- JSON as messages show it ----

#define SHOWN_DEPTH  2
#define SHOWN_ITEMS  10
#define SHOWN_STRING 1000
#define SHOWN_KEYS   100

static void inspect_list(struct mer_buf *b, const struct mer_json *j, const struct mer_json_node *n,
                         uint32_t depth)
{
    const struct mer_json_node *item = mer_json_first(j, n);
    if (n->count && depth > SHOWN_DEPTH) {
        mer_buf_add(b, MER_S("[Array]"));
        return;
    }
    mer_buf_add_char(b, '[');
    for (uint32_t i = 0; i < n->count && i < SHOWN_ITEMS; i++, item = mer_json_next(j, item)) {
        mer_buf_add_cstr(b, i ? ", " : "");
        mer_inspect_json(b, j, item, depth + 1);
    }
    if (n->count > SHOWN_ITEMS)
        mer_buf_printf(b, ", ... %u more item%s", n->count - SHOWN_ITEMS,
                       n->count == SHOWN_ITEMS + 1 ? "" : "s");
    mer_buf_add_char(b, ']');
}

static void inspect_object(struct mer_buf *b, const struct mer_json *j, const struct mer_json_node *n,
                           uint32_t depth)
{
    const struct mer_json_node *key = mer_json_first(j, n);
    if (!n->count || depth > SHOWN_DEPTH) {
        mer_buf_add_cstr(b, n->count ? "[Object]" : "{}");
        return;
    }
    mer_buf_add(b, MER_S("{ "));
    for (uint32_t i = 0; i < n->count && i < SHOWN_KEYS; i++) {
        const struct mer_json_node *value = mer_json_next(j, key);
        struct mer_slice raw = mer_json_raw(j, key);
        mer_buf_add_cstr(b, i ? ", " : "");
        mer_buf_add(b, mer_slice_make(raw.p + 1, raw.n - 2));
        mer_buf_add(b, MER_S(": "));
        mer_inspect_json(b, j, value, depth + 1);
        key = mer_json_next(j, value);
    }
    mer_buf_add(b, MER_S(" }"));
}

void mer_inspect_json(struct mer_buf *b, const struct mer_json *j, const struct mer_json_node *n,
                      uint32_t depth)
{
    struct mer_slice raw = mer_json_raw(j, n);
    if (n->type == MER_JSON_ARRAY) {
        inspect_list(b, j, n, depth);
    } else if (n->type == MER_JSON_OBJECT) {
        inspect_object(b, j, n, depth);
    } else if (raw.n > SHOWN_STRING) {
        size_t cut = SHOWN_STRING;
        while (cut && ((unsigned char)raw.p[cut] & 0xC0) == 0x80)
            cut--;
        mer_buf_add(b, mer_slice_make(raw.p, cut));
        mer_buf_add(b, MER_S("...\""));
    } else {
        mer_buf_add(b, raw);
    }
}
