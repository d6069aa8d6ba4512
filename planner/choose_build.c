// SPDX-License-Identifier: MIT
#include "planner/choose_priv.h"

// ---- trying and taking back ----

struct saved choose_save(const struct build *b)
{
    return (struct saved){b->c->changes_n, b->facets_n, b->sub_fetches, b->leaves, b->late};
}

struct mer_facet *choose_touch(struct build *b, uint32_t facet)
{
    struct mer_chooser *c = b->c;
    if (c->changes_n == c->changes_cap) {
        c->changes_cap = c->changes_cap ? c->changes_cap * 2 : 64;
        struct change *grown = mer_arena_alloc(c->a, c->changes_cap * sizeof(*grown));
        if (c->changes_n) {
            memcpy(grown, c->changes, c->changes_n * sizeof(*grown));
        }
        c->changes = grown;
    }
    c->changes[c->changes_n++] = (struct change){facet, b->facets[facet]};
    return &b->facets[facet];
}

static void set_counts(struct build *b, const struct saved *s)
{
    b->facets_n = s->facets_n;
    b->sub_fetches = s->sub_fetches;
    b->leaves = s->leaves;
    b->late = s->late;
}

void choose_restore(struct build *b, const struct saved *s)
{
    while (b->c->changes_n > s->changes_n) {
        const struct change *last = &b->c->changes[--b->c->changes_n];
        b->facets[last->at] = last->was;
    }
    set_counts(b, s);
}

// What was changed since, and what is new since.
struct kept choose_keep(const struct build *b, const struct saved *since)
{
    uint32_t changed = b->c->changes_n - since->changes_n, added = b->facets_n - since->facets_n;
    struct kept k = {.now = choose_save(b)};
    k.changes = mer_arena_alloc(b->c->trials, (changed + added + 1) * sizeof(*k.changes));
    for (uint32_t i = 0; i < changed; i++) {
        uint32_t at = b->c->changes[since->changes_n + i].at;
        if (at < since->facets_n) {
            k.changes[k.changes_n++] = (struct change){at, b->facets[at]};
        }
    }
    for (uint32_t at = since->facets_n; at < b->facets_n; at++) {
        k.changes[k.changes_n++] = (struct change){at, b->facets[at]};
    }
    return k;
}

void choose_take(struct build *b, const struct kept *k)
{
    for (uint32_t i = 0; i < k->changes_n; i++) {
        if (k->changes[i].at < b->facets_n) {
            choose_touch(b, k->changes[i].at);
        }
        b->facets[k->changes[i].at] = k->changes[i].was; // a new one has its room still
    }
    set_counts(b, &k->now);
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

bool choose_is_in_circle(const struct build *b, uint32_t facet)
{
    return depends_on(b, facet, facet);
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

// Who waits for a facet that is known later than it was is known later, too.
void choose_settle_depths(struct build *b)
{
    for (bool moved = true; moved;) {
        moved = false;
        for (uint32_t i = b->homes_n; i < b->facets_n; i++) {
            for (uint32_t k = 0; k < b->facets[i].needs_n; k++) {
                uint32_t at = choose_need_known_at(b, &b->facets[i].needs[k]) + 1;
                if (at > b->facets[i].depth) {
                    choose_touch(b, i)->depth = at;
                    moved = true;
                }
            }
        }
    }
}
