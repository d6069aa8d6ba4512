// SPDX-License-Identifier: MIT
#include "planner/choose.h"

#include "planner/rows.h"
#include "schema/printer.h"

// Ways that are tried for one operation. Whoever needs more gets the first way that works wherever he is
// then, which is polynomial without a search, and still a right plan.
#define TRIALS_MAX 20000u
// Ways that are tried for one field: those that can answer most of what is asked below it.
#define WAYS_MAX 6u

struct mer_chooser {
    struct mer_arena *a;
    struct mer_arena *trials; // states to go back to: a stack
    uint32_t trials_left;
    const struct mer_graph *graph;
    struct mer_selector *selector;
    const uint64_t *labels_on;
    uint64_t *labels_seen;
    enum mer_operation_kind kind;
    struct mer_map solutions; // state's text → struct memo *
    struct mer_map possible;  // type of a source (its address) → struct mer_types *
    enum mer_err limit;       // sticky
};

struct memo {
    const struct mer_solution *solution; // NULL: none, or still being looked for
    const struct mer_unit *missing;
};

// A solution while it is made. Copied to try something and copied back, so lists are never changed in place.
struct build {
    struct mer_chooser *c;
    const struct mer_asked *asked;
    const struct mer_home *homes;
    uint32_t homes_n;
    struct mer_facet *facets;
    uint32_t facets_n, facets_cap;
    uint32_t sub_fetches;
    uint32_t leaves, late; // fields placed, and those of them that need another fetch first
    uint32_t entering[8];  // sources being entered: they cannot tell what it takes to enter them
    uint32_t entering_n;
    uint32_t *answers;  // by source: how many units it could answer
    bool types_unknown; // objects are told by their interface alone, and that will do
};

struct saved {
    struct mer_facet *facets;
    uint32_t facets_n, sub_fetches, leaves, late;
};

// Fewest dependent steps, then fewest fetches, then least asked late, then the source that can answer most of
// what is asked here.
struct cost {
    uint32_t depth, fetches, late, elsewhere;
};

static bool has_directive(const struct mer_ast_directives *ds, const char *name)
{
    return mer_ast_directive_find(ds, mer_slice_of(name)) != NULL;
}

bool mer_unit_is_meta(const struct mer_graph *g, const struct mer_unit *u)
{
    const struct mer_field *f = u->field;
    return f == g->api->typename_field || f == g->types->typename_field || f == g->api->schema_field ||
           f == g->api->type_field || f == g->types->schema_field || f == g->types->type_field ||
           (g->sdl.n && f->parent == g->types->roots[MER_OP_QUERY] && mer_slice_is(f->name, "_service"));
}

bool mer_field_is_leaf(const struct mer_field *f)
{
    return !mer_type_is_composite(f->type.type) || has_directive(&f->type.type->directives, "hole");
}

const struct mer_types *mer_choose_possible(struct mer_chooser *c, const struct mer_type *t)
{
    struct mer_types *set = mer_map_get(&c->possible, mer_slice_make((const char *)&t, sizeof(t)));
    if (set) {
        return set;
    }
    set = MER_NEW(c->a, struct mer_types);
    const struct mer_type *whole = mer_schema_type(c->graph->types, t->name);
    bool by_interface = t->kind == MER_TYPE_OBJECT && whole && whole->kind != MER_TYPE_OBJECT;
    const struct mer_type *of = by_interface ? whole : t;
    set->items = MER_NEW_N(c->a, const struct mer_type *, of->possible_n + 1);
    for (uint32_t i = 0; i < of->possible_n; i++) {
        const struct mer_type *p = mer_schema_type(c->graph->types, of->possible[i]->name);
        if (p) {
            set->items[set->n++] = p;
        }
    }
    if (of->possible_n == 0 && whole && whole->kind == MER_TYPE_INTERFACE) {
        set->items[set->n++] = whole; // nothing implements it: it speaks for itself
    }
    const struct mer_type **key = MER_NEW(c->a, const struct mer_type *);
    *key = t;
    mer_map_add(&c->possible, mer_slice_make((const char *)key, sizeof(t)), set);
    return set;
}

// ---- trying and taking back ----

static struct saved save(const struct build *b)
{
    struct saved s = {NULL, b->facets_n, b->sub_fetches, b->leaves, b->late};
    s.facets = mer_arena_alloc(b->c->trials, (b->facets_n + 1) * sizeof(struct mer_facet));
    if (b->facets_n) {
        memcpy(s.facets, b->facets, b->facets_n * sizeof(*s.facets));
    }
    return s;
}

static void restore(struct build *b, const struct saved *s)
{
    if (s->facets_n) {
        memcpy(b->facets, s->facets, s->facets_n * sizeof(*s->facets));
    }
    b->facets_n = s->facets_n;
    b->sub_fetches = s->sub_fetches;
    b->leaves = s->leaves;
    b->late = s->late;
}

static struct cost cost_of(const struct build *b)
{
    struct cost c = {0, b->sub_fetches, b->late, 0};
    for (uint32_t i = 0; i < b->facets_n; i++) {
        uint32_t depth = b->facets[i].depth + b->facets[i].below;
        c.depth = depth > c.depth ? depth : c.depth;
        c.fetches += !b->facets[i].home;
    }
    return c;
}

static bool cheaper(struct cost x, struct cost y)
{
    if (x.depth != y.depth) {
        return x.depth < y.depth;
    }
    if (x.fetches != y.fetches) {
        return x.fetches < y.fetches;
    }
    return x.late != y.late ? x.late < y.late : x.elsewhere < y.elsewhere;
}

// ---- who depends on whom ----

static bool depends_on(const struct build *b, uint32_t facet, uint32_t on);

static bool choice_depends(const struct build *b, const struct mer_choice *ch, uint32_t on)
{
    for (uint32_t i = 0; i < ch->facets_n; i++) {
        if (ch->facets[i] == on || depends_on(b, ch->facets[i], on)) {
            return true;
        }
    }
    return false;
}

