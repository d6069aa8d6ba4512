// SPDX-License-Identifier: MIT
#include "planner/guards.h"

#include <stdlib.h>

#include "planner/federation.h"

struct reader {
    struct mer_arena *a;
    const struct mer_supergraph *sg;
    struct mer_federation *f;
    struct mer_slice names[3]; // of the directives, by kind
    struct mer_map known;      // canonical text → index + 1
    uint32_t cap;
    struct mer_guards *of_type; // as written, by index of the type
};

// ---- one guard ----

static int by_text(const void *x, const void *y)
{
    return mer_slice_cmp(*(const struct mer_slice *)x, *(const struct mer_slice *)y);
}

static int by_names(const void *x, const void *y)
{
    const struct mer_guard_names *p = x, *q = y;
    for (uint32_t i = 0; i < p->n && i < q->n; i++) {
        int cmp = mer_slice_cmp(p->items[i], q->items[i]);
        if (cmp) {
            return cmp;
        }
    }
    return (p->n > q->n) - (p->n < q->n);
}

static struct mer_guard_names read_names(struct mer_arena *a, const struct mer_ast_value *v)
{
    bool list = v->kind == MER_VALUE_LIST;
    uint32_t n = list ? v->n : 1;
    struct mer_slice *items = MER_NEW_N(a, struct mer_slice, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        items[i] = list ? v->items[i]->text : v->text;
    }
    qsort(items, n, sizeof(*items), by_text);
    return (struct mer_guard_names){items, n};
}

static void read_any(struct mer_arena *a, const struct mer_ast_value *v, struct mer_guard *g)
{
    bool list = v && v->kind == MER_VALUE_LIST;
    uint32_t n = list ? v->n : v ? 1 : 0;
    struct mer_guard_names *any = MER_NEW_N(a, struct mer_guard_names, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        any[i] = read_names(a, list ? v->items[i] : v);
    }
    qsort(any, n, sizeof(*any), by_names);
    g->any = any;
    g->any_n = n;
}

// Lengths tell names apart whatever they hold.
static struct mer_slice text_of(struct mer_arena *a, const struct mer_guard *g)
{
    struct mer_buf b;
    mer_buf_init(&b, a, 64);
    mer_buf_printf(&b, "%d", (int)g->kind);
    for (uint32_t i = 0; i < g->any_n; i++) {
        mer_buf_add_char(&b, '|');
        for (uint32_t k = 0; k < g->any[i].n; k++) {
            mer_buf_printf(&b, "%zu:", g->any[i].items[k].n);
            mer_buf_add(&b, g->any[i].items[k]);
        }
    }
    return mer_buf_slice(&b);
}

static uint32_t index_of(struct reader *r, const struct mer_guard *g)
{
    struct mer_slice text = text_of(r->a, g);
    uintptr_t at = (uintptr_t)mer_map_get(&r->known, text);
    if (!at) {
        if (r->f->guards_n == r->cap) {
            r->cap = r->cap ? r->cap * 2 : 16;
            struct mer_guard *grown = MER_NEW_N(r->a, struct mer_guard, r->cap);
            if (r->f->guards_n) {
                memcpy(grown, r->f->guards, r->f->guards_n * sizeof(*grown));
            }
            r->f->guards = grown;
        }
        r->f->guards[r->f->guards_n] = *g;
        at = ++r->f->guards_n;
        mer_map_add(&r->known, text, (void *)at);
    }
    return (uint32_t)at - 1;
}

// ---- lists of them ----

static void add(uint32_t *items, uint32_t *n, uint32_t guard)
{
    uint32_t at = *n;
    for (uint32_t i = 0; i < *n; i++) {
        if (items[i] == guard) {
            return;
        }
    }
    for (; at > 0 && items[at - 1] > guard; at--) {
        items[at] = items[at - 1];
    }
    items[at] = guard;
    ++*n;
}

struct mer_guards mer_guards_join(struct mer_arena *a, const struct mer_guards *x, const struct mer_guards *y)
{
    if (x->n == 0 || y->n == 0) {
        return x->n ? *x : *y;
    }
    uint32_t *items = MER_NEW_N(a, uint32_t, x->n + y->n), n = 0;
    for (uint32_t i = 0; i < x->n; i++) {
        add(items, &n, x->items[i]);
    }
    for (uint32_t i = 0; i < y->n; i++) {
        add(items, &n, y->items[i]);
    }
    return (struct mer_guards){items, n};
}

