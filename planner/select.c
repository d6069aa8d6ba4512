// SPDX-License-Identifier: MIT
#include "planner/select_priv.h"

#include "schema/printer.h"

struct mer_selector *mer_selector_create(struct mer_arena *keep, struct mer_arena *scratch,
                                         const struct mer_graph *graph, const struct mer_ast_document *doc,
                                         uint32_t max_fields, struct mer_budget *budget,
                                         struct mer_diag *diag)
{
    struct mer_arena *a = scratch;
    struct mer_selector *s = MER_NEW(a, struct mer_selector);
    *s = (struct mer_selector){
        .a = a, .keep = keep, .graph = graph, .doc = doc, .diag = diag, .max_fields = max_fields};
    s->fields_left = max_fields;
    s->budget = budget;
    mer_buf_init(&s->name, a, 1024);
    mer_buf_init(&s->answers, a, 1024);
    s->grouping = (struct grouping){.s = s, .collector = {.s = s}};
    mer_map_init(&s->grouping.units_by, a);
    mer_map_init(&s->grouping.groups_by, a);
    mer_map_init(&s->grouping.collector.by_key, a);
    mer_map_init(&s->type_sets, a);
    mer_map_init(&s->walks, a);
    mer_map_init(&s->flats, a);
    for (uint32_t i = 0; i < graph->sources_n; i++) {
        s->rows = s->rows || graph->sources[i].rows;
    }
    s->defers = mer_defers_create(keep, a, doc);
    mer_map_init(&s->texts, a);
    mer_map_init(&s->set_ids, a);
    mer_map_init(&s->asks, a);
    mer_map_init(&s->questions, a);
    mer_map_init(&s->answerers, a);
    mer_map_init(&s->conditions, a);
    return s;
}

// ---- one name for what is equal ----

uintptr_t select_number_of(struct mer_selector *s, struct mer_slice text)
{
    uintptr_t id = (uintptr_t)mer_map_get(&s->texts, text);
    if (!id) {
        id = s->texts.count + 1;
        mer_map_add(&s->texts, mer_arena_copy(s->a, text), (void *)id);
    }
    return id;
}

struct mer_slice select_address(struct mer_selector *s, const void *p)
{
    const void **kept = MER_NEW(s->a, const void *);
    *kept = p;
    return mer_slice_make((const char *)kept, sizeof(p));
}

static void write_selection(struct mer_selector *s, struct mer_buf *b, const struct mer_ast_selection *sel)
{
    select_put(b, (uintptr_t)sel->kind);
    select_put_text(b, sel->alias);
    select_put_text(b, sel->name);
    select_put_text(b, sel->condition);
    if (sel->arguments_n) {
        mer_print_arguments_min(b, sel->arguments, sel->arguments_n);
    }
    if (sel->directives.n) {
        mer_print_directives_min(b, &sel->directives);
    }
    select_put(b, sel->selections ? select_set_id(s, sel->selections) : 0);
}

// Fragments are of one document, so a spread's name stands for its content.
uintptr_t select_set_id(struct mer_selector *s, const struct mer_ast_selection_set *set)
{
    struct mer_slice at = mer_slice_make((const char *)&set, sizeof(set));
    uintptr_t id = (uintptr_t)mer_map_get(&s->set_ids, at);
    if (id) {
        return id;
    }
    struct mer_buf b;
    mer_buf_init(&b, s->a, 128);
    for (uint32_t i = 0; i < set->n; i++) {
        write_selection(s, &b, set->items[i]);
    }
    id = select_number_of(s, mer_buf_slice(&b));
    mer_map_add(&s->set_ids, select_address(s, set), (void *)id);
    return id;
}

const struct mer_ask *mer_ask_of(struct mer_selector *s, const struct mer_ask_set *sets, uint32_t n)
{
    struct mer_buf *b = &s->name;
    mer_buf_clear(b);
    for (uint32_t i = 0; i < n; i++) { // conditions are interned: an address is a name
        select_put(b, select_set_id(s, sets[i].set));
        select_put(b, (uintptr_t)sets[i].condition);
        select_put(b, sets[i].ours);
        if (s->defers) {
            select_put(b, (uintptr_t)sets[i].deferral);
        }
    }
    struct mer_ask *ask = mer_map_get(&s->asks, mer_buf_slice(b));
    if (ask) {
        return ask;
    }
    ask = MER_NEW(s->a, struct mer_ask);
    struct mer_ask_set *copy = MER_NEW_N(s->a, struct mer_ask_set, n + 1);
    if (n) {
        memcpy(copy, sets, n * sizeof(*copy));
    }
    *ask = (struct mer_ask){s->asks_n++, copy, n};
    mer_map_add(&s->asks, mer_arena_copy(s->a, mer_buf_slice(b)), ask);
    return ask;
}