static bool depends_on(const struct build *b, uint32_t facet, uint32_t on)
{
    const struct mer_facet *f = &b->facets[facet];
    for (uint32_t i = 0; i < f->needs_n; i++) {
        for (uint32_t k = 0; k < f->needs[i].asked->units_n; k++) {
            if (choice_depends(b, &f->needs[i].choices[k], on)) {
                return true;
            }
        }
    }
    return false;
}

static bool has_dependents(const struct build *b, uint32_t facet)
{
    for (uint32_t i = 0; i < b->facets_n; i++) {
        if (i != facet && depends_on(b, i, facet)) {
            return true;
        }
    }
    return false;
}

// How many fetches it takes until a choice's values are known.
static uint32_t known_at(const struct build *b, const struct mer_choice *ch)
{
    uint32_t depth = 0;
    for (uint32_t i = 0; i < ch->facets_n; i++) {
        uint32_t d = b->facets[ch->facets[i]].depth;
        depth = d > depth ? d : depth;
    }
    return depth + (ch->sub ? ch->sub->depth : 0);
}

static uint32_t need_known_at(const struct build *b, const struct mer_need *n)
{
    uint32_t depth = 0;
    for (uint32_t i = 0; i < n->asked->units_n; i++) {
        uint32_t d = known_at(b, &n->choices[i]);
        depth = d > depth ? d : depth;
    }
    return depth;
}

// ---- facets ----

static bool place_unit(struct build *b, const struct mer_unit *u, struct mer_choice *out);

static uint32_t add_facet(struct build *b, const struct mer_facet *f)
{
    if (b->facets_n == b->facets_cap) {
        b->facets_cap = b->facets_cap ? b->facets_cap * 2 : 8;
        struct mer_facet *grown = MER_NEW_N(b->c->a, struct mer_facet, b->facets_cap);
        if (b->facets_n) {
            memcpy(grown, b->facets, b->facets_n * sizeof(*grown));
        }
        b->facets = grown;
    }
    b->facets[b->facets_n] = *f;
    return b->facets_n++;
}

static void add_need(struct build *b, uint32_t facet, const struct mer_need *need)
{
    struct mer_facet *f = &b->facets[facet];
    struct mer_need *grown = MER_NEW_N(b->c->a, struct mer_need, f->needs_n + 1);
    if (f->needs_n) {
        memcpy(grown, f->needs, f->needs_n * sizeof(*grown));
    }
    grown[f->needs_n++] = *need;
    f->needs = grown;
    uint32_t at = need_known_at(b, need) + 1;
    f->depth = at > f->depth ? at : f->depth;
}

static bool is_entering(const struct build *b, uint32_t source)
{
    for (uint32_t i = 0; i < b->entering_n; i++) {
        if (b->entering[i] == source) {
            return true;
        }
    }
    return false;
}

// Places what a selection asks of some types, for a source that is not entered yet.
static bool place_need(struct build *b, const struct mer_ast_selection_set *set,
                       const struct mer_type *declared, const struct mer_types *on, uint32_t source,
                       struct mer_need *out)
{
    struct mer_chooser *c = b->c;
    struct mer_ask_set one = {set, NULL, true};
    if (b->entering_n == sizeof(b->entering) / sizeof(b->entering[0])) {
        return false;
    }
    struct mer_types all = {0};
    enum mer_err err =
        mer_asked_of(c->selector, mer_ask_of(c->selector, &one, 1), declared, on, &all, &out->asked);
    if (err) {
        c->limit = err;
        return false;
    }
    out->on = *on;
    out->choices = MER_NEW_N(c->a, struct mer_choice, out->asked->units_n + 1);
    b->entering[b->entering_n++] = source;
    bool ok = true;
    for (uint32_t i = 0; i < out->asked->units_n && ok; i++) {
        ok = mer_unit_is_meta(c->graph, &out->asked->units[i]) ||
             place_unit(b, &out->asked->units[i], &out->choices[i]);
    }
    b->entering_n--;
    return ok;
}

static const struct mer_fed_type_in *type_in(const struct build *b, const struct mer_facet *f,
                                             const struct mer_type *t)
{
    return &mer_fed_type(b->c->graph->federation, f->as      ? f->as
                                                  : f->typed ? b->asked->declared
                                                             : t)
                ->in[f->source];
}

static bool same_keys(const struct mer_fed_type_in *x, const struct mer_fed_type_in *y)
{
    for (uint32_t i = 0; x->keys_n == y->keys_n && i < x->keys_n; i++) {
        if (x->keys[i].resolvable != y->keys[i].resolvable ||
            !mer_slice_eq(x->keys[i].text, y->keys[i].text)) {
            return false;
        }
    }
    return x->keys_n == y->keys_n;
}

// The key by which the facet is known soonest.
static bool add_key(struct build *b, uint32_t facet, const struct mer_types *on)
{
    const struct mer_fed_type_in *in = type_in(b, &b->facets[facet], on->items[0]);
    const struct mer_type *declared = b->facets[facet].as ? b->facets[facet].as : on->items[0];
    if (in->keys_n == 1) {
        struct mer_need need = {.key = true};
        if (!in->type || !in->keys[0].resolvable ||
            !place_need(b, in->keys[0].fields, declared, on, b->facets[facet].source, &need)) {
            return false;
        }
        add_need(b, facet, &need);
        return true;
    }
    struct mer_arena_mark mark = mer_arena_mark(b->c->trials);
    struct saved before = save(b), best_state = {0};
    struct cost best = {UINT32_MAX, UINT32_MAX, 0, 0};
    for (uint32_t i = 0; i < in->keys_n; i++) {
        struct mer_need need = {.key = true};
        if (!in->type || !in->keys[i].resolvable ||
            !place_need(b, in->keys[i].fields, declared, on, b->facets[facet].source, &need)) {
            restore(b, &before);
            continue;
        }
        add_need(b, facet, &need);
        struct cost cost = cost_of(b);
        if (cheaper(cost, best)) {
            best = cost;
            best_state = save(b);
        }
        restore(b, &before);
    }
    if (best.depth != UINT32_MAX) {
        restore(b, &best_state);
    }
    mer_arena_rewind(b->c->trials, mark);
    return best.depth != UINT32_MAX;
}

