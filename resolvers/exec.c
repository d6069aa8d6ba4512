// SPDX-License-Identifier: MIT
#include "resolvers/exec_priv.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "base/time.h"

// ---- errors ----

static struct mer_exec_error *error_v(struct mer_exec *x, const char *code, const char *fmt, va_list ap)
    MER_PRINTF(3, 0);
static struct mer_exec_error *error_v(struct mer_exec *x, const char *code, const char *fmt, va_list ap)
{
    char text[256];
    vsnprintf(text, sizeof(text), fmt, ap);
    struct mer_exec_error *e = MER_NEW(x->a, struct mer_exec_error);
    e->code = code;
    e->message = mer_arena_copy(x->a, mer_slice_of(text));
    return e;
}

struct mer_exec_error *exec_error(struct mer_exec *x, const char *code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct mer_exec_error *e = error_v(x, code, fmt, ap);
    va_end(ap);
    return e;
}

struct mer_exec_error *exec_forbidden(struct mer_exec *x)
{
    return exec_error(x, "FORBIDDEN", "role %.*s may not read these rows", MER_FMT(x->ask.caller.role));
}

struct mer_exec_error *exec_part_error(struct exec_part *p, const char *code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct mer_exec_error *e = error_v(p->x, code, fmt, ap);
    va_end(ap);
    e->source = p->x->ask.site->sources[p->fetch->plan->source].name;
    e->region = p->region;
    e->facility = p->facilities_n == 1 ? p->facilities[0] : MER_NIL;
    if (p->place) {
        e->tier = mer_tier_name(p->place->tier);
        e->environment = p->place->environment;
        e->region = e->region.n ? e->region : p->place->region;
    }
    return e;
}

#define PATHS_TOLD_MAX 20

void exec_tell(struct mer_exec *x, const struct mer_exec_error *e, const struct mer_path_seg *path,
               uint32_t path_n)
{
    struct mer_exec_error *told = MER_NEW(x->a, struct mer_exec_error);
    *told = *e;
    told->next = NULL;
    if (path) {
        told->path_n = path_n;
        told->path = MER_NEW_N(x->a, struct mer_path_seg, path_n + 1);
        memcpy(told->path, path, path_n * sizeof(*path));
    }
    *x->errors_tail = told;
    x->errors_tail = &told->next;
}

void mer_exec_each_error(const struct mer_exec *x, void (*fn)(void *owner, const char *code), void *owner)
{
    for (const struct mer_exec_error *e = x->errors; e; e = e->next) {
        fn(owner, e->code);
    }
}

// ---- what must be given back ----

void exec_keep(struct mer_exec *x, void *handle, void (*release)(void *handle))
{
    struct exec_kept *k = MER_NEW(x->a, struct exec_kept);
    *k = (struct exec_kept){handle, release, x->kept};
    x->kept = k;
}

// ---- scheduling ----

static void advance(void *owner);

void exec_schedule(struct mer_exec *x)
{
    if (!x->scheduled) {
        x->scheduled = true;
        mer_loop_defer(x->ask.site->loop, &x->task, advance, x);
    }
}

void exec_fetch_done(struct exec_fetch *f)
{
    f->state = EXEC_DONE;
}

static const struct mer_shape_field *root_shape(const struct mer_exec *x, const struct mer_plan_fetch *f)
{
    const struct mer_shape_variant *v = x->ask.plan->shape->variants;
    for (uint32_t i = 0; i < v->fields_n; i++) {
        if (v->fields[i].kind == MER_SHAPE_DATA && v->fields[i].fetch == f->index) {
            return &v->fields[i];
        }
    }
    return NULL;
}

static void set_root_error(struct mer_exec *x, struct exec_fetch *f, struct mer_exec_error *e)
{
    f->roots = MER_NEW(x->a, struct mer_obj *);
    f->roots_n = 1;
    f->roots[0] = MER_NEW(x->a, struct mer_obj);
    f->roots[0]->slots = MER_NEW(x->a, struct mer_val);
    f->roots[0]->slots[0].error = e;
    exec_fetch_done(f);
}

