// SPDX-License-Identifier: MIT
// Rules at a field and at its arguments.
#include "schema/validate_priv.h"

#define INTROSPECTION_LISTS_MAX 3

// ---- leaves ----

static void scalar_leafs(struct mer_validator *v, const struct mer_ast_selection *sel,
                         const struct mer_field *def)
{
    if (!mer_type_is_composite(def->type.type) == !sel->selections)
        return;
    struct mer_slice type = mer_v_print_ref(v, &def->type);
    if (sel->selections)
        mer_v_report(v, &sel->selections->loc, 1,
                     "Field \"%.*s\" must not have a selection since type \"%.*s\" has no subfields.",
                     MER_FMT(sel->name), MER_FMT(type));
    else
        mer_v_report(v, &sel->loc, 1,
                     "Field \"%.*s\" of type \"%.*s\" must have a selection of subfields. Did you mean "
                     "\"%.*s { ... }\"?",
                     MER_FMT(sel->name), MER_FMT(type), MER_FMT(sel->name));
}

// ---- fields that do not exist ----

struct candidate {
    const struct mer_type *type;
    uint32_t uses;
};

// More used first; then an interface before what implements it; then by name.
static int cmp_candidate(const struct candidate *a, const struct candidate *b)
{
    if (a->uses != b->uses)
        return a->uses > b->uses ? -1 : 1;
    for (uint32_t i = 0; i < b->type->interfaces_n; i++)
        if (b->type->interfaces[i] == a->type)
            return -1;
    for (uint32_t i = 0; i < a->type->interfaces_n; i++)
        if (a->type->interfaces[i] == b->type)
            return 1;
    return mer_natural_cmp(a->type->name, b->type->name);
}

// That is no total order, so the way of sorting shows in messages: a first run is kept (turned round when it
// descends), then binary insertion, as the engines do that run the field's tools.
static void sort_candidates(struct candidate *all, uint32_t n)
{
    uint32_t run = n < 2 ? n : 2;
    bool down = n > 1 && cmp_candidate(&all[1], &all[0]) < 0;
    while (run < n && run > 1 && (cmp_candidate(&all[run], &all[run - 1]) < 0) == down)
        run++;
    for (uint32_t i = 0; down && i < run / 2; i++) {
        struct candidate c = all[i];
        all[i] = all[run - 1 - i];
        all[run - 1 - i] = c;
    }
    for (uint32_t i = run; i < n; i++) {
        struct candidate c = all[i];
        uint32_t low = 0, high = i;
        while (low < high) {
            uint32_t mid = low + (high - low) / 2;
            if (cmp_candidate(&c, &all[mid]) < 0)
                high = mid;
            else
                low = mid + 1;
        }
        memmove(all + low + 1, all + low, (i - low) * sizeof(*all));
        all[low] = c;
    }
}

static uint32_t add_candidate(struct candidate *all, uint32_t n, const struct mer_type *t)
{
    for (uint32_t i = 0; i < n; i++)
        if (all[i].type == t) {
            all[i].uses++;
            return n;
        }
    all[n] = (struct candidate){t, 1};
    return n + 1;
}

// Types below an abstract one that have the field.
static struct mer_slice suggest_types(struct mer_validator *v, const struct mer_type *parent,
                                      struct mer_slice field)
{
    struct candidate *all = MER_NEW_N(v->a, struct candidate, v->s->types_n);
    struct mer_names names = {.a = v->a};
    uint32_t n = 0;
    if (!v->suggestions || parent->kind == MER_TYPE_OBJECT)
        return MER_NIL;
    for (uint32_t i = 0; i < parent->possible_n; i++) {
        const struct mer_type *t = parent->possible[i];
        if (!mer_map_has(&t->fields_by_name, field))
            continue;
        n = add_candidate(all, n, t);
        for (uint32_t j = 0; j < t->interfaces_n; j++)
            if (mer_map_has(&t->interfaces[j]->fields_by_name, field))
                n = add_candidate(all, n, t->interfaces[j]);
    }
    sort_candidates(all, n);
    for (uint32_t i = 0; i < n; i++)
        mer_names_add(&names, all[i].type->name);
    return mer_did_you_mean(v->a, "to use an inline fragment on", &names);
}

