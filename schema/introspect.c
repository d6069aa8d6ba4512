// SPDX-License-Identifier: MIT
// The selections are first made into a small program, once: fragments followed, conditions decided, equal
// keys merged, arguments read. Then it runs over the schema and writes.
#include "schema/introspect.h"

#include "schema/fragments.h"
#include "schema/printer.h"

#define ANSWER_MAX (64u << 20)

// Fields of the introspection types, in the order of the built-in definitions.
enum schema_field { S_DESCRIPTION, S_TYPES, S_QUERY, S_MUTATION, S_SUBSCRIPTION, S_DIRECTIVES };
enum type_field {
    T_KIND,
    T_NAME,
    T_DESCRIPTION,
    T_SPECIFIED_BY,
    T_FIELDS,
    T_INTERFACES,
    T_POSSIBLE,
    T_VALUES,
    T_INPUTS,
    T_OF_TYPE,
    T_ONE_OF,
};
enum field_field { F_NAME, F_DESCRIPTION, F_ARGS, F_TYPE, F_DEPRECATED, F_REASON };
enum input_field { I_NAME, I_DESCRIPTION, I_TYPE, I_DEFAULT, I_DEPRECATED, I_REASON };
enum value_field { V_NAME, V_DESCRIPTION, V_DEPRECATED, V_REASON };
enum directive_field { D_NAME, D_DESCRIPTION, D_REPEATABLE, D_LOCATIONS, D_ARGS };

struct node { // one field of the answer
    struct mer_slice key;
    const struct mer_field *def;
    const struct mer_ast_selection *first;
    struct mer_spreads same; // every selection of this key
    uint32_t same_cap;
    bool deprecated; // includeDeprecated
    struct program *below;
};

struct program {
    struct mer_slice type; // name, for __typename
    struct mer_map by_key; // struct node *, in order
};

struct run {
    struct mer_arena *a;
    const struct mer_schema *s;
    const struct mer_variables *vars;
    struct mer_fragments fragments;
    uint32_t stamp;
    struct mer_buf *out;
    enum mer_err err;
};

// ---- making the program ----

static void add(struct run *r, struct program *p, const struct mer_type *type,
                const struct mer_ast_selection *sel)
{
    struct mer_slice key = mer_ast_response_key(sel);
    struct node *n = mer_map_get(&p->by_key, key);
    if (!n) {
        const struct mer_field *def = mer_schema_field(r->s, type, sel->name);
        if (!def) {
            r->err = MER_ERR_INVALID;
            return;
        }
        n = MER_NEW(r->a, struct node);
        n->key = key;
        n->def = def;
        n->first = sel;
        mer_map_put(&p->by_key, key, n);
    }
    if (n->same.n == n->same_cap) {
        n->same_cap = n->same_cap ? n->same_cap * 2 : 1;
        const struct mer_ast_selection **grown = mer_arena_alloc(r->a, n->same_cap * sizeof(*grown));
        if (n->same.n)
            memcpy(grown, n->same.items, n->same.n * sizeof(*grown));
        n->same.items = grown;
    }
    n->same.items[n->same.n++] = sel;
}

static void collect(struct run *r, struct program *p, const struct mer_type *type,
                    const struct mer_ast_selection_set *set)
{
    for (uint32_t i = 0; i < set->n && r->err == MER_OK; i++) {
        const struct mer_ast_selection *sel = set->items[i];
        if (!mer_selection_kept(&sel->directives, r->vars))
            continue;
        if (sel->kind == MER_SEL_FIELD) {
            add(r, p, type, sel);
        } else if (sel->kind == MER_SEL_INLINE) {
            if (!sel->condition.n || mer_slice_eq(sel->condition, type->name))
                collect(r, p, type, sel->selections);
        } else {
            struct mer_fragment *f = mer_map_get(&r->fragments.by_name, sel->name);
            if (!f || f->stamp == r->stamp || !mer_slice_eq(f->ast->condition, type->name))
                continue;
            f->stamp = r->stamp;
            collect(r, p, type, f->ast->selections);
        }
    }
}

static bool include_deprecated(struct run *r, const struct node *n)
{
    struct mer_in **args;
    if (!n->def->arguments_n)
        return false;
    if (mer_coerce_arguments(r->a, r->s, n->def->arguments, n->def->arguments_n, n->first->arguments,
                             n->first->arguments_n, r->vars, &args, NULL) != MER_OK) {
        r->err = MER_ERR_INVALID;
        return false;
    }
    return args[0] && args[0]->kind == MER_IN_BOOLEAN && args[0]->boolean;
}

