// SPDX-License-Identifier: MIT
#include "resolvers/connection.h"

#include "resolvers/postgres/cursor.h"

// A source answers no longer pages (resolvers/postgres/sql.h). Merging past its end would put rows of one
// part before rows of another that were never asked for.
#define PAGE_MAX 1000

// Slots of a connection's fields and of its edges', by what they are. A field may be asked under several
// aliases, so what is written goes to every slot of the same field.
struct lane {                    // one part's edges
    const struct mer_val *edges; // list, or NULL
    struct mer_cursor *cursors;
    uint32_t next;
};

struct merge {
    struct mer_arena *a;
    const struct mer_fetch_field *connection;
    struct lane *lanes;
    const struct mer_obj **objects;
    uint32_t n;
    uint64_t first;
    const struct mer_fresh_entry *ages;
    bool has_more, lacking;                   // lacking: a part failed, so that no count is the whole
    struct mer_val last_cursor, first_cursor; // of the merged page
};

static int32_t find_slot(const struct mer_fetch_field *parent, const char *name)
{
    for (uint32_t i = 0; i < parent->children_n; i++) {
        if (mer_slice_is(parent->children[i]->field->name, name)) {
            return (int32_t)parent->children[i]->slot;
        }
    }
    return -1;
}

static uint64_t page_size(const struct mer_fetch_field *field, struct mer_in *const *args)
{
    uint64_t first = 0;
    for (uint32_t i = 0; i < field->field->arguments_n; i++) {
        if (mer_slice_is(field->field->arguments[i].name, "first") && args[i] &&
            mer_slice_to_u64(args[i]->text, &first)) {
            return first < PAGE_MAX ? first : PAGE_MAX;
        }
    }
    return PAGE_MAX;
}

static bool read_cursor(struct mer_arena *a, const struct mer_val *edge, int32_t slot, struct mer_cursor *out)
{
    if (edge->kind != MER_VAL_OBJECT || slot < 0 || edge->object->slots[slot].kind != MER_VAL_RAW) {
        return false;
    }
    struct mer_slice raw = edge->object->slots[slot].raw;
    return raw.n >= 2 && mer_cursor_decode(a, mer_slice_make(raw.p + 1, raw.n - 2), out);
}

// False: no order can be told, and a page without it would be a wrong one.
static bool open_lane(struct mer_arena *a, const struct mer_val *edges, int32_t cursor, struct lane *lane)
{
    *lane = (struct lane){0};
    if (edges->kind != MER_VAL_LIST) {
        return false;
    }
    lane->cursors = MER_NEW_N(a, struct mer_cursor, edges->n);
    for (uint32_t i = 0; i < edges->n; i++) {
        if (!read_cursor(a, &edges->items[i], cursor, &lane->cursors[i]) ||
            !mer_cursor_same(&lane->cursors[i], &lane->cursors[0])) {
            return false;
        }
    }
    lane->edges = edges;
    return true;
}

bool mer_connection_fits(struct mer_arena *a, const struct mer_fetch_field *field,
                         const struct mer_val *value)
{
    for (uint32_t i = 0; value->kind == MER_VAL_OBJECT && i < field->children_n; i++) {
        const struct mer_fetch_field *f = field->children[i];
        struct lane lane;
        if (mer_slice_is(f->field->name, "edges") &&
            !open_lane(a, &value->object->slots[f->slot], find_slot(f, "cursor"), &lane)) {
            return false;
        }
    }
    return value->kind == MER_VAL_OBJECT;
}

static int32_t smallest(const struct merge *m)
{
    int32_t best = -1;
    for (uint32_t i = 0; i < m->n; i++) {
        const struct lane *l = &m->lanes[i];
        if (!l->edges || l->next >= l->edges->n) {
            continue;
        }
        const struct lane *b = best < 0 ? NULL : &m->lanes[best];
        if (!b || mer_cursor_compare(&l->cursors[l->next], &b->cursors[b->next]) < 0) {
            best = (int32_t)i;
        }
    }
    return best;
}

static void merge_edges(struct merge *m, const struct mer_fetch_field *ef, struct mer_val *out)
{
    int32_t cursor = find_slot(ef, "cursor");
    uint64_t total = 0;
    for (uint32_t i = 0; i < m->n; i++) {
        if (open_lane(m->a, &m->objects[i]->slots[ef->slot], cursor, &m->lanes[i])) {
            total += m->lanes[i].edges->n;
        }
    }
    uint64_t n = total < m->first ? total : m->first;
    *out = (struct mer_val){.kind = MER_VAL_LIST, .items = MER_NEW_N(m->a, struct mer_val, n)};
    while (out->n < n) {
        struct lane *l = &m->lanes[smallest(m)];
        out->items[out->n++] = l->edges->items[l->next++];
    }
    m->has_more = m->has_more || total > n;
    if (out->n) {
        m->first_cursor = out->items[0].object->slots[cursor];
        m->last_cursor = out->items[out->n - 1].object->slots[cursor];
    }
}

static bool is_true(const struct mer_val *v)
{
    return v->kind == MER_VAL_RAW && mer_slice_is(v->raw, "true");
}

