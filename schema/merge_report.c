// SPDX-License-Identifier: MIT
// Which fields conflict, and why: pairs are compared selection set by selection set, as the reference does
// it, so that messages and places come out the same. This is only done where the scan found a conflict. The
// number of comparisons and the depth are bounded; when the bound is reached before anything was said, the
// scan's own finding is reported.
#include "schema/merge_priv.h"

#define COMPARISONS_MAX 100000
#define NESTING_MAX     400

struct field_list {
    struct mer_slice key;
    struct mer_merge_field *fields;
    uint32_t n, cap;
};

// A selection set's own fields by response key, and the fragments it spreads.
struct field_map {
    const struct mer_ast_selection_set *set;
    struct mer_map by_key;    // struct field_list *, in order
    struct mer_map fragments; // names, in order
};

struct conflict {
    struct mer_slice key;
    struct mer_slice reason;       // n == 0: those below
    struct conflict *first, *next; // below; beside
    struct mer_loc *locs[2];
    uint32_t locs_n[2];
};

struct conflicts { // a list that grows at its end
    struct conflict *first, *last;
    uint32_t n;
};

struct mer_merge {
    enum mer_merge_scan scan;
    struct mer_merge_conflict found;
    struct mer_map maps;               // by selection set: struct field_map *
    struct mer_map compared_fields;    // (field map, fragment name)
    struct mer_map compared_fragments; // (fragment, fragment)
    uint32_t comparisons, nesting;
    bool cut, reported;
};

static const char only_shapes, all; // what a pair was compared for

// ---- field maps ----

static void collect(struct mer_validator *v, struct field_map *m, const struct mer_ast_selection_set *set,
                    const struct mer_type *parent)
{
    for (uint32_t i = 0; i < set->n; i++) {
        const struct mer_ast_selection *sel = set->items[i];
        if (sel->kind == MER_SEL_SPREAD) {
            mer_map_put(&m->fragments, sel->name, v);
            continue;
        }
        if (sel->kind == MER_SEL_INLINE) {
            collect(v, m, sel->selections, sel->condition.n ? mer_schema_type(v->s, sel->condition) : parent);
            continue;
        }
        struct field_list *l = mer_map_get(&m->by_key, mer_ast_response_key(sel));
        if (!l) {
            l = MER_NEW(v->a, struct field_list);
            l->key = mer_ast_response_key(sel);
            mer_map_put(&m->by_key, l->key, l);
        }
        if (l->n == l->cap) {
            uint32_t cap = l->cap ? l->cap * 2 : 1;
            struct mer_merge_field *grown = mer_arena_alloc(v->a, cap * sizeof(*grown));
            if (l->n)
                memcpy(grown, l->fields, l->n * sizeof(*grown));
            l->fields = grown;
            l->cap = cap;
        }
        bool has = parent && (parent->kind == MER_TYPE_OBJECT || parent->kind == MER_TYPE_INTERFACE);
        const struct mer_field *def = has ? mer_map_get(&parent->fields_by_name, sel->name) : NULL;
        l->fields[l->n++] = (struct mer_merge_field){sel, parent, def};
    }
}

static struct field_map *map_of(struct mer_validator *v, const struct mer_ast_selection_set *set,
                                const struct mer_type *parent)
{
    struct mer_slice key = {(const char *)&set, sizeof(set)};
    struct field_map *m = mer_map_get(&v->merge->maps, key);
    if (m)
        return m;
    m = MER_NEW(v->a, struct field_map);
    m->set = set;
    mer_map_init(&m->by_key, v->a);
    mer_map_init(&m->fragments, v->a);
    mer_map_put(&v->merge->maps, mer_slice_make((const char *)&m->set, sizeof(m->set)), m);
    collect(v, m, set, parent);
    return m;
}

static struct field_map *map_of_fragment(struct mer_validator *v, const struct mer_fragment *f)
{
    return map_of(v, f->ast->selections, mer_schema_type(v->s, f->ast->condition));
}