// The program of everything that `same` select below themselves.
static struct program *compile(struct run *r, const struct mer_type *type, struct mer_spreads same)
{
    struct program *p = MER_NEW(r->a, struct program);
    p->type = type->name;
    mer_map_init(&p->by_key, r->a);
    if (mer_arena_exhausted(r->a))
        r->err = MER_ERR_LIMIT;
    r->stamp++;
    for (uint32_t i = 0; i < same.n; i++)
        if (same.items[i]->selections)
            collect(r, p, type, same.items[i]->selections);
    MER_MAP_EACH(&p->by_key, e)
    {
        struct node *n = e->value;
        if (r->err != MER_OK)
            break;
        if (mer_type_is_composite(n->def->type.type)) {
            n->below = compile(r, n->def->type.type, n->same);
            n->deprecated = include_deprecated(r, n);
        }
    }
    return p;
}

// ---- writing ----

static void put(struct run *r, const char *text)
{
    mer_buf_add_cstr(r->out, text);
}

static void put_string(struct run *r, struct mer_slice text)
{
    if (text.p)
        mer_json_write_string(r->out, text);
    else
        put(r, "null");
}

static void put_bool(struct run *r, bool value)
{
    put(r, value ? "true" : "false");
}

static void put_reason(struct run *r, const struct mer_ast_directives *ds)
{
    struct mer_slice reason = MER_NIL;
    (void)mer_deprecation(ds, &reason);
    put_string(r, reason);
}

struct typed { // a type, or a level of a reference
    const struct mer_type *type;
    const struct mer_type_ref *ref; // NULL: the type itself
    uint32_t level;
    bool inner; // the level's own non-null is behind us
};

// Opens each object, names each key and hands the field to `one`.
typedef void (*field_fn)(struct run *r, const struct node *n, const void *of);

static void object(struct run *r, const struct program *p, field_fn one, const void *of)
{
    bool first = true;
    if (r->out->n > ANSWER_MAX || mer_arena_exhausted(r->a) || (r->out->a && mer_arena_exhausted(r->out->a)))
        r->err = MER_ERR_LIMIT;
    if (r->err != MER_OK)
        return;
    put(r, "{");
    MER_MAP_EACH(&p->by_key, e)
    {
        const struct node *n = e->value;
        put(r, first ? "" : ",");
        first = false;
        mer_json_write_string(r->out, n->key);
        put(r, ":");
        if (n->def == r->s->typename_field)
            put_string(r, p->type);
        else
            one(r, n, of);
    }
    put(r, "}");
}

static void type_field(struct run *r, const struct node *n, const void *of);

static void put_type(struct run *r, const struct program *p, const struct mer_type *t)
{
    struct typed typed = {.type = t};
    if (t)
        object(r, p, type_field, &typed);
    else
        put(r, "null");
}

static void put_ref(struct run *r, const struct program *p, const struct mer_type_ref *ref)
{
    struct typed typed = {.type = ref->type, .ref = ref};
    object(r, p, type_field, &typed);
}

static void put_types(struct run *r, const struct program *p, const struct mer_type *const *types, uint32_t n)
{
    put(r, "[");
    for (uint32_t i = 0; i < n && r->err == MER_OK; i++) {
        put(r, i ? "," : "");
        put_type(r, p, types[i]);
    }
    put(r, "]");
}

static void input_field(struct run *r, const struct node *n, const void *of)
{
    const struct mer_input *in = of;
    struct mer_buf b;
    switch ((enum input_field)n->def->index) {
    case I_NAME:
        put_string(r, in->name);
        return;
    case I_DESCRIPTION:
        put_string(r, in->description);
        return;
    case I_TYPE:
        put_ref(r, n->below, &in->type);
        return;
    case I_DEFAULT:
        mer_buf_init(&b, r->a, 32);
        put_string(r, mer_print_default(&b, r->a, in) ? mer_buf_slice(&b) : MER_NIL);
        return;
    case I_DEPRECATED:
        put_bool(r, mer_deprecation(&in->directives, NULL));
        return;
    case I_REASON:
        put_reason(r, &in->directives);
        return;
    }
}

