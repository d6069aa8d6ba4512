// SPDX-License-Identifier: MIT
// The scanner. One loop over the text with a state of its own; the containers that are open are chained
// through the `next` field of their nodes (it gets its real meaning when the container closes), so depth
// costs no stack.
#include "base/json.h"

#include "base/json_priv.h"
#include "base/map.h"
#include "base/utf8.h"

#define DEFAULT_DEPTH 128u
#define DEFAULT_NODES 4000000u
#define NO_PARENT     UINT32_MAX
// From this many members on, duplicate keys are looked for in a table instead of pair by pair.
#define TABLE_FROM 12u

enum expect {
    VALUE = 0,
    FIRST_ELEMENT = 1, // a value or ]
    FIRST_KEY = 2,     // a key or }
    KEY = 3,
    AFTER = 4, // a comma, a bracket, or the end of the text
};

// Answers repeat themselves: the same author below each of his books. Where an object's text is that of one
// that was read before, at the same depth, its nodes are copied. Texts of at least so many bytes are looked
// at for that.
#define REPEAT_LEAST 32u // bytes that must be left of the text
#ifdef MER_SANITIZED
#define REPEAT_FROM 1u // tests are short
#else
#define REPEAT_FROM 2048u
#endif
enum { REPEAT_SLOTS = 256 };

// The object read last of those that begin alike.
struct repeat {
    uint32_t object; // its index + 1; 0: none yet
    uint32_t depth;
};

struct scan {
    const char *start, *p, *end;
    struct mer_json_node *nodes;
    uint32_t nodes_n, nodes_cap, nodes_max;
    uint32_t open; // innermost open container
    uint32_t depth, depth_max;
    bool unique_keys;
    struct repeat *seen; // REPEAT_SLOTS; NULL: nothing is looked for
    size_t may_compare;  // bounds what is compared in all, whatever the text says
    struct mer_arena *a;
    enum mer_err err;
    const char *what;
    const char *where;
};

static bool fail_at(struct scan *s, const char *where, enum mer_err err, const char *what)
{
    s->err = err;
    s->what = what;
    s->where = where;
    return false;
}

static bool fail(struct scan *s, const char *what)
{
    return fail_at(s, s->p, MER_ERR_INVALID, s->p == s->end ? "unexpected end of the text" : what);
}

static bool grow_nodes(struct scan *s)
{
    if (s->nodes_n >= s->nodes_max)
        return fail_at(s, s->p, MER_ERR_LIMIT, "too many values");
    uint64_t cap = (uint64_t)s->nodes_cap * 2;
    if (cap > s->nodes_max)
        cap = s->nodes_max;
    struct mer_json_node *nodes = mer_arena_alloc(s->a, (size_t)cap * sizeof(*nodes));
    memcpy(nodes, s->nodes, s->nodes_n * sizeof(*nodes));
    s->nodes = nodes;
    s->nodes_cap = (uint32_t)cap;
    if (mer_arena_exhausted(s->a))
        return fail_at(s, s->p, MER_ERR_LIMIT, "out of the memory allowed");
    return true;
}

static inline struct mer_json_node *add_node(struct scan *s, enum mer_json_type type, const char *at)
{
    if (s->nodes_n == s->nodes_cap && !grow_nodes(s))
        return NULL;
    struct mer_json_node *n = &s->nodes[s->nodes_n++];
    *n = (struct mer_json_node){
        .offset = (uint32_t)(at - s->start), .next = s->nodes_n, .type = (uint8_t)type};
    return n;
}

static inline void skip_space(struct scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t'))
        s->p++;
}

static bool hex4(struct scan *s, uint32_t *out)
{
    uint32_t v = 0;
    if (s->end - s->p < 4) {
        s->p = s->end;
        return fail(s, "");
    }
    for (int i = 0; i < 4; i++, s->p++) {
        unsigned digit = mer_json_hex(*s->p);
        if (digit > 15)
            return fail(s, "four hex digits must follow \\u");
        v = v << 4 | digit;
    }
    *out = v;
    return true;
}

