// SPDX-License-Identifier: MIT
// Telling deferred parts, in the two formats that clients understand: `pending`, `incremental` and
// `completed`, where every field is told once and a part goes on where others have written (`subPath`); and
// that of 2022 (deferSpec=20220824), where a part is all that its fragment says.
#include "resolvers/defer.h"

#include "base/time.h"

// ---- what is written in whose turn ----

static bool begins_with(const struct exec_path *path, const struct exec_path *with)
{
    bool same = path->n >= with->n;
    for (uint32_t i = 0; same && i < with->n; i++) {
        same =
            path->segs[i].index == with->segs[i].index && mer_slice_eq(path->segs[i].key, with->segs[i].key);
    }
    return same;
}

// Paths to one place have the same keys: indexes tell them apart.
static int compare(const struct exec_path *path, const struct exec_instance *it)
{
    for (uint32_t i = 0; i < it->path_n && i < path->n; i++) {
        if (path->segs[i].index != it->path[i].index) {
            return path->segs[i].index < it->path[i].index ? -1 : 1;
        }
    }
    return 0;
}

static bool failed_at(const struct exec_defer *d, uint32_t usage, const struct exec_path *path)
{
    const struct exec_usage *u = &d->usages[usage];
    uint32_t from = 0, to = u->failures_n;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        int order = compare(path, &d->instances[u->failures[middle]]);
        if (order == 0) {
            return true;
        }
        from = order > 0 ? middle + 1 : from;
        to = order < 0 ? middle : to;
    }
    return false;
}

static bool is_delivered(const struct exec_defer *d, uint32_t group, const struct exec_path *path)
{
    const struct exec_group *g = &d->groups[group];
    bool delivered = g->n == 0;
    for (uint32_t i = 0; i < g->n && !delivered; i++) {
        delivered = d->usages[g->usages[i]].told && !failed_at(d, g->usages[i], path);
    }
    return delivered;
}

bool exec_defer_writes(const struct exec_defer *d, const struct mer_shape *shape,
                       const struct mer_shape_field *f, const struct exec_path *path)
{
    uint32_t group = exec_defer_group(d, shape, f);
    if (d->turn < 0) {
        return d->groups[group].n == 0;
    }
    if (d->x->ask.parts == MER_EXEC_PARTS_2022) {
        return exec_defer_says(d, shape, f, (uint32_t)d->turn);
    }
    return exec_defer_in(d, group, (uint32_t)d->turn) && !is_delivered(d, group, path);
}

// What is told of so many objects is no answer in parts any more.
#define INSTANCES_MAX 100000u

static void add_instance(struct exec_defer *d, uint32_t usage, const struct mer_obj *o,
                         const struct exec_path *path, size_t at)
{
    d->too_many = d->too_many || d->instances_n == INSTANCES_MAX;
    if (d->too_many) {
        return;
    }
    if (d->instances_n == d->instances_cap) {
        d->instances_cap = d->instances_cap ? d->instances_cap * 2 : 8;
        struct exec_instance *grown = MER_NEW_N(d->x->a, struct exec_instance, d->instances_cap);
        if (d->instances_n) {
            memcpy(grown, d->instances, d->instances_n * sizeof(*grown));
        }
        d->instances = grown;
    }
    struct exec_instance *it = &d->instances[d->instances_n++];
    *it = (struct exec_instance){.usage = usage, .object = o, .path_n = path->n, .at = at};
    it->path = MER_NEW_N(d->x->a, struct mer_path_seg, path->n + 1);
    if (path->n) {
        memcpy(it->path, path->segs, path->n * sizeof(*it->path));
    }
}

void exec_defer_meet(struct exec_defer *d, const struct mer_shape *shape, const struct mer_shape_variant *v,
                     const struct mer_obj *o, const struct exec_path *path, size_t at)
{
    const struct exec_met *met = d->places[shape->index].usages_n ? exec_defer_met(d, shape, v) : NULL;
    for (uint32_t i = 0; met && i < met->n; i++) {
        if (d->usages[met->usages[i]].parent == d->turn) {
            add_instance(d, met->usages[i], o, path, at);
        }
    }
}

