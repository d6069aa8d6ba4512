// SPDX-License-Identifier: MIT
// Cover: which sources, asked for the same value each for its part, together know what is asked below it, as
// deep as it goes. A set cover over the fields below, by the greedy heuristic: who alone knows a field first,
// then whoever knows most of the rest; in the end those whose part the others know are left out.
#include "planner/choose_priv.h"

// Fields below a value that are looked at.
#define FIELDS_MAX 1024u

// The fields below a value: of each the sources that could bring it along with the value, as a bit set.
struct below {
    const uint64_t *by[FIELDS_MAX];
    uint32_t n, words;
    bool lacking; // of some fields nobody could, or there are too many to look at
};

static bool has(const uint64_t *set, uint32_t source)
{
    return (set[source / 64] >> (source % 64)) & 1u;
}

// Those of `reach` that can answer the unit for objects they have brought; NULL: none.
static const uint64_t *answerers(struct mer_chooser *c, const struct mer_unit *u, const uint64_t *reach,
                                 uint32_t words)
{
    const struct mer_candidate *cands = NULL;
    uint32_t n = mer_unit_candidates(c->selector, u, &cands);
    uint64_t *by = MER_NEW_N(c->trials, uint64_t, words), any = 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct mer_fed_field_in *in = cands[i].in;
        uint64_t bit = UINT64_C(1) << (in->source % 64);
        if (!cands[i].as && !in->external && !in->requires && (!reach || has(reach, in->source)) &&
            choose_label_allows(c, in)) {
            by[in->source / 64] |= bit;
            any |= bit;
        }
    }
    return any ? by : NULL;
}

static const struct mer_asked *asked_below(struct mer_chooser *c, const struct mer_unit *u)
{
    const struct mer_candidate *cands = NULL;
    struct mer_home ignored;
    const struct mer_asked *asked = NULL;
    return mer_unit_candidates(c->selector, u, &cands) &&
                   !mer_choose_below(c, u, cands[0].in, NULL, false, &ignored, &asked)
               ? asked
               : NULL;
}

bool choose_is_one_type(const struct mer_unit *u)
{
    return u->sub && u->field->type.type->kind == MER_TYPE_OBJECT && !mer_field_is_leaf(u->field);
}

// Goes down as long as values can be put together: objects of several types come from one source.
static void gather(struct mer_chooser *c, const struct mer_unit *u, const uint64_t *reach, struct below *out)
{
    const struct mer_asked *q = asked_below(c, u);
    for (uint32_t i = 0; q && i < q->units_n && !c->limit; i++) {
        const struct mer_unit *v = &q->units[i];
        if (v->unasked || mer_unit_is_meta(c->graph, v)) {
            continue;
        }
        if (!mer_budget_step(mer_selector_budget(c->selector))) {
            c->limit = MER_ERR_LIMIT;
        }
        const uint64_t *by = answerers(c, v, reach, out->words);
        if (!by || out->n == FIELDS_MAX) {
            out->lacking = true;
        } else if (choose_is_one_type(v)) {
            gather(c, v, by, out);
        } else {
            out->by[out->n++] = by;
        }
    }
    out->lacking = out->lacking || !q;
}

static struct below *below_of(struct build *b, const struct mer_unit *u)
{
    struct below *d = mer_arena_alloc(b->c->trials, sizeof(*d));
    d->n = 0;
    d->words = b->c->graph->sources_n / 64 + 1;
    d->lacking = false;
    const uint64_t *reach = answerers(b->c, u, NULL, d->words);
    if (reach) {
        gather(b->c, u, reach, d);
    }
    d->lacking = d->lacking || !reach;
    return d;
}

// ---- the cover ----

struct cover {
    const struct build *b;
    const struct below *below;
    const bool *may; // sources that may be used; NULL: all
    bool *use;
    bool *free;      // sources that are asked anyway, no later than a new one could be
    uint32_t *knows; // by source: fields that nobody used knows yet
    bool *known;     // by field
};

static uint32_t sources_n(const struct cover *v)
{
    return v->b->c->graph->sources_n;
}

static bool may_bring(const struct cover *v, uint32_t field, uint32_t source)
{
    return has(v->below->by[field], source) && (!v->may || v->may[source]);
}

