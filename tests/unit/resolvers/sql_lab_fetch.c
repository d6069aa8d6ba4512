// SPDX-License-Identifier: MIT
// From an operation's tree to a fetch, as a planner makes it; shared by the unit tests and the fuzz target.
#include "unit/resolvers/sql_lab.h"

struct list {
    struct mer_arena *a;
    struct mer_fetch_field **items;
    uint32_t n, cap;
    bool bad;
};

static void collect(struct list *l, const struct mer_schema *s, const struct mer_type *t,
                    const struct mer_type *on, const struct mer_ast_selection_set *set, uint32_t depth);

static void push(struct list *l, struct mer_fetch_field *f)
{
    if (l->n == l->cap) {
        struct mer_fetch_field **more = MER_NEW_N(l->a, struct mer_fetch_field *, l->cap * 2 + 8);
        if (l->n)
            memcpy(more, l->items, l->n * sizeof(*more));
        l->items = more;
        l->cap = l->cap * 2 + 8;
    }
    l->items[l->n++] = f;
}

static struct mer_types only(struct mer_arena *a, const struct mer_type *t)
{
    struct mer_types set = {0};
    if (t) {
        set.items = MER_NEW(a, const struct mer_type *);
        set.items[0] = t;
        set.n = 1;
    }
    return set;
}

static struct mer_kept_if under(struct mer_arena *a, const struct mer_ast_directives *ds)
{
    struct mer_kept_if k = {0};
    if (ds->n) {
        struct mer_condition *c = MER_NEW(a, struct mer_condition);
        c->directives = ds;
        k.items = MER_NEW(a, const struct mer_condition *);
        k.items[0] = c;
        k.n = 1;
    }
    return k;
}

static void one(struct list *l, const struct mer_schema *s, const struct mer_type *t,
                const struct mer_type *on, const struct mer_ast_selection *sel, uint32_t depth)
{
    const struct mer_field *field = mer_schema_field(s, t, sel->name);
    if (!field || field == s->schema_field || field == s->type_field ||
        mer_type_is_composite(field->type.type) != (sel->selections != NULL)) {
        l->bad = true;
        return;
    }
    struct mer_fetch_field *f = MER_NEW(l->a, struct mer_fetch_field);
    *f = (struct mer_fetch_field){.key = mer_ast_response_key(sel),
                                  .field = field,
                                  .on = only(l->a, on),
                                  .slot = l->n,
                                  .arguments = sel->arguments,
                                  .arguments_n = sel->arguments_n,
                                  .kept_if = under(l->a, &sel->directives)};
    if (sel->selections) {
        struct list below = {.a = l->a};
        collect(&below, s, field->type.type, NULL, sel->selections, depth + 1);
        f->children = below.items;
        f->children_n = f->slots_n = below.n;
        l->bad = l->bad || below.bad;
    }
    push(l, f);
}

static void collect(struct list *l, const struct mer_schema *s, const struct mer_type *t,
                    const struct mer_type *on, const struct mer_ast_selection_set *set, uint32_t depth)
{
    for (uint32_t i = 0; !l->bad && i < set->n; i++) {
        const struct mer_ast_selection *sel = set->items[i];
        if (depth > 60 || mer_arena_exhausted(l->a) || sel->kind == MER_SEL_SPREAD) {
            l->bad = true;
        } else if (sel->kind == MER_SEL_INLINE) {
            const struct mer_type *c = sel->condition.n ? mer_schema_type(s, sel->condition) : t;
            bool object = c && c->kind == MER_TYPE_OBJECT;
            l->bad = l->bad || !c || !mer_type_is_composite(c) || !sel->selections;
            if (!l->bad)
                collect(l, s, c, object && c != t ? c : on, sel->selections, depth + 1);
        } else {
            one(l, s, t, on, sel, depth);
        }
    }
}

struct mer_fetch_op *sql_lab_fetch(struct mer_arena *a, const struct mer_schema *s,
                                   const struct mer_ast_operation *op, const struct mer_type *entity)
{
    struct mer_fetch_op *out = MER_NEW(a, struct mer_fetch_op);
    struct list l = {.a = a};
    const struct mer_type *root = entity ? entity : s->roots[op->kind];
    if (!root)
        return NULL;
    collect(&l, s, root, NULL, op->selections, 0);
    *out = (struct mer_fetch_op){
        .schema = s, .kind = op->kind, .entity = entity, .fields = l.items, .fields_n = l.n, .slots_n = l.n};
    return l.bad ? NULL : out;
}

bool sql_lab_same(const struct mer_sql *a, const struct mer_sql *b)
{
    bool same = mer_slice_eq(a->text, b->text) && !a->text.p[a->text.n] && !b->text.p[b->text.n] &&
                a->params_n == b->params_n && a->long_running == b->long_running && a->light == b->light;
    for (uint32_t i = 0; same && i < a->params_n; i++)
        same = a->params[i].null == b->params[i].null &&
               (a->params[i].null || mer_slice_eq(a->params[i].value, b->params[i].value));
    return same;
}