void exec_defer_take_back(struct exec_defer *d, size_t at)
{
    while (d->instances_n > d->announced && d->instances[d->instances_n - 1].at >= at) {
        d->instances_n--;
    }
}

void exec_defer_null(struct exec_defer *d, const struct mer_val *v)
{
    struct mer_slice at = mer_slice_make((const char *)&v, sizeof(v));
    if (!mer_map_has(&d->nulls, at)) {
        mer_map_add(&d->nulls, mer_arena_copy(d->x->a, at), (void *)(uintptr_t)v);
    }
}

// ---- pieces of a part ----

// What of one instance is written at one object. Its errors are known at last, so its end is written then.
struct piece {
    uint32_t instance;
    size_t from, to; // in the part's buffer
    struct exec_path path;
    struct mer_exec_error *errors, **errors_tail;
    bool completes; // it is the end of an instance: `completed`
    bool failed;
};

struct part {
    struct mer_exec *x;
    struct exec_defer *d;
    struct mer_buf text;
    struct piece *pieces;
    uint32_t pieces_n, pieces_cap;
    uint32_t instance; // which is told now
    struct exec_path path;
    struct exec_locator *locator;
};

static struct piece *add_piece(struct part *p)
{
    if (p->pieces_n == p->pieces_cap) {
        p->pieces_cap = p->pieces_cap ? p->pieces_cap * 2 : 8;
        struct piece *grown = MER_NEW_N(p->x->a, struct piece, p->pieces_cap);
        if (p->pieces_n) {
            memcpy(grown, p->pieces, p->pieces_n * sizeof(*grown));
        }
        p->pieces = grown;
    }
    struct piece *e = &p->pieces[p->pieces_n++];
    *e = (struct piece){.instance = p->instance, .from = p->text.n, .to = p->text.n};
    e->path = (struct exec_path){.a = p->x->a, .n = p->path.n, .cap = p->path.n};
    e->path.segs = MER_NEW_N(p->x->a, struct mer_path_seg, p->path.n + 1);
    if (p->path.n) {
        memcpy(e->path.segs, p->path.segs, p->path.n * sizeof(*e->path.segs));
    }
    return e;
}

static void write_id(struct mer_buf *b, uint32_t instance)
{
    mer_buf_printf(b, "\"id\":\"%u\"", instance);
}

static void write_label(struct mer_buf *b, const struct exec_defer *d, const struct exec_instance *it)
{
    struct mer_slice label = d->usages[it->usage].met->defer->label;
    if (label.p) {
        mer_buf_add(b, MER_S(",\"label\":"));
        mer_json_write_string(b, label);
    }
}

// Errors told from now on go into a list of their own.
static void begin_errors(struct mer_exec *x)
{
    x->errors = NULL;
    x->errors_tail = &x->errors;
}

static void take_errors(struct mer_exec *x, struct piece *e)
{
    e->errors = x->errors;
    e->errors_tail = x->errors ? x->errors_tail : NULL;
    begin_errors(x);
}

// False: null where nothing may be, so that nothing of the instance can be told.
static bool write_piece(struct part *p, const struct mer_shape *shape, const struct mer_obj *o)
{
    const struct exec_instance *it = &p->d->instances[p->instance];
    uint32_t at = (uint32_t)(add_piece(p) - p->pieces), from = it->path_n;
    bool once = p->x->ask.parts == MER_EXEC_PARTS;
    mer_buf_add_char(&p->text, '{');
    if (once) {
        write_id(&p->text, p->instance);
    }
    if (!once || p->path.n > from) {
        mer_buf_add(&p->text, once ? MER_S(",\"subPath\":") : MER_S("\"path\":"));
        exec_write_path(&p->text, p->path.segs + (once ? from : 0), p->path.n - (once ? from : 0));
    }
    if (!once) {
        write_label(&p->text, p->d, it);
    }
    mer_buf_add(&p->text, MER_S(",\"data\":"));
    bool ok = exec_write_object(p->x, &p->text, shape, o, &p->path);
    if (!ok && !once) {
        mer_buf_add(&p->text, MER_S("null"));
    }
    p->pieces[at].to = p->text.n;
    take_errors(p->x, &p->pieces[at]);
    return ok;
}

