// SPDX-License-Identifier: MIT
#include "planner/choose_priv.h"

// Ways that are tried for one operation. Whoever needs more gets the first way that works wherever he is
// then, which is polynomial without a search, and still a right plan.
#define TRIALS_MAX 20000u

struct memo {
    const struct mer_solution *solution; // NULL: none, or still being looked for
    const struct mer_unit *missing;
};

bool mer_unit_is_meta(const struct mer_graph *g, const struct mer_unit *u)
{
    const struct mer_field *f = u->field;
    return f == g->api->typename_field || f == g->types->typename_field || f == g->api->schema_field ||
           f == g->api->type_field || f == g->types->schema_field || f == g->types->type_field ||
           (g->sdl.n && f->parent == g->types->roots[MER_OP_QUERY] && mer_slice_is(f->name, "_service"));
}

bool mer_field_is_leaf(const struct mer_field *f)
{
    return !mer_type_is_composite(f->type.type) || choose_has_directive(&f->type.type->directives, "hole");
}

// ---- all fields of an object ----

// In this order: who has no choice decides first.
enum pass { PASS_ONE_WAY = 0, PASS_SEVERAL = 1, PASS_REQUIRING = 2, PASS_REQUIRING_LATER = 3, PASSES = 4 };

// Of many homes, those that cannot know all below the unit need not be tried.
static uint32_t *known_below(struct build *b, const struct mer_unit *u, uint32_t *all)
{
    uint32_t *knows = NULL;
    if (b->homes_n > 1 && choose_is_one_type(u)) {
        knows = MER_NEW_N(b->c->a, uint32_t, b->c->graph->sources_n + 1);
        *all = choose_knows(b, u, knows);
    }
    return knows;
}