// `@freshness(maxAge:)` on the field or on the query, or the header's bound: the tightest holds.
static void tighten(struct mer_exec *x, struct exec_fetch *f, const struct mer_ast_directives *ds)
{
    const struct mer_ast_directive *d = mer_ast_directive_find(ds, MER_S("freshness"));
    const struct mer_ast_value *v = d ? mer_ast_argument_find(d, MER_S("maxAge")) : NULL;
    struct mer_slice text = v ? v->text : MER_NIL;
    if (v && v->kind == MER_VALUE_VARIABLE) {
        const struct mer_in *in = mer_map_get(&x->ask.vars->by_name, v->text);
        text = in ? in->text : MER_NIL;
    }
    int64_t seconds = 0;
    if (mer_slice_to_i64(text, &seconds)) {
        int64_t us = seconds > 0 ? seconds * 1000000 : 0;
        f->max_age_us = f->max_age_us < 0 || us < f->max_age_us ? us : f->max_age_us;
    }
}

void exec_set_bound(struct mer_exec *x, struct exec_fetch *f)
{
    f->max_age_us = x->ask.max_age_us;
    tighten(x, f, &x->ask.plan->operation->directives);
}

struct mer_exec_error *exec_coerce_root(struct mer_exec *x, struct exec_fetch *f)
{
    const struct mer_fetch_field *root = f->plan->op.fields[0];
    struct mer_in_error bad = {0};
    enum mer_err err =
        mer_coerce_arguments(x->a, f->plan->op.schema, root->field->arguments, root->field->arguments_n,
                             root->arguments, root->arguments_n, x->ask.vars, &f->args, &bad);
    const struct mer_shape_field *shape = root_shape(x, f->plan);
    if (!err && shape) {
        tighten(x, f, &shape->ast->directives);
    }
    if (!err) {
        return NULL;
    }
    struct mer_exec_error *e = exec_error(x, "BAD_USER_INPUT", "%.*s", MER_FMT(bad.message));
    e->loc = bad.loc;
    return e;
}

// `_entities`: the objects are the representations that came in the variables, as stubs of type and key.
static struct mer_exec_error *make_given(struct mer_exec *x, struct exec_fetch *f)
{
    const struct mer_fetch_field *root = f->plan->op.fields[0];
    struct mer_in *list = f->args ? f->args[0] : NULL;
    struct mer_val v = {.kind = MER_VAL_LIST, .n = list ? list->n : 0};
    v.items = MER_NEW_N(x->a, struct mer_val, v.n);
    for (uint32_t i = 0; i < v.n; i++) {
        struct mer_json j;
        struct mer_slice text = list->items[i]->text;
        if (list->items[i]->kind != MER_IN_RAW || mer_json_parse(x->a, text, NULL, &j, NULL)) {
            return exec_error(x, "BAD_USER_INPUT", "a representation is an object");
        }
        const struct mer_json_node *o = mer_json_root(&j);
        const struct mer_json_node *type = mer_json_get(&j, o, MER_S("__typename"));
        const struct mer_json_node *id = mer_json_get(&j, o, MER_S("id"));
        if (!type || type->type != MER_JSON_STRING || !id || id->type != MER_JSON_STRING) {
            return exec_error(x, "BAD_USER_INPUT", "a representation needs __typename and id");
        }
        struct mer_obj *stub = MER_NEW(x->a, struct mer_obj);
        stub->type = mer_schema_type(x->ask.plan->graph->api, mer_json_string(x->a, &j, type));
        stub->slots = MER_NEW_N(x->a, struct mer_val, root->children_n);
        for (uint32_t k = 0; k < root->children_n; k++) {
            if (root->children[k]->field && mer_slice_is(root->children[k]->field->name, "id")) {
                stub->slots[k] = (struct mer_val){.kind = MER_VAL_RAW, .raw = mer_json_raw(&j, id)};
            }
        }
        v.items[i] = (struct mer_val){.kind = MER_VAL_OBJECT, .object = stub};
    }
    f->roots = MER_NEW(x->a, struct mer_obj *);
    f->roots_n = 1;
    f->roots[0] = MER_NEW(x->a, struct mer_obj);
    f->roots[0]->slots = MER_NEW(x->a, struct mer_val);
    f->roots[0]->slots[0] = v;
    exec_fetch_done(f);
    return NULL;
}

