// SPDX-License-Identifier: MIT
// The walk over a document, which knows at each node what type stands there.
#include "schema/directive_location.h"
#include "schema/validate_priv.h"

static const struct mer_type *composite(const struct mer_type *t)
{
    return t && mer_type_is_composite(t) ? t : NULL;
}

static void named_type(struct mer_validator *v, struct mer_slice name, struct mer_loc loc)
{
    if (mer_v_on(v, MER_RULE_KNOWN_TYPE_NAMES))
        mer_v_known_type(v, name, loc);
}

static struct mer_v_place place_of(const struct mer_input *in)
{
    if (!in || !mer_type_is_input(in->type.type))
        return (struct mer_v_place){0};
    return (struct mer_v_place){.type = {.ref = &in->type}, .has_default = in->default_value != NULL};
}

// ---- directives ----

static const struct mer_input *find_input(const struct mer_input *inputs, uint32_t n, struct mer_slice name)
{
    for (uint32_t i = 0; i < n; i++)
        if (mer_slice_eq(inputs[i].name, name))
            return &inputs[i];
    return NULL;
}

static void directives(struct mer_validator *v, const struct mer_ast_directives *ds, uint32_t location)
{
    for (uint32_t i = 0; i < ds->n && !v->stop; i++) {
        const struct mer_ast_directive *d = ds->items[i];
        const struct mer_directive_def *def = mer_schema_directive(v->s, d->name);
        if (!v->collect)
            mer_v_directive(v, d, def, location);
        for (uint32_t j = 0; j < d->arguments_n; j++) {
            const struct mer_ast_argument *arg = d->arguments[j];
            const struct mer_input *in = def ? find_input(def->arguments, def->arguments_n, arg->name) : NULL;
            mer_v_value(v, arg->value, place_of(in));
        }
        if (def && mer_v_on(v, MER_RULE_PROVIDED_REQUIRED_ARGUMENTS))
            mer_v_directive_required(v, d, def);
    }
}

// ---- selections ----

static void selection_set(struct mer_validator *v, const struct mer_ast_selection_set *set,
                          const struct mer_type *type);
static void selections(struct mer_validator *v, const struct mer_ast_selection_set *set,
                       const struct mer_type *type);

static void field(struct mer_validator *v, const struct mer_ast_selection *sel, const struct mer_type *parent)
{
    const struct mer_field *def = parent ? mer_schema_field(v->s, parent, sel->name) : NULL;
    if (!v->collect)
        mer_v_field(v, sel, parent, def);
    for (uint32_t i = 0; i < sel->arguments_n; i++) {
        const struct mer_ast_argument *arg = sel->arguments[i];
        const struct mer_input *in = def ? mer_field_argument(def, arg->name) : NULL;
        if (!v->collect)
            mer_v_field_argument(v, arg, parent, def, in);
        mer_v_value(v, arg->value, place_of(in));
    }
    directives(v, &sel->directives, MER_DIRLOC_FIELD);
    if (sel->selections)
        selection_set(v, sel->selections, def ? def->type.type : NULL);
    if (def && mer_v_on(v, MER_RULE_PROVIDED_REQUIRED_ARGUMENTS))
        mer_v_field_required(v, sel, def);
}

static void inline_fragment(struct mer_validator *v, const struct mer_ast_selection *sel,
                            const struct mer_type *type)
{
    const struct mer_type *parent = composite(type);
    if (sel->condition.n)
        type = mer_schema_type(v->s, sel->condition);
    if (type && mer_v_on(v, MER_RULE_FRAGMENTS_ON_COMPOSITE_TYPES) && sel->condition.n && !composite(type))
        mer_v_report(v, &sel->condition_loc, 1, "Fragment cannot condition on non composite type \"%.*s\".",
                     MER_FMT(sel->condition));
    if (mer_v_on(v, MER_RULE_POSSIBLE_FRAGMENT_SPREADS))
        mer_v_possible_spread(v, parent, composite(type), MER_NIL, sel->loc);
    mer_v_unique_directives(v, &sel->directives);
    if (sel->condition.n)
        named_type(v, sel->condition, sel->condition_loc);
    mer_v_defer(v, &sel->directives, parent);
    directives(v, &sel->directives, MER_DIRLOC_INLINE_FRAGMENT);
    selections(v, sel->selections, type);
}

