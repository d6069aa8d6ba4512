// SPDX-License-Identifier: MIT
#include "schema/suggest.h"

#include "base/buf.h"

#include <stdlib.h>

#define NAME_MAX_LEN    128 // longer ones are near to nothing
#define SUGGESTIONS_MAX 5

void mer_names_add(struct mer_names *names, struct mer_slice name)
{
    if (names->n == names->cap) {
        uint32_t cap = names->cap ? names->cap * 2 : 16;
        struct mer_slice *items = mer_arena_alloc(names->a, cap * sizeof(*items));
        if (names->n)
            memcpy(items, names->items, names->n * sizeof(*items));
        names->items = items;
        names->cap = cap;
    }
    names->items[names->n++] = name;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

// One row of the table of distances (Damerau, restricted); returns its smallest cell.
static uint32_t distance_row(struct mer_slice a, struct mer_slice b, size_t i,
                             uint32_t rows[3][NAME_MAX_LEN + 1])
{
    uint32_t *up = rows[(i - 1) % 3], *row = rows[i % 3], smallest = (uint32_t)i;
    row[0] = (uint32_t)i;
    for (size_t j = 1; j <= b.n; j++) {
        char x = lower(a.p[i - 1]), y = lower(b.p[j - 1]);
        uint32_t cell = least(least(up[j] + 1, row[j - 1] + 1), up[j - 1] + (x != y));
        if (i > 1 && j > 1 && x == lower(b.p[j - 2]) && lower(a.p[i - 2]) == y)
            cell = least(cell, rows[(i - 2) % 3][j - 2] + 1); // two neighbours swapped
        row[j] = cell;
        smallest = least(smallest, cell);
    }
    return smallest;
}

// Edits from one to the other, UINT32_MAX beyond the threshold. Case alone counts as one edit.
static uint32_t distance(struct mer_slice input, struct mer_slice option, uint32_t threshold)
{
    uint32_t rows[3][NAME_MAX_LEN + 1];
    if (mer_slice_eq(input, option))
        return 0;
    if (mer_slice_ieq(input, option))
        return 1;
    struct mer_slice a = option, b = input;
    if (a.n < b.n) {
        a = input;
        b = option;
    }
    if (a.n > NAME_MAX_LEN || a.n - b.n > threshold)
        return UINT32_MAX;
    for (uint32_t j = 0; j <= b.n; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.n; i++)
        if (distance_row(a, b, i, rows) > threshold)
            return UINT32_MAX;
    uint32_t d = rows[a.n % 3][b.n];
    return d <= threshold ? d : UINT32_MAX;
}

static bool digit(struct mer_slice s, size_t i)
{
    return i < s.n && s.p[i] >= '0' && s.p[i] <= '9';
}

static uint64_t natural_number(struct mer_slice s, size_t *i)
{
    uint64_t v = 0;
    do {
        v = v * 10 + (uint64_t)(s.p[(*i)++] - '0');
    } while (digit(s, *i) && v > 0 && v < UINT64_MAX / 100);
    return v;
}

int mer_natural_cmp(struct mer_slice a, struct mer_slice b)
{
    size_t i = 0, j = 0;
    while (i < a.n && j < b.n) {
        if (digit(a, i) && digit(b, j)) {
            uint64_t x = natural_number(a, &i), y = natural_number(b, &j);
            if (x != y)
                return x < y ? -1 : 1;
        } else {
            unsigned char x = (unsigned char)a.p[i++], y = (unsigned char)b.p[j++];
            if (x != y)
                return x < y ? -1 : 1;
        }
    }
    return (a.n > b.n) - (a.n < b.n);
}

struct near {
    struct mer_slice name;
    uint32_t distance;
};

static int cmp_near(const void *x, const void *y)
{
    const struct near *a = x, *b = y;
    if (a->distance != b->distance)
        return a->distance < b->distance ? -1 : 1;
    return mer_natural_cmp(a->name, b->name);
}

void mer_names_near(struct mer_names *names, struct mer_slice input)
{
    struct near *found = MER_NEW_N(names->a, struct near, names->n ? names->n : 1);
    uint32_t n = 0, threshold = (uint32_t)(input.n > NAME_MAX_LEN ? 0 : input.n * 4 / 10) + 1;
    for (uint32_t i = 0; input.n <= NAME_MAX_LEN && i < names->n; i++) {
        uint32_t d = distance(input, names->items[i], threshold);
        if (d != UINT32_MAX)
            found[n++] = (struct near){names->items[i], d};
    }
    qsort(found, n, sizeof(*found), cmp_near);
    for (uint32_t i = 0; i < n; i++)
        names->items[i] = found[i].name;
    names->n = n;
}

struct mer_slice mer_did_you_mean(struct mer_arena *a, const char *what, const struct mer_names *names)
{
    struct mer_buf b;
    uint32_t n = names->n < SUGGESTIONS_MAX ? names->n : SUGGESTIONS_MAX;
    if (!n)
        return MER_NIL;
    mer_buf_init(&b, a, 64);
    mer_buf_add_cstr(&b, " Did you mean ");
    if (what) {
        mer_buf_add_cstr(&b, what);
        mer_buf_add_char(&b, ' ');
    }
    for (uint32_t i = 0; i < n; i++) {
        if (i)
            mer_buf_add_cstr(&b, n == 2 ? " or " : i + 1 == n ? ", or " : ", ");
        mer_buf_printf(&b, "\"%.*s\"", MER_FMT(names->items[i]));
    }
    mer_buf_add_char(&b, '?');
    return mer_buf_slice(&b);
}
