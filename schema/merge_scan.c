// SPDX-License-Identifier: MIT
// Is there any conflict? Selection sets that are answered into one object form a scope. Its fields, fragments
// followed once each, fall into groups by response key; a group must agree in shape, and where its parents
// may be the same object also in name and arguments. What the fields of a group select forms the next scope.
// A scope is looked at once, however it is reached, so the many ways through nested fragments cost nothing;
// and of a fragment that is spread again only what a scope's other fields meet is looked at with the scope.
#include "schema/merge_priv.h"

#include <stdlib.h>

#define STEPS_MAX 400000 // fields looked at, over all scopes

struct scope {
    const struct mer_ast_selection_set **sets; // sorted, each once
    const struct mer_type **parents;           // of each
    uint32_t n;
    bool shape_only; // parents may differ: only shapes must agree
};

struct group {
    struct mer_merge_field *fields;
    uint32_t n, cap;
    const struct mer_fragment *from; // all of them; NULL: of several, or of none
};

struct todo { // sets of a scope whose fields are still to be gathered
    const struct mer_ast_selection_set *set;
    const struct mer_type *parent;
    const struct mer_fragment *from; // which the scope's own sets spread to get here
};

enum { ALONE_SHAPES = 1, ALONE_ALL = 2 };

struct scan {
    struct mer_validator *v;
    struct scope *queue;
    uint32_t queue_n, queue_cap, done;
    struct mer_map seen;     // scopes, by the bytes of their sets
    struct mer_map **fields; // by fragment: its fields by response key; NULL: not looked for yet
    uint32_t *met;           // by fragment: how many scopes' own sets spread it
    uint8_t *alone;          // by fragment: it is looked at as a scope of its own, and how
    bool *covered;           // by fragment: its fields were part of a scope that was looked at for everything
    struct todo *stack;
    uint32_t stack_n, stack_cap;
    uint64_t steps;
    struct mer_merge_conflict *found;
    bool conflict;
};

// ---- equality ----

static bool same_value(const struct mer_ast_value *a, const struct mer_ast_value *b);

static const struct mer_ast_argument *named(struct mer_ast_argument *const *args, uint32_t n, uint32_t guess,
                                            struct mer_slice name)
{
    if (guess < n && mer_slice_eq(args[guess]->name, name))
        return args[guess];
    for (uint32_t i = 0; i < n; i++)
        if (mer_slice_eq(args[i]->name, name))
            return args[i];
    return NULL;
}

static bool same_named(struct mer_ast_argument *const *a, uint32_t a_n, struct mer_ast_argument *const *b,
                       uint32_t b_n)
{
    if (a_n != b_n)
        return false;
    for (uint32_t i = 0; i < a_n; i++) {
        const struct mer_ast_argument *other = named(b, b_n, i, a[i]->name);
        if (!other || !same_value(a[i]->value, other->value))
            return false;
    }
    return true;
}

static bool same_value(const struct mer_ast_value *a, const struct mer_ast_value *b)
{
    if (a->kind != b->kind || a->n != b->n)
        return false;
    if (a->kind == MER_VALUE_OBJECT)
        return same_named(a->fields, a->n, b->fields, b->n);
    if (a->kind != MER_VALUE_LIST)
        return mer_slice_eq(a->text, b->text) && a->block == b->block;
    for (uint32_t i = 0; i < a->n; i++)
        if (!same_value(a->items[i], b->items[i]))
            return false;
    return true;
}

bool mer_merge_same_arguments(const struct mer_ast_selection *a, const struct mer_ast_selection *b)
{
    return same_named(a->arguments, a->arguments_n, b->arguments, b->arguments_n);
}

bool mer_merge_types_conflict(const struct mer_type_ref *a, const struct mer_type_ref *b)
{
    if (a->depth != b->depth || a->non_null != b->non_null)
        return true;
    return (mer_type_is_leaf(a->type) || mer_type_is_leaf(b->type)) && a->type != b->type;
}

// ---- scopes ----

static int cmp_sets(const void *x, const void *y)
{
    uintptr_t a = (uintptr_t)((const struct todo *)x)->set, b = (uintptr_t)((const struct todo *)y)->set;
    return (a > b) - (a < b);
}