static void mark_keyed(struct build *b, uint32_t facet, const struct mer_types *on)
{
    struct mer_facet *f = &b->facets[facet];
    const struct mer_type **grown = MER_NEW_N(b->c->a, const struct mer_type *, f->keyed.n + on->n);
    if (f->keyed.n) {
        memcpy(grown, f->keyed.items, f->keyed.n * sizeof(*grown));
    }
    memcpy(grown + f->keyed.n, on->items, on->n * sizeof(*grown));
    f->keyed = (struct mer_types){grown, f->keyed.n + on->n};
}

static bool is_keyed(const struct mer_facet *f, const struct mer_type *t)
{
    return f->keyed.n && mer_types_hold(&f->keyed, t);
}

// Makes objects of these types known to the facet: those with the same keys together.
static bool add_keys(struct build *b, uint32_t facet, const struct mer_types *on)
{
    const struct mer_type **left = MER_NEW_N(b->c->a, const struct mer_type *, on->n);
    uint32_t n = 0;
    for (uint32_t i = 0; i < on->n; i++) {
        if (!is_keyed(&b->facets[facet], on->items[i])) {
            left[n++] = on->items[i];
        }
    }
    while (n) {
        struct mer_types same = {MER_NEW_N(b->c->a, const struct mer_type *, n), 0};
        const struct mer_fed_type_in *first = type_in(b, &b->facets[facet], left[0]);
        uint32_t rest = 0;
        for (uint32_t i = 0; i < n; i++) {
            if (same_keys(first, type_in(b, &b->facets[facet], left[i]))) {
                same.items[same.n++] = left[i];
            } else {
                left[rest++] = left[i];
            }
        }
        n = rest;
        if (!add_key(b, facet, &same)) {
            return false;
        }
        mark_keyed(b, facet, &same);
    }
    return true;
}

static bool is_root_type(const struct build *b, const struct mer_types *on)
{
    const struct mer_schema *s = b->c->graph->types;
    return on->n == 1 &&
           (on->items[0] == s->roots[MER_OP_QUERY] || on->items[0] == s->roots[MER_OP_MUTATION] ||
            on->items[0] == s->roots[MER_OP_SUBSCRIPTION]);
}

static bool fits(const struct build *b, const struct mer_facet *f, const struct mer_facet *want)
{
    return !f->home && !f->alone && f->source == want->source && f->as == want->as &&
           f->resident == want->resident && f->root == want->root && b->homes_n + 1 > 0;
}

// A facet of that kind in which objects of these types are known; -1: there is no way.
static int64_t enter(struct build *b, const struct mer_facet *want, const struct mer_types *on)
{
    if (is_entering(b, want->source)) {
        return -1;
    }
    for (uint32_t i = b->homes_n; i < b->facets_n && !want->alone; i++) {
        if (fits(b, &b->facets[i], want)) {
            return want->root || add_keys(b, i, on) ? (int64_t)i : -1;
        }
    }
    uint32_t at = add_facet(b, want);
    b->facets[at].depth = 1;
    return want->root || add_keys(b, at, on) ? (int64_t)at : -1;
}

// ---- fields that need others first ----

// What a field requires may be found by way of its own source: nobody is being entered. The bound on needs
// within needs ends a circle.
#define NOBODY UINT32_MAX

static bool same_question(struct mer_arena *a, const struct mer_unit *x, const struct mer_unit *y)
{
    struct mer_buf bx, by;
    mer_buf_init(&bx, a, 64);
    mer_buf_init(&by, a, 64);
    mer_print_arguments_min(&bx, x->ast->arguments, x->ast->arguments_n);
    mer_print_arguments_min(&by, y->ast->arguments, y->ast->arguments_n);
    return mer_slice_eq(mer_buf_slice(&bx), mer_buf_slice(&by)) && (!x->sub || x->sub == y->sub);
}

// One representation cannot tell a member in two ways: other arguments, or other fields below.
static bool contradicts(const struct build *b, const struct mer_facet *f, const struct mer_need *need)
{
    for (uint32_t i = 0; i < f->needs_n; i++) {
        for (uint32_t k = 0; k < f->needs[i].asked->units_n; k++) {
            for (uint32_t j = 0; j < need->asked->units_n; j++) {
                const struct mer_unit *x = &f->needs[i].asked->units[k], *y = &need->asked->units[j];
                if (mer_slice_eq(x->key, y->key) && !same_question(b->c->a, x, y)) {
                    return true;
                }
            }
        }
    }
    return false;
}

// Joins what the field requires to a facet that nobody waits for, else enters the source once more.
static int64_t enter_requiring(struct build *b, const struct mer_facet *want, const struct mer_unit *u,
                               const struct mer_fed_field_in *in)
{
    struct mer_need need = {0};
    const struct mer_type *declared = want->as ? want->as : u->on.items[0];
    if (is_entering(b, want->source) || !place_need(b, in->requires, declared, &u->on, NOBODY, &need)) {
        return -1;
    }
    for (uint32_t i = b->homes_n; i < b->facets_n; i++) {
        bool waits =
            !fits(b, &b->facets[i], want) || has_dependents(b, i) || contradicts(b, &b->facets[i], &need);
        for (uint32_t k = 0; k < need.asked->units_n && !waits; k++) {
            waits = choice_depends(b, &need.choices[k], i);
        }
        if (!waits && add_keys(b, i, &u->on)) {
            add_need(b, i, &need);
            return i;
        }
    }
    uint32_t at = add_facet(b, want);
    b->facets[at].depth = 1;
    if (!want->root && !add_keys(b, at, &u->on)) {
        return -1;
    }
    add_need(b, at, &need);
    return at;
}

// ---- one field in one source ----

static bool label_allows(const struct mer_chooser *c, const struct mer_fed_field_in *in)
{
    if (in->when == MER_FED_ALWAYS) {
        return true;
    }
    c->labels_seen[in->label / 64] |= UINT64_C(1) << (in->label % 64);
    bool on = c->labels_on && (c->labels_on[in->label / 64] >> (in->label % 64)) & 1u;
    return on == (in->when == MER_FED_LABEL_ON);
}