// ---- grouping types into units ----

struct unit_guards {
    struct mer_guards type, field;
};

// What a field of that type is guarded by: as a field, and because of the type of the object that has it.
static struct unit_guards guards_of(const struct mer_selector *s, const struct collected *col,
                                    const struct mer_type *type)
{
    struct unit_guards g = {0};
    const struct mer_fed_type *t = mer_fed_type(s->graph->federation, type);
    if (col->clients && s->graph->federation->guards_n && col->answerers) {
        g.type = t->guards;
        g.field = col->field->parent == type && t->fields ? t->fields[col->field->index].guards : g.field;
    }
    return g;
}

static void put_guards(struct mer_buf *b, const struct mer_guards *g)
{
    select_put(b, g->n);
    for (uint32_t i = 0; i < g->n; i++) {
        select_put(b, g->items[i]);
    }
}

// Each chain, with guards before it.
static struct mer_kept_if guarded_by(struct mer_selector *s, const struct mer_kept_if *kept,
                                     const struct mer_guards *guards)
{
    if (guards->n == 0) {
        return *kept;
    }
    struct mer_kept_if out = {MER_NEW_N(s->keep, const struct mer_condition *, kept->n + 1), 0};
    for (uint32_t i = 0; i == 0 || i < kept->n; i++) {
        const struct mer_condition *chain = kept->n ? kept->items[i] : NULL;
        for (uint32_t g = 0; g < guards->n; g++) {
            struct mer_condition *c = MER_NEW(s->keep, struct mer_condition);
            *c = (struct mer_condition){.outer = chain, .guard = guards->items[g] + 1};
            chain = c;
        }
        out.items[out.n++] = chain;
    }
    return out;
}

static bool is_root(const struct mer_selector *s, const struct mer_type *t)
{
    const struct mer_type *const *roots = s->graph->types->roots;
    return t == roots[MER_OP_QUERY] || t == roots[MER_OP_MUTATION] || t == roots[MER_OP_SUBSCRIPTION];
}

// Objects of a guarded type are null as a whole; of a root type, each of its fields is.
static void guard_unit(struct mer_selector *s, struct mer_unit *u, const struct collected *col,
                       const struct mer_type *type)
{
    struct unit_guards g = guards_of(s, col, type);
    struct mer_guards all = mer_guards_join(s->keep, &g.type, &g.field);
    u->guards = is_root(s, type) ? all : g.field;
    u->asked_if = guarded_by(s, &u->kept_if, &all);
}

static struct mer_slice unit_text(struct mer_selector *s, const struct collected *col,
                                  const struct mer_type *type, const struct mer_ask *sub, bool unasked)
{
    struct mer_buf *b = &s->name;
    mer_buf_clear(b);
    select_put_text(b, col->key);
    select_put_text(b, col->field->name);
    select_put(b, sub ? sub->id + 1 : 0);
    select_put(b, col->answerers ? col->answerers->id : 0);
    for (uint32_t i = 0; i < col->kept_if_n; i++) {
        select_put(b, (uintptr_t)col->kept_if[i]);
    }
    for (uint32_t i = 0; i < col->said.n; i++) {
        select_put(b, (uintptr_t)col->said.items[i].condition);
        select_put(b, (uintptr_t)col->said.items[i].deferral);
    }
    select_put(b, col->said.n);
    select_put(b, s->rows ? type->index + 1 : 0);
    select_put(b, unasked);
    struct unit_guards g = guards_of(s, col, type);
    put_guards(b, &g.type);
    put_guards(b, &g.field);
    if (col->ast->arguments_n) {
        mer_print_arguments_min(b, col->ast->arguments, col->ast->arguments_n);
    }
    return mer_buf_slice(b);
}

static void add_type(struct mer_arena *a, struct mer_types *to, const struct mer_type *t)
{
    if ((to->n & (to->n - 1)) == 0) { // its room is the next power of two
        const struct mer_type **grown = mer_arena_alloc(a, (to->n ? 2 * to->n : 1) * sizeof(*grown));
        if (to->n) {
            memcpy(grown, to->items, to->n * sizeof(*grown));
        }
        to->items = grown;
    }
    to->items[to->n++] = t;
}

