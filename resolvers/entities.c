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

static struct mer_exec_error *origin(struct mer_exec_error *e)
{
    return e->origin ? e->origin : e;
}

static struct mer_exec_error *hung_as(struct mer_exec *x, struct exec_fetch *f, struct mer_exec_error *e)
{
    if (!f->hung || f->hung->origin != origin(e)) {
        f->hung = MER_NEW(x->a, struct mer_exec_error);
        *f->hung = *e;
        f->hung->origin = origin(e);
        f->hung->told = f->hung->rest_n = 0;
    }
    return f->hung;
}

struct mer_exec_error *exec_told_here(struct mer_exec *x, struct exec_fetch *f, struct mer_exec_error *e,
                                      uint32_t fetch)
{
    struct mer_exec_error *h = hung_as(x, f, e);
    h->fetch = fetch;
    h->rest = e->rest;
    h->rest_n = e->rest_n;
    return h;
}

// Without its key an object cannot be asked for: what failed there fails here.
static void hang_failure(struct mer_exec *x, struct exec_fetch *f, struct mer_obj *o,
                         struct mer_exec_error *e)
{
    if (e) {
        exec_hang(x, o,
                  &(struct mer_obj_more){
                      .fetch = f->plan->index, .whole = f->plain, .error = f->plain ? hung_as(x, f, e) : e});
    }
}

static uint32_t id_index(struct exec_fetch *f, struct mer_slice id)
{
    uintptr_t next = (uintptr_t)f->ids_n + 1;
    uintptr_t at = (uintptr_t)mer_map_get_or_add(&f->id_index, id, (void *)next);
    f->ids_n += at == next;
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

// ---- representations ----

struct telling {
    struct mer_buf *b;
    struct mer_exec_error *why; // an entity cannot be told
};

static bool tell_members(struct telling *t, const struct mer_obj *o, const struct mer_rep_field *fields,
                         uint32_t n, char sep);

static bool tell_value(struct telling *t, const struct mer_val *v, const struct mer_rep_field *m)
{
    switch (v->kind) {
    case MER_VAL_RAW:
        mer_buf_add(t->b, v->raw);
        return true;
    case MER_VAL_OBJECT:
        return tell_members(t, v->object, m->fields, m->fields_n, '{');
    case MER_VAL_LIST:
        mer_buf_add_char(t->b, '[');
        for (uint32_t i = 0; i < v->n; i++) {
            mer_buf_add(t->b, i ? MER_S(",") : MER_NIL);
            if (!tell_value(t, &v->items[i], m)) {
                return false;
            }
        }
        mer_buf_add_char(t->b, ']');
        return true;
    case MER_VAL_NULL:
        t->why = v->error;
        mer_buf_add(t->b, MER_S("null"));
        return !t->why; // what is made of a null that is a failure would be wrong
    default:
        mer_buf_add(t->b, MER_S("null"));
        return true;
    }
}

// sep: '{' for an object of its own, ',' to go on in one.
static bool tell_members(struct telling *t, const struct mer_obj *o, const struct mer_rep_field *fields,
                         uint32_t n, char sep)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct mer_rep_field *m = &fields[i];
        if (!mer_obj_is(o, &m->on)) {
            continue;
        }
        struct mer_val v = mer_val_at(o, m->at, m->home);
        if (v.kind == MER_VAL_NULL && m->needed) {
            t->why = v.error;
            return false;
        }
        mer_buf_add_char(t->b, sep);
        sep = ',';
        mer_buf_add_char(t->b, '"');
        mer_buf_add(t->b, m->name);
        mer_buf_add(t->b, MER_S("\":"));
        if (!tell_value(t, &v, m)) {
            return false;
        }
    }
    mer_buf_add(t->b, sep == '{' ? MER_S("{}") : MER_S("}"));
    return true;
}

static void note_type(struct mer_exec *x, struct exec_fetch *f, uint32_t id, const struct mer_type *t)
{
    if (id >= f->id_types_cap) {
        f->id_types_cap = f->id_types_cap ? f->id_types_cap * 2 : 16;
        const struct mer_type **grown = MER_NEW_N(x->a, const struct mer_type *, f->id_types_cap);
        if (id) {
            memcpy(grown, f->id_types, id * sizeof(*grown));
        }
        f->id_types = grown;
    }
    f->id_types[id] = t;
}

// Equal representations are one: the bytes are written behind the others and taken back if they are known.
static void add_entity(struct mer_exec *x, struct exec_fetch *f, struct mer_obj *o, const struct mer_rep *rep)
{
    struct mer_buf *b = &f->reps;
    size_t start = b->n;
    struct telling t = {.b = b};
    const struct mer_type *type = mer_obj_type(o), *entity = f->plan->op.entity;
    struct mer_slice name = rep->name.n ? rep->name : type ? type->name : entity ? entity->name : MER_NIL;
    mer_buf_add(b, start ? MER_S(",") : MER_NIL);
    size_t from = b->n;
    mer_buf_add(b, MER_S("{\"__typename\":\""));
    mer_buf_add(b, name);
    mer_buf_add_char(b, '"');
    if (!tell_members(&t, o, rep->fields, rep->fields_n, ',')) {
        b->n = start;
        hang_failure(x, f, o, t.why);
        return;
    }
    uint32_t known = f->ids_n, id = id_index(f, mer_slice_make(b->p + from, b->n - from));
    if (id < known) {
        b->n = start;
    } else {
        note_type(x, f, id, type ? type : mer_schema_type(exec_types(x), name));
    }
    add_target(x, f, o, id);
}

