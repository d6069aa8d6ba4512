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

static void count_selection(struct counter *c, const struct mer_ast_selection *sel, struct figures *sum)
{
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

static void count_set(struct counter *c, const struct mer_ast_selection_set *set, struct figures *sum)
{
    for (uint32_t i = 0; i < set->n; i++)
        count_selection(c, set->items[i], sum);
}

static void count_fragments(struct counter *c, struct mer_arena *a, struct mer_fragments *fragments,
                            const struct mer_ast_document *doc)
{
    mer_fragments_init(fragments, a, doc);
    c->fragments = fragments;
    c->of = MER_NEW_N(a, struct figures, fragments->n + 1);
    c->done = MER_NEW_N(a, bool, fragments->n + 1);
    for (uint32_t i = 0; i < fragments->n; i++) { // what a fragment spreads comes before it
        const struct mer_fragment *f = fragments->order[i];
        count_set(c, f->ast->selections, &c->of[f->index]);
        count_directives(&c->of[f->index], &f->ast->directives);
        c->done[f->index] = true;
    }
}

static void count_operation(struct counter *c, const struct mer_ast_operation *op,
                            struct mer_limit_counts *out)
{
    struct figures sum = {0};
    count_set(c, op->selections, &sum);
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
                                     .fragments = c->fragments->n,
                                     .expanded_selections = sum.selections,
                                     .list_items = sum.list_items};
}

void mer_limits_count(struct mer_arena *a, const struct mer_ast_document *doc,
                      const struct mer_ast_operation *op, struct mer_limit_counts *out)
{
    struct mer_fragments fragments;
    struct counter c = {0};
    count_fragments(&c, a, &fragments, doc);
    count_operation(&c, op, out);
}

// ---- where a limit was reached ----

enum figure { DEPTH, INTROSPECTION_DEPTH, ALIASES, ROOT_FIELDS, DIRECTIVES, SELECTIONS, LIST_ITEMS };

static uint64_t figure_of(const struct figures *f, enum figure which)
{
    const uint64_t all[] = {f->depth,      f->introspection_depth, f->aliases,   f->fields,
                            f->directives, f->selections,          f->list_items};
    return all[which];
}

// What a selection adds by itself, without what stands below it.
static uint64_t own_figure(const struct mer_ast_selection *sel, enum figure which)
{
    struct figures f = {0};
    bool field = sel->kind == MER_SEL_FIELD;
    count_directives(&f, &sel->directives);
    if (field)
        count_arguments(&f, sel->arguments, sel->arguments_n);
    switch (which) {
    case ALIASES:
        return field && sel->alias.n != 0;
    case DIRECTIVES:
        return f.directives;
    case LIST_ITEMS:
        return f.list_items;
    case INTROSPECTION_DEPTH:
        return 0;
    case SELECTIONS:
        return 1;
    default: // fields and the depth that they make
        return field;
    }
}

struct search {
    struct counter *c;
    enum figure which;
    uint64_t left;
};

// What a spread leads into, once: one that closes a circle counts as empty from here on, as it did before.
static const struct mer_ast_selection_set *below(struct counter *c, const struct mer_ast_selection *sel)
{
    if (sel->kind != MER_SEL_SPREAD)
        return sel->selections;
    const struct mer_fragment *f = mer_map_get(&c->fragments->by_name, sel->name);
    if (!f || !c->done[f->index])
        return NULL;
    c->done[f->index] = false;
    return f->ast->selections;
}

// The selection of the set in which the figure passes what is left; NULL: it is reached elsewhere.
static const struct mer_ast_selection *crossing(struct search *s, const struct mer_ast_selection_set *set)
{
    bool sum = s->which != DEPTH && s->which != INTROSPECTION_DEPTH && s->which != LIST_ITEMS;
    for (uint32_t i = 0; i < set->n; i++) {
        struct figures one = {0};
        count_selection(s->c, set->items[i], &one);
        uint64_t n = figure_of(&one, s->which);
        if (n > s->left)
            return set->items[i];
        s->left -= sum ? n : 0;
    }
    return NULL;
}

// Follows the figure down to the selection that adds the one too many.
static struct mer_loc find_place(struct search s, const struct mer_ast_operation *op)
{
    struct mer_loc found = op->loc;
    const struct mer_ast_selection_set *set = op->selections;
    const struct mer_ast_selection *sel;
    while (set && (sel = crossing(&s, set))) {
        bool meta = mer_slice_is(sel->name, "__schema") || mer_slice_is(sel->name, "__type");
        bool field = sel->kind == MER_SEL_FIELD;
        if (field && meta && s.which == INTROSPECTION_DEPTH)
            s.which = DEPTH;
        uint64_t own = own_figure(sel, s.which);
        if (field || own > s.left)
            found = sel->loc;
        if (own > s.left || (field && s.which == ROOT_FIELDS))
            break;
        s.left -= s.which == LIST_ITEMS ? 0 : own;
        set = below(s.c, sel);
    }
    return found;
}

enum mer_err mer_limits_check(struct mer_arena *a, const struct mer_ast_document *doc,
                              const struct mer_ast_operation *op, const struct mer_limits *limits,
                              struct mer_limit_breach *breach)
{
    struct mer_limit_counts n;
    struct mer_fragments fragments;
    struct counter c = {0};
    *breach = (struct mer_limit_breach){.loc = op->loc};
    if (limits->fragments && doc->fragments_n > limits->fragments) {
        breach->limit = "fragments";
        breach->value = doc->fragments_n;
        breach->max = limits->fragments;
        breach->loc = doc->fragments[limits->fragments]->loc;
        return MER_ERR_LIMIT;
    }
    count_fragments(&c, a, &fragments, doc);
    count_operation(&c, op, &n);
    const struct {
        const char *name;
        uint64_t value, max;
        enum figure which;
    } all[] = {
        {"depth", n.depth, limits->depth, DEPTH},
        {"introspectionDepth", n.introspection_depth, limits->introspection_depth, INTROSPECTION_DEPTH},
        {"aliases", n.aliases, limits->aliases, ALIASES},
        {"rootFields", n.root_fields, limits->root_fields, ROOT_FIELDS},
        {"directives", n.directives, limits->directives, DIRECTIVES},
        {"expandedSelections", n.expanded_selections, limits->expanded_selections, SELECTIONS},
        {"listArgument", n.list_items, limits->list_items, LIST_ITEMS},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i].max && all[i].value > all[i].max) {
            breach->limit = all[i].name;
            breach->value = all[i].value;
            breach->max = all[i].max;
            breach->loc = find_place((struct search){&c, all[i].which, all[i].max}, op);
            return MER_ERR_LIMIT;
        }
    return MER_OK;
}