static uint32_t unit_index(struct grouping *g, const struct collected *col, const struct mer_type *type)
{
    struct mer_arena *a = g->s->a;
    const struct mer_ask *sub = col->sub_n ? mer_ask_of(g->s, col->sub, col->sub_n) : NULL;
    bool unasked = !mer_types_hold(g->askable, type) && col->answerers;
    struct mer_slice text = unit_text(g->s, col, type, sub, unasked);
    uintptr_t at = (uintptr_t)mer_map_get(&g->units_by, text);
    if (!at) {
        struct mer_asked *q = g->asked;
        if (q->units_n == g->units_cap) {
            g->units_cap = g->units_cap ? g->units_cap * 2 : 8;
            struct mer_unit *grown = MER_NEW_N(a, struct mer_unit, g->units_cap);
            if (q->units_n) {
                memcpy(grown, g->units, q->units_n * sizeof(*grown));
            }
            g->units = grown;
        }
        g->units[q->units_n] = (struct mer_unit){.key = col->key,
                                                 .field = col->field,
                                                 .ast = col->ast,
                                                 .kept_if = {col->kept_if, col->kept_if_n},
                                                 .said = col->said,
                                                 .unasked = unasked,
                                                 .sub = sub,
                                                 .index = q->units_n,
                                                 .answerers = col->answerers};
        text = mer_arena_copy(a, text);
        guard_unit(g->s, &g->units[q->units_n], col, type);
        at = ++q->units_n;
        mer_map_add(&g->units_by, text, (void *)at);
    }
    add_type(a, &g->units[at - 1].on, type);
    return (uint32_t)at - 1;
}

static struct mer_slice group_text(struct mer_selector *s, const uint32_t *units, uint32_t n,
                                   const struct mer_guards *guards)
{
    struct mer_buf *b = &s->name;
    mer_buf_clear(b);
    mer_buf_add(b, mer_slice_make((const char *)units, n * sizeof(*units)));
    if (guards->n) {
        mer_buf_add(b, MER_S("guarded "));
        put_guards(b, guards);
    }
    return mer_buf_slice(b);
}

static void group_type(struct grouping *g, struct collector *k)
{
    struct mer_arena *a = g->s->a;
    if (k->n > k->units_cap) {
        k->units_cap = k->cap;
        k->units = mer_arena_alloc(a, k->cap * sizeof(*k->units));
    }
    for (uint32_t i = 0; i < k->n; i++) {
        k->units[i] = unit_index(g, &k->items[i], k->type);
    }
    struct mer_guards guards = {0};
    for (uint32_t i = 0; i < k->n && guards.n == 0; i++) {
        guards = k->items[i].clients ? mer_fed_type(g->s->graph->federation, k->type)->guards : guards;
    }
    struct mer_slice text = group_text(g->s, k->units, k->n, &guards);
    uintptr_t at = (uintptr_t)mer_map_get(&g->groups_by, text);
    struct mer_asked *q = g->asked;
    if (!at) {
        if (q->groups_n == g->groups_cap) {
            g->groups_cap = g->groups_cap ? g->groups_cap * 2 : 4;
            struct mer_asked_group *grown = MER_NEW_N(a, struct mer_asked_group, g->groups_cap);
            if (q->groups_n) {
                memcpy(grown, g->groups, q->groups_n * sizeof(*grown));
            }
            g->groups = grown;
        }
        text = mer_arena_copy(a, text);
        uint32_t *units = MER_NEW_N(a, uint32_t, k->n + 1);
        if (k->n) {
            memcpy(units, k->units, k->n * sizeof(*units));
        }
        g->groups[q->groups_n] = (struct mer_asked_group){.guards = guards, .units = units, .units_n = k->n};
        at = ++q->groups_n;
        mer_map_add(&g->groups_by, text, (void *)at);
    }
    add_type(a, &g->groups[at - 1].types, k->type);
}

static void put_types(struct mer_buf *b, const struct mer_types *possible, const struct mer_types *askable)
{
    for (uint32_t i = 0; i < possible->n; i++) {
        select_put(b, possible->items[i]->index * 2u + mer_types_hold(askable, possible->items[i]));
    }
}

// Of many types, which most questions share. A list of them lives as long as we and stays as it is.
static uintptr_t types_id(struct mer_selector *s, const struct mer_types *possible,
                          const struct mer_types *askable)
{
    uintptr_t at[4] = {(uintptr_t)possible->items, possible->n, (uintptr_t)askable->items, askable->n};
    struct mer_slice name = mer_slice_make((const char *)at, sizeof(at));
    uintptr_t id = (uintptr_t)mer_map_get(&s->type_sets, name);
    if (!id) {
        mer_buf_clear(&s->name);
        put_types(&s->name, possible, askable);
        id = select_number_of(s, mer_buf_slice(&s->name));
        mer_map_add(&s->type_sets, mer_arena_copy(s->a, name), (void *)id);
    }
    return id;
}