// ---- what was compared ----

// True when the pair was compared before, for at least as much; else it is noted. A pair compared for
// everything needs no look at shapes alone.
static bool compared(struct mer_validator *v, struct mer_map *m, const void *a, const void *b, bool exclusive)
{
    const void *pair[2] = {a, b};
    const char *was = mer_map_get(m, mer_slice_make((const char *)pair, sizeof(pair)));
    if (was && (exclusive || was == &all))
        return true;
    const void **kept = mer_arena_alloc(v->a, sizeof(pair));
    memcpy(kept, pair, sizeof(pair));
    mer_map_put(m, mer_slice_make((const char *)kept, sizeof(pair)),
                (void *)(uintptr_t)(exclusive ? &only_shapes : &all));
    return false;
}

// ---- conflicts ----

static void add(struct conflicts *to, struct conflict *c)
{
    if (!c)
        return;
    if (to->last)
        to->last->next = c;
    else
        to->first = c;
    to->last = c;
    to->n++;
}

static struct conflict *make(struct mer_validator *v, struct mer_slice key, const struct mer_merge_field *a,
                             const struct mer_merge_field *b, const struct conflicts *below)
{
    struct conflict *c = MER_NEW(v->a, struct conflict);
    const struct mer_merge_field *of[2] = {a, b};
    c->key = key;
    c->first = below ? below->first : NULL;
    for (int side = 0; side < 2; side++) {
        uint32_t n = 1;
        for (const struct conflict *d = c->first; d; d = d->next)
            n += d->locs_n[side];
        c->locs[side] = MER_NEW_N(v->a, struct mer_loc, n);
        c->locs[side][c->locs_n[side]++] = of[side]->sel->loc;
        for (const struct conflict *d = c->first; d; d = d->next) {
            memcpy(c->locs[side] + c->locs_n[side], d->locs[side], d->locs_n[side] * sizeof(struct mer_loc));
            c->locs_n[side] += d->locs_n[side];
        }
    }
    return c;
}

struct mer_slice mer_merge_why(struct mer_validator *v, enum mer_merge_reason reason,
                               const struct mer_merge_field *a, const struct mer_merge_field *b)
{
    if (reason == MER_MERGE_NAMES)
        return mer_arena_printf(v->a, "\"%.*s\" and \"%.*s\" are different fields", MER_FMT(a->sel->name),
                                MER_FMT(b->sel->name));
    if (reason == MER_MERGE_ARGUMENTS)
        return MER_S("they have differing arguments");
    struct mer_slice x = mer_v_print_ref(v, &a->def->type), y = mer_v_print_ref(v, &b->def->type);
    return mer_arena_printf(v->a, "they return conflicting types \"%.*s\" and \"%.*s\"", MER_FMT(x),
                            MER_FMT(y));
}

static struct conflict *plain(struct mer_validator *v, struct mer_slice key, const struct mer_merge_field *a,
                              const struct mer_merge_field *b, enum mer_merge_reason reason)
{
    struct conflict *c = make(v, key, a, b, NULL);
    c->reason = mer_merge_why(v, reason, a, b);
    return c;
}

// ---- comparing ----

static void between_sets(struct mer_validator *v, struct conflicts *out, bool exclusive,
                         const struct mer_merge_field *a, const struct mer_merge_field *b);

static bool go_on(struct mer_validator *v)
{
    if (++v->merge->comparisons > COMPARISONS_MAX || mer_arena_exhausted(v->a))
        v->merge->cut = true;
    return !v->merge->cut;
}

// More conflicts in one place than errors may be told change nothing.
static bool go_on_with(const struct mer_validator *v, const struct conflicts *out)
{
    return !v->merge->cut && out->n <= v->max_errors;
}