// ---- looking for the objects at which something is to be told ----

static bool seek(struct part *p, const struct mer_shape *shape, const struct mer_obj *o);

static bool seek_value(struct part *p, const struct mer_shape_field *f, const struct mer_val *v)
{
    bool ok = true;
    if (mer_map_has(&p->d->nulls, mer_slice_make((const char *)&v, sizeof(v)))) {
        return true;
    }
    if (v->kind == MER_VAL_OBJECT) {
        return seek(p, f->sub, v->object);
    }
    for (uint32_t i = 0; v->kind == MER_VAL_LIST && i < v->n && ok; i++) {
        exec_path_push(&p->path, (struct mer_path_seg){.index = i});
        ok = seek_value(p, f, &v->items[i]);
        p->path.n--;
    }
    return ok;
}

static const struct mer_val *value_of(const struct mer_shape *shape, const struct mer_shape_field *f,
                                      const struct mer_obj *o)
{
    if (f->fetch == shape->home) {
        return &o->slots[f->slot];
    }
    const struct mer_obj_more *row = mer_obj_row(o, f->fetch);
    return row && row->object ? &row->object->slots[f->slot] : NULL;
}

static bool is_below(const struct exec_defer *d, const struct mer_shape *shape, uint32_t usage)
{
    const uint64_t *below = d->places[shape->index].below;
    return below && (below[usage / 64] >> (usage % 64)) & 1u;
}

static bool seek(struct part *p, const struct mer_shape *shape, const struct mer_obj *o)
{
    struct exec_defer *d = p->d;
    const struct mer_type *t = mer_obj_type(o);
    const struct mer_shape_variant *v = exec_variant(shape, t);
    bool any = false, ok = true;
    for (uint32_t i = 0; v && i < v->fields_n && !any; i++) {
        any = mer_kept(&v->fields[i].kept_if, p->x->ask.vars) &&
              exec_defer_writes(d, shape, &v->fields[i], &p->path);
    }
    if (any) {
        ok = write_piece(p, shape, o);
    } else if (v) {
        exec_defer_meet(d, shape, v, o, &p->path, p->text.n);
    }
    for (uint32_t i = 0; v && i < v->fields_n && ok; i++) {
        const struct mer_shape_field *f = &v->fields[i];
        bool there = f->kind == MER_SHAPE_DATA && f->sub && mer_kept(&f->kept_if, p->x->ask.vars) &&
                     is_below(d, f->sub, (uint32_t)d->turn) && !exec_defer_writes(d, shape, f, &p->path) &&
                     is_delivered(d, exec_defer_group(d, shape, f), &p->path) && !exec_refused_field(p->x, f);
        const struct mer_val *value = there ? value_of(shape, f, o) : NULL;
        if (value) {
            exec_path_push(&p->path, (struct mer_path_seg){.key = f->key, .on = t});
            ok = seek_value(p, f, value);
            p->path.n--;
        }
    }
    return ok;
}

// ---- one instance ----

static void note_failure(struct exec_defer *d, uint32_t instance)
{
    struct exec_usage *u = &d->usages[d->instances[instance].usage];
    if ((u->failures_n & (u->failures_n - 1)) == 0) { // 0 or a power of two: full
        uint32_t *grown = MER_NEW_N(d->x->a, uint32_t, u->failures_n ? 2 * u->failures_n : 1);
        if (u->failures_n) {
            memcpy(grown, u->failures, u->failures_n * sizeof(*grown));
        }
        u->failures = grown;
    }
    u->failures[u->failures_n++] = instance;
}