// ---- splices ----

#define LISTS_MAX 16u // in lists

struct joining {
    struct mer_exec *x;
    struct exec_fetch *f;
    struct mer_obj *holder;
    struct exec_step steps[LISTS_MAX + 1]; // from the holder to where we are
    uint32_t steps_n;
};

static struct mer_slice source_of(const struct joining *j, uint32_t fetch)
{
    return j->x->ask.site->sources[j->x->fetches[fetch].plan->source].name;
}

// Which of two lists is right nobody knows: told where the list stands, and joined as far as both go.
static void tell_uneven(struct joining *j, uint32_t into_n, uint32_t from_n)
{
    const struct mer_plan_fetch *plan = j->f->plan;
    struct mer_slice source = source_of(j, plan->from.fetch), other = source_of(j, plan->into.fetch);
    struct mer_exec_error *e = exec_error(
        j->x, "FETCH_ERROR", "subgraph %.*s answered a list of %u where subgraph %.*s answered one of %u",
        MER_FMT(source), from_n, MER_FMT(other), into_n);
    struct exec_step *steps = MER_NEW_N(j->x->a, struct exec_step, j->steps_n);
    memcpy(steps, j->steps, j->steps_n * sizeof(*steps));
    e->source = source;
    e->fetch = plan->into.fetch;
    exec_hear(j->x, &(struct exec_subgraph_error){
                        .error = e, .object = j->holder, .steps = steps, .steps_n = j->steps_n});
}

static void join(struct joining *j, const struct mer_val *into, const struct mer_val *from)
{
    struct mer_exec *x = j->x;
    uint32_t fetch = j->f->plan->from.fetch;
    if (into->kind == MER_VAL_OBJECT && from->kind == MER_VAL_OBJECT) {
        exec_hang(x, into->object, &(struct mer_obj_more){.fetch = fetch, .object = from->object});
        for (const struct mer_obj_more *m = from->object->more; m; m = m->next) {
            exec_hang(x, into->object, m);
        }
    }
    if (into->kind == MER_VAL_LIST && from->kind == MER_VAL_LIST && j->steps_n <= LISTS_MAX) {
        if (into->n != from->n) {
            tell_uneven(j, into->n, from->n);
        }
        for (uint32_t i = 0; i < into->n && i < from->n; i++) {
            j->steps[j->steps_n++] = (struct exec_step){true, i};
            join(j, &into->items[i], &from->items[i]);
            j->steps_n--;
        }
    }
    if (from->kind == MER_VAL_NULL && from->error && into->kind == MER_VAL_OBJECT) {
        exec_hang(x, into->object,
                  &(struct mer_obj_more){.fetch = fetch,
                                         .whole = j->f->plain,
                                         .error = exec_told_here(x, j->f, from->error, fetch)});
    }
}

static void splice(struct mer_exec *x, struct exec_fetch *f, struct mer_obj *o)
{
    const struct mer_plan_fetch *plan = f->plan;
    uint32_t home = plan->parent;
    struct mer_val into = mer_val_at(o, plan->into, home), from = mer_val_at(o, plan->from, home);
    struct joining j = {.x = x, .f = f, .holder = o, .steps = {{false, plan->into.slot}}, .steps_n = 1};
    join(&j, &into, &from);
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
    if (plan->kind == MER_FETCH_SPLICE) {
        splice(c->x, c->f, o);
        return;
    }
    if (plan->kind != MER_FETCH_ENTITY) {
        add_target(c->x, c->f, o, 0);
        return;
    }
    const struct mer_rep *rep = rep_of(plan, o);
    if (rep && c->f->plain) {
        add_entity(c->x, c->f, o, rep);
    } else if (rep) {
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
    uint32_t number = f->plan->index + 1;
    mer_map_init(&f->id_index, x->a);
    if (f->plain && f->plan->kind == MER_FETCH_ENTITY) {
        mer_buf_init(&f->reps, x->a, 1024);
    }
    if (f->plan->parent == UINT32_MAX) {
        mer_val_walk(x->root, number, f->plan->path, f->plan->path_n, found, &c);
    } else {
        const struct exec_fetch *parent = &x->fetches[f->plan->parent];
        for (uint32_t i = 0; i < parent->roots_n; i++) {
            if (parent->roots[i]) {
                mer_val_walk(parent->roots[i], number, f->plan->path, f->plan->path_n, found, &c);
            }
        }
    }
    if (f->plan->kind == MER_FETCH_ENTITY) {
        list_ids(x, f);
    }
}
