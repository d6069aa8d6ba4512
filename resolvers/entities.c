// SPDX-License-Identifier: MIT
// Which objects a fetch completes, and how they are told to its source.
#include "resolvers/exec_priv.h"

void exec_hang(struct mer_exec *x, struct mer_obj *o, const struct mer_obj_more *row)
{
    struct mer_obj_more *m = MER_NEW(x->a, struct mer_obj_more);
    *m = *row;
    m->next = o->more;
    o->more = m;
}

static void add_target(struct mer_exec *x, struct exec_fetch *f, struct mer_obj *o, uint32_t id)
{
    if (f->targets_n == f->targets_cap) {
        f->targets_cap = f->targets_cap ? f->targets_cap * 2 : 16;
        struct mer_obj **t = MER_NEW_N(x->a, struct mer_obj *, f->targets_cap);
        uint32_t *k = MER_NEW_N(x->a, uint32_t, f->targets_cap);
        if (f->targets_n) {
            memcpy(t, f->targets, f->targets_n * sizeof(*t));
            memcpy(k, f->target_ids, f->targets_n * sizeof(*k));
        }
        f->targets = t;
        f->target_ids = k;
    }
    f->targets[f->targets_n] = o;
    f->target_ids[f->targets_n++] = id;
}

// ---- keys ----

static const struct mer_rep *rep_of(const struct mer_plan_fetch *f, const struct mer_obj *o)
{
    for (uint32_t i = 0; i < f->reps_n; i++) {
        if (mer_obj_is(o, &f->reps[i].types)) {
            return &f->reps[i];
        }
    }
    return NULL;
}

// Without its key an object cannot be asked for: what failed there fails here.
static void hang_failure(struct mer_exec *x, const struct exec_fetch *f, struct mer_obj *o,
                         struct mer_exec_error *e)
{
    if (e) {
        exec_hang(x, o, &(struct mer_obj_more){.fetch = f->plan->index, .error = e});
    }
}

static uint32_t id_index(struct exec_fetch *f, struct mer_slice id)
{
    uintptr_t at = (uintptr_t)mer_map_get(&f->id_index, id);
    if (!at) {
        at = ++f->ids_n;
        mer_map_add(&f->id_index, id, (void *)at);
    }
    return (uint32_t)at - 1;
}

// Sources of rows know an entity by the node id alone.
static void add_node(struct mer_exec *x, struct exec_fetch *f, struct mer_obj *o, const struct mer_rep *rep)
{
    const struct mer_rep_field *id = rep->fields;
    while (id < rep->fields + rep->fields_n && !mer_slice_is(id->name, "id")) {
        id++;
    }
    if (id == rep->fields + rep->fields_n) {
        return;
    }
    struct mer_val v = mer_val_at(o, id->at, id->home);
    if (v.kind != MER_VAL_RAW || v.raw.n < 2 || v.raw.p[0] != '"') {
        hang_failure(x, f, o, v.kind == MER_VAL_NULL ? v.error : NULL);
        return;
    }
    add_target(x, f, o, id_index(f, mer_json_unescape(x->a, mer_slice_make(v.raw.p + 1, v.raw.n - 2))));
}

// ---- finding ----

struct find {
    struct mer_exec *x;
    struct exec_fetch *f;
};

static void found(void *owner, struct mer_obj *o)
{
    struct find *c = owner;
    const struct mer_plan_fetch *plan = c->f->plan;
    if (!mer_obj_is(o, &plan->on)) {
        return;
    }
    if (plan->kind != MER_FETCH_ENTITY) {
        add_target(c->x, c->f, o, 0);
        return;
    }
    const struct mer_rep *rep = rep_of(plan, o);
    if (rep) {
        add_node(c->x, c->f, o, rep);
    }
}

static void list_ids(struct mer_exec *x, struct exec_fetch *f)
{
    f->ids = MER_NEW_N(x->a, struct mer_slice, f->ids_n);
    f->id_errors = MER_NEW_N(x->a, struct mer_exec_error *, f->ids_n);
    uint32_t n = 0;
    MER_MAP_EACH(&f->id_index, e)
    {
        f->ids[n++] = e->key;
    }
}

void exec_find_targets(struct mer_exec *x, struct exec_fetch *f)
{
    struct find c = {x, f};
    mer_map_init(&f->id_index, x->a);
    if (f->plan->parent == UINT32_MAX) {
        mer_val_walk(x->root, f->plan->path, f->plan->path_n, found, &c);
    } else {
        const struct exec_fetch *parent = &x->fetches[f->plan->parent];
        for (uint32_t i = 0; i < parent->roots_n; i++) {
            if (parent->roots[i]) {
                mer_val_walk(parent->roots[i], f->plan->path, f->plan->path_n, found, &c);
            }
        }
    }
    if (f->plan->kind == MER_FETCH_ENTITY) {
        list_ids(x, f);
    }
}
