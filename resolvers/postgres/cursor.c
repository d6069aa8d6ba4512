// SPDX-License-Identifier: MIT
#include "resolvers/postgres/cursor.h"

#include "base/json.h"

enum { CURSOR_MAX_BYTES = 2048 };

static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

// base64url without padding; left-over bits must be zero, so that a cursor has one spelling.
static bool decode64(struct mer_arena *a, struct mer_slice text, struct mer_slice *out)
{
    char *p = mer_arena_bytes(a, text.n + 1);
    size_t n = 0;
    uint32_t acc = 0, bits = 0;
    if (text.n == 0 || text.n > CURSOR_MAX_BYTES || text.n % 4 == 1)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        int v = sextet(text.p[i]);
        if (v < 0)
            return false;
        acc = (acc << 6 | (uint32_t)v) & 0xFFFFFF;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            p[n++] = (char)(acc >> bits & 0xFF);
        }
    }
    *out = mer_slice_make(p, n);
    return (acc & ((1u << bits) - 1)) == 0;
}

static bool good_shape(struct mer_slice s)
{
    if (s.n < 2 || s.n > MER_CURSOR_VALUES_MAX + 1 || (s.p[0] != '+' && s.p[0] != '-'))
        return false;
    for (size_t i = 1; i < s.n; i++)
        if (s.p[i] != 'n' && s.p[i] != 't' && s.p[i] != 's')
            return false;
    return true;
}

bool mer_cursor_decode(struct mer_arena *a, struct mer_slice text, struct mer_cursor *out)
{
    static const struct mer_json_limits limits = {.max_depth = 2, .max_nodes = MER_CURSOR_VALUES_MAX + 4};
    struct mer_slice raw;
    struct mer_json j;
    int64_t version;
    *out = (struct mer_cursor){0};
    if (!decode64(a, text, &raw) || mer_json_parse(a, raw, &limits, &j, NULL) != MER_OK)
        return false;
    const struct mer_json_node *root = mer_json_root(&j),
                               *n = root->type == MER_JSON_ARRAY ? mer_json_first(&j, root) : NULL;
    if (!n || root->count < 4 || root->count > MER_CURSOR_VALUES_MAX + 3 || !mer_json_i64(&j, n, &version) ||
        version != MER_CURSOR_VERSION)
        return false;
    for (uint32_t i = 1; i < root->count; i++) {
        n = mer_json_next(&j, n);
        bool null = n->type == MER_JSON_NULL;
        if ((n->type != MER_JSON_STRING && !null) || (null && i < 3))
            return false;
        struct mer_slice s = null ? MER_NIL : mer_json_string(a, &j, n);
        if (!null && s.n && memchr(s.p, 0, s.n))
            return false;
        if (i == 1)
            out->order = s;
        else if (i == 2)
            out->shape = s;
        else
            out->values[out->n++] = null ? MER_NIL : s.p ? s : MER_S("");
    }
    return good_shape(out->shape) && out->shape.n == out->n + 1;
}

bool mer_cursor_same(const struct mer_cursor *a, const struct mer_cursor *b)
{
    return mer_slice_eq(a->order, b->order) && mer_slice_eq(a->shape, b->shape);
}

// Plain decimals, as numeric and integers are written: sign, whole digits, fraction.
static int compare_numbers(struct mer_slice a, struct mer_slice b)
{
    bool an = a.n && a.p[0] == '-', bn = b.n && b.p[0] == '-';
    if (an != bn)
        return an ? -1 : 1;
    int sign = an ? -1 : 1;
    a.p += an, a.n -= an;
    b.p += bn, b.n -= bn;
    struct mer_slice af = a, bf = b;
    struct mer_slice aw = mer_slice_cut(&af, '.'), bw = mer_slice_cut(&bf, '.');
    if (aw.n == a.n)
        af = MER_NIL;
    if (bw.n == b.n)
        bf = MER_NIL;
    while (aw.n > 1 && aw.p[0] == '0')
        aw.p++, aw.n--;
    while (bw.n > 1 && bw.p[0] == '0')
        bw.p++, bw.n--;
    if (aw.n != bw.n)
        return aw.n < bw.n ? -sign : sign;
    int c = mer_slice_cmp(aw, bw);
    if (c)
        return c < 0 ? -sign : sign;
    while (af.n && af.p[af.n - 1] == '0')
        af.n--;
    while (bf.n && bf.p[bf.n - 1] == '0')
        bf.n--;
    c = mer_slice_cmp(af, bf);
    return c == 0 ? 0 : c < 0 ? -sign : sign;
}

int mer_cursor_compare(const struct mer_cursor *a, const struct mer_cursor *b)
{
    int down = a->shape.n && a->shape.p[0] == '-' ? -1 : 1;
    for (uint32_t i = 0; i < a->n && i < b->n; i++) {
        struct mer_slice x = a->values[i], y = b->values[i];
        int c;
        if (!x.p || !y.p)
            c = (x.p ? 0 : 1) - (y.p ? 0 : 1); // null is above everything, as Postgres has it
        else if (a->shape.p[i + 1] == 'n')
            c = compare_numbers(x, y);
        else
            c = mer_slice_cmp(x, y); // Postgres' texts of times sort as the times do
        if (c)
            return c < 0 ? -down : down;
    }
    return 0;
}

static uint32_t fnv(uint32_t h, struct mer_slice s)
{
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 16777619u;
    return (h ^ ',') * 16777619u;
}

struct mer_slice mer_cursor_order(struct mer_arena *a, struct mer_slice table, const struct mer_bind_order *o,
                                  bool descending)
{
    uint32_t h = fnv(fnv(2166136261u, table), descending ? MER_S("-") : MER_S("+"));
    for (uint32_t i = 0; i < o->by.n; i++)
        h = fnv(h, o->by.items[i].name);
    return mer_arena_printf(a, "%08x", h);
}

static char letter(struct mer_slice type)
{
    static const char *const numbers[] = {"int", "smallint", "bigint", "numeric", "float8"};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (mer_slice_is(type, numbers[i]))
            return 'n';
    return mer_slice_is(type, "timestamptz") || mer_slice_is(type, "date") ? 't' : 's';
}

struct mer_slice mer_cursor_shape(struct mer_arena *a, const struct mer_bind_order *o, bool descending)
{
    char *p = mer_arena_bytes(a, o->by.n + 1);
    p[0] = descending ? '-' : '+';
    for (uint32_t i = 0; i < o->by.n; i++)
        p[i + 1] = letter(o->by.items[i].sql_type);
    return mer_slice_make(p, o->by.n + 1);
}
