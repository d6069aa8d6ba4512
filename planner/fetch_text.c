// SPDX-License-Identifier: MIT
#include "planner/fetch_text.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/map.h"
#include "schema/printer.h"

// A selection that is told of several types: written once.
struct shared {
    const struct mer_fetch_field *field;
    uint32_t number;
    struct shared *next;
};

struct printing {
    struct mer_arena *a;
    const struct mer_plan_fetch *fetch;
    const struct mer_ast_operation *op;
    const struct mer_variables *vars;
    struct mer_buf *out; // where it is written now
    struct mer_buf fragments;
    struct shared *shared;
    uint32_t shared_n;
    bool *used; // by the operation's variables
};

static void print_selection(struct printing *c, const struct mer_fetch_field *parent);

// ---- variables ----

static void note_value(struct printing *c, const struct mer_ast_value *v)
{
    if (v->kind == MER_VALUE_VARIABLE) {
        for (uint32_t i = 0; i < c->op->variables_n; i++) {
            c->used[i] = c->used[i] || mer_slice_eq(c->op->variables[i]->name, v->text);
        }
    }
    for (uint32_t i = 0; v->kind == MER_VALUE_LIST && i < v->n; i++) {
        note_value(c, v->items[i]);
    }
    for (uint32_t i = 0; v->kind == MER_VALUE_OBJECT && i < v->n; i++) {
        note_value(c, v->fields[i]->value);
    }
}

// ---- fields ----

static void space(struct mer_buf *b)
{
    char last = b->n ? b->p[b->n - 1] : '{';
    if (last != '{' && last != '}' && last != ')' && last != ' ') {
        mer_buf_add_char(b, ' ');
    }
}

static uint32_t share(struct printing *c, const struct mer_fetch_field *f)
{
    for (const struct shared *s = c->shared; s; s = s->next) {
        if (s->field == f) {
            return s->number;
        }
    }
    struct shared *s = MER_NEW(c->a, struct shared);
    *s = (struct shared){f, c->shared_n++, c->shared};
    c->shared = s;
    struct mer_buf body, *outer = c->out;
    mer_buf_init(&body, c->a, 256);
    mer_buf_printf(&body, "fragment F%u_%u on %.*s", c->fetch->index, s->number,
                   MER_FMT(f->field->type.type->name));
    c->out = &body;
    print_selection(c, f);
    c->out = outer;
    mer_buf_add(&c->fragments, mer_buf_slice(&body));
    return s->number;
}

static void print_field(struct printing *c, const struct mer_fetch_field *f, bool again)
{
    space(c->out);
    mer_buf_add(c->out, f->key);
    if (!mer_slice_eq(f->key, f->field->name)) {
        mer_buf_add_char(c->out, ':');
        mer_buf_add(c->out, f->field->name);
    }
    mer_print_arguments_min(c->out, f->arguments, f->arguments_n);
    for (uint32_t i = 0; i < f->arguments_n; i++) {
        note_value(c, f->arguments[i]->value);
    }
    if (!mer_type_is_composite(f->field->type.type)) {
        return;
    }
    if (again) {
        mer_buf_printf(c->out, "{...F%u_%u}", c->fetch->index, share(c, f));
    } else {
        print_selection(c, f);
    }
}

static bool is_kept(const struct printing *c, const struct mer_fetch_field *f)
{
    return !c->vars || mer_kept(&f->kept_if, c->vars);
}

// How many of the fields that follow are told of the same types.
static uint32_t run_of(struct mer_fetch_field *const *fields, uint32_t n)
{
    uint32_t k = 1;
    while (k < n && mer_types_equal(&fields[k]->on, &fields[0]->on)) {
        k++;
    }
    return k;
}

static void print_on(struct printing *c, struct mer_fetch_field *const *fields, uint32_t n)
{
    const struct mer_types *on = &fields[0]->on;
    bool any = false;
    for (uint32_t i = 0; i < n; i++) {
        any = any || is_kept(c, fields[i]);
    }
    for (uint32_t t = 0; any && t < on->n; t++) {
        space(c->out);
        mer_buf_printf(c->out, "...on %.*s{", MER_FMT(on->items[t]->name));
        for (uint32_t i = 0; i < n; i++) {
            if (is_kept(c, fields[i])) {
                print_field(c, fields[i], on->n > 1);
            }
        }
        mer_buf_add_char(c->out, '}');
    }
}

