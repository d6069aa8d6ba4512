// SPDX-License-Identifier: MIT
// Putting the parts of a fetch together again.
#include "resolvers/connection.h"
#include "resolvers/exec_priv.h"

// A row's age: a database of ours answers the facility's code or null, another gateway {"placement": n}.
static uint32_t read_entry(void *owner, const struct mer_json *json, const struct mer_json_node *node)
{
    struct exec_part *p = owner;
    if (node->type == MER_JSON_OBJECT) {
        int64_t i = -1;
        const struct mer_json_node *n = mer_json_get(json, node, MER_S("placement"));
        if (n && mer_json_i64(json, n, &i) && i >= 0 && i < (int64_t)p->entry_map_n) {
            return p->entry_map[i];
        }
        return exec_default_entry(p);
    }
    if (node->type == MER_JSON_STRING && p->place->sql) {
        return exec_entry_for(p, mer_json_string(p->x->a, json, node));
    }
    return exec_default_entry(p);
}

static struct mer_val_reader reader(struct exec_part *p)
{
    return (struct mer_val_reader){
        .a = p->x->a,
        .types = exec_types(p->x),
        .source = p->fetch->plan->op.schema,
        .json = &p->json,
        .entry = read_entry,
        .owner = p,
        .wrong = p->place->sql ? NULL
                               : exec_part_error(p, "FETCH_ERROR",
                                                 "the other gateway answered a value of a wrong type")};
}

// Every part of ours that brought data stands in the freshness table, rows or not.
static void note_freshness(struct exec_part *p)
{
    if (p->place->sql) {
        exec_default_entry(p);
    }
}

static struct mer_obj *read_root(struct exec_part *p)
{
    const struct mer_fetch_op *op = &p->fetch->plan->op;
    const struct mer_fetch_field all = mer_val_op(op);
    struct mer_val_reader r = reader(p);
    note_freshness(p);
    return mer_val_read_object(&r, p->value, &all, op->schema->roots[op->kind]);
}

static struct mer_obj *failed_root(struct mer_exec *x, const struct exec_fetch *f, struct mer_exec_error *e)
{
    struct mer_obj *o = mer_obj_new(x->a, f->plan->op.slots_n);
    o->slots[f->plan->op.fields[0]->slot].error = e;
    return o;
}

// A part that failed beside others that came is told at the root: the page lacks it, and says so.
static void tell_missing(struct mer_exec *x, const struct exec_fetch *f)
{
    struct mer_path_seg root = {.key = f->plan->root_key};
    for (uint32_t i = 0; i < f->parts_n; i++) {
        if (f->parts[i]->error) {
            exec_tell(x, f->parts[i]->error, &root, 1);
        }
    }
}

void exec_combine_root(struct mer_exec *x, struct exec_fetch *f)
{
    f->roots = MER_NEW(x->a, struct mer_obj *);
    f->roots_n = 1;
    struct mer_val *came = MER_NEW_N(x->a, struct mer_val, f->parts_n);
    uint32_t n = 0, slot = f->plan->op.fields[0]->slot;
    for (uint32_t i = 0; i < f->parts_n; i++) {
        struct exec_part *p = f->parts[i];
        if (!p->error) {
            f->roots[0] = read_root(p);
            came[n] = f->roots[0]->slots[slot];
            if (f->parts_n > 1 && !p->place->sql &&
                !mer_connection_fits(x->a, f->plan->op.fields[0], &came[n])) {
                p->error = exec_part_error(p, "FETCH_ERROR",
                                           "the other gateway answered no page that can be merged");
                continue;
            }
            n++;
        }
    }
    if (n == 0) {
        f->roots[0] = failed_root(x, f, f->parts[0]->error);
        return;
    }
    if (n < f->parts_n) {
        tell_missing(x, f);
    }
    if (n == 1 && f->parts_n == 1) {
        return;
    }
    f->roots[0] = failed_root(x, f, NULL);
    struct mer_parts_came parts = {came, n, x->fresh.items, n < f->parts_n};
    mer_connection_merge(x->a, f->plan->op.fields[0], f->args, &parts, &f->roots[0]->slots[slot]);
}

void exec_combine_entities(struct mer_exec *x, struct exec_fetch *f)
{
    const struct mer_fetch_op *op = &f->plan->op;
    const struct mer_fetch_field all = mer_val_op(op);
    f->roots = MER_NEW_N(x->a, struct mer_obj *, f->ids_n);
    f->roots_n = f->ids_n;
    for (uint32_t i = 0; i < f->parts_n; i++) {
        struct exec_part *p = f->parts[i];
        if (p->error || p->value->type != MER_JSON_ARRAY || p->value->count != p->ids_n) {
            struct mer_exec_error *e =
                p->error ? p->error : exec_part_error(p, "FETCH_ERROR", "wrong number of entities");
            for (uint32_t k = 0; k < p->ids_n; k++) {
                f->id_errors[p->ordinals[k]] = e;
            }
            continue;
        }
        note_freshness(p);
        struct mer_val_reader r = reader(p);
        const struct mer_json_node *item = mer_json_first(&p->json, p->value);
        for (uint32_t k = 0; k < p->ids_n; k++) {
            if (item->type == MER_JSON_OBJECT) {
                f->roots[p->ordinals[k]] = mer_val_read_object(&r, item, &all, op->entity);
            }
            item = mer_json_next(&p->json, item);
        }
    }
}