void exec_defer_refuse(struct mer_exec *x)
{
    exec_tell(x,
              exec_error(x, "QUERY_TOO_COMPLEX", "More than %u deferred parts are not told.", INSTANCES_MAX),
              NULL, 0);
}

// Of what could not be told nothing stays but why.
static void fail(struct part *p, uint32_t first, uint32_t instances_n)
{
    struct exec_defer *d = p->d;
    struct mer_exec_error *all = NULL, **tail = &all;
    for (uint32_t i = first; i < p->pieces_n; i++) {
        if (p->pieces[i].errors) {
            *tail = p->pieces[i].errors;
            tail = p->pieces[i].errors_tail;
        }
    }
    p->pieces_n = first + 1;
    d->instances_n = instances_n;
    note_failure(d, p->instance);
    struct piece *e = &p->pieces[first];
    e->failed = true;
    if (d->too_many) {
        exec_defer_refuse(p->x);
        take_errors(p->x, e);
        return;
    }
    if (!all) { // it was told with another part
        exec_tell(p->x, exec_error(p->x, "FETCH_ERROR", "a value that may not be null is missing"),
                  p->path.segs, p->path.n);
        take_errors(p->x, e);
        return;
    }
    e->errors = all;
    e->errors_tail = tail;
}

static void tell_instance(struct part *p, uint32_t at)
{
    struct exec_defer *d = p->d;
    const struct exec_instance it = d->instances[at];
    const struct mer_shape *shape = d->places[d->usages[it.usage].place].shape;
    uint32_t first = p->pieces_n, instances_n = d->instances_n;
    p->instance = at;
    p->path.n = 0;
    for (uint32_t i = 0; i < it.path_n; i++) {
        exec_path_push(&p->path, it.path[i]);
    }
    d->turn = (int32_t)it.usage;
    bool once = p->x->ask.parts == MER_EXEC_PARTS;
    bool ok = once ? seek(p, shape, it.object) : write_piece(p, shape, it.object);
    ok = ok && !d->too_many;
    p->path.n = it.path_n;
    if (!ok) {
        fail(p, first, instances_n);
    }
    if (once) {
        struct piece *end = ok ? add_piece(p) : &p->pieces[first];
        end->completes = true;
    }
    d->instances[at].told = true;
    d->usages[it.usage].waiting--;
    d->left--;
}

// ---- a part ----

static void write_errors(struct part *p, const struct piece *e)
{
    if (e->errors) {
        mer_buf_add(&p->text, MER_S(",\"errors\":"));
        p->locator = p->locator ? p->locator : exec_locator_make(p->x);
        exec_write_errors(&p->text, p->locator, e->errors);
    }
}

// What subgraphs told of values that are no null: said with what stands nearest above.
static void add_untold(struct part *p)
{
    begin_errors(p->x);
    exec_tell_untold(p->x);
    for (struct mer_exec_error *e = p->x->errors, *next = NULL; e; e = next) {
        struct exec_path path = {.segs = e->path, .n = e->path_n};
        struct piece *to = NULL;
        next = e->next;
        for (uint32_t i = 0; i < p->pieces_n; i++) {
            struct piece *c = &p->pieces[i];
            bool first = !to && !(c->completes && !c->failed);
            if (first || (to && begins_with(&path, &c->path) && c->path.n > to->path.n && !c->completes)) {
                to = c;
            }
        }
        e->next = NULL;
        if (to) {
            *(to->errors ? to->errors_tail : &to->errors) = e;
            to->errors_tail = &e->next;
        }
    }
    begin_errors(p->x);
}

