// SPDX-License-Identifier: MIT
#include "schema/limits.h"

#include "schema/fragments.h"

#define MANY UINT32_MAX

struct mer_limits mer_limits_default(void)
{
    return (struct mer_limits){.depth = 15,
                               .introspection_depth = 20,
                               .aliases = 30,
                               .root_fields = 20,
                               .directives = 50,
                               .fragments = 100,
                               .expanded_selections = 10000,
                               .list_items = 1000};
}

// What a selection set amounts to. Depths are those below it: 0 for a set of leaves' parent is impossible, a
// set of leaves alone has depth 1.
struct figures {
    uint64_t depth, introspection_depth, aliases, fields, directives, selections, list_items;
};

struct counter {
    const struct mer_fragments *fragments;
    struct figures *of; // by fragment
    bool *done;         // a fragment that is not done when it is met is part of a cycle
};

static uint64_t plus(uint64_t a, uint64_t b)
{
    return a + b > MANY ? MANY : a + b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

// Adds what stands beside: counts sum up, depths do not.
static void beside(struct figures *sum, const struct figures *more)
{
    sum->depth = most(sum->depth, more->depth);
    sum->introspection_depth = most(sum->introspection_depth, more->introspection_depth);
    sum->aliases = plus(sum->aliases, more->aliases);
    sum->fields = plus(sum->fields, more->fields);
    sum->directives = plus(sum->directives, more->directives);
    sum->selections = plus(sum->selections, more->selections);
    sum->list_items = most(sum->list_items, more->list_items);
}

static uint64_t longest_list(const struct mer_ast_value *v)
{
    uint64_t n = v->kind == MER_VALUE_LIST ? v->n : 0;
    for (uint32_t i = 0; i < v->n; i++)
        n = most(n, longest_list(v->kind == MER_VALUE_LIST ? v->items[i] : v->fields[i]->value));
    return n;
}

static void count_arguments(struct figures *f, struct mer_ast_argument *const *args, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        f->list_items = most(f->list_items, longest_list(args[i]->value));
}

static void count_directives(struct figures *f, const struct mer_ast_directives *ds)
{
    f->directives = plus(f->directives, ds->n);
    for (uint32_t i = 0; i < ds->n; i++)
        count_arguments(f, ds->items[i]->arguments, ds->items[i]->arguments_n);
}

static void count_set(struct counter *c, const struct mer_ast_selection_set *set, struct figures *sum);

static void count_field(struct counter *c, const struct mer_ast_selection *sel, struct figures *sum)
{
    struct figures below = {0};
    if (sel->selections)
        count_set(c, sel->selections, &below);
    bool meta = mer_slice_is(sel->name, "__schema") || mer_slice_is(sel->name, "__type");
    uint64_t deep = plus(most(below.depth, meta ? below.introspection_depth : 0), 1);
    if (meta) {
        below.introspection_depth = deep;
        below.depth = 1;
    } else {
        below.depth = deep;
    }
    below.fields = 1; // of this level
    below.selections = plus(below.selections, 1);
    below.aliases = plus(below.aliases, sel->alias.n != 0);
    count_directives(&below, &sel->directives);
    count_arguments(&below, sel->arguments, sel->arguments_n);
    beside(sum, &below);
}

static void count_spread(struct counter *c, const struct mer_ast_selection *sel, struct figures *sum)
{
    struct figures one = {.selections = 1};
    const struct mer_fragment *f = mer_map_get(&c->fragments->by_name, sel->name);
    if (f && c->done[f->index])
        beside(&one, &c->of[f->index]);
    count_directives(&one, &sel->directives);
    beside(sum, &one);
}

static void count_set(struct counter *c, const struct mer_ast_selection_set *set, struct figures *sum)
{
    for (uint32_t i = 0; i < set->n; i++) {
        const struct mer_ast_selection *sel = set->items[i];
        if (sel->kind == MER_SEL_FIELD) {
            count_field(c, sel, sum);
        } else if (sel->kind == MER_SEL_SPREAD) {
            count_spread(c, sel, sum);
        } else {
            struct figures inner = {.selections = 1};
            count_set(c, sel->selections, &inner);
            count_directives(&inner, &sel->directives);
            beside(sum, &inner);
        }
    }
}

void mer_limits_count(struct mer_arena *a, const struct mer_ast_document *doc,
                      const struct mer_ast_operation *op, struct mer_limit_counts *out)
{
    struct mer_fragments fragments;
    struct figures sum = {0};
    mer_fragments_init(&fragments, a, doc);
    struct counter c = {.fragments = &fragments};
    c.of = MER_NEW_N(a, struct figures, fragments.n + 1);
    c.done = MER_NEW_N(a, bool, fragments.n + 1);
    for (uint32_t i = 0; i < fragments.n; i++) { // what a fragment spreads comes before it
        const struct mer_fragment *f = fragments.order[i];
        count_set(&c, f->ast->selections, &c.of[f->index]);
        count_directives(&c.of[f->index], &f->ast->directives);
        c.done[f->index] = true;
    }
    count_set(&c, op->selections, &sum);
    count_directives(&sum, &op->directives);
    for (uint32_t i = 0; i < op->variables_n; i++) {
        count_directives(&sum, &op->variables[i]->directives);
        if (op->variables[i]->default_value)
            sum.list_items = most(sum.list_items, longest_list(op->variables[i]->default_value));
    }
    *out = (struct mer_limit_counts){.depth = sum.depth,
                                     .introspection_depth = sum.introspection_depth,
                                     .aliases = sum.aliases,
                                     .root_fields = sum.fields,
                                     .directives = sum.directives,
                                     .fragments = doc->fragments_n,
                                     .expanded_selections = sum.selections,
                                     .list_items = sum.list_items};
}

enum mer_err mer_limits_check(struct mer_arena *a, const struct mer_ast_document *doc,
                              const struct mer_ast_operation *op, const struct mer_limits *limits,
                              struct mer_limit_breach *breach)
{
    struct mer_limit_counts n;
    *breach = (struct mer_limit_breach){.loc = op->loc};
    if (limits->fragments && doc->fragments_n > limits->fragments) {
        breach->limit = "fragments";
        breach->value = doc->fragments_n;
        breach->max = limits->fragments;
        breach->loc = doc->fragments[limits->fragments]->loc;
        return MER_ERR_LIMIT;
    }
    mer_limits_count(a, doc, op, &n);
    const struct {
        const char *name;
        uint64_t value, max;
    } all[] = {
        {"depth", n.depth, limits->depth},
        {"introspection_depth", n.introspection_depth, limits->introspection_depth},
        {"aliases", n.aliases, limits->aliases},
        {"root_fields", n.root_fields, limits->root_fields},
        {"directives", n.directives, limits->directives},
        {"expanded_selections", n.expanded_selections, limits->expanded_selections},
        {"list_items", n.list_items, limits->list_items},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i].max && all[i].value > all[i].max) {
            breach->limit = all[i].name;
            breach->value = all[i].value;
            breach->max = all[i].max;
            return MER_ERR_LIMIT;
        }
    return MER_OK;
}