static void print_fields(struct printing *c, struct mer_fetch_field *const *fields, uint32_t n)
{
    for (uint32_t i = 0; i < n;) {
        uint32_t run = fields[i]->on.n ? run_of(fields + i, n - i) : 1;
        if (fields[i]->on.n) {
            print_on(c, fields + i, run);
        } else if (is_kept(c, fields[i])) {
            print_field(c, fields[i], false);
        }
        i += run;
    }
}

// A selection set holds something, also where everything was skipped.
static void print_selection(struct printing *c, const struct mer_fetch_field *parent)
{
    mer_buf_add_char(c->out, '{');
    size_t start = c->out->n;
    print_fields(c, parent->children, parent->children_n);
    if (c->out->n == start) {
        mer_buf_add(c->out, MER_S("__typename"));
    }
    mer_buf_add_char(c->out, '}');
}

static void print_entities(struct printing *c)
{
    const struct mer_fetch_op *op = &c->fetch->op;
    struct mer_fetch_field all = {.children = op->fields, .children_n = op->fields_n, .slots_n = op->slots_n};
    if (op->entity) {
        mer_buf_printf(c->out, "{...on %.*s", MER_FMT(op->entity->name));
    }
    print_selection(c, &all);
    if (op->entity) {
        mer_buf_add_char(c->out, '}');
    }
}

// ---- the pieces ----

// As it stands inside a JSON string.
static struct mer_slice escaped(struct mer_arena *a, const struct mer_buf *text)
{
    struct mer_buf b;
    mer_buf_init(&b, a, text->n + 16);
    mer_json_write_string(&b, mer_buf_slice(text));
    return mer_slice_make(b.p + 1, b.n - 2);
}

static struct mer_slice declare(struct mer_arena *a, const struct mer_ast_variable *v)
{
    struct mer_buf b;
    mer_buf_init(&b, a, 64);
    mer_buf_printf(&b, "$%.*s:", MER_FMT(v->name));
    mer_print_type(&b, v->type);
    if (v->default_value) {
        mer_buf_add_char(&b, '=');
        mer_print_value_min(&b, v->default_value);
    }
    return escaped(a, &b);
}

// "r3", unless the client has a variable of that name.
static struct mer_slice reps_name(struct mer_arena *a, const struct mer_plan_fetch *f,
                                  const struct mer_ast_operation *op)
{
    struct mer_slice name = mer_arena_printf(a, "r%u", f->index);
    for (uint32_t i = 0; i < op->variables_n; i++) {
        if (mer_slice_eq(op->variables[i]->name, name)) {
            name = mer_arena_printf(a, "%.*s_", MER_FMT(name));
            i = UINT32_MAX; // from the first
        }
    }
    return name;
}

static bool is_reserved(const struct mer_fetch_op *op)
{
    for (uint32_t i = 0; i < op->fields_n; i++) {
        if (mer_slice_starts(op->fields[i]->key, MER_S("_e"))) {
            return true;
        }
    }
    return false;
}

void mer_fetch_text_print(struct mer_arena *a, const struct mer_plan_fetch *f,
                          const struct mer_ast_operation *op, const struct mer_variables *vars,
                          struct mer_fetch_text *out)
{
    struct mer_buf body;
    struct printing c = {.a = a, .fetch = f, .op = op, .vars = vars, .out = &body};
    mer_buf_init(&body, a, 256);
    mer_buf_init(&c.fragments, a, 64);
    c.used = MER_NEW_N(a, bool, op->variables_n + 1);
    *out = (struct mer_fetch_text){0};
    if (f->kind == MER_FETCH_ENTITY) {
        out->reps = reps_name(a, f, op);
        print_entities(&c);
    } else {
        out->reserved = is_reserved(&f->op);
        print_fields(&c, f->op.fields, f->op.fields_n);
    }
    out->selection = escaped(a, &body);
    out->fragments = escaped(a, &c.fragments);
    out->variables = MER_NEW_N(a, uint32_t, op->variables_n + 1);
    out->declared = MER_NEW_N(a, struct mer_slice, op->variables_n + 1);
    for (uint32_t i = 0; i < op->variables_n; i++) {
        if (c.used[i]) {
            out->declared[out->variables_n] = declare(a, op->variables[i]);
            out->variables[out->variables_n++] = i;
        }
    }
}

static bool varies(struct mer_fetch_field *const *fields, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (fields[i]->kept_if.n || varies(fields[i]->children, fields[i]->children_n)) {
            return true;
        }
    }
    return false;
}

