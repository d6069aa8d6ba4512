// SPDX-License-Identifier: MIT
#include "resolvers/defer.h"

// Whoever defers more gets it all at once.
#define USAGES_MAX 1000u
#define GROUPS_MAX 4000u

// ---- bit sets ----

static bool has(const uint64_t *set, uint32_t i)
{
    return (set[i / 64] >> (i % 64)) & 1u;
}

static void add(uint64_t *set, uint32_t i)
{
    set[i / 64] |= UINT64_C(1) << (i % 64);
}

struct deciding {
    struct exec_defer *d;
    struct mer_exec *x;
    uint32_t words, cap; // of a set of fetches; room for usages
    uint32_t visit;      // which walk this is
    bool last;           // groups are known for good
    bool too_many;
};

// ---- usages ----

static int32_t usage_at(const struct exec_defer *d, uint32_t place, const struct mer_deferral *met)
{
    const uintptr_t name[2] = {place, (uintptr_t)met};
    return (int32_t)(uintptr_t)mer_map_get(&d->usage_at, mer_slice_make((const char *)name, sizeof(name))) -
           1;
}

// The innermost usage of a chain that is told for itself; -1: what the place is of.
static int32_t usage_of(const struct exec_defer *d, const struct mer_deferral *c, uint32_t place)
{
    for (; c; c = c->outer) {
        uint32_t p = place;
        for (uint32_t up = c->up; up; up--) {
            p = d->places[p].outer;
        }
        int32_t u = usage_at(d, p, c->met);
        if (u >= 0 && !d->usages[u].inlined) {
            return u;
        }
    }
    return -1;
}

static int32_t around(const struct exec_defer *d, const struct mer_deferral *outer, uint32_t place)
{
    int32_t u = usage_of(d, outer, place);
    const struct exec_group *g = &d->groups[d->places[place].group];
    return u < 0 && g->n ? (int32_t)g->usages[0] : u;
}

// The usages of a chain that begin at this place, the outermost first.
static void meet(struct deciding *c, uint32_t place, const struct mer_deferral *chain)
{
    struct exec_defer *d = c->d;
    struct exec_place *p = &d->places[place];
    if (!chain || c->too_many) {
        return;
    }
    meet(c, place, chain->outer);
    if (chain->up || usage_at(d, place, chain) >= 0 || !mer_defer_on(chain->defer, c->x->ask.vars)) {
        return;
    }
    c->too_many = d->usages_n == USAGES_MAX;
    if (c->too_many) {
        return;
    }
    if (d->usages_n == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 8;
        struct exec_usage *grown = MER_NEW_N(c->x->a, struct exec_usage, c->cap);
        if (d->usages_n) {
            memcpy(grown, d->usages, d->usages_n * sizeof(*grown));
        }
        d->usages = grown;
    }
    if (p->usages_n == p->usages_cap) {
        p->usages_cap = p->usages_cap ? p->usages_cap * 2 : 4;
        uint32_t *grown = MER_NEW_N(c->x->a, uint32_t, p->usages_cap);
        if (p->usages_n) {
            memcpy(grown, p->usages, p->usages_n * sizeof(*grown));
        }
        p->usages = grown;
    }
    d->usages[d->usages_n] = (struct exec_usage){.met = chain,
                                                 .place = place,
                                                 .parent = around(d, chain->outer, place),
                                                 .need = MER_NEW_N(c->x->a, uint64_t, c->words)};
    p->usages[p->usages_n++] = d->usages_n++;
    const uintptr_t name[2] = {place, (uintptr_t)chain};
    struct mer_slice key = mer_slice_make((const char *)name, sizeof(name));
    mer_map_add(&d->usage_at, mer_arena_copy(c->x->a, key), (void *)(uintptr_t)d->usages_n);
}

static bool is_kept(const struct exec_defer *d, const struct mer_saying *s)
{
    struct mer_kept_if one = {&(const struct mer_condition *){s->condition}, 1};
    return !s->condition || mer_kept(&one, d->x->ask.vars);
}

// ---- groups ----

static bool is_inside(const struct exec_defer *d, uint32_t usage, const uint32_t *of, uint32_t n)
{
    for (int32_t u = d->usages[usage].parent; u >= 0; u = d->usages[u].parent) {
        for (uint32_t i = 0; i < n; i++) {
            if (of[i] == (uint32_t)u) {
                return true;
            }
        }
    }
    return false;
}