static void use_source(struct cover *v, uint32_t source)
{
    v->use[source] = true;
    for (uint32_t f = 0; f < v->below->n; f++) {
        if (!v->known[f] && has(v->below->by[f], source)) {
            v->known[f] = true;
            for (uint32_t s = 0; s < sources_n(v); s++) {
                v->knows[s] -= may_bring(v, f, s);
            }
        }
    }
}

// Whoever alone knows a field.
static void use_needed(struct cover *v)
{
    for (uint32_t f = 0; f < v->below->n; f++) {
        uint32_t ways = 0, only = 0;
        for (uint32_t s = 0; s < sources_n(v) && !v->known[f]; s++) {
            if (may_bring(v, f, s)) {
                ways++;
                only = s;
            }
        }
        if (ways == 1) {
            use_source(v, only);
        }
    }
}

static bool is_better(const struct cover *v, uint32_t s, uint32_t than)
{
    bool free = v->free[s] && v->knows[s], than_free = v->free[than] && v->knows[than];
    if (free != than_free) {
        return free;
    }
    if (v->knows[s] != v->knows[than]) {
        return v->knows[s] > v->knows[than];
    }
    return v->b->answers && v->b->answers[s] > v->b->answers[than];
}

static void use_greedily(struct cover *v)
{
    for (;;) {
        uint32_t best = 0;
        for (uint32_t s = 1; s < sources_n(v); s++) {
            best = is_better(v, s, best) ? s : best;
        }
        if (v->knows[best] == 0) {
            return;
        }
        use_source(v, best);
    }
}

// Does another used one know each field that the source knows?
static bool is_spare(const struct cover *v, uint32_t source)
{
    for (uint32_t f = 0; f < v->below->n; f++) {
        bool other = !may_bring(v, f, source);
        for (uint32_t s = 0; s < sources_n(v) && !other; s++) {
            other = s != source && v->use[s] && may_bring(v, f, s);
        }
        if (!other) {
            return false;
        }
    }
    return true;
}

// Used one after the other, the first may have become needless by the last.
static void leave_out(struct cover *v)
{
    for (int free = 0; free < 2; free++) {
        for (uint32_t s = sources_n(v); s-- > 0;) {
            v->use[s] = v->use[s] && (v->free[s] != free || !is_spare(v, s));
        }
    }
}

static void note_free(struct cover *v)
{
    for (uint32_t i = 0; i < v->b->facets_n; i++) {
        const struct mer_facet *f = &v->b->facets[i];
        v->free[f->source] = v->free[f->source] || f->depth <= 1 + v->b->typed_depth;
    }
}

bool choose_cover(struct build *b, const struct mer_unit *u, const bool *may, bool *use)
{
    struct mer_arena *a = b->c->trials;
    struct mer_arena_mark mark = mer_arena_mark(a);
    struct cover v = {.b = b, .below = below_of(b, u), .may = may, .use = use};
    v.knows = MER_NEW_N(a, uint32_t, sources_n(&v) + 1);
    v.known = MER_NEW_N(a, bool, v.below->n + 1);
    v.free = MER_NEW_N(a, bool, sources_n(&v) + 1);
    note_free(&v);
    for (uint32_t f = 0; f < v.below->n; f++) {
        for (uint32_t s = 0; s < sources_n(&v); s++) {
            v.knows[s] += may_bring(&v, f, s);
        }
    }
    use_needed(&v);
    use_greedily(&v);
    leave_out(&v);
    bool all = !v.below->lacking;
    for (uint32_t f = 0; f < v.below->n && all; f++) {
        all = v.known[f];
    }
    mer_arena_rewind(a, mark);
    return all;
}

uint32_t choose_knows(struct build *b, const struct mer_unit *u, uint32_t *knows)
{
    struct mer_arena_mark mark = mer_arena_mark(b->c->trials);
    const struct below *d = below_of(b, u);
    for (uint32_t f = 0; f < d->n; f++) {
        for (uint32_t s = 0; s < b->c->graph->sources_n; s++) {
            knows[s] += has(d->by[f], s);
        }
    }
    uint32_t all = d->lacking ? UINT32_MAX : d->n;
    mer_arena_rewind(b->c->trials, mark);
    return all;
}
