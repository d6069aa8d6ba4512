// SPDX-License-Identifier: MIT
#include "planner/rows.h"

#include "planner/tier.h"

static bool has_directive(const struct mer_ast_directives *ds, const char *name)
{
    return mer_ast_directive_find(ds, mer_slice_of(name)) != NULL;
}

const struct mer_type *mer_rows_type(const struct mer_schema *s, const struct mer_type *t)
{
    const struct mer_field *edges =
        t->kind == MER_TYPE_OBJECT ? mer_schema_field(s, t, MER_S("edges")) : NULL;
    const struct mer_field *node = edges ? mer_schema_field(s, edges->type.type, MER_S("node")) : NULL;
    return node ? node->type.type : t;
}

bool mer_type_is_business(const struct mer_type *t)
{
    return has_directive(&t->directives, "table") && !has_directive(&t->directives, "everyone");
}

void mer_rows_note(struct mer_plan_fetch *f, const struct mer_field *field, const struct mer_type *type)
{
    const struct mer_type *rows = mer_rows_type(f->op.schema, type);
    f->resident = f->resident || has_directive(&rows->directives, "resident") ||
                  (field && has_directive(&field->directives, "resident"));
    f->rows = f->rows || f->write || mer_type_is_business(rows);
}

static int32_t argument_index(const struct mer_field *f, struct mer_slice name)
{
    for (uint32_t i = 0; i < f->arguments_n; i++) {
        if (mer_slice_eq(f->arguments[i].name, name)) {
            return (int32_t)i;
        }
    }
    return -1;
}

// GraphQL's enum Tier is upper case, names outside GraphQL are lower case: the words are the same.
static uint32_t tier_bit(struct mer_slice name)
{
    for (int t = MER_TIER_EDGE; t <= MER_TIER_GLOBAL; t++) {
        if (mer_slice_ieq(name, mer_slice_of(mer_tier_name((enum mer_tier)t)))) {
            return 1u << t;
        }
    }
    return 0;
}

static uint32_t tiers_served(const struct mer_field *f)
{
    const struct mer_ast_directive *d = mer_ast_directive_find(&f->directives, MER_S("tier"));
    const struct mer_ast_value *v = d ? mer_ast_argument_find(d, MER_S("serves")) : NULL;
    uint32_t set = 0;
    for (uint32_t i = 0; v && i < v->n; i++) {
        set |= tier_bit(v->items[i]->text);
    }
    return set ? set : ~0u;
}

static uint32_t cache_seconds(const struct mer_field *f)
{
    const struct mer_ast_directive *d = mer_ast_directive_find(&f->directives, MER_S("cacheControl"));
    const struct mer_ast_value *v = d ? mer_ast_argument_find(d, MER_S("maxAge")) : NULL;
    uint64_t n = 0;
    return v && mer_slice_to_u64(v->text, &n) && n < UINT32_MAX ? (uint32_t)n : 0;
}

void mer_rows_place(struct mer_plan_fetch *f, const struct mer_field *root)
{
    f->serves = tiers_served(root);
    f->max_age_s = cache_seconds(root);
    const struct mer_ast_directive *d = mer_ast_directive_find(&root->directives, MER_S("partition"));
    const struct mer_ast_value *arg = d ? mer_ast_argument_find(d, MER_S("arg")) : NULL;
    // A node id carries region and facility, so an `id` argument cuts as well as a declared partition does.
    f->partition_arg = argument_index(root, arg ? arg->text : MER_S("id"));
    f->combiner = MER_COMBINE_ONE;
    if (has_directive(&root->directives, "kpi")) {
        f->combiner = MER_COMBINE_KPI;
    } else if (f->partition_arg >= 0 && root->arguments[f->partition_arg].type.depth > 0) {
        f->combiner = MER_COMBINE_ORDERED_MERGE;
    }
}

bool mer_rows_merge_key(const struct mer_schema *s, const struct mer_field *field, uint32_t depth,
                        const struct mer_field **lacks)
{
    const struct mer_type *type = field->type.type;
    if (depth == 2 && mer_slice_is(field->name, "edges")) {
        *lacks = mer_schema_field(s, type, MER_S("cursor"));
    } else if (depth == 1) {
        *lacks = mer_schema_field(s, type, MER_S("edges"));
    } else {
        *lacks = NULL;
    }
    return *lacks != NULL;
}
