// SPDX-License-Identifier: MIT
// Paths of the answer, and errors of subgraphs that no null of the answer has told: of keys and of fields
// that others required, of values that came all the same, of what stands below a null. Their places are
// looked for in the whole answer, once, and only if there are such errors.
#include "resolvers/defer.h"

void exec_path_grow(struct exec_path *p)
{
    p->cap = p->cap ? p->cap * 2 : 32;
    struct mer_path_seg *grown = MER_NEW_N(p->a, struct mer_path_seg, p->cap);
    if (p->n) {
        memcpy(grown, p->segs, p->n * sizeof(*grown));
    }
    p->segs = grown;
}

static bool tells(const struct mer_shape_field *f, uint32_t fetch, uint32_t slot)
{
    bool told = f->fetch == fetch && f->slot == slot;
    for (uint32_t i = 0; i < f->also_n; i++) {
        told = told || (f->also[i].fetch == fetch && f->also[i].slot == slot);
    }
    return told;
}

static const struct mer_shape_field *field_at(const struct mer_shape *s, uint32_t fetch, uint32_t slot)
{
    for (uint32_t v = 0; s && v < s->variants_n; v++) {
        for (uint32_t i = 0; i < s->variants[v].fields_n; i++) {
            const struct mer_shape_field *f = &s->variants[v].fields[i];
            if (f->kind == MER_SHAPE_DATA && tells(f, fetch, slot)) {
                return f;
            }
        }
    }
    return NULL;
}

static void follow(struct exec_path *p, const struct mer_shape *below, uint32_t fetch,
                   const struct exec_step *steps, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (steps[i].index) {
            exec_path_push(p, (struct mer_path_seg){.index = steps[i].n});
            continue;
        }
        const struct mer_shape_field *f = field_at(below, fetch, steps[i].n);
        if (!f) {
            return;
        }
        exec_path_push(p, (struct mer_path_seg){.key = f->key, .on = below->declared});
        below = f->sub;
    }
}

void exec_path_follow(struct exec_path *p, const struct mer_shape *below, const struct mer_exec_error *e)
{
    follow(p, below, e->fetch, e->rest, e->rest_n);
}

// ---- looking for places ----

#define HEARD_MAX  200u // a wrong answer has not to fill the memory
#define UNTOLD_MAX 100u
#define PLACES_MAX 20u // of one error

struct untold {
    const struct exec_subgraph_error *said[UNTOLD_MAX];
    uint32_t n;
    struct mer_exec *x;
    struct exec_path path;
};

void exec_hear(struct mer_exec *x, const struct exec_subgraph_error *said)
{
    if (x->heard_n++ >= HEARD_MAX) {
        return;
    }
    struct exec_subgraph_error *h = MER_NEW(x->a, struct exec_subgraph_error);
    *h = *said;
    h->next = NULL;
    if (!x->heard_tail) {
        x->heard_tail = &x->heard;
    }
    *x->heard_tail = h;
    x->heard_tail = &h->next;
}

static bool is_of(const struct untold *u, const struct exec_subgraph_error *h, const struct mer_obj *o)
{
    if (h->object) {
        return h->object == o;
    }
    const struct exec_fetch *f = &u->x->fetches[h->error->fetch];
    for (uint32_t i = 0; i < f->targets_n; i++) {
        if (f->targets[i] == o && f->target_ids[i] == h->id) {
            return true;
        }
    }
    return false;
}

static void seek_object(struct untold *u, const struct mer_shape *shape, struct mer_obj *o);

static void seek_value(struct untold *u, const struct mer_shape_field *f, const struct mer_val *v)
{
    if (v->kind == MER_VAL_OBJECT) {
        seek_object(u, f->sub, v->object);
    }
    for (uint32_t i = 0; v->kind == MER_VAL_LIST && i < v->n; i++) {
        exec_path_push(&u->path, (struct mer_path_seg){.index = i});
        seek_value(u, f, &v->items[i]);
        u->path.n--;
    }
}