static bool home_answers(struct build *b, const struct mer_unit *u, struct mer_choice *out)
{
    const struct mer_candidate *cands = NULL;
    uint32_t n = mer_unit_candidates(b->c->selector, u, &cands), all = 0;
    const uint32_t *knows = known_below(b, u, &all);
    for (uint32_t h = 0; h < b->homes_n; h++) {
        bool may = !knows || b->homes[h].provides || knows[b->homes[h].source] == all;
        for (uint32_t i = 0; i < n && may; i++) {
            if (!choose_at_home(b, &b->homes[h], u, &cands[i])) {
                continue;
            }
            struct saved before = choose_save(b);
            bool whole = choose_try_candidate(b, u, &cands[i], out) && (!out->sub || out->sub->fetches == 0);
            if (whole) {
                return true;
            }
            choose_restore(b, &before);
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
        bool usable = !cands[i].in->external && choose_label_allows(b->c, cands[i].in);
        ways += usable;
        requiring = requiring && (!usable || cands[i].in->requires);
    }
    if (requiring && mer_unit_is_deferred(u)) {
        return PASS_REQUIRING_LATER;
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
    uint64_t fields = 0;
    count_answers(b);
    for (uint32_t i = 0; i < q->units_n && !b->c->limit; i++) {
        const struct mer_unit *u = &q->units[i];
        pass[i] = PASSES;
        if (!u->unasked && !mer_unit_is_meta(b->c->graph, u) && !home_answers(b, u, &choices[i])) {
            pass[i] = (uint8_t)pass_of(b, u);
        }
        // Each becomes a field of the answer's shape, whoever is asked for it.
        fields += 1 + (choices[i].sub ? choices[i].sub->leaves : 0);
        if (fields > mer_selector_max(b->c->selector)) {
            b->c->limit = MER_ERR_LIMIT;
        }
    }
    for (int p = PASS_ONE_WAY; p < PASSES; p++) {
        for (uint32_t i = 0; i < q->units_n; i++) {
            if (pass[i] == p && !choose_place_unit(b, &q->units[i], &choices[i])) {
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

// Chains are interned: equal ones are the same pointers.
static bool same_chains(const struct mer_kept_if *x, const struct mer_kept_if *y)
{
    return x->n == y->n && (x->n == 0 || memcmp(x->items, y->items, x->n * sizeof(*x->items)) == 0);
}

static bool same_sayings(const struct mer_sayings *x, const struct mer_sayings *y)
{
    return x->n == y->n && (x->n == 0 || memcmp(x->items, y->items, x->n * sizeof(*x->items)) == 0);
}

// Is the same asked of all types, though sources may know more of some?
static bool asks_all_alike(const struct mer_asked *q)
{
    for (uint32_t i = 1; i < q->groups_n; i++) {
        const struct mer_asked_group *x = &q->groups[0], *y = &q->groups[i];
        bool same = x->units_n == y->units_n;
        for (uint32_t k = 0; k < x->units_n && same; k++) {
            const struct mer_unit *ux = &q->units[x->units[k]], *uy = &q->units[y->units[k]];
            same = ux->ast == uy->ast && ux->sub == uy->sub && same_chains(&ux->kept_if, &uy->kept_if) &&
                   same_sayings(&ux->said, &uy->said);
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
    struct best best = {.before = choose_save(b), .cost = {UINT32_MAX, UINT32_MAX, 0, 0}};
    for (uint32_t s = 0; s < b->c->graph->sources_n; s++) {
        const struct mer_fed_type_in *in = &t->in[s];
        if (!in->type || in->interface_object || !in->keys_n) {
            continue;
        }
        struct mer_facet want = {.source = s, .typed = true};
        struct mer_choice none = {0};
        int64_t at = choose_enter(b, &want, &b->asked->possible);
        if (at >= 0 && choose_consider(b, &none, &best)) {
            *typed_by = (uint32_t)at;
        }
        choose_restore(b, &best.before);
    }
    if (best.cost.depth != UINT32_MAX) {
        choose_take(b, &best.state);
    }
    mer_arena_rewind(b->c->trials, mark);
    return best.cost.depth != UINT32_MAX;
}

// ---- face ----

static struct mer_slice state_text(struct mer_chooser *c, const struct mer_asked *asked,
                                   const struct mer_home *homes, uint32_t n)
{
    struct mer_buf *b = &c->name;
    mer_buf_clear(b);
    uint32_t head[2] = {asked->id, n};
    mer_buf_add(b, mer_slice_make((const char *)head, sizeof(head)));
    for (uint32_t i = 0; i < n; i++) {
        uint32_t flags = (uint32_t)homes[i].untyped | (uint32_t)homes[i].keys_only << 1 |
                         (uint32_t)homes[i].write << 2 | (uint32_t)homes[i].resident << 3 |
                         (uint32_t)homes[i].needed << 4;
        uint32_t own[3] = {homes[i].source, homes[i].provides ? homes[i].provides->id + 1 : 0, flags};
        mer_buf_add(b, mer_slice_make((const char *)own, sizeof(own)));
        size_t words = homes[i].reach ? c->graph->sources_n / 64 + 1 : 0;
        mer_buf_add(b, mer_slice_make((const char *)homes[i].reach, words * sizeof(uint64_t)));
    }
    return mer_buf_slice(b);
}

static const struct mer_solution *solve(struct mer_chooser *c, const struct mer_asked *asked,
                                        const struct mer_home *homes, uint32_t n,
                                        const struct mer_unit **missing)
{
    struct build b = {.c = c, .asked = asked, .homes = homes, .homes_n = n};
    struct mer_solution *s = MER_NEW(c->a, struct mer_solution);
    for (uint32_t i = 0; i < n; i++) {
        struct mer_facet f = {.source = homes[i].source, .home = true};
        choose_add_facet(&b, &f);
    }
    bool learn = n && homes[0].untyped && asks_types(&b);
    b.types_unknown = n && homes[0].untyped && !learn;
    if (learn && !learn_types(&b, &s->typed_by)) {
        *missing = asked->units;
        return NULL;
    }
    b.typed_depth = learn ? b.facets[s->typed_by].depth : 0;
    s->choices = MER_NEW_N(c->a, struct mer_choice, asked->units_n + 1);
    if (!place_all(&b, s->choices, missing)) {
        return NULL;
    }
    struct cost cost = choose_cost_of(&b);
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
        mer_map_add(&c->solutions, mer_arena_copy(c->a, text),
                    m); // found again while it is being made: a circle
        struct mer_home *kept = MER_NEW_N(c->a, struct mer_home, homes_n + 1);
        if (homes_n) {
            memcpy(kept, homes, homes_n * sizeof(*kept));
        }
        uint32_t changes = c->changes_n;
        m->solution = solve(c, asked, kept, homes_n, &m->missing);
        c->changes_n = changes; // nobody takes anything back of what is made
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
                                       const uint64_t *labels_on, enum mer_operation_kind kind,
                                       size_t max_bytes)
{
    struct mer_chooser *c = MER_NEW(a, struct mer_chooser);
    *c = (struct mer_chooser){.a = a,
                              .trials = trials,
                              .trials_left = TRIALS_MAX,
                              .hurry_bytes = max_bytes / 2,
                              .graph = graph,
                              .selector = selector,
                              .labels_on = labels_on,
                              .kind = kind};
    c->labels_seen = MER_NEW_N(a, uint64_t, graph->federation->labels_n / 64 + 1);
    mer_buf_init(&c->name, a, 256);
    mer_map_init(&c->solutions, a);
    mer_map_init(&c->possible, a);
    return c;
}

bool mer_chooser_hurried(const struct mer_chooser *c)
{
    return choose_hurries(c);
}

const uint64_t *mer_chooser_labels_seen(const struct mer_chooser *c)
{
    return c->labels_seen;
}
