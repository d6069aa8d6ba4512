// SPDX-License-Identifier: MIT
// Which field it was to which no way leads.
#include "planner/choose_priv.h"

#define LEVELS_MAX 64u

// What lacks a way below a unit, by the first source that might answer the unit; NULL: nothing that is asked
// below it.
static const struct mer_unit *missing_below(struct mer_chooser *c, const struct mer_unit *u,
                                            const struct mer_home *home, struct mer_home *below)
{
    const struct mer_candidate *cands = NULL;
    uint32_t n = u->sub ? mer_unit_candidates(c->selector, u, &cands) : 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct mer_fed_field_in *in = cands[i].in;
        const struct mer_asked *asked = NULL;
        const struct mer_solution *none = NULL;
        const struct mer_unit *missing = NULL;
        if (in->external || mer_field_is_leaf(in->field)) {
            continue;
        }
        const struct mer_home *at = home && home->source == in->source ? home : NULL;
        if (!mer_choose_below(c, u, in, at, !home, below, &asked) &&
            mer_choose(c, asked, below, 1, &none, &missing) == MER_ERR_INVALID && missing) {
            return missing;
        }
    }
    return NULL;
}

const struct mer_unit *mer_choose_missing(struct mer_chooser *c, const struct mer_unit *u)
{
    struct mer_home homes[2];
    const struct mer_home *home = NULL;
    for (uint32_t level = 0; level < LEVELS_MAX; level++) {
        struct mer_home *below = &homes[level % 2];
        const struct mer_unit *missing = missing_below(c, u, home, below);
        if (!missing) {
            break;
        }
        u = missing;
        home = below;
    }
    return u;
}