// At the byte after the backslash.
static bool scan_escape(struct scan *s)
{
    if (s->p == s->end)
        return fail(s, "");
    char c = *s->p;
    if (c != 'u') {
        if (c == '\0' || !strchr("\"\\/bfnrt", c))
            return fail(s, "unknown escape");
        s->p++;
        return true;
    }
    const char *escape = s->p - 1;
    uint32_t unit, low;
    s->p++;
    if (!hex4(s, &unit))
        return false;
    if (unit < 0xD800 || unit > 0xDFFF)
        return true;
    if (unit > 0xDBFF || s->end - s->p < 2 || s->p[0] != '\\' || s->p[1] != 'u')
        return fail_at(s, escape, MER_ERR_INVALID, "a surrogate stands alone");
    s->p += 2;
    if (!hex4(s, &low))
        return false;
    if (low < 0xDC00 || low > 0xDFFF)
        return fail_at(s, escape, MER_ERR_INVALID, "a surrogate stands alone");
    return true;
}

// At the opening quote.
static bool scan_string(struct scan *s)
{
    struct mer_json_node *n = add_node(s, MER_JSON_STRING, s->p);
    if (!n)
        return false;
    s->p++;
    for (;;) {
        s->p = mer_json_plain_end(s->p, s->end);
        if (s->p == s->end)
            return fail(s, "");
        char c = *s->p;
        if (c == '"') {
            s->p++;
            n->len = (uint32_t)(s->p - s->start) - n->offset;
            return true;
        }
        if (c == '\\') {
            n->escaped = 1;
            s->p++;
            if (!scan_escape(s))
                return false;
        } else if ((unsigned char)c < 0x20) {
            return fail(s, "a control character in a string must be escaped");
        } else {
            size_t seq = mer_utf8_seq(s->p, (size_t)(s->end - s->p));
            if (seq == 0)
                return fail(s, "not UTF-8");
            s->p += seq;
        }
    }
}

static inline bool is_digit(const struct scan *s)
{
    return s->p < s->end && (unsigned char)(*s->p - '0') < 10;
}

static bool digits(struct scan *s)
{
    if (!is_digit(s))
        return fail(s, "a digit must stand here");
    while (is_digit(s))
        s->p++;
    return true;
}

static bool scan_number(struct scan *s)
{
    struct mer_json_node *n = add_node(s, MER_JSON_NUMBER, s->p);
    if (!n)
        return false;
    n->is_integer = 1;
    if (*s->p == '-')
        s->p++;
    if (s->p < s->end && *s->p == '0') {
        s->p++;
        if (is_digit(s))
            return fail(s, "a number must not begin with a zero");
    } else if (!digits(s)) {
        return false;
    }
    if (s->p < s->end && *s->p == '.') {
        n->is_integer = 0;
        s->p++;
        if (!digits(s))
            return false;
    }
    if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
        n->is_integer = 0;
        s->p++;
        if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
            s->p++;
        if (!digits(s))
            return false;
    }
    n->len = (uint32_t)(s->p - s->start) - n->offset;
    return true;
}

static bool scan_word(struct scan *s, enum mer_json_type type, const char *word, size_t len)
{
    if ((size_t)(s->end - s->p) < len || memcmp(s->p, word, len) != 0)
        return fail(s, "a value must stand here");
    struct mer_json_node *n = add_node(s, type, s->p);
    if (!n)
        return false;
    n->len = (uint32_t)len;
    s->p += len;
    return true;
}

static bool open_container(struct scan *s, enum mer_json_type type)
{
    if (s->depth == s->depth_max)
        return fail_at(s, s->p, MER_ERR_LIMIT, "nested too deeply");
    struct mer_json_node *n = add_node(s, type, s->p);
    if (!n)
        return false;
    n->next = s->open;
    s->open = s->nodes_n - 1;
    s->depth++;
    s->p++;
    return true;
}

// One key of the object against those before it (few members), or through the table (many).
static bool key_is_new(struct scan *s, struct mer_map *table, uint32_t object, uint32_t key)
{
    struct mer_json j = {.text = {s->start, (size_t)(s->end - s->start)}, .nodes = s->nodes};
    const struct mer_json_node *k = &s->nodes[key];
    if (table)
        return mer_map_add(table, mer_json_string(s->a, &j, k), s);
    struct mer_slice text = mer_json_string(s->a, &j, k);
    for (uint32_t i = object + 1; i != key; i = s->nodes[i + 1].next) {
        if (mer_json_string_is(&j, &s->nodes[i], text))
            return false;
    }
    return true;
}

static bool check_unique(struct scan *s, uint32_t object)
{
    struct mer_map table;
    bool use_table = s->nodes[object].count >= TABLE_FROM, ok = true;
    mer_map_init(&table, NULL);
    for (uint32_t key = object + 1; key < s->nodes_n && ok; key = s->nodes[key + 1].next) {
        ok = key_is_new(s, use_table ? &table : NULL, object, key);
        if (!ok)
            fail_at(s, s->start + s->nodes[key].offset, MER_ERR_INVALID, "the object has this key twice");
    }
    mer_map_fini(&table);
    return ok;
}