static void start_root(struct mer_exec *x, struct exec_fetch *f)
{
    const struct mer_shape_field *shape = root_shape(x, f->plan);
    if (shape && !mer_condition_holds(shape, x->ask.vars)) {
        exec_fetch_done(f);
        return;
    }
    struct mer_exec_error *e = exec_coerce_root(x, f);
    if (!e && f->plan->rows && !x->ask.caller.rows) {
        e = exec_forbidden(x);
    }
    if (!e && f->plan->kind == MER_FETCH_GIVEN) {
        e = make_given(x, f);
    } else if (!e && x->ask.site->sources[f->plan->source].catalogue) {
        exec_kpi_start(x, f);
    } else if (!e) {
        e = exec_cut_root(x, f);
        f->pending = f->parts_n;
        for (uint32_t i = 0; !e && i < f->parts_n; i++) {
            exec_ask_part(f->parts[i]);
        }
    }
    if (e) {
        set_root_error(x, f, e);
    }
}

static void fail_targets(struct mer_exec *x, struct exec_fetch *f, struct mer_exec_error *e)
{
    for (uint32_t i = 0; i < f->targets_n; i++) {
        struct mer_obj_more *m = MER_NEW(x->a, struct mer_obj_more);
        *m = (struct mer_obj_more){f->plan->index, NULL, e, f->targets[i]->more};
        f->targets[i]->more = m;
    }
    exec_fetch_done(f);
}

struct collect {
    struct mer_exec *x;
    struct exec_fetch *f;
};

static void collect_target(void *owner, struct mer_obj *o)
{
    struct collect *c = owner;
    struct exec_fetch *f = c->f;
    if (o->type && o->type != f->plan->entity_api) {
        return;
    }
    const struct mer_val *key = &o->slots[f->plan->key_slot];
    if (key->kind != MER_VAL_RAW || key->raw.n < 2 || key->raw.p[0] != '"') {
        return;
    }
    struct mer_slice id = mer_json_unescape(c->x->a, mer_slice_make(key->raw.p + 1, key->raw.n - 2));
    uintptr_t at = (uintptr_t)mer_map_get(&f->id_index, id);
    if (!at) {
        at = ++f->ids_n;
        mer_map_add(&f->id_index, id, (void *)at);
    }
    if (f->targets_n == f->targets_cap) {
        f->targets_cap = f->targets_cap ? f->targets_cap * 2 : 16;
        struct mer_obj **t = MER_NEW_N(c->x->a, struct mer_obj *, f->targets_cap);
        uint32_t *k = MER_NEW_N(c->x->a, uint32_t, f->targets_cap);
        if (f->targets_n) {
            memcpy(t, f->targets, f->targets_n * sizeof(*t));
            memcpy(k, f->target_ids, f->targets_n * sizeof(*k));
        }
        f->targets = t;
        f->target_ids = k;
    }
    f->targets[f->targets_n] = o;
    f->target_ids[f->targets_n++] = (uint32_t)at - 1;
}

static void start_entities(struct mer_exec *x, struct exec_fetch *f)
{
    struct exec_fetch *parent = &x->fetches[f->plan->parent];
    struct collect c = {x, f};
    mer_map_init(&f->id_index, x->a);
    for (uint32_t i = 0; i < parent->roots_n; i++) {
        if (parent->roots[i]) {
            mer_val_walk(parent->roots[i], f->plan->path, f->plan->path_n, collect_target, &c);
        }
    }
    f->ids = MER_NEW_N(x->a, struct mer_slice, f->ids_n);
    f->id_errors = MER_NEW_N(x->a, struct mer_exec_error *, f->ids_n);
    uint32_t n = 0;
    MER_MAP_EACH(&f->id_index, e)
    {
        f->ids[n++] = e->key;
    }
    if (f->ids_n == 0) {
        exec_fetch_done(f);
        return;
    }
    if (f->plan->rows && !x->ask.caller.rows) {
        fail_targets(x, f, exec_forbidden(x));
        return;
    }
    if (x->ask.site->sources[f->plan->source].catalogue) {
        exec_kpi_start(x, f);
        return;
    }
    exec_cut_entities(x, f);
    f->pending = f->parts_n;
    for (uint32_t i = 0; i < f->parts_n; i++) {
        exec_ask_part(f->parts[i]);
    }
}

