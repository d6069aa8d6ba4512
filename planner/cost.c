// SPDX-License-Identifier: MIT
#include "planner/cost.h"

#include <stdlib.h>

#include "base/log.h"
#include "planner/federation.h"
#include "schema/values.h"

#define COST_MAX (UINT64_C(1) << 53) // exact in JSON

struct cost_variant {
    struct cost_field *fields;
    uint32_t n;
};

struct cost_field {
    const struct mer_shape_field *f;
    uint64_t weight;
    bool by_entry; // the weight counts for each entry
    bool list;
    uint64_t assumed;                // @listSize(assumedSize:); 0: none
    const struct mer_slice *slicing; // arguments that say how many
    uint32_t slicing_n;
    struct cost_shape *sub; // NULL: nothing below
};

// Many fields may lead to one shape of the plan: it is built and counted once.
struct cost_shape {
    uint32_t index;
    struct cost_variant *variants;
    uint32_t variants_n;
    bool costs; // something in it does
};

struct mer_cost {
    struct cost_variant root;
    uint32_t shapes_n;
    bool is_constant; // no variable matters
    uint64_t constant;
    const struct mer_shape_field *dearest;
};

struct builder {
    struct mer_arena *a;
    const struct mer_graph *graph;
    struct mer_map shapes; // shape of the plan (its address) → struct cost_shape *
    bool varies;
};

// ---- reading directives ----

static uint64_t int_argument(const struct mer_ast_directive *d, struct mer_slice name, uint64_t otherwise)
{
    const struct mer_ast_value *v = mer_ast_argument_find(d, name);
    uint64_t n = 0;
    bool number =
        v && (v->kind == MER_VALUE_INT || v->kind == MER_VALUE_STRING) && mer_slice_to_u64(v->text, &n);
    return number ? n : otherwise;
}

static void add_slicing(struct builder *b, struct cost_field *c, const struct mer_ast_value *v)
{
    if (!v || (v->kind != MER_VALUE_STRING && v->kind != MER_VALUE_LIST)) {
        return;
    }
    uint32_t n = v->kind == MER_VALUE_LIST ? v->n : 1;
    struct mer_slice *names = MER_NEW_N(b->a, struct mer_slice, n);
    for (uint32_t i = 0; i < n; i++) {
        names[i] = v->kind == MER_VALUE_LIST ? v->items[i]->text : v->text;
    }
    c->slicing = names;
    c->slicing_n = n;
}

static const struct mer_ast_directive *named(const struct mer_ast_directives *ds, struct mer_slice linked,
                                             struct mer_slice name)
{
    const struct mer_ast_directive *d = linked.n ? mer_ast_directive_find(ds, linked) : NULL;
    return d ? d : mer_ast_directive_find(ds, name);
}

static void read_directives(struct builder *b, struct cost_field *c, const struct mer_ast_directives *ds)
{
    const struct mer_federation *f = b->graph->federation;
    const struct mer_ast_directive *cost = named(ds, f->cost_name, MER_S("cost"));
    const struct mer_ast_directive *size = named(ds, f->list_size_name, MER_S("listSize"));
    if (size) {
        c->assumed = int_argument(size, MER_S("assumedSize"), c->assumed);
        add_slicing(b, c, mer_ast_argument_find(size, MER_S("slicingArguments")));
    }
    if (cost) {
        const struct mer_ast_value *by = mer_ast_argument_find(cost, MER_S("by"));
        c->weight = int_argument(cost, MER_S("weight"), c->weight);
        c->by_entry = by && by->kind == MER_VALUE_STRING;
        add_slicing(b, c, by);
    }
}

// What a supergraph says, which clients are not told, and what stands in a source's own SDL, most of which
// composition drops. Of a type: what each field that answers it costs.
static void read_field(struct builder *b, struct cost_field *c)
{
    const struct mer_field *f = c->f->field;
    const struct mer_type *t = mer_schema_type(b->graph->types, f->parent->name);
    const struct mer_field *whole = t && t->fields_n ? mer_map_get(&t->fields_by_name, f->name) : NULL;
    const struct mer_type *answer = mer_schema_type(b->graph->types, f->type.type->name);
    if (answer) {
        read_directives(b, c, &answer->directives);
    }
    read_directives(b, c, whole ? &whole->directives : &f->directives);
    const struct mer_fed_type *in = whole ? mer_fed_type(b->graph->federation, t) : NULL;
    for (uint32_t i = 0; in && in->fields && i < in->fields[whole->index].in_n; i++) {
        read_directives(b, c, &in->fields[whole->index].in[i].field->directives);
    }
}