// Objects that a subgraph knows by their interface alone are asked for all that any type of theirs is asked
// for: what failed of an object that the client does not ask for it concerns nobody. Keys and what others
// required stand in no variant, and are told.
static bool is_asked(const struct mer_shape *shape, const struct mer_obj *o, uint32_t fetch, uint32_t slot)
{
    const struct mer_type *t = o ? mer_obj_type(o) : NULL;
    const struct mer_shape_variant *own = t ? exec_variant(shape, t) : NULL;
    for (uint32_t i = 0; own && i < own->fields_n; i++) {
        if (own->fields[i].kind == MER_SHAPE_DATA && tells(&own->fields[i], fetch, slot)) {
            return true;
        }
    }
    return !own || !field_at(shape, fetch, slot);
}

// Is all asked that its path leads over?
static bool concerns(const struct mer_shape *shape, const struct mer_obj *o,
                     const struct exec_subgraph_error *said)
{
    struct mer_val v = {0};
    uint32_t fetch = said->error->fetch;
    for (uint32_t i = 0; i < said->steps_n && shape; i++) {
        const struct exec_step *step = &said->steps[i];
        if (step->index) {
            v = v.kind == MER_VAL_LIST && step->n < v.n ? v.items[step->n] : (struct mer_val){0};
        } else {
            const struct mer_shape_field *f = field_at(shape, fetch, step->n);
            if (!is_asked(shape, o, fetch, step->n)) {
                return false;
            }
            v = o && f ? mer_val_at(o, (struct mer_plan_value){fetch, step->n}, shape->home)
                       : (struct mer_val){0};
            shape = f ? f->sub : NULL;
        }
        o = v.kind == MER_VAL_OBJECT ? v.object : NULL;
    }
    return true;
}

static void tell_here(struct untold *u, const struct mer_shape *shape, const struct mer_obj *o)
{
    for (uint32_t i = 0; i < u->n; i++) {
        struct mer_exec_error *e = u->said[i]->error;
        uint32_t here = u->path.n;
        if (e->told < (e->limit ? e->limit : PLACES_MAX) && is_of(u, u->said[i], o)) {
            e->told++;
            if (!concerns(shape, o, u->said[i])) {
                continue;
            }
            follow(&u->path, shape, e->fetch, u->said[i]->steps, u->said[i]->steps_n);
            exec_tell(u->x, e, u->path.segs, u->path.n);
            u->path.n = here;
        }
    }
}

static void seek_object(struct untold *u, const struct mer_shape *shape, struct mer_obj *o)
{
    const struct mer_type *t = mer_obj_type(o);
    if (o->sought) {
        tell_here(u, shape, o);
    }
    for (uint32_t v = 0; v < shape->variants_n; v++) {
        const struct mer_shape_variant *at = &shape->variants[v];
        for (uint32_t i = 0; (!t || mer_types_hold(&at->types, t)) && i < at->fields_n; i++) {
            const struct mer_shape_field *f = &at->fields[i];
            if (f->kind == MER_SHAPE_DATA && f->sub && mer_kept(&f->kept_if, u->x->ask.vars)) {
                struct mer_val value = mer_val_at(o, (struct mer_plan_value){f->fetch, f->slot}, shape->home);
                exec_path_push(&u->path, (struct mer_path_seg){.key = f->key, .on = t});
                seek_value(u, f, &value);
                u->path.n--;
            }
        }
    }
}

void exec_tell_untold(struct mer_exec *x)
{
    struct untold u = {.x = x, .path = {.a = x->a}};
    for (const struct exec_subgraph_error *h = x->heard; h && u.n < UNTOLD_MAX; h = h->next) {
        if (h->error->told == 0 && !h->error->spoken && exec_defer_is_past(x, h->error->fetch)) {
            const struct exec_fetch *f = &x->fetches[h->error->fetch];
            u.said[u.n++] = h;
            if (h->object) {
                h->object->sought = true;
                continue;
            }
            for (uint32_t i = 0; i < f->targets_n; i++) {
                f->targets[i]->sought = f->targets[i]->sought || f->target_ids[i] == h->id;
            }
        }
    }
    if (u.n == 0) {
        return;
    }
    seek_object(&u, x->ask.plan->shape, x->root);
    for (uint32_t i = 0; i < u.n; i++) {
        if (u.said[i]->error->told == 0) {
            u.said[i]->error->told = 1;
            exec_tell(x, u.said[i]->error, NULL, 0);
        }
    }
}
