// SPDX-License-Identifier: MIT
// Rules at a directive.
#include "schema/directive_location.h"
#include "schema/validate_priv.h"

void mer_v_unique_directives(struct mer_validator *v, const struct mer_ast_directives *ds)
{
    struct mer_map seen;
    if (ds->n < 2 || !mer_v_on(v, MER_RULE_UNIQUE_DIRECTIVES_PER_LOCATION))
        return;
    mer_map_init(&seen, v->a);
    for (uint32_t i = 0; i < ds->n && !v->stop; i++) {
        struct mer_ast_directive *d = ds->items[i];
        const struct mer_directive_def *def = mer_schema_directive(v->s, d->name);
        if (!def || def->repeatable)
            continue;
        const struct mer_ast_directive *first = mer_map_get(&seen, d->name);
        if (first) {
            struct mer_loc locs[2] = {first->loc, d->loc};
            mer_v_report(v, locs, 2, "The directive \"@%.*s\" can only be used once at this location.",
                         MER_FMT(d->name));
        } else {
            mer_map_put(&seen, d->name, d);
        }
    }
}

static bool has_argument(const struct mer_directive_def *def, struct mer_slice name)
{
    for (uint32_t i = 0; i < def->arguments_n; i++)
        if (mer_slice_eq(def->arguments[i].name, name))
            return true;
    return false;
}

static void unknown_arguments(struct mer_validator *v, const struct mer_ast_directive *d,
                              const struct mer_directive_def *def)
{
    for (uint32_t i = 0; i < d->arguments_n; i++) {
        if (has_argument(def, d->arguments[i]->name))
            continue;
        struct mer_names names = {.a = v->a};
        for (uint32_t j = 0; v->suggestions && j < def->arguments_n; j++)
            mer_names_add(&names, def->arguments[j].name);
        struct mer_slice hint = mer_v_suggest(v, NULL, &names, d->arguments[i]->name);
        mer_v_report(v, &d->arguments[i]->loc, 1, "Unknown argument \"%.*s\" on directive \"@%.*s\".%.*s",
                     MER_FMT(d->arguments[i]->name), MER_FMT(d->name), MER_FMT(hint));
    }
}

static void deprecated_arguments(struct mer_validator *v, const struct mer_ast_directive *d,
                                 const struct mer_directive_def *def)
{
    struct mer_slice reason;
    for (uint32_t i = 0; i < d->arguments_n; i++)
        for (uint32_t j = 0; j < def->arguments_n; j++)
            if (mer_slice_eq(def->arguments[j].name, d->arguments[i]->name) &&
                mer_deprecation(&def->arguments[j].directives, &reason))
                mer_v_report(v, &d->arguments[i]->loc, 1,
                             "Directive \"@%.*s\" argument \"%.*s\" is deprecated. %.*s", MER_FMT(d->name),
                             MER_FMT(d->arguments[i]->name), MER_FMT(reason));
}

void mer_v_directive(struct mer_validator *v, const struct mer_ast_directive *d,
                     const struct mer_directive_def *def, uint32_t location)
{
    if (mer_v_on(v, MER_RULE_KNOWN_DIRECTIVES)) {
        if (!def)
            mer_v_report(v, &d->loc, 1, "Unknown directive \"@%.*s\".", MER_FMT(d->name));
        else if (!(def->locations & location))
            mer_v_report(v, &d->loc, 1, "Directive \"@%.*s\" may not be used on %s.", MER_FMT(d->name),
                         mer_directive_location_name(location));
    }
    if (def && mer_v_on(v, MER_RULE_KNOWN_ARGUMENT_NAMES))
        unknown_arguments(v, d, def);
    mer_v_unique_arguments(v, d->arguments, d->arguments_n);
    if (def && mer_v_on(v, MER_RULE_NO_DEPRECATED))
        deprecated_arguments(v, d, def);
}

void mer_v_directive_required(struct mer_validator *v, const struct mer_ast_directive *d,
                              const struct mer_directive_def *def)
{
    for (uint32_t i = 0; i < def->arguments_n; i++) {
        const struct mer_input *in = &def->arguments[i];
        bool given = !mer_input_required(in);
        for (uint32_t j = 0; !given && j < d->arguments_n; j++)
            given = mer_slice_eq(d->arguments[j]->name, in->name);
        if (given)
            continue;
        struct mer_slice type = mer_v_print_ref(v, &in->type);
        mer_v_report(
            v, &d->loc, 1,
            "Directive \"@%.*s\" argument \"%.*s\" of type \"%.*s\" is required, but it was not provided.",
            MER_FMT(d->name), MER_FMT(in->name), MER_FMT(type));
    }
}