static void spread(struct mer_validator *v, const struct mer_ast_selection *sel, const struct mer_type *type)
{
    const struct mer_fragment *f = mer_map_get(&v->fragments.by_name, sel->name);
    if (!f && mer_v_on(v, MER_RULE_KNOWN_FRAGMENT_NAMES))
        mer_v_report(v, &sel->name_loc, 1, "Unknown fragment \"%.*s\".", MER_FMT(sel->name));
    if (f && mer_v_on(v, MER_RULE_POSSIBLE_FRAGMENT_SPREADS))
        mer_v_possible_spread(v, composite(type), composite(mer_schema_type(v->s, f->ast->condition)),
                              sel->name, sel->loc);
    mer_v_unique_directives(v, &sel->directives);
    mer_v_defer(v, &sel->directives, composite(type));
    directives(v, &sel->directives, MER_DIRLOC_FRAGMENT_SPREAD);
}

static void selections(struct mer_validator *v, const struct mer_ast_selection_set *set,
                       const struct mer_type *type)
{
    for (uint32_t i = 0; i < set->n && !v->stop; i++) {
        const struct mer_ast_selection *sel = set->items[i];
        if (sel->kind == MER_SEL_FIELD)
            field(v, sel, composite(type));
        else if (sel->kind == MER_SEL_SPREAD)
            spread(v, sel, type);
        else
            inline_fragment(v, sel, type);
    }
}

// What stands in inline fragments belongs to the level around them and is compared there.
static void selection_set(struct mer_validator *v, const struct mer_ast_selection_set *set,
                          const struct mer_type *type)
{
    if (mer_v_on(v, MER_RULE_OVERLAPPING_FIELDS))
        mer_v_merge(v, composite(type), set);
    selections(v, set, type);
}

// ---- operations and fragments ----

static void type_names(struct mer_validator *v, const struct mer_ast_type *t)
{
    while (t->of)
        t = t->of;
    named_type(v, t->name, t->loc);
}

static void variable(struct mer_validator *v, const struct mer_ast_variable *var)
{
    struct mer_type_ref *ref = MER_NEW(v->a, struct mer_type_ref);
    bool known = mer_type_ref_of(v->s, var->type, ref);
    if (known && !mer_type_is_input(ref->type)) {
        if (mer_v_on(v, MER_RULE_VARIABLES_ARE_INPUT_TYPES)) {
            struct mer_slice shown = mer_v_print_ref(v, ref);
            mer_v_report(v, &var->type->loc, 1, "Variable \"$%.*s\" cannot be non-input type \"%.*s\".",
                         MER_FMT(var->name), MER_FMT(shown));
        }
        known = false;
    }
    mer_v_unique_directives(v, &var->directives);
    type_names(v, var->type);
    if (var->default_value)
        mer_v_value(v, var->default_value, (struct mer_v_place){.type = {.ref = known ? ref : NULL}});
    directives(v, &var->directives, MER_DIRLOC_VARIABLE_DEFINITION);
}

static void operation(struct mer_validator *v, const struct mer_ast_operation *op, uint32_t index)
{
    static const uint32_t locations[3] = {MER_DIRLOC_QUERY, MER_DIRLOC_MUTATION, MER_DIRLOC_SUBSCRIPTION};
    static const char *const kinds[3] = {"query", "mutation", "subscription"};
    const struct mer_type *root = v->s->roots[op->kind];
    v->op = op;
    v->fragment = NULL;
    if (!root && mer_v_on(v, MER_RULE_KNOWN_OPERATION_TYPES))
        mer_v_report(v, &op->loc, 1, "The %s operation is not supported by the schema.", kinds[op->kind]);
    if (mer_v_on(v, MER_RULE_UNIQUE_OPERATION_NAMES))
        mer_v_operation_names(v, op);
    if (mer_v_on(v, MER_RULE_LONE_ANONYMOUS_OPERATION))
        mer_v_lone_anonymous(v, op);
    if (mer_v_on(v, MER_RULE_SINGLE_FIELD_SUBSCRIPTIONS))
        mer_v_single_field_subscription(v, op);
    if (mer_v_on(v, MER_RULE_UNIQUE_VARIABLE_NAMES))
        mer_v_unique_variables(v, op);
    mer_v_unique_directives(v, &op->directives);
    for (uint32_t i = 0; !v->collect && i < op->variables_n; i++)
        variable(v, op->variables[i]);
    directives(v, &op->directives, locations[op->kind]);
    selection_set(v, op->selections, root);
    if (!v->collect)
        mer_v_variable_uses(v, op, index);
}

