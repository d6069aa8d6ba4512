// SPDX-License-Identifier: MIT
#include "planner/choose_priv.h"

// ---- trying and taking back ----

struct saved choose_save(const struct build *b)
{
    struct saved s = {NULL, b->facets_n, b->sub_fetches, b->leaves, b->late};
    s.facets = mer_arena_alloc(b->c->trials, (b->facets_n + 1) * sizeof(struct mer_facet));
    if (b->facets_n) {
        memcpy(s.facets, b->facets, b->facets_n * sizeof(*s.facets));
    }
    return s;
}

void choose_restore(struct build *b, const struct saved *s)
{
    if (s->facets_n) {
        memcpy(b->facets, s->facets, s->facets_n * sizeof(*s->facets));
    }
    b->facets_n = s->facets_n;
    b->sub_fetches = s->sub_fetches;
    b->leaves = s->leaves;
    b->late = s->late;
}

struct cost choose_cost_of(const struct build *b)
{
    struct cost c = {0, b->sub_fetches, b->late, 0};
    for (uint32_t i = 0; i < b->facets_n; i++) {
        uint32_t depth = b->facets[i].depth + b->facets[i].below;
        c.depth = depth > c.depth ? depth : c.depth;
        c.fetches += !b->facets[i].home;
    }
    return c;
}

bool choose_cheaper(struct cost x, struct cost y)
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

bool choose_choice_depends(const struct build *b, const struct mer_choice *ch, uint32_t on)
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
            if (choose_choice_depends(b, &f->needs[i].choices[k], on)) {
                return true;
            }
        }
    }
    return false;
}

bool choose_has_dependents(const struct build *b, uint32_t facet)
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

uint32_t choose_need_known_at(const struct build *b, const struct mer_need *n)
{
    uint32_t depth = 0;
    for (uint32_t i = 0; i < n->asked->units_n; i++) {
        uint32_t d = known_at(b, &n->choices[i]);
        depth = d > depth ? d : depth;
    }
    return depth;
}