static struct conflict *compare(struct mer_validator *v, struct mer_slice key, bool exclusive,
                                const struct mer_merge_field *a, const struct mer_merge_field *b)
{
    if (!go_on(v))
        return NULL;
    exclusive = exclusive || (a->parent != b->parent && a->parent && a->parent->kind == MER_TYPE_OBJECT &&
                              b->parent && b->parent->kind == MER_TYPE_OBJECT);
    if (!exclusive && !mer_slice_eq(a->sel->name, b->sel->name))
        return plain(v, key, a, b, MER_MERGE_NAMES);
    if (!exclusive && !mer_merge_same_arguments(a->sel, b->sel))
        return plain(v, key, a, b, MER_MERGE_ARGUMENTS);
    if (a->def && b->def && mer_merge_types_conflict(&a->def->type, &b->def->type))
        return plain(v, key, a, b, MER_MERGE_TYPES);
    if (!a->sel->selections || !b->sel->selections)
        return NULL;
    if (v->merge->nesting == NESTING_MAX) {
        v->merge->cut = true;
        return NULL;
    }
    struct conflicts below = {0};
    v->merge->nesting++;
    between_sets(v, &below, exclusive, a, b);
    v->merge->nesting--;
    return below.n ? make(v, key, a, b, &below) : NULL;
}

static void within(struct mer_validator *v, struct conflicts *out, const struct field_map *m)
{
    MER_MAP_EACH(&m->by_key, e)
    {
        const struct field_list *l = e->value;
        for (uint32_t i = 0; i < l->n && go_on_with(v, out); i++)
            for (uint32_t j = i + 1; j < l->n && go_on_with(v, out); j++)
                add(out, compare(v, l->key, false, &l->fields[i], &l->fields[j]));
    }
}

static void between(struct mer_validator *v, struct conflicts *out, bool exclusive, const struct field_map *x,
                    const struct field_map *y)
{
    MER_MAP_EACH(&x->by_key, e)
    {
        const struct field_list *l = e->value, *other = mer_map_get(&y->by_key, l->key);
        for (uint32_t i = 0; other && i < l->n && go_on_with(v, out); i++)
            for (uint32_t j = 0; j < other->n && go_on_with(v, out); j++)
                add(out, compare(v, l->key, exclusive, &l->fields[i], &other->fields[j]));
    }
}

static void fields_and_fragment(struct mer_validator *v, struct conflicts *out, bool exclusive,
                                struct field_map *m, struct mer_slice name)
{
    const struct mer_fragment *f = mer_map_get(&v->fragments.by_name, name);
    if (!f || compared(v, &v->merge->compared_fields, m, f, exclusive) || v->merge->nesting == NESTING_MAX)
        return;
    struct field_map *other = map_of_fragment(v, f);
    if (m == other || !go_on(v))
        return;
    between(v, out, exclusive, m, other);
    v->merge->nesting++;
    MER_MAP_EACH(&other->fragments, e)
    fields_and_fragment(v, out, exclusive, m, e->key);
    v->merge->nesting--;
}

static void fragments(struct mer_validator *v, struct conflicts *out, bool exclusive, struct mer_slice name_x,
                      struct mer_slice name_y)
{
    const struct mer_fragment *x = mer_map_get(&v->fragments.by_name, name_x);
    const struct mer_fragment *y = mer_map_get(&v->fragments.by_name, name_y);
    if (!x || !y || x == y || v->merge->nesting == NESTING_MAX)
        return;
    int order = mer_slice_cmp(x->ast->name, y->ast->name);
    if (compared(v, &v->merge->compared_fragments, order < 0 ? x : y, order < 0 ? y : x, exclusive) ||
        !go_on(v))
        return;
    struct field_map *mx = map_of_fragment(v, x), *my = map_of_fragment(v, y);
    between(v, out, exclusive, mx, my);
    v->merge->nesting++;
    MER_MAP_EACH(&my->fragments, e)
    fragments(v, out, exclusive, name_x, e->key);
    MER_MAP_EACH(&mx->fragments, e)
    fragments(v, out, exclusive, e->key, name_y);
    v->merge->nesting--;
}