static bool is_resident(const struct mer_ast_directives *ds)
{
    return has_directive(ds, "resident");
}

// Rows that stay in their region are asked for apart from the rest of the object, so that they alone may
// fail.
static bool splits_off(const struct build *b, const struct mer_home *h, const struct mer_unit *u,
                       const struct mer_fed_field_in *in)
{
    const struct mer_graph *g = b->c->graph;
    return g->split_resident && g->sources[in->source].rows && !h->resident &&
           is_resident(&in->field->directives) && !is_resident(&in->field->parent->directives) &&
           mer_fed_has_key(g->federation, u->on.items[0], in->source);
}

static bool at_home(const struct build *b, const struct mer_home *h, const struct mer_unit *u,
                    const struct mer_candidate *cand)
{
    const struct mer_fed_field_in *in = cand->in;
    if (h->source != in->source || h->untyped != (cand->as != NULL) ||
        (h->untyped && cand->as != b->asked->declared)) {
        return false;
    }
    if (!in->key && !label_allows(b->c, in)) {
        return false;
    }
    if (h->keys_only) {
        return in->key || !mer_fed_has_key(b->c->graph->federation, u->on.items[0], in->source);
    }
    bool provided = h->provides != NULL;
    for (uint32_t i = 0; i < u->on.n && provided; i++) {
        provided = mer_ask_names(b->c->selector, h->provides, u->on.items[i], in->field->name);
    }
    return provided || (!in->external && !in->requires && !splits_off(b, h, u, in));
}

static int64_t facet_of(struct build *b, const struct mer_unit *u, const struct mer_candidate *cand)
{
    const struct mer_fed_field_in *in = cand->in;
    for (uint32_t i = 0; i < b->homes_n; i++) {
        if (at_home(b, &b->homes[i], u, cand)) {
            return i;
        }
    }
    if (in->external || !label_allows(b->c, in) || (b->types_unknown && cand->as != b->asked->declared)) {
        return -1;
    }
    const struct mer_source *s = &b->c->graph->sources[in->source];
    struct mer_facet want = {
        .source = in->source,
        .as = cand->as,
        .root = is_root_type(b, &u->on),
        .resident = s->rows && is_resident(&in->field->directives),
    };
    want.alone = want.root && s->rows ? u : NULL;
    want.resident = want.resident && !want.root;
    return in->requires ? enter_requiring(b, &want, u, in) : enter(b, &want, &u->on);
}

static bool reached(const uint64_t *reach, uint32_t source)
{
    return (reach[source / 64] >> (source % 64)) & 1u;
}

// The sources from which the unit's value could be taken, whoever is asked in the end.
static const uint64_t *reach_below(struct mer_chooser *c, const struct mer_unit *u,
                                   const struct mer_fed_field_in *in, const struct mer_home *home, bool root)
{
    const struct mer_candidate *cands = NULL;
    uint32_t n = mer_unit_candidates(c->selector, u, &cands);
    uint64_t *reach = MER_NEW_N(c->a, uint64_t, c->graph->sources_n / 64 + 1);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t s = cands[i].in->source;
        bool there = root || (home && home->reach && reached(home->reach, s)) ||
                     mer_fed_has_key(c->graph->federation, u->on.items[0], s);
        if (s == in->source || (there && !cands[i].in->external)) {
            reach[s / 64] |= UINT64_C(1) << (s % 64);
        }
    }
    return reach;
}

// A union's members may differ between the sources that could be asked for it: what is asked of them must not
// depend on who is asked, so only members that all of them know are asked for fields.
static struct mer_types members_everywhere(struct mer_chooser *c, const struct mer_unit *u,
                                           const uint64_t *reach, const struct mer_types *own)
{
    const struct mer_candidate *cands = NULL;
    uint32_t n = mer_unit_candidates(c->selector, u, &cands);
    struct mer_types all = {MER_NEW_N(c->a, const struct mer_type *, own->n + 1), 0};
    for (uint32_t i = 0; i < own->n; i++) {
        bool everywhere = true;
        for (uint32_t k = 0; k < n && everywhere; k++) {
            const struct mer_type *t = cands[k].in->field->type.type;
            everywhere = !reached(reach, cands[k].in->source) || t->kind == MER_TYPE_OBJECT ||
                         mer_types_hold(mer_choose_possible(c, t), own->items[i]);
        }
        if (everywhere) {
            all.items[all.n++] = own->items[i];
        }
    }
    return all;
}

enum mer_err mer_choose_below(struct mer_chooser *c, const struct mer_unit *u,
                              const struct mer_fed_field_in *in, const struct mer_home *home, bool root,
                              struct mer_home *below, const struct mer_asked **asked)
{
    const struct mer_graph *g = c->graph;
    const struct mer_type *declared = u->field->type.type, *own = in->field->type.type;
    bool given = root && g->sdl.n && mer_slice_is(in->field->name, "_entities");
    bool write = home ? home->write : root && c->kind == MER_OP_MUTATION && g->sources[in->source].rows;
    *below = (struct mer_home){
        .source = in->source,
        .provides = mer_ask_below(c->selector, home ? home->provides : NULL, u->on.items[0], in->field->name,
                                  in->provides),
        .reach = reach_below(c, u, in, home, root),
        .untyped = own->kind == MER_TYPE_OBJECT && declared->kind == MER_TYPE_INTERFACE &&
                   mer_fed_type(g->federation, declared)->in[in->source].interface_object,
        .write = write,
        .keys_only = given || (write && mer_fed_has_key(g->federation, declared, in->source)),
        .resident = (home && home->resident) || is_resident(&in->field->directives) ||
                    is_resident(&mer_rows_type(g->sources[in->source].schema, own)->directives),
    };
    struct mer_types askable = {0};
    if (declared->kind == MER_TYPE_UNION) {
        askable = members_everywhere(c, u, below->reach, mer_choose_possible(c, own));
    }
    return mer_asked_of(c->selector, u->sub, declared, mer_choose_possible(c, own), &askable, asked);
}

static void note_sub(struct build *b, uint32_t facet, const struct mer_solution *sub)
{
    uint32_t depth = sub->depth;
    b->facets[facet].below = depth > b->facets[facet].below ? depth : b->facets[facet].below;
    b->sub_fetches += sub->fetches;
}

