// SPDX-License-Identifier: MIT
#include "planner/fetch.h"

bool mer_kept(const struct mer_kept_if *k, const struct mer_variables *vars)
{
    if (k->n == 0) {
        return true;
    }
    for (uint32_t i = 0; i < k->n; i++) {
        const struct mer_condition *c = k->items[i];
        while (c && mer_selection_kept(c->directives, vars)) {
            c = c->outer;
        }
        if (!c) {
            return true;
        }
    }
    return false;
}
