// SPDX-License-Identifier: MIT
#include "resolvers/exec_priv.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "base/time.h"
#include "resolvers/defer.h"

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

void exec_fetch_done(struct mer_exec *x, struct exec_fetch *f)
{
    for (uint32_t i = 0; i < f->targets_n && f->roots_n; i++) {
        uint32_t id = f->target_ids[i];
        exec_hang(x, f->targets[i],
                  &(struct mer_obj_more){.fetch = f->plan->index,
                                         .whole = f->plain && f->plan->kind == MER_FETCH_ENTITY,
                                         .object = f->roots[id],
                                         .error = f->id_errors ? f->id_errors[id] : NULL});
    }
    f->state = EXEC_DONE;
}

void exec_fetch_failed(struct mer_exec *x, struct exec_fetch *f, struct mer_exec_error *e)
{
    for (uint32_t i = 0; i < f->targets_n; i++) {
        exec_hang(x, f->targets[i], &(struct mer_obj_more){.fetch = f->plan->index, .error = e});
    }
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
        struct mer_obj *stub = mer_obj_new(x->a, root->slots_n);
        stub->type = mer_schema_type(exec_types(x), mer_json_string(x->a, &j, type));
        stub->type = stub->type ? stub->type : &mer_type_nowhere;
        for (uint32_t k = 0; k < root->children_n; k++) {
            if (root->children[k]->field && mer_slice_is(root->children[k]->field->name, "id")) {
                stub->slots[root->children[k]->slot] =
                    (struct mer_val){.kind = MER_VAL_RAW, .raw = mer_json_raw(&j, id)};
            }
        }
        v.items[i] = (struct mer_val){.kind = MER_VAL_OBJECT, .object = stub};
    }
    f->roots = MER_NEW(x->a, struct mer_obj *);
    f->roots_n = 1;
    f->roots[0] = mer_obj_new(x->a, f->plan->op.slots_n);
    f->roots[0]->slots[root->slot] = v;
    exec_fetch_done(x, f);
    return NULL;
}

static void start_root(struct mer_exec *x, struct exec_fetch *f)
{
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
        exec_fetch_failed(x, f, e);
    }
}

static void start_entities(struct mer_exec *x, struct exec_fetch *f)
{
    if (f->plan->rows && !x->ask.caller.rows) {
        exec_fetch_failed(x, f, exec_forbidden(x));
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

static bool asks_anything(const struct mer_exec *x, const struct exec_fetch *f)
{
    const struct mer_fetch_op *op = &f->plan->op;
    for (uint32_t i = 0; i < op->fields_n; i++) {
        if (mer_kept(&op->fields[i]->kept_if, x->ask.vars)) {
            return true;
        }
    }
    return false;
}

// One of the root fields of a mutation, which run one after the other.
static bool is_in_turn(const struct mer_exec *x, const struct exec_fetch *f)
{
    return x->ask.plan->serial && f->plan->parent == UINT32_MAX && f->plan->kind != MER_FETCH_SPLICE;
}

// A root field that is null where it must not be takes all data along: what comes after it does not run
// (specification 6.4.4 lets an executor end there, and nobody would hear of it).
static bool is_stopped(struct mer_exec *x, const struct exec_fetch *f)
{
    const struct mer_shape_variant *v = x->ask.plan->shape->variants;
    for (; x->stood < v->fields_n && !x->stopped; x->stood++) {
        const struct mer_shape_field *field = &v->fields[x->stood];
        if (field->kind != MER_SHAPE_DATA || !mer_ref_non_null(&field->field->type, 0) ||
            !mer_kept(&field->kept_if, x->ask.vars)) {
            continue;
        }
        if (field->fetch >= f->plan->index) {
            break;
        }
        x->stopped = !exec_root_stands(x, field);
    }
    return x->stopped;
}

// What has nothing to ask, or nobody to ask about, is done and brings nothing.
static void start(struct mer_exec *x, struct exec_fetch *f)
{
    enum mer_fetch_kind kind = f->plan->kind;
    f->state = EXEC_RUNNING;
    if (is_in_turn(x, f) && is_stopped(x, f)) {
        exec_fetch_done(x, f);
        return;
    }
    if (kind == MER_FETCH_SPLICE || asks_anything(x, f)) {
        exec_find_targets(x, f);
    }
    if (f->targets_n == 0) {
        exec_fetch_done(x, f);
    } else if (f->plain) {
        exec_subgraph_ask(x, f);
    } else if (kind == MER_FETCH_ENTITY) {
        start_entities(x, f);
    } else {
        start_root(x, f);
    }
}

static bool is_ready(const struct mer_exec *x, const struct exec_fetch *f)
{
    for (uint32_t i = 0; i < f->plan->after_n; i++) {
        if (x->fetches[f->plan->after[i]].state != EXEC_DONE) {
            return false;
        }
    }
    for (uint32_t i = 0; is_in_turn(x, f) && i < f->plan->index; i++) {
        if (x->fetches[i].state != EXEC_DONE && !exec_defer_is_late(x, i)) {
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
                start(x, f);
                moved = true;
            }
            all = all && f->state == EXEC_DONE;
        }
    }
    exec_subgraph_flush(x);
    if (x->defer && exec_defer_is_due(x)) {
        exec_schedule(x); // more may be
        x->ask.done(x->ask.owner);
    } else if (all && !x->defer) {
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
        exec_fetch_done(x, f);
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
    x->root = mer_obj_new(x->a, 0);
    x->fetches = MER_NEW_N(x->a, struct exec_fetch, ask->plan->fetches_n);
    for (uint32_t i = 0; i < ask->plan->fetches_n; i++) {
        x->fetches[i].plan = ask->plan->fetches[i];
        x->fetches[i].plain = ask->site->sources[ask->plan->fetches[i]->source].plain;
        exec_set_bound(x, &x->fetches[i]);
    }
    exec_defer_begin(x);
    if (!x->defer && exec_recall(x)) {
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
        mer_timer_stop(p->x->ask.site->loop, &p->again);
        mer_pg_cancel(&p->query);
    } else {
        mer_gql_cancel(&p->call);
    }
}

void mer_exec_end(struct mer_exec *x)
{
    x->finished = true;
    mer_task_cancel(x->ask.site->loop, &x->task);
    exec_subgraph_cancel(x);
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