static void note_leaves(struct build *b, const struct mer_choice *ch)
{
    const struct mer_facet *f = &b->facets[ch->facets[0]];
    uint32_t all = 1 + (ch->sub ? ch->sub->leaves : 0), late = ch->sub ? ch->sub->late : 0;
    b->leaves += all;
    b->late += f->home || (f->root && b->homes_n == 0) ? late : all;
}

static const struct mer_home *home_of(const struct build *b, uint32_t facet)
{
    return facet < b->homes_n ? &b->homes[facet] : NULL;
}

static bool try_candidate(struct build *b, const struct mer_unit *u, const struct mer_candidate *cand,
                          struct mer_choice *out)
{
    struct mer_chooser *c = b->c;
    int64_t facet = facet_of(b, u, cand);
    if (facet < 0) {
        return false;
    }
    out->facets = MER_NEW(c->a, uint32_t);
    out->facets[0] = (uint32_t)facet;
    out->facets_n = 1;
    out->in = MER_NEW(c->a, const struct mer_fed_field_in *);
    out->in[0] = cand->in;
    out->sub = NULL;
    if (!u->sub || mer_field_is_leaf(cand->in->field)) {
        note_leaves(b, out);
        return true;
    }
    struct mer_home below;
    const struct mer_asked *asked = NULL;
    bool root = b->facets[facet].root && !b->facets[facet].home;
    enum mer_err err = mer_choose_below(c, u, cand->in, home_of(b, (uint32_t)facet), root, &below, &asked);
    err = err ? err : mer_choose(c, asked, &below, 1, &out->sub, NULL);
    c->limit = err == MER_ERR_LIMIT ? err : c->limit;
    if (err) {
        return false;
    }
    note_sub(b, (uint32_t)facet, out->sub);
    note_leaves(b, out);
    return true;
}

// ---- what lies below ----

static const struct mer_asked *below_of(struct build *b, const struct mer_unit *u,
                                        const struct mer_candidate *cand)
{
    struct mer_home ignored;
    const struct mer_asked *asked = NULL;
    enum mer_err err = mer_choose_below(b->c, u, cand->in, NULL, false, &ignored, &asked);
    return err ? NULL : asked;
}

// Adds to `counts`, by source, who could answer the unit: each source once.
static void count_unit(const struct mer_chooser *c, const struct mer_unit *u, uint32_t *counts, uint32_t add)
{
    const struct mer_candidate *cands = NULL;
    uint32_t n = mer_unit_is_meta(c->graph, u) ? 0 : mer_unit_candidates(c->selector, u, &cands);
    for (uint32_t i = 0; i < n; i++) {
        bool told = cands[i].in->external;
        for (uint32_t k = 0; k < i && !told; k++) {
            told = cands[k].in->source == cands[i].in->source && !cands[k].in->external;
        }
        counts[cands[i].in->source] += told ? 0 : add;
    }
}

static bool answers(const struct mer_chooser *c, const struct mer_unit *u, uint32_t source)
{
    const struct mer_candidate *cands = NULL;
    uint32_t n = mer_unit_is_meta(c->graph, u) ? 0 : mer_unit_candidates(c->selector, u, &cands);
    for (uint32_t i = 0; i < n; i++) {
        if (cands[i].in->source == source && !cands[i].in->external) {
            return true;
        }
    }
    return false;
}

// How many units each source could answer.
static uint32_t *answered(const struct mer_chooser *c, const struct mer_asked *q)
{
    uint32_t *counts = MER_NEW_N(c->a, uint32_t, c->graph->sources_n + 1);
    for (uint32_t i = 0; i < q->units_n; i++) {
        count_unit(c, &q->units[i], counts, 1);
    }
    return counts;
}

// What the source answers nobody else adds any more.
static void note_answered(const struct mer_chooser *c, const struct mer_asked *q, uint32_t source,
                          bool *known, uint32_t *counts)
{
    for (uint32_t i = 0; i < q->units_n; i++) {
        if (!known[i] && answers(c, &q->units[i], source)) {
            known[i] = true;
            count_unit(c, &q->units[i], counts, UINT32_MAX); // one less
        }
    }
}

// ---- a value of several sources ----

// Enters the sources that `use` names (those open already, or all) and solves below them together.
static bool try_sources(struct build *b, const struct mer_unit *u, bool open_only, const bool *use,
                        struct mer_choice *out)
{
    struct mer_chooser *c = b->c;
    const struct mer_candidate *cands = NULL;
    uint32_t n = mer_unit_candidates(c->selector, u, &cands), used = 0;
    struct mer_home *homes = MER_NEW_N(c->a, struct mer_home, n + 1);
    const struct mer_asked *asked = NULL;
    out->facets = MER_NEW_N(c->a, uint32_t, n + 1);
    out->in = MER_NEW_N(c->a, const struct mer_fed_field_in *, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t before = b->facets_n;
        struct mer_arena_mark mark = mer_arena_mark(c->trials);
        struct saved state = save(b);
        const struct mer_asked *own = NULL;
        bool wanted = use[cands[i].in->source] && !cands[i].in->requires;
        int64_t facet = wanted ? facet_of(b, u, &cands[i]) : -1;
        bool usable = facet >= 0 && !(open_only && b->facets_n > before);
        if (!usable) {
            restore(b, &state);
        }
        mer_arena_rewind(c->trials, mark);
        if (!usable) {
            continue;
        }
        if (mer_choose_below(c, u, cands[i].in, home_of(b, (uint32_t)facet),
                             b->facets[facet].root && !b->facets[facet].home, &homes[used], &own)) {
            return false;
        }
        asked = asked && asked->possible.n >= own->possible.n ? asked : own;
        out->facets[used] = (uint32_t)facet;
        out->in[used++] = cands[i].in;
    }
    out->facets_n = used;
    return used > 1 && !mer_choose(c, asked, homes, used, &out->sub, NULL);
}

static void note_used(const struct mer_choice *ch, bool *used)
{
    for (uint32_t i = 0; i < ch->facets_n; i++) {
        used[ch->facets[i]] = true;
    }
}