static uint32_t group(struct deciding *c, const uint32_t *usages, uint32_t n)
{
    struct exec_defer *d = c->d;
    for (uint32_t g = d->groups_n; g-- > 0;) {
        if (d->groups[g].n == n &&
            (n == 0 || memcmp(d->groups[g].usages, usages, n * sizeof(*usages)) == 0)) {
            return g;
        }
    }
    c->too_many = c->too_many || d->groups_n == GROUPS_MAX;
    if (c->too_many) {
        return 0;
    }
    if ((d->groups_n & (d->groups_n - 1)) == 0) { // 0 or a power of two: full
        struct exec_group *grown = MER_NEW_N(c->x->a, struct exec_group, d->groups_n ? 2 * d->groups_n : 1);
        if (d->groups_n) {
            memcpy(grown, d->groups, d->groups_n * sizeof(*grown));
        }
        d->groups = grown;
    }
    struct exec_group *g = &d->groups[d->groups_n];
    *g = (struct exec_group){MER_NEW_N(c->x->a, uint32_t, n + 1), n};
    if (n) {
        memcpy(g->usages, usages, n * sizeof(*usages));
    }
    return d->groups_n++;
}

// A field is told with the first of those that say it: what is said outside of every usage is told with what
// is around it, and what is said in a usage inside of another, with the outer one where that says it, too.
static uint32_t decide_group(struct deciding *c, uint32_t place, const struct mer_shape_field *f)
{
    const struct exec_defer *d = c->d;
    uint32_t found[64], n = 0, kept = 0;
    for (uint32_t i = 0; i < f->said.n; i++) {
        if (!is_kept(d, &f->said.items[i])) {
            continue;
        }
        int32_t u = usage_of(d, f->said.items[i].deferral, place);
        if (u < 0) {
            return d->places[place].group;
        }
        uint32_t at = n;
        for (; at > 0 && found[at - 1] > (uint32_t)u; at--) {
        }
        bool known = at > 0 && found[at - 1] == (uint32_t)u;
        c->too_many = c->too_many || (!known && n == 64);
        if (known || c->too_many) {
            continue;
        }
        memmove(found + at + 1, found + at, (n - at) * sizeof(*found));
        found[at] = (uint32_t)u;
        n++;
    }
    uint32_t outermost[64];
    for (uint32_t i = 0; i < n; i++) {
        if (!is_inside(d, found[i], found, n)) {
            outermost[kept++] = found[i];
        }
    }
    return kept ? group(c, outermost, kept) : d->places[place].group;
}

// ---- walks ----

static void need(struct deciding *c, uint32_t g, uint32_t fetch)
{
    struct exec_defer *d = c->d;
    if (fetch == UINT32_MAX || c->last) {
        return;
    }
    if (d->groups[g].n == 0) {
        add(d->first, fetch);
    }
    for (uint32_t i = 0; i < d->groups[g].n; i++) {
        add(d->usages[d->groups[g].usages[i]].need, fetch);
    }
}

static void note_below(struct deciding *c, uint32_t place, const uint64_t *more, int32_t usage)
{
    struct exec_place *p = &c->d->places[place];
    uint32_t words = c->d->usages_n / 64 + 1;
    if (!c->last || (!more && usage < 0)) {
        return;
    }
    p->below = p->below ? p->below : MER_NEW_N(c->x->a, uint64_t, words);
    for (uint32_t i = 0; more && i < words; i++) {
        p->below[i] |= more[i];
    }
    if (usage >= 0) {
        add(p->below, (uint32_t)usage);
    }
}

static void walk(struct deciding *c, const struct mer_shape *shape, uint32_t outer, uint32_t of);

static void walk_field(struct deciding *c, const struct mer_shape *shape, const struct mer_shape_field *f)
{
    struct exec_defer *d = c->d;
    uint32_t g = f->said.n ? decide_group(c, shape->index, f) : d->places[shape->index].group;
    if (c->too_many) {
        return;
    }
    if (f->deferred) {
        d->group_of[f->deferred] = g;
    }
    need(c, g, f->fetch);
    for (uint32_t i = 0; i < d->groups[g].n; i++) {
        note_below(c, shape->index, NULL, (int32_t)d->groups[g].usages[i]);
    }
    if (f->sub && f->kind == MER_SHAPE_DATA) {
        if (d->places[f->sub->index].visit != c->visit) {
            walk(c, f->sub, shape->index, g);
        }
        need(c, g, f->sub->typed_by);
        note_below(c, shape->index, d->places[f->sub->index].below, -1);
    }
}

