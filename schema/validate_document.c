// SPDX-License-Identifier: MIT
// Rules about definitions: names, fragments, types that are named, subscriptions with one field.
#include "schema/validate_priv.h"

void mer_v_executable(struct mer_validator *v)
{
    for (uint32_t i = 0; i < v->doc->definitions_n; i++) {
        const struct mer_ast_definition *d = v->doc->definitions[i];
        if (d->kind == MER_DEF_SCHEMA)
            mer_v_report(v, &d->loc, 1, "The schema definition is not executable.");
        else
            mer_v_report(v, &d->loc, 1, "The \"%.*s\" definition is not executable.", MER_FMT(d->name));
    }
}

// A map's values are pointers to what may change; names here stay as they are.
static const struct mer_loc *first_of(struct mer_map *seen, struct mer_slice name, const struct mer_loc *loc)
{
    const struct mer_loc *first = mer_map_get(seen, name);
    if (!first)
        mer_map_put(seen, name, (void *)(uintptr_t)loc);
    return first;
}

void mer_v_operation_names(struct mer_validator *v, const struct mer_ast_operation *op)
{
    const struct mer_loc *first = op->name.n ? first_of(&v->operation_names, op->name, &op->name_loc) : NULL;
    if (!first)
        return;
    struct mer_loc locs[2] = {*first, op->name_loc};
    mer_v_report(v, locs, 2, "There can be only one operation named \"%.*s\".", MER_FMT(op->name));
}

void mer_v_lone_anonymous(struct mer_validator *v, const struct mer_ast_operation *op)
{
    if (!op->name.n && v->doc->operations_n > 1)
        mer_v_report(v, &op->loc, 1, "This anonymous operation must be the only defined operation.");
}

void mer_v_fragment_names(struct mer_validator *v, const struct mer_ast_fragment *f)
{
    const struct mer_loc *first = first_of(&v->fragment_names, f->name, &f->name_loc);
    if (!first)
        return;
    struct mer_loc locs[2] = {*first, f->name_loc};
    mer_v_report(v, locs, 2, "There can be only one fragment named \"%.*s\".", MER_FMT(f->name));
}

static bool defines_type(const struct mer_ast_definition *d)
{
    return !d->extend && d->kind != MER_DEF_DIRECTIVE && d->kind != MER_DEF_SCHEMA;
}

void mer_v_known_type(struct mer_validator *v, struct mer_slice name, struct mer_loc loc)
{
    struct mer_names names = {.a = v->a};
    if (mer_schema_type(v->s, name))
        return;
    for (uint32_t i = 0; i < v->doc->definitions_n; i++)
        if (defines_type(v->doc->definitions[i]) && mer_slice_eq(v->doc->definitions[i]->name, name))
            return;
    for (uint32_t i = 0; v->suggestions && i < v->s->types_n; i++)
        mer_names_add(&names, v->s->types[i]->name);
    for (uint32_t i = 0; v->suggestions && i < v->doc->definitions_n; i++)
        if (defines_type(v->doc->definitions[i]))
            mer_names_add(&names, v->doc->definitions[i]->name);
    struct mer_slice hint = mer_v_suggest(v, NULL, &names, name);
    mer_v_report(v, &loc, 1, "Unknown type \"%.*s\".%.*s", MER_FMT(name), MER_FMT(hint));
}

// ---- spreads ----

static bool overlap(const struct mer_type *a, const struct mer_type *b)
{
    if (a == b)
        return true;
    const struct mer_type *few = a->possible_n <= b->possible_n ? a : b, *other = few == a ? b : a;
    for (uint32_t i = 0; i < few->possible_n; i++)
        if (mer_type_covers(other, few->possible[i]))
            return true;
    return false;
}

void mer_v_possible_spread(struct mer_validator *v, const struct mer_type *parent,
                           const struct mer_type *type, struct mer_slice spread, struct mer_loc loc)
{
    if (!parent || !type || overlap(parent, type))
        return;
    if (spread.n)
        mer_v_report(
            v, &loc, 1,
            "Fragment \"%.*s\" cannot be spread here as objects of type \"%.*s\" can never be of type "
            "\"%.*s\".",
            MER_FMT(spread), MER_FMT(parent->name), MER_FMT(type->name));
    else
        mer_v_report(
            v, &loc, 1,
            "Fragment cannot be spread here as objects of type \"%.*s\" can never be of type \"%.*s\".",
            MER_FMT(parent->name), MER_FMT(type->name));
}