// Which facets of the solution tell anything.
static void facets_used(const struct mer_solution *s, const struct mer_asked *asked, bool *used)
{
    for (uint32_t i = 0; i < asked->units_n; i++) {
        note_used(&s->choices[i], used);
    }
    for (uint32_t i = 0; i < s->facets_n; i++) {
        for (uint32_t k = 0; k < s->facets[i].needs_n; k++) {
            const struct mer_need *need = &s->facets[i].needs[k];
            for (uint32_t j = 0; j < need->asked->units_n; j++) {
                note_used(&need->choices[j], used);
            }
        }
    }
}

static bool is_open(const struct build *b, uint32_t source)
{
    for (uint32_t i = 0; i < b->facets_n; i++) {
        if (b->facets[i].source == source) {
            return true;
        }
    }
    return false;
}

// The sources that together know most of what is asked below the unit, each for what the others lack.
static void cover(struct build *b, const struct mer_unit *u, bool open_only, bool *use)
{
    struct mer_chooser *c = b->c;
    const struct mer_candidate *cands = NULL;
    uint32_t n = mer_unit_candidates(c->selector, u, &cands), gain = 1;
    const struct mer_asked *asked = below_of(b, u, &cands[0]);
    bool *known = MER_NEW_N(c->a, bool, asked ? asked->units_n + 1 : 1);
    uint32_t *counts = asked ? answered(c, asked) : NULL;
    while (asked && gain) {
        gain = 0;
        uint32_t best = 0;
        for (uint32_t i = 0; i < n; i++) {
            uint32_t s = cands[i].in->source;
            uint32_t adds = !use[s] && (!open_only || is_open(b, s)) ? counts[s] : 0;
            if (adds > gain) {
                gain = adds;
                best = s;
            }
        }
        if (gain) {
            use[best] = true;
            note_answered(c, asked, best, known, counts);
        }
    }
}

// Several sources tell of the same value, each its part: what one of them lacks another may know.
static bool try_together(struct build *b, const struct mer_unit *u, bool open_only, struct mer_choice *out)
{
    struct mer_chooser *c = b->c;
    struct saved before = save(b); // goes with the caller's mark
    bool *use = MER_NEW_N(c->a, bool, c->graph->sources_n + 1);
    cover(b, u, open_only, use);
    if (!try_sources(b, u, open_only, use, out)) {
        return false;
    }
    bool *used = MER_NEW_N(c->a, bool, out->sub->facets_n + 1);
    facets_used(out->sub, out->sub->asked, used);
    bool all = true;
    memset(use, 0, c->graph->sources_n);
    for (uint32_t i = 0; i < out->facets_n; i++) {
        use[out->in[i]->source] = used[i];
        all = all && used[i];
    }
    if (!all) {
        restore(b, &before);
        if (!try_sources(b, u, open_only, use, out)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < out->facets_n; i++) {
        note_sub(b, out->facets[i], out->sub);
        b->sub_fetches -= i ? out->sub->fetches : 0;
    }
    note_leaves(b, out);
    return true;
}

// ---- the best way for one field ----

struct best {
    struct cost cost;
    struct saved state;
    struct mer_choice choice;
};

static bool consider(struct build *b, const struct mer_choice *choice, struct best *best)
{
    struct cost cost = cost_of(b);
    if (choice->facets_n && choice->facets[0] >= b->homes_n && b->answers) {
        cost.elsewhere = b->asked->units_n - b->answers[b->facets[choice->facets[0]].source];
    }
    if (!cheaper(cost, best->cost)) {
        return false;
    }
    *best = (struct best){cost, save(b), *choice};
    return true;
}

static bool answers_openly(const struct build *b, const struct mer_unit *u, uint32_t facet,
                           const struct mer_candidate *cand)
{
    const struct mer_fed_field_in *in = cand->in;
    const struct mer_facet *f = &b->facets[facet];
    if (f->home) {
        return at_home(b, &b->homes[facet], u, cand);
    }
    bool known = f->source == in->source && f->as == cand->as && !f->root && !is_entering(b, in->source) &&
                 !in->external && !in->requires && label_allows(b->c, in) &&
                 !b->c->graph->sources[in->source].rows;
    for (uint32_t t = 0; t < u->on.n && known; t++) {
        known = is_keyed(f, u->on.items[t]);
    }
    return known;
}

// A leaf that a source can answer which brought the objects, or was entered: nothing is cheaper.
static bool place_open(struct build *b, const struct mer_unit *u, struct mer_choice *out)
{
    const struct mer_candidate *cands = NULL;
    uint32_t n = u->sub ? 0 : mer_unit_candidates(b->c->selector, u, &cands);
    for (uint32_t k = 0; k < b->facets_n && n; k++) {
        for (uint32_t i = 0; i < n; i++) {
            if (answers_openly(b, u, k, &cands[i])) {
                *out = (struct mer_choice){.facets_n = 1};
                out->facets = MER_NEW(b->c->a, uint32_t);
                out->facets[0] = k;
                out->in = MER_NEW(b->c->a, const struct mer_fed_field_in *);
                out->in[0] = cands[i].in;
                note_leaves(b, out);
                return true;
            }
        }
    }
    return false;
}

// The ways worth trying: all, or of many those at home, those entered already and those that know most below.
static uint32_t ways(struct build *b, const struct mer_unit *u, const struct mer_candidate **out)
{
    uint32_t n = mer_unit_candidates(b->c->selector, u, out);
    if (n <= WAYS_MAX) {
        return n;
    }
    struct mer_candidate *sorted = MER_NEW_N(b->c->a, struct mer_candidate, n);
    uint32_t *rank = MER_NEW_N(b->c->a, uint32_t, n);
    const struct mer_asked *below = u->sub ? below_of(b, u, *out) : NULL;
    const uint32_t *counts = below ? answered(b->c, below) : b->answers;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t s = (*out)[i].in->source;
        uint32_t r = 2 * (counts ? counts[s] : 0) + is_open(b, s);
        uint32_t at = i;
        for (; at > 0 && rank[at - 1] < r; at--) {
            rank[at] = rank[at - 1];
            sorted[at] = sorted[at - 1];
        }
        rank[at] = r;
        sorted[at] = (*out)[i];
    }
    *out = sorted;
    return n;
}

