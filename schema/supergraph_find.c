// SPDX-License-Identifier: MIT
#include "schema/supergraph.h"

const struct mer_subgraph *mer_supergraph_subgraph(const struct mer_supergraph *sg, struct mer_slice name)
{
    for (uint32_t i = 0; i < sg->subgraphs_n; i++)
        if (mer_slice_eq(sg->subgraphs[i].name, name))
            return &sg->subgraphs[i];
    return NULL;
}

const struct mer_join_type *mer_supergraph_type(const struct mer_supergraph *sg, struct mer_slice type)
{
    return mer_map_get(&sg->types, type);
}

const struct mer_join_type_in *mer_supergraph_type_in(const struct mer_supergraph *sg, struct mer_slice type,
                                                      uint32_t g)
{
    const struct mer_join_type *t = mer_supergraph_type(sg, type);
    return t && g < sg->subgraphs_n ? t->in[g] : NULL;
}

const struct mer_join_field_set *mer_supergraph_field(const struct mer_supergraph *sg, struct mer_slice type,
                                                      struct mer_slice field)
{
    const struct mer_join_type *t = mer_supergraph_type(sg, type);
    const struct mer_field *f = t && t->fields ? mer_map_get(&t->type->fields_by_name, field) : NULL;
    return f ? &t->fields[f->index] : NULL;
}

const struct mer_join_field *mer_supergraph_field_in(const struct mer_supergraph *sg, struct mer_slice type,
                                                     struct mer_slice field, uint32_t g)
{
    const struct mer_join_field_set *set = mer_supergraph_field(sg, type, field);
    for (uint32_t i = 0; set && i < set->in_n; i++)
        if (set->in[i].subgraph == g)
            return &set->in[i];
    return NULL;
}

const struct mer_join_key *mer_supergraph_keys(const struct mer_supergraph *sg, struct mer_slice type,
                                               uint32_t g, uint32_t *n)
{
    const struct mer_join_type_in *in = mer_supergraph_type_in(sg, type, g);
    *n = in ? in->keys_n : 0;
    return *n ? in->keys : NULL;
}

bool mer_supergraph_resolves(const struct mer_supergraph *sg, struct mer_slice type, struct mer_slice field,
                             uint32_t g)
{
    const struct mer_join_field *f = mer_supergraph_field_in(sg, type, field, g);
    return f && !f->external && !f->used_overridden;
}

struct mer_slice mer_supergraph_spec_name(const struct mer_supergraph *sg, struct mer_slice directive)
{
    const struct mer_slice *name = mer_map_get(&sg->spec_names, directive);
    return name ? *name : MER_NIL;
}