static void note_more(struct merge *m, const struct mer_fetch_field *info)
{
    int32_t next = find_slot(info, "hasNextPage");
    for (uint32_t i = 0; next >= 0 && i < m->n; i++) {
        const struct mer_val *v = &m->objects[i]->slots[info->slot];
        m->has_more = m->has_more || (v->kind == MER_VAL_OBJECT && is_true(&v->object->slots[next]));
    }
}

// hasPreviousPage: of the whole if of any.
static struct mer_val first_true(const struct merge *m, uint32_t info_slot, uint32_t slot)
{
    struct mer_val found = {.kind = MER_VAL_NULL};
    for (uint32_t i = 0; i < m->n && !is_true(&found); i++) {
        const struct mer_val *v = &m->objects[i]->slots[info_slot];
        found = v->kind == MER_VAL_OBJECT ? v->object->slots[slot] : found;
    }
    return found;
}

static void merge_page_info(struct merge *m, const struct mer_fetch_field *info, struct mer_val *out)
{
    struct mer_obj *o = mer_obj_new(m->a, info->slots_n);
    *out = (struct mer_val){.kind = MER_VAL_OBJECT, .object = o};
    for (uint32_t i = 0; i < info->children_n; i++) {
        struct mer_slice name = info->children[i]->field->name;
        struct mer_val *to = &o->slots[info->children[i]->slot];
        if (mer_slice_is(name, "hasNextPage")) {
            *to = (struct mer_val){.kind = MER_VAL_RAW, .raw = m->has_more ? MER_S("true") : MER_S("false")};
        } else if (mer_slice_is(name, "endCursor")) {
            *to = m->last_cursor;
        } else if (mer_slice_is(name, "startCursor")) {
            *to = m->first_cursor;
        } else {
            *to = first_true(m, info->slot, info->children[i]->slot);
        }
    }
}

static void sum_counts(struct merge *m, uint32_t slot, struct mer_val *out)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < m->n; i++) {
        int64_t n = 0;
        const struct mer_val *v = &m->objects[i]->slots[slot];
        if (m->lacking || v->kind != MER_VAL_RAW || !mer_slice_to_i64(v->raw, &n)) {
            *out = (struct mer_val){.kind = MER_VAL_NULL};
            return;
        }
        sum += n;
    }
    *out = (struct mer_val){.kind = MER_VAL_RAW, .raw = mer_arena_printf(m->a, "%lld", (long long)sum)};
}

// The page is as old as its oldest part.
static struct mer_val oldest_age(const struct merge *m, uint32_t slot)
{
    struct mer_val oldest = m->objects[0]->slots[slot];
    for (uint32_t i = 1; i < m->n; i++) {
        const struct mer_val *v = &m->objects[i]->slots[slot];
        bool ages = v->kind == MER_VAL_AGE && oldest.kind == MER_VAL_AGE;
        if (ages && m->ages[v->n].as_of_us < m->ages[oldest.n].as_of_us) {
            oldest = *v;
        }
    }
    return oldest;
}

static void merge_fields(struct merge *m, struct mer_obj *o)
{
    const struct mer_fetch_field *c = m->connection;
    for (uint32_t i = 0; i < c->children_n; i++) {
        if (mer_slice_is(c->children[i]->field->name, "pageInfo")) {
            note_more(m, c->children[i]);
        }
    }
    for (uint32_t i = 0; i < c->children_n; i++) {
        const struct mer_fetch_field *f = c->children[i];
        if (mer_slice_is(f->field->name, "edges")) {
            merge_edges(m, f, &o->slots[f->slot]);
        } else if (mer_slice_is(f->field->name, "totalCount")) {
            sum_counts(m, f->slot, &o->slots[f->slot]);
        } else {
            o->slots[f->slot] = oldest_age(m, f->slot);
        }
    }
    for (uint32_t i = 0; i < c->children_n; i++) {
        if (mer_slice_is(c->children[i]->field->name, "pageInfo")) {
            merge_page_info(m, c->children[i], &o->slots[c->children[i]->slot]);
        }
    }
}

void mer_connection_merge(struct mer_arena *a, const struct mer_fetch_field *field,
                          struct mer_in *const *args, const struct mer_parts_came *came, struct mer_val *out)
{
    const struct mer_val *parts = came->values;
    struct merge m = {.a = a,
                      .connection = field,
                      .first = page_size(field, args),
                      .ages = came->ages,
                      .lacking = came->lacking};
    m.objects = MER_NEW_N(a, const struct mer_obj *, came->n);
    m.lanes = MER_NEW_N(a, struct lane, came->n);
    for (uint32_t i = 0; i < came->n; i++) {
        if (parts[i].kind == MER_VAL_OBJECT) {
            m.objects[m.n++] = parts[i].object;
        }
    }
    if (m.n == 0) {
        *out = (struct mer_val){.kind = MER_VAL_NULL};
        return;
    }
    struct mer_obj *o = mer_obj_new(a, field->slots_n);
    *out = (struct mer_val){.kind = MER_VAL_OBJECT, .object = o};
    merge_fields(&m, o);
}