// ---- building ----

static struct mer_slice variable_of(const struct mer_ast_value *v)
{
    return v && v->kind == MER_VALUE_VARIABLE ? v->text : MER_NIL;
}

static const struct mer_ast_value *given(const struct mer_shape_field *f, struct mer_slice name)
{
    for (uint32_t i = 0; i < f->ast->arguments_n; i++) {
        if (mer_slice_eq(f->ast->arguments[i]->name, name)) {
            return f->ast->arguments[i]->value;
        }
    }
    return NULL;
}

static struct cost_variant build_variant(struct builder *b, const struct mer_shape_variant *v);

static struct cost_shape *build_shape(struct builder *b, const struct mer_shape *shape)
{
    struct mer_slice at = mer_slice_make((const char *)&shape, sizeof(shape));
    struct cost_shape *s = mer_map_get(&b->shapes, at);
    if (s) {
        return s;
    }
    s = MER_NEW(b->a, struct cost_shape);
    s->variants_n = shape->variants_n;
    s->variants = MER_NEW_N(b->a, struct cost_variant, s->variants_n + 1);
    for (uint32_t i = 0; i < s->variants_n; i++) {
        s->variants[i] = build_variant(b, &shape->variants[i]);
        s->costs = s->costs || s->variants[i].n > 0;
    }
    const struct mer_shape **key = MER_NEW(b->a, const struct mer_shape *);
    *key = shape;
    s->index = b->shapes.count;
    mer_map_add(&b->shapes, mer_slice_make((const char *)key, sizeof(shape)), s);
    return s;
}

static bool build_field(struct builder *b, const struct mer_shape_field *f, struct cost_field *c)
{
    if (f->kind != MER_SHAPE_DATA || !f->field) {
        return false;
    }
    *c = (struct cost_field){.f = f, .weight = f->sub ? 1 : 0, .list = f->field->type.depth > 0};
    read_field(b, c);
    c->sub = f->sub ? build_shape(b, f->sub) : NULL;
    if (c->weight == 0 && !(c->sub && c->sub->costs)) {
        return false;
    }
    b->varies = b->varies || f->kept_if.n > 0;
    for (uint32_t i = 0; i < c->slicing_n; i++) {
        b->varies = b->varies || variable_of(given(f, c->slicing[i])).n > 0;
    }
    return true;
}

static struct cost_variant build_variant(struct builder *b, const struct mer_shape_variant *v)
{
    struct cost_variant out = {MER_NEW_N(b->a, struct cost_field, v->fields_n + 1), 0};
    for (uint32_t i = 0; i < v->fields_n; i++) {
        out.n += build_field(b, &v->fields[i], &out.fields[out.n]);
    }
    return out;
}

// ---- counting ----

static uint64_t plus(uint64_t a, uint64_t b)
{
    return a + b < COST_MAX ? a + b : COST_MAX; // both are at most COST_MAX
}

static uint64_t times(uint64_t a, uint64_t b)
{
    uint64_t out = 0;
    return __builtin_mul_overflow(a, b, &out) || out > COST_MAX ? COST_MAX : out;
}

static uint64_t number(struct mer_slice text)
{
    int64_t n = 0;
    return mer_slice_to_i64(text, &n) && n > 0 ? (uint64_t)n : 0;
}

static bool literal_size(const struct mer_ast_value *v, uint64_t *out)
{
    if (v && (v->kind == MER_VALUE_INT || v->kind == MER_VALUE_LIST)) {
        *out = v->kind == MER_VALUE_INT ? number(v->text) : v->n;
        return true;
    }
    return false;
}

static bool coerced_size(const struct mer_in *v, uint64_t *out)
{
    if (v && (v->kind == MER_IN_INT || v->kind == MER_IN_LIST)) {
        *out = v->kind == MER_IN_INT ? number(v->text) : v->n;
        return true;
    }
    return false;
}

// How many one argument asks for: as given, else its default.
static bool argument_size(const struct mer_shape_field *f, struct mer_slice name,
                          const struct mer_variables *vars, uint64_t *out)
{
    const struct mer_ast_value *v = given(f, name);
    struct mer_slice variable = variable_of(v);
    if (variable.n ? coerced_size(vars ? mer_map_get(&vars->by_name, variable) : NULL, out)
                   : literal_size(v, out)) {
        return true;
    }
    const struct mer_input *def = mer_field_argument(f->field, name);
    return def && literal_size(def->default_value, out);
}