static void try_ways(struct build *b, const struct mer_unit *u, struct best *best)
{
    const struct mer_candidate *cands = NULL;
    uint32_t n = ways(b, u, &cands), tried = 0;
    struct saved before = save(b);
    for (uint32_t i = 0; i < n && !b->c->limit; i++) {
        struct mer_choice choice = {0};
        bool enough = tried >= WAYS_MAX || b->c->trials_left == 0;
        if (best->choice.facets_n && enough) {
            break;
        }
        b->c->trials_left -= b->c->trials_left > 0;
        if (try_candidate(b, u, &cands[i], &choice)) {
            tried++;
            consider(b, &choice, best);
        }
        restore(b, &before);
    }
    bool whole = best->choice.sub ? best->choice.sub->fetches == 0 : best->choice.facets_n > 0;
    whole = whole || (best->choice.facets_n && b->c->trials_left == 0);
    // Objects of several types come from one source: others might tell of other objects.
    bool one_type = u->field->type.type->kind == MER_TYPE_OBJECT;
    for (int open_only = 1; u->sub && one_type && n > 1 && !whole && open_only >= 0 && !b->c->limit;
         open_only--) {
        struct mer_choice choice = {0};
        if (try_together(b, u, open_only, &choice)) {
            consider(b, &choice, best);
        }
        restore(b, &before);
        whole = best->choice.facets_n > 0;
    }
}

static bool place_unit(struct build *b, const struct mer_unit *u, struct mer_choice *out)
{
    if (place_open(b, u, out)) {
        return true;
    }
    struct mer_arena_mark mark = mer_arena_mark(b->c->trials);
    struct best best = {.cost = {UINT32_MAX, UINT32_MAX, 0, 0}};
    try_ways(b, u, &best);
    if (best.choice.facets_n) {
        restore(b, &best.state);
        *out = best.choice;
    }
    mer_arena_rewind(b->c->trials, mark);
    return best.choice.facets_n > 0;
}

// ---- all fields of an object ----

enum pass { PASS_HOME = 0, PASS_ONE_WAY = 1, PASS_SEVERAL = 2, PASS_REQUIRING = 3, PASSES = 4 };

static bool home_answers(struct build *b, const struct mer_unit *u, struct mer_choice *out)
{
    const struct mer_candidate *cands = NULL;
    uint32_t n = mer_unit_candidates(b->c->selector, u, &cands);
    for (uint32_t h = 0; h < b->homes_n; h++) {
        for (uint32_t i = 0; i < n; i++) {
            if (!at_home(b, &b->homes[h], u, &cands[i])) {
                continue;
            }
            struct mer_arena_mark mark = mer_arena_mark(b->c->trials);
            struct saved before = save(b);
            bool whole = try_candidate(b, u, &cands[i], out) && (!out->sub || out->sub->fetches == 0);
            if (!whole) {
                restore(b, &before);
            }
            mer_arena_rewind(b->c->trials, mark);
            if (whole) {
                return true;
            }
        }
    }
    return false;
}

static enum pass pass_of(struct build *b, const struct mer_unit *u)
{
    const struct mer_candidate *cands = NULL;
    uint32_t n = mer_unit_candidates(b->c->selector, u, &cands), ways = 0;
    bool requiring = true;
    for (uint32_t i = 0; i < n; i++) {
        bool usable = !cands[i].in->external && label_allows(b->c, cands[i].in);
        ways += usable;
        requiring = requiring && (!usable || cands[i].in->requires);
    }
    return requiring ? PASS_REQUIRING : ways == 1 ? PASS_ONE_WAY : PASS_SEVERAL;
}

static void count_answers(struct build *b)
{
    b->answers = MER_NEW_N(b->c->a, uint32_t, b->c->graph->sources_n + 1);
    for (uint32_t i = 0; i < b->asked->units_n; i++) {
        const struct mer_candidate *cands = NULL;
        uint32_t n = mer_unit_is_meta(b->c->graph, &b->asked->units[i])
                         ? 0
                         : mer_unit_candidates(b->c->selector, &b->asked->units[i], &cands);
        for (uint32_t k = 0; k < n; k++) {
            b->answers[cands[k].in->source] += !cands[k].in->external;
        }
    }
}

static bool place_all(struct build *b, struct mer_choice *choices, const struct mer_unit **missing)
{
    const struct mer_asked *q = b->asked;
    uint8_t *pass = MER_NEW_N(b->c->a, uint8_t, q->units_n + 1);
    count_answers(b);
    for (uint32_t i = 0; i < q->units_n; i++) {
        const struct mer_unit *u = &q->units[i];
        pass[i] = PASSES;
        if (!u->unasked && !mer_unit_is_meta(b->c->graph, u) && !home_answers(b, u, &choices[i])) {
            pass[i] = (uint8_t)pass_of(b, u);
        }
    }
    for (int p = PASS_ONE_WAY; p < PASSES; p++) {
        for (uint32_t i = 0; i < q->units_n; i++) {
            if (pass[i] == p && !place_unit(b, &q->units[i], &choices[i])) {
                *missing = &q->units[i];
                return false;
            }
        }
    }
    return true;
}

// ---- objects known by their interface alone ----

// Can the unit be answered without knowing what the objects are?
static bool by_interface(const struct build *b, const struct mer_unit *u)
{
    const struct mer_candidate *cands = NULL;
    uint32_t n = mer_unit_candidates(b->c->selector, u, &cands);
    for (uint32_t i = 0; i < n; i++) {
        if (cands[i].as == b->asked->declared && !cands[i].in->external && !cands[i].in->requires) {
            return true;
        }
    }
    return false;
}