static void put_inputs(struct run *r, const struct node *n, const struct mer_input *in, uint32_t count)
{
    bool first = true;
    put(r, "[");
    for (uint32_t i = 0; i < count; i++) {
        if (!n->deprecated && mer_deprecation(&in[i].directives, NULL))
            continue;
        put(r, first ? "" : ",");
        first = false;
        object(r, n->below, input_field, &in[i]);
    }
    put(r, "]");
}

static void field_field(struct run *r, const struct node *n, const void *of)
{
    const struct mer_field *f = of;
    switch ((enum field_field)n->def->index) {
    case F_NAME:
        put_string(r, f->name);
        return;
    case F_DESCRIPTION:
        put_string(r, f->description);
        return;
    case F_ARGS:
        put_inputs(r, n, f->arguments, f->arguments_n);
        return;
    case F_TYPE:
        put_ref(r, n->below, &f->type);
        return;
    case F_DEPRECATED:
        put_bool(r, mer_deprecation(&f->directives, NULL));
        return;
    case F_REASON:
        put_reason(r, &f->directives);
        return;
    }
}

static void value_field(struct run *r, const struct node *n, const void *of)
{
    const struct mer_enum_value *v = of;
    switch ((enum value_field)n->def->index) {
    case V_NAME:
        put_string(r, v->name);
        return;
    case V_DESCRIPTION:
        put_string(r, v->description);
        return;
    case V_DEPRECATED:
        put_bool(r, mer_deprecation(&v->directives, NULL));
        return;
    case V_REASON:
        put_reason(r, &v->directives);
        return;
    }
}

static void put_fields(struct run *r, const struct node *n, const struct mer_type *t)
{
    bool first = true;
    put(r, "[");
    for (uint32_t i = 0; i < t->fields_n; i++) {
        if (!n->deprecated && mer_deprecation(&t->fields[i].directives, NULL))
            continue;
        put(r, first ? "" : ",");
        first = false;
        object(r, n->below, field_field, &t->fields[i]);
    }
    put(r, "]");
}

static void put_values(struct run *r, const struct node *n, const struct mer_type *t)
{
    bool first = true;
    put(r, "[");
    for (uint32_t i = 0; i < t->values_n; i++) {
        if (!n->deprecated && mer_deprecation(&t->values[i].directives, NULL))
            continue;
        put(r, first ? "" : ",");
        first = false;
        object(r, n->below, value_field, &t->values[i]);
    }
    put(r, "]");
}

// A list or non-null level of a reference: only its kind and what it is of.
static void wrapper_field(struct run *r, const struct node *n, const struct typed *t, bool non_null)
{
    struct typed of = *t;
    if (n->def->index == T_KIND) {
        put(r, non_null ? "\"NON_NULL\"" : "\"LIST\"");
    } else if (n->def->index != T_OF_TYPE) {
        put(r, "null");
    } else {
        of.inner = non_null;
        of.level += !non_null;
        object(r, n->below, type_field, &of);
    }
}

static void type_members(struct run *r, const struct node *n, const struct mer_type *t)
{
    bool has_fields = t->kind == MER_TYPE_OBJECT || t->kind == MER_TYPE_INTERFACE;
    bool abstract = t->kind == MER_TYPE_UNION || t->kind == MER_TYPE_INTERFACE;
    enum type_field which = (enum type_field)n->def->index;
    if (which == T_FIELDS && has_fields)
        put_fields(r, n, t);
    else if (which == T_INTERFACES && has_fields)
        put_types(r, n->below, t->interfaces, t->interfaces_n);
    else if (which == T_POSSIBLE && abstract)
        put_types(r, n->below, t->possible, t->possible_n);
    else if (which == T_VALUES && t->kind == MER_TYPE_ENUM)
        put_values(r, n, t);
    else if (which == T_INPUTS && t->kind == MER_TYPE_INPUT)
        put_inputs(r, n, t->inputs, t->inputs_n);
    else
        put(r, "null");
}