static void no_such_field(struct mer_validator *v, const struct mer_ast_selection *sel,
                          const struct mer_type *parent)
{
    struct mer_slice hint = suggest_types(v, parent, sel->name);
    if (!hint.n) {
        struct mer_names names = {.a = v->a};
        for (uint32_t i = 0; v->suggestions && i < parent->fields_n; i++)
            mer_names_add(&names, parent->fields[i].name);
        hint = mer_v_suggest(v, NULL, &names, sel->name);
    }
    mer_v_report(v, &sel->loc, 1, "Cannot query field \"%.*s\" on type \"%.*s\".%.*s", MER_FMT(sel->name),
                 MER_FMT(parent->name), MER_FMT(hint));
}

// ---- introspection ----

static bool lists_types(struct mer_slice name)
{
    return mer_slice_is(name, "fields") || mer_slice_is(name, "interfaces") ||
           mer_slice_is(name, "possibleTypes") || mer_slice_is(name, "inputFields");
}

// How deep lists that multiply stand inside each other, up to the number that is too deep.
static uint8_t nested_lists(const struct mer_validator *v, const struct mer_ast_selection_set *set)
{
    uint8_t most = 0;
    for (uint32_t i = 0; i < set->n && most < INTROSPECTION_LISTS_MAX; i++) {
        const struct mer_ast_selection *sel = set->items[i];
        uint8_t n = 0;
        if (sel->kind == MER_SEL_SPREAD) {
            const struct mer_fragment *f = mer_map_get(&v->fragments.by_name, sel->name);
            n = f ? v->introspection_levels[f->index] : 0;
        } else if (sel->selections) {
            n = nested_lists(v, sel->selections);
        }
        if (sel->kind == MER_SEL_FIELD && lists_types(sel->name))
            n++;
        most = n > most ? n : most;
    }
    return most;
}

static void introspection_depth(struct mer_validator *v, const struct mer_ast_selection *sel)
{
    if (!sel->selections || (!mer_slice_is(sel->name, "__schema") && !mer_slice_is(sel->name, "__type")))
        return;
    if (!v->introspection_levels) {
        v->introspection_levels = MER_NEW_N(v->a, uint8_t, v->fragments.n + 1);
        for (uint32_t i = 0; i < v->fragments.n; i++) {
            const struct mer_fragment *f = v->fragments.order[i];
            v->introspection_levels[f->index] = nested_lists(v, f->ast->selections);
        }
    }
    if (nested_lists(v, sel->selections) >= INTROSPECTION_LISTS_MAX)
        mer_v_report(v, &sel->loc, 1, "Maximum introspection depth exceeded");
}

static void no_introspection(struct mer_validator *v, const struct mer_ast_selection *sel,
                             const struct mer_field *def)
{
    if (def->type.type->builtin && mer_slice_starts(def->type.type->name, MER_S("__")))
        mer_v_report(
            v, &sel->loc, 1,
            "GraphQL introspection has been disabled, but the requested query contained the field \"%.*s\".",
            MER_FMT(sel->name));
}

static void deprecated_field(struct mer_validator *v, const struct mer_ast_selection *sel,
                             const struct mer_type *parent, const struct mer_field *def)
{
    struct mer_slice reason;
    if (mer_deprecation(&def->directives, &reason))
        // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
        mer_v_report(v, &sel->loc, 1, "The field %.*s.%.*s is deprecated. %.*s", MER_FMT(parent->name),
                     MER_FMT(def->name), MER_FMT(reason));
}

// ---- arguments ----

static void duplicate_argument(struct mer_validator *v, struct mer_ast_argument *const *args, uint32_t n,
                               struct mer_slice name)
{
    struct mer_loc *locs = MER_NEW_N(v->a, struct mer_loc, n);
    uint32_t k = 0;
    for (uint32_t i = 0; i < n; i++)
        if (mer_slice_eq(args[i]->name, name))
            locs[k++] = args[i]->loc;
    mer_v_report(v, locs, k, "There can be only one argument named \"%.*s\".", MER_FMT(name));
}