// Queues a scope unless it was queued before.
static void add_scope(struct scan *s, struct todo *sets, uint32_t n, bool shape_only)
{
    struct mer_arena *a = s->v->a;
    if (!n)
        return;
    if (n > 1)
        qsort(sets, n, sizeof(*sets), cmp_sets);
    const struct mer_ast_selection_set **key = mer_arena_alloc(a, (n + 1) * sizeof(*key));
    const struct mer_type **parents = mer_arena_alloc(a, n * sizeof(*parents));
    uint32_t k = 0;
    for (uint32_t i = 0; i < n; i++)
        if (!k || key[k - 1] != sets[i].set) {
            parents[k] = sets[i].parent;
            key[k++] = sets[i].set;
        }
    key[k] = shape_only ? key[0] : NULL; // tells the two ways of looking apart
    struct mer_slice bytes = {(const char *)key, (k + 1) * sizeof(*key)};
    if (!mer_map_add(&s->seen, bytes, s))
        return;
    if (s->queue_n == s->queue_cap) {
        uint32_t cap = s->queue_cap ? s->queue_cap * 2 : 64;
        struct scope *grown = mer_arena_alloc(a, cap * sizeof(*grown));
        if (s->queue_n)
            memcpy(grown, s->queue, s->queue_n * sizeof(*grown));
        s->queue = grown;
        s->queue_cap = cap;
    }
    s->queue[s->queue_n++] = (struct scope){key, parents, k, shape_only};
}

static void push(struct scan *s, struct todo t)
{
    if (s->stack_n == s->stack_cap) {
        uint32_t cap = s->stack_cap ? s->stack_cap * 2 : 32;
        struct todo *grown = mer_arena_alloc(s->v->a, cap * sizeof(*grown));
        if (s->stack_n)
            memcpy(grown, s->stack, s->stack_n * sizeof(*grown));
        s->stack = grown;
        s->stack_cap = cap;
    }
    s->stack[s->stack_n++] = t;
}

static void add_field(struct scan *s, struct mer_map *groups, const struct mer_ast_selection *sel,
                      const struct todo *t)
{
    const struct mer_type *parent = t->parent;
    struct group *g = mer_map_get(groups, mer_ast_response_key(sel));
    if (!g) {
        g = MER_NEW(s->v->a, struct group);
        g->from = t->from;
        mer_map_put(groups, mer_ast_response_key(sel), g);
    }
    if (g->n == g->cap) {
        uint32_t cap = g->cap ? g->cap * 2 : 1;
        struct mer_merge_field *grown = mer_arena_alloc(s->v->a, cap * sizeof(*grown));
        if (g->n)
            memcpy(grown, g->fields, g->n * sizeof(*grown));
        g->fields = grown;
        g->cap = cap;
    }
    const struct mer_field *def = parent ? mer_schema_field(s->v->s, parent, sel->name) : NULL;
    g->fields[g->n++] = (struct mer_merge_field){sel, parent, def};
    g->from = g->from == t->from ? g->from : NULL;
    s->steps++;
}

static void gather(struct scan *s, const struct scope *scope, struct mer_map *groups)
{
    struct mer_validator *v = s->v;
    v->stamp++;
    for (uint32_t i = scope->n; i-- > 0;)
        push(s, (struct todo){scope->sets[i], scope->parents[i], NULL});
    while (s->stack_n && s->steps < STEPS_MAX) {
        struct todo t = s->stack[--s->stack_n];
        for (uint32_t i = 0; i < t.set->n; i++) {
            const struct mer_ast_selection *sel = t.set->items[i];
            if (sel->kind == MER_SEL_FIELD) {
                add_field(s, groups, sel, &t);
            } else if (sel->kind == MER_SEL_INLINE) {
                const struct mer_type *on =
                    sel->condition.n ? mer_schema_type(v->s, sel->condition) : t.parent;
                push(s, (struct todo){sel->selections, on, t.from});
            } else {
                struct mer_fragment *f = mer_map_get(&v->fragments.by_name, sel->name);
                s->steps++;
                if (!f || f->stamp == v->stamp)
                    continue;
                f->stamp = v->stamp;
                s->met[f->index] += !t.from;
                s->covered[f->index] = s->covered[f->index] || !scope->shape_only;
                push(s, (struct todo){f->ast->selections, mer_schema_type(v->s, f->ast->condition),
                                      t.from ? t.from : f});
            }
        }
    }
    s->stack_n = 0;
}

// The scope's fields that stand in no named fragment, and the one fragment that holds all others. False:
// there are several.
static bool gather_around(struct scan *s, const struct scope *scope, struct mer_map *groups,
                          const struct mer_fragment **only)
{
    bool one = true;
    *only = NULL;
    for (uint32_t i = scope->n; i-- > 0;)
        push(s, (struct todo){scope->sets[i], scope->parents[i], NULL});
    while (s->stack_n && s->steps < STEPS_MAX && one) {
        struct todo t = s->stack[--s->stack_n];
        for (uint32_t i = 0; i < t.set->n && one; i++) {
            const struct mer_ast_selection *sel = t.set->items[i];
            if (sel->kind == MER_SEL_FIELD) {
                add_field(s, groups, sel, &t);
            } else if (sel->kind == MER_SEL_INLINE) {
                const struct mer_type *on =
                    sel->condition.n ? mer_schema_type(s->v->s, sel->condition) : t.parent;
                push(s, (struct todo){sel->selections, on, NULL});
            } else {
                const struct mer_fragment *f = mer_map_get(&s->v->fragments.by_name, sel->name);
                s->steps++;
                one = !f || !*only || *only == f;
                *only = f ? f : *only;
            }
        }
    }
    s->stack_n = 0;
    return one;
}