static bool size_of(const struct cost_field *c, const struct mer_variables *vars, uint64_t *out)
{
    bool known = false;
    uint64_t n = 0;
    for (uint32_t i = 0; i < c->slicing_n; i++) {
        if (argument_size(c->f, c->slicing[i], vars, &n)) {
            *out = known && *out > n ? *out : n;
            known = true;
        }
    }
    if (!known && c->assumed) {
        *out = c->assumed;
        known = true;
    }
    return known;
}

// While it is counted: what a shape costs is known once one of its fields was met, for they all ask for the
// same number of entries.
struct counting {
    const struct mer_variables *vars;
    uint64_t *shapes; // by their index; UINT64_MAX: not yet
};

static uint64_t count_variant(struct counting *k, const struct cost_variant *v, const uint64_t *handed);

static uint64_t count_shape(struct counting *k, const struct cost_shape *s, const uint64_t *handed)
{
    if (k->shapes[s->index] == UINT64_MAX) {
        uint64_t most = 0;
        for (uint32_t i = 0; i < s->variants_n; i++) {
            uint64_t n = count_variant(k, &s->variants[i], handed);
            most = n > most ? n : most;
        }
        k->shapes[s->index] = most;
    }
    return k->shapes[s->index];
}

// handed: how many entries the connection above asks for, or NULL.
static uint64_t count_field(struct counting *k, const struct cost_field *c, const uint64_t *handed)
{
    if (!mer_kept(&c->f->kept_if, k->vars)) {
        return 0;
    }
    uint64_t size = MER_COST_LIST_DEFAULT;
    bool known = size_of(c, k->vars, &size);
    if (c->list && !known && handed) {
        size = *handed;
    }
    uint64_t below = c->sub ? count_shape(k, c->sub, known && !c->list ? &size : NULL) : 0;
    uint64_t own = c->by_entry ? times(c->weight, size) : c->weight;
    return plus(own < COST_MAX ? own : COST_MAX, c->list ? times(below, size) : below);
}

static uint64_t count_variant(struct counting *k, const struct cost_variant *v, const uint64_t *handed)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < v->n; i++) {
        sum = plus(sum, count_field(k, &v->fields[i], handed));
    }
    return sum;
}

static uint64_t count_fields(struct counting *k, const struct mer_cost *c,
                             const struct mer_shape_field **dearest)
{
    uint64_t sum = 0, most = 0;
    *dearest = NULL;
    for (uint32_t i = 0; i < c->root.n; i++) {
        uint64_t n = count_field(k, &c->root.fields[i], NULL);
        if (n > most) {
            most = n;
            *dearest = c->root.fields[i].f;
        }
        sum = plus(sum, n);
    }
    return sum;
}

static uint64_t count_root(const struct mer_cost *c, const struct mer_variables *vars,
                           const struct mer_shape_field **dearest)
{
    uint64_t few[64];
    bool many = c->shapes_n > sizeof(few) / sizeof(few[0]);
    struct counting k = {vars, many ? malloc(c->shapes_n * sizeof(uint64_t)) : few};
    MER_ASSERT(k.shapes);
    memset(k.shapes, 0xff, c->shapes_n * sizeof(uint64_t));
    uint64_t sum = count_fields(&k, c, dearest);
    if (many) {
        free(k.shapes);
    }
    return sum;
}

struct mer_cost *mer_cost_build(struct mer_arena *a, const struct mer_plan *plan)
{
    struct builder b = {.a = a, .graph = plan->graph};
    struct mer_cost *c = MER_NEW(a, struct mer_cost);
    mer_map_init(&b.shapes, a);
    c->root = build_variant(&b, plan->shape->variants);
    c->shapes_n = b.shapes.count;
    if (!b.varies) {
        c->constant = count_root(c, NULL, &c->dearest);
        c->is_constant = true;
    }
    return c;
}

uint64_t mer_cost_count(const struct mer_cost *c, const struct mer_variables *vars,
                        const struct mer_shape_field **dearest)
{
    const struct mer_shape_field *most = c->dearest;
    uint64_t n = c->is_constant ? c->constant : count_root(c, vars, &most);
    if (dearest) {
        *dearest = most;
    }
    return n;
}