// Marks what is reached from a selection set; the stack holds fragments whose spreads are still to be
// followed.
static void mark_used(struct mer_validator *v, struct mer_spreads from, struct mer_fragment **stack)
{
    uint32_t depth = 0;
    for (;;) {
        for (uint32_t i = 0; i < from.n; i++) {
            struct mer_fragment *f = mer_map_get(&v->fragments.by_name, from.items[i]->name);
            if (f && f->stamp != v->stamp) {
                f->stamp = v->stamp;
                stack[depth++] = f;
            }
        }
        if (!depth)
            return;
        from = stack[--depth]->spreads;
    }
}

void mer_v_unused_fragments(struct mer_validator *v)
{
    struct mer_fragment **stack = MER_NEW_N(v->a, struct mer_fragment *, v->fragments.n + 1);
    v->stamp++;
    for (uint32_t i = 0; i < v->doc->operations_n; i++)
        mark_used(v, mer_spreads_of(v->a, v->doc->operations[i]->selections), stack);
    for (uint32_t i = 0; i < v->fragments.n; i++) {
        const struct mer_fragment *f = mer_map_get(&v->fragments.by_name, v->fragments.items[i].ast->name);
        if (f->stamp != v->stamp)
            mer_v_report(v, &v->fragments.items[i].ast->loc, 1, "Fragment \"%.*s\" is never used.",
                         MER_FMT(v->fragments.items[i].ast->name));
    }
}

// ---- circles of fragments ----

struct step { // a fragment on the path, and which of its spreads is followed
    struct mer_fragment *f;
    uint32_t next;
};

// By fragment means: by the one that its name leads to, the last of that name.
struct cycles {
    bool *visited;     // by fragment
    uint32_t *at_step; // by fragment: place on the path + 1, 0 when not on it
    struct step *path;
    uint32_t depth;
};

static void report_cycle(struct mer_validator *v, struct cycles *c, uint32_t from)
{
    uint32_t n = c->depth - from;
    struct mer_loc *locs = MER_NEW_N(v->a, struct mer_loc, n);
    struct mer_buf via;
    mer_buf_init(&via, v->a, 64);
    const struct mer_ast_selection *spread = NULL;
    for (uint32_t i = 0; i < n; i++) {
        const struct step *s = &c->path[from + i];
        spread = s->f->spreads.items[s->next - 1];
        locs[i] = spread->loc;
        if (i + 1 < n)
            mer_buf_printf(&via, "%s\"%.*s\"", i ? ", " : " via ", MER_FMT(spread->name));
    }
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
    mer_v_report(v, locs, n, "Cannot spread fragment \"%.*s\" within itself%.*s.", MER_FMT(spread->name),
                 (int)via.n, via.n ? via.p : "");
}

static uint32_t index_of(const struct mer_validator *v, const struct mer_fragment *f)
{
    const struct mer_fragment *last = mer_map_get(&v->fragments.by_name, f->ast->name);
    return last->index;
}

static void enter_fragment(struct cycles *c, struct mer_fragment *f, uint32_t index)
{
    c->visited[index] = true;
    c->path[c->depth++] = (struct step){f, 0};
    c->at_step[index] = c->depth;
}

static void follow(struct mer_validator *v, struct cycles *c, struct mer_fragment *root)
{
    if (c->visited[index_of(v, root)])
        return;
    enter_fragment(c, root, index_of(v, root));
    while (c->depth && !v->stop) {
        struct step *top = &c->path[c->depth - 1];
        if (top->next == top->f->spreads.n) {
            c->at_step[index_of(v, top->f)] = 0;
            c->depth--;
            continue;
        }
        struct mer_fragment *f = mer_map_get(&v->fragments.by_name, top->f->spreads.items[top->next++]->name);
        if (!f)
            continue;
        if (c->at_step[f->index])
            report_cycle(v, c, c->at_step[f->index] - 1);
        else if (!c->visited[f->index])
            enter_fragment(c, f, f->index);
    }
}

void mer_v_fragment_cycles(struct mer_validator *v, const struct mer_ast_fragment *ast)
{
    struct cycles *c = v->cycles;
    if (!c) {
        c = v->cycles = MER_NEW(v->a, struct cycles);
        c->visited = MER_NEW_N(v->a, bool, v->fragments.n);
        c->at_step = MER_NEW_N(v->a, uint32_t, v->fragments.n);
        c->path = MER_NEW_N(v->a, struct step, v->fragments.n);
    }
    for (uint32_t i = 0; i < v->fragments.n; i++)
        if (v->fragments.items[i].ast == ast)
            follow(v, c, &v->fragments.items[i]);
}

// ---- subscriptions ----

struct places {
    struct mer_loc *locs;
    uint32_t n, cap;
};

struct root_field {
    struct mer_slice name;
    struct places at;
};

struct root_fields {
    struct mer_map by_key;   // response key → struct root_field *
    struct places forbidden; // @skip and @include
};