static void fragment(struct mer_validator *v, const struct mer_ast_fragment *f)
{
    v->op = NULL;
    v->fragment = f;
    const struct mer_type *type = mer_schema_type(v->s, f->condition);
    if (type && !composite(type) && mer_v_on(v, MER_RULE_FRAGMENTS_ON_COMPOSITE_TYPES))
        mer_v_report(v, &f->condition_loc, 1,
                     "Fragment \"%.*s\" cannot condition on non composite type \"%.*s\".", MER_FMT(f->name),
                     MER_FMT(f->condition));
    if (mer_v_on(v, MER_RULE_UNIQUE_FRAGMENT_NAMES))
        mer_v_fragment_names(v, f);
    if (mer_v_on(v, MER_RULE_NO_FRAGMENT_CYCLES))
        mer_v_fragment_cycles(v, f);
    mer_v_unique_directives(v, &f->directives);
    named_type(v, f->condition, f->condition_loc);
    directives(v, &f->directives, MER_DIRLOC_FRAGMENT_DEFINITION);
    selection_set(v, f->selections, type);
}

static void inputs(struct mer_validator *v, struct mer_ast_input *const *in, uint32_t n, uint32_t location)
{
    for (uint32_t i = 0; i < n && !v->stop; i++) {
        mer_v_unique_directives(v, &in[i]->directives);
        type_names(v, in[i]->type);
        directives(v, &in[i]->directives, location);
    }
}

// A type definition has no business here, which was said; what its types and directives are called still
// counts.
static void definition(struct mer_validator *v, const struct mer_ast_definition *d)
{
    static const uint32_t locations[] = {
        MER_DIRLOC_SCHEMA, MER_DIRLOC_SCALAR, MER_DIRLOC_OBJECT,       MER_DIRLOC_INTERFACE,
        MER_DIRLOC_UNION,  MER_DIRLOC_ENUM,   MER_DIRLOC_INPUT_OBJECT, MER_DIRLOC_SCHEMA,
    };
    mer_v_unique_directives(v, &d->directives);
    for (uint32_t i = 0; d->kind != MER_DEF_DIRECTIVE && i < d->names_n; i++)
        named_type(v, d->names[i].name, d->names[i].loc);
    directives(v, &d->directives, locations[d->kind]);
    for (uint32_t i = 0; i < d->roots_n; i++)
        named_type(v, d->roots[i].type.name, d->roots[i].type.loc);
    for (uint32_t i = 0; i < d->fields_n && !v->stop; i++) {
        mer_v_unique_directives(v, &d->fields[i]->directives);
        inputs(v, d->fields[i]->arguments, d->fields[i]->arguments_n, MER_DIRLOC_ARGUMENT_DEFINITION);
        type_names(v, d->fields[i]->type);
        directives(v, &d->fields[i]->directives, MER_DIRLOC_FIELD_DEFINITION);
    }
    inputs(v, d->inputs, d->inputs_n,
           d->kind == MER_DEF_INPUT ? MER_DIRLOC_INPUT_FIELD_DEFINITION : MER_DIRLOC_ARGUMENT_DEFINITION);
    for (uint32_t i = 0; i < d->values_n && !v->stop; i++) {
        mer_v_unique_directives(v, &d->values[i]->directives);
        directives(v, &d->values[i]->directives, MER_DIRLOC_ENUM_VALUE);
    }
}

void mer_v_collect(struct mer_validator *v)
{
    v->operation_usages = MER_NEW_N(v->a, struct mer_usages, v->doc->operations_n + 1);
    v->fragment_usages = MER_NEW_N(v->a, struct mer_usages, v->doc->fragments_n + 1);
    for (uint32_t i = 0; i < v->doc->operations_n; i++) {
        v->collect = &v->operation_usages[i];
        operation(v, v->doc->operations[i], i);
    }
    for (uint32_t i = 0; i < v->doc->fragments_n; i++) {
        v->collect = &v->fragment_usages[i];
        fragment(v, v->doc->fragments[i]);
    }
    v->collect = NULL;
}

void mer_v_walk(struct mer_validator *v)
{
    if (mer_v_on(v, MER_RULE_EXECUTABLE_DEFINITIONS))
        mer_v_executable(v);
    for (uint32_t i = 0; i < v->doc->entries_n && !v->stop; i++) {
        const struct mer_ast_entry *e = &v->doc->entries[i];
        if (e->kind == MER_ENTRY_OPERATION)
            operation(v, v->doc->operations[e->index], e->index);
        else if (e->kind == MER_ENTRY_FRAGMENT)
            fragment(v, v->doc->fragments[e->index]);
        else
            definition(v, v->doc->definitions[e->index]);
    }
    if (mer_v_on(v, MER_RULE_NO_UNUSED_FRAGMENTS))
        mer_v_unused_fragments(v);
}