// ---- fetches that are alike ----

static bool same_fields(struct mer_arena *a, const struct mer_fetch_field *x, const struct mer_fetch_field *y)
{
    bool same = x->children_n == y->children_n && x->slots_n == y->slots_n;
    for (uint32_t i = 0; same && i < x->children_n; i++) {
        const struct mer_fetch_field *f = x->children[i], *g = y->children[i];
        same = mer_slice_eq(f->key, g->key) && f->field == g->field && f->slot == g->slot &&
               mer_types_equal(&f->on, &g->on) &&
               mer_arguments_equal(a, f->arguments, f->arguments_n, g->arguments, g->arguments_n) &&
               same_fields(a, f, g);
    }
    return same;
}

static bool are_alike(struct mer_arena *a, const struct mer_plan_fetch *x, const struct mer_plan_fetch *y)
{
    const struct mer_fetch_field all = {
        .children = x->op.fields, .children_n = x->op.fields_n, .slots_n = x->op.slots_n};
    const struct mer_fetch_field other = {
        .children = y->op.fields, .children_n = y->op.fields_n, .slots_n = y->op.slots_n};
    return x->kind == y->kind && x->text && x->source == y->source && x->op.entity == y->op.entity &&
           same_fields(a, &all, &other);
}

static uint64_t hash_of(const struct mer_fetch_field *f, uint64_t h)
{
    h = mer_hash_mix(h, (uint64_t)f->children_n << 32 | f->slots_n);
    for (uint32_t i = 0; i < f->children_n; i++) {
        h = mer_hash_mix(h, (uintptr_t)f->children[i]->field);
        h = hash_of(f->children[i], mer_hash_mix(h, f->children[i]->slot));
    }
    return h;
}

// Fetches by what may be alike: the first of each hash, and the next after each.
struct likes {
    struct mer_map first;
    uint64_t *hashes;
    uint32_t *next;
};

static uint32_t first_like(struct mer_arena *a, const struct mer_plan *plan, uint32_t i, struct likes *l)
{
    const struct mer_plan_fetch *f = plan->fetches[i];
    if (f->kind != MER_FETCH_ENTITY || !f->text) {
        return i;
    }
    struct mer_fetch_field all = {
        .children = f->op.fields, .children_n = f->op.fields_n, .slots_n = f->op.slots_n};
    l->hashes[i] = hash_of(&all, mer_hash_mix(f->source, (uintptr_t)f->op.entity));
    l->next[i] = UINT32_MAX;
    struct mer_slice key = {(const char *)&l->hashes[i], sizeof(l->hashes[i])};
    uint32_t k = (uint32_t)(uintptr_t)mer_map_get(&l->first, key) - 1, last = k;
    for (; k != UINT32_MAX; last = k, k = l->next[k]) {
        if (are_alike(a, plan->fetches[k], f)) {
            return k;
        }
    }
    if (last == UINT32_MAX) {
        mer_map_add(&l->first, key, (void *)(uintptr_t)(i + 1));
    } else {
        l->next[last] = i;
    }
    return i;
}

// A plan of a graph of one source alone names it by its number in the gateway.
static bool is_rows(const struct mer_graph *g, uint32_t source)
{
    for (uint32_t i = 0; i < g->sources_n; i++) {
        if (g->sources[i].index == source) {
            return g->sources[i].rows;
        }
    }
    return true;
}

void mer_fetch_texts(struct mer_arena *a, struct mer_arena *scratch, struct mer_plan *plan)
{
    struct likes likes = {.hashes = MER_NEW_N(scratch, uint64_t, plan->fetches_n + 1),
                          .next = MER_NEW_N(scratch, uint32_t, plan->fetches_n + 1)};
    mer_map_init(&likes.first, scratch);
    for (uint32_t i = 0; i < plan->fetches_n; i++) {
        struct mer_plan_fetch *f = plan->fetches[i];
        bool asked = f->kind == MER_FETCH_ROOT || f->kind == MER_FETCH_ENTITY;
        if (asked && !is_rows(plan->graph, f->source) && !varies(f->op.fields, f->op.fields_n)) {
            struct mer_fetch_text *text = MER_NEW(a, struct mer_fetch_text);
            mer_fetch_text_print(a, f, plan->operation, NULL, text);
            f->text = text;
        }
        f->like = first_like(scratch, plan, i, &likes);
    }
}