static void add_place(struct mer_validator *v, struct places *p, struct mer_loc loc)
{
    if (p->n == p->cap) {
        uint32_t cap = p->cap ? p->cap * 2 : 2;
        struct mer_loc *locs = mer_arena_alloc(v->a, cap * sizeof(*locs));
        if (p->n)
            memcpy(locs, p->locs, p->n * sizeof(*locs));
        p->locs = locs;
        p->cap = cap;
    }
    p->locs[p->n++] = loc;
}

static void add_forbidden(struct mer_validator *v, struct root_fields *out,
                          const struct mer_ast_directives *ds)
{
    for (uint32_t i = 0; i < ds->n; i++)
        if (mer_slice_is(ds->items[i]->name, "skip") || mer_slice_is(ds->items[i]->name, "include"))
            add_place(v, &out->forbidden, ds->items[i]->loc);
}

static void add_root_field(struct mer_validator *v, struct root_fields *out,
                           const struct mer_ast_selection *sel)
{
    struct root_field *f = mer_map_get(&out->by_key, mer_ast_response_key(sel));
    if (!f) {
        f = MER_NEW(v->a, struct root_field);
        f->name = sel->name;
        mer_map_put(&out->by_key, mer_ast_response_key(sel), f);
    }
    add_place(v, &f->at, sel->loc);
}

// Does a fragment with this condition say anything about the root? Types that are not known do not.
static bool of_root(const struct mer_validator *v, struct mer_slice condition)
{
    const struct mer_type *t = condition.n ? mer_schema_type(v->s, condition) : NULL;
    return !condition.n || (t && mer_type_covers(t, v->s->roots[MER_OP_SUBSCRIPTION]));
}

// The root level in order, fragments followed once each by a stack of our own.
static void collect_root(struct mer_validator *v, const struct mer_ast_selection_set *set,
                         struct root_fields *out)
{
    struct {
        const struct mer_ast_selection_set *set;
        uint32_t next;
    } stack[256];
    uint32_t depth = 0;
    v->stamp++;
    stack[depth++].set = set;
    stack[0].next = 0;
    while (depth) {
        if (stack[depth - 1].next == stack[depth - 1].set->n) {
            depth--;
            continue;
        }
        const struct mer_ast_selection *sel = stack[depth - 1].set->items[stack[depth - 1].next++];
        const struct mer_ast_selection_set *inner = NULL;
        add_forbidden(v, out, &sel->directives);
        if (sel->kind == MER_SEL_FIELD)
            add_root_field(v, out, sel);
        if (sel->kind == MER_SEL_INLINE && of_root(v, sel->condition))
            inner = sel->selections;
        if (sel->kind == MER_SEL_SPREAD) {
            struct mer_fragment *f = mer_map_get(&v->fragments.by_name, sel->name);
            if (f && f->stamp != v->stamp) {
                f->stamp = v->stamp;
                inner = of_root(v, f->ast->condition) ? f->ast->selections : NULL;
            }
        }
        if (inner && depth == sizeof(stack) / sizeof(stack[0]))
            v->too_much = true;
        else if (inner) {
            stack[depth].set = inner;
            stack[depth++].next = 0;
        }
    }
}

void mer_v_single_field_subscription(struct mer_validator *v, const struct mer_ast_operation *op)
{
    struct root_fields fields = {.forbidden = {0}};
    if (op->kind != MER_OP_SUBSCRIPTION || !v->s->roots[MER_OP_SUBSCRIPTION])
        return;
    mer_map_init(&fields.by_key, v->a);
    collect_root(v, op->selections, &fields);
    struct mer_slice who = op->name.n ? mer_arena_printf(v->a, "Subscription \"%.*s\"", MER_FMT(op->name))
                                      : MER_S("Anonymous Subscription");
    if (fields.forbidden.n) { // what is selected would depend on the caller: nothing more can be said
        mer_v_report(v, fields.forbidden.locs, fields.forbidden.n,
                     "%.*s must not use `@skip` or `@include` directives in the top level selection.",
                     MER_FMT(who));
        return;
    }
    struct places extra = {0};
    bool first = true;
    MER_MAP_EACH(&fields.by_key, e)
    {
        const struct places *at = &((struct root_field *)e->value)->at;
        for (uint32_t i = 0; !first && i < at->n; i++)
            add_place(v, &extra, at->locs[i]);
        first = false;
    }
    if (extra.n)
        mer_v_report(v, extra.locs, extra.n, "%.*s must select only one top level field.", MER_FMT(who));
    MER_MAP_EACH(&fields.by_key, e)
    {
        const struct root_field *f = e->value;
        if (mer_slice_starts(f->name, MER_S("__")))
            mer_v_report(v, f->at.locs, f->at.n, "%.*s must not select an introspection top level field.",
                         MER_FMT(who));
    }
}
