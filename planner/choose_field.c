// SPDX-License-Identifier: MIT
#include "planner/choose_priv.h"

// Ways that are tried for one field: those that can answer most of what is asked below it.
#define WAYS_MAX 6u

// ---- one field in one source ----

bool choose_label_allows(const struct mer_chooser *c, const struct mer_fed_field_in *in)
{
    if (in->when == MER_FED_ALWAYS) {
        return true;
    }
    c->labels_seen[in->label / 64] |= UINT64_C(1) << (in->label % 64);
    bool on = c->labels_on && (c->labels_on[in->label / 64] >> (in->label % 64)) & 1u;
    return on == (in->when == MER_FED_LABEL_ON);
}

bool choose_is_resident(const struct mer_ast_directives *ds)
{
    return choose_has_directive(ds, "resident");
}

// Rows that stay in their region are asked for apart from the rest of the object, so that they alone may
// fail.
static bool splits_off(const struct build *b, const struct mer_home *h, const struct mer_unit *u,
                       const struct mer_fed_field_in *in)
{
    const struct mer_graph *g = b->c->graph;
    return g->split_resident && g->sources[in->source].rows && !h->resident &&
           choose_is_resident(&in->field->directives) &&
           !choose_is_resident(&in->field->parent->directives) &&
           mer_fed_has_key(g->federation, u->on.items[0], in->source);
}

// Objects that are told by their interface are all asked for what is asked of some of them. Where one of the
// others fails a field that may not be null it is lost, and where it is needed, the others with it.
static bool may_cost_others(const struct build *b, const struct mer_home *h, const struct mer_unit *u,
                            const struct mer_fed_field_in *in)
{
    return h->needed && !in->key && u->on.n < b->asked->possible.n && mer_ref_non_null(&in->field->type, 0);
}

bool choose_at_home(const struct build *b, const struct mer_home *h, const struct mer_unit *u,
                    const struct mer_candidate *cand)
{
    const struct mer_fed_field_in *in = cand->in;
    if (h->source != in->source || h->untyped != (cand->as != NULL) ||
        (h->untyped && (cand->as != b->asked->declared || may_cost_others(b, h, u, in)))) {
        return false;
    }
    if (!in->key && !choose_label_allows(b->c, in)) {
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
        if (choose_at_home(b, &b->homes[i], u, cand)) {
            return i;
        }
    }
    if (in->external || !choose_label_allows(b->c, in) ||
        (b->types_unknown && cand->as != b->asked->declared)) {
        return -1;
    }
    const struct mer_source *s = &b->c->graph->sources[in->source];
    struct mer_facet want = {
        .source = in->source,
        .as = cand->as,
        .root = choose_is_root_type(b, &u->on),
        .resident = s->rows && choose_is_resident(&in->field->directives),
    };
    want.alone = want.root && s->rows ? u : NULL;
    want.resident = want.resident && !want.root;
    return in->requires ? choose_enter_requiring(b, &want, u, in) : choose_enter(b, &want, &u->on);
}

static void note_sub(struct build *b, uint32_t facet, const struct mer_solution *sub)
{
    uint32_t depth = sub->depth;
    if (depth > b->facets[facet].below) {
        choose_touch(b, facet)->below = depth;
    }
    b->sub_fetches += sub->fetches;
}