static void walk(struct deciding *c, const struct mer_shape *shape, uint32_t outer, uint32_t of)
{
    struct exec_defer *d = c->d;
    struct exec_place *p = &d->places[shape->index];
    p->shape = shape;
    p->outer = outer;
    p->group = of;
    p->visit = c->visit;
    for (uint32_t v = 0; v < shape->variants_n && !c->last; v++) {
        for (uint32_t i = 0; i < shape->variants[v].fields_n; i++) {
            const struct mer_sayings *said = &shape->variants[v].fields[i].said;
            for (uint32_t k = 0; k < said->n; k++) {
                meet(c, shape->index, said->items[k].deferral);
            }
        }
    }
    for (uint32_t v = 0; v < shape->variants_n && !c->too_many; v++) {
        for (uint32_t i = 0; i < shape->variants[v].fields_n && !c->too_many; i++) {
            const struct mer_shape_field *f = &shape->variants[v].fields[i];
            if (mer_kept(&f->kept_if, c->x->ask.vars)) {
                walk_field(c, shape, f);
            }
        }
    }
    for (uint32_t i = 0; i < p->usages_n; i++) {
        if (!d->usages[p->usages[i]].inlined) {
            note_below(c, shape->index, NULL, d->usages[p->usages[i]].parent);
        }
    }
}

// ---- what has to be fetched ----

// What a fetch waits for stands before it. Where two fetches tell of one value, both are needed together.
static void complete(const struct mer_exec *x, uint64_t *set)
{
    const struct mer_plan *plan = x->ask.plan;
    for (bool more = true; more;) {
        more = false;
        for (uint32_t i = plan->fetches_n; i-- > 0;) {
            for (uint32_t k = 0; has(set, i) && k < plan->fetches[i]->after_n; k++) {
                add(set, plan->fetches[i]->after[k]);
            }
        }
        for (uint32_t i = 0; i < plan->fetches_n; i++) {
            const struct mer_plan_fetch *f = plan->fetches[i];
            if (f->kind == MER_FETCH_SPLICE && !has(set, i) && has(set, f->into.fetch) &&
                has(set, f->from.fetch)) {
                add(set, i);
                more = true;
            }
        }
    }
}

// True: something is told later. Usages are numbered from the outside in.
static bool decide_inlined(struct deciding *c)
{
    struct exec_defer *d = c->d;
    bool any = false;
    complete(c->x, d->first);
    for (uint32_t i = 0; i < d->usages_n; i++) {
        struct exec_usage *u = &d->usages[i];
        const uint64_t *before = u->parent < 0 ? d->first : d->usages[u->parent].need;
        for (uint32_t k = 0; k < c->words; k++) {
            u->need[k] |= before[k];
        }
        complete(c->x, u->need);
        u->inlined = memcmp(u->need, before, c->words * sizeof(*before)) == 0;
        any = any || !u->inlined;
    }
    for (uint32_t i = 0; i < d->usages_n; i++) {
        int32_t *parent = &d->usages[i].parent;
        while (*parent >= 0 && d->usages[*parent].inlined) {
            *parent = d->usages[*parent].parent;
        }
    }
    return any;
}

void exec_defer_begin(struct mer_exec *x)
{
    const struct mer_plan *plan = x->ask.plan;
    if (!plan->defers || x->ask.parts == MER_EXEC_WHOLE) {
        return;
    }
    struct exec_defer *d = MER_NEW(x->a, struct exec_defer);
    struct deciding c = {.d = d, .x = x, .words = plan->fetches_n / 64 + 1, .visit = 1};
    *d = (struct exec_defer){.x = x, .turn = -1};
    d->places = MER_NEW_N(x->a, struct exec_place, plan->shapes_n);
    d->group_of = MER_NEW_N(x->a, uint32_t, plan->deferred_n + 1);
    d->first = MER_NEW_N(x->a, uint64_t, c.words);
    mer_map_init(&d->nulls, x->a);
    mer_map_init(&d->usage_at, x->a);
    uint32_t first = group(&c, NULL, 0);
    walk(&c, plan->shape, 0, first);
    if (c.too_many || !decide_inlined(&c)) {
        return;
    }
    c.visit = 2;
    c.last = true;
    walk(&c, plan->shape, 0, first);
    x->defer = c.too_many ? NULL : d;
}