static uint64_t eight(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

// By sixteen bytes near the object's beginning, where keys of entities are likely to stand.
static inline struct repeat *repeat_slot(const struct scan *s, const char *object)
{
    const char *p = object[2] == '_' ? object + 16 : object; // behind {"__typename":
    uint64_t h = (eight(p) ^ s->depth) * UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ h >> 32 ^ eight(p + 8)) * UINT64_C(0x9e3779b97f4a7c15);
    return &s->seen[(h >> 40) % REPEAT_SLOTS];
}

// At an opening brace. The closed object before that says the same, or NULL.
static const struct mer_json_node *find_repeated(struct scan *s)
{
    size_t left = (size_t)(s->end - s->p);
    const struct repeat *r = left >= REPEAT_LEAST ? repeat_slot(s, s->p) : NULL;
    if (!r || !r->object || r->depth != s->depth)
        return NULL;
    const struct mer_json_node *o = &s->nodes[r->object - 1];
    const char *text = s->start + o->offset;
    if (o->len > left || eight(text + o->len - 8) != eight(s->p + o->len - 8) || s->may_compare < o->len)
        return NULL;
    s->may_compare -= o->len;
    return memcmp(text, s->p, o->len) == 0 && o->next - r->object < s->nodes_max - s->nodes_n ? o : NULL;
}

static bool copy_repeated(struct scan *s, const struct mer_json_node *object)
{
    uint32_t from = (uint32_t)(object - s->nodes), n = object->next - from, len = object->len;
    uint32_t moved = (uint32_t)(s->p - s->start) - object->offset, by = s->nodes_n - from;
    while (s->nodes_cap - s->nodes_n < n) {
        if (!grow_nodes(s))
            return false;
    }
    struct mer_json_node *to = s->nodes + s->nodes_n;
    memcpy(to, s->nodes + from, n * sizeof(*to));
    for (uint32_t i = 0; i < n; i++) {
        to[i].offset += moved;
        to[i].next += by;
    }
    s->nodes_n += n;
    s->p += len;
    return true;
}

static bool close_container(struct scan *s)
{
    uint32_t index = s->open;
    struct mer_json_node *n = &s->nodes[index];
    if (s->unique_keys && n->type == MER_JSON_OBJECT && n->count > 1 && !check_unique(s, index))
        return false;
    s->p++;
    s->depth--;
    s->open = n->next;
    n->next = s->nodes_n;
    n->len = (uint32_t)(s->p - s->start) - n->offset;
    const char *text = s->start + n->offset;
    if (s->seen && n->type == MER_JSON_OBJECT && n->len > 8 && s->end - text >= REPEAT_LEAST)
        *repeat_slot(s, text) = (struct repeat){index + 1, s->depth};
    return true;
}

static bool scan_object(struct scan *s, enum expect *next)
{
    const struct mer_json_node *same = s->seen ? find_repeated(s) : NULL;
    if (same)
        return copy_repeated(s, same);
    *next = FIRST_KEY;
    return open_container(s, MER_JSON_OBJECT);
}

static bool scan_key(struct scan *s)
{
    if (s->p == s->end || *s->p != '"')
        return fail(s, "a key in quotes must stand here");
    if (!scan_string(s))
        return false;
    skip_space(s);
    if (s->p == s->end || *s->p != ':')
        return fail(s, "a colon must stand here");
    s->p++;
    s->nodes[s->open].count++;
    return true;
}

static bool scan_value(struct scan *s, enum expect *next)
{
    if (s->open != NO_PARENT && s->nodes[s->open].type == MER_JSON_ARRAY)
        s->nodes[s->open].count++;
    *next = AFTER;
    switch (s->p < s->end ? *s->p : '\0') {
    case '"':
        return scan_string(s);
    case '{':
        return scan_object(s, next);
    case '[':
        *next = FIRST_ELEMENT;
        return open_container(s, MER_JSON_ARRAY);
    case 't':
        return scan_word(s, MER_JSON_TRUE, "true", 4);
    case 'f':
        return scan_word(s, MER_JSON_FALSE, "false", 5);
    case 'n':
        return scan_word(s, MER_JSON_NULL, "null", 4);
    default:
        if (is_digit(s) || (s->p < s->end && *s->p == '-'))
            return scan_number(s);
        return fail(s, "a value must stand here");
    }
}

