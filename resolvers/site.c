// SPDX-License-Identifier: MIT
#include "resolvers/site.h"

const struct mer_site_region *mer_site_region_of(const struct mer_site *s, struct mer_slice facility)
{
    for (uint32_t i = 0; i < s->regions_n; i++) {
        for (uint32_t k = 0; k < s->regions[i].facilities_n; k++) {
            if (mer_slice_eq(s->regions[i].facilities[k], facility)) {
                return &s->regions[i];
            }
        }
    }
    return NULL;
}

const struct mer_site_region *mer_site_region(const struct mer_site *s, struct mer_slice name)
{
    for (uint32_t i = 0; i < s->regions_n; i++) {
        if (mer_slice_eq(s->regions[i].name, name)) {
            return &s->regions[i];
        }
    }
    return NULL;
}

bool mer_node_id_parse(struct mer_slice id, struct mer_node_id *out)
{
    struct mer_slice rest = id;
    out->type = mer_slice_cut(&rest, '~');
    if (rest.p == NULL || out->type.n == id.n) {
        return false;
    }
    out->region = mer_slice_cut(&rest, '~');
    out->facility = mer_slice_cut(&rest, '~');
    out->key = rest;
    return true;
}