// The list's pieces, with their errors; nothing where there are none.
static void write_list(struct part *p, const char *name, bool completed, struct mer_buf *out, char *sep)
{
    bool any = false;
    for (uint32_t i = 0; i < p->pieces_n; i++) {
        struct piece *e = &p->pieces[i];
        if (e->completes != completed) {
            continue;
        }
        if (!any) {
            mer_buf_printf(out, "%.*s\"%s\":[", *sep != 0, sep, name);
            *sep = ',';
        }
        mer_buf_add(out, any ? MER_S(",") : MER_NIL);
        any = true;
        if (completed) {
            mer_buf_add_char(out, '{');
            write_id(out, e->instance);
        } else {
            mer_buf_add(out, mer_slice_make(p->text.p + e->from, e->to - e->from));
        }
        size_t from = p->text.n;
        write_errors(p, e);
        mer_buf_add(out, mer_slice_make(p->text.p + from, p->text.n - from));
        mer_buf_add_char(out, '}');
    }
    mer_buf_add(out, any ? MER_S("]") : MER_NIL);
}

static void write_pending(struct exec_defer *d, struct mer_buf *out, char *sep)
{
    bool announces = d->x->ask.parts == MER_EXEC_PARTS;
    for (uint32_t i = d->announced; i < d->instances_n && announces; i++) {
        const struct exec_instance *it = &d->instances[i];
        if (i == d->announced) {
            mer_buf_printf(out, "%.*s\"pending\":[", *sep != 0, sep);
            *sep = ',';
        }
        mer_buf_add(out, i == d->announced ? MER_S("{") : MER_S(",{"));
        write_id(out, i);
        mer_buf_add(out, MER_S(",\"path\":"));
        exec_write_path(out, it->path, it->path_n);
        write_label(out, d, it);
        mer_buf_add(out, i + 1 == d->instances_n ? MER_S("}]") : MER_S("}"));
    }
    for (uint32_t i = d->announced; i < d->instances_n; i++) {
        d->usages[d->instances[i].usage].waiting++;
    }
    d->left += d->instances_n - d->announced;
    d->announced = d->instances_n;
}

void exec_defer_announce(struct exec_defer *d, struct mer_buf *out)
{
    char sep = ',';
    d->first_told = true;
    write_pending(d, out, &sep);
}

// For metrics: the errors of all pieces as one list.
static void gather_errors(struct part *p)
{
    begin_errors(p->x);
    for (uint32_t i = 0; i < p->pieces_n; i++) {
        if (p->pieces[i].errors) {
            *p->x->errors_tail = p->pieces[i].errors;
            p->x->errors_tail = p->pieces[i].errors_tail;
        }
    }
}

void mer_exec_write_part(struct mer_exec *x, struct mer_buf *out)
{
    struct exec_defer *d = x->defer;
    struct part p = {.x = x, .d = d, .path = {.a = x->a}};
    uint32_t known = d->instances_n;
    char sep = 0;
    mer_buf_init(&p.text, x->a, 1024);
    begin_errors(x);
    x->now_us = mer_time_wall_us();
    for (uint32_t u = 0; u < d->usages_n; u++) {
        if (!d->usages[u].waiting || !exec_defer_is_ready(d, u)) {
            continue;
        }
        bool any = false; // what was told of one object was not told of the others
        for (uint32_t i = 0; i < known; i++) {
            if (d->instances[i].usage == u && !d->instances[i].told) {
                tell_instance(&p, i);
                any = true;
            }
        }
        d->usages[u].told = any;
    }
    d->turn = -1;
    add_untold(&p);
    write_pending(d, out, &sep);
    write_list(&p, "incremental", false, out, &sep);
    write_list(&p, "completed", true, out, &sep);
    gather_errors(&p);
}

bool mer_exec_in_parts(const struct mer_exec *x)
{
    return x->defer != NULL;
}

bool mer_exec_more(const struct mer_exec *x)
{
    return x->defer && (!x->defer->first_told || x->defer->left > 0);
}