static void type_field(struct run *r, const struct node *n, const void *of)
{
    static const char *const kinds[] = {"\"SCALAR\"", "\"OBJECT\"", "\"INTERFACE\"",
                                        "\"UNION\"",  "\"ENUM\"",   "\"INPUT_OBJECT\""};
    const struct typed *typed = of;
    const struct mer_type *t = typed->type;
    bool non_null = typed->ref && !typed->inner && mer_ref_non_null(typed->ref, typed->level);
    if (non_null || (typed->ref && typed->level < typed->ref->depth)) {
        wrapper_field(r, n, typed, non_null);
        return;
    }
    switch ((enum type_field)n->def->index) {
    case T_KIND:
        put(r, kinds[t->kind]);
        return;
    case T_NAME:
        put_string(r, t->name);
        return;
    case T_DESCRIPTION:
        put_string(r, t->description);
        return;
    case T_SPECIFIED_BY:
        put_string(r, t->kind == MER_TYPE_SCALAR ? mer_type_specified_by(t) : MER_NIL);
        return;
    case T_ONE_OF:
        put(r, t->kind != MER_TYPE_INPUT ? "null" : t->one_of ? "true" : "false");
        return;
    default:
        type_members(r, n, t);
    }
}

static void directive_field(struct run *r, const struct node *n, const void *of)
{
    const struct mer_directive_def *d = of;
    switch ((enum directive_field)n->def->index) {
    case D_NAME:
        put_string(r, d->name);
        return;
    case D_DESCRIPTION:
        put_string(r, d->description);
        return;
    case D_REPEATABLE:
        put_bool(r, d->repeatable);
        return;
    case D_LOCATIONS:
        put(r, "[");
        for (uint32_t i = 0; i < d->ast->names_n; i++) {
            put(r, i ? "," : "");
            put_string(r, d->ast->names[i].name);
        }
        put(r, "]");
        return;
    case D_ARGS:
        put_inputs(r, n, d->arguments, d->arguments_n);
        return;
    }
}

static void schema_field(struct run *r, const struct node *n, const void *of)
{
    const struct mer_schema *s = of;
    switch ((enum schema_field)n->def->index) {
    case S_DESCRIPTION:
        put_string(r, s->description);
        return;
    case S_TYPES:
        put_types(r, n->below, s->listed, s->types_n);
        return;
    case S_QUERY:
        put_type(r, n->below, s->roots[MER_OP_QUERY]);
        return;
    case S_MUTATION:
        put_type(r, n->below, s->roots[MER_OP_MUTATION]);
        return;
    case S_SUBSCRIPTION:
        put_type(r, n->below, s->roots[MER_OP_SUBSCRIPTION]);
        return;
    case S_DIRECTIVES:
        put(r, "[");
        for (uint32_t i = 0; i < s->directives_n; i++) {
            put(r, i ? "," : "");
            object(r, n->below, directive_field, &s->directives[i]);
        }
        put(r, "]");
        return;
    }
}

// ---- the two fields ----

static void answer(struct run *r, const struct mer_ast_selection *field, const struct program *p)
{
    struct mer_in **args;
    if (mer_slice_is(field->name, "__schema")) {
        object(r, p, schema_field, r->s);
        return;
    }
    const struct mer_field *def = r->s->type_field;
    if (mer_coerce_arguments(r->a, r->s, def->arguments, def->arguments_n, field->arguments,
                             field->arguments_n, r->vars, &args, NULL) != MER_OK)
        r->err = MER_ERR_INVALID;
    else
        put_type(r, p, mer_schema_type(r->s, args[0]->text));
}

enum mer_err mer_introspect_fields(struct mer_arena *a, const struct mer_schema *s,
                                   const struct mer_ast_document *doc,
                                   const struct mer_ast_selection *const *fields, uint32_t n,
                                   const struct mer_variables *vars, struct mer_buf *out)
{
    struct run r = {.a = a, .s = s, .vars = vars, .out = out};
    const struct mer_field *def = NULL;
    if (n && mer_slice_is(fields[0]->name, "__schema"))
        def = s->schema_field;
    else if (n && mer_slice_is(fields[0]->name, "__type"))
        def = s->type_field;
    if (!def)
        return MER_ERR_INVALID;
    mer_fragments_init(&r.fragments, a, doc);
    struct mer_spreads same = {.items = MER_NEW_N(a, const struct mer_ast_selection *, n), .n = n};
    memcpy(same.items, fields, n * sizeof(*fields));
    const struct program *p = compile(&r, def->type.type, same);
    if (r.err == MER_OK)
        answer(&r, fields[0], p);
    return r.err;
}

enum mer_err mer_introspect_field(struct mer_arena *a, const struct mer_schema *s,
                                  const struct mer_ast_document *doc, const struct mer_ast_selection *field,
                                  const struct mer_variables *vars, struct mer_buf *out)
{
    return mer_introspect_fields(a, s, doc, &field, 1, vars, out);
}
