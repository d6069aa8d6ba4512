// SPDX-License-Identifier: MIT
// Statements that were compiled before. Most of a statement's text says what a row answers, and that does not
// change from request to request; what may change is compiled anew each time, and decides which of the texts
// that are kept with the operation is the right one. Nothing is guessed:
//
// - A *plain* object is one in whose compilation nothing of the request was looked at but tenant and region:
//   no argument, no condition, no value. The compiler itself notes that (ctx.varied), for every object that
//   it writes. Its text depends on the object and on what stood before it (numbers of aliases and
//   parameters).
// - A *sketch* is a compilation that leaves plain objects out and writes a mark instead of each. It runs the
//   same code over the same request, so it brings the parameters, in their order, and the errors. All that
//   texts can differ by is written in it, so two requests with the same sketch have the same text; the
//   sketch's own numbers are nobody's.
//
// So a warm request costs one sketch and a comparison. What is kept lies in the operation's arena, from its
// second use on (many come once), at most SHAPES_MAX texts of SHAPES_BYTES together; what comes after that is
// compiled each time.
#include "resolvers/postgres/sql_priv.h"

enum { SHAPES_MAX = 16, SHAPES_BYTES = 64 << 10, OBJECTS_MAX = 64 };

struct plain {
    struct plain *next;
    uint32_t number;
    struct mer_fetch_field *const *children;
    const struct mer_bind_type *shape, *row;
    uint64_t rows; // for each time that it runs
    char needs[3]; // 't', 'r', in the order they are needed first
    bool slow;
};

struct shape {
    struct mer_slice sketch, text, many;
};

struct sql_keep {
    const struct mer_binding *binding; // of which all that follows is
    struct mer_arena *arena;
    struct plain *objects;
    uint32_t objects_n;
    struct shape shapes[SHAPES_MAX]; // the last one used first
    uint32_t shapes_n;
    size_t bytes;
    bool used;    // once before
    bool useless; // nothing can be left out
};

// Stands for a plain object; no text has a byte like its first.
struct mark {
    uint32_t begin, object;
};

static struct plain *find(const struct sql_keep *k, struct sql_row row, const struct mer_bind_type *shape,
                          const struct mer_fetch_field *parent)
{
    for (struct plain *o = k->objects; o; o = o->next) {
        if (o->children == parent->children && o->shape == shape && o->row == row.type)
            return o;
    }
    return NULL;
}

bool sql_keep_skip(struct sql_ctx *c, struct sql_cat *cat, struct sql_row row,
                   const struct mer_bind_type *shape, const struct mer_fetch_field *parent)
{
    const struct plain *o = find(c->keep, row, shape, parent);
    if (!o)
        return false;
    struct mark m = {0x01010101, o->number};
    mer_buf_add(sql_cat_value(cat), mer_slice_make((const char *)&m, sizeof(m)));
    for (const char *need = o->needs; *need; need++) {
        if (!(*need == 't' ? sql_need_tenant(c) : sql_need_region(c)))
            return true; // c->err is set
    }
    c->rows += c->multiplier * o->rows;
    c->slow = c->slow || o->slow;
    c->skipped++;
    return true;
}

void sql_keep_begin(struct sql_ctx *c, struct sql_keep_at *at)
{
    *at = (struct sql_keep_at){.varied = c->varied, .rows = c->rows, .once = c->once.n, .slow = c->slow};
    c->slow = false; // so that its own is seen
}

void sql_keep_end(struct sql_ctx *c, const struct sql_keep_at *at, struct sql_row row,
                  const struct mer_bind_type *shape, const struct mer_fetch_field *parent)
{
    struct sql_keep *k = c->keep;
    bool slow = c->slow;
    c->slow = c->slow || at->slow;
    if (c->varied != at->varied || k->objects_n == OBJECTS_MAX || find(k, row, shape, parent))
        return;
    struct plain *o = MER_NEW(k->arena, struct plain);
    *o = (struct plain){.next = k->objects,
                        .number = k->objects_n++,
                        .children = parent->children,
                        .shape = shape,
                        .row = row.type,
                        .rows = (c->rows - at->rows) / c->multiplier,
                        .slow = slow};
    k->objects = o;
    for (size_t i = at->once, n = 0; i < c->once.n && n < 2; i++)
        if (o->needs[0] != c->once.p[i])
            o->needs[n++] = c->once.p[i];
}

// ---- the texts ----

static const struct shape *recall(struct sql_keep *k, struct mer_slice sketch)
{
    for (uint32_t i = 0; i < k->shapes_n; i++) {
        struct shape s = k->shapes[i];
        if (!mer_slice_eq(s.sketch, sketch))
            continue;
        k->shapes[i] = k->shapes[0];
        k->shapes[0] = s;
        return &k->shapes[0];
    }
    return NULL;
}

static bool has_room(const struct sql_keep *k, size_t more)
{
    return k->shapes_n < SHAPES_MAX && more <= SHAPES_BYTES - k->bytes;
}

static void remember(struct sql_keep *k, struct shape s)
{
    size_t bytes = s.sketch.n + s.text.n + s.many.n + 2;
    if (!has_room(k, bytes))
        return;
    k->bytes += bytes;
    k->shapes[k->shapes_n++] = (struct shape){
        .sketch = mer_arena_copy(k->arena, s.sketch),
        .text = mer_slice_make(mer_arena_cstr(k->arena, s.text), s.text.n),
        .many = s.many.n ? mer_slice_make(mer_arena_cstr(k->arena, s.many), s.many.n) : MER_NIL,
    };
}

static struct sql_keep *keep_of(struct mer_fetch_memo *memo, const struct mer_binding *binding)
{
    if (!memo->kept) {
        struct sql_keep *k = MER_NEW(memo->arena, struct sql_keep);
        k->arena = memo->arena;
        k->binding = binding;
        memo->kept = k;
    }
    return memo->kept;
}

static bool draw(struct sql_ctx *c, const struct sql_ctx *fresh, struct sql_keep *k, struct mer_slice *sketch)
{
    struct mer_buf b;
    *c = *fresh;
    c->keep = k;
    c->sketch = true;
    if (!sql_compile(c, &b))
        return false;
    *sketch = mer_buf_slice(&b);
    return true;
}

enum mer_err sql_keep_compile(const struct sql_ctx *fresh, struct mer_fetch_memo *memo, struct mer_sql *out)
{
    struct sql_keep *k = keep_of(memo, fresh->binding);
    struct sql_ctx c;
    struct mer_slice sketch, text;
    struct mer_buf full;
    bool ours = k->binding == fresh->binding;
    if (ours && k->shapes_n) {
        if (!draw(&c, fresh, k, &sketch))
            return c.err;
        const struct shape *known = recall(k, sketch);
        if (known) {
            sql_finish(&c, known->text, out);
            out->many = out->light ? known->many : MER_NIL;
            return MER_OK;
        }
    }
    bool keep = ours && k->used && !k->useless && has_room(k, 1);
    k->used = true;
    c = *fresh;
    c.keep = keep ? k : NULL;
    mer_buf_init(&c.once, c.a, 64);
    if (!sql_compile(&c, &full))
        return c.err;
    mer_buf_add_char(&full, 0);
    text = mer_slice_make(full.p, full.n - 1);
    sql_finish(&c, text, out);
    if (keep) { // what was plain is known only now
        if (draw(&c, fresh, k, &sketch) && c.skipped)
            remember(k, (struct shape){sketch, text, out->light ? sql_compile_many(fresh) : MER_NIL});
        k->useless = !k->shapes_n;
    }
    return MER_OK;
}