static void note_leaves(struct build *b, const struct mer_choice *ch)
{
    const struct mer_facet *f = &b->facets[ch->facets[0]];
    uint32_t all = 1 + (ch->sub ? ch->sub->leaves : 0), late = ch->sub ? ch->sub->late : 0;
    b->leaves += all;
    b->late += f->home || (f->root && b->homes_n == 0) ? late : all;
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

static const struct mer_home *home_of(const struct build *b, uint32_t facet)
{
    return facet < b->homes_n ? &b->homes[facet] : NULL;
}

bool choose_try_candidate(struct build *b, const struct mer_unit *u, const struct mer_candidate *cand,
                          struct mer_choice *out)
{
    struct mer_chooser *c = b->c;
    if (!mer_budget_step(mer_selector_budget(c->selector))) {
        c->limit = MER_ERR_LIMIT;
        return false;
    }
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
        struct saved state = choose_save(b);
        const struct mer_asked *own = NULL;
        bool wanted = use[cands[i].in->source] && !cands[i].in->requires;
        int64_t facet = wanted ? facet_of(b, u, &cands[i]) : -1;
        bool usable = facet >= 0 && !(open_only && b->facets_n > before);
        if (!usable) {
            choose_restore(b, &state);
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

// Of which sources a value may be put together: those that are asked already, any, or, where it takes a key
// to know what covers it, all.
enum together { TOGETHER_OPEN, TOGETHER_COVER, TOGETHER_ALL, TOGETHERS };

static const bool *may_use(const struct build *b, enum together how)
{
    bool *may = how == TOGETHER_OPEN ? MER_NEW_N(b->c->a, bool, b->c->graph->sources_n + 1) : NULL;
    for (uint32_t i = 0; i < b->facets_n && may; i++) {
        may[b->facets[i].source] = true;
    }
    return may;
}

// Several sources tell of the same value, each its part: what one of them lacks another may know.
// all_below: only if nothing has to be asked afterwards.
static bool try_together(struct build *b, const struct mer_unit *u, enum together how, bool all_below,
                         struct mer_choice *out)
{
    struct mer_chooser *c = b->c;
    struct saved before = choose_save(b);
    bool *use = MER_NEW_N(c->a, bool, c->graph->sources_n + 1);
    bool open_only = how == TOGETHER_OPEN;
    if (how == TOGETHER_ALL) {
        memset(use, true, c->graph->sources_n);
    } else if (!choose_cover(b, u, may_use(b, how), use) && all_below) {
        return false;
    }
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
        choose_restore(b, &before);
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

bool choose_consider(struct build *b, const struct mer_choice *choice, struct best *best)
{
    struct cost cost = choose_cost_of(b);
    if (choice->facets_n && choice->facets[0] >= b->homes_n && b->answers) {
        cost.elsewhere = b->asked->units_n - b->answers[b->facets[choice->facets[0]].source];
    }
    if (!choose_cheaper(cost, best->cost)) {
        return false;
    }
    *best = (struct best){best->before, cost, choose_keep(b, &best->before), *choice};
    return true;
}

static bool answers_openly(const struct build *b, const struct mer_unit *u, uint32_t facet,
                           const struct mer_candidate *cand)
{
    const struct mer_fed_field_in *in = cand->in;
    const struct mer_facet *f = &b->facets[facet];
    if (f->home) {
        return choose_at_home(b, &b->homes[facet], u, cand);
    }
    bool known = f->source == in->source && f->as == cand->as && !f->root &&
                 !choose_is_entering(b, in->source) && !in->external && !in->requires &&
                 choose_label_allows(b->c, in) && !b->c->graph->sources[in->source].rows &&
                 (!f->as || mer_types_equal(&f->keyed, &u->on));
    for (uint32_t t = 0; t < u->on.n && known; t++) {
        known = choose_is_keyed(f, u->on.items[t]);
    }
    return known;
}

// A leaf that a source can answer which brought the objects, or was entered: nothing is cheaper.
static bool place_open(struct build *b, const struct mer_unit *u, struct mer_choice *out)
{
    const struct mer_candidate *cands = NULL;
    uint32_t n = u->sub ? 0 : mer_unit_candidates(b->c->selector, u, &cands);
    for (uint32_t k = 0; k < b->facets_n && n; k++) {
        uint32_t source = b->facets[k].source;
        for (uint32_t i = mer_unit_candidate_of(b->c->selector, u, source); i < n; i++) {
            if (cands[i].in->source == source && answers_openly(b, u, k, &cands[i])) {
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
    uint32_t *counts = b->answers;
    if (u->sub) {
        counts = MER_NEW_N(b->c->a, uint32_t, b->c->graph->sources_n + 1);
        choose_knows(b, u, counts);
    }
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

// How the value is put together from several sources, if that is cheaper than what was found.
static void consider_together(struct build *b, const struct mer_unit *u, enum together how, bool all_below,
                              struct best *best)
{
    const struct saved before = best->before;
    struct mer_choice choice = {0};
    if (try_together(b, u, how, all_below, &choice) && (!all_below || choice.sub->fetches == 0)) {
        choose_consider(b, &choice, best);
    }
    choose_restore(b, &before);
}

static void try_ways(struct build *b, const struct mer_unit *u, struct best *best)
{
    const struct mer_candidate *cands = NULL;
    uint32_t n = ways(b, u, &cands), tried = 0;
    const struct saved before = best->before;
    for (uint32_t i = 0; i < n && !b->c->limit; i++) {
        struct mer_choice choice = {0};
        bool enough = tried >= WAYS_MAX || choose_hurries(b->c);
        if (best->choice.facets_n && enough) {
            break;
        }
        b->c->trials_left -= b->c->trials_left > 0;
        if (choose_try_candidate(b, u, &cands[i], &choice)) {
            tried++;
            choose_consider(b, &choice, best);
        }
        choose_restore(b, &before);
    }
}

static bool is_found(const struct build *b, const struct best *best)
{
    const struct mer_choice *ch = &best->choice;
    bool whole = ch->sub ? ch->sub->fetches == 0 : ch->facets_n > 0;
    return b->c->limit || whole || (ch->facets_n && choose_hurries(b->c));
}

// Where sources that are asked already together know all below, or so many could that they are not all tried,
// nothing else is looked for.
static void find_best(struct build *b, const struct mer_unit *u, struct best *best)
{
    const struct mer_candidate *cands = NULL;
    uint32_t n = mer_unit_candidates(b->c->selector, u, &cands);
    bool several = n > 1 && choose_is_one_type(u);
    int first = n > WAYS_MAX ? TOGETHER_COVER : TOGETHER_OPEN;
    for (int how = TOGETHER_OPEN; several && how <= first && !choose_hurries(b->c) && !is_found(b, best);
         how++) {
        consider_together(b, u, (enum together)how, true, best);
    }
    if (!is_found(b, best)) {
        try_ways(b, u, best);
    }
    for (int how = TOGETHER_OPEN; several && how < TOGETHERS && !is_found(b, best); how++) {
        if (how < TOGETHER_ALL || best->choice.facets_n == 0) {
            consider_together(b, u, (enum together)how, false, best);
        }
    }
}

bool choose_place_unit(struct build *b, const struct mer_unit *u, struct mer_choice *out)
{
    if (place_open(b, u, out)) {
        return true;
    }
    struct mer_arena_mark mark = mer_arena_mark(b->c->trials);
    struct best best = {.before = choose_save(b), .cost = {UINT32_MAX, UINT32_MAX, 0, 0}};
    find_best(b, u, &best);
    if (best.choice.facets_n) {
        choose_take(b, &best.state);
        *out = best.choice;
    }
    mer_arena_rewind(b->c->trials, mark);
    return best.choice.facets_n > 0;
}