// Is the same asked of all types, though sources may know more of some?
static bool asks_all_alike(const struct mer_asked *q)
{
    for (uint32_t i = 1; i < q->groups_n; i++) {
        const struct mer_asked_group *x = &q->groups[0], *y = &q->groups[i];
        bool same = x->units_n == y->units_n;
        for (uint32_t k = 0; k < x->units_n && same; k++) {
            const struct mer_unit *ux = &q->units[x->units[k]], *uy = &q->units[y->units[k]];
            same = ux->ast == uy->ast && ux->sub == uy->sub && ux->kept_if.n == uy->kept_if.n;
        }
        if (!same) {
            return false;
        }
    }
    return true;
}

static bool asks_types(const struct build *b)
{
    const struct mer_asked *q = b->asked;
    for (uint32_t i = 0; i < q->units_n; i++) {
        if (mer_unit_is_meta(b->c->graph, &q->units[i]) || !by_interface(b, &q->units[i])) {
            return true;
        }
    }
    return !asks_all_alike(q);
}

// Enters a source that knows the interface as one, by the interface's key.
static bool learn_types(struct build *b, uint32_t *typed_by)
{
    const struct mer_fed_type *t = mer_fed_type(b->c->graph->federation, b->asked->declared);
    struct mer_arena_mark mark = mer_arena_mark(b->c->trials);
    struct saved before = save(b);
    struct best best = {.cost = {UINT32_MAX, UINT32_MAX, 0, 0}};
    for (uint32_t s = 0; s < b->c->graph->sources_n; s++) {
        const struct mer_fed_type_in *in = &t->in[s];
        if (!in->type || in->interface_object || !in->keys_n) {
            continue;
        }
        struct mer_facet want = {.source = s, .typed = true};
        struct mer_choice none = {0};
        int64_t at = enter(b, &want, &b->asked->possible);
        if (at >= 0 && consider(b, &none, &best)) {
            *typed_by = (uint32_t)at;
        }
        restore(b, &before);
    }
    if (best.cost.depth != UINT32_MAX) {
        restore(b, &best.state);
    }
    mer_arena_rewind(b->c->trials, mark);
    return best.cost.depth != UINT32_MAX;
}

// ---- face ----

static struct mer_slice state_text(struct mer_chooser *c, const struct mer_asked *asked,
                                   const struct mer_home *homes, uint32_t n)
{
    struct mer_buf b;
    mer_buf_init(&b, c->a, 32);
    uint32_t head[2] = {asked->id, n};
    mer_buf_add(&b, mer_slice_make((const char *)head, sizeof(head)));
    for (uint32_t i = 0; i < n; i++) {
        uint32_t flags = (uint32_t)homes[i].untyped | (uint32_t)homes[i].keys_only << 1 |
                         (uint32_t)homes[i].write << 2 | (uint32_t)homes[i].resident << 3;
        uint32_t own[3] = {homes[i].source, homes[i].provides ? homes[i].provides->id + 1 : 0, flags};
        mer_buf_add(&b, mer_slice_make((const char *)own, sizeof(own)));
        size_t words = homes[i].reach ? c->graph->sources_n / 64 + 1 : 0;
        mer_buf_add(&b, mer_slice_make((const char *)homes[i].reach, words * sizeof(uint64_t)));
    }
    return mer_buf_slice(&b);
}

static const struct mer_solution *solve(struct mer_chooser *c, const struct mer_asked *asked,
                                        const struct mer_home *homes, uint32_t n,
                                        const struct mer_unit **missing)
{
    struct build b = {.c = c, .asked = asked, .homes = homes, .homes_n = n};
    struct mer_solution *s = MER_NEW(c->a, struct mer_solution);
    for (uint32_t i = 0; i < n; i++) {
        struct mer_facet f = {.source = homes[i].source, .home = true};
        add_facet(&b, &f);
    }
    bool learn = n && homes[0].untyped && asks_types(&b);
    b.types_unknown = n && homes[0].untyped && !learn;
    if (learn && !learn_types(&b, &s->typed_by)) {
        *missing = asked->units;
        return NULL;
    }
    s->choices = MER_NEW_N(c->a, struct mer_choice, asked->units_n + 1);
    if (!place_all(&b, s->choices, missing)) {
        return NULL;
    }
    struct cost cost = cost_of(&b);
    s->asked = asked;
    s->depth = cost.depth;
    s->fetches = cost.fetches;
    s->leaves = b.leaves;
    s->late = b.late;
    s->facets = b.facets;
    s->facets_n = b.facets_n;
    return s;
}

enum mer_err mer_choose(struct mer_chooser *c, const struct mer_asked *asked, const struct mer_home *homes,
                        uint32_t homes_n, const struct mer_solution **out, const struct mer_unit **missing)
{
    struct mer_slice text = state_text(c, asked, homes, homes_n);
    struct memo *m = mer_map_get(&c->solutions, text);
    if (!m) {
        m = MER_NEW(c->a, struct memo);
        mer_map_add(&c->solutions, text, m); // found again while it is being made: a circle
        struct mer_home *kept = MER_NEW_N(c->a, struct mer_home, homes_n + 1);
        if (homes_n) {
            memcpy(kept, homes, homes_n * sizeof(*kept));
        }
        m->solution = solve(c, asked, kept, homes_n, &m->missing);
    }
    if (c->limit || mer_arena_exhausted(c->a)) {
        return MER_ERR_LIMIT;
    }
    *out = m->solution;
    if (missing) {
        *missing = m->missing;
    }
    return m->solution ? MER_OK : MER_ERR_INVALID;
}

struct mer_chooser *mer_chooser_create(struct mer_arena *a, struct mer_arena *trials,
                                       const struct mer_graph *graph, struct mer_selector *selector,
                                       const uint64_t *labels_on, enum mer_operation_kind kind)
{
    struct mer_chooser *c = MER_NEW(a, struct mer_chooser);
    *c = (struct mer_chooser){.a = a,
                              .trials = trials,
                              .trials_left = TRIALS_MAX,
                              .graph = graph,
                              .selector = selector,
                              .labels_on = labels_on,
                              .kind = kind};
    c->labels_seen = MER_NEW_N(a, uint64_t, graph->federation->labels_n / 64 + 1);
    mer_map_init(&c->solutions, a);
    mer_map_init(&c->possible, a);
    return c;
}

const uint64_t *mer_chooser_labels_seen(const struct mer_chooser *c)
{
    return c->labels_seen;
}