static struct mer_map *fields_of(struct scan *s, const struct mer_fragment *f)
{
    struct mer_map **own = &s->fields[f->index];
    if (!*own) {
        *own = MER_NEW(s->v->a, struct mer_map);
        mer_map_init(*own, s->v->a);
        const struct mer_type *on = mer_schema_type(s->v->s, f->ast->condition);
        struct scope all = {(const struct mer_ast_selection_set *[]){f->ast->selections},
                            (const struct mer_type *[]){on}, 1, true};
        gather(s, &all, *own);
    }
    return *own;
}

// ---- groups ----

static void conflict(struct scan *s, const struct mer_merge_field *a, const struct mer_merge_field *b,
                     enum mer_merge_reason reason)
{
    s->conflict = true;
    *s->found = (struct mer_merge_conflict){*a, *b, reason};
}

static void check_shapes(struct scan *s, const struct group *g)
{
    const struct mer_merge_field *first = NULL;
    for (uint32_t i = 0; i < g->n && !s->conflict; i++) {
        const struct mer_merge_field *f = &g->fields[i];
        if (!f->def)
            continue;
        if (first && mer_merge_types_conflict(&first->def->type, &f->def->type))
            conflict(s, first, f, MER_MERGE_TYPES);
        first = first ? first : f;
    }
}

static bool is_object(const struct mer_type *t)
{
    return t && t->kind == MER_TYPE_OBJECT;
}

// A set that holds one fragment and nothing else is what the fragment holds: many such are one scope.
static struct todo see_through(struct scan *s, struct todo t, bool equal)
{
    enum { HOPS_MAX = 100 }; // fragments may go round in circles, which another rule tells
    for (uint32_t i = 0; i < HOPS_MAX && t.set->n == 1 && t.set->items[0]->kind != MER_SEL_FIELD; i++) {
        const struct mer_ast_selection *sel = t.set->items[0];
        struct mer_slice on = sel->condition;
        if (sel->kind == MER_SEL_SPREAD) {
            struct mer_fragment *f = mer_map_get(&s->v->fragments.by_name, sel->name);
            if (!f)
                return t;
            s->covered[f->index] = s->covered[f->index] || equal;
            on = f->ast->condition;
            t.set = f->ast->selections;
        } else {
            t.set = sel->selections;
        }
        t.parent = on.n ? mer_schema_type(s->v->s, on) : t.parent;
    }
    return t;
}

// The next scope of the fields of a group. With `equal` their names and arguments must agree.
static void merge(struct scan *s, const struct group *g, bool equal)
{
    struct todo *sets = MER_NEW_N(s->v->a, struct todo, g->n);
    const struct mer_merge_field *first = NULL;
    uint32_t n = 0;
    s->steps += g->n;
    for (uint32_t i = 0; i < g->n && !s->conflict; i++) {
        const struct mer_merge_field *f = &g->fields[i];
        if (equal && first && !mer_slice_eq(first->sel->name, f->sel->name))
            conflict(s, first, f, MER_MERGE_NAMES);
        else if (equal && first && !mer_merge_same_arguments(first->sel, f->sel))
            conflict(s, first, f, MER_MERGE_ARGUMENTS);
        first = first ? first : f;
        if (f->sel->selections)
            sets[n++] = see_through(
                s, (struct todo){f->sel->selections, f->def ? f->def->type.type : NULL, NULL}, equal);
    }
    if (!s->conflict)
        add_scope(s, sets, n, !equal);
}

static void add_to(struct scan *s, struct group *g, const struct mer_merge_field *f)
{
    if (g->n == g->cap) {
        uint32_t cap = g->cap ? g->cap * 2 : 2;
        struct mer_merge_field *grown = mer_arena_alloc(s->v->a, cap * sizeof(*grown));
        if (g->n)
            memcpy(grown, g->fields, g->n * sizeof(*grown));
        g->fields = grown;
        g->cap = cap;
    }
    g->fields[g->n++] = *f;
}

