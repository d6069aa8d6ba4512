// SPDX-License-Identifier: MIT
// Rules about the variables of an operation and every place they are used in, fragments followed.
#include "schema/validate_priv.h"

void mer_v_unique_variables(struct mer_validator *v, const struct mer_ast_operation *op)
{
    struct mer_map seen;
    bool twice = false;
    mer_map_init(&seen, v->a);
    for (uint32_t i = 0; i < op->variables_n; i++)
        twice = !mer_map_add(&seen, op->variables[i]->name, op->variables[i]) || twice;
    for (uint32_t i = 0; twice && i < op->variables_n && !v->stop; i++) {
        const struct mer_ast_variable *var = op->variables[i];
        if (mer_map_get(&seen, var->name) != var)
            continue; // told at the first of its name
        struct mer_loc *locs = MER_NEW_N(v->a, struct mer_loc, op->variables_n);
        uint32_t n = 0;
        for (uint32_t j = i; j < op->variables_n; j++)
            if (mer_slice_eq(op->variables[j]->name, var->name))
                locs[n++] = op->variables[j]->name_loc;
        if (n > 1)
            mer_v_report(v, locs, n, "There can be only one variable named \"$%.*s\".", MER_FMT(var->name));
    }
}

// ---- is a variable's type at most what the place wants? ----

// Both from their levels on; `bare` leaves the outermost non-null of the wanted type out.
static bool subtype(const struct mer_type_ref *have, const struct mer_type_ref *want, uint32_t level,
                    bool bare)
{
    uint32_t want_levels = want->depth - level;
    if (have->depth != want_levels)
        return false;
    for (uint32_t i = 0; i <= want_levels; i++)
        if (mer_ref_non_null(want, level + i) && !(i == 0 && bare) && !mer_ref_non_null(have, i))
            return false;
    return have->type == want->type;
}

static bool allowed(const struct mer_type_ref *have, const struct mer_ast_value *own_default,
                    const struct mer_usage *use)
{
    bool bare = use->type.bare;
    if (mer_in_non_null(use->type) && !mer_ref_non_null(have, 0)) {
        bool filled = own_default && own_default->kind != MER_VALUE_NULL;
        if (!filled && !use->has_default)
            return false;
        bare = true;
    }
    return subtype(have, use->type.ref, use->type.level, bare);
}

// ---- uses, in the order in which they are spoken of ----

struct reach {
    const struct mer_usages **sets;
    uint32_t n;
};

// The operation's own uses, then those of each fragment it reaches.
static struct reach reach(struct mer_validator *v, const struct mer_ast_operation *op, uint32_t index)
{
    struct reach out = {.sets = MER_NEW_N(v->a, const struct mer_usages *, v->fragments.n + 1)};
    struct mer_fragment **queue = MER_NEW_N(v->a, struct mer_fragment *, v->fragments.n + 1);
    struct mer_spreads from = mer_spreads_of(v->a, op->selections);
    uint32_t queue_n = 0, done = 0;
    out.sets[out.n++] = &v->operation_usages[index];
    v->stamp++;
    for (;;) {
        for (uint32_t i = 0; i < from.n; i++) {
            struct mer_fragment *f = mer_map_get(&v->fragments.by_name, from.items[i]->name);
            if (!f || f->stamp == v->stamp)
                continue;
            f->stamp = v->stamp;
            out.sets[out.n++] = &v->fragment_usages[f->index];
            queue[queue_n++] = f;
        }
        if (done == queue_n)
            return out;
        from = queue[done++]->spreads;
    }
}

static void undefined(struct mer_validator *v, const struct mer_ast_operation *op, struct mer_slice name,
                      struct mer_loc loc)
{
    struct mer_loc locs[2] = {loc, op->loc};
    if (op->name.n)
        mer_v_report(v, locs, 2, "Variable \"$%.*s\" is not defined by operation \"%.*s\".", MER_FMT(name),
                     MER_FMT(op->name));
    else
        mer_v_report(v, locs, 2, "Variable \"$%.*s\" is not defined.", MER_FMT(name));
}

static void unused(struct mer_validator *v, const struct mer_ast_operation *op, struct mer_map *used)
{
    for (uint32_t i = 0; i < op->variables_n; i++) {
        const struct mer_ast_variable *var = op->variables[i];
        if (mer_map_has(used, var->name))
            continue;
        if (op->name.n)
            mer_v_report(v, &var->loc, 1, "Variable \"$%.*s\" is never used in operation \"%.*s\".",
                         MER_FMT(var->name), MER_FMT(op->name));
        else
            mer_v_report(v, &var->loc, 1, "Variable \"$%.*s\" is never used.", MER_FMT(var->name));
    }
}

static void position(struct mer_validator *v, const struct mer_usage *use, const struct mer_ast_variable *var)
{
    struct mer_type_ref have;
    if (!use->type.ref || !mer_type_ref_of(v->s, var->type, &have))
        return;
    struct mer_loc locs[2] = {var->loc, use->value->loc};
    if (!allowed(&have, var->default_value, use)) {
        struct mer_slice want = mer_v_print_in_type(v, use->type), type = mer_v_print_ref(v, &have);
        mer_v_report(v, locs, 2,
                     "Variable \"$%.*s\" of type \"%.*s\" used in position expecting type \"%.*s\".",
                     MER_FMT(var->name), MER_FMT(type), MER_FMT(want));
    }
    if (use->one_of && mer_v_may_be_null(var)) {
        struct mer_slice type = mer_v_print_ref(v, &have);
        mer_v_report(
            v, locs, 2,
            "Variable \"$%.*s\" is of type \"%.*s\" but must be non-nullable to be used for OneOf Input "
            "Object \"%.*s\".",
            MER_FMT(var->name), MER_FMT(type), MER_FMT(use->one_of->name));
    }
}

void mer_v_variable_uses(struct mer_validator *v, const struct mer_ast_operation *op, uint32_t index)
{
    struct mer_map defined, used;
    mer_map_init(&defined, v->a);
    mer_map_init(&used, v->a);
    for (uint32_t i = 0; i < op->variables_n; i++)
        mer_map_put(&defined, op->variables[i]->name, op->variables[i]);
    struct reach r = reach(v, op, index);
    for (uint32_t i = 0; i < r.n; i++)
        for (uint32_t j = 0; j < r.sets[i]->n; j++) {
            const struct mer_ast_value *value = r.sets[i]->items[j].value;
            (void)mer_map_add(&used, value->text, v);
            if (mer_v_on(v, MER_RULE_NO_UNDEFINED_VARIABLES) && !mer_map_has(&defined, value->text))
                undefined(v, op, value->text, value->loc);
        }
    if (mer_v_on(v, MER_RULE_NO_UNUSED_VARIABLES))
        unused(v, op, &used);
    for (uint32_t i = 0; i < r.n; i++)
        for (uint32_t j = 0; j < r.sets[i]->n && mer_v_on(v, MER_RULE_VARIABLES_IN_ALLOWED_POSITION); j++) {
            const struct mer_usage *use = &r.sets[i]->items[j];
            const struct mer_ast_variable *var = mer_map_get(&defined, use->value->text);
            if (var)
                position(v, use, var);
        }
}
