// SPDX-License-Identifier: MIT
#include "resolvers/site.h"

#include "resolvers/postgres/pool.h"

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

uint64_t mer_site_losses(const struct mer_site *s, uint32_t place)
{
    struct mer_pg_pool_stats st = {0};
    if (s->links && s->links[place].read) {
        mer_pg_pool_stats(s->links[place].read, &st);
    }
    return st.losses;
}

bool mer_site_is_abreast(const struct mer_site *s, uint32_t place)
{
    if (!s->places[place].sql || s->places[place].role != MER_ROLE_REPLICA) {
        return true;
    }
    return !mer_board_is_behind(s->board, place) &&
           mer_board_polled(s->board, place) == mer_site_losses(s, place);
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