#define TYPES_FEW 4u // that are told one by one

static struct mer_slice question_text(struct mer_selector *s, const struct mer_ask *ask,
                                      const struct mer_type *declared, const struct mer_types *possible,
                                      const struct mer_types *askable)
{
    uintptr_t many = possible->n > TYPES_FEW ? types_id(s, possible, askable) : 0;
    struct mer_buf *b = &s->name;
    mer_buf_clear(b);
    select_put(b, ask->id);
    select_put(b, declared->index);
    select_put(b, many);
    if (!many) {
        put_types(b, possible, askable);
    }
    return mer_buf_slice(b);
}

enum mer_err mer_asked_of(struct mer_selector *s, const struct mer_ask *ask, const struct mer_type *declared,
                          const struct mer_types *possible, const struct mer_types *askable,
                          const struct mer_asked **out)
{
    struct mer_slice text = question_text(s, ask, declared, possible, askable);
    *out = mer_map_get(&s->questions, text);
    if (*out) {
        return MER_OK;
    }
    text = mer_arena_copy(s->a, text);
    struct mer_asked *q = MER_NEW(s->a, struct mer_asked);
    *q = (struct mer_asked){.id = s->questions_n++, .declared = declared, .possible = *possible};
    struct grouping *g = &s->grouping;
    g->asked = q;
    g->askable = askable;
    mer_map_clear(&g->units_by);
    mer_map_clear(&g->groups_by);
    for (uint32_t i = 0; i < possible->n; i++) {
        g->collector.type = possible->items[i];
        enum mer_err err = select_collect(&g->collector, ask);
        if (err) {
            return err;
        }
        group_type(g, &g->collector);
    }
    q->units = MER_NEW_N(s->a, struct mer_unit, q->units_n + 1);
    q->groups = MER_NEW_N(s->a, struct mer_asked_group, q->groups_n + 1);
    if (q->units_n) {
        memcpy(q->units, g->units, q->units_n * sizeof(*q->units));
    }
    if (q->groups_n) {
        memcpy(q->groups, g->groups, q->groups_n * sizeof(*q->groups));
    }
    mer_map_add(&s->questions, text, q);
    *out = q;
    return MER_OK;
}

// ---- @provides ----

static void gather_below(const struct mer_selector *s, const struct mer_ast_selection_set *set,
                         const struct mer_type *on, struct mer_slice name, struct mer_ask_set *out,
                         uint32_t *n, uint32_t max)
{
    for (uint32_t i = 0; i < set->n && *n < max; i++) {
        const struct mer_ast_selection *sel = set->items[i];
        const struct mer_type *cond = NULL;
        if (sel->kind != MER_SEL_FIELD) {
            const struct mer_ast_selection_set *inner = select_inside(s, sel, &cond);
            if (inner && (!cond || mer_type_covers(cond, on))) {
                gather_below(s, inner, on, name, out, n, max);
            }
        } else if (mer_slice_eq(sel->name, name)) {
            out[(*n)++] = (struct mer_ask_set){sel->selections ? sel->selections : set, NULL, true, NULL};
        }
    }
}

#define PROVIDES_MAX 16u // sets that say something about one field

static uint32_t sets_below(const struct mer_selector *s, const struct mer_ask *ask, const struct mer_type *on,
                           struct mer_slice name, struct mer_ask_set *out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; ask && i < ask->sets_n; i++) {
        gather_below(s, ask->sets[i].set, on, name, out, &n, PROVIDES_MAX);
    }
    return n;
}

bool mer_ask_names(const struct mer_selector *s, const struct mer_ask *ask, const struct mer_type *on,
                   struct mer_slice name)
{
    struct mer_ask_set found[PROVIDES_MAX];
    return sets_below(s, ask, on, name, found) > 0;
}

const struct mer_ask *mer_ask_below(struct mer_selector *s, const struct mer_ask *ask,
                                    const struct mer_type *on, struct mer_slice name,
                                    const struct mer_ast_selection_set *more)
{
    struct mer_ask_set found[PROVIDES_MAX + 1];
    uint32_t n = sets_below(s, ask, on, name, found);
    if (more) {
        found[n++] = (struct mer_ask_set){more, NULL, true, NULL};
    }
    return n ? mer_ask_of(s, found, n) : NULL;
}