// Fields that one object may have, for each type of object: its own and, as they come, those of interfaces
// and unions, which any of them may have.
static void check_objects(struct scan *s, const struct group *g)
{
    struct group open = {0};
    struct mer_map objects; // type → struct group *
    mer_map_init(&objects, s->v->a);
    for (uint32_t i = 0; i < g->n && s->steps < STEPS_MAX; i++) {
        const struct mer_merge_field *f = &g->fields[i];
        struct group *own = is_object(f->parent) ? mer_map_get(&objects, f->parent->name) : NULL;
        if (is_object(f->parent) && !own) {
            own = MER_NEW(s->v->a, struct group);
            s->steps += open.n;
            for (uint32_t k = 0; k < open.n; k++)
                add_to(s, own, &open.fields[k]);
            mer_map_add(&objects, f->parent->name, own);
        }
        if (own) {
            add_to(s, own, f);
            continue;
        }
        add_to(s, &open, f);
        MER_MAP_EACH(&objects, e)
        add_to(s, e->value, f);
        s->steps += objects.count;
    }
    MER_MAP_EACH(&objects, e)
    if (!s->conflict && s->steps < STEPS_MAX)
        merge(s, e->value, true);
}

static void look_alone(struct scan *s, const struct mer_fragment *f, bool shape_only)
{
    uint8_t how = shape_only ? ALONE_SHAPES : ALONE_ALL;
    if (s->alone[f->index] >= how)
        return;
    s->alone[f->index] = how;
    struct todo all = {f->ast->selections, mer_schema_type(s->v->s, f->ast->condition), NULL};
    add_scope(s, &all, 1, shape_only);
}

static void check_group(struct scan *s, const struct group *g, bool shape_only)
{
    if (g->from && s->met[g->from->index] > 1) {
        look_alone(s, g->from, shape_only);
        return;
    }
    const struct mer_type *object = NULL;
    bool several = false;
    if (g->n > 1)
        check_shapes(s, g);
    for (uint32_t i = 0; i < g->n; i++) {
        if (!is_object(g->fields[i].parent))
            continue;
        several = several || (object && object != g->fields[i].parent);
        object = g->fields[i].parent;
    }
    if (shape_only || !several) {
        merge(s, g, !shape_only);
        return;
    }
    check_objects(s, g);
    merge(s, g, false);
}

// What the fields around a fragment meet in it.
static void meet(struct scan *s, const struct scope *scope, const struct mer_fragment *f,
                 struct mer_map *groups)
{
    const struct mer_map *inside = fields_of(s, f);
    s->covered[f->index] = s->covered[f->index] || !scope->shape_only;
    look_alone(s, f, scope->shape_only);
    MER_MAP_EACH(groups, e)
    {
        const struct group *more = mer_map_get(inside, e->key);
        s->steps += more ? more->n : 0;
        for (uint32_t i = 0; more && i < more->n; i++)
            add_to(s, e->value, &more->fields[i]);
    }
}

// Looks at every scope in the queue; false when it is time to stop.
static bool drain(struct scan *s)
{
    while (s->done < s->queue_n) {
        struct scope scope = s->queue[s->done++];
        const struct mer_fragment *only = NULL;
        struct mer_map groups;
        mer_map_init(&groups, s->v->a);
        bool one = gather_around(s, &scope, &groups, &only);
        if (!one || (only && !s->met[only->index])) {
            mer_map_init(&groups, s->v->a);
            gather(s, &scope, &groups);
        } else if (only) {
            meet(s, &scope, only, &groups);
        }
        MER_MAP_EACH(&groups, e)
        if (!s->conflict)
            check_group(s, e->value, scope.shape_only);
        if (s->conflict || s->steps >= STEPS_MAX || mer_arena_exhausted(s->v->a))
            return false;
    }
    return true;
}

enum mer_merge_scan mer_merge_scan(struct mer_validator *v, struct mer_merge_conflict *found)
{
    struct scan s = {.v = v, .found = found};
    mer_map_init(&s.seen, v->a);
    s.fields = MER_NEW_N(v->a, struct mer_map *, v->fragments.n + 1);
    s.met = MER_NEW_N(v->a, uint32_t, v->fragments.n + 1);
    s.alone = MER_NEW_N(v->a, uint8_t, v->fragments.n + 1);
    s.covered = MER_NEW_N(v->a, bool, v->fragments.n + 1);
    for (uint32_t i = 0; i < v->doc->operations_n; i++) {
        const struct mer_ast_operation *op = v->doc->operations[i];
        add_scope(&s, &(struct todo){op->selections, v->s->roots[op->kind], NULL}, 1, false);
    }
    bool more = drain(&s);
    // Fragments that nothing spread so far, those that spread others first.
    for (uint32_t i = v->fragments.n; more && i-- > 0;) {
        const struct mer_fragment *f = v->fragments.order[i];
        if (s.covered[f->index])
            continue;
        look_alone(&s, f, false);
        more = drain(&s);
    }
    if (s.conflict)
        return MER_MERGE_CONFLICT;
    return more ? MER_MERGE_CLEAN : MER_MERGE_TOO_MUCH;
}