static bool is_ready(const struct mer_exec *x, const struct exec_fetch *f)
{
    if (f->plan->kind == MER_FETCH_ENTITY) {
        return x->fetches[f->plan->parent].state == EXEC_DONE;
    }
    for (uint32_t i = 0; x->ask.plan->serial && i < f->plan->index; i++) {
        if (x->fetches[i].state != EXEC_DONE) {
            return false;
        }
    }
    return true;
}

static void advance(void *owner)
{
    struct mer_exec *x = owner;
    x->scheduled = false;
    if (x->finished) {
        return;
    }
    bool all = true, moved = !x->recalled;
    while (moved) {
        moved = false;
        all = true;
        for (uint32_t i = 0; i < x->ask.plan->fetches_n; i++) {
            struct exec_fetch *f = &x->fetches[i];
            if (f->state == EXEC_WAITING && is_ready(x, f)) {
                f->state = EXEC_RUNNING;
                if (f->plan->kind == MER_FETCH_ENTITY) {
                    start_entities(x, f);
                } else {
                    start_root(x, f);
                }
                moved = true;
            }
            all = all && f->state == EXEC_DONE;
        }
    }
    if (all) {
        x->finished = true;
        x->ask.done(x->ask.owner);
    }
}

void exec_part_done(struct exec_part *p)
{
    struct exec_fetch *f = p->fetch;
    struct mer_exec *x = p->x;
    MER_ASSERT(!p->done);
    p->done = true;
    if (p->error && p->place) {
        x->ask.site->parts_failed[p->place->index]++;
    }
    if (f->kpi) {
        exec_kpi_part_done(p);
        return;
    }
    MER_ASSERT(f->pending > 0);
    if (--f->pending == 0) {
        if (f->plan->kind == MER_FETCH_ENTITY) {
            exec_combine_entities(x, f);
        } else {
            exec_combine_root(x, f);
        }
        exec_fetch_done(f);
    }
    exec_schedule(x);
}

// ---- face ----

static void drop_recalled(void *entry)
{
    mer_cache_entry_unref(entry);
}

struct mer_exec *mer_exec_start(const struct mer_exec_ask *ask)
{
    struct mer_exec *x = MER_NEW(ask->arena, struct mer_exec);
    x->ask = *ask;
    x->a = ask->arena;
    x->errors_tail = &x->errors;
    x->now_us = mer_time_wall_us();
    x->cached_at_us = MER_TIME_UNKNOWN;
    mer_fresh_init(&x->fresh, x->a);
    x->fetches = MER_NEW_N(x->a, struct exec_fetch, ask->plan->fetches_n);
    for (uint32_t i = 0; i < ask->plan->fetches_n; i++) {
        x->fetches[i].plan = ask->plan->fetches[i];
        exec_set_bound(x, &x->fetches[i]);
    }
    if (exec_recall(x)) {
        x->cache = MER_EXEC_CACHE_HIT;
        x->cached_at_us = x->recalled->stored_at_us;
        exec_keep(x, x->recalled, drop_recalled);
    }
    exec_schedule(x);
    return x;
}

static void stop_part(struct exec_part *p)
{
    if (p->done || !p->place) {
        return;
    }
    p->done = true;
    if (p->place->sql) {
        mer_pg_cancel(&p->query);
    } else {
        mer_gql_cancel(&p->call);
    }
}

void mer_exec_end(struct mer_exec *x)
{
    x->finished = true;
    mer_task_cancel(x->ask.site->loop, &x->task);
    for (uint32_t i = 0; i < x->ask.plan->fetches_n; i++) {
        exec_kpi_cancel(&x->fetches[i]);
        for (uint32_t k = 0; k < x->fetches[i].parts_n; k++) {
            stop_part(x->fetches[i].parts[k]);
        }
    }
    for (struct exec_kept *k = x->kept; k; k = k->next) {
        k->release(k->handle);
    }
    x->kept = NULL;
}

bool mer_exec_has_errors(const struct mer_exec *x)
{
    return x->errors != NULL;
}

const struct mer_exec_hole *mer_exec_holes(const struct mer_exec *x, uint32_t *n)
{
    *n = x->holes_n;
    return x->holes;
}

const struct mer_fresh *mer_exec_freshness(const struct mer_exec *x)
{
    return &x->fresh;
}

enum mer_exec_cache mer_exec_cache(const struct mer_exec *x)
{
    return x->cache;
}

int64_t mer_exec_cached_at_us(const struct mer_exec *x)
{
    return x->cached_at_us;
}