static void between_sets(struct mer_validator *v, struct conflicts *out, bool exclusive,
                         const struct mer_merge_field *a, const struct mer_merge_field *b)
{
    struct field_map *x = map_of(v, a->sel->selections, a->def ? a->def->type.type : NULL);
    struct field_map *y = map_of(v, b->sel->selections, b->def ? b->def->type.type : NULL);
    between(v, out, exclusive, x, y);
    MER_MAP_EACH(&y->fragments, e)
    fields_and_fragment(v, out, exclusive, x, e->key);
    MER_MAP_EACH(&x->fragments, e)
    fields_and_fragment(v, out, exclusive, y, e->key);
    MER_MAP_EACH(&x->fragments, e)
    MER_MAP_EACH(&y->fragments, f)
    fragments(v, out, exclusive, e->key, f->key);
}

// ---- saying so ----

static void write_reason(struct mer_buf *b, const struct conflict *c)
{
    if (!c->first) {
        mer_buf_add(b, c->reason);
        return;
    }
    for (const struct conflict *d = c->first; d; d = d->next) {
        mer_buf_printf(b, "%ssubfields \"%.*s\" conflict because ", d == c->first ? "" : " and ",
                       MER_FMT(d->key));
        write_reason(b, d);
    }
}

static void report(struct mer_validator *v, const struct conflict *c)
{
    struct mer_buf reason;
    uint32_t n = c->locs_n[0] + c->locs_n[1];
    struct mer_loc *locs = MER_NEW_N(v->a, struct mer_loc, n);
    memcpy(locs, c->locs[0], c->locs_n[0] * sizeof(*locs));
    memcpy(locs + c->locs_n[0], c->locs[1], c->locs_n[1] * sizeof(*locs));
    mer_buf_init(&reason, v->a, 128);
    write_reason(&reason, c);
    v->merge->reported = true;
    mer_v_report(
        v, locs, n,
        "Fields \"%.*s\" conflict because %.*s. Use different aliases on the fields to fetch both if this "
        "was intentional.",
        MER_FMT(c->key), MER_FMT(mer_buf_slice(&reason)));
}

void mer_v_merge_begin(struct mer_validator *v)
{
    v->merge = MER_NEW(v->a, struct mer_merge);
    if (!(v->rules & MER_RULE_OVERLAPPING_FIELDS))
        return;
    mer_map_init(&v->merge->maps, v->a);
    mer_map_init(&v->merge->compared_fields, v->a);
    mer_map_init(&v->merge->compared_fragments, v->a);
    v->merge->scan = mer_merge_scan(v, &v->merge->found);
    v->too_much = v->merge->scan == MER_MERGE_TOO_MUCH;
}

void mer_v_merge(struct mer_validator *v, const struct mer_type *parent,
                 const struct mer_ast_selection_set *set)
{
    struct mer_merge *m = v->merge;
    struct conflicts found = {0};
    if (m->scan != MER_MERGE_CONFLICT || m->cut)
        return;
    struct field_map *map = map_of(v, set, parent);
    within(v, &found, map);
    uint32_t i = 0;
    MER_MAP_EACH(&map->fragments, e)
    {
        fields_and_fragment(v, &found, false, map, e->key);
        i++;
        uint32_t j = 0;
        MER_MAP_EACH(&map->fragments, f)
        if (j++ >= i)
            fragments(v, &found, false, e->key, f->key);
    }
    for (const struct conflict *c = found.first; c; c = c->next)
        report(v, c);
    if (m->cut && !m->reported) {
        const struct mer_merge_conflict *f = &m->found;
        report(v, plain(v, mer_ast_response_key(f->a.sel), &f->a, &f->b, f->reason));
    }
}