void mer_v_unique_arguments(struct mer_validator *v, struct mer_ast_argument *const *args, uint32_t n)
{
    if (n < 2 || !mer_v_on(v, MER_RULE_UNIQUE_ARGUMENT_NAMES))
        return;
    struct mer_map seen; // name to how often, where it comes first
    uint32_t *times = MER_NEW_N(v->a, uint32_t, n);
    bool twice = false;
    mer_map_init(&seen, v->a);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t *first = mer_map_get(&seen, args[i]->name);
        if (!first)
            mer_map_put(&seen, args[i]->name, first = &times[i]);
        twice = ++*first > 1 || twice;
    }
    for (uint32_t i = 0; twice && i < n && !v->stop; i++)
        if (times[i] > 1)
            duplicate_argument(v, args, n, args[i]->name);
}

static void unknown_argument(struct mer_validator *v, const struct mer_ast_argument *arg,
                             const struct mer_type *parent, const struct mer_field *def)
{
    struct mer_names names = {.a = v->a};
    for (uint32_t i = 0; v->suggestions && i < def->arguments_n; i++)
        mer_names_add(&names, def->arguments[i].name);
    struct mer_slice hint = mer_v_suggest(v, NULL, &names, arg->name);
    mer_v_report(v, &arg->loc, 1, "Unknown argument \"%.*s\" on field \"%.*s.%.*s\".%.*s", MER_FMT(arg->name),
                 MER_FMT(parent->name), MER_FMT(def->name), MER_FMT(hint));
}

void mer_v_field_argument(struct mer_validator *v, const struct mer_ast_argument *arg,
                          const struct mer_type *parent, const struct mer_field *def,
                          const struct mer_input *input)
{
    struct mer_slice reason;
    if (!parent || !def)
        return;
    if (!input && mer_v_on(v, MER_RULE_KNOWN_ARGUMENT_NAMES))
        unknown_argument(v, arg, parent, def);
    if (input && mer_v_on(v, MER_RULE_NO_DEPRECATED) && mer_deprecation(&input->directives, &reason))
        mer_v_report(v, &arg->loc, 1, "Field \"%.*s.%.*s\" argument \"%.*s\" is deprecated. %.*s",
                     MER_FMT(parent->name), MER_FMT(def->name), MER_FMT(arg->name), MER_FMT(reason));
}

void mer_v_field_required(struct mer_validator *v, const struct mer_ast_selection *sel,
                          const struct mer_field *def)
{
    for (uint32_t i = 0; i < def->arguments_n; i++) {
        const struct mer_input *in = &def->arguments[i];
        bool given = !mer_input_required(in);
        for (uint32_t j = 0; !given && j < sel->arguments_n; j++)
            given = mer_slice_eq(sel->arguments[j]->name, in->name);
        if (given)
            continue;
        struct mer_slice type = mer_v_print_ref(v, &in->type);
        mer_v_report(
            v, &sel->loc, 1,
            "Field \"%.*s\" argument \"%.*s\" of type \"%.*s\" is required, but it was not provided.",
            MER_FMT(def->name), MER_FMT(in->name), MER_FMT(type));
    }
}

void mer_v_field(struct mer_validator *v, const struct mer_ast_selection *sel, const struct mer_type *parent,
                 const struct mer_field *def)
{
    if (def && mer_v_on(v, MER_RULE_SCALAR_LEAFS))
        scalar_leafs(v, sel, def);
    if (parent && !def && mer_v_on(v, MER_RULE_FIELDS_ON_CORRECT_TYPE))
        no_such_field(v, sel, parent);
    mer_v_unique_directives(v, &sel->directives);
    mer_v_unique_arguments(v, sel->arguments, sel->arguments_n);
    if (mer_v_on(v, MER_RULE_MAX_INTROSPECTION_DEPTH))
        introspection_depth(v, sel);
    if (def && mer_v_on(v, MER_RULE_NO_SCHEMA_INTROSPECTION))
        no_introspection(v, sel, def);
    if (def && mer_v_on(v, MER_RULE_NO_DEPRECATED))
        deprecated_field(v, sel, parent, def);
}