// ---- while it runs ----

static bool all_done(const struct mer_exec *x, const uint64_t *set)
{
    for (uint32_t i = 0; i < x->ask.plan->fetches_n; i++) {
        if (has(set, i) && x->fetches[i].state != EXEC_DONE) {
            return false;
        }
    }
    return true;
}

bool exec_defer_is_ready(const struct exec_defer *d, uint32_t usage)
{
    return all_done(d->x, d->usages[usage].need);
}

bool exec_defer_is_due(const struct mer_exec *x)
{
    const struct exec_defer *d = x->defer;
    if (!d->first_told) {
        return all_done(x, d->first);
    }
    for (uint32_t i = 0; i < d->usages_n; i++) {
        if (d->usages[i].waiting && exec_defer_is_ready(d, i)) {
            return true;
        }
    }
    return false;
}

bool exec_defer_is_late(const struct mer_exec *x, uint32_t fetch)
{
    return x->defer && !has(x->defer->first, fetch);
}

bool exec_defer_is_past(const struct mer_exec *x, uint32_t fetch)
{
    const struct exec_defer *d = x->defer;
    bool past = !d || has(d->first, fetch);
    for (uint32_t i = 0; !past && i < d->usages_n; i++) {
        past = d->usages[i].told && has(d->usages[i].need, fetch);
    }
    return past;
}

uint32_t exec_defer_group(const struct exec_defer *d, const struct mer_shape *shape,
                          const struct mer_shape_field *f)
{
    return f->deferred ? d->group_of[f->deferred] : d->places[shape->index].group;
}

bool exec_defer_in(const struct exec_defer *d, uint32_t of, uint32_t usage)
{
    for (uint32_t i = 0; i < d->groups[of].n; i++) {
        if (d->groups[of].usages[i] == usage) {
            return true;
        }
    }
    return false;
}

bool exec_defer_says(const struct exec_defer *d, const struct mer_shape *shape,
                     const struct mer_shape_field *f, uint32_t usage)
{
    bool says = f->said.n == 0;
    for (uint32_t i = 0; i < f->said.n && !says; i++) {
        int32_t u = usage_of(d, f->said.items[i].deferral, shape->index);
        bool here = u < 0 ? exec_defer_in(d, d->places[shape->index].group, usage) : (uint32_t)u == usage;
        says = here && is_kept(d, &f->said.items[i]);
    }
    return says;
}

static bool meets(const struct exec_defer *d, const struct exec_usage *u, const struct mer_shape_variant *v)
{
    for (uint32_t i = 0; i < v->fields_n; i++) {
        const struct mer_shape_field *f = &v->fields[i];
        for (uint32_t k = 0; mer_kept(&f->kept_if, d->x->ask.vars) && k < f->said.n; k++) {
            for (const struct mer_deferral *c = f->said.items[k].deferral; c; c = c->outer) {
                if (c == u->met && is_kept(d, &f->said.items[k])) {
                    return true;
                }
            }
        }
    }
    return false;
}

const struct exec_met *exec_defer_met(struct exec_defer *d, const struct mer_shape *shape,
                                      const struct mer_shape_variant *v)
{
    struct exec_place *p = &d->places[shape->index];
    p->met = p->met ? p->met : MER_NEW_N(d->x->a, struct exec_met, shape->variants_n);
    struct exec_met *met = &p->met[v - shape->variants];
    if (!met->known) {
        met->known = true;
        met->usages = MER_NEW_N(d->x->a, uint32_t, p->usages_n + 1);
        for (uint32_t i = 0; i < p->usages_n; i++) {
            const struct exec_usage *u = &d->usages[p->usages[i]];
            if (!u->inlined && meets(d, u, v)) {
                met->usages[met->n++] = p->usages[i];
            }
        }
    }
    return met;
}