static struct mer_guards written(struct reader *r, const struct mer_ast_directives *ds)
{
    static const char *const arguments[] = {"", "scopes", "policies"};
    uint32_t *items = NULL, n = 0;
    for (uint32_t i = 0; i < ds->n; i++) {
        for (uint32_t k = 0; k < 3; k++) {
            if (!r->names[k].n || !mer_slice_eq(ds->items[i]->name, r->names[k])) {
                continue;
            }
            struct mer_guard g = {.kind = (enum mer_guard_kind)k};
            if (k != MER_GUARD_AUTHENTICATED) {
                read_any(r->a, mer_ast_argument_find(ds->items[i], mer_slice_of(arguments[k])), &g);
            }
            items = items ? items : MER_NEW_N(r->a, uint32_t, ds->n);
            add(items, &n, index_of(r, &g));
        }
    }
    return (struct mer_guards){items, n};
}

// ---- interfaces ----

static bool has_name(const struct mer_guard *g, struct mer_slice name)
{
    for (uint32_t i = 0; i < g->any_n; i++) {
        for (uint32_t k = 0; k < g->any[i].n; k++) {
            if (mer_slice_eq(g->any[i].items[k], name)) {
                return true;
            }
        }
    }
    return false;
}

static bool holds_all(const struct mer_guard_names *names, const struct mer_guard_names *wanted)
{
    for (uint32_t i = 0; i < wanted->n; i++) {
        bool found = false;
        for (uint32_t k = 0; k < names->n && !found; k++) {
            found = mer_slice_eq(names->items[k], wanted->items[i]);
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

// Whoever has what `strict` demands has what `lax` demands.
static bool implies(const struct mer_guard *strict, const struct mer_guard *lax)
{
    for (uint32_t i = 0; i < strict->any_n; i++) {
        bool some = false;
        for (uint32_t k = 0; k < lax->any_n && !some; k++) {
            some = holds_all(&strict->any[i], &lax->any[k]);
        }
        if (!some) {
            return false;
        }
    }
    return true;
}

static struct mer_guards of_element(struct reader *r, const struct mer_type *t, const struct mer_field *f)
{
    if (!f) {
        return r->of_type[t->index];
    }
    const struct mer_field *own = mer_schema_field(r->sg->schema, t, f->name);
    return own && own->parent == t ? written(r, &own->directives) : (struct mer_guards){0};
}

static const struct mer_guard *of_kind(const struct reader *r, const struct mer_guards *gs,
                                       enum mer_guard_kind kind)
{
    for (uint32_t i = 0; i < gs->n; i++) {
        if (r->f->guards[gs->items[i]].kind == kind) {
            return &r->f->guards[gs->items[i]];
        }
    }
    return NULL;
}

static bool is_repeated(const struct reader *r, const struct mer_guard *g, const struct mer_guards *gs)
{
    for (uint32_t i = 0; i < gs->n; i++) {
        if (&r->f->guards[gs->items[i]] == g) {
            return true;
        }
    }
    return false;
}

// What an interface (its field f, or itself: NULL) demands only because implementations do: it demands no
// less than each of them, and names nothing that none of them names.
static bool comes_from_below(struct reader *r, const struct mer_type *iface, const struct mer_field *f,
                             uint32_t guard)
{
    struct mer_guard g = r->f->guards[guard];
    uint32_t said = 0, names = 0, found = 0;
    for (uint32_t i = 0; i < iface->possible_n; i++) {
        struct mer_guards own = of_element(r, iface->possible[i], f);
        const struct mer_guard *below = of_kind(r, &own, g.kind);
        said += below != NULL;
        if (below && !is_repeated(r, &r->f->guards[guard], &own) && !implies(&g, below)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < g.any_n; i++) {
        for (uint32_t k = 0; k < g.any[i].n; k++, names++) {
            bool there = false;
            for (uint32_t p = 0; p < iface->possible_n && !there; p++) {
                struct mer_guards own = of_element(r, iface->possible[p], f);
                const struct mer_guard *below = of_kind(r, &own, g.kind);
                there = below && has_name(below, g.any[i].items[k]);
            }
            found += there;
        }
    }
    return said && names == found;
}

// What an interface demands of its own.
static struct mer_guards own_of_interface(struct reader *r, const struct mer_type *iface,
                                          const struct mer_field *f)
{
    struct mer_guards all = of_element(r, iface, f);
    uint32_t *items = MER_NEW_N(r->a, uint32_t, all.n + 1), n = 0;
    for (uint32_t i = 0; i < all.n; i++) {
        if (!comes_from_below(r, iface, f, all.items[i])) {
            items[n++] = all.items[i];
        }
    }
    return (struct mer_guards){items, n};
}

static void inherit(struct reader *r, const struct mer_type *t, const struct mer_field *f,
                    struct mer_guards *to)
{
    for (uint32_t i = 0; i < t->interfaces_n; i++) {
        struct mer_guards own = own_of_interface(r, t->interfaces[i], f);
        *to = mer_guards_join(r->a, to, &own);
    }
}

// ---- the whole ----

static void read_type(struct reader *r, struct mer_fed_type *t)
{
    t->guards = r->of_type[t->type->index];
    if (t->type->kind == MER_TYPE_OBJECT) {
        inherit(r, t->type, NULL, &t->guards);
    }
}

// Of an abstract answer the object that comes decides.
static void read_fields(struct reader *r, struct mer_fed_type *t)
{
    for (uint32_t i = 0; t->fields && i < t->type->fields_n; i++) {
        const struct mer_field *f = &t->type->fields[i];
        const struct mer_type *answer = f->type.type;
        t->fields[i].guards = written(r, &f->directives);
        inherit(r, t->type, f, &t->fields[i].guards);
        if (answer->kind != MER_TYPE_INTERFACE && answer->kind != MER_TYPE_UNION) {
            t->fields[i].guards =
                mer_guards_join(r->a, &t->fields[i].guards, &mer_fed_type(r->f, answer)->guards);
        }
    }
}

void mer_guards_read(struct mer_arena *a, const struct mer_supergraph *sg, struct mer_federation *f)
{
    struct reader r = {.a = a, .sg = sg, .f = f};
    r.names[MER_GUARD_AUTHENTICATED] = mer_supergraph_spec_name(sg, MER_S("authenticated"));
    r.names[MER_GUARD_SCOPES] = mer_supergraph_spec_name(sg, MER_S("requiresScopes"));
    r.names[MER_GUARD_POLICIES] = mer_supergraph_spec_name(sg, MER_S("policy"));
    if (!r.names[0].n && !r.names[1].n && !r.names[2].n) {
        return;
    }
    mer_map_init(&r.known, a);
    r.of_type = MER_NEW_N(a, struct mer_guards, f->types->types_n);
    for (uint32_t i = 0; i < f->types->types_n; i++) {
        r.of_type[i] = written(&r, &f->types->types[i]->directives);
    }
    for (uint32_t i = 0; i < f->types->types_n; i++) {
        read_type(&r, &f->of[i]);
    }
    for (uint32_t i = 0; i < f->types->types_n; i++) {
        read_fields(&r, &f->of[i]);
    }
}

// ---- at a request ----

static bool is_granted(struct mer_slice list, struct mer_slice name)
{
    while (list.n) {
        if (mer_slice_eq(mer_slice_cut(&list, '\n'), name)) {
            return true;
        }
    }
    return false;
}

bool mer_guard_holds(const struct mer_guard *g, const struct mer_grants *grants)
{
    struct mer_slice list = g->kind == MER_GUARD_SCOPES ? grants->scopes : grants->policies;
    if (g->kind == MER_GUARD_AUTHENTICATED) {
        return grants->authenticated;
    }
    for (uint32_t i = 0; i < g->any_n; i++) {
        bool all = true;
        for (uint32_t k = 0; k < g->any[i].n && all; k++) {
            all = is_granted(list, g->any[i].items[k]);
        }
        if (all) {
            return true;
        }
    }
    return false;
}

const uint64_t *mer_guards_refused(struct mer_arena *a, const struct mer_federation *f,
                                   const struct mer_grants *grants)
{
    if (f->guards_n == 0) {
        return NULL;
    }
    uint64_t *out = MER_NEW_N(a, uint64_t, f->guards_n / 64 + 1);
    for (uint32_t i = 0; i < f->guards_n; i++) {
        if (!mer_guard_holds(&f->guards[i], grants)) {
            out[i / 64] |= UINT64_C(1) << (i % 64);
        }
    }
    return out;
}
