// SPDX-License-Identifier: MIT
// What the validator's files share. One walk over the document (validate_walk.c) calls the rules at each
// node, in the order of enum mer_rule; a walk before it collects where variables are used.
#ifndef MER_SCHEMA_VALIDATE_PRIV_H
#define MER_SCHEMA_VALIDATE_PRIV_H

#include "base/buf.h"
#include "schema/fragments.h"
#include "schema/suggest.h"
#include "schema/types_priv.h"
#include "schema/validate.h"

// An input type at one level of a reference; ref NULL: not known. `bare`: its own non-null does not count.
struct mer_in_type {
    const struct mer_type_ref *ref;
    uint32_t level;
    bool bare;
};

struct mer_usage { // of a variable
    const struct mer_ast_value *value;
    struct mer_in_type type;
    bool has_default;              // the place has one of its own
    const struct mer_type *one_of; // the value is a field of this oneOf input object
};

struct mer_usages {
    struct mer_usage *items;
    uint32_t n, cap;
};

struct cycles;
struct mer_merge; // overlapping fields (validate_merge.c)

struct mer_validator {
    struct mer_arena *a;
    const struct mer_schema *s;
    const struct mer_ast_document *doc;
    uint32_t rules, max_errors;
    bool suggestions;
    struct mer_validation_error *errors;
    uint32_t errors_n, errors_cap;
    bool stop;
    bool too_much; // a bound on work was reached
    struct mer_fragments fragments;
    struct mer_usages *fragment_usages;  // by fragment
    struct mer_usages *operation_usages; // by operation
    struct mer_usages *collect;          // where usages go in the first walk; NULL in the second
    const struct mer_ast_operation *op;  // that is walked; NULL in fragments
    const struct mer_ast_fragment *fragment;
    struct mer_map defer_labels;   // struct mer_ast_directive *
    const bool *subscribed;        // by fragment: a subscription reaches it; NULL: not looked for yet
    uint32_t values_muted;         // inside a value that was refused as a whole
    uint8_t *introspection_levels; // by fragment: nested lists of introspection
    struct mer_map operation_names, fragment_names;
    uint32_t stamp; // last one given to a fragment
    struct mer_merge *merge;
    struct cycles *cycles; // validate_document.c
};

// May null stand where this variable is given to a field of a oneOf input object?
static inline bool mer_v_may_be_null(const struct mer_ast_variable *var)
{
    bool filled = var->default_value && var->default_value->kind != MER_VALUE_NULL;
    return !filled && !var->type->non_null;
}

// Does the rule speak now?
static inline bool mer_v_on(const struct mer_validator *v, uint32_t rule)
{
    return !v->collect && !v->stop && (v->rules & rule);
}

// ---- errors (validate.c) ----
void mer_v_report(struct mer_validator *v, const struct mer_loc *locs, uint32_t n, const char *fmt, ...)
    MER_PRINTF(4, 5);
struct mer_slice mer_v_print_value(struct mer_validator *v, const struct mer_ast_value *value);
struct mer_slice mer_v_print_in_type(struct mer_validator *v, struct mer_in_type t);
struct mer_slice mer_v_print_ref(struct mer_validator *v, const struct mer_type_ref *t);
// ` Did you mean …?` out of the names that are near to `input`; nothing where suggestions are off.
struct mer_slice mer_v_suggest(struct mer_validator *v, const char *what, struct mer_names *names,
                               struct mer_slice input);

static inline bool mer_in_is_list(struct mer_in_type t)
{
    return t.ref && t.level < t.ref->depth;
}
static inline bool mer_in_non_null(struct mer_in_type t)
{
    return t.ref && !t.bare && mer_ref_non_null(t.ref, t.level);
}
static inline bool mer_input_required(const struct mer_input *in)
{
    return !in->default_value && mer_ref_non_null(&in->type, 0);
}
static inline bool mer_type_is_input(const struct mer_type *t)
{
    return mer_type_is_leaf(t) || t->kind == MER_TYPE_INPUT;
}

// ---- the walk (validate_walk.c, validate_values.c) ----
void mer_v_walk(struct mer_validator *v);
void mer_v_collect(struct mer_validator *v);
struct mer_v_place {
    struct mer_in_type type;
    bool has_default;
    const struct mer_type *one_of;
};
void mer_v_value(struct mer_validator *v, const struct mer_ast_value *value, struct mer_v_place at);

// ---- rules ----
// validate_document.c
void mer_v_executable(struct mer_validator *v);
void mer_v_operation_names(struct mer_validator *v, const struct mer_ast_operation *op);
void mer_v_lone_anonymous(struct mer_validator *v, const struct mer_ast_operation *op);
void mer_v_single_field_subscription(struct mer_validator *v, const struct mer_ast_operation *op);
void mer_v_fragment_names(struct mer_validator *v, const struct mer_ast_fragment *f);
void mer_v_fragment_cycles(struct mer_validator *v, const struct mer_ast_fragment *f);
void mer_v_unused_fragments(struct mer_validator *v);
void mer_v_known_type(struct mer_validator *v, struct mer_slice name, struct mer_loc loc);
// Does `parent` leave objects for a fragment on `type`? `spread` is empty for inline fragments.
void mer_v_possible_spread(struct mer_validator *v, const struct mer_type *parent,
                           const struct mer_type *type, struct mer_slice spread, struct mer_loc loc);
// validate_fields.c
void mer_v_field(struct mer_validator *v, const struct mer_ast_selection *sel, const struct mer_type *parent,
                 const struct mer_field *def);
void mer_v_field_required(struct mer_validator *v, const struct mer_ast_selection *sel,
                          const struct mer_field *def);
void mer_v_field_argument(struct mer_validator *v, const struct mer_ast_argument *arg,
                          const struct mer_type *parent, const struct mer_field *def,
                          const struct mer_input *input);
void mer_v_unique_arguments(struct mer_validator *v, struct mer_ast_argument *const *args, uint32_t n);
// validate_directives.c
void mer_v_unique_directives(struct mer_validator *v, const struct mer_ast_directives *ds);
void mer_v_directive(struct mer_validator *v, const struct mer_ast_directive *d,
                     const struct mer_directive_def *def, uint32_t location);
void mer_v_directive_required(struct mer_validator *v, const struct mer_ast_directive *d,
                              const struct mer_directive_def *def);
// validate_defer.c: of a fragment that stands among what is asked of `parent`
void mer_v_defer(struct mer_validator *v, const struct mer_ast_directives *ds, const struct mer_type *parent);
// validate_variables.c
void mer_v_unique_variables(struct mer_validator *v, const struct mer_ast_operation *op);
void mer_v_variable_uses(struct mer_validator *v, const struct mer_ast_operation *op, uint32_t index);
// validate_merge.c
void mer_v_merge_begin(struct mer_validator *v);
void mer_v_merge(struct mer_validator *v, const struct mer_type *parent,
                 const struct mer_ast_selection_set *set);

#endif