static bool scan_after(struct scan *s, enum expect *next)
{
    bool in_object = s->nodes[s->open].type == MER_JSON_OBJECT;
    char c = s->p < s->end ? *s->p : '\0';
    if (c == ',') {
        s->p++;
        *next = in_object ? KEY : VALUE;
        return true;
    }
    if (c == (in_object ? '}' : ']'))
        return close_container(s);
    return fail(s, in_object ? "a comma or } must stand here" : "a comma or ] must stand here");
}

static bool scan_text(struct scan *s)
{
    enum expect expect = VALUE;
    for (;;) {
        bool ok;
        skip_space(s);
        char c = s->p < s->end ? *s->p : '\0';
        if ((expect == FIRST_ELEMENT && c == ']') || (expect == FIRST_KEY && c == '}')) {
            expect = AFTER;
            ok = close_container(s);
        } else if (expect == FIRST_KEY || expect == KEY) {
            expect = VALUE;
            ok = scan_key(s);
        } else if (expect == AFTER) {
            if (s->open == NO_PARENT)
                return s->p == s->end || fail(s, "the text must end here");
            ok = scan_after(s, &expect);
        } else {
            ok = scan_value(s, &expect);
        }
        if (!ok)
            return false;
    }
}

static enum mer_err report(const struct scan *s, struct mer_diag *diag)
{
    uint32_t line = 1;
    const char *line_start = s->start;
    for (const char *p = s->start; p < s->where; p++) {
        if (*p == '\n') {
            line++;
            line_start = p + 1;
        }
    }
    mer_diag_at(diag, s->err, line, (uint32_t)(s->where - line_start) + 1, "JSON: %s", s->what);
    if (diag)
        diag->offset = (size_t)(s->where - s->start);
    return s->err;
}

enum mer_err mer_json_parse(struct mer_arena *a, struct mer_slice text, const struct mer_json_limits *limits,
                            struct mer_json *out, struct mer_diag *diag)
{
    static const struct mer_json_limits defaults;
    if (!limits)
        limits = &defaults;
    if (text.n >= UINT32_MAX)
        return mer_diag_set(diag, MER_ERR_LIMIT, "JSON: the text is too long");
    if (!text.p)
        text.p = "";
    struct scan s = {
        .start = text.p,
        .p = text.p,
        .end = text.p + text.n,
        .open = NO_PARENT,
        .depth_max = limits->max_depth ? limits->max_depth : DEFAULT_DEPTH,
        .nodes_max = limits->max_nodes ? limits->max_nodes : DEFAULT_NODES,
        .unique_keys = limits->unique_keys,
        .a = a,
    };
    // Most documents have a value for each eight bytes or fewer; a huge one must not take memory before it is
    // read.
    size_t guess = text.n / 8 + 8;
    s.nodes_cap = guess > 16384 ? 16384 : (uint32_t)guess;
    if (s.nodes_cap > s.nodes_max)
        s.nodes_cap = s.nodes_max;
    s.nodes = mer_arena_alloc(a, s.nodes_cap * sizeof(*s.nodes));
    struct repeat seen[REPEAT_SLOTS];
    if (text.n >= REPEAT_FROM) {
        memset(seen, 0, sizeof(seen));
        s.seen = seen;
        s.may_compare = 4 * text.n;
    }
    if (!scan_text(&s)) {
        *out = (struct mer_json){.nodes_n = s.nodes_n};
        return report(&s, diag);
    }
    *out = (struct mer_json){.text = text, .nodes = s.nodes, .nodes_n = s.nodes_n};
    return MER_OK;
}

const struct mer_json_node *mer_json_first(const struct mer_json *j, const struct mer_json_node *container)
{
    (void)j;
    return container->count ? container + 1 : NULL;
}

const struct mer_json_node *mer_json_get(const struct mer_json *j, const struct mer_json_node *object,
                                         struct mer_slice key)
{
    if (!object || object->type != MER_JSON_OBJECT)
        return NULL;
    const struct mer_json_node *k = object + 1;
    for (uint32_t i = 0; i < object->count; i++) {
        if (mer_json_string_is(j, k, key))
            return k + 1;
        k = &j->nodes[k[1].next];
    }
    return NULL;
}

bool mer_json_i64(const struct mer_json *j, const struct mer_json_node *n, int64_t *out)
{
    return n && n->type == MER_JSON_NUMBER && n->is_integer && mer_slice_to_i64(mer_json_raw(j, n), out);
}
